/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * group.h - the groups that a socket has joined; private to multicast.c, sources.c
 *	and dgram.c
 */
#ifndef SHMIF_LWIPV6_GROUP_H
#define SHMIF_LWIPV6_GROUP_H

#include "stack/lwipv6/sock/sock.h"

struct membership {
	struct membership *next;
	struct ip_addr group;
	int netif; /* its number */
	uint32_t serial;
	struct source_filter filter;
};

/* All on the stack's thread. */

/*
 * The interface to reach GROUP by: that with the number ID or, if that is 0,
 * the address OWN, unless that is no address.  NULL: there is none.
 */
struct netif *group_choose(struct stack *stack, int id,
    const struct ip_addr *own, const struct ip_addr *group);
/* S hears of GROUP what F lets through, or, NULL, all. */
int group_add(struct sock *s, const struct ip_addr *group, struct netif *netif,
    const struct source_filter *f);
/* S does not belong to *MP any more. */
void group_drop(struct sock *s, struct membership **mp);
/* Where the membership of S in GROUP hangs; NETIF NULL: on any interface. */
struct membership **group_membership(struct sock *s,
    const struct ip_addr *group, const struct netif *netif);

/* As group_setsockopt(): sources.c. */
bool sources_setsockopt(struct sock *s, int level, int name, const void *value,
    socklen_t len, int *error);
bool sources_getsockopt(struct sock *s, int level, int name, void *value,
    socklen_t *len, int *error);

#endif /* SHMIF_LWIPV6_GROUP_H */
