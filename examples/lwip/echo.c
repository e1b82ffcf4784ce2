/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * echo.c - sends back what comes to TCP port 7, by the raw API, without a copy
 *
 *	echo bus.file 10.0.0.2/24,fd00::2/64
 *
 * What was received is sent out of the buffers in which it came.  They are kept,
 * in a chain for each connection, until the peer has acknowledged them; only
 * then its window opens again, so that no more waits than the window holds.
 */
#include <err.h>

#include <lwip/tcp.h>
#include <lwip/tcpip.h>

#include "common/host.h"

/* LEN bytes of the chain ARG were acknowledged. */
static err_t
sent(void *arg, struct tcp_pcb *pcb, u16_t len)
{
	tcp_recved(pcb, len);
	tcp_arg(pcb, pbuf_free_header(arg, len));
	return ERR_OK;
}

static err_t
received(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t error)
{
	struct pbuf *chain = arg, *q;

	/* The peer has ended.  So do we, behind what is still to be sent. */
	if (p == NULL || error != ERR_OK)
		return tcp_shutdown(pcb, 0, 1);
	/* lwIP keeps what it cannot give to us now, and tries again. */
	if (p->tot_len > tcp_sndbuf(pcb) ||
	    tcp_sndqueuelen(pcb) + 2 * pbuf_clen(p) > TCP_SND_QUEUELEN)
		return ERR_MEM;
	for (q = p; q != NULL; q = q->next)
		if (tcp_write(pcb, q->payload, q->len, 0) != ERR_OK) {
			pbuf_free(p);
			tcp_abort(pcb); /* failed() frees the rest */
			return ERR_ABRT;
		}
	if (chain != NULL)
		pbuf_cat(chain, p);
	else
		tcp_arg(pcb, p);
	return tcp_output(pcb);
}

static void
failed(void *arg, err_t error)
{
	if (arg != NULL && error != ERR_OK)
		pbuf_free(arg);
}

static err_t
accepted(void *arg, struct tcp_pcb *pcb, err_t error)
{
	if (error != ERR_OK || pcb == NULL)
		return ERR_VAL;
	tcp_arg(pcb, arg); /* NULL: no buffers yet */
	tcp_recv(pcb, received);
	tcp_sent(pcb, sent);
	tcp_err(pcb, failed);
	return ERR_OK;
}

int
main(int argc, char **argv)
{
	struct tcp_pcb *pcb;

	if (argc != 3)
		errx(2, "usage: echo bus.file ADDRESSES");
	host(argv[1], argv[2]);
	LOCK_TCPIP_CORE();
	if ((pcb = tcp_new_ip_type(IPADDR_TYPE_ANY)) == NULL ||
	    tcp_bind(pcb, IP_ANY_TYPE, 7) != ERR_OK ||
	    (pcb = tcp_listen(pcb)) == NULL)
		errx(1, "cannot listen");
	tcp_accept(pcb, accepted);
	UNLOCK_TCPIP_CORE();
	return host_wait(1);
}
