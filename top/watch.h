/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * watch.h - a bus that is watched; private
 *
 * DOC: A bus is opened with the right to read only: no attachment is taken, and
 * nobody rings a doorbell for us.  What the attachments do is read from their
 * own counters, which are exact.  What the traffic is made of is read from the
 * frames in the ring: watch_drain() is called often, and what was overwritten
 * before is counted as missed.
 *
 * A bus that goes away (removed, truncated, another one in its place) is not
 * the end: what happened is told, and the path is tried again at each sample.
 * All that the file says may be a lie: counters that run backwards count
 * nothing.
 */
#ifndef TOP_WATCH_H
#define TOP_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "shmbus/shmbus.h"
#include "top/frames.h"

#define HISTORY 16   /* intervals that a sparkline shows */
#define NOTE_MAX 160 /* bytes of a note, its NUL included */

/* What an attachment did, each a second. */
enum rate {
	RATE_TX_FRAMES,
	RATE_TX_BYTES,
	RATE_RX_FRAMES,
	RATE_RX_BYTES,
	RATE_LOST,
	RATE_FAILED,
	RATE_WAKEUPS,
	RATE_RUNG,
	RATES,
};

struct row {
	struct shmbus_peer peer;
	bool old; /* it was there at the sample before, so there are rates */
	double rate[RATES];
	double history[HISTORY]; /* bytes a second, the latest last */
};

struct watch {
	const char *path;
	struct shmbus *bus; /* NULL: there is none at this time */
	struct shmbus_info info;
	char note[NOTE_MAX]; /* what is wrong with it, or "" */
	struct row rows[SHMBUS_ATTACH_MAX];
	unsigned count, alive;
	uint64_t sampled_ns; /* monotonic */
	double interval;     /* seconds that the rates are about */
	struct frames frames;
	uint64_t missed, lost_before; /* frames that were not seen */
};

/* Opens W's bus.  Returns 0 or an error of shmbus.h. */
int watch_open(struct watch *w);
/* Looks at the frames that came, LIMIT of them at most. */
void watch_drain(struct watch *w, unsigned limit);
/* Reads all counters; the rates are those since the last sample. */
void watch_sample(struct watch *w);
/* Begins another interval, once a sample has been shown. */
void watch_next(struct watch *w);
void watch_close(struct watch *w);

/* The sum of a rate over all attachments of W. */
double watch_total(const struct watch *w, enum rate rate);
/* A counter as it stands; what it is called in JSON. */
uint64_t watch_counter(const struct shmbus_peer *p, enum rate rate);
const char *watch_counter_name(enum rate rate);

#endif /* TOP_WATCH_H */
