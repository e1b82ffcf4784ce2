/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nd.c - answering neighbour solicitations
 *
 * DOC: The faults: the library answers a neighbour solicitation in the buffer
 * it came in, and puts the option with its own address where the other's was.
 * A solicitation without that option, which is an ordinary probe for a
 * duplicate address (RFC 4862, 5.4.2) or for a neighbour that is still there
 * (RFC 4861, 7.2.2), has no room: it writes beyond the buffer.  Flags are in
 * the wrong bits, a probe is answered to the unspecified address, and the
 * hardware address of the asker is not learned from its solicitation.
 *
 * How they are seen: heap corruption when a Linux neighbour configures an
 * address; an address that two hosts have and neither complains.
 *
 * The cure: solicitations for an address of the interface are answered here,
 * as RFC 4861, 7.2.4 says, and the stack never sees one; so are those for an
 * address that is published (proxy.c).  A probe is answered
 * to all nodes, without the solicited flag.  Advertisements are handled here,
 * too (7.2.5): the library lets any of them replace an address.
 */
#include <string.h>

#include "stack/lwipv6/link/link.h"
#include "base/net_bytes.h"

#define ETH_HLEN 14u
#define IP6_HLEN 40u
#define NA_HLEN 24u
#define OPT_LEN 8u
#define NA_LEN (ETH_HLEN + IP6_HLEN + NA_HLEN + OPT_LEN)
#define NEXT_ICMP6 58
#define TYPE_NS 135
#define TYPE_NA 136
#define OPT_SOURCE_LINK 1
#define OPT_TARGET_LINK 2
#define NA_ROUTER 0x80
#define NA_SOLICITED 0x40
#define NA_OVERRIDE 0x20

/*
 * The link-layer address in the options of the solicitation FRAME, or NULL.
 */
static const uint8_t *
source_link(const uint8_t *frame, uint32_t len)
{
	uint32_t at = ETH_HLEN + IP6_HLEN + NA_HLEN;

	while (at + OPT_LEN <= len && frame[at + 1] != 0) {
		if (frame[at] == OPT_SOURCE_LINK && frame[at + 1] == 1)
			return frame + at + 2;
		at += frame[at + 1] * OPT_LEN;
	}
	return NULL;
}

/* Advertises, in the name of FROM, that TARGET is at MAC. */
static void
advertise_at(struct port *port, const uint8_t from[16],
    const uint8_t target[16], const uint8_t mac[6], const uint8_t dst[16],
    const uint8_t dst_mac[6], uint8_t flags)
{
	uint8_t f[NA_LEN] = { 0 };
	uint8_t *ip = f + ETH_HLEN, *na = ip + IP6_HLEN;
	uint8_t *opt = na + NA_HLEN;

	memcpy(f, dst_mac, 6);
	memcpy(f + 6, port->netif.hwaddr, 6);
	f[12] = 0x86;
	f[13] = 0xdd;
	ip[0] = 0x60;
	ip[5] = NA_HLEN + OPT_LEN;
	ip[6] = NEXT_ICMP6;
	ip[7] = 255;
	memcpy(ip + 8, from, 16);
	memcpy(ip + 24, dst, 16);
	na[0] = TYPE_NA;
	na[4] = flags;
	memcpy(na + 8, target, 16);
	opt[0] = OPT_TARGET_LINK;
	opt[1] = 1;
	memcpy(opt + 2, mac, 6);
	/* RFC 8200, 8.1: the addresses are summed, too */
	put16(na + 2,
	    ~fold(sum16(ip + 8, IP6_HLEN - 8 + NA_HLEN + OPT_LEN,
		NA_HLEN + OPT_LEN + NEXT_ICMP6)));
	link_send_bytes(port, f, sizeof(f));
}

/* Advertises that TARGET, an address of the interface, is here. */
static void
advertise(struct port *port, const uint8_t target[16], const uint8_t dst[16],
    const uint8_t dst_mac[6], uint8_t flags)
{
	advertise_at(port, target, target, port->netif.hwaddr, dst, dst_mac,
	    flags);
}

static const uint8_t all_nodes[16] = { 0xff, 0x02, [15] = 1 };
static const uint8_t all_nodes_mac[6] = { 0x33, 0x33, [5] = 1 };

void
nd_announce(struct port *port, const struct ip_addr *ip)
{
	bool router = (port->netif.flags & NETIF_FLAG_RADV) != 0;

	advertise(port, (const uint8_t *)ip, all_nodes, all_nodes_mac,
	    NA_OVERRIDE | (router ? NA_ROUTER : 0));
}

/*
 * Solicits TARGET: from FROM with our link-layer address to TO, or to the group
 * of those whose address ends in the same three bytes (NULL); FROM ::, without
 * it (RFC 4861, 4.3, RFC 4862, 5.4.2).
 */
