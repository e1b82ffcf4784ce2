/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * close.c - shutdown, close, and what is left to do after it
 *
 * DOC: The faults: lwip_shutdown() tells nobody; lwip_close() loses what it
 * cannot queue (see stream.c), holds a lock of all sockets meanwhile, and
 * does not end what other threads wait for; the connections of a stack that
 * is deleted stay in memory.
 *
 * How they are seen: a client that says "that was all" by SHUT_WR waits for an
 * answer for ever; a thread that waits in lwip_recv() when another closes the
 * socket does so, too.
 *
 * The cure: POSIX.  SHUT_WR sends the FIN after all that was sent, and the
 * other direction goes on.  SHUT_RD has lwip_recv() end with what is there;
 * what comes later is thrown away.  lwip_close() wakes who waits for the
 * socket, and hands its connection to the stack's thread, which goes on with
 * it until it is done.  With SO_LINGER and a time of 0 it is reset.
 *
 * Since the stack lives in the process, it dies with it: a program that ends
 * after lwip_close() would take its unsent data with it, where a kernel would
 * go on.  When the process exits all its connections are closed, as a kernel
 * would, and what was sent is waited for, while there is progress; and likewise
 * by lwip_del_stack() for what had been closed before.  The FIN behind it may
 * be lost, and the peer then waits for ever; or it arrives, and nobody is left
 * to say so, when the peer's process has ended as well.  It is sent FIN_TRIES
 * times, a step apart, which takes a tenth of a second in the latter case.
 */
#include <errno.h>
#include <semaphore.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "stack/lwipv6/sock/sock.h"

#define LINGER_STEP_MS 5
#define LINGER_MAX_MS 3000 /* without any progress */
#define FIN_TRIES 20u

/* ---- on the stack's thread ---------------------------------------------- */

/* S has no descriptor any more. */
static void
close_inside(void *arg)
{
	struct sock *s = arg;
	struct tcp_pcb *pcb;
	bool hard, made;

	s->orphan = true;
	if (s->kind != KIND_TCP) {
		dgram_close(s);
		sock_put(s);
		return;
	}
	pthread_mutex_lock(&s->lock);
	hard = s->linger && s->linger_s == 0;
	made = s->state == SOCK_CONNECTED;
	/* What nobody reads is not to keep the window shut. */
	s->credit += s->in_bytes;
	pthread_mutex_unlock(&s->lock);
	pcb = s->pcb.tcp;
	if (pcb == NULL) {
		sock_put(s);
		return;
	}
	if (pcb->state == TCP_LISTEN) {
		listener_close(s);
	} else if (!made) {
		/* Nothing was agreed on yet. */
		stream_detach(s);
		tcp_close(pcb);
	} else if (hard) {
		stream_abort(s, ECONNABORTED);
	} else {
		stream_work(s);
	}
	sock_put(s);
}

static void
shutdown_inside(void *arg)
{
	stream_work(arg);
}

/* ---- calls of programs -------------------------------------------------- */

