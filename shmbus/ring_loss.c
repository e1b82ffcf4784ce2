/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ring_loss.c - which frames a reader has missed, and how many; see EXACT LOSS
 * at the head of ring.c
 */
#include "shmbus/ring_word.h"

/* Notes that POSITIONS were passed over without reading their frames. */
void
ring_note_gap(struct ring *r, enum ring_gap kind, uint64_t positions)
{
	unsigned i;

	if (r->rx.gap_budget == 0) /* all frames of earlier gaps are counted */
		memset(r->rx.gap, GAP_NONE, sizeof(r->rx.gap));
	for (i = 0; i < FORMAT_ATTACHMENTS; i++)
		if (r->rx.gap[i] != GAP_LOST)
			r->rx.gap[i] = (uint8_t)kind;
	r->rx.gap_budget += positions * FORMAT_PACK;
	r->rx.unsettled = true;
}

/* Counts MISSING frames of SENDER, which were in a gap. */
static void
count_missing(struct ring *r, unsigned sender, uint64_t missing)
{
	/* No more can be missing than was passed over. */
	if (missing > r->rx.gap_budget)
		missing = r->rx.gap_budget;
	r->rx.gap_budget -= missing;
	if (r->rx.gap[sender] == GAP_ASLEEP)
		r->rx.skipped += missing;
	else
		r->rx.lost += missing;
}

/*
 * Returns how many frames of SENDER are missing between the last one that was
 * read and SEQ, which is greater; see EXACT LOSS in ring.c.
 */
static uint64_t
missing_before(const struct ring *r, unsigned sender, uint64_t seq)
{
	uint64_t last = r->rx.last[sender];
	uint64_t first;

	if (likely(seq_deaths(seq) == seq_deaths(last)))
		return seq - last - 1;
	first = AO_load(&r->att[sender].tx_first);
	last = seq_count(last);
	if (seq_deaths(first) == seq_deaths(seq) && seq_count(first) < last)
		last = seq_count(first);
	return seq_count(seq) > last ? seq_count(seq) - last - 1 : 0;
}

/* account() of ring_recv.c, where SEQ does not follow the last one read, or after a gap. */
void
ring_account_gap(struct ring *r, unsigned sender, uint64_t seq)
{
	if (r->rx.gap[sender] != GAP_NONE && seq > r->rx.last[sender] &&
	    sender != r->me)
		count_missing(r, sender, missing_before(r, sender, seq));
	r->rx.gap[sender] = GAP_NONE;
}

/*
 * Called when there is nothing to receive.  Returns whether ring_settle() may
 * have something to count: there was a gap since, or a sender with an open gap
 * has counted more frames in its entry.
 */
bool
ring_uncounted(struct ring *r)
{
	unsigned w;

	if (r->rx.unsettled)
		return true;
	for (w = 0; w < FORMAT_MAP_WORDS; w++) {
		uint64_t bits = r->rx.open[w];

		for (; bits != 0; bits &= bits - 1) {
			unsigned i = w * 64 + (unsigned)__builtin_ctzll(bits);

			if (r->rx.gap[i] == GAP_NONE)
				r->rx.open[w] &= ~(bits & -bits);
			else if (AO_load(&r->att[i].tx_seq) > r->rx.last[i])
				return true;
		}
	}
	return false;
}

/* Notes which senders have an open gap and are attached, so may count more. */
static void
note_open(struct ring *r)
{
	unsigned i;

	memset(r->rx.open, 0, sizeof(r->rx.open));
	for (i = 0; i < FORMAT_ATTACHMENTS; i++)
		if (i != r->me && r->rx.gap[i] != GAP_NONE &&
		    (AO_load(&r->att[i].ident) & FORMAT_ATT_USED))
			r->rx.open[i / 64] |= (uint64_t)1 << i % 64;
	r->rx.unsettled = false;
}

/*
 * Counts those of each sender's last frames that were in a gap, once the reader
 * has caught up with the tail.  Returns whether it has; if not, nothing changes.
 */
bool
ring_settle(struct ring *r)
{
	uint64_t seq[FORMAT_ATTACHMENTS];
	unsigned i;

	if (r->rx.gap_budget == 0)
		return true;
	for (i = 0; i < FORMAT_ATTACHMENTS; i++)
		seq[i] = AO_load_acquire(&r->att[i].tx_seq); /* ring:settle */
	if (load_tail(r) != r->rx.cursor)
		return false;
	for (i = 0; i < FORMAT_ATTACHMENTS; i++) {
		if (i == r->me || r->rx.gap[i] == GAP_NONE)
			continue;
		if (seq[i] > r->rx.last[i]) {
			count_missing(r, i, missing_before(r, i, seq[i] + 1));
			r->rx.last[i] = seq[i];
		}
		/* It may have published more and not stored tx_seq yet. */
		if (r->rx.gap[i] == GAP_LOST)
			r->rx.gap[i] = GAP_SETTLED;
	}
	note_open(r);
	return true;
}
