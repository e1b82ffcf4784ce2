/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ring_late_test.c - writers that are slow, stopped or dead
 *
 * Nobody waits for them longer than agreed (I1), and they spoil nothing when
 * they go on (I3).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/world.h"

#define SLOTS 16u

struct trio {
	struct world *w;
	struct ring *a, *b, *c;
};

static struct trio
trio_new(void)
{
	struct trio t;

	t.w = world_new(1500, SLOTS);
	t.a = world_join(t.w, 1, false);
	t.b = world_join(t.w, 2, false);
	t.c = world_join(t.w, 3, false);
	return t;
}

static void
trio_free(struct trio *t)
{
	world_leave(t->w, t->a);
	world_leave(t->w, t->b);
	world_leave(t->w, t->c);
	world_free(t->w);
}

/* Sends N frames, each received by R at once. */
static void
relay(struct trio *t, struct ring *from, struct ring *r, unsigned n)
{
	struct mark m;

	for (; n > 0; n--) {
		uint64_t serial = send_one(t->w, from, TO_ALL, 60);

		assert_true(receive_one(r, &m, NULL));
		assert_int_equal(m.serial, serial);
		assert_int_equal(m.sender, from->me);
	}
}

/* A claimed slot is waited for until patience is over, and no longer. */
static void
test_patience(void **state)
{
	struct trio t = trio_new();
	struct ring_claim c;
	struct mark m;

	(void)state;
	assert_true(claim_one(t.a, &c));
	send_one(t.w, t.b, TO_ALL, 60);
	assert_int_equal(ring_state(t.c), RING_STUCK);
	assert_int_equal(ring_patience_left(t.c, t.w->now), WORLD_PATIENCE);
	assert_false(receive_one(t.c, &m, NULL)); /* the clock starts */
	t.w->now += WORLD_PATIENCE / 2;
	assert_false(receive_one(t.c, &m, NULL));
	assert_int_equal(ring_patience_left(t.c, t.w->now), WORLD_PATIENCE / 2);
	t.w->now += WORLD_PATIENCE / 2 - 1;
	assert_false(receive_one(t.c, &m, NULL));
	assert_int_equal(ring_patience_left(t.c, t.w->now), 1);
	assert_int_equal(t.c->rx.gave_up, 0);
	t.w->now += 1;
	assert_int_equal(ring_patience_left(t.c, t.w->now), 0);
	assert_true(receive_one(t.c, &m, NULL));
	assert_int_equal(m.sender, 2);
	assert_int_equal(t.c->rx.gave_up, 1);
	assert_true(world_holds(t.w, SLOTS, SLOT_ABANDONED, 1));
	/* The late writer learns it, and its slot is free again. */
	assert_int_equal(publish_one(t.w, t.a, &c, TO_ALL, 60), ETIMEDOUT);
	assert_true(world_holds(t.w, SLOTS, SLOT_ABANDONED, SLOT_NOBODY));
	assert_int_equal(t.a->tx.failed, 1);
	assert_int_equal(t.a->tx.seq, 0);
	assert_int_equal(AO_load(&t.a->att[1].tx_seq), 0);
	assert_int_equal(t.c->rx.cursor, world_tail(t.w));
	assert_int_equal(counted(t.c), 1);
	trio_free(&t);
}

/* One who publishes just in time is heard. */
static void
test_in_time(void **state)
{
	struct trio t = trio_new();
	struct ring_claim c;
	struct mark m;

	(void)state;
	assert_true(claim_one(t.a, &c));
	send_one(t.w, t.b, TO_ALL, 60);
	assert_false(receive_one(t.c, &m, NULL));
	t.w->now += WORLD_PATIENCE - 1;
	assert_false(receive_one(t.c, &m, NULL));
	assert_int_equal(publish_one(t.w, t.a, &c, TO_ALL, 60), 0);
	assert_true(receive_one(t.c, &m, NULL));
	assert_int_equal(m.sender, 1);
	assert_true(receive_one(t.c, &m, NULL));
	assert_int_equal(m.sender, 2);
	/* And patience begins anew for what is taken later. */
	assert_true(claim_one(t.a, &c));
	assert_false(receive_one(t.c, &m, NULL));
	t.w->now += WORLD_PATIENCE - 1;
	assert_false(receive_one(t.c, &m, NULL));
	assert_int_equal(t.c->rx.gave_up, 0);
	ring_cancel(t.a, &c);
	trio_free(&t);
}

