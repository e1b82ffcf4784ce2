/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * walltime_test.c - the time of frames, where clocks and counters misbehave
 *
 * The clock's source is compiled here with a kernel and a counter of the
 * test's own: time passes when the test says so.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "tests/lib/frames.h"

#define US 1000u
#define MS 1000000u
/* Of the 20 ns of an answer, those before the kernel looks. */
#define LATE 10u
#define START ((uint64_t)1700000000 * 1000 * MS)

/* The world: what the kernel's clock says, and the counter. */
static struct {
	uint64_t ns;
	double ticks, rate; /* ticks a nanosecond */
	unsigned asked;
	uint64_t delay; /* time that passes in each answer: half before it */
	uint64_t step;	/* at most between two looks at the clock */
} world;

static void
pass(uint64_t ns)
{
	world.ns += ns;
	world.ticks += (double)ns * world.rate;
}

static int
kernel_clock(clockid_t id, struct timespec *t)
{
	(void)id;
	world.asked++;
	pass(world.delay / 2);
	t->tv_sec = (time_t)(world.ns / (1000 * MS));
	t->tv_nsec = (long)(world.ns % (1000 * MS));
	pass(world.delay - world.delay / 2);
	return 0;
}

static uint64_t
counter(void)
{
	return (uint64_t)world.ticks;
}

#define clock_gettime kernel_clock
#define clock_ticks counter
#include "shmbus/walltime.c"
#undef clock_gettime
#undef clock_ticks

static struct walltime
new_clock(double rate)
{
	struct walltime c = { .counts = true };

	world.ns = START;
	world.ticks = 1e12;
	world.rate = rate;
	world.delay = 20;
	world.step = 40 * US;
	learn(&c);
	world.asked = 0;
	return c;
}

/* How far the clock is from the truth, in nanoseconds. */
static uint64_t
off(struct walltime *c)
{
	uint64_t before = world.ns;
	uint64_t t = walltime(c);

	return t < before ? before - t : t > world.ns ? t - world.ns : 0;
}

/* Lets it run for MILLIS; returns the greatest error. */
static uint64_t
run(struct walltime *c, uint64_t *seed, unsigned millis)
{
	uint64_t end = world.ns + (uint64_t)millis * MS, worst = 0;
	uint64_t told = c->told;

	while (world.ns < end) {
		uint64_t error;

		pass(random_below(seed, (unsigned)world.step));
		error = off(c);
		worst = error > worst ? error : worst;
		assert_true(c->told >= told || told - c->told >= CARRY_NS);
		told = c->told;
	}
	return worst;
}

/* It tells the time, and seldom asks for it, at all rates that counters have. */
static void
test_steady(void **state)
{
	static const double rates[] = { 0.024, 0.1, 1, 2.6, 3.9999, 6 };
	uint64_t seed = random_seed();
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		struct walltime c = new_clock(rates[i]);
		uint64_t tick = (uint64_t)(1 / rates[i]) + 1;

		assert_true(run(&c, &seed, 100) <= LATE + 2 * tick);
		assert_true(c.proven);
		world.asked = 0;
		world.step = 2 * US;
		assert_true(run(&c, &seed, 100) <= LATE + 2 * tick);
		/* Where a tick is long, some answers seem to take one more. */
		if (rates[i] > 2)
			assert_in_range(world.asked, 8000, 10100);
		/* Nobody sends for a while. */
		pass((uint64_t)3600 * 1000 * MS);
		assert_true(off(&c) == 0);
		assert_true(run(&c, &seed, 100) <= LATE + 2 * tick);
	}
}

/* Without a counter it is the kernel's clock. */
static void
test_no_counter(void **state)
{
	struct walltime c = new_clock(0);
	unsigned i;

	(void)state;
	c.counts = false;
	for (i = 0; i < 1000; i++) {
		pass(i);
		assert_int_equal(off(&c), 0);
	}
	assert_int_equal(world.asked, 1000);
	/* Nor is one trusted that stands still. */
	c.counts = true;
	for (i = 0; i < 1000; i++) {
		pass(MS / 7);
		assert_int_equal(off(&c), 0);
	}
	assert_int_equal(c.span, 0);
}

