/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmif_cross_test.c - every stack on a bus pings every other
 *
 * Three and eight stacks in as many processes, and two, then four, in one
 * process; every pair pings in both directions, over IPv4 and over IPv6.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <lwipv6.h>
#include <shmif.h>

#include "tests/lib/netping.h"
#include "tests/lib/netstack.h"

#define TRIES 20
#define STACKS_MAX 16

struct member {
	const char *bus;
	int me, n;
	volatile int *up, *done;
};

/* Address of member I. */
static const char *
addr(int family, int i, bool prefix)
{
	static __thread char text[4][40];
	static __thread unsigned next;
	char *t = text[next++ % 4];

	snprintf(t, sizeof(text[0]),
	    family == AF_INET ? "10.1.0.%d%s" : "fd00:1::%d%s", i + 1,
	    !prefix		  ? "" :
		family == AF_INET ? "/24" :
				    "/64");
	return t;
}

/* Puts member I on STACK.  Returns its unit, or -1. */
static int
come_up(struct stack *stack, const char *bus, int i)
{
	const struct shmif_options opt = { .stack = stack };
	int unit, error;

	if ((error = shmif_create_opt(bus, &opt, &unit)) != 0 ||
	    (error = shmif_add_addr(unit, addr(AF_INET, i, true))) != 0 ||
	    (error = shmif_add_addr(unit, addr(AF_INET6, i, true))) != 0 ||
	    (error = shmif_up(unit)) != 0) {
		fprintf(stderr, "# member %d: %s\n", i, strerror(error));
		return -1;
	}
	return unit;
}

/* Pings all of N from member I of STACK.  Returns how many did not answer. */
static int
ping_all(struct stack *stack, int i, int n)
{
	static const int families[] = { AF_INET, AF_INET6 };
	int failed = 0;
	unsigned f;
	int to;

	for (f = 0; f < 2; f++) {
		int family = families[f];
		struct netping *p = netping_new(stack, family,
		    addr(family, i, false));

		for (to = 0; to < n; to++) {
			int r;

			if (to == i)
				continue;
			r = p == NULL ?
			    4 :
			    netping(p, addr(family, to, false), 56, TRIES);
			if (r != 0) {
				fprintf(stderr, "# %d to %s: result %d\n", i,
				    addr(family, to, false), r);
				failed++;
			}
		}
	}
	return failed;
}

static int
member(void *arg)
{
	const struct member *m = arg;
	int failed;

	if (come_up(NULL, m->bus, m->me) == -1)
		return 1;
	net_barrier(m->up, m->n);
	failed = ping_all(NULL, m->me, m->n);
	net_barrier(m->done, m->n);
	return failed != 0;
}

static void
cross(int n)
{
	struct member m[STACKS_MAX];
	pid_t pid[STACKS_MAX];
	volatile int *count = net_shared(2 * sizeof(int));
	const char *bus = net_bus();
	int failed = 0;
	int i;

	assert_non_null(count);
	for (i = 0; i < n; i++) {
		m[i] = (struct member){ bus, i, n, &count[0], &count[1] };
		pid[i] = net_child(member, &m[i]);
	}
	for (i = 0; i < n; i++) {
		int st = net_wait(pid[i]);

		if (st != 0)
			fprintf(stderr, "# member %d: status %d\n", i, st);
		failed += st != 0;
	}
	unlink(bus);
	assert_int_equal(failed, 0);
}

static void
test_three(void **state)
{
	(void)state;
	cross(3);
}

static void
test_eight(void **state)
{
	(void)state;
	cross(8);
}

struct household {
	const char *bus;
	int n;
};

/* N stacks in this process. */
static int
household(void *arg)
{
	const struct household *h = arg;
	struct stack *stack[STACKS_MAX];
	int failed = 0;
	int i;

	for (i = 0; i < h->n; i++) {
		stack[i] = lwip_add_stack(0);
		if (stack[i] == NULL || come_up(stack[i], h->bus, i) != i)
			return 1;
	}
	for (i = 0; i < h->n; i++)
		failed += ping_all(stack[i], i, h->n);
	return failed != 0;
}

static void
test_two_at_home(void **state)
{
	struct household h = { net_bus(), 2 };

	(void)state;
	assert_int_equal(net_wait(net_child(household, &h)), 0);
}

static void
test_four_at_home(void **state)
{
	struct household h = { net_bus(), 4 };

	(void)state;
	assert_int_equal(net_wait(net_child(household, &h)), 0);
}

/* Two buses in one process, with the same addresses on both. */
static int
twins(void *arg)
{
	const char *const *bus = arg;
	struct stack *stack[4];
	struct netping *p;
	int i;

	for (i = 0; i < 4; i++) {
		stack[i] = lwip_add_stack(0);
		if (come_up(stack[i], bus[i / 2], i % 2) != i)
			return 1;
	}
	for (i = 0; i < 4; i++) {
		p = netping_new(stack[i], AF_INET, NULL);
		if (p == NULL ||
		    netping(p, addr(AF_INET, 1 - i % 2, false), 56, TRIES) != 0)
			return 2 + i;
	}
	return 0;
}

static void
test_twins(void **state)
{
	char one[256];
	const char *bus[2] = { one, NULL };

	(void)state;
	snprintf(one, sizeof(one), "%s", net_bus());
	bus[1] = net_bus();
	assert_int_equal(net_wait(net_child(twins, bus)), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_three),
		cmocka_unit_test(test_eight),
		cmocka_unit_test(test_two_at_home),
		cmocka_unit_test(test_four_at_home),
		cmocka_unit_test(test_twins),
	};
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	net_bus_remove();
	return failed;
}
