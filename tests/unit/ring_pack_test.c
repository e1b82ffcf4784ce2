/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ring_pack_test.c - frames that are sent together and share a slot
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
#define MANY 64u
#define LEN_MAX 1518u

/* A batch that is kept, to be compared with. */
struct batch {
	uint8_t bytes[MANY][LEN_MAX];
	struct iovec iov[MANY];
	unsigned n;
};

static struct batch batch;

static void
add(struct world *w, const struct ring *r, unsigned to, size_t len)
{
	struct iovec *v = &batch.iov[batch.n];

	assert_true(batch.n < MANY);
	v->iov_base = batch.bytes[batch.n++];
	v->iov_len = len;
	frame_make(v->iov_base, len, to, r->me, ++w->serial[r->me]);
}

/* Sends the batch.  Returns how many positions it took. */
static uint64_t
send_batch(struct world *w, struct ring *r)
{
	uint64_t tail = world_tail(w);
	unsigned sent;

	assert_int_equal(ring_send(r, batch.iov, batch.n, w->now, &sent), 0);
	assert_int_equal(sent, batch.n);
	return world_tail(w) - tail;
}

/* What F shows, and BUF holds, is frame number I of the batch. */
static void
is_frame(const struct ring_frame *f, const uint8_t *buf, unsigned i)
{
	assert_int_equal(f->len, batch.iov[i].iov_len);
	assert_memory_equal(buf, batch.bytes[i], f->len);
}

/* Received in parts of every size, each batch is what was sent. */
static void
test_lengths(void **state)
{
	static uint8_t buf[MANY][LEN_MAX];
	struct world *w = world_new(1500, SLOTS);
	struct ring *a = world_join(w, 1, false);
	struct ring *b = world_join(w, 2, false);
	uint64_t seed = random_seed();
	unsigned part, i, packed = 0;
	struct ring_frame f[MANY];
	uint32_t sizes[MANY];
	void *bufs[MANY];

	(void)state;
	for (i = 0; i < MANY; i++) {
		bufs[i] = buf[i];
		sizes[i] = LEN_MAX;
	}
	for (part = 1; part <= MANY; part++) {
		unsigned longest = part % 3 == 0 ? 60 :
		    part % 3 == 1		 ? 300 :
						   LEN_MAX;
		unsigned n = 1 + random_below(&seed, MANY), got = 0, k;

		batch.n = 0;
		for (i = 0; i < n && longest * i < 4000; i++)
			add(w, a, TO_ALL,
			    14 + random_below(&seed, longest - 13));
		packed += send_batch(w, a) < batch.n;
		while ((k = ring_recv(b, f, bufs, sizes, part)) != 0) {
			for (i = 0; i < k; i++) {
				is_frame(&f[i], buf[i], got + i);
				assert_int_equal(f[i].seq,
				    a->tx.seq - batch.n + got + i + 1);
				assert_int_equal(f[i].sender, 1);
			}
			got += k;
			assert_true(k == part || got == batch.n);
		}
		assert_int_equal(got, batch.n);
		assert_int_equal(b->rx.cursor, world_tail(w));
	}
	assert_true(packed > MANY / 2);
	assert_int_equal(counted(b), a->tx.seq);
	assert_int_equal(b->rx.bytes, a->tx.bytes);
	assert_int_equal(b->rx.bad + b->rx.lost, 0);
	world_leave(w, a);
	world_leave(w, b);
	world_free(w);
}

/* A slot is filled to its last byte, and not beyond. */
static void
test_room(void **state)
{
	struct world *w = world_new(1500, SLOTS);
	struct ring *a = world_join(w, 1, false);
	struct ring *b = world_join(w, 2, false);
	uint32_t room = w->geo.stride - (uint32_t)sizeof(struct format_slot);
	uint8_t *after = world_slot(w, SLOTS)->data + room;
	unsigned len;

	(void)state;
	for (len = 600; len <= LEN_MAX; len++) {
		/* 104 + 8 for the first, 8 before the second */
		uint64_t fits = 104 + 8 + len <= room;
		uint8_t old = after[0];

		batch.n = 0;
		add(w, a, TO_ALL, 97);
		add(w, a, TO_ALL, len);
		while (world_tail(w) % SLOTS != 0) {
			send_one(w, b, TO_ALL, 60);
			receive_all(a);
		}
		receive_all(b);
		old = after[0];
		assert_int_equal(send_batch(w, a), fits ? 1 : 2);
		if (fits)
			assert_int_equal(after[0], old);
		assert_int_equal(receive_all(b), 2);
	}
	/* As many as there may be. */
	batch.n = 0;
	while (batch.n < MANY)
		add(w, a, TO_ALL, 16);
	assert_int_equal(send_batch(w, a), 1);
	assert_int_equal(receive_all(b), MANY);
	world_leave(w, a);
	world_leave(w, b);
	world_free(w);
}

