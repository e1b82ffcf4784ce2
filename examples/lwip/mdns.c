/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mdns.c - lwIP's mDNS responder: this host is NAME.local, and has a web server
 *
 *	mdns bus.file 10.0.0.2/24,fd00::2/64 NAME
 */
#include <err.h>
#include <stdio.h>

#include <lwip/apps/mdns.h>
#include <lwip/tcpip.h>

#include "common/host.h"
#include "common/versions.h"

/* What the service says of itself: RFC 6763, section 6. */
static void
text(struct mdns_service *service, void *arg)
{
	(void)arg;
	mdns_resp_add_service_txtitem(service, "path=/", 6);
}

/* Nobody else has the name, or somebody has. */
static void
probed(MDNS_RESULT)
{
	(void)netif;
	if (result == MDNS_PROBING_SUCCESSFUL)
		puts("ready");
	else
		puts("somebody else has this name");
}

int
main(int argc, char **argv)
{
	struct netif *netif;
	err_t error;

	if (argc != 4) {
		fprintf(stderr, "usage: mdns bus.file ADDRESSES NAME\n");
		return 2;
	}
	netif = host(argv[1], argv[2]);
	LOCK_TCPIP_CORE();
	mdns_resp_init();
	mdns_resp_register_name_result_cb(probed);
	error = mdns_resp_add_netif(netif, argv[3]);
	if (error == ERR_OK &&
	    mdns_resp_add_service(netif, argv[3], "_http", DNSSD_PROTO_TCP, 80,
		text, NULL) < 0)
		error = ERR_MEM;
	UNLOCK_TCPIP_CORE();
	if (error != ERR_OK)
		errx(1, "%s: lwIP's error %d", argv[3], error);
	return host_wait(0);
}
