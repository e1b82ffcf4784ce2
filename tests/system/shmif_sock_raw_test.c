/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmif_sock_raw_test.c - packets whose header the program writes (IP_HDRINCL)
 *
 * To a neighbour that is none (neighbour.h), which looks at every byte.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <lwipv6.h>
#include <shmif.h>

#include "tests/lib/netstack.h"
#include "tests/lib/packet.h"

#define US4 "10.5.0.1"
#define HIM4 "10.5.0.9"
#define US6 "fd05::1"
#define HIM6 "fd05::9"
#define P_TEST 253 /* RFC 3692: for experiments */
#define MTU 1500

static void
alone(int (*fn)(void *))
{
	assert_int_equal(net_wait(net_child(fn, NULL)), 0);
}

static int
raw_socket(int family, int protocol)
{
	int s, on = 1;

	s = lwip_msocket(shmif_stack(unit), family, SOCK_RAW, protocol);
	MUST(s != -1);
	if (protocol != IPPROTO_RAW)
		MUST(lwip_setsockopt(s,
			 family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6,
			 family == AF_INET ? IP_HDRINCL : 36, &on,
			 sizeof(on)) == 0);
	return s;
}

static ssize_t
send_to(int s, const void *packet, size_t n, const char *dst)
{
	struct sockaddr_storage ss;
	socklen_t len = net_addr(&ss, dst, 0);

	return lwip_sendto(s, (void *)(uintptr_t)packet, (int)n, 0, (void *)&ss,
	    len);
}

/* Whether the unit still answers. */
static void
lives(void)
{
	struct frame f;

	packet(&f, unit_mac, HIM4, US4, P_ICMP4, 8);
	packet_body(&f)[0] = 8;
	packet_seal(&f);
	send_frame(&f);
	MUST(expect(&f, is_proto, &(unsigned){ P_ICMP4 }, PATIENCE_MS));
}

/*
 * Headers that are cut short or of another version, to addresses of each kind,
 * also where the unit has no address of that family: an error or nothing.
 */
static int
lies(void *arg)
{
	static const char *const to[] = { HIM4, HIM6, US4, US6, "127.0.0.1",
		"::1", "255.255.255.255", "224.0.0.1", "ff02::1", "fe80::9",
		"::ffff:10.5.0.9", "192.0.2.1", "2001:db8::1" };
	uint8_t b[80];
	unsigned i, round, v, n;
	int s[4];

	(void)arg;
	set_up(US4 "/24");
	arp(HIM4, US4);
	s[0] = raw_socket(AF_INET, IPPROTO_RAW);
	s[1] = raw_socket(AF_INET6, IPPROTO_RAW);
	s[2] = raw_socket(AF_INET, IPPROTO_UDP);
	s[3] = raw_socket(AF_INET6, IPPROTO_UDP);
	for (round = 0; round < 2; round++) {
		for (i = 0; i < sizeof(to) / sizeof(to[0]) * 4; i++) {
			for (n = 0; n <= sizeof(b); n++) {
				for (v = 0; v < n; v++)
					b[v] = (uint8_t)random();
				v = (unsigned)random() % 16;
				if (random() % 2 == 0)
					v = random() % 2 == 0 ? 4 : 6;
				b[0] = (uint8_t)(v << 4 | (b[0] & 15));
				if (n < (v == 4 ? 20 : 40) || (v & ~2u) != 4)
					MUST(send_to(s[i % 4], b, n,
						 to[i / 4]) == -1);
				else
					send_to(s[i % 4], b, n, to[i / 4]);
			}
		}
		lives();
		if (round == 0)
			MUST(shmif_add_addr(unit, US6 "/64") == 0);
	}
	return 0;
}

static void
test_lies(void **state)
{
	unsigned seed = (unsigned)net_env("SEED", (long)time(NULL));

	(void)state;
	fprintf(stderr, "# SEED=%u\n", seed);
	srandom(seed);
	alone(lies);
}

