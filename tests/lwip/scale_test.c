/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scale_test.c - many sockets, many processes, and what goes away suddenly,
 *	with lwIP
 *
 * SOCKETS=3000 connections are open at once between two processes, and a byte
 * goes over each of them, both ways.  PROCESSES=50 on one bus echo with each
 * other.  An interface is destroyed DESTROYS=40 times while frames pour in and
 * connections are open: memory and descriptors are as they were.  KILLS=6 of
 * those who send and receive die by SIGKILL: the others go on, and whoever
 * comes in the place of a dead one is served.  TEST_SEED= says who dies.
 *
 * slow: 20
 */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <lwip/inet.h>
#include <lwip/netif.h>
#include <lwip/sockets.h>
#include <lwip/tcpip.h>
#include <shmbus.h>
#include <shmif.h>

#include "tests/lib/netproc.h"

#define PORT 7
#define PATIENCE_S 60 /* for what takes milliseconds */

/* ---- stacks -------------------------------------------------------------- */

/* 10.6.0.HOST on BUS.  0, or an error with a message. */
static int
up(const char *bus, unsigned host, int *unit)
{
	char addr[32];
	int error;

	snprintf(addr, sizeof(addr), "10.6.0.%u/24", host);
	if ((error = shmif_create(bus, unit)) != 0 ||
	    (error = shmif_add_addr(*unit, addr)) != 0 ||
	    (error = shmif_up(*unit)) != 0)
		fprintf(stderr, "10.6.0.%u: %s\n", host,
		    shmbus_strerror(error));
	return error;
}

static struct sockaddr_in
address(unsigned host)
{
	struct sockaddr_in a = { .sin_len = sizeof(a),
		.sin_family = AF_INET,
		.sin_port = lwip_htons(PORT) };

	if (host != 0)
		a.sin_addr.s_addr = lwip_htonl(0x0a060000u | host);
	return a;
}

static int
listening(void)
{
	struct sockaddr_in a = address(0);
	int s = lwip_socket(AF_INET, SOCK_STREAM, 0);

	if (s != -1 &&
	    (lwip_bind(s, (struct sockaddr *)&a, sizeof(a)) == -1 ||
		lwip_listen(s, 255) == -1))
		s = -1;
	return s;
}

/* A connection to HOST; -1: none. */
static int
dial_once(unsigned host)
{
	struct sockaddr_in a = address(host);
	int s = lwip_socket(AF_INET, SOCK_STREAM, 0), e;

	if (s == -1 || lwip_connect(s, (struct sockaddr *)&a, sizeof(a)) == 0)
		return s;
	e = errno;
	lwip_close(s);
	errno = e;
	return -1;
}

/* All of N bytes.  False: an end or an error. */
static bool
put(int s, const void *data, size_t n)
{
	const char *p = data;
	ssize_t r;

	for (; n > 0; p += r, n -= (size_t)r)
		if ((r = lwip_send(s, p, n, 0)) <= 0)
			return false;
	return true;
}

static bool
get(int s, void *data, size_t n)
{
	char *p = data;
	ssize_t r;

	for (; n > 0; p += r, n -= (size_t)r)
		if ((r = lwip_recv(s, p, n, 0)) <= 0)
			return false;
	return true;
}

/* ---- 3000 sockets -------------------------------------------------------- */

struct scene {
	const char *bus;
	volatile int *ready;
	unsigned number; /* of this process, or of sockets */
};

static int
accept_many(void *arg)
{
	const struct scene *c = arg;
	unsigned n = c->number, i;
	int *fd = calloc(n, sizeof(*fd)), unit, l;
	uint32_t tag;

	if (fd == NULL || up(c->bus, 1, &unit) != 0 || (l = listening()) == -1)
		return 1;
	net_barrier(c->ready, 2);
	for (i = 0; i < n; i++)
		if ((fd[i] = lwip_accept(l, NULL, NULL)) == -1) {
			fprintf(stderr, "accept %u: errno %d\n", i, errno);
			return 2;
		}
	for (i = 0; i < n; i++)
		if (!get(fd[i], &tag, sizeof(tag)) ||
		    !put(fd[i], &tag, sizeof(tag)))
			return 3;
	for (i = 0; i < n; i++)
		if (get(fd[i], &tag, 1) || lwip_close(fd[i]) != 0)
			return 4; /* its end was to come */
	free(fd);
	return 0;
}