/*
 * Many tickets pending at once: the clock runs for all of them that were
 * there when it started, and starts anew for those that were not.
 */
static void
test_one_patience_for_all(void **state)
{
	struct trio t = trio_new();
	struct ring_claim early[3], late;
	struct mark m;
	unsigned i;

	(void)state;
	for (i = 0; i < 3; i++) {
		assert_true(claim_one(t.a, &early[i]));
		send_one(t.w, t.b, TO_ALL, 60);
	}
	assert_false(receive_one(t.c, &m, NULL));
	t.w->now += WORLD_PATIENCE - 1;
	assert_true(claim_one(t.a, &late));
	send_one(t.w, t.b, TO_ALL, 60);
	assert_false(receive_one(t.c, &m, NULL));
	t.w->now += 1;
	assert_int_equal(receive_all(t.c), 3);
	assert_int_equal(t.c->rx.gave_up, 3);
	assert_int_equal(ring_state(t.c), RING_STUCK);
	assert_int_equal(ring_patience_left(t.c, t.w->now), WORLD_PATIENCE);
	t.w->now += WORLD_PATIENCE - 1;
	assert_int_equal(receive_all(t.c), 0);
	t.w->now += 1;
	assert_int_equal(receive_all(t.c), 1);
	assert_int_equal(t.c->rx.gave_up, 4);
	for (i = 0; i < 3; i++)
		assert_int_equal(publish_one(t.w, t.a, &early[i], TO_ALL, 60),
		    ETIMEDOUT);
	assert_int_equal(publish_one(t.w, t.a, &late, TO_ALL, 60), ETIMEDOUT);
	trio_free(&t);
}

/* The dead are not waited for that long, the living are. */
static void
test_dead_owner(void **state)
{
	struct trio t = trio_new();
	struct ring_claim c;
	struct mark m;

	(void)state;
	assert_true(claim_one(t.a, &c));
	send_one(t.w, t.b, TO_ALL, 60);
	assert_false(receive_one(t.c, &m, NULL));
	t.w->now += WORLD_PATIENCE / 4;
	assert_false(receive_one(t.c, &m, NULL)); /* alive */
	t.w->dead[1] = true;
	assert_true(receive_one(t.c, &m, NULL));
	assert_int_equal(m.sender, 2);
	assert_true(world_holds(t.w, SLOTS, SLOT_ABANDONED, SLOT_NOBODY));
	/* The slot is of use in the next lap. */
	relay(&t, t.b, t.c, 2 * SLOTS);
	assert_int_equal(world_tail(t.w), SLOTS + 2 + 2 * SLOTS);
	trio_free(&t);
}

/* Who is merely in the middle of a copy is not asked after. */
static void
test_no_question_too_early(void **state)
{
	struct trio t = trio_new();
	struct ring_claim c;
	struct mark m;
	unsigned i;

	(void)state;
	t.w->dead[1] = true;
	assert_true(claim_one(t.a, &c));
	for (i = 0; i < 100; i++)
		assert_false(receive_one(t.c, &m, NULL));
	assert_int_equal(t.w->asked, 0);
	trio_free(&t);
}

