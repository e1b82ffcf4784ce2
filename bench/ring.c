/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ring.c - frames a second over a bus, and over its peers
 *
 *	ring [-p | -m] [-w writers] [-r readers] [-b batch] [-n runs] [-t ms]
 *	     [-s slots] [-a times] [-l] [-f] [-R how] [size ...]
 *
 * -p: beside the peers (lib/peer.h); -m: one writer and reader beside many.
 * -b, -l (nothing lost only) and -f (flood only) select among the cases; -R
 * tells how a reader goes about it when there is nothing (wait or poll); -a is
 * how often a run may be done again.
 *
 * DOC: Theory of Operation
 *
 * What is one run is told in lib/traffic.c, lib/peer.c and lib/bare.c.  All
 * that belongs to one size of frames is measured together: its runs take turns,
 * there and back, so that what else goes on in the machine meets all alike.  A
 * run in which somebody else had our processors is done again, within reason.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/lib/bare.h"
#include "bench/lib/common.h"
#include "bench/lib/peer.h"
#include "bench/lib/traffic.h"

#define RUNS_MAX 101u
#define WARM_MS 10u
#define ITEMS_MAX 64u

/* Something that is measured. */
struct item {
	enum { BUS, COPY, PEER } kind;
	struct shape s;
	bool ahead;	/* COPY: as in struct layout */
	enum peer peer; /* PEER: who */
	bool broken;	/* it has no figures */
	char why[200];	/* and that is why */
	unsigned again;
	/* By run. */
	double rate[RUNS_MAX], lost[RUNS_MAX], cost[RUNS_MAX], sum[RUNS_MAX];
	uint64_t sent, rung;
};

static struct {
	struct traffic how;
	unsigned runs, again;
	bool peers, many, lossless, flood;
	unsigned batch; /* 0: several */
} opts = { .again = 3, .lossless = true, .flood = true };

static struct item items[ITEMS_MAX];
static unsigned n_items;

static struct item *
add(struct item like)
{
	struct item *i = &items[n_items];

	if (n_items == ITEMS_MAX)
		abort();
	*i = like;
	i->again = opts.again * opts.runs;
	n_items++;
	return i;
}

/* ---- runs --------------------------------------------------------------- */

static void
name_of(char *name, size_t n, const struct item *i, const char *rest)
{
	const struct shape *s = &i->s;
	char batch[16] = "single";

	if (s->batch != 1)
		snprintf(batch, sizeof(batch), "batch %u", s->batch);
	/* What is measured twice has two names. */
	snprintf(name, n, "%u B, %u to %u, %s, %s%s%s", s->size, s->writers,
	    s->readers, batch, s->flood ? "flood" : "nothing lost", rest,
	    opts.many && s->writers == 1 && s->readers == 1 ? ", once more" :
							      "");
}

/* Pieces that lie as frames lie on a bus. */
static const char *
run_copy(const struct item *i, double *rate)
{
	struct shmbus_geometry geo = geometry_for(i->s.size, opts.how.slots);
	struct layout l = { .size = i->s.size,
		.stride = ((geo.mtu + SHMBUS_HEADROOM + 63) / 64 | 1) * 64,
		.pieces = geo.slots,
		.ahead = i->ahead };

	return limit_copy(&l, opts.how.ms, rate);
}

static const char *
run_bus(struct item *i, unsigned run)
{
	struct outcome o;
	const char *why = traffic_run(&i->s, &opts.how, &o);

	i->rate[run] = i->s.readers != 0 ? o.rate : o.sum;
	i->sum[run] = o.sum;
	i->lost[run] = o.lost;
	i->cost[run] = o.cost;
	i->sent += o.sent;
	i->rung += o.rung;
	return why;
}

