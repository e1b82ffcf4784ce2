/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * option.c - socket options, with the system's numbers
 *
 * DOC: An option is a line of the table: where its value is kept among the
 * socket's wishes, what it may be, and whether lwIP has to be told.  What lwIP
 * must know is set in its pcb by option_apply(), from the wishes, whenever one
 * has changed and when a pcb is made: so a socket that connects once more, and
 * one that was accepted, are as they were told to be.
 */
#include "stack/lwip/sock/sock.h"

#include <errno.h>
#include <limits.h>
#include <linux/tcp.h>
#include <net/if.h>
#include <string.h>

#include <lwip/priv/tcp_priv.h>

#include "stack/lwip/ctl.h"

enum form {
	FLAG,	/* a bool among the wishes */
	NUMBER, /* an int */
	INDEX,	/* the number of an interface, a byte among the wishes */
	TIME,	/* a struct timeval */
};

static const struct option {
	int level, name;
	enum form form;
	size_t at;
	int least, most;
	int kinds; /* for which sockets: a bit each; 0: all */
} options[] = {
#define IN(member) offsetof(struct wishes, member)
#define TCP_ONLY (1 << SOCK_TCP)
	{ SOL_SOCKET, SO_REUSEADDR, FLAG, IN(reuse_addr), 0, 0, 0 },
	{ SOL_SOCKET, SO_REUSEPORT, FLAG, IN(reuse_port), 0, 0, 0 },
	{ SOL_SOCKET, SO_KEEPALIVE, FLAG, IN(keepalive), 0, 0, 0 },
	{ SOL_SOCKET, SO_BROADCAST, FLAG, IN(broadcast), 0, 0, 0 },
	{ SOL_SOCKET, SO_RCVLOWAT, NUMBER, IN(rcvlowat), 0, INT_MAX, 0 },
	{ SOL_SOCKET, SO_RCVTIMEO, TIME, IN(rcvtimeo), 0, 0, 0 },
	{ SOL_SOCKET, SO_SNDTIMEO, TIME, IN(sndtimeo), 0, 0, 0 },
	{ IPPROTO_TCP, TCP_NODELAY, FLAG, IN(nodelay), 0, 0, TCP_ONLY },
	{ IPPROTO_TCP, TCP_KEEPIDLE, NUMBER, IN(keep_idle), 1, 32767,
	    TCP_ONLY },
	{ IPPROTO_TCP, TCP_KEEPINTVL, NUMBER, IN(keep_intvl), 1, 32767,
	    TCP_ONLY },
	{ IPPROTO_TCP, TCP_KEEPCNT, NUMBER, IN(keep_cnt), 1, 127, TCP_ONLY },
	{ IPPROTO_IP, IP_TTL, NUMBER, IN(ttl), 1, 255, 0 },
	{ IPPROTO_IP, IP_TOS, NUMBER, IN(tos), 0, 255, 0 },
	{ IPPROTO_IP, IP_RECVERR, FLAG, IN(recverr), 0, 0, 0 },
	{ IPPROTO_IP, IP_MTU_DISCOVER, NUMBER, IN(mtu_discover), 0, 5, 0 },
	{ IPPROTO_IP, IP_FREEBIND, FLAG, IN(freebind), 0, 0, 0 },
	{ IPPROTO_IP, IP_HDRINCL, FLAG, IN(header), 0, 0, 1 << SOCK_IP },
	{ IPPROTO_IP, IP_MULTICAST_TTL, NUMBER, IN(mcast_ttl), 0, 255, 0 },
	{ IPPROTO_IP, IP_MULTICAST_LOOP, NUMBER, IN(mcast_loop), 0, INT_MAX,
	    0 },
	{ IPPROTO_IPV6, IPV6_V6ONLY, FLAG, IN(v6only), 0, 0, 0 },
	{ IPPROTO_IPV6, IPV6_UNICAST_HOPS, NUMBER, IN(hops), 0, 255, 0 },
	{ IPPROTO_IPV6, IPV6_TCLASS, NUMBER, IN(tclass), 0, 255, 0 },
	{ IPPROTO_IPV6, IPV6_RECVERR, FLAG, IN(recverr6), 0, 0, 0 },
	{ IPPROTO_IPV6, IPV6_MTU_DISCOVER, NUMBER, IN(mtu_discover6), 0, 5, 0 },
	{ IPPROTO_IPV6, IPV6_MULTICAST_HOPS, NUMBER, IN(mcast_ttl), 0, 255, 0 },
	{ IPPROTO_IPV6, IPV6_MULTICAST_LOOP, NUMBER, IN(mcast_loop), 0, 1, 0 },
	{ IPPROTO_IPV6, IPV6_MULTICAST_IF, INDEX, IN(mcast_if), 0, 255, 0 },
};

