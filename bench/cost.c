/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cost.c - the memory of a bus and of an attachment, system calls a frame
 *
 *	cost
 *	cost send|receive|wake FRAMES	what is looked at by a tracer
 *
 * DOC: Theory of Operation
 *
 * Private memory is what the kernel says of all mappings of a process (smaps)
 * but the bus file's own: before it attaches, and after it has sent and
 * received more frames than the ring holds.
 *
 * System calls are counted by perf, or where it may not by strace, in one
 * process that exchanges frames with another one: in a short run and in a long
 * one.  What the long one has more belongs to the frames.  "send" and "receive"
 * are with a partner that spins, so that nobody sleeps; "wake" is a round trip
 * between two that sleep while they wait.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shmbus.h>

#include "bench/lib/busfile.h"
#include "bench/lib/common.h"

#define SIZE 64u
#define TIMEOUT_S 60u

/* ---- memory ------------------------------------------------------------- */

struct memory {
	struct gate gate;
	double before, after; /* KiB */
};

/* Private KiB in all mappings of this process but those of the file BUS. */
static double
private_kib(const char *bus)
{
	char line[4400];
	double sum = 0, kib;
	bool count = true;
	FILE *f = fopen("/proc/self/smaps", "r");

	if (f == NULL)
		crew_fail("/proc/self/smaps: %s", strerror(errno));
	while (fgets(line, sizeof(line), f) != NULL) {
		unsigned long from, to;

		if (sscanf(line, "%lx-%lx", &from, &to) == 2)
			count = strstr(line, bus) == NULL;
		if (count &&
		    (sscanf(line, "Private_Clean: %lf kB", &kib) == 1 ||
			sscanf(line, "Private_Dirty: %lf kB", &kib) == 1))
			sum += kib;
	}
	fclose(f);
	return sum;
}

static struct shmbus *
attach(int32_t spin_us)
{
	struct shmbus_options opt = { .spin_us = spin_us };
	struct shmbus *b;

	if (shmbus_attach(busfile(), &opt, &b) != 0)
		crew_fail("%s: %s", busfile(), shmbus_why());
	return b;
}

static void
send_some(struct shmbus *b, unsigned n)
{
	uint8_t frame[SIZE];

	memset(frame, 0xff, sizeof(frame));
	while (n-- > 0) {
		int error = shmbus_send(b, frame, sizeof(frame));

		if (error != 0 && error != SHMBUS_EGIVENUP)
			crew_fail("send: %s", shmbus_strerror(error));
	}
}

static void
memory_member(void *arg, unsigned member)
{
	struct memory *m = arg;
	const unsigned lap = 2 * SHMBUS_SLOTS_DEFAULT;
	uint8_t frame[2048];
	struct shmbus *b;

	if (member == 0) {
		private_kib(busfile()); /* what that needs is there now */
		m->before = private_kib(busfile());
	}
	b = attach(0);
	gate_pass(&m->gate, 2);
	send_some(b, lap);
	gate_pass(&m->gate, 4);
	while (shmbus_recv(b, frame, sizeof(frame), NULL) == 0)
		;
	shmbus_wait(b, 0); /* its memory counts, too */
	if (member == 0)
		m->after = private_kib(busfile());
	gate_pass(&m->gate, 6);
	shmbus_detach(b);
}

static void
memory(void)
{
	struct memory *m = shared_new(sizeof(*m));
	const char *why;
	struct stat st;

	if (shmbus_create(busfile(), NULL) != 0) {
		result_wrong("memory", shmbus_why());
		return;
	}
	if (stat(busfile(), &st) == 0)
		result_row(&(struct result){ .name = "memory of a default bus",
		    .ours = summary_of((double)st.st_blocks * 512 / 1024),
		    .unit = "KiB" });
	why = crew_run(memory_member, m, 2, true, TIMEOUT_S);
	unlink(busfile());
	if (why != NULL)
		result_wrong("memory of an attachment", why);
	else
		result_row(
		    &(struct result){ .name = "private memory of an attachment",
			.ours = summary_of(m->after - m->before),
			.unit = "KiB" });
	shared_free(m, sizeof(*m));
}

/* ---- system calls ------------------------------------------------------- */

struct calls {
	struct gate gate;
	_Atomic bool over;
	enum { SEND, RECEIVE, WAKE } what;
};

static const char *const whats[] = { "send", "receive", "wake" };

/* Receives a frame, unless it is over. */
static void
receive_one(struct shmbus *b, const struct calls *c)
{
	uint8_t frame[SIZE];
	int error;

	while ((error = shmbus_recv(b, frame, sizeof(frame), NULL)) == EAGAIN) {
		if (c->over)
			return;
		shmbus_wait(b, 100000000);
	}
	if (error != 0)
		crew_fail("receive: %s", shmbus_strerror(error));
}

