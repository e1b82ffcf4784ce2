/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * talk.h - a program that talks over TCP and UDP, the same for any sockets
 *
 *	talk_WAY [BUS ADDRESS/LEN[,ADDRESS/LEN]] serve ADDRESS PORT
 *	talk_WAY [BUS ADDRESS/LEN[,ADDRESS/LEN]] ask ADDRESS PORT WHAT N
 *
 * With BUS the process has a stack of its own there; the environment's BUS_MTU
 * is that of a bus that does not exist yet.  The server answers until it is
 * killed; it prints "ready" when it listens.  WHAT, and what is printed, in one
 * line:
 *
 *	bulk	N MiB to the server, which answers the last byte: MB/s, and the
 *		seconds of a processor that 1 GB cost the sender's process and
 *		the receiver's
 *	streams:K	the same of K connections at once, N MiB in all: MB/s
 *	both	N MiB there and at the same time back: MB/s of both together
 *	echo	N times 64 bytes there and back, in microseconds: the median,
 *		p99, p99.9, mean
 *	open	N times a socket, a connection, close: the median of all
 *		three together in microseconds, and how many a second
 *	visit	N times a connection on which the client says a few bytes, and
 *		which the server closes, and the client then: how many a second
 *	udp:B	N datagrams of B bytes, as fast as they can be sent: how many
 *		a second came, per cent that did not come, how many a second
 *		were sent
 *
 * What is received is counted and not compared: the same programs are moved in
 * other tests to the byte, and here it would be the larger part of the time.
 *
 * Whoever includes this has included the headers of its sockets before; has
 * talk_len, the type in which they count bytes; talk_htons() and talk_pton();
 * talk_sized(to, n), which notes in a struct sockaddr how long it is, where they
 * want that; and talk_up(bus, addresses), see below.  Calls are lwip_NAME().
 */
#ifndef BENCH_LIB_TALK_H
#define BENCH_LIB_TALK_H

#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define TALK_PIECE 65536u
#define TALK_TRIP 64u
#define TALK_WARM 50u
#define TALK_N_MAX 10000000ul
#define TALK_STREAMS_MAX 64u
#define TALK_DATAGRAM_MAX 65507u
/* How long the receiver of datagrams waits for the first, and for the next. */
#define TALK_FIRST_MS 3000
#define TALK_NEXT_MS 150

enum talk_what { TALK_NOTHING, TALK_BULK, TALK_BOTH, TALK_ECHO, TALK_UDP };

/* What a connection begins with. */
struct talk_wish {
	uint32_t what;
	uint32_t size;	/* of a datagram */
	uint32_t apart; /* others come meanwhile: by a thread of its own */
	uint32_t port;	/* of the datagrams: the server's own */
	uint64_t n;	/* bytes, trips or datagrams */
};

/* What the server tells in the end. */
struct talk_told {
	uint64_t n;	 /* bytes or datagrams that came */
	uint64_t ns;	 /* between the first and the last datagram */
	uint64_t cpu_ns; /* of its process */
};

union talk_at {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* Gives the process a stack on BUS, with ADDRESSES. */
static void talk_up(const char *bus, const char *addresses);

static uint64_t
talk_cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* The socket address of TEXT and PORT; its length. */
static socklen_t
talk_address(const char *text, unsigned port, union talk_at *to)
{
	int family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;
	size_t len = family == AF_INET6 ? sizeof(to->v6) : sizeof(to->v4);

	memset(to, 0, sizeof(*to));
	if (talk_pton(family, text,
		family == AF_INET6 ? (void *)&to->v6.sin6_addr :
				     (void *)&to->v4.sin_addr) != 1)
		errx(2, "%s: no address", text);
	talk_sized(&to->any, len);
	if (family == AF_INET6) {
		to->v6.sin6_family = AF_INET6;
		to->v6.sin6_port = talk_htons((uint16_t)port);
	} else {
		to->v4.sin_family = AF_INET;
		to->v4.sin_port = talk_htons((uint16_t)port);
	}
	return (socklen_t)len;
}

static void
talk_put(int s, const void *data, size_t n)
{
	const char *p = data;
	ssize_t r;

	for (; n > 0; n -= (size_t)r, p += r)
		if ((r = lwip_send(s, p, (talk_len)n, 0)) <= 0)
			err(1, "send");
}

/* Receives up to N bytes; 0 at the end. */
static size_t
talk_get_some(int s, void *data, size_t n)
{
	ssize_t r = lwip_recv(s, data, (talk_len)n, 0);

	if (r < 0)
		err(1, "receive");
	return (size_t)r;
}

static void
talk_get(int s, void *data, size_t n)
{
	char *p = data;
	size_t r;

	for (; n > 0; n -= r, p += r)
		if ((r = talk_get_some(s, p, n)) == 0)
			errx(1, "the stream ends too soon");
}

static void
talk_now(int s)
{
	int on = 1;

	lwip_setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static int
talk_socket(const union talk_at *of, int type)
{
	int s = lwip_socket(of->any.sa_family, type, 0);

	if (s == -1)
		err(1, "socket");
	return s;
}

/* How many of N there were a second, in NS nanoseconds. */
static double
talk_rate(uint64_t n, uint64_t ns)
{
	return ns == 0 ? 0 : (double)n * 1e9 / (double)ns;
}

/* N bytes, whatever they are, to S. */
static void
talk_pour(int s, uint64_t n)
{
	static const uint8_t zeros[TALK_PIECE];

	for (; n > 0; n -= n < TALK_PIECE ? n : TALK_PIECE)
		talk_put(s, zeros, n < TALK_PIECE ? n : TALK_PIECE);
}

/* N bytes from S, which are forgotten. */
static void
talk_swallow(int s, uint64_t n)
{
	uint8_t buf[TALK_PIECE];
	size_t r;

	for (; n > 0; n -= r)
		if ((r = talk_get_some(s, buf,
			 n < TALK_PIECE ? n : TALK_PIECE)) == 0)
			errx(1, "the stream ends too soon");
}

/* Both directions of S at once: a thread sends. */
struct talk_pourer {
	pthread_t thread;
	int s;
	uint64_t n;
};

static void *
talk_pourer_run(void *arg)
{
	struct talk_pourer *p = arg;

	talk_pour(p->s, p->n);
	return NULL;
}

static void
talk_exchange(int s, uint64_t n)
{
	struct talk_pourer p = { .s = s, .n = n };

	if (pthread_create(&p.thread, NULL, talk_pourer_run, &p) != 0)
		errx(1, "no thread");
	talk_swallow(s, n);
	pthread_join(p.thread, NULL);
}

/* ---- the server --------------------------------------------------------- */

struct talk_call {
	int s;
	const char *own; /* the address that it serves */
	struct talk_wish w;
};

static void
talk_patience(int s, int ms)
{
	struct timeval t = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	if (lwip_setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)) != 0)
		err(1, "SO_RCVTIMEO");
}

