/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * routes.c - addresses and routes are changed on the stack's thread
 *
 * DOC: The fault: lwip_add_addr(), lwip_del_addr(), lwip_add_route(),
 * lwip_del_route() and a netlink socket change the lists of addresses, routes
 * and connections on the thread of their caller, without a lock, while the
 * stack's thread walks and changes them.
 *
 * How it is seen: a program that gives one interface an address while another
 * is destroyed, or while traffic flows, crashes sooner or later in
 * ip_route_findpath(), or loses routes.  Deleting an address resets its
 * connections from the wrong thread.
 *
 * Beside it: deleting an address leaves the route to its network behind, and
 * deleting a route of one interface may take that of another to the same
 * network.
 *
 * The cure: whoever is on another thread has the same function run on the
 * stack's, and waits for it.  The library's meaning stays, except that memory
 * is not lost: an address taken away is freed, and a route that is there
 * already is not allocated once more (a router advertisement comes every few
 * seconds, and the second router's too).
 */
#include <errno.h>
#include <string.h>

#include "stack/lwipv6/ip/ip.h"

struct job {
	struct netif *netif;
	struct stack *stack;
	struct ip_addr *addr, *mask, *hop;
	int flags;
	int result;
};

/* PORT has the address IP from now on. */
static void
begin(struct port *port, const struct ip_addr *ip)
{
	dad_note(port, ip);
	group_own(port);
	dad_begin(port, ip);
}

static void
add_addr(void *arg)
{
	struct job *j = arg;

	j->result = real()->netif_add_addr(j->netif, j->addr, j->mask);
	if (j->result == 0 && port_of(j->netif) != NULL)
		begin(port_of(j->netif), j->addr);
}

/*
 * Puts the route to NET with MASK (NULL: any) by HOP (NULL: none) and NETIF
 * where the library finds it first: it takes the gateway or the interface for
 * enough.  Returns whether there is such a route.
 */
static bool
to_front(struct stack *stack, const struct ip_addr *net,
    const struct ip_addr *mask, const struct ip_addr *hop,
    const struct netif *netif)
{
	static const struct ip_addr none;
	struct ip_route_list **head = &STACK_FIELD(stack, STACK_ROUTE_HEAD,
	    struct ip_route_list *);

	if (hop == NULL)
		hop = &none;
	for (struct ip_route_list **p = head; *p != NULL; p = &(*p)->next) {
		struct ip_route_list *el = *p;

		if (el->netif != netif || !ip_same(&el->addr, net) ||
		    (mask != NULL && !ip_same(&el->netmask, mask)) ||
		    !ip_same(&el->nexthop, hop))
			continue;
		*p = el->next;
		el->next = *head;
		*head = el;
		return true;
	}
	return false;
}

/*
 * Takes the route to the network of an address that went; the library looks
 * for one to the address itself.
 */
static void
drop_net(struct netif *netif, const struct ip_addr *addr, struct ip_addr *mask)
{
	const struct ip_addr_list *tail = netif->addrs, *el = tail;
	struct ip_addr net;
	int i;

	for (i = 0; i < 4; i++)
		net.addr[i] = addr->addr[i] & mask->addr[i];
	while (el != NULL) {
		bool shares = ip_same(&el->netmask, mask);

		for (i = 0; i < 4; i++)
			shares &= (el->ipaddr.addr[i] & mask->addr[i]) ==
			    net.addr[i];
		if (shares)
			return;
		el = el->next == tail ? NULL : el->next;
	}
	if (to_front(netif->stack, &net, mask, NULL, netif))
		real()->ip_route_list_del(netif->stack, &net, mask, NULL, netif,
		    0);
}

static void
del_addr(void *arg)
{
	struct job *j = arg;
	struct netif *netif = j->netif;
	struct ip_addr addr = *j->addr, mask; /* it may be what is freed */
	struct ip_addr_list *el;

	el = ip_addr_list_find(netif->addrs, j->addr, j->mask);
	j->result = real()->netif_del_addr(netif, j->addr, j->mask);
	if (el == NULL || j->result != 0)
		return;
	mask = el->netmask;
	ip_addr_list_free(netif->stack, el);
	drop_net(netif, &addr, &mask);
}

/*
 * Whether J's route is there, as ip_route_list_add() would store it, or one
 * that it takes for the same: it gives up on a second gateway to a network that
 * is behind the same interface, and loses the memory.
 */
static bool
have_route(const struct job *j)
{
	const struct ip_route_list *el;
	struct ip_addr net;
	int i;

	for (i = 0; i < 4; i++)
		net.addr[i] = j->addr->addr[i] & j->mask->addr[i];
	for (el = STACK_FIELD(j->stack, STACK_ROUTE_HEAD,
		 struct ip_route_list *);
	     el != NULL; el = el->next) {
		bool hop = ip_same(&el->nexthop, j->hop);

		if (!ip_same(&el->netmask, j->mask))
			continue;
		if (ip_same(&el->addr, &net) && el->netif == j->netif && hop)
			return true;
		if (ip_same(&el->addr, j->addr) &&
		    (el->netif == j->netif || hop))
			return true;
	}
	return false;
}

static void
add_route(void *arg)
{
	struct job *j = arg;
	static struct ip_addr none;

	if (j->hop == NULL)
		j->hop = &none; /* the library means it, and then reads it */
	if (j->addr != NULL && j->mask != NULL && have_route(j))
		j->result = ERR_CONN;
	else
		j->result = real()->ip_route_list_add(j->stack, j->addr,
		    j->mask, j->hop, j->netif, j->flags);
}

static void
del_route(void *arg)
{
	struct job *j = arg;

	if (j->netif != NULL)
		to_front(j->stack, j->addr, j->mask, j->hop, j->netif);
	j->result = real()->ip_route_list_del(j->stack, j->addr, j->mask,
	    j->hop, j->netif, j->flags);
}

/* Does J where it must be done.  Returns its result or NO_MEMORY. */
static int
do_job(struct job *j, void (*fn)(void *), int no_memory)
{
	if (thread_inside(j->stack))
		fn(j);
	else if (thread_call(j->stack, fn, j) != 0)
		return no_memory;
	return j->result;
}

EXPORT int
OURS(netif_add_addr)(struct netif *netif, struct ip_addr *addr,
    struct ip_addr *mask)
{
	struct job j = { .netif = netif,
		.stack = netif->stack,
		.addr = addr,
		.mask = mask };

	return do_job(&j, add_addr, -ENOMEM);
}

EXPORT int
OURS(netif_del_addr)(struct netif *netif, struct ip_addr *addr,
    struct ip_addr *mask)
{
	struct job j = { .netif = netif,
		.stack = netif->stack,
		.addr = addr,
		.mask = mask };

	return do_job(&j, del_addr, -ENOMEM);
}

EXPORT err_t
OURS(ip_route_list_add)(struct stack *stack, struct ip_addr *addr,
    struct ip_addr *mask, struct ip_addr *hop, struct netif *netif, int flags)
{
	struct job j = { .netif = netif,
		.stack = stack,
		.addr = addr,
		.mask = mask,
		.hop = hop,
		.flags = flags };

	return (err_t)do_job(&j, add_route, ERR_MEM);
}

EXPORT err_t
OURS(ip_route_list_del)(struct stack *stack, struct ip_addr *addr,
    struct ip_addr *mask, struct ip_addr *hop, struct netif *netif, int flags)
{
	struct job j = { .netif = netif,
		.stack = stack,
		.addr = addr,
		.mask = mask,
		.hop = hop,
		.flags = flags };

	return (err_t)do_job(&j, del_route, ERR_MEM);
}
