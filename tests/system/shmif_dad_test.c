/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmif_dad_test.c - an address that somebody else has already
 *
 * A unit and, beside it on the bus, a neighbour by hand that has, probes for,
 * or takes its addresses.  Then stacks among themselves: the same address
 * twice, on one bus and on two; and thirty on one bus.
 *
 * slow: 12
 */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <lwipv6.h>
#include <shmbus.h>
#include <shmif.h>

#include "tests/lib/neighbour.h"
#include "tests/lib/netping.h"
#include "tests/lib/netstack.h"

static const uint8_t request = 1, ns = 135;

/* ---- by hand ------------------------------------------------------------ */

/* What was said on stderr since hush(). */
static FILE *said;

static void
hush(void)
{
	said = tmpfile();
	MUST(said != NULL && dup2(fileno(said), STDERR_FILENO) != -1);
}

static bool
was_said(const char *what)
{
	char text[4000];
	ssize_t n = pread(fileno(said), text, sizeof(text) - 1, 0);

	MUST(n >= 0);
	text[n] = '\0';
	return strstr(text, what) != NULL;
}

/* Whether the unit has ADDR, "…/64"; looks for a while if it should not. */
static bool
has(const char *addr)
{
	return shmif_add_addr(unit, addr) == EADDRINUSE;
}

static void
must_lose(const char *addr)
{
	int64_t end = now_ms() + PATIENCE_MS;
	char alone[50];

	snprintf(alone, sizeof(alone), "%.*s", (int)strcspn(addr, "/"), addr);
	/* has() would add it again */
	while (!was_said("not used"))
		MUST(now_ms() < end);
	MUST(was_said(alone));
	MUST(was_said("02:00:00:00:00:99"));
	MUST(shmif_del_addr(unit, addr) == EADDRNOTAVAIL);
}

/* An advertisement, and nothing before it, in its window. */
static int
duplicate6(void *arg)
{
	const uint8_t prefix[8] = { 0xfd };
	struct frame f;

	(void)arg;
	hush();
	set_up("fd00::1/64");
	MUST(expect(&f, is_probe, prefix, PATIENCE_MS));
	MUST(f.len == 78); /* no option */
	MUST(f.b[21] == 255 && sealed(&f));
	MUST(memcmp(f.b, "\x33\x33\xff\0\0\1", 6) == 0);
	MUST(memcmp(f.b + 6, unit_mac, 6) == 0);
	MUST(memcmp(f.b + 38, "\xff\2\0\0\0\0\0\0\0\0\0\1\xff\0\0\1", 16) == 0);
	MUST(f.b[77] == 1);
	advertise("fd00::1", 0x20);
	must_lose("fd00::1/64");
	/* and no longer answers for it */
	solicit(unit_mac, "fd00::99", "fd00::1", "fd00::1", true);
	MUST(!expect(&f, is_advert, "fd00::1", SILENCE_MS));
	return 0;
}

/* Both probe at once: neither gets it. */
static int
both_probe(void *arg)
{
	const uint8_t prefix[8] = { 0xfd };
	struct frame f;

	(void)arg;
	hush();
	set_up("fd00::1/64");
	MUST(expect(&f, is_probe, prefix, PATIENCE_MS));
	solicit((const uint8_t *)"\x33\x33\xff\0\0\1", "::", "ff02::1:ff00:1",
	    "fd00::1", false);
	must_lose("fd00::1/64");
	return 0;
}

/* Who was there before stays. */
static int
late6(void *arg)
{
	struct frame f;

	(void)arg;
	hush();
	set_up("fd00::1/64");
	MUST(expect(&f, is_advert, "fd00::1", PATIENCE_MS));
	advertise("fd00::1", 0x20);
	MUST(expect(&f, is_advert, "fd00::1", PATIENCE_MS));
	MUST(right_advert(&f, all_mac, "ff02::1", 0x20));
	MUST(was_said("fd00::1: 02:00:00:00:00:99 has this address, too; "
		      "defended"));
	MUST(has("fd00::1/64"));
	/* but not again and again */
	advertise("fd00::1", 0x20);
	MUST(!expect(&f, is_advert, "fd00::1", SILENCE_MS));
	return 0;
}

