/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * follow.c - what two stacks' TCP loses by one who follows it
 *
 * DOC: Theory of Operation
 *
 * One run of TCP is up to three times as fast as the next one, by how often the
 * two fall asleep over each other.  So it goes on and on, and is measured in
 * slices: one with a follower and one without, neighbours, in one order and then
 * in the other.  What counts is the median of the ratios of such two.
 *
 * How much was sent during a slice the bus tells: the attachments' counters,
 * read from outside.  A slice begins when the follower has mapped the bus and
 * ends before it is told to end; frames that it says it lost are those of its
 * whole life.  Its time of processor is that of the slice: where there is a
 * processor for it, too, that is all that it costs.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <shmbus.h>

#include "bench/lib/busfile.h"
#include "bench/lib/child.h"
#include "bench/lib/common.h"
#include "bench/lib/follow.h"

#define TIMEOUT_MS 30000u
#define WARM_BYTES 10e6 /* on the bus: TCP has long begun */
#define SLICE_BYTES 1e6 /* in a slice at least, however long it takes */
#define SETTLE_MS 20u
#define STEP_MS 5u
#define AGAIN 20u /* so many slices may be thrown away */

struct stage {
	const struct follow_how *how;
	struct shmbus *bus; /* looked at from outside */
	struct child tcp;
	double use, s_gb; /* of the last slice's follower */
};

struct count {
	uint64_t ns;
	double bytes, frames; /* that have been sent */
};

static void
sleep_ms(unsigned ms)
{
	struct timespec t = { .tv_sec = ms / 1000,
		.tv_nsec = (long)(ms % 1000) * 1000000 };

	nanosleep(&t, NULL);
}

static void
look(struct stage *s, struct count *c)
{
	static struct shmbus_peer peers[SHMBUS_ATTACH_MAX];
	unsigned i, n = 0;

	shmbus_list(s->bus, peers, SHMBUS_ATTACH_MAX, &n);
	memset(c, 0, sizeof(*c));
	c->ns = now_ns();
	for (i = 0; i < n && i < SHMBUS_ATTACH_MAX; i++) {
		c->bytes += (double)peers[i].stats.tx_bytes;
		c->frames += (double)peers[i].stats.tx_frames;
	}
}

/* ---- TCP ---------------------------------------------------------------- */

static bool
has_ended(const struct child *c)
{
	siginfo_t info = { 0 };

	waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOHANG | WNOWAIT);
	return info.si_pid != 0;
}

/* Sees to it that TCP is under way.  NULL, or why it is not. */
static const char *
keep_going(struct stage *s)
{
	char *const argv[] = { (char *)s->how->tcp, "-m", "4095", "-k", "20",
		(char *)busfile(), NULL };
	struct shmbus_options how = { .flags = SHMBUS_RDONLY, .spin_us = -1 };
	struct count c;
	unsigned i;

	if (s->tcp.pid != 0 && !has_ended(&s->tcp))
		return NULL;
	if (s->tcp.pid != 0) {
		const char *why = child_end(&s->tcp, 1000);

		if (why != NULL)
			return why;
	}
	/* A new bus, for all counters to begin with 0. */
	if (s->bus != NULL)
		shmbus_detach(s->bus);
	s->bus = NULL;
	unlink(busfile());
	if (shmbus_create(busfile(), NULL) != 0 ||
	    shmbus_attach(busfile(), &how, &s->bus) != 0)
		return shmbus_why();
	child_start(&s->tcp, "tcp_shmif", argv,
	    (struct child_files){ -1, -1, -1 });
	for (i = 0; i < TIMEOUT_MS; i += STEP_MS) {
		look(s, &c);
		if (c.bytes > WARM_BYTES)
			return NULL;
		if (has_ended(&s->tcp))
			return child_end(&s->tcp, 1000);
		sleep_ms(STEP_MS);
	}
	return "TCP does not begin";
}

/* ---- the follower ------------------------------------------------------- */

/* Waits until the process PID has mapped the bus.  Returns whether it has. */
static bool
await_mapped(pid_t pid)
{
	char maps[64], line[4600];
	bool there = false;
	unsigned i;

	snprintf(maps, sizeof(maps), "/proc/%d/maps", (int)pid);
	for (i = 0; i < TIMEOUT_MS && !there; i += STEP_MS) {
		FILE *f = fopen(maps, "r");

		while (
		    f != NULL && !there && fgets(line, sizeof(line), f) != NULL)
			there = strstr(line, busfile()) != NULL;
		if (f != NULL)
			fclose(f);
		sleep_ms(STEP_MS);
	}
	return there;
}

/*
 * How many frames a follower, whose messages are in the file ERR, says that it
 * lost; it says nothing if there were none.  -1: there is no such file.
 */
