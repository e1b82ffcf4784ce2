/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmif_reset_test.c - what a segment is told that does not belong where it
 *	comes: RFC 9293, 3.10.7, in each state, over IPv4 and IPv6
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <lwipv6.h>
#include <shmif.h>

#include "tests/lib/netstack.h"
#include "tests/lib/peer.h"

static const bool versions[] = { true, false };

static void
alone(int (*fn)(void *), bool v4)
{
	assert_int_equal(net_wait(net_child(fn, &v4)), 0);
}

static void
both(int (*fn)(void *))
{
	unsigned i;

	for (i = 0; i < 2; i++)
		alone(fn, versions[i]);
}

/* Nothing comes for P. */
static void
silence(const struct peer *p)
{
	MUST(!peer_settle(p));
}

/* Sends FLAGS and N bytes; they are refused as RFC 9293, 3.10.7.1 has it. */
static void
refused(const struct peer *p, unsigned flags, unsigned n)
{
	static const uint8_t data[64];
	struct segment s;

	peer_send(p, flags, data, n);
	MUST(peer_expect(p, &s, T_RST, PATIENCE_MS));
	MUST(s.sealed && s.len == 0);
	if (flags & T_ACK) {
		MUST(s.flags == T_RST && s.seq == p->ack);
	} else {
		MUST(s.flags == (T_RST | T_ACK) && s.seq == 0);
		MUST(s.ack ==
		    p->seq + n + ((flags & T_SYN) != 0) +
			((flags & T_FIN) != 0));
	}
}

/* Sends FLAGS: there is an acknowledgement, and no more. */
static void
acknowledged(const struct peer *p, unsigned flags, uint32_t rcv_nxt)
{
	struct segment s;

	peer_send(p, flags, NULL, 0);
	MUST(peer_recv(p, &s, PATIENCE_MS));
	MUST(s.sealed && s.flags == T_ACK && s.ack == rcv_nxt);
	silence(p);
}

/* All that P sent is acknowledged; other segments may come again before. */
static void
acked(const struct peer *p)
{
	struct segment s;

	do
		MUST(peer_expect(p, &s, T_ACK, PATIENCE_MS));
	while (s.ack != p->seq);
}

static int
error_of(int fd)
{
	int error = 0;
	socklen_t len = sizeof(error);

	MUST(lwip_getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0);
	return error;
}

/* ---- no connection ------------------------------------------------------ */

static int
nobody(void *arg)
{
	struct peer p = peer_new(*(bool *)arg, 1111, 81);

	peer_set_up();
	p.ack = 70000;
	refused(&p, T_ACK, 0);
	refused(&p, T_ACK | T_PSH, 5);
	refused(&p, T_ACK | T_FIN, 7);
	refused(&p, T_ACK | T_SYN, 0);
	refused(&p, T_SYN, 0);
	refused(&p, T_FIN, 3);
	refused(&p, 0, 0);
	refused(&p, T_PSH, 9);
	p.ack = 0xffffffff;
	p.seq = 0xffffffff;
	refused(&p, T_ACK, 0);
	refused(&p, T_SYN, 0);
	peer_send(&p, T_RST, NULL, 0);
	silence(&p);
	peer_send(&p, T_RST | T_ACK, NULL, 0);
	silence(&p);
	return 0;
}

static void
test_nobody(void **state)
{
	(void)state;
	both(nobody);
}

static int
listener(void *arg)
{
	bool v4 = *(bool *)arg;
	struct peer p = peer_new(v4, 1111, 80);

	peer_set_up();
	peer_listener(v4, 80, 5);
	p.ack = 70000;
	refused(&p, T_ACK, 0);
	refused(&p, T_ACK | T_PSH, 5);
	refused(&p, T_ACK | T_FIN, 0);
	refused(&p, T_ACK | T_SYN, 0);
	p.ack = 0xffffffff;
	refused(&p, T_ACK, 0);
	peer_send(&p, T_RST, NULL, 0);
	silence(&p);
	peer_send(&p, T_RST | T_ACK, NULL, 0);
	silence(&p);
	peer_send(&p, T_FIN, NULL, 0);
	silence(&p);
	peer_send(&p, 0, "x", 1);
	silence(&p);
	/* It is none the worse for that. */
	p.port = 1112;
	peer_open(&p);
	return 0;
}

