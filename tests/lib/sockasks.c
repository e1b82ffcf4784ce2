/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sockasks.c - calls of a random program by which nothing is moved
 */
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/sockworld.h"

void
sw_do_socket(void)
{
	int type = PICK(SOCK_STREAM, SOCK_STREAM, SOCK_DGRAM);
	int flags = PICK(0, 0, SOCK_NONBLOCK, SOCK_CLOEXEC);
	struct obj *o;
	int fd = socket(sw_family, type | flags, 0);

	sw_say("socket %d", type);
	if (fd == -1 ||
	    (o = sw_new_object(fd, type == SOCK_STREAM, NEW)) == NULL) {
		sw_say(" none\n");
		return;
	}
	o->nonblock = (flags & SOCK_NONBLOCK) != 0;
	sw_say(" = %d fd %d fl %d\n", sw_index_of(o), fcntl(fd, F_GETFD),
	    fcntl(fd, F_GETFL) & O_NONBLOCK);
}

void
sw_do_wrong_socket(void)
{
	int type = PICK(SOCK_STREAM, SOCK_DGRAM, 77, SOCK_SEQPACKET, SOCK_RDM);
	int protocol = PICK(0, IPPROTO_TCP, IPPROTO_UDP, 255, 254);
	int fd;

	/* Those that make one are sw_do_socket()'s. */
	if ((type == SOCK_STREAM && protocol != IPPROTO_UDP) ||
	    (type == SOCK_DGRAM && protocol != IPPROTO_TCP))
		return;
	sw_say("socket %d %d", type, protocol);
	fd = (int)sw_result(socket(sw_family, type, protocol));
	if (fd != -1)
		close(fd);
}

void
sw_do_bind(struct obj *o)
{
	struct sockaddr_storage a;
	struct obj *other = sw_choose(sw_is_any);
	bool taken = sw_rnd(5) == 0 && other->port != 0 &&
	    other->stream == o->stream;
	/* Of two mistakes lwipv6 finds the other one first. */
	int host = taken || o->port != 0 ? 0 : PICK(0, 0, 0, 1, 2);
	socklen_t len = sw_make_address(&a, taken ? other->port : 0, host);

	if (o->fin && o->shut_wr)
		return; /* when it is closed on both sides, it may be bound */
	if (sw_rnd(8) == 0)
		len = (socklen_t)PICK(0, 1, 2, 8, 15);
	if (sw_rnd(10) == 0)
		a.ss_family = 99;
	sw_say("bind %d host %d taken %d len %u family %d", sw_index_of(o),
	    host, taken, len, a.ss_family == sw_family);
	if (sw_result(bind(o->fd, (struct sockaddr *)&a, len)) == 0) {
		o->state = o->state == NEW ? BOUND : o->state;
		sw_learn_port(o);
	}
}

void
sw_do_listen(struct obj *o)
{
	int backlog = PICK(1, 5, 128);

	sw_say("listen %d", sw_index_of(o));
	if (sw_result(listen(o->fd, backlog)) == 0 && o->state != LISTENING) {
		o->state = LISTENING;
		sw_learn_port(o);
	}
}

/* ---- calls that ask ----------------------------------------------------- */

void
sw_do_name(struct obj *o)
{
	socklen_t len = (socklen_t)PICK(128, 128, 16, 28, 2, 0, -1);
	struct sockaddr_storage a;
	int fd = sw_rnd(12) == 0 ? -1 : o->fd;
	bool peer = sw_rnd(2) == 1;
	long r;

	/* Whether all is acknowledged is a matter of time. */
	peer &= !(o->fin && o->shut_wr);
	memset(&a, 0, sizeof(a));
	sw_say("name %d peer %d room %d", sw_index_of(o), peer, (int)len);
	r = peer ? getpeername(fd, (struct sockaddr *)&a, &len) :
		   getsockname(fd, (struct sockaddr *)&a, &len);
	if (r == 0)
		sw_show_address(&a, len);
	sw_result(r);
}

