/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wall/ip4.c - the wall's part for IPv4: fragments, UDP and ICMP with it
 *
 * The idea, and what "harm", "storm", "must" and "useless" stand for: DOC in
 * wall.c.
 */
#include "stack/lwipv6/wall/parts.h"

/*
 * UDP over IPv4.
 * WALL_UDP_LENGTH  RFC 768, RFC 1122 4.1.3: harm.  lwipv6 never reads the
 *	length field; it strips 8 bytes whether they are there or not (the rest
 *	wraps around, and a socket is given 65528 bytes of nothing), and
 *	delivers what lies behind the datagram's end.
 * WALL_UDP_DHCP  RFC 2131 2: harm.  To the client's port lwipv6's DHCP reads
 *	and copies 240 bytes however few came, then follows a null pointer.
 */
static enum wall_reason
udp4(const uint8_t *uh, size_t n)
{
	if (n < UDP || be16(uh + 4) != n)
		return WALL_UDP_LENGTH;
	if (unlikely(be16(uh + 2) == 68 && n < UDP + 240))
		return WALL_UDP_DHCP;
	return WALL_OK;
}

/*
 * ICMP over IPv4.
 * WALL_ICMP_LENGTH  RFC 792, RFC 1122 3.2.2: must.  Errors, which raw sockets
 *	and ip/icmp.c read, have to hold an IP header and 8 bytes.
 */
static enum wall_reason
icmp4(const uint8_t *p, size_t n)
{
	size_t ihl;

	if (n < 8)
		return WALL_ICMP_LENGTH;
	switch (p[0]) {
	case 3:
	case 4:
	case 5:
	case 11:
	case 12:
		if (n < 8 + IP4 + 8)
			return WALL_ICMP_LENGTH;
		ihl = (size_t)(p[8] & 15) * 4;
		if (p[8] >> 4 != 4 || ihl < IP4 || n < 8 + ihl + 8)
			return WALL_ICMP_LENGTH;
	}
	return WALL_OK;
}

/*
 * A fragment, P and N its data.  Only ip/reass.c puts them together.
 *
 * WALL_FRAG_LENGTH  RFC 791 3.2: must.  Their offsets count in eights, so other
 *	lengths leave gaps.  Without data: useless.
 * WALL_FRAG_END  RFC 791 3.2: must.  A datagram has 65535 bytes in all.
 */
static enum wall_reason
fragment4(const uint8_t *ip, size_t ihl, size_t n)
{
	unsigned offset = (be16(ip + 6) & 0x1fff) * 8;
	int more = ip[6] & 0x20;

	if (n == 0 || (more && n % 8))
		return WALL_FRAG_LENGTH;
	if (ihl + offset + n > UINT16_MAX)
		return WALL_FRAG_END;
	return WALL_OK;
}

/*
 * WALL_IP4_OPTION  RFC 791 3.1, RFC 1122 3.2.1.8: must.  lwipv6 skips options
 *	unread; a raw socket's reader does not.
 */
static enum wall_reason
options4(const uint8_t *ip, size_t ihl)
{
	for (size_t i = IP4; i < ihl;) {
		if (ip[i] == 0)
			break;
		if (ip[i] == 1) {
			i++;
			continue;
		}
		if (ihl - i < 2 || ip[i + 1] < 2 || ip[i + 1] > ihl - i)
			return WALL_IP4_OPTION;
		i += ip[i + 1];
	}
	return WALL_OK;
}

/*
 * Addresses that are not plain unicast.
 * WALL_IP4_SOURCE  RFC 1122 3.2.1.3: storm.  lwipv6 opens connections and
 *	replies to group, loopback and null sources.  0.0.0.0 is for a host that
 *	does not know its own yet: DHCP, and IGMP (RFC 3376 4.2.13).
 * WALL_IP4_DEST  RFC 1122 3.2.1.3 (a), (g): must.
 * WALL_IP4_GROUP  useless: of IPv4 multicast UDP and IGMP are understood
 *	(sock/kind/multicast.c), in frames to a group; of what is sent to all UDP is
 *	(ip/deliver.c); when lwipv6 forwards, it forwards these
 *	(RFC 1812 5.3.5.1: must not), and round and round.
 */
