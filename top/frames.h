/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * frames.h - what the frames of a bus tell about its traffic; private
 *
 * DOC: Of each frame the first SNAP bytes are looked at, no more than the
 * addresses and the protocol.  What is counted, is counted for the present
 * interval; frames_next() begins another.
 *
 * Who speaks to whom is kept in two tables of a fixed size, one by hardware
 * address and one by IP address.  An address is looked for in the eight places
 * that its hash names; where all are taken, a new one replaces the one with the
 * least traffic.  Whoever invents addresses can push out the quiet ones, and
 * costs neither memory nor time.
 */
#ifndef TOP_FRAMES_H
#define TOP_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SNAP 128 /* bytes of a frame that are looked at */
#define PLACES 512
#define WAYS 8	  /* places that an address may have */
#define FORGET 60 /* intervals after which somebody silent is forgotten */

enum protocol {
	PROTO_TCP,
	PROTO_UDP,
	PROTO_ICMP,
	PROTO_ICMP6,
	PROTO_ARP,
	PROTO_IGMP,
	PROTO_IP4, /* any other over IPv4 */
	PROTO_IP6,
	PROTO_OTHER,
	PROTOCOLS,
};

struct count {
	uint64_t frames, bytes;
};

struct talker {
	/* An IP address as base/addr.h has it, or a MAC and ten zeros. */
	uint8_t key[16];
	bool used;
	unsigned idle; /* intervals since it was last seen */
	struct count sent, received, total;
};

struct talkers {
	struct talker v[PLACES];
};

/* What was seen. */
struct frames {
	struct count all, group, protocol[PROTOCOLS];
	struct talkers mac, ip;
};

/* What PROTOCOL is called. */
const char *frames_protocol(enum protocol protocol);
/* Counts a frame of LEN bytes, the first N of which are at DATA. */
void frames_count(struct frames *f, const uint8_t *data, size_t n,
    uint32_t len);
/* Begins another interval. */
void frames_next(struct frames *f);
/*
 * The N addresses of T with the most bytes in this interval or, where that is
 * the same, ever; the most first.  Returns how many there are, at most N.
 */
size_t frames_talkers(const struct talkers *t, const struct talker **to,
    size_t n);

#endif /* TOP_FRAMES_H */
