/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reass.c - datagrams that come in fragments
 *
 * DOC: The faults: the library has room for five datagrams in a whole stack;
 * the sixth is refused until one of the five is complete or five seconds old,
 * so that a few lost fragments stop everything.  Of IPv4 it does not compare
 * the protocol, and believes fragments that overlap.  IPv6 fragments it reads
 * after it has freed them.
 *
 * How they are seen: with fragments lost, further datagrams that are whole do
 * not arrive; an IPv6 datagram in fragments crashes the stack.
 *
 * The cure: fragments for an address of the stack are put together here,
 * before the stack sees them (RFC 791, 3.2; RFC 8200, 4.5).  Others are left
 * to its forwarding.
 *
 * A datagram is a list of fragments in order, each the buffer that it came in.
 * A fragment that is there already is dropped; one that overlaps in any other
 * way, or that contradicts the length, makes the whole datagram one of which
 * everything is dropped (RFC 5722, RFC 8200; for IPv4 too, as other
 * stacks do): what is left of it is dropped as it comes.  An IPv6 datagram in
 * one fragment has nothing to do with others (RFC 6946).
 *
 * Memory is bounded, in datagrams and in bytes; the oldest makes room.  So a
 * fragment never meets one of many datagrams ago that had the same number, of
 * which IPv4 has but 65536 (RFC 4963).  What is not complete after AGE_IP4 or
 * AGE_IP6 seconds goes.
 *
 * What has been put together is judged by the wall like anything that comes
 * whole; in a fragment it could not be.  Neighbour discovery does not come in
 * fragments (RFC 6980).
 */
#include <stdlib.h>
#include <string.h>

#include "base/net_bytes.h"
#include "stack/lwipv6/ip/ip.h"
#include "stack/lwipv6/wall/wall.h"

#define DATAGRAMS_MAX 64u
#define BYTES_MAX (2u << 20)
#define PIECES_MAX 2048u /* of one datagram */
#define PIECE_COST 256u	 /* bytes that a fragment counts beyond its data */
#define AGE_IP4 15u
#define AGE_IP6 60u
#define ETH_HLEN 14u
#define IP4_HLEN 20u
#define IP6_HLEN 40u
#define FRAG_HLEN 8u
#define TOTAL_MAX 65535u /* of a datagram, with its IP header */
#define NEXT_ICMP6 58

struct piece {
	struct piece *next;
	struct pbuf *p;
	const uint8_t *data; /* in P */
	uint32_t at, len;
};

struct key {
	uint8_t src[16], dst[16];
	uint32_t id;
	uint16_t version, proto; /* proto: of IPv4 only */
};
static_assert(sizeof(struct key) == 40, "compared as bytes: no padding");

struct datagram {
	struct datagram *next; /* the newest first */
	struct key key;
	struct piece *first, *last;
	unsigned pieces;
	uint32_t have, total; /* bytes of data; total 0: not known */
	unsigned age;	      /* seconds */
	bool spoilt;
};

struct reass_table {
	struct datagram *list;
	unsigned datagrams;
	uint32_t bytes;
};

/* A fragment as it came. */
struct fragment {
	struct key key;
	const uint8_t *data;
	uint32_t at, len;
	bool more;
};

/* ---- datagrams ---------------------------------------------------------- */

static void
drop_pieces(struct reass_table *t, struct datagram *d)
{
	struct piece *piece;

	while ((piece = d->first) != NULL) {
		d->first = piece->next;
		t->bytes -= piece->len + PIECE_COST;
		pbuf_free(piece->p);
		free(piece);
	}
	d->last = NULL;
	d->pieces = 0;
	d->have = 0;
}

static void
drop(struct reass_table *t, struct datagram **dp)
{
	struct datagram *d = *dp;

	drop_pieces(t, d);
	*dp = d->next;
	t->datagrams--;
	free(d);
}

static void
drop_oldest(struct reass_table *t)
{
	struct datagram **dp = &t->list;

	while (*dp != NULL && (*dp)->next != NULL)
		dp = &(*dp)->next;
	if (*dp != NULL)
		drop(t, dp);
}

