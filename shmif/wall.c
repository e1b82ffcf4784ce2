/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DOC: the wall
 *
 * A bus carries whatever anybody who may open its file cares to write, and
 * lwipv6 1.5a believes what it is told: it walks options whose length is zero,
 * writes replies past the end of a request that was too short to hold them,
 * and divides by what a peer chose.  It cannot be changed, so what would harm
 * it is stopped here, on the receiving thread, before the stack sees it.
 *
 * Four kinds of rules, each rule's comment says which:
 *
 *   harm      lwipv6 crashes, hangs, corrupts or leaks memory
 *   storm     lwipv6 answers where no host may, and every stack on the bus
 *             does so at once
 *   must      the RFC says that a receiver drops it; lwipv6 does not
 *   useless   lwipv6 can do nothing with it but forward it wrongly
 *
 * What is left is passed, unknown Ethernet types too, for packet sockets:
 * lwipv6 copies those whole and looks at 14 bytes only.
 *
 * THE ORDER is that of the headers: Ethernet, IP, transport.  Every length is
 * checked against the bytes that are really there before anything behind it
 * is read.  A frame falls at the first rule it breaks.  The ordinary TCP
 * segment takes the shortest way: some twenty comparisons, no loop.  Loops run
 * over options only, except the checksum of ICMPv6, which is no bulk traffic.
 *
 * TWO THINGS ARE MENDED rather than dropped.  An MSS option larger than the
 * MTU allows is lowered in place: lwipv6's own limit is 1488, its full
 * segments would be fragmented, and its fragmenter spoils the queued segment,
 * so that the retransmission crashes.  A SYN without the option makes lwipv6
 * assume 1488 as well (not 536); wall_add_mss() supplies it, because
 * wall_check() may not make the frame longer.
 *
 * ONE THING IS HANDED BACK: neighbour solicitations that are quite right but
 * have no source link-layer option, every DAD probe for one.  lwipv6 builds
 * its answer in the request's buffer and writes the option behind its end.
 * WALL_SOLICITED asks the driver to answer in the stack's place.
 *
 * WHAT NEEDS MEMORY is not done here.  Fragments are judged one by one: no
 * fragment that passes can make the reassembly write outside its buffer, but
 * five unfinished datagrams fill its table for five seconds.  Floods of SYN,
 * of RA with ever new prefixes, of datagrams to a socket nobody reads, and
 * senders that lie about their address, all look innocent one by one.  So do
 * directed broadcasts, for which one has to know the netmask.
 */
#include <string.h>

#include "wall.h"

#define ETH 14u /* Ethernet header */
#define IP4 20u /* IPv4 header without options */
#define IP6 40u
#define TCP 20u
#define UDP 8u

enum { P_ICMP4 = 1, P_IGMP = 2, P_TCP = 6, P_UDP = 17, P_ICMP6 = 58 };
enum {
	X_HOP = 0,
	X_ROUTING = 43,
	X_FRAGMENT = 44,
	X_AUTH = 51,
	X_NONE = 59,
	X_DEST = 60
};
enum { T_FIN = 1, T_SYN = 2, T_RST = 4 };
enum { ND_RS = 133, ND_RA, ND_NS, ND_NA, ND_REDIRECT };
enum { O_SOURCE = 1, O_TARGET = 2, O_PREFIX = 3, O_MTU = 5 };

#define unlikely(x) __builtin_expect(!!(x), 0)

static inline unsigned
be16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static inline uint32_t
be32(const uint8_t *p)
{
	return (uint32_t)be16(p) << 16 | be16(p + 2);
}

static inline uint64_t
be64(const uint8_t *p)
{
	return (uint64_t)be32(p) << 32 | be32(p + 4);
}

static inline void
put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline int
is_group(const uint8_t *mac)
{
	return mac[0] & 1;
}

/* The Internet checksum's sum of N bytes, added to SUM, not yet folded. */
static uint64_t
sum16(const uint8_t *p, size_t n, uint64_t sum)
{
	for (; n >= 4; p += 4, n -= 4)
		sum += be32(p);
	if (n >= 2) {
		sum += be16(p);
		p += 2;
		n -= 2;
	}
	return n ? sum + ((uint64_t)*p << 8) : sum;
}

