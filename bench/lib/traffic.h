/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * traffic.h - one run of writers and readers over a bus
 */
#ifndef BENCH_TRAFFIC_H
#define BENCH_TRAFFIC_H

#include <stdbool.h>
#include <stdint.h>

#include <shmbus.h>

#define TALKERS_MAX 16u /* writers, and readers */

/* What is measured. */
struct shape {
	uint32_t size;
	unsigned batch; /* frames a send; 1: shmbus_send() */
	unsigned writers, readers, idle;
	bool flood;   /* else nothing may be lost */
	bool unicast; /* to the first reader; else broadcast */
};

/* How. */
struct traffic {
	unsigned ms;
	uint32_t slots; /* 0: what geometry_for() says */
	bool poll;	/* a reader that finds nothing does not sleep */
};

/* What came of it. */
struct outcome {
	double rate;	     /* frames a second, the slowest reader's */
	double sum;	     /* frames a second, all writers' */
	double cost;	     /* CPU time of the writers a frame, in ns */
	double lost;	     /* per cent of what was sent, the worst reader's */
	uint64_t sent, rung; /* frames; system calls to wake somebody */
	double woken, woken_most; /* an idle one a second: mean, most */
	double idle_cpu;	  /* per cent of a processor, mean of them */
};

/* The geometry of a bus for frames of SIZE bytes; SLOTS as in traffic. */
struct shmbus_geometry geometry_for(uint32_t size, uint32_t slots);

/* A run on a new bus.  NULL, or what is wrong: static. */
const char *traffic_run(const struct shape *s, const struct traffic *how,
    struct outcome *o);

#endif /* BENCH_TRAFFIC_H */
