/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bus_scribble_test.c - one write to the table, the maps or the tail, and no
 * more: the bus recovers
 *
 * Environment: SEED.
 *
 * slow: 15
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/lib/crew.h"
#include "tests/lib/liar.h"
#include "tests/lib/mapped.h"
#include "tests/lib/stamp.h"

#define SLOTS 16u
#define WORDS (FORMAT_ATTACHMENT_SIZE / 8)
#define SENDER 0u
#define SLEEPER 1u
#define POLLER 2u
#define TRIES 8u

static const uint64_t values[] = { 0, 1, 2, 0x0266000000010001, 1ull << 63,
	~0ull, ~0ull - 1 };
#define VALUES (sizeof(values) / sizeof(values[0]))

/* ---- the table and the maps --------------------------------------------- */

struct pair {
	struct shmbus *s, *r, *p;
	struct map map;
};

static void
pair_open(struct pair *p)
{
	struct shmbus_options o = { .spin_us = -1, .name = "sleeper" };

	crew_bus("bus", SLOTS, 0);
	p->map = map_open(crew_path("bus"));
	p->s = crew_attach(crew_path("bus"), 1, 0);
	stamp_mac(o.mac, 2);
	must(shmbus_attach(crew_path("bus"), &o, &p->r) == 0);
	p->p = crew_attach(crew_path("bus"), 3, 0);
}

static void
pair_close(struct pair *p)
{
	shmbus_detach(p->s);
	shmbus_detach(p->r);
	shmbus_detach(p->p);
	map_close(&p->map);
}

static uint64_t
wakeups(struct shmbus *b)
{
	struct shmbus_stats st;

	shmbus_stats(b, &st);
	return st.wakeups;
}

static void
drain(struct shmbus *b)
{
	uint8_t buf[2000];

	while (shmbus_recv(b, buf, sizeof(buf), NULL) == 0)
		;
}

static void *
sleeps(void *b)
{
	shmbus_wait(b, 1500000000);
	return NULL;
}

/*
 * R goes to sleep, and S sends it a frame.  Returns whether R was woken for it;
 * it wakes by itself after a second, which is not counted.
 */
static bool
is_woken(const struct pair *p)
{
	uint8_t frame[60] = { 0 };
	pthread_t thread;
	uint64_t before;

	stamp_mac(frame, 2);
	drain(p->r);
	before = wakeups(p->r);
	must(pthread_create(&thread, NULL, sleeps, p->r) == 0);
	while (!map_sleeping(&p->map, SLEEPER) && wakeups(p->r) == before)
		crew_nap(100000);
	crew_nap(2000000);
	must(shmbus_send(p->s, frame, sizeof(frame)) == 0);
	pthread_join(thread, NULL);
	drain(p->r); /* for that shows its counters */
	return wakeups(p->r) != before;
}

/* The last tries must all succeed. */
static void
must_wake(const struct pair *p, const char *what, unsigned at, uint64_t value)
{
	unsigned tries, good = 0;

	for (tries = 0; tries < TRIES && good < 3; tries++)
		good = is_woken(p) ? good + 1 : 0;
	if (good < 3)
		complain("%s %u = %#llx: it is not woken any more", what, at,
		    (unsigned long long)value);
}

/* Whether the table shows what R and P have told it. */
static bool
is_right(const struct pair *p)
{
	struct shmbus_peer peers[SHMBUS_ATTACH_MAX];
	uint8_t mac[6];
	unsigned n, i, right = 0;

	must(shmbus_list(p->r, peers, SHMBUS_ATTACH_MAX, &n) == 0);
	for (i = 0; i < n; i++) {
		if (peers[i].index != SLEEPER && peers[i].index != POLLER)
			continue;
		stamp_mac(mac, peers[i].index + 1);
		right += memcmp(mac, peers[i].mac, 6) == 0 &&
		    peers[i].pid == getpid() && peers[i].promisc == 0 &&
		    peers[i].since_ns > 1600000000ull * 1000000000 &&
		    (peers[i].index != SLEEPER ||
			strcmp(peers[i].name, "sleeper") == 0);
	}
	return right == 2;
}

