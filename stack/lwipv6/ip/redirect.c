/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * redirect.c - better first hops: told by routers, and by us where we are one
 *
 * DOC: The faults: the library has no redirects.  A host that was told of a
 * shorter way goes on by the longer one; and a stack that forwards drops what
 * would leave by the interface that it came in by, so that hosts whose default
 * router it is cannot reach another router's networks on their link.
 *
 * The cure, received: RFC 1122, 3.2.2.2 and RFC 4861, 8.  A redirect is believed
 * by a host whose interface may be redirected (ctl, "redirects"), from the hop
 * that what is sent to its destination takes now, and for a hop on the same link:
 * of IPv4 one in a network of the interface's, and the packet that is quoted is
 * from here; of IPv6 a link-local one, or the destination itself.  The interface
 * keeps REDIRECTS of them, a new one takes the place of the oldest; each ends
 * after LIFE_S seconds, when its hop does not answer for its hardware address,
 * and with the link.  findpath.c looks at them where a gateway would be taken, so
 * that a route which is added later for the destination is only used by them.
 *
 * Sent: RFC 1812, 5.2.7.2 and RFC 4861, 8.2.  What goes back to the link that it
 * came from is forwarded, and its sender is told, if he is a neighbour, at most
 * RATE times a second on an interface.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/net_bytes.h"
#include "stack/lwipv6/ip/ip.h"

#define IP4_HLEN 20u
#define IP6_HLEN 40u
#define ICMP_HLEN 8u
#define REDIRECT6_HLEN 40u
#define REDIRECTS 32u
#define LIFE_S 600u
#define RATE 10u
#define PROTO_ICMP6 58
#define TYPE4 5
#define TYPE6 137
#define OPT_TARGET_LINK 2
#define OPT_REDIRECTED 4
#define LINK_LEN 8u
#define MAX6 1280u

struct redirect_table {
	struct redirect {
		struct ip_addr dst, hop;
		uint64_t until_ns; /* 0: no entry */
	} at[REDIRECTS];
	unsigned next;
	uint64_t second; /* in which so many were told: */
	unsigned told;
};

static struct redirect_table *
table_of(struct port *port)
{
	if (port->redirects == NULL)
		port->redirects = calloc(1, sizeof(*port->redirects));
	return port->redirects;
}

/* ---- what is known ------------------------------------------------------- */

struct ip_addr *
redirect_find(struct netif *netif, const struct ip_addr *dst)
{
	struct port *port = port_of(netif);
	struct redirect_table *t = port == NULL ? NULL : port->redirects;
	unsigned i;

	for (i = 0; t != NULL && i < REDIRECTS; i++)
		if (t->at[i].until_ns != 0 && ip_same(&t->at[i].dst, dst)) {
			if (now_ns() < t->at[i].until_ns)
				return &t->at[i].hop;
			t->at[i].until_ns = 0;
		}
	return NULL;
}

void
redirect_free(struct port *port)
{
	free(port->redirects);
	port->redirects = NULL;
}

/* above.hop_lost */
static void
hop_lost(struct port *port, const struct ip_addr *hop)
{
	struct redirect_table *t = port->redirects;
	unsigned i;

	for (i = 0; t != NULL && i < REDIRECTS; i++)
		if (ip_same(&t->at[i].hop, hop))
			t->at[i].until_ns = 0;
}

__attribute__((constructor)) static void
fill_above(void)
{
	above.hop_lost = hop_lost;
}

/* What is for DST goes by HOP from now on. */
static void
learn(struct port *port, const struct ip_addr *dst, const struct ip_addr *hop)
{
	struct redirect_table *t = table_of(port);
	struct redirect *r = NULL;
	unsigned i;

	if (t == NULL)
		return;
	for (i = 0; r == NULL && i < REDIRECTS; i++)
		if (t->at[i].until_ns != 0 && ip_same(&t->at[i].dst, dst))
			r = &t->at[i];
	if (r == NULL)
		r = &t->at[t->next++ % REDIRECTS];
	r->dst = *dst;
	r->hop = *hop;
	r->until_ns = now_ns() + LIFE_S * 1000000000ull;
}