static const struct option *
option_of(const struct sock *s, int level, int name)
{
	size_t i;

	if (level == IPPROTO_IPV6 && s->domain != AF_INET6)
		return NULL;
	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (options[i].level == level && options[i].name == name)
			return options[i].kinds == 0 ||
				(options[i].kinds & 1 << s->kind) ?
			    &options[i] :
			    NULL;
	return NULL;
}

/* ---- what lwIP is told --------------------------------------------------- */

static void
set_bit(u8_t *bits, u8_t bit, bool on)
{
	*bits = (u8_t)(on ? *bits | bit : *bits & ~bit);
}

static void
apply_tcp(struct sock *s)
{
	struct tcp_pcb *pcb = s->pcb.tcp;
	const struct wishes *w = &s->w;

	if (w->nodelay)
		tcp_nagle_disable(pcb);
	else
		tcp_nagle_enable(pcb);
	if (w->keep_idle != 0)
		pcb->keep_idle = (u32_t)w->keep_idle * 1000;
	if (w->keep_intvl != 0)
		pcb->keep_intvl = (u32_t)w->keep_intvl * 1000;
	if (w->keep_cnt != 0)
		pcb->keep_cnt = (u32_t)w->keep_cnt;
}

static void
apply_udp(struct sock *s)
{
	struct udp_pcb *pcb = s->pcb.udp;

	udp_set_multicast_ttl(pcb, (u8_t)s->w.mcast_ttl);
	udp_set_multicast_netif_index(pcb, s->w.mcast_if);
	set_bit(&pcb->flags, UDP_FLAGS_MULTICAST_LOOP, s->w.mcast_loop != 0);
}

static void
apply_ip(struct sock *s)
{
	struct raw_pcb *pcb = s->pcb.raw;

	raw_set_multicast_ttl(pcb, (u8_t)s->w.mcast_ttl);
	raw_set_multicast_netif_index(pcb, s->w.mcast_if);
	set_bit(&pcb->flags, RAW_FLAGS_MULTICAST_LOOP, s->w.mcast_loop != 0);
	set_bit(&pcb->flags, RAW_FLAGS_HDRINCL, s->w.header);
}

void
option_apply(struct sock *s)
{
	struct ip_pcb *pcb = s->pcb.ip;
	const struct wishes *w = &s->w;
	int ttl = s->domain == AF_INET6 ? w->hops : w->ttl;
	int tos = s->domain == AF_INET6 ? w->tclass : w->tos;

	if (pcb == NULL)
		return;
	set_bit(&pcb->so_options, SOF_REUSEADDR,
	    w->reuse_addr || w->reuse_port);
	set_bit(&pcb->so_options, SOF_KEEPALIVE, w->keepalive);
	set_bit(&pcb->so_options, SOF_BROADCAST, w->broadcast);
	if (ttl > 0)
		pcb->ttl = (u8_t)ttl;
	if (tos >= 0)
		pcb->tos = (u8_t)tos;
	pcb->netif_idx = w->device;
	if (s->kind == SOCK_UDP)
		apply_udp(s);
	else if (s->kind == SOCK_IP)
		apply_ip(s);
	else if (s->state != SOCK_LISTENING)
		apply_tcp(s);
}

/* ---- values -------------------------------------------------------------- */

