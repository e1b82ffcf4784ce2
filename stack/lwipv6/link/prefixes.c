/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * prefixes.c - prefixes that routers advertise, and addresses made of them
 *
 * DOC: The faults: of an advertisement the library uses the last prefix only,
 * and none where the router also names a DHCP server; it does not look at
 * whether a prefix is on the link.  The lifetime of an address that it has
 * already is not renewed: it is removed when it ends, and made again by the
 * next advertisement.  Nothing bounds how many addresses it makes, and the
 * routes to their networks stay.
 *
 * How they are seen: an address is missing for some seconds each time that its
 * lifetime ends, and connections end with it; who floods a bus with
 * advertisements leaves tens of thousands of addresses and routes behind, and
 * every packet is slow from then on.
 *
 * The cure: RFC 4861, 6.3.4, and RFC 4862, 5.5.3.  Each interface has a list of
 * up to PREFIXES_MAX prefixes; further ones are ignored until one of them ends.
 * An entry holds what the two flags of the option say, each with its lifetime:
 *
 *	L	the prefix is on the link: there is a route to it
 *	A	the interface has an address of it, with the identifier of RFC
 *		4291, appendix A.  It is used at once (RFC 4429) and looked
 *		after by dad.c; after its preferred lifetime it is no more than
 *		the second choice (source.c), after the valid one it goes.  An
 *		advertisement that says less than two hours does not shorten
 *		what is left to less than that: who speaks may not be a router.
 *
 * The netmask of the address has the length of the prefix, so that the library
 * makes a route when it is added; where the prefix is not on the link that is
 * taken away again.  An address that somebody took away, or dad.c because it is
 * another's, is not made again while the prefix lasts.
 */
#include <string.h>

#include "base/net_bytes.h"
#include "stack/lwipv6/link/ra.h"

#define FLAG_ON_LINK 0x80
#define FLAG_AUTONOMOUS 0x40
#define IDENTIFIER_AT \
	64u /* the length of prefixes that addresses are made of */
#define TWO_HOURS 7200
#define DEPRECATED 0x20 /* IFA_F_DEPRECATED */

static const struct ip_addr none;

void
prefixes_identify(const struct netif *netif, struct ip_addr *ip)
{
	const uint8_t *m = netif->hwaddr;
	const uint8_t id[8] = { m[0] ^ 2, m[1], m[2], 0xff, 0xfe, m[3], m[4],
		m[5] };

	memcpy(&ip->addr[2], id, sizeof(id));
}

/* ---- one prefix ---------------------------------------------------------- */

/* The address of P, if the interface still has it. */
static struct ip_addr_list *
address_of(const struct port *port, const struct prefix *p)
{
	struct ip_addr ip = p->addr; /* the library wants it writable */
	struct ip_addr_list *el;

	if (!p->has_addr)
		return NULL;
	el = ip_addr_list_find(port->netif.addrs, &ip, NULL);
	return el != NULL && el->info.flag != 0 ? el : NULL;
}

/* Whether a program gave the interface an address of P's network. */
static bool
is_configured(const struct port *port, const struct prefix *p)
{
	const struct ip_addr_list *tail = port->netif.addrs, *el = tail;
	unsigned i;

	while (el != NULL) {
		bool in = el->info.flag == 0 && ip_same(&el->netmask, &p->mask);

		for (i = 0; i < 4; i++)
			in &= (el->ipaddr.addr[i] & p->mask.addr[i]) ==
			    p->net.addr[i];
		if (in)
			return true;
		el = el->next == tail ? NULL : el->next;
	}
	return false;
}

/* What is left until AT, as 32 bits can say it. */
static uint32_t
left(int64_t at, int64_t now)
{
	return at == FOREVER ? UINT32_MAX : at > now ? (uint32_t)(at - now) : 0;
}

/* Has the stack be as P says. */
static void
apply(struct port *port, const struct prefix *p)
{
	struct ip_addr_list *el = address_of(port, p);
	int64_t now = ra_now();

	if (el != NULL) {
		el->info.valid = left(p->valid, now);
		el->info.preferred = left(p->preferred, now);
		if (p->preferred > now)
			el->flags &= (char)~DEPRECATED;
		else
			el->flags |= DEPRECATED;
	}
	if (p->on_link != 0 || !is_configured(port, p))
		routers_route(&port->netif, &p->net, &p->mask, &none,
		    p->on_link != 0);
}

