/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ring_lies_test.c - a file in which anything may be written at any time (I5)
 *
 * Every call comes to its end, touches nothing outside the region (it lies
 * between pages that cannot be touched), and gives nothing that its caller
 * could not bear.  When the lying ends, the bus is as good as new.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/world.h"

#define SLOTS 16u
#define CREW 3u
#if defined(__SANITIZE_THREAD__) /* takes its time, and sees nothing here */
#define ONE_IN 7u
#else
#define ONE_IN 1u
#endif

struct crew {
	struct world *w;
	struct ring *r[CREW];
	struct ring *reader;
};

static struct world *the_world;

static struct crew
crew_new(void)
{
	struct crew c;
	unsigned i;

	if (the_world == NULL)
		the_world = world_new(1500, SLOTS);
	c.w = the_world;
	world_reset(c.w);
	for (i = 0; i < CREW; i++)
		c.r[i] = world_join(c.w, i + 1, false);
	c.reader = world_reader(c.w, false);
	return c;
}

static void
crew_free(struct crew *c)
{
	unsigned i;

	for (i = 0; i < CREW; i++)
		world_leave(c->w, c->r[i]);
	world_leave(c->w, c->reader);
}

static int
stop(void **state)
{
	(void)state;
	if (the_world != NULL)
		world_free(the_world);
	return 0;
}

/* Receives with no trust; what comes may be anything that can be borne. */
static unsigned
receive(struct ring *r, unsigned n)
{
	/* As small as it may be, so that AddressSanitizer sees it all. */
	uint8_t *buf = malloc(r->frame_max);
	const uint32_t size = r->frame_max;
	void *bufs[1] = { buf };
	struct ring_frame f;
	unsigned got = 0;

	for (; n > 0; n--) {
		if (ring_recv(r, &f, bufs, &size, 1) == 0)
			break;
		assert_in_range(f.len, 14, r->frame_max);
		assert_true(f.sender < FORMAT_ATTACHMENTS);
		got++;
	}
	if (ring_look(r, &f) == 0) {
		assert_in_range(f.len, 14, r->frame_max);
		ring_take(r, &f, buf, r->frame_max);
		got++;
	}
	free(buf);
	return got;
}

/* Every call there is, whatever it returns. */
static void
exercise(struct crew *c, unsigned who)
{
	struct ring *r = c->r[who];
	struct ring_claim claim;
	struct world *w = c->w;
	int error;

	(void)ring_state(r);
	(void)ring_hides(r, world_tail(w));
	(void)ring_patience_left(r, w->now);
	(void)receive(r, 3 * SLOTS);
	(void)receive(c->reader, 3 * SLOTS);
	send_some(w, r, TO_ALL, APART, 3, &error);
	if (claim_one(r, &claim)) {
		assert_in_range((uintptr_t)claim.slot, (uintptr_t)r->slots,
		    (uintptr_t)r->slots + (SLOTS - 1) * r->stride);
		publish_one(w, r, &claim, TO_ALL, 1518);
	}
	if (claim_one(r, &claim))
		ring_cancel(r, &claim);
	ring_slept(r, true, world_tail(w) ^ 5);
	ring_settle(r);
	ring_settle(c->reader);
	(void)ring_state(r);
	(void)ring_state(c->reader);
}

/*
 * Nobody lies any more.  After some frames of everybody, and some time, it is
 * an ordinary bus again: nothing lost, no waiting, no echo, and patience with
 * those who are in the middle of something.
 */
