/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * receive_test.c - how long a reader that has caught up pauses, and what others
 * see of its counters
 *
 * shmbus/receive.c is compiled here with pauses that are counted.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shmbus/internal.h"
#include "tests/lib/world.h"

static unsigned pauses, kept;

static void
fake_keep(struct shmbus *of)
{
	(void)of;
	kept++;
}

#define relax() (void)pauses++
#define entry_keep fake_keep
#include "shmbus/receive.c"
#undef relax

static struct world *all;
static struct ring *other;
static struct shmbus *bus;

static int
begin(void **state)
{
	static struct mapping map;

	(void)state;
	all = world_new(1500, 64);
	bus = aligned_alloc(128, (sizeof(*bus) + 127) / 128 * 128);
	memset(bus, 0, sizeof(*bus));
	world_attach(all, &bus->ring, 1, false);
	bus->map = &map;
	bus->geo = all->geo;
	bus->entry = &bus->ring.att[1];
	bus->ident = frame_address(1) | FORMAT_ATT_USED;
	other = world_join(all, 2, false);
	pauses = kept = 0;
	return 0;
}

static int
end(void **state)
{
	(void)state;
	world_leave(all, other);
	world_free(all);
	free(bus);
	return 0;
}

/* Receives up to N frames, and returns how many; *PAUSED: how it paused. */
static unsigned
receive(unsigned n, unsigned *paused)
{
	static uint8_t bufs[8][2000];
	struct shmbus_rx rx[8];
	unsigned i, got, before = pauses;
	int error;

	for (i = 0; i < n; i++)
		rx[i] = (struct shmbus_rx){ .buf = bufs[i], .size = 2000 };
	error = shmbus_recv_batch(bus, rx, n, &got);
	assert_int_equal(error, got == 0 ? EAGAIN : 0);
	*paused = pauses - before;
	return got;
}

/*
 * A reader that receives all there is, time after time, pauses longer and longer;
 * not if there was nothing, or if it has sent something in between.
 */
static void
test_pauses(void **state)
{
	unsigned i, p, expected = 0;

	(void)state;
	for (i = 0; i < 12; i++) {
		send_one(all, other, 1, APART);
		assert_int_equal(receive(4, &p), 1);
		assert_int_equal(p, expected);
		if (expected < BACKOFF_MAX)
			expected = expected * 2 + 8;
		if (i != 3)
			continue;
		/* A call that leaves something there changes nothing. */
		send_one(all, other, 1, APART);
		send_one(all, other, 1, APART);
		assert_int_equal(receive(1, &p), 1);
		assert_int_equal(p, expected);
		assert_int_equal(receive(2, &p), 1);
		assert_int_equal(p, 0);
		expected = expected * 2 + 8;
	}
	assert_true(expected >= BACKOFF_MAX && expected < 3 * BACKOFF_MAX);
	/* There is more than it asked for: no pause before the rest. */
	for (i = 0; i < 3; i++)
		send_one(all, other, 1, APART);
	assert_int_equal(receive(1, &p), 1);
	assert_int_equal(p, expected);
	assert_int_equal(receive(1, &p), 1);
	assert_int_equal(p, 0);
	assert_int_equal(receive(2, &p), 1);
	assert_int_equal(p, 0);
	/* Nothing there. */
	assert_int_equal(receive(2, &p), 0);
	assert_int_equal(p, expected);
	send_one(all, other, 1, APART);
	assert_int_equal(receive(2, &p), 1);
	assert_int_equal(p, 0);
	/* A dialogue. */
	send_one(all, other, 1, APART);
	assert_int_equal(receive(2, &p), 1);
	assert_int_equal(p, 8);
	for (i = 0; i < 3; i++) {
		send_one(all, &bus->ring, 2, APART);
		send_one(all, other, 1, APART);
		assert_int_equal(receive(2, &p), 1);
		assert_int_equal(p, i == 0 ? 24 : 0);
	}
	/* And its end. */
	send_one(all, other, 1, APART);
	assert_int_equal(receive(2, &p), 1);
	assert_int_equal(p, 0);
	send_one(all, other, 1, APART);
	assert_int_equal(receive(2, &p), 1);
	assert_int_equal(p, 8);
}

/* One who never waits looks after its entry, once in KEEP_EVERY calls. */
static void
test_keeps(void **state)
{
	unsigned i, p;

	(void)state;
	for (i = 0; i < 3 * KEEP_EVERY; i++) {
		assert_int_equal(receive(1, &p), 0);
		assert_int_equal(kept, (i + 1) / KEEP_EVERY);
	}
}

/* Each way to receive shows the counters to others. */
static void
test_shown(void **state)
{
	struct format_attachment *a = bus->entry;
	struct shmbus_frame f;
	uint8_t buf[2000];
	unsigned p;

	(void)state;
	send_one(all, other, 1, APART);
	send_one(all, other, 1, APART);
	send_one(all, other, 1, APART);
	send_one(all, other, TO_NOBODY, APART);
	assert_int_equal(receive(1, &p), 1);
	assert_int_equal(AO_load(&a->rx_frames), 1);
	assert_int_equal(shmbus_peek(bus, &f), 0);
	assert_int_equal(f.len, APART);
	assert_int_equal(shmbus_take(bus, buf, sizeof(buf)), 0);
	assert_int_equal(AO_load(&a->rx_frames), 2);
	assert_int_equal(AO_load(&a->rx_bytes), 2 * APART);
	assert_int_equal(shmbus_take(bus, buf, sizeof(buf)), EINVAL);
	assert_int_equal(shmbus_peek(bus, &f), 0);
	assert_int_equal(shmbus_skip(bus), 0);
	assert_int_equal(AO_load(&a->rx_skipped), 1);
	assert_int_equal(shmbus_peek(bus, &f), EAGAIN);
	assert_int_equal(AO_load(&a->rx_skipped), 2);
	assert_int_equal(AO_load(&a->rx_cursor), world_tail(all));
	/* Another call in between, and what was shown cannot be taken. */
	send_one(all, other, 1, APART);
	send_one(all, other, 1, APART);
	assert_int_equal(shmbus_peek(bus, &f), 0);
	assert_int_equal(receive(1, &p), 1);
	assert_int_equal(shmbus_skip(bus), EINVAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_pauses, begin, end),
		cmocka_unit_test_setup_teardown(test_keeps, begin, end),
		cmocka_unit_test_setup_teardown(test_shown, begin, end),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
