/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmif_sock_stream_test.c - streams do what POSIX says: halves are closed one
 * by one, nothing is lost at the end, nobody waits who must not
 *
 * slow: 32
 */
#include <sys/ioctl.h>
#include <sys/time.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <linux/tcp.h>
#include <lwipv6.h>
#include <shmif.h>

#include "tests/lib/netstack.h"
#include "tests/lib/pair.h"

#define SIZE (3u << 20)

static uint8_t big[1 << 20];

/* Runs FN in a process of its own. */
static void
alone(int (*fn)(void *), int family)
{
	assert_int_equal(net_wait(net_child(fn, &family)), 0);
}

static void
must_end(int fd)
{
	char c;

	MUST(lwip_recv(fd, &c, 1, 0) == 0);
	MUST(lwip_recv(fd, &c, 1, 0) == 0); /* and again */
}

static void
wait_for(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	MUST(lwip_poll(&p, 1, 20000) == 1);
	MUST((p.revents & events) != 0);
}

/* ---- one half after the other ------------------------------------------- */

/* Answers with as much as came before the end of file. */
static void *
answer(void *arg)
{
	int fd = *(int *)arg;

	pair_recv(fd, SIZE, 0, 1);
	must_end(fd);
	pair_send(fd, SIZE, 0, 2);
	MUST(lwip_close(fd) == 0);
	return NULL;
}

static int
half_close(void *arg)
{
	struct pair p;
	pthread_t t;
	int fd[2];

	pair_up(&p);
	pair_connect(&p, *(int *)arg, fd);
	pthread_create(&t, NULL, answer, &fd[1]);
	pair_send(fd[0], SIZE, 0, 1);
	MUST(lwip_shutdown(fd[0], SHUT_WR) == 0);
	MUST(lwip_send(fd[0], "x", 1, MSG_NOSIGNAL) == -1 && errno == EPIPE);
	pair_recv(fd[0], SIZE, 0, 2);
	must_end(fd[0]);
	pthread_join(t, NULL);
	MUST(lwip_close(fd[0]) == 0);
	return 0;
}

static void
test_half_close(void **state)
{
	(void)state;
	alone(half_close, AF_INET);
	alone(half_close, AF_INET6);
}

/* Longer than the library leaves a connection in FIN_WAIT_2. */
static int
half_for_long(void *arg)
{
	struct pair p;
	int fd[2];

	pair_up(&p);
	pair_connect(&p, *(int *)arg, fd);
	MUST(lwip_shutdown(fd[0], SHUT_WR) == 0);
	must_end(fd[1]);
	sleep((unsigned)net_env("HALF_SECONDS", 22));
	pair_send(fd[1], 1000, 0, 3);
	pair_recv(fd[0], 1000, 0, 3);
	return 0;
}

static void
test_half_for_long(void **state)
{
	(void)state;
	alone(half_for_long, AF_INET);
}

/* A queue full of small segments, and then a FIN. */
static int
full_queue(void *arg)
{
	struct pair p;
	int fd[2], one = 1, round, i;
	uint8_t c;

	pair_up(&p);
	for (round = 0; round < 20; round++) {
		pair_connect(&p, *(int *)arg, fd);
		MUST(lwip_setsockopt(fd[0], IPPROTO_TCP, TCP_NODELAY, &one,
			 sizeof(one)) == 0);
		for (i = 0; i < 600; i++) {
			net_fill(&c, 1, (size_t)i, 4);
			MUST(lwip_send(fd[0], &c, 1, 0) == 1);
		}
		if (round % 2 == 0)
			MUST(lwip_shutdown(fd[0], SHUT_RDWR) == 0);
		MUST(lwip_close(fd[0]) == 0);
		pair_recv(fd[1], 600, 0, 4);
		must_end(fd[1]);
		MUST(lwip_close(fd[1]) == 0);
	}
	return 0;
}

static void
test_full_queue(void **state)
{
	(void)state;
	alone(full_queue, AF_INET);
}