static int
open_many(void *arg)
{
	const struct scene *c = arg;
	uint32_t n = c->number, i, tag;
	int *fd = calloc(n, sizeof(*fd)), unit;

	if (fd == NULL || up(c->bus, 2, &unit) != 0)
		return 1;
	net_barrier(c->ready, 2);
	for (i = 0; i < n; i++)
		if ((fd[i] = dial_once(1)) == -1) {
			fprintf(stderr, "connect %u: errno %d\n", i, errno);
			return 2;
		}
	for (i = 0; i < n; i++)
		if (!put(fd[i], &i, sizeof(i)))
			return 3;
	/* In the other direction, so that nobody is served in his order. */
	for (i = n; i-- > 0;)
		if (!get(fd[i], &tag, sizeof(tag)) || tag != i)
			return 4;
	for (i = 0; i < n; i++)
		if (lwip_close(fd[i]) != 0)
			return 5;
	free(fd);
	return 0;
}

static void
test_sockets(void **state)
{
	struct scene c = { .bus = net_bus(),
		.ready = net_shared(sizeof(int)),
		.number = (unsigned)net_env("SOCKETS", 3000) };
	pid_t server = net_child(accept_many, &c);
	pid_t client = net_child(open_many, &c);

	(void)state;
	assert_int_equal(net_wait(client), 0);
	assert_int_equal(net_wait(server), 0);
}

/* ---- 50 processes -------------------------------------------------------- */

#define ROUNDS 20u
#define SIZE 20000u

/* Echoes for whoever connects, for ever. */
static void *
echo_one(void *arg)
{
	int s = (int)(intptr_t)arg;
	uint8_t buf[4096];
	ssize_t n;

	while ((n = lwip_recv(s, buf, sizeof(buf), 0)) > 0)
		if (!put(s, buf, (size_t)n))
			break;
	lwip_close(s);
	return NULL;
}

static void *
echo_all(void *arg)
{
	int l = *(int *)arg;

	for (;;) {
		int s = lwip_accept(l, NULL, NULL);
		pthread_attr_t attr;
		pthread_t t;

		if (s == -1)
			continue;
		pthread_attr_init(&attr);
		pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
		if (pthread_create(&t, &attr, echo_one, (void *)(intptr_t)s) !=
		    0)
			lwip_close(s);
		pthread_attr_destroy(&attr);
	}
	return NULL;
}

/* SIZE known bytes there and back.  False: not all of them, or others. */
static bool
trip(int s, unsigned round, unsigned size)
{
	static __thread uint8_t buf[SIZE];

	net_fill(buf, size, round, 5);
	if (!put(s, buf, size))
		return false;
	memset(buf, 0, size);
	return get(s, buf, size) && net_same(buf, size, round, 5);
}

static int
one_of_many(void *arg)
{
	const struct scene *c = arg;
	unsigned n = (unsigned)net_env("PROCESSES", 50), i;
	static int l; /* the thread stays */
	pthread_t t;
	int unit, s;

	if (up(c->bus, 1 + c->number, &unit) != 0 || (l = listening()) == -1 ||
	    pthread_create(&t, NULL, echo_all, &l) != 0)
		return 1;
	net_barrier(&c->ready[0], (int)n);
	if ((s = dial_once(1 + (c->number + 1) % n)) == -1)
		return 2;
	for (i = 0; i < ROUNDS; i++)
		if (!trip(s, i, SIZE))
			return 3;
	lwip_close(s);
	net_barrier(&c->ready[1], (int)n);
	return 0;
}

