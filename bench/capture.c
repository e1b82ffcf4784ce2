/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * capture.c - what captures cost: through a bus, of a bus, beside a bus in use
 *
 *	capture [-m MiB] [-n rounds] [-f]
 *
 * -m: of the capture that goes through a bus (1024); -n: of slices of TCP with a
 * follower and without; -f: nothing else.
 *
 * DOC: Theory of Operation
 *
 * THROUGH.  A pcap goes onto a bus by shmif_pcapin and off it by shmif_dumpbus
 * into another pcap; the same file goes through a pipe, "cat in | cat >out".
 * Time counts from before the first of both programs is started until both have
 * ended.  Files are where buses are, in memory if there is /dev/shm: a disk
 * would hide what the programs cost.  pcapin has its -w, which keeps it from
 * lapping an attachment that receives everything; so dumpbus has -a, to be one.
 * The result is compared with the file, frame by frame, each time.
 *
 * DUMP.  shmif_dumpbus of a default bus that is full of frames of 1514 bytes,
 * from its start to its end; cp of the bus file beside it.
 *
 * FOLLOWER.  tcp_shmif alone, with a shmif_dumpbus that follows into /dev/null
 * beside it, and with one that follows into a file, slice by slice
 * (lib/follow.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <shmbus.h>

#include "bench/lib/busfile.h"
#include "bench/lib/child.h"
#include "bench/lib/common.h"
#include "bench/lib/follow.h"

#define RUNS_MAX 101u
#define TIMEOUT_MS 120000u
#define FRAME 1514u

static char bindir[4096], tcp_program[4200];
static char dumpbus[4200], pcapin[4200];
static char in[4200], out[4200], err[4200];

static void
remove_all(void)
{
	unlink(in);
	unlink(out);
	unlink(err);
	unlink(busfile());
}

static void
leave(int sig)
{
	remove_all();
	signal(sig, SIG_DFL);
	raise(sig);
}

static int
open_or_exit(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	if (fd == -1) {
		fprintf(stderr, "bench: %s: %s\n", path, strerror(errno));
		remove_all();
		exit(1);
	}
	return fd;
}

/* A new bus of default geometry. */
static void
new_bus(void)
{
	int error;

	unlink(busfile());
	if ((error = shmbus_create(busfile(), NULL)) != 0) {
		fprintf(stderr, "bench: %s: %s\n", busfile(),
		    shmbus_strerror(error));
		remove_all();
		exit(1);
	}
}

/* ---- a pcap ------------------------------------------------------------- */

struct pcap_head {
	uint32_t magic;
	uint16_t major, minor;
	uint32_t zone, accuracy, snaplen, link;
};

struct pcap_packet {
	uint32_t sec, ns, caplen, len;
};

/*
 * Writes a pcap of about BYTES, of sizes as in bulk traffic: three of five are
 * full, one of four is the shortest, the rest anything up to 576.  Returns the
 * number of frames.
 */
static uint64_t
make_pcap(uint64_t bytes)
{
	const struct pcap_head head = { .magic = 0xa1b23c4d,
		.major = 2,
		.minor = 4,
		.snaplen = 65535,
		.link = 1 };
	static uint8_t noise[65536 + FRAME];
	uint64_t x = 0x9e3779b97f4a7c15u, at = sizeof(head), n = 0;
	FILE *f = fdopen(open_or_exit(in, O_WRONLY | O_CREAT | O_TRUNC), "w");
	size_t i;

	for (i = 0; i < sizeof(noise); i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		noise[i] = (uint8_t)(x >> 32);
	}
	fwrite(&head, sizeof(head), 1, f);
	while (at < bytes) {
		uint8_t frame[FRAME];
		struct pcap_packet p = { .sec = 1700000000u };

		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		p.len = 64 + (uint32_t)(x >> 40) % 513;
		if ((x >> 20) % 100 < 60)
			p.len = FRAME;
		else if ((x >> 20) % 100 < 85)
			p.len = 64;
		p.caplen = p.len;
		p.ns = (uint32_t)(n % 1000000000u);
		memcpy(frame, noise + (x & 0xffff), p.len);
		memcpy(frame, "\2\0\0\0\0\2\2\0\0\0\0\1\x88\xb5", 14);
		fwrite(&p, sizeof(p), 1, f);
		fwrite(frame, p.len, 1, f);
		at += sizeof(p) + p.len;
		n++;
	}
	if (ferror(f) | fclose(f)) {
		fprintf(stderr, "bench: %s: cannot be written\n", in);
		remove_all();
		exit(1);
	}
	return n;
}

/* Reads the next packet of F.  Returns whether there is one. */
static bool
next_packet(FILE *f, struct pcap_packet *p, uint8_t *data)
{
	return fread(p, sizeof(*p), 1, f) == 1 && p->caplen <= FRAME &&
	    fread(data, 1, p->caplen, f) == p->caplen;
}

/* Whether OUT has the frames of IN, N of them; their times are others. */
static bool
same_frames(uint64_t n)
{
	struct pcap_head head;
	FILE *a = fdopen(open_or_exit(in, O_RDONLY), "r");
	FILE *b = fdopen(open_or_exit(out, O_RDONLY), "r");
	bool same = fread(&head, sizeof(head), 1, a) == 1 &&
	    fread(&head, sizeof(head), 1, b) == 1;

	for (; same && n > 0; n--) {
		uint8_t x[FRAME], y[FRAME];
		struct pcap_packet p, q;

		same = next_packet(a, &p, x) && next_packet(b, &q, y) &&
		    p.len == q.len && p.caplen == q.caplen &&
		    memcmp(x, y, p.caplen) == 0;
	}
	same = same && getc(b) == EOF;
	fclose(a);
	fclose(b);
	return same;
}

/* Whether there is room, in KiB, for files, and for them in memory. */
static bool
room_for(uint64_t kib)
{
	char folder[4200], line[128];
	unsigned long long memory = 0;
	struct statvfs st;
	FILE *f = fopen("/proc/meminfo", "r");

	snprintf(folder, sizeof(folder), "%s", in);
	if (statvfs(dirname(folder), &st) != 0 ||
	    (uint64_t)st.f_bavail * st.f_frsize / 1024 < kib)
		return false;
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "MemAvailable: %llu", &memory) == 1)
			break;
	if (f != NULL)
		fclose(f);
	return memory >= kib;
}