/* A ticket whose writer comes late, or never, to claim its slot. */
static void
test_unclaimed(void **state)
{
	struct trio t = trio_new();
	struct format_header *h = (void *)t.w->base;
	struct mark m;
	uint64_t pos;

	(void)state;
	pos = AO_fetch_and_add_full(&h->tail, 3);
	send_one(t.w, t.b, TO_ALL, 60);
	assert_false(receive_one(t.c, &m, NULL));
	t.w->dead[1] = true; /* helps nothing: nobody knows whose it is */
	t.w->now += WORLD_PATIENCE - 1;
	assert_false(receive_one(t.c, &m, NULL));
	t.w->now += 1;
	assert_true(receive_one(t.c, &m, NULL));
	assert_int_equal(t.c->rx.gave_up, 3);
	for (; pos < SLOTS + 3; pos++)
		assert_true(world_holds(t.w, pos, SLOT_ABANDONED, SLOT_NOBODY));
	assert_int_equal(receive_all(t.a), 1);
	assert_int_equal(t.a->rx.gave_up, 0); /* agrees without waiting */
	relay(&t, t.b, t.c, 2 * SLOTS);
	assert_int_equal(world_tail(t.w), SLOTS + 4 + 2 * SLOTS);
	trio_free(&t);
}

/*
 * The writer took its ticket, and before it came to claim, it was given up
 * on: it takes another one.  Its env is asked nothing, so the interleaving is
 * made by moving the tail back for it.
 */
static void
test_claims_too_late(void **state)
{
	struct trio t = trio_new();
	struct format_header *h = (void *)t.w->base;
	uint64_t pos = AO_fetch_and_add_full(&h->tail, 1);
	struct ring_claim c;
	struct mark m;
	uint64_t tail;

	(void)state;
	send_one(t.w, t.b, TO_ALL, 60);
	receive_one(t.c, &m, NULL);
	t.w->now += WORLD_PATIENCE;
	assert_true(receive_one(t.c, &m, NULL));
	/* Now A gets ticket POS, and comes late. */
	tail = world_tail(t.w);
	AO_store(&h->tail, pos);
	assert_true(claim_one(t.a, &c));
	assert_true(world_tail(t.w) >= pos + 2);
	assert_ptr_not_equal(c.slot, world_slot(t.w, pos));
	assert_ptr_not_equal(c.slot, world_slot(t.w, pos + 1));
	assert_true(world_holds(t.w, pos, SLOT_ABANDONED, SLOT_NOBODY));
	assert_true(world_holds(t.w, pos + 1, SLOT_COMMITTED, 2));
	assert_int_equal(world_tail(t.w), tail + 1);
	assert_int_equal(publish_one(t.w, t.a, &c, TO_ALL, 60), 0);
	assert_true(receive_one(t.c, &m, NULL));
	assert_int_equal(m.sender, 1);
	trio_free(&t);
}

/* The others go on by LAP positions while a writer asks after an owner. */
static struct {
	struct ring *by;
	unsigned lap;
} overtake;

static void
others_go_on(struct world *w, unsigned owner)
{
	(void)owner;
	w->on_asked = NULL;
	w->dead[1] = true;
	send_some(w, overtake.by, TO_ALL, APART, overtake.lap, NULL);
}

/*
 * A writer that comes to claim its slot when others have used it for a later
 * lap already does not overwrite what is there: it takes another ticket.
 */
static void
test_claims_a_lap_late(void **state)
{
	unsigned lap;

	(void)state;
	for (lap = SLOTS - 1; lap < 2 * SLOTS + 2; lap++) {
		struct trio t = trio_new();
		struct ring_claim c;

		assert_true(claim_one(t.a, &c));
		send_some(t.w, t.b, TO_ALL, APART, SLOTS - 1, NULL);
		overtake.by = t.b;
		overtake.lap = lap;
		t.w->on_asked = others_go_on;
		send_one(t.w, t.c, TO_ALL, 60);
		assert_null(t.w->on_asked);
		receive_all(t.a);
		t.w->now += WORLD_PATIENCE;
		receive_all(t.a);
		assert_int_equal(t.a->rx.cursor, world_tail(t.w));
		assert_int_equal(t.a->rx.bad, 0);
		ring_settle(t.a);
		assert_int_equal(counted(t.a), t.b->tx.seq + t.c->tx.seq);
		if (lap >= SLOTS)
			assert_int_equal(world_tail(t.w),
			    SLOTS + SLOTS + 1 + lap + 1);
		trio_free(&t);
	}
}

