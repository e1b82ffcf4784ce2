/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wire.c - shmif_wire between two buses, beside vde-wirefilter between two switches
 *
 *	wire [-n runs] [-t ms]
 *
 * DOC: Theory of Operation
 *
 * A wire is a program of its own, started for each run, and so are wirefilter and
 * the two switches that it joins.  Two processes have a port each, on either side,
 * and nobody is pinned, as a third process has to run.  The runs of ours and theirs
 * take turns.
 *
 *   rate     64-byte frames in batches of 32, nothing lost: the sender has no more
 *            under way than a ring, or a socket's buffer, holds
 *   spread   a frame each 3 ms over a wire with a delay of 10 ms; how far the 99th
 *            percentile of the delays is from the first
 *   told     frames of 1514 bytes, sent twice as fast as the 100 Mbit/s that the
 *            wire was told: how far what arrives is from that, in per cent
 *   trip     round trips asleep, over a wire, less those over one bus, beside what
 *            two hand-offs of a futex cost
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <shmbus.h>

#include "bench/lib/bare.h"
#include "bench/lib/busfile.h"
#include "bench/lib/child.h"
#include "bench/lib/common.h"
#include "bench/lib/match.h"
#include "bench/lib/sockets.h"

#define RUNS_MAX 101u
#define CALL 32u
#define FRAMES 300u /* whose delay is measured */
#define TRIPS 1000u
#define PACE_NS 3000000u
#define TOLD 100e6 /* bits a second */
#define SILENCE_NS 500000000
#define TIMEOUT_S 60u

enum way { OURS, THEIRS };
enum what { RATE, SPREAD, LINE_RATE, TRIP, WHATS };

/* What the words of a wire are, for each of what is measured; and wirefilter's. */
static const char *const words[WHATS][3] = { { NULL },
	{ "delay", "10ms", NULL }, { "rate", "100mbit", NULL }, { NULL } };
static const char *const filter[WHATS][3] = { { NULL }, { "-d", "10", NULL },
	{ "-b", "12500000", NULL }, { NULL } };

/* A place where frames go in and come out. */
struct port {
	struct shmbus *b;
	int fd;
};

struct run {
	struct gate gate;
	enum way way;
	enum what what;
	unsigned ms;
	int fds[2]; /* of VDE */
	char path[2][4100];
	_Alignas(LINE) _Atomic uint64_t got;
	_Alignas(LINE) _Atomic bool stop;
	double result;
	double values[TRIPS];
};

static char top[3000], folder[84];
static struct child children[3];
static unsigned started;

/* ---- ports ------------------------------------------------------------------ */

