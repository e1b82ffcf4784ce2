/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * frag.c - datagrams larger than the MTU
 *
 * DOC: The faults: the library's ip4_frag() and ip6_frag() move the payload
 * pointers of the datagram while they copy from it, build fragments in a
 * buffer of 1500 bytes on the stack whatever the MTU is, and hand the link
 * buffers that refer to it.  Reassembling IPv6 fragments reads a buffer that
 * it has freed.
 *
 * How they are seen: a TCP segment that had to be fragmented crashes the
 * stack when it is retransmitted; a datagram above an MTU above 1500 smashes
 * the stack; an IPv6 datagram above the MTU crashes whoever receives it.
 *
 * The cure for IPv4: RFC 791, 3.2: every fragment is a buffer of its own, with
 * a copy of the header and a multiple of 8 bytes of data; the datagram is not
 * touched.  lwipv6 sets "don't fragment" on all it sends and fragments
 * nevertheless; the bit is cleared in fragments, as before.  Options, which
 * only programs with headers of their own send, are copied to all fragments
 * where they say so, and replaced by no-operations elsewhere.
 *
 * The cure for IPv6: RFC 8200, 4.5, likewise.  reass.c puts both together.
 *
 * TCP wants none of it: its segments are cut to fit instead (tcp/split.c).
 */
#include <sys/random.h>
#include <string.h>

#include "base/net_bytes.h"
#include "stack/lwipv6/ip/ip.h"

#define IP4_HLEN_MIN 20u
#define FLAG_MF 0x2000u
#define OFFSET_MASK 0x1fffu
#define IP6_HLEN 40u
#define FRAG_HLEN 8u
#define NEXT_HOP 0
#define NEXT_ROUTING 43
#define NEXT_FRAGMENT 44

__thread unsigned *frag_instead;

/* Whether a packet for MTU must not be sent in fragments; tells who asked. */
static bool
is_unwanted(unsigned mtu)
{
	if (frag_instead == NULL)
		return false;
	*frag_instead = mtu;
	return true;
}

/* Replaces options in the HLEN bytes of HDR that stay in the first fragment. */
static void
drop_options(uint8_t *hdr, unsigned hlen)
{
	unsigned i = IP4_HLEN_MIN;

	while (i < hlen && hdr[i] != 0) {
		unsigned len = hdr[i] == 1 ? 1 : i + 1 < hlen ? hdr[i + 1] : 0;

		if (hdr[i] != 1 && (len < 2 || i + len > hlen))
			return;
		if (!(hdr[i] & 0x80))
			memset(hdr + i, 1, len);
		i += len;
	}
}

/*
 * Replaces the library's: sends P, an IPv4 datagram that exceeds the MTU of
 * NETIF or of its path, to the neighbour DEST in pieces.  P is not changed.
 */
EXPORT err_t
OURS(ip4_frag)(struct stack *stack, struct pbuf *p, struct netif *netif,
    struct ip_addr *dest)
{
	uint8_t hdr[60];
	unsigned hlen, step, total, at, flags, base, mtu;
	err_t err = ERR_OK;

	(void)stack;
	if (p->tot_len < IP4_HLEN_MIN)
		return ERR_BUF;
	pbuf_read(hdr, p, 0, IP4_HLEN_MIN);
	hlen = (hdr[0] & 15u) * 4;
	total = p->tot_len;
	mtu = path_mtu(netif, hdr);
	if (is_unwanted(mtu))
		return ERR_VAL;
	if (hlen < IP4_HLEN_MIN || hlen > total || mtu < hlen + 8)
		return ERR_BUF;
	pbuf_read(hdr, p, 0, hlen);
	flags = be16(hdr + 6) & FLAG_MF;
	base = be16(hdr + 6) & OFFSET_MASK;
	step = (mtu - hlen) & ~7u;
	for (at = hlen; at < total && err == ERR_OK; at += step) {
		unsigned n = total - at < step ? total - at : step;
		struct pbuf *f;
		uint8_t *ip;

		f = pbuf_alloc(PBUF_LINK, (uint16_t)(hlen + n), PBUF_RAM);
		if (f == NULL)
			return ERR_MEM;
		ip = f->payload;
		memcpy(ip, hdr, hlen);
		pbuf_read(ip + hlen, p, at, n);
		put16(ip + 2, hlen + n);
		put16(ip + 6,
		    (at + n < total ? FLAG_MF : flags) |
			((base + (at - hlen) / 8) & OFFSET_MASK));
		put16(ip + 10, 0);
		put16(ip + 10, ~fold(sum16(ip, hlen, 0)));
		err = netif->output(netif, f, dest);
		pbuf_free(f);
		if (at == hlen)
			drop_options(hdr, hlen);
	}
	return err;
}

/* RFC 7739: identifications that do not tell how much others send. */
static uint32_t
next_id(void)
{
	static _Atomic uint32_t id;

	if (id == 0) {
		uint32_t start = 0;

		if (getrandom(&start, sizeof(start), 0) == sizeof(start))
			id = start;
	}
	return id++;
}

/*
 * Replaces the library's: likewise for IPv6.  What follows the fixed header is
 * taken apart as it is, so a packet must not begin with a header that every
 * router has to see; the stack sends none such.
 */
EXPORT err_t
OURS(ip6_frag)(struct stack *stack, struct pbuf *p, struct netif *netif,
    struct ip_addr *dest)
{
	uint8_t hdr[IP6_HLEN + FRAG_HLEN] = { 0 };
	unsigned step, total = p->tot_len, at, mtu;
	err_t err = ERR_OK;

	(void)stack;
	if (total <= IP6_HLEN)
		return ERR_BUF;
	pbuf_read(hdr, p, 0, IP6_HLEN);
	mtu = path_mtu(netif, hdr);
	if (is_unwanted(mtu))
		return ERR_VAL;
	if (mtu < sizeof(hdr) + 8 || hdr[6] == NEXT_HOP ||
	    hdr[6] == NEXT_ROUTING)
		return ERR_BUF;
	hdr[IP6_HLEN] = hdr[6];
	hdr[6] = NEXT_FRAGMENT;
	put32(hdr + IP6_HLEN + 4, next_id());
	step = (mtu - (unsigned)sizeof(hdr)) & ~7u;
	for (at = IP6_HLEN; at < total && err == ERR_OK; at += step) {
		unsigned n = total - at < step ? total - at : step;
		struct pbuf *f;
		uint8_t *ip;

		f = pbuf_alloc(PBUF_LINK, (uint16_t)(sizeof(hdr) + n),
		    PBUF_RAM);
		if (f == NULL)
			return ERR_MEM;
		ip = f->payload;
		memcpy(ip, hdr, sizeof(hdr));
		pbuf_read(ip + sizeof(hdr), p, at, n);
		put16(ip + 4, FRAG_HLEN + n);
		put16(ip + IP6_HLEN + 2, (at - IP6_HLEN) | (at + n < total));
		err = netif->output(netif, f, dest);
		pbuf_free(f);
	}
	return err;
}
