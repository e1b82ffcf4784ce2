/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * idle.c - what attachments with nothing to do cost a pair that talks, and cost
 *
 *	idle [-n runs] [count ...]
 *
 * DOC: Theory of Operation
 *
 * Beside a pair whose frames are for each other there are processes attached
 * that sleep (lib/idlers.c).  The pair's rate and its round trips are compared
 * with those it has alone; runs with and without take turns.  What the idle ones
 * use is measured over a longer time, during which the pair talks as fast as it
 * can: how often each went to sleep again, and its share of a processor, as the
 * kernel counts them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common.h"
#include "match.h"
#include "traffic.h"

#define RUNS_MAX 101u
#define COUNTS_MAX 8u
#define RATES 3u

enum figure { RATE, SPINNING, ASLEEP, FIGURES };
static const char *const units[FIGURES] = { "M frames/s", "us", "us" };
static const char *const names[FIGURES] = { "rate", "round trip, spinning",
	"round trip, asleep" };

/* By how many there are; the first has none. */
static struct {
	unsigned idle;
	bool broken;
	double v[FIGURES][RUNS_MAX];
} all[COUNTS_MAX + 1];
static unsigned n_all = 1, runs;
static size_t n_trips;
static double *trips;

static const char *
rate(unsigned idle, unsigned ms, struct outcome *o)
{
	struct shape s = { .size = 64,
		.batch = 32,
		.writers = 1,
		.readers = 1,
		.idle = idle,
		.unicast = true };
	struct traffic how = { .ms = ms };

	return traffic_run(&s, &how, o);
}

/* One run of figure F; of rates, which differ most, a median of a few. */
static const char *
measure(enum figure f, unsigned idle, double *v)
{
	double rates[RATES];
	struct outcome o;
	const char *why;
	unsigned i;

	for (i = 0; f == RATE && i < RATES; i++) {
		if ((why = rate(idle, run_ms(), &o)) != NULL)
			return why;
		rates[i] = o.rate;
	}
	if (f == RATE) {
		*v = summarize(rates, RATES).median / 1e6;
		return NULL;
	}
	why = match_run(trips, n_trips,
	    f == SPINNING ? SPIN_FOR_EVER : SPIN_NOT, idle);
	*v = summarize(trips, n_trips).median / 1e3;
	return why;
}

static void
run(unsigned k, unsigned number)
{
	enum figure f;

	for (f = 0; f < FIGURES && !all[k].broken; f++) {
		uint64_t t0 = now_ns();
		unsigned again = 3;
		const char *why;

		progress("%u idle, %s: run %u of %u", all[k].idle, names[f],
		    number + 1, runs);
		do
			why = measure(f, all[k].idle, &all[k].v[f][number]);
		while (why == NULL &&
		    crew_disturbed((unsigned)((now_ns() - t0) / 1000000),
			&again));
		if (why != NULL) {
			result_wrong(names[f], why);
			all[k].broken = true;
		}
	}
}

static void
show(unsigned k)
{
	enum figure f;

	for (f = 0; f < FIGURES && !all[k].broken && !all[0].broken; f++) {
		struct summary alone = summarize(all[0].v[f], runs);
		char name[80];

		snprintf(name, sizeof(name), "%u idle, %s", all[k].idle,
		    names[f]);
		result_row(&(struct result){ .name = name,
		    .ours = summarize(all[k].v[f], runs),
		    .peer = "none idle",
		    .theirs = alone.median,
		    .unit = units[f] });
	}
}

/* What N idle ones use, beside a pair that talks, or beside nobody. */
static void
show_use(unsigned n)
{
	unsigned s = quick() ? 2 : 5;
	struct outcome o = { 0 };
	char name[80], note[80];
	const char *why;

	progress("what %u idle ones use: %u seconds", n, s);
	if ((why = rate(n, s * 1000, &o)) != NULL) {
		result_wrong("idle", why);
		return;
	}
	snprintf(name, sizeof(name), "%u idle, woken, each", n);
	snprintf(note, sizeof(note), "%.2g the most", o.woken_most);
	result_row(&(struct result){ .name = name,
	    .ours = summary_of(o.woken),
	    .unit = "times a second",
	    .note = note });
	snprintf(name, sizeof(name), "%u idle, use, each", n);
	result_row(&(struct result){ .name = name,
	    .ours = summary_of(o.idle_cpu),
	    .unit = "% of a processor" });
}

static void
usage(void)
{
	fprintf(stderr, "usage: idle [-n runs] [count ...]\n");
	exit(2);
}

static unsigned
number(const char *text, unsigned max)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	if (end == text || *end != '\0' || v < 1 || v > max)
		usage();
	return (unsigned)v;
}

int
main(int argc, char **argv)
{
	static const unsigned counts[] = { 1, 8, 64 };
	unsigned r, k;
	int opt;

	runs = runs_wanted();
	n_trips = env_number("TRIPS", quick() ? 1000 : 3000);
	while ((opt = getopt(argc, argv, "n:")) != -1)
		if (opt == 'n')
			runs = number(optarg, RUNS_MAX);
		else
			usage();
	for (; optind < argc && n_all <= COUNTS_MAX; optind++)
		all[n_all++].idle = number(argv[optind], CREW_MAX - 2);
	for (k = 0; n_all == 1 && k < 3; k++)
		all[k + 1].idle = counts[k];
	if (n_all == 1)
		n_all = 4;
	trips = calloc(n_trips, sizeof(*trips));
	result_head("A pair that talks, and idle ones beside it");
	for (r = 0; r < runs; r++)
		for (k = 0; k < n_all; k++)
			run(r % 2 ? n_all - 1 - k : k, r);
	for (k = 1; k < n_all; k++)
		show(k);
	show_use(all[n_all - 1].idle);
	free(trips);
	return result_status();
}
