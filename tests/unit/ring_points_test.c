/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ring_points_test.c - two at a time, stopped between any two of their steps
 *
 * DOC: The ring's source is compiled here with a point before every access to
 * the bus, and one in the middle of every copy.  Two actors, each with an
 * operation, are run so: the first up to its point I, the second up to its
 * point J, then the first to its end, then the second to its end; for every I
 * and J there are (of the long ones, for every one of the first).  A third,
 * which is told nothing, and all the rest then find out whether everything is
 * right:
 *
 *   - a frame is heard if and only if its sender was told that it was sent
 *     (or, of a sender that was killed, perhaps); in order, whole, once;
 *   - received + passed over + lost is what was sent;
 *   - nobody is waited for any more;
 *   - all slots are in use again.
 *
 * An actor may also be killed at its point: it is not run any further.
 *
 * The actors are coroutines, so nothing here depends on a scheduler.  What
 * processors may reorder is out of reach of this test.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/actors.h"
#include "tests/lib/world.h"

/* What follows has points. */
#include "tests/lib/points.h"

static int noting_cas(volatile AO_t *p, AO_t from, AO_t to);
#undef AO_compare_and_swap_full
#define AO_compare_and_swap_full noting_cas

#include "shmbus/ring.c"
#include "shmbus/ring_join.c"
#include "shmbus/ring_loss.c"
#include "shmbus/ring_recv.c"

#undef memcpy

/* ---- scenes ------------------------------------------------------------- */

#define SLOTS 16u
#define LONG 160u /* two do not share a slot */
#define SHORT 40u
#define LOG 512u
#if defined(__SANITIZE_THREAD__) /* it takes its time, and sees nothing here */
#define FEW 3u
#define THEN 23u
#elif defined(__SANITIZE_ADDRESS__)
#define FEW 25u
#define THEN 17u
#else
#define FEW 60u
#define THEN 11u
#endif

/* The cast.  1 and 2 send, 3 receives, 4 is what the scene makes of it. */
struct scene {
	struct world *w;
	struct ring ring[5]; /* by number; 0 only reads */
	struct ring_claim c;
	bool claimed;	    /* 4 has C in hand */
	bool killed;	    /* the first actor was */
	bool joins;	    /* 4 comes while others are at it */
	bool unstuck;	    /* 3 waits for nobody in the end */
	bool at_ease;	    /* nobody has a reason to give up on 1 */
	uint64_t told[5];   /* frames that their sender knows are sent */
	uint64_t heard[5];  /* frames received by 3, by sender */
	uint64_t serial[5]; /* last one of each that 3 received */
	uint64_t from;	    /* where 4 joined */
	uint64_t known;	    /* frames of others that it knew of, from then */
};

static struct scene scene;

/* What was published, in whatever way, by 1, 2 and 3. */
static struct {
	uint64_t pos;
	unsigned frames;
} published[LOG];
static unsigned publications;

static int
noting_cas(volatile AO_t *p, AO_t from, AO_t to)
{
	const struct world *w = scene.w;
	uint64_t pos = word_lap(to) * SLOTS +
	    ((uintptr_t)p - (uintptr_t)w->base - FORMAT_SLOTS) / w->geo.stride;
	int done = point_cas(p, from, to);

	if (!done || word_state(to) != SLOT_COMMITTED || word_owner(to) == 4)
		return done;
	assert_ptr_equal(p, &world_slot(w, pos)->word);
	assert_true(publications < LOG);
	published[publications].pos = pos;
	published[publications++].frames = 1 +
	    (unsigned)(world_slot(w, pos)->meta >> 48);
	return done;
}

/* Frames of 1, 2 and 3 whose position is FROM or a later one. */
static uint64_t
published_since(uint64_t from)
{
	uint64_t sum = 0;
	unsigned i;

	for (i = 0; i < publications; i++)
		if (published[i].pos >= from)
			sum += published[i].frames;
	return sum;
}

/* ---- operations --------------------------------------------------------- */

/* 3 receives what there is. */
static void
hear(struct scene *s)
{
	struct mark m;

	while (receive_one(&s->ring[3], &m, NULL)) {
		assert_true(m.serial > s->serial[m.sender]);
		s->serial[m.sender] = m.serial;
		s->heard[m.sender]++;
	}
}

