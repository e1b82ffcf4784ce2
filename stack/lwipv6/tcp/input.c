/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * input.c - a TCP segment comes in
 *
 * DOC: The library's tcp_input() does its work.  Before it stands the screen
 * (screen.c), which keeps from it what it would mistake; before and after it
 * what isn.c, ooseq.c and recover.c, which have the faults, need to do on the
 * connection that the segment is for.  What is for no connection is handled by
 * listen.c.
 */
#include <string.h>

#include "base/net_bytes.h"
#include "stack/lwipv6/tcp/segment.h"

struct tcp_pcb *
segment_connection(struct tcp_pcb *list, const struct segment *g)
{
	for (; list != NULL; list = list->next)
		if (list->remote_port == g->sport &&
		    list->local_port == g->dport &&
		    ip_same(&list->remote_ip, &g->src) &&
		    ip_same(&list->local_ip, &g->dst))
			break;
	return list;
}

/* Reads P, whose IP header is HLEN bytes. */
static void
read_segment(struct segment *g, struct stack *stack, struct pbuf *p,
    unsigned hlen)
{
	const uint8_t *ip = p->payload, *tcp = ip + hlen;
	unsigned data = hlen + (tcp[12] >> 4) * 4u;

	g->stack = stack;
	g->src = ip_sender(ip);
	g->dst = ip_target(ip);
	g->sport = (uint16_t)be16(tcp);
	g->dport = (uint16_t)be16(tcp + 2);
	g->seq = be32(tcp + 4);
	g->ack = be32(tcp + 8);
	g->flags = tcp[13];
	g->window = (uint16_t)be16(tcp + 14);
	g->len = p->tot_len > data ? p->tot_len - data : 0;
	g->iphlen = hlen;
	g->p = p;
	g->head = tcp;
}

struct tcp_pcb *
tcp_quoted(struct stack *stack, const struct icmp_quote *q)
{
	struct tcp_pcb *pcb = STACK_FIELD(stack, STACK_TCP_ACTIVE,
	    struct tcp_pcb *);

	while (pcb != NULL &&
	    (pcb->local_port != q->sport || pcb->remote_port != q->dport ||
		!ip_same(&pcb->local_ip, &q->src) ||
		!ip_same(&pcb->remote_ip, &q->dst)))
		pcb = pcb->next;
	/* RFC 5927, 4.1: is it of what is under way? */
	if (pcb == NULL || pcb->slirp != NULL ||
	    seq_before(q->seq, pcb->lastack) ||
	    !seq_before(q->seq, pcb->snd_max))
		return NULL;
	return pcb;
}

/*
 * Whether a FIN of N bytes of data from SEQ on comes too early for PCB, which
 * waits for it.  The library takes any FIN for the last there is then, though
 * something before it was lost: it enters TIME-WAIT without a word to the
 * socket, which has a connection afterwards that is no more.  The peer sends it
 * again.
 */
static bool
early_fin(const struct tcp_pcb *pcb, const struct segment *g)
{
	return pcb->state == TCP_FIN_WAIT_2 &&
	    (g->flags & (FLAG_FIN | FLAG_SYN | FLAG_RST)) == FLAG_FIN &&
	    (seq_before(pcb->rcv_nxt, g->seq) ||
		seq_before(g->seq + g->len, pcb->rcv_nxt));
}

/*
 * Whether G brings what would come behind the FIN that PCB has received: RFC
 * 9293, 3.10.7.4, seventh.  The library acknowledges it.  Its state does not tell:
 * it changes when a FIN comes, though what is in front of that is missing.
 */
static bool
behind_fin(const struct tcp_pcb *pcb, const struct segment *g)
{
	return pcb->state >= TCP_CLOSE_WAIT &&
	    (pcb->ours & TCP_OURS_FIN_CAME) &&
	    seq_before(pcb->rcv_nxt, g->seq + segment_span(g));
}

/*
 * A window that became smaller, in an acknowledgement of nothing new, is taken
 * by the library for the one before, and the segment for a duplicate: it goes
 * on sending, and the third is taken for a loss (RFC 9293, MUST-34; RFC 5681,
 * 2).  With an older number there it believes what G says.
 */
static void
take_window(struct tcp_pcb *pcb, const struct segment *g)
{
	if (g->window < pcb->snd_wnd && g->seq == pcb->snd_wl1 &&
	    g->ack == pcb->snd_wl2 && pcb->state >= TCP_ESTABLISHED)
		pcb->snd_wl2 = g->ack - 1;
}

