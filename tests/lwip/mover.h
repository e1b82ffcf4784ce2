/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mover.h - a program that moves known bytes, the same for either stack
 *
 *	mover_STACK BUS ADDRESS[,ADDRESS] serve PORT COUNT
 *	mover_STACK BUS ADDRESS[,ADDRESS] ask PEER PORT MODE SIZE SEED
 *
 * The server answers COUNT connections, one after the other, and ends.  A
 * connection begins with what the client wants (struct wish).  MODE:
 *
 *	up	the client sends SIZE bytes and closes
 *	half	the same, but it ends its half only, and is told how many came
 *	down	the server sends SIZE bytes and closes
 *	both	both send SIZE bytes at once
 *	echo	SIZE times there and back of 64 bytes
 *
 *	pour	SIZE bytes to the server, whatever they are: for speed
 *
 * But for that all bytes are compared.  The client prints the seconds that it took, and for
 * echo the median of the trips in microseconds.  The exit status is 0 when all
 * was as it should be; what was not is on standard error.
 *
 * Whoever includes this has included the headers of its stack before, and has
 * stack_len, the type in which that counts bytes.
 */
#ifndef TESTS_LWIP_MOVER_H
#define TESTS_LWIP_MOVER_H

#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/lib/pattern.h"

enum mode { UP, HALF, DOWN, BOTH, ECHO, POUR, MODES };

static const char *const mode_names[MODES] = { "up", "half", "down", "both",
	"echo", "pour" };

struct wish {
	uint64_t size;
	uint32_t seed;
	uint32_t mode;
};

#define PIECE (128 * 1024)

/* ---- bytes -------------------------------------------------------------- */

static void
put_all(int s, const void *data, size_t n)
{
	const char *p = data;

	while (n > 0) {
		ssize_t r = lwip_send(s, p, (stack_len)n, 0);

		if (r <= 0)
			err(1, "send");
		p += r;
		n -= (size_t)r;
	}
}

static void
get_all(int s, void *data, size_t n)
{
	char *p = data;

	while (n > 0) {
		ssize_t r = lwip_recv(s, p, (stack_len)n, 0);

		if (r == 0)
			errx(1, "the end came %zu bytes early", n);
		if (r < 0)
			err(1, "recv");
		p += r;
		n -= (size_t)r;
	}
}

static void
send_stream(int s, uint64_t size, uint32_t seed)
{
	static __thread uint8_t buf[PIECE];
	uint64_t at;

	for (at = 0; at < size;) {
		size_t n = size - at < PIECE ? (size_t)(size - at) : PIECE;

		net_fill(buf, n, at, seed);
		put_all(s, buf, n);
		at += n;
	}
}

/* ENDS: the stream's end must follow. */
static void
recv_stream(int s, uint64_t size, uint32_t seed, int ends)
{
	static __thread uint8_t buf[PIECE];
	uint64_t at = 0;

	while (at < size) {
		uint64_t left = size - at;
		ssize_t n = lwip_recv(s, buf,
		    (stack_len)(left < PIECE ? left : PIECE), 0);

		if (n < 0)
			err(1, "recv at %llu", (unsigned long long)at);
		if (n == 0)
			errx(1, "the end at %llu of %llu",
			    (unsigned long long)at, (unsigned long long)size);
		if (!net_same(buf, (size_t)n, at, seed))
			errx(1, "wrong bytes near %llu",
			    (unsigned long long)at);
		at += (uint64_t)n;
	}
	if (ends && lwip_recv(s, buf, 1, 0) != 0)
		errx(1, "no end after %llu", (unsigned long long)size);
}

static void
put_any(int s, uint64_t size)
{
	static uint8_t buf[PIECE];

	for (; size >= PIECE; size -= PIECE)
		put_all(s, buf, PIECE);
	put_all(s, buf, size);
}

static void
get_any(int s, uint64_t size)
{
	static uint8_t buf[PIECE];

	while (size > 0) {
		ssize_t n = lwip_recv(s, buf,
		    (stack_len)(size < PIECE ? size : PIECE), 0);

		if (n <= 0)
			errx(1, "the end, %llu bytes early",
			    (unsigned long long)size);
		size -= (uint64_t)n;
	}
}

/* ---- both sides --------------------------------------------------------- */

struct sending {
	int s;
	struct wish w;
};

static void *
sender(void *arg)
{
	const struct sending *g = arg;

	send_stream(g->s, g->w.size, g->w.seed + 1);
	return NULL;
}

/* Sends and receives at once, each in its own thread. */
static void
both_ways(int s, const struct wish *w, uint32_t mine, uint32_t theirs)
{
	struct sending g = { s, *w };
	pthread_t t;

	g.w.seed = mine - 1;
	if (pthread_create(&t, NULL, sender, &g) != 0)
		errx(1, "no thread");
	recv_stream(s, w->size, theirs, 0);
	pthread_join(t, NULL);
}

static void
serve_one(int s)
{
	struct wish w;
	uint64_t i;
	char buf[64];

	get_all(s, &w, sizeof(w));
	switch (w.mode) {
	case UP:
		recv_stream(s, w.size, w.seed, 1);
		break;
	case HALF:
		recv_stream(s, w.size, w.seed, 1);
		put_all(s, &w.size, sizeof(w.size));
		break;
	case DOWN:
		send_stream(s, w.size, w.seed);
		break;
	case BOTH:
		both_ways(s, &w, w.seed + 2, w.seed);
		break;
	case ECHO:
		for (i = 0; i < w.size; i++) {
			get_all(s, buf, sizeof(buf));
			put_all(s, buf, sizeof(buf));
		}
		break;
	case POUR:
		get_any(s, w.size);
		put_all(s, &w.size, sizeof(w.size));
		break;
	default:
		errx(1, "mode %u", w.mode);
	}
	if (lwip_close(s) != 0)
		err(1, "close");
}

