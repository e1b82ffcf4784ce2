/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmif_destroy_test.c - units come and go under traffic
 *
 * A neighbour in another process sends to two interfaces of this one as fast
 * as it can (UDP, pings, TCP); threads of this one send too, open connections,
 * and look at counters.  Meanwhile one unit is destroyed and created again,
 * ROUNDS times (1000; under sanitizers 126), and then disconnected and connected again as often;
 * then a stack is deleted with a unit on it.  Nothing crashes, the other unit
 * goes on, and descriptors, threads and memory are as before.
 *
 * slow: 45
 */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <lwipv6.h>
#include <shmif.h>

#include "tests/lib/netping.h"
#include "tests/lib/crew.h"
#include "tests/lib/netstack.h"

#define WARM_UP 50
#define MEMORY_SLACK (256 * 1024) /* what caches of 1000 rounds may hold */
#define TIME_WAIT 280		  /* what a connection leaves for 2 minutes */

struct scene {
	const char *bus;
	volatile int *ready, *quit;
	long rounds;
	bool relink;
};

static atomic_bool stop;
static atomic_long sent, looked, dialled;

/* ---- the neighbour ------------------------------------------------------ */

static int
up(const char *bus, const char *addr, int *unit)
{
	int error = shmif_create(bus, unit);

	if (error == 0)
		error = shmif_add_addr(*unit, addr);
	if (error == 0)
		error = shmif_up(*unit);
	if (error != 0)
		fprintf(stderr, "# %s: %s\n", addr, strerror(error));
	return error;
}

static void *
sink_main(void *arg)
{
	static uint8_t buf[65536];
	int l = *(int *)arg;

	for (;;) {
		int s = lwip_accept(l, NULL, NULL);

		if (s == -1)
			continue;
		while (lwip_recv(s, buf, sizeof(buf), 0) > 0)
			continue;
		lwip_close(s);
	}
	return NULL;
}

/* Sends to 10.3.0.1 and 10.3.0.2 until told to quit. */
static int
neighbour(void *arg)
{
	static uint8_t buf[1400];
	const struct scene *c = arg;
	struct sockaddr_storage to[2], here;
	socklen_t len = net_addr(&to[0], "10.3.0.1", 9);
	static int l; /* the thread stays */
	pthread_t thread;
	int unit, s;
	unsigned i;

	net_addr(&to[1], "10.3.0.2", 9);
	net_addr(&here, "10.3.0.9", 80);
	if (up(c->bus, "10.3.0.9/24", &unit) != 0)
		return 1;
	s = lwip_socket(AF_INET, SOCK_DGRAM, 0);
	l = lwip_socket(AF_INET, SOCK_STREAM, 0);
	if (s == -1 || l == -1 ||
	    lwip_bind(l, (struct sockaddr *)&here, len) == -1 ||
	    lwip_listen(l, 8) == -1 ||
	    pthread_create(&thread, NULL, sink_main, &l) != 0)
		return 1;
	net_barrier(c->ready, 2);
	for (i = 0; !*c->quit; i++) {
		net_fill(buf, 8, i, 1);
		lwip_sendto(s, buf, (int)(i % sizeof(buf)) + 1, 0,
		    (struct sockaddr *)&to[i % 2], len);
		if (i % 64 == 63)
			usleep(500);
	}
	return 0;
}

/* ---- threads of this process -------------------------------------------- */

static void *
talker(void *arg)
{
	static uint8_t buf[1200];
	struct sockaddr_storage to;
	socklen_t len = net_addr(&to, "10.3.0.9", 9);
	int s = lwip_socket(AF_INET, SOCK_DGRAM, 0);

	(void)arg;
	while (!stop) {
		lwip_sendto(s, buf, sizeof(buf), 0, (struct sockaddr *)&to,
		    len);
		if (++sent % 32 == 0)
			usleep(500);
	}
	lwip_close(s);
	return NULL;
}

