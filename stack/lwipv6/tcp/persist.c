/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * persist.c - a window that is too small for what waits
 *
 * DOC: The faults:
 *   - A receiver whose window is full says when it opens again, once, in a
 *     segment that nobody acknowledges.  Where that segment is lost (on a bus:
 *     its reader was stopped for longer than a lap) the sender waits for ever;
 *     lwipv6 has no persist timer.
 *   - The library sends a queued segment whole or not at all.  A receiver whose
 *     window never gets as large as a segment gets nothing, ever.
 *
 * How they are seen: a transfer stands still after a SIGSTOP and SIGCONT; one
 * to a peer with a small SO_RCVBUF never begins.
 *
 * The cure.  A connection persists when it has something to send, nothing on
 * its way, and a window in which its next segment does not fit
 * (persist_needed()).  Since nothing is on its way no acknowledgement is to be
 * expected, so only the window's owner or a timer gets it on:
 *   - A window of at least half of the largest that the peer ever had gets what
 *     it has room for, at once: the segment is cut (RFC 9293, 3.8.6.2.1, rule
 *     3).
 *   - A smaller one gets the same when the timer says so (the override of rule
 *     4); until then it may grow, which is better than segments of a few bytes.
 *   - Where there is no window at all the timer sends an empty segment with a
 *     sequence number that the peer has seen (RFC 9293, 3.8.6.1).  The peer must
 *     acknowledge that, with its window.
 *
 * There is one timer, which is that for retransmissions (recover.c), for a
 * connection never needs both.  It starts at the time that a retransmission
 * would have, for the override at 100 ms at least, and doubles each time up to
 * five seconds.  It starts anew when the window grows.  A peer that answers
 * probes keeps its connection for as long as it wants; one that does not
 * answer is given up as one that does not acknowledge data.
 */
#include "stack/lwipv6/tcp/segment.h"

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

bool
persist_cut(struct tcp_pcb *pcb, uint32_t least)
{
	return persist_needed(pcb) && pcb->snd_wnd != 0 &&
	    pcb->snd_wnd >= least && split_first(pcb, (unsigned)pcb->snd_wnd);
}

/*
 * Replaces the library's, which sends acknowledgements that were delayed, four
 * times a second.  The timer of tick.c does that; here it is seen to that it
 * runs.
 */
EXPORT void
OURS(tcp_fasttmr)(struct stack *stack)
{
	const struct conn_table *t = conn_table(stack);

	if (t != NULL && !node_alone(&t->busy))
		tick_start(NULL, stack);
}
