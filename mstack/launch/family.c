/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * family.c - mstack, its supervisor, and the command
 *
 * DOC: Three processes, each the parent of the next:
 *
 *	mstack      waits to be told how the command ended, and ends so
 *	supervisor  answers system calls
 *	command     with the filter, becomes the command
 *
 * The supervisor outlives the command as long as a process is left that has
 * the filter, such as a daemon that the command started: so it is not mstack
 * itself, which is to end with the command.  It adopts those whose parent ends
 * (a subreaper): it is an ancestor of all that it looks into, which is what
 * systems want to see that restrict ptrace(2), and the chain of parents that
 * stacks.c follows stays whole.  If the supervisor is killed, system calls of
 * the network fail with ENOSYS, but for data; mstack, a subreaper as well, sees
 * to that (heir.c) and waits for the command then.
 *
 * All three are in one process group, so that a terminal's signals reach the
 * command as if it was alone.  mstack and the supervisor ignore those that mean
 * the command, mstack passes on what is sent to it alone, and it stops when the
 * terminal stops the command.
 *
 * How the supervisor gets the descriptor of the notifications: the command
 * cannot send it, for that is a system call which waits for an answer.  It
 * writes its number into a pipe, and the supervisor takes it from there.
 *
 * When mstack is killed the supervisor kills the command: to everybody else
 * mstack is the command.
 *
 * An mstack under a supervisor (there can be only one for each process) tells
 * it the default of itself and its children, and stays for that.
 */
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/tool.h"
#include "mstack/launch/launch.h"

#define FILES_MOST (1 << 20)

enum { CANNOT = 126, NOT_FOUND = 127, SIGNALLED = 128 };

static volatile sig_atomic_t the_command; /* its process id */

static int
exit_status(int status)
{
	return WIFSIGNALED(status) ? SIGNALLED + WTERMSIG(status) :
				     WEXITSTATUS(status);
}

/* ---- the command -------------------------------------------------------- */

/* What every program expects of its parent. */
static void
ordinary_signals(const sigset_t *mask)
{
	static const int ignored[] = { SIGINT, SIGQUIT, SIGTSTP, SIGTTIN,
		SIGTTOU, SIGHUP, SIGPIPE, SIGTERM };
	size_t i;

	for (i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_DFL);
	sigprocmask(SIG_SETMASK, mask, NULL);
}

static _Noreturn void
become(char **command)
{
	int error;

	execvp(command[0], command);
	error = errno;
	tool_say("%s: %s", command[0], strerror(error));
	_exit(error == ENOENT || error == ENOTDIR ? NOT_FOUND : CANNOT);
}

/*
 * The command's process: loads the filter, tells its descriptor's number by
 * OUT, and goes on when somebody has taken it and says so by IN.
 */
static _Noreturn void
be_command(const struct launch *l, const sigset_t *mask, int out, int in)
{
	int fd = filter_load();
	char go;

	if (fd == -1) {
		fd = -errno;
		(void)!write(out, &fd, sizeof(fd));
		_exit(CANNOT);
	}
	if (write(out, &fd, sizeof(fd)) != sizeof(fd) || read(in, &go, 1) != 1)
		_exit(CANNOT);
	close(fd);
	ordinary_signals(mask);
	become(l->command);
}

/* ---- the supervisor ----------------------------------------------------- */

/* Gets the notifications' descriptor from the command.  Or -1 and a message. */
static int
take_listener(pid_t command, int in)
{
	int pidfd = (int)syscall(SYS_pidfd_open, command, 0), number, fd = -1;

	if (read(in, &number, sizeof(number)) != sizeof(number)) {
		tool_say("the command's process has gone");
	} else if (number < 0) {
		tool_say("the kernel refuses the filter: %s",
		    strerror(-number));
	} else {
		fd = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0);
		if (fd == -1)
			tool_say("the notifications cannot be had: %s",
			    strerror(errno));
	}
	if (pidfd != -1)
		close(pidfd);
	return fd;
}