/* What was sent arrives though its sender has closed, however slow we read. */
static int
slow_reader(void *arg)
{
	struct pair p;
	int fd[2], i;

	pair_up(&p);
	for (i = 0; i < 5; i++) {
		pair_connect(&p, *(int *)arg, fd);
		pair_send(fd[0], 60000, 0, 5);
		MUST(lwip_close(fd[0]) == 0);
		usleep(300000);
		pair_recv(fd[1], 60000, 0, 5);
		must_end(fd[1]);
		MUST(lwip_close(fd[1]) == 0);
	}
	return 0;
}

static void
test_slow_reader(void **state)
{
	(void)state;
	alone(slow_reader, AF_INET);
}

/* Odd pieces, by which the library's count of its room goes astray. */
static void *
send_odd(void *arg)
{
	int fd = *(int *)arg, i;
	uint8_t buf[7];

	for (i = 0; i < 60000; i++) {
		size_t n = (size_t)(i % 4 * 2 + 1);

		net_fill(buf, n, (size_t)(i / 4 * 16 + (i % 4) * (i % 4)), 6);
		MUST(lwip_send(fd, buf, (int)n, 0) == (ssize_t)n);
	}
	return NULL;
}

static int
odd_pieces(void *arg)
{
	struct pair p;
	pthread_t t;
	int fd[2], one = 1;

	pair_up(&p);
	pair_connect(&p, *(int *)arg, fd);
	MUST(lwip_setsockopt(fd[0], IPPROTO_TCP, TCP_NODELAY, &one,
		 sizeof(one)) == 0);
	pthread_create(&t, NULL, send_odd, &fd[0]);
	pair_recv(fd[1], 60000 / 4 * 16, 0, 6);
	pthread_join(t, NULL);
	return 0;
}

static void
test_odd_pieces(void **state)
{
	(void)state;
	alone(odd_pieces, AF_INET);
}

static int
shut_read(void *arg)
{
	struct pair p;
	int fd[2];
	char c;

	pair_up(&p);
	pair_connect(&p, *(int *)arg, fd);
	MUST(lwip_shutdown(fd[0], 5) == -1 && errno == EINVAL);
	pair_send(fd[1], 100, 0, 7);
	wait_for(fd[0], POLLIN);
	usleep(50000);
	MUST(lwip_shutdown(fd[0], SHUT_RD) == 0);
	pair_recv(fd[0], 100, 0, 7); /* what was there stays */
	must_end(fd[0]);
	pair_send(fd[1], 200000, 0, 7); /* nobody is held up */
	MUST(lwip_recv(fd[0], &c, 1, MSG_DONTWAIT) == 0);
	pair_send(fd[0], 100, 0, 8);
	pair_recv(fd[1], 100, 0, 8);
	return 0;
}

static void
test_shut_read(void **state)
{
	(void)state;
	alone(shut_read, AF_INET);
}

/* ---- not waiting -------------------------------------------------------- */

/* Sends until there is no more room.  How many bytes. */
static size_t
fill_up(int fd, unsigned flags)
{
	size_t sent = 0;
	ssize_t n;

	for (;;) {
		net_fill(big, sizeof(big), sent, 9);
		n = lwip_send(fd, big, sizeof(big), flags);
		if (n == -1)
			break;
		MUST(n > 0);
		sent += (size_t)n;
		MUST(sent < 100u << 20);
		if ((size_t)n < sizeof(big))
			usleep(1000);
	}
	MUST(errno == EAGAIN);
	return sent;
}

/* Sends until nothing moves any more. */
static size_t
fill_all(int fd, unsigned flags)
{
	size_t all = 0, n;
	int quiet = 0;

	while (quiet < 20) {
		ssize_t r;

		net_fill(big, 10000, all, 9);
		r = lwip_send(fd, big, 10000, flags);
		n = r > 0 ? (size_t)r : 0;
		MUST(r > 0 || (r == -1 && errno == EAGAIN));
		all += n;
		quiet = n == 0 ? quiet + 1 : 0;
		if (n == 0)
			usleep(10000);
	}
	return all;
}

