/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmif_close_test.c - what the peer of a connection is told when a program
 *	closes it: that all has been taken, or that something is lost
 */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <lwipv6.h>
#include <shmif.h>

#include "tests/lib/netstack.h"
#include "tests/lib/peer.h"

#define BYTES 100u

/* A connection from P to the unit's listener L; the unit's end of it. */
static int
opened(struct peer *p, int l)
{
	int fd;

	peer_open(p);
	MUST(peer_poll(l, POLLIN, PATIENCE_MS) & POLLIN);
	MUST((fd = lwip_accept(l, NULL, NULL)) != -1);
	return fd;
}

/* P sends BYTES bytes, and FLAGS; the unit has them when this returns. */
static void
deliver(struct peer *p, int fd, unsigned flags)
{
	static const uint8_t data[BYTES];
	struct segment s;

	peer_send(p, T_ACK | T_PSH | flags, data, BYTES);
	p->seq += BYTES + ((flags & T_FIN) != 0);
	do
		MUST(peer_recv(p, &s, PATIENCE_MS));
	while (s.ack != p->seq);
	MUST(peer_poll(fd, POLLIN, PATIENCE_MS) & POLLIN);
}

static void
take(int fd, size_t n)
{
	char b[BYTES];

	MUST(lwip_recv(fd, b, (int)n, MSG_WAITALL) == (ssize_t)n);
}

/* The next that P gets is a reset which it believes, and nothing is left. */
static void
is_reset(const struct peer *p)
{
	struct segment s;

	MUST(peer_recv(p, &s, PATIENCE_MS));
	MUST(s.sealed && (s.flags & T_RST) && s.seq == p->ack);
	/* There is nobody any more. */
	peer_send(p, T_ACK, NULL, 0);
	MUST(peer_recv(p, &s, PATIENCE_MS));
	MUST((s.flags & T_RST) && s.seq == p->ack);
}

static void
is_fin(struct peer *p)
{
	struct segment s;

	MUST(peer_recv(p, &s, PATIENCE_MS));
	MUST(s.sealed && s.flags == (T_FIN | T_ACK) && s.len == 0);
	MUST(s.seq == p->ack && s.ack == p->seq);
	p->ack++;
}

/* ---- closed ------------------------------------------------------------- */

/* READ bytes of BYTES are read, with FLAGS on the last segment. */
static void
closed(bool v4, int l, uint16_t port, size_t read, unsigned flags)
{
	struct peer p = peer_new(v4, port, 80);
	int fd = opened(&p, l);

	deliver(&p, fd, flags);
	if (read != 0)
		take(fd, read);
	MUST(lwip_close(fd) == 0);
	if (read == BYTES)
		is_fin(&p);
	else
		is_reset(&p);
}

static int
read_or_not(void *arg)
{
	bool v4 = *(bool *)arg;
	int l;

	peer_set_up();
	l = peer_listener(v4, 80, 5);
	closed(v4, l, 1001, 0, 0);
	closed(v4, l, 1002, BYTES - 1, 0);
	closed(v4, l, 1003, BYTES, 0);
	closed(v4, l, 1004, 0, T_FIN);
	closed(v4, l, 1005, BYTES - 1, T_FIN);
	closed(v4, l, 1006, BYTES, T_FIN);
	return 0;
}

/* After shutdown(), in either direction. */
static int
shut(void *arg)
{
	bool v4 = *(bool *)arg;
	struct peer p = peer_new(v4, 1001, 80);
	int l, fd;

	peer_set_up();
	l = peer_listener(v4, 80, 5);
	fd = opened(&p, l);
	MUST(lwip_shutdown(fd, SHUT_WR) == 0);
	is_fin(&p);
	peer_send(&p, T_ACK, NULL, 0);
	deliver(&p, fd, 0);
	MUST(lwip_close(fd) == 0);
	is_reset(&p);

	p = peer_new(v4, 1002, 80);
	fd = opened(&p, l);
	deliver(&p, fd, 0);
	MUST(lwip_shutdown(fd, SHUT_RD) == 0);
	MUST(lwip_close(fd) == 0);
	is_reset(&p);
	return 0;
}

