/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * idlers.c - attachments that have nothing to do, and what they cost
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "bench/lib/idlers.h"

/* What this process had of a processor so far, in nanoseconds. */
static uint64_t
cpu_ns(void)
{
	return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

/* How often it went to sleep. */
static uint64_t
slept(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (uint64_t)u.ru_nvcsw;
}

void
idlers_await(const struct idlers *i)
{
	while (i->asleep < i->n)
		usleep(1000);
}

void
idler(struct idlers *i, unsigned number, const char *bus)
{
	struct shmbus_options opt = { 0 };
	uint64_t t0, cpu0, cpu, sleeps;
	uint8_t frame[2048];
	struct shmbus *b;
	double s;
	int error;

	snprintf(opt.name, sizeof(opt.name), "bench idle");
	if (shmbus_attach(bus, &opt, &b) != 0)
		crew_fail("%s: %s", bus, shmbus_why());
	/* The first look and the spin before the first sleep are not idling. */
	if ((error = shmbus_wait(b, 1000000)) != 0 && error != ETIMEDOUT)
		crew_fail("wait: %s", shmbus_strerror(error));
	i->asleep++;
	t0 = now_ns();
	cpu0 = cpu_ns();
	sleeps = slept();
	for (;;) {
		error = shmbus_wait(b, -1);
		if (error != 0)
			crew_fail("wait: %s", shmbus_strerror(error));
		if (i->over)
			break;
		while (shmbus_recv(b, frame, sizeof(frame), NULL) == 0)
			;
	}
	cpu = cpu_ns() - cpu0;
	sleeps = slept() - sleeps;
	s = (double)(now_ns() - t0) / 1e9;
	/* The last time it was woken to be told that it is over. */
	i->of[number].woken = (sleeps > 0 ? (double)sleeps - 1 : 0) / s;
	i->of[number].cpu = (double)cpu / 1e9 / s * 100;
	i->left++;
	shmbus_detach(b);
}

void
idlers_end(struct idlers *i, struct shmbus *b)
{
	uint8_t frame[64];

	i->over = 1;
	memset(frame, 0xff, sizeof(frame));
	while (i->left < i->n) {
		shmbus_send(b, frame, sizeof(frame));
		usleep(1000);
	}
}

void
idlers_sum(const struct idlers *i, double *woken, double *most, double *cpu)
{
	unsigned k;

	*woken = *most = *cpu = 0;
	for (k = 0; k < i->n; k++) {
		*woken += i->of[k].woken / i->n;
		*cpu += i->of[k].cpu / i->n;
		if (i->of[k].woken > *most)
			*most = i->of[k].woken;
	}
}
