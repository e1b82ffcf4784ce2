/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rtnl_verbs.c - what messages of rtnetlink ask for, done by struct stack_ctl
 */
#include "shmif/rtnl_priv.h"

#include <linux/neighbour.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "shmif/shmif.h"

/* <net/if.h> cannot be together with the kernel's header that has these. */
#define LOWER_UP (1u << 16)
#define OPER_DOWN 2
#define OPER_UP 6

/* ---- messages ------------------------------------------------------------ */

static void
attr32(struct message *m, unsigned type, uint32_t v)
{
	msg_attr(m, type, &v, sizeof(v));
}

/* An address of either family. */
static void
attr_ip(struct message *m, unsigned type, const uint8_t ip[16])
{
	if (addr_is_v4(ip))
		msg_attr(m, type, ip + 12, 4);
	else
		msg_attr(m, type, ip, 16);
}

/* ---- reading ------------------------------------------------------------- */

/* Whether the attribute TYPE of R has at least LEN bytes; they are at *DATA. */
static bool
has(const struct request *r, unsigned type, size_t len, const void **data)
{
	const struct rtattr *a = r->attr[type];

	if (a == NULL || RTA_PAYLOAD(a) < len)
		return false;
	*data = RTA_DATA(a);
	return true;
}

static bool
has32(const struct request *r, unsigned type, uint32_t *v)
{
	const void *data;

	if (!has(r, type, sizeof(*v), &data))
		return false;
	memcpy(v, data, sizeof(*v));
	return true;
}

static bool
has_ip(const struct request *r, unsigned type, int family, uint8_t ip[16])
{
	const void *data;

	if (!has(r, type, family == AF_INET ? 4 : 16, &data))
		return false;
	if (family == AF_INET)
		addr_from_v4(data, ip);
	else
		memcpy(ip, data, 16);
	return true;
}

/* Of what family the answers to a dump are to be; AF_UNSPEC: of all. */
static bool
is_family(int family, const uint8_t ip[16])
{
	return family == AF_UNSPEC ||
	    family == (addr_is_v4(ip) ? AF_INET : AF_INET6);
}

static const struct ctl_if *
if_by_index(const struct request *r, int index)
{
	unsigned i;

	for (i = 0; i < r->n_ifs; i++)
		if ((int)r->ifs[i].index == index)
			return &r->ifs[i];
	return NULL;
}

static const struct ctl_if *
if_by_name(const struct request *r, const char *name)
{
	unsigned i;

	for (i = 0; i < r->n_ifs; i++)
		if (strcmp(r->ifs[i].name, name) == 0)
			return &r->ifs[i];
	return NULL;
}

/* The prefix length as IP has it. */
static uint8_t
prefix_of(const uint8_t ip[16], unsigned prefix)
{
	return (uint8_t)(addr_is_v4(ip) ? prefix - 96 : prefix);
}

/* ---- links --------------------------------------------------------------- */

static void
answer_link(const struct request *r, const struct ctl_if *c, unsigned flags)
{
	static const uint8_t all[6] = { 255, 255, 255, 255, 255, 255 };
	struct ifinfomsg i = { .ifi_type = c->loopback ? ARPHRD_LOOPBACK :
							 ARPHRD_ETHER,
		.ifi_index = (int)c->index,
		.ifi_flags = IFF_MULTICAST };
	uint8_t oper = c->up && c->running ? OPER_UP : OPER_DOWN;
	struct message m;

	i.ifi_flags |= c->up ? IFF_UP : 0;
	i.ifi_flags |= c->running ? IFF_RUNNING | LOWER_UP : 0;
	i.ifi_flags |= c->loopback ? IFF_LOOPBACK : 0;
	i.ifi_flags |= c->broadcast ? IFF_BROADCAST : 0;
	i.ifi_flags |= c->promisc ? IFF_PROMISC : 0;
	msg_begin(&m, r, RTM_NEWLINK, flags, &i, sizeof(i));
	msg_attr(&m, IFLA_IFNAME, c->name, strlen(c->name) + 1);
	/* A loop may have none. */
	attr32(&m, IFLA_MTU, c->mtu != 0 ? c->mtu : 65535);
	msg_attr(&m, IFLA_OPERSTATE, &oper, 1);
	msg_attr(&m, IFLA_QDISC, "noop", sizeof("noop"));
	if (c->has_mac && !c->loopback) {
		msg_attr(&m, IFLA_ADDRESS, c->mac, sizeof(c->mac));
		msg_attr(&m, IFLA_BROADCAST, all, sizeof(all));
	}
	msg_end(r->nl, &m, flags == 0);
}

