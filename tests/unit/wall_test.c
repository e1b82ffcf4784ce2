/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wall_test.c - what the wall passes, what it drops and why
 *
 * DOC: Frames are built here from scratch, with checksums computed in full,
 * never with the wall's own arithmetic.  "Good" ones must pass, unchanged but
 * for the clamped MSS.  "Bad" ones are good ones with a few bytes changed, or
 * cut short, each with the reason it has to fall for.  The mutator then makes
 * random changes to good ones and checks what must hold of every frame: that
 * nothing outside the frame is read (it lies in a block of exactly its size,
 * for AddressSanitizer) or written (it lies between guards), that nothing but
 * an MSS option is altered, that the verdict is the same the second time, and
 * that what passes cannot make a trusting parser of options run on.
 *
 * WALL_SEED=n repeats a run, WALL_ROUNDS=n changes its length.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "wall.h"

#define MTU 1500u

struct pkt {
	size_t n;
	uint8_t b[2048];
};

/* ---- building ---------------------------------------------------------- */

static unsigned
get16(const uint8_t *p)
{
	return (unsigned)(p[0] << 8 | p[1]);
}

static void
set16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* RFC 1071, byte by byte */
static unsigned
sum(const uint8_t *p, size_t n, unsigned s)
{
	for (size_t i = 0; i < n; i++)
		s += i & 1 ? p[i] : (unsigned)p[i] << 8;
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return s;
}

/*
 * The transport header of frame P: its offset in *AT, its length in *N, and
 * the sum of its pseudo header.  Returns the protocol, or -1.
 */
static int
transport(const struct pkt *p, size_t *at, size_t *n, unsigned *pseudo)
{
	const uint8_t *ip = p->b + 14;

	if (p->n >= 34 && get16(p->b + 12) == 0x0800 && ip[0] >> 4 == 4) {
		*at = 14 + (size_t)(ip[0] & 15) * 4;
		*n = 14 + get16(ip + 2);
		if (*n > p->n || *n < *at || (get16(ip + 6) & 0x3fff))
			return -1;
		*n -= *at;
		*pseudo = sum(ip + 12, 8, ip[9] + (unsigned)*n);
		return ip[9];
	}
	if (p->n >= 54 && get16(p->b + 12) == 0x86dd) {
		*at = 54;
		*n = get16(ip + 4);
		if (*n + 54 > p->n)
			return -1;
		*pseudo = sum(ip + 8, 32, ip[6] + (unsigned)*n);
		return ip[6];
	}
	return -1;
}

/* where the checksum of protocol PROTO stands in its header; 0: it has none */
static size_t
csum_at(int proto)
{
	return proto == 6 ? 16 : proto == 17 ? 6 : proto == 58 ? 2 : 0;
}

/* whether the transport checksum of P is right */
static int
csum_good(const struct pkt *p)
{
	size_t at, n;
	unsigned s = 0;
	int proto = transport(p, &at, &n, &s);

	return proto >= 0 && sum(p->b + at, n, s) == 0xffff;
}

/* computes all checksums of P that its lengths allow */
static void
fix(struct pkt *p)
{
	size_t at = 0, n = 0, c;
	unsigned s = 0;
	int proto = transport(p, &at, &n, &s);

	if (proto == 1) {
		c = 2;
		s = 0;
	} else
		c = csum_at(proto);
	if (proto >= 0 && c && n >= c + 2) {
		set16(p->b + at + c, 0);
		set16(p->b + at + c, ~sum(p->b + at, n, s) & 0xffff);
		if (proto == 17 && get16(p->b + at + c) == 0)
			set16(p->b + at + c, 0xffff);
	}
	if (p->n >= 34 && get16(p->b + 12) == 0x0800) {
		size_t ihl = (size_t)(p->b[14] & 15) * 4;

		if (14 + ihl <= p->n && ihl >= 20) {
			set16(p->b + 24, 0);
			set16(p->b + 24, ~sum(p->b + 14, ihl, 0) & 0xffff);
		}
	}
}

static void
hex(struct pkt *p, const char *s)
{
	unsigned v;

	for (; *s; s += 2) {
		while (*s == ' ')
			s++;
		if (!*s)
			break;
		assert_int_equal(sscanf(s, "%2x", &v), 1);
		p->b[p->n++] = (uint8_t)v;
	}
}

static void
fill(struct pkt *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p->b[p->n++] = (uint8_t)(i * 7 + 1);
}

