/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * multicast.c - sockets and groups: multicast
 *
 * DOC: The faults: there is none for IPv4: what is sent to a group needs a
 * route, and what comes for one is not taken; IPv6 takes what comes for any
 * group, but gives it to one socket only, and nobody can join one.
 *
 * The cure, for interfaces of shmif and UDP: RFC 1112, RFC 3493 and Linux'
 * ip(7).  A socket is a member of groups, each on one interface: the one that
 * it names, or to which a route leads, or the first one.  A datagram for a
 * group that has a member on the interface by which it came goes to every
 * socket with that port, no matter which of them is the member, if it is bound
 * to the group's address or none.
 *
 * A socket sends by the interface of IP_MULTICAST_IF, or one that is found in
 * the same way, no further than IP_MULTICAST_TTL routers (1: none).  Other
 * sockets of the stack, and the sender itself, hear it as if it had come back,
 * unless IP_MULTICAST_LOOP is off.
 *
 * A socket that has joined may hear some sources only (sources.c), and one that
 * has not what others have joined, unless IP_MULTICAST_ALL is off.
 *
 * Nothing that is sent to a group is forwarded.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/net_bytes.h"
#include "stack/lwipv6/sock/kind/group.h"

#define IP4_HLEN 20u
#define IP6_HLEN 40u
#define UDP_HLEN 8u
#define PROTO_IGMP 2
#define PROTO_UDP 17
#define MEMBERSHIPS_MAX 20 /* of one socket, as elsewhere */
#ifndef IPV6_MULTICAST_ALL /* of linux/in6.h */
#define IPV6_MULTICAST_ALL 29
#endif

/* Whether it is a group of all nodes: ff01::1, ff02::1. */
static bool
is_everybody(const struct ip_addr *ip)
{
	uint32_t first = ntohl(ip->addr[0]);

	return (first == 0xff010000 || first == 0xff020000) &&
	    ip->addr[1] == 0 && ip->addr[2] == 0 && ip->addr[3] == htonl(1);
}

/* ---- interfaces; on the stack's thread ---------------------------------- */

struct netif *
group_choose(struct stack *stack, int id, const struct ip_addr *own,
    const struct ip_addr *group)
{
	struct ip_addr to = *group, mine = *own, *hop;
	struct netif *n;
	int flags;

	if (id != 0) {
		n = netif_find_id(stack, id);
		return port_of(n) == NULL ? NULL : n;
	}
	if (name_is_any(&mine) && ip_is_group(&to) &&
	    ip_route_findpath(stack, &to, &hop, &n, &flags) == ERR_OK)
		return port_of(n) == NULL ? NULL : n;
	for (n = STACK_FIELD(stack, STACK_NETIF_LIST, struct netif *);
	     n != NULL; n = n->next)
		if (port_of(n) == NULL)
			continue;
		else if (!name_is_any(&mine)) {
			if (ip_addr_list_find(n->addrs, &mine, NULL) != NULL)
				return n;
		} else if (group_source(n, &to, &mine)) {
			return n;
		}
	return NULL;
}

int
group_route(struct sock *s, const struct ip_addr *group, struct netif **netif,
    struct ip_addr *from)
{
	struct ip_addr any = { { 0 } };
	int id;

	pthread_mutex_lock(&s->lock);
	id = s->group_if;
	pthread_mutex_unlock(&s->lock);
	*netif = group_choose(s->stack, id, &any, group);
	if (*netif == NULL)
		return ENETUNREACH;
	return group_source(*netif, group, from) ? 0 : EADDRNOTAVAIL;
}

/* ---- what comes in; on the stack's thread ------------------------------- */

/* P, whose UDP header comes first, has come for the group Q->dst. */
static void
udp_came(struct netif *netif, struct pbuf *p, struct icmp_quote *q)
{
	const uint8_t *h = p->payload;

	if (p->len < UDP_HLEN ||
	    (be16(h + 6) != 0 &&
		inet6_chksum_pseudo(p, &q->src, &q->dst, PROTO_UDP,
		    p->tot_len) != 0))
		return;
	q->sport = (uint16_t)be16(h);
	q->dport = (uint16_t)be16(h + 2);
	pbuf_header(p, -(int16_t)UDP_HLEN);
	dgram_group(netif, q, p);
}

/*
 * P is IPv4, for a group or for all.  The library has no use for what is sent to
 * an IPv4 group.
 */
