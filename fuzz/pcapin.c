/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pcapin.c - fuzz target: shmif_pcapin, with any capture
 *
 * DOC: An input is a byte of enum how and a capture.  The whole program runs
 * on it, main() and all, and puts it on a real bus of 16 slots, or of as many
 * as it finds right.
 *
 * What must hold besides: every frame that comes to be on the bus stands in the
 * capture as it is, in that order; there are as many as the program says, and
 * as many bytes; with those that it says it has left out they are as many as
 * libpcap by itself finds in a pcap, and those are no more than the file has
 * room for; whoever received on the bus got or lost each one; a failure has a
 * message, and what has no frame for a bus makes none.
 */
#define VERSION "fuzz"
#define main pcapin_main
#include "dumpbus/in/main.c"
#undef main

#include <fcntl.h>
#include <sys/stat.h>

#include "fuzz/fuzz.h"
#include "fuzz/pcapin.h"

#define SLOW_NS 20000000000 /* of a process that is stopped now and then */
#define PIPE_ROOM 60000u    /* what a pipe takes with nobody reading */
#define PACKET_MIN 12u	    /* bytes of a file that a packet takes, at least */
#define PCAPNG_FIRST 0x0a   /* the first byte of a pcapng */

static char in_path[300], bus_path[300];

/* What one input leads to. */
struct run {
	unsigned how;
	const uint8_t *capture;
	size_t size;
	/* as libpcap sees the file */
	bool counted;	  /* false: a pcapng, of which it sees only some */
	uint64_t packets; /* at most, if they were not counted */
	bool quick;	  /* time stamps that -r 1000000 makes nothing of */
	/* what the program said */
	int status;
	char said[4096];
	uint64_t frames, bytes, left;
};

static void
write_capture(const struct run *r)
{
	int fd = open(in_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd == -1 || write(fd, r->capture, r->size) != (ssize_t)r->size)
		fuzz_fail("cannot write %s", in_path);
	close(fd);
}

/* What there is in the file, by nothing but libpcap. */
static void
look(struct run *r)
{
	char why[PCAP_ERRBUF_SIZE];
	struct pcap_pkthdr *h;
	const uint8_t *data;
	uint64_t least = UINT64_MAX, most = 0;
	pcap_t *p;

	r->counted = r->size == 0 || r->capture[0] != PCAPNG_FIRST;
	if (!r->counted) {
		r->packets = r->size / PACKET_MIN;
		return;
	}
	p = pcap_open_offline_with_tstamp_precision(in_path,
	    PCAP_TSTAMP_PRECISION_NANO, why);
	if (p == NULL)
		return;
	while (
	    pcap_datalink(p) == DLT_EN10MB && pcap_next_ex(p, &h, &data) == 1) {
		uint64_t ns = (uint64_t)h->ts.tv_sec * 1000000000u +
		    (uint64_t)h->ts.tv_usec;

		least = ns < least ? ns : least;
		most = ns > most ? ns : most;
		r->packets++;
	}
	pcap_close(p);
	r->quick = most < least || most - least <= 1000000000;
	if (r->packets > r->size / PACKET_MIN)
		fuzz_fail("%" PRIu64 " packets in %zu bytes", r->packets,
		    r->size);
}

/* ---- running it --------------------------------------------------------- */

/* A pipe that holds the capture. */
static FILE *
pipe_with(const struct run *r)
{
	int ends[2];

	if (pipe(ends) != 0 ||
	    write(ends[1], r->capture, r->size) != (ssize_t)r->size)
		fuzz_fail("no pipe");
	close(ends[1]);
	return fdopen(ends[0], "rb");
}

/* The number before TEXT in what was said, all over; 0: it was not. */
static uint64_t
said_before(const struct run *r, const char *text)
{
	uint64_t sum = 0;
	const char *at = r->said;

	while ((at = strstr(at, text)) != NULL) {
		const char *digit = at;

		while (digit > r->said && digit[-1] >= '0' && digit[-1] <= '9')
			digit--;
		sum += strtoull(digit, NULL, 10);
		at++;
	}
	return sum;
}

static void
run_program(struct run *r)
{
	static char opt[][12] = { "shmif_pcapin", "-v", "-m68", "-s16", "-l",
		"-c40", "-c3", "-r1000000", "-" };
	FILE *in = stdin, *err = stderr;
	struct sigaction on_int, on_term;
	bool pipe = (r->how & HOW_PIPE) && r->size < PIPE_ROOM;
	char *argv[10] = { opt[0], opt[1] };
	int argc = 2;

	if (!(r->how & HOW_THERE))
		argv[argc++] = r->how & HOW_SMALL ? opt[2] : opt[3];
	if (r->how & HOW_LOOP)
		argv[argc++] = opt[4];
	if (r->how & (HOW_LOOP | HOW_COUNT))
		argv[argc++] = r->how & HOW_LOOP ? opt[5] : opt[6];
	if ((r->how & HOW_RATE) && r->quick)
		argv[argc++] = opt[7];
	argv[argc++] = pipe ? opt[8] : in_path;
	argv[argc++] = bus_path;

	/* What it says goes to memory; what else it changes is put back. */
	fflush(err);
	if (pipe)
		stdin = pipe_with(r);
	stderr = fmemopen(r->said, sizeof(r->said) - 1, "w");
	sigaction(SIGINT, NULL, &on_int);
	sigaction(SIGTERM, NULL, &on_term);
	optind = 0;
	r->status = pcapin_main(argc, argv);
	sigaction(SIGINT, &on_int, NULL);
	sigaction(SIGTERM, &on_term, NULL);
	fclose(stderr);
	stderr = err;
	if (pipe)
		fclose(stdin);
	stdin = in;
	if (stopped)
		exit(0);
	r->frames = said_before(r, " frames, ");
	r->bytes = said_before(r, " bytes, in ");
	r->left = said_before(r, " packet left out") +
	    said_before(r, " packets left out");
}

