/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmif_icmp_said_test.c - the ICMP errors that a stack sends
 *
 * To a neighbour that is none (neighbour.h), which looks at every byte.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <lwipv6.h>
#include <shmif.h>

#include "tests/lib/netstack.h"
#include "tests/lib/packet.h"

static void
alone(int (*fn)(void *))
{
	assert_int_equal(net_wait(net_child(fn, NULL)), 0);
}

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

static bool
is_error(const struct frame *f, const void *arg)
{
	struct frame g = *f;
	unsigned proto = packet_proto(f);

	(void)arg;
	return (proto == P_ICMP4 && packet_body(&g)[0] != 8 &&
		   packet_body(&g)[0] != 0) ||
	    (proto == P_ICMP6 && packet_body(&g)[0] < 128);
}

static void
datagram(struct frame *f, const char *src, const char *dst, unsigned n)
{
	packet(f, unit_mac, src, dst, P_UDP, 8 + n);
	put16(packet_body(f), 5000);
	put16(packet_body(f) + 2, 91);
	put16(packet_body(f) + 4, 8 + n);
	packet_seal(f);
}

/* Whether F is a right error about G, quoted as far as that may be. */
static bool
is_right(struct frame *f, const struct frame *g, unsigned type, unsigned code)
{
	unsigned most = packet_is4(f) ? 548 : 1232, n = g->len - 14;
	uint8_t *b = packet_body(f);

	return packet_sealed(f) && b[0] == type && b[1] == code &&
	    be32(b + 4) == 0 && packet_len(f) == 8 + (n < most ? n : most) &&
	    memcmp(b + 8, g->b + 14, packet_len(f) - 8) == 0;
}

static int
said(void *arg)
{
	static const unsigned sizes[] = { 0, 1, 2, 500, 1200, 1400 };
	struct frame f, g;
	unsigned i;

	(void)arg;
	beside();
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		datagram(&g, HIM4, US4, sizes[i]);
		send_frame(&g);
		MUST(expect(&f, is_error, NULL, PATIENCE_MS));
		MUST(is_right(&f, &g, 3, 3));
		datagram(&g, HIM6, US6, sizes[i]);
		send_frame(&g);
		MUST(expect(&f, is_error, NULL, PATIENCE_MS));
		MUST(is_right(&f, &g, 1, 4));
	}
	/* A protocol that nobody knows. */
	packet(&g, unit_mac, HIM4, US4, 200, 20);
	packet_seal(&g);
	send_frame(&g);
	MUST(expect(&f, is_error, NULL, PATIENCE_MS));
	MUST(is_right(&f, &g, 3, 2));
	packet(&g, unit_mac, HIM6, US6, 200, 20);
	send_frame(&g);
	MUST(expect(&f, is_error, NULL, PATIENCE_MS));
	MUST(packet_sealed(&f) && be32(packet_body(&f) + 4) == 6);
	MUST(packet_body(&f)[0] == 4 && packet_body(&f)[1] == 1);
	/* Not to everybody. */
	datagram(&g, HIM4, "10.5.0.255", 10);
	memset(g.b, 0xff, 6);
	send_frame(&g);
	datagram(&g, HIM6, "ff02::1", 10);
	memcpy(g.b, all_mac, 6);
	send_frame(&g);
	MUST(!expect(&f, is_error, NULL, SILENCE_MS));
	return 0;
}

static void
test_said(void **state)
{
	(void)state;
	alone(said);
}

/* There is an end to it, and then a beginning. */
static int
rate(void *arg)
{
	struct frame f, g;
	int n = 0, i, k;
	int64_t ms;

	(void)arg;
	beside();
	datagram(&g, HIM4, US4, 10);
	ms = now_ms();
	for (i = 0; i < 200; i++) {
		for (k = 0; k < 40; k++)
			send_frame(&g);
		while (expect(&f, is_error, NULL, 1))
			n++;
	}
	while (expect(&f, is_error, NULL, SILENCE_MS))
		n++;
	ms = now_ms() - ms;
	fprintf(stderr, "# %d errors in %ld ms\n", n, (long)ms);
	MUST(n > 0 && n <= 1000 * (ms / 1000 + 2));
	do {
		send_frame(&g);
	} while (!expect(&f, is_error, NULL, 100) && i++ < 600);
	MUST(i < 600);
	return 0;
}

