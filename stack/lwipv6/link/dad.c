/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dad.c - an address that somebody else has already
 *
 * DOC: The faults: the library probes for duplicates of addresses that it
 * configures itself only.  Its probes carry an option that RFC 4861, 4.3
 * forbids, so that others drop them; the answers it would not understand, as
 * it looks for flags in the wrong bits.  Addresses that a program adds are not
 * probed for.  And of the hardware address it loses a byte when it makes an
 * IPv6 address of it (RFC 4291, appendix A), so that interfaces which differ
 * there only make themselves the same one.
 *
 * How they are seen: two hosts have one address, and neither says so; what is
 * sent to it arrives at one or the other.
 *
 * The cure: every address that an interface gets is probed for, and again when
 * the interface comes up or to another bus: a neighbour solicitation from the
 * unspecified address (RFC 4862, 5.4), or an ARP probe (RFC 5227, 2.1.1).  The
 * addresses of our interfaces, whoever has made them, are used at once (RFC
 * 4429), but announced only after WINDOW_S seconds, so that a neighbour's table
 * is not changed before.  Those that the library makes for interfaces of other
 * kinds are tentative meanwhile.
 *
 * Somebody else has an address of ours when an advertisement or ARP packet says
 * that it is at another hardware address, or when somebody probes for one
 * that we probe for, too.  Who comes later loses it: an address that is
 * tentative, or within its window, is taken away.  One that was there before
 * stays, and is announced (RFC 5227, 2.4 (b)), at most each DEFEND_S seconds.
 * Both are said by diag(), and remembered for shmifctl: the last DAD_CONFLICTS
 * addresses, each until it is used without objection.
 *
 * Nothing here waits or needs the bus to answer.  The table of addresses in
 * their window is bounded; what does not fit is not looked after.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/diag.h"
#include "stack/lwipv6/link/link.h"

#define CLAIMS_MAX 64u
#define WINDOW_S 2u /* of a clock that may be a second off */
#define DEFEND_S 10u

/* An address that is in its window, or was defended lately. */
struct claim {
	struct ip_addr ip;
	unsigned left; /* seconds; 0: no entry */
	bool defended;
};

struct dad {
	struct claim claim[CLAIMS_MAX];
	struct dad_conflict conflict[DAD_CONFLICTS]; /* the latest */
	unsigned conflicts;
};

static struct claim *
find(const struct port *port, const struct ip_addr *ip)
{
	unsigned i;

	for (i = 0; port->dad != NULL && i < CLAIMS_MAX; i++)
		if (port->dad->claim[i].left != 0 &&
		    ip_same(&port->dad->claim[i].ip, ip))
			return &port->dad->claim[i];
	return NULL;
}

bool
dad_is_unsure(const struct port *port, const struct ip_addr *ip)
{
	const struct claim *c = find(port, ip);

	return c != NULL && !c->defended;
}

/* Notes IP for SECONDS. */
static void
note(struct port *port, const struct ip_addr *ip, bool defended,
    unsigned seconds)
{
	struct claim *c = find(port, ip);
	unsigned i;

	if (port->dad == NULL)
		port->dad = calloc(1, sizeof(*port->dad));
	for (i = 0; port->dad != NULL && c == NULL && i < CLAIMS_MAX; i++)
		if (port->dad->claim[i].left == 0)
			c = &port->dad->claim[i];
	if (c == NULL)
		return;
	c->ip = *ip;
	c->defended = defended;
	c->left = seconds;
}

/* Forgets that somebody else had IP. */
static void
forget_conflict(struct dad *dad, const struct ip_addr *ip)
{
	unsigned i;

	for (i = 0; i < dad->conflicts; i++)
		if (ip_same(&dad->conflict[i].ip, ip)) {
			dad->conflicts--;
			memmove(&dad->conflict[i], &dad->conflict[i + 1],
			    (dad->conflicts - i) * sizeof(dad->conflict[0]));
			return;
		}
}

