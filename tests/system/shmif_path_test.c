/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmif_path_test.c - ways that become narrower
 *
 * A host, a router, and a host behind it, on two buses; the router's MTU on the
 * far side is less than that of both hosts, from the beginning or from some
 * time on.  And a neighbour that is none, which says what a router says.
 *
 * slow: 26
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <lwipv6.h>
#include <shmif.h>

#include "tests/lib/netping.h"
#include "tests/lib/netstack.h"
#include "tests/lib/packet.h"
#include "tests/lib/pair.h"

#define BULK (1u << 20)

static void
alone(int (*fn)(void *))
{
	assert_int_equal(net_wait(net_child(fn, NULL)), 0);
}

static short
wait_for(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	MUST(lwip_poll(&p, 1, PATIENCE_MS) == 1);
	return p.revents;
}

/* ---- two hosts and a router --------------------------------------------- */

#define NEAR4 "10.8.1.1"
#define NEAR6 "2001:db8:1::1"
#define FAR4 "10.8.2.1"
#define FAR6 "2001:db8:2::1"

struct way {
	struct stack *near, *router, *far;
	int near_unit, far_unit;
	int in, out; /* of the router */
};

static void
join(struct stack *stack, const char *path, int *u, const char *v4,
    const char *v6)
{
	MUST(shmif_create_on(stack, path, u) == 0);
	MUST(shmif_add_addr(*u, v4) == 0 && shmif_add_addr(*u, v6) == 0);
	MUST(shmif_up(*u) == 0);
}

static void
route(struct stack *stack, int u, const char *v4, const char *v6)
{
	struct ip_addr any4 = { { 0, 0, htonl(0xffff), 0 } }, hop = any4;
	struct ip_addr mask4 = { { ~0u, ~0u, ~0u, 0 } }, any6 = { { 0 } };

	MUST(inet_pton(AF_INET, v4, &hop.addr[3]) == 1);
	MUST(
	    lwip_add_route(stack, &any4, &mask4, &hop, shmif_netif(u), 0) == 0);
	MUST(inet_pton(AF_INET6, v6, &hop) == 1);
	MUST(lwip_add_route(stack, &any6, &any6, &hop, shmif_netif(u), 0) == 0);
}

static void
make_way(struct way *w)
{
	const char *bus1 = net_bus(), *bus2 = net_bus();

	MUST((w->near = lwip_add_stack(0)) != NULL);
	MUST((w->router = lwip_add_stack(LWIP_STACK_FLAG_FORWARDING)) != NULL);
	MUST((w->far = lwip_add_stack(0)) != NULL);
	join(w->near, bus1, &w->near_unit, NEAR4 "/24", NEAR6 "/64");
	join(w->router, bus1, &w->in, "10.8.1.254/24", "2001:db8:1::fe/64");
	join(w->router, bus2, &w->out, "10.8.2.254/24", "2001:db8:2::fe/64");
	join(w->far, bus2, &w->far_unit, FAR4 "/24", FAR6 "/64");
	route(w->near, w->near_unit, "10.8.1.254", "2001:db8:1::fe");
	route(w->far, w->far_unit, "10.8.2.254", "2001:db8:2::fe");
}

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

/* Both directions at once. */
static void
bulk(int a, int b)
{
	struct flow f[2] = { { .fd = a, .seed = 1 }, { .fd = b, .seed = 2 } };
	static const struct timeval limit = { .tv_sec = PATIENCE_MS / 1000 };
	int i;

	for (i = 0; i < 2; i++) {
		MUST(lwip_setsockopt(f[i].fd, SOL_SOCKET, SO_RCVTIMEO, &limit,
			 sizeof(limit)) == 0);
		MUST(lwip_setsockopt(f[i].fd, SOL_SOCKET, SO_SNDTIMEO, &limit,
			 sizeof(limit)) == 0);
	}
	for (i = 0; i < 2; i++)
		MUST(pthread_create(&f[i].t, NULL, send_flow, &f[i]) == 0);
	pair_recv(a, BULK, 0, 2);
	pthread_join(f[1].t, NULL);
	pair_recv(b, BULK, 0, 1);
	pthread_join(f[0].t, NULL);
}

