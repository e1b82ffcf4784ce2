/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ring.c - frames a second over a bus
 *
 *	ring [-w writers] [-r readers] [-b batch] [-n runs] [-t ms] [-s slots]
 *	     [-a times] [-l] [-f] [-R how] [size ...]
 *
 * Without options: all that "make bench" shows.  -b, -l (nothing lost only)
 * and -f (flood only) select among the cases; -R tells how a reader goes about
 * it when there is nothing (wait or poll).
 *
 * DOC: Theory of Operation
 *
 * Writers and readers are processes, each with an attachment of its own.
 * Readers receive in batches, whatever the writers do.
 *
 * A bus has no backpressure: a reader that cannot keep up is lapped.  So there
 * are two figures.  Flood: writers send as fast as they can; what the readers
 * then get, and how much they lost.  Nothing lost: readers tell how far they
 * are, in a page that has nothing to do with the bus, and writers never have
 * more under way than the ring holds; that is what a user's own protocol
 * above a bus would do, and the price of the writers' looking is in it.  A
 * writer that may send no more waits until it may send half a ring: at a
 * reader's heels it would fight with it for every line.
 *
 * The first reader is the timekeeper: it lets things warm up, measures, and
 * then stops the writers.  When a run is over, all that was sent must have been
 * received or counted as lost, to the frame, else it is wrong.  A run in which
 * somebody else had our processors is done again, within reason.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <shmbus.h>

#include "common.h"
#include "bare.h"

#define BATCH_MAX 64u
#define READ_BATCH 32u
#define RUNS_MAX 101u
#define WARM_MS 10u
#define TIMEOUT_S 60u
/* Slots that are left to tickets which became no frames. */
#define SPARE 64u

enum policy { POLICY_WAIT, POLICY_POLL };

/* What is measured. */
struct shape {
	uint32_t size;
	unsigned batch; /* frames a send; 1: shmbus_send() */
	unsigned writers, readers;
	bool flood;
};

/* How. */
static struct {
	char bus[4096];
	unsigned runs, ms;
	unsigned again; /* runs that may be done again, for each of RUNS */
	uint32_t slots;
	enum policy policy;
} how = { .again = 3 };

/* One process's progress; written by it alone. */
struct count {
	_Alignas(LINE) _Atomic uint64_t frames;
};

/* What a crew shares beside the bus. */
struct control {
	struct shape shape;
	struct shmbus_geometry geo;
	struct gate gate;
	_Alignas(LINE) _Atomic unsigned stop;
	_Alignas(LINE) _Atomic unsigned writing; /* writers not done yet */
	struct count sent[CREW_MAX];
	struct count got[CREW_MAX];
	/* What came of it, by reader. */
	struct {
		double rate; /* frames a second received */
		uint64_t received, lost;
	} reader[CREW_MAX];
	uint64_t rung[CREW_MAX]; /* system calls, by writer */
};

/* ---- writer ------------------------------------------------------------- */

static struct shmbus *
attach(const char *as)
{
	struct shmbus_options opt = { 0 };
	struct shmbus *b;
	int error;

	snprintf(opt.name, sizeof(opt.name), "bench %s", as);
	if ((error = shmbus_attach(how.bus, &opt, &b)) != 0)
		crew_fail("%s: %s", how.bus, shmbus_why());
	return b;
}

/* How many frames this writer, who has sent MINE, may send before it asks. */
static uint64_t
allowance(const struct control *c)
{
	uint64_t sent = 0, got = UINT64_MAX;
	uint64_t window = (c->geo.slots - SPARE) / c->shape.writers;
	unsigned i;

	for (i = 0; i < c->shape.readers; i++) {
		uint64_t g = atomic_load_explicit(&c->got[i].frames,
		    memory_order_acquire);

		got = g < got ? g : got;
	}
	/* Afterwards, so that it can only be too many. */
	for (i = 0; i < c->shape.writers; i++)
		sent += atomic_load_explicit(&c->sent[i].frames,
		    memory_order_acquire);
	window *= c->shape.writers;
	if (sent - got >= window)
		return 0;
	return (window - (sent - got)) / c->shape.writers;
}