static void
input4(struct pbuf *p, struct port *port, struct icmp_quote *q)
{
	uint8_t *ip = p->payload;
	unsigned hlen = (ip[0] & 15u) * 4, total = be16(ip + 2);

	if (hlen < IP4_HLEN || p->len < hlen || total < hlen ||
	    total > p->tot_len || (be16(ip + 6) & 0x3fff) != 0 ||
	    inet_chksum(ip, (uint16_t)hlen) != 0)
		return;
	if (ip[9] == PROTO_IGMP && p->len >= total) {
		igmp_input(port, ip + hlen, total - hlen);
	} else if (ip[9] == PROTO_UDP &&
	    (!ip_is_group(&q->dst) || group_accepts(port, &q->dst, &q->src))) {
		pbuf_header(p, (int16_t) - (int)hlen);
		udp_came(&port->netif, p, q);
	}
}

/* above.group_input */
static bool
group_input(struct pbuf *p, struct netif *in, const struct ip_addr *dst)
{
	const uint8_t *ip = p->payload;
	struct icmp_quote q = { .src = ip_sender(ip), .dst = *dst };
	struct port *port = port_of(in);

	if (ip_is_v4(dst)) {
		if (port != NULL)
			input4(p, port, &q);
	} else {
		if (port == NULL || ip[6] != PROTO_UDP)
			return false;
		if (group_accepts(port, dst, &q.src) || is_everybody(dst)) {
			pbuf_header(p, -(int16_t)IP6_HLEN);
			udp_came(in, p, &q);
		}
	}
	pbuf_free(p);
	return true;
}

__attribute__((constructor)) static void
fill_above(void)
{
	above.group_input = group_input;
}

/* ---- sending; on the stack's thread ------------------------------------- */

/* By which interface, and from where, S sends to the group or to all at TO. */
static int
find_way(struct sock *s, struct sock_dest *to, const struct sock_wish *wish,
    struct netif **netif, struct ip_addr *from)
{
	int error;

	if (wish == NULL || wish->interface == 0) {
		error = group_route(s, &to->ip, netif, from);
	} else {
		*netif = netif_find_id(s->stack, wish->interface);
		if (port_of(*netif) == NULL)
			return ENODEV;
		ip_own_of(*netif, &to->ip, from);
		error = ip_same(from, &to->ip) ? EADDRNOTAVAIL : 0;
	}
	if (error == 0 && !name_is_any(&s->pcb.udp->local_ip) &&
	    !ip_is_group(&s->pcb.udp->local_ip))
		*from = s->pcb.udp->local_ip;
	if (error == 0 && wish != NULL && wish->has_from)
		*from = wish->from;
	return error;
}

int
group_send(struct sock *s, struct pbuf *p, struct sock_dest *to,
    const struct sock_wish *wish)
{
	struct icmp_quote q = { .dst = to->ip, .dport = to->port };
	bool all = !ip_is_group(&to->ip); /* on a network */
	struct pbuf *back = NULL;
	struct netif *netif;
	uint8_t ttl, tos, *h;
	uint16_t sum;
	bool loop;
	int error;

	if ((error = find_way(s, to, wish, &netif, &q.src)) != 0)
		return error;
	q.sport = s->pcb.udp->local_port;
	pthread_mutex_lock(&s->lock);
	ttl = (uint8_t)(!all ? s->group_ttl : s->ttl < 0 ? 255 : s->ttl);
	tos = (uint8_t)(s->tos < 0 ? 0 : s->tos);
	loop = s->group_loop && !all;
	pthread_mutex_unlock(&s->lock);
	if (wish != NULL && wish->ttl >= 0)
		ttl = (uint8_t)wish->ttl;
	if (wish != NULL && wish->tos >= 0)
		tos = (uint8_t)wish->tos;
	if (loop &&
	    (group_accepts(port_of(netif), &to->ip, &q.src) ||
		is_everybody(&to->ip)))
		back = dgram_copy(p);
	if (pbuf_header(p, UDP_HLEN) != 0) {
		if (back != NULL)
			pbuf_free(back);
		return ENOBUFS;
	}
	h = p->payload;
	put16(h, q.sport);
	put16(h + 2, q.dport);
	put16(h + 4, p->tot_len);
	put16(h + 6, 0);
	sum = inet6_chksum_pseudo(p, &q.src, &to->ip, PROTO_UDP, p->tot_len);
	if (sum == 0)
		sum = 0xffff;
	memcpy(h + 6, &sum, sizeof(sum));
	error = ttl == 0 ? 0 :
			   name_errno(ip_output_if(s->stack, p, &q.src, &to->ip,
			       ttl, tos, PROTO_UDP, netif, &to->ip, 0));
	if (back != NULL) {
		dgram_group(netif, &q, back);
		pbuf_free(back);
	}
	return error;
}

/* ---- options ------------------------------------------------------------ */

struct job {
	struct sock *s;
	struct ip_addr group, own;
	int id;
	bool leave, set_if;
	int error;
};

