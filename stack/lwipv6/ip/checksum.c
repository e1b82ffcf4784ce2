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
 * Why what is here is right: base/checksum.h, after RFC 1071.  What begins at
 * an odd offset counts with its bytes swapped, so the sum of such a piece is
 * swapped.
 *
 * The results are complemented and in network byte order, as the library's
 * are; 0 over data that holds its own checksum says that it is right.
 */
#include <string.h>

#include "base/checksum.h"
#include "stack/lwipv6/ip/ip.h"

/* The sum of a chain. */
static uint64_t
sum_of_chain(const struct pbuf *p)
{
	uint64_t sum = 0;
	bool odd = false;

	for (; p != NULL; p = p->next) {
		uint64_t s = checksum_add(p->payload, p->len);

		sum += odd ? __builtin_bswap16(checksum_fold(s)) : s;
		odd ^= p->len & 1;
	}
	return sum;
}

/* Replaces the library's. */
EXPORT uint16_t
OURS(inet_chksum)(void *data, uint16_t len)
{
	return (uint16_t)~checksum_fold(checksum_add(data, len));
}

/* Replaces the library's. */
EXPORT uint16_t
OURS(inet_chksum_pbuf)(struct pbuf *p)
{
	return (uint16_t)~checksum_fold(sum_of_chain(p));
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
	return (uint16_t)~checksum_fold(sum);
}
