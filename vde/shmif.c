/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmif.c - VDE's plug for a bus: vde_open("shmif:///path/bus")
 *
 * DOC: What it is
 *
 * libvdeplug loads libvdeplug_NAME.so for a URL NAME://..., and calls what its
 * symbol vdeplug_ops names.  Each connection is an attachment of the bus.
 *
 * DOC: Whose frames an attachment gets
 *
 * A VDE client may be one station (a guest, a tap) or many (a switch).  A bus
 * wakes an attachment for the unicast of one hardware address, or for
 * everything.  So the plug learns from the frames that are sent by it: the first
 * source address becomes the attachment's own.  When there is a second one the
 * attachment hears everything, and here is passed on only what is for everybody
 * or for an address that was learned.  When more than LEARN_MAX / 2 were learned,
 * everything is passed on.
 *
 * DOC: Loops
 *
 * Two plugs that join the same two networks would send each broadcast around for
 * ever; and a client need not know that there is another one, be it on another
 * machine.  So the plug remembers, as shmif_wire does and with the same table
 * (wire/learn.c), on which side a station is: at the bus, with the number of the
 * attachment that sends for it, or at the client.  A frame that comes with the
 * bytes of one that was here within 0.2 seconds, and from another place, is
 * dropped, on its way in or out.  So each frame of a loop passes the plug once.
 *
 * DOC: The descriptor
 *
 * Clients poll one descriptor and then receive one frame.  It is a copy of that of
 * shmbus_fd(), so it is readable when there is a frame, and no thread is needed,
 * which a client that unshares a user namespace could not have.  (Where the kernel
 * cannot do that, shmbus_fd() has a thread begin later, see there.)
 *
 * After each frame it is looked whether there is another one; if not, the
 * descriptor is not readable any more when vde_recv() returns.  If it is called
 * without need all the same, it returns 1 with EAGAIN: 0 and -1 end some clients.
 *
 * A client that becomes a daemon after vde_open() has no part in its parent's
 * attachment: the child attaches by itself when it calls one of the functions here
 * for the first time.  One that only listens is to do so too, so in each child the
 * descriptor, whose number it keeps, is readable until then.
 *
 * The other descriptor, of vde_ctlfd(), tells clients of a switch that it is gone.
 * A bus is never gone; but slirpvde wants to have one, so there is one that is
 * never readable.
 *
 * DOC: Signals
 *
 * Some clients close in a signal handler.  If that interrupts one of the
 * functions here, the connection cannot be taken apart; it is left to the end of
 * the process, which such a handler brings about.
 */
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libvdeplug_mod.h>

#include "base/addr.h"
#include "base/clock.h"
#include "base/net_bytes.h"
#include "shmbus/shmbus.h"
#include "vde/url.h"
#include "wire/learn.h"

#define LEARN_MAX 512u /* a power of two */
#define SEND_TRIES 100u
#define TELL_NS (10 * (uint64_t)1000000000u)

/* Where frames come from. */
enum side { CLIENT, BUS };

struct plug {
	/* What libvdeplug wants first: see struct vdeconn. */
	void *handle;
	struct vdeplug_module *module;

	struct shmbus *bus;
	struct url url;	   /* its path is absolute, as a child attaches anew */
	pid_t pid;	   /* the process that attached */
	int fd;		   /* what the client polls */
	int ctl;	   /* never readable */
	uint64_t too_long; /* frames that the bus does not carry */
	uint64_t loop_ns;  /* when a loop was told of; 0: never */
	unsigned macs;	   /* learned */
	uint64_t mac[LEARN_MAX];
	struct learn learn;	    /* for loops */
	volatile sig_atomic_t busy; /* one of the functions runs */
	struct plug *next, **at;    /* in the list of all */
};

/* All that are open, for fork(). */
static struct plug *plugs;
static pthread_mutex_t plugs_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t plugs_once = PTHREAD_ONCE_INIT;

/* ---- stations ----------------------------------------------------------- */

