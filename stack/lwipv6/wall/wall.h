/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wall.h - what may reach the stack, and what may not
 *
 * A pure function on the bytes of one received Ethernet frame: no system
 * call, no allocation, no state, no header of any stack.  Any thread may call
 * it on its own frame at any time.  See the DOC block of wall.c.
 */
#ifndef SHMIF_WALL_H
#define SHMIF_WALL_H

#include <stddef.h>
#include <stdint.h>

/* What to do with the frame. */
enum wall_verdict {
	WALL_PASS,	/* give it to the stack */
	WALL_DROP,	/* throw it away and count its reason */
	WALL_SOLICITED, /* a neighbour solicitation that the stack must not
			   see: answer it where its target is one's own
			   address, then throw it away */
};

/* What the frame carries; known for every verdict but WALL_SHORT's. */
enum wall_kind {
	WALL_KIND_OTHER, /* of use to packet sockets only */
	WALL_KIND_ARP,
	WALL_KIND_IP4,
	WALL_KIND_IP6,
};

/* Why.  wall_reason_text() has the sentence, wall*.c the chapter and verse. */
enum wall_reason {
	WALL_OK,
	/* Ethernet, ARP */
	WALL_SHORT,
	WALL_LONG,
	WALL_SOURCE_GROUP,
	WALL_ARP_LENGTH,
	WALL_ARP_FORMAT,
	WALL_ARP_OPCODE,
	WALL_ARP_SENDER,
	/* IPv4 */
	WALL_IP4_HEADER,
	WALL_IP4_LENGTH,
	WALL_IP4_OPTION,
	WALL_IP4_SOURCE,
	WALL_IP4_DEST,
	WALL_IP4_GROUP,
	WALL_FRAG_LENGTH,
	WALL_FRAG_END,
	/* IPv6 */
	WALL_IP6_HEADER,
	WALL_IP6_LENGTH,
	WALL_IP6_SOURCE,
	WALL_IP6_DEST,
	WALL_IP6_UNICAST,
	WALL_IP6_FRAGMENT,
	WALL_IP6_EXTENSION,
	/* both */
	WALL_LAND,
	WALL_PROTO_SHORT,
	WALL_PROTO_GROUP,
	WALL_TCP_HEADER,
	WALL_TCP_GROUP,
	WALL_TCP_FLAGS,
	WALL_TCP_OPTION,
	WALL_TCP_MSS,
	WALL_TCP_NO_MSS,
	WALL_UDP_LENGTH,
	WALL_UDP_CHECKSUM,
	WALL_UDP_DHCP,
	WALL_ICMP_LENGTH,
	/* ICMPv6, neighbour discovery */
	WALL_ICMP6_LENGTH,
	WALL_ICMP6_CHECKSUM,
	WALL_ICMP6_MTU,
	WALL_ND_HOPS,
	WALL_ND_CODE,
	WALL_ND_OPTION,
	WALL_ND_ADDRESS,
	WALL_ND_LINK,
	WALL_ND_FLAGS,
	WALL_RA_PREFIX,
	WALL_NS_PLAIN, /* the reason of WALL_SOLICITED */
	/* What needs to be known of the interface: ip/arrive.c, ip/ext.c */
	WALL_LATER,
	WALL_TTL = WALL_LATER,
	WALL_SOURCE_BROADCAST,
	WALL_OPTION,
	WALL_OVERLAP,
	WALL_FRAG_ND,
	WALL_REASONS /* how many there are */
};

struct wall_result {
	enum wall_verdict verdict;
	enum wall_reason reason;
	enum wall_kind kind;
	uint32_t len; /* bytes that mean something: less than the frame's
			 where padding follows the datagram.  Give the stack
			 these only: it shrinks what is longer by a realloc()
			 whose result it ignores */
	uint16_t mss_was, mss_is; /* MSS option before and after; 0: there was
				     none, or it was small enough */
	uint8_t fragment;	  /* a part of a datagram of IPv4, or ... */
	uint8_t extended; /* ... IPv6 with extension headers: judge what is in
			     it when it is whole and they are gone */
	/* A neighbour solicitation that is well-formed (PASS or SOLICITED)
	 * sets solicits, and then: */
	uint8_t solicits;
	uint8_t target[16]; /* the address asked for */
	uint8_t source[16]; /* who asks; ::, a probe for duplicates (DAD) */
};

