/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wall/ip6.c - the wall's part for IPv6: neighbour discovery, ICMPv6 and UDP
 *
 * The idea, and what "harm", "storm", "must" and "useless" stand for: DOC in
 * wall.c.
 */
#include <string.h>

#include "stack/lwipv6/wall/parts.h"

enum { ND_RS = 133, ND_RA, ND_NS, ND_NA, ND_REDIRECT };
enum { O_SOURCE = 1, O_TARGET = 2, O_PREFIX = 3, O_MTU = 5 };

/* ---- neighbour discovery ----------------------------------------------- */

/* What stands in the options of a neighbour discovery message. */
struct nd_options {
	const uint8_t *source, *target; /* the link-layer addresses' options */
	const uint8_t *first;
};

/*
 * WALL_ND_OPTION  RFC 4861 4.6, 6.1, 7.1: harm.  A length of 0 keeps lwipv6
 *	for ever in a router advertisement, one beyond the end has it read what
 *	is not there.
 * WALL_ND_LINK, here: a link-layer address that is a group, or none of
 *	Ethernet's length (RFC 2464 6).  Storm: lwipv6 would send unicast to it.
 * WALL_RA_PREFIX  RFC 4861 4.6.2, RFC 4862 5.5.3 (b), (d): harm.  With more
 *	than 128 bits lwipv6 writes mask bits over the pointer that follows the
 *	mask; with a length other than 64 it makes itself an address that is not
 *	its own, and two of the same of 128 bits follow a null pointer.
 */
static enum wall_reason
nd_options(const uint8_t *p, size_t n, struct nd_options *o)
{
	o->source = o->target = NULL;
	o->first = p;
	while (n) {
		size_t l;

		if (n < 8)
			return WALL_ND_OPTION;
		l = (size_t)p[1] * 8;
		if (l == 0 || l > n)
			return WALL_ND_OPTION;
		switch (p[0]) {
		case O_SOURCE:
		case O_TARGET:
			if (l != 8 || is_group(p + 2))
				return WALL_ND_LINK;
			*(p[0] == O_SOURCE ? &o->source : &o->target) = p;
			break;
		case O_PREFIX:
			if (l != 32)
				return WALL_ND_OPTION;
			if (p[2] > 128 ||
			    ((p[3] & 0x40) &&
				(p[2] != 64 || p[16] == 0xff ||
				    be16(p + 16) >> 6 == 0xfe80 >> 6)))
				return WALL_RA_PREFIX;
			break;
		case O_MTU:
			if (l != 8)
				return WALL_ND_OPTION;
		}
		p += l;
		n -= l;
	}
	return WALL_OK;
}

static inline int
is_linklocal(const uint8_t *a)
{
	return be16(a) >> 6 == 0xfe80 >> 6;
}

/*
 * An address in the body that has to be some host's: neither multicast, nor
 * ::, ::1 or IPv4-mapped.
 */
static int
is_host6(const uint8_t *a)
{
	if (a[0] == 0xff)
		return 0;
	return be64(a) != 0 || (be64(a + 8) > 1 && be32(a + 8) != 0xffff);
}

/*
 * Neighbour solicitation of N bytes, 24 at least: RFC 4861 7.1.1, RFC 4862
 * 5.4.3.
 * WALL_ND_ADDRESS  must; and harm: for a target that is IPv4-mapped or a group
 *	lwipv6 finds some address of its own and answers in its name.
 * WALL_ND_LINK  7.2.2: a multicast solicitation has the option, but for DAD,
 *	which must not.  Harm: as below.
 * WALL_NS_PLAIN  right without the option: harm, lwipv6 writes 8 bytes behind
 *	the buffer's end, see DOC.  An option that is not first, or a longer
 *	one before it, makes its answer malformed: likewise handed back.
 */
static enum wall_reason
solicitation(const uint8_t *ip, const uint8_t *p, size_t n,
    struct wall_result *r)
{
	static const uint8_t solicited[13] = { 0xff, 2, [11] = 1, [12] = 0xff };
	const uint8_t *src = ip + 8, *dst = ip + 24;
	struct nd_options o;
	enum wall_reason why;
	int dad = (be64(src) | be64(src + 8)) == 0;

	if (!is_host6(p + 8))
		return WALL_ND_ADDRESS;
	if ((why = nd_options(p + 24, n - 24, &o)) != WALL_OK)
		return why;
	if (dad && memcmp(dst, solicited, sizeof solicited) != 0)
		return WALL_ND_ADDRESS;
	if (o.source ? dad : !dad && dst[0] == 0xff)
		return WALL_ND_LINK;
	r->solicits = 1;
	memcpy(r->target, p + 8, 16);
	memcpy(r->source, src, 16);
	return o.source && o.first[1] == 1 ? WALL_OK : WALL_NS_PLAIN;
}

