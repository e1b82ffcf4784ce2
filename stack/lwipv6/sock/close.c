/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * close.c - the end of a stack, and the end of the process
 *
 * DOC: The fault: the connections of a stack that is deleted stay in memory.
 *
 * And since the stack lives in the process, it dies with it: a program that
 * ends after lwip_close() would take its unsent data with it, where a kernel
 * would go on.  When the process exits all its connections are closed, as a
 * kernel would, and what was sent is waited for, while there is progress; and
 * likewise by lwip_del_stack() for what had been closed before.  What a kind of
 * socket has to finish is its own to say (stream_unfinished()).
 */
#include <errno.h>
#include <semaphore.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "stack/lwipv6/sock/sock.h"

#define LINGER_STEP_MS 5
#define LINGER_MAX_MS 3000 /* without any progress */

/* ---- a stack that is deleted -------------------------------------------- */

/* S loses its stack. */
static void
orphan(struct sock *s, void *arg)
{
	(void)arg;
	sock_hold(s);
	port_unbound(s);
	s->ops->orphan(s);
	pthread_mutex_lock(&s->lock);
	s->stack = NULL;
	sock_unlock_wake(s, POLLIN | POLLOUT | POLLERR | POLLHUP);
	sock_put(s);
}

/*
 * Replaces the library's, which does nothing: on the stack's thread, the first
 * step of its end.
 */
EXPORT void
OURS(tcp_shutdown)(struct stack *stack)
{
	struct tcp_pcb *pcb;

	queue_finish(stack);
	sock_each(stack, orphan, NULL);
	/* What was posted while they were being told. */
	queue_finish(stack);
	/* Connections that no socket has any more. */
	conn_abort_all(stack);
	while ((pcb = STACK_FIELD(stack, STACK_TCP_ACTIVE, struct tcp_pcb *)) !=
	    NULL)
		tcp_abort(pcb);
	while (
	    (pcb = STACK_FIELD(stack, STACK_TCP_TW, struct tcp_pcb *)) != NULL)
		tcp_abort(pcb);
}

/* ---- at the end of the process ------------------------------------------ */

struct census {
	struct stack *stack;
	bool all;	   /* close those that are open */
	unsigned closing;  /* connections that are not done */
	uint32_t progress; /* changes when any of them gets on */
	atomic_bool taken; /* the numbers above are the program's to read */
	sem_t done;
};

static void
count(struct sock *s, void *arg)
{
	struct census *c = arg;

	if (s->ops->unfinished != NULL &&
	    s->ops->unfinished(s, c->all, &c->progress))
		c->closing++;
}

/* Counts the connections that have data to send; on the stack's thread. */
static void
count_closing(void *arg)
{
	struct census *c = arg;

	c->closing = 0;
	c->progress = 0;
	sock_each(c->stack, count, c);
	/* sem_clockwait() orders as much, but ThreadSanitizer does not know. */
	atomic_store(&c->taken, true);
	sem_post(&c->done);
}

/* Has them counted.  False when the stack's thread does not answer. */
static bool
take_census(struct census *c)
{
	struct timespec until;

	if (tcpip_callback(c->stack, count_closing, c, 0) != ERR_OK)
		return false;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += LINGER_MAX_MS / 1000;
	while (sem_clockwait(&c->done, CLOCK_MONOTONIC, &until) == -1)
		if (errno != EINTR)
			return false;
	return atomic_exchange(&c->taken, false);
}

/* Waits, a bounded time, for STACK's connections that are being closed. */
static void
linger(struct stack *stack, bool all)
{
	const struct timespec step = { .tv_nsec = LINGER_STEP_MS * 1000000L };
	struct census *c = calloc(1, sizeof(*c));
	uint32_t before = 0;
	int idle = 0;

	if (c == NULL)
		return;
	c->stack = stack;
	c->all = all;
	sem_init(&c->done, 0, 0);
	while (idle <= LINGER_MAX_MS) {
		if (!take_census(c))
			return; /* C may yet be used */
		if (c->closing == 0)
			break;
		idle = c->progress == before ? idle + LINGER_STEP_MS : 0;
		before = c->progress;
		nanosleep(&step, NULL);
	}
	sem_destroy(&c->done);
	free(c);
}

void
sock_settle(struct stack *stack)
{
	if (!thread_inside(stack))
		linger(stack, false);
}

static pid_t whose; /* a child has no stack, though it exits as we do */

static void
linger_all(void)
{
	struct stack *last = NULL;
	int n;

	if (getpid() != whose)
		return;
	for (n = shmif_next(-1); n != -1; n = shmif_next(n)) {
		struct stack *stack = shmif_stack(n);

		if (stack == NULL || stack == last || thread_inside(stack))
			continue;
		linger(stack, true);
		last = stack;
	}
}

/* Replaces the library's: STACK goes. */
EXPORT void
OURS(lwip_del_stack)(struct stack *stack)
{
	if (stack != NULL && !thread_inside(stack))
		linger(stack, false);
	real()->lwip_del_stack(stack);
}

static void
arrange(void)
{
	whose = getpid();
	atexit(linger_all);
}

void
close_at_exit(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, arrange);
}