static void
recovers(struct crew *c)
{
	struct world *w = c->w;
	uint64_t tail, seen[CREW], lost[CREW], gave_up[CREW];
	struct ring_claim claim;
	struct mark m;
	unsigned i, k, lap;

	for (lap = 0; lap < 8; lap++) {
		int error;

		for (i = 0; i < CREW; i++)
			for (k = 0; k < SLOTS; k++)
				send_some(w, c->r[i], TO_ALL, 60, 1, &error);
		for (i = 0; i < CREW; i++)
			receive(c->r[i], 10 * SLOTS);
		receive(c->reader, 10 * SLOTS);
		w->now += WORLD_PATIENCE;
	}
	for (i = 0; i < CREW; i++) {
		ring_settle(c->r[i]);
		seen[i] = c->r[i]->rx.frames;
		lost[i] = c->r[i]->rx.lost + c->r[i]->rx.bad;
		gave_up[i] = c->r[i]->rx.gave_up;
		assert_int_equal(c->r[i]->rx.cursor, world_tail(w));
	}
	tail = world_tail(w);
	for (lap = 0; lap < 2 * SLOTS; lap++)
		for (i = 0; i < CREW; i++) {
			uint64_t serial = send_one(w, c->r[i], TO_ALL, 60);

			for (k = 0; k < CREW; k++) {
				if (k == i) {
					assert_false(
					    receive_one(c->r[k], &m, NULL));
					continue;
				}
				assert_true(receive_one(c->r[k], &m, NULL));
				assert_int_equal(m.serial, serial);
			}
			assert_true(receive_one(c->reader, &m, NULL));
		}
	assert_int_equal(world_tail(w), tail + 2 * SLOTS * CREW);
	for (i = 0; i < CREW; i++) {
		ring_settle(c->r[i]);
		seen[i] = c->r[i]->rx.frames - seen[i];
		assert_int_equal(seen[i], 2 * SLOTS * (CREW - 1));
		assert_int_equal(c->r[i]->rx.lost + c->r[i]->rx.bad, lost[i]);
		assert_int_equal(c->r[i]->rx.gave_up, gave_up[i]);
	}
	/* Patience is not used up. */
	for (i = 0; i < CREW; i++) {
		assert_true(claim_one(c->r[i], &claim));
		for (k = 0; k < CREW; k++) {
			assert_false(receive_one(c->r[k], &m, NULL));
			assert_false(receive_one(c->r[k], &m, NULL));
		}
		assert_int_equal(publish_one(w, c->r[i], &claim, TO_ALL, 60),
		    0);
		for (k = 0; k < CREW; k++)
			receive_all(c->r[k]);
	}
}

/* A bus in the middle of its life, one reader behind by BEHIND frames. */
static struct crew
crew_at_work(unsigned sent, unsigned behind)
{
	struct crew c = crew_new();
	unsigned i;

	for (i = 0; i < sent; i++) {
		if (i + behind == sent)
			for (unsigned k = 0; k < CREW; k++)
				receive_all(c.r[k]);
		send_one(c.w, c.r[i % CREW], TO_ALL, 60 + i);
	}
	return c;
}

static void
test_tail(void **state)
{
	static const int64_t by[] = { -1, 1, -2, 7, -(int64_t)SLOTS, SLOTS,
		-(int64_t)SLOTS - 1, SLOTS + 1, 3 * SLOTS, 1000, 1ll << 32,
		1ll << 40, 1ll << 52, 1ll << 62 };
	static const uint64_t at[] = { 0, 1, SLOTS - 1, SLOTS, SLOTS + 1,
		(uint64_t)1 << 52, ((uint64_t)1 << 52) - 3, (uint64_t)1 << 63,
		((uint64_t)1 << 63) - 2, UINT64_MAX, UINT64_MAX - 1,
		UINT64_MAX - SLOTS, UINT64_MAX - 3 * SLOTS };
	const size_t n = sizeof(by) / sizeof(by[0]);
	size_t i;
	unsigned behind, back;

	(void)state;
	for (i = 0; i < n + sizeof(at) / sizeof(at[0]); i++)
		for (behind = 0; behind < SLOTS; behind += 5)
			for (back = 0; back < 2; back++) {
				struct crew c = crew_at_work(60, behind);
				struct format_header *h = (void *)c.w->base;
				uint64_t was = world_tail(c.w);

				AO_store(&h->tail,
				    i < n ? was + (uint64_t)by[i] : at[i - n]);
				exercise(&c, 0);
				exercise(&c, 1);
				c.w->now += WORLD_PATIENCE;
				exercise(&c, 0);
				/* The liar may take it back, too. */
				if (back) {
					AO_store(&h->tail, was);
					exercise(&c, 0);
				}
				recovers(&c);
				crew_free(&c);
			}
}

/*
 * The tail is put back to where somebody who came late has never been: he does
 * not hear himself for that.
 */
