/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sources.c - groups of any family, and from whom they are heard (RFC 3678)
 *
 * DOC: A socket hears of a group either some sources (include) or all but some
 * (exclude).  Who joins without a source excludes none.  The calls and what they
 * return are those of Linux: a socket that has joined in the one mode cannot add
 * or drop a source in the other (EINVAL); a source that is there already, or is
 * not, is EADDRNOTAVAIL; the last included source that is dropped ends the
 * membership; a whole filter can be set for a group that was joined, and one that
 * includes nobody leaves it.  At most GROUP_SOURCES_MAX sources: ENOBUFS.
 *
 * The structures come from programs, any number of bytes: everything is copied
 * before it is looked at.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "stack/lwipv6/sock/kind/group.h"

enum what { JOIN, LEAVE, ADD, DROP, BLOCK, UNBLOCK, SET, GET };

struct job {
	struct sock *s;
	enum what what;
	int id; /* of the interface; 0: OWN tells, or any */
	struct ip_addr own, group;
	struct source_filter f; /* of ADD to UNBLOCK: the one source */
	int error;
};

/* ---- on the stack's thread ----------------------------------------------- */

/* Where IP is in F; F->n: it is not. */
static unsigned
find(const struct source_filter *f, const struct ip_addr *ip)
{
	unsigned i = 0;

	while (i < f->n && !ip_same(&f->src[i], ip))
		i++;
	return i;
}

/* Adds IP to F, or takes it away.  0 or an errno value. */
static int
change(struct source_filter *f, const struct ip_addr *ip, bool add)
{
	unsigned at = find(f, ip);

	if ((at != f->n) == add)
		return EADDRNOTAVAIL;
	if (!add)
		f->src[at] = f->src[--f->n];
	else if (f->n == GROUP_SOURCES_MAX)
		return ENOBUFS;
	else
		f->src[f->n++] = *ip;
	return 0;
}

/* The socket of J belongs to *MP; J is one of ADD to SET. */
static int
change_filter(struct job *j, struct membership **mp)
{
	struct membership *m = *mp;
	struct source_filter f = m->filter;
	struct netif *n;
	int error = 0;

	if (j->what == SET)
		f = j->f;
	else if (f.include != (j->what == ADD || j->what == DROP))
		return EINVAL;
	else
		error = change(&f, &j->f.src[0],
		    j->what == ADD || j->what == BLOCK);
	if (error != 0)
		return error;
	if (f.include && f.n == 0) {
		group_drop(j->s, mp);
		return 0;
	}
	m->filter = f;
	n = netif_find_id(j->s->stack, m->netif);
	if (port_of(n) != NULL)
		group_filter(port_of(n), m->serial, &f);
	return 0;
}

static void
inside(void *arg)
{
	struct job *j = arg;
	struct netif *netif = NULL;
	struct membership **mp;
	bool joins = j->what == JOIN || j->what == ADD;

	if (j->s->pcb.udp == NULL) {
		j->error = EBADF;
		return;
	}
	if (joins || j->id != 0 || !name_is_any(&j->own)) {
		netif = group_choose(j->s->stack, j->id, &j->own, &j->group);
		if (netif == NULL) {
			j->error = ENODEV;
			return;
		}
	}
	mp = group_membership(j->s, &j->group, netif);
	if (j->what == JOIN)
		j->error = mp != NULL ? EADDRINUSE :
					group_add(j->s, &j->group, netif, NULL);
	else if (j->what == ADD && mp == NULL)
		j->error = group_add(j->s, &j->group, netif, &j->f);
	else if (mp == NULL)
		j->error = j->what == LEAVE || j->what == GET ? EADDRNOTAVAIL :
								EINVAL;
	else if (j->what == LEAVE)
		group_drop(j->s, mp);
	else if (j->what == GET)
		j->f = (*mp)->filter;
	else
		j->error = change_filter(j, mp);
}

/* ---- what programs say --------------------------------------------------- */

static struct ip_addr
mapped(struct in_addr in)
{
	return (struct ip_addr){ { 0, 0, htonl(0xffff), in.s_addr } };
}

/* The address in SS, which is of the family of LEVEL.  0 or EADDRNOTAVAIL. */
static int
read_name(int level, const struct sockaddr_storage *ss, struct ip_addr *ip)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	if (level == IPPROTO_IP && ss->ss_family == AF_INET) {
		memcpy(&in, ss, sizeof(in));
		*ip = mapped(in.sin_addr);
	} else if (level == IPPROTO_IPV6 && ss->ss_family == AF_INET6) {
		memcpy(&in6, ss, sizeof(in6));
		memcpy(ip, &in6.sin6_addr, sizeof(*ip));
		return ip_is_v4(ip) ? EADDRNOTAVAIL : 0;
	} else {
		return EADDRNOTAVAIL;
	}
	return 0;
}

