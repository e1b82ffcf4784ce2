/* SPDX-License-Identifier: BSD-2-Clause */
/* busfile.c - seeds: scripts that a good and a bad bus file go through */
#include <stddef.h>
#include <string.h>

#include "fuzz/busfile.h"
#include "shmbus/format.h"
#include "fuzz/fuzz.h"

static struct seed s;

/* Begins a script: a good bus of 16 slots. */
static void
begin(unsigned geometry)
{
	s.n = 0;
	put8(&s, 0);
	put8(&s, geometry);
}

static void
attach(unsigned which, unsigned flags)
{
	put8(&s, STEP_ATTACH);
	put8(&s, which | flags << 2);
}

static void
send(unsigned which, unsigned length, unsigned how)
{
	static const uint8_t to_all[12] = { 255, 255, 255, 255, 255, 255, 2 };

	put8(&s, STEP_SEND);
	put8(&s, which);
	put16le(&s, length);
	put8(&s, sizeof(to_all));
	put_bytes(&s, to_all, sizeof(to_all));
	put8(&s, how);
}

static void
recv(unsigned which, unsigned size)
{
	put8(&s, STEP_RECV);
	put8(&s, which);
	put16le(&s, size);
}

/* A step of two or three bytes. */
static void
call(unsigned what, unsigned which, unsigned arg)
{
	put8(&s, what);
	put8(&s, which);
	if (what != STEP_CHECK)
		put8(&s, arg);
}

static void
dump(void)
{
	put8(&s, STEP_DUMP);
	put8(&s, 0);
	put8(&s, STEP_DUMP);
	put8(&s, 1);
	put8(&s, STEP_DUMP);
	put8(&s, 2);
}

static void
two_talk(void)
{
	attach(0, 1);
	attach(1, 4);
	send(0, 60, 0);
	send(0, 60, 1);
	send(1, 86, 2);
	recv(1, 100);
	recv(1, 10);
	recv(0, 100);
	call(STEP_LOOK, 0, 2);
}

static void
word_in_slot(unsigned slot, unsigned at, int delta, unsigned state,
    unsigned owner)
{
	put8(&s, STEP_WORD);
	put8(&s, PLACE_SLOT);
	put8(&s, slot);
	put8(&s, at);
	put8(&s, (unsigned)delta & 255);
	put8(&s, WORD_STATE);
	put8(&s, state);
	put16le(&s, owner);
}

static void
word_in_header(size_t at, unsigned kind, int delta)
{
	put8(&s, STEP_WORD);
	put8(&s, PLACE_HEADER);
	put16le(&s, (unsigned)at);
	put8(&s, (unsigned)delta & 255);
	put8(&s, kind);
}

/* The header of a good bus, given as a file. */
static void
header(uint64_t size)
{
	struct format_header h = { .byte_order = FORMAT_BYTE_ORDER,
		.version = FORMAT_VERSION,
		.header_size = FORMAT_HEADER,
		.mtu = 100,
		.frame_max = 118,
		.slots = 16,
		.slot_stride = 192,
		.attachments = FORMAT_ATTACHMENTS,
		.attachment_size = FORMAT_ATTACHMENT_SIZE,
		.attachments_offset = FORMAT_HEADER,
		.slots_offset = FORMAT_SLOTS,
		.file_size = size };

	memcpy(h.magic, FORMAT_MAGIC, sizeof(h.magic));
	put8(&s, STEP_SIZE);
	put32le(&s, (uint32_t)size);
	put8(&s, STEP_FILE);
	put16le(&s, sizeof(h));
	put_bytes(&s, &h, sizeof(h));
}

static void
damage(fuzz_emit *emit)
{
	unsigned i;

	begin(0);
	two_talk();
	put8(&s, STEP_SIZE);
	put32le(&s, 5000);
	call(STEP_CHECK, 0, 0);
	send(0, 60, 0);
	recv(1, 60);
	dump();
	emit("cut-off", s.b, s.n);

	begin(0);
	two_talk();
	word_in_header(offsetof(struct format_header, tail), WORD_EXTREME, 1);
	recv(1, 60);
	send(0, 60, 0);
	call(STEP_WAIT, 1, 1);
	dump();
	emit("tail-of-ones", s.b, s.n);

	begin(1);
	attach(0, 0);
	attach(1, 8);
	for (i = 0; i < 4; i++) {
		word_in_slot(i, 0, 1, i, i % 3 == 0 ? 0x3fff : 1);
		word_in_slot(i, 24, 0, 0, 60);
	}
	word_in_header(offsetof(struct format_header, tail), WORD_NEAR, 4);
	recv(0, 60);
	call(STEP_PEEK, 1, 0);
	send(0, 60, 0);
	dump();
	emit("slots-that-lie", s.b, s.n);

	begin(2);
	two_talk();
	put8(&s, STEP_WRITE);
	put8(&s, PLACE_ATTACHMENT);
	put8(&s, 1);
	put8(&s, 0);
	put8(&s, 40);
	for (i = 0; i < 40; i++)
		put8(&s, 0xff);
	call(STEP_LOOK, 0, 2);
	send(0, 1514, 0);
	dump();
	emit("attachment-of-ones", s.b, s.n);

	begin(0);
	two_talk();
	put8(&s, STEP_UNLINK);
	call(STEP_CHECK, 0, 0);
	send(0, 60, 3);
	dump();
	emit("unlinked", s.b, s.n);
}

void
fuzz_seeds(fuzz_emit *emit)
{
	int i;

	emit("empty", "\1", 1);
	begin(0);
	two_talk();
	call(STEP_IDENT, 0, 3);
	call(STEP_PEEK, 1, 0);
	call(STEP_WAIT, 1, 1);
	put8(&s, STEP_RESERVE);
	put8(&s, 0);
	put16le(&s, 60);
	put8(&s, 0);
	put16le(&s, 60);
	put8(&s, STEP_RECV_BATCH);
	put8(&s, 1);
	put8(&s, 8);
	put16le(&s, 100);
	dump();
	emit("two-talk", s.b, s.n);

	begin(0);
	attach(0, 0);
	attach(1, 4);
	for (i = 0; i < 40; i++)
		send(0, 14 + (unsigned)i, 0);
	recv(1, 100);
	dump();
	emit("lapped", s.b, s.n);

	s.n = 0;
	put8(&s, 1);
	put8(&s, 1);
	header(FORMAT_SLOTS + 16 * 192);
	two_talk();
	dump();
	emit("given-as-a-file", s.b, s.n);
	damage(emit);
}
