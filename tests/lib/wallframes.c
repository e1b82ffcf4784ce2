/* SPDX-License-Identifier: BSD-2-Clause */
/* wallframes.c - frames for the wall, built from scratch */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/wallframes.h"

unsigned
get16(const uint8_t *p)
{
	return (unsigned)(p[0] << 8 | p[1]);
}

void
set16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* RFC 1071, byte by byte */
unsigned
sum(const uint8_t *p, size_t n, unsigned s)
{
	for (size_t i = 0; i < n; i++)
		s += i & 1 ? p[i] : (unsigned)p[i] << 8;
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return s;
}

/*
 * The transport header of frame P: its offset in *AT, its length in *N, and
 * the sum of its pseudo header.  Returns the protocol, or -1.
 */
int
transport(const struct pkt *p, size_t *at, size_t *n, unsigned *pseudo)
{
	const uint8_t *ip = p->b + 14;

	if (p->n >= 34 && get16(p->b + 12) == 0x0800 && ip[0] >> 4 == 4) {
		*at = 14 + (size_t)(ip[0] & 15) * 4;
		*n = 14 + get16(ip + 2);
		if (*n > p->n || *n < *at || (get16(ip + 6) & 0x3fff))
			return -1;
		*n -= *at;
		*pseudo = sum(ip + 12, 8, ip[9] + (unsigned)*n);
		return ip[9];
	}
	if (p->n >= 54 && get16(p->b + 12) == 0x86dd) {
		*at = 54;
		*n = get16(ip + 4);
		if (*n + 54 > p->n)
			return -1;
		*pseudo = sum(ip + 8, 32, ip[6] + (unsigned)*n);
		return ip[6];
	}
	return -1;
}

/* where the checksum of protocol PROTO stands in its header; 0: it has none */
static size_t
csum_at(int proto)
{
	return proto == 6 ? 16 : proto == 17 ? 6 : proto == 58 ? 2 : 0;
}

/* whether the transport checksum of P is right */
int
csum_good(const struct pkt *p)
{
	size_t at, n;
	unsigned s = 0;
	int proto = transport(p, &at, &n, &s);

	return proto >= 0 && sum(p->b + at, n, s) == 0xffff;
}

/* computes all checksums of P that its lengths allow */
void
fix(struct pkt *p)
{
	size_t at = 0, n = 0, c;
	unsigned s = 0;
	int proto = transport(p, &at, &n, &s);

	if (proto == 1) {
		c = 2;
		s = 0;
	} else
		c = csum_at(proto);
	if (proto >= 0 && c && n >= c + 2) {
		set16(p->b + at + c, 0);
		set16(p->b + at + c, ~sum(p->b + at, n, s) & 0xffff);
		if (proto == 17 && get16(p->b + at + c) == 0)
			set16(p->b + at + c, 0xffff);
	}
	if (p->n >= 34 && get16(p->b + 12) == 0x0800) {
		size_t ihl = (size_t)(p->b[14] & 15) * 4;

		if (14 + ihl <= p->n && ihl >= 20) {
			set16(p->b + 24, 0);
			set16(p->b + 24, ~sum(p->b + 14, ihl, 0) & 0xffff);
		}
	}
}

/* appends the bytes that S spells, with or without blanks between them */
void
hex(struct pkt *p, const char *s)
{
	unsigned v;

	for (; *s; s += 2) {
		while (*s == ' ')
			s++;
		if (!*s)
			break;
		assert_int_equal(sscanf(s, "%2x", &v), 1);
		p->b[p->n++] = (uint8_t)v;
	}
}

/* appends N bytes of no meaning */
void
fill(struct pkt *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p->b[p->n++] = (uint8_t)(i * 7 + 1);
}

