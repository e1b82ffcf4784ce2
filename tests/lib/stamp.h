/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stamp.h - frames that tell who sent them, and whether they are whole
 */
#ifndef TESTS_STAMP_H
#define TESTS_STAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STAMP_MIN 64u
#define STAMP_MAX 1514u

struct stamp {
	uint32_t who;	 /* the sender, as the test counts them */
	uint32_t life;	 /* which of the sender's lives, or whatever */
	uint64_t number; /* of the frame */
	uint64_t extra;	 /* for the test's own use */
};

/* To everybody, and to nobody that there is. */
extern const uint8_t mac_all[6];
extern const uint8_t mac_nobody[6];

/* The hardware address of WHO. */
void stamp_mac(uint8_t mac[6], uint32_t who);

/*
 * Builds a frame of LEN bytes to DST at FRAME.  Its body is random, its last
 * header field a checksum of all the rest.
 */
void stamp_make(uint8_t *frame, size_t len, const uint8_t dst[6],
    const struct stamp *s);

/*
 * Reads the stamp of a frame of LEN bytes.  Returns whether the frame is whole:
 * made by stamp_make() with this length, every byte of it.
 */
bool stamp_read(const uint8_t *frame, size_t len, struct stamp *s);

/* The next number of the sequence that *STATE began (splitmix64). */
uint64_t rnd(uint64_t *state);
/* One of 0..N-1. */
uint32_t rnd_below(uint64_t *state, uint32_t n);
/* A length of a frame, short ones more often. */
size_t rnd_len(uint64_t *state);

#endif /* TESTS_STAMP_H */
