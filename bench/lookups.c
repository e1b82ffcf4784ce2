/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lookups.c - what it costs to find one of many connections and sockets
 *
 *	lookups [-n connections]
 *
 * Two stacks in one process, on a bus.  A line each: connecting and closing, as
 * TIME-WAIT fills, beyond all ports that there are; connections that stay open;
 * UDP sockets that are bound; and a datagram to the first of them.
 */
#include <sys/socket.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lwipv6.h>
#include <shmif.h>

#include "base/clock.h"

#define STEPS 8u
#define DATAGRAMS 2000u
#define PORT 80

static struct stack *stack[2];
static unsigned count = 24000;

static void
must(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "lookups: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double
seconds(void)
{
	return (double)now_ns() / 1e9;
}

static struct sockaddr_in
at(unsigned host, unsigned port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(0x0a000000 + host) };

	return sin;
}

/* Accepts, and waits for the client to close (or for ever, if it does not). */
static void *
serve(void *arg)
{
	int l = *(int *)arg, fd;
	char c;

	while ((fd = lwip_accept(l, NULL, NULL)) != -1) {
		if (lwip_recv(fd, &c, 1, 0) == 1)
			continue; /* it is to stay open */
		lwip_close(fd);
	}
	return NULL;
}

static int
dial(void)
{
	struct sockaddr_in to = at(1, PORT);
	int fd = lwip_msocket(stack[1], AF_INET, SOCK_STREAM, 0);

	must(fd != -1, "socket");
	must(lwip_connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0,
	    "connect");
	return fd;
}

static void
connections(void)
{
	unsigned n = count / STEPS, i, k;

	for (i = 0; i < STEPS; i++) {
		double t = seconds();

		for (k = 0; k < n; k++)
			lwip_close(dial());
		printf("connect+close  after %6u: %8.0f /s\n", i * n,
		    n / (seconds() - t));
	}
}

static void
open_ones(void)
{
	unsigned sizes[] = { 200, 2000 }, i, k;

	for (i = 0; i < 2; i++) {
		double t = seconds();

		for (k = 0; k < sizes[i]; k++)
			must(lwip_send(dial(), "x", 1, 0) == 1, "send");
		printf("open           %6u: %8.1f us each\n", sizes[i],
		    (seconds() - t) * 1e6 / sizes[i]);
	}
}

static void
sockets(void)
{
	unsigned sizes[] = { 300, 9000 }, i, k, port = 2000;
	int first = -1;

	for (i = 0; i < 2; i++) {
		double t = seconds();
		struct sockaddr_in to;
		int s;

		for (k = 0; k < sizes[i]; k++) {
			struct sockaddr_in sin = at(1, port++);
			int fd = lwip_msocket(stack[0], AF_INET, SOCK_DGRAM, 0);

			must(fd != -1, "socket");
			must(lwip_bind(fd, (struct sockaddr *)&sin,
				 sizeof(sin)) == 0,
			    "bind");
			if (first == -1)
				first = fd;
		}
		printf("bind UDP       %6u: %8.1f us each\n", sizes[i],
		    (seconds() - t) * 1e6 / sizes[i]);
		s = lwip_msocket(stack[1], AF_INET, SOCK_DGRAM, 0);
		to = at(1, 2000);
		t = seconds();
		for (k = 0; k < DATAGRAMS; k++) {
			char c;

			must(lwip_sendto(s, "x", 1, 0, (struct sockaddr *)&to,
				 sizeof(to)) == 1,
			    "sendto");
			must(lwip_recv(first, &c, 1, 0) == 1, "recv");
		}
		printf("datagram beside %5u: %8.1f us each\n", sizes[i],
		    (seconds() - t) * 1e6 / DATAGRAMS);
		lwip_close(s);
	}
}

int
main(int argc, char **argv)
{
	static const char *const addr[] = { "10.0.0.1/24", "10.0.0.2/24" };
	char path[] = "/dev/shm/lookups.XXXXXX";
	struct sockaddr_in sin = at(1, PORT);
	pthread_t thread;
	int opt, l, i, u;

	while ((opt = getopt(argc, argv, "n:")) != -1) {
		if (opt != 'n' || (count = (unsigned)atoi(optarg)) < STEPS) {
			fprintf(stderr, "usage: lookups [-n connections]\n");
			return 2;
		}
	}
	must((l = mkstemp(path)) != -1, path);
	close(l);
	unlink(path); /* the bus is made where nothing is */
	for (i = 0; i < 2; i++) {
		must((stack[i] = lwip_add_stack(0)) != NULL, "stack");
		must(shmif_create_on(stack[i], path, &u) == 0 &&
			shmif_add_addr(u, addr[i]) == 0 && shmif_up(u) == 0,
		    "interface");
	}
	unlink(path);
	l = lwip_msocket(stack[0], AF_INET, SOCK_STREAM, 0);
	must(lwip_bind(l, (struct sockaddr *)&sin, sizeof(sin)) == 0, "bind");
	must(lwip_listen(l, 1000) == 0, "listen");
	must(pthread_create(&thread, NULL, serve, &l) == 0, "thread");
	connections();
	open_ones();
	sockets();
	fflush(stdout);
	_exit(0);
}
