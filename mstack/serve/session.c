/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * session.c - messages between a supervisor and the server
 *
 * DOC: A request is read only while the supervisor's end has room for the
 * largest reply, so a supervisor that does not read its replies stops its own
 * requests and nobody else's.  Replies that come later, to those who wait for
 * a connection, are short; when even such a one has no room, the supervisor
 * has not read hundreds of them, and the session ends.
 *
 * One request is done at a time: then whatever else has happened has its turn,
 * in the order in which it happened (epoll's; it tells of a session as long as
 * there is a request, behind what happened meanwhile).  So nobody who floods the
 * server keeps others waiting; and a listener that a program has closed refuses
 * what the program asks for next.
 */
#include <sys/epoll.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "mstack/serve/serve.h"

void
session_end(struct session *s)
{
	s->dead = true;
}

void
session_reply(struct session *s, struct mstack_reply *r, const void *addr,
    const void *data, const int *fds, size_t n)
{
	union {
		char room[CMSG_SPACE(2 * sizeof(int))];
		struct cmsghdr align;
	} control = { .align = { .cmsg_len = CMSG_LEN(n * sizeof(int)),
			  .cmsg_level = SOL_SOCKET,
			  .cmsg_type = SCM_RIGHTS } };
	struct iovec iov[3] = { { r, sizeof(*r) },
		{ (void *)(uintptr_t)addr, r->addrlen },
		{ (void *)(uintptr_t)data, r->datalen } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 3 };

	if (n != 0) {
		memcpy(CMSG_DATA(&control.align), fds, n * sizeof(int));
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(n * sizeof(int));
	}
	if (sendmsg(s->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) == -1)
		session_end(s);
}

/* The descriptor that came with MSG, or -1; others are closed. */
static int
one_descriptor(struct msghdr *msg)
{
	struct cmsghdr *c;
	int fd = -1, got;
	size_t n, i;

	for (c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(got);
		for (i = 0; i < n; i++) {
			memcpy(&got, CMSG_DATA(c) + i * sizeof(got),
			    sizeof(got));
			if (fd == -1)
				fd = got;
			else
				close(got);
		}
	}
	return fd;
}

/*
 * Looks at a message of LEN bytes, and does what it says.  CUT: there was no room
 * in our table for the descriptor that came with it.
 */
static void
take_message(struct session *s, size_t len, int fd, bool cut)
{
	const uint8_t *at = s->sv->message;
	struct mstack_request q;

	if (len >= sizeof(q)) {
		memcpy(&q, at, sizeof(q));
		if (q.addrlen <= MSTACK_ADDR_MAX &&
		    q.datalen <= MSTACK_DATA_MAX &&
		    len == sizeof(q) + q.addrlen + q.datalen) {
			struct mstack_reply r = { .call = q.call,
				.error = ENFILE };

			if (fd == -1 && cut) {
				session_reply(s, &r, NULL, NULL, NULL, 0);
				return;
			}
			session_request(s, &q, at + sizeof(q),
			    at + sizeof(q) + q.addrlen, fd);
			return;
		}
	}
	if (fd != -1)
		close(fd);
	session_end(s);
}

/* Has epoll tell of requests, or else of room for replies. */
static void
listen_to(struct session *s, bool on)
{
	struct epoll_event ev = { .events = on ? EPOLLIN : EPOLLOUT,
		.data.ptr = s };

	if (s->stuck != on)
		return;
	s->stuck = !on;
	if (epoll_ctl(s->sv->epoll, EPOLL_CTL_MOD, s->fd, &ev) != 0)
		session_end(s);
}

void
session_event(struct session *s)
{
	union {
		char room[CMSG_SPACE(4 * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { s->sv->message, sizeof(s->sv->message) };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	struct pollfd p = { .fd = s->fd, .events = POLLOUT };
	ssize_t n;
	int fd;

	if (s->dead)
		return;
	if (poll(&p, 1, 0) != 1 || !(p.revents & POLLOUT)) {
		listen_to(s, false);
		return;
	}
	listen_to(s, true);
	n = recvmsg(s->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n == -1) {
		if (errno != EAGAIN && errno != EINTR)
			session_end(s);
		return;
	}
	fd = one_descriptor(&msg);
	if (n == 0) {
		if (fd != -1)
			close(fd);
		session_end(s);
		return;
	}
	take_message(s, (size_t)n, fd, (msg.msg_flags & MSG_CTRUNC) != 0);
}
