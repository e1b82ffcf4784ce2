/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * learn.h - where stations are (not installed)
 */
#ifndef WIRE_LEARN_H
#define WIRE_LEARN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LEARN_SETS 1024u /* powers of two */
#define LEARN_WAYS 4u
#define LEARN_SEEN 8192u
#define LEARN_AGE_NS (300u * (uint64_t)1000000000u)
#define LEARN_LOOP_NS ((uint64_t)200000000u)

struct station {
	uint64_t key; /* VLAN and address; 0: none */
	uint64_t heard_ns;
	uint32_t sender;
	uint32_t end;
};

struct learn {
	struct station table[LEARN_SETS][LEARN_WAYS];
	struct {
		uint64_t hash;
		uint64_t at_ns;
	} seen[LEARN_SEEN];
};

/*
 * A frame from MAC in VLAN came in by END, sent by SENDER; HASH stands for its
 * bytes.  False: it has been here, from elsewhere, just now.
 */
bool learn_source(struct learn *l, const uint8_t *mac, unsigned vlan,
    unsigned end, unsigned sender, uint64_t hash, uint64_t now_ns);
/* The end where MAC is, or -1. */
int learn_find(const struct learn *l, const uint8_t *mac, unsigned vlan,
    uint64_t now_ns);
/* A number for the bytes of a frame: its two addresses and LEN more. */
uint64_t learn_hash(const uint8_t *addresses, const uint8_t *data, size_t len);

#endif /* WIRE_LEARN_H */
