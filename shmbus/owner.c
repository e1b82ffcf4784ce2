/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * owner.c - the numbers of attachments: taking one, and who is alive
 *
 * DOC: Theory of Operation
 *
 * Attachment i holds a write lock on byte i of a range far beyond the file's
 * end, by an open file description lock.  Taking the first byte that is free
 * is attaching.  The kernel drops the lock when the process ends, however it
 * ends, and anybody may ask whether it is held, across PID namespaces too.
 * So it is never in doubt whether the owner of a number is alive, and there is
 * no lock in the file's memory.
 *
 * READ LOCKS OF OTHERS.  Who may only read the file can have read locks, on all
 * bytes at once, and then nobody gets a write lock.  Whatever locks are held,
 * a process that may only read could hold the same; the kernel does not tell
 * whose they are.  What it can not do is write.  So where a write lock is
 * refused because of read locks alone, a number is taken by a claim instead: a
 * word in its entry that names the process, changed by compare-and-swap.  The
 * claimant has a read lock on the byte, too:
 *
 *	           write lock
 *	   free ---------------> LOCKED: write lock, no claim
 *	    |                      ^
 *	    | read lock, then      | write lock (owner_keep(), once a second),
 *	    v claim = ours         | then claim = 0
 *	   CLAIMED: read lock and claim
 *
 * Two cannot have the same number: the read lock of a claimant keeps others
 * from LOCKED, and the compare-and-swap keeps them from CLAIMED.
 *
 * WHO IS ALIVE.  LOCKED: who holds a write lock; read locks do not count.
 * CLAIMED: the owner is dead if nobody has any lock on the byte; or if somebody
 * has, perhaps one who only reads, but the process that the claim names does not
 * exist.  That can only be said in the PID namespace which the claim names, too.
 * In another one the owner then counts as alive.  So the worst that is left to
 * one who may only read, and only while it has its locks: the number, and a slot,
 * of one who has attached meanwhile and died remain out of use until somebody in
 * the same PID namespace looks.
 *
 * The claim is loaded before the locks are asked for, and becomes 0 after the
 * write lock was got: if a 0 was loaded, then that owner's write lock is seen.
 * An owner has claimed the number before it writes it to any slot; so if a slot
 * names it, then its claim is loaded, or its write lock seen.
 */
#include <sys/stat.h>
#include <sys/syscall.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "shmbus/internal.h"

/* Claimants that look at each other's locks try again; so often, at most. */
#define CLAIM_ROUNDS 16u

/* A claim: PID namespace in bits 36..63, process in 14..35, any below. */
#define CLAIM_SPACE_SHIFT 36
#define CLAIM_PID_SHIFT 14
#define CLAIM_SPACE_MASK (~(uint64_t)0 >> CLAIM_SPACE_SHIFT)
#define CLAIM_PID_MASK (((AO_t)1 << (CLAIM_SPACE_SHIFT - CLAIM_PID_SHIFT)) - 1)
#define CLAIM_ANY_MASK (((AO_t)1 << CLAIM_PID_SHIFT) - 1)

/* The claim of number I in the table of B, whose file is mapped. */
static AO_t *
claim_of(const struct shmbus *b, unsigned i)
{
	struct format_attachment *table;

	table = (void *)((char *)b->base + FORMAT_HEADER);
	return &table[i].claim;
}

/* Returns what names our PID namespace, or 0 if it is not known. */
static AO_t
our_space(void)
{
	struct stat st;

	if (stat("/proc/self/ns/pid", &st) == -1)
		return 0;
	return (AO_t)st.st_ino & CLAIM_SPACE_MASK;
}

/* Returns a claim of this process. */
static AO_t
our_claim(void)
{
	return our_space() << CLAIM_SPACE_SHIFT |
	    ((AO_t)getpid() & CLAIM_PID_MASK) << CLAIM_PID_SHIFT |
	    (clock_ns(CLOCK_MONOTONIC) & CLAIM_ANY_MASK);
}

/* Whether the process PID of our namespace has certainly ended. */
static bool
has_ended(pid_t pid)
{
	struct pollfd p = { .events = POLLIN };
	bool ended;

	p.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (p.fd == -1)
		return errno == ESRCH ||
		    (errno != EINVAL && kill(pid, 0) == -1 && errno == ESRCH);
	/* One that nobody has waited for yet has ended, too. */
	ended = poll(&p, 1, 0) == 1 && (p.revents & POLLIN) != 0;
	close(p.fd);
	return ended;
}

