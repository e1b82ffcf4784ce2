/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * poll.c - lwip_poll(), lwip_select(), lwip_event_subscribe()
 *
 * DOC: The faults: lwip_poll() returns nothing defined, and so does
 * lwip_ppoll() in part; lwip_select() waits for all of its read set when it
 * should for what is not ours, and cannot take descriptors from 1024 on; a
 * connection that can be written to is told from a flag that is out of date;
 * there is neither POLLHUP nor POLLERR nor POLLNVAL.
 *
 * The cure: POSIX, for sockets of ours and for any other descriptors, mixed as
 * the program likes.  First everybody is asked; if nobody is ready, there is an
 * eventfd for this call that sockets of ours poke (a watch, wait.c), and the
 * kernel's poll waits for it and for the descriptors that are not ours.  A
 * signal ends it as POSIX has it.
 *
 * lwip_event_subscribe() promises to call back once, and never after the
 * subscription was taken back.
 */
#include <sys/eventfd.h>
#include <sys/select.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "stack/lwipv6/sock/sock.h"

#define BITS (8 * sizeof(unsigned long))
#define BLIND_NS 1000000 /* between looks, where there is no eventfd */

struct waker {
	atomic_bool poked;
	int fd;
};

/* One descriptor that is asked about. */
struct entry {
	struct sock *s; /* NULL: not ours */
	struct watch watch;
	bool watching;
};

struct round {
	struct pollfd *fds;
	nfds_t n;
	struct entry *e;
	struct pollfd *real; /* those that are not ours, and the waker */
	nfds_t reals;
	struct waker waker;
};

static void
poke(void *arg)
{
	struct waker *w = arg;
	uint64_t one = 1;

	if (!atomic_exchange(&w->poked, true) && w->fd != -1)
		(void)!write(w->fd, &one, sizeof(one));
}

/* What is ready of the I'th, ours; WATCH: and if nothing is, watch it. */
static short
ask(struct round *r, nfds_t i, bool watch)
{
	struct entry *e = &r->e[i];
	short wanted = r->fds[i].events | POLLERR | POLLHUP | POLLNVAL, got;

	pthread_mutex_lock(&e->s->lock);
	got = (short)(sock_ready(e->s) & wanted);
	if (watch && got == 0) {
		e->watch.cb = poke;
		e->watch.arg = &r->waker;
		e->watch.events = wanted;
		sock_watch(e->s, &e->watch);
		e->watching = true;
	}
	pthread_mutex_unlock(&e->s->lock);
	return got;
}

/* Asks all that are ours.  How many are ready. */
static int
ask_ours(struct round *r, bool watch)
{
	int ready = 0;
	nfds_t i;

	for (i = 0; i < r->n; i++) {
		if (r->e[i].s == NULL)
			continue;
		r->fds[i].revents = ask(r, i, watch && ready == 0);
		ready += r->fds[i].revents != 0;
	}
	return ready;
}

static void
unwatch(struct round *r)
{
	nfds_t i;

	for (i = 0; i < r->n; i++)
		if (r->e[i].watching) {
			pthread_mutex_lock(&r->e[i].s->lock);
			sock_unwatch(r->e[i].s, &r->e[i].watch);
			pthread_mutex_unlock(&r->e[i].s->lock);
			r->e[i].watching = false;
		}
}

/* Finds out whose is what.  False: no memory. */
static bool
sort_out(struct round *r)
{
	nfds_t i;

	r->e = calloc(r->n + 1, sizeof(*r->e));
	r->real = calloc(r->n + 1, sizeof(*r->real));
	if (r->e == NULL || r->real == NULL)
		return false;
	for (i = 0; i < r->n; i++) {
		r->fds[i].revents = 0;
		if (r->fds[i].fd >= 0 && sock_is(r->fds[i].fd))
			r->e[i].s = sock_get(r->fds[i].fd);
		if (r->e[i].s == NULL)
			r->real[r->reals++] = r->fds[i];
	}
	return true;
}

/* Hands out what the kernel said.  How many are ready. */
static int
hand_out(struct round *r)
{
	int ready = 0;
	nfds_t i, k = 0;

	for (i = 0; i < r->n; i++)
		if (r->e[i].s == NULL) {
			r->fds[i].revents = r->real[k++].revents;
			ready += r->fds[i].revents != 0;
		}
	return ready;
}

