/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wall_ext_test.c - extension headers of IPv6 (wall/ext6.c)
 *
 * The table says how walks end.  Then packets of random headers are walked, each
 * in a block of exactly its size, for AddressSanitizer: a walk stays in the
 * packet, and what it says can be relied on.
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

#define IP6 40u
#define NONE 255

/* What follows the base header, whose next header is FIRST; in hex. */
static const struct walk {
	unsigned first;
	const char *headers;
	enum wall_ext_end want;
	unsigned at, next, code, named; /* NONE: not looked at */
} walks[] = {
	{ 17, "0000", WALL_EXT_UPPER, 40, 17, NONE, 6 },
	{ 0, "1100 0104 00000000 00", WALL_EXT_UPPER, 48, 17, NONE, 40 },
	{ 60, "3c00 0104 00000000 1100 0104 00000000", WALL_EXT_UPPER, 56, 17,
	    NONE, 48 },
	{ 43, "1100 0400 00000000", WALL_EXT_UPPER, 48, 17, NONE, 40 },
	{ 43, "1100 0401 00000000", WALL_EXT_PROBLEM, NONE, NONE, 0, 42 },
	{ 60, "0000 0104 00000000 1100 0104 00000000", WALL_EXT_PROBLEM, NONE,
	    NONE, 1, 40 },
	/* options: to be skipped, dropped, told, told to hosts only */
	{ 60, "1100 1e04 00000000", WALL_EXT_UPPER, 48, 17, NONE, 40 },
	{ 60, "1100 5e04 00000000", WALL_EXT_DROP, NONE, NONE, NONE, NONE },
	{ 60, "1100 00 9e03 000000", WALL_EXT_PROBLEM, NONE, NONE, 2, 43 },
	{ 60, "1100 0100 de02 0000", WALL_EXT_PROBLEM, NONE, NONE, 2, 44 },
	/* that end behind the header, or have no length */
	{ 60, "1100 1e05 00000000 00", WALL_EXT_DROP, NONE, NONE, NONE, NONE },
	{ 60, "1100 0000 00000001 00", WALL_EXT_DROP, NONE, NONE, NONE, NONE },
	/* a header that ends behind the packet */
	{ 60, "1101 0104 00000000", WALL_EXT_DROP, NONE, NONE, NONE, NONE },
	{ 60, "1100 0104 000000", WALL_EXT_DROP, NONE, NONE, NONE, NONE },
	{ 59, "0000", WALL_EXT_NONE, NONE, NONE, NONE, NONE },
	{ 60, "3b00 0104 00000000", WALL_EXT_NONE, NONE, NONE, NONE, NONE },
	/* fragments: whole; first; not first; without the header of UDP */
	{ 44, "1100 0000 00000001 00", WALL_EXT_UPPER, 48, 17, NONE, 40 },
	{ 44, "1100 0001 00000001 0000000000000000", WALL_EXT_FRAGMENT, 40, 17,
	    NONE, NONE },
	{ 60, "2c00 0104 00000000 3c00 0008 00000001 00", WALL_EXT_FRAGMENT, 48,
	    60, NONE, NONE },
	{ 44, "3c00 0001 00000001 1100 0104 00000000", WALL_EXT_PROBLEM, NONE,
	    NONE, 3, 0 },
	{ 44, "1100 0001 00000001 00", WALL_EXT_PROBLEM, NONE, NONE, 0, 4 },
	{ 44, "1100 fff8 00000001 0000000000000000", WALL_EXT_PROBLEM, NONE,
	    NONE, 0, 42 },
	{ 44, "1100 0000 00000001", WALL_EXT_DROP, NONE, NONE, NONE, NONE },
};

/* The LEN bytes of IP in a block of that size. */
static enum wall_ext_end
walk(const uint8_t *ip, size_t len, int whole, struct wall_ext *e)
{
	uint8_t *b = malloc(len);
	enum wall_ext_end end;
	size_t at = 0;
	int proto;

	assert_non_null(b);
	memcpy(b, ip, len);
	end = wall_ext6(b, len, whole, e);
	proto = wall_upper6(b, len, &at);
	assert_true(proto == -1 || (at >= IP6 && at <= len));
	if (end == WALL_EXT_UPPER) {
		assert_int_equal(proto, e->next);
		assert_int_equal(at, e->at);
	}
	assert_memory_equal(b, ip, len);
	free(b);
	return end;
}