static int
shutdown_stream(struct sock *s, int how)
{
	pthread_mutex_lock(&s->lock);
	if (s->state != SOCK_CONNECTED) {
		bool was = s->state == SOCK_DONE && s->error == 0;

		pthread_mutex_unlock(&s->lock);
		return was ? 0 : ENOTCONN;
	}
	if (how != SHUT_WR && !s->shut_rd) {
		s->shut_rd = true;
		s->credit += s->in_bytes; /* as when it is closed */
	}
	if (how != SHUT_RD)
		s->shut_wr = true;
	sock_unlock_wake(s, POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
	return sock_call(s, shutdown_inside, s);
}

static int
shutdown_dgram(struct sock *s, int how)
{
	int error = 0;

	pthread_mutex_lock(&s->lock);
	if (s->kind == KIND_UDP && s->remote_port == 0)
		error = ENOTCONN;
	if (how != SHUT_WR)
		s->shut_rd = true;
	if (how != SHUT_RD)
		s->shut_wr = true;
	sock_unlock_wake(s, POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
	return error;
}

/* Replaces the library's. */
EXPORT int
OURS(lwip_shutdown)(int fd, int how)
{
	struct sock *s = sock_get(fd);
	int error;

	if (s == NULL)
		return -1;
	if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR)
		error = EINVAL;
	else if (s->kind == KIND_NETLINK)
		error = EOPNOTSUPP;
	else if (s->kind == KIND_TCP)
		error = shutdown_stream(s, how);
	else
		error = shutdown_dgram(s, how);
	sock_put(s);
	return error == 0 ? 0 : sock_fail(error);
}

/* SO_LINGER: waits until what was sent has arrived, or for the time given. */
static void
wait_settled(struct sock *s, int seconds)
{
	struct timespec until, now;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += seconds;
	now = until;
	pthread_mutex_lock(&s->lock);
	do {
		if (s->settled || s->stack == NULL)
			break;
		/* It says EBADF whatever happened: the socket is closed. */
		sock_wait(s, WAIT_OUT, &until);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec < until.tv_sec ||
	    (now.tv_sec == until.tv_sec && now.tv_nsec < until.tv_nsec));
	pthread_mutex_unlock(&s->lock);
}

void
sock_close(struct sock *s)
{
	int linger = 0;

	pthread_mutex_lock(&s->lock);
	s->closed = true;
	if (s->linger && s->kind == KIND_TCP && !s->nonblock &&
	    s->state == SOCK_CONNECTED)
		linger = s->linger_s;
	sock_unlock_wake(s, POLLIN | POLLOUT | POLLERR | POLLHUP | POLLNVAL);
	sock_post(s, close_inside);
	if (linger > 0)
		wait_settled(s, linger);
}

/* ---- a stack that is deleted -------------------------------------------- */

/* S loses its stack. */
static void
orphan(struct sock *s, void *arg)
{
	struct tcp_pcb *pcb;

	(void)arg;
	sock_hold(s);
	if (s->kind != KIND_TCP) {
		dgram_close(s);
	} else if ((pcb = s->pcb.tcp) != NULL) {
		if (pcb->state == TCP_LISTEN) {
			listener_close(s);
		} else {
			stream_detach(s);
			if (pcb->state == TCP_CLOSED)
				tcp_close(pcb);
			else
				tcp_abort(pcb);
			stream_failed(s, ENETDOWN);
		}
	}
	pthread_mutex_lock(&s->lock);
	s->stack = NULL;
	sock_unlock_wake(s, POLLIN | POLLOUT | POLLERR | POLLHUP);
	sock_put(s);
}

/*
 * Replaces the library's, which does nothing: on the stack's thread, the first
 * step of its end.
 */
EXPORT void
OURS(tcp_shutdown)(struct stack *stack)
{
	struct tcp_pcb *pcb;

	queue_finish(stack);
	sock_each(stack, orphan, NULL);
	/* What was posted while they were being told. */
	queue_finish(stack);
	/* Connections that no socket has any more. */
	while ((pcb = STACK_FIELD(stack, STACK_TCP_ACTIVE, struct tcp_pcb *)) !=
	    NULL)
		tcp_abort(pcb);
	while (
	    (pcb = STACK_FIELD(stack, STACK_TCP_TW, struct tcp_pcb *)) != NULL)
		tcp_abort(pcb);
}

/* ---- at the end of the process ------------------------------------------ */

struct census {
	struct stack *stack;
	bool all;	   /* close those that are open */
	unsigned closing;  /* connections that are not done */
	uint32_t progress; /* changes when any of them gets on */
	atomic_bool taken; /* the numbers above are the program's to read */
	sem_t done;
};

/* All of S has arrived but its FIN.  Returns whether to wait for that. */
static bool
wait_for_fin(struct sock *s)
{
	struct tcp_pcb *pcb = s->pcb.tcp;

	if (!s->fin_sent)
		return stream_is_open(pcb); /* it was not possible yet */
	if (!stream_unacked(pcb) || s->fin_tries == FIN_TRIES)
		return false;
	if (s->fin_tries++ != 0)
		recover_again(pcb);
	return true;
}

static void
count(struct sock *s, void *arg)
{
	struct census *c = arg;
	uint32_t unsent, out;
	bool closed;

	if (s->kind != KIND_TCP || s->pcb.tcp == NULL ||
	    s->pcb.tcp->state == TCP_LISTEN)
		return;
	pthread_mutex_lock(&s->lock);
	if (c->all)
		s->closed = true;
	closed = s->closed;
	unsent = s->out_head - s->out_tail;
	pthread_mutex_unlock(&s->lock);
	if (!closed)
		return;
	if (!s->fin_sent)
		stream_work(s);
	if (s->pcb.tcp == NULL)
		return;
	out = stream_outstanding(s);
	if (unsent == 0 && out == 0 && !wait_for_fin(s))
		return;
	c->closing++;
	c->progress += unsent + out + s->fin_tries;
}

/* Counts the connections that have data to send; on the stack's thread. */
static void
count_closing(void *arg)
{
	struct census *c = arg;

	c->closing = 0;
	c->progress = 0;
	sock_each(c->stack, count, c);
	/* sem_clockwait() orders as much, but ThreadSanitizer does not know. */
	atomic_store(&c->taken, true);
	sem_post(&c->done);
}

/* Has them counted.  False when the stack's thread does not answer. */
static bool
take_census(struct census *c)
{
	struct timespec until;

	if (tcpip_callback(c->stack, count_closing, c, 0) != ERR_OK)
		return false;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += LINGER_MAX_MS / 1000;
	while (sem_clockwait(&c->done, CLOCK_MONOTONIC, &until) == -1)
		if (errno != EINTR)
			return false;
	return atomic_exchange(&c->taken, false);
}

/* Waits, a bounded time, for STACK's connections that are being closed. */
static void
linger(struct stack *stack, bool all)
{
	const struct timespec step = { .tv_nsec = LINGER_STEP_MS * 1000000 };
	struct census *c = calloc(1, sizeof(*c));
	uint32_t before = 0;
	int idle = 0;

	if (c == NULL)
		return;
	c->stack = stack;
	c->all = all;
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
		linger(stack, true);
		last = stack;
	}
}

/* Replaces the library's: STACK goes. */
EXPORT void
OURS(lwip_del_stack)(struct stack *stack)
{
	if (stack != NULL && !thread_inside(stack))
		linger(stack, false);
	real()->lwip_del_stack(stack);
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
