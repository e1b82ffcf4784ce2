/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * diag.h - diagnostics of the library, on standard error; private
 */
#ifndef BASE_DIAG_H
#define BASE_DIAG_H

#include <stdint.h>

/* Kinds of messages: each has a limit of its own. */
enum diag_kind {
	DIAG_SETUP,   /* the library cannot work; not on a stack's thread */
	DIAG_BUS,     /* what became of a bus file */
	DIAG_ADDRESS, /* somebody else has an address of ours */
	DIAG_PEER,    /* what an interface is connected to is gone */
	DIAG_KINDS,
};

#define DIAG_RATE 5 /* messages of a kind in a second */

/*
 * Says "PROGRAM: " (DIAG_SETUP: "shmif: ") and the rest, one line.  Returns at once: the line is written
 * by a thread of its own, which alone waits for who reads.  What exceeds the
 * limit of its KIND, or does not fit while nobody reads, is counted, and said
 * in one line ("7 more").  Any thread, also a stack's.
 */
void diag(enum diag_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#define DIAG_KEPT 64 /* messages that are remembered */

/*
 * Calls FN for the last messages, DIAG_KEPT of them at most, whose number is
 * above SINCE: N counts from 1, TIME_NS is CLOCK_REALTIME, TEXT is without the
 * program's name and is valid until FN returns.
 */
void diag_look(uint64_t since,
    void (*fn)(void *arg, uint64_t n, uint64_t time_ns, const char *text),
    void *arg);

#endif /* BASE_DIAG_H */
