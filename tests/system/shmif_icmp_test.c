/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmif_icmp_test.c - ICMP errors reach whom they concern, and nobody else
 *
 * Errors that a stack tells another; and forged ones, from a neighbour that is
 * none (neighbour.h), about a connection that is being opened to it.
 *
 * slow: 15
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <lwipv6.h>
#include <shmif.h>

#include "tests/lib/netstack.h"
#include "tests/lib/packet.h"
#include "tests/lib/pair.h"

static void
alone(int (*fn)(void *))
{
	assert_int_equal(net_wait(net_child(fn, NULL)), 0);
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

	MUST(lwip_poll(&p, 1, PATIENCE_MS) == 1);
	return p.revents;
}

/* ---- UDP ---------------------------------------------------------------- */

/* A UDP socket of STACK that is connected to ADDR and PORT. */
static int
dgram(struct stack *stack, const char *addr, unsigned port)
{
	struct sockaddr_storage ss;
	socklen_t len = net_addr(&ss, addr, port);
	int s = lwip_msocket(stack, ss.ss_family, SOCK_DGRAM, 0);

	MUST(s != -1);
	MUST(lwip_connect(s, (struct sockaddr *)&ss, len) == 0);
	return s;
}

/* A UDP socket of STACK that is bound to ADDR and PORT. */
static int
bound(struct stack *stack, const char *addr, unsigned port)
{
	struct sockaddr_storage ss;
	socklen_t len = net_addr(&ss, addr, port);
	int s = lwip_msocket(stack, ss.ss_family, SOCK_DGRAM, 0);

	MUST(s != -1);
	MUST(lwip_bind(s, (struct sockaddr *)&ss, len) == 0);
	return s;
}

