/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dhcp6.c - addresses from a router's advertisements, name servers by DHCPv6
 *
 *	dhcp6 bus.file
 *
 * A router that sets the flag "other configuration" makes lwIP ask a DHCPv6
 * server for it (stateless, RFC 8415 section 6.1).
 */
#include <err.h>
#include <stdio.h>

#include <lwip/dhcp6.h>
#include <lwip/dns.h>
#include <lwip/tcpip.h>
#include <lwip/timeouts.h>

#include "common/host.h"

/* lwIP tells nobody when servers were found, so it is asked, on its thread. */
static void
look(void *arg)
{
	struct netif *netif = arg;
	u8_t i;

	if (ip_addr_isany(dns_getserver(0)) ||
	    !ip6_addr_ispreferred(netif_ip6_addr_state(netif, 1))) {
		sys_timeout(50, look, netif);
		return;
	}
	for (i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++)
		if (ip6_addr_ispreferred(netif_ip6_addr_state(netif, i)))
			printf("address %s\n",
			    ip6addr_ntoa(netif_ip6_addr(netif, i)));
	for (i = 0; i < DNS_MAX_SERVERS; i++)
		if (!ip_addr_isany(dns_getserver(i)))
			printf("nameserver %s\n",
			    ipaddr_ntoa(dns_getserver(i)));
	puts("configured");
}

int
main(int argc, char **argv)
{
	struct netif *netif;
	err_t error;

	if (argc != 2) {
		fprintf(stderr, "usage: dhcp6 bus.file\n");
		return 2;
	}
	netif = host(argv[1], "-");
	LOCK_TCPIP_CORE();
	error = dhcp6_enable_stateless(netif);
	sys_timeout(50, look, netif);
	UNLOCK_TCPIP_CORE();
	if (error != ERR_OK)
		errx(1, "lwIP's error %d", error);
	return host_wait(0);
}
