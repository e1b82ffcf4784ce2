/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bus_test.c - sending and receiving through the public functions
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/busdir.h"

/* Two on a bus of each geometry pass frames of every kind of length. */
static void
test_geometries(void **state)
{
	static const struct {
		uint32_t mtu, slots;
	} t[] = { { 68, 16 }, { 1500, 2048 }, { 1500, 65536 }, { 9000, 64 },
		{ 65521, 16 } };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		const char *path = bus_new(t[i].mtu, t[i].slots);
		struct shmbus *a = bus_join(path, 1, 0);
		struct shmbus *b = bus_join(path, 2, 0);
		struct shmbus_info info;
		struct shmbus_frame f;
		struct mark m;
		uint32_t len;
		uint64_t n = 0;

		shmbus_info(a, &info);
		assert_int_equal(info.geometry.mtu, t[i].mtu);
		assert_int_equal(info.geometry.slots, t[i].slots);
		assert_int_equal(info.geometry.mode, 0600);
		assert_int_equal(info.frame_max, t[i].mtu + 18);
		assert_int_equal(info.version, 2);
		assert_int_equal(info.tail, 0);
		for (len = 14; len <= info.frame_max;
		     len += 1 + (info.frame_max - 14) / 40) {
			assert_int_equal(bus_send(a, 1, 2, ++n, len), 0);
			assert_int_equal(bus_recv(b, &m, &f), 0);
			assert_int_equal(m.serial, n);
			assert_int_equal(f.len, len);
			assert_int_equal(f.position, n - 1);
			assert_int_equal(f.sender, shmbus_index(a));
		}
		assert_int_equal(bus_send(b, 2, 1, 7, info.frame_max), 0);
		assert_int_equal(bus_recv(a, &m, &f), 0);
		assert_int_equal(f.len, info.frame_max);
		assert_int_equal(bus_send(a, 1, 2, 1, 13), EMSGSIZE);
		assert_int_equal(bus_send(a, 1, 2, 1, info.frame_max + 1),
		    EMSGSIZE);
		assert_int_equal(bus_recv(b, &m, &f), EAGAIN);
		shmbus_info(a, &info);
		assert_int_equal(info.tail, n + 1);
		shmbus_detach(a);
		shmbus_detach(b);
	}
}

/* Who comes later takes the file's geometry, whatever it asks for. */
static void
test_later_takes_files(void **state)
{
	const char *path = bus_new(576, 32);
	struct shmbus_options opt = { .flags = SHMBUS_CREATE,
		.geometry = { .mtu = 9000, .slots = 64, .mode = 0666 } };
	struct shmbus_info info;
	struct shmbus *b;

	(void)state;
	assert_int_equal(shmbus_attach(path, &opt, &b), 0);
	shmbus_info(b, &info);
	assert_int_equal(info.geometry.mtu, 576);
	assert_int_equal(info.geometry.slots, 32);
	assert_int_equal(info.geometry.mode, 0600);
	shmbus_detach(b);
	assert_int_equal(shmbus_attach(path, NULL, &b), 0);
	shmbus_detach(b);
}

