/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * walltime.c - CLOCK_REALTIME for each frame, at half the price
 *
 * DOC: Theory of Operation
 *
 * Asking the kernel's clock takes a third of the time that sending a short
 * frame takes, though it is no system call; reading the processor's counter
 * takes less than half of that.  So the kernel's last answer is carried on by
 * the counter, for a millisecond (CARRY_NS), then the kernel is asked again.
 *
 * How many nanoseconds a tick takes is measured between answers that are
 * MEASURE_NS apart or more, and believed once two such measurements in a row
 * say the same: a clock that was set, or a counter that jumped, make them
 * differ, and then the kernel is asked each time until they agree again.  After
 * such an event a time may be wrong by a millisecond or two, until the next
 * answer, or the next measurement.
 *
 * The counter is used only where the processor says that it is invariant and
 * the kernel itself tells the time by it: it has compared the counters of all
 * processors and goes on watching them.  Elsewhere the kernel is always asked.
 *
 * A time told is never before the one told last, unless the clock was set.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"
#ifdef __x86_64__
#include <cpuid.h>
#endif

#define CARRY_NS 1000000u
#define MEASURE_NS 10000000u
#define AGREE_SHIFT 12 /* the same: within 1 / 4096 */
/* An answer that took more ticks was interrupted. */
#define ANSWER_TICKS 8192u

/* Whether the kernel tells the time by the counter. */
static bool
kernel_counts(void)
{
	static const char source[] = "/sys/devices/system/clocksource/"
				     "clocksource0/current_clocksource";
	char name[8] = "";
	int fd = open(source, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd == -1)
		return false;
	n = read(fd, name, sizeof(name) - 1);
	close(fd);
	return n == 4 && memcmp(name, "tsc\n", 4) == 0;
}

static bool
processor_counts(void)
{
#ifdef __x86_64__
	unsigned a, b, c, d;

	return __get_cpuid(0x80000007, &a, &b, &c, &d) != 0 && (d & 1u << 8);
#else
	return false;
#endif
}

void
clock_init(struct clock *c)
{
	memset(c, 0, sizeof(*c));
	c->counts = processor_counts() && kernel_counts();
}

/* Asks both at the same moment.  Returns whether it was one. */
static bool
ask_both(struct clock_pair *p)
{
	int tries;

	for (tries = 0; tries < 3; tries++) {
		uint64_t before = clock_ticks();
		uint64_t took;

		p->ns = clock_ns(CLOCK_REALTIME);
		took = clock_ticks() - before;
		p->tick = before + took / 2;
		if (took < ANSWER_TICKS)
			return true;
	}
	return false;
}

/* Measures the rate from the anchor to P, once they are far enough apart. */
static void
measure(struct clock *c, const struct clock_pair *p)
{
	uint64_t ticks = p->tick - c->anchor.tick;
	uint64_t ns = p->ns - c->anchor.ns;
	uint64_t rate, apart;

	if (c->anchor.ns != 0 && p->ns >= c->anchor.ns && ns < MEASURE_NS)
		return;
	/* 2^30 times as slow, or as fast, as a nanosecond: no counter's. */
	if (c->anchor.ns == 0 || p->ns < c->anchor.ns ||
	    p->tick <= c->anchor.tick || ns >> 30 > ticks || ticks >> 30 > ns) {
		c->proven = false;
		c->rate = 0;
	} else {
		rate = (uint64_t)(((unsigned __int128)ns << 32) / ticks);
		apart = rate > c->rate ? rate - c->rate : c->rate - rate;
		c->proven = rate >= 1u << 22 && apart <= rate >> AGREE_SHIFT;
		c->rate = rate;
	}
	c->anchor = *p;
}

/* clock_now(), where the last answer cannot be carried on. */
uint64_t
clock_ask(struct clock *c)
{
	struct clock_pair p;

	c->span = 0;
	if (c->counts && ask_both(&p)) {
		measure(c, &p);
		c->at = p;
		if (c->proven)
			c->span = ((uint64_t)CARRY_NS << 32) / c->rate;
	} else if (!c->counts) {
		p.ns = clock_ns(CLOCK_REALTIME);
	}
	if (c->told > p.ns && c->told - p.ns < CARRY_NS)
		p.ns = c->told;
	c->told = p.ns;
	return p.ns;
}