/* R receives until it has all, and waits where it must. */
static void
hear_out(struct scene *s, struct ring *r)
{
	unsigned turns;

	for (turns = 0; turns < 3 * SLOTS; turns++) {
		if (r == &s->ring[3])
			hear(s);
		else
			receive_all(r);
		if (r->rx.cursor == world_tail(s->w))
			return;
		s->w->now += WORLD_PATIENCE;
	}
	fail_msg("%u does not get to the end", r->me);
}

static void
send_of(struct scene *s, unsigned who, unsigned len, unsigned n)
{
	int error;

	s->told[who] += send_some(s->w, &s->ring[who], TO_ALL, len, n, &error);
	/* Only who is stopped is given up on, and no slot is held for long. */
	assert_true(error == 0 || error == ETIMEDOUT);
}

/* N frames, in a slot each. */
static void
send_from(struct scene *s, unsigned who, unsigned n)
{
	send_of(s, who, LONG, n);
}

static void
one_sends(struct scene *s)
{
	send_from(s, 1, 2);
}

/* Two in one slot. */
static void
one_packs(struct scene *s)
{
	uint64_t tail = world_tail(s->w);

	send_of(s, 1, SHORT, 2);
	assert_true(world_tail(s->w) > tail);
}

static void
two_sends(struct scene *s)
{
	send_from(s, 2, 1);
}

static void
two_sends_many(struct scene *s)
{
	unsigned i;

	for (i = 0; i < SLOTS - 3; i++)
		send_from(s, 2, 1);
}

static void
two_sends_a_lap(struct scene *s)
{
	unsigned i;

	for (i = 0; i < SLOTS + 2; i++)
		send_from(s, 2, 1);
}

/* The others lose patience, and go on for a lap. */
static void
two_goes_on(struct scene *s)
{
	unsigned i;

	hear_out(s, &s->ring[3]);
	for (i = 0; i < SLOTS + 1; i++) {
		send_from(s, 2, 1);
		hear_out(s, &s->ring[3]);
	}
}

static void
one_claims(struct scene *s)
{
	struct ring_claim c;

	if (!claim_one(&s->ring[1], &c))
		return;
	s->told[1] += publish_one(s->w, &s->ring[1], &c, TO_ALL, 48) == 0;
}

static void
one_claims_in_vain(struct scene *s)
{
	struct ring_claim c;

	if (claim_one(&s->ring[1], &c))
		ring_cancel(&s->ring[1], &c);
}

static void
four_publishes(struct scene *s)
{
	if (!s->claimed)
		return;
	s->claimed = false;
	s->told[4] += publish_one(s->w, &s->ring[4], &s->c, TO_ALL, 48) == 0;
}

static void
four_cancels(struct scene *s)
{
	if (!s->claimed)
		return;
	s->claimed = false;
	ring_cancel(&s->ring[4], &s->c);
}

static void
three_receives(struct scene *s)
{
	hear(s);
}

static void
three_takes(struct scene *s)
{
	uint8_t bytes[LONG];
	struct ring_frame f;
	struct mark m;

	while (ring_look(&s->ring[3], &f) == 0) {
		if (!ring_take(&s->ring[3], &f, bytes, sizeof(bytes)))
			continue;
		assert_true(frame_read(bytes, f.len, &m));
		assert_int_equal(m.sender, f.sender);
		assert_true(m.serial > s->serial[m.sender]);
		s->serial[m.sender] = m.serial;
		s->heard[m.sender]++;
	}
}

/* 3, or another, gives up on whoever is in its way. */
static void
three_gives_up(struct scene *s)
{
	hear(s);
	s->w->now += WORLD_PATIENCE;
	hear(s);
}

static void
reader_gives_up(struct scene *s)
{
	receive_all(&s->ring[0]);
	s->w->now += WORLD_PATIENCE;
	receive_all(&s->ring[0]);
}

static void
two_gives_up(struct scene *s)
{
	receive_all(&s->ring[2]);
	s->w->now += WORLD_PATIENCE;
	receive_all(&s->ring[2]);
}

