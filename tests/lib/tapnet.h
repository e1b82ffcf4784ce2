/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tapnet.h - this machine's kernel as a neighbour on a bus
 *
 * A network namespace of the process's own has a tap interface, and two threads
 * carry frames between that and a bus.  Sockets of the kernel's in this process
 * are in that namespace, so nothing leaves it.
 */
#ifndef TESTS_TAPNET_H
#define TESTS_TAPNET_H

#include <stdbool.h>

/* Where the kernel is, on the side of the bus. */
#define KERNEL4 "10.7.0.9"
#define KERNEL6 "fd07::9"

/*
 * Makes the namespace and the interface; before the process has threads.
 * NULL, or why it cannot be done here.
 */
const char *tapnet_enter(void);
/* Connects the interface to the bus PATH, which there is. */
void tapnet_bridge(const char *path);
/* From now on frames are lost both ways; or not any more. */
void tapnet_cut(bool cut);

#endif /* TESTS_TAPNET_H */
