/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmif_slaac_test.c - what an interface does with router advertisements
 *
 * A unit that configures itself and, beside it on the bus, routers made by hand
 * (neighbour.h): how they are solicited, which prefixes and routers are used
 * and for how long, another link, and floods.
 *
 * slow: 55
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

#include "tests/lib/netstack.h"
#include "tests/lib/packet.h"

#define ROUTER "fe80::99"
#define ON_LINK 0x80
#define AUTO 0x40
#define LONG 3600

static const uint8_t rs = 133, ns = 135;

/* ---- routers by hand ---------------------------------------------------- */

struct prefix {
	const char *net;
	uint8_t len, flags;
	uint32_t valid, preferred;
};

/* An advertisement of the router FROM, with N prefixes. */
static void
advert(struct frame *f, const char *from, uint8_t flags, unsigned life,
    const struct prefix *p, unsigned n)
{
	uint8_t *o;
	unsigned i;

	icmp6(f, all_mac, from, "ff02::1", 134, 12 + n * 32);
	f->b[58] = 64;
	f->b[59] = flags;
	put16(f->b + 60, life);
	for (i = 0, o = f->b + 70; i < n; i++, o += 32) {
		o[0] = 3;
		o[1] = 4;
		o[2] = p[i].len;
		o[3] = p[i].flags;
		put32(o + 4, p[i].valid);
		put32(o + 8, p[i].preferred);
		ip6(o + 16, p[i].net);
	}
}

static void
say(const char *from, uint8_t flags, unsigned life, const struct prefix *p,
    unsigned n)
{
	struct frame f;

	advert(&f, from, flags, life, p, n);
	seal(&f);
	send_frame(&f);
}

/* The same with one prefix, on the link and for addresses. */
static void
say_prefix(const char *net, uint32_t valid, uint32_t preferred)
{
	struct prefix p = { net, 64, ON_LINK | AUTO, valid, preferred };

	say(ROUTER, 0, LONG, &p, 1);
}

/* ---- what became of it -------------------------------------------------- */

/* How often WHAT is in the answer to the request OP. */
static unsigned
count(const char *op, const char *what)
{
	char ask[200], *answer, *at;
	unsigned n = 0;

	snprintf(ask, sizeof(ask), "{\"id\":1,\"do\":[{%s}]}", op);
	MUST(shmif_request(ask, &answer) == 0);
	for (at = answer; (at = strstr(at, what)) != NULL; at++)
		n++;
	free(answer);
	return n;
}

static unsigned
addresses(const char *begin)
{
	char what[60];

	snprintf(what, sizeof(what), "\"addr\":\"%s", begin);
	return count("\"op\":\"show\",\"if\":\"shmif0\"", what);
}

static unsigned
routes(const char *dst)
{
	char what[60];

	snprintf(what, sizeof(what), "\"dst\":\"%s", dst);
	return count("\"op\":\"routes\"", what);
}

/* Default routes by ROUTER. */
static unsigned
defaults(const char *router)
{
	char what[80];

	snprintf(what, sizeof(what), "\"via\":\"%s\"", router);
	return count("\"op\":\"routes\"", what);
}

static void
wait_for(unsigned (*fn)(const char *), const char *what, unsigned n)
{
	int64_t end = now_ms() + PATIENCE_MS;

	while (fn(what) != n) {
		MUST(now_ms() < end);
		usleep(10000);
	}
}

/* ---- soliciting --------------------------------------------------------- */

/* Whether the solicitation F is one that a router may take (RFC 4861, 6.1.1). */
static bool
is_right(const struct frame *f)
{
	static const uint8_t none[16], all[6] = { 0x33, 0x33, [5] = 2 };
	uint8_t to[16];
	bool option = f->len > 62;

	ip6(to, "ff02::2");
	if (f->len != (option ? 70u : 62u) || f->b[21] != 255 || !sealed(f) ||
	    memcmp(f->b, all, 6) != 0 || memcmp(f->b + 38, to, 16) != 0)
		return false;
	return !option ||
	    (memcmp(f->b + 22, none, 16) != 0 && f->b[62] == 1 &&
		f->b[63] == 1 && memcmp(f->b + 64, unit_mac, 6) == 0);
}

static bool
is_rs_or_na(const struct frame *f, const void *arg)
{
	static const uint8_t na = 136;

	(void)arg;
	return is_type(f, &rs) || is_type(f, &na);
}

