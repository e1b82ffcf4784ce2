/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * split.c - segments that were too big for the path
 *
 * DOC: path.c says what a path takes.  What a connection writes from then on is
 * cut by its mss; here what it has queued and sent already is cut again, and
 * what is not acknowledged is sent once more, at once (RFC 1191, 6.5).  That is
 * not congestion: the window stays as it was.  Any number of errors may come
 * about what was under way; the first does all that there is to do.
 */
#include <string.h>

#include "base/net_bytes.h"
#include "stack/lwipv6/tcp/tcp.h"

#define IP4_HLEN 20u
#define IP6_HLEN 40u
#define TCP_HLEN 20u
#define FLAG_FIN 0x01
#define FLAG_SYN 0x02
#define FLAG_PSH 0x08

static unsigned
buffers_of(const struct tcp_seg *seg)
{
	const struct pbuf *p;
	unsigned n = 0;

	for (p = seg->p; p != NULL; p = p->next)
		n++;
	return n;
}

/* A segment of the N bytes from AT on of SEG's data; or NULL. */
static struct tcp_seg *
piece(const struct tcp_seg *seg, unsigned at, unsigned n)
{
	const uint8_t *was = seg->tcphdr;
	size_t data = (size_t)(was - (const uint8_t *)seg->p->payload) +
	    TCP_HLEN;
	struct tcp_seg *s = memp_malloc(MEMP_TCP_SEG);
	uint8_t *h;

	if (s == NULL)
		return NULL;
	memset(s, 0, sizeof(*s));
	s->p = pbuf_alloc(PBUF_IP, (uint16_t)(TCP_HLEN + n), PBUF_RAM);
	h = s->p == NULL ? NULL : s->p->payload;
	if (h == NULL || !pbuf_read(h + TCP_HLEN, seg->p, data + at, n)) {
		tcp_seg_free(s);
		return NULL;
	}
	memcpy(h, was, TCP_HLEN);
	put32(h + 4, be32(was + 4) + at);
	if (at + n < seg->len)
		h[13] &= (uint8_t) ~(FLAG_FIN | FLAG_PSH);
	s->tcphdr = h;
	s->dataptr = h + TCP_HLEN;
	s->len = (uint16_t)n;
	return s;
}

/* Cuts *WHERE into pieces.  False: there is no memory, and it is as it was. */
static bool
cut(struct tcp_pcb *pcb, struct tcp_seg **where, unsigned mss)
{
	struct tcp_seg *seg = *where, *first = NULL, **last = &first;
	unsigned at, n, queued = pcb->snd_queuelen - buffers_of(seg);

	for (at = 0; at < seg->len; at += n) {
		n = seg->len - at < mss ? seg->len - at : mss;
		if ((*last = piece(seg, at, n)) == NULL) {
			tcp_segs_free(first);
			return false;
		}
		last = &(*last)->next;
		queued++;
	}
	*last = seg->next;
	*where = first;
	pcb->snd_queuelen = (uint8_t)(queued < UINT8_MAX ? queued : UINT8_MAX);
	tcp_seg_free(seg);
	return true;
}

/* The same for all of a list that are too long. */
static bool
cut_all(struct tcp_pcb *pcb, struct tcp_seg **where, unsigned mss)
{
	for (; *where != NULL; where = &(*where)->next) {
		const uint8_t *h = (*where)->tcphdr;

		if ((*where)->len > mss && h[12] >> 4 == TCP_HLEN / 4 &&
		    !(h[13] & FLAG_SYN) && !cut(pcb, where, mss))
			return false;
	}
	return true;
}

/* above.too_big */
static void
too_big(struct stack *stack, const struct icmp_quote *q, unsigned mtu)
{
	struct tcp_pcb *pcb = tcp_quoted(stack, q);
	unsigned mss = mtu - TCP_HLEN -
	    (ip_is_v4(&q->dst) ? IP4_HLEN : IP6_HLEN);

	if (pcb == NULL || pcb->state < TCP_ESTABLISHED || mss >= pcb->mss)
		return;
	/* Without memory it is to be tried at the next error. */
	if (!cut_all(pcb, &pcb->unacked, mss) ||
	    !cut_all(pcb, &pcb->unsent, mss))
		return;
	pcb->mss = (uint16_t)mss;
	recover_all(pcb);
}

__attribute__((constructor)) static void
fill_above(void)
{
	above.too_big = too_big;
}
