/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * host.h - what these examples have in common: a host with lwIP on a bus
 */
#ifndef EXAMPLES_HOST_H
#define EXAMPLES_HOST_H

#include <lwip/netif.h>

/*
 * Puts lwIP on the bus BUS, with the addresses ADDRS in text, separated by
 * commas, or none ("-"): "10.0.0.2/24,fd00::2/64".  Returns when they can be
 * used.  Where that is not possible the program ends with a message.  Call it
 * before other threads are made.
 */
struct netif *host(const char *bus, const char *addrs);

/* The address TEXT, or the program ends with a message. */
ip_addr_t host_address(const char *text);

/*
 * Waits for SIGINT, SIGTERM (0) or host_end(), whose STATUS it returns.  It says
 * "ready" first, if READY, so that others know that the program serves.
 */
int host_wait(int ready);

/* For lwIP's callbacks: ends host_wait(). */
void host_end(int status);

#endif
