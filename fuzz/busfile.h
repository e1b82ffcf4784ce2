/* SPDX-License-Identifier: BSD-2-Clause */
/* busfile.h - the language of busfile.c's inputs, for its seeds */
#ifndef FUZZ_BUSFILE_H
#define FUZZ_BUSFILE_H

/*
 * An input: a byte of which bit 0 says that the file begins as zeros, of
 * kilobytes in the other bits; a byte of geometry; steps.
 */
enum step {
	STEP_WRITE,	 /* place, u8 n, n bytes */
	STEP_WORD,	 /* place, i8 delta, enum word, what that needs */
	STEP_FILE,	 /* u16 n, n bytes: from the file's beginning */
	STEP_SIZE,	 /* u32: the file's new size */
	STEP_ATTACH,	 /* u8: which attachment, flags from bit 2 on */
	STEP_DETACH,	 /* u8: which, as in all that follow */
	STEP_DUMP,	 /* u8: bit 0 pcap, 1 header, 4..7 count */
	STEP_UNLINK,	 /* - */
	STEP_SEND,	 /* which, u16 length, u8 n, n bytes, u8 how */
	STEP_RESERVE,	 /* which, u16 length, u8 cancel, u16 length */
	STEP_RECV,	 /* which, u16 size */
	STEP_RECV_BATCH, /* which, u8 frames, u16 size */
	STEP_PEEK,	 /* which, u8: 0 skip, 1 take u16, 2 neither */
	STEP_WAIT,	 /* which, u8 */
	STEP_CHECK,	 /* which */
	STEP_LOOK,	 /* which, u8 how many */
	STEP_IDENT,	 /* which, u8 */
	STEPS
};

/* Places begin with a byte of these. */
enum place {
	PLACE_HEADER,	  /* u16 offset */
	PLACE_ATTACHMENT, /* u8 which, u8 offset */
	PLACE_SLOT,	  /* u8 which, u8 offset */
	PLACE_ANY,	  /* u32 offset */
	PLACES
};

enum word {
	WORD_NEAR,    /* what it was, and delta */
	WORD_TAIL,    /* the tail, and delta */
	WORD_STATE,   /* of a slot: u8 state, u16 owner */
	WORD_EXTREME, /* all ones, or one bit */
	WORD_ANY,     /* u64 */
	WORDS
};

#endif /* FUZZ_BUSFILE_H */
