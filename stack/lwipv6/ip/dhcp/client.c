/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dhcp/client.c - an interface gets its IPv4 address from a server
 *
 * DOC: The faults: the library's client renews by broadcast, or not at all, for
 * its timers are a minute apart; keeps an address whose lease is over, and one
 * that a server has taken back; does not notice that an address is another's,
 * or that the link is another one; invents a router where none was named; and
 * leaves what it has added when it ends.  It believes any address, and reads
 * options beyond the message.
 *
 * The cure, for interfaces of shmif: RFC 2131.  Each that is up and is to have
 * its address by DHCP has a struct dhcp_client, all of it the stack's thread's.
 * An event is a message (dhcp_input()), a second of the clock (dhcp_timer()), a
 * link (dhcp_link()), or somebody else with the address (conflict()).
 *
 *	SELECTING   DISCOVER was sent; the first good offer is taken.
 *	REQUESTING  REQUEST was sent to the server of that offer.
 *	CHECKING    The address is promised.  It is probed for (RFC 5227) and
 *		    used when CHECKS seconds went by without an answer.  With
 *		    one: DECLINE, and DECLINED.
 *	DECLINED    Begins again after DECLINE_S seconds (3.1, 5).
 *	BOUND	    The interface has the address, the routes if such or a router
 *		    were named, and the MTU for what is sent by IPv4.
 *	RENEWING    from T1: asks the server, by unicast with ciaddr.
 *	REBINDING   from T2: asks any server, by broadcast with ciaddr.
 *	REBOOTING   The link began anew: asks any server whether the address is
 *		    good here (INIT-REBOOT, 4.4.2).  With no answer the lease
 *		    goes on as it was.
 *
 * A NAK, the end of the lease, and an address that turns out to be another's,
 * end it at once: address and route go, and it begins again with SELECTING.
 *
 * Times are of the monotonic clock, so the machine's date does not matter.  The
 * timer comes once a second; what is due within half a second is done, so that
 * nothing is more than that away from its time.  Messages are repeated after 4,
 * 8, ... 64 seconds, a second more or less (4.1); in RENEWING and REBINDING
 * after half of the time that is left, at least a minute or, with a lease of less
 * than eight, REPEAT_LEAST_S (4.4.5 has but the minute, with which a lease of
 * some seconds could be asked for only once).
 *
 * When the interface goes down its address goes, but the lease is remembered:
 * going up is a link that begins anew.  When DHCP is switched off, or the
 * interface destroyed, the lease is given back (RELEASE).
 */
#include <sys/random.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/net_bytes.h"
#include "stack/lwipv6/ip/dhcp/client.h"

#define UDP_HLEN 8u
#define PROTO_UDP 17
#define CHECKS 2u
#define DECLINE_S 10
#define REPEAT_FIRST_S 4
#define REPEAT_MOST_S 64
#define REQUESTS_MAX 4u
#define REBOOTS_MAX 3u
#define REPEAT_LEAST_S 2
#define SHORT_LEASE_S 480
#define SECOND 1000000000LL
#define FOREVER INT64_MAX

static int64_t
now(void)
{
	return (int64_t)now_ns();
}

static uint32_t
random32(void)
{
	uint32_t r = 0;

	if (getrandom(&r, sizeof(r), 0) != sizeof(r))
		r = (uint32_t)now_ns();
	return r;
}

/* ---- sending ------------------------------------------------------------ */

/*
 * Sends a message of TYPE with the options REQUESTED and SERVER, unless they are
 * 0.  TO: the server; 0: everybody.  With an address, OWN, it has that.
 */
static void
say(struct port *port, unsigned type, uint32_t requested, uint32_t server,
    uint32_t own, uint32_t to)
{
	const struct dhcp_client *c = port->dhcp;
	int64_t secs = (now() - c->began) / SECOND;
	struct dhcp_say s = { .type = (uint8_t)type,
		.xid = c->xid,
		.secs = (uint16_t)(secs > UINT16_MAX ? UINT16_MAX : secs),
		.broadcast = own == 0 && type != DHCP_DECLINE,
		.ciaddr = own,
		.requested = requested,
		.server = server };

	memcpy(s.mac, port->netif.hwaddr, 6);
	dhcp_send(port, &s, own, to);
}

/* ---- states ------------------------------------------------------------- */

/* Begins to ask, in STATE. */
static void
enter(struct dhcp_client *c, enum state state)
{
	c->state = state;
	c->xid = random32();
	c->tries = 0;
	c->began = now();
	c->next = c->began;
}

/* When to ask again what has no end of its own. */
static int64_t
backoff(const struct dhcp_client *c)
{
	int64_t s = c->tries >= 5 ? REPEAT_MOST_S :
				    REPEAT_FIRST_S << (c->tries - 1);

	return now() + s * SECOND - SECOND +
	    (int64_t)(random32() % 2000) * 1000000;
}

