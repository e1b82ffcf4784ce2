/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * listen.c - how connections that others open begin
 *
 * DOC: Theory of Operation
 *
 * The fault: each SYN makes a connection, which is half open until its client
 * answers, or for some 20 seconds.  Where these count against lwip_listen()'s
 * backlog a few clients that died, or one that only sends SYNs, keep everybody
 * else out; where they do not, they take memory without an end.
 *
 * The cure.  Only connections that are established count against the backlog
 * (accept.c).  Of half-open ones a stack has HALF_OPEN_MAX (open.c), which
 * remember all, and whose SYN|ACK is sent again.
 *
 * While there are that many, a SYN is answered and forgotten: with a SYN cookie
 * (RFC 4987, 3.6), a sequence number from which the connection can be made when
 * its client acknowledges it:
 *
 *	bits 3 to 31	of a hash of both ends, the client's number and the time
 *			in units of COOKIE_S, under the process's secret
 *	bits 0 to 2	which of the sizes in mss_of[] the client takes
 *
 * An ACK that belongs to no connection is held against the cookies of this unit
 * of time and the last one, if any were given out then.  To guess one is to hit
 * one number in 2^28.  If it is right, and there is room in the queue, a
 * connection is made as by the client's SYN, whose answer counts as sent; and
 * then it gets the ACK, as if nothing had happened.  What is lost is the
 * retransmission of a SYN|ACK: the client's own makes up for it.
 *
 * When the queue is full a SYN is dropped, and so is the ACK which would make a
 * half-open connection whole (screen.c): its client believes that it is
 * connected, our SYN|ACK and what the client has to say are sent again, and it
 * gets in when there is room.  Linux does the same.
 */
#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "base/net_bytes.h"
#include "stack/lwipv6/tcp/segment.h"

#define HALF_OPEN_MAX 128u
#define COOKIE_S 64u
#define NS_PER_S 1000000000u
#define MSS_MASK 7u
#define OPT_END 0
#define OPT_NOP 1
#define OPT_MSS 2

/* Sizes of segments that a cookie can tell. */
static const uint16_t mss_of[MSS_MASK + 1] = { 28, 216, 536, 1024, 1220, 1360,
	1440, 1460 };

static _Atomic uint32_t given; /* the last unit of time with a cookie */

/* Counts from 1. */
static uint32_t
unit_of_time(void)
{
	return (uint32_t)(now_ns() / NS_PER_S / COOKIE_S) + 1;
}

/* ---- cookies ------------------------------------------------------------ */

static uint32_t
cookie(const struct segment *g, uint32_t irs, uint32_t when)
{
	struct ends e = { g->dst, g->src, g->dport, g->sport };

	return (uint32_t)isn_hash(&e, (uint64_t)when << 32 | irs) & ~MSS_MASK;
}

unsigned
segment_mss(const struct segment *g)
{
	unsigned end = (g->head[12] >> 4) * 4u, i = TCP_HLEN;

	if (g->mss != 0)
		return g->mss;
	while (i + 1 < end && g->head[i] != OPT_END) {
		if (g->head[i] == OPT_NOP) {
			i++;
			continue;
		}
		if (g->head[i] == OPT_MSS && i + 4 <= end)
			return be16(g->head + i + 2);
		i += g->head[i + 1] < 2 ? 2 : g->head[i + 1];
	}
	return 536; /* RFC 9293, 3.7.1 */
}

/* Answers the SYN G, and forgets it. */
static void
give_cookie(const struct segment *g, const struct tcp_pcb *listener)
{
	struct bare b = { .stack = g->stack,
		.local = g->dst,
		.remote = g->src,
		.local_port = g->dport,
		.remote_port = g->sport,
		.ack = g->seq + 1,
		.flags = FLAG_SYN | FLAG_ACK,
		.window = TCP_WINDOW,
		.mss = (uint16_t)open_mss(listener) };
	unsigned mss = segment_mss(g), i = MSS_MASK;

	while (i > 0 && mss_of[i] > mss)
		i--;
	given = unit_of_time();
	b.seq = cookie(g, g->seq, given) | i;
	bare_send(&b);
}

/* The size that G, an ACK, brings back a cookie for; 0: it does not. */
static unsigned
returned_mss(const struct segment *g)
{
	uint32_t now = unit_of_time(), iss = g->ack - 1, irs = g->seq - 1;
	unsigned ago;

	if (given == 0 || now - given > 1)
		return 0;
	for (ago = 0; ago < 2; ago++)
		if (cookie(g, irs, now - ago) == (iss & ~MSS_MASK))
			return mss_of[iss & MSS_MASK];
	return 0;
}

/* ---- listeners ---------------------------------------------------------- */

static bool
many_half_open(struct stack *stack)
{
	const struct conn_table *t = conn_table(stack);

	return t == NULL || t->halves >= HALF_OPEN_MAX;
}

/* Whether the listener takes who sent G; if not he may have been told. */
static bool
is_welcome(const struct segment *g)
{
	enum listener_verdict v = above.syn(g->stack, &g->src, &g->dst,
	    g->dport);

	if (v == SYN_REFUSE)
		segment_refuse(g);
	return v == SYN_ANSWER;
}

/* The connection that the ACK G completes, half open yet; or NULL. */
static struct tcp_pcb *
from_cookie(const struct segment *g, const struct tcp_pcb *listener)
{
	unsigned mss = returned_mss(g);
	struct segment syn = *g;
	struct tcp_pcb *pcb;

	if (mss == 0) {
		segment_refuse(g);
		return NULL;
	}
	if (!is_welcome(g))
		return NULL; /* the client says it again */
	syn.seq--;
	syn.mss = (uint16_t)mss;
	if ((pcb = open_passive(&syn, listener, g->ack - 1)) == NULL)
		return NULL;
	output_pretend(pcb);
	return pcb;
}

struct tcp_pcb *
listen_input(const struct segment *g)
{
	struct ends e = segment_ends(g);
	unsigned kind = g->flags & (FLAG_SYN | FLAG_RST | FLAG_ACK);
	const struct tcp_pcb *listener;
	struct tcp_pcb *pcb;

	if (!segment_sound(g))
		return NULL;
	listener = tcp_listener(g->stack, &g->dst, g->dport);
	if (listener == NULL || (kind != FLAG_ACK && (kind & FLAG_ACK))) {
		segment_refuse(g);
	} else if (kind == FLAG_ACK) {
		return from_cookie(g, listener);
	} else if (kind == FLAG_SYN && is_welcome(g)) {
		if (many_half_open(g->stack))
			give_cookie(g, listener);
		else if ((pcb = open_passive(g, listener, isn_new(&e))) != NULL)
			tcp_output(pcb);
	}
	return NULL;
}
