/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * steps.h - holding a process at a chosen instruction of libshmbus
 */
#ifndef TESTS_STEPS_H
#define TESTS_STEPS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define STEPS_MAX 8192u

/* The instructions of the library that an action passes, each one once. */
struct steps {
	unsigned n;
	uintptr_t pc[STEPS_MAX];
};

/* Whether this machine and its rules allow any of it. */
bool steps_possible(void);

/*
 * What BODY calls around the action.  Before steps_begin() it should have done
 * the same once, so that all symbols are bound.
 */
void steps_begin(void);
void steps_end(void);

/* Runs BODY(ARG) once, to its end, and records the action's instructions. */
bool steps_record(struct steps *s, void (*body)(void *arg), void *arg);

/*
 * Starts BODY(ARG) and holds it before instruction PC when it gets there for
 * the HIT-th time (from 1) in the action.  Returns its pid, or 0 when it came
 * to its end without getting there.  Go on with steps_release(), or crew_kill().
 */
pid_t steps_hold(uintptr_t pc, unsigned hit, void (*body)(void *arg),
    void *arg);

/* Lets it run on as if nothing had been; then crew_join(). */
void steps_release(pid_t pid);

#endif /* TESTS_STEPS_H */
