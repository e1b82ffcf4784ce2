/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * control.c - control messages: what comes and goes beside a datagram
 *
 * DOC: lwIP tells of a datagram only while it hands it over, so what a socket has
 * asked for (WANTS) is noted then, in struct beside, which waits in the queue
 * with the datagram.  What a program sends beside its data (struct wish) holds
 * for this datagram: source, interface, TTL, and TOS, which lwIP takes from the
 * pcb: it has another value for the time of the call, under the core's lock.
 *
 * Layouts, order and errors are Linux's (ip(7), ipv6(7), cmsg(3)).
 */
#include "stack/lwip/sock/sock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include <lwip/netif.h>

enum {
	WANT_TIME = 1,
	WANT_TIMENS = 2,
	WANT_INFO = 4,
	WANT_TTL = 8,
	WANT_TOS = 16,
	WANT_INFO6 = 32,
	WANT_HOPS = 64,
	WANT_CLASS = 128,
};

struct beside {
	struct timespec at;
	ip_addr_t to, own; /* OWN: of the interface that it came by */
	int interface, ttl, tos;
};

/* ---- options ------------------------------------------------------------- */

static const struct {
	int level, name;
	uint8_t want;
} options[] = {
	{ SOL_SOCKET, SO_TIMESTAMP, WANT_TIME },
	{ SOL_SOCKET, SO_TIMESTAMPNS, WANT_TIMENS },
	{ IPPROTO_IP, IP_PKTINFO, WANT_INFO },
	{ IPPROTO_IP, IP_RECVTTL, WANT_TTL },
	{ IPPROTO_IP, IP_RECVTOS, WANT_TOS },
	{ IPPROTO_IPV6, IPV6_RECVPKTINFO, WANT_INFO6 },
	{ IPPROTO_IPV6, IPV6_RECVHOPLIMIT, WANT_HOPS },
	{ IPPROTO_IPV6, IPV6_RECVTCLASS, WANT_CLASS },
};

/* The bit of the option NAME, or 0. */
static uint8_t
want_of(const struct sock *s, int level, int name)
{
	size_t i;

	if ((level == IPPROTO_IPV6 && s->domain != AF_INET6) ||
	    s->kind == SOCK_NL)
		return 0;
	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (options[i].level == level && options[i].name == name)
			return options[i].want;
	return 0;
}

bool
control_is_option(const struct sock *s, int level, int name)
{
	return want_of(s, level, name) != 0;
}

void
control_set(struct sock *s, int level, int name, bool on)
{
	uint8_t want = want_of(s, level, name);

	s->w.wants = (uint8_t)(on ? s->w.wants | want : s->w.wants & ~want);
	/* One form of the time at once. */
	if (on && (want & (WANT_TIME | WANT_TIMENS)))
		s->w.wants &= (uint8_t) ~((WANT_TIME | WANT_TIMENS) ^ want);
}

bool
control_get(const struct sock *s, int level, int name)
{
	return (s->w.wants & want_of(s, level, name)) != 0;
}

/* ---- what comes ---------------------------------------------------------- */

struct beside *
control_note(const struct sock *s)
{
	struct netif *in = ip_current_input_netif();
	const ip_addr_t *own;
	struct beside *b;

	if (s->w.wants == 0 || in == NULL ||
	    (b = calloc(1, sizeof(*b))) == NULL)
		return NULL;
	clock_gettime(CLOCK_REALTIME, &b->at);
	b->to = b->own = *ip_current_dest_addr();
	b->interface = netif_get_index(in);
	if (ip_current_is_v6()) {
		b->ttl = IP6H_HOPLIM(ip6_current_header());
		b->tos = (int)IP6H_TC(ip6_current_header());
		return b;
	}
	b->ttl = IPH_TTL(ip4_current_header());
	b->tos = IPH_TOS(ip4_current_header());
	own = netif_ip_addr4(in);
	if (ip_addr_ismulticast(&b->to) ||
	    ip4_addr_isbroadcast(ip_2_ip4(&b->to), in))
		b->own = *own;
	return b;
}

/* Adds a message, or as much of it as there is room for. */
static void
put(struct stack_sock_control *to, int level, int type, const void *data,
    size_t size)
{
	struct cmsghdr h = { .cmsg_len = CMSG_LEN(size),
		.cmsg_level = level,
		.cmsg_type = type };
	size_t left = to->room - to->len, next = CMSG_SPACE(size);
	uint8_t *at = (uint8_t *)to->data + to->len;

	if (left < sizeof(h)) {
		to->cut = true;
		return;
	}
	if (h.cmsg_len > left) {
		to->cut = true;
		h.cmsg_len = left;
	}
	if (next > left)
		next = left;
	memset(at, 0, next);
	memcpy(at, &h, sizeof(h));
	memcpy(at + sizeof(h), data, h.cmsg_len - sizeof(h));
	to->len += next;
}

