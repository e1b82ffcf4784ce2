/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * autoip.c - an address of 169.254.0.0/16 that nobody else has (RFC 3927)
 *
 *	autoip bus.file
 */
#include <err.h>
#include <stdio.h>

#include <lwip/autoip.h>
#include <lwip/tcpip.h>

#include "common/host.h"

static void
changed(struct netif *netif)
{
	if (autoip_supplied_address(netif))
		printf("address %s\n", ip4addr_ntoa(netif_ip4_addr(netif)));
	else
		puts("no address");
}

int
main(int argc, char **argv)
{
	struct netif *netif;
	err_t error;

	if (argc != 2) {
		fprintf(stderr, "usage: autoip bus.file\n");
		return 2;
	}
	netif = host(argv[1], "-");
	LOCK_TCPIP_CORE();
	netif_set_status_callback(netif, changed);
	error = autoip_start(netif);
	UNLOCK_TCPIP_CORE();
	if (error != ERR_OK)
		errx(1, "lwIP's error %d", error);
	return host_wait(0);
}
