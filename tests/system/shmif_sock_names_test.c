/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmif_sock_names_test.c - addresses are told as they are, to those who ask
 * and to those who accept and receive
 */
#include <sys/ioctl.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/time.h>

#include <cmocka.h>
#include <linux/tcp.h>
#include <lwipv6.h>

#include "tests/lib/netstack.h"
#include "tests/lib/pair.h"

static void
alone(int (*fn)(void *))
{
	assert_int_equal(net_wait(net_child(fn, NULL)), 0);
}

/* Whether SS, of LEN bytes, is TEXT and PORT (-1: any but 0). */
static int
is(const struct sockaddr_storage *ss, socklen_t len, const char *text, int port)
{
	char buf[INET6_ADDRSTRLEN] = "?";
	const struct sockaddr_in6 *in6 = (const void *)ss;
	const struct sockaddr_in *in = (const void *)ss;
	int got;

	if (ss->ss_family == AF_INET && len == sizeof(*in)) {
		inet_ntop(AF_INET, &in->sin_addr, buf, sizeof(buf));
		got = ntohs(in->sin_port);
	} else if (ss->ss_family == AF_INET6 && len == sizeof(*in6)) {
		inet_ntop(AF_INET6, &in6->sin6_addr, buf, sizeof(buf));
		got = ntohs(in6->sin6_port);
	} else {
		return 0;
	}
	if (strcmp(buf, text) == 0 && (port == -1 ? got != 0 : got == port))
		return 1;
	fprintf(stderr, "# %s port %d, not %s port %d\n", buf, got, text, port);
	return 0;
}

static int
own_is(int fd, const char *text, int port)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	memset(&ss, 0xee, sizeof(ss));
	return lwip_getsockname(fd, (struct sockaddr *)&ss, &len) == 0 &&
	    is(&ss, len, text, port);
}

static int
peer_is(int fd, const char *text, int port)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	memset(&ss, 0xee, sizeof(ss));
	return lwip_getpeername(fd, (struct sockaddr *)&ss, &len) == 0 &&
	    is(&ss, len, text, port);
}

static int
no_peer(int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	return lwip_getpeername(fd, (struct sockaddr *)&ss, &len) == -1 &&
	    errno == ENOTCONN;
}

static int
port_of(int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	MUST(lwip_getsockname(fd, (struct sockaddr *)&ss, &len) == 0);
	return ntohs(((struct sockaddr_in *)(void *)&ss)->sin_port);
}

static int
bind_to(int fd, const char *text, unsigned port)
{
	struct sockaddr_storage ss;
	socklen_t len = net_addr(&ss, text, port);

	return lwip_bind(fd, (struct sockaddr *)&ss, len);
}

static int
connect_to(int fd, const char *text, unsigned port)
{
	struct sockaddr_storage ss;
	socklen_t len = net_addr(&ss, text, port);

	return lwip_connect(fd, (struct sockaddr *)&ss, len);
}

/* ---- TCP ---------------------------------------------------------------- */

/* A server at WHERE, a client (of FAMILY) that connects to DIAL. */
static void
stream(struct pair *p, const char *where, int family, const char *dial,
    const char *server_is, const char *client_is, const char *seen_as)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	const char *any = family == AF_INET ? "0.0.0.0" : "::";
	static unsigned port = 700;
	int l = pair_listen(p->b, where, ++port, 2), c, s;

	MUST(own_is(l, where, (int)port) && no_peer(l));
	c = lwip_msocket(p->a, family, SOCK_STREAM, 0);
	MUST(c != -1 && own_is(c, any, 0) && no_peer(c));
	MUST(connect_to(c, dial, port) == 0);
	MUST(own_is(c, client_is, -1) && peer_is(c, dial, (int)port));
	memset(&ss, 0xee, sizeof(ss));
	s = lwip_accept(l, (struct sockaddr *)&ss, &len);
	MUST(s != -1 && is(&ss, len, seen_as, port_of(c)));
	MUST(peer_is(s, seen_as, port_of(c)));
	MUST(own_is(s, server_is, (int)port));
	MUST(lwip_close(s) == 0 && lwip_close(c) == 0 && lwip_close(l) == 0);
}

