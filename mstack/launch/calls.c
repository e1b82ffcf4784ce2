/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * calls.c - what becomes of the system calls of a socket
 *
 * DOC: A call names a descriptor of the program.  What that is now is found
 * out by taking it (pidfd_getfd): a socket whose other end a server made is
 * one of a stack, all else is the kernel's business.  So nothing has to be
 * remembered of dup, fork, or descriptors that are passed on, and a program
 * that closes the descriptor meanwhile changes nothing.
 */
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "mstack/launch/launch.h"

#define OPTION_MAX 4096u /* bytes of an option's value */
#define FEW 64		 /* descriptors that no call may wait with */

bool
call_socket(struct call *c, int fd)
{
	socklen_t len = sizeof(int);
	struct stat st;
	int type;

	c->fd = proc_fd(c->proc, fd);
	if (c->fd == -1 && errno != EBADF) {
		/*
		 * It may be one of a stack, so the kernel must not do it.
		 * EPERM: it is not to be looked into, it made itself so.
		 */
		call_answer(c, errno == EMFILE ? ENFILE : errno, 0);
		return false;
	}
	/*
	 * A message may bring descriptors, and is not to be taken where there is
	 * no room for them.
	 */
	if (c->fd >= c->su->files - FEW && c->fd >= c->su->files / 2) {
		call_answer(c, ENFILE, 0);
		return false;
	}
	if (c->fd == -1 || fstat(c->fd, &st) != 0 || !S_ISSOCK(st.st_mode) ||
	    (c->link = link_of(c->su, c->fd)) == NULL ||
	    getsockopt(c->fd, SOL_SOCKET, SO_TYPE, &type, &len) != 0) {
		call_continue(c);
		return false;
	}
	c->inode = st.st_ino;
	c->stream = type == SOCK_STREAM;
	return true;
}

/* Whether the program's socket does not wait. */
static bool
is_nonblocking(const struct call *c)
{
	int flags = fcntl(c->fd, F_GETFL);

	return flags != -1 && (flags & O_NONBLOCK) != 0;
}

/* The timeout NAME of the program's socket in ms; 0: none. */
int64_t
call_timeout(const struct call *c, int name)
{
	struct timeval tv = { 0 };
	socklen_t len = sizeof(tv);
	int64_t ms;

	if (getsockopt(c->fd, SOL_SOCKET, name, &tv, &len) != 0)
		return 0;
	ms = (int64_t)tv.tv_sec * 1000 + (tv.tv_usec + 999) / 1000;
	return ms;
}

/* A reply that is an error or nothing else. */
static void
plain_reply(struct call *c, const struct mstack_reply *r, const uint8_t *data,
    int fd)
{
	(void)data;
	(void)fd;
	call_answer(c, r->error == ESTALE ? ENOTCONN : r->error, r->value);
}

/* ---- socket ------------------------------------------------------------- */

static void
socket_reply(struct call *c, const struct mstack_reply *r, const uint8_t *data,
    int fd)
{
	int type = (int)c->args[1];

	(void)data;
	if (r->error != 0 || fd == -1) {
		call_answer(c, r->error != 0 ? r->error : ENFILE, 0);
		return;
	}
	if (type & SOCK_NONBLOCK)
		fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK);
	if (c->spare != -1)
		hold(c->su, c->link, r->sock, false, c->spare);
	call_give(c, fd, (type & SOCK_CLOEXEC) != 0);
}

void
call_open(struct call *c, struct stack_ref *ref, const int kind[3])
{
	const int arg[3] = { kind[0], kind[1] & ~(SOCK_NONBLOCK | SOCK_CLOEXEC),
		kind[2] };

	c->args[1] = (uint64_t)kind[1];
	if (ref->null) {
		call_answer(c, EAFNOSUPPORT, 0);
		return;
	}
	if (stack_link(c->su, ref, &c->link) != 0) {
		call_answer(c, ENETDOWN, 0);
		return;
	}
	link_ask(c, MSTACK_SOCKET, arg, NULL, 0, NULL, 0, -1, socket_reply);
}

static void
do_socket(struct call *c)
{
	const int kind[3] = { (int)c->args[0], (int)c->args[1],
		(int)c->args[2] };
	struct stack_ref *ref;

	if (kind[0] == MSTACK_FAMILY && c->args[3] == MSTACK_ASK_KEY) {
		do_ask(c);
		return;
	}
	if ((ref = stack_for(c->su, c->proc, kind[0])) == NULL)
		call_continue(c);
	else
		call_open(c, ref, kind);
}

/* ---- bind, connect, listen ---------------------------------------------- */