/* Finds the stack before there is a command.  False: a message was printed. */
static bool
find_stack(struct super *su, const struct launch *l)
{
	struct stack_ref ref = { .null = false };
	char why[200];
	int error;

	if (l->words[0] != NULL) {
		su->server = once_start(l, ref.path);
		if (su->server == -1)
			return false;
	} else if (stack_is_null(l->stack)) {
		ref.null = true;
	} else if ((size_t)snprintf(ref.path, sizeof(ref.path), "%s",
		       stack_path(l->stack)) >= sizeof(ref.path)) {
		tool_say("%s: %s", l->stack, strerror(ENAMETOOLONG));
		return false;
	}
	if (!ref.null &&
	    (error = link_open(su, ref.path, &ref.link, why, sizeof(why))) !=
		0) {
		const char *stack = l->words[0] != NULL ? ref.path : l->stack;

		tool_say("%s: %s", stack,
		    why[0] != '\0' ? why : stack_why(stack, error));
		return false;
	}
	snprintf(su->once, sizeof(su->once), "%s",
	    l->words[0] != NULL ? ref.path : "");
	if ((error = stack_set(su, NULL, l->families, &ref)) != 0) {
		tool_say("%s", strerror(error));
		return false;
	}
	if (l->verbose)
		tool_say("the stack is %s", ref.null ? "null" : ref.path);
	return true;
}

/* It goes on after the command: nobody is to wait for its output. */
static void
let_go_of_files(bool verbose)
{
	int null = open("/dev/null", O_RDWR);

	if (null == -1)
		return;
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	if (!verbose)
		dup2(null, STDERR_FILENO);
	if (null > STDERR_FILENO)
		close(null);
}

/* Starts the command.  False: a message was printed. */
static bool
start_command(struct super *su, const struct launch *l, const sigset_t *mask)
{
	int there[2] = { -1, -1 }, back[2] = { -1, -1 };
	bool ok = false;

	if (pipe2(there, O_CLOEXEC) != 0 || pipe2(back, O_CLOEXEC) != 0 ||
	    (su->command = fork()) == -1) {
		tool_say("%s", strerror(errno));
		return false;
	}
	if (su->command == 0) {
		close(there[0]);
		close(back[1]);
		be_command(l, mask, there[1], back[0]);
	}
	close(there[1]);
	close(back[0]);
	su->listener = take_listener(su->command, there[0]);
	if (su->listener != -1) {
		(void)!write(su->report, &su->command, sizeof(su->command));
		(void)!write(su->report, &su->listener, sizeof(su->listener));
		let_go_of_files(l->verbose);
		ok = write(back[1], "", 1) == 1;
	}
	close(there[0]);
	close(back[1]);
	return ok;
}

static _Noreturn void
be_supervisor(const struct launch *l, const sigset_t *mask, int report,
    pid_t launcher, struct pending *pending)
{
	struct super *su = calloc(1, sizeof(*su));
	struct rlimit files;
	sigset_t children;
	int status = 1;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	signal(SIGHUP, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGTSTP, SIG_IGN);
	signal(SIGTTIN, SIG_IGN);
	signal(SIGTTOU, SIG_IGN);
	children = *mask;
	sigaddset(&children, SIGCHLD);
	sigprocmask(SIG_SETMASK, &children, NULL);
	sigemptyset(&children);
	sigaddset(&children, SIGCHLD);
	if (su == NULL)
		_exit(1);
	su->files = FILES_MOST;
	su->verbose = l->verbose;
	su->report = report;
	su->pending = pending;
	su->launcher = (int)syscall(SYS_pidfd_open, launcher, 0);
	su->epoll = epoll_create1(EPOLL_CLOEXEC);
	su->signals = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
	if (su->epoll == -1 || su->signals == -1)
		tool_say("%s", strerror(errno));
	else if (find_stack(su, l) && start_command(su, l, mask)) {
		/* It has something of each socket; see hold.c. */
		if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
			files.rlim_cur = files.rlim_max;
			setrlimit(RLIMIT_NOFILE, &files);
			su->files = files.rlim_max < FILES_MOST ?
			    (int)files.rlim_max :
			    FILES_MOST;
		}
		supervise(su);
		status = 0;
	}
	if (su->server > 0)
		once_end(su->server, su->once);
	_exit(status);
}

/* ---- mstack ------------------------------------------------------------- */

static void
pass_on(int sig)
{
	if (the_command > 0)
		kill(the_command, sig);
}

