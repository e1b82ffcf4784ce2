/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * group_ours.c - which groups are the interface's; see groups.c
 */
#include <string.h>

#include "stack/lwipv6/link/groups.h"

#define ALL_HOSTS 0xe0000001u

bool
group_source(struct netif *netif, const struct ip_addr *group,
    struct ip_addr *from)
{
	struct ip_addr_list *tail = netif->addrs, *el = tail;
	struct ip_addr to = *group;

	if (!ip_is_v4(group)) {
		el = ip_route_select_source_ip(netif, &to, &to);
	} else {
		for (; el != NULL && !ip_is_v4(&el->ipaddr);)
			el = el->next == tail ? NULL : el->next;
	}
	if (el != NULL)
		*from = el->ipaddr;
	return el != NULL;
}

/* Whether GROUP is the solicited-node group of an address of NETIF. */
static bool
is_solicited_node(const struct netif *netif, const struct ip_addr *group)
{
	const struct ip_addr_list *tail = netif->addrs, *el = tail;

	while (el != NULL) {
		if (!ip_is_v4(&el->ipaddr) &&
		    ip_is_solicited_node(group, &el->ipaddr))
			return true;
		el = el->next == tail ? NULL : el->next;
	}
	return false;
}

static bool
is_router(const struct port *port)
{
	return (port->netif.flags & NETIF_FLAG_RADV) ||
	    (lwip_stack_flags_get(port->netif.stack) & STACK_FORWARDING);
}

bool
group_is_ours(struct port *port, const struct ip_addr *group)
{
	uint32_t first = ntohl(group->addr[0]), last = ntohl(group->addr[3]);

	if (group_joined(port, group))
		return true;
	if (ip_is_v4(group))
		return last == ALL_HOSTS;
	if (first >> 16 == 0xff02 && (first & 0xffff) == 0 &&
	    group->addr[1] == 0 && group->addr[2] == 0 &&
	    (last == 1 || (is_router(port) && (last == 2 || last == 0x16))))
		return true;
	return is_solicited_node(&port->netif, group) ||
	    proxy_group(port, group);
}

bool
group_joined(const struct port *port, const struct ip_addr *group)
{
	const struct member *m = group_find(port->groups, group);

	return m != NULL && m->shares != NULL;
}

bool
filter_has(const struct source_filter *f, const struct ip_addr *ip)
{
	unsigned i;

	for (i = 0; i < f->n; i++)
		if (ip_same(&f->src[i], ip))
			return true;
	return false;
}

bool
group_hears(const struct source_filter *f, const struct ip_addr *src)
{
	return filter_has(f, src) == f->include;
}

bool
group_accepts(const struct port *port, const struct ip_addr *group,
    const struct ip_addr *src)
{
	const struct member *m = group_find(port->groups, group);

	return m != NULL && m->shares != NULL && group_hears(&m->now, src);
}

bool
group_is_told(const struct ip_addr *group)
{
	uint32_t first = ntohl(group->addr[0]), last = ntohl(group->addr[3]);

	if (ip_is_v4(group))
		return last != ALL_HOSTS;
	if ((first >> 16 & 15) < 2)
		return false;
	return first != 0xff020000 || group->addr[1] != 0 ||
	    group->addr[2] != 0 || last != 1;
}

/* ---- the interface's own ------------------------------------------------- */

/* The interface belongs to GROUP by itself. */
static void
own(struct port *port, const struct ip_addr *group)
{
	struct group_table *t = port->groups;
	uint32_t serial;
	unsigned i;

	for (i = 0; i < t->owns; i++)
		if (ip_same(&t->own[i].group, group)) {
			t->own[i].used = true;
			return;
		}
	if (t->owns == OWN_MAX || (serial = group_join(port, group, NULL)) == 0)
		return;
	t->own[t->owns++] = (struct own_group){ *group, serial, true };
}

void
group_own(struct port *port)
{
	const struct ip_addr_list *tail = port->netif.addrs, *el = tail;
	struct ip_addr g = { { htonl(0xff020000), 0, 0, htonl(2) } };
	struct group_table *t;
	unsigned i, n = 0;

	if (!(port->netif.flags & NETIF_FLAG_UP) || port->neigh == NULL ||
	    (t = group_table_of(port)) == NULL)
		return;
	for (i = 0; i < t->owns; i++)
		t->own[i].used = false;
	if (is_router(port))
		own(port, &g);
	g.addr[2] = htonl(1);
	while (el != NULL) {
		if (!ip_is_v4(&el->ipaddr)) {
			g.addr[3] = el->ipaddr.addr[3] | htonl(0xff000000);
			own(port, &g);
		}
		el = el->next == tail ? NULL : el->next;
	}
	for (i = 0; i < t->owns; i++)
		if (t->own[i].used)
			t->own[n++] = t->own[i];
		else
			group_leave(port, t->own[i].serial);
	t->owns = n;
}