/*
 * A slot that a stopped writer holds is stepped over, lap after lap; it comes
 * back when the writer does, or when it is known to be dead.
 */
static void
step_over(bool dies)
{
	struct trio t = trio_new();
	struct ring_claim c;
	struct mark m;
	uint64_t tail;
	unsigned lap;

	assert_true(claim_one(t.a, &c));
	memset(c.slot->data, 0xdd, 60);
	send_one(t.w, t.b, TO_ALL, 60);
	receive_one(t.c, &m, NULL);
	t.w->now += WORLD_PATIENCE;
	assert_true(receive_one(t.c, &m, NULL));
	relay(&t, t.b, t.c, SLOTS - 2);
	for (lap = 2; lap < 6; lap++) {
		uint64_t pos = lap * SLOTS;

		tail = world_tail(t.w);
		assert_int_equal(tail, pos);
		/* The clock stands still: nobody waits for anything. */
		relay(&t, t.b, t.c, SLOTS - 1);
		assert_int_equal(world_tail(t.w), tail + SLOTS);
		assert_true(world_holds(t.w, pos, SLOT_ABANDONED, 1));
		assert_int_equal(c.slot->data[0], 0xdd);
	}
	assert_int_equal(t.c->rx.gave_up, 1);
	if (dies)
		t.w->dead[1] = true;
	else
		assert_int_equal(publish_one(t.w, t.a, &c, TO_ALL, 60),
		    ETIMEDOUT);
	tail = world_tail(t.w);
	relay(&t, t.b, t.c, 3 * SLOTS);
	assert_int_equal(world_tail(t.w), tail + 3 * SLOTS);
	assert_int_equal(counted(t.c), t.b->tx.seq);
	assert_int_equal(t.c->rx.lost + t.c->rx.bad, 0);
	trio_free(&t);
}

static void
test_step_over(void **state)
{
	(void)state;
	step_over(false);
}

static void
test_step_over_dead(void **state)
{
	(void)state;
	step_over(true);
}

/*
 * Stepped over without a reader having given up first: the slot is WRITING
 * still when the next lap comes to it.
 */
static void
test_step_over_writing(void **state)
{
	struct trio t = trio_new();
	struct ring_claim c;
	uint64_t tail;
	unsigned i;

	(void)state;
	assert_true(claim_one(t.a, &c));
	memset(c.slot->data, 0xdd, 60);
	for (i = 0; i < 5 * SLOTS; i++)
		send_one(t.w, t.b, TO_ALL, 60);
	assert_int_equal(c.slot->data[59], 0xdd);
	tail = world_tail(t.w);
	assert_int_equal(tail, SLOTS + 1 + 5 * SLOTS + 5);
	assert_int_equal(publish_one(t.w, t.a, &c, TO_ALL, 60), ETIMEDOUT);
	for (i = 0; i < 2 * SLOTS; i++)
		send_one(t.w, t.b, TO_ALL, 60);
	assert_int_equal(world_tail(t.w), tail + 2 * SLOTS);
	receive_all(t.c);
	ring_settle(t.c);
	assert_int_equal(counted(t.c), t.b->tx.seq);
	trio_free(&t);
}

/* One's own slot from a lap ago is one's own. */
static void
test_own_from_a_lap_ago(void **state)
{
	struct trio t = trio_new();
	struct ring_claim c;
	struct mark m;

	(void)state;
	assert_true(claim_one(t.a, &c));
	receive_one(t.c, &m, NULL);
	t.w->now += WORLD_PATIENCE;
	receive_one(t.c, &m, NULL);
	t.w->asked = 0;
	relay(&t, t.a, t.c, 2 * SLOTS);
	assert_int_equal(world_tail(t.w), SLOTS + 1 + 2 * SLOTS);
	assert_int_equal(t.w->asked, 0);
	trio_free(&t);
}