/* The link that R is about, or NULL. */
static const struct ctl_if *
link_of(const struct request *r)
{
	const struct ifinfomsg *i = r->body;
	const char *name;
	const void *data;

	if (i->ifi_index != 0)
		return if_by_index(r, i->ifi_index);
	if (!has(r, IFLA_IFNAME, 1, &data))
		return NULL;
	name = data;
	if (memchr(name, 0, RTA_PAYLOAD(r->attr[IFLA_IFNAME])) == NULL)
		return NULL;
	return if_by_name(r, name);
}

static int
get_link(struct request *r)
{
	const struct ctl_if *c;
	unsigned i;

	if (!rtnl_is_dump(r)) {
		if ((c = link_of(r)) == NULL)
			return ENODEV;
		answer_link(r, c, 0);
		return 0;
	}
	for (i = 0; i < r->n_ifs; i++)
		answer_link(r, &r->ifs[i], NLM_F_MULTI);
	return 0;
}

static int
set_link(struct request *r)
{
	const struct ifinfomsg *i = r->body;
	const struct ctl_if *c = link_of(r);
	const struct stack_ctl *ctl = r->ctl;
	const void *mac;
	uint32_t mtu;
	int error = 0;
	bool up;

	if (c == NULL) /* to make one is for shmifctl */
		return r->h->nlmsg_flags & NLM_F_CREATE ? EOPNOTSUPP : ENODEV;
	if (has32(r, IFLA_MTU, &mtu)) {
		error = c->unit == -1 ? EOPNOTSUPP :
					shmif_set_mtu(c->unit, mtu);
		error = error == EMSGSIZE ? EINVAL : error;
	}
	if (error == 0 && has(r, IFLA_ADDRESS, 6, &mac))
		error = c->unit == -1 ? EOPNOTSUPP :
					shmif_set_mac(c->unit, mac);
	up = (i->ifi_flags & IFF_UP) != 0;
	if (error != 0 || (i->ifi_change & IFF_UP) == 0 || up == c->up)
		return error;
	if (c->unit != -1)
		return up ? shmif_up(c->unit) : shmif_down(c->unit);
	return ctl->set_up == NULL ? EOPNOTSUPP :
				     ctl->set_up(r->stack, c->name, up);
}

/* ---- addresses ----------------------------------------------------------- */

