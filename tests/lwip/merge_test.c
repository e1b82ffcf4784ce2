/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * merge_test.c - segments that wait on the bus reach lwIP as one
 *
 * A process receives and another sends.  The receiver is stopped until the
 * sender's window is full, and goes on: what waits for it then is put together
 * (stack/lwip/merge.c), so lwIP has counted fewer segments than the interface
 * has counted frames.  All bytes are compared.
 *
 * slow: 3
 */
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
#include <lwip/stats.h>
#include <lwip/tcpip.h>
#include <shmbus.h>
#include <shmif.h>

#include "tests/lib/netproc.h"

#define PORT 7
#define PIECE 60000u
#define STOPS 3u
#define SAVED 60u /* segments that the stops must save lwIP, at least */

struct scene {
	const char *bus;
	bool v6;
	volatile int *ready;
	volatile uint64_t *sent, *came; /* bytes */
	volatile int *over;		/* the sender is to end */
	volatile uint64_t *frames, *segments, *refused;
};

static int
up(const struct scene *c, unsigned host, int *unit)
{
	char addr[32];
	int error;

	snprintf(addr, sizeof(addr), c->v6 ? "fd00::%u/64" : "10.7.0.%u/24",
	    host);
	if ((error = shmif_create(c->bus, unit)) == 0 &&
	    (error = shmif_add_addr(*unit, addr)) == 0)
		error = shmif_up(*unit);
	return error;
}

/* The address of HOST, 0: of any. */
static socklen_t
address(const struct scene *c, unsigned host, struct sockaddr_in6 *a)
{
	struct sockaddr_in v4 = { .sin_len = sizeof(v4),
		.sin_family = AF_INET,
		.sin_port = lwip_htons(PORT) };

	memset(a, 0, sizeof(*a));
	if (c->v6) {
		a->sin6_len = sizeof(*a);
		a->sin6_family = AF_INET6;
		a->sin6_port = lwip_htons(PORT);
		if (host != 0) {
			a->sin6_addr.s6_addr[0] = 0xfd;
			a->sin6_addr.s6_addr[15] = (uint8_t)host;
		}
		return sizeof(*a);
	}
	if (host != 0)
		v4.sin_addr.s_addr = lwip_htonl(0x0a070000u | host);
	memcpy(a, &v4, sizeof(v4));
	return sizeof(v4);
}

static int
receiver(void *arg)
{
	static uint8_t buf[PIECE];
	const struct scene *c = arg;
	struct shmif_stats st;
	struct sockaddr_in6 a;
	socklen_t len = address(c, 0, &a);
	int unit, l, s;
	ssize_t n;

	if (up(c, 1, &unit) != 0)
		return 1;
	l = lwip_socket(c->v6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0);
	if (l == -1 || lwip_bind(l, (struct sockaddr *)&a, len) == -1 ||
	    lwip_listen(l, 1) == -1)
		return 2;
	*c->ready = 1;
	if ((s = lwip_accept(l, NULL, NULL)) == -1)
		return 3;
	while ((n = lwip_recv(s, buf, sizeof(buf), 0)) > 0) {
		if (!net_same(buf, (size_t)n, *c->came, 3))
			return 4;
		*c->came += (uint64_t)n;
	}
	lwip_close(s);
	shmif_stats(unit, &st);
	*c->frames = st.in_frames;
	LOCK_TCPIP_CORE(); /* the connection still closes */
	*c->refused = st.in_refused + lwip_stats.tcp.chkerr;
	*c->segments = lwip_stats.tcp.recv;
	UNLOCK_TCPIP_CORE();
	return n == 0 ? 0 : 5;
}

static int
sender(void *arg)
{
	static uint8_t buf[PIECE];
	const struct scene *c = arg;
	struct sockaddr_in6 a;
	socklen_t len = address(c, 1, &a);
	int unit, s, i;
	ssize_t n;

	if (up(c, 2, &unit) != 0)
		return 1;
	for (i = 0;; i++) {
		s = lwip_socket(c->v6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0);
		if (s == -1)
			return 2;
		/* An IPv6 address is not there at once. */
		if (lwip_connect(s, (struct sockaddr *)&a, len) == 0)
			break;
		lwip_close(s);
		if (i == 1000)
			return 3;
		usleep(20000);
	}
	while (!*c->over) {
		size_t at;

		net_fill(buf, sizeof(buf), *c->sent, 3);
		for (at = 0; at < sizeof(buf); at += (size_t)n) {
			n = lwip_send(s, buf + at, sizeof(buf) - at, 0);
			if (n <= 0)
				return 4;
			*c->sent += (uint64_t)n;
		}
	}
	return lwip_close(s) == 0 ? 0 : 5;
}

/* Waits until *COUNT is BYTES more than it was, for a minute at most. */
static bool
goes_on(const volatile uint64_t *count, uint64_t bytes)
{
	uint64_t was = *count;
	int i;

	for (i = 0; i < 60000 && *count < was + bytes; i++)
		usleep(1000);
	return *count >= was + bytes;
}

/* Waits until *COUNT stands still. */
static void
stands_still(const volatile uint64_t *count)
{
	uint64_t was;

	do {
		was = *count;
		usleep(100000);
	} while (*count != was);
}

static void
merges(bool v6)
{
	struct scene c = { .bus = net_bus(),
		.v6 = v6,
		.ready = net_shared(sizeof(int)),
		.sent = net_shared(8),
		.came = net_shared(8),
		.over = net_shared(sizeof(int)),
		.frames = net_shared(8),
		.segments = net_shared(8),
		.refused = net_shared(8) };
	pid_t from, to = net_child(receiver, &c);
	unsigned i;

	while (!*c.ready)
		usleep(1000);
	from = net_child(sender, &c);
	for (i = 0; i < STOPS; i++) {
		/* The window of congestion grows meanwhile. */
		assert_true(goes_on(c.came, 4 << 20));
		assert_int_equal(kill(to, SIGSTOP), 0);
		stands_still(c.sent);
		assert_int_equal(kill(to, SIGCONT), 0);
	}
	assert_true(goes_on(c.came, 1 << 20));
	*c.over = 1;
	assert_int_equal(net_wait(from), 0);
	assert_int_equal(net_wait(to), 0);
	assert_int_equal(*c.came, *c.sent);
	assert_int_equal(*c.refused, 0);
	printf("# IPv%c: %llu frames, %llu segments\n", v6 ? '6' : '4',
	    (unsigned long long)*c.frames, (unsigned long long)*c.segments);
	assert_true(*c.segments + SAVED <= *c.frames);
}

static void
test_v4(void **state)
{
	(void)state;
	merges(false);
}

static void
test_v6(void **state)
{
	(void)state;
	merges(true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_v4, net_teardown),
		cmocka_unit_test_teardown(test_v6, net_teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