static int
no_wait_send(void *arg)
{
	struct timeval none = { 0 };
	struct pair p;
	struct pollfd q;
	size_t sent;
	fd_set out;
	int fd[2], on = 1, off = 0;

	pair_up(&p);
	pair_connect(&p, *(int *)arg, fd);
	/* A flag of the call, of the socket, and of the socket otherwise. */
	MUST(fill_up(fd[0], MSG_DONTWAIT) > 0);
	MUST(lwip_fcntl(fd[0], F_SETFL, O_NONBLOCK) == 0);
	MUST((lwip_fcntl(fd[0], F_GETFL, 0) & O_NONBLOCK) != 0);
	MUST(lwip_close(fd[0]) == 0 && lwip_close(fd[1]) == 0);
	pair_connect(&p, *(int *)arg, fd);
	MUST(lwip_ioctl(fd[0], FIONBIO, &on) == 0);
	sent = fill_all(fd[0], 0);
	q = (struct pollfd){ .fd = fd[0], .events = POLLOUT };
	MUST(lwip_poll(&q, 1, 0) == 0 && q.revents == 0);
	FD_ZERO(&out);
	FD_SET(fd[0], &out);
	MUST(lwip_select(fd[0] + 1, NULL, &out, NULL, &none) == 0);
	MUST(!FD_ISSET(fd[0], &out));
	/* There is room when the other has read. */
	pair_recv(fd[1], sent, 0, 9);
	wait_for(fd[0], POLLOUT);
	net_fill(big, 1000, sent, 9);
	MUST(lwip_send(fd[0], big, 1000, 0) == 1000);
	pair_recv(fd[1], 1000, sent, 9);
	/* A writer that may wait does. */
	MUST(lwip_ioctl(fd[0], FIONBIO, &off) == 0);
	MUST((lwip_fcntl(fd[0], F_GETFL, 0) & O_NONBLOCK) == 0);
	return 0;
}

static void
test_no_wait_send(void **state)
{
	(void)state;
	alone(no_wait_send, AF_INET);
	alone(no_wait_send, AF_INET6);
}

/* Partial writes, with pieces: not a byte too many or too few. */
static void *
read_all(void *arg)
{
	int fd = *(int *)arg;

	pair_recv(fd, SIZE, 0, 10);
	must_end(fd);
	return NULL;
}

static int
partial_writes(void *arg)
{
	struct pair p;
	size_t sent = 0;
	pthread_t t;
	int fd[2];

	pair_up(&p);
	pair_connect(&p, *(int *)arg, fd);
	MUST(lwip_fcntl(fd[0], F_SETFL, O_NONBLOCK) == 0);
	pthread_create(&t, NULL, read_all, &fd[1]);
	while (sent < SIZE) {
		size_t k = SIZE - sent < 100000 ? SIZE - sent : 100000;
		struct iovec iov[3] = {
			{ .iov_base = big, .iov_len = k / 3 },
			{ .iov_base = big + k / 3, .iov_len = 0 },
			{ .iov_base = big + k / 3, .iov_len = k - k / 3 },
		};
		ssize_t n;

		net_fill(big, k, sent, 10);
		n = lwip_writev(fd[0], iov, 3);
		MUST(n > 0 || (n == -1 && errno == EAGAIN));
		if (n == -1)
			wait_for(fd[0], POLLOUT);
		else
			sent += (size_t)n;
	}
	MUST(lwip_close(fd[0]) == 0);
	pthread_join(t, NULL);
	return 0;
}

static void
test_partial_writes(void **state)
{
	(void)state;
	alone(partial_writes, AF_INET);
}

