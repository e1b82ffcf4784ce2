/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmif_nd_test.c - what a neighbour that is not lwipv6 says and hears
 *
 * A unit and, beside it on the bus, an attachment of the test's own, which
 * speaks ARP and neighbour discovery as others do: solicitations with and
 * without link-layer option, probes for duplicate addresses, advertisements
 * of routers, well-formed and not.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <lwipv6.h>
#include <shmbus.h>
#include <shmif.h>

#include "tests/lib/neighbour.h"
#include "tests/lib/netstack.h"

/* ---- solicitations ------------------------------------------------------ */

static int
solicited(void *arg)
{
	struct frame f;

	(void)arg;
	set_up("fd00::1/64");
	/* it says that it has come */
	MUST(expect(&f, is_advert, "fd00::1", PATIENCE_MS));
	MUST(right_advert(&f, all_mac, "ff02::1", 0x20));
	/* a probe for a duplicate */
	solicit((const uint8_t *)"\x33\x33\xff\0\0\1", "::", "ff02::1:ff00:1",
	    "fd00::1", false);
	MUST(expect(&f, is_advert, "fd00::1", PATIENCE_MS));
	MUST(right_advert(&f, all_mac, "ff02::1", 0x20));
	/* is it still there? */
	solicit(unit_mac, "fd00::99", "fd00::1", "fd00::1", false);
	MUST(expect(&f, is_advert, "fd00::1", PATIENCE_MS));
	MUST(right_advert(&f, our_mac, "fd00::99", 0x60));
	/* where is it? */
	solicit((const uint8_t *)"\x33\x33\xff\0\0\1", "fd00::99",
	    "ff02::1:ff00:1", "fd00::1", true);
	MUST(expect(&f, is_advert, "fd00::1", PATIENCE_MS));
	MUST(right_advert(&f, our_mac, "fd00::99", 0x60));
	/* not its address */
	solicit((const uint8_t *)"\x33\x33\xff\0\0\2", "::", "ff02::1:ff00:2",
	    "fd00::2", false);
	MUST(!expect(&f, is_advert, "fd00::2", SILENCE_MS));
	/* a probe with a link-layer option is malformed (RFC 4861, 7.1.1) */
	solicit((const uint8_t *)"\x33\x33\xff\0\0\1", "::", "ff02::1:ff00:1",
	    "fd00::1", true);
	MUST(!expect(&f, is_advert, "fd00::1", SILENCE_MS));
	return 0;
}

/* ---- a conversation ----------------------------------------------------- */

/* Sends an echo request that has come far. */
static void
ask(const uint8_t dst_mac[6], const char *src, const char *dst)
{
	struct frame f;
	int i;

	icmp6(&f, dst_mac, src, dst, 128, 4 + 100);
	f.b[21] = 3;
	for (i = 62; i < 162; i++)
		f.b[i] = (uint8_t)i;
	seal(&f);
	send_frame(&f);
}

/* Pings the unit; it has to find us first.  Then all who are there. */
static int
conversation(void *arg)
{
	static const uint8_t ns = 135, reply = 129;
	struct frame f, na;
	int i;

	(void)arg;
	set_up("fd00::1/64");
	ask(unit_mac, "fd00::99", "fd00::1");
	MUST(expect(&f, is_type, &ns, PATIENCE_MS));
	while (memcmp(f.b + 22, "\xfd\0", 2) != 0)
		MUST(expect(&f, is_type, &ns, PATIENCE_MS));
	MUST(f.b[77] == 0x99 && f.b[21] == 255 && sealed(&f));
	MUST(memcmp(f.b, "\x33\x33\xff\0\0\x99", 6) == 0);
	icmp6(&na, unit_mac, "fd00::99", "fd00::1", 136, 28);
	na.b[58] = 0x60;
	ip6(na.b + 62, "fd00::99");
	na.b[78] = 2;
	na.b[79] = 1;
	memcpy(na.b + 80, our_mac, 6);
	seal(&na);
	send_frame(&na);
	MUST(expect(&f, is_type, &reply, PATIENCE_MS));
	MUST(f.len == 162 && memcmp(f.b, our_mac, 6) == 0 && sealed(&f));
	MUST(f.b[21] == 64);
	for (i = 62; i < 162; i++)
		MUST(f.b[i] == (uint8_t)i);
	/* From an address that it has, and summed with that. */
	ask(all_mac, "fd00::99", "ff02::1");
	MUST(expect(&f, is_type, &reply, PATIENCE_MS));
	MUST(f.len == 162 && memcmp(f.b, our_mac, 6) == 0 && sealed(&f));
	MUST(f.b[22] == 0xfd || memcmp(f.b + 22, "\xfe\x80", 2) == 0);
	return 0;
}

