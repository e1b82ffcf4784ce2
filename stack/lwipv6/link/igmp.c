/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * igmp.c - the groups that an interface belongs to
 *
 * DOC: The fault: the library knows no groups of IPv4: it does not join any,
 * takes what is sent to one for a packet to be forwarded, and does not speak
 * IGMP, so that a bridge which listens for IGMP reports sends it nothing.
 *
 * The cure: an interface has a list of groups, each with how many members it
 * has among the stack's sockets (sock/multicast.c).  What comes for another group is
 * dropped.
 *
 * IPv4: IGMPv2 (RFC 2236) tells the network.  A group is reported when it is
 * joined or the interface comes to a bus, twice; and when a router or a bridge
 * asks, unless somebody else has answered before; its last member leaves it
 * with a message if the last report was ours.  A querier that speaks version 1
 * is answered so.  Time is counted in seconds: an answer that is due within the
 * first goes at once, but none goes twice in one.
 *
 * IPv6: groups are not reported (MLD).
 */
#include <sys/random.h>
#include <stdlib.h>
#include <string.h>

#include "base/net_bytes.h"
#include "stack/lwipv6/link/link.h"

#define IP4_HLEN 20u
#define OPTION_LEN 4u
#define IGMP_LEN 8u
#define PROTO_IGMP 2
#define QUERY 0x11
#define REPORT1 0x12
#define REPORT2 0x16
#define LEAVE 0x17
#define ALL_HOSTS 0xe0000001u
#define ALL_ROUTERS 0xe0000002u
#define UNSOLICITED_S 10u
#define VERSION1_S 400u

struct member {
	struct member *next;
	struct ip_addr group;
	unsigned users;
	uint32_t serial; /* identifies it: no other member ever has this one */
	unsigned due;	 /* seconds until a report; 0: none is to be sent */
	bool ours;	 /* the last report of the group was sent by us */
	bool said;	 /* it was reported in this second */
};

struct group_table {
	struct member *list;
	unsigned version1; /* seconds for which an IGMPv1 querier is assumed */
};

static uint32_t
random_below(uint32_t n)
{
	uint32_t r = 0;

	if (n < 2 || getrandom(&r, sizeof(r), 0) != sizeof(r))
		return 0;
	return r % n;
}

static struct member *
find(const struct group_table *t, const struct ip_addr *group)
{
	struct member *m = t == NULL ? NULL : t->list;

	while (m != NULL && !ip_same(&m->group, group))
		m = m->next;
	return m;
}

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
	uint32_t last = ntohl(group->addr[3]);

	if (group->addr[0] != htonl(0xff020000) || group->addr[1] != 0 ||
	    group->addr[2] != htonl(1) || last >> 24 != 0xff)
		return false;
	while (el != NULL) {
		if (!ip_is_v4(&el->ipaddr) &&
		    ((ntohl(el->ipaddr.addr[3]) ^ last) & 0xffffff) == 0)
			return true;
		el = el->next == tail ? NULL : el->next;
	}
	return false;
}

bool
group_is_ours(struct port *port, const struct ip_addr *group)
{
	const struct netif *netif = &port->netif;
	bool router = (netif->flags & NETIF_FLAG_RADV) ||
	    (lwip_stack_flags_get(netif->stack) & STACK_FORWARDING);
	uint32_t first = ntohl(group->addr[0]), last = ntohl(group->addr[3]);

	if (igmp_joined(port, group))
		return true;
	if (ip_is_v4(group))
		return last == ALL_HOSTS;
	if (first >> 16 == 0xff02 && (first & 0xffff) == 0 &&
	    group->addr[1] == 0 && group->addr[2] == 0 &&
	    (last == 1 || (router && (last == 2 || last == 0x16))))
		return true;
	return is_solicited_node(netif, group);
}

/* Sends a message about GROUP to the group TO, both in host order. */
static void
send_igmp(struct port *port, unsigned type, uint32_t group, uint32_t to)
{
	static const uint8_t alert[OPTION_LEN] = { 0x94, 4, 0, 0 };
	struct ip_addr dst = { { 0, 0, htonl(0xffff), htonl(to) } }, from;
	unsigned hlen = IP4_HLEN + OPTION_LEN;
	struct pbuf *p;
	uint8_t *ip;

	if (!(port->netif.flags & NETIF_FLAG_UP))
		return;
	if (!group_source(&port->netif, &dst, &from))
		memset(&from, 0, sizeof(from)); /* RFC 2236 does not mind */
	p = pbuf_alloc(PBUF_LINK, (uint16_t)(hlen + IGMP_LEN), PBUF_RAM);
	if (p == NULL)
		return;
	ip = p->payload;
	memset(ip, 0, hlen + IGMP_LEN);
	ip[0] = (uint8_t)(4 << 4 | hlen / 4);
	ip[1] = 0xc0;
	put16(ip + 2, hlen + IGMP_LEN);
	ip[8] = 1;
	ip[9] = PROTO_IGMP;
	memcpy(ip + 12, &from.addr[3], 4);
	put32(ip + 16, to);
	memcpy(ip + IP4_HLEN, alert, OPTION_LEN);
	put16(ip + 10, ~fold(sum16(ip, hlen, 0)));
	ip[hlen] = (uint8_t)type;
	put32(ip + hlen + 4, group);
	put16(ip + hlen + 2, ~fold(sum16(ip + hlen, IGMP_LEN, 0)));
	neigh_output(&port->netif, p, &dst);
	pbuf_free(p);
}

