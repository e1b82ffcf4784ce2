/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * patch.c - makes a frame fit
 *
 * A mutated frame nearly always falls at the first checksum, and a segment at
 * its sequence number.  What FIXES says is put right here; nothing outside
 * [FRAME, FRAME + N) is touched, and what is not there is left alone.
 */
#include <string.h>

#include "fuzz/frames.h"
#include "fuzz/stack/host.h"
#include "tests/lib/wallframes.h"

static void
put32(uint8_t *p, uint32_t v)
{
	set16(p, v >> 16);
	set16(p + 2, v & 0xffff);
}

/* The transport header in F, or NULL, with how much there is of it: *LEFT. */
static uint8_t *
upper(uint8_t *f, size_t n, int *proto, size_t *left)
{
	size_t at;

	if (n >= 34 && get16(f + 12) == 0x0800) {
		at = 14 + (size_t)(f[14] & 15) * 4;
		*proto = get16(f + 20) & 0x1fff ? -1 : f[23];
	} else if (n >= 54 && get16(f + 12) == 0x86dd) {
		at = 54;
		*proto = f[20];
	} else {
		return NULL;
	}
	if (at >= n || at < 34)
		return NULL;
	*left = n - at;
	return f + at;
}

/* The 16 bits at P, with their sign, as what is added modulo 2^32. */
static uint32_t
step(const uint8_t *p)
{
	uint32_t v = get16(p);

	return v & 0x8000 ? v | 0xffff0000u : v;
}

/* So are the edges of SACK blocks in T, of which N bytes are there. */
static void
fix_sack(const struct flow *fl, uint8_t *t, size_t n)
{
	size_t end = (size_t)(t[12] >> 4) * 4, i = 20, k;

	while (i + 1 < end && end <= n && t[i] != 0) {
		size_t len = t[i] == 1 ? 1 : t[i + 1];

		if (len == 0 || len > end - i)
			return;
		for (k = 2; t[i] == 5 && k + 4 <= len; k += 4)
			put32(t + i + k, fl->theirs + step(t + i + k + 2));
		i += len;
	}
}

/* Its numbers are small steps from where the connection is. */
static void
fix_tcp(const struct host *h, uint8_t *t, size_t n, bool v6)
{
	const struct flow *fl = &h->flow;

	if (fl->v6 != v6)
		return;
	set16(t, fl->port);
	set16(t + 2, HOST_PORT);
	if (t[13] & 2)
		return; /* a SYN begins where it likes */
	put32(t + 4, fl->next + step(t + 6));
	put32(t + 8, fl->theirs + step(t + 10));
	fix_sack(fl, t, n);
}

/* So is the segment that the ICMP error T, of which N bytes are there, quotes. */
static void
fix_quoted(const struct host *h, uint8_t *t, size_t n, bool v6)
{
	uint8_t *q = t + (v6 ? 48 : 28);

	if (h->flow.v6 != v6 || n < (v6 ? 56 : 36) ||
	    (v6 ? t[0] > 4 || t[14] != 6 : t[8] != 0x45 || t[17] != 6))
		return;
	set16(q, HOST_PORT);
	set16(q + 2, h->flow.port);
	put32(q + 4, h->flow.theirs + step(q + 6));
}

static void
fix_flow(const struct host *h, uint8_t *f, size_t n)
{
	size_t left = 0;
	int proto = -1;
	uint8_t *t = upper(f, n, &proto, &left);

	if (t == NULL)
		return;
	if (proto == 6 && left >= 20)
		fix_tcp(h, t, left, get16(f + 12) == 0x86dd);
	else if (proto == 1 || proto == 58)
		fix_quoted(h, t, left, proto == 58);
	else if (proto == 17 && left >= 48 && get16(t + 2) == 68) {
		put32(t + 12, h->dhcp_xid);
		memset(t + 36, 0, 6);
		t[36] = 2; /* ME */
		t[41] = 1;
	}
}

static void
fix_length(uint8_t *f, size_t n)
{
	size_t left = 0;
	int proto = -1;
	uint8_t *t;

	if (n >= 34 && get16(f + 12) == 0x0800)
		set16(f + 16, (unsigned)n - 14);
	else if (n >= 54 && get16(f + 12) == 0x86dd)
		set16(f + 18, (unsigned)n - 54);
	t = upper(f, n, &proto, &left);
	if (t != NULL && proto == 17 && left >= 8 &&
	    !(get16(f + 12) == 0x0800 && (get16(f + 20) & 0x3fff)))
		set16(t + 4, (unsigned)left);
}

/* Behind extension headers fix() does not look; ICMPv6 there counts too. */
static void
fix_behind(uint8_t *f, size_t n)
{
	unsigned next = f[20], i, s;
	size_t at = 54;

	for (i = 0; i < 8 && (next == 0 || next == 43 || next == 60); i++) {
		if (n - at < 8)
			return;
		next = f[at];
		at += f[at + 1] * 8u + 8;
		if (at > n)
			return;
	}
	if (i == 0 || next != 58 || n - at < 4)
		return;
	set16(f + at + 2, 0);
	s = sum(f + 22, 32, 58 + (unsigned)(n - at));
	set16(f + at + 2, ~sum(f + at, n - at, s) & 0xffff);
}

void
host_patch(const struct host *h, uint8_t *f, size_t *n, unsigned fixes)
{
	static const uint8_t me[6] = { 2, 0, 0, 0, 0, 1 };
	struct pkt p;

	if ((fixes & FIX_MAC) && *n >= 14) {
		if (!(f[0] & 1))
			memcpy(f, me, 6);
		f[6] &= 0xfe;
	}
	if (fixes & FIX_FLOW)
		fix_flow(h, f, *n);
	if (fixes & FIX_LENGTH)
		fix_length(f, *n);
	if ((fixes & FIX_SUM) && *n <= sizeof(p.b)) {
		memcpy(p.b, f, *n);
		p.n = *n;
		fix(&p);
		if (p.n >= 54 && get16(p.b + 12) == 0x86dd)
			fix_behind(p.b, p.n);
		memcpy(f, p.b, *n);
	}
}