static void
test_rate(void **state)
{
	(void)state;
	alone(rate);
}

/* ---- a router ----------------------------------------------------------- */

#define FAR4 "10.6.0.9"
#define FAR6 "fd06::9"

/* An echo request to DST that may go over HOPS routers, of which we are one. */
static void
far_echo(struct frame *f, const char *src, const char *dst, uint8_t hops)
{
	bool v4 = strchr(src, ':') == NULL;

	packet(f, unit_mac, src, dst, v4 ? P_ICMP4 : P_ICMP6, 8 + 40);
	f->b[14 + (v4 ? 8 : 7)] = hops;
	packet_body(f)[0] = v4 ? 8 : 128;
	packet_seal(f);
}

/* Whose time to live ends at the router is told, but not of an error. */
static int
hops(void *arg)
{
	const char *const from[] = { HIM4, HIM6 }, *const to[] = { FAR4, FAR6 };
	int i, other;
	struct frame f, g;
	char *answer;

	(void)arg;
	beside();
	MUST(shmif_create(net_bus(), &other) == 0);
	MUST(shmif_add_addr(other, "10.6.0.1/24") == 0);
	MUST(shmif_add_addr(other, "fd06::1/64") == 0);
	MUST(shmif_up(other) == 0);
	MUST(shmif_request("{\"id\":1,\"do\":[{\"op\":\"forward\","
			   "\"on\":true}]}",
		 &answer) == 0);
	free(answer);
	for (i = 0; i < 2; i++) {
		far_echo(&g, from[i], to[i], 1);
		send_frame(&g);
		MUST(expect(&f, is_error, NULL, PATIENCE_MS));
		MUST(is_right(&f, &g, i == 0 ? 11 : 3, 0));
		/* About an error there is none. */
		packet_body(&g)[0] = i == 0 ? 3 : 1;
		packet_seal(&g);
		send_frame(&g);
		MUST(!expect(&f, is_error, NULL, SILENCE_MS));
	}
	return 0;
}

static void
test_hops(void **state)
{
	(void)state;
	alone(hops);
}

/* ---- a program's own ---------------------------------------------------- */

/* What a raw socket sends of ICMPv6 has its checksum: RFC 3542, 3.1. */
static int
raw_checksum(void *arg)
{
	static const uint8_t echo = 128;
	uint8_t b[8 + 31] = { 128, 0, 0xbe, 0xef, 1, 2, 3, 4 };
	struct sockaddr_storage ss;
	socklen_t len = net_addr(&ss, HIM6, 0);
	struct frame f;
	size_t n;
	int s, at = 4;

	(void)arg;
	beside();
	s = lwip_msocket(shmif_stack(unit), AF_INET6, SOCK_RAW, IPPROTO_ICMPV6);
	MUST(s != -1);
	for (n = 8; n <= sizeof(b); n++) {
		MUST(lwip_sendto(s, b, (int)n, 0, (void *)&ss, len) ==
		    (ssize_t)n);
		MUST(expect(&f, is_type, &echo, PATIENCE_MS));
		MUST(packet_len(&f) == n && packet_sealed(&f));
	}
	/* It is not the program's to say where. */
	MUST(lwip_setsockopt(s, IPPROTO_IPV6, IPV6_CHECKSUM, &at, sizeof(at)) ==
		-1 &&
	    errno == EINVAL);
	MUST(
	    lwip_sendto(s, b, 3, 0, (void *)&ss, len) == -1 && errno == EINVAL);
	return 0;
}

static void
test_raw_checksum(void **state)
{
	(void)state;
	alone(raw_checksum);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_said),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_hops),
		cmocka_unit_test(test_raw_checksum),
	};
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	net_bus(); /* before a child makes a folder of its own */
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	net_bus_remove();
	return failed;
}
