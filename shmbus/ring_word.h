/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ring_word.h - what ring.c, ring_recv.c, ring_sleep.c and ring_join.c share: a
 * slot's word, positions, copying (not installed)
 */
#ifndef SHMBUS_RING_WORD_H
#define SHMBUS_RING_WORD_H

#include <string.h>

#include "shmbus/ring.h"

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/*
 * How many positions ahead the lines of a slot are asked for, and how many
 * lines ahead at most: each has to come from another processor's cache, which
 * takes as long as some dozens of them do when they come one after the other;
 * and more at once than a first-level cache holds beside other things are gone
 * again before they are used.
 */
#define RING_AHEAD 12u
#define RING_LINES_AHEAD 128u
#define COPY_STEP 256u /* bytes copied between asking and asking again */

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

/* Laps are 48 bits: compared as such, whatever a liar wrote to the tail. */
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

/* The same lap, ABANDONED, in nobody's hands. */
static inline AO_t
word_disown(AO_t w)
{
	return (w & ~((AO_t)3 << WORD_STATE_SHIFT)) |
	    (AO_t)SLOT_ABANDONED << WORD_STATE_SHIFT | SLOT_NOBODY;
}

/* Whether somebody may be writing to the slot. */
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

/* Where in a slot's data the next frame begins, after one that ends at END. */
static inline uint32_t
pack_align(uint32_t end)
{
	return (end + 7) & ~7u;
}

/* The length of the frame that is announced at AT of slot S's data. */
static inline uint32_t
pack_len(const struct format_slot *s, uint32_t at)
{
	return (uint32_t)AO_load((const AO_t *)(const void *)(s->data + at));
}

/* How far ahead to ask for slots with LEN bytes of data. */
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

/* Asks for the lines of LEN bytes from P on. */
static inline void
ask_lines(const char *p, size_t len, enum ask what)
{
	size_t i;

	for (i = 0; i < len; i += FORMAT_LINE)
		ask_line(p + i, what);
	ask_line(p + len - 1, what);
}

/*
 * Copies a frame into or out of a slot, while others may do the same.  The
 * short ones, where a call costs more than the copy, are done in line: two
 * overlapping halves of a power of two.
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
 * the slot, and meanwhile asks for the same lines of the slot NEXT (NULL:
 * none).  A few at a time, for a processor that is asked for many at once does
 * nothing else until most of them have come.
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
	/* Again the short ones, for which each branch counts. */
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

/* Whether the slot still holds what it did when W was read. */
static inline bool
confirm(const struct format_slot *s, AO_t w)
{
	AO_nop_read(); /* ring:recheck */
	return likely(AO_load(&s->word) == w);
}

#endif /* SHMBUS_RING_WORD_H */
