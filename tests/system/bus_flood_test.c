/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bus_flood_test.c - exact loss, and one order, though all are stopped at times
 *
 * DOC: how
 *
 * Three senders flood a ring and two readers follow as they can; all of them
 * are stopped at random, also in the middle of a send.  In the end what each
 * reader has received and what it says it lost must be all that the senders
 * were told was sent, to the frame; no frame is seen that was not sent; and the
 * readers agree on what was at each position of the bus.
 *
 * Environment: STOPS, how many; SEED; ONLY, which tests.
 */
#include <sys/mman.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/lib/living.h"
#include "shmbus/shmbus.h"

#define FLOODER 10u /* who */
#define SENDERS 3u
#define READERS 2u
#define NUMBERS (1u << 22) /* of each sender */
#define PLACES (1u << 24)  /* positions that readers note */

struct flood {
	char path[256];
	_Atomic uint64_t present, stop, done;
	_Atomic uint64_t sent[SENDERS];
	_Atomic uint64_t given_up[SENDERS];
	struct shmbus_stats stats[READERS];
	uint64_t got[READERS];
	_Atomic uint8_t told[SENDERS][NUMBERS]; /* 1: sent, 2: perhaps */
	uint32_t place[READERS][PLACES];	/* who and number */
};

struct part {
	struct flood *f;
	unsigned i;
};

static void
flooder(void *arg)
{
	struct part *p = arg;
	struct flood *f = p->f;
	struct shmbus *b = crew_attach(f->path, FLOODER + p->i, 0);
	static uint8_t frames[4][STAMP_MAX];
	uint64_t seed = crew_seed() + p->i, number = 0;
	unsigned n, i, sent;

	atomic_fetch_add(&f->present, 1);
	crew_await(&f->present, SENDERS + READERS);
	while (b != NULL && !atomic_load(&f->stop) && !complained()) {
		struct iovec iov[4];
		uint64_t first = number + 1;
		int error;

		if (number + 4 >= NUMBERS || rnd_below(&seed, 64) == 0) {
			crew_nap(300000);
			continue;
		}
		n = 1 + rnd_below(&seed, 4);
		for (i = 0; i < n; i++) {
			struct stamp s = { FLOODER + p->i, 1, ++number, 0 };

			iov[i].iov_len = rnd_len(&seed);
			iov[i].iov_base = frames[i];
			stamp_make(frames[i], iov[i].iov_len, mac_all, &s);
		}
		/* Before others may see them. */
		for (i = 0; i < n; i++)
			atomic_store(&f->told[p->i][first + i], 2);
		if (n == 1) {
			error = shmbus_send(b, frames[0], iov[0].iov_len);
			sent = error == 0;
		} else {
			error = shmbus_send_batch(b, iov, n, &sent);
		}
		for (i = 0; i < n && (sent == n || sent == 0); i++)
			atomic_store(&f->told[p->i][first + i], sent == n);
		atomic_fetch_add(&f->sent[p->i], sent);
		atomic_fetch_add(&f->given_up[p->i], n - sent);
		if ((sent == n) != (error == 0) ||
		    (error != 0 && error != SHMBUS_EGIVENUP))
			complain("flooder: %u of %u sent, %s", sent, n,
			    shmbus_strerror(error));
	}
	shmbus_detach(b);
	atomic_fetch_add(&f->done, 1);
}

static void
follower(void *arg)
{
	struct part *p = arg;
	struct flood *f = p->f;
	struct shmbus *b = crew_attach(f->path, 100 + p->i, 0);
	static uint8_t bufs[32][STAMP_MAX];
	struct shmbus_rx rx[32];
	uint64_t last[SENDERS] = { 0 };
	uint64_t before = UINT64_MAX;
	struct stamp s;
	unsigned got, i;
	bool end;

	for (i = 0; i < 32; i++) {
		rx[i].buf = bufs[i];
		rx[i].size = STAMP_MAX;
	}
	atomic_fetch_add(&f->present, 1);
	for (;;) {
		end = atomic_load(&f->done) == SENDERS;
		if (b == NULL || complained())
			return;
		if (shmbus_recv_batch(b, rx, 1 + p->i * 31, &got) == EAGAIN) {
			/* The last tickets may be nobody's by now. */
			if (end && shmbus_wait(b, 50000000) == ETIMEDOUT)
				break;
			if (p->i != 0 && !end)
				shmbus_wait(b, 5000000);
			continue;
		}
		for (i = 0; i < got; i++) {
			uint64_t at = rx[i].frame.position;
			unsigned who;

			if (!stamp_read(bufs[i], rx[i].frame.len, &s) ||
			    s.who - FLOODER >= SENDERS || s.number >= NUMBERS) {
				complain("follower %u: a torn frame", p->i);
				return;
			}
			who = s.who - FLOODER;
			if (s.number <= last[who])
				complain("follower %u: frame %u.%llu after "
					 "%llu",
				    p->i, who, (unsigned long long)s.number,
				    (unsigned long long)last[who]);
			last[who] = s.number;
			if (atomic_load(&f->told[who][s.number]) == 0)
				complain("follower %u: frame %u.%llu was not "
					 "sent",
				    p->i, who, (unsigned long long)s.number);
			/* Of those that share a slot, the first. */
			if (at < PLACES && at != before)
				f->place[p->i][at] = (uint32_t)(s.number << 2 |
				    (who + 1));
			before = at;
			f->got[p->i]++;
		}
	}
	shmbus_stats(b, &f->stats[p->i]);
	shmbus_detach(b);
}

