/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmif_syn_test.c - clients that begin to connect and are gone
 *
 * They keep nobody out, be there one or thousands; only established connections
 * count against the backlog; and what they cost is bounded.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <lwipv6.h>
#include <shmif.h>

#include "tests/lib/netstack.h"
#include "tests/lib/peer.h"

#define ROUNDS 8u
#define FLOOD 500u /* SYNs a round */
#define MEMORY_MAX (1u << 20)
#define SMALL 536u

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

/* Accepts the connection of P, and both say something. */
static int
accepted(struct peer *p, int l)
{
	struct segment s;
	char c;
	int fd;

	MUST(peer_poll(l, POLLIN, PATIENCE_MS) == POLLIN);
	MUST((fd = lwip_accept(l, NULL, NULL)) != -1);
	peer_send(p, T_ACK | T_PSH, "x", 1);
	p->seq++;
	MUST(peer_poll(fd, POLLIN, PATIENCE_MS) == POLLIN);
	MUST(lwip_recv(fd, &c, 1, 0) == 1 && c == 'x');
	MUST(lwip_send(fd, "y", 1, 0) == 1);
	MUST(peer_expect(p, &s, T_PSH, PATIENCE_MS));
	MUST(s.seq == p->ack && s.len == 1 && s.data[0] == 'y');
	p->ack++;
	peer_send(p, T_ACK, NULL, 0);
	return fd;
}

/* ---- a few -------------------------------------------------------------- */

static int
few(void *arg)
{
	bool v4 = *(bool *)arg;
	struct peer p;
	struct segment s;
	unsigned i;
	int l;

	peer_set_up();
	l = peer_listener(v4, 80, 1);
	for (i = 0; i < 20; i++) {
		p = peer_new(v4, (uint16_t)(3000 + i), 80);
		peer_send(&p, T_SYN, NULL, 0);
		MUST(peer_expect(&p, &s, T_SYN | T_ACK, PATIENCE_MS));
	}
	p = peer_new(v4, 4000, 80);
	peer_send(&p, T_SYN, NULL, 0);
	/* It does not have to ask again. */
	MUST(peer_expect(&p, &s, T_SYN | T_ACK, PATIENCE_MS));
	p.seq++;
	p.ack = s.seq + 1;
	peer_send(&p, T_ACK, NULL, 0);
	accepted(&p, l);
	return 0;
}

static void
test_few(void **state)
{
	(void)state;
	both(few);
}

/* ---- the backlog -------------------------------------------------------- */

#define BACKLOG 2u

static int
backlog(void *arg)
{
	bool v4 = *(bool *)arg;
	struct peer p[BACKLOG + 2], *last = &p[BACKLOG], *late = last + 1;
	struct segment s;
	unsigned i;
	char c;
	int l, fd;

	peer_set_up();
	l = peer_listener(v4, 80, BACKLOG);
	for (i = 0; i <= BACKLOG; i++) {
		p[i] = peer_new(v4, (uint16_t)(3000 + i), 80);
		peer_send(&p[i], T_SYN, NULL, 0);
		MUST(peer_expect(&p[i], &s, T_SYN | T_ACK, PATIENCE_MS));
		p[i].seq++;
		p[i].ack = s.seq + 1;
	}
	/* One more than there is room for: it has to wait, and is not reset. */
	for (i = 0; i <= BACKLOG; i++)
		peer_send(&p[i], T_ACK, NULL, 0);
	peer_send(last, T_ACK | T_PSH, "x", 1);
	*late = peer_new(v4, 3999, 80);
	peer_send(late, T_SYN, NULL, 0);
	MUST(!peer_settle(late));
	for (i = 0; i < BACKLOG; i++)
		accepted(&p[i], l);
	MUST(peer_poll(l, POLLIN, 0) == 0);
	/* Its SYN|ACK comes again, and then there is room. */
	MUST(peer_expect(last, &s, T_ACK, PATIENCE_MS));
	MUST(s.flags == (T_SYN | T_ACK) && s.seq + 1 == last->ack);
	peer_send(last, T_ACK | T_PSH, "x", 1);
	last->seq++;
	MUST(peer_poll(l, POLLIN, PATIENCE_MS) == POLLIN);
	MUST((fd = lwip_accept(l, NULL, NULL)) != -1);
	MUST(peer_poll(fd, POLLIN, PATIENCE_MS) == POLLIN);
	MUST(lwip_recv(fd, &c, 1, 0) == 1 && c == 'x');
	peer_open(late);
	accepted(late, l);
	return 0;
}

