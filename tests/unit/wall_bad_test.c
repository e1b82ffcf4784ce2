/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wall_bad_test.c - what the wall drops, and why
 *
 * DOC: "Bad" frames are good ones with a few bytes changed, or cut short, each
 * with the reason it has to fall for; there is one at least for every reason.
 * A frame lies in a block of exactly its size, for AddressSanitizer, and none
 * of its bytes may change.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "stack/lwipv6/wall/wall.h"
#include "tests/lib/wallframes.h"

/* clang-format off */
#define KEEP 1 /* the checksums as they are */
static const struct bad {
	enum wall_reason want;
	int base;
	struct {
		uint16_t at; /* 0: no more */
		uint8_t v;
	} p[7];
	int cut;	/* the frame's new length; 0: as it is */
	int flags;
} bads[] = {
	{ WALL_SHORT, UNKNOWN, { { 0 } }, 13, 0 },
	{ WALL_SHORT, SYN4, { { 0 } }, 1, 0 },
	{ WALL_LONG, VLAN, { { 0 } }, 1519, 0 },
	{ WALL_LONG, DATA4, { { 16, 5 }, { 17, 0xdd } }, 1515, 0 },
	{ WALL_LONG, DATA6, { { 18, 5 }, { 19, 0xb5 } }, 1515, 0 },
	{ WALL_SOURCE_GROUP, DATA4, { { 6, 3 } }, 0, 0 },
	{ WALL_SOURCE_GROUP, ARP_REQUEST, { { 6, 0xff } }, 0, 0 },
	{ WALL_ARP_LENGTH, ARP_REQUEST, { { 0 } }, 41, 0 },
	{ WALL_ARP_LENGTH, ARP_REQUEST, { { 0 } }, 14, 0 },
	{ WALL_ARP_FORMAT, ARP_REQUEST, { { 15, 6 } }, 0, 0 },
	{ WALL_ARP_FORMAT, ARP_REQUEST, { { 16, 0x86 }, { 17, 0xdd } }, 0, 0 },
	{ WALL_ARP_FORMAT, ARP_REQUEST, { { 18, 8 } }, 0, 0 },
	{ WALL_ARP_FORMAT, ARP_REPLY, { { 19, 16 } }, 0, 0 },
	{ WALL_ARP_OPCODE, ARP_REQUEST, { { 21, 3 } }, 0, 0 },
	{ WALL_ARP_OPCODE, ARP_REPLY, { { 20, 1 } }, 0, 0 },
	{ WALL_ARP_SENDER, ARP_REPLY, { { 22, 0xff } }, 0, 0 },
	{ WALL_ARP_SENDER, ARP_REPLY, { { 28, 224 } }, 0, 0 },
	{ WALL_ARP_SENDER, ARP_REPLY, { { 28, 127 } }, 0, 0 },
	{ WALL_ARP_SENDER, ARP_REPLY, { { 28, 255 }, { 29, 255 }, { 30, 255 },
	    { 31, 255 } }, 0, 0 },
	/* IPv4 */
	{ WALL_IP4_HEADER, UDP4, { { 14, 0x65 } }, 0, 0 },
	{ WALL_IP4_HEADER, UDP4, { { 14, 0x44 } }, 0, 0 },
	{ WALL_IP4_HEADER, UDP4, { { 14, 0x40 } }, 0, 0 },
	{ WALL_IP4_HEADER, UDP4, { { 0 } }, 33, 0 },
	{ WALL_IP4_HEADER, UDP4, { { 0 } }, 14, 0 },
	{ WALL_IP4_LENGTH, UDP4, { { 16, 0 }, { 17, 19 } }, 0, 0 },
	{ WALL_IP4_LENGTH, UDP4, { { 14, 0x4f }, { 16, 0 }, { 17, 59 } }, 0, 0 },
	{ WALL_IP4_LENGTH, UDP4, { { 16, 0 }, { 17, 0 } }, 0, 0 },
	{ WALL_IP4_LENGTH, UDP4, { { 16, 0xff } }, 0, 0 },
	{ WALL_IP4_LENGTH, FRAG4_LAST, { { 0 } }, 100, 0 },
	{ WALL_IP4_OPTION, ECHO4_OPT, { { 35, 0 } }, 0, 0 },
	{ WALL_IP4_OPTION, ECHO4_OPT, { { 35, 1 } }, 0, 0 },
	{ WALL_IP4_OPTION, ECHO4_OPT, { { 35, 5 } }, 0, 0 },
	{ WALL_IP4_OPTION, ECHO4_OPT, { { 34, 1 }, { 35, 1 }, { 36, 1 },
	    { 37, 7 } }, 0, 0 },
	{ WALL_IP4_SOURCE, DATA4, { { 26, 127 } }, 0, 0 },
	{ WALL_IP4_SOURCE, UDP4, { { 26, 224 } }, 0, 0 },
	{ WALL_IP4_SOURCE, UDP4, { { 26, 0 } }, 0, 0 },
	{ WALL_IP4_SOURCE, ECHO4, { { 26, 255 }, { 27, 255 }, { 28, 255 },
	    { 29, 255 } }, 0, 0 },
	{ WALL_IP4_SOURCE, ECHO4, { { 26, 0 }, { 27, 0 }, { 28, 0 },
	    { 29, 0 } }, 0, 0 },
	{ WALL_IP4_DEST, UDP4, { { 30, 127 } }, 0, 0 },
	{ WALL_IP4_DEST, UDP4, { { 30, 0 } }, 0, 0 },
	{ WALL_IP4_GROUP, UDP4, { { 30, 239 } }, 0, 0 },
	{ WALL_IP4_GROUP, ECHO4, { { 30, 239 } }, 0, 2 },
	{ WALL_IP4_GROUP, DATA4, { { 30, 239 } }, 0, 2 },
	{ WALL_IP4_GROUP, GROUP4, { { 26, 0 }, { 27, 0 }, { 28, 0 },
	    { 29, 0 } }, 0, 0 },
	{ WALL_IP4_GROUP, OFFER, { { 23, 1 } }, 0, 0 },
	{ WALL_LAND, DATA4, { { 29, 1 } }, 0, 0 },
	{ WALL_FRAG_LENGTH, FRAG4_FIRST, { { 16, 5 }, { 17, 0xd7 } }, 0, 0 },
	{ WALL_FRAG_LENGTH, FRAG4_LAST, { { 16, 0 }, { 17, 20 } }, 0, 0 },
	{ WALL_FRAG_LENGTH, FRAG4_LAST, { { 20, 0x20 } }, 0, 0 },
	{ WALL_FRAG_END, FRAG4_LAST, { { 20, 0x1f }, { 21, 0xff } }, 0, 0 },
	{ WALL_PROTO_SHORT, RAW4, { { 17, 27 } }, 0, 0 },
	{ WALL_PROTO_GROUP, RAW4, { { 0, 0 }, }, 0, 2 },
	/* TCP */
	{ WALL_TCP_HEADER, DATA4, { { 46, 0x40 } }, 0, 0 },
	{ WALL_TCP_HEADER, DATA4, { { 46, 0x00 } }, 0, 0 },
	{ WALL_TCP_HEADER, ACK4_PADDED, { { 46, 0x60 } }, 0, 0 },
	{ WALL_TCP_HEADER, ACK4_PADDED, { { 17, 39 } }, 0, 0 },
	{ WALL_TCP_HEADER, SYN4, { { 46, 0xf0 } }, 0, 0 },
	{ WALL_TCP_HEADER, DATA6, { { 66, 0x40 } }, 0, 0 },
	{ WALL_TCP_GROUP, DATA4, { { 0, 0 } }, 0, 2 },
	{ WALL_TCP_GROUP, DATA6, { { 38, 0xff }, { 39, 2 } }, 0, 0 },
	{ WALL_TCP_FLAGS, SYN4, { { 47, 3 } }, 0, 0 },
	{ WALL_TCP_FLAGS, SYN6, { { 67, 6 } }, 0, 0 },
	{ WALL_TCP_OPTION, SYN4, { { 54, 1 }, { 55, 8 }, { 56, 255 } }, 0, 0 },
	{ WALL_TCP_OPTION, SYN4, { { 54, 8 }, { 55, 0 } }, 0, 0 },
	{ WALL_TCP_OPTION, SYN4, { { 54, 8 }, { 55, 1 } }, 0, 0 },
	{ WALL_TCP_OPTION, SYN4, { { 54, 8 }, { 55, 21 } }, 0, 0 },
	{ WALL_TCP_OPTION, SYN4, { { 55, 3 } }, 0, 0 },
	{ WALL_TCP_OPTION, SYN4, { { 71, 1 }, { 72, 1 }, { 73, 8 } }, 0, 0 },
	{ WALL_TCP_OPTION, SYN6_ODD, { { 81, 8 } }, 0, 0 },
	{ WALL_TCP_OPTION, SYN4, { { 60, 2 }, { 61, 4 }, { 64, 1 }, { 65, 1 },
	    { 66, 1 }, { 67, 1 }, { 68, 0 } }, 0, 0 },
	{ WALL_TCP_MSS, SYN4, { { 56, 0 }, { 57, 0 } }, 0, 0 },
	{ WALL_TCP_MSS, SYN6, { { 76, 0 }, { 77, 27 } }, 0, 0 },
	{ WALL_TCP_NO_MSS, SYN4_SMALL, { { 54, 1 }, { 55, 1 }, { 56, 1 },
	    { 57, 1 } }, 0, 0 },
	{ WALL_TCP_NO_MSS, SYN4, { { 54, 0 } }, 0, 0 },
	{ WALL_TCP_NO_MSS, DATA4, { { 47, 0x12 } }, 0, 0 },
	{ WALL_TCP_NO_MSS, DATA6, { { 67, 0x02 } }, 0, 0 },
	/* UDP, ICMP */
	{ WALL_UDP_LENGTH, UDP4_0, { { 17, 27 } }, 0, 0 },
	{ WALL_UDP_LENGTH, UDP4, { { 38, 0 }, { 39, 7 } }, 0, 0 },
	{ WALL_UDP_LENGTH, UDP4, { { 38, 9 } }, 0, 0 },
	{ WALL_UDP_LENGTH, UDP4, { { 38, 0 } }, 0, 0 },
	{ WALL_UDP_LENGTH, UDP6, { { 59, 26 } }, 0, 0 },
	{ WALL_UDP_LENGTH, UDP6, { { 19, 7 } }, 0, 0 },
	{ WALL_UDP_CHECKSUM, UDP6, { { 60, 0 }, { 61, 0 } }, 0, KEEP },
	{ WALL_UDP_DHCP, UDP4_0, { { 36, 0 }, { 37, 68 } }, 0, 0 },
	{ WALL_ICMP_LENGTH, ECHO4, { { 17, 27 } }, 0, 0 },
	{ WALL_ICMP_LENGTH, ECHO4, { { 17, 20 } }, 0, 0 },
	{ WALL_ICMP_LENGTH, UNREACH4, { { 17, 55 } }, 0, 0 },
	{ WALL_ICMP_LENGTH, UNREACH4, { { 42, 0x4f } }, 0, 0 },
	{ WALL_ICMP_LENGTH, UNREACH4, { { 42, 0x44 } }, 0, 0 },
	{ WALL_ICMP_LENGTH, UNREACH4, { { 42, 0x65 } }, 0, 0 },
	/* IPv6 */
	{ WALL_IP6_HEADER, DATA6, { { 14, 0x45 } }, 0, 0 },
	{ WALL_IP6_HEADER, DATA6, { { 0 } }, 53, 0 },
	{ WALL_IP6_LENGTH, UDP6, { { 19, 0 } }, 0, 0 },
	{ WALL_IP6_LENGTH, UDP6, { { 19, 26 } }, 0, 0 },
	{ WALL_IP6_LENGTH, UDP6, { { 0 } }, 54, 0 },
	{ WALL_IP6_SOURCE, UDP6, { { 22, 0xff } }, 0, 0 },
	{ WALL_IP6_DEST, UDP6, { { 38, 0xff }, { 39, 1 } }, 0, 0 },
	{ WALL_IP6_DEST, NS, { { 39, 0x10 } }, 0, 0 },
	{ WALL_IP6_UNICAST, NS, { { 38, 0xfd } }, 0, 0 },
	{ WALL_LAND, DATA6, { { 37, 1 } }, 0, 0 },
	/* without data, whole or behind another header */
	{ WALL_IP6_FRAGMENT, DATA6, { { 20, 44 }, { 54, 17 }, { 18, 0 }, { 19, 8 } },
	    0, 0 },
	{ WALL_IP6_EXTENSION, DEST6, { { 55, 9 } }, 0, 0 },
	{ WALL_IP6_EXTENSION, NONE6, { { 20, 60 } }, 0, 0 },
	{ WALL_PROTO_SHORT, NONE6, { { 20, 200 } }, 0, 0 },
	{ WALL_PROTO_GROUP, MLD, { { 20, 89 } }, 0, 0 },
	{ WALL_ICMP6_LENGTH, ECHO6, { { 18, 0 }, { 19, 7 } }, 0, 0 },
	{ WALL_ICMP6_CHECKSUM, ECHO6, { { 100, 0xaa } }, 0, KEEP },
	{ WALL_ICMP6_CHECKSUM, RA, { { 56, 0xaa } }, 0, KEEP },
	{ WALL_ICMP6_LENGTH, TOOBIG, { { 19, 47 } }, 0, 0 },
	{ WALL_ICMP6_LENGTH, TOOBIG, { { 62, 0x40 } }, 0, 0 },
	{ WALL_ICMP6_MTU, TOOBIG, { { 60, 4 }, { 61, 0xff } }, 0, 0 },
	/* neighbour discovery */
	{ WALL_ND_HOPS, NS, { { 21, 254 } }, 0, 0 },
	{ WALL_ND_HOPS, NA, { { 21, 64 } }, 0, 0 },
	{ WALL_ND_HOPS, RA, { { 21, 1 } }, 0, 0 },
	{ WALL_ND_HOPS, RS, { { 21, 254 } }, 0, 0 },
	{ WALL_ND_HOPS, REDIRECT, { { 21, 254 } }, 0, 0 },
	{ WALL_ND_CODE, NS, { { 55, 1 } }, 0, 0 },
	{ WALL_ND_CODE, RA, { { 55, 1 } }, 0, 0 },
	{ WALL_ICMP6_LENGTH, NS_UNICAST, { { 19, 23 } }, 0, 0 },
	{ WALL_ICMP6_LENGTH, NA, { { 19, 20 } }, 0, 0 },
	{ WALL_ICMP6_LENGTH, RA, { { 19, 15 } }, 0, 0 },
	{ WALL_ICMP6_LENGTH, REDIRECT, { { 19, 39 } }, 0, 0 },
	{ WALL_ND_OPTION, RA, { { 71, 0 } }, 0, 0 },
	{ WALL_ND_OPTION, RA, { { 70, 9 }, { 71, 7 } }, 0, 0 },
	{ WALL_ND_OPTION, RA, { { 19, 22 } }, 0, 0 },
	{ WALL_ND_OPTION, RA, { { 87, 3 } }, 0, 0 },
	{ WALL_ND_OPTION, RA, { { 79, 2 } }, 0, 0 },
	{ WALL_ND_OPTION, NS_UNICAST, { { 79, 0 } }, 0, 0 },
	{ WALL_ND_OPTION, NS_UNICAST, { { 79, 2 } }, 0, 0 },
	{ WALL_ND_OPTION, NS_UNICAST, { { 19, 31 } }, 0, 0 },
	{ WALL_ND_OPTION, NA, { { 79, 255 } }, 0, 0 },
	{ WALL_ND_OPTION, RS, { { 63, 0 } }, 0, 0 },
	{ WALL_RA_PREFIX, RA, { { 88, 129 } }, 0, 0 },
	{ WALL_RA_PREFIX, RA, { { 88, 255 }, { 89, 0 } }, 0, 0 },
	{ WALL_RA_PREFIX, RA, { { 88, 128 } }, 0, 0 },
	{ WALL_RA_PREFIX, RA, { { 102, 0xff } }, 0, 0 },
	{ WALL_RA_PREFIX, RA, { { 102, 0xfe }, { 103, 0x80 } }, 0, 0 },
	{ WALL_ND_ADDRESS, RA, { { 22, 0xfd } }, 0, 0 },
	{ WALL_ND_ADDRESS, REDIRECT, { { 22, 0xfd } }, 0, 0 },
	{ WALL_ND_ADDRESS, REDIRECT, { { 78, 0xff } }, 0, 0 },
	{ WALL_ND_ADDRESS, NS, { { 62, 0xff } }, 0, 0 },
	{ WALL_ND_ADDRESS, NA, { { 62, 0xff } }, 0, 0 },
	{ WALL_ND_ADDRESS, RS_UNSPEC, { { 62, 1 }, { 63, 1 } }, 70, 4 },
	{ WALL_ND_LINK, NS, { { 78, 14 } }, 0, 0 },
	{ WALL_ND_LINK, NS_UNICAST, { { 80, 3 } }, 0, 0 },
	{ WALL_ND_LINK, NA, { { 80, 0xff } }, 0, 0 },
	{ WALL_ND_FLAGS, NA, { { 38, 0xff }, { 39, 2 } }, 0, 0 },
};
/* clang-format on */