static void
put_time(struct stack_sock_control *to, unsigned wants,
    const struct timespec *at)
{
	struct timeval tv = { .tv_sec = at->tv_sec,
		.tv_usec = at->tv_nsec / 1000 };

	if (wants & WANT_TIME)
		put(to, SOL_SOCKET, SO_TIMESTAMP, &tv, sizeof(tv));
	if (wants & WANT_TIMENS)
		put(to, SOL_SOCKET, SO_TIMESTAMPNS, at, sizeof(*at));
}

static void
put_info(struct stack_sock_control *to, const struct sock *s,
    const struct beside *b)
{
	struct in_pktinfo info = { .ipi_ifindex = b->interface };
	struct in6_pktinfo info6 = { .ipi6_ifindex = (unsigned)b->interface };
	struct sockaddr_in6 name;
	socklen_t len = sizeof(name);

	if ((s->w.wants & WANT_INFO) && IP_IS_V4(&b->to)) {
		info.ipi_spec_dst.s_addr = ip_2_ip4(&b->own)->addr;
		info.ipi_addr.s_addr = ip_2_ip4(&b->to)->addr;
		put(to, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
	}
	if (s->w.wants & WANT_INFO6) {
		/* IPv4 is a mapped address there. */
		address_put(s, &b->to, 0, (struct sockaddr *)&name, &len);
		info6.ipi6_addr = name.sin6_addr;
		put(to, IPPROTO_IPV6, IPV6_PKTINFO, &info6, sizeof(info6));
	}
}

void
control_give(const struct sock *s, struct beside *b,
    struct stack_sock_control *to)
{
	unsigned wants = s->w.wants;
	uint8_t tos;

	if (b == NULL || to == NULL) {
		free(b);
		return;
	}
	tos = (uint8_t)b->tos;
	put_time(to, wants, &b->at);
	put_info(to, s, b);
	if (IP_IS_V4(&b->to)) {
		if (wants & WANT_TTL)
			put(to, IPPROTO_IP, IP_TTL, &b->ttl, sizeof(b->ttl));
		if (wants & WANT_TOS)
			put(to, IPPROTO_IP, IP_TOS, &tos, sizeof(tos));
	} else {
		if (wants & WANT_HOPS)
			put(to, IPPROTO_IPV6, IPV6_HOPLIMIT, &b->ttl,
			    sizeof(b->ttl));
		if (wants & WANT_CLASS)
			put(to, IPPROTO_IPV6, IPV6_TCLASS, &b->tos,
			    sizeof(b->tos));
	}
	free(b);
}

/* ---- what goes ----------------------------------------------------------- */

/* The int that a message of LEN bytes of data has; LEAST - 1: none. */
static int
int_of(const uint8_t *data, size_t len, int least)
{
	int n = least - 1;

	if (len == sizeof(n))
		memcpy(&n, data, sizeof(n));
	return n;
}

/* Whether packets may be sent from IP, by the interface N or (0) by any. */
static int
wish_source(struct wish *w, int n)
{
	if (n != 0 &&
	    (n < 0 || n > UINT8_MAX || netif_get_by_index((u8_t)n) == NULL))
		return ENODEV;
	w->interface = (uint8_t)n;
	w->has_from = !ip_addr_isany_val(w->from);
	if (!w->has_from)
		return 0;
	if (ip_addr_ismulticast(&w->from))
		return EINVAL;
	if (address_is_ours(&w->from))
		return 0;
	return IP_IS_V4_VAL(w->from) ? ENETUNREACH : EINVAL;
}

static int
wish4(struct wish *w, int type, const uint8_t *data, size_t len)
{
	struct in_pktinfo info;
	int n;

	switch (type) {
	case IP_PKTINFO:
		if (len != sizeof(info))
			return EINVAL;
		memcpy(&info, data, sizeof(info));
		ip_addr_set_ip4_u32_val(w->from, info.ipi_spec_dst.s_addr);
		return wish_source(w, info.ipi_ifindex);
	case IP_TTL:
		n = int_of(data, len, 1);
		w->ttl = n;
		return n < 1 || n > 255 ? EINVAL : 0;
	case IP_TOS:
		n = len == 1 ? data[0] : int_of(data, len, 0);
		w->tos = n;
		return n < 0 || n > 255 ? EINVAL : 0;
	default:
		return EINVAL;
	}
}

static int
wish6(const struct sock *s, struct wish *w, int type, const uint8_t *data,
    size_t len)
{
	struct sockaddr_in6 from = { .sin6_family = AF_INET6 };
	struct in6_pktinfo info;
	uint16_t port;
	int n = int_of(data, len, -1);

	switch (type) {
	case IPV6_PKTINFO:
		if (len < sizeof(info))
			return EINVAL;
		memcpy(&info, data, sizeof(info));
		from.sin6_addr = info.ipi6_addr;
		from.sin6_scope_id = info.ipi6_ifindex;
		if (address_get(s, (struct sockaddr *)&from, sizeof(from),
			&w->from, &port) != 0)
			return EINVAL;
		return wish_source(w, (int)info.ipi6_ifindex);
	case IPV6_HOPLIMIT:
		w->ttl = n;
		return n < -1 || n > 255 ? EINVAL : 0;
	case IPV6_TCLASS:
		w->tos = n;
		return n < -1 || n > 255 ? EINVAL : 0;
	default:
		return EINVAL;
	}
}

int
control_read(const struct sock *s, const struct stack_sock_control *control,
    struct wish *w)
{
	const uint8_t *at, *data;
	struct cmsghdr h;
	size_t n, len;
	int error = 0;

	*w = (struct wish){ .ttl = -1, .tos = -1 };
	if (control == NULL)
		return 0;
	at = control->data;
	len = control->len;
	while (len >= sizeof(h) && error == 0) {
		memcpy(&h, at, sizeof(h));
		if (h.cmsg_len < sizeof(h) || h.cmsg_len > len)
			return EINVAL;
		data = at + CMSG_LEN(0);
		n = h.cmsg_len - CMSG_LEN(0);
		if (h.cmsg_level == IPPROTO_IP)
			error = wish4(w, h.cmsg_type, data, n);
		else if (h.cmsg_level == IPPROTO_IPV6 && s->domain == AF_INET6)
			error = wish6(s, w, h.cmsg_type, data, n);
		n = CMSG_ALIGN(h.cmsg_len);
		if (n > len)
			break;
		at += n;
		len -= n;
	}
	return error;
}

/* The interface by which a packet to TO goes, as W wants it; or NULL. */
static struct netif *
way(const struct sock *s, const struct wish *w, const ip_addr_t *to)
{
	struct netif *netif;
	ip_addr_t any;
	int i;

	if (w->interface != 0)
		return netif_get_by_index(w->interface);
	if (s->w.device != 0)
		return netif_get_by_index(s->w.device);
	if (ip_addr_ismulticast(to))
		NETIF_FOREACH(netif)
		{
			if (IP_IS_V4(to) && w->has_from &&
			    ip4_addr_cmp(netif_ip4_addr(netif),
				ip_2_ip4(&w->from)))
				return netif;
			for (i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++)
				if (!IP_IS_V4(to) && w->has_from &&
				    ip6_addr_cmp_zoneless(netif_ip6_addr(netif,
							      i),
					ip_2_ip6(&w->from)))
					return netif;
		}
	ip_addr_set_any(IP_IS_V6(to), &any);
	return ip_route(&any, to);
}

err_t
control_send(struct sock *s, const struct wish *w, struct pbuf *p,
    const ip_addr_t *to, uint16_t port)
{
	struct ip_pcb *pcb = s->pcb.ip;
	u8_t ttl = pcb->ttl, tos = pcb->tos;
	const ip_addr_t *from = NULL;
	struct netif *netif = NULL;
	err_t err;

	if (w->interface != 0 || w->has_from) {
		if ((netif = way(s, w, to)) == NULL)
			return ERR_RTE;
		from = w->has_from ? &w->from :
		    !ip_addr_isany(&pcb->local_ip) &&
			!ip_addr_ismulticast(&pcb->local_ip) ?
				     &pcb->local_ip :
				     ip_netif_get_local_ip(netif, to);
		if (from == NULL)
			return ERR_RTE;
		if (IP_IS_V4(from) != IP_IS_V4(to))
			return ERR_VAL;
	}
	if (w->ttl >= 0)
		pcb->ttl = (u8_t)w->ttl;
	if (w->tos >= 0)
		pcb->tos = (u8_t)w->tos;
	if (netif == NULL && s->kind == SOCK_UDP)
		err = udp_sendto(s->pcb.udp, p, to, port);
	else if (netif == NULL)
		err = raw_sendto(s->pcb.raw, p, to);
	else if (s->kind == SOCK_UDP)
		err = udp_sendto_if_src(s->pcb.udp, p, to, port, netif, from);
	else
		err = raw_sendto_if_src(s->pcb.raw, p, to, netif, from);
	pcb->ttl = ttl;
	pcb->tos = tos;
	return err;
}