/* SO_LINGER does not wait for what is lost; a time of 0 is a reset anyhow. */
static int
lingers(void *arg)
{
	bool v4 = *(bool *)arg;
	struct linger on = { .l_onoff = 1, .l_linger = 3600 };
	struct peer p = peer_new(v4, 1001, 80);
	int l, fd;

	peer_set_up();
	l = peer_listener(v4, 80, 5);
	fd = opened(&p, l);
	deliver(&p, fd, 0);
	MUST(lwip_setsockopt(fd, SOL_SOCKET, SO_LINGER, &on, sizeof(on)) == 0);
	MUST(lwip_close(fd) == 0);
	is_reset(&p);

	p = peer_new(v4, 1002, 80);
	fd = opened(&p, l);
	deliver(&p, fd, 0);
	take(fd, BYTES);
	on.l_linger = 0;
	MUST(lwip_setsockopt(fd, SOL_SOCKET, SO_LINGER, &on, sizeof(on)) == 0);
	MUST(lwip_close(fd) == 0);
	is_reset(&p);
	return 0;
}

/* ---- the process ends --------------------------------------------------- */

static struct peer lost, taken, waits;

/* Runs when the stack has done what it does at the end. */
static void
at_the_end(void)
{
	struct segment s;

	if (!peer_expect(&lost, &s, T_RST, PATIENCE_MS) || s.seq != lost.ack)
		_exit(2);
	_exit(0);
}

static void
at_the_end_taken(void)
{
	struct segment s;

	if (!peer_expect(&taken, &s, T_FIN, PATIENCE_MS))
		_exit(3);
	_exit(0);
}

static int
ends(bool v4, bool read)
{
	struct peer *p = read ? &taken : &lost;
	int l, fd;

	/* What was registered first is called last. */
	MUST(atexit(read ? at_the_end_taken : at_the_end) == 0);
	peer_set_up();
	l = peer_listener(v4, 80, 5);
	*p = peer_new(v4, 1001, 80);
	fd = opened(p, l);
	deliver(p, fd, 0);
	if (read)
		take(fd, BYTES);
	exit(4);
}

static int
ends_lost(void *arg)
{
	return ends(*(bool *)arg, false);
}

static int
ends_taken(void *arg)
{
	return ends(*(bool *)arg, true);
}

/* Nobody accepted it: its data is lost as well. */
static int
never_accepted(void *arg)
{
	bool v4 = *(bool *)arg;
	int l;

	peer_set_up();
	l = peer_listener(v4, 80, 5);
	waits = peer_new(v4, 1001, 80);
	peer_open(&waits);
	MUST(peer_poll(l, POLLIN, PATIENCE_MS) & POLLIN);
	MUST(lwip_close(l) == 0);
	is_reset(&waits);
	return 0;
}

static void
both(int (*fn)(void *))
{
	bool v4 = true, v6 = false;

	assert_int_equal(net_wait(net_child(fn, &v4)), 0);
	assert_int_equal(net_wait(net_child(fn, &v6)), 0);
}

static void
test_read_or_not(void **state)
{
	(void)state;
	both(read_or_not);
}

static void
test_shut(void **state)
{
	(void)state;
	both(shut);
}

static void
test_lingers(void **state)
{
	(void)state;
	both(lingers);
}

static void
test_process_ends(void **state)
{
	(void)state;
	both(ends_lost);
	both(ends_taken);
}

static void
test_never_accepted(void **state)
{
	(void)state;
	both(never_accepted);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read_or_not),
		cmocka_unit_test(test_shut),
		cmocka_unit_test(test_lingers),
		cmocka_unit_test(test_process_ends),
		cmocka_unit_test(test_never_accepted),
	};
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	net_bus(); /* before a child makes a folder of its own */
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	net_bus_remove();
	return failed;
}
