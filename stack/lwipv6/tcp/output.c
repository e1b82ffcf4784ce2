/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * output.c - sending segments, acknowledging, and windows
 *
 * DOC: The costs: the library acknowledges every second segment at once, and
 * what a program has read once more.  Each acknowledgement is a frame, a wake-up
 * of the other side's thread and a switch of threads there.  Windows and send
 * buffers are 32 KiB.
 *
 * The faults: the room in the send buffer (snd_buf) is taken by each write
 * rounded up to an even number and given back by each acknowledgement rounded
 * up likewise: where several odd writes are acknowledged by one segment it gets
 * smaller, for good; where one write is acknowledged in odd pieces it grows.
 * After a fast retransmission the sequence number
 * of empty acknowledgements stays behind, and the peer answers each of them.
 *
 * How they are seen: a profile, and frames counted on the bus; a program that
 * writes odd pieces stands still in the end
 * (tests/unit/tcp_out_test.c).
 *
 * What is here, and why it is right:
 *
 * - Acknowledgements wait for the end of a batch of frames (see mbox.c), or for
 *   the ACK_EVERY-th full segment of it, when all that has come is in order.
 *   What is not in order is acknowledged at once, for its sender counts
 *   duplicates (RFC 5681, 3.2 and 4.2).  A batch is what is there when the
 *   thread looks; no time is added.  That is what a receiver does whose network
 *   card hands it several segments as one; RFC 5681 has an acknowledgement for
 *   every second segment as a SHOULD.
 * - A window update is sent when the window that the peer knows has become
 *   small: see tcp_recved().  RFC 9293, 3.8.6.2.2, against silly windows: less
 *   than a segment is not announced.
 * - What has been read and is not acknowledged yet is acknowledged at once, as
 *   the library does, but on a connection whose program answers: where the
 *   acknowledgement went out with data several times in a row it is left to do
 *   so again.  When it then comes too late once (the delayed acknowledgement's
 *   timer sends it), that is never assumed again.
 * - The room in the send buffer is computed: what is queued is snd_lbb - lastack
 *   bytes.
 * - RFC 9293, 3.10.7.4: an empty segment has SND.NXT, the end of all that was
 *   sent.
 *
 * Slirp's connections are the library's.
 *
 * What has to be remembered for each connection is in bytes that the library's
 * structure has between its fields, and that it clears when it makes one: the
 * low halves of the last acknowledgement and of the right edge of the window
 * that the peer knows.  A window has 16 bits, so half is all.
 */
#include <string.h>

#include "base/net_bytes.h"
#include "stack/lwipv6/tcp/segment.h"

#define ACK_EVERY 8u

static __thread bool batch_over; /* nothing is put off any more */

static uint32_t
seq_of(const struct tcp_seg *seg)
{
	return be32((const uint8_t *)seg->tcphdr + 4);
}

/* Where SEG ends. */
static uint32_t
end_of(const struct tcp_seg *seg)
{
	unsigned flags = ((const uint8_t *)seg->tcphdr)[13];

	return seq_of(seg) + seg->len + ((flags & (FLAG_SYN | FLAG_FIN)) != 0);
}

/* ---- what the peer knows ------------------------------------------------ */

/* Bytes that came since the last acknowledgement. */
static unsigned
owed(const struct tcp_pcb *pcb)
{
	return (uint16_t)(pcb->rcv_nxt - pcb->said_ack);
}

/* What is left of the window that the peer knows. */
static unsigned
known_window(const struct tcp_pcb *pcb)
{
	return (uint16_t)(pcb->said_edge - pcb->rcv_nxt);
}

/* The window to announce. */
static unsigned
window(const struct tcp_pcb *pcb)
{
	unsigned known = known_window(pcb);

	if (!(pcb->ours & TCP_OURS_KNOWN))
		return pcb->rcv_wnd;
	/* What it knows cannot be taken back. */
	return pcb->rcv_wnd > known && pcb->rcv_wnd - known < pcb->mss &&
		pcb->rcv_wnd < TCP_WINDOW / 2 ?
	    known :
	    pcb->rcv_wnd;
}