/* A group_req or, SOURCE, a group_source_req. */
static int
read_any(struct job *j, int level, const void *value, socklen_t len,
    bool source)
{
	struct group_source_req r;
	int error;

	if (len < (source ? sizeof(r) : sizeof(struct group_req)))
		return EINVAL;
	/* The one is the beginning of the other. */
	memcpy(&r, value, source ? sizeof(r) : sizeof(struct group_req));
	j->id = (int)r.gsr_interface;
	error = read_name(level, &r.gsr_group, &j->group);
	if (error != 0 || !source)
		return error;
	j->f.include = true;
	j->f.n = 1;
	return read_name(level, &r.gsr_source, &j->f.src[0]);
}

/* An ip_mreq_source. */
static int
read_source4(struct job *j, const void *value, socklen_t len)
{
	struct ip_mreq_source r;

	if (len < sizeof(r))
		return EINVAL;
	memcpy(&r, value, sizeof(r));
	j->group = mapped(r.imr_multiaddr);
	if (r.imr_interface.s_addr != 0)
		j->own = mapped(r.imr_interface);
	j->f.include = true;
	j->f.n = 1;
	j->f.src[0] = mapped(r.imr_sourceaddr);
	return 0;
}

#define FILTER4_HLEN offsetof(struct ip_msfilter, imsf_slist)
#define FILTER_HLEN offsetof(struct group_filter, gf_slist)

/* An ip_msfilter.  Stores in *ROOM for how many sources there is room. */
static int
read_filter4(struct job *j, const void *value, socklen_t len, uint32_t *room)
{
	struct ip_msfilter r;
	uint32_t i;

	if (len < FILTER4_HLEN)
		return EINVAL;
	memcpy(&r, value, FILTER4_HLEN);
	*room = r.imsf_numsrc;
	j->group = mapped(r.imsf_multiaddr);
	if (r.imsf_interface.s_addr != 0)
		j->own = mapped(r.imsf_interface);
	if (j->what == GET)
		return 0;
	if (r.imsf_fmode > MCAST_INCLUDE)
		return EINVAL;
	if (r.imsf_numsrc > GROUP_SOURCES_MAX)
		return ENOBUFS;
	if ((len - FILTER4_HLEN) / sizeof(struct in_addr) < r.imsf_numsrc)
		return EINVAL;
	j->f.include = r.imsf_fmode == MCAST_INCLUDE;
	for (i = 0; i < r.imsf_numsrc; i++) {
		struct in_addr in;
		struct ip_addr ip;

		memcpy(&in, (const char *)value + FILTER4_HLEN + i * sizeof(in),
		    sizeof(in));
		ip = mapped(in);
		change(&j->f, &ip, true);
	}
	return 0;
}

/* Likewise, a group_filter. */
static int
read_filter(struct job *j, int level, const void *value, socklen_t len,
    uint32_t *room)
{
	struct group_filter r;
	uint32_t i;
	int error;

	if (len < FILTER_HLEN)
		return EINVAL;
	memcpy(&r, value, FILTER_HLEN);
	*room = r.gf_numsrc;
	j->id = (int)r.gf_interface;
	error = read_name(level, &r.gf_group, &j->group);
	if (error != 0 || j->what == GET)
		return error;
	if (r.gf_fmode > MCAST_INCLUDE)
		return EINVAL;
	if (r.gf_numsrc > GROUP_SOURCES_MAX)
		return ENOBUFS;
	if ((len - FILTER_HLEN) / sizeof(struct sockaddr_storage) < r.gf_numsrc)
		return EINVAL;
	j->f.include = r.gf_fmode == MCAST_INCLUDE;
	for (i = 0; i < r.gf_numsrc && error == 0; i++) {
		struct sockaddr_storage ss;
		struct ip_addr ip;

		memcpy(&ss, (const char *)value + FILTER_HLEN + i * sizeof(ss),
		    sizeof(ss));
		if ((error = read_name(level, &ss, &ip)) == 0)
			change(&j->f, &ip, true);
	}
	return error;
}

static int
run(struct job *j)
{
	int error;

	if (!ip_is_group(&j->group))
		return EINVAL;
	error = sock_call(j->s, inside, j);
	return error != 0 ? error : j->error;
}

