/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * deliver.c - a packet for an address that a router has on another side
 *
 * DOC: The fault: whether a packet is for the stack is decided by the addresses
 * of the interface that it came by.  One for an address of another interface is
 * forwarded to that one's network, and its own address asked for there.
 *
 * How it is seen: of a stack that forwards between two buses only the near
 * address answers.
 *
 * The cure: RFC 1812, 5.2.3: what is for any of a router's addresses is for the
 * router.  The library is told that the packet came by the interface that has
 * the address.  Excepted are addresses that are valid only on one link (RFC
 * 4291, 2.5.6) or inside of a host (RFC 1122, 3.2.1.3).
 *
 * A stack that does not forward stays as it was: what comes by the wrong
 * interface is dropped, as RFC 1122, 3.3.4.2 has it of a strong host.
 */
#include <string.h>

#include "base/net_bytes.h"
#include "stack/lwipv6/ip/ip.h"

#define PROTO_UDP 17
#define DHCP_CLIENT 68

static bool
has(const struct netif *netif, const struct ip_addr *ip)
{
	const struct ip_addr_list *tail = netif->addrs, *el = tail;

	while (el != NULL) {
		if (ip_same(&el->ipaddr, ip))
			return true;
		el = el->next == tail ? NULL : el->next;
	}
	return false;
}

/* Whether IP means the same host on every link and outside of a host. */
static bool
everywhere(const struct ip_addr *ip)
{
	static const uint8_t loopback[16] = { [15] = 1 };
	uint32_t first = ntohl(ip->addr[0]);

	if (ip_is_v4(ip))
		return ntohl(ip->addr[3]) >> 24 != 127;
	return first >> 24 != 0xff && !ip_is_link_local(ip) &&
	    memcmp(ip, loopback, sizeof(*ip)) != 0;
}

struct netif *
deliver_at(struct netif *in, const struct ip_addr *dst)
{
	struct netif *other;

	if (has(in, dst) || !everywhere(dst) ||
	    !(lwip_stack_flags_get(in->stack) & STACK_FORWARDING))
		return in;
	for (other = STACK_FIELD(in->stack, STACK_NETIF_LIST, struct netif *);
	     other != NULL; other = other->next)
		if (has(other, dst))
			return other;
	return in;
}

/*
 * Whether the packet IP is a datagram that was sent to all: to 255.255.255.255
 * the library gives it to nobody, to a network's own address not to a socket of
 * IPv6, and to the first socket only, where RFC 1122, 4.1.3.5 has each that is
 * bound to the port.  What is for a DHCP client of the library's is the library's.
 */
static bool
is_broadcast_for_many(const struct netif *in, const uint8_t *ip,
    const struct ip_addr *dst)
{
	unsigned hlen = (ip[0] & 15u) * 4;

	return port_of(in) != NULL && ip[0] >> 4 == 4 && ip[9] == PROTO_UDP &&
	    dst->addr[3] != 0 && ip4_is_broadcast(in, dst) &&
	    (in->dhcp == NULL || be16(ip + hlen + 2) != DHCP_CLIENT);
}

/*
 * Whether DST is a group of IPv6 that this host, where IN is, does not belong
 * to: the library takes what is sent to any.
 */
static bool
is_foreign_group(const struct netif *in, const struct ip_addr *dst)
{
	struct port *port = port_of(in);

	return port != NULL && !ip_is_v4(dst) && ip_is_group(dst) &&
	    !group_is_ours(port, dst);
}

__thread struct ip_arrival ip_arrival;

void
ip_own_of(struct netif *in, const struct ip_addr *like, struct ip_addr *own)
{
	const struct ip_addr_list *tail = in->addrs, *el = tail;

	*own = *like;
	while (el != NULL) {
		if (ip_is_v4(&el->ipaddr) == ip_is_v4(like)) {
			*own = el->ipaddr;
			return;
		}
		el = el->next == tail ? NULL : el->next;
	}
}

/* Notes what the header IP of a packet for DST says, which came by IN. */
static void
note_arrival(struct netif *in, const uint8_t *ip, const struct ip_addr *dst)
{
	bool v4 = ip[0] >> 4 == 4;

	ip_arrival.in = in;
	ip_arrival.to = *dst;
	ip_arrival.ttl = v4 ? ip[8] : ip[7];
	ip_arrival.tos = ip[1];
	if (!v4)
		ip_arrival.tos = (uint8_t)(ip[0] << 4 | ip[1] >> 4);
}

/* Replaces the library's: an IP packet came by IN. */
EXPORT void
OURS(ip_input)(struct pbuf *p, struct netif *in)
{
	const uint8_t *ip = p->payload;
	struct port *port = port_of(in);
	struct ip_addr dst;
	bool known = false;

	if ((p->len >= 20 && ip[0] >> 4 == 4 &&
		p->len >= (ip[0] & 15u) * 4 + 4) ||
	    (p->len >= 40 && ip[0] >> 4 == 6)) {
		dst = ip_target(ip);
		/* An IPv4-mapped address in an IPv6 header is not used. */
		known = ip[0] >> 4 == 4 || !ip_is_v4(&dst);
	}
	ip_arrival.in = NULL;
	if (known) {
		note_arrival(in, ip, &dst);
		if (ip[0] >> 4 == 4 && port != NULL && port->dhcp != NULL &&
		    dhcp_input(port, p)) {
			pbuf_free(p);
			return;
		}
		if ((ip_is_group(&dst) ||
			is_broadcast_for_many(in, ip, &dst)) &&
		    above.group_input(p, in, &dst))
			return;
		if (is_foreign_group(in, &dst)) {
			pbuf_free(p);
			return;
		}
		in = deliver_at(in, &dst);
		if (!has(in, &dst) && forward_not(p, in, &dst))
			return;
	}
	real()->ip_input(p, in);
}
