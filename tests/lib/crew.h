/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * crew.h - the processes of a test that kills and stops its own
 *
 * Every process is ended by its pid, at the latest by crew_end(), and dies with
 * the test program itself.  Files live in a folder that crew_end() removes.
 */
#ifndef TESTS_CREW_H
#define TESTS_CREW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "shmbus/shmbus.h"

/* How long anything may take before it counts as hung, in seconds (PATIENCE). */
#define CREW_PATIENCE crew_number("PATIENCE", 120)

/* The parameter NAME from the environment, or else VALUE. */
unsigned long crew_number(const char *name, unsigned long value);
/* VALUE, or less of it where sanitizers make everything slow. */
unsigned crew_scale(unsigned value);

/*
 * For a test group: makes the folder and prints the seed (SEED); ends all that
 * is still running and removes the folder, which SIGTERM, SIGALRM and such do,
 * too.  STATE is not used.  0 or -1.
 */
int crew_begin(void **state);
int crew_end(void **state);
/* The seed of this run. */
uint64_t crew_seed(void);
/* The path of the file NAME in the folder.  Static, until the next call. */
const char *crew_path(const char *name);
/* Memory of N zeros that parent and children share; never freed. */
void *crew_shared(size_t n);

/* Starts BODY(ARG) in a process of its own. */
pid_t crew_start(void (*body)(void *arg), void *arg);
/* Kills and buries PID. */
void crew_kill(pid_t pid);
/* Waits for the end of PID: complains unless it exits with 0. */
void crew_join(pid_t pid);
/* PID has been waited for by somebody else. */
void crew_buried(pid_t pid);
/* Stops PID, and waits until it is. */
void crew_stop(pid_t pid);
/* Waits until PID has stopped itself.  Returns whether it has. */
bool crew_stopped(pid_t pid);
void crew_cont(pid_t pid);

/* Notes a failure, in whichever process; the first ones are kept. */
void complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The failures since the last call, as one text, or NULL. */
const char *complaints(void);
/* Fails, in the test, if there are any. */
#define check() \
	do { \
		const char *why = complaints(); \
		if (why != NULL) \
			fail_msg("%s", why); \
	} while (0)
/* Whether anybody has complained; a process may stop then. */
bool complained(void);
#define must(cond) \
	do { \
		if (!(cond)) \
			complain("%s:%d: %s", __FILE__, __LINE__, #cond); \
	} while (0)

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t crew_now(void);
void crew_nap(uint64_t ns);
/* Waits until *WORD is at least VALUE; complains after CREW_PATIENCE. */
bool crew_await(const _Atomic uint64_t *word, uint64_t value);

/* ---- on a bus ---- */

/* Creates a bus in the folder; what it is called is crew_path(NAME). */
void crew_bus(const char *name, uint32_t slots, uint32_t mtu);
/* Attaches WHO to it.  Complains and returns NULL when that fails. */
struct shmbus *crew_attach(const char *path, uint32_t who, unsigned flags);

#endif /* TESTS_CREW_H */
