/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * findpath.c - which route leads to an address
 *
 * DOC: The fault: within the library an IPv4 address is an IPv6 one,
 * ::ffff:a.b.c.d, and so a default route of IPv6, ::/0, leads to every IPv4
 * address as well.
 *
 * How it is seen: where a router advertises itself for IPv6 and IPv4 has no
 * default route, IPv4 packets are sent to that router in frames that say IPv6;
 * programs wait instead of having ENETUNREACH.
 *
 * The cure: an IPv4 address is matched only by routes whose netmask covers the
 * 96 bits in front of it.  The list is in the order of its netmasks, the
 * longest first, so that the first match is the best.
 */
#include <string.h>

#include "stack/lwipv6/ip/ip.h"

/* Whether HOP is the address of a gateway, and not 0.0.0.0 or ::. */
static bool
is_gateway(const struct ip_addr *hop)
{
	return hop->addr[0] != 0 || hop->addr[1] != 0 || hop->addr[3] != 0 ||
	    (hop->addr[2] != 0 && hop->addr[2] != htonl(0xffff));
}

/*
 * Replaces the library's: by which interface and to which neighbour what is for
 * DST goes; without a gateway that is DST itself.  ERR_OK or ERR_RTE.
 */
EXPORT err_t
OURS(ip_route_findpath)(struct stack *stack, struct ip_addr *dst,
    struct ip_addr **hop, struct netif **netif, int *flags)
{
	struct ip_route_list *el = STACK_FIELD(stack, STACK_ROUTE_HEAD,
	    struct ip_route_list *);
	struct ip_addr to, *better = NULL;
	bool v4;

	(void)flags;
	memcpy(&to, (const void *)dst, sizeof(to)); /* at any offset */
	v4 = ip_is_v4(&to);
	for (; el != NULL; el = el->next) {
		const uint32_t *a = el->addr.addr, *m = el->netmask.addr;

		if (v4 && m[2] != UINT32_MAX)
			continue;
		if (((to.addr[3] ^ a[3]) & m[3]) == 0 &&
		    ((to.addr[0] ^ a[0]) & m[0]) == 0 &&
		    ((to.addr[1] ^ a[1]) & m[1]) == 0 &&
		    ((to.addr[2] ^ a[2]) & m[2]) == 0)
			break;
	}
	if (el == NULL) {
		*netif = NULL;
		*hop = NULL;
		return ERR_RTE;
	}
	*netif = el->netif;
	*hop = dst;
	if (is_gateway(&el->nexthop)) {
		better = redirect_find(el->netif, &to);
		*hop = better != NULL ? better : &el->nexthop;
	}
	return ERR_OK;
}
