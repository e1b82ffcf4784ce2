/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * unit.c - frames between a bus and a stack
 *
 * DOC: Theory of Operation
 *
 * An attachment to a bus has a send side and a receive side, and each belongs
 * to one thread at a time.
 *
 * The send side belongs to whoever holds unit.tx.  Nearly always that is the
 * stack's thread; but a stack may send from a program's thread as well (an
 * address is deleted, a neighbour set), so the lock stays.  It is free of
 * contention, and tx_link under it is what makes disconnecting safe: once it
 * is NULL nobody is in the attachment.
 *
 * The receive side goes to and fro between the unit's receive thread and the
 * stack's thread, and is never with both:
 *
 *	receive thread				stack's thread
 *
 *	shmbus_wait()
 *	kick() ---------- a message ----------> unit_drain():
 *	sem_wait(rx_turn)			  peek, take, input() ...
 *	        <-------- sem_post(rx_turn) ---	  until empty or UNIT_BUDGET
 *	frames left: kick() again, else wait
 *
 * The message and the semaphore order memory.  No wake-up can get lost:
 * shmbus_wait() looks at the ring before it sleeps, so what arrived while the
 * stack's thread was draining is seen.  The budget lets the stack's timers
 * and its users' calls go on while frames pour in; at most one message per
 * unit is ever under way, so frames never fill the stack's queue.
 *
 * Where the stack's thread can wait for the bus itself (ops->watch()) it does,
 * and the receive side stays with it: a frame that comes is one switch of
 * threads instead of three.  The receive thread then stays idle.
 *
 * Frames are copied once, from the bus to the buffer that the stack will keep,
 * on the thread that is about to read it.
 *
 * The receive thread lives as long as its unit.  It waits at rx_go for a
 * link; unit_stop() asks for the link back and waits at rx_idle for it:
 *
 *	idle --(unit_start: rx_go)--> running --(rx_stop or the bus died)-->
 *	idle (rx_idle)
 *
 * A bus whose file was truncated is dead.  That is said once, and the unit is
 * without link from then on, until it is connected anew.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/diag.h"
#include "shmif/rcu.h"
#include "shmif/unit.h"

#define CHECK_EVERY_NS 1000000000

char rcu_readers;

/* ---- links -------------------------------------------------------------- */

int
unit_link_new(const struct unit *u, const char *path,
    const struct shmbus_options *opt, struct link **lp)
{
	size_t size = path == NULL ? 1 : strlen(path) + 1;
	struct shmbus_options o;
	struct shmbus_info info;
	struct link *l;
	int error;

	*lp = NULL;
	if ((l = calloc(1, sizeof(*l) + size)) == NULL)
		return ENOMEM;
	if (path != NULL)
		memcpy(l->path, path, size);
	if (path != NULL && opt != NULL) {
		o = *opt;
		snprintf(o.name, sizeof(o.name), "%.20s shmif%d",
		    program_invocation_short_name, u->num);
		if ((error = shmbus_attach(path, &o, &l->bus)) != 0) {
			free(l);
			return error;
		}
		shmbus_info(l->bus, &info);
		l->frame_max = info.frame_max;
		l->bus_mtu = (uint16_t)info.geometry.mtu;
		l->slots = info.geometry.slots;
	}
	*lp = l;
	return 0;
}

uint32_t
unit_ring_frames(const struct unit *u)
{
	uint32_t n;

	rcu_read_lock();
	n = rcu_dereference(u->link)->slots;
	rcu_read_unlock();
	return n;
}

void
unit_link_free(struct link *l)
{
	if (l == NULL)
		return;
	shmbus_detach(l->bus);
	free(l);
}

/* Adds B to A, counter by counter. */
static void
stats_add(struct shmbus_stats *a, const struct shmbus_stats *b)
{
	a->tx_frames += b->tx_frames;
	a->tx_bytes += b->tx_bytes;
	a->tx_failed += b->tx_failed;
	a->rx_frames += b->rx_frames;
	a->rx_bytes += b->rx_bytes;
	a->rx_skipped += b->rx_skipped;
	a->rx_lost += b->rx_lost;
	a->rx_bad += b->rx_bad;
	a->gave_up += b->gave_up;
	a->wakeups += b->wakeups;
	a->rung += b->rung;
}