/* Pieces that make a frame. */
static void
test_sendv(void **state)
{
	const char *path = bus_new(1500, 16);
	struct shmbus *a = bus_join(path, 1, 0);
	struct shmbus *b = bus_join(path, 2, 0);
	uint8_t frame[1600];
	struct iovec iov[5] = { { frame, 0 }, { frame, 5 }, { frame + 5, 0 },
		{ frame + 5, 9 }, { frame + 14, 1504 } };
	struct shmbus_frame f;
	struct shmbus_stats st;
	struct mark m;

	(void)state;
	frame_make(frame, 1518, 2, 1, 42);
	assert_int_equal(shmbus_sendv(a, iov, 5), 0);
	assert_int_equal(bus_recv(b, &m, &f), 0);
	assert_int_equal(m.serial, 42);
	assert_int_equal(f.len, 1518);
	iov[4].iov_len = 1505;
	assert_int_equal(shmbus_sendv(a, iov, 5), EMSGSIZE);
	iov[4].iov_len = SIZE_MAX;
	assert_int_equal(shmbus_sendv(a, iov, 5), EMSGSIZE);
	assert_int_equal(shmbus_sendv(a, iov, 3), EMSGSIZE);
	assert_int_equal(shmbus_sendv(a, iov, 0), EMSGSIZE);
	frame_make(frame, 14, 2, 1, 43);
	assert_int_equal(shmbus_sendv(a, iov, 4), 0);
	assert_int_equal(bus_recv(b, &m, &f), 0);
	assert_int_equal(m.serial, 43);
	shmbus_stats(a, &st);
	assert_int_equal(st.tx_frames, 2);
	assert_int_equal(st.tx_bytes, 1518 + 14);
	assert_int_equal(st.tx_failed, 0);
	shmbus_detach(a);
	shmbus_detach(b);
}

/* A batch, of any size, on a ring of any size. */
static void
test_batch(void **state)
{
	static const unsigned sizes[] = { 1, 2, 5, 63, 64, 65, 200 };
	const char *path = bus_new(1500, 256);
	struct shmbus *a = bus_join(path, 1, 0);
	struct shmbus *b = bus_join(path, 2, 0);
	static uint8_t out[200][100], in[200][100];
	static struct shmbus_rx rx[201];
	struct iovec iov[200];
	uint64_t serial = 0;
	uint64_t time = 0;
	unsigned i, n, got, sent;
	size_t k;

	(void)state;
	for (k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
		n = sizes[k];
		for (i = 0; i < n; i++) {
			frame_make(out[i], 14 + i % 80, 2, 1, ++serial);
			iov[i].iov_base = out[i];
			iov[i].iov_len = 14 + i % 80;
			rx[i].buf = in[i];
			rx[i].size = sizeof(in[i]);
		}
		rx[n].buf = NULL;
		rx[n].size = 0;
		assert_int_equal(shmbus_send_batch(a, iov, n, &sent), 0);
		assert_int_equal(sent, n);
		assert_int_equal(shmbus_recv_batch(b, rx, n + 1, &got), 0);
		assert_int_equal(got, n);
		for (i = 0; i < n; i++) {
			assert_int_equal(rx[i].frame.len, iov[i].iov_len);
			assert_ptr_equal(rx[i].frame.data, in[i]);
			assert_memory_equal(in[i], out[i], iov[i].iov_len);
			assert_true(i == 0 || rx[i].frame.time_ns == time);
			assert_true(rx[i].frame.time_ns >= time);
			time = rx[i].frame.time_ns;
		}
		assert_int_equal(shmbus_recv_batch(b, rx, n, &got), EAGAIN);
		assert_int_equal(got, 0);
	}
	/* One bad length, and nothing is sent. */
	iov[3].iov_len = 13;
	sent = 77;
	assert_int_equal(shmbus_send_batch(a, iov, 200, &sent), EMSGSIZE);
	assert_int_equal(sent, 0);
	assert_int_equal(shmbus_send_batch(a, iov, 0, &sent), 0);
	assert_int_equal(shmbus_send_batch(a, iov, 3, NULL), 0);
	assert_int_equal(bus_drain(b), 3);
	shmbus_detach(a);
	shmbus_detach(b);
}

