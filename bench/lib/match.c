/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * match.c - one run of round trips over a bus
 *
 * DOC: Theory of Operation
 *
 * Two processes throw a frame to each other; each carries the number of its
 * trip and is checked.  A look at the clock is in every trip, and is
 * subtracted.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <shmbus.h>

#include "bench/lib/busfile.h"
#include "bench/lib/common.h"
#include "bench/lib/match.h"

#define WARM_TRIPS 200u
#define TIMEOUT_S 60u
#define PATIENCE_NS 1000000000

struct match {
	struct gate gate, end;
	int32_t spin_us;
	size_t n;
	_Alignas(LINE) double trips[];
};

const uint8_t match_macs[2][6] = { { 0xb2, 0xa0, 0, 0, 0, 1 },
	{ 0xb2, 0xa0, 0, 0, 0, 2 } };

void
match_serve(struct shmbus *b, unsigned member, uint64_t trip)
{
	uint8_t frame[MATCH_SIZE] = { 0 };
	int error;

	memcpy(frame, match_macs[!member], 6);
	memcpy(frame + 6, match_macs[member], 6);
	frame[12] = 0x88; /* IEEE 802: for local experiments */
	frame[13] = 0xb5;
	memcpy(frame + 14, &trip, sizeof(trip));
	do
		error = shmbus_send(b, frame, sizeof(frame));
	while (error == SHMBUS_EGIVENUP);
	if (error != 0)
		crew_fail("send: %s", shmbus_strerror(error));
}

void
match_await(struct shmbus *b, uint64_t trip)
{
	uint8_t frame[MATCH_SIZE];
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
	if (f.len != MATCH_SIZE || memcmp(frame + 14, &trip, sizeof(trip)) != 0)
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

	memcpy(opt.mac, match_macs[member], 6);
	snprintf(opt.name, sizeof(opt.name), "bench pingpong");
	if (shmbus_attach(busfile(), &opt, &b) != 0)
		crew_fail("%s: %s", busfile(), shmbus_why());
	gate_pass(&m->gate, 2);
	for (i = 0; i < WARM_TRIPS + m->n; i++) {
		uint64_t t0;

		if (member == 1) {
			match_await(b, i);
			match_serve(b, member, i);
			continue;
		}
		t0 = now_ns();
		match_serve(b, member, i);
		match_await(b, i);
		if (i >= WARM_TRIPS)
			m->trips[i - WARM_TRIPS] = (double)(now_ns() - t0) -
			    cost;
	}
	gate_pass(&m->end, 2);
	shmbus_detach(b);
}

const char *
match_run(double *trips, size_t n, int32_t spin_us)
{
	size_t bytes = sizeof(struct match) + n * sizeof(double);
	struct match *m = shared_new(bytes);
	const char *why;

	m->spin_us = spin_us;
	m->n = n;
	if (shmbus_create(busfile(), NULL) != 0) {
		why = shmbus_why();
	} else {
		why = crew_run(player, m, 2, true, TIMEOUT_S);
		unlink(busfile());
	}
	memcpy(trips, m->trips, n * sizeof(double));
	shared_free(m, bytes);
	return why;
}
