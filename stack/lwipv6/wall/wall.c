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
 * THE ORDER is that of the headers: Ethernet and ARP here, then wall/ip4.c or
 * wall/ip6.c, then wall/tcp.c.  Every length is checked against the bytes that
 * are really there before anything behind it is read.  A frame falls at the
 * first rule it breaks.  The ordinary TCP segment takes the shortest way: some
 * twenty comparisons, no loop.  Loops run over options only, except the
 * checksum of ICMPv6, which is no bulk traffic.
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
 * WHAT NEEDS MEMORY is not done here.  Of fragments, and of packets with
 * extension headers, only lengths are looked at: what is in them is judged by
 * ip/arrive.c, which calls wall_check() again when they are put together and
 * without such headers; the stack never sees those for itself in another form.  Floods of SYN,
 * of RA with ever new prefixes, of datagrams to a socket nobody reads, and
 * senders that lie about their address, all look innocent one by one.  So do
 * directed broadcasts, for which one has to know the netmask.
 */
#include "stack/lwipv6/wall/parts.h"

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
	r->fragment = 0;
	r->extended = 0;
	if (unlikely(len < ETH))
		return WALL_SHORT;
	if (unlikely(len > (size_t)mtu + WALL_HEADROOM))
		return WALL_LONG;
	if (unlikely(is_group(f + 6)))
		return WALL_SOURCE_GROUP;
	switch (be16(f + 12)) {
	case 0x0800:
		r->kind = WALL_KIND_IP4;
		return wall_ip4(f, len, mtu, r);
	case 0x86dd:
		r->kind = WALL_KIND_IP6;
		return wall_ip6(f, len, mtu, r);
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
