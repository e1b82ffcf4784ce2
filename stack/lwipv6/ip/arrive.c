/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arrive.c - from a frame to the packet that the library may have
 *
 * DOC: The wall (wall/wall.c) judges a frame by its bytes alone.  Here is what
 * has to be known of the interface as well, and the way that a frame takes:
 *
 *	frame -> arrive_judge() -> arrive() -> ARP, neighbour discovery
 *					    -> ip_input()
 *					    -> ip/reass.c, fragments of IPv4
 *					    -> ip/ext.c, extension headers
 *
 * The last two make another packet of what came, and hand it to arrive_again(),
 * which judges it as if it had come so; it has neither fragments nor extension
 * headers any more, so that this ends.  Both handle what is for this host only
 * (arrive_is_ours()).  The rest is a router's: the library, which forwards it,
 * looks at the IP header alone then.  Where the stack does not forward, the
 * library has no business with it.
 */
#include <string.h>

#include "base/net_bytes.h"
#include "stack/lwipv6/ip/ip.h"

#define ETH_HLEN 14u

__thread bool arrive_for_many;

enum wall_verdict
arrive_judge(const struct port *port, uint8_t *frame, uint32_t *len,
    unsigned most, struct wall_result *r)
{
	unsigned mtu = port->netif.mtu;
	size_t grown;

	if (wall_check(frame, *len, most, r) == WALL_DROP &&
	    r->reason == WALL_TCP_NO_MSS) {
		grown = wall_add_mss(frame, *len, *len + ARRIVE_ROOM, mtu);
		if (grown != 0) {
			*len = (uint32_t)grown;
			wall_check(frame, *len, most, r);
		}
	}
	if (mtu < LWIPV6_MTU_MAX && r->verdict == WALL_PASS)
		wall_clamp_mss(frame, *len, mtu);
	return r->verdict;
}

bool
arrive_is_ours(struct port *port, const uint8_t *ip)
{
	struct ip_addr src = ip_sender(ip), dst = ip_target(ip);

	if (ip_is_group(&dst))
		return group_is_ours(port, &dst);
	return ip_addr_list_deliveryfind(port->netif.addrs, &dst, &src) !=
	    NULL ||
	    ip4_is_broadcast(&port->netif, &dst) ||
	    deliver_at(&port->netif, &dst) != &port->netif;
}

struct pbuf *
arrive_buffer(const uint8_t *eth, uint32_t len, uint8_t **ip)
{
	uint32_t room = len + ARRIVE_ROOM <= UINT16_MAX ? ARRIVE_ROOM : 0;
	struct pbuf *p;

	/* PBUF_LINK has two bytes more, which align the IP header. */
	p = pbuf_alloc(PBUF_LINK, (uint16_t)(len + room), PBUF_RAM);
	if (p == NULL)
		return NULL;
	p->len = p->tot_len = (uint16_t)len;
	*ip = p->payload;
	memcpy(*ip - ETH_HLEN, eth, ETH_HLEN);
	return p;
}

/* Why the packet in FRAME, which the wall has passed, goes no further. */
static enum wall_reason
last_look(struct port *port, const uint8_t *frame, const struct wall_result *r)
{
	const uint8_t *ip = frame + ETH_HLEN;
	struct ip_addr src;

	if (r->kind == WALL_KIND_IP4) {
		src = ip_sender(ip);
		/* RFC 1122, 3.2.1.3: no host has it. */
		if (src.addr[3] != 0 && ip4_is_broadcast(&port->netif, &src))
			return WALL_SOURCE_BROADCAST;
	}
	/* RFC 1122, 3.2.1.7: the library would forward it, with 255. */
	if (ip[r->kind == WALL_KIND_IP4 ? 8 : 7] == 0 &&
	    !arrive_is_ours(port, ip))
		return WALL_TTL;
	return WALL_OK;
}

/* P, an IP packet, is the library's. */
static void
to_library(struct port *port, struct pbuf *p)
{
	const uint8_t *frame = (const uint8_t *)p->payload - ETH_HLEN;
	bool was = arrive_for_many;

	arrive_for_many = frame[0] & 1;
	ip_input(p, &port->netif);
	arrive_for_many = was;
}

bool
arrive(struct port *port, struct pbuf *p, const struct wall_result *r,
    bool whole)
{
	const uint8_t *frame = (const uint8_t *)p->payload - ETH_HLEN;
	enum wall_reason why;
	bool answered = false;

	if (r->solicits) {
		answered = nd_solicited(port, frame, r->len, r->target,
		    r->source);
	} else if (r->kind == WALL_KIND_ARP) {
		arp_input(port, frame, r->len);
	} else if ((why = last_look(port, frame, r)) != WALL_OK) {
		unit_refused(port->unit, why);
	} else if (!r->fragment && !r->extended) {
		to_library(port, p);
		return false;
	} else if (arrive_is_ours(port, frame + ETH_HLEN)) {
		if (r->extended)
			ext_input(port, p, whole);
		else
			reass_input(port, p, (frame[ETH_HLEN] & 15u) * 4);
		return false;
	} else if (lwip_stack_flags_get(port->netif.stack) & STACK_FORWARDING) {
		to_library(port, p);
		return false;
	}
	pbuf_free(p);
	return answered;
}

void
arrive_again(struct port *port, struct pbuf *p, bool whole)
{
	uint8_t *frame = (uint8_t *)p->payload - ETH_HLEN;
	uint32_t len = (uint32_t)p->len + ETH_HLEN;
	struct wall_result r;

	if (arrive_judge(port, frame, &len, UINT16_MAX, &r) == WALL_DROP) {
		unit_refused(port->unit, r.reason);
		pbuf_free(p);
		return;
	}
	p->len = p->tot_len = (uint16_t)(r.len - ETH_HLEN);
	arrive(port, p, &r, whole);
}
