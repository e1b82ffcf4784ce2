/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wall_test.c - what the wall passes, hands back and mends
 *
 * DOC: "Good" frames must pass, unchanged but for the clamped MSS; an MSS that
 * is missing is supplied, and the stack's own is clamped, with the checksum
 * that a full computation gives.  A frame lies in a block of exactly its size,
 * for AddressSanitizer.  What has to fall is in wall_bad_test.c, and what must
 * hold of every frame in wall_mutate_test.c.
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
		assert_int_equal(wall_clamp_mss(b, p.n, 1400), at != 0);
		assert_memory_equal(b, q.b, p.n);
		assert_int_equal(wall_clamp_mss(b, p.n, 1400), 0);
		free(b);
		for (p.n = 0; p.n < q.n; p.n++) {
			b = exact(&p);
			wall_clamp_mss(b, p.n, 1400);
			free(b);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_results),
		cmocka_unit_test(test_clamp_sum),
		cmocka_unit_test(test_solicited),
		cmocka_unit_test(test_add_mss),
		cmocka_unit_test(test_clamp_sent),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