/* Those that are passed on wait until command_is() knows to whom. */
static void
handle_signals(void)
{
	struct sigaction pass = { .sa_handler = pass_on,
		.sa_flags = SA_RESTART };
	sigset_t passed;

	sigemptyset(&passed);
	sigaddset(&passed, SIGTERM);
	sigaddset(&passed, SIGHUP);
	sigaddset(&passed, SIGUSR1);
	sigaddset(&passed, SIGUSR2);
	sigprocmask(SIG_BLOCK, &passed, NULL);

	/* A terminal sends these to the command as well. */
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGTERM, &pass, NULL);
	sigaction(SIGHUP, &pass, NULL);
	sigaction(SIGUSR1, &pass, NULL);
	sigaction(SIGUSR2, &pass, NULL);
}

/* The command is PID; MASK is what was blocked before handle_signals(). */
static void
command_is(pid_t pid, const sigset_t *mask)
{
	the_command = pid;
	sigprocmask(SIG_SETMASK, mask, NULL);
}

/* The next number that the supervisor says.  False: it has ended. */
static bool
hear(int fd, int *number)
{
	ssize_t n;

	do
		n = read(fd, number, sizeof(*number));
	while (n == -1 && errno == EINTR);
	return n == (ssize_t)sizeof(*number);
}

/* A descriptor of the process PID, ours too now; or -1. */
static int
take_descriptor(pid_t pid, int number)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0), fd;

	if (pidfd == -1)
		return -1;
	fd = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0);
	close(pidfd);
	return fd;
}

/* Waits until CHILD, of ours, ends.  Its wait status, or -1. */
static int
wait_for(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) == -1)
		if (errno != EINTR)
			return -1;
	return status;
}

int
family_run(const struct launch *l)
{
	struct mstack_ask ask = { .size = sizeof(ask),
		.what = MSTACK_ASK_PRESENT };
	int fd[2], status = 0, number, listener = -1, command;
	struct pending *pending;
	sigset_t mask;
	pid_t child, me = getpid();

	syscall(SYS_socket, MSTACK_FAMILY, 0, 0, MSTACK_ASK_KEY, &ask);
	if (ask.heard)
		return family_run_inside(l);
	sigprocmask(SIG_SETMASK, NULL, &mask);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (pipe2(fd, O_CLOEXEC) != 0) {
		tool_say("%s", strerror(errno));
		return 1;
	}
	handle_signals();
	pending = pending_new();
	if ((child = fork()) == -1) {
		tool_say("%s", strerror(errno));
		return 1;
	}
	if (child == 0) {
		close(fd[0]);
		be_supervisor(l, &mask, fd[1], me, pending);
	}
	close(fd[1]);
	if (!hear(fd[0], &number)) {
		status = wait_for(child);
		return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
	}
	command_is(number, &mask);
	command = (int)syscall(SYS_pidfd_open, number, 0);
	if (hear(fd[0], &listener))
		listener = take_descriptor(child, listener);
	if (hear(fd[0], &status))
		return exit_status(status);
	tool_say("the supervisor has ended: the network is gone");
	/* The command becomes our child when its parent has gone for good. */
	wait_for(child);
	if (listener != -1 && command != -1)
		heir_answer(listener, pending, command);
	status = wait_for(number);
	return status == -1 ? 1 : exit_status(status);
}

/* ---- under a supervisor that is there already --------------------------- */

int
family_run_inside(const struct launch *l)
{
	struct mstack_ask ask = { .size = sizeof(ask),
		.what = MSTACK_ASK_DEFAULT,
		.families = l->families,
		.path = (uintptr_t)l->stack };
	sigset_t mask;
	int status = -1, one;
	pid_t child, pid;

	if (l->words[0] != NULL) {
		tool_say("-c: not under another mstack");
		return 1;
	}
	ask.path_len = (uint32_t)strlen(l->stack);
	if (syscall(SYS_socket, MSTACK_FAMILY, 0, 0, MSTACK_ASK_KEY, &ask) !=
	    0) {
		tool_say("%s: %s", l->stack, stack_why(l->stack, errno));
		return 1;
	}
	sigprocmask(SIG_SETMASK, NULL, &mask);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	handle_signals();
	if ((child = fork()) == -1) {
		tool_say("%s", strerror(errno));
		return 1;
	}
	if (child == 0) {
		ordinary_signals(&mask);
		become(l->command);
	}
	command_is(child, &mask);
	while ((pid = waitpid(-1, &one, 0)) != child)
		if (pid == -1 && errno != EINTR)
			return 1;
	status = exit_status(one);
	/* Those that it leaves behind keep their default while we are here. */
	if (waitpid(-1, &one, WNOHANG) == -1)
		return status;
	return status;
}
