/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ring_word.h - what the files ring*.c share: the word of a slot, positions,
 * copying
 */
#ifndef SHMBUS_RING_WORD_H
#define SHMBUS_RING_WORD_H

#include <string.h>

#include "shmbus/ring.h"

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/*
 * How many positions ahead the lines of a slot are prefetched, and how many
 * lines ahead at most.  Each line has to come from another processor's cache,
 * which takes as long as copying some dozens of lines does.  But a first-level
 * cache that is asked for more lines at once than it has room for drops them
 * before they are used.
 */
#define RING_AHEAD 12u
#define RING_LINES_AHEAD 128u
#define COPY_STEP 256u /* bytes copied between two rounds of prefetching */

#define WORD_LAP_SHIFT 16
#define WORD_STATE_SHIFT 14
#define WORD_OWNER_MASK 0x3fffu

static inline AO_t
word_make(const struct ring *r, uint64_t pos, unsigned state, unsigned owner)
{
	return (pos >> r->shift) << WORD_LAP_SHIFT |
	    (AO_t)state << WORD_STATE_SHIFT | owner;
}

static inline unsigned
word_state(AO_t w)
{
	return (unsigned)(w >> WORD_STATE_SHIFT) & 3;
}

static inline unsigned
word_owner(AO_t w)
{
	return (unsigned)w & WORD_OWNER_MASK;
}

/*
 * Laps have 48 bits.  Both sides of a comparison are cut to that, so that a tail
 * that a liar wrote does no harm.
 */
static inline uint64_t
word_lap(AO_t w)
{
	return w >> WORD_LAP_SHIFT;
}

static inline uint64_t
pos_lap(const struct ring *r, uint64_t pos)
{
	return (pos >> r->shift) & (~(uint64_t)0 >> WORD_LAP_SHIFT);
}

/*
 * Positions of lap 0 are never used, since a slot of zeros has that lap: if a
 * liar, or 2^64 positions, make the tail point there, everybody goes on with the
 * first position of lap 1.  Returns that one for P, or P if it is in no lap 0.
 */
static inline uint64_t
pos_usable(const struct ring *r, uint64_t p)
{
	return likely(pos_lap(r, p) != 0) ? p : (p | r->mask) + 1;
}

/* Whether position A comes before B, also where a liar makes them wrap. */
static inline bool
pos_before(uint64_t a, uint64_t b)
{
	return (int64_t)(a - b) < 0;
}

/* Loads the tail, as a position that can be used. */
static inline uint64_t
load_tail(const struct ring *r)
{
	return pos_usable(r, AO_load_acquire(&r->hdr->tail)); /* ring:tail */
}

/* Returns ABANDONED with the lap of W, owned by nobody. */
static inline AO_t
word_disown(AO_t w)
{
	return (w & ~((AO_t)3 << WORD_STATE_SHIFT)) |
	    (AO_t)SLOT_ABANDONED << WORD_STATE_SHIFT | SLOT_NOBODY;
}

/*
 * seq and tx_seq: a count of frames, and above it how many owners of the number
 * have died; see EXACT LOSS in ring.c.
 */
#define SEQ_COUNT_BITS 48

static inline uint64_t
seq_count(uint64_t seq)
{
	return seq & (~(uint64_t)0 >> (64 - SEQ_COUNT_BITS));
}

static inline uint64_t
seq_deaths(uint64_t seq)
{
	return seq >> SEQ_COUNT_BITS;
}

/* Whether the word's owner, if it names one, may be writing to the slot. */
static inline bool
word_held(AO_t w)
{
	return word_state(w) == SLOT_WRITING || word_state(w) == SLOT_ABANDONED;
}

static inline struct format_slot *
slot_at(const struct ring *r, uint64_t pos)
{
	return (struct format_slot *)(void *)(r->slots +
	    (pos & r->mask) * r->stride);
}

/*
 * Returns where in a slot's data the word before the next frame is, after a
 * frame that ends at END.
 */
