/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ext.c - IPv6 packets for this host that have extension headers
 *
 * DOC: What the headers say is found by the wall (wall/ext6.c); what is done:
 *
 *	upper		A packet is made that has the base header and what
 *			follows the last extension header, and begins anew
 *			(ip/arrive.c).  While it is dealt with, an ICMP error
 *			about it quotes the packet as it was (struct original).
 *	fragment	ip/reass.c has it.  The headers before it were gone
 *			through for each fragment and are not kept; those
 *			behind it are when the datagram is whole.
 *	problem		The sender is told: RFC 4443, 3.4.
 *	drop, none	Nobody is told.
 *
 * Listener discovery (RFC 2710, RFC 3810) is found here, since its messages are
 * those with a router alert; it has no meaning without.
 *
 * Neighbour discovery does not come in fragments (RFC 6980).
 */
#include <string.h>

#include "base/net_bytes.h"
#include "stack/lwipv6/ip/ip.h"

#define ETH_HLEN 14u
#define IP6_HLEN 40u
#define PROTO_ICMP6 58
#define MLD_FIRST 130
#define MLD_LAST 132
#define ND_FIRST 133
#define ND_LAST 137

/* P, which is all headers up to E, is stripped of them. */
static void
upper(struct port *port, struct pbuf *p, const struct wall_ext *e, bool whole)
{
	const uint8_t *ip = p->payload;
	uint32_t n = p->len - e->at;
	struct unreach_original was = { .whole = p, .named = e->named };
	const struct unreach_original *before = unreach_original;
	struct pbuf *q;
	uint8_t *to;

	if (e->alert && !whole && !e->atomic && e->next == PROTO_ICMP6 &&
	    n != 0 && ip[e->at] >= MLD_FIRST && ip[e->at] <= MLD_LAST) {
		if (fold(sum16(ip + 8, 32,
			sum16(ip + e->at, n, n + PROTO_ICMP6))) == 0xffff)
			mld_input(port, ip, ip + e->at, n);
	} else if ((whole || e->atomic) && e->next == PROTO_ICMP6 && n != 0 &&
	    ip[e->at] >= ND_FIRST && ip[e->at] <= ND_LAST) {
		unit_refused(port->unit, WALL_FRAG_ND);
	} else if ((q = arrive_buffer(ip - ETH_HLEN, IP6_HLEN + n, &to)) !=
	    NULL) {
		memcpy(to, ip, IP6_HLEN);
		put16(to + 4, n);
		to[6] = e->next;
		memcpy(to + IP6_HLEN, ip + e->at, n);
		was.stripped = q;
		unreach_original = &was;
		arrive_again(port, q, whole);
		unreach_original = before;
	}
	pbuf_free(p);
}

void
ext_input(struct port *port, struct pbuf *p, bool whole)
{
	struct wall_ext e;

	switch (wall_ext6(p->payload, p->len, whole, &e)) {
	case WALL_EXT_UPPER:
		upper(port, p, &e, whole);
		return;
	case WALL_EXT_FRAGMENT:
		reass_input(port, p, e.at);
		return;
	case WALL_EXT_PROBLEM:
		unit_refused(port->unit, e.reason);
		icmp_parameter_problem(&port->netif, p, &e);
		break;
	case WALL_EXT_DROP:
		unit_refused(port->unit, e.reason);
		break;
	case WALL_EXT_NONE:
		break;
	}
	pbuf_free(p);
}
