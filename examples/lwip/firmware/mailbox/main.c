/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * main.c - lwIP with threads and mailboxes: netconns
 *
 *	mailbox bus.file 10.0.0.14
 *
 * Sends back what comes to TCP port 7, one connection after the other; ends at
 * SIGTERM.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#include "lwip/api.h"
#include "lwip/tcpip.h"

#include "shmif_netif.h"

#include <shmbus.h>

static ip4_addr_t addr;
static struct shmif_netif port;
static struct netif netif;
static sys_sem_t done;

static void
echo(void *arg)
{
	struct netconn *listener = arg, *c;
	struct netbuf *buf;
	void *data;
	u16_t len;

	while (netconn_accept(listener, &c) == ERR_OK) {
		while (netconn_recv(c, &buf) == ERR_OK) {
			do {
				netbuf_data(buf, &data, &len);
				netconn_write(c, data, len, NETCONN_COPY);
			} while (netbuf_next(buf) >= 0);
			netbuf_delete(buf);
		}
		netconn_close(c);
		netconn_delete(c);
	}
}

/* On lwIP's thread: nobody else may call netif_add(). */
static void
begin(void *arg)
{
	ip4_addr_t mask, gw;

	(void)arg;
	IP4_ADDR(&mask, 255, 255, 255, 0);
	ip4_addr_set_zero(&gw);
	if (netif_add(&netif, &addr, &mask, &gw, &port, shmif_netif_init,
		tcpip_input) != NULL) {
		netif_set_default(&netif);
		netif_set_up(&netif);
	}
	sys_sem_signal(&done);
}

int
main(int argc, char **argv)
{
	struct netconn *listener;
	sigset_t term;
	int sig;

	if (argc != 3 || !ip4addr_aton(argv[2], &addr)) {
		fprintf(stderr, "usage: mailbox bus.file ADDRESS\n");
		return 2;
	}
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &term, NULL);
	shmbus_guard(); /* others may cut the file */
	port.path = argv[1];
	sys_sem_new(&done, 0);
	tcpip_init(begin, NULL);
	sys_arch_sem_wait(&done, 0);
	if (port.error != 0 || shmif_netif_start(&netif) != ERR_OK) {
		fprintf(stderr, "mailbox: %s: error %d\n", argv[1], port.error);
		return 1;
	}
	listener = netconn_new(NETCONN_TCP);
	if (netconn_bind(listener, NULL, 7) != ERR_OK ||
	    netconn_listen(listener) != ERR_OK)
		return 1;
	sys_thread_new("echo", echo, listener, 0, 0);
	puts("ready");
	fflush(stdout);
	sigwait(&term, &sig);
	shmif_netif_remove(&netif);
	return 0;
}
