/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dgram.c - datagrams, up to the stack and down to the program
 *
 * DOC: A datagram that the program writes natively goes to whom its socket is
 * connected; what the stack says to that can only be told by SO_ERROR, as for
 * an ICMP error that comes later.  Those with an address are requests.
 */
#include <sys/ioctl.h>
#include <errno.h>
#include <linux/sockios.h>
#include <string.h>
#include <unistd.h>

#include "mstack/serve/serve.h"
#include "mstack/wire_pass.h"

#define BUDGET 32 /* datagrams of one direction before others have a turn */

/* ---- up ----------------------------------------------------------------- */

/* Closes the descriptors that C carries, if it does. */
static void
drop_rights(const struct cmsghdr *c)
{
	size_t n, i;
	int fd;

	if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
		return;
	n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(fd);
	for (i = 0; i < n; i++) {
		memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
		close(fd);
	}
}

/*
 * Takes one that the program wrote.  Its length, or -1: there is none, or the
 * end.
 */
static ssize_t
read_pair(struct msock *m)
{
	union {
		char room[CMSG_SPACE(sizeof(struct ucred)) + 64];
		struct cmsghdr align;
	} control;
	struct iovec iov = { m->sv->buf, CHUNK };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(m->pair, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *c;
	bool real = false;

	if (n == -1 && errno == EINTR)
		return -1;
	if (n >= 0) {
		/* A program may have sent descriptors: they are dropped. */
		for (c = CMSG_FIRSTHDR(&msg); c != NULL;
		     c = CMSG_NXTHDR(&msg, c))
			if (c->cmsg_level == SOL_SOCKET &&
			    c->cmsg_type == SCM_CREDENTIALS)
				real = true;
			else
				drop_rights(c);
	}
	if (n > 0 || (n == 0 && real))
		return n;
	m->pair_in = false;
	if (n == 0 || errno != EAGAIN) {
		m->up_end = true;
		m->hup |= n == -1;
	}
	return -1;
}

void
dgram_up(struct msock *m)
{
	int budget = BUDGET;
	struct iovec iov;
	size_t done;
	ssize_t n;
	int error;

	while (m->pair_in && !m->up_end) {
		if (budget-- == 0) {
			msock_again(m);
			return;
		}
		if ((n = read_pair(m)) == -1)
			continue;
		iov.iov_base = m->sv->buf;
		iov.iov_len = (size_t)n;
		error = m->sv->ops->send(m->sock, &iov, 1, NULL, 0, NULL,
		    &done);
		if (error != 0 && error != EAGAIN)
			m->error = error;
		if (m->domain == AF_NETLINK)
			m->stack_in = true; /* the answer is there */
	}
	if (m->domain == AF_NETLINK)
		dgram_down(m);
}

/* ---- down --------------------------------------------------------------- */

/* Gives a datagram to the program.  False: it has no room. */
static bool
give_program(struct msock *m, const uint8_t *data, size_t len,
    const struct mstack_source *from)
{
	int fd = source_file(m->sv, from);

	if (fd == -1)
		return true; /* no descriptor is left: it is lost */
	if (wire_pass(m->pair, data, len, fd, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return true;
	if (errno != EAGAIN && errno != ENOBUFS)
		return true; /* nobody is there */
	msock_full(m);
	return false;
}

/* Whether the program has read all that it was given. */
static bool
has_read_all(const struct msock *m)
{
	int there = 0;

	return ioctl(m->pair, SIOCOUTQ, &there) == 0 && there == 0;
}

/* An error came, and whoever waits for a datagram is to be told. */
static void
tell_error(struct msock *m, int error)
{
	struct mstack_source what;

	m->error = error;
	memset(&what, 0, sizeof(what));
	what.is_error = 1;
	/* Who has data to read comes to us after that, and is told. */
	if (m->down.data == NULL && has_read_all(m))
		give_program(m, NULL, 0, &what);
}

void
dgram_down(struct msock *m)
{
	struct iovec iov = { m->sv->buf, CHUNK };
	int budget = BUDGET, error, errors = 0;
	struct stack_sock_control control;
	struct mstack_source from;
	socklen_t len;
	size_t n;

	if (m->down.data != NULL && m->pair_out &&
	    give_program(m, m->down.data, m->down.len, &m->down.from))
		rest_drop(&m->down);
	while (m->down.data == NULL && m->stack_in && !m->hup) {
		if (budget-- == 0) {
			msock_again(m);
			return;
		}
		memset(&from, 0, sizeof(from));
		len = sizeof(from.addr);
		control = (struct stack_sock_control){ .data = from.control,
			.room = sizeof(from.control) };
		error = m->sv->ops->recv(m->sock, &iov, 1,
		    (struct sockaddr *)&from.addr, &len, &control, &n);
		if (error == EAGAIN && m->domain == AF_NETLINK) {
			m->stack_in = false;
			break;
		}
		if (error == EAGAIN) {
			msock_wait(m, true);
			continue;
		}
		if (error != 0) {
			/* ICMP, and it goes on; or the stack is no more. */
			tell_error(m, error);
			if (++errors > 1)
				m->stack_in = false;
			continue;
		}
		from.addrlen = len <= sizeof(from.addr) ? len : 0;
		from.controllen = control.len <= sizeof(from.control) ?
		    (uint32_t)control.len :
		    0;
		if (!give_program(m, m->sv->buf, n, &from) &&
		    rest_keep(&m->down, m->sv->buf, n))
			m->down.from = from;
	}
}
