/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * frames.h - frames that tell whose they are, and numbers to play with
 *
 * A frame tells who sent it and which of his frames it is, and each of its
 * bytes follows from that: bytes of two frames never make one.
 */
#ifndef TESTS_FRAMES_H
#define TESTS_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TO_ALL 0x1000u	  /* broadcast */
#define TO_GROUP 0x1001u  /* a multicast address */
#define TO_NOBODY 0x1002u /* an address that no attachment has */

/* A frame made by the test, and where it came from. */
struct mark {
	uint64_t serial;
	unsigned sender;
	unsigned to;
};

void frame_make(uint8_t *buf, size_t len, unsigned to, unsigned sender,
    uint64_t serial);
bool frame_read(const uint8_t *buf, size_t len, struct mark *m);
uint64_t frame_address(unsigned to);
void frame_mac(unsigned to, uint8_t mac[6]);

/* A reproducible source of numbers. */
uint64_t random_seed(void);
uint64_t random_next(uint64_t *state);
unsigned random_below(uint64_t *state, unsigned n);

#endif /* TESTS_FRAMES_H */
