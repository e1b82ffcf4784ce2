/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ctl.c - interfaces of lwIP looked at and set up from outside
 *
 * DOC: Each function takes the core's lock for as long as it needs lwIP's
 * lists, and copies what it is asked for.  What lwIP cannot do is answered by
 * EOPNOTSUPP:
 *
 *   - an interface has one IPv4 address;
 *   - prefixes of IPv6 addresses are of 64 bits: what is on the link follows
 *     from that or from a router's advertisement;
 *   - a route leads to everywhere (the default) by a gateway, or to the network
 *     of an address; others cannot be added;
 *   - a neighbour that is set is one of IPv4, on the network of the interface's
 *     address, and goes when the interface goes down; none is answered for;
 *   - it does not advertise as a router.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lwip/dhcp.h>
#include <lwip/nd6.h>
#include <lwip/netif.h>
#include <lwip/tcpip.h>

#include "stack/lwip/ctl.h"

/* ---- what lwIP lacks ---------------------------------------------------- */

static __thread const char *lacking;

int
ctl_lacks(const char *why)
{
	lacking = why;
	return EOPNOTSUPP;
}

static const char *
ctl_why(void)
{
	const char *why = lacking;

	lacking = NULL;
	return why;
}

/* ---- names and addresses ------------------------------------------------ */

void
ctl_name(const struct netif *netif, char name[SHMIF_NAME_MAX])
{
	const struct port *port = port_of(netif);

	if (port != NULL)
		unit_name(port->unit->num, name);
	else
		snprintf(name, SHMIF_NAME_MAX, "%c%c%u", netif->name[0],
		    netif->name[1], netif->num);
}

struct netif *
ctl_netif(const char *name)
{
	char has[SHMIF_NAME_MAX];
	struct netif *netif;

	NETIF_FOREACH(netif)
	{
		ctl_name(netif, has);
		if (strcmp(name, has) == 0)
			return netif;
	}
	return NULL;
}

void
ctl_to_lwip(const uint8_t ip[16], ip_addr_t *to)
{
	memset(to, 0, sizeof(*to));
	if (addr_is_v4(ip)) {
		IP_SET_TYPE(to, IPADDR_TYPE_V4);
		memcpy(&ip_2_ip4(to)->addr, ip + 12, 4);
	} else {
		IP_SET_TYPE(to, IPADDR_TYPE_V6);
		memcpy(ip_2_ip6(to)->addr, ip, 16);
	}
}

void
ctl_from_lwip(const ip_addr_t *from, uint8_t ip[16])
{
	if (IP_IS_V6(from))
		memcpy(ip, ip_2_ip6(from)->addr, 16);
	else
		addr_from_v4(&ip_2_ip4(from)->addr, ip);
}

/* The bits that are set at the beginning of MASK. */
static unsigned
prefix_of(const ip4_addr_t *mask)
{
	unsigned n = 0;

	while (n < 32 && (lwip_ntohl(mask->addr) & 0x80000000u >> n))
		n++;
	return n;
}

/* ---- addresses ---------------------------------------------------------- */

static int
change4(struct netif *netif, const ip4_addr_t *ip, unsigned prefix, bool add)
{
	bool has = ip4_addr_cmp(netif_ip4_addr(netif), ip);
	ip4_addr_t mask, none = { 0 };

	if (!add) {
		if (!has ||
		    (prefix != ADDR_PREFIX_NONE &&
			prefix != prefix_of(netif_ip4_netmask(netif)) + 96))
			return EADDRNOTAVAIL;
		netif_set_addr(netif, &none, &none, &none);
		return 0;
	}
	if (has)
		return EADDRINUSE;
	if (!ip4_addr_isany(netif_ip4_addr(netif)))
		return ctl_lacks("an interface of lwIP has one IPv4 address");
	mask.addr = prefix <= 96 ? 0 :
				   lwip_htonl(0xffffffffu << (128 - prefix));
	netif_set_addr(netif, ip, &mask, &none);
	return 0;
}

static int
change6(struct netif *netif, ip6_addr_t *ip, unsigned prefix, bool add)
{
	s8_t i, free_one;

	ip6_addr_assign_zone(ip, IP6_UNICAST, netif);
	i = netif_get_ip6_addr_match(netif, ip);
	if (!add) {
		if (i < 0 || (prefix != ADDR_PREFIX_NONE && prefix != 64))
			return EADDRNOTAVAIL;
		netif_ip6_addr_set_state(netif, i, IP6_ADDR_INVALID);
		return 0;
	}
	if (i >= 0)
		return EADDRINUSE;
	if (prefix != 64)
		return ctl_lacks("lwIP's IPv6 prefixes have 64 bits");
	if (netif_add_ip6_address(netif, ip, &free_one) != ERR_OK)
		return ENOMEM;
	return 0;
}

