/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sack.c - which segments of a connection are on their way
 *
 * DOC: What has been sent and is not acknowledged is the list pcb->unacked, by
 * sequence number.  Each segment has marks:
 *
 *	none			it is on its way
 *	SACKED			it has arrived (RFC 2018)
 *	LOST			it is to be sent again, when its turn comes
 *	LOST, AGAIN		it was, and is on its way
 *
 * A segment is lost when DUP_THRESH of those behind it have arrived (RFC 6675,
 * IsLost()), or one has that was sent a quarter of a round trip later (RFC 8985),
 * which is how it is known that a segment which was sent again is lost again; and
 * when the timer goes off all of them are.  Ranges that cover a segment in part
 * say nothing, and one that tells of what was never sent, or is acknowledged, is
 * not believed; what was SACKed is not believed any more when the timer goes off
 * twice in a row, for a receiver may forget it (RFC 2018, 8).
 */
#include "base/clock.h"
#include "base/net_bytes.h"
#include "stack/lwipv6/tcp/sack.h"

#define DUP_THRESH 3u

uint32_t
sack_flight(const struct conn *c)
{
	const struct tcp_pcb *pcb = c->e.pcb;
	const struct tcp_seg *s = pcb->unacked;
	uint32_t n = 0;

	if (!c->marked)
		return s == NULL ? 0 : pcb->snd_max - pcb->lastack;
	for (; s != NULL; s = s->next)
		if ((s->marks & (SEG_LOST | SEG_AGAIN)) != SEG_LOST &&
		    !(s->marks & SEG_SACKED))
			n += s->len;
	return n;
}

/* Whether R tells of something that C has sent and that is not acknowledged. */
static bool
is_true(const struct conn *c, const struct range *r)
{
	uint32_t base = c->e.pcb->lastack, sent = c->e.pcb->snd_max - base;

	return r->from - base < r->to - base && r->to - base <= sent;
}

/* Whether one of the N ranges of R has the segment from FROM to TO. */
static bool
is_in(const struct range *r, unsigned n, uint32_t from, uint32_t to)
{
	unsigned i;

	for (i = 0; i < n; i++)
		if (!seq_before(from, r[i].from) && !seq_before(r[i].to, to))
			return true;
	return false;
}

void
recover_delivered(struct conn *c, const struct tcp_seg *seg)
{
	struct recover *r = &c->recover;

	/* Which of two arrived is not known, if it was so soon: RFC 8985, 6.2. */
	if ((seg->marks & SEG_SACKED) ||
	    ((seg->marks & SEG_TWICE) &&
		(int32_t)((uint32_t)(now_ns() / 1000) - seg->sent) <
		    r->srtt / 2))
		return;
	if (!r->racked || (int32_t)(seg->sent - r->rack) > 0)
		r->rack = seg->sent;
	r->racked = true;
}

bool
sack_take(struct conn *c, const struct options *o)
{
	struct range r[SACK_MAX];
	struct tcp_seg *s;
	unsigned i, n = 0;
	bool fresh = false;

	for (i = 0; i < o->ranges; i++)
		if (is_true(c, &o->range[i]))
			r[n++] = o->range[i];
	if (n == 0)
		return false;
	for (s = c->e.pcb->unacked; s != NULL; s = s->next) {
		uint32_t from = be32((const uint8_t *)s->tcphdr + 4);

		if (s->len == 0 || (s->marks & SEG_SACKED) ||
		    !is_in(r, n, from, from + s->len))
			continue;
		recover_delivered(c, s);
		s->marks = (uint8_t)((s->marks & SEG_TWICE) | SEG_SACKED);
		c->marked = fresh = true;
	}
	return fresh;
}

void
sack_find_lost(struct conn *c)
{
	const struct recover *r = &c->recover;
	int32_t later = (int32_t)(r->srtt / 4);
	unsigned behind = 0;
	struct tcp_seg *s;
	bool marked = false;

	for (s = c->e.pcb->unacked; s != NULL; s = s->next)
		behind += (s->marks & SEG_SACKED) != 0;
	for (s = c->e.pcb->unacked; s != NULL; s = s->next) {
		bool late = r->racked && (int32_t)(r->rack - s->sent) > later;

		if (s->marks & SEG_SACKED) {
			behind--;
		} else if (!(s->marks & SEG_LOST)) {
			if (behind >= DUP_THRESH || (late && behind != 0)) {
				s->marks |= SEG_LOST;
			}
		} else if ((s->marks & SEG_AGAIN) && late) {
			s->marks &= (uint8_t)~SEG_AGAIN;
		}
		marked |= (s->marks & (SEG_SACKED | SEG_LOST)) != 0;
	}
	/* Without a mark there is no need to walk along the list. */
	c->marked = marked;
}

void
sack_all_lost(struct conn *c, bool forget)
{
	struct tcp_seg *s;

	for (s = c->e.pcb->unacked; s != NULL; s = s->next) {
		if (forget)
			s->marks &= (uint8_t)~SEG_SACKED;
		if (!(s->marks & SEG_SACKED))
			s->marks = (uint8_t)((s->marks & SEG_TWICE) | SEG_LOST);
	}
	c->marked = true;
	c->recover.racked = false;
}