static void
test_no_echo_after_a_lie(void **state)
{
	struct crew c = crew_new();
	struct format_header *h = (void *)c.w->base;
	struct ring *late;
	struct mark m;
	unsigned i;

	(void)state;
	for (i = 0; i < 40 * SLOTS; i++)
		send_one(c.w, c.r[0], TO_ALL, 60);
	late = world_join(c.w, 9, false);
	AO_store(&h->tail, 2 * SLOTS);
	for (i = 0; i < 4 * SLOTS; i++) {
		int error;

		send_some(c.w, late, TO_ALL, 60, 1, &error);
		assert_false(receive_one(late, &m, NULL));
		send_some(c.w, c.r[1], TO_ALL, 60, 1, &error);
		receive(late, 100);
		c.w->now += WORLD_PATIENCE;
	}
	world_leave(c.w, late);
	recovers(&c);
	crew_free(&c);
}

static void
test_word(void **state)
{
	static const int64_t laps[] = { 0, 1, 2, -1, -2, 1000, 1ll << 31,
		1ll << 46, -4 };
	static const unsigned owners[] = { 1, 2, 3, 77, 255, 256, 1000, 0x2000,
		0x3ffe, 0x3fff };
	unsigned turn = 0;
	unsigned at, s;
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof(laps) / sizeof(laps[0]); i++)
		for (k = 0; k < sizeof(owners) / sizeof(owners[0]); k++)
			for (s = 0; s < 4; s++)
				for (at = 0; at < 4; at++) {
					struct crew c;
					uint64_t pos, lap;

					if (turn++ % ONE_IN != 0)
						continue;
					c = crew_at_work(60, 9);
					pos = c.r[0]->rx.cursor;

					/* its cursor, others', the next */
					if (at == 1)
						pos += 3;
					else if (at == 2)
						pos = world_tail(c.w);
					else if (at == 3)
						pos = world_tail(c.w) + 2;
					lap = pos / SLOTS + (uint64_t)laps[i];
					AO_store(&world_slot(c.w, pos)->word,
					    lap << 16 | s << 14 | owners[k]);
					exercise(&c, 0);
					c.w->now += WORLD_PATIENCE;
					exercise(&c, 1);
					recovers(&c);
					crew_free(&c);
				}
}

/*
 * A slot shows a frame at the tail, where nobody has put one, good or bad.  It
 * is read once at most, and then there is nothing to receive.
 */
static void
test_frame_at_the_tail(void **state)
{
	uint32_t len;

	(void)state;
	for (len = 0; len <= 60; len += 60) {
		struct crew c = crew_at_work(60, 9);
		struct format_slot *s;
		uint64_t bad;

		receive(c.r[0], 3 * SLOTS);
		receive(c.reader, 3 * SLOTS);
		s = world_slot(c.w, world_tail(c.w));
		AO_store(&s->meta, (AO_t)2 << 32 | len);
		AO_store(&s->word,
		    world_word(c.w, world_tail(c.w), SLOT_COMMITTED, 2));
		assert_in_range(receive(c.r[0], 1), 0, 1);
		assert_in_range(receive(c.reader, 1), 0, 1);
		receive(c.r[0], 1);
		receive(c.reader, 1);
		bad = c.r[0]->rx.bad;
		assert_int_equal(receive(c.r[0], 100), 0);
		assert_int_equal(receive(c.reader, 100), 0);
		assert_int_equal(c.r[0]->rx.bad, bad);
		assert_int_equal(ring_state(c.r[0]), RING_EMPTY);
		assert_int_equal(ring_state(c.reader), RING_EMPTY);
		recovers(&c);
		crew_free(&c);
	}
}

/*
 * Slots said to be in the hands of one who lives and never sends: they are not
 * lost for as long as it lives, once it has looked after its own.
 */