/* ---- through a bus ------------------------------------------------------ */

struct through {
	uint64_t frames;
	double in_kib, out_kib; /* the most memory of any run */
};

/* How long the pipe takes, in seconds; or 0 and WHY. */
static double
by_pipe(const char **why)
{
	static char *const argv[] = { "cat", NULL };
	struct child a, b;
	int fds[2], from, to;
	uint64_t t0;
	const char *w;

	unlink(out);
	if (pipe2(fds, O_CLOEXEC) != 0) {
		*why = strerror(errno);
		return 0;
	}
	from = open_or_exit(in, O_RDONLY);
	to = open_or_exit(out, O_WRONLY | O_CREAT | O_TRUNC);
	t0 = now_ns();
	child_start(&a, "cat", argv,
	    (struct child_files){ .in = from, .out = fds[1], .err = -1 });
	child_start(&b, "cat", argv,
	    (struct child_files){ .in = fds[0], .out = to, .err = -1 });
	close(fds[0]);
	close(fds[1]);
	*why = child_end(&a, TIMEOUT_MS);
	w = child_end(&b, TIMEOUT_MS);
	t0 = now_ns() - t0;
	if (*why == NULL)
		*why = w;
	close(from);
	close(to);
	return (double)t0 * 1e-9;
}

/* The same by way of a bus. */
static double
by_bus(struct through *t, const char **why)
{
	char count[24];
	char *const put[] = { pcapin, "-w", in, (char *)busfile(), NULL };
	char *const get[] = { dumpbus, "-a", "-f", "-c", count, "-w", out,
		(char *)busfile(), NULL };
	const struct child_files nothing = { -1, -1, -1 };
	struct child a, b;
	uint64_t t0;
	const char *w;

	snprintf(count, sizeof(count), "%llu", (unsigned long long)t->frames);
	unlink(out);
	new_bus();
	t0 = now_ns();
	child_start(&b, "shmif_dumpbus", get, nothing);
	child_start(&a, "shmif_pcapin", put, nothing);
	*why = child_end(&a, TIMEOUT_MS);
	/* If anything was lost it waits for that. */
	w = child_end(&b, 10000);
	t0 = now_ns() - t0;
	if (*why == NULL)
		*why = w;
	if (*why == NULL && !same_frames(t->frames))
		*why = "what came out is not what went in";
	if (a.rss_kib > t->in_kib)
		t->in_kib = a.rss_kib;
	if (b.rss_kib > t->out_kib)
		t->out_kib = b.rss_kib;
	return (double)t0 * 1e-9;
}

