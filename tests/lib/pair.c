/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pair.c - two stacks of one process on one bus
 */
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <lwipv6.h>
#include <shmif.h>

#include "tests/lib/netstack.h"
#include "tests/lib/pair.h"

static void
host(struct stack **stack, int *unit, const char *bus, const char *v4,
    const char *v6)
{
	MUST((*stack = lwip_add_stack(0)) != NULL);
	MUST(shmif_create_on(*stack, bus, unit) == 0);
	MUST(shmif_add_addr(*unit, v4) == 0 && shmif_add_addr(*unit, v6) == 0);
	MUST(shmif_up(*unit) == 0);
}

void
pair_up(struct pair *p)
{
	p->bus = net_bus();
	host(&p->a, &p->ua, p->bus, PAIR_A4 "/24", PAIR_A6 "/64");
	host(&p->b, &p->ub, p->bus, PAIR_B4 "/24", PAIR_B6 "/64");
}

int
pair_listen(struct stack *stack, const char *addr, unsigned port, int backlog)
{
	struct sockaddr_storage ss;
	socklen_t len = net_addr(&ss, addr, port);
	int s = lwip_msocket(stack, ss.ss_family, SOCK_STREAM, 0);

	MUST(s != -1 && lwip_bind(s, (struct sockaddr *)&ss, len) == 0);
	MUST(lwip_listen(s, backlog) == 0);
	return s;
}

int
pair_dial(struct stack *stack, const char *addr, unsigned port)
{
	struct sockaddr_storage ss;
	socklen_t len = net_addr(&ss, addr, port);
	int s = lwip_msocket(stack, ss.ss_family, SOCK_STREAM, 0);

	MUST(s != -1);
	MUST(lwip_connect(s, (struct sockaddr *)&ss, len) == 0);
	return s;
}

void
pair_connect(struct pair *p, int family, int fd[2])
{
	static unsigned port = 2000;
	const char *to = family == AF_INET ? PAIR_B4 : PAIR_B6;
	int l = pair_listen(p->b, to, ++port, 1);

	fd[0] = pair_dial(p->a, to, port);
	MUST((fd[1] = lwip_accept(l, NULL, NULL)) != -1);
	MUST(lwip_close(l) == 0);
}

void
pair_send(int fd, size_t n, size_t offset, uint32_t seed)
{
	static __thread uint8_t buf[70000];

	while (n > 0) {
		size_t k = n < sizeof(buf) ? n : sizeof(buf);

		net_fill(buf, k, offset, seed);
		MUST(lwip_send(fd, buf, (int)k, 0) == (ssize_t)k);
		n -= k;
		offset += k;
	}
}

void
pair_recv(int fd, size_t n, size_t offset, uint32_t seed)
{
	static __thread uint8_t buf[70000];

	while (n > 0) {
		size_t k = n < sizeof(buf) ? n : sizeof(buf);
		ssize_t got = lwip_recv(fd, buf, (int)k, 0);

		MUST(got > 0);
		MUST(net_same(buf, (size_t)got, offset, seed));
		n -= (size_t)got;
		offset += (size_t)got;
	}
}

long
pair_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000L + t.tv_nsec / 1000000;
}
