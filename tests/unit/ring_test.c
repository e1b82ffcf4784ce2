/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ring_test.c - order, wholeness, addressing: a ring with nobody in trouble
 */
#include <sys/mman.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/world.h"

#define SLOTS 64u

/* All readers get all frames of all others, in one order, whole (I2, I4). */
static void
test_order(void **state)
{
	struct world *w = world_new(1500, SLOTS);
	struct ring *r[3], *reader;
	struct mark log[4][SLOTS * 8];
	unsigned n[4] = { 0 };
	uint64_t seed = random_seed();
	uint64_t last[4] = { 0 };
	unsigned round, i, k;

	(void)state;
	for (i = 0; i < 3; i++)
		r[i] = world_join(w, i * 7, false);
	reader = world_reader(w, false);
	for (round = 0; round < 6; round++) {
		for (i = 0; i < SLOTS / 4; i++) {
			struct ring *from = r[random_below(&seed, 3)];
			unsigned many = 1 + random_below(&seed, 4);

			send_some(w, from, TO_ALL,
			    14 + random_below(&seed, 1505), many, NULL);
		}
		for (i = 0; i < 4; i++) {
			struct ring *to = i == 3 ? reader : r[i];
			struct ring_frame f;

			while (receive_one(to, &log[i][n[i]], &f)) {
				assert_true(f.position >= last[i]);
				assert_int_equal(f.time_ns, w->now);
				assert_int_not_equal(f.sender, to->me);
				last[i] = f.position;
				n[i]++;
			}
			assert_int_equal(to->rx.cursor, world_tail(w));
			assert_int_equal(ring_state(to), RING_EMPTY);
		}
		w->now += 5;
	}
	/* The bystander heard everything; the others that, less their own. */
	assert_true(n[3] >= 6 * SLOTS / 4);
	for (i = 0; i < 3; i++) {
		unsigned at = 0;

		assert_int_equal(r[i]->rx.lost + r[i]->rx.bad, 0);
		for (k = 0; k < n[3]; k++) {
			if (log[3][k].sender == r[i]->me)
				continue;
			assert_true(at < n[i]);
			assert_memory_equal(&log[i][at++], &log[3][k],
			    sizeof(log[3][k]));
		}
		assert_int_equal(at, n[i]);
		world_leave(w, r[i]);
	}
	world_leave(w, reader);
	world_free(w);
}

/* A sender does not hear itself (I7), whatever the address. */
static void
test_no_echo(void **state)
{
	struct world *w = world_new(1500, SLOTS);
	struct ring *a = world_join(w, 3, false);
	struct ring *b = world_join(w, 4, false);
	struct mark m;

	(void)state;
	a->rx.promisc = true;
	send_one(w, a, TO_ALL, 60);
	send_one(w, a, TO_GROUP, 60);
	send_one(w, a, 3, 60);
	send_one(w, a, 4, 60);
	assert_false(receive_one(a, &m, NULL));
	assert_int_equal(counted(a), 0);
	assert_int_equal(receive_all(b), 3);
	send_one(w, b, 3, 60);
	assert_true(receive_one(a, &m, NULL));
	assert_int_equal(m.sender, 4);
	assert_int_equal(counted(a), 1);
	world_leave(w, a);
	world_leave(w, b);
	world_free(w);
}

/* Unicast for others is passed over and counted, but for promiscuous ones. */
static void
test_filter(void **state)
{
	static const unsigned to[] = { 1, 2, TO_ALL, TO_NOBODY, TO_GROUP, 257,
		1 };
	struct world *w = world_new(1500, SLOTS);
	struct ring *a = world_join(w, 0, false);
	struct ring *b = world_join(w, 1, false);
	struct ring *c = world_join(w, 2, false);
	struct ring *all = world_reader(w, false);
	struct mark m;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(to) / sizeof(to[0]); i++)
		send_one(w, a, to[i], 14 + i);
	for (i = 0; i < sizeof(to) / sizeof(to[0]); i++) {
		assert_true(receive_one(all, &m, NULL));
		assert_int_equal(m.to, to[i] & 0xffff);
		if (to[i] != 1 && to[i] != TO_ALL && to[i] != TO_GROUP)
			continue;
		assert_true(receive_one(b, &m, NULL));
		assert_int_equal(m.to, to[i]);
	}
	assert_false(receive_one(b, &m, NULL));
	assert_int_equal(b->rx.skipped, 3);
	assert_int_equal(b->rx.lost, 0);
	assert_int_equal(receive_all(c), 3);
	assert_int_equal(c->rx.skipped, 4);
	/* From one frame to the next it may change its mind. */
	send_some(w, a, TO_NOBODY, APART, 2, NULL);
	c->rx.promisc = true;
	assert_true(receive_one(c, &m, NULL));
	c->rx.promisc = false;
	assert_false(receive_one(c, &m, NULL));
	c->rx.mac = frame_address(TO_NOBODY);
	send_one(w, a, TO_NOBODY, 60);
	send_one(w, a, 2, 60);
	assert_true(receive_one(c, &m, NULL));
	assert_false(receive_one(c, &m, NULL));
	assert_int_equal(counted(c), 11);
	world_leave(w, a);
	world_leave(w, b);
	world_leave(w, c);
	world_leave(w, all);
	world_free(w);
}