static void
through(unsigned mib, unsigned runs)
{
	static const char name[] = "a pcap through a bus";
	double ours[RUNS_MAX], pipes[RUNS_MAX];
	double mb = (double)mib * 1.048576;
	struct through t = { 0 };
	char note[32];
	unsigned i, k;

	if (!room_for((uint64_t)mib * 1024 * 9 / 4)) {
		result_none(name, "no room for it and its copy");
		return;
	}
	progress("%s: making %u MiB", name, mib);
	t.frames = make_pcap((uint64_t)mib << 20);
	for (i = 0; i < runs; i++)
		for (k = 0; k < 2; k++) {
			const char *why;
			double s;

			progress("%s: run %u of %u", name, i + 1, runs);
			if (k == i % 2) {
				s = by_bus(&t, &why);
				ours[i] = mb / s;
			} else {
				s = by_pipe(&why);
				pipes[i] = mb / s;
			}
			if (why != NULL) {
				result_wrong(name, why);
				return;
			}
		}
	unlink(in);
	unlink(out);
	snprintf(note, sizeof(note), "%u MiB", mib);
	result_row(&(struct result){ .name = name,
	    .ours = summarize(ours, runs),
	    .peer = "cat | cat",
	    .theirs = summarize(pipes, runs).median,
	    .unit = "MB/s",
	    .note = note });
	result_row(&(struct result){ .name = "memory of shmif_pcapin for it",
	    .ours = summary_of(t.in_kib),
	    .unit = "KiB" });
	result_row(&(struct result){ .name = "memory of shmif_dumpbus for it",
	    .ours = summary_of(t.out_kib),
	    .unit = "KiB" });
}

/* ---- a full bus --------------------------------------------------------- */

/* Fills the bus, lap and all. */
static void
fill(void)
{
	uint8_t frame[FRAME];
	struct shmbus *b;
	unsigned i;

	memset(frame, 0xff, sizeof(frame));
	if (shmbus_attach(busfile(), NULL, &b) != 0) {
		fprintf(stderr, "bench: %s: %s\n", busfile(), shmbus_why());
		remove_all();
		exit(1);
	}
	for (i = 0; i < 3 * SHMBUS_SLOTS_DEFAULT / 2; i++)
		shmbus_send(b, frame, sizeof(frame));
	shmbus_detach(b);
}

static void
full(unsigned runs)
{
	static const char name[] = "dump of a full default bus";
	char *const dump[] = { dumpbus, "-w", out, (char *)busfile(), NULL };
	char *const cp[] = { "cp", (char *)busfile(), out, NULL };
	double v[2][RUNS_MAX];
	unsigned i, k;

	new_bus();
	fill();
	for (i = 0; i < runs; i++)
		for (k = 0; k < 2; k++) {
			struct child c;
			uint64_t t0;
			const char *why;

			unlink(out);
			t0 = now_ns();
			child_start(&c, k == 0 ? "shmif_dumpbus" : "cp",
			    k == 0 ? dump : cp,
			    (struct child_files){ -1, -1, -1 });
			why = child_end(&c, TIMEOUT_MS);
			v[k][i] = (double)(now_ns() - t0) * 1e-6;
			if (why != NULL) {
				result_wrong(name, why);
				return;
			}
		}
	unlink(out);
	result_row(&(struct result){ .name = name,
	    .ours = summarize(v[0], runs),
	    .peer = "cp",
	    .theirs = summarize(v[1], runs).median,
	    .unit = "ms" });
}

/* ---- a follower --------------------------------------------------------- */