/* Two readers pass over the same, whichever gives up first. */
static void
test_readers_agree(void **state)
{
	struct trio t = trio_new();
	struct ring *d = world_join(t.w, 4, false);
	struct ring_claim c[2];
	struct mark m;

	(void)state;
	assert_true(claim_one(t.a, &c[0]));
	send_one(t.w, t.b, TO_ALL, 60);
	assert_true(claim_one(t.a, &c[1]));
	send_one(t.w, t.b, TO_ALL, 60);
	receive_one(t.c, &m, NULL);
	t.w->now += WORLD_PATIENCE;
	assert_int_equal(receive_all(t.c), 2);
	/* D has just come to look, and has all its patience still. */
	assert_int_equal(receive_all(d), 2);
	assert_int_equal(d->rx.gave_up, 0);
	assert_int_equal(publish_one(t.w, t.a, &c[0], TO_ALL, 60), ETIMEDOUT);
	assert_int_equal(publish_one(t.w, t.a, &c[1], TO_ALL, 60), ETIMEDOUT);
	relay(&t, t.b, t.c, 1);
	assert_int_equal(receive_all(d), 1);
	assert_int_equal(counted(t.c), 3);
	assert_int_equal(counted(d), 3);
	world_leave(t.w, d);
	trio_free(&t);
}

/* All slots held: sending says so, in bounded time, and recovers. */
static void
test_all_held(void **state)
{
	struct trio t = trio_new();
	struct ring_claim c[SLOTS], d;
	struct iovec iov[3];
	uint8_t frame[3][60];
	unsigned sent;
	unsigned i;
	int error;

	(void)state;
	for (i = 0; i < SLOTS; i++)
		assert_true(claim_one(t.a, &c[i]));
	assert_int_equal(ring_claim(t.b, &d), ENOBUFS);
	assert_int_equal(t.b->tx.failed, 1);
	assert_int_equal(t.b->tx.busy, 0); /* or nothing would be tidied */
	for (i = 0; i < 3; i++) {
		frame_make(frame[i], 60, TO_ALL, 2, ++t.w->serial[2]);
		iov[i].iov_base = frame[i];
		iov[i].iov_len = 60;
	}
	error = ring_send(t.b, iov, 3, 0, &sent);
	assert_int_equal(error, ENOBUFS);
	assert_int_equal(sent, 0);
	assert_int_equal(t.b->tx.failed, 4);
	assert_int_equal(t.b->tx.seq, 0);
	assert_int_equal(t.b->tx.busy, 0);
	/* One slot is enough, */
	ring_cancel(t.a, &c[7]);
	assert_int_equal(send_some(t.w, t.b, TO_ALL, APART, 3, NULL), 3);
	/* and one death frees all. */
	t.w->dead[1] = true;
	send_some(t.w, t.b, TO_ALL, APART, SLOTS, NULL);
	assert_int_equal(receive_all(t.c), SLOTS - 2);
	ring_settle(t.c);
	assert_int_equal(counted(t.c), SLOTS + 3);
	trio_free(&t);
}

/* In the middle of a batch the slots run out, or a frame is given up on. */
static void
test_batch_error(void **state)
{
	struct trio t = trio_new();
	struct ring_claim c[SLOTS];
	unsigned i, k;
	int error;

	(void)state;
	for (i = 0; i < SLOTS; i++)
		assert_true(claim_one(t.a, &c[i]));
	k = send_some(t.w, t.b, TO_ALL, APART, 5, &error);
	assert_int_equal(k, 0);
	assert_int_equal(error, ENOBUFS);
	assert_int_equal(t.b->tx.failed, 5);
	for (i = 0; i < SLOTS; i++)
		ring_cancel(t.a, &c[i]);
	assert_int_equal(send_some(t.w, t.b, TO_ALL, APART, 5, &error), 5);
	assert_int_equal(error, 0);
	assert_int_equal(t.b->tx.failed, 5);
	trio_free(&t);
}

