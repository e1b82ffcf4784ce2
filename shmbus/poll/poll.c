/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * poll.c - a descriptor for event loops
 *
 * DOC: Theory of Operation
 *
 * The door of an attachment is a futex, and poll(2) knows no futexes.  Where
 * io_uring can wait for one (futexfd.c), and SHMBUS_FD=io_uring is in the
 * environment (see is_asked_for()), there is no more to it: shmbus_fd() and
 * shmbus_fd_done() lie down as shmbus_wait() does, and leave it to the kernel to
 * make the descriptor readable when somebody rings.  Senders do not notice any
 * difference, and nothing of the protocol of bell.c changes.
 *
 *	          shmbus_fd_done(), nothing is there
 *	   USER ------------------------------------> ASLEEP
 *	   awake, its bit is clear                    its bit is set
 *	        <------------------------------------
 *	          a receive call that finds the descriptor readable
 *
 * While it is ASLEEP receiving returns EAGAIN, unless the descriptor is readable.
 *
 * THE SECOND.  Who waits in shmbus_wait() examines the ring each second, so that a
 * wake-up whose sender died costs no more (I6).  One who polls would have to be
 * woken for that.  Instead the descriptor becomes readable when any process closes
 * the bus file that it had open for writing, which is what the kernel does for one
 * who dies (IN_CLOSE_WRITE), or when the file is truncated (IN_MODIFY); mappings
 * make no such events.  What is left to a timer of TICK_S seconds is to notice
 * somebody who has written to our entry.  Without inotify the timer ticks each
 * second.  While a frame may be hidden behind a pending position it ticks as early
 * as one may give up on that.
 *
 * WITHOUT IO_URING there is a thread, the helper, that waits as shmbus_wait() does
 * and then makes an eventfd readable.  The receive side belongs to the helper while
 * it waits; to the user from the moment when the descriptor is readable until
 * shmbus_fd_done(), which lets the helper wait again.  The first call of that
 * starts it, and until then the descriptor is readable: a program that opens a bus
 * before it unshares a user namespace may have no thread then.  Attachments that
 * may only read have no door, and always need a helper.
 *
 * DOC: Other designs
 *
 * A FIFO that the sleeper names in its entry and senders write to needs a place:
 * next to the bus, where it stays behind when the last one is killed, where the
 * folder may not be writable, and where a process that was given the bus alone (a
 * bind mount, a descriptor) does not find it.  Reached by /proc/PID/fd instead it
 * is out of reach for another user or PID namespace, and a lie in the file would
 * have a sender write to a pipe of somebody else's (I5).  One who cannot reach it
 * leaves the sleeper asleep (I6).  Writing to the bus file, watched by inotify,
 * reaches everybody, and wakes everybody (I8).
 *
 * Measured in turns on one machine, the medians of round trips between a process that
 * sleeps in FUTEX_WAIT and one that polls, on one processor: a bare futex 1.9 us, a
 * FIFO 2.5, io_uring 2.8; and of frames over a bus: 3.6 by io_uring, 4.5 by the
 * helper, which is one more process to switch to each time.
 */
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shmbus/internal.h"

#define TICK_S 10
#define TICK_ALONE_S 1 /* without inotify */

/* ---- the helper thread -------------------------------------------------- */

static void *
helper_main(void *arg)
{
	struct shmbus *b = arg;
	struct helper *h = &b->helper;

	pthread_mutex_lock(&h->lock);
	while (AO_load(&h->quit) == 0) {
		pthread_mutex_unlock(&h->lock);
		wait_frame(b, -1);
		pthread_mutex_lock(&h->lock);
		/* Whatever ended the wait, the user's next call reports it. */
		AO_store_release(&h->users, 1);
		eventfd_write(h->eventfd, 1);
		while (AO_load(&h->users) != 0 && AO_load(&h->quit) == 0)
			pthread_cond_wait(&h->cond, &h->lock);
	}
	pthread_mutex_unlock(&h->lock);
	return NULL;
}

/* Starts the thread, with the receive side its own.  0 or an errno value. */
static int
thread_start(struct shmbus *b)
{
	struct helper *h = &b->helper;
	sigset_t all, old;
	eventfd_t n;
	int error;

	pthread_mutex_init(&h->lock, NULL);
	pthread_cond_init(&h->cond, NULL);
	AO_store(&h->quit, 0);
	AO_store(&h->users, 0);
	(void)!eventfd_read(h->eventfd, &n);
	sigfillset(&all);
	sigdelset(&all, SIGBUS); /* see guard.c */
	pthread_sigmask(SIG_SETMASK, &all, &old);
	error = pthread_create(&h->thread, NULL, helper_main, b);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	h->started = error == 0;
	if (error != 0) {
		AO_store(&h->users, 1);
		eventfd_write(h->eventfd, 1);
		pthread_cond_destroy(&h->cond);
		pthread_mutex_destroy(&h->lock);
	}
	return error;
}