static void
connect_far(struct way *w, bool v4, int fd[2])
{
	static unsigned port = 1000;
	const char *to = v4 ? FAR4 : FAR6;
	int l = pair_listen(w->far, to, ++port, 1);

	fd[0] = pair_dial(w->near, to, port);
	MUST((fd[1] = lwip_accept(l, NULL, NULL)) != -1);
	MUST(lwip_close(l) == 0);
}

/* It was narrow before. */
static int
tcp_narrow(void *arg)
{
	struct way w;
	int fd[2], i;

	(void)arg;
	make_way(&w);
	MUST(shmif_set_mtu(w.out, 1300) == 0);
	for (i = 0; i < 2; i++) {
		connect_far(&w, i == 0, fd);
		bulk(fd[0], fd[1]);
	}
	return 0;
}

static void
test_tcp_narrow(void **state)
{
	(void)state;
	alone(tcp_narrow);
}

/* It becomes narrow, twice, while there is a connection and data under way. */
static int
tcp_narrower(void *arg)
{
	static const unsigned mtus[] = { 1400, 1280 };
	struct way w;
	int fd[2], i;
	unsigned k;

	(void)arg;
	make_way(&w);
	for (i = 0; i < 2; i++) {
		MUST(shmif_set_mtu(w.out, 1500) == 0);
		MUST(shmif_set_mtu(w.in, 1500) == 0);
		connect_far(&w, i == 0, fd);
		bulk(fd[0], fd[1]);
		for (k = 0; k < 2; k++) {
			struct flow f[2] = { { .fd = fd[0], .seed = 3 },
				{ .fd = fd[1], .seed = 4 } };
			int j;

			/* The windows fill, and then stand still. */
			for (j = 0; j < 2; j++)
				pthread_create(&f[j].t, NULL, send_flow, &f[j]);
			usleep(20000);
			MUST(shmif_set_mtu(w.out, mtus[k]) == 0);
			MUST(shmif_set_mtu(w.in, mtus[k]) == 0);
			pair_recv(fd[0], BULK, 0, 4);
			pthread_join(f[1].t, NULL);
			pair_recv(fd[1], BULK, 0, 3);
			pthread_join(f[0].t, NULL);
			bulk(fd[0], fd[1]);
		}
	}
	return 0;
}

static void
test_tcp_narrower(void **state)
{
	(void)state;
	alone(tcp_narrower);
}

/* Datagrams of N bytes from A to B at TO, until one arrives. */
static void
get_through(struct stack *a, struct stack *b, const char *to, size_t n)
{
	static uint8_t out[4000], in[4001];
	struct sockaddr_storage ss;
	socklen_t len = net_addr(&ss, to, 77);
	int s = lwip_msocket(b, ss.ss_family, SOCK_DGRAM, 0);
	int c = lwip_msocket(a, ss.ss_family, SOCK_DGRAM, 0), i;
	struct pollfd p = { .fd = s, .events = POLLIN };

	net_fill(out, n, 0, 7);
	MUST(lwip_bind(s, (struct sockaddr *)&ss, len) == 0);
	MUST(lwip_connect(c, (struct sockaddr *)&ss, len) == 0);
	for (i = 0; i < 300; i++) {
		MUST(lwip_send(c, out, (int)n, 0) == (ssize_t)n);
		if (lwip_poll(&p, 1, 200) == 1)
			break;
	}
	MUST(i < 300);
	MUST(lwip_recv(s, in, sizeof(in), 0) == (ssize_t)n);
	MUST(net_same(in, n, 0, 7));
	while (lwip_poll(&p, 1, 200) == 1)
		lwip_recv(s, in, sizeof(in), 0);
	/* Now that it is known each arrives. */
	for (i = 0; i < 10; i++) {
		MUST(lwip_send(c, out, (int)n, 0) == (ssize_t)n);
		wait_for(s, POLLIN);
		MUST(lwip_recv(s, in, sizeof(in), 0) == (ssize_t)n);
	}
	MUST(lwip_close(s) == 0 && lwip_close(c) == 0);
}

