/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bare.h - what the machine can do at best, for comparison
 *
 * Each function measures between two processes and returns NULL, or what went
 * wrong.
 */
#ifndef BENCH_BARE_H
#define BENCH_BARE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * One process copies pieces of SIZE bytes into shared memory, the other copies
 * them out, for MS milliseconds.  There is room for PIECES of them, STRIDE
 * bytes apart.  AHEAD: the writer asks for the memory in advance.  *RATE is
 * pieces a second.
 */
struct layout {
	size_t size, stride;
	unsigned pieces; /* a power of two, 512 at least */
	bool ahead;
};
const char *limit_copy(const struct layout *l, unsigned ms, double *rate);

/*
 * Round trips, in nanoseconds, of a word between two processes that spin on
 * it, and of one between two that sleep in futex(2).  N of them to TRIPS.
 */
const char *limit_line(double *trips, size_t n);
const char *limit_futex(double *trips, size_t n);

#endif /* BENCH_BARE_H */
