/* SPDX-License-Identifier: BSD-2-Clause */
/* pcapin.c - seeds: captures of all kinds, and such as lie */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "fuzz/pcapin.h"
#include "fuzz/fuzz.h"

static struct seed s;
static bool big; /* the byte order of what is put */

static void
p16(unsigned v)
{
	put16le(&s, big ? __builtin_bswap16((uint16_t)v) : v & 0xffff);
}

static void
p32(uint32_t v)
{
	put32le(&s, big ? __builtin_bswap32(v) : v);
}

static void
frame(unsigned len, unsigned fill)
{
	for (unsigned i = 0; i < len; i++)
		put8(&s, i < 6 ? 0xff : (fill + i * 7) & 0xff);
}

static void
begin(unsigned how, bool big_endian)
{
	s.n = 0;
	big = big_endian;
	put8(&s, how);
}

static void
pcap_head(uint32_t magic, uint32_t snaplen, uint32_t link)
{
	p32(magic);
	p16(2);
	p16(4);
	p32(0);
	p32(0);
	p32(snaplen);
	p32(link);
}

static void
packet(uint32_t sec, uint32_t part, uint32_t caplen, uint32_t len)
{
	p32(sec);
	p32(part);
	p32(caplen);
	p32(len);
	frame(caplen < 2000 ? caplen : 60, sec);
}

#define MICRO 0xa1b2c3d4
#define NANO 0xa1b23c4d

static void
pcaps(fuzz_emit *emit)
{
	static const uint32_t snaps[] = { 0, 1, 60, 65535, 262144, 0x7fffffff,
		0xffffffff };
	static const uint32_t lengths[] = { 0, 13, 0x7fffffff, 0xffffffff,
		262145, 1514 };
	char name[40];

	for (unsigned i = 0; i < 4; i++) {
		begin(i, i & 1);
		pcap_head(i & 2 ? NANO : MICRO, 65535, 1);
		packet(1, 2, 60, 60);
		packet(1, 999999, 14, 14);
		packet(2, 0, 100, 100);
		packet(0, 0, 86, 86);
		snprintf(name, sizeof(name), "pcap-%u", i);
		emit(name, s.b, s.n);
	}
	for (unsigned i = 0; i < sizeof(snaps) / sizeof(snaps[0]); i++) {
		begin(HOW_THERE, i & 1);
		pcap_head(NANO, snaps[i], 1);
		packet(1, 2, 60, 60);
		packet(1, 3, 61, 90);
		snprintf(name, sizeof(name), "pcap-snaplen-%x",
		    (unsigned)snaps[i]);
		emit(name, s.b, s.n);
	}
	for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		begin(HOW_PIPE, i & 1);
		pcap_head(MICRO, 262144, 1);
		packet(1, 2, 60, 60);
		packet(1, 2, 60, lengths[i]);
		packet(1, 2, lengths[i], lengths[i]);
		packet(1, 2, lengths[i], 60);
		snprintf(name, sizeof(name), "pcap-length-%x",
		    (unsigned)lengths[i]);
		emit(name, s.b, s.n);
	}
	begin(HOW_LOOP | HOW_THERE, false);
	pcap_head(MICRO, 262144, 1);
	for (unsigned i = 0; i < 9; i++)
		packet(i, 2, 20 + i, 20 + i);
	emit("pcap-loop", s.b, s.n);
	begin(HOW_COUNT | HOW_RATE, false);
	pcap_head(NANO, 262144, 1);
	for (unsigned i = 0; i < 9; i++)
		packet(1, i * 100, 20 + i, 20 + i);
	emit("pcap-rate", s.b, s.n);
	/* A header behind each packet's: Kuznetzov's. */
	begin(0, false);
	pcap_head(0xa1b2cd34, 262144, 1);
	p32(1);
	p32(2);
	p32(60);
	p32(60);
	p32(3);
	p32(0);
	frame(60, 1);
	emit("pcap-modified", s.b, s.n);
	begin(0, false);
	pcap_head(MICRO, 65535, 0x14000001); /* with a length of the FCS */
	packet(1, 2, 64, 64);
	emit("pcap-fcs", s.b, s.n);
	begin(0, false);
	pcap_head(MICRO, 65535, 101);
	packet(1, 2, 64, 64);
	emit("pcap-raw", s.b, s.n);
}

/* ---- pcapng -------------------------------------------------------------- */

/* Where the length of the block that was begun stands. */
static size_t block_at;

static void
block(uint32_t type)
{
	p32(type);
	block_at = s.n;
	p32(0);
}

