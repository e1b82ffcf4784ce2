/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * proxy.c - addresses of others for which the interface answers
 *
 * DOC: An address that is published (arp -s ADDRESS MAC pub) is not the
 * interface's: packets to it are forwarded or dropped as ever.  But who asks on
 * the link for its hardware address is told MAC, or that of the interface (proxy
 * ARP, RFC 1027; RFC 4861, 7.2.8).  So a host behind a router seems to be on
 * the link.
 *
 * Nobody is answered who asks whether the address is free (RFC 5227, RFC 4862):
 * that may be the one whose address it is.  An advertisement of IPv6 does not
 * override what others say of themselves.
 *
 * The list belongs to the stack's thread.  It is as long as it was asked to be,
 * PUBLISHED_MAX at most, and is looked at for requests only.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "stack/lwipv6/link/link.h"

#define PUBLISHED_MAX 256u

struct published {
	struct published *next;
	struct ip_addr ip;
	bool here; /* at the interface */
	uint8_t mac[6];
};

/* Where the entry for IP is linked, or would be: at the end. */
static struct published **
place(struct port *port, const struct ip_addr *ip, unsigned *before)
{
	struct published **p = &port->published;

	for (*before = 0; *p != NULL && !ip_same(&(*p)->ip, ip); ++*before)
		p = &(*p)->next;
	return p;
}

int
proxy_set(struct port *port, const struct ip_addr *ip, const uint8_t *mac)
{
	unsigned n;
	struct published **p = place(port, ip, &n), *e = *p;

	if (e == NULL) {
		if (n >= PUBLISHED_MAX)
			return ENOBUFS;
		if ((e = calloc(1, sizeof(*e))) == NULL)
			return ENOMEM;
		e->ip = *ip;
		*p = e;
	}
	e->here = mac == NULL;
	if (mac != NULL)
		memcpy(e->mac, mac, sizeof(e->mac));
	return 0;
}

bool
proxy_drop(struct port *port, const struct ip_addr *ip)
{
	unsigned n;
	struct published **p = place(port, ip, &n), *e = *p;

	if (e == NULL)
		return false;
	*p = e->next;
	free(e);
	return true;
}

/* Where E is said to be. */
static const uint8_t *
mac_of(const struct port *port, const struct published *e)
{
	return e->here ? port->netif.hwaddr : e->mac;
}

const uint8_t *
proxy_find(const struct port *port, const struct ip_addr *ip)
{
	const struct published *e;

	for (e = port->published; e != NULL; e = e->next)
		if (ip_same(&e->ip, ip))
			return mac_of(port, e);
	return NULL;
}

bool
proxy_group(const struct port *port, const struct ip_addr *group)
{
	const struct published *e;

	for (e = port->published; e != NULL; e = e->next)
		if (!ip_is_v4(&e->ip) && ip_is_solicited_node(group, &e->ip))
			return true;
	return false;
}

unsigned
proxy_look(const struct port *port, struct neigh_seen *list, unsigned max)
{
	const struct published *e;
	unsigned n = 0;

	for (e = port->published; e != NULL && (list == NULL || n < max);
	     e = e->next, n++)
		if (list != NULL) {
			memset(&list[n], 0, sizeof(list[n]));
			list[n].ip = e->ip;
			memcpy(list[n].mac, mac_of(port, e), 6);
			list[n].known = true;
		}
	return n;
}

void
proxy_free(struct port *port)
{
	struct published *e;

	while ((e = port->published) != NULL) {
		port->published = e->next;
		free(e);
	}
}
