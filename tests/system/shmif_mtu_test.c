/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmif_mtu_test.c - open connections go on when the MTU is made smaller
 *
 * Two stacks, both of which send to the other, and have their queues full: one
 * interface's MTU is lowered, or both move to a bus that is narrower.  Every
 * byte arrives.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <lwipv6.h>
#include <shmbus.h>
#include <shmif.h>

#include "tests/lib/netstack.h"
#include "tests/lib/pair.h"

#define BULK (1u << 20)
#define FIRST (64u << 10)
#define LIMIT_S 60

enum how { OURS, BOTH, NARROW_BUS };

struct narrower {
	int family;
	enum how how;
	unsigned mtu;
};

struct flow {
	pthread_t t;
	int fd;
	unsigned seed;
};

static void *
send_flow(void *arg)
{
	struct flow *f = arg;

	pair_send(f->fd, BULK, 0, f->seed);
	return NULL;
}

static void
limit(int fd)
{
	static const struct timeval t = { .tv_sec = LIMIT_S };

	MUST(lwip_setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)) == 0);
	MUST(lwip_setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t)) == 0);
}

static void
make_narrower(struct pair *p, const struct narrower *n)
{
	struct shmbus_geometry g = { .mtu = n->mtu };
	const char *path;
	unsigned mtu;

	if (n->how == NARROW_BUS) {
		path = net_bus();
		MUST(shmbus_create(path, &g) == 0);
		MUST(shmif_linkstr(p->ua, path) == 0);
		MUST(shmif_linkstr(p->ub, path) == 0);
	} else {
		MUST(shmif_set_mtu(p->ua, n->mtu) == 0);
		if (n->how == BOTH)
			MUST(shmif_set_mtu(p->ub, n->mtu) == 0);
	}
	MUST(shmif_mtu(p->ua, &mtu) == 0 && mtu == n->mtu);
}

static int
narrow(void *arg)
{
	const struct narrower *n = arg;
	struct flow f[2] = { { .seed = 1 }, { .seed = 2 } };
	struct pair p;
	int fd[2], i;

	pair_up(&p);
	pair_connect(&p, n->family, fd);
	for (i = 0; i < 2; i++) {
		limit(fd[i]);
		f[i].fd = fd[i];
		MUST(pthread_create(&f[i].t, NULL, send_flow, &f[i]) == 0);
	}
	/* Both are under way, and neither is read for now. */
	pair_recv(fd[1], FIRST, 0, 1);
	pair_recv(fd[0], FIRST, 0, 2);
	make_narrower(&p, n);
	pair_recv(fd[1], BULK - FIRST, FIRST, 1);
	pair_recv(fd[0], BULK - FIRST, FIRST, 2);
	for (i = 0; i < 2; i++)
		pthread_join(f[i].t, NULL);
	/* Once more, from an idle state; and a new one. */
	pair_send(fd[0], FIRST / 2, 7, 3);
	pair_recv(fd[1], FIRST / 2, 7, 3);
	pair_connect(&p, n->family, fd);
	pair_send(fd[0], FIRST / 2, 7, 3);
	pair_recv(fd[1], FIRST / 2, 7, 3);
	return 0;
}

static void
try_all(const struct narrower *n, unsigned count)
{
	unsigned i;

	for (i = 0; i < count; i++) {
		struct narrower one = n[i];
		int r = net_wait(net_child(narrow, &one));

		if (r != 0)
			printf("# IPv%d, case %d, to %u\n",
			    one.family == AF_INET ? 4 : 6, (int)one.how,
			    one.mtu);
		assert_int_equal(r, 0);
	}
}

static void
test_one(void **state)
{
	static const struct narrower all[] = { { AF_INET, OURS, 1499 },
		{ AF_INET, OURS, 576 }, { AF_INET, OURS, 68 },
		{ AF_INET6, OURS, 1280 } };

	(void)state;
	try_all(all, 4);
}

static void
test_two(void **state)
{
	static const struct narrower all[] = { { AF_INET, BOTH, 700 },
		{ AF_INET6, BOTH, 1300 } };

	(void)state;
	try_all(all, 2);
}

static void
test_bus(void **state)
{
	static const struct narrower all[] = { { AF_INET, NARROW_BUS, 1280 },
		{ AF_INET6, NARROW_BUS, 1280 } };

	(void)state;
	try_all(all, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one),
		cmocka_unit_test(test_two),
		cmocka_unit_test(test_bus),
	};
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	net_bus(); /* before a child makes a folder of its own */
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	net_bus_remove();
	return failed;
}
