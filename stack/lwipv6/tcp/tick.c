/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tick.c - the timer of a stack's connections
 *
 * DOC: Retransmissions, windows that persist and acknowledgements that are
 * delayed have a timer with a grain of TICK_MS, one for all connections of a
 * stack.  It looks after those that are in the list of the busy, to which they
 * add themselves when they need it (recover.c), and stops when there was none
 * for LINGER ticks, so that an idle stack is not woken.
 *
 * Timers belong to a thread and are started there only.  While the stack's own
 * thread sleeps another may be the stack (core_call()); when that needs the
 * timer it asks the stack's own thread by a message.  A connection keeps where
 * its stack's timer is, so that this is not asked for again while it runs.
 */
#include "stack/lwipv6/tcp/conn.h"

#define ACK_TICKS 8u /* acknowledgements are delayed by so many at most */
#define LINGER 40u   /* ticks that find nothing to do before it stops */

/* The timer of the stack whose own thread this is. */
static __thread struct ticker {
	bool runs;
	bool asked; /* a message that starts it is under way */
	bool over;  /* the stack ends */
	unsigned tick, idle;
} mine;

static void
tick(void *arg)
{
	struct stack *stack = arg;
	struct conn_table *t = conn_table(stack);
	bool late_acks, busy = false;
	struct node round, *l;

	late_acks = ++mine.tick % ACK_TICKS == 0;
	node_init(&round);
	if (t != NULL && !node_alone(&t->busy)) {
		node_before(&t->busy, &round);
		while ((l = t->busy.next) != &round) {
			struct tcp_pcb *pcb =
			    NODE_OF(l, struct conn, busy)->e.pcb;
			struct conn *c;

			node_out(l);
			if (recover_look_after(pcb, &mine, late_acks) &&
			    (c = conn_of(pcb)) != NULL && node_alone(&c->busy))
				node_before(&t->busy, &c->busy);
		}
		node_out(&round);
		busy = !node_alone(&t->busy);
	}
	mine.idle = busy ? 0 : mine.idle + 1;
	mine.runs = mine.idle < LINGER;
	if (mine.runs)
		sys_timeout(TICK_MS, tick, stack);
}

/* Starts the timer of the stack ARG, whose own thread this is. */
static void
start(void *arg)
{
	mine.asked = false;
	mine.idle = 0;
	if (mine.runs || mine.over)
		return;
	mine.runs = true;
	sys_timeout(TICK_MS, tick, arg);
}

struct ticker *
tick_start(struct ticker *t, struct stack *stack)
{
	if (thread_owns(stack)) {
		start(stack);
		return &mine;
	}
	if (t != NULL) {
		t->idle = 0;
		if (t->runs || t->asked)
			return t;
		t->asked = true;
	}
	if (tcpip_callback(stack, start, stack, 0) != ERR_OK && t != NULL)
		t->asked = false;
	return t;
}

void
tick_end(struct stack *stack)
{
	if (mine.runs)
		sys_untimeout(tick, stack);
	mine.runs = false;
	mine.over = true;
	keepalive_end(stack);
}