static void
test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof bads / sizeof bads[0]; i++) {
		const struct bad *t = &bads[i];
		struct pkt p;
		struct wall_result r;
		const char *name = good(t->base, &p);
		uint8_t *b;

		if (t->cut) {
			while ((int)p.n < t->cut)
				p.b[p.n++] = 0;
			p.n = (size_t)t->cut;
		}
		if (t->flags & 4) /* an IPv6 payload as long as the frame */
			set16(p.b + 18, (unsigned)p.n - 54);
		for (int j = 0; j < 7 && t->p[j].at; j++)
			p.b[t->p[j].at] = t->p[j].v;
		if (t->flags & 2)
			memset(p.b, 0xff, 6);
		if (!(t->flags & KEEP))
			fix(&p);
		b = exact(&p);
		wall_check(b, p.n, MTU, &r);
		if (r.reason != t->want || r.verdict != WALL_DROP)
			fail_msg("bad %zu, of %s: %s, not %s", i, name,
			    wall_reason_text(r.reason),
			    wall_reason_text(t->want));
		if (memcmp(b, p.b, p.n) != 0)
			fail_msg("bad %zu, of %s: changed", i, name);
		free(b);
	}
}

/* every reason has to be the want of something */
static void
test_all_reasons(void **state)
{
	(void)state;
	for (int w = WALL_OK + 1; w < WALL_NS_PLAIN; w++) {
		size_t i = 0;

		while (
		    i < sizeof bads / sizeof bads[0] && (int)bads[i].want != w)
			i++;
		if (i == sizeof bads / sizeof bads[0])
			fail_msg("no test for: %s",
			    wall_reason_text((enum wall_reason)w));
	}
}

