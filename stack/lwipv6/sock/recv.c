/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * recv.c - lwip_recv() and its relatives
 *
 * DOC: The faults: lwip_recvmsg() with several pieces gives a buffer that was
 * not filled; EAGAIN is returned without errno.
 *
 * The cure: whatever the call, data goes from the socket's queue into a list of
 * pieces (struct recv_into) by the function of the socket's kind.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "stack/lwipv6/sock/sock.h"

void
recv_copy(struct recv_into *to, const char *data, size_t len)
{
	while (len > 0 && to->i < to->n) {
		size_t k = to->iov[to->i].iov_len - to->off;

		if (k > len)
			k = len;
		if (k != 0)
			memcpy((char *)to->iov[to->i].iov_base + to->off, data,
			    k);
		data += k;
		len -= k;
		to->off += k;
		to->done += k;
		if (to->off == to->iov[to->i].iov_len) {
			to->i++;
			to->off = 0;
		}
	}
}

void
recv_copy_pbuf(struct recv_into *to, const struct pbuf *p, size_t off,
    size_t max)
{
	for (; p != NULL && max > 0; p = p->next) {
		size_t k = p->len;

		if (off >= k) {
			off -= k;
			continue;
		}
		k -= off;
		if (k > max)
			k = max;
		recv_copy(to, (const char *)p->payload + off, k);
		max -= k;
		off = 0;
	}
}

static ssize_t
receive(int fd, const struct iovec *iov, size_t n, int flags,
    struct sockaddr *name, socklen_t *len, int *out_flags,
    struct stack_sock_control *control)
{
	struct recv_into to = { .iov = iov, .n = n };
	struct recv_from from = { .name = name,
		.len = len,
		.control = control };
	struct sock *s = sock_get(fd);
	size_t room = 0, i;
	ssize_t r;

	if (s == NULL)
		return -1;
	for (i = 0; i < n && iov[i].iov_len <= SSIZE_MAX - room; i++)
		room += iov[i].iov_len;
	if (i < n || (flags & MSG_OOB)) {
		r = sock_fail(EINVAL);
	} else {
		r = s->ops->recv(s, &to, room, flags, &from);
		if (from.no_name && len != NULL)
			*len = 0;
		if (from.cut)
			*out_flags |= MSG_TRUNC;
	}
	sock_put(s);
	return r;
}

/* ---- calls of programs; all replace the library's ----------------------- */

EXPORT ssize_t
OURS(lwip_recvfrom)(int fd, void *data, int size, unsigned flags,
    struct sockaddr *name, socklen_t *len)
{
	struct iovec iov = { .iov_base = data, .iov_len = (size_t)size };
	int ignored = 0;

	if (size < 0 || (data == NULL && size != 0))
		return sock_fail(size < 0 ? EINVAL : EFAULT);
	return receive(fd, &iov, 1, (int)flags, name, len, &ignored, NULL);
}

EXPORT ssize_t
OURS(lwip_recv)(int fd, void *data, int size, unsigned flags)
{
	return OURS(lwip_recvfrom)(fd, data, size, flags, NULL, NULL);
}

EXPORT ssize_t
OURS(lwip_read)(int fd, void *data, int size)
{
	return OURS(lwip_recvfrom)(fd, data, size, 0, NULL, NULL);
}

EXPORT ssize_t
OURS(lwip_readv)(int fd, struct iovec *iov, int n)
{
	int ignored = 0;

	if (n < 0 || n > IOV_MAX)
		return sock_fail(EINVAL);
	return receive(fd, iov, (size_t)n, 0, NULL, NULL, &ignored, NULL);
}

EXPORT ssize_t
OURS(lwip_recvmsg)(int fd, struct msghdr *msg, int flags)
{
	struct stack_sock_control control = { .len = 0 };
	socklen_t len;
	int out = 0;
	ssize_t r;

	if (msg == NULL)
		return sock_fail(EFAULT);
	if (msg->msg_iovlen > IOV_MAX)
		return sock_fail(EMSGSIZE);
	len = msg->msg_namelen;
	control.data = msg->msg_control;
	control.room = msg->msg_control == NULL ? 0 : msg->msg_controllen;
	r = receive(fd, msg->msg_iov, msg->msg_iovlen, flags, msg->msg_name,
	    msg->msg_name == NULL ? NULL : &len, &out, &control);
	if (r >= 0) {
		msg->msg_namelen = msg->msg_name == NULL ? 0 : len;
		msg->msg_controllen = control.len;
		msg->msg_flags = out | (control.cut ? MSG_CTRUNC : 0);
	}
	return r;
}
