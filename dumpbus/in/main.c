/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmif_pcapin - puts the frames of a capture file on a bus
 *
 * DOC: What becomes of a packet
 *
 * Packets are sent unchanged, in the order of the file, with the current time as
 * their time of sending.  A packet is left out, and counted, if the file has
 * only a part of it, if it is longer than the bus carries, or if it is shorter
 * than an Ethernet header.  No packet is ever cut.
 *
 * Sending waits for nobody.  If we were stopped in the middle of a frame, and
 * readers have given up on it meanwhile, the frame is sent once more.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "dumpbus/in/in.h"

#define PROGRAM "shmif_pcapin"

/* A new bus gets room for all frames of the capture, up to this many bytes. */
#define SIZE_MAX_BY_ITSELF ((uint64_t)256 << 20)
#define TRIES 1000

const char tool_name[] = PROGRAM;
volatile sig_atomic_t stopped;

const char tool_usage[] =
    "usage: " PROGRAM " [-lvw] [-c count] [-r rate] [-m mtu] [-s slots]\n"
    "           [-M mode] capture bus.file\n"
    "       " PROGRAM " --help | --version\n"
    "Puts the frames of a pcap or pcapng file (- is standard input) on a bus,\n"
    "as fast as possible; makes the bus if there is none.\n"
    "\n"
    "  -r, --rate N    as fast as they were recorded, times N\n"
    "  -l, --loop      from the beginning again, until SIGINT or SIGTERM\n"
    "  -c, --count N   end after N frames\n"
    "  -w, --wait      begin when somebody is attached, and do not get "
    "further\n"
    "                  ahead of those who receive everything than they can "
    "bear\n"
    "  -m, --mtu N     of a bus that is made; else what the frames need\n"
    "  -s, --slots N   of a bus that is made: how many frames it remembers\n"
    "  -M, --mode N    permissions of a bus that is made, octal; else 0600\n"
    "  -v, --verbose   say at the end how many there were\n"
    "      --help      show this text\n"
    "  -V, --version   show the version\n";

struct tally {
	uint64_t sent, bytes;
	uint64_t partial; /* not whole in the file */
	uint64_t large, small;
};

/* ---- command line ------------------------------------------------------- */

static double
parse_rate(const char *text)
{
	char *end;
	double rate = strtod(text, &end);

	if (end == text || *end != '\0' || !(rate >= 1e-6 && rate <= 1e6))
		tool_usage_error("not a rate from 0.000001 to 1000000: ", text);
	return rate;
}

/* Fills in O from the command line, or exits. */
static void
parse_options(struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "rate", required_argument, NULL, 'r' },
		{ "loop", no_argument, NULL, 'l' },
		{ "count", required_argument, NULL, 'c' },
		{ "wait", no_argument, NULL, 'w' },
		{ "mtu", required_argument, NULL, 'm' },
		{ "slots", required_argument, NULL, 's' },
		{ "mode", required_argument, NULL, 'M' },
		{ "verbose", no_argument, NULL, 'v' },
		TOOL_LONG_OPTIONS,
	};
	int c;

	while ((c = tool_option(argc, argv, "r:lc:wm:s:M:vV", longs)) != -1)
		switch (c) {
		case 'r':
			o->rate = parse_rate(optarg);
			break;
		case 'l':
			o->loop = true;
			break;
		case 'c':
			o->count = tool_number(optarg, UINT64_MAX,
			    "a number of frames");
			break;
		case 'w':
			o->wait = true;
			break;
		case 'm':
			o->geometry.mtu = (uint32_t)tool_number(optarg,
			    UINT32_MAX, "an MTU");
			break;
		case 's':
			o->geometry.slots = (uint32_t)tool_number(optarg,
			    UINT32_MAX, "a number of slots");
			break;
		case 'M':
			o->geometry.mode = tool_mode(optarg);
			break;
		case 'v':
			o->verbose = true;
			break;
		}
	if (argc - optind < 2)
		tool_usage_error(argc == optind ? "which capture file?" :
						  "which bus file?",
		    NULL);
	if (argc - optind > 2)
		tool_usage_error("too many arguments: ", argv[optind + 2]);
	o->file = argv[optind];
	o->bus = argv[optind + 1];
}

/* ---- the bus ------------------------------------------------------------ */

/* Chooses what the options leave open of the geometry, to suit C.  0 or -1. */
static int
fit(struct options *o, struct capture *c)
{
	struct shmbus_geometry *g = &o->geometry;
	uint64_t packets, stride;
	uint32_t longest;

	if (!c->again || (g->mtu != 0 && g->slots != 0))
		return 0;
	if (capture_scan(c, &longest, &packets) != 0)
		return -1;
	if (longest > SHMBUS_MTU_MAX + SHMBUS_HEADROOM)
		longest = SHMBUS_MTU_MAX + SHMBUS_HEADROOM;
	if (g->mtu == 0 && longest > SHMBUS_MTU_DEFAULT + SHMBUS_HEADROOM)
		g->mtu = longest - SHMBUS_HEADROOM;
	/* About the size of a slot. */
	stride = (g->mtu != 0 ? g->mtu : SHMBUS_MTU_DEFAULT) + 128;
	if (g->slots == 0) {
		g->slots = SHMBUS_SLOTS_DEFAULT;
		while (g->slots < packets && g->slots < SHMBUS_SLOTS_MAX &&
		    (uint64_t)2 * g->slots * stride <= SIZE_MAX_BY_ITSELF)
			g->slots *= 2;
	}
	return 0;
}