static int
udp_narrow(void *arg)
{
	static const size_t sizes[] = { 1250, 1253, 1272, 1400, 1472, 2600,
		3500 };
	struct netping *ping;
	struct way w;
	unsigned i;

	(void)arg;
	make_way(&w);
	MUST(shmif_set_mtu(w.out, 1280) == 0);
	MUST(shmif_set_mtu(w.in, 1280) == 0);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		get_through(w.near, w.far, FAR4, sizes[i]);
		get_through(w.near, w.far, FAR6, sizes[i]);
		get_through(w.far, w.near, NEAR4, sizes[i]);
		get_through(w.far, w.near, NEAR6, sizes[i]);
	}
	/* It becomes wider again: who knows will know better later. */
	MUST(shmif_set_mtu(w.out, 1500) == 0);
	get_through(w.near, w.far, FAR6, 1400);
	/* Another destination, asked by echo. */
	MUST(shmif_set_mtu(w.out, 1280) == 0);
	MUST(shmif_add_addr(w.far_unit, "10.8.2.2/24") == 0);
	MUST(shmif_add_addr(w.far_unit, "2001:db8:2::2/64") == 0);
	MUST((ping = netping_new(w.near, AF_INET, NULL)) != NULL);
	MUST(netping(ping, "10.8.2.2", 1400, 50) == 0);
	MUST((ping = netping_new(w.near, AF_INET6, NEAR6)) != NULL);
	MUST(netping(ping, "2001:db8:2::2", 1400, 50) == 0);
	return 0;
}

static void
test_udp_narrow(void **state)
{
	(void)state;
	alone(udp_narrow);
}

/* What a router cannot deliver it says so. */
static int
nowhere(void *arg)
{
	static const char *const no_net[] = { "10.9.9.9", "2001:db8:9::9" };
	static const char *const no_host[] = { "10.8.2.77", "2001:db8:2::77" };
	struct sockaddr_storage ss;
	struct way w;
	socklen_t len;
	int i, s;
	char c;

	(void)arg;
	make_way(&w);
	for (i = 0; i < 4; i++) {
		len = net_addr(&ss, i < 2 ? no_net[i] : no_host[i - 2], 7);
		s = lwip_msocket(w.near, ss.ss_family, SOCK_DGRAM, 0);
		MUST(lwip_connect(s, (struct sockaddr *)&ss, len) == 0);
		MUST(lwip_send(s, "x", 1, 0) == 1);
		MUST(wait_for(s, POLLIN) & POLLERR);
		MUST(lwip_recv(s, &c, 1, 0) == -1);
		MUST(errno == (i < 2 ? ENETUNREACH : EHOSTUNREACH));
		MUST(lwip_close(s) == 0);
		s = lwip_msocket(w.near, ss.ss_family, SOCK_STREAM, 0);
		MUST(lwip_connect(s, (struct sockaddr *)&ss, len) == -1);
		MUST(errno == (i < 2 ? ENETUNREACH : EHOSTUNREACH));
		MUST(lwip_close(s) == 0);
	}
	return 0;
}

static void
test_nowhere(void **state)
{
	(void)state;
	alone(nowhere);
}

/* ---- a router by hand --------------------------------------------------- */

#define US4 "10.5.0.1"
#define HIM4 "10.5.0.9"
#define US6 "fd05::1"
#define HIM6 "fd05::9"

static const unsigned tcp = P_TCP;

static void
beside(void)
{
	set_up(US4 "/24");
	MUST(shmif_add_addr(unit, US6 "/64") == 0);
	arp(HIM4, US4);
	solicit(unit_mac, HIM6, US6, US6, true);
}

/* "F is larger than MTU." */
static void
too_big(const struct frame *f, unsigned mtu, uint32_t seq_off)
{
	bool v4 = packet_is4(f);
	unsigned n = f->len - 14 < 200 ? f->len - 14 : 200;
	struct frame e;
	uint8_t *b;

	packet(&e, unit_mac, v4 ? HIM4 : HIM6, v4 ? US4 : US6,
	    v4 ? P_ICMP4 : P_ICMP6, 8 + n);
	b = packet_body(&e);
	b[0] = v4 ? 3 : 2;
	b[1] = v4 ? 4 : 0;
	put32(b + 4, mtu);
	memcpy(b + 8, f->b + 14, n);
	b += 8 + (v4 ? 20 : 40);
	put32(b + 4, be32(b + 4) + seq_off);
	packet_seal(&e);
	send_frame(&e);
}