/*
 * The messages of neighbour discovery.
 * WALL_ND_HOPS  RFC 4861 6.1, 7.1, 8.1: must.  Only a neighbour can send 255;
 *	lwipv6 looks at it for RS and RA only.
 * WALL_ND_CODE  ditto: must.
 * WALL_ND_ADDRESS  ditto: routers speak from their link-local address (6.1.2,
 *	8.1), targets are hosts (7.1.2), an RS from :: has no option (6.1.1).
 * WALL_ND_FLAGS  7.1.2, solicited and multicast: must.
 */
static enum wall_reason
discovery(const uint8_t *ip, const uint8_t *p, size_t n, struct wall_result *r)
{
	static const uint8_t least[] = { 8, 16, 24, 24, 40 };
	const uint8_t *src = ip + 8, *dst = ip + 24;
	size_t fixed = least[p[0] - ND_RS];
	struct nd_options o;
	enum wall_reason why;

	if (ip[7] != 255)
		return WALL_ND_HOPS;
	if (p[1] != 0)
		return WALL_ND_CODE;
	if (n < fixed)
		return WALL_ICMP6_LENGTH;
	if (p[0] == ND_NS)
		return solicitation(ip, p, n, r);
	if ((why = nd_options(p + fixed, n - fixed, &o)) != WALL_OK)
		return why;
	switch (p[0]) {
	case ND_RS:
		if (o.source && (be64(src) | be64(src + 8)) == 0)
			return WALL_ND_ADDRESS;
		break;
	case ND_REDIRECT:
		if (p[24] == 0xff)
			return WALL_ND_ADDRESS;
		/* FALLTHROUGH */
	case ND_RA:
		if (!is_linklocal(src))
			return WALL_ND_ADDRESS;
		break;
	case ND_NA:
		if (!is_host6(p + 8))
			return WALL_ND_ADDRESS;
		if (dst[0] == 0xff && (p[4] & 0x40))
			return WALL_ND_FLAGS;
	}
	return WALL_OK;
}

/* ---- IPv6 -------------------------------------------------------------- */

/*
 * ICMPv6.
 * WALL_ICMP6_LENGTH  RFC 4443 2.1, 3, RFC 4861: must.
 * WALL_ICMP6_CHECKSUM  RFC 4443 2.3: harm.  lwipv6 verifies it, but for echo,
 *	RS, RA and NA forgets to free the buffer when it is wrong.
 * WALL_ICMP6_MTU  RFC 8201 4: must, for raw sockets; lwipv6 ignores it.
 */
static enum wall_reason
icmp6(const uint8_t *ip, const uint8_t *p, size_t n, struct wall_result *r)
{
	if (n < 8)
		return WALL_ICMP6_LENGTH;
	if (fold(sum16(ip + 8, 32, sum16(p, n, n + P_ICMP6))) != 0xffff)
		return WALL_ICMP6_CHECKSUM;
	if (p[0] >= 1 && p[0] <= 4 && (n < 8 + IP6 || p[8] >> 4 != 6))
		return WALL_ICMP6_LENGTH;
	if (p[0] == 2 && be32(p + 4) < 1280)
		return WALL_ICMP6_MTU;
	if (p[0] >= ND_RS && p[0] <= ND_REDIRECT)
		return discovery(ip, p, n, r);
	return WALL_OK;
}

/*
 * Extension headers, of which only the lengths are looked at; the rest is
 * wall/ext6.c's, for packets that are for the interface.  lwipv6 frees such a
 * packet and then reads in it, so that it is never given one for itself
 * (ip/ext.c).
 * WALL_IP6_FRAGMENT  RFC 8200 4.5: useless, a fragment of nothing.
 * WALL_IP6_EXTENSION  RFC 8200 4: must; RFC 8504 5.3: more than WALL_HEADERS_MAX
 *	may be refused.
 */
static enum wall_reason
extensions(const uint8_t *p, size_t n, unsigned next, struct wall_result *r)
{
	r->extended = 1;
	for (unsigned i = 0; i <= WALL_HEADERS_MAX; i++) {
		size_t l;

		if (next == X_FRAGMENT)
			return n <= 8 ? WALL_IP6_FRAGMENT : WALL_OK;
		if (next != X_HOP && next != X_ROUTING && next != X_DEST)
			return WALL_OK;
		if (n < 8 || (l = ((size_t)p[1] + 1) * 8) > n)
			return WALL_IP6_EXTENSION;
		next = p[0];
		p += l;
		n -= l;
	}
	return WALL_IP6_EXTENSION;
}