/* Each frame of a slot has its own address; look, take and pass, in turn. */
static void
test_filter(void **state)
{
	static const unsigned to[] = { 2, 3, TO_ALL, 9, 2, TO_GROUP, 3, 2 };
	enum { N = sizeof(to) / sizeof(to[0]) };
	struct world *w = world_new(1500, SLOTS);
	struct ring *a = world_join(w, 1, false);
	struct ring *r[2];
	struct ring_frame f;
	uint8_t buf[LEN_MAX];
	unsigned turn, i, k;

	(void)state;
	for (k = 0; k < 2; k++)
		r[k] = world_join(w, k + 2, false);
	for (turn = 0; turn < 3 * SLOTS; turn++) {
		batch.n = 0;
		for (i = 0; i < N; i++)
			add(w, a, to[i], 40 + i * turn % 60);
		assert_int_equal(send_batch(w, a), 1);
		for (k = 0; k < 2; k++) {
			for (i = 0; i < N; i++) {
				if (to[i] != k + 2 && to[i] != TO_ALL &&
				    to[i] != TO_GROUP)
					continue;
				assert_int_equal(ring_look(r[k], &f), 0);
				/* Once more shows the same. */
				if (i % 2)
					assert_int_equal(ring_look(r[k], &f),
					    0);
				if ((i + turn) % 3 == 0) {
					assert_true(
					    ring_take(r[k], &f, NULL, 0));
					continue;
				}
				assert_true(
				    ring_take(r[k], &f, buf, sizeof(buf)));
				is_frame(&f, buf, i);
			}
			assert_int_equal(ring_look(r[k], &f), EAGAIN);
			assert_int_equal(r[k]->rx.cursor, world_tail(w));
			assert_int_equal(counted(r[k]), a->tx.seq);
		}
		assert_int_equal(ring_look(a, &f), EAGAIN); /* no echo */
		assert_int_equal(a->rx.cursor, world_tail(w));
	}
	world_leave(w, a);
	world_leave(w, r[0]);
	world_leave(w, r[1]);
	world_free(w);
}

/* Overwritten when some of a slot were read: the rest is lost, to the frame. */
static void
test_lapped_within(void **state)
{
	struct world *w = world_new(1500, SLOTS);
	struct ring *a = world_join(w, 1, false);
	struct ring *b = world_join(w, 2, false);
	struct ring *r = world_join(w, 3, false);
	unsigned some, i, laps;
	struct ring_frame f;
	uint8_t buf[LEN_MAX];
	struct mark m;

	(void)state;
	for (laps = 1; laps < 4; laps++)
		for (some = 0; some < 10; some++) {
			uint64_t lost;

			batch.n = 0;
			for (i = 0; i < 10; i++)
				add(w, a, TO_ALL, 60);
			assert_int_equal(send_batch(w, a), 1);
			for (i = 0; i < some; i++)
				assert_true(receive_one(r, &m, NULL));
			assert_int_equal(ring_look(r, &f), 0);
			for (i = 0; i < laps * SLOTS; i++)
				send_one(w, b, TO_ALL, 60);
			/* What was shown is no more. */
			assert_false(ring_take(r, &f, buf, sizeof(buf)));
			lost = r->rx.lost;
			receive_all(r);
			ring_settle(r);
			assert_int_equal(counted(r), a->tx.seq + b->tx.seq);
			assert_true(r->rx.lost >= lost + 10 - some);
			assert_int_equal(r->rx.bad, 0);
			receive_all(a);
			receive_all(b);
		}
	world_leave(w, a);
	world_leave(w, b);
	world_leave(w, r);
	world_free(w);
}

/* A ticket that gives no slot shifts what was to go there. */
static void
test_shifts(void **state)
{
	struct world *w = world_new(1500, SLOTS);
	struct ring *a = world_join(w, 1, false);
	struct ring *b = world_join(w, 2, false);
	struct ring *r = world_join(w, 3, false);
	unsigned i, sent;
	uint64_t pos;

	(void)state;
	for (i = 0; i < 5; i++) {
		batch.n = 0;
		for (unsigned k = 0; k < 30; k++)
			add(w, a, TO_ALL, 100);
		pos = world_tail(w);
		AO_store(&world_slot(w, pos + 1)->word,
		    world_word(w, pos + 1, SLOT_ABANDONED, SLOT_NOBODY));
		assert_int_equal(ring_send(a, batch.iov, 30, w->now, &sent), 0);
		assert_int_equal(sent, 30);
		/* 14 a slot: three slots, and the one that was not to be had */
		assert_int_equal(world_tail(w), pos + 4);
		assert_int_equal(receive_all(r), 30);
		receive_all(b);
	}
	assert_int_equal(counted(r), a->tx.seq);
	world_leave(w, a);
	world_leave(w, b);
	world_leave(w, r);
	world_free(w);
}