void
unit_set_link(struct unit *u, struct link *l)
{
	struct link *old = u->link;
	struct shmbus_stats st;

	/* While U is stopped no counter changes, so the sum is exact. */
	l->past = old->past;
	if (old->bus != NULL) {
		shmbus_stats(old->bus, &st);
		stats_add(&l->past, &st);
	}
	read_publish(u->link, l);
	read_wait();
	unit_link_free(old);
}

void
unit_leave(struct unit *u)
{
	shmbus_detach(u->link->bus);
	u->link->bus = NULL;
}

/* ---- the receive thread ------------------------------------------------- */

/* sem_wait() that no signal interrupts. */
static void
sem_wait_for(sem_t *s)
{
	while (sem_wait(s) == -1 && errno == EINTR)
		continue;
}

/* Says what happened to the bus file of U. */
static void
say(const struct unit *u, const struct link *l, const char *what)
{
	diag(DIAG_BUS, UNIT_NAME "%d: %s: %s", u->num, l->path, what);
}

/*
 * Checks the bus file once a second. Returns why it can be used no more, once it
 * was truncated or had no space, else 0. That the file was removed or replaced is
 * said once.
 */
static int
file_died(struct unit *u, const struct link *l)
{
	int64_t now = (int64_t)now_ns();
	int error;

	if (now < u->rx_check_at)
		return 0;
	u->rx_check_at = now + CHECK_EVERY_NS;
	error = shmbus_check(l->bus);
	atomic_store(&u->bus_error, error);
	if ((error == SHMBUS_EREPLACED || error == ENOENT) &&
	    u->rx_said != error) {
		u->rx_said = error;
		say(u, l,
		    error == ENOENT ?
			"removed; the interface stays on the old file" :
			"replaced; the interface stays on the old file");
	}
	return error == SHMBUS_ETRUNC || error == ENOSPC ? error : 0;
}

/*
 * Waits for a frame on L, at most NS nanoseconds. Returns 0, ETIMEDOUT,
 * ECANCELED, or the error that ended the use of the bus.
 */
static int
wait_on(struct unit *u, struct link *l, int64_t ns)
{
	int error, died;

	if (ns < 0 || ns > CHECK_EVERY_NS)
		ns = CHECK_EVERY_NS;
	error = shmbus_wait(l->bus, ns);
	if ((died = file_died(u, l)) != 0)
		error = died;
	if (error != 0 && error != ETIMEDOUT && error != ECANCELED) {
		say(u, l, shmbus_strerror(error));
		atomic_store(&u->bus_error, error);
		atomic_store(&u->bus_dead, true);
	}
	return error;
}

/* Lets the stack's thread drain once.  Returns whether frames were left. */
static bool
visit_stack(struct unit *u)
{
	const struct timespec pause_ = { .tv_nsec = 1000000 };

	if (u->ops->kick(u) != 0) {
		nanosleep(&pause_, NULL); /* out of memory */
		return true;
	}
	sem_wait_for(&u->rx_turn);
	return u->rx_more;
}

/* Receives from L until told to stop or the bus is dead. */
static void
run(struct unit *u, struct link *l)
{
	bool more = false;

	while (!atomic_load(&u->rx_stop)) {
		int error = more ? 0 : wait_on(u, l, CHECK_EVERY_NS);

		if (error == 0) {
			more = visit_stack(u);
		} else if (error != ETIMEDOUT && error != ECANCELED) {
			visit_stack(u); /* which takes the link down */
			return;
		}
	}
}

static void *
rx_main(void *arg)
{
	struct unit *u = arg;

	for (;;) {
		sem_wait_for(&u->rx_go);
		if (atomic_load(&u->rx_quit))
			return NULL;
		run(u, u->rx_link);
		sem_post(&u->rx_idle);
	}
}

