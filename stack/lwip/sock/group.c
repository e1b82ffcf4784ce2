/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * group.c - multicast groups, for the sockets of other programs
 *
 * DOC: lwIP counts how often an interface joined a group, and knows no
 * sockets.  So a socket keeps what it joined, and leaves it when it is closed.
 * All that comes for a group that the interface is in goes to every socket
 * that is bound to the port, as it does in Linux unless IP_MULTICAST_ALL is
 * off.
 */
#include "stack/lwip/sock/sock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <lwip/igmp.h>
#include <lwip/mld6.h>

#define MEMBERS_MAX 256

/* What a request is about. */
struct wanted {
	ip_addr_t group;
	struct netif *netif; /* NULL: whichever leads there */
	bool join;
};

static struct netif *
with_address(in_addr_t address)
{
	struct netif *netif;

	NETIF_FOREACH(netif)
	{
		if (netif_ip4_addr(netif)->addr == address)
			return netif;
	}
	return NULL;
}

/* An interface that has neither a loop nor an unplugged cable. */
static struct netif *
some_netif(void)
{
	struct netif *netif;

	if (netif_default != NULL)
		return netif_default;
	NETIF_FOREACH(netif)
	{
		if (netif->flags & NETIF_FLAG_BROADCAST)
			return netif;
	}
	return NULL;
}

static int
read4(const void *value, socklen_t len, struct wanted *w)
{
	struct ip_mreqn m = { { 0 }, { 0 }, 0 };

	if (len < (socklen_t)sizeof(struct ip_mreq))
		return EINVAL;
	memcpy(&m, value, len < (socklen_t)sizeof(m) ? len : sizeof(m));
	IP_SET_TYPE_VAL(w->group, IPADDR_TYPE_V4);
	ip_2_ip4(&w->group)->addr = m.imr_multiaddr.s_addr;
	if (m.imr_ifindex != 0) {
		w->netif = m.imr_ifindex > 0 && m.imr_ifindex <= UINT8_MAX ?
		    netif_get_by_index((u8_t)m.imr_ifindex) :
		    NULL;
		return w->netif == NULL ? ENODEV : 0;
	}
	if (m.imr_address.s_addr != 0) {
		w->netif = with_address(m.imr_address.s_addr);
		return w->netif == NULL ? ENODEV : 0;
	}
	return 0;
}

static int
read6(const void *value, socklen_t len, struct wanted *w)
{
	struct ipv6_mreq m;

	if (len < (socklen_t)sizeof(m))
		return EINVAL;
	memcpy(&m, value, sizeof(m));
	IP_SET_TYPE_VAL(w->group, IPADDR_TYPE_V6);
	memcpy(ip_2_ip6(&w->group)->addr, &m.ipv6mr_multiaddr, 16);
	if (m.ipv6mr_interface == 0)
		return 0;
	w->netif = m.ipv6mr_interface <= UINT8_MAX ?
	    netif_get_by_index((u8_t)m.ipv6mr_interface) :
	    NULL;
	return w->netif == NULL ? ENODEV : 0;
}

/* MCAST_JOIN_GROUP and MCAST_LEAVE_GROUP, for both versions. */
static int
read_any(const void *value, socklen_t len, struct wanted *w)
{
	struct group_req g;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	if (len < (socklen_t)sizeof(g))
		return EINVAL;
	memcpy(&g, value, sizeof(g));
	if (g.gr_interface != 0) {
		w->netif = g.gr_interface <= UINT8_MAX ?
		    netif_get_by_index((u8_t)g.gr_interface) :
		    NULL;
		if (w->netif == NULL)
			return ENODEV;
	}
	if (g.gr_group.ss_family == AF_INET) {
		memcpy(&in, &g.gr_group, sizeof(in));
		IP_SET_TYPE_VAL(w->group, IPADDR_TYPE_V4);
		ip_2_ip4(&w->group)->addr = in.sin_addr.s_addr;
	} else if (g.gr_group.ss_family == AF_INET6) {
		memcpy(&in6, &g.gr_group, sizeof(in6));
		IP_SET_TYPE_VAL(w->group, IPADDR_TYPE_V6);
		memcpy(ip_2_ip6(&w->group)->addr, &in6.sin6_addr, 16);
	} else {
		return EINVAL;
	}
	return 0;
}

