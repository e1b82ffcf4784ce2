/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * talk.h - a program that talks over TCP, the same for any sockets
 *
 *	talk_WAY [BUS ADDRESS/LEN] serve ADDRESS PORT
 *	talk_WAY [BUS ADDRESS/LEN] ask ADDRESS PORT WHAT N
 *
 * With BUS the process has a stack of its own there.  The server answers until
 * it is killed, one connection at a time; it prints "ready" when it listens.
 * WHAT, and what it prints:
 *
 *	bulk	N MiB to the server, which answers the last byte: MB/s
 *	echo	N times 64 bytes there and back: the median in microseconds
 *	open	N times a socket, a connection, close: the median of all
 *		three together in microseconds
 *
 * What is received is counted and not compared: the same programs are moved in
 * other tests to the byte, and here it would be the larger part of the time.
 *
 * Whoever includes this has included the headers of its sockets before; has
 * talk_len, the type in which they count bytes; talk_htons() and talk_pton();
 * talk_sized(to), which notes in a sockaddr_in how long it is, where they want
 * that; and talk_up(bus, address), see below.  Calls are lwip_NAME().
 */
#ifndef BENCH_LIB_TALK_H
#define BENCH_LIB_TALK_H

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define TALK_PIECE 65536u
#define TALK_TRIP 64u
#define TALK_WARM 50u
#define TALK_N_MAX 10000000ul

/* What a connection begins with. */
struct talk_wish {
	uint64_t bulk;	/* bytes that follow; or */
	uint64_t trips; /* of TALK_TRIP bytes; or neither: nothing */
};

static uint8_t talk_buf[TALK_PIECE];

/* Gives the process a stack on BUS. */
static void talk_up(const char *bus, const char *address);

/* The socket address of TEXT and PORT; its length. */
static socklen_t
talk_address(const char *text, unsigned port, struct sockaddr_in *to)
{
	memset(to, 0, sizeof(*to));
	talk_sized(to);
	to->sin_family = AF_INET;
	to->sin_port = talk_htons((uint16_t)port);
	if (talk_pton(AF_INET, text, &to->sin_addr) != 1)
		errx(2, "%s: no address", text);
	return sizeof(*to);
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
talk_socket(void)
{
	int s = lwip_socket(AF_INET, SOCK_STREAM, 0);

	if (s == -1)
		err(1, "socket");
	return s;
}

/* ---- the server --------------------------------------------------------- */

static void
talk_answer(int s)
{
	struct talk_wish w;
	size_t n = talk_get_some(s, &w, sizeof(w));

	if (n == 0)
		return;
	talk_get(s, (char *)&w + n, sizeof(w) - n);
	talk_now(s);
	while (w.bulk > 0) {
		n = talk_get_some(s, talk_buf,
		    w.bulk < TALK_PIECE ? w.bulk : TALK_PIECE);
		if (n == 0)
			errx(1, "the stream ends too soon");
		w.bulk -= n;
		if (w.bulk == 0)
			talk_put(s, "!", 1);
	}
	for (; w.trips > 0; w.trips--) {
		talk_get(s, talk_buf, TALK_TRIP);
		talk_put(s, talk_buf, TALK_TRIP);
	}
	/* The other side closes first. */
	while (talk_get_some(s, talk_buf, TALK_PIECE) != 0)
		continue;
}

static void
talk_serve(const char *own, unsigned port)
{
	struct sockaddr_in a;
	socklen_t len = talk_address(own, port, &a);
	int s = talk_socket(), c, on = 1;

	lwip_setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (lwip_bind(s, (struct sockaddr *)&a, len) != 0 ||
	    lwip_listen(s, 64) != 0)
		err(1, "%s", own);
	printf("ready\n");
	fflush(stdout);
	for (;;) {
		if ((c = lwip_accept(s, NULL, NULL)) == -1)
			err(1, "accept");
		talk_answer(c);
		lwip_close(c);
	}
}

/* ---- who asks ----------------------------------------------------------- */

static int
talk_dial(const char *peer, unsigned port)
{
	struct sockaddr_in a;
	socklen_t len = talk_address(peer, port, &a);
	int s = talk_socket();

	if (lwip_connect(s, (struct sockaddr *)&a, len) != 0)
		err(1, "connect to %s", peer);
	return s;
}

static int
talk_by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* The median of the last N of the N + TALK_WARM values, in us. */
static double
talk_median(double *us, size_t n)
{
	double median;

	qsort(us + TALK_WARM, n, sizeof(*us), talk_by_value);
	median = us[TALK_WARM + n / 2];
	free(us);
	return median;
}

static double *
talk_times(size_t n)
{
	double *us = calloc(n + TALK_WARM, sizeof(*us));

	if (us == NULL)
		err(1, NULL);
	return us;
}

static double
talk_bulk(const char *peer, unsigned port, uint64_t mib)
{
	struct talk_wish w = { .bulk = mib << 20 };
	int s = talk_dial(peer, port);
	uint64_t left = w.bulk, t0;

	talk_now(s);
	talk_put(s, &w, sizeof(w));
	t0 = now_ns();
	for (; left > 0; left -= left < TALK_PIECE ? left : TALK_PIECE)
		talk_put(s, talk_buf, left < TALK_PIECE ? left : TALK_PIECE);
	talk_get(s, talk_buf, 1);
	t0 = now_ns() - t0;
	lwip_close(s);
	return (double)w.bulk * 1e3 / (double)t0;
}

static double
talk_echo(const char *peer, unsigned port, size_t n)
{
	struct talk_wish w = { .trips = n + TALK_WARM };
	double *us = talk_times(n);
	int s = talk_dial(peer, port);
	uint64_t t0;
	size_t i;

	talk_now(s);
	talk_put(s, &w, sizeof(w));
	for (i = 0; i < n + TALK_WARM; i++) {
		t0 = now_ns();
		talk_put(s, talk_buf, TALK_TRIP);
		talk_get(s, talk_buf, TALK_TRIP);
		us[i] = (double)(now_ns() - t0) / 1e3;
	}
	lwip_close(s);
	return talk_median(us, n);
}

static double
talk_open(const char *peer, unsigned port, size_t n)
{
	double *us = talk_times(n);
	uint64_t t0;
	size_t i;

	for (i = 0; i < n + TALK_WARM; i++) {
		t0 = now_ns();
		lwip_close(talk_dial(peer, port));
		us[i] = (double)(now_ns() - t0) / 1e3;
	}
	return talk_median(us, n);
}

int
main(int argc, char **argv)
{
	unsigned long n, port;
	const char *what;

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
	what = argv[4];
	/* Whoever called this waits for it, but not for ever. */
	alarm(120);
	if (strcmp(what, "bulk") == 0)
		printf("%.3f\n", talk_bulk(argv[2], (unsigned)port, n));
	else if (strcmp(what, "echo") == 0)
		printf("%.3f\n", talk_echo(argv[2], (unsigned)port, n));
	else if (strcmp(what, "open") == 0)
		printf("%.3f\n", talk_open(argv[2], (unsigned)port, n));
	else
		errx(2, "%s: see bench/lib/talk.h", what);
	return 0;
}

#endif /* BENCH_LIB_TALK_H */