/* A hardware address as a number that is not 0. */
static uint64_t
mac_number(const uint8_t *p)
{
	uint64_t v = 1;

	for (unsigned i = 0; i < 6; i++)
		v = v << 8 | p[i];
	return v;
}

/* The place of MAC in P's table, or the free one where it would be. */
static uint64_t *
mac_find(struct plug *p, uint64_t mac)
{
	size_t i = (size_t)(mac * 0x9e3779b97f4a7c15u >> 32);

	for (;; i++) {
		uint64_t *at = &p->mac[i % LEARN_MAX];

		if (*at == 0 || *at == mac)
			return at;
	}
}

/* A frame from the station SRC is sent. */
static void
add_station(struct plug *p, const uint8_t *src)
{
	uint64_t mac = mac_number(src), *at = mac_find(p, mac);

	if (*at == mac || (src[0] & 1) != 0 || p->macs > LEARN_MAX / 2)
		return;
	*at = mac;
	p->macs++;
	if (p->url.promisc)
		return;
	if (p->macs == 1 && !p->url.own_mac) {
		(void)shmbus_set_mac(p->bus, src);
		memcpy(p->url.how.mac, src, 6);
	} else {
		(void)shmbus_set_promisc(p->bus, 1);
		p->url.how.flags |= SHMBUS_PROMISC;
	}
}

/* Whether a frame to DST is passed on. */
static bool
is_for_us(struct plug *p, const uint8_t *dst)
{
	uint64_t mac = mac_number(dst);

	return p->url.promisc || (dst[0] & 1) != 0 || p->macs > LEARN_MAX / 2 ||
	    (p->url.how.flags & SHMBUS_PROMISC) == 0 ||
	    *mac_find(p, mac) == mac;
}

/* ---- loops --------------------------------------------------------------- */

/*
 * Whether the frame of LEN bytes at DATA, which came from the side FROM, sent by
 * SENDER, was here just now from elsewhere.  Says so, now and then.
 */
static bool
is_looped(struct plug *p, const uint8_t *data, size_t len, enum side from,
    uint32_t sender)
{
	size_t skip = 12;
	unsigned vlan = 0;
	uint64_t now = now_ns();
	char mac[MAC_TEXT];

	if (len >= SHMBUS_HEADROOM && data[12] == 0x81 && data[13] == 0)
		vlan = be16(data + 14) & 0xfff;
	if (learn_source(&p->learn, data + 6, vlan, from, sender,
		learn_hash(data, data + skip, len - skip), now))
		return false;
	if (p->loop_ns == 0 || now - p->loop_ns > TELL_NS) {
		p->loop_ns = now;
		fprintf(stderr,
		    "vde shmif://%s: a loop: frames of %s come back here by "
		    "another way; they are dropped\n",
		    p->url.path, mac_text(data + 6, mac));
	}
	return true;
}

/* ---- the attachment ----------------------------------------------------- */

static int
attach(struct plug *p)
{
	int error = shmbus_attach(p->url.path, &p->url.how, &p->bus);

	if (error != 0) {
		const char *why = shmbus_why(), *text = shmbus_strerror(error);

		url_complain(p->url.path, why[0] != '\0' ? why : text, error);
		return -1;
	}
	p->pid = getpid();
	return 0;
}

/* Makes FD what the client polls, by the number that it has.  0 or -1. */
static int
show_descriptor(struct plug *p, int fd)
{
	if (p->fd != -1)
		return dup3(fd, p->fd, O_CLOEXEC) == -1 ? -1 : 0;
	p->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return p->fd == -1 ? -1 : 0;
}

/* The client polls what the bus has for that.  0 or -1. */
static int
show_bus(struct plug *p)
{
	int fd, error = shmbus_fd(p->bus, &fd);

	if (error != 0) {
		errno = error;
		return -1;
	}
	return show_descriptor(p, fd);
}