static void
three_settles(struct scene *s)
{
	hear(s);
	ring_settle(&s->ring[3]);
}

/* The receiving side of 1 looks after its slots, while its other side sends. */
static void
one_tidies(struct scene *s)
{
	ring_tidy(&s->ring[1], SLOTS);
}

static uint64_t
all_sent(const struct scene *s, unsigned but)
{
	uint64_t sum = 0;
	unsigned i;

	for (i = 1; i < 5; i++)
		if (i != but)
			sum += s->ring[i].tx.seq;
	return sum;
}

static void
four_joins(struct scene *s)
{
	unsigned i;

	world_attach(s->w, &s->ring[4], 4, false);
	s->from = s->ring[4].rx.from;
	for (i = 1; i < 4; i++)
		s->known += s->ring[4].rx.last[i];
	s->joins = true;
}

/*
 * What 4, who joined, has counted is what was published where it joined or
 * later.  It may have lost, besides, what was in the midst of being sent when
 * it came: one batch.
 */
static void
joined_well(struct scene *s)
{
	struct ring *r = &s->ring[4];
	uint64_t due, extra;

	hear_out(s, r);
	ring_settle(r);
	due = published_since(s->from);
	assert_int_equal(published_since(0), all_sent(s, 4));
	assert_in_range(s->known, 0, all_sent(s, 4) - due);
	extra = all_sent(s, 4) - due - s->known;
	assert_in_range(extra, 0, 2);
	assert_in_range(counted(r), due, r->rx.lost != 0 ? due + extra : due);
}

/* ---- scenes ------------------------------------------------------------- */

static void
begin(struct scene *s)
{
	struct world *w = s->w != NULL ? s->w : world_new(200, SLOTS);
	unsigned i;

	memset(s, 0, sizeof(*s));
	s->w = w;
	world_reset(w);
	publications = 0;
	for (i = 1; i < 5; i++)
		world_attach(w, &s->ring[i], i, false);
	s->ring[0] = s->ring[3];
	s->ring[0].me = SLOT_NOBODY;
	s->ring[0].rx.promisc = true;
	ring_join(&s->ring[0], false);
}

static void
plain(struct scene *s)
{
	send_from(s, 2, 5);
	hear(s);
}

/* 3 has some frames to read, one of them for others. */
static void
some_to_read(struct scene *s)
{
	plain(s);
	send_from(s, 2, 1);
	send_some(s->w, &s->ring[1], TO_NOBODY, 40, 1, NULL);
	send_from(s, 2, 1);
}

/* 3 has read the first of some frames that are in one slot. */
static void
rest_to_read(struct scene *s)
{
	struct mark m;

	plain(s);
	send_of(s, 2, SHORT, 4);
	assert_true(receive_one(&s->ring[3], &m, NULL));
	s->serial[2] = m.serial;
	s->heard[2]++;
	assert_true(s->ring[3].rx.cursor < world_tail(s->w));
}

/* 4 has a slot in hand, and others have published after it. */
static void
four_holds(struct scene *s)
{
	plain(s);
	s->claimed = claim_one(&s->ring[4], &s->c);
	send_from(s, 2, 2);
}

/* The next ticket comes to the slot that 4 has had in hand for a lap. */
static void
four_held_for_a_lap(struct scene *s)
{
	unsigned i;

	four_holds(s);
	for (i = 0; i < SLOTS - 3; i++)
		send_from(s, 2, 1);
}

/* And it was given up on: it holds the slot, but not the position. */
static void
four_given_up(struct scene *s)
{
	unsigned i;

	four_holds(s);
	three_gives_up(s);
	for (i = 0; i < SLOTS - 3; i++) {
		send_from(s, 2, 1);
		hear(s);
	}
	s->unstuck = true;
}

/* The same, and 4 is dead. */
static void
four_died_a_lap_ago(struct scene *s)
{
	four_held_for_a_lap(s);
	s->claimed = false;
	s->w->dead[4] = true;
}

