/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pair.h - for tests of sockets: two stacks of one process on one bus
 */
#ifndef TESTS_PAIR_H
#define TESTS_PAIR_H

#include <sys/socket.h>

#include "tests/lib/must.h"

struct stack;

/* The two hosts and their addresses. */
#define PAIR_A4 "10.7.0.1"
#define PAIR_B4 "10.7.0.2"
#define PAIR_A6 "fd07::1"
#define PAIR_B6 "fd07::2"

struct pair {
	struct stack *a, *b;
	int ua, ub; /* their interfaces */
	const char *bus;
};

/* Makes a pair; ends the process if it cannot. */
void pair_up(struct pair *p);
/* A socket of STACK that listens at ADDR and PORT. */
int pair_listen(struct stack *stack, const char *addr, unsigned port,
    int backlog);
/* A socket of STACK that is connected to ADDR and PORT. */
int pair_dial(struct stack *stack, const char *addr, unsigned port);
/*
 * A connection from a (FD[0]) to b (FD[1]) over IPv4 or IPv6; each time to
 * another port.
 */
void pair_connect(struct pair *p, int family, int fd[2]);
/* Sends, or receives, N bytes of netstack.h's stream from OFFSET on. */
void pair_send(int fd, size_t n, size_t offset, uint32_t seed);
void pair_recv(int fd, size_t n, size_t offset, uint32_t seed);
/* Milliseconds on a clock that only goes forward. */
long pair_ms(void);

#endif /* TESTS_PAIR_H */
