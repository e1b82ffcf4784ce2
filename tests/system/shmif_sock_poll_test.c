/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmif_sock_poll_test.c - lwip_poll() and lwip_select() return what poll() and
 * select() do, for sockets and for other descriptors
 */
#include <sys/select.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>
#include <lwipv6.h>

#include "tests/lib/netstack.h"
#include "tests/lib/pair.h"

#define LONG 20000

static void
alone(int (*fn)(void *))
{
	assert_int_equal(net_wait(net_child(fn, NULL)), 0);
}

/* What one descriptor is ready for, waiting MS at most. */
static int
ask(int fd, short events, int ms)
{
	struct pollfd p = { .fd = fd, .events = events, .revents = 0x7fff };
	int n = lwip_poll(&p, 1, ms);

	MUST(n == (p.revents != 0));
	return p.revents;
}

static int
events(void *arg)
{
	struct pollfd none = { .fd = -1, .events = POLLIN, .revents = 7 };
	struct pair p;
	int fd[2], l, s, c;
	long ms;

	(void)arg;
	pair_up(&p);
	/* None, a negative one, one that is not open; time. */
	ms = pair_ms();
	MUST(lwip_poll(NULL, 0, 100) == 0 && pair_ms() - ms >= 99);
	MUST(lwip_poll(&none, 1, 0) == 0 && none.revents == 0);
	none.fd = 900;
	MUST(lwip_poll(&none, 1, LONG) == 1 && none.revents == POLLNVAL);
	/* A socket that is nothing yet, and one that listens. */
	s = lwip_msocket(p.a, AF_INET, SOCK_STREAM, 0);
	MUST((ask(s, POLLIN | POLLOUT, 0) & POLLHUP) != 0);
	l = pair_listen(p.b, PAIR_B4, 80, 3);
	MUST(ask(l, POLLIN | POLLOUT, 0) == 0);
	ms = pair_ms();
	MUST(ask(l, POLLIN, 100) == 0 && pair_ms() - ms >= 99);
	c = pair_dial(p.a, PAIR_B4, 80);
	MUST(ask(l, POLLIN, LONG) == POLLIN);
	MUST((s = lwip_accept(l, NULL, NULL)) != -1);
	MUST(ask(l, POLLIN, 0) == 0);
	/* A connection: nothing, data, end, both ends. */
	MUST(ask(s, POLLIN | POLLOUT, 0) == POLLOUT);
	MUST(ask(s, POLLIN, 0) == 0);
	pair_send(c, 10, 0, 1);
	MUST(ask(s, POLLIN | POLLOUT, LONG) != 0);
	MUST(ask(s, POLLIN, LONG) == POLLIN);
	pair_recv(s, 10, 0, 1);
	MUST(ask(s, POLLIN, 0) == 0);
	MUST(lwip_shutdown(c, SHUT_WR) == 0);
	MUST(ask(s, POLLIN | POLLRDHUP, LONG) != 0);
	MUST(ask(s, POLLIN | POLLRDHUP, LONG) == (POLLIN | POLLRDHUP));
	MUST((ask(s, 0, 0) & POLLHUP) == 0);
	MUST(lwip_shutdown(s, SHUT_WR) == 0);
	MUST(ask(s, 0, LONG) == POLLHUP);
	/* Datagrams. */
	fd[0] = lwip_msocket(p.a, AF_INET, SOCK_DGRAM, 0);
	MUST(ask(fd[0], POLLIN | POLLOUT, 0) == POLLOUT);
	MUST(ask(fd[0], POLLIN, 50) == 0);
	MUST(lwip_close(fd[0]) == 0);
	MUST(ask(fd[0], POLLIN, 0) == POLLNVAL);
	return 0;
}

static void
test_events(void **state)
{
	(void)state;
	alone(events);
}

/* ---- with others -------------------------------------------------------- */

struct later {
	int fd;
	int is_pipe;
};

static void *
write_later(void *arg)
{
	struct later *w = arg;

	usleep(150000);
	if (w->is_pipe)
		MUST(write(w->fd, "x", 1) == 1);
	else
		pair_send(w->fd, 1, 0, 2);
	return NULL;
}

