/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ctl/net.c - addresses, routes and neighbours of an lwipv6 stack, from
 * outside
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "stack/lwipv6/ctl/ctl.h"

/* ---- addresses and routes ------------------------------------------------ */

static void
make_mask(unsigned prefix, struct ip_addr *mask)
{
	uint8_t m[16] = { 0 };
	unsigned i;

	for (i = 0; i < prefix; i++)
		m[i / 8] |= (uint8_t)(0x80 >> i % 8);
	memcpy(mask, m, sizeof(*mask));
}

struct address {
	struct ip_addr ip;
	unsigned prefix;
};

static int
address_fn(struct ctl_job *j)
{
	const struct address *a = j->in;
	struct ip_addr ip = a->ip, mask;
	struct ip_addr_list *el;

	if (j->on) {
		make_mask(a->prefix, &mask);
		return -netif_add_addr(j->netif, &ip, &mask);
	}
	if (a->prefix == ADDR_PREFIX_NONE) {
		el = ip_addr_list_find(j->netif->addrs, &ip, NULL);
		if (el == NULL)
			return EADDRNOTAVAIL;
		mask = el->netmask;
	} else {
		make_mask(a->prefix, &mask);
	}
	return -netif_del_addr(j->netif, &ip, &mask);
}

int
ctl_address(void *stack, const char *name, const uint8_t ip[16],
    unsigned prefix, bool add)
{
	struct address a = { .prefix = prefix };
	struct ctl_job j = { .stack = stack,
		.name = name,
		.fn = address_fn,
		.on = add,
		.in = &a };

	memcpy(&a.ip, ip, sizeof(a.ip));
	return ctl_run(&j);
}

/* Whether the table has exactly this route. */
static bool
has_route(struct stack *stack, const struct ip_addr *net,
    const struct ip_addr *mask, const struct ip_addr *via,
    const struct netif *netif)
{
	const struct ip_route_list *el;

	for (el = STACK_FIELD(stack, STACK_ROUTE_HEAD, struct ip_route_list *);
	     el != NULL; el = el->next)
		if (el->netif == netif &&
		    memcmp(&el->addr, net, sizeof(*net)) == 0 &&
		    memcmp(&el->netmask, mask, sizeof(*mask)) == 0 &&
		    memcmp(&el->nexthop, via, sizeof(*via)) == 0)
			return true;
	return false;
}

static int
route_fn(struct ctl_job *j)
{
	const struct ctl_route *r = j->in;
	struct ip_addr net, mask, via = { { 0 } };
	struct netif *netif = j->netif;
	bool have;
	err_t err;
	int i;

	memcpy(&net, r->dst, sizeof(net));
	make_mask(r->prefix, &mask);
	for (i = 0; i < 4; i++)
		net.addr[i] &= mask.addr[i];
	if (r->has_via) {
		memcpy(&via, r->via, sizeof(via));
		if (netif == NULL)
			netif = netif_find_direct_destination(j->stack, &via);
	}
	if (netif == NULL)
		return ENETUNREACH;
	have = has_route(j->stack, &net, &mask, &via, netif);
	if (have == j->on)
		return j->on ? EEXIST : ESRCH;
	if (j->on)
		err = ip_route_list_add(j->stack, &net, &mask, &via, netif, 0);
	else
		err = ip_route_list_del(j->stack, &net, &mask, &via, netif, 0);
	/* The library takes another way to the same net for the same route. */
	return err == ERR_OK ? 0 : err == ERR_MEM ? ENOMEM : EEXIST;
}

int
ctl_route(void *stack, const struct ctl_route *r, bool add)
{
	struct ctl_job j = { .stack = stack,
		.name = r->name[0] != '\0' ? r->name : NULL,
		.fn = route_fn,
		.on = add,
		.in = r };

	return ctl_run(&j);
}

static int
routes_fn(struct ctl_job *j)
{
	const struct ip_route_list *head, *el;
	const struct ip_addr none = { { 0 } };
	struct ctl_route *list;
	unsigned n = 0;

	head = STACK_FIELD(j->stack, STACK_ROUTE_HEAD, struct ip_route_list *);
	for (el = head; el != NULL; el = el->next)
		n++;
	if ((list = calloc(n + 1, sizeof(*list))) == NULL)
		return ENOMEM;
	for (el = head; j->n < n; el = el->next) {
		struct ctl_route *r = &list[j->n++];

		memcpy(r->dst, &el->addr, sizeof(r->dst));
		memcpy(r->via, &el->nexthop, sizeof(r->via));
		r->prefix = (uint8_t)ctl_prefix(&el->netmask);
		r->has_via = memcmp(&el->nexthop, &none, sizeof(none)) != 0;
		ctl_name(el->netif, r->name);
	}
	j->list = list;
	return 0;
}

int
ctl_routes(void *stack, struct ctl_route **list, unsigned *n)
{
	struct ctl_job j = { .stack = stack, .fn = routes_fn };
	int error = ctl_run(&j);

	*list = j.list;
	*n = error == 0 ? j.n : 0;
	return error;
}

