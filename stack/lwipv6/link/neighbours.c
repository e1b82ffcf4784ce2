/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * neighbours.c - which hardware address a neighbour has
 *
 * DOC: Theory of Operation
 *
 * The fault: the library keeps one table of ten entries for all interfaces of
 * all stacks of a process, keyed by IP address alone, without a lock, though
 * every stack has a thread; and while an address is being resolved it keeps
 * one packet and drops the others.
 *
 * How it is seen: two stacks in one process mix up entries and free a packet
 * twice; two buses with the same addresses do not work; with more than ten
 * neighbours there are more ARP requests than packets; a datagram of more than
 * one fragment to a new neighbour never arrives.
 *
 * The cure: a table for each interface, which belongs to the stack's thread,
 * with IPv4 (RFC 826) and IPv6 (RFC 4861) in it alike.
 *
 * States of an entry:
 *
 *	ASKED	a request is out; packets wait.  Asked again each second;
 *		after ASK_MAX unanswered ones the packets are dropped, who
 *		was connecting by way of it and who has sent them is told
 *		(above.h), and the entry goes.
 *	KNOWN	packets are sent.  The address was confirmed (a reply, a
 *		request, a solicited advertisement came) at CONFIRMED.  Once used more
 *		than FRESH_S seconds after that, or when what was sent to it
 *		gets no answer (neigh_doubt()), it is asked for again while
 *		it still serves, whether or not it is used further: of IPv6
 *		by unicast (RFC 4861, 7.3.3); after ASK_MAX unanswered ones
 *		it goes.  Unused for IDLE_S seconds:
 *		it goes.
 *
 *	FIXED	KNOWN, as a program or shmifctl said.  It is not asked for, does
 *		not end, and nothing that arrives changes it.  At most half of
 *		the entries are.
 *
 * All others go when the interface goes down, loses its link or gets another
 * one (neigh_flush()): who has an address there may be somebody else.
 *
 * A packet that waits is copied: the sender may go on with the original (a TCP
 * segment that is retransmitted).  Packets that wait are bounded, per entry
 * and in all, and so is the number of entries: nothing that arrives can make
 * the table grow without end.  An entry is made by who asks for us or by whom
 * we ask, not by what is overheard.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "stack/lwipv6/link/neigh.h"

#define QUEUE_MAX 64u	   /* packets that wait for one address */
#define QUEUE_ALL_MAX 256u /* ... for all */

/* ---- entries ------------------------------------------------------------ */

static unsigned
bucket_of(const struct ip_addr *ip)
{
	uint32_t h = ip->addr[0] ^ ip->addr[1] ^ ip->addr[2] ^ ip->addr[3];

	h ^= h >> 16;
	h ^= h >> 8;
	return h % BUCKETS;
}

static struct entry *
find(const struct neigh_table *t, const struct ip_addr *ip)
{
	struct entry *e;

	for (e = t->bucket[bucket_of(ip)]; e != NULL; e = e->next)
		if (ip_same(&e->ip, ip))
			break;
	return e;
}

void
neigh_take_waiting(struct neigh_table *t, struct entry *e,
    struct waiting ***last)
{
	if (e->head == NULL)
		return;
	**last = e->head;
	*last = e->tail;
	e->head = NULL;
	e->tail = &e->head;
	t->waiting -= e->waiting;
	e->waiting = 0;
}

/* Drops the packets that wait for E. */
static void
drop_waiting(struct neigh_table *t, struct entry *e)
{
	struct waiting *list = NULL, **last = &list, *w;

	neigh_take_waiting(t, e, &last);
	while ((w = list) != NULL) {
		list = w->next;
		pbuf_free(w->p);
		free(w);
	}
}

void
neigh_remove(struct neigh_table *t, struct entry **ep)
{
	struct entry *e = *ep;

	drop_waiting(t, e);
	*ep = e->next;
	t->fixed -= e->fixed;
	t->entries--;
	free(e);
}

/* Whether A should go before B does. */
static bool
goes_first(const struct neigh_table *t, const struct entry *a,
    const struct entry *b)
{
	if (a->fixed != b->fixed)
		return b->fixed;
	if (a->known != b->known)
		return b->known;
	return t->now - a->used > t->now - b->used;
}

/*
 * Makes room by removing the entry that was not used for longest, of those that
 * never were an answer if there are any: neighbours that are not there do not
 * displace those that are.
 */
