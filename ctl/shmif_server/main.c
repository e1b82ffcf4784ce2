/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmif_server - a process that is only a stack
 *
 * DOC: The stack, its interfaces and the control socket are libshmif's.  What
 * is here: the command line, the list of interfaces that it may name
 * (options.c), going into the background, and ending.
 *
 * With -d the process forks before it has any thread; the parent stays until
 * the socket is there, so that who starts it may go on at once, and ends as
 * the child says that it went.
 */
#include <sys/resource.h>
#include <sys/wait.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/tool.h"
#include "shmbus/shmbus.h"
#include "shmif/shmif.h"

#include "ctl/probe.h"
#include "ctl/shmif_server/log.h"
#include "ctl/shmif_server/options.h"
#include "ctl/wire.h"

#define PROGRAM "shmif_server"
#define PATIENCE_S 20 /* how long interfaces may take to end */

struct options {
	bool daemon, forward, verbose;
	const char *list, *log, *stack, *url;
};

const char tool_name[] = PROGRAM;
const char tool_usage[] =
    "usage: " PROGRAM " [-dfsv] [-l log] [-t stack] [-o list] unix://path\n"
    "       " PROGRAM " --help | --version\n"
    "Is a TCP/IP stack, controlled by shmifctl over the socket at path.\n"
    "\n"
    "  -d         go into the background when ready, and print the pid\n"
    "  -f         forward between interfaces\n"
    "  -l LOG     when ready, log to this file, or with \"syslog\" to that,\n"
    "             what would be said on standard error\n"
    "  -o LIST    make these interfaces, comma separated: shN=bus.file,\n"
    "             vdN[=vde], tpN[=tap], tnN[=tun], slN; and ra=FILE, router\n"
    "             advertising as FILE says\n"
    "  -s         stay in the foreground (the default)\n"
    "  -t STACK   the stack that is wanted: lwipv6 (the default), lwip\n"
    "  -v         say what is done\n"
    "      --help show this text\n"
    "  -V, --version\n"
    "             show the version\n";

void
complain(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tool_vsay(fmt, ap);
	va_end(ap);
}

static void
parse_options(struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {
		TOOL_LONG_OPTIONS,
	};
	int c;

	while ((c = tool_option(argc, argv, "dfl:o:st:vV", longs)) != -1)
		switch (c) {
		case 'd':
			o->daemon = true;
			break;
		case 'f':
			o->forward = true;
			break;
		case 'l':
			o->log = optarg;
			break;
		case 'o':
			if (o->list != NULL)
				tool_usage_error("only one list, please", NULL);
			o->list = optarg;
			break;
		case 's':
			o->daemon = false;
			break;
		case 't':
			o->stack = optarg;
			break;
		case 'v':
			o->verbose = true;
			break;
		}
	if (optind >= argc)
		tool_usage_error("which socket?  unix://path", NULL);
	if (argc - optind > 1)
		tool_usage_error("only one socket, please: ", argv[optind + 1]);
	o->url = argv[optind];
}

static const char *
server_error(int error)
{
	switch (error) {
	case EINVAL:
		return "not a URL of the form unix://path";
	case ENAMETOOLONG:
		return "longer than a socket's path may be (107 bytes)";
	case EADDRINUSE:
		return "a server is running there already";
	case EEXIST:
		return "something is there that is not a socket";
	default:
		return shmbus_strerror(error);
	}
}

/*
 * Becomes the program that has the stack NAME, unless this is it: it stands
 * beside this one and is called after its stack, shmif_server-lwip, but
 * shmif_server alone has lwipv6.  Returns where that is not to be had; begin()
 * then says so.
 */
static void
become(const char *name, char **argv)
{
	const char *dash = "-", *suffix = name;
	char path[4096], wanted[64];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *own;

	if (n <= 0 || strlen(name) > 32 || strchr(name, '/') != NULL)
		return;
	path[n] = '\0';
	if ((own = strrchr(path, '/')) == NULL)
		return;
	own++;
	if (strcmp(name, "lwipv6") == 0)
		dash = suffix = "";
	snprintf(wanted, sizeof(wanted), PROGRAM "%s%s", dash, suffix);
	if (strcmp(own, wanted) == 0 ||
	    strlen(wanted) >= (size_t)(path + sizeof(path) - own))
		return;
	strcpy(own, wanted);
	execv(path, argv);
}

