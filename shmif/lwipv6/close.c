/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * close.c - what was sent before close() arrives
 *
 * DOC: The faults: lwip_close() detaches the connection from its socket and
 * calls tcp_close(), which must queue a FIN.  With 88 buffers outstanding it
 * cannot; the library then aborts the connection, and what was not yet
 * acknowledged is lost.  And where a FIN is queued behind data, the state
 * machine takes any acknowledgement of all that was *sent* for one of the
 * FIN: in LAST_ACK it then frees the connection with data still queued.
 *
 * How they are seen: about one bulk transfer in five loses its tail; the
 * receiver sees a plain end of file, too early.
 *
 * The cure: a connection that nobody holds any more and that has data queued
 * stays in the state it is in (ESTABLISHED, CLOSE_WAIT), with callbacks of
 * ours, until everything is acknowledged; then the FIN goes out, alone, so
 * that an acknowledgement of all that was sent is one of the FIN.  RFC 9293,
 * 3.10.4: CLOSE is queued until all preceding SENDs have been segmentized.
 * That costs one round trip.  What the peer sends meanwhile has no reader; it
 * is acknowledged and thrown away.  Retransmission goes on as ever, and ends
 * a connection whose peer is gone.
 *
 * A connection with an owner (slirp's) is closed as the library does.
 *
 * Since the stack lives in the process, it dies with it: a program that ends
 * after lwip_close() would take its unsent data with it, where a kernel would
 * go on.  When the process exits it waits for that, while there is progress.
 */
#include <errno.h>
#include <semaphore.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "../lwipv6_port.h"

#define LINGER_STEP_MS 5
#define LINGER_MAX_MS 3000 /* without any progress */

static err_t close_poll(void *arg, struct tcp_pcb *pcb);

/* Whether data of PCB is not acknowledged yet. */
static bool
outstanding(const struct tcp_pcb *pcb)
{
	return pcb->unsent != NULL || pcb->unacked != NULL;
}

static bool
open_state(const struct tcp_pcb *pcb)
{
	return pcb->state == TCP_ESTABLISHED || pcb->state == TCP_CLOSE_WAIT;
}

/* tcp_pcb.sent: data of a connection without owner was acknowledged. */
static err_t
close_sent(void *arg, struct tcp_pcb *pcb, uint16_t len)
{
	(void)len;
	return close_poll(arg, pcb);
}

/* tcp_pcb.poll: twice a second.  Sends the FIN when it is time. */
static err_t
close_poll(void *arg, struct tcp_pcb *pcb)
{
	(void)arg;
	if (open_state(pcb) && !outstanding(pcb))
		real()->tcp_close(pcb);
	return ERR_OK;
}

/* tcp_pcb.recv: nobody will read it. */
static err_t
close_recv(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err)
{
	uint16_t len;

	(void)arg;
	(void)err;
	if (p == NULL)
		return ERR_OK; /* the peer's FIN */
	len = p->tot_len;
	pbuf_free(p);
	tcp_recved(pcb, len);
	return ERR_OK;
}

/* Replaces the library's.  0, or ERR_MEM: try again. */
EXPORT err_t
OURS(tcp_close)(struct tcp_pcb *pcb)
{
	if (!open_state(pcb) || pcb->slirp != NULL ||
	    pcb->callback_arg != NULL || pcb->errf != NULL || pcb->sent != NULL)
		return real()->tcp_close(pcb);
	tcp_recv(pcb, close_recv);
	tcp_sent(pcb, close_sent);
	tcp_poll(pcb, close_poll, 1);
	if (outstanding(pcb))
		tcp_output(pcb);
	else
		real()->tcp_close(pcb); /* or else close_poll() */
	return ERR_OK;
}

/* ---- at the end of the process ------------------------------------------ */

struct census {
	struct stack *stack;
	unsigned closing;  /* connections that are not done */
	uint32_t progress; /* changes when any of them gets on */
	sem_t done;
};

/* Counts the connections of ours; on the stack's thread. */
static void
count_closing(void *arg)
{
	struct census *c = arg;
	const struct tcp_pcb *pcb;

	c->closing = 0;
	c->progress = 0;
	for (pcb = STACK_FIELD(c->stack, STACK_TCP_ACTIVE, struct tcp_pcb *);
	     pcb != NULL; pcb = pcb->next) {
		if (pcb->recv != close_recv ||
		    (!open_state(pcb) && !outstanding(pcb)))
			continue;
		c->closing++;
		c->progress += pcb->lastack + (uint32_t)pcb->state;
	}
	sem_post(&c->done);
}

/* Has them counted.  False when the stack's thread does not answer. */
static bool
take_census(struct census *c)
{
	struct timespec until;

	if (tcpip_callback(c->stack, count_closing, c, 0) != ERR_OK)
		return false;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += LINGER_MAX_MS / 1000;
	while (sem_timedwait(&c->done, &until) == -1)
		if (errno != EINTR)
			return false;
	return true;
}

/* Waits, a bounded time, for STACK's connections that are being closed. */
static void
linger(struct stack *stack)
{
	const struct timespec step = { .tv_nsec = LINGER_STEP_MS * 1000000 };
	struct census *c = calloc(1, sizeof(*c));
	uint32_t before = 0;
	int idle = 0;

	if (c == NULL)
		return;
	c->stack = stack;
	sem_init(&c->done, 0, 0);
	while (idle <= LINGER_MAX_MS) {
		if (!take_census(c))
			return; /* C may yet be used */
		if (c->closing == 0)
			break;
		idle = c->progress == before ? idle + LINGER_STEP_MS : 0;
		before = c->progress;
		nanosleep(&step, NULL);
	}
	sem_destroy(&c->done);
	free(c);
}

static pid_t whose; /* a child has no stack, though it exits as we do */

static void
linger_all(void)
{
	struct stack *last = NULL;
	int n;

	if (getpid() != whose)
		return;
	for (n = shmif_next(-1); n != -1; n = shmif_next(n)) {
		struct stack *stack = shmif_stack(n);

		if (stack == NULL || stack == last || thread_inside(stack))
			continue;
		linger(stack);
		last = stack;
	}
}

static void
arrange(void)
{
	whose = getpid();
	atexit(linger_all);
}

void
close_at_exit(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, arrange);
}
