/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bus_loss_test.c - received + skipped + lost = sent, to the frame (I4)
 *
 * The rare cases: a frame that was hidden when its reader went to sleep; a
 * number that is taken again after its owner was killed in the middle of
 * sending; a sender that is stopped before it has counted.  Where a process
 * would have to be killed or stopped between two instructions, its count in
 * the table is put back instead: that is what the others would see.
 *
 * Environment: SEED.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/crew.h"
#include "tests/lib/mapped.h"
#include "tests/lib/stamp.h"

#define SLOTS 16u
#define LEN 1000u /* two do not share a slot */

static uint8_t to_all[LEN], to_nobody[LEN];

static void
frames(void)
{
	memset(to_all, 0xff, 6);
	memset(to_nobody, 0x02, 6);
}

static void
send_n(struct shmbus *b, const uint8_t *frame, unsigned n)
{
	while (n-- > 0)
		must(shmbus_send(b, frame, LEN) == 0);
}

/* Receives until there is nothing. */
static void
drain(struct shmbus *b)
{
	uint8_t buf[LEN];

	while (shmbus_recv(b, buf, sizeof(buf), NULL) == 0)
		;
}

/* What B has counted of others' frames. */
static uint64_t
sum(struct shmbus *b)
{
	struct shmbus_stats st;

	shmbus_stats(b, &st);
	return st.rx_frames + st.rx_skipped + st.rx_lost;
}

/* ---- hidden behind a pending position ----------------------------------- */

static void *
wait_briefly(void *b)
{
	shmbus_wait(b, 20000000);
	return NULL;
}

/*
 * X sleeps; a frame for it is there, hidden behind the position of a stopped
 * writer, so that nobody rings.  If it is overwritten meanwhile, X has lost it:
 * it was not passed over as a frame for others.
 */
static void
test_hidden(void **state)
{
	unsigned rounds = crew_scale(60);
	unsigned i;

	(void)state;
	frames();
	for (i = 0; i < rounds && !complained(); i++) {
		struct shmbus_options none = { .spin_us = -1 };
		struct shmbus_stats st;
		struct shmbus *x, *stopped, *w;
		pthread_t thread;
		void *data;

		crew_bus("bus", SLOTS, 0);
		must(shmbus_attach(crew_path("bus"), &none, &x) == 0);
		stopped = crew_attach(crew_path("bus"), 1, 0);
		w = crew_attach(crew_path("bus"), 2, 0);
		must(shmbus_reserve(stopped, 60, &data) == 0);
		send_n(w, to_all, 1);
		must(pthread_create(&thread, NULL, wait_briefly, x) == 0);
		crew_nap(300000 + i * 20000);
		send_n(w, to_nobody, SLOTS + SLOTS / 2);
		pthread_join(thread, NULL);
		drain(x);
		shmbus_stats(x, &st);
		if (st.rx_frames + st.rx_lost == 0)
			complain("round %u: a frame for it was skipped", i);
		must(sum(x) == 1 + SLOTS + SLOTS / 2);
		shmbus_detach(x);
		shmbus_detach(stopped);
		shmbus_detach(w);
	}
	check();
}

/* ---- a number taken again ----------------------------------------------- */

#define BEFORE 5u

struct victim {
	char path[256];
	unsigned last; /* frames in its last call */
	_Atomic uint64_t sent;
};

static void
victim(void *arg)
{
	struct victim *v = arg;
	struct shmbus *b = crew_attach(v->path, 9, 0);
	struct iovec iov[64];
	unsigned i;

	send_n(b, to_all, BEFORE);
	for (i = 0; i < v->last; i++) {
		iov[i].iov_base = to_all;
		iov[i].iov_len = LEN;
	}
	must(shmbus_send_batch(b, iov, v->last, NULL) == 0);
	atomic_store(&v->sent, BEFORE + v->last);
	for (;;)
		crew_nap(1000000000);
}

/*
 * An owner is killed after it has published LAST frames that it has not
 * counted; they are overwritten, and then its number is taken again, DEATHS
 * times.  SEES read the frames, LOSES did not.
 */
