/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * idle.c - what attachments with nothing to do cost a pair that talks, and cost
 *
 *	idle [-n rounds] [count ...]
 *
 * DOC: Theory of Operation
 *
 * Beside a pair whose frames are for each other there are processes attached
 * that sleep.  The pair's rate and its round trips are compared with those it
 * has alone, slice by slice (lib/beside.c).  What the idle ones use is measured
 * over a longer time (lib/idlers.c), during which the pair talks as fast as it
 * can: how often each went to sleep again, and its share of a processor, as the
 * kernel counts them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/lib/beside.h"
#include "bench/lib/common.h"
#include "bench/lib/traffic.h"

#define COUNTS_MAX 8u

static const char *const units[BESIDES] = { "M frames/s", "us", "us" };
static const char *const names[BESIDES] = { "rate", "round trip, spinning",
	"round trip, asleep" };

static void
show(unsigned n, enum beside f, struct beside_out *o, unsigned rounds)
{
	double ratios[BESIDE_ROUNDS_MAX];
	char name[80];
	unsigned i;

	for (i = 0; i < rounds; i++)
		ratios[i] = o->with[f][i] / o->without[f][i];
	snprintf(name, sizeof(name), "%u idle, %s", n, names[f]);
	result_row(&(struct result){ .name = name,
	    .ours = summarize(o->with[f], rounds),
	    .peer = "none idle",
	    .theirs = summarize(o->without[f], rounds).median,
	    .unit = units[f] });
	snprintf(name, sizeof(name), "%u idle, %s, of neighbours", n, names[f]);
	result_row(&(struct result){ .name = name,
	    .ours = summarize(ratios, rounds),
	    .unit = "times that without" });
}

static void
compare(unsigned n, unsigned rounds)
{
	static struct beside_out o;
	const char *why;
	enum beside f;

	progress("%u idle beside a pair: %u rounds", n, rounds);
	if ((why = beside_run(n, rounds, &o)) != NULL)
		result_wrong("idle", why);
	for (f = 0; f < BESIDES && why == NULL; f++)
		show(n, f, &o, rounds);
}

/* What N idle ones use, beside a pair that talks, or beside nobody. */
static void
show_use(unsigned n)
{
	unsigned s = quick() ? 2 : 5;
	struct shape shape = { .size = 64,
		.batch = 32,
		.writers = 1,
		.readers = 1,
		.idle = n,
		.unicast = true };
	struct traffic how = { .ms = s * 1000 };
	struct outcome o = { 0 };
	char name[80], note[80];
	const char *why;

	progress("what %u idle ones use: %u seconds", n, s);
	if ((why = traffic_run(&shape, &how, &o)) != NULL) {
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
	fprintf(stderr, "usage: idle [-n rounds] [count ...]\n");
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
	unsigned rounds, some[COUNTS_MAX], n = 0, k;
	int opt;

	rounds = 4 * runs_wanted() + 1;
	while ((opt = getopt(argc, argv, "n:")) != -1)
		if (opt == 'n')
			rounds = number(optarg, BESIDE_ROUNDS_MAX);
		else
			usage();
	for (; optind < argc && n < COUNTS_MAX; optind++)
		some[n++] = number(argv[optind], CREW_MAX - 2);
	for (k = 0; n == 0 && k < 3; k++)
		some[k] = counts[k];
	if (n == 0)
		n = 3;
	if (rounds > BESIDE_ROUNDS_MAX)
		rounds = BESIDE_ROUNDS_MAX;
	result_head("A pair that talks, and idle ones beside it");
	for (k = 0; k < n; k++)
		compare(some[k], rounds);
	show_use(some[n - 1]);
	return result_status();
}