/* On the smallest ring a batch of many laps is sent, and accounted for. */
static void
test_batch_of_laps(void **state)
{
	const char *path = bus_new(68, 16);
	struct shmbus *a = bus_join(path, 1, 0);
	struct shmbus *b = bus_join(path, 2, 0);
	static uint8_t out[300][60];
	struct iovec iov[300];
	struct shmbus_stats st;
	unsigned i, sent;
	struct mark m;
	uint64_t last = 0;

	(void)state;
	for (i = 0; i < 300; i++) {
		frame_make(out[i], 60, TO_ALL, 1, i + 1);
		iov[i].iov_base = out[i];
		iov[i].iov_len = 60;
	}
	assert_int_equal(shmbus_send_batch(a, iov, 300, &sent), 0);
	assert_int_equal(sent, 300);
	while (bus_recv(b, &m, NULL) == 0) {
		assert_true(m.serial > last);
		last = m.serial;
	}
	assert_int_equal(last, 300);
	shmbus_stats(b, &st);
	assert_int_equal(st.rx_frames + st.rx_lost, 300);
	assert_int_equal(st.rx_bytes, st.rx_frames * 60);
	assert_true(st.rx_frames >= 8);
	shmbus_detach(a);
	shmbus_detach(b);
}

/* Frames built in place. */
static void
test_reserve(void **state)
{
	const char *path = bus_new(1500, 16);
	struct shmbus *a = bus_join(path, 1, 0);
	struct shmbus *b = bus_join(path, 2, 0);
	uint8_t frame[100];
	struct iovec iov = { frame, sizeof(frame) };
	struct shmbus_frame f;
	struct mark m;
	void *at;
	unsigned i;

	(void)state;
	frame_make(frame, sizeof(frame), 2, 1, 1);
	assert_int_equal(shmbus_commit(a, 60), EINVAL);
	shmbus_cancel(a);
	assert_int_equal(shmbus_reserve(a, 13, &at), EMSGSIZE);
	assert_null(at);
	assert_int_equal(shmbus_reserve(a, 1519, &at), EMSGSIZE);
	for (i = 0; i < 40; i++) {
		assert_int_equal(shmbus_reserve(a, 1518, &at), 0);
		assert_non_null(at);
		/* One at a time, and nothing else beside it. */
		assert_int_equal(shmbus_reserve(a, 60, &at), EBUSY);
		assert_int_equal(shmbus_send(a, frame, 100), EBUSY);
		assert_int_equal(shmbus_sendv(a, &iov, 1), EBUSY);
		assert_int_equal(shmbus_send_batch(a, &iov, 1, NULL), EBUSY);
		shmbus_cancel(a);
		assert_int_equal(shmbus_reserve(a, 200, &at), 0);
		frame_make(at, 150, 2, 1, i + 1);
		assert_int_equal(shmbus_commit(a, 201), EMSGSIZE);
		assert_int_equal(shmbus_commit(a, 13), EMSGSIZE);
		assert_int_equal(bus_recv(b, &m, &f), EAGAIN);
		assert_int_equal(shmbus_commit(a, 150), 0);
		assert_int_equal(shmbus_commit(a, 150), EINVAL);
		assert_int_equal(bus_recv(b, &m, &f), 0);
		assert_int_equal(m.serial, i + 1);
		assert_int_equal(f.len, 150);
	}
	/* To leave with one open holds up nobody. */
	assert_int_equal(shmbus_reserve(a, 60, &at), 0);
	shmbus_detach(a);
	a = bus_join(path, 1, 0);
	assert_int_equal(bus_send(a, 1, 2, 5, 60), 0);
	assert_int_equal(bus_recv(b, &m, &f), 0);
	shmbus_detach(a);
	shmbus_detach(b);
}