/* ---- neighbours ---------------------------------------------------------- */

/* Whether IP is of FAMILY, an AF_ constant; 0: any. */
static bool
of_family(const struct ip_addr *ip, unsigned family)
{
	return family == 0 || (family == AF_INET) == ip_is_v4(ip);
}

/* Appends to the list of J what LOOK tells of PORT. */
static int
copy_seen(struct ctl_job *j, const struct port *port, bool published,
    unsigned (*look)(const struct port *, struct neigh_seen *, unsigned))
{
	struct ctl_neigh *list = j->list;
	unsigned i, max = look(port, NULL, 0), n;
	struct neigh_seen *seen;

	if ((list = realloc(list, (j->n + max + 1) * sizeof(*list))) == NULL)
		return ENOMEM;
	j->list = list;
	if ((seen = calloc(max + 1, sizeof(*seen))) == NULL)
		return ENOMEM;
	n = look(port, seen, max);
	for (i = 0; i < n; i++) {
		struct ctl_neigh *c = &list[j->n];

		if (!of_family(&seen[i].ip, j->value))
			continue;
		memset(c, 0, sizeof(*c));
		memcpy(c->ip, &seen[i].ip, sizeof(c->ip));
		memcpy(c->mac, seen[i].mac, sizeof(c->mac));
		c->known = seen[i].known;
		c->fixed = seen[i].fixed;
		c->published = published;
		c->age_s = seen[i].age_s;
		c->idle_s = seen[i].idle_s;
		ctl_name(&port->netif, c->name);
		j->n++;
	}
	free(seen);
	return 0;
}

static int
copy_neighbours(struct ctl_job *j, const struct port *port)
{
	int error = copy_seen(j, port, false, neigh_look);

	return error != 0 ? error : copy_seen(j, port, true, proxy_look);
}

static int
neigh_fn(struct ctl_job *j)
{
	struct netif *netif = j->netif;
	int error = 0;

	if (netif == NULL)
		netif = STACK_FIELD(j->stack, STACK_NETIF_LIST, struct netif *);
	if ((j->list = calloc(1, sizeof(struct ctl_neigh))) == NULL)
		return ENOMEM;
	for (; netif != NULL && error == 0; netif = netif->next) {
		if (port_of(netif) != NULL)
			error = copy_neighbours(j, port_of(netif));
		if (j->netif != NULL)
			break;
	}
	if (error != 0) {
		free(j->list);
		j->list = NULL;
	}
	return error;
}

int
ctl_neigh(void *stack, int family, const char *name, struct ctl_neigh **list,
    unsigned *n)
{
	struct ctl_job j = { .stack = stack,
		.name = name,
		.fn = neigh_fn,
		.value = (unsigned)family };
	int error = ctl_run(&j);

	*list = j.list;
	*n = error == 0 ? j.n : 0;
	return error;
}

static int
neigh_del_fn(struct ctl_job *j)
{
	struct port *port = port_of(j->netif);
	struct ip_addr ip;
	uint8_t mac[6];

	if (port == NULL)
		return EOPNOTSUPP;
	memcpy(&ip, j->in, sizeof(ip));
	if (j->on)
		return proxy_drop(port, &ip) ? 0 : ESRCH;
	if (!neigh_find(port, &ip, mac))
		return ESRCH;
	neigh_forget(port, &ip);
	return 0;
}

int
ctl_neigh_del(void *stack, const char *name, const uint8_t ip[16],
    bool published)
{
	struct ctl_job j = { .stack = stack,
		.name = name,
		.fn = neigh_del_fn,
		.on = published,
		.in = ip };

	return ctl_run(&j);
}

struct place {
	struct ip_addr ip;
	const uint8_t *mac; /* NULL: at the interface */
};

/* Whether IP is that of no host: 0.0.0.0 or ::. */
static bool
is_none(const struct ip_addr *ip)
{
	return (ip->addr[0] | ip->addr[1] | ip->addr[3]) == 0 &&
	    (ip->addr[2] == 0 || ip_is_v4(ip));
}

static int
neigh_add_fn(struct ctl_job *j)
{
	struct port *port = port_of(j->netif);
	const struct place *p = j->in;
	struct ip_addr ip = p->ip; /* the library wants it writable */
	uint8_t group[6];

	if (port == NULL)
		return EOPNOTSUPP;
	if (link_group_mac(port, &ip, group) || is_none(&ip))
		return EINVAL;
	if (ip_addr_list_find(port->netif.addrs, &ip, NULL) != NULL)
		return EADDRINUSE;
	return j->on ? proxy_set(port, &ip, p->mac) :
		       neigh_fix(port, &ip, p->mac);
}

int
ctl_neigh_add(void *stack, const char *name, const uint8_t ip[16],
    const uint8_t *mac, bool published)
{
	struct place p = { .mac = mac };
	struct ctl_job j = { .stack = stack,
		.name = name,
		.fn = neigh_add_fn,
		.on = published,
		.in = &p };

	memcpy(&p.ip, ip, sizeof(p.ip));
	return ctl_run(&j);
}
