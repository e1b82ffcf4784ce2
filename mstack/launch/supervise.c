/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * supervise.c - the supervisor's loop, and the calls that wait
 *
 * DOC: One thread, one epoll: the kernel's notifications, replies of servers,
 * sockets that a call waits for, and processes that end.  Nothing here waits
 * for a program or, but for the beginning of a session, for a server.
 *
 * A call is a system call that a thread of the program made and waits for.  It
 * is answered at once, or when a reply comes, or when its socket is ready, or
 * never: a signal may end it, or its process may.  The kernel does not say so,
 * it only knows when asked.  A call that waits for a socket holds a descriptor
 * of that, so it is found out soon: when its process ends, when its thread
 * makes another call, and otherwise by asking every SWEEP_MS.
 *
 * It ends when nobody is left who could make a call: the kernel hangs up.
 */
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <linux/seccomp.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/tool.h"
#include "mstack/launch/launch.h"

#ifndef SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1ul << 0)
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#endif
#ifndef SECCOMP_ADDFD_FLAG_SEND
#define SECCOMP_ADDFD_FLAG_SEND (1ul << 1)
#endif

#define EVENTS 32
#define SWEEP_MS 50
#define ROOM 256u /* for the kernel's structures, which may grow */

int64_t
super_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int
super_watch(struct super *su, int fd, uint32_t events, void *subject)
{
	struct epoll_event ev = { .events = events, .data.ptr = subject };

	return epoll_ctl(su->epoll, EPOLL_CTL_ADD, fd, &ev) == 0 ? 0 : errno;
}

/* ---- calls -------------------------------------------------------------- */

void
call_drop(struct call *c)
{
	if (c->dropped)
		return;
	if (c->fd != -1) {
		if (c->polled)
			epoll_ctl(c->su->epoll, EPOLL_CTL_DEL, c->fd, NULL);
		close(c->fd);
	}
	free(c->sent);
	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		c->su->calls = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	pending_drop(c->su->pending, c->id);
	c->dropped = true;
	c->next = c->su->dropped;
	c->su->dropped = c;
}