/* The held slot's owner gives it back just when another steps over it. */
static struct {
	struct trio *t;
	struct ring_claim *c;
	bool publish;
	int times;
} racing;

static void
give_back(struct world *w, unsigned owner)
{
	(void)owner;
	if (racing.times++ != 0)
		return;
	if (racing.publish)
		publish_one(w, racing.t->a, racing.c, TO_ALL, 60);
	else
		ring_cancel(racing.t->a, racing.c);
}

/*
 * Nobody is stopped or dead here: so nobody may have to wait, least of all
 * for a position that everybody has given up already.
 */
static void
step_over_race(bool publish)
{
	struct trio t = trio_new();
	struct ring_claim c;
	unsigned n;

	assert_true(claim_one(t.a, &c));
	for (n = 1; n < SLOTS; n++)
		send_one(t.w, t.b, TO_ALL, 60);
	racing.t = &t;
	racing.c = &c;
	racing.publish = publish;
	racing.times = 0;
	t.w->on_asked = give_back;
	send_one(t.w, t.b, TO_ALL, 60);
	assert_true(racing.times > 0);
	send_one(t.w, t.b, TO_ALL, 60);
	receive_all(t.c);
	assert_int_equal(t.c->rx.cursor, world_tail(t.w));
	assert_int_equal(t.c->rx.gave_up, 0);
	ring_settle(t.c);
	assert_int_equal(counted(t.c), t.a->tx.seq + t.b->tx.seq);
	trio_free(&t);
}

static void
test_step_over_race_publish(void **state)
{
	(void)state;
	step_over_race(true);
}

static void
test_step_over_race_cancel(void **state)
{
	(void)state;
	step_over_race(false);
}

/*
 * The slot's last owner is dead, but the position is of a living one, which has
 * its ticket: that one gets all the patience.
 */
static void
test_dead_of_old_lap(void **state)
{
	struct world *w = world_new(1500, 16);
	struct ring *r = world_join(w, 3, false);
	uint64_t pos = world_tail(w);
	struct ring_frame f;

	(void)state;
	AO_store(&world_slot(w, pos)->word,
	    world_word(w, pos - 16, SLOT_WRITING, 5));
	w->dead[5] = true;
	AO_store(&r->hdr->tail, pos + 1);
	assert_int_equal(ring_look(r, &f), EAGAIN);
	w->now += WORLD_PATIENCE / 2;
	assert_int_equal(ring_look(r, &f), EAGAIN);
	assert_int_equal(r->rx.gave_up, 0);
	assert_int_equal(r->rx.cursor, pos);
	w->now += WORLD_PATIENCE;
	assert_int_equal(ring_look(r, &f), EAGAIN);
	assert_int_equal(r->rx.gave_up, 1);
	assert_int_equal(r->rx.cursor, pos + 1);
	world_leave(w, r);
	world_free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_patience),
		cmocka_unit_test(test_in_time),
		cmocka_unit_test(test_one_patience_for_all),
		cmocka_unit_test(test_dead_owner),
		cmocka_unit_test(test_no_question_too_early),
		cmocka_unit_test(test_unclaimed),
		cmocka_unit_test(test_claims_too_late),
		cmocka_unit_test(test_claims_a_lap_late),
		cmocka_unit_test(test_step_over),
		cmocka_unit_test(test_step_over_dead),
		cmocka_unit_test(test_step_over_writing),
		cmocka_unit_test(test_own_from_a_lap_ago),
		cmocka_unit_test(test_readers_agree),
		cmocka_unit_test(test_all_held),
		cmocka_unit_test(test_batch_error),
		cmocka_unit_test(test_step_over_race_publish),
		cmocka_unit_test(test_step_over_race_cancel),
		cmocka_unit_test(test_dead_of_old_lap),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