static err_t
tell(struct netif *netif, const ip_addr_t *group, bool join)
{
	if (IP_IS_V4(group))
		return join ? igmp_joingroup_netif(netif, ip_2_ip4(group)) :
			      igmp_leavegroup_netif(netif, ip_2_ip4(group));
	return join ? mld6_joingroup_netif(netif, ip_2_ip6(group)) :
		      mld6_leavegroup_netif(netif, ip_2_ip6(group));
}

static int
join(struct sock *s, const struct wanted *w, uint8_t index)
{
	struct member *m;
	int n = 0;

	for (m = s->members; m != NULL; m = m->next, n++)
		if (m->netif == index && ip_addr_cmp(&m->group, &w->group))
			return EADDRINUSE;
	if (n >= MEMBERS_MAX || (m = malloc(sizeof(*m))) == NULL)
		return ENOBUFS;
	if (tell(w->netif, &w->group, true) != ERR_OK) {
		free(m);
		return ENOBUFS;
	}
	m->group = w->group;
	m->netif = index;
	m->next = s->members;
	s->members = m;
	return 0;
}

static int
leave(struct sock *s, const struct wanted *w, uint8_t index)
{
	struct member **at, *m;

	for (at = &s->members; (m = *at) != NULL; at = &m->next)
		if (m->netif == index && ip_addr_cmp(&m->group, &w->group)) {
			*at = m->next;
			free(m);
			tell(w->netif, &w->group, false);
			return 0;
		}
	return EADDRNOTAVAIL;
}

int
group_option(struct sock *s, int level, int name, const void *value,
    socklen_t len)
{
	struct wanted w = { .netif = NULL };
	int error = ENOPROTOOPT;

	memset(&w.group, 0, sizeof(w.group));
	if (level == IPPROTO_IP && name == IP_ADD_MEMBERSHIP)
		w.join = true;
	else if (level == IPPROTO_IPV6 && name == IPV6_JOIN_GROUP)
		w.join = true;
	else if (name == MCAST_JOIN_GROUP)
		w.join = true;
	if (level == IPPROTO_IP &&
	    (name == IP_ADD_MEMBERSHIP || name == IP_DROP_MEMBERSHIP))
		error = read4(value, len, &w);
	else if (level == IPPROTO_IPV6 && s->domain == AF_INET6 &&
	    (name == IPV6_JOIN_GROUP || name == IPV6_LEAVE_GROUP))
		error = read6(value, len, &w);
	else if ((level == IPPROTO_IP || level == IPPROTO_IPV6) &&
	    (name == MCAST_JOIN_GROUP || name == MCAST_LEAVE_GROUP))
		error = read_any(value, len, &w);
	if (error != 0)
		return error;
	if (s->kind == SOCK_TCP && IP_IS_V6_VAL(w.group))
		return EPROTO;
	if (!ip_addr_ismulticast(&w.group))
		return EINVAL;
	if (w.netif == NULL && (w.netif = some_netif()) == NULL)
		return ENODEV;
	if (IP_IS_V6_VAL(w.group))
		ip6_addr_assign_zone(ip_2_ip6(&w.group), IP6_MULTICAST,
		    w.netif);
	return w.join ? join(s, &w, netif_get_index(w.netif)) :
			leave(s, &w, netif_get_index(w.netif));
}

void
group_leave_all(struct sock *s)
{
	struct netif *netif;
	struct member *m;

	while ((m = s->members) != NULL) {
		s->members = m->next;
		if ((netif = netif_get_by_index(m->netif)) != NULL)
			tell(netif, &m->group, false);
		free(m);
	}
}
