/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * listener.c - connections that wait to be accepted
 *
 * DOC: Each is a message in the pair of its listener, with its peer's address
 * and the program's end of its own pair; whoever reads the message has
 * accepted it (mstack/wire.h).  As many as the pair has room for are there; the
 * rest stays in the stack, whose backlog bounds them.  A listener that is
 * closed takes with it what is in its pair: the ends in there are closed, and
 * so are the connections.
 *
 * BACKLOG counts what is in the pair and in the stack together.  In the pair are
 * at most as many connections as it says, so that all that a program was told of
 * by poll(2) can be accepted at once; then the stack takes one more.  Nothing
 * tells when the program takes one but the kernel's count of what is in the pair
 * (SIOCOUTQ), in which each message counts the same: UNIT, seen at the first.
 *
 * A connection is taken from the stack only after there is a pair for it, so
 * that none is lost for want of a descriptor: see share.c.  What the kernel does
 * not pass on now (ETOOMANYREFS: the user has too many descriptors on their way)
 * is PARKED, one for each listener.
 */
#include <sys/ioctl.h>
#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mstack/serve/serve.h"
#include "mstack/wire_pass.h"

/* An accepted connection that could not be sent yet. */
struct parked {
	struct mstack_arrival a;
	int end;
};

/* Sends A with END to whoever accepts.  0 or an errno value. */
static int
push(struct msock *m, const struct mstack_arrival *a, int end)
{
	ssize_t n = wire_pass(m->pair, a, sizeof(*a), end,
	    MSG_DONTWAIT | MSG_NOSIGNAL);

	return n == (ssize_t)sizeof(*a) ? 0 : n == -1 ? errno : EIO;
}

/* What may pass: there is somebody who may still accept. */
static bool
is_passing(int error)
{
	return error == ETOOMANYREFS || error == ENOBUFS || error == ENOMEM ||
	    error == EAGAIN;
}

/* The one that waits goes first.  False: it still does. */
static bool
push_parked(struct msock *m)
{
	int error;

	if (m->parked == NULL)
		return true;
	error = push(m, &m->parked->a, m->parked->end);
	if (is_passing(error)) {
		share_starve(m);
		return false;
	}
	listener_end(m);
	return true;
}

void
listener_end(struct msock *m)
{
	if (m->parked == NULL)
		return;
	close(m->parked->end);
	free(m->parked);
	m->parked = NULL;
}

/* CHILD goes to whoever accepts. */
static void
deliver(struct msock *m, struct msock *child, int end)
{
	struct mstack_arrival a;
	socklen_t len = sizeof(a.addr);
	int error;

	memset(&a, 0, sizeof(a));
	if (m->sv->ops->name(child->sock, true, (struct sockaddr *)&a.addr,
		&len) == 0 &&
	    len <= sizeof(a.addr))
		a.addrlen = len;
	error = push(m, &a, end);
	if (is_passing(error) &&
	    (m->parked = malloc(sizeof(*m->parked))) != NULL) {
		m->parked->a = a;
		m->parked->end = end;
		share_starve(m);
	} else {
		close(end);
	}
	if (error == 0 || m->parked != NULL)
		msock_again(child);
	else
		msock_end(child);
}

void
listener_begin(struct msock *m, int backlog)
{
	m->state = MSOCK_LISTENING;
	m->stack_in = true;
	/* As in Linux it is a number without a sign, and has a bound. */
	m->backlog = backlog < 0 || backlog > SOMAXCONN ? SOMAXCONN : backlog;
	m->stack_backlog = backlog;
}

/* How many bytes the kernel counts in the pair. */
static int
in_pair(const struct msock *m)
{
	int n = 0;

	return ioctl(m->pair, SIOCOUTQ, &n) == 0 ? n : 0;
}

/* Whether one more connection may be pushed. */
static bool
has_room(struct msock *m)
{
	struct pollfd p = { .fd = m->pair, .events = POLLOUT };
	int n = m->unit == 0 ? 0 : in_pair(m) / m->unit;
	int most = m->backlog > 0 ? m->backlog : 1, want = m->backlog;
	bool room = poll(&p, 1, 0) == 1 && (p.revents & POLLOUT) != 0;

	if (n >= most)
		want = 0;
	else if (n > most / 2)
		want = most - n;
	if (want != m->stack_backlog && m->sv->ops->listen(m->sock, want) == 0)
		m->stack_backlog = want;
	/* It matters how many of them are accepted. */
	if (!room || n > most / 2)
		msock_full(m);
	return room && n < most;
}

/* Takes a connection from the stack.  0 or an errno value. */
static int
take_one(struct msock *m)
{
	const int kind[3] = { m->domain, m->type, m->protocol };
	struct msock *child;
	int error, end;

	error = msock_new(m->sv, m->session, -1, kind, &child, &end);
	if (error != 0)
		return ENFILE;
	error = m->sv->ops->accept(m->sock, &child->sock);
	if (error != 0) {
		child->sock = -1;
		msock_end(child);
		close(end);
		return error;
	}
	child->state = MSOCK_OPEN;
	msock_own(child, m->owner);
	deliver(m, child, end);
	if (m->unit == 0)
		m->unit = in_pair(m);
	return 0;
}

void
listener_work(struct msock *m)
{
	int error;

	while (push_parked(m) && m->stack_in && has_room(m)) {
		if (!msock_wait(m, true))
			return; /* none is there */
		error = take_one(m);
		if (error == EAGAIN) {
			msock_again(m); /* it has gone meanwhile */
			return;
		}
		if (error == EMFILE || error == ENFILE || error == ENOBUFS ||
		    error == ENOMEM) {
			share_starve(m);
			return;
		}
		if (error != 0) {
			m->stack_in = false;
			return;
		}
	}
}
