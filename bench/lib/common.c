/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * common.c - time, statistics and results
 */
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/lib/common.h"

/* ---- time --------------------------------------------------------------- */

/* What one look at the clock costs, in nanoseconds: a median. */
double
clock_cost_ns(void)
{
	enum { LOOKS = 2001, EACH = 16 };
	double v[LOOKS];
	unsigned i, k;

	for (i = 0; i < LOOKS; i++) {
		uint64_t t0 = now_ns();
		uint64_t t = t0;

		for (k = 0; k < EACH; k++)
			t = now_ns();
		v[i] = (double)(t - t0) / EACH;
	}
	return summarize(v, LOOKS).median;
}

void
spin(unsigned *spins)
{
	if (++*spins % 4096 == 0) {
		sched_yield();
		return;
	}
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/* ---- statistics --------------------------------------------------------- */

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

void
sort_values(double *v, size_t n)
{
	qsort(v, n, sizeof(*v), compare);
}

double
percentile(const double *v, size_t n, double p)
{
	size_t i;

	if (n == 0)
		return 0;
	i = (size_t)(p / 100 * (double)n);
	return v[i < n ? i : n - 1];
}

/* Sorts V. */
struct summary
summarize(double *v, size_t n)
{
	struct summary s = { 0 };

	if (n == 0)
		return s;
	sort_values(v, n);
	s.min = v[0];
	s.max = v[n - 1];
	s.median = n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
	return s;
}

struct summary
summary_of(double value)
{
	return (struct summary){ value, value, value };
}

/* ---- results ------------------------------------------------------------ */

#define NAME_WIDTH 42

static int status;
static size_t shown; /* columns of progress on the terminal */

/* Wipes the progress away. */
static void
wipe(void)
{
	if (shown != 0)
		fprintf(stderr, "\r%*s\r", (int)shown, "");
	shown = 0;
	fflush(stderr);
}

void
progress(const char *fmt, ...)
{
	char line[79];
	va_list ap;
	int n;

	if (!isatty(STDERR_FILENO))
		return;
	wipe();
	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	fputs(line, stderr);
	fflush(stderr);
	shown = strlen(line);
}

void
result_head(const char *title)
{
	wipe();
	printf("\n%-*s %9s %17s  %-10s %9s %8s\n", NAME_WIDTH, title, "ours",
	    "(lowest, highest)", "peer", "its", "ratio");
	fflush(stdout);
}

/* A number in eight columns with four digits that say something. */
static const char *
figure(char buf[16], double v)
{
	double size = v < 0 ? -v : v;
	int digits = size >= 1000 ? 0 : size >= 100 ? 1 : size >= 10 ? 2 : 3;

	snprintf(buf, 16, "%.*f", digits, v);
	return buf;
}

/* Appends a row to the file for programs. */
static void
write_row(const char *name, const char *ours, const char *peer,
    const char *theirs, const char *ratio, const char *unit)
{
	const char *path = getenv("BENCH_TSV");
	bool bad;
	FILE *f;

	if (path == NULL || *path == '\0')
		return;
	if ((f = fopen(path, "a")) == NULL) {
		fprintf(stderr, "bench: %s: %s\n", path, strerror(errno));
		exit(1);
	}
	bad = fprintf(f, "%s\t%s\t%s\t%s\t%s\t%s\n", name, ours, peer, theirs,
		  ratio, unit) < 0;
	if (fclose(f) != 0 || bad) {
		fprintf(stderr, "bench: %s: %s\n", path, strerror(errno));
		exit(1);
	}
}

/* The same; THEIRS is text, a RATIO of 0 is none. */
static void
write_tsv(const char *name, double ours, const char *peer, const char *theirs,
    double ratio, const char *unit)
{
	char a[32], b[32] = "-";

	snprintf(a, sizeof(a), "%.6g", ours);
	if (ratio > 0)
		snprintf(b, sizeof(b), "%.4g", ratio);
	write_row(name, a, peer, theirs, b, unit);
}

/* The peer's columns, and what is behind them. */
static void
write_peer(const char *name, double ours, const char *peer, double theirs,
    const char *unit, const char *note)
{
	char text[16], ratio[16] = "-";

	if (peer != NULL) {
		if (theirs != 0 && ours != 0)
			figure(ratio, ours / theirs);
		printf("%-10s %9s %8s", peer, figure(text, theirs), ratio);
		snprintf(text, sizeof(text), "%.6g", theirs);
	} else {
		printf("%-10s %9s %8s", "-", "", "");
		strcpy(text, "-");
	}
	printf("  %s%s%s\n", unit, note != NULL && *note ? "; " : "",
	    note != NULL ? note : "");
	fflush(stdout);
	write_tsv(name, ours, peer != NULL ? peer : "-", text,
	    peer != NULL && theirs != 0 ? ours / theirs : 0, unit);
}

void
result_row(const struct result *r)
{
	char ours[16], min[16], max[16], range[40];

	wipe();
	range[0] = '\0';
	if (r->ours.min < r->ours.max)
		snprintf(range, sizeof(range), "(%s, %s)",
		    figure(min, r->ours.min), figure(max, r->ours.max));
	printf("%-*s %9s %17s  ", NAME_WIDTH, r->name,
	    figure(ours, r->ours.median), range);
	write_peer(r->name, r->ours.median, r->peer, r->theirs, r->unit,
	    r->note);
}

void
result_beside(const char *name, double ours, const char *peer, double theirs,
    const char *unit, const char *note)
{
	wipe();
	printf("%-*s %9s %17s  ", NAME_WIDTH, "", "", "");
	write_peer(name, ours, peer, theirs, unit, note);
}

void
result_beside_skip(const char *name, double ours, const char *peer,
    const char *unit, const char *why)
{
	static char said[8][256];
	char text[256], row[300];
	unsigned i;

	snprintf(text, sizeof(text), "%s: skipped: %s", peer, why);
	snprintf(row, sizeof(row), "skipped: %s", why);
	write_tsv(name, ours, peer, row, 0, unit);
	/* For people, once. */
	for (i = 0; i < 8; i++) {
		if (strcmp(said[i], text) == 0)
			return;
		if (said[i][0] == '\0') {
			strcpy(said[i], text);
			break;
		}
	}
	wipe();
	printf("%-*s %9s %17s  %s\n", NAME_WIDTH, "", "", "", text);
	fflush(stdout);
}

/* A row of words: what became of the case NAME. */
static void
words(const char *name, const char *became, const char *why)
{
	wipe();
	printf("%-*s %s%s\n", NAME_WIDTH, name, became, why);
	fflush(stdout);
}

void
result_skip(const char *name, const char *why)
{
	words(name, "skipped: ", why);
}

void
result_none(const char *name, const char *why)
{
	char text[300];

	snprintf(text, sizeof(text), "skipped: %s", why);
	result_skip(name, why);
	write_row(name, "-", "-", text, "-", "-");
}

void
result_note(const char *name, const char *what)
{
	words(name, "", what);
}

void
result_wrong(const char *name, const char *what)
{
	words(name, "WRONG: ", what);
	status = 1;
}

int
result_status(void)
{
	wipe();
	return status;
}

/* ---- options ------------------------------------------------------------ */

bool
quick(void)
{
	const char *q = getenv("QUICK");

	return q != NULL && *q != '\0' && strcmp(q, "0") != 0;
}

unsigned
runs_wanted(void)
{
	return env_number("RUNS", quick() ? 1 : 7);
}

unsigned
run_ms(void)
{
	return env_number("RUN_MS", quick() ? 15 : 60);
}

unsigned
env_number(const char *name, unsigned dflt)
{
	const char *text = getenv(name);
	char *end;
	unsigned long v;

	if (text == NULL || *text == '\0')
		return dflt;
	errno = 0;
	v = strtoul(text, &end, 10);
	if (*end != '\0' || errno != 0 || v == 0 || v > 1000000000u) {
		fprintf(stderr, "bench: %s: %s: not a number\n", name, text);
		exit(2);
	}
	return (unsigned)v;
}