/* Notes that an acknowledgement with the window WND went out. */
static void
said(struct tcp_pcb *pcb, unsigned wnd)
{
	pcb->said_ack = (uint16_t)pcb->rcv_nxt;
	pcb->said_edge = (uint16_t)(pcb->rcv_nxt + wnd);
	pcb->flags &= (uint8_t) ~(TCP_FLAG_ACK_DELAY | TCP_FLAG_ACK_NOW);
}

/* ---- sending ------------------------------------------------------------ */

/*
 * The fields that change until a segment is sent.  Returns 0, or the MTU that
 * it exceeds; then it was not sent.
 */
static unsigned
stamp(struct tcp_pcb *pcb, struct pbuf *p, uint8_t *h, unsigned wnd)
{
	unsigned mtu = 0;
	uint16_t sum;

	if (pcb->state != TCP_SYN_SENT) {
		put32(h + 8, pcb->rcv_nxt);
		h[13] |= FLAG_ACK;
	}
	put16(h + 14, wnd);
	put16(h + 16, 0);
	sum = inet6_chksum_pseudo(p, &pcb->local_ip, &pcb->remote_ip, PROTO_TCP,
	    p->tot_len);
	memcpy(h + 16, &sum, sizeof(sum)); /* it is in network order */
	frag_instead = &mtu;
	ip_output(pcb->stack, p, &pcb->local_ip, &pcb->remote_ip, pcb->ttl,
	    pcb->tos, PROTO_TCP);
	frag_instead = NULL;
	return mtu;
}

static err_t
send_ack(struct tcp_pcb *pcb)
{
	struct pbuf *p = pbuf_alloc(PBUF_IP, TCP_HLEN, PBUF_RAM);
	unsigned wnd = window(pcb);
	uint8_t *h;

	if (p == NULL)
		return ERR_BUF;
	h = p->payload;
	memset(h, 0, TCP_HLEN);
	put16(h, pcb->local_port);
	put16(h + 2, pcb->remote_port);
	put32(h + 4, pcb->snd_max);
	h[12] = TCP_HLEN / 4 << 4;
	stamp(pcb, p, h, wnd);
	said(pcb, wnd);
	pbuf_free(p);
	return ERR_OK;
}

/* Notes whether acknowledgements go out with data: the program answers. */
static void
count_answer(struct tcp_pcb *pcb)
{
	if ((pcb->flags & TCP_FLAG_ACK_DELAY) &&
	    (pcb->ours & TCP_OURS_ANSWERS) != TCP_OURS_ANSWERS)
		pcb->ours = (uint8_t)(pcb->ours + TCP_OURS_ANSWERS_ONE);
}

/* As stamp(). */
static unsigned
send_segment(struct tcp_pcb *pcb, struct tcp_seg *seg)
{
	uint8_t *h = seg->tcphdr;
	struct pbuf *p = seg->p;
	unsigned wnd = window(pcb);
	uint16_t in_front;
	unsigned mtu;

	count_answer(pcb);
	if (h[13] & FLAG_SYN) {
		open_dress(pcb, seg);
		h = seg->tcphdr;
		p = seg->p;
	}
	/* Headers of an earlier time, if it was sent before. */
	in_front = (uint16_t)(h - (uint8_t *)p->payload);
	p->payload = h;
	p->len = (uint16_t)(p->len - in_front);
	p->tot_len = (uint16_t)(p->tot_len - in_front);
	pcb->rtime = 0;
	mtu = stamp(pcb, p, h, wnd);
	said(pcb, wnd);
	return mtu;
}