static struct port
port_open(const struct run *r, unsigned side)
{
	struct shmbus_options opt = { .spin_us = -1 };
	struct port p = { .fd = r->fds[side] };

	if (r->way == THEIRS) {
		struct timeval t = { .tv_usec = SILENCE_NS / 1000 };

		setsockopt(p.fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
		return p;
	}
	snprintf(opt.name, sizeof(opt.name), "bench");
	memcpy(opt.mac, match_macs[side], 6);
	if (shmbus_attach(r->path[side], &opt, &p.b) != 0)
		crew_fail("%s: %s", r->path[side], shmbus_why());
	return p;
}

/* Sends the frame N times. */
static void
port_send(struct port *p, void *frame, size_t len, unsigned n)
{
	struct iovec iov[CALL];
	struct mmsghdr m[CALL] = { 0 };

	for (unsigned i = 0; i < n; i++) {
		iov[i] = (struct iovec){ frame, len };
		m[i].msg_hdr.msg_iov = &iov[i];
		m[i].msg_hdr.msg_iovlen = 1;
	}
	if (p->b != NULL) {
		int error = shmbus_send_batch(p->b, iov, n, NULL);

		if (error != 0 && error != SHMBUS_EGIVENUP)
			crew_fail("send: %s", shmbus_strerror(error));
		return;
	}
	for (unsigned done = 0; done < n;) {
		int k = sendmmsg(p->fd, m + done, n - done, 0);

		if (k > 0)
			done += (unsigned)k;
		else if (errno != EAGAIN && errno != ENOBUFS && errno != EINTR)
			crew_fail("send: %s", strerror(errno));
	}
}

/*
 * Receives up to CALL frames, asleep until there is one; the first of them stays in
 * FRAME, of SIZE bytes.  How many; 0: there was none for a while.
 */
static unsigned
port_recv(struct port *p, uint8_t *frame, uint32_t size)
{
	static uint8_t rest[CALL][2048];
	struct shmbus_rx rx[CALL];
	struct iovec iov[CALL];
	struct mmsghdr m[CALL] = { 0 };
	unsigned got = 0;
	int n;

	for (unsigned i = 0; i < CALL; i++) {
		rx[i].buf = i == 0 ? frame : rest[i];
		rx[i].size = i == 0 ? size : sizeof(rest[i]);
		iov[i] = (struct iovec){ rx[i].buf, rx[i].size };
		m[i].msg_hdr.msg_iov = &iov[i];
		m[i].msg_hdr.msg_iovlen = 1;
	}
	if (p->b == NULL) {
		n = recvmmsg(p->fd, m, CALL, MSG_WAITFORONE, NULL);
		return n > 0 ? (unsigned)n : 0;
	}
	while (shmbus_recv_batch(p->b, rx, CALL, &got) == EAGAIN)
		if (shmbus_wait(p->b, SILENCE_NS) == ETIMEDOUT)
			return 0;
	return got;
}

/* ---- what is measured ------------------------------------------------------- */

static void
make_frame(uint8_t *frame, unsigned from)
{
	memset(frame, 0, 2048);
	memset(frame, 0xff, 6); /* wherever the other one is */
	memcpy(frame + 6, match_macs[from], 6);
	frame[12] = 0x88; /* IEEE 802: for local experiments */
	frame[13] = 0xb5;
}

/* When the N-th frame of LEN bytes a run is to be sent, that began at T0. */
static void
pace(uint64_t t0, double ns)
{
	uint64_t at = t0 + (uint64_t)ns;
	struct timespec t = { .tv_sec = (time_t)(at / 1000000000u),
		.tv_nsec = (long)(at % 1000000000u) };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static void
sender(struct run *r, struct port *p)
{
	uint64_t window = r->way == OURS ? 1024 : 128, sent = 0, stuck = 0;
	uint8_t frame[2048];
	uint64_t t0 = now_ns();
	unsigned spins = 0;

	make_frame(frame, 0);
	if (r->what == SPREAD)
		for (unsigned i = 0; i < FRAMES; i++) {
			uint64_t now;

			pace(t0, (double)i * PACE_NS);
			now = now_ns();
			memcpy(frame + 14, &now, sizeof(now));
			port_send(p, frame, 64, 1);
		}
	while (r->what == LINE_RATE && !r->stop) {
		pace(t0, (double)++sent * 1514 * 8 * 1e9 / (2 * TOLD));
		port_send(p, frame, 1514, 1);
	}
	while (r->what == RATE && !r->stop) {
		if (sent - r->got > window - CALL) {
			/* A peer may have lost some. */
			if (stuck == 0)
				stuck = now_ns();
			else if (now_ns() - stuck > 20000000)
				sent = r->got;
			spin(&spins);
			continue;
		}
		stuck = 0;
		port_send(p, frame, 64, CALL);
		sent += CALL;
	}
}

static void
receiver(struct run *r, struct port *p)
{
	uint64_t until, t0 = 0, n0 = 0, got = 0, now;
	uint8_t frame[2048];
	unsigned n, delays = 0;

	until = now_ns() + (uint64_t)r->ms * 1000000;
	for (;;) {
		n = port_recv(p, frame, sizeof(frame));
		now = now_ns();
		got += n;
		r->got = got;
		if (n == 0 && (r->what == SPREAD || now > until))
			break;
		if (r->what == SPREAD) {
			uint64_t then;

			memcpy(&then, frame + 14, sizeof(then));
			if (n > 0 && delays < TRIPS)
				r->values[delays++] = (double)(now - then);
			if (delays == FRAMES)
				break;
		} else if (t0 == 0 && now > until - (uint64_t)r->ms * 800000) {
			t0 = now; /* a fifth of the time to warm up */
			n0 = got;
		} else if (t0 != 0 && now >= until) {
			break;
		}
	}
	r->stop = true;
	if (r->what == SPREAD) {
		if (delays < FRAMES / 2)
			crew_fail("%u of %u frames arrived", delays, FRAMES);
		sort_values(r->values, delays);
		r->result = (percentile(r->values, delays, 99) -
				percentile(r->values, delays, 1)) /
		    1e6;
		return;
	}
	if (t0 == 0 || now == t0)
		crew_fail("nothing arrived");
	r->result = (double)(got - n0) * 1e9 / (double)(now - t0);
	if (r->what == LINE_RATE) {
		r->result = r->result * 1514 * 8 / TOLD * 100 - 100;
		r->result = r->result < 0 ? -r->result : r->result;
	} else {
		r->result /= 1e6;
	}
}

/* Throws a frame there and back. */
static void
player(struct run *r, struct port *p, unsigned side)
{
	uint8_t frame[2048], in[2048];
	uint64_t trip, t0;

	make_frame(frame, side);
	for (trip = 0; trip < 100 + TRIPS; trip++) {
		t0 = now_ns();
		memcpy(frame + 14, &trip, sizeof(trip));
		if (side == 0)
			port_send(p, frame, 64, 1);
		do
			if (port_recv(p, in, sizeof(in)) == 0)
				crew_fail("trip %llu does not come back",
				    (unsigned long long)trip);
		while (memcmp(in + 14, &trip, sizeof(trip)) != 0);
		if (side == 1)
			port_send(p, frame, 64, 1);
		else if (trip >= 100)
			r->values[trip - 100] = (double)(now_ns() - t0);
	}
	if (side == 0) {
		sort_values(r->values, TRIPS);
		r->result = percentile(r->values, TRIPS, 50) / 1e3;
	}
}

static void
member(void *arg, unsigned side)
{
	struct run *r = arg;
	struct port p = port_open(r, side);

	gate_pass(&r->gate, 2);
	if (r->what == TRIP)
		player(r, &p, side);
	else if (side == 0)
		sender(r, &p);
	else
		receiver(r, &p);
	gate_pass(&r->gate, 4);
	shmbus_detach(p.b);
}

/* ---- what is between -------------------------------------------------------- */

static void
start(const char *name, const char *const *argv)
{
	/* A switch ends when its input does, which is when we do. */
	static int input[2] = { -1, -1 };

	if (input[0] == -1 && pipe2(input, O_CLOEXEC) != 0)
		input[0] = -1;
	child_start(&children[started++], name, (char *const *)(uintptr_t)argv,
	    (struct child_files){ input[0], -1, -1 });
}

static void
stop_all(void)
{
	while (started > 0) {
		struct child *c = &children[--started];

		if (c->pid != 0)
			kill(c->pid, SIGTERM);
		(void)child_end(c, 5000);
	}
}

/* Whether the attachment of a wire is on the bus PATH. */
static bool
is_joined(const char *path)
{
	struct shmbus_options opt = { .flags = SHMBUS_RDONLY };
	struct shmbus_peer peers[8];
	unsigned n = 0;
	bool is = false;
	struct shmbus *b;

	if (shmbus_attach(path, &opt, &b) != 0)
		return false;
	if (shmbus_list(b, peers, 8, &n) == 0)
		for (unsigned i = 0; i < n && i < 8; i++)
			is |= strcmp(peers[i].name, "shmif_wire") == 0;
	shmbus_detach(b);
	return is;
}

static const char *
begin_ours(struct run *r, bool wired)
{
	static char program[4096];
	const char *argv[10] = { program, r->path[0], r->path[1] };
	unsigned n = 3;

	snprintf(program, sizeof(program), "%s/bin/shmif_wire", top);
	if (access(program, X_OK) != 0)
		return "it was not built";
	snprintf(r->path[0], sizeof(r->path[0]), "%s", busfile());
	snprintf(r->path[1], sizeof(r->path[1]), "%s%s", busfile(),
	    wired ? ".far" : "");
	for (unsigned i = 0; i < 2; i++)
		if (shmbus_create(r->path[i], NULL) != 0 && (wired || i == 0))
			return shmbus_why();
	if (!wired)
		return NULL;
	for (unsigned i = 0; words[r->what][i] != NULL; i++)
		argv[n++] = words[r->what][i];
	start("shmif_wire", argv);
	for (unsigned i = 0; i < 500; i++) {
		if (is_joined(r->path[0]) && is_joined(r->path[1]))
			return NULL;
		usleep(10000);
	}
	return "shmif_wire does not begin";
}

static const char *
begin_theirs(struct run *r)
{
	static char name[2][100], sockets[2][220], both[220];
	const char *argv[10] = { "wirefilter", "-v", both };
	const char *why = NULL;
	unsigned n = 3;
	struct stat st;

	for (unsigned i = 0; i < 2; i++) {
		const char *sw[] = { "vde_switch", "-s", name[i], NULL };

		snprintf(name[i], sizeof(name[i]), "%s/%u", folder, i);
		snprintf(sockets[i], sizeof(sockets[i]), "%s/ctl", name[i]);
		start("vde_switch", sw);
		for (unsigned k = 0; k < 200 && stat(sockets[i], &st) != 0; k++)
			usleep(10000);
		if (stat(sockets[i], &st) != 0)
			return "vde_switch does not start (make bench-deps)";
		why = vde_open_port(name[i], &r->fds[i]);
		if (why != NULL)
			return why;
	}
	snprintf(both, sizeof(both), "%s:%s", name[0], name[1]);
	for (unsigned i = 0; filter[r->what][i] != NULL; i++)
		argv[n++] = filter[r->what][i];
	start("wirefilter", argv);
	usleep(300000); /* it says nothing */
	if (waitpid(children[2].pid, NULL, WNOHANG) != 0)
		return "wirefilter does not run (make bench-deps)";
	return NULL;
}

static void
end_between(struct run *r)
{
	stop_all();
	for (unsigned i = 0; i < 2; i++) {
		if (r->way == OURS)
			unlink(r->path[i]);
		else
			close(r->fds[i]);
	}
}

/* One run.  NULL, or why there is no figure: static. */
static const char *
measure(enum way way, enum what what, bool wired, unsigned ms, double *v)
{
	struct run *r = shared_new(sizeof(*r));
	const char *why;

	r->way = way;
	r->what = what;
	r->ms = what == LINE_RATE && ms > 100 ? 2 * ms : ms;
	why = way == OURS ? begin_ours(r, wired) : begin_theirs(r);
	if (why == NULL)
		why = crew_run(member, r, 2, false, TIMEOUT_S);
	*v = r->result;
	end_between(r);
	shared_free(r, sizeof(*r));
	return why;
}

/* ---- all ---------------------------------------------------------------------- */

static const char *const names[WHATS] = {
	"wire: 64 B, batch 32, nothing lost",
	"wire: spread of a delay of 10 ms",
	"wire: off the rate that it was told",
	"wire: round trip asleep, more than on one bus",
};
static const char *const units[WHATS] = { "M/s", "ms", "%", "us" };

static void
compare(enum what what, unsigned runs, unsigned ms)
{
	static double v[2][RUNS_MAX], trips[TRIPS];
	struct result row = { .name = names[what], .unit = units[what] };
	char why[200] = "";
	double bare;

	for (unsigned i = 0; i < runs; i++) {
		const char *text;

		progress("%s: run %u of %u", names[what], i + 1, runs);
		text = measure(OURS, what, true, ms, &v[OURS][i]);
		if (text == NULL && what == TRIP) {
			text = measure(OURS, what, false, ms, &bare);
			v[OURS][i] -= bare;
		}
		if (text != NULL) {
			result_wrong(names[what], text);
			return;
		}
		if (what == TRIP)
			text = limit_futex(trips, TRIPS);
		else if (why[0] == '\0')
			text = measure(THEIRS, what, true, ms, &v[THEIRS][i]);
		if (text != NULL)
			snprintf(why, sizeof(why), "%s", text);
		if (what == TRIP)
			v[THEIRS][i] = summarize(trips, TRIPS).median / 1e3;
	}
	row.ours = summarize(v[OURS], runs);
	if (why[0] == '\0') {
		row.peer = what == TRIP ? "futex" : "wirefilter";
		row.theirs = summarize(v[THEIRS], runs).median;
	}
	result_row(&row);
	if (why[0] != '\0')
		result_beside_skip(names[what], row.ours.median, "wirefilter",
		    units[what], why);
}

int
main(int argc, char **argv)
{
	unsigned runs = runs_wanted(), ms = run_ms();
	const char *tmp = getenv("TMPDIR");
	int opt;

	while ((opt = getopt(argc, argv, "n:t:")) != -1)
		if (opt == 'n')
			runs = (unsigned)atoi(optarg);
		else if (opt == 't')
			ms = (unsigned)atoi(optarg);
		else
			runs = 0;
	if (runs == 0 || runs > RUNS_MAX || ms == 0 || optind != argc) {
		fprintf(stderr, "usage: wire [-n runs] [-t ms]\n");
		return 2;
	}
	if (readlink("/proc/self/exe", top, sizeof(top) - 1) == -1) {
		fprintf(stderr, "wire: /proc/self/exe: %s\n", strerror(errno));
		return 1;
	}
	dirname(dirname(top));
	/* A socket's name is short. */
	if (tmp == NULL || strlen(tmp) > 64)
		tmp = "/tmp";
	snprintf(folder, sizeof(folder), "%s/wire.XXXXXX", tmp);
	if (mkdtemp(folder) == NULL) {
		fprintf(stderr, "wire: %s: %s\n", folder, strerror(errno));
		return 1;
	}
	result_head("A wire between two buses");
	for (unsigned what = 0; what < WHATS; what++)
		compare(what, runs, ms);
	(void)rmdir(folder);
	return result_status();
}
