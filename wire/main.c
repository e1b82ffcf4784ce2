/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmif_wire - joins what carries Ethernet
 *
 * DOC: See core.c for how frames get through, weather.c for what may happen to
 * them, and control.c for changing it while it runs.
 */
#include <errno.h>
#include <json-c/json.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/tool.h"
#include "wire/control.h"
#include "wire/words.h"

#define PROGRAM "shmif_wire"

const char tool_name[] = PROGRAM;

const char tool_usage[] =
    "usage: " PROGRAM " [-djv] [-c url] [-m mtu] [-S slots] [-M mode] [-n "
    "name]\n"
    "           end end... [word...]\n"
    "       " PROGRAM " [-j] -s url show | word...\n"
    "       " PROGRAM " --help | --version\n"
    "Joins ends that carry Ethernet; two are a wire, more are a switch.\n"
    "\n"
    "An end is:\n"
    "  PATH               a bus; it is made if there is none\n"
    "  tap:NAME           a tap of Linux\n"
    "  vde:URL            a network of VDE, by libvdeplug\n"
    "  stream:PATH        QEMU's -netdev stream, passt: connects if somebody\n"
    "                     listens there, else listens; PATH,listen and\n"
    "                     PATH,connect do the one or the other\n"
    "  dgram:OWN,OTHER    QEMU's -netdev dgram\n"
    "  fd:N               a descriptor: a socket or a tap\n"
    "\n"
    "Words are for frames that leave by any end or, behind \"end N\", by that\n"
    "one; \"all\" means all again:\n"
    "  delay TIME [JITTER [CORRELATION%]]\n"
    "  distribution uniform|normal|pareto\n"
    "  loss P% [CORRELATION%]     loss gemodel P% [R% [1-H% [1-K%]]]\n"
    "  duplicate P%   corrupt P%   reorder P% [CORRELATION%] [gap N]\n"
    "  rate RATE   limit FRAMES   mtu N   cut [at TIME]   mend [at TIME]\n"
    "  seed N   clear\n"
    "  vlan N|none   trunk LIST|all   native N\n"
    "\n"
    "  -c, --control URL  listen there for -s\n"
    "  -s, --server URL   show or change the wire that listens there\n"
    "  -j, --json         show as JSON\n"
    "  -d, --daemon       go to the background once all is open\n"
    "  -v, --verbose      show at the end what was counted\n"
    "  -m, --mtu N        of a bus that is made; else 1500\n"
    "  -S, --slots N      of a bus that is made; else 2048\n"
    "  -M, --mode N       permissions of a bus that is made, octal; else "
    "0600\n"
    "  -n, --name TEXT    of the attachments; else " PROGRAM "\n"
    "      --help         show this text\n"
    "  -V, --version      show the version\n";

struct options {
	bool daemon, json, verbose;
	const char *control, *server;
};

static struct wire wire = { .lock = PTHREAD_MUTEX_INITIALIZER,
	.epoll = -1,
	.timer = -1,
	.stop = -1,
	.timer_at = UINT64_MAX,
	.name = PROGRAM };
static struct settings settings[ENDS_MAX];
static struct watched signals = { .fd = -1 };

/* ---- command line --------------------------------------------------------- */

static void
parse_options(struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "control", required_argument, NULL, 'c' },
		{ "server", required_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' },
		{ "daemon", no_argument, NULL, 'd' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "mtu", required_argument, NULL, 'm' },
		{ "slots", required_argument, NULL, 'S' },
		{ "mode", required_argument, NULL, 'M' },
		{ "name", required_argument, NULL, 'n' },
		TOOL_LONG_OPTIONS,
	};
	struct shmbus_geometry *g = &wire.geometry;
	int c;

	/* Words of a wire may look like options to a getopt that looks on. */
	while ((c = tool_option(argc, argv, "+c:s:jdvm:S:M:n:V", longs)) != -1)
		switch (c) {
		case 'c':
			o->control = optarg;
			break;
		case 's':
			o->server = optarg;
			break;
		case 'j':
			o->json = true;
			break;
		case 'd':
			o->daemon = true;
			break;
		case 'v':
			o->verbose = true;
			break;
		case 'm':
			g->mtu = (uint32_t)tool_number(optarg, SHMBUS_MTU_MAX,
			    "an MTU");
			break;
		case 'S':
			g->slots = (uint32_t)tool_number(optarg,
			    SHMBUS_SLOTS_MAX, "a number of slots");
			break;
		case 'M':
			g->mode = tool_mode(optarg);
			break;
		case 'n':
			if (strlen(optarg) >= SHMBUS_NAME_MAX)
				tool_usage_error("a name is shorter: ", optarg);
			wire.name = optarg;
			break;
		}
}

/* Applies the words of the command line, or exits. */
static void
parse_words(const char *const *words, unsigned n)
{
	uint64_t seed;
	char why[200];

	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		seed = now_ns();
	seed >>= 33; /* short enough to be typed again */
	for (unsigned i = 0; i < wire.n; i++)
		settings_init(&settings[i], seed);
	if (words_apply(settings, wire.n, words, n, 0, why, sizeof(why)) != 0)
		tool_usage_error(why, NULL);
}

