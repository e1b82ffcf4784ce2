/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fds.c - descriptors of interfaces are watched as what they are
 *
 * DOC: The faults: a thread of each stack polls the descriptors of its VDE,
 * tap and tun interfaces and of slirp's connections, and calls their functions
 * itself.  It knows a descriptor by its number: when the stack's thread closes
 * one, somebody else may open another of the same number before the thread
 * looks, and it then calls a function with what was freed long ago.  The
 * functions change tables and connections that belong to the stack's thread.
 * A descriptor on which nothing is waited for, but whose peer is gone, keeps
 * the thread spinning; one that fails is read from without end, and what was
 * not read is copied.
 *
 * How they are seen: a slirp interface, or removing a VDE one, crashes a
 * program that opens files meanwhile; a processor is busy for nothing.
 *
 * The cure: the thread is ours.  It polls duplicates, which nobody else can
 * close, and does nothing but that; the functions are called on the stack's
 * thread, all that are due in one visit, after a look whether the library's
 * number still stands for the same file (device and inode of a socket are its
 * own).  What it does not stand for any more is forgotten there.  Work that
 * these functions would post to the stack's thread, where they are now, is
 * done at once, so that nothing is freed in between.
 *
 * A stack that goes away closes a pipe and waits for the thread, which may be
 * waiting for the stack's thread just then: so it looks at the pipe meanwhile.
 */
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "stack/lwipv6/above.h"
#include "stack/lwipv6/threads/threads.h"

#define TICK_MS 1000

enum {
	STACK_CLEANUP_SEM = 24,
	STACK_NETIF_PIPE = 32,
};

/* One descriptor.  DATA comes first: the library gives us its address. */
struct watched {
	struct netif_fddata data;
	struct watched *next;
	int fd; /* our duplicate */
	dev_t dev;
	ino_t ino;
	bool gone; /* on the stack's thread */
};

/* The descriptors of one stack. */
struct fds {
	struct fds *next;
	struct stack *stack;
	bool ours; /* the thread is */
	pthread_mutex_t
	    lock; /* of LIST; entries go on the stack's thread only */
	struct watched *list;
	sem_t ran; /* round() has */
	/* the round that is under way */
	struct pollfd *poll; /* the first is the pipe */
	struct watched **who;
	unsigned n, room;
	bool tick;
};

static struct fds *all;
static pthread_mutex_t all_lock = PTHREAD_MUTEX_INITIALIZER;
static __thread bool in_round;

static struct fds *
find(const struct stack *stack)
{
	struct fds *f;

	pthread_mutex_lock(&all_lock);
	for (f = all; f != NULL && f->stack != stack; f = f->next)
		continue;
	pthread_mutex_unlock(&all_lock);
	return f;
}

/* ---- on the stack's thread ----------------------------------------------- */

/* Whether the library's descriptor still is the file that was to be watched. */
static bool
is_there(const struct watched *w)
{
	struct stat st;

	return !w->gone && fstat(w->data.fd, &st) == 0 && st.st_dev == w->dev &&
	    st.st_ino == w->ino;
}

static void
call(struct watched *w, short revents)
{
	const short in = POLLIN | POLLPRI, bad = POLLERR | POLLHUP | POLLNVAL;

	if ((revents & bad) && !(revents & (in | POLLOUT))) {
		if (above.descriptor_lost(w->data.netif)) {
			w->gone = true;
			return;
		}
		revents |= POLLIN; /* reading it tells */
	}
	if ((revents & in) && is_there(w))
		w->data.fun(&w->data, revents & in);
	if ((revents & POLLOUT) && is_there(w))
		w->data.fun(&w->data, POLLOUT);
}

/* Calls what is due, and forgets what is gone. */
static void
round_fn(void *arg)
{
	struct fds *f = arg;
	struct watched **p, *w;
	unsigned i;

	in_round = true;
	for (i = 0; i < f->n; i++) {
		w = f->who[i];
		if (f->poll[i + 1].revents != 0 && is_there(w))
			call(w, f->poll[i + 1].revents);
		if (f->tick && (w->data.flags & FDDATA_EACH_SECOND) &&
		    is_there(w))
			w->data.fun(&w->data, 0);
	}
	in_round = false;
	pthread_mutex_lock(&f->lock);
	for (p = &f->list; (w = *p) != NULL;) {
		if (is_there(w)) {
			p = &w->next;
			continue;
		}
		*p = w->next;
		close(w->fd);
		free(w);
	}
	pthread_mutex_unlock(&f->lock);
	sem_post(&f->ran);
}

void
fds_forget(const struct netif *netif)
{
	struct fds *f = find(netif->stack);
	struct watched *w;
	int null;

	if (f == NULL)
		return;
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	pthread_mutex_lock(&f->lock);
	for (w = f->list; w != NULL; w = w->next)
		if (w->data.netif == netif) {
			w->gone = true;
			/* A tap must not live on by the duplicate. */
			if (null != -1)
				dup3(null, w->fd, O_CLOEXEC);
		}
	pthread_mutex_unlock(&f->lock);
	if (null != -1)
		close(null);
}

bool
fds_in_use(const struct netif *netif)
{
	struct fds *f = find(netif->stack);
	struct watched *w = NULL;

	if (f == NULL)
		return false;
	pthread_mutex_lock(&f->lock);
	for (w = f->list; w != NULL && w->data.netif != netif; w = w->next)
		continue;
	pthread_mutex_unlock(&f->lock);
	return w != NULL;
}

