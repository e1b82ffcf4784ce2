/* SPDX-License-Identifier: BSD-2-Clause */
/* foreign.c - seeds: bus files that others made, good ones and such as lie */
#include <stdio.h>
#include <string.h>

#include "fuzz/foreign.h"
#include "shmbus/format.h"
#include "fuzz/fuzz.h"

#define RING (1024u * 1024 - 32)

static struct seed s;

/* ---- NetBSD's ------------------------------------------------------------ */

static void
netbsd(unsigned kind, unsigned way, unsigned version, unsigned lock,
    uint32_t first)
{
	s.n = 0;
	put8(&s, kind);
	put8(&s, way);
	put8(&s, version);
	put8(&s, lock);
	put32le(&s, first);
	put32le(&s, 0); /* last: steps say */
}

static void
packet(uint32_t len, uint32_t sec, uint32_t usec)
{
	unsigned n = len < 40 ? len : 40;

	put8(&s, NETBSD_PACKET);
	put32le(&s, len);
	put32le(&s, sec);
	put32le(&s, usec);
	put8(&s, n);
	for (unsigned i = 0; i < n; i++)
		put8(&s, i < 6 ? 0xff : (sec + i * 7) & 0xff);
}

static void
step32(unsigned step, uint32_t v)
{
	put8(&s, step);
	put32le(&s, v);
}

static void
netbsd_seeds(fuzz_emit *emit)
{
	char name[40];

	for (unsigned i = 0; i < 12; i++) {
		unsigned kind = i & (KIND_BIG | KIND_I386);

		netbsd(kind, i | i << 4, i < 4 ? 2 : 3, 0, RING);
		packet(0, 0, 0);
		packet(42, 1, 999999);
		packet(60, 1, 0);
		put8(&s, NETBSD_LAST);
		packet(1514, 2, 5);
		snprintf(name, sizeof(name), "netbsd-%u", i);
		emit(name, s.b, s.n);
	}
	for (unsigned i = 0; i < 8; i++) {
		netbsd(i & (KIND_BIG | KIND_I386), i, 3, i & 1, 0);
		step32(NETBSD_GO, RING - 100 + i);
		put8(&s, NETBSD_FIRST);
		packet(20, 1, 1);
		packet(33, 2, 2);
		packet(70, 3, 3);
		packet(100, 4, 4);
		put8(&s, NETBSD_LAST);
		packet(60, 5, 5);
		snprintf(name, sizeof(name), "netbsd-round-%u", i);
		emit(name, s.b, s.n);
	}
	netbsd(0, WAY_TEXT, 3, 0, 0);
	put8(&s, NETBSD_REPEAT);
	put8(&s, 255);
	put16le(&s, 4000);
	put8(&s, NETBSD_LAST);
	packet(60, 1, 1);
	emit("netbsd-full", s.b, s.n);
	netbsd(0, WAY_COUNT, 3, 0, RING);
	packet(60, 1, 1);
	packet(0xffffffff, 1, 1);
	packet(65535, 1, 1);
	packet(65536, 1, 1);
	packet(RING, 1, 1);
	put8(&s, NETBSD_LAST);
	packet(60, 1, 1000000);
	emit("netbsd-lengths", s.b, s.n);
	netbsd(KIND_BIG, WAY_HEADER, 3, 1, RING);
	step32(NETBSD_GO, 0);
	put8(&s, NETBSD_WRITE);
	put8(&s, 4);
	put32le(&s, 0x01020304);
	put8(&s, NETBSD_HEADER);
	put8(&s, 20);
	put32le(&s, RING);
	step32(NETBSD_CUT, 1024 * 1024);
	emit("netbsd-last-outside", s.b, s.n);
	netbsd(0, WAY_TEXT, 3, 0, RING + 5);
	packet(60, 1, 1);
	emit("netbsd-first-outside", s.b, s.n);
	netbsd(0, 0, 3, 0, RING);
	step32(NETBSD_CUT, 1000);
	emit("netbsd-cut", s.b, s.n);
	netbsd(0, 0, 4, 0, RING);
	emit("netbsd-version-4", s.b, s.n);
}