/* The same with ARP. */
static int
duplicate4(void *arg)
{
	struct frame f;

	(void)arg;
	hush();
	set_up("10.5.0.1/24");
	MUST(expect(&f, is_arp, &request, PATIENCE_MS));
	MUST(memcmp(f.b + 28, "\0\0\0", 4) == 0);
	arp("10.5.0.1", "10.5.0.1");
	must_lose("10.5.0.1/24");
	arp("10.5.0.9", "10.5.0.1");
	MUST(!expect(&f, is_arp, (const uint8_t *)"\2", SILENCE_MS));
	return 0;
}

static int
late4(void *arg)
{
	struct frame f;

	(void)arg;
	hush();
	set_up("10.5.0.1/24");
	do
		MUST(expect(&f, is_arp, &request, PATIENCE_MS));
	while (memcmp(f.b + 28, f.b + 38, 4) != 0);
	arp("10.5.0.1", "10.5.0.1");
	MUST(expect(&f, is_arp, &request, PATIENCE_MS));
	MUST(memcmp(f.b + 28, f.b + 38, 4) == 0);
	MUST(was_said("10.5.0.1: 02:00:00:00:00:99 has this address, too; "
		      "defended"));
	MUST(has("10.5.0.1/24"));
	return 0;
}

/*
 * The address that the interface makes itself: the whole hardware address is
 * in it; and somebody has it.
 */
static int
link_local(void *arg)
{
	const uint8_t prefix[8] = { 0xfe, 0x80 };
	char text[INET6_ADDRSTRLEN];
	struct frame f;
	uint8_t id[8];

	(void)arg;
	hush();
	set_up(NULL);
	MUST(expect(&f, is_probe, prefix, PATIENCE_MS));
	memcpy(id, unit_mac, 3);
	id[0] ^= 2;
	id[3] = 0xff;
	id[4] = 0xfe;
	memcpy(id + 5, unit_mac + 3, 3);
	MUST(memcmp(f.b + 70, id, 8) == 0);
	MUST(f.len == 78 && sealed(&f));
	MUST(inet_ntop(AF_INET6, f.b + 62, text, sizeof(text)) != NULL);
	advertise(text, 0x20);
	while (!was_said("not used"))
		usleep(1000);
	MUST(was_said(text));
	usleep(1500000); /* it would be ready by now */
	solicit(unit_mac, "fe80::99", text, text, true);
	MUST(!expect(&f, is_advert, text, SILENCE_MS));
	return 0;
}

static bool
is_udp6(const struct frame *f, const void *arg)
{
	(void)arg;
	return f->len > 62 && f->b[12] == 0x86 && f->b[20] == 17;
}

/* From a unique local address to such a one: RFC 6724. */
static int
source(void *arg)
{
	struct sockaddr_storage to;
	socklen_t len = net_addr(&to, "fd00::99", 9);
	struct frame f;
	uint8_t want[16];
	int s;

	(void)arg;
	set_up("2001:db8::1/32");
	MUST(shmif_add_addr(unit, "fd00::1/64") == 0);
	/* wait until its link-local address is there, too */
	usleep(1500000);
	s = lwip_socket(AF_INET6, SOCK_DGRAM, 0);
	MUST(s != -1);
	MUST(lwip_sendto(s, "x", 1, 0, (struct sockaddr *)&to, len) == 1);
	do
		MUST(expect(&f, is_type, &ns, PATIENCE_MS));
	while (f.b[77] != 0x99);
	/* it asks; then comes the datagram */
	advertise("fd00::99", 0x20);
	MUST(expect(&f, is_udp6, NULL, PATIENCE_MS));
	ip6(want, "fd00::1");
	MUST(memcmp(f.b + 22, want, 16) == 0);
	return 0;
}

/* ---- among stacks ------------------------------------------------------- */

static struct stack *stacks[32];
static int units[32];

static void
come_up(int i, const char *path, const char *addr)
{
	MUST((stacks[i] = lwip_add_stack(0)) != NULL);
	MUST(shmif_create_on(stacks[i], path, &units[i]) == 0);
	MUST(shmif_add_addr(units[i], addr) == 0);
	MUST(shmif_up(units[i]) == 0);
}

