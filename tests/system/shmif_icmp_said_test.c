/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmif_icmp_said_test.c - the ICMP errors that a stack sends
 *
 * To a neighbour that is none (neighbour.h), which looks at every byte.
 */
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_said),
		cmocka_unit_test(test_rate),
	};
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	net_bus(); /* before a child makes a folder of its own */
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	net_bus_remove();
	return failed;
}