/* Of frames that were for everybody: what readers took to be for others. */
static uint64_t all_stops;
static uint64_t not_lost;
static bool flooded;

static void
check_flood(const struct flood *f)
{
	uint64_t sent = 0, given_up = 0, only[READERS] = { 0 };
	unsigned i;

	for (i = 0; i < SENDERS; i++) {
		sent += atomic_load(&f->sent[i]);
		given_up += atomic_load(&f->given_up[i]);
	}
	for (i = 0; i < PLACES; i++) {
		uint32_t a = f->place[0][i], b = f->place[1][i];

		if (a != 0 && b != 0 && a != b) {
			complain("position %u: %u.%u and %u.%u", i, a & 3,
			    a >> 2, b & 3, b >> 2);
			break;
		}
		only[0] += a != 0 && b == 0;
		only[1] += b != 0 && a == 0;
	}
	printf("# %llu sent, %llu given up on\n", (unsigned long long)sent,
	    (unsigned long long)given_up);
	for (i = 0; i < READERS; i++) {
		const struct shmbus_stats *st = &f->stats[i];

		printf("# follower %u: %llu received, %llu lost, %llu "
		       "skipped, %llu bad, gave up on %llu\n",
		    i, (unsigned long long)st->rx_frames,
		    (unsigned long long)st->rx_lost,
		    (unsigned long long)st->rx_skipped,
		    (unsigned long long)st->rx_bad,
		    (unsigned long long)st->gave_up);
		must(st->rx_frames == f->got[i]);
		must(st->rx_bad == 0);
		must(st->rx_frames + st->rx_lost + st->rx_skipped == sent);
		not_lost += st->rx_skipped;
		/* What the other alone has seen, this one knows it lost. */
		must(only[1 - i] <= st->rx_lost + st->rx_skipped);
	}
}

static void
stop_at_random(uint32_t slots, unsigned stops)
{
	struct flood *f = crew_shared(sizeof(*f));
	struct part parts[SENDERS + READERS];
	pid_t pids[SENDERS + READERS];
	uint64_t seed = crew_seed() + slots;
	unsigned i, n;

	crew_bus("bus", slots, 0);
	snprintf(f->path, sizeof(f->path), "%s", crew_path("bus"));
	for (i = 0; i < SENDERS + READERS; i++) {
		parts[i] = (struct part){ f, i < SENDERS ? i : i - SENDERS };
		pids[i] = crew_start(i < SENDERS ? flooder : follower,
		    &parts[i]);
	}
	crew_await(&f->present, SENDERS + READERS);
	for (n = 0; n < stops && !complained(); n++) {
		i = rnd_below(&seed, SENDERS + READERS);
		crew_nap(rnd_below(&seed, 2000000));
		crew_stop(pids[i]);
		crew_nap(rnd_below(&seed, 2) ? rnd_below(&seed, 10000000) :
					       rnd_below(&seed, 1000000));
		crew_cont(pids[i]);
	}
	atomic_store(&f->stop, 1);
	for (i = 0; i < SENDERS + READERS; i++)
		crew_join(pids[i]);
	all_stops += n;
	printf("# %u slots: %u stops\n", slots, n);
	check_flood(f);
	flooded = true;
	munmap(f, sizeof(*f));
	check();
	n = living_unrecovered(crew_path("bus"), 2);
	check();
	assert_int_equal(n, 0);
}

static void
test_random(void **state)
{
	unsigned stops = (unsigned)crew_number("STOPS", crew_scale(300));

	(void)state;
	stop_at_random(64, stops);
	stop_at_random(SHMBUS_SLOTS_DEFAULT, stops);
}

/*
 * What a reader lost it counts as lost, not as meant for others; but for the
 * frame of a sender that was stopped between publishing and ringing: one for
 * each stop and reader, at the most.
 */
static void
test_lost_is_lost(void **state)
{
	(void)state;
	if (!flooded)
		skip();
	printf("# of frames for everybody %llu were counted as skipped, "
	       "in %llu stops\n",
	    (unsigned long long)not_lost, (unsigned long long)all_stops);
	assert_true(not_lost <= all_stops * READERS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_lost_is_lost),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	cmocka_set_test_filter(getenv("ONLY"));
	return cmocka_run_group_tests(tests, crew_begin, crew_end);
}
