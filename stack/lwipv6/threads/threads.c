/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * threads.c - whose thread this is, and how a stack's threads begin and end
 *
 * A stack's thread begins with netif_init(), which is ours and notes the stack
 * for its thread.  A thread that acts as the stack for a while (core_call(),
 * queue.c) counts as the stack's, too.
 */
#include <errno.h>
#include <stdlib.h>

#include "stack/lwipv6/threads/threads.h"

static __thread struct stack *here;
static __thread struct stack *own; /* the same, but for core_enter() */
static __thread bool beginning;	   /* netif_init() makes its thread */

bool
thread_inside(const struct stack *stack)
{
	return here == stack;
}

struct stack *
thread_stack(void)
{
	return here;
}

bool
thread_owns(const struct stack *stack)
{
	return own == stack;
}

void
thread_be(struct stack *stack)
{
	here = stack;
}

int
thread_call(struct stack *stack, void (*fn)(void *), void *arg)
{
	return tcpip_callback(stack, fn, arg, 1) == ERR_OK ? 0 : ENOMEM;
}

/* Replaces the library's: the first thing that a stack's thread does. */
EXPORT void
netif_init(struct stack *stack)
{
	here = own = stack;
	fds_begin(stack);
	beginning = true;
	real()->netif_init(stack);
	beginning = false;
}

struct start {
	void (*fn)(void *);
	void *arg;
};

static void *
run(void *arg)
{
	struct start s = *(struct start *)arg;

	free(arg);
	s.fn(s.arg);
	if (here != NULL)
		timers_end();
	return NULL;
}

/*
 * Replaces the library's, whose threads nobody joins: each deleted stack leaves
 * the memory of two threads behind.  The timers that a stack's thread still has
 * stay as well.  The library knows threads by their numbers, which are used
 * again, so the next thread inherits these timers and calls functions for a
 * stack that does not exist any more.  Here a thread is detached, and its timers
 * are freed at its end.
 */
EXPORT pthread_t
OURS(sys_thread_new)(void (*fn)(void *), void *arg, int prio)
{
	struct start *s = malloc(sizeof(*s));
	pthread_attr_t attr;
	pthread_t thread;
	int error;

	(void)prio;
	if (s == NULL)
		return (pthread_t)-1;
	s->fn = beginning && fds_take_thread(arg) ? fds_main : fn;
	s->arg = arg;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	error = pthread_create(&thread, &attr, run, s);
	pthread_attr_destroy(&attr);
	if (error == 0)
		return thread;
	free(s);
	return (pthread_t)-1;
}
