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
 * Waking: all is under the mailbox's lock, but for the system call, which
 * comes after it.  By then the mailbox may be gone, for who fetched the
 * message may have freed it: waking an address where nobody sleeps does
 * nothing.  `due' counts sleepers that are woken already, so that a burst of
 * messages costs one call.  In a batch (a stack's thread takes frames from a
 * bus) calls are put off until its end: whoever reads a connection is woken
 * once for all that has come.  Nor do they outlast a sleep: who waits for room
 * makes them first, for it may be waiting for the very sleeper.  A mailbox is
 * not freed before the stack's thread has let go of it, so it is still there
 * then.
 *
 * The queue of a stack, besides:
 *
 * - The stack's thread can wait for a bus and for messages at once: one unit
 *   of the stack has no receive thread (see unit.c), it is `watched' here.
 *   Who posts then wakes the wait of the bus.
 * - While the stack's thread sleeps, somebody else may be the stack, by
 *   core_call().  A program that sends then needs no other thread to run.  The
 *   stack's thread, when it wakes, waits until it is over; who comes in between
 *   posts, and whoever was the stack wakes its thread.  So two are never at
 *   work at once, and the lock orders what they do.  Timers are a thread's own:
 *   none may be started there.
 */
#include <sys/syscall.h>
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "stack/lwipv6/port.h"

#define MS 1000000
#define LATE_MAX (20 * (int64_t)MS) /* lateness that is made up for */
#define QUEUE_MAX 8192u
#define QUEUE_FIRST 16u
#define MAGIC 0x6d626f78u
#define PUT_OFF_MAX 16
#define SPIN_NS 5000	  /* what a thread does for another takes less */
#define SPIN_BUS_NS 20000 /* and what a process does */

struct sys_mbox {
	uint32_t magic;
	pthread_mutex_t lock;
	void **msgs; /* a ring of SIZE, a power of two */
	uint32_t size, first, count;

	uint32_t bell;	      /* a futex: changes when sleepers are to look */
	unsigned asleep;      /* threads that wait for a message */
	unsigned due;	      /* of these, woken already */
	struct spin spin;     /* of the thread that looks before it sleeps */
	struct unit *spinner; /* it looks at this as well */
	bool looking;	      /* there is one */
	uint32_t room;	      /* a futex, for those who wait for room */
	unsigned crowd;	      /* how many */

	/* The queue of a stack only. */
	struct unit *watched; /* changed by the stack's thread, under lock */
	bool kicked;	      /* its: a drain is queued */
	bool on_bus;	      /* the stack's thread waits for the bus */
	bool parked;	      /* it sleeps, and somebody else may be it */
	bool borrowed;	      /* and somebody is */
	bool wanted;	      /* it waits to be itself */
};

static __thread int64_t clock_at; /* how far this thread's timers are */

/* Wake-ups that this thread puts off. */
static __thread struct {
	bool on;
	unsigned n;
	struct {
		uint32_t *bell;
		int n;
	} call[PUT_OFF_MAX];
} batch;

/* Sleeps while *F is V, for NS at most (negative: for ever). */
static void
futex_wait(uint32_t *f, uint32_t v, int64_t ns)
{
	struct timespec t = { .tv_sec = ns / (1000 * MS),
		.tv_nsec = ns % (1000 * MS) };

	syscall(SYS_futex, f, FUTEX_WAIT_PRIVATE, v, ns < 0 ? NULL : &t, NULL,
	    0);
}

static void
futex_wake(uint32_t *f, int n)
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
		futex_wake(batch.call[i].bell, batch.call[i].n);
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
		futex_wake(bell, n);
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
	/* Who posted may be on its way out of the lock. */
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

/* The queue of the stack whose thread this is, or NULL. */
static struct sys_mbox *
own_queue(void)
{
	struct stack *stack = thread_stack();

	return stack == NULL ?
	    NULL :
	    STACK_FIELD(stack, STACK_QUEUE, struct sys_mbox *);
}

/* Who looks before it sleeps reads it without the lock. */
static void
set_count(struct sys_mbox *m, uint32_t n)
{
	__atomic_store_n(&m->count, n, __ATOMIC_RELAXED);
}

/* Makes room for one more message; under lock. */
static bool
grow(struct sys_mbox *m)
{
	void **more = malloc(2 * m->size * sizeof(*more));
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

	while ((m->count >= QUEUE_MAX && own_queue() != m) ||
	    (m->count == m->size && !grow(m))) {
		m->crowd++;
		seen = m->room;
		pthread_mutex_unlock(&m->lock);
		wake_all_put_off();
		futex_wait(&m->room, seen, 100 * MS);
		pthread_mutex_lock(&m->lock);
		m->crowd--;
	}
}

/*
 * Whether somebody has to be woken by the caller, after the lock; under lock.
 */
static bool
call_someone(struct sys_mbox *m)
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
	call = call_someone(m);
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
		futex_wake(&m->room, 1);
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

/* Looks before sleeping, for NS at most; under lock.  True: do not sleep. */
static bool
look_for(struct sys_mbox *m, int64_t ns)
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

