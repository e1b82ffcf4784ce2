/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spin.c - looking for a while before sleeping
 *
 * DOC: The cost: to sleep and be woken takes 10 to 50 us, most of them until
 * the processor comes back from its own sleep; what one waits for is often
 * there after two.  A stream stops and starts, and an echo of 64 bytes is four
 * such sleeps.
 *
 * So a thread that waits looks for a few microseconds first, and lets others run
 * in between (sched_yield): where there are more threads than processors, it
 * gives way to the thread that it waits for.  As long as it looks nobody has to
 * wake it, which saves the other thread a system call.
 *
 * That must not cost those who wait for long.  A miss makes the next looks
 * rarer, up to one in SKIP_MAX waits; a hit makes them the rule again.  What is
 * idle spends 20 us for each time it is woken at most, and soon none.  On one
 * processor nobody looks.
 */
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "stack/lwipv6/threads/threads.h"

#define MISSES_FREE 4u
#define SKIP_MAX 64u

static bool
alone(void)
{
	static _Atomic int processors;

	if (processors == 0)
		processors = (int)sysconf(_SC_NPROCESSORS_ONLN);
	return processors == 1;
}

/* A look in vain: how many waits the next one is put off for. */
static void
miss(struct spin *s)
{
	if (s->misses < MISSES_FREE + 6)
		s->misses++;
	s->skip = s->misses <= MISSES_FREE ? 0 :
					     1u << (s->misses - MISSES_FREE);
	if (s->skip > SKIP_MAX)
		s->skip = SKIP_MAX;
}

bool
spin_wait(struct spin *s, int64_t ns, bool (*ready)(void *), void *arg)
{
	unsigned again = atomic_load_explicit(&s->again, memory_order_relaxed);
	bool longer = false;
	int64_t until;

	if (s->skip > 0) {
		s->skip--;
		return ready(arg);
	}
	if (alone())
		return ready(arg);
	until = (int64_t)now_ns() + ns;
	do {
		if (ready(arg)) {
			s->misses = 0;
			return true;
		}
		if (!longer &&
		    again !=
			atomic_load_explicit(&s->again, memory_order_relaxed)) {
			longer = true;
			until = (int64_t)now_ns() + ns;
		}
		sched_yield();
	} while ((int64_t)now_ns() < until);
	if (longer)
		s->misses = 0; /* it saved somebody a system call */
	else
		miss(s);
	return false;
}

void
spin_again(struct spin *s)
{
	atomic_fetch_add_explicit(&s->again, 1, memory_order_relaxed);
}