/* ---- routers ------------------------------------------------------------ */

/* An advertisement with the prefix option OPT, LEN bytes. */
static void
router(const uint8_t *opt, uint32_t len)
{
	struct frame f;

	icmp6(&f, all_mac, "fe80::99", "ff02::1", 134, 12 + len);
	f.b[58] = 64;
	f.b[60] = 7; /* lifetime */
	if (len != 0)
		memcpy(f.b + 70, opt, len);
	seal(&f);
	send_frame(&f);
}

static int
routers(void *arg)
{
	uint8_t opt[32] = { 3, 4, 64, 0xc0, 0, 0, 1, 0, 0, 0, 1, 0, [16] = 0x20,
		0x01, 0x0d, 0xb8 };
	uint8_t wide[32], none[32];
	char text[INET6_ADDRSTRLEN];
	struct shmif_stats st;
	struct frame f;
	int64_t end;

	(void)arg;
	set_up(NULL);
	memcpy(wide, opt, sizeof(wide));
	wide[2] = 200;
	memcpy(none, opt, sizeof(none));
	none[1] = 0;
	router(wide, sizeof(wide));
	router(none, sizeof(none));
	router(opt, 5);
	router(opt, sizeof(opt));
	/* it chooses an address of that prefix and looks for a duplicate */
	MUST(expect(&f, is_probe, opt + 16, PATIENCE_MS));
	MUST(inet_ntop(AF_INET6, f.b + 62, text, sizeof(text)) != NULL);
	/* and once it has found none has it */
	end = now_ms() + PATIENCE_MS;
	do {
		MUST(now_ms() < end);
		solicit(unit_mac, "fe80::99", text, text, true);
	} while (!expect(&f, is_advert, text, SILENCE_MS));
	MUST(shmif_stats(unit, &st) == 0 && st.in_refused >= 3);
	return 0;
}

/* ---- ARP ---------------------------------------------------------------- */

static int
arps(void *arg)
{
	static const uint8_t request = 1, reply = 2;
	struct frame f;

	(void)arg;
	set_up("10.5.0.1/24");
	/* a probe, then gratuitous */
	MUST(expect(&f, is_arp, &request, PATIENCE_MS));
	MUST(memcmp(f.b, broadcast, 6) == 0);
	MUST(memcmp(f.b + 28, "\0\0\0", 4) == 0);
	MUST(memcmp(f.b + 38, "\12\5\0\1", 4) == 0);
	MUST(expect(&f, is_arp, &request, PATIENCE_MS));
	MUST(memcmp(f.b + 28, f.b + 38, 4) == 0);
	MUST(memcmp(f.b, broadcast, 6) == 0);
	arp("10.5.0.9", "10.5.0.1");
	MUST(expect(&f, is_arp, &reply, PATIENCE_MS));
	MUST(
	    memcmp(f.b, our_mac, 6) == 0 && memcmp(f.b + 22, unit_mac, 6) == 0);
	MUST(memcmp(f.b + 28, "\12\5\0\1", 4) == 0);
	MUST(memcmp(f.b + 38, "\12\5\0\11", 4) == 0);
	arp("0.0.0.0", "10.5.0.1"); /* RFC 5227: is it taken? */
	MUST(expect(&f, is_arp, &reply, PATIENCE_MS));
	arp("10.5.0.9", "10.5.0.2");
	MUST(!expect(&f, is_arp, &reply, SILENCE_MS));
	return 0;
}

/* ------------------------------------------------------------------------- */

static void
test_solicited(void **state)
{
	(void)state;
	assert_int_equal(net_wait(net_child(solicited, NULL)), 0);
}

static void
test_conversation(void **state)
{
	(void)state;
	assert_int_equal(net_wait(net_child(conversation, NULL)), 0);
}

static void
test_routers(void **state)
{
	(void)state;
	assert_int_equal(net_wait(net_child(routers, NULL)), 0);
}

static void
test_arp(void **state)
{
	(void)state;
	assert_int_equal(net_wait(net_child(arps, NULL)), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_solicited),
		cmocka_unit_test(test_conversation),
		cmocka_unit_test(test_routers),
		cmocka_unit_test(test_arp),
	};
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	net_bus(); /* before a child makes a folder of its own */
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	net_bus_remove();
	return failed;
}