/* finishes an IP packet: lengths from what is there, then the checksums */
void
done(struct pkt *p)
{
	if (get16(p->b + 12) == 0x0800) {
		set16(p->b + 16, (unsigned)p->n - 14);
		if (p->b[23] == 17 && !(get16(p->b + 20) & 0x3fff))
			set16(p->b + 38, (unsigned)p->n - 34);
	} else {
		set16(p->b + 18, (unsigned)p->n - 54);
		if (p->b[20] == 17)
			set16(p->b + 58, (unsigned)p->n - 54);
	}
	fix(p);
}

/* clang-format off */
/* builds good frame WHICH; returns its name */
const char *
good(int which, struct pkt *p)
{
	p->n = 0;
#define G(x, how) case x: how; return #x
	switch (which) {
	G(ARP_REQUEST, hex(p, ALL YOU "0806 0001 0800 0604 0001" YOU "0a000002"
	    "000000000000 0a000001"));
	G(ARP_REPLY, hex(p, ME YOU "0806 0001 0800 0604 0002" YOU "0a000002"
	    ME "0a000001"); fill(p, 18));
	G(ARP_PROBE, hex(p, ALL YOU "0806 0001 0800 0604 0001" YOU "00000000"
	    "000000000000 0a000001"));
	G(SYN4, hex(p, V4("06") TCPH("a002") SYNOPT); done(p));
	G(SYN4_ODD, hex(p, V4("06") TCPH("7002") ODDOPT); done(p));
	G(SYN4_SMALL, hex(p, V4("06") TCPH("6002") "0204 0218"); done(p));
	G(SYNACK4, hex(p, V4("06") TCPH("a012") SYNOPT); done(p));
	G(DATA4, hex(p, V4("06") TCPH("5018")); fill(p, 1460); done(p));
	G(DATA4_TS, hex(p, V4("06") TCPH("8018") "01 01 080a 11223344 55667788");
	    fill(p, 1000); done(p));
	G(ACK4_PADDED, hex(p, V4("06") TCPH("5010")); done(p); fill(p, 6));
	G(UDP4, hex(p, V4("11") "1234 5678 0000 0000"); fill(p, 333); done(p));
	G(UDP4_0, hex(p, V4("11") "1234 5678 0000 0000"); done(p));
	G(ECHO4, hex(p, V4("01") "0800 0000 0001 0001"); fill(p, 56); done(p));
	G(ECHO4_OPT, hex(p, ME YOU "0800 4600 0000 1234 0000 4001 0000"
	    "0a000002 0a000001 94040000 0800 0000 0001 0001"); fill(p, 56);
	    done(p));
	G(UNREACH4, hex(p, V4("01") "0303 0000 0000 0000 4500 001c 0000 0000"
	    "4011 0000 0a000001 0a000002 1234 5678 0008 0000"); done(p));
	G(DISCOVER, hex(p, ALL YOU "0800 4500 0000 0000 0000 4011 0000"
	    "00000000 ffffffff 0044 0043 0000 0000"); fill(p, 248); done(p));
	G(OFFER, hex(p, ALL YOU "0800 4500 0000 0000 0000 4011 0000"
	    "0a0000fe ffffffff 0043 0044 0000 0000"); fill(p, 300); done(p));
	G(IGMP4, hex(p, V4("02") "1600 0000 e1020304"); done(p));
	G(GROUP4, hex(p, "01 00 5e 01 02 03 " YOU "0800 4500 0000 1234 0000"
	    "0111 0000 0a000002 ef010203 1234 5678 0000 0000"); fill(p, 99);
	    done(p));
	G(FRAG4_FIRST, hex(p, ME YOU "0800 4500 0000 1234 2000 4011 0000"
	    "0a000002 0a000001 1234 5678 0bc8 0000"); fill(p, 1472); done(p));
	G(FRAG4_LAST, hex(p, ME YOU "0800 4500 0000 1234 00b9 4011 0000"
	    "0a000002 0a000001"); fill(p, 77); done(p));
	G(RAW4, hex(p, V4("fd")); fill(p, 8); done(p));
	G(SYN6, hex(p, V6("06", "40") GU2 GU1 TCPH("a002") SYNOPT); done(p));
	G(SYN6_ODD, hex(p, V6("06", "40") GU2 GU1 TCPH("7012") ODDOPT); done(p));
	G(DATA6, hex(p, V6("06", "40") GU2 GU1 TCPH("5018")); fill(p, 1440);
	    done(p));
	G(UDP6, hex(p, V6("11", "40") GU2 GU1 "1234 5678 0000 0000");
	    fill(p, 17); done(p));
	G(ECHO6, hex(p, V6("3a", "40") GU2 GU1 "8000 0000 0001 0001");
	    fill(p, 1000); done(p));
	G(NS, hex(p, "3333ff000001" YOU "86dd 60000000 0000 3aff" LL2 SOLICITED
	    "8700 0000 00000000" LL1 "0101" YOU); done(p));
	G(NS_UNICAST, hex(p, V6("3a", "ff") LL2 LL1 "8700 0000 00000000" LL1
	    "0101" YOU); done(p));
	G(NS_EXTRA, hex(p, V6("3a", "ff") LL2 LL1 "8700 0000 00000000" LL1
	    "0e01 112233445566 0101" YOU); done(p));
	G(NA, hex(p, V6("3a", "ff") LL2 LL1 "8800 0000 60000000" LL2 "0201" YOU);
	    done(p));
	G(NA_LWIP, hex(p, V6("3a", "ff") LL2 LL1 "8800 0000 07000000" LL2
	    "0201" YOU); done(p));
	G(RA, hex(p, "333300000001" YOU "86dd 60000000 0000 3aff" LL2 NODES
	    "8600 0000 40000708 00000000 00000000 0101" YOU
	    "0501 0000 000005dc 0304 40c0 00278d00 00093a80 00000000"
	    "fd00 0000 0000 0000 0000 0000 0000 0000"); done(p));
	G(RS, hex(p, "333300000002" YOU "86dd 60000000 0000 3aff" LL2 ROUTERS
	    "8500 0000 00000000 0101" YOU); done(p));
	G(RS_UNSPEC, hex(p, "333300000002" YOU "86dd 60000000 0000 3aff" UNSPEC
	    ROUTERS "8500 0000 00000000"); done(p));
	G(REDIRECT, hex(p, V6("3a", "ff") LL2 GU1 "8900 0000 00000000" LL1 GU2
	    "0201" YOU); done(p));
	G(MLD, hex(p, "333300000016" YOU "86dd 60000000 0000 0001" LL2
	    "ff02 0000 0000 0000 0000 0000 0000 0016 3a00 0502 0000 0100"
	    "8f00 0000 0000 0001 0400 0000" SOLICITED); done(p));
	G(MLD_UNSPEC, hex(p, "333300000016" YOU "86dd 60000000 0000 0001" UNSPEC
	    "ff02 0000 0000 0000 0000 0000 0000 0016 3a00 0502 0000 0100"
	    "8f00 0000 0000 0001 0400 0000" SOLICITED); done(p));
	G(TOOBIG, hex(p, V6("3a", "40") GU2 GU1 "0200 0000 00000500 60000000"
	    "0004 1140" GU1 GU2 "11223344"); done(p));
	G(DEST6, hex(p, V6("3c", "40") GU2 GU1 "2b00 0104 00000000"
	    "1101 0401 00000000 0000000000000000 1234 5678 0008 0000"); done(p));
	G(NONE6, hex(p, V6("3b", "40") GU2 GU1 "00"); done(p));
	G(UNKNOWN, hex(p, ME YOU "88cc"); fill(p, 46));
	G(VLAN, hex(p, ME YOU "8100 0001 0800"); fill(p, 1500));
	}
#undef G
	fail_msg("no good frame %d", which);
	return "";
}
/* clang-format on */

/* a copy of P in a block of exactly its size, for free() */
uint8_t *
exact(const struct pkt *p)
{
	uint8_t *b = malloc(p->n ? p->n : 1);

	assert_non_null(b);
	memcpy(b, p->b, p->n);
	return b;
}
