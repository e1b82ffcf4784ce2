/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmif_isn_test.c - initial sequence numbers: RFC 6528
 *
 * Between the same two ends they go up by the clock; those of one connection
 * tell nothing about those of another one, or of another process.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <lwipv6.h>
#include <shmif.h>

#include "tests/lib/netstack.h"
#include "tests/lib/peer.h"

#define PEERS 64u
#define PER_MS 250   /* counts of the clock */
#define NEAR 2000000 /* eight seconds */

static const bool versions[] = { true, false };

/* The sequence number that the unit answers a SYN with; P has it reset then. */
static uint32_t
answer(struct peer *p)
{
	struct segment s;

	peer_send(p, T_SYN, NULL, 0);
	MUST(peer_expect(p, &s, T_SYN | T_ACK, PATIENCE_MS));
	p->seq++;
	peer_send(p, T_RST, NULL, 0);
	p->seq += 99;
	return s.seq;
}

/* How many pairs of the N numbers are near each other. */
static unsigned
pairs_near(const uint32_t *isn, unsigned n)
{
	unsigned i, j, near = 0;

	for (i = 0; i < n; i++)
		for (j = 0; j < i; j++)
			near += abs((int32_t)(isn[i] - isn[j])) < NEAR;
	return near;
}

static int
same_ends(void *arg)
{
	bool v4 = *(bool *)arg;
	struct peer p = peer_new(v4, 1000, 80);
	uint32_t last, isn;
	int64_t began, asked, ms;
	unsigned i;

	peer_set_up();
	peer_listener(v4, 80, 5);
	began = now_ms();
	last = answer(&p);
	for (i = 0; i < 10; i++) {
		peer_drain(&p, 21);
		asked = now_ms();
		isn = answer(&p);
		ms = now_ms() - began;
		MUST((int32_t)(isn - last) >= 20 * PER_MS);
		MUST((int64_t)(isn - last) <= (ms + 2) * PER_MS);
		last = isn;
		began = asked;
	}
	return 0;
}

static int
other_ends(void *arg)
{
	bool v4 = *(bool *)arg;
	uint32_t isn[PEERS];
	struct segment s;
	struct peer p;
	unsigned i;

	peer_set_up();
	peer_listener(v4, 80, 5);
	for (i = 0; i < PEERS; i++) {
		p = peer_new(v4, (uint16_t)(1000 + i), 80);
		isn[i] = answer(&p);
	}
	/* One pair in a thousand is near by chance: two of 2016. */
	MUST(pairs_near(isn, PEERS) < 20);
	for (i = 0; i < PEERS; i++) {
		p = peer_new(v4, (uint16_t)(2000 + i), 0);
		peer_dialled(&p);
		MUST(peer_expect(&p, &s, T_SYN, PATIENCE_MS));
		isn[i] = s.seq;
	}
	MUST(pairs_near(isn, PEERS) < 20);
	return 0;
}

static uint32_t *shared; /* by processes */

static int
one_of_many(void *arg)
{
	bool v4 = *(bool *)arg;
	struct peer p = peer_new(v4, 1000, 80);
	uint32_t next = shared[PEERS];

	peer_set_up();
	peer_listener(v4, 80, 5);
	shared[next] = answer(&p);
	shared[PEERS] = next + 1;
	return 0;
}

static void
both(int (*fn)(void *))
{
	unsigned i;

	for (i = 0; i < 2; i++) {
		bool v4 = versions[i];

		assert_int_equal(net_wait(net_child(fn, &v4)), 0);
	}
}

static void
test_same_ends(void **state)
{
	(void)state;
	both(same_ends);
}

static void
test_other_ends(void **state)
{
	(void)state;
	both(other_ends);
}

static void
test_processes(void **state)
{
	unsigned i;

	(void)state;
	shared = net_shared((PEERS + 1) * sizeof(*shared));
	for (i = 0; i < 4; i++)
		both(one_of_many);
	assert_int_equal(shared[PEERS], 8);
	/* Eight in the same second: the clock alone would have them near. */
	assert_true(pairs_near(shared, 8) < 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_ends),
		cmocka_unit_test(test_other_ends),
		cmocka_unit_test(test_processes),
	};
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	net_bus(); /* before a child makes a folder of its own */
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	net_bus_remove();
	return failed;
}