static int
mixed(void *arg)
{
	struct pollfd q[4];
	struct pair p;
	struct later w;
	pthread_t t;
	int fd[2], other[2], pipes[2], round;
	char c;

	(void)arg;
	pair_up(&p);
	pair_connect(&p, AF_INET, fd);
	pair_connect(&p, AF_INET6, other);
	MUST(pipe(pipes) == 0);
	for (round = 0; round < 4; round++) {
		fd_set in, out;
		int max = 0, i;

		w.is_pipe = round % 2;
		w.fd = w.is_pipe ? pipes[1] : fd[0];
		q[0] = (struct pollfd){ .fd = pipes[0], .events = POLLIN };
		q[1] = (struct pollfd){ .fd = fd[1], .events = POLLIN };
		q[2] = (struct pollfd){ .fd = -5, .events = POLLIN };
		q[3] = (struct pollfd){ .fd = other[1], .events = POLLIN };
		pthread_create(&t, NULL, write_later, &w);
		if (round < 2) {
			MUST(lwip_poll(q, 4, LONG) == 1);
			MUST(q[0].revents == (w.is_pipe ? POLLIN : 0));
			MUST(q[1].revents == (w.is_pipe ? 0 : POLLIN));
			MUST(q[2].revents == 0 && q[3].revents == 0);
		} else {
			FD_ZERO(&in);
			FD_ZERO(&out);
			for (i = 0; i < 4; i++)
				if (q[i].fd >= 0) {
					FD_SET(q[i].fd, &in);
					max = q[i].fd > max ? q[i].fd : max;
				}
			MUST(lwip_select(max + 1, &in, NULL, NULL, NULL) == 1);
			MUST(
			    (FD_ISSET(pipes[0], &in) != 0) == (w.is_pipe != 0));
			MUST((FD_ISSET(fd[1], &in) != 0) == (w.is_pipe == 0));
			MUST(!FD_ISSET(other[1], &in));
		}
		pthread_join(t, NULL);
		if (w.is_pipe)
			MUST(read(pipes[0], &c, 1) == 1);
		else
			pair_recv(fd[1], 1, 0, 2);
	}
	/* Both at once, and a number of ready descriptors that is right. */
	MUST(write(pipes[1], "x", 1) == 1);
	pair_send(fd[0], 1, 0, 3);
	q[0].events = q[1].events = POLLIN;
	q[1].fd = fd[1];
	MUST(lwip_poll(&q[1], 1, LONG) == 1);
	MUST(lwip_poll(q, 2, LONG) == 2);
	MUST(q[0].revents == POLLIN && q[1].revents == POLLIN);
	return 0;
}

static void
test_mixed(void **state)
{
	(void)state;
	alone(mixed);
}

static int
selects(void *arg)
{
	struct timeval t = { .tv_usec = 100000 };
	fd_set in, out, ex;
	struct pair p;
	int fd[2], max;
	long ms;

	(void)arg;
	pair_up(&p);
	pair_connect(&p, AF_INET, fd);
	max = fd[0] > fd[1] ? fd[0] : fd[1];
	FD_ZERO(&in);
	FD_ZERO(&ex);
	FD_SET(fd[0], &in);
	FD_SET(fd[1], &in);
	FD_SET(fd[1], &ex);
	ms = pair_ms();
	MUST(lwip_select(max + 1, &in, NULL, &ex, &t) == 0);
	MUST(pair_ms() - ms >= 99);
	MUST(!FD_ISSET(fd[0], &in) && !FD_ISSET(fd[1], &ex));
	FD_SET(fd[0], &in);
	FD_ZERO(&out);
	FD_SET(fd[0], &out);
	FD_SET(fd[1], &out);
	MUST(lwip_select(max + 1, &in, &out, NULL, NULL) == 2);
	MUST(!FD_ISSET(fd[0], &in));
	MUST(FD_ISSET(fd[0], &out) && FD_ISSET(fd[1], &out));
	pair_send(fd[1], 10, 0, 4);
	FD_ZERO(&in);
	FD_SET(fd[0], &in);
	MUST(lwip_select(max + 1, &in, NULL, NULL, NULL) == 1);
	MUST(FD_ISSET(fd[0], &in));
	MUST(lwip_close(fd[0]) == 0);
	MUST(lwip_select(max + 1, &in, NULL, NULL, NULL) == -1);
	MUST(errno == EBADF);
	MUST(lwip_select(-1, NULL, NULL, NULL, &t) == -1 && errno == EINVAL);
	return 0;
}

