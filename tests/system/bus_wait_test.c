/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bus_wait_test.c - sleeping and being woken; descriptors for event loops
 *
 * Where a test says that somebody was woken, it waits for as long as it takes,
 * and then looks at the counters: a sleep that ended by itself, after a
 * second, is not counted as a wake-up.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <atomic_ops.h>

#include <cmocka.h>

#include "tests/lib/busdir.h"
#include "shmbus/format.h"
#include "tests/lib/mapped.h"

#define MS 1000000ll
#define FOR_EVER (-1)

/* An attachment that waits in a thread of its own. */
struct waiter {
	struct shmbus *b;
	pthread_t thread;
	int64_t timeout;
	atomic_int done; /* how often wait() has returned */
	int error;
	bool receive; /* until there is something to receive */
	struct mark m;
};

static void *
waiting(void *arg)
{
	struct waiter *w = arg;

	do {
		w->error = shmbus_wait(w->b, w->timeout);
		atomic_fetch_add(&w->done, 1);
	} while (w->receive && w->error == 0 &&
	    bus_recv(w->b, &w->m, NULL) == EAGAIN);
	return NULL;
}

/* Starts W, and waits until it sleeps. */
static void
start(struct waiter *w, struct shmbus *b, int64_t timeout, bool receive,
    const struct map *map)
{
	memset(w, 0, sizeof(*w));
	w->b = b;
	w->timeout = timeout;
	w->receive = receive;
	assert_int_equal(pthread_create(&w->thread, NULL, waiting, w), 0);
	if (map != NULL)
		while (!map_sleeping(map, (unsigned)shmbus_index(b)))
			nap_ms(1);
	/* Its mark is there a moment before it sleeps. */
	nap_ms(2);
}

static int
finish(struct waiter *w)
{
	pthread_join(w->thread, NULL);
	return w->error;
}

static uint64_t
wakeups(struct shmbus *b)
{
	struct shmbus_stats st;

	shmbus_stats(b, &st);
	return st.wakeups;
}

static uint64_t
rung(struct shmbus *b)
{
	struct shmbus_stats st;

	shmbus_stats(b, &st);
	return st.rung;
}

/* Time runs out, neither early nor for ever; what is there is seen at once. */
static void
test_timeout(void **state)
{
	static const int64_t times[] = { 0, 1, 1000, 3 * MS, 40 * MS,
		1100 * MS };
	const char *path = bus_new(1500, 16);
	struct shmbus *a = bus_join(path, 1, 0);
	struct shmbus *b = bus_join(path, 2, 0);
	struct shmbus *r = bus_join(path, 3, SHMBUS_RDONLY);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		uint64_t begin = clock_now();

		assert_int_equal(shmbus_wait(b, times[i]), ETIMEDOUT);
		assert_true(clock_now() - begin >= (uint64_t)times[i]);
		if (i < 5)
			assert_int_equal(shmbus_wait(r, times[i]), ETIMEDOUT);
	}
	assert_int_equal(bus_send(a, 1, 2, 1, 60), 0);
	for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		assert_int_equal(shmbus_wait(b, times[i]), 0);
		assert_int_equal(shmbus_wait(r, times[i]), 0);
	}
	assert_int_equal(shmbus_wait(b, FOR_EVER), 0);
	assert_int_equal(shmbus_wait(b, INT64_MAX), 0);
	/* One's own, and what is for others, is nothing to wake up for. */
	assert_int_equal(shmbus_wait(a, 0), ETIMEDOUT);
	assert_int_equal(wakeups(b), 0);
	shmbus_detach(a);
	shmbus_detach(b);
	shmbus_detach(r);
}

