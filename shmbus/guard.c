/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * guard.c - what other processes, and our own children, do to a mapping
 *
 * DOC: Theory of Operation
 *
 * All mappings of buses in this process are in one list, whose nodes are
 * never freed, only used again, so that a signal handler may walk it at any
 * time without a lock.
 *
 * A file that is truncated leaves pages that raise SIGBUS when touched.  The
 * handler, installed on request, puts a page of zeros in place of the missing
 * one, marks the mapping broken, and lets the access go on.  To the ring the
 * zeros are one more lie in the file: its loops are bounded and nothing is
 * indexed by what it reads, so the call comes to an end, and the next one sees
 * the mark and returns SHMBUS_ETRUNC.
 *
 * A child made by fork() inherits the descriptor whose lock says that the
 * attachment is alive.  If it kept it, a parent's death would go unnoticed
 * for as long as the child lives.  So the child closes it at once, and does
 * not inherit the mapping (MADV_DONTFORK).
 */
#include <sys/mman.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "shmbus/internal.h"

#define NO_FD (~(AO_t)0)

static struct mapping *mappings; /* pushed to under the lock, read without */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct sigaction before;

static struct mapping *
first(void)
{
	return __atomic_load_n(&mappings, __ATOMIC_ACQUIRE);
}

/* In the child: lets go of the parent's attachments. */
static void
fork_child(void)
{
	struct mapping *m;

	for (m = first(); m != NULL; m = m->next) {
		AO_t fd = AO_load(&m->fd);

		if (AO_load(&m->base) == 0 || fd == NO_FD)
			continue;
		close((int)fd);
		AO_store(&m->fd, NO_FD);
		AO_store(&m->forked, 1);
	}
	pthread_mutex_unlock(&lock);
}

static void
register_fork(void)
{
	pthread_atfork(mappings_lock, mappings_unlock, fork_child);
}

/* Keeps forks away, and other changes to the list. */
void
mappings_lock(void)
{
	pthread_once(&once, register_fork);
	pthread_mutex_lock(&lock);
}

void
mappings_unlock(void)
{
	pthread_mutex_unlock(&lock);
}

/*
 * Enters a mapping and its descriptor; the caller has the lock.  Returns the
 * node, or NULL without memory.
 */
struct mapping *
mapping_add(void *base, size_t len, bool readonly, int fd)
{
	struct mapping *m;

	for (m = mappings; m != NULL && AO_load(&m->base) != 0; m = m->next)
		;
	if (m == NULL && (m = calloc(1, sizeof(*m))) != NULL) {
		m->next = mappings;
		__atomic_store_n(&mappings, m, __ATOMIC_RELEASE);
	}
	if (m != NULL) {
		AO_store(&m->broken, 0);
		AO_store(&m->forked, 0);
		AO_store(&m->readonly, readonly);
		AO_store(&m->fd, (AO_t)fd);
		AO_store(&m->len, len);
		AO_store_release(&m->base, (AO_t)(uintptr_t)base);
	}
	madvise(base, len, MADV_DONTFORK);
	return m;
}

/* Unmaps, closes, and frees the node for another. */
void
mapping_remove(struct mapping *m)
{
	void *base = (void *)(uintptr_t)AO_load(&m->base);
	int fd = (int)AO_load(&m->fd);

	mappings_lock();
	AO_store(&m->fd, NO_FD);
	if (!AO_load(&m->forked)) {
		/* Before the addresses are somebody else's. */
		AO_store_full(&m->base, 0);
		munmap(base, AO_load(&m->len));
		close(fd);
	}
	AO_store_release(&m->base, 0);
	mappings_unlock();
}

/* Hands a SIGBUS that is not ours to whoever had it before. */
static void
pass_on(int sig, siginfo_t *info, void *context)
{
	if (before.sa_flags & SA_SIGINFO) {
		before.sa_sigaction(sig, info, context);
	} else if (before.sa_handler != SIG_DFL &&
	    before.sa_handler != SIG_IGN) {
		before.sa_handler(sig);
	} else if (info->si_code > 0) {
		/* A fault: the access is repeated, and is deadly then. */
		signal(sig, SIG_DFL);
	} else if (before.sa_handler == SIG_DFL) {
		/* Sent by somebody: pending until this handler returns. */
		signal(sig, SIG_DFL);
		raise(sig);
	}
}

static void
on_sigbus(int sig, siginfo_t *info, void *context)
{
	uintptr_t at = (uintptr_t)info->si_addr;
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	int saved = errno;
	struct mapping *m;

	for (m = first(); m != NULL; m = m->next) {
		uintptr_t base = AO_load_acquire(&m->base);

		if (base == 0 || at < base || at - base >= AO_load(&m->len))
			continue;
		AO_store(&m->broken, 1);
		if (mmap((void *)(at & ~(page - 1)), page,
			AO_load(&m->readonly) ? PROT_READ :
						PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
			0) == MAP_FAILED)
			break;
		errno = saved;
		return;
	}
	errno = saved;
	pass_on(sig, info, context);
}

int
shmbus_guard(void)
{
	struct sigaction sa = { .sa_sigaction = on_sigbus,
		.sa_flags = SA_SIGINFO | SA_ONSTACK };
	struct sigaction old;

	sigemptyset(&sa.sa_mask);
	if (sigaction(SIGBUS, NULL, &old) != 0)
		return errno;
	if ((old.sa_flags & SA_SIGINFO) && old.sa_sigaction == on_sigbus)
		return 0;
	before = old;
	return sigaction(SIGBUS, &sa, NULL) == 0 ? 0 : errno;
}