static void
test_walks(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof walks / sizeof walks[0]; i++) {
		const struct walk *w = &walks[i];
		struct pkt p = { .n = IP6 };
		struct wall_ext e;

		p.b[0] = 0x60;
		p.b[6] = (uint8_t)w->first;
		hex(&p, w->headers);
		if (walk(p.b, p.n, 0, &e) != w->want)
			fail_msg("%s ends otherwise", w->headers);
		if (w->at != NONE)
			assert_int_equal(e.at, w->at);
		if (w->next != NONE)
			assert_int_equal(e.next, w->next);
		if (w->code != NONE)
			assert_int_equal(e.code, w->code);
		if (w->named != NONE)
			assert_int_equal(e.named, w->named);
	}
}

/* what was put together has no fragment header, and a group is told of some */
static void
test_flags(void **state)
{
	struct pkt p = { .n = IP6 };
	struct wall_ext e;
	(void)state;

	p.b[6] = 44;
	hex(&p, "1100 0000 00000001 00");
	assert_int_equal(walk(p.b, p.n, 0, &e), WALL_EXT_UPPER);
	assert_true(e.atomic);
	assert_int_equal(walk(p.b, p.n, 1, &e), WALL_EXT_PROBLEM);
	p.n = IP6;
	p.b[6] = 0;
	hex(&p, "3a00 0502 0000 0100 00");
	assert_int_equal(walk(p.b, p.n, 0, &e), WALL_EXT_UPPER);
	assert_true(e.alert);
	assert_false(e.atomic);
	p.n = IP6;
	hex(&p, "3a00 8002 0000 0100 00");
	assert_int_equal(walk(p.b, p.n, 0, &e), WALL_EXT_PROBLEM);
	assert_true(e.many);
	p.b[IP6 + 2] = 0xc0;
	assert_int_equal(walk(p.b, p.n, 0, &e), WALL_EXT_PROBLEM);
	assert_false(e.many);
}

static uint64_t rnd_state;

static unsigned
rnd(unsigned n)
{
	return random_below(&rnd_state, n);
}

static void
test_random(void **state)
{
	static const uint8_t kinds[] = { 0, 43, 44, 60, 59, 58, 17, 6, 99 };
	const char *seed = getenv("WALL_SEED"), *n = getenv("WALL_ROUNDS");
	uint64_t first = seed != NULL ? strtoull(seed, NULL, 0) :
					(uint64_t)time(NULL) * 2654435761u + 1;
	unsigned long rounds = n != NULL ? strtoul(n, NULL, 0) : 200000;
	unsigned ends[5] = { 0 };
	(void)state;

	rnd_state = first;
	print_message("# WALL_SEED=%llu\n", (unsigned long long)first);
	while (rounds-- != 0) {
		struct pkt p = { .n = IP6 };
		size_t next = 6, len;
		struct wall_ext e;
		enum wall_ext_end end;

		for (unsigned h = rnd(10); h != 0; h--) {
			p.b[next] = kinds[rnd(4)];
			next = p.n;
			p.b[next + 1] = (uint8_t)rnd(2);
			for (unsigned i = 2; i < 16; i++)
				p.b[next + i] = (uint8_t)(rnd(3) ? rnd(4) :
								   rnd(256));
			p.n += 8 + 8u * p.b[next + 1];
		}
		p.b[next] = kinds[rnd(sizeof kinds)];
		len = IP6 + rnd((unsigned)(p.n + 30 - IP6));
		end = walk(p.b, len, rnd(8) == 0, &e);
		ends[end]++;
		if (end == WALL_EXT_UPPER || end == WALL_EXT_FRAGMENT) {
			assert_true(e.at >= IP6 && e.at <= len);
			assert_true(e.named < len);
		}
		if (end == WALL_EXT_FRAGMENT)
			assert_true(len - e.at > 8);
		if (end == WALL_EXT_PROBLEM)
			assert_true(e.named < len && e.code < 4);
		if (end == WALL_EXT_DROP || end == WALL_EXT_PROBLEM)
			assert_int_not_equal(e.reason, WALL_OK);
	}
	for (unsigned i = 0; i < 5; i++)
		assert_int_not_equal(ends[i], 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walks),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_random),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
