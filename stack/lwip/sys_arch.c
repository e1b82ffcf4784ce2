/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sys_arch.c - threads, semaphores, mailboxes, locks and time, for lwIP
 *
 * DOC: The core's lock says who is the stack.  It is an ordinary mutex, plus a
 * note in the thread that holds it, so that a function of shmif.h which is
 * called inside a callback of lwIP can refuse instead of waiting for itself.
 *
 * A mailbox is a ring of pointers that grows up to the size that lwIP asked
 * for: thousands of sockets have one, most of them nearly empty.  A thread that
 * finds it empty sleeps at a condition; nobody makes a system call while
 * nobody sleeps.
 *
 * Light protection (SYS_ARCH_PROTECT) is one recursive lock for the counters
 * of buffers, which a program's thread drops without the core's lock.
 */
#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <lwip/opt.h>
#include <lwip/sys.h>

#include "base/clock.h"
#include "stack/lwip/port.h"

/* ---- the core's lock ---------------------------------------------------- */

static pthread_mutex_t core = PTHREAD_MUTEX_INITIALIZER;
static __thread bool core_is_mine;

void
shmif_lwip_lock(void)
{
	pthread_mutex_lock(&core);
	core_is_mine = true;
}

void
shmif_lwip_unlock(void)
{
	core_is_mine = false;
	pthread_mutex_unlock(&core);
}

bool
core_inside(void)
{
	return core_is_mine;
}

/* ---- light protection --------------------------------------------------- */

static pthread_mutex_t light = PTHREAD_MUTEX_INITIALIZER;
static __thread int depth;

sys_prot_t
sys_arch_protect(void)
{
	if (depth++ == 0)
		pthread_mutex_lock(&light);
	return 0;
}

void
sys_arch_unprotect(sys_prot_t pval)
{
	(void)pval;
	if (--depth == 0)
		pthread_mutex_unlock(&light);
}

/* ---- time --------------------------------------------------------------- */

u32_t
sys_now(void)
{
	return (u32_t)(now_ns() / 1000000);
}

u32_t
sys_jiffies(void)
{
	return sys_now();
}

/* MS from now, by the clock that nobody sets. */
static struct timespec
deadline(u32_t ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += (long)(ms % 1000) * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	return t;
}

/* ---- semaphores --------------------------------------------------------- */

struct shmif_lwip_sem {
	sem_t s;
};

err_t
sys_sem_new(sys_sem_t *sem, u8_t count)
{
	*sem = malloc(sizeof(**sem));
	if (*sem == NULL)
		return ERR_MEM;
	sem_init(&(*sem)->s, 0, count);
	return ERR_OK;
}

void
sys_sem_free(sys_sem_t *sem)
{
	sem_destroy(&(*sem)->s);
	free(*sem);
}

void
sys_sem_signal(sys_sem_t *sem)
{
	sem_post(&(*sem)->s);
}

u32_t
sys_arch_sem_wait(sys_sem_t *sem, u32_t timeout)
{
	uint64_t begin = now_ns();
	struct timespec until;
	int r;

	if (timeout != 0)
		until = deadline(timeout);
	do {
		if (timeout == 0)
			r = sem_wait(&(*sem)->s);
		else
			r = sem_clockwait(&(*sem)->s, CLOCK_MONOTONIC, &until);
	} while (r == -1 && errno == EINTR);
	if (r == -1)
		return SYS_ARCH_TIMEOUT;
	return (u32_t)((now_ns() - begin) / 1000000);
}

sys_sem_t *
shmif_lwip_thread_sem(void)
{
	static __thread struct shmif_lwip_sem own;
	static __thread sys_sem_t pointer;

	if (pointer == NULL) {
		sem_init(&own.s, 0, 0);
		pointer = &own;
	}
	return &pointer;
}

/* ---- mutexes ------------------------------------------------------------ */

err_t
sys_mutex_new(sys_mutex_t *mutex)
{
	*mutex = malloc(sizeof(pthread_mutex_t));
	if (*mutex == NULL)
		return ERR_MEM;
	pthread_mutex_init(*mutex, NULL);
	return ERR_OK;
}

void
sys_mutex_free(sys_mutex_t *mutex)
{
	pthread_mutex_destroy(*mutex);
	free(*mutex);
}

void
sys_mutex_lock(sys_mutex_t *mutex)
{
	pthread_mutex_lock(*mutex);
}

void
sys_mutex_unlock(sys_mutex_t *mutex)
{
	pthread_mutex_unlock(*mutex);
}

/* ---- mailboxes ---------------------------------------------------------- */

#define MBOX_FIRST 16u

struct shmif_lwip_mbox {
	pthread_mutex_t lock;
	pthread_cond_t filled, drained;
	void **ring;
	unsigned room; /* of the ring; a power of two */
	unsigned most; /* messages that there may be */
	unsigned head; /* the next one to fetch */
	unsigned count;
	unsigned fetchers, posters; /* that sleep */
};

err_t
sys_mbox_new(sys_mbox_t *mbox, int size)
{
	struct shmif_lwip_mbox *m = calloc(1, sizeof(*m));
	pthread_condattr_t attr;

	*mbox = NULL;
	if (m == NULL)
		return ERR_MEM;
	m->room = MBOX_FIRST;
	m->most = size > 0 ? (unsigned)size : 1;
	m->ring = malloc(m->room * sizeof(*m->ring));
	if (m->ring == NULL) {
		free(m);
		return ERR_MEM;
	}
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&m->lock, NULL);
	pthread_cond_init(&m->filled, &attr);
	pthread_cond_init(&m->drained, &attr);
	pthread_condattr_destroy(&attr);
	*mbox = m;
	return ERR_OK;
}

