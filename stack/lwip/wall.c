/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wall.c - frames that would harm lwIP
 *
 * DOC: lwIP is judged by fuzz/lwip.c.  What it does not bear is refused here,
 * before it sees the frame, and counted as refused: shmif_lwip(4) has a table
 * of reasons.  A frame is refused for what it is, not for what it might do
 * next: whatever passes is lwIP's to judge.
 *
 * WALL_ARP	lwIP reads 28 bytes of ARP whatever the frame's length: on
 *		a real Ethernet no frame is shorter than 60 bytes, but on the
 *		bus it can be.
 */
#include <stdatomic.h>
#include <string.h>

#include "stack/lwip/wall.h"

#define ETH_HLEN 14u
#define ARP_LEN 28u
#define TYPE_ARP 0x0806u

static _Atomic uint64_t counts[WALL_REASONS];

static enum wall_reason
judge(const uint8_t *frame, uint32_t len)
{
	unsigned type;

	if (len < ETH_HLEN)
		return WALL_SHORT;
	type = (unsigned)frame[12] << 8 | frame[13];
	if (type == TYPE_ARP && len < ETH_HLEN + ARP_LEN)
		return WALL_ARP;
	return WALL_PASSES;
}

bool
wall_passes(const uint8_t *frame, uint32_t len)
{
	enum wall_reason reason = judge(frame, len);

	if (reason == WALL_PASSES)
		return true;
	atomic_fetch_add_explicit(&counts[reason], 1, memory_order_relaxed);
	return false;
}

uint64_t
wall_count(enum wall_reason reason)
{
	return atomic_load_explicit(&counts[reason], memory_order_relaxed);
}
