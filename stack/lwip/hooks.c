/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hooks.c - where lwIP asks the driver
 *
 * DOC: Forwarding.  lwIP forwards between its interfaces or it does not, as it
 * was compiled; here it is compiled to, and a flag says at run time.  For IPv4
 * there is a hook for just that.  For IPv6 there is none, so a packet is looked
 * at before lwIP sees it: one whose destination is unicast, not link-local, and
 * no address of the stack would be forwarded, and is dropped where the stack is
 * no router.
 *
 * TIME_WAIT.  lwIP answers a SYN for a connection in that state by an ACK, so who
 * connects again from the same port, as a client with a fixed port does, waits
 * until the state is over.  Other systems take it (RFC 1122, 4.2.2.13) if its
 * sequence number is beyond all that the old connection had: nothing old can be
 * mistaken for it.  So the old one is removed before lwIP sees such a SYN.
 *
 * Path MTU: lwIP believes whatever a Packet Too Big says.  A value below what
 * IPv6 guarantees would have it send fragments without bytes, for ever, so it is
 * raised as soon as it can have come.
 *
 * Initial sequence numbers: RFC 6528.  A clock of 4 microseconds, plus a keyed
 * hash of the addresses and ports, so that who sees the numbers of his own
 * connections learns nothing of others'.  The hash is SipHash-2-4 (Aumasson and
 * Bernstein, 2012), its key made at start from the kernel's random numbers.
 */
#include <sys/random.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <lwip/ip6.h>
#include <lwip/netif.h>
#include <lwip/priv/nd6_priv.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/prot/ip4.h>
#include <lwip/prot/ip6.h>
#include <lwip/prot/tcp.h>

#include "base/clock.h"
#include "base/checksum.h"
#include "base/siphash.h"
#include "stack/lwip/port.h"

/* ---- connecting once more ----------------------------------------------- */

/*
 * The LEN bytes at DATA are a TCP segment from SRC to DST, or what somebody says
 * is one.
 */
static void
forget_old(const uint8_t *data, size_t len, const ip_addr_t *src,
    const ip_addr_t *dst)
{
	struct tcp_pcb *pcb;
	struct tcp_hdr h;

	if (tcp_tw_pcbs == NULL || len < sizeof(h))
		return;
	memcpy(&h, data, sizeof(h));
	if ((TCPH_FLAGS(&h) & (TCP_SYN | TCP_ACK | TCP_RST)) != TCP_SYN)
		return;
	for (pcb = tcp_tw_pcbs; pcb != NULL; pcb = pcb->next)
		if (pcb->remote_port == lwip_ntohs(h.src) &&
		    pcb->local_port == lwip_ntohs(h.dest) &&
		    ip_addr_cmp_zoneless(&pcb->remote_ip, src) &&
		    ip_addr_cmp_zoneless(&pcb->local_ip, dst))
			break;
	/* Of one in this state it frees it, and sends nothing. */
	if (pcb != NULL && TCP_SEQ_GT(lwip_ntohl(h.seqno), pcb->rcv_nxt))
		tcp_abort(pcb);
}

int
shmif_lwip_ip4_input(struct pbuf *p, struct netif *in)
{
	const struct ip_hdr *h = p->payload;
	ip_addr_t src, dst;
	size_t len;

	(void)in;
	if (p->len < IP_HLEN || IPH_PROTO(h) != IP_PROTO_TCP ||
	    (IPH_OFFSET(h) & PP_HTONS(IP_OFFMASK)) != 0)
		return 0;
	len = IPH_HL_BYTES(h);
	ip_addr_copy_from_ip4(src, h->src);
	ip_addr_copy_from_ip4(dst, h->dest);
	if (len >= IP_HLEN && len <= p->len)
		forget_old((const uint8_t *)h + len, p->len - len, &src, &dst);
	return 0;
}

/* ---- forwarding --------------------------------------------------------- */

static atomic_bool is_router;

bool
forwarding_get(void)
{
	return atomic_load(&is_router);
}

