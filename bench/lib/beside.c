/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * beside.c - what a pair that talks loses by others who are attached
 *
 * DOC: Theory of Operation
 *
 * From one run to the next, rates differ by several times what is looked for:
 * by where the pages of the file happen to lie, and by what else the machine
 * does.  So all is done by the same processes on the same bus, in slices of some
 * milliseconds, one with the idle ones and one without in each round, in one
 * order and then in the other.  What counts is the median of the ratios of two
 * such neighbours; what happens to both alike is not in it.
 *
 * The idle ones attach for the slices with them, and sleep before these begin;
 * a frame to everybody sends them away.  In between they wait by a futex, and
 * not on the bus.
 */
#include <errno.h>
#include <linux/futex.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench/lib/beside.h"
#include "bench/lib/busfile.h"
#include "bench/lib/common.h"
#include "bench/lib/match.h"

#define TIMEOUT_S 120u
#define BATCH 32u
#define RATES 7u	    /* of which the median is taken */
#define RATE_FRAMES 320000u /* for each */
#define SPIN_TRIPS 2001u
#define ASLEEP_TRIPS 301u
#define SETTLE_US 2000

struct stage {
	struct gate gate; /* of the two that talk */
	unsigned idle, rounds;
	_Alignas(
	    LINE) _Atomic uint32_t wanted; /* 1: the idle ones, 2: the end */
	_Alignas(LINE) _Atomic unsigned there;
	_Alignas(LINE) _Atomic uint64_t got;
	struct beside_out out;
};

/* ---- the idle ones ------------------------------------------------------ */

static long
futex(_Atomic uint32_t *word, int op, uint32_t value)
{
	return syscall(SYS_futex, word, op, value, NULL, NULL, 0);
}

static struct shmbus *
attach(const uint8_t *mac, int32_t spin_us)
{
	struct shmbus_options opt = { .spin_us = spin_us };
	struct shmbus *b;

	snprintf(opt.name, sizeof(opt.name), "bench beside");
	if (mac != NULL)
		memcpy(opt.mac, mac, 6);
	if (shmbus_attach(busfile(), &opt, &b) != 0)
		crew_fail("%s: %s", busfile(), shmbus_why());
	return b;
}

static void
idle_one(struct stage *s)
{
	while (s->wanted != 2) {
		struct shmbus *b;
		uint8_t frame[64];

		if (s->wanted == 0) {
			futex(&s->wanted, FUTEX_WAIT, 0);
			continue;
		}
		b = attach(NULL, SPIN_NOT);
		s->there++;
		while (s->wanted == 1) {
			int error = shmbus_wait(b, -1);

			if (error != 0)
				crew_fail("wait: %s", shmbus_strerror(error));
			while (shmbus_recv(b, frame, sizeof(frame), NULL) == 0)
				;
		}
		shmbus_detach(b);
		s->there--;
	}
}

/* Has the idle ones come, 1, or go: 0, and 2 for good. */
static void
want(struct stage *s, uint32_t what)
{
	struct shmbus *b;
	uint8_t all[64];

	s->wanted = what;
	futex(&s->wanted, FUTEX_WAKE, INT_MAX);
	if (what == 1) {
		while (s->there != s->idle)
			usleep(1000);
	} else if (s->there != 0) {
		memset(all, 0xff, sizeof(all));
		b = attach(NULL, SPIN_NOT);
		for (; s->there != 0; usleep(1000))
			shmbus_send(b, all, sizeof(all));
		shmbus_detach(b);
	}
	usleep(SETTLE_US);
}

/* ---- the pair ----------------------------------------------------------- */

/* A median, in microseconds. */
static double
trips(struct shmbus *b, unsigned member, unsigned n)
{
	static double v[SPIN_TRIPS];
	uint64_t t0;
	unsigned i;

	for (i = 0; i < n; i++) {
		t0 = now_ns();
		if (member == 0)
			match_serve(b, member, i);
		match_await(b, i);
		if (member == 1)
			match_serve(b, member, i);
		v[i] = (double)(now_ns() - t0) / 1e3;
	}
	return summarize(v, n).median;
}