/* Remembers that IP is at MAC, too; the oldest conflict makes room. */
static void
remember(struct port *port, const struct ip_addr *ip, const uint8_t mac[6],
    bool kept)
{
	struct dad *dad = port->dad;
	struct dad_conflict *c;

	if (dad == NULL && (dad = calloc(1, sizeof(*dad))) == NULL)
		return;
	port->dad = dad;
	forget_conflict(dad, ip);
	if (dad->conflicts == DAD_CONFLICTS)
		forget_conflict(dad, &dad->conflict[0].ip);
	c = &dad->conflict[dad->conflicts++];
	c->ip = *ip;
	memcpy(c->mac, mac, sizeof(c->mac));
	c->kept = kept;
	c->at_ns = now_ns();
}

unsigned
dad_look(const struct port *port, struct dad_conflict list[DAD_CONFLICTS])
{
	const struct dad *dad = port->dad;

	if (dad == NULL)
		return 0;
	memcpy(list, dad->conflict, sizeof(dad->conflict));
	return dad->conflicts;
}

/* Remembers and says that IP is at MAC, too, and whether it is KEPT. */
static void
say(struct port *port, const struct ip_addr *ip, const uint8_t mac[6],
    bool kept)
{
	char text[INET6_ADDRSTRLEN] = "?";

	remember(port, ip, mac, kept);

	if (ip_is_v4(ip))
		inet_ntop(AF_INET, &ip->addr[3], text, sizeof(text));
	else
		inet_ntop(AF_INET6, ip, text, sizeof(text));
	diag(DIAG_ADDRESS,
	    UNIT_NAME "%d: %s: "
		      "%02x:%02x:%02x:%02x:%02x:%02x has this address, too; %s",
	    port->unit->num, text, mac[0], mac[1], mac[2], mac[3], mac[4],
	    mac[5], kept ? "defended" : "not used");
}

/* ---- probing ------------------------------------------------------------ */

static bool
may_begin(const struct port *port)
{
	return port->neigh != NULL && (port->netif.flags & NETIF_FLAG_UP);
}

static void
probe(struct port *port, const struct ip_addr *ip)
{
	if (ip_is_v4(ip))
		arp_probe(port, ip);
	else
		nd_probe(port, ip);
}

void
dad_note(struct port *port, const struct ip_addr *ip)
{
	if (may_begin(port))
		note(port, ip, false, WINDOW_S);
}

void
dad_begin(struct port *port, const struct ip_addr *ip)
{
	if (!may_begin(port))
		return;
	note(port, ip, false, WINDOW_S);
	probe(port, ip);
}

/* Notes, or, PROBES, probes for, all addresses. */
static void
each(struct port *port, bool probes)
{
	const struct ip_addr_list *tail = port->netif.addrs, *el = tail;

	while (el != NULL) {
		el = el->next;
		if (probes)
			probe(port, &el->ipaddr);
		else
			note(port, &el->ipaddr, false, WINDOW_S);
		if (el == tail)
			break;
	}
}

void
dad_note_all(struct port *port)
{
	if (may_begin(port))
		each(port, false);
}

void
dad_begin_all(struct port *port)
{
	if (may_begin(port))
		each(port, true);
}

/* A second has gone by. */
void
dad_timer(struct port *port)
{
	unsigned i;

	for (i = 0; port->dad != NULL && i < CLAIMS_MAX; i++) {
		struct claim *c = &port->dad->claim[i];
		struct ip_addr ip = c->ip;

		if (c->left == 0 || --c->left != 0 || c->defended)
			continue;
		if (ip_addr_list_find(port->netif.addrs, &ip, NULL) != NULL) {
			forget_conflict(port->dad, &ip);
			neigh_announce(port, &ip);
		}
	}
}

/* ---- somebody else ------------------------------------------------------ */

