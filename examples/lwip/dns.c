/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dns.c - lwIP's DNS client: the addresses of names
 *
 *	dns bus.file 10.0.0.2/24 NAMESERVER NAME...
 *
 * A name that ends in .local is asked for by multicast (mDNS).
 */
#include <stdio.h>

#include <lwip/dns.h>
#include <lwip/netdb.h>
#include <lwip/tcpip.h>

#include "common/host.h"

/* The address of NAME in FAMILY, if it has one, is shown. */
static int
lookup(const char *name, int family)
{
	const struct addrinfo hints = { .ai_family = family };
	struct addrinfo *found;
	char text[IPADDR_STRLEN_MAX];

	if (lwip_getaddrinfo(name, NULL, &hints, &found) != 0)
		return 0;
	lwip_inet_ntop(family,
	    family == AF_INET ?
		(void *)&((struct sockaddr_in *)(void *)found->ai_addr)
		    ->sin_addr :
		(void *)&((struct sockaddr_in6 *)(void *)found->ai_addr)
		    ->sin6_addr,
	    text, sizeof(text));
	printf("%s %s\n", name, text);
	lwip_freeaddrinfo(found);
	return 1;
}

int
main(int argc, char **argv)
{
	ip_addr_t server;
	int i, failed = 0;

	if (argc < 5) {
		fprintf(stderr,
		    "usage: dns bus.file ADDRESSES NAMESERVER NAME...\n");
		return 2;
	}
	server = host_address(argv[3]);
	host(argv[1], argv[2]);
	LOCK_TCPIP_CORE();
	dns_setserver(0, &server);
	UNLOCK_TCPIP_CORE();
	for (i = 4; i < argc; i++)
		if (lookup(argv[i], AF_INET) + lookup(argv[i], AF_INET6) == 0) {
			printf("%s has no address\n", argv[i]);
			failed = 1;
		}
	return failed;
}
