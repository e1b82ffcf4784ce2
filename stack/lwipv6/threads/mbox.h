/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mbox.h - a mailbox, and a stack's queue, which is one; private to mbox.c and
 *	queue.c
 *
 * "Under lock" means with the lock of the mailbox held; what sleeps lets it go
 * meanwhile.
 */
#ifndef SHMIF_LWIPV6_MBOX_H
#define SHMIF_LWIPV6_MBOX_H

#include "base/clock.h"
#include "stack/lwipv6/threads/threads.h"

#define MS 1000000L

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
	bool reclaimed;	      /* it is awake and waits until that is over */
	void (*drain)(struct unit *); /* takes what there is for WATCHED */
	void *slot;		      /* stack_slot() */
};

/* ---- mbox.c -------------------------------------------------------------- */

/* Sleeps while *F is V, for NS at most (negative: for ever). */
void mbox_futex_wait(uint32_t *f, uint32_t v, int64_t ns);
/* Wakes N threads that sleep at F. */
void mbox_futex_wake(uint32_t *f, int n);
/*
 * Whether somebody has to be woken by the caller, after the lock; under lock.
 */
bool mbox_call_someone(struct sys_mbox *m);
/* Looks before sleeping, for NS at most; under lock.  True: do not sleep. */
bool mbox_look_for(struct sys_mbox *m, int64_t ns);
/* Sleeps until there may be a message, or END; under lock. */
void mbox_sleep_until(struct sys_mbox *m, int64_t end);

/* ---- queue.c ------------------------------------------------------------- */

/* The queue of the stack whose thread this is, or NULL. */
struct sys_mbox *queue_own(void);
/* As mbox_sleep_until(), for a stack's thread and its queue; under lock. */
void queue_park(struct sys_mbox *m, int64_t end);
/* Queues a drain where there are frames, behind the messages there are. */
void queue_look_at_bus(struct sys_mbox *m);

#endif /* SHMIF_LWIPV6_MBOX_H */
