/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * checksum.c - the Internet checksum
 *
 * DOC: 32 bytes a step, as halves of 64-bit lanes, which cannot overflow in the
 * 2^12 steps of the longest buffer.
 */
#include <string.h>

#include "base/checksum.h"

/* Two words of 64 bits: what every machine of this kind has in a register. */
typedef uint64_t lanes __attribute__((vector_size(16)));

static uint64_t
fold32(uint64_t sum)
{
	return (sum & 0xffffffff) + (sum >> 32);
}

uint16_t
checksum_fold(uint64_t sum)
{
	sum = fold32(fold32(sum));
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

static lanes
load(const uint8_t *p)
{
	lanes v;

	memcpy(&v, p, sizeof(v));
	return v;
}

uint64_t
checksum_add(const void *data, size_t n)
{
	lanes low = { 0 }, high = { 0 };
	const uint8_t *p = data;
	uint64_t sum = 0;
	uint32_t word;

	for (; n >= 2 * sizeof(lanes); n -= 2 * sizeof(lanes)) {
		lanes a = load(p), b = load(p + sizeof(lanes));

		low += (a & 0xffffffff) + (b & 0xffffffff);
		high += (a >> 32) + (b >> 32);
		p += 2 * sizeof(lanes);
	}
	low += high;
	sum = fold32(low[0]) + fold32(low[1]);
	for (; n >= sizeof(word); n -= sizeof(word), p += sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		sum += word;
	}
	word = 0;
	memcpy(&word, p, n); /* what is missing is 0 */
	return sum + word;
}
