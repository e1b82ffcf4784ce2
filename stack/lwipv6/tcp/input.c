/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * input.c - a TCP segment comes in
 *
 * DOC: Connections are found in the table (conn.c); what is for none is handled
 * by listen.c, what opens one by open.c, and what an open one gets by receive.c.
 * Before it stands the screen (screen.c), which takes what is unusual; after it
 * recover.c does what the segment calls for.  What leaves by slirp is the
 * library's.
 */
#include <string.h>

#include "base/net_bytes.h"
#include "stack/lwipv6/tcp/segment.h"

/* The connection of LIST, one of the library's, that G is for, or NULL. */
static struct tcp_pcb *
find_in(struct tcp_pcb *list, const struct segment *g)
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
	g->head = g->p_head = (uint8_t *)p->payload + hlen;
}

struct tcp_pcb *
tcp_quoted(struct stack *stack, const struct icmp_quote *q)
{
	struct ends e = { q->src, q->dst, q->sport, q->dport };
	struct tcp_pcb *pcb = conn_pcb(stack, &e);

	/* RFC 5927, 4.1: is it of what is under way? */
	if (pcb == NULL || seq_before(q->seq, pcb->lastack) ||
	    !seq_before(q->seq, pcb->snd_max))
		return NULL;
	return pcb;
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
 * Whether the library must not have G, which is for the connection PCB; then it
 * has been answered.
 */
static bool
is_kept_off(struct tcp_pcb *pcb, const struct segment *g)
{
	if (screen_connection(pcb, g))
		return true;
	if (!behind_fin(pcb, g) &&
	    (segment_span(g) == 0 || !ooseq_cuts_fin(pcb, g->seq)))
		return false;
	pcb->flags |= TCP_FLAG_ACK_NOW;
	tcp_output(pcb);
	return true;
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

	if (find_in(active, g) != NULL ||
	    find_in(STACK_FIELD(g->stack, STACK_TCP_TW, struct tcp_pcb *), g) !=
		NULL)
		return false;
	pcb = find_in(STACK_FIELD(g->stack, STACK_TCP_LISTEN, struct tcp_pcb *),
	    g);
	if (pcb != NULL)
		return LISTENER_SYN(pcb) != NULL;
	if ((g->flags & kind) == FLAG_SYN)
		return false;
	segment_refuse(g);
	return true;
}

/* What is to leave by slirp. */
static void
to_slirp(struct pbuf *p, struct ip_addr_list *to, void *pseudo,
    struct netif *slirp, const struct segment *g)
{
	if (is_stray(g,
		STACK_FIELD(g->stack, STACK_TCP_ACTIVE, struct tcp_pcb *))) {
		pbuf_free(p);
		return;
	}
	conn_for_slirp(true);
	real()->tcp_input(p, to, pseudo, slirp);
	conn_for_slirp(false);
}

/*
 * The connection that G is for, to which it is to be given; or NULL: it has been
 * handled.
 */
static struct tcp_pcb *
addressee(const struct segment *g)
{
	struct ends ends = segment_ends(g);
	struct found *e = conn_find(g->stack, &ends);
	struct tcp_pcb *pcb = e == NULL ? NULL : e->pcb;

	if (pcb == NULL) {
		if (e != NULL && screen_time_wait(time_wait_of(e), g))
			return NULL;
		if ((pcb = listen_input(g)) == NULL)
			return NULL;
	}
	return is_kept_off(pcb, g) ? NULL : pcb;
}

/* The connection PCB gets G. */
static void
take(struct tcp_pcb *pcb, const struct segment *g)
{
	struct recover_seen seen = { .pcb = pcb };

	if (g->flags & FLAG_RST) {
		/* The screen has found it right. */
		conn_end(pcb, ERR_RST);
		pbuf_free(g->p);
		return;
	}
	recover_before(pcb, &seen);
	keepalive_heard(pcb);
	if (pcb->state >= TCP_ESTABLISHED || open_answered(pcb, g, &seen)) {
		receive(pcb, g, &seen);
	} else {
		pbuf_free(g->p);
		if (conn_pcb_is(g, pcb))
			tcp_output(pcb);
	}
	if (conn_pcb_is(g, pcb))
		recover_after(&seen);
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
	struct tcp_pcb *pcb;
	struct segment g = { .mss = 0 };

	if (hlen < 20 || p->len < hlen + TCP_HLEN) {
		if (slirp == NULL)
			real()->tcp_input(p, to, pseudo, NULL);
		else
			pbuf_free(p);
		return;
	}
	read_segment(&g, stack, p, hlen);
	if (slirp != NULL)
		to_slirp(p, to, pseudo, slirp, &g);
	else if ((pcb = addressee(&g)) != NULL)
		take(pcb, &g);
	else
		pbuf_free(p);
}
