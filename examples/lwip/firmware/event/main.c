/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * main.c - lwIP without a system, in a program that has a loop of poll(2)
 *
 *	event bus.file 10.0.0.12
 *
 * Sends back what comes to TCP port 7, over IPv4 and IPv6.  It ends at the end of
 * its standard input, which is the other descriptor of the loop.
 */
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "lwip/init.h"
#include "lwip/timeouts.h"
#include "netif/ethernet.h"

#include "../raw_echo.h"
#include "shmif_netif.h"

#include <shmbus.h>

int
main(int argc, char **argv)
{
	static struct shmif_netif port;
	static struct netif netif;
	struct pollfd fds[2] = { { .events = POLLIN }, { .events = POLLIN } };
	ip4_addr_t addr, mask, gw;
	char c;

	if (argc != 3 || !ip4addr_aton(argv[2], &addr)) {
		fprintf(stderr, "usage: event bus.file ADDRESS\n");
		return 2;
	}
	shmbus_guard(); /* others may cut the file */
	IP4_ADDR(&mask, 255, 255, 255, 0);
	ip4_addr_set_zero(&gw);
	lwip_init();
	port.path = argv[1];
	if (netif_add(&netif, &addr, &mask, &gw, &port, shmif_netif_init,
		netif_input) == NULL) {
		fprintf(stderr, "event: %s: error %d\n", argv[1], port.error);
		return 1;
	}
	netif_set_default(&netif);
	netif.ip6_autoconfig_enabled = 1;
	netif_set_up(&netif);
	if (raw_echo() == -1 || (fds[1].fd = shmif_netif_fd(&netif)) == -1)
		return 1;
	printf("ready %s\n", ip6addr_ntoa(netif_ip6_addr(&netif, 0)));
	fflush(stdout);
	while (port.error == 0) {
		u32_t ms = sys_timeouts_sleeptime();

		poll(fds, 2, ms > 0x7fffffff ? -1 : (int)ms);
		if (fds[0].revents != 0 && read(0, &c, 1) <= 0)
			break;
		if (fds[1].revents != 0)
			shmif_netif_poll(&netif, 16);
		sys_check_timeouts();
	}
	shmif_netif_remove(&netif);
	return port.error != 0;
}
