/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * split.c - segments that are too big for the way they go
 *
 * DOC: A connection cuts what a program writes by its mss, which was right for
 * the way when it was opened.  The way becomes narrower when a router says so
 * (path.c), and when the MTU of our own interface is made smaller, the interface
 * moves to a narrower bus, or another route leads to the peer.
 *
 * The fault of the latter: the library fragments the segments that it has, and
 * those that come; fragments of TCP are refused by the wall of whoever receives
 * them.  How it is seen: every open connection stands still for ever.
 *
 * The cure is the same for both.  What is written from then on is cut by the
 * lower mss; what is queued and sent already is cut again here, and what is not
 * acknowledged is sent once more, at once (RFC 1191, 6.5).  That is not
 * congestion: the window stays as it was.  Any number of errors may come about
 * what was under way; the first does all that there is to do.  Our own interface
 * is not watched: a segment that would have to be fragmented is not sent, and
 * output.c comes here.
 *
 * A segment that is too big for the peer's window is cut in two: see persist.c.
 */
#include <string.h>

#include "base/net_bytes.h"
#include "stack/lwipv6/tcp/options.h"

#define IP4_HLEN 20u
#define IP6_HLEN 40u

/* Counts the segments of PCB again. */
static void
recount(struct tcp_pcb *pcb)
{
	const struct tcp_seg *const queue[] = { pcb->unacked, pcb->unsent };
	struct conn *c = conn_of(pcb);
	const struct tcp_seg *seg;
	unsigned n = 0, i;

	if (c == NULL)
		return;
	for (i = 0; i < 2; i++)
		for (seg = queue[i]; seg != NULL; seg = seg->next)
			n++;
	c->segs = n;
	c->last = NULL;
}

/* A segment of the N bytes from AT on of SEG's data; or NULL. */
static struct tcp_seg *
piece(const struct tcp_seg *seg, unsigned at, unsigned n)
{
	const uint8_t *was = seg->tcphdr;
	unsigned hlen = (was[12] >> 4) * 4u;
	size_t data = (size_t)(was - (const uint8_t *)seg->p->payload) + hlen;
	struct tcp_seg *s = memp_malloc(MEMP_TCP_SEG);
	uint8_t *h;

	if (s == NULL)
		return NULL;
	memset(s, 0, sizeof(*s));
	s->p = pbuf_alloc(PBUF_IP, (uint16_t)(hlen + n), PBUF_RAM);
	h = s->p == NULL ? NULL : s->p->payload;
	if (h == NULL || !pbuf_read(h + hlen, seg->p, data + at, n)) {
		tcp_seg_free(s);
		return NULL;
	}
	memcpy(h, was, hlen);
	put32(h + 4, be32(was + 4) + at);
	if (at + n < seg->len)
		h[13] &= (uint8_t) ~(FLAG_FIN | FLAG_PSH);
	s->tcphdr = h;
	s->dataptr = h + hlen;
	s->marks = seg->marks & SEG_TWICE;
	s->sent = seg->sent;
	s->len = (uint16_t)n;
	return s;
}

/* Whether SEG has no SYN, which is with the first piece only. */
static bool
can_be_cut(const struct tcp_seg *seg)
{
	const uint8_t *h = seg->tcphdr;

	return !(h[13] & FLAG_SYN);
}

/*
 * Cuts *WHERE into pieces: the first has FIRST_LEN bytes, the others LEN at
 * most.  False: there is no memory, and it is as it was.
 */
static bool
cut(struct tcp_seg **where, unsigned first_len, unsigned len)
{
	struct tcp_seg *seg = *where, *first = NULL, **last = &first;
	unsigned at, n;

	for (at = 0; at < seg->len; at += n) {
		n = at == 0 ? first_len : len;
		if (n > seg->len - at)
			n = seg->len - at;
		if ((*last = piece(seg, at, n)) == NULL) {
			tcp_segs_free(first);
			return false;
		}
		last = &(*last)->next;
	}
	*last = seg->next;
	*where = first;
	tcp_seg_free(seg);
	return true;
}

/* The same for all of a list that are too long. */
static bool
cut_all(struct tcp_seg **where, unsigned mss)
{
	for (; *where != NULL; where = &(*where)->next) {
		if ((*where)->len > mss && can_be_cut(*where) &&
		    !cut(where, mss, mss))
			return false;
	}
	return true;
}

void
split_to_fit(struct tcp_pcb *pcb, unsigned mtu)
{
	const struct conn *c = conn_of(pcb);
	unsigned headers = TCP_HLEN + (c != NULL && c->ts ? OPTIONS_TS : 0) +
	    (ip_is_v4(&pcb->remote_ip) ? IP4_HLEN : IP6_HLEN);

	if (mtu <= headers || mtu - headers >= pcb->mss)
		return;
	mtu -= headers;
	/* Without memory it is to be tried the next time. */
	if (!cut_all(&pcb->unacked, mtu) || !cut_all(&pcb->unsent, mtu))
		return;
	pcb->mss = (uint16_t)mtu;
	recount(pcb);
	recover_all(pcb);
}

bool
split_first(struct tcp_pcb *pcb, unsigned n)
{
	struct tcp_seg *seg = pcb->unsent;

	if (seg == NULL || n >= seg->len || !can_be_cut(seg) ||
	    !cut(&pcb->unsent, n, seg->len))
		return false;
	recount(pcb);
	return true;
}

/* above.too_big */
static void
too_big(struct stack *stack, const struct icmp_quote *q, unsigned mtu)
{
	struct tcp_pcb *pcb = tcp_quoted(stack, q);

	if (pcb != NULL && pcb->state >= TCP_ESTABLISHED)
		split_to_fit(pcb, mtu);
}

__attribute__((constructor)) static void
fill_above(void)
{
	above.too_big = too_big;
}