/* Two stacks want one address: the second does not get it. */
static int
rivals(void *arg)
{
	const char *path = net_bus();
	int64_t end;

	(void)arg;
	hush();
	come_up(0, path, "fd00::1/64");
	MUST(shmif_add_addr(units[0], "10.5.0.1/24") == 0);
	usleep(3500000); /* past its window */
	come_up(1, path, "fd00::1/64");
	MUST(shmif_add_addr(units[1], "10.5.0.1/24") == 0);
	end = now_ms() + PATIENCE_MS;
	while (!was_said("shmif1: fd00::1:") || !was_said("shmif1: 10.5.0.1:"))
		MUST(now_ms() < end);
	MUST(shmif_del_addr(units[1], "fd00::1/64") == EADDRNOTAVAIL);
	MUST(shmif_del_addr(units[1], "10.5.0.1/24") == EADDRNOTAVAIL);
	MUST(shmif_del_addr(units[0], "fd00::1/64") == 0);
	MUST(shmif_del_addr(units[0], "10.5.0.1/24") == 0);
	return 0;
}

/* The same two addresses on two buses, in one process. */
static int
twins(void *arg)
{
	const char *path[2] = { net_bus(), net_bus() };
	struct netping *p[2];
	int i, k;

	(void)arg;
	hush();
	for (i = 0; i < 4; i++)
		come_up(i, path[i / 2],
		    i % 2 == 0 ? "10.5.0.1/24" : "10.5.0.2/24");
	for (i = 0; i < 2; i++)
		MUST((p[i] = netping_new(stacks[2 * i], AF_INET, "10.5.0.1")) !=
		    NULL);
	for (k = 0; k < 100; k++)
		for (i = 0; i < 2; i++)
			MUST(netping(p[i], "10.5.0.2", 100, 3) == 0);
	MUST(!was_said("too"));
	return 0;
}

/*
 * Thirty stacks, each talks to each, for a while: what they ask is bounded by
 * what they have to know.
 */
static int
crowd(void *arg)
{
	struct shmbus_options o = { .flags = SHMBUS_CREATE };
	const char *path = net_bus();
	struct shmbus_frame sf;
	struct netping *p[30];
	unsigned asked = 0, most = 30 * (29 + 2);
	uint8_t b[2000];
	char addr[40];
	int i, k, round;

	(void)arg;
	MUST(shmbus_attach(path, &o, &bus) == 0);
	for (i = 0; i < 30; i++) {
		snprintf(addr, sizeof(addr), "10.5.0.%d/24", i + 1);
		come_up(i, path, addr);
		*strchr(addr, '/') = '\0';
		MUST((p[i] = netping_new(stacks[i], AF_INET, addr)) != NULL);
	}
	for (round = 0; round < 3; round++)
		for (i = 0; i < 30; i++)
			for (k = 0; k < 30; k++) {
				snprintf(addr, sizeof(addr), "10.5.0.%d",
				    k + 1);
				if (k != i)
					MUST(netping(p[i], addr, 50, 5) == 0);
				while (shmbus_recv(bus, b, sizeof(b), &sf) == 0)
					asked += b[12] == 8 && b[13] == 6 &&
					    b[21] == 1 && (b[0] & 1);
			}
	printf("# 30 stacks, 2610 pings: %u broadcast requests\n", asked);
	MUST(asked <= most);
	return 0;
}

/* ------------------------------------------------------------------------- */

#define TEST(name) \
	static void test_##name(void **state) \
	{ \
		(void)state; \
		assert_int_equal(net_wait(net_child(name, NULL)), 0); \
	}
TEST(duplicate6)
TEST(both_probe)
TEST(late6)
TEST(duplicate4)
TEST(late4)
TEST(link_local)
TEST(source)
TEST(rivals)
TEST(twins)
TEST(crowd)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_duplicate6),
		cmocka_unit_test(test_both_probe),
		cmocka_unit_test(test_late6),
		cmocka_unit_test(test_duplicate4),
		cmocka_unit_test(test_late4),
		cmocka_unit_test(test_link_local),
		cmocka_unit_test(test_source),
		cmocka_unit_test(test_rivals),
		cmocka_unit_test(test_twins),
		cmocka_unit_test(test_crowd),
	};
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	net_bus(); /* before a child makes a folder of its own */
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	net_bus_remove();
	return failed;
}
