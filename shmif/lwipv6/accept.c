/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * accept.c - a connection gets its socket from who accepts it
 *
 * DOC: The fault: when a connection comes in, the stack's thread makes a
 * socket for it, and for that takes the lock of the process's table of
 * sockets.  lwip_close() holds that lock while it waits for the stack's
 * thread.
 *
 * How it is seen: a server closes one connection while another comes in, and
 * every stack of the process stands still for ever.
 *
 * The cure: until it is accepted a connection has no socket, and events on it
 * are not told to anybody; netconn_accept() makes the socket on the thread of
 * its caller, and then, on the stack's thread, so that nothing arrives in
 * between, makes up for the events there were: one for each message that
 * waits in the connection's mailbox.
 *
 * How: the library's socket layer hangs one function of its own on every
 * netconn, and what comes in inherits it from its listener.  tcp_accept()
 * makes a listener: there we put gate() in its place, which passes on what
 * concerns a listener and swallows what concerns a connection that waits.
 * A connection that waits has gate() as its callback and no acceptmbox.
 */
#include <sys/ioctl.h>
#include <pthread.h>

#include "../lwipv6_port.h"

typedef void event_fn(struct netconn *, enum netconn_evt, uint16_t);

/* The socket layer's function; the same for all. */
static event_fn *_Atomic socket_event;

static void
gate(struct netconn *conn, enum netconn_evt evt, uint16_t len)
{
	if (conn->acceptmbox != NULL && evt != NETCONN_EVT_ACCEPTPLUS)
		socket_event(conn, evt, len);
}

/*
 * Replaces the library's: PCB, which listens, shall call ACCEPT.  Its callback
 * argument is the listener's netconn; NULL when it is being closed, and
 * somebody else's when ACCEPT is not the socket layer's.
 */
EXPORT void
OURS(tcp_accept)(struct tcp_pcb *pcb,
    err_t (*accept)(void *, struct tcp_pcb *, err_t))
{
	struct netconn *conn = pcb->callback_arg;

	if (pcb->state == TCP_LISTEN && accept != NULL && conn != NULL &&
	    pcb->slirp == NULL && conn->pcb == pcb && conn->callback != NULL &&
	    conn->callback != gate) {
		socket_event = conn->callback;
		conn->callback = gate;
	}
	real()->tcp_accept(pcb, accept);
}

/* Hands events over to the socket of CONN; on the stack's thread. */
static err_t
open_gate(struct netconn *conn, void *arg)
{
	int n = 0;

	(void)arg;
	conn->callback = socket_event;
	if (ioctl(conn->recvmbox->pipe[0], FIONREAD, &n) == -1)
		n = 0;
	for (; n >= (int)sizeof(void *); n -= (int)sizeof(void *))
		conn->callback(conn, NETCONN_EVT_RCVPLUS, 0);
	return ERR_OK;
}

/* Replaces the library's: waits for a connection on the listener CONN. */
EXPORT struct netconn *
OURS(netconn_accept)(struct netconn *conn)
{
	struct netconn *newconn = NULL;

	if (conn == NULL || conn->acceptmbox == NULL)
		return NULL;
	sys_mbox_fetch(conn->acceptmbox, (void **)&newconn);
	if (conn->callback != NULL)
		conn->callback(conn, NETCONN_EVT_RCVMINUS, 0);
	if (newconn == NULL)
		return NULL;
	newconn->connected = 1;
	if (newconn->callback != gate)
		return newconn;
	/* By its listener's number the socket layer finds the family. */
	newconn->socket = conn->socket;
	socket_event(newconn, NETCONN_EVT_ACCEPTPLUS, 0);
	if (newconn->socket >= 0)
		netconn_callback(newconn, open_gate, NULL);
	return newconn;
}
