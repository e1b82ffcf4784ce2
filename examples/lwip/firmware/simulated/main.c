/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * main.c - how a simulator's network goes to a bus: examples/eth_driver.c below
 * an lwIP without a system, in a loop of poll(2)
 *
 *	simulated bus.file 10.0.0.16
 *
 * Sends back what comes to TCP port 7.  What is here is the part that each
 * simulator has already: frames to and from its stack's buffers.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "lwip/etharp.h"
#include "lwip/init.h"
#include "lwip/timeouts.h"
#include "netif/ethernet.h"

#include "../raw_echo.h"
#include "eth_driver.h"

static volatile sig_atomic_t quit;

static void
on_signal(int sig)
{
	quit = sig;
}

static err_t
output(struct netif *netif, struct pbuf *p)
{
	static uint8_t frame[1514];
	u16_t len = (u16_t)(p->tot_len - ETH_PAD_SIZE);

	if (len > sizeof(frame) ||
	    pbuf_copy_partial(p, frame, len, ETH_PAD_SIZE) != len)
		return ERR_BUF;
	return eth_driver_send(netif->state, frame, len) == 0 ? ERR_OK : ERR_IF;
}

static err_t
init(struct netif *netif)
{
	eth_driver_mac(netif->state, netif->hwaddr);
	netif->hwaddr_len = 6;
	netif->mtu = 1500;
	netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP |
	    NETIF_FLAG_LINK_UP;
	netif->output = etharp_output;
	netif->linkoutput = output;
	netif->name[0] = 's';
	netif->name[1] = 'i';
	return ERR_OK;
}

/* Gives lwIP a frame.  What eth_driver_recv() says. */
static int
input(struct netif *netif)
{
	static uint8_t frame[1514];
	int len = eth_driver_recv(netif->state, frame, sizeof(frame));
	struct pbuf *p;

	if (len <= 0)
		return len;
	p = pbuf_alloc(PBUF_RAW, (u16_t)(len + ETH_PAD_SIZE), PBUF_POOL);
	if (p != NULL &&
	    (pbuf_take_at(p, frame, (u16_t)len, ETH_PAD_SIZE) != ERR_OK ||
		netif->input(p, netif) != ERR_OK))
		pbuf_free(p);
	return len;
}

int
main(int argc, char **argv)
{
	static struct netif netif;
	struct eth_driver *driver;
	ip4_addr_t addr, mask, gw;
	struct pollfd p = { .events = POLLIN };
	u32_t ms;

	if (argc != 3 || !ip4addr_aton(argv[2], &addr)) {
		fprintf(stderr, "usage: simulated bus.file ADDRESS\n");
		return 2;
	}
	if (eth_driver_open(&driver, argv[1], NULL, "simulated") != 0 ||
	    (p.fd = eth_driver_fd(driver)) == -1)
		return 1;
	signal(SIGTERM, on_signal);
	IP4_ADDR(&mask, 255, 255, 255, 0);
	ip4_addr_set_zero(&gw);
	lwip_init();
	netif_add(&netif, &addr, &mask, &gw, driver, init, netif_input);
	netif_set_default(&netif);
	netif_set_up(&netif);
	if (raw_echo() == -1)
		return 1;
	puts("ready");
	fflush(stdout);
	while (!quit && eth_driver_link(driver)) {
		sys_check_timeouts();
		ms = sys_timeouts_sleeptime();
		if (poll(&p, 1, ms < 100 ? (int)ms : 100) == 1)
			input(&netif);
	}
	netif_remove(&netif);
	eth_driver_close(driver);
	return quit == 0; /* 1: the bus was destroyed */
}
