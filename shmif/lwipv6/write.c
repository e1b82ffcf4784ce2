/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * write.c - sending on a TCP connection
 *
 * DOC: The faults: netconn_write() reads how much may be sent from the
 * connection on the thread of its caller, where the stack's thread may have
 * freed it (the peer's reset, an interface taken away).  It makes a semaphore
 * for each call and frees it on return, while the stack's thread is about to
 * signal it.  And it offers all that fits the window in bytes, again and
 * again, even where so many segments never fit the queue.
 *
 * How they are seen: a crash in netconn_write() when a connection is reset
 * under it; heap corruption when a thread that sends ends; with a small MSS a
 * send that never returns.
 *
 * The cure: everything that touches the connection is done on the stack's
 * thread, through netconn_callback(); the semaphore stays with the netconn,
 * whose end (netconn_delete) frees it, after the stack's thread has let go of
 * it.  What is offered is bounded by the room for segments, too.
 *
 * A wake-up is not lost: the semaphore keeps one signal, and after each the
 * connection is looked at again.
 */
#include "../lwipv6_port.h"

struct piece {
	const char *data;
	uint16_t len;
	uint8_t copy;
	uint16_t done; /* bytes queued; 0: wait */
};

/* How much of LEN bytes PCB's queue can take. */
static uint16_t
room(const struct tcp_pcb *pcb, uint16_t len)
{
	uint32_t n = len < pcb->snd_buf ? len : pcb->snd_buf;
	uint32_t segs;

	if (pcb->snd_queuelen >= TCP_SND_QUEUELEN)
		return 0;
	segs = (uint32_t)TCP_SND_QUEUELEN - pcb->snd_queuelen;
	if (n > segs * pcb->mss)
		n = segs * pcb->mss;
	return (uint16_t)n;
}

/* Queues a piece; on the stack's thread. */
static err_t
write_some(struct netconn *conn, void *arg)
{
	struct tcp_pcb *pcb = conn->pcb;
	struct piece *w = arg;
	err_t err = ERR_OK;
	uint16_t n;

	w->done = 0;
	if (conn->err != ERR_OK)
		return conn->err;
	if (pcb == NULL || pcb->state == TCP_LISTEN)
		return ERR_CONN;
	n = room(pcb, w->len);
	if (n == 0)
		return ERR_OK;
	err = tcp_write(pcb, w->data, n, w->copy);
	if (err == ERR_MEM)
		return ERR_OK;
	if (err != ERR_OK)
		return err;
	w->done = n;
	/* Nagle: not while something is on its way. */
	if (pcb->unacked == NULL || (pcb->flags & TCP_FLAG_NODELAY))
		tcp_output(pcb);
	if (conn->callback != NULL && pcb->snd_buf <= TCP_SND_LOWAT)
		conn->callback(conn, NETCONN_EVT_SENDMINUS, n);
	return ERR_OK;
}

/* Replaces the library's: queues all of DATA, waiting for room. */
EXPORT err_t
OURS(netconn_write)(struct netconn *conn, void *data, uint16_t size,
    uint8_t copy)
{
	struct piece w = { .data = data, .len = size, .copy = copy };
	err_t err = ERR_OK;

	if (conn == NULL || conn->type != NETCONN_TCP)
		return ERR_VAL;
	if (conn->err != ERR_OK)
		return conn->err;
	if (conn->sem == NULL && (conn->sem = sys_sem_new(0)) == NULL)
		return ERR_MEM;
	conn->state = NETCONN_WRITE;
	while (w.len > 0) {
		if ((err = netconn_callback(conn, write_some, &w)) != ERR_OK) {
			conn->err = err;
			break;
		}
		w.data += w.done;
		w.len = (uint16_t)(w.len - w.done);
		if (w.done == 0)
			sys_sem_wait(conn->sem);
	}
	conn->state = NETCONN_NONE;
	return err;
}