static void
make_address(struct port *port, struct prefix *p)
{
	struct ip_addr ip = p->net, mask = p->mask;
	struct ip_addr_list *el;

	prefixes_identify(&port->netif, &ip);
	if (ip_addr_list_find(port->netif.addrs, &ip, NULL) != NULL ||
	    netif_add_addr(&port->netif, &ip, &mask) != 0)
		return;
	p->addr = ip;
	p->has_addr = true;
	if ((el = ip_addr_list_find(port->netif.addrs, &ip, NULL)) != NULL)
		el->info.flag = ADDRESS_MADE;
}

static void
drop_address(struct port *port, struct prefix *p)
{
	struct ip_addr ip = p->addr, mask = p->mask;

	if (address_of(port, p) != NULL)
		netif_del_addr(&port->netif, &ip, &mask);
	p->has_addr = false;
}

static void
drop(struct port *port, struct prefix *p)
{
	drop_address(port, p);
	p->on_link = 0;
	apply(port, p);
	memset(p, 0, sizeof(*p));
}

/* ---- advertisements ------------------------------------------------------ */

/* Reads the prefix of OPT into P.  False: nobody can use it. */
static bool
read_prefix(const uint8_t *opt, struct prefix *p)
{
	uint8_t mask[16] = { 0 };
	unsigned i;

	memset(p, 0, sizeof(*p));
	p->len = opt[2];
	if (p->len == 0 || p->len > 128)
		return false;
	for (i = 0; i < p->len; i++)
		mask[i / 8] |= (uint8_t)(0x80 >> i % 8);
	memcpy(&p->mask, mask, sizeof(p->mask));
	memcpy(&p->net, opt + 16, sizeof(p->net));
	for (i = 0; i < 4; i++)
		p->net.addr[i] &= p->mask.addr[i];
	return !ip_is_link_local(&p->net) && !ip_is_group(&p->net) &&
	    !ip_is_v4(&p->net);
}

/* The entry of the prefix of NEW, made if it MAY be; or NULL. */
static struct prefix *
entry_of(struct ra *ra, const struct prefix *new, bool may)
{
	struct prefix *empty = NULL;
	unsigned i;

	for (i = 0; i < PREFIXES_MAX; i++) {
		struct prefix *p = &ra->prefix[i];

		if (p->len == new->len && ip_same(&p->net, &new->net))
			return p;
		if (p->len == 0 && empty == NULL)
			empty = p;
	}
	if (!may || empty == NULL)
		return NULL;
	*empty = *new;
	return empty;
}

/* RFC 4862, 5.5.3, (e): how long an address of P is valid from now on. */
static void
renew(struct prefix *p, uint32_t valid)
{
	int64_t now = ra_now(), until = ra_until(valid);

	if (valid > TWO_HOURS || until > p->valid)
		p->valid = until;
	else if (p->valid > now + TWO_HOURS)
		p->valid = now + TWO_HOURS;
}

void
prefixes_heard(struct port *port, const uint8_t *opt)
{
	uint32_t valid = be32(opt + 4), preferred = be32(opt + 8);
	struct prefix new, *p;
	bool autonomous;

	if (!(opt[3] & (FLAG_ON_LINK | FLAG_AUTONOMOUS)) || preferred > valid ||
	    !read_prefix(opt, &new))
		return;
	if ((p = entry_of(port->ra, &new, valid != 0)) == NULL)
		return;
	p->heard = true;
	if (opt[3] & FLAG_ON_LINK)
		p->on_link = valid == 0 ? 0 : ra_until(valid);
	autonomous = (opt[3] & FLAG_AUTONOMOUS) && p->len == IDENTIFIER_AT;
	if (autonomous && p->has_addr) {
		renew(p, valid);
		p->preferred = ra_until(preferred);
	} else if (autonomous && valid != 0) {
		p->valid = ra_until(valid);
		p->preferred = ra_until(preferred);
		make_address(port, p);
	}
	apply(port, p);
	if (p->on_link == 0 && !p->has_addr)
		memset(p, 0, sizeof(*p));
}

void
prefixes_timer(struct port *port)
{
	int64_t now = ra_now();
	unsigned i;

	for (i = 0; i < PREFIXES_MAX; i++) {
		struct prefix *p = &port->ra->prefix[i];

		if (p->len == 0)
			continue;
		if (p->has_addr && p->valid <= now)
			drop_address(port, p);
		if (p->on_link <= now)
			p->on_link = 0;
		apply(port, p);
		if (p->on_link == 0 && !p->has_addr)
			memset(p, 0, sizeof(*p));
	}
}

void
prefixes_drop(struct port *port, bool all)
{
	unsigned i;

	for (i = 0; i < PREFIXES_MAX; i++) {
		struct prefix *p = &port->ra->prefix[i];

		if (p->len != 0 && (all || !p->heard))
			drop(port, p);
	}
}
