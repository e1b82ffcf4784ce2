/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * guard.c - the list of mappings: a file that is truncated, a process that forks
 *
 * DOC: Theory of Operation
 *
 * All mappings of buses in this process are in one list.  Its nodes are never
 * freed, only used again, so that a signal handler may walk it at any time
 * without a lock.
 *
 * THE GUARD.  When a file is truncated, the mapping has pages that raise SIGBUS
 * when they are accessed.  The guard is the handler for that, which
 * shmbus_guard() installs.  It maps a page of zeros in place of the missing one,
 * marks the mapping as broken, and lets the access go on.  To the ring the zeros
 * are one more lie in the file: its loops are bounded and nothing that it reads
 * is used as an index, so the call ends, and the next one sees the mark, which is
 * the error to return.  That is SHMBUS_ETRUNC; but where the file is as long as
 * the mapping, it is ENOSPC: the page exists and could not be had.  It was not
 * allocated (a sparse copy) or has to be copied before it is written to (a
 * snapshot), and the file system is full; a disk that cannot be read looks the
 * same.
 *
 * FORK.  A child made by fork() inherits the descriptor whose lock says that the
 * attachment is alive, or that the file is being created.  If the child kept it,
 * nobody would notice the parent's death for as long as the child lives.  So each
 * descriptor of a bus file is entered in the list before another thread can fork
 * (mapping_open()), the child closes it at once, and it does not inherit the
 * mapping (MADV_DONTFORK).
 */
#include <sys/mman.h>
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shmbus/internal.h"

#define NO_FD (~(AO_t)0)

static struct mapping *mappings; /* added to with the lock, read without it */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct sigaction before; /* the handler that the guard replaced */

static struct mapping *
first(void)
{
	return __atomic_load_n(&mappings, __ATOMIC_ACQUIRE);
}

/* Runs in the child: closes the descriptors of the parent's attachments. */
static void
fork_child(void)
{
	struct mapping *m;

	for (m = first(); m != NULL; m = m->next) {
		AO_t fd = AO_load(&m->fd);

		if (fd == NO_FD)
			continue;
		close((int)fd);
		AO_store(&m->fd, NO_FD);
		AO_store(&m->forked, AO_load(&m->base) != 0);
	}
	pthread_mutex_unlock(&lock);
}

static void
fork_begins(void)
{
	pthread_mutex_lock(&lock);
}

static void
fork_ends(void)
{
	pthread_mutex_unlock(&lock);
}

static void
register_fork(void)
{
	pthread_atfork(fork_begins, fork_ends, fork_child);
}

/* Returns a node that is not in use, or NULL.  The caller has the lock. */
static struct mapping *
unused(void)
{
	struct mapping *m;

	for (m = mappings; m != NULL; m = m->next)
		if (AO_load(&m->base) == 0 && AO_load(&m->fd) == NO_FD)
			return m;
	if ((m = calloc(1, sizeof(*m))) != NULL) {
		m->next = mappings;
		__atomic_store_n(&mappings, m, __ATOMIC_RELEASE);
	}
	return m;
}

/*
 * Opens the file PATH, as open() does, and enters its descriptor in the list.
 * Returns 0 with the node in *MP, to be given to mapping_remove(), or an errno
 * value.
 */
int
mapping_open(const char *path, int flags, mode_t mode, struct mapping **mp)
{
	struct mapping *m;
	int error = ENOMEM;
	int fd;

	pthread_once(&once, register_fork);
	pthread_mutex_lock(&lock);
	if ((m = unused()) != NULL) {
		fd = open(path, flags, mode);
		error = fd == -1 ? errno : 0;
		AO_store(&m->fd, fd == -1 ? NO_FD : (AO_t)fd);
		AO_store(&m->broken, 0);
		AO_store(&m->forked, 0);
	}
	pthread_mutex_unlock(&lock);
	*mp = error == 0 ? m : NULL;
	return error;
}

int
mapping_failed(int error)
{
	if (error != ENODEV && error != EOPNOTSUPP && error != ENOSYS) {
		why_set("%s: it cannot be mapped", strerror(error));
		return error;
	}
	why_set("its file system has no shared mappings (mmap, MAP_SHARED)");
	return ENODEV;
}

/*
 * Maps the first LEN bytes of the file of M, with the further FLAGS of mmap().
 * A mapping keeps the file open, and its locks, so no child may inherit one.
 * Returns 0 with the address in *BASE, or an errno value.
 */
int
mapping_map(struct mapping *m, size_t len, bool readonly, int flags,
    void **base)
{
	int prot = readonly ? PROT_READ : PROT_READ | PROT_WRITE;
	int error = 0;

	pthread_mutex_lock(&lock);
	*base = mmap(NULL, len, prot, MAP_SHARED | flags, (int)AO_load(&m->fd),
	    0);
	if (*base == MAP_FAILED) {
		error = mapping_failed(errno);
	} else {
		madvise(*base, len, MADV_DONTFORK);
		AO_store(&m->readonly, readonly);
		AO_store(&m->len, len);
		AO_store_release(&m->base, (AO_t)(uintptr_t)*base);
	}
	pthread_mutex_unlock(&lock);
	return error;
}

/* Unmaps and closes M; the node may be used again. */
void
mapping_remove(struct mapping *m)
{
	void *base = (void *)(uintptr_t)AO_load(&m->base);
	AO_t fd = AO_load(&m->fd);

	pthread_mutex_lock(&lock);
	/* Before other mappings can get these addresses. */
	AO_store_full(&m->base, 0);
	if (!AO_load(&m->forked)) {
		if (base != NULL)
			munmap(base, AO_load(&m->len));
		close((int)fd);
	}
	AO_store(&m->fd, NO_FD);
	pthread_mutex_unlock(&lock);
}

/* Passes a SIGBUS that is not ours to the handler that was there before. */
static void
pass_on(int sig, siginfo_t *info, void *context)
{
	if (before.sa_flags & SA_SIGINFO) {
		before.sa_sigaction(sig, info, context);
	} else if (before.sa_handler != SIG_DFL &&
	    before.sa_handler != SIG_IGN) {
		before.sa_handler(sig);
	} else if (info->si_code > 0) {
		/* A fault: the access is repeated and ends the process. */
		signal(sig, SIG_DFL);
	} else if (before.sa_handler == SIG_DFL) {
		/* Sent by a process: it arrives when this handler returns. */
		signal(sig, SIG_DFL);
		raise(sig);
	}
}

/* Why a page of M is missing: the file was truncated, or there is no space. */
static AO_t
why_missing(const struct mapping *m)
{
	AO_t fd = AO_load(&m->fd);
	struct stat st;

	return fd != NO_FD && fstat((int)fd, &st) == 0 &&
		(uint64_t)st.st_size >= AO_load(&m->len) ?
	    ENOSPC :
	    SHMBUS_ETRUNC;
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
		if (AO_load(&m->broken) == 0)
			AO_store(&m->broken, why_missing(m));
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
