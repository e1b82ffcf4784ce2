/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * connect.c - connections that a program begins
 *
 * DOC: A program that does not wait for its connection waits for POLLOUT
 * instead, so its end of the pair must not be writable yet.  A UNIX socket is
 * writable while less than a quarter of its send buffer is in use, and a send
 * that does not wait fails when all of it is.  So the buffer is made as small
 * as possible, and filled: plug().  When the attempt has come to its end, what
 * it was filled with is read, and it gets its size back: unplug().  Both need
 * the program's end, which the supervisor sent, and which is kept meanwhile;
 * a program that closes its socket while it connects is noticed after that.
 */
#include <sys/ioctl.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "mstack/serve/serve.h"

#define JUNK_MAX (1u << 20) /* no system has a smallest buffer of that size */

/* What the program wrote before there was a connection is lost. */
static void
drain(struct msock *m)
{
	int there = 0;

	ioctl(m->pair, FIONREAD, &there);
	if (there <= m->stale)
		return;
	while (recv(m->pair, m->sv->buf, CHUNK, MSG_DONTWAIT) > 0)
		continue;
	m->stale = false;
}

static void
plug(struct msock *m, int held)
{
	int least = 1;
	ssize_t n;

	m->held = held;
	share_take(m->sv, m->session);
	m->junk = 0;
	memset(m->sv->buf, 0, CHUNK);
	setsockopt(held, SOL_SOCKET, SO_SNDBUF, &least, sizeof(least));
	while (m->junk < JUNK_MAX &&
	    (n = send(held, m->sv->buf, 1024, MSG_DONTWAIT | MSG_NOSIGNAL)) > 0)
		m->junk += (size_t)n;
}

static void
unplug(struct msock *m)
{
	size_t want;
	ssize_t n;

	if (m->held == -1)
		return;
	/* One byte is to stay: see stream.c. */
	if (!m->stale && m->junk > 0) {
		m->stale = true;
		m->junk--;
	}
	while (m->junk > 0) {
		want = m->junk < CHUNK ? m->junk : CHUNK;
		n = recv(m->pair, m->sv->buf, want, MSG_DONTWAIT);
		if (n <= 0)
			break;
		m->junk -= (size_t)n;
	}
	stream_set_room(m->held);
	close(m->held);
	m->held = -1;
	share_give(m->sv, m->session);
}

/* LATER: who began it did not wait, and will be told. */
static void
connected(struct msock *m, bool later)
{
	m->state = MSOCK_OPEN;
	m->fresh = later;
	m->pair_in = m->pair_out = m->stack_in = m->stack_out = true;
}

void
connect_work(struct msock *m)
{
	struct mstack_reply r = { .call = m->call };
	socklen_t len = sizeof(int);
	int error = 0;

	if (!msock_wait(m, false))
		return;
	if (m->sv->ops->get(m->sock, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		error = ECONNABORTED;
	if (error == 0) {
		connected(m, m->asker == NULL);
	} else {
		m->state = MSOCK_NEW;
		m->error = m->asker == NULL ? error : 0;
	}
	unplug(m);
	r.error = error;
	if (m->asker != NULL)
		session_reply(m->asker, &r, NULL, NULL, NULL, 0);
	m->asker = NULL;
}

/* What is said to who connects a stream in a state other than NEW; or 0. */
static int
not_now(struct msock *m, bool waits)
{
	switch (m->state) {
	case MSOCK_NEW:
		return 0;
	case MSOCK_CONNECTING:
		return waits ? EINPROGRESS : EALREADY;
	case MSOCK_OPEN:
		if (m->fresh) {
			m->fresh = false;
			return -1;
		}
		return EISCONN;
	case MSOCK_LISTENING:
		break;
	}
	return EISCONN;
}

/* Whether ERROR is one that a connection has after it was begun. */
static bool
came_from_afar(int error)
{
	return error == ECONNREFUSED || error == ETIMEDOUT ||
	    error == EHOSTUNREACH || error == ECONNRESET ||
	    error == ECONNABORTED;
}

int
connect_begin(struct msock *m, const struct sockaddr *addr, socklen_t len,
    int held)
{
	bool unspec = len >= sizeof(addr->sa_family) &&
	    addr->sa_family == AF_UNSPEC;
	int error = 0;

	if (m->stream && !unspec)
		error = not_now(m, held == -1);
	if (error == 0) {
		if (m->stream)
			drain(m);
		error = m->sv->ops->connect(m->sock, addr, len);
		if (error == 0 && m->stream && unspec)
			m->state = MSOCK_NEW;
		else if (error == 0 && m->stream && held != -1) {
			/* It was quick; Linux does not say so at once. */
			connected(m, true);
			error = EINPROGRESS;
			close(held);
			return error;
		} else if (error == 0 && m->stream)
			connected(m, false);
		else if (held != -1 && came_from_afar(error)) {
			/* It was quick; who does not wait is told later. */
			m->error = error;
			error = EINPROGRESS;
			close(held);
			return error;
		}
		if (error == EINPROGRESS) {
			m->state = MSOCK_CONNECTING;
			m->error = 0;
			if (held != -1)
				plug(m, held);
			if (held != -1)
				return EINPROGRESS;
		}
	}
	if (held != -1)
		close(held);
	return error == -1 ? 0 : error;
}