/* ---- received ------------------------------------------------------------ */

/* Whether FROM is the hop by which what PORT sends to DST goes. */
static bool
is_first_hop(struct port *port, const struct ip_addr *from,
    const struct ip_addr *dst)
{
	struct ip_addr to = *dst, *hop; /* the library wants it writable */
	struct netif *netif;
	int flags;

	return ip_route_findpath(port->netif.stack, &to, &hop, &netif,
		   &flags) == ERR_OK &&
	    netif == &port->netif && ip_same(hop, from) && !ip_same(hop, dst);
}

/* Whether PORT has a network in which HOP is, and has not HOP itself. */
static bool
is_on_link(const struct port *port, const struct ip_addr *hop)
{
	struct ip_addr ip = *hop;

	return ip_addr_list_maskfind(port->netif.addrs, &ip) != NULL &&
	    ip_addr_list_find(port->netif.addrs, &ip, NULL) == NULL &&
	    !ip4_is_broadcast(&port->netif, &ip) && !ip_is_group(&ip);
}

/* The N bytes at ICMP are a redirect from the router FROM. */
static void
redirected4(struct port *port, const struct ip_addr *from, const uint8_t *icmp,
    size_t n)
{
	const uint8_t *ip = icmp + ICMP_HLEN;
	struct ip_addr hop = { { 0, 0, htonl(0xffff), 0 } }, src, dst;

	if (n < ICMP_HLEN + IP4_HLEN + 8 || icmp[1] > 3 || ip[0] >> 4 != 4 ||
	    fold(sum16(icmp, n, 0)) != 0xffff)
		return;
	memcpy(&hop.addr[3], icmp + 4, 4);
	src = ip_sender(ip);
	dst = ip_target(ip);
	if (ip_addr_list_find(port->netif.addrs, &src, NULL) != NULL &&
	    !ip_is_group(&dst) && is_on_link(port, &hop) &&
	    is_first_hop(port, from, &dst))
		learn(port, &dst, &hop);
}

/* Likewise; the wall has seen to the checksum, the hop limit and options. */
static void
redirected6(struct port *port, const struct ip_addr *from, const uint8_t *icmp,
    size_t n)
{
	struct ip_addr hop, dst;
	size_t at = REDIRECT6_HLEN;

	if (n < at)
		return;
	memcpy(&hop, icmp + 8, sizeof(hop));
	memcpy(&dst, icmp + 24, sizeof(dst));
	if (ip_is_group(&dst) || ip_is_link_local(&dst) ||
	    (!ip_is_link_local(&hop) && !ip_same(&hop, &dst)) ||
	    ip_addr_list_find(port->netif.addrs, &hop, NULL) != NULL ||
	    !is_first_hop(port, from, &dst))
		return;
	learn(port, &dst, &hop);
	while (at + LINK_LEN <= n && icmp[at + 1] != 0) {
		if (icmp[at] == OPT_TARGET_LINK && icmp[at + 1] == 1)
			neigh_told(port, &hop, icmp + at + 2);
		at += (size_t)icmp[at + 1] * LINK_LEN;
	}
}

bool
redirect_input(struct netif *in, const struct pbuf *p)
{
	const uint8_t *ip = p->payload;
	struct port *port = port_of(in);
	bool v4 = ip[0] >> 4 == 4;
	size_t hlen = v4 ? (ip[0] & 15u) * 4 : IP6_HLEN;
	size_t total = v4 ? be16(ip + 2) : IP6_HLEN + be16(ip + 4);
	struct ip_addr from;

	if (port == NULL || p->len < hlen + ICMP_HLEN || total > p->len ||
	    total < hlen || ip[hlen] != (v4 ? TYPE4 : TYPE6) ||
	    (!v4 && ip[6] != PROTO_ICMP6))
		return false;
	if (port->no_redirects || arrive_for_many ||
	    (lwip_stack_flags_get(in->stack) & STACK_FORWARDING))
		return true;
	from = ip_sender(ip);
	if (v4)
		redirected4(port, &from, ip + hlen, total - hlen);
	else
		redirected6(port, &from, ip + hlen, total - hlen);
	return true;
}

