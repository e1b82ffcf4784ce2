/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sem.c - semaphores
 *
 * DOC: The faults: the library's semaphores wait by the clock of the day, so
 * that setting it holds timers up; and signalling wakes everybody that waits,
 * with the lock held.  And the two that guard its table of sockets and its
 * events are made by whoever needs them first, without a lock: two threads
 * that come at once have one each.  So is the table that leads from descriptors
 * to sockets.
 *
 * How they are seen: after the date was set back, a wait that takes hours; with
 * several threads that send on one socket, all woken for each buffer.  Rarely,
 * in a program whose threads begin together, two sockets with one number.
 *
 * The cure: the monotonic clock, and one is woken.  The meaning stays: a
 * semaphore is 0 or 1, and a second signal is lost.  It may be freed by who
 * waited as soon as the wait is over: the signalling thread touches it last
 * inside the lock.  The two are made when the library is
 * loaded, by calls that need them and do nothing else.
 *
 * sys_arch_sem_wait() returns the milliseconds waited, or SYS_ARCH_TIMEOUT;
 * TIMEOUT 0 is for ever.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "stack/lwipv6/threads/threads.h"

struct sys_sem {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	unsigned count;
};

EXPORT struct sys_sem *
OURS(sys_sem_new)(uint8_t count)
{
	struct sys_sem *s = malloc(sizeof(*s));
	pthread_condattr_t attr;

	if (s == NULL)
		return NULL;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->cond, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&s->lock, NULL);
	s->count = count;
	return s;
}

EXPORT void
OURS(sys_sem_free)(struct sys_sem *s)
{
	if (s == NULL)
		return;
	/* A thread that signalled may not have left the lock yet. */
	pthread_mutex_lock(&s->lock);
	pthread_mutex_unlock(&s->lock);
	pthread_cond_destroy(&s->cond);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

EXPORT void
OURS(sys_sem_signal)(struct sys_sem *s)
{
	pthread_mutex_lock(&s->lock);
	s->count = 1;
	pthread_cond_signal(&s->cond);
	pthread_mutex_unlock(&s->lock);
}

EXPORT uint32_t
OURS(sys_arch_sem_wait)(struct sys_sem *s, uint32_t timeout)
{
	struct timespec begin, end;
	uint32_t gone = 0;
	int64_t ms;
	int r = 0;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	end = begin;
	end.tv_sec += timeout / 1000;
	end.tv_nsec += (long)(timeout % 1000) * 1000000;
	if (end.tv_nsec >= 1000000000) {
		end.tv_sec++;
		end.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&s->lock);
	while (s->count == 0 && r != ETIMEDOUT)
		r = timeout == 0 ?
		    pthread_cond_wait(&s->cond, &s->lock) :
		    pthread_cond_timedwait(&s->cond, &s->lock, &end);
	if (s->count != 0) {
		s->count--;
		clock_gettime(CLOCK_MONOTONIC, &end);
		ms = (int64_t)(end.tv_sec - begin.tv_sec) * 1000 +
		    (end.tv_nsec - begin.tv_nsec) / 1000000;
		gone = ms < timeout ? (uint32_t)ms : timeout;
	} else {
		gone = SYS_ARCH_TIMEOUT;
	}
	pthread_mutex_unlock(&s->lock);
	return gone;
}

__attribute__((constructor)) static void
make_early(void)
{
	int e = errno;

	lwip_close(-1);
	lwip_event_subscribe(NULL, NULL, -1, 0);
	errno = e;
}

/*
 * Makes the table of descriptors, by a first socket, before a program's threads
 * can come at once: when the first interface is made on STACK.
 */
void
sem_early(struct stack *stack)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static bool done;
	int s;

	pthread_mutex_lock(&lock);
	if (!done) {
		s = lwip_msocket(stack, AF_INET, SOCK_DGRAM, 0);
		if (s != -1)
			lwip_close(s);
		done = true;
	}
	pthread_mutex_unlock(&lock);
}
