/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * crew.c - a measurement is done by a crew: processes that start together,
 * each on a processor of its own, and end together
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/lib/common.h"

#define WHY_MAX 256

/* What a member leaves behind; shared. */
static struct legacy {
	char why[WHY_MAX]; /* it failed */
	uint64_t waited_ns;
} * left_by;
static unsigned me;

void *
shared_new(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (p == MAP_FAILED) {
		fprintf(stderr, "bench: %zu bytes of shared memory: %s\n", size,
		    strerror(errno));
		exit(1);
	}
	return p;
}

void
shared_free(void *p, size_t size)
{
	munmap(p, size);
}

/* The processors that this program was started on. */
static void
cpus(cpu_set_t *set)
{
	static cpu_set_t at_start;
	static bool known;

	if (!known) {
		CPU_ZERO(&at_start);
		sched_getaffinity(0, sizeof(at_start), &at_start);
		known = true;
	}
	*set = at_start;
}

unsigned
cpu_count(void)
{
	cpu_set_t set;

	cpus(&set);
	return (unsigned)CPU_COUNT(&set);
}

unsigned
crew_cpu(unsigned which)
{
	cpu_set_t all;
	unsigned cpu;

	cpus(&all);
	which %= cpu_count();
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &all) && which-- == 0)
			break;
	return cpu;
}

/* Puts the calling process on our processor number WHICH. */
static void
pin_to(unsigned which)
{
	cpu_set_t one;

	if (cpu_count() < 2)
		return;
	CPU_ZERO(&one);
	CPU_SET(crew_cpu(which), &one);
	sched_setaffinity(0, sizeof(one), &one);
}

void
crew_fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (left_by != NULL)
		vsnprintf(left_by[me].why, WHY_MAX, fmt, ap);
	else /* nobody's member */
		vfprintf(stderr, fmt, ap);
	va_end(ap);
	_exit(1);
}

void
gate_pass(struct gate *g, unsigned n)
{
	unsigned spins = 0;

	g->come++;
	while (g->come < n)
		spin(&spins);
}

/* How long this process has waited for a processor; 0 where nobody counts. */
static uint64_t
waited(void)
{
	unsigned long long ran = 0, ns = 0;
	FILE *f = fopen("/proc/self/schedstat", "r");

	if (f == NULL)
		return 0;
	if (fscanf(f, "%llu %llu", &ran, &ns) != 2)
		ns = 0;
	fclose(f);
	return ns;
}

uint64_t
crew_waited_ns(void)
{
	uint64_t worst = 0;
	unsigned i;

	for (i = 0; left_by != NULL && i < CREW_MAX; i++)
		if (left_by[i].waited_ns > worst)
			worst = left_by[i].waited_ns;
	return worst;
}

bool
crew_disturbed(unsigned ms, unsigned *left)
{
	/* A fiftieth, and what it takes to get started. */
	if (crew_waited_ns() <= ms * (uint64_t)20000 + 500000)
		return false;
	if (*left == 0)
		return false;
	--*left;
	return true;
}

/* How member I ended, STATUS as waitpid(2) gives it.  NULL: well. */
static const char *
ending(unsigned i, int how)
{
	static char text[WHY_MAX + 64];

	if (WIFEXITED(how) && WEXITSTATUS(how) == 0)
		return NULL;
	if (WIFSIGNALED(how))
		snprintf(text, sizeof(text), "process %u crashed: %s", i,
		    strsignal(WTERMSIG(how)));
	else if (left_by[i].why[0] != '\0')
		snprintf(text, sizeof(text), "process %u: %s", i,
		    left_by[i].why);
	else
		snprintf(text, sizeof(text), "process %u: exit status %d", i,
		    WEXITSTATUS(how));
	return text;
}

/* The member that ended among PIDS, or N when TIMEOUT_S are over. */
static unsigned
next_end(const pid_t *pids, unsigned n, uint64_t until, int *how)
{
	static const struct timespec step = { .tv_nsec = 1000000 };

	for (;;) {
		unsigned i;

		for (i = 0; i < n; i++)
			if (pids[i] != 0 &&
			    waitpid(pids[i], how, WNOHANG) == pids[i])
				return i;
		if (now_ns() >= until)
			return n;
		nanosleep(&step, NULL);
	}
}

const char *
crew_run(crew_fn *fn, void *arg, unsigned n, bool pin, unsigned timeout_s)
{
	static char late[64];
	uint64_t until = now_ns() + (uint64_t)timeout_s * 1000000000u;
	pid_t pids[CREW_MAX] = { 0 };
	pid_t parent = getpid();
	const char *why = NULL;
	unsigned i, left;

	if (left_by == NULL)
		left_by = shared_new(CREW_MAX * sizeof(*left_by));
	memset(left_by, 0, CREW_MAX * sizeof(*left_by));
	cpu_count(); /* noted before anyone is pinned */
	fflush(NULL);
	for (i = 0; i < n; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			me = i;
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (getppid() != parent)
				_exit(1);
			if (pin)
				pin_to(i);
			fn(arg, i);
			left_by[i].waited_ns = waited();
			_exit(0);
		}
		if (pids[i] == -1) {
			pids[i] = 0;
			why = "cannot fork";
			break;
		}
	}
	for (left = i; left > 0 && why == NULL; left--) {
		int how;
		unsigned k = next_end(pids, n, until, &how);

		if (k == n) {
			snprintf(late, sizeof(late), "not done in %u s",
			    timeout_s);
			why = late;
			break;
		}
		pids[k] = 0;
		why = ending(k, how);
	}
	for (i = 0; i < n; i++)
		if (pids[i] != 0) {
			kill(pids[i], SIGKILL);
			waitpid(pids[i], NULL, 0);
		}
	return why;
}
