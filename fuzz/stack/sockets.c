/* SPDX-License-Identifier: BSD-2-Clause */
/* sockets.c - what a program on the stack under test does meanwhile */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/frames.h"
#include "fuzz/stack/host.h"
#include "stack/lwipv6/tcp/tcp.h"
#include "tests/lib/wallframes.h"

#define SENT_MAX 8000u

int lwip_shutdown(int, int);
ssize_t lwip_send(int, const void *, int, unsigned);
ssize_t lwip_sendto(int, const void *, int, unsigned, const struct sockaddr *,
    socklen_t);

static uint8_t data[60000];

/*
 * A program that waits for room while nobody answers is no fault: no more is
 * sent on a connection than always fits.
 */
static void
send_some(struct host *h, unsigned n)
{
	n %= 1000;
	if (h->conn[0] == -1 || h->conn_sent[0] + n > SENT_MAX)
		return;
	h->conn_sent[0] += n + 100;
	lwip_send(h->conn[0], data, (int)n, MSG_DONTWAIT);
}

static void
send_to(struct host *h, unsigned n, bool v6)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6,
		.sin6_port = htons(7) };
	static const uint8_t you6[16] = { 0xfd, [11] = 0xff, 0xfe, [15] = 2 };
	static const uint8_t you4[16] = { [10] = 0xff, 0xff, 10, 0, 0, 2 };

	memcpy(&to.sin6_addr, v6 ? you6 : you4, 16);
	lwip_sendto(h->udp, data, (int)(n % sizeof(data)), MSG_DONTWAIT,
	    (struct sockaddr *)&to, sizeof(to));
}

static void
send_raw(struct host *h, unsigned n)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	static uint8_t echo[2000] = { 8, 0, 0xf7, 0xff };

	to.sin_addr.s_addr = htonl(0x0a000002);
	lwip_sendto(h->raw4, echo, (int)(8 + n % 1900), MSG_DONTWAIT,
	    (struct sockaddr *)&to, sizeof(to));
}

void
host_socket(struct host *h, unsigned op, unsigned arg)
{
	switch (op % SOCK_OPS) {
	case SOCK_SEND:
		send_some(h, arg);
		break;
	case SOCK_SENDTO:
		send_to(h, arg, false);
		break;
	case SOCK_SENDTO6:
		send_to(h, arg, true);
		break;
	case SOCK_CLOSE:
		if (h->conn[0] != -1) {
			lwip_close(h->conn[0]);
			h->conn[0] = -1;
		}
		break;
	case SOCK_SHUTDOWN:
		if (h->conn[0] != -1)
			lwip_shutdown(h->conn[0], 1);
		break;
	case SOCK_DOWN:
		host_sync(h);
		shmif_down(h->unit);
		shmif_up(h->unit);
		break;
	case SOCK_OPEN:
		host_open(h, arg & 1);
		break;
	case SOCK_RAW_ECHO:
		send_raw(h, arg);
		break;
	}
}