/* clang-format off */
#define ME "02 00 00 00 00 01 "
#define YOU "02 00 00 00 00 02 "
#define ALL "ff ff ff ff ff ff "
#define LL1 "fe80 0000 0000 0000 0000 00ff fe00 0001 "
#define LL2 "fe80 0000 0000 0000 0000 00ff fe00 0002 "
#define GU1 "fd00 0000 0000 0000 0000 00ff fe00 0001 "
#define GU2 "fd00 0000 0000 0000 0000 00ff fe00 0002 "
#define UNSPEC "0000 0000 0000 0000 0000 0000 0000 0000 "
#define SOLICITED "ff02 0000 0000 0000 0000 0001 ff00 0001 "
#define NODES "ff02 0000 0000 0000 0000 0000 0000 0001 "
#define ROUTERS "ff02 0000 0000 0000 0000 0000 0000 0002 "

/* finishes an IP packet: lengths from what is there, then the checksums */
static void
done(struct pkt *p)
{
	if (get16(p->b + 12) == 0x0800) {
		set16(p->b + 16, (unsigned)p->n - 14);
		if (p->b[23] == 17 && !(get16(p->b + 20) & 0x3fff))
			set16(p->b + 38, (unsigned)p->n - 34);
	} else {
		set16(p->b + 18, (unsigned)p->n - 54);
		if (p->b[20] == 17)
			set16(p->b + 58, (unsigned)p->n - 54);
	}
	fix(p);
}

#define V4(proto) ME YOU "0800 4500 0000 1234 4000 40" proto "0000" \
	"0a000002 0a000001"
#define V6(next, hops) ME YOU "86dd 60000000 0000" next hops
#define TCPH(doffflags) "c000 0050 00000001 00000002" doffflags "8000 0000 0000"
#define SYNOPT "0204 ffff 0402 080a 11223344 00000000 01 030307"
#define ODDOPT "01 0204 2328 010101" /* the MSS on an odd byte */

enum {
	ARP_REQUEST, ARP_REPLY, ARP_PROBE, SYN4, SYN4_ODD, SYN4_SMALL, SYNACK4,
	DATA4, DATA4_TS, ACK4_PADDED, UDP4, UDP4_0, ECHO4, ECHO4_OPT, UNREACH4,
	DISCOVER, OFFER, IGMP4, FRAG4_FIRST, FRAG4_LAST, RAW4, SYN6, SYN6_ODD,
	DATA6, UDP6, ECHO6, NS, NS_UNICAST, NS_EXTRA, NA, NA_LWIP, RA, RS,
	RS_UNSPEC, REDIRECT, MLD, MLD_UNSPEC, TOOBIG, DEST6, NONE6, UNKNOWN,
	VLAN, NGOOD
};

