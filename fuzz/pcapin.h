/* SPDX-License-Identifier: BSD-2-Clause */
/* pcapin.h - how pcapin.c's inputs begin, for its seeds */
#ifndef FUZZ_PCAPIN_H
#define FUZZ_PCAPIN_H

/* An input: a byte of these, and then the capture. */
enum how {
	HOW_THERE = 1,	/* the bus is there already, and read by somebody */
	HOW_SMALL = 2,	/* of MTU 68 instead of 1500; else: mtu by the frames */
	HOW_PIPE = 4,	/* the capture is standard input, a pipe */
	HOW_LOOP = 8,	/* -l -c 40 */
	HOW_COUNT = 16, /* -c 3 */
	HOW_RATE = 32,	/* -r 1000000, where that takes no time */
};

#endif /* FUZZ_PCAPIN_H */
