/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net.c - lwIP's routes and neighbours, from outside
 *
 * DOC: The routes that are shown are those of routes.c and what lwIP knows by
 * itself: the networks of addresses, gateways that DHCP set, and prefixes and
 * routers of advertisements.  Only the former can be deleted.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <lwip/etharp.h>
#include <lwip/priv/nd6_priv.h>
#include <lwip/tcpip.h>

#include "stack/lwip/ctl.h"
#include "stack/lwip/routes.h"

/* ---- routes ------------------------------------------------------------- */

int
ctl_route(void *stack, const struct ctl_route *r, bool add)
{
	struct netif *netif = NULL;
	int error;

	(void)stack;
	LOCK_TCPIP_CORE();
	if (r->name[0] != '\0' && (netif = ctl_netif(r->name)) == NULL)
		error = ENXIO;
	else
		error = routes_change(r, netif, add);
	UNLOCK_TCPIP_CORE();
	return error;
}

/* A list that grows. */
struct routes {
	struct ctl_route *list;
	unsigned n, room;
	bool failed;
};

static void
add(struct routes *l, const uint8_t dst[16], unsigned prefix,
    const uint8_t *via, const struct netif *netif)
{
	struct ctl_route *r;

	if (l->n == l->room) {
		unsigned room = l->room == 0 ? 16 : 2 * l->room;
		void *list = realloc(l->list, room * sizeof(*l->list));

		if (list == NULL) {
			l->failed = true;
			return;
		}
		l->list = list;
		l->room = room;
	}
	r = &l->list[l->n++];
	memset(r, 0, sizeof(*r));
	memcpy(r->dst, dst, sizeof(r->dst));
	r->prefix = (uint8_t)prefix;
	r->has_via = via != NULL;
	if (via != NULL)
		memcpy(r->via, via, sizeof(r->via));
	ctl_name(netif, r->name);
}

static void
add_networks(struct routes *l, const struct netif *netif)
{
	static const ip4_addr_t any;
	uint8_t net[16], via[16], all[16];
	unsigned mask;
	int i;

	if (!ip4_addr_isany(netif_ip4_addr(netif))) {
		ip4_addr_t a;

		ip4_addr_get_network(&a, netif_ip4_addr(netif),
		    netif_ip4_netmask(netif));
		addr_from_v4(&a.addr, net);
		mask = (unsigned)__builtin_popcount(
		    netif_ip4_netmask(netif)->addr);
		add(l, net, 96 + mask, NULL, netif);
	}
	if (port_of(netif) == NULL)
		return; /* the loopback interface leads nowhere else */
	if (!ip4_addr_isany(netif_ip4_gw(netif))) {
		addr_from_v4(&any.addr, all);
		addr_from_v4(&netif_ip4_gw(netif)->addr, via);
		add(l, all, 96, via, netif);
	}
	for (i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++) {
		if (ip6_addr_isinvalid(netif_ip6_addr_state(netif, i)))
			continue;
		memset(net, 0, sizeof(net));
		memcpy(net, netif_ip6_addr(netif, i)->addr, 8);
		add(l, net, 64, NULL, netif);
	}
}

static void
add_advertised(struct routes *l)
{
	static const uint8_t all[16];
	unsigned i;

	for (i = 0; i < LWIP_ND6_NUM_ROUTERS; i++) {
		const struct nd6_router_list_entry *r = &default_router_list[i];

		if (r->neighbor_entry != NULL && r->invalidation_timer > 0)
			add(l, all, 0,
			    (const uint8_t *)
				r->neighbor_entry->next_hop_address.addr,
			    r->neighbor_entry->netif);
	}
}

int
ctl_routes(void *stack, struct ctl_route **list, unsigned *n)
{
	struct routes l = { 0 };
	const struct route *r;
	struct netif *netif;

	(void)stack;
	LOCK_TCPIP_CORE();
	for (r = routes_first(); r != NULL; r = r->next)
		add(&l, r->dst, r->prefix, r->has_via ? r->via : NULL,
		    r->netif);
	NETIF_FOREACH(netif)
	add_networks(&l, netif);
	add_advertised(&l);
	UNLOCK_TCPIP_CORE();
	if (l.failed) {
		free(l.list);
		l.list = NULL;
		l.n = 0;
	}
	*list = l.list;
	*n = l.n;
	return l.failed ? ENOMEM : 0;
}

/* ---- neighbours ---------------------------------------------------------- */

/*
 * lwIP does not tell which entries are static, so it is remembered here, with
 * the core's lock.  An entry goes by itself when its interface goes down.
 */
static struct {
	const struct netif *netif; /* NULL: free */
	ip4_addr_t ip;
	struct eth_addr mac;
} fixed[ARP_TABLE_SIZE / 2];
#define FIXED (sizeof(fixed) / sizeof(fixed[0]))

/* The entry of IP by NETIF (NULL: a free one); FIXED: there is none. */
static size_t
fixed_find(const struct netif *netif, const ip4_addr_t *ip)
{
	size_t i;

	for (i = 0; i < FIXED; i++)
		if (fixed[i].netif == netif &&
		    (netif == NULL || ip4_addr_cmp(&fixed[i].ip, ip)))
			break;
	return i;
}

void
ctl_neigh_forget(struct netif *netif)
{
	size_t i;

	for (i = 0; i < FIXED; i++)
		if (fixed[i].netif == netif)
			fixed[i].netif = NULL;
}

