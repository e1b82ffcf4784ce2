/* SPDX-License-Identifier: BSD-2-Clause */
/* wall/text.c - the reasons of the wall, in words */
#include "stack/lwipv6/wall/wall.h"

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
	[WALL_IP4_SOURCE] = "IPv4: source cannot be a host",
	[WALL_IP4_DEST] = "IPv4: destination cannot be a host",
	[WALL_IP4_GROUP] = "IPv4: group that the stack does not receive",
	[WALL_FRAG_LENGTH] = "IPv4 fragment: bad length",
	[WALL_FRAG_END] = "IPv4 fragment: beyond the largest datagram",
	[WALL_IP6_HEADER] = "IPv6: short header or bad version",
	[WALL_IP6_LENGTH] = "IPv6: bad payload length",
	[WALL_IP6_SOURCE] = "IPv6: source cannot be a host",
	[WALL_IP6_DEST] = "IPv6: destination cannot be reached by wire",
	[WALL_IP6_UNICAST] = "IPv6: unicast packet in a multicast frame",
	[WALL_IP6_FRAGMENT] = "IPv6: malformed fragment",
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
	[WALL_TTL] = "for another, and its time to live is 0",
	[WALL_SOURCE_BROADCAST] =
	    "IPv4: source is a network's broadcast address",
	[WALL_OPTION] = "IPv6: option that forbids to go on",
	[WALL_OVERLAP] = "fragment that overlaps or contradicts others",
	[WALL_FRAG_ND] = "ND: in fragments",
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