/* Reads the address at FROM.  0, or an errno value. */
int
call_address(const struct call *c, uint64_t from, uint64_t len,
    struct sockaddr_storage *to)
{
	memset(to, 0, sizeof(*to));
	if ((int)len < 0 || (unsigned)len > sizeof(*to))
		return EINVAL;
	return mem_read(c, from, to, (unsigned)len);
}

static void
do_bind(struct call *c)
{
	struct sockaddr_storage addr;
	int error;

	if (!call_socket(c, (int)c->args[0]))
		return;
	error = call_address(c, c->args[1], c->args[2], &addr);
	if (error != 0)
		call_answer(c, error, 0);
	else
		link_ask(c, MSTACK_BIND, NULL, &addr, (unsigned)c->args[2],
		    NULL, 0, -1, plain_reply);
}

static void
connect_reply(struct call *c, const struct mstack_reply *r, const uint8_t *data,
    int fd)
{
	if (r->error == 0 && c->stream)
		call_know_connected(c->su, c->inode);
	plain_reply(c, r, data, fd);
}

/* SO_SNDTIMEO is over. */
static void
connect_timeout(struct call *c, bool timeout)
{
	(void)timeout;
	call_answer(c, EINPROGRESS, 0);
}

static void
do_connect(struct call *c)
{
	struct sockaddr_storage addr;
	int arg[3] = { 0 }, error;

	if (!call_socket(c, (int)c->args[0]))
		return;
	error = call_address(c, c->args[1], c->args[2], &addr);
	if (error != 0) {
		call_answer(c, error, 0);
		return;
	}
	hold_release(c->su, c->inode);
	call_forget(c);
	arg[0] = c->stream && is_nonblocking(c);
	if (c->stream && !arg[0]) {
		int64_t ms = call_timeout(c, SO_SNDTIMEO);

		c->ready = connect_timeout;
		c->deadline = ms == 0 ? 0 : super_clock() + ms;
	}
	link_ask(c, MSTACK_CONNECT, arg, &addr, (unsigned)c->args[2], NULL, 0,
	    arg[0] ? c->fd : -1,
	    addr.ss_family == AF_UNSPEC ? plain_reply : connect_reply);
}

static void
listen_reply(struct call *c, const struct mstack_reply *r, const uint8_t *data,
    int fd)
{
	if (r->error == 0)
		call_know_listener(c);
	if (r->error == 0 && fd != -1)
		hold(c->su, c->link, c->inode, true, fd);
	plain_reply(c, r, data, fd);
}

static void
do_listen(struct call *c)
{
	const int arg[3] = { (int)c->args[1] };

	if (call_socket(c, (int)c->args[0]))
		link_ask(c, MSTACK_LISTEN, arg, NULL, 0, NULL, 0, -1,
		    listen_reply);
}

/* ---- accept ------------------------------------------------------------- */

/* Stores an address where POSIX wants it.  0 or an errno value. */
int
call_store_address(const struct call *c, const void *addr, socklen_t len,
    uint64_t to, uint64_t to_len)
{
	int room = 0, error;

	if (to == 0)
		return 0;
	if ((error = mem_read(c, to_len, &room, sizeof(room))) != 0)
		return error;
	if (room < 0)
		return EINVAL;
	if ((unsigned)room > len)
		room = (int)len;
	if ((error = mem_write(c, to, addr, (unsigned)room)) != 0)
		return error;
	return mem_write(c, to_len, &len, sizeof(len));
}

/* Takes a connection from the listener.  Its descriptor, or -1 and errno. */
static int
take_arrival(struct call *c, struct mstack_arrival *a)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { a, sizeof(*a) };
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(c->fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *cm = n <= 0 ? NULL : CMSG_FIRSTHDR(&m);
	int fd = -1;

	if (n == 0)
		errno = c->link->fd == -1 ? ENETDOWN : EINVAL;
	if (n <= 0)
		return -1;
	if (cm != NULL && cm->cmsg_level == SOL_SOCKET &&
	    cm->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(cm), sizeof(fd));
	if (n != (ssize_t)sizeof(*a) || a->addrlen > sizeof(a->addr)) {
		if (fd != -1)
			close(fd);
		fd = -1;
	}
	if (fd == -1 && (m.msg_flags & MSG_CTRUNC))
		errno = ENFILE;
	else if (fd == -1 && a->addrlen == 0)
		errno = ENETDOWN;
	else if (fd == -1)
		errno = EINVAL; /* somebody has read from the listener */
	return fd;
}

