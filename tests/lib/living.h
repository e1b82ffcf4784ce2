/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * living.h - a sender and a reader who live on while others are done away with
 */
#ifndef TESTS_LIVING_H
#define TESTS_LIVING_H

#include "tests/lib/crew.h"
#include "tests/lib/stamp.h"

#define LIVING_WHO 90001u /* the sender's frames */

struct living {
	struct shmbus *s, *r;
	unsigned slots;
	uint64_t sent, seen;
	/* Called for each frame of somebody else that R gets, in order. */
	void (*other)(struct living *l, const struct stamp *s);
	void *arg;
};

/* Attaches both to the bus PATH; R is promiscuous.  Returns success. */
bool living_begin(struct living *l, const char *path);
void living_end(struct living *l);

/* Sends N frames, to everybody. */
void living_push(struct living *l, unsigned n);
/*
 * Receives until the sender's last frame has come.  Complains unless all come,
 * whole and in order.
 */
void living_receive(struct living *l);
/* Receives what there is. */
void living_drain(struct living *l);
/* Both, a few frames at a time. */
void living_send(struct living *l, unsigned n);
/*
 * Sends N frames so, with nobody else sending, and returns how many tickets
 * that took beyond N: slots that could not be used.
 */
unsigned living_lap(struct living *l, unsigned n);

/*
 * Looks whether the bus PATH, which nobody else sends to, is as good as new:
 * LAPS laps of frames by fresh attachments.  Returns the number of slots that
 * were not usable in the last lap, and complains about all else.
 */
unsigned living_unrecovered(const char *path, unsigned laps);

#endif /* TESTS_LIVING_H */
