/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bus_bells_test.c - whoever is addressed is woken: by each way of sending, by
 * each kind of address, whatever its number; and nobody is when nobody sleeps
 *
 * A sleep that ends by itself, after a second, is not counted as a wake-up.
 *
 * Environment: SEED.
 */
#include <dlfcn.h>
#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "tests/lib/crew.h"
#include "tests/lib/mapped.h"
#include "tests/lib/stamp.h"

#define LEN 60u

static struct shmbus *all[SHMBUS_ATTACH_MAX];
static struct map map;

static _Atomic uint64_t tail_at_wake;

static long
raw_call(long nr, const long *a)
{
	long (*call)(long nr, ...);

	*(void **)(void *)&call = dlsym(RTLD_NEXT, "syscall");
	return call(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* The library's system calls come this way, so that it is seen when it wakes. */
long
syscall(long nr, ...)
{
	long a[6];
	va_list ap;
	unsigned i;

	va_start(ap, nr);
	for (i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (nr == SYS_futex && a[1] == FUTEX_WAKE && map.hdr != NULL &&
	    atomic_load(&tail_at_wake) == 0)
		atomic_store(&tail_at_wake, AO_load(&map.hdr->tail));
	return raw_call(nr, a);
}

struct sleeper {
	struct shmbus *b;
	pthread_t thread;
	uint64_t wakeups;
};

static void
drain(struct shmbus *b)
{
	uint8_t buf[2000];

	while (shmbus_recv(b, buf, sizeof(buf), NULL) == 0)
		;
}

static uint64_t
wakeups(struct shmbus *b)
{
	struct shmbus_stats st;

	shmbus_stats(b, &st);
	return st.wakeups;
}

static uint64_t
rung(struct shmbus *b)
{
	struct shmbus_stats st;

	shmbus_stats(b, &st);
	return st.rung;
}

static void *
sleeps(void *b)
{
	shmbus_wait(b, 100000000000);
	return NULL;
}

static void
sleep_on(struct sleeper *s, unsigned i)
{
	s->b = all[i];
	drain(s->b);
	s->wakeups = wakeups(s->b);
	must(pthread_create(&s->thread, NULL, sleeps, s->b) == 0);
	while (!map_sleeping(&map, i))
		crew_nap(100000);
	crew_nap(2000000); /* its mark is there a moment before it sleeps */
}

static void
must_have_woken(struct sleeper *s, const char *what, unsigned i)
{
	pthread_join(s->thread, NULL);
	drain(s->b);
	if (wakeups(s->b) == s->wakeups)
		complain("%s: number %u was not woken", what, i);
}

static int
attach_all(void **state)
{
	unsigned i;

	if (crew_begin(state) != 0)
		return -1;
	crew_bus("bus", 16, 0);
	map = map_open(crew_path("bus"));
	for (i = 0; i < SHMBUS_ATTACH_MAX; i++) {
		struct shmbus_options o = { .spin_us = -1 };

		stamp_mac(o.mac, i);
		if (shmbus_attach(crew_path("bus"), &o, &all[i]) != 0 ||
		    shmbus_index(all[i]) != (int)i)
			return -1;
	}
	return 0;
}

static int
detach_all(void **state)
{
	unsigned i;

	for (i = 0; i < SHMBUS_ATTACH_MAX; i++)
		shmbus_detach(all[i]);
	map_close(&map);
	return crew_end(state);
}

/* send, sendv, commit and send_batch. */
static void
test_ways(void **state)
{
	uint8_t frame[LEN] = { 0 }, other[LEN] = { 0 };
	struct iovec iov[2] = { { frame, 20 }, { frame + 20, LEN - 20 } };
	struct sleeper s, t;
	void *data;

	(void)state;
	memset(frame, 0xff, 6);
	sleep_on(&s, 1);
	must(shmbus_send(all[0], frame, LEN) == 0);
	must_have_woken(&s, "send", 1);
	sleep_on(&s, 1);
	must(shmbus_sendv(all[0], iov, 2) == 0);
	must_have_woken(&s, "sendv", 1);
	sleep_on(&s, 1);
	must(shmbus_reserve(all[0], LEN, &data) == 0);
	memcpy(data, frame, LEN);
	must(shmbus_commit(all[0], LEN) == 0);
	must_have_woken(&s, "commit", 1);
	/* A batch for two: both of them. */
	stamp_mac(frame, 3);
	stamp_mac(other, 4);
	iov[0] = (struct iovec){ frame, LEN };
	iov[1] = (struct iovec){ other, LEN };
	sleep_on(&s, 3);
	sleep_on(&t, 4);
	must(shmbus_send_batch(all[0], iov, 2, NULL) == 0);
	must_have_woken(&s, "batch, first", 3);
	must_have_woken(&t, "batch, second", 4);
	check();
}

/* A batch that leaves in parts: whoever one of its frames is for is woken. */
static void
test_parts(void **state)
{
	uint8_t frames[11][LEN] = { { 0 } };
	struct iovec iov[11];
	struct sleeper s;
	unsigned i, k;

	(void)state;
	for (k = 0; k < 11; k++) {
		for (i = 0; i < 11; i++) {
			stamp_mac(frames[i], i == k ? 5 : 200);
			iov[i] = (struct iovec){ frames[i], LEN };
		}
		sleep_on(&s, 5);
		must(shmbus_send_batch(all[0], iov, 11, NULL) == 0);
		must_have_woken(&s, "one of a batch", 5);
	}
	check();
}

/* Numbers in each word of the maps, by their address and as one of a group. */
static void
test_numbers(void **state)
{
	static const unsigned numbers[] = { 1, 63, 64, 127, 128, 191, 192,
		255 };
	uint8_t frame[LEN] = { 0 };
	struct sleeper s;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		stamp_mac(frame, numbers[i]);
		sleep_on(&s, numbers[i]);
		must(shmbus_send(all[0], frame, LEN) == 0);
		must_have_woken(&s, "its address", numbers[i]);
		memset(frame, 0xff, 6);
		sleep_on(&s, numbers[i]);
		must(shmbus_send(all[0], frame, LEN) == 0);
		must_have_woken(&s, "a group", numbers[i]);
	}
	check();
}

/* No system call: nobody sleeps but oneself; nobody sleeps any more. */
static void
test_quiet(void **state)
{
	uint8_t frame[LEN] = { 0 };
	struct sleeper s;
	uint64_t before;
	unsigned i;

	(void)state;
	memset(frame, 0xff, 6);
	before = rung(all[7]);
	sleep_on(&s, 7);
	for (i = 0; i < 5; i++)
		must(shmbus_send(all[7], frame, LEN) == 0);
	must(rung(all[7]) == before);
	shmbus_wake(all[7]);
	pthread_join(s.thread, NULL);
	sleep_on(&s, 1);
	shmbus_wake(all[1]);
	pthread_join(s.thread, NULL);
	before = rung(all[9]);
	must(shmbus_send(all[9], frame, LEN) == 0);
	must(rung(all[9]) == before);
	check();
}

/*
 * Long frames sent at once: whoever sleeps is woken before the batch has gone on
 * for more than a quarter of the ring, and so long before it laps itself.
 */
static void
test_quarter(void **state)
{
	static uint8_t frame[800];
	struct iovec iov[64];
	struct sleeper s;
	uint64_t before;
	unsigned i;

	(void)state;
	memset(frame, 0xff, 6);
	for (i = 0; i < 64; i++)
		iov[i] = (struct iovec){ frame, sizeof(frame) };
	sleep_on(&s, 1);
	before = AO_load(&map.hdr->tail);
	atomic_store(&tail_at_wake, 0);
	must(shmbus_send_batch(all[0], iov, 64, NULL) == 0);
	must(atomic_load(&tail_at_wake) > before);
	must(atomic_load(&tail_at_wake) - before <= 16 / 4);
	must_have_woken(&s, "a long batch", 1);
	check();
}

/* Hint is the lowest position that anybody rang for since it went to sleep. */
static void
test_hint(void **state)
{
	struct format_attachment *a = &map.att[20];
	uint8_t frame[LEN] = { 0 };
	struct sleeper s;
	uint64_t first;

	(void)state;
	stamp_mac(frame, 20);
	AO_store(&a->hint, 5);
	sleep_on(&s, 20);
	must(AO_load(&a->hint) == ~(AO_t)0);
	first = AO_load(&map.hdr->tail);
	must(shmbus_send(all[0], frame, LEN) == 0);
	must_have_woken(&s, "its address", 20);
	must(AO_load(&a->hint) == first);
	/* A second one rings, before the sleeper is awake. */
	AO_store(&a->door, AO_load(&a->door) | 1);
	AO_or_full(&map.hdr->sleeping[0], (AO_t)1 << 20);
	must(shmbus_send(all[2], frame, LEN) == 0);
	must(AO_load(&a->hint) == first);
	must((AO_load(&a->door) & 1) == 0);
	AO_and_full(&map.hdr->sleeping[0], ~((AO_t)1 << 20));
	drain(all[20]);
	check();
}

/*
 * While the helper thread has the receive side, receiving finds nothing, also if
 * there is a frame: here one for which nobody has rung.
 */
static void
test_helper(void **state)
{
	uint8_t frame[LEN] = { 0 }, buf[LEN];
	struct shmbus_frame f;
	struct pollfd p = { .events = POLLIN };
	uint64_t from;
	unsigned tries;

	(void)state;
	stamp_mac(frame, 30);
	drain(all[30]);
	must(shmbus_fd(all[30], &p.fd) == 0);
	shmbus_fd_done(all[30]); /* where a thread waits, that starts it */
	for (tries = 0; tries < 100; tries++) {
		int error, peek;

		while (!map_sleeping(&map, 30))
			crew_nap(100000);
		crew_nap(2000000);
		from = crew_now();
		AO_and_full(&map.hdr->sleeping[0], ~((AO_t)1 << 30));
		must(shmbus_send(all[0], frame, LEN) == 0);
		error = shmbus_recv(all[30], buf, LEN, NULL);
		peek = shmbus_peek(all[30], &f);
		/* It wakes up by itself after a second. */
		if (crew_now() - from < 100000000 && !map_sleeping(&map, 30) &&
		    poll(&p, 1, 0) == 0) {
			must(error == EAGAIN && peek == EAGAIN);
			break;
		}
		poll(&p, 1, -1);
		drain(all[30]);
		shmbus_fd_done(all[30]);
	}
	must(tries < 100);
	must(poll(&p, 1, 100000) == 1);
	must(shmbus_recv(all[30], buf, LEN, NULL) == 0);
	check();
}

/* Pieces whose lengths add up to more than a size_t holds. */
static void
test_sendv_wraps(void **state)
{
	uint8_t frame[LEN] = { 0 };
	struct iovec iov[2] = { { frame, LEN }, { frame, SIZE_MAX - 29 } };

	(void)state;
	must(shmbus_sendv(all[0], iov, 2) == EMSGSIZE);
	check();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ways),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_quiet),
		cmocka_unit_test(test_quarter),
		cmocka_unit_test(test_hint),
		cmocka_unit_test(test_helper),
		cmocka_unit_test(test_sendv_wraps),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, attach_all, detach_all);
}
