/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmif_sock_connect_test.c - connecting: what is refused is refused at once,
 * who is not there is missed soon, nobody waits who must not; and storms of
 * connections, listeners that come and go, sockets that nobody reads
 *
 * slow: 12
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <linux/if_packet.h>
#include <lwipv6.h>
#include <shmif.h>

#include "tests/lib/netstack.h"
#include "tests/lib/pair.h"

static void
alone(int (*fn)(void *))
{
	assert_int_equal(net_wait(net_child(fn, NULL)), 0);
}

static int
dial(int fd, const char *addr, unsigned port)
{
	struct sockaddr_storage ss;
	socklen_t len = net_addr(&ss, addr, port);

	return lwip_connect(fd, (struct sockaddr *)&ss, len);
}

static int
stream(struct stack *stack, int family, int nonblock)
{
	int s = lwip_msocket(stack, family,
	    SOCK_STREAM | (nonblock ? SOCK_NONBLOCK : 0), 0);

	MUST(s != -1);
	return s;
}

static int
error_of(int fd)
{
	int error = -1;
	socklen_t len = sizeof(error);

	MUST(lwip_getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0);
	return error;
}

static short
wait_for(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	MUST(lwip_poll(&p, 1, 60000) == 1);
	return p.revents;
}

/* ---- how attempts end --------------------------------------------------- */

static int
refused(void *arg)
{
	struct pair p;
	int s, i, l;

	(void)arg;
	pair_up(&p);
	for (i = 0; i < 20; i++) {
		s = stream(p.a, i % 2 ? AF_INET6 : AF_INET, 0);
		MUST(dial(s, i % 2 ? PAIR_B6 : PAIR_B4, 90) == -1);
		MUST(errno == ECONNREFUSED);
		MUST(error_of(s) == 0); /* it was told */
		if (i == 0) {
			/* The socket is as good as new. */
			l = pair_listen(p.b, PAIR_B4, 91, 1);
			MUST(dial(s, PAIR_B4, 91) == 0);
			MUST(dial(s, PAIR_B4, 91) == -1 && errno == EISCONN);
			MUST(lwip_close(l) == 0);
		}
		MUST(lwip_close(s) == 0);
	}
	return 0;
}

static void
test_refused(void **state)
{
	(void)state;
	alone(refused);
}

static int
absent(void *arg)
{
	static const char *const who[] = { "10.7.0.77", "fd07::77" };
	struct pair p;
	long ms;
	int i, s;

	(void)arg;
	pair_up(&p);
	for (i = 0; i < 2; i++) {
		s = stream(p.a, i ? AF_INET6 : AF_INET, 0);
		ms = pair_ms();
		MUST(dial(s, who[i], 90) == -1 && errno == EHOSTUNREACH);
		ms = pair_ms() - ms;
		fprintf(stderr, "# %s: no route to host after %ld ms\n", who[i],
		    ms);
		MUST(lwip_close(s) == 0);
	}
	/* Where no route leads. */
	s = stream(p.a, AF_INET, 0);
	MUST(dial(s, "172.16.0.1", 90) == -1 && errno == ENETUNREACH);
	MUST(dial(s, "0.0.0.0", 90) == -1 && errno == ECONNREFUSED);
	return 0;
}

static void
test_absent(void **state)
{
	(void)state;
	alone(absent);
}

static int
no_wait(void *arg)
{
	struct pair p;
	int s, l;

	(void)arg;
	pair_up(&p);
	l = pair_listen(p.b, PAIR_B4, 90, 1);
	MUST(lwip_fcntl(l, F_SETFL, O_NONBLOCK) == 0);
	MUST(lwip_accept(l, NULL, NULL) == -1 && errno == EAGAIN);
	s = stream(p.a, AF_INET, 1);
	MUST(dial(s, PAIR_B4, 90) == 0 || errno == EINPROGRESS);
	MUST(wait_for(s, POLLOUT) == POLLOUT && error_of(s) == 0);
	MUST(dial(s, PAIR_B4, 90) == -1 && errno == EISCONN);
	MUST(wait_for(l, POLLIN) == POLLIN);
	MUST(lwip_accept(l, NULL, NULL) != -1);
	MUST(lwip_accept(l, NULL, NULL) == -1 && errno == EAGAIN);
	/* Refused; where that came at once, the call itself says so. */
	s = stream(p.a, AF_INET, 1);
	MUST(dial(s, PAIR_B4, 91) == -1);
	if (errno != ECONNREFUSED) {
		MUST(errno == EINPROGRESS);
		MUST((wait_for(s, POLLOUT) & (POLLERR | POLLOUT)) ==
		    (POLLERR | POLLOUT));
		MUST(error_of(s) == ECONNREFUSED);
	}
	MUST(error_of(s) == 0);
	/* Nobody there; asked once more meanwhile. */
	s = stream(p.a, AF_INET, 1);
	MUST(dial(s, "10.7.0.77", 91) == -1 && errno == EINPROGRESS);
	MUST(dial(s, "10.7.0.77", 91) == -1 && errno == EALREADY);
	MUST(lwip_send(s, "x", 1, 0) == -1 && errno == EAGAIN);
	wait_for(s, POLLOUT);
	MUST(error_of(s) == EHOSTUNREACH);
	/* Given up. */
	s = stream(p.a, AF_INET, 1);
	MUST(dial(s, "10.7.0.78", 91) == -1 && errno == EINPROGRESS);
	MUST(lwip_close(s) == 0);
	return 0;
}

