/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * target.c - the processes that make calls: their memory and descriptors
 *
 * DOC: A notification names a thread.  Descriptors are found by a pidfd of its
 * process, which is kept: a number that goes to another process later leads to
 * a pidfd whose process has ended, and to an error, never to a descriptor of a
 * stranger.  Memory is read and written by the thread's number, and what was
 * read counts only if the kernel says after that the thread still waits for
 * the call.
 *
 * Of many processes the pidfds of those are kept that called last; a process
 * that has a call under way, or a default stack of its own, stays.
 */
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mstack/launch/launch.h"

#define PROCS_MAX 512 /* pidfds that are kept */

/*
 * The number after NAME in the file STATUS of process PID; or 0, and in *ERROR
 * ENFILE if that is the reason.
 */
static pid_t
status_field(pid_t pid, const char *name, int *error)
{
	char path[64], text[4096], *at;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%ld/status", (long)pid);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1) {
		if (errno == EMFILE || errno == ENFILE)
			*error = ENFILE;
		return 0;
	}
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	at = strstr(text, name);
	return at == NULL ? 0 : (pid_t)strtol(at + strlen(name), NULL, 10);
}

pid_t
proc_parent(pid_t tgid)
{
	int error;

	return status_field(tgid, "\nPPid:", &error);
}

static struct proc *
find(struct super *su, pid_t tgid)
{
	struct proc *p = su->procs;

	while (p != NULL && p->tgid != tgid)
		p = p->next;
	return p;
}

/* Whether P is needed for more than its next call. */
static bool
is_needed(const struct super *su, const struct proc *p)
{
	const struct stack_default *d;
	const struct call *c;

	for (c = su->calls; c != NULL; c = c->next)
		if (c->proc == p)
			return true;
	for (d = su->defaults; d != NULL; d = d->next)
		if (d->tgid == p->tgid)
			return true;
	return false;
}

/* Where there are too many, forgets the one that has not called for longest. */
static void
make_room(struct super *su)
{
	struct proc *p, *last = NULL;
	size_t n = 0;

	for (p = su->procs; p != NULL; p = p->next)
		n++;
	if (n < PROCS_MAX && n < (size_t)su->files / 4)
		return;
	for (p = su->procs; p != NULL; p = p->next)
		if (!is_needed(su, p))
			last = p;
	if (last != NULL)
		proc_ended(su, last);
}

/* P called: it is the first of the list. */
static struct proc *
put_first(struct super *su, struct proc *p)
{
	struct proc **pp = &su->procs;

	while (*pp != p)
		pp = &(*pp)->next;
	*pp = p->next;
	p->next = su->procs;
	su->procs = p;
	return p;
}

static struct proc *
add(struct super *su, pid_t tgid, int *error)
{
	struct proc *p;

	make_room(su);
	*error = ENOMEM;
	if ((p = calloc(1, sizeof(*p))) == NULL)
		return NULL;
	p->about = ABOUT_PROC;
	p->tgid = tgid;
	p->pidfd = (int)syscall(SYS_pidfd_open, tgid, 0);
	*error = p->pidfd == -1 ? errno : super_watch(su, p->pidfd, EPOLLIN, p);
	if (*error != 0) {
		/* The table that is full is not the program's. */
		if (*error == EMFILE || *error == ENOSPC)
			*error = ENFILE;
		if (p->pidfd != -1)
			close(p->pidfd);
		free(p);
		return NULL;
	}
	p->next = su->procs;
	su->procs = p;
	return p;
}

struct proc *
proc_find(struct super *su, pid_t tid, int *error)
{
	struct proc *p = su->procs;
	pid_t tgid = tid;

	while (p != NULL && syscall(SYS_tgkill, p->tgid, tid, 0) != 0)
		p = p->next;
	if (p != NULL &&
	    syscall(SYS_pidfd_send_signal, p->pidfd, 0, NULL, 0) == 0)
		return put_first(su, p);
	*error = ESRCH;
	if (syscall(SYS_tgkill, tid, tid, 0) != 0 &&
	    (tgid = status_field(tid, "\nTgid:", error)) == 0)
		return NULL;
	if ((p = find(su, tgid)) != NULL) {
		if (syscall(SYS_pidfd_send_signal, p->pidfd, 0, NULL, 0) == 0)
			return put_first(su, p);
		proc_ended(su, p);
	}
	return add(su, tgid, error);
}

void
proc_ended(struct super *su, struct proc *p)
{
	struct proc **pp = &su->procs;
	struct call *c, *next;

	for (c = su->calls; c != NULL; c = next) {
		next = c->next;
		if (c->proc == p)
			call_drop(c);
	}
	stack_forget(su, p->tgid);
	while (*pp != p)
		pp = &(*pp)->next;
	*pp = p->next;
	close(p->pidfd);
	p->ended = true;
	p->next = su->ended;
	su->ended = p;
}

int
proc_fd(const struct proc *p, int fd)
{
	return (int)syscall(SYS_pidfd_getfd, p->pidfd, fd, 0);
}

/* ---- memory ------------------------------------------------------------- */

int
mem_read(const struct call *c, uint64_t from, void *to, size_t len)
{
	struct iovec ours = { to, len };
	struct iovec theirs = { (void *)(uintptr_t)from, len };
	ssize_t n;

	if (len == 0)
		return 0;
	if (!call_is_valid(c))
		return ESRCH;
	n = process_vm_readv(c->tid, &ours, 1, &theirs, 1, 0);
	if (!call_is_valid(c))
		return ESRCH;
	return n == (ssize_t)len ? 0 : EFAULT;
}

int
mem_write(const struct call *c, uint64_t to, const void *from, size_t len)
{
	struct iovec ours = { (void *)(uintptr_t)from, len };
	struct iovec theirs = { (void *)(uintptr_t)to, len };

	if (len == 0)
		return 0;
	if (!call_is_valid(c))
		return ESRCH;
	return process_vm_writev(c->tid, &ours, 1, &theirs, 1, 0) ==
		(ssize_t)len ?
	    0 :
	    EFAULT;
}
