/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * recv.c - lwip_recv() and its relatives
 *
 * DOC: The faults: at the end of file netconn_recv() closes the mailbox on the
 * thread of its caller while the stack's thread may be about to post to it; a
 * second read after it marks the connection as broken, so that writing fails,
 * too; what arrived before a reset is not delivered, and the reset is told as
 * an end of file; EAGAIN is returned without errno; lwip_recvmsg() gives all
 * its pieces the same errors as lwip_sendmsg().
 *
 * How they are seen: rarely, and then as messages in a wrong pipe: a thread
 * that waits for ever, or takes a pointer for another; a file that was
 * transferred in part and taken for whole, since its sender crashed.
 *
 * The cure: POSIX.  First what has arrived, in order; then the end of
 * file, as often as it is asked for; or, where there was none, an error, once.  MSG_PEEK, MSG_WAITALL,
 * MSG_DONTWAIT, MSG_TRUNC and SO_RCVTIMEO do what they do elsewhere.
 *
 * A reader copies without the socket's lock, so that the stack's thread can go
 * on adding to the queue: what is in the queue does not move, and is taken out
 * by readers only, of which there is one at a time.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "stack/lwipv6/sock/sock.h"

#define CREDIT_MIN (TCP_WINDOW / 4)

/* Where data goes. */
struct into {
	const struct iovec *iov;
	size_t n;
	size_t i, off;
	size_t done;
};

/* Copies LEN bytes, as far as there is room. */
static void
copy_into(struct into *to, const char *data, size_t len)
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

/* Copies what P has beyond OFF bytes, at most MAX bytes. */
static void
copy_pbuf(struct into *to, const struct pbuf *p, size_t off, size_t max)
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
		copy_into(to, (const char *)p->payload + off, k);
		max -= k;
		off = 0;
	}
}

/* ---- streams ------------------------------------------------------------ */

/* Copies, and takes, what is there; LEFT is the room. */
static void
take(struct sock *s, struct into *to, size_t left)
{
	struct pbuf *p, *done;
	uint32_t off, k;
	struct item *it;
	bool kick;

	for (;;) {
		pthread_mutex_lock(&s->lock);
		it = fifo_first(&s->in);
		p = it == NULL ? NULL : it->p;
		off = s->in_off;
		pthread_mutex_unlock(&s->lock);
		if (p == NULL || left == 0)
			return;
		k = p->tot_len - off;
		if (k > left)
			k = (uint32_t)left;
		copy_pbuf(to, p, off, k);
		left -= k;
		done = NULL;
		kick = false;
		pthread_mutex_lock(&s->lock);
		s->in_off += k;
		s->in_bytes -= k;
		s->credit += k;
		if (s->in_off == p->tot_len) {
			fifo_drop(&s->in);
			s->in_off = 0;
			done = p;
		}
		if (s->credit >= CREDIT_MIN)
			kick = stream_want_kick(s);
		pthread_mutex_unlock(&s->lock);
		if (kick)
			stream_kick(s);
		if (done != NULL)
			pbuf_free(done);
	}
}

/* Copies what is there and leaves it. */
static void
look(struct sock *s, struct into *to, size_t left)
{
	uint32_t i, off, k;

	pthread_mutex_lock(&s->lock);
	off = s->in_off;
	for (i = 0; i < s->in.count && left > 0; i++) {
		const struct pbuf *p =
		    s->in.at[(s->in.head + i) % s->in.size].p;

		k = p->tot_len - off;
		if (k > left)
			k = (uint32_t)left;
		copy_pbuf(to, p, off, k);
		left -= k;
		off = 0;
	}
	pthread_mutex_unlock(&s->lock);
}

/* Waits until there is something to read; 0, -1 at the end, or an error. */
static int
wait_stream(struct sock *s, bool wait, const struct timespec *until)
{
	int r = 0;

	pthread_mutex_lock(&s->lock);
	while (r == 0 && s->in_bytes == 0) {
		if (s->eof && !s->closed) {
			r = -1;
		} else if (s->error != 0) {
			r = s->error;
			s->error = 0;
		} else if (s->closed) {
			r = EBADF;
		} else if (s->stack == NULL) {
			r = ENETDOWN;
		} else if (s->shut_rd || s->state == SOCK_DONE) {
			r = -1;
		} else if (s->state == SOCK_NEW || s->state == SOCK_LISTENING) {
			r = ENOTCONN;
		} else {
			r = wait ? sock_wait(s, WAIT_IN, until) : EAGAIN;
		}
	}
	pthread_mutex_unlock(&s->lock);
	return r;
}

