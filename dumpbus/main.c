/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmif_dumpbus - shows or captures what is on a bus
 *
 * It attaches read-only unless -a is given.  Then it needs only permission to
 * read the file, takes no entry in the table of attachments, and cannot disturb
 * those who use the bus: they cannot even tell that it is there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "dumpbus/dump.h"
#include "base/clock.h"

#define PROGRAM "shmif_dumpbus"
#define SECOND_NS 1000000000u

const char tool_name[] = PROGRAM;
volatile sig_atomic_t stopped;
static struct shmbus *bus; /* for wake_reader() */

const char tool_usage[] =
    "usage: " PROGRAM " [-afF] [-c count | --expect count] [-n newest]\n"
    "           [--timeout seconds]\n"
    "           [-w out [--pcapng] [-C size] [-G seconds] [-W files] |\n"
    "            --plot out.svg]\n"
    "           bus.file [filter]\n"
    "       " PROGRAM " -h bus.file\n"
    "       " PROGRAM " --help | --version\n"
    "Shows the frames that a bus file holds, a line each; with a filter, as\n"
    "tcpdump has it, those that it lets through.\n"
    "\n"
    "  -w, --write FILE  write them to FILE as a pcap with nanoseconds; - is\n"
    "                    standard output\n"
    "  -p FILE           the same\n"
    "      --pcapng      write a pcapng, which says who sent each frame\n"
    "      --plot FILE   draw an SVG of the traffic over time and of who "
    "talks to\n"
    "                    whom, by gnuplot\n"
    "  -C SIZE           write files FILE0, FILE1 and so on of at most SIZE\n"
    "                    million bytes; with k, m or g behind: KiB, MiB, GiB\n"
    "  -G SECONDS        a new one when its frames span so much time\n"
    "  -W N              no more than N of them: the oldest makes room\n"
    "  -f, --follow      show what is sent from now on, until SIGINT or "
    "SIGTERM\n"
    "  -F, --follow-all  the same, but begin with what is there\n"
    "  -n, --newest N    only the newest N frames of what is there\n"
    "  -c, --count N     end after N frames\n"
    "      --expect N    the same, and fail if fewer come\n"
    "      --timeout S   follow for S seconds at most; begin with what is "
    "there\n"
    "                    unless told otherwise\n"
    "  -a, --attach      attach like anybody else, seen by all; needs write\n"
    "                    permission\n"
    "  -h, --header      show the bus's geometry and who is attached instead\n"
    "      --help        show this text\n"
    "  -V, --version     show the version\n";

/* Reads TEXT as a number of bytes, in the syntax of tcpdump -C; or exits. */
static uint64_t
parse_size(const char *text)
{
	static const char units[] = "kmg";
	/* NOLINTNEXTLINE(*.NonNullParamChecker): getopt has seen to it */
	size_t n = strlen(text);
	const char *unit = n > 1 ? strchr(units, text[n - 1] | ('a' ^ 'A')) :
				   NULL;
	char digits[24];

	if (unit == NULL || *unit == '\0')
		return tool_number(text, 1000000000, "a size") * 1000000;
	if (n > sizeof(digits))
		tool_usage_error("not a size: ", text);
	memcpy(digits, text, n - 1);
	/* cppcheck-suppress arrayIndexOutOfBoundsCond; tool_usage_error() exits */
	digits[n - 1] = '\0';
	return tool_number(digits, 1000000000, "a size")
	    << 10 * (unit - units + 1);
}

/* Reads TEXT as seconds, with decimals or not, into milliseconds; or exits. */
static uint64_t
parse_seconds(const char *text)
{
	char *end;
	double s = strtod(text, &end);

	if (strspn(text, "0123456789.") != strlen(text) || end == text ||
	    *end != '\0' || s < 0.001 || s > 1e9)
		tool_usage_error("not a number of seconds: ", text);
	return (uint64_t)(s * 1000 + 0.5);
}

/* Exits with a message when the options that limit files contradict others. */
static void
check_files(const struct options *o)
{
	bool limits = o->file_bytes != 0 || o->file_seconds != 0;

	if (o->files != 0 && !limits)
		tool_usage_error("-W goes with -C or -G", NULL);
	if (limits && (o->out == NULL || strcmp(o->out, "-") == 0))
		tool_usage_error("-C and -G go with -w and a file", NULL);
}

