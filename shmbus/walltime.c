/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * walltime.c - CLOCK_REALTIME for each frame, at half the price
 *
 * DOC: Theory of Operation
 *
 * Asking the kernel's clock takes more than half of the time that sending a
 * short frame takes, though it is no system call; reading the processor's
 * counter takes less than half of that.  So the kernel's last answer is carried
 * on by the counter, for ten microseconds (CARRY_NS), then the kernel is asked
 * again.
 *
 * NEVER EARLY, NEVER LATE.  Who asks the kernel's clock, sends, and asks again,
 * is to find the frame's time in between.  The counter is read just before the
 * kernel reads it (who orders its own reading after all before), so what is
 * carried on from there is not early; and it is late by no more than what
 * passed between the two.  An answer that took longer than the quickest do, by
 * more than a quarter, for a cache had to be filled or somebody else ran, is
 * told, but not carried on.  What is left is less than half of what an answer
 * takes, and less than what remains to be done when a frame has its time: three
 * locked operations and a copy.
 *
 * How many nanoseconds a tick takes is measured between answers that are
 * MEASURE_NS apart or more, and believed once two such measurements in a row
 * say the same, to 15 parts in a million: a ten thousandth of a nanosecond in
 * CARRY_NS.  A clock that was set, or begins to be slewed, or a counter that
 * jumped, make them differ, and then the kernel is asked each time until they
 * agree again.  Until that is noticed a time may be wrong by what the clock was
 * set by less than CARRY_NS ago, and by CARRY_NS * 500 / 1000000, 5 ns, for
 * being slewed at another pace, for that is how fast the kernel does it.
 *
 * The counter is used only where the processor says that it is invariant and
 * the kernel itself tells the time by it: it has compared the counters of all
 * processors and goes on watching them; so a move to another processor changes
 * nothing.  One who was stopped finds that CARRY_NS are over.  Elsewhere the
 * kernel is always asked.
 *
 * A time told is never before the one told last, unless the clock was set back
 * by more than CARRY_NS.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "shmbus/internal.h"
#ifdef __x86_64__
#include <cpuid.h>
#endif

#define CARRY_NS 10000u
#define MEASURE_NS 10000000u
#define AGREE_SHIFT 16 /* the same: within 1 / 65536 */
#define LEARN 64u      /* answers that tell how long one takes */

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

/* Asks both; P is to be carried on from if it is true. */
static bool
ask_both(struct walltime *c, struct time_pair *p)
{
	uint64_t took;

	p->tick = clock_ticks();
	p->ns = clock_ns(CLOCK_REALTIME);
	took = clock_ticks() - p->tick;
	if (took < c->quick)
		c->quick = took;
	return took - c->quick <= c->quick / 4;
}

/* What walltime_init() does where there is a counter. */
static void
learn(struct walltime *c)
{
	struct time_pair p;
	unsigned i;

	c->quick = UINT64_MAX;
	for (i = 0; i < LEARN; i++)
		ask_both(c, &p);
}

void
walltime_init(struct walltime *c)
{
	memset(c, 0, sizeof(*c));
	c->counts = processor_counts() && kernel_counts();
	if (c->counts)
		learn(c);
}

/* Measures the rate from the anchor to P, once they are far enough apart. */
static void
measure(struct walltime *c, const struct time_pair *p)
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

/* walltime(), where the last answer cannot be carried on. */
uint64_t
walltime_ask(struct walltime *c)
{
	struct time_pair p;

	c->span = 0;
	if (!c->counts) {
		p.ns = clock_ns(CLOCK_REALTIME);
	} else if (ask_both(c, &p)) {
		measure(c, &p);
		c->at = p;
		if (c->proven)
			c->span = ((uint64_t)CARRY_NS << 32) / c->rate;
	}
	if (c->told > p.ns && c->told - p.ns < CARRY_NS)
		p.ns = c->told;
	c->told = p.ns;
	return p.ns;
}
