/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * receive.c - a segment of an open connection
 *
 * DOC: The library's has windows of 16 bits and no options.  This is RFC 9293,
 * 3.10.7.4, in its order, for what screen.c leaves of it; with RFC 7323: windows
 * are scaled, and a segment whose timestamp is older than what was echoed last is
 * acknowledged and dropped (PAWS).  What the segment says about what we have sent
 * is for recover.c.
 * What the window is, is in window.c.
 */
#include <string.h>

#include "base/clock.h"
#include "base/net_bytes.h"
#include "stack/lwipv6/tcp/options.h"

#define PAWS_OLD_S INT64_C(2073600) /* 24 days: RFC 7323, 5.5 */
#define NS_PER_S INT64_C(1000000000)

/* ---- what it acknowledges ------------------------------------------------ */

static uint32_t
end_of(const struct tcp_seg *seg)
{
	const uint8_t *h = seg->tcphdr;

	return be32(h + 4) + seg->len + ((h[13] & (FLAG_SYN | FLAG_FIN)) != 0);
}

/* Frees what of LIST ends at ACK or before. */
static void
free_acked(struct conn *c, struct tcp_seg **list, uint32_t ack)
{
	struct tcp_seg *seg;

	while ((seg = *list) != NULL && !seq_before(ack, end_of(seg))) {
		*list = seg->next;
		if (c->last == seg)
			c->last = NULL;
		c->segs--;
		recover_delivered(c, seg);
		tcp_seg_free(seg);
	}
}

/* Takes the window and the acknowledgement of G; fills S. */
static void
acknowledged(struct conn *c, const struct segment *g, struct recover_seen *s)
{
	struct tcp_pcb *pcb = c->e.pcb;
	uint32_t wnd = (uint32_t)g->window << c->snd_scale;

	if (seq_before(g->ack, pcb->lastack))
		return;
	s->duplicate = g->ack == pcb->lastack && segment_span(g) == 0 &&
	    wnd == pcb->snd_wnd && pcb->unacked != NULL;
	if (seq_before(pcb->snd_wl1, g->seq) ||
	    (pcb->snd_wl1 == g->seq && !seq_before(g->ack, pcb->snd_wl2))) {
		pcb->snd_wnd = wnd;
		pcb->snd_wl1 = g->seq;
		pcb->snd_wl2 = g->ack;
	}
	if (g->ack == pcb->lastack)
		return;
	s->acked = g->ack - pcb->lastack;
	pcb->lastack = g->ack;
	pcb->nrtx = 0;
	pcb->polltmr = 0;
	free_acked(c, &pcb->unacked, g->ack);
	free_acked(c, &pcb->unsent, g->ack);
}

/* ---- what it brings ------------------------------------------------------ */

/* Cuts N bytes off the front of P. */
static void
cut_front(struct pbuf *p, uint32_t n)
{
	uint32_t tot = p->tot_len - n;
	struct pbuf *q = p;

	while (q != NULL && n > q->len) {
		n -= q->len;
		q->len = 0;
		q->tot_len = (uint16_t)tot;
		q = q->next;
	}
	if (q != NULL) {
		q->payload = (uint8_t *)q->payload + n;
		q->len = (uint16_t)(q->len - n);
		q->tot_len = (uint16_t)tot;
	}
}

/* What is left of a segment. */
struct piece {
	struct pbuf *p; /* its data; NULL: taken */
	uint8_t *head;	/* where the library keeps its header */
	uint32_t seq, len;
	bool fin;
};

/* The program gets what P has.  False: the connection is gone. */
static bool
deliver(struct conn *c, struct pbuf *p)
{
	struct tcp_pcb *pcb = c->e.pcb;
	uint32_t n = p->tot_len;

	pcb->rcv_nxt += n;
	c->rcv_wnd = c->rcv_wnd > n ? c->rcv_wnd - n : 0;
	if (pcb->recv == NULL)
		pbuf_free(p);
	else
		pcb->recv(pcb->callback_arg, pcb, p, ERR_OK);
	return pcb->conn == c;
}