void
group_drop(struct sock *s, struct membership **mp)
{
	struct membership *m = *mp;
	struct netif *n = netif_find_id(s->stack, m->netif);

	if (port_of(n) != NULL)
		group_leave(port_of(n), m->serial);
	*mp = m->next;
	free(m);
}

void
group_close(struct sock *s)
{
	while (s->groups != NULL)
		group_drop(s, &s->groups);
}

int
group_add(struct sock *s, const struct ip_addr *group, struct netif *netif,
    const struct source_filter *f)
{
	struct membership *m;
	unsigned n = 0;

	for (m = s->groups; m != NULL; m = m->next, n++)
		if (m->netif == netif->id && ip_same(&m->group, group))
			return EADDRINUSE;
	if (n >= MEMBERSHIPS_MAX || (m = calloc(1, sizeof(*m))) == NULL)
		return ENOBUFS;
	if ((m->serial = group_join(port_of(netif), group, f)) == 0) {
		free(m);
		return ENOBUFS;
	}
	if (f != NULL)
		m->filter = *f;
	m->group = *group;
	m->netif = netif->id;
	m->next = s->groups;
	s->groups = m;
	return 0;
}

struct membership **
group_membership(struct sock *s, const struct ip_addr *group,
    const struct netif *netif)
{
	struct membership **mp;

	for (mp = &s->groups; *mp != NULL; mp = &(*mp)->next)
		if (ip_same(&(*mp)->group, group) &&
		    (netif == NULL || (*mp)->netif == netif->id))
			return mp;
	return NULL;
}

bool
group_lets(struct sock *s, const struct netif *netif,
    const struct ip_addr *group, const struct ip_addr *src)
{
	struct membership **mp = group_membership(s, group, netif);

	return mp != NULL ? group_hears(&(*mp)->filter, src) : s->group_all;
}

static void
job_inside(void *arg)
{
	struct job *j = arg;
	struct sock *s = j->s;
	struct netif *netif = NULL;
	struct membership **mp;

	if (j->set_if && j->id == 0 && name_is_any(&j->own)) {
		pthread_mutex_lock(&s->lock);
		s->group_if = 0;
		pthread_mutex_unlock(&s->lock);
		return;
	}
	if (!j->leave || j->set_if || j->id != 0 || !name_is_any(&j->own)) {
		netif = group_choose(s->stack, j->id, &j->own, &j->group);
		if (netif == NULL) {
			j->error = j->set_if ? EADDRNOTAVAIL : ENODEV;
			return;
		}
	}
	if (j->set_if) {
		pthread_mutex_lock(&s->lock);
		s->group_if = netif->id;
		pthread_mutex_unlock(&s->lock);
	} else if (!j->leave) {
		j->error = s->pcb.udp == NULL ?
		    EBADF :
		    group_add(s, &j->group, netif, NULL);
	} else {
		if ((mp = group_membership(s, &j->group, netif)) == NULL)
			j->error = EADDRNOTAVAIL;
		else
			group_drop(s, mp);
	}
}

/* Reads the program's *VALUE, which may be an int or a byte. */
static int
int_or_byte(const void *value, socklen_t len, int *n)
{
	if (len < 1)
		return EINVAL;
	*n = *(const uint8_t *)value;
	if (len >= sizeof(*n))
		memcpy(n, value, sizeof(*n));
	return 0;
}

/* Reads an ip_mreqn, an ip_mreq or, if LONE, a mere address. */
static int
read4(struct job *j, const void *value, socklen_t len, bool lone)
{
	const struct ip_addr mapped = { { 0, 0, htonl(0xffff), 0 } };
	struct ip_mreqn r = { .imr_ifindex = 0 };

	if (len < (lone ? sizeof(r.imr_address) : sizeof(struct ip_mreq)))
		return EINVAL;
	if (len < sizeof(struct ip_mreq))
		memcpy(&r.imr_address, value, sizeof(r.imr_address));
	else
		memcpy(&r, value, len < sizeof(r) ? len : sizeof(r));
	j->group = mapped;
	j->group.addr[3] = r.imr_multiaddr.s_addr;
	if (r.imr_address.s_addr != 0) {
		j->own = mapped;
		j->own.addr[3] = r.imr_address.s_addr;
	}
	j->id = len < sizeof(r) ? 0 : r.imr_ifindex;
	return 0;
}

static int
read6(struct job *j, const void *value, socklen_t len)
{
	struct ipv6_mreq r;

	if (len < sizeof(r))
		return EINVAL;
	memcpy(&r, value, sizeof(r));
	memcpy(&j->group, &r.ipv6mr_multiaddr, sizeof(j->group));
	j->id = (int)r.ipv6mr_interface;
	return ip_is_v4(&j->group) ? EINVAL : 0;
}

