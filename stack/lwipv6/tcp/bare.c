/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bare.c - segments without data, which are on no queue
 *
 * Resets, probes, and the answers that are given without a connection.  Nobody
 * sends them again.
 */
#include <string.h>

#include "base/net_bytes.h"
#include "base/clock.h"
#include "stack/lwipv6/tcp/options.h"

#define TTL 255 /* as the library has it */

struct bare
bare_of(const struct tcp_pcb *pcb, uint32_t seq, unsigned flags)
{
	const struct conn *c = conn_of(pcb);
	struct bare b = { .stack = pcb->stack,
		.local = pcb->local_ip,
		.remote = pcb->remote_ip,
		.local_port = pcb->local_port,
		.remote_port = pcb->remote_port,
		.seq = seq,
		.ack = pcb->rcv_nxt,
		.flags = flags,
		.ttl = pcb->ttl,
		.tos = pcb->tos };

	b.window = c == NULL ? 0 : window_field(c);
	b.ts = c != NULL && c->ts && !(flags & FLAG_RST);
	b.ecr = c == NULL ? 0 : c->ts_recent;
	return b;
}

uint32_t
bare_clock(void)
{
	return (uint32_t)(now_ns() / 1000000);
}

void
bare_send(const struct bare *b)
{
	unsigned hlen = TCP_HLEN + (b->mss != 0 ? 4 : 0) +
	    (b->ts ? OPTIONS_TS : 0);
	struct pbuf *p = pbuf_alloc(PBUF_IP, (uint16_t)hlen, PBUF_RAM);
	struct ip_addr local = b->local, remote = b->remote;
	uint16_t sum;
	uint8_t *h;

	if (p == NULL)
		return;
	h = p->payload;
	memset(h, 0, hlen);
	put16(h, b->local_port);
	put16(h + 2, b->remote_port);
	put32(h + 4, b->seq);
	put32(h + 8, b->ack);
	h[12] = (uint8_t)(hlen / 4 << 4);
	h[13] = (uint8_t)b->flags;
	put16(h + 14, b->window);
	if (b->mss != 0) {
		put16(h + TCP_HLEN, 0x0204);
		put16(h + TCP_HLEN + 2, b->mss);
	}
	if (b->ts)
		options_put_ts(h + hlen - OPTIONS_TS, bare_clock(), b->ecr);
	sum = inet6_chksum_pseudo(p, &local, &remote, PROTO_TCP, p->tot_len);
	memcpy(h + 16, &sum, sizeof(sum)); /* it is in network order */
	ip_output(b->stack, p, &local, &remote, b->ttl != 0 ? b->ttl : TTL,
	    b->tos, PROTO_TCP);
	pbuf_free(p);
}
