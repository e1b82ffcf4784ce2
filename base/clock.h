/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * clock.h - what time it is, in nanoseconds; private
 *
 * A uint64_t holds nanoseconds for 584 years.  An int64_t, which is cast to
 * where differences may be negative, still holds them for 292.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t
clock_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* The time of those who wait: no change of the wall clock moves it. */
static inline uint64_t
now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

#endif /* BASE_CLOCK_H */