static void
test_listener(void **state)
{
	(void)state;
	both(listener);
}

/* A reset is for one host, and for what has come whole. */
static int
not_for_us(void *arg)
{
	bool v4 = *(bool *)arg;
	struct peer p = peer_new(v4, 1111, 81);
	struct frame f;
	uint8_t *t;

	peer_set_up();
	p.them = v4 ? "10.7.0.255" : "ff02::1";
	peer_send(&p, T_SYN, NULL, 0);
	p.them = v4 ? "224.0.0.1" : "ff02::2";
	peer_send(&p, T_ACK, NULL, 0);
	p.them = v4 ? UNIT4 : UNIT6;
	packet(&f, unit_mac, p.us, p.them, P_TCP, 20);
	t = packet_body(&f);
	put16(t, p.port);
	put16(t + 2, p.theirs);
	t[12] = 0x50;
	t[13] = T_ACK;
	packet_seal(&f);
	t[16] ^= 0x10;
	send_frame(&f);
	silence(&p);
	refused(&p, T_ACK, 0);
	return 0;
}

static void
test_not_for_us(void **state)
{
	(void)state;
	both(not_for_us);
}

/* ---- a connection that is being opened ---------------------------------- */

static int
syn_sent(void *arg)
{
	bool v4 = *(bool *)arg;
	struct peer p = peer_new(v4, 2000, 0);
	struct segment s;
	uint32_t next;
	int fd;

	peer_set_up();
	fd = peer_dialled(&p);
	MUST(peer_recv(&p, &s, PATIENCE_MS) && s.flags == T_SYN);
	p.theirs = s.sport;
	next = s.seq + 1;
	/* What it did not send. */
	p.ack = next + 1;
	refused(&p, T_SYN | T_ACK, 0);
	refused(&p, T_ACK, 0);
	p.ack = next - 1;
	refused(&p, T_SYN | T_ACK, 0);
	refused(&p, T_ACK, 5);
	/* Resets that it cannot believe. */
	peer_send(&p, T_RST | T_ACK, NULL, 0);
	p.ack = next;
	peer_send(&p, T_RST, NULL, 0);
	/* An acknowledgement without the SYN. */
	peer_send(&p, T_ACK, NULL, 0);
	MUST(!peer_expect(&p, &s, T_RST, SILENCE_MS));
	MUST(peer_poll(fd, POLLOUT, 0) == 0);
	peer_send(&p, T_RST | T_ACK, NULL, 0);
	MUST(peer_poll(fd, POLLOUT, PATIENCE_MS) != 0);
	MUST(error_of(fd) == ECONNREFUSED);
	return 0;
}

/* A peer that has an old connection is told, and asked again at once. */
static int
stale(void *arg)
{
	bool v4 = *(bool *)arg;
	struct peer p = peer_new(v4, 2000, 0);
	struct segment s;
	int fd;

	peer_set_up();
	fd = peer_dialled(&p);
	MUST(peer_recv(&p, &s, PATIENCE_MS) && s.flags == T_SYN);
	p.theirs = s.sport;
	p.ack = s.seq + 77777;
	refused(&p, T_ACK, 0);
	MUST(peer_settle(&p));
	/* Not as often as one likes. */
	refused(&p, T_ACK, 0);
	peer_accept(&p);
	MUST(peer_poll(fd, POLLOUT, PATIENCE_MS) == POLLOUT);
	return 0;
}

static void
test_stale(void **state)
{
	(void)state;
	both(stale);
}

static void
test_syn_sent(void **state)
{
	(void)state;
	both(syn_sent);
}

