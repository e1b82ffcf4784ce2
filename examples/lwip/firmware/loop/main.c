/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * main.c - lwIP without a system: one loop that polls
 *
 *	loop bus.file 10.0.0.11
 *
 * Sends back what comes to TCP port 7.
 */
#include <signal.h>
#include <stdio.h>

#include "lwip/init.h"
#include "lwip/timeouts.h"
#include "netif/ethernet.h"

#include "../raw_echo.h"
#include "shmif_netif.h"

#include <shmbus.h>

static volatile sig_atomic_t quit;

static void
on_signal(int sig)
{
	quit = sig;
}

int
main(int argc, char **argv)
{
	static struct shmif_netif port;
	static struct netif netif;
	ip4_addr_t addr, mask, gw;
	u32_t ms;

	if (argc != 3 || !ip4addr_aton(argv[2], &addr)) {
		fprintf(stderr, "usage: loop bus.file ADDRESS\n");
		return 2;
	}
	shmbus_guard(); /* others may cut the file */
	IP4_ADDR(&mask, 255, 255, 255, 0);
	ip4_addr_set_zero(&gw);
	signal(SIGTERM, on_signal);
	lwip_init();
	port.path = argv[1];
	if (netif_add(&netif, &addr, &mask, &gw, &port, shmif_netif_init,
		netif_input) == NULL) {
		fprintf(stderr, "loop: %s: error %d\n", argv[1], port.error);
		return 1;
	}
	netif_set_default(&netif);
	netif_set_up(&netif);
	if (raw_echo() == -1)
		return 1;
	puts("ready");
	fflush(stdout);
	while (!quit && port.error == 0) {
		while (shmif_netif_poll(&netif, 16) > 0)
			sys_check_timeouts();
		sys_check_timeouts();
		/* A signal does not end the wait: it is kept short. */
		ms = sys_timeouts_sleeptime();
		shmif_netif_wait(&netif, ms < 100 ? ms : 100);
	}
	shmif_netif_remove(&netif);
	return port.error != 0;
}
