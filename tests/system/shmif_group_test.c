/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmif_group_test.c - multicast: who joins a group hears it, and nobody else
 *
 * slow: 8
 */
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <lwipv6.h>
#include <shmif.h>

#include "tests/lib/netstack.h"
#include "tests/lib/packet.h"
#include "tests/lib/pair.h"

#define GROUP4 "239.1.2.3"
#define GROUP6 "ff15::1:2:3"
#define PORT 5353

static void
alone(int (*fn)(void *))
{
	assert_int_equal(net_wait(net_child(fn, NULL)), 0);
}

static int
set(int s, int level, int name, const void *value, size_t len)
{
	return lwip_setsockopt(s, level, name, value, (socklen_t)len) == 0 ?
	    0 :
	    errno;
}

static int
set_int(int s, int level, int name, int n)
{
	return set(s, level, name, &n, sizeof(n));
}

static int
get_int(int s, int level, int name)
{
	int n = -1;
	socklen_t len = sizeof(n);

	MUST(lwip_getsockopt(s, level, name, &n, &len) == 0);
	MUST(len == sizeof(n));
	return n;
}

/* Joins, or leaves, by the interface that has the address or number VIA. */
static int
member(int s, bool join, const char *group, const char *via)
{
	struct ipv6_mreq m6 = { .ipv6mr_interface = 0 };
	struct ip_mreq m4 = { .imr_interface.s_addr = 0 };

	if (inet_pton(AF_INET, group, &m4.imr_multiaddr) == 1) {
		if (via != NULL)
			MUST(inet_pton(AF_INET, via, &m4.imr_interface) == 1);
		return set(s, IPPROTO_IP,
		    join ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP, &m4,
		    sizeof(m4));
	}
	MUST(inet_pton(AF_INET6, group, &m6.ipv6mr_multiaddr) == 1);
	return set(s, IPPROTO_IPV6, join ? IPV6_JOIN_GROUP : IPV6_LEAVE_GROUP,
	    &m6, sizeof(m6));
}

static int
hearer(struct stack *stack, const char *addr)
{
	struct sockaddr_storage ss;
	socklen_t len = net_addr(&ss, addr, PORT);
	int s = lwip_msocket(stack, ss.ss_family, SOCK_DGRAM, 0);

	MUST(s != -1 && set_int(s, SOL_SOCKET, SO_REUSEADDR, 1) == 0);
	MUST(lwip_bind(s, (struct sockaddr *)&ss, len) == 0);
	return s;
}

static void
say(int s, const char *to, const void *data, size_t n)
{
	struct sockaddr_storage ss;
	socklen_t len = net_addr(&ss, to, PORT);

	MUST(lwip_sendto(s, data, (int)n, 0, (struct sockaddr *)&ss, len) ==
	    (ssize_t)n);
}

static void
hears(int s, char c)
{
	struct pollfd p = { .fd = s, .events = POLLIN };
	char got = 0;

	MUST(lwip_poll(&p, 1, PATIENCE_MS) == 1);
	MUST(lwip_recv(s, &got, 1, 0) == 1);
	MUST(got == c);
}

