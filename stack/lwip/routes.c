/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * routes.c - a table of routes for lwIP
 *
 * DOC: lwIP finds the interface for a destination by the networks of its
 * interfaces, then takes the default interface and that one's gateway.  It asks
 * hooks first, and they look here: the longest prefix wins, as in any host
 * (RFC 1812, 5.2.4.3), where the networks of interfaces compete as if they were
 * in the table.  A table is a list, which is as long as somebody made it, one
 * command a route.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <lwip/ip6_addr.h>
#include <lwip/netif.h>

#include "stack/lwip/routes.h"

static struct route *table;

/* Whether the first PREFIX bits of A and B are the same. */
static bool
shares(const uint8_t a[16], const uint8_t b[16], unsigned prefix)
{
	unsigned bytes = prefix / 8;
	uint8_t mask = (uint8_t)(0xff00u >> prefix % 8);

	return memcmp(a, b, bytes) == 0 &&
	    (mask == 0 || (a[bytes] & mask) == (b[bytes] & mask));
}

/* The best route to DST, only by NETIF where that is not NULL; or NULL. */
static const struct route *
best(const uint8_t dst[16], const struct netif *netif)
{
	const struct route *r;

	for (r = table; r != NULL; r = r->next)
		if ((netif == NULL || r->netif == netif) &&
		    shares(r->dst, dst, r->prefix))
			return r;
	return NULL;
}

static bool
usable(const struct netif *netif)
{
	return netif_is_up(netif) && netif_is_link_up(netif);
}

/* ---- IPv4 --------------------------------------------------------------- */

/* The interface to whose network DST belongs, and how long its prefix is. */
static struct netif *
network4(const ip4_addr_t *dst, unsigned *prefix)
{
	struct netif *netif, *found = NULL;
	uint32_t best_mask = 0;

	NETIF_FOREACH(netif)
	{
		uint32_t mask = lwip_ntohl(netif_ip4_netmask(netif)->addr);

		if (usable(netif) && !ip4_addr_isany(netif_ip4_addr(netif)) &&
		    ip4_addr_netcmp(dst, netif_ip4_addr(netif),
			netif_ip4_netmask(netif)) &&
		    (found == NULL || mask > best_mask)) {
			found = netif;
			best_mask = mask;
		}
	}
	*prefix = 96 + (unsigned)__builtin_popcount(best_mask);
	return found;
}

struct netif *
shmif_lwip_route4(const ip4_addr_t *dst)
{
	const struct route *r;
	uint8_t ip[16];
	unsigned prefix;

	if (table == NULL || ip4_addr_ismulticast(dst))
		return NULL;
	addr_from_v4(&dst->addr, ip);
	r = best(ip, NULL);
	if (r == NULL || r->prefix < 96 || !usable(r->netif))
		return NULL;
	if (network4(dst, &prefix) != NULL && prefix >= r->prefix)
		return NULL;
	return r->netif;
}

const ip4_addr_t *
shmif_lwip_gateway4(struct netif *netif, const ip4_addr_t *dst)
{
	static ip4_addr_t via;
	const struct route *r;
	uint8_t ip[16];

	addr_from_v4(&dst->addr, ip);
	r = best(ip, netif);
	if (r == NULL || r->prefix < 96)
		return NULL;
	if (!r->has_via)
		return dst;
	memcpy(&via.addr, r->via + 12, sizeof(via.addr));
	return &via;
}

/* ---- IPv6 --------------------------------------------------------------- */

struct netif *
shmif_lwip_route6(const ip6_addr_t *dst)
{
	const struct route *r;
	struct netif *netif;
	int i;

	if (table == NULL || ip6_addr_ismulticast(dst) ||
	    ip6_addr_islinklocal(dst))
		return NULL;
	r = best((const uint8_t *)dst->addr, NULL);
	if (r == NULL || !usable(r->netif))
		return NULL;
	if (r->prefix < 64)
		NETIF_FOREACH(netif)
	for (i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++)
		if (usable(netif) &&
		    ip6_addr_isvalid(netif_ip6_addr_state(netif, i)) &&
		    ip6_addr_netcmp_zoneless(dst, netif_ip6_addr(netif, i)))
			return NULL;
	return r->netif;
}

const ip6_addr_t *
shmif_lwip_gateway6(struct netif *netif, const ip6_addr_t *dst)
{
	static ip6_addr_t via;
	const struct route *r = best((const uint8_t *)dst->addr, netif);

	if (r == NULL)
		return NULL;
	if (!r->has_via)
		return dst;
	memset(&via, 0, sizeof(via));
	memcpy(via.addr, r->via, sizeof(via.addr));
	ip6_addr_assign_zone(&via, IP6_UNICAST, netif);
	return &via;
}

/* ---- the table ---------------------------------------------------------- */

const struct route *
routes_first(void)
{
	return table;
}

/* The interface on whose network VIA is. */
static struct netif *
leads_to(const uint8_t via[16])
{
	struct netif *netif;
	ip4_addr_t v4;
	unsigned prefix;
	int i;

	if (addr_is_v4(via)) {
		memcpy(&v4.addr, via + 12, sizeof(v4.addr));
		return network4(&v4, &prefix);
	}
	NETIF_FOREACH(netif)
	for (i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++)
		if (!ip6_addr_isinvalid(netif_ip6_addr_state(netif, i)) &&
		    memcmp(netif_ip6_addr(netif, i)->addr, via, 8) == 0)
			return netif;
	return NULL;
}

int
routes_change(const struct ctl_route *c, struct netif *netif, bool add)
{
	uint8_t net[16] = { 0 };
	struct route **p, *r;
	unsigned i;

	if (netif == NULL && c->has_via)
		netif = leads_to(c->via);
	if (netif == NULL)
		return ENETUNREACH;
	for (i = 0; i < 128u && i < c->prefix; i++)
		net[i / 8] |= (uint8_t)(c->dst[i / 8] & 0x80u >> i % 8);
	for (p = &table; *p != NULL; p = &(*p)->next)
		if ((*p)->netif == netif && (*p)->prefix == c->prefix &&
		    memcmp((*p)->dst, net, sizeof(net)) == 0 &&
		    (*p)->has_via == c->has_via &&
		    (!c->has_via || memcmp((*p)->via, c->via, 16) == 0))
			break;
	if (!add) {
		if ((r = *p) == NULL)
			return ESRCH;
		*p = r->next;
		free(r);
		return 0;
	}
	if (*p != NULL)
		return EEXIST;
	if ((r = calloc(1, sizeof(*r))) == NULL)
		return ENOMEM;
	memcpy(r->dst, net, sizeof(r->dst));
	memcpy(r->via, c->via, sizeof(r->via));
	r->prefix = c->prefix;
	r->has_via = c->has_via;
	r->netif = netif;
	for (p = &table; *p != NULL && (*p)->prefix > r->prefix;
	     p = &(*p)->next)
		continue;
	r->next = *p;
	*p = r;
	return 0;
}

void
routes_forget(const struct netif *netif)
{
	struct route **p = &table, *r;

	while ((r = *p) != NULL)
		if (r->netif == netif) {
			*p = r->next;
			free(r);
		} else {
			p = &r->next;
		}
}