/* At once, while its own address is not sure; then with it; then no more. */
static int
solicits(void *arg)
{
	struct frame f;

	(void)arg;
	set_up(NULL);
	MUST(expect(&f, is_rs_or_na, NULL, PATIENCE_MS));
	MUST(is_type(&f, &rs) && is_right(&f) && f.len == 62);
	MUST(expect(&f, is_type, &rs, PATIENCE_MS));
	MUST(is_right(&f) && f.len == 70);
	say_prefix("fd00:1::", LONG, LONG);
	wait_for(addresses, "fd00:1:", 1);
	MUST(!expect(&f, is_type, &rs, 9000));
	return 0;
}

/* ---- prefixes ----------------------------------------------------------- */

/* All that an advertisement says, each prefix for what its flags are for. */
static int
prefixes(void *arg)
{
	const struct prefix p[] = {
		{ "fd00:1::", 64, ON_LINK | AUTO, LONG, LONG },
		{ "fd00:2::", 64, ON_LINK | AUTO, LONG, LONG },
		{ "fd00:3::", 64, ON_LINK, LONG, LONG },
		{ "fd00:4::", 64, AUTO, LONG, LONG },
		{ "fd00:5::", 48, ON_LINK, LONG, LONG },
		{ "fd00:6::", 64, ON_LINK | AUTO, 10, 20 },
		{ "fd00:7::", 64, ON_LINK | AUTO, 0, 0 },
		{ "fd00:8::", 64, 0, LONG, LONG },
	};

	(void)arg;
	set_up(NULL);
	say(ROUTER, 0x80, LONG, p, 8); /* DHCP, too: that is another thing */
	wait_for(routes, "fd00:5::", 1);
	MUST(addresses("fd00:1:") == 1 && routes("fd00:1::") == 1);
	MUST(addresses("fd00:2:") == 1 && routes("fd00:2::") == 1);
	MUST(addresses("fd00:3:") == 0 && routes("fd00:3::") == 1);
	MUST(addresses("fd00:4:") == 1 && routes("fd00:4::") == 0);
	MUST(addresses("fd00:5:") == 0);
	MUST(addresses("fd00:6:") == 0 && routes("fd00:6::") == 0);
	MUST(addresses("fd00:7:") == 0 && routes("fd00:7::") == 0);
	MUST(addresses("fd00:8:") == 0 && routes("fd00:8::") == 0);
	/* Down, everything goes. */
	MUST(shmif_down(unit) == 0);
	MUST(addresses("fd00:") == 0 && addresses("fe80:") == 0);
	MUST(routes("fd00:") == 0 && defaults(ROUTER) == 0);
	return 0;
}

/* A lifetime is renewed by each, and then it ends. */
static int
lifetimes(void *arg)
{
	const struct prefix short_one[] = { { "fd00:1::", 64, ON_LINK | AUTO, 4,
	    2 } };
	int64_t end, said;

	(void)arg;
	set_up(NULL);
	say(ROUTER, 0, LONG, short_one, 1);
	wait_for(addresses, "fd00:1:", 1);
	end = now_ms() + 8000;
	while (now_ms() < end) {
		bool there;

		said = now_ms();
		say(ROUTER, 0, LONG, short_one, 1);
		usleep(100000);
		there = addresses("fd00:1:") == 1 && routes("fd00:1::") == 1;
		/* Where the machine is busy it may have ended by then. */
		MUST(there || now_ms() - said > 1000);
	}
	wait_for(addresses, "fd00:1:", 0);
	wait_for(routes, "fd00:1::", 0);
	/* Nobody makes an address end early: RFC 4862, 5.5.3, (e). */
	say_prefix("fd00:2::", LONG, LONG);
	wait_for(addresses, "fd00:2:", 1);
	say_prefix("fd00:2::", 1, 0);
	usleep(4000000);
	MUST(addresses("fd00:2:") == 1);
	return 0;
}

/* From which address a datagram to TO would be sent. */
static void
source_for(const char *to, uint8_t ip[16])
{
	struct sockaddr_storage ss;
	struct sockaddr_in6 own;
	socklen_t len = net_addr(&ss, to, 9), n = sizeof(own);
	int s = lwip_msocket(shmif_stack(unit), AF_INET6, SOCK_DGRAM, 0);

	MUST(s != -1 && lwip_connect(s, (void *)&ss, len) == 0);
	MUST(lwip_getsockname(s, (void *)&own, &n) == 0);
	memcpy(ip, &own.sin6_addr, 16);
	lwip_close(s);
}