static void
end(void)
{
	struct seed length = { .n = 0 };
	uint32_t n;

	while (s.n % 4 != 1) /* the first byte of an input is none of it */
		put8(&s, 0);
	n = (uint32_t)(s.n - block_at) + 8;
	put32le(&length, big ? __builtin_bswap32(n) : n);
	memcpy(s.b + block_at, length.b, 4);
	p32(n);
}

static void
section(void)
{
	block(0x0a0d0d0a);
	p32(0x1a2b3c4d);
	p16(1);
	p16(0);
	p32(0xffffffff);
	p32(0xffffffff);
	end();
}

static void
interface(unsigned link, uint32_t snaplen, unsigned resolution)
{
	block(1);
	p16(link);
	p16(0);
	p32(snaplen);
	p16(9); /* if_tsresol */
	p16(1);
	put8(&s, resolution);
	put8(&s, 0);
	put8(&s, 0);
	put8(&s, 0);
	p16(14); /* if_tsoffset */
	p16(8);
	p32(1);
	p32(0);
	p16(0);
	p16(0);
	end();
}

static void
enhanced(uint32_t on, uint32_t caplen, uint32_t len, unsigned there)
{
	block(6);
	p32(on);
	p32(0);
	p32(1000);
	p32(caplen);
	p32(len);
	frame(there, 3);
	end();
}

static void
pcapngs(fuzz_emit *emit)
{
	static const unsigned resolutions[] = { 6, 9, 0, 3, 0x80, 0x8a, 0xff,
		19, 0x94 };
	char name[40];

	for (unsigned i = 0; i < 9; i++) {
		begin(i & 3, i & 1);
		section();
		interface(1, i == 2 ? 0 : 262144, resolutions[i]);
		enhanced(0, 60, 60, 60);
		enhanced(0, 61, 61, 61);
		snprintf(name, sizeof(name), "pcapng-resolution-%x",
		    resolutions[i]);
		emit(name, s.b, s.n);
	}
	begin(HOW_THERE, false);
	section();
	interface(1, 262144, 9);
	block(3); /* simple packet */
	p32(60);
	frame(60, 3);
	end();
	block(2); /* the packet block of old */
	p16(0);
	p16(1);
	p32(0);
	p32(5);
	p32(62);
	p32(62);
	frame(62, 3);
	end();
	block(4); /* name resolution */
	p32(0);
	end();
	block(5); /* statistics */
	p32(0);
	p32(0);
	p32(0);
	end();
	block(0xbad);
	p32(7);
	end();
	enhanced(0, 20, 20, 20);
	big = true;
	section();
	interface(1, 262144, 6);
	enhanced(0, 70, 70, 70);
	emit("pcapng-blocks", s.b, s.n);

	begin(HOW_THERE, true);
	section();
	interface(1, 100, 9);
	interface(1, 200, 9);
	interface(101, 100, 9);
	enhanced(1, 60, 60, 60);
	enhanced(2, 60, 60, 60);
	enhanced(3, 60, 60, 60);
	emit("pcapng-interfaces", s.b, s.n);
	/* An FCS of 4 bytes that the flags of each packet declare. */
	begin(0, false);
	section();
	interface(1, 0, 9);
	for (unsigned i = 0; i < 3; i++) {
		block(6);
		p32(0);
		p32(0);
		p32(1000);
		p32(64);
		p32(64);
		frame(64, i);
		p16(2);
		p16(i == 2 ? 0xffff : 4);
		p32(4 << 5);
		p16(0);
		p16(0);
		end();
	}
	emit("pcapng-fcs", s.b, s.n);
	/* Link types that change, and nothing of Ethernet. */
	begin(0, true);
	for (unsigned i = 0; i < 3; i++) {
		big = i % 2 == 0;
		section();
		interface(101 + i, 60 * i, 9);
		enhanced(0, 60, 60, 60);
	}
	emit("pcapng-foreign", s.b, s.n);
	begin(HOW_PIPE, false);
	section();
	interface(1, 0xffffffff, 9);
	enhanced(0, 60, 0xffffffff, 60);
	enhanced(0, 0, 0, 0);
	enhanced(0, 0xffffffff, 0xffffffff, 60);
	emit("pcapng-lengths", s.b, s.n);
	begin(0, false);
	section();
	enhanced(0, 60, 60, 60);
	emit("pcapng-no-interface", s.b, s.n);
}

void
fuzz_seeds(fuzz_emit *emit)
{
	emit("empty", "\0", 1);
	pcaps(emit);
	pcapngs(emit);
}
