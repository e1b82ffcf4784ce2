/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sockaddr.c - the addresses of programs and those of the library
 *
 * DOC: The faults: lwip_getsockname() gives the peer's address;
 * lwip_getpeername() and lwip_accept() give what lies on the stack, since the
 * function that they call fails for TCP and nobody looks; a length of address
 * that is too short, or no length at all, is not noticed; and what comes in
 * over IPv6 on an AF_INET socket is given as some IPv4 address.
 *
 * The cure: a socket keeps its two addresses, under its lock, as they became
 * known.  An address is told as POSIX has it: cut to the room there is, with
 * the length that it would have.  Within the library an IPv4 address is an
 * IPv6 one, ::ffff:a.b.c.d, which is how an AF_INET6 socket sees it, too.  An
 * AF_INET socket, and one with IPV6_V6ONLY, does not hear the other family.
 *
 * A packet socket's address travels through the library as 16 bytes that look
 * like an IP address: index, type, kind, length, hardware address.
 */
#include <errno.h>
#include <netinet/in.h>
#include <linux/if_packet.h>
#include <string.h>

#include "stack/lwipv6/sock/sock.h"

bool
name_is_any(const struct ip_addr *ip)
{
	return ip_is_any(ip);
}

bool
name_fits(const struct sock *s, const struct ip_addr *ip)
{
	if (s->family == AF_INET)
		return ip_is_v4(ip);
	return !s->v6only || !ip_is_v4(ip);
}

static void
packet_in(const struct sockaddr_ll *ll, struct ip_addr *ip)
{
	const uint8_t *a = ll->sll_addr;

	ip->addr[0] = (uint32_t)ll->sll_ifindex;
	ip->addr[1] = (uint32_t)ll->sll_hatype << 16 |
	    (uint32_t)ll->sll_pkttype << 8 | ll->sll_halen;
	ip->addr[2] = (uint32_t)a[0] << 24 | (uint32_t)a[1] << 16 |
	    (uint32_t)a[2] << 8 | a[3];
	ip->addr[3] = (uint32_t)a[4] << 24 | (uint32_t)a[5] << 16 |
	    (uint32_t)a[6] << 8 | a[7];
}

static void
packet_out(const struct ip_addr *ip, uint16_t protocol, struct sockaddr_ll *ll)
{
	int i;

	memset(ll, 0, sizeof(*ll));
	ll->sll_family = AF_PACKET;
	ll->sll_protocol = htons(protocol);
	ll->sll_ifindex = (int)ip->addr[0];
	ll->sll_hatype = (unsigned short)(ip->addr[1] >> 16);
	ll->sll_pkttype = (unsigned char)(ip->addr[1] >> 8);
	ll->sll_halen = (unsigned char)ip->addr[1];
	if (ll->sll_halen == 0 && ll->sll_hatype != 0)
		ll->sll_halen = 6;
	for (i = 0; i < 8; i++)
		ll->sll_addr[i] = (unsigned char)(ip->addr[2 + i / 4] >>
		    (24 - i % 4 * 8));
}

int
name_in(const struct sock *s, const struct sockaddr *name, socklen_t len,
    struct sock_dest *to)
{
	struct sockaddr_in6 in6;
	struct sockaddr_in in;
	struct sockaddr_ll ll;

	memset(to, 0, sizeof(*to));
	if (name == NULL)
		return EFAULT;
	switch (s->family) {
	case AF_INET:
		if (len < sizeof(in))
			return EINVAL;
		memcpy(&in, name, sizeof(in));
		if (in.sin_family != AF_INET && in.sin_family != AF_UNSPEC)
			return EAFNOSUPPORT;
		if (in.sin_addr.s_addr != 0)
			to->ip.addr[2] = htonl(0xffff);
		to->ip.addr[3] = in.sin_addr.s_addr;
		to->port = ntohs(in.sin_port);
		return 0;
	case AF_INET6:
		if (len < offsetof(struct sockaddr_in6, sin6_scope_id))
			return EINVAL;
		memcpy(&in6, name,
		    offsetof(struct sockaddr_in6, sin6_scope_id));
		if (in6.sin6_family != AF_INET6)
			return EAFNOSUPPORT;
		memcpy(&to->ip, &in6.sin6_addr, sizeof(to->ip));
		to->port = ntohs(in6.sin6_port);
		return 0;
	case AF_PACKET:
		memset(&ll, 0, sizeof(ll));
		if (len < offsetof(struct sockaddr_ll, sll_addr))
			return EINVAL;
		memcpy(&ll, name, len < sizeof(ll) ? len : sizeof(ll));
		if (ll.sll_family != AF_PACKET)
			return EAFNOSUPPORT;
		packet_in(&ll, &to->ip);
		to->port = ntohs(ll.sll_protocol);
		return 0;
	default:
		return EAFNOSUPPORT;
	}
}

void
name_out(int family, const struct ip_addr *ip, uint16_t port,
    struct sockaddr *name, socklen_t *len)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_ll ll;
	const void *from;
	socklen_t n;

	if (name == NULL || len == NULL)
		return;
	if (family == AF_INET) {
		in.sin_addr.s_addr = ip->addr[3];
		in.sin_port = htons(port);
		from = &in;
		n = sizeof(in);
	} else if (family == AF_INET6) {
		memcpy(&in6.sin6_addr, ip, sizeof(in6.sin6_addr));
		in6.sin6_port = htons(port);
		from = &in6;
		n = sizeof(in6);
	} else {
		packet_out(ip, port, &ll);
		from = &ll;
		n = sizeof(ll);
	}
	memcpy(name, from, *len < n ? *len : n);
	*len = n;
}

int
name_errno(err_t err)
{
	switch (err) {
	case ERR_OK:
		return 0;
	case ERR_MEM:
	case ERR_BUF:
		return ENOBUFS;
	case ERR_ABRT:
		return ECONNABORTED;
	case ERR_RST:
		return ECONNRESET;
	case ERR_CONN:
		return ENOTCONN;
	case ERR_RTE:
		return ENETUNREACH;
	case ERR_USE:
		return EADDRINUSE;
	case ERR_IF:
		return ENXIO;
	default:
		return EINVAL;
	}
}
