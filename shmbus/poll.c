/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * poll.c - a descriptor for event loops
 *
 * DOC: Theory of Operation
 *
 * A futex cannot be polled.  So the first call of shmbus_fd() starts a thread,
 * the helper, that waits as shmbus_wait() does and then makes an eventfd
 * readable.  The receive side of the attachment belongs to one thread at a time:
 * to the helper while it waits; to the user from the moment when the descriptor
 * is readable until shmbus_fd_done(), which drains the descriptor and lets the
 * helper wait again.  While it is the helper's, receiving returns EAGAIN.
 */
#include <sys/eventfd.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "shmbus/internal.h"

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

int
shmbus_fd(struct shmbus *b, int *fd)
{
	struct helper *h = &b->helper;
	sigset_t all, old;
	int error = usable(b);

	*fd = -1;
	if (error != 0)
		return error;
	if (!h->running) {
		h->eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (h->eventfd == -1)
			return errno;
		pthread_mutex_init(&h->lock, NULL);
		pthread_cond_init(&h->cond, NULL);
		AO_store(&h->users, 0);
		AO_store(&h->quit, 0);
		sigfillset(&all);
		sigdelset(&all, SIGBUS); /* see guard.c */
		pthread_sigmask(SIG_SETMASK, &all, &old);
		error = pthread_create(&h->thread, NULL, helper_main, b);
		pthread_sigmask(SIG_SETMASK, &old, NULL);
		if (error != 0) {
			close(h->eventfd);
			return error;
		}
		h->running = true;
	}
	*fd = h->eventfd;
	return 0;
}

void
shmbus_fd_done(struct shmbus *b)
{
	struct helper *h = &b->helper;
	eventfd_t n;

	if (!h->running || usable(b) == SHMBUS_EFORKED)
		return;
	pthread_mutex_lock(&h->lock);
	if (AO_load(&h->users) != 0) {
		(void)!eventfd_read(h->eventfd, &n);
		AO_store_release(&h->users, 0);
		pthread_cond_signal(&h->cond);
	}
	pthread_mutex_unlock(&h->lock);
}

/* Ends the helper thread, if there is one. */
void
helper_stop(struct shmbus *b)
{
	struct helper *h = &b->helper;

	if (!h->running)
		return;
	if (usable(b) != SHMBUS_EFORKED) {
		pthread_mutex_lock(&h->lock);
		AO_store(&h->quit, 1);
		pthread_cond_signal(&h->cond);
		pthread_mutex_unlock(&h->lock);
		shmbus_wake(b);
		pthread_join(h->thread, NULL);
		pthread_cond_destroy(&h->cond);
		pthread_mutex_destroy(&h->lock);
	}
	close(h->eventfd);
	h->running = false;
}
