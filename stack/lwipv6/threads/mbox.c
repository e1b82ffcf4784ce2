/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mbox.c - mailboxes
 *
 * DOC: The faults: a mailbox is a pipe.  The library waits for it with
 * select(), which cannot take descriptors from 1024 on and then writes beyond
 * its set.  It reports the time waited rounded up to a whole millisecond for
 * every message, which is how a stack's clock goes forward.  A message costs
 * three system calls, and a connection four descriptors.  And a stack that
 * sends to itself while its queue is full waits for itself.
 *
 * How they are seen: a program with more than a thousand descriptors crashes
 * or hangs.  Under load, with a message each few microseconds, timers run up
 * to 400 times too fast: ARP entries and fragments age in milliseconds, and
 * retransmissions come at once, twelve of which end a connection.  A transfer
 * spends two thirds of its time in the kernel.
 *
 * The cure: a queue in memory, with a futex for those who sleep, and the
 * monotonic clock.  A thread's time goes on from where the last fetch left it,
 * so that what the thread did between two fetches counts, and what is less
 * than a millisecond is kept for the next.  After a thread was held up for
 * long (SIGSTOP) its clock does not run to catch up: timers that are due
 * several times fire once.
 *
 * As with the pipe, who posts to a mailbox with QUEUE_MAX messages waits; but
 * a stack's thread does not wait for itself, its queue grows.
 *
 * Waking: everything is done under the mailbox's lock except the system call,
 * which comes after it.  By then the mailbox may be gone, because who fetched
 * the message may have freed it: waking an address where nobody sleeps does
 * nothing.  `due' counts sleepers that are woken already, so that a burst of
 * messages costs one call.  In a batch (a stack's thread takes frames from a
 * bus) calls are put off until its end: whoever reads a connection is woken
 * once for all that has come.  Nor do they outlast a sleep: who waits for room
 * makes them first, because it may be waiting for one of those sleepers.  A mailbox is
 * not freed before the stack's thread has let go of it, so it is still there
 * then.
 */
#include <sys/syscall.h>
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "stack/lwipv6/threads/mbox.h"

#define LATE_MAX (20 * (int64_t)MS) /* lateness that is made up for */
#define QUEUE_MAX 8192u
#define QUEUE_FIRST 16u
#define MAGIC 0x6d626f78u
#define PUT_OFF_MAX 16
#define SPIN_NS 5000 /* what a thread does for another takes less */

/* Up to when the time that went by was reported to this thread's timers. */
static __thread int64_t clock_at;

/* Wake-ups that this thread puts off. */
static __thread struct {
	bool on;
	unsigned n;
	struct {
		uint32_t *bell;
		int n;
	} call[PUT_OFF_MAX];
} batch;

void
mbox_futex_wait(uint32_t *f, uint32_t v, int64_t ns)
{
	struct timespec t = { .tv_sec = ns / (1000 * MS),
		.tv_nsec = ns % (1000 * MS) };

	syscall(SYS_futex, f, FUTEX_WAIT_PRIVATE, v, ns < 0 ? NULL : &t, NULL,
	    0);
}

void
mbox_futex_wake(uint32_t *f, int n)
{
	int e = errno;

	syscall(SYS_futex, f, FUTEX_WAKE_PRIVATE, n, NULL, NULL, 0);
	errno = e;
}

/* ---- putting off -------------------------------------------------------- */

static void
wake_all_put_off(void)
{
	unsigned i;

	for (i = 0; i < batch.n; i++)
		mbox_futex_wake(batch.call[i].bell, batch.call[i].n);
	batch.n = 0;
}

void
mbox_batch_begin(void)
{
	batch.on = true;
}

void
mbox_batch_end(void)
{
	batch.on = false;
	wake_all_put_off();
}

bool
mbox_batch(void)
{
	return batch.on;
}

void
mbox_wake_later(uint32_t *bell, int n)
{
	unsigned i;

	if (!batch.on) {
		mbox_futex_wake(bell, n);
		return;
	}
	for (i = 0; i < batch.n; i++)
		if (batch.call[i].bell == bell && batch.call[i].n >= n && n > 1)
			return; /* all of them will be */
	if (batch.n == PUT_OFF_MAX)
		wake_all_put_off();
	batch.call[batch.n].bell = bell;
	batch.call[batch.n++].n = n;
}

/* ---- life --------------------------------------------------------------- */

/* Replaces the library's. */
EXPORT struct sys_mbox *
sys_mbox_new(void)
{
	struct sys_mbox *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	m->magic = MAGIC;
	m->size = QUEUE_FIRST;
	if ((m->msgs = malloc(m->size * sizeof(*m->msgs))) == NULL) {
		free(m);
		return NULL;
	}
	pthread_mutex_init(&m->lock, NULL);
	return m;
}

/* Replaces the library's. */
EXPORT void
sys_mbox_free(struct sys_mbox *m)
{
	if (m == NULL)
		return;
	/* A thread that posted may not have left the lock yet. */
	pthread_mutex_lock(&m->lock);
	m->magic = 0;
	pthread_mutex_unlock(&m->lock);
	pthread_mutex_destroy(&m->lock);
	free(m->msgs);
	free(m);
}

bool
mbox_ours(const struct sys_mbox *m)
{
	return m != NULL && m->magic == MAGIC;
}

unsigned
mbox_waiting(struct sys_mbox *m)
{
	unsigned n;

	pthread_mutex_lock(&m->lock);
	n = m->count;
	pthread_mutex_unlock(&m->lock);
	return n;
}

/* ---- posting ------------------------------------------------------------ */

/* A thread that looks before it sleeps reads the count without the lock. */
static void
set_count(struct sys_mbox *m, uint32_t n)
{
	__atomic_store_n(&m->count, n, __ATOMIC_RELAXED);
}

/* Makes room for one more message; under lock. */
static bool
grow(struct sys_mbox *m)
{
	void **more = malloc(2ul * m->size * sizeof(*more));
	uint32_t i;

	if (more == NULL)
		return false;
	for (i = 0; i < m->count; i++)
		more[i] = m->msgs[(m->first + i) & (m->size - 1)];
	free(m->msgs);
	m->msgs = more;
	m->first = 0;
	m->size *= 2;
	return true;
}

/* Waits until there is room, or memory; under lock. */
static void
wait_for_room(struct sys_mbox *m)
{
	uint32_t seen;

	while ((m->count >= QUEUE_MAX && queue_own() != m) ||
	    (m->count == m->size && !grow(m))) {
		m->crowd++;
		seen = m->room;
		pthread_mutex_unlock(&m->lock);
		wake_all_put_off();
		mbox_futex_wait(&m->room, seen, 100 * MS);
		pthread_mutex_lock(&m->lock);
		m->crowd--;
	}
}

bool
mbox_call_someone(struct sys_mbox *m)
{
	if (m->borrowed)
		return false; /* core_leave() does it */
	if (m->on_bus) {
		unit_wake(m->watched);
		m->on_bus = false; /* once is enough */
		return false;
	}
	if (m->asleep <= m->due)
		return false;
	m->due++;
	m->bell++;
	return true;
}

/* Replaces the library's. */
EXPORT void
sys_mbox_post(struct sys_mbox *m, void *msg)
{
	bool call;

	pthread_mutex_lock(&m->lock);
	if (m->count >= QUEUE_MAX || m->count == m->size)
		wait_for_room(m);
	m->msgs[(m->first + m->count) & (m->size - 1)] = msg;
	set_count(m, m->count + 1);
	call = mbox_call_someone(m);
	pthread_mutex_unlock(&m->lock);
	if (call)
		mbox_wake_later(&m->bell, 1);
}

/* ---- fetching ----------------------------------------------------------- */

/* Takes the first message; under lock.  Returns whether there is one. */
static bool
take(struct sys_mbox *m, void **msg)
{
	if (m->count == 0)
		return false;
	if (msg != NULL)
		*msg = m->msgs[m->first];
	m->first = (m->first + 1) & (m->size - 1);
	set_count(m, m->count - 1);
	if (m->crowd != 0 && m->count < QUEUE_MAX) {
		m->room++;
		mbox_futex_wake(&m->room, 1);
	}
	return true;
}

static bool
has_come(void *arg)
{
	struct sys_mbox *m = arg;

	return __atomic_load_n(&m->count, __ATOMIC_RELAXED) != 0 ||
	    (m->spinner != NULL && unit_ready(m->spinner));
}

bool
mbox_look_for(struct sys_mbox *m, int64_t ns)
{
	if (m->looking)
		return false; /* one is enough */
	m->looking = true;
	m->spinner = m->parked ? m->watched : NULL;
	pthread_mutex_unlock(&m->lock);
	spin_wait(&m->spin, ns, has_come, m);
	pthread_mutex_lock(&m->lock);
	m->looking = false;
	return has_come(m);
}

void
mbox_sleep_until(struct sys_mbox *m, int64_t end)
{
	int64_t left = end;
	uint32_t seen;

	if (mbox_look_for(m, SPIN_NS))
		return;
	seen = m->bell;
	m->asleep++;
	pthread_mutex_unlock(&m->lock);
	if (end != INT64_MAX)
		left = end - (int64_t)now_ns();
	if (left > 0)
		mbox_futex_wait(&m->bell, seen, end == INT64_MAX ? -1 : left);
	pthread_mutex_lock(&m->lock);
	m->asleep--;
	if (m->due > 0)
		m->due--;
}

/* Waits for a message until END.  Returns whether there is one. */
static bool
fetch_until(struct sys_mbox *m, void **msg, int64_t end)
{
	bool mine = queue_own() == m;
	bool got;

	for (;;) {
		if (mine)
			queue_look_at_bus(m);
		pthread_mutex_lock(&m->lock);
		if ((got = take(m, msg)) ||
		    (end != INT64_MAX && (int64_t)now_ns() >= end))
			break;
		if (mine)
			queue_park(m, end);
		else
			mbox_sleep_until(m, end);
		if (!mine && (got = take(m, msg)))
			break;
		pthread_mutex_unlock(&m->lock);
	}
	pthread_mutex_unlock(&m->lock);
	return got;
}

/*
 * Replaces the library's.  TIMEOUT is in milliseconds, 0 for ever.  Returns
 * the milliseconds gone by, or SYS_ARCH_TIMEOUT.
 */
EXPORT uint32_t
sys_arch_mbox_fetch(struct sys_mbox *m, void **msg, uint32_t timeout)
{
	int64_t limit = (int64_t)timeout * MS;
	int64_t now, gone;

	if (timeout == 0) {
		fetch_until(m, msg, INT64_MAX);
		clock_at = (int64_t)now_ns();
		return 0;
	}
	now = (int64_t)now_ns();
	if (clock_at == 0)
		clock_at = now;
	if (fetch_until(m, msg, clock_at + limit)) {
		gone = (int64_t)now_ns() - clock_at;
		if (gone > limit + LATE_MAX) {
			clock_at += gone - limit;
			gone = limit;
		}
		gone -= gone % MS;
		clock_at += gone;
		return (uint32_t)(gone / MS);
	}
	now = (int64_t)now_ns();
	clock_at += limit;
	if (now - clock_at > LATE_MAX)
		clock_at = now;
	if (msg != NULL)
		*msg = NULL;
	return SYS_ARCH_TIMEOUT;
}
