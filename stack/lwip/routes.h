/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * routes.h - routes that lwIP itself has no table for (not installed)
 */
#ifndef STACK_LWIP_ROUTES_H
#define STACK_LWIP_ROUTES_H

#include "shmif/stack_ctl.h"
#include "stack/lwip/port.h"

/* All with the core's lock.  Addresses and prefixes are base/addr.h's. */

struct route {
	struct route *next;
	uint8_t dst[16], via[16];
	unsigned prefix;
	bool has_via;
	struct netif *netif;
};

/* EEXIST, ESRCH, ENETUNREACH (NETIF is NULL, and none leads to VIA), ENOMEM. */
int routes_change(const struct ctl_route *r, struct netif *netif, bool add);
/* The first of all; those of the longest prefix come first. */
const struct route *routes_first(void);
/* NETIF is about to go: so do its routes. */
void routes_forget(const struct netif *netif);

#endif /* STACK_LWIP_ROUTES_H */
