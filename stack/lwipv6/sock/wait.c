/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wait.c - waiting for a socket, and being told
 *
 * DOC: The faults: the library waits in a pipe or for a semaphore that a
 * signal does not end, and whether a socket can be written to is a flag that
 * is cleared after the fact and set by the next acknowledgement.
 *
 * How they are seen: a program that is to be stopped by a signal is not;
 * lwip_select() says that a connection can be written to when it is full.
 *
 * The cure: what a socket is ready for is computed from its state whenever it
 * is asked for (sock_ready()), so that it cannot be out of date.  Whoever
 * changes the state says which events that may have made true.
 *
 * Waiting is a futex, one for each direction: a number that goes up with each
 * wake-up, under the socket's lock.  A waiter reads it before he lets go of
 * the lock, so that none is lost.  The kernel ends or restarts such a wait as
 * it does a system call on a socket: without a timeout a signal handler that
 * was installed with SA_RESTART does not end it, with one it does.
 *
 * lwip_poll() and lwip_event_subscribe() watch a socket instead of waiting for
 * it.  A watch is called with the socket's lock held, and so must not call any
 * function of the socket layer.
 */
#include <sys/syscall.h>
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <unistd.h>

#include "stack/lwipv6/sock/sock.h"

int
sock_ready(const struct sock *s)
{
	int r;

	if (s->closed)
		return POLLNVAL;
	r = s->ops->ready(s);
	if (s->error != 0)
		r |= POLLERR | POLLIN | POLLOUT;
	if (s->stack == NULL)
		r |= POLLERR | POLLHUP | POLLIN | POLLOUT;
	return r;
}

/* Calls those that watch for EVENTS. */
static void
tell(struct sock *s, int events)
{
	struct watch **wp = &s->watches, *w;

	while ((w = *wp) != NULL) {
		if (((w->events | POLLERR | POLLHUP | POLLNVAL) & events) ==
		    0) {
			wp = &w->next;
			continue;
		}
		w->cb(w->arg);
		if (w->once) {
			*wp = w->next;
			free(w);
		} else {
			wp = &w->next;
		}
	}
}

static void
wake(struct sock *s, int which)
{
	mbox_wake_later((uint32_t *)&s->turn[which], INT_MAX);
}

void
sock_unlock_wake(struct sock *s, int events)
{
	const int both = POLLERR | POLLHUP | POLLNVAL;
	bool in = false, out = false;

	if (events & (POLLIN | both)) {
		s->turn[WAIT_IN]++;
		in = s->sleepers[WAIT_IN] != 0;
	}
	if (events & (POLLOUT | both)) {
		s->turn[WAIT_OUT]++;
		out = s->sleepers[WAIT_OUT] != 0;
	}
	if (s->watches != NULL)
		tell(s, events & sock_ready(s));
	pthread_mutex_unlock(&s->lock);
	if (in)
		wake(s, WAIT_IN);
	if (out)
		wake(s, WAIT_OUT);
}

const struct timespec *
sock_until(const struct sock *s, int which, struct timespec *at)
{
	const struct timespec *t = &s->timeout[which];

	if (t->tv_sec == 0 && t->tv_nsec == 0)
		return NULL;
	clock_gettime(CLOCK_MONOTONIC, at);
	at->tv_sec += t->tv_sec;
	at->tv_nsec += t->tv_nsec;
	if (at->tv_nsec >= 1000000000) {
		at->tv_sec++;
		at->tv_nsec -= 1000000000;
	}
	return at;
}

int
sock_wait(struct sock *s, int which, const struct timespec *until)
{
	uint32_t seen = s->turn[which];
	int error = 0;

	s->sleepers[which]++;
	pthread_mutex_unlock(&s->lock);
	if (syscall(SYS_futex, &s->turn[which], FUTEX_WAIT_BITSET_PRIVATE, seen,
		until, NULL, FUTEX_BITSET_MATCH_ANY) == -1) {
		if (errno == ETIMEDOUT)
			error = EAGAIN;
		else if (errno == EINTR)
			error = EINTR;
	}
	pthread_mutex_lock(&s->lock);
	s->sleepers[which]--;
	if (s->closed)
		return EBADF;
	if (s->stack == NULL)
		return ENETDOWN;
	return s->turn[which] != seen ? 0 : error;
}

void
sock_watch(struct sock *s, struct watch *w)
{
	w->next = s->watches;
	s->watches = w;
}

void
sock_unwatch(struct sock *s, struct watch *w)
{
	struct watch **wp;

	for (wp = &s->watches; *wp != NULL; wp = &(*wp)->next)
		if (*wp == w) {
			*wp = w->next;
			return;
		}
}