/* The place of the datagram of KEY, which is made where there is none. */
static struct datagram **
find(struct reass_table *t, const struct key *key)
{
	struct datagram **dp, *d;

	for (dp = &t->list; *dp != NULL; dp = &(*dp)->next)
		if (memcmp(&(*dp)->key, key, sizeof(*key)) == 0)
			return dp;
	if (t->datagrams >= DATAGRAMS_MAX)
		drop_oldest(t);
	if ((d = calloc(1, sizeof(*d))) == NULL)
		return NULL;
	d->key = *key;
	d->next = t->list;
	t->list = d;
	t->datagrams++;
	return &t->list;
}

/* Drops what D has, and has the rest of it dropped as it comes. */
static void
spoil(struct reass_table *t, struct datagram *d)
{
	drop_pieces(t, d);
	d->spoilt = true;
}

/*
 * Where F belongs in D: *AFTER is the piece before it, NULL at the beginning.
 * False: it is there already, or overlaps and has spoilt D.
 */
static bool
place(struct reass_table *t, struct datagram *d, const struct fragment *f,
    struct piece **after)
{
	struct piece *p = NULL, *next = d->first;

	if (d->last != NULL && d->last->at < f->at) {
		p = d->last;
		next = NULL;
	}
	while (next != NULL && next->at < f->at) {
		p = next;
		next = next->next;
	}
	if (next != NULL && next->at == f->at && next->len == f->len &&
	    f->more == (d->total == 0 || f->at + f->len != d->total))
		return false;
	if ((p != NULL && p->at + p->len > f->at) ||
	    (next != NULL && f->at + f->len > next->at)) {
		spoil(t, d);
		return false;
	}
	*after = p;
	return true;
}

/* Puts F, which is in the buffer P, into D.  True: P is kept. */
static bool
insert(struct reass_table *t, struct datagram *d, const struct fragment *f,
    struct pbuf *p)
{
	uint32_t end = f->at + f->len;
	struct piece *piece, *after;

	if (d->spoilt)
		return false;
	if ((d->total != 0 &&
		(end > d->total || (!f->more && end != d->total))) ||
	    (!f->more && d->last != NULL && d->last->at + d->last->len > end) ||
	    d->pieces >= PIECES_MAX) {
		spoil(t, d);
		return false;
	}
	if (!place(t, d, f, &after) || (piece = malloc(sizeof(*piece))) == NULL)
		return false;
	piece->p = p;
	piece->data = f->data;
	piece->at = f->at;
	piece->len = f->len;
	piece->next = after != NULL ? after->next : d->first;
	*(after != NULL ? &after->next : &d->first) = piece;
	if (piece->next == NULL)
		d->last = piece;
	d->pieces++;
	d->have += f->len;
	t->bytes += f->len + PIECE_COST;
	if (!f->more)
		d->total = end;
	return true;
}

/* ---- whole ones --------------------------------------------------------- */

/*
 * A buffer for a datagram with LEN bytes of data, its IP header that of FRAME,
 * mended; *FRAMEP is where its Ethernet header is, before its payload.
 */
static struct pbuf *
header(const uint8_t *frame, bool v4, uint32_t len, uint8_t **framep)
{
	uint32_t hlen = v4 ? IP4_HLEN : IP6_HLEN;
	struct pbuf *p;
	uint8_t *ip;

	p = pbuf_alloc(PBUF_LINK, (uint16_t)(hlen + len), PBUF_RAM);
	if (p == NULL)
		return NULL;
	ip = p->payload;
	*framep = ip - ETH_HLEN; /* PBUF_LINK has two more */
	memcpy(*framep, frame, ETH_HLEN + hlen);
	if (v4) {
		put16(ip + 2, hlen + len);
		put16(ip + 6, 0);
		put16(ip + 10, 0);
		put16(ip + 10, ~fold(sum16(ip, IP4_HLEN, 0)));
	} else {
		put16(ip + 4, len);
		ip[6] = frame[ETH_HLEN + IP6_HLEN];
	}
	return p;
}

/* Gives a whole datagram to the stack, if the wall lets it. */
static void
deliver(struct port *port, struct pbuf *p, uint8_t *frame)
{
	const uint8_t *ip = frame + ETH_HLEN;
	uint8_t type =
	    ip[IP6_HLEN]; /* there are eight bytes of data at least */
	struct wall_result r;

	if (wall_check(frame, ETH_HLEN + (size_t)p->len, TOTAL_MAX, &r) !=
		WALL_PASS ||
	    (ip[0] >> 4 == 6 && ip[6] == NEXT_ICMP6 && type >= 133 &&
		type <= 137)) {
		unit_count(&port->unit->n.in_refused, 1);
		pbuf_free(p);
		return;
	}
	ip_input(p, &port->netif);
}

