/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * netbios.c - lwIP's NetBIOS name server: answers who asks for NAME (RFC 1002)
 *
 *	netbios bus.file 10.0.0.2/24 NAME
 */
#include <stdio.h>

#include <lwip/apps/netbiosns.h>
#include <lwip/tcpip.h>

#include "common/host.h"

int
main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: netbios bus.file ADDRESSES NAME\n");
		return 2;
	}
	host(argv[1], argv[2]);
	LOCK_TCPIP_CORE();
	netbiosns_init();
	netbiosns_set_name(argv[3]);
	UNLOCK_TCPIP_CORE();
	return host_wait(1);
}