bool
call_is_valid(const struct call *c)
{
	uint64_t id = c->id;

	return ioctl(c->su->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

static void
respond(struct call *c, struct seccomp_notif_resp *r)
{
	r->id = c->id;
	/* ENOENT: a signal was faster. */
	ioctl(c->su->listener, SECCOMP_IOCTL_NOTIF_SEND, r);
	call_drop(c);
}

void
call_answer(struct call *c, int error, int64_t value)
{
	struct seccomp_notif_resp r = { .error = -error,
		.val = error == 0 ? value : 0 };

	respond(c, &r);
}

void
call_continue(struct call *c)
{
	struct seccomp_notif_resp r = {
		.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE,
	};

	respond(c, &r);
}

int
call_give(struct call *c, int fd, bool cloexec)
{
	struct seccomp_notif_addfd a = { .id = c->id,
		.flags = SECCOMP_ADDFD_FLAG_SEND,
		.srcfd = (uint32_t)fd,
		.newfd_flags = cloexec ? O_CLOEXEC : 0 };

	int error;

	if (ioctl(c->su->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &a) != -1) {
		call_drop(c);
		return 0;
	}
	if ((error = errno) == ENOENT)
		call_drop(c); /* a signal was faster */
	else
		call_answer(c, error == EINVAL ? ENOSYS : error, 0);
	return error;
}

void
call_wait(struct call *c, uint32_t events, int64_t ms, call_ready *ready)
{
	struct epoll_event ev = { .events = events | EPOLLONESHOT,
		.data.ptr = c };

	c->ready = ready;
	if (c->deadline == 0 && ms != 0)
		c->deadline = super_clock() + ms;
	if (epoll_ctl(c->su->epoll, c->polled ? EPOLL_CTL_MOD : EPOLL_CTL_ADD,
		c->fd, &ev) != 0)
		call_answer(c, errno, 0);
	else
		c->polled = true;
}

void
call_park(struct call *c)
{
	if (c->polled)
		epoll_ctl(c->su->epoll, EPOLL_CTL_DEL, c->fd, NULL);
	c->polled = false;
	c->deadline = 0;
}

static void
bury(struct super *su)
{
	struct call *c;
	struct proc *p;

	while ((c = su->dropped) != NULL) {
		su->dropped = c->next;
		free(c);
	}
	hold_bury();
	while ((p = su->ended) != NULL) {
		su->ended = p->next;
		free(p);
	}
}

/* Whether C ends after a time, by an option of its socket. */
static bool
is_timed(const struct call *c)
{
	int fl, option = SO_SNDTIMEO;

	if (c->deadline != 0)
		return true;
	/* It may have been interrupted before it waited. */
	switch (c->nr) {
	case SYS_accept:
	case SYS_accept4:
	case SYS_recvfrom:
	case SYS_recvmsg:
	case SYS_recvmmsg:
		option = SO_RCVTIMEO;
		/* fall through */
	case SYS_connect:
	case SYS_sendto:
	case SYS_sendmsg:
	case SYS_sendmmsg:
		fl = c->fd == -1 ? O_NONBLOCK : fcntl(c->fd, F_GETFL);
		return fl != -1 && !(fl & O_NONBLOCK) &&
		    call_timeout(c, option) != 0;
	default:
		return false;
	}
}

/*
 * A signal ended C, and the kernel begins it again (SA_RESTART): on a socket with a
 * timeout Linux ends it with EINTR instead, so that signals do not make the timeout
 * longer.  So it is noted for a while what it was.
 */
static void
interrupted(struct call *c)
{
	struct super *su = c->su;
	struct cut *cut;

	if (is_timed(c)) {
		cut = &su->cuts[su->next_cut++ % CUTS];
		cut->tid = c->tid;
		cut->nr = c->nr;
		memcpy(cut->args, c->args, sizeof(cut->args));
		cut->until = super_clock() + CUT_MS;
	}
	call_drop(c);
}

/* Whether DATA, of the thread TID, is the call that a signal has ended. */
static bool
is_again(struct super *su, pid_t tid, const struct seccomp_data *data)
{
	bool again = false;
	size_t i;

	for (i = 0; i < CUTS; i++) {
		struct cut *cut = &su->cuts[i];

		if (cut->tid != tid)
			continue;
		again |= cut->nr == data->nr &&
		    memcmp(cut->args, data->args, sizeof(cut->args)) == 0 &&
		    super_clock() < cut->until;
		cut->tid = 0;
	}
	return again;
}

/* Calls that nobody waits for any more, and those whose time is over. */
static void
sweep(struct super *su)
{
	int64_t now = super_clock();
	struct call *c, *next;

	for (c = su->calls; c != NULL; c = next) {
		next = c->next;
		if (!call_is_valid(c))
			interrupted(c);
	}
	/* What is done here may end other calls: begin again after each. */
	for (c = su->calls; c != NULL; c = next) {
		next = c->next;
		if (c->deadline != 0 && now >= c->deadline) {
			c->deadline = 0;
			c->ready(c, true);
			next = su->calls;
		}
	}
}

/* The kernel has a notification. */
static void
take_notification(struct super *su)
{
	union {
		struct seccomp_notif n;
		uint8_t room[ROOM];
	} in;
	struct call *c, *old, *next;
	int error = ESRCH;
	bool again;

	memset(&in, 0, sizeof(in));
	if (ioctl(su->listener, SECCOMP_IOCTL_NOTIF_RECV, &in) != 0)
		return;
	for (old = su->calls; old != NULL; old = next) {
		next = old->next;
		if (old->tid == (pid_t)in.n.pid)
			interrupted(old);
	}
	again = is_again(su, (pid_t)in.n.pid, &in.n.data);
	if ((c = calloc(1, sizeof(*c))) == NULL)
		return; /* it waits until somebody kills it */
	c->about = ABOUT_CALL;
	c->su = su;
	c->id = in.n.id;
	pending_add(su->pending, c->id);
	c->number = ++su->numbers;
	c->tid = (pid_t)in.n.pid;
	c->nr = in.n.data.nr;
	memcpy(c->args, in.n.data.args, sizeof(c->args));
	c->fd = c->sent_fd = c->spare = -1;
	if ((c->next = su->calls) != NULL)
		c->next->prev = c;
	su->calls = c;
	c->proc = proc_find(su, c->tid, &error);
	if (c->proc == NULL || !call_is_valid(c))
		call_answer(c, error, 0);
	else if (again)
		call_answer(c, EINTR, 0);
	else
		call_begin(c);
}

/* ---- processes ---------------------------------------------------------- */

/* Tells the launcher how the command ended. */
static void
report(struct super *su, int status)
{
	su->command_ended = true;
	if (su->server > 0)
		once_end(su->server, su->once);
	su->server = 0;
	if (su->report == -1)
		return;
	if (write(su->report, &status, sizeof(status)) != sizeof(status))
		tool_say("nobody wants to know how the command ended");
	close(su->report);
	su->report = -1;
}

/* Children have ended: the command, or those whose parent had. */
static void
reap(struct super *su)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	while (read(su->signals, &info, sizeof(info)) == sizeof(info))
		continue;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == su->command)
			report(su, status);
}

