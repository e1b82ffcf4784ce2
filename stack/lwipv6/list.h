/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * list.h - lists from which a member is taken without a search, and members
 *	that are found by a port (not installed)
 *
 * A list is a ring: its head is a link which no member has.  A link that is in
 * no list points to itself, so that it can be taken out twice.
 */
#ifndef SHMIF_LWIPV6_LIST_H
#define SHMIF_LWIPV6_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

struct node {
	struct node *next, *prev;
};

/* The structure of TYPE whose member FIELD the link L is. */
#define NODE_OF(l, type, field) \
	((type *)(void *)((char *)(l)-offsetof(type, field)))

static inline void
node_init(struct node *l)
{
	l->next = l->prev = l;
}

static inline bool
node_alone(const struct node *l)
{
	return l->next == l;
}

/* Puts L, which is in no list, before AT: at the end of a list, for its head. */
static inline void
node_before(struct node *at, struct node *l)
{
	l->next = at;
	l->prev = at->prev;
	at->prev->next = l;
	at->prev = l;
}

static inline void
node_out(struct node *l)
{
	/* The analyzer does not see that neighbours are never freed. */
	l->next->prev = l->prev; /* NOLINT(clang-analyzer-unix.Malloc) */
	l->prev->next = l->next;
	node_init(l);
}

/* ---- by port ------------------------------------------------------------- */

#define PORTS_PAGE 256u

/* A list for each port; memory is taken when the first of a page is used. */
struct port_map {
	struct node *page[65536 / PORTS_PAGE];
};

/* The list of PORT; or NULL: nothing is there, or for MAKE: no memory. */
static inline struct node *
port_list(struct port_map *m, uint16_t port, bool make)
{
	struct node **page = &m->page[port / PORTS_PAGE];
	unsigned i;

	if (*page == NULL && make &&
	    (*page = malloc(PORTS_PAGE * sizeof(**page))) != NULL)
		for (i = 0; i < PORTS_PAGE; i++)
			node_init(&(*page)[i]);
	return *page == NULL ? NULL : &(*page)[port % PORTS_PAGE];
}

static inline void
port_map_free(struct port_map *m)
{
	unsigned i;

	for (i = 0; i < 65536 / PORTS_PAGE; i++)
		free(m->page[i]);
}

/* Goes through the list of PORT: L is each link of it in turn. */
#define EACH_AT_PORT(l, head, map, port) \
	for ((head) = port_list((map), (port), false), \
	    (l) = (head) == NULL ? NULL : (head)->next; \
	     (l) != (head); (l) = (l)->next)

#endif /* SHMIF_LWIPV6_LIST_H */