static unsigned
fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (unsigned)sum;
}

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

/* ---- TCP --------------------------------------------------------------- */

/*
 * The largest MSS that an interface of this MTU may be told of by a peer.
 * RFC 9293 3.7.1: the MTU less the fixed headers.
 */
static unsigned
mss_limit(unsigned mtu, unsigned iphdr)
{
	unsigned hdr = iphdr + TCP;

	return mtu < hdr + WALL_MSS_MIN ? WALL_MSS_MIN : mtu - hdr;
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
static inline enum wall_reason
tcp(uint8_t *th, size_t n, unsigned limit, struct wall_result *r)
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

/* ---- IPv4 -------------------------------------------------------------- */

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
 * WALL_ICMP_LENGTH  RFC 792, RFC 1122 3.2.2: must.  lwipv6 answers echo
 *	requests and ignores the rest, but raw sockets read errors too, and
 *	those have to hold an IP header and 8 bytes.
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
 * A fragment, P and N its data.  What lwipv6's reassembly makes of them:
 *
 * WALL_FRAG_LENGTH  RFC 791 3.2: harm.  Its bitmap counts in eights, so other
 *	lengths leave gaps that it takes for filled.  Without data: useless.
 * WALL_FRAG_END  RFC 791 3.2, 65535 bytes in all: harm.  It accepts up to
 *	65535 but its bitmap ends at 65472 and it reads and writes behind it.
 *	We refuse what ends there or later.
 * WALL_FRAG_TINY  RFC 1858 3, RFC 3128: harm.  It counts the first 64 bytes
 *	(20 of header, 44 of data) as received before they are: a datagram
 *	without its beginning is completed with what the buffer held before.
 *	With at least 56 bytes in the first fragment that cannot be, and the
 *	transport header, as far as lwipv6 reads it, lies in that fragment.
 * WALL_FRAG_OPTION  harm.  It keeps 20 bytes of the header that came first but
 *	its header length as it was, and later skips that many bytes of data.
 * WALL_FRAG_TCP  harm.  The protocol is no part of what it compares, and the
 *	header that came first counts: no rule of ours about TCP would hold for
 *	a segment in pieces.  No TCP needs fragments (RFC 9293 3.7.1, 3.7.5).
 * WALL_FRAG_DHCP  harm.  For the same reason, whatever protocol it claims: what
 *	would be a reply from DHCP server to client when taken for UDP.
 */
static enum wall_reason
fragment4(const uint8_t *ip, size_t ihl, const uint8_t *p, size_t n)
{
	unsigned offset = (be16(ip + 6) & 0x1fff) * 8;
	int more = ip[6] & 0x20;

	if (ihl != IP4)
		return WALL_FRAG_OPTION;
	if (ip[9] == P_TCP)
		return WALL_FRAG_TCP;
	if (n == 0 || (more && n % 8))
		return WALL_FRAG_LENGTH;
	if (IP4 + offset + n >= 65472)
		return WALL_FRAG_END;
	if (offset ? offset < 56 : n < 56)
		return WALL_FRAG_TINY;
	if (offset)
		return WALL_OK;
	if (be32(p) == (67u << 16 | 68u))
		return WALL_FRAG_DHCP;
	if (ip[9] == P_UDP && be16(p + 4) <= n)
		return WALL_UDP_LENGTH;
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
 * WALL_IP4_GROUP  useless: lwipv6 knows no IPv4 multicast, and the limited
 *	broadcast only from 0.0.0.0 or for DHCP clients; when it forwards, it
 *	forwards these (RFC 1812 5.3.5.1: must not), and round and round.
 */
static enum wall_reason
addresses4(uint32_t s, uint32_t d, unsigned proto, const uint8_t *p, size_t n)
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
		return WALL_IP4_GROUP;
	if (d == UINT32_MAX && s != 0 &&
	    (proto != P_UDP || n < UDP || be16(p + 2) != 68))
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
 * WALL_IP4_TTL  RFC 1122 3.2.1.7, a host must not send 0: harm.  lwipv6
 *	forwards it with 255.
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
static inline enum wall_reason
ip4(uint8_t *f, size_t len, unsigned mtu, struct wall_result *r)
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
	if (unlikely(ip[8] == 0))
		return WALL_IP4_TTL;
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
	    (why = addresses4(s, d, proto, p, be16(ip + 6) & 0x1fff ? 0 : n)) !=
		WALL_OK)
		return why;
	if (unlikely(s == d))
		return WALL_LAND;
	if (unlikely(be16(ip + 6) & 0x3fff))
		return fragment4(ip, ihl, p, n);
	switch (proto) {
	case P_TCP:
		if (unlikely(is_group(f) || d == UINT32_MAX))
			return WALL_TCP_GROUP;
		return tcp(p, n, mss_limit(mtu, IP4), r);
	case P_UDP:
		return udp4(p, n);
	case P_ICMP4:
		return icmp4(p, n);
	}
	if (n < 8)
		return WALL_PROTO_SHORT;
	return is_group(f) || d == UINT32_MAX ? WALL_PROTO_GROUP : WALL_OK;
}

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
 * WALL_ND_LINK in an NA: 4.4.  Harm: lwipv6 takes the 6 bytes at the option's
 *	place for the address, whatever and whether anything is there.  As it
 *	solicits by multicast only, its answers must have the option.
 * WALL_ND_FLAGS  7.1.2, solicited and multicast: must.  Also the reserved bit
 *	that lwipv6 takes for that flag: harm.  In an NA to what it takes for
 *	all nodes (it forgets the byte order: ff02::100:0) it gives up any
 *	tentative address of the target's network, the link-local one too, and
 *	reads it after freeing it.  (Its own answers have the bit set, but are
 *	never multicast.)
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
		if (dst[0] == 0xff && (p[4] & 0x42))
			return WALL_ND_FLAGS;
		if (!o.target || o.target != o.first)
			return WALL_ND_LINK;
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
 * Extension headers: the first of them makes lwipv6 throw a packet for itself
 * away, without harm, unless there is a fragment header.
 * WALL_IP6_FRAGMENT  RFC 8200 4.5: harm.  lwipv6 frees the packet, then reads
 *	in it which header comes next; with another fragment header it crashes.
 * WALL_IP6_EXTENSION  RFC 8200 4, 4.3, RFC 5095 3 (routing type 0): must.
 */
