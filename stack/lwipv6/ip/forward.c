/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * forward.c - packets that a router cannot forward as they are
 *
 * DOC: The faults: the library looks at the wrong bit for "don't fragment": it
 * cuts into fragments what must not be, and refuses the last but one fragment
 * of what was fragmented before, without saying what would fit; after it has
 * sent the fragments of a packet it tries to send the whole packet as well; and
 * a packet for which it has no route is dropped without an ICMP error.  So is an
 * ICMP message whose time to live ends here, even an echo request.
 *
 * How they are seen: TCP over IPv4 stands still where the way to the peer
 * becomes narrower, since its fragments do not arrive; a program that connects
 * to a network that does not exist waits for its timeout; traceroute by ICMP
 * does not see the router.
 *
 * The cure: RFC 1812, 5.2.7.1, 5.2.7.3, 5.3.3 and 4.3.3.1, and RFC 4443, 3.3:
 * such packets are looked for
 * before the library sees them.  What goes back by the interface that it came in
 * by the library drops; that is sent from here (redirect.c).  IPv6 that is too big it refuses itself, by
 * way of unreach.c.
 */
#include <string.h>

#include "base/net_bytes.h"
#include "stack/lwipv6/ip/ip.h"

#define IP4_HLEN 20u
#define IP6_HLEN 40u
#define ETH_HLEN 14u
#define UDP_HLEN 8u
#define PROTO_UDP 17
#define DHCP_CLIENT 68
#define FLAG_DF 0x4000u
#define STACK_USERFILTER 2ul
#define LINK_SLIRP 4

/* Whether P came in a frame to a group, where IN tells. */
static bool
to_everybody(const struct pbuf *p, const struct netif *in)
{
	const uint8_t *frame = (const uint8_t *)p->payload - ETH_HLEN;

	return port_of(in) != NULL && frame >= (const uint8_t *)(p + 1) &&
	    (frame[0] & 1);
}

/* Whether the IPv4 packet P is one that routers forward. */
static bool
is_sound(const struct pbuf *p)
{
	uint8_t *ip = p->payload;
	unsigned hlen = (ip[0] & 15u) * 4;

	if (hlen < IP4_HLEN || p->len < hlen + UDP_HLEN ||
	    be16(ip + 2) > p->tot_len || inet_chksum(ip, (uint16_t)hlen) != 0)
		return false;
	return ip[9] != PROTO_UDP || (be16(ip + 6) & 0x1fff) != 0 ||
	    be16(ip + hlen + 2) != DHCP_CLIENT;
}

/* P, IPv4, is larger than what OUT takes. */
static void
too_big(struct pbuf *p, struct netif *out, struct ip_addr *hop)
{
	uint8_t *ip = p->payload;
	unsigned hlen = (ip[0] & 15u) * 4;

	if (be16(ip + 6) & FLAG_DF) {
		icmp_packet_too_big(out->stack, p, out->mtu);
		return;
	}
	ip[8]--;
	put16(ip + 10, 0);
	put16(ip + 10, ~fold(sum16(ip, hlen, 0)));
	ip4_frag(out->stack, p, out, hop);
}

/* P came by IN and goes back by it, to HOP. */
static void
send_back(struct netif *in, struct pbuf *p, struct ip_addr *hop)
{
	uint8_t *ip = p->payload;
	bool v4 = ip[0] >> 4 == 4;
	unsigned hlen = (ip[0] & 15u) * 4;
	unsigned total = v4 ? be16(ip + 2) : IP6_HLEN + be16(ip + 4);

	pbuf_realloc(p, (uint16_t)total);
	redirect_tell(in, p, hop);
	if (total > in->mtu) {
		if (v4)
			too_big(p, in, hop);
		else
			icmp_packet_too_big(in->stack, p, in->mtu);
		return;
	}
	if (v4) {
		ip[8]--;
		put16(ip + 10, 0);
		put16(ip + 10, ~fold(sum16(ip, hlen, 0)));
	} else {
		ip[7]--;
	}
	in->output(in, p, hop);
}

bool
forward_not(struct pbuf *p, struct netif *in, const struct ip_addr *to)
{
	struct stack *stack = in->stack;
	unsigned long flags = lwip_stack_flags_get(stack);
	const uint8_t *ip = p->payload;
	struct ip_addr dst = *to, src, *hop;
	bool v4 = ip[0] >> 4 == 4;
	struct netif *out;
	int ignored;

	if (!(flags & STACK_FORWARDING) || (flags & STACK_USERFILTER) ||
	    to_everybody(p, in))
		return false;
	src = ip_sender(ip);
	if (v4) {
		if (ntohl(dst.addr[3]) >> 28 >= 0xe || !is_sound(p))
			return false;
	} else {
		if (ip[24] == 0xff || ip_is_link_local(&dst) ||
		    ip_is_link_local(&src))
			return false;
	}
	if (ip_addr_list_deliveryfind(in->addrs, &dst, &src) != NULL)
		return false;
	if (ip_route_findpath(stack, &dst, &hop, &out, &ignored) != ERR_OK) {
		icmp_dest_unreach(stack, p, ICMP_FOR_NET);
	} else if (ip[v4 ? 8 : 7] <= 1) {
		/* unreach.c does not report errors about errors. */
		icmp_time_exceeded(stack, p, 0);
	} else if (out == in && port_of(in) != NULL) {
		send_back(in, p, hop);
	} else {
		if (!v4 || out->link_type == LINK_SLIRP ||
		    be16(ip + 2) <= out->mtu)
			return false;
		pbuf_realloc(p, (uint16_t)be16(ip + 2));
		too_big(p, out, hop);
	}
	pbuf_free(p);
	return true;
}
