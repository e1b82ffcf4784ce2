/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * main.c - lwIP with threads and a lock of its core: sockets
 *
 *	locked bus.file 10.0.0.13
 *
 * Sends back what comes to TCP port 7, one connection after the other; ends at
 * SIGTERM.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#include "lwip/sockets.h"
#include "lwip/tcpip.h"

#include "shmif_netif.h"

#include <shmbus.h>

static void
echo(void *arg)
{
	static char buf[4096];
	int *listener = arg;
	int s, n;

	while ((s = lwip_accept(*listener, NULL, NULL)) != -1) {
		while ((n = (int)lwip_recv(s, buf, sizeof(buf), 0)) > 0 &&
		    lwip_send(s, buf, (size_t)n, 0) == n)
			;
		lwip_close(s);
	}
}

int
main(int argc, char **argv)
{
	static struct shmif_netif port;
	static struct netif netif;
	static int listener;
	struct sockaddr_in any = { .sin_len = sizeof(any),
		.sin_family = AF_INET,
		.sin_port = lwip_htons(7) };
	ip4_addr_t addr, mask, gw;
	struct netif *added;
	sigset_t term;
	int sig;

	if (argc != 3 || !ip4addr_aton(argv[2], &addr)) {
		fprintf(stderr, "usage: locked bus.file ADDRESS\n");
		return 2;
	}
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &term, NULL);
	shmbus_guard(); /* others may cut the file */
	IP4_ADDR(&mask, 255, 255, 255, 0);
	ip4_addr_set_zero(&gw);
	tcpip_init(NULL, NULL);
	port.path = argv[1];
	LOCK_TCPIP_CORE();
	added = netif_add(&netif, &addr, &mask, &gw, &port, shmif_netif_init,
	    tcpip_input);
	if (added != NULL) {
		netif_set_default(&netif);
		netif_set_up(&netif);
	}
	UNLOCK_TCPIP_CORE();
	if (added == NULL || shmif_netif_start(&netif) != ERR_OK) {
		fprintf(stderr, "locked: %s: error %d\n", argv[1], port.error);
		return 1;
	}
	listener = lwip_socket(AF_INET, SOCK_STREAM, 0);
	if (lwip_bind(listener, (struct sockaddr *)&any, sizeof(any)) == -1 ||
	    lwip_listen(listener, 5) == -1)
		return 1;
	sys_thread_new("echo", echo, &listener, 0, 0);
	puts("ready");
	fflush(stdout);
	sigwait(&term, &sig);
	shmif_netif_remove(&netif);
	return 0;
}