/* S is connected to a port where nobody listens. */
static void
one_refusal(int s)
{
	char c;

	MUST(lwip_send(s, "x", 1, 0) == 1);
	MUST(wait_for(s, 0) & POLLERR);
	MUST(error_of(s) == ECONNREFUSED && error_of(s) == 0);
	MUST(lwip_recv(s, &c, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN);
	/* Nothing but its header, which the stack takes off before it asks. */
	MUST(lwip_send(s, "", 0, 0) == 0);
	MUST(lwip_recv(s, &c, 1, 0) == -1 && errno == ECONNREFUSED);
	MUST(lwip_send(s, "xyz", 3, 0) == 3);
	MUST(wait_for(s, 0) & POLLERR);
	MUST(lwip_send(s, "x", 1, 0) == -1 && errno == ECONNREFUSED);
	MUST(error_of(s) == 0);
}

/* The errors of others, and of who is not connected, are not its own. */
static void
others(struct pair *p, const char *a, const char *b)
{
	struct sockaddr_storage closed, open, from;
	socklen_t len = net_addr(&closed, b, 91);
	int server = bound(p->b, b, 92), loose = bound(p->a, a, 93);
	int other = dgram(p->a, b, 92);
	socklen_t n = sizeof(from);
	char c;

	net_addr(&open, b, 92);
	MUST(lwip_sendto(loose, "x", 1, 0, (struct sockaddr *)&closed, len) ==
	    1);
	MUST(lwip_sendto(loose, "y", 1, 0, (struct sockaddr *)&open, len) == 1);
	MUST(
	    lwip_recvfrom(server, &c, 1, 0, (struct sockaddr *)&from, &n) == 1);
	MUST(lwip_sendto(server, "z", 1, 0, (struct sockaddr *)&from, n) == 1);
	/* The error has been here before the answer. */
	MUST(lwip_recv(loose, &c, 1, 0) == 1 && c == 'z');
	MUST(error_of(loose) == 0 && error_of(other) == 0);
	MUST(lwip_close(server) == 0 && lwip_close(loose) == 0);
	MUST(lwip_close(other) == 0);
}

static int
udp_refused(void *arg)
{
	struct pair p;
	int s;

	(void)arg;
	pair_up(&p);
	one_refusal(dgram(p.a, PAIR_B4, 91));
	one_refusal(dgram(p.a, PAIR_B6, 91));
	one_refusal(dgram(p.a, PAIR_A4, 91)); /* its own */
	one_refusal(dgram(p.a, PAIR_A6, 91));
	one_refusal(dgram(p.a, "127.0.0.1", 91));
	others(&p, PAIR_A4, PAIR_B4);
	others(&p, PAIR_A6, PAIR_B6);
	/* What was said of the former peer is not said of the next. */
	s = dgram(p.a, PAIR_B4, 91);
	MUST(lwip_send(s, "x", 1, 0) == 1);
	MUST(wait_for(s, 0) & POLLERR);
	{
		struct sockaddr_storage ss;
		socklen_t len = net_addr(&ss, PAIR_B4, 94);

		MUST(lwip_connect(s, (struct sockaddr *)&ss, len) == 0);
	}
	MUST(error_of(s) == 0);
	return 0;
}

static void
test_udp_refused(void **state)
{
	(void)state;
	alone(udp_refused);
}

static int
udp_absent(void *arg)
{
	struct pair p;
	int s[2], i;
	char c;

	(void)arg;
	pair_up(&p);
	s[0] = dgram(p.a, "10.7.0.77", 91);
	s[1] = dgram(p.a, "fd07::77", 91);
	for (i = 0; i < 2; i++)
		MUST(lwip_send(s[i], "x", 1, 0) == 1);
	for (i = 0; i < 2; i++) {
		MUST(wait_for(s[i], POLLIN) & POLLERR);
		MUST(lwip_recv(s[i], &c, 1, 0) == -1 && errno == EHOSTUNREACH);
		MUST(error_of(s[i]) == 0);
	}
	return 0;
}

static void
test_udp_absent(void **state)
{
	(void)state;
	alone(udp_absent);
}

/* ---- errors that come from anybody -------------------------------------- */

#define US4 "10.5.0.1"
#define HIM4 "10.5.0.9"
#define US6 "fd05::1"
#define HIM6 "fd05::9"

static void
beside(void)
{
	set_up(US4 "/24");
	MUST(shmif_add_addr(unit, US6 "/64") == 0);
	arp(HIM4, US4);
	solicit(unit_mac, HIM6, US6, US6, true);
}

/* An ICMP error about the packet F, from HIM to US, not sealed. */
static void
about(struct frame *e, const struct frame *f, unsigned type, unsigned code)
{
	unsigned n = f->len - 14 < 500 ? f->len - 14 : 500;
	bool v4 = packet_is4(f);

	packet(e, unit_mac, v4 ? HIM4 : HIM6, v4 ? US4 : US6,
	    v4 ? P_ICMP4 : P_ICMP6, 8 + n);
	packet_body(e)[0] = (uint8_t)type;
	packet_body(e)[1] = (uint8_t)code;
	memcpy(packet_body(e) + 8, f->b + 14, n);
}

static void
send_error(const struct frame *f, unsigned type, unsigned code)
{
	struct frame e;

	about(&e, f, type, code);
	packet_seal(&e);
	send_frame(&e);
}

/* Begins to connect to the neighbour; its SYN is in F. */
static int
begin(struct frame *f, bool v4, unsigned port)
{
	static const unsigned tcp = P_TCP;
	struct sockaddr_storage ss;
	socklen_t len = net_addr(&ss, v4 ? HIM4 : HIM6, port);
	int s = lwip_socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);

	MUST(s != -1);
	MUST(lwip_connect(s, (struct sockaddr *)&ss, len) == -1 &&
	    errno == EINPROGRESS);
	do
		MUST(expect(f, is_proto, &tcp, PATIENCE_MS));
	while (be16(packet_body(f) + 2) != port);
	MUST(packet_is4(f) == v4 && packet_body(f)[13] == T_SYN);
	return s;
}

/* Answers the SYN F. */
static void
accept_it(int s, struct frame *f)
{
	struct frame a;

	tcp_answer(&a, f, 1000, T_SYN | T_ACK, 0);
	packet_seal(&a);
	send_frame(&a);
	MUST(wait_for(s, POLLOUT) == POLLOUT && error_of(s) == 0);
}

static const struct {
	bool v4;
	unsigned type, code;
	int error;
} hard[] = {
	{ true, 3, 2, ECONNREFUSED },
	{ true, 3, 3, ECONNREFUSED },
	{ true, 3, 9, ENETUNREACH },
	{ true, 3, 13, EHOSTUNREACH },
	{ false, 1, 1, EHOSTUNREACH },
	{ false, 1, 4, ECONNREFUSED },
	{ false, 4, 1, ECONNREFUSED },
};

