/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * neigh_age.c - asking for neighbours, and what time does to them: see the states
 *	of an entry in neighbours.c
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "stack/lwipv6/link/neigh.h"

#define ASK_MAX 3u
#define IDLE_S 600u
#define RETRANS_NS 1000000000u
#define TICK_SLACK_NS 50000000u /* the timer comes each second, about */

static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

/* When E, which is asked for, is asked for again. */
static uint64_t
retrans_ns(const struct port *port, const struct ip_addr *ip)
{
	return (ip_is_v4(ip) ? RETRANS_NS : ra_retrans_ms(port) * 1000000ull) -
	    TICK_SLACK_NS;
}

/* ---- asking ------------------------------------------------------------- */

/* An address of the interface to ask for IP with, or NULL. */
static struct ip_addr_list *
own_address(const struct port *port, struct ip_addr *ip)
{
	struct ip_addr_list *tail = port->netif.addrs;
	struct ip_addr_list *el = ip_addr_list_maskfind(tail, ip);

	if (el != NULL || tail == NULL || !ip_is_v4(ip))
		return el;
	for (el = tail->next;; el = el->next) {
		if (ip_is_v4(&el->ipaddr))
			return el;
		if (el == tail)
			return NULL;
	}
}

bool
neigh_ask(struct port *port, struct entry *e)
{
	struct ip_addr ip = e->ip; /* the library wants it writable */
	struct ip_addr_list *el = own_address(port, &ip);

	if (el == NULL)
		return false;
	e->asked++;
	e->asked_ns = now_ns();
	if (!ip_is_v4(&ip))
		nd_ask(port, &el->ipaddr, &ip, e->known ? e->mac : NULL);
	else
		/* Only the first question goes to where it was before. */
		arp_ask(port, &el->ipaddr, &ip,
		    e->known && e->asked == 1 ? e->mac : broadcast);
	return true;
}

/* ---- time --------------------------------------------------------------- */

/* Tells the senders of the packets in the list W that they did not get away. */
static void
give_up(struct port *port, struct waiting *w)
{
	while (w != NULL) {
		struct waiting *next = w->next;

		pbuf_header(w->p, -ETH_HLEN);
		above.undelivered(port->netif.stack, w->p);
		pbuf_free(w->p);
		free(w);
		w = next;
	}
}

/* What a second more does to E.  True: it goes. */
static bool
age(struct port *port, struct entry *e)
{
	uint32_t now = port->neigh->now;

	if (e->fixed)
		return false;
	/* RFC 1122, 2.3.2.1: once a second, wherever the ticks are. */
	if (e->asked != 0 && now_ns() - e->asked_ns < retrans_ns(port, &e->ip))
		return false;
	if (!e->known)
		return e->asked >= ASK_MAX || !neigh_ask(port, e);
	if (now - e->used > IDLE_S)
		return true;
	if (now - e->confirmed <= neigh_fresh_s(port, &e->ip))
		return false;
	if (e->asked == 0 && now - e->used > 1)
		return false; /* nobody needs to know */
	return e->asked >= ASK_MAX || !neigh_ask(port, e);
}

void
neigh_timer(struct port *port)
{
	struct neigh_table *t = port->neigh;
	struct waiting *lost = NULL, **last = &lost;
	struct entry **ep;
	unsigned b;

	if (t == NULL)
		return;
	t->now++;
	for (b = 0; b < BUCKETS; b++)
		for (ep = &t->bucket[b]; *ep != NULL;)
			if (age(port, *ep)) {
				if (!(*ep)->known)
					above.unreachable(&port->netif,
					    &(*ep)->ip);
				if ((*ep)->asked >= ASK_MAX) {
					routers_lost(port, &(*ep)->ip);
					above.hop_lost(port, &(*ep)->ip);
				}
				neigh_take_waiting(t, *ep, &last);
				neigh_remove(t, ep);
			} else {
				ep = &(*ep)->next;
			}
	/* Only now: what is said may ask for further neighbours. */
	give_up(port, lost);
}
