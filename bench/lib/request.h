/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * request.h - how a program that measures a peer is asked, and answers
 *
 * Such a program stays while others measure, asleep.  A line of its standard
 * input, "SIZE BATCH MS", is a run: frames of SIZE bytes, BATCH of them a send,
 * for MS milliseconds.  It answers with a line, "RATE SENT RECEIVED": frames a
 * second, then how many in all; or with "-" and the reason why not.  It ends
 * with its input.
 */
#ifndef BENCH_REQUEST_H
#define BENCH_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

struct request {
	uint32_t size;
	unsigned batch, ms;
};

/*
 * The program, first of all: what else is written to standard output, by
 * libraries that talk, goes to standard error from now on.
 */
void request_begin(void);
/* The next request, or false when there will be none. */
bool request_read(struct request *r);
void answer(double rate, uint64_t sent, uint64_t received);
void answer_why(const char *why);

#endif /* BENCH_REQUEST_H */
