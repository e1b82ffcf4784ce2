/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * screen.c - which segments get to the library, and what the others are told
 *
 * DOC: The faults, in what the library makes of segments that do not belong
 * where they come:
 *   - a connection that is being opened is reset by a RST without an ACK, and
 *     resets an acknowledgement of its own SYN that brings no SYN;
 *   - one that is half open does not answer the SYN when it comes again, and
 *     not another one either: a client that was started again has to wait until
 *     the half-open connection is forgotten;
 *   - an open one takes a SYN in its window for data, is ended by a RST
 *     anywhere in its window, and takes data without an ACK;
 *   - one that is being opened ignores a SYN: two that open at once never meet,
 *     and who connects to himself waits for ever;
 *   - data behind the peer's FIN is acknowledged, and an acknowledgement from
 *     any time ago brings its data with it;
 *   - in TIME-WAIT whatever comes, from whenever, moves what is acknowledged,
 *     and a reset is answered instead of obeyed.
 *
 * The cure: RFC 9293, 3.10.7.2 to 3.10.7.4, with the answers of RFC 5961: a SYN
 * on a connection, or a RST in its window but not at its beginning, gets an
 * acknowledgement.  Who really has forgotten the connection resets it by the
 * sequence number in that.
 *
 * Here is decided for segments that are unusual: those that open or reset
 * something, or have no connection, or acknowledge what was never sent.  Of
 * these, what is damaged or was sent to many is dropped without a word first.
 * All that is left is data and acknowledgements of open connections, which the
 * library handles (input.c).
 */
#include "stack/lwipv6/tcp/segment.h"

static void
acknowledge(struct tcp_pcb *pcb)
{
	pcb->flags |= TCP_FLAG_ACK_NOW;
	tcp_output(pcb);
}

/* Whether SEQ is in the window of PCB. */
static bool
in_window(const struct tcp_pcb *pcb, uint32_t seq)
{
	return seq - pcb->rcv_nxt < tcp_own_window(pcb) || seq == pcb->rcv_nxt;
}

/* A reset for PCB, which is not in SYN-SENT.  True: it is not obeyed. */
static bool
reset_is_wrong(struct tcp_pcb *pcb, const struct segment *g)
{
	if (g->seq == pcb->rcv_nxt)
		return false;
	if (in_window(pcb, g->seq))
		acknowledge(pcb); /* RFC 5961, 3.2 */
	return true;
}

/* RFC 9293, 3.10.7.3. */
static bool
screen_syn_sent(struct tcp_pcb *pcb, const struct segment *g)
{
	bool ack = (g->flags & FLAG_ACK) != 0;

	if (ack && g->ack != pcb->lastack + 1) {
		segment_refuse(g);
		/*
		 * The peer had a connection of the same two ends in mind, which
		 * it drops now: the SYN need not wait for its time.  Once.
		 */
		if (!(g->flags & (FLAG_SYN | FLAG_RST)) &&
		    !(pcb->ours & TCP_OURS_SYN_AGAIN)) {
			pcb->ours |= TCP_OURS_SYN_AGAIN;
			recover_again(pcb);
		}
		return true;
	}
	if (g->flags & FLAG_RST)
		return !ack;
	/* The library looks at the SYN that waits for its acknowledgement. */
	if (!(g->flags & FLAG_SYN) || pcb->unacked == NULL)
		return true;
	if (ack)
		return false;
	open_at_once(pcb, g);
	return true;
}

/* The same, 3.10.7.4, for a connection that a listener has begun. */
static bool
screen_syn_received(struct tcp_pcb *pcb, const struct segment *g)
{
	if (g->flags & FLAG_RST)
		return reset_is_wrong(pcb, g);
	if (g->flags & FLAG_SYN) {
		if (!(g->flags & FLAG_ACK) && g->seq + 1 == pcb->rcv_nxt)
			recover_again(pcb); /* it did not hear us */
		else
			acknowledge(pcb);
		return true;
	}
	if (!(g->flags & FLAG_ACK))
		return true;
	if (!in_window(pcb, g->seq)) {
		acknowledge(pcb);
		return true;
	}
	if (g->ack != pcb->lastack + 1) {
		segment_refuse(g);
		return true;
	}
	/* While the queue is full it stays half open. */
	return !above.has_room(pcb);
}

/*
 * Whether what G acknowledges has been sent, and not longer ago than the largest
 * window: RFC 5961, 5.2.
 */
static bool
ack_is_likely(const struct tcp_pcb *pcb, const struct segment *g)
{
	const struct conn *c = conn_of(pcb);
	uint32_t most = c == NULL ? 0 : c->recover.max_wnd;
	uint32_t oldest = pcb->lastack -
	    (most > UINT16_MAX ? most : UINT16_MAX);

	return g->ack - oldest <= pcb->snd_max - oldest;
}

bool
screen_connection(struct tcp_pcb *pcb, const struct segment *g)
{
	if (pcb->slirp != NULL)
		return false;
	if (pcb->state >= TCP_ESTABLISHED &&
	    (g->flags & (FLAG_SYN | FLAG_RST | FLAG_ACK)) == FLAG_ACK &&
	    ack_is_likely(pcb, g))
		return false;
	if (!segment_sound(g))
		return true;
	if (pcb->state == TCP_SYN_SENT)
		return screen_syn_sent(pcb, g);
	if (pcb->state == TCP_SYN_RCVD)
		return screen_syn_received(pcb, g);
	if (g->flags & FLAG_RST)
		return reset_is_wrong(pcb, g);
	/* A SYN, or an ACK that is not likely; else it has no ACK. */
	if (g->flags & (FLAG_SYN | FLAG_ACK))
		acknowledge(pcb);
	return true;
}

/* Says once more what OLD said last. */
static void
acknowledge_again(struct stack *stack, const struct time_wait *old)
{
	struct bare b = { .stack = stack,
		.local = old->e.ends.local,
		.remote = old->e.ends.remote,
		.local_port = old->e.ends.local_port,
		.remote_port = old->e.ends.remote_port,
		.seq = old->snd_nxt,
		.ack = old->rcv_nxt,
		.flags = FLAG_ACK,
		.window = old->window,
		.ttl = old->ttl,
		.tos = old->tos,
		.ts = old->ts,
		.ecr = old->ts_recent };

	bare_send(&b);
}

bool
screen_time_wait(struct time_wait *old, const struct segment *g)
{
	if (!segment_sound(g))
		return true;
	if (g->flags & FLAG_RST) {
		if (g->seq == old->rcv_nxt)
			time_wait_drop(g->stack, old);
		return true;
	}
	/* RFC 1122, 4.2.2.13: a connection that begins after the old one. */
	if ((g->flags & (FLAG_SYN | FLAG_ACK)) == FLAG_SYN &&
	    seq_before(old->rcv_nxt, g->seq)) {
		time_wait_drop(g->stack, old);
		return false;
	}
	if (segment_span(g) == 0)
		return true;
	if (g->flags & FLAG_FIN)
		time_wait_again(g->stack, old);
	acknowledge_again(g->stack, old);
	return true;
}