/* What is not preferred any more is the second choice. */
static int
deprecated(void *arg)
{
	uint8_t ip[16];
	int64_t end;

	(void)arg;
	set_up(NULL);
	say_prefix("fd00:1::", LONG, LONG);
	say_prefix("fd00:2::", LONG, LONG);
	wait_for(addresses, "fd00:2:", 1);
	source_for("fd00:1:0:1::5", ip); /* that of the longer prefix */
	MUST(ip[2] == 0 && ip[3] == 1);
	say_prefix("fd00:1::", LONG, 0);
	end = now_ms() + PATIENCE_MS;
	do {
		MUST(now_ms() < end);
		source_for("fd00:1:0:1::5", ip);
	} while (ip[3] != 2);
	return 0;
}

/* ---- routers ------------------------------------------------------------ */

static int
router_goes(void *arg)
{
	(void)arg;
	set_up(NULL);
	say(ROUTER, 0, LONG, NULL, 0);
	wait_for(defaults, ROUTER, 1);
	/* It says so. */
	say(ROUTER, 0, 0, NULL, 0);
	wait_for(defaults, ROUTER, 0);
	/* Its lifetime ends; another one's does not. */
	say("fe80::a", 0, 2, NULL, 0);
	wait_for(defaults, "fe80::a", 1);
	say("fe80::b", 0, LONG, NULL, 0);
	usleep(100000);
	MUST(defaults("fe80::b") == 0);
	wait_for(defaults, "fe80::a", 0);
	MUST(defaults("fe80::b") == 1);
	/* It says that it is none, in an advertisement of its address. */
	advertise("fe80::b", 0x20);
	wait_for(defaults, "fe80::b", 0);
	return 0;
}

/* A datagram that has to leave the link. */
static void
send_far(int s)
{
	struct sockaddr_storage ss;
	socklen_t len = net_addr(&ss, "2001:db8::1", 9);

	lwip_sendto(s, "x", 1, 0, (void *)&ss, len);
}

static bool
asks_for(const struct frame *f, const void *arg)
{
	uint8_t ip[16];

	ip6(ip, arg);
	return is_type(f, &ns) && f->len >= 78 &&
	    memcmp(f->b + 62, ip, 16) == 0;
}

/* One that does not answer is given up where there is another. */
static int
router_dies(void *arg)
{
	const unsigned udp = P_UDP;
	struct frame f;
	int s;

	(void)arg;
	set_up(NULL);
	say_prefix("fd00:1::", LONG, LONG);
	wait_for(defaults, ROUTER, 1);
	say("fe80::b", 0, LONG, NULL, 0);
	s = lwip_msocket(shmif_stack(unit), AF_INET6, SOCK_DGRAM, 0);
	send_far(s);
	MUST(expect(&f, asks_for, ROUTER, PATIENCE_MS));
	do
		send_far(s);
	while (!expect(&f, asks_for, "fe80::b", 100));
	MUST(defaults("fe80::b") == 1 && defaults(ROUTER) == 0);
	advertise("fe80::b", 0xa0);
	send_far(s);
	MUST(expect(&f, is_proto, &udp, PATIENCE_MS));
	/* Without another one the last stays. */
	say("fe80::b", 0, 0, NULL, 0);
	wait_for(defaults, ROUTER, 1);
	return 0;
}

static bool
is_ours(const struct frame *f, const void *arg)
{
	(void)arg;
	return memcmp(f->b, our_mac, 6) == 0;
}

/* What a router for IPv6 does not get: IPv4. */
static int
other_family(void *arg)
{
	struct sockaddr_storage ss;
	socklen_t len = net_addr(&ss, "192.0.2.1", 9);
	struct frame f;
	int s;

	(void)arg;
	set_up("10.5.0.1/24");
	say_prefix("fd00:1::", LONG, LONG);
	wait_for(defaults, ROUTER, 1);
	s = lwip_msocket(shmif_stack(unit), AF_INET, SOCK_DGRAM, 0);
	MUST(lwip_sendto(s, "x", 1, 0, (void *)&ss, len) == -1 &&
	    errno == ENETUNREACH);
	MUST(!expect(&f, is_ours, NULL, SILENCE_MS));
	return 0;
}

/* ---- another link ------------------------------------------------------- */