void
forwarding_set(bool on)
{
	atomic_store(&is_router, on);
}

int
shmif_lwip_forwards(void)
{
	return atomic_load_explicit(&is_router, memory_order_relaxed);
}

/* Whether DST is an address of some interface. */
static bool
is_own(const ip6_addr_t *dst)
{
	struct netif *netif;
	int i;

	NETIF_FOREACH(netif)
	{
		for (i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++)
			if (!ip6_addr_isinvalid(
				netif_ip6_addr_state(netif, i)) &&
			    ip6_addr_cmp_zoneless(dst,
				netif_ip6_addr(netif, i)))
				return true;
	}
	return false;
}

int
shmif_lwip_ip6_input(struct pbuf *p, struct netif *in)
{
	const struct ip6_hdr *h = p->payload;
	ip_addr_t from, to;
	ip6_addr_t dst;

	(void)in;
	if (p->len > IP6_HLEN && IP6H_NEXTH(h) == IP6_NEXTH_TCP) {
		ip_addr_copy_from_ip6_packed(from, h->src);
		ip_addr_copy_from_ip6_packed(to, h->dest);
		forget_old((const uint8_t *)h + IP6_HLEN, p->len - IP6_HLEN,
		    &from, &to);
	}
	if (shmif_lwip_forwards() || p->len < IP6_HLEN)
		return 0;
	ip6_addr_copy_from_packed(dst, h->dest);
	if (ip6_addr_ismulticast(&dst) || ip6_addr_islinklocal(&dst) ||
	    is_own(&dst))
		return 0;
	pbuf_free(p);
	return 1;
}

/* ---- path MTU ----------------------------------------------------------- */

void
hooks_path_floor(void)
{
	uint16_t least = IP6_MIN_MTU_LENGTH;
	struct netif *netif;
	int i;

	NETIF_FOREACH(netif)
	{
		if (port_of(netif) != NULL && netif->mtu6 < least)
			least = netif->mtu6;
	}
	for (i = 0; i < LWIP_ND6_NUM_DESTINATIONS; i++)
		if (destination_cache[i].pmtu != 0 &&
		    destination_cache[i].pmtu < least)
			destination_cache[i].pmtu = least;
}

/* ---- sequence numbers --------------------------------------------------- */

static uint8_t secret[16];

void
hooks_begin(void)
{
	arc4random_buf(secret, sizeof(secret));
}

/* Appends ADDRESS to the bytes AT.  Returns where the next ones go. */
static uint8_t *
append(uint8_t *at, const ip_addr_t *address)
{
	if (IP_IS_V6(address)) {
		memcpy(at, ip_2_ip6(address)->addr, 16);
		return at + 16;
	}
	memcpy(at, &ip_2_ip4(address)->addr, 4);
	return at + 4;
}

u32_t
shmif_lwip_isn(const ip_addr_t *local_ip, u16_t local_port,
    const ip_addr_t *remote_ip, u16_t remote_port)
{
	uint8_t bytes[16 + 16 + 2 * sizeof(u16_t)], *at = bytes;

	at = append(at, local_ip);
	at = append(at, remote_ip);
	memcpy(at, &local_port, sizeof(local_port));
	at += sizeof(local_port);
	memcpy(at, &remote_port, sizeof(remote_port));
	at += sizeof(remote_port);
	return (u32_t)siphash(secret, bytes, (size_t)(at - bytes)) +
	    (u32_t)(now_ns() / 4000);
}

/* ---- checksums ---------------------------------------------------------- */

/* LWIP_CHKSUM: the sum, not complemented. */
uint16_t
shmif_lwip_chksum(const void *data, int len)
{
	return checksum_fold(checksum_add(data, (size_t)len));
}

/* LWIP_CHKSUM_COPY: the same of what it copies. */
uint16_t
shmif_lwip_chksum_copy(void *to, const void *from, uint16_t len)
{
	return checksum_fold(checksum_copy(to, from, len));
}
