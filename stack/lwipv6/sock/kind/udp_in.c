/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * udp_in.c - which UDP socket a datagram is for
 *
 * DOC: The fault: the library keeps sockets in a list and walks along it for each
 * datagram, twice.
 *
 * How it is seen: a datagram to the first of 1000 sockets costs eight times what
 * one to the last does.
 *
 * The cure: sockets are found by their port (ports.c).  Of those at the port, the
 * one is chosen that fits best: one that is connected to the sender before one
 * that is not; then one that is bound to the address before one at all addresses;
 * and the one that was bound last, of equals (as on Linux).  What is for none of
 * them is for the library: its DHCP client has a port of its own, and it is what
 * answers by an ICMP error.
 *
 * What is sent to a group, or to all on a network, is for all sockets there:
 * multicast.c, dgram.c.
 */
#include "base/net_bytes.h"
#include "stack/lwipv6/sock/sock.h"

#define IP4_HLEN 20u
#define IP6_HLEN 40u
#define UDP_HLEN 8u
#define PROTO_UDP 17

void
udp_each_at(struct stack *stack, uint16_t port,
    void (*fn)(struct sock *, void *), void *arg)
{
	struct conn_table *t = conn_table(stack);
	struct node *l, *head;

	if (t == NULL)
		return;
	EACH_AT_PORT(l, head, &t->sockets, port)
	{
		struct sock *s = NODE_OF(l, struct sock, at_port);

		if (s->ops == &udp_ops && s->pcb.udp != NULL)
			fn(s, arg);
	}
}

/* ---- the best ------------------------------------------------------------ */

struct search {
	const struct icmp_quote *q;
	struct sock *best;
	int score;
};

/* How well PCB fits what Q has come by; 0: not at all. */
static int
score_of(const struct udp_pcb *pcb, const struct icmp_quote *q)
{
	int n = 1;

	if (!name_is_any(&pcb->local_ip)) {
		if (!ip_same(&pcb->local_ip, &q->dst))
			return 0;
		n += 1;
	}
	if (pcb->remote_port != 0 || !name_is_any(&pcb->remote_ip)) {
		if (pcb->remote_port != q->sport ||
		    (!name_is_any(&pcb->remote_ip) &&
			!ip_same(&pcb->remote_ip, &q->src)))
			return 0;
		n += 2;
	}
	return n;
}

static void
compare(struct sock *s, void *arg)
{
	struct search *f = arg;
	int n = score_of(s->pcb.udp, f->q);
	bool fits;

	if (n == 0 || n < f->score)
		return;
	pthread_mutex_lock(&s->lock);
	fits = name_fits(s, &f->q->src);
	pthread_mutex_unlock(&s->lock);
	if (fits) {
		f->score = n;
		f->best = s;
	}
}

/* ---- what comes ---------------------------------------------------------- */

/* Whether the datagram Q, P's payload, is damaged. */
static bool
is_damaged(struct pbuf *p, struct icmp_quote *q)
{
	const uint8_t *h = p->payload;

	return be16(h + 6) != 0 &&
	    inet6_chksum_pseudo(p, &q->src, &q->dst, PROTO_UDP, p->tot_len) !=
	    0;
}

/* Replaces the library's: a datagram has come, its IP header first. */
EXPORT void
OURS(udp_input)(struct pbuf *p, struct ip_addr_list *to, void *pseudo,
    struct netif *slirp)
{
	const uint8_t *ip = p->payload, *h;
	unsigned hlen = p->len == 0 ? 0 :
	    ip[0] >> 4 == 4	    ? (ip[0] & 15u) * 4u :
				      IP6_HLEN;
	struct icmp_quote q = { .proto = PROTO_UDP };
	struct search f = { .q = &q };
	unsigned proto;

	if (slirp == NULL && hlen >= IP4_HLEN && p->len >= hlen + UDP_HLEN) {
		proto = ip[0] >> 4 == 4 ? ip[9] : ip[6];
		h = ip + hlen;
		q.src = ip_sender(ip);
		q.dst = ip_target(ip);
		q.sport = (uint16_t)be16(h);
		q.dport = (uint16_t)be16(h + 2);
		if (proto == PROTO_UDP)
			udp_each_at(to->netif->stack, q.dport, compare, &f);
	}
	if (f.best == NULL) {
		real()->udp_input(p, to, pseudo, slirp);
		return;
	}
	pbuf_header(p, (int16_t) - (int)hlen);
	if (is_damaged(p, &q)) {
		pbuf_free(p);
		return;
	}
	pbuf_header(p, -(int16_t)UDP_HLEN);
	dgram_udp_arrived(f.best, NULL, p, &q.src, q.sport);
}

/* ---- whether there is one ------------------------------------------------ */

static void
note(struct sock *s, void *arg)
{
	bool *found = arg;

	(void)s;
	*found = true;
}

/* above.udp_port_used */
static bool
udp_port_used(struct stack *stack, uint16_t port)
{
	bool found = false;

	udp_each_at(stack, port, note, &found);
	return found;
}

__attribute__((constructor)) static void
fill_above(void)
{
	above.udp_port_used = udp_port_used;
}