/* The same in RENEWING and REBINDING, which end at END. */
static int64_t
half(const struct dhcp_client *c, int64_t end)
{
	int64_t least = c->lease.lease < SHORT_LEASE_S ? REPEAT_LEAST_S : 60;
	int64_t wait = (end - now()) / 2;

	if (wait < least * SECOND)
		wait = least * SECOND;
	return now() + wait;
}

/* Asks what is to be asked in the state that C is in. */
static void
ask(struct port *port)
{
	struct dhcp_client *c = port->dhcp;
	uint32_t own = c->lease.yiaddr;

	c->tries++;
	c->next = backoff(c);
	switch (c->state) {
	case SELECTING:
		say(port, DHCP_DISCOVER, c->wanted, 0, 0, 0);
		break;
	case REQUESTING:
		if (c->tries == 1)
			c->asked = now();
		say(port, DHCP_REQUEST, c->wanted, c->server, 0, 0);
		break;
	case REBOOTING:
		if (c->tries == 1)
			c->asked = now();
		say(port, DHCP_REQUEST, c->wanted, 0, 0, 0);
		break;
	case RENEWING:
	case REBINDING:
		c->asked = now();
		c->next = half(c, c->state == RENEWING ? c->t2 : c->end);
		say(port, DHCP_REQUEST, 0, 0, own,
		    c->state == RENEWING ? c->lease.server : 0);
		break;
	default:
		break;
	}
}

static void
select_anew(struct port *port)
{
	dhcp_remove_all(port);
	port->dhcp->leased = false;
	enter(port->dhcp, SELECTING);
	ask(port);
}

/* The lease A was given, from when it was asked for. */
static void
leased(struct dhcp_client *c, const struct dhcp_answer *a)
{
	bool forever = a->lease == DHCP_FOREVER;

	c->leased = true;
	c->lease = *a;
	c->wanted = a->yiaddr;
	c->t1 = forever ? FOREVER : c->asked + a->t1 * SECOND;
	c->t2 = forever ? FOREVER : c->asked + a->t2 * SECOND;
	c->end = forever ? FOREVER : c->asked + a->lease * SECOND;
}

/* Looks whether somebody has the address that is promised. */
static void
check(struct port *port)
{
	struct ip_addr ip = mapped(port->dhcp->wanted);

	port->dhcp->tries++;
	port->dhcp->next = now() + SECOND;
	arp_probe(port, &ip);
}

static void
bound(struct port *port)
{
	port->dhcp->state = BOUND;
	dhcp_add(port);
}

static void
acknowledged(struct port *port, const struct dhcp_answer *a)
{
	struct dhcp_client *c = port->dhcp;

	/* On another network it is as if the address was new. */
	if (c->has_addr && a->mask != c->lease.mask)
		dhcp_remove_all(port);
	else if (!dhcp_same_routes(a, &c->lease))
		dhcp_remove_routes(port);
	leased(c, a);
	if (c->has_addr) {
		bound(port);
	} else {
		enter(c, CHECKING);
		check(port);
	}
}

/* ---- events ------------------------------------------------------------- */

/* P, UDP over IPv4 with the header IP, is an answer of a server's. */
static void
answered(struct port *port, const uint8_t *msg, size_t n)
{
	struct dhcp_client *c = port->dhcp;
	struct dhcp_answer a;

	if (!dhcp_read(msg, n, c->xid, port->netif.hwaddr, &a))
		return;
	switch (c->state) {
	case SELECTING:
		if (a.type != DHCP_OFFER)
			return;
		c->wanted = a.yiaddr;
		c->server = a.server;
		c->state = REQUESTING;
		c->tries = 0;
		ask(port);
		return;
	case REQUESTING:
		if (a.server != c->server)
			return;
		break;
	case RENEWING:
	case REBINDING:
	case REBOOTING:
		break;
	default:
		return;
	}
	if (a.type == DHCP_NAK && c->state == REQUESTING) {
		/* It offers what it refuses: not as fast as it can. */
		enter(c, SELECTING);
		c->wanted = 0;
		c->tries = 1;
		c->next = backoff(c);
	} else if (a.type == DHCP_NAK) {
		c->wanted = 0;
		select_anew(port);
	} else if (a.type == DHCP_ACK && a.yiaddr == c->wanted) {
		acknowledged(port, &a);
	}
}

bool
dhcp_input(struct port *port, const struct pbuf *p)
{
	const uint8_t *ip = p->payload, *udp;
	unsigned hlen = (ip[0] & 15u) * 4, total = be16(ip + 2);
	uint32_t n;

	if (port->dhcp == NULL || port->dhcp->state == IDLE || p->len < total ||
	    total < hlen + UDP_HLEN || ip[9] != PROTO_UDP ||
	    (be16(ip + 6) & 0x3fff) != 0)
		return false;
	udp = ip + hlen;
	n = total - hlen;
	if (be16(udp) != DHCP_SERVER_PORT || be16(udp + 2) != DHCP_CLIENT_PORT)
		return false;
	if (be16(udp + 4) == n && fold(sum16(ip, hlen, 0)) == 0xffff &&
	    (be16(udp + 6) == 0 ||
		fold(sum16(ip + 12, 8, sum16(udp, n, n + PROTO_UDP))) ==
		    0xffff))
		answered(port, udp + UDP_HLEN, n - UDP_HLEN);
	return true;
}

