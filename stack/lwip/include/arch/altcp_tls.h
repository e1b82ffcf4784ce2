/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arch/altcp_tls.h - read before lwIP's altcp_tls_mbedtls.c
 *
 * When it has given data to the program, it looks at the connection again, to see
 * whether the program has closed it.  By then its memory is free.  So that is
 * freed a moment later, when lwIP's timers run.
 */
#include <lwip/altcp.h>
#include <lwip/priv/altcp_priv.h>
#include <lwip/timeouts.h>

static void
shmif_lwip_free_now(void *conn)
{
	altcp_free(conn);
}

static void
shmif_lwip_free_later(struct altcp_pcb *conn)
{
	sys_timeout(0, shmif_lwip_free_now, conn);
}
#define altcp_free(conn) shmif_lwip_free_later(conn)
