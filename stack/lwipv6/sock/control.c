/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * control.c - control messages: what comes and goes beside a datagram
 *
 * DOC: The fault: lwip_recvmsg() and lwip_sendmsg() know no control messages,
 * and their options are taken without effect.  A server that has to answer from
 * the address that it was asked at, such as one of DNS, cannot.
 *
 * The cure: what is told of a datagram is noted when it is queued, if the socket
 * has asked for any of it, in a buffer before its data (struct beside).  What the
 * program sends beside its data (struct sock_wish) holds for this datagram:
 * source, interface, TTL and TOS.  Layouts, order and errors are Linux's (ip(7),
 * ipv6(7), cmsg(3)).
 */
#include <sys/time.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "stack/lwipv6/sock/sock.h"

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

/* What is noted of a datagram; it is before its data. */
struct beside {
	struct timespec at;
	struct ip_addr to, own; /* OWN: of the interface that it came by */
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

	if (level == IPPROTO_IPV6 && s->family != AF_INET6)
		return 0;
	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (options[i].level == level && options[i].name == name)
			return options[i].want;
	return 0;
}

bool
control_set(struct sock *s, int level, int name, int n)
{
	uint8_t want = want_of(s, level, name);

	if (want == 0)
		return false;
	if (n == 0)
		s->wants &= (uint8_t)~want;
	else
		s->wants |= want;
	/* One form of the time at once. */
	if (n != 0 && (want & (WANT_TIME | WANT_TIMENS)))
		s->wants &= (uint8_t) ~((WANT_TIME | WANT_TIMENS) ^ want);
	return true;
}

bool
control_get(const struct sock *s, int level, int name, int *n)
{
	uint8_t want = want_of(s, level, name);

	*n = (s->wants & want) != 0;
	return want != 0;
}

/* ---- what comes ---------------------------------------------------------- */