static void
test_selects(void **state)
{
	(void)state;
	alone(selects);
}

/* ---- descriptors beyond what a set can hold ----------------------------- */

/* Opens descriptors until there are N.  False: it may not. */
static int
crowd(int n)
{
	struct rlimit r;
	int fd;

	if (getrlimit(RLIMIT_NOFILE, &r) == -1)
		return 0;
	if (r.rlim_max != RLIM_INFINITY && (int)r.rlim_max < n + 200)
		return 0;
	r.rlim_cur = r.rlim_max == RLIM_INFINITY ? (rlim_t)n + 200 : r.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &r) == -1)
		return 0;
	do
		fd = open("/dev/null", O_RDONLY);
	while (fd != -1 && fd < n);
	return fd != -1;
}

#define TOO_FEW 77

static int
many(void *arg)
{
	unsigned long set[8192 / (8 * sizeof(unsigned long))] = { 0 };
	struct pollfd q[2];
	struct pair p;
	int fd[2];

	(void)arg;
	if (!crowd(5000))
		return TOO_FEW;
	pair_up(&p); /* its own descriptors are beyond, too */
	pair_connect(&p, AF_INET, fd);
	MUST(fd[0] > 5000 && fd[1] > 5000 && fd[1] < 8192);
	pair_send(fd[0], 100000 / 4, 0, 5);
	q[0] = (struct pollfd){ .fd = fd[1], .events = POLLIN };
	MUST(lwip_poll(q, 1, LONG) == 1 && q[0].revents == POLLIN);
	set[(unsigned)fd[1] / (8 * sizeof(set[0]))] |= 1ul
	    << (unsigned)fd[1] % (8 * sizeof(set[0]));
	MUST(lwip_select(fd[1] + 1, (fd_set *)(void *)set, NULL, NULL, NULL) ==
	    1);
	pair_recv(fd[1], 100000 / 4, 0, 5);
	MUST(lwip_close(fd[0]) == 0 && lwip_close(fd[1]) == 0);
	return 0;
}

static void
test_many(void **state)
{
	int st = net_wait(net_child(many, NULL));

	(void)state;
	if (st == TOO_FEW) {
		fprintf(stderr, "# 5000 descriptors are not allowed here\n");
		skip();
	}
	assert_int_equal(st, 0);
}

/* ---- subscriptions ------------------------------------------------------ */

static _Atomic int calls;

static void
called(void *arg)
{
	calls += arg != NULL;
}

static int
subscribed(void *arg)
{
	void (*cb)(void) = (void (*)(void))called;
	struct pair p;
	int fd[2], i;

	(void)arg;
	pair_up(&p);
	pair_connect(&p, AF_INET, fd);
	MUST(lwip_event_subscribe(cb, &p, fd[1], POLLOUT) == POLLOUT);
	MUST(lwip_event_subscribe(cb, &p, fd[1], POLLIN) == 0);
	pair_send(fd[0], 1, 0, 6);
	for (i = 0; calls == 0 && i < 1000; i++)
		usleep(1000);
	MUST(calls == 1);
	MUST(lwip_event_subscribe(NULL, &p, fd[1], POLLIN) == POLLIN);
	pair_send(fd[0], 1, 1, 6);
	pair_recv(fd[1], 2, 0, 6);
	MUST(calls == 1); /* once is once */
	MUST(lwip_event_subscribe(cb, &p, fd[1], POLLIN) == 0);
	MUST(lwip_event_subscribe(NULL, &p, fd[1], POLLIN) == 0);
	pair_send(fd[0], 1, 2, 6);
	pair_recv(fd[1], 1, 2, 6);
	MUST(calls == 1);
	return 0;
}

static void
test_subscribed(void **state)
{
	(void)state;
	alone(subscribed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_mixed),
		cmocka_unit_test(test_selects),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_subscribed),
	};
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	net_bus(); /* before a child makes a folder of its own */
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	net_bus_remove();
	return failed;
}