/* ---- sent ---------------------------------------------------------------- */

static bool
may_tell(struct port *port)
{
	struct redirect_table *t = table_of(port);
	uint64_t now = now_ns() / 1000000000u;

	if (t == NULL)
		return false;
	if (t->second != now)
		t->told = 0;
	t->second = now;
	return t->told++ < RATE;
}

/* Tells SRC, which has sent the packet P of IPv6 to DST, that HOP is better. */
static void
tell6(struct port *port, const struct pbuf *p, struct ip_addr *src,
    const struct ip_addr *dst, const struct ip_addr *hop)
{
	struct ip_addr_list *el;
	unsigned quoted = p->len, len;
	uint8_t mac[6], *icmp, *o;
	struct pbuf *q;

	/* RFC 4861, 8.2: routers are known by their link-local addresses. */
	if (!ip_is_link_local(hop) && !ip_same(hop, dst))
		return;
	for (el = port->netif.addrs; el != NULL;) {
		if (ip_is_link_local(&el->ipaddr))
			break;
		el = el->next == port->netif.addrs ? NULL : el->next;
	}
	if (el == NULL)
		return;
	len = IP6_HLEN + REDIRECT6_HLEN + 2 * LINK_LEN;
	if (quoted > MAX6 - len)
		quoted = MAX6 - len;
	quoted &= ~7u;
	len = REDIRECT6_HLEN + 2 * LINK_LEN + quoted;
	q = pbuf_alloc(PBUF_IP, (uint16_t)len, PBUF_RAM);
	if (q == NULL)
		return;
	icmp = q->payload;
	memset(icmp, 0, REDIRECT6_HLEN + 2 * LINK_LEN);
	icmp[0] = TYPE6;
	memcpy(icmp + 8, hop, 16);
	memcpy(icmp + 24, dst, 16);
	o = icmp + REDIRECT6_HLEN;
	if (neigh_find(port, hop, mac)) {
		o[0] = OPT_TARGET_LINK;
		o[1] = 1;
		memcpy(o + 2, mac, 6);
		o += LINK_LEN;
	} else {
		len -= LINK_LEN;
		pbuf_realloc(q, (uint16_t)len);
	}
	o[0] = OPT_REDIRECTED;
	o[1] = (uint8_t)(1 + quoted / LINK_LEN);
	memcpy(o + LINK_LEN, p->payload, quoted);
	put16(icmp + 2,
	    ntohs(inet6_chksum_pseudo(q, &el->ipaddr, src, PROTO_ICMP6,
		q->tot_len)));
	ip_output_if(port->netif.stack, q, &el->ipaddr, src, 255, 0,
	    PROTO_ICMP6, &port->netif, src, 0);
	pbuf_free(q);
}

void
redirect_tell(struct netif *in, struct pbuf *p, const struct ip_addr *hop)
{
	const uint8_t *ip = p->payload;
	struct ip_addr src = ip_sender(ip), dst = ip_target(ip);
	struct port *port = port_of(in);

	if (port == NULL || ip_is_any(&src) || ip_same(hop, &src))
		return;
	if (ip_addr_list_maskfind(in->addrs, &src) == NULL)
		return; /* no neighbour */
	if (ip_is_v4(&src)) {
		if (is_on_link(port, hop) && may_tell(port))
			icmp_redirect4(in->stack, p, ntohl(hop->addr[3]));
	} else if (may_tell(port)) {
		tell6(port, p, &src, &dst, hop);
	}
}