static void
test_no_wait(void **state)
{
	(void)state;
	alone(no_wait);
}

/* More clients than a listener's queue takes: they wait their turn. */
static void *
client(void *arg)
{
	struct pair *p = arg;
	int s = pair_dial(p->a, PAIR_B4, 90);

	pair_send(s, 100, 0, 1);
	pair_recv(s, 100, 0, 2);
	MUST(lwip_close(s) == 0);
	return NULL;
}

static int
full(void *arg)
{
	pthread_t t[8];
	struct pair p;
	int l, i, s;

	(void)arg;
	pair_up(&p);
	l = pair_listen(p.b, PAIR_B4, 90, 2);
	for (i = 0; i < 8; i++)
		pthread_create(&t[i], NULL, client, &p);
	usleep(200000);
	for (i = 0; i < 8; i++) {
		MUST((s = lwip_accept(l, NULL, NULL)) != -1);
		pair_recv(s, 100, 0, 1);
		pair_send(s, 100, 0, 2);
		MUST(lwip_close(s) == 0);
	}
	for (i = 0; i < 8; i++)
		pthread_join(t[i], NULL);
	return 0;
}

static void
test_full(void **state)
{
	(void)state;
	alone(full);
}

/* ---- storms ------------------------------------------------------------- */

#define DIALLERS 4

static atomic_bool stop;
static atomic_int made;

static void *
storm(void *arg)
{
	struct pair *p = arg;

	while (!stop) {
		int s = stream(p->a, AF_INET, 0);
		char c;

		if (dial(s, PAIR_B4, 90) == 0) {
			made++;
			lwip_send(s, "hello", 5, MSG_NOSIGNAL);
			lwip_recv(s, &c, 1, 0);
		}
		MUST(lwip_close(s) == 0);
	}
	return NULL;
}

/* A listener that comes and goes while they come in. */
static int
listeners(void *arg)
{
	long rounds = net_env("ROUNDS", 300), i;
	pthread_t t[DIALLERS];
	struct pair p;
	int k;

	(void)arg;
	pair_up(&p);
	for (i = 0; i < DIALLERS; i++)
		pthread_create(&t[i], NULL, storm, &p);
	for (i = 0; i < rounds; i++) {
		int l = stream(p.b, AF_INET, 1), on = 1;
		struct sockaddr_storage ss;
		socklen_t len = net_addr(&ss, PAIR_B4, 90);

		MUST(lwip_setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &on,
			 sizeof(on)) == 0);
		MUST(lwip_bind(l, (struct sockaddr *)&ss, len) == 0);
		MUST(lwip_listen(l, 4) == 0);
		for (k = 0; k < 5; k++) {
			int s = lwip_accept(l, NULL, NULL);

			if (s != -1)
				MUST(lwip_close(s) == 0);
			else
				usleep(500);
		}
		MUST(lwip_close(l) == 0);
	}
	stop = true;
	for (i = 0; i < DIALLERS; i++)
		pthread_join(t[i], NULL);
	fprintf(stderr, "# %ld listeners, %d connections\n", rounds, made);
	MUST(made > 0);
	return 0;
}

static void
test_listeners(void **state)
{
	(void)state;
	alone(listeners);
}

/* Threads that send and end. */
static void *
send_and_end(void *arg)
{
	int fd = *(int *)arg;

	MUST(lwip_send(fd, "x", 1, 0) == 1);
	return NULL;
}

static int
threads(void *arg)
{
	struct pair p;
	int fd[2], i;
	pthread_t t;
	char c;

	(void)arg;
	pair_up(&p);
	pair_connect(&p, AF_INET, fd);
	for (i = 0; i < 1000; i++) {
		MUST(pthread_create(&t, NULL, send_and_end, &fd[0]) == 0);
		pthread_join(t, NULL);
	}
	MUST(lwip_close(fd[0]) == 0);
	for (i = 0; lwip_recv(fd[1], &c, 1, 0) == 1; i++)
		MUST(c == 'x');
	MUST(i == 1000);
	return 0;
}