int
ctl_change_address(struct netif *netif, const uint8_t ip[16], unsigned prefix,
    bool add)
{
	ip_addr_t a;

	ctl_to_lwip(ip, &a);
	return IP_IS_V4_VAL(a) ? change4(netif, ip_2_ip4(&a), prefix, add) :
				 change6(netif, ip_2_ip6(&a), prefix, add);
}

static int
ctl_address(void *stack, const char *name, const uint8_t ip[16],
    unsigned prefix, bool add)
{
	struct netif *netif;
	int error = ENXIO;

	(void)stack;
	LOCK_TCPIP_CORE();
	if ((netif = ctl_netif(name)) != NULL)
		error = ctl_change_address(netif, ip, prefix, add);
	UNLOCK_TCPIP_CORE();
	return error;
}

/* ---- listing ------------------------------------------------------------ */

static void
list_free(struct ctl_if *list, unsigned n)
{
	while (n > 0)
		free(list[--n].addr);
	free(list);
}

static enum ctl_state
state_of(uint8_t state)
{
	if (ip6_addr_istentative(state))
		return CTL_TENTATIVE;
	if (ip6_addr_isduplicated(state))
		return CTL_DUPLICATE;
	return state == IP6_ADDR_DEPRECATED ? CTL_DEPRECATED : CTL_PREFERRED;
}

static int
copy_addresses(const struct netif *netif, struct ctl_if *c)
{
	const struct dhcp *dhcp = netif_dhcp_data(netif);
	int i;

	c->addr = calloc(1 + LWIP_IPV6_NUM_ADDRESSES, sizeof(*c->addr));
	if (c->addr == NULL)
		return ENOMEM;
	if (!ip4_addr_isany(netif_ip4_addr(netif))) {
		struct ctl_addr *a = &c->addr[c->addrs++];

		ctl_from_lwip(netif_ip_addr4(netif), a->ip);
		a->prefix = (uint8_t)(prefix_of(netif_ip4_netmask(netif)) + 96);
		a->origin = dhcp != NULL ? CTL_AUTO : CTL_MANUAL;
	}
	for (i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++) {
		struct ctl_addr *a = &c->addr[c->addrs];

		if (ip6_addr_isinvalid(netif_ip6_addr_state(netif, i)))
			continue;
		c->addrs++;
		ctl_from_lwip(netif_ip_addr6(netif, i), a->ip);
		a->prefix = port_of(netif) != NULL ? 64 : 128;
		a->origin = netif_ip6_addr_isstatic(netif, i) ? CTL_MANUAL :
								CTL_AUTO;
		/* That of the loopback is never preferred, nor does it matter. */
		a->state = port_of(netif) == NULL ?
		    CTL_PREFERRED :
		    state_of(netif_ip6_addr_state(netif, i));
	}
	return 0;
}

static int
copy_if(const struct netif *netif, struct ctl_if *c)
{
	const struct port *port = port_of(netif);
	const struct dhcp *dhcp = netif_dhcp_data(netif);

	ctl_name(netif, c->name);
	c->kind = port != NULL ? "shmif" : "loopback";
	c->unit = port != NULL ? port->unit->num : -1;
	c->up = netif_is_up(netif);
	c->running = netif_is_link_up(netif);
	c->promisc = port != NULL && port->promisc;
	c->broadcast = (netif->flags & NETIF_FLAG_BROADCAST) != 0;
	c->loopback = port == NULL;
	c->autoconf = port != NULL && netif->ip6_autoconfig_enabled;
	c->dhcp = dhcp != NULL && dhcp->state != 0;
	c->has_mac = netif->hwaddr_len == 6;
	memcpy(c->mac, netif->hwaddr, sizeof(c->mac));
	c->mtu = netif->mtu != 0 ? netif->mtu : UINT16_MAX;
	c->index = netif_get_index(netif);
	return copy_addresses(netif, c);
}

