/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * beside.h - control messages of datagrams as Linux has them, for every stack
 * (not installed)
 *
 * A stack notes what it knows of a datagram that came (struct beside) where the
 * socket has asked for any of it, and learns from a program's messages what is
 * wanted of one that goes (struct beside_wish).  Layouts, order and errors are
 * Linux's (ip(7), ipv6(7), cmsg(3)).  Addresses are IPv6's; those of IPv4 are
 * mapped into it.  Nothing here has a state; what a program says may be anything.
 */
#ifndef SHMIF_BESIDE_H
#define SHMIF_BESIDE_H

#include <netinet/in.h>
#include <stdint.h>
#include <time.h>

#include "shmif/stack_sock.h"

/* What is known of a datagram that came. */
struct beside {
	struct timespec at;  /* CLOCK_REALTIME */
	struct in6_addr to;  /* its destination */
	struct in6_addr own; /* likewise; if a group's, of where it came in */
	bool v4;
	int interface, ttl, tos;
};

/* What is wanted of a datagram that goes. */
struct beside_wish {
	int ttl, tos;  /* -1: as the socket has it */
	bool has_info; /* the next three were told */
	bool v4;
	int interface;	      /* 0: any */
	struct in6_addr from; /* all zero, or mapped 0.0.0.0: any */
};

/* The bit of an option that asks for messages; 0: it is none.  V6: AF_INET6. */
uint8_t beside_bit(int level, int name, bool v6);
/* WANTS after the option of BIT was set to ON. */
uint8_t beside_set(uint8_t wants, uint8_t bit, bool on);
/* Makes the messages of B that are in WANTS. */
void beside_tell(const struct beside *b, uint8_t wants,
    struct stack_sock_control *to);
/* Reads the LEN bytes of messages at DATA.  0 or EINVAL. */
int beside_read(const void *data, size_t len, bool v6, struct beside_wish *w);

#endif
