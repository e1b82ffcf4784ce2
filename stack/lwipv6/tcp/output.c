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
 *   small: see tcp_recved() in window.c.
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
 */
#include <string.h>

#include "base/clock.h"
#include "base/net_bytes.h"
#include "stack/lwipv6/tcp/sack.h"

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
static uint32_t
owed(const struct conn *c)
{
	return c->e.pcb->rcv_nxt - c->said_ack;
}

uint32_t
tcp_windows(const struct tcp_pcb *pcb)
{
	const struct conn *c = conn_of(pcb);

	return c == NULL ? 0 : pcb->snd_wnd < c->cwnd ? pcb->snd_wnd : c->cwnd;
}

void
tcp_first_window(struct tcp_pcb *pcb, uint32_t n)
{
	struct conn *c = conn_of(pcb);

	if (c != NULL && c->cwnd < n)
		c->cwnd = n;
}

/* How much may be queued. */
static uint32_t
queue_limit(const struct tcp_pcb *pcb)
{
	uint32_t wnd = tcp_windows(pcb);

	return wnd > UINT16_MAX ? wnd + TCP_SND_BUF : TCP_SND_BUF;
}

uint32_t
tcp_room(const struct tcp_pcb *pcb)
{
	uint32_t used = pcb->snd_lbb - pcb->lastack, limit = queue_limit(pcb);

	return used < limit ? limit - used : 0;
}

unsigned
tcp_segments_room(const struct tcp_pcb *pcb)
{
	const struct conn *c = conn_of(pcb);
	uint32_t limit = TCP_SND_QUEUELEN;

	if (c == NULL)
		return 0;
	if (queue_limit(pcb) > TCP_SND_BUF)
		limit += queue_limit(pcb) / pcb->mss;
	return c->segs < limit ? limit - c->segs : 0;
}

/* ---- sending ------------------------------------------------------------ */

/*
 * The fields that change until a segment is sent.  Returns 0, or the MTU that
 * it exceeds; then it was not sent.
 */