static void
hears_nothing(int s)
{
	char c;

	MUST(lwip_recv(s, &c, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN);
}

/* ---- two stacks --------------------------------------------------------- */

/* All that came before it was handled when a last one has come. */
static void
after(int from, int to, const char *addr)
{
	say(from, addr, "!", 1);
	hears(to, '!');
}

static void
one_family(struct pair *p, const char *any, const char *a, const char *b,
    const char *group, const char *other)
{
	static uint8_t big[5000], in[5001];
	int from = hearer(p->a, a), to = hearer(p->b, any);
	int also = hearer(p->b, group), third = hearer(p->b, b);
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	MUST(lwip_close(third) == 0);
	third = hearer(p->b, b);
	/* Nobody has joined. */
	say(from, group, "0", 1);
	after(from, third, b);
	hears_nothing(to);
	hears_nothing(also);
	/* Whoever has the port hears it, if one has joined. */
	MUST(member(also, true, group, NULL) == 0);
	MUST(member(also, true, group, NULL) == EADDRINUSE);
	say(from, group, "1", 1);
	say(from, other, "2", 1);
	hears(also, '1');
	MUST(lwip_recvfrom(to, in, 1, 0, (struct sockaddr *)&ss, &len) == 1);
	MUST(in[0] == '1');
	after(from, third, b);
	hears_nothing(to);
	hears_nothing(also);
	hears_nothing(third); /* it is bound to a host's address */
	/* What is large comes in fragments, and goes back by unicast. */
	net_fill(big, sizeof(big), 0, 3);
	say(from, group, big, sizeof(big));
	MUST(lwip_recv(also, in, sizeof(in), 0) == sizeof(big));
	MUST(net_same(in, sizeof(big), 0, 3));
	MUST(lwip_recv(to, in, sizeof(in), 0) == sizeof(big));
	MUST(lwip_sendto(to, "3", 1, 0, (struct sockaddr *)&ss, len) == 1);
	hears(from, '3');
	/* Two members; one goes, by closing. */
	MUST(member(to, true, group, NULL) == 0);
	MUST(lwip_close(also) == 0);
	say(from, group, "4", 1);
	hears(to, '4');
	MUST(member(to, false, group, NULL) == 0);
	MUST(member(to, false, group, NULL) == EADDRNOTAVAIL);
	say(from, group, "5", 1);
	after(from, third, b);
	hears_nothing(to);
	MUST(lwip_close(from) == 0 && lwip_close(to) == 0);
	MUST(lwip_close(third) == 0);
}

static int
two_stacks(void *arg)
{
	struct pair p;

	(void)arg;
	pair_up(&p);
	one_family(&p, "0.0.0.0", PAIR_A4, PAIR_B4, GROUP4, "239.1.2.4");
	one_family(&p, "::", PAIR_A6, PAIR_B6, GROUP6, "ff15::1:2:4");
	one_family(&p, "::", PAIR_A6, PAIR_B6, "ff02::77", "ff02::78");
	return 0;
}

static void
test_two_stacks(void **state)
{
	(void)state;
	alone(two_stacks);
}

/* One hears oneself, unless one does not want to. */
static int
loop(void *arg)
{
	static const struct {
		const char *any, *group;
		int level, loop;
	} f[] = {
		{ "0.0.0.0", GROUP4, IPPROTO_IP, IP_MULTICAST_LOOP },
		{ "::", GROUP6, IPPROTO_IPV6, IPV6_MULTICAST_LOOP },
	};
	struct pair p;
	int a, b, i;

	(void)arg;
	pair_up(&p);
	for (i = 0; i < 2; i++) {
		a = hearer(p.a, f[i].any);
		b = hearer(p.b, f[i].any);
		MUST(member(a, true, f[i].group, NULL) == 0);
		MUST(member(b, true, f[i].group, NULL) == 0);
		MUST(get_int(a, f[i].level, f[i].loop) == 1);
		say(a, f[i].group, "1", 1);
		hears(a, '1');
		hears(b, '1');
		MUST(set_int(a, f[i].level, f[i].loop, 0) == 0);
		MUST(get_int(a, f[i].level, f[i].loop) == 0);
		say(a, f[i].group, "2", 1);
		hears(b, '2');
		say(b, f[i].group, "3", 1);
		hears(b, '3');
		hears(a, '3');
		hears_nothing(a);
		MUST(lwip_close(a) == 0 && lwip_close(b) == 0);
	}
	return 0;
}

static void
test_loop(void **state)
{
	(void)state;
	alone(loop);
}

/* A stack on two buses, which also forwards. */
static int
two_buses(void *arg)
{
	struct ip_mreqn by = { .imr_ifindex = 0 };
	struct stack *mid, *x, *y;
	int um, un, ux, uy, m, sx, sy;
	const char *bus1 = net_bus(), *bus2 = net_bus();
	struct in_addr at;
	socklen_t len = sizeof(at);

	(void)arg;
	MUST((mid = lwip_add_stack(LWIP_STACK_FLAG_FORWARDING)) != NULL);
	MUST((x = lwip_add_stack(0)) != NULL);
	MUST((y = lwip_add_stack(0)) != NULL);
	MUST(shmif_create_on(mid, bus1, &um) == 0);
	MUST(shmif_create_on(mid, bus2, &un) == 0);
	MUST(shmif_create_on(x, bus1, &ux) == 0);
	MUST(shmif_create_on(y, bus2, &uy) == 0);
	MUST(shmif_add_addr(um, "10.1.0.1/24") == 0 && shmif_up(um) == 0);
	MUST(shmif_add_addr(un, "10.2.0.1/24") == 0 && shmif_up(un) == 0);
	MUST(shmif_add_addr(ux, "10.1.0.2/24") == 0 && shmif_up(ux) == 0);
	MUST(shmif_add_addr(uy, "10.2.0.2/24") == 0 && shmif_up(uy) == 0);
	m = hearer(mid, "0.0.0.0");
	sx = hearer(x, "0.0.0.0");
	sy = hearer(y, "0.0.0.0");
	MUST(member(sx, true, GROUP4, NULL) == 0);
	MUST(member(sy, true, GROUP4, NULL) == 0);
	/* Out by the one that is named. */
	MUST(inet_pton(AF_INET, "10.2.0.1", &at) == 1);
	MUST(set(m, IPPROTO_IP, IP_MULTICAST_IF, &at, sizeof(at)) == 0);
	memset(&at, 0, sizeof(at));
	MUST(lwip_getsockopt(m, IPPROTO_IP, IP_MULTICAST_IF, &at, &len) == 0);
	MUST(at.s_addr == inet_addr("10.2.0.1"));
	say(m, GROUP4, "y", 1);
	hears(sy, 'y');
	by.imr_address.s_addr = inet_addr("10.1.0.1");
	MUST(set(m, IPPROTO_IP, IP_MULTICAST_IF, &by, sizeof(by)) == 0);
	say(m, GROUP4, "x", 1);
	hears(sx, 'x');
	after(m, sy, "10.2.0.2");
	hears_nothing(sy);
	/* In by the one that has joined. */
	MUST(member(m, true, GROUP4, "10.2.0.1") == 0);
	say(sx, GROUP4, "1", 1);
	after(sx, m, "10.1.0.1");
	say(sy, GROUP4, "2", 1);
	hears(m, '2');
	/* Nothing was forwarded. */
	hears(sx, '1');
	hears(sy, '2');
	after(m, sx, "10.1.0.2");
	after(m, sy, "10.2.0.2");
	hears_nothing(sx);
	hears_nothing(sy);
	/* It goes while it is joined; and the socket after it. */
	MUST(shmif_destroy(un) == 0);
	MUST(member(m, true, GROUP4, "10.1.0.1") == 0);
	say(sx, GROUP4, "3", 1);
	hears(m, '3');
	MUST(lwip_close(m) == 0);
	lwip_del_stack(mid);
	lwip_del_stack(x); /* with sockets that are members */
	return 0;
}

static void
test_two_buses(void **state)
{
	(void)state;
	alone(two_buses);
}

/* ---- options that are wrong --------------------------------------------- */

static int
options(void *arg)
{
	struct ip_mreqn by = { .imr_ifindex = 77 };
	uint8_t byte = 9;
	socklen_t len = 1;
	char group[20];
	struct pair p;
	int s, t, i;

	(void)arg;
	pair_up(&p);
	s = hearer(p.a, "0.0.0.0");
	t = lwip_msocket(p.a, AF_INET, SOCK_STREAM, 0);
	MUST(member(t, true, GROUP4, NULL) == ENOPROTOOPT);
	MUST(member(s, true, "10.7.0.9", NULL) == EINVAL);
	MUST(member(s, true, "fd07::9", NULL) == EINVAL);
	MUST(member(s, true, GROUP4, "10.7.0.99") == ENODEV);
	MUST(inet_pton(AF_INET, GROUP4, &by.imr_multiaddr) == 1);
	MUST(set(s, IPPROTO_IP, IP_ADD_MEMBERSHIP, &by, sizeof(by)) == ENODEV);
	MUST(set(s, IPPROTO_IP, IP_ADD_MEMBERSHIP, &by, 7) == EINVAL);
	MUST(set(s, IPPROTO_IP, IP_MULTICAST_IF, &by, 3) == EINVAL);
	MUST(set(s, IPPROTO_IP, IP_MULTICAST_IF, &by, sizeof(by)) ==
	    EADDRNOTAVAIL);
	MUST(get_int(s, IPPROTO_IP, IP_MULTICAST_TTL) == 1);
	MUST(set_int(s, IPPROTO_IP, IP_MULTICAST_TTL, 256) == EINVAL);
	MUST(set(s, IPPROTO_IP, IP_MULTICAST_TTL, &byte, 1) == 0);
	byte = 0;
	MUST(
	    lwip_getsockopt(s, IPPROTO_IP, IP_MULTICAST_TTL, &byte, &len) == 0);
	MUST(byte == 9 && len == 1);
	MUST(get_int(s, IPPROTO_IP, IP_TTL) == 255);
	MUST(set_int(s, IPPROTO_IP, IP_MULTICAST_TTL, -1) == 0);
	MUST(get_int(s, IPPROTO_IP, IP_MULTICAST_TTL) == 1);
	for (i = 0; i < 20; i++) {
		snprintf(group, sizeof(group), "239.9.0.%d", i);
		MUST(member(s, true, group, NULL) == 0);
	}
	MUST(member(s, true, "239.9.1.0", NULL) == ENOBUFS);
	/* A socket that is connected to a group can be, too. */
	{
		struct sockaddr_storage ss;
		socklen_t n = net_addr(&ss, GROUP4, PORT);
		int c = lwip_msocket(p.b, AF_INET, SOCK_DGRAM, 0);

		MUST(member(s, false, "239.9.0.3", NULL) == 0);
		MUST(member(s, true, GROUP4, NULL) == 0);
		MUST(lwip_connect(c, (struct sockaddr *)&ss, n) == 0);
		MUST(lwip_send(c, "c", 1, 0) == 1);
		hears(s, 'c');
	}
	return 0;
}

static void
test_options(void **state)
{
	(void)state;
	alone(options);
}

/* ---- IGMP, to somebody who listens -------------------------------------- */

#define US "10.5.0.1"
#define HIM "10.5.0.9"

struct igmp {
	unsigned type;
	const char *group, *to;
};

/* Whether F is the message ARG, in every detail. */
static bool
is_igmp(const struct frame *f, const void *arg)
{
	const struct igmp *m = arg;
	struct frame g = *f;
	uint8_t to[4], group[4];

	if (packet_proto(f) != P_IGMP || packet_body(&g)[0] != m->type ||
	    inet_pton(AF_INET, m->to, to) != 1 ||
	    inet_pton(AF_INET, m->group, group) != 1)
		return false;
	MUST(packet_sealed(f) && packet_len(f) == 8);
	MUST(f->b[0] == 1 && f->b[1] == 0 && f->b[2] == 0x5e);
	MUST(f->b[3] == (to[1] & 0x7f) && f->b[4] == to[2] && f->b[5] == to[3]);
	MUST(f->b[14 + 8] == 1);	     /* goes no further */
	MUST(be32(f->b + 34) == 0x94040000); /* routers look at it */
	return memcmp(f->b + 30, to, 4) == 0 &&
	    memcmp(packet_body(&g) + 4, group, 4) == 0;
}

static void
igmp(unsigned type, unsigned code, const char *group, const char *to, bool bad)
{
	struct frame f;

	packet(&f, (const uint8_t *)"\1\0\x5e\0\0\1", HIM, to, P_IGMP, 8);
	f.b[22] = 1;
	packet_body(&f)[0] = (uint8_t)type;
	packet_body(&f)[1] = (uint8_t)code;
	MUST(inet_pton(AF_INET, group, packet_body(&f) + 4) == 1);
	packet_seal(&f);
	if (bad)
		packet_body(&f)[2] ^= 1;
	send_frame(&f);
}

static int
reports(void *arg)
{
	static const struct igmp report = { 0x16, GROUP4, GROUP4 },
				 old = { 0x12, GROUP4, GROUP4 },
				 gone = { 0x17, GROUP4, "224.0.0.2" };
	static const unsigned udp = P_UDP;
	static const uint8_t reply = 2;
	struct frame f;
	int s, t;

	(void)arg;
	set_up(US "/24");
	arp(HIM, US);
	s = hearer(lwip_stack_get(), "0.0.0.0");
	t = hearer(lwip_stack_get(), "0.0.0.0");
	/* A querier of the second version makes it be spoken. */
	MUST(expect(&f, is_arp, &reply, PATIENCE_MS));
	igmp(0x11, 10, "0.0.0.0", "224.0.0.1", false);
	arp(HIM, US); /* it was handled when this is answered */
	MUST(expect(&f, is_arp, &reply, PATIENCE_MS));
	MUST(member(s, true, GROUP4, NULL) == 0);
	MUST(expect(&f, is_igmp, &report, PATIENCE_MS));
	MUST(expect(&f, is_igmp, &report, PATIENCE_MS)); /* once more */
	/* A second member is nobody's business. */
	MUST(member(t, true, GROUP4, NULL) == 0);
	MUST(!expect(&f, is_igmp, &report, SILENCE_MS));
	/* Who is there?  At once. */
	igmp(0x11, 10, "0.0.0.0", "224.0.0.1", false);
	MUST(expect(&f, is_igmp, &report, PATIENCE_MS));
	igmp(0x11, 10, GROUP4, GROUP4, false);
	MUST(expect(&f, is_igmp, &report, PATIENCE_MS));
	igmp(0x11, 10, "239.1.2.9", "239.1.2.9", false);
	igmp(0x11, 10, GROUP4, GROUP4, true);
	MUST(!expect(&f, is_igmp, &report, SILENCE_MS));
	igmp(0x11, 30, "0.0.0.0", "224.0.0.1", false);
	MUST(expect(&f, is_igmp, &report, PATIENCE_MS));
	/* The cable is plugged in elsewhere and back. */
	MUST(shmif_down(unit) == 0 && shmif_up(unit) == 0);
	MUST(expect(&f, is_igmp, &report, PATIENCE_MS));
	/* The last one says so. */
	MUST(member(t, false, GROUP4, NULL) == 0);
	MUST(!expect(&f, is_igmp, &gone, SILENCE_MS));
	MUST(member(s, false, GROUP4, NULL) == 0);
	MUST(expect(&f, is_igmp, &gone, PATIENCE_MS));
	/* Not if somebody else is there. */
	MUST(member(s, true, GROUP4, NULL) == 0);
	MUST(expect(&f, is_igmp, &report, PATIENCE_MS));
	MUST(expect(&f, is_igmp, &report, PATIENCE_MS));
	igmp(0x16, 0, GROUP4, GROUP4, false);
	arp(HIM, US); /* was handled when this is answered */
	MUST(expect(&f, is_arp, &reply, PATIENCE_MS));
	MUST(member(s, false, GROUP4, NULL) == 0);
	MUST(!expect(&f, is_igmp, &gone, SILENCE_MS));
	/* A querier of the first version. */
	MUST(member(s, true, GROUP4, NULL) == 0);
	igmp(0x11, 0, "0.0.0.0", "224.0.0.1", false);
	MUST(expect(&f, is_igmp, &old, PATIENCE_MS));
	MUST(member(s, false, GROUP4, NULL) == 0);
	MUST(!expect(&f, is_igmp, &gone, SILENCE_MS));
	/* How far a datagram goes. */
	say(s, GROUP4, "x", 1);
	MUST(expect(&f, is_proto, &udp, PATIENCE_MS));
	MUST(f.b[22] == 1 && f.b[0] == 1 && f.b[2] == 0x5e);
	MUST(packet_sealed(&f));
	MUST(set_int(s, IPPROTO_IP, IP_MULTICAST_TTL, 7) == 0);
	say(s, GROUP4, "y", 1);
	MUST(expect(&f, is_proto, &udp, PATIENCE_MS));
	MUST(f.b[22] == 7);
	return 0;
}

static void
test_reports(void **state)
{
	(void)state;
	alone(reports);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_stacks),
		cmocka_unit_test(test_loop),
		cmocka_unit_test(test_two_buses),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_reports),
	};
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	net_bus(); /* before a child makes a folder of its own */
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	net_bus_remove();
	return failed;
}