/* builds good frame WHICH; returns its name */
static const char *
good(int which, struct pkt *p)
{
	p->n = 0;
#define G(x, how) case x: how; return #x
	switch (which) {
	G(ARP_REQUEST, hex(p, ALL YOU "0806 0001 0800 0604 0001" YOU "0a000002"
	    "000000000000 0a000001"));
	G(ARP_REPLY, hex(p, ME YOU "0806 0001 0800 0604 0002" YOU "0a000002"
	    ME "0a000001"); fill(p, 18));
	G(ARP_PROBE, hex(p, ALL YOU "0806 0001 0800 0604 0001" YOU "00000000"
	    "000000000000 0a000001"));
	G(SYN4, hex(p, V4("06") TCPH("a002") SYNOPT); done(p));
	G(SYN4_ODD, hex(p, V4("06") TCPH("7002") ODDOPT); done(p));
	G(SYN4_SMALL, hex(p, V4("06") TCPH("6002") "0204 0218"); done(p));
	G(SYNACK4, hex(p, V4("06") TCPH("a012") SYNOPT); done(p));
	G(DATA4, hex(p, V4("06") TCPH("5018")); fill(p, 1460); done(p));
	G(DATA4_TS, hex(p, V4("06") TCPH("8018") "01 01 080a 11223344 55667788");
	    fill(p, 1000); done(p));
	G(ACK4_PADDED, hex(p, V4("06") TCPH("5010")); done(p); fill(p, 6));
	G(UDP4, hex(p, V4("11") "1234 5678 0000 0000"); fill(p, 333); done(p));
	G(UDP4_0, hex(p, V4("11") "1234 5678 0000 0000"); done(p));
	G(ECHO4, hex(p, V4("01") "0800 0000 0001 0001"); fill(p, 56); done(p));
	G(ECHO4_OPT, hex(p, ME YOU "0800 4600 0000 1234 0000 4001 0000"
	    "0a000002 0a000001 94040000 0800 0000 0001 0001"); fill(p, 56);
	    done(p));
	G(UNREACH4, hex(p, V4("01") "0303 0000 0000 0000 4500 001c 0000 0000"
	    "4011 0000 0a000001 0a000002 1234 5678 0008 0000"); done(p));
	G(DISCOVER, hex(p, ALL YOU "0800 4500 0000 0000 0000 4011 0000"
	    "00000000 ffffffff 0044 0043 0000 0000"); fill(p, 248); done(p));
	G(OFFER, hex(p, ALL YOU "0800 4500 0000 0000 0000 4011 0000"
	    "0a0000fe ffffffff 0043 0044 0000 0000"); fill(p, 300); done(p));
	G(IGMP4, hex(p, V4("02") "1600 0000 e1020304"); done(p));
	G(FRAG4_FIRST, hex(p, ME YOU "0800 4500 0000 1234 2000 4011 0000"
	    "0a000002 0a000001 1234 5678 0bc8 0000"); fill(p, 1472); done(p));
	G(FRAG4_LAST, hex(p, ME YOU "0800 4500 0000 1234 00b9 4011 0000"
	    "0a000002 0a000001"); fill(p, 77); done(p));
	G(RAW4, hex(p, V4("fd")); fill(p, 8); done(p));
	G(SYN6, hex(p, V6("06", "40") GU2 GU1 TCPH("a002") SYNOPT); done(p));
	G(SYN6_ODD, hex(p, V6("06", "40") GU2 GU1 TCPH("7012") ODDOPT); done(p));
	G(DATA6, hex(p, V6("06", "40") GU2 GU1 TCPH("5018")); fill(p, 1440);
	    done(p));
	G(UDP6, hex(p, V6("11", "40") GU2 GU1 "1234 5678 0000 0000");
	    fill(p, 17); done(p));
	G(ECHO6, hex(p, V6("3a", "40") GU2 GU1 "8000 0000 0001 0001");
	    fill(p, 1000); done(p));
	G(NS, hex(p, "3333ff000001" YOU "86dd 60000000 0000 3aff" LL2 SOLICITED
	    "8700 0000 00000000" LL1 "0101" YOU); done(p));
	G(NS_UNICAST, hex(p, V6("3a", "ff") LL2 LL1 "8700 0000 00000000" LL1
	    "0101" YOU); done(p));
	G(NS_EXTRA, hex(p, V6("3a", "ff") LL2 LL1 "8700 0000 00000000" LL1
	    "0e01 112233445566 0101" YOU); done(p));
	G(NA, hex(p, V6("3a", "ff") LL2 LL1 "8800 0000 60000000" LL2 "0201" YOU);
	    done(p));
	G(NA_LWIP, hex(p, V6("3a", "ff") LL2 LL1 "8800 0000 07000000" LL2
	    "0201" YOU); done(p));
	G(RA, hex(p, "333300000001" YOU "86dd 60000000 0000 3aff" LL2 NODES
	    "8600 0000 40000708 00000000 00000000 0101" YOU
	    "0501 0000 000005dc 0304 40c0 00278d00 00093a80 00000000"
	    "fd00 0000 0000 0000 0000 0000 0000 0000"); done(p));
	G(RS, hex(p, "333300000002" YOU "86dd 60000000 0000 3aff" LL2 ROUTERS
	    "8500 0000 00000000 0101" YOU); done(p));
	G(RS_UNSPEC, hex(p, "333300000002" YOU "86dd 60000000 0000 3aff" UNSPEC
	    ROUTERS "8500 0000 00000000"); done(p));
	G(REDIRECT, hex(p, V6("3a", "ff") LL2 GU1 "8900 0000 00000000" LL1 GU2
	    "0201" YOU); done(p));
	G(MLD, hex(p, "333300000016" YOU "86dd 60000000 0000 0001" LL2
	    "ff02 0000 0000 0000 0000 0000 0000 0016 3a00 0502 0000 0100"
	    "8f00 0000 0000 0001 0400 0000" SOLICITED); done(p));
	G(MLD_UNSPEC, hex(p, "333300000016" YOU "86dd 60000000 0000 0001" UNSPEC
	    "ff02 0000 0000 0000 0000 0000 0000 0016 3a00 0502 0000 0100"
	    "8f00 0000 0000 0001 0400 0000" SOLICITED); done(p));
	G(TOOBIG, hex(p, V6("3a", "40") GU2 GU1 "0200 0000 00000500 60000000"
	    "0004 1140" GU1 GU2 "11223344"); done(p));
	G(DEST6, hex(p, V6("3c", "40") GU2 GU1 "2b00 0104 00000000"
	    "1101 0401 00000000 0000000000000000 1234 5678 0008 0000"); done(p));
	G(NONE6, hex(p, V6("3b", "40") GU2 GU1 "00"); done(p));
	G(UNKNOWN, hex(p, ME YOU "88cc"); fill(p, 46));
	G(VLAN, hex(p, ME YOU "8100 0001 0800"); fill(p, 1500));
	}
#undef G
	fail_msg("no good frame %d", which);
	return "";
}
/* clang-format on */

/* ---- the good ---------------------------------------------------------- */