enum option { NONE, JOIN, LEAVE, SENDS_BY, TTL, LOOP, ALL };

/*
 * Sets the TTL, whether a sender hears itself, or whether S hears groups that
 * others have joined.
 */
static int
set_number(struct sock *s, const void *value, socklen_t len, enum option o)
{
	int n, error = int_or_byte(value, len, &n);

	if (error != 0)
		return error;
	if (o == TTL && (n < -1 || n > 255))
		return EINVAL;
	if (o == ALL && n != 0 && n != 1)
		return EINVAL;
	pthread_mutex_lock(&s->lock);
	if (o == LOOP)
		s->group_loop = n != 0;
	else if (o == ALL)
		s->group_all = n != 0;
	else
		s->group_ttl = n == -1 ? 1 : n;
	pthread_mutex_unlock(&s->lock);
	return 0;
}

/* Which of the options of groups NAME is, or NONE. */
static enum option
option_of(int level, int name)
{
	static const struct {
		int name4, name6;
	} names[] = {
		[JOIN] = { IP_ADD_MEMBERSHIP, IPV6_JOIN_GROUP },
		[LEAVE] = { IP_DROP_MEMBERSHIP, IPV6_LEAVE_GROUP },
		[SENDS_BY] = { IP_MULTICAST_IF, IPV6_MULTICAST_IF },
		[TTL] = { IP_MULTICAST_TTL, IPV6_MULTICAST_HOPS },
		[LOOP] = { IP_MULTICAST_LOOP, IPV6_MULTICAST_LOOP },
		[ALL] = { IP_MULTICAST_ALL, IPV6_MULTICAST_ALL },
	};
	enum option o;

	if (level == IPPROTO_IP || level == IPPROTO_IPV6)
		for (o = JOIN; o <= ALL; o++)
			if (name ==
			    (level == IPPROTO_IP ? names[o].name4 :
						   names[o].name6))
				return o;
	return NONE;
}

bool
group_setsockopt(struct sock *s, int level, int name, const void *value,
    socklen_t len, int *error)
{
	enum option o = option_of(level, name);
	struct job j = { .s = s, .set_if = o == SENDS_BY, .leave = o == LEAVE };

	if (o == NONE)
		return sources_setsockopt(s, level, name, value, len, error);
	if (o == TTL || o == LOOP || o == ALL) {
		*error = set_number(s, value, len, o);
		return true;
	}
	if (level == IPPROTO_IP) {
		*error = read4(&j, value, len, j.set_if);
	} else if (!j.set_if) {
		*error = read6(&j, value, len);
	} else if (len < sizeof(j.id)) {
		*error = EINVAL;
	} else {
		*error = 0;
		memcpy(&j.id, value, sizeof(j.id));
	}
	if (*error == 0 && !j.set_if && !ip_is_group(&j.group))
		*error = EINVAL;
	if (*error == 0)
		*error = sock_call(s, job_inside, &j);
	if (*error == 0)
		*error = j.error;
	return true;
}

/* The address of the interface that S sends by; on the stack's thread. */
static void
address_inside(void *arg)
{
	const struct ip_addr v4 = { { 0, 0, htonl(0xffff), 0 } };
	struct job *j = arg;
	struct netif *n = netif_find_id(j->s->stack, j->id);

	if (n == NULL || !group_source(n, &v4, &j->own))
		memset(&j->own, 0, sizeof(j->own));
}

bool
group_getsockopt(struct sock *s, int level, int name, void *value,
    socklen_t *len, int *error)
{
	enum option o = option_of(level, name);
	struct job j = { .s = s };
	const void *from = &j.id;
	socklen_t size = sizeof(j.id);
	uint8_t byte;

	if (o == NONE)
		return sources_getsockopt(s, level, name, value, len, error);
	*error = 0;
	pthread_mutex_lock(&s->lock);
	if (o == TTL)
		j.id = s->group_ttl;
	else if (o == LOOP)
		j.id = s->group_loop;
	else if (o == ALL)
		j.id = s->group_all;
	else if (o == SENDS_BY)
		j.id = s->group_if;
	else
		*error = ENOPROTOOPT;
	pthread_mutex_unlock(&s->lock);
	if (o == SENDS_BY && level == IPPROTO_IP) {
		if (j.id != 0)
			*error = sock_call(s, address_inside, &j);
		from = &j.own.addr[3];
	} else if (*len < sizeof(j.id)) {
		byte = (uint8_t)j.id;
		from = &byte;
		size = 1;
	}
	if (*error == 0) {
		if (*len > size)
			*len = size;
		memcpy(value, from, *len);
	}
	return true;
}