static void
header4(uint8_t b[MTU + 1], const char *dst, unsigned words)
{
	struct sockaddr_storage ss;
	unsigned i;

	for (i = 0; i <= MTU; i++)
		b[i] = (uint8_t)(i * 7);
	memset(b, 0, words * 4);
	b[0] = (uint8_t)(0x40 | words);
	b[8] = 3;
	b[9] = P_TEST;
	memset(b + 20, 1, words * 4 - 20); /* no-operation options */
	net_addr(&ss, dst, 0);
	memcpy(b + 16, &((struct sockaddr_in *)&ss)->sin_addr, 4);
}

/* raw(7): length, checksum and an absent source are filled in, no more. */
static int
filled_in(void *arg)
{
	static const unsigned sizes[] = { 60, 61, 999, MTU };
	static const uint8_t us[4] = { 10, 5, 0, 1 }, we[4] = { 10, 5, 0, 77 };
	uint8_t b[MTU + 1], want[MTU + 1];
	unsigned proto = P_TEST, i, words, sum;
	struct frame f;
	int s;

	(void)arg;
	set_up(US4 "/24");
	arp(HIM4, US4);
	s = raw_socket(AF_INET, IPPROTO_RAW);
	for (i = 0; i < 12; i++) {
		unsigned n = sizes[i % 4];

		words = 5 + i % 11;
		header4(b, HIM4, words);
		if (i % 2 != 0)
			memcpy(b + 12, we, 4);
		memcpy(want, b, n);
		put16(want + 2, n);
		memcpy(want + 12, i % 2 != 0 ? we : us, 4);
		MUST(send_to(s, b, n, HIM4) == (ssize_t)n);
		MUST(expect(&f, is_proto, &proto, PATIENCE_MS));
		sum = net_checksum(f.b + 14, words * 4, 0);
		MUST(sum == 0);
		memcpy(want + 10, f.b + 14 + 10, 2);
		MUST(f.len == 14 + n && memcmp(f.b + 14, want, n) == 0);
	}
	MUST(send_to(s, b, MTU + 1, HIM4) == -1 && errno == EMSGSIZE);
	MUST(send_to(s, b, 19, HIM4) == -1 && errno == EINVAL);
	b[0] = 0x4f;
	MUST(send_to(s, b, 59, HIM4) == -1 && errno == EINVAL);
	b[0] = 0x44;
	MUST(send_to(s, b, 60, HIM4) == -1 && errno == EINVAL);
	lives();
	return 0;
}

static void
test_filled_in(void **state)
{
	(void)state;
	alone(filled_in);
}

/* Of IPv6 nothing is filled in. */
static int
as_it_is(void *arg)
{
	uint8_t b[MTU + 1] = { 0x60, [7] = 9 };
	unsigned proto = P_TEST;
	struct frame f;
	int s;

	(void)arg;
	set_up(US4 "/24");
	MUST(shmif_add_addr(unit, US6 "/64") == 0);
	solicit(unit_mac, HIM6, US6, US6, true);
	s = raw_socket(AF_INET6, IPPROTO_RAW);
	b[6] = P_TEST;
	ip6(b + 8, "fd05::77");
	ip6(b + 24, HIM6);
	put16(b + 4, 33);
	MUST(send_to(s, b, 73, HIM6) == 73);
	MUST(expect(&f, is_proto, &proto, PATIENCE_MS));
	MUST(f.len == 14 + 73 && memcmp(f.b + 14, b, 73) == 0);
	MUST(send_to(s, b, MTU + 1, HIM6) == -1 && errno == EMSGSIZE);
	MUST(send_to(s, b, 39, HIM6) == -1 && errno == EINVAL);
	return 0;
}

static void
test_as_it_is(void **state)
{
	(void)state;
	alone(as_it_is);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lies),
		cmocka_unit_test(test_filled_in),
		cmocka_unit_test(test_as_it_is),
	};
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	net_bus(); /* before a child makes a folder of its own */
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	net_bus_remove();
	return failed;
}
