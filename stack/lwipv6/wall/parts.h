/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wall/parts.h - what the files of the wall share; private to them
 *
 * wall.c takes a frame as far as its Ethernet type, wall/ip4.c and wall/ip6.c
 * take a packet as far as its protocol, wall/tcp.c has the rest of a segment.
 * Each function is given bytes that are there, and how many; which these are
 * stands below.  What they say of the frame goes into *R.
 */
#ifndef SHMIF_WALL_PARTS_H
#define SHMIF_WALL_PARTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/net_bytes.h"
#include "stack/lwipv6/wall/wall.h"

#define ETH 14u /* Ethernet header */
#define IP4 20u /* IPv4 header without options */
#define IP6 40u
#define TCP 20u
#define UDP 8u

enum { P_ICMP4 = 1, P_IGMP = 2, P_TCP = 6, P_UDP = 17, P_ICMP6 = 58 };

/* Extension headers of IPv6; X_NONE: nothing follows. */
enum { X_HOP = 0, X_ROUTING = 43, X_FRAGMENT = 44, X_NONE = 59, X_DEST = 60 };

#define unlikely(x) __builtin_expect(!!(x), 0)

static inline int
is_group(const uint8_t *mac)
{
	return mac[0] & 1;
}

enum { T_FIN = 1, T_SYN = 2, T_RST = 4 };

/*
 * RFC 1624, equation 3: the checksum at C after a 16-bit word that it covers
 * went from WAS to IS.
 */
static inline void
wall_csum_update(uint8_t *c, unsigned was, unsigned is)
{
	put16(c,
	    ~fold((uint64_t)(~be16(c) & 0xffff) + (~was & 0xffff) + is) &
		0xffff);
}

/*
 * The largest MSS that an interface of this MTU may be told of by a peer.
 * RFC 9293 3.7.1: the MTU less the fixed headers.
 */
static inline unsigned
mss_limit(unsigned mtu, unsigned iphdr)
{
	unsigned hdr = iphdr + TCP;

	return mtu < hdr + WALL_MSS_MIN ? WALL_MSS_MIN : mtu - hdr;
}

/*
 * The packet in FRAME, LEN bytes with at least an Ethernet header, whose type
 * says IPv4 or IPv6.  R->len becomes the frame's length without its padding.
 */
enum wall_reason wall_ip4(uint8_t *frame, size_t len, unsigned mtu,
    struct wall_result *r);
enum wall_reason wall_ip6(uint8_t *frame, size_t len, unsigned mtu,
    struct wall_result *r);

/*
 * The N bytes of a TCP segment at TH, by whichever IP.  An MSS option larger
 * than LIMIT, which is mss_limit()'s, is lowered to it.
 */
enum wall_reason wall_tcp(uint8_t *th, size_t n, unsigned limit,
    struct wall_result *r);
/* The same for the options of one with SYN, HDR being the header's length. */
enum wall_reason wall_tcp_syn(uint8_t *th, size_t hdr, unsigned limit,
    struct wall_result *r);

#endif /* SHMIF_WALL_PARTS_H */