/* a copy of P in a block of exactly its size */
static uint8_t *
exact(const struct pkt *p)
{
	uint8_t *b = malloc(p->n ? p->n : 1);

	assert_non_null(b);
	memcpy(b, p->b, p->n);
	return b;
}

static void
test_good(void **state)
{
	(void)state;
	for (int i = 0; i < NGOOD; i++) {
		struct pkt p, q;
		struct wall_result r;
		const char *name = good(i, &p);
		uint8_t *b = exact(&p);

		wall_check(b, p.n, MTU, &r);
		if (r.verdict != WALL_PASS)
			fail_msg("%s: %s", name, wall_reason_text(r.reason));
		assert_int_equal(r.reason, WALL_OK);
		assert_true(r.len <= p.n && r.len >= 14);
		q = p;
		if (r.mss_is) {
			/* all six: the option moved down, nothing else */
			size_t at = i == SYN4 || i == SYNACK4 ? 56 :
			    i == SYN4_ODD		      ? 57 :
			    i == SYN6			      ? 76 :
								77;
			unsigned want = get16(p.b + 12) == 0x0800 ? MTU - 40 :
								    MTU - 60;

			assert_int_equal(r.mss_was, get16(p.b + at));
			assert_int_equal(r.mss_is, want);
			assert_true(r.mss_was > r.mss_is);
			set16(q.b + at, want);
			fix(&q);
		}
		if (memcmp(b, q.b, p.n) != 0)
			fail_msg("%s: changed", name);
		free(b);
	}
}

static void
test_results(void **state)
{
	struct pkt p;
	struct wall_result r;
	(void)state;

	good(SYN4, &p);
	wall_check(p.b, p.n, MTU, &r);
	assert_int_equal(r.mss_was, 0xffff);
	assert_int_equal(r.mss_is, 1460);
	assert_int_equal(r.kind, WALL_KIND_IP4);
	good(SYN4, &p);
	wall_check(p.b, p.n, 9000, &r);
	assert_int_equal(r.mss_is, 8960);
	good(SYN4_SMALL, &p);
	wall_check(p.b, p.n, MTU, &r);
	assert_int_equal(r.mss_is, 0);
	good(SYN6, &p);
	wall_check(p.b, p.n, 1280, &r);
	assert_int_equal(r.mss_is, 1220);
	assert_int_equal(r.kind, WALL_KIND_IP6);
	good(ACK4_PADDED, &p);
	wall_check(p.b, p.n, MTU, &r);
	assert_int_equal(r.len, p.n - 6);
	good(ARP_REPLY, &p);
	wall_check(p.b, p.n, MTU, &r);
	assert_int_equal(r.len, 42);
	assert_int_equal(r.kind, WALL_KIND_ARP);
	good(VLAN, &p);
	wall_check(p.b, p.n, MTU, &r);
	assert_int_equal(r.len, p.n);
	assert_int_equal(r.kind, WALL_KIND_OTHER);
	for (int i = -1; i <= WALL_REASONS; i++)
		assert_non_null(wall_reason_text((enum wall_reason)i));
	for (int i = 0; i < WALL_REASONS; i++)
		for (int j = 0; j < i; j++)
			assert_string_not_equal(wall_reason_text(
						    (enum wall_reason)i),
			    wall_reason_text((enum wall_reason)j));
}

/* every MTU, every old value: the checksum is that of a full computation */
static void
test_clamp_sum(void **state)
{
	static const int which[] = { SYN4, SYN4_ODD, SYN6, SYN6_ODD };
	(void)state;

	for (int i = 0; i < 4; i++)
		for (unsigned mss = 1000; mss < 65536; mss += 37) {
			struct pkt p, q;
			struct wall_result r;
			size_t at = (i < 2 ? 56u : 76u) + (unsigned)i % 2;

			good(which[i], &p);
			set16(p.b + at, mss);
			fix(&p);
			q = p;
			wall_check(p.b, p.n, 1040 + mss % 400, &r);
			assert_int_equal(r.verdict, WALL_PASS);
			set16(q.b + at, get16(p.b + at));
			fix(&q);
			assert_true(csum_good(&p));
			assert_memory_equal(p.b, q.b, p.n);
		}
}

/* ---- solicitations ----------------------------------------------------- */

static void
expect_solicited(struct pkt *p, int dad)
{
	struct wall_result r;
	uint8_t *b;

	done(p);
	b = exact(p);
	assert_int_equal(wall_check(b, p->n, MTU, &r), WALL_SOLICITED);
	assert_int_equal(r.reason, WALL_NS_PLAIN);
	assert_int_equal(r.solicits, 1);
	assert_memory_equal(r.target, p->b + 62, 16);
	assert_memory_equal(r.source, p->b + 22, 16);
	assert_int_equal(r.source[0] == 0, dad);
	assert_memory_equal(b, p->b, p->n);
	free(b);
}