static void *
dialler(void *arg)
{
	static uint8_t buf[30000];
	struct sockaddr_storage to;
	socklen_t len = net_addr(&to, "10.3.0.9", 80);

	(void)arg;
	while (!stop) {
		int s = lwip_socket(AF_INET, SOCK_STREAM, 0);
		int i;

		if (lwip_connect(s, (struct sockaddr *)&to, len) == 0) {
			dialled++;
			for (i = 0; i < 10 && !stop; i++)
				if (lwip_send(s, buf, sizeof(buf), 0) <= 0)
					break;
		} else {
			usleep(1000);
		}
		lwip_close(s);
	}
	return NULL;
}

static void *
looker(void *arg)
{
	struct shmif_stats st;
	struct shmif_info info;
	char path[300];
	unsigned mtu;
	int n;

	(void)arg;
	while (!stop) {
		for (n = shmif_next(-1); n != -1; n = shmif_next(n)) {
			shmif_stats(n, &st);
			shmif_info(n, &info);
			shmif_path(n, path, sizeof(path));
			shmif_mtu(n, &mtu);
			looked++;
		}
		usleep(200);
	}
	return NULL;
}

/* ---- the rounds --------------------------------------------------------- */

/* One round; UNIT is the unit that comes and goes. */
static int
one_round(const struct scene *c, int *unit)
{
	int error;

	if (c->relink) {
		if ((error = shmif_linkstr(*unit, NULL)) == 0)
			error = shmif_linkstr(*unit, c->bus);
	} else {
		if ((error = shmif_destroy(*unit)) == 0)
			error = up(c->bus, "10.3.0.2/24", unit);
	}
	if (error != 0)
		fprintf(stderr, "# %s: %s\n", c->relink ? "linkstr" : "destroy",
		    strerror(error));
	return error;
}

static long
memory(void)
{
	struct mallinfo2 m;

	malloc_trim(0);
	m = mallinfo2();
	return (long)(m.uordblks + m.hblkhd);
}

struct state {
	int descriptors, threads;
	long memory;
};

/* What this process has once its stack is quiet. */
static struct state
take_stock(void)
{
	struct state s;

	usleep(100000);
	s.descriptors = net_descriptors();
	s.threads = net_threads();
	s.memory = memory();
	return s;
}

