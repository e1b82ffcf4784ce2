/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * netlink.c - netlink sockets
 *
 * DOC: The library's own netlink answers each message while it is sent, and
 * keeps the answer until it is read.  What is here makes a kind of sockets of
 * it: its descriptors, pieces, and end.  It is called on the program's thread,
 * as in the library.
 */
#include <errno.h>
#include <limits.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "stack/lwipv6/sock/sock.h"

static int
nl_open(struct sock *s)
{
	static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;

	if (s->protocol != 0)
		return EINVAL;
	pthread_mutex_lock(&one);
	s->pcb.netlink = netlink_open(s->stack, s->type, s->protocol);
	pthread_mutex_unlock(&one);
	return s->pcb.netlink == NULL ? ENOBUFS : 0;
}

static void
nl_close(struct sock *s)
{
	char none;

	if (s->pcb.netlink == NULL)
		return;
	/* Answers that nobody read are thrown away so. */
	netlink_recvfrom(s->pcb.netlink, &none, 0, 0, NULL, NULL);
	netlink_close(s->pcb.netlink);
	s->pcb.netlink = NULL;
}

static int
nl_ready(const struct sock *s)
{
	(void)s;
	return POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM;
}

static int
nl_bind_name(struct sock *s, const struct sockaddr *name, socklen_t len)
{
	struct sockaddr_storage nl = { 0 };

	if (s->pcb.netlink == NULL)
		return sock_fail(ENETDOWN);
	/* The library reads a whole one. */
	if (name != NULL)
		memcpy(&nl, name, len < sizeof(nl) ? len : sizeof(nl));
	return netlink_bind(s->pcb.netlink, (struct sockaddr *)&nl, sizeof(nl));
}

static int
nl_connect_name(struct sock *s, const struct sockaddr *name, socklen_t len)
{
	(void)s;
	(void)name;
	(void)len;
	return 0;
}

static int
nl_get_name(struct sock *s, struct sockaddr *name, socklen_t *len, bool peer)
{
	if (peer)
		return sock_fail(ENOTCONN);
	if (s->pcb.netlink == NULL)
		return sock_fail(ENETDOWN);
	return netlink_getsockname(s->pcb.netlink, name, len);
}

static bool
nl_setsockopt(struct sock *s, int level, int name, const void *value,
    socklen_t len, int *error)
{
	*error = s->pcb.netlink == NULL ?
	    ENETDOWN :
	    netlink_setsockopt(s->pcb.netlink, level, name, value, len);
	return true;
}

static bool
nl_getsockopt(struct sock *s, int level, int name, void *value, socklen_t *len,
    int *error)
{
	*error = s->pcb.netlink == NULL ?
	    ENETDOWN :
	    netlink_getsockopt(s->pcb.netlink, level, name, value, len);
	return true;
}

/* The answer to a request that is not known. */
struct refusal {
	struct nlmsghdr h;
	struct nlmsgerr e;
};

/*
 * The library ends a dump with a NLMSG_DONE that has no error number in it, and
 * programs call it truncated.  A whole one takes its place.  Returns the length
 * of BUF, which has LEN bytes and room for a number more.
 */
static int
mend_done(char *buf, int len)
{
	struct nlmsghdr h;
	int at = 0;

	while (len - at >= (int)sizeof(h)) {
		memcpy(&h, buf + at, sizeof(h));
		if (h.nlmsg_len < sizeof(h) ||
		    h.nlmsg_len > (unsigned)(len - at))
			return len;
		if (h.nlmsg_type == NLMSG_DONE && h.nlmsg_len == sizeof(h) &&
		    len - at == (int)sizeof(h)) {
			h.nlmsg_len += (unsigned)sizeof(int);
			memcpy(buf + at, &h, sizeof(h));
			memset(buf + len, 0, sizeof(int));
			return len + (int)sizeof(int);
		}
		at += (int)NLMSG_ALIGN(h.nlmsg_len);
	}
	return len;
}

/* Whether the library answers messages of TYPE. */
static bool
is_answered(unsigned type)
{
	switch (type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
	case RTM_GETLINK:
	case RTM_SETLINK:
	case RTM_NEWADDR:
	case RTM_DELADDR:
	case RTM_GETADDR:
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
	case RTM_GETROUTE:
		return true;
	default:
		return type < NLMSG_MIN_TYPE;
	}
}

