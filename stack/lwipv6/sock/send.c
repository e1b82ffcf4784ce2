/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * send.c - lwip_send() and its relatives
 *
 * DOC: The faults are named where the kinds of sockets send: stream_io.c,
 * dgram.c.  Here every call becomes one of a list of pieces.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "stack/lwipv6/sock/sock.h"

static ssize_t
send_from(int fd, const struct iovec *iov, size_t n, int flags,
    const struct sockaddr *to, socklen_t tolen, const struct msghdr *msg)
{
	struct sock *s = sock_get(fd);
	struct sock_wish wish;
	size_t len = 0, i;
	bool wishes = msg != NULL && msg->msg_control != NULL &&
	    msg->msg_controllen != 0;
	ssize_t r;

	if (s == NULL)
		return -1;
	for (i = 0; i < n && iov[i].iov_len <= SSIZE_MAX - len; i++)
		len += iov[i].iov_len;
	if (i < n)
		r = sock_fail(EINVAL); /* longer than a result can say */
	else if (flags & MSG_OOB)
		r = sock_fail(EOPNOTSUPP);
	else if (wishes &&
	    control_read(s, msg->msg_control, msg->msg_controllen, &wish) != 0)
		r = sock_fail(EINVAL);
	else
		r = s->ops->send(s, iov, n, flags, to, tolen,
		    wishes ? &wish : NULL);
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
	return send_from(fd, &iov, 1, (int)flags, to, tolen, NULL);
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
	return send_from(fd, iov, (size_t)n, 0, NULL, 0, NULL);
}

EXPORT ssize_t
OURS(lwip_sendmsg)(int fd, const struct msghdr *msg, int flags)
{
	if (msg == NULL)
		return sock_fail(EFAULT);
	if (msg->msg_iovlen > IOV_MAX)
		return sock_fail(EMSGSIZE);
	return send_from(fd, msg->msg_iov, msg->msg_iovlen, flags,
	    msg->msg_name, msg->msg_namelen, msg);
}
