/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmif_keepalive_test.c - probes of an idle TCP connection
 *
 * A peer made by hand looks at them, over IPv4 and IPv6, and answers, or does
 * not.  No time is held against a limit from above.
 *
 * slow: 37
 */
#include <sys/socket.h>
#include <netinet/tcp.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>
#include <lwipv6.h>
#include <shmif.h>

#include "tests/lib/netstack.h"
#include "tests/lib/peer.h"

#define IDLE_S 1
#define EVERY_S 2
#define TIMES 3
#define ROUNDING_MS 2 /* clocks of milliseconds, on both sides */

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

static void
set(int fd, int level, int name, int value)
{
	MUST(lwip_setsockopt(fd, level, name, &value, sizeof(value)) == 0);
}

/* A connection with these options; its end at the unit. */
static int
opened(struct peer *p, bool v4)
{
	int l, fd;

	peer_set_up();
	l = peer_listener(v4, 80, 5);
	set(l, SOL_SOCKET, SO_KEEPALIVE, 1); /* is inherited */
	peer_open(p);
	MUST(peer_poll(l, POLLIN, PATIENCE_MS) == POLLIN);
	MUST((fd = lwip_accept(l, NULL, NULL)) != -1);
	set(fd, IPPROTO_TCP, TCP_KEEPIDLE, IDLE_S);
	set(fd, IPPROTO_TCP, TCP_KEEPINTVL, EVERY_S);
	set(fd, IPPROTO_TCP, TCP_KEEPCNT, TIMES);
	return fd;
}

/* The peer says something.  A time before the unit has heard it. */
static int64_t
say(const struct peer *p)
{
	int64_t before = now_ms();

	peer_send(p, T_ACK, NULL, 0);
	peer_settle(p);
	return before;
}

/* A right probe comes, and not before MS after SINCE. */
static void
probed(const struct peer *p, int64_t since, int ms)
{
	struct segment s;

	MUST(peer_recv(p, &s, PATIENCE_MS));
	MUST(s.sealed && s.flags == T_ACK && s.len == 0);
	MUST(s.seq == p->ack - 1 && s.ack == p->seq && s.window != 0);
	MUST(now_ms() - since >= ms - ROUNDING_MS);
}

/* Whoever answers is kept, for many times TIMES. */
static int
answered(void *arg)
{
	bool v4 = *(bool *)arg;
	struct peer p = peer_new(v4, 1234, 80);
	struct segment s;
	int64_t heard;
	unsigned i;
	char c;
	int fd;

	fd = opened(&p, v4);
	for (i = 0; i < 2 * TIMES; i++) {
		heard = say(&p);
		probed(&p, heard, IDLE_S * 1000);
		/* Sometimes late: it is asked once more first. */
		if (i == TIMES)
			probed(&p, heard, (IDLE_S + EVERY_S) * 1000);
	}
	/* Data is an answer as well, and both directions work. */
	heard = now_ms();
	peer_send(&p, T_ACK | T_PSH, "x", 1);
	p.seq++;
	MUST(lwip_recv(fd, &c, 1, 0) == 1 && c == 'x');
	MUST(peer_expect(&p, &s, T_ACK, PATIENCE_MS));
	peer_settle(&p);
	probed(&p, heard, IDLE_S * 1000);
	say(&p);
	MUST(lwip_send(fd, "y", 1, 0) == 1);
	MUST(peer_expect(&p, &s, T_PSH, PATIENCE_MS));
	MUST(s.seq == p.ack && s.len == 1);
	p.ack++;
	heard = say(&p);
	probed(&p, heard, IDLE_S * 1000);
	return 0;
}

static void
test_answered(void **state)
{
	(void)state;
	both(answered);
}

/* Whoever does not is given up after TIMES probes, and not before. */
static int
unanswered(void *arg)
{
	bool v4 = *(bool *)arg;
	struct peer p = peer_new(v4, 1234, 80);
	int64_t began;
	struct segment s;
	unsigned i;
	char c;
	int fd;

	fd = opened(&p, v4);
	began = say(&p);
	for (i = 0; i < TIMES; i++)
		probed(&p, began, (IDLE_S + (int)i * EVERY_S) * 1000);
	/* What resets it is no probe. */
	MUST(peer_recv(&p, &s, PATIENCE_MS));
	MUST(s.flags == (T_RST | T_ACK) && s.seq == p.ack);
	MUST(now_ms() - began >=
	    (IDLE_S + TIMES * EVERY_S) * 1000 - ROUNDING_MS);
	MUST(peer_poll(fd, POLLIN, PATIENCE_MS) != 0);
	MUST(lwip_recv(fd, &c, 1, 0) == -1 && errno == ETIMEDOUT);
	return 0;
}

static void
test_unanswered(void **state)
{
	(void)state;
	both(unanswered);
}

/* Where it was not asked for there are none; its bounds are Linux's. */
static int
not_asked(void *arg)
{
	bool v4 = *(bool *)arg;
	struct peer p = peer_new(v4, 1234, 80);
	static const struct {
		int name, bad;
	} bounds[] = { { TCP_KEEPIDLE, 0 }, { TCP_KEEPIDLE, 32768 },
		{ TCP_KEEPINTVL, 0 }, { TCP_KEEPINTVL, 32768 },
		{ TCP_KEEPCNT, 0 }, { TCP_KEEPCNT, 128 } };
	struct segment s;
	unsigned i;
	int fd;

	fd = opened(&p, v4);
	set(fd, SOL_SOCKET, SO_KEEPALIVE, 0);
	say(&p);
	MUST(!peer_recv(&p, &s, IDLE_S * 1000 + 2 * SILENCE_MS));
	for (i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++)
		MUST(lwip_setsockopt(fd, IPPROTO_TCP, bounds[i].name,
			 &bounds[i].bad, sizeof(int)) == -1 &&
		    errno == EINVAL);
	return 0;
}

static void
test_not_asked(void **state)
{
	(void)state;
	both(not_asked);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answered),
		cmocka_unit_test(test_unanswered),
		cmocka_unit_test(test_not_asked),
	};
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	net_bus(); /* before a child makes a folder of its own */
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	net_bus_remove();
	return failed;
}