static enum wall_reason
addresses4(uint32_t s, uint32_t d, unsigned proto, size_t n)
{
	unsigned top = s >> 24;

	if (s == 0) {
		if (proto != P_UDP && proto != P_IGMP)
			return WALL_IP4_SOURCE;
	} else if (top == 0 || top == 127 || (top >= 224 && top < 240) ||
	    s == UINT32_MAX)
		return WALL_IP4_SOURCE;
	top = d >> 24;
	if (top == 0 || top == 127)
		return WALL_IP4_DEST;
	if (top >= 224 && top < 240)
		return proto == P_IGMP || (proto == P_UDP && s != 0) ?
		    WALL_OK :
		    WALL_IP4_GROUP;
	if (d == UINT32_MAX && s != 0 && (proto != P_UDP || n < UDP))
		return WALL_IP4_GROUP;
	return WALL_OK;
}

/*
 * WALL_IP4_HEADER  RFC 791 3.1: harm.  lwipv6 goes by the version nibble, not
 *	by the Ethernet type, and takes a header of less than 20 bytes.
 * WALL_IP4_LENGTH  RFC 791 3.1, RFC 1122 3.2.1: harm.  Less than the header
 *	wraps around in every transport's subtraction, and the checksum then
 *	runs over 64 kB of heap; more than there is makes the reassembly follow
 *	a null pointer.
 * WALL_LAND  useless.  Nobody sends to himself by wire; lwipv6 loops its
 *	answer back to itself (CERT CA-1997-28).
 * WALL_TCP_GROUP  RFC 9293 3.9.2.3 (MUST-57), RFC 1122 4.2.3.10: storm.  A
 *	segment in a broadcast frame makes every stack answer with a reset.
 * WALL_PROTO_SHORT  RFC 792: harm of a small kind.  For a protocol that it
 *	does not know lwipv6 sends back the header and the 8 bytes behind it,
 *	there or not.
 * WALL_PROTO_GROUP  RFC 1122 3.2.2: storm.  It does so for broadcasts too.
 * The header's checksum is left to the stack, which does verify it.
 */
enum wall_reason
wall_ip4(uint8_t *f, size_t len, unsigned mtu, struct wall_result *r)
{
	uint8_t *ip = f + ETH, *p;
	size_t there = len - ETH, ihl, total, n;
	enum wall_reason why;
	uint32_t s, d;
	unsigned proto;

	if (unlikely(there < IP4 || ip[0] >> 4 != 4))
		return WALL_IP4_HEADER;
	ihl = (size_t)(ip[0] & 15) * 4;
	total = be16(ip + 2);
	if (unlikely(ihl < IP4))
		return WALL_IP4_HEADER;
	if (unlikely(total < ihl || total > there))
		return WALL_IP4_LENGTH;
	if (unlikely(total > mtu))
		return WALL_LONG;
	r->len = (uint32_t)(ETH + total);
	if (unlikely(ihl > IP4) && (why = options4(ip, ihl)) != WALL_OK)
		return why;
	p = ip + ihl;
	n = total - ihl;
	proto = ip[9];
	s = be32(ip + 12);
	d = be32(ip + 16);
	/* 0/8, 127/8 and 224/3 are rare, all the rest is plain unicast */
	if (unlikely((s >> 24) - 1 >= 223 || s >> 24 == 127 ||
		(d >> 24) - 1 >= 223 || d >> 24 == 127) &&
	    (why = addresses4(s, d, proto, be16(ip + 6) & 0x1fff ? 0 : n)) !=
		WALL_OK)
		return why;
	if (unlikely(d >> 28 == 14 && !is_group(f)))
		return WALL_IP4_GROUP;
	if (unlikely(s == d))
		return WALL_LAND;
	if (unlikely(be16(ip + 6) & 0x3fff)) {
		r->fragment = 1;
		return fragment4(ip, ihl, n);
	}
	switch (proto) {
	case P_TCP:
		if (unlikely(is_group(f) || d == UINT32_MAX))
			return WALL_TCP_GROUP;
		return wall_tcp(p, n, mss_limit(mtu, IP4), r);
	case P_UDP:
		return udp4(p, n);
	case P_ICMP4:
		return icmp4(p, n);
	}
	if (n < 8)
		return WALL_PROTO_SHORT;
	if (proto == P_IGMP && d >> 28 == 14)
		return WALL_OK;
	return is_group(f) || d == UINT32_MAX ? WALL_PROTO_GROUP : WALL_OK;
}