/* 3 was lapped, also by what was no frame; 1 is silent since. */
static void
lapped(struct scene *s)
{
	struct ring_claim c;
	unsigned i;

	plain(s);
	send_from(s, 1, 2);
	for (i = 0; i < 6; i++) {
		assert_true(claim_one(&s->ring[4], &c));
		ring_cancel(&s->ring[4], &c);
	}
	send_from(s, 2, 20);
	send_from(s, 2, 20);
}

/* The same, and it has heard what is left. */
static void
lapped_and_heard(struct scene *s)
{
	lapped(s);
	hear(s);
}

/* There are slots that are said to be 1's. */
static void
slots_of_one(struct scene *s)
{
	unsigned i;

	plain(s);
	for (i = 6; i < SLOTS; i += 3)
		AO_store(&world_slot(s->w, i)->word,
		    world_word(s->w, 0, SLOT_ABANDONED, 1));
	s->at_ease = true;
}

/* ---- the end ------------------------------------------------------------ */

/* Everybody sends and hears for a lap, and nobody waits for anything. */
static void
a_lap_of_all(struct scene *s)
{
	unsigned i;

	for (i = 0; i < SLOTS; i += 2) {
		send_from(s, 1, 1);
		send_from(s, 2, 1);
		hear(s);
		assert_int_equal(s->ring[3].rx.cursor, world_tail(s->w));
	}
}

static void
end(struct scene *s)
{
	uint64_t unnoted, gave_up, tail;
	unsigned i;

	four_cancels(s);
	if (s->at_ease)
		assert_int_equal(s->ring[1].tx.failed, 0);
	if (s->joins) {
		uint64_t had;

		joined_well(s);
		had = counted(&s->ring[4]);
		send_from(s, 1, 2);
		send_from(s, 2, 2 * SLOTS);
		joined_well(s);
		assert_int_equal(counted(&s->ring[4]), had + 2 + 2 * SLOTS);
	}
	if (s->unstuck) {
		hear(s);
		assert_int_equal(s->ring[3].rx.cursor, world_tail(s->w));
	}
	hear_out(s, &s->ring[3]);
	ring_settle(&s->ring[3]);
	assert_int_equal(s->ring[3].rx.bad, 0);
	for (i = 1; i < 5 && s->ring[3].rx.lost == 0; i++) {
		if (i == 1 && s->killed) /* up to a batch that it never noted */
			assert_in_range(s->heard[i], s->told[i],
			    s->told[i] + 2);
		else
			assert_int_equal(s->heard[i], s->told[i]);
	}
	unnoted = 0;
	if (s->killed) {
		s->w->dead[1] = true;
		world_attach(s->w, &s->ring[1], 1, false);
		s->w->serial[1] += 1000;
		unnoted = all_sent(s, 0) - counted(&s->ring[3]);
		if (s->ring[3].rx.lost == 0)
			assert_in_range(counted(&s->ring[3]) - all_sent(s, 1),
			    s->heard[1], s->heard[1]);
	}
	assert_int_equal(counted(&s->ring[3]) + unnoted, all_sent(s, 0));
	ring_tidy(&s->ring[1], SLOTS); /* as it would after a second */

	gave_up = s->ring[3].rx.gave_up;
	a_lap_of_all(s);
	a_lap_of_all(s);
	tail = world_tail(s->w);
	a_lap_of_all(s);
	assert_int_equal(world_tail(s->w), tail + SLOTS);
	assert_int_equal(s->ring[3].rx.gave_up, gave_up);
	assert_int_equal(s->ring[3].rx.bad, 0);
	assert_int_equal(counted(&s->ring[3]) + unnoted, all_sent(s, 0));
	hear_out(s, &s->ring[0]);
	ring_settle(&s->ring[0]);
	if (!s->killed)
		assert_int_equal(counted(&s->ring[0]), all_sent(s, 0));
}

/* All of the first points; of an operation's further course, some. */
static unsigned
next(unsigned point)
{
	return point < FEW ? point + 1 : point + THEN;
}

/* What an actor plays. */
struct part {
	void (*run)(struct scene *s);
};

static void
act(void *arg)
{
	struct part *part = arg;

	part->run(&scene);
}

/*
 * Plays FIRST and SECOND in the scene PREPARE in all ways.  With KILL the
 * first is not played any further.
 */