/* A reservation held for too long is given up on, and told so. */
static void
test_given_up(void **state)
{
	const char *path = bus_new(1500, 16);
	struct shmbus *a = bus_join(path, 1, 0);
	struct shmbus *b = bus_join(path, 2, 0);
	struct shmbus *c = bus_join(path, 3, 0);
	struct shmbus_stats st;
	struct mark m;
	void *at;

	(void)state;
	assert_int_equal(shmbus_reserve(a, 60, &at), 0);
	frame_make(at, 60, TO_ALL, 1, 1);
	assert_int_equal(bus_send(b, 2, TO_ALL, 2, 60), 0);
	/* It waits for a moment, and not for ever. */
	while (bus_recv(c, &m, NULL) == EAGAIN)
		assert_int_equal(shmbus_wait(c, 60000000000), 0);
	assert_int_equal(m.sender, 2);
	shmbus_stats(c, &st);
	assert_int_equal(st.gave_up, 1);
	assert_int_equal(shmbus_commit(a, 60), SHMBUS_EGIVENUP);
	shmbus_stats(a, &st);
	assert_int_equal(st.tx_frames, 0);
	assert_int_equal(st.tx_failed, 1);
	assert_int_equal(bus_recv(c, &m, NULL), EAGAIN);
	/* "May be sent again." */
	assert_int_equal(bus_send(a, 1, TO_ALL, 3, 60), 0);
	assert_int_equal(bus_recv(c, &m, NULL), 0);
	assert_int_equal(m.serial, 3);
	shmbus_detach(a);
	shmbus_detach(b);
	shmbus_detach(c);
}

/* Every slot in the hands of those who do not get on. */
static void
test_no_slots(void **state)
{
	const char *path = bus_new(1500, 16);
	struct shmbus *holder[16], *b;
	struct shmbus_stats st;
	uint8_t frame[60];
	struct iovec iov = { frame, sizeof(frame) };
	void *at;
	unsigned i;

	(void)state;
	b = bus_join(path, 1, 0);
	for (i = 0; i < 16; i++) {
		holder[i] = bus_join(path, 10 + i, 0);
		assert_int_equal(shmbus_reserve(holder[i], 60, &at), 0);
	}
	frame_make(frame, 60, TO_ALL, 1, 1);
	assert_int_equal(shmbus_send(b, frame, 60), ENOBUFS);
	shmbus_stats(b, &st);
	assert_int_equal(st.tx_failed, 1);
	assert_int_equal(shmbus_reserve(b, 60, &at), ENOBUFS);
	shmbus_stats(b, &st);
	assert_int_equal(st.tx_failed, 2);
	assert_int_equal(shmbus_sendv(b, &iov, 1), ENOBUFS);
	shmbus_stats(b, &st);
	assert_int_equal(st.tx_failed, 3);
	assert_int_equal(st.tx_frames, 0);
	shmbus_detach(holder[3]);
	assert_int_equal(shmbus_send(b, frame, 60), 0);
	for (i = 0; i < 16; i++)
		if (i != 3)
			shmbus_detach(holder[i]);
	for (i = 0; i < 40; i++)
		assert_int_equal(shmbus_send(b, frame, 60), 0);
	shmbus_detach(b);
}