static enum wall_reason
extensions(const uint8_t *p, size_t n, unsigned next)
{
	for (int i = 0; i < 8; i++) {
		size_t l;

		switch (next) {
		case X_FRAGMENT:
			return WALL_IP6_FRAGMENT;
		case X_HOP:
			if (i != 0)
				return WALL_IP6_EXTENSION;
			break;
		case X_ROUTING:
		case X_DEST:
		case X_AUTH:
			break;
		default:
			return WALL_OK;
		}
		if (n < 8)
			return WALL_IP6_EXTENSION;
		l = next == X_AUTH ? (p[1] + 2u) * 4 : (p[1] + 1u) * 8;
		if (l < 8 || l > n || (next == X_ROUTING && p[2] == 0))
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
 * WALL_IP6_HOPS  RFC 8200 3: harm.  Forwarding, lwipv6 subtracts 1 from 0 and
 *	the borrow destroys the next header.
 * WALL_IP6_UNICAST  storm: a unicast packet in a group's frame.  IPv6 has no
 *	broadcast that would excuse it; every forwarding stack would send it on
 *	(cf. RFC 1122 3.3.6, RFC 1812 5.3.4).
 * WALL_UDP_CHECKSUM  RFC 8200 8.1: must.
 * WALL_PROTO_GROUP  RFC 4443 2.4 (e.3): storm; and harm: without an address
 *	yet lwipv6 follows a null pointer when it looks for one to answer from.
 */
static inline enum wall_reason
ip6(uint8_t *f, size_t len, unsigned mtu, struct wall_result *r)
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
	if (unlikely(ip[7] == 0))
		return WALL_IP6_HOPS;
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
		return tcp(p, n, mss_limit(mtu, IP6), r);
	case P_UDP:
		if (n < UDP || be16(p + 4) != n)
			return WALL_UDP_LENGTH;
		return be16(p + 6) ? WALL_OK : WALL_UDP_CHECKSUM;
	case P_ICMP6:
		return icmp6(ip, p, n, r);
	case X_HOP:
	case X_ROUTING:
	case X_FRAGMENT:
	case X_AUTH:
	case X_NONE:
	case X_DEST:
		return extensions(p, n, next);
	}
	if (n < 8)
		return WALL_PROTO_SHORT;
	return group ? WALL_PROTO_GROUP : WALL_OK;
}

