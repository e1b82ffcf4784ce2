/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * netproc.h - for tests that put stacks on a bus: processes and buses
 *
 * What is in netstack.h, but for that which needs the system's socket
 * addresses: it can be in one file with lwip/sockets.h.
 */
#ifndef TESTS_NETPROC_H
#define TESTS_NETPROC_H

#include <sys/types.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/lib/pattern.h"

/* The value of the environment variable NAME, or DEFAULT. */
long net_env(const char *name, long otherwise);

/*
 * The path of a bus file that does not exist yet, in a folder of its own,
 * which net_bus_remove() removes with all that is in it.  Good until the 16th
 * call from now.
 */
const char *net_bus(void);
void net_bus_remove(void);
/* The same, as the teardown of a test of cmocka's. */
int net_teardown(void **state);

/*
 * Runs FN(ARG) in a child process, which exits with what it returns.  Fork
 * before there is a stack.  A child that does not end within five minutes
 * is ended by SIGALRM.
 */
pid_t net_child(int (*fn)(void *), void *arg);
/* Waits for the child PID.  Returns its exit status, or 128 + its signal. */
int net_wait(pid_t pid);

/* Memory shared with children, zeroed. */
void *net_shared(size_t size);
/* Adds one to *COUNT and waits until it is N. */
void net_barrier(volatile int *count, int n);

/* RFC 1071. */
uint16_t net_checksum(const void *data, size_t n, uint32_t sum);

/* How many descriptors and threads this process has. */
int net_descriptors(void);
int net_threads(void);

#endif /* TESTS_NETPROC_H */
