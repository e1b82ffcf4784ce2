/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ops_sock.c - the stack's sockets for other programs
 *
 * DOC: The operation is only the door: when its reply was taken, the
 * connection is handed to mstack/serve, which speaks another protocol
 * (mstack/wire.h) and has a thread of its own.
 */
#include <errno.h>
#include <json-c/json.h>

#include "shmif/stack.h"
#include "ctl/serve/server.h"

static int
op_sockets(struct call *c)
{
	if (the_stack.sock == NULL)
		return fail(c, EOPNOTSUPP,
		    "the stack %s has no sockets for other programs",
		    c->env->stack_name);
	c->env->hand_over = true;
	return 0;
}

const struct op ops_sock[] = {
	{ "sockets", op_sockets, { { 0 } }, true, true },
	{ 0 },
};
