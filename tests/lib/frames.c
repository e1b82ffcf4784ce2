/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * frames.c - frames that tell whose they are, and numbers to play with
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tests/lib/frames.h"

/* The address of attachment TO, or one of TO_*, as in ident. */
uint64_t
frame_address(unsigned to)
{
	switch (to) {
	case TO_ALL:
		return ~(uint64_t)0xffff;
	case TO_GROUP:
		return (uint64_t)0x01005e000000 << 16 | (uint64_t)0x7b << 16;
	default:
		return (uint64_t)0x020000000000 << 16 | (uint64_t)to << 16;
	}
}

static uint8_t
frame_byte(const struct mark *m, size_t len, size_t i)
{
	uint64_t x = (m->serial * 0x9e3779b97f4a7c15u + m->sender * 31u + len +
			 i / 8) *
	    0xbf58476d1ce4e5b9u;

	return (uint8_t)(x >> (8 * (i % 8)));
}

/* Makes the frame SERIAL of SENDER, to TO, of LEN bytes, 14 at least. */
void
frame_make(uint8_t *buf, size_t len, unsigned to, unsigned sender,
    uint64_t serial)
{
	struct mark m = { .serial = serial, .sender = sender, .to = to };
	uint64_t dst = frame_address(to);
	uint64_t src = (uint64_t)sender << 40 | (serial & 0xffffffffff);
	size_t i;

	for (i = 0; i < 6; i++) {
		buf[i] = (uint8_t)(dst >> (56 - 8 * i));
		buf[6 + i] = (uint8_t)(src >> (40 - 8 * i));
	}
	for (i = 12; i < len; i++)
		buf[i] = frame_byte(&m, len, i);
}

/* Whether all of BUF is one frame made by frame_make(), and which. */
bool
frame_read(const uint8_t *buf, size_t len, struct mark *m)
{
	uint64_t src = 0;
	uint64_t dst = 0;
	size_t i;

	for (i = 0; i < 6; i++) {
		dst = dst << 8 | buf[i];
		src = src << 8 | buf[6 + i];
	}
	m->sender = (unsigned)(src >> 40);
	m->serial = src & 0xffffffffff;
	m->to = (unsigned)dst & 0xffff;
	if (dst << 16 == frame_address(TO_ALL))
		m->to = TO_ALL;
	else if (dst << 16 == frame_address(TO_GROUP))
		m->to = TO_GROUP;
	for (i = 12; i < len; i++)
		if (buf[i] != frame_byte(m, len, i))
			return false;
	return dst << 16 == frame_address(m->to);
}

/* The same, byte by byte. */
void
frame_mac(unsigned to, uint8_t mac[6])
{
	uint64_t dst = frame_address(to);
	int i;

	for (i = 0; i < 6; i++)
		mac[i] = (uint8_t)(dst >> (56 - 8 * i));
}

/* ---- numbers ------------------------------------------------------------ */

/* A seed, said on standard output; TEST_SEED in the environment sets it. */
uint64_t
random_seed(void)
{
	const char *given = getenv("TEST_SEED");
	struct timespec t;
	uint64_t seed;

	clock_gettime(CLOCK_REALTIME, &t);
	seed = given != NULL ? strtoull(given, NULL, 0) :
			       (uint64_t)t.tv_sec << 30 ^ (uint64_t)t.tv_nsec;
	printf("# TEST_SEED=%llu\n", (unsigned long long)seed);
	fflush(stdout);
	return seed != 0 ? seed : 1;
}

uint64_t
random_next(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return *state = x;
}

unsigned
random_below(uint64_t *state, unsigned n)
{
	return (unsigned)((random_next(state) >> 32) % n);
}
