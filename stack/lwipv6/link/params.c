/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * params.c - what routers say of a link beside prefixes and themselves
 *
 * DOC: RFC 4861, 6.3.4, and RFC 8106.  An advertisement may name the hop limit
 * of what is sent, the MTU of the link, how long a neighbour counts as reachable
 * and how long an answer is waited for; and servers of names.  What is 0 there,
 * or missing, is not said and stays as it was.  The last one that says it counts,
 * whichever router that is.
 *
 * All is bounded, as anybody on the bus may say it:
 *
 *	hop limit	1 to 255, of IPv6 where the program has not chosen one.
 *	MTU		1280 up to the interface's; of IPv6 alone.  It is a
 *			limit to what is sent (ip/path.c).
 *	reachable	1 s to an hour; between half and one and a half of it
 *			is used, chosen at random (6.3.2).
 *	retransmission	up to 10 s, and 1 s at least: the timer has no smaller
 *			step.  More than that, or than an hour above, is not said.
 *	servers		DNS_MAX, each with its lifetime; 0 removes it.  A new one
 *			takes the place of the one that ends first.
 *
 * All goes when the interface goes down or autoconfiguration ends, and what was
 * said on another link when a router of the new one speaks.
 */
#include <sys/random.h>
#include <string.h>

#include "base/net_bytes.h"
#include "stack/lwipv6/link/ra.h"

#define MTU_LEAST 1280u
#define REACHABLE_MAX_MS 3600000u
#define RETRANS_MIN_MS 1000u
#define RETRANS_MAX_MS 10000u
#define REACHABLE_S 30u
#define DNS_HLEN 8u
#define IP6_LEN 16u

/* ---- what is said -------------------------------------------------------- */

void
params_heard(struct ra *ra, const uint8_t *icmp)
{
	uint32_t reachable = be32(icmp + 8), retrans = be32(icmp + 12), r = 0;

	if (icmp[4] != 0)
		ra->hops = icmp[4];
	if (retrans != 0 && retrans <= RETRANS_MAX_MS)
		ra->retrans_ms = retrans < RETRANS_MIN_MS ? RETRANS_MIN_MS :
							    retrans;
	if (reachable == 0 || reachable > REACHABLE_MAX_MS ||
	    reachable == ra->said_ms)
		return;
	ra->said_ms = reachable;
	if (getrandom(&r, sizeof(r), 0) != sizeof(r))
		r = 0;
	reachable = reachable / 2 + r % (reachable + 1);
	ra->reachable_s = reachable < 1000 ? 1 : reachable / 1000;
}

void
params_mtu(struct port *port, const uint8_t *opt)
{
	uint32_t mtu = be32(opt + 4);

	if (mtu >= MTU_LEAST && mtu <= port->netif.mtu)
		port->ra->mtu = (uint16_t)mtu;
}

/* The entry for the server IP: its own, an empty one, or the next to end. */
static struct ra_dns *
place(struct ra *ra, const struct ip_addr *ip)
{
	struct ra_dns *d = ra->dns, *best = d;

	for (; d < ra->dns + DNS_MAX; d++) {
		if (d->until != 0 && ip_same(&d->ip, ip))
			return d;
		if (d->until < best->until)
			best = d;
	}
	return best;
}

void
params_dns(struct port *port, const uint8_t *opt)
{
	unsigned n = (opt[1] * 8u - DNS_HLEN) / IP6_LEN, i;
	uint32_t life = be32(opt + 4);

	if (opt[1] < 3 || opt[1] % 2 == 0)
		return; /* RFC 8106, 5.1 */
	for (i = 0; i < n; i++) {
		struct ip_addr ip;
		struct ra_dns *d;

		memcpy(&ip, opt + DNS_HLEN + (size_t)i * IP6_LEN, sizeof(ip));
		if (ip_is_group(&ip) || ip_is_any(&ip) || ip_is_v4(&ip))
			continue;
		d = place(port->ra, &ip);
		if (life == 0 && (d->until == 0 || !ip_same(&d->ip, &ip)))
			continue;
		d->ip = ip;
		d->until = life == 0 ? 0 : ra_until(life);
		d->heard = true;
	}
}

void
params_timer(struct port *port)
{
	struct ra_dns *d = port->ra->dns;
	int64_t now = ra_now();

	for (; d < port->ra->dns + DNS_MAX; d++)
		if (d->until <= now)
			d->until = 0;
}

void
params_drop(struct port *port)
{
	struct ra_dns *d = port->ra->dns;

	for (; d < port->ra->dns + DNS_MAX; d++)
		if (!d->heard)
			d->until = 0;
}

void
params_moved(struct ra *ra)
{
	ra->hops = 0;
	ra->mtu = 0;
	ra->retrans_ms = ra->reachable_s = ra->said_ms = 0;
}

/* ---- what follows -------------------------------------------------------- */

static const struct ra *
ra_of(const struct netif *netif)
{
	const struct port *port = port_of(netif);

	return port == NULL ? NULL : port->ra;
}

unsigned
ra_hops(const struct netif *netif)
{
	const struct ra *ra = ra_of(netif);

	return ra == NULL ? 0 : ra->hops;
}

unsigned
link_mtu(const struct netif *netif, bool v4)
{
	const struct port *port = port_of(netif);
	const struct ra *ra = ra_of(netif);

	if (v4)
		return port != NULL && port->mtu4 != 0 &&
			port->mtu4 < netif->mtu ?
		    port->mtu4 :
		    netif->mtu;

	return ra != NULL && ra->mtu != 0 && ra->mtu < netif->mtu ? ra->mtu :
								    netif->mtu;
}

unsigned
ra_reachable_s(const struct port *port)
{
	return port->ra == NULL || port->ra->reachable_s == 0 ?
	    REACHABLE_S :
	    port->ra->reachable_s;
}

uint32_t
ra_retrans_ms(const struct port *port)
{
	return port->ra == NULL || port->ra->retrans_ms == 0 ?
	    RETRANS_MIN_MS :
	    port->ra->retrans_ms;
}

unsigned
ra_dns(const struct port *port, struct ip_addr list[], unsigned max)
{
	const struct ra_dns *d;
	unsigned n = 0;

	if (port->ra == NULL)
		return 0;
	for (d = port->ra->dns; d < port->ra->dns + DNS_MAX && n < max; d++)
		if (d->until != 0)
			list[n++] = d->ip;
	return n;
}
