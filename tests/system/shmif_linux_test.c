/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmif_linux_test.c - this machine's kernel as the peer of a unit's TCP
 *
 * Skipped where no network namespace or no tap interface can be made.
 *
 * slow: 55
 */
#include <sys/socket.h>
#include <netinet/tcp.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <lwipv6.h>
#include <shmif.h>

#include "tests/lib/must.h"
#include "tests/lib/netstack.h"
#include "tests/lib/tapnet.h"

#define UNIT4 "10.7.0.1"
#define UNIT6 "fd07::1"
#define PATIENCE_MS 60000
#define SKIPPED 77

static const bool versions[] = { true, false };
static const char *bus;

/* Runs FN over IPv4 and over IPv6, in children. */
static void
both(int (*fn)(void *))
{
	unsigned i;
	int r;

	for (i = 0; i < 2; i++) {
		bool v4 = versions[i];

		if ((r = net_wait(net_child(fn, &v4))) == SKIPPED) {
			printf("# skipped: no tap interface in a network "
			       "namespace can be made here\n");
			skip();
		}
		assert_int_equal(r, 0);
	}
}

/* A stack with a unit on the bus. */
static struct stack *
host(int *unit)
{
	struct stack *stack = lwip_add_stack(0);

	MUST(stack != NULL && shmif_create_on(stack, bus, unit) == 0);
	MUST(shmif_add_addr(*unit, UNIT4 "/24") == 0);
	MUST(shmif_add_addr(*unit, UNIT6 "/64") == 0);
	MUST(shmif_up(*unit) == 0);
	return stack;
}

static struct stack *
enter(int *unit)
{
	const char *why = tapnet_enter();
	struct stack *stack;

	if (why != NULL) {
		fprintf(stderr, "# %s\n", why);
		_Exit(SKIPPED);
	}
	bus = net_bus();
	stack = host(unit);
	tapnet_bridge(bus);
	return stack;
}

static void
limit(int fd)
{
	struct timeval t = { .tv_sec = PATIENCE_MS / 1000 };

	MUST(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)) == 0);
	MUST(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t)) == 0);
}

static int
listener(struct stack *stack, bool v4)
{
	struct sockaddr_storage ss;
	socklen_t len = net_addr(&ss, v4 ? UNIT4 : UNIT6, 80);
	int s = lwip_msocket(stack, v4 ? AF_INET : AF_INET6, SOCK_STREAM, 0);

	MUST(s != -1 && lwip_bind(s, (void *)&ss, len) == 0);
	MUST(lwip_listen(s, 5) == 0);
	return s;
}

/* A socket of the kernel's that is connected to the unit. */
static int
dial(bool v4)
{
	struct sockaddr_storage ss;
	socklen_t len = net_addr(&ss, v4 ? UNIT4 : UNIT6, 80);
	int s = socket(v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	MUST(s != -1);
	limit(s);
	MUST(connect(s, (void *)&ss, len) == 0);
	return s;
}

/* ---- a server that was started again ------------------------------------ */

static int
restarted(void *arg)
{
	bool v4 = *(bool *)arg;
	struct stack *stack;
	int unit, c, s;
	char b[8];

	stack = enter(&unit);
	s = listener(stack, v4);
	c = dial(v4);
	MUST(lwip_accept(s, NULL, NULL) != -1);
	/* It dies without a word, and another one is there. */
	MUST(shmif_destroy(unit) == 0);
	stack = host(&unit);
	listener(stack, v4);
	MUST(send(c, "hello", 5, MSG_NOSIGNAL) == 5);
	MUST(recv(c, b, sizeof(b), 0) == -1 && errno == ECONNRESET);
	close(c);
	/* And it is the server from now on. */
	c = dial(v4);
	return 0;
}

static void
test_restarted(void **state)
{
	(void)state;
	both(restarted);
}

/* ---- keepalive ---------------------------------------------------------- */

#define KEEP_COUNT 5 /* so many seconds may the machine be busy */

static void
keep_alive(int fd, int (*set)(int, int, int, const void *, socklen_t))
{
	int one = 1, count = KEEP_COUNT;

	MUST(set(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one)) == 0);
	MUST(set(fd, IPPROTO_TCP, TCP_KEEPIDLE, &one, sizeof(one)) == 0);
	MUST(set(fd, IPPROTO_TCP, TCP_KEEPINTVL, &one, sizeof(one)) == 0);
	MUST(set(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count)) == 0);
}

