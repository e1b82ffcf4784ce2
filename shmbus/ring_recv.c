/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ring_recv.c - the ring's receiving side; the theory is at the head of ring.c
 */
#include <errno.h>

#include "ring_word.h"

/* Slots looked at by one call, so that no call is endless. */
#define RING_BUDGET 8192u

/* The destination address in place, as in ident; bit 56 is the group bit. */
static inline uint64_t
peek_dst(const struct format_slot *s)
{
	uint64_t dst;

	copy_bytes(&dst, s->data, sizeof(dst));
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	dst = __builtin_bswap64(dst);
#endif
	return dst & ~(uint64_t)0xffff;
}

#define DST_GROUP ((uint64_t)1 << 56)

/* Notes that positions were passed over without a look at their frames. */
static __attribute__((noinline)) void
note_gap(struct ring *r, enum ring_gap kind, uint64_t positions)
{
	unsigned i;

	if (r->rx.gap_budget == 0) /* nothing of earlier gaps is missing */
		memset(r->rx.gap, GAP_NONE, sizeof(r->rx.gap));
	for (i = 0; i < FORMAT_ATTACHMENTS; i++)
		if (r->rx.gap[i] != GAP_LOST)
			r->rx.gap[i] = (uint8_t)kind;
	r->rx.gap_budget += positions;
	r->rx.unsettled = 64;
}

/* Counts MISSING frames of SENDER that were in a gap. */
static void
count_missing(struct ring *r, unsigned sender, uint64_t missing)
{
	/* No more can be missing than positions were passed over. */
	if (missing > r->rx.gap_budget)
		missing = r->rx.gap_budget;
	r->rx.gap_budget -= missing;
	if (r->rx.gap[sender] == GAP_ASLEEP)
		r->rx.skipped += missing;
	else
		r->rx.lost += missing;
}

/* account(), where SEQ does not follow the last one seen, or after a gap. */
static __attribute__((noinline)) void
account_gap(struct ring *r, unsigned sender, uint64_t seq)
{
	if (r->rx.gap[sender] != GAP_NONE && seq > r->rx.last[sender] &&
	    sender != r->me)
		count_missing(r, sender, seq - r->rx.last[sender] - 1);
	r->rx.gap[sender] = GAP_NONE;
	r->rx.last[sender] = seq;
}

static inline void
account(struct ring *r, unsigned sender, uint64_t seq)
{
	if (unlikely(
		seq != r->rx.last[sender] + 1 || r->rx.gap[sender] != GAP_NONE))
		account_gap(r, sender, seq);
	else
		r->rx.last[sender] = seq;
}

/*
 * Gives up on the writer of the cursor's position, whose slot shows W, when
 * it is dead or has been silent for long enough.  Returns whether something
 * changed.
 */
static bool
give_up(struct ring *r, struct format_slot *s, AO_t w, uint64_t tail)
{
	uint64_t pos = r->rx.cursor;
	unsigned owner = word_owner(w);
	bool held = word_held(w);
	uint64_t now = r->env.now(r->env.arg);
	bool dead;

	/* (A tail more than a lap ahead was a lie that has been taken back.) */
	if (r->rx.stuck_since == 0 || pos >= r->rx.stuck_tail ||
	    r->rx.stuck_tail - pos > r->mask + 1) {
		r->rx.stuck_since = now;
		r->rx.stuck_tail = tail;
	}
	/* Most are in the middle of a copy: asking the kernel costs more. */
	if (now - r->rx.stuck_since < r->patience_ns / 16)
		return false;
	dead = held && owner < FORMAT_ATTACHMENTS && owner != r->me &&
	    r->env.dead(r->env.arg, owner);
	if (now - r->rx.stuck_since < r->patience_ns &&
	    !(dead && word_lap(w) == pos_lap(r, pos)))
		return false;
	r->rx.gave_up++;
	if (r->me == SLOT_NOBODY) {
		/* May only read: goes on alone, and may have lost a frame. */
		note_gap(r, GAP_LOST, 1);
		r->rx.cursor++;
		return true;
	}
	if (!held || dead || owner >= FORMAT_ATTACHMENTS)
		owner = SLOT_NOBODY;
	AO_compare_and_swap_full(&s->word, w,
	    word_make(r, pos, SLOT_ABANDONED, owner)); /* ring:giveup */
	return true;
}

