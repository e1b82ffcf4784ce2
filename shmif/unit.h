/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * unit.h - one interface between a stack and a bus (not installed)
 */
#ifndef SHMIF_UNIT_H
#define SHMIF_UNIT_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>
#include <urcu/ref.h>

#include "shmbus/shmbus.h"

#include "shmif/shmif.h"
#include "shmif/stack.h"

/* Frames that one visit to the stack's thread handles at most. */
#define UNIT_BUDGET 64u
/* Reasons for which a stack may refuse a frame. */
#define UNIT_REFUSALS_MAX 96u
/* Pieces of a frame that unit_output() takes. */
#define UNIT_PIECES_MAX 64

/*
 * A connection to a bus, or to none.  Published by RCU; nothing in it changes
 * until it is freed after a grace period.
 */
struct link {
	struct shmbus *bus; /* NULL: no bus */
	uint32_t frame_max;
	uint16_t bus_mtu;	  /* 0: no bus */
	uint32_t slots;		  /* of the bus; 0: no bus */
	struct shmbus_stats past; /* of the connections before this one */
	char path[];
};

/* The unit's own counters; each has one writer at a time. */
struct unit_counters {
	_Atomic uint64_t in_frames, in_bytes, in_refused, in_answered, in_down;
	_Atomic uint64_t in_errors, out_frames, out_bytes, out_down;
	_Atomic uint64_t out_errors, batches;
	_Atomic uint64_t refused[UNIT_REFUSALS_MAX]; /* by reason */
};

struct unit {
	int num;
	struct urcu_ref ref;
	const struct stack_ops *ops;
	void *stack; /* the stack that carries it */
	void *port;  /* the stack's side of it */

	pthread_mutex_t ctl; /* held by whoever changes the unit */
	bool dead;	     /* under ctl: destroyed */
	unsigned mtu_wanted; /* under ctl; 0: the largest possible */
	bool promisc;	     /* under ctl */
	uint8_t mac[6];	     /* under ctl */

	struct link *link; /* RCU; changed under ctl; never NULL */

	pthread_mutex_t tx;   /* the send side of the attachment */
	struct link *tx_link; /* under tx; NULL: do not send */

	/* The receive side: see the DOC block of unit.c. */
	pthread_t rx_thread;
	struct link *rx_link;
	atomic_bool rx_quit;
	atomic_bool rx_stop;
	atomic_bool bus_dead; /* the bus file was truncated */
	atomic_int bus_error; /* what was found the last time; 0: nothing */
	sem_t rx_go;	      /* rx_link is there to be waited for */
	sem_t rx_idle;	      /* the thread is done with rx_link */
	sem_t rx_turn;	      /* the stack's thread is done with it for now */
	bool rx_more;	      /* it left frames behind */
	bool rx_direct;	      /* the stack's thread waits for the bus */
	int64_t rx_check_at;  /* when to check the bus file next */
	int rx_said;	      /* what was said of the file: ENOENT, replaced */
	bool link_seen;	      /* what set_link() was told last */

	struct unit_counters n;
};

/*
 * A unit without bus and port, its receive thread idle; reference count 1.
 * Returns 0, ENOMEM or EAGAIN.
 */
int unit_new(struct unit **up, const struct stack_ops *ops, void *stack,
    int num);
/* Ends the thread of U and frees U. Only readers under RCU may still know U. */
void unit_free(struct unit *u);

/*
 * A new link to the bus PATH (NULL: to none), not in use yet.  With OPT NULL
 * the cable to PATH is pulled: the link has its name, but no bus.  Returns 0,
 * ENOMEM, or what shmbus_attach() gives.
 */
int unit_link_new(const struct unit *u, const char *path,
    const struct shmbus_options *opt, struct link **lp);
/* Detaches and frees a link that is not in use. */
void unit_link_free(struct link *l);

/* How many frames the bus of U remembers; 0: it has none. */
uint32_t unit_ring_frames(const struct unit *u);

/*
 * Stops receiving and sending. ORPHANED: called on the stack's thread, which
 * is about to end and will run no unit_drain() any more.
 */
