/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmif_sizes_test.c - datagrams and pings of all sizes
 *
 * UDP of 1 to 60000 bytes and pings of 0 to 60000 bytes between two processes
 * over IPv4 and IPv6: they arrive, with the same bytes.  The same with an MTU
 * of 576, and with one of 1280 against 1500.
 *
 * Sizes: all around multiples of a fragment, and every STEP-th (97).
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

#include "tests/lib/netping.h"
#include "tests/lib/netstack.h"

#define BIG 60000u
#define TRIES 10
#define MTU 1500u

struct pair {
	const char *bus;
	unsigned mtu_echo, mtu_ask; /* 0: the largest */
	int family;
	volatile int *ready, *done;
	int (*talk)(const struct pair *p);
};

/* ---- which sizes -------------------------------------------------------- */

static bool
wanted(const struct pair *p, unsigned n, unsigned first, unsigned mtu)
{
	unsigned part = (mtu - (p->family == AF_INET ? 20 : 48)) & ~7u;
	unsigned in_last = (n + 8) % part;

	return n <= first + 40 || n % (unsigned)net_env("STEP", 97) == 0 ||
	    n + 3 >= BIG || in_last < 3 || in_last + 2 >= part;
}

/* ---- both ends ---------------------------------------------------------- */

static const char *
host(const struct pair *p, int i)
{
	return p->family == AF_INET ? i == 1 ? "10.2.0.1" : "10.2.0.2" :
	    i == 1		    ? "fd00:2::1" :
				      "fd00:2::2";
}

static int
come_up(const struct pair *p, int i, unsigned mtu)
{
	char addr[40];
	int unit, error;

	snprintf(addr, sizeof(addr), "%s/%d", host(p, i),
	    p->family == AF_INET ? 24 : 64);
	if ((error = shmif_create(p->bus, &unit)) != 0 ||
	    (error = shmif_add_addr(unit, addr)) != 0 ||
	    (mtu != 0 && (error = shmif_set_mtu(unit, mtu)) != 0) ||
	    (error = shmif_up(unit)) != 0) {
		fprintf(stderr, "# interface: %s\n", strerror(error));
		return 1;
	}
	return 0;
}

static void *
echo_main(void *arg)
{
	static uint8_t buf[65536];
	int s = *(int *)arg;

	for (;;) {
		struct sockaddr_storage ss;
		socklen_t len = sizeof(ss);
		ssize_t n = lwip_recvfrom(s, buf, sizeof(buf), 0,
		    (struct sockaddr *)&ss, &len);

		if (n > 0)
			lwip_sendto(s, buf, (int)n, 0, (struct sockaddr *)&ss,
			    len);
	}
	return NULL;
}

/* Answers UDP on port 7 (and pings, as every stack) until all is done. */
static int
echo(void *arg)
{
	const struct pair *p = arg;
	struct sockaddr_storage ss;
	socklen_t len = net_addr(&ss, host(p, 1), 7);
	static int s; /* the thread stays */
	pthread_t thread;

	if (come_up(p, 1, p->mtu_echo) != 0)
		return 1;
	s = lwip_socket(p->family, SOCK_DGRAM, 0);
	if (s == -1 || lwip_bind(s, (struct sockaddr *)&ss, len) == -1 ||
	    pthread_create(&thread, NULL, echo_main, &s) != 0)
		return 1;
	net_barrier(p->ready, 2);
	net_barrier(p->done, 2);
	return 0;
}

static int
asker(void *arg)
{
	const struct pair *p = arg;
	int r;

	if (come_up(p, 2, p->mtu_ask) != 0)
		return 1;
	net_barrier(p->ready, 2);
	r = p->talk(p);
	net_barrier(p->done, 2);
	return r;
}

/* ---- pings -------------------------------------------------------------- */

/* The longest data of a ping that fits one packet both ways. */
static unsigned
fits(const struct pair *p, unsigned header)
{
	unsigned a = p->mtu_ask != 0 ? p->mtu_ask : MTU;
	unsigned b = p->mtu_echo != 0 ? p->mtu_echo : MTU;

	return (a < b ? a : b) - header;
}

static int
talk_pings(const struct pair *p)
{
	unsigned max = BIG;
	struct netping *ping = netping_new(NULL, p->family, host(p, 2));
	unsigned n, sent = 0;

	if (ping == NULL)
		return 1;
	for (n = 0; n <= max; n++) {
		int r;

		if (!wanted(p, n, 0, fits(p, 0)))
			continue;
		sent++;
		r = netping(ping, host(p, 1), n, TRIES);
		if (r != 0) {
			fprintf(stderr, "# ping of %u: result %d\n", n, r);
			return 1;
		}
	}
	fprintf(stderr, "# %u pings of up to %u bytes\n", sent, max);
	return 0;
}

/* ---- UDP ---------------------------------------------------------------- */