/* ---- life -------------------------------------------------------------------- */

static void
signalled(struct watched *w, uint32_t events)
{
	struct signalfd_siginfo info;

	(void)events;
	(void)!read(w->fd, &info, sizeof(info));
	wire_stop(&wire, 0);
}

static int
system_failed(const char *what)
{
	tool_complain(what, strerror(errno), NULL);
	return -1;
}

/* What the loop needs.  0, or -1 after a message. */
static int
prepare(void)
{
	sigset_t set;
	int error;

	/* Nobody is killed for writing where nobody reads. */
	signal(SIGPIPE, SIG_IGN);
	if ((error = shmbus_guard()) != 0) {
		tool_complain("SIGBUS", shmbus_strerror(error), NULL);
		return -1;
	}
	/* Timers expire when they are to, not within 50 us of it. */
	(void)prctl(PR_SET_TIMERSLACK, 1UL);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	wire.epoll = epoll_create1(EPOLL_CLOEXEC);
	wire.timer = timerfd_create(CLOCK_MONOTONIC,
	    TFD_CLOEXEC | TFD_NONBLOCK);
	wire.stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	signals.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	signals.ready = signalled;
	if (wire.epoll == -1 || wire.timer == -1 || wire.stop == -1 ||
	    signals.fd == -1 || loop_watch(&wire, &signals, EPOLLIN) != 0)
		return system_failed("descriptors");
	return 0;
}

/* The parent of a daemon waits until the child is ready, and ends. */
static int
become_daemon(void)
{
	int pipes[2];
	char byte;
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC) != 0 || (pid = fork()) == -1) {
		(void)system_failed("daemon");
		exit(1);
	}
	if (pid == 0) {
		close(pipes[0]);
		setsid();
		return pipes[1];
	}
	close(pipes[1]);
	if (read(pipes[0], &byte, 1) != 1)
		exit(1); /* it has said why */
	printf("%ld\n", (long)pid);
	exit(tool_flush() == 0 ? 0 : 1);
}

static void
daemon_ready(int to_parent)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null != -1) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		close(null);
	}
	(void)!write(to_parent, "", 1);
	close(to_parent);
}

/* Opens all ends and lets frames through.  0, or -1 after a message. */
static int
begin(const struct options *o, char **specs)
{
	unsigned n = wire.n;

	wire.began_ns = now_ns();
	pthread_mutex_lock(&wire.lock);
	/* Ends are there for others when they are open, one by one. */
	for (wire.n = 0; wire.n < n;) {
		struct end *e = &wire.ends[wire.n];

		e->wire = &wire;
		e->number = wire.n;
		core_set(e, &settings[wire.n]);
		wire.n++;
		if (end_open(e, specs[wire.n - 1]) != 0) {
			pthread_mutex_unlock(&wire.lock);
			return -1;
		}
	}
	pthread_mutex_unlock(&wire.lock);
	if (o->control != NULL && control_open(&wire, o->control) != 0)
		return -1;
	return bus_start(&wire);
}

static void
report(const struct options *o)
{
	struct json_object *show;

	pthread_mutex_lock(&wire.lock);
	show = show_json(&wire);
	pthread_mutex_unlock(&wire.lock);
	if (o->json)
		puts(json_object_to_json_string_ext(show,
		    JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
	else
		show_text(show);
	json_object_put(show);
	if (tool_flush() != 0)
		wire.status = 1;
}

int
main(int argc, char **argv)
{
	struct options o = { 0 };
	int to_parent = -1, status = 1, i;

	parse_options(&o, argc, argv);
	if (o.server != NULL) {
		if (optind == argc)
			tool_usage_error("show, or which words?", NULL);
		return ask(o.server, (const char *const *)argv + optind,
		    (unsigned)(argc - optind), o.json);
	}
	for (i = optind; i < argc && !words_is_one(argv[i]); i++)
		wire.n++;
	if (wire.n < 2)
		tool_usage_error("a wire has two ends or more", NULL);
	if (wire.n > ENDS_MAX)
		tool_usage_error("too many ends: ",
		    argv[optind + (int)ENDS_MAX]);
	parse_words((const char *const *)argv + i, (unsigned)(argc - i));
	if (o.daemon)
		to_parent = become_daemon();
	if (prepare() == 0 && begin(&o, argv + optind) == 0) {
		if (to_parent != -1)
			daemon_ready(to_parent);
		status = loop_run(&wire);
		bus_stop_all(&wire);
		if (o.verbose)
			report(&o);
		status = status != 0 ? status : wire.status;
	} else {
		bus_stop_all(&wire);
	}
	control_close(&wire);
	for (unsigned n = 0; n < wire.n; n++)
		end_close(&wire.ends[n]);
	return status;
}
