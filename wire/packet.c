/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * packet.c - ends whose descriptor gives and takes a frame at a time
 *
 * DOC: tap: vde: dgram: and descriptors of datagrams or taps.  What differs is in
 * struct ways: how a frame is read, and how one is written.  A frame that does
 * not go now waits in the backlog, and is tried again after TRY_NS: a socket of
 * datagrams that is not connected does not say when its peer has room, as peers
 * that come and go must not be connected to.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/number.h"
#include "base/tool.h"
#include "ctl/place.h"
#include "wire/stream.h"

#define ROOM ((size_t)1 << 20)
#define TRY_NS 300000u
#define VDE_VERSION 1

/* What there is of libvdeplug, which is loaded when it is needed. */
struct vde {
	void *conn;
	void *(*open)(char *url, char *descr, int version, void *args);
	ssize_t (*recv)(void *conn, void *buf, size_t len, int flags);
	ssize_t (*send)(void *conn, const void *buf, size_t len, int flags);
	int (*datafd)(void *conn);
	int (*close)(void *conn);
};

struct packets {
	/* Each returns the length, or -1 with errno. */
	ssize_t (*get)(struct end *e, void *buf, size_t size);
	ssize_t (*put)(struct end *e, const void *buf, size_t len);
	bool zero_ends; /* a length of 0 is the end, not a frame */
	struct place place;
	struct sockaddr_un peer;
	struct vde vde;
	bool foreign; /* the descriptor is libvdeplug's */
	char name[IFNAMSIZ];
	int control; /* a socket to ask for the MTU */
	uint64_t asked_ns;
	uint8_t room[ROOM];
};

/* ---- how a frame is read and written -------------------------------------- */

static ssize_t
file_get(struct end *e, void *buf, size_t size)
{
	return read(e->io.fd, buf, size);
}

static ssize_t
file_put(struct end *e, const void *buf, size_t len)
{
	return write(e->io.fd, buf, len);
}

static ssize_t
socket_get(struct end *e, void *buf, size_t size)
{
	return recv(e->io.fd, buf, size, MSG_DONTWAIT | MSG_TRUNC);
}