/* The pair's other end is closed: nobody had it when the server ended. */
static bool
hung_up(const struct call *c)
{
	struct pollfd p = { .fd = c->fd };

	return poll(&p, 1, 0) == 1 && (p.revents & POLLHUP) != 0;
}

static void
accept_ready(struct call *c, bool timeout)
{
	int flags = c->nr == SYS_accept4 ? (int)c->args[3] : 0, fd, error;
	struct super *su = c->su;
	uint64_t listener = c->inode;
	struct mstack_arrival a = { .addrlen = 0 };
	struct stat st;

	if (timeout) {
		call_answer(c, EAGAIN, 0);
		return;
	}
	if ((fd = take_arrival(c, &a)) == -1) {
		if (errno == ENETDOWN && !is_nonblocking(c) && hung_up(c))
			call_park(c);
		else if (errno != EAGAIN && errno != EINTR)
			call_answer(c, errno, 0);
		else if (is_nonblocking(c))
			call_answer(c, EAGAIN, 0);
		else
			call_wait(c, POLLIN, call_timeout(c, SO_RCVTIMEO),
			    accept_ready);
		return;
	}
	error = call_store_address(c, &a.addr, a.addrlen, c->args[1],
	    c->args[2]);
	if (flags & SOCK_NONBLOCK)
		fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK);
	if (fstat(fd, &st) == 0)
		call_know_connected(su, st.st_ino);
	if (error != 0)
		call_answer(c, error, 0);
	else
		error = call_give(c, fd, (flags & SOCK_CLOEXEC) != 0);
	/* As in Linux who has no descriptor left may come back for it. */
	if (error == EMFILE || error == ENOENT) {
		if (flags & SOCK_NONBLOCK)
			fcntl(fd, F_SETFL, O_RDWR);
		hold_put_back(su, listener, &a, fd);
	}
	close(fd);
}

/* Whether the socket listens, which only the server knows. */
static void
accept_reply(struct call *c, const struct mstack_reply *r, const uint8_t *data,
    int fd)
{
	(void)fd;
	if (r->error != 0)
		call_answer(c, r->error == ESTALE ? EINVAL : r->error, 0);
	else if (!c->stream)
		call_answer(c, EOPNOTSUPP, 0);
	else if (!reply_listens(r, data))
		call_answer(c, EINVAL, 0);
	else {
		call_know_listener(c);
		accept_ready(c, false);
	}
}

static void
do_accept(struct call *c)
{
	if (c->nr == SYS_accept4 &&
	    (c->args[3] & ~(uint64_t)(SOCK_NONBLOCK | SOCK_CLOEXEC)) != 0)
		call_answer(c, EINVAL, 0);
	else if (!call_socket(c, (int)c->args[0]))
		return;
	else if (call_listens(c))
		accept_ready(c, false);
	else
		call_ask_listens(c, accept_reply);
}

/* ---- names -------------------------------------------------------------- */

static void
name_reply(struct call *c, const struct mstack_reply *r, const uint8_t *data,
    int fd)
{
	int error = r->error == ESTALE ? ENOTCONN : r->error;

	(void)fd;
	if (error == 0)
		error = c->args[1] == 0 ?
		    EFAULT :
		    call_store_address(c, data, r->addrlen, c->args[1],
			c->args[2]);
	call_answer(c, error, 0);
}

static void
do_name(struct call *c)
{
	if (call_socket(c, (int)c->args[0]))
		link_ask(c,
		    c->nr == SYS_getpeername ? MSTACK_PEERNAME :
					       MSTACK_SOCKNAME,
		    NULL, NULL, 0, NULL, 0, -1, name_reply);
}

/* ---- options ------------------------------------------------------------ */

/* Options that the pair has to have, too, since the kernel reads and writes. */
static bool
is_of_pair(int level, int name)
{
	return level == SOL_SOCKET &&
	    (name == SO_RCVTIMEO || name == SO_SNDTIMEO);
}

static void
do_setsockopt(struct call *c)
{
	const int arg[3] = { (int)c->args[1], (int)c->args[2] };
	int len = (int)c->args[4], error = 0;
	uint8_t value[OPTION_MAX];

	if (!call_socket(c, (int)c->args[0]))
		return;
	if (len < 0 || (unsigned)len > sizeof(value))
		error = EINVAL;
	else
		error = mem_read(c, c->args[3], value, (unsigned)len);
	if (error == 0 && is_of_pair(arg[0], arg[1]) &&
	    setsockopt(c->fd, arg[0], arg[1], value, (unsigned)len) != 0)
		error = errno;
	if (error != 0)
		call_answer(c, error, 0);
	else
		link_ask(c, MSTACK_SETOPT, arg, NULL, 0, value, (unsigned)len,
		    -1, plain_reply);
}

