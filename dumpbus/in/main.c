/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmif_pcapin - puts the frames of a capture file on a bus
 *
 * DOC: What becomes of a packet
 *
 * Packets are sent unchanged, in the order of the file, with the current time as
 * their time of sending.  A packet is left out, and counted, if it is no Ethernet
 * frame, if the file has only a part of it, if it is longer than the bus carries,
 * or if it is shorter than an Ethernet header.  No packet is ever cut; an FCS
 * behind it, which the file tells of, is no part of it.
 *
 * DOC: No bus for nothing
 *
 * A bus is made only when the first frame that it could carry has been read.
 * What has no frame leaves no bus behind, be it a file or a pipe.
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
	uint64_t longer;  /* more of them in the file than there was */
	uint64_t large, small;
	uint64_t foreign; /* no Ethernet frames */
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

/* ---- frames ------------------------------------------------------------- */

/* Whether a bus of frames of up to MAX bytes carries P; else T counts it. */
static bool
judge(const struct packet *p, uint32_t max, struct tally *t)
{
	uint64_t *why = p->caplen < p->len ? &t->partial :
	    p->caplen > p->len		   ? &t->longer :
	    p->len > max		   ? &t->large :
	    p->len < SHMBUS_FRAME_MIN	   ? &t->small :
					     NULL;

	if (why != NULL)
		++*why;
	return why == NULL;
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

/* Says what was left out of C. */
static void
report(const struct capture *c, const struct tally *t)
{
	left_out(c->name, t->partial, "not whole in the file");
	left_out(c->name, t->longer, "more in the file than their length");
	left_out(c->name, t->large, "longer than the bus carries");
	left_out(c->name, t->small, "shorter than an Ethernet header");
	left_out(c->name, t->foreign + c->foreign, "not of link type Ethernet");
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

/*
 * Reads C up to the first frame for the bus that is to be made, as O says; none
 * is made if there is none.  0 or -1; 1: a signal to stop came.
 */
static int
await_frame(const struct options *o, struct capture *c, struct tally *t)
{
	uint32_t mtu = o->geometry.mtu != 0 ? o->geometry.mtu :
	    c->again			    ? SHMBUS_MTU_MAX :
					      SHMBUS_MTU_DEFAULT;
	const struct packet *p;
	int more;

	if (mtu > SHMBUS_MTU_MAX) /* is refused later */
		mtu = SHMBUS_MTU_MAX;
	while ((more = capture_next(c, &p)) == 1)
		if (judge(p, mtu + SHMBUS_HEADROOM, t))
			break;
	if (more == 1) {
		if (!c->again) {
			capture_hold(c);
			return 0;
		}
		*t = (struct tally){ 0 };
		return capture_rewind(c);
	}
	if (stopped)
		return 1;
	report(c, t);
	if (more == 0)
		tool_complain(c->name, "no frame for a bus in it",
		    "none is made");
	return -1;
}

/*
 * Attaches to the bus, and creates it if there is none.  0 or -1; 1: a signal to
 * stop came before there was a frame for a new one.
 */
static int
attach(struct shmbus **b, struct options *o, struct capture *c, struct tally *t)
{
	struct shmbus_options how = { .name = PROGRAM };
	int err = shmbus_attach(o->bus, &how, b), frame;

	if (err == ENOENT) {
		if ((frame = await_frame(o, c, t)) != 0)
			return frame;
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

/* ---- sending ------------------------------------------------------------ */

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
	const struct packet *packet;
	struct shmbus_info info;
	int more;

	shmbus_info(b, &info);
	while ((more = capture_next(c, &packet)) == 1) {
		if (!judge(packet, info.frame_max, t))
			continue;
		pace_wait(p, packet->time_ns);
		if (stopped)
			break;
		if (send_frame(b, o, packet->data, packet->len) != 0)
			return -1;
		t->sent++;
		t->bytes += packet->len;
		if (t->sent == o->count)
			break;
	}
	return more == -1 ? -1 : 0;
}

/* Whether there were packets in C, and none that is an Ethernet frame. */
static bool
all_foreign(const struct capture *c, const struct tally *t)
{
	return t->foreign + c->foreign != 0 &&
	    t->sent + t->partial + t->longer + t->large + t->small == 0;
}

/* Does the work, once the bus is attached.  0 or -1. */
static int
run(struct shmbus *b, const struct options *o, struct capture *c,
    struct tally *t)
{
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
		uint64_t before = t->sent;

		err = send_capture(b, o, c, &p, t);
		if (err != 0 || !o->loop || (o->count && t->sent == o->count))
			break;
		if (t->sent == before) {
			tool_complain(c->name, "nothing to send in it", NULL);
			err = -1;
			break;
		}
		p.begun = false;
		t->foreign += c->foreign;
		if ((err = capture_rewind(c)) != 0)
			break;
	}
	ns = now_ns() - begin;
	report(c, t);
	if (err == 0 && !stopped && all_foreign(c, t)) {
		tool_complain(c->name, "not a capture of Ethernet frames",
		    NULL);
		err = -1;
	}
	if (o->verbose)
		fprintf(stderr,
		    PROGRAM ": %s: %" PRIu64 " frames, %" PRIu64
			    " bytes, in %.3f s\n",
		    o->bus, t->sent, t->bytes, (double)ns / 1e9);
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
	struct tally t = { 0 };
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
		err = attach(&b, &o, &c, &t);
	if (err == 0)
		err = run(b, &o, &c, &t);
	shmbus_detach(b);
	capture_close(&c);
	return err == -1 ? 1 : 0;
}
