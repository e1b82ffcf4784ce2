/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * threads.h - threads of a stack, what they wait for and how they are called
 *	(not installed)
 */
#ifndef SHMIF_LWIPV6_THREADS_H
#define SHMIF_LWIPV6_THREADS_H

#include "stack/lwipv6/abi.h"
#include "stack/lwipv6/replace/replace.h"
#include "shmif/unit.h"

/* ---- threads/timer.c ----------------------------------------------------- */

/* Frees the timers of the calling thread, which ends. */
void timers_end(void);

/* ---- threads/threads.c ---------------------------------------------------- */

/* Whether the calling thread is STACK's own, or is the stack for a while. */
bool thread_inside(const struct stack *stack);
/* Whether it is STACK's own: only there are STACK's timers. */
bool thread_owns(const struct stack *stack);
/* The stack whose thread this is, or NULL. */
struct stack *thread_stack(void);
/* Makes this thread count as STACK's own; NULL: as nobody's. */
void thread_be(struct stack *stack);
/* Runs FN(ARG) on STACK's thread and waits.  0 or ENOMEM. */
int thread_call(struct stack *stack, void (*fn)(void *), void *arg);

/* ---- threads/sem.c ------------------------------------------------------- */

/* Makes what the library makes at first use, before there are threads. */
void sem_early(struct stack *stack);

/* ---- threads/fds.c ------------------------------------------------------- */

/* A stack begins; what it makes next is its thread for descriptors. */
void fds_begin(struct stack *stack);
/* Whether that thread is to be fds_main(). */
bool fds_take_thread(struct stack *stack);
void fds_main(void *stack);
/* On the stack's thread: descriptors of NETIF are watched no longer. */
void fds_forget(const struct netif *netif);
bool fds_in_use(const struct netif *netif);
/* ---- threads/mbox.c ------------------------------------------------------ */

/* Whether M is one of ours; of the library's, it would have pipes. */
bool mbox_ours(const struct sys_mbox *m);
/* How many messages there are. */
unsigned mbox_waiting(struct sys_mbox *m);
/*
 * Between the two the calling thread, a stack's, wakes nobody: who has got a
 * message meanwhile is woken at the end.
 */
void mbox_batch_begin(void);
void mbox_batch_end(void);
bool mbox_batch(void); /* whether it is between the two */
/*
 * Wakes N threads that sleep at the futex BELL (private), INT_MAX: all; in a
 * batch, at its end.
 */
void mbox_wake_later(uint32_t *bell, int n);

/* ---- threads/queue.c: the queue of a stack ------------------------------ */

/*
 * The thread of STACK waits for the bus of U as well, and calls DRAIN(U) when
 * there are frames; one unit at a time: false when there is another.  On the
 * stack's thread.
 */
bool mbox_watch(struct stack *stack, struct unit *u,
    void (*drain)(struct unit *));
/* No more; U is not touched after this.  On the stack's thread. */
void mbox_unwatch(struct stack *stack, struct unit *u);
/*
 * Runs FN(ARG) as STACK: at once, on the caller's thread, while the stack's
 * sleeps, or else on that, later.  FN may do what is done on the stack's
 * thread, but may not start timers or wait for anybody; the caller holds no
 * lock that FN takes.  0 or ENOMEM.
 */
int core_call(struct stack *stack, void (*fn)(void *), void *arg);
/*
 * A place where the TCP of STACK keeps what it knows, NULL at first; or NULL:
 * STACK has no queue any more.
 */
void **stack_slot(struct stack *stack);
/* STACK ends: does what is queued now.  On the stack's thread. */
void queue_finish(struct stack *stack);
/* Frees what is in the queue of STACK, and the queue: there is no thread. */
void queue_free(struct stack *stack);

/* ---- threads/spin.c ------------------------------------------------------ */

struct spin {
	unsigned misses; /* in a row */
	unsigned skip;	 /* waits that do not look */
	_Atomic unsigned again;
};
/*
 * Looks for up to NS until READY(ARG), before one sleeps; less often where that
 * was in vain.  One thread uses S at a time; all zeros: new.  Returns whether
 * it was ready.
 */
bool spin_wait(struct spin *s, int64_t ns, bool (*ready)(void *), void *arg);
/* Has who looks with S do so for as long again, once: from any thread. */
void spin_again(struct spin *s);

#endif /* SHMIF_LWIPV6_THREADS_H */
