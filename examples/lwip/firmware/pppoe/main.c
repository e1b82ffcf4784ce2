/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * main.c - lwIP that gets its address by PPP over Ethernet
 *
 *	pppoe bus.file USER PASSWORD
 *
 * Sends back what comes to TCP port 7; SIGTERM ends the session, then it.
 */
#include <signal.h>
#include <stdio.h>

#include "lwip/dns.h"
#include "lwip/init.h"
#include "lwip/timeouts.h"
#include "netif/ethernet.h"
#include "netif/ppp/pppoe.h"

#include "../raw_echo.h"
#include "shmif_netif.h"

#include <shmbus.h>

static volatile sig_atomic_t quit;
static int ended;

static void
on_signal(int sig)
{
	quit = sig;
}

/* The session has begun, or why it is not there. */
static void
changed(ppp_pcb *pcb, int error, void *arg)
{
	const struct netif *ppp = ppp_netif(pcb);

	(void)arg;
	if (error == PPPERR_NONE) {
		printf("address %s\n", ip4addr_ntoa(netif_ip4_addr(ppp)));
		printf("peer %s\n", ip4addr_ntoa(netif_ip4_gw(ppp)));
		printf("mtu %u\n", ppp->mtu);
		puts("ready");
	} else {
		printf("ended: %d\n", error); /* PPPERR_USER: as was asked */
		ended = 1;
	}
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	static struct shmif_netif port;
	static struct netif netif, ppp;
	ppp_pcb *pcb;
	u32_t ms;

	if (argc != 4) {
		fprintf(stderr, "usage: pppoe bus.file USER PASSWORD\n");
		return 2;
	}
	shmbus_guard(); /* others may cut the file */
	signal(SIGTERM, on_signal);
	lwip_init();
	port.path = argv[1];
	if (netif_add_noaddr(&netif, &port, shmif_netif_init, netif_input) ==
	    NULL) {
		fprintf(stderr, "pppoe: %s: error %d\n", argv[1], port.error);
		return 1;
	}
	netif_set_up(&netif);
	if (raw_echo() == -1 ||
	    (pcb = pppoe_create(&ppp, &netif, NULL, NULL, changed, NULL)) ==
		NULL)
		return 1;
	ppp_set_default(pcb);
	ppp_set_usepeerdns(pcb, 1);
	ppp_set_auth(pcb, PPPAUTHTYPE_PAP, argv[2], argv[3]);
	ppp_connect(pcb, 0);
	while (!ended && port.error == 0) {
		while (shmif_netif_poll(&netif, 16) > 0)
			sys_check_timeouts();
		sys_check_timeouts();
		if (quit == SIGTERM) {
			quit = 0;
			ppp_close(pcb, 0);
		}
		/* A signal does not end the wait: it is kept short. */
		ms = sys_timeouts_sleeptime();
		shmif_netif_wait(&netif, ms < 100 ? ms : 100);
	}
	ppp_free(pcb);
	shmif_netif_remove(&netif);
	return port.error != 0;
}
