/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arch/datagram.h - read before those applications of lwIP that take a datagram
 *	to be in one piece, and to have at least SHMIF_LWIP_LEAST bytes; and
 *	perhaps to be SHMIF_LWIP_WELL(bytes)
 *
 * One that came in fragments is put together first; one that is not what it
 * should be is dropped, and counted among UDP's of a wrong length.
 */
#ifndef SHMIF_LWIP_DATAGRAM_H
#define SHMIF_LWIP_DATAGRAM_H

#include <lwip/pbuf.h>
#include <lwip/stats.h>
#include <lwip/udp.h>

#ifndef SHMIF_LWIP_WELL
#define SHMIF_LWIP_WELL(bytes) 1
#endif

static udp_recv_fn shmif_lwip_takes; /* of the application */

static void
shmif_lwip_judge(void *arg, struct udp_pcb *pcb, struct pbuf *p,
    const ip_addr_t *addr, u16_t port)
{
	p = pbuf_coalesce(p, PBUF_RAW);
	if (p->next == NULL && p->len >= SHMIF_LWIP_LEAST &&
	    SHMIF_LWIP_WELL((const uint8_t *)p->payload)) {
		shmif_lwip_takes(arg, pcb, p, addr, port);
		return;
	}
	UDP_STATS_INC(udp.lenerr);
	UDP_STATS_INC(udp.drop);
	pbuf_free(p);
}

static void
shmif_lwip_datagrams(struct udp_pcb *pcb, udp_recv_fn takes, void *arg)
{
	shmif_lwip_takes = takes;
	udp_recv(pcb, shmif_lwip_judge, arg);
}
#define udp_recv(pcb, takes, arg) shmif_lwip_datagrams(pcb, takes, arg)

#endif /* SHMIF_LWIP_DATAGRAM_H */
