/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arch/lwiperf.h - read before lwIP's lwiperf.c
 *
 * It sends TCP_MSS bytes at a time out of an array of 1600, so with the largest
 * segment of this build it would send what lies behind the array.
 *
 * When TCP says that a connection is gone (a peer's RST is enough) it reads that
 * and closes it, though it is freed already, or will be.  So it is given another
 * one in its place, which has no address and cannot be closed.
 */
#include <stddef.h>

#include <lwip/mem.h>
#include <lwip/opt.h>
#include <lwip/tcp.h>

#undef TCP_MSS
#define TCP_MSS 1460

static size_t shmif_lwip_at; /* where a session has its connection */
static struct tcp_pcb shmif_lwip_ghost;
static tcp_err_fn shmif_lwip_told;

static void
shmif_lwip_gone(void *arg, err_t error)
{
	if (arg == NULL)
		return;
	*(struct tcp_pcb **)((char *)arg + shmif_lwip_at) = &shmif_lwip_ghost;
	shmif_lwip_told(arg, error);
}

static void
shmif_lwip_on_error(struct tcp_pcb *pcb, tcp_err_fn fn)
{
	if (fn != NULL)
		shmif_lwip_told = fn;
	tcp_err(pcb, fn != NULL ? shmif_lwip_gone : NULL);
}

static err_t
shmif_lwip_close(struct tcp_pcb *pcb)
{
	return pcb == &shmif_lwip_ghost ? ERR_OK : tcp_close(pcb);
}

#define LWIPERF_ALLOC(type) \
	(shmif_lwip_at = offsetof(type, conn_pcb), \
	    (type *)mem_malloc(sizeof(type)))
#define LWIPERF_FREE(type, item) mem_free(item)
#define tcp_err(pcb, fn) shmif_lwip_on_error(pcb, fn)
#define tcp_close(pcb) shmif_lwip_close(pcb)
