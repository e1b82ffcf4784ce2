/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * futexfd.c - a futex that makes a descriptor readable
 *
 * DOC: Theory of Operation
 *
 * poll(2) knows no futexes, but io_uring can wait for one (Linux 6.7), and signals
 * an eventfd when it has something to tell.  With deferred completions
 * (IORING_SETUP_DEFER_TASKRUN) that happens in FUTEX_WAKE, on the side of the one
 * who wakes: no thread is involved, and the one who polls is not interrupted, as
 * it is without them (epoll_wait(2) then says EINTR).
 *
 * A wait is handed to the kernel once and ends once.  The kernel compares the
 * futex's value only when it takes the wait; one that it has ends by the next
 * FUTEX_WAKE, whatever the value is by then.  Not more than WAITS are handed over,
 * which is enough.
 *
 * Such a ring belongs to the thread that made it.  When another one takes over,
 * the kernel says EEXIST, and it makes a ring of its own for the same eventfd.
 * When the first one ends its waits end, too, and make the eventfd readable.  A
 * ring that is closed interrupts its thread once, some time later: the only thing
 * that a program may notice of it.
 *
 * The ring is used by the system calls themselves; there is little to them, and
 * Debian 12's liburing is older than this operation.
 */
#include <sys/mman.h>
#include <sys/syscall.h>
#include <errno.h>
#include <linux/io_uring.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "shmbus/internal.h"

#define ENTRIES 4u
#define WAITS 4u
/* What Debian 12's headers do not have yet. */
#define OP_FUTEX_WAIT 51u
#define FUTEX_32 2 /* FUTEX2_SIZE_U32, shared between processes */
#define ANY_WAKER 0xffffffffu

static void
close_ring(struct futexfd *f, bool forked)
{
	/* A child has no part in the mappings. */
	if (f->map != NULL && !forked)
		munmap(f->map, f->map_size);
	if (f->sqes != NULL && !forked)
		munmap(f->sqes, f->sqes_size);
	if (f->ring != -1)
		close(f->ring);
	f->map = f->sqes = NULL;
	f->ring = -1;
	f->waits = 0;
}

static void *
map_part(const struct futexfd *f, size_t size, uint64_t what)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_POPULATE, f->ring, (off_t)what);

	if (p == MAP_FAILED)
		return NULL;
	(void)madvise(p, size, MADV_DONTFORK);
	return p;
}

/* Makes a ring for F->event.  0 or an errno value. */
static int
open_ring(struct futexfd *f)
{
	struct io_uring_params p = { .flags = IORING_SETUP_SINGLE_ISSUER |
		    IORING_SETUP_DEFER_TASKRUN };
	size_t sq_size, cq_size;
	char *base;
	int error;

	f->ring = (int)syscall(SYS_io_uring_setup, ENTRIES, &p);
	if (f->ring == -1)
		return errno != 0 ? errno : ENOSYS;
	sq_size = p.sq_off.array + p.sq_entries * sizeof(unsigned);
	cq_size = p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe);
	f->map_size = sq_size > cq_size ? sq_size : cq_size;
	f->sqes_size = p.sq_entries * sizeof(struct io_uring_sqe);
	if (!(p.features & IORING_FEAT_SINGLE_MMAP) ||
	    (f->map = map_part(f, f->map_size, IORING_OFF_SQ_RING)) == NULL ||
	    (f->sqes = map_part(f, f->sqes_size, IORING_OFF_SQES)) == NULL ||
	    syscall(SYS_io_uring_register, f->ring, IORING_REGISTER_EVENTFD,
		&f->event, 1) != 0) {
		error = errno != 0 ? errno : ENOSYS;
		close_ring(f, false);
		return error;
	}
	base = f->map;
	f->sq_tail = (void *)(base + p.sq_off.tail);
	f->sq_array = (void *)(base + p.sq_off.array);
	f->sq_mask = p.sq_entries - 1;
	f->cq_head = (void *)(base + p.cq_off.head);
	f->cq_tail = (void *)(base + p.cq_off.tail);
	f->cqes = (void *)(base + p.cq_off.cqes);
	f->cq_mask = p.cq_entries - 1;
	return 0;
}

