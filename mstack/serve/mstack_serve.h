/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mstack_serve.h - the server's side of mstack, for who has a control socket
 *	(not installed)
 *
 * See the DOC blocks of serve.c and mstack/wire.h.
 */
#ifndef MSTACK_SERVE_H
#define MSTACK_SERVE_H

#include "shmif/stack_sock.h"

/*
 * Begins a session for whoever is at the other end of the connection FD, which
 * it takes and closes, also where it fails.  The first one makes a thread.
 * Any thread.  0 or a positive errno value.
 */
int mstack_serve_session(const struct stack_sock *ops, void *stack, int fd);
/*
 * Ends all sessions and closes all their sockets; what was sent is waited for
 * as long as there is progress.  Then there may be a first one again.
 */
void mstack_serve_end(void);

#endif /* MSTACK_SERVE_H */