void unit_stop(struct unit *u, bool orphaned);
/* Makes L the link of U, which is stopped, and frees the one before. */
void unit_set_link(struct unit *u, struct link *l);
/* Leaves the bus for good: U is stopped, and nothing looks at it any more. */
void unit_leave(struct unit *u);
/* Begins to receive and send. */
void unit_start(struct unit *u);

/* ---- name.c ------------------------------------------------------------- */

#define UNIT_NAME "shmif" /* what the names of units begin with */

/* The name of unit N. */
void unit_name(int n, char name[SHMIF_NAME_MAX]);
/* The number of the unit that is called NAME, whether it exists or not; -1: no
 * unit can have this name. */
int unit_number(const char *name);

/* ---- table.c ------------------------------------------------------------ */

/*
 * Reserves the number WANT, or with -1 the lowest that is free.  Returns it,
 * or -1.
 */
int table_reserve(int want);
/* The number N may be reserved again. */
void table_release(int n);
/* U can be found as N from now on. */
void table_publish(int n, struct unit *u);
/*
 * Takes unit N out of the table. When it returns no reader knows it any more.
 */
void table_unpublish(int n);
/* Unit N inside a read-side section, or NULL. */
struct unit *unit_look(int n);
/* Drops a reference; the last one frees U. */
void unit_put(struct unit *u);
/*
 * Finds unit N and locks it for a change.  Returns 0, ENXIO, or EDEADLK on
 * the stack's own thread.
 */
int unit_hold(int n, struct unit **up);
void unit_drop(struct unit *u);

/* ---- shmif.c ------------------------------------------------------------ */

/*
 * shmif_create_opt() with the unit number WANT, or -1 for the lowest that is
 * free. EEXIST: unit WANT exists.
 */
int unit_create(const char *path, const struct shmif_options *opt, int want,
    int *ifnum);
/* The MTU that was set for unit N; 0: the largest possible. */
unsigned unit_mtu_wanted(int n);

/*
 * What is wrong with the bus file of unit N, as was found when it was checked
 * last, which is done once a second: 0, ENOENT (the file was removed),
 * SHMBUS_EREPLACED (another file has its path), SHMBUS_ETRUNC, or what else
 * ended the use of the bus.  Never waits.
 */
int unit_bus_error(int n);
/* Fills in *ST.  Never waits. */
void unit_stats(struct unit *u, struct shmif_stats *st);
/* How many frames were refused for REASON.  Never waits. */
uint64_t unit_refusals(const struct unit *u, unsigned reason);

/* ---- for the stack ----------------------------------------------------- */

/* On the stack's thread, once for each kick(): takes what there is. */
void unit_drain(struct unit *u);
/*
 * For a unit that the stack's thread watches, on that thread: whether a drain
 * has something to do; waiting for that, for at most NS (negative: for ever,
 * but it returns now and then); whether there is nothing to watch any more.
 */
bool unit_ready(struct unit *u);
void unit_wait(struct unit *u, int64_t ns);
bool unit_is_dead(const struct unit *u);
/* Ends the present or else the next unit_wait().  Any thread. */
void unit_wake(struct unit *u);
/*
 * Sends one frame of N pieces, LEN bytes in all.  Any thread.  Returns 0,
 * ENETDOWN (no bus), EMSGSIZE, EINVAL (too many pieces), or what
 * shmbus_sendv() gives.
 */
int unit_output(struct unit *u, const struct iovec *iov, int n, uint32_t len);
/*
 * Something that came is not taken, for REASON, which is one of those that
 * ops->refusal() knows.  On the stack's thread.
 */
void unit_refused(struct unit *u, unsigned reason);
/* The stack is being taken down: on its thread, once, instead of detach(). */
void unit_orphaned(struct unit *u);

static inline void
unit_set_port(struct unit *u, void *port)
{
	u->port = port;
}

static inline void *
unit_port(const struct unit *u)
{
	return u->port;
}

/* A counter with one writer. */
static inline void
unit_count(_Atomic uint64_t *c, uint64_t by)
{
	atomic_store_explicit(c,
	    atomic_load_explicit(c, memory_order_relaxed) + by,
	    memory_order_relaxed);
}

#endif /* SHMIF_UNIT_H */
