/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * option.c - options of sockets that are answered here
 *
 * DOC: Options are the stack's but for three kinds: what is a matter of the
 * pair (SO_ERROR, and the state of a listener); what only says how a kernel
 * should do its work, which programs set as a matter of course and depend on
 * only in that it does not fail; and what a stack may not know of.
 */
#include <sys/ioctl.h>
#include <errno.h>
#include <linux/icmp.h>
#include <linux/if.h>
#include <linux/sockios.h>
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

/* The number of the interface that has the address A, or 0. */
static int
interface_of(struct msock *m, struct in_addr a)
{
	struct ifreq all[64], r;
	struct ifconf conf = { .ifc_len = sizeof(all) };
	struct sockaddr_in own;
	size_t i;

	memset(all, 0, sizeof(all));
	conf.ifc_req = all;
	if (m->sv->ops->ioctl(m->sock, SIOCGIFCONF, &conf) != 0 ||
	    conf.ifc_len < 0 || conf.ifc_len > (int)sizeof(all))
		return 0;
	for (i = 0; i < (size_t)conf.ifc_len / sizeof(all[0]); i++) {
		memcpy(&own, &all[i].ifr_addr, sizeof(own));
		if (own.sin_family != AF_INET ||
		    own.sin_addr.s_addr != a.s_addr)
			continue;
		memset(&r, 0, sizeof(r));
		memcpy(r.ifr_name, all[i].ifr_name, sizeof(r.ifr_name));
		/* An address more is listed with its name behind a colon. */
		r.ifr_name[strcspn(r.ifr_name, ":")] = '\0';
		if (m->sv->ops->ioctl(m->sock, SIOCGIFINDEX, &r) == 0)
			return r.ifr_ifindex;
	}
	return 0;
}

/*
 * IP_PKTOPTIONS: for who asked for IP_PKTINFO, by which interface a connection
 * came, as a control message.  A server that listens on all addresses asks so.
 */
static int
packet_options(struct msock *m, void *value, socklen_t *len)
{
	union {
		char room[CMSG_SPACE(sizeof(struct in_pktinfo))];
		struct cmsghdr h;
	} out = { .h = { .cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo)),
		      .cmsg_level = IPPROTO_IP,
		      .cmsg_type = IP_PKTINFO } };
	struct in_pktinfo info = { .ipi_ifindex = 0 };
	struct sockaddr_storage own = { 0 };
	socklen_t n = sizeof(int);
	int on = 0;

	if (m->sv->ops->get(m->sock, IPPROTO_IP, IP_PKTINFO, &on, &n) != 0 ||
	    on == 0)
		return give(value, len, &out, 0);
	n = sizeof(own);
	if (m->sv->ops->name(m->sock, false, (struct sockaddr *)&own, &n) ==
		0 &&
	    own.ss_family == AF_INET)
		info.ipi_addr = ((const struct sockaddr_in *)&own)->sin_addr;
	info.ipi_spec_dst = info.ipi_addr;
	if (m->state == MSOCK_OPEN)
		info.ipi_ifindex = interface_of(m, info.ipi_addr);
	memcpy(CMSG_DATA(&out.h), &info, sizeof(info));
	return give(value, len, &out, sizeof(out));
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
	if (level == IPPROTO_IP && name == IP_PKTOPTIONS && m->stream)
		return packet_options(m, value, len);
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