static int
by_size(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static uint64_t
echo(int s, uint64_t trips)
{
	uint64_t *ns = calloc(trips, sizeof(*ns)), i, median;
	char out[64], in[64];
	int on = 1;

	if (ns == NULL)
		err(1, NULL);
	lwip_setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	for (i = 0; i < trips; i++) {
		uint64_t begin = now_ns();

		memset(out, (int)i, sizeof(out));
		put_all(s, out, sizeof(out));
		get_all(s, in, sizeof(in));
		if (memcmp(in, out, sizeof(in)) != 0)
			errx(1, "trip %llu: wrong bytes",
			    (unsigned long long)i);
		ns[i] = now_ns() - begin;
	}
	qsort(ns, trips, sizeof(*ns), by_size);
	median = ns[trips / 2];
	free(ns);
	return median;
}

static void
ask(int s, const struct wish *w)
{
	uint64_t begin = now_ns(), median = 0, came;

	put_all(s, w, sizeof(*w));
	switch (w->mode) {
	case UP:
		send_stream(s, w->size, w->seed);
		break;
	case HALF:
		send_stream(s, w->size, w->seed);
		if (lwip_shutdown(s, SHUT_WR) != 0)
			err(1, "shutdown");
		get_all(s, &came, sizeof(came));
		if (came != w->size)
			errx(1, "%llu came", (unsigned long long)came);
		break;
	case DOWN:
		recv_stream(s, w->size, w->seed, 1);
		break;
	case BOTH:
		both_ways(s, w, w->seed, w->seed + 2);
		break;
	case POUR:
		put_any(s, w->size);
		get_all(s, &came, sizeof(came));
		break;
	case ECHO:
		median = echo(s, w->size);
		break;
	}
	printf("%.6f", (double)(now_ns() - begin) / 1e9);
	if (w->mode == ECHO)
		printf(" %.1f", (double)median / 1e3);
	printf("\n");
	if (lwip_close(s) != 0)
		err(1, "close");
}

/* ---- sockets ------------------------------------------------------------ */

/* mover_STACK.c: the socket address of TEXT and PORT; its length. */
static socklen_t stack_address(const char *text, unsigned port,
    struct sockaddr_storage *to, int *family);

static void
serve(const char *own, unsigned port, unsigned count)
{
	struct sockaddr_storage a;
	int family, s, c, on = 1;
	socklen_t len = stack_address(own, port, &a, &family);

	if ((s = lwip_socket(family, SOCK_STREAM, 0)) == -1)
		err(1, "socket");
	lwip_setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (lwip_bind(s, (struct sockaddr *)&a, len) == -1 ||
	    lwip_listen(s, 8) == -1)
		err(1, "%s", own);
	for (; count > 0; count--) {
		if ((c = lwip_accept(s, NULL, NULL)) == -1)
			err(1, "accept");
		serve_one(c);
	}
	lwip_close(s);
}

/* Connects, for up to 20 seconds: the server may not be there yet. */
static int
dial(const char *peer, unsigned port)
{
	uint64_t until = now_ns() + 20000000000u;
	struct sockaddr_storage a;
	int family, s;
	socklen_t len = stack_address(peer, port, &a, &family);

	for (;;) {
		if ((s = lwip_socket(family, SOCK_STREAM, 0)) == -1)
			err(1, "socket");
		if (lwip_connect(s, (struct sockaddr *)&a, len) == 0)
			return s;
		if (now_ns() > until)
			err(1, "connect to %s", peer);
		lwip_close(s);
		usleep(20000);
	}
}

int
main(int argc, char **argv)
{
	struct wish w;
	char *own, *word;
	int unit, error;

	if (argc < 6)
		errx(2, "see mover.h");
	if ((error = shmif_create(argv[1], &unit)) != 0)
		errx(1, "%s: %s", argv[1], strerror(error));
	if ((own = strdup(argv[2])) == NULL)
		err(1, NULL);
	for (word = strtok(own, ","); word != NULL; word = strtok(NULL, ","))
		if ((error = shmif_add_addr(unit, word)) != 0)
			errx(1, "%s: %s", word, strerror(error));
	if ((error = shmif_up(unit)) != 0)
		errx(1, "up: %s", strerror(error));
	if (strcmp(argv[3], "serve") == 0) {
		serve(strchr(argv[2], ':') != NULL ? "::" : "0.0.0.0",
		    (unsigned)atoi(argv[4]), (unsigned)atoi(argv[5]));
		return 0;
	}
	if (argc != 9)
		errx(2, "see mover.h");
	for (w.mode = 0; w.mode < MODES; w.mode++)
		if (strcmp(argv[6], mode_names[w.mode]) == 0)
			break;
	w.size = strtoull(argv[7], NULL, 0);
	w.seed = (uint32_t)strtoul(argv[8], NULL, 0);
	ask(dial(argv[4], (unsigned)atoi(argv[5])), &w);
	return 0;
}

#endif /* TESTS_LWIP_MOVER_H */
