/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * netping.h - ICMP echo over raw sockets of lwipv6
 */
#ifndef TESTS_NETPING_H
#define TESTS_NETPING_H

#include <stddef.h>
#include <stdint.h>

struct stack;
struct netping;

/*
 * Pings of FAMILY (AF_INET, AF_INET6) from the address FROM of STACK (NULL:
 * the default one).  Replies are taken by a thread of its own, which goes on
 * for the life of the process.  NULL: not enough of something.
 */
struct netping *netping_new(struct stack *stack, int family, const char *from);
/*
 * Sends an echo request with SIZE bytes of data to TO and waits for its reply,
 * MS milliseconds at most.  Returns 0 when it came with the same data, 1 when
 * with other, 2 when none came, 3 when it could not be sent.
 */
int netping_once(struct netping *p, const char *to, size_t size, int ms);
/* The same, up to TRIES times, until a reply came. */
int netping(struct netping *p, const char *to, size_t size, int tries);

#endif /* TESTS_NETPING_H */