static int
tcp_hard(void *arg)
{
	struct frame f;
	unsigned i;
	int s;

	(void)arg;
	beside();
	for (i = 0; i < sizeof(hard) / sizeof(hard[0]); i++) {
		s = begin(&f, hard[i].v4, 100 + i);
		send_error(&f, hard[i].type, hard[i].code);
		MUST(wait_for(s, POLLOUT) & POLLERR);
		MUST(error_of(s) == hard[i].error);
		MUST(lwip_close(s) == 0);
	}
	return 0;
}

static void
test_tcp_hard(void **state)
{
	(void)state;
	alone(tcp_hard);
}

/* One alone does not end an attempt; one about its repetition does. */
static int
tcp_soft(void *arg)
{
	static const unsigned tcp = P_TCP;
	struct frame f[4];
	int s[4], i, more;

	(void)arg;
	beside();
	for (i = 0; i < 4; i++)
		s[i] = begin(&f[i], i % 2 == 0, 200 + (unsigned)i);
	for (i = 0; i < 4; i++) {
		send_error(&f[i], i % 2 == 0 ? 3 : 1, i % 2 == 0 ? 1 : 0);
		send_error(&f[i], i % 2 == 0 ? 3 : 1, i % 2 == 0 ? 1 : 0);
	}
	accept_it(s[0], &f[0]);
	accept_it(s[1], &f[1]);
	for (more = 2; more > 0;) {
		MUST(expect(&f[0], is_proto, &tcp, PATIENCE_MS));
		i = (int)be16(packet_body(&f[0]) + 2) - 200;
		if (i < 2 || packet_body(&f[0])[13] != T_SYN)
			continue;
		MUST(error_of(s[i]) == 0);
		send_error(&f[0], i == 2 ? 3 : 1, i == 2 ? 1 : 0);
		MUST(wait_for(s[i], POLLOUT) & POLLERR);
		MUST(error_of(s[i]) == (i == 2 ? EHOSTUNREACH : ENETUNREACH));
		more--;
	}
	return 0;
}

static void
test_tcp_soft(void **state)
{
	(void)state;
	alone(tcp_soft);
}

/* Nobody answers, and there was one that said why. */
static int
tcp_why(void *arg)
{
	struct frame f;
	int s;

	(void)arg;
	beside();
	s = begin(&f, true, 300);
	send_error(&f, 11, 0);
	MUST(wait_for(s, POLLOUT) & POLLERR);
	MUST(error_of(s) == EHOSTUNREACH);
	return 0;
}

static void
test_tcp_why(void **state)
{
	(void)state;
	alone(tcp_why);
}

/* What is wrong with a quoted SYN, or the error that has it. */
enum lie {
	LATER,	  /* a sequence number not sent yet */
	EARLIER,  /* or long acknowledged */
	TO_OTHER, /* to another address */
	FROM_OTHER,
	OTHER_PORT,
	FRAGMENT,  /* not its first */
	SHORT,	   /* no ports */
	SUM,	   /* a wrong checksum */
	ELSEWHERE, /* sent to another address than what is quoted is from */
	LIES,
};

static void
send_lie(const struct frame *f, enum lie lie)
{
	bool v4 = packet_is4(f);
	unsigned hlen = v4 ? 20 : 40, cut;
	struct frame e;
	uint8_t *body, *ip, *tcp;

	if (lie == FRAGMENT && !v4)
		return;
	about(&e, f, v4 ? 3 : 1, v4 ? 3 : 4);
	body = packet_body(&e);
	ip = body + 8;
	tcp = ip + hlen;
	switch (lie) {
	case LATER:
		put32(tcp + 4, be32(tcp + 4) + 1);
		break;
	case EARLIER:
		put32(tcp + 4, be32(tcp + 4) - 2);
		break;
	case TO_OTHER:
		tcp[-1]++;
		break;
	case FROM_OTHER:
		tcp[v4 ? -5 : -17]++;
		break;
	case OTHER_PORT:
		tcp[1]++;
		break;
	case FRAGMENT:
		ip[7] = 8;
		break;
	case SHORT:
		cut = packet_len(&e) - 8 - hlen - 7;
		e.len -= cut;
		put16(e.b + 14 + (v4 ? 2 : 4), (v4 ? 20u : 0u) + 8 + hlen + 7);
		break;
	case ELSEWHERE:
		e.b[v4 ? 33 : 53] = 2; /* the last byte of the address */
		break;
	default:
		break;
	}
	packet_seal(&e);
	if (lie == SUM)
		body[3] ^= 1;
	send_frame(&e);
}

