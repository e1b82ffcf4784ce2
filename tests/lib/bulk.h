/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bulk.h - a stream of known bytes, there and back, between two processes
 */
#ifndef TESTS_BULK_H
#define TESTS_BULK_H

#include <stdint.h>

/* What two processes of a test agree on. */
struct bulk {
	const char *bus;	     /* of the server */
	const char *bus2;	     /* of the client; NULL: the same */
	const char *server, *client; /* addresses with prefix length */
	const char *to;		     /* the server's address alone */
	uint64_t size;
	uint32_t seed;
	volatile int *ready; /* shared; both wait until it is PARTIES */
	int parties;
};

/* Says what went wrong, and is the exit status. */
int bulk_bad(const char *what, uint64_t at);
/* An interface on the bus PATH, with an address.  0 or an exit status. */
int bulk_come_up(const char *path, const char *addr);
/* A socket that listens at port 80 of R's server, or -1. */
int bulk_listen(const struct bulk *r);
/* A connection to it, or -1. */
int bulk_dial(const struct bulk *r);
/*
 * For net_child(); the argument is a struct bulk.  The server gets SIZE bytes
 * on one connection, and sends as many on the next.  Whoever sent closes at
 * once and exits.  All bytes are compared.
 */
int bulk_serve(void *arg);
int bulk_ask(void *arg);

#endif /* TESTS_BULK_H */
