/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tcprun.h - one run of TCP between two stacks, over whatever carries frames
 *
 * A program for each kind of carrier: its main() is tcp_run() with a function
 * that puts an interface on a stack.
 */
#ifndef BENCH_TCPRUN_H
#define BENCH_TCPRUN_H

#include <lwipv6.h>

/*
 * Makes a stack with an interface on WHERE, down and without an address yet.
 * Called once in a process.  Returns the interface; or NULL, with a text in
 * *WHY.
 */
typedef struct netif *tcp_attach_fn(const char *where, struct stack **stack,
    const char **why);

/* What the exit status of such a program says. */
enum tcp_status { TCP_OK, TCP_FAILED, TCP_USAGE, TCP_WRONG_BYTES };

/*
 * Does the run that the arguments "-m MiB -k trips WHERE" ask for and prints
 *
 *	MB/s  median of the round trips in us  their 99th percentile
 *
 * to standard output.  Returns the exit status; what is wrong is on standard
 * error.
 */
int tcp_run(int argc, char **argv, const char *program, tcp_attach_fn *attach);

#endif /* BENCH_TCPRUN_H */