/* An address that differs in any one bit is another's. */
static void
test_filter_bits(void **state)
{
	struct world *w = world_new(1500, SLOTS);
	struct ring *a = world_join(w, 0, false);
	struct ring *b = world_join(w, 1, false);
	uint64_t mac = b->rx.mac;
	struct mark m;
	unsigned bit;

	(void)state;
	for (bit = 16; bit < 64; bit++) {
		b->rx.mac = mac ^ (uint64_t)1 << bit;
		send_one(w, a, 1, 60);
		assert_false(receive_one(b, &m, NULL));
	}
	b->rx.mac = mac;
	send_one(w, a, 1, 60);
	assert_true(receive_one(b, &m, NULL));
	world_leave(w, a);
	world_leave(w, b);
	world_free(w);
}

/* Every length goes through, at each of the geometry's ends. */
static void
test_lengths(void **state)
{
	static const uint32_t mtus[] = { 68, 100, 1500, 9000, 65521 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(mtus) / sizeof(mtus[0]); i++) {
		struct world *w = world_new(mtus[i], 16);
		struct ring *a = world_join(w, 0, false);
		struct ring *b = world_join(w, 255, false);
		uint32_t max = w->geo.frame_max;
		uint32_t len = 14;

		while (len <= max) {
			struct ring_frame f;
			struct mark m;

			send_one(w, a, TO_ALL, len);
			assert_true(receive_one(b, &m, &f));
			assert_int_equal(f.len, len);
			if (len == max)
				break;
			len = len < 200 || max - len < 130 ? len + 1 : len + 97;
		}
		assert_int_equal(b->tx.failed + b->rx.bad, 0);
		world_leave(w, a);
		world_leave(w, b);
		world_free(w);
	}
}

/* A batch stays in order where other writers hold slots in its middle. */
static void
test_batch_shifts(void **state)
{
	struct world *w = world_new(1500, 16);
	struct ring *a = world_join(w, 0, false);
	struct ring *b = world_join(w, 1, false);
	struct ring *c = world_reader(w, false);
	struct ring_claim held[3];
	struct ring_frame f;
	struct mark m;
	uint64_t tail;
	unsigned i;

	(void)state;
	/* B holds slots 2, 5 and 6; the rest of the lap goes by. */
	for (i = 0; i < 16; i++) {
		if (i == 2 || i == 5 || i == 6)
			assert_true(claim_one(b, &held[i / 3]));
		else
			send_one(w, a, TO_ALL, 60);
	}
	assert_int_equal(receive_all(c), 2);
	w->now += WORLD_PATIENCE;
	assert_int_equal(receive_all(c), 11);
	assert_int_equal(c->rx.cursor, world_tail(w));

	tail = world_tail(w);
	send_some(w, a, TO_ALL, APART, 10, NULL);
	assert_int_equal(world_tail(w), tail + 13);
	for (i = 0; i < 10; i++) {
		assert_true(receive_one(c, &m, &f));
		assert_int_equal(m.serial, 13 + i + 1);
		assert_int_equal((f.position - tail) % 16,
		    i < 2     ? i :
			i < 4 ? i + 1 :
				i + 3);
	}
	assert_false(receive_one(c, &m, NULL));
	assert_int_equal(c->rx.lost, 0);
	world_leave(w, a);
	world_leave(w, b);
	world_leave(w, c);
	world_free(w);
}

