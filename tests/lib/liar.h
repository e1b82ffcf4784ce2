/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * liar.h - writing lies into a bus file, and living with them
 */
#ifndef TESTS_LIAR_H
#define TESTS_LIAR_H

#include <stdbool.h>

#include "shmbus/format.h"
#include "shmbus/shmbus.h"

/* Seconds that a call may take before an alarm ends the process; by far. */
#define CALL_MAX 60

/* The whole file, mapped by the test itself. */
struct view {
	struct format_header *h;
	struct format_attachment *att;
	uint8_t *base;
	size_t size;
	unsigned slots, stride;
};

/* Maps the bus PATH.  Complains and returns false when that fails. */
bool view_open(struct view *v, const char *path);
void view_close(struct view *v);
/* The slot of position POS. */
struct format_slot *view_slot(const struct view *v, uint64_t pos);

/* A slot's first word. */
uint64_t evil_lap_word(uint64_t lap, unsigned state, unsigned owner);
/* A random word, one that might be honest more often. */
uint64_t evil_word(uint64_t *seed, const struct view *v);

/*
 * Does one thing at random on B, whatever there is to do, for a millisecond at
 * most unless the bus keeps it.  Complains of errors that may not be, but for
 * ALSO, and of what a frame's header or a buffer may not hold.
 */
void do_something(struct shmbus *b, uint64_t *seed, int also);

/*
 * Whether new frames from S get through to R: within LAPS laps of the ring one
 * lap must come whole.  *NUMBER goes on from call to call.
 */
bool recovers(struct shmbus *s, struct shmbus *r, unsigned laps,
    uint64_t *number);
/* The same with fresh attachments; complains of what was AFTER. */
void must_recover(const char *path, const char *after);

#endif /* TESTS_LIAR_H */
