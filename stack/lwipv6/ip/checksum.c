/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * checksum.c - the Internet checksum
 *
 * DOC: The cost: every byte of a stream goes through the checksum twice, on
 * its way out and on its way in.  The library, which is built without
 * optimisation, takes two bytes a step, through memory: a fifth of the cycles
 * of a transfer.
 *
 * The fault besides: inet_chksum_pbuf() goes wrong where a buffer of a chain
 * has an odd length (its byte swap binds as `0xff << 8'), so that an ICMPv6
 * message in pieces has a wrong checksum.
 *
 * How they are seen: in a profile (perf record -e cpu-clock); the fault by a
 * chain of odd pieces, as tests/unit/checksum_test.c makes them.
 *
 * Why what is here is right: RFC 1071.  The ones' complement sum of 16-bit
 * words may be taken in any order and in wider words, and folded at the end;
 * 32 bytes a step here, as halves of 64-bit lanes, which cannot overflow in
 * the 2^11 steps of the longest buffer.  It may be taken in either byte order
 * as long as the result is stored as it was loaded.  What begins at an odd offset counts with its bytes
 * swapped, so the sum of such a piece is swapped.
 *
 * The results are complemented and in network byte order, as the library's
 * are; 0 over data that holds its own checksum says that it is right.
 */
#include <string.h>

#include "stack/lwipv6/port.h"

/* Two words of 64 bits: what every machine of this kind has in a register. */
typedef uint64_t lanes __attribute__((vector_size(16)));

static uint64_t
fold32(uint64_t sum)
{
	return (sum & 0xffffffff) + (sum >> 32);
}

/* To 16 bits, with the carries brought around. */
static uint16_t
fold(uint64_t sum)
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

/* The sum of N bytes that begin at an even offset, not complemented. */
static uint64_t
sum_of(const uint8_t *p, size_t n)
{
	lanes low = { 0 }, high = { 0 };
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

/* The sum of a chain. */
static uint64_t
sum_of_chain(const struct pbuf *p)
{
	uint64_t sum = 0;
	bool odd = false;

	for (; p != NULL; p = p->next) {
		uint64_t s = sum_of(p->payload, p->len);

		sum += odd ? __builtin_bswap16(fold(s)) : s;
		odd ^= p->len & 1;
	}
	return sum;
}

/* Replaces the library's. */
EXPORT uint16_t
OURS(inet_chksum)(void *data, uint16_t len)
{
	return (uint16_t)~fold(sum_of(data, len));
}

/* Replaces the library's. */
EXPORT uint16_t
OURS(inet_chksum_pbuf)(struct pbuf *p)
{
	return (uint16_t)~fold(sum_of_chain(p));
}

/*
 * Replaces the library's: with the pseudo header of RFC 9293 or RFC 8200.  An
 * IPv4 address counts with its last four bytes; the rest of ::ffff:a.b.c.d
 * would add 0xffff, which is nothing, but where all else is 0.  The addresses
 * may be those of a packet, at any offset.
 */
EXPORT uint16_t
OURS(inet6_chksum_pseudo)(struct pbuf *p, struct ip_addr *src,
    struct ip_addr *dst, uint8_t proto, uint32_t len)
{
	uint64_t sum = sum_of_chain(p) + htonl(proto) + htonl(len);
	struct ip_addr from, to;
	int i;

	memcpy(&from, (const void *)src, sizeof(from));
	memcpy(&to, (const void *)dst, sizeof(to));
	for (i = ip_is_v4(&from) ? 3 : 0; i < 4; i++)
		sum += (uint64_t)from.addr[i] + to.addr[i];
	return (uint16_t)~fold(sum);
}