static unsigned
stamp(struct conn *c, struct pbuf *p, uint8_t *h, uint32_t wnd)
{
	struct tcp_pcb *pcb = c->e.pcb;
	unsigned mtu = 0;
	uint16_t sum;

	if (pcb->state != TCP_SYN_SENT) {
		put32(h + 8, pcb->rcv_nxt);
		h[13] |= FLAG_ACK;
	}
	put16(h + 14, pcb->state < TCP_ESTABLISHED ? wnd : wnd >> c->rcv_scale);
	if (c->ts && !(h[13] & FLAG_SYN))
		options_put_ts(h + TCP_HLEN, bare_clock(), c->ts_recent);
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
send_ack(struct conn *c)
{
	struct tcp_pcb *pcb = c->e.pcb;
	unsigned ts = c->ts ? OPTIONS_TS : 0;
	uint8_t sack[OPTIONS_MAX], *h;
	unsigned n = options_put_sack(pcb, sack, OPTIONS_MAX - ts);
	unsigned hlen = TCP_HLEN + ts + n;
	struct pbuf *p = pbuf_alloc(PBUF_IP, (uint16_t)hlen, PBUF_RAM);
	uint32_t wnd = window_to_say(c);

	if (p == NULL)
		return ERR_BUF;
	h = p->payload;
	memset(h, 0, TCP_HLEN);
	put16(h, pcb->local_port);
	put16(h + 2, pcb->remote_port);
	put32(h + 4, pcb->snd_max);
	h[12] = (uint8_t)(hlen / 4 << 4);
	memcpy(h + TCP_HLEN + ts, sack, n);
	stamp(c, p, h, wnd);
	window_said(c, wnd);
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
send_segment(struct conn *c, struct tcp_seg *seg)
{
	struct tcp_pcb *pcb = c->e.pcb;
	uint8_t *h = seg->tcphdr;
	struct pbuf *p = seg->p;
	uint32_t wnd = window_to_say(c);
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
	seg->sent = (uint32_t)(now_ns() / 1000);
	mtu = stamp(c, p, h, wnd);
	window_said(c, wnd);
	return mtu;
}

void
output_again(struct tcp_pcb *pcb, struct tcp_seg *seg)
{
	struct conn *c = conn_of(pcb);
	unsigned mtu;

	seg->marks |= SEG_AGAIN | SEG_TWICE;
	if ((mtu = send_segment(c, seg)) != 0)
		split_to_fit(pcb, mtu);
}

/* Puts SEG behind those that wait for an acknowledgement. */
static void
keep(struct conn *c, struct tcp_seg *seg)
{
	struct tcp_seg **at = c->last != NULL ? &c->last->next :
						&c->e.pcb->unacked;

	while (*at != NULL)
		at = &(*at)->next;
	seg->next = NULL;
	*at = c->last = seg;
}

/* Whether SEG may be sent while FLIGHT bytes are on their way. */
static bool
fits(const struct conn *c, const struct tcp_seg *seg, uint32_t flight)
{
	const struct tcp_pcb *pcb = c->e.pcb;

	return seg != NULL &&
	    seq_of(seg) - pcb->lastack + seg->len <= pcb->snd_wnd &&
	    flight + seg->len <= c->cwnd;
}

/* Whether the acknowledgement of PCB can wait for the end of the batch. */
static bool
can_wait(struct conn *c)
{
	const struct tcp_pcb *pcb = c->e.pcb;
	uint32_t n = owed(c);

	if (!mbox_batch() || batch_over || pcb->state != TCP_ESTABLISHED ||
	    pcb->ooseq != NULL || n == 0 || n >= ACK_EVERY * pcb->mss ||
	    c->rcv_wnd == 0)
		return false;
	if (node_alone(&c->put_off))
		node_before(&conn_table(pcb->stack)->put_off, &c->put_off);
	return true;
}

/* Sends again what is lost, as far as the window allows.  As stamp(). */
static unsigned
send_lost(struct conn *c, uint32_t *flight, bool *some)
{
	struct tcp_seg *seg;
	unsigned mtu = 0;

	for (seg = c->e.pcb->unacked; seg != NULL && mtu == 0;
	     seg = seg->next) {
		if ((seg->marks & (SEG_SACKED | SEG_LOST | SEG_AGAIN)) !=
		    SEG_LOST)
			continue;
		if (*flight != 0 && *flight + seg->len > c->cwnd)
			break;
		seg->marks |= SEG_AGAIN | SEG_TWICE;
		mtu = send_segment(c, seg);
		*flight += seg->len;
		*some = true;
	}
	return mtu;
}

/* Sends what the windows allow, or an acknowledgement that is due. */
static err_t
output(struct conn *c)
{
	struct tcp_pcb *pcb = c->e.pcb;
	uint32_t flight = sack_flight(c);
	struct tcp_seg *seg;
	bool some = false;
	unsigned mtu = 0;

	/* Two full segments, or a hole that was filled: RFC 5681, 4.2. */
	if ((pcb->flags & TCP_FLAG_ACK_DELAY) && owed(c) >= 2u * pcb->mss)
		pcb->flags |= TCP_FLAG_ACK_NOW;
	/* What is missing is told at once, by SACK: not with data. */
	if ((pcb->flags & TCP_FLAG_ACK_NOW) && c->sack && pcb->ooseq != NULL)
		send_ack(c);
	if (c->marked && c->recover.phase != OPEN)
		mtu = send_lost(c, &flight, &some);
	while (mtu == 0 && fits(c, seg = pcb->unsent, flight)) {
		uint32_t end = end_of(seg);

		pcb->unsent = seg->next;
		mtu = send_segment(c, seg);
		flight += seg->len;
		some = true;
		if (seq_before(pcb->snd_max, end))
			pcb->snd_max = end;
		keep(c, seg);
	}
	pcb->snd_nxt = pcb->snd_max;
	if (mtu != 0)
		split_to_fit(pcb, mtu);
	if (some || !(pcb->flags & TCP_FLAG_ACK_NOW) || can_wait(c))
		return ERR_OK;
	return send_ack(c);
}

void
output_pretend(struct tcp_pcb *pcb)
{
	struct conn *c = conn_of(pcb);

	pcb->unacked = pcb->unsent;
	pcb->unsent = NULL;
	pcb->snd_nxt = pcb->snd_max = pcb->snd_lbb;
	window_said(c, c->rcv_wnd);
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

struct conn *
conn_adopted(struct tcp_pcb *pcb)
{
	if (pcb->state == TCP_SYN_SENT && pcb->conn == NULL)
		adopt(pcb);
	return conn_of(pcb);
}

err_t
tcp_out(struct tcp_pcb *pcb)
{
	struct conn *c;

	if (pcb->slirp != NULL)
		return real()->tcp_output(pcb);
	/* One that has ended has nothing to say. */
	return (c = conn_adopted(pcb)) == NULL ? ERR_CONN : output(c);
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
		if (owed(conn_of(pcb)) == 0)
			continue;
		pcb->flags |= TCP_FLAG_ACK_NOW;
		tcp_output(pcb);
	}
	batch_over = false;
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
