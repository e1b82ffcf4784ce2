/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pattern.h - bytes that are known without being kept
 */
#ifndef TESTS_PATTERN_H
#define TESTS_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes OFFSET... of an endless stream that depends on SEED. */
void net_fill(uint8_t *buf, size_t n, uint64_t offset, uint32_t seed);
/* Whether BUF holds them. */
bool net_same(const uint8_t *buf, size_t n, uint64_t offset, uint32_t seed);

#endif /* TESTS_PATTERN_H */
