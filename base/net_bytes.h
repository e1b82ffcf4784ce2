/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net_bytes.h - numbers at any address, in network byte order or in that of a
 * file's machine; private
 */
#ifndef SHMIF_NET_BYTES_H
#define SHMIF_NET_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline unsigned
be16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static inline uint32_t
be32(const uint8_t *p)
{
	return (uint32_t)be16(p) << 16 | be16(p + 2);
}

static inline uint64_t
be64(const uint8_t *p)
{
	return (uint64_t)be32(p) << 32 | be32(p + 4);
}

static inline void
put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void
put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

/* The number at P, of this machine's byte order or, with SWAP, of the other. */
static inline uint32_t
load32(const void *p, bool swap)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return swap ? __builtin_bswap32(v) : v;
}

static inline uint64_t
load64(const void *p, bool swap)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return swap ? __builtin_bswap64(v) : v;
}

/* Folds a sum of 16-bit words until it is one itself: RFC 1071. */
static inline unsigned
fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (unsigned)sum;
}

/* The Internet checksum's sum of N bytes, added to SUM, not yet folded. */
static inline uint64_t
sum16(const uint8_t *p, size_t n, uint64_t sum)
{
	for (; n >= 4; p += 4, n -= 4)
		sum += be32(p);
	if (n >= 2) {
		sum += be16(p);
		p += 2;
		n -= 2;
	}
	return n ? sum + ((uint64_t)*p << 8) : sum;
}

#endif /* SHMIF_NET_BYTES_H */