/* Takes IP from the addresses that are tentative.  False: it is none. */
static bool
drop_tentative(struct port *port, struct ip_addr *ip)
{
	struct netif *netif = &port->netif;
	struct ip_addr_list *el;

	if (netif->autoconf == NULL ||
	    (el = ip_addr_list_find(netif->autoconf->tentative, ip, NULL)) ==
		NULL)
		return false;
	dad_remove_timer(el);
	ip_addr_list_del(&netif->autoconf->tentative, el);
	ip_addr_list_free(netif->stack, el);
	return true;
}

void
dad_other(struct port *port, const struct ip_addr *at, const uint8_t mac[6],
    bool probes)
{
	struct ip_addr ip = *at; /* the library wants it writable */
	struct ip_addr_list *el;
	struct claim *c;

	if (memcmp(mac, port->netif.hwaddr, 6) == 0)
		return;
	above.address_taken(port, &ip, false);
	if (drop_tentative(port, &ip)) {
		say(port, &ip, mac, false);
		return;
	}
	el = ip_addr_list_find(port->netif.addrs, &ip, NULL);
	if (el == NULL)
		return;
	c = find(port, &ip);
	if (c != NULL && !c->defended) {
		struct ip_addr mask = el->netmask;

		c->left = 0;
		say(port, &ip, mac, false);
		netif_del_addr(&port->netif, &ip, &mask);
		above.address_taken(port, &ip, true);
	} else if (c == NULL && !probes) {
		note(port, &ip, true, DEFEND_S);
		say(port, &ip, mac, true);
		neigh_announce(port, &ip);
	}
}

/* ---- the library's own addresses ---------------------------------------- */

/* Replaces the library's: an address of NETIF made from a router's prefix. */
EXPORT int
OURS(create_address_from_prefix)(struct ip_addr *ip, struct ip_addr *mask,
    struct ip_addr *prefix, int len, struct netif *netif)
{
	int r = real()->create_address_from_prefix(ip, mask, prefix, len,
	    netif);

	if (port_of(netif) != NULL && len == 64)
		prefixes_identify(netif, ip);
	return r;
}

/* Replaces the library's: begins to look for a duplicate of EL. */
EXPORT void
OURS(start_dad_on_addr)(struct ip_addr_list *el, struct netif *netif)
{
	if (port_of(netif) != NULL && ip_is_link_local(&el->ipaddr))
		prefixes_identify(netif, &el->ipaddr);
	real()->start_dad_on_addr(el, netif);
}

/* Replaces the library's: sends a probe for EL. */
EXPORT void
OURS(icmp_send_dad)(struct stack *stack, struct ip_addr_list *el,
    struct netif *netif)
{
	struct port *port = port_of(netif);

	if (port != NULL)
		nd_probe(port, &el->ipaddr);
	else
		real()->icmp_send_dad(stack, el, netif);
}

/*
 * Replaces the library's: the address in the ring TAIL that a packet from SRC
 * to DST is for.  What goes to an IPv6 group is answered from an address that
 * the interface has; the library would make one up, as above.
 */
EXPORT struct ip_addr_list *
OURS(ip_addr_list_deliveryfind)(struct ip_addr_list *tail, struct ip_addr *dst,
    struct ip_addr *src)
{
	struct ip_addr_list *el, *any = NULL;
	struct ip_addr to;

	/* It is in the packet, at any offset. */
	memcpy(&to, (const void *)dst, sizeof(to));
	if (tail == NULL || ip_is_v4(&to) || ntohl(to.addr[0]) >> 24 != 0xff ||
	    port_of(tail->netif) == NULL)
		return real()->ip_addr_list_deliveryfind(tail, dst, src);
	for (el = tail->next;; el = el->next) {
		if (!ip_is_v4(&el->ipaddr)) {
			any = el;
			if (ip_is_link_local(&el->ipaddr))
				break;
		}
		if (el == tail)
			break;
	}
	return any;
}
