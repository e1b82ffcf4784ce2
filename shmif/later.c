/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * later.c - what a thread does when it has let go of the stack's locks
 */
#include "shmif/later.h"

#define CALLS_MAX 4u /* there is one server in a process */

static __thread struct {
	bool on;
	unsigned n;
	struct {
		void (*fn)(void *);
		void *arg;
	} call[CALLS_MAX];
} put_off;

bool
later(void (*fn)(void *), void *arg)
{
	if (!put_off.on || put_off.n == CALLS_MAX)
		return false;
	put_off.call[put_off.n].fn = fn;
	put_off.call[put_off.n++].arg = arg;
	return true;
}

void
later_begin(void)
{
	put_off.on = true;
}

void
later_end(void)
{
	unsigned i;

	/* What is called may ring bells, too: those find another way. */
	put_off.on = false;
	for (i = 0; i < put_off.n; i++)
		put_off.call[i].fn(put_off.call[i].arg);
	put_off.n = 0;
}