/* A child of the process that attached attaches by itself.  0 or -1. */
static int
after_fork(struct plug *p)
{
	if (p->pid == getpid())
		return 0;
	shmbus_detach(p->bus);
	p->bus = NULL;
	return attach(p) != 0 || show_bus(p) != 0 ? -1 : 0;
}

/* ---- all of them, for fork() -------------------------------------------- */

static void
fork_begins(void)
{
	pthread_mutex_lock(&plugs_lock);
}

static void
fork_ends(void)
{
	pthread_mutex_unlock(&plugs_lock);
}

/* In the child: each is readable, so that after_fork() is called. */
static void
fork_child(void)
{
	int fd = plugs != NULL ? eventfd(1, EFD_CLOEXEC) : -1;

	for (struct plug *p = plugs; p != NULL && fd != -1; p = p->next)
		(void)show_descriptor(p, fd);
	if (fd != -1)
		close(fd);
	pthread_mutex_unlock(&plugs_lock);
}

/* glibc forgets these when the plug-in is unloaded. */
static void
watch_forks(void)
{
	pthread_atfork(fork_begins, fork_ends, fork_child);
}

static void
list_add(struct plug *p)
{
	pthread_once(&plugs_once, watch_forks);
	pthread_mutex_lock(&plugs_lock);
	p->next = plugs;
	p->at = &plugs;
	if (plugs != NULL)
		plugs->at = &p->next;
	plugs = p;
	pthread_mutex_unlock(&plugs_lock);
}

/* False: a signal handler is here amid a change of the list. */
static bool
list_remove(struct plug *p)
{
	if (p->at == NULL)
		return true;
	if (pthread_mutex_trylock(&plugs_lock) != 0)
		return false;
	*p->at = p->next;
	if (p->next != NULL)
		p->next->at = p->at;
	pthread_mutex_unlock(&plugs_lock);
	return true;
}

/* ---- what libvdeplug calls ---------------------------------------------- */

static void
plug_free(struct plug *p)
{
	shmbus_detach(p->bus);
	if (p->fd != -1)
		close(p->fd);
	if (p->ctl != -1)
		close(p->ctl);
	url_free(&p->url);
	free(p);
}

static VDECONN *
plug_open(char *given, char *descr, int version, struct vde_open_args *args)
{
	struct plug *p = calloc(1, sizeof(*p));
	int error;

	(void)args; /* ports and groups are a switch's */
	if (p == NULL) {
		url_complain(given, strerror(ENOMEM), ENOMEM);
		return NULL;
	}
	p->fd = p->ctl = -1;
	if (version != LIBVDEPLUG_INTERFACE_VERSION) {
		url_complain(given, "another version of libvdeplug", EINVAL);
		goto failed;
	}
	/* A bus that somebody truncates is not to end the client. */
	if ((error = shmbus_guard()) != 0) {
		url_complain(given, strerror(error), error);
		goto failed;
	}
	if (url_parse(&p->url, given, descr) != 0 || attach(p) != 0)
		goto failed;
	p->ctl = eventfd(0, EFD_CLOEXEC);
	if (p->ctl == -1 || show_bus(p) != 0) {
		url_complain(given, strerror(errno), errno);
		goto failed;
	}
	list_add(p);
	return (VDECONN *)p;
failed:
	error = errno;
	plug_free(p);
	errno = error;
	return NULL;
}

/*
 * Shows the next frame that is to be passed on; 0, or what says that there is
 * none.
 */
static int
look(struct plug *p, struct shmbus_frame *f)
{
	uint8_t head[SHMBUS_FRAME_MIN];
	int error;

	while ((error = shmbus_peek(p->bus, f)) == 0) {
		memcpy(head, f->data, sizeof(head));
		if (is_for_us(p, head))
			break;
		(void)shmbus_skip(p->bus);
	}
	return error;
}

