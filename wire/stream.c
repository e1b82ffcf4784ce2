/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stream.c - an end as QEMU's -netdev stream has it
 *
 * DOC: What goes over it
 *
 * Each frame has its length before it, 32 bits, big-endian.  A length below that
 * of an Ethernet header is skipped and counted.  One above FRAME_MAX cannot be
 * skipped in any time, and whoever says it does not speak this protocol: the
 * connection is closed.
 *
 * DOC: Who connects
 *
 * If somebody listens at the path the end connects there, and listens there
 * otherwise; ",listen" and ",connect" behind the path decide it.  One connection
 * at a time is served; while there is none, frames are dropped.  A connection
 * that ends is waited for again, or tried again.
 *
 * A peer that does not read has its backlog, and no more is kept for it.  A frame
 * whose beginning was written is finished, whatever comes of the others.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/net_bytes.h"
#include "base/tool.h"
#include "ctl/place.h"
#include "wire/stream.h"

#define HEAD 4u
#define BUFFER ((size_t)256 << 10)
#define AGAIN_NS 100000000u

struct stream {
	struct place place;
	char path[WIRE_PATH_MAX];
	bool connects;
	bool given; /* a descriptor: there is no other connection */
	size_t have;
	uint8_t in[BUFFER];
	uint8_t one[HEAD + FRAME_MAX];
};

/* ---- the connection ------------------------------------------------------ */

/* The connection is no more: another one is tried, or waited for. */
static void
hang_up(struct end *e, const char *why)
{
	struct stream *s = e->own;

	if (why != NULL)
		end_complain(e, why, NULL);
	loop_close(e->wire, &e->io);
	e->count.out.down += backlog_clear(&e->backlog);
	s->have = 0;
	if (s->given)
		wire_stop(e->wire, 1);
	else if (s->connects)
		loop_tick_in(e, AGAIN_NS);
}

/* Takes all whole frames out of the buffer.  False: it makes no sense. */
static bool
take_frames(struct end *e)
{
	struct stream *s = e->own;
	size_t at = 0;

	core_begin(e->wire);
	while (s->have - at >= HEAD) {
		uint32_t len = be32(s->in + at);

		if (len > FRAME_MAX) {
			core_flush(e->wire);
			return false;
		}
		if (s->have - at < HEAD + len)
			break;
		core_frame(e, s->in + at + HEAD, len, 0);
		at += HEAD + len;
	}
	core_flush(e->wire);
	s->have -= at;
	memmove(s->in, s->in + at, s->have);
	return true;
}

static void
receive(struct end *e)
{
	struct stream *s = e->own;
	ssize_t n = recv(e->io.fd, s->in + s->have, BUFFER - s->have,
	    MSG_DONTWAIT);

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		hang_up(e, s->given ? "closed by the other side" : NULL);
		return;
	}
	s->have += (size_t)n;
	if (!take_frames(e)) {
		e->count.in.bad++;
		hang_up(e,
		    "a frame longer than any: not the protocol of QEMU's "
		    "stream; disconnected");
	}
}

/* Writes what waits.  False: the connection is broken. */
static bool
write_backlog(struct end *e)
{
	struct backlog *b = &e->backlog;

	while (b->first != NULL) {
		struct packet *p = b->first;
		ssize_t n = send(e->io.fd, p->data + b->done, p->len - b->done,
		    MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return errno == EAGAIN &&
			    loop_watch(e->wire, &e->io, EPOLLIN | EPOLLOUT) ==
			    0;
		b->done += (size_t)n;
		if (b->done < p->len)
			continue;
		e->count.out.frames++;
		e->count.out.bytes += p->len - HEAD;
		backlog_drop_first(b);
	}
	return loop_watch(e->wire, &e->io, EPOLLIN) == 0;
}

static void
ready(struct watched *w, uint32_t events)
{
	struct end *e = w->end;

	if ((events & EPOLLOUT) && !write_backlog(e)) {
		hang_up(e, NULL);
		return;
	}
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		receive(e);
}

static void
connected(struct end *e, int fd)
{
	e->io.fd = fd;
	e->io.ready = ready;
	if (loop_watch(e->wire, &e->io, EPOLLIN) != 0) {
		hang_up(e, strerror(errno));
		return;
	}
	e->count.connected++;
}

static void
let_in(struct watched *w, uint32_t events)
{
	struct end *e = w->end;
	struct ucred peer = { .uid = (uid_t)-1 };
	socklen_t len = sizeof(peer);
	int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (fd == -1)
		return;
	if (e->io.fd != -1 ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0 ||
	    (peer.uid != geteuid() && peer.uid != 0))
		close(fd);
	else
		connected(e, fd);
}

/* 0, or errno. */
static int
try_connect(struct end *e)
{
	struct stream *s = e->own;
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
	    error;

	if (fd == -1)
		return errno;
	memcpy(to.sun_path, s->path, strlen(s->path) + 1);
	if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) != 0) {
		error = errno;
		close(fd);
		return error;
	}
	connected(e, fd);
	return 0;
}

static void
again(struct watched *w, uint32_t events)
{
	uint64_t times;

	(void)events;
	(void)!read(w->fd, &times, sizeof(times));
	if (w->end->io.fd == -1 && try_connect(w->end) != 0)
		loop_tick_in(w->end, AGAIN_NS);
}

