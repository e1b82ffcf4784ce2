/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmif_persist_test.c - peers whose window is too small for a segment, or
 *	closed, and the timer that gets a connection on from there
 *
 * slow: 18
 */
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <lwipv6.h>
#include <shmif.h>

#include "base/clock.h"
#include "tests/lib/netstack.h"
#include "tests/lib/peer.h"

#define SEED 5
#define MAX 4096u
#define OVERRIDE_MS 100 /* RFC 9293, 3.8.6.2.1: at least */
#define RTO_LEAST_MS 10 /* of what doubles */
#define EMPTY_MAX 8	/* segments without anything new in a row */
#define YOUNG 5		/* stacks whose first connection is timed */

static int64_t
now_in_ms(void)
{
	return (int64_t)(now_ns() / 1000000);
}

/* A connection to P, which blocks and sends small segments. */
static int
connected(struct peer *p)
{
	int fd = peer_dialled(p), on = 1;

	peer_accept(p);
	MUST(peer_poll(fd, POLLOUT, PATIENCE_MS) & POLLOUT);
	MUST(lwip_fcntl(fd, F_SETFL, 0) == 0);
	MUST(lwip_setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) ==
	    0);
	return fd;
}

static void
put(int fd, uint32_t n)
{
	static uint8_t b[MAX];

	net_fill(b, n, 0, SEED);
	MUST(lwip_write(fd, b, (int)n) == (int)n);
}

static void
acknowledge(struct peer *p, const struct segment *s, uint16_t window)
{
	p->ack = s->seq + s->len;
	p->window = window;
	peer_send(p, T_ACK, NULL, 0);
}

/*
 * The next segment with something new.  On a machine that is busy we may be so
 * late that what has come comes once more; that is acknowledged.
 */
static void
fresh(const struct peer *p, struct segment *s)
{
	for (;;) {
		MUST(peer_recv(p, s, PATIENCE_MS));
		MUST(s->sealed);
		if (s->len != 0 && s->seq == p->ack)
			return;
		MUST((int32_t)(s->seq - p->ack) <= 0);
		peer_send(p, T_ACK, NULL, 0);
	}
}

/* A probe: the next segment, but for what has come already. */
static void
probe(const struct peer *p)
{
	struct segment s;

	do
		MUST(peer_recv(p, &s, PATIENCE_MS));
	while (s.len != 0 && (int32_t)(s.seq - p->ack) < 0);
	MUST(s.sealed && s.len == 0 && s.flags == T_ACK);
	MUST(s.seq == p->ack - 1);
}

/*
 * Takes the N bytes of the stream from OFF on, and acknowledges each segment
 * with WINDOW, which none of them exceeds.  Probes are answered.  How many
 * segments there were.
 */
static unsigned
take(struct peer *p, uint32_t first, uint32_t off, uint32_t n, uint16_t window)
{
	struct segment s;
	unsigned segments = 0, empty = 0;

	while (p->ack != first + off + n) {
		MUST(peer_recv(p, &s, PATIENCE_MS));
		MUST(s.sealed);
		if (s.len == 0 || s.seq != p->ack) {
			/* a probe, or once more what has arrived */
			MUST((int32_t)(s.seq - p->ack) <= 0);
			MUST(empty++ < EMPTY_MAX);
			peer_send(p, T_ACK, NULL, 0);
			continue;
		}
		MUST(s.len <= p->window);
		MUST(net_same(s.data, s.len, s.seq - first, SEED));
		segments++;
		empty = 0;
		acknowledge(p, &s, window);
	}
	return segments;
}

/* A peer whose window has never been as large as a segment. */
static void
always_small(bool v4, uint16_t port, uint16_t window, uint32_t n)
{
	struct peer p = peer_new(v4, port, 0);
	struct segment s;
	uint32_t first;
	unsigned segments;
	int fd;

	p.window = window;
	fd = connected(&p);
	first = p.ack;
	put(fd, n);
	segments = take(&p, first, 0, n, window);
	/* Not in silly pieces, which would be smaller than half of a window. */
	MUST(segments <= 2 * (n / window + 1) + n / 1440);
	MUST(lwip_close(fd) == 0);
	MUST(peer_expect(&p, &s, T_FIN, PATIENCE_MS));
	MUST(s.seq + s.len == first + n);
}

static int
small(void *arg)
{
	bool v4 = *(bool *)arg;

	peer_set_up();
	always_small(v4, 1001, 1, 60);
	always_small(v4, 1002, 100, 1500);
	always_small(v4, 1003, 536, MAX);
	always_small(v4, 1004, 1152, MAX); /* Linux with SO_RCVBUF of 1 */
	always_small(v4, 1005, 1439, MAX);
	return 0;
}

/*
 * A window that was large and is small now: it may grow soon, so the sender
 * waits; but not for ever.
 */
