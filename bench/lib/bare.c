/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bare.c - what the machine can do at best
 *
 * DOC: Theory of Operation
 *
 * The copying limit is a ring for two that has nothing but the copying: no
 * header a piece, no order among writers, nobody can be lapped or die.  One
 * count tells how many pieces are in it, another how many were taken out, and
 * both are written once for 32 pieces.  Who finds nothing to take waits for a
 * stock, who finds no room waits for half of it all: two who are at each
 * other's heels fight for the same lines and are ten times slower.
 * What a bus does beyond that is what it costs.
 *
 * Where the pieces lie matters more than what is done with them: what fits
 * into the caches that the two do not share is handed over line by line, and
 * slower by far than what has gone to a common one.  Hence the layout is the
 * caller's.
 *
 * Ping-pong is a word in a cache line that two processes set in turns, each
 * waiting for the other's value by spinning, or by futex(2).  A trip is there
 * and back, with one look at the clock in it.
 */
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench/lib/common.h"
#include "bench/lib/bare.h"

#define BATCH 32u
#define STOCK 256u
#define AHEAD 12u
#define WARM_MS 10u
#define TIMEOUT_S 60u

/* ---- copying ------------------------------------------------------------ */

struct copying {
	struct gate gate;
	_Alignas(LINE) _Atomic uint64_t put;
	_Alignas(LINE) _Atomic uint64_t taken;
	_Alignas(LINE) _Atomic unsigned stop;
	struct layout layout;
	unsigned ms;
	double rate;
	_Alignas(LINE) char pieces[];
};

static inline char *
piece(struct copying *c, uint64_t number)
{
	return c->pieces + (number & (c->layout.pieces - 1)) * c->layout.stride;
}

/* Asks for the lines of a piece, to write. */
static inline void
ask_for(const char *p, size_t size)
{
	const char *end = p + size;

	for (; p < end; p += 64)
#ifdef __x86_64__
		__asm__ volatile("prefetchw %0" : : "m"(*p));
#else
		__builtin_prefetch(p, 1, 3);
#endif
}

/* Has this process look at each page, once. */
static void
touch(const struct copying *c)
{
	size_t n = c->layout.pieces * c->layout.stride;
	size_t i;

	for (i = 0; i < n; i += 4096)
		(void)*(const volatile char *)(c->pieces + i);
}

static void
copy_in(struct copying *c)
{
	const struct layout l = c->layout;
	char *from = calloc(BATCH, l.stride);
	uint64_t put = 0, taken = 0;
	unsigned spins = 0;
	bool full = false;
	unsigned i;

	touch(c);
	gate_pass(&c->gate, 2);
	while (!atomic_load_explicit(&c->stop, memory_order_relaxed)) {
		if (full || put + BATCH - taken > l.pieces) {
			taken = atomic_load_explicit(&c->taken,
			    memory_order_acquire);
			full = put - taken > l.pieces / 2;
			spin(&spins);
			continue;
		}
		for (i = 0; i < BATCH; i++) {
			if (l.ahead)
				ask_for(piece(c, put + i + AHEAD), l.size);
			memcpy(piece(c, put + i), from + i * l.stride, l.size);
		}
		put += BATCH;
		atomic_store_explicit(&c->put, put, memory_order_release);
	}
	free(from);
}

static void
copy_out(struct copying *c)
{
	const struct layout l = c->layout;
	char *to = calloc(BATCH, l.stride);
	uint64_t taken = 0, put = 0, t0 = 0, n0 = 0, warm;
	unsigned spins = 0, turn;
	unsigned i;

	touch(c);
	gate_pass(&c->gate, 2);
	warm = now_ns() + WARM_MS * 1000000u;
	for (turn = 0;; turn++) {
		if (turn % 16 == 0) {
			uint64_t t = now_ns();

			if (t0 == 0 && t >= warm) {
				t0 = t;
				n0 = taken;
			}
			if (t0 != 0 && t >= t0 + c->ms * (uint64_t)1000000) {
				c->rate = (double)(taken - n0) * 1e9 /
				    (double)(t - t0);
				break;
			}
		}
		if (put - taken < BATCH)
			while (put - taken < STOCK) {
				put = atomic_load_explicit(&c->put,
				    memory_order_acquire);
				spin(&spins);
			}
		for (i = 0; i < BATCH; i++) {
			memcpy(to + i * l.stride, piece(c, taken + i), l.size);
			/* What is copied is wanted. */
			__asm__ volatile("" : : "r"(to) : "memory");
		}
		taken += BATCH;
		atomic_store_explicit(&c->taken, taken, memory_order_release);
	}
	c->stop = 1;
	free(to);
}

static void
copy_member(void *arg, unsigned member)
{
	if (member == 0)
		copy_in(arg);
	else
		copy_out(arg);
}

const char *
limit_copy(const struct layout *l, unsigned ms, double *rate)
{
	size_t bytes = sizeof(struct copying) + l->pieces * l->stride;
	struct copying *c = shared_new(bytes);
	const char *why;

	c->layout = *l;
	c->ms = ms;
	why = crew_run(copy_member, c, 2, true, TIMEOUT_S);
	*rate = c->rate;
	shared_free(c, bytes);
	return why;
}

/* ---- ping-pong ---------------------------------------------------------- */

/* Trips that are not measured. */
#define WARM_TRIPS 200u

struct rally {
	struct gate gate;
	_Alignas(LINE) _Atomic uint32_t ball; /* even: member 0 has to play */
	bool sleeping;
	size_t n;
	_Alignas(LINE) double trips[];
};

static long
futex(_Atomic uint32_t *word, int op, uint32_t value)
{
	return syscall(SYS_futex, word, op, value, NULL, NULL, 0);
}

/* Waits until the ball is other than VALUE. */
static void
await(struct rally *r, uint32_t value)
{
	unsigned spins = 0;

	while (atomic_load_explicit(&r->ball, memory_order_acquire) == value)
		if (r->sleeping)
			futex(&r->ball, FUTEX_WAIT, value);
		else
			spin(&spins);
}

static void
play(struct rally *r, uint32_t value)
{
	atomic_store_explicit(&r->ball, value, memory_order_release);
	if (r->sleeping)
		futex(&r->ball, FUTEX_WAKE, 1);
}

static void
rally_member(void *arg, unsigned member)
{
	struct rally *r = arg;
	double cost = clock_cost_ns();
	uint32_t i;

	gate_pass(&r->gate, 2);
	for (i = 0; i < WARM_TRIPS + r->n; i++) {
		uint64_t t0;

		if (member == 1) {
			await(r, 2 * i);
			play(r, 2 * i + 2);
			continue;
		}
		t0 = now_ns();
		play(r, 2 * i + 1);
		await(r, 2 * i + 1);
		if (i >= WARM_TRIPS)
			r->trips[i - WARM_TRIPS] = (double)(now_ns() - t0) -
			    cost;
	}
}

static const char *
rally(double *trips, size_t n, bool sleeping)
{
	size_t bytes = sizeof(struct rally) + n * sizeof(double);
	struct rally *r = shared_new(bytes);
	const char *why;

	r->sleeping = sleeping;
	r->n = n;
	why = crew_run(rally_member, r, 2, true, TIMEOUT_S);
	memcpy(trips, r->trips, n * sizeof(double));
	shared_free(r, bytes);
	return why;
}

const char *
limit_line(double *trips, size_t n)
{
	return rally(trips, n, false);
}

const char *
limit_futex(double *trips, size_t n)
{
	return rally(trips, n, true);
}