static int
set_unit(int fd, int level, int name, const void *value, socklen_t len)
{
	return lwip_setsockopt(fd, level, name, value, len);
}

static int
set_kernel(int fd, int level, int name, const void *value, socklen_t len)
{
	return setsockopt(fd, level, name, value, len);
}

/* Both probe each other while nothing is said, and are still there. */
static int
kept(void *arg)
{
	bool v4 = *(bool *)arg;
	struct stack *stack;
	int unit, c, s, fd;
	struct tcp_info info;
	struct timeval t = { .tv_sec = PATIENCE_MS / 1000 };
	socklen_t len = sizeof(info);
	char b[8];

	stack = enter(&unit);
	s = listener(stack, v4);
	c = dial(v4);
	MUST((fd = lwip_accept(s, NULL, NULL)) != -1);
	MUST(lwip_setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)) == 0);
	keep_alive(fd, set_unit);
	sleep(KEEP_COUNT + 4);
	MUST(getsockopt(c, IPPROTO_TCP, TCP_INFO, &info, &len) == 0);
	MUST(info.tcpi_state == TCP_ESTABLISHED);
	keep_alive(c, set_kernel);
	sleep(KEEP_COUNT + 2);
	MUST(send(c, "ping", 4, MSG_NOSIGNAL) == 4);
	MUST(lwip_recv(fd, b, sizeof(b), 0) == 4 && memcmp(b, "ping", 4) == 0);
	MUST(lwip_send(fd, "pong", 4, 0) == 4);
	MUST(recv(c, b, sizeof(b), 0) == 4 && memcmp(b, "pong", 4) == 0);
	/* All was acknowledged when the way is cut, and both find out. */
	sleep(2);
	tapnet_cut(true);
	MUST(lwip_recv(fd, b, sizeof(b), 0) == -1 && errno == ETIMEDOUT);
	/* Linux says why where it knows: its neighbour does not answer. */
	MUST(recv(c, b, sizeof(b), 0) == -1 &&
	    (errno == ETIMEDOUT || errno == EHOSTUNREACH));
	return 0;
}

static void
test_kept(void **state)
{
	(void)state;
	both(kept);
}

/* ---- a window that is smaller than a segment ---------------------------- */

#define NARROW_BYTES 20000u
#define SEED 9

/* The kernel has next to no room for what the unit sends. */
static int
narrow(void *arg)
{
	static uint8_t out[NARROW_BYTES], in[NARROW_BYTES];
	bool v4 = *(bool *)arg;
	struct sockaddr_storage ss;
	socklen_t len = net_addr(&ss, v4 ? UNIT4 : UNIT6, 80);
	int unit, c, s, fd, one = 1;
	struct stack *stack;
	size_t got;
	ssize_t n;

	stack = enter(&unit);
	s = listener(stack, v4);
	c = socket(v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	MUST(c != -1);
	limit(c);
	MUST(setsockopt(c, SOL_SOCKET, SO_RCVBUF, &one, sizeof(one)) == 0);
	MUST(connect(c, (void *)&ss, len) == 0);
	MUST((fd = lwip_accept(s, NULL, NULL)) != -1);
	net_fill(out, sizeof(out), 0, SEED);
	MUST(lwip_send(fd, out, (int)sizeof(out), 0) == (int)sizeof(out));
	sleep(1); /* nobody reads: the window closes */
	for (got = 0; got < sizeof(in); got += (size_t)n)
		MUST((n = recv(c, in + got, sizeof(in) - got, 0)) > 0);
	MUST(memcmp(in, out, sizeof(in)) == 0);
	MUST(lwip_close(fd) == 0);
	MUST(recv(c, in, 1, 0) == 0);
	return 0;
}

static void
test_narrow(void **state)
{
	(void)state;
	both(narrow);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_restarted),
		cmocka_unit_test(test_kept),
		cmocka_unit_test(test_narrow),
	};
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	net_bus(); /* before a child makes a folder of its own */
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	net_bus_remove();
	return failed;
}
