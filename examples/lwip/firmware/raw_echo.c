/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * raw_echo.c - sends back what comes to TCP port 7, by lwIP's raw API
 *
 * What was received and is not yet sent waits in a chain of pbufs; the peer's
 * window opens as far as it was sent.
 */
#include <stddef.h>

#include "lwip/tcp.h"

#include "raw_echo.h"

/*
 * Sends as much as there is room for of the chain P, NULL: none.  When the peer has
 * ended and all is sent, so do we; if that fails, poll() tries again.
 */
static void
flush(struct tcp_pcb *pcb, struct pbuf *p)
{
	struct pbuf *rest;
	u16_t len;

	while (p != NULL && p->len <= tcp_sndbuf(pcb) &&
	    tcp_write(pcb, p->payload, p->len, TCP_WRITE_FLAG_COPY) == ERR_OK) {
		len = p->len;
		rest = p->next;
		if (rest != NULL)
			pbuf_ref(rest);
		pbuf_free(p);
		p = rest;
		tcp_recved(pcb, len);
	}
	tcp_arg(pcb, p);
	tcp_output(pcb);
	if (p == NULL && pcb->state == CLOSE_WAIT)
		(void)tcp_close(pcb);
}

static err_t
sent(void *arg, struct tcp_pcb *pcb, u16_t len)
{
	(void)len;
	flush(pcb, arg);
	return ERR_OK;
}

static err_t
poll(void *arg, struct tcp_pcb *pcb)
{
	flush(pcb, arg);
	return ERR_OK;
}

static void
failed(void *arg, err_t err)
{
	(void)err;
	if (arg != NULL)
		pbuf_free(arg);
}

static err_t
received(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err)
{
	struct pbuf *waiting = arg;

	(void)err;
	if (p == NULL) { /* the peer has ended */
		flush(pcb, waiting);
		return ERR_OK;
	}
	if (waiting != NULL)
		pbuf_cat(waiting, p);
	else
		waiting = p;
	flush(pcb, waiting);
	return ERR_OK;
}

static err_t
accepted(void *arg, struct tcp_pcb *pcb, err_t err)
{
	(void)arg;
	if (err != ERR_OK || pcb == NULL)
		return ERR_VAL;
	tcp_arg(pcb, NULL);
	tcp_recv(pcb, received);
	tcp_sent(pcb, sent);
	tcp_err(pcb, failed);
	tcp_poll(pcb, poll, 2);
	return ERR_OK;
}

int
raw_echo(void)
{
	struct tcp_pcb *pcb = tcp_new_ip_type(IPADDR_TYPE_ANY);

	if (pcb == NULL || tcp_bind(pcb, IP_ANY_TYPE, 7) != ERR_OK)
		return -1;
	pcb = tcp_listen(pcb);
	if (pcb == NULL)
		return -1;
	tcp_accept(pcb, accepted);
	return 0;
}