static void
answer_address(const struct request *r, const struct ctl_if *c,
    const struct ctl_addr *a)
{
	struct ifaddrmsg i = { .ifa_family = AF_INET6,
		.ifa_prefixlen = prefix_of(a->ip, a->prefix),
		.ifa_index = c->index };
	bool v4 = addr_is_v4(a->ip), link_local;
	struct message m;
	uint8_t all[16];
	unsigned bit;

	link_local = !v4 && a->ip[0] == 0xfe && (a->ip[1] & 0xc0) == 0x80;
	if (v4)
		i.ifa_family = AF_INET;
	if (a->origin == CTL_MANUAL)
		i.ifa_flags = IFA_F_PERMANENT;
	i.ifa_scope = c->loopback ? RT_SCOPE_HOST :
	    link_local		  ? RT_SCOPE_LINK :
				    RT_SCOPE_UNIVERSE;
	msg_begin(&m, r, RTM_NEWADDR, NLM_F_MULTI, &i, sizeof(i));
	attr_ip(&m, IFA_ADDRESS, a->ip);
	if (v4) {
		attr_ip(&m, IFA_LOCAL, a->ip);
		memcpy(all, a->ip, sizeof(all));
		for (bit = a->prefix; bit < 128; bit++)
			all[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
		if (c->broadcast && a->prefix < 127)
			attr_ip(&m, IFA_BROADCAST, all);
		msg_attr(&m, IFA_LABEL, c->name, strlen(c->name) + 1);
	}
	attr32(&m, IFA_FLAGS, i.ifa_flags);
	msg_end(r->nl, &m, false);
}

static int
get_address(struct request *r)
{
	const struct ifaddrmsg *i = r->body;
	unsigned k, n;

	if (!rtnl_is_dump(r))
		return EOPNOTSUPP;
	for (k = 0; k < r->n_ifs; k++)
		for (n = 0; n < r->ifs[k].addrs; n++)
			if (is_family(i->ifa_family, r->ifs[k].addr[n].ip))
				answer_address(r, &r->ifs[k],
				    &r->ifs[k].addr[n]);
	return 0;
}

static int
set_address(struct request *r)
{
	const struct ifaddrmsg *i = r->body;
	const struct ctl_if *c = if_by_index(r, (int)i->ifa_index);
	bool add = r->h->nlmsg_type == RTM_NEWADDR;
	unsigned prefix = i->ifa_prefixlen;
	uint8_t ip[16];
	int error;

	if (i->ifa_family != AF_INET && i->ifa_family != AF_INET6)
		return EAFNOSUPPORT;
	if (c == NULL)
		return ENODEV;
	if (!has_ip(r, IFA_LOCAL, i->ifa_family, ip) &&
	    !has_ip(r, IFA_ADDRESS, i->ifa_family, ip))
		return EINVAL;
	if (prefix > (i->ifa_family == AF_INET ? 32 : 128))
		return EINVAL;
	if (r->ctl->address == NULL)
		return EOPNOTSUPP;
	error = r->ctl->address(r->stack, c->name, ip,
	    i->ifa_family == AF_INET ? prefix + 96 : prefix, add);
	return error == EADDRINUSE ? EEXIST : error;
}

/* ---- routes -------------------------------------------------------------- */

static void
answer_route(const struct request *r, const struct ctl_route *c,
    const uint8_t *source, unsigned flags)
{
	const struct ctl_if *f = if_by_name(r, c->name);
	struct rtmsg i = { .rtm_family = addr_is_v4(c->dst) ? AF_INET :
							      AF_INET6,
		.rtm_dst_len = prefix_of(c->dst, c->prefix),
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_scope = c->has_via ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK,
		.rtm_type = RTN_UNICAST };
	struct message m;

	if (!c->has_via)
		i.rtm_protocol = RTPROT_KERNEL;
	msg_begin(&m, r, RTM_NEWROUTE, flags, &i, sizeof(i));
	attr32(&m, RTA_TABLE, RT_TABLE_MAIN);
	if (i.rtm_dst_len != 0)
		attr_ip(&m, RTA_DST, c->dst);
	if (c->has_via)
		attr_ip(&m, RTA_GATEWAY, c->via);
	if (f != NULL)
		attr32(&m, RTA_OIF, f->index);
	if (source != NULL)
		attr_ip(&m, RTA_PREFSRC, source);
	msg_end(r->nl, &m, flags == 0);
}

/* Whether A and B are the same in the first N bits. */
static bool
same_bits(const uint8_t a[16], const uint8_t b[16], unsigned n)
{
	unsigned rest = n % 8;

	return memcmp(a, b, n / 8) == 0 &&
	    (rest == 0 || (a[n / 8] ^ b[n / 8]) >> (8 - rest) == 0);
}

/* How DST would be reached: one answer. */
static int
route_to(const struct request *r, const struct ctl_route *list, unsigned n,
    const uint8_t dst[16])
{
	const struct ctl_route *best = NULL;
	const uint8_t *source = NULL;
	const struct ctl_if *f;
	struct ctl_route one;
	unsigned i;

	for (i = 0; i < n; i++)
		if (addr_is_v4(list[i].dst) == addr_is_v4(dst) &&
		    same_bits(list[i].dst, dst, list[i].prefix) &&
		    (best == NULL || list[i].prefix > best->prefix))
			best = &list[i];
	if (best == NULL)
		return ENETUNREACH;
	one = *best;
	memcpy(one.dst, dst, sizeof(one.dst));
	one.prefix = 128;
	if ((f = if_by_name(r, one.name)) != NULL)
		for (i = 0; i < f->addrs && source == NULL; i++)
			if (addr_is_v4(f->addr[i].ip) == addr_is_v4(dst))
				source = f->addr[i].ip;
	answer_route(r, &one, source, 0);
	return 0;
}

static int
get_route(struct request *r)
{
	const struct rtmsg *i = r->body;
	struct ctl_route *list = NULL;
	unsigned n = 0, k;
	uint8_t dst[16];
	int error;

	if (!rtnl_is_dump(r) && !has_ip(r, RTA_DST, i->rtm_family, dst))
		return EINVAL;
	if (r->ctl->routes == NULL)
		return EOPNOTSUPP;
	if ((error = r->ctl->routes(r->stack, &list, &n)) != 0)
		return error;
	if (!rtnl_is_dump(r))
		error = route_to(r, list, n, dst);
	/* There is one table; that of local addresses is not shown. */
	else if (i->rtm_table == RT_TABLE_UNSPEC ||
	    i->rtm_table == RT_TABLE_MAIN)
		for (k = 0; k < n; k++)
			if (is_family(i->rtm_family, list[k].dst))
				answer_route(r, &list[k], NULL, NLM_F_MULTI);
	free(list);
	return error;
}

/* Gives C, which is to be deleted, the way that the first such route has. */
static int
complete(const struct request *r, struct ctl_route *c)
{
	struct ctl_route *list = NULL;
	unsigned n = 0, i;
	int error;

	if (r->ctl->routes == NULL)
		return EOPNOTSUPP;
	if ((error = r->ctl->routes(r->stack, &list, &n)) != 0)
		return error;
	error = ESRCH;
	for (i = 0; i < n && error != 0; i++)
		if (list[i].prefix == c->prefix &&
		    same_bits(list[i].dst, c->dst, 128)) {
			*c = list[i];
			error = 0;
		}
	free(list);
	return error;
}

static int
set_route(struct request *r)
{
	const struct rtmsg *i = r->body;
	static const uint8_t any[4];
	struct ctl_route c = { .prefix = i->rtm_dst_len };
	const struct ctl_if *f;
	uint32_t oif = 0;
	int error;

	if (i->rtm_family != AF_INET && i->rtm_family != AF_INET6)
		return EAFNOSUPPORT;
	if (i->rtm_dst_len > (i->rtm_family == AF_INET ? 32 : 128))
		return EINVAL;
	if (i->rtm_type != RTN_UNICAST && i->rtm_type != RTN_UNSPEC)
		return EOPNOTSUPP;
	if (i->rtm_family == AF_INET) {
		c.prefix = (uint8_t)(c.prefix + 96);
		addr_from_v4(any, c.dst);
	}
	if (!has_ip(r, RTA_DST, i->rtm_family, c.dst) && i->rtm_dst_len != 0)
		return EINVAL;
	c.has_via = has_ip(r, RTA_GATEWAY, i->rtm_family, c.via);
	if (has32(r, RTA_OIF, &oif)) {
		if ((f = if_by_index(r, (int)oif)) == NULL)
			return ENODEV;
		memcpy(c.name, f->name, sizeof(c.name));
	}
	if (!c.has_via && oif == 0) {
		if (r->h->nlmsg_type == RTM_NEWROUTE)
			return ENODEV;
		if ((error = complete(r, &c)) != 0)
			return error;
	}
	return r->ctl->route == NULL ?
	    EOPNOTSUPP :
	    r->ctl->route(r->stack, &c, r->h->nlmsg_type == RTM_NEWROUTE);
}

/* ---- neighbours ---------------------------------------------------------- */

static int
get_neighbour(struct request *r)
{
	const struct ndmsg *i = r->body;
	struct ctl_neigh *list = NULL;
	unsigned n = 0, k;
	int error;

	if (!rtnl_is_dump(r) || r->ctl->neigh == NULL)
		return EOPNOTSUPP;
	error = r->ctl->neigh(r->stack,
	    i->ndm_family == AF_INET || i->ndm_family == AF_INET6 ?
		i->ndm_family :
		0,
	    NULL, &list, &n);
	for (k = 0; k < n && error == 0; k++) {
		const struct ctl_if *f = if_by_name(r, list[k].name);
		struct ndmsg nd = { .ndm_family = addr_is_v4(list[k].ip) ?
			    AF_INET :
			    AF_INET6,
			.ndm_ifindex = f != NULL ? (int)f->index : 0,
			.ndm_state = list[k].known ? NUD_REACHABLE :
						     NUD_INCOMPLETE,
			.ndm_type = RTN_UNICAST };
		struct message m;

		msg_begin(&m, r, RTM_NEWNEIGH, NLM_F_MULTI, &nd, sizeof(nd));
		attr_ip(&m, NDA_DST, list[k].ip);
		if (list[k].known)
			msg_attr(&m, NDA_LLADDR, list[k].mac, 6);
		msg_end(r->nl, &m, false);
	}
	free(list);
	return error;
}

static int
del_neighbour(struct request *r)
{
	const struct ndmsg *i = r->body;
	const struct ctl_if *c = if_by_index(r, i->ndm_ifindex);
	uint8_t ip[16];

	if (c == NULL)
		return ENODEV;
	if (!has_ip(r, NDA_DST, i->ndm_family, ip))
		return EINVAL;
	return r->ctl->neigh_del == NULL ?
	    EOPNOTSUPP :
	    r->ctl->neigh_del(r->stack, c->name, ip, false);
}

/* ---- the table ----------------------------------------------------------- */

static const struct verb verbs[] = {
	{ RTM_GETLINK, sizeof(struct ifinfomsg), get_link },
	{ RTM_NEWLINK, sizeof(struct ifinfomsg), set_link },
	{ RTM_SETLINK, sizeof(struct ifinfomsg), set_link },
	{ RTM_GETADDR, sizeof(struct ifaddrmsg), get_address },
	{ RTM_NEWADDR, sizeof(struct ifaddrmsg), set_address },
	{ RTM_DELADDR, sizeof(struct ifaddrmsg), set_address },
	{ RTM_GETROUTE, sizeof(struct rtmsg), get_route },
	{ RTM_NEWROUTE, sizeof(struct rtmsg), set_route },
	{ RTM_DELROUTE, sizeof(struct rtmsg), set_route },
	{ RTM_GETNEIGH, sizeof(struct ndmsg), get_neighbour },
	{ RTM_DELNEIGH, sizeof(struct ndmsg), del_neighbour },
};

const struct verb *
rtnl_verb(unsigned type)
{
	size_t i;

	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (verbs[i].type == type)
			return &verbs[i];
	return NULL;
}
