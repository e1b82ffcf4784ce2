/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * neigh.h - the table of neighbours; private to neighbours.c and neigh_age.c
 */
#ifndef SHMIF_LWIPV6_NEIGH_H
#define SHMIF_LWIPV6_NEIGH_H

#include "stack/lwipv6/link/link.h"

#define BUCKETS 64u
#define ENTRIES_MAX 512u
#define FIXED_MAX (ENTRIES_MAX / 2)
#define FRESH_S 30u /* of IPv4; of IPv6 routers may say another one */
#define ETH_HLEN 14

struct waiting {
	struct waiting *next;
	struct pbuf *p; /* whole frame, addresses to be filled in */
};

struct entry {
	struct entry *next;
	struct ip_addr ip;
	uint8_t mac[6];
	bool known;
	bool fixed;	    /* set by hand: it stays as it is */
	uint8_t asked;	    /* requests unanswered */
	uint64_t asked_ns;  /* when the last of them was sent */
	uint32_t confirmed; /* in seconds of the table's clock */
	uint32_t used;
	struct waiting *head, **tail;
	unsigned waiting;
};

struct neigh_table {
	struct entry *bucket[BUCKETS];
	unsigned entries;
	unsigned waiting;
	uint32_t now;	/* seconds */
	unsigned fixed; /* entries that are */
};

/* How long the address IP stays confirmed, in seconds. */
static inline uint32_t
neigh_fresh_s(const struct port *port, const struct ip_addr *ip)
{
	return ip_is_v4(ip) ? FRESH_S : ra_reachable_s(port);
}

/* Appends the packets that wait for E to a list, and moves LAST to its end. */
void neigh_take_waiting(struct neigh_table *t, struct entry *e,
    struct waiting ***last);
void neigh_remove(struct neigh_table *t, struct entry **ep);

/* ---- neigh_age.c --------------------------------------------------------- */

/* Asks for E's hardware address.  False: there is no address to ask with. */
bool neigh_ask(struct port *port, struct entry *e);

#endif /* SHMIF_LWIPV6_NEIGH_H */
