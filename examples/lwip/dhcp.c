/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dhcp.c - lwIP's DHCP client: an address, while the program runs
 *
 *	dhcp bus.file [HOSTNAME]
 */
#include <err.h>
#include <stdio.h>

#include <lwip/dhcp.h>
#include <lwip/dns.h>
#include <lwip/tcpip.h>

#include "common/host.h"

/* lwIP calls it, with its lock, when an address came or went. */
static void
changed(struct netif *netif)
{
	u8_t i;

	if (ip4_addr_isany(netif_ip4_addr(netif)) ||
	    !dhcp_supplied_address(netif))
		return;
	printf("address %s\n", ip4addr_ntoa(netif_ip4_addr(netif)));
	printf("netmask %s\n", ip4addr_ntoa(netif_ip4_netmask(netif)));
	printf("gateway %s\n", ip4addr_ntoa(netif_ip4_gw(netif)));
	for (i = 0; i < DNS_MAX_SERVERS; i++)
		if (!ip_addr_isany(dns_getserver(i)))
			printf("nameserver %s\n",
			    ipaddr_ntoa(dns_getserver(i)));
	puts("bound");
}

int
main(int argc, char **argv)
{
	struct netif *netif;
	err_t error;

	if (argc != 2 && argc != 3) {
		fprintf(stderr, "usage: dhcp bus.file [HOSTNAME]\n");
		return 2;
	}
	netif = host(argv[1], "-");
	LOCK_TCPIP_CORE();
	if (argc == 3)
		netif_set_hostname(netif, argv[2]);
	netif_set_status_callback(netif, changed);
	error = dhcp_start(netif);
	UNLOCK_TCPIP_CORE();
	if (error != ERR_OK)
		errx(1, "lwIP's error %d", error);
	host_wait(0);
	LOCK_TCPIP_CORE();
	netif_set_status_callback(netif, NULL);
	dhcp_release_and_stop(netif);
	UNLOCK_TCPIP_CORE();
	return 0;
}
