/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmif_soak_test.c - everything at once, for SOAK (6) seconds
 *
 * One process: three stacks on a bus, three on another, and a bridge between
 * that loses, doubles and reorders, differently each second.  Threads of their
 * own send and compare TCP streams, open and close short connections, send UDP
 * of all sizes, ping with and without fragments, take an interface down and up,
 * off the bus and on again, and make and destroy further ones.
 *
 * That nothing is found is for the sanitizers to say, and for what is counted
 * here: streams and datagrams that come are right, each kind goes on to the
 * end, and in the second half of the time neither descriptors nor threads nor,
 * without sanitizers, memory grow.
 *
 * A stack in use sees some thousand segments, a hundred connections and ten
 * changes of its interface an hour; each second here has at least as many
 * changes, so that two minutes are more than three hours of that.  The rates
 * reached are printed.
 *
 * slow: 7
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
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <lwipv6.h>
#include <shmif.h>

#include "tests/lib/lossy.h"
#include "tests/lib/netping.h"
#include "tests/lib/netstack.h"

#define STACKS 6
#define PIECE 20000
#define STREAM 400000

enum kind {
	STREAMS,
	SHORT,
	DATAGRAMS,
	PINGS,
	FLAPS,
	MOVES,
	UNITS,
	KINDS,
};

static const char *const names[KINDS] = { "streams", "short connections",
	"datagrams", "pings", "up and down", "off the bus and on",
	"made and destroyed" };

static struct stack *stacks[STACKS];
static int units[STACKS];
static const char *path[2];
static atomic_bool stop;
static _Atomic unsigned long count[KINDS], wrong, failed_streams;

static bool
sanitized(void)
{
	const char *san = getenv("SHMIF_SAN");

	return san != NULL && *san != '\0';
}

/* The address of stack I, even ones on the first bus. */
static const char *
host(int family, int i)
{
	static const char *const v4[STACKS] = { "10.6.0.1", "10.6.0.2",
		"10.6.0.3", "10.6.0.4", "10.6.0.5", "10.6.0.6" };
	static const char *const v6[STACKS] = { "fd00:6::1", "fd00:6::2",
		"fd00:6::3", "fd00:6::4", "fd00:6::5", "fd00:6::6" };

	return family == AF_INET ? v4[i] : v6[i];
}

static int
bound(int i, int family, int type, unsigned port)
{
	struct sockaddr_storage ss;
	socklen_t len = net_addr(&ss, host(family, i), port);
	int s = lwip_msocket(stacks[i], family, type, 0);

	if (s == -1 || lwip_bind(s, (struct sockaddr *)&ss, len) == -1)
		return -1;
	return s;
}

/* ---- TCP ---------------------------------------------------------------- */

/* What one connection of a server sends: as many bytes as it is told. */
static void *
serve_one(void *arg)
{
	static _Thread_local uint8_t buf[PIECE];
	int s = (int)(intptr_t)arg;
	uint32_t want[2], at = 0;
	size_t got = 0;

	while (got < sizeof(want)) {
		ssize_t n = lwip_recv(s, (char *)want + got,
		    (int)(sizeof(want) - got), 0);

		if (n <= 0)
			break;
		got += (size_t)n;
	}
	while (got == sizeof(want) && at < want[0]) {
		size_t n = want[0] - at < PIECE ? want[0] - at : PIECE;
		ssize_t w;

		net_fill(buf, n, at, want[1]);
		if ((w = lwip_send(s, buf, (int)n, 0)) <= 0)
			break;
		at += (uint32_t)w;
	}
	lwip_close(s);
	return NULL;
}

static void *
serve(void *arg)
{
	int l = (int)(intptr_t)arg, s;
	pthread_t t;

	while ((s = lwip_accept(l, NULL, NULL)) != -1) {
		if (pthread_create(&t, NULL, serve_one, (void *)(intptr_t)s) !=
		    0)
			lwip_close(s);
		else
			pthread_detach(t);
	}
	return NULL;
}