/* Looking, taking, passing: the header first, the bytes when wanted. */
static void
test_look_and_take(void **state)
{
	struct world *w = world_new(1500, SLOTS);
	struct ring *a = world_join(w, 0, false);
	struct ring *b = world_join(w, 1, false);
	struct ring_frame f, g;
	uint8_t buf[1600], want[1600];
	struct mark m;

	(void)state;
	assert_int_equal(ring_look(b, &f), EAGAIN);
	w->now = 777;
	send_one(w, a, 1, 100);
	send_one(w, a, 1, 200);
	send_one(w, a, 1, 300);
	send_one(w, a, 1, 400);
	assert_int_equal(ring_look(b, &f), 0);
	assert_int_equal(f.len, 100);
	assert_int_equal(f.sender, 0);
	assert_int_equal(f.time_ns, 777);
	assert_int_equal(f.seq, 1);
	/* Looking again changes nothing. */
	assert_int_equal(ring_look(b, &g), 0);
	assert_int_equal(g.position, f.position);
	assert_true(ring_take(b, &g, buf, sizeof(buf)));
	assert_true(frame_read(buf, 100, &m));
	/* No more than asked for. */
	assert_int_equal(ring_look(b, &f), 0);
	memset(buf, 0x55, sizeof(buf));
	frame_make(want, 200, 1, 0, 2);
	assert_true(ring_take(b, &f, buf, 50));
	assert_memory_equal(buf, want, 50);
	assert_int_equal(buf[50], 0x55);
	/* Not at all. */
	assert_int_equal(ring_look(b, &f), 0);
	assert_true(ring_take(b, &f, NULL, 0));
	assert_int_equal(b->rx.frames, 2);
	assert_int_equal(b->rx.bytes, 300);
	assert_int_equal(b->rx.skipped, 1);
	/* And no more than there is. */
	assert_int_equal(ring_look(b, &f), 0);
	memset(buf, 0x55, sizeof(buf));
	assert_true(ring_take(b, &f, buf, sizeof(buf)));
	assert_int_equal(buf[400], 0x55);
	assert_int_equal(ring_look(b, &f), EAGAIN);
	world_leave(w, a);
	world_leave(w, b);
	world_free(w);
}

/* What was shown and is overwritten before it is taken is not given (I2). */
static void
test_take_overwritten(void **state)
{
	struct world *w = world_new(1500, 16);
	struct ring *a = world_join(w, 0, false);
	struct ring *b = world_join(w, 1, false);
	struct ring_frame f;
	uint8_t buf[1600];
	unsigned i, n;

	(void)state;
	for (n = 16; n <= 32; n++) {
		send_one(w, a, 1, 60);
		assert_int_equal(ring_look(b, &f), 0);
		for (i = 0; i < n; i++)
			send_one(w, a, 1, 60);
		assert_false(ring_take(b, &f, buf, sizeof(buf)));
		receive_all(b);
		assert_int_equal(b->rx.bad, 0);
		assert_int_equal(counted(b), a->tx.seq);
		assert_true(b->rx.lost > 0);
	}
	/* Nor what is about to be overwritten. */
	send_one(w, a, 1, 60);
	assert_int_equal(ring_look(b, &f), 0);
	for (i = 0; i < 15; i++)
		send_one(w, a, 1, 60);
	assert_true(ring_take(b, &f, buf, sizeof(buf)));
	world_leave(w, a);
	world_leave(w, b);
	world_free(w);
}

/* A batch of receive buffers of different sizes. */
static void
test_recv_sizes(void **state)
{
	struct world *w = world_new(1500, SLOTS);
	struct ring *a = world_join(w, 0, false);
	struct ring *b = world_join(w, 1, false);
	uint8_t buf[8][128], want[200];
	void *bufs[8];
	uint32_t sizes[8];
	struct ring_frame f[8];
	unsigned i;

	(void)state;
	for (i = 0; i < 6; i++)
		send_one(w, a, i == 3 ? 9 : 1, 100);
	memset(buf, 0x33, sizeof(buf));
	for (i = 0; i < 8; i++) {
		bufs[i] = buf[i];
		sizes[i] = i == 0 ? 0 : i * 30;
	}
	assert_int_equal(ring_recv(b, f, bufs, sizes, 2), 2);
	assert_int_equal(ring_recv(b, f + 2, bufs + 2, sizes + 2, 6), 3);
	for (i = 0; i < 5; i++) {
		uint32_t n = sizes[i] < 100 ? sizes[i] : 100;

		frame_make(want, 100, 1, 0, i < 3 ? i + 1 : i + 2);
		assert_memory_equal(buf[i], want, n);
		assert_int_equal(buf[i][n], 0x33);
		assert_int_equal(f[i].len, 100);
	}
	assert_int_equal(b->rx.frames, 5);
	assert_int_equal(b->rx.skipped, 1);
	world_leave(w, a);
	world_leave(w, b);
	world_free(w);
}

/* A slot given back without a frame holds up nobody. */
static void
test_cancel(void **state)
{
	struct world *w = world_new(1500, 16);
	struct ring *a = world_join(w, 0, false);
	struct ring *b = world_join(w, 1, false);
	struct ring_claim c;
	uint64_t tail;
	unsigned i;

	(void)state;
	for (i = 0; i < 40; i++) {
		assert_true(claim_one(a, &c));
		send_one(w, b, TO_ALL, 60);
		memset(c.slot->data, 0xee, 60);
		assert_int_equal(ring_state(b), RING_STUCK);
		ring_cancel(a, &c);
		assert_int_equal(ring_state(b), RING_READY);
		assert_int_equal(receive_all(b), 0);
		assert_int_equal(receive_all(a), 1);
		assert_int_equal(b->rx.cursor, world_tail(w));
	}
	assert_int_equal(a->tx.seq, 0);
	assert_int_equal(a->tx.failed, 0);
	assert_int_equal(counted(b), 0);
	/* No slot was lost by it. */
	tail = world_tail(w);
	send_some(w, b, TO_ALL, APART, 16, NULL);
	assert_int_equal(world_tail(w), tail + 16);
	world_leave(w, a);
	world_leave(w, b);
	world_free(w);
}