static void
play_all(void (*prepare)(struct scene *), void (*first)(struct scene *),
    void (*second)(struct scene *), bool kill)
{
	struct part parts[2] = { { first }, { second } };
	struct scene *s = &scene;
	unsigned i, j;
	bool i_last = false;

	for (i = 0; !i_last; i = next(i)) {
		bool j_last = false;

		for (j = 0; !j_last; j = next(j)) {
			begin(s);
			prepare(s);
			actor_cast(0, act, &parts[0]);
			actor_cast(1, act, &parts[1]);
			actor_play(0, i);
			i_last = actor_ended(0);
			s->killed = kill && !i_last;
			actor_play(1, j);
			j_last = actor_ended(1) || s->killed;
			if (!s->killed)
				actor_play(0, FOR_EVER);
			actor_play(1, FOR_EVER);
			assert_true(actor_ended(1));
			assert_true(s->killed || actor_ended(0));
			end(s);
		}
	}
	assert_true(i > 1);
}

static void
test_two_writers(void **state)
{
	(void)state;
	play_all(plain, one_sends, two_sends, false);
	play_all(plain, one_packs, two_sends, false);
	play_all(plain, one_claims, two_sends, false);
	play_all(plain, one_claims_in_vain, two_sends, false);
	play_all(plain, one_sends, two_sends_a_lap, false);
	play_all(plain, one_packs, two_sends_a_lap, false);
	play_all(plain, two_sends_a_lap, one_sends, false);
	play_all(plain, one_claims, two_sends_a_lap, false);
	play_all(plain, one_claims_in_vain, two_sends_a_lap, false);
	play_all(four_holds, one_sends, two_sends_many, false);
}

static void
test_held_slot(void **state)
{
	(void)state;
	play_all(four_held_for_a_lap, one_sends, two_sends, false);
	play_all(four_held_for_a_lap, one_sends, four_publishes, false);
	play_all(four_held_for_a_lap, one_sends, four_cancels, false);
	play_all(four_held_for_a_lap, four_publishes, two_sends_a_lap, false);
	play_all(four_held_for_a_lap, four_cancels, two_sends_a_lap, false);
	play_all(four_given_up, four_publishes, two_sends, false);
	play_all(four_given_up, four_cancels, two_sends, false);
	play_all(four_died_a_lap_ago, one_sends, two_sends, false);
	play_all(four_died_a_lap_ago, one_sends, two_sends_a_lap, false);
	play_all(four_died_a_lap_ago, one_sends, four_joins, false);
	play_all(four_died_a_lap_ago, four_joins, two_sends_a_lap, false);
}

static void
test_giving_up(void **state)
{
	(void)state;
	play_all(plain, one_sends, three_gives_up, false);
	play_all(plain, one_packs, three_gives_up, false);
	play_all(plain, one_claims, three_gives_up, false);
	play_all(plain, one_claims_in_vain, three_gives_up, false);
	play_all(plain, one_sends, two_goes_on, false);
	play_all(plain, one_claims, two_goes_on, false);
	play_all(plain, one_claims_in_vain, two_goes_on, false);
	play_all(plain, one_sends, reader_gives_up, false);
	play_all(four_holds, three_gives_up, four_publishes, false);
	play_all(four_holds, three_gives_up, four_cancels, false);
	play_all(four_holds, four_publishes, three_gives_up, false);
	play_all(four_holds, four_publishes, two_goes_on, false);
	play_all(four_holds, four_cancels, two_goes_on, false);
	play_all(four_holds, three_gives_up, two_gives_up, false);
	play_all(four_holds, three_gives_up, two_sends_a_lap, false);
	play_all(four_held_for_a_lap, three_gives_up, one_sends, false);
}

static void
test_reader_lapped(void **state)
{
	(void)state;
	play_all(some_to_read, three_receives, two_sends, false);
	play_all(some_to_read, three_receives, two_sends_many, false);
	play_all(some_to_read, three_receives, two_sends_a_lap, false);
	play_all(some_to_read, three_takes, two_sends_many, false);
	play_all(some_to_read, three_takes, two_sends_a_lap, false);
	play_all(rest_to_read, three_receives, two_sends, false);
	play_all(rest_to_read, three_receives, two_sends_many, false);
	play_all(rest_to_read, three_receives, two_sends_a_lap, false);
	play_all(rest_to_read, three_takes, two_sends_a_lap, false);
	play_all(lapped, three_receives, two_sends_a_lap, false);
	play_all(lapped, three_takes, one_sends, false);
}

