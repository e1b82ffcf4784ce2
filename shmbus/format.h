/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * format.h - the bus file, byte by byte
 *
 *   0                     header: what the file is, its geometry (constant)
 *   256                   tail: the next position to be handed out
 *   384                   the sleeping map: one bit for each attachment, set
 *                         while it sleeps or is about to
 *   512                   the promiscuous map, likewise; and the count of
 *                         changes to the table below
 *   FORMAT_HEADER         table of 256 attachments of 256 bytes
 *   FORMAT_SLOTS          the slots, a power of two of them, each of an odd
 *                         number of 64-byte lines so that neighbouring slots
 *                         spread over all the sets of a cache
 *
 * Constant fields are fixed-width, in the byte order that byte_order tells.
 * Every word that changes while the bus is in use is an AO_t, 64 bits wide,
 * and is touched through libatomic_ops only.  A field that one participant
 * writes often shares no 128 bytes (two lines: processors prefetch pairs) with
 * one that others write.
 *
 * A position is a place in the order of the bus, for a frame, or for a few that
 * were sent together.  Position p lives in slot p % slots, in lap p / slots.
 * Laps begin with 1, so that a slot of zeros, as a new file has them, is older
 * than any position.
 *
 * man5/shmbus.5 specifies the same in prose.
 */
#ifndef SHMBUS_FORMAT_H
#define SHMBUS_FORMAT_H

#include <assert.h>
#include <atomic_ops.h>
#include <stddef.h>
#include <stdint.h>

static_assert(sizeof(AO_t) == 8, "a bus needs 64-bit words");

#define FORMAT_MAGIC "shmbus\r\n"
#define FORMAT_MAGIC_NEW "shmbus+\n" /* being created, or left unfinished */
#define FORMAT_BYTE_ORDER 0x01020304u
#define FORMAT_BYTE_ORDER_SWAPPED 0x04030201u
#define FORMAT_VERSION 2u
#define FORMAT_LINE 64u
#define FORMAT_HEADER 4096u
#define FORMAT_ATTACHMENTS 256u
#define FORMAT_ATTACHMENT_SIZE 256u
#define FORMAT_SLOTS \
	(FORMAT_HEADER + FORMAT_ATTACHMENTS * FORMAT_ATTACHMENT_SIZE)
#define FORMAT_MAP_WORDS (FORMAT_ATTACHMENTS / 64u)

/*
 * Byte ranges that carry open file description locks, far beyond any file's
 * end: attachment i is alive while byte FORMAT_LOCK_ATTACH + i is locked for
 * writing (or claimed: see owner.c); whoever creates the file holds FORMAT_LOCK_CREATE meanwhile.
 */
#define FORMAT_LOCK_CREATE ((int64_t)1 << 60)
#define FORMAT_LOCK_ATTACH (FORMAT_LOCK_CREATE + 256)

struct format_header {
	char magic[8];		     /*   0 */
	uint32_t byte_order;	     /*   8 */
	uint32_t version;	     /*  12 */
	uint32_t header_size;	     /*  16  FORMAT_HEADER */
	uint32_t mtu;		     /*  20 */
	uint32_t frame_max;	     /*  24  mtu + 18 */
	uint32_t slots;		     /*  28  a power of two */
	uint32_t slot_stride;	     /*  32  bytes from slot to slot */
	uint32_t attachments;	     /*  36  FORMAT_ATTACHMENTS */
	uint32_t attachment_size;    /*  40  FORMAT_ATTACHMENT_SIZE */
	uint32_t reserved0;	     /*  44 */
	uint64_t attachments_offset; /*  48  FORMAT_HEADER */
	uint64_t slots_offset;	     /*  56  FORMAT_SLOTS */
	uint64_t file_size;	     /*  64 */
	uint64_t created_ns;	     /*  72  CLOCK_REALTIME */
	uint64_t id;		     /*  80  random */
	uint8_t reserved1[168];
	AO_t tail; /* 256 */
	uint8_t reserved2[120];
	AO_t sleeping[FORMAT_MAP_WORDS]; /* 384 */
	uint8_t reserved3[96];
	AO_t promisc[FORMAT_MAP_WORDS]; /* 512 */
	AO_t changes;			/* 544 */
	uint8_t reserved4[88];
	/* zeros up to FORMAT_HEADER */
};
static_assert(offsetof(struct format_header, byte_order) == 8, "layout");
static_assert(offsetof(struct format_header, version) == 12, "layout");
static_assert(offsetof(struct format_header, header_size) == 16, "layout");
static_assert(offsetof(struct format_header, mtu) == 20, "layout");
static_assert(offsetof(struct format_header, frame_max) == 24, "layout");
static_assert(offsetof(struct format_header, slots) == 28, "layout");
static_assert(offsetof(struct format_header, slot_stride) == 32, "layout");
static_assert(offsetof(struct format_header, attachments) == 36, "layout");
static_assert(offsetof(struct format_header, attachment_size) == 40, "layout");
static_assert(offsetof(struct format_header, attachments_offset) == 48,
    "layout");
