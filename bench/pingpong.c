/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pingpong.c - the time of a round trip over a bus
 *
 *	pingpong [-n runs] [-k trips]
 *
 * DOC: Theory of Operation
 *
 * Two processes throw a 64-byte frame to each other; each carries the number
 * of its trip and is checked.  They wait as shmbus_wait() does: spinning,
 * asleep, or as it does when nobody says anything, which is to spin for a
 * moment first.  Beside the first there is the bare cache line, beside the
 * others the bare futex.  The runs of all of them take turns, so that what
 * else goes on in the machine meets all alike.
 *
 * Of each run's trips the percentiles are taken; shown is the median of each
 * over all runs.  A look at the clock is in every trip, and is subtracted.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <shmbus.h>

#include "bare.h"
#include "common.h"

#define SIZE 64
#define WARM_TRIPS 200u
#define TIMEOUT_S 60u
#define RUNS_MAX 101u
#define SPIN_US 100000000 /* for ever, as it were */
#define PATIENCE_NS 1000000000

/* What is measured; the bare ones have no bus. */
enum kind { SPINNING, ASLEEP, DEFAULT, BARE_LINE, BARE_FUTEX, KINDS };
static const char *const kind_names[KINDS] = { "spinning", "asleep", "default",
	"cache line", "futex" };
static const enum kind kind_peer[] = { BARE_LINE, BARE_FUTEX, BARE_FUTEX };

static const double percents[] = { 50, 99, 99.9 };
#define PERCENTS (sizeof(percents) / sizeof(*percents))

static char bus[4096];

/* ---- over a bus --------------------------------------------------------- */

struct match {
	struct gate gate, end;
	int32_t spin_us;
	size_t n;
	_Alignas(LINE) double trips[];
};

static const uint8_t macs[2][6] = { { 0xb2, 0xa0, 0, 0, 0, 1 },
	{ 0xb2, 0xa0, 0, 0, 0, 2 } };

/* Sends frame number TRIP to the other one. */
static void
serve(struct shmbus *b, unsigned member, uint64_t trip)
{
	uint8_t frame[SIZE] = { 0 };
	int error;

	memcpy(frame, macs[!member], 6);
	memcpy(frame + 6, macs[member], 6);
	frame[12] = 0x88; /* IEEE 802: for local experiments */
	frame[13] = 0xb5;
	memcpy(frame + 14, &trip, sizeof(trip));
	do
		error = shmbus_send(b, frame, sizeof(frame));
	while (error == SHMBUS_EGIVENUP);
	if (error != 0)
		crew_fail("send: %s", shmbus_strerror(error));
}

/* Waits for frame number TRIP. */
static void
await(struct shmbus *b, uint64_t trip)
{
	uint8_t frame[SIZE];
	struct shmbus_frame f;
	unsigned vain = 0;
	int error;

	while ((error = shmbus_recv(b, frame, sizeof(frame), &f)) == EAGAIN) {
		error = shmbus_wait(b, PATIENCE_NS);
		if (error == ETIMEDOUT && ++vain >= 10)
			crew_fail("frame %llu does not come",
			    (unsigned long long)trip);
		if (error != 0 && error != ETIMEDOUT)
			crew_fail("wait: %s", shmbus_strerror(error));
	}
	if (error != 0)
		crew_fail("receive: %s", shmbus_strerror(error));
	if (f.len != SIZE || memcmp(frame + 14, &trip, sizeof(trip)) != 0)
		crew_fail("another frame than number %llu",
		    (unsigned long long)trip);
}

static void
player(void *arg, unsigned member)
{
	struct match *m = arg;
	struct shmbus_options opt = { .spin_us = m->spin_us };
	double cost = clock_cost_ns();
	struct shmbus *b;
	uint64_t i;

	memcpy(opt.mac, macs[member], 6);
	snprintf(opt.name, sizeof(opt.name), "bench pingpong");
	if (shmbus_attach(bus, &opt, &b) != 0)
		crew_fail("%s: %s", bus, shmbus_why());
	gate_pass(&m->gate, 2);
	for (i = 0; i < WARM_TRIPS + m->n; i++) {
		uint64_t t0;

		if (member == 1) {
			await(b, i);
			serve(b, member, i);
			continue;
		}
		t0 = now_ns();
		serve(b, member, i);
		await(b, i);
		if (i >= WARM_TRIPS)
			m->trips[i - WARM_TRIPS] = (double)(now_ns() - t0) -
			    cost;
	}
	gate_pass(&m->end, 2);
	shmbus_detach(b);
}

