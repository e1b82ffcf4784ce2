/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * walltime.c - CLOCK_REALTIME for each frame, at half the price
 *
 * DOC: Theory of Operation
 *
 * Reading the kernel's clock takes more than half of the time that sending a
 * short frame takes, though it is no system call; reading the processor's
 * counter takes less than half of that.  So the kernel's last answer is carried
 * on by the counter for ten microseconds (CARRY_NS), and then the kernel's clock
 * is read again.
 *
 * NEVER EARLY, NEVER LATE.  A program that reads the kernel's clock, sends, and
 * reads the clock again must find the frame's time between the two.  The counter
 * is read just before the kernel's clock, which reads the counter after all
 * earlier instructions.  So a time that is carried on from there is not early,
 * and it is late by no more than the time between the two readings.  Some
 * answers take longer than the quickest do by more than a quarter, because a
 * cache had to be filled or another process ran: these are returned, but not
 * carried on.  The delay that remains is less than half of what an answer takes,
 * and less than what is left to do once a frame has its time: three locked
 * operations and a copy.
 *
 * The number of nanoseconds in a tick is measured between answers that are
 * MEASURE_NS apart or more.  It is believed once two such measurements in a row
 * agree to 15 parts in a million, which is a ten thousandth of a nanosecond in
 * CARRY_NS.  If the clock is set or begins to be slewed, or if the counter
 * jumps, they differ, and then the kernel is asked each time until two agree
 * again.  Until that is noticed a time may be wrong by what the clock was set by
 * less than CARRY_NS ago, and by CARRY_NS * 500 / 1000000, 5 ns, for being
 * slewed at another rate, since the kernel slews no faster.  A counter that jumps
 * back by no more than the time for which nobody has read it looks as if less
 * time had passed: then the time is wrong by that, until CARRY_NS after the last
 * answer.
 *
 * The counter is used only if the processor says that it is invariant, and if
 * the kernel itself takes the time from it: then the kernel has compared the
 * counters of all processors and goes on watching them, so that moving to
 * another processor changes nothing.  After a process was stopped, CARRY_NS are
 * over.  On other machines the kernel is asked each time.
 *
 * A time that is returned is never before the one returned last, unless the
 * clock was set back by more than CARRY_NS.
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
#define AGREE_SHIFT 16 /* two rates agree within 1 / 65536 */
#define LEARN 64u      /* answers whose quickest tells how long one takes */

/* Whether the kernel takes the time from the counter. */
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

/* Whether the processor has a counter that never changes its rate. */
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

/* Reads both clocks.  Returns whether P may be carried on from. */
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

/* Learns how long an answer of the kernel takes at least. */
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
	/* No counter ticks 2^30 times as fast or as slow as nanoseconds. */
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

/* walltime(), if the last answer cannot be carried on. */
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