/* Puts SEG among those that wait for an acknowledgement, by its number. */
static void
keep(struct tcp_pcb *pcb, struct tcp_seg *seg, struct tcp_seg **last)
{
	struct tcp_seg **at = &pcb->unacked;

	if (*last != NULL && seq_before(seq_of(*last), seq_of(seg)))
		at = &(*last)->next;
	while (*at != NULL && seq_before(seq_of(*at), seq_of(seg)))
		at = &(*at)->next;
	seg->next = *at;
	*at = seg;
	if (seg->next == NULL)
		*last = seg;
}

static bool
fits(const struct tcp_pcb *pcb, const struct tcp_seg *seg)
{
	uint32_t wnd = pcb->snd_wnd < pcb->cwnd ? pcb->snd_wnd : pcb->cwnd;

	return seg != NULL && seq_of(seg) - pcb->lastack + seg->len <= wnd;
}

/* How much more may be queued. */
static void
count_room(struct tcp_pcb *pcb)
{
	uint32_t used = pcb->snd_lbb - pcb->lastack;

	pcb->snd_buf = (uint16_t)(used < TCP_SND_BUF ? TCP_SND_BUF - used : 0);
}

/* Whether the acknowledgement of PCB can wait for the end of the batch. */
static bool
can_wait(struct tcp_pcb *pcb)
{
	struct conn *c = conn_of(pcb);
	unsigned n = owed(pcb);

	if (!mbox_batch() || batch_over || pcb->state != TCP_ESTABLISHED ||
	    pcb->ooseq != NULL || n == 0 || n >= ACK_EVERY * pcb->mss ||
	    !(pcb->ours & TCP_OURS_KNOWN) || c == NULL)
		return false;
	if (node_alone(&c->put_off))
		node_before(&conn_table(pcb->stack)->put_off, &c->put_off);
	return true;
}

/* Sends what the windows allow, or an acknowledgement that is due. */
static err_t
output(struct tcp_pcb *pcb)
{
	struct tcp_seg *seg, *last;
	unsigned mtu = 0;

	count_room(pcb);
	/* Two full segments, or a hole that was filled: RFC 5681, 4.2. */
	if ((pcb->flags & TCP_FLAG_ACK_DELAY) && owed(pcb) >= 2u * pcb->mss)
		pcb->flags |= TCP_FLAG_ACK_NOW;
	if (!fits(pcb, pcb->unsent)) {
		if (!(pcb->flags & TCP_FLAG_ACK_NOW) || can_wait(pcb))
			return ERR_OK;
		return send_ack(pcb);
	}
	for (last = pcb->unacked; last != NULL && last->next != NULL;)
		last = last->next;
	while (mtu == 0 && fits(pcb, seg = pcb->unsent)) {
		uint32_t end = end_of(seg);

		pcb->unsent = seg->next;
		mtu = send_segment(pcb, seg);
		if (seq_before(pcb->snd_max, end))
			pcb->snd_max = end;
		if (end != seq_of(seg))
			keep(pcb, seg, &last);
		else
			tcp_seg_free(seg);
	}
	/* What is sent again goes on from where it is. */
	pcb->snd_nxt = pcb->unsent != NULL &&
		seq_before(seq_of(pcb->unsent), pcb->snd_max) ?
	    seq_of(pcb->unsent) :
	    pcb->snd_max;
	if (mtu != 0)
		split_to_fit(pcb, mtu);
	return ERR_OK;
}

void
output_pretend(struct tcp_pcb *pcb)
{
	pcb->rcv_wnd = TCP_WINDOW;
	pcb->unacked = pcb->unsent;
	pcb->unsent = NULL;
	pcb->snd_nxt = pcb->snd_max = pcb->snd_lbb;
	said(pcb, pcb->rcv_wnd);
	count_room(pcb);
	pcb->ours |= TCP_OURS_KNOWN;
}

