/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * idlers.h - attachments that have nothing to do, and what they cost
 *
 * Members of a crew that attach, sleep until it is over, and then say how often
 * they were woken and what they used of a processor.
 */
#ifndef BENCH_IDLERS_H
#define BENCH_IDLERS_H

#include <shmbus.h>

#include "bench/lib/common.h"

struct idlers {
	unsigned n; /* as many as there are */
	_Atomic unsigned asleep, over, left;
	struct {
		double woken; /* a second */
		double cpu;   /* per cent of a processor */
	} of[CREW_MAX];
};

/* A member that idles on BUS, number NUMBER of them. */
void idler(struct idlers *i, unsigned number, const char *bus);
/* Waits until all of them do. */
void idlers_await(const struct idlers *i);
/* By a member that is attached as B: sends them home. */
void idlers_end(struct idlers *i, struct shmbus *b);
/* The mean and the greatest of how often they were woken, and mean CPU. */
void idlers_sum(const struct idlers *i, double *woken, double *most,
    double *cpu);

#endif /* BENCH_IDLERS_H */