/* Makes the interfaces and the socket. 0, or an exit status with a message. */
static int
begin(const struct options *o)
{
	char path[WIRE_PATH_MAX];
	int error;

	/* Before interfaces are made in vain. The library looks again. */
	if (wire_path(o->url, path) == 0 && probe(path) == EADDRINUSE) {
		complain("%s: %s", o->url, server_error(EADDRINUSE));
		return 1;
	}
	if (options_ask() != 0)
		return 1;
	if (o->stack != NULL && strcmp(o->stack, options_stack()) != 0) {
		complain("-t: %s: this program has the stack %s", o->stack,
		    options_stack());
		return 2;
	}
	if (o->list == NULL)
		complain("no interface yet: shmifctl or -o makes them");
	else if (options_apply(o->list, o->verbose) != 0)
		return 1;
	if (o->forward && options_forward() != 0)
		return 1;
	if ((error = shmif_init_server(o->url)) != 0) {
		complain("%s: %s", o->url, server_error(error));
		return 1;
	}
	if (o->verbose)
		complain("%s: pid %ld", o->url, (long)getpid());
	return 0;
}

/* The parent: waits until the child is ready, and ends as it does. */
static _Noreturn void
wait_for_child(pid_t child, int fd)
{
	char word;
	int status;
	ssize_t n;

	while ((n = read(fd, &word, 1)) == -1 && errno == EINTR)
		continue;
	if (n != 1 || word != 0)
		_exit(waitpid(child, &status, 0) == child && WIFEXITED(status) ?
			WEXITSTATUS(status) :
			1);
	printf("%ld\n", (long)child);
	_exit(fflush(stdout) == 0 ? 0 : 1);
}

/* Goes into the background.  Returns where to write a 0 when ready. */
static int
go_behind(void)
{
	int fd[2];
	pid_t child;

	if (pipe2(fd, O_CLOEXEC) == -1 || (child = fork()) == -1) {
		complain("%s", strerror(errno));
		exit(1);
	}
	if (child > 0) {
		close(fd[1]);
		wait_for_child(child, fd[0]);
	}
	close(fd[0]);
	setsid();
	return fd[1];
}

/* Leaves the caller's terminal; FD is where to write a 0.  LOGGED: -l. */
static void
ready(int fd, bool logged)
{
	int null = open("/dev/null", O_RDWR);
	const char word = 0;

	if (null != -1) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		if (!logged)
			dup2(null, STDERR_FILENO);
		if (null > STDERR_FILENO)
			close(null);
	}
	if (write(fd, &word, 1) != 1)
		_exit(1);
	close(fd);
}

static sigset_t ends; /* the signals that end this program */
static sem_t ended;   /* one of them came */

/*
 * The thread that receives signals; it is there before any stack.  The main
 * thread then removes all interfaces.  One of the library's own kinds may
 * block the stack's thread, and so the main thread, while its other end does
 * not read: it is given up after PATIENCE_S.
 */
static void *
watch_signals(void *verbose)
{
	int sig;

	while (sigwait(&ends, &sig) != 0)
		continue;
	if (verbose != NULL)
		complain("%s", strsignal(sig));
	sem_post(&ended);
	sleep(PATIENCE_S);
	complain("an interface does not end: it is not waited for");
	_exit(1);
}

/* Each socket of another program takes two. */
static void
many_descriptors(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) != 0)
		return;
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
}

int
main(int argc, char **argv)
{
	struct options o = { 0 };
	pthread_t watch;
	int fd = -1, n;

	parse_options(&o, argc, argv);
	if (o.stack != NULL)
		become(o.stack, argv);
	if (o.daemon)
		fd = go_behind();
	if (o.log != NULL && (n = log_open(o.log)) != 0) {
		complain("-l: %s: %s", o.log, strerror(n));
		return 1;
	}
	/* A peer that has gone is reported as EPIPE, as any other error. */
	signal(SIGPIPE, SIG_IGN);
	/* So is a bus file that may not grow any further, as EFBIG. */
	signal(SIGXFSZ, SIG_IGN);
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGHUP);
	sigprocmask(SIG_BLOCK, &ends, NULL); /* inherited by all threads */
	sem_init(&ended, 0, 0);
	if ((n = pthread_create(&watch, NULL, watch_signals,
		 o.verbose && !o.daemon ? &o : NULL)) != 0) {
		complain("%s", strerror(n));
		return 1;
	}
	pthread_detach(watch);
	/*
	 * A truncated bus must not end the process: its stack may be on
	 * others.
	 */
	shmbus_guard();
	many_descriptors();
	if ((n = begin(&o)) != 0) {
		if (n == 2)
			tool_usage_error(NULL, NULL);
		return n;
	}
	if (o.log != NULL)
		log_begin();
	if (o.daemon)
		ready(fd, o.log != NULL);
	while (sem_wait(&ended) != 0)
		continue;
	shmif_fini_server();
	while ((n = shmif_next(-1)) != -1)
		shmif_destroy(n);
	return 0;
}
