/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dhcp/apply.c - what an interface has by its lease: the address, the routes, the
 *	MTU of IPv4, servers of names
 */
#include <string.h>

#include "stack/lwipv6/ip/dhcp/client.h"

#define ADDRESS_MADE 0x12 /* of ip_addr_list.info.flag, as of autoconf.c */

/* With or without the route to NET and MASK by HOP, or without a hop. */
static void
route(struct port *port, const struct dhcp_route *r, bool on)
{
	static const struct ip_addr none;
	const struct ip_addr net = mapped(r->net), by = mapped(r->hop);
	const struct ip_addr mask = { { UINT32_MAX, UINT32_MAX, UINT32_MAX,
	    htonl(r->mask) } };

	routers_route(&port->netif, &net, &mask, r->hop == 0 ? &none : &by, on);
}

/* With or without the routes of the lease. */
static void
all_routes(struct port *port, bool on)
{
	const struct dhcp_answer *l = &port->dhcp->lease;
	const struct dhcp_route by = { .hop = l->router };
	unsigned i;

	if (l->router != 0)
		route(port, &by, on);
	for (i = 0; i < l->routes; i++)
		/* That of the address itself is not ours to take. */
		if (l->route[i].hop != 0 || l->route[i].mask != l->mask ||
		    l->route[i].net != (l->yiaddr & l->mask))
			route(port, &l->route[i], on);
	port->dhcp->has_routes = on;
}

void
dhcp_add(struct port *port)
{
	struct dhcp_client *c = port->dhcp;
	struct ip_addr ip = mapped(c->lease.yiaddr);
	struct ip_addr mask = { { UINT32_MAX, UINT32_MAX, UINT32_MAX,
	    htonl(c->lease.mask) } };
	struct ip_addr_list *el;

	if (ip_addr_list_find(port->netif.addrs, &ip, NULL) == NULL &&
	    netif_add_addr(&port->netif, &ip, &mask) == 0 &&
	    (el = ip_addr_list_find(port->netif.addrs, &ip, NULL)) != NULL) {
		el->info.flag = ADDRESS_MADE;
		c->has_addr = true;
	}
	if (!c->has_routes)
		all_routes(port, true);
	port->mtu4 = c->lease.mtu;
}

void
dhcp_remove_routes(struct port *port)
{
	if (port->dhcp->has_routes)
		all_routes(port, false);
}

void
dhcp_remove_all(struct port *port)
{
	struct dhcp_client *c = port->dhcp;
	struct ip_addr ip = mapped(c->lease.yiaddr), mask;
	struct ip_addr_list *el;

	dhcp_remove_routes(port);
	port->mtu4 = 0;
	el = c->has_addr ? ip_addr_list_find(port->netif.addrs, &ip, NULL) :
			   NULL;
	c->has_addr = false;
	if (el != NULL) {
		mask = el->netmask;
		netif_del_addr(&port->netif, &ip, &mask);
	}
}

bool
dhcp_same_routes(const struct dhcp_answer *a, const struct dhcp_answer *b)
{
	return a->router == b->router && a->routes == b->routes &&
	    memcmp(a->route, b->route, a->routes * sizeof(a->route[0])) == 0;
}

unsigned
dhcp_dns(const struct port *port, struct ip_addr list[], unsigned max)
{
	const struct dhcp_client *c = port->dhcp;
	unsigned n = 0;

	while (c != NULL && c->has_addr && n < c->lease.dns_n && n < max) {
		list[n] = mapped(c->lease.dns[n]);
		n++;
	}
	return n;
}