struct pbuf *
control_note(struct sock *s, struct pbuf *p, uint16_t *before)
{
	const struct ip_arrival *a = &ip_arrival;
	struct beside b = { .ttl = a->ttl, .tos = a->tos };
	struct pbuf *note;

	*before = 0;
	if (a->in == NULL || s->ops->dgram == NULL ||
	    p->tot_len > UINT16_MAX - sizeof(b))
		return p;
	note = pbuf_alloc(PBUF_RAW, sizeof(b), PBUF_RAM);
	if (note == NULL)
		return p;
	clock_gettime(CLOCK_REALTIME, &b.at);
	b.to = b.own = a->to;
	b.interface = a->in->id;
	if (ip_is_group(&b.to) || ip_is_broadcast(a->in->stack, &b.to))
		ip_own_of(a->in, &b.to, &b.own);
	memcpy(note->payload, &b, sizeof(b));
	note->next = p;
	note->tot_len = (uint16_t)(note->len + p->tot_len);
	*before = sizeof(b);
	return note;
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
		next = left;
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
put_info(struct stack_sock_control *to, unsigned wants, const struct beside *b)
{
	struct in_pktinfo info = { .ipi_ifindex = b->interface };
	struct in6_pktinfo info6 = { .ipi6_ifindex = (unsigned)b->interface };

	if ((wants & WANT_INFO) && ip_is_v4(&b->to)) {
		memcpy(&info.ipi_spec_dst, &b->own.addr[3], 4);
		memcpy(&info.ipi_addr, &b->to.addr[3], 4);
		put(to, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
	}
	if (wants & WANT_INFO6) {
		/* The library has IPv4 as mapped addresses. */
		memcpy(&info6.ipi6_addr, &b->to, sizeof(info6.ipi6_addr));
		put(to, IPPROTO_IPV6, IPV6_PKTINFO, &info6, sizeof(info6));
	}
}

void
control_give(unsigned wants, const struct pbuf *p,
    struct stack_sock_control *to)
{
	struct beside b;
	uint8_t tos;

	if (wants == 0 || to == NULL || p->len < sizeof(b))
		return;
	memcpy(&b, p->payload, sizeof(b));
	put_time(to, wants, &b.at);
	put_info(to, wants, &b);
	tos = (uint8_t)b.tos;
	if (ip_is_v4(&b.to)) {
		if (wants & WANT_TTL)
			put(to, IPPROTO_IP, IP_TTL, &b.ttl, sizeof(b.ttl));
		if (wants & WANT_TOS)
			put(to, IPPROTO_IP, IP_TOS, &tos, sizeof(tos));
		return;
	}
	if (wants & WANT_HOPS)
		put(to, IPPROTO_IPV6, IPV6_HOPLIMIT, &b.ttl, sizeof(b.ttl));
	if (wants & WANT_CLASS)
		put(to, IPPROTO_IPV6, IPV6_TCLASS, &b.tos, sizeof(b.tos));
}

/* ---- what goes ----------------------------------------------------------- */

/* The int that a message of LEN bytes of data has; -1: none. */
static int
int_of(const uint8_t *data, size_t len)
{
	int n = -1;

	if (len == sizeof(n))
		memcpy(&n, data, sizeof(n));
	else if (len == 1)
		n = data[0];
	return n;
}

static int
wish4(const struct sock *s, struct sock_wish *w, int type, const uint8_t *data,
    size_t len)
{
	struct sockaddr_in from = { .sin_family = AF_INET };
	struct sock_dest own;
	struct in_pktinfo info;
	int n = int_of(data, len);

	switch (type) {
	case IP_PKTINFO:
		if (len != sizeof(info))
			return EINVAL;
		memcpy(&info, data, sizeof(info));
		w->interface = info.ipi_ifindex;
		w->has_from = info.ipi_spec_dst.s_addr != 0;
		from.sin_addr = info.ipi_spec_dst;
		if (!w->has_from || s->family != AF_INET)
			return 0;
		if (name_in(s, (struct sockaddr *)&from, sizeof(from), &own) !=
		    0)
			return EINVAL;
		w->from = own.ip;
		return 0;
	case IP_TTL:
		if (len != sizeof(n) || n < 1 || n > 255)
			return EINVAL;
		w->ttl = n;
		return 0;
	case IP_TOS:
		if (n < 0 || n > 255)
			return EINVAL;
		w->tos = n;
		return 0;
	default:
		return EINVAL;
	}
}

static int
wish6(struct sock_wish *w, int type, const uint8_t *data, size_t len)
{
	static const struct in6_addr any;
	struct in6_pktinfo info;
	int n = len == sizeof(n) ? int_of(data, len) : -2;

	switch (type) {
	case IPV6_PKTINFO:
		if (len < sizeof(info))
			return EINVAL;
		memcpy(&info, data, sizeof(info));
		w->interface = (int)info.ipi6_ifindex;
		w->has_from = memcmp(&info.ipi6_addr, &any, sizeof(any)) != 0;
		memcpy(&w->from, &info.ipi6_addr, sizeof(w->from));
		return 0;
	case IPV6_HOPLIMIT:
		if (n < -1 || n > 255)
			return EINVAL;
		w->ttl = n;
		return 0;
	case IPV6_TCLASS:
		if (n < -1 || n > 255)
			return EINVAL;
		w->tos = n;
		return 0;
	default:
		return EINVAL;
	}
}

int
control_read(const struct sock *s, const void *control, size_t len,
    struct sock_wish *w)
{
	const uint8_t *at = control, *data;
	struct cmsghdr h;
	size_t n;
	int error = 0;

	*w = (struct sock_wish){ .ttl = -1, .tos = -1 };
	while (len >= sizeof(h) && error == 0) {
		memcpy(&h, at, sizeof(h));
		if (h.cmsg_len < sizeof(h) || h.cmsg_len > len)
			return EINVAL;
		data = at + CMSG_LEN(0);
		n = h.cmsg_len - CMSG_LEN(0);
		if (h.cmsg_level == IPPROTO_IP)
			error = wish4(s, w, h.cmsg_type, data, n);
		else if (h.cmsg_level == IPPROTO_IPV6 && s->family == AF_INET6)
			error = wish6(w, h.cmsg_type, data, n);
		n = CMSG_ALIGN(h.cmsg_len);
		if (n > len)
			break;
		at += n;
		len -= n;
	}
	return error;
}
