/* SPDX-License-Identifier: BSD-2-Clause */
/* beside.c - control messages of datagrams as Linux has them, see beside.h */
#include "shmif/beside.h"

#include <sys/time.h>
#include <errno.h>
#include <string.h>

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

uint8_t
beside_bit(int level, int name, bool v6)
{
	size_t i;

	if (level == IPPROTO_IPV6 && !v6)
		return 0;
	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (options[i].level == level && options[i].name == name)
			return options[i].want;
	return 0;
}

uint8_t
beside_set(uint8_t wants, uint8_t bit, bool on)
{
	if (!on)
		return wants & (uint8_t)~bit;
	/* One form of the time at once. */
	if (bit & (WANT_TIME | WANT_TIMENS))
		wants &= (uint8_t) ~(WANT_TIME | WANT_TIMENS);
	return wants | bit;
}

/* ---- what comes ---------------------------------------------------------- */

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

	if ((wants & WANT_INFO) && b->v4) {
		info.ipi_spec_dst.s_addr = b->own.s6_addr32[3];
		info.ipi_addr.s_addr = b->to.s6_addr32[3];
		put(to, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
	}
	if (wants & WANT_INFO6) {
		info6.ipi6_addr = b->to;
		put(to, IPPROTO_IPV6, IPV6_PKTINFO, &info6, sizeof(info6));
	}
}

void
beside_tell(const struct beside *b, uint8_t wants,
    struct stack_sock_control *to)
{
	uint8_t tos = (uint8_t)b->tos;

	put_time(to, wants, &b->at);
	put_info(to, wants, b);
	if (b->v4) {
		if (wants & WANT_TTL)
			put(to, IPPROTO_IP, IP_TTL, &b->ttl, sizeof(b->ttl));
		if (wants & WANT_TOS)
			put(to, IPPROTO_IP, IP_TOS, &tos, sizeof(tos));
		return;
	}
	if (wants & WANT_HOPS)
		put(to, IPPROTO_IPV6, IPV6_HOPLIMIT, &b->ttl, sizeof(b->ttl));
	if (wants & WANT_CLASS)
		put(to, IPPROTO_IPV6, IPV6_TCLASS, &b->tos, sizeof(b->tos));
}

/* ---- what goes ----------------------------------------------------------- */

/*
 * The int of LEAST to 255 that a message has, to *N; a byte will do where BYTE.
 * 0 or EINVAL.
 */
static int
number(const uint8_t *data, size_t len, int least, bool byte, int *n)
{
	if (len == sizeof(*n))
		memcpy(n, data, sizeof(*n));
	else if (len == 1 && byte)
		*n = data[0];
	else
		return EINVAL;
	return *n < least || *n > 255 ? EINVAL : 0;
}

static int
wish4(struct beside_wish *w, int type, const uint8_t *data, size_t len)
{
	struct in_pktinfo info;

	switch (type) {
	case IP_PKTINFO:
		if (len != sizeof(info))
			return EINVAL;
		memcpy(&info, data, sizeof(info));
		w->has_info = w->v4 = true;
		w->interface = info.ipi_ifindex;
		memset(&w->from, 0, sizeof(w->from));
		w->from.s6_addr32[2] = htonl(0xffff);
		w->from.s6_addr32[3] = info.ipi_spec_dst.s_addr;
		return 0;
	case IP_TTL:
		return number(data, len, 1, false, &w->ttl);
	case IP_TOS:
		return number(data, len, 0, true, &w->tos);
	default:
		return EINVAL;
	}
}

static int
wish6(struct beside_wish *w, int type, const uint8_t *data, size_t len)
{
	struct in6_pktinfo info;

	switch (type) {
	case IPV6_PKTINFO:
		if (len < sizeof(info))
			return EINVAL;
		memcpy(&info, data, sizeof(info));
		w->has_info = true;
		w->v4 = IN6_IS_ADDR_V4MAPPED(&info.ipi6_addr);
		w->interface = (int)info.ipi6_ifindex;
		w->from = info.ipi6_addr;
		return 0;
	case IPV6_HOPLIMIT:
		return number(data, len, -1, false, &w->ttl);
	case IPV6_TCLASS:
		return number(data, len, -1, false, &w->tos);
	default:
		return EINVAL;
	}
}

int
beside_read(const void *data, size_t len, bool v6, struct beside_wish *w)
{
	const uint8_t *at = data, *inside;
	struct cmsghdr h;
	size_t n;
	int error = 0;

	*w = (struct beside_wish){ .ttl = -1, .tos = -1 };
	while (len >= sizeof(h) && error == 0) {
		memcpy(&h, at, sizeof(h));
		if (h.cmsg_len < sizeof(h) || h.cmsg_len > len)
			return EINVAL;
		inside = at + CMSG_LEN(0);
		n = h.cmsg_len - CMSG_LEN(0);
		if (h.cmsg_level == IPPROTO_IP)
			error = wish4(w, h.cmsg_type, inside, n);
		else if (h.cmsg_level == IPPROTO_IPV6 && v6)
			error = wish6(w, h.cmsg_type, inside, n);
		n = CMSG_ALIGN(h.cmsg_len);
		if (n > len)
			break;
		at += n;
		len -= n;
	}
	return error;
}
