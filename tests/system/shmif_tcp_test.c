/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmif_tcp_test.c - bulk transfers arrive, to the byte
 *
 * Two processes, each an lwipv6 stack on one bus.  MIB MiB (64) over TCP from
 * client to server, then, on another connection, from server to client, over
 * IPv4 and over IPv6; RUNS times (2).  Whoever sent closes at once and exits:
 * what was sent before must arrive nevertheless.  Every byte is compared.
 *
 * Then CONNECTIONS (400) short ones, from several threads at once: a server
 * that closes one while another comes in must not stand still.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <lwipv6.h>
#include <shmif.h>

#include "tests/lib/bulk.h"
#include "tests/lib/netstack.h"

static double
seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void
transfer(struct bulk *r)
{
	long runs = net_env("RUNS", 2);
	uint64_t mib = (uint64_t)net_env("MIB", 64);
	long i;

	r->size = mib << 20;
	r->parties = 2;
	r->ready = net_shared(sizeof(int));
	assert_non_null(r->ready);
	for (i = 0; i < runs; i++) {
		double t = seconds();
		pid_t a, b;
		int sa, sb;

		r->bus = net_bus();
		r->seed = (uint32_t)getpid() + (uint32_t)i;
		*r->ready = 0;
		a = net_child(bulk_serve, r);
		b = net_child(bulk_ask, r);
		sa = net_wait(a);
		sb = net_wait(b);
		unlink(r->bus);
		fprintf(stderr, "# run %ld of %ld, seed %u: %.1f MB/s\n", i + 1,
		    runs, r->seed,
		    (double)(2 * r->size) / (seconds() - t) / 1e6);
		assert_int_equal(sa, 0);
		assert_int_equal(sb, 0);
	}
}

static void
test_ipv4(void **state)
{
	struct bulk r = { .server = "10.0.0.1/24",
		.client = "10.0.0.2/24",
		.to = "10.0.0.1" };

	(void)state;
	transfer(&r);
}

static void
test_ipv6(void **state)
{
	struct bulk r = { .server = "fd00::1/64",
		.client = "fd00::2/64",
		.to = "fd00::1" };

	(void)state;
	transfer(&r);
}

/* ---- many connections --------------------------------------------------- */

#define CALLERS 4
#define SHORT 5000

/* Sends back what it gets, once for each connection. */
static int
serve_many(void *arg)
{
	const struct bulk *r = arg;
	static uint8_t buf[SHORT];
	uint64_t i;
	int l, s;

	if (bulk_come_up(r->bus, r->server) != 0 || (l = bulk_listen(r)) == -1)
		return 1;
	net_barrier(r->ready, 2);
	for (i = 0; i < r->size; i++) {
		size_t n = 0;
		ssize_t got;

		if ((s = lwip_accept(l, NULL, NULL)) == -1)
			return bulk_bad("accept", i);
		while (n < SHORT &&
		    (got = lwip_recv(s, buf + n, (int)(SHORT - n), 0)) > 0)
			n += (size_t)got;
		if (n != SHORT || lwip_send(s, buf, SHORT, 0) != SHORT ||
		    lwip_close(s) != 0)
			return bulk_bad("serve", i);
	}
	return 0;
}

static void *
call_many(void *arg)
{
	const struct bulk *r = arg;
	uint8_t buf[SHORT], back[SHORT];
	uint64_t i;

	for (i = 0; i < r->size / CALLERS; i++) {
		int s = bulk_dial(r);
		size_t n = 0;
		ssize_t got;

		if (s == -1)
			return arg;
		net_fill(buf, SHORT, i, r->seed);
		if (lwip_send(s, buf, SHORT, 0) != SHORT)
			return arg;
		while (n < SHORT &&
		    (got = lwip_recv(s, back + n, (int)(SHORT - n), 0)) > 0)
			n += (size_t)got;
		if (n != SHORT || memcmp(buf, back, SHORT) != 0 ||
		    lwip_recv(s, back, 1, 0) != 0 || lwip_close(s) != 0) {
			bulk_bad("call", n);
			return arg;
		}
	}
	return NULL;
}

static int
ask_many(void *arg)
{
	const struct bulk *r = arg;
	pthread_t thread[CALLERS];
	void *failed, *any = NULL;
	int i;

	if (bulk_come_up(r->bus, r->client) != 0)
		return 1;
	net_barrier(r->ready, 2);
	for (i = 0; i < CALLERS; i++)
		pthread_create(&thread[i], NULL, call_many, arg);
	for (i = 0; i < CALLERS; i++) {
		pthread_join(thread[i], &failed);
		any = failed != NULL ? failed : any;
	}
	return any != NULL;
}

static void
test_many(void **state)
{
	struct bulk r = { .server = "10.0.0.1/24",
		.client = "10.0.0.2/24",
		.to = "10.0.0.1",
		.bus = net_bus(),
		.size = (uint64_t)net_env("CONNECTIONS", 400) };
	pid_t a, b;
	int sa, sb;

	(void)state;
	r.parties = 2;
	r.ready = net_shared(sizeof(int));
	assert_non_null(r.ready);
	a = net_child(serve_many, &r);
	b = net_child(ask_many, &r);
	sb = net_wait(b);
	sa = net_wait(a);
	unlink(r.bus);
	assert_int_equal(sb, 0);
	assert_int_equal(sa, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ipv4),
		cmocka_unit_test(test_ipv6),
		cmocka_unit_test(test_many),
	};
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	net_bus_remove();
	return failed;
}