/* ---- Ethernet, ARP ----------------------------------------------------- */

/*
 * WALL_ARP_LENGTH  RFC 826: harm; lwipv6 does check this, here it protects us.
 * WALL_ARP_FORMAT, WALL_ARP_OPCODE  RFC 826, RFC 5494 2: harm.  lwipv6 looks
 *	neither at the types nor at the lengths, and learns a neighbour from
 *	every opcode.
 * WALL_ARP_SENDER  RFC 826, RFC 5227 1.1, RFC 1812 3.3.2 (a group's hardware
 *	address must not be believed): storm, lwipv6 then broadcasts its unicast.
 *	0.0.0.0 is a probe (RFC 5227 2.1.1), and answered.
 */
static enum wall_reason
arp(const uint8_t *f, size_t len, struct wall_result *r)
{
	const uint8_t *a = f + ETH;
	uint32_t sender;

	if (len < ETH + 28)
		return WALL_ARP_LENGTH;
	r->len = ETH + 28;
	if (be32(a) != 0x00010800 || be16(a + 4) != 0x0604)
		return WALL_ARP_FORMAT;
	if (be16(a + 6) != 1 && be16(a + 6) != 2)
		return WALL_ARP_OPCODE;
	sender = be32(a + 14);
	if (is_group(a + 8) || sender >> 28 == 14 || sender >> 24 == 127 ||
	    sender == UINT32_MAX)
		return WALL_ARP_SENDER;
	return WALL_OK;
}

/*
 * WALL_SHORT  a frame without a whole Ethernet header.  Harm: all of lwipv6's
 *	entrances read one.
 * WALL_LONG  RFC 894, RFC 2464 2: must.  More than the MTU and what the link
 *	adds.  Harm: an echo would have to be fragmented.
 * WALL_SOURCE_GROUP  IEEE 802.3 3.2.3, RFC 1812 3.3.2: storm.  A reply would
 *	go to everybody.
 * The rest, with a tag (802.1Q) or of an unknown type, is passed: see DOC.
 */
static inline enum wall_reason
judge(uint8_t *f, size_t len, unsigned mtu, struct wall_result *r)
{
	r->kind = WALL_KIND_OTHER;
	r->len = (uint32_t)len;
	r->mss_was = r->mss_is = 0;
	r->solicits = 0;
	if (unlikely(len < ETH))
		return WALL_SHORT;
	if (unlikely(len > (size_t)mtu + WALL_HEADROOM))
		return WALL_LONG;
	if (unlikely(is_group(f + 6)))
		return WALL_SOURCE_GROUP;
	switch (be16(f + 12)) {
	case 0x0800:
		r->kind = WALL_KIND_IP4;
		return ip4(f, len, mtu, r);
	case 0x86dd:
		r->kind = WALL_KIND_IP6;
		return ip6(f, len, mtu, r);
	case 0x0806:
		r->kind = WALL_KIND_ARP;
		return arp(f, len, r);
	}
	return WALL_OK;
}