static int
ctl_list(void *stack, const char *name, struct ctl_if **list, unsigned *n)
{
	struct netif *netif, *one = NULL;
	unsigned count = 0;
	int error = 0, turn;

	(void)stack;
	*list = NULL;
	*n = 0;
	LOCK_TCPIP_CORE();
	if (name != NULL && (one = ctl_netif(name)) == NULL) {
		UNLOCK_TCPIP_CORE();
		return ENXIO;
	}
	NETIF_FOREACH(netif)
	count++;
	if ((*list = calloc(count + 1, sizeof(**list))) == NULL)
		error = ENOMEM;
	/* The loopback first; lwIP has the latest first. */
	for (turn = 0; turn < 2; turn++)
		NETIF_FOREACH(netif)
		{
			if (error == 0 && (one == NULL || one == netif) &&
			    (port_of(netif) == NULL) == (turn == 0))
				error = copy_if(netif, &(*list)[(*n)++]);
		}
	UNLOCK_TCPIP_CORE();
	if (error != 0) {
		list_free(*list, *n);
		*list = NULL;
		*n = 0;
	}
	return error;
}

/* ---- setting up --------------------------------------------------------- */

/* Does FN(netif, VALUE) for the interface NAME, with the lock. */
static int
with(const char *name, int (*fn)(struct netif *, unsigned), unsigned value)
{
	struct netif *netif;
	int error = ENXIO;

	LOCK_TCPIP_CORE();
	if ((netif = ctl_netif(name)) != NULL)
		error = fn(netif, value);
	UNLOCK_TCPIP_CORE();
	return error;
}

static int
set_up_fn(struct netif *netif, unsigned up)
{
	if (up) {
		netif_set_up(netif);
	} else {
		netif_set_down(netif);
		ctl_neigh_forget(netif);
	}
	return 0;
}

static int
ctl_set_up(void *stack, const char *name, bool up)
{
	(void)stack;
	return with(name, set_up_fn, up);
}

static int
autoconf_fn(struct netif *netif, unsigned on)
{
	if (port_of(netif) == NULL)
		return ctl_lacks("a loopback interface");
	netif_set_ip6_autoconfig_enabled(netif, on != 0);
	if (on)
		nd6_restart_netif(netif);
	return 0;
}

static int
ctl_set_autoconf(void *stack, const char *name, bool on)
{
	(void)stack;
	return with(name, autoconf_fn, on);
}

static int
dhcp_fn(struct netif *netif, unsigned on)
{
	if (port_of(netif) == NULL)
		return ctl_lacks("a loopback interface");
	if (!on) {
		if (netif_dhcp_data(netif) == NULL)
			return 0;
		dhcp_release_and_stop(netif);
		dhcp_cleanup(netif);
		return 0;
	}
	netif_set_up(netif);
	return dhcp_start(netif) == ERR_OK ? 0 : ENOMEM;
}

static int
ctl_set_dhcp(void *stack, const char *name, bool on)
{
	(void)stack;
	return with(name, dhcp_fn, on);
}

void
ctl_forget(struct netif *netif)
{
	ctl_neigh_forget(netif);
	if (netif_dhcp_data(netif) == NULL)
		return;
	dhcp_release_and_stop(netif);
	dhcp_cleanup(netif);
}

static bool
ctl_forwarding(void *stack)
{
	(void)stack;
	return forwarding_get();
}

static int
ctl_set_forwarding(void *stack, bool on)
{
	(void)stack;
	forwarding_set(on);
	return 0;
}

/* Each is here to say why not. */
static int
ctl_radv(void *stack, const char *file, char *why, size_t size)
{
	(void)stack;
	(void)file;
	(void)why;
	(void)size;
	return ctl_lacks("lwIP does not advertise as a router");
}

const struct stack_ctl lwip_ctl = {
	.lacks = ctl_why,
	.radv = ctl_radv,
	.list = ctl_list,
	.list_free = list_free,
	.set_up = ctl_set_up,
	.set_autoconf = ctl_set_autoconf,
	.set_dhcp = ctl_set_dhcp,
	.address = ctl_address,
	.route = ctl_route,
	.routes = ctl_routes,
	.neigh = ctl_neigh,
	.neigh_del = ctl_neigh_del,
	.neigh_add = ctl_neigh_add,
	.sockets = ctl_sockets,
	.forwarding = ctl_forwarding,
	.set_forwarding = ctl_set_forwarding,
	.ping_begin = ctl_ping_begin,
	.ping_send = ctl_ping_send,
	.ping_end = ctl_ping_end,
};