static int
streams(void *arg)
{
	struct pair p;
	int s;

	(void)arg;
	pair_up(&p);
	stream(&p, PAIR_B4, AF_INET, PAIR_B4, PAIR_B4, PAIR_A4, PAIR_A4);
	stream(&p, "0.0.0.0", AF_INET, PAIR_B4, PAIR_B4, PAIR_A4, PAIR_A4);
	stream(&p, PAIR_B6, AF_INET6, PAIR_B6, PAIR_B6, PAIR_A6, PAIR_A6);
	stream(&p, "::", AF_INET6, PAIR_B6, PAIR_B6, PAIR_A6, PAIR_A6);
	/* IPv4 on sockets of the other family. */
	stream(&p, "::", AF_INET, PAIR_B4, "::ffff:" PAIR_B4, PAIR_A4,
	    "::ffff:" PAIR_A4);
	stream(&p, "0.0.0.0", AF_INET6, "::ffff:" PAIR_B4, PAIR_B4,
	    "::ffff:" PAIR_A4, PAIR_A4);
	/* Bound before it connects. */
	s = lwip_msocket(p.a, AF_INET, SOCK_STREAM, 0);
	MUST(bind_to(s, PAIR_A4, 0) == 0 && own_is(s, PAIR_A4, -1));
	MUST(bind_to(s, PAIR_A4, 0) == -1 && errno == EINVAL);
	MUST(lwip_listen(s, 1) == 0);
	s = lwip_msocket(p.a, AF_INET, SOCK_STREAM, 0);
	MUST(bind_to(s, "0.0.0.0", 4321) == 0 && own_is(s, "0.0.0.0", 4321));
	pair_listen(p.b, PAIR_B4, 1234, 1);
	MUST(connect_to(s, PAIR_B4, 1234) == 0);
	MUST(own_is(s, PAIR_A4, 4321) && peer_is(s, PAIR_B4, 1234));
	return 0;
}

static void
test_streams(void **state)
{
	(void)state;
	alone(streams);
}

/* ---- UDP ---------------------------------------------------------------- */

static void
datagram(struct pair *p, int family, const char *to, const char *own,
    int family_b, const char *at_b, const char *seen_as)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss), to_len;
	int c = lwip_msocket(p->a, family, SOCK_DGRAM, 0);
	int s = lwip_msocket(p->b, family_b, SOCK_DGRAM, 0);
	const char *any = family == AF_INET ? "0.0.0.0" : "::";
	char buf[10];
	int port;

	MUST(own_is(c, any, 0) && no_peer(c));
	MUST(bind_to(s, at_b, 0) == 0 && own_is(s, at_b, -1));
	port = port_of(s);
	to_len = net_addr(&ss, to, (unsigned)port);
	MUST(lwip_sendto(c, "abc", 3, 0, (struct sockaddr *)&ss, to_len) == 3);
	MUST(own_is(c, any, -1) && no_peer(c));
	memset(&ss, 0xee, sizeof(ss));
	MUST(lwip_recvfrom(s, buf, 10, 0, (struct sockaddr *)&ss, &len) == 3);
	MUST(is(&ss, len, seen_as, port_of(c)));
	/* Connected: it has an address, and hears nobody else. */
	MUST(connect_to(c, to, (unsigned)port) == 0);
	MUST(own_is(c, own, -1) && peer_is(c, to, port));
	MUST(lwip_send(c, "abcd", 4, 0) == 4);
	MUST(lwip_recv(s, buf, 10, 0) == 4);
	ss.ss_family = AF_UNSPEC;
	MUST(lwip_connect(c, (struct sockaddr *)&ss, sizeof(ss)) == 0);
	MUST(no_peer(c) && own_is(c, any, -1));
	MUST(lwip_send(c, "abcd", 4, 0) == -1 && errno == EDESTADDRREQ);
	MUST(lwip_close(c) == 0 && lwip_close(s) == 0);
}

