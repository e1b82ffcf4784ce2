/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * walltime.h - CLOCK_REALTIME for each frame, at half the price; see walltime.c
 */
#ifndef SHMBUS_WALLTIME_H
#define SHMBUS_WALLTIME_H

#include <stdbool.h>
#include <stdint.h>

struct time_pair {
	uint64_t tick, ns;
};

/* For one sender.  All zeros: the kernel's clock is read each time. */
struct walltime {
	struct time_pair at;	 /* the kernel's last answer */
	uint64_t span;		 /* for how many ticks it is carried on */
	uint64_t rate;		 /* nanoseconds a tick, times 2^32 */
	uint64_t told;		 /* the time that was returned last */
	uint64_t quick;		 /* how many ticks an answer takes at least */
	struct time_pair anchor; /* where rate is measured from */
	bool counts;		 /* the counter can be used */
	bool proven;		 /* two measurements of rate agreed */
};

void walltime_init(struct walltime *c);
uint64_t walltime_ask(struct walltime *c);

/* The processor's counter. */
#ifndef clock_ticks
static inline uint64_t
clock_ticks(void)
{
#ifdef __x86_64__
	return __builtin_ia32_rdtsc();
#else
	return 0;
#endif
}
#endif

/* CLOCK_REALTIME in nanoseconds. */
static inline uint64_t
walltime(struct walltime *c)
{
	uint64_t since, t;

	if (c->span == 0)
		return walltime_ask(c);
	since = clock_ticks() - c->at.tick;
	if (__builtin_expect(since >= c->span, 0))
		return walltime_ask(c);
	t = c->at.ns + (since * c->rate >> 32);
	if (__builtin_expect(t < c->told, 0))
		t = c->told;
	c->told = t;
	return t;
}

#endif /* SHMBUS_WALLTIME_H */
