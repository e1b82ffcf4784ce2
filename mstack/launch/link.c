/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * link.c - sessions with servers
 */
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/wire.h"
#include "mstack/launch/launch.h"
#include "mstack/wire_pass.h"

#define PATIENCE_S 10 /* for a server's answer at the beginning */
#define REPLY_MAX 4096u

/* ---- a session begins --------------------------------------------------- */

static bool
read_all(int s, void *to, size_t len)
{
	uint8_t *at = to;
	ssize_t n;

	while (len > 0) {
		n = recv(s, at, len, 0);
		if (n <= 0) {
			if (n == -1 && errno == EINTR)
				continue;
			return false;
		}
		at += n;
		len -= (size_t)n;
	}
	return true;
}

/* The string that follows NAME in the reply TEXT, in WHY. */
static void
find_text(const char *text, const char *name, char *why, size_t size)
{
	const char *at = strstr(text, name);
	size_t n = 0;

	if (at == NULL)
		return;
	for (at += strlen(name); *at != '\0' && *at != '"' && n + 1 < size;
	     at++)
		why[n++] = (unsigned char)*at < ' ' ? '?' : *at;
	why[n] = '\0';
}

/* Asks for sockets over the control connection S.  0 or an error. */
static int
ask_for_sockets(int s, char *why, size_t size)
{
	static const char ask[] = "{\"id\":1,\"do\":[{\"op\":\"sockets\"}]}";
	uint8_t message[WIRE_HEADER + sizeof(ask)];
	char text[REPLY_MAX + 1];
	struct wire_head h;

	wire_put_head(message, sizeof(ask) - 1);
	memcpy(message + WIRE_HEADER, ask, sizeof(ask) - 1);
	if (send(s, message, WIRE_HEADER + sizeof(ask) - 1, MSG_NOSIGNAL) !=
		(ssize_t)(WIRE_HEADER + sizeof(ask) - 1) ||
	    !read_all(s, message, WIRE_HEADER))
		return ECONNRESET;
	if (wire_get_head(message, REPLY_MAX, &h) != 0 ||
	    !read_all(s, text, h.length)) {
		snprintf(why, size, "not a stack's control socket");
		return EPROTO;
	}
	text[h.length] = '\0';
	if (strstr(text, "\"ok\":true") != NULL)
		return 0;
	find_text(text, "\"text\":\"", why, size);
	return EOPNOTSUPP;
}

/* Takes the session's descriptor that the server sends over S. */
static int
take_session(int s, int *fd, char *why, size_t size)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct mstack_greeting g;
	struct iovec iov = { &g, sizeof(g) };
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(s, &m, MSG_CMSG_CLOEXEC | MSG_WAITALL);
	struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&m);

	if (c == NULL || c->cmsg_level != SOL_SOCKET ||
	    c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof(int)))
		return ECONNRESET;
	memcpy(fd, CMSG_DATA(c), sizeof(*fd));
	if (n == (ssize_t)sizeof(g) && g.magic == MSTACK_GREETING &&
	    g.version == MSTACK_VERSION)
		return 0;
	close(*fd);
	snprintf(why, size,
	    "the server's version of mstack's protocol is %u, "
	    "ours %u",
	    n == (ssize_t)sizeof(g) ? g.version : 0, MSTACK_VERSION);
	return EPROTONOSUPPORT;
}

/* Connects to the control socket at PATH. */
static int
connect_to(const char *path, int *sp)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct timeval t = { .tv_sec = PATIENCE_S };
	int error, s = -1;

	if (strlen(path) >= sizeof(addr.sun_path))
		return ENAMETOOLONG;
	strcpy(addr.sun_path, path);
	if ((s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) == -1)
		return errno;
	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
	if (connect(s, (struct sockaddr *)&addr, sizeof(addr)) != 0) {
		error = errno;
		close(s);
		return error;
	}
	*sp = s;
	return 0;
}

