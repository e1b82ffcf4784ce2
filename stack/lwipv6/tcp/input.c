/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * input.c - a TCP segment comes in
 *
 * DOC: The library's tcp_input() does its work; before and after it stands
 * what isn.c and recover.c, which have the faults, need to do on the
 * connection that the segment is for; and a SYN that begins one is answered if
 * its listener would take it (accept.c).
 */
#include <string.h>

#include "base/net_bytes.h"
#include "stack/lwipv6/sock/sock.h"

#define TCP_HLEN 20u
#define FLAG_FIN 0x01
#define FLAG_SYN 0x02
#define FLAG_RST 0x04
#define FLAG_ACK 0x10

/* Who talks to whom. */
struct pair {
	struct ip_addr src, dst;
	uint16_t sport, dport;
};

/* The connection of PAIR in the list PCB, or NULL. */
static struct tcp_pcb *
find(struct tcp_pcb *pcb, const struct pair *pair)
{
	for (; pcb != NULL; pcb = pcb->next)
		if (pcb->remote_port == pair->sport &&
		    pcb->local_port == pair->dport &&
		    memcmp(&pcb->remote_ip, &pair->src, 16) == 0 &&
		    memcmp(&pcb->local_ip, &pair->dst, 16) == 0)
			break;
	return pcb;
}

static void
pair_of(const uint8_t *ip, const uint8_t *tcp, struct pair *pair)
{
	pair->src = ip_sender(ip);
	pair->dst = ip_target(ip);
	pair->sport = (uint16_t)be16(tcp);
	pair->dport = (uint16_t)be16(tcp + 2);
}

/* Whether a SYN is to be answered; if not it may have been refused. */
static bool
welcome(struct stack *stack, struct pair *pair, uint32_t seq)
{
	enum listener_verdict v = listener_answers(stack, &pair->src,
	    &pair->dst, pair->dport);

	if (v == SYN_REFUSE)
		tcp_rst(stack, 0, seq + 1, &pair->dst, &pair->src, pair->dport,
		    pair->sport);
	return v == SYN_ANSWER;
}

/*
 * Whether a FIN of N bytes of data from SEQ on comes too early for PCB, which
 * waits for it.  The library takes any FIN for the last there is then, though
 * something before it was lost: it enters TIME-WAIT without a word to the
 * socket, which has a connection afterwards that is no more.  The peer sends it
 * again.
 */
static bool
early_fin(const struct tcp_pcb *pcb, unsigned flags, uint32_t seq, uint32_t n)
{
	return pcb->state == TCP_FIN_WAIT_2 &&
	    (flags & (FLAG_FIN | FLAG_SYN | FLAG_RST)) == FLAG_FIN &&
	    (seq_before(pcb->rcv_nxt, seq) ||
		seq_before(seq + n, pcb->rcv_nxt));
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
	const uint8_t *ip = p->payload, *tcp;
	size_t hlen = p->len == 0 ? 0 :
	    ip[0] >> 4 == 4	  ? (ip[0] & 15u) * 4u :
				    40u;
	struct recover_seen seen;
	struct tcp_pcb *pcb, *old;
	struct pair pair;
	unsigned flags;
	size_t data;

	if (slirp != NULL || hlen < 20 || p->len < hlen + TCP_HLEN) {
		real()->tcp_input(p, to, pseudo, slirp);
		return;
	}
	tcp = ip + hlen;
	flags = tcp[13];
	pair_of(ip, tcp, &pair);
	pcb = find(STACK_FIELD(stack, STACK_TCP_ACTIVE, struct tcp_pcb *),
	    &pair);
	if (pcb != NULL) {
		data = hlen + (tcp[12] >> 4) * 4u;
		if (p->tot_len >= data &&
		    early_fin(pcb, flags, be32(tcp + 4),
			(uint32_t)(p->tot_len - data))) {
			pbuf_free(p);
			pcb->flags |= TCP_FLAG_ACK_NOW;
			tcp_output(pcb);
			return;
		}
		if (pcb->ooseq != NULL && p->tot_len > data)
			ooseq_before(pcb, be32(tcp + 4),
			    (uint32_t)(p->tot_len - data));
		recover_before(pcb, &seen);
	} else {
		if ((flags & (FLAG_SYN | FLAG_RST | FLAG_ACK)) == FLAG_SYN &&
		    !welcome(stack, &pair, be32(tcp + 4))) {
			pbuf_free(p);
			return;
		}
		old = find(STACK_FIELD(stack, STACK_TCP_TW, struct tcp_pcb *),
		    &pair);
		if (old != NULL)
			isn_before(old, flags, be32(tcp + 4));
	}
	real()->tcp_input(p, to, pseudo, NULL);
	if (pcb != NULL) {
		/* The connection that got something, if it lives, is first. */
		if (STACK_FIELD(stack, STACK_TCP_ACTIVE, struct tcp_pcb *) ==
		    pcb)
			ooseq_after(pcb);
		else if (find(STACK_FIELD(stack, STACK_TCP_TW,
				  struct tcp_pcb *),
			     &pair) == pcb)
			stream_waits(pcb);
		recover_after(stack, &seen);
		isn_after(stack, pcb, flags);
	}
}
