/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * port.c - which interfaces are ours, and how one leaves
 */
#include "stack/lwipv6/port.h"

err_t
port_ctl(struct netif *netif, int request, void *arg)
{
	struct port *port = netif->state;

	(void)arg;
	if (request == NETIFCTL_CLEANUP)
		port->leave(port);
	return ERR_OK;
}

struct port *
port_of(const struct netif *netif)
{
	if (netif == NULL || netif->netifctl != port_ctl)
		return NULL;
	return netif->state;
}

void
port_quiet(struct netif *netif)
{
	if (netif->flags & NETIF_FLAG_DHCP) {
		/* For good: ip/dhcp/client.c keeps the lease of what is only down. */
		netif->flags &= (uint16_t)~NETIF_FLAG_DHCP;
		dhcp_release(netif);
		dhcp_stop(netif);
	}
	ip_notify(netif, NETIF_CHANGE_DOWN);
	netif_set_down_low(netif);
	while (netif->addrs != NULL) {
		struct ip_addr_list *el = netif->addrs->next;
		struct ip_addr ip = el->ipaddr, mask = el->netmask;

		if (netif_del_addr(netif, &ip, &mask) != 0)
			break;
	}
}