/* An int, or where less is given a byte, as for the options of IP. */
static int
number_in(int level, const void *value, socklen_t len, int *n)
{
	if (len >= (socklen_t)sizeof(*n))
		memcpy(n, value, sizeof(*n));
	else if (len >= 1 && level == IPPROTO_IP)
		*n = *(const uint8_t *)value;
	else
		return EINVAL;
	return 0;
}

static int
give(void *value, socklen_t *len, const void *from, size_t size)
{
	if (*len > size)
		*len = (socklen_t)size;
	memcpy(value, from, *len);
	return 0;
}

static int
give_number(void *value, socklen_t *len, int n)
{
	return give(value, len, &n, sizeof(n));
}

/* SO_SNDBUF and SO_RCVBUF: twice what is asked for is told, as everywhere. */
static int
set_size(int *size, int n)
{
	if (n < 0 || n > INT_MAX / 4)
		n = INT_MAX / 4;
	*size = n < 1152 ? 2304 : 2 * n;
	if (*size > 8 << 20)
		*size = 8 << 20;
	return 0;
}

/* SO_BINDTODEVICE */
static int
set_device(struct sock *s, const char *value, socklen_t len)
{
	char name[SHMIF_NAME_MAX] = "";
	struct netif *netif = NULL;

	if (len > (socklen_t)sizeof(name) - 1)
		len = sizeof(name) - 1;
	memcpy(name, value, len);
	if (name[0] != '\0' && (netif = ctl_netif(name)) == NULL)
		return ENODEV;
	s->w.device = netif == NULL ? 0 : netif_get_index(netif);
	option_apply(s);
	return 0;
}

static int
get_device(struct sock *s, void *value, socklen_t *len)
{
	struct netif *netif = netif_get_by_index(s->w.device);
	char name[SHMIF_NAME_MAX] = "";

	if (netif == NULL)
		return give(value, len, name, 0);
	ctl_name(netif, name);
	return give(value, len, name, strlen(name) + 1);
}

/* IP_MULTICAST_IF: an address, with or without an interface's number. */
static int
set_mcast_if(struct sock *s, const void *value, socklen_t len)
{
	struct ip_mreqn m = { 0 };
	struct netif *netif;

	if (len >= (socklen_t)sizeof(m))
		memcpy(&m, value, sizeof(m));
	else if (len >= (socklen_t)sizeof(struct ip_mreq))
		memcpy(&m, value, sizeof(struct ip_mreq));
	else if (len >= (socklen_t)sizeof(m.imr_address))
		memcpy(&m.imr_address, value, sizeof(m.imr_address));
	else
		return EINVAL;
	if (m.imr_ifindex < 0 || m.imr_ifindex > UINT8_MAX)
		return ENODEV;
	s->w.mcast_if = 0;
	s->w.mcast_addr = m.imr_address;
	if (m.imr_ifindex != 0) {
		if (netif_get_by_index((u8_t)m.imr_ifindex) == NULL)
			return ENODEV;
		s->w.mcast_if = (uint8_t)m.imr_ifindex;
	} else if (m.imr_address.s_addr != 0) {
		NETIF_FOREACH(netif)
		{
			if (netif_ip4_addr(netif)->addr == m.imr_address.s_addr)
				s->w.mcast_if = netif_get_index(netif);
		}
		if (s->w.mcast_if == 0)
			return EADDRNOTAVAIL;
	}
	option_apply(s);
	return 0;
}

/* ---- setting ------------------------------------------------------------- */

static int
set_v6only(struct sock *s)
{
	if (s->pcb.ip != NULL) {
		IP_SET_TYPE_VAL(s->pcb.ip->local_ip, address_type(s));
		IP_SET_TYPE_VAL(s->pcb.ip->remote_ip, address_type(s));
	}
	return 0;
}

/* Whether no value at all is 0, as it happens to be in Linux. */
static bool
is_bare(const struct option *o)
{
	return o->level == IPPROTO_IP &&
	    (o->name == IP_TOS || o->name == IP_RECVERR ||
		o->name == IP_MTU_DISCOVER);
}

