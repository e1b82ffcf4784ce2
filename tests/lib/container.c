/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * container.c - processes in namespaces of their own; see container.h
 *
 * A child of the crew unshares and starts another, which is process 1 of the
 * new PID namespace, gives itself an empty root and runs the body there.  The
 * child only waits for it, and takes it along when it dies.
 */
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/container.h"
#include "tests/lib/crew.h"

#define SPACES \
	(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | \
	    CLONE_NEWUTS)

struct job {
	void (*body)(void *arg);
	void *arg;
	char folder[256];
	_Atomic uint64_t pid;
};

static int
put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int ok = fd != -1 &&
	    write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd != -1)
		close(fd);
	return ok ? 0 : -1;
}

/* New namespaces for the caller and its children.  Returns 0 or -1. */
static int
leave(void)
{
	char map[64];
	uid_t uid = getuid();
	gid_t gid = getgid();

	if (uid == 0)
		return unshare(SPACES);
	if (unshare(SPACES | CLONE_NEWUSER) != 0)
		return -1;
	snprintf(map, sizeof(map), "0 %u 1", (unsigned)uid);
	if (put("/proc/self/uid_map", map) != 0)
		return -1;
	snprintf(map, sizeof(map), "0 %u 1", (unsigned)gid);
	if (put("/proc/self/setgroups", "deny") != 0 && errno != ENOENT)
		return -1;
	return put("/proc/self/gid_map", map);
}

/* An empty root with FOLDER and /proc in it.  Returns what failed, or NULL. */
static const char *
new_root(const char *folder)
{
	/* Any folder serves: what is mounted here nobody else sees. */
	const char *root = "/tmp";
	char inside[] = "/tmp" CONTAINER_FOLDER;
	int shared = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char from[64];

	if (shared == -1)
		return "open";
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return "mount private";
	if (mount("none", root, "tmpfs", 0, "size=1m") != 0)
		return "mount tmpfs";
	if (mkdir(inside, 0700) != 0 || mkdir("/tmp/proc", 0555) != 0)
		return "mkdir";
	snprintf(from, sizeof(from), "/proc/self/fd/%d", shared);
	if (mount(from, inside, NULL, MS_BIND, NULL) != 0)
		return "mount bind";
	close(shared);
	if (mount("proc", "/tmp/proc", "proc", 0, NULL) != 0)
		return "mount proc";
	if (chdir(root) != 0 || syscall(SYS_pivot_root, ".", ".") != 0)
		return "pivot_root";
	if (umount2(".", MNT_DETACH) != 0 || chdir("/") != 0)
		return "umount";
	return NULL;
}

/* Process 1. */
static void __attribute__((noreturn)) inside(const struct job *j)
{
	const char *what;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if ((what = new_root(j->folder)) != NULL)
		complain("container: %s: %s", what, strerror(errno));
	else
		j->body(j->arg);
	_exit(0);
}

/* The child of the crew. */
static void
outside(void *arg)
{
	struct job *j = arg;
	int status;
	pid_t pid;

	if (leave() != 0) {
		complain("container: unshare: %s", strerror(errno));
		return;
	}
	if ((pid = fork()) == -1) {
		complain("container: fork: %s", strerror(errno));
		return;
	}
	if (pid == 0)
		inside(j);
	atomic_store(&j->pid, (uint64_t)pid);
	while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
		;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		complain("container: process 1 ended with %#x", status);
}

const char *
container_impossible(void)
{
	static char why[128];
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		pid_t one;

		if (leave() != 0)
			_exit(errno);
		/* Whether a /proc may be mounted is only known by trying. */
		if ((one = fork()) == 0) {
			_exit(new_root(crew_path(".")) == NULL ? 0 : errno);
		}
		if (one == -1 || waitpid(one, &status, 0) != one)
			_exit(ECHILD);
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : ECHILD);
	}
	if (pid == -1 || waitpid(pid, &status, 0) != pid)
		return "no process could be made";
	if (status == 0)
		return NULL;
	snprintf(why, sizeof(why), "no namespaces here: %s",
	    WIFEXITED(status) ? strerror(WEXITSTATUS(status)) : "killed");
	return why;
}

struct container
container_start(void (*body)(void *arg), void *arg)
{
	struct container c = { 0, 0 };
	struct job *j = crew_shared(sizeof(*j));

	j->body = body;
	j->arg = arg;
	snprintf(j->folder, sizeof(j->folder), "%s", crew_path("."));
	c.outer = crew_start(outside, j);
	if (crew_await(&j->pid, 1))
		c.pid = (pid_t)atomic_load(&j->pid);
	return c;
}

void
container_join(struct container c)
{
	crew_join(c.outer);
}

void
container_kill(struct container c)
{
	/* Namespaces go with their process 1, it with who made it. */
	crew_kill(c.outer);
}