/* the addresses that need more bytes than the table has */
static void
test_addresses6(void **state)
{
	static const struct {
		enum wall_reason want;
		const char *s, *d;
	} t[] = {
		{ WALL_OK, GU2, GU1 },
		{ WALL_OK, GU2, NODES },
		{ WALL_IP6_SOURCE, UNSPEC, GU1 },
		{ WALL_IP6_SOURCE, "0000 0000 0000 0000 0000 0000 0000 0001",
		    GU1 },
		{ WALL_IP6_SOURCE, "0000 0000 0000 0000 0000 ffff 0a00 0002",
		    GU1 },
		{ WALL_IP6_DEST, GU2, UNSPEC },
		{ WALL_IP6_DEST, GU2,
		    "0000 0000 0000 0000 0000 0000 0000 0001" },
		{ WALL_IP6_DEST, GU2,
		    "0000 0000 0000 0000 0000 ffff 0a00 0001" },
	};
	struct pkt p;
	struct wall_result r;
	(void)state;

	for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
		p.n = 0;
		hex(&p, V6("11", "40"));
		hex(&p, t[i].s);
		hex(&p, t[i].d);
		hex(&p, "1234 5678 0000 0000");
		done(&p);
		wall_check(p.b, p.n, MTU, &r);
		assert_string_equal(wall_reason_text(r.reason),
		    wall_reason_text(t[i].want));
	}
	/* a solicitation's target that the stack takes for an IPv4 address */
	good(NS_UNICAST, &p);
	memset(p.b + 62, 0, 16);
	memset(p.b + 72, 0xff, 2);
	p.b[74] = 10;
	fix(&p);
	wall_check(p.b, p.n, MTU, &r);
	assert_int_equal(r.reason, WALL_ND_ADDRESS);
	/* a probe for duplicates must go to the target's group... */
	p.n = 0;
	hex(&p,
	    "333300000001" YOU "86dd 60000000 0000 3aff" UNSPEC NODES
	    "8700 0000 00000000" LL1);
	done(&p);
	wall_check(p.b, p.n, MTU, &r);
	assert_int_equal(r.reason, WALL_ND_ADDRESS);
	/* ... and must not have the option */
	p.n = 0;
	hex(&p,
	    "3333ff000001" YOU "86dd 60000000 0000 3aff" UNSPEC SOLICITED
	    "8700 0000 00000000" LL1 "0101" YOU);
	done(&p);
	wall_check(p.b, p.n, MTU, &r);
	assert_int_equal(r.reason, WALL_ND_LINK);
}

