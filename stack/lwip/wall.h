/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wall.h - frames that would harm lwIP (not installed)
 */
#ifndef STACK_LWIP_WALL_H
#define STACK_LWIP_WALL_H

#include <stdint.h>

enum wall_reason {
	WALL_PASSES,
	WALL_SHORT, /* no whole Ethernet header */
	WALL_ARP,   /* ARP that is cut off */
	WALL_OTHER, /* unicast for another host; not judged here */
	WALL_REASONS
};

/* Why lwIP may not see the frame of LEN bytes, or WALL_PASSES. */
enum wall_reason wall_judge(const uint8_t *frame, uint32_t len);
/* REASON in words, which are static; NULL: it is none. */
const char *wall_text(unsigned reason);

#endif /* STACK_LWIP_WALL_H */
