/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pingpong.c - the time of a round trip over a bus, and over its peers
 *
 *	pingpong [-p] [-n runs] [-k thousand trips]
 *
 * DOC: Theory of Operation
 *
 * Two processes throw a 64-byte frame to each other (lib/match.c).  They wait
 * as shmbus_wait() does: spinning, asleep, or as it does when nobody says
 * anything, which is to spin for a moment first.  Beside the first there is
 * the bare cache line, beside the others the bare futex; with -p, also peers,
 * who sleep.  The runs of all of them take turns, there and back, so that what
 * else goes on in the machine meets all alike.
 *
 * Of each run's trips the percentiles are taken; shown is the median of each
 * over all runs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/lib/bare.h"
#include "bench/lib/common.h"
#include "bench/lib/match.h"
#include "bench/lib/peer.h"

#define RUNS_MAX 101u

/* What is measured; the bare ones have no bus. */
enum kind { SPINNING, ASLEEP, DEFAULT, BARE_LINE, BARE_FUTEX, KINDS };
#define ALL (KINDS + PEERS)
static const char *const kind_names[KINDS] = { "spinning", "asleep", "default",
	"cache line", "futex" };
static const enum kind kind_peer[] = { BARE_LINE, BARE_FUTEX, BARE_FUTEX };

static const double percents[] = { 50, 99, 99.9 };
#define PERCENTS (sizeof(percents) / sizeof(*percents))

static struct series {
	bool broken;
	char why[200];
	double us[PERCENTS][RUNS_MAX];
	struct summary s[PERCENTS];
} all[ALL];

/* Who is number K: a kind, or behind them a peer. */
static const char *
name_of(unsigned k)
{
	return k < KINDS ? kind_names[k] : peer_name((enum peer)(k - KINDS));
}

/* N round trips to TRIPS, which took *MS milliseconds in all. */
static const char *
measure(unsigned k, double *trips, size_t n, unsigned *ms)
{
	uint64_t t0 = now_ns();
	const char *why;

	switch (k) {
	case SPINNING:
		why = match_run(trips, n, SPIN_FOR_EVER);
		break;
	case ASLEEP:
		why = match_run(trips, n, SPIN_NOT);
		break;
	case DEFAULT:
		why = match_run(trips, n, 0);
		break;
	case BARE_LINE:
		why = limit_line(trips, n);
		break;
	case BARE_FUTEX:
		why = limit_futex(trips, n);
		break;
	default:
		why = peer_trips((enum peer)(k - KINDS), trips, n);
		break;
	}
	*ms = (unsigned)((now_ns() - t0) / 1000000);
	return why;
}

static void
run(unsigned k, unsigned number, double *trips, size_t n)
{
	struct series *s = &all[k];
	unsigned again = 2, ms, p;
	const char *why;

	do
		why = measure(k, trips, n, &ms);
	while (why == NULL && crew_disturbed(ms, &again));
	if (why != NULL) {
		s->broken = true;
		snprintf(s->why, sizeof(s->why), "%s", why);
		if (k < KINDS)
			result_wrong(name_of(k), why);
		return;
	}
	sort_values(trips, n);
	for (p = 0; p < PERCENTS; p++)
		s->us[p][number] = percentile(trips, n, percents[p]) / 1e3;
}

static void
show(unsigned k, unsigned p, bool peers)
{
	const struct series *bare = &all[kind_peer[k]];
	char name[64];
	unsigned i;

	snprintf(name, sizeof(name), "round trip, %s, p%g", name_of(k),
	    percents[p]);
	result_row(&(struct result){ .name = name,
	    .ours = all[k].s[p],
	    .peer = bare->broken ? NULL : name_of(kind_peer[k]),
	    .theirs = bare->s[p].median,
	    .unit = "us" });
	for (i = KINDS; peers && k == ASLEEP && i < ALL; i++)
		if (i == KINDS + PEER_MEMIF)
			; /* it never sleeps */
		else if (all[i].broken)
			result_beside_skip(name, all[k].s[p].median, name_of(i),
			    "us", all[i].why);
		else
			result_beside(name, all[k].s[p].median, name_of(i),
			    all[i].s[p].median, "us", NULL);
}

static void
usage(void)
{
	fprintf(stderr, "usage: pingpong [-p] [-n runs] [-k thousand trips]\n");
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
	unsigned runs = runs_wanted(), r, p, k;
	size_t n = env_number("TRIPS", quick() ? 2000 : 10000);
	bool peers = false;
	double *trips;
	int opt;

	while ((opt = getopt(argc, argv, "pn:k:")) != -1)
		switch (opt) {
		case 'p':
			peers = true;
			break;
		case 'n':
			runs = number(optarg, RUNS_MAX);
			break;
		case 'k':
			n = 1000 * (size_t)number(optarg, 1000);
			break;
		default:
			usage();
		}
	if (optind != argc)
		usage();
	trips = calloc(n, sizeof(*trips));
	result_head("Round trip of a 64-byte frame");
	for (r = 0; r < runs; r++)
		for (k = 0; k < ALL; k++) {
			unsigned i = r % 2 ? ALL - 1 - k : k;

			if (all[i].broken ||
			    (i >= KINDS && (!peers || i == KINDS + PEER_MEMIF)))
				continue;
			progress("round trip, %s: run %u of %u", name_of(i),
			    r + 1, runs);
			run(i, r, trips, n);
		}
	for (k = 0; k < ALL; k++)
		for (p = 0; p < PERCENTS; p++)
			all[k].s[p] = summarize(all[k].us[p], runs);
	for (k = 0; k < BARE_LINE; k++)
		for (p = 0; p < PERCENTS && !all[k].broken; p++)
			show(k, p, peers);
	free(trips);
	peers_stop();
	return result_status();
}
