/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reset.c - resets for segments that no connection takes
 *
 * DOC: The faults: a port that listens resets what acknowledges something with
 * a sequence number that is one too large, and the peer ignores it (it is not
 * in its window): a client of a server that was started again waits for ever.
 * A segment without an acknowledgement is reset from a sequence number that it
 * never had, and every reset acknowledges, where RFC 9293 has none.
 *
 * The cure: RFC 9293, 3.10.7.1 and 3.5.2.  What has an ACK is reset from just
 * there, <SEQ=SEG.ACK><CTL=RST>; what has none by an acknowledgement of all
 * that it was, <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>.  A reset is never
 * answered, and neither is what was damaged or was sent to many.
 *
 * A connection that exists and is given up is reset from SND.NXT (stream.c).
 */
#include "stack/lwipv6/tcp/segment.h"

/* Whether IP is an address of STACK's own, and of nobody else. */
static bool
is_own(struct stack *stack, struct ip_addr ip)
{
	struct netif *n = STACK_FIELD(stack, STACK_NETIF_LIST, struct netif *);

	for (; n != NULL; n = n->next)
		if (ip_addr_list_find(n->addrs, &ip, NULL) != NULL)
			return true;
	return ip_is_v4(&ip) && ntohl(ip.addr[3]) >> 24 == 127;
}

bool
segment_sound(const struct segment *g)
{
	struct ip_addr src = g->src, dst = g->dst;
	uint16_t sum;

	if (!is_own(g->stack, dst) ||
	    pbuf_header(g->p, (int16_t) - (int)g->iphlen) != 0)
		return false;
	sum = inet6_chksum_pseudo(g->p, &src, &dst, PROTO_TCP, g->p->tot_len);
	pbuf_header(g->p, (int16_t)g->iphlen);
	return sum == 0;
}

void
segment_refuse(const struct segment *g)
{
	struct bare b = { .stack = g->stack,
		.local = g->dst,
		.remote = g->src,
		.local_port = g->dport,
		.remote_port = g->sport,
		.flags = FLAG_RST };

	if (g->flags & FLAG_RST)
		return;
	if (g->flags & FLAG_ACK) {
		b.seq = g->ack;
	} else {
		b.ack = g->seq + segment_span(g);
		b.flags |= FLAG_ACK;
	}
	bare_send(&b);
}