static void
test_backlog(void **state)
{
	(void)state;
	both(backlog);
}

/* ---- a flood ------------------------------------------------------------ */

/* N SYNs from hosts that are not there. */
static void
flood(bool v4, unsigned n)
{
	char us[64];
	struct peer p;
	unsigned i;

	for (i = 0; i < n; i++) {
		unsigned r = (unsigned)random();

		if (v4)
			snprintf(us, sizeof(us), "10.7.0.%u", 20 + r % 200);
		else
			snprintf(us, sizeof(us), "fd07::dead:%x", r % 60000);
		p = peer_new(v4, (uint16_t)(1024 + (r >> 16)), 80);
		p.us = us;
		p.seq = r * 2654435761u;
		peer_send(&p, T_SYN, NULL, 0);
	}
}

static size_t
memory(void)
{
	return mallinfo2().uordblks;
}

/* What comes to P acknowledges nothing that there is. */
static void
refused(const struct peer *p)
{
	struct segment s;

	peer_send(p, T_ACK, NULL, 0);
	MUST(peer_expect(p, &s, T_RST, PATIENCE_MS));
	MUST(s.flags == T_RST && s.seq == p->ack);
}

static int
flooded(void *arg)
{
	static uint8_t data[5000];
	bool v4 = *(bool *)arg;
	size_t before, len;
	struct segment s;
	struct peer p, q, none = peer_new(v4, 1, 1);
	unsigned i;
	int l, fd;

	peer_set_up();
	l = peer_listener(v4, 80, 3);
	before = memory();
	for (i = 0; i < ROUNDS; i++) {
		flood(v4, FLOOD);
		if (i % 2 == 0)
			peer_settle(&none);
		/* A client of the kind that is there. */
		p = peer_new(v4, (uint16_t)(2000 + i), 80);
		p.mss = i % 2 == 0 ? SMALL : 1400;
		do
			peer_send(&p, T_SYN, NULL, 0);
		while (!peer_expect(&p, &s, T_SYN | T_ACK, 1000));
		MUST(s.sealed && s.ack == p.seq + 1 && s.mss != 0);
		p.seq++;
		p.ack = s.seq + 1;
		/* Nobody else gets in by that number, or a near one. */
		q = p;
		q.port++;
		refused(&q);
		q = p;
		q.seq++;
		if (i > 1)
			refused(&q);
		q = p;
		q.ack += 8;
		refused(&q);
		peer_send(&p, T_ACK, NULL, 0);
		fd = accepted(&p, l);
		/* It is sent no larger pieces than it said that it takes. */
		MUST(lwip_send(fd, data, sizeof(data), 0) == sizeof(data));
		for (len = 0; len < sizeof(data);) {
			MUST(peer_recv(&p, &s, PATIENCE_MS));
			MUST(s.len <= p.mss);
			if (s.seq != p.ack)
				continue; /* again: we were slow */
			p.ack += s.len;
			len += s.len;
			peer_send(&p, T_ACK, NULL, 0);
		}
		MUST(lwip_close(fd) == 0);
		peer_send(&p, T_RST, NULL, 0);
	}
	MUST(memory() < before + MEMORY_MAX);
	return 0;
}

static void
test_flooded(void **state)
{
	unsigned seed = (unsigned)net_env("TEST_SEED", now_ms() & 0xffffff);

	(void)state;
	printf("# seed %u\n", seed);
	srandom(seed);
	both(flooded);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_few),
		cmocka_unit_test(test_backlog),
		cmocka_unit_test(test_flooded),
	};
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	net_bus(); /* before a child makes a folder of its own */
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	net_bus_remove();
	return failed;
}
