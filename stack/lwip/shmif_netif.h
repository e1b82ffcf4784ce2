/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmif_netif.h - an interface of lwIP on a bus in a file, to be compiled in
 *
 * This header and shmif_netif.c belong into a program that has an lwIP of its
 * own: they are compiled with its tree (2.0 or later), its lwipopts.h and its
 * port, and need libshmbus, nothing else.  Any options will do: NO_SYS=1 or 0,
 * with core locking or without, pools or heap, IPv4, IPv6 or both.
 *
 *	static struct shmif_netif port = { .path = "bus.file" };
 *	static struct netif netif;
 *
 *	netif_add(&netif, &addr, &mask, &gw, &port, shmif_netif_init, INPUT);
 *	netif_set_up(&netif);
 *
 * INPUT is what it is for every driver: netif_input with NO_SYS=1, tcpip_input
 * with NO_SYS=0.  Then frames have to be fetched, in one of three ways:
 *
 *   NO_SYS=1, a loop    shmif_netif_poll(), sys_check_timeouts() and
 *                       shmif_netif_wait() in turn; no thread is made
 *   a loop of poll(2)   shmif_netif_fd() is polled, then shmif_netif_poll()
 *   NO_SYS=0            shmif_netif_start(): a thread does it
 *
 * A program that is to survive when somebody cuts the file short calls
 * shmbus_guard() first, see shmbus.h.
 *
 * THREADS.  With NO_SYS=1 everything here belongs to the thread that has lwIP.
 * With NO_SYS=0 all functions but the one for netif_add() are called without the
 * core's lock and not on lwIP's own thread, poll, wait and fd by one thread at
 * a time and not beside shmif_netif_start().
 *
 * This file includes no header of the system, so it goes with lwip/sockets.h,
 * before it or after it.
 */
#ifndef SHMIF_NETIF_H
#define SHMIF_NETIF_H

#include <lwip/netif.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shmbus;

/*
 * One interface.  The first members are set before netif_add(); what is 0 takes
 * its default.  It has to exist until shmif_netif_remove().
 */
struct shmif_netif {
	const char *path; /* of the bus; created where there is none */
	u16_t mtu;	  /* of a bus that is created: 1500 */
	u8_t mac[6];	  /* all zero: b2:a0 and four random bytes */

	/* What became of it, to be read. */
	int error;	 /* 0, or why there is no bus: shmbus_strerror() */
	u32_t rx_nomem;	 /* frames dropped: no pbuf, or lwIP did not take it */
	u32_t rx_bad;	 /* frames dropped: too short, too long, for others */
	u32_t tx_failed; /* frames that were not sent */

	/* Its own. */
	struct shmbus *bus;
	struct netif *netif;
	void *thread;
	int fd; /* that the program polls; -1: none */
};

/*
 * The init function of netif_add(), whose state is a struct shmif_netif: attaches
 * to the bus.  The link is up.  ERR_IF: that was not possible, ERR_ARG: no path;
 * error tells why.
 */
err_t shmif_netif_init(struct netif *netif);

/*
 * Gives lwIP up to MOST frames, and returns how many there were; fewer than
 * MOST: there are no more.  When the bus is gone (its file was cut short) the
 * link goes down, and error tells why.
 */
int shmif_netif_poll(struct netif *netif, int most);

/*
 * Waits until there may be a frame, for MS milliseconds at most; 0xffffffff,
 * which sys_timeouts_sleeptime() says when there is no timer, means for ever.
 */
void shmif_netif_wait(struct netif *netif, u32_t ms);

/*
 * A descriptor that is readable when there may be a frame; it stays so until
 * shmif_netif_poll() has found none.  Do not read from it or close it.  -1: it
 * cannot be had, error tells why.  libshmbus makes a thread that does the
 * waiting; it calls nothing of lwIP.
 */
int shmif_netif_fd(struct netif *netif);

#if !NO_SYS
/* Begins a thread that waits and polls.  ERR_MEM: there was none to be had. */
err_t shmif_netif_start(struct netif *netif);
#endif

/* Ends the thread, takes the interface off lwIP, and detaches from the bus. */
void shmif_netif_remove(struct netif *netif);

#ifdef __cplusplus
}
#endif
#endif /* SHMIF_NETIF_H */