static int
syn_received(void *arg)
{
	bool v4 = *(bool *)arg;
	struct peer p = peer_new(v4, 3000, 80);
	uint32_t seq = p.seq;
	struct segment s;
	int fd;

	peer_set_up();
	fd = peer_listener(v4, 80, 5);
	peer_send(&p, T_SYN, NULL, 0);
	MUST(peer_recv(&p, &s, PATIENCE_MS) && s.flags == (T_SYN | T_ACK));
	/* Not heard: it is said again, well before its time. */
	peer_send(&p, T_SYN, NULL, 0);
	MUST(peer_recv(&p, &s, PATIENCE_MS) && s.flags == (T_SYN | T_ACK));
	/* What it did not send. */
	p.seq = seq + 1;
	p.ack = s.seq + 2;
	refused(&p, T_ACK, 0);
	p.ack = s.seq;
	refused(&p, T_ACK, 1);
	/* A client that has forgotten it finds that out. */
	p.seq = seq + 12345;
	peer_send(&p, T_SYN, NULL, 0);
	do
		MUST(peer_expect(&p, &s, T_ACK, PATIENCE_MS));
	while (s.flags != T_ACK);
	MUST(s.ack == seq + 1);
	p.seq = s.ack;
	peer_send(&p, T_RST, NULL, 0);
	p.seq = seq + 12345;
	peer_open(&p);
	MUST(peer_poll(fd, POLLIN, PATIENCE_MS) == POLLIN);
	return 0;
}

static void
test_syn_received(void **state)
{
	(void)state;
	both(syn_received);
}

/* ---- an open connection ------------------------------------------------- */

/* Opens one; the unit's end. */
static int
opened(struct peer *p, int listener)
{
	int fd;

	peer_open(p);
	MUST(peer_poll(listener, POLLIN, PATIENCE_MS) == POLLIN);
	MUST((fd = lwip_accept(listener, NULL, NULL)) != -1);
	return fd;
}

static int
established(void *arg)
{
	bool v4 = *(bool *)arg;
	struct peer p = peer_new(v4, 4000, 80), q;
	char c;
	int l, fd;

	peer_set_up();
	l = peer_listener(v4, 80, 5);
	fd = opened(&p, l);
	q = p;
	/* SYNs, in the window and elsewhere: RFC 5961, 4. */
	q.seq = p.seq;
	acknowledged(&q, T_SYN, p.seq);
	q.seq = p.seq + 1000;
	acknowledged(&q, T_SYN, p.seq);
	q.seq = p.seq + 0x40000000;
	acknowledged(&q, T_SYN, p.seq);
	q.seq = p.seq - 1;
	acknowledged(&q, T_SYN | T_ACK, p.seq);
	/* Resets: in the window they are asked about, elsewhere not. */
	q.seq = p.seq + 1;
	acknowledged(&q, T_RST, p.seq);
	q.seq = p.seq + 60000;
	acknowledged(&q, T_RST | T_ACK, p.seq);
	q.seq = p.seq - 1;
	peer_send(&q, T_RST, NULL, 0);
	q.seq = p.seq + 70000;
	peer_send(&q, T_RST, NULL, 0);
	silence(&p);
	/* An acknowledgement of what was never sent, and data without one. */
	q = p;
	q.ack = p.ack + 1;
	acknowledged(&q, T_ACK, p.seq);
	peer_send(&p, 0, "x", 1);
	peer_send(&p, T_PSH, "x", 1);
	silence(&p);
	MUST(peer_poll(fd, POLLIN, 0) == 0);
	peer_send(&p, T_ACK | T_PSH, "y", 1);
	p.seq++;
	MUST(peer_poll(fd, POLLIN, PATIENCE_MS) == POLLIN);
	MUST(lwip_recv(fd, &c, 1, 0) == 1 && c == 'y');
	peer_drain(&p, SILENCE_MS);
	peer_send(&p, T_RST, NULL, 0);
	MUST(peer_poll(fd, POLLIN, PATIENCE_MS) != 0);
	MUST(lwip_recv(fd, &c, 1, 0) == -1 && errno == ECONNRESET);
	refused(&p, T_ACK, 0);
	return 0;
}

static void
test_established(void **state)
{
	(void)state;
	both(established);
}