/* One write to each word of an entry: by and by all is as it was. */
static void
test_entry(void **state)
{
	unsigned at, i, tries;

	(void)state;
	for (i = 0; i < VALUES && !complained(); i++) {
		struct pair p;

		pair_open(&p);
		must(is_woken(&p));
		/* First what decides who is woken, then all the rest. */
		for (at = 0; at < 10; at += at == 0 ? 8 : 1) {
			AO_store((AO_t *)&p.map.att[SLEEPER] + at, values[i]);
			AO_fetch_and_add1_full(&p.map.hdr->changes);
			must_wake(&p, "entry word", at, values[i]);
		}
		for (at = 0; at < WORDS; at++) {
			AO_store((AO_t *)&p.map.att[SLEEPER] + at, values[i]);
			AO_store((AO_t *)&p.map.att[POLLER] + at, values[i]);
		}
		must_wake(&p, "entry, all of it", 0, values[i]);
		for (tries = 0; tries < 300 && !is_right(&p); tries++) {
			unsigned k;

			shmbus_wait(p.r, 10000000);
			for (k = 0; k < 2000; k++)
				drain(p.p); /* it never waits */
		}
		if (!is_right(&p))
			complain("%#llx: the entry stays wrong",
			    (unsigned long long)values[i]);
		pair_close(&p);
	}
	check();
}

/*
 * One write to a map: who is asleep is woken, and nobody else is rung for.  A bit
 * of a number that nobody has, or of one who does not sleep, would make everybody
 * examine the table for each frame, for ever.
 */
static void
test_maps(void **state)
{
	unsigned w, i, tries;

	(void)state;
	for (i = 0; i < VALUES && !complained(); i++) {
		struct pair p;
		AO_t any = 0, promisc = 0;

		pair_open(&p);
		for (w = 0; w < FORMAT_MAP_WORDS; w++) {
			AO_store(&p.map.hdr->sleeping[w], values[i]);
			AO_store(&p.map.hdr->promisc[w], values[i]);
		}
		AO_store(&p.map.hdr->changes, values[i]);
		must_wake(&p, "maps", 0, values[i]);
		for (tries = 0; tries < 1000; tries++) {
			uint8_t frame[60] = { 2, 9 };
			unsigned k;

			for (k = 0; k < 2000; k++)
				drain(p.p);
			/* S does nothing but send. */
			must(shmbus_send(p.s, frame, sizeof(frame)) == 0);
			shmbus_wait(p.r, 10000000);
			drain(p.r);
			for (any = promisc = w = 0; w < FORMAT_MAP_WORDS; w++) {
				any |= AO_load(&p.map.hdr->sleeping[w]);
				promisc |= AO_load(&p.map.hdr->promisc[w]);
			}
			if (any == 0 && (promisc & ~(AO_t)1) == 0)
				break;
		}
		if (any != 0 || (promisc & ~(AO_t)1) != 0)
			complain("%#llx: bits stay set: %#lx, %#lx",
			    (unsigned long long)values[i], (unsigned long)any,
			    (unsigned long)promisc);
		pair_close(&p);
	}
	check();
}

/* The count of changes is set to what a sender has remembered. */
static void
test_changes(void **state)
{
	struct pair p;
	uint8_t mac[6];
	AO_t changes;

	(void)state;
	pair_open(&p);
	stamp_mac(mac, 7);
	must(shmbus_set_mac(p.r, mac) == 0);
	must(!is_woken(&p)); /* S remembers that it is for nobody */
	changes = AO_load(&p.map.hdr->changes);
	stamp_mac(mac, 2);
	must(shmbus_set_mac(p.r, mac) == 0);
	AO_store(&p.map.hdr->changes, changes);
	must_wake(&p, "changes", 0, changes);
	pair_close(&p);
	check();
}

/* ---- the tail ----------------------------------------------------------- */

/*
 * One write to the tail, on a bus whose slots are zeros and on one that was in
 * use: frames get through to who was there, to one who comes then, and to one
 * who may only read.
 */