/* The library has put PCB, which connects, into its list: takes it over. */
static void
adopt(struct tcp_pcb *pcb)
{
	struct tcp_pcb **active = &STACK_FIELD(pcb->stack, STACK_TCP_ACTIVE,
	    struct tcp_pcb *);

	if (ip_is_any(&pcb->local_ip))
		ip_route_from(pcb->stack, &pcb->remote_ip, NULL,
		    &pcb->local_ip);
	if (*active == pcb && conn_add(pcb) != NULL) {
		*active = pcb->next;
		pcb->next = NULL;
	}
}

err_t
tcp_out(struct tcp_pcb *pcb)
{
	err_t err;

	/* Its segment is being looked at: it will be called after that. */
	if (STACK_FIELD(pcb->stack, STACK_TCP_INPUT, struct tcp_pcb *) == pcb)
		return ERR_OK;
	if (pcb->slirp != NULL)
		return real()->tcp_output(pcb);
	if (pcb->state == TCP_SYN_SENT && pcb->conn == NULL) {
		adopt(pcb);
		if (pcb->conn == NULL)
			return ERR_MEM;
	}
	if (!(pcb->ours & TCP_OURS_KNOWN)) {
		pcb->rcv_wnd = TCP_WINDOW; /* nothing has come yet */
		pcb->ours |= TCP_OURS_KNOWN;
		said(pcb, pcb->rcv_wnd);
	}
	err = output(pcb);
	count_room(pcb);
	return err;
}

/* ---- receiving ---------------------------------------------------------- */

void
tcp_batch_end(struct stack *stack)
{
	struct conn_table *t = conn_table(stack);

	if (t == NULL)
		return;
	batch_over = true;
	while (!node_alone(&t->put_off)) {
		struct node *l = t->put_off.next;
		struct tcp_pcb *pcb = NODE_OF(l, struct conn, put_off)->e.pcb;

		node_out(l);
		if (owed(pcb) == 0)
			continue;
		pcb->flags |= TCP_FLAG_ACK_NOW;
		tcp_output(pcb);
	}
	batch_over = false;
}

/*
 * Replaces the library's: the program has read LEN bytes.  The peer is told
 * when the window that it knows has less than twice of what could be added.
 */
EXPORT void
OURS(tcp_recved)(struct tcp_pcb *pcb, uint16_t len)
{
	const unsigned limit = TCP_WINDOW;
	unsigned known = known_window(pcb);
	unsigned more;

	if (pcb->slirp != NULL || !(pcb->ours & TCP_OURS_KNOWN)) {
		real()->tcp_recved(pcb, len);
		return;
	}

	pcb->rcv_wnd = (uint16_t)(pcb->rcv_wnd + len < limit ?
		pcb->rcv_wnd + len :
		limit);
	more = pcb->rcv_wnd > known ? pcb->rcv_wnd - known : 0;
	if ((more >= 2u * pcb->mss || more >= limit / 2) && more * 2 >= known)
		pcb->flags |= TCP_FLAG_ACK_NOW;
	else if ((pcb->flags & TCP_FLAG_ACK_DELAY) &&
	    ((pcb->ours & TCP_OURS_NO_ANSWERS) ||
		(pcb->ours & TCP_OURS_ANSWERS) != TCP_OURS_ANSWERS))
		pcb->flags |= TCP_FLAG_ACK_NOW;
	if (pcb->flags & TCP_FLAG_ACK_NOW)
		tcp_output(pcb);
}

void
tcp_ack_late(struct tcp_pcb *pcb)
{
	if ((pcb->ours & TCP_OURS_ANSWERS) == TCP_OURS_ANSWERS)
		pcb->ours |= TCP_OURS_NO_ANSWERS;
	pcb->ours &= (uint8_t)~TCP_OURS_ANSWERS;
	pcb->flags |= TCP_FLAG_ACK_NOW;
	tcp_output(pcb);
	pcb->flags &= (uint8_t) ~(TCP_FLAG_ACK_DELAY | TCP_FLAG_ACK_NOW);
}