static void
test_held_for_idle(void **state)
{
	struct crew c = crew_new();
	struct ring *idle = world_join(c.w, 50, false);
	uint64_t tail;
	unsigned i;

	(void)state;
	send_some(c.w, c.r[0], TO_ALL, APART, 3 * SLOTS, NULL);
	for (i = 0; i < SLOTS; i++)
		AO_store(&world_slot(c.w, i)->word,
		    world_word(c.w, 3 * SLOTS,
			i % 2 ? SLOT_WRITING : SLOT_ABANDONED, 50));
	exercise(&c, 0);
	exercise(&c, 1);
	ring_tidy(idle, SLOTS);
	tail = world_tail(c.w);
	send_some(c.w, c.r[0], TO_ALL, APART, SLOTS, NULL);
	assert_int_equal(world_tail(c.w), tail + SLOTS);
	recovers(&c);
	world_leave(c.w, idle);
	crew_free(&c);
}

/* A frame's header lies: it is counted as bad, and the next one is heard. */
static void
test_frame_header(void **state)
{
	static const uint64_t metas[] = { 0, 13, 1519, 1520, 0x7fffffff,
		0x80000000, 0xffffffff, 60 | 256ull << 32, 60 | 0xffffull << 32,
		60 | 64ull << 48, 60 | 1ull << 63, UINT64_MAX };
	struct mark m;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(metas) / sizeof(metas[0]); i++) {
		struct crew c = crew_new();
		struct ring_frame f;

		send_some(c.w, c.r[0], TO_ALL, APART, 2, NULL);
		AO_store(&world_slot(c.w, SLOTS)->meta, metas[i]);
		assert_int_equal(ring_look(c.r[1], &f), 0);
		assert_int_equal(f.position, SLOTS + 1);
		assert_true(ring_take(c.r[1], &f, NULL, 0));
		assert_true(receive_one(c.r[2], &m, NULL));
		assert_int_equal(m.serial, 2);
		assert_int_equal(c.r[1]->rx.bad, 1);
		assert_int_equal(c.r[2]->rx.bad, 1);
		recovers(&c);
		crew_free(&c);
	}
}

/* The least and the longest there may be are no lies. */
static void
test_frame_header_ends(void **state)
{
	static const uint64_t metas[] = { 14 | 1ull << 32, 1518 | 1ull << 32,
		60 | 255ull << 32 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(metas) / sizeof(metas[0]); i++) {
		struct crew c = crew_new();

		send_one(c.w, c.r[0], TO_ALL, 60);
		AO_store(&world_slot(c.w, SLOTS)->meta, metas[i]);
		assert_int_equal(receive(c.r[1], 9), 1);
		assert_int_equal(c.r[1]->rx.bad, 0);
		recovers(&c);
		crew_free(&c);
	}
}

/* Counts that lie: no endless loop, and no counter runs away for good. */
static void
test_counts(void **state)
{
	static const uint64_t seqs[] = { 0, 1, (uint64_t)1 << 32,
		(uint64_t)1 << 63, UINT64_MAX - 1, UINT64_MAX };
	size_t i;
	unsigned k;

	(void)state;
	for (i = 0; i < sizeof(seqs) / sizeof(seqs[0]); i++) {
		struct crew c = crew_at_work(60, 40);
		struct ring *late;
		uint64_t lost;

		for (k = 0; k < SLOTS; k += 3)
			AO_store(&world_slot(c.w, k)->seq, seqs[i]);
		AO_store(&c.r[0]->att[2].tx_seq, seqs[i]);
		AO_store(&c.r[0]->att[99].tx_seq, seqs[i]);
		late = world_join(c.w, 99, true);
		exercise(&c, 0);
		exercise(&c, 1);
		receive(late, 100);
		ring_settle(late);
		/* No more than positions passed over can hold. */
		assert_true(c.r[0]->rx.lost <= world_tail(c.w) * FORMAT_PACK);
		assert_true(late->rx.lost <= world_tail(c.w) * FORMAT_PACK);
		recovers(&c);
		lost = c.r[0]->rx.lost;
		ring_settle(c.r[0]);
		assert_true(c.r[0]->rx.lost - lost <= SLOTS * FORMAT_PACK);
		world_leave(c.w, late);
		crew_free(&c);
	}
}

