/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * data.c - system calls that move data and an address, or may
 *
 * DOC: Of a stream the kernel moves the bytes, and the addresses that some of
 * these calls have mean nothing there.  A datagram that goes to an address is a
 * request to the server; one that comes is taken from the pair (datagram.c).
 */
#include <sys/syscall.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mstack/launch/launch.h"

#define DATAGRAM_MAX 65536u
#define MESSAGES_MAX 1024u /* of one call, as in the kernel */

/* One datagram, out or in: one at a time is worked on. */
static uint8_t room[DATAGRAM_MAX + MSTACK_CONTROL_MAX];

/* ---- sending ------------------------------------------------------------ */

static void
send_reply(struct call *c, const struct mstack_reply *r, const uint8_t *data,
    int fd)
{
	(void)data;
	(void)fd;
	if (r->error != 0)
		call_error_told(c);
	call_answer(c, r->error == ESTALE ? EPIPE : r->error, r->value);
}

/*
 * Copies the pieces of the program's message M into ROOM; of a STREAM as many
 * as it has room for.
 */
static int
gather(const struct call *c, const struct msghdr *m, bool stream, size_t *len)
{
	struct iovec iov[IOV_MAX];
	size_t i;
	int error;

	*len = 0;
	if (m->msg_iovlen > IOV_MAX)
		return EMSGSIZE;
	error = mem_read(c, (uintptr_t)m->msg_iov, iov,
	    m->msg_iovlen * sizeof(*iov));
	for (i = 0; i < m->msg_iovlen && error == 0; i++) {
		if (iov[i].iov_len > DATAGRAM_MAX - *len && stream)
			iov[i].iov_len = DATAGRAM_MAX - *len;
		if (iov[i].iov_len > DATAGRAM_MAX - *len)
			return EMSGSIZE;
		error = mem_read(c, (uintptr_t)iov[i].iov_base, room + *len,
		    iov[i].iov_len);
		*len += iov[i].iov_len;
	}
	return error;
}

/* The flags of a call that sends. */
static int
send_flags(const struct call *c)
{
	return (int)c->args[c->nr == SYS_sendmsg ? 2 : 3];
}

/*
 * A stream takes no address, and Linux does not mind one: what is sent goes
 * where the connection does.
 */