/* a chain of extension headers has an end */
static void
test_chain(void **state)
{
	struct pkt p;
	struct wall_result r;
	(void)state;

	for (int n = 1; n <= 12; n++) {
		p.n = 0;
		hex(&p, V6("3c", "40") GU2 GU1);
		for (int i = 1; i < n; i++)
			hex(&p, "3c00 0104 00000000");
		hex(&p, "3b00 0104 00000000");
		done(&p);
		wall_check(p.b, p.n, MTU, &r);
		assert_int_equal(r.reason,
		    n <= (int)WALL_HEADERS_MAX ? WALL_OK : WALL_IP6_EXTENSION);
	}
}

/* every good frame, cut to every length, in a block of that length */
static void
test_cut(void **state)
{
	(void)state;
	for (int i = 0; i < NGOOD; i++) {
		struct pkt p;
		size_t n;

		good(i, &p);
		n = p.n;
		for (p.n = 0; p.n < n; p.n++) {
			struct wall_result r;
			uint8_t *b = exact(&p);

			wall_check(b, p.n, MTU, &r);
			assert_true(r.len <= p.n);
			/* IP knows how long it is; what was padding may go */
			if (i != UNKNOWN && i != VLAN && i != ARP_REPLY &&
			    i != ACK4_PADDED)
				assert_int_not_equal(r.verdict, WALL_PASS);
			free(b);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_all_reasons),
		cmocka_unit_test(test_addresses6),
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_cut),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