/* Hands N new entries to the kernel, and takes what has ended.  0 or errno. */
static int
enter(const struct futexfd *f, unsigned n)
{
	long done;

	do
		done = syscall(SYS_io_uring_enter, f->ring, n, 0,
		    IORING_ENTER_GETEVENTS, NULL, 0);
	while (done == -1 && errno == EINTR);
	return done == -1 ? errno : 0;
}

/*
 * Takes note of waits that have ended.  Returns how the one of entry number NTH
 * did: 0, or -1 if it has not.
 */
static int
ended(struct futexfd *f, uint64_t nth, int *result)
{
	unsigned head = *f->cq_head;
	int is = -1;

	while (head != __atomic_load_n(f->cq_tail, __ATOMIC_ACQUIRE)) {
		const struct io_uring_cqe *c = &f->cqes[head++ & f->cq_mask];

		if (c->user_data == nth) {
			*result = c->res;
			is = 0;
		}
		f->waits--;
	}
	__atomic_store_n(f->cq_head, head, __ATOMIC_RELEASE);
	return is;
}

/* futexfd_wait() with a ring that need not be ours; *RESULT: the wait's own. */
static int
wait_once(struct futexfd *f, uint32_t *futex, uint32_t value, int *result)
{
	struct io_uring_sqe *e;
	unsigned tail, at;
	int error;

	*result = 0;
	if (f->sqes == NULL) /* it could not be made anew */
		return ENOSYS;
	if (f->waits == WAITS) {
		if ((error = enter(f, 0)) != 0)
			return error;
		(void)ended(f, UINT64_MAX, result);
		if (f->waits == WAITS)
			return 0;
	}
	tail = *f->sq_tail;
	at = tail & f->sq_mask;
	e = (struct io_uring_sqe *)f->sqes + at;
	memset(e, 0, sizeof(*e));
	e->opcode = OP_FUTEX_WAIT;
	e->fd = FUTEX_32;
	e->addr = (uint64_t)(uintptr_t)futex;
	e->addr2 = value;
	e->addr3 = ANY_WAKER;
	e->user_data = tail;
	f->sq_array[at] = at;
	__atomic_store_n(f->sq_tail, tail + 1, __ATOMIC_RELEASE);
	if ((error = enter(f, 1)) != 0) {
		__atomic_store_n(f->sq_tail, tail, __ATOMIC_RELEASE);
		return error;
	}
	f->waits++;
	if (ended(f, tail, result) != 0)
		*result = 0;
	else if (*result == 0) /* woken already */
		*result = -EAGAIN;
	return 0;
}

/*
 * Makes F->event readable once *FUTEX is woken.  Returns 0; EAGAIN if the wait has
 * ended already, since *FUTEX is not VALUE or cannot be read; or why the kernel
 * refuses to wait.
 */
int
futexfd_wait(struct futexfd *f, uint32_t *futex, uint32_t value)
{
	int error, result = 0;

	error = wait_once(f, futex, value, &result);
	if (error == EEXIST) { /* another thread's */
		close_ring(f, false);
		if ((error = open_ring(f)) == 0)
			error = wait_once(f, futex, value, &result);
	}
	if (error != 0)
		return error;
	return result == 0 ? 0 : EAGAIN;
}

/*
 * Makes F, for the eventfd EVENT, which stays the caller's.  Returns 0, or why there
 * can be none: the kernel is older, or does not let us.
 */
int
futexfd_open(struct futexfd *f, int event)
{
	uint32_t word = 0;
	int error, result;

	memset(f, 0, sizeof(*f));
	f->event = event;
	errno = 0;
	if ((error = open_ring(f)) != 0)
		return error;
	/* One that must end at once tells whether it knows the operation. */
	error = wait_once(f, &word, 1, &result);
	if (error == 0 && result != -EAGAIN)
		error = ENOSYS;
	if (error != 0)
		close_ring(f, false);
	return error;
}

void
futexfd_close(struct futexfd *f, bool forked)
{
	close_ring(f, forked);
}