static void
stream_ready(struct call *c, bool timeout)
{
	bool message = c->nr != SYS_sendto;
	int flags = send_flags(c);
	int fl = fcntl(c->fd, F_GETFL), error = 0;
	bool wait = !(flags & MSG_DONTWAIT) && !(fl != -1 && (fl & O_NONBLOCK));
	size_t len = c->args[2] < DATAGRAM_MAX ? c->args[2] : DATAGRAM_MAX;
	struct msghdr m = { .msg_name = NULL };
	ssize_t n;

	if (timeout)
		error = EAGAIN;
	else if (!message)
		error = mem_read(c, c->args[1], room, len);
	else if ((error = mem_read(c, c->args[1], &m, sizeof(m))) == 0)
		error = gather(c, &m, true, &len);
	if (error != 0) {
		call_answer(c, error, 0);
		return;
	}
	n = send(c->fd, room, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	error = n == -1 ? errno : 0;
	if (error == EAGAIN && wait) {
		call_wait(c, POLLOUT, call_timeout(c, SO_SNDTIMEO),
		    stream_ready);
		return;
	}
	if (error == EPIPE) {
		call_answer_pipe(c, (flags & MSG_NOSIGNAL) != 0);
		return;
	}
	if (error == 0 && c->nr == SYS_sendmmsg) {
		/* One of them, as if there was no room for the others. */
		unsigned sent = (unsigned)n;

		error = mem_write(c,
		    c->args[1] + offsetof(struct mmsghdr, msg_len), &sent,
		    sizeof(sent));
		n = 1;
	}
	call_answer(c, error, n);
}

static void
send_to_stream(struct call *c)
{
	/* Without an address the kernel does it. */
	if (c->args[4] == 0)
		call_continue(c);
	else
		stream_ready(c, false);
}

void
do_sendto(struct call *c)
{
	struct sockaddr_storage addr;
	uint64_t len = c->args[2];
	int error;

	if (!call_socket(c, (int)c->args[0]))
		return;
	if (c->stream) {
		call_if_connected(c, true, (send_flags(c) & MSG_NOSIGNAL) != 0,
		    send_to_stream);
		return;
	}
	error = call_address(c, c->args[4], c->args[5], &addr);
	if (error == 0)
		error = len > DATAGRAM_MAX ? EMSGSIZE :
					     mem_read(c, c->args[1], room, len);
	if (error != 0)
		call_answer(c, error, 0);
	else
		link_ask(c, MSTACK_SEND, NULL, &addr, (unsigned)c->args[5],
		    room, len, -1, send_reply);
}

/* Puts the control messages of M into ROOM at AT.  0 or an errno value. */
static int
gather_control(const struct call *c, const struct msghdr *m, size_t at,
    size_t *len)
{
	*len = m->msg_control == NULL ? 0 : m->msg_controllen;
	if (*len > MSTACK_CONTROL_MAX)
		return ENOBUFS;
	return mem_read(c, (uintptr_t)m->msg_control, room + at, *len);
}

/* Sends the message at AT.  False: C was answered. */
static bool
send_one(struct call *c, uint64_t at, call_reply *reply)
{
	struct sockaddr_storage addr;
	struct msghdr m = { .msg_name = NULL };
	size_t len = 0, addrlen = 0, controllen = 0;
	int error = mem_read(c, at, &m, sizeof(m)), arg[3] = { 0 };

	if (error == 0 && m.msg_name != NULL && m.msg_namelen != 0) {
		addrlen = m.msg_namelen;
		error = call_address(c, (uintptr_t)m.msg_name, addrlen, &addr);
	}
	if (error == 0)
		error = gather(c, &m, false, &len);
	if (error == 0)
		error = gather_control(c, &m, len, &controllen);
	if (error != 0) {
		call_answer(c, c->index == 0 ? error : 0, c->index);
		return false;
	}
	arg[0] = (int)controllen;
	return link_ask(c, MSTACK_SEND, arg, &addr, addrlen, room,
	    len + controllen, -1, reply);
}

/* The kernel does it, if there is no address that it would mind. */
static void
send_stream(struct call *c)
{
	struct msghdr m = { .msg_name = NULL };

	if (mem_read(c, c->args[1], &m, sizeof(m)) != 0 || m.msg_name == NULL ||
	    m.msg_namelen == 0)
		call_continue(c);
	else
		stream_ready(c, false);
}

void
do_sendmsg(struct call *c)
{
	if (!call_socket(c, (int)c->args[0]))
		return;
	if (c->stream)
		call_if_connected(c, true, (send_flags(c) & MSG_NOSIGNAL) != 0,
		    send_stream);
	else
		send_one(c, c->args[1], send_reply);
}

/* The address of message N of a call that has several. */
static uint64_t
message_at(const struct call *c, unsigned n)
{
	return c->args[1] + n * sizeof(struct mmsghdr);
}

static void
sendmmsg_reply(struct call *c, const struct mstack_reply *r,
    const uint8_t *data, int fd)
{
	unsigned sent = (unsigned)r->value;
	int error = r->error == ESTALE ? EPIPE : r->error;

	(void)data;
	(void)fd;
	if (error != 0)
		call_error_told(c);
	else
		error = mem_write(c,
		    message_at(c, c->index) + offsetof(struct mmsghdr, msg_len),
		    &sent, sizeof(sent));
	if (error != 0)
		call_answer(c, c->index == 0 ? error : 0, c->index);
	else if (++c->index == c->count)
		call_answer(c, 0, c->count);
	else
		send_one(c, message_at(c, c->index), sendmmsg_reply);
}

void
do_sendmmsg(struct call *c)
{
	if (!call_socket(c, (int)c->args[0]))
		return;
	c->count = (unsigned)c->args[2];
	if (c->count > MESSAGES_MAX)
		c->count = MESSAGES_MAX;
	if (c->stream && c->count != 0)
		call_if_connected(c, true, (send_flags(c) & MSG_NOSIGNAL) != 0,
		    send_stream);
	else if (c->count == 0)
		call_answer(c, 0, 0);
	else
		send_one(c, message_at(c, 0), sendmmsg_reply);
}

/* ---- receiving ---------------------------------------------------------- */

/* As datagram_take(), into ROOM. */
static int
take(struct call *c, int flags, size_t want, struct taken *t)
{
	return datagram_take(c, flags, room,
	    want < DATAGRAM_MAX ? want : DATAGRAM_MAX, t);
}

/* Whether the call is to wait if there is nothing. */
static bool
may_wait(const struct call *c, int flags)
{
	int fl = fcntl(c->fd, F_GETFL);

	return !(flags & (MSG_DONTWAIT | MSG_ERRQUEUE)) &&
	    !(fl != -1 && (fl & O_NONBLOCK));
}

/* The call has nothing: an error that waits (ICMP), or another try. */
static void
error_reply(struct call *c, const struct mstack_reply *r, const uint8_t *data,
    int fd)
{
	int error = call_error_said(r, data);

	(void)fd;
	if (error != 0)
		call_answer(c, error, 0);
	else
		c->ready(c, false);
}

static void
nothing_there(struct call *c, int flags, call_ready *again)
{
	const int arg[3] = { SOL_SOCKET, SO_ERROR, sizeof(int) };

	if (flags & MSG_ERRQUEUE) {
		call_answer(c, EAGAIN, 0);
	} else if (!c->asked && c->link->fd != -1) {
		c->asked = true;
		c->ready = again;
		link_ask(c, MSTACK_GETOPT, arg, NULL, 0, NULL, 0, -1,
		    error_reply);
	} else if (!may_wait(c, flags)) {
		call_answer(c, EAGAIN, 0);
	} else {
		call_wait(c, POLLIN | POLLRDHUP, call_timeout(c, SO_RCVTIMEO),
		    again);
	}
}

static void
recvfrom_ready(struct call *c, bool timeout)
{
	int flags = (int)c->args[3], error;
	struct taken t;

	if (timeout) {
		call_answer(c, EAGAIN, 0);
		return;
	}
	error = flags & MSG_ERRQUEUE ? EAGAIN : take(c, flags, c->args[2], &t);
	if (error == EAGAIN) {
		nothing_there(c, flags, recvfrom_ready);
		return;
	}
	if (error == 0)
		error = mem_write(c, c->args[1], room, t.here);
	if (error == 0)
		error = call_store_address(c, &t.from.addr, t.from.addrlen,
		    c->args[4], c->args[5]);
	call_answer(c, error, (int64_t)(flags & MSG_TRUNC ? t.len : t.here));
}

void
do_recvfrom(struct call *c)
{
	if (!call_socket(c, (int)c->args[0]))
		return;
	if (c->stream)
		call_if_connected(c, false, true, call_continue);
	else
		recvfrom_ready(c, false);
}

/* Stores T in the pieces of the program's message M.  0 or an errno value. */
static int
scatter(const struct call *c, const struct iovec *iov, size_t n,
    const struct taken *t)
{
	size_t at = 0, len, i;
	int error = 0;

	for (i = 0; i < n && at < t->here && error == 0; i++) {
		len = t->here - at < iov[i].iov_len ? t->here - at :
						      iov[i].iov_len;
		error = mem_write(c, (uintptr_t)iov[i].iov_base, room + at,
		    len);
		at += len;
	}
	return error;
}

/* The length of IOV, or more than any datagram has. */
static size_t
length_of(const struct iovec *iov, size_t n)
{
	size_t len = 0, i;

	for (i = 0; i < n; i++)
		len += iov[i].iov_len < DATAGRAM_MAX ? iov[i].iov_len :
						       DATAGRAM_MAX;
	return len;
}

/*
 * Stores the control messages of T where the program's message M wants them, as
 * many as there is room for; the last one may be cut.  0 or an errno value.
 */
static int
store_control(const struct call *c, struct msghdr *m, struct taken *t)
{
	size_t room_there = m->msg_control == NULL ? 0 : m->msg_controllen;
	size_t at = 0, from = 0, n, len = t->from.controllen;
	struct cmsghdr h;

	if (len > sizeof(t->from.control))
		len = 0;
	while (len - from >= sizeof(h)) {
		memcpy(&h, t->from.control + from, sizeof(h));
		if (h.cmsg_len < sizeof(h) || h.cmsg_len > len - from)
			break;
		n = CMSG_ALIGN(h.cmsg_len);
		if (room_there - at < sizeof(h)) {
			m->msg_flags |= MSG_CTRUNC;
			break;
		}
		if (h.cmsg_len > room_there - at) {
			h.cmsg_len = room_there - at;
			memcpy(t->from.control + at, &h, sizeof(h));
			m->msg_flags |= MSG_CTRUNC;
		}
		if (n > len - from)
			n = len - from;
		if (n > room_there - at) {
			/* No more: FROM is not used. */
			m->msg_flags |= from + n < len ? MSG_CTRUNC : 0;
			n = room_there - at;
			len = from + n;
		}
		at += n;
		from += n;
		if (m->msg_flags & MSG_CTRUNC)
			break;
	}
	m->msg_controllen = at;
	return mem_write(c, (uintptr_t)m->msg_control, t->from.control, at);
}

/*
 * Receives into the message at AT.  0 and *DONE as recvmsg() returns it, or an
 * errno value.
 */
static int
receive_one(struct call *c, uint64_t at, int flags, size_t *done)
{
	struct iovec iov[IOV_MAX];
	struct taken t = { .len = 0 };
	struct msghdr m = { .msg_name = NULL };
	socklen_t len;
	int error = mem_read(c, at, &m, sizeof(m));

	if (error == 0 && m.msg_iovlen > IOV_MAX)
		error = EMSGSIZE;
	if (error == 0)
		error = mem_read(c, (uintptr_t)m.msg_iov, iov,
		    m.msg_iovlen * sizeof(*iov));
	if (error == 0)
		error = flags & MSG_ERRQUEUE ?
		    EAGAIN :
		    take(c, flags, length_of(iov, m.msg_iovlen), &t);
	if (error == 0)
		error = scatter(c, iov, m.msg_iovlen, &t);
	if (error != 0)
		return error;
	len = m.msg_namelen < t.from.addrlen ? m.msg_namelen : t.from.addrlen;
	if (m.msg_name != NULL) {
		error = mem_write(c, (uintptr_t)m.msg_name, &t.from.addr, len);
		m.msg_namelen = t.from.addrlen;
	}
	m.msg_flags = t.len > t.here ? MSG_TRUNC : 0;
	if (error == 0)
		error = store_control(c, &m, &t);
	if (error == 0)
		error = mem_write(c, at, &m, sizeof(m));
	*done = flags & MSG_TRUNC ? t.len : t.here;
	return error;
}

static void
recvmsg_ready(struct call *c, bool timeout)
{
	int flags = (int)c->args[2], error;
	size_t done = 0;

	error = timeout ? EAGAIN : receive_one(c, c->args[1], flags, &done);
	if (error == EAGAIN && !timeout)
		nothing_there(c, flags, recvmsg_ready);
	else
		call_answer(c, error, (int64_t)done);
}

void
do_recvmsg(struct call *c)
{
	if (!call_socket(c, (int)c->args[0]))
		return;
	if (c->stream)
		call_if_connected(c, false, true, call_continue);
	else
		recvmsg_ready(c, false);
}

/* Several at once; with MSG_WAITFORONE it waits for the first one only. */
static void
recvmmsg_ready(struct call *c, bool timeout)
{
	int flags = (int)c->args[3] & ~MSG_WAITFORONE, error = 0;
	unsigned got;
	size_t done;

	while (!timeout && c->index < c->count) {
		uint64_t at = message_at(c, c->index);

		error = receive_one(c, at, flags, &done);
		if (error != 0)
			break;
		got = (unsigned)done;
		error = mem_write(c, at + offsetof(struct mmsghdr, msg_len),
		    &got, sizeof(got));
		if (error != 0)
			break;
		c->index++;
	}
	if (timeout)
		error = EAGAIN;
	if (c->index != 0 && error == EAGAIN && !timeout &&
	    !((int)c->args[3] & MSG_WAITFORONE) && may_wait(c, flags))
		call_wait(c, POLLIN | POLLRDHUP, call_timeout(c, SO_RCVTIMEO),
		    recvmmsg_ready);
	else if (c->index != 0 || c->count == 0)
		call_answer(c, 0, c->index);
	else if (error == EAGAIN && !timeout)
		nothing_there(c, flags, recvmmsg_ready);
	else
		call_answer(c, error, 0);
}

void
do_recvmmsg(struct call *c)
{
	struct timespec t;
	int error;

	if (!call_socket(c, (int)c->args[0]))
		return;
	if (c->stream) {
		call_if_connected(c, false, true, call_continue);
		return;
	}
	c->count = (unsigned)c->args[2];
	if (c->count > MESSAGES_MAX)
		c->count = MESSAGES_MAX;
	if (c->args[4] != 0) {
		error = mem_read(c, c->args[4], &t, sizeof(t));
		if (error == 0 &&
		    (t.tv_sec < 0 || t.tv_nsec < 0 || t.tv_nsec >= 1000000000))
			error = EINVAL;
		if (error != 0) {
			call_answer(c, error, 0);
			return;
		}
		if (t.tv_sec < INT_MAX)
			c->deadline = super_clock() + t.tv_sec * 1000 +
			    t.tv_nsec / 1000000 + 1;
		c->ready = recvmmsg_ready;
	}
	recvmmsg_ready(c, false);
}