static void
test_processes(void **state)
{
	unsigned n = (unsigned)net_env("PROCESSES", 50), i;
	struct scene c = { .bus = net_bus(),
		.ready = net_shared(2 * sizeof(int)) };
	pid_t *pid = calloc(n, sizeof(*pid));

	(void)state;
	assert_non_null(pid);
	assert_in_range(n, 1, 200); /* attachments of a bus, and addresses */
	for (i = 0; i < n; i++) {
		c.number = i;
		pid[i] = net_child(one_of_many, &c);
	}
	for (i = 0; i < n; i++)
		assert_int_equal(net_wait(pid[i]), 0);
	free(pid);
}

/* ---- destroyed under traffic --------------------------------------------- */

#define WARM 8
#define KEPT 16384 /* bytes that need not be a leak */

struct flood {
	const char *bus;
	volatile int *ready;
	volatile int *quit;
};

/* A neighbour that echoes, and sends datagrams to 10.6.0.1. */
static int
flood(void *arg)
{
	static const uint8_t data[1200];
	const struct flood *f = arg;
	struct sockaddr_in a = address(1);
	static int l; /* the thread stays */
	pthread_t t;
	int unit, s;

	if (up(f->bus, 2, &unit) != 0 || (l = listening()) == -1 ||
	    pthread_create(&t, NULL, echo_all, &l) != 0 ||
	    (s = lwip_socket(AF_INET, SOCK_DGRAM, 0)) == -1)
		return 1;
	net_barrier(f->ready, 2);
	while (!*f->quit) {
		lwip_sendto(s, data, sizeof(data), 0, (struct sockaddr *)&a,
		    sizeof(a));
		usleep(100);
	}
	return 0;
}

/* Pours until its connection is no more. */
static void *
pour(void *arg)
{
	static const uint8_t data[32768];
	int s = *(int *)arg;

	while (lwip_send(s, data, sizeof(data), 0) > 0)
		continue;
	return NULL;
}

/* Up, talk, pour, and destroyed meanwhile.  Returns the line of a failure. */
static int
destroy_once(const struct flood *f)
{
	struct sockaddr_in a = address(0);
	int unit, s, u;
	pthread_t t;

	if (up(f->bus, 1, &unit) != 0)
		return __LINE__;
	u = lwip_socket(AF_INET, SOCK_DGRAM, 0);
	if (u == -1 || lwip_bind(u, (struct sockaddr *)&a, sizeof(a)) == -1)
		return __LINE__;
	if ((s = dial_once(2)) == -1 || !trip(s, 1, 5000))
		return __LINE__;
	if (pthread_create(&t, NULL, pour, &s) != 0)
		return __LINE__;
	if (shmif_destroy(unit) != 0)
		return __LINE__;
	pthread_join(t, NULL);
	lwip_close(s);
	lwip_close(u);
	return 0;
}

/* In a process of its own, which had no stack before. */
static int
destroyer(void *arg)
{
	const struct flood *f = arg;
	long n = net_env("DESTROYS", 40), i;
	size_t before = 0, after;
	int fds = 0, line;

	net_barrier(f->ready, 2);
	for (i = 0; i < WARM + n; i++) {
		if (i == WARM) {
			before = mallinfo2().uordblks;
			fds = net_descriptors();
		}
		if ((line = destroy_once(f)) != 0) {
			fprintf(stderr, "round %ld, line %d\n", i, line);
			return 1;
		}
	}
	after = mallinfo2().uordblks;
	printf("# %zu bytes in use after %d rounds, %zu after %ld more\n",
	    before, WARM, after, n);
	fflush(stdout);
	if (net_descriptors() > fds || after > before + KEPT)
		return 2;
	return 0;
}

static void
test_destroy(void **state)
{
	struct flood f = { .bus = net_bus(),
		.ready = net_shared(sizeof(int)),
		.quit = net_shared(sizeof(int)) };
	pid_t neighbour = net_child(flood, &f);
	pid_t one = net_child(destroyer, &f);
	int status = net_wait(one);

	(void)state;
	*f.quit = 1;
	assert_int_equal(net_wait(neighbour), 0);
	assert_int_equal(status, 0);
}

