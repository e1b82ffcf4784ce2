/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmif_ooseq_test.c - segments out of order, and of one byte
 *
 * Whatever the order and the pieces: the program reads what was sent, and what
 * a connection takes of memory is bounded by its window, not by how it was cut.
 */
#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <lwipv6.h>
#include <shmif.h>

#include "tests/lib/netstack.h"
#include "tests/lib/peer.h"

#define WINDOW 60000u
#define MEMORY_MAX (160u << 10) /* of one connection */
#define CONNECTIONS 3u
#define PAUSE 200u /* segments until the unit is waited for */
#define PIECE 1000u
#define SEED 7u

static unsigned seed;

static void
both(int (*fn)(void *))
{
	static const bool versions[] = { true, false };
	unsigned i;

	for (i = 0; i < 2; i++) {
		bool v4 = versions[i];

		assert_int_equal(net_wait(net_child(fn, &v4)), 0);
	}
}

static size_t
memory(void)
{
	return mallinfo2().uordblks;
}

/* Sends N bytes of the stream of P from OFFSET on; P->seq is its beginning. */
static void
piece(const struct peer *p, unsigned offset, unsigned n, unsigned flags)
{
	struct peer q = *p;
	uint8_t data[1460];

	MUST(n <= sizeof(data));
	net_fill(data, n, offset, SEED);
	q.seq += offset;
	peer_send(&q, T_ACK | flags, data, n);
}

/* Opens a connection; its end at the unit. */
static int
opened(struct peer *p, int l)
{
	int fd;

	peer_open(p);
	MUST(peer_poll(l, POLLIN, PATIENCE_MS) == POLLIN);
	MUST((fd = lwip_accept(l, NULL, NULL)) != -1);
	return fd;
}

/* The program reads N bytes of the stream from OFFSET on. */
static void
read_all(int fd, unsigned offset, unsigned n)
{
	static uint8_t buf[WINDOW];
	unsigned got = 0;
	ssize_t r;

	while (got < n) {
		MUST(peer_poll(fd, POLLIN, PATIENCE_MS) & POLLIN);
		MUST((r = lwip_recv(fd, buf, (int)(n - got), 0)) > 0);
		MUST(net_same(buf, (size_t)r, offset + got, SEED));
		got += (unsigned)r;
	}
}

/* Sends all of N bytes in order, and then nothing is missing. */
static void
send_all(const struct peer *p, unsigned n)
{
	struct segment s;
	unsigned at, k;

	for (at = 0; at < n; at += k) {
		k = n - at < PIECE ? n - at : PIECE;
		piece(p, at, k, 0);
	}
	do
		MUST(peer_recv(p, &s, PATIENCE_MS));
	while (s.ack != p->seq + n);
}

/* ---- memory ------------------------------------------------------------- */

enum order { IN_ORDER, EVERY_SECOND, BACKWARDS, AFTER_A_HOLE, OVERLAPPING };

/* Fills the window in ORDER, mostly by bytes. */
static void
fill(const struct peer *p, enum order order)
{
	unsigned i, step = order == EVERY_SECOND ? 2 : 1;

	for (i = 0; i * step + 1 < WINDOW; i++) {
		unsigned at = i * step + (order != IN_ORDER);

		if (order == BACKWARDS)
			at = WINDOW - 1 - i;
		if (order == OVERLAPPING) {
			if (WINDOW < 1400 + 2 * i + 1 || i >= WINDOW / 8)
				break;
			piece(p, WINDOW - 1400 - 2 * i, 1400, 0);
		} else {
			piece(p, at, 1, 0);
		}
		if (i % PAUSE == PAUSE - 1)
			peer_settle(p);
	}
	peer_settle(p);
}

struct memory_case {
	bool v4;
	enum order order;
};

static int
fills(void *arg)
{
	const struct memory_case *c = arg;
	struct peer p[CONNECTIONS];
	int l, fd[CONNECTIONS];
	size_t before, after;
	unsigned i;

	peer_set_up();
	l = peer_listener(c->v4, 80, CONNECTIONS);
	for (i = 0; i < CONNECTIONS; i++) {
		p[i] = peer_new(c->v4, (uint16_t)(2000 + i), 80);
		peer_open(&p[i]);
		peer_settle(&p[i]);
	}
	before = memory();
	/* Nobody has accepted them. */
	for (i = 0; i < CONNECTIONS; i++)
		fill(&p[i], c->order);
	after = memory();
	if (after >= before + CONNECTIONS * MEMORY_MAX)
		fprintf(stderr, "# order %d: %zu bytes a connection\n",
		    (int)c->order, (after - before) / CONNECTIONS);
	MUST(after < before + CONNECTIONS * MEMORY_MAX);
	for (i = 0; i < CONNECTIONS; i++) {
		MUST(peer_poll(l, POLLIN, PATIENCE_MS) == POLLIN);
		MUST((fd[i] = lwip_accept(l, NULL, NULL)) != -1);
		send_all(&p[i], WINDOW);
		read_all(fd[i], 0, WINDOW);
	}
	return 0;
}

