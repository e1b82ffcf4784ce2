/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dhcp/message.c - messages of DHCP, written and read
 *
 * DOC: Anybody on the bus may be a server, so nothing that an answer says is
 * believed unless it can be:
 *
 *	options		Each is held against the end of the field that it is in;
 *			the options may go on in the fields of the boot file and
 *			the server's name (RFC 2132, 9.3), each once.  An option
 *			of a length that is not its own, or a field without an
 *			end, makes the whole message void.
 *	addresses	That of the host, the server and the router have to be
 *			those of hosts: not 0/8, 127/8, 224/3; that of the host
 *			also not the first or last of its network, and that of
 *			the router in the network, and not the host's own.
 *	the netmask	From 8 to 32 bits, without a hole.  Without one it is
 *			that of the address's class.
 *	routes		Those of option 121 count in place of the router (RFC
 *			3442).  Of one that is in pieces (RFC 3396) they are put
 *			together.  One that does not fit its bytes makes the message
 *			void; one by a router outside of the network, or for what
 *			is no host's address, is left out; so are those beyond
 *			DHCP_ROUTES.
 *	MTU, names	Less than MTU_LEAST is not said; servers of names have to
 *			be hosts, and the first DHCP_DNS of them are kept.
 *	times		A lease has at least one second.  T1 and T2 that are not
 *			in order, or not before the lease's end, are half and
 *			seven eighths of it (RFC 2131, 4.4.5).
 */
#include <string.h>

#include "base/net_bytes.h"
#include "stack/lwipv6/ip/dhcp/message.h"

#define COOKIE 0x63825363u
#define OPTIONS_AT 240u
#define FILE_AT 108u
#define FILE_LEN 128u
#define NAME_AT 44u
#define NAME_LEN 64u
#define REPLY 2
#define MTU_LEAST 576u
#define ROUTES_BYTES 512u
#define FLAG_BROADCAST 0x8000u

enum {
	OPT_PAD = 0,
	OPT_MASK = 1,
	OPT_ROUTER = 3,
	OPT_DNS = 6,
	OPT_MTU = 26,
	OPT_REQUESTED = 50,
	OPT_LEASE = 51,
	OPT_OVERLOAD = 52,
	OPT_TYPE = 53,
	OPT_SERVER = 54,
	OPT_WANTED = 55,
	OPT_T1 = 58,
	OPT_T2 = 59,
	OPT_CLIENT = 61,
	OPT_ROUTES = 121,
	OPT_END = 255
};

/* ---- writing ------------------------------------------------------------ */

static uint8_t *
put_option(uint8_t *o, unsigned kind, const void *value, unsigned n)
{
	*o++ = (uint8_t)kind;
	*o++ = (uint8_t)n;
	memcpy(o, value, n);
	return o + n;
}

static uint8_t *
put_address(uint8_t *o, unsigned kind, uint32_t ip)
{
	uint8_t b[4];

	if (ip == 0)
		return o;
	put32(b, ip);
	return put_option(o, kind, b, sizeof(b));
}

void
dhcp_write(uint8_t *to, const struct dhcp_say *say)
{
	/* RFC 3442: the routes before the router. */
	static const uint8_t wanted[] = { OPT_MASK, OPT_ROUTES, OPT_ROUTER,
		OPT_DNS, OPT_MTU, OPT_LEASE, OPT_SERVER, OPT_T1, OPT_T2 };
	uint8_t client[7] = { 1 }, *o = to + OPTIONS_AT;

	memset(to, 0, DHCP_SIZE);
	to[0] = to[1] = 1; /* a request; Ethernet */
	to[2] = 6;
	put32(to + 4, say->xid);
	put16(to + 8, say->secs);
	put16(to + 10, say->broadcast ? FLAG_BROADCAST : 0);
	put32(to + 12, say->ciaddr);
	memcpy(to + 28, say->mac, 6);
	put32(to + 236, COOKIE);
	o = put_option(o, OPT_TYPE, &say->type, 1);
	memcpy(client + 1, say->mac, 6);
	o = put_option(o, OPT_CLIENT, client, sizeof(client));
	o = put_address(o, OPT_REQUESTED, say->requested);
	o = put_address(o, OPT_SERVER, say->server);
	if (say->type == DHCP_DISCOVER || say->type == DHCP_REQUEST)
		o = put_option(o, OPT_WANTED, wanted, sizeof(wanted));
	*o = OPT_END;
}

/* ---- reading ------------------------------------------------------------ */

struct reading {
	struct dhcp_answer *a;
	unsigned overload;
	bool bad;
	uint8_t routes[ROUTES_BYTES]; /* option 121, all pieces of it */
	unsigned routes_n;
	bool has_routes;
};

static bool is_host(uint32_t ip);

/* Takes the servers of names in the N bytes at V. */
static void
take_dns(struct dhcp_answer *a, const uint8_t *v, unsigned n)
{
	unsigned i;

	for (i = 0; i < n && a->dns_n < DHCP_DNS; i += 4)
		if (is_host(be32(v + i)))
			a->dns[a->dns_n++] = be32(v + i);
}

/* A piece of option 121. */
static void
take_routes(struct reading *r, const uint8_t *v, unsigned n)
{
	r->has_routes = true;
	if (n > ROUTES_BYTES - r->routes_n) {
		r->bad = true;
		return;
	}
	memcpy(r->routes + r->routes_n, v, n);
	r->routes_n += n;
}