static double
lost_by(const char *err)
{
	FILE *f = fopen(err, "r");
	char line[512];
	double n = f == NULL ? -1 : 0;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		const char *words = strstr(line, ": ");

		/* shmif_dumpbus: BUS: ... */
		if (words == NULL || (words = strstr(words + 2, ": ")) == NULL)
			continue;
		if (strstr(words, " lost: ") != NULL)
			sscanf(words, ": %lf frame", &n);
	}
	if (f != NULL)
		fclose(f);
	return n;
}

static const char *
follower_start(struct stage *s, enum follow what, struct child *c)
{
	char *const argv[] = { (char *)s->how->dumpbus, "-f", "-w",
		what == FOLLOW_NULL ? "/dev/null" : (char *)s->how->file,
		(char *)busfile(), NULL };
	int fd = open(s->how->err, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
	    0600);

	if (fd == -1)
		return strerror(errno);
	child_start(c, "shmif_dumpbus", argv,
	    (struct child_files){ -1, -1, fd });
	close(fd);
	return await_mapped(c->pid) ? NULL : "shmif_dumpbus does not begin";
}

static const char *
follower_end(struct stage *s, struct child *c, double *lost)
{
	const char *why;

	kill(c->pid, SIGINT);
	why = child_end(c, TIMEOUT_MS);
	unlink(s->how->file);
	*lost = lost_by(s->how->err);
	if (why == NULL && *lost < 0)
		why = "shmif_dumpbus does not say what it lost";
	return why;
}

/* ---- slices ------------------------------------------------------------- */

/*
 * A slice.  The processor's time of C, if there is one, goes into S.  Returns
 * MB/s; 0: nothing moves, or TCP has ended.
 */
static double
slice(struct stage *s, const struct child *c, double *frames)
{
	struct timespec t0 = { 0 }, t1 = { 0 };
	struct count a, b;
	unsigned waited = 0;
	clockid_t clock;
	bool timed;
	double used;

	sleep_ms(SETTLE_MS);
	timed = c != NULL && clock_getcpuclockid(c->pid, &clock) == 0;
	look(s, &a);
	if (timed)
		clock_gettime(clock, &t0);
	do {
		sleep_ms(s->how->ms);
		look(s, &b);
		waited += s->how->ms;
	} while (b.bytes - a.bytes < SLICE_BYTES && waited < TIMEOUT_MS &&
	    !has_ended(&s->tcp));
	if (b.bytes - a.bytes < SLICE_BYTES)
		return 0;
	if (timed)
		clock_gettime(clock, &t1);
	used = (double)(t1.tv_sec - t0.tv_sec) * 1e9 +
	    (double)(t1.tv_nsec - t0.tv_nsec);
	s->use = used * 100 / (double)(b.ns - a.ns);
	s->s_gb = used / (b.bytes - a.bytes);
	*frames += b.frames - a.frames;
	return (b.bytes - a.bytes) * 1e3 / (double)(b.ns - a.ns);
}

/*
 * One slice with, and one without; they count unless TCP has ended meanwhile.
 * NULL, or what went wrong.
 */
static const char *
pair(struct stage *s, enum follow what, unsigned round, struct follow_out *o,
    bool *counts)
{
	double frames = 0, none = 0, lost = 0;
	const char *why;
	unsigned k;

	for (k = 0; k < 2; k++) {
		struct child c;

		if (k == round % 2) {
			o->alone[what][round] = slice(s, NULL, &none);
			continue;
		}
		if ((why = follower_start(s, what, &c)) != NULL)
			return why;
		o->with[what][round] = slice(s, &c, &frames);
		o->use[what][round] = s->use;
		o->s_gb[what][round] = s->s_gb;
		if ((why = follower_end(s, &c, &lost)) != NULL)
			return why;
	}
	*counts = !has_ended(&s->tcp);
	if (!*counts)
		return NULL;
	if (o->alone[what][round] == 0 || o->with[what][round] == 0)
		return "TCP does not go on";
	o->frames[what] += frames;
	o->lost[what] += lost;
	return NULL;
}

const char *
follow_run(const struct follow_how *how, struct follow_out *out)
{
	struct stage s = { .how = how };
	unsigned round, again = AGAIN;
	const char *why = NULL;

	memset(out, 0, sizeof(*out));
	for (round = 0; round < how->rounds && why == NULL; round++) {
		enum follow what = 0;

		progress("TCP and a follower: round %u of %u", round + 1,
		    how->rounds);
		while (what < FOLLOWS && why == NULL) {
			bool counts = false;

			if ((why = keep_going(&s)) == NULL)
				why = pair(&s, what, round, out, &counts);
			if (why == NULL && counts)
				what++;
			else if (why == NULL && again-- == 0)
				why = "TCP is faster than it can be measured";
		}
	}
	if (s.tcp.pid != 0) {
		kill(s.tcp.pid, SIGTERM);
		child_end(&s.tcp, 1000);
	}
	if (s.bus != NULL)
		shmbus_detach(s.bus);
	unlink(busfile());
	return why;
}