static void
evict(struct neigh_table *t)
{
	struct entry **ep, **oldest = NULL;
	unsigned b;

	for (b = 0; b < BUCKETS; b++)
		for (ep = &t->bucket[b]; *ep != NULL; ep = &(*ep)->next)
			if (oldest == NULL || goes_first(t, *ep, *oldest))
				oldest = ep;
	if (oldest != NULL)
		neigh_remove(t, oldest);
}

/* A new entry for IP, or NULL. */
static struct entry *
add(struct neigh_table *t, const struct ip_addr *ip)
{
	struct entry **head = &t->bucket[bucket_of(ip)];
	struct entry *e;

	if (t->entries >= ENTRIES_MAX)
		evict(t);
	if ((e = calloc(1, sizeof(*e))) == NULL)
		return NULL;
	e->ip = *ip;
	e->tail = &e->head;
	e->used = t->now;
	e->next = *head;
	*head = e;
	t->entries++;
	return e;
}

/* ---- sending ------------------------------------------------------------ */

/* Keeps a copy of the frame P until E is known. */
static void
keep(struct neigh_table *t, struct entry *e, const struct pbuf *p)
{
	const struct pbuf *q;
	struct waiting *w;
	uint8_t *to;

	if (e->waiting >= QUEUE_MAX || t->waiting >= QUEUE_ALL_MAX ||
	    (w = malloc(sizeof(*w))) == NULL)
		return;
	w->next = NULL;
	w->p = pbuf_alloc(PBUF_RAW, p->tot_len, PBUF_RAM);
	if (w->p == NULL) {
		free(w);
		return;
	}
	to = w->p->payload;
	for (q = p; q != NULL; q = q->next) {
		memcpy(to, q->payload, q->len);
		to += q->len;
	}
	*e->tail = w;
	e->tail = &w->next;
	e->waiting++;
	t->waiting++;
}

/* Sends what waits for E, which is known now. */
static void
flush(struct port *port, struct entry *e)
{
	struct waiting *w = NULL, **last = &w;

	neigh_take_waiting(port->neigh, e, &last);
	while (w != NULL) {
		struct waiting *next = w->next;

		memcpy(w->p->payload, e->mac, 6);
		link_send(port, w->p);
		pbuf_free(w->p);
		free(w);
		w = next;
	}
}

err_t
neigh_send(struct port *port, struct pbuf *p, const struct ip_addr *dst)
{
	struct neigh_table *t = port->neigh;
	struct entry *e;

	if (link_group_mac(port, dst, p->payload))
		return link_send(port, p);
	e = find(t, dst);
	if (e == NULL) {
		if ((e = add(t, dst)) == NULL)
			return ERR_MEM;
		keep(t, e, p);
		if (!neigh_ask(port, e)) {
			struct entry **ep = &t->bucket[bucket_of(dst)];

			while (*ep != e)
				ep = &(*ep)->next;
			neigh_remove(t, ep);
			return ERR_RTE;
		}
		return ERR_OK;
	}
	e->used = t->now;
	if (!e->known) {
		keep(t, e, p);
		return ERR_OK;
	}
	memcpy(p->payload, e->mac, 6);
	return link_send(port, p);
}

/* ---- learning ----------------------------------------------------------- */

void
neigh_learn(struct port *port, const struct ip_addr *dst, const uint8_t mac[6],
    bool create)
{
	static const struct ip_addr any;
	struct neigh_table *t = port->neigh;
	uint8_t group[6];
	struct entry *e;

	if (t == NULL || (mac[0] & 1) || link_group_mac(port, dst, group) ||
	    ip_same(dst, &any))
		return;
	e = find(t, dst);
	if (e == NULL) {
		if (!create || (e = add(t, dst)) == NULL)
			return;
	}
	if (e->fixed)
		return;
	memcpy(e->mac, mac, 6);
	e->known = true;
	e->asked = 0;
	e->confirmed = t->now;
	flush(port, e);
}

void
neigh_told(struct port *port, const struct ip_addr *dst, const uint8_t mac[6])
{
	struct neigh_table *t = port->neigh;
	struct entry *e = t == NULL ? NULL : find(t, dst);

	if (e != NULL && e->known && memcmp(e->mac, mac, 6) == 0)
		return;
	neigh_learn(port, dst, mac, true);
	if (t != NULL && (e = find(t, dst)) != NULL && !e->fixed)
		e->confirmed = t->now - neigh_fresh_s(port, dst) - 1;
}

