/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * container.h - processes in namespaces and a root folder of their own, which
 * have nothing in common with each other but one folder
 */
#ifndef TESTS_CONTAINER_H
#define TESTS_CONTAINER_H

#include <sys/types.h>

/* Where the crew's folder is inside. */
#define CONTAINER_FOLDER "/shared"

struct container {
	pid_t pid;   /* the first process inside, as seen from here */
	pid_t outer; /* who made it: a child of the crew */
};

/* NULL, or why no container can be made for the crew.  Static. */
const char *container_impossible(void);
/*
 * Runs BODY(ARG) as process 1 of a container of mount, PID, network, IPC and
 * host name namespaces (and a user namespace where we are not root) whose root
 * is empty but for /proc and the crew's folder.  Complains when that fails.
 */
struct container container_start(void (*body)(void *arg), void *arg);
/* Waits for its end: complains unless BODY returned. */
void container_join(struct container c);
/* Kills it with all that is inside. */
void container_kill(struct container c);

#endif /* TESTS_CONTAINER_H */
