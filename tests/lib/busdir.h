/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * busdir.h - bus files in a folder of their own, and attachments to them, for
 * tests of the public functions
 */
#ifndef TESTS_BUSDIR_H
#define TESTS_BUSDIR_H

#include <sys/types.h>

#include "tests/lib/frames.h"
#include "shmbus/shmbus.h"

/* For a test group: makes the folder; removes it with all that is in it. */
int busdir_make(void **state);
int busdir_remove(void **state);
/*
 * For a test: whether it has left descriptors or threads behind.  One that
 * hangs ends the program, by SIGALRM, and its children with it.
 */
int busdir_before(void **state);
int busdir_after(void **state);

/* The path of NAME in the folder; a few of them are valid at a time. */
const char *busdir_path(const char *name);
/* A new bus of this geometry (0: default).  Returns its path. */
const char *bus_new(uint32_t mtu, uint32_t slots);

/* Attaches with the address of unit WHO, which must work. */
struct shmbus *bus_join(const char *path, unsigned who, unsigned flags);
/*
 * Sends frame SERIAL of B, whose unit is WHO, again and again if it is given up
 * on.  Returns what send does.
 */
int bus_send(struct shmbus *b, unsigned who, unsigned to, uint64_t serial,
    size_t len);
/* Receives a frame, which must be whole.  Returns what recv does. */
int bus_recv(struct shmbus *b, struct mark *m, struct shmbus_frame *f);
/* Receives all there is.  Returns how many. */
unsigned bus_drain(struct shmbus *b);

/* Runs BODY(ARG) in a child.  Returns its exit status, or 256 + a signal. */
int in_child(int (*body)(void *arg), void *arg);
/* The same, as a user without rights where we are root. */
int in_unprivileged_child(int (*body)(void *arg), void *arg);
/* Starts it and does not wait; child_end() does. */
pid_t child_start(int (*body)(void *arg), void *arg);
int child_end(pid_t pid);

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t clock_now(void);
void nap_ms(unsigned ms);
/* Files in /proc/self/NAME. */
unsigned count_proc(const char *name);

#endif /* TESTS_BUSDIR_H */