/* Somebody sets the clock: after CARRY_NS that is known. */
static void
test_set(void **state)
{
	static const int64_t steps[] = { 1, -1, 10, -10, 1000, -1000, 3600000,
		-3600000, 100000000000, -100000000000 };
	uint64_t seed = random_seed();
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct walltime c = new_clock(2.6);

		run(&c, &seed, 50);
		world.ns += (uint64_t)(steps[i] * (int64_t)MS);
		pass(CARRY_NS);
		assert_true(run(&c, &seed, 100) <= LATE + 2);
		assert_true(c.span != 0);
	}
	/* Slewed, as fast as the kernel does it. */
	for (i = 0; i < 2; i++) {
		struct walltime c = new_clock(2.6);

		run(&c, &seed, 50);
		world.rate = i == 0 ? 2.6 * 1.0005 : 2.6 * 0.9995;
		assert_true(run(&c, &seed, 1000) <= LATE + 7);
	}
}

/*
 * The counter jumps, or runs at another rate: the time is off by about CARRY_NS,
 * for some milliseconds.  If it jumps back by no more than the time for which
 * nobody has read it, the next reading cannot tell: it is off by that time.
 */
static void
test_mad_counter(void **state)
{
	uint64_t seed = random_seed();
	unsigned i;

	(void)state;
	for (i = 0; i < 3000; i++) {
		struct walltime c = new_clock(1 + random_below(&seed, 4));
		uint64_t most = 2 * CARRY_NS;

		run(&c, &seed, 30 + random_below(&seed, 20));
		switch (random_below(&seed, 3)) {
		case 0:
			world.ticks += random_below(&seed, 1u << 31);
			break;
		case 1:
			world.ticks -= random_below(&seed, 1u << 31);
			most = world.step;
			break;
		default:
			world.rate *= (500 + random_below(&seed, 1500)) /
			    1000.0;
		}
		/* Until the rate has been measured again. */
		assert_true(run(&c, &seed, 25) <= most);
		assert_true(run(&c, &seed, 60) <= LATE + 2);
	}
}

/* The counter jumps back by less than the time for which nobody has read it. */
static void
test_back_unread(void **state)
{
	static const unsigned backs[] = { 10, 11, 22, 39 }; /* microseconds */
	uint64_t seed = random_seed();
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(backs) / sizeof(backs[0]); i++) {
		struct walltime c = new_clock(1);
		uint64_t back = backs[i] * US;

		run(&c, &seed, 50);
		off(&c);
		/* Read at once: it is before the last answer. */
		world.ticks -= (double)back;
		assert_int_equal(off(&c), 0);
		/* Read later: it is behind it again, by less than CARRY_NS. */
		world.ticks -= (double)back;
		pass(back + CARRY_NS / 2);
		assert_true(off(&c) <= back + LATE + 2);
		/* CARRY_NS after the last answer it is right again. */
		pass(CARRY_NS);
		assert_int_equal(off(&c), 0);
		run(&c, &seed, 25);
		assert_true(run(&c, &seed, 60) <= LATE + 2);
	}
}

/* Answers that take long, for we were not running, are not carried on. */
static void
test_interrupted(void **state)
{
	uint64_t seed = random_seed();
	struct walltime c = new_clock(2.6);
	unsigned i;

	(void)state;
	for (i = 0; i < 100; i++) {
		unsigned k;

		for (k = 0; k < 100; k++) {
			world.delay = random_below(&seed, 4) ?
			    20 :
			    random_below(&seed, 5 * MS);
			pass(random_below(&seed, 3 * MS));
			/* Off by the time the answer took, but no more. */
			off(&c);
			assert_true(c.told <= world.ns + LATE + 2);
		}
		world.delay = 20;
		assert_true(run(&c, &seed, 30) <= LATE + 2);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steady),
		cmocka_unit_test(test_no_counter),
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_mad_counter),
		cmocka_unit_test(test_back_unread),
		cmocka_unit_test(test_interrupted),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