/* Keeps W until what is before it has come. */
static void
set_aside(struct conn *c, struct piece *w)
{
	struct tcp_pcb *pcb = c->e.pcb;
	struct tcp_seg **at = &pcb->ooseq, *s;

	ooseq_before(pcb, w->seq, w->len + w->fin);
	while (*at != NULL && seq_before(ooseq_seq(*at), w->seq)) {
		uint32_t end = ooseq_seq(*at) + (*at)->len;

		if (seq_before(w->seq, end)) { /* it has the beginning */
			uint32_t n = end - w->seq;

			if (n >= w->len + w->fin)
				return;
			if (n > w->len)
				n = w->len;
			cut_front(w->p, n);
			w->seq += n;
			w->len -= n;
		}
		at = &(*at)->next;
	}
	if (*at != NULL && ooseq_seq(*at) == w->seq && w->len <= (*at)->len)
		return; /* it is there */
	if (*at != NULL && seq_before(ooseq_seq(*at), w->seq + w->len)) {
		w->len = ooseq_seq(*at) - w->seq;
		w->fin = false;
		pbuf_realloc(w->p, (uint16_t)w->len);
	}
	if ((s = memp_malloc(MEMP_TCP_SEG)) == NULL)
		return;
	memset(s, 0, sizeof(*s));
	s->p = w->p;
	s->len = (uint16_t)w->len;
	s->tcphdr = w->head;
	s->dataptr = w->p->payload;
	memcpy(w->head + 4, &w->seq, sizeof(w->seq)); /* in host order */
	w->head[13] = (uint8_t)((w->head[13] & ~FLAG_FIN) |
	    (w->fin ? FLAG_FIN : 0));
	s->next = *at;
	*at = s;
	w->p = NULL;
	c->came_last = w->seq;
}

/* Gives the program what has waited and is next.  False: C is gone. */
static bool
catch_up(struct conn *c, bool *fin)
{
	struct tcp_pcb *pcb = c->e.pcb;
	struct tcp_seg *s;

	while (
	    (s = pcb->ooseq) != NULL && ooseq_seq(s) == pcb->rcv_nxt && !*fin) {
		struct pbuf *p = s->p;

		*fin = (((uint8_t *)s->tcphdr)[13] & FLAG_FIN) != 0;
		pcb->ooseq = s->next;
		s->p = NULL;
		tcp_seg_free(s);
		if (p->tot_len == 0)
			pbuf_free(p);
		else if (!deliver(c, p))
			return false;
	}
	return true;
}

/* W is next.  False: C is gone. */
static bool
in_order(struct conn *c, struct piece *w, bool *fin)
{
	struct tcp_pcb *pcb = c->e.pcb;
	struct pbuf *p = w->p;

	ooseq_before(pcb, w->seq, w->len + w->fin);
	if (pcb->ooseq != NULL &&
	    seq_before(ooseq_seq(pcb->ooseq), w->seq + w->len + w->fin)) {
		w->len = ooseq_seq(pcb->ooseq) - w->seq;
		w->fin = false;
		pbuf_realloc(p, (uint16_t)w->len);
	}
	*fin = w->fin;
	if (w->len != 0) {
		w->p = NULL;
		if (!deliver(c, p))
			return false;
	}
	return catch_up(c, fin);
}

/* The peer sends no more.  PCB may be gone afterwards. */
static void
ended(struct conn *c)
{
	struct tcp_pcb *pcb = c->e.pcb;
	bool waits = pcb->state == TCP_FIN_WAIT_2;

	pcb->rcv_nxt++;
	pcb->ours |= TCP_OURS_FIN_CAME;
	if (pcb->state == TCP_ESTABLISHED)
		pcb->state = TCP_CLOSE_WAIT;
	else if (pcb->state == TCP_FIN_WAIT_1)
		pcb->state = TCP_CLOSING;
	pcb->flags |= TCP_FLAG_ACK_NOW;
	tcp_output(pcb);
	if (waits) {
		above.time_wait(pcb);
		conn_time_wait(pcb);
	} else if (pcb->recv != NULL) {
		pcb->recv(pcb->callback_arg, pcb, NULL, ERR_OK);
	}
}

/* Whether something of G is in the window: RFC 9293, 3.10.7.4, first. */
static bool
is_acceptable(const struct conn *c, const struct segment *g)
{
	uint32_t next = c->e.pcb->rcv_nxt, span = segment_span(g);

	if (span == 0 || c->rcv_wnd == 0)
		return g->seq - next <= c->rcv_wnd;
	return g->seq - next < c->rcv_wnd ||
	    g->seq + span - 1 - next < c->rcv_wnd;
}