/* ---- ours ---------------------------------------------------------------- */

static void
swapped(unsigned way, unsigned geometry, unsigned tail)
{
	s.n = 0;
	put8(&s, KIND_SWAPPED);
	put8(&s, way);
	put8(&s, geometry);
	put8(&s, tail);
}

static void
slot(unsigned position, unsigned state, unsigned lap, unsigned further,
    uint32_t len)
{
	put8(&s, SWAPPED_SLOT);
	put8(&s, position);
	put8(&s, state);
	put8(&s, lap & 255);
	put16le(&s, position % 5);
	put16le(&s, further);
	put32le(&s, len);
	put8(&s, 40);
	for (unsigned i = 0; i < 40; i++)
		put8(&s, i < 6 ? 0xff : (position + i * 7) & 0xff);
}

static void
word(unsigned step, unsigned at, uint64_t v)
{
	put8(&s, step);
	put16le(&s, at);
	put32le(&s, (uint32_t)v);
	put32le(&s, (uint32_t)(v >> 32));
}

static void
slot_word(unsigned which, unsigned at, uint64_t v)
{
	put8(&s, SWAPPED_WORD);
	put8(&s, which);
	put16le(&s, at);
	put32le(&s, (uint32_t)v);
	put32le(&s, (uint32_t)(v >> 32));
}

static void
swapped_seeds(fuzz_emit *emit)
{
	char name[40];

	for (unsigned i = 0; i < 8; i++) {
		swapped(i | i << 4, i, 5 + i * 4);
		for (unsigned p = 0; p < 5 + i * 4; p++)
			slot(p, SLOT_COMMITTED, 0, 0, 60);
		put8(&s, SWAPPED_WHO);
		put8(&s, 1);
		put8(&s, 40);
		for (unsigned k = 0; k < 40; k++)
			put8(&s, 'a' + k % 26);
		snprintf(name, sizeof(name), "swapped-%u", i);
		emit(name, s.b, s.n);
	}
	swapped(WAY_PCAPNG, 2, 3);
	slot(0, SLOT_COMMITTED, 0, 2, 20);
	slot_word(0, 32 + 24, 60);
	slot_word(0, 32 + 24 + 8 + 64, 61);
	slot(1, SLOT_COMMITTED, 0, 0, 60);
	slot(2, SLOT_COMMITTED, 0, 63, 14);
	emit("swapped-shared", s.b, s.n);
	swapped(WAY_NEWEST, 0, 20);
	for (unsigned p = 4; p < 20; p++)
		slot(p, p % 4, p % 3 == 0 ? 255 : 0, 0,
		    p % 5 == 0 ? 13 + p : 60);
	emit("swapped-not-whole", s.b, s.n);
	swapped(WAY_TEXT, 0, 16);
	slot(0, SLOT_COMMITTED, 0, 64, 60);
	slot(1, SLOT_COMMITTED, 0, 0, 87);
	slot(2, SLOT_COMMITTED, 0, 0, 0xffffffff);
	slot(3, SLOT_COMMITTED, 0, 1, 86);
	slot(4, SLOT_COMMITTED, 0, 1, 60);
	slot_word(4, 32 + 64, UINT64_MAX);
	slot(5, SLOT_COMMITTED, 0, 1, 66); /* to 104; the slot has 192 */
	slot_word(5, 104, 86);
	emit("swapped-lengths", s.b, s.n);
	swapped(WAY_TEXT, 0, 16);
	word(SWAPPED_HEAD, offsetof(struct format_header, tail), UINT64_MAX);
	emit("swapped-tail-of-ones", s.b, s.n);
	swapped(WAY_HEADER, 0, 16);
	put8(&s, SWAPPED_CUT);
	put32le(&s, 70000);
	emit("swapped-cut", s.b, s.n);
}

void
fuzz_seeds(fuzz_emit *emit)
{
	netbsd_seeds(emit);
	swapped_seeds(emit);
}
