/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * actors.h - two coroutines that take turns where the test says so
 */
#ifndef TESTS_ACTORS_H
#define TESTS_ACTORS_H

#include <stdbool.h>

#define FOR_EVER 1000000u

/* What actor I (0, 1) is to run: RUN(ARG). */
void actor_cast(unsigned i, void (*run)(void *arg), void *arg);
/* Lets I play until it ends, or comes to the point after LEFT others. */
void actor_play(unsigned i, unsigned left);
/* Whether it has come to its end. */
bool actor_ended(unsigned i);
/* A point, at which an actor may be left.  Anybody else passes. */
void actor_point(void);
/* Frees what there is. */
void actors_leave(void);

#endif /* TESTS_ACTORS_H */