static void
taken_again(unsigned last, unsigned deaths)
{
	struct victim *v = crew_shared(sizeof(*v));
	struct shmbus *sees, *loses, *w, *next;
	uint64_t sent = 0, uncounted = 0;
	struct map map;
	unsigned i, n = 0;

	crew_bus("bus", SLOTS, 0);
	snprintf(v->path, sizeof(v->path), "%s", crew_path("bus"));
	map = map_open(v->path);
	sees = crew_attach(v->path, 1, 0);
	loses = crew_attach(v->path, 2, 0);
	w = crew_attach(v->path, 3, 0);
	v->last = last;
	for (i = 0; i < deaths; i++) {
		pid_t pid;

		atomic_store(&v->sent, 0);
		pid = crew_start(victim, v);
		crew_await(&v->sent, 1);
		crew_kill(pid);
		sent += BEFORE + last;
		uncounted += last;
		AO_store(&map.att[3].tx_seq, map.att[3].tx_seq - last);
		drain(sees);
		for (n = 0; n < 2 * SLOTS; n++) {
			send_n(w, to_all, 1);
			drain(sees);
		}
		sent += n;
	}
	next = crew_attach(v->path, 9, 0);
	must(shmbus_index(next) == 3);
	/* Nobody reads these before they are overwritten. */
	send_n(next, to_all, 3);
	send_n(w, to_all, 2 * SLOTS);
	sent += 3 + 2 * SLOTS;
	drain(sees);
	drain(loses);
	if (deaths == 1 && sum(sees) != sent)
		complain("%u sent, %u of them not counted; who saw these "
			 "counts %u",
		    (unsigned)sent, last, (unsigned)sum(sees));
	/* The bound: frames that nobody counted and that are overwritten. */
	if (sum(sees) > sent || sum(sees) + uncounted < sent ||
	    sum(loses) > sent || sum(loses) + uncounted < sent)
		complain("%u sent, %u of them not counted: %u and %u",
		    (unsigned)sent, (unsigned)uncounted, (unsigned)sum(sees),
		    (unsigned)sum(loses));
	/* From here on both are exact. */
	i = (unsigned)(sum(sees) - sum(loses));
	send_n(next, to_all, 5 * SLOTS);
	drain(sees);
	drain(loses);
	must((unsigned)(sum(sees) - sum(loses)) == i);
	shmbus_detach(next);
	shmbus_detach(w);
	shmbus_detach(sees);
	shmbus_detach(loses);
	map_close(&map);
}

static void
test_taken_again(void **state)
{
	unsigned last, deaths;

	(void)state;
	frames();
	for (last = 1; last <= 8; last++)
		for (deaths = 1; deaths <= 3; deaths++)
			taken_again(last, deaths);
	check();
}

/* ---- stopped before it has counted -------------------------------------- */

/*
 * A sender is stopped after it has published and before it has counted.  A
 * reader that only polls is exact at the first EAGAIN after the sender went on,
 * however often it has polled before.
 */
static void
test_poller(void **state)
{
	static const unsigned polls[] = { 0, 1, 63, 64, 65, 1000 };
	size_t i;

	(void)state;
	frames();
	for (i = 0; i < sizeof(polls) / sizeof(polls[0]); i++) {
		struct shmbus *r, *stopped, *w;
		struct map map;
		unsigned k;

		crew_bus("bus", SLOTS, 0);
		map = map_open(crew_path("bus"));
		r = crew_attach(crew_path("bus"), 1, 0);
		stopped = crew_attach(crew_path("bus"), 2, 0);
		w = crew_attach(crew_path("bus"), 3, 0);
		send_n(stopped, to_all, 4);
		AO_store(&map.att[1].tx_seq, 0);
		send_n(w, to_all, 40);
		drain(r);
		for (k = 0; k < polls[i]; k++)
			drain(r);
		must(sum(r) == 40);
		AO_store(&map.att[1].tx_seq, 4);
		drain(r);
		if (sum(r) != 44)
			complain("after %u polls: 44 sent, %u counted",
			    polls[i], (unsigned)sum(r));
		/* Nothing is counted twice. */
		send_n(stopped, to_all, 3);
		drain(r);
		send_n(w, to_all, 3 * SLOTS);
		drain(r);
		must(sum(r) == 47 + 3 * SLOTS);
		shmbus_detach(r);
		shmbus_detach(stopped);
		shmbus_detach(w);
		map_close(&map);
	}
	check();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hidden),
		cmocka_unit_test(test_taken_again),
		cmocka_unit_test(test_poller),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, crew_begin, crew_end);
}