/* D is complete. */
static void
complete(struct port *port, struct datagram **dp)
{
	const struct datagram *d = *dp;
	const struct piece *piece;
	uint8_t *frame, *data;
	struct pbuf *p;

	p = header(d->first->p->payload, d->key.version == 4, d->total, &frame);
	if (p != NULL) {
		data = (uint8_t *)p->payload + (p->len - d->total);
		for (piece = d->first; piece != NULL; piece = piece->next)
			memcpy(data + piece->at, piece->data, piece->len);
	}
	drop(port->reass, dp);
	if (p != NULL)
		deliver(port, p, frame);
}

/* ---- what comes in ------------------------------------------------------ */

/* Takes FRAME, LEN bytes, apart; the wall has passed it as a fragment. */
static void
parse(const uint8_t *frame, uint32_t len, struct fragment *f)
{
	const uint8_t *ip = frame + ETH_HLEN;
	unsigned word;

	memset(f, 0, sizeof(*f));
	f->key.version = ip[0] >> 4;
	if (f->key.version == 4) {
		word = be16(ip + 6);
		f->key.src[10] = f->key.src[11] = 0xff;
		memcpy(f->key.src + 12, ip + 12, 4);
		f->key.dst[10] = f->key.dst[11] = 0xff;
		memcpy(f->key.dst + 12, ip + 16, 4);
		f->key.id = be16(ip + 4);
		f->key.proto = ip[9];
		f->at = (word & 0x1fff) * 8;
		f->more = (word & 0x2000) != 0;
		f->data = ip + IP4_HLEN;
	} else {
		word = be16(ip + IP6_HLEN + 2);
		memcpy(f->key.src, ip + 8, 16);
		memcpy(f->key.dst, ip + 24, 16);
		f->key.id = be32(ip + IP6_HLEN + 4);
		f->at = word & 0xfff8;
		f->more = word & 1;
		f->data = ip + IP6_HLEN + FRAG_HLEN;
	}
	f->len = len - (uint32_t)(f->data - frame);
}

/* Whether F is for the stack; otherwise it may be forwarded. */
static bool
ours(struct port *port, const struct fragment *f)
{
	struct ip_addr src, dst;

	memcpy(&src, f->key.src, sizeof(src));
	memcpy(&dst, f->key.dst, sizeof(dst));
	if (f->key.dst[0] == 0xff || igmp_joined(port, &dst))
		return true;
	return ip_addr_list_deliveryfind(port->netif.addrs, &dst, &src) !=
	    NULL ||
	    deliver_at(&port->netif, &dst) != &port->netif;
}

bool
reass_input(struct port *port, struct pbuf *p)
{
	const uint8_t *frame = p->payload;
	struct reass_table *t;
	struct datagram **dp;
	struct fragment f;
	struct pbuf *whole;
	uint8_t *at;

	parse(frame, p->len, &f);
	if (!ours(port, &f))
		return false;
	if (port->reass == NULL)
		port->reass = calloc(1, sizeof(*port->reass));
	t = port->reass;
	if (f.key.version == 6 && f.at == 0 && !f.more) {
		if ((whole = header(frame, false, f.len, &at)) != NULL) {
			memcpy((uint8_t *)whole->payload + IP6_HLEN, f.data,
			    f.len);
			deliver(port, whole, at);
		}
		pbuf_free(p);
		return true;
	}
	if (t == NULL || (dp = find(t, &f.key)) == NULL ||
	    !insert(t, *dp, &f, p)) {
		pbuf_free(p);
		return true;
	}
	if ((*dp)->total != 0 && (*dp)->have == (*dp)->total)
		complete(port, dp);
	while (t->bytes > BYTES_MAX)
		drop_oldest(t);
	return true;
}

void
reass_timer(struct port *port)
{
	struct datagram **dp;

	if (port->reass == NULL)
		return;
	for (dp = &port->reass->list; *dp != NULL;)
		if (++(*dp)->age >
		    ((*dp)->key.version == 4 ? AGE_IP4 : AGE_IP6))
			drop(port->reass, dp);
		else
			dp = &(*dp)->next;
}

void
reass_free(struct reass_table *t)
{
	if (t == NULL)
		return;
	while (t->list != NULL)
		drop(t, &t->list);
	free(t);
}