static int
datagrams(void *arg)
{
	struct pair p;

	(void)arg;
	pair_up(&p);
	datagram(&p, AF_INET, PAIR_B4, PAIR_A4, AF_INET, PAIR_B4, PAIR_A4);
	datagram(&p, AF_INET6, PAIR_B6, PAIR_A6, AF_INET6, PAIR_B6, PAIR_A6);
	datagram(&p, AF_INET6, PAIR_B6, PAIR_A6, AF_INET6, "::", PAIR_A6);
	datagram(&p, AF_INET, PAIR_B4, PAIR_A4, AF_INET6,
	    "::", "::ffff:" PAIR_A4);
	datagram(&p, AF_INET6, "::ffff:" PAIR_B4, "::ffff:" PAIR_A4, AF_INET,
	    "0.0.0.0", PAIR_A4);
	return 0;
}

static void
test_datagrams(void **state)
{
	(void)state;
	alone(datagrams);
}

/* ---- too short, not there, not his ------------------------------------- */

static int
lengths(void *arg)
{
	struct sockaddr_storage ss;
	struct sockaddr_in in;
	socklen_t len;
	struct pair p;
	uint8_t *raw = (uint8_t *)&ss;
	int fd[2], s;

	(void)arg;
	pair_up(&p);
	pair_connect(&p, AF_INET, fd);
	memset(&ss, 0xee, sizeof(ss));
	len = 5;
	MUST(lwip_getpeername(fd[0], (struct sockaddr *)&ss, &len) == 0);
	MUST(len == sizeof(in) && raw[4] == 10 && raw[5] == 0xee);
	len = 0;
	MUST(lwip_getsockname(fd[0], (struct sockaddr *)&ss, &len) == 0);
	MUST(len == sizeof(in));
	MUST(lwip_getsockname(fd[0], NULL, &len) == -1 && errno == EFAULT);
	s = lwip_msocket(p.a, AF_INET, SOCK_DGRAM, 0);
	net_addr(&ss, PAIR_B4, 5);
	MUST(lwip_bind(s, (struct sockaddr *)&ss, 7) == -1 && errno == EINVAL);
	MUST(lwip_bind(s, (struct sockaddr *)&ss, sizeof(in)) == -1);
	MUST(errno == EADDRNOTAVAIL); /* it is the other's */
	net_addr(&ss, PAIR_A6, 5);
	MUST(lwip_bind(s, (struct sockaddr *)&ss, sizeof(ss)) == -1);
	MUST(errno == EAFNOSUPPORT);
	MUST(lwip_getsockname(1000, (struct sockaddr *)&ss, &len) == -1);
	MUST(errno == EBADF);
	return 0;
}

static void
test_lengths(void **state)
{
	(void)state;
	alone(lengths);
}

/* ---- who may have a port ------------------------------------------------ */

static int
bound(struct stack *stack, int family, int type, const char *text,
    unsigned port, int option)
{
	int s = lwip_msocket(stack, family, type, 0), on = 1;

	if (option != 0)
		MUST(lwip_setsockopt(s, SOL_SOCKET, option, &on, sizeof(on)) ==
		    0);
	if (bind_to(s, text, port) == 0)
		return s;
	MUST(errno == EADDRINUSE);
	MUST(lwip_close(s) == 0);
	return -1;
}