enum wall_verdict
wall_check(uint8_t *frame, size_t len, unsigned mtu, struct wall_result *r)
{
	r->reason = judge(frame, len, mtu, r);
	r->verdict = r->reason == WALL_OK ? WALL_PASS :
	    r->reason == WALL_NS_PLAIN	  ? WALL_SOLICITED :
					    WALL_DROP;
	return r->verdict;
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

static const char *const texts[] = {
	[WALL_OK] = "passed",
	[WALL_SHORT] = "shorter than an Ethernet header",
	[WALL_LONG] = "longer than the MTU allows",
	[WALL_SOURCE_GROUP] = "from a group's hardware address",
	[WALL_ARP_LENGTH] = "ARP: too short",
	[WALL_ARP_FORMAT] = "ARP: not for IPv4 on Ethernet",
	[WALL_ARP_OPCODE] = "ARP: neither request nor reply",
	[WALL_ARP_SENDER] = "ARP: sender is a group or loopback address",
	[WALL_IP4_HEADER] = "IPv4: bad version or header length",
	[WALL_IP4_LENGTH] = "IPv4: bad total length",
	[WALL_IP4_OPTION] = "IPv4: malformed option",
	[WALL_IP4_TTL] = "IPv4: time to live is 0",
	[WALL_IP4_SOURCE] = "IPv4: source cannot be a host",
	[WALL_IP4_DEST] = "IPv4: destination cannot be a host",
	[WALL_IP4_GROUP] = "IPv4: group that the stack does not receive",
	[WALL_FRAG_LENGTH] = "IPv4 fragment: bad length",
	[WALL_FRAG_END] = "IPv4 fragment: beyond the largest datagram",
	[WALL_FRAG_TINY] = "IPv4 fragment: first one too small",
	[WALL_FRAG_OPTION] = "IPv4 fragment: with options",
	[WALL_FRAG_TCP] = "IPv4 fragment: of TCP",
	[WALL_FRAG_DHCP] = "IPv4 fragment: of DHCP",
	[WALL_IP6_HEADER] = "IPv6: short header or bad version",
	[WALL_IP6_LENGTH] = "IPv6: bad payload length",
	[WALL_IP6_HOPS] = "IPv6: hop limit is 0",
	[WALL_IP6_SOURCE] = "IPv6: source cannot be a host",
	[WALL_IP6_DEST] = "IPv6: destination cannot be reached by wire",
	[WALL_IP6_UNICAST] = "IPv6: unicast packet in a multicast frame",
	[WALL_IP6_FRAGMENT] = "IPv6: fragment",
	[WALL_IP6_EXTENSION] = "IPv6: malformed extension header",
	[WALL_LAND] = "source is destination",
	[WALL_PROTO_SHORT] = "unknown protocol, less than 8 bytes",
	[WALL_PROTO_GROUP] = "unknown protocol, sent to a group",
	[WALL_TCP_HEADER] = "TCP: bad header length",
	[WALL_TCP_GROUP] = "TCP: sent to a group",
	[WALL_TCP_FLAGS] = "TCP: SYN with FIN or RST",
	[WALL_TCP_OPTION] = "TCP: malformed option",
	[WALL_TCP_MSS] = "TCP: MSS too small",
	[WALL_TCP_NO_MSS] = "TCP: SYN without MSS",
	[WALL_UDP_LENGTH] = "UDP: bad length",
	[WALL_UDP_CHECKSUM] = "UDP: no checksum over IPv6",
	[WALL_UDP_DHCP] = "UDP: DHCP reply too short",
	[WALL_ICMP_LENGTH] = "ICMP: too short",
	[WALL_ICMP6_LENGTH] = "ICMPv6: too short",
	[WALL_ICMP6_CHECKSUM] = "ICMPv6: bad checksum",
	[WALL_ICMP6_MTU] = "ICMPv6: MTU below 1280",
	[WALL_ND_HOPS] = "ND: hop limit is not 255",
	[WALL_ND_CODE] = "ND: code is not 0",
	[WALL_ND_OPTION] = "ND: malformed option",
	[WALL_ND_ADDRESS] = "ND: address not allowed here",
	[WALL_ND_LINK] = "ND: link-layer address missing or bad",
	[WALL_ND_FLAGS] = "ND: solicited flag in a multicast",
	[WALL_RA_PREFIX] = "RA: prefix cannot be used",
	[WALL_NS_PLAIN] = "NS: without link-layer address, answered here",
};
_Static_assert(sizeof texts / sizeof texts[0] == WALL_REASONS,
    "a text for every reason");

const char *
wall_reason_text(enum wall_reason reason)
{
	if ((unsigned)reason >= WALL_REASONS)
		return "unknown reason";
	return texts[reason];
}