/*
 * Addresses of which the first half is 0, or the destination a group.
 * WALL_IP6_SOURCE, WALL_IP6_DEST  RFC 4291 2.5.2, 2.5.3, 2.5.5.2, 2.7: must;
 *	IPv4-mapped ones: harm.  lwipv6 keeps IPv4 addresses in that form,
 *	takes the packet for one from or to an IPv4 address of its own, and
 *	answers a solicitation by following a null pointer.  Scopes 0 and 1 of
 *	a group never come from a wire.  :: is allowed to ask (NS, RS) and to
 *	report (MLD, which has a hop-by-hop header).
 */
static enum wall_reason
addresses6(const uint8_t *ip, const uint8_t *p, size_t n)
{
	const uint8_t *s = ip + 8, *d = ip + 24;

	if (s[0] == 0xff)
		return WALL_IP6_SOURCE;
	if (be64(s) == 0) {
		if (be64(s + 8) == 1 || be32(s + 8) == 0xffff)
			return WALL_IP6_SOURCE;
		if (be64(s + 8) == 0 && ip[6] != X_HOP &&
		    (ip[6] != P_ICMP6 || n == 0 ||
			(p[0] != ND_NS && p[0] != ND_RS)))
			return WALL_IP6_SOURCE;
	}
	if (d[0] == 0xff ? (d[1] & 15) < 2 : !is_host6(d))
		return WALL_IP6_DEST;
	return WALL_OK;
}

/*
 * WALL_IP6_HEADER, WALL_IP6_LENGTH  RFC 8200 3, RFC 2675: harm, as for IPv4;
 *	and a length of 0, a jumbogram's, leaves UDP with 40 bytes to subtract
 *	48 from.
 * WALL_IP6_UNICAST  storm: a unicast packet in a group's frame.  IPv6 has no
 *	broadcast that would excuse it; every forwarding stack would send it on
 *	(cf. RFC 1122 3.3.6, RFC 1812 5.3.4).
 * WALL_UDP_CHECKSUM  RFC 8200 8.1: must.
 * WALL_PROTO_GROUP  RFC 4443 2.4 (e.3): storm; and harm: without an address
 *	yet lwipv6 follows a null pointer when it looks for one to answer from.
 */
enum wall_reason
wall_ip6(uint8_t *f, size_t len, unsigned mtu, struct wall_result *r)
{
	uint8_t *ip = f + ETH, *p = ip + IP6;
	size_t there = len - ETH, n;
	enum wall_reason why;
	unsigned next;
	int group;

	if (unlikely(there < IP6 || ip[0] >> 4 != 6))
		return WALL_IP6_HEADER;
	n = be16(ip + 4);
	if (unlikely(n == 0 || n > there - IP6))
		return WALL_IP6_LENGTH;
	if (unlikely(IP6 + n > mtu))
		return WALL_LONG;
	r->len = (uint32_t)(ETH + IP6 + n);
	group = ip[24] == 0xff;
	if (unlikely(group || ip[8] == 0xff || be64(ip + 8) == 0 ||
		be64(ip + 24) == 0) &&
	    (why = addresses6(ip, p, n)) != WALL_OK)
		return why;
	if (unlikely(memcmp(ip + 8, ip + 24, 16) == 0))
		return WALL_LAND;
	if (unlikely(is_group(f) && !group))
		return WALL_IP6_UNICAST;
	next = ip[6];
	switch (next) {
	case P_TCP:
		if (unlikely(group))
			return WALL_TCP_GROUP;
		return wall_tcp(p, n, mss_limit(mtu, IP6), r);
	case P_UDP:
		if (n < UDP || be16(p + 4) != n)
			return WALL_UDP_LENGTH;
		return be16(p + 6) ? WALL_OK : WALL_UDP_CHECKSUM;
	case P_ICMP6:
		return icmp6(ip, p, n, r);
	case X_HOP:
	case X_ROUTING:
	case X_FRAGMENT:
	case X_NONE:
	case X_DEST:
		return extensions(p, n, next, r);
	}
	if (n < 8)
		return WALL_PROTO_SHORT;
	return group ? WALL_PROTO_GROUP : WALL_OK;
}