/* A newcomer to a file of lies. */
static void
test_join(void **state)
{
	static const uint64_t tails[] = { 0, 1, SLOTS - 1, SLOTS, 33, 1000,
		(uint64_t)1 << 52, UINT64_MAX, UINT64_MAX - 3 };
	uint64_t seed = random_seed();
	size_t i;
	unsigned round, k;

	(void)state;
	for (i = 0; i < sizeof(tails) / sizeof(tails[0]); i++)
		for (round = 0; round < 60 / ONE_IN; round++) {
			struct crew c = crew_at_work(50, 3);
			struct format_header *h = (void *)c.w->base;
			struct ring *late, *reader;

			AO_store(&h->tail, tails[i]);
			for (k = 0; k < SLOTS; k++)
				if (random_below(&seed, 2))
					AO_store(&world_slot(c.w, k)->word,
					    random_next(&seed) &
						~(uint64_t)0x3fff);
			late = world_join(c.w, 9, round % 2);
			reader = world_reader(c.w, round % 3 == 0);
			receive(late, 100);
			receive(reader, 100);
			exercise(&c, 0);
			receive(late, 100);
			receive(reader, 100);
			world_leave(c.w, late);
			world_leave(c.w, reader);
			recovers(&c);
			crew_free(&c);
		}
}

/* Writes something somewhere. */
static void
scribble(struct crew *c, uint64_t *seed)
{
	struct world *w = c->w;
	struct format_slot *s = world_slot(w, random_below(seed, SLOTS));
	struct format_header *h = (void *)w->base;
	struct format_attachment *a = (void *)(w->base + FORMAT_HEADER);
	uint64_t near = world_tail(w) / SLOTS + random_below(seed, 5) - 2;
	unsigned owner = random_below(seed, 2) ? 1 + random_below(seed, CREW) :
						 256 + random_below(seed, 9000);
	uint64_t any = random_next(seed);

	switch (random_below(seed, 12)) {
	case 0:
		AO_store(&h->tail, any >> random_below(seed, 64));
		break;
	case 1:
		AO_store(&h->tail, world_tail(w) + any % 64 - 32);
		break;
	case 2:
	case 3:
	case 4:
		AO_store(&s->word,
		    near << 16 | (uint64_t)random_below(seed, 4) << 14 | owner);
		break;
	case 5:
		AO_store(&s->word, (any & ~(uint64_t)0x3fff) | owner);
		break;
	case 6:
		AO_store(&s->meta, any);
		break;
	case 7:
		AO_store(&s->meta,
		    random_below(seed, 2000) |
			(uint64_t)random_below(seed, 300) << 32);
		break;
	case 8:
		AO_store(&s->seq, any >> random_below(seed, 64));
		break;
	case 9:
		AO_store(&a[random_below(seed, 256)].tx_seq,
		    any >> random_below(seed, 64));
		break;
	case 10:
		memset(s->data, (int)any & 0xff, 64);
		break;
	default:
		AO_store(&s->word, any % 2 ? 0 : AO_load(&s->word) ^ 1 << 14);
	}
}

static void
test_random(void **state)
{
	uint64_t seed = random_seed();
	unsigned round, i;

	(void)state;
	for (round = 0; round < 400 / ONE_IN; round++) {
		struct crew c = crew_at_work(random_below(&seed, 64), 1);

		for (i = 0; i < 20; i++) {
			unsigned n = 1 + random_below(&seed, 20);

			while (n-- > 0)
				scribble(&c, &seed);
			exercise(&c, random_below(&seed, CREW));
			c.w->now += random_below(&seed, WORLD_PATIENCE);
		}
		recovers(&c);
		crew_free(&c);
	}
}

/*
 * A tail ahead of the truth makes a reader wait for writers that do not exist.
 * When it has been taken back, that patience is not held against those who
 * come to these positions later.
 */
static void
test_patience_after_a_lie(void **state)
{
	struct crew c = crew_at_work(20, 0);
	struct format_header *h = (void *)c.w->base;
	uint64_t was = world_tail(c.w);
	struct ring_claim claim;
	struct mark m;

	(void)state;
	receive_all(c.r[1]);
	AO_store(&h->tail, was + SLOTS / 2);
	assert_false(receive_one(c.r[1], &m, NULL));
	AO_store(&h->tail, was);
	assert_false(receive_one(c.r[1], &m, NULL));
	c.w->now += 2 * WORLD_PATIENCE;
	assert_true(claim_one(c.r[0], &claim));
	assert_false(receive_one(c.r[1], &m, NULL));
	assert_int_equal(publish_one(c.w, c.r[0], &claim, TO_ALL, 60), 0);
	assert_true(receive_one(c.r[1], &m, NULL));
	crew_free(&c);
}

