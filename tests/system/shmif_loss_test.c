/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmif_loss_test.c - what is sent arrives, whatever the network does
 *
 * Two processes, each an lwipv6 stack on a bus of its own, and between the
 * buses a bridge of the test's that loses, doubles and reorders frames.  MIB
 * MiB (4) over TCP in each direction, over IPv4 and IPv6, closed at once;
 * RUNS times (1).  Every byte is compared.  LOSS, where it is given, is the
 * only case to be run: 0, 10 or 50 of a thousand lost, "disorder" or "fin".
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <lwipv6.h>

#include "tests/lib/bulk.h"
#include "tests/lib/lossy.h"
#include "base/net_bytes.h"
#include "tests/lib/netstack.h"

#define FINS_LOST 3u

static double
seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* The first FINS_LOST segments in each direction that are a FIN and no more. */
static _Atomic unsigned fins[2];

static bool
first_fins(const uint8_t *f, uint32_t len)
{
	uint32_t at = f[12] == 0x08 ? 34 : 54; /* the TCP header */
	uint32_t end = f[12] == 0x08 ? 14u + be16(f + 16) : 54u + be16(f + 18);
	uint8_t proto = f[12] == 0x08 ? f[23] : f[20];

	if (len < at + 20 || proto != 6 || !(f[at + 13] & 1) ||
	    end > at + f[at + 12] / 16 * 4u)
		return false;
	return fins[be16(f + at) == 80]++ < FINS_LOST;
}

static void
once(struct bulk *r, const struct lossy_plan *plan)
{
	struct lossy_stats st;
	struct lossy *l;
	pid_t a, b;
	int sa, sb;
	double t;

	r->bus = net_bus();
	r->bus2 = net_bus();
	*r->ready = 0;
	fins[0] = fins[1] = 0;
	r->seed = (uint32_t)plan->seed;
	a = net_child(bulk_serve, r);
	b = net_child(bulk_ask, r);
	l = lossy_begin(r->bus, r->bus2, plan);
	assert_non_null(l);
	net_barrier(r->ready, r->parties);
	t = seconds();
	sb = net_wait(b);
	sa = net_wait(a);
	t = seconds() - t;
	lossy_end(l, &st);
	unlink(r->bus);
	unlink(r->bus2);
	printf("# seed %llu: %.1f s, %.2f MB/s; %llu frames, %llu lost, %llu "
	       "doubled, %llu late, %llu overrun\n",
	    (unsigned long long)plan->seed, t, 2.0 * (double)r->size / t / 1e6,
	    (unsigned long long)st.seen, (unsigned long long)st.dropped,
	    (unsigned long long)st.twice, (unsigned long long)st.later,
	    (unsigned long long)st.overrun);
	fflush(stdout);
	assert_int_equal(sb, 0);
	assert_int_equal(sa, 0);
}

/* RUNS times over IPv4 and IPv6 with PLAN. */
static void
transfer(struct lossy_plan *plan)
{
	struct bulk v4 = { .server = "10.0.0.1/24",
		.client = "10.0.0.2/24",
		.to = "10.0.0.1" };
	struct bulk v6 = { .server = "fd00::1/64",
		.client = "fd00::2/64",
		.to = "fd00::1" };
	long runs = net_env("RUNS", 1), seed = net_env("SEED", getpid());
	long i;

	v4.size = v6.size = (uint64_t)net_env("MIB", 4) << 20;
	v4.parties = v6.parties = 3;
	v4.ready = v6.ready = net_shared(sizeof(int));
	assert_non_null(v4.ready);
	printf("# loss %u, doubled %u, late %u of 1000\n", plan->drop,
	    plan->twice, plan->later);
	for (i = 0; i < runs; i++) {
		plan->seed = (uint64_t)(seed + i);
		once(&v4, plan);
		once(&v6, plan);
	}
}

/* Whether LOSS, where it is given, asks for WHAT. */
static bool
asked(const char *what)
{
	const char *env = getenv("LOSS");

	return env == NULL || *env == '\0' || strcmp(env, what) == 0;
}

static void
lose(const char *p)
{
	struct lossy_plan plan = { .drop = (unsigned)atoi(p) };

	if (!asked(p))
		skip();
	transfer(&plan);
}

static void
test_none(void **state)
{
	(void)state;
	lose("0");
}

static void
test_some(void **state)
{
	(void)state;
	lose("10");
}

static void
test_many(void **state)
{
	(void)state;
	lose("50");
}

/* Doubled, reordered, and now and then lost. */
static void
test_disorder(void **state)
{
	struct lossy_plan plan = { .drop = 5, .twice = 30, .later = 30 };

	(void)state;
	if (!asked("disorder"))
		skip();
	transfer(&plan);
}

/*
 * FINs are lost, and the process that sent the last one ends as soon as it may:
 * the end of the stream has to arrive all the same.
 */
static void
test_fins(void **state)
{
	struct lossy_plan plan = { .drop = 1000, .pick = first_fins };

	(void)state;
	if (!asked("fin"))
		skip();
	transfer(&plan);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_some),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_disorder),
		cmocka_unit_test(test_fins),
	};
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	net_bus();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	net_bus_remove();
	return failed;
}
