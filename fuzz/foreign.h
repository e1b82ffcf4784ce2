/* SPDX-License-Identifier: BSD-2-Clause */
/* foreign.h - the language of foreign.c's inputs, for its seeds */
#ifndef FUZZ_FOREIGN_H
#define FUZZ_FOREIGN_H

/* An input: a byte of these, enum way, what the file begins with, steps. */
enum kind {
	KIND_SWAPPED = 1, /* of ours; else NetBSD's */
	KIND_BIG = 2,	  /* NetBSD's: of the other byte order */
	KIND_I386 = 4,	  /* NetBSD's: headers of 20 bytes */
};

/* How it is dumped besides as a pcap. */
enum way {
	WAY_TEXT,
	WAY_PCAPNG,
	WAY_HEADER,
	WAY_COUNT,  /* -c, 1 to 4 in the byte's upper bits */
	WAY_NEWEST, /* -n, likewise */
	WAY_FILTER,
	WAY_FILES, /* -C */
	WAYS
};

/*
 * NetBSD's begins with u8 version, u8 lock, u32 first, u32 last.  There is a
 * cursor in the ring, 0 at the beginning.
 */
enum netbsd_step {
	NETBSD_PACKET, /* u32 len, u32 sec, u32 usec, u8 n, n bytes: to the
			  cursor, which goes as far as len says */
	NETBSD_REPEAT, /* u8 n, u16 len: so many packets of zeros */
	NETBSD_GO,     /* u32: the cursor */
	NETBSD_FIRST,  /* the cursor is where the oldest packet is */
	NETBSD_LAST,   /* the cursor is where the newest packet is */
	NETBSD_WRITE,  /* u8 n, n bytes: at the cursor */
	NETBSD_HEADER, /* u8 at, u32: in the file's header */
	NETBSD_CUT,    /* u32: the file's size */
	NETBSD_STEPS
};

/* Ours begins with u8 geometry, u8 how many positions are below the tail. */
enum swapped_step {
	SWAPPED_SLOT, /* u8 position, u8 state, i8 lap, u16 sender, u16 further
			 frames, u32 len, u8 n, n bytes */
	SWAPPED_WORD, /* u8 slot, u16 at, u64: in a slot */
	SWAPPED_HEAD, /* u16 at, u64: in the file's header */
	SWAPPED_WHO,  /* u8 attachment, u8 n, n bytes */
	SWAPPED_CUT,  /* u32: the file's size */
	SWAPPED_STEPS
};

#endif /* FUZZ_FOREIGN_H */
