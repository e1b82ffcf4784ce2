/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dhcp_test.c - messages of DHCP (stack/lwipv6/ip/dhcp/message.c)
 *
 * Answers of random bytes and options are read, each in a block of exactly its
 * size, for AddressSanitizer; what is taken for an answer is one that can be.
 *
 * DHCP_SEED=n repeats a run, DHCP_ROUNDS=n changes its length.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/net_bytes.h"
#include "stack/lwipv6/ip/dhcp/message.h"
#include "tests/lib/frames.h"

#define XID 0x12345678u
#define OPTIONS_AT 240u

static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 };
static uint64_t rnd_state;

static unsigned
rnd(unsigned n)
{
	return random_below(&rnd_state, n);
}

/* An answer up to its options: an offer of 10.0.0.50. */
static void
begin(uint8_t *b)
{
	memset(b, 0, OPTIONS_AT);
	b[0] = 2;
	b[1] = 1;
	b[2] = 6;
	put32(b + 4, XID);
	put32(b + 16, 0x0a000032);
	memcpy(b + 28, mac, 6);
	put32(b + 236, 0x63825363);
}

static bool
read_exactly(const uint8_t *b, size_t n, struct dhcp_answer *a)
{
	uint8_t *copy = malloc(n == 0 ? 1 : n);
	bool ok;

	assert_non_null(copy);
	memcpy(copy, b, n);
	ok = dhcp_read(copy, n, XID, mac, a);
	free(copy);
	return ok;
}

static void
test_offer(void **state)
{
	static const uint8_t options[] = { 53, 1, 2, 0, 54, 4, 10, 0, 0, 1, 51,
		4, 0, 0, 0, 100, 1, 4, 255, 255, 255, 0, 3, 8, 10, 0, 0, 9, 10,
		0, 0, 8, 255 };
	uint8_t b[OPTIONS_AT + sizeof(options)];
	struct dhcp_answer a;
	(void)state;

	begin(b);
	memcpy(b + OPTIONS_AT, options, sizeof(options));
	assert_true(read_exactly(b, sizeof(b), &a));
	assert_int_equal(a.yiaddr, 0x0a000032);
	assert_int_equal(a.server, 0x0a000001);
	assert_int_equal(a.router, 0x0a000009);
	assert_int_equal(a.mask, 0xffffff00);
	assert_int_equal(a.lease, 100);
	assert_int_equal(a.t1, 50);
	assert_int_equal(a.t2, 87);
	/* cut to any length it is none: its end is missing */
	for (size_t n = 0; n < sizeof(b); n++)
		assert_false(read_exactly(b, n, &a));
}

/* options go on in the fields of the file and the server's name */
static void
test_overload(void **state)
{
	uint8_t b[OPTIONS_AT + 8];
	struct dhcp_answer a;
	(void)state;

	begin(b);
	memcpy(b + OPTIONS_AT, "\x34\x01\x03\x35\x01\x02\xff\0", 8);
	memcpy(b + 108, "\x36\x04\x0a\0\0\x01\xff", 7);
	memcpy(b + 44, "\x33\x04\0\0\0\x0a\xff", 7);
	assert_true(read_exactly(b, sizeof(b), &a));
	assert_int_equal(a.server, 0x0a000001);
	assert_int_equal(a.lease, 10);
	assert_int_equal(a.mask, 0xff000000);
	memset(b + 44, 0, 64); /* it has no end */
	assert_false(read_exactly(b, sizeof(b), &a));
}

static void
test_random(void **state)
{
	static const uint8_t kinds[] = { 0, 1, 3, 51, 52, 53, 54, 58, 59, 255 };
	const char *seed = getenv("DHCP_SEED"), *n = getenv("DHCP_ROUNDS");
	uint64_t first = seed != NULL ? strtoull(seed, NULL, 0) :
					(uint64_t)time(NULL) * 2654435761u + 1;
	unsigned long rounds = n != NULL ? strtoul(n, NULL, 0) : 200000, taken;
	(void)state;

	rnd_state = first;
	taken = 0;
	print_message("# DHCP_SEED=%llu\n", (unsigned long long)first);
	while (rounds-- != 0) {
		uint8_t b[OPTIONS_AT + 64];
		struct dhcp_answer a;
		size_t len = OPTIONS_AT;

		begin(b);
		put32(b + 16,
		    rnd(4) ? 0x0a000000 + rnd(512) :
			     (uint32_t)(rnd_state >> 9));
		memcpy(b + len, "\x35\x01\x02\x36\x04\x0a\0\0\x01\x33\x04\0\0",
		    13);
		put16(b + len + 13, rnd(1000));
		len += 15;
		while (len < sizeof(b) - 8 && rnd(8) != 0) {
			b[len++] = kinds[rnd(sizeof(kinds))];
			b[len++] = (uint8_t)(rnd(3) ? 4 : rnd(16));
			put32(b + len,
			    rnd(3) ? 0xffffff00 << rnd(12) :
				     0x0a000000 + rnd(999));
			len += rnd(8) ? 4 : rnd(5);
		}
		b[len++] = 255;
		if (rnd(4) == 0)
			b[rnd((unsigned)len)] = (uint8_t)rnd(256);
		if (rnd(4) == 0)
			len = rnd((unsigned)len + 1);
		if (!read_exactly(b, len, &a) || a.type == DHCP_NAK)
			continue;
		taken++;
		assert_in_range(a.type, DHCP_OFFER, DHCP_ACK);
		assert_in_range(a.yiaddr >> 24, 1, 223);
		assert_int_not_equal(a.yiaddr >> 24, 127);
		assert_in_range(a.mask, 0xff000000, UINT32_MAX);
		assert_int_equal(~a.mask & (~a.mask + 1), 0);
		assert_int_not_equal(a.lease, 0);
		if (a.lease != DHCP_FOREVER)
			assert_true(a.t1 <= a.t2 && a.t2 < a.lease);
		if (a.router != 0)
			assert_int_equal((a.router ^ a.yiaddr) & a.mask, 0);
	}
	assert_int_not_equal(taken, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_offer),
		cmocka_unit_test(test_overload),
		cmocka_unit_test(test_random),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
