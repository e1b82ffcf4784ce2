/* SPDX-License-Identifier: BSD-2-Clause */
/* host.c - what these examples have in common: a host with lwIP on a bus */
#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lwip/tcpip.h>
#include <shmif.h>

#include "host.h"

static int status; /* what host_end() said; signals order it */

/* Whether an IPv6 address is still being looked for on the bus. */
static int
tentative(const struct netif *netif)
{
	int i, found = 0;

	LOCK_TCPIP_CORE();
	for (i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++)
		found |= ip6_addr_istentative(netif_ip6_addr_state(netif, i));
	UNLOCK_TCPIP_CORE();
	return found;
}

struct netif *
host(const char *bus, const char *addrs)
{
	char *copy = strdup(addrs), *rest = copy, *one;
	struct netif *netif;
	int unit, error, has_v6 = 0;
	sigset_t ends;

	if (copy == NULL)
		err(1, "no memory");
	setvbuf(stdout, NULL, _IOLBF, 0);
	/* Threads have the mask of who made them: host_wait() gets these. */
	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &ends, NULL);
	if ((error = shmif_create(bus, &unit)) != 0)
		errx(1, "%s: %s", bus, strerror(error));
	while ((one = strsep(&rest, ",")) != NULL) {
		if (strcmp(one, "-") == 0)
			continue;
		has_v6 |= strchr(one, ':') != NULL;
		if ((error = shmif_add_addr(unit, one)) != 0)
			errx(1, "%s: %s", one, strerror(error));
	}
	free(copy);
	if ((error = shmif_up(unit)) != 0)
		errx(1, "shmif%d: %s", unit, strerror(error));
	netif = shmif_netif(unit);
	while (has_v6 && tentative(netif))
		usleep(50000);
	return netif;
}

ip_addr_t
host_address(const char *text)
{
	ip_addr_t address;

	if (!ipaddr_aton(text, &address))
		errx(2, "%s: not an address", text);
	return address;
}

int
host_wait(int ready)
{
	sigset_t ends;
	int sig;

	if (ready)
		puts("ready");
	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	sigwait(&ends, &sig);
	return status;
}

void
host_end(int with)
{
	status = with;
	kill(getpid(), SIGTERM);
}
