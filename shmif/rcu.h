/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rcu.h - reading under RCU, and waiting for those who read (not installed)
 *
 * Thin names for liburcu's bp flavour.  ThreadSanitizer cannot see into the
 * library: what its calls order is told to it here.
 */
#ifndef SHMIF_RCU_H
#define SHMIF_RCU_H

#include <urcu-bp.h>

#if defined(__SANITIZE_THREAD__)
void __tsan_acquire(void *addr);
void __tsan_release(void *addr);
#define rcu_tell_before(addr) __tsan_release((void *)(addr))
#define rcu_tell_after(addr) __tsan_acquire((void *)(addr))
#else
#define rcu_tell_before(addr) ((void)(addr))
#define rcu_tell_after(addr) ((void)(addr))
#endif

extern char
    rcu_readers; /* for ThreadSanitizer: stands for all read-side sections; in unit.c */

static inline void
read_begin(void)
{
	rcu_read_lock();
}

static inline void
read_end(void)
{
	rcu_tell_before(&rcu_readers);
	rcu_read_unlock();
}

/* Returns when every read-side section that is open now has ended. */
static inline void
read_wait(void)
{
	synchronize_rcu();
	rcu_tell_after(&rcu_readers);
}

/* Publishes pointer V at P; reads a published one. */
#define read_publish(p, v) \
	do { \
		rcu_tell_before(&(p)); \
		rcu_assign_pointer((p), (v)); \
	} while (0)
#define read_pointer(p) \
	({ \
		__typeof__(p) v_ = rcu_dereference(p); \
		rcu_tell_after(&(p)); \
		v_; \
	})

#endif /* SHMIF_RCU_H */