/* Who is addressed is woken, and nobody else. */
static void
test_addressed(void **state)
{
	const char *path = bus_new(1500, 64);
	struct map map = map_open(path);
	struct shmbus *a = bus_join(path, 1, 0);
	struct shmbus *b[4];
	struct waiter w[4];
	uint64_t calls;
	unsigned i;

	(void)state;
	for (i = 0; i < 4; i++)
		b[i] = bus_join(path, 10 + i, i == 3 ? SHMBUS_PROMISC : 0);
	for (i = 0; i < 4; i++)
		start(&w[i], b[i], FOR_EVER, true, &map);
	/* For nobody: only the promiscuous one is woken. */
	calls = rung(a);
	assert_int_equal(bus_send(a, 1, TO_NOBODY, 1, 60), 0);
	finish(&w[3]);
	assert_int_equal(w[3].m.serial, 1);
	assert_int_equal(wakeups(b[3]), 1);
	assert_int_equal(rung(a) - calls, 1);
	/* For one: that one. */
	calls = rung(a);
	assert_int_equal(bus_send(a, 1, 11, 2, 60), 0);
	finish(&w[1]);
	assert_int_equal(w[1].m.serial, 2);
	assert_int_equal(wakeups(b[1]), 1);
	assert_int_equal(rung(a) - calls, 1);
	/* Those who are left have slept all the time. */
	assert_int_equal(bus_send(a, 1, 999, 3, 60), 0);
	nap_ms(20);
	assert_int_equal(w[0].done + w[2].done, 0);
	assert_int_equal(wakeups(b[0]) + wakeups(b[2]), 0);
	assert_int_equal(rung(a) - calls, 1);
	/* For all: those too. */
	assert_int_equal(bus_send(a, 1, TO_GROUP, 4, 60), 0);
	finish(&w[0]);
	finish(&w[2]);
	assert_int_equal(w[0].m.serial, 4);
	assert_int_equal(w[2].m.serial, 4);
	assert_int_equal(wakeups(b[0]), 1);
	assert_int_equal(wakeups(b[2]), 1);
	assert_int_equal(rung(a) - calls, 3);
	/* What they slept through was not lost. */
	for (i = 0; i < 4; i++) {
		struct shmbus_stats st;

		bus_drain(b[i]);
		shmbus_stats(b[i], &st);
		assert_int_equal(st.rx_lost, 0);
		assert_int_equal(st.rx_frames + st.rx_skipped, 4);
		shmbus_detach(b[i]);
	}
	shmbus_detach(a);
	map_close(&map);
}

/* A new address, or mode, holds for one who sleeps already. */
static void
test_set_while_waiting(void **state)
{
	const char *path = bus_new(1500, 64);
	struct map map = map_open(path);
	struct shmbus *a = bus_join(path, 1, 0);
	struct shmbus *b = bus_join(path, 2, 0);
	struct shmbus *c = bus_join(path, 3, 0);
	struct waiter w, other;
	uint8_t mac[6];
	unsigned i;

	(void)state;
	/* With one asleep all the time, the sender looks everybody up. */
	start(&other, c, FOR_EVER, true, &map);
	for (i = 0; i < 10; i++) {
		unsigned to = 100 + i;

		/* The sender has looked up who that is, in vain. */
		assert_int_equal(bus_send(a, 1, to, 1, 60), 0);
		assert_int_equal(bus_drain(b), 0);
		start(&w, b, FOR_EVER, true, &map);
		assert_int_equal(bus_send(a, 1, to + 50, 2, 60), 0);
		frame_mac(to, mac);
		assert_int_equal(shmbus_set_mac(b, mac), 0);
		assert_int_equal(bus_send(a, 1, to, 3, 60), 0);
		finish(&w);
		assert_int_equal(w.m.serial, 3);
		start(&w, b, FOR_EVER, true, &map);
		assert_int_equal(shmbus_set_promisc(b, 1), 0);
		assert_int_equal(bus_send(a, 1, TO_NOBODY, 4, 60), 0);
		finish(&w);
		assert_int_equal(w.m.serial, 4);
		assert_int_equal(shmbus_set_promisc(b, 0), 0);
		assert_int_equal(wakeups(b), 2 * (i + 1));
	}
	shmbus_wake(c);
	assert_int_equal(finish(&other), ECANCELED);
	shmbus_detach(c);
	shmbus_detach(a);
	shmbus_detach(b);
	map_close(&map);
}