/*
 * Lets the kernel wait, LEFT ns (-1: for ever), or not at all.  Returns what
 * ppoll() does.
 */
static int
sleep_on(struct round *r, int64_t left, const sigset_t *mask)
{
	struct timespec t = { 0 };
	nfds_t n = r->reals;

	if (r->waker.fd != -1) {
		r->real[n].fd = r->waker.fd;
		r->real[n].events = POLLIN;
		r->real[n++].revents = 0;
	} else if (left < 0 || left > BLIND_NS) {
		left = BLIND_NS;
	}
	t.tv_sec = left / 1000000000;
	t.tv_nsec = left % 1000000000;
	return ppoll(r->real, n, left < 0 ? NULL : &t, mask);
}

static int
wait_round(struct round *r, int64_t timeout, const sigset_t *mask)
{
	int64_t end = timeout < 0 ? 0 : (int64_t)now_ns() + timeout, left;
	uint64_t drain;
	int ready, n;

	for (;;) {
		struct timespec none = { 0 };

		ready = ask_ours(r, false);
		left = timeout < 0 ? -1 : end - (int64_t)now_ns();
		if (timeout >= 0 && left < 0)
			left = 0;
		if (ready != 0 || left == 0 || timeout == 0) {
			/* The mask may let a signal in even so. */
			n = ppoll(r->real, r->reals, &none, mask);
			if (n == -1 && ready == 0)
				return -1;
			return ready + (n > 0 ? hand_out(r) : 0);
		}
		if (r->waker.fd == -1)
			r->waker.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		atomic_store(&r->waker.poked, false);
		ready = ask_ours(r, true);
		n = sleep_on(r, ready != 0 ? 0 : left, mask);
		unwatch(r);
		if (r->waker.fd != -1 && atomic_load(&r->waker.poked))
			(void)!read(r->waker.fd, &drain, sizeof(drain));
		if (n == -1) {
			int error = errno;

			ready = ask_ours(r, false);
			errno = error;
			return ready != 0 ? ready : -1;
		}
		ready = ask_ours(r, false) + hand_out(r);
		if (ready != 0)
			return ready;
	}
}

static int
poll_ns(struct pollfd *fds, nfds_t n, int64_t timeout, const sigset_t *mask)
{
	struct round r = { .fds = fds, .n = n, .waker = { .fd = -1 } };
	int result, error;
	nfds_t i;

	if (n != 0 && fds == NULL)
		return sock_fail(EFAULT);
	if (sort_out(&r))
		result = wait_round(&r, timeout, mask);
	else
		result = sock_fail(ENOMEM);
	error = errno;
	if (r.waker.fd != -1)
		close(r.waker.fd);
	for (i = 0; r.e != NULL && i < n; i++)
		if (r.e[i].s != NULL)
			sock_put(r.e[i].s);
	free(r.e);
	free(r.real);
	errno = error;
	return result;
}

/* ---- sets --------------------------------------------------------------- */

/* A set may be longer than an fd_set: the program says how long. */
static bool
in_set(const fd_set *set, int fd)
{
	const unsigned long *w = (const void *)set;

	return set != NULL &&
	    (w[(size_t)fd / BITS] >> (size_t)fd % BITS & 1) != 0;
}

static void
clear_set(fd_set *set, int n)
{
	unsigned long *w = (void *)set;
	int fd;

	for (fd = 0; set != NULL && fd < n; fd++)
		w[(size_t)fd / BITS] &= ~(1ul << (size_t)fd % BITS);
}

static int
mark(fd_set *set, int fd, short asked, short event, int got)
{
	unsigned long *w = (void *)set;

	if ((asked & event) == 0 || got == 0)
		return 0;
	w[(size_t)fd / BITS] |= 1ul << (size_t)fd % BITS;
	return 1;
}