/* What time alone brings about in a lease.  True: something did. */
static bool
lease_ages(struct port *port, int64_t at)
{
	struct dhcp_client *c = port->dhcp;

	if (!c->leased || c->state < BOUND)
		return false;
	if (c->end <= at) {
		select_anew(port);
		return true;
	}
	if (c->t2 <= at && c->state != REBINDING && c->state != REBOOTING)
		enter(c, REBINDING);
	else if (c->t1 <= at && c->state == BOUND)
		enter(c, RENEWING);
	else
		return false;
	ask(port);
	return true;
}

void
dhcp_timer(struct port *port)
{
	struct dhcp_client *c = port->dhcp;
	int64_t at = now() + SECOND / 2;

	if (c == NULL || c->state == IDLE || lease_ages(port, at) ||
	    c->state == BOUND || c->next > at)
		return;
	switch (c->state) {
	case CHECKING:
		if (c->tries < CHECKS)
			check(port);
		else
			bound(port);
		break;
	case DECLINED:
		select_anew(port);
		break;
	case REQUESTING:
		if (c->tries >= REQUESTS_MAX)
			select_anew(port);
		else
			ask(port);
		break;
	case REBOOTING:
		if (c->tries >= REBOOTS_MAX)
			bound(port);
		else
			ask(port);
		break;
	default:
		ask(port);
		break;
	}
}

/* above.address_taken: somebody else on the link has IP. */
static void
conflict(struct port *port, const struct ip_addr *ip, bool lost)
{
	struct dhcp_client *c = port->dhcp;

	if (c == NULL || !ip_is_v4(ip) || !c->leased ||
	    ntohl(ip->addr[3]) != c->wanted)
		return;
	if (c->state != CHECKING && !(lost && c->state >= BOUND))
		return;
	c->xid = random32();
	say(port, DHCP_DECLINE, c->wanted, c->lease.server, 0, 0);
	dhcp_remove_all(port);
	c->leased = false;
	c->wanted = 0;
	c->state = DECLINED;
	c->next = now() + DECLINE_S * SECOND;
}

/* Begins to ask for the address of before, or for any. */
static void
begin(struct port *port)
{
	struct dhcp_client *c = port->dhcp;

	if (c->leased && c->end > now()) {
		enter(c, REBOOTING);
		ask(port);
	} else {
		select_anew(port);
	}
}

void
dhcp_link(struct port *port)
{
	if (port->dhcp != NULL && port->dhcp->state != IDLE)
		begin(port);
}

void
dhcp_free(struct port *port)
{
	free(port->dhcp);
	port->dhcp = NULL;
}

__attribute__((constructor)) static void
fill_above(void)
{
	above.address_taken = conflict;
}

/* ---- all replace the library's; on the stack's thread ------------------- */

/* NETIF, which is up, is to have its address by DHCP. */
EXPORT err_t
OURS(dhcp_start)(struct netif *netif)
{
	struct port *port = port_of(netif);

	if (port == NULL)
		return real()->dhcp_start(netif);
	netif->flags |= NETIF_FLAG_DHCP;
	if (port->dhcp == NULL &&
	    (port->dhcp = calloc(1, sizeof(*port->dhcp))) == NULL)
		return ERR_MEM;
	if (port->dhcp->state == IDLE)
		begin(port);
	return ERR_OK;
}

/*
 * Gives back what NETIF has by DHCP.  The library asks for it when an interface
 * goes down, too, which is to have DHCP further on: its lease is kept.
 */
EXPORT err_t
OURS(dhcp_release)(struct netif *netif)
{
	struct port *port = port_of(netif);
	struct dhcp_client *c;

	if (port == NULL)
		return real()->dhcp_release(netif);
	if ((c = port->dhcp) == NULL)
		return ERR_OK;
	if (!(netif->flags & NETIF_FLAG_DHCP) && c->leased && c->has_addr) {
		c->xid = random32();
		say(port, DHCP_RELEASE, 0, c->lease.server, c->lease.yiaddr,
		    c->lease.server);
		c->leased = false;
	}
	dhcp_remove_all(port);
	return ERR_OK;
}

EXPORT void
OURS(dhcp_stop)(struct netif *netif)
{
	struct port *port = port_of(netif);

	if (port == NULL) {
		real()->dhcp_stop(netif);
	} else if (port->dhcp != NULL) {
		dhcp_remove_all(port);
		port->dhcp->state = IDLE;
	}
}