static int
tcp_lies(void *arg)
{
	struct frame f, a;
	int s, i;
	char buf[10];

	(void)arg;
	beside();
	MUST(shmif_add_addr(unit, "10.5.0.2/24") == 0);
	MUST(shmif_add_addr(unit, "fd05::2/64") == 0);
	for (i = 0; i < 2 * LIES; i++) {
		s = begin(&f, i % 2 == 0, 400 + (unsigned)i);
		send_lie(&f, (enum lie)(i / 2));
		accept_it(s, &f);
		/* Too late: an error ends nothing that is there. */
		send_error(&f, i % 2 == 0 ? 3 : 1, i % 2 == 0 ? 3 : 4);
		MUST(lwip_send(s, "hello", 5, 0) == 5);
		do
			MUST(expect(&f, is_proto, &(const unsigned){ P_TCP },
			    PATIENCE_MS));
		while (packet_len(&f) != 25);
		send_error(&f, i % 2 == 0 ? 3 : 1, i % 2 == 0 ? 3 : 4);
		tcp_answer(&a, &f, 1001, T_ACK, 3);
		memcpy(packet_body(&a) + 20, "abc", 3);
		packet_seal(&a);
		send_frame(&a);
		MUST(wait_for(s, POLLIN) == POLLIN);
		MUST(lwip_recv(s, buf, sizeof(buf), 0) == 3);
		MUST(memcmp(buf, "abc", 3) == 0 && error_of(s) == 0);
	}
	return 0;
}

static void
test_tcp_lies(void **state)
{
	(void)state;
	alone(tcp_lies);
}

/* UDP: what each error is called; and the first of several fragments. */
static int
udp_errors(void *arg)
{
	static const struct {
		bool v4;
		unsigned type, code;
		int error;
	} all[] = {
		{ true, 3, 0, ENETUNREACH },
		{ true, 3, 1, EHOSTUNREACH },
		{ true, 3, 3, ECONNREFUSED },
		{ true, 11, 0, EHOSTUNREACH },
		{ true, 12, 0, EPROTO },
		{ false, 1, 0, ENETUNREACH },
		{ false, 1, 3, EHOSTUNREACH },
		{ false, 1, 4, ECONNREFUSED },
		{ false, 3, 0, EHOSTUNREACH },
		{ false, 4, 0, EPROTO },
	};
	static char big[4000];
	struct frame f;
	unsigned i, proto;
	int s;

	(void)arg;
	beside();
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		proto = P_UDP;
		s = dgram(lwip_stack_get(), all[i].v4 ? HIM4 : HIM6, 50 + i);
		MUST(lwip_send(s, "x", 1, 0) == 1);
		MUST(expect(&f, is_proto, &proto, PATIENCE_MS));
		send_error(&f, all[i].type, all[i].code);
		MUST(wait_for(s, 0) & POLLERR);
		MUST(error_of(s) == all[i].error);
		MUST(lwip_send(s, big, sizeof(big), 0) == sizeof(big));
		proto = all[i].v4 ? P_UDP : 44;
		MUST(expect(&f, is_proto, &proto, PATIENCE_MS));
		send_error(&f, all[i].type, all[i].code);
		MUST(wait_for(s, 0) & POLLERR);
		MUST(error_of(s) == all[i].error);
		MUST(lwip_close(s) == 0);
		while (expect(&f, is_proto, &proto, 0))
			; /* the other fragments */
	}
	return 0;
}

static void
test_udp_errors(void **state)
{
	(void)state;
	alone(udp_errors);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_udp_refused),
		cmocka_unit_test(test_udp_absent),
		cmocka_unit_test(test_udp_errors),
		cmocka_unit_test(test_tcp_hard),
		cmocka_unit_test(test_tcp_soft),
		cmocka_unit_test(test_tcp_why),
		cmocka_unit_test(test_tcp_lies),
	};
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	net_bus(); /* before a child makes a folder of its own */
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	net_bus_remove();
	return failed;
}