static void
test_solicited(void **state)
{
	struct pkt p;
	struct wall_result r;
	(void)state;

	/* a probe for duplicates, as every system sends it */
	p.n = 0;
	hex(&p,
	    "3333ff000001" YOU "86dd 60000000 0000 3aff" UNSPEC SOLICITED
	    "8700 0000 00000000" LL1);
	expect_solicited(&p, 1);
	/* with a nonce (RFC 7527), as Linux sends it */
	p.n = 0;
	hex(&p,
	    "3333ff000001" YOU "86dd 60000000 0000 3aff" UNSPEC SOLICITED
	    "8700 0000 00000000" LL1 "0e01 112233445566");
	expect_solicited(&p, 1);
	/* is he still there, by unicast */
	p.n = 0;
	hex(&p, V6("3a", "ff") LL2 LL1 "8700 0000 00000000" LL1);
	expect_solicited(&p, 0);
	/* with the option, but behind a longer one */
	p.n = 0;
	hex(&p,
	    V6("3a", "ff") LL2 LL1
	    "8700 0000 00000000" LL1
	    "0e02 112233445566 1122334455667788 0101" YOU);
	expect_solicited(&p, 0);
	/* those that pass are described too, others are not */
	good(NS, &p);
	wall_check(p.b, p.n, MTU, &r);
	assert_int_equal(r.verdict, WALL_PASS);
	assert_int_equal(r.solicits, 1);
	assert_memory_equal(r.target, p.b + 62, 16);
	good(NA, &p);
	wall_check(p.b, p.n, MTU, &r);
	assert_int_equal(r.solicits, 0);
}

/* ---- the bad ----------------------------------------------------------- */

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
	{ WALL_IP4_TTL, DATA4, { { 22, 0 } }, 0, 0 },
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
	{ WALL_IP4_GROUP, OFFER, { { 37, 67 } }, 0, 0 },
	{ WALL_LAND, DATA4, { { 29, 1 } }, 0, 0 },
	{ WALL_FRAG_LENGTH, FRAG4_FIRST, { { 16, 5 }, { 17, 0xd7 } }, 0, 0 },
	{ WALL_FRAG_LENGTH, FRAG4_LAST, { { 16, 0 }, { 17, 20 } }, 0, 0 },
	{ WALL_FRAG_LENGTH, FRAG4_LAST, { { 20, 0x20 } }, 0, 0 },
	{ WALL_FRAG_END, FRAG4_LAST, { { 20, 0x1f }, { 21, 0xff } }, 0, 0 },
	{ WALL_FRAG_END, FRAG4_LAST, { { 20, 0x1f }, { 21, 0xf2 } }, 0, 0 },
	{ WALL_FRAG_TINY, FRAG4_LAST, { { 21, 1 } }, 0, 0 },
	{ WALL_FRAG_TINY, FRAG4_LAST, { { 21, 6 } }, 0, 0 },
	{ WALL_FRAG_TINY, FRAG4_FIRST, { { 16, 0 }, { 17, 68 } }, 0, 0 },
	{ WALL_FRAG_OPTION, FRAG4_LAST, { { 14, 0x46 }, { 34, 1 }, { 35, 1 },
	    { 36, 1 }, { 37, 1 } }, 0, 0 },
	{ WALL_FRAG_TCP, FRAG4_LAST, { { 23, 6 } }, 0, 0 },
	{ WALL_FRAG_TCP, FRAG4_FIRST, { { 23, 6 } }, 0, 0 },
	{ WALL_FRAG_DHCP, FRAG4_FIRST, { { 34, 0 }, { 35, 67 }, { 36, 0 },
	    { 37, 68 } }, 0, 0 },
	{ WALL_FRAG_DHCP, FRAG4_FIRST, { { 23, 253 }, { 34, 0 }, { 35, 67 },
	    { 36, 0 }, { 37, 68 } }, 0, 0 },
	{ WALL_UDP_LENGTH, FRAG4_FIRST, { { 38, 5 }, { 39, 0xc8 } }, 0, 0 },
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
	{ WALL_IP6_HOPS, DATA6, { { 21, 0 } }, 0, 0 },
	{ WALL_IP6_SOURCE, UDP6, { { 22, 0xff } }, 0, 0 },
	{ WALL_IP6_DEST, UDP6, { { 38, 0xff }, { 39, 1 } }, 0, 0 },
	{ WALL_IP6_DEST, NS, { { 39, 0x10 } }, 0, 0 },
	{ WALL_IP6_UNICAST, NS, { { 38, 0xfd } }, 0, 0 },
	{ WALL_LAND, DATA6, { { 37, 1 } }, 0, 0 },
	{ WALL_IP6_FRAGMENT, DATA6, { { 20, 44 } }, 0, 0 },
	{ WALL_IP6_FRAGMENT, DEST6, { { 54, 44 } }, 0, 0 },
	{ WALL_IP6_EXTENSION, DEST6, { { 54, 0 } }, 0, 0 },
	{ WALL_IP6_EXTENSION, DEST6, { { 55, 9 } }, 0, 0 },
	{ WALL_IP6_EXTENSION, DEST6, { { 63, 4 } }, 0, 0 },
	{ WALL_IP6_EXTENSION, DEST6, { { 64, 0 } }, 0, 0 },
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
	{ WALL_ND_LINK, NA, { { 78, 1 } }, 0, 0 },
	{ WALL_ND_LINK, NA, { { 80, 0xff } }, 0, 0 },
	{ WALL_ND_LINK, NA, { { 19, 24 } }, 0, 0 },
	{ WALL_ND_FLAGS, NA, { { 38, 0xff }, { 39, 2 } }, 0, 0 },
	{ WALL_ND_FLAGS, NA_LWIP, { { 38, 0xff }, { 39, 2 } }, 0, 0 },
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
		    n < 8 ? WALL_OK : WALL_IP6_EXTENSION);
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

