/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * send.c - lwip_send() and its relatives
 *
 * DOC: The faults: O_NONBLOCK and MSG_DONTWAIT are not looked at; a send of
 * more than 65535 bytes sends that many; lwip_sendmsg() with several pieces
 * sends a buffer that it has not filled; lwip_sendto() leaves a socket that
 * was connected to itself by a race with its receiver.
 *
 * The cure: POSIX.  A stream takes what there is room for and waits for more,
 * unless it must not wait: then it returns how much it took, or EAGAIN when
 * that is nothing.  Datagrams are sent whole, from however many pieces.  A
 * connection that is no more fails once with the reason why, and with EPIPE
 * from then on; there is never a SIGPIPE, as there never was one in lwipv6.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "stack/lwipv6/sock/sock.h"

#define OUT_SIZE 65536u

/* Why S cannot send, or 0.  With the lock held. */
static int
why_not(struct sock *s)
{
	int error = s->error;

	if (error != 0) {
		s->error = 0;
		return error;
	}
	if (s->closed)
		return EBADF;
	if (s->stack == NULL)
		return ENETDOWN;
	if (s->shut_wr || s->state == SOCK_DONE)
		return EPIPE;
	if (s->state == SOCK_CONNECTING)
		return EAGAIN;
	return s->state == SOCK_CONNECTED ? 0 : ENOTCONN;
}

/* Waits for room.  How much there is, or 0 and *ERROR. */
static uint32_t
room(struct sock *s, bool wait, const struct timespec *until, int *error)
{
	uint32_t n = 0;

	pthread_mutex_lock(&s->lock);
	if (s->out == NULL && (s->out = malloc(OUT_SIZE)) != NULL)
		s->out_size = OUT_SIZE;
	*error = s->out == NULL ? ENOBUFS : 0;
	while (*error == 0) {
		*error = why_not(s);
		if (*error == EAGAIN && wait) {
			*error = sock_wait(s, WAIT_OUT, until);
			continue;
		}
		if (*error != 0)
			break;
		n = s->out_size - (s->out_head - s->out_tail);
		if (n != 0)
			break;
		*error = wait ? sock_wait(s, WAIT_OUT, until) : EAGAIN;
	}
	pthread_mutex_unlock(&s->lock);
	return n;
}

/* Puts LEN bytes into the ring, where there is room. */
static void
put(struct sock *s, const char *data, uint32_t len)
{
	uint32_t at = s->out_head % s->out_size;
	uint32_t first = s->out_size - at < len ? s->out_size - at : len;
	bool kick;

	memcpy(s->out + at, data, first);
	memcpy(s->out, data + first, len - first);
	pthread_mutex_lock(&s->lock);
	s->out_head += len;
	kick = stream_want_kick(s);
	pthread_mutex_unlock(&s->lock);
	if (kick)
		stream_kick(s);
}

static ssize_t
send_stream(struct sock *s, const struct iovec *iov, size_t n, int flags)
{
	struct timespec at;
	const struct timespec *until;
	ssize_t sent = 0;
	bool wait, any = false;
	int error = 0;
	size_t i;

	pthread_mutex_lock(&s->lock);
	wait = !s->nonblock && !(flags & MSG_DONTWAIT);
	until = sock_until(s, WAIT_OUT, &at);
	pthread_mutex_unlock(&s->lock);
	for (i = 0; i < n && error == 0; i++) {
		const char *data = iov[i].iov_base;
		size_t left = iov[i].iov_len;

		while (left > 0) {
			uint32_t len;

			any = true;
			pthread_mutex_lock(&s->writer);
			/* To wait here would hold up those who must not. */
			len = room(s, false, NULL, &error);
			if (len > left)
				len = (uint32_t)left;
			if (len != 0)
				put(s, data, len);
			pthread_mutex_unlock(&s->writer);
			if (error == EAGAIN && wait) {
				room(s, true, until, &error);
				if (error == 0)
					continue;
			}
			if (error != 0)
				break;
			data += len;
			left -= len;
			sent += (ssize_t)len;
		}
	}
	if (!any) {
		pthread_mutex_lock(&s->lock);
		error = why_not(s);
		pthread_mutex_unlock(&s->lock);
	}
	if (sent > 0 || error == 0)
		return sent;
	return sock_fail(error);
}

static ssize_t
send_netlink(struct sock *s, const struct iovec *iov, size_t n)
{
	size_t len = 0, at = 0, i;
	char *buf;

	for (i = 0; i < n; i++)
		len += iov[i].iov_len;
	if (len == 0 || len > INT_MAX)
		return sock_fail(EINVAL);
	if ((buf = malloc(len)) == NULL)
		return sock_fail(ENOBUFS);
	for (i = 0; i < n; i++) {
		memcpy(buf + at, iov[i].iov_base, iov[i].iov_len);
		at += iov[i].iov_len;
	}
	netlink_send(s->pcb.netlink, buf, (int)len, 0);
	free(buf);
	return (ssize_t)len;
}

static ssize_t
send_from(int fd, const struct iovec *iov, size_t n, int flags,
    const struct sockaddr *to, socklen_t tolen)
{
	struct sock *s = sock_get(fd);
	struct sock_dest dest;
	ssize_t r;
	int error = 0;

	if (s == NULL)
		return -1;
	if (flags & MSG_OOB) {
		r = sock_fail(EOPNOTSUPP);
	} else if (s->kind == KIND_NETLINK) {
		r = send_netlink(s, iov, n);
	} else if (s->kind == KIND_TCP) {
		r = send_stream(s, iov, n, flags);
	} else if (to != NULL && tolen != 0) {
		if ((error = name_in(s, to, tolen, &dest)) != 0)
			r = sock_fail(error);
		else if (s->kind != KIND_PACKET && !name_fits(s, &dest.ip))
			r = sock_fail(ENETUNREACH);
		else
			r = dgram_send(s, iov, n, &dest);
	} else {
		r = dgram_send(s, iov, n, NULL);
	}
	sock_put(s);
	return r;
}

/* ---- calls of programs; all replace the library's ----------------------- */

EXPORT ssize_t
OURS(lwip_sendto)(int fd, const void *data, int size, unsigned flags,
    const struct sockaddr *to, socklen_t tolen)
{
	struct iovec iov;

	if (size < 0 || (data == NULL && size != 0))
		return sock_fail(size < 0 ? EINVAL : EFAULT);
	memcpy(&iov.iov_base, &data, sizeof(data)); /* it is only read */
	iov.iov_len = (size_t)size;
	return send_from(fd, &iov, 1, (int)flags, to, tolen);
}

EXPORT ssize_t
OURS(lwip_send)(int fd, const void *data, int size, unsigned flags)
{
	return OURS(lwip_sendto)(fd, data, size, flags, NULL, 0);
}

EXPORT ssize_t
OURS(lwip_write)(int fd, void *data, int size)
{
	return OURS(lwip_sendto)(fd, data, size, 0, NULL, 0);
}

EXPORT ssize_t
OURS(lwip_writev)(int fd, struct iovec *iov, int n)
{
	if (n < 0 || n > IOV_MAX)
		return sock_fail(EINVAL);
	return send_from(fd, iov, (size_t)n, 0, NULL, 0);
}

EXPORT ssize_t
OURS(lwip_sendmsg)(int fd, const struct msghdr *msg, int flags)
{
	if (msg == NULL)
		return sock_fail(EFAULT);
	if (msg->msg_iovlen > IOV_MAX)
		return sock_fail(EMSGSIZE);
	return send_from(fd, msg->msg_iov, msg->msg_iovlen, flags,
	    msg->msg_name, msg->msg_namelen);
}
