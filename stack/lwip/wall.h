/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wall.h - frames that would harm lwIP (not installed)
 */
#ifndef STACK_LWIP_WALL_H
#define STACK_LWIP_WALL_H

#include <stdbool.h>
#include <stdint.h>

enum wall_reason {
	WALL_PASSES,
	WALL_SHORT, /* no whole Ethernet header */
	WALL_ARP,   /* ARP that is cut off */
	WALL_REASONS
};

/* Whether lwIP may see the frame of LEN bytes.  One that it may not counts. */
bool wall_passes(const uint8_t *frame, uint32_t len);
/* How many frames were refused for REASON. */
uint64_t wall_count(enum wall_reason reason);

#endif /* STACK_LWIP_WALL_H */
