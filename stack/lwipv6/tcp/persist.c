/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * persist.c - a window that opened while nobody looked
 *
 * DOC: The fault: a receiver whose window is full says when it opens again,
 * once, in a segment that nobody acknowledges.  Where that segment is lost
 * (on a bus: its reader was stopped for longer than a lap) the sender waits
 * for ever; lwipv6 has no persist timer.
 *
 * How it is seen: a transfer stands still after a SIGSTOP and SIGCONT.
 *
 * The cure: RFC 9293, 3.8.6.1: probing a zero window.  A connection that has
 * something to send, nothing on its way, and no window for it, sends an
 * empty segment with a sequence number that its peer has seen, about once a
 * second.  The peer must acknowledge that, with its window.
 *
 * It is done in tcp_fasttmr(), which the library calls four times a second
 * for each stack, and which otherwise sends acknowledgements that were
 * delayed.
 */
#include <string.h>

#include "stack/lwipv6/port.h"
#include "base/net_bytes.h"

#define TCP_HLEN 20u
#define PROTO_TCP 6
#define FLAG_ACK 0x10
#define PROBE_TICKS 4u /* of 250 ms */

bool
persist_needed(const struct tcp_pcb *pcb)
{
	return pcb->unsent != NULL && pcb->unacked == NULL &&
	    pcb->state >= TCP_ESTABLISHED && pcb->snd_wnd < pcb->unsent->len;
}

void
persist_probe(struct tcp_pcb *pcb)
{
	struct pbuf *p = pbuf_alloc(PBUF_IP, TCP_HLEN, PBUF_RAM);
	uint16_t sum;
	uint8_t *h;

	if (p == NULL)
		return;
	h = p->payload;
	memset(h, 0, TCP_HLEN);
	put16(h, pcb->local_port);
	put16(h + 2, pcb->remote_port);
	put32(h + 4, pcb->lastack - 1);
	put32(h + 8, pcb->rcv_nxt);
	h[12] = 5 << 4;
	h[13] = FLAG_ACK;
	put16(h + 14, pcb->rcv_wnd);
	sum = inet6_chksum_pseudo(p, &pcb->local_ip, &pcb->remote_ip, PROTO_TCP,
	    p->tot_len);
	memcpy(h + 16, &sum, sizeof(sum)); /* it is in network order */
	ip_output(pcb->stack, p, &pcb->local_ip, &pcb->remote_ip, pcb->ttl,
	    pcb->tos, PROTO_TCP);
	pbuf_free(p);
}

/* Replaces the library's; on the stack's thread. */
EXPORT void
OURS(tcp_fasttmr)(struct stack *stack)
{
	static __thread unsigned tick;
	struct tcp_pcb *pcb, *next;

	tick++;
	recover_thread(stack);
	for (pcb = STACK_FIELD(stack, STACK_TCP_ACTIVE, struct tcp_pcb *);
	     pcb != NULL; pcb = next) {
		next = pcb->next;
		tcp_ack_delayed(pcb);
		if (tick % PROBE_TICKS == 0 && persist_needed(pcb))
			persist_probe(pcb);
	}
}
