/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * checksum_test.c - the Internet checksum against one that is obvious, and
 * the copy out of a chain against one byte by byte
 *
 * DOC: The obvious one takes two bytes a step, as the machine of RFC 1071
 * would.  Every length is tried at every alignment, with random bytes and with
 * those that carry most (all ones) and least (zeros); then chains of random
 * pieces, odd ones and empty ones among them.  SEED= repeats a run.
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

#include "base/checksum.h"
#include "stack/lwipv6/abi.h"

#define LEN_MAX 2100u
#define ALIGN_MAX 16u
#define PIECES_MAX 12
#define CHAINS 20000

static uint64_t x;

static uint32_t
rnd(void)
{
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (uint32_t)(x >> 32);
}

/* Bytes P[0..N-1] added to SUM as words in network order. */
static uint32_t
add(uint32_t sum, const uint8_t *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		sum += (uint32_t)p[i] << (i % 2 == 0 ? 8 : 0);
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

/* As the library gives it: complemented, in network order. */
static uint16_t
done(uint32_t sum)
{
	return (uint16_t)~htons((uint16_t)sum);
}

static void
test_lengths(void **state)
{
	/* At its end, for AddressSanitizer. */
	uint8_t *block = malloc(LEN_MAX + ALIGN_MAX);
	size_t i, len, align;
	int kind;

	(void)state;
	assert_non_null(block);
	for (kind = 0; kind < 3; kind++) {
		for (i = 0; i < LEN_MAX + ALIGN_MAX; i++)
			block[i] = kind == 0 ? 0 :
			    kind == 1	     ? 0xff :
					       (uint8_t)rnd();
		for (len = 0; len <= LEN_MAX; len++)
			for (align = 0; align < ALIGN_MAX; align++) {
				uint8_t *p = block + ALIGN_MAX + LEN_MAX - len -
				    align;

				if (inet_chksum(p, (uint16_t)len) !=
				    done(add(0, p, len)))
					fail_msg("%zu bytes at %zu", len,
					    align);
			}
	}
	free(block);
}

/* The longest that there is, where sums are largest. */
static void
test_longest(void **state)
{
	uint8_t *p = malloc(65535);

	(void)state;
	assert_non_null(p);
	memset(p, 0xff, 65535);
	assert_int_equal(inet_chksum(p, 65535), done(add(0, p, 65535)));
	memset(p, 0xfe, 65535);
	assert_int_equal(inet_chksum(p, 65535), done(add(0, p, 65535)));
	free(p);
}

/* What is copied arrives, nothing beside it, and the sum is that of the bytes. */
static void
test_copies(void **state)
{
	static const size_t edges[] = { 0, 1, 63, 64, 255, 256, 257, 4095, 4096,
		4097, 8192, 8193, 65535 };
	uint8_t *from = malloc(65536 + ALIGN_MAX), *to = malloc(65540);
	size_t i, n, k;
	uint16_t sum;

	(void)state;
	assert_non_null(from);
	assert_non_null(to);
	for (k = 0; k < 65536 + ALIGN_MAX; k++)
		from[k] = (uint8_t)rnd();
	for (i = 0; i < 300; i++) {
		uint8_t *p = from + rnd() % ALIGN_MAX;

		n = i < sizeof(edges) / sizeof(edges[0]) ? edges[i] :
							   rnd() % 65536;
		memset(to, 0x5a, 65540);
		sum = checksum_fold(checksum_copy(to + 2, p, n));
		/* Not complemented. */
		if (sum + done(add(0, p, n)) != 0xffff ||
		    memcmp(to + 2, p, n) != 0 || to[1] != 0x5a ||
		    to[n + 2] != 0x5a)
			fail_msg("%zu bytes", n);
	}
	free(to);
	free(from);
}

/* A chain of pieces whose bytes are also in FLAT, one after another. */
struct chain {
	struct pbuf p[PIECES_MAX];
	uint8_t *flat;
	size_t len;
	int n;
};

static void
chain_make(struct chain *c)
{
	int i;

	memset(c, 0, sizeof(*c));
	c->flat = malloc(PIECES_MAX * 300);
	assert_non_null(c->flat);
	c->n = 1 + (int)(rnd() % PIECES_MAX);
	for (i = 0; i < c->n; i++) {
		struct pbuf *p = &c->p[i];
		uint16_t k;

		p->len = (uint16_t)(rnd() % 4 == 0 ? rnd() % 3 : rnd() % 300);
		p->payload = malloc(p->len + 1u);
		assert_non_null(p->payload);
		for (k = 0; k < p->len; k++)
			c->flat[c->len++] = ((
			    uint8_t *)p->payload)[k] = rnd() % 3 == 0 ?
			    0xff :
			    (uint8_t)rnd();
		if (i + 1 < c->n)
			p->next = &c->p[i + 1];
	}
	c->p[0].tot_len = (uint16_t)c->len;
}

static void
chain_free(struct chain *c)
{
	int i;

	for (i = 0; i < c->n; i++)
		free(c->p[i].payload);
	free(c->flat);
}

static void
test_chains(void **state)
{
	struct chain c;
	int i;

	(void)state;
	for (i = 0; i < CHAINS; i++) {
		chain_make(&c);
		if (inet_chksum_pbuf(c.p) != done(add(0, c.flat, c.len)))
			fail_msg("chain %d: %d pieces, %zu bytes", i, c.n,
			    c.len);
		chain_free(&c);
	}
}

static void
test_pseudo(void **state)
{
	struct chain c;
	int i, k;

	(void)state;
	for (i = 0; i < CHAINS; i++) {
		bool v4 = rnd() % 2 == 0;
		uint32_t len = rnd() % 4 == 0 ? rnd() : rnd() % 65536;
		uint8_t proto = (uint8_t)rnd();
		struct ip_addr src, dst;
		uint8_t head[40];
		size_t n = 0;
		uint32_t be;

		for (k = 0; k < 4; k++) {
			src.addr[k] = rnd();
			dst.addr[k] = rnd();
		}
		if (v4) {
			src.addr[0] = src.addr[1] = 0;
			src.addr[2] = htonl(0xffff);
			memcpy(dst.addr, src.addr, 12);
			len %= 65536;
			memcpy(head, &src.addr[3], 4);
			memcpy(head + 4, &dst.addr[3], 4);
			head[8] = 0;
			head[9] = proto;
			head[10] = (uint8_t)(len >> 8);
			head[11] = (uint8_t)len;
			n = 12;
		} else {
			memcpy(head, &src, 16);
			memcpy(head + 16, &dst, 16);
			be = htonl(len);
			memcpy(head + 32, &be, 4);
			be = htonl(proto);
			memcpy(head + 36, &be, 4);
			n = 40;
		}
		chain_make(&c);
		if (inet6_chksum_pseudo(c.p, &src, &dst, proto, len) !=
		    done(add(add(0, head, n), c.flat, c.len)))
			fail_msg("chain %d: %d pieces, %zu bytes", i, c.n,
			    c.len);
		chain_free(&c);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_chains),
		cmocka_unit_test(test_pseudo),
	};
	const char *seed = getenv("SEED");

	x = seed != NULL ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL) | 1;
	x = x != 0 ? x : 1;
	printf("# SEED=%llu\n", (unsigned long long)x);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