static void
report(struct port *port, struct member *m)
{
	uint32_t group = ntohl(m->group.addr[3]);

	m->due = 0;
	if (!ip_is_v4(&m->group) || group == ALL_HOSTS)
		return;
	m->ours = m->said = true;
	send_igmp(port, port->groups->version1 != 0 ? REPORT1 : REPORT2, group,
	    group);
}

/* Says that M is joined, now and once more. */
static void
announce(struct port *port, struct member *m)
{
	report(port, m);
	m->due = 1 + random_below(UNSOLICITED_S);
}

uint32_t
igmp_join(struct port *port, const struct ip_addr *group)
{
	static _Atomic uint32_t serial;
	struct group_table *t = port->groups;
	struct member *m;

	if (t == NULL && (t = port->groups = calloc(1, sizeof(*t))) == NULL)
		return 0;
	if ((m = find(t, group)) == NULL) {
		if ((m = calloc(1, sizeof(*m))) == NULL)
			return 0;
		m->group = *group;
		while ((m->serial = ++serial) == 0)
			;
		m->next = t->list;
		t->list = m;
		announce(port, m);
	}
	m->users++;
	return m->serial;
}

void
igmp_leave(struct port *port, uint32_t serial)
{
	struct member **mp, *m;

	if (port->groups == NULL)
		return;
	for (mp = &port->groups->list; (m = *mp) != NULL; mp = &m->next)
		if (m->serial == serial)
			break;
	if (m == NULL || --m->users != 0)
		return;
	if (m->ours && port->groups->version1 == 0)
		send_igmp(port, LEAVE, ntohl(m->group.addr[3]), ALL_ROUTERS);
	*mp = m->next;
	free(m);
}

bool
igmp_joined(const struct port *port, const struct ip_addr *group)
{
	return find(port->groups, group) != NULL;
}

void
igmp_again(struct port *port)
{
	struct member *m = port->groups == NULL ? NULL : port->groups->list;

	for (; m != NULL; m = m->next)
		announce(port, m);
}

void
igmp_timer(struct port *port)
{
	struct group_table *t = port->groups;
	struct member *m;

	if (t == NULL)
		return;
	if (t->version1 != 0)
		t->version1--;
	for (m = t->list; m != NULL; m = m->next) {
		m->said = false;
		if (m->due != 0 && --m->due == 0)
			report(port, m);
	}
}

/* Somebody asks for GROUP, or 0: all; to be answered within TENTHS. */
static void
asked(struct port *port, uint32_t group, unsigned tenths)
{
	struct member *m;

	if (tenths == 0) {
		port->groups->version1 = VERSION1_S;
		tenths = 100;
	}
	for (m = port->groups->list; m != NULL; m = m->next) {
		unsigned s;

		if (!ip_is_v4(&m->group) ||
		    (group != 0 && m->group.addr[3] != htonl(group)))
			continue;
		s = m->said ? 1 : random_below(tenths / 10);
		if (s == 0)
			report(port, m);
		else if (m->due == 0 || m->due > s)
			m->due = s;
	}
}

void
igmp_input(struct port *port, const uint8_t *igmp, size_t n)
{
	struct ip_addr group = { { 0, 0, htonl(0xffff), 0 } };
	struct member *m;

	if (port->groups == NULL || n < IGMP_LEN ||
	    fold(sum16(igmp, n, 0)) != 0xffff)
		return;
	memcpy(&group.addr[3], igmp + 4, 4);
	if (igmp[0] == QUERY) {
		asked(port, be32(igmp + 4), igmp[1]);
	} else if (igmp[0] == REPORT1 || igmp[0] == REPORT2) {
		if ((m = find(port->groups, &group)) != NULL) {
			m->due = 0;
			m->ours = false;
		}
	}
}

void
igmp_free(struct port *port)
{
	struct member *m;

	if (port->groups == NULL)
		return;
	while ((m = port->groups->list) != NULL) {
		port->groups->list = m->next;
		free(m);
	}
	free(port->groups);
	port->groups = NULL;
}