static void
fills_both(enum order order)
{
	struct memory_case c = { .order = order };

	c.v4 = true;
	assert_int_equal(net_wait(net_child(fills, &c)), 0);
	c.v4 = false;
	assert_int_equal(net_wait(net_child(fills, &c)), 0);
}

static void
test_in_order(void **state)
{
	(void)state;
	fills_both(IN_ORDER);
}

static void
test_every_second(void **state)
{
	(void)state;
	fills_both(EVERY_SECOND);
}

static void
test_backwards(void **state)
{
	(void)state;
	fills_both(BACKWARDS);
}

static void
test_after_a_hole(void **state)
{
	(void)state;
	fills_both(AFTER_A_HOLE);
}

static void
test_overlapping(void **state)
{
	(void)state;
	fills_both(OVERLAPPING);
}

/* Small ones that follow each other are kept, all of them. */
static int
kept(void *arg)
{
	bool v4 = *(bool *)arg;
	struct peer p = peer_new(v4, 2000, 80);
	struct segment s;
	int l, fd;

	peer_set_up();
	l = peer_listener(v4, 80, 1);
	fd = opened(&p, l);
	fill(&p, AFTER_A_HOLE);
	peer_drain(&p, 0);
	piece(&p, 0, 1, 0);
	do
		MUST(peer_recv(&p, &s, PATIENCE_MS));
	while (s.ack == p.seq);
	MUST(s.ack == p.seq + WINDOW);
	read_all(fd, 0, WINDOW);
	return 0;
}

static void
test_kept(void **state)
{
	(void)state;
	both(kept);
}

/* ---- any order ---------------------------------------------------------- */

#define STREAM 20000u

/* A piece of the stream, of any size; the last one has the FIN. */
static void
random_piece(const struct peer *p)
{
	unsigned at = (unsigned)random() % STREAM, n;

	n = random() % 2 ? 1 + (unsigned)random() % 10 :
			   1 + (unsigned)random() % 1400;
	if (at + n >= STREAM)
		n = STREAM - at;
	piece(p, at, n, at + n == STREAM && random() % 2 ? T_FIN : 0);
}

static int
any_order(void *arg)
{
	bool v4 = *(bool *)arg;
	struct segment s;
	struct peer p;
	unsigned i, k;
	char c;
	int l, fd;

	peer_set_up();
	l = peer_listener(v4, 80, 1);
	for (k = 0; k < 20; k++) {
		p = peer_new(v4, (uint16_t)(2000 + k), 80);
		fd = opened(&p, l);
		for (i = 0; i < 300; i++) {
			random_piece(&p);
			if (i % 100 == 99)
				peer_settle(&p);
		}
		/* All that may be missing, and the end. */
		for (i = 0; i < STREAM; i += PIECE)
			piece(&p, i, PIECE, i + PIECE == STREAM ? T_FIN : 0);
		do
			MUST(peer_recv(&p, &s, PATIENCE_MS));
		while (s.ack != p.seq + STREAM + 1);
		read_all(fd, 0, STREAM);
		MUST(lwip_recv(fd, &c, 1, 0) == 0);
		MUST(lwip_close(fd) == 0);
		p.seq += STREAM + 1;
		peer_send(&p, T_RST, NULL, 0);
	}
	return 0;
}

static void
test_any_order(void **state)
{
	(void)state;
	printf("# seed %u\n", seed);
	srandom(seed);
	both(any_order);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_order),
		cmocka_unit_test(test_every_second),
		cmocka_unit_test(test_backwards),
		cmocka_unit_test(test_after_a_hole),
		cmocka_unit_test(test_overlapping),
		cmocka_unit_test(test_kept),
		cmocka_unit_test(test_any_order),
	};
	int failed;

	seed = (unsigned)net_env("TEST_SEED", (long)(now_ms() & 0xffffff));
	cmocka_set_message_output(CM_OUTPUT_TAP);
	net_bus(); /* before a child makes a folder of its own */
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	net_bus_remove();
	return failed;
}