static int
override(void *arg)
{
	struct peer p = peer_new(*(bool *)arg, 1001, 0);
	struct segment s;
	uint32_t first;
	int64_t began;
	int fd, i;

	peer_set_up();
	fd = connected(&p);
	first = p.ack;
	put(fd, 64);
	fresh(&p, &s);
	MUST(s.len == 64);
	acknowledge(&p, &s, 90);
	/* Until the next is written that window has been seen. */
	peer_drain(&p, SILENCE_MS);
	began = now_in_ms();
	MUST(lwip_write(fd, (char[MAX]){ 0 }, MAX) == MAX);
	for (i = 0; i < 3; i++) {
		fresh(&p, &s);
		MUST(s.len == 90);
		MUST(now_in_ms() - began >= OVERRIDE_MS - 1);
		began = now_in_ms();
		acknowledge(&p, &s, 90);
	}
	/* It grows: all comes, and in segments that are full. */
	fresh(&p, &s);
	MUST(s.len == 90);
	acknowledge(&p, &s, 65535);
	while (p.ack != first + 64 + MAX) {
		fresh(&p, &s);
		MUST(s.len >= 64);
		acknowledge(&p, &s, 65535);
	}
	return 0;
}

/* A window that is closed is probed, less and less often, until it opens. */
static int
closed(void *arg)
{
	struct peer p = peer_new(*(bool *)arg, 1001, 0);
	int64_t began;
	uint32_t first;
	unsigned i;
	int fd;

	p.window = 0;
	peer_set_up();
	fd = connected(&p);
	first = p.ack;
	began = now_in_ms();
	put(fd, 2000);
	for (i = 0; i < 8; i++) {
		probe(&p);
		MUST(now_in_ms() - began >= RTO_LEAST_MS * ((1 << i) - 1));
		if (i % 2 == 1) /* it need not be there each time */
			peer_send(&p, T_ACK, NULL, 0);
	}
	p.window = 700;
	peer_send(&p, T_ACK, NULL, 0);
	MUST(take(&p, first, 0, 2000, 700) <= 6);
	return 0;
}

/* What says that the window is open is lost: the next probe finds out. */
static int
lost(void *arg)
{
	struct peer p = peer_new(*(bool *)arg, 1001, 0);
	struct segment s;
	uint32_t first;
	int fd;

	peer_set_up();
	fd = connected(&p);
	first = p.ack;
	put(fd, 1000);
	fresh(&p, &s);
	MUST(s.len == 1000);
	acknowledge(&p, &s, 0);
	peer_drain(&p, SILENCE_MS);
	/* Nothing waits, so nothing is probed; from now on it is. */
	MUST(lwip_write(fd, (char[100]){ 0 }, 100) == 100);
	probe(&p);
	p.window = 65535;
	probe(&p);
	peer_send(&p, T_ACK, NULL, 0);
	fresh(&p, &s);
	MUST(s.len == 100 && s.seq == first + 1000);
	return 0;
}

/* ---- a stack that is young ---------------------------------------------- */

static volatile int64_t *shared;

/* How long until what was sent comes once more, for nobody acknowledges it. */
static int64_t
again(struct peer *p, int fd)
{
	struct segment s;
	int64_t began = (int64_t)now_ns();

	put(fd, 64);
	fresh(p, &s);
	fresh(p, &s);
	began = (int64_t)now_ns() - began;
	acknowledge(p, &s, 65535);
	return began;
}

static int
young(void *arg)
{
	struct peer p = peer_new(true, 1001, 0);
	unsigned i = *(unsigned *)arg;
	int fd;

	peer_set_up();
	fd = connected(&p);
	shared[i] = again(&p, fd);
	peer_drain(&p, 600); /* the library's timers have all begun */
	shared[YOUNG + i] = again(&p, fd);
	return 0;
}

/*
 * The timer runs from a stack's first connection on, and not from the time on
 * when the library's own begin.  The least of several is compared, for a
 * machine that is busy makes some of them longer.
 */
static void
test_young(void **state)
{
	int64_t first = INT64_MAX, later = INT64_MAX;
	unsigned i;

	(void)state;
	shared = net_shared(2 * YOUNG * sizeof(*shared));
	for (i = 0; i < YOUNG; i++) {
		assert_int_equal(net_wait(net_child(young, &i)), 0);
		if (shared[i] < first)
			first = shared[i];
		if (shared[YOUNG + i] < later)
			later = shared[YOUNG + i];
	}
	print_message("# sent again after %lld us, later %lld us\n",
	    (long long)first / 1000, (long long)later / 1000);
	assert_true(first < later + later / 2);
}

static void
both(int (*fn)(void *))
{
	bool v4 = true, v6 = false;

	assert_int_equal(net_wait(net_child(fn, &v4)), 0);
	assert_int_equal(net_wait(net_child(fn, &v6)), 0);
}

static void
test_small(void **state)
{
	(void)state;
	both(small);
}

static void
test_override(void **state)
{
	(void)state;
	both(override);
}

static void
test_closed(void **state)
{
	(void)state;
	both(closed);
}

static void
test_lost(void **state)
{
	(void)state;
	both(lost);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_small),
		cmocka_unit_test(test_override),
		cmocka_unit_test(test_closed),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_young),
	};
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	net_bus(); /* before a child makes a folder of its own */
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	net_bus_remove();
	return failed;
}