/* Attaches to the bus, and creates it if there is none.  0 or -1. */
static int
attach(struct shmbus **b, struct options *o, struct capture *c)
{
	struct shmbus_options how = { .name = PROGRAM };
	int err = shmbus_attach(o->bus, &how, b);

	if (err == ENOENT) {
		if (fit(o, c) != 0)
			return -1;
		how.flags = SHMBUS_CREATE;
		how.geometry = o->geometry;
		err = shmbus_attach(o->bus, &how, b);
	}
	if (err == 0)
		return 0;
	tool_complain(o->bus, shmbus_strerror(err), shmbus_why());
	return -1;
}

/* ---- frames ------------------------------------------------------------- */

/* Sends one frame, with as many attempts as it takes.  0 or -1. */
static int
send_frame(struct shmbus *b, const struct options *o, const uint8_t *data,
    size_t len)
{
	int err, tries = 0;

	while ((err = shmbus_send(b, data, len)) != 0) {
		if ((err != SHMBUS_EGIVENUP && err != ENOBUFS) ||
		    ++tries == TRIES) {
			tool_complain(o->bus, shmbus_strerror(err), NULL);
			return -1;
		}
		if (err == ENOBUFS)
			usleep(1000);
	}
	return 0;
}

/* Sends C, up to the number of frames that was asked for.  0 or -1. */
static int
send_capture(struct shmbus *b, const struct options *o, struct capture *c,
    struct pace *p, struct tally *t)
{
	const struct pcap_pkthdr *h;
	struct shmbus_info info;
	const uint8_t *data;
	int more;

	shmbus_info(b, &info);
	while ((more = capture_next(c, &h, &data)) == 1) {
		if (h->caplen != h->len) {
			t->partial++;
			continue;
		}
		if (h->len > info.frame_max) {
			t->large++;
			continue;
		}
		if (h->len < SHMBUS_FRAME_MIN) {
			t->small++;
			continue;
		}
		pace_wait(p,
		    (uint64_t)h->ts.tv_sec * 1000000000u +
			(uint64_t)h->ts.tv_usec);
		if (stopped)
			break;
		if (send_frame(b, o, data, h->len) != 0)
			return -1;
		t->sent++;
		t->bytes += h->len;
		if (t->sent == o->count)
			break;
	}
	return more == -1 ? -1 : 0;
}

/* Says that N packets were left out, and why. */
static void
left_out(const char *file, uint64_t n, const char *why)
{
	char text[80];

	if (n == 0)
		return;
	snprintf(text, sizeof(text), "%" PRIu64 " packet%s left out", n,
	    n == 1 ? "" : "s");
	tool_complain(file, text, why);
}

/* Does the work, once the bus is attached.  0 or -1. */
static int
run(struct shmbus *b, const struct options *o, struct capture *c)
{
	struct tally t = { 0 };
	struct pace p = { .rate = o->rate };
	struct shmbus_info info;
	uint64_t begin, ns;
	int err = 0;

	shmbus_info(b, &info);
	if (o->wait) {
		if (pace_await_reader(b, o->bus) != 0)
			return -1;
		p.bus = b;
		p.ahead = info.geometry.slots / 2;
	}
	begin = now_ns();
	while (!stopped) {
		uint64_t before = t.sent;

		err = send_capture(b, o, c, &p, &t);
		if (err != 0 || !o->loop || (o->count && t.sent == o->count))
			break;
		if (t.sent == before) {
			tool_complain(c->name, "nothing to send in it", NULL);
			err = -1;
			break;
		}
		p.begun = false;
		if ((err = capture_rewind(c)) != 0)
			break;
	}
	ns = now_ns() - begin;
	left_out(c->name, t.partial, "not whole in the file");
	left_out(c->name, t.large, "longer than the bus carries");
	left_out(c->name, t.small, "shorter than an Ethernet header");
	if (o->verbose)
		fprintf(stderr,
		    PROGRAM ": %s: %" PRIu64 " frames, %" PRIu64
			    " bytes, in %.3f s\n",
		    o->bus, t.sent, t.bytes, (double)ns / 1e9);
	return err;
}

static void
on_stop(int sig)
{
	(void)sig;
	stopped = 1;
}

int
main(int argc, char **argv)
{
	/* SA_RESTART is not used: a signal also ends reading from a pipe. */
	struct sigaction sa = { .sa_handler = on_stop,
		.sa_flags = (int)SA_RESETHAND };
	struct options o = { 0 };
	struct capture c;
	struct shmbus *b = NULL;
	int err;

	parse_options(&o, argc, argv);
	/* A file that may not grow any more is found out when a write fails. */
	signal(SIGXFSZ, SIG_IGN);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	if ((err = shmbus_guard()) != 0) {
		tool_complain("SIGBUS", shmbus_strerror(err), NULL);
		return 1;
	}
	/* The capture comes first: no bus is created if it cannot be read. */
	err = capture_open(&c, o.file);
	if (err == 0 && o.loop && !c.again) {
		tool_complain(c.name, "cannot be read again",
		    "-l needs a file");
		err = -1;
	}
	if (err == 0)
		err = attach(&b, &o, &c);
	if (err == 0)
		err = run(b, &o, &c);
	shmbus_detach(b);
	capture_close(&c);
	return err == -1 ? 1 : 0;
}