/* A connection to the neighbour; the number of its first byte of data. */
static int
connected(bool v4, unsigned port, uint32_t *first)
{
	struct sockaddr_storage ss;
	socklen_t len = net_addr(&ss, v4 ? HIM4 : HIM6, port);
	int s = lwip_socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct frame f, a;

	MUST(s != -1);
	MUST(lwip_connect(s, (struct sockaddr *)&ss, len) == -1 &&
	    errno == EINPROGRESS);
	do
		MUST(expect(&f, is_proto, &tcp, PATIENCE_MS));
	while (
	    be16(packet_body(&f) + 2) != port || packet_body(&f)[13] != T_SYN);
	*first = be32(packet_body(&f) + 4) + 1;
	tcp_answer(&a, &f, 1000, T_SYN | T_ACK, 4);
	packet_body(&a)[12] = 0x60;
	put32(packet_body(&a) + 20, 0x020405b4); /* 1460 */
	packet_seal(&a);
	send_frame(&a);
	MUST(wait_for(s, POLLOUT) == POLLOUT);
	return s;
}

/*
 * Takes N bytes that begin with FIRST, acknowledging all, and sees that no
 * packet is larger than MTU.
 */
static void
take(uint32_t first, unsigned n, unsigned mtu, uint32_t seed)
{
	static uint8_t got[100000];
	static bool have[100000];
	unsigned done = 0;
	struct frame f, a;

	memset(have, 0, sizeof(have));
	while (done < n) {
		uint8_t *t;
		unsigned off, len, i;

		MUST(expect(&f, is_proto, &tcp, PATIENCE_MS));
		t = packet_body(&f);
		len = packet_len(&f) - 20;
		off = be32(t + 4) - first;
		if (len == 0 || off > n)
			continue;
		MUST(packet_sealed(&f) && off + len <= n);
		MUST(f.len - 14 <= mtu);
		memcpy(got + off, t + 20, len);
		for (i = off; i < off + len; i++)
			have[i] = true;
		while (done < n && have[done])
			done++;
		tcp_answer(&a, &f, 1001, T_ACK, 0);
		put32(packet_body(&a) + 8, first + done);
		packet_seal(&a);
		send_frame(&a);
	}
	MUST(net_same(got, n, 0, seed));
}

static const struct {
	bool v4;
	unsigned says; /* the router */
	unsigned mtu;  /* what is sent then */
} reports[] = {
	{ true, 1400, 1400 },
	{ true, 1006, 1006 },
	{ true, 68, 576 },
	{ true, 0, 1492 },
	{ false, 1400, 1400 },
	{ false, 1280, 1280 },
};

static int
tcp_told(void *arg)
{
	static uint8_t data[20001];
	struct frame f;
	uint32_t first;
	unsigned i;
	int s;

	(void)arg;
	beside();
	net_fill(data, sizeof(data), 0, 5);
	for (i = 0; i < sizeof(reports) / sizeof(reports[0]); i++) {
		s = connected(reports[i].v4, 600 + i, &first);
		MUST(lwip_send(s, data, sizeof(data), 0) == sizeof(data));
		do
			MUST(expect(&f, is_proto, &tcp, PATIENCE_MS));
		while (f.len != 1514 || be32(packet_body(&f) + 4) != first);
		/* Lies: it would fit; nobody has sent that. */
		too_big(&f, 1500, 0);
		too_big(&f, 800, 70000);
		too_big(&f, 800, (uint32_t)-1);
		do
			MUST(expect(&f, is_proto, &tcp, PATIENCE_MS));
		while (f.len != 1514 || be32(packet_body(&f) + 4) != first);
		too_big(&f, reports[i].says, 0);
		too_big(&f, reports[i].says, 0);
		/* What is sent next of the beginning is small. */
		do
			MUST(expect(&f, is_proto, &tcp, PATIENCE_MS));
		while (f.len > 14 + reports[i].mtu ||
		    be32(packet_body(&f) + 4) != first);
		MUST(f.len == 14 + reports[i].mtu);
		take(first, sizeof(data), reports[i].mtu, 5);
		MUST(lwip_close(s) == 0);
	}
	return 0;
}

static void
test_tcp_told(void **state)
{
	(void)state;
	alone(tcp_told);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tcp_narrow),
		cmocka_unit_test(test_tcp_narrower),
		cmocka_unit_test(test_udp_narrow),
		cmocka_unit_test(test_nowhere),
		cmocka_unit_test(test_tcp_told),
	};
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	net_bus(); /* before a child makes a folder of its own */
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	net_bus_remove();
	return failed;
}