/* The other one; nobody looks at its calls. */
static void
partner(struct calls *c)
{
	struct shmbus *b = attach(c->what == WAKE ? -1 : 100000000);

	gate_pass(&c->gate, 2);
	while (!c->over) {
		if (c->what != RECEIVE)
			receive_one(b, c);
		if (c->what != SEND)
			send_some(b, 1);
	}
	shmbus_detach(b);
}

/*
 * Does what is to be traced: in this process, with the partner in another one.
 */
static int
traced(const char *what, unsigned n)
{
	struct calls *c = shared_new(sizeof(*c));
	struct shmbus *b;
	pid_t pid, parent;
	unsigned i;

	for (i = 0; i < 3; i++)
		if (strcmp(what, whats[i]) == 0)
			c->what = i;
	if (shmbus_create(busfile(), NULL) != 0) {
		fprintf(stderr, "bench: %s\n", shmbus_why());
		return 1;
	}
	parent = getpid();
	if ((pid = fork()) == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == parent)
			partner(c);
		_exit(0);
	}
	if (pid == -1)
		return 1;
	b = attach(c->what == WAKE ? -1 : 100000000);
	/* Without a yield, which would be counted. */
	c->gate.come++;
	while (c->gate.come < 2)
		;
	while (n-- > 0) {
		if (c->what != RECEIVE)
			send_some(b, 1);
		if (c->what != SEND)
			receive_one(b, c);
	}
	c->over = true;
	shmbus_detach(b);
	unlink(busfile());
	return 0;
}

/* How to count, and where the count is in what it leaves. */
static const struct tracer {
	const char *name, *command;
	bool perf;
} tracers[] = {
	{ "perf",
	    "exec perf stat -x ' ' -i -e raw_syscalls:sys_enter -o '%s' "
	    "'%s' %s %u >/dev/null 2>&1",
	    true },
	{ "strace", "exec strace -c -o '%s' '%s' %s %u >/dev/null 2>&1",
	    false },
};

/* The number of calls in FILE, or -1. */
static double
count_in(const char *file, bool perf)
{
	char line[512];
	double v, calls = -1;
	FILE *f = fopen(file, "r");

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (perf ? strstr(line, "sys_enter") != NULL &&
			    sscanf(line, "%lf", &v) == 1 :
			   strstr(line, " total") != NULL &&
			    sscanf(line, "%*f %*f %*f %lf", &v) == 1)
			calls = v;
	if (f != NULL)
		fclose(f);
	return calls;
}

/* Calls of a run with N frames, or -1. */
static double
count(const struct tracer *t, const char *self, const char *what, unsigned n)
{
	char command[9000], file[4100];
	double calls;

	snprintf(file, sizeof(file), "%s.calls", busfile());
	snprintf(command, sizeof(command), t->command, file, self, what, n);
	calls = system(command) == 0 ? count_in(file, t->perf) : -1;
	unlink(file);
	return calls;
}

static void
calls(void)
{
	static const struct {
		const char *name, *unit;
		unsigned few, many;
	} texts[] = {
		{ "system calls to send, nobody asleep", "a frame", 1000,
		    101000 },
		{ "system calls to receive, spinning", "a frame", 1000,
		    101000 },
		{ "system calls, both asleep", "a round trip", 100, 1100 },
	};
	char self[4096];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	const struct tracer *t = NULL;
	unsigned i;

	self[len > 0 ? len : 0] = '\0';
	for (i = 0; t == NULL && i < sizeof(tracers) / sizeof(*tracers); i++)
		if (count(&tracers[i], self, "send", 1) >= 0)
			t = &tracers[i];
	for (i = 0; i < 3; i++) {
		const char *name = texts[i].name;
		double few, many;

		if (t == NULL) {
			result_none(name,
			    "neither strace nor perf counts them here");
			continue;
		}
		progress("%s", name);
		few = count(t, self, whats[i], texts[i].few);
		many = count(t, self, whats[i], texts[i].many);
		if (few < 0 || many < 0)
			result_wrong(name, "the run failed");
		else
			result_row(&(struct result){ .name = name,
			    .ours = summary_of((many > few ? many - few : 0) /
				(texts[i].many - texts[i].few)),
			    .unit = texts[i].unit,
			    .note = t->name });
	}
}

int
main(int argc, char **argv)
{
	if (argc == 3)
		return traced(argv[1], (unsigned)atoi(argv[2]));
	if (argc != 1) {
		fprintf(stderr, "usage: cost\n");
		return 2;
	}
	result_head("Memory, and system calls");
	memory();
	calls();
	return result_status();
}
