/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bus_time_test.c - a frame's time is that of its sending, to the nanosecond
 *
 * Between two looks at the clock a frame is sent; its time lies in between, and
 * never before that of the frame before it: however fast one follows the other,
 * after pauses, on whatever processor, and where the sender was stopped.
 * (tests/unit/walltime_test.c has clocks that are set and counters that jump.)
 */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "tests/lib/crew.h"
#include "tests/lib/stamp.h"

#define LEN 64u
#define FAST 300000u
#define SLOW 2000u

static uint64_t
wall_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

struct sender {
	struct shmbus *out, *in;
	uint64_t last;
};

static void
join(struct sender *s)
{
	crew_bus("bus", 64, 0);
	s->out = crew_attach(crew_path("bus"), 1, 0);
	s->in = crew_attach(crew_path("bus"), 2, SHMBUS_PROMISC);
	s->last = 0;
}

static void
leave(struct sender *s)
{
	shmbus_detach(s->out);
	shmbus_detach(s->in);
}

/* Sends a frame, in one way or the other, and judges its time. */
static void
judge(struct sender *s, bool reserve)
{
	uint8_t f[LEN] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }, buf[LEN];
	struct shmbus_frame i;
	uint64_t before, after;
	void *data;
	int error;

	before = wall_ns();
	if (reserve) {
		error = shmbus_reserve(s->out, LEN, &data);
		if (error == 0) {
			memcpy(data, f, LEN);
			error = shmbus_commit(s->out, LEN);
		}
	} else {
		error = shmbus_send(s->out, f, LEN);
	}
	after = wall_ns();
	if (error == SHMBUS_EGIVENUP)
		return; /* we were not running */
	if (error != 0 || shmbus_recv(s->in, buf, sizeof(buf), &i) != 0) {
		complain("send, receive: %s", shmbus_strerror(error));
		return;
	}
	if (i.time_ns < before || i.time_ns > after || i.time_ns < s->last)
		complain("%llu ns after it began, of %llu; %lld after the last",
		    (unsigned long long)(i.time_ns - before),
		    (unsigned long long)(after - before),
		    (long long)(i.time_ns - s->last));
	s->last = i.time_ns;
}

static void
test_fast(void **state)
{
	struct sender s;
	unsigned i;

	(void)state;
	join(&s);
	for (i = 0; i < FAST && !complained(); i++)
		judge(&s, i % 16 == 0);
	leave(&s);
	check();
}

/* Pauses, and other processors. */
static void
test_slow(void **state)
{
	uint64_t seed = crew_seed();
	cpu_set_t all, one;
	struct sender s;
	unsigned i;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	join(&s);
	for (i = 0; i < SLOW && !complained(); i++) {
		unsigned n = rnd_below(&seed, 30), cpu;

		cpu = rnd_below(&seed, 64);
		if (CPU_ISSET(cpu, &all)) {
			CPU_ZERO(&one);
			CPU_SET(cpu, &one);
			sched_setaffinity(0, sizeof(one), &one);
		}
		while (n-- != 0)
			judge(&s, false);
		if (i % 8 == 0)
			crew_nap(rnd_below(&seed, 200000));
	}
	sched_setaffinity(0, sizeof(all), &all);
	leave(&s);
	check();
}

static void
send_on(void *arg)
{
	_Atomic uint64_t *rounds = arg;
	struct sender s;

	join(&s);
	while (!complained()) {
		judge(&s, false);
		atomic_fetch_add(rounds, 1);
	}
	leave(&s);
}

/* Stopped at any instruction. */
static void
test_stopped(void **state)
{
	_Atomic uint64_t *rounds = crew_shared(sizeof(*rounds));
	uint64_t seed = crew_seed();
	pid_t pid = crew_start(send_on, (void *)rounds);
	unsigned i;

	(void)state;
	crew_await(rounds, 10000);
	for (i = 0; i < 300 && !complained(); i++) {
		crew_nap(rnd_below(&seed, 1000000));
		crew_stop(pid);
		crew_nap(rnd_below(&seed, 1000000));
		crew_cont(pid);
	}
	crew_kill(pid);
	check();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_fast, crew_begin,
		    crew_end),
		cmocka_unit_test_setup_teardown(test_slow, crew_begin,
		    crew_end),
		cmocka_unit_test_setup_teardown(test_stopped, crew_begin,
		    crew_end),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