static_assert(offsetof(struct format_header, slots_offset) == 56, "layout");
static_assert(offsetof(struct format_header, file_size) == 64, "layout");
static_assert(offsetof(struct format_header, created_ns) == 72, "layout");
static_assert(offsetof(struct format_header, id) == 80, "layout");
static_assert(offsetof(struct format_header, tail) == 256, "layout");
static_assert(offsetof(struct format_header, sleeping) == 384, "layout");
static_assert(offsetof(struct format_header, promisc) == 512, "layout");
static_assert(offsetof(struct format_header, changes) == 544, "layout");
static_assert(sizeof(struct format_header) == 640, "layout");

/*
 * An attachment.  Only its owner writes to it, but for door and hint, which
 * those who wake it write too.
 */
struct format_attachment {
	AO_t ident;    /*   0  MAC in bits 16..63 (first byte highest), FORMAT_
			       ATT_* below; 0: nobody */
	AO_t since_ns; /*   8 */
	AO_t pid;      /*  16 */
	AO_t name[4];  /*  24 */
	AO_t claim;    /*  56  0, or who has the number without a write lock */
	AO_t door;     /*  64  odd: asleep; its low 32 bits are the futex */
	AO_t hint;     /*  72  first position it was woken for */
	AO_t reserved1[6];
	AO_t tx_seq; /* 128  bits 0..47: frames published under this number, by
			     former owners too; 48..63: how many of these died.
			     The next frame's seq is one more */
	AO_t tx_bytes;
	AO_t tx_failed;
	AO_t tx_first; /*      tx_seq when it attached */
	AO_t rung;
	AO_t reserved2[3];
	AO_t rx_cursor; /* 192  position it will look at next */
	AO_t rx_frames;
	AO_t rx_bytes;
	AO_t rx_skipped;
	AO_t rx_lost;
	AO_t rx_bad;
	AO_t gave_up;
	AO_t wakeups;
};
static_assert(offsetof(struct format_attachment, since_ns) == 8, "layout");
static_assert(offsetof(struct format_attachment, pid) == 16, "layout");
static_assert(offsetof(struct format_attachment, name) == 24, "layout");
static_assert(offsetof(struct format_attachment, claim) == 56, "layout");
static_assert(offsetof(struct format_attachment, door) == 64, "layout");
static_assert(offsetof(struct format_attachment, hint) == 72, "layout");
static_assert(offsetof(struct format_attachment, tx_seq) == 128, "layout");
static_assert(offsetof(struct format_attachment, tx_bytes) == 136, "layout");
static_assert(offsetof(struct format_attachment, tx_failed) == 144, "layout");
static_assert(offsetof(struct format_attachment, tx_first) == 152, "layout");
static_assert(offsetof(struct format_attachment, rung) == 160, "layout");
static_assert(offsetof(struct format_attachment, rx_cursor) == 192, "layout");
static_assert(offsetof(struct format_attachment, rx_frames) == 200, "layout");
static_assert(offsetof(struct format_attachment, rx_bytes) == 208, "layout");
static_assert(offsetof(struct format_attachment, rx_skipped) == 216, "layout");
static_assert(offsetof(struct format_attachment, rx_lost) == 224, "layout");
static_assert(offsetof(struct format_attachment, rx_bad) == 232, "layout");
static_assert(offsetof(struct format_attachment, gave_up) == 240, "layout");
static_assert(offsetof(struct format_attachment, wakeups) == 248, "layout");
static_assert(sizeof(struct format_attachment) == FORMAT_ATTACHMENT_SIZE,
    "layout");

#define FORMAT_ATT_USED 1u    /* in ident */
#define FORMAT_ATT_PROMISC 2u /* in ident */
#define FORMAT_ATT_DEAD 4u    /* in ident: found dead, cleaned up after */

/*
 * A slot.  The first frame's bytes follow, then further frames that were sent
 * together with it: each begins at the next multiple of 8 with a word that
 * holds its length.
 */
struct format_slot {
	AO_t word;    /*  0  lap in bits 16..63, state in 14..15, owner below */
	AO_t seq;     /*  8  how many frames this sender had published, with the
			  first one in this slot */
	AO_t time_ns; /* 16  CLOCK_REALTIME */
	AO_t meta;    /* 24  the first one's length in bits 0..31, sender in
			     32..47, number of further frames in 48..63 */
	uint8_t data[];
};
static_assert(offsetof(struct format_slot, seq) == 8, "layout");
static_assert(offsetof(struct format_slot, time_ns) == 16, "layout");
static_assert(offsetof(struct format_slot, meta) == 24, "layout");
static_assert(offsetof(struct format_slot, data) == 32, "layout");

#define FORMAT_PACK 64u /* frames in a slot, at most */

/* The states of a slot; see ring.c. */
#define SLOT_FREE 0u	    /* the slot of a new file, of lap 0 */
#define SLOT_WRITING 1u	    /* its owner is putting a frame there */
#define SLOT_ABANDONED 2u   /* no frame will come; the owner may still write */
#define SLOT_COMMITTED 3u   /* a whole frame */
#define SLOT_NOBODY 0x3fffu /* owner: nobody */

#endif /* SHMBUS_FORMAT_H */