/* Somebody else makes it stop waiting, before it begins or while it does. */
static void
test_wake(void **state)
{
	const char *path = bus_new(1500, 16);
	struct map map = map_open(path);
	struct shmbus *a = bus_join(path, 1, 0);
	struct shmbus *b = bus_join(path, 2, 0);
	struct waiter w;
	unsigned i;

	(void)state;
	shmbus_wake(b);
	shmbus_wake(b);
	assert_int_equal(shmbus_wait(b, FOR_EVER), ECANCELED);
	assert_int_equal(shmbus_wait(b, 0), ETIMEDOUT);
	for (i = 0; i < 200; i++) {
		start(&w, b, FOR_EVER, false, i % 4 == 0 ? &map : NULL);
		shmbus_wake(b);
		assert_int_equal(finish(&w), ECANCELED);
	}
	/* A frame comes first, and the wake is not forgotten. */
	shmbus_wake(b);
	assert_int_equal(bus_send(a, 1, 2, 1, 60), 0);
	assert_int_equal(shmbus_wait(b, FOR_EVER), 0);
	bus_drain(b);
	assert_int_equal(shmbus_wait(b, FOR_EVER), ECANCELED);
	shmbus_detach(a);
	shmbus_detach(b);
	map_close(&map);
}

/*
 * A sender was stopped after it had marked the sleeper as woken, and before it
 * woke it.  The next one does not rely on it.
 */
static void
test_stopped_ringer(void **state)
{
	const char *path = bus_new(1500, 16);
	struct map map = map_open(path);
	struct shmbus *a = bus_join(path, 1, 0);
	struct shmbus *b = bus_join(path, 2, 0);
	struct waiter w;
	uint64_t calls = rung(a);

	(void)state;
	start(&w, b, FOR_EVER, true, &map);
	AO_fetch_and_add1_full(&map.att[shmbus_index(b)].door);
	assert_int_equal(bus_send(a, 1, 2, 1, 60), 0);
	/* It called; whether that was in time is not for a test to say. */
	assert_int_equal(rung(a) - calls, 1);
	finish(&w);
	assert_int_equal(w.m.serial, 1);
	/* The same for shmbus_wake(). */
	start(&w, b, FOR_EVER, false, &map);
	AO_fetch_and_add1_full(&map.att[shmbus_index(b)].door);
	shmbus_wake(b);
	assert_int_equal(finish(&w), ECANCELED);
	shmbus_detach(a);
	shmbus_detach(b);
	map_close(&map);
}

/* A wake-up that never comes costs no more than about a second (I6). */
static void
test_lost_wakeup(void **state)
{
	const char *path = bus_new(1500, 16);
	struct map map = map_open(path);
	struct shmbus *a = bus_join(path, 1, 0);
	struct shmbus *b = bus_join(path, 2, 0);
	struct waiter w;

	(void)state;
	start(&w, b, FOR_EVER, true, &map);
	/* Its mark is gone: nobody rings. */
	AO_store(&map.hdr->sleeping[0], 0);
	assert_int_equal(bus_send(a, 1, 2, 1, 60), 0);
	assert_int_equal(rung(a), 0);
	finish(&w);
	assert_int_equal(w.m.serial, 1);
	assert_int_equal(wakeups(b), 0);
	shmbus_detach(a);
	shmbus_detach(b);
	map_close(&map);
}

/*
 * Who holds a slot will ring.  So one who sleeps does not get up for it, and
 * does not give up on it, unless something may be hidden behind.
 */
static void
test_pending(void **state)
{
	const char *path = bus_new(1500, 16);
	struct map map = map_open(path);
	struct shmbus *a = bus_join(path, 1, 0);
	struct shmbus *b = bus_join(path, 2, 0);
	struct shmbus *c = bus_join(path, 3, 0);
	unsigned kept = 0;
	struct waiter w;
	unsigned i;
	void *at;

	(void)state;
	for (i = 1; i <= 20; i++) {
		assert_int_equal(shmbus_reserve(a, 60, &at), 0);
		frame_make(at, 60, 2, 1, i);
		start(&w, b, FOR_EVER, true, &map);
		nap_ms(20);
		/* It may have been held up on its way to sleep. */
		if (shmbus_commit(a, 60) == 0)
			kept++;
		else
			assert_int_equal(bus_send(a, 1, 2, i, 60), 0);
		finish(&w);
		assert_int_equal(w.m.serial, i);
	}
	assert_true(kept != 0);
	/* But what is hidden comes. */
	assert_int_equal(shmbus_reserve(a, 60, &at), 0);
	assert_int_equal(bus_send(c, 3, 2, i, 60), 0);
	start(&w, b, FOR_EVER, true, NULL);
	finish(&w);
	assert_int_equal(w.m.serial, i);
	assert_int_equal(shmbus_commit(a, 60), SHMBUS_EGIVENUP);
	shmbus_detach(a);
	shmbus_detach(b);
	shmbus_detach(c);
	map_close(&map);
}

