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
 * stacks do): what is left of it is dropped as it comes.
 *
 * Memory is bounded, in datagrams and in bytes; the oldest makes room.  So a
 * fragment never meets one of many datagrams ago that had the same number, of
 * which IPv4 has but 65536 (RFC 4963).  What is not complete after AGE_IP4 or
 * AGE_IP6 seconds goes, and its sender is told.
 *
 * What has been put together is judged by the wall like anything that comes
 * whole; in a fragment it could not be.  Headers of IPv6 before the fragment
 * header are those of each fragment, and gone when they come here (ip/ext.c).
 * Options of IPv4 are those of the first.
 */
#include <stdlib.h>
#include <string.h>

#include "base/net_bytes.h"
#include "stack/lwipv6/ip/ip.h"

#define DATAGRAMS_MAX 64u
#define BYTES_MAX (2u << 20)
#define PIECES_MAX 2048u /* of one datagram */
#define PIECE_COST 256u	 /* bytes that a fragment counts beyond its data */
#define AGE_IP4 30u
#define AGE_IP6 60u
#define ETH_HLEN 14u
#define IP6_HLEN 40u
#define FRAG_HLEN 8u
#define TOTAL_MAX 65535u /* of a datagram, with its IP header */

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
 * A buffer for the datagram D, its header that of the first fragment, mended;
 * *DATA is where the data goes.
 */
static struct pbuf *
header(const struct datagram *d, uint8_t **data)
{
	const uint8_t *first = d->first->p->payload;
	bool v4 = d->key.version == 4;
	uint32_t hlen = v4 ? (first[0] & 15u) * 4 : IP6_HLEN;
	struct pbuf *p;
	uint8_t *ip;

	if (hlen + d->total > TOTAL_MAX)
		return NULL;
	if ((p = arrive_buffer(first - ETH_HLEN, hlen + d->total, &ip)) == NULL)
		return NULL;
	memcpy(ip, first, hlen);
	if (v4) {
		put16(ip + 2, hlen + d->total);
		put16(ip + 6, 0);
		put16(ip + 10, 0);
		put16(ip + 10, ~fold(sum16(ip, hlen, 0)));
	} else {
		put16(ip + 4, d->total);
		ip[6] = d->first->data[-(int)FRAG_HLEN];
	}
	*data = ip + hlen;
	return p;
}

/* D is complete. */
static void
complete(struct port *port, struct datagram **dp)
{
	const struct datagram *d = *dp;
	const struct piece *piece;
	struct pbuf *p;
	uint8_t *data;

	p = header(d, &data);
	for (piece = d->first; p != NULL && piece != NULL; piece = piece->next)
		memcpy(data + piece->at, piece->data, piece->len);
	drop(port->reass, dp);
	if (p != NULL)
		arrive_again(port, p, true);
}

/* ---- what comes in ------------------------------------------------------ */

/* Takes the LEN bytes at IP apart; AT as of reass_input(). */
static void
parse(const uint8_t *ip, uint32_t len, uint32_t at, struct fragment *f)
{
	unsigned word;

	memset(f, 0, sizeof(*f));
	f->key.version = ip[0] >> 4;
	if (f->key.version == 4) {
		word = be16(ip + 6);
		memcpy(f->key.src, ip + 12, 4);
		memcpy(f->key.dst, ip + 16, 4);
		f->key.id = be16(ip + 4);
		f->key.proto = ip[9];
		f->at = (word & 0x1fff) * 8;
		f->more = (word & 0x2000) != 0;
	} else {
		word = be16(ip + at + 2);
		memcpy(f->key.src, ip + 8, 16);
		memcpy(f->key.dst, ip + 24, 16);
		f->key.id = be32(ip + at + 4);
		f->at = word & 0xfff8;
		f->more = word & 1;
		at += FRAG_HLEN;
	}
	f->data = ip + at;
	f->len = len - at;
}

void
reass_input(struct port *port, struct pbuf *p, uint32_t at)
{
	struct reass_table *t;
	struct datagram **dp;
	struct fragment f;

	parse(p->payload, p->len, at, &f);
	if (port->reass == NULL)
		port->reass = calloc(1, sizeof(*port->reass));
	t = port->reass;
	if (t == NULL || (dp = find(t, &f.key)) == NULL) {
		pbuf_free(p);
		return;
	}
	if (!insert(t, *dp, &f, p)) {
		if ((*dp)->spoilt)
			unit_refused(port->unit, WALL_OVERLAP);
		pbuf_free(p);
		return;
	}
	if ((*dp)->total != 0 && (*dp)->have == (*dp)->total)
		complete(port, dp);
	while (t->bytes > BYTES_MAX)
		drop_oldest(t);
}

/*
 * The time of D is over: its sender is told, if the first fragment has come (RFC
 * 1122, 3.3.2; RFC 8200, 4.5).
 */
static void
expired(struct port *port, const struct datagram *d)
{
	const uint8_t *ip;

	if (d->first == NULL || d->first->at != 0)
		return;
	ip = d->first->p->payload;
	if (d->key.version == 6 || !(ip[-(int)ETH_HLEN] & 1))
		icmp_time_exceeded(port->netif.stack, d->first->p, 1);
}

void
reass_timer(struct port *port)
{
	struct datagram **dp;

	if (port->reass == NULL)
		return;
	for (dp = &port->reass->list; *dp != NULL;)
		if (++(*dp)->age >
		    ((*dp)->key.version == 4 ? AGE_IP4 : AGE_IP6)) {
			expired(port, *dp);
			drop(port->reass, dp);
		} else {
			dp = &(*dp)->next;
		}
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