static int
visited(void *arg)
{
	struct scene *c = arg;
	void *(*const mains[])(void *) = { talker, dialler, looker };
	struct state before, after;
	struct netping *ping;
	pthread_t thread[3];
	int stays, goes;
	unsigned i;
	long n;

	if (up(c->bus, "10.3.0.1/24", &stays) != 0 ||
	    up(c->bus, "10.3.0.2/24", &goes) != 0)
		return 1;
	ping = netping_new(NULL, AF_INET, NULL);
	net_barrier(c->ready, 2);
	if (netping(ping, "10.3.0.9", 56, 20) != 0)
		return 2;
	for (n = 0; n < WARM_UP; n++)
		if (one_round(c, &goes) != 0)
			return 3;
	before = take_stock();
	for (i = 0; i < 3; i++)
		pthread_create(&thread[i], NULL, mains[i], NULL);
	for (n = 0; n < c->rounds; n++) {
		if (one_round(c, &goes) != 0)
			return 4;
		if (n % 8 == 0)
			usleep(1000); /* let traffic get under way */
	}
	if (netping(ping, "10.3.0.9", 1000, 20) != 0)
		return 5;
	stop = true;
	for (i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	*c->quit = 1;
	sleep(1); /* connections that are being closed end */
	after = take_stock();
	fprintf(stderr,
	    "# %ld rounds, %ld datagrams, %ld connections, "
	    "%ld looks; descriptors %d %d, threads %d %d, "
	    "memory %ld %ld\n",
	    c->rounds, (long)sent, (long)dialled, (long)looked,
	    before.descriptors, after.descriptors, before.threads,
	    after.threads, before.memory, after.memory);
	if (after.descriptors != before.descriptors)
		return 6;
	if (after.threads != before.threads)
		return 7;
	if (after.memory > before.memory + MEMORY_SLACK + dialled * TIME_WAIT)
		return 8;
	return shmif_destroy(stays) == 0 && shmif_destroy(goes) == 0 ? 0 : 9;
}

static void
play(bool relink)
{
	volatile int *count = net_shared(2 * sizeof(int));
	struct scene c = { .bus = net_bus(),
		.relink = relink,
		.rounds = net_env("ROUNDS", crew_scale(1000)) };
	pid_t a, b;
	int sa, sb;

	assert_non_null(count);
	c.ready = &count[0];
	c.quit = &count[1];
	a = net_child(neighbour, &c);
	b = net_child(visited, &c);
	sb = net_wait(b);
	*c.quit = 1;
	sa = net_wait(a);
	unlink(c.bus);
	assert_int_equal(sb, 0);
	assert_int_equal(sa, 0);
}

static void
test_destroy(void **state)
{
	(void)state;
	play(false);
}

static void
test_linkstr(void **state)
{
	(void)state;
	play(true);
}

/* ---- a stack goes with its units ---------------------------------------- */

static int
deleted(void *arg)
{
	const struct scene *c = arg;
	struct netping *p;
	int unit, other, threads, descriptors;
	int i;

	if (up(c->bus, "10.3.0.1/24", &other) != 0)
		return 1;
	p = netping_new(NULL, AF_INET, NULL);
	threads = net_threads();
	descriptors = net_descriptors();
	for (i = 0; i < 20; i++) {
		struct stack *stack = lwip_add_stack(0);

		if (stack == NULL ||
		    shmif_create_on(stack, c->bus, &unit) != 0 || unit != 1 ||
		    shmif_add_addr(unit, "10.3.0.2/24") != 0 ||
		    shmif_up(unit) != 0)
			return 2;
		if (netping(p, "10.3.0.2", 56, 20) != 0)
			return 3;
		lwip_del_stack(stack);
		if (shmif_netif(unit) != NULL || shmif_destroy(unit) != ENXIO ||
		    shmif_next(0) != -1)
			return 4;
	}
	/* lwipv6 does not wait for the end of its threads. */
	for (i = 0; i < 200 && net_threads() != threads; i++)
		usleep(20000);
	if (net_threads() != threads || net_descriptors() != descriptors)
		return 5;
	return shmif_destroy(other) == 0 ? 0 : 6;
}

static void
test_del_stack(void **state)
{
	struct scene c = { .bus = net_bus() };

	(void)state;
	assert_int_equal(net_wait(net_child(deleted, &c)), 0);
	unlink(c.bus);
}

/* Threads create and destroy at the same time; numbers are never shared. */
static atomic_int owner[SHMIF_UNITS_MAX];
static atomic_int clashes;

static void *
churn(void *arg)
{
	struct scene *c = arg;
	int i, unit;

	for (i = 0; i < 60; i++) {
		if (shmif_create(i % 3 ? c->bus : NULL, &unit) != 0) {
			clashes++;
			continue;
		}
		if (atomic_fetch_add(&owner[unit], 1) != 0)
			clashes++;
		shmif_up(unit);
		shmif_linkstr(unit, i % 2 ? c->bus : NULL);
		if (shmif_netif(unit) == NULL)
			clashes++;
		atomic_fetch_sub(&owner[unit], 1);
		if (shmif_destroy(unit) != 0)
			clashes++;
	}
	return NULL;
}

static int
churned(void *arg)
{
	pthread_t thread[4];
	int i;

	for (i = 0; i < 4; i++)
		pthread_create(&thread[i], NULL, churn, arg);
	for (i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	return clashes != 0 || shmif_next(-1) != -1;
}

static void
test_churn(void **state)
{
	struct scene c = { .bus = net_bus() };

	(void)state;
	assert_int_equal(net_wait(net_child(churned, &c)), 0);
	unlink(c.bus);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_destroy),
		cmocka_unit_test(test_linkstr),
		cmocka_unit_test(test_del_stack),
		cmocka_unit_test(test_churn),
	};
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	net_bus_remove();
	return failed;
}
