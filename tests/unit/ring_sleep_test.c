/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ring_sleep_test.c - whether a reader may sleep for long
 *
 * Who publishes rings for those that sleep by then.  So the one thing to be
 * afraid of is a frame that was published before, and that cannot be seen yet.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/lib/world.h"

#define SLOTS 16u

struct trio {
	struct world *w;
	struct ring *a, *b, *r;
};

static struct trio
trio_new(void)
{
	struct trio t;

	t.w = world_new(1500, SLOTS);
	t.a = world_join(t.w, 1, false);
	t.b = world_join(t.w, 2, false);
	t.r = world_join(t.w, 3, false);
	return t;
}

static void
trio_free(struct trio *t)
{
	world_leave(t->w, t->a);
	world_leave(t->w, t->b);
	world_leave(t->w, t->r);
	world_free(t->w);
}

/* Whether something below the tail is hidden from R. */
static bool
hidden(const struct trio *t)
{
	return ring_hides(t->r, world_tail(t->w));
}

static void
test_pending(void **state)
{
	struct trio t = trio_new();
	struct ring_claim first, second;
	unsigned i;

	(void)state;
	for (i = 0; i < 3 * SLOTS; i++) {
		assert_false(hidden(&t));
		assert_true(claim_one(t.a, &first));
		assert_false(hidden(&t));
		/* A ticket, and no claim yet. */
		AO_fetch_and_add1_full(&t.a->hdr->tail);
		assert_false(hidden(&t));
		assert_true(claim_one(t.b, &second));
		assert_int_equal(receive_all(t.r), 0);
		assert_false(hidden(&t));
		publish_one(t.w, t.b, &second, TO_ALL, 60);
		assert_int_equal(receive_all(t.r), 0);
		assert_true(hidden(&t));
		/* It is the third one from the cursor. */
		assert_true(ring_hides(t.r, t.r->rx.cursor + 3));
		assert_false(ring_hides(t.r, t.r->rx.cursor + 2));
		/* Of what is given up on nothing can be hidden. */
		publish_one(t.w, t.a, &first, TO_ALL, 60);
		assert_true(hidden(&t)); /* it is to be looked at */
		assert_int_equal(receive_all(t.r), 1);
		assert_true(hidden(&t)); /* by the one without a claim */
		receive_all(t.r);	 /* patience begins */
		t.w->now += WORLD_PATIENCE;
		assert_int_equal(receive_all(t.r), 1);
		assert_false(hidden(&t));
		receive_all(t.a);
		receive_all(t.b);
	}
	trio_free(&t);
}

static void
test_abandoned(void **state)
{
	struct trio t = trio_new();
	struct ring_claim first, second;

	(void)state;
	assert_true(claim_one(t.a, &first));
	assert_true(claim_one(t.b, &second));
	ring_cancel(t.b, &second);
	assert_false(hidden(&t));
	ring_cancel(t.a, &first);
	assert_true(hidden(&t)); /* to be passed over, and then nothing */
	assert_int_equal(receive_all(t.r), 0);
	assert_false(hidden(&t));
	trio_free(&t);
}

/* One who was lapped has to look before it sleeps. */
static void
test_lapped(void **state)
{
	struct trio t = trio_new();
	struct ring_claim first;
	uint64_t tail;
	unsigned i;

	(void)state;
	assert_true(claim_one(t.a, &first));
	for (i = 0; i < SLOTS - 1; i++)
		send_one(t.w, t.b, TO_ALL, APART);
	assert_true(hidden(&t));
	tail = world_tail(t.w);
	for (i = 0; i < SLOTS - 1; i++)
		send_one(t.w, t.b, TO_ALL, APART);
	assert_true(ring_hides(t.r, tail));
	assert_true(hidden(&t));
	/* A tail that lies is no reason to sleep, nor to look at all of it. */
	assert_true(ring_hides(t.r, UINT64_MAX));
	assert_true(ring_hides(t.r, t.r->rx.cursor + ((uint64_t)1 << 40)));
	ring_cancel(t.a, &first);
	receive_all(t.r);
	assert_false(hidden(&t));
	assert_false(ring_hides(t.r, t.r->rx.cursor - 1));
	trio_free(&t);
}

/* All slots are pending, exactly a lap: nothing is hidden, and time runs. */
static void
test_all_pending(void **state)
{
	struct trio t = trio_new();
	struct ring_claim c[SLOTS];
	unsigned i;

	(void)state;
	for (i = 0; i < SLOTS; i++)
		assert_true(claim_one(t.a, &c[i]));
	assert_false(hidden(&t));
	assert_int_equal(receive_all(t.r), 0);
	assert_int_equal(ring_patience_left(t.r, t.w->now + 1000),
	    WORLD_PATIENCE - 1000);
	assert_int_equal(ring_patience_left(t.r, t.w->now + WORLD_PATIENCE), 0);
	trio_free(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pending),
		cmocka_unit_test(test_abandoned),
		cmocka_unit_test(test_lapped),
		cmocka_unit_test(test_all_pending),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