/*
 * Whether the library must not have G, which is for the connection PCB; then it
 * has been answered.
 */
static bool
is_kept_off(struct tcp_pcb *pcb, const struct segment *g)
{
	if (screen_connection(pcb, g))
		return true;
	if (!early_fin(pcb, g) && !behind_fin(pcb, g) &&
	    (segment_span(g) == 0 || !ooseq_cuts_fin(pcb, g->seq)))
		return false;
	pcb->flags |= TCP_FLAG_ACK_NOW;
	tcp_output(pcb);
	return true;
}

/* G is for no connection.  As listen_input(). */
static struct tcp_pcb *
unconnected(const struct segment *g, struct ip_addr_list *to, void *pseudo)
{
	struct tcp_pcb *old = segment_connection(STACK_FIELD(g->stack,
						     STACK_TCP_TW,
						     struct tcp_pcb *),
	    g);

	if (old != NULL && screen_time_wait(old, g)) {
		pbuf_free(g->p);
		return NULL;
	}
	return listen_input(g, to, pseudo);
}

/*
 * Whether the library must not have G, which is to leave by slirp.  What is of no
 * connection it answers by a reset with its ports swapped, so that the sender
 * waits for ever.  Where the host is being connected to, anything that comes
 * again is taken for the handshake's end, and frees the listener that the host's
 * answer is for.
 */
static bool
is_stray(const struct segment *g, struct tcp_pcb *active)
{
	const unsigned kind = FLAG_SYN | FLAG_FIN | FLAG_RST | FLAG_ACK;
	struct tcp_pcb *pcb;

	if (segment_connection(active, g) != NULL ||
	    segment_connection(STACK_FIELD(g->stack, STACK_TCP_TW,
				   struct tcp_pcb *),
		g) != NULL)
		return false;
	pcb = segment_connection(STACK_FIELD(g->stack, STACK_TCP_LISTEN,
				     struct tcp_pcb *),
	    g);
	if (pcb != NULL)
		return LISTENER_SYN(pcb) != NULL;
	if ((g->flags & kind) == FLAG_SYN)
		return false;
	segment_refuse(g);
	return true;
}

/*
 * Replaces the library's: a TCP segment has come, its IP header first.  The
 * wall has seen to it that the headers are whole and in one piece.
 */
EXPORT void
OURS(tcp_input)(struct pbuf *p, struct ip_addr_list *to, void *pseudo,
    struct netif *slirp)
{
	struct stack *stack = to->netif->stack;
	const uint8_t *ip = p->payload;
	unsigned hlen = p->len == 0 ? 0 :
	    ip[0] >> 4 == 4	    ? (ip[0] & 15u) * 4u :
				      40u;
	struct tcp_pcb **active = &STACK_FIELD(stack, STACK_TCP_ACTIVE,
	    struct tcp_pcb *);
	struct recover_seen seen;
	struct tcp_pcb *pcb;
	struct segment g;

	if (hlen < 20 || p->len < hlen + TCP_HLEN) {
		if (slirp == NULL)
			real()->tcp_input(p, to, pseudo, NULL);
		else
			pbuf_free(p);
		return;
	}
	read_segment(&g, stack, p, hlen);
	if (slirp != NULL) {
		if (is_stray(&g, *active))
			pbuf_free(p);
		else
			real()->tcp_input(p, to, pseudo, slirp);
		return;
	}
	pcb = segment_connection(*active, &g);
	if (pcb == NULL && (pcb = unconnected(&g, to, pseudo)) == NULL)
		return;
	if (is_kept_off(pcb, &g)) {
		pbuf_free(p);
		return;
	}
	if (pcb->ooseq != NULL)
		ooseq_before(pcb, g.seq, g.len);
	take_window(pcb, &g);
	split_before(pcb);
	keepalive_heard(pcb);
	recover_before(pcb, &seen);
	real()->tcp_input(p, to, pseudo, NULL);
	/* The connection that got something, if it lives, is first. */
	if (*active == pcb) {
		ooseq_after(pcb);
		split_after(pcb);
	} else if (segment_connection(STACK_FIELD(stack, STACK_TCP_TW,
					  struct tcp_pcb *),
		       &g) == pcb)
		above.time_wait(pcb);
	recover_after(stack, &seen);
	isn_after(stack, pcb, g.flags);
}
