/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * slow.c - twice a second: connections that have ended, or wait in vain
 *
 * The library's timer does this for the connections in its lists, which are
 * slirp's, and counts the ticks.  Ours are in a table of our own (conn.c).
 */
#include "stack/lwipv6/tcp/segment.h"

#define PATIENCE 40u /* ticks in SYN-RCVD and FIN-WAIT-2: 20 s */
#define SYNS_MAX 4u
#define RTX_MAX 12u /* recover.c sets it where it gives up */

static __thread bool runs;

bool
tcp_timed_out(void)
{
	return runs;
}

static bool
is_over(const struct tcp_pcb *pcb, uint32_t now)
{
	switch (pcb->state) {
	case TCP_SYN_SENT:
		return pcb->nrtx >= SYNS_MAX;
	case TCP_SYN_RCVD:
	case TCP_FIN_WAIT_2:
		if (now - pcb->tmr > PATIENCE)
			return true;
		break;
	default:
		break;
	}
	return pcb->nrtx >= RTX_MAX;
}

static void
look_at(struct tcp_pcb *pcb, uint32_t now)
{
	if (is_over(pcb, now)) {
		conn_end(pcb, ERR_ABRT);
		return;
	}
	if (++pcb->polltmr < pcb->pollinterval)
		return;
	pcb->polltmr = 0;
	if (pcb->poll != NULL)
		pcb->poll(pcb->callback_arg, pcb);
	if (conn_of(pcb) != NULL)
		tcp_output(pcb);
}

/* Replaces the library's. */
EXPORT void
OURS(tcp_slowtmr)(struct stack *stack)
{
	struct conn_table *t = conn_table(stack);
	uint32_t now;
	struct node round, *l;

	runs = true;
	real()->tcp_slowtmr(stack);
	now = STACK_FIELD(stack, STACK_TCP_TICKS, uint32_t);
	conn_reap(stack);
	/* Any of them may go while one is looked at. */
	node_init(&round);
	if (t != NULL && !node_alone(&t->open)) {
		node_before(&t->open, &round);
		while ((l = t->open.next) != &round) {
			node_out(l);
			node_before(&t->open, l);
			look_at(NODE_OF(l, struct conn, open)->e.pcb, now);
		}
		node_out(&round);
	}
	time_wait_reap(stack);
	conn_rest(stack);
	runs = false;
}