/* Gets SIZE bytes from stack TO.  0: they came; 1: not all; -1: wrong ones. */
static int
fetch(int from, int family, int to, uint32_t size)
{
	static _Thread_local uint8_t buf[PIECE];
	struct sockaddr_storage ss;
	socklen_t len = net_addr(&ss, host(family, to), 80);
	uint32_t want[2] = { size, (uint32_t)random() }, at = 0;
	int s = lwip_msocket(stacks[from], family, SOCK_STREAM, 0);
	ssize_t n;

	if (s == -1)
		return 1;
	if (lwip_connect(s, (struct sockaddr *)&ss, len) == -1 ||
	    lwip_send(s, want, sizeof(want), 0) != sizeof(want)) {
		lwip_close(s);
		return 1;
	}
	while ((n = lwip_recv(s, buf, sizeof(buf), 0)) > 0) {
		if (at + (uint32_t)n > size ||
		    !net_same(buf, (size_t)n, at, want[1])) {
			lwip_close(s);
			return -1;
		}
		at += (uint32_t)n;
	}
	lwip_close(s);
	return at == size ? 0 : 1;
}

static void
fetched(enum kind k, int r)
{
	if (r == 0)
		count[k]++;
	else if (r < 0)
		wrong++;
	else
		failed_streams++;
}

static void *
streams(void *arg)
{
	int family = arg != NULL ? AF_INET6 : AF_INET;

	while (!atomic_load(&stop))
		fetched(STREAMS, fetch(0, family, 1, STREAM));
	return NULL;
}

static void *
shorts(void *arg)
{
	int family = arg != NULL ? AF_INET6 : AF_INET;

	while (!atomic_load(&stop))
		fetched(SHORT, fetch(2, family, 1, 3000));
	return NULL;
}

/* ---- datagrams and pings ------------------------------------------------ */

static void *
hear(void *arg)
{
	int s = (int)(intptr_t)arg;
	uint8_t *buf = malloc(65536);
	uint32_t seed;
	ssize_t n;

	while ((n = lwip_recv(s, buf, 65536, 0)) > 1) {
		memcpy(&seed, buf, 4);
		net_fill(buf, 4, 0, seed);
		if (n >= 4 && net_same(buf, (size_t)n, 0, seed))
			count[DATAGRAMS]++;
		else
			wrong++;
	}
	free(buf);
	return NULL;
}

static void *
datagrams(void *arg)
{
	int family = arg != NULL ? AF_INET6 : AF_INET;
	int s = lwip_msocket(stacks[2], family, SOCK_DGRAM, 0);
	struct sockaddr_storage ss;
	socklen_t len = net_addr(&ss, host(family, 3), 9);
	uint8_t *buf = malloc(65536);
	uint32_t seed = 0;

	while (!atomic_load(&stop)) {
		size_t n = 4 +
		    (size_t)random() % (++seed % 8 == 0 ? 59000 : 3000);

		net_fill(buf, n, 0, seed);
		memcpy(buf, &seed, 4);
		lwip_sendto(s, buf, (int)n, 0, (struct sockaddr *)&ss, len);
		usleep(500);
	}
	free(buf);
	lwip_close(s);
	return NULL;
}

static void *
pings(void *arg)
{
	int family = arg != NULL ? AF_INET6 : AF_INET;
	struct netping *p = netping_new(stacks[0], family, host(family, 0));

	while (p != NULL && !atomic_load(&stop)) {
		int r = netping_once(p, host(family, 3),
		    (size_t)random() % 9000, 100);

		if (r == 0)
			count[PINGS]++;
		else if (r == 1)
			wrong++;
	}
	return NULL;
}

/* ---- changes ------------------------------------------------------------ */

static void *
flaps(void *arg)
{
	(void)arg;
	while (!atomic_load(&stop)) {
		if (shmif_down(units[4]) != 0 || shmif_up(units[4]) != 0)
			wrong++;
		fetch(4, AF_INET, 1, 100);
		count[FLAPS]++;
		usleep(20000);
	}
	return NULL;
}

static void *
moves(void *arg)
{
	unsigned i = 0;

	(void)arg;
	while (!atomic_load(&stop)) {
		if (shmif_linkstr(units[5],
			i++ % 3 == 0 ? NULL : path[i % 2]) == 0)
			count[MOVES]++;
		usleep(30000);
	}
	return NULL;
}