/* ---- the loop ----------------------------------------------------------- */

/* Nobody is left, and the launcher knows. */
static void
wait_for_command(struct super *su)
{
	int status;

	while (!su->command_ended) {
		pid_t pid = waitpid(-1, &status, 0);

		if (pid == su->command || (pid == -1 && errno != EINTR))
			report(su, status);
	}
}

static void
dispatch(struct super *su, const struct epoll_event *ev, bool *over)
{
	struct call *c;

	switch (*(int *)ev->data.ptr) {
	case ABOUT_LISTENER:
		if (ev->events & EPOLLIN)
			take_notification(su);
		else if (ev->events & (EPOLLHUP | EPOLLERR))
			*over = true;
		break;
	case ABOUT_LINK:
		link_event(su, ev->data.ptr);
		break;
	case ABOUT_HOLD:
		hold_event(ev->data.ptr);
		break;
	case ABOUT_PROC:
		if (!((struct proc *)ev->data.ptr)->ended)
			proc_ended(su, ev->data.ptr);
		break;
	case ABOUT_CALL:
		c = ev->data.ptr;
		if (!c->dropped && !call_is_valid(c))
			interrupted(c);
		else if (!c->dropped)
			c->ready(c, false);
		break;
	case ABOUT_SIGNAL:
		reap(su);
		break;
	case ABOUT_LAUNCHER:
		/* To whoever killed it, it was the command. */
		epoll_ctl(su->epoll, EPOLL_CTL_DEL, su->launcher, NULL);
		if (!su->command_ended)
			kill(su->command, SIGKILL);
		break;
	}
}

/* How long the loop may sleep. */
static int
patience(const struct super *su)
{
	return su->calls == NULL ? -1 : SWEEP_MS;
}

void
supervise(struct super *su)
{
	uint64_t flags = SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP;
	static int listener = ABOUT_LISTENER, signals = ABOUT_SIGNAL;
	static int launcher = ABOUT_LAUNCHER;
	struct epoll_event ev[EVENTS];
	int64_t next_sweep = 0;
	bool over = false;
	int i, n;

	/* A kernel before 6.6 has it not; it is only faster. */
	ioctl(su->listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, flags);
	if (super_watch(su, su->listener, EPOLLIN, &listener) != 0 ||
	    super_watch(su, su->signals, EPOLLIN, &signals) != 0 ||
	    super_watch(su, su->launcher, EPOLLIN, &launcher) != 0) {
		tool_say("%s", strerror(errno));
		return;
	}
	while (!over) {
		n = epoll_wait(su->epoll, ev, EVENTS, patience(su));
		for (i = 0; i < n; i++)
			dispatch(su, &ev[i], &over);
		if (su->calls != NULL && super_clock() >= next_sweep) {
			sweep(su);
			next_sweep = super_clock() + SWEEP_MS;
		}
		bury(su);
	}
	wait_for_command(su);
}