static void
follow(unsigned rounds)
{
	static const char *const names[FOLLOWS] = { "follower to /dev/null",
		"follower to a file" };
	static struct follow_out o;
	const struct follow_how how = { .tcp = tcp_program,
		.dumpbus = dumpbus,
		.file = out,
		.err = err,
		.rounds = rounds,
		.ms = quick() ? 50 : 200 };
	const char *why;
	unsigned i, k;

	if (access(tcp_program, X_OK) == -1) {
		result_none(names[FOLLOW_NULL], "tcp_shmif was not built");
		return;
	}
	if (!room_for((uint64_t)how.ms * 4096)) { /* at 4 GB/s */
		result_none(names[FOLLOW_NULL], "no room for its file");
		return;
	}
	if ((why = follow_run(&how, &o)) != NULL) {
		result_wrong(names[FOLLOW_NULL], why);
		return;
	}
	for (k = 0; k < FOLLOWS; k++) {
		double ratios[FOLLOW_ROUNDS_MAX];
		char name[80], note[40];

		for (i = 0; i < rounds; i++)
			ratios[i] = o.with[k][i] / o.alone[k][i];
		snprintf(name, sizeof(name), "%s: TCP", names[k]);
		result_row(&(struct result){ .name = name,
		    .ours = summarize(o.with[k], rounds),
		    .peer = "alone",
		    .theirs = summarize(o.alone[k], rounds).median,
		    .unit = "MB/s" });
		snprintf(name, sizeof(name), "%s: TCP, of neighbours",
		    names[k]);
		result_row(&(struct result){ .name = name,
		    .ours = summarize(ratios, rounds),
		    .unit = "times that without" });
		snprintf(name, sizeof(name), "%s: it lost", names[k]);
		snprintf(note, sizeof(note), "of %.2g million",
		    o.frames[k] * 1e-6);
		result_row(&(struct result){ .name = name,
		    .ours = summary_of(o.lost[k]),
		    .unit = "frames",
		    .note = note });
		snprintf(name, sizeof(name), "%s: its processor", names[k]);
		result_row(&(struct result){ .name = name,
		    .ours = summarize(o.use[k], rounds),
		    .unit = "%" });
		snprintf(name, sizeof(name), "%s: its processor, a GB",
		    names[k]);
		result_row(&(struct result){ .name = name,
		    .ours = summarize(o.s_gb[k], rounds),
		    .unit = "s" });
	}
}

/* ------------------------------------------------------------------------- */

static void
usage(void)
{
	fprintf(stderr, "usage: capture [-m MiB] [-n rounds] [-f]\n");
	exit(2);
}

static unsigned
number(const char *text)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	if (*end != '\0' || v - 1 >= 4096)
		usage();
	return (unsigned)v;
}

int
main(int argc, char **argv)
{
	unsigned mib = quick() ? 64 : 1024, runs = runs_wanted();
	unsigned rounds = 2 * runs_wanted() + 1;
	bool all = true;
	ssize_t len;
	int opt;

	while ((opt = getopt(argc, argv, "m:n:f")) != -1) {
		if (opt == 'm')
			mib = number(optarg);
		else if (opt == 'n')
			rounds = number(optarg);
		else if (opt == 'f')
			all = false;
		else
			usage();
	}
	if (optind != argc || runs > RUNS_MAX)
		usage();
	if (rounds > FOLLOW_ROUNDS_MAX)
		rounds = FOLLOW_ROUNDS_MAX;
	len = readlink("/proc/self/exe", bindir, sizeof(bindir) - 1);
	bindir[len > 0 ? len : 0] = '\0';
	dirname(bindir);
	snprintf(tcp_program, sizeof(tcp_program), "%s/tcp_shmif", bindir);
	snprintf(dumpbus, sizeof(dumpbus), "%s/../bin/shmif_dumpbus", bindir);
	snprintf(pcapin, sizeof(pcapin), "%s/../bin/shmif_pcapin", bindir);
	snprintf(in, sizeof(in), "%s.in", busfile());
	snprintf(out, sizeof(out), "%s.out", busfile());
	snprintf(err, sizeof(err), "%s.err", busfile());
	signal(SIGINT, leave);
	signal(SIGTERM, leave);
	signal(SIGHUP, leave);
	result_head("Captures");
	if (all) {
		through(mib, runs);
		full(runs);
	}
	follow(rounds);
	remove_all();
	return result_status();
}
