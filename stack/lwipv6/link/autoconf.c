/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * autoconf.c - an interface configures itself for IPv6
 *
 * DOC: The faults: the library's state of autoconfiguration has timers that go
 * on when it is freed, and it makes a second state beside the first when an
 * interface that is up is set up once more.  Its router solicitations carry a
 * link-layer address though they come from the unspecified address, which RFC
 * 4861, 6.1.1 forbids, so routers do not take them.  What it makes of the
 * answers is told in routers.c and prefixes.c.
 *
 * How they are seen: an interface set down within some seconds after it went
 * up, or destroyed, crashes the process in rtr_sol_timeout() or dad_timeout().
 * Who comes to a network waits for his address until the router speaks by
 * itself.
 *
 * The cure: our interfaces do not use the library's autoconfiguration.  Each
 * that may configure itself has a struct ra (ra.h) while it is up:
 *
 *	start	It gets a link-local address, which dad.c looks after.  Routers
 *		are solicited at once, then after SOLICIT_S seconds and longer
 *		and longer ones, until one is heard (RFC 4861, 6.3.7; RFC 7559).
 *		A solicitation has no option while another may still have the
 *		link-local address that it comes from (RFC 4429, 3.2); without
 *		such an address it comes from the unspecified one.
 *	link	The interface may be on another link.  Routers are solicited
 *		again.  SETTLE_S seconds after the first answer, what none of
 *		the answers named goes; with no answer everything stays.
 *	stop	Everything goes: the addresses, the routes, the state.
 *
 * What else an advertisement says is in params.c.
 *
 * Interfaces of other kinds keep the library's autoconfiguration: for them the
 * timers are taken back before the state is freed, tentative addresses are
 * freed, what is started already is not started again, and the number of
 * addresses and the retransmit time are bounded.  The solicitation is ours for
 * all.
 */
#include <stdlib.h>
#include <string.h>

#include "base/net_bytes.h"
#include "stack/lwipv6/link/ra.h"

#define SOLICIT_S 4u
#define SOLICIT_MAX_S 3600u
#define SETTLE_S 4u
#define PROTO_ICMP6 58
#define TYPE_RS 133
#define RS_HLEN 8u
#define LINK_LEN 8u
#define RA_HLEN 16u
#define PREFIX_LEN 32u
#define RETRANSMIT_MAX_MS 10000u
#define OPT_SOURCE_LINK 1
#define OPT_PREFIX 3
#define OPT_MTU 5
#define OPT_DNS 25
#define NA_ROUTER 0x80

static const struct ip_addr none;

/* ---- solicitations ------------------------------------------------------- */

/*
 * Replaces the library's: asks the routers of the link that FROM belongs to,
 * from that address, which may be ::.
 */
EXPORT void
OURS(icmp_router_solicitation)(struct stack *stack, struct ip_addr *to,
    struct ip_addr_list *from)
{
	struct ip_addr all = { { htonl(0xff020000), 0, 0, htonl(2) } };
	struct netif *netif = from->netif;
	const struct port *port = port_of(netif);
	bool option = !ip_same(&from->ipaddr, &none) &&
	    netif->hwaddr_len == 6 &&
	    (port == NULL || !dad_is_unsure(port, &from->ipaddr));
	uint16_t len = (uint16_t)(RS_HLEN + (option ? LINK_LEN : 0)), sum;
	struct pbuf *p = pbuf_alloc(PBUF_IP, len, PBUF_RAM);
	uint8_t *b;

	(void)to;
	if (p == NULL)
		return;
	b = p->payload;
	memset(b, 0, len);
	b[0] = TYPE_RS;
	if (option) {
		b[RS_HLEN] = OPT_SOURCE_LINK;
		b[RS_HLEN + 1] = 1;
		memcpy(b + RS_HLEN + 2, netif->hwaddr, 6);
	}
	sum = inet6_chksum_pseudo(p, &from->ipaddr, &all, PROTO_ICMP6, len);
	memcpy(b + 2, &sum, sizeof(sum)); /* it is in network order */
	ip_output_if(stack, p, &from->ipaddr, &all, 255, 0, PROTO_ICMP6, netif,
	    &all, 0);
	pbuf_free(p);
}