static int
no_wait_recv(void *arg)
{
	struct timeval t = { .tv_usec = 200000 };
	struct pair p;
	uint8_t buf[300];
	int fd[2], on = 1, n;
	long ms;

	pair_up(&p);
	pair_connect(&p, *(int *)arg, fd);
	errno = 0;
	MUST(lwip_recv(fd[0], buf, 10, MSG_DONTWAIT) == -1);
	MUST(errno == EAGAIN);
	MUST(lwip_ioctl(fd[0], FIONBIO, &on) == 0);
	errno = 0;
	MUST(lwip_read(fd[0], buf, 10) == -1 && errno == EAGAIN);
	on = 0;
	MUST(lwip_ioctl(fd[0], FIONBIO, &on) == 0);
	MUST(lwip_setsockopt(fd[0], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)) ==
	    0);
	ms = pair_ms();
	MUST(lwip_recv(fd[0], buf, 10, 0) == -1 && errno == EAGAIN);
	MUST(pair_ms() - ms >= 199);
	/* Looking does not take. */
	pair_send(fd[1], 100, 0, 11);
	wait_for(fd[0], POLLIN);
	MUST(lwip_ioctl(fd[0], FIONREAD, &n) == 0 && n > 0 && n <= 100);
	MUST(lwip_recv(fd[0], buf, 10, MSG_PEEK) == 10);
	MUST(net_same(buf, 10, 0, 11));
	MUST(lwip_recv(fd[0], buf, 5, 0) == 5 && net_same(buf, 5, 0, 11));
	MUST(lwip_recv(fd[0], buf, 10, MSG_PEEK) == 10);
	MUST(net_same(buf, 10, 5, 11));
	pair_recv(fd[0], 95, 5, 11);
	return 0;
}

static void
test_no_wait_recv(void **state)
{
	(void)state;
	alone(no_wait_recv, AF_INET);
}

static void *
in_two_parts(void *arg)
{
	int fd = *(int *)arg;

	pair_send(fd, 100, 0, 12);
	usleep(200000);
	pair_send(fd, 200, 100, 12);
	return NULL;
}

static int
wait_all(void *arg)
{
	struct timeval t = { .tv_usec = 100000 };
	struct pair p;
	uint8_t buf[300];
	pthread_t th;
	size_t sent = 0;
	ssize_t n;
	int fd[2];

	pair_up(&p);
	pair_connect(&p, *(int *)arg, fd);
	pthread_create(&th, NULL, in_two_parts, &fd[1]);
	MUST(lwip_recv(fd[0], buf, 300, MSG_WAITALL) == 300);
	MUST(net_same(buf, 300, 0, 12));
	pthread_join(th, NULL);
	/* A send that must not take longer than that. */
	MUST(lwip_setsockopt(fd[0], SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t)) ==
	    0);
	do {
		n = lwip_send(fd[0], big, sizeof(big), 0);
		MUST(n > 0 || (n == -1 && errno == EAGAIN));
		sent += n > 0 ? (size_t)n : 0;
		MUST(sent < 100u << 20);
	} while (n != -1);
	MUST(sent > 0);
	return 0;
}

static void
test_wait_all(void **state)
{
	(void)state;
	alone(wait_all, AF_INET);
}

/* ---- unkind ends -------------------------------------------------------- */

static int
reset(void *arg)
{
	struct linger l = { .l_onoff = 1, .l_linger = 0 };
	struct pair p;
	struct pollfd q;
	int fd[2], error;
	socklen_t len = sizeof(error);
	char c;

	pair_up(&p);
	pair_connect(&p, *(int *)arg, fd);
	pair_send(fd[1], 100, 0, 13);
	wait_for(fd[0], POLLIN);
	usleep(50000);
	MUST(lwip_setsockopt(fd[1], SOL_SOCKET, SO_LINGER, &l, sizeof(l)) == 0);
	MUST(lwip_close(fd[1]) == 0);
	q = (struct pollfd){ .fd = fd[0] };
	MUST(lwip_poll(&q, 1, 20000) == 1);
	MUST((q.revents & POLLERR) && (q.revents & POLLHUP));
	pair_recv(fd[0], 100, 0, 13); /* it had come before */
	MUST(lwip_recv(fd[0], &c, 1, 0) == -1 && errno == ECONNRESET);
	must_end(fd[0]);
	MUST(lwip_send(fd[0], &c, 1, MSG_NOSIGNAL) == -1 && errno == EPIPE);

	pair_connect(&p, *(int *)arg, fd);
	MUST(lwip_setsockopt(fd[1], SOL_SOCKET, SO_LINGER, &l, sizeof(l)) == 0);
	MUST(lwip_close(fd[1]) == 0);
	q = (struct pollfd){ .fd = fd[0] };
	MUST(lwip_poll(&q, 1, 20000) == 1);
	MUST(lwip_getsockopt(fd[0], SOL_SOCKET, SO_ERROR, &error, &len) == 0);
	MUST(error == ECONNRESET);
	MUST(lwip_getsockopt(fd[0], SOL_SOCKET, SO_ERROR, &error, &len) == 0);
	MUST(error == 0);
	return 0;
}