static void
copy4(struct ctl_neigh *list, unsigned *n, const struct netif *only)
{
	struct eth_addr *mac;
	struct netif *netif;
	ip4_addr_t *ip;
	size_t i, k;

	for (i = 0; i < ARP_TABLE_SIZE; i++) {
		struct ctl_neigh *c = &list[*n];

		if (!etharp_get_entry(i, &ip, &netif, &mac) ||
		    (only != NULL && netif != only))
			continue;
		ctl_name(netif, c->name);
		addr_from_v4(&ip->addr, c->ip);
		memcpy(c->mac, mac, sizeof(c->mac));
		c->known = true;
		k = fixed_find(netif, ip);
		c->fixed = k != FIXED &&
		    memcmp(&fixed[k].mac, mac, sizeof(*mac)) == 0;
		++*n;
	}
}

static void
copy6(struct ctl_neigh *list, unsigned *n, const struct netif *only)
{
	unsigned i;

	for (i = 0; i < LWIP_ND6_NUM_NEIGHBORS; i++) {
		const struct nd6_neighbor_cache_entry *e = &neighbor_cache[i];
		struct ctl_neigh *c = &list[*n];

		if (e->state == ND6_NO_ENTRY ||
		    (only != NULL && e->netif != only))
			continue;
		ctl_name(e->netif, c->name);
		memcpy(c->ip, e->next_hop_address.addr, sizeof(c->ip));
		memcpy(c->mac, e->lladdr, sizeof(c->mac));
		c->known = e->state != ND6_INCOMPLETE;
		++*n;
	}
}

int
ctl_neigh(void *stack, int family, const char *name, struct ctl_neigh **list,
    unsigned *n)
{
	struct netif *only = NULL;

	(void)stack;
	*n = 0;
	*list = calloc(ARP_TABLE_SIZE + LWIP_ND6_NUM_NEIGHBORS, sizeof(**list));
	if (*list == NULL)
		return ENOMEM;
	LOCK_TCPIP_CORE();
	if (name != NULL && (only = ctl_netif(name)) == NULL) {
		UNLOCK_TCPIP_CORE();
		free(*list);
		*list = NULL;
		return ENXIO;
	}
	if (family != AF_INET6)
		copy4(*list, n, only);
	if (family != AF_INET)
		copy6(*list, n, only);
	UNLOCK_TCPIP_CORE();
	return 0;
}

/* Fixes V4 at MAC, by NETIF. */
static int
fix(struct netif *netif, const ip4_addr_t *v4, const uint8_t *mac)
{
	size_t k = fixed_find(netif, v4);
	struct eth_addr copy;
	err_t err;

	if (ip4_addr_cmp(netif_ip4_addr(netif), v4))
		return EADDRINUSE;
	if (ip4_addr_isany(v4) || ip4_addr_ismulticast(v4) ||
	    ip4_addr_isbroadcast(v4, netif))
		return EINVAL;
	if (ip4_route(v4) != netif)
		return ctl_lacks("lwIP has neighbours on the networks of its "
				 "addresses only");
	if (k == FIXED && (k = fixed_find(NULL, NULL)) == FIXED)
		return ENOBUFS;
	memcpy(copy.addr, mac, sizeof(copy.addr));
	if ((err = etharp_add_static_entry(v4, &copy)) != ERR_OK)
		return err == ERR_ARG ? EINVAL : ENOBUFS;
	fixed[k].netif = netif;
	fixed[k].ip = *v4;
	fixed[k].mac = copy;
	return 0;
}

int
ctl_neigh_add(void *stack, const char *name, const uint8_t ip[16],
    const uint8_t *mac, bool published)
{
	struct netif *netif;
	int error = ENXIO;
	ip4_addr_t v4;

	(void)stack;
	if (published)
		return ctl_lacks("lwIP answers for its own addresses only");
	if (!addr_is_v4(ip))
		return ctl_lacks("lwIP keeps no IPv6 neighbours that are set");
	memcpy(&v4.addr, ip + 12, sizeof(v4.addr));
	LOCK_TCPIP_CORE();
	if ((netif = ctl_netif(name)) != NULL)
		error = port_of(netif) == NULL ?
		    ctl_lacks("a loopback interface") :
		    fix(netif, &v4, mac);
	UNLOCK_TCPIP_CORE();
	return error;
}

/*
 * lwIP has a function that deletes a static entry, and one that makes an entry
 * static; neither for IPv6.
 */
int
ctl_neigh_del(void *stack, const char *name, const uint8_t ip[16],
    bool published)
{
	const ip4_addr_t *same;
	struct eth_addr *mac;
	struct netif *netif;
	int error = ESRCH;
	ip4_addr_t v4;
	size_t k;

	(void)stack;
	if (published)
		return ESRCH;
	if (!addr_is_v4(ip))
		return ctl_lacks("lwIP forgets IPv6 neighbours by itself");
	memcpy(&v4.addr, ip + 12, sizeof(v4.addr));
	LOCK_TCPIP_CORE();
	if ((netif = ctl_netif(name)) == NULL) {
		error = ENXIO;
	} else if (etharp_find_addr(netif, &v4, &mac, &same) >= 0) {
		struct eth_addr copy = *mac;

		error = etharp_add_static_entry(&v4, &copy) == ERR_OK &&
			etharp_remove_static_entry(&v4) == ERR_OK ?
		    0 :
		    ctl_lacks("lwIP does not let go of this one");
		if (error == 0 && (k = fixed_find(netif, &v4)) != FIXED)
			fixed[k].netif = NULL;
	}
	UNLOCK_TCPIP_CORE();
	return error;
}
