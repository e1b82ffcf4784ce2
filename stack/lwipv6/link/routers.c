/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * routers.c - the default routers of a link
 *
 * DOC: The faults: the library makes a route of the first router that it hears
 * and forgets the router.  What that says later is not looked at: a lifetime of
 * 0, or one that runs out, changes nothing, and nor does a second router when
 * the first one is dead.
 *
 * How they are seen: after a router was replaced a host has no way out, for
 * ever; a router that leaves its network in good order is still used.
 *
 * The cure: RFC 4861, 6.3.4 to 6.3.6.  Each interface has a list of up to
 * ROUTERS_MAX routers, each with its lifetime.  One of them is chosen, and the
 * stack has a default route to it.
 *
 *	heard	An advertisement with a lifetime puts a router into the list or
 *		gives it its new lifetime; one with the lifetime 0 takes it out.
 *		Where the list is full only a router that is lost makes room: a
 *		flood of invented routers cannot drive out those that work.
 *	lost	Neighbour discovery asked for the router's hardware address in
 *		vain (neighbours.c), or the router says in an advertisement of
 *		its address that it is none any more.  It is chosen only when
 *		all are lost, one after the other then, so that each is asked
 *		for again.  It is as before when it speaks again.
 *
 * The chosen one stays while it is not lost: others do not take traffic away.
 */
#include <string.h>

#include "stack/lwipv6/link/ra.h"

static const struct ip_addr none;

/* ---- routes -------------------------------------------------------------- */

/* Whether the stack has exactly this route. */
static bool
has_route(const struct netif *netif, const struct ip_addr *net,
    const struct ip_addr *mask, const struct ip_addr *hop)
{
	const struct ip_route_list *el;

	for (el = STACK_FIELD(netif->stack, STACK_ROUTE_HEAD,
		 struct ip_route_list *);
	     el != NULL; el = el->next)
		if (el->netif == netif && ip_same(&el->addr, net) &&
		    ip_same(&el->netmask, mask) && ip_same(&el->nexthop, hop))
			return true;
	return false;
}

void
routers_route(struct netif *netif, const struct ip_addr *net,
    const struct ip_addr *mask, const struct ip_addr *hop, bool on)
{
	/* The library wants them writable. */
	struct ip_addr n = *net, m = *mask, h = *hop;
	struct ip_addr *by = ip_same(hop, &none) ? NULL : &h;

	if (has_route(netif, net, mask, hop) == on)
		return;
	if (on)
		ip_route_list_add(netif->stack, &n, &m, by, netif, 0);
	else
		ip_route_list_del(netif->stack, &n, &m, by, netif, 0);
}

/* ---- choosing ------------------------------------------------------------ */

static bool
is_entry(const struct router *r)
{
	return !ip_same(&r->ip, &none);
}

static struct router *
find(struct ra *ra, const struct ip_addr *ip)
{
	unsigned i;

	for (i = 0; i < ROUTERS_MAX; i++)
		if (ip_same(&ra->router[i].ip, ip))
			return &ra->router[i];
	return NULL;
}

/* The one to choose; or NULL. */
static struct router *
best(struct ra *ra)
{
	unsigned first = 0, i;

	if (ra->chosen != NULL) {
		if (is_entry(ra->chosen) && !ra->chosen->lost)
			return ra->chosen;
		first = (unsigned)(ra->chosen - ra->router) + 1;
	}
	for (i = 0; i < ROUTERS_MAX; i++)
		if (is_entry(&ra->router[i]) && !ra->router[i].lost)
			return &ra->router[i];
	for (i = 0; i < ROUTERS_MAX; i++) {
		struct router *r = &ra->router[(first + i) % ROUTERS_MAX];

		if (is_entry(r))
			return r;
	}
	return NULL;
}

/* Has the default route lead to R, or, NULL, nowhere. */
static void
choose(struct port *port, struct router *r)
{
	struct ra *ra = port->ra;

	if (r == ra->chosen)
		return;
	if (ra->chosen != NULL)
		routers_route(&port->netif, &none, &none, &ra->chosen->ip,
		    false);
	ra->chosen = r;
	if (r != NULL)
		routers_route(&port->netif, &none, &none, &r->ip, true);
}

static void
drop(struct port *port, struct router *r)
{
	struct ra *ra = port->ra;

	if (r == ra->chosen) {
		routers_route(&port->netif, &none, &none, &r->ip, false);
		ra->chosen = NULL;
	}
	memset(r, 0, sizeof(*r));
}

/* A place for a new router; or NULL. */
static struct router *
place(struct port *port)
{
	struct ra *ra = port->ra;
	struct router *r = find(ra, &none);
	unsigned i;

	for (i = 0; r == NULL && i < ROUTERS_MAX; i++)
		if (ra->router[i].lost) {
			r = &ra->router[i];
			drop(port, r);
		}
	return r;
}

bool
routers_heard(struct port *port, const struct ip_addr *ip, uint16_t life)
{
	struct router *r = find(port->ra, ip);

	if (life == 0) {
		if (r != NULL) {
			drop(port, r);
			choose(port, best(port->ra));
		}
		return false;
	}
	if (r == NULL && (r = place(port)) == NULL)
		return false;
	r->ip = *ip;
	r->until = ra_until(life);
	r->lost = false;
	r->heard = true;
	choose(port, best(port->ra));
	/* Somebody may have taken the route away by hand. */
	if (r == port->ra->chosen)
		routers_route(&port->netif, &none, &none, &r->ip, true);
	return true;
}

void
routers_no_more(struct port *port, const struct ip_addr *ip)
{
	if (port->ra != NULL && !ip_same(ip, &none))
		routers_heard(port, ip, 0);
}

void
routers_lost(struct port *port, const struct ip_addr *ip)
{
	struct router *r;

	if (port->ra == NULL || ip_same(ip, &none) ||
	    (r = find(port->ra, ip)) == NULL)
		return;
	r->lost = true;
	choose(port, best(port->ra));
}

void
routers_timer(struct port *port)
{
	struct ra *ra = port->ra;
	int64_t now = ra_now();
	unsigned i;

	for (i = 0; i < ROUTERS_MAX; i++)
		if (is_entry(&ra->router[i]) && ra->router[i].until <= now)
			drop(port, &ra->router[i]);
	choose(port, ra->chosen != NULL ? ra->chosen : best(ra));
}

void
routers_drop(struct port *port, bool all)
{
	struct ra *ra = port->ra;
	unsigned i;

	for (i = 0; i < ROUTERS_MAX; i++)
		if (is_entry(&ra->router[i]) && (all || !ra->router[i].heard))
			drop(port, &ra->router[i]);
	if (!all)
		choose(port, best(ra));
}
