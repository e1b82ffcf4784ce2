/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ring_sleep.c - what a reader asks of the ring before it sleeps, and tells it
 * afterwards; the rest of sleeping is in bell.c
 */
#include "shmbus/ring_word.h"

/* How things stand at the cursor; changes nothing. */
enum ring_state
ring_state(struct ring *r)
{
	uint64_t pos = r->rx.cursor;
	/* ring:word */
	AO_t w = AO_load_acquire(&slot_at(r, pos)->word);
	uint64_t tail;

	if (unlikely(r->rx.belied) &&
	    AO_load_acquire(&r->hdr->tail) == pos) /* ring:tail */
		return RING_EMPTY;
	if (word_lap(w) == pos_lap(r, pos) &&
	    (word_state(w) == SLOT_COMMITTED ||
		word_state(w) == SLOT_ABANDONED))
		return RING_READY;
	tail = AO_load_acquire(&r->hdr->tail); /* ring:tail */
	if (tail == pos)
		return RING_EMPTY;
	if (tail < pos || tail - pos > r->mask + 1 ||
	    word_lap(w) > pos_lap(r, pos))
		return RING_READY;
	return RING_STUCK;
}

/*
 * Whether a frame published before position UPTO may be there and not to be
 * seen yet, for the one at the cursor is still pending.
 */
bool
ring_hides(struct ring *r, uint64_t upto)
{
	uint64_t pos = r->rx.cursor;

	if (ring_state(r) == RING_READY || upto - pos > r->mask + 1)
		return pos < upto;
	for (pos++; pos < upto; pos++) {
		/* ring:word */
		AO_t w = AO_load_acquire(&slot_at(r, pos)->word);

		if (word_lap(w) > pos_lap(r, pos) ||
		    (word_lap(w) == pos_lap(r, pos) &&
			word_state(w) == SLOT_COMMITTED))
			return true;
	}
	return false;
}

/*
 * How long a stuck reader will still wait at NOW, in nanoseconds: at most
 * patience_ns, also when it has not noticed yet.
 */
uint64_t
ring_patience_left(const struct ring *r, uint64_t now)
{
	uint64_t waited;

	if (r->rx.stuck_since == 0 || r->rx.cursor >= r->rx.stuck_tail ||
	    r->rx.stuck_tail - r->rx.cursor > r->mask + 1)
		return r->patience_ns;
	waited = now - r->rx.stuck_since;
	return waited < r->patience_ns ? r->patience_ns - waited : 0;
}

/*
 * The reader has slept.  RUNG: a writer woke it, for the frame at HINT, the
 * first that it knew of; otherwise nobody did, so that nothing published
 * meanwhile was for it.
 *
 * Another writer may have published shortly before HINT, and not rung yet.  So
 * what is a quarter of a lap before it, and less, counts as lost if it is
 * lapped.  Only a writer stopped between publishing and ringing, for longer
 * than that, can still have its frame put down as skipped.
 */
void
ring_slept(struct ring *r, bool rung, uint64_t hint)
{
	uint64_t tail = AO_load_acquire(&r->hdr->tail); /* ring:tail */
	uint64_t slack = (r->mask + 1) / 4;

	if (!rung)
		r->rx.asleep_gap = tail;
	else if (hint < tail && hint > slack)
		r->rx.asleep_gap = hint - slack;
	else
		r->rx.asleep_gap = 0;
}