static ssize_t
recv_stream(struct sock *s, struct into *to, size_t room, int flags)
{
	struct timespec at;
	const struct timespec *until;
	bool wait;
	int r = 0;

	pthread_mutex_lock(&s->lock);
	wait = !s->nonblock && !(flags & MSG_DONTWAIT);
	until = sock_until(s, WAIT_IN, &at);
	pthread_mutex_unlock(&s->lock);
	while (to->done < room) {
		size_t before = to->done;

		if ((r = wait_stream(s, wait, until)) != 0)
			break;
		pthread_mutex_lock(&s->reader);
		if (flags & MSG_PEEK)
			look(s, to, room - to->done);
		else
			take(s, to, room - to->done);
		pthread_mutex_unlock(&s->reader);
		if (to->done != before &&
		    ((flags & MSG_PEEK) || !(flags & MSG_WAITALL)))
			break;
	}
	if (to->done > 0 || r <= 0)
		return (ssize_t)to->done;
	return sock_fail(r);
}

/* ---- datagrams ---------------------------------------------------------- */

struct from {
	struct ip_addr ip;
	uint16_t port;
	bool cut; /* there was more of it */
};

static ssize_t
recv_dgram(struct sock *s, struct into *to, size_t room, int flags,
    struct from *from)
{
	struct timespec at;
	const struct timespec *until;
	struct item it = { .p = NULL };
	int error = 0;
	uint32_t len;
	bool wait;

	pthread_mutex_lock(&s->lock);
	wait = !s->nonblock && !(flags & MSG_DONTWAIT);
	until = sock_until(s, WAIT_IN, &at);
	while (error == 0 && s->in.count == 0) {
		if (s->error != 0) {
			error = s->error;
			s->error = 0;
		} else if (s->stack == NULL) {
			error = ENETDOWN;
		} else if (s->shut_rd) {
			pthread_mutex_unlock(&s->lock);
			return 0;
		} else {
			error = wait ? sock_wait(s, WAIT_IN, until) : EAGAIN;
		}
	}
	if (error != 0) {
		pthread_mutex_unlock(&s->lock);
		return sock_fail(error);
	}
	it = *fifo_first(&s->in);
	len = it.p->tot_len;
	if (flags & MSG_PEEK) {
		copy_pbuf(to, it.p, 0, room);
	} else {
		fifo_drop(&s->in);
		s->in_bytes -= len;
		s->in_cost -= len + DGRAM_COST;
	}
	pthread_mutex_unlock(&s->lock);
	if (!(flags & MSG_PEEK)) {
		copy_pbuf(to, it.p, 0, room);
		pbuf_free(it.p);
	}
	from->ip = it.from;
	from->port = it.port;
	from->cut = len > room;
	return (flags & MSG_TRUNC) ? (ssize_t)len : (ssize_t)to->done;
}

static ssize_t
recv_netlink(struct sock *s, struct into *to, size_t room, int flags,
    struct sockaddr *name, socklen_t *len)
{
	char *buf;
	int n;

	if (room > INT_MAX)
		room = INT_MAX;
	if ((buf = malloc(room + 1)) == NULL)
		return sock_fail(ENOBUFS);
	n = netlink_recvfrom(s->pcb.netlink, buf, (int)room, (unsigned)flags,
	    name, len);
	if (n > 0)
		copy_into(to, buf, (size_t)n < room ? (size_t)n : room);
	free(buf);
	return n;
}

static ssize_t
recv_into(int fd, const struct iovec *iov, size_t n, int flags,
    struct sockaddr *name, socklen_t *len, int *out_flags)
{
	struct into to = { .iov = iov, .n = n };
	struct from from = { .cut = false };
	struct sock *s = sock_get(fd);
	size_t room = 0, i;
	ssize_t r;

	if (s == NULL)
		return -1;
	for (i = 0; i < n; i++)
		room += iov[i].iov_len;
	if (room > SSIZE_MAX) {
		r = sock_fail(EINVAL);
	} else if (flags & MSG_OOB) {
		r = sock_fail(EINVAL);
	} else if (s->kind == KIND_NETLINK) {
		r = recv_netlink(s, &to, room, flags, name, len);
	} else if (s->kind == KIND_TCP) {
		r = recv_stream(s, &to, room, flags);
		if (len != NULL)
			*len = 0;
	} else {
		r = recv_dgram(s, &to, room, flags, &from);
		if (r >= 0)
			name_out(s->family, &from.ip, from.port, name, len);
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
	return recv_into(fd, &iov, 1, (int)flags, name, len, &ignored);
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
	return recv_into(fd, iov, (size_t)n, 0, NULL, NULL, &ignored);
}

EXPORT ssize_t
OURS(lwip_recvmsg)(int fd, struct msghdr *msg, int flags)
{
	socklen_t len;
	int out = 0;
	ssize_t r;

	if (msg == NULL)
		return sock_fail(EFAULT);
	if (msg->msg_iovlen > IOV_MAX)
		return sock_fail(EMSGSIZE);
	len = msg->msg_namelen;
	r = recv_into(fd, msg->msg_iov, msg->msg_iovlen, flags, msg->msg_name,
	    msg->msg_name == NULL ? NULL : &len, &out);
	if (r >= 0) {
		msg->msg_namelen = msg->msg_name == NULL ? 0 : len;
		msg->msg_controllen = 0;
		msg->msg_flags = out;
	}
	return r;
}