/* Looking first, then taking, or going on without. */
static void
test_peek(void **state)
{
	const char *path = bus_new(1500, 16);
	struct shmbus *a = bus_join(path, 1, 0);
	struct shmbus *b = bus_join(path, 2, 0);
	uint8_t buf[100], want[100];
	struct shmbus_frame f, g;
	struct shmbus_stats st;
	struct mark m;
	unsigned i;

	(void)state;
	assert_int_equal(shmbus_peek(b, &f), EAGAIN);
	assert_int_equal(shmbus_take(b, buf, sizeof(buf)), EINVAL);
	assert_int_equal(shmbus_skip(b), EINVAL);
	for (i = 1; i <= 5; i++)
		assert_int_equal(bus_send(a, 1, 2, i, 60), 0);
	/* There is something, but nothing was peeked at. */
	assert_int_equal(shmbus_wait(b, 0), 0);
	assert_int_equal(shmbus_take(b, buf, sizeof(buf)), EINVAL);
	assert_int_equal(shmbus_skip(b), EINVAL);
	assert_int_equal(shmbus_peek(b, &f), 0);
	assert_int_equal(f.len, 60);
	frame_make(want, 60, 2, 1, 1);
	assert_memory_equal(f.data, want, 60);
	assert_int_equal(shmbus_peek(b, &g), 0);
	assert_ptr_equal(g.data, f.data);
	assert_int_equal(g.position, f.position);
	assert_int_equal(shmbus_take(b, buf, sizeof(buf)), 0);
	assert_memory_equal(buf, want, 60);
	assert_int_equal(shmbus_take(b, buf, sizeof(buf)), EINVAL);
	/* Part of one. */
	assert_int_equal(shmbus_peek(b, &f), 0);
	memset(buf, 0x5a, sizeof(buf));
	frame_make(want, 60, 2, 1, 2);
	assert_int_equal(shmbus_take(b, buf, 20), 0);
	assert_memory_equal(buf, want, 20);
	assert_int_equal(buf[20], 0x5a);
	/* None of it. */
	assert_int_equal(shmbus_peek(b, &f), 0);
	assert_int_equal(shmbus_skip(b), 0);
	/* A receive in between forgets the peek, and gives that frame. */
	assert_int_equal(shmbus_peek(b, &f), 0);
	assert_int_equal(bus_recv(b, &m, NULL), 0);
	assert_int_equal(m.serial, 4);
	assert_int_equal(shmbus_take(b, buf, sizeof(buf)), EINVAL);
	shmbus_stats(b, &st);
	assert_int_equal(st.rx_frames, 3);
	assert_int_equal(st.rx_skipped, 1);
	/* Overwritten meanwhile. */
	assert_int_equal(shmbus_peek(b, &f), 0);
	for (i = 6; i <= 30; i++)
		assert_int_equal(bus_send(a, 1, 2, i, 60), 0);
	assert_int_equal(shmbus_take(b, buf, sizeof(buf)), ESTALE);
	assert_int_equal(shmbus_take(b, buf, sizeof(buf)), EINVAL);
	assert_int_equal(bus_recv(b, &m, NULL), 0);
	assert_int_equal(shmbus_peek(b, &f), 0);
	for (i = 31; i <= 60; i++)
		assert_int_equal(bus_send(a, 1, 2, i, 60), 0);
	assert_int_equal(shmbus_skip(b), ESTALE);
	/* Waiting ends a peek; what is peeked at then is what is taken. */
	assert_int_equal(shmbus_peek(b, &f), 0);
	assert_int_equal(shmbus_wait(b, 0), 0);
	assert_int_equal(shmbus_take(b, buf, sizeof(buf)), EINVAL);
	bus_drain(b);
	shmbus_stats(b, &st);
	assert_int_equal(st.rx_frames + st.rx_skipped + st.rx_lost, 60);
	assert_int_equal(st.rx_bad, 0);
	shmbus_detach(a);
	shmbus_detach(b);
}

/* Buffers that are too small, and none at all. */
static void
test_truncating(void **state)
{
	const char *path = bus_new(1500, 16);
	struct shmbus *a = bus_join(path, 1, 0);
	struct shmbus *b = bus_join(path, 2, 0);
	uint8_t buf[300], want[300];
	struct shmbus_rx rx[3] = { { .buf = buf, .size = 10 },
		{ .buf = NULL, .size = 0 }, { .buf = buf + 100, .size = 20 } };
	struct shmbus_frame f;
	unsigned i, got;

	(void)state;
	for (i = 1; i <= 6; i++)
		assert_int_equal(bus_send(a, 1, 2, i, 200), 0);
	memset(buf, 0x77, sizeof(buf));
	frame_make(want, 200, 2, 1, 1);
	assert_int_equal(shmbus_recv(b, buf, 33, &f), 0);
	assert_int_equal(f.len, 200);
	assert_memory_equal(buf, want, 33);
	assert_int_equal(buf[33], 0x77);
	assert_int_equal(shmbus_recv(b, NULL, 0, &f), 0);
	assert_int_equal(f.len, 200);
	assert_int_equal(shmbus_recv(b, buf, SIZE_MAX, NULL), 0);
	memset(buf, 0x77, sizeof(buf));
	assert_int_equal(shmbus_recv_batch(b, rx, 3, &got), 0);
	assert_int_equal(got, 3);
	for (i = 0; i < 3; i++)
		assert_int_equal(rx[i].frame.len, 200);
	assert_int_equal(buf[10], 0x77);
	assert_int_equal(buf[120], 0x77);
	frame_make(want, 200, 2, 1, 6);
	assert_memory_equal(buf + 100, want, 20);
	assert_int_equal(shmbus_recv(b, buf, sizeof(buf), &f), EAGAIN);
	shmbus_detach(a);
	shmbus_detach(b);
}

