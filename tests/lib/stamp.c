/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stamp.c - frames that tell who sent them, and whether they are whole
 *
 * DOC: layout
 *
 *   0 destination, source, type 88b5    14 zeros    16 magic
 *  24 who, life     32 length, zeros    40 number   48 extra
 *  56 checksum over all other bytes     64 body
 *
 * The body is a random sequence that who, life and number begin, so two frames
 * have not eight bytes in a row in common there, and bytes of two in one frame
 * cannot have the right checksum but by a chance of 2^-64.
 */
#include <string.h>

#include "tests/lib/stamp.h"

#define MAGIC 0x9d1c5e7ba3f08642u
#define MIX 0x9e3779b97f4a7c15u

const uint8_t mac_all[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
const uint8_t mac_nobody[6] = { 0x02, 0xee, 0xee, 0xee, 0xee, 0xee };

struct head {
	uint8_t dst[6], src[6], type[2], zero[2];
	uint64_t magic;
	uint32_t who, life, len, zero2;
	uint64_t number, extra, sum;
};
_Static_assert(sizeof(struct head) == STAMP_MIN, "no holes");

uint64_t
rnd(uint64_t *state)
{
	uint64_t z = *state += MIX;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

uint32_t
rnd_below(uint64_t *state, uint32_t n)
{
	return (uint32_t)(rnd(state) >> 33) % n;
}

size_t
rnd_len(uint64_t *state)
{
	size_t top = rnd_below(state, 2) ? 200 : STAMP_MAX;

	return STAMP_MIN + rnd_below(state, (uint32_t)(top - STAMP_MIN + 1));
}

/* A checksum of N bytes, in words; the order of the words matters. */
static uint64_t
sum_of(uint64_t sum, const uint8_t *p, size_t n)
{
	uint64_t w;

	for (; n >= sizeof(w); p += sizeof(w), n -= sizeof(w)) {
		memcpy(&w, p, sizeof(w));
		sum = (sum ^ w) * MIX;
		sum ^= sum >> 29;
	}
	if (n != 0) {
		w = n;
		memcpy(&w, p, n);
		sum = (sum ^ w ^ (uint64_t)n << 56) * MIX;
		sum ^= sum >> 29;
	}
	return sum;
}

static uint64_t
frame_sum(const struct head *h, const uint8_t *frame, size_t len)
{
	uint64_t sum = sum_of(len, (const uint8_t *)h,
	    offsetof(struct head, sum));

	return sum_of(sum, frame + sizeof(*h), len - sizeof(*h));
}

void
stamp_mac(uint8_t mac[6], uint32_t who)
{
	const uint8_t m[6] = { 0x02, 0x57, (uint8_t)(who >> 24),
		(uint8_t)(who >> 16), (uint8_t)(who >> 8), (uint8_t)who };

	memcpy(mac, m, sizeof(m));
}

void
stamp_make(uint8_t *frame, size_t len, const uint8_t dst[6],
    const struct stamp *s)
{
	struct head h = { .type = { 0x88, 0xb5 },
		.magic = MAGIC,
		.who = s->who,
		.life = s->life,
		.len = (uint32_t)len,
		.number = s->number,
		.extra = s->extra };
	uint64_t seed = (uint64_t)s->who << 32 ^ s->life ^ s->number * MIX;
	uint64_t w;
	size_t at;

	memcpy(h.dst, dst, sizeof(h.dst));
	stamp_mac(h.src, s->who);
	for (at = sizeof(h); at < len; at += sizeof(w)) {
		w = rnd(&seed);
		memcpy(frame + at, &w,
		    len - at < sizeof(w) ? len - at : sizeof(w));
	}
	h.sum = frame_sum(&h, frame, len);
	memcpy(frame, &h, sizeof(h));
}

bool
stamp_read(const uint8_t *frame, size_t len, struct stamp *s)
{
	struct head h;

	if (len < sizeof(h))
		return false;
	memcpy(&h, frame, sizeof(h));
	if (h.magic != MAGIC || h.len != len ||
	    h.sum != frame_sum(&h, frame, len))
		return false;
	s->who = h.who;
	s->life = h.life;
	s->number = h.number;
	s->extra = h.extra;
	return true;
}