/* ---- a missing MSS, one's own MSS -------------------------------------- */

static void
test_add_mss(void **state)
{
	static const struct {
		int base;
		size_t opt;
		unsigned mtu, want;
	} t[] = {
		{ SYN4_SMALL, 54, 1500, 536 },
		{ SYN4_SMALL, 54, 500, 460 },
		{ SYN6_ODD, 74, 1500, 1220 },
		{ SYN6_ODD, 74, 1270, 1210 },
	};
	struct pkt p, q;
	struct wall_result r;
	(void)state;

	for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
		size_t n = 0;
		uint8_t *b;

		good(t[i].base, &p);
		memset(p.b + t[i].opt, 1, p.n - t[i].opt);
		fill(&p, 3); /* data in the SYN, an odd number */
		done(&p);
		q = p;
		assert_int_equal(wall_check(p.b, p.n, t[i].mtu, &r), WALL_DROP);
		assert_int_equal(r.reason, WALL_TCP_NO_MSS);
		/* no room, nothing done */
		b = exact(&p);
		assert_int_equal(wall_add_mss(b, p.n, p.n, t[i].mtu), 0);
		assert_int_equal(wall_add_mss(b, p.n, p.n + 3, t[i].mtu), 0);
		assert_memory_equal(b, q.b, q.n);
		b = realloc(b, p.n + 4);
		assert_non_null(b);
		n = wall_add_mss(b, p.n, p.n + 4, t[i].mtu);
		assert_int_equal(n, p.n + 4);
		memcpy(p.b, b, n);
		p.n = n;
		free(b);
		assert_true(csum_good(&p));
		assert_int_equal(get16(p.b + t[i].opt), 0x0204);
		assert_int_equal(get16(p.b + t[i].opt + 2), t[i].want);
		assert_memory_equal(p.b + t[i].opt + 4, q.b + t[i].opt,
		    q.n - t[i].opt);
		if (t[i].base == SYN4_SMALL)
			assert_int_equal(sum(p.b + 14, 20, 0), 0xffff);
		assert_int_equal(wall_check(p.b, p.n, t[i].mtu, &r), WALL_PASS);
		assert_int_equal(r.len, n);
		assert_int_equal(r.mss_is, 0);
		/* not twice */
		assert_int_equal(wall_add_mss(p.b, p.n, p.n + 4, 1500), 0);
	}
	/* Ethernet's padding is room enough */
	good(ACK4_PADDED, &p);
	p.b[47] = 2;
	fix(&p);
	assert_int_equal(wall_add_mss(p.b, p.n, p.n, MTU), 58);
	p.n = 58;
	assert_true(csum_good(&p));
	/* nothing but such a SYN */
	good(SYN4, &p);
	assert_int_equal(wall_add_mss(p.b, p.n, sizeof p.b, MTU), 0);
	good(DATA4, &p);
	assert_int_equal(wall_add_mss(p.b, p.n, sizeof p.b, MTU), 0);
	/* a header that is full */
	good(SYN4, &p);
	p.b[46] = 0xf0;
	memset(p.b + 54, 1, 40);
	p.n = 94;
	done(&p);
	assert_int_equal(wall_check(p.b, p.n, MTU, &r), WALL_DROP);
	assert_int_equal(r.reason, WALL_TCP_NO_MSS);
	assert_int_equal(wall_add_mss(p.b, p.n, sizeof p.b, MTU), 0);
}