int
link_open(struct super *su, const char *path, struct link **lp, char *why,
    size_t size)
{
	struct link *l = calloc(1, sizeof(*l));
	struct ucred peer;
	socklen_t len = sizeof(peer);
	int error, s = -1;

	why[0] = '\0';
	if (l == NULL)
		return ENOMEM;
	l->about = ABOUT_LINK;
	l->fd = l->helper = -1;
	snprintf(l->path, sizeof(l->path), "%s", path);
	if ((error = connect_to(path, &s)) != 0) {
		free(l);
		return error;
	}
	if (getsockopt(s, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
		error = errno;
	else if (peer.uid != geteuid() && peer.uid != 0)
		error = EPERM;
	if (error == 0)
		error = ask_for_sockets(s, why, size);
	if (error == 0)
		error = take_session(s, &l->fd, why, size);
	close(s);
	if (error == 0 && (error = super_watch(su, l->fd, EPOLLIN, l)) != 0)
		close(l->fd);
	if (error != 0) {
		free(l);
		return error;
	}
	l->pid = peer.pid;
	l->next = su->links;
	su->links = l;
	*lp = l;
	return 0;
}

struct link *
link_of(struct super *su, int sock)
{
	/* Whose socket it is where we have no session. */
	static struct link nobody = { .about = ABOUT_LINK,
		.fd = -1,
		.helper = -1 };
	struct link *l, *dead = &nobody;
	struct linger mark = { 0 };
	socklen_t len = sizeof(mark);
	struct ucred peer;

	if (getsockopt(sock, SOL_SOCKET, SO_LINGER, &mark, &len) != 0 ||
	    mark.l_onoff == 0 || mark.l_linger != MSTACK_MARK)
		return NULL;
	/* Who made the pair is its peer, for ever. */
	len = sizeof(peer);
	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
		return &nobody;
	for (l = su->links; l != NULL; l = l->next)
		if (l->pid == peer.pid && l->fd != -1)
			return l;
		else if (l->pid == peer.pid)
			dead = l;
	return dead;
}

/* ---- requests ----------------------------------------------------------- */

/* The server has gone, and with it all that is asked of it. */
static void
lost(struct super *su, struct link *l)
{
	struct call *c, *next;

	if (l->fd == -1)
		return;
	close(l->fd);
	l->fd = -1;
	if (l->helper != -1)
		close(l->helper);
	l->helper = -1;
	hold_lost(su, l);
	for (c = su->calls; c != NULL; c = next) {
		next = c->next;
		if (c->link == l && (c->reply != NULL || c->polled))
			call_answer(c, ENETDOWN, 0);
	}
}

/* Sends M for whoever; FD is passed on.  False: the server has gone. */
static bool
send_message(struct super *su, struct link *l, struct mstack_request *m, int fd)
{
	size_t len = sizeof(*m) + m->addrlen + m->datalen;
	struct pollfd p = { .fd = l->fd, .events = POLLOUT };

	while (l->fd != -1) {
		if (wire_pass(l->fd, m, len, fd, MSG_NOSIGNAL | MSG_DONTWAIT) >=
		    0)
			return true;
		if (errno != EAGAIN && errno != EINTR)
			break;
		/* It reads no more while its replies are not read. */
		p.events = POLLIN | POLLOUT;
		if (poll(&p, 1, PATIENCE_S * 1000) == 0)
			break;
		if (p.revents & POLLIN)
			link_event(su, l);
	}
	lost(su, l);
	return false;
}

bool
link_ask(struct call *c, enum mstack_op op, const int arg[3], const void *addr,
    size_t addrlen, const void *data, size_t datalen, int fd, call_reply *reply)
{
	struct mstack_request *m;

	free(c->sent);
	c->sent = m = calloc(1, sizeof(*m) + addrlen + datalen);
	if (m == NULL) {
		call_answer(c, ENOMEM, 0);
		return false;
	}
	m->call = c->number;
	m->sock = op == MSTACK_SOCKET ? (uint64_t)c->proc->tgid : c->inode;
	m->op = (uint32_t)op;
	if (arg != NULL)
		memcpy(m->arg, arg, sizeof(m->arg));
	m->addrlen = (uint32_t)addrlen;
	m->datalen = (uint32_t)datalen;
	if (addrlen != 0)
		memcpy(m + 1, addr, addrlen);
	if (datalen != 0)
		memcpy((uint8_t *)(m + 1) + addrlen, data, datalen);
	c->sent_fd = fd;
	c->reply = reply;
	if (c->link->fd == -1) {
		call_answer(c, ENETDOWN, 0);
		return false;
	}
	/* Where that fails, all calls to this server have been answered. */
	return send_message(c->su, c->link, m, fd);
}

/*
 * A reply for C.  ESTALE: the socket came from another session; whoever has its
 * descriptor, as we do, may have it in this one, and asks again.
 */
static void
take_reply(struct call *c, const struct mstack_reply *r, const uint8_t *data,
    const int fd[2])
{
	struct mstack_request q = { .call = c->number, .op = MSTACK_ADOPT };
	call_reply *reply = c->reply;

	if (c->adopting && r->error == 0) {
		c->adopting = false;
		send_message(c->su, c->link, c->sent, c->sent_fd);
		return;
	}
	if (r->error == ESTALE && !c->adopted && c->fd != -1) {
		c->adopting = c->adopted = true;
		send_message(c->su, c->link, &q, c->fd);
		return;
	}
	c->reply = NULL;
	c->spare = fd[1];
	reply(c, r, data, fd[0]);
}

void
link_event(struct super *su, struct link *l)
{
	static uint8_t message[MSTACK_MESSAGE_MAX];
	union {
		char room[CMSG_SPACE(2 * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct mstack_reply r;
	struct cmsghdr *cm;
	struct call *c;
	ssize_t n;
	int fd[2];

	while (l->fd != -1) {
		struct iovec iov = { message, sizeof(message) };
		struct msghdr m = { .msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = &control,
			.msg_controllen = sizeof(control) };

		n = recvmsg(l->fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
		if (n == -1 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < (ssize_t)sizeof(r)) {
			lost(su, l);
			return;
		}
		fd[0] = fd[1] = -1;
		cm = CMSG_FIRSTHDR(&m);
		if (cm != NULL && cm->cmsg_level == SOL_SOCKET &&
		    cm->cmsg_type == SCM_RIGHTS)
			memcpy(fd, CMSG_DATA(cm),
			    cm->cmsg_len >= CMSG_LEN(sizeof(fd)) ? sizeof(fd) :
								   sizeof(int));
		memcpy(&r, message, sizeof(r));
		for (c = su->calls; c != NULL; c = c->next)
			if (c->number == r.call && c->reply != NULL)
				break;
		if (c != NULL && (size_t)n == sizeof(r) + r.addrlen + r.datalen)
			take_reply(c, &r, message + sizeof(r), fd);
		if (fd[0] != -1)
			close(fd[0]);
		if (fd[1] != -1)
			close(fd[1]);
	}
}