/* What it has sent and nobody acknowledged is behind a reset of its own. */
static int
given_up(void *arg)
{
	static const struct linger hard = { .l_onoff = 1 };
	static const uint8_t data[5000];
	bool v4 = *(bool *)arg;
	struct peer p = peer_new(v4, 5000, 80);
	struct segment s;
	uint32_t end;
	int l, fd;

	peer_set_up();
	l = peer_listener(v4, 80, 5);
	fd = opened(&p, l);
	MUST(lwip_setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)) ==
	    0);
	MUST(lwip_send(fd, data, sizeof(data), 0) == sizeof(data));
	for (end = p.ack; end != p.ack + sizeof(data); end = s.seq + s.len)
		MUST(peer_recv(&p, &s, PATIENCE_MS) && s.seq == end);
	/* The first of it is sent again meanwhile. */
	MUST(peer_recv(&p, &s, PATIENCE_MS) && s.seq == p.ack);
	MUST(lwip_close(fd) == 0);
	MUST(peer_expect(&p, &s, T_RST, PATIENCE_MS));
	MUST(s.sealed && s.seq == end && s.ack == p.seq);
	p.ack = end;
	refused(&p, T_ACK, 0);
	return 0;
}

static void
test_given_up(void **state)
{
	(void)state;
	both(given_up);
}

/* Data that comes for a program which has closed its end. */
static int
closed(void *arg)
{
	bool v4 = *(bool *)arg;
	struct peer p = peer_new(v4, 5500, 80);
	struct segment s;
	int l, fd;

	peer_set_up();
	l = peer_listener(v4, 80, 5);
	fd = opened(&p, l);
	MUST(lwip_close(fd) == 0);
	MUST(peer_expect(&p, &s, T_FIN, PATIENCE_MS));
	p.ack = s.seq + 1;
	peer_send(&p, T_ACK, NULL, 0);
	peer_drain(&p, SILENCE_MS);
	peer_send(&p, T_ACK | T_PSH, "late", 4);
	MUST(peer_expect(&p, &s, T_RST, PATIENCE_MS));
	MUST(s.sealed && s.seq == p.ack);
	p.seq += 4;
	refused(&p, T_ACK, 0);
	return 0;
}

static void
test_closed(void **state)
{
	(void)state;
	both(closed);
}

/* ---- TIME-WAIT ---------------------------------------------------------- */

static int
time_wait(void *arg)
{
	bool v4 = *(bool *)arg;
	struct peer p = peer_new(v4, 6000, 80), q;
	struct segment s;
	int l, fd;

	peer_set_up();
	l = peer_listener(v4, 80, 5);
	fd = opened(&p, l);
	MUST(lwip_close(fd) == 0);
	MUST(peer_expect(&p, &s, T_FIN, PATIENCE_MS));
	p.ack = s.seq + 1;
	peer_send(&p, T_ACK | T_FIN, NULL, 0);
	p.seq++;
	acked(&p);
	/* The FIN once more; what is ahead does not move it; nor does a SYN. */
	q = p;
	q.seq = p.seq - 1;
	acknowledged(&q, T_ACK | T_FIN, p.seq);
	q.seq = p.seq + 100;
	acknowledged(&q, T_ACK | T_FIN, p.seq);
	q.seq = p.seq - 100;
	acknowledged(&q, T_SYN, p.seq);
	peer_send(&p, T_ACK, NULL, 0);
	q.seq = p.seq + 1;
	peer_send(&q, T_RST, NULL, 0);
	silence(&p);
	/* Whoever began too low gets in by a reset, as from any host. */
	peer_send(&p, T_RST, NULL, 0);
	p.seq -= 100;
	fd = opened(&p, l);
	/* And at once by beginning above. */
	MUST(lwip_close(fd) == 0);
	MUST(peer_expect(&p, &s, T_FIN, PATIENCE_MS));
	p.ack = s.seq + 1;
	peer_send(&p, T_ACK | T_FIN, NULL, 0);
	p.seq++;
	acked(&p);
	p.seq += 1000;
	opened(&p, l);
	return 0;
}

static void
test_time_wait(void **state)
{
	(void)state;
	both(time_wait);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_listener),
		cmocka_unit_test(test_not_for_us),
		cmocka_unit_test(test_syn_sent),
		cmocka_unit_test(test_stale),
		cmocka_unit_test(test_syn_received),
		cmocka_unit_test(test_established),
		cmocka_unit_test(test_given_up),
		cmocka_unit_test(test_closed),
		cmocka_unit_test(test_time_wait),
	};
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	net_bus(); /* before a child makes a folder of its own */
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	net_bus_remove();
	return failed;
}
