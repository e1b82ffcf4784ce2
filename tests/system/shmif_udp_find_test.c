/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmif_udp_find_test.c - a datagram is for the socket that fits it best
 *
 * Sockets are bound to all addresses or to one, connected or not, of both
 * families, closed in any order; each datagram that another stack sends is
 * looked for where a simple list says.  UDP_SEED repeats a run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <lwipv6.h>
#include <shmif.h>

#include "tests/lib/must.h"
#include "tests/lib/netstack.h"

#define SOCKETS 24u
#define SENDERS 3u
#define ROUNDS 400u
#define PORT 3000u

static const char *const ours[] = { "10.0.0.1", "10.0.0.3", "fd00::1",
	"fd00::3" };
static const char *const theirs[] = { "10.0.0.2", "fd00::2" };

struct place {
	int fd;
	bool v6, connected;
	int at;		 /* of ours; -1: all */
	unsigned port;	 /* from PORT on */
	unsigned sender; /* whom it is connected to */
	unsigned age;
};

static struct place place[SOCKETS];
static int sender[2][SENDERS];
static unsigned now;

static void
set_up(struct stack **a, struct stack **b)
{
	const char *path = net_bus();
	int u, w;
	unsigned i;

	MUST((*a = lwip_add_stack(0)) != NULL);
	MUST((*b = lwip_add_stack(0)) != NULL);
	MUST(shmif_create_on(*a, path, &u) == 0);
	MUST(shmif_create_on(*b, path, &w) == 0);
	for (i = 0; i < 4; i++) {
		char text[64];

		snprintf(text, sizeof(text), "%s/%d", ours[i], i < 2 ? 24 : 64);
		MUST(shmif_add_addr(u, text) == 0);
	}
	MUST(shmif_add_addr(w, "10.0.0.2/24") == 0);
	MUST(shmif_add_addr(w, "fd00::2/64") == 0);
	MUST(shmif_up(u) == 0 && shmif_up(w) == 0);
}

/* A socket of STACK at IP and PORT; or -1. */
static int
bound(struct stack *stack, bool v6, const char *ip, unsigned port)
{
	struct sockaddr_storage ss;
	socklen_t len = net_addr(&ss, ip, (uint16_t)port);
	int fd = lwip_msocket(stack, v6 ? AF_INET6 : AF_INET, SOCK_DGRAM, 0);
	int one = 1;

	MUST(fd != -1);
	lwip_setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (v6)
		lwip_setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one,
		    sizeof(one));
	if (lwip_bind(fd, (struct sockaddr *)&ss, len) == -1) {
		lwip_close(fd);
		return -1;
	}
	return fd;
}

static void
open_one(struct stack *stack, struct place *p)
{
	struct sockaddr_storage ss;
	socklen_t len;
	unsigned at = (unsigned)random() % 3;

	p->v6 = random() % 2 != 0;
	p->at = at == 2 ? -1 : (int)(at + (p->v6 ? 2 : 0));
	p->port = PORT + (unsigned)random() % 3;
	p->connected = random() % 2 != 0;
	p->sender = (unsigned)random() % SENDERS;
	p->age = ++now;
	p->fd = bound(stack, p->v6,
	    p->at >= 0 ? ours[p->at] :
		p->v6  ? "::" :
			 "0.0.0.0",
	    p->port);
	MUST(p->fd != -1);
	if (p->connected) {
		len = net_addr(&ss, theirs[p->v6],
		    (uint16_t)(4000 + p->sender));
		MUST(lwip_connect(p->fd, (struct sockaddr *)&ss, len) == 0);
		/* Its address is chosen, but its pcb hears at all of them. */
	}
}

/* The place where a datagram from FROM to TO and PORT belongs; or NULL. */
static struct place *
right_place(unsigned from, unsigned to, unsigned port)
{
	struct place *best = NULL;
	int score = 0, n;
	unsigned i;

	for (i = 0; i < SOCKETS; i++) {
		struct place *p = &place[i];

		if (p->fd == -1 || p->v6 != (to >= 2) || p->port != port ||
		    (p->at >= 0 && (unsigned)p->at != to) ||
		    (p->connected && p->sender != from))
			continue;
		n = 1 + (p->at >= 0) + 2 * p->connected;
		if (n > score || (n == score && p->age > best->age)) {
			score = n;
			best = p;
		}
	}
	return best;
}

static void
send_one(unsigned from, unsigned to, unsigned port, unsigned what)
{
	struct sockaddr_storage ss;
	socklen_t len = net_addr(&ss, ours[to], (uint16_t)port);

	MUST(lwip_sendto(sender[to >= 2][from], &what, sizeof(what), 0,
		 (struct sockaddr *)&ss, len) == sizeof(what));
}

static int
run(void *arg)
{
	struct timeval patience = { .tv_sec = 20 };
	struct stack *a, *b;
	unsigned i, got;

	srandom(*(unsigned *)arg);
	set_up(&a, &b);
	for (i = 0; i < 2 * SENDERS; i++)
		MUST((sender[i / SENDERS][i % SENDERS] = bound(b, i >= SENDERS,
			  theirs[i / SENDERS], 4000 + i % SENDERS)) != -1);
	for (i = 0; i < SOCKETS; i++)
		place[i].fd = -1;
	for (i = 0; i < ROUNDS; i++) {
		struct place *p = &place[(unsigned)random() % SOCKETS];
		unsigned from = (unsigned)random() % SENDERS;
		unsigned to = (unsigned)random() % 4;
		unsigned port = PORT + (unsigned)random() % 3;

		if (p->fd == -1) {
			open_one(a, p);
		} else if (random() % 3 == 0) {
			lwip_close(p->fd);
			p->fd = -1;
		}
		if ((p = right_place(from, to, port)) == NULL)
			continue;
		send_one(from, to, port, i);
		lwip_setsockopt(p->fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
		    sizeof(patience));
		MUST(lwip_recv(p->fd, &got, sizeof(got), 0) == sizeof(got));
		MUST(got == i);
	}
	/* And nothing was anywhere else. */
	for (i = 0; i < SOCKETS; i++)
		if (place[i].fd != -1)
			MUST(lwip_recv(place[i].fd, &got, sizeof(got),
				 MSG_DONTWAIT) == -1);
	return 0;
}

static void
test_best(void **state)
{
	const char *text = getenv("UDP_SEED");
	unsigned seed = text != NULL ? (unsigned)strtoul(text, NULL, 0) :
				       (unsigned)time(NULL);

	(void)state;
	printf("# seed %u\n", seed);
	assert_int_equal(net_wait(net_child(run, &seed)), 0);
	net_bus_remove();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_best),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
