/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * siphash.h - a keyed hash of short inputs; private
 *
 * SipHash-2-4, as J.-P. Aumasson and D. J. Bernstein describe it ("SipHash: a
 * fast short-input PRF", 2012): who does not know KEY cannot tell the hash of
 * an input that he has not seen, nor make many inputs with one hash.
 */
#ifndef BASE_SIPHASH_H
#define BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t siphash(const uint8_t key[16], const void *data, size_t n);

#endif /* BASE_SIPHASH_H */
