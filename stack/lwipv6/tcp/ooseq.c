/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ooseq.c - segments that wait for those before them
 *
 * DOC: The faults: what came out of order waits in a list, pcb->ooseq.
 *   - A segment that begins where one in the list does, and is longer, takes
 *     its place; the old one's memory is lost.
 *   - Others that it covers stay.  They are then below what was received, and
 *     the first of them stops the list: the next segment in order is made to
 *     end where that one begins, which is before its own beginning, and its
 *     length comes out as some 65000.  So much is then acknowledged that never
 *     came, and the connection is deaf ever after.
 *
 * How they are seen: a peer that retransmits in other pieces than before, as
 * Linux does, hangs a connection on which something was lost.
 *
 * The cure: before a segment is taken, those in the list that it covers are
 * freed; what is only partly covered is the library's to cut.  Afterwards those
 * that begin below what was received are freed: nothing of them was
 * acknowledged, so the peer sends it again.
 *
 * One more: what begins within a segment that waits has that end there, but a FIN
 * which was at its end stays, and counts as a byte: one byte is skipped, and the
 * program reads what follows in its place.  Such a segment brings nothing new
 * and is acknowledged, and no more (input.c).
 *
 * A last fault: the list has no bound but the window.  A peer that sends every
 * second byte of it, one a segment, makes it 32000 long; each of them takes some
 * 250 bytes of memory, and each that comes a walk along the list.
 *
 * How it is seen: 5000 such segments a second take a processor and stop the
 * stack's other connections.
 *
 * The cure: after each segment those that touch are joined, up to JOINED_MAX
 * bytes in memory of just that size, and of what is left then SEGMENTS_MAX stay,
 * those that will be next.  A segment costs a walk of so many steps at most and
 * a copy of so many bytes, a connection some 100 KiB.  Full segments of a window
 * are less than SEGMENTS_MAX, and small ones that follow each other are joined,
 * so that a peer that means well loses nothing; RFC 9293, 3.10.7.4, leaves it
 * to the receiver whether to keep any of them.
 */
#include <string.h>

#include "stack/lwipv6/tcp/segment.h"

#define SEGMENTS_MAX 128u /* and a window's full ones */
#define JOINED_MAX 1460u

static bool
has_fin(const struct tcp_seg *s)
{
	return (((const uint8_t *)s->tcphdr)[13] & FLAG_FIN) != 0;
}

bool
ooseq_cuts_fin(const struct tcp_pcb *pcb, uint32_t seq)
{
	const struct tcp_seg *s = pcb->ooseq;

	while (s != NULL && !(has_fin(s) && seq_before(ooseq_seq(s), seq)))
		s = s->next;
	return s != NULL;
}

void
ooseq_before(struct tcp_pcb *pcb, uint32_t seq, uint32_t len)
{
	struct tcp_seg **at = &pcb->ooseq, *s;

	while ((s = *at) != NULL && len != 0) {
		uint32_t from = ooseq_seq(s);

		if (!seq_before(from, seq + len))
			break;
		if (seq_before(from, seq) ||
		    seq_before(seq + len, from + s->len) ||
		    (from == seq && len == s->len)) {
			at = &s->next;
			continue;
		}
		*at = s->next;
		tcp_seg_free(s);
	}
}

/* Whether A and the one behind it are to be joined. */
static bool
can_join(const struct tcp_seg *a)
{
	const struct tcp_seg *b = a->next;

	return b != NULL && ooseq_seq(a) + a->len == ooseq_seq(b) &&
	    !has_fin(a) && (unsigned)a->len + b->len <= JOINED_MAX;
}

/* Joins A and the one behind it.  False: there is no memory. */
static bool
join(struct tcp_seg *a)
{
	struct tcp_seg *b = a->next;
	unsigned n = (unsigned)a->len + b->len;
	struct pbuf *p = pbuf_alloc(PBUF_RAW, (uint16_t)(TCP_HLEN + n),
	    PBUF_RAM);
	uint8_t *h;

	if (p == NULL)
		return false;
	h = p->payload;
	if (!pbuf_read(h + TCP_HLEN, a->p, 0, a->len) ||
	    !pbuf_read(h + TCP_HLEN + a->len, b->p, 0, b->len)) {
		pbuf_free(p);
		return false;
	}
	/* The header is in the order of the host, as the library has it. */
	memcpy(h, a->tcphdr, TCP_HLEN);
	if (has_fin(b))
		h[13] |= FLAG_FIN;
	pbuf_header(p, -(int16_t)TCP_HLEN);
	pbuf_free(a->p);
	a->p = p;
	a->tcphdr = h;
	a->dataptr = p->payload;
	a->len = (uint16_t)n;
	a->next = b->next;
	tcp_seg_free(b);
	return true;
}

/* Makes the list of PCB as short as it can be, and no longer than it may be. */
static void
shorten(struct tcp_pcb *pcb)
{
	struct tcp_seg *s;
	const struct conn *c = conn_of(pcb);
	unsigned n = 0, most = SEGMENTS_MAX;

	if (c != NULL && c->rcv_space > TCP_WINDOW)
		most += c->rcv_space / JOINED_MAX;
	for (s = pcb->ooseq; s != NULL; s = s->next) {
		while (can_join(s) && join(s)) {
		}
		if (++n == most) {
			tcp_segs_free(s->next);
			s->next = NULL;
		}
	}
}

void
ooseq_after(struct tcp_pcb *pcb)
{
	struct tcp_seg *s;

	while ((s = pcb->ooseq) != NULL &&
	    seq_before(ooseq_seq(s), pcb->rcv_nxt)) {
		pcb->ooseq = s->next;
		tcp_seg_free(s);
	}
	shorten(pcb);
}