void
sw_do_option(struct obj *o)
{
	static const struct {
		int level, name;
		bool set;
	} of[] = {
		{ SOL_SOCKET, SO_REUSEADDR, true },
		{ SOL_SOCKET, SO_KEEPALIVE, true },
		{ SOL_SOCKET, SO_BROADCAST, true },
		{ SOL_SOCKET, SO_LINGER, false },
		{ SOL_SOCKET, SO_TYPE, false },
		{ SOL_SOCKET, SO_DOMAIN, false },
		{ SOL_SOCKET, SO_PROTOCOL, false },
		{ SOL_SOCKET, SO_ACCEPTCONN, false },
		{ SOL_SOCKET, SO_ERROR, false },
		{ SOL_SOCKET, SO_RCVTIMEO, false },
		{ SOL_SOCKET, 12345, true },
		{ IPPROTO_TCP, TCP_NODELAY, true },
		{ IPPROTO_TCP, TCP_KEEPIDLE, false },
		{ IPPROTO_TCP, 12345, true },
		{ 12345, 1, true },
	};
	unsigned n = sw_rnd(sizeof(of) / sizeof(of[0]));
	socklen_t len = (socklen_t)PICK(4, 4, 4, 0, 1, 3, 8, 16, -1);
	int on = (int)sw_rnd(2);
	uint8_t value[64];
	long r;

	if (of[n].level != SOL_SOCKET && (int)len < 0)
		return; /* which mistake is found first */

	memset(value, 0, sizeof(value));
	if (of[n].set && sw_rnd(2) == 0) {
		memcpy(value, &on, sizeof(on));
		sw_say("set %d %d %d len %d to %d", sw_index_of(o), of[n].level,
		    of[n].name, (int)len, on);
		sw_result(
		    setsockopt(o->fd, of[n].level, of[n].name, value, len));
		return;
	}
	sw_say("get %d %d %d room %d", sw_index_of(o), of[n].level, of[n].name,
	    (int)len);
	r = getsockopt(o->fd, of[n].level, of[n].name, value, &len);
	if (r == 0)
		sw_say(" len %u sum %08x", len, sw_sum(value, sizeof(value)));
	sw_result(r);
}

/* Which events are the same on both: POLLOUT where there is a connection. */
static short
events_of(const struct obj *o)
{
	if (o->stream && o->state != CONNECTED && o->state != LISTENING)
		return 0;
	/* A listener is writable on a stack; see there. */
	return o->shut_rd || o->shut_wr || o->state == LISTENING ?
	    POLLIN :
	    POLLIN | POLLOUT | POLLRDHUP | POLLHUP;
}

void
sw_do_poll(struct obj *o)
{
	struct pollfd p = { .fd = o->fd,
		.events = POLLIN | POLLOUT | POLLRDHUP };

	sw_say("poll %d", sw_index_of(o));
	sw_result(poll(&p, 1, 0) == -1 ? -1 : p.revents & events_of(o));
}

void
sw_do_epoll(struct obj *o)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	int ep = epoll_create1(0), first, second;

	if (events_of(o) != 0 &&
	    epoll_ctl(ep, EPOLL_CTL_ADD, o->fd, &ev) == 0) {
		first = epoll_wait(ep, &ev, 1, 0);
		/* An edge comes once. */
		second = epoll_wait(ep, &ev, 1, 0);
		sw_say("epoll %d %d %d\n", sw_index_of(o), first, second);
	}
	close(ep);
}

void
sw_do_fionread(struct obj *o)
{
	int n = -1;
	long r;

	sw_say("FIONREAD %d", sw_index_of(o));
	r = ioctl(o->fd, FIONREAD, &n);
	sw_say(" %d", r == 0 ? n : -1);
	sw_result(r);
}

/* ---- the descriptor goes elsewhere -------------------------------------- */

void
sw_do_dup(struct obj *o)
{
	int fd = sw_rnd(2) ? dup(o->fd) : fcntl(o->fd, F_DUPFD_CLOEXEC, 50);

	sw_say("dup %d %d\n", sw_index_of(o), fd != -1);
	close(o->fd);
	o->fd = fd;
}

/* Through a message, as to another program. */
void
sw_do_pass(struct obj *o)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { .align = { .cmsg_len = CMSG_LEN(sizeof(int)),
			  .cmsg_level = SOL_SOCKET,
			  .cmsg_type = SCM_RIGHTS } };
	uint8_t byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
		return;
	memcpy(CMSG_DATA(&control.align), &o->fd, sizeof(o->fd));
	sw_say("pass %d", sw_index_of(o));
	if (sendmsg(pair[0], &m, 0) == 1) {
		close(o->fd);
		sw_result(recvmsg(pair[1], &m, 0));
		memcpy(&o->fd, CMSG_DATA(&control.align), sizeof(o->fd));
	}
	close(pair[0]);
	close(pair[1]);
}

/* A child makes calls, and what it sends is what the parent would. */
void
sw_do_fork(struct obj *o)
{
	struct obj *p = o->peer == -1 ? NULL : &sw_all[o->peer];
	int status = 0;
	pid_t child;

	if (!sw_is_open(o) || p == NULL || o->shut_wr || p->owed > 20000)
		return;
	child = fork();
	if (child == 0) {
		struct sockaddr_storage a;
		socklen_t len = sizeof(a);
		bool ok = getpeername(o->fd, (struct sockaddr *)&a, &len) ==
			0 &&
		    sw_port_of(&a) == p->port && write(o->fd, "child", 5) == 5;

		_exit(ok ? 0 : 1);
	}
	waitpid(child, &status, 0);
	sw_say("fork %d %d\n", sw_index_of(o), status);
	p->owed += 5;
}
