/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * option.c - options of sockets that are answered here
 *
 * DOC: Options are the stack's but for three kinds: what is a matter of the
 * pair (SO_ERROR, and the state of a listener); what only says how a kernel
 * should do its work, which programs set as a matter of course and depend on
 * only in that it does not fail; and what a stack may not know of.
 */
#include <errno.h>
#include <linux/icmp.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "mstack/serve/serve.h"

/* What a stack does that has no choice. */
#define RENO "reno"

#ifndef SO_BUSY_POLL
#define SO_BUSY_POLL 46
#endif

/*
 * Options that are taken also where a stack does not know them, and have no
 * effect then but that they are told again; a stack may not tell them.
 */
static const struct hint {
	int level, name;
} hints[] = {
	{ SOL_SOCKET, SO_DEBUG },
	{ SOL_SOCKET, SO_PRIORITY },
	{ SOL_SOCKET, SO_OOBINLINE },
	{ SOL_SOCKET, SO_RCVLOWAT },
	{ SOL_SOCKET, SO_MARK },
	{ SOL_SOCKET, SO_INCOMING_CPU },
	{ SOL_SOCKET, SO_BUSY_POLL },
	{ IPPROTO_TCP, TCP_CORK },
	{ IPPROTO_TCP, TCP_QUICKACK },
	{ IPPROTO_TCP, TCP_DEFER_ACCEPT },
	{ IPPROTO_TCP, TCP_USER_TIMEOUT },
	{ IPPROTO_TCP, TCP_SYNCNT },
	{ IPPROTO_TCP, TCP_LINGER2 },
	{ IPPROTO_TCP, TCP_WINDOW_CLAMP },
	{ IPPROTO_TCP, TCP_NOTSENT_LOWAT },
	{ IPPROTO_TCP, TCP_MAXSEG },
	{ IPPROTO_TCP, TCP_FASTOPEN },
	{ IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT },
	{ IPPROTO_IP, IP_MTU_DISCOVER },
	{ IPPROTO_IP, IP_RECVERR },
	{ IPPROTO_RAW, ICMP_FILTER },
	{ IPPROTO_IPV6, IPV6_RECVTCLASS },
	{ IPPROTO_IPV6, IPV6_AUTOFLOWLABEL },
};

#define HINTS (sizeof(hints) / sizeof(hints[0]))
_Static_assert(HINTS <= 32, "bits of hinted");

/* Where the value of a hint is kept; -1: it is none. */
static int
hint_of(int level, int name)
{
	size_t i;

	for (i = 0; i < HINTS; i++)
		if (hints[i].level == level && hints[i].name == name)
			return (int)i;
	return -1;
}

static int
set_hint(struct msock *m, int hint, const void *value, socklen_t len)
{
	if (len < sizeof(int))
		return EINVAL;
	if (m->hints == NULL &&
	    (m->hints = calloc(HINTS, sizeof(*m->hints))) == NULL)
		return ENOBUFS;
	memcpy(&m->hints[hint], value, sizeof(int));
	m->hinted |= 1u << hint;
	/* Those that switch something. */
	if (hints[hint].level == IPPROTO_TCP &&
	    (hints[hint].name == TCP_CORK || hints[hint].name == TCP_QUICKACK))
		m->hints[hint] = m->hints[hint] != 0;
	return 0;
}

/* Whether a socket of M's kind has options of LEVEL at all. */
static bool
has_level(const struct msock *m, int level)
{
	if (m->domain != AF_INET && m->domain != AF_INET6)
		return true;
	switch (level) {
	case SOL_SOCKET:
	case IPPROTO_IP:
	case IPPROTO_RAW:
	case IPPROTO_ICMPV6:
		return true;
	case IPPROTO_TCP:
		return m->type == SOCK_STREAM;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		return m->type == SOCK_DGRAM;
	case IPPROTO_IPV6:
		return m->domain == AF_INET6;
	default:
		return m->type == SOCK_RAW;
	}
}

/*
 * Whether LEN is too short for any value of an option of LEVEL: Linux looks
 * there, before it looks which option it is, but for those that are text.
 */
static bool
is_too_short(int level, int name, socklen_t len)
{
	if (len >= sizeof(int))
		return false;
	if (level == SOL_SOCKET)
		return name != SO_BINDTODEVICE;
	return level == IPPROTO_TCP && name != TCP_CONGESTION &&
	    name != TCP_ULP && name != TCP_FASTOPEN_KEY;
}

int
option_set(struct msock *m, int level, int name, const void *value,
    socklen_t len)
{
	int error, n;

	if (!has_level(m, level))
		return ENOPROTOOPT;
	if (is_too_short(level, name, len))
		return EINVAL;
	error = m->sv->ops->set(m->sock, level, name, value, len);
	if (error == ENOPROTOOPT && level == IPPROTO_TCP &&
	    name == TCP_CONGESTION)
		return len == strlen(RENO) && memcmp(value, RENO, len) == 0 ?
		    0 :
		    ENOENT;
	if ((error == ENOPROTOOPT || (error == 0 && len >= sizeof(int))) &&
	    (n = hint_of(level, name)) != -1)
		return set_hint(m, n, value, len);
	return error;
}

static int
give(void *value, socklen_t *len, const void *from, size_t size)
{
	if (*len > size)
		*len = (socklen_t)size;
	memcpy(value, from, *len);
	return 0;
}

/* What TCP_INFO can say without the stack: the state. */
static int
tcp_info(struct msock *m, void *value, socklen_t *len)
{
	/* The kernel's numbers: established, SYN sent, listen, closed. */
	struct tcp_info info = { .tcpi_state = 7 };

	if (m->state == MSOCK_OPEN)
		info.tcpi_state = 1;
	else if (m->state == MSOCK_CONNECTING)
		info.tcpi_state = 2;
	else if (m->state == MSOCK_LISTENING)
		info.tcpi_state = 10;
	return give(value, len, &info, sizeof(info));
}

int
option_get(struct msock *m, int level, int name, void *value, socklen_t *len)
{
	int error, n;

	if (level == SOL_SOCKET && name == SO_ERROR) {
		n = m->error;
		m->error = 0;
		return give(value, len, &n, sizeof(n));
	}
	if (level == IPPROTO_TCP && name == TCP_INFO && m->stream)
		return tcp_info(m, value, len);
	if (!has_level(m, level))
		return m->domain == AF_INET ? EOPNOTSUPP : ENOPROTOOPT;
	n = hint_of(level, name);
	error = n != -1 && (m->hinted & 1u << n) ?
	    ENOPROTOOPT :
	    m->sv->ops->get(m->sock, level, name, value, len);
	if (error == ENOPROTOOPT && level == IPPROTO_TCP &&
	    name == TCP_CONGESTION)
		return give(value, len, RENO, sizeof(RENO));
	if (error == ENOPROTOOPT && n != -1) {
		n = m->hints == NULL ? 0 : m->hints[n];
		return give(value, len, &n, sizeof(n));
	}
	return error;
}
