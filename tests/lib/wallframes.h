/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wallframes.h - frames for the wall, built from scratch
 *
 * Their checksums are computed in full, never with the wall's own arithmetic.
 */
#ifndef TESTS_WALLFRAMES_H
#define TESTS_WALLFRAMES_H

#include <stddef.h>
#include <stdint.h>

#define MTU 1500u

struct pkt {
	size_t n;
	uint8_t b[2048];
};

/* clang-format off */
/* Good frames: the wall has to pass all of them. */
enum {
	ARP_REQUEST, ARP_REPLY, ARP_PROBE, SYN4, SYN4_ODD, SYN4_SMALL, SYNACK4,
	DATA4, DATA4_TS, ACK4_PADDED, UDP4, UDP4_0, ECHO4, ECHO4_OPT, UNREACH4,
	DISCOVER, OFFER, IGMP4, GROUP4, FRAG4_FIRST, FRAG4_LAST, RAW4, SYN6, SYN6_ODD,
	DATA6, UDP6, ECHO6, NS, NS_UNICAST, NS_EXTRA, NA, NA_LWIP, RA, RS,
	RS_UNSPEC, REDIRECT, MLD, MLD_UNSPEC, TOOBIG, DEST6, NONE6, UNKNOWN,
	VLAN, NGOOD
};

/* Pieces of frames for hex(). */
#define ME "02 00 00 00 00 01 "
#define YOU "02 00 00 00 00 02 "
#define ALL "ff ff ff ff ff ff "
#define LL1 "fe80 0000 0000 0000 0000 00ff fe00 0001 "
#define LL2 "fe80 0000 0000 0000 0000 00ff fe00 0002 "
#define GU1 "fd00 0000 0000 0000 0000 00ff fe00 0001 "
#define GU2 "fd00 0000 0000 0000 0000 00ff fe00 0002 "
#define UNSPEC "0000 0000 0000 0000 0000 0000 0000 0000 "
#define SOLICITED "ff02 0000 0000 0000 0000 0001 ff00 0001 "
#define NODES "ff02 0000 0000 0000 0000 0000 0000 0001 "
#define ROUTERS "ff02 0000 0000 0000 0000 0000 0000 0002 "

#define V4(proto) ME YOU "0800 4500 0000 1234 4000 40" proto "0000" \
	"0a000002 0a000001"
#define V6(next, hops) ME YOU "86dd 60000000 0000" next hops
#define TCPH(doffflags) "c000 0050 00000001 00000002" doffflags "8000 0000 0000"
#define SYNOPT "0204 ffff 0402 080a 11223344 00000000 01 030307"
#define ODDOPT "01 0204 2328 010101" /* the MSS on an odd byte */
/* clang-format on */

unsigned get16(const uint8_t *p);
void set16(uint8_t *p, unsigned v);
unsigned sum(const uint8_t *p, size_t n, unsigned s);

int transport(const struct pkt *p, size_t *at, size_t *n, unsigned *pseudo);
int csum_good(const struct pkt *p);

void hex(struct pkt *p, const char *s);
void fill(struct pkt *p, size_t n);
void fix(struct pkt *p);
void done(struct pkt *p);
const char *good(int which, struct pkt *p);
uint8_t *exact(const struct pkt *p);

#endif /* TESTS_WALLFRAMES_H */