/*
 * The cursor's slot shows W, which is not a frame of its lap.  Returns whether
 * to look again; if not, there is nothing to receive now.
 */
static __attribute__((noinline)) bool
hitch(struct ring *r, struct format_slot *s, AO_t w)
{
	uint64_t pos = r->rx.cursor;
	uint64_t slots = r->mask + 1;
	uint64_t tail;

	if (word_lap(w) == pos_lap(r, pos) && word_state(w) == SLOT_ABANDONED) {
		r->rx.cursor++;
		return true;
	}
	tail = AO_load_acquire(&r->hdr->tail); /* ring:tail */
	if (tail == pos) {
		/* Nobody is waited for; who was, may have been a lie. */
		r->rx.stuck_since = 0;
		return false;
	}
	if (tail < pos) { /* a lie: tails only grow */
		r->rx.bad++;
		r->rx.cursor = tail;
		if (r->rx.from > tail)
			r->rx.from = tail;
		if (r->rx.own_from > tail)
			r->rx.own_from = tail;
		return false;
	}
	if (tail - pos > slots) { /* lapped; leave some room to catch up */
		uint64_t to = tail - slots + slots / 8;

		note_gap(r, to <= r->rx.asleep_gap ? GAP_ASLEEP : GAP_LOST,
		    to - pos);
		r->rx.cursor = to;
		return true;
	}
	if (word_lap(w) > pos_lap(r, pos)) {
		/* It was read before the tail, so the tail belies it. */
		r->rx.bad++;
		r->rx.cursor++;
		return true;
	}
	return give_up(r, s, w, tail);
}

/* What is to be done with the frame at the cursor. */
enum verdict { TAKE, PASS, OLD, BAD };

/* Reads the header of a slot that shows COMMITTED.  Not confirmed yet. */
static inline enum verdict
examine(const struct ring *r, const struct format_slot *s, AO_t w,
    struct ring_frame *f)
{
	uint64_t meta = AO_load(&s->meta);
	uint64_t dst = peek_dst(s);

	f->slot = s;
	f->word = w;
	f->seq = AO_load(&s->seq);
	f->time_ns = AO_load(&s->time_ns);
	f->position = r->rx.cursor;
	f->len = (uint32_t)meta;
	f->sender = (uint32_t)(meta >> 32);
	if (unlikely(f->len > r->frame_max || f->len < 14 ||
		f->sender >= FORMAT_ATTACHMENTS))
		return BAD;
	if (unlikely(f->position < r->rx.from ||
		(f->sender == r->me && f->position >= r->rx.own_from)))
		return OLD;
	if (likely(dst == r->rx.mac || (dst & DST_GROUP) || r->rx.promisc))
		return TAKE;
	return PASS;
}

static inline void
pass(struct ring *r, const struct ring_frame *f, enum verdict v)
{
	if (v == BAD) {
		r->rx.bad++;
	} else if (v == PASS) {
		account(r, f->sender, f->seq);
		r->rx.skipped++;
	} else if (f->seq > r->rx.last[f->sender]) {
		r->rx.last[f->sender] = f->seq;
	}
	r->rx.cursor++;
}

/*
 * Finds the next frame for R and shows its header.  The header is confirmed,
 * the bytes are not; go on with ring_take().  Returns 0 or EAGAIN.
 */
