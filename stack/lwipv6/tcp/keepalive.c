/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keepalive.c - whether a silent peer is still there
 *
 * DOC: The faults: the library's probes have whatever flags were in memory
 * before: a SYN, a RST or none, which the peer ignores or takes for a reset of
 * the connection; and its clock has half seconds, so that the first probe comes
 * up to that much too early.  After TCP_KEEPCNT of them a connection is ended
 * whose peer is well.
 *
 * How it is seen: an idle connection to Linux with SO_KEEPALIVE ends by itself.
 *
 * The cure: RFC 9293, 3.8.4, and RFC 1122, 4.2.3.6.  When nothing came for
 * TCP_KEEPIDLE seconds a probe is sent, an ACK without data whose number is one
 * before SND.NXT, which every peer must answer by an ACK; TCP_KEEPINTVL seconds
 * later the next one.  Whatever comes begins the count anew.  TCP_KEEPINTVL
 * after the last of TCP_KEEPCNT probes the connection has ended.  While
 * something is not acknowledged there are no probes: the retransmission does
 * the same.
 *
 * The clock has milliseconds: when something came is noted at each segment
 * (input.c).  Connections are looked at twice a second (stream.c); what is due
 * before the next look gets a timer, one for all of a stack, that looks once
 * more.
 *
 * What is used of the pcb: its field keepalive, which the library has for an
 * option that we never set, is the time; keep_cnt is the number of probes,
 * which the library sets to 0 when something comes.
 */
#include "base/clock.h"
#include "stack/lwipv6/tcp/segment.h"

#define LOOK_MS 500u /* the library's poll, stream.c */
#define NS_PER_MS 1000000u

/* The timer of the stack whose thread this is. */
static __thread struct {
	bool runs;
	uint32_t at;
} timer;

/* Milliseconds, which come around. */
static uint32_t
now_ms(void)
{
	return (uint32_t)(now_ns() / NS_PER_MS);
}

void
keepalive_heard(struct tcp_pcb *pcb)
{
	pcb->keepalive = now_ms();
}

/* Has those looked at whose probe is due. */
static void
look(void *arg)
{
	struct conn_table *t = conn_table(arg);
	struct node now;

	timer.runs = false;
	if (t == NULL || node_alone(&t->probe))
		return;
	/* Those that ask for it again are behind this. */
	node_before(&t->probe, &now);
	while (t->probe.next != &now) {
		struct tcp_pcb *pcb =
		    NODE_OF(t->probe.next, struct conn, probe)->e.pcb;

		node_out(t->probe.next);
		if (pcb->poll != NULL)
			pcb->poll(pcb->callback_arg, pcb);
	}
	node_out(&now);
}

/* PCB is to be looked at in MS. */
static void
look_again(struct tcp_pcb *pcb, uint32_t now, uint32_t ms)
{
	struct conn_table *t = conn_table(pcb->stack);
	struct conn *c = conn_of(pcb);

	if (ms >= LOOK_MS || c == NULL)
		return;
	if (node_alone(&c->probe))
		node_before(&t->probe, &c->probe);
	if (timer.runs) {
		if (!seq_before(now + ms, timer.at))
			return;
		sys_untimeout(look, pcb->stack);
	}
	timer.runs = true;
	timer.at = now + ms;
	sys_timeout(ms + 1, look, pcb->stack);
}

bool
keepalive_check(struct tcp_pcb *pcb, const struct keepalive *k)
{
	uint32_t now = now_ms(), idle = k->idle_s * 1000u;
	uint32_t silent = now - pcb->keepalive, due;
	struct bare b;

	if (pcb->unsent != NULL || pcb->unacked != NULL)
		return true;
	due = idle + pcb->keep_cnt * (k->every_s * 1000u);
	if (silent < due) {
		look_again(pcb, now, due - silent);
		return true;
	}
	if (pcb->keep_cnt >= k->times)
		return false;
	/* It may have been asked for after a longer silence than that. */
	if (pcb->keep_cnt == 0)
		pcb->keepalive = now - idle;
	pcb->keep_cnt++;
	b = bare_of(pcb, pcb->snd_max - 1, FLAG_ACK);
	bare_send(&b);
	look_again(pcb, now, k->every_s * 1000u);
	return true;
}

void
keepalive_end(struct stack *stack)
{
	if (timer.runs)
		sys_untimeout(look, stack);
	timer.runs = false;
}