/* Somebody scribbles while a call runs: between any two of its questions. */
static uint64_t amid_seed;

static void
amid(struct world *w, unsigned owner)
{
	struct crew *c = w->arg;

	(void)owner;
	scribble(c, &amid_seed);
}

static void
test_random_amid(void **state)
{
	unsigned round, i;

	(void)state;
	amid_seed = random_seed();
	for (round = 0; round < 200 / ONE_IN; round++) {
		struct crew c = crew_at_work(40, 1);

		c.w->arg = &c;
		c.w->on_asked = amid;
		for (i = 0; i < 20; i++) {
			scribble(&c, &amid_seed);
			exercise(&c, random_below(&amid_seed, CREW));
			c.w->now += random_below(&amid_seed, WORLD_PATIENCE);
		}
		c.w->on_asked = NULL;
		recovers(&c);
		crew_free(&c);
	}
}

/* However much there is to pass over, a call ends, and the next goes on. */
static void
test_budget(void **state)
{
	const unsigned slots = 1u << 15;
	unsigned way, calls;

	(void)state;
	for (way = 0; way < 2; way++) {
		struct world *w = world_new(68, slots);
		struct ring *r = world_join(w, 3, false);
		uint64_t begin = world_tail(w), pos;

		for (pos = begin; pos < begin + slots; pos++)
			AO_store(&world_slot(w, pos)->word,
			    world_word(w, pos, SLOT_ABANDONED, SLOT_NOBODY));
		AO_store(&r->hdr->tail, begin + slots);
		for (calls = 0; r->rx.cursor != begin + slots; calls++) {
			uint64_t before = r->rx.cursor;
			uint32_t size = 100;
			struct ring_frame f;
			uint8_t bytes[100];
			void *buf = bytes;

			assert_true(calls < 100);
			if (way == 0)
				assert_int_equal(ring_look(r, &f), EAGAIN);
			else
				assert_int_equal(ring_recv(r, &f, &buf, &size,
						     1),
				    0);
			assert_in_range(r->rx.cursor - before, 1, 8192);
		}
		world_leave(w, r);
		world_free(w);
	}
}

/*
 * A frame is looked at, and then somebody writes to its slot's word: it is passed
 * over, and no other one, also where the ring is full.
 */
static void
test_word_amid(void **state)
{
	unsigned n;

	(void)state;
	for (n = 3; n <= SLOTS; n += SLOTS - 3) {
		struct crew c = crew_new();
		struct ring *r = c.r[2];
		struct ring_frame f;
		uint8_t buf[2000];
		uint64_t pos;
		unsigned i;

		for (i = 0; i < n; i++)
			send_one(c.w, c.r[0], TO_ALL, APART);
		assert_int_equal(ring_look(r, &f), 0);
		pos = r->rx.cursor;
		world_slot(c.w, pos)->word ^= 1;
		assert_false(ring_take(r, &f, buf, sizeof(buf)));
		assert_int_equal(r->rx.cursor, pos + 1);
		assert_int_equal(r->rx.bad, 1);
		/* A word of a later lap than there is: passed at once. */
		world_slot(c.w, pos + 1)->word += (AO_t)1 << 16;
		assert_int_equal(receive_all(r), n - 2);
		assert_int_equal(r->rx.bad, 2);
		assert_int_equal(r->rx.gave_up, 0);
		crew_free(&c);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tail),
		cmocka_unit_test(test_no_echo_after_a_lie),
		cmocka_unit_test(test_word),
		cmocka_unit_test(test_frame_at_the_tail),
		cmocka_unit_test(test_held_for_idle),
		cmocka_unit_test(test_frame_header),
		cmocka_unit_test(test_frame_header_ends),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_join),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_random_amid),
		cmocka_unit_test(test_patience_after_a_lie),
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_word_amid),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, stop);
}
