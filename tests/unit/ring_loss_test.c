/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ring_loss_test.c - what a reader missed is counted to the frame (I4)
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
	struct ring *a, *b, *r;
};

static struct trio
trio_new(unsigned slots)
{
	struct trio t;

	t.w = world_new(1500, slots);
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

/*
 * Receives all, settles, and compares with what was sent.  Returns how many
 * were lost.
 */
static uint64_t
balance(struct trio *t)
{
	receive_all(t->r);
	assert_int_equal(t->r->rx.cursor, world_tail(t->w));
	ring_settle(t->r);
	ring_settle(t->r);
	assert_int_equal(counted(t->r), t->a->tx.seq + t->b->tx.seq);
	assert_int_equal(t->r->rx.bad, 0);
	return t->r->rx.lost;
}

/* None is lost up to a whole ring's worth, and then exactly what was. */
static void
test_lapped(void **state)
{
	unsigned n;

	(void)state;
	for (n = 0; n < 5 * SLOTS; n++) {
		struct trio t = trio_new(SLOTS);
		struct mark m;
		unsigned i;

		for (i = 0; i < n; i++)
			send_one(t.w, t.a, TO_ALL, 60);
		for (i = 0; receive_one(t.r, &m, NULL); i++)
			;
		assert_int_equal(balance(&t), n - i);
		if (n <= SLOTS)
			assert_int_equal(i, n);
		else
			assert_in_range(i, SLOTS / 2, SLOTS);
		/* The one who caught up misses nothing any more. */
		for (i = 0; i < 3 * SLOTS; i++) {
			send_one(t.w, t.b, TO_ALL, 60);
			assert_true(receive_one(t.r, &m, NULL));
		}
		trio_free(&t);
	}
}

/* Own frames, given up ones and failed ones were never there to be lost. */
static void
test_lapped_by_what_is_no_frame(void **state)
{
	struct trio t = trio_new(SLOTS);
	struct ring_claim c;
	unsigned i;
	uint64_t before;

	(void)state;
	send_one(t.w, t.a, TO_ALL, 60);
	send_one(t.w, t.b, TO_ALL, 60);
	for (i = 0; i < SLOTS; i++)
		send_one(t.w, t.r, TO_ALL, 60); /* own */
	assert_int_equal(balance(&t), 2);
	for (i = 0; i < 2 * SLOTS; i++) {
		assert_true(claim_one(t.b, &c)); /* cancelled */
		ring_cancel(t.b, &c);
	}
	send_one(t.w, t.a, TO_ALL, 60);
	assert_int_equal(balance(&t), 2);
	assert_true(claim_one(t.b, &c)); /* held for laps, and then failed */
	for (i = 0; i < 4 * SLOTS; i++)
		send_one(t.w, t.r, TO_ALL, 60);
	assert_int_equal(publish_one(t.w, t.b, &c, TO_ALL, 60), ETIMEDOUT);
	before = t.r->rx.frames;
	send_one(t.w, t.b, TO_ALL, 60);
	assert_int_equal(balance(&t), 2);
	assert_int_equal(t.r->rx.frames, before + 1);
	AO_fetch_and_add_full(&t.r->hdr->tail, 3 * SLOTS); /* never claimed */
	send_one(t.w, t.a, TO_ALL, 60);
	receive_all(t.r);
	t.w->now += WORLD_PATIENCE;
	assert_int_equal(balance(&t), 2);
	trio_free(&t);
}

/* What a look passes over, for it is for others, is in the account as one. */
static void
test_looked_past(void **state)
{
	unsigned passed;

	(void)state;
	for (passed = 1; passed < SLOTS / 2; passed++) {
		struct trio t = trio_new(SLOTS);
		struct ring_frame f;
		unsigned i;

		for (i = 0; i < passed; i++)
			send_one(t.w, t.a, TO_NOBODY, APART);
		assert_int_equal(ring_look(t.r, &f), EAGAIN);
		assert_int_equal(t.r->rx.skipped, passed);
		for (i = 0; i < 3 * SLOTS; i++)
			send_one(t.w, t.a, TO_ALL, APART);
		assert_in_range(balance(&t), 2 * SLOTS, 3 * SLOTS);
		trio_free(&t);
	}
}

/* The loss of one who then falls silent is known once the tail is reached. */
static void
test_settle(void **state)
{
	struct trio t = trio_new(SLOTS);
	struct mark m;

	(void)state;
	send_some(t.w, t.a, TO_ALL, APART, 5, NULL);
	send_some(t.w, t.b, TO_ALL, APART, 2 * SLOTS, NULL);
	assert_true(receive_one(t.r, &m, NULL));
	ring_settle(t.r); /* not there yet: nothing */
	assert_int_equal(counted(t.r) - 1, t.r->rx.lost);
	assert_true(counted(t.r) <= 2 * SLOTS);
	receive_all(t.r);
	assert_int_equal(counted(t.r), 2 * SLOTS);
	ring_settle(t.r);
	assert_int_equal(counted(t.r), 2 * SLOTS + 5);
	balance(&t);
	/* What comes then is not counted twice. */
	send_some(t.w, t.a, TO_ALL, APART, 3, NULL);
	balance(&t);
	trio_free(&t);
}

/* Nor before all that was sent is seen, however often it is tried. */
static void
test_settle_stuck(void **state)
{
	struct trio t = trio_new(SLOTS);
	struct ring_claim c;
	unsigned i;

	(void)state;
	send_some(t.w, t.a, TO_ALL, APART, 5, NULL);
	send_some(t.w, t.b, TO_ALL, APART, SLOTS, NULL);
	assert_true(claim_one(t.b, &c));
	send_some(t.w, t.a, TO_ALL, 60, 1, NULL);
	for (i = 0; i < 1000; i++) {
		receive_all(t.r);
		ring_settle(t.r);
	}
	assert_int_equal(publish_one(t.w, t.b, &c, TO_ALL, 60), 0);
	balance(&t);
	trio_free(&t);
}

/* A frame claimed before a gap and published after it is in the account. */
static void
test_pending_in_gap(void **state)
{
	unsigned slots;

	(void)state;
	for (slots = 16; slots <= 128; slots *= 2) {
		struct trio t = trio_new(slots);
		struct ring_claim c;
		unsigned i;

		/* In the part that a lapped reader leaves out for safety. */
		for (i = 0; i < slots; i++)
			send_one(t.w, t.a, TO_ALL, 60);
		assert_true(claim_one(t.b, &c));
		for (i = 0; i < slots - 1; i++)
			send_one(t.w, t.a, TO_ALL, 60);
		receive_all(t.r);
		assert_int_equal(t.r->rx.cursor, world_tail(t.w));
		ring_settle(t.r);
		assert_int_equal(counted(t.r), t.a->tx.seq);
		assert_int_equal(publish_one(t.w, t.b, &c, TO_ALL, 60), 0);
		balance(&t);
		assert_true(t.r->rx.lost > 0);
		trio_free(&t);
	}
}

/* Frames for others that passed while it slept unrung are not lost. */
static void
test_asleep(void **state)
{
	struct trio t = trio_new(SLOTS);
	unsigned i;

	(void)state;
	for (i = 0; i < 5 * SLOTS; i++)
		send_one(t.w, t.a, TO_NOBODY, 60);
	ring_slept(t.r, false, 0);
	send_one(t.w, t.a, TO_NOBODY, 60);
	assert_int_equal(balance(&t), 0);
	/* But those that came after it woke are. */
	ring_slept(t.r, false, 0);
	for (i = 0; i < 3 * SLOTS; i++)
		send_one(t.w, t.a, TO_NOBODY, 60);
	receive_all(t.r);
	assert_true(t.r->rx.lost > SLOTS);
	balance(&t);
	trio_free(&t);
}

/* Rung for a frame: what came before that frame was for others. */
static void
test_asleep_rung(void **state)
{
	struct trio t = trio_new(SLOTS);
	uint64_t hint;
	unsigned i;

	(void)state;
	for (i = 0; i < 5 * SLOTS; i++)
		send_one(t.w, t.a, TO_NOBODY, 60);
	hint = world_tail(t.w);
	send_one(t.w, t.a, 3, 60);
	ring_slept(t.r, true, hint);
	assert_int_equal(receive_all(t.r), 1);
	assert_int_equal(balance(&t), 0);
	/* A hint that lies hides no loss. */
	for (i = 0; i < 5 * SLOTS; i++)
		send_one(t.w, t.a, 3, 60);
	ring_slept(t.r, true, UINT64_MAX);
	receive_all(t.r);
	assert_true(t.r->rx.lost >= 4 * SLOTS);
	balance(&t);
	trio_free(&t);
}

/*
 * A quarter of a lap before the position that it was rung for is for frames whose
 * writers have not rung yet: up to there, and no further, nothing is lost.
 */
static void
test_asleep_quarter(void **state)
{
	unsigned extra;

	(void)state;
	for (extra = 0; extra < 2; extra++) {
		struct trio t = trio_new(64);
		uint64_t to;
		unsigned i;

		for (i = 0; i < 5 * 64; i++)
			send_one(t.w, t.a, TO_NOBODY, APART);
		to = world_tail(t.w) - 64 + 64 / 8; /* where it will go on */
		ring_slept(t.r, true, to + 64 / 4 - extra);
		if (extra == 0)
			assert_int_equal(balance(&t), 0);
		else
			assert_true(balance(&t) > 64);
		trio_free(&t);
	}
}

/* What was lost stays lost, also if more passes while the reader sleeps. */
static void
test_lost_then_asleep(void **state)
{
	struct trio t = trio_new(SLOTS);
	uint64_t lost;
	unsigned i;

	(void)state;
	for (i = 0; i < 5; i++)
		send_one(t.w, t.b, TO_ALL, APART);
	for (i = 0; i < 3 * SLOTS; i++)
		send_one(t.w, t.a, TO_NOBODY, APART);
	receive_all(t.r); /* it has not settled yet what is lost of b's */
	lost = t.r->rx.lost;
	for (i = 0; i < 5 * SLOTS; i++)
		send_one(t.w, t.a, TO_NOBODY, APART);
	ring_slept(t.r, false, 0);
	assert_int_equal(balance(&t), lost + 5);
	trio_free(&t);
}

/*
 * Lapped once, and caught up; then a sender that was silent until now sends
 * to others while this reader sleeps: these were never for it.
 */
static void
test_asleep_after_loss(void **state)
{
	struct trio t = trio_new(SLOTS);
	uint64_t lost;
	unsigned i;

	(void)state;
	for (i = 0; i < 3 * SLOTS; i++)
		send_one(t.w, t.a, TO_ALL, 60);
	lost = balance(&t);
	for (i = 0; i < 200; i++)
		ring_settle(t.r);
	for (i = 0; i < 3 * SLOTS; i++)
		send_one(t.w, t.b, TO_NOBODY, 60);
	ring_slept(t.r, false, 0);
	assert_int_equal(balance(&t), lost);
	trio_free(&t);
}

/* One who begins with the oldest frame counts from there, lapped or not. */
static void
test_oldest(void **state)
{
	unsigned n, more;

	(void)state;
	for (n = 0; n < 3 * SLOTS; n += 5)
		for (more = 0; more < 4 * SLOTS; more += 7) {
			struct trio t = trio_new(SLOTS);
			struct ring *o;
			uint64_t from;
			unsigned i;

			for (i = 0; i < n; i++)
				send_one(t.w, i % 3 ? t.a : t.b, TO_ALL, 60);
			o = world_join(t.w, 4, true);
			from = n < SLOTS ? n : SLOTS;
			/* Half of what comes is no frame of others. */
			for (i = 0; i < more; i++) {
				send_one(t.w, o, TO_ALL, 60);
				send_one(t.w, t.a, TO_ALL, 60);
			}
			receive_all(o);
			ring_settle(o);
			if (counted(o) != from + more)
				fail_msg("%u before, %u after: %lu counted", n,
				    more, (unsigned long)counted(o));
			world_leave(t.w, o);
			trio_free(&t);
		}
}

/*
 * Two senders have gaps.  That of one is closed; then the other one, which has been
 * stopped before it could, counts its frames: they are still waited for.
 */
static void
test_open_of_two(void **state)
{
	struct world *w = world_new(1500, 16);
	struct ring *s[2], *r;
	unsigned i, k;

	(void)state;
	for (k = 0; k < 2; k++) {
		world_reset(w);
		s[0] = world_join(w, 1, false);
		s[1] = world_join(w, 2, false);
		r = world_join(w, 3, false);
		for (i = 0; i < 2; i++)
			AO_store(&s[i]->att[i + 1].ident, FORMAT_ATT_USED);
		for (i = 0; i < 24; i++)
			send_one(w, s[i % 2], TO_ALL, APART);
		receive_all(r);
		for (i = 0; i < 20; i++)
			send_one(w, s[k], TO_ALL, APART);
		receive_all(r);
		assert_true(ring_settle(r));
		assert_true(r->rx.gap_budget > 0);
		/* One of them is heard again, which closes its gap. */
		for (i = 0; i < 2; i++)
			r->rx.gap[i + 1] = GAP_SETTLED;
		r->rx.open[0] = 6;
		send_one(w, s[k], TO_ALL, APART);
		receive_all(r);
		assert_false(ring_uncounted(r));
		AO_store(&s[1 - k]->att[2 - k].tx_seq, s[1 - k]->tx.seq + 1);
		assert_true(ring_uncounted(r));
		world_leave(w, s[0]);
		world_leave(w, s[1]);
		world_leave(w, r);
	}
	world_free(w);
}

/* A sender that has not counted yet what was read of it is not counted again. */
static void
test_settle_behind(void **state)
{
	struct world *w = world_new(1500, 16);
	struct ring *a = world_join(w, 1, false);
	struct ring *b = world_join(w, 2, false);
	struct ring *r = world_join(w, 3, false);
	uint64_t seq, lost;
	unsigned i;

	(void)state;
	send_one(w, a, TO_ALL, APART);
	send_one(w, a, TO_ALL, APART);
	assert_int_equal(receive_all(r), 2);
	seq = a->tx.seq;
	AO_store(&a->att[1].tx_seq, seq - 1);
	for (i = 0; i < 40; i++)
		send_one(w, b, TO_ALL, APART);
	receive_all(r);
	assert_true(ring_settle(r));
	lost = r->rx.lost;
	assert_int_equal(r->rx.last[1], seq);
	AO_store(&a->att[1].tx_seq, seq);
	assert_true(ring_settle(r));
	assert_int_equal(r->rx.lost, lost);
	assert_int_equal(r->rx.frames + r->rx.lost, 42);
	world_leave(w, a);
	world_leave(w, b);
	world_leave(w, r);
	world_free(w);
}

/* Who may only read gives up on one position: so many frames may be missing. */
static void
test_reader_gives_up(void **state)
{
	struct world *w = world_new(1500, 16);
	struct ring *a = world_join(w, 1, false);
	struct ring *r = world_reader(w, false);
	struct ring_claim c;

	(void)state;
	assert_true(claim_one(a, &c));
	assert_int_equal(receive_all(r), 0);
	w->now += WORLD_PATIENCE;
	assert_int_equal(receive_all(r), 0);
	assert_int_equal(r->rx.gave_up, 1);
	assert_int_equal(r->rx.gap_budget, FORMAT_PACK);
	world_leave(w, a);
	world_leave(w, r);
	world_free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lapped),
		cmocka_unit_test(test_lapped_by_what_is_no_frame),
		cmocka_unit_test(test_looked_past),
		cmocka_unit_test(test_settle),
		cmocka_unit_test(test_settle_stuck),
		cmocka_unit_test(test_pending_in_gap),
		cmocka_unit_test(test_asleep),
		cmocka_unit_test(test_asleep_rung),
		cmocka_unit_test(test_asleep_quarter),
		cmocka_unit_test(test_lost_then_asleep),
		cmocka_unit_test(test_asleep_after_loss),
		cmocka_unit_test(test_oldest),
		cmocka_unit_test(test_open_of_two),
		cmocka_unit_test(test_settle_behind),
		cmocka_unit_test(test_reader_gives_up),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
