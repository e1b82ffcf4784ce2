/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * common.h - what the benchmarks share: time, statistics, processes, results
 */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/clock.h"

/* Two lines: processors prefetch pairs. */
#define LINE 128
/* Frames a send at most, and frames that a reader asks for. */
#define BATCH_MAX 64u
#define READ_BATCH 32u

/* ---- time -------------------------------------------------------------- */

double clock_cost_ns(void);

/* ---- waiting ----------------------------------------------------------- */

/*
 * One round of a wait for another process; SPINS counts them.  Lets others
 * run now and then, for there may be fewer processors than processes.
 */
void spin(unsigned *spins);

/* ---- statistics -------------------------------------------------------- */

struct summary {
	double median, min, max;
};

struct summary summarize(double *v, size_t n);
/* The same value thrice, for what is one figure by nature. */
struct summary summary_of(double value);
/* P per cent of the N values of V, which is sorted, are not above it. */
double percentile(const double *v, size_t n, double p);
void sort_values(double *v, size_t n);

/* ---- processes --------------------------------------------------------- */

/*
 * Runs FN(ARG, 0) to FN(ARG, N - 1), each in a process of its own, the first
 * on the first processor that we may use, and so on; unless PIN is false.
 * A member that returns is done; one that fails calls crew_fail().  When one
 * has failed or TIMEOUT_S seconds are over the others are killed.
 * Returns NULL, or what went wrong: static, until the next call.
 */
#define CREW_MAX 80
typedef void crew_fn(void *arg, unsigned member);
const char *crew_run(crew_fn *fn, void *arg, unsigned n, bool pin,
    unsigned timeout_s);
/*
 * How long the members of the last crew had to wait for a processor that
 * somebody else had: the worst of them, in nanoseconds.
 */
uint64_t crew_waited_ns(void);
/*
 * Whether that was too much for a measurement that took about MS milliseconds.
 * Such a run is to be done again, but not for ever: *LEFT is how many times,
 * and is counted down.
 */
bool crew_disturbed(unsigned ms, unsigned *left);
/* Ends the calling member; what crew_run() returns. */
void crew_fail(const char *fmt, ...)
    __attribute__((noreturn, format(printf, 1, 2)));

/* A place where all N members wait for each other.  In shared memory, zero. */
struct gate {
	_Alignas(LINE) _Atomic unsigned come;
};
void gate_pass(struct gate *g, unsigned n);

/* SIZE bytes of zeros that a crew shares; shared_free() gives them back. */
void *shared_new(size_t size);
void shared_free(void *p, size_t size);

unsigned cpu_count(void);
/* The number of our processor WHICH, as the kernel counts. */
unsigned crew_cpu(unsigned which);

/* ---- results ----------------------------------------------------------- */

/*
 * The rows go to standard output for people, and to the file that BENCH_TSV
 * in the environment names, if any, for programs.
 */
struct result {
	const char *name; /* of the case */
	struct summary ours;
	const char *peer; /* NULL: nothing to compare with */
	double theirs;
	const char *unit;
	const char *note; /* NULL: none; at the end of the row for people */
};

void result_row(const struct result *r);
/*
 * One more peer's figure beside the row NAME, which was shown, with OURS in it;
 * NOTE may be NULL.  Or why it has none.
 */
void result_beside(const char *name, double ours, const char *peer,
    double theirs, const char *unit, const char *note);
void result_beside_skip(const char *name, double ours, const char *peer,
    const char *unit, const char *why);
void result_head(const char *title);
/* Why a case has no figure.  Not a failure.  The second one is in the file. */
void result_skip(const char *name, const char *why);
void result_none(const char *name, const char *why);
/* What is worth knowing of it. */
void result_note(const char *name, const char *what);
/* Something is wrong: shown, and remembered for result_status(). */
void result_wrong(const char *name, const char *what);
int result_status(void);
/* What is being done, on a terminal only; the next row takes its place. */
void progress(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* ---- options ----------------------------------------------------------- */

/* QUICK in the environment, and not "0" nor empty. */
bool quick(void);
/* How many runs of a case a median is of, and for how long one measures. */
unsigned runs_wanted(void);
unsigned run_ms(void);
/* The number in the environment variable NAME, or DFLT; exits on nonsense. */
unsigned env_number(const char *name, unsigned dflt);

#endif /* BENCH_COMMON_H */
