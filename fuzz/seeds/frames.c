/* SPDX-License-Identifier: BSD-2-Clause */
/* frames.c - seeds: every template alone, and some conversations */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "fuzz/frames.h"
#include "fuzz/fuzz.h"
#include "fuzz/stack/templates.h"

#define ALL_FIXES (FIX_MAC | FIX_LENGTH | FIX_SUM | FIX_FLOW)

static struct seed s;

static void
begin(unsigned which)
{
	s.n = 0;
	put8(&s, which);
}

static void
add(unsigned op, const void *p, size_t n)
{
	put8(&s, op);
	put16le(&s, (unsigned)n);
	put_bytes(&s, p, n);
}

static void
add_named(const char *name, unsigned fixes)
{
	struct pkt p;
	unsigned i;

	for (i = 0; i < templates(); i++)
		if (strcmp(template_get(i, &p), name) == 0) {
			add(fixes, p.b, p.n);
			return;
		}
	fuzz_fail("no template %s", name);
}

static void
warp(unsigned ms)
{
	const uint8_t b[2] = { (uint8_t)(ms / 10), (uint8_t)(ms / 10 >> 8) };

	add(OP_WARP, b, 2);
}

static void
again(unsigned n, unsigned at, unsigned step)
{
	const uint8_t b[4] = { (uint8_t)n, (uint8_t)at, (uint8_t)(at >> 8),
		(uint8_t)step };

	add(OP_AGAIN, b, 4);
}

static void
socket_op(unsigned op, unsigned arg)
{
	const uint8_t b[3] = { (uint8_t)op, (uint8_t)arg, (uint8_t)(arg >> 8) };

	add(OP_SOCKET, b, 3);
}

/* Templates whose names begin with PREFIX, in one input. */
static void
all_of(fuzz_emit *emit, const char *prefix, unsigned which)
{
	char name[80];
	struct pkt p;
	unsigned i;

	begin(which);
	for (i = 0; i < templates(); i++)
		if (strncmp(template_get(i, &p), prefix, strlen(prefix)) == 0)
			add(ALL_FIXES, p.b, p.n);
	snprintf(name, sizeof(name), "all-%s%s", prefix,
	    which != 0 ? "router" : "host");
	emit(name, s.b, s.n);
}

static void
conversations(fuzz_emit *emit)
{
	begin(0);
	add_named("tcp-data", ALL_FIXES);
	socket_op(SOCK_SEND, 900);
	add_named("tcp-ack", ALL_FIXES);
	socket_op(SOCK_SEND, 900);
	warp(5000);
	add_named("tcp-fin", ALL_FIXES);
	socket_op(SOCK_CLOSE, 0);
	add_named("tcp-ack", ALL_FIXES);
	warp(20000);
	emit("tcp-to-the-end", s.b, s.n);

	begin(0);
	socket_op(SOCK_OPEN, 1);
	add_named("tcp6-data", ALL_FIXES);
	socket_op(SOCK_SHUTDOWN, 0);
	add_named("tcp6-fin", ALL_FIXES);
	emit("tcp6-shut-down", s.b, s.n);

	begin(0);
	add_named("tcp-data-ahead", ALL_FIXES);
	again(20, 41, 100);
	add_named("tcp-data", ALL_FIXES);
	emit("tcp-out-of-order", s.b, s.n);

	begin(0);
	socket_op(SOCK_SEND, 9000);
	add_named("tcp-sack-4", ALL_FIXES);
	add_named("tcp-sack-most", ALL_FIXES);
	add_named("tcp-fin-ahead", ALL_FIXES);
	add_named("tcp-stamp", ALL_FIXES);
	warp(1000);
	add_named("tcp-data", ALL_FIXES);
	add_named("tcp-ack", ALL_FIXES);
	emit("tcp-sack", s.b, s.n);

	begin(0);
	add_named("tcp-syn-options", FIX_SUM);
	again(100, 35, 1);
	warp(10000);
	emit("syn-flood", s.b, s.n);

	begin(0);
	add_named("frag4-first", FIX_SUM);
	again(60, 19, 1);
	warp(20000);
	emit("frag4-flood", s.b, s.n);

	begin(0);
	add_named("ra-all", ALL_FIXES);
	again(60, 122, 1);
	warp(20000);
	emit("ra-flood", s.b, s.n);

	begin(0);
	socket_op(SOCK_DOWN, 0);
	warp(3000);
	add_named("dhcp-offer", ALL_FIXES);
	warp(1000);
	add_named("dhcp-ack", ALL_FIXES);
	warp(10000);
	add_named("dhcp-nak", ALL_FIXES);
	warp(20000);
	emit("dhcp", s.b, s.n);

	begin(0);
	add_named("na-dad-answer", ALL_FIXES);
	socket_op(SOCK_DOWN, 0);
	add_named("na-dad-answer", ALL_FIXES);
	warp(3000);
	emit("dad", s.b, s.n);

	begin(1);
	add_named("forward", FIX_SUM);
	again(50, 33, 1);
	add_named("forward-ttl-1", FIX_SUM);
	add_named("forward-df-big", FIX_SUM);
	add_named("forward6", FIX_SUM);
	emit("forwarding", s.b, s.n);

	begin(0);
	socket_op(SOCK_SENDTO, 5000);
	socket_op(SOCK_SENDTO6, 5000);
	socket_op(SOCK_RAW_ECHO, 56);
	add_named("UNREACH4", ALL_FIXES);
	emit("sending", s.b, s.n);

	begin(0);
	add_named("arp-gratuitous", 0);
	again(200, 31, 1);
	add_named("na-all", FIX_SUM);
	again(200, 77, 1);
	warp(20000);
	emit("neighbour-flood", s.b, s.n);
}

void
fuzz_seeds(fuzz_emit *emit)
{
	char name[80];
	struct pkt p;
	unsigned i, c;

	for (i = 0; i < templates(); i++) {
		snprintf(name, sizeof(name), "%s", template_get(i, &p));
		for (c = 0; name[c] != '\0'; c++)
			name[c] = name[c] == '_' ?
			    '-' :
			    (char)tolower((unsigned char)name[c]);
		begin(0);
		add(ALL_FIXES, p.b, p.n);
		emit(name, s.b, s.n);
	}
	all_of(emit, "tcp-", 0);
	all_of(emit, "tcp6-", 2);
	all_of(emit, "frag4-", 0);
	all_of(emit, "frag6-", 0);
	all_of(emit, "ext-", 0);
	all_of(emit, "ra-", 0);
	all_of(emit, "ns-", 0);
	all_of(emit, "", 1);
	conversations(emit);
}