/* Says that it listens, and counts datagrams until no more come. */
static void
talk_count(const struct talk_call *c, struct talk_told *t)
{
	uint8_t buf[TALK_DATAGRAM_MAX];
	uint64_t first = 0, last = 0;
	union talk_at a;
	socklen_t len = talk_address(c->own, c->w.port, &a);
	int s = talk_socket(&a, SOCK_DGRAM);
	int room = 4 << 20;

	lwip_setsockopt(s, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	if (lwip_bind(s, &a.any, len) != 0)
		err(1, "%s: datagrams", c->own);
	talk_patience(s, TALK_FIRST_MS);
	talk_put(c->s, "!", 1);
	for (t->n = 0; t->n < c->w.n; t->n++) {
		if (lwip_recv(s, buf, sizeof(buf), 0) <= 0)
			break;
		last = now_ns();
		if (t->n == 0) {
			first = last;
			talk_patience(s, TALK_NEXT_MS);
		}
	}
	t->ns = last - first;
	lwip_close(s);
}

static void *
talk_answer(void *arg)
{
	struct talk_call *c = arg;
	struct talk_told t = { .n = c->w.n };
	uint64_t cpu = talk_cpu_ns();
	uint8_t buf[TALK_TRIP];
	uint64_t i;

	talk_now(c->s);
	switch (c->w.what) {
	case TALK_BULK:
		talk_swallow(c->s, c->w.n);
		break;
	case TALK_BOTH:
		talk_exchange(c->s, c->w.n);
		break;
	case TALK_ECHO:
		for (i = 0; i < c->w.n; i++) {
			talk_get(c->s, buf, sizeof(buf));
			talk_put(c->s, buf, sizeof(buf));
		}
		break;
	case TALK_UDP:
		talk_count(c, &t);
		break;
	default:
		break;
	}
	if (c->w.what != TALK_NOTHING) {
		t.cpu_ns = talk_cpu_ns() - cpu;
		talk_put(c->s, &t, sizeof(t));
		/* The other side closes first. */
		while (talk_get_some(c->s, buf, sizeof(buf)) != 0)
			continue;
	}
	lwip_close(c->s);
	free(c);
	return NULL;
}

static void
talk_take(int s, const char *own)
{
	struct talk_call *c = calloc(1, sizeof(*c));
	pthread_t thread;
	size_t n;

	if (c == NULL)
		err(1, NULL);
	c->s = s;
	c->own = own;
	n = talk_get_some(s, &c->w, sizeof(c->w));
	if (n != 0)
		talk_get(s, (char *)&c->w + n, sizeof(c->w) - n);
	if (c->w.apart == 0) {
		talk_answer(c);
		return;
	}
	if (pthread_create(&thread, NULL, talk_answer, c) != 0)
		errx(1, "no thread");
	pthread_detach(thread);
}

static void
talk_serve(const char *own, unsigned port)
{
	union talk_at a;
	socklen_t len = talk_address(own, port, &a);
	int s = talk_socket(&a, SOCK_STREAM), c, on = 1;

	lwip_setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (lwip_bind(s, &a.any, len) != 0 || lwip_listen(s, 64) != 0)
		err(1, "%s", own);
	printf("ready\n");
	fflush(stdout);
	for (;;) {
		if ((c = lwip_accept(s, NULL, NULL)) == -1)
			err(1, "accept");
		talk_take(c, own);
	}
}

#include "bench/lib/talk_ask.h"

int
main(int argc, char **argv)
{
	unsigned long n, port;

	if (argc > 3 && strcmp(argv[1], "serve") != 0 &&
	    strcmp(argv[1], "ask") != 0) {
		talk_up(argv[1], argv[2]);
		argc -= 2;
		argv += 2;
	}
	if (argc < 4 || (port = strtoul(argv[3], NULL, 10)) - 1 >= 65535)
		errx(2, "see bench/lib/talk.h");
	if (argc == 4 && strcmp(argv[1], "serve") == 0)
		talk_serve(argv[2], (unsigned)port);
	if (argc != 6 || (n = strtoul(argv[5], NULL, 10)) - 1 >= TALK_N_MAX)
		errx(2, "see bench/lib/talk.h");
	/* Whoever called this waits for it, but not for ever. */
	alarm(120);
	talk_do(argv[2], (unsigned)port, argv[4], n);
	return 0;
}

#endif /* BENCH_LIB_TALK_H */
