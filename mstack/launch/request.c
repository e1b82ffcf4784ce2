/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * request.c - ioctl(2) requests about interfaces and connections
 *
 * DOC: Those that ask about an interface may be made with any socket, and the
 * C library makes them with whichever kind it can get.  So where IPv4 is a
 * stack's they go to the stack also when the socket is the host's.
 */
#include <sys/ioctl.h>
#include <errno.h>
#include <linux/sockios.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mstack/launch/launch.h"

/* The size of the structure of REQUEST; 0: not one of those. */
static size_t
size_of(unsigned request)
{
	switch (request) {
	case SIOCATMARK:
	case SIOCOUTQ:
		return sizeof(int);
	case SIOCGIFNAME:
	case SIOCGIFINDEX:
	case SIOCGIFFLAGS:
	case SIOCSIFFLAGS:
	case SIOCGIFADDR:
	case SIOCSIFADDR:
	case SIOCGIFDSTADDR:
	case SIOCGIFBRDADDR:
	case SIOCGIFNETMASK:
	case SIOCSIFNETMASK:
	case SIOCGIFMETRIC:
	case SIOCGIFMTU:
	case SIOCSIFMTU:
	case SIOCGIFHWADDR:
	case SIOCGIFTXQLEN:
		return sizeof(struct ifreq);
	default:
		return 0;
	}
}

static void
ioctl_reply(struct call *c, const struct mstack_reply *r, const uint8_t *data,
    int fd)
{
	int error = r->error;

	(void)fd;
	if (error == 0)
		error = mem_write(c, c->args[2], data, r->datalen);
	call_answer(c, error, 0);
}

/* The list of interfaces: the structure has a pointer to room. */
static void
ifconf_reply(struct call *c, const struct mstack_reply *r, const uint8_t *data,
    int fd)
{
	struct ifconf conf = { .ifc_len = 0 };
	int error = r->error;

	(void)fd;
	if (error == 0)
		error = mem_read(c, c->args[2], &conf, sizeof(conf));
	if (error == 0 && conf.ifc_buf != NULL) {
		if (conf.ifc_len < 0 || (unsigned)conf.ifc_len < r->datalen)
			error = EFAULT; /* it has changed */
		else
			error = mem_write(c, (uintptr_t)conf.ifc_buf, data,
			    r->datalen);
	}
	if (error == 0) {
		conf.ifc_len = (int)r->datalen;
		error = mem_write(c, c->args[2], &conf, sizeof(conf));
	}
	call_answer(c, error, 0);
}

static void
ask_list(struct call *c, const int arg[3])
{
	struct ifconf conf = { .ifc_len = 0 };
	int error = mem_read(c, c->args[2], &conf, sizeof(conf)), room = 65536;

	if (error != 0) {
		call_answer(c, error, 0);
		return;
	}
	/* Without room it asks how much there has to be. */
	if (conf.ifc_buf != NULL)
		room = conf.ifc_len;
	link_ask(c, MSTACK_IOCTL, arg, NULL, 0, &room, sizeof(room), -1,
	    ifconf_reply);
}

static void
ask_it(struct call *c)
{
	const int arg[3] = { (int)(unsigned)c->args[1] };
	size_t size = size_of((unsigned)c->args[1]);
	struct ifreq ifr;
	int error;

	if ((unsigned)c->args[1] == SIOCGIFCONF) {
		ask_list(c, arg);
		return;
	}
	memset(&ifr, 0, sizeof(ifr));
	error = mem_read(c, c->args[2], &ifr, size);
	if (error != 0)
		call_answer(c, error, 0);
	else
		link_ask(c, MSTACK_IOCTL, arg, NULL, 0, &ifr, size, -1,
		    ioctl_reply);
}

/* The link has a socket of its own to ask by. */
static void
helper_reply(struct call *c, const struct mstack_reply *r, const uint8_t *data,
    int fd)
{
	struct stat st;

	(void)data;
	if (r->error != 0 || fd == -1 || c->link->helper != -1) {
		call_answer(c, r->error != 0 ? r->error : EAGAIN, 0);
		return;
	}
	c->link->helper = dup(fd);
	if (c->link->helper == -1 || fstat(c->link->helper, &st) != 0) {
		call_answer(c, errno, 0);
		return;
	}
	c->inode = c->link->helper_inode = st.st_ino;
	ask_it(c);
}

/* Whether the stream of which FIONREAD was asked listens. */
static void
how_much_reply(struct call *c, const struct mstack_reply *r,
    const uint8_t *data, int fd)
{
	(void)fd;
	if (reply_listens(r, data))
		call_answer(c, EINVAL, 0);
	else
		call_continue(c);
}

/*
 * FIONREAD.  Of a stream the kernel knows it, but a listener has none; of
 * datagrams it is the length of the next one.
 */
static void
how_much(struct call *c)
{
	socklen_t len = sizeof(int);
	int type = 0, n, error;
	ssize_t next;
	char byte;

	if (getsockopt(c->fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
	    type == SOCK_STREAM) {
		if (call_listens(c))
			call_answer(c, EINVAL, 0);
		else
			call_ask_listens(c, how_much_reply);
		return;
	}
	next = recv(c->fd, &byte, 1, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);
	n = next > 0 ? (int)next : 0;
	error = mem_write(c, c->args[2], &n, sizeof(n));
	call_answer(c, error, 0);
}

void
do_ioctl(struct call *c)
{
	static const int kind[3] = { AF_INET, SOCK_DGRAM, 0 };
	unsigned request = (unsigned)c->args[1];
	struct stack_ref *ref;
	struct stat st;

	c->fd = proc_fd(c->proc, (int)c->args[0]);
	if (c->fd == -1 && errno != EBADF) {
		call_answer(c, errno == EMFILE ? ENFILE : errno, 0);
		return;
	}
	if (c->fd == -1 || fstat(c->fd, &st) != 0 || !S_ISSOCK(st.st_mode)) {
		call_continue(c);
		return;
	}
	if ((c->link = link_of(c->su, c->fd)) != NULL) {
		c->inode = st.st_ino;
		if (request == FIONREAD)
			how_much(c);
		else if (size_of(request) != 0 || request == SIOCGIFCONF)
			ask_it(c);
		else
			call_answer(c, EOPNOTSUPP, 0);
		return;
	}
	ref = stack_for(c->su, c->proc, AF_INET);
	if (ref == NULL || ref->null ||
	    (size_of(request) != sizeof(struct ifreq) &&
		request != SIOCGIFCONF) ||
	    stack_link(c->su, ref, &c->link) != 0) {
		call_continue(c);
		return;
	}
	close(c->fd);
	c->fd = -1;
	c->inode = c->link->helper_inode;
	if (c->link->helper != -1)
		ask_it(c);
	else
		link_ask(c, MSTACK_SOCKET, kind, NULL, 0, NULL, 0, -1,
		    helper_reply);
}