static ssize_t
socket_put(struct end *e, const void *buf, size_t len)
{
	return send(e->io.fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static ssize_t
dgram_put(struct end *e, const void *buf, size_t len)
{
	struct packets *p = e->own;

	return sendto(e->io.fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL,
	    (const struct sockaddr *)&p->peer, sizeof(p->peer));
}

static ssize_t
vde_get(struct end *e, void *buf, size_t size)
{
	struct packets *p = e->own;
	ssize_t n = p->vde.recv(p->vde.conn, buf, size, 0);

	/* Some plug-ins say so that there was nothing. */
	if (n == 1) {
		errno = EAGAIN;
		return -1;
	}
	return n;
}

static ssize_t
vde_put(struct end *e, const void *buf, size_t len)
{
	struct packets *p = e->own;

	return p->vde.send(p->vde.conn, buf, len, 0);
}

/* ---- in and out ------------------------------------------------------------ */

static void
ready(struct watched *w, uint32_t events)
{
	struct end *e = w->end;
	struct packets *p = e->own;
	size_t at = 0;
	ssize_t n = 0;

	(void)events;
	core_begin(e->wire);
	for (unsigned i = 0; i < BATCH && ROOM - at >= FRAME_MAX + 1; i++) {
		n = p->get(e, p->room + at, FRAME_MAX + 1);
		if (n == -1 || (n == 0 && p->zero_ends))
			break;
		if (n > (ssize_t)FRAME_MAX) {
			e->count.in.frames++;
			e->count.in.bad++;
			continue;
		}
		core_frame(e, p->room + at, (size_t)n, 0);
		at += ((size_t)n + 15) & ~(size_t)15;
		if (p->foreign) /* it may wait for the next one */
			break;
	}
	core_flush(e->wire);
	if (n == -1 &&
	    (errno == EAGAIN || errno == EINTR || errno == ECONNREFUSED ||
		errno == ENOBUFS))
		return;
	if (n == -1 || (n == 0 && p->zero_ends)) {
		end_complain(e,
		    n == 0 ? "closed by the other side" : strerror(errno),
		    NULL);
		(void)loop_watch(e->wire, &e->io, 0);
		wire_stop(e->wire, 1);
	}
}

/*
 * Writes a frame, and counts what came of it.  False: it does not go now.
 */
static bool
put(struct end *e, const void *data, size_t len)
{
	struct packets *p = e->own;
	ssize_t n;

	do
		n = p->put(e, data, len);
	while (n == -1 && errno == EINTR);
	if (n >= 0) {
		e->count.out.frames++;
		e->count.out.bytes += len;
		return true;
	}
	switch (errno) {
	case EAGAIN:
	case ENOBUFS:
		return false;
	case EMSGSIZE:
		e->count.out.too_long++;
		break;
	case EIO: /* a tap that is down */
	case ENOENT:
	case ECONNREFUSED:
	case EPIPE:
		e->count.out.down++;
		break;
	default:
		e->count.out.failed++;
		break;
	}
	return true;
}

static void
again(struct watched *w, uint32_t events)
{
	struct end *e = w->end;
	uint64_t times;

	(void)events;
	(void)!read(w->fd, &times, sizeof(times));
	while (e->backlog.first != NULL &&
	    put(e, e->backlog.first->data, e->backlog.first->len))
		backlog_drop_first(&e->backlog);
	if (e->backlog.first != NULL)
		loop_tick_in(e, TRY_NS);
}

static void
ask_mtu(struct end *e)
{
	struct packets *p = e->own;
	struct ifreq ifr = { 0 };

	if (p->control == -1)
		return;
	p->asked_ns = e->wire->now_ns;
	memcpy(ifr.ifr_name, p->name, IFNAMSIZ);
	if (ioctl(p->control, SIOCGIFMTU, &ifr) == 0 && ifr.ifr_mtu > 0 &&
	    (unsigned)ifr.ifr_mtu <= SHMBUS_MTU_MAX)
		e->frame_max = (uint32_t)ifr.ifr_mtu + SHMBUS_HEADROOM;
}

static void
packet_send(struct end *e)
{
	struct packets *p = e->own;

	/*
	 * A tap's MTU may be changed.  That it has grown is found by the first
	 * frame that is longer, that it has shrunk within a second.
	 */
	if (e->wire->now_ns - p->asked_ns >= 1000000000u)
		ask_mtu(e);
	for (unsigned i = 0; i < e->outs; i++) {
		const struct iovec *v = &e->out[i];

		if (e->backlog.first == NULL && put(e, v->iov_base, v->iov_len))
			continue;
		if (!backlog_add(&e->backlog, v->iov_base, v->iov_len))
			e->count.out.full++;
	}
	if (e->backlog.first != NULL)
		loop_tick_in(e, TRY_NS);
}

/* ---- life ------------------------------------------------------------------ */

static struct packets *
packets_new(struct end *e)
{
	struct packets *p = calloc(1, sizeof(*p));

	if (p == NULL) {
		end_complain(e, strerror(ENOMEM), NULL);
		return NULL;
	}
	p->place.fd = p->control = -1;
	p->get = socket_get;
	p->put = socket_put;
	e->own = p;
	return p;
}

/* The descriptor FD is E's.  0, or -1 after a message. */
static int
begin(struct end *e, int fd)
{
	e->io.fd = fd;
	e->io.ready = ready;
	if (loop_watch(e->wire, &e->io, EPOLLIN) != 0 ||
	    loop_tick(e, again) != 0)
		return end_complain(e, "cannot be waited for", strerror(errno));
	e->count.connected++;
	return 0;
}

static void
packet_close(struct end *e)
{
	struct packets *p = e->own;

	loop_close(e->wire, &e->tick);
	if (p == NULL)
		return;
	if (p->place.fd != -1) {
		(void)loop_watch(e->wire, &e->io, 0);
		place_leave(&p->place);
	} else if (p->foreign) {
		(void)loop_watch(e->wire, &e->io, 0);
		p->vde.close(p->vde.conn);
	} else {
		loop_close(e->wire, &e->io);
	}
	if (p->control != -1)
		close(p->control);
	free(p);
	e->own = NULL;
}

static int
tap_open(struct end *e)
{
	struct packets *p = packets_new(e);
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	int fd;

	if (p == NULL)
		return -1;
	if (strlen(e->rest) >= IFNAMSIZ)
		return end_complain(e, "the name of an interface is shorter",
		    NULL);
	strcpy(ifr.ifr_name, e->rest);
	strcpy(p->name, e->rest);
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd == -1)
		return end_complain(e, "/dev/net/tun", strerror(errno));
	if (ioctl(fd, TUNSETIFF, &ifr) != 0) {
		int error = errno;

		close(fd);
		return end_complain(e, "cannot make or open it",
		    strerror(error));
	}
	p->get = file_get;
	p->put = file_put;
	p->control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ask_mtu(e);
	return begin(e, fd);
}

/* Finds the function NAME, of any type, in the library. */
static bool
find(void *lib, const char *name, void *function)
{
	void *f = dlsym(lib, name);

	memcpy(function, &f, sizeof(f));
	return f != NULL;
}

static int
vde_open(struct end *e)
{
	struct packets *p = packets_new(e);
	char *url, descr[] = "shmif_wire";
	void *lib;
	int fd;

	if (p == NULL)
		return -1;
	lib = dlopen("libvdeplug.so.2", RTLD_NOW | RTLD_LOCAL);
	if (lib == NULL)
		return end_complain(e, "libvdeplug is not installed",
		    dlerror());
	if (!find(lib, "vde_open_real", &p->vde.open) ||
	    !find(lib, "vde_recv", &p->vde.recv) ||
	    !find(lib, "vde_send", &p->vde.send) ||
	    !find(lib, "vde_datafd", &p->vde.datafd) ||
	    !find(lib, "vde_close", &p->vde.close))
		return end_complain(e, "another libvdeplug than version 2",
		    NULL);
	if ((url = strdup(e->rest)) == NULL)
		return end_complain(e, strerror(ENOMEM), NULL);
	errno = 0;
	p->vde.conn = p->vde.open(url, descr, VDE_VERSION, NULL);
	free(url);
	if (p->vde.conn == NULL)
		return end_complain(e, "cannot be opened",
		    errno != 0 ? strerror(errno) : NULL);
	p->foreign = true;
	p->get = vde_get;
	p->put = vde_put;
	fd = p->vde.datafd(p->vde.conn);
	(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	return begin(e, fd);
}

static int
dgram_open(struct end *e)
{
	struct packets *p = packets_new(e);
	const char *comma = strchr(e->rest, ',');
	char own[WIRE_PATH_MAX];
	size_t len;
	int error;

	if (p == NULL)
		return -1;
	if (comma == NULL || comma == e->rest || comma[1] == '\0')
		return end_complain(e, "two paths, ours and the other's",
		    "dgram:/a.sock,/b.sock");
	len = (size_t)(comma - e->rest);
	if (len >= sizeof(own) || strlen(comma + 1) >= WIRE_PATH_MAX)
		return end_complain(e, strerror(ENAMETOOLONG), NULL);
	memcpy(own, e->rest, len);
	own[len] = '\0';
	p->peer.sun_family = AF_UNIX;
	strcpy(p->peer.sun_path, comma + 1);
	error = place_take_type(&p->place, own, SOCK_DGRAM);
	if (error != 0)
		return end_complain(e, own,
		    error == EADDRINUSE ? "somebody else has this socket" :
					  strerror(error));
	p->put = dgram_put;
	return begin(e, p->place.fd);
}

static int
fd_open(struct end *e)
{
	int type = 0;
	socklen_t len = sizeof(type);
	struct packets *p;
	struct stat st;
	uint64_t n;

	if (!number_parse(e->rest, 1u << 20, &n) ||
	    fcntl((int)n, F_GETFD) == -1)
		return end_complain(e, "no open descriptor", NULL);
	/* What the wire itself has opened is not meant. */
	if ((int)n <= STDERR_FILENO || (int)n == e->wire->epoll ||
	    (int)n == e->wire->timer || (int)n == e->wire->stop)
		return end_complain(e, "a descriptor from 3 on that was given",
		    NULL);
	(void)fcntl((int)n, F_SETFD, FD_CLOEXEC);
	if (getsockopt((int)n, SOL_SOCKET, SO_TYPE, &type, &len) == 0) {
		if (type == SOCK_STREAM) {
			e->kind = &kind_given;
			return stream_adopt(e, (int)n);
		}
		if ((p = packets_new(e)) == NULL)
			return -1;
		p->zero_ends = type == SOCK_SEQPACKET;
		return begin(e, (int)n);
	}
	if (fstat((int)n, &st) != 0 || !S_ISCHR(st.st_mode))
		return end_complain(e, "neither a socket nor a tap", NULL);
	if ((p = packets_new(e)) == NULL)
		return -1;
	p->get = file_get;
	p->put = file_put;
	(void)fcntl((int)n, F_SETFL, fcntl((int)n, F_GETFL) | O_NONBLOCK);
	return begin(e, (int)n);
}

const struct kind kind_tap = { "tap:", tap_open, packet_send, packet_close,
	ask_mtu };
const struct kind kind_vde = { "vde:", vde_open, packet_send, packet_close,
	NULL };
const struct kind kind_fd = { "fd:", fd_open, packet_send, packet_close, NULL };
const struct kind kind_dgram = { "dgram:", dgram_open, packet_send,
	packet_close, NULL };
