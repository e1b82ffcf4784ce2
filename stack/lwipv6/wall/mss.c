/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wall/mss.c - the MSS option of SYNs, sent and received
 */
#include <string.h>

#include "stack/lwipv6/wall/parts.h"

size_t
wall_add_mss(uint8_t *frame, size_t len, size_t room, unsigned mtu)
{
	uint8_t *ip = frame + ETH, *th;
	struct wall_result r;
	unsigned hdr, mss, limit;
	size_t behind;
	int v4;

	if (wall_check(frame, len, mtu, &r) != WALL_DROP ||
	    r.reason != WALL_TCP_NO_MSS)
		return 0;
	v4 = r.kind == WALL_KIND_IP4;
	th = ip + (v4 ? (ip[0] & 15u) * 4 : IP6);
	hdr = th[12] >> 4;
	if (hdr == 15 || room < r.len + 4 || r.len - ETH + 4 > mtu)
		return 0;
	limit = mss_limit(mtu, v4 ? IP4 : IP6);
	mss = v4 ? 536 : 1220;
	if (mss > limit)
		mss = limit;
	behind = r.len - (size_t)(th + TCP - frame);
	memmove(th + TCP + 4, th + TCP, behind);
	put16(th + TCP, 0x0204);
	put16(th + TCP + 2, mss);
	/* The sum gains the two words of the option and both new lengths. */
	wall_csum_update(th + 16, 0, 0x0204);
	wall_csum_update(th + 16, 0, mss);
	wall_csum_update(th + 16, be16(th + 12), be16(th + 12) + 0x1000);
	wall_csum_update(th + 16, 0, 4);
	th[12] = (uint8_t)(th[12] + 0x10);
	if (v4) {
		wall_csum_update(ip + 10, be16(ip + 2), be16(ip + 2) + 4);
		put16(ip + 2, be16(ip + 2) + 4);
	} else
		put16(ip + 4, be16(ip + 4) + 4);
	return r.len + 4;
}

int
wall_clamp_mss(uint8_t *frame, size_t len, unsigned mtu)
{
	uint8_t *ip = frame + ETH, *th;
	struct wall_result r = { 0 };
	size_t iphdr, hdr, there = len - ETH;
	unsigned limit = mss_limit(mtu, IP4);

	if (len < ETH + IP4 + TCP)
		return 0;
	if (be16(frame + 12) == 0x0800) {
		iphdr = (size_t)(ip[0] & 15) * 4;
		if (ip[9] != P_TCP || iphdr < IP4 || (be16(ip + 6) & 0x3fff))
			return 0;
	} else if (be16(frame + 12) == 0x86dd && ip[6] == P_TCP) {
		iphdr = IP6;
		limit = mss_limit(mtu, IP6);
	} else
		return 0;
	if (there < iphdr + TCP)
		return 0;
	th = ip + iphdr;
	hdr = (size_t)(th[12] >> 4) * 4;
	if (!(th[13] & T_SYN) || hdr < TCP || hdr > there - iphdr)
		return 0;
	wall_tcp_syn(th, hdr, limit, &r);
	return r.mss_is != 0;
}