/* Sleeps until there may be a message, or END; under lock. */
static void
sleep_until(struct sys_mbox *m, int64_t end)
{
	int64_t left = end;
	uint32_t seen;

	if (look_for(m, SPIN_NS))
		return;
	seen = m->bell;
	m->asleep++;
	pthread_mutex_unlock(&m->lock);
	if (end != INT64_MAX)
		left = end - (int64_t)now_ns();
	if (left > 0)
		futex_wait(&m->bell, seen, end == INT64_MAX ? -1 : left);
	pthread_mutex_lock(&m->lock);
	m->asleep--;
	if (m->due > 0)
		m->due--;
}

/* The stack's thread wants to be itself again; under lock. */
static void
unpark(struct sys_mbox *m)
{
	uint32_t seen;

	while (m->borrowed) {
		m->wanted = true;
		seen = m->bell;
		pthread_mutex_unlock(&m->lock);
		futex_wait(&m->bell, seen, -1);
		pthread_mutex_lock(&m->lock);
	}
	m->wanted = false;
	m->parked = false;
}

/* As sleep_until(), for a stack's thread and its queue; under lock. */
static void
park_until(struct sys_mbox *m, int64_t end)
{
	struct unit *u = m->watched;
	int64_t left = -1;

	m->parked = true;
	if (u == NULL) {
		sleep_until(m, end);
		unpark(m);
		return;
	}
	if (look_for(m, SPIN_BUS_NS)) {
		unpark(m);
		return;
	}
	m->on_bus = true;
	pthread_mutex_unlock(&m->lock);
	if (end != INT64_MAX && (left = end - (int64_t)now_ns()) < 0)
		left = 0;
	unit_wait(u, left);
	pthread_mutex_lock(&m->lock);
	m->on_bus = false;
	unpark(m);
}

/* What a stack's thread does with the frames of the unit that it watches. */
static void
drain(void *arg)
{
	struct sys_mbox *m = arg;

	m->kicked = false;
	if (m->watched != NULL) {
		port_drain(m->watched);
		if (unit_is_dead(m->watched))
			mbox_unwatch(thread_stack(), m->watched);
	}
}

/* Queues a drain where there are frames, behind the messages there are. */
static void
look_at_bus(struct sys_mbox *m)
{
	if (m->watched == NULL || m->kicked || !unit_ready(m->watched))
		return;
	m->kicked = true;
	if (tcpip_callback(thread_stack(), drain, m, 0) != ERR_OK)
		m->kicked = false;
}

/* Waits for a message until END.  Returns whether there is one. */
static bool
fetch_until(struct sys_mbox *m, void **msg, int64_t end)
{
	bool mine = own_queue() == m;
	bool got;

	for (;;) {
		if (mine)
			look_at_bus(m);
		pthread_mutex_lock(&m->lock);
		if ((got = take(m, msg)) ||
		    (end != INT64_MAX && (int64_t)now_ns() >= end))
			break;
		if (mine)
			park_until(m, end);
		else
			sleep_until(m, end);
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

/* ---- the queue of a stack ----------------------------------------------- */

static struct sys_mbox *
queue_of(struct stack *stack)
{
	return STACK_FIELD(stack, STACK_QUEUE, struct sys_mbox *);
}

bool
mbox_watch(struct stack *stack, struct unit *u)
{
	struct sys_mbox *m = queue_of(stack);
	bool did = false;

	pthread_mutex_lock(&m->lock);
	if (m->watched == NULL) {
		m->watched = u;
		did = true;
	}
	pthread_mutex_unlock(&m->lock);
	return did;
}

void
mbox_unwatch(struct stack *stack, struct unit *u)
{
	struct sys_mbox *m = queue_of(stack);

	pthread_mutex_lock(&m->lock);
	if (m->watched == u)
		m->watched = NULL;
	pthread_mutex_unlock(&m->lock);
}

/* Makes the caller be STACK, where its thread sleeps and has nothing to do. */
static bool
core_enter(struct stack *stack)
{
	struct sys_mbox *m = queue_of(stack);
	bool did;

	if (thread_stack() != NULL)
		return false;
	pthread_mutex_lock(&m->lock);
	did = m->parked && !m->borrowed && !m->wanted && m->count == 0;
	if (did)
		m->borrowed = true;
	pthread_mutex_unlock(&m->lock);
	if (did)
		thread_be(stack);
	return did;
}

static void
core_leave(struct stack *stack)
{
	struct sys_mbox *m = queue_of(stack);
	bool call = false;

	thread_be(NULL);
	pthread_mutex_lock(&m->lock);
	m->borrowed = false;
	if (m->wanted) {
		m->bell++;
		call = true;
	} else if (m->count != 0) {
		call = call_someone(m);
	} else if (m->looking) {
		spin_again(&m->spin); /* an answer may come */
	}
	pthread_mutex_unlock(&m->lock);
	if (call)
		futex_wake(&m->bell, INT_MAX);
}

int
core_call(struct stack *stack, void (*fn)(void *), void *arg)
{
	if (core_enter(stack)) {
		fn(arg);
		core_leave(stack);
		return 0;
	}
	return tcpip_callback(stack, fn, arg, 0) == ERR_OK ? 0 : ENOMEM;
}
