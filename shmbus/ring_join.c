/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ring_join.c - taking one's place in the ring, and cleaning up in it
 *
 * DOC: Theory of Operation
 *
 * A reader that joins is to receive the frames of all tickets that are handed
 * out from now on.  For every sender it has to know which frame was the last
 * before that, since what is missing after it will be counted as lost.  The
 * slots of the last lap tell, except for positions below the tail that are still
 * pending.  So the cursor begins at the first of those, if there is one, and
 * from slots below the tail of that moment (rx.from) only the sequence numbers
 * are read.
 *
 * A sender that joins continues the count of the last owner of its number, as
 * far as the ring shows it, because readers know senders by their number.  If
 * that owner has died, it may have published frames that it had not counted and
 * that are overwritten by now; so it is counted as one more death in the upper
 * bits of seq.  See EXACT LOSS in ring.c.
 */
#include "shmbus/ring_word.h"

/*
 * Takes back slot S if its word names us as the owner although we have not
 * claimed it: a dead owner of our number did, or somebody lied.  The caller is
 * certain that we have no open claim.
 */
static void
disown(struct ring *r, struct format_slot *s)
{
	int tries;

	for (tries = 0; tries < 4; tries++) {
		AO_t w = AO_load_acquire(&s->word);

		if (word_owner(w) != r->me || !word_held(w) ||
		    AO_compare_and_swap_full(&s->word, w, word_disown(w)))
			return;
	}
}

/* Learns from the slot of POS, in the last lap, what it tells of its sender. */
static void
learn(struct ring *r, uint64_t pos, bool oldest, uint64_t tail)
{
	bool below = pos_before(pos, tail);
	struct format_slot *s = slot_at(r, pos);
	AO_t w = AO_load_acquire(&s->word); /* ring:word */
	uint64_t meta = AO_load(&s->meta);
	uint32_t sender = (uint32_t)(meta >> 32) & 0xffff;
	uint64_t first = AO_load(&s->seq);
	uint64_t seq = first + (meta >> 48) % FORMAT_PACK;
	bool this_lap = word_lap(w) == pos_lap(r, pos) && below;

	if (word_state(w) == SLOT_COMMITTED && sender < FORMAT_ATTACHMENTS &&
	    confirm(s, w)) {
		if (sender == r->me && seq > r->tx.seq &&
		    seq - r->tx.seq <= (r->mask + 1) * FORMAT_PACK + RING_BATCH)
			r->tx.seq = seq;
		if (this_lap && oldest && r->rx.gap[sender] == GAP_NONE) {
			/* The first that we read: earlier ones do not count. */
			r->rx.last[sender] = first - 1;
			r->rx.gap[sender] = GAP_LOST;
		} else if (this_lap && !oldest && r->rx.cursor == tail &&
		    seq > r->rx.last[sender]) {
			r->rx.last[sender] = seq;
		}
	}
	if (r->rx.cursor == tail && below &&
	    (word_lap(w) < pos_lap(r, pos) ||
		(word_lap(w) == pos_lap(r, pos) &&
		    word_state(w) == SLOT_WRITING)))
		r->rx.cursor = pos; /* pending: may still be published */
}

/*
 * Takes R's place in the ring: at the tail, or with OLDEST a lap before it.  The
 * caller holds the lock of R's number, if it has one, and has not sent yet.
 */
void
ring_join(struct ring *r, bool oldest)
{
	uint64_t slots = r->mask + 1;
	uint64_t first;
	uint64_t tail;
	uint64_t pos;
	unsigned i;

	/* Before the tail is loaded, so that what is counted is below it. */
	for (i = 0; i < FORMAT_ATTACHMENTS; i++) /* ring:settle */
		r->rx.last[i] = AO_load_acquire(&r->att[i].tx_seq);
	tail = load_tail(r);
	first = pos_usable(r, tail - slots);
	r->rx.cursor = tail;
	if (r->me != SLOT_NOBODY)
		r->tx.seq = r->rx.last[r->me];
	for (pos = first; pos - first < slots; pos++) {
		learn(r, pos, oldest, tail);
		if (r->me != SLOT_NOBODY)
			disown(r, slot_at(r, pos));
	}
	r->rx.nth = 0;
	r->rx.within = 0;
	memset(r->rx.gap, GAP_NONE, sizeof(r->rx.gap));
	if (oldest)
		r->rx.cursor = first;
	r->rx.from = oldest ? first : tail;
	r->rx.own_from = tail;
	/* Whoever detaches clears its ident. */
	if (r->me != SLOT_NOBODY &&
	    (AO_load(&r->att[r->me].ident) &
		(FORMAT_ATT_USED | FORMAT_ATT_DEAD)) != 0)
		r->tx.seq = (seq_deaths(r->tx.seq) + 1) << SEQ_COUNT_BITS |
		    seq_count(r->tx.seq);
	r->tx.joined = r->tx.seq;
}

/*
 * Takes back slots whose words name us as the owner while we have no open claim:
 * a liar wrote that, and nobody else would ever take such a slot.  Examines N
 * slots; the receiving side calls it about once a second.
 *
 * The sending side sets tx.busy before it claims, and clears it after it has
 * published.  So if busy is 0 after the word was loaded, the word is not that of
 * an open claim; and if the slot is claimed after that, its word changes and the
 * compare-and-swap fails.
 */
void
ring_tidy(struct ring *r, unsigned n)
{
	if (r->me == SLOT_NOBODY)
		return;
	for (; n != 0; n--) {
		struct format_slot *s = slot_at(r, r->rx.tidied++);
		AO_t w = AO_load_acquire(&s->word);

		if (word_owner(w) != r->me || !word_held(w))
			continue;
		ring_fence(); /* ring:tidy, pairs with ring:claim */
		if (AO_load_acquire(&r->tx.busy) == 0)
			AO_compare_and_swap_full(&s->word, w, word_disown(w));
	}
}