void
unit_stop(struct unit *u, bool orphaned)
{
	pthread_mutex_lock(&u->tx);
	u->tx_link = NULL;
	pthread_mutex_unlock(&u->tx);
	if (u->rx_link == NULL)
		return;
	if (u->rx_direct) {
		u->ops->unwatch(u);
		u->rx_direct = false;
		u->rx_link = NULL;
		return;
	}
	atomic_store(&u->rx_stop, true);
	shmbus_wake(u->rx_link->bus);
	if (orphaned)
		sem_post(&u->rx_turn); /* a kick may never be answered */
	sem_wait_for(&u->rx_idle);
	u->rx_link = NULL;
}

void
unit_start(struct unit *u)
{
	if (u->link->bus == NULL)
		return;
	pthread_mutex_lock(&u->tx);
	u->tx_link = u->link;
	pthread_mutex_unlock(&u->tx);
	u->rx_link = u->link;
	atomic_store(&u->bus_dead, false);
	atomic_store(&u->bus_error, 0);
	u->rx_check_at = (int64_t)now_ns() + CHECK_EVERY_NS;
	u->rx_said = 0;
	u->rx_direct = true; /* set before the stack's thread may read it */
	if (u->ops->watch != NULL && u->ops->watch(u))
		return;
	u->rx_direct = false;
	atomic_store(&u->rx_stop, false);
	sem_post(&u->rx_go);
}

/* ---- on the stack's thread ---------------------------------------------- */

/* Takes the frame that was peeked.  Counts what becomes of it. */
static void
take(struct unit *u, struct link *l, uint32_t len)
{
	struct unit_counters *n = &u->n;
	uint8_t *data;
	void *buffer;

	if (!u->ops->is_up(u)) {
		if (shmbus_skip(l->bus) == 0)
			unit_count(&n->in_down, 1);
		return;
	}
	if (len > l->frame_max ||
	    (buffer = u->ops->buffer(u, len, &data)) == NULL) {
		if (shmbus_skip(l->bus) == 0)
			unit_count(&n->in_errors, 1);
		return;
	}
	if (shmbus_take(l->bus, data, len) != 0) {
		u->ops->drop(buffer); /* lapped; the bus has counted it */
		return;
	}
	switch (u->ops->input(u, buffer, data, len)) {
	case STACK_TAKEN:
		unit_count(&n->in_frames, 1);
		unit_count(&n->in_bytes, len);
		break;
	case STACK_REFUSED:
		break; /* unit_refused() has counted it */
	case STACK_ANSWERED:
		unit_count(&n->in_answered, 1);
		break;
	case STACK_DOWN:
		unit_count(&n->in_down, 1);
		break;
	}
}

void
unit_drain(struct unit *u)
{
	struct link *l = u->rx_link;
	struct shmbus_frame f;
	unsigned i;

	unit_count(&u->n.batches, 1);
	if (atomic_load(&u->bus_dead)) {
		u->ops->set_link(u, false);
		i = 0;
	} else {
		for (i = 0; i < UNIT_BUDGET; i++) {
			if (shmbus_peek(l->bus, &f) != 0)
				break;
			take(u, l, f.len);
		}
	}
	u->rx_more = i == UNIT_BUDGET;
	if (!u->rx_direct)
		sem_post(&u->rx_turn);
}

bool
unit_ready(struct unit *u)
{
	struct shmbus_frame f;

	return atomic_load_explicit(&u->bus_dead, memory_order_relaxed) ||
	    shmbus_peek(u->rx_link->bus, &f) == 0;
}

void
unit_wait(struct unit *u, int64_t ns)
{
	wait_on(u, u->rx_link, ns);
}

bool
unit_is_dead(const struct unit *u)
{
	return atomic_load(&u->bus_dead);
}

void
unit_wake(struct unit *u)
{
	shmbus_wake(u->rx_link->bus);
}

/* ---- sending ------------------------------------------------------------ */