/* What the routers of the new link do not name goes; not before they speak. */
static int
moves(void *arg)
{
	struct shmbus_options o = { .flags = SHMBUS_CREATE };
	const char *other = net_bus();
	struct frame f;

	(void)arg;
	set_up(NULL);
	say_prefix("fd00:1::", LONG, LONG);
	wait_for(defaults, ROUTER, 1);
	shmbus_detach(bus);
	memcpy(o.mac, our_mac, 6);
	MUST(shmbus_attach(other, &o, &bus) == 0);
	MUST(shmif_linkstr(unit, other) == 0);
	MUST(expect(&f, is_type, &rs, PATIENCE_MS));
	MUST(is_right(&f));
	MUST(addresses("fd00:1:") == 1 && defaults(ROUTER) == 1);
	{
		const struct prefix p = { "fd00:2::", 64, ON_LINK | AUTO, LONG,
			LONG };

		say("fe80::b", 0, LONG, &p, 1);
	}
	wait_for(addresses, "fd00:2:", 1);
	wait_for(addresses, "fd00:1:", 0);
	wait_for(defaults, "fe80::b", 1);
	MUST(defaults(ROUTER) == 0 && routes("fd00:1::") == 0);
	return 0;
}

/* ---- floods ------------------------------------------------------------- */

static unsigned
all_routes(const char *any)
{
	(void)any;
	return count("\"op\":\"routes\"", "\"dst\":");
}

/* Whoever invents prefixes and routers takes no more than 16 addresses. */
static int
flood(void *arg)
{
	char net[60], router[60];
	struct prefix p = { net, 64, ON_LINK | AUTO, 86400, 86400 };
	unsigned i;

	(void)arg;
	set_up(NULL);
	say_prefix("fd00:1::", LONG, LONG);
	wait_for(defaults, ROUTER, 1);
	for (i = 1; i <= 3000; i++) {
		snprintf(net, sizeof(net), "fd01:%x::", i);
		snprintf(router, sizeof(router), "fe80::1:%x", i);
		say(router, 0, 1800, &p, 1);
		if (i % 50 == 0)
			usleep(1000);
	}
	/* What was there before stays, is renewed, and ends. */
	say_prefix("fd00:1::", LONG, LONG);
	usleep(1500000);
	MUST(addresses("fd00:1:") == 1 && defaults(ROUTER) == 1);
	MUST(addresses("fd0") == 16);
	MUST(all_routes(NULL) < 16 + 10);
	say(ROUTER, 0, 0, NULL, 0);
	wait_for(defaults, ROUTER, 0);
	MUST(count("\"op\":\"routes\"", "\"dst\":\"::\"") == 1);
	/* And goes with the link. */
	MUST(shmif_down(unit) == 0 && addresses("fd0") == 0);
	MUST(all_routes(NULL) < 10);
	return 0;
}

/* Timers that an advertisement sets cannot stop or drive anything. */
static int
timers(void *arg)
{
	static const uint32_t values[] = { 1, UINT32_MAX, 0x7fffffff };
	struct sockaddr_storage ss;
	socklen_t len = net_addr(&ss, "fd00:1::5", 9);
	struct frame f;
	unsigned i, n;
	int64_t end;
	int s;

	(void)arg;
	set_up(NULL);
	say_prefix("fd00:1::", LONG, LONG);
	wait_for(addresses, "fd00:1:", 1);
	s = lwip_msocket(shmif_stack(unit), AF_INET6, SOCK_DGRAM, 0);
	for (i = 0; i < 3; i++) {
		advert(&f, ROUTER, 0, LONG, NULL, 0);
		put32(f.b + 62, values[i]);
		put32(f.b + 66, values[i]);
		seal(&f);
		send_frame(&f);
		MUST(lwip_sendto(s, "x", 1, 0, (void *)&ss, len) == 1);
		MUST(expect(&f, asks_for, "fd00:1::5", PATIENCE_MS));
		MUST(expect(&f, asks_for, "fd00:1::5", PATIENCE_MS));
		end = now_ms() + 4000;
		for (n = 0; now_ms() < end;)
			n += expect(&f, asks_for, "fd00:1::5", 100);
		MUST(n <= 2);
	}
	return 0;
}

/* ------------------------------------------------------------------------- */

static void
alone(int (*fn)(void *))
{
	assert_int_equal(net_wait(net_child(fn, NULL)), 0);
}

#define TEST(fn) \
	static void test_##fn(void **state) \
	{ \
		(void)state; \
		alone(fn); \
	}
TEST(solicits)
TEST(prefixes)
TEST(lifetimes)
TEST(deprecated)
TEST(router_goes)
TEST(router_dies)
TEST(other_family)
TEST(moves)
TEST(flood)
TEST(timers)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_solicits),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_lifetimes),
		cmocka_unit_test(test_deprecated),
		cmocka_unit_test(test_router_goes),
		cmocka_unit_test(test_router_dies),
		cmocka_unit_test(test_other_family),
		cmocka_unit_test(test_moves),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_timers),
	};
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	net_bus(); /* before a child makes a folder of its own */
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	net_bus_remove();
	return failed;
}
