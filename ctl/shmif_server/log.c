/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * log.c - where shmif_server's messages go
 *
 * DOC: Standard error becomes a pipe, and a child process, which has nothing of
 * the stack, reads it and writes lines to a file or to syslog(3).  So what the
 * library, lwipv6 and the C library say is logged alike, and the last words of a
 * server that crashes as well; a disk or a syslog daemon that is slow does not
 * hold up the server.  The child ends when the pipe has no writer any more.
 *
 * Two designs were looked at: to open the file as standard error, which has no
 * times and no syslog, and a thread, which dies with what it should report.
 *
 * The lines' contents may come from others on a bus: control characters are not
 * written.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "ctl/shmif_server/log.h"

#define LINE 1024u
#define INHERITED_MAX 1024 /* descriptors; there are few this early */
#define SYSLOG "syslog"
#define PROGRAM "shmif_server"

/* Gives LINE to the log FD; -1: to syslog.  What cannot be written is lost. */
static void
log_line(int fd, pid_t server, char *line)
{
	char text[LINE + 64], when[40];
	time_t now = time(NULL);
	struct tm tm;
	char *p;
	int n;

	for (p = line; *p != '\0'; p++)
		if ((unsigned char)*p < 32 || *p == 127)
			*p = '?';
	if (fd == -1) {
		/* The program's name is the ident. */
		n = strncmp(line, PROGRAM ": ", sizeof(PROGRAM) + 1) == 0 ?
		    (int)sizeof(PROGRAM) + 1 :
		    0;
		syslog(LOG_WARNING, "[%ld] %s", (long)server, line + n);
		return;
	}
	if (localtime_r(&now, &tm) == NULL ||
	    strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm) == 0)
		snprintf(when, sizeof(when), "%lld", (long long)now);
	n = snprintf(text, sizeof(text), "%s [%ld] %s\n", when, (long)server,
	    line);
	while (write(fd, text, (size_t)n) == -1 && errno == EINTR)
		continue;
}

/* The child: logs what comes from IN until its end. */
static _Noreturn void
logger(int in, int fd, pid_t server)
{
	char line[LINE];
	size_t len = 0;
	ssize_t n;
	int i;

	/* What ends the server ends this process by the pipe. */
	for (i = 1; i < NSIG; i++)
		if (i != SIGKILL && i != SIGSTOP && i != SIGCHLD)
			signal(i, SIG_IGN);
	prctl(PR_SET_NAME, "shmif_log");
	if (chdir("/") != 0)
		_exit(1);
	for (;;) {
		n = read(in, line + len, sizeof(line) - 1 - len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
		for (;;) {
			char *end = memchr(line, '\n', len);
			size_t used;

			if (end == NULL && len < sizeof(line) - 1)
				break;
			used = end != NULL ? (size_t)(end - line) + 1 : len;
			if (end != NULL)
				*end = '\0';
			else
				line[len] = '\0';
			log_line(fd, server, line);
			len -= used;
			memmove(line, line + used, len);
		}
	}
	line[len] = '\0';
	if (len > 0)
		log_line(fd, server, line);
	_exit(0);
}

/* Closes what the child has inherited, but A and B. */
static void
close_others(int a, int b)
{
	int null = open("/dev/null", O_RDWR), i;

	for (i = 0; i < INHERITED_MAX; i++)
		if (i <= STDERR_FILENO && null != -1)
			dup2(null, i);
		else if (i != a && i != b)
			close(i);
}

static int the_pipe = -1; /* what the logger reads, to be written to */

int
log_open(const char *to)
{
	pid_t server = getpid(), child;
	int fd = -1, p[2], error;

	if (strcmp(to, SYSLOG) != 0 &&
	    (fd = open(to, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600)) ==
		-1)
		return errno;
	if (pipe2(p, O_CLOEXEC) == -1 || (child = fork()) == -1) {
		error = errno;
		if (fd != -1)
			close(fd);
		return error;
	}
	if (child == 0) {
		close_others(p[0], fd);
		if (fd == -1)
			openlog(PROGRAM, LOG_NDELAY, LOG_DAEMON);
		logger(p[0], fd, server);
	}
	close(p[0]);
	if (fd != -1)
		close(fd);
	the_pipe = p[1];
	return 0;
}

void
log_begin(void)
{
	dup2(the_pipe, STDERR_FILENO);
	close(the_pipe);
}