static int
set_by_table(struct sock *s, const struct option *o, const void *value,
    socklen_t len)
{
	uint8_t *at = (uint8_t *)&s->w + o->at;
	struct timeval t;
	int n, error;

	if (o->form == TIME) {
		if (len < (socklen_t)sizeof(t))
			return EINVAL;
		memcpy(&t, value, sizeof(t));
		if (t.tv_usec < 0 || t.tv_usec >= 1000000)
			return EDOM;
		memcpy(at, &t, sizeof(t));
		return 0;
	}
	n = 0;
	if ((len != 0 || !is_bare(o)) &&
	    (error = number_in(o->level, value, len, &n)) != 0)
		return error;
	if (o->form == FLAG) {
		if (at == (uint8_t *)&s->w.v6only &&
		    (s->bound || s->state != SOCK_NEW) && s->kind == SOCK_TCP)
			return EINVAL;
		*(bool *)at = n != 0;
		if (at == (uint8_t *)&s->w.v6only)
			set_v6only(s);
	} else {
		/* -1: as it was, where there is a value of lwIP's own. */
		if (n == -1 &&
		    (o->least > 0 || o->name == IPV6_UNICAST_HOPS ||
			o->name == IPV6_TCLASS ||
			o->name == IPV6_MULTICAST_HOPS ||
			o->name == IP_MULTICAST_TTL) &&
		    o->level != IPPROTO_TCP)
			n = o->at == IN(mcast_ttl) ? 1 : -1;
		else if (n < o->least || n > o->most)
			return o->form == INDEX ? ENODEV : EINVAL;
		if (o->form == INDEX && n != 0 &&
		    netif_get_by_index((u8_t)n) == NULL)
			return ENODEV;
		if (o->form == INDEX)
			*at = (uint8_t)n;
		else
			memcpy(at, &n, sizeof(n));
	}
	option_apply(s);
	return 0;
}

static int
set_socket(struct sock *s, int name, const void *value, socklen_t len)
{
	struct linger l;
	int n, error;

	if (name == SO_BINDTODEVICE)
		return set_device(s, value, len);
	if (name == SO_LINGER) {
		if (len < (socklen_t)sizeof(l))
			return EINVAL;
		memcpy(&l, value, sizeof(l));
		s->w.linger = l.l_onoff != 0;
		s->w.linger_time = l.l_linger;
		return 0;
	}
	if ((error = number_in(SOL_SOCKET, value, len, &n)) != 0)
		return error;
	switch (name) {
	case SO_SNDBUF:
		return set_size(&s->w.sndbuf, n);
	case SO_RCVBUF:
		return set_size(&s->w.rcvbuf, n);
	case SO_DONTROUTE:
	case SO_OOBINLINE:
		/* What lwIP does anyway, or has not, may be switched off. */
		return n == 0 || name == SO_OOBINLINE ? 0 : EOPNOTSUPP;
	default:
		return ENOPROTOOPT;
	}
}

/* What of groups Linux lets no stream set. */
static int
not_of_streams(int level, int name)
{
	if (level == IPPROTO_IP &&
	    (name == IP_MULTICAST_TTL || name == IP_MULTICAST_IF))
		return EINVAL;
	if (level == IPPROTO_IPV6 &&
	    (name == IPV6_MULTICAST_HOPS || name == IPV6_MULTICAST_IF))
		return ENOPROTOOPT;
	return 0;
}

int
option_lwip_set(struct sock *s, int level, int name, const void *value,
    socklen_t len)
{
	const struct option *o;
	int error, n;

	if (s->kind == SOCK_TCP && (error = not_of_streams(level, name)) != 0)
		return error;
	/* Whether it is known or not, as Linux has it. */
	if (level == IPPROTO_TCP && s->kind == SOCK_TCP &&
	    len < (socklen_t)sizeof(int))
		return EINVAL;
	if ((o = option_of(s, level, name)) != NULL)
		return set_by_table(s, o, value, len);
	if (control_is_option(s, level, name)) {
		if ((error = number_in(level, value, len, &n)) == 0)
			control_set(s, level, name, n != 0);
		return error;
	}
	if (level == SOL_SOCKET)
		return set_socket(s, name, value, len);
	if (level == IPPROTO_IP && name == IP_MULTICAST_IF)
		return set_mcast_if(s, value, len);
	if ((error = group_option(s, level, name, value, len)) != ENOPROTOOPT)
		return error;
	return ENOPROTOOPT;
}