int
ring_look(struct ring *r, struct ring_frame *f)
{
	unsigned budget;

	for (budget = RING_BUDGET; budget != 0; budget--) {
		struct format_slot *s = slot_at(r, r->rx.cursor);
		AO_t want = word_make(r, r->rx.cursor, SLOT_COMMITTED, 0);
		AO_t w = AO_load_acquire(&s->word); /* ring:word */
		enum verdict v;

		if (unlikely((w & ~(AO_t)WORD_OWNER_MASK) != want)) {
			if (!hitch(r, s, w))
				break;
			continue;
		}
		v = examine(r, s, w, f);
		if (!confirm(s, w))
			continue;
		if (v == TAKE)
			return 0;
		pass(r, f, v);
	}
	return EAGAIN;
}

/*
 * Copies the first SIZE bytes of F, which the last ring_look() has shown, to
 * BUF (NULL: does not), and goes on.  Returns whether it still was the same
 * frame.
 */
bool
ring_take(struct ring *r, const struct ring_frame *f, void *buf, size_t size)
{
	if (buf != NULL)
		copy_bytes(buf, f->slot->data, size < f->len ? size : f->len);
	if (!confirm(f->slot, f->word)) {
		/* Lapped: ring_look() will find out.  Else somebody lied. */
		AO_nop_read();
		if (AO_load_acquire(&r->hdr->tail) - r->rx.cursor <=
		    r->mask + 1) {
			r->rx.bad++;
			r->rx.cursor++;
		}
		return false;
	}
	account(r, f->sender, f->seq);
	if (buf != NULL) {
		r->rx.frames++;
		r->rx.bytes += f->len;
	} else {
		r->rx.skipped++;
	}
	r->rx.cursor++;
	return true;
}

/*
 * Receives up to N frames, copying frame i's first SIZES[i] bytes to BUFS[i].
 * Returns how many.
 */
unsigned
ring_recv(struct ring *r, struct ring_frame *f, void *const *bufs,
    const uint32_t *sizes, unsigned n)
{
	unsigned budget = RING_BUDGET;
	unsigned got = 0;

	for (; got < n && budget != 0; budget--) {
		struct format_slot *s = slot_at(r, r->rx.cursor);
		AO_t want = word_make(r, r->rx.cursor, SLOT_COMMITTED, 0);
		AO_t w = AO_load_acquire(&s->word); /* ring:word */
		enum verdict v;

		if (unlikely((w & ~(AO_t)WORD_OWNER_MASK) != want)) {
			if (!hitch(r, s, w))
				break;
			continue;
		}
		v = examine(r, s, w, &f[got]);
		if (likely(v == TAKE)) {
			uint32_t len = f[got].len;

			prefetch_slot_read(r, r->rx.cursor + ahead(len), len);
			if (unlikely(len > sizes[got]))
				len = sizes[got];
			copy_bytes(bufs[got], s->data, len);
		}
		if (!confirm(s, w))
			continue;
		if (unlikely(v != TAKE)) {
			pass(r, &f[got], v);
			continue;
		}
		account(r, f[got].sender, f[got].seq);
		r->rx.frames++;
		r->rx.bytes += f[got].len;
		r->rx.cursor++;
		got++;
	}
	return got;
}

/* How things stand at the cursor; changes nothing. */
enum ring_state
ring_state(struct ring *r)
{
	uint64_t pos = r->rx.cursor;
	/* ring:word */
	AO_t w = AO_load_acquire(&slot_at(r, pos)->word);
	uint64_t tail;

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

/*
 * Settles what of each sender's last frames was in a gap, once the reader has
 * caught up.  Returns whether it has; otherwise nothing is changed.
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
	if (AO_load_acquire(&r->hdr->tail) != r->rx.cursor)
		return false;
	for (i = 0; i < FORMAT_ATTACHMENTS; i++) {
		if (i == r->me || r->rx.gap[i] == GAP_NONE)
			continue;
		if (seq[i] > r->rx.last[i]) {
			count_missing(r, i, seq[i] - r->rx.last[i]);
			r->rx.last[i] = seq[i];
		}
		/* It may have published more, and not counted yet. */
		if (r->rx.gap[i] == GAP_LOST)
			r->rx.gap[i] = GAP_SETTLED;
	}
	return true;
}