/* A link-local address of the interface, or NULL. */
static struct ip_addr_list *
link_local(const struct port *port)
{
	struct ip_addr_list *tail = port->netif.addrs, *el = tail;

	while (el != NULL && !ip_is_link_local(&el->ipaddr))
		el = el->next == tail ? NULL : el->next;
	return el;
}

static void
solicit(struct port *port)
{
	struct ip_addr_list unspecified = { .netif = &port->netif };
	struct ip_addr_list *from = link_local(port);

	if (from == NULL)
		from = &unspecified;
	icmp_router_solicitation(port->netif.stack, NULL, from);
}

/* Begins to ask for routers. */
static void
begin_to_solicit(struct port *port)
{
	port->ra->wait = port->ra->interval = SOLICIT_S;
	solicit(port);
}

/* ---- life ---------------------------------------------------------------- */

static void
start(struct port *port)
{
	struct ip_addr ip = { { htonl(0xfe800000) } };
	struct ip_addr mask = { { UINT32_MAX, UINT32_MAX } };
	struct ip_addr_list *el;

	if (port->ra != NULL ||
	    (port->ra = calloc(1, sizeof(*port->ra))) == NULL)
		return;
	prefixes_identify(&port->netif, &ip);
	if (link_local(port) == NULL &&
	    netif_add_addr(&port->netif, &ip, &mask) == 0 &&
	    (el = ip_addr_list_find(port->netif.addrs, &ip, NULL)) != NULL)
		el->info.flag = ADDRESS_MADE;
	begin_to_solicit(port);
}

static void
stop(struct port *port)
{
	struct ip_addr_list *el = link_local(port);
	struct ip_addr ip, mask;

	if (port->ra == NULL)
		return;
	routers_drop(port, true);
	prefixes_drop(port, true);
	if (el != NULL && el->info.flag != 0) {
		ip = el->ipaddr;
		mask = el->netmask;
		netif_del_addr(&port->netif, &ip, &mask);
	}
	ra_free(port);
}

void
ra_free(struct port *port)
{
	free(port->ra);
	port->ra = NULL;
}

void
ra_link(struct port *port)
{
	struct ra *ra = port->ra;
	unsigned i;

	if (ra == NULL)
		return;
	for (i = 0; i < ROUTERS_MAX; i++)
		ra->router[i].heard = false;
	for (i = 0; i < PREFIXES_MAX; i++)
		ra->prefix[i].heard = false;
	for (i = 0; i < DNS_MAX; i++)
		ra->dns[i].heard = false;
	ra->moved = true;
	ra->settle = 0;
	begin_to_solicit(port);
}

void
ra_timer(struct port *port)
{
	struct ra *ra = port->ra;

	if (ra == NULL)
		return;
	routers_timer(port);
	prefixes_timer(port);
	params_timer(port);
	if (ra->settle != 0 && --ra->settle == 0) {
		routers_drop(port, false);
		prefixes_drop(port, false);
		params_drop(port);
	}
	if (ra->wait != 0 && --ra->wait == 0) {
		ra->interval *= 2;
		if (ra->interval > SOLICIT_MAX_S)
			ra->interval = SOLICIT_MAX_S;
		ra->wait = ra->interval;
		solicit(port);
	}
}

/* ---- advertisements ------------------------------------------------------ */

/* The options of an advertisement from the router SRC, N bytes. */
static void
read_options(struct port *port, const struct ip_addr *src, bool known,
    const uint8_t *o, unsigned n)
{
	while (n >= 2 && o[1] != 0 && o[1] * 8u <= n) {
		unsigned len = o[1] * 8u;

		if (o[0] == OPT_SOURCE_LINK && len == LINK_LEN)
			neigh_learn(port, src, o + 2, known);
		else if (o[0] == OPT_PREFIX && len == PREFIX_LEN)
			prefixes_heard(port, o);
		else if (o[0] == OPT_MTU && len == LINK_LEN)
			params_mtu(port, o);
		else if (o[0] == OPT_DNS)
			params_dns(port, o);
		o += len;
		n -= len;
	}
}