/* ---- two processes ------------------------------------------------------ */

#define ROUNDS 3000u

/* Answers every frame to unit 2 with one to unit 1. */
static int
answer(void *arg)
{
	struct shmbus *b = bus_join(arg, 2, 0);
	unsigned i;

	for (i = 1; i <= ROUNDS; i++) {
		struct mark m;

		while (bus_recv(b, &m, NULL) == EAGAIN) {
			int error = shmbus_wait(b, FOR_EVER);

			if (error != 0)
				return 1;
		}
		if (m.serial != i || bus_send(b, 2, 1, i, 60) != 0)
			return 2;
	}
	shmbus_detach(b);
	return 0;
}

/* Not one of many wake-ups between two processes is missed. */
static void
dialogue(int32_t spin_us)
{
	const char *path = bus_new(1500, 64);
	struct shmbus_options opt = { .spin_us = spin_us };
	struct shmbus *a;
	struct shmbus_peer p[2];
	unsigned slept = 0;
	unsigned i, n;
	pid_t pid;

	frame_mac(1, opt.mac);
	assert_int_equal(shmbus_attach(path, &opt, &a), 0);
	pid = child_start(answer, (void *)(uintptr_t)path);
	do {
		nap_ms(1);
		assert_int_equal(shmbus_list(a, p, 2, &n), 0);
	} while (n < 2);
	for (i = 1; i <= ROUNDS; i++) {
		struct mark m;

		assert_int_equal(bus_send(a, 1, 2, i, 60), 0);
		while (bus_recv(a, &m, NULL) == EAGAIN) {
			uint64_t begin = clock_now();

			assert_int_equal(shmbus_wait(a, 60000 * MS), 0);
			/* A second is what a lost one costs. */
			slept += clock_now() - begin > 950 * MS;
		}
		assert_int_equal(m.serial, i);
	}
	assert_int_equal(child_end(pid), 0);
	/* (A machine under load may stop us for that long, too.) */
	assert_in_range(slept, 0, 2);
	shmbus_detach(a);
}

static void
test_dialogue(void **state)
{
	(void)state;
	dialogue(-1);
	dialogue(0);
}

/* ---- descriptors -------------------------------------------------------- */

/* Receives all there is at FD, as shmbus.h says how.  Returns how many. */
static unsigned
serve(struct shmbus *b, int fd, int timeout, uint64_t *last)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	unsigned n = 0;
	struct mark m;

	if (poll(&p, 1, timeout) == 0)
		return 0;
	while (bus_recv(b, &m, NULL) == 0) {
		assert_true(m.serial > *last);
		*last = m.serial;
		n++;
	}
	shmbus_fd_done(b);
	return n;
}

