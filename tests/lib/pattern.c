/* SPDX-License-Identifier: BSD-2-Clause */
/* pattern.c - bytes that are known without being kept */
#include "tests/lib/pattern.h"

static uint64_t
word(uint64_t i, uint32_t seed)
{
	uint64_t x = (i + 1) * UINT64_C(0x9e3779b97f4a7c15) ^
	    (uint64_t)seed << 20;

	x ^= x >> 30;
	x *= UINT64_C(0xbf58476d1ce4e5b9);
	return x ^ x >> 27;
}

void
net_fill(uint8_t *buf, size_t n, uint64_t offset, uint32_t seed)
{
	size_t i;

	for (i = 0; i < n; i++, offset++)
		buf[i] = (uint8_t)(word(offset / 8, seed) >> offset % 8 * 8);
}

bool
net_same(const uint8_t *buf, size_t n, uint64_t offset, uint32_t seed)
{
	uint64_t w = word(offset / 8, seed);
	size_t i;

	for (i = 0; i < n; i++, offset++) {
		if (offset % 8 == 0)
			w = word(offset / 8, seed);
		if (buf[i] != (uint8_t)(w >> offset % 8 * 8))
			return false;
	}
	return true;
}
