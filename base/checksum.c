/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * checksum.c - the Internet checksum
 *
 * DOC: 64 bytes a step, as halves of 64-bit lanes, which cannot overflow in the
 * 2^11 steps of the longest buffer.  The loop is compiled twice: for what every
 * machine of this kind has, and for the wider registers that nearly all have,
 * which are asked for where there is enough to sum.
 */
#include <string.h>

#include "base/checksum.h"

/* Four words of 64 bits: one wide register, or two narrow ones. */
typedef uint64_t lanes __attribute__((vector_size(32)));

#define STEP (2 * sizeof(lanes))
#define WIDE_MIN 256u /* below, to ask costs more than it brings */
/* What is copied and summed at once: both find it in the nearest cache. */
#define BLOCK 4096u

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

/* The sum of STEPS steps from P on. */
static inline __attribute__((always_inline)) uint64_t
add_steps(const uint8_t *p, size_t steps)
{
	lanes low = { 0 }, high = { 0 }, a, b;

	for (; steps > 0; steps--, p += STEP) {
		memcpy(&a, p, sizeof(a));
		memcpy(&b, p + sizeof(a), sizeof(b));
		low += (a & 0xffffffff) + (b & 0xffffffff);
		high += (a >> 32) + (b >> 32);
	}
	low += high;
	return fold32(low[0]) + fold32(low[1]) + fold32(low[2]) +
	    fold32(low[3]);
}

static uint64_t
add_narrow(const uint8_t *p, size_t steps)
{
	return add_steps(p, steps);
}

#if defined(__x86_64__)
static __attribute__((target("avx2"))) uint64_t
add_wide(const uint8_t *p, size_t steps)
{
	return add_steps(p, steps);
}
#endif

uint64_t
checksum_add(const void *data, size_t n)
{
	const uint8_t *p = data;
	size_t steps = n / STEP;
	uint64_t sum = 0;
	uint32_t word;

	if (steps > 0) {
#if defined(__x86_64__)
		if (n >= WIDE_MIN && __builtin_cpu_supports("avx2"))
			sum = add_wide(p, steps);
		else
#endif
			sum = add_narrow(p, steps);
		p += steps * STEP;
		n -= steps * STEP;
	}
	for (; n >= sizeof(word); n -= sizeof(word), p += sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		sum += word;
	}
	word = 0;
	memcpy(&word, p, n); /* what is missing is 0 */
	return sum + word;
}

uint64_t
checksum_copy(void *to, const void *from, size_t n)
{
	const uint8_t *p = from;
	uint8_t *q = to;
	uint64_t sum = 0;

	for (; n > BLOCK; n -= BLOCK, p += BLOCK, q += BLOCK) {
		memcpy(q, p, BLOCK);
		sum += checksum_add(q, BLOCK);
	}
	memcpy(q, p, n);
	return sum + checksum_add(q, n);
}