bool
sources_setsockopt(struct sock *s, int level, int name, const void *value,
    socklen_t len, int *error)
{
	struct job j = { .s = s };
	uint32_t room;

	if (level != IPPROTO_IP && level != IPPROTO_IPV6)
		return false;
	switch (name) {
	case MCAST_JOIN_GROUP:
	case MCAST_LEAVE_GROUP:
		j.what = name == MCAST_JOIN_GROUP ? JOIN : LEAVE;
		*error = read_any(&j, level, value, len, false);
		break;
	case MCAST_JOIN_SOURCE_GROUP:
	case MCAST_LEAVE_SOURCE_GROUP:
	case MCAST_BLOCK_SOURCE:
	case MCAST_UNBLOCK_SOURCE:
		j.what = name == MCAST_JOIN_SOURCE_GROUP ? ADD :
		    name == MCAST_LEAVE_SOURCE_GROUP	 ? DROP :
		    name == MCAST_BLOCK_SOURCE		 ? BLOCK :
							   UNBLOCK;
		*error = read_any(&j, level, value, len, true);
		break;
	case MCAST_MSFILTER:
		j.what = SET;
		*error = read_filter(&j, level, value, len, &room);
		break;
	case IP_ADD_SOURCE_MEMBERSHIP:
	case IP_DROP_SOURCE_MEMBERSHIP:
	case IP_BLOCK_SOURCE:
	case IP_UNBLOCK_SOURCE:
		if (level != IPPROTO_IP)
			return false; /* they mean something else there */
		j.what = name == IP_ADD_SOURCE_MEMBERSHIP ? ADD :
		    name == IP_DROP_SOURCE_MEMBERSHIP	  ? DROP :
		    name == IP_BLOCK_SOURCE		  ? BLOCK :
							    UNBLOCK;
		*error = read_source4(&j, value, len);
		break;
	case IP_MSFILTER:
		if (level != IPPROTO_IP)
			return false;
		j.what = SET;
		*error = read_filter4(&j, value, len, &room);
		break;
	default:
		return false;
	}
	if (*error == 0)
		*error = run(&j);
	return true;
}

/* Gives F to the program's ip_msfilter VALUE, which has room for ROOM. */
static void
give_filter4(const struct source_filter *f, void *value, socklen_t *len,
    uint32_t room)
{
	uint32_t n = f->n, mode = f->include ? MCAST_INCLUDE : MCAST_EXCLUDE, i;
	char *to = value;

	memcpy(to + offsetof(struct ip_msfilter, imsf_fmode), &mode,
	    sizeof(mode));
	memcpy(to + offsetof(struct ip_msfilter, imsf_numsrc), &n, sizeof(n));
	to += FILTER4_HLEN;
	for (i = 0; i < n && i < room && to + 4 <= (char *)value + *len;
	     i++, to += 4)
		memcpy(to, &f->src[i].addr[3], 4);
	*len = (socklen_t)(to - (char *)value);
}

/* Likewise, a group_filter. */
static void
give_filter(int level, const struct source_filter *f, void *value,
    socklen_t *len, uint32_t room)
{
	uint32_t n = f->n, mode = f->include ? MCAST_INCLUDE : MCAST_EXCLUDE, i;
	char *to = value;

	memcpy(to + offsetof(struct group_filter, gf_fmode), &mode,
	    sizeof(mode));
	memcpy(to + offsetof(struct group_filter, gf_numsrc), &n, sizeof(n));
	to += FILTER_HLEN;
	for (i = 0; i < n && i < room &&
	     to + sizeof(struct sockaddr_storage) <= (char *)value + *len;
	     i++) {
		struct sockaddr_in in = { .sin_family = AF_INET };
		struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
		struct sockaddr_storage ss = { 0 };

		in.sin_addr.s_addr = f->src[i].addr[3];
		memcpy(&in6.sin6_addr, &f->src[i], 16);
		if (level == IPPROTO_IP)
			memcpy(&ss, &in, sizeof(in));
		else
			memcpy(&ss, &in6, sizeof(in6));
		memcpy(to, &ss, sizeof(ss));
		to += sizeof(ss);
	}
	*len = (socklen_t)(to - (char *)value);
}

bool
sources_getsockopt(struct sock *s, int level, int name, void *value,
    socklen_t *len, int *error)
{
	struct job j = { .s = s, .what = GET };
	bool four = level == IPPROTO_IP && name == IP_MSFILTER;
	uint32_t room = 0;

	if (!four &&
	    ((level != IPPROTO_IP && level != IPPROTO_IPV6) ||
		name != MCAST_MSFILTER))
		return false;
	*error = four ? read_filter4(&j, value, *len, &room) :
			read_filter(&j, level, value, *len, &room);
	if (*error == 0)
		*error = run(&j);
	if (*error == 0 && four)
		give_filter4(&j.f, value, len, room);
	else if (*error == 0)
		give_filter(level, &j.f, value, len, room);
	return true;
}