static ssize_t
receive(struct plug *p, void *buf, size_t size)
{
	struct shmbus_frame f, after;
	int error;

	if (after_fork(p) != 0)
		return -1;
	if (size > UINT32_MAX)
		size = UINT32_MAX;
	while ((error = look(p, &f)) == 0) {
		size_t len = f.len < size ? f.len : size;

		/* Overwritten meanwhile: the next one may be longer. */
		if (shmbus_take(p->bus, buf, len) != 0)
			continue;
		/* What was cut cannot be compared. */
		if (len == f.len && is_looped(p, buf, len, BUS, f.sender))
			continue;
		/* Is there another one? */
		if (look(p, &after) == EAGAIN)
			shmbus_fd_done(p->bus);
		return (ssize_t)len;
	}
	if (error == EAGAIN) {
		shmbus_fd_done(p->bus);
		errno = EAGAIN;
		return 1;
	}
	errno = error;
	return -1;
}

static ssize_t
plug_recv(VDECONN *conn, void *buf, size_t size, int flags)
{
	struct plug *p = (struct plug *)conn;
	ssize_t n;

	(void)flags;
	p->busy++;
	n = receive(p, buf, size);
	p->busy--;
	return n;
}

static ssize_t
transmit(struct plug *p, const void *buf, size_t len)
{
	unsigned tries = 0;
	int error;

	if (after_fork(p) != 0)
		return -1;
	if (len < SHMBUS_FRAME_MIN)
		return (ssize_t)len; /* no frame: as a switch does */
	if (is_looped(p, buf, len, CLIENT, 0))
		return (ssize_t)len; /* it has been there */
	add_station(p, (const uint8_t *)buf + 6);
	do
		error = shmbus_send(p->bus, buf, len);
	while ((error == SHMBUS_EGIVENUP || error == ENOBUFS) &&
	    ++tries < SEND_TRIES);
	if (error == EMSGSIZE && p->too_long++ == 0)
		url_complain(p->url.path,
		    "frames longer than the bus carries are "
		    "dropped",
		    EMSGSIZE);
	/* A frame that is lost is no error of the network's. */
	if (error == 0 || error == EMSGSIZE || error == SHMBUS_EGIVENUP ||
	    error == ENOBUFS)
		return (ssize_t)len;
	errno = error;
	return -1;
}

static ssize_t
plug_send(VDECONN *conn, const void *buf, size_t len, int flags)
{
	struct plug *p = (struct plug *)conn;
	ssize_t n;

	(void)flags;
	p->busy++;
	n = transmit(p, buf, len);
	p->busy--;
	return n;
}

static int
plug_datafd(VDECONN *conn)
{
	return ((struct plug *)conn)->fd;
}

static int
plug_ctlfd(VDECONN *conn)
{
	return ((struct plug *)conn)->ctl;
}

/* Says how many frames were too long.  A signal handler may call this. */
static void
tell_too_long(const struct plug *p)
{
	char digits[24], *at = digits + sizeof(digits);
	uint64_t n = p->too_long;
	struct iovec text[4] = {
		{ (void *)(uintptr_t) "vde shmif://", 12 },
		{ p->url.path, strlen(p->url.path) },
		{ (void *)(uintptr_t) ": frames too long: ", 19 },
	};

	if (n < 2) /* the first one was told of */
		return;
	*--at = '\n';
	for (; n != 0; n /= 10)
		*--at = (char)('0' + n % 10);
	text[3].iov_base = at;
	text[3].iov_len = (size_t)(digits + sizeof(digits) - at);
	(void)!writev(STDERR_FILENO, text, 4);
}

static int
plug_close(VDECONN *conn)
{
	struct plug *p = (struct plug *)conn;

	tell_too_long(p);
	if (p->busy == 0 && list_remove(p))
		plug_free(p);
	return 0;
}

extern struct vdeplug_module vdeplug_ops;
struct vdeplug_module vdeplug_ops = {
	.vde_open_real = plug_open,
	.vde_recv = plug_recv,
	.vde_send = plug_send,
	.vde_datafd = plug_datafd,
	.vde_ctlfd = plug_ctlfd,
	.vde_close = plug_close,
};
