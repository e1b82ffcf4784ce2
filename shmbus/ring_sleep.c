/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ring_sleep.c - what a reader asks the ring before it sleeps, and what it tells
 * the ring afterwards; the rest of sleeping is in bell.c
 */
#include "shmbus/ring_word.h"

/* Returns the state of the position at the cursor; changes nothing. */
enum ring_state
ring_state(struct ring *r)
{
	uint64_t pos = r->rx.cursor;
	/* ring:word */
	AO_t w = AO_load_acquire(&slot_at(r, pos)->word);
	uint64_t tail;

	if (unlikely(r->rx.distrust) && load_tail(r) == pos)
		return RING_EMPTY;
	if (word_lap(w) == pos_lap(r, pos) &&
	    (word_state(w) == SLOT_COMMITTED ||
		word_state(w) == SLOT_ABANDONED))
		return RING_READY;
	tail = AO_load_acquire(&r->hdr->tail); /* ring:tail */
	if (tail == pos || pos_usable(r, tail) == pos)
		return RING_EMPTY;
	tail = pos_usable(r, tail);
	if (pos_usable(r, pos) != pos || pos_before(tail, pos) ||
	    tail - pos > r->mask + 1 || word_lap(w) > pos_lap(r, pos))
		return RING_READY;
	return RING_STUCK;
}

/*
 * Returns whether a frame may have been published below position UPTO which the
 * reader cannot reach yet, because the position at its cursor is still pending.
 */
bool
ring_hides(struct ring *r, uint64_t upto)
{
	uint64_t pos = r->rx.cursor;

	if (upto == pos || pos - upto <= r->mask + 1)
		return false;
	if (ring_state(r) == RING_READY || upto - pos > r->mask + 1)
		return true;
	for (pos++; pos != upto; pos++) {
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
 * Returns for how many nanoseconds a stuck reader will still wait at the time
 * NOW.  It is at most patience_ns, also if the reader is not stuck yet.
 */
uint64_t
ring_patience_left(const struct ring *r, uint64_t now)
{
	uint64_t waited;

	if (r->rx.stuck_since == 0 ||
	    !pos_before(r->rx.cursor, r->rx.stuck_tail) ||
	    r->rx.stuck_tail - r->rx.cursor > r->mask + 1)
		return r->patience_ns;
	waited = now - r->rx.stuck_since;
	return waited < r->patience_ns ? r->patience_ns - waited : 0;
}

/*
 * Tells the ring that the reader has slept.  RUNG: a writer woke it; HINT is the
 * lowest position that a writer rang for.  Otherwise nobody did, so that nothing
 * that was published meanwhile was meant for this reader.
 *
 * A writer may have published shortly before HINT, or before the reader woke, and
 * not rung yet.  So positions up to a quarter of a lap before HINT, or before the
 * tail of now, count as lost if they are lapped.  Only the frames of a writer that
 * is stopped between its ticket and ringing, for longer than that quarter lasts,
 * can still be counted as skipped: at most RING_BATCH for each such stop.
 *
 * If a frame was hidden when the reader went to sleep (ring_hides()), the caller
 * passes the cursor as HINT, since nobody rings for such a frame.
 */
void
ring_slept(struct ring *r, bool rung, uint64_t hint)
{
	uint64_t tail = load_tail(r);
	uint64_t slack = (r->mask + 1) / 4;

	if (!rung)
		hint = tail;
	r->rx.asleep_gap = hint <= tail && hint > slack ? hint - slack : 0;
}
