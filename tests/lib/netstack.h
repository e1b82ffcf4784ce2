/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * netstack.h - for tests that put stacks on a bus: processes, buses, patterns
 */
#ifndef TESTS_NETSTACK_H
#define TESTS_NETSTACK_H

#include <sys/socket.h>
#include <netinet/in.h>
#include <stdbool.h>

#include "tests/lib/netproc.h"

/* The socket address of TEXT, an IPv4 or IPv6 address, and PORT. */
socklen_t net_addr(struct sockaddr_storage *ss, const char *text,
    unsigned port);

#endif /* TESTS_NETSTACK_H */
