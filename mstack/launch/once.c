/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * once.c - a stack for one command alone
 *
 * DOC: It is a shmif_server like any other, at a path that nobody else has,
 * and shmifctl sets it up; both are taken from where mstack is, or else by
 * PATH.  The kernel ends it when the supervisor is killed, and it removes its
 * socket then; when it is killed itself, the supervisor does.
 */
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/tool.h"
#include "mstack/launch/launch.h"

#define ARGS_MAX 128
#define READY_MS 10000

/* Where PROGRAM is. */
static void
find_program(const char *program, char path[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);
	char *slash;

	path[n < 0 ? 0 : n] = '\0';
	if ((slash = strrchr(path, '/')) != NULL &&
	    (size_t)(slash + 1 - path) + strlen(program) < PATH_MAX) {
		strcpy(slash + 1, program);
		if (access(path, X_OK) == 0)
			return;
	}
	snprintf(path, PATH_MAX, "%s", program);
}

/* Splits TEXT, in place, as a shell does; -1: a quote does not end. */
static int
split(char *text, char **args, int max)
{
	char *from = text, *to, quote;
	int n = 0;

	for (;;) {
		from += strspn(from, " \t\n");
		if (*from == '\0')
			return n;
		if (n == max)
			return -1;
		args[n++] = to = from;
		quote = '\0';
		while (*from != '\0' &&
		    (quote != '\0' || strchr(" \t\n", *from) == NULL)) {
			if (quote != '\0' && *from == quote)
				quote = '\0';
			else if (quote == '\0' &&
			    (*from == '\'' || *from == '"'))
				quote = *from;
			else
				*to++ = *from;
			from++;
		}
		if (quote != '\0')
			return -1;
		if (*from != '\0')
			from++;
		*to = '\0';
	}
}

/* Runs shmifctl with WORDS.  0, or its exit status, or 1 with a message. */
static int
set_up(const char *url, const char *words)
{
	char program[PATH_MAX], *copy = strdup(words);
	char *args[ARGS_MAX + 4];
	static char name[] = "shmifctl", option[] = "-s";
	int n, status;
	pid_t pid;

	args[0] = name;
	args[1] = option;
	args[2] = (char *)(uintptr_t)url;
	n = copy == NULL ? -1 : split(copy, args + 3, ARGS_MAX);
	if (n <= 0) {
		tool_say("-c: %s: not words as a shell has them", words);
		free(copy);
		return 1;
	}
	args[3 + n] = NULL;
	find_program(name, program);
	if ((pid = fork()) == 0) {
		dup2(STDERR_FILENO, STDOUT_FILENO);
		execvp(program, args);
		tool_say("%s: %s", program, strerror(errno));
		_exit(127);
	}
	free(copy);
	while (pid != -1 && waitpid(pid, &status, 0) == -1 && errno == EINTR)
		continue;
	if (pid == -1) {
		tool_say("%s", strerror(errno));
		return 1;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/*
 * The child that becomes the server.  What it says goes to SAID: that it has no
 * interface yet is as it should be, and who is quiet does not want to know.
 */
static _Noreturn void
be_server(const struct launch *l, const char *url, pid_t parent, int said)
{
	char program[PATH_MAX];
	sigset_t none;
	int null = open("/dev/null", O_RDWR);

	/* Of a group of its own: the terminal's signals are not for it. */
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(1);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGHUP, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	if (null != -1) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
	}
	if (!l->verbose && said != -1)
		dup2(said, STDERR_FILENO);
	find_program("shmif_server", program);
	if (l->type != NULL)
		execlp(program, "shmif_server", "-s", "-t", l->type, url, NULL);
	else
		execlp(program, "shmif_server", "-s", url, NULL);
	tool_say("%s: %s", program, strerror(errno));
	_exit(127);
}

/* Whether somebody takes connections at PATH: a name is there before that. */
static bool
is_served(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool served;

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	served = s != -1 &&
	    connect(s, (struct sockaddr *)&addr, sizeof(addr)) == 0;
	if (s != -1)
		close(s);
	return served;
}

/* Waits until the server is there.  False: it has ended. */
static bool
wait_ready(pid_t server, const char *path)
{
	int ms, status;

	for (ms = 0; ms < READY_MS; ms += 2) {
		if (is_served(path))
			return true;
		if (waitpid(server, &status, WNOHANG) == server)
			return false;
		usleep(2000);
	}
	return false;
}

/* Why the server has ended, as it said itself. */
static void
repeat(int said)
{
	char text[2000];
	ssize_t n = said == -1 ? -1 : read(said, text, sizeof(text));

	if (n > 0)
		(void)!write(STDERR_FILENO, text, (size_t)n);
}

pid_t
once_start(const struct launch *l, char path[128])
{
	const char *dir = getenv("XDG_RUNTIME_DIR");
	uint64_t name;
	char url[160];
	pid_t pid, me = getpid();
	int said[2] = { -1, -1 }, i;

	if (getrandom(&name, sizeof(name), 0) != sizeof(name))
		name = (uint64_t)me;
	if (dir == NULL || dir[0] != '/' || strlen(dir) > 60 ||
	    access(dir, W_OK) != 0)
		dir = "/tmp";
	snprintf(path, 128, "%s/mstack.%016llx", dir, (unsigned long long)name);
	snprintf(url, sizeof(url), "unix://%s", path);
	/*
	 * Nobody reads it after the beginning: a server that has much to say
	 * must not wait for that, so it stays open, and what is full is full.
	 */
	if (pipe2(said, O_CLOEXEC | O_NONBLOCK) != 0)
		said[0] = said[1] = -1;
	if ((pid = fork()) == 0)
		be_server(l, url, me, said[1]);
	if (said[1] != -1)
		close(said[1]);
	if (pid == -1) {
		tool_say("%s", strerror(errno));
		return -1;
	}
	if (!wait_ready(pid, path)) {
		repeat(said[0]);
		tool_say("the stack does not start (shmif_server%s%s)",
		    l->type != NULL ? " -t " : "",
		    l->type != NULL ? l->type : "");
		once_end(pid, path);
		return -1;
	}
	for (i = 0; l->words[i] != NULL; i++)
		if (set_up(url, l->words[i]) != 0) {
			once_end(pid, path);
			return -1;
		}
	return pid;
}

void
once_end(pid_t server, const char *path)
{
	int status;

	kill(server, SIGTERM);
	while (waitpid(server, &status, 0) == -1 && errno == EINTR)
		continue;
	if (strncmp(path, "/", 1) == 0 && strstr(path, "/mstack.") != NULL)
		unlink(path);
}