static void
test_reset(void **state)
{
	(void)state;
	alone(reset, AF_INET);
	alone(reset, AF_INET6);
}

/* Who sends to a socket that is closed is told, instead of being fed. */
static int
nobody_reads(void *arg)
{
	struct pair p;
	ssize_t n = 0;
	int fd[2], i;

	pair_up(&p);
	pair_connect(&p, *(int *)arg, fd);
	MUST(lwip_close(fd[1]) == 0);
	for (i = 0; i < 2000 && n != -1; i++) {
		n = lwip_send(fd[0], big, 10000, MSG_NOSIGNAL);
		usleep(1000);
	}
	MUST(n == -1 && (errno == ECONNRESET || errno == EPIPE));
	return 0;
}

static void
test_nobody_reads(void **state)
{
	(void)state;
	alone(nobody_reads, AF_INET);
}

static void *
close_later(void *arg)
{
	usleep(200000);
	MUST(lwip_close(*(int *)arg) == 0);
	return NULL;
}

/* Another thread closes what this one waits for. */
static int
closed_under(void *arg)
{
	struct pair p;
	pthread_t t;
	int fd[2], l;
	char c;

	pair_up(&p);
	pair_connect(&p, *(int *)arg, fd);
	pthread_create(&t, NULL, close_later, &fd[0]);
	MUST(lwip_recv(fd[0], &c, 1, 0) == -1 && errno == EBADF);
	pthread_join(t, NULL);
	MUST(lwip_recv(fd[0], &c, 1, 0) == -1 && errno == EBADF);
	MUST(lwip_close(fd[0]) == -1 && errno == EBADF);
	must_end(fd[1]);
	l = pair_listen(p.b, PAIR_B4, 99, 1);
	pthread_create(&t, NULL, close_later, &l);
	MUST(lwip_accept(l, NULL, NULL) == -1 && errno == EBADF);
	pthread_join(t, NULL);
	pair_connect(&p, *(int *)arg, fd);
	pthread_create(&t, NULL, close_later, &fd[0]);
	while (lwip_send(fd[0], big, sizeof(big), 0) > 0)
		continue;
	MUST(errno == EBADF);
	pthread_join(t, NULL);
	return 0;
}

static void
test_closed_under(void **state)
{
	(void)state;
	alone(closed_under, AF_INET);
}

static void
nothing(int sig)
{
	(void)sig;
}

static void *
signal_later(void *arg)
{
	usleep(200000);
	pthread_kill(*(pthread_t *)arg, SIGUSR1);
	return NULL;
}

/* A signal ends a wait as it does a system call. */
static int
signalled(void *arg)
{
	struct sigaction sa = { .sa_handler = nothing };
	pthread_t self = pthread_self(), t;
	struct pollfd q;
	struct pair p;
	int fd[2];
	char c;

	pair_up(&p);
	pair_connect(&p, *(int *)arg, fd);
	MUST(sigaction(SIGUSR1, &sa, NULL) == 0);
	pthread_create(&t, NULL, signal_later, &self);
	MUST(lwip_recv(fd[0], &c, 1, 0) == -1 && errno == EINTR);
	pthread_join(t, NULL);
	pthread_create(&t, NULL, signal_later, &self);
	q = (struct pollfd){ .fd = fd[0], .events = POLLIN };
	MUST(lwip_poll(&q, 1, -1) == -1 && errno == EINTR);
	pthread_join(t, NULL);
	return 0;
}