/*
 * The library says nothing to a request that it does not know, and who asked
 * waits for ever.  Keeps an error for whoever reads next; false: the request in
 * BUF, of LEN bytes, is one for the library.
 */
static bool
refuse(struct sock *s, const char *buf, size_t len)
{
	struct refusal r = { .h = { .nlmsg_len = sizeof(r),
				 .nlmsg_type = NLMSG_ERROR },
		.e = { .error = -EOPNOTSUPP } };
	struct sockaddr_nl own = { 0 };
	socklen_t ownlen = sizeof(own);
	bool refused = false;

	if (len < sizeof(r.e.msg))
		return false;
	memcpy(&r.e.msg, buf, sizeof(r.e.msg));
	if (is_answered(r.e.msg.nlmsg_type))
		return false;
	r.h.nlmsg_seq = r.e.msg.nlmsg_seq;
	/* Who asked takes only what is said to be for his socket. */
	if (netlink_getsockname(s->pcb.netlink, (struct sockaddr *)&own,
		&ownlen) == 0)
		r.h.nlmsg_pid = own.nl_pid;
	pthread_mutex_lock(&s->lock);
	if (s->out == NULL)
		/* NOLINTNEXTLINE(*.MallocSizeof): bytes that are read later */
		s->out = malloc(sizeof(r));
	if (s->out != NULL) {
		memcpy(s->out, &r, sizeof(r));
		s->out_size = sizeof(r);
		refused = true;
	}
	pthread_mutex_unlock(&s->lock);
	return refused;
}

/* The kernel's address, as far as there is room. */
static void
netlink_name(struct sockaddr *name, socklen_t *len)
{
	struct sockaddr_nl nl = { .nl_family = AF_NETLINK };

	memcpy(name, &nl, *len < sizeof(nl) ? *len : sizeof(nl));
	*len = sizeof(nl);
}

/* Takes the error that is kept, if there is one, into BUF; its length. */
static int
take_refusal(struct sock *s, char *buf, size_t room, int flags)
{
	int n = 0;

	pthread_mutex_lock(&s->lock);
	if (s->out_size != 0) {
		n = (int)s->out_size;
		memcpy(buf, s->out, room < s->out_size ? room : s->out_size);
		if (!(flags & MSG_PEEK))
			s->out_size = 0;
	}
	pthread_mutex_unlock(&s->lock);
	return n;
}

static ssize_t
nl_recv(struct sock *s, struct recv_into *to, size_t room, int flags,
    struct recv_from *from)
{
	char *buf;
	int n;

	if (s->pcb.netlink == NULL)
		return sock_fail(ENETDOWN);
	if (room > INT_MAX - sizeof(int))
		room = INT_MAX - sizeof(int);
	if ((buf = malloc(room + sizeof(int))) == NULL)
		return sock_fail(ENOBUFS);
	n = take_refusal(s, buf, room, flags);
	if (n == 0)
		n = netlink_recvfrom(s->pcb.netlink, buf, (int)room,
		    (unsigned)flags, from->name, from->len);
	else if (from->name != NULL)
		netlink_name(from->name, from->len);
	if (n > 0 && (size_t)n <= room)
		n = mend_done(buf, n);
	if (n > 0)
		recv_copy(to, buf, (size_t)n < room ? (size_t)n : room);
	free(buf);
	return n;
}

static ssize_t
nl_send(struct sock *s, const struct iovec *iov, size_t n, int flags,
    const struct sockaddr *to, socklen_t tolen, const struct sock_wish *wish)
{
	size_t len = 0, at = 0, i;
	char *buf;

	(void)wish;
	(void)flags;
	(void)to;
	(void)tolen;
	if (s->pcb.netlink == NULL)
		return sock_fail(ENETDOWN);
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
	if (!refuse(s, buf, len))
		netlink_send(s->pcb.netlink, buf, (int)len, 0);
	free(buf);
	return (ssize_t)len;
}

const struct sock_ops netlink_ops = {
	.no_ioctl = true,
	.open = nl_open,
	.close = nl_close,
	.orphan = nl_close,
	.ready = nl_ready,
	.bind_name = nl_bind_name,
	.connect_name = nl_connect_name,
	.get_name = nl_get_name,
	.send = nl_send,
	.recv = nl_recv,
	.setsockopt = nl_setsockopt,
	.getsockopt = nl_getsockopt,
};