static void
thread_done(struct shmbus *b)
{
	struct helper *h = &b->helper;
	eventfd_t n;

	if (!h->started) {
		/* If there can be none, it is tried again by the next call. */
		(void)thread_start(b);
		return;
	}
	pthread_mutex_lock(&h->lock);
	if (AO_load(&h->users) != 0) {
		(void)!eventfd_read(h->eventfd, &n);
		AO_store_release(&h->users, 0);
		pthread_cond_signal(&h->cond);
	}
	pthread_mutex_unlock(&h->lock);
}

static void
thread_stop(struct shmbus *b)
{
	struct helper *h = &b->helper;

	pthread_mutex_lock(&h->lock);
	AO_store(&h->quit, 1);
	pthread_cond_signal(&h->cond);
	pthread_mutex_unlock(&h->lock);
	shmbus_wake(b);
	pthread_join(h->thread, NULL);
	pthread_cond_destroy(&h->cond);
	pthread_mutex_destroy(&h->lock);
}

/* ---- without a thread --------------------------------------------------- */

static int
tick_s(const struct helper *h)
{
	return h->inotify != -1 ? TICK_S : TICK_ALONE_S;
}

/* Lets the timer tick, first after NS. */
static void
set_timer(const struct helper *h, uint64_t ns)
{
	struct itimerspec t = {
		.it_interval.tv_sec = tick_s(h),
		.it_value.tv_sec = (time_t)(ns / 1000000000u),
		.it_value.tv_nsec = (long)(ns % 1000000000u),
	};

	if (ns == 0)
		t.it_value.tv_nsec = 1;
	timerfd_settime(h->timer, 0, &t, NULL);
}