static void
send_all(struct stage *s, struct shmbus *b)
{
	static uint8_t frames[BATCH][64];
	struct iovec iov[BATCH];
	uint64_t sent = 0;
	unsigned i, done, spins = 0;

	for (i = 0; i < BATCH; i++) {
		memcpy(frames[i], match_macs[1], 6);
		iov[i].iov_base = frames[i];
		iov[i].iov_len = sizeof(frames[i]);
	}
	while (sent < RATES * RATE_FRAMES) {
		int error;

		/* Half a ring, as lib/traffic.c has it. */
		if (sent + BATCH - atomic_load(&s->got) >
		    SHMBUS_SLOTS_DEFAULT - 64) {
			while (sent - atomic_load(&s->got) >
			    SHMBUS_SLOTS_DEFAULT / 2)
				spin(&spins);
			continue;
		}
		error = shmbus_send_batch(b, iov, BATCH, &done);
		if (error != 0 && error != SHMBUS_EGIVENUP)
			crew_fail("send: %s", shmbus_strerror(error));
		sent += done;
	}
}

/* Millions a second: a median. */
static double
receive_all(struct stage *s, struct shmbus *b)
{
	static uint8_t bufs[READ_BATCH][64];
	struct shmbus_rx rx[READ_BATCH];
	uint64_t got = 0, from = 0, t0 = now_ns();
	unsigned i, n, vain = 0, parts = 0;
	double v[RATES];

	for (i = 0; i < READ_BATCH; i++)
		rx[i] = (struct shmbus_rx){ .buf = bufs[i], .size = 64 };
	while (parts < RATES) {
		int error = shmbus_recv_batch(b, rx, READ_BATCH, &n);

		if (error == EAGAIN) {
			error = shmbus_wait(b, 1000000000);
			if (error == ETIMEDOUT && ++vain >= 10)
				crew_fail("frames were lost");
			if (error == ETIMEDOUT)
				error = 0;
		}
		if (error != 0)
			crew_fail("receive: %s", shmbus_strerror(error));
		got += n;
		atomic_store_explicit(&s->got, got, memory_order_release);
		/* A batch that was sent in parts makes it a few more. */
		if (got - from >= RATE_FRAMES || got >= RATES * RATE_FRAMES) {
			uint64_t t = now_ns();

			v[parts++] = (double)(got - from) * 1e3 /
			    (double)(t - t0);
			t0 = t;
			from = got;
		}
	}
	return summarize(v, RATES).median;
}

static double
slice(struct stage *s, unsigned member, enum beside what, unsigned *gates)
{
	struct shmbus *b = attach(match_macs[member],
	    what == BESIDE_ASLEEP   ? SPIN_NOT :
		what == BESIDE_RATE ? 0 :
				      SPIN_FOR_EVER);
	double v = 0;

	if (member == 0)
		s->got = 0;
	gate_pass(&s->gate, 2 * ++*gates);
	if (what != BESIDE_RATE)
		v = trips(b, member,
		    what == BESIDE_ASLEEP ? ASLEEP_TRIPS : SPIN_TRIPS);
	else if (member == 0)
		send_all(s, b);
	else
		v = receive_all(s, b);
	gate_pass(&s->gate, 2 * ++*gates);
	shmbus_detach(b);
	return v;
}

static void
pair(struct stage *s, unsigned member)
{
	unsigned gates = 0, round, half, what;

	for (round = 0; round < s->rounds; round++)
		for (half = 0; half < 2; half++) {
			unsigned with = (round + half) % 2;

			/* The second half of a round is the next one's first. */
			if (member == 0 && (half == 1 || round == 0))
				want(s, with);
			/* Not to hear what sent the idle ones away. */
			gate_pass(&s->gate, 2 * ++gates);
			for (what = 0; what < BESIDES; what++) {
				double v = slice(s, member, what, &gates);

				/* By who knows it: who receives, who begins. */
				if (member != (what == BESIDE_RATE))
					continue;
				(with ? s->out.with :
					s->out.without)[what][round] = v;
			}
		}
	if (member == 0)
		want(s, 2);
}

static void
play(void *arg, unsigned member)
{
	if (member < 2)
		pair(arg, member);
	else
		idle_one(arg);
}

const char *
beside_run(unsigned idle, unsigned rounds, struct beside_out *out)
{
	struct stage *s = shared_new(sizeof(*s));
	const char *why;

	s->idle = idle;
	s->rounds = rounds;
	if (shmbus_create(busfile(), NULL) != 0) {
		why = shmbus_why();
	} else {
		why = crew_run(play, s, 2 + idle, true, TIMEOUT_S);
		unlink(busfile());
	}
	*out = s->out;
	shared_free(s, sizeof(*s));
	return why;
}