static void
writer(struct control *c, unsigned number)
{
	static uint8_t frames[BATCH_MAX][65536];
	const struct shape *s = &c->shape;
	struct shmbus *b = attach("writer");
	struct iovec iov[BATCH_MAX];
	struct shmbus_stats st;
	uint64_t sent = 0, may = 0;
	unsigned spins = 0;
	unsigned i;

	for (i = 0; i < s->batch; i++) {
		memset(frames[i], (int)i, s->size);
		memset(frames[i], 0xff, 6);
		iov[i].iov_base = frames[i];
		iov[i].iov_len = s->size;
	}
	gate_pass(&c->gate, s->writers + s->readers);
	while (!atomic_load_explicit(&c->stop, memory_order_relaxed)) {
		unsigned done = 1;
		int error;

		if (!s->flood) {
			if (may < s->batch) {
				atomic_store_explicit(&c->sent[number].frames,
				    sent, memory_order_release);
				may = allowance(c);
				if (may < c->geo.slots / s->writers / 2) {
					may = 0;
					spin(&spins);
					continue;
				}
			}
			may -= s->batch;
		}
		if (s->batch == 1) {
			error = shmbus_send(b, frames[0], s->size);
			done = error == 0;
		} else {
			error = shmbus_send_batch(b, iov, s->batch, &done);
		}
		if (error != 0 && error != SHMBUS_EGIVENUP)
			crew_fail("send: %s", shmbus_strerror(error));
		sent += done;
	}
	shmbus_stats(b, &st);
	if (st.tx_frames != sent)
		crew_fail("sent %llu frames, the bus counted %llu",
		    (unsigned long long)sent, (unsigned long long)st.tx_frames);
	c->rung[number] = st.rung;
	atomic_store(&c->sent[number].frames, sent);
	c->writing--;
	/* Nobody is to think it dead before its frames are received. */
	gate_pass(&c->gate, 2 * (s->writers + s->readers));
	shmbus_detach(b);
}

/* ---- reader ------------------------------------------------------------- */

/* A reader's watch. */
struct watch {
	uint64_t warm, t0, t1, n0, n1;
};

/* Notes the time when N frames were received.  True once it is over. */
static bool
look_at_watch(struct watch *w, uint64_t n)
{
	uint64_t t = now_ns();

	if (w->t0 == 0) {
		if (t >= w->warm) {
			w->t0 = t;
			w->n0 = n;
		}
	} else if (w->t1 == 0 && t >= w->t0 + how.ms * (uint64_t)1000000) {
		w->t1 = t;
		w->n1 = n;
	}
	return w->t1 != 0;
}

static void
reader(struct control *c, unsigned number)
{
	static uint8_t bufs[READ_BATCH][65536];
	struct shmbus_rx rx[READ_BATCH];
	const struct shape *s = &c->shape;
	struct shmbus *b = attach("reader");
	struct watch watch = { 0 };
	struct shmbus_stats st;
	uint64_t received = 0;
	unsigned spins = 0, turn;
	unsigned i;

	for (i = 0; i < READ_BATCH; i++) {
		rx[i].buf = bufs[i];
		rx[i].size = sizeof(bufs[i]);
	}
	gate_pass(&c->gate, s->writers + s->readers);
	watch.warm = now_ns() + WARM_MS * 1000000u;
	for (turn = 0;; turn++) {
		bool last = c->writing == 0; /* before looking */
		unsigned got;
		int error = shmbus_recv_batch(b, rx, READ_BATCH, &got);

		received += got;
		if (got != 0)
			atomic_store_explicit(&c->got[number].frames, received,
			    memory_order_release);
		else if (error != EAGAIN)
			crew_fail("receive: %s", shmbus_strerror(error));
		else if (last)
			break;
		else if (how.policy == POLICY_WAIT)
			shmbus_wait(b, 1000000);
		else
			spin(&spins);
		for (i = 0; i < got; i++)
			if (rx[i].frame.len != s->size ||
			    bufs[i][s->size - 1] >= s->batch)
				crew_fail("a frame that nobody sent");
		if ((turn % 16 == 0 || got == 0) &&
		    look_at_watch(&watch, received) && number == 0)
			c->stop = 1;
	}
	shmbus_stats(b, &st);
	c->reader[number].received = received;
	c->reader[number].lost = st.rx_lost;
	if (watch.t1 != 0)
		c->reader[number].rate = (double)(watch.n1 - watch.n0) * 1e9 /
		    (double)(watch.t1 - watch.t0);
	gate_pass(&c->gate, 2 * (s->writers + s->readers));
	shmbus_detach(b);
}

static void
member(void *arg, unsigned number)
{
	struct control *c = arg;

	if (number < c->shape.writers)
		writer(c, number);
	else
		reader(c, number - c->shape.writers);
}

/* ---- runs --------------------------------------------------------------- */

/* What a case gave, a value a run. */
struct outcome {
	bool broken;	       /* it has no figures */
	double rate[RUNS_MAX]; /* frames a second, the slowest reader's */
	double lost[RUNS_MAX]; /* per cent of what was sent */
	uint64_t sent, rung;
};

