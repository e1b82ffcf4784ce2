/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * queue.c - the queue of a stack
 *
 * DOC: It is a mailbox (mbox.c), and besides:
 *
 * - The stack's thread can wait for a bus and for messages at once: one unit
 *   of the stack has no receive thread (see shmif/unit.c); it is `watched' here.
 *   Who posts then wakes the wait of the bus.
 * - While the stack's thread sleeps, another thread may act as the stack, by
 *   core_call(): the queue is `borrowed'.  A program that sends then needs no
 *   other thread to run.  When the stack's thread wakes meanwhile, it says so
 *   (`reclaimed') and waits until that is over; a third thread posts a message,
 *   and whoever was the stack wakes the stack's thread for it.  So two are
 *   never at work at once, and the lock orders what they do.  Timers belong to
 *   a thread, so none may be started in core_call().
 */
#include <limits.h>
#include <errno.h>

#include "stack/lwipv6/threads/mbox.h"

#define SPIN_BUS_NS 20000 /* what a process does for another takes less */

static struct sys_mbox *
queue_of(struct stack *stack)
{
	return STACK_FIELD(stack, STACK_QUEUE, struct sys_mbox *);
}

struct sys_mbox *
queue_own(void)
{
	struct stack *stack = thread_stack();

	return stack == NULL ? NULL : queue_of(stack);
}

/* ---- the stack's thread sleeps ------------------------------------------- */

/* The stack's thread waits until nobody else acts as the stack; under lock. */
static void
unpark(struct sys_mbox *m)
{
	uint32_t seen;

	while (m->borrowed) {
		m->reclaimed = true;
		seen = m->bell;
		pthread_mutex_unlock(&m->lock);
		mbox_futex_wait(&m->bell, seen, -1);
		pthread_mutex_lock(&m->lock);
	}
	m->reclaimed = false;
	m->parked = false;
}

void
queue_park(struct sys_mbox *m, int64_t end)
{
	struct unit *u = m->watched;
	int64_t left = -1;

	m->parked = true;
	if (u == NULL) {
		mbox_sleep_until(m, end);
		unpark(m);
		return;
	}
	if (mbox_look_for(m, SPIN_BUS_NS)) {
		unpark(m);
		return;
	}
	m->on_bus = true;
	pthread_mutex_unlock(&m->lock);
	if (end != INT64_MAX && (left = end - (int64_t)now_ns()) < 0)
		left = 0;
	unit_wait(u, left);
	pthread_mutex_lock(&m->lock);
	m->on_bus = false;
	unpark(m);
}

/* What a stack's thread does with the frames of the unit that it watches. */
static void
drain(void *arg)
{
	struct sys_mbox *m = arg;

	m->kicked = false;
	if (m->watched != NULL) {
		m->drain(m->watched);
		if (unit_is_dead(m->watched))
			mbox_unwatch(thread_stack(), m->watched);
	}
}

void
queue_look_at_bus(struct sys_mbox *m)
{
	if (m->watched == NULL || m->kicked || !unit_ready(m->watched))
		return;
	m->kicked = true;
	if (tcpip_callback(thread_stack(), drain, m, 0) != ERR_OK)
		m->kicked = false;
}

/* ---- watching a bus, and being the stack ---------------------------------- */

bool
mbox_watch(struct stack *stack, struct unit *u, void (*drain_fn)(struct unit *))
{
	struct sys_mbox *m = queue_of(stack);
	bool did = false;

	pthread_mutex_lock(&m->lock);
	if (m->watched == NULL) {
		m->watched = u;
		m->drain = drain_fn;
		did = true;
	}
	pthread_mutex_unlock(&m->lock);
	return did;
}

void
mbox_unwatch(struct stack *stack, struct unit *u)
{
	struct sys_mbox *m = queue_of(stack);

	pthread_mutex_lock(&m->lock);
	if (m->watched == u)
		m->watched = NULL;
	pthread_mutex_unlock(&m->lock);
}

/* Makes the caller be STACK, where its thread sleeps and has nothing to do. */
static bool
core_enter(struct stack *stack)
{
	struct sys_mbox *m = queue_of(stack);
	bool did;

	if (thread_stack() != NULL)
		return false;
	pthread_mutex_lock(&m->lock);
	did = m->parked && !m->borrowed && !m->reclaimed && m->count == 0;
	if (did)
		m->borrowed = true;
	pthread_mutex_unlock(&m->lock);
	if (did)
		thread_be(stack);
	return did;
}

static void
core_leave(struct stack *stack)
{
	struct sys_mbox *m = queue_of(stack);
	bool call = false;

	thread_be(NULL);
	pthread_mutex_lock(&m->lock);
	m->borrowed = false;
	if (m->reclaimed) {
		m->bell++;
		call = true;
	} else if (m->count != 0) {
		call = mbox_call_someone(m);
	} else if (m->looking) {
		spin_again(&m->spin); /* an answer may come */
	}
	pthread_mutex_unlock(&m->lock);
	if (call)
		mbox_futex_wake(&m->bell, INT_MAX);
}

int
core_call(struct stack *stack, void (*fn)(void *), void *arg)
{
	if (core_enter(stack)) {
		fn(arg);
		core_leave(stack);
		return 0;
	}
	return tcpip_callback(stack, fn, arg, 0) == ERR_OK ? 0 : ENOMEM;
}

/* ---- the end of a stack -------------------------------------------------- */

/* The next message of QUEUE, or NULL. */
static struct tcpip_msg *
next(struct sys_mbox *queue)
{
	void *msg = NULL;

	if (mbox_waiting(queue) > 0)
		sys_arch_mbox_fetch(queue, &msg, 1);
	return msg;
}

/* Does what MSG says, of the kinds that may come at any time. */
static void
do_message(struct tcpip_msg *msg)
{
	switch (msg->type) {
	case TCPIP_MSG_INPUT:
		ip_input(msg->in.p, msg->in.netif);
		break;
	case TCPIP_MSG_CALLBACK:
	case TCPIP_MSG_SYNC_CALLBACK:
		msg->call.fn(msg->call.arg);
		if (msg->type == TCPIP_MSG_SYNC_CALLBACK)
			sys_sem_signal(*msg->call.sem);
		break;
	default:
		break;
	}
	memp_free(MEMP_TCPIP_MSG, msg);
}

void
queue_finish(struct stack *stack)
{
	struct sys_mbox *queue = queue_of(stack);
	unsigned n = mbox_waiting(queue);
	struct tcpip_msg *msg;

	/* Not what these post: that could go on for ever. */
	while (n-- > 0 && (msg = next(queue)) != NULL)
		do_message(msg);
}

void **
stack_slot(struct stack *stack)
{
	struct sys_mbox *queue = queue_of(stack);

	return queue == NULL ? NULL : &queue->slot;
}

void
queue_free(struct stack *stack)
{
	struct sys_mbox *queue = queue_of(stack);
	struct tcpip_msg *msg;

	while ((msg = next(queue)) != NULL) {
		if (msg->type == TCPIP_MSG_INPUT)
			pbuf_free(msg->in.p);
		memp_free(MEMP_TCPIP_MSG, msg);
	}
	sys_mbox_free(queue);
	STACK_FIELD(stack, STACK_QUEUE, struct sys_mbox *) = NULL;
}
