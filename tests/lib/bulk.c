/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bulk.c - a stream of known bytes, there and back, between two processes
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <lwipv6.h>
#include <shmif.h>

#include "tests/lib/bulk.h"
#include "tests/lib/netstack.h"

#define PIECE 40000

int
bulk_bad(const char *what, uint64_t at)
{
	fprintf(stderr, "# %s at byte %llu: %s\n", what, (unsigned long long)at,
	    strerror(errno));
	return 1;
}

/* Sends the stream and closes. */
static int
send_all(int s, const struct bulk *r, uint32_t seed)
{
	static uint8_t buf[PIECE];
	uint64_t at;

	for (at = 0; at < r->size;) {
		size_t n = r->size - at < sizeof(buf) ? r->size - at :
							sizeof(buf);
		ssize_t w;

		net_fill(buf, n, at, seed);
		if ((w = lwip_send(s, buf, (int)n, 0)) <= 0)
			return bulk_bad("send", at);
		at += (uint64_t)w;
	}
	return lwip_close(s) == 0 ? 0 : bulk_bad("close", at);
}

/* Receives the stream to its end and compares. */
static int
recv_all(int s, const struct bulk *r, uint32_t seed)
{
	static uint8_t buf[PIECE];
	uint64_t at = 0;
	ssize_t n;

	while ((n = lwip_recv(s, buf, sizeof(buf), 0)) > 0) {
		if (at + (uint64_t)n > r->size)
			return bulk_bad("too much", at);
		if (!net_same(buf, (size_t)n, at, seed))
			return bulk_bad("wrong bytes", at);
		at += (uint64_t)n;
	}
	if (at != r->size)
		return bulk_bad("end of file", at);
	return lwip_close(s) == 0 ? 0 : bulk_bad("close", at);
}

int
bulk_come_up(const char *path, const char *addr)
{
	int unit, error;

	if ((error = shmif_create(path, &unit)) != 0 ||
	    (error = shmif_add_addr(unit, addr)) != 0 ||
	    (error = shmif_up(unit)) != 0) {
		errno = error;
		return bulk_bad("interface", 0);
	}
	return 0;
}

int
bulk_listen(const struct bulk *r)
{
	struct sockaddr_storage ss;
	socklen_t len = net_addr(&ss, r->to, 80);
	int l = lwip_socket(ss.ss_family, SOCK_STREAM, 0);

	if (l == -1 || lwip_bind(l, (struct sockaddr *)&ss, len) == -1 ||
	    lwip_listen(l, 5) == -1) {
		bulk_bad("listen", 0);
		return -1;
	}
	return l;
}

int
bulk_serve(void *arg)
{
	const struct bulk *r = arg;
	int l, s;

	if (bulk_come_up(r->bus, r->server) != 0 || (l = bulk_listen(r)) == -1)
		return 1;
	net_barrier(r->ready, r->parties);
	if ((s = lwip_accept(l, NULL, NULL)) == -1)
		return bulk_bad("accept", 0);
	if (recv_all(s, r, r->seed) != 0)
		return 1;
	if ((s = lwip_accept(l, NULL, NULL)) == -1)
		return bulk_bad("accept", 0);
	return send_all(s, r, r->seed + 1);
}

int
bulk_dial(const struct bulk *r)
{
	struct sockaddr_storage ss;
	socklen_t len = net_addr(&ss, r->to, 80);
	int s = lwip_socket(ss.ss_family, SOCK_STREAM, 0);

	if (s == -1 || lwip_connect(s, (struct sockaddr *)&ss, len) == -1) {
		bulk_bad("connect", 0);
		return -1;
	}
	return s;
}

int
bulk_ask(void *arg)
{
	const struct bulk *r = arg;
	int s;

	if (bulk_come_up(r->bus2 != NULL ? r->bus2 : r->bus, r->client) != 0)
		return 1;
	net_barrier(r->ready, r->parties);
	if ((s = bulk_dial(r)) == -1 || send_all(s, r, r->seed) != 0 ||
	    (s = bulk_dial(r)) == -1)
		return 1;
	return recv_all(s, r, r->seed + 1);
}