/* ---- what came of it ---------------------------------------------------- */

/* What was received on the bus. */
struct got {
	uint64_t frames, bytes;
	size_t at; /* where in the capture the last one ended */
};

static void
check_frame(const struct run *r, struct got *g, const struct shmbus_frame *f,
    uint32_t max)
{
	const uint8_t *found;

	if (f->len < SHMBUS_FRAME_MIN || f->len > max)
		fuzz_fail("a frame of %u bytes", f->len);
	found = memmem(r->capture + g->at, r->size - g->at, f->data, f->len);
	if (found == NULL && (r->how & HOW_LOOP))
		found = memmem(r->capture, r->size, f->data, f->len);
	if (found == NULL)
		fuzz_fail("frame %" PRIu64 " is not in the capture, or not "
			  "there",
		    g->frames);
	g->at = (size_t)(found - r->capture) + f->len;
	g->frames++;
	g->bytes += f->len;
}

/* Receives all there is on B. */
static void
check_bus(const struct run *r, struct shmbus *b)
{
	static uint8_t buf[65536];
	struct shmbus_frame f;
	struct shmbus_stats st;
	struct shmbus_info info;
	struct got g = { 0 };

	shmbus_info(b, &info);
	while (shmbus_recv(b, buf, sizeof(buf), &f) == 0)
		check_frame(r, &g, &f, info.frame_max);
	shmbus_stats(b, &st);
	if (info.tail != r->frames)
		fuzz_fail("%" PRIu64 " frames on the bus, said: %s", info.tail,
		    r->said);
	if (g.frames + st.rx_lost != r->frames &&
	    (shmbus_index(b) != -1 || g.frames != info.geometry.slots))
		fuzz_fail("%" PRIu64 " frames received, said: %s", g.frames,
		    r->said);
	if (g.frames == r->frames && g.bytes != r->bytes)
		fuzz_fail("%" PRIu64 " bytes received, said: %s", g.bytes,
		    r->said);
}

static void
check_said(const struct run *r)
{
	uint64_t seen = r->frames + r->left;
	size_t n = strlen(r->said);

	for (size_t i = 0; i < n; i++)
		if (r->said[i] != '\n' &&
		    (r->said[i] < ' ' || r->said[i] > '~'))
			fuzz_fail("byte %#x in a message", r->said[i] & 255);
	if (n != 0 &&
	    (strncmp(r->said, "shmif_pcapin: ", 14) != 0 ||
		r->said[n - 1] != '\n'))
		fuzz_fail("said: %s", r->said);
	if (r->status != 0 && (r->status != 1 || n == 0))
		fuzz_fail("status %d, said: %s", r->status, r->said);
	if (r->how & HOW_LOOP)
		return;
	if (seen > r->packets ||
	    (r->counted && seen < r->packets &&
		!((r->how & HOW_COUNT) && r->frames == 3)))
		fuzz_fail("%" PRIu64 " packets in the file, said: %s",
		    r->packets, r->said);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct run r;
	struct shmbus_options how = { .flags = SHMBUS_CREATE | SHMBUS_PROMISC,
		.geometry.slots = 16 };
	struct shmbus *reader = NULL;
	uint64_t begin = fuzz_thread_ns();

	if (size == 0)
		return 0;
	if (in_path[0] == '\0') {
		snprintf(in_path, sizeof(in_path), "%.250s/in", fuzz_folder());
		snprintf(bus_path, sizeof(bus_path), "%.250s/bus",
		    fuzz_folder());
	}
	memset(&r, 0, sizeof(r));
	r.how = data[0];
	r.capture = data + 1;
	r.size = size - 1;
	write_capture(&r);
	look(&r);
	unlink(bus_path);
	how.geometry.mtu = r.how & HOW_SMALL ? 68 : 1500;
	if ((r.how & HOW_THERE) && shmbus_attach(bus_path, &how, &reader) != 0)
		fuzz_fail("%s: %s", bus_path, shmbus_why());
	run_program(&r);
	check_said(&r);
	how.flags = SHMBUS_RDONLY | SHMBUS_PROMISC | SHMBUS_OLDEST;
	if (reader == NULL && shmbus_attach(bus_path, &how, &reader) != 0) {
		if (r.status == 0)
			fuzz_fail("no bus, and status 0");
		if (r.frames != 0)
			fuzz_fail("no bus, said: %s", r.said);
	} else {
		if (r.frames == 0 && !(r.how & HOW_THERE))
			fuzz_fail("a bus, and no frame to put there");
		check_bus(&r, reader);
	}
	shmbus_detach(reader);
	if (fuzz_thread_ns() - begin > SLOW_NS)
		fuzz_fail("%zu bytes took too long", size);
	return 0;
}
