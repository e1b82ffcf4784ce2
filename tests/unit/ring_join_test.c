/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ring_join_test.c - where a newcomer begins, and what it finds of the dead
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/world.h"

#define SLOTS 16u

/* A newcomer hears what is sent from now on, in a ring however full. */
static void
test_next(void **state)
{
	unsigned n;

	(void)state;
	for (n = 0; n < 4 * SLOTS; n++) {
		struct world *w = world_new(1500, SLOTS);
		struct ring *a = world_join(w, 1, false);
		struct ring *b, *c;
		struct mark m;
		unsigned i;

		for (i = 0; i < n; i++)
			send_one(w, a, TO_ALL, 60);
		b = world_join(w, 2, false);
		c = world_reader(w, false);
		assert_int_equal(receive_all(b), 0);
		assert_int_equal(receive_all(c), 0);
		send_one(w, a, TO_ALL, 60);
		assert_true(receive_one(b, &m, NULL));
		assert_int_equal(m.serial, n + 1);
		assert_true(receive_one(c, &m, NULL));
		/* What was sent before was not lost by it. */
		for (i = 0; i < 3 * SLOTS; i++)
			send_one(w, a, TO_ALL, 60);
		receive_all(b);
		receive_all(c);
		assert_int_equal(counted(b), 1 + 3 * SLOTS);
		assert_int_equal(counted(c), 1 + 3 * SLOTS);
		world_leave(w, a);
		world_leave(w, b);
		world_leave(w, c);
		world_free(w);
	}
}

/* Or with all that the ring still holds. */
static void
test_oldest(void **state)
{
	unsigned n;

	(void)state;
	for (n = 0; n < 4 * SLOTS; n++) {
		struct world *w = world_new(1500, SLOTS);
		struct ring *a = world_join(w, 1, false);
		struct ring *b;
		struct mark m;
		unsigned have = n < SLOTS ? n : SLOTS;
		unsigned i;

		for (i = 0; i < n; i++)
			send_one(w, a, i % 2 ? TO_ALL : 2, 60);
		b = world_join(w, 2, true);
		for (i = n - have; i < n; i++) {
			assert_true(receive_one(b, &m, NULL));
			assert_int_equal(m.serial, i + 1);
		}
		assert_false(receive_one(b, &m, NULL));
		assert_int_equal(counted(b), have);
		world_leave(w, a);
		world_leave(w, b);
		world_free(w);
	}
}

/*
 * A frame that was being sent when somebody joined is not for the newcomer,
 * nor counted, whether it comes before or after others.
 */
static void
test_amid(void **state)
{
	unsigned sent;

	(void)state;
	for (sent = 0; sent < 8; sent++) {
		struct world *w = world_new(1500, SLOTS);
		struct ring *a = world_join(w, 1, false);
		struct ring *b = world_join(w, 2, false);
		struct ring *c, *d;
		struct ring_claim claim;
		struct mark m;
		unsigned i;

		send_some(w, a, TO_ALL, APART, 5, NULL);
		assert_true(claim_one(b, &claim));
		for (i = 0; i < sent; i++)
			send_one(w, a, TO_ALL, 60);
		c = world_join(w, 3, false);
		d = world_join(w, 4, false);
		send_one(w, a, TO_ALL, 60);
		assert_false(receive_one(c, &m, NULL));
		assert_int_equal(publish_one(w, b, &claim, TO_ALL, 60), 0);
		assert_true(receive_one(c, &m, NULL));
		assert_int_equal(m.sender, 1);
		assert_int_equal(m.serial, 6 + sent);
		assert_false(receive_one(c, &m, NULL));
		for (i = 0; i < 3 * SLOTS; i++)
			send_one(w, i % 2 ? a : b, TO_ALL, 60);
		receive_all(c);
		ring_settle(c);
		assert_int_equal(counted(c), 1 + 3 * SLOTS);
		/* D has not looked yet, and is lapped. */
		receive_all(d);
		ring_settle(d);
		assert_in_range(counted(d), 1 + 3 * SLOTS, 2 + 3 * SLOTS);
		world_leave(w, a);
		world_leave(w, b);
		world_leave(w, c);
		world_leave(w, d);
		world_free(w);
	}
}

/*
 * A claim that died with its owner, where nobody was about to give up on it,
 * does not make a newcomer hear what was sent before it came.
 */
static void
stale(unsigned newcomer)
{
	struct world *w = world_new(1500, SLOTS);
	struct ring *a = world_join(w, 1, false);
	struct ring *b = world_join(w, 2, false);
	struct ring *c;
	struct ring_claim claim;
	struct mark m;

	assert_true(claim_one(a, &claim));
	send_some(w, b, TO_ALL, APART, 6, NULL);
	world_leave(w, a);
	w->dead[1] = true;
	c = world_join(w, newcomer, false);
	send_one(w, b, TO_ALL, 60);
	receive_one(c, &m, NULL);
	w->now += WORLD_PATIENCE;
	while (receive_one(c, &m, NULL))
		;
	assert_int_equal(c->rx.frames, 1);
	assert_int_equal(m.serial, 7);
	world_leave(w, b);
	world_leave(w, c);
	world_free(w);
}

static void
test_stale_same_number(void **state)
{
	(void)state;
	stale(1);
}

