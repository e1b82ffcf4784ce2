/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arch/tftp.h - read before lwIP's tftp_server.c
 *
 * It reads four bytes of a datagram, whatever its length.  Each request, also one
 * that it refuses, begins another timer, and only one is ever ended: so the one
 * before is ended here.
 */
#ifndef SHMIF_LWIP_TFTP_H
#define SHMIF_LWIP_TFTP_H

#define SHMIF_LWIP_LEAST 4
#include <arch/datagram.h>
#include <lwip/timeouts.h>

static void
shmif_lwip_one_timer(u32_t ms, sys_timeout_handler handler, void *arg)
{
	sys_untimeout(handler, arg);
	sys_timeout(ms, handler, arg);
}
#undef sys_timeout
#define sys_timeout(ms, handler, arg) shmif_lwip_one_timer(ms, handler, arg)

#endif /* SHMIF_LWIP_TFTP_H */