/* ---- kill -9 of any ------------------------------------------------------ */

#define CLIENTS 4u

struct crowd {
	const char *bus;
	unsigned number;	  /* 0: the server */
	volatile int *ready;	  /* of the server */
	volatile uint64_t *trips; /* of each client */
	volatile int *wrong;
};

static int
crowd_server(void *arg)
{
	const struct crowd *c = arg;
	static int l; /* the thread stays */
	pthread_t t;
	int unit;

	if (up(c->bus, 1, &unit) != 0 || (l = listening()) == -1 ||
	    pthread_create(&t, NULL, echo_all, &l) != 0)
		return 1;
	*c->ready = 1;
	for (;;)
		pause();
}

/* Connects again whenever there is no server any more. */
static int
crowd_client(void *arg)
{
	const struct crowd *c = arg;
	struct timeval patience = { .tv_sec = 1 };
	unsigned round = 0;
	int unit, s;

	if (up(c->bus, 1 + c->number, &unit) != 0)
		return 1;
	for (;;) {
		if ((s = dial_once(1)) == -1)
			continue;
		lwip_setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience,
		    sizeof(patience));
		for (;; round++) {
			uint8_t buf[3000];

			net_fill(buf, sizeof(buf), round, c->number);
			if (!put(s, buf, sizeof(buf)) ||
			    !get(s, buf, sizeof(buf)))
				break;
			if (!net_same(buf, sizeof(buf), round, c->number))
				*c->wrong = 1;
			c->trips[c->number]++;
		}
		lwip_close(s);
	}
}

/* Waits until every client has gone on by ten trips. */
static bool
all_go_on(const struct crowd *c)
{
	uint64_t was[CLIENTS + 1];
	unsigned i, k;

	for (i = 1; i <= CLIENTS; i++)
		was[i] = c->trips[i];
	for (i = 1; i <= CLIENTS; i++) {
		for (k = 0; k < PATIENCE_S * 1000; k++) {
			if (c->trips[i] >= was[i] + 10)
				break;
			usleep(1000);
		}
		if (c->trips[i] < was[i] + 10) {
			printf("# client %u stands still\n", i);
			return false;
		}
	}
	return true;
}

static void
test_kill(void **state)
{
	struct crowd c = { .bus = net_bus(),
		.ready = net_shared(sizeof(int)),
		.trips = net_shared((CLIENTS + 1) * sizeof(uint64_t)),
		.wrong = net_shared(sizeof(int)) };
	unsigned seed = (unsigned)net_env("TEST_SEED", (long)getpid());
	long n = net_env("KILLS", 6);
	pid_t pid[CLIENTS + 1];
	bool well = true;

	(void)state;
	for (c.number = 0; c.number <= CLIENTS; c.number++)
		pid[c.number] = net_child(c.number == 0 ? crowd_server :
							  crowd_client,
		    &c);
	well = all_go_on(&c);
	for (; n > 0 && well; n--) {
		/* The server each fifth time, on the average. */
		c.number = (unsigned)rand_r(&seed) % (CLIENTS + 1);
		usleep((unsigned)rand_r(&seed) % 20000);
		kill(pid[c.number], SIGKILL);
		assert_int_equal(net_wait(pid[c.number]), 128 + SIGKILL);
		pid[c.number] = net_child(c.number == 0 ? crowd_server :
							  crowd_client,
		    &c);
		well = all_go_on(&c);
	}
	for (c.number = 0; c.number <= CLIENTS; c.number++) {
		kill(pid[c.number], SIGKILL);
		net_wait(pid[c.number]);
	}
	assert_true(well);
	assert_false(*c.wrong);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_sockets, net_teardown),
		cmocka_unit_test_teardown(test_processes, net_teardown),
		cmocka_unit_test_teardown(test_destroy, net_teardown),
		cmocka_unit_test_teardown(test_kill, net_teardown),
	};

	printf("# TEST_SEED=%ld\n", net_env("TEST_SEED", (long)getpid()));
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