static void
take(struct reading *r, unsigned kind, const uint8_t *v, unsigned n)
{
	struct dhcp_answer *a = r->a;
	uint32_t *to;

	switch (kind) {
	case OPT_TYPE:
	case OPT_OVERLOAD:
		if (n != 1)
			r->bad = true;
		else if (kind == OPT_TYPE)
			a->type = v[0];
		else
			r->overload = v[0];
		break;
	case OPT_ROUTER:
		if (n < 4 || n % 4 != 0)
			r->bad = true;
		else if (a->router == 0)
			a->router = be32(v); /* the one to be preferred */
		break;
	case OPT_DNS:
		if (n < 4 || n % 4 != 0)
			r->bad = true;
		else
			take_dns(a, v, n);
		break;
	case OPT_MTU:
		if (n != 2)
			r->bad = true;
		else if (be16(v) >= MTU_LEAST)
			a->mtu = (uint16_t)be16(v);
		break;
	case OPT_ROUTES:
		take_routes(r, v, n);
		break;
	case OPT_MASK:
	case OPT_LEASE:
	case OPT_SERVER:
	case OPT_T1:
	case OPT_T2:
		to = kind == OPT_MASK  ? &a->mask :
		    kind == OPT_LEASE  ? &a->lease :
		    kind == OPT_SERVER ? &a->server :
		    kind == OPT_T1     ? &a->t1 :
					 &a->t2;
		if (n != 4)
			r->bad = true;
		else if (*to == 0) /* the first counts, if it is there twice */
			*to = be32(v);
		break;
	default:
		break;
	}
}

/* The options in the N bytes at O. */
static void
read_field(struct reading *r, const uint8_t *o, size_t n)
{
	size_t i = 0;

	while (i < n && o[i] != OPT_END && !r->bad) {
		if (o[i] == OPT_PAD) {
			i++;
			continue;
		}
		if (n - i < 2 || o[i + 1] > n - i - 2) {
			r->bad = true;
			return;
		}
		take(r, o[i], o + i + 2, o[i + 1]);
		i += 2u + o[i + 1];
	}
	if (i >= n)
		r->bad = true; /* it has no end */
}

static bool
is_host(uint32_t ip)
{
	uint32_t top = ip >> 24;

	return top != 0 && top != 127 && top < 224;
}

/* Whether the lease that A gives can be one; fills in what is not said. */
static bool
is_lease(struct dhcp_answer *a)
{
	uint32_t host;

	if (!is_host(a->yiaddr) || !is_host(a->server) || a->lease == 0)
		return false;
	if (a->mask == 0)
		a->mask = a->yiaddr >> 31 == 0 ? 0xff000000 :
		    a->yiaddr >> 30 == 2       ? 0xffff0000 :
						 0xffffff00;
	host = ~a->mask;
	if ((host & (host + 1)) != 0 || host > 0xffffff)
		return false;
	if (host > 1 && ((a->yiaddr & host) == 0 || (a->yiaddr & host) == host))
		return false;
	if (a->router != 0 &&
	    (!is_host(a->router) || a->router == a->yiaddr ||
		((a->router ^ a->yiaddr) & a->mask) != 0 ||
		(host > 1 &&
		    ((a->router & host) == 0 || (a->router & host) == host))))
		return false;
	if (a->lease == DHCP_FOREVER)
		return true;
	if (a->t2 == 0 || a->t2 >= a->lease)
		a->t2 = (uint32_t)((uint64_t)a->lease * 7 / 8);
	if (a->t1 == 0 || a->t1 >= a->t2)
		a->t1 = a->lease / 2 < a->t2 ? a->lease / 2 : a->t2;
	return true;
}

/* What option 121 says, when the network is known.  False: it is malformed. */
static bool
read_routes(struct reading *r)
{
	struct dhcp_answer *a = r->a;
	unsigned i = 0;

	a->router = 0;
	while (i < r->routes_n) {
		unsigned len = r->routes[i++], n = (len + 7) / 8;
		uint8_t net[4] = { 0 };
		struct dhcp_route way;

		if (len > 32 || r->routes_n - i < n + 4)
			return false;
		memcpy(net, r->routes + i, n);
		way.mask = len == 0 ? 0 : UINT32_MAX << (32 - len);
		way.net = be32(net) & way.mask;
		way.hop = be32(r->routes + i + n);
		i += n + 4;
		if ((len != 0 && !is_host(way.net)) ||
		    (way.hop == 0 && len == 0) ||
		    (way.hop != 0 &&
			(!is_host(way.hop) || way.hop == a->yiaddr ||
			    ((way.hop ^ a->yiaddr) & a->mask) != 0)) ||
		    a->routes == DHCP_ROUTES)
			continue;
		a->route[a->routes++] = way;
	}
	return true;
}

bool
dhcp_read(const uint8_t *p, size_t n, uint32_t xid, const uint8_t mac[6],
    struct dhcp_answer *a)
{
	struct reading r = { .a = a };

	memset(a, 0, sizeof(*a));
	if (n < OPTIONS_AT || p[0] != REPLY || p[1] != 1 || p[2] != 6 ||
	    be32(p + 4) != xid || memcmp(p + 28, mac, 6) != 0 ||
	    be32(p + 236) != COOKIE)
		return false;
	a->yiaddr = be32(p + 16);
	read_field(&r, p + OPTIONS_AT, n - OPTIONS_AT);
	if (r.overload & 1)
		read_field(&r, p + FILE_AT, FILE_LEN);
	if (r.overload & 2)
		read_field(&r, p + NAME_AT, NAME_LEN);
	if (r.bad)
		return false;
	if (a->type == DHCP_NAK)
		return true;
	if ((a->type != DHCP_OFFER && a->type != DHCP_ACK) || !is_lease(a))
		return false;
	return !r.has_routes || read_routes(&r);
}
