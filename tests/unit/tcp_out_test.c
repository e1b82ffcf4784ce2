/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tcp_out_test.c - which acknowledgements and windows a stack sends
 *
 * DOC: A stack listens; its peer is this test, which builds segments itself and
 * reads every frame that the stack sends.  Segments of one batch are put on the
 * bus by the stack's own thread, so that it finds all of them when it looks
 * next: what it must say to them then does not depend on time.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <shmbus.h>
#include <shmif.h>

#include "stack/lwipv6/tcp/conn.h"
#include "base/net_bytes.h"
#include "tests/lib/netstack.h"

#define MSS 1460u
#define PORT 7
#define HLEN 54u /* of Ethernet, IPv4 and TCP */
#define BATCH_MAX 48u

enum { FIN = 1, SYN = 2, ACK = 16 };

int lwip_bind(int, const struct sockaddr *, socklen_t);
int lwip_listen(int, int);
int lwip_accept(int, struct sockaddr *, socklen_t *);
int lwip_close(int);
ssize_t lwip_recv(int, void *, int, unsigned);

/* The peer, a connection of its, and the stack's end of it. */
struct peer {
	struct shmbus *bus;
	int ifnum;
	struct stack *stack;
	int listener, fd;
	uint16_t port;
	uint32_t seq, ack; /* next to send, next expected */
	uint8_t frames[BATCH_MAX][HLEN + MSS];
	struct iovec batch[BATCH_MAX];
	unsigned n;
};

/* A segment of the stack's. */
struct said {
	uint32_t seq, ack;
	unsigned flags, wnd, len, mss;
};

static struct peer peer;
static const uint8_t my_mac[6] = { 2, 0, 0, 0, 0, 2 };

/* ---- segments ----------------------------------------------------------- */

/* Builds a segment at F.  Returns its length. */
static size_t
build(const struct peer *p, uint8_t *f, unsigned flags, uint32_t seq,
    const uint8_t *data, size_t n)
{
	struct ip_addr src = { { 0, 0, htonl(0xffff), htonl(0x0a000002) } };
	struct ip_addr dst = { { 0, 0, htonl(0xffff), htonl(0x0a000001) } };
	size_t opt = flags & SYN ? 4 : 0;
	struct pbuf q = { .payload = f + 34, .len = (uint16_t)(20 + opt + n) };
	uint16_t sum;

	memset(f, 0, HLEN + opt);
	shmif_mac(p->ifnum, f);
	memcpy(f + 6, my_mac, 6);
	put16(f + 12, 0x0800);
	f[14] = 0x45;
	put16(f + 16, (unsigned)(40 + opt + n));
	f[22] = 64;
	f[23] = 6;
	put32(f + 26, 0x0a000002);
	put32(f + 30, 0x0a000001);
	sum = inet_chksum(f + 14, 20);
	memcpy(f + 24, &sum, 2);
	put16(f + 34, p->port);
	put16(f + 36, PORT);
	put32(f + 38, seq);
	put32(f + 42, p->ack);
	f[46] = (uint8_t)((20 + opt) / 4 << 4);
	f[47] = (uint8_t)flags;
	put16(f + 48, 65535);
	if (opt != 0)
		put32(f + 54, 0x02040000 | MSS);
	if (n != 0)
		memcpy(f + HLEN + opt, data, n);
	sum = inet6_chksum_pseudo(&q, &src, &dst, 6, q.len);
	memcpy(f + 50, &sum, 2);
	return HLEN + opt + n;
}

/* A segment without data. */
static void
send_at(struct peer *p, unsigned flags, uint32_t seq)
{
	uint8_t f[HLEN + 4];
	size_t n = build(p, f, flags, seq, NULL, 0);
	int error;

	do
		error = shmbus_send(p->bus, f, n);
	while (error == SHMBUS_EGIVENUP); /* we slept in the middle of it */
	assert_int_equal(error, 0);
}

static void
send_one(struct peer *p, unsigned flags)
{
	send_at(p, flags, p->seq);
}

