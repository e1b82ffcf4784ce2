/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * window.c - how much a peer may send
 *
 * DOC: The library's windows have 16 bits.  Ours have 32, in struct conn, and are
 * scaled (RFC 7323, 2) where the peer does that.
 *
 * What may come is bounded by the ring of the bus: what the stack has not looked
 * at yet is there, and a writer that goes once around it overwrites it.  A window
 * is less than RING_PART of what the ring holds in full segments (rcv_most), and
 * never more than RCV_MOST.
 *
 * It begins with TCP_WINDOW bytes.  Where more than half of it came within a round
 * trip, and round trips take FAR_US at least, it becomes twice what came.  On a bus
 * they take less, and there a larger window only makes the queue longer: it stays
 * as it is.  How long a round trip takes, one that only receives knows from the
 * handshake, and from its own timestamps that come back with data: the least of
 * them.
 *
 * RFC 9293, 3.8.6.2.2, against silly windows: less than a segment more is not
 * announced.  What was announced is never taken back.
 */
#include "base/clock.h"
#include "stack/lwipv6/port.h"
#include "stack/lwipv6/tcp/options.h"

#define FAR_US 5000
#define RING_PART 7 / 8
#define SEGMENTS_MIN 8u
#define ECHO_OLD_MS 100000u

/* ---- how large it is ----------------------------------------------------- */

/* The frames that the bus holds by which PCB reaches its peer; 0: no bus. */
static uint32_t
ring_frames(const struct tcp_pcb *pcb)
{
	struct ip_addr to = pcb->remote_ip;
	struct netif *netif = NULL;
	struct port *port;

	if (ip_route_from(pcb->stack, &to, &netif, NULL) != 0 ||
	    (port = port_of(netif)) == NULL)
		return 0;
	return unit_ring_frames(port->unit);
}

void
window_begin(struct conn *c)
{
	uint64_t mss = c->e.pcb->mss, n = ring_frames(c->e.pcb) * mss;

	n = n == 0 ? RCV_MOST : n * RING_PART;
	if (n < SEGMENTS_MIN * mss)
		n = SEGMENTS_MIN * mss;
	c->rcv_most = n < RCV_MOST ? (uint32_t)n : RCV_MOST;
	c->rcv_space = c->rcv_most < TCP_WINDOW ? c->rcv_most : TCP_WINDOW;
	c->rcv_wnd = c->rcv_space;
}

void
window_timed(struct conn *c, const struct options *o)
{
	uint32_t ms = bare_clock() - o->ecr;

	if (!c->ts || !o->ts || o->ecr == 0 || ms > ECHO_OLD_MS)
		return;
	if (c->round_us == 0 || (int64_t)ms * 1000 < c->round_us)
		c->round_us = (int64_t)ms * 1000 + 1;
}

void
window_grow(struct conn *c)
{
	const struct tcp_pcb *pcb = c->e.pcb;
	int64_t now = (int64_t)now_ns() / 1000, rtt = c->recover.srtt;
	uint32_t came = pcb->rcv_nxt - c->round_seq, space;

	if (c->round_us != 0 && (rtt == 0 || c->round_us < rtt))
		rtt = c->round_us;
	if (rtt < FAR_US || c->rcv_scale == 0 || now - c->round_at < rtt)
		return;
	space = came < c->rcv_most / 2 ? 2 * came : c->rcv_most;
	if (now - c->round_at < 2 * rtt && came > c->rcv_space / 2 &&
	    space > c->rcv_space) {
		c->rcv_wnd += space - c->rcv_space;
		c->rcv_space = space;
	}
	c->round_at = now;
	c->round_seq = pcb->rcv_nxt;
}

uint32_t
tcp_own_window(const struct tcp_pcb *pcb)
{
	const struct conn *c = conn_of(pcb);

	return c == NULL ? 0 : c->rcv_wnd;
}

/* ---- what the peer knows of it ------------------------------------------- */

/* What is left of the window that the peer knows. */
static uint32_t
known_window(const struct conn *c)
{
	return seq_before(c->e.pcb->rcv_nxt, c->said_edge) ?
	    c->said_edge - c->e.pcb->rcv_nxt :
	    0;
}

uint32_t
window_to_say(struct conn *c)
{
	uint32_t known = known_window(c), wnd = c->rcv_wnd, step;

	if (c->e.pcb->state < TCP_ESTABLISHED)
		return wnd < UINT16_MAX ? wnd : UINT16_MAX; /* not scaled */
	/* What it knows cannot be taken back. */
	if (wnd > known && wnd - known < c->e.pcb->mss &&
	    wnd < c->rcv_space / 2)
		wnd = known;
	step = 1u << c->rcv_scale;
	wnd &= ~(step - 1);
	if (wnd < known) {
		wnd += step;
		if (c->rcv_wnd < wnd)
			c->rcv_wnd = wnd;
	}
	if (wnd >> c->rcv_scale > UINT16_MAX)
		wnd = (uint32_t)UINT16_MAX << c->rcv_scale;
	return wnd;
}

void
window_said(struct conn *c, uint32_t wnd)
{
	struct tcp_pcb *pcb = c->e.pcb;

	c->said_ack = pcb->rcv_nxt;
	c->said_edge = pcb->rcv_nxt + wnd;
	pcb->flags &= (uint8_t) ~(TCP_FLAG_ACK_DELAY | TCP_FLAG_ACK_NOW);
}

/*
 * Replaces the library's: the program has read LEN bytes.  The peer is told
 * when the window that it knows has less than twice of what could be added.
 */
EXPORT void
OURS(tcp_recved)(struct tcp_pcb *pcb, uint16_t len)
{
	struct conn *c = conn_of(pcb);
	uint32_t known, more;

	if (c == NULL) {
		if (pcb->slirp != NULL)
			real()->tcp_recved(pcb, len);
		return;
	}
	known = known_window(c);
	c->rcv_wnd = c->rcv_wnd + len < c->rcv_space ? c->rcv_wnd + len :
						       c->rcv_space;
	more = c->rcv_wnd > known ? c->rcv_wnd - known : 0;
	if ((more >= 2u * pcb->mss || more >= c->rcv_space / 2) &&
	    more * 2 >= known)
		pcb->flags |= TCP_FLAG_ACK_NOW;
	else if ((pcb->flags & TCP_FLAG_ACK_DELAY) &&
	    ((pcb->ours & TCP_OURS_NO_ANSWERS) ||
		(pcb->ours & TCP_OURS_ANSWERS) != TCP_OURS_ANSWERS))
		pcb->flags |= TCP_FLAG_ACK_NOW;
	if (pcb->flags & TCP_FLAG_ACK_NOW)
		tcp_output(pcb);
}
