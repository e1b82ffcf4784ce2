/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * siphash.c - SipHash-2-4
 *
 * DOC: Four words of state begin as the key and constants.  Each 8 bytes of
 * input, in little endian, go in with two rounds; the last 8 hold what remains
 * and the length.  Four more rounds end it.
 */
#include <string.h>

#include "base/siphash.h"

struct state {
	uint64_t a, b, c, d;
};

static uint64_t
turn(uint64_t x, unsigned by)
{
	return x << by | x >> (64 - by);
}

static void
rounds(struct state *s, unsigned n)
{
	while (n-- > 0) {
		s->a += s->b;
		s->c += s->d;
		s->b = turn(s->b, 13) ^ s->a;
		s->d = turn(s->d, 16) ^ s->c;
		s->a = turn(s->a, 32);
		s->c += s->b;
		s->a += s->d;
		s->b = turn(s->b, 17) ^ s->c;
		s->d = turn(s->d, 21) ^ s->a;
		s->c = turn(s->c, 32);
	}
}

/* N bytes, at most 8, as a number. */
static uint64_t
word(const uint8_t *p, size_t n)
{
	uint64_t w = 0;
	size_t i;

	for (i = 0; i < n; i++)
		w |= (uint64_t)p[i] << 8 * i;
	return w;
}

static void
mix(struct state *s, uint64_t w)
{
	s->d ^= w;
	rounds(s, 2);
	s->a ^= w;
}

uint64_t
siphash(const uint8_t key[16], const void *data, size_t n)
{
	uint64_t k0 = word(key, 8), k1 = word(key + 8, 8);
	struct state s = { k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d,
		k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573 };
	const uint8_t *p = data;
	size_t left;

	for (left = n; left >= 8; left -= 8, p += 8)
		mix(&s, word(p, 8));
	mix(&s, word(p, left) | (uint64_t)n << 56);
	s.c ^= 0xff;
	rounds(&s, 4);
	return s.a ^ s.b ^ s.c ^ s.d;
}