/* Adds N bytes from stream offset AT of this batch. */
static void
add(struct peer *p, uint32_t at, size_t n)
{
	uint8_t data[MSS];

	assert_true(p->n < BATCH_MAX && n <= MSS);
	net_fill(data, n, at, 1);
	p->batch[p->n].iov_base = p->frames[p->n];
	p->batch[p->n].iov_len = build(p, p->frames[p->n], ACK, p->seq + at,
	    data, n);
	p->n++;
}

/* On the stack's thread: it finds them all when it looks. */
static void
send_them(void *arg)
{
	struct peer *p = arg;
	unsigned sent = 0;

	shmbus_send_batch(p->bus, p->batch, p->n, &sent);
	p->n -= sent;
}

static void
send_batch(struct peer *p)
{
	assert_int_equal(thread_call(p->stack, send_them, p), 0);
	assert_int_equal(p->n, 0);
}

/* The next segment that the stack sends on this connection. */
static struct said
hear(struct peer *p)
{
	uint8_t f[2000];
	struct shmbus_frame i;
	struct said s = { 0 };
	size_t hlen;

	for (;;) {
		if (shmbus_recv(p->bus, f, sizeof(f), &i) != 0) {
			shmbus_wait(p->bus, -1);
			continue;
		}
		if (i.len >= HLEN && be16(f + 12) == 0x0800 && f[23] == 6 &&
		    be16(f + 36) == p->port)
			break;
	}
	hlen = (size_t)(f[46] >> 4) * 4;
	s.seq = be32(f + 38);
	s.ack = be32(f + 42);
	s.flags = f[47];
	s.wnd = be16(f + 48);
	s.len = (unsigned)(be16(f + 16) - 20 - hlen);
	if (hlen >= 24 && be16(f + 54) == 0x0204)
		s.mss = be16(f + 56);
	return s;
}

/* ---- connections -------------------------------------------------------- */

static void
know_me(void *arg)
{
	struct peer *p = arg;
	struct ip_addr me = { { 0, 0, htonl(0xffff), htonl(0x0a000002) } };

	neigh_learn(port_of(shmif_netif(p->ifnum)), &me, my_mac, true);
}

static int
group_begin(void **state)
{
	struct shmbus_options o = { .flags = SHMBUS_CREATE, .spin_us = -1 };
	struct peer *p = &peer;
	struct sockaddr_storage at;
	const char *path = net_bus();
	socklen_t len = net_addr(&at, "10.0.0.1", PORT);

	*state = p;
	memcpy(o.mac, my_mac, 6);
	p->port = 1000;
	if (shmif_create(path, &p->ifnum) != 0 ||
	    shmif_add_addr(p->ifnum, "10.0.0.1/24") != 0 ||
	    shmif_up(p->ifnum) != 0 || shmbus_attach(path, &o, &p->bus) != 0)
		return -1;
	p->stack = shmif_stack(p->ifnum);
	if (thread_call(p->stack, know_me, p) != 0)
		return -1;
	p->listener = lwip_msocket(p->stack, AF_INET, SOCK_STREAM, 0);
	return p->listener == -1 ||
		lwip_bind(p->listener, (struct sockaddr *)&at, len) == -1 ||
		lwip_listen(p->listener, 5) == -1 ?
	    -1 :
	    0;
}

static int
group_end(void **state)
{
	struct peer *p = *state;

	shmif_destroy(p->ifnum);
	shmbus_detach(p->bus);
	net_bus_remove();
	return 0;
}

/* A new connection. */
static int
before_each(void **state)
{
	struct peer *p = *state;
	struct said s;

	p->port++;
	p->seq = 0xfffff000u + p->port; /* the numbers come around */
	p->ack = 0;
	p->n = 0;
	send_one(p, SYN);
	s = hear(p);
	if (s.flags != (SYN | ACK) || s.ack != p->seq + 1 || s.mss != MSS ||
	    s.wnd != TCP_WINDOW)
		return -1;
	p->ack = s.seq + 1;
	p->seq++;
	send_one(p, ACK);
	p->fd = lwip_accept(p->listener, NULL, NULL);
	return p->fd == -1 ? -1 : 0;
}

