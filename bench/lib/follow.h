/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * follow.h - what two stacks' TCP loses by one who follows it
 */
#ifndef BENCH_FOLLOW_H
#define BENCH_FOLLOW_H

#include <stdint.h>

enum follow { FOLLOW_NULL, FOLLOW_FILE, FOLLOWS };

#define FOLLOW_ROUNDS_MAX 101u
struct follow_out {
	/* By round; MB/s of frames on the bus. */
	double alone[FOLLOWS][FOLLOW_ROUNDS_MAX];
	double with[FOLLOWS][FOLLOW_ROUNDS_MAX];
	/* Of the follower: per cent of a processor, and its seconds a GB. */
	double use[FOLLOWS][FOLLOW_ROUNDS_MAX];
	double s_gb[FOLLOWS][FOLLOW_ROUNDS_MAX];
	double lost[FOLLOWS], frames[FOLLOWS]; /* in all rounds */
};

struct follow_how {
	const char *tcp, *dumpbus; /* the programs */
	const char *file, *err;	   /* where to capture to; its messages */
	unsigned rounds, ms;	   /* a slice is so long */
};

/* NULL, or what went wrong: static. */
const char *follow_run(const struct follow_how *how, struct follow_out *out);

#endif /* BENCH_FOLLOW_H */