static int
select_ns(int max, fd_set *in, fd_set *out, fd_set *ex, int64_t timeout,
    const sigset_t *mask)
{
	struct pollfd *p;
	nfds_t n = 0, i;
	int fd, r;

	if (max < 0)
		return sock_fail(EINVAL);
	if ((p = calloc((size_t)max + 1, sizeof(*p))) == NULL)
		return sock_fail(ENOMEM);
	for (fd = 0; fd < max; fd++) {
		short e = 0;

		e |= in_set(in, fd) ? POLLIN : 0;
		e |= in_set(out, fd) ? POLLOUT : 0;
		e |= in_set(ex, fd) ? POLLPRI : 0;
		if (e != 0) {
			p[n].fd = fd;
			p[n++].events = e;
		}
	}
	r = poll_ns(p, n, timeout, mask);
	for (i = 0; r > 0 && i < n; i++)
		if (p[i].revents & POLLNVAL)
			r = sock_fail(EBADF);
	if (r >= 0) {
		clear_set(in, max);
		clear_set(out, max);
		clear_set(ex, max);
		r = 0;
		for (i = 0; i < n; i++) {
			short got = p[i].revents, asked = p[i].events;

			r += mark(in, p[i].fd, asked, POLLIN,
			    got & (POLLIN | POLLHUP | POLLERR));
			r += mark(out, p[i].fd, asked, POLLOUT,
			    got & (POLLOUT | POLLERR));
			r += mark(ex, p[i].fd, asked, POLLPRI, got & POLLPRI);
		}
	}
	free(p);
	return r;
}

/* ---- calls of programs; all replace the library's ----------------------- */

/* T in nanoseconds, -1 for NULL; false: there is no such time. */
static bool
to_ns(const struct timespec *t, int64_t *ns)
{
	*ns = -1;
	if (t == NULL)
		return true;
	if (t->tv_sec < 0 || t->tv_nsec < 0 || t->tv_nsec >= 1000000000)
		return false;
	if (t->tv_sec < INT64_MAX / 2000000000)
		*ns = (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
	return true;
}

EXPORT int
OURS(lwip_poll)(struct pollfd *fds, nfds_t n, int timeout)
{
	return poll_ns(fds, n, timeout < 0 ? -1 : (int64_t)timeout * 1000000,
	    NULL);
}

EXPORT int
OURS(lwip_ppoll)(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
    const sigset_t *mask)
{
	int64_t ns;

	if (!to_ns(timeout, &ns))
		return sock_fail(EINVAL);
	return poll_ns(fds, n, ns, mask);
}

EXPORT int
OURS(lwip_pselect)(int max, fd_set *in, fd_set *out, fd_set *ex,
    const struct timespec *timeout, const sigset_t *mask)
{
	int64_t ns;

	if (!to_ns(timeout, &ns))
		return sock_fail(EINVAL);
	return select_ns(max, in, out, ex, ns, mask);
}

EXPORT int
OURS(lwip_select)(int max, fd_set *in, fd_set *out, fd_set *ex,
    struct timeval *timeout)
{
	struct timespec t;

	if (timeout == NULL)
		return select_ns(max, in, out, ex, -1, NULL);
	if (timeout->tv_sec < 0 || timeout->tv_usec < 0)
		return sock_fail(EINVAL);
	t.tv_sec = timeout->tv_sec + timeout->tv_usec / 1000000;
	t.tv_nsec = timeout->tv_usec % 1000000 * 1000;
	return OURS(lwip_pselect)(max, in, out, ex, &t, NULL);
}

/* ---- being called back -------------------------------------------------- */

/* Takes back what was subscribed with ARG. */
static void
forget(struct sock *s, const void *arg)
{
	struct watch **wp = &s->watches, *w;

	while ((w = *wp) != NULL)
		if (w->once && w->arg == arg) {
			*wp = w->next;
			free(w);
		} else {
			wp = &w->next;
		}
}

/*
 * Replaces the library's: has CB(ARG) called, once, when FD is ready for
 * EVENTS, if it is not now; CB NULL: takes that back.  Returns what FD is
 * ready for.
 */
EXPORT int
OURS(lwip_event_subscribe)(void (*cb)(void *), void *arg, int fd, int events)
{
	struct sock *s = sock_get(fd);
	struct watch *w = NULL;
	int r;

	if (s == NULL)
		return 0;
	if (cb != NULL && (w = malloc(sizeof(*w))) != NULL) {
		w->cb = cb;
		w->arg = arg;
		w->events = (short)events;
		w->once = true;
	}
	pthread_mutex_lock(&s->lock);
	r = sock_ready(s) & (events | POLLERR | POLLHUP);
	if (r != 0 || cb == NULL) {
		forget(s, arg);
	} else if (w != NULL) {
		sock_watch(s, w);
		w = NULL;
	}
	pthread_mutex_unlock(&s->lock);
	free(w);
	sock_put(s);
	return r;
}