void
sys_mbox_free(sys_mbox_t *mbox)
{
	struct shmif_lwip_mbox *m = *mbox;

	pthread_cond_destroy(&m->filled);
	pthread_cond_destroy(&m->drained);
	pthread_mutex_destroy(&m->lock);
	free(m->ring);
	free(m);
}

/* Makes room for one more, where there may be one.  Under the lock. */
static bool
has_room(struct shmif_lwip_mbox *m)
{
	void **ring;
	unsigned i;

	if (m->count >= m->most)
		return false;
	if (m->count < m->room)
		return true;
	ring = calloc(2 * (size_t)m->room, sizeof(*ring));
	if (ring == NULL)
		return false;
	for (i = 0; i < m->count; i++)
		ring[i] = m->ring[(m->head + i) & (m->room - 1)];
	free(m->ring);
	m->ring = ring;
	m->room *= 2;
	m->head = 0;
	return true;
}

static void
put(struct shmif_lwip_mbox *m, void *msg)
{
	m->ring[(m->head + m->count++) & (m->room - 1)] = msg;
	if (m->fetchers > 0)
		pthread_cond_signal(&m->filled);
}

void
sys_mbox_post(sys_mbox_t *mbox, void *msg)
{
	struct shmif_lwip_mbox *m = *mbox;

	pthread_mutex_lock(&m->lock);
	while (!has_room(m)) {
		m->posters++;
		pthread_cond_wait(&m->drained, &m->lock);
		m->posters--;
	}
	put(m, msg);
	pthread_mutex_unlock(&m->lock);
}

err_t
sys_mbox_trypost(sys_mbox_t *mbox, void *msg)
{
	struct shmif_lwip_mbox *m = *mbox;
	err_t error = ERR_MEM;

	pthread_mutex_lock(&m->lock);
	if (has_room(m)) {
		put(m, msg);
		error = ERR_OK;
	}
	pthread_mutex_unlock(&m->lock);
	return error;
}

err_t
sys_mbox_trypost_fromisr(sys_mbox_t *mbox, void *msg)
{
	return sys_mbox_trypost(mbox, msg);
}

/* Takes the next message.  Under the lock; there is one. */
static void
get(struct shmif_lwip_mbox *m, void **msg)
{
	void *next = m->ring[m->head];

	m->head = (m->head + 1) & (m->room - 1);
	m->count--;
	if (msg != NULL)
		*msg = next;
	if (m->posters > 0)
		pthread_cond_signal(&m->drained);
}

u32_t
sys_arch_mbox_fetch(sys_mbox_t *mbox, void **msg, u32_t timeout)
{
	struct shmif_lwip_mbox *m = *mbox;
	struct timespec until;
	uint64_t begin = 0;
	int error = 0;

	pthread_mutex_lock(&m->lock);
	if (m->count == 0) {
		begin = now_ns();
		if (timeout != 0)
			until = deadline(timeout);
		m->fetchers++;
		while (m->count == 0 && error == 0) {
			if (timeout == 0)
				pthread_cond_wait(&m->filled, &m->lock);
			else
				error = pthread_cond_timedwait(&m->filled,
				    &m->lock, &until);
		}
		m->fetchers--;
	}
	if (m->count > 0) {
		get(m, msg);
		error = 0;
	} else if (msg != NULL) {
		*msg = NULL;
	}
	pthread_mutex_unlock(&m->lock);
	if (error != 0)
		return SYS_ARCH_TIMEOUT;
	return begin == 0 ? 0 : (u32_t)((now_ns() - begin) / 1000000);
}

u32_t
sys_arch_mbox_tryfetch(sys_mbox_t *mbox, void **msg)
{
	struct shmif_lwip_mbox *m = *mbox;
	u32_t r = SYS_MBOX_EMPTY;

	pthread_mutex_lock(&m->lock);
	if (m->count > 0) {
		get(m, msg);
		r = 0;
	}
	pthread_mutex_unlock(&m->lock);
	return r;
}

/* ---- threads ------------------------------------------------------------ */

struct start {
	lwip_thread_fn fn;
	void *arg;
};

static void *
run(void *arg)
{
	struct start s = *(struct start *)arg;

	free(arg);
	s.fn(s.arg);
	return NULL;
}

sys_thread_t
sys_thread_new(const char *name, lwip_thread_fn fn, void *arg, int stacksize,
    int prio)
{
	struct start *s = malloc(sizeof(*s));
	pthread_t thread = 0;
	sigset_t all, old;
	int error = ENOMEM;

	(void)stacksize;
	(void)prio;
	if (s != NULL) {
		s->fn = fn;
		s->arg = arg;
		/* The program's signals are for its own threads. */
		sigfillset(&all);
		sigdelset(&all, SIGBUS);
		sigdelset(&all, SIGSEGV);
		pthread_sigmask(SIG_SETMASK, &all, &old);
		error = pthread_create(&thread, NULL, run, s);
		pthread_sigmask(SIG_SETMASK, &old, NULL);
	}
	if (error != 0) {
		free(s);
		shmif_lwip_assert("no thread", __FILE__, __LINE__);
	}
	pthread_detach(thread);
	pthread_setname_np(thread, name);
	return thread;
}

void
sys_init(void)
{
}

/* ---- the rest of arch/cc.h ---------------------------------------------- */

uint32_t
shmif_lwip_random(void)
{
	return arc4random();
}

void
shmif_lwip_diag(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
}

void
shmif_lwip_assert(const char *message, const char *file, int line)
{
	fprintf(stderr, "shmif: lwIP: %s:%d: %s\n", file, line, message);
	abort();
}