/* ---- getting ------------------------------------------------------------- */

static int
get_socket(struct sock *s, int name, void *value, socklen_t *len)
{
	struct linger l = { s->w.linger, s->w.linger_time };

	switch (name) {
	case SO_TYPE:
		return give_number(value, len, s->type);
	case SO_DOMAIN:
		return give_number(value, len, s->domain);
	case SO_PROTOCOL:
		return give_number(value, len, s->protocol);
	case SO_ACCEPTCONN:
		return give_number(value, len, s->state == SOCK_LISTENING);
	case SO_ERROR:
		return give_number(value, len, sock_take_error(s));
	case SO_SNDBUF:
		return give_number(value, len, s->w.sndbuf);
	case SO_RCVBUF:
		return give_number(value, len, s->w.rcvbuf);
	case SO_LINGER:
		return give(value, len, &l, sizeof(l));
	case SO_BINDTODEVICE:
		return get_device(s, value, len);
	case SO_DONTROUTE:
	case SO_OOBINLINE:
		return give_number(value, len, 0);
	default:
		return ENOPROTOOPT;
	}
}

/* What is told where nothing was set: what lwIP does. */
static int
of_lwip(const struct sock *s, const struct option *o, int n)
{
	const struct wishes *w = &s->w;

	if (o->at == IN(ttl) && n == -1)
		return s->kind == SOCK_TCP ? TCP_TTL : UDP_TTL;
	if (o->at == IN(hops) && n == -1)
		return s->kind == SOCK_TCP ? TCP_TTL : UDP_TTL;
	if ((o->at == IN(tos) || o->at == IN(tclass)) && n == -1)
		return 0;
	if (o->at == IN(keep_idle) && w->keep_idle == 0)
		return TCP_KEEPIDLE_DEFAULT / 1000;
	if (o->at == IN(keep_intvl) && w->keep_intvl == 0)
		return TCP_KEEPINTVL_DEFAULT / 1000;
	if (o->at == IN(keep_cnt) && w->keep_cnt == 0)
		return TCP_KEEPCNT_DEFAULT;
	return n;
}

/* In a byte where there is no room for more, of a LEVEL that has it so. */
static int
give_small(int level, void *value, socklen_t *len, int n)
{
	uint8_t byte = (uint8_t)n;

	if (level == IPPROTO_IP && *len > 0 && *len < sizeof(n) && n >= 0 &&
	    n <= UINT8_MAX)
		return give(value, len, &byte, 1);
	return give_number(value, len, n);
}

static int
get_by_table(struct sock *s, const struct option *o, void *value,
    socklen_t *len)
{
	const uint8_t *at = (const uint8_t *)&s->w + o->at;
	int n;

	switch (o->form) {
	case FLAG:
		n = *(const bool *)at;
		break;
	case INDEX:
		n = *at;
		break;
	case TIME:
		return give(value, len, at, sizeof(struct timeval));
	default:
		memcpy(&n, at, sizeof(n));
		n = of_lwip(s, o, n);
	}
	return give_small(o->level, value, len, n);
}

int
option_lwip_get(struct sock *s, int level, int name, void *value,
    socklen_t *len)
{
	const struct option *o = option_of(s, level, name);

	if (o != NULL)
		return get_by_table(s, o, value, len);
	if (control_is_option(s, level, name))
		return give_small(level, value, len,
		    control_get(s, level, name));
	if (level == SOL_SOCKET)
		return get_socket(s, name, value, len);
	if (level == IPPROTO_IP && name == IP_MULTICAST_IF)
		return give(value, len, &s->w.mcast_addr,
		    sizeof(s->w.mcast_addr));
	if (level == IPPROTO_TCP && name == TCP_MAXSEG && s->kind == SOCK_TCP)
		return give_number(value, len,
		    s->state == SOCK_OPEN && s->pcb.tcp != NULL ?
			tcp_mss(s->pcb.tcp) :
			536);
	return ENOPROTOOPT;
}