static void
test_clamp_sent(void **state)
{
	struct pkt p, q;
	(void)state;

	for (int i = 0; i < NGOOD; i++) {
		size_t at = i == SYN4 || i == SYNACK4 ? 56 :
		    i == SYN4_ODD		      ? 57 :
		    i == SYN6			      ? 76 :
		    i == SYN6_ODD		      ? 77 :
							0;
		uint8_t *b;

		good(i, &p);
		q = p;
		if (at) {
			set16(q.b + at, at < 70 ? 1360 : 1340);
			fix(&q);
		}
		b = exact(&p);
		assert_int_equal(wall_clamp_sent(b, p.n, 1400), at != 0);
		assert_memory_equal(b, q.b, p.n);
		assert_int_equal(wall_clamp_sent(b, p.n, 1400), 0);
		free(b);
		for (p.n = 0; p.n < q.n; p.n++) {
			b = exact(&p);
			wall_clamp_sent(b, p.n, 1400);
			free(b);
		}
	}
}

/* ---- the mutator ------------------------------------------------------- */

static uint64_t rnd_state;

static unsigned
rnd(unsigned n)
{
	rnd_state ^= rnd_state << 13;
	rnd_state ^= rnd_state >> 7;
	rnd_state ^= rnd_state << 17;
	return (unsigned)((rnd_state >> 16) % n);
}

/*
 * Walks the options of a SYN as a stack does that trusts them, its index 8 bits
 * wide.  Returns the MSS it finds, 0 when it reads behind the header or does
 * not come to an end.
 */
static unsigned
trusting_tcp(const uint8_t *th)
{
	unsigned end = (th[12] >> 4) * 4u - 20, steps = 0;
	uint8_t c = 0;

	while (c < end && steps++ < 256) {
		const uint8_t *o = th + 20 + c;

		if (o[0] == 0)
			break;
		if (o[0] == 1) {
			c++;
			continue;
		}
		if (c + 1u >= end)
			return 0;
		if (o[0] == 2 && o[1] == 4)
			return c + 4u > end ? 0 : get16(o + 2);
		if (o[1] == 0)
			return 0;
		c = (uint8_t)(c + o[1]);
	}
	return 0;
}

/* What must be true of any frame P, with WAS what it was before the wall. */
static void
check_passed(const struct pkt *p, const struct pkt *was, unsigned mtu,
    const struct wall_result *r)
{
	size_t at = 0, n = 0;
	unsigned pseudo = 0;
	int proto = transport(p, &at, &n, &pseudo);
	const uint8_t *h = p->b + at;

	if (r->kind == WALL_KIND_IP4 || r->kind == WALL_KIND_IP6) {
		assert_true(r->len <= 14 + mtu);
		if (proto >= 0)
			assert_int_equal(r->len, at + n);
	}
	if (proto == 6) {
		unsigned hdr = (h[12] >> 4) * 4u, mss;

		assert_true(n >= 20 && hdr >= 20 && hdr <= n);
		if (h[13] & 2) {
			mss = trusting_tcp(h);
			assert_true(mss >= WALL_MSS_MIN);
			assert_true(mss + at - 14 + 20 <= mtu || mss == 28);
			assert_int_equal(csum_good(p), csum_good(was));
		}
	} else if (proto == 17)
		assert_true(n >= 8 && get16(h + 4) == n);
	else if (proto == 58 && r->kind == WALL_KIND_IP6) {
		static const size_t fixed[] = { 8, 16, 24, 24, 40 };

		assert_true(n >= 8 && csum_good(p));
		if (h[0] >= 133 && h[0] <= 137) {
			size_t i = fixed[h[0] - 133];

			assert_true(i <= n);
			for (; i < n; i += h[i + 1] * 8u) {
				assert_true(n - i >= 8 && h[i + 1] != 0);
				assert_true(h[i + 1] * 8u <= n - i);
				assert_true(h[i] != 3 || h[i + 2] <= 128);
			}
			assert_true((h[0] != 135 && h[0] != 136) || n >= 32);
		}
	}
}

static void
mutate(struct pkt *p)
{
	static const uint8_t nasty[] = { 0, 1, 2, 4, 5, 6, 8, 0x0f, 0x11, 0x2c,
		0x3a, 0x40, 0x45, 0x46, 0x4f, 0x60, 0x7f, 0x80, 0xe0, 0xfe,
		0xff };
	unsigned head = p->n < 110 ? (unsigned)p->n : 110;

	for (unsigned k = 1 + rnd(5); k; k--)
		switch (rnd(6)) {
		case 0:
			p->b[rnd(head)] = (uint8_t)rnd(256);
			break;
		case 1:
			p->b[rnd(head)] ^= (uint8_t)(1u << rnd(8));
			break;
		case 2:
		case 3:
			/* behind the addresses, where the parsing is */
			p->b[12 + rnd(head > 13 ? head - 12 : 1)] =
			    nasty[rnd(sizeof nasty)];
			break;
		case 4:
			if (p->n > 1)
				p->n -= rnd(
				    (unsigned)p->n < 40 ? (unsigned)p->n : 40);
			break;
		case 5:
			if (p->n < 1600)
				fill(p, rnd(20));
			break;
		}
	if (p->n >= 54 && rnd(2)) {
		/* lengths that fit, so that what is behind is looked at */
		if (get16(p->b + 12) == 0x0800)
			set16(p->b + 16, (unsigned)p->n - 14);
		else if (get16(p->b + 12) == 0x86dd)
			set16(p->b + 18, (unsigned)p->n - 54);
	}
	if (rnd(4))
		fix(p);
}