static inline uint32_t
pack_align(uint32_t end)
{
	return (end + 7) & ~7u;
}

/* Reads the length of a further frame, whose word is at AT of S's data. */
static inline uint32_t
pack_len(const struct format_slot *s, uint32_t at)
{
	return (uint32_t)AO_load((const AO_t *)(const void *)(s->data + at));
}

/* Returns how many positions ahead to prefetch slots with LEN bytes of data. */
static inline uint64_t
ahead(uint32_t len)
{
	uint32_t lines = (len + (uint32_t)sizeof(struct format_slot)) /
		FORMAT_LINE +
	    1;

	return lines <= RING_LINES_AHEAD / RING_AHEAD ? RING_AHEAD :
	    lines <= RING_LINES_AHEAD ? RING_LINES_AHEAD / lines :
					1;
}

/* Prefetches the lines of LEN bytes from P on. */
static inline void
ask_lines(const char *p, size_t len, enum ask what)
{
	size_t i;

	for (i = 0; i < len; i += FORMAT_LINE)
		ask_line(p + i, what);
	ask_line(p + len - 1, what);
}

/*
 * Copies a frame into or out of a slot, while others may do the same.  For short
 * frames a call of memcpy() would cost more than the copy; they are copied in
 * line, as two overlapping halves whose size is a power of two.
 */
#if defined(__SANITIZE_THREAD__)
static inline void
copy_bytes(void *to, const void *from, size_t len)
{
	char *t = to;
	const char *f = from;

	for (; len != 0; len--, t++, f++)
		__atomic_store_n(t, __atomic_load_n(f, __ATOMIC_RELAXED),
		    __ATOMIC_RELAXED);
}
#else
static inline void
copy_bytes(void *to, const void *from, size_t len)
{
	char *t = to;
	const char *f = from;

	if (len > 128 || len < 32) {
		if (len != 0)
			memcpy(t, f, len);
	} else if (len > 64) {
		char a[64], b[64];

		memcpy(a, f, 64);
		memcpy(b, f + len - 64, 64);
		memcpy(t, a, 64);
		memcpy(t + len - 64, b, 64);
	} else {
		char a[32], b[32];

		memcpy(a, f, 32);
		memcpy(b, f + len - 32, 32);
		memcpy(t, a, 32);
		memcpy(t + len - 32, b, 32);
	}
}
#endif

/*
 * Copies LEN bytes of the frame that lies at AT of a slot's data into or out of
 * the slot, and meanwhile prefetches the same lines of the slot NEXT (NULL:
 * none).  It prefetches a few at a time, because a processor that is asked for
 * many at once does nothing else until most of them have come.
 */
static inline void
copy_asking(void *to, const void *from, size_t len,
    const struct format_slot *next, uint32_t at, enum ask what)
{
	const char *line;
	char *t = to;
	const char *f = from;

	if (next == NULL) {
		copy_bytes(to, from, len);
		return;
	}
	line = (const char *)next->data + at;
	/* For short frames each branch counts. */
	if (likely(len <= FORMAT_LINE)) {
		ask_line(line, what);
		ask_line(line + len - 1, what);
		copy_bytes(t, f, len);
		return;
	}
	for (; len > COPY_STEP; len -= COPY_STEP) {
		ask_lines(line, COPY_STEP, what);
		copy_bytes(t, f, COPY_STEP);
		line += COPY_STEP;
		t += COPY_STEP;
		f += COPY_STEP;
	}
	ask_lines(line, len, what);
	copy_bytes(t, f, len);
}

/* Whether the slot still holds the same frames as when W was loaded. */
static inline bool
confirm(const struct format_slot *s, AO_t w)
{
	AO_nop_read(); /* ring:recheck */
	return likely(AO_load(&s->word) == w);
}

/* ring_loss.c */
void ring_note_gap(struct ring *r, enum ring_gap kind, uint64_t positions);
void ring_account_gap(struct ring *r, unsigned sender, uint64_t seq);

#endif /* SHMBUS_RING_WORD_H */