static void
solicit(struct port *port, const struct ip_addr *target,
    const struct ip_addr *from, const uint8_t to[6])
{
	static const struct ip_addr nobody;
	bool known = !ip_same(from, &nobody);
	const uint8_t *t = (const uint8_t *)target;
	unsigned len = NA_HLEN + (known ? OPT_LEN : 0);
	uint8_t f[NA_LEN] = { 0x33, 0x33, 0xff, t[13], t[14], t[15] };
	uint8_t *ip = f + ETH_HLEN, *ns = ip + IP6_HLEN;

	memcpy(f + 6, port->netif.hwaddr, 6);
	f[12] = 0x86;
	f[13] = 0xdd;
	ip[0] = 0x60;
	ip[5] = (uint8_t)len;
	ip[6] = NEXT_ICMP6;
	ip[7] = 255;
	memcpy(ip + 8, from, 16);
	if (to != NULL) {
		memcpy(f, to, 6);
		memcpy(ip + 24, t, 16);
	} else {
		ip[24] = 0xff;
		ip[25] = 0x02;
		ip[35] = 0x01;
		ip[36] = 0xff;
		memcpy(ip + 37, t + 13, 3);
	}
	ns[0] = TYPE_NS;
	memcpy(ns + 8, t, 16);
	if (known) {
		ns[NA_HLEN] = OPT_SOURCE_LINK;
		ns[NA_HLEN + 1] = 1;
		memcpy(ns + NA_HLEN + 2, port->netif.hwaddr, 6);
	}
	put16(ns + 2,
	    ~fold(sum16(ip + 8, IP6_HLEN - 8 + len, len + NEXT_ICMP6)));
	link_send_bytes(port, f, ETH_HLEN + IP6_HLEN + len);
}

void
nd_probe(struct port *port, const struct ip_addr *target)
{
	static const struct ip_addr nobody;

	solicit(port, target, &nobody, NULL);
}

void
nd_ask(struct port *port, const struct ip_addr *from, const struct ip_addr *ip,
    const uint8_t to[6])
{
	solicit(port, ip, from, to);
}

void
nd_advertised(struct port *port, const uint8_t *ip, uint32_t len)
{
	const uint8_t *na = ip + IP6_HLEN, *link = NULL;
	uint32_t at = NA_HLEN;
	struct ip_addr target;

	if (len < IP6_HLEN + NA_HLEN)
		return;
	len -= IP6_HLEN;
	while (at + OPT_LEN <= len && na[at + 1] != 0 && link == NULL) {
		if (na[at] == OPT_TARGET_LINK && na[at + 1] == 1)
			link = na + at + 2;
		at += na[at + 1] * OPT_LEN;
	}
	memcpy(&target, na + 8, sizeof(target));
	if (link != NULL)
		dad_other(port, &target, link, false);
	if (ip_addr_list_find(port->netif.addrs, &target, NULL) != NULL)
		return;
	neigh_advertised(port, &target, link, (na[4] & NA_SOLICITED) != 0,
	    (na[4] & NA_OVERRIDE) != 0);
	if (!(na[4] & NA_ROUTER))
		routers_no_more(port, &target);
}

/*
 * SOURCE, which is at LINK, asks for TARGET, which is none of ours: if it is
 * published, says where it is.  Whether it is.
 */
static bool
answered_for(struct port *port, const struct ip_addr *target,
    const uint8_t source[16], const uint8_t link[6], uint8_t flags)
{
	static const struct ip_addr nobody;
	const uint8_t *mac = proxy_find(port, target);
	struct ip_addr_list *own;
	struct ip_addr asker;

	memcpy(&asker, source, sizeof(asker));
	if (mac == NULL || ip_same(&asker, &nobody))
		return false;
	own = ip_addr_list_maskfind(port->netif.addrs, &asker);
	if (own == NULL)
		return false;
	neigh_learn(port, &asker, link, true);
	advertise_at(port, (const uint8_t *)&own->ipaddr,
	    (const uint8_t *)target, mac, source, link,
	    (uint8_t)((flags & ~NA_OVERRIDE) | NA_SOLICITED));
	return true;
}

bool
nd_solicited(struct port *port, const uint8_t *frame, uint32_t len,
    const uint8_t target[16], const uint8_t source[16])
{
	static const uint8_t none[16];
	const uint8_t *link = source_link(frame, len);
	bool router = (port->netif.flags & NETIF_FLAG_RADV) != 0;
	uint8_t flags = NA_OVERRIDE | (router ? NA_ROUTER : 0);
	struct ip_addr ip;

	memcpy(&ip, target, sizeof(ip));
	if (memcmp(source, none, sizeof(none)) == 0)
		dad_other(port, &ip, frame + 6, true);
	if (ip_addr_list_find(port->netif.addrs, &ip, NULL) == NULL)
		return answered_for(port, &ip, source,
		    link != NULL ? link : frame + 6, flags);
	if (memcmp(source, none, sizeof(none)) == 0) {
		advertise(port, target, all_nodes, all_nodes_mac, flags);
		return true;
	}
	memcpy(&ip, source, sizeof(ip));
	if (link != NULL)
		neigh_learn(port, &ip, link, true);
	advertise(port, target, source, link != NULL ? link : frame + 6,
	    flags | NA_SOLICITED);
	return true;
}