static int
ports(void *arg)
{
	struct pair p;
	int a, b, c, l;

	(void)arg;
	pair_up(&p);
	for (a = SOCK_STREAM; a <= SOCK_DGRAM; a++) {
		b = bound(p.a, AF_INET, a, PAIR_A4, 50, 0);
		MUST(b != -1);
		MUST(bound(p.a, AF_INET, a, PAIR_A4, 50, 0) == -1);
		MUST(bound(p.a, AF_INET, a, "0.0.0.0", 50, 0) == -1);
		MUST(bound(p.a, AF_INET6, a, "::", 50, 0) == -1);
		MUST(bound(p.a, AF_INET6, a, PAIR_A6, 50, 0) != -1);
		MUST(bound(p.b, AF_INET, a, "0.0.0.0", 50, 0) != -1);
		MUST(lwip_close(b) == 0);
		MUST(bound(p.a, AF_INET, a, PAIR_A4, 50, 0) != -1);
	}
	/* A server that is started again while a client of it is there. */
	l = pair_listen(p.b, PAIR_B4, 60, 1);
	c = pair_dial(p.a, PAIR_B4, 60);
	MUST((a = lwip_accept(l, NULL, NULL)) != -1);
	MUST(bound(p.b, AF_INET, SOCK_STREAM, PAIR_B4, 60, SO_REUSEADDR) == -1);
	MUST(lwip_close(l) == 0);
	MUST(bound(p.b, AF_INET, SOCK_STREAM, PAIR_B4, 60, 0) == -1);
	l = bound(p.b, AF_INET, SOCK_STREAM, PAIR_B4, 60, SO_REUSEADDR);
	MUST(l != -1 && lwip_listen(l, 1) == 0);
	MUST(lwip_close(pair_dial(p.a, PAIR_B4, 60)) == 0);
	pair_send(c, 10, 0, 1);
	pair_recv(a, 10, 0, 1);
	/* Two that say so. */
	MUST(
	    bound(p.a, AF_INET, SOCK_DGRAM, "0.0.0.0", 70, SO_REUSEPORT) != -1);
	MUST(
	    bound(p.a, AF_INET, SOCK_DGRAM, "0.0.0.0", 70, SO_REUSEPORT) != -1);
	MUST(bound(p.a, AF_INET, SOCK_DGRAM, "0.0.0.0", 70, 0) == -1);
	return 0;
}

static void
test_ports(void **state)
{
	(void)state;
	alone(ports);
}

/* ---- one family only ---------------------------------------------------- */

static int
families(void *arg)
{
	struct sockaddr_storage ss;
	socklen_t len;
	struct pair p;
	int l, c, s, on = 1;
	char b;

	(void)arg;
	pair_up(&p);
	/* An AF_INET listener is not there for IPv6. */
	l = pair_listen(p.b, "0.0.0.0", 80, 1);
	c = lwip_msocket(p.a, AF_INET6, SOCK_STREAM, 0);
	MUST(connect_to(c, PAIR_B6, 80) == -1 && errno == ECONNREFUSED);
	MUST(lwip_fcntl(l, F_SETFL, O_NONBLOCK) == 0);
	MUST(lwip_accept(l, NULL, NULL) == -1 && errno == EAGAIN);
	s = lwip_msocket(p.b, AF_INET6, SOCK_STREAM, 0);
	MUST(lwip_setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) ==
	    0);
	MUST(bind_to(s, "::", 81) == 0 && lwip_listen(s, 1) == 0);
	c = lwip_msocket(p.a, AF_INET, SOCK_STREAM, 0);
	MUST(connect_to(c, PAIR_B4, 81) == -1 && errno == ECONNREFUSED);
	MUST(lwip_close(pair_dial(p.a, PAIR_B6, 81)) == 0);
	/* Likewise datagrams. */
	s = lwip_msocket(p.b, AF_INET, SOCK_DGRAM, 0);
	MUST(bind_to(s, "0.0.0.0", 82) == 0);
	c = lwip_msocket(p.a, AF_INET6, SOCK_DGRAM, 0);
	len = net_addr(&ss, PAIR_B6, 82);
	MUST(lwip_sendto(c, "6", 1, 0, (struct sockaddr *)&ss, len) == 1);
	len = net_addr(&ss, "::ffff:" PAIR_B4, 82);
	MUST(lwip_sendto(c, "4", 1, 0, (struct sockaddr *)&ss, len) == 1);
	MUST(lwip_recv(s, &b, 1, 0) == 1 && b == '4');
	MUST(lwip_recv(s, &b, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN);
	return 0;
}