/* An MSS below this is refused: WALL_TCP_MSS. */
#define WALL_MSS_MIN 28u
/* Frames may exceed the MTU by the Ethernet header and one 802.1Q tag. */
#define WALL_HEADROOM 18u

/*
 * Judges FRAME, LEN bytes beginning with the Ethernet header and without FCS,
 * for an interface whose MTU is MTU, and fills in *R.  Touches nothing outside
 * [FRAME, FRAME + LEN).  The only thing it ever changes there is the MSS option
 * of a TCP segment with SYN (and that segment's checksum), when it is larger
 * than MTU - 40 (IPv4) or MTU - 60 (IPv6).  Returns R->verdict.
 */
enum wall_verdict wall_check(uint8_t *frame, size_t len, unsigned mtu,
    struct wall_result *r);

/*
 * Gives a SYN that wall_check() refused with WALL_TCP_NO_MSS the option that
 * it lacks, with the value that its absence means by RFC 9293.  The frame
 * grows by four bytes: ROOM is how many may be written at FRAME.  Returns the
 * frame's new length, or 0 (nothing changed) when there is no room for it.
 */
size_t wall_add_mss(uint8_t *frame, size_t len, size_t room, unsigned mtu);

/*
 * Lowers the MSS option of FRAME, if it is a SYN that has one, to what fits
 * MTU: of one that is sent, so that the peer never sends what the interface
 * cannot take; of one that is received, so that the stack never sends that.
 * Any other frame is left alone.  Returns whether something was changed.
 */
int wall_clamp_mss(uint8_t *frame, size_t len, unsigned mtu);

/* ---- wall/ext6.c --------------------------------------------------------- */

/* Extension headers of one packet. */
#define WALL_HEADERS_MAX 8u

/* What a walk through extension headers came to. */
enum wall_ext_end {
	WALL_EXT_UPPER,	   /* the header of another protocol */
	WALL_EXT_FRAGMENT, /* a fragment header, and a part of a datagram */
	WALL_EXT_PROBLEM,  /* the sender is to be told */
	WALL_EXT_DROP,	   /* thrown away, for a reason */
	WALL_EXT_NONE,	   /* nothing follows */
};

struct wall_ext {
	uint8_t next;	/* UPPER: the protocol; FRAGMENT: that behind it */
	uint8_t atomic; /* there was a fragment header, of a whole datagram */
	uint8_t alert;	/* there was a router alert option (RFC 2711) */
	uint8_t code;	/* PROBLEM: of the ICMP message */
	uint8_t many;	/* PROBLEM: also where it was sent to a group */
	uint32_t at;	/* of what comes next: bytes from the IPv6 header */
	uint32_t named; /* where NEXT stands; PROBLEM: the pointer */
	enum wall_reason reason; /* DROP, PROBLEM */
};

/*
 * Goes through the extension headers of the IPv6 packet IP, of LEN bytes with
 * its header at least, as its destination does.  WHOLE: it was put together
 * from fragments, and must not have a fragment header any more.
 */
enum wall_ext_end wall_ext6(const uint8_t *ip, size_t len, int whole,
    struct wall_ext *e);
/*
 * Only looks which protocol the packet IP carries, and where: stores that in
 * *AT.  -1: that is not in these LEN bytes, or not to be understood.
 */
int wall_upper6(const uint8_t *ip, size_t len, size_t *at);

/* A short text for a reason, for counters and messages.  Static. */
const char *wall_reason_text(enum wall_reason reason);

#endif /* SHMIF_WALL_H */
