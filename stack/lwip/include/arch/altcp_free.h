/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arch/altcp_free.h - read before lwIP's altcp_tls_mbedtls.c and
 *	altcp_proxyconnect.c
 *
 * When TLS has given data to the program, it looks at the connection again, to
 * see whether the program has closed it.  By then its memory is free.  The
 * connection through a proxy, when it is aborted, aborts the one below it, which
 * says that it is gone, whereupon the upper one is freed; and then it is freed.
 * So all that is freed a moment later, when lwIP's timers run, and once.
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
	sys_untimeout(shmif_lwip_free_now, conn);
	sys_timeout(0, shmif_lwip_free_now, conn);
}
#define altcp_free(conn) shmif_lwip_free_later(conn)
