/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * child.c - other programs as children
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/lib/child.h"
#include "bench/lib/common.h"

static void
put(int fd, int as, int flags)
{
	if (fd == -1)
		fd = open("/dev/null", flags);
	dup2(fd, as);
}

void
child_start(struct child *c, const char *name, char *const *argv,
    struct child_files files)
{
	pid_t parent = getpid();

	memset(c, 0, sizeof(*c));
	c->name = name;
	fflush(NULL);
	c->pid = fork();
	if (c->pid == -1) {
		fprintf(stderr, "bench: fork: %s\n", strerror(errno));
		exit(1);
	}
	if (c->pid != 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	put(files.in, STDIN_FILENO, O_RDONLY);
	put(files.out, STDOUT_FILENO, O_WRONLY);
	put(files.err, STDERR_FILENO, O_WRONLY);
	/* A pipe's other end, kept open by mistake, would never end. */
	syscall(SYS_close_range, 3, ~0u, 0);
	execvp(argv[0], argv);
	_exit(127);
}

/* Waits until the process PID has ended, TIMEOUT_MS at most. */
static void
await(pid_t pid, unsigned timeout_ms)
{
	struct pollfd p = { .fd = (int)syscall(SYS_pidfd_open, pid, 0),
		.events = POLLIN };

	if (p.fd == -1)
		return;
	poll(&p, 1, (int)timeout_ms);
	close(p.fd);
}

static double
seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec * 1e-6;
}

const char *
child_end(struct child *c, unsigned timeout_ms)
{
	static char why[128];
	struct rusage use;
	bool late = false;

	await(c->pid, timeout_ms);
	if (wait4(c->pid, &c->how, WNOHANG, &use) != c->pid) {
		late = true;
		kill(c->pid, SIGKILL);
		wait4(c->pid, &c->how, 0, &use);
	}
	c->pid = 0;
	c->cpu_s = seconds(use.ru_utime) + seconds(use.ru_stime);
	c->rss_kib = (double)use.ru_maxrss;
	if (late)
		snprintf(why, sizeof(why), "%s: not done after %u s", c->name,
		    timeout_ms / 1000);
	else if (WIFSIGNALED(c->how))
		snprintf(why, sizeof(why), "%s: %s", c->name,
		    strsignal(WTERMSIG(c->how)));
	else if (WEXITSTATUS(c->how) != 0)
		snprintf(why, sizeof(why), "%s: exit status %d", c->name,
		    WEXITSTATUS(c->how));
	else
		return NULL;
	return why;
}
