/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * router.c - forwards between buses, IPv4 and IPv6
 *
 *	router a.bus 10.0.1.1/24,fd00:1::1/64 b.bus 10.0.2.1/24,fd00:2::1/64 ...
 *
 * The hosts have to know it as their gateway.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lwip/tcpip.h>
#include <shmif.h>

#include "common/host.h"

int
main(int argc, char **argv)
{
	char *reply = NULL;
	int i;

	if (argc < 5 || argc % 2 == 0) {
		fprintf(stderr,
		    "usage: router BUS ADDRESSES BUS ADDRESSES...\n");
		return 2;
	}
	for (i = 1; i < argc; i += 2)
		host(argv[i], argv[i + 1]);
	/* As shmifctl(1) would ask for it from outside: shmif_ctl(5). */
	if (shmif_request("{\"id\":1,\"do\":[{\"op\":\"forward\","
			  "\"on\":true}]}",
		&reply) != 0 ||
	    strstr(reply, "\"error\"") != NULL)
		errx(1, "%s", reply != NULL ? reply : "no forwarding");
	free(reply);
	return host_wait(1);
}
