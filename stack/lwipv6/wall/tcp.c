/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wall/tcp.c - TCP's part of the wall
 *
 * What is done here, why, and what the words "harm" and "must" stand for, is
 * told in wall.c: DOC.
 */
#include "stack/lwipv6/wall/parts.h"

/* Lowers the MSS option at OPT (its kind byte) of the TCP header TH to MSS. */
static void
mss_lower(uint8_t *th, uint8_t *opt, unsigned mss)
{
	unsigned was = be16(opt + 2), is = mss;

	put16(opt + 2, mss);
	if ((opt - th) & 1) { /* its bytes lie in two words of the sum */
		was = (was & 0xff) << 8 | was >> 8;
		is = (is & 0xff) << 8 | is >> 8;
	}
	wall_csum_update(th + 16, was, is);
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
enum wall_reason
wall_tcp_syn(uint8_t *th, size_t hdr, unsigned limit, struct wall_result *r)
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
	return wall_tcp_syn(th, hdr, limit, r);
}