/* N round trips over a bus to TRIPS.  NULL, or what went wrong. */
static const char *
over_bus(double *trips, size_t n, int32_t spin_us)
{
	size_t bytes = sizeof(struct match) + n * sizeof(double);
	struct match *m = shared_new(bytes);
	const char *why;

	m->spin_us = spin_us;
	m->n = n;
	why = crew_run(player, m, 2, true, TIMEOUT_S);
	memcpy(trips, m->trips, n * sizeof(double));
	shared_free(m, bytes);
	return why;
}

/* ---- runs --------------------------------------------------------------- */

/* N round trips to TRIPS, which took *MS milliseconds in all. */
static const char *
measure(enum kind kind, double *trips, size_t n, unsigned *ms)
{
	uint64_t t0 = now_ns();
	const char *why;

	switch (kind) {
	case SPINNING:
		why = over_bus(trips, n, SPIN_US);
		break;
	case ASLEEP:
		why = over_bus(trips, n, -1);
		break;
	case DEFAULT:
		why = over_bus(trips, n, 0);
		break;
	case BARE_LINE:
		why = limit_line(trips, n);
		break;
	default:
		why = limit_futex(trips, n);
		break;
	}
	*ms = (unsigned)((now_ns() - t0) / 1000000);
	return why;
}

static void
usage(void)
{
	fprintf(stderr, "usage: pingpong [-n runs] [-k thousand trips]\n");
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

/* Microseconds by percentile, run and kind. */
static double us[KINDS][PERCENTS][RUNS_MAX];

int
main(int argc, char **argv)
{
	unsigned runs = quick() ? 3 : 7;
	size_t n = quick() ? 2000 : 10000;
	const char *dir = getenv("BENCH_DIR");
	const char *broken[KINDS] = { 0 };
	struct summary s[KINDS][PERCENTS];
	double *trips;
	unsigned run, p, ms;
	int opt, error;
	enum kind k;

	while ((opt = getopt(argc, argv, "n:k:")) != -1)
		switch (opt) {
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
	snprintf(bus, sizeof(bus), "%s/shmbus-bench.%d",
	    dir != NULL && *dir != '\0' ? dir : "/dev/shm", (int)getpid());
	result_head("Round trip of a 64-byte frame");
	if ((error = shmbus_create(bus, NULL)) != 0) {
		result_wrong(bus, shmbus_why());
		return 1;
	}
	for (run = 0; run < runs; run++)
		for (k = 0; k < KINDS; k++) {
			unsigned again = 2;
			const char *why;

			if (broken[k] != NULL)
				continue;
			progress("round trip, %s: run %u of %u", kind_names[k],
			    run + 1, runs);
			do
				why = measure(k, trips, n, &ms);
			while (why == NULL && crew_disturbed(ms, &again));
			if (why != NULL) {
				result_wrong(kind_names[k], why);
				broken[k] = kind_names[k];
				continue;
			}
			sort_values(trips, n);
			for (p = 0; p < PERCENTS; p++)
				us[k][p][run] = percentile(trips, n,
						    percents[p]) /
				    1e3;
		}
	unlink(bus);
	for (k = 0; k < KINDS; k++)
		for (p = 0; p < PERCENTS; p++)
			s[k][p] = summarize(us[k][p], runs);
	for (k = 0; k < BARE_LINE; k++) {
		enum kind peer = kind_peer[k];

		for (p = 0; p < PERCENTS && broken[k] == NULL; p++) {
			char name[64];

			snprintf(name, sizeof(name), "round trip, %s, p%g",
			    kind_names[k], percents[p]);
			result_row(&(struct result){ .name = name,
			    .ours = s[k][p],
			    .peer = broken[peer] ? NULL : kind_names[peer],
			    .theirs = s[peer][p].median,
			    .unit = "us" });
		}
	}
	free(trips);
	return result_status();
}
