/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fetch.c - a program on a bus gets a page from beyond it
 *
 *	fetch bus.file ADDRESS/PREFIX ROUTER SERVER PORT PATH
 *
 * ROUTER is a stack on the same bus that forwards, such as shmif_server -f
 * with a further interface; see shmif_server(1).
 */
#include <arpa/inet.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lwipv6.h>
#include <shmif.h>

/* TEXT, an IPv4 address, as the stack has it. */
static struct ip_addr
ip(const char *text)
{
	struct ip_addr a = { { 0, 0, IP64_PREFIX, 0 } };

	if (inet_pton(AF_INET, text, &a.addr[3]) != 1)
		errx(2, "%s: not an address", text);
	return a;
}

static void
join(const char *bus, const char *address, const char *router)
{
	struct ip_addr any = { { 0, 0, IP64_PREFIX, 0 } };
	struct ip_addr mask = { { ~0u, ~0u, ~0u, 0 } };
	struct ip_addr hop = ip(router);
	int error, unit;

	if ((error = shmif_create(bus, &unit)) != 0)
		errx(1, "%s: %s", bus, strerror(error));
	if ((error = shmif_add_addr(unit, address)) != 0 ||
	    (error = shmif_up(unit)) != 0)
		errx(1, "shmif%d: %s", unit, strerror(error));
	if (lwip_add_route(shmif_stack(unit), &any, &mask, &hop,
		shmif_netif(unit), 0) != 0)
		errx(1, "%s: no way there", router);
}

int
main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	char buf[4096];
	ssize_t n;
	int s;

	if (argc != 7) {
		fprintf(stderr,
		    "usage: fetch bus.file address/prefix "
		    "router server port path\n");
		return 2;
	}
	join(argv[1], argv[2], argv[3]);
	to.sin_addr.s_addr = ip(argv[4]).addr[3];
	to.sin_port = htons((uint16_t)atoi(argv[5]));
	if ((s = lwip_socket(AF_INET, SOCK_STREAM, 0)) == -1 ||
	    lwip_connect(s, (struct sockaddr *)&to, sizeof(to)) == -1)
		errx(1, "%s: nobody answers", argv[4]);
	snprintf(buf, sizeof(buf), "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n",
	    argv[6], argv[4]);
	if (lwip_send(s, buf, (int)strlen(buf), 0) == -1)
		errx(1, "%s: cannot be asked", argv[4]);
	while ((n = lwip_recv(s, buf, sizeof(buf), 0)) > 0)
		fwrite(buf, 1, (size_t)n, stdout);
	lwip_close(s);
	return fflush(stdout) == 0 ? 0 : 1;
}
