/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * exit.c - what was sent arrives, though the process ends
 *
 * DOC: A kernel goes on sending for a process that has exited; this stack ends
 * with its process.  So exit() closes the connections that are open, and waits:
 *
 *   - while data is not acknowledged, as long as there is progress: a peer that
 *     acknowledges nothing for DATA_MS, which is longer than lwIP's first two
 *     retransmissions take, is given up;
 *   - for the acknowledgement of an end, END_MS: the peer may have exited, for
 *     it has all that it was sent.  It may also have had no room in its window
 *     for the end, which came with the last data, and lwIP sends that again
 *     after three seconds only: here it is sent again after RESEND_MS, and after
 *     twice as long each time;
 *   - where only the peer's own end is missing, PEER_MS, so that it is
 *     acknowledged, and the peer need not wait as long.
 */
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <lwip/priv/tcp_priv.h>
#include <lwip/tcp.h>
#include <lwip/tcpip.h>

#include "stack/lwip/port.h"

#define STEP_MS 10
#define DATA_MS 12000
#define END_MS 3000
#define RESEND_MS 200
#define PEER_MS 300

static pid_t whose; /* a child has no stack, though it exits as we do */

struct census {
	uint64_t data; /* bytes that are not acknowledged, ends included */
	bool ends;     /* all that is missing is an end */
	bool peers;    /* a peer has not closed its half */
};

/* With the lock. */
static void
count(struct census *c)
{
	const struct tcp_pcb *pcb;

	*c = (struct census){ .ends = true };
	for (pcb = tcp_active_pcbs; pcb != NULL; pcb = pcb->next) {
		uint32_t n = pcb->snd_lbb - pcb->lastack;

		if (pcb->unsent != NULL || pcb->unacked != NULL) {
			c->data += n;
			c->ends &= n <= 1;
		} else if (pcb->state == FIN_WAIT_2) {
			c->peers = true;
		}
	}
}

/* Closes our half of every connection.  With the lock. */
static void
close_all(void)
{
	struct tcp_pcb *pcb, *next;

	for (pcb = tcp_active_pcbs; pcb != NULL; pcb = next) {
		next = pcb->next;
		if (pcb->state == ESTABLISHED || pcb->state == CLOSE_WAIT)
			tcp_shutdown(pcb, 0, 1);
	}
}

/* Sends again the ends that nobody acknowledged.  With the lock. */
static void
resend_ends(void)
{
	struct tcp_pcb *pcb, *next;

	for (pcb = tcp_active_pcbs; pcb != NULL; pcb = next) {
		next = pcb->next;
		if (pcb->unacked != NULL && pcb->snd_lbb - pcb->lastack <= 1)
			tcp_rexmit_rto(pcb);
	}
}

/* How long is waited where C does not change. */
static int
patience(const struct census *c)
{
	if (c->data != 0)
		return c->ends ? END_MS : DATA_MS;
	return c->peers ? PEER_MS : 0;
}

/* Waits for what C counted. */
static void
wait_for(struct census c)
{
	const struct timespec step = { .tv_nsec = STEP_MS * 1000000L };
	struct census before;
	int idle = 0, resend = RESEND_MS;

	while (idle < patience(&c)) {
		before = c;
		nanosleep(&step, NULL);
		LOCK_TCPIP_CORE();
		count(&c);
		if (c.data != 0 && c.ends && idle >= resend) {
			resend_ends();
			resend *= 2;
		}
		UNLOCK_TCPIP_CORE();
		idle = c.data == before.data ? idle + STEP_MS : 0;
		if (idle == 0)
			resend = RESEND_MS;
	}
}

void
exit_settle(void)
{
	struct census c;

	if (core_inside())
		return;
	LOCK_TCPIP_CORE();
	count(&c);
	UNLOCK_TCPIP_CORE();
	wait_for(c);
}

static void
linger(void)
{
	struct census c;

	if (getpid() != whose || core_inside())
		return;
	LOCK_TCPIP_CORE();
	close_all();
	count(&c);
	UNLOCK_TCPIP_CORE();
	wait_for(c);
}

void
exit_begin(void)
{
	whose = getpid();
	atexit(linger);
}