/* Beginning with what is in the ring, or with the next frame. */
static void
test_oldest(void **state)
{
	const char *path = bus_new(1500, 16);
	struct shmbus *a = bus_join(path, 1, 0);
	struct shmbus *b, *c;
	struct shmbus_stats st;
	struct mark m;
	unsigned i;

	(void)state;
	for (i = 1; i <= 20; i++)
		assert_int_equal(bus_send(a, 1, TO_ALL, i, 60), 0);
	b = bus_join(path, 2, SHMBUS_OLDEST);
	c = bus_join(path, 3, 0);
	assert_int_equal(bus_recv(c, &m, NULL), EAGAIN);
	for (i = 5; i <= 20; i++) {
		assert_int_equal(bus_recv(b, &m, NULL), 0);
		assert_int_equal(m.serial, i);
	}
	assert_int_equal(bus_recv(b, &m, NULL), EAGAIN);
	assert_int_equal(bus_send(a, 1, TO_ALL, 21, 60), 0);
	assert_int_equal(bus_recv(b, &m, NULL), 0);
	assert_int_equal(bus_recv(c, &m, NULL), 0);
	assert_int_equal(m.serial, 21);
	shmbus_stats(c, &st);
	assert_int_equal(st.rx_lost + st.rx_skipped, 0);
	shmbus_detach(a);
	shmbus_detach(b);
	shmbus_detach(c);
	/* All are gone, and the frames are there. */
	b = bus_join(path, 4, SHMBUS_OLDEST | SHMBUS_PROMISC);
	assert_int_equal(bus_drain(b), 16);
	shmbus_detach(b);
}

/* A poller that never waits knows its loss, though others held it up. */
static void
test_loss_of_a_poller(void **state)
{
	const char *path = bus_new(1500, 16);
	struct shmbus *a = bus_join(path, 1, 0);
	struct shmbus *b = bus_join(path, 2, 0);
	struct shmbus *x = bus_join(path, 3, 0);
	struct shmbus *r = bus_join(path, 4, 0);
	struct shmbus_stats st;
	unsigned i;
	void *at;

	(void)state;
	for (i = 1; i <= 10; i++)
		assert_int_equal(bus_send(b, 2, TO_ALL, i, 60), 0);
	for (i = 1; i <= 40; i++)
		assert_int_equal(bus_send(a, 1, TO_ALL, i, 60), 0);
	assert_int_equal(shmbus_reserve(x, 60, &at), 0);
	for (i = 0; i < 300; i++)
		bus_drain(r);
	shmbus_cancel(x);
	/* The tail is reached, and a call says so. */
	bus_drain(r);
	bus_drain(r);
	shmbus_stats(r, &st);
	assert_int_equal(st.rx_frames + st.rx_lost, 50);
	shmbus_detach(a);
	shmbus_detach(b);
	shmbus_detach(x);
	shmbus_detach(r);
}

int
main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, busdir_before, busdir_after)
	const struct CMUnitTest tests[] = {
		TEST(test_geometries),
		TEST(test_later_takes_files),
		TEST(test_sendv),
		TEST(test_batch),
		TEST(test_batch_of_laps),
		TEST(test_reserve),
		TEST(test_given_up),
		TEST(test_no_slots),
		TEST(test_peek),
		TEST(test_truncating),
		TEST(test_oldest),
		TEST(test_loss_of_a_poller),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, busdir_make, busdir_remove);
}