static void
one_tail(uint64_t tail, unsigned used)
{
	struct shmbus *s, *r, *o, *late;
	struct shmbus_stats st;
	uint64_t number = 0, gave_up;
	struct map map;
	unsigned i;

	crew_bus("bus", SLOTS, 0);
	map = map_open(crew_path("bus"));
	s = crew_attach(crew_path("bus"), 1, 0);
	r = crew_attach(crew_path("bus"), 2, 0);
	o = crew_attach(crew_path("bus"), 3, SHMBUS_RDONLY);
	for (i = 0; i < used; i++) {
		uint8_t frame[60] = { 0xff };

		must(shmbus_send(s, frame, sizeof(frame)) == 0);
		drain(r);
		drain(o);
	}
	AO_store(&map.hdr->tail, tail);
	late = crew_attach(crew_path("bus"), 4, 0);
	if (!recovers(s, r, 6, &number))
		complain("tail %#llx, %u: who was there", (long long)tail,
		    used);
	if (!recovers(s, late, 6, &number))
		complain("tail %#llx, %u: who came", (long long)tail, used);
	if (!recovers(s, o, 6, &number))
		complain("tail %#llx, %u: who reads", (long long)tail, used);
	if (!recovers(late, r, 6, &number))
		complain("tail %#llx, %u: from who came", (long long)tail,
		    used);
	/* From here on nobody has to be given up on. */
	shmbus_stats(r, &st);
	gave_up = st.gave_up;
	must(recovers(s, r, 1, &number));
	shmbus_stats(r, &st);
	must(st.gave_up == gave_up);
	shmbus_detach(s);
	shmbus_detach(r);
	shmbus_detach(o);
	shmbus_detach(late);
	map_close(&map);
	must_recover(crew_path("bus"), "one write to the tail");
}

static void
test_tail(void **state)
{
	static const uint64_t tails[] = { 0, 1, SLOTS - 1, SLOTS, SLOTS + 1,
		3 * SLOTS, 1000, 1ull << 32, 1ull << 52, (1ull << 52) - 1,
		(1ull << 52) - 40, 1ull << 63, (1ull << 63) - 5, ~0ull,
		~0ull - 1, ~0ull - SLOTS, ~0ull - 5 * SLOTS, ~0ull - 255 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		one_tail(tails[i], 0);
		one_tail(tails[i], 3);
		one_tail(tails[i], 3 * SLOTS);
	}
	check();
}

/* In lap 0 nobody has to wait for anybody: it is skipped at once, by all. */
static void
test_lap_0(void **state)
{
	struct shmbus *s, *r, *o;
	struct shmbus_stats st;
	uint64_t number = 0;
	struct map map;

	(void)state;
	crew_bus("bus", SLOTS, 0);
	map = map_open(crew_path("bus"));
	s = crew_attach(crew_path("bus"), 1, 0);
	r = crew_attach(crew_path("bus"), 2, 0);
	o = crew_attach(crew_path("bus"), 3, SHMBUS_RDONLY);
	AO_store(&map.hdr->tail, 0);
	must(recovers(s, r, 1, &number));
	drain(o);
	shmbus_stats(r, &st);
	must(st.gave_up == 0);
	must(st.rx_bad == 0);
	must(st.rx_frames == SLOTS);
	shmbus_stats(o, &st);
	must(st.gave_up == 0);
	must(st.rx_frames == SLOTS);
	/* Also the one that was there, when the tail is put back. */
	AO_store(&map.hdr->tail, 3);
	must(recovers(s, r, 2, &number));
	shmbus_stats(r, &st);
	must(st.gave_up == 0);
	must(AO_load(&map.hdr->tail) < 5 * SLOTS);
	shmbus_detach(s);
	shmbus_detach(r);
	shmbus_detach(o);
	map_close(&map);
	check();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entry),
		cmocka_unit_test(test_maps),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_tail),
		cmocka_unit_test(test_lap_0),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, crew_begin, crew_end);
}