/* ---- what the wire calls -------------------------------------------------- */

/* Writes as many frames as go; returns how many, *PART of the next one. */
static unsigned
write_frames(struct end *e, size_t *part)
{
	struct iovec iov[2 * BATCH];
	struct msghdr m = { .msg_iov = iov };
	uint8_t head[BATCH][HEAD];
	unsigned i;
	ssize_t n;

	for (i = 0; i < e->outs; i++) {
		put32(head[i], (uint32_t)e->out[i].iov_len);
		struct iovec *v = &iov[(size_t)i * 2];

		v[0].iov_base = head[i];
		v[0].iov_len = HEAD;
		v[1] = e->out[i];
	}
	m.msg_iovlen = 2 * (size_t)e->outs;
	do
		n = sendmsg(e->io.fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n == -1 && errno == EINTR);
	/* A connection that is broken is found out where it is read. */
	*part = n > 0 ? (size_t)n : 0;
	for (i = 0; i < e->outs && *part >= HEAD + e->out[i].iov_len; i++) {
		*part -= HEAD + e->out[i].iov_len;
		e->count.out.frames++;
		e->count.out.bytes += e->out[i].iov_len;
	}
	return i;
}

static void
stream_send(struct end *e)
{
	struct stream *s = e->own;
	size_t part = 0;
	unsigned i = 0;

	if (e->io.fd == -1) {
		e->count.out.down += e->outs;
		return;
	}
	if (e->backlog.first == NULL)
		i = write_frames(e, &part);
	for (; i < e->outs; i++) {
		size_t len = e->out[i].iov_len;

		put32(s->one, (uint32_t)len);
		memcpy(s->one + HEAD, e->out[i].iov_base, len);
		if (!backlog_add(&e->backlog, s->one, HEAD + len)) {
			e->count.out.full++;
			/* Without its rest the others make no sense. */
			if (part > 0)
				shutdown(e->io.fd, SHUT_RDWR);
		} else if (part > 0) {
			e->backlog.done = part;
		}
		part = 0;
	}
	if (e->backlog.first != NULL)
		(void)loop_watch(e->wire, &e->io, EPOLLIN | EPOLLOUT);
}

/* Listens at the path.  0, or -1 after a message. */
static int
listen_at(struct end *e)
{
	struct stream *s = e->own;
	int error = place_take(&s->place, s->path);

	if (error != 0)
		return end_complain(e, "cannot listen",
		    error == EADDRINUSE ?
			"somebody else listens there" :
			error == EEXIST ?
			"something that is no socket is there" :
			strerror(error));
	e->listener.fd = s->place.fd;
	e->listener.ready = let_in;
	if (loop_watch(e->wire, &e->listener, EPOLLIN) != 0)
		return end_complain(e, strerror(errno), NULL);
	return 0;
}

/* Whether TEXT ends with END, which is taken away then. */
static bool
ends_with(char *text, const char *end)
{
	size_t len = strlen(text), n = strlen(end);

	if (len <= n || strcmp(text + len - n, end) != 0)
		return false;
	text[len - n] = '\0';
	return true;
}

static int
stream_open(struct end *e)
{
	struct stream *s = calloc(1, sizeof(*s));
	char path[WIRE_PATH_MAX + 16];
	bool listens;
	int error;

	e->own = s;
	if (s == NULL)
		return end_complain(e, strerror(ENOMEM), NULL);
	s->place.fd = -1;
	if (strlen(e->rest) >= sizeof(path))
		return end_complain(e, strerror(ENAMETOOLONG), NULL);
	strcpy(path, e->rest);
	listens = ends_with(path, ",listen");
	s->connects = !listens && ends_with(path, ",connect");
	if (strlen(path) >= sizeof(s->path))
		return end_complain(e, strerror(ENAMETOOLONG), NULL);
	strcpy(s->path, path);
	if (loop_tick(e, again) != 0)
		return end_complain(e, strerror(errno), NULL);
	if (listens)
		return listen_at(e);
	/* A mere look would be a connection, too: some take the first only. */
	error = try_connect(e);
	if (error == 0)
		s->connects = true;
	else if (error != ENOENT && error != ECONNREFUSED && error != EAGAIN)
		return end_complain(e, "cannot connect", strerror(error));
	else if (s->connects)
		loop_tick_in(e, AGAIN_NS); /* whoever it is may come later */
	else
		return listen_at(e);
	return 0;
}

int
stream_adopt(struct end *e, int fd)
{
	struct stream *s = calloc(1, sizeof(*s));

	e->own = s;
	if (s == NULL)
		return end_complain(e, strerror(ENOMEM), NULL);
	s->given = true;
	s->place.fd = -1;
	connected(e, fd);
	return e->io.fd == -1 ? -1 : 0;
}

static void
stream_close(struct end *e)
{
	struct stream *s = e->own;

	loop_close(e->wire, &e->io);
	loop_close(e->wire, &e->tick);
	if (s != NULL && s->place.fd != -1) {
		(void)loop_watch(e->wire, &e->listener, 0);
		place_leave(&s->place);
	}
	free(s);
	e->own = NULL;
}

const struct kind kind_stream = { "stream:", stream_open, stream_send,
	stream_close, NULL };
const struct kind kind_given = { "", NULL, stream_send, stream_close, NULL };
