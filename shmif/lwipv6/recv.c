/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * recv.c - receiving on a connection
 *
 * DOC: The faults: at end of file netconn_recv() closes the mailbox on the
 * thread of its caller.  The stack's thread may be about to post to it (a
 * reset after the FIN, an address taken away): it then writes to a closed
 * descriptor, or to another one that has got its number.  A second read after
 * the end of file marks the connection as broken, so that writing fails too.
 * And what arrived before a reset is not delivered.
 *
 * How they are seen: rarely, and then as messages in a wrong pipe: a thread
 * that waits for ever, or takes a pointer for another.
 *
 * The cure: the mailbox stays until the connection is deleted, which the
 * stack's thread takes part in.  The end of file is remembered instead.
 *
 * Cheaper besides: that the window may open is told to the stack's thread
 * without waiting for it.  Messages of one thread arrive in order, so it is
 * told before the netconn is deleted.
 */
#include <sys/ioctl.h>
#include <stdlib.h>

#include "../lwipv6_port.h"

struct credit {
	struct netconn *conn;
	uint16_t len;
};

/* The window opens by what was read; on the stack's thread. */
static void
give(void *arg)
{
	struct credit *c = arg;
	struct tcp_pcb *pcb = c->conn->pcb;

	if (pcb != NULL && pcb->state != TCP_LISTEN)
		tcp_recved(pcb, c->len);
	free(c);
}

static err_t
give_now(struct netconn *conn, void *arg)
{
	if (conn->pcb != NULL && conn->pcb->state != TCP_LISTEN)
		tcp_recved(conn->pcb, *(uint16_t *)arg);
	return ERR_OK;
}

static void
give_later(struct netconn *conn, uint16_t len)
{
	struct credit *c = malloc(sizeof(*c));

	if (c != NULL) {
		c->conn = conn;
		c->len = len;
		if (tcpip_callback(conn->stack, give, c, 0) == ERR_OK)
			return;
		free(c);
	}
	netconn_callback(conn, give_now, &len);
}

static bool
waiting(const struct sys_mbox *mbox)
{
	int n = 0;

	return ioctl(mbox->pipe[0], FIONREAD, &n) == 0 && n > 0;
}

static void
event(struct netconn *conn, uint16_t len)
{
	if (conn->callback != NULL)
		conn->callback(conn, NETCONN_EVT_RCVMINUS, len);
}

/* A TCP connection: the next piece of the stream, or NULL. */
static struct netbuf *
recv_stream(struct netconn *conn)
{
	struct netbuf *buf;
	struct pbuf *p;

	if (!conn->connected)
		return NULL; /* at the end of file, or never connected */
	if ((buf = netbuf_new()) == NULL) {
		conn->err = ERR_MEM;
		return NULL;
	}
	sys_mbox_fetch(conn->recvmbox, (void **)&p);
	if (p == NULL) {
		event(conn, 0);
		conn->connected = 0;
		netbuf_delete(buf);
		return NULL;
	}
	conn->recv_avail = (uint16_t)(conn->recv_avail - p->tot_len);
	event(conn, p->tot_len);
	buf->p = buf->ptr = p;
	buf->fromport = 0;
	give_later(conn, p->tot_len);
	return buf;
}

/* Replaces the library's. */
EXPORT struct netbuf *
OURS(netconn_recv)(struct netconn *conn)
{
	struct netbuf *buf = NULL;

	if (conn == NULL)
		return NULL;
	if (conn->recvmbox == NULL) {
		conn->err = ERR_CONN;
		return NULL;
	}
	if (conn->err != ERR_OK && !waiting(conn->recvmbox))
		return NULL;
	if (conn->type == NETCONN_TCP)
		return recv_stream(conn);
	sys_mbox_fetch(conn->recvmbox, (void **)&buf);
	if (buf != NULL) {
		conn->recv_avail = (uint16_t)(conn->recv_avail -
		    buf->p->tot_len);
		event(conn, buf->p->tot_len);
	}
	return buf;
}