/* Whether the process that CLAIM names has certainly ended. */
static bool
claimant_is_dead(AO_t claim)
{
	pid_t pid = (pid_t)(claim >> CLAIM_PID_SHIFT & CLAIM_PID_MASK);
	AO_t space = claim >> CLAIM_SPACE_SHIFT;

	return pid > 0 && space != 0 && space == our_space() && has_ended(pid);
}

/* Whether number I has an owner other than B that is, or may be, alive. */
bool
owner_is_alive(const struct shmbus *b, unsigned i)
{
	AO_t claim = AO_load_acquire(claim_of(b, i));
	int64_t byte = FORMAT_LOCK_ATTACH + i;

	if (file_locked(b->fd, byte, false))
		return true;
	return claim != 0 && file_locked(b->fd, byte, true) &&
	    !claimant_is_dead(claim);
}

/*
 * Claims number I, on which read locks of others may be.  Returns 0, EAGAIN if
 * it has an owner, or another errno value.
 */
static int
claim_number(struct shmbus *b, unsigned i)
{
	AO_t *word = claim_of(b, i);
	AO_t ours = our_claim();
	AO_t claim;
	int error;

	error = file_lock(b->fd, FORMAT_LOCK_ATTACH + i, LOCK_TO_READ);
	if (error != 0)
		return error;
	claim = AO_load_acquire(word);
	if ((claim == 0 || !owner_is_alive(b, i)) &&
	    AO_compare_and_swap_full(word, claim, ours)) {
		b->claim_word = ours;
		return 0;
	}
	file_lock(b->fd, FORMAT_LOCK_ATTACH + i, LOCK_NONE);
	return EAGAIN;
}

/* Says how many of all numbers have an owner. */
static int
say_full(const struct shmbus *b)
{
	unsigned i, owned = 0;

	for (i = 0; i < FORMAT_ATTACHMENTS; i++)
		owned += owner_is_alive(b, i);
	if (owned == FORMAT_ATTACHMENTS)
		why_set("%u are attached already", owned);
	else
		why_set("%u are attached, and others try to", owned);
	return SHMBUS_EFULL;
}

/*
 * Takes the first free number for B, whose file is mapped: *ME.  Returns 0,
 * SHMBUS_EFULL, or an errno value.
 */
int
owner_take_number(struct shmbus *b, unsigned *me)
{
	const struct timespec ms = { .tv_nsec = 1000000 };
	unsigned i, round;
	int error;

	for (i = 0; i < FORMAT_ATTACHMENTS; i++) {
		error = file_lock(b->fd, FORMAT_LOCK_ATTACH + i, LOCK_TO_WRITE);
		if (error == EAGAIN)
			continue;
		if (error == 0) /* of one who is dead, if there is a claim */
			AO_store_full(claim_of(b, i), 0);
		*me = i;
		return file_lock_failed(error);
	}
	for (round = 0; round < CLAIM_ROUNDS; round++) {
		bool unclear = false;

		for (i = 0; i < FORMAT_ATTACHMENTS; i++) {
			error = claim_number(b, i);
			if (error != EAGAIN) {
				*me = i;
				return error;
			}
			unclear = unclear ||
			    !file_locked(b->fd, FORMAT_LOCK_ATTACH + i, false);
		}
		if (!unclear)
			break;
		nanosleep(&ms, NULL);
	}
	return say_full(b);
}

/*
 * Looks after B's claim, if it has one: gets the write lock in place of it, once
 * no other process has a read lock; or else enters it again, if somebody has
 * written to it.
 */
void
owner_keep(struct shmbus *b)
{
	AO_t *word = claim_of(b, b->ring.me);

	if (b->claim_word != 0 &&
	    file_lock(b->fd, FORMAT_LOCK_ATTACH + b->ring.me, LOCK_TO_WRITE) ==
		0)
		b->claim_word = 0;
	if (AO_load(word) != b->claim_word)
		AO_store_full(word, b->claim_word);
}

/* Gives B's number back; the last thing that it does with it. */
void
owner_leave(struct shmbus *b)
{
	if (b->claim_word != 0)
		AO_compare_and_swap_full(claim_of(b, b->ring.me), b->claim_word,
		    0);
}