void
neigh_advertised(struct port *port, const struct ip_addr *dst,
    const uint8_t *mac, bool solicited, bool override)
{
	struct neigh_table *t = port->neigh;
	struct entry *e = t == NULL ? NULL : find(t, dst);
	bool other;

	if (e == NULL || e->fixed || (!e->known && mac == NULL) ||
	    (mac != NULL && (mac[0] & 1)))
		return;
	if (!e->known) {
		neigh_learn(port, dst, mac, false);
		if (!solicited)
			e->confirmed = t->now - neigh_fresh_s(port, dst) -
			    1; /* it may be */
		return;
	}
	other = mac != NULL && memcmp(mac, e->mac, 6) != 0;
	if (other && !override) {
		/* Two claim it: asked for when it is used next. */
		e->confirmed = t->now - neigh_fresh_s(port, dst) - 1;
		return;
	}
	if (other)
		memcpy(e->mac, mac, 6);
	if (solicited) {
		e->asked = 0;
		e->confirmed = t->now;
	} else if (other) {
		e->asked = 0;
		e->confirmed = t->now - neigh_fresh_s(port, dst) - 1;
	}
}

bool
neigh_find(struct port *port, const struct ip_addr *dst, uint8_t mac[6])
{
	const struct entry *e = NULL;

	if (port->neigh != NULL)
		e = find(port->neigh, dst);
	if (e == NULL || !e->known)
		return false;
	memcpy(mac, e->mac, 6);
	return true;
}

void
neigh_forget(struct port *port, const struct ip_addr *dst)
{
	struct neigh_table *t = port->neigh;
	struct entry **ep;

	if (t == NULL)
		return;
	for (ep = &t->bucket[bucket_of(dst)]; *ep != NULL; ep = &(*ep)->next)
		if (ip_same(&(*ep)->ip, dst)) {
			neigh_remove(t, ep);
			return;
		}
}

int
neigh_fix(struct port *port, const struct ip_addr *dst, const uint8_t mac[6])
{
	struct neigh_table *t = port->neigh;
	struct entry *e = t == NULL ? NULL : find(t, dst);

	if (t == NULL || ((e == NULL || !e->fixed) && t->fixed >= FIXED_MAX))
		return t == NULL ? ENETDOWN : ENOBUFS;
	if (e == NULL && (e = add(t, dst)) == NULL)
		return ENOMEM;
	t->fixed += !e->fixed;
	memcpy(e->mac, mac, 6);
	e->known = e->fixed = true;
	e->asked = 0;
	e->confirmed = t->now;
	flush(port, e);
	return 0;
}

void
neigh_flush(struct port *port)
{
	struct neigh_table *t = port->neigh;
	struct entry **ep;
	unsigned b;

	for (b = 0; t != NULL && b < BUCKETS; b++)
		for (ep = &t->bucket[b]; *ep != NULL;)
			if ((*ep)->fixed)
				ep = &(*ep)->next;
			else
				neigh_remove(t, ep);
}

void
neigh_doubt(struct port *port, const struct ip_addr *dst)
{
	struct neigh_table *t = port->neigh;
	struct entry *e = t == NULL ? NULL : find(t, dst);

	if (e == NULL || !e->known || e->fixed || e->asked != 0)
		return;
	e->confirmed = t->now - neigh_fresh_s(port, dst) - 1;
	neigh_ask(port, e);
}

unsigned
neigh_look(const struct port *port, struct neigh_seen *list, unsigned max)
{
	const struct neigh_table *t = port->neigh;
	const struct entry *e;
	unsigned b, n = 0;

	if (t == NULL || list == NULL)
		return t == NULL ? 0 : t->entries;
	for (b = 0; b < BUCKETS; b++)
		for (e = t->bucket[b]; e != NULL && n < max; e = e->next) {
			struct neigh_seen *c = &list[n++];

			c->ip = e->ip;
			memcpy(c->mac, e->mac, sizeof(c->mac));
			c->known = e->known;
			c->fixed = e->fixed;
			c->age_s = e->known ? t->now - e->confirmed : 0;
			c->idle_s = t->now - e->used;
		}
	return n;
}

struct neigh_table *
neigh_new(void)
{
	return calloc(1, sizeof(struct neigh_table));
}

void
neigh_free(struct neigh_table *t)
{
	unsigned b;

	for (b = 0; b < BUCKETS; b++)
		while (t->bucket[b] != NULL)
			neigh_remove(t, &t->bucket[b]);
	free(t);
}
