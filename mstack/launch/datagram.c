/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * datagram.c - one message of the pair of a socket for datagrams
 *
 * DOC: It is a datagram, with its source beside it, or it has no data and says that
 * there is an error, which is to be asked for (mstack/wire.h).
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "mstack/launch/launch.h"

/*
 * Takes a message with the source FROM from C's socket, or looks at it: its length
 * is returned, LEN bytes at most are at TO.  -1 and errno; ENFILE: there is no
 * descriptor for the source.  A source that is none has no length.
 */
static ssize_t
take_message(const struct call *c, int flags, void *to, size_t len,
    struct mstack_source *from, bool *has_source)
{
	union {
		char control[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} u;
	struct iovec iov = { to, len };
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &u,
		.msg_controllen = sizeof(u) };
	struct cmsghdr *cm;
	ssize_t n;
	int fd = -1;

	memset(from, 0, sizeof(*from));
	*has_source = false;
	n = recvmsg(c->fd, &m,
	    flags | MSG_TRUNC | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n == -1)
		return -1;
	cm = CMSG_FIRSTHDR(&m);
	if (cm != NULL && cm->cmsg_level == SOL_SOCKET &&
	    cm->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(cm), sizeof(fd));
	if (fd == -1) {
		errno = ENFILE;
		return m.msg_flags & MSG_CTRUNC ? -1 : n;
	}
	*has_source = true;
	if (pread(fd, from, sizeof(*from), 0) != (ssize_t)sizeof(*from) ||
	    from->addrlen > sizeof(from->addr))
		from->addrlen = 0;
	close(fd);
	return n;
}

void
call_error_told(const struct call *c)
{
	struct mstack_source from;
	bool has_source;
	uint8_t byte;

	if (!c->stream && c->fd != -1 &&
	    take_message(c, MSG_PEEK, &byte, 1, &from, &has_source) == 0 &&
	    has_source && from.is_error)
		recv(c->fd, &byte, 1, MSG_DONTWAIT);
}

int
datagram_take(struct call *c, int flags, void *to, size_t want, struct taken *t)
{
	bool has_source;
	ssize_t n;

	n = take_message(c, flags & MSG_PEEK, to, want, &t->from, &has_source);
	if (n == -1)
		return errno == EINTR ? EAGAIN : errno;
	t->len = (size_t)n;
	t->here = t->len < want ? t->len : want;
	/* A datagram of 0 bytes has a file. */
	if (!has_source)
		return n == 0 && c->link->fd == -1 ? ENETDOWN : 0;
	if (n == 0 && t->from.is_error) {
		if (flags & MSG_PEEK)
			recv(c->fd, to, 1, MSG_DONTWAIT);
		c->asked = false;
		return EAGAIN;
	}
	return 0;
}
