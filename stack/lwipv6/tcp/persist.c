/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * persist.c - a window that opened while nobody looked
 *
 * DOC: The fault: a receiver whose window is full says when it opens again,
 * once, in a segment that nobody acknowledges.  Where that segment is lost
 * (on a bus: its reader was stopped for longer than a lap) the sender waits
 * for ever; lwipv6 has no persist timer.
 *
 * How it is seen: a transfer stands still after a SIGSTOP and SIGCONT.
 *
 * The cure: RFC 9293, 3.8.6.1: probing a zero window.  A connection that has
 * something to send, nothing on its way, and no window for it, sends an
 * empty segment with a sequence number that its peer has seen, about once a
 * second.  The peer must acknowledge that, with its window.
 *
 * It is done in tcp_fasttmr(), which the library calls four times a second
 * for each stack, and which otherwise sends acknowledgements that were
 * delayed.
 */
#include "stack/lwipv6/tcp/bare.h"

#define PROBE_TICKS 4u /* of 250 ms */

bool
persist_needed(const struct tcp_pcb *pcb)
{
	return pcb->unsent != NULL && pcb->unacked == NULL &&
	    pcb->state >= TCP_ESTABLISHED && pcb->snd_wnd < pcb->unsent->len;
}

void
persist_probe(struct tcp_pcb *pcb)
{
	struct bare b = bare_of(pcb, pcb->lastack - 1, FLAG_ACK);

	bare_send(&b);
}

/* Replaces the library's; on the stack's thread. */
EXPORT void
OURS(tcp_fasttmr)(struct stack *stack)
{
	static __thread unsigned tick;
	struct tcp_pcb *pcb, *next;

	tick++;
	recover_thread(stack);
	for (pcb = STACK_FIELD(stack, STACK_TCP_ACTIVE, struct tcp_pcb *);
	     pcb != NULL; pcb = next) {
		next = pcb->next;
		tcp_ack_delayed(pcb);
		if (tick % PROBE_TICKS == 0 && persist_needed(pcb))
			persist_probe(pcb);
	}
}