/* Checks what is known when a run is over.  NULL, or what is wrong. */
static const char *
settle(const struct control *c, struct outcome *o, unsigned run)
{
	static char text[160];
	const struct shape *s = &c->shape;
	uint64_t sent = 0;
	unsigned i;

	for (i = 0; i < s->writers; i++) {
		sent += c->sent[i].frames;
		o->rung += c->rung[i];
	}
	o->sent += sent;
	o->lost[run] = 0;
	for (i = 0; i < s->readers; i++) {
		uint64_t in = c->reader[i].received, lost = c->reader[i].lost;

		if (in + lost != sent || (lost != 0 && !s->flood)) {
			snprintf(text, sizeof(text),
			    "sent %llu, received "
			    "%llu, counted as lost %llu",
			    (unsigned long long)sent, (unsigned long long)in,
			    (unsigned long long)lost);
			return text;
		}
		if (i == 0 || c->reader[i].rate < o->rate[run])
			o->rate[run] = c->reader[i].rate;
		if ((double)lost * 100 / (double)sent > o->lost[run])
			o->lost[run] = (double)lost * 100 / (double)sent;
	}
	return NULL;
}

/* The geometry of a bus for frames of SIZE bytes. */
static struct shmbus_geometry
geometry(uint32_t size)
{
	struct shmbus_geometry geo = { .mtu = SHMBUS_MTU_DEFAULT,
		.slots = SHMBUS_SLOTS_DEFAULT };

	if (size > SHMBUS_MTU_DEFAULT + SHMBUS_HEADROOM) {
		geo.mtu = size - 14;
		geo.slots = 512; /* a file of about the same size */
	}
	if (how.slots != 0)
		geo.slots = how.slots;
	return geo;
}

/* Run number RUN of a case, on a new bus.  NULL, or what is wrong. */
static const char *
run_shape(const struct shape *s, struct outcome *o, unsigned run)
{
	struct control *c = shared_new(sizeof(*c));
	const char *why;

	c->shape = *s;
	c->geo = geometry(s->size);
	c->writing = s->writers;
	if (shmbus_create(how.bus, &c->geo) != 0) {
		why = shmbus_why();
	} else {
		why = crew_run(member, c, s->writers + s->readers, true,
		    TIMEOUT_S + how.ms / 1000);
		unlink(how.bus);
	}
	if (why == NULL)
		why = settle(c, o, run);
	shared_free(c, sizeof(*c));
	return why;
}

/*
 * The same for the copying limit, with pieces that lie as frames lie on a bus;
 * AHEAD as in struct layout.
 */
static const char *
run_copy(uint32_t size, bool ahead, struct outcome *o, unsigned run)
{
	struct shmbus_geometry geo = geometry(size);
	struct layout l = { .size = size,
		.stride = ((geo.mtu + SHMBUS_HEADROOM + 63) / 64 | 1) * 64,
		.pieces = geo.slots,
		.ahead = ahead };

	return limit_copy(&l, how.ms, &o->rate[run]);
}

/* ---- cases -------------------------------------------------------------- */

enum { COPIES = 2, SHAPES_MAX = 4, CASES_MAX = COPIES + SHAPES_MAX };

static void
name_of(char *name, size_t n, const struct shape *s)
{
	char batch[16] = "single";

	if (s->batch != 1)
		snprintf(batch, sizeof(batch), "batch %u", s->batch);
	snprintf(name, n, "%u B, %u to %u, %s, %s", s->size, s->writers,
	    s->readers, batch, s->flood ? "flood" : "nothing lost");
}

/* Shows what became of a case; LIMIT is what to show beside it. */
static void
show(const struct shape *s, struct outcome *o, double limit)
{
	char name[80], note[80];
	struct result r = { .name = name,
		.peer = limit != 0 ? "memcpy" : NULL,
		.theirs = limit / 1e6,
		.unit = "M frames/s",
		.note = note };

	name_of(name, sizeof(name), s);
	r.ours = summarize(o->rate, how.runs);
	snprintf(note, sizeof(note), "%.2f GB/s, %.2g system calls a frame",
	    r.ours.median * s->size * 1e-9, (double)o->rung / (double)o->sent);
	r.ours.median /= 1e6;
	r.ours.min /= 1e6;
	r.ours.max /= 1e6;
	result_row(&r);
	if (s->flood) {
		strcat(name, ", lost");
		result_row(&(struct result){ .name = name,
		    .ours = summarize(o->lost, how.runs),
		    .unit = "%" });
	}
}

/*
 * How far apart our two processors are, in microseconds there and back; 0:
 * nobody knows.  On a virtual machine that changes, by a factor of four and at
 * any time, and all figures with it.
 */
static double
distance(void)
{
	enum { TRIPS = 1000 };
	double trips[TRIPS];

	if (limit_line(trips, TRIPS) != NULL)
		return 0;
	return summarize(trips, TRIPS).median / 1e3;
}

static void
show_distance(double *v)
{
	struct summary s = summarize(v, how.runs);
	char text[160];

	snprintf(text, sizeof(text),
	    "%.2f us (%.2f, %.2f) for a cache line there and back%s", s.median,
	    s.min, s.max,
	    s.max > 1.7 * s.min ? ": the processors were MOVED meanwhile" : "");
	result_note("", text);
}