/* How many addresses of the ring TAIL are from advertisements. */
static unsigned
count_made(const struct ip_addr_list *tail)
{
	const struct ip_addr_list *el = tail;
	unsigned n = 0;

	while (el != NULL) {
		n += el->info.flag != 0;
		el = el->next == tail ? NULL : el->next;
	}
	return n;
}

/*
 * For NETIF, which is not ours: puts a bound to what the library makes of the
 * advertisement P.  False: nothing is to be made of it.
 */
static bool
bound(const struct netif *netif, struct pbuf *p)
{
	uint8_t *retransmit = (uint8_t *)p->payload + 12;

	if (netif->autoconf == NULL || p->len < RA_HLEN ||
	    count_made(netif->addrs) + count_made(netif->autoconf->tentative) >
		PREFIXES_MAX)
		return false;
	if (be32(retransmit) > RETRANSMIT_MAX_MS)
		put32(retransmit, RETRANSMIT_MAX_MS);
	return true;
}

/*
 * Replaces the library's: the advertisement P of a router has come, which
 * begins with the message ICMP; IP is its header.  The wall has seen to it that
 * it is a neighbour's and its checksum right.
 */
EXPORT void
OURS(ip_autoconf_handle_ra)(struct netif *netif, struct pbuf *p,
    const uint8_t *ip, const uint8_t *icmp)
{
	struct port *port = port_of(netif);
	struct ip_addr src;
	struct ra *ra;
	bool known;

	if (port == NULL) {
		if (bound(netif, p))
			real()->ip_autoconf_handle_ra(netif, p, ip, icmp);
		return;
	}
	ra = port->ra;
	if (ra == NULL || p->payload != icmp || p->len < RA_HLEN)
		return;
	memcpy(&src, ip + 8, sizeof(src));
	if (ra->moved) {
		ra->moved = false;
		ra->settle = SETTLE_S;
		params_moved(ra);
	}
	params_heard(ra, icmp);
	known = routers_heard(port, &src, (uint16_t)be16(icmp + 6));
	if (known)
		ra->wait = 0;
	read_options(port, &src, known, icmp + RA_HLEN, p->len - RA_HLEN);
}

/*
 * Replaces the library's, which looks for duplicates of its tentative addresses
 * in the advertisement of a neighbour; also, RFC 4861, 7.2.5: one that is no
 * router any more is no default router.
 */
EXPORT void
OURS(ip_autoconf_handle_na)(struct netif *netif, struct pbuf *p,
    const uint8_t *ip, const uint8_t *icmp)
{
	struct port *port = port_of(netif);
	struct ip_addr target;

	if (port != NULL && port->ra != NULL && !(icmp[4] & NA_ROUTER)) {
		memcpy(&target, icmp + 8, sizeof(target));
		routers_heard(port, &target, 0);
	}
	real()->ip_autoconf_handle_na(netif, p, ip, icmp);
}

/* ---- the library's ------------------------------------------------------- */

/* Frees tentative addresses, and what would promote them. */
static void
drop_tentative(struct netif *netif)
{
	struct ip_addr_list **tail = &netif->autoconf->tentative;

	while (*tail != NULL) {
		struct ip_addr_list *el = (*tail)->next;

		dad_remove_timer(el);
		ip_addr_list_del(tail, el);
		ip_addr_list_free(netif->stack, el);
	}
}

/* Replaces the library's; on the stack's thread. */
EXPORT void
OURS(ip_autoconf_start)(struct netif *netif)
{
	if (port_of(netif) != NULL)
		start(port_of(netif));
	else if (netif->autoconf == NULL)
		real()->ip_autoconf_start(netif);
}

/* Replaces the library's; on the stack's thread. */
EXPORT void
OURS(ip_autoconf_stop)(struct netif *netif)
{
	if (port_of(netif) != NULL)
		stop(port_of(netif));
	if (netif->autoconf == NULL)
		return;
	sys_untimeout(rtr_sol_timeout, netif);
	drop_tentative(netif);
	/* Otherwise the library would leave addresses configured before. */
	netif->autoconf->status = AUTOCONF_SUCC;
	real()->ip_autoconf_stop(netif);
}