#define GUARD 64

static void
test_mutator(void **state)
{
	const char *s = getenv("WALL_SEED"), *n = getenv("WALL_ROUNDS");
	unsigned long seed = s ? strtoul(s, NULL, 0) :
				 (unsigned long)time(NULL) * 2654435761ul + 1;
	unsigned long rounds = n ? strtoul(n, NULL, 0) : 200000;
	unsigned count[WALL_REASONS] = { 0 }, kinds = 0;
	uint8_t guard[GUARD];
	(void)state;

	rnd_state = seed | 1;
	memset(guard, 0x5a, sizeof guard);
	for (unsigned long i = 0; i < rounds; i++) {
		static const unsigned mtus[] = { 1500, 1280, 576, 68, 0, 9000 };
		unsigned mtu = mtus[rnd(8) % 6];
		struct pkt p, q;
		struct wall_result r, r2;
		uint8_t *b, *g;

		good((int)rnd(NGOOD), &p);
		mutate(&p);
		q = p;
		/* reads: a block of exactly the frame's size */
		b = exact(&p);
		memset(&r, 0xa5, sizeof r);
		wall_check(b, p.n, mtu, &r);
		/* writes: guards around it, and the same outcome */
		g = malloc(p.n + 2 * GUARD);
		assert_non_null(g);
		memcpy(g, guard, GUARD);
		memcpy(g + GUARD, p.b, p.n);
		memcpy(g + GUARD + p.n, guard, GUARD);
		wall_check(g + GUARD, p.n, mtu, &r2);
		if (memcmp(g, guard, GUARD) ||
		    memcmp(g + GUARD + p.n, guard, GUARD) ||
		    memcmp(g + GUARD, b, p.n) || r2.verdict != r.verdict ||
		    r2.reason != r.reason || r2.len != r.len ||
		    (unsigned)r.reason >= WALL_REASONS || r.len > p.n ||
		    (r.verdict == WALL_PASS) != (r.reason == WALL_OK) ||
		    (r.verdict == WALL_SOLICITED) !=
			(r.reason == WALL_NS_PLAIN))
			fail_msg("seed %lu round %lu: inconsistent", seed, i);
		free(g);
		memcpy(p.b, b, p.n);
		if (!r.mss_is && memcmp(p.b, q.b, p.n) != 0)
			fail_msg("seed %lu round %lu: changed", seed, i);
		count[r.reason]++;
		/* a second time: the same verdict, and nothing left to do */
		wall_check(b, p.n, mtu, &r2);
		if (r2.reason != r.reason || r2.mss_is ||
		    memcmp(p.b, b, p.n) != 0)
			fail_msg("seed %lu round %lu: not settled", seed, i);
		free(b);
		if (r.verdict == WALL_PASS)
			check_passed(&p, &q, mtu, &r);
		if (r.reason == WALL_TCP_NO_MSS) {
			b = malloc(p.n + 4);
			assert_non_null(b);
			memcpy(b, p.b, p.n);
			p.n = wall_add_mss(b, p.n, p.n + 4, mtu);
			if (p.n) {
				memcpy(p.b, b, p.n);
				wall_check(b, p.n, mtu, &r2);
				assert_int_equal(r2.verdict, WALL_PASS);
				assert_int_equal(csum_good(&p), csum_good(&q));
				check_passed(&p, &q, mtu, &r2);
			}
			free(b);
		}
	}
	for (int i = 0; i < WALL_REASONS; i++)
		kinds += count[i] != 0;
	print_message("# seed %lu: %lu frames, %u passed, %u reasons of %d\n",
	    seed, rounds, count[WALL_OK], kinds, WALL_REASONS);
	for (int i = 0; i < WALL_REASONS; i++)
		if (!count[i])
			print_message("# never: %s\n",
			    wall_reason_text((enum wall_reason)i));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_results),
		cmocka_unit_test(test_clamp_sum),
		cmocka_unit_test(test_solicited),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_all_reasons),
		cmocka_unit_test(test_addresses6),
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_add_mss),
		cmocka_unit_test(test_clamp_sent),
		cmocka_unit_test(test_mutator),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