static void
run_item(struct item *i, unsigned run)
{
	struct peer_rate out = { 0 };
	const char *why = NULL;
	char name[80];

	name_of(name, sizeof(name), i, "");
	if (i->kind == PEER)
		progress("%s: %s, run %u of %u", peer_name(i->peer), name,
		    run + 1, opts.runs);
	else
		progress("%s%s: run %u of %u",
		    i->kind == COPY ? "memcpy: " : "", name, run + 1,
		    opts.runs);
	do {
		switch (i->kind) {
		case COPY:
			why = run_copy(i, &i->rate[run]);
			break;
		case BUS:
			why = run_bus(i, run);
			break;
		case PEER:
			why = peer_run(i->peer, i->s.size, i->s.batch,
			    opts.how.ms, i->s.flood, &out);
			i->rate[run] = out.rate;
			i->lost[run] = out.lost;
			break;
		}
	} while (why == NULL && i->kind != PEER &&
	    crew_disturbed(WARM_MS + opts.how.ms, &i->again));
	if (why != NULL) {
		i->broken = true;
		snprintf(i->why, sizeof(i->why), "%s", why);
	}
	if (why != NULL && i->kind != PEER)
		result_wrong(name, why);
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

/* ---- what came of it ---------------------------------------------------- */

static void
show_distance(double *v)
{
	struct summary s = summarize(v, opts.runs);
	char text[160];

	snprintf(text, sizeof(text),
	    "%.2f us (%.2f, %.2f) for a cache line there and back%s", s.median,
	    s.min, s.max,
	    s.max > 1.7 * s.min ? ": the processors were MOVED meanwhile" : "");
	result_note("", text);
}

/* The median of rates, in millions a second. */
static double
millions(const struct item *i)
{
	double v[RUNS_MAX];

	memcpy(v, i->rate, sizeof(v));
	return summarize(v, opts.runs).median / 1e6;
}

static double
median(const double *of)
{
	double v[RUNS_MAX];

	memcpy(v, of, sizeof(v));
	return summarize(v, opts.runs).median;
}

/* The faster one of the copying limits of this size; 0: none. */
static double
copy_limit(void)
{
	double best = 0;
	unsigned k;

	for (k = 0; k < n_items; k++)
		if (items[k].kind == COPY && !items[k].broken &&
		    millions(&items[k]) > best)
			best = millions(&items[k]);
	return best;
}

/* Whether B is what A is to be shown beside. */
static bool
same_case(const struct item *a, const struct item *b)
{
	return a->s.batch == b->s.batch && a->s.flood == b->s.flood;
}

/* The same with one writer; and one reader, if I has any. */
static const struct item *
alone(const struct item *i)
{
	unsigned k;

	for (k = 0; k < n_items; k++)
		if (items[k].kind == BUS && !items[k].broken &&
		    same_case(&items[k], i) && items[k].s.writers == 1 &&
		    items[k].s.readers == (i->s.readers != 0))
			return &items[k];
	return NULL;
}

static const struct item *
same_peer_flooded(const struct item *i)
{
	unsigned k;

	for (k = 0; k < n_items; k++)
		if (items[k].kind == PEER && items[k].peer == i->peer &&
		    items[k].s.flood && items[k].s.batch == i->s.batch &&
		    !items[k].broken)
			return &items[k];
	return NULL;
}

/* Shows PEER's figures beside those of I. */
static void
show_peer(const struct item *i, const struct item *peer, const char *name,
    const double *ours, const double *theirs, double scale, const char *unit)
{
	const struct item *flooded;
	char note[80] = "";

	if (peer->broken) {
		result_beside_skip(name, median(ours) * scale,
		    peer_name(peer->peer), unit, peer->why);
		return;
	}
	/* Who lost nothing when flooded needs no window, which costs. */
	if (!i->s.flood && (flooded = same_peer_flooded(peer)) != NULL &&
	    median(flooded->lost) == 0 &&
	    median(flooded->rate) > median(theirs)) {
		theirs = flooded->rate;
		snprintf(note, sizeof(note), "flooded, and lost nothing");
	} else if (!i->s.flood && median(peer->lost) > 0)
		snprintf(note, sizeof(note), "lost %.2g %% nevertheless",
		    median(peer->lost));
	result_beside(name, median(ours) * scale, peer_name(peer->peer),
	    median(theirs) * scale, unit, note);
}

/* Shows a case of ours, and what is beside it. */
static void
show(struct item *i)
{
	const struct item *one = opts.many ? alone(i) : NULL;
	char name[80], note[80];
	struct result r = { .name = name, .unit = "M frames/s", .note = note };
	double v[RUNS_MAX];
	unsigned k;

	name_of(name, sizeof(name), i, "");
	if (one != NULL && one != i) {
		r.peer = "1 to 1";
		if (i->s.readers == 0)
			r.peer = "1 to 0";
		r.theirs = millions(one);
	} else if (copy_limit() != 0) {
		r.peer = "memcpy";
		r.theirs = copy_limit();
	}
	memcpy(v, i->rate, sizeof(v));
	r.ours = summarize(v, opts.runs);
	snprintf(note, sizeof(note), "%.2f GB/s, %.2g system calls a frame",
	    r.ours.median * i->s.size * 1e-9,
	    (double)i->rung / (double)i->sent);
	r.ours.median /= 1e6;
	r.ours.min /= 1e6;
	r.ours.max /= 1e6;
	result_row(&r);
	for (k = 0; k < n_items; k++)
		if (items[k].kind == PEER && same_case(&items[k], i))
			show_peer(i, &items[k], name, i->rate, items[k].rate,
			    1e-6, r.unit);
	if (!i->s.flood)
		return;
	name_of(name, sizeof(name), i, ", lost");
	memcpy(v, i->lost, sizeof(v));
	r = (struct result){ .name = name,
		.ours = summarize(v, opts.runs),
		.unit = "%" };
	if (i->s.readers != 0) {
		result_row(&r);
		for (k = 0; k < n_items; k++)
			if (items[k].kind == PEER && same_case(&items[k], i))
				show_peer(i, &items[k], name, i->lost,
				    items[k].lost, 1, r.unit);
	}
	if (!opts.many)
		return;
	name_of(name, sizeof(name), i, ", writer's");
	memcpy(v, i->cost, sizeof(v));
	r = (struct result){ .name = name,
		.ours = summarize(v, opts.runs),
		.unit = "ns a frame",
		.note = "of a processor" };
	if (one != NULL && one != i) {
		r.peer = i->s.readers == 0 ? "1 to 0" : "1 to 1";
		r.theirs = median(one->cost);
	}
	result_row(&r);
}

/* Measures and shows all items. */
static void
measure(void)
{
	double apart[RUNS_MAX];
	unsigned run, k;

	for (run = 0; run < opts.runs; run++) {
		apart[run] = distance();
		for (k = 0; k < n_items; k++) {
			struct item *i = &items[run % 2 ? n_items - 1 - k : k];

			if (!i->broken)
				run_item(i, run);
		}
	}
	for (k = 0; k < n_items; k++)
		if (items[k].kind == BUS && !items[k].broken)
			show(&items[k]);
	show_distance(apart);
}

/* ---- cases -------------------------------------------------------------- */

/* All that is to be known of frames that go as in S. */
static void
add_case(const struct shape *s)
{
	enum peer p;

	add((struct item){ .kind = BUS, .s = *s });
	for (p = 0; opts.peers && p < PEERS; p++)
		/* Who never loses cannot be flooded. */
		if (!s->flood || peer_loses(p))
			add((struct item){ .kind = PEER, .s = *s, .peer = p });
}

static void
add_shape(const struct shape *like)
{
	struct shape s = *like;
	unsigned k;

	for (k = 0; k < 4; k++) {
		s.flood = k / 2;
		s.batch = opts.batch != 0 ? opts.batch : k % 2 ? 1 : 32;
		if ((opts.batch != 0 && k % 2) ||
		    !(s.flood ? opts.flood : opts.lossless) ||
		    (s.readers == 0 && !s.flood))
			continue;
		add_case(&s);
	}
}

static void
add_size(const struct shape *like)
{
	/* Nobody at all, to see what writers do to each other. */
	static const unsigned crews[][2] = { { 1, 0 }, { 2, 0 }, { 1, 1 },
		{ 1, 2 }, { 1, 4 }, { 2, 2 }, { 4, 4 } };
	struct shape s = *like;
	unsigned k;

	n_items = 0;
	if (!opts.many) {
		add((struct item){ .kind = COPY, .s = s });
		add((struct item){ .kind = COPY, .s = s, .ahead = true });
		add_shape(&s);
		return;
	}
	for (k = 0; k < sizeof(crews) / sizeof(*crews); k++) {
		s.writers = crews[k][0];
		s.readers = crews[k][1];
		add_shape(&s);
	}
}

static void
usage(void)
{
	fprintf(stderr,
	    "usage: ring [-p | -m] [-w writers] [-r readers] [-b batch] "
	    "[-n runs] [-t ms]\n"
	    "            [-s slots] [-a times] [-l] [-f] [-R wait|poll] "
	    "[size ...]\n");
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
	unsigned n = 4, i;
	int opt;

	opts.runs = runs_wanted();
	opts.how.ms = run_ms();
	while ((opt = getopt(argc, argv, "pmw:r:b:n:t:s:a:lfR:")) != -1)
		switch (opt) {
		case 'p':
			opts.peers = true;
			break;
		case 'm':
			opts.many = true;
			break;
		case 'w':
			s.writers = number(optarg, 1, TALKERS_MAX);
			break;
		case 'r':
			s.readers = number(optarg, 0, TALKERS_MAX);
			break;
		case 'b':
			opts.batch = number(optarg, 1, BATCH_MAX);
			break;
		case 'n':
			opts.runs = number(optarg, 1, RUNS_MAX);
			break;
		case 't':
			opts.how.ms = number(optarg, 1, 60000);
			break;
		case 's':
			opts.how.slots = number(optarg, 512, SHMBUS_SLOTS_MAX);
			break;
		case 'a':
			opts.again = number(optarg, 0, 1000);
			break;
		case 'l':
			opts.flood = false;
			break;
		case 'f':
			opts.lossless = false;
			break;
		case 'R':
			opts.how.poll = strcmp(optarg, "poll") == 0;
			break;
		default:
			usage();
		}
	if (optind < argc) {
		size = (const char *const *)argv + optind;
		n = (unsigned)(argc - optind);
	}
	result_head(opts.many ? "Frames over a bus, many on it" :
		opts.peers    ? "Frames over a bus, and over others" :
				"Frames over a bus");
	for (i = 0; i < n; i++) {
		s.size = number(size[i], 64, SHMBUS_MTU_MAX + 14);
		add_size(&s);
		measure();
	}
	peers_stop();
	return result_status();
}