static int
after_each(void **state)
{
	struct peer *p = *state;

	lwip_close(p->fd);
	return 0;
}

/* The stack's end, on its thread. */
static struct tcp_pcb *
its_end(struct peer *p)
{
	struct ends e = { { { 0, 0, htonl(0xffff), htonl(0x0a000001) } },
		{ { 0, 0, htonl(0xffff), htonl(0x0a000002) } }, PORT, p->port };

	return conn_pcb(p->stack, &e);
}

static void
look_at_room(void *arg)
{
	struct peer *p = arg;
	const struct tcp_pcb *pcb = its_end(p);

	p->n = pcb != NULL ? tcp_room(pcb) : 0;
}

static void
write_odd_pieces(void *arg)
{
	struct peer *p = arg;
	struct tcp_pcb *pcb = its_end(p);
	unsigned i;

	p->n = 0;
	for (i = 0; pcb != NULL && i < 3; i++)
		if (tcp_write(pcb, "odd one", 7, 1) == ERR_OK)
			p->n += 7;
	if (pcb != NULL)
		tcp_output(pcb);
}

/* ---- the tests ---------------------------------------------------------- */

/* Small segments that came together: one acknowledgement for all. */
static void
test_one_for_all(void **state)
{
	struct peer *p = *state;
	unsigned i;
	struct said s;

	for (i = 0; i < 7; i++)
		add(p, i * 1000, 1000);
	send_batch(p);
	s = hear(p);
	assert_int_equal(s.flags, ACK);
	assert_int_equal(s.ack - p->seq, 7000);
	assert_int_equal(s.seq, p->ack);
	assert_int_equal(s.wnd, TCP_WINDOW - 7000);
}

/* Many full segments: every eighth, and the end. */
static void
test_every_eighth(void **state)
{
	struct peer *p = *state;
	unsigned i;

	for (i = 0; i < 20; i++)
		add(p, i * MSS, MSS);
	send_batch(p);
	assert_int_equal(hear(p).ack - p->seq, 8 * MSS);
	assert_int_equal(hear(p).ack - p->seq, 16 * MSS);
	assert_int_equal(hear(p).ack - p->seq, 20 * MSS);
}

/* A hole: a duplicate for each segment behind it, at once. */
static void
test_hole(void **state)
{
	struct peer *p = *state;
	struct said s;
	unsigned i;

	add(p, 0, MSS);
	for (i = 2; i < 6; i++)
		add(p, i * MSS, MSS);
	add(p, MSS, MSS);
	send_batch(p);
	for (i = 0; i < 4; i++) {
		s = hear(p);
		assert_int_equal(s.ack - p->seq, MSS);
		assert_int_equal(s.len, 0);
	}
	assert_int_equal(hear(p).ack - p->seq, 6 * MSS);
}

/* What was there already is acknowledged again: its sender missed that. */
static void
test_again(void **state)
{
	struct peer *p = *state;

	add(p, 0, MSS);
	add(p, MSS, MSS);
	send_batch(p);
	assert_int_equal(hear(p).ack - p->seq, 2 * MSS);
	add(p, 0, MSS);
	send_batch(p);
	assert_int_equal(hear(p).ack - p->seq, 2 * MSS);
}

/* A FIN in a batch is acknowledged with it. */
static void
test_fin(void **state)
{
	struct peer *p = *state;
	struct said s;

	add(p, 0, MSS);
	add(p, MSS, 100);
	p->frames[1][47] |= FIN;
	{
		uint16_t sum;

		/* The sum of what was changed, RFC 1624. */
		memcpy(&sum, p->frames[1] + 50, 2);
		put16(p->frames[1] + 50,
		    fold((uint64_t)(uint16_t)~ntohs(sum) + FIN) ^ 0xffff);
	}
	send_batch(p);
	do
		s = hear(p);
	while (s.ack - p->seq < MSS + 101);
	assert_int_equal(s.ack - p->seq, MSS + 101);
}