struct udp {
	int s;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	unsigned size;
	int result; /* 2 until the echo came */
};

static void *
udp_main(void *arg)
{
	static uint8_t buf[65536];
	struct udp *u = arg;

	for (;;) {
		ssize_t n = lwip_recv(u->s, buf, sizeof(buf), 0);

		pthread_mutex_lock(&u->lock);
		if (u->result == 2 && n == (ssize_t)u->size) {
			u->result = net_same(buf, (size_t)n, 0, u->size) ? 0 :
									   1;
			pthread_cond_signal(&u->cond);
		}
		pthread_mutex_unlock(&u->lock);
	}
	return NULL;
}

/* Sends N bytes and waits for them.  0: came back, 1: changed, 2: lost. */
static int
udp_once(struct udp *u, unsigned n, int ms)
{
	static uint8_t buf[65536];
	struct timespec until;
	int result;

	net_fill(buf, n, 0, n);
	pthread_mutex_lock(&u->lock);
	u->size = n;
	u->result = 2;
	pthread_mutex_unlock(&u->lock);
	lwip_send(u->s, buf, (int)n, 0);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += ms % 1000 * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&u->lock);
	while (u->result == 2 &&
	    pthread_cond_timedwait(&u->cond, &u->lock, &until) != ETIMEDOUT)
		continue;
	result = u->result;
	pthread_mutex_unlock(&u->lock);
	return result;
}

static int
udp_try(struct udp *u, unsigned n)
{
	int tries = TRIES, r;

	do
		r = udp_once(u, n, 1000);
	while (r == 2 && --tries > 0);
	if (r != 0)
		fprintf(stderr, "# UDP of %u: result %d\n", n, r);
	return r;
}

static int
talk_udp(const struct pair *p)
{
	unsigned max = BIG;
	static struct udp u = { .lock = PTHREAD_MUTEX_INITIALIZER,
		.cond = PTHREAD_COND_INITIALIZER }; /* the thread stays */
	struct sockaddr_storage ss;
	socklen_t len = net_addr(&ss, host(p, 1), 7);
	pthread_t thread;
	unsigned n, sent = 0;

	u.s = lwip_socket(p->family, SOCK_DGRAM, 0);
	if (u.s == -1 || lwip_connect(u.s, (struct sockaddr *)&ss, len) == -1 ||
	    pthread_create(&thread, NULL, udp_main, &u) != 0)
		return 1;
	for (n = 1; n <= max; n++) {
		if (!wanted(p, n, 1, fits(p, 0)))
			continue;
		sent++;
		if (udp_try(&u, n) != 0)
			return 1;
	}
	fprintf(stderr, "# %u datagrams of up to %u bytes\n", sent, max);
	return 0;
}

/* ---- the tests ---------------------------------------------------------- */

static void
run(int family, unsigned mtu_echo, unsigned mtu_ask,
    int (*talk)(const struct pair *))
{
	struct pair p = { .bus = net_bus(),
		.mtu_echo = mtu_echo,
		.mtu_ask = mtu_ask,
		.family = family,
		.talk = talk };
	volatile int *count = net_shared(2 * sizeof(int));
	pid_t a, b;
	int sa, sb;

	assert_non_null(count);
	p.ready = &count[0];
	p.done = &count[1];
	a = net_child(echo, &p);
	b = net_child(asker, &p);
	sb = net_wait(b);
	sa = net_wait(a);
	unlink(p.bus);
	assert_int_equal(sb, 0);
	assert_int_equal(sa, 0);
}

static void
test_ping4(void **state)
{
	(void)state;
	run(AF_INET, 0, 0, talk_pings);
}

static void
test_ping6(void **state)
{
	(void)state;
	run(AF_INET6, 0, 0, talk_pings);
}

static void
test_udp4(void **state)
{
	(void)state;
	run(AF_INET, 0, 0, talk_udp);
}

static void
test_udp6(void **state)
{
	(void)state;
	run(AF_INET6, 0, 0, talk_udp);
}

static void
test_udp4_small_mtu(void **state)
{
	(void)state;
	run(AF_INET, 576, 576, talk_udp);
}

static void
test_ping4_unequal_mtu(void **state)
{
	(void)state;
	run(AF_INET, 1500, 1280, talk_pings);
}

static void
test_ping6_unequal_mtu(void **state)
{
	(void)state;
	run(AF_INET6, 1500, 1280, talk_pings);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ping4),
		cmocka_unit_test(test_ping6),
		cmocka_unit_test(test_udp4),
		cmocka_unit_test(test_udp6),
		cmocka_unit_test(test_udp4_small_mtu),
		cmocka_unit_test(test_ping4_unequal_mtu),
		cmocka_unit_test(test_ping6_unequal_mtu),
	};
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	net_bus_remove();
	return failed;
}