static void
test_settling(void **state)
{
	(void)state;
	play_all(lapped_and_heard, three_settles, one_sends, false);
	play_all(lapped_and_heard, one_sends, three_settles, false);
	play_all(lapped_and_heard, three_settles, two_sends_a_lap, false);
	play_all(lapped_and_heard, one_claims, three_settles, false);
}

/* Lapped before it has looked even once, a newcomer knows what it lost. */
static void
lapped_at_once(void (*first)(struct scene *), void (*second)(struct scene *))
{
	struct part parts[2] = { { first }, { second } };
	struct scene *s = &scene;
	unsigned i;
	bool last = false;

	for (i = 0; !last; i++) {
		begin(s);
		plain(s);
		actor_cast(0, act, &parts[0]);
		actor_cast(1, act, &parts[1]);
		actor_play(0, i);
		last = actor_ended(0);
		actor_play(1, FOR_EVER);
		actor_play(0, FOR_EVER);
		send_from(s, 1, 1);
		send_from(s, 2, 20);
		send_from(s, 2, 20);
		joined_well(s);
		assert_true(s->ring[4].rx.lost > 0);
	}
}

static void
test_joining(void **state)
{
	(void)state;
	lapped_at_once(four_joins, one_sends);
	lapped_at_once(four_joins, two_sends);
	lapped_at_once(one_sends, four_joins);
	play_all(plain, one_sends, four_joins, false);
	play_all(plain, one_claims, four_joins, false);
	play_all(lapped, two_sends_a_lap, four_joins, false);
}

static void
test_killed(void **state)
{
	(void)state;
	play_all(plain, one_sends, two_sends, true);
	play_all(plain, one_sends, two_sends_a_lap, true);
	play_all(plain, one_sends, two_goes_on, true);
	play_all(plain, one_claims, two_goes_on, true);
	play_all(plain, one_claims_in_vain, two_goes_on, true);
	play_all(four_held_for_a_lap, one_sends, two_goes_on, true);
}

static void
test_tidying(void **state)
{
	(void)state;
	play_all(slots_of_one, one_sends, one_tidies, false);
	play_all(slots_of_one, one_tidies, one_sends, false);
	play_all(slots_of_one, one_claims, one_tidies, false);
	play_all(slots_of_one, one_claims_in_vain, one_tidies, false);
	play_all(slots_of_one, one_tidies, two_sends_a_lap, false);
}

static void
op_leave_lap_0(void *arg)
{
	leave_lap_0(arg);
}

/*
 * A liar has put the tail into lap 0.  Two move it out at once, and tickets are
 * given out meanwhile: none is given out again.
 */
static void
test_lap_0(void **state)
{
	struct scene *s = &scene;
	unsigned i;
	bool last = false;

	(void)state;
	for (i = 0; !last; i++) {
		struct format_header *head;

		begin(s);
		plain(s);
		head = (void *)s->w->base;
		AO_store(&head->tail, 3);
		actor_cast(0, op_leave_lap_0, &s->ring[1]);
		actor_play(0, i);
		last = actor_ended(0);
		leave_lap_0(&s->ring[2]);
		AO_fetch_and_add_full(&head->tail, 5);
		actor_play(0, FOR_EVER);
		assert_int_equal(AO_load(&head->tail), SLOTS + 5);
	}
}

static int
stop(void **state)
{
	(void)state;
	actors_leave();
	if (scene.w != NULL)
		world_free(scene.w);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_writers),
		cmocka_unit_test(test_held_slot),
		cmocka_unit_test(test_giving_up),
		cmocka_unit_test(test_reader_lapped),
		cmocka_unit_test(test_settling),
		cmocka_unit_test(test_joining),
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_tidying),
		cmocka_unit_test(test_lap_0),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, stop);
}