/* Whether the stack's end still waits for a FIN. */
static void
look_at_end(void *arg)
{
	struct peer *p = arg;
	const struct tcp_pcb *pcb = its_end(p);

	p->n = pcb != NULL && pcb->state == TCP_FIN_WAIT_2;
}

/*
 * A FIN that comes before what is in front of it: it is not the end, the one in
 * its place is.
 */
static void
test_early_fin(void **state)
{
	struct peer *p = *state;
	struct said s;

	lwip_close(p->fd);
	p->fd = -1;
	do
		s = hear(p);
	while (!(s.flags & FIN));
	p->ack = s.seq + 1;
	send_one(p, ACK);
	send_at(p, FIN | ACK, p->seq + 1);
	assert_int_equal(hear(p).ack, p->seq);
	assert_int_equal(thread_call(p->stack, look_at_end, p), 0);
	assert_int_equal(p->n, 1);
	send_one(p, FIN | ACK);
	assert_int_equal(hear(p).ack, p->seq + 1);
}

/*
 * A window that was nearly shut is opened as the program reads: by one segment
 * each time, and never by less than a segment's worth.
 */
static void
test_window(void **state)
{
	enum { STEP = 12 * MSS }; /* a quarter of the window, and more */
	struct peer *p = *state;
	uint8_t buf[40 * MSS], want[40 * MSS];
	unsigned i, got = 0;
	struct said s;

	for (i = 0; i < 40; i++)
		add(p, i * MSS, MSS);
	send_batch(p);
	do
		s = hear(p);
	while (s.ack - p->seq != 40 * MSS);
	assert_int_equal(s.wnd, TCP_WINDOW - 40 * MSS);
	for (i = 1; i <= 3; i++) {
		unsigned before = s.wnd;

		while (got < i * STEP) {
			ssize_t n = lwip_recv(p->fd, buf + got,
			    (int)(i * STEP - got), 0);

			assert_true(n > 0);
			got += (unsigned)n;
		}
		if (before >= TCP_WINDOW / 2)
			continue; /* it is wide enough */
		s = hear(p);
		assert_int_equal(s.flags, ACK);
		assert_int_equal(s.ack - p->seq, 40 * MSS);
		assert_true(s.wnd >= before + MSS);
	}
	assert_true(s.wnd >= TCP_WINDOW / 2);
	net_fill(want, sizeof(want), 0, 1);
	assert_memory_equal(buf, want, got);
}

/* Odd pieces, acknowledged together: the room comes back to the byte. */
static void
test_room(void **state)
{
	struct peer *p = *state;
	unsigned i;

	for (i = 0; i < 300; i++) {
		uint32_t end = p->ack + 3 * 7;

		assert_int_equal(thread_call(p->stack, write_odd_pieces, p), 0);
		assert_int_equal(p->n, 3 * 7);
		while (p->ack != end) {
			struct said s = hear(p);

			/* Where we were late the last ones come once more. */
			if ((int32_t)(s.seq + s.len - p->ack) <= 0)
				continue;
			assert_int_equal(s.seq, p->ack);
			p->ack += s.len;
		}
		send_one(p, ACK);
	}
	/* The stack may not have looked at the last one yet. */
	do
		assert_int_equal(thread_call(p->stack, look_at_room, p), 0);
	while (p->n + 3 * 7 + 3 >= TCP_SND_BUF && p->n != TCP_SND_BUF &&
	    i++ < 100000);
	assert_int_equal(p->n, TCP_SND_BUF);
	p->n = 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, before_each, after_each)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_one_for_all),
		TEST(test_every_eighth),
		TEST(test_hole),
		TEST(test_again),
		TEST(test_fin),
		TEST(test_early_fin),
		TEST(test_window),
		TEST(test_room),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, group_begin, group_end);
}
