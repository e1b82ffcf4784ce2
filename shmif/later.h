/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * later.h - what a thread does when it has let go of the stack's locks (not
 *	installed)
 *
 * DOC: Whoever is told of something by a stack (stack_sock.h: a bell) is on a
 * thread that takes frames from a bus, with the stack's locks held.  What there
 * is to do cannot be done there, and to have another thread do it costs a
 * switch of threads for each frame that comes alone.  later() has it done by
 * the same thread, when it has taken its frames and holds no lock.
 *
 * The driver of a stack says where that is: it calls later_begin() before it
 * drains a unit and later_end() when it has let go of everything.  On a thread
 * that is not between the two later() refuses, and the caller finds another way.
 */
#ifndef SHMIF_LATER_H
#define SHMIF_LATER_H

#include <stdbool.h>

/*
 * Has this thread call FN(ARG) at its later_end().  It must not wait for the
 * stack, which does nothing meanwhile.  False: it cannot, or has enough to do.
 */
bool later(void (*fn)(void *), void *arg);

void later_begin(void);
void later_end(void);

#endif /* SHMIF_LATER_H */
