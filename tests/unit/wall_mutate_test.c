/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wall_mutate_test.c - what must hold of every frame that meets the wall
 *
 * DOC: The mutator makes random changes to good frames and checks that nothing
 * outside the frame is read (it lies in a block of exactly its size, for
 * AddressSanitizer) or written (it lies between guards), that nothing but an
 * MSS option is altered, that the verdict is the same the second time, and
 * that what passes cannot make a trusting parser of options run on.
 *
 * WALL_SEED=n repeats a run, WALL_ROUNDS=n changes its length.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "stack/lwipv6/wall/wall.h"
#include "tests/lib/wallframes.h"
#include "tests/lib/frames.h"

static uint64_t rnd_state;

static unsigned
rnd(unsigned n)
{
	return random_below(&rnd_state, n);
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
			assert_true(h[0] != 135 || n >= 32);
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
		cmocka_unit_test(test_mutator),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