static void
test_signalled(void **state)
{
	(void)state;
	alone(signalled, AF_INET);
}

/* ---- the end of the process --------------------------------------------- */

static volatile int *shared;

/* Sends, and exits: closed or not. */
static int
send_and_exit(void *arg)
{
	const char *bus = arg;
	struct sockaddr_storage ss;
	socklen_t len = net_addr(&ss, PAIR_A4, 500);
	int unit, s;

	MUST(shmif_create(bus, &unit) == 0);
	MUST(shmif_add_addr(unit, "10.7.0.9/24") == 0 && shmif_up(unit) == 0);
	net_barrier(shared, 2);
	s = lwip_socket(AF_INET, SOCK_STREAM, 0);
	MUST(lwip_connect(s, (struct sockaddr *)&ss, len) == 0);
	pair_send(s, SIZE, 0, 14);
	return 0;
}

static int
hear_it(void *arg)
{
	const char *bus = arg;
	int unit, l, s;

	MUST(shmif_create(bus, &unit) == 0);
	MUST(shmif_add_addr(unit, PAIR_A4 "/24") == 0 && shmif_up(unit) == 0);
	l = pair_listen(shmif_stack(unit), PAIR_A4, 500, 1);
	net_barrier(shared, 2);
	MUST((s = lwip_accept(l, NULL, NULL)) != -1);
	pair_recv(s, SIZE, 0, 14);
	must_end(s); /* though nobody closed it */
	return 0;
}

static void
test_exit(void **state)
{
	char bus[256];
	pid_t a, b;

	(void)state;
	snprintf(bus, sizeof(bus), "%s", net_bus());
	shared = net_shared(sizeof(int));
	assert_non_null((void *)shared);
	a = net_child(hear_it, bus);
	b = net_child(send_and_exit, bus);
	assert_int_equal(net_wait(b), 0);
	assert_int_equal(net_wait(a), 0);
}

/* A stack that is deleted: what is left of its sockets says so. */
static int
stack_goes(void *arg)
{
	struct sockaddr_storage ss;
	socklen_t len;
	struct pair p;
	int fd[2], l, u;
	char c;

	pair_up(&p);
	pair_connect(&p, *(int *)arg, fd);
	l = pair_listen(p.a, PAIR_A4, 77, 3);
	u = lwip_msocket(p.a, AF_INET, SOCK_DGRAM, 0);
	len = net_addr(&ss, PAIR_A4, 99);
	MUST(lwip_bind(u, (struct sockaddr *)&ss, len) == 0);
	pair_send(fd[0], 20000, 0, 15);
	MUST(lwip_close(fd[0]) == 0);
	lwip_del_stack(p.a);
	MUST(lwip_accept(l, NULL, NULL) == -1 && errno != 0);
	MUST(lwip_recv(u, &c, 1, 0) == -1 && errno == ENETDOWN);
	MUST(lwip_sendto(u, &c, 1, 0, (struct sockaddr *)&ss, len) == -1);
	MUST(lwip_close(l) == 0 && lwip_close(u) == 0);
	pair_recv(fd[1], 20000, 0, 15);
	must_end(fd[1]);
	return 0;
}

static void
test_stack_goes(void **state)
{
	(void)state;
	alone(stack_goes, AF_INET);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_half_close),
		cmocka_unit_test(test_half_for_long),
		cmocka_unit_test(test_full_queue),
		cmocka_unit_test(test_slow_reader),
		cmocka_unit_test(test_odd_pieces),
		cmocka_unit_test(test_shut_read),
		cmocka_unit_test(test_no_wait_send),
		cmocka_unit_test(test_partial_writes),
		cmocka_unit_test(test_no_wait_recv),
		cmocka_unit_test(test_wait_all),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_nobody_reads),
		cmocka_unit_test(test_closed_under),
		cmocka_unit_test(test_signalled),
		cmocka_unit_test(test_exit),
		cmocka_unit_test(test_stack_goes),
	};
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	net_bus(); /* before a child makes a folder of its own */
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	net_bus_remove();
	return failed;
}