/*
 * Measures and shows the N cases of SHAPES, which are of one size, and the
 * copying limit for it.  Their runs take turns, so that what else goes on in
 * the machine meets all alike.
 */
static void
measure(const struct shape *shapes, unsigned n)
{
	static struct outcome o[CASES_MAX];
	unsigned again[CASES_MAX];
	double apart[RUNS_MAX];
	double limit = 0;
	unsigned run, i;

	memset(o, 0, sizeof(o));
	for (i = 0; i < COPIES + n; i++)
		again[i] = how.again * how.runs;
	for (run = 0; run < how.runs; run++) {
		apart[run] = distance();
		for (i = 0; i < COPIES + n;) {
			const struct shape *s = &shapes[i - COPIES];
			char name[80] = "memcpy";
			const char *why;

			if (i >= COPIES)
				name_of(name, sizeof(name), s);
			progress("%s: run %u of %u", name, run + 1, how.runs);
			if (o[i].broken)
				why = NULL;
			else if (i < COPIES)
				why = run_copy(shapes->size, i == 1, &o[i],
				    run);
			else
				why = run_shape(s, &o[i], run);
			if (why != NULL) {
				result_wrong(name, why);
				o[i].broken = true;
			}
			if (o[i].broken ||
			    !crew_disturbed(WARM_MS + how.ms, &again[i]))
				i++;
		}
	}
	for (i = 0; i < COPIES; i++)
		if (!o[i].broken) {
			double median = summarize(o[i].rate, how.runs).median;

			limit = median > limit ? median : limit;
		}
	for (i = 0; i < n; i++)
		if (!o[COPIES + i].broken)
			show(&shapes[i], &o[COPIES + i], limit);
	show_distance(apart);
}

static void
usage(void)
{
	fprintf(stderr,
	    "usage: ring [-w writers] [-r readers] [-b batch] [-n runs] "
	    "[-t ms] [-s slots]\n"
	    "            [-a times] [-l] [-f] [-R wait|poll] [size ...]\n");
	exit(2);
}

static unsigned
number(const char *text, unsigned min, unsigned max)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	if (end == text || *end != '\0' || v < min || v > max)
		usage();
	return (unsigned)v;
}

int
main(int argc, char **argv)
{
	static const char *const sizes[] = { "64", "512", "1514", "9018" };
	struct shape s = { .writers = 1, .readers = 1 };
	const char *const *size = sizes;
	const char *dir = getenv("BENCH_DIR");
	bool lossless = true, flood = true;
	unsigned batch = 0, n = 4, i;
	int opt;

	how.runs = quick() ? 3 : 7;
	how.ms = quick() ? 20 : 60;
	while ((opt = getopt(argc, argv, "w:r:b:n:t:s:a:lfR:")) != -1)
		switch (opt) {
		case 'w':
			s.writers = number(optarg, 1, CREW_MAX / 2);
			break;
		case 'r':
			s.readers = number(optarg, 1, CREW_MAX / 2);
			break;
		case 'b':
			batch = number(optarg, 1, BATCH_MAX);
			break;
		case 'n':
			how.runs = number(optarg, 1, RUNS_MAX);
			break;
		case 't':
			how.ms = number(optarg, 1, 60000);
			break;
		case 's':
			how.slots = number(optarg, 512, SHMBUS_SLOTS_MAX);
			break;
		case 'a':
			how.again = number(optarg, 0, 1000);
			break;
		case 'l':
			flood = false;
			break;
		case 'f':
			lossless = false;
			break;
		case 'R':
			how.policy = strcmp(optarg, "poll") == 0 ? POLICY_POLL :
								   POLICY_WAIT;
			break;
		default:
			usage();
		}
	if (optind < argc) {
		size = (const char *const *)argv + optind;
		n = (unsigned)(argc - optind);
	}
	snprintf(how.bus, sizeof(how.bus), "%s/shmbus-bench.%d",
	    dir != NULL && *dir != '\0' ? dir : "/dev/shm", (int)getpid());
	result_head("Frames over a bus");
	for (i = 0; i < n; i++) {
		struct shape shapes[SHAPES_MAX];
		unsigned k, many = 0;

		s.size = number(size[i], 64, SHMBUS_MTU_MAX + 14);
		for (k = 0; k < 4; k++) {
			s.flood = k / 2;
			s.batch = batch != 0 ? batch : k % 2 ? 1 : 32;
			if ((batch != 0 && k % 2) ||
			    !(s.flood ? flood : lossless))
				continue;
			shapes[many++] = s;
		}
		if (many != 0)
			measure(shapes, many);
	}
	return result_status();
}