/* What the sending side says of itself. */
static void
test_tx_counts(void **state)
{
	struct world *w = world_new(1500, SLOTS);
	struct ring *a = world_join(w, 9, false);
	struct ring_claim c;

	(void)state;
	send_some(w, a, TO_ALL, APART, 7, NULL);
	assert_int_equal(a->tx.first, w->geo.slots);
	assert_int_equal(AO_load(&a->att[9].tx_seq), 7);
	assert_true(claim_one(a, &c));
	assert_int_equal(a->tx.first, w->geo.slots + 7);
	assert_int_equal(publish_one(w, a, &c, TO_ALL, 50), 0);
	assert_int_equal(AO_load(&a->att[9].tx_seq), 8);
	assert_int_equal(a->tx.bytes, 7 * APART + 50);
	assert_int_equal(a->tx.failed, 0);
	world_leave(w, a);
	world_free(w);
}

/* One who may only read writes nothing: it works on pages that forbid it. */
static void
test_readonly(void **state)
{
	struct world *w = world_new(1500, 16);
	struct ring *a = world_join(w, 0, false);
	struct ring *b = world_join(w, 1, false);
	size_t len = w->mapped_len - 2 * w->page;
	uint8_t *at = w->mapped + w->page;
	struct ring *r;
	struct ring_claim c;
	struct ring_frame f;
	struct mark m;

	(void)state;
	send_some(w, a, TO_ALL, APART, 20, NULL);
	send_some(w, a, 1, APART, 3, NULL);
	assert_int_equal(mprotect(at, len, PROT_READ), 0);
	r = world_reader(w, true);
	assert_int_equal(receive_all(r), 16);
	assert_int_equal(ring_look(r, &f), EAGAIN);
	mprotect(at, len, PROT_READ | PROT_WRITE);
	send_some(w, a, 1, APART, 2, NULL);
	assert_true(claim_one(b, &c));
	send_some(w, a, 1, APART, 2, NULL);
	mprotect(at, len, PROT_READ);
	assert_int_equal(ring_look(r, &f), 0);
	assert_true(ring_take(r, &f, NULL, 0));
	assert_true(receive_one(r, &m, NULL));
	/* It goes on alone when its patience is over, */
	assert_false(receive_one(r, &m, NULL));
	assert_int_equal(ring_state(r), RING_STUCK);
	w->now += WORLD_PATIENCE - 1;
	assert_false(receive_one(r, &m, NULL));
	w->now += 1;
	assert_int_equal(receive_all(r), 2);
	assert_int_equal(r->rx.gave_up, 1);
	ring_slept(r, false, 0);
	ring_settle(r);
	mprotect(at, len, PROT_READ | PROT_WRITE);
	/* the writer does not notice, and the reader says what it missed. */
	assert_int_equal(publish_one(w, b, &c, TO_ALL, 60), 0);
	ring_settle(r);
	assert_int_equal(r->rx.lost, 1);
	assert_int_equal(r->rx.skipped, 1);
	assert_int_equal(counted(r), 16 + 4 + 1);
	world_leave(w, a);
	world_leave(w, b);
	world_leave(w, r);
	world_free(w);
}

/* Copies of every length, at every alignment, and not a byte more. */
static void
test_copy(void **state)
{
	uint8_t from[400], to[400];
	size_t len, i;

	(void)state;
	for (i = 0; i < sizeof(from); i++)
		from[i] = (uint8_t)(i * 7 + i / 256 + 1);
	for (len = 0; len < 300; len++) {
		size_t shift = len * 13 % 64;

		memset(to, 0, sizeof(to));
		ring_copy(to + 32 + shift % 32, from + shift, len);
		for (i = 0; i < sizeof(to); i++)
			assert_int_equal(to[i],
			    i >= 32 + shift % 32 && i < 32 + shift % 32 + len ?
				from[i - 32 - shift % 32 + shift] :
				0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_no_echo),
		cmocka_unit_test(test_filter),
		cmocka_unit_test(test_filter_bits),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_batch_shifts),
		cmocka_unit_test(test_look_and_take),
		cmocka_unit_test(test_take_overwritten),
		cmocka_unit_test(test_recv_sizes),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_tx_counts),
		cmocka_unit_test(test_readonly),
		cmocka_unit_test(test_copy),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
