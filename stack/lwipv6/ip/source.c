/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * source.c - from which of its addresses an interface sends
 *
 * DOC: The fault: the library's choice among IPv6 addresses prefers a
 * link-local one for a unique local destination; without any address it
 * follows a null pointer.
 *
 * How it is seen: a datagram to fd00::2 comes from fe80::..., and its answer
 * does not find back through a router.
 *
 * The cure: RFC 6724, 5, for one interface: the address itself; then the
 * smallest scope that is not too small (rule 2); not a deprecated one (3); the
 * label of its kind (6); the longest common prefix (8).
 */
#include <errno.h>
#include <string.h>

#include "stack/lwipv6/ip/ip.h"

#define DEPRECATED 0x20 /* IFA_F_DEPRECATED */

/* RFC 4007, RFC 4291: of multicast it stands in the address. */
static unsigned
scope(const uint8_t *a)
{
	static const uint8_t loopback[16] = { [15] = 1 };

	if (a[0] == 0xff)
		return a[1] & 15;
	if ((a[0] == 0xfe && (a[1] & 0xc0) == 0x80) ||
	    memcmp(a, loopback, 16) == 0)
		return 2;
	if (a[0] == 0xfe && (a[1] & 0xc0) == 0xc0)
		return 5;
	return 14;
}

/* The labels of RFC 6724, 2.1, as far as an interface can have them. */
static unsigned
label(const uint8_t *a)
{
	if ((a[0] & 0xfe) == 0xfc)
		return 13;
	if (a[0] == 0x20 && a[1] == 0x02)
		return 2;
	if (a[0] == 0x20 && a[1] == 0x01 && a[2] == 0 && a[3] == 0)
		return 5;
	return 1;
}

/* Leading bits that A and B have in common, 64 at most. */
static unsigned
common(const uint8_t *a, const uint8_t *b)
{
	unsigned n = 0;

	while (n < 64 && ((a[n / 8] ^ b[n / 8]) >> (7 - n % 8) & 1) == 0)
		n++;
	return n;
}

/* Whether A is better than B to send to D from. */
static bool
better(const struct ip_addr_list *a, const struct ip_addr_list *b,
    const uint8_t *d)
{
	const uint8_t *x = (const uint8_t *)&a->ipaddr;
	const uint8_t *y = (const uint8_t *)&b->ipaddr;
	bool old_a = a->flags & DEPRECATED, old_b = b->flags & DEPRECATED;
	unsigned sx = scope(x), sy = scope(y), sd = scope(d);

	if (memcmp(y, d, 16) == 0)
		return false;
	if (memcmp(x, d, 16) == 0)
		return true;
	if (sx != sy)
		return sx < sy ? sx >= sd : sy < sd;
	if (old_a != old_b)
		return old_b;
	if ((label(x) == label(d)) != (label(y) == label(d)))
		return label(x) == label(d);
	return common(x, d) > common(y, d);
}

/*
 * Replaces the library's: the address of NETIF to send to DST from, by way of
 * HOP; NULL where there is none.
 */
EXPORT struct ip_addr_list *
OURS(ip_route_select_source_ip)(struct netif *netif, struct ip_addr *dst,
    struct ip_addr *hop)
{
	struct ip_addr_list *tail = netif->addrs, *el, *best = NULL;

	if (tail == NULL)
		return NULL;
	if (ip_is_v4(dst))
		return ip_addr_list_maskfind(tail, hop);
	for (el = tail->next;; el = el->next) {
		if (!ip_is_v4(&el->ipaddr) &&
		    (best == NULL || better(el, best, (const uint8_t *)dst)))
			best = el;
		if (el == tail)
			return best;
	}
}

bool
ip_is_own(struct stack *stack, struct ip_addr *ip)
{
	struct netif *n = STACK_FIELD(stack, STACK_NETIF_LIST, struct netif *);

	for (; n != NULL; n = n->next)
		if (ip_addr_list_find(n->addrs, ip, NULL) != NULL)
			return true;
	return ip_is_v4(ip) && ntohl(ip->addr[3]) >> 24 == 127;
}

bool
ip_is_broadcast(struct stack *stack, const struct ip_addr *ip)
{
	const struct netif *n = STACK_FIELD(stack, STACK_NETIF_LIST,
	    const struct netif *);

	while (n != NULL && !ip4_is_broadcast(n, ip))
		n = n->next;
	return n != NULL && ip->addr[3] != 0;
}

int
ip_route_from(struct stack *stack, struct ip_addr *dst, struct netif **netif,
    struct ip_addr *from)
{
	struct ip_addr_list *el;
	struct ip_addr *hop;
	struct netif *n;
	int flags;

	if (ip_route_findpath(stack, dst, &hop, &n, &flags) != ERR_OK)
		return ENETUNREACH;
	if ((el = ip_route_select_source_ip(n, dst, hop)) == NULL)
		return EADDRNOTAVAIL;
	if (netif != NULL)
		*netif = n;
	if (from != NULL)
		*from = el->ipaddr;
	return 0;
}

uint8_t
ip_hops(struct stack *stack, const struct ip_addr *dst, uint8_t other)
{
	struct ip_addr to = *dst, *hop; /* the library wants it writable */
	unsigned hops = 0;
	struct netif *n;
	int flags;

	if (!ip_is_v4(dst) &&
	    ip_route_findpath(stack, &to, &hop, &n, &flags) == ERR_OK)
		hops = ra_hops(n);
	return hops != 0 ? (uint8_t)hops : other;
}

void
ip_doubt_hop(struct stack *stack, const struct ip_addr *dst)
{
	struct ip_addr to = *dst, *hop; /* the library wants it writable */
	struct netif *n;
	int flags;

	if (ip_route_findpath(stack, &to, &hop, &n, &flags) == ERR_OK &&
	    port_of(n) != NULL)
		neigh_doubt(port_of(n), hop);
}
