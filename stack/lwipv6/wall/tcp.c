/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wall/tcp.c - TCP's part of the wall, and the MSS of SYNs both ways
 *
 * What is done here, why, and what the words "harm" and "must" stand for, is
 * told in wall.c: DOC.
 */
#include <string.h>

#include "stack/lwipv6/wall/parts.h"

enum { T_FIN = 1, T_SYN = 2, T_RST = 4 };

/*
 * RFC 1624, equation 3: the checksum at C after a 16-bit word that it covers
 * went from WAS to IS.
 */
static void
csum_update(uint8_t *c, unsigned was, unsigned is)
{
	put16(c,
	    ~fold((uint64_t)(~be16(c) & 0xffff) + (~was & 0xffff) + is) &
		0xffff);
}

/* lowers the MSS option at OPT (its kind byte) of the TCP header TH */
static void
mss_lower(uint8_t *th, uint8_t *opt, unsigned mss)
{
	unsigned was = be16(opt + 2), is = mss;

	put16(opt + 2, mss);
	if ((opt - th) & 1) { /* its bytes lie in two words of the sum */
		was = (was & 0xff) << 8 | was >> 8;
		is = (is & 0xff) << 8 | is >> 8;
	}
	csum_update(th + 16, was, is);
}

/*
 * Options of a SYN, the only segments whose options lwipv6 reads.
 *
 * WALL_TCP_OPTION  RFC 9293 3.1, 3.2 (MUST-7): harm.  lwipv6 adds an option's
 *	length to an 8-bit index and trusts it: NOP followed by an option of
 *	length 255 brings it back to the NOP for ever; a length beyond the
 *	header makes it read payload, or what lies behind, as options.  An MSS
 *	given twice is refused: stacks differ in which one they believe.
 * WALL_TCP_MSS  an MSS below what the smallest IPv4 link can carry (RFC 791:
 *	68 bytes): harm.  With an MSS of 0 lwipv6's window calculation divides
 *	by zero, and no write ever ends.
 * WALL_TCP_NO_MSS  RFC 9293 3.7.1 (MUST-15): the default is 536 or 1220; harm:
 *	lwipv6 takes 1488, see DOC.
 */
static enum wall_reason
tcp_syn(uint8_t *th, size_t hdr, unsigned limit, struct wall_result *r)
{
	uint8_t *opt = NULL;
	unsigned mss;

	for (size_t i = TCP; i < hdr;) {
		if (th[i] == 0)
			break;
		if (th[i] == 1) {
			i++;
			continue;
		}
		if (hdr - i < 2 || th[i + 1] < 2 || th[i + 1] > hdr - i)
			return WALL_TCP_OPTION;
		if (th[i] == 2) {
			if (th[i + 1] != 4 || opt)
				return WALL_TCP_OPTION;
			opt = th + i;
		}
		i += th[i + 1];
	}
	if (!opt)
		return WALL_TCP_NO_MSS;
	mss = be16(opt + 2);
	if (mss < WALL_MSS_MIN)
		return WALL_TCP_MSS;
	if (mss > limit) {
		mss_lower(th, opt, limit);
		r->mss_was = (uint16_t)mss;
		r->mss_is = (uint16_t)limit;
	}
	return WALL_OK;
}

/*
 * WALL_TCP_HEADER  RFC 9293 3.1: harm.  lwipv6 subtracts the header's length
 *	from that of the segment without looking; what is left wraps around to
 *	nearly 65536 bytes, which it then hands to the socket.
 * WALL_TCP_FLAGS  RFC 9293 3.10.7.2 and 3.10.7.4: harm of a small kind.
 *	lwipv6 opens a connection for SYN with RST or FIN.
 */
enum wall_reason
wall_tcp(uint8_t *th, size_t n, unsigned limit, struct wall_result *r)
{
	size_t hdr;

	if (unlikely(n < TCP))
		return WALL_TCP_HEADER;
	hdr = (size_t)(th[12] >> 4) * 4;
	if (unlikely(hdr < TCP || hdr > n))
		return WALL_TCP_HEADER;
	if (!unlikely(th[13] & T_SYN))
		return WALL_OK;
	if (th[13] & (T_FIN | T_RST))
		return WALL_TCP_FLAGS;
	return tcp_syn(th, hdr, limit, r);
}

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
	/* the option's two words, the header's and the segment's new length */
	csum_update(th + 16, 0, 0x0204);
	csum_update(th + 16, 0, mss);
	csum_update(th + 16, be16(th + 12), be16(th + 12) + 0x1000);
	csum_update(th + 16, 0, 4);
	th[12] = (uint8_t)(th[12] + 0x10);
	if (v4) {
		csum_update(ip + 10, be16(ip + 2), be16(ip + 2) + 4);
		put16(ip + 2, be16(ip + 2) + 4);
	} else
		put16(ip + 4, be16(ip + 4) + 4);
	return r.len + 4;
}

int
wall_clamp_sent(uint8_t *frame, size_t len, unsigned mtu)
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
	tcp_syn(th, hdr, limit, &r);
	return r.mss_is != 0;
}
