/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * address.c - addresses between the system's structures and lwIP's
 *
 * DOC: A socket of AF_INET6 that is not for IPv6 alone has IPv4 addresses as
 * ::ffff:a.b.c.d, and "any" of both versions is lwIP's type ANY.  The zone that
 * lwIP keeps with a link-local address is the number of its interface, as
 * sin6_scope_id is.
 */
#include "stack/lwip/sock/sock.h"

#include <errno.h>
#include <string.h>

#include <lwip/netif.h>

uint8_t
address_type(const struct sock *s)
{
	if (s->domain == AF_INET)
		return IPADDR_TYPE_V4;
	return s->w.v6only || s->kind == SOCK_IP ? IPADDR_TYPE_V6 :
						   IPADDR_TYPE_ANY;
}

static int
get4(const struct sockaddr *from, socklen_t len, ip_addr_t *ip, uint16_t *port)
{
	struct sockaddr_in in;

	if (len < (socklen_t)sizeof(in))
		return EINVAL;
	memcpy(&in, from, sizeof(in));
	if (in.sin_family != AF_INET &&
	    (in.sin_family != AF_UNSPEC || in.sin_addr.s_addr != 0))
		return EAFNOSUPPORT;
	IP_SET_TYPE(ip, IPADDR_TYPE_V4);
	ip_2_ip4(ip)->addr = in.sin_addr.s_addr;
	*port = lwip_ntohs(in.sin_port);
	return 0;
}

/* The zone of a link-local address.  0 or EINVAL: none was told. */
static int
get_zone(const struct sock *s, const struct sockaddr_in6 *in, ip_addr_t *ip)
{
	if (!ip6_addr_has_scope(ip_2_ip6(ip), IP6_UNKNOWN))
		return 0;
	if (in->sin6_scope_id != 0 && in->sin6_scope_id <= UINT8_MAX)
		ip6_addr_set_zone(ip_2_ip6(ip), (u8_t)in->sin6_scope_id);
	else if (in->sin6_scope_id != 0)
		return ENODEV;
	else if (s->w.device != 0)
		ip6_addr_set_zone(ip_2_ip6(ip), s->w.device);
	else if (ip6_addr_ismulticast(ip_2_ip6(ip)) && s->w.mcast_if != 0)
		ip6_addr_set_zone(ip_2_ip6(ip), s->w.mcast_if);
	else if (!ip6_addr_ismulticast(ip_2_ip6(ip)))
		return EINVAL;
	return 0;
}

int
address_get(const struct sock *s, const struct sockaddr *from, socklen_t len,
    ip_addr_t *ip, uint16_t *port)
{
	struct sockaddr_in6 in = { 0 };
	uint32_t v4;

	memset(ip, 0, sizeof(*ip));
	if (from == NULL || len < (socklen_t)sizeof(from->sa_family))
		return EINVAL;
	if (s->domain == AF_INET)
		return get4(from, len, ip, port);
	if (from->sa_family != AF_INET6)
		return EAFNOSUPPORT;
	/* The scope's number was not in the first version of the structure. */
	if (len < (socklen_t)offsetof(struct sockaddr_in6, sin6_scope_id))
		return EINVAL;
	memcpy(&in, from, len < (socklen_t)sizeof(in) ? len : sizeof(in));
	*port = lwip_ntohs(in.sin6_port);
	if (IN6_IS_ADDR_V4MAPPED(&in.sin6_addr)) {
		if (s->w.v6only || s->kind == SOCK_IP)
			return ENETUNREACH;
		memcpy(&v4, in.sin6_addr.s6_addr + 12, sizeof(v4));
		IP_SET_TYPE(ip, IPADDR_TYPE_V4);
		ip_2_ip4(ip)->addr = v4;
		return 0;
	}
	IP_SET_TYPE(ip, IPADDR_TYPE_V6);
	memcpy(ip_2_ip6(ip)->addr, &in.sin6_addr, 16);
	return get_zone(s, &in, ip);
}

void
address_put(const struct sock *s, const ip_addr_t *ip, uint16_t port,
    struct sockaddr *to, socklen_t *len)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
		.sin6_port = lwip_htons(port) };
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_port = lwip_htons(port) };
	const void *from = &in;
	socklen_t size = sizeof(in);

	if (s->domain == AF_INET) {
		if (IP_IS_V4(ip))
			in.sin_addr.s_addr = ip_2_ip4(ip)->addr;
	} else {
		from = &in6;
		size = sizeof(in6);
		if (IP_IS_V4(ip) && !ip_addr_isany(ip)) {
			memset(in6.sin6_addr.s6_addr + 10, 0xff, 2);
			memcpy(in6.sin6_addr.s6_addr + 12, &ip_2_ip4(ip)->addr,
			    4);
		} else if (!IP_IS_V4(ip)) {
			memcpy(&in6.sin6_addr, ip_2_ip6(ip)->addr, 16);
			if (ip6_addr_has_scope(ip_2_ip6(ip), IP6_UNKNOWN))
				in6.sin6_scope_id = ip6_addr_zone(ip_2_ip6(ip));
		}
	}
	if (to != NULL)
		memcpy(to, from, *len < size ? *len : size);
	*len = size;
}

bool
address_is_ours(const ip_addr_t *ip)
{
	struct netif *netif;
	int i;

	if (ip_addr_isany(ip) || ip_addr_ismulticast(ip))
		return true;
	NETIF_FOREACH(netif)
	{
		if (IP_IS_V4(ip)) {
			if (ip4_addr_cmp(ip_2_ip4(ip), netif_ip4_addr(netif)) ||
			    ip4_addr_isbroadcast(ip_2_ip4(ip), netif))
				return true;
			if (ip4_addr_isloopback(ip_2_ip4(ip)))
				return true;
			continue;
		}
		for (i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++)
			if (!ip6_addr_isinvalid(
				netif_ip6_addr_state(netif, i)) &&
			    ip6_addr_cmp(ip_2_ip6(ip),
				netif_ip6_addr(netif, i)))
				return true;
	}
	return false;
}

bool
address_source(const ip_addr_t *dst, ip_addr_t *src)
{
	const ip_addr_t *from;
	struct netif *netif;
	ip_addr_t any;

	ip_addr_set_any(IP_IS_V6(dst), &any);
	if ((netif = ip_route(&any, dst)) == NULL ||
	    (from = ip_netif_get_local_ip(netif, dst)) == NULL)
		return false;
	*src = *from;
	return true;
}
