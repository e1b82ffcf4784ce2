/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tcp.c - TCP between two stacks, over several carriers in turns
 *
 *	tcp [-n runs] [-m MiB] [-k trips] carrier=where ...
 *
 * A carrier is a program tcp_CARRIER beside this one (see lib/tcprun.h).  The
 * first one is ours, the others are what it is compared with.
 *
 * DOC: Theory of Operation
 *
 * A run is a program of its own, so that a stack which crashes takes nothing
 * with it.  Carriers take turns, run by run.  A run that fails is shown and
 * done again; of ours it makes the whole benchmark fail.
 */
#include <errno.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/lib/common.h"

#define CARRIERS_MAX 8
#define RUNS_MAX 101u
#define TRIES 5 /* for one run */

enum figure { MB_PER_S, P50, P99, FIGURES };

struct carrier {
	const char *name, *where;
	char program[4096];
	bool ours;
	bool out; /* it has no figures */
	unsigned failed;
	double v[FIGURES][RUNS_MAX];
};

static struct {
	unsigned runs;
	const char *mib, *trips;
} how;

/* ---- one run ------------------------------------------------------------ */

/* In the child: becomes the program, with all it says going to the pipe. */
static __attribute__((noreturn)) void
become(const struct carrier *c, const int *fds)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(fds[1], STDOUT_FILENO);
	dup2(fds[1], STDERR_FILENO);
	close(fds[0]);
	close(fds[1]);
	execl(c->program, c->program, "-m", how.mib, "-k", how.trips, c->where,
	    (char *)NULL);
	printf("%s: %s\n", c->program, strerror(errno));
	fflush(stdout);
	_exit(1);
}

/*
 * One run of C.  Returns NULL and V, or what went wrong: the last thing that
 * it said, or how it ended; static.
 */
static const char *
run_once(const struct carrier *c, double v[FIGURES])
{
	static char why[512];
	char line[512];
	bool done = false;
	int fds[2];
	int status;
	pid_t pid;
	FILE *f;

	if (pipe(fds) == -1)
		return strerror(errno);
	fflush(NULL);
	if ((pid = fork()) == 0)
		become(c, fds);
	close(fds[1]);
	if (pid == -1) {
		close(fds[0]);
		return "cannot fork";
	}
	snprintf(why, sizeof(why), "it said nothing");
	f = fdopen(fds[0], "r");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (sscanf(line, "%lf %lf %lf", &v[MB_PER_S], &v[P50],
			&v[P99]) == FIGURES)
			done = true;
		else if (line[0] != '\0')
			memcpy(why, line, sizeof(why));
	}
	if (f != NULL)
		fclose(f);
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status))
		snprintf(why, sizeof(why), "%s", strsignal(WTERMSIG(status)));
	return done && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? NULL :
								       why;
}

/* Run number RUN of C, again until it succeeds. */
static void
run(struct carrier *c, unsigned number)
{
	double v[FIGURES];
	char name[64];
	int i, k;

	for (i = 0; i < TRIES; i++) {
		const char *why;

		progress("TCP over %s: run %u of %u", c->name, number + 1,
		    how.runs);
		if ((why = run_once(c, v)) == NULL) {
			for (k = 0; k < FIGURES; k++)
				c->v[k][number] = v[k];
			return;
		}
		c->failed++;
		snprintf(name, sizeof(name), "TCP over %s, run %u", c->name,
		    number + 1);
		if (c->ours) {
			result_wrong(name, why);
		} else {
			char text[600];

			snprintf(text, sizeof(text), "failed, repeated: %s",
			    why);
			result_note(name, text);
		}
	}
	snprintf(name, sizeof(name), "TCP over %s", c->name);
	result_skip(name, "it fails all the time");
	c->out = true;
}

/* ---- results ------------------------------------------------------------ */

static void
show(struct carrier *ours, struct carrier *peer, enum figure k,
    const char *what, const char *unit)
{
	struct result r = { .name = what,
		.ours = summarize(ours->v[k], how.runs),
		.unit = unit };
	char note[64];

	if (peer != NULL) {
		r.peer = peer->name;
		r.theirs = summarize(peer->v[k], how.runs).median;
		if (peer->failed != 0) {
			snprintf(note, sizeof(note),
			    "%u runs of %s failed and were repeated",
			    peer->failed, peer->name);
			r.note = note;
		}
	}
	result_row(&r);
}

static void
show_all(struct carrier *c, unsigned n)
{
	static const char *const units[FIGURES] = { "MB/s", "us", "us" };
	char what[FIGURES][64];
	unsigned k, i;

	snprintf(what[MB_PER_S], sizeof(*what), "TCP over IPv4, %s MiB",
	    how.mib);
	snprintf(what[P50], sizeof(*what), "TCP echo of 64 B, p50");
	snprintf(what[P99], sizeof(*what), "TCP echo of 64 B, p99");
	for (k = 0; k < FIGURES && !c[0].out; k++) {
		bool alone = true;

		for (i = 1; i < n; i++)
			if (!c[i].out) {
				show(&c[0], &c[i], k, what[k], units[k]);
				alone = false;
			}
		if (alone)
			show(&c[0], NULL, k, what[k], units[k]);
	}
}

static void
usage(void)
{
	fprintf(stderr,
	    "usage: tcp [-n runs] [-m MiB] [-k trips] "
	    "carrier=where ...\n");
	exit(2);
}

int
main(int argc, char **argv)
{
	static struct carrier c[CARRIERS_MAX];
	char self[2048] = { 0 };
	unsigned n, i, k;
	char *end;
	int opt;

	how.runs = quick() ? 2 : 5;
	how.mib = quick() ? "16" : "64";
	how.trips = quick() ? "500" : "2000";
	while ((opt = getopt(argc, argv, "n:m:k:")) != -1)
		switch (opt) {
		case 'n':
			how.runs = (unsigned)strtoul(optarg, &end, 10);
			if (*end != '\0' || how.runs - 1 >= RUNS_MAX)
				usage();
			break;
		case 'm':
			how.mib = optarg;
			break;
		case 'k':
			how.trips = optarg;
			break;
		default:
			usage();
		}
	n = (unsigned)(argc - optind);
	if (n == 0 || n > CARRIERS_MAX)
		usage();
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) == -1) {
		fprintf(stderr, "tcp: /proc/self/exe: %s\n", strerror(errno));
		return 1;
	}
	dirname(self);
	result_head("TCP between two lwipv6 stacks");
	for (i = 0; i < n; i++) {
		char *arg = argv[(unsigned)optind + i];

		c[i].name = strsep(&arg, "=");
		if ((c[i].where = arg) == NULL)
			usage();
		snprintf(c[i].program, sizeof(c[i].program), "%s/tcp_%s", self,
		    c[i].name);
		c[i].ours = i == 0;
		if (access(c[i].program, X_OK) == -1) {
			result_skip(c[i].name, "it was not built");
			c[i].out = true;
		}
	}
	for (k = 0; k < how.runs; k++)
		for (i = 0; i < n; i++)
			if (!c[i].out)
				run(&c[i], k);
	show_all(c, n);
	return result_status();
}
