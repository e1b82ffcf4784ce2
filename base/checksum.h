/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * checksum.h - the Internet checksum (RFC 1071); private
 *
 * The ones' complement sum of 16-bit words may be taken in any order and in
 * wider words, and folded at the end.  It may be taken in either byte order as
 * long as the result is stored as it was loaded.
 */
#ifndef BASE_CHECKSUM_H
#define BASE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/*
 * The sum of N bytes (at most 2^17) that begin at an even offset of what is
 * summed, not folded and not complemented.  Where N is odd a zero byte is
 * thought to follow.  Sums of several pieces may be added, up to 2^16 of them.
 */
uint64_t checksum_add(const void *data, size_t n);
/* The same, and copies the bytes to TO, which is elsewhere. */
uint64_t checksum_copy(void *to, const void *from, size_t n);
/* SUM in 16 bits, with the carries brought around. */
uint16_t checksum_fold(uint64_t sum);

#endif /* BASE_CHECKSUM_H */
