/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * path.c - how large a packet may be to arrive
 *
 * DOC: The fault: the library sends whatever its own interface takes, and
 * ignores routers that say it is too big for what comes then.
 *
 * How it is seen: over a route that becomes narrower small packets arrive and
 * large ones never do; TCP stands still as soon as it sends full segments.
 *
 * The cure: RFC 1191 and RFC 8201, for errors that passed icmp.c and are about
 * a packet larger than the MTU that they report.
 *
 * TCP: see tcp/split.c.  Each connection finds out for itself, and believes
 * what quotes a sequence number that is under way (RFC 5927, 7).
 *
 * The rest: an interface has a table of destinations, of which the one that was
 * found out first makes room, and nothing is older than AGE_S.  What is larger
 * is sent in fragments.  A UDP datagram has to be from a port that there is,
 * and of ICMP only errors about echo requests are believed.
 *
 * It is never less than 576 bytes (IPv4), 1280 (IPv6: RFC 8200, 5).  A router
 * that does not say what fits (RFC 1191, 5) is met with the next of a few usual
 * sizes.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/net_bytes.h"
#include "stack/lwipv6/ip/ip.h"

#define PATHS 64u
#define AGE_S 600
#define LEAST4 576u
#define LEAST6 1280u
#define IP4_HLEN 20u
#define IP6_HLEN 40u
#define NEXT_FRAGMENT 44

enum { PROTO_ICMP4 = 1, PROTO_TCP = 6, PROTO_UDP = 17, PROTO_ICMP6 = 58 };

struct path_table {
	struct path {
		struct ip_addr to;
		unsigned mtu; /* 0: none */
		int64_t until;
	} path[PATHS];
	unsigned next;
};

static int64_t
now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

static struct path *
find(struct path_table *t, const struct ip_addr *to)
{
	unsigned i;

	for (i = 0; i < PATHS; i++)
		if (t->path[i].mtu != 0 && ip_same(&t->path[i].to, to))
			return &t->path[i];
	return NULL;
}

static void
learn(struct port *port, const struct ip_addr *to, unsigned mtu)
{
	struct path_table *t = port->paths;
	struct path *p;

	if (t == NULL && (t = port->paths = calloc(1, sizeof(*t))) == NULL)
		return;
	if ((p = find(t, to)) == NULL)
		p = &t->path[t->next++ % PATHS];
	else if (p->mtu < mtu && now_s() < p->until)
		return; /* of several ways the narrowest counts */
	p->to = *to;
	p->mtu = mtu;
	p->until = now_s() + AGE_S;
}

void
path_free(struct path_table *t)
{
	free(t);
}

unsigned
path_mtu(const struct netif *netif, const uint8_t *ip)
{
	const struct port *port = port_of(netif);
	unsigned most = link_mtu(netif, ip[0] >> 4 == 4);
	struct ip_addr to;
	struct path *p;

	if (port == NULL || port->paths == NULL)
		return most;
	to = ip_target(ip);
	p = find(port->paths, &to);
	if (p != NULL && now_s() >= p->until)
		p->mtu = 0;
	return p != NULL && p->mtu != 0 && p->mtu < most ? p->mtu : most;
}

/* Whether P, an IP packet of the stack's own, is larger, and no fragment. */
static bool
is_larger(const struct netif *netif, const struct pbuf *p)
{
	const uint8_t *ip = p->payload;
	bool v4 = ip[0] >> 4 == 4;
	struct ip_addr from;

	if (p->tot_len <= LEAST4 || p->len < IP4_HLEN)
		return false;
	if (v4 ? (be16(ip + 6) & 0x3fff) != 0 :
		 p->len < IP6_HLEN || ip[6] == NEXT_FRAGMENT)
		return false;
	if (ip[v4 ? 9 : 6] == PROTO_TCP) {
		/* A path is each connection's own, but the link is not. */
		return frag_instead != NULL && p->tot_len > link_mtu(netif, v4);
	}
	from = ip_sender(ip);
	return p->tot_len > path_mtu(netif, ip) &&
	    ip_is_own(netif->stack, &from);
}

/* above.path_exceeded */
static bool
path_exceeded(struct netif *netif, struct pbuf *p, struct ip_addr *hop,
    err_t *err)
{
	if (!is_larger(netif, p))
		return false;
	*err = ip_is_v4(hop) ? OURS(ip4_frag)(netif->stack, p, netif, hop) :
			       OURS(ip6_frag)(netif->stack, p, netif, hop);
	return true;
}

__attribute__((constructor)) static void
fill_above(void)
{
	above.path_exceeded = path_exceeded;
}

/* Whether a packet like Q may have been sent. */
static bool
is_believed(struct stack *stack, const struct icmp_quote *q)
{
	const struct udp_pcb *pcb = STACK_FIELD(stack, STACK_UDP_LIST,
	    struct udp_pcb *);

	if (q->proto == PROTO_ICMP4)
		return q->sport >> 8 == 8;
	if (q->proto == PROTO_ICMP6)
		return q->sport >> 8 == 128;
	if (q->proto != PROTO_UDP)
		return false;
	if (above.udp_port_used(stack, q->sport))
		return true;
	while (pcb != NULL && pcb->local_port != q->sport)
		pcb = pcb->next;
	return pcb != NULL;
}

void
path_too_big(struct stack *stack, struct icmp_quote *q, uint32_t mtu)
{
	static const unsigned usual[] = { 1492, 1006, LEAST4 };
	bool v4 = ip_is_v4(&q->dst);
	struct ip_addr *hop;
	struct netif *netif;
	unsigned i;
	int flags;

	for (i = 0; v4 && mtu == 0 && i < 3; i++)
		if (usual[i] < q->total)
			mtu = usual[i];
	if (mtu == 0 || mtu >= q->total)
		return; /* it would have fit */
	if (mtu < (v4 ? LEAST4 : LEAST6))
		mtu = v4 ? LEAST4 : LEAST6;
	if (q->proto == PROTO_TCP)
		above.too_big(stack, q, mtu);
	else if (is_believed(stack, q) &&
	    ip_route_findpath(stack, &q->dst, &hop, &netif, &flags) == ERR_OK &&
	    port_of(netif) != NULL)
		learn(port_of(netif), &q->dst, mtu);
}