static void
getsockopt_reply(struct call *c, const struct mstack_reply *r,
    const uint8_t *data, int fd)
{
	uint32_t len = r->datalen;
	int error = r->error;

	(void)fd;
	if (error == ESTALE &&
	    (is_of_pair((int)c->args[1], (int)c->args[2]) ||
		(c->args[1] == SOL_SOCKET &&
		    (c->args[2] == SO_ERROR || c->args[2] == SO_TYPE)))) {
		/*
		 * The connection was reset: the kernel knows the error, and
		 * little else of the pair is as in a socket of a network.
		 */
		call_continue(c);
		return;
	}
	if (error == ESTALE)
		error = EINVAL;
	if (c->args[1] == SOL_SOCKET && c->args[2] == SO_ERROR &&
	    call_error_said(r, data) != 0)
		call_error_told(c);
	if (error == 0)
		error = mem_write(c, c->args[3], data, len);
	if (error == 0)
		error = mem_write(c, c->args[4], &len, sizeof(len));
	call_answer(c, error, 0);
}

/*
 * The error of a socket whose server is gone.  What the kernel knows of the pair
 * is only that it has ended, be it of a connection or of a new socket.
 */
static void
error_of_dead(struct call *c, int room)
{
	socklen_t len = sizeof(int);
	int value, error;

	getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &value, &len);
	value = ENETDOWN;
	if (room < (int)sizeof(value))
		len = (socklen_t)room;
	error = mem_write(c, c->args[3], &value, len);
	if (error == 0)
		error = mem_write(c, c->args[4], &len, sizeof(len));
	call_answer(c, error, 0);
}

static void
do_getsockopt(struct call *c)
{
	int arg[3] = { (int)c->args[1], (int)c->args[2] }, error;

	if (!call_socket(c, (int)c->args[0]))
		return;
	error = mem_read(c, c->args[4], &arg[2], sizeof(arg[2]));
	if (error == 0 && arg[2] < 0)
		error = EINVAL;
	if (error != 0)
		call_answer(c, error, 0);
	else if (c->link->fd == -1 && arg[0] == SOL_SOCKET &&
	    arg[1] == SO_ERROR)
		error_of_dead(c, arg[2]);
	else
		link_ask(c, MSTACK_GETOPT, arg, NULL, 0, NULL, 0, -1,
		    getsockopt_reply);
}

/* ---- shutdown ----------------------------------------------------------- */

static void
shutdown_reply(struct call *c, const struct mstack_reply *r,
    const uint8_t *data, int fd)
{
	(void)data;
	(void)fd;
	/*
	 * The pair's end comes behind what was written, as it should.  That of a
	 * listener is for those who wait in accept() only: the socket stays.
	 */
	if (r->error == 0 && r->value != 0) {
		if (c->args[1] != SHUT_WR)
			shutdown(c->fd, SHUT_RD);
		call_answer(c, 0, 0);
	} else if (r->error == 0)
		call_continue(c);
	else
		call_answer(c, r->error == ESTALE ? ENOTCONN : r->error, 0);
}

static void
do_shutdown(struct call *c)
{
	const int arg[3] = { (int)c->args[1] };

	if (!call_socket(c, (int)c->args[0]))
		return;
	call_forget(c);
	link_ask(c, MSTACK_SHUTDOWN, arg, NULL, 0, NULL, 0, -1, shutdown_reply);
}

/* ------------------------------------------------------------------------- */

static const struct {
	int nr;
	void (*fn)(struct call *c);
} table[] = {
	{ SYS_socket, do_socket },
	{ SYS_bind, do_bind },
	{ SYS_connect, do_connect },
	{ SYS_listen, do_listen },
	{ SYS_accept, do_accept },
	{ SYS_accept4, do_accept },
	{ SYS_getsockname, do_name },
	{ SYS_getpeername, do_name },
	{ SYS_setsockopt, do_setsockopt },
	{ SYS_getsockopt, do_getsockopt },
	{ SYS_shutdown, do_shutdown },
	{ SYS_sendto, do_sendto },
	{ SYS_sendmsg, do_sendmsg },
	{ SYS_sendmmsg, do_sendmmsg },
	{ SYS_recvfrom, do_recvfrom },
	{ SYS_recvmsg, do_recvmsg },
	{ SYS_recvmmsg, do_recvmmsg },
	{ SYS_ioctl, do_ioctl },
};

void
call_begin(struct call *c)
{
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].nr == c->nr) {
			table[i].fn(c);
			return;
		}
	call_continue(c);
}