static bool
is_readable(const struct helper *h)
{
	struct pollfd p = { .fd = h->epoll, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

/* Reads all that the timer and inotify have to tell. */
static void
drain(const struct helper *h)
{
	char buf[4096];

	(void)!read(h->timer, buf, sizeof(uint64_t));
	while (h->inotify != -1 && read(h->inotify, buf, sizeof(buf)) > 0)
		;
}

/* Closes what makes the descriptor readable without a thread. */
static void
close_watches(struct helper *h, bool forked)
{
	futexfd_close(&h->futex, forked);
	if (h->timer != -1)
		close(h->timer);
	if (h->inotify != -1)
		close(h->inotify);
	h->timer = h->inotify = -1;
}

/*
 * The receive side is asleep, and the user calls.  If the descriptor is readable
 * the receive side is the user's from here on, and this returns true.
 */
bool
helper_gives_up(struct shmbus *b)
{
	struct helper *h = &b->helper;
	bool rung;

	if (h->threaded ||
	    (AO_load(&b->entry->door) == b->nap.door && !is_readable(h)))
		return false;
	rung = bell_get_up(b, true);
	AO_store(&b->cancel, 0);
	AO_store(&h->users, 1);
	if (!rung) {
		/* It stays readable until shmbus_fd_done(). */
		eventfd_write(h->eventfd, 1);
		drain(h);
		/*
		 * Cleaning up after the dead stays a matter of each second: all
		 * who poll are here when somebody has died, and did they all do
		 * it now, the next one to attach would find the number locked.
		 */
		(void)shmbus_check(b);
	}
	return true;
}

/*
 * Lies down.  Returns 0 if the kernel waits now; EAGAIN if there is something for
 * the user to see; or why the kernel does not.
 */
static int
lie_down(struct shmbus *b)
{
	struct helper *h = &b->helper;
	uint64_t second = 1000000000u, left, now = clock_ns(CLOCK_MONOTONIC);
	struct ring_frame f;
	bool slept;
	int error;

	if (usable(b) != 0 || wait_keep_house(b, now) != 0)
		return EAGAIN;
	b->peeked = false; /* look() may pass it over now */
	if (look(b, &f) == 0)
		return EAGAIN;
	ring_settle(&b->ring);
	show_rx(b);
	slept = bell_lie_down(b) != 0;
	error = !slept || AO_load(&b->cancel) != 0 ?
	    EAGAIN :
	    futexfd_wait(&h->futex, bell_futex(b->entry),
		(uint32_t)b->nap.door);
	if (error != 0) {
		(void)bell_get_up(b, slept);
		AO_store(&b->cancel, 0);
		return error;
	}
	if ((left = bell_patience(b, second)) < second)
		set_timer(h, left);
	AO_store(&h->users, 0);
	return 0;
}

static void
futex_done(struct shmbus *b)
{
	struct helper *h = &b->helper;
	eventfd_t n;
	int error;

	if (AO_load(&h->users) == 0 && !helper_gives_up(b))
		return;
	error = lie_down(b);
	if (error != 0 && error != EAGAIN) {
		/* It may not do so any more: a filter of system calls. */
		close_watches(h, false);
		h->threaded = true;
		(void)thread_start(b);
		return;
	}
	/* Whoever rings now has changed the door before it makes it readable. */
	(void)!eventfd_read(h->eventfd, &n);
	if (error != 0 || AO_load(&b->entry->door) != b->nap.door)
		eventfd_write(h->eventfd, 1);
}

/* ---- the descriptor ----------------------------------------------------- */

static void
close_all(struct helper *h, bool forked)
{
	close_watches(h, forked);
	if (h->epoll != -1)
		close(h->epoll);
	if (h->eventfd != -1)
		close(h->eventfd);
}

/* The user's descriptor is readable when FD is.  0 or an errno value. */
static int
add(const struct helper *h, int fd)
{
	struct epoll_event e = { .events = EPOLLIN };

	return epoll_ctl(h->epoll, EPOLL_CTL_ADD, fd, &e) == 0 ? 0 : errno;
}

/* Watches the file of B, if that can be done. */
static void
watch_file(const struct shmbus *b, struct helper *h)
{
	char path[64];

	h->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (h->inotify == -1)
		return;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", b->fd);
	if (inotify_add_watch(h->inotify, path, IN_CLOSE_WRITE | IN_MODIFY) !=
		-1 &&
	    add(h, h->inotify) == 0)
		return;
	close(h->inotify);
	h->inotify = -1;
}

/*
 * Whether the kernel is to wait.  Only who asks for it has that so far: a client
 * that forks and unshares (vdens) was seen to wait for the tick now and then.
 */
static bool
is_asked_for(void)
{
	const char *how = secure_getenv("SHMBUS_FD");

	return how != NULL && strcmp(how, "io_uring") == 0;
}

/* Makes what B polls.  0 or an errno value. */
static int
open_all(const struct shmbus *b, struct helper *h)
{
	int error;

	h->epoll = epoll_create1(EPOLL_CLOEXEC);
	h->eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (h->epoll == -1 || h->eventfd == -1)
		return errno;
	if ((error = add(h, h->eventfd)) != 0)
		return error;
	h->threaded = b->rdonly || !is_asked_for() ||
	    futexfd_open(&h->futex, h->eventfd) != 0;
	if (h->threaded)
		return 0;
	h->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (h->timer == -1)
		return errno;
	watch_file(b, h);
	set_timer(h, 1000000000u * (uint64_t)tick_s(h));
	return add(h, h->timer);
}

int
shmbus_fd(struct shmbus *b, int *fd)
{
	struct helper *h = &b->helper;
	int error = usable(b);

	*fd = -1;
	if (error != 0)
		return error;
	if (!h->running) {
		memset(h, 0, sizeof(*h));
		h->epoll = h->eventfd = h->timer = h->inotify = -1;
		h->futex.ring = -1;
		error = open_all(b, h);
		if (error == 0 && b->rdonly)
			error = thread_start(b);
		if (error != 0) {
			close_all(h, false);
			return error;
		}
		h->running = true;
		if (!h->started) {
			AO_store(&h->users, 1);
			eventfd_write(h->eventfd, 1);
		}
		if (!h->threaded)
			futex_done(b);
	}
	*fd = h->epoll;
	return 0;
}

void
shmbus_fd_done(struct shmbus *b)
{
	if (!b->helper.running || usable(b) == SHMBUS_EFORKED)
		return;
	if (b->helper.threaded)
		thread_done(b);
	else
		futex_done(b);
}

/* Ends what waits while the user polls, if there is anything. */
void
helper_stop(struct shmbus *b)
{
	struct helper *h = &b->helper;
	bool forked = usable(b) == SHMBUS_EFORKED;

	if (!h->running)
		return;
	if (h->started && !forked)
		thread_stop(b);
	close_all(h, forked);
	h->running = false;
}