/* What G brings, whose data is P.  Takes P.  False: C is gone. */
static bool
take_data(struct conn *c, const struct segment *g, struct pbuf *p)
{
	struct tcp_pcb *pcb = c->e.pcb;
	struct piece w = { p, g->p_head, g->seq, g->len,
		(g->flags & FLAG_FIN) != 0 };
	uint32_t right = pcb->rcv_nxt + c->rcv_wnd, old;
	bool fin = false, alive = true;

	if (seq_before(w.seq, pcb->rcv_nxt)) {
		old = pcb->rcv_nxt - w.seq;
		if (old > w.len)
			old = w.len;
		cut_front(p, old);
		w.seq += old;
		w.len -= old;
	}
	if (seq_before(right, w.seq + w.len)) {
		w.len = right - w.seq;
		w.fin = false;
		pbuf_realloc(p, (uint16_t)w.len);
	}
	if (w.seq == pcb->rcv_nxt) {
		alive = in_order(c, &w, &fin);
		if (alive)
			pcb->flags |= pcb->flags & TCP_FLAG_ACK_DELAY ?
			    TCP_FLAG_ACK_NOW :
			    TCP_FLAG_ACK_DELAY;
	} else {
		pcb->flags |= TCP_FLAG_ACK_NOW;
		set_aside(c, &w);
	}
	if (w.p != NULL)
		pbuf_free(w.p);
	if (!alive)
		return false;
	ooseq_after(pcb);
	window_grow(c);
	if (fin) {
		ended(c);
		return pcb->conn == c;
	}
	return true;
}

/* ---- timestamps ---------------------------------------------------------- */

/* Whether the timestamp that O has is too old: RFC 7323, 5.3, R1. */
static bool
is_old(const struct conn *c, const struct options *o)
{
	int64_t now = (int64_t)now_ns() / NS_PER_S;

	if (!c->ts || !o->ts)
		return false;
	return seq_before(o->val, c->ts_recent) && now - c->ts_at < PAWS_OLD_S;
}

/* Notes the timestamp of G, which is acceptable: RFC 7323, 4.3, 5.3, R3. */
static void
note_stamp(struct conn *c, const struct segment *g, const struct options *o)
{
	if (!c->ts || !o->ts || seq_before(c->said_ack, g->seq))
		return;
	c->ts_recent = o->val;
	c->ts_at = (int64_t)now_ns() / NS_PER_S;
}

/* ---- all of it ----------------------------------------------------------- */

/* What follows when all that PCB has sent, a FIN at last, has arrived. */
static void
all_arrived(struct conn *c)
{
	struct tcp_pcb *pcb = c->e.pcb;

	if (pcb->unacked != NULL || pcb->unsent != NULL)
		return;
	switch (pcb->state) {
	case TCP_FIN_WAIT_1:
		pcb->state = TCP_FIN_WAIT_2;
		break;
	case TCP_CLOSING:
		above.time_wait(pcb);
		conn_time_wait(pcb);
		break;
	case TCP_LAST_ACK:
		conn_free_later(pcb);
		break;
	default:
		break;
	}
}

/* Whether the checksum of the segment P, which G is of, is right. */
static bool
is_whole(const struct segment *g, struct pbuf *p)
{
	struct ip_addr src = g->src, dst = g->dst;

	return inet6_chksum_pseudo(p, &src, &dst, PROTO_TCP, p->tot_len) == 0;
}

static void
answer(struct tcp_pcb *pcb)
{
	pcb->flags |= TCP_FLAG_ACK_NOW;
	tcp_output(pcb);
}

void
receive(struct tcp_pcb *pcb, const struct segment *g, struct recover_seen *s)
{
	struct conn *c = conn_of(pcb);
	struct pbuf *p = g->p;
	struct options o;
	bool takes;

	if (!options_read(g, &o) || pbuf_header(p, -(int16_t)g->iphlen) != 0 ||
	    !is_whole(g, p) ||
	    pbuf_header(p, -(int16_t)((g->head[12] >> 4) * 4)) != 0) {
		pbuf_free(p);
		return;
	}
	pcb->tmr = STACK_FIELD(g->stack, STACK_TCP_TICKS, uint32_t);
	pcb->keep_cnt = 0;
	takes = is_acceptable(c, g);
	if (is_old(c, &o) || (!takes && c->rcv_wnd != 0)) {
		answer(pcb);
		pbuf_free(p);
		return;
	}
	note_stamp(c, g, &o);
	if (g->len != 0)
		window_timed(c, &o);
	acknowledged(c, g, s);
	recover_acked(c, s, &o);
	if (s->acked != 0 && pcb->sent != NULL)
		pcb->sent(pcb->callback_arg, pcb, 1);
	if (pcb->conn == c)
		all_arrived(c);
	if (pcb->conn != c || segment_span(g) == 0) {
		pbuf_free(p);
	} else if (!takes) {
		pbuf_free(p);
		pcb->flags |= TCP_FLAG_ACK_NOW;
	} else if (!take_data(c, g, p)) {
		return;
	}
	if (pcb->conn == c)
		tcp_output(pcb);
}