static void
test_fd(void **state)
{
	const char *path = bus_new(1500, 64);
	struct shmbus *a = bus_join(path, 1, 0);
	struct shmbus *b = bus_join(path, 2, 0);
	uint8_t mac[6];
	struct pollfd p;
	uint64_t last = 0;
	struct mark m;
	int fd, again;
	unsigned i;

	(void)state;
	assert_int_equal(shmbus_fd(b, &fd), 0);
	assert_int_equal(shmbus_fd(b, &again), 0);
	assert_int_equal(fd, again);
	assert_int_equal(shmbus_wait(b, 0), EBUSY);
	/* Nothing there: not readable, and nothing to receive. */
	shmbus_fd_done(b); /* the first one starts the thread */
	p = (struct pollfd){ .fd = fd, .events = POLLIN };
	assert_int_equal(poll(&p, 1, 20), 0);
	assert_int_equal(bus_recv(b, &m, NULL), EAGAIN);
	shmbus_fd_done(b); /* too often does no harm */
	for (i = 1; i <= 300; i++) {
		assert_int_equal(bus_send(a, 1, 2, i, 60), 0);
		if (i % 7 == 0)
			assert_int_equal(bus_send(a, 1, TO_NOBODY, i, 60), 0);
		while (last < i)
			serve(b, fd, -1, &last);
	}
	/* Readable until it is done with, however often it is polled. */
	assert_int_equal(bus_send(a, 1, 2, ++i, 60), 0);
	assert_int_equal(poll(&p, 1, -1), 1);
	assert_int_equal(poll(&p, 1, -1), 1);
	assert_int_equal(bus_recv(b, &m, NULL), 0);
	assert_int_equal(poll(&p, 1, -1), 1);
	shmbus_fd_done(b);
	assert_int_equal(poll(&p, 1, 20), 0);
	/* Another address while the helper waits. */
	frame_mac(77, mac);
	assert_int_equal(shmbus_set_mac(b, mac), 0);
	assert_int_equal(bus_send(a, 1, 77, ++i, 60), 0);
	while (last < i)
		serve(b, fd, -1, &last);
	/* One who is to be woken finds it readable. */
	shmbus_wake(b);
	assert_int_equal(poll(&p, 1, -1), 1);
	assert_int_equal(bus_recv(b, &m, NULL), EAGAIN);
	shmbus_fd_done(b);
	/* Leaving while it is readable, and while the helper waits. */
	assert_int_equal(bus_send(a, 1, 77, ++i, 60), 0);
	assert_int_equal(poll(&p, 1, -1), 1);
	shmbus_detach(b);
	b = bus_join(path, 2, SHMBUS_RDONLY);
	assert_int_equal(shmbus_fd(b, &fd), 0);
	assert_int_equal(bus_send(a, 1, TO_NOBODY, ++i, 60), 0);
	while (last < i)
		serve(b, fd, -1, &last);
	shmbus_detach(b);
	shmbus_detach(a);
}

struct stream {
	const char *path;
	unsigned n;
};

/* Sends N frames in bursts, so that the other side sleeps in between. */
static int
send_bursts(void *arg)
{
	const struct stream *s = arg;
	struct shmbus *a = bus_join(s->path, 1, 0);
	uint64_t seed = random_seed();
	unsigned i = 0;

	while (i < s->n) {
		unsigned burst = 1 + random_below(&seed, 4);
		volatile unsigned pause = random_below(&seed, 60000);

		while (burst-- > 0 && i < s->n)
			if (bus_send(a, 1, 2, ++i, 60) != 0)
				return 1;
		while (pause-- > 0)
			;
	}
	shmbus_detach(a);
	return 0;
}

/*
 * Many rounds of an event loop against a sender at all phases.  With a lost
 * wake-up, the last frame would come a second late at best, and here, where
 * the mark of sleep is what is waited for, the loop would hang for ever
 * without the helper's look every second; so what is late is counted.
 */
static void
test_fd_rounds(void **state)
{
	struct stream s = { .path = bus_new(1500, 4096), .n = 4000 };
	struct shmbus *b = bus_join(s.path, 2, 0);
	uint64_t last = 0;
	unsigned late = 0;
	pid_t pid;
	int fd;

	(void)state;
	assert_int_equal(shmbus_fd(b, &fd), 0);
	pid = child_start(send_bursts, &s);
	while (last < s.n) {
		uint64_t begin = clock_now();

		serve(b, fd, 60000, &last);
		late += clock_now() - begin > 950 * MS;
	}
	assert_int_equal(child_end(pid), 0);
	assert_in_range(late, 0, 2);
	shmbus_detach(b);
}

int
main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, busdir_before, busdir_after)
	const struct CMUnitTest tests[] = {
		TEST(test_timeout),
		TEST(test_addressed),
		TEST(test_set_while_waiting),
		TEST(test_wake),
		TEST(test_stopped_ringer),
		TEST(test_lost_wakeup),
		TEST(test_pending),
		TEST(test_dialogue),
		TEST(test_fd),
		TEST(test_fd_rounds),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, busdir_make, busdir_remove);
}