static void
test_stale_other_number(void **state)
{
	(void)state;
	stale(3);
}

/* Slots of a dead predecessor of the same number are taken back at once. */
static void
test_clears_up(void **state)
{
	struct world *w = world_new(1500, SLOTS);
	struct ring *a = world_join(w, 1, false);
	struct ring *b = world_join(w, 2, false);
	struct ring_claim c[SLOTS];
	struct ring *again;
	uint64_t tail;
	unsigned i;

	(void)state;
	/* Some of them given up on, some stepped over, some as they were. */
	for (i = 0; i < SLOTS - 1; i++)
		assert_true(claim_one(a, &c[i]));
	assert_int_equal(receive_all(b), 0);
	w->now += WORLD_PATIENCE;
	assert_int_equal(receive_all(b), 0);
	assert_int_equal(b->rx.gave_up, SLOTS - 1);
	send_one(w, b, TO_ALL, 60);
	send_one(w, b, TO_ALL, 60); /* steps over all the others */
	world_leave(w, a);
	again = world_join(w, 1, false);
	for (i = 0; i < SLOTS; i++) {
		AO_t word = AO_load(&world_slot(w, i)->word);

		assert_false((word & 0x3fff) == 1 && (word >> 14 & 3) != 3);
	}
	tail = world_tail(w);
	send_some(w, b, TO_ALL, APART, SLOTS, NULL);
	assert_int_equal(world_tail(w), tail + SLOTS);
	assert_int_equal(receive_all(again), SLOTS);
	world_leave(w, b);
	world_leave(w, again);
	world_free(w);
}

/* Others' slots are none of a newcomer's business. */
static void
test_leaves_others_alone(void **state)
{
	struct world *w = world_new(1500, SLOTS);
	struct ring *a = world_join(w, 1, false);
	struct ring *b;
	struct ring_claim claim;

	(void)state;
	assert_true(claim_one(a, &claim));
	b = world_join(w, 2, false);
	assert_true(world_holds(w, SLOTS, SLOT_WRITING, 1));
	assert_int_equal(publish_one(w, a, &claim, TO_ALL, 60), 0);
	send_one(w, a, TO_ALL, 60);
	assert_int_equal(receive_all(b), 1);
	world_leave(w, a);
	world_leave(w, b);
	world_free(w);
}

/*
 * The count of a number goes on from owner to owner, though the first died
 * before it could note its last N frames; so a gap over both is exact.
 */
static void
test_count_goes_on(void **state)
{
	unsigned n;

	(void)state;
	for (n = 0; n <= 64; n++) {
		struct world *w = world_new(1500, SLOTS);
		struct ring *a = world_join(w, 1, false);
		struct ring *r = world_join(w, 3, false);
		struct ring *o = world_join(w, 4, false);
		unsigned sent = 0;

		send_some(w, a, TO_ALL, APART, 10, NULL);
		receive_all(r);
		if (n > 0)
			sent = send_some(w, a, TO_ALL, APART, n, NULL);
		AO_store(&a->att[1].tx_seq, 10); /* died before note_tx() */
		world_leave(w, a);
		w->dead[1] = true;
		a = world_join(w, 1, false);
		if (a->tx.seq != 10 + n)
			fail_msg("%u not noted: goes on with %lu", n,
			    (unsigned long)a->tx.seq);
		assert_int_equal(a->tx.joined, a->tx.seq);
		sent += send_some(w, a, TO_ALL, APART, 2 * SLOTS, NULL);
		receive_all(r);
		ring_settle(r);
		assert_int_equal(counted(r), 10 + sent);
		receive_all(o);
		ring_settle(o);
		assert_int_equal(counted(o), 10 + sent);
		world_leave(w, a);
		world_leave(w, r);
		world_leave(w, o);
		world_free(w);
	}
}

/* The frames of a predecessor are not one's own: they are heard. */
static void
test_hears_predecessor(void **state)
{
	struct world *w = world_new(1500, SLOTS);
	struct ring *a = world_join(w, 1, false);
	struct mark m;

	(void)state;
	send_some(w, a, TO_ALL, APART, 3, NULL);
	world_leave(w, a);
	a = world_join(w, 1, true);
	send_some(w, a, TO_ALL, APART, 3, NULL);
	assert_int_equal(receive_all(a), 3);
	send_some(w, a, TO_ALL, APART, 3, NULL);
	assert_false(receive_one(a, &m, NULL));
	world_leave(w, a);
	world_free(w);
}

/* Who may only read has no slots to take back, and does not touch the file. */
static void
test_reader_tidies_nothing(void **state)
{
	struct world *w = world_new(1500, 16);
	struct ring *r = world_reader(w, false);

	(void)state;
	ring_tidy(r, 16);
	assert_int_equal(r->rx.tidied, 0);
	world_leave(w, r);
	world_free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_next),
		cmocka_unit_test(test_oldest),
		cmocka_unit_test(test_amid),
		cmocka_unit_test(test_stale_same_number),
		cmocka_unit_test(test_stale_other_number),
		cmocka_unit_test(test_clears_up),
		cmocka_unit_test(test_leaves_others_alone),
		cmocka_unit_test(test_count_goes_on),
		cmocka_unit_test(test_hears_predecessor),
		cmocka_unit_test(test_reader_tidies_nothing),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