static void *
makes(void *arg)
{
	int unit, s;
	struct stack *stack;
	struct sockaddr_storage ss;
	socklen_t len = net_addr(&ss, host(AF_INET, 3), 9);

	(void)arg;
	while (!atomic_load(&stop)) {
		if ((stack = lwip_add_stack(0)) == NULL)
			continue;
		if (shmif_create_on(stack, path[0], &unit) != 0 ||
		    shmif_add_addr(unit, "10.6.0.99/24") != 0 ||
		    shmif_up(unit) != 0)
			wrong++;
		s = lwip_msocket(stack, AF_INET, SOCK_DGRAM, 0);
		lwip_sendto(s, "\0\0\0\0", 4, 0, (struct sockaddr *)&ss, len);
		usleep(10000);
		lwip_close(s);
		if (shmif_destroy(unit) != 0)
			wrong++;
		lwip_del_stack(stack);
		count[UNITS]++;
	}
	return NULL;
}

/* ------------------------------------------------------------------------- */

static void
begin(void)
{
	char addr[50];
	int i, f;

	for (i = 0; i < STACKS; i++) {
		assert_non_null(stacks[i] = lwip_add_stack(0));
		assert_int_equal(shmif_create_on(stacks[i], path[i % 2],
				     &units[i]),
		    0);
		for (f = 0; f < 2; f++) {
			snprintf(addr, sizeof(addr), "%s/%d",
			    host(f ? AF_INET6 : AF_INET, i), f ? 64 : 24);
			assert_int_equal(shmif_add_addr(units[i], addr), 0);
		}
		assert_int_equal(shmif_up(units[i]), 0);
	}
}

static void
start(pthread_t *t, void *(*fn)(void *), intptr_t arg)
{
	assert_int_equal(pthread_create(t, NULL, fn, (void *)arg), 0);
}

static void
test_soak(void **state)
{
	long seconds = net_env("SOAK", 6), i;
	uint64_t seed = (uint64_t)net_env("SEED", getpid());
	struct lossy_plan plan = { .seed = seed };
	int fds = 0, threads = 0, n = 0, k, s;
	pthread_t t[16], other;
	size_t mem = 0, mem2;
	struct lossy *l;

	(void)state;
	srandom((unsigned)seed);
	path[0] = net_bus();
	path[1] = net_bus();
	l = lossy_begin(path[0], path[1], &plan);
	assert_non_null(l);
	begin();
	for (k = 0; k < 2; k++) {
		int family = k ? AF_INET6 : AF_INET;

		assert_true((s = bound(1, family, SOCK_STREAM, 80)) != -1);
		assert_int_equal(lwip_listen(s, 5), 0);
		start(&other, serve, s);
		assert_true((s = bound(3, family, SOCK_DGRAM, 9)) != -1);
		start(&other, hear, s);
		start(&t[n++], streams, k);
		start(&t[n++], shorts, k);
		start(&t[n++], datagrams, k);
		start(&t[n++], pings, k);
	}
	start(&t[n++], flaps, 0);
	start(&t[n++], moves, 0);
	start(&t[n++], makes, 0);
	for (i = 0; i < seconds; i++) {
		plan.drop = (unsigned)random() % 20;
		plan.twice = (unsigned)random() % 20;
		plan.later = (unsigned)random() % 20;
		lossy_change(l, &plan);
		sleep(1);
		if (i == seconds / 2) {
			fds = net_descriptors();
			threads = net_threads();
			mem = mallinfo2().uordblks;
		}
	}
	mem2 = mallinfo2().uordblks;
	atomic_store(&stop, true);
	plan.drop = plan.twice = plan.later = 0;
	lossy_change(l, &plan);
	for (k = 0; k < n; k++)
		pthread_join(t[k], NULL);
	printf("# seed %llu, %ld s:", (unsigned long long)seed, seconds);
	for (k = 0; k < KINDS; k++)
		printf(" %lu %s,", (unsigned long)count[k], names[k]);
	printf(" %lu connections failed, %lu wrong\n",
	    (unsigned long)failed_streams, (unsigned long)wrong);
	printf("# descriptors %d %d, threads %d %d, memory %zu %zu\n", fds,
	    net_descriptors(), threads, net_threads(), mem, mem2);
	fflush(stdout);
	assert_int_equal(wrong, 0);
	for (k = 0; k < KINDS; k++)
		assert_true(count[k] != 0);
	/* What is under way differs from moment to moment. */
	assert_true(net_descriptors() < fds + 30);
	assert_true(net_threads() < threads + 20);
	if (!sanitized())
		assert_true(mem2 < mem + (8u << 20));
	lossy_end(l, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_soak),
	};
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	net_bus_remove();
	fflush(NULL);
	_exit(failed); /* stacks and servers go on until the end */
}
