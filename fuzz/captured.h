/* SPDX-License-Identifier: BSD-2-Clause */
/* captured.h - a capture that a tool wrote, taken apart without its libraries */
#ifndef FUZZ_CAPTURED_H
#define FUZZ_CAPTURED_H

#include <stddef.h>
#include <stdint.h>

#define CAPTURED_MAX 90000u

struct captured {
	size_t size; /* 0: there is none */
	uint32_t n;  /* frames */
	struct {
		uint32_t at, len; /* in P */
	} frames[CAPTURED_MAX];
	uint8_t p[8u << 20];
};

/* Reads the file NAME, if there is one, to C, and removes it. */
void captured_load(struct captured *c, const char *name);
/*
 * Take C apart: a pcap with nanoseconds of Ethernet frames, a pcapng of packets
 * that are all whole.  What is not just so is a failure.
 */
void captured_pcap(struct captured *c);
void captured_pcapng(struct captured *c);

#endif /* FUZZ_CAPTURED_H */