int
unit_output(struct unit *u, const struct iovec *iov, int n, uint32_t len)
{
	struct link *l;
	int error;

	if (n > UNIT_PIECES_MAX)
		return EINVAL;
	pthread_mutex_lock(&u->tx);
	l = u->tx_link;
	if (l == NULL ||
	    atomic_load_explicit(&u->bus_dead, memory_order_relaxed)) {
		atomic_fetch_add(&u->n.out_down, 1);
		error = ENETDOWN;
		goto out;
	}
	error = shmbus_sendv(l->bus, iov, n);
	if (error == SHMBUS_EGIVENUP)
		error = shmbus_sendv(l->bus, iov, n);
	if (error == 0) {
		unit_count(&u->n.out_frames, 1);
		unit_count(&u->n.out_bytes, len);
	} else {
		atomic_fetch_add(&u->n.out_errors, 1);
	}
out:
	pthread_mutex_unlock(&u->tx);
	return error;
}

/* ---- life --------------------------------------------------------------- */

int
unit_new(struct unit **up, const struct stack_ops *ops, void *stack, int num)
{
	struct unit *u = calloc(1, sizeof(*u));
	struct shmbus_options none = { 0 };
	sigset_t all, old;
	int error;

	*up = NULL;
	if (u == NULL)
		return ENOMEM;
	u->num = num;
	u->ops = ops;
	u->stack = stack;
	urcu_ref_init(&u->ref);
	if ((error = unit_link_new(u, NULL, &none, &u->link)) != 0) {
		free(u);
		return error;
	}
	pthread_mutex_init(&u->ctl, NULL);
	pthread_mutex_init(&u->tx, NULL);
	sem_init(&u->rx_go, 0, 0);
	sem_init(&u->rx_idle, 0, 0);
	sem_init(&u->rx_turn, 0, 0);
	/*
	 * Signals of the program are not to be handled on this thread; SIGBUS
	 * is for its own accesses.
	 */
	sigfillset(&all);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGSEGV);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	error = pthread_create(&u->rx_thread, NULL, rx_main, u);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (error != 0) {
		free(u->link);
		free(u);
		return error;
	}
	*up = u;
	return 0;
}

void
unit_free(struct unit *u)
{
	atomic_store(&u->rx_quit, true);
	sem_post(&u->rx_go);
	pthread_join(u->rx_thread, NULL);
	read_wait();
	unit_link_free(u->link);
	sem_destroy(&u->rx_go);
	sem_destroy(&u->rx_idle);
	sem_destroy(&u->rx_turn);
	pthread_mutex_destroy(&u->tx);
	pthread_mutex_destroy(&u->ctl);
	free(u);
}

/* ---- counters ----------------------------------------------------------- */

static uint64_t
count_of(const _Atomic uint64_t *c)
{
	return atomic_load_explicit(c, memory_order_relaxed);
}

void
unit_refused(struct unit *u, unsigned reason)
{
	unit_count(&u->n.in_refused, 1);
	if (reason < UNIT_REFUSALS_MAX)
		unit_count(&u->n.refused[reason], 1);
}

uint64_t
unit_refusals(const struct unit *u, unsigned reason)
{
	return reason < UNIT_REFUSALS_MAX ? count_of(&u->n.refused[reason]) : 0;
}

void
unit_stats(struct unit *u, struct shmif_stats *st)
{
	const struct unit_counters *n = &u->n;
	struct shmbus_stats bus = { 0 };
	struct link *l;

	read_begin();
	l = read_pointer(u->link);
	if (l->bus != NULL)
		shmbus_stats(l->bus, &bus);
	stats_add(&bus, &l->past);
	read_end();
	*st = (struct shmif_stats){
		.in_frames = count_of(&n->in_frames),
		.in_bytes = count_of(&n->in_bytes),
		.in_skipped = bus.rx_skipped,
		.in_refused = count_of(&n->in_refused),
		.in_answered = count_of(&n->in_answered),
		.in_down = count_of(&n->in_down),
		.in_lost = bus.rx_lost,
		.in_errors = count_of(&n->in_errors) + bus.rx_bad,
		.out_frames = count_of(&n->out_frames),
		.out_bytes = count_of(&n->out_bytes),
		.out_down = count_of(&n->out_down),
		.out_errors = count_of(&n->out_errors),
		.batches = count_of(&n->batches),
		.wakeups = bus.wakeups,
		.rung = bus.rung,
	};
}