/* Replaces the library's. */
EXPORT struct netif_fddata *
netif_addfd(struct netif *netif, int fd,
    void (*fun)(struct netif_fddata *, short), void *opaque, int flags,
    short events)
{
	struct fds *f = find(netif->stack);
	struct watched *w;
	struct stat st;

	if (f == NULL || !f->ours)
		return real()->netif_addfd(netif, fd, fun, opaque, flags,
		    events);
	if (fstat(fd, &st) != 0 || (w = calloc(1, sizeof(*w))) == NULL)
		return NULL;
	if ((w->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0)) == -1) {
		free(w);
		return NULL;
	}
	w->data = (struct netif_fddata){ .fd = fd,
		.events = events,
		.netif = netif,
		.fun = fun,
		.opaque = opaque,
		.flags = flags,
		.refcnt = 1 };
	w->dev = st.st_dev;
	w->ino = st.st_ino;
	pthread_mutex_lock(&f->lock);
	w->next = f->list;
	f->list = w;
	pthread_mutex_unlock(&f->lock);
	netif_thread_wake(netif->stack);
	return &w->data;
}

/* Replaces the library's. */
EXPORT err_t
tcpip_callback(struct stack *stack, void (*fn)(void *), void *ctx, int sync)
{
	if (in_round && thread_inside(stack)) {
		fn(ctx);
		return ERR_OK;
	}
	return real()->tcpip_callback(stack, fn, ctx, sync);
}

/* ---- the thread ---------------------------------------------------------- */

/* Fills in what to poll for.  False: no memory, try again later. */
static bool
prepare(struct fds *f)
{
	struct watched *w;
	unsigned n = 0;

	pthread_mutex_lock(&f->lock);
	for (w = f->list; w != NULL; w = w->next)
		n++;
	if (n > f->room || f->poll == NULL) {
		struct pollfd *p = realloc(f->poll, (n + 9) * sizeof(*p));
		struct watched **v;

		if (p != NULL)
			f->poll = p;
		v = realloc(f->who, (n + 8) * sizeof(*v));
		if (v != NULL)
			f->who = v;
		if (p == NULL || v == NULL) {
			pthread_mutex_unlock(&f->lock);
			return false;
		}
		f->room = n + 8;
	}
	f->n = 0;
	for (w = f->list; w != NULL; w = w->next) {
		short events = __atomic_load_n(&w->data.events,
		    __ATOMIC_RELAXED);

		f->who[f->n++] = w;
		/* A peer that is gone is reported even if nobody asks. */
		f->poll[f->n].fd = events != 0 ? w->fd : -1;
		f->poll[f->n].events = events;
		f->poll[f->n].revents = 0;
	}
	pthread_mutex_unlock(&f->lock);
	return true;
}

/* Reads wake-ups.  False: the stack goes away. */
static bool
drain(int fd, short revents)
{
	char buf[4096];
	ssize_t n;

	if (!(revents & (POLLIN | POLLHUP | POLLERR | POLLNVAL)))
		return true;
	n = read(fd, buf, sizeof(buf));
	return n > 0 || (n == -1 && errno == EINTR);
}

/* Has round_fn() run.  False: the stack goes away. */
static bool
visit(struct fds *f, int pipe_fd)
{
	struct pollfd p = { .fd = pipe_fd };
	struct timespec t;

	if (tcpip_callback(f->stack, round_fn, f, 0) != ERR_OK)
		return true;
	for (;;) {
		clock_gettime(CLOCK_REALTIME, &t);
		t.tv_nsec += 50000000;
		if (t.tv_nsec >= 1000000000) {
			t.tv_nsec -= 1000000000;
			t.tv_sec++;
		}
		if (sem_timedwait(&f->ran, &t) == 0)
			return true;
		if (poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLNVAL)))
			return false;
	}
}

static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
fds_free(struct fds *f)
{
	struct fds **p;
	struct watched *w;

	pthread_mutex_lock(&all_lock);
	for (p = &all; *p != f;)
		p = &(*p)->next;
	*p = f->next;
	pthread_mutex_unlock(&all_lock);
	while ((w = f->list) != NULL) {
		f->list = w->next;
		close(w->fd);
		free(w);
	}
	pthread_mutex_destroy(&f->lock);
	sem_destroy(&f->ran);
	free(f->poll);
	free(f->who);
	free(f);
}

void
fds_main(void *arg)
{
	struct stack *stack = arg;
	struct fds *f = find(stack);
	int fd = (&STACK_FIELD(stack, STACK_NETIF_PIPE, int))[0];
	struct sys_sem *over = STACK_FIELD(stack, STACK_CLEANUP_SEM,
	    struct sys_sem *);
	int64_t last = now_ms(), now;
	int r;

	for (;;) {
		if (!prepare(f)) {
			usleep(10000);
			continue;
		}
		f->poll[0] = (struct pollfd){ .fd = fd, .events = POLLIN };
		r = poll(f->poll, f->n + 1, f->n > 0 ? TICK_MS : -1);
		if (r < 0)
			continue;
		if (!drain(fd, f->poll[0].revents))
			break;
		now = now_ms();
		f->tick = now - last >= TICK_MS;
		if (f->tick)
			last = now;
		if (f->n > 0 && !visit(f, fd))
			break;
	}
	fds_free(f);
	sys_sem_signal(over);
}

void
fds_begin(struct stack *stack)
{
	struct fds *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return;
	f->stack = stack;
	pthread_mutex_init(&f->lock, NULL);
	sem_init(&f->ran, 0, 0);
	pthread_mutex_lock(&all_lock);
	f->next = all;
	all = f;
	pthread_mutex_unlock(&all_lock);
}

bool
fds_take_thread(struct stack *stack)
{
	struct fds *f = find(stack);

	if (f != NULL)
		f->ours = true;
	return f != NULL;
}