static void
test_families(void **state)
{
	(void)state;
	alone(families);
}

/* ---- options ------------------------------------------------------------ */

static int
value(int fd, int level, int name)
{
	int n = -1;
	socklen_t len = sizeof(n);

	MUST(lwip_getsockopt(fd, level, name, &n, &len) == 0);
	MUST(len == sizeof(n));
	return n;
}

static int
options(void *arg)
{
	static const int flags[] = { SO_REUSEADDR, SO_REUSEPORT, SO_KEEPALIVE,
		SO_BROADCAST };
	struct timeval t = { .tv_sec = 3, .tv_usec = 250000 }, u;
	struct linger l = { .l_onoff = 1, .l_linger = 7 }, k;
	socklen_t len;
	struct pair p;
	size_t i;
	int s, on = 5, off = 0;

	(void)arg;
	pair_up(&p);
	s = lwip_msocket(p.a, AF_INET, SOCK_STREAM, 0);
	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		MUST(value(s, SOL_SOCKET, flags[i]) == 0);
		MUST(lwip_setsockopt(s, SOL_SOCKET, flags[i], &on,
			 sizeof(on)) == 0);
		MUST(value(s, SOL_SOCKET, flags[i]) == 1);
		MUST(lwip_setsockopt(s, SOL_SOCKET, flags[i], &off,
			 sizeof(off)) == 0);
		MUST(value(s, SOL_SOCKET, flags[i]) == 0);
	}
	MUST(
	    lwip_setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0);
	MUST(value(s, IPPROTO_TCP, TCP_NODELAY) == 1);
	MUST(value(s, SOL_SOCKET, SO_REUSEPORT) == 0);
	MUST(lwip_setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)) == 0);
	len = sizeof(u);
	MUST(lwip_getsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &u, &len) == 0);
	MUST(u.tv_sec == 3 && u.tv_usec == 250000);
	len = sizeof(u);
	MUST(lwip_getsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &u, &len) == 0);
	MUST(u.tv_sec == 0 && u.tv_usec == 0);
	MUST(lwip_setsockopt(s, SOL_SOCKET, SO_LINGER, &l, sizeof(l)) == 0);
	len = sizeof(k);
	MUST(lwip_getsockopt(s, SOL_SOCKET, SO_LINGER, &k, &len) == 0);
	MUST(k.l_onoff == 1 && k.l_linger == 7);
	MUST(value(s, SOL_SOCKET, SO_TYPE) == SOCK_STREAM);
	MUST(value(s, SOL_SOCKET, SO_DOMAIN) == AF_INET);
	MUST(value(s, SOL_SOCKET, SO_ACCEPTCONN) == 0);
	MUST(lwip_listen(s, 1) == 0);
	MUST(value(s, SOL_SOCKET, SO_ACCEPTCONN) == 1);
	/* An error of a call is no error of the socket. */
	MUST(lwip_recv(s, &i, 1, 0) == -1 && errno == ENOTCONN);
	MUST(value(s, SOL_SOCKET, SO_ERROR) == 0);
	MUST(lwip_setsockopt(s, SOL_SOCKET, 9999, &on, sizeof(on)) == -1);
	MUST(errno == ENOPROTOOPT);
	MUST(lwip_setsockopt(s, SOL_SOCKET, SO_KEEPALIVE, &on, 1) == -1);
	MUST(errno == EINVAL);
	MUST(lwip_ioctl(s, 0x1234567, &on) == -1 && errno == ENOTTY);
	return 0;
}

static void
test_options(void **state)
{
	(void)state;
	alone(options);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_streams),
		cmocka_unit_test(test_datagrams),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_families),
		cmocka_unit_test(test_options),
	};
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	net_bus(); /* before a child makes a folder of its own */
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	net_bus_remove();
	return failed;
}