/* Fills in O from the command line, or exits. */
static void
parse_options(struct options *o, int argc, char **argv)
{
	enum { OPT_PCAPNG = TOOL_OWN, OPT_EXPECT, OPT_TIMEOUT, OPT_PLOT };
	static const struct option longs[] = {
		{ "write", required_argument, NULL, 'w' },
		{ "pcapng", no_argument, NULL, OPT_PCAPNG },
		{ "plot", required_argument, NULL, OPT_PLOT },
		{ "follow", no_argument, NULL, 'f' },
		{ "follow-all", no_argument, NULL, 'F' },
		{ "newest", required_argument, NULL, 'n' },
		{ "count", required_argument, NULL, 'c' },
		{ "expect", required_argument, NULL, OPT_EXPECT },
		{ "timeout", required_argument, NULL, OPT_TIMEOUT },
		{ "attach", no_argument, NULL, 'a' },
		{ "header", no_argument, NULL, 'h' },
		TOOL_LONG_OPTIONS,
	};
	int c;

	while (
	    (c = tool_option(argc, argv, "w:p:C:G:W:fFn:c:ahV", longs)) != -1)
		switch (c) {
		case 'w':
		case 'p':
			if (o->out != NULL)
				tool_usage_error("only one output, please",
				    NULL);
			o->out = optarg;
			break;
		case 'C':
			o->file_bytes = parse_size(optarg);
			break;
		case 'G':
			o->file_seconds = tool_number(optarg, UINT32_MAX,
			    "a number of seconds");
			break;
		case 'W':
			o->files = tool_number(optarg, 1000000,
			    "a number of files");
			break;
		case OPT_PLOT:
			o->plot = optarg;
			break;
		case OPT_PCAPNG:
			o->pcapng = true;
			break;
		case 'f':
			o->follow = true;
			break;
		case 'F':
			o->follow = o->oldest = true;
			break;
		case 'n':
			if (access(optarg, F_OK) == 0 &&
			    strspn(optarg, "0123456789") != strlen(optarg))
				tool_usage_error("-n wants a number of frames; "
						 "names are never looked up",
				    NULL);
			o->newest = tool_number(optarg, UINT64_MAX,
			    "a number of frames");
			break;
		case 'c':
			o->count = tool_number(optarg, UINT64_MAX,
			    "a number of frames");
			break;
		case OPT_EXPECT:
			o->expect = tool_number(optarg, UINT64_MAX,
			    "a number of frames");
			break;
		case OPT_TIMEOUT:
			o->timeout_ms = parse_seconds(optarg);
			break;
		case 'a':
			o->attach = true;
			break;
		case 'h':
			o->header = true;
			break;
		}
	if (optind >= argc)
		tool_usage_error("which bus file?", NULL);
	o->bus = argv[optind++];
	if (o->expect != 0 && o->count != 0)
		tool_usage_error("--expect is a -c that fails: one of them",
		    NULL);
	if (o->expect != 0)
		o->count = o->expect;
	if (o->timeout_ms != 0 && !o->follow)
		o->follow = o->oldest = true;
	if (o->follow && !o->oldest && o->newest != 0)
		tool_usage_error("-n goes with -F, not with -f", NULL);
	if (o->pcapng && o->out == NULL)
		tool_usage_error("--pcapng goes with -w", NULL);
	if (o->plot != NULL && o->out != NULL)
		tool_usage_error("--plot or -w, one of them", NULL);
	check_files(o);
	if (o->header &&
	    (o->out != NULL || o->plot != NULL || o->follow || o->newest != 0 ||
		o->count != 0 || o->attach || o->timeout_ms != 0 ||
		optind < argc))
		tool_usage_error("-h goes with nothing else", NULL);
	if (optind < argc) {
		o->filter = filter_compile(argv + optind, argc - optind);
		if (o->filter == NULL)
			exit(2);
	}
}

void
wake_reader(void)
{
	shmbus_wake(bus);
}

/* Ends the process by the signal, leaving nothing half-written. */
static void
on_abort(int sig)
{
	outfile_unlink();
	signal(sig, SIG_DFL);
	raise(sig); /* after return */
}

/*
 * The first signal ends the following in good order: what was sent before is
 * still written.  If that takes long, a second signal ends the program at once;
 * but not within a second, for some senders (timeout(1)) send two in a row.
 */