/* Newcomers find out what the last frame of each was, packed or not. */
static void
test_joining(void **state)
{
	struct world *w = world_new(1500, SLOTS);
	struct ring *a = world_join(w, 1, false);
	struct ring *r, *oldest;
	unsigned i;

	(void)state;
	for (i = 0; i < 3; i++) {
		batch.n = 0;
		while (batch.n < 20)
			add(w, a, TO_ALL, 50);
		assert_int_equal(send_batch(w, a), 1);
	}
	/* It died before it could count the last ones. */
	AO_store(&a->att[1].tx_seq, 40);
	world_leave(w, a);
	w->dead[1] = true;
	r = world_join(w, 2, false);
	oldest = world_reader(w, true);
	a = world_join(w, 1, false);
	assert_int_equal(a->tx.seq, 60);
	send_one(w, a, TO_ALL, 60);
	assert_int_equal(receive_all(r), 1);
	assert_int_equal(counted(r), 1);
	assert_int_equal(receive_all(oldest), 61);
	assert_int_equal(counted(oldest), 61);
	/* And so when they are lapped at once. */
	world_leave(w, r);
	r = world_join(w, 2, false);
	for (i = 0; i < 2 * SLOTS; i++)
		send_one(w, a, TO_ALL, 60);
	receive_all(r);
	assert_int_equal(counted(r), 2 * SLOTS);
	world_leave(w, a);
	world_leave(w, r);
	world_leave(w, oldest);
	world_free(w);
}

/*
 * Lengths within a slot, and their number, lie: what is before the lie may be
 * delivered, nothing after it is, and the next slot's frame is heard.
 */
static void
test_lies(void **state)
{
	static const uint64_t lies[] = { 0, 13, 1519, 1569, 0x7ffffff8,
		0x80000000, 0xfffffff0, 0xffffffff, 1ull << 32, 0x5555555555 };
	struct world *w = world_new(1500, SLOTS);
	struct ring *a = world_join(w, 1, false);
	struct ring *r = world_join(w, 2, false);
	uint64_t seed = random_seed();
	unsigned i, k, more, read;

	(void)state;
	for (i = 0; i < sizeof(lies) / sizeof(lies[0]); i++)
		for (k = 1; k < 8; k++)
			for (read = 0; read <= k; read++) {
				struct format_slot *s = world_slot(w,
				    world_tail(w));
				uint64_t bad = r->rx.bad;
				struct mark m;
				unsigned n;

				batch.n = 0;
				while (batch.n < 8)
					add(w, a, TO_ALL, 56);
				assert_int_equal(send_batch(w, a), 1);
				for (n = 0; n < read; n++)
					assert_true(receive_one(r, &m, NULL));
				/* The word before frame K. */
				AO_store((AO_t *)(void *)(s->data + 64 * k - 8),
				    lies[i]);
				while (n < 8 && receive_one(r, &m, NULL))
					n++;
				/* (Of the last two, 32 bits are 0, 0x55..) */
				assert_int_equal(n, read > k ? 8 : k);
				assert_int_equal(r->rx.bad, bad + 1);
				assert_int_equal(r->rx.cursor, world_tail(w));
				receive_all(a);
			}
	/* The number changes at any time, and anything else too. */
	for (i = 0; i < 20000; i++) {
		struct format_slot *s = world_slot(w, world_tail(w));
		uint8_t buf[LEN_MAX];
		struct ring_frame f;

		batch.n = 0;
		while (batch.n < 8)
			add(w, a, TO_ALL, 14 + random_below(&seed, 180));
		send_batch(w, a);
		for (more = 0; more < 12; more++) {
			if (random_below(&seed, 3) == 0)
				AO_store(&s->meta,
				    (uint64_t)random_below(&seed, 1 << 16)
					    << 48 |
					1ull << 32 | random_below(&seed, 1600));
			if (random_below(&seed, 3) == 0)
				AO_store((AO_t *)(void *)(s->data +
					     8 * random_below(&seed, 190)),
				    random_below(&seed, 2) ?
					random_below(&seed, 1600) :
					lies[random_below(&seed, 10)]);
			if (ring_look(r, &f) != 0)
				break;
			assert_in_range(f.len, 14, LEN_MAX);
			assert_true(f.data >= s->data || f.slot != s);
			assert_true(f.data + f.len <=
			    f.slot->data + w->geo.stride - sizeof(*s));
			ring_take(r, &f, buf, sizeof(buf));
		}
		receive_all(a);
	}
	world_leave(w, a);
	world_leave(w, r);
	world_free(w);
}

/* A frame that fills the last slot has none behind it, whatever the slot says. */
static void
test_end_of_region(void **state)
{
	struct world *w = world_new(1550, 64);
	struct ring *a = world_join(w, 1, false), *r = world_join(w, 3, false);
	struct format_slot *s;

	(void)state;
	assert_int_equal(r->room, r->frame_max);
	while (world_tail(w) % 64 != 63)
		send_one(w, a, TO_ALL, 60);
	assert_int_equal(receive_all(r), 63);
	s = world_slot(w, world_tail(w));
	send_one(w, a, TO_ALL, r->frame_max);
	AO_store(&s->meta, AO_load(&s->meta) | (uint64_t)1 << 48);
	assert_int_equal(receive_all(r), 1);
	assert_int_equal(r->rx.bad, 1);
	world_leave(w, a);
	world_leave(w, r);
	world_free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_filter),
		cmocka_unit_test(test_lapped_within),
		cmocka_unit_test(test_shifts),
		cmocka_unit_test(test_joining),
		cmocka_unit_test(test_lies),
		cmocka_unit_test(test_end_of_region),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
