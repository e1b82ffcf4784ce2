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
 *		bus it can be.  CWE-125; no CVE number.  The check was lost in
 *		lwIP's commit 31778193, and its pull request 108 of 2026 brings
 *		it back.
 *
 * Not refused but cured elsewhere: a Packet Too Big below 1280 bytes, which RFC
 * 8201 has ignored, and lwIP believes (48 is an endless loop in ip6_frag()): see
 * hooks_path_floor(), since extension headers and fragments may hide it from
 * here.  One of a true path's is a crash when TCP sends again; lwipopts.h,
 * LWIP_NETIF_TX_SINGLE_PBUF.  Both were found by the fuzzer and by reading what
 * it had found; no CVE numbers.
 *
 * Not refused but made harmless, by the zeros behind each frame (frames.c): a
 * TCP option whose kind is the frame's last byte; lwIP reads the length that
 * would follow (CWE-125; no CVE number).
 */
#include <stddef.h>

#include "stack/lwip/wall.h"

#define ETH_HLEN 14u
#define ARP_LEN 28u
#define TYPE_ARP 0x0806u

static const char *const texts[WALL_REASONS] = {
	[WALL_PASSES] = "passed",
	[WALL_SHORT] = "shorter than an Ethernet header",
	[WALL_ARP] = "ARP: too short",
	[WALL_OTHER] = "for another host",
};

enum wall_reason
wall_judge(const uint8_t *frame, uint32_t len)
{
	unsigned type;

	if (len < ETH_HLEN)
		return WALL_SHORT;
	type = (unsigned)frame[12] << 8 | frame[13];
	if (type == TYPE_ARP && len < ETH_HLEN + ARP_LEN)
		return WALL_ARP;
	return WALL_PASSES;
}

const char *
wall_text(unsigned reason)
{
	return reason < WALL_REASONS ? texts[reason] : NULL;
}