static void
test_threads(void **state)
{
	(void)state;
	alone(threads);
}

/* ---- sockets that nobody reads ------------------------------------------ */

static int
unread(void *arg)
{
	long n = net_env("DATAGRAMS", 20000), i;
	struct sockaddr_storage to, at;
	struct sockaddr_ll ll = { .sll_family = AF_PACKET };
	socklen_t len = net_addr(&to, PAIR_B4, 9);
	int deaf, raw, packet, s, l, c, size = 1 << 20, got = 0;
	uint32_t number, next;
	char buf[1000];
	struct pair p;

	(void)arg;
	pair_up(&p);
	deaf = lwip_msocket(p.b, AF_INET, SOCK_DGRAM, 0);
	MUST(lwip_bind(deaf, (struct sockaddr *)&to, len) == 0);
	raw = lwip_msocket(p.b, AF_INET, SOCK_RAW, IPPROTO_UDP);
	packet = lwip_msocket(p.b, AF_PACKET, SOCK_RAW, htons(3));
	ll.sll_protocol = htons(3);
	MUST(raw != -1 && packet != -1);
	MUST(lwip_bind(packet, (struct sockaddr *)&ll, sizeof(ll)) == 0);
	l = pair_listen(p.b, PAIR_B4, 90, 5);
	s = lwip_msocket(p.a, AF_INET, SOCK_DGRAM, 0);
	for (i = 0; i < n; i++) {
		number = (uint32_t)i;
		memcpy(buf, &number, sizeof(number));
		net_fill((uint8_t *)buf + 4, 496, 0, number);
		MUST(lwip_sendto(s, buf, 500, 0, (struct sockaddr *)&to, len) ==
		    500);
	}
	/* The stack goes on: others are served. */
	c = pair_dial(p.a, PAIR_B4, 90);
	MUST((l = lwip_accept(l, NULL, NULL)) != -1);
	pair_send(c, 50000, 0, 1);
	pair_recv(l, 50000, 0, 1);
	/* What was kept is whole, and as it came; the bus may have lost some. */
	for (next = 0; lwip_recv(deaf, buf, sizeof(buf), MSG_DONTWAIT) == 500;
	     got++) {
		memcpy(&number, buf, sizeof(number));
		MUST(number >= next && number < n);
		MUST(net_same((uint8_t *)buf + 4, 496, 0, number));
		next = number + 1;
	}
	MUST(errno == EAGAIN && got > 100 && got < n);
	fprintf(stderr, "# %d of %ld kept\n", got, n);
	/* And there is room for more. */
	MUST(lwip_setsockopt(deaf, SOL_SOCKET, SO_RCVBUF, &size,
		 sizeof(size)) == 0);
	MUST(lwip_sendto(s, "last", 4, 0, (struct sockaddr *)&to, len) == 4);
	len = sizeof(at);
	MUST(lwip_recvfrom(deaf, buf, sizeof(buf), 0, (struct sockaddr *)&at,
		 &len) == 4);
	return 0;
}

static void
test_unread(void **state)
{
	(void)state;
	alone(unread);
}

/* Whole, cut, from several pieces into several. */
static int
messages(void *arg)
{
	struct sockaddr_storage to, from;
	socklen_t len = net_addr(&to, PAIR_B6, 9);
	char a[10], b[10], c[10], out[1300];
	struct iovec iov[3] = { { a, 3 }, { b, 0 }, { c, 5 } };
	struct msghdr m = { .msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = iov,
		.msg_iovlen = 3 };
	struct pair p;
	int s, r;

	(void)arg;
	pair_up(&p);
	r = lwip_msocket(p.b, AF_INET6, SOCK_DGRAM, 0);
	MUST(lwip_bind(r, (struct sockaddr *)&to, len) == 0);
	s = lwip_msocket(p.a, AF_INET6, SOCK_DGRAM, 0);
	MUST(
	    lwip_sendto(s, "12345678", 8, 0, (struct sockaddr *)&to, len) == 8);
	MUST(lwip_recvmsg(r, &m, 0) == 8);
	MUST(memcmp(a, "123", 3) == 0 && memcmp(c, "45678", 5) == 0);
	MUST(m.msg_flags == 0 && m.msg_namelen == sizeof(struct sockaddr_in6));
	MUST(lwip_sendto(s, "123456789", 9, 0, (struct sockaddr *)&to, len) ==
	    9);
	MUST(lwip_sendto(s, "abc", 3, 0, (struct sockaddr *)&to, len) == 3);
	m.msg_namelen = 0;
	MUST(lwip_recvmsg(r, &m, MSG_PEEK | MSG_TRUNC) == 9);
	MUST(m.msg_flags == MSG_TRUNC);
	MUST(lwip_recvmsg(r, &m, 0) == 8 && m.msg_flags == MSG_TRUNC);
	MUST(lwip_recv(r, a, 10, 0) == 3); /* the rest is gone */
	/* Nothing is something. */
	MUST(lwip_sendto(s, NULL, 0, 0, (struct sockaddr *)&to, len) == 0);
	MUST(lwip_recv(r, a, 10, 0) == 0);
	/* Too much is told. */
	memset(out, 1, sizeof(out));
	MUST(lwip_sendto(s, out, 70000, 0, (struct sockaddr *)&to, len) == -1);
	MUST(errno == EMSGSIZE);
	MUST(lwip_sendto(s, out, 10, 0, NULL, 0) == -1);
	MUST(errno == EDESTADDRREQ);
	len = net_addr(&to, "fdaa::1", 9);
	MUST(lwip_sendto(s, out, 10, 0, (struct sockaddr *)&to, len) == -1);
	MUST(errno == ENETUNREACH);
	return 0;
}

