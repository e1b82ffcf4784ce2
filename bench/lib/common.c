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

#include "common.h"

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

#define NAME_WIDTH 38

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
	printf("\n%-*s %9s %17s  %-15s %8s %6s\n", NAME_WIDTH, title, "ours",
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
write_tsv(const struct result *r)
{
	const char *path = getenv("BENCH_TSV");
	FILE *f;

	if (path == NULL || *path == '\0')
		return;
	if ((f = fopen(path, "a")) == NULL) {
		fprintf(stderr, "bench: %s: %s\n", path, strerror(errno));
		exit(1);
	}
	if (r->peer != NULL)
		fprintf(f, "%s\t%.6g\t%s\t%.6g\t%.4g\t%s\n", r->name,
		    r->ours.median, r->peer, r->theirs,
		    r->theirs != 0 ? r->ours.median / r->theirs : 0, r->unit);
	else
		fprintf(f, "%s\t%.6g\t-\t-\t-\t%s\n", r->name, r->ours.median,
		    r->unit);
	if (fclose(f) != 0) {
		fprintf(stderr, "bench: %s: %s\n", path, strerror(errno));
		exit(1);
	}
}

void
result_row(const struct result *r)
{
	char ours[16], min[16], max[16], theirs[16], ratio[16], range[40];

	wipe();
	write_tsv(r);
	range[0] = '\0';
	if (r->ours.min < r->ours.max)
		snprintf(range, sizeof(range), "(%s, %s)",
		    figure(min, r->ours.min), figure(max, r->ours.max));
	printf("%-*s %9s %17s  ", NAME_WIDTH, r->name,
	    figure(ours, r->ours.median), range);
	if (r->peer != NULL)
		printf("%-15s %8s %6s", r->peer, figure(theirs, r->theirs),
		    r->theirs != 0 ? figure(ratio, r->ours.median / r->theirs) :
				     "-");
	else
		printf("%-15s %8s %6s", "-", "", "");
	printf("  %s%s%s\n", r->unit, r->note != NULL ? "; " : "",
	    r->note != NULL ? r->note : "");
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
