/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmif_write_test.c - in how many segments what a program writes leaves, and
 *	when: wherever in the socket's buffer it stands, from however many
 *	pieces it is
 */
#include <sys/uio.h>
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

#include "tests/lib/netstack.h"
#include "tests/lib/peer.h"

#define BUFFER 65536u /* of a socket: where what is written wraps */
#define HEADER 9u     /* first, so that writes do not end with the buffer */
#define SEED 77

/* A connection to P, which blocks; NODELAY: and sends small segments. */
static int
connected(struct peer *p, bool nodelay)
{
	int fd = peer_dialled(p), on = nodelay;

	peer_accept(p);
	MUST(peer_poll(fd, POLLOUT, PATIENCE_MS) & POLLOUT);
	MUST(lwip_fcntl(fd, F_SETFL, 0) == 0);
	MUST(lwip_setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) ==
	    0);
	return fd;
}

/* What a stream of writes has come to. */
struct stream {
	struct peer p;
	int fd;
	uint64_t written;
	uint32_t first;	      /* the number of the stream's first byte */
	unsigned behind, lag; /* segments that are not acknowledged; at most */
};

static struct stream
begin(bool v4, uint16_t port, bool nodelay, unsigned lag)
{
	struct stream t = { .p = peer_new(v4, port, 0), .lag = lag };

	t.fd = connected(&t.p, nodelay);
	t.first = t.p.ack;
	return t;
}

static void
acknowledge(struct stream *t)
{
	t->p.ack = t->first + (uint32_t)t->written;
	peer_send(&t->p, T_ACK, NULL, 0);
	t->behind = 0;
}

/*
 * The next segment with something new.  On a machine that is busy we may be so
 * late that what has come comes once more.  That is acknowledged; where
 * something new was joined to it, that is what came.
 */
static void
fresh(struct stream *t, struct segment *s)
{
	uint32_t next = t->first + (uint32_t)t->written;

	for (;;) {
		MUST(peer_recv(&t->p, s, PATIENCE_MS));
		MUST(s->sealed);
		MUST((int32_t)(s->seq - next) <= 0);
		if ((int32_t)(s->seq + s->len - next) > 0) {
			s->data += next - s->seq;
			s->len -= next - s->seq;
			s->seq = next;
			return;
		}
		acknowledge(t);
	}
}

/* N bytes were written: they come in as few segments as can be, at once. */
static void
arrive(struct stream *t, uint32_t n)
{
	struct segment s;
	uint32_t left = n, len;

	for (; left > 0; left -= len) {
		len = left < t->p.mss ? left : t->p.mss;
		fresh(t, &s);
		if (s.len != len)
			fprintf(stderr, "# %u bytes at %llu: %u, not %u\n", n,
			    (unsigned long long)t->written, s.len, len);
		MUST(s.len == len);
		MUST(net_same(s.data, s.len, t->written, SEED));
		t->written += len;
		t->behind++;
	}
	if (t->behind >= t->lag)
		acknowledge(t);
}

/* Writes N bytes at once. */
static void
put(struct stream *t, uint32_t n)
{
	static uint8_t b[BUFFER];

	net_fill(b, n, t->written, SEED);
	MUST(lwip_write(t->fd, b, (int)n) == (int)n);
	arrive(t, n);
}

/* Writes of N bytes each, until the buffer has begun anew TIMES times. */
static void
writes(bool v4, uint16_t port, uint32_t n, unsigned times, unsigned lag)
{
	struct stream t = begin(v4, port, true, lag);

	put(&t, HEADER);
	while (t.written < (uint64_t)times * BUFFER + n)
		put(&t, n);
	MUST(lwip_close(t.fd) == 0);
}

/* Each is acknowledged before the next. */
static int
one_by_one(void *arg)
{
	bool v4 = *(bool *)arg;

	peer_set_up();
	writes(v4, 1001, 64, 3, 1);
	writes(v4, 1002, 100, 2, 1);
	writes(v4, 1003, 1000, 8, 1);
	writes(v4, 1004, 1439, 8, 1);
	return 0;
}

/* The peer is slow: there is always something that is not acknowledged. */
static int
under_way(void *arg)
{
	bool v4 = *(bool *)arg;

	peer_set_up();
	writes(v4, 1001, 64, 3, 20);
	writes(v4, 1002, 333, 3, 7);
	return 0;
}

/* More than a segment: all are full but the last. */
static int
several(void *arg)
{
	bool v4 = *(bool *)arg;

	peer_set_up();
	writes(v4, 1001, 2000, 8, 2);
	writes(v4, 1002, 5001, 20, 4);
	return 0;
}

/* The same from N pieces of LEN bytes, by writev() or sendmsg(). */
static void
put_pieces(struct stream *t, int n, size_t len, bool msg)
{
	static uint8_t b[BUFFER];
	struct iovec iov[16];
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = (size_t)n };
	size_t all = (size_t)n * len;
	ssize_t sent;
	int i;

	net_fill(b, all, t->written, SEED);
	for (i = 0; i < n; i++) {
		iov[i].iov_base = b + (size_t)i * len;
		iov[i].iov_len = len;
	}
	iov[n / 2].iov_len = 0; /* one is empty, the next larger */
	iov[n / 2 + 1].iov_base = iov[n / 2].iov_base;
	iov[n / 2 + 1].iov_len = 2 * len;
	sent = msg ? lwip_sendmsg(t->fd, &m, 0) : lwip_writev(t->fd, iov, n);
	MUST(sent == (ssize_t)all);
	arrive(t, (uint32_t)all);
}

static int
pieces(void *arg)
{
	bool v4 = *(bool *)arg;
	struct stream t;
	unsigned i;

	peer_set_up();
	for (i = 0; i < 4; i++) {
		t = begin(v4, (uint16_t)(1001 + i), i < 2, 1);
		put(&t, HEADER);
		while (t.written < BUFFER + 4000)
			put_pieces(&t, 5, 20, i % 2 == 0);
		/* Without TCP_NODELAY the last segment waits for the others. */
		if (i < 2)
			put_pieces(&t, 7, 701, i % 2 == 0);
		MUST(lwip_close(t.fd) == 0);
	}
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
test_one_by_one(void **state)
{
	(void)state;
	both(one_by_one);
}

static void
test_under_way(void **state)
{
	(void)state;
	both(under_way);
}

static void
test_several(void **state)
{
	(void)state;
	both(several);
}

static void
test_pieces(void **state)
{
	(void)state;
	both(pieces);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_by_one),
		cmocka_unit_test(test_under_way),
		cmocka_unit_test(test_several),
		cmocka_unit_test(test_pieces),
	};
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	net_bus(); /* before a child makes a folder of its own */
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	net_bus_remove();
	return failed;
}