static void
test_messages(void **state)
{
	(void)state;
	alone(messages);
}

/* ---- a connect to nothing ------------------------------------------------ */

static void
undo(int fd)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	MUST(lwip_connect(fd, &none, sizeof(none)) == 0);
}

/* It ends listening, an attempt and a connection, and harms no socket. */
static int
undone(void *arg)
{
	static const char *const a[] = { PAIR_A4, PAIR_A6 };
	static const char *const b[] = { PAIR_B4, PAIR_B6 };
	int l, c, d, e, i, round;
	struct sockaddr_storage ss;
	struct pair p;
	socklen_t len;
	char x;

	(void)arg;
	pair_up(&p);
	for (i = 0; i < 2; i++) {
		l = pair_listen(p.b, b[i], 7100, 4);
		for (round = 0; round < 3; round++) {
			c = pair_dial(p.a, b[i], 7100);
			MUST((e = lwip_accept(l, NULL, NULL)) != -1);
			MUST(lwip_close(e) == 0);
			/* One that nobody has taken is reset. */
			d = pair_dial(p.a, b[i], 7100);
			undo(l);
			MUST(lwip_recv(d, &x, 1, 0) == -1 &&
			    errno == ECONNRESET);
			MUST(lwip_accept(l, NULL, NULL) == -1 &&
			    errno == EINVAL);
			MUST(lwip_close(d) == 0 && lwip_close(c) == 0);
			undo(l);
			MUST(lwip_listen(l, 4) == 0);
		}
		/* It is as good as new: nothing of before is left. */
		c = pair_dial(p.a, b[i], 7100);
		MUST((e = lwip_accept(l, NULL, NULL)) != -1);
		MUST(lwip_send(e, "old", 3, 0) == 3);
		MUST(lwip_shutdown(e, SHUT_WR) == 0);
		MUST(lwip_recv(c, &x, 1, 0) == 1 && x == 'o');
		MUST(lwip_shutdown(c, SHUT_WR) == 0);
		undo(c);
		MUST(lwip_close(e) == 0);
		len = net_addr(&ss, b[i], 7100);
		MUST(lwip_connect(c, (struct sockaddr *)&ss, len) == 0);
		MUST((e = lwip_accept(l, NULL, NULL)) != -1);
		MUST(lwip_send(e, "x", 1, 0) == 1);
		MUST(lwip_recv(c, &x, 1, 0) == 1 && x == 'x');
		MUST(lwip_send(c, "y", 1, 0) == 1);
		MUST(lwip_recv(e, &x, 1, 0) == 1 && x == 'y');
		MUST(lwip_close(c) == 0 && lwip_close(e) == 0);
		MUST(lwip_close(l) == 0);
		/* New, and bound. */
		e = lwip_msocket(p.a, i == 0 ? AF_INET : AF_INET6, SOCK_STREAM,
		    0);
		MUST(e != -1);
		undo(e);
		MUST(lwip_close(e) == 0);
		e = pair_listen(p.a, a[i], 7200, 1);
		undo(e);
		undo(e);
		MUST(lwip_close(e) == 0);
	}
	return 0;
}

static void
test_undone(void **state)
{
	(void)state;
	alone(undone);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_absent),
		cmocka_unit_test(test_no_wait),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_listeners),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_unread),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_undone),
	};
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	net_bus(); /* before a child makes a folder of its own */
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	net_bus_remove();
	return failed;
}
