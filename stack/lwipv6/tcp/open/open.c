/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * open.c - a connection begins: its SYN, what that says, and its answer
 *
 * DOC: The faults: the library answers a SYN with the size of segments that the
 * SYN asked for; takes a FIN that comes with the handshake's last segment for
 * nothing; and knows one option.
 *
 * The cure: the handshake is ours, RFC 9293, 3.10.7.3 and 3.10.7.4.  Which
 * segments get here has been decided before (screen.c, listen.c).  What a SYN
 * offers is written into it each time that it is sent (open_dress()).  What the
 * handshake's last segment brings besides is then treated as of a connection
 * that is open.
 */
#include <string.h>

#include "base/clock.h"
#include "base/net_bytes.h"
#include "stack/lwipv6/tcp/options.h"

#define OPT_MSS 0x0204u
#define SOF_INHERITED (SOF_DONTROUTE | SOF_KEEPALIVE | SOF_OOBINLINE)

/* What segments of PCB have at most, as its program says; or MOST. */
static unsigned
limit(const struct tcp_pcb *pcb, unsigned most)
{
	unsigned n = above.maxseg == NULL ? 0 : above.maxseg(pcb);

	return n != 0 && n < most ? n : most;
}

unsigned
open_mss(const struct tcp_pcb *pcb)
{
	return limit(pcb, TCP_MSS_THEIRS);
}

/* The options of a SYN of PCB.  Returns their length, a multiple of four. */
static unsigned
offer(const struct tcp_pcb *pcb, uint8_t *opt)
{
	const struct conn *c = conn_of(pcb);
	bool answers = pcb->state == TCP_SYN_RCVD;
	unsigned n = 4;

	put16(opt, OPT_MSS);
	put16(opt + 2, open_mss(pcb));
	/* What the peer has not offered is not offered to it. */
	if (!answers || c->sack) {
		put32(opt + n, 0x01010402);
		n += 4;
	}
	if (!answers || c->ts) {
		options_put_ts(opt + n, bare_clock(),
		    answers ? c->ts_recent : 0);
		n += OPTIONS_TS;
	}
	if (!answers || c->rcv_scale != 0) {
		put32(opt + n, 0x01030300 | RCV_SCALE);
		n += 4;
	}
	return n;
}

void
open_dress(struct tcp_pcb *pcb, struct tcp_seg *seg)
{
	uint8_t opt[OPTIONS_MAX], *h;
	unsigned n = offer(pcb, opt);
	struct pbuf *p = pbuf_alloc(PBUF_IP, (uint16_t)(TCP_HLEN + n),
	    PBUF_RAM);

	if (p == NULL)
		return; /* it goes as it is */
	h = p->payload;
	memcpy(h, seg->tcphdr, TCP_HLEN);
	h[12] = (uint8_t)((TCP_HLEN + n) / 4 << 4);
	memcpy(h + TCP_HLEN, opt, n);
	pbuf_free(seg->p);
	seg->p = p;
	seg->tcphdr = h;
	seg->dataptr = h + TCP_HLEN + n;
}

/* Takes the options of the SYN G, which PCB gets. */
static void
take_options(struct tcp_pcb *pcb, const struct segment *g)
{
	struct conn *c = conn_of(pcb);
	unsigned mss = limit(pcb, segment_mss(g));
	struct options o;

	if (!options_read(g, &o))
		memset(&o, 0, sizeof(o));
	c->sack = o.sack_ok;
	c->ts = o.ts;
	c->ts_recent = o.val;
	c->ts_at = (int64_t)now_ns() / 1000000000;
	c->snd_scale = o.scaled ? o.scale : 0;
	c->rcv_scale = o.scaled ? RCV_SCALE : 0;
	if (mss > TCP_MSS_THEIRS)
		mss = TCP_MSS_THEIRS;
	/* RFC 6691, 4: options come off what a segment has. */
	if (o.ts && mss > 2 * OPTIONS_TS)
		mss -= OPTIONS_TS;
	pcb->mss = (uint16_t)mss;
	c->cwnd = mss;
}

