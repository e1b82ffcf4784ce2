/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wire.h - what an input of the target wire is made of
 *
 * A byte, then steps: a byte of enum step, a length of 16 bits, and as many bytes.
 */
#ifndef FUZZ_WIRE_H
#define FUZZ_WIRE_H

enum step {
	STEP_STREAM,  /* these bytes, to the end that is a stream */
	STEP_FRAME,   /* a frame to it, with its length before it */
	STEP_PACKET,  /* a frame to the end that has packets */
	STEP_DGRAM,   /* a frame to the end that has datagrams */
	STEP_RAW,     /* these bytes, to the control socket */
	STEP_REQUEST, /* a message of that protocol */
	STEP_WORDS,   /* words, as on a command line */
	STEP_END,     /* the text of an end */
	STEP_READ,    /* the others read what there is for them */
	STEPS
};

#endif /* FUZZ_WIRE_H */