static void
on_stop(int sig)
{
	static uint64_t since;

	if (stopped) {
		if (now_ns() - since >= SECOND_NS)
			on_abort(sig);
		return;
	}
	since = now_ns();
	stopped = 1;
	wake_reader();
}

/* The time is over: the following ends in good order. */
static void
on_timeout(int sig)
{
	(void)sig;
	stopped = 1;
	wake_reader();
}

/* Has the following end after MS milliseconds. */
static void
begin_timeout(uint64_t ms)
{
	const struct itimerval t = {
		.it_value = { .tv_sec = (time_t)(ms / 1000),
		    .tv_usec = (suseconds_t)(ms % 1000) * 1000 }
	};
	struct sigaction sa = { .sa_handler = on_timeout };

	if (ms != 0 && sigaction(SIGALRM, &sa, NULL) == 0)
		setitimer(ITIMER_REAL, &t, NULL);
}

/*
 * Installs the handlers of signals.  SA_RESTART is not used, so that a signal
 * interrupts a write to a pipe whose reader does not read.
 */
static void
catch_signals(bool follow)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction sa = {
		.sa_handler = follow ? on_stop : on_abort,
	};

	/*
	 * A reader that went away, or a file that may not grow any more, is
	 * found out when a write fails.
	 */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct sigaction old;

		if (sigaction(ends[i], NULL, &old) == 0 && ends[i] == SIGHUP &&
		    old.sa_handler == SIG_IGN)
			continue; /* nohup(1) */
		sigaction(ends[i], &sa, NULL);
	}
}

/* Whether the output would be the bus file O->bus itself; then says so. */
static bool
output_is_bus(const struct options *o)
{
	const char *name = o->plot != NULL ? o->plot : o->out;
	struct stat in, out;
	int err;

	if (stat(o->bus, &in) != 0)
		return false; /* attaching says what is wrong */
	if (name == NULL || strcmp(name, "-") == 0)
		err = fstat(STDOUT_FILENO, &out);
	else
		err = stat(name, &out);
	if (err != 0 || in.st_dev != out.st_dev || in.st_ino != out.st_ino)
		return false;
	tool_complain(name == NULL ? "standard output" : name,
	    "is the bus file itself", NULL);
	return true;
}

int
main(int argc, char **argv)
{
	struct options o = { 0 };
	/* By default nobody notices that we are there. */
	struct shmbus_options how = {
		.flags = SHMBUS_RDONLY | SHMBUS_PROMISC | SHMBUS_OLDEST,
		.name = PROGRAM,
		.spin_us = -1, /* others need the processor */
	};
	struct shmbus_info info;
	struct sink *sink = NULL;
	int err;

	parse_options(&o, argc, argv);
	if (o.attach)
		how.flags &= ~(unsigned)SHMBUS_RDONLY;
	if (o.follow && !o.oldest)
		how.flags &= ~(unsigned)SHMBUS_OLDEST;
	if (output_is_bus(&o))
		return 1;
	if ((err = shmbus_guard()) != 0) {
		tool_complain("SIGBUS", shmbus_strerror(err), NULL);
		return 1;
	}
	err = shmbus_attach(o.bus, &how, &bus);
	catch_signals(o.follow && err == 0);
	if (err == 0)
		begin_timeout(o.timeout_ms);
	if (err == SHMBUS_ENOTBUS) {
		bool is_one;
		int other = netbsd_read(&o, &is_one);

		if (is_one)
			return other == 0 ? 0 : 1;
	}
	if (err == SHMBUS_EORDER)
		return swapped_read(&o) == 0 ? 0 : 1;
	if (err != 0) {
		tool_complain(o.bus, shmbus_strerror(err), shmbus_why());
		return 1;
	}
	if (o.header) {
		err = header_print(bus, o.bus);
	} else {
		shmbus_info(bus, &info);
		err = sink_open(&sink, &o, info.frame_max);
		if (err == 0)
			err = read_bus(bus, &o, sink);
		if (sink != NULL)
			err = sink_close(sink, err == 0);
		else if (err > 0)
			err = as_expected(&o, 0) ? 0 : -1;
	}
	/*
	 * The bus is not detached, because a signal handler may still use it;
	 * the kernel unmaps it when the process ends.
	 */
	return err == 0 ? 0 : 1;
}