struct tcp_pcb *
open_passive(const struct segment *g, const struct tcp_pcb *listener,
    uint32_t iss)
{
	struct tcp_pcb *pcb;

	isn_set(iss);
	pcb = tcp_new(g->stack);
	isn_clear();
	if (pcb == NULL)
		return NULL;
	pcb->local_ip = g->dst;
	pcb->remote_ip = g->src;
	pcb->local_port = g->dport;
	pcb->remote_port = g->sport;
	pcb->so_options = listener->so_options & SOF_INHERITED;
	pcb->ttl = listener->ttl;
	pcb->tos = listener->tos;
	pcb->callback_arg = listener->callback_arg;
	pcb->accept = LISTENER_ACCEPT(listener);
	pcb->rcv_nxt = g->seq + 1;
	pcb->snd_wnd = g->window;
	pcb->snd_wl1 = g->seq;
	pcb->state = TCP_SYN_RCVD;
	if (conn_add(pcb) == NULL) {
		pcb->state = TCP_CLOSED;
		tcp_close(pcb);
		return NULL;
	}
	take_options(pcb, g);
	if (tcp_send_ctrl(pcb, FLAG_SYN | FLAG_ACK) != ERR_OK) {
		conn_drop(pcb);
		pcb->state = TCP_CLOSED;
		tcp_close(pcb);
		return NULL;
	}
	return pcb;
}

void
open_at_once(struct tcp_pcb *pcb, const struct segment *g)
{
	pcb->rcv_nxt = g->seq + 1;
	pcb->snd_wnd = g->window;
	pcb->snd_wl1 = g->seq;
	pcb->snd_wl2 = pcb->lastack;
	take_options(pcb, g);
	pcb->state = TCP_SYN_RCVD;
	recover_again(pcb);
}

/* The SYN of PCB has been acknowledged. */
static void
free_syn(struct tcp_pcb *pcb)
{
	struct tcp_seg *seg = pcb->unacked != NULL ? pcb->unacked : pcb->unsent;

	if (seg == NULL)
		return;
	if (seg == pcb->unacked)
		pcb->unacked = seg->next;
	else
		pcb->unsent = seg->next;
	tcp_seg_free(seg);
	conn_of(pcb)->last = NULL;
	conn_of(pcb)->segs--;
}

bool
open_answered(struct tcp_pcb *pcb, const struct segment *g,
    struct recover_seen *s)
{
	err_t err = ERR_OK;

	if (pcb->state == TCP_SYN_SENT) {
		free_syn(pcb);
		pcb->rcv_nxt = g->seq + 1;
		pcb->lastack = g->ack;
		s->acked = 1;
		pcb->snd_wnd = g->window;
		pcb->snd_wl1 = g->seq;
		pcb->snd_wl2 = g->ack;
		pcb->state = TCP_ESTABLISHED;
		take_options(pcb, g);
		pcb->tmr = STACK_FIELD(g->stack, STACK_TCP_TICKS, uint32_t);
		pcb->nrtx = 0;
		if (pcb->connected != NULL)
			pcb->connected(pcb->callback_arg, pcb, ERR_OK);
		/* Who speaks first may be the other one: at once. */
		pcb->flags |= TCP_FLAG_ACK_NOW;
		return false;
	}
	pcb->state = TCP_ESTABLISHED;
	conn_whole(pcb);
	/* One that both ends have opened has no listener. */
	if (pcb->connected != NULL)
		pcb->connected(pcb->callback_arg, pcb, ERR_OK);
	else if (pcb->accept != NULL)
		err = pcb->accept(pcb->callback_arg, pcb, ERR_OK);
	if (err != ERR_OK) {
		tcp_abort(pcb);
		return false;
	}
	return true;
}
