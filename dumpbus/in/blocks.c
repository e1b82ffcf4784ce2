/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * blocks.c - reads a pcapng file, block by block
 *
 * DOC: Why not by libpcap
 *
 * libpcap shows a savefile as one capture: all interfaces must have the same
 * link type and snapshot length, and all sections the same byte order.  Files
 * that mergecap makes are not so.  Here each packet has the interface that its
 * block names, and each section its own interfaces and byte order.
 *
 * DOC: Blocks
 *
 * A file is a sequence of blocks: type, length, body, length again.  A section
 * header begins a section: it tells the byte order, also of its own length, and
 * ends the list of interfaces.  An interface description adds one to the list.
 * A packet is an enhanced packet block, a simple one, or one of the old kind.
 * All other blocks are passed over.  Behind the fixed part of a block, and the
 * bytes of a packet, there may be options; those that are needed are if_tsresol,
 * if_tsoffset, if_fcslen and the flags of a packet.
 *
 * DOC: Nothing in the file is trusted
 *
 * A block's body is read piece by piece, each piece within what is left of the
 * block, and what nobody wants is read into a small buffer and forgotten.  So a
 * length of 4 GiB costs no memory, and each turn of a loop takes bytes of the
 * file.  A packet that no bus could carry is not kept; the number of interfaces
 * is bounded.  A block that contradicts itself ends the reading with a message:
 * where the next one begins cannot be known.
 *
 * Some programs do not count the padding in a block's length.  It is read as if
 * they did, as Wireshark does.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "dumpbus/in/in.h"

enum {
	BLOCK_INTERFACE = 1,
	BLOCK_OLD_PACKET = 2,
	BLOCK_SIMPLE = 3,
	BLOCK_ENHANCED = 6,
	BLOCK_SECTION = 0x0a0d0d0a,
};
enum {
	OPT_END = 0,
	OPT_FLAGS = 2, /* of a packet of either kind */
	IF_TSRESOL = 9,
	IF_FCSLEN = 13,
	IF_TSOFFSET = 14,
};
#define ORDER_MAGIC 0x1a2b3c4du
#define LINKTYPE_ETHERNET 1u
#define INTERFACES_MAX 65536u
#define SECOND_NS 1000000000u
/* Longer than the longest frame of any bus and its FCS. */
#define PACKET_MAX (SHMBUS_MTU_MAX + SHMBUS_HEADROOM + 64)

struct interface {
	uint16_t link;
	uint8_t resolution; /* if_tsresol */
	uint8_t fcs;	    /* bytes of the FCS behind each packet */
	uint32_t snaplen;   /* 0: no limit */
	int64_t offset_s;   /* if_tsoffset */
};

struct blocks {
	FILE *f;
	bool begun;	  /* there was a section header */
	bool swapped;	  /* this section has the other byte order */
	uint64_t left;	  /* of the block's body */
	uint64_t last_ns; /* the time of the packet before */
	struct interface *interfaces;
	uint32_t n, room;
	char why[120];
	uint8_t data[PACKET_MAX];
};

/* The reading of a piece has one of these results. */
enum { BROKEN = -1, ENDED = 0, DONE = 1 };

struct blocks *
blocks_open(FILE *f)
{
	struct blocks *b = calloc(1, sizeof(*b));

	if (b != NULL)
		b->f = f;
	return b;
}

void
blocks_close(struct blocks *b)
{
	free(b->interfaces);
	free(b);
}

const char *
blocks_why(const struct blocks *b)
{
	return b->why;
}

static int __attribute__((format(printf, 2, 3)))
broken(struct blocks *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(b->why, sizeof(b->why), fmt, ap);
	va_end(ap);
	return BROKEN;
}

/* ---- pieces ------------------------------------------------------------- */

/*
 * Reads N bytes of the file to TO.  ENDED: the file ends where a block may
 * begin (FIRST), or a signal to stop came.
 */
static int
take(struct blocks *b, void *to, size_t n, bool first)
{
	size_t did = 0;

	for (;;) {
		did += fread((char *)to + did, 1, n - did, b->f);
		if (did == n)
			return DONE;
		if (stopped)
			return ENDED;
		if (!ferror(b->f))
			break;
		if (errno != EINTR)
			return broken(b, "%s", strerror(errno));
		clearerr(b->f);
	}
	return first && did == 0 ? ENDED :
				   broken(b, "the file ends within a block");
}

/* Reads N bytes of the block to TO. */
static int
body(struct blocks *b, void *to, size_t n)
{
	if (n > b->left)
		return broken(b, "a block is shorter than what it is for");
	b->left -= n;
	return take(b, to, n, false);
}

/* Passes N bytes of the block over. */
static int
pass(struct blocks *b, uint64_t n)
{
	uint8_t nowhere[4096];
	int did = DONE;

	if (n > b->left)
		return broken(b, "a block is shorter than what it is for");
	while (n > 0 && did == DONE) {
		size_t some = n < sizeof(nowhere) ? (size_t)n : sizeof(nowhere);

		did = body(b, nowhere, some);
		n -= some;
	}
	return did;
}

static uint16_t
u16(const struct blocks *b, uint16_t v)
{
	return b->swapped ? __builtin_bswap16(v) : v;
}

static uint32_t
u32(const struct blocks *b, uint32_t v)
{
	return b->swapped ? __builtin_bswap32(v) : v;
}

static uint32_t
padding(uint32_t n)
{
	return -n & 3;
}

/*
 * Hands the options of the block to EACH: its code, its length, and the first 8
 * bytes of its value.  What EACH does not return DONE for ends it.  An option
 * that is longer than the block ends the list; if they are NEEDED it is an error.
 */
static int
options(struct blocks *b, bool needed,
    int (*each)(struct blocks *b, void *arg, unsigned code, unsigned len,
	const uint8_t value[8]),
    void *arg)
{
	while (b->left >= 4) {
		uint8_t value[8] = { 0 };
		uint16_t head[2] = { 0 };
		uint32_t len, some;
		int did;

		if ((did = body(b, head, sizeof(head))) != DONE)
			return did;
		len = u16(b, head[1]);
		if (u16(b, head[0]) == OPT_END)
			break;
		some = len < sizeof(value) ? len : sizeof(value);
		if (len + padding(len) > b->left && !needed)
			break;
		if (len + padding(len) > b->left)
			return broken(b, "an option is longer than its block");
		if ((did = body(b, value, some)) != DONE ||
		    (did = pass(b, len - some + padding(len))) != DONE ||
		    (did = each(b, arg, u16(b, head[0]), len, value)) != DONE)
			return did;
	}
	return DONE;
}

/* ---- interfaces --------------------------------------------------------- */

static int
interface_option(struct blocks *b, void *arg, unsigned code, unsigned len,
    const uint8_t value[8])
{
	struct interface *i = arg;
	unsigned needed = code == IF_TSOFFSET ? 8 : 1;
	uint64_t v;

	if ((code != IF_TSRESOL && code != IF_FCSLEN && code != IF_TSOFFSET) ||
	    (code == IF_FCSLEN && len != needed))
		return DONE;
	if (len != needed)
		return broken(b,
		    "option %u of an interface has %u bytes instead of %u",
		    code, len, needed);
	if (code == IF_TSRESOL)
		i->resolution = value[0];
	else if (code == IF_FCSLEN) {
		/* Bits by the format's description, bytes by its example. */
		i->fcs = value[0] >= 16 ? value[0] / 8 : value[0];
	} else {
		memcpy(&v, value, sizeof(v));
		i->offset_s = (int64_t)(b->swapped ? __builtin_bswap64(v) : v);
	}
	return DONE;
}

static int
interface(struct blocks *b)
{
	struct interface i = { .resolution = 6 };
	uint16_t link[2] = { 0 };
	uint32_t snaplen = 0;
	int did;

	if ((did = body(b, link, sizeof(link))) != DONE ||
	    (did = body(b, &snaplen, sizeof(snaplen))) != DONE)
		return did;
	i.link = u16(b, link[0]);
	i.snaplen = u32(b, snaplen);
	if ((did = options(b, true, interface_option, &i)) != DONE)
		return did;
	if (b->n == INTERFACES_MAX)
		return broken(b, "more than %u interfaces", INTERFACES_MAX);
	if (b->n == b->room) {
		uint32_t room = b->room == 0 ? 8 : 2 * b->room;
		struct interface *more = reallocarray(b->interfaces, room,
		    sizeof(*more));

		if (more == NULL)
			return broken(b, "%s", strerror(ENOMEM));
		b->interfaces = more;
		b->room = room;
	}
	b->interfaces[b->n++] = i;
	return DONE;
}

/* V as a time; one that does not fit is the nearest that does. */
static uint64_t
bounded(__int128 v)
{
	return v < 0 ? 0 : v > UINT64_MAX ? UINT64_MAX : (uint64_t)v;
}

/* The time T of a packet of I, in nanoseconds since 1970. */
static uint64_t
time_ns(const struct interface *i, uint64_t t)
{
	unsigned power = i->resolution & 0x7f;
	__int128 ns = t;

	if (i->resolution & 0x80)
		ns = power < 127 ? ns * SECOND_NS >> power : 0;
	for (; power < 9 && !(i->resolution & 0x80); power++)
		ns *= 10;
	for (; power > 9 && !(i->resolution & 0x80) && ns != 0; power--)
		ns /= 10;
	return bounded(ns + (__int128)i->offset_s * SECOND_NS);
}

/* ---- packets ------------------------------------------------------------ */

static int
packet_option(struct blocks *b, void *arg, unsigned code, unsigned len,
    const uint8_t value[8])
{
	unsigned *fcs = arg, said;
	uint32_t flags;

	if (code != OPT_FLAGS || len != sizeof(flags))
		return DONE;
	memcpy(&flags, value, sizeof(flags));
	said = u32(b, flags) >> 5 & 15;
	if (said != 0) /* 0: the interface knows */
		*fcs = said;
	return DONE;
}

/*
 * Reads the bytes of a packet of interface NUMBER, of which P has the lengths
 * and T the time.  *FOREIGN tells that it is no Ethernet frame.
 */
static int
packet(struct blocks *b, struct packet *p, uint32_t number, const uint64_t *t,
    bool *foreign)
{
	const struct interface *i;
	unsigned fcs;
	int did;

	if (number >= b->n)
		return broken(b,
		    "a packet of interface %" PRIu32 ", which is not described",
		    number);
	i = &b->interfaces[number];
	fcs = i->fcs;
	if (p->caplen > b->left)
		return broken(b, "a packet is longer than its block");
	p->data = b->data;
	*foreign = i->link != LINKTYPE_ETHERNET;
	if (*foreign || p->caplen > sizeof(b->data))
		did = pass(b, p->caplen);
	else
		did = body(b, b->data, p->caplen);
	if (did == DONE && padding(p->caplen) <= b->left)
		did = pass(b, padding(p->caplen));
	/* A simple packet has no options. */
	if (did == DONE && t != NULL)
		did = options(b, false, packet_option, &fcs);
	p->time_ns = b->last_ns = t != NULL ? time_ns(i, *t) : b->last_ns;
	packet_cut(p, fcs);
	return did;
}

void
packet_cut(struct packet *p, unsigned fcs)
{
	if (fcs == 0 || p->len < fcs || p->caplen > p->len)
		return;
	p->len -= fcs;
	if (p->caplen > p->len)
		p->caplen = p->len;
}

/* A packet with a head of its own: an enhanced one, or one of the OLD kind. */
static int
headed(struct blocks *b, struct packet *p, bool old, bool *foreign)
{
	uint16_t number[2] = { 0 };
	uint32_t head[5] = { 0 };
	uint64_t t;
	int did = body(b, head, sizeof(head));

	if (did != DONE)
		return did;
	t = (uint64_t)u32(b, head[1]) << 32 | u32(b, head[2]);
	p->caplen = u32(b, head[3]);
	p->len = u32(b, head[4]);
	/* Behind the old kind's number is a count of lost packets. */
	memcpy(number, head, sizeof(number));
	return packet(b, p, old ? u16(b, number[0]) : u32(b, head[0]), &t,
	    foreign);
}

/* What there is of a simple packet follows from the snapshot length. */
static int
simple(struct blocks *b, struct packet *p, bool *foreign)
{
	uint32_t len = 0, snaplen = b->n == 0 ? 0 : b->interfaces[0].snaplen;
	int did = body(b, &len, sizeof(len));

	if (did != DONE)
		return did;
	p->len = u32(b, len);
	p->caplen = snaplen != 0 && snaplen < p->len ? snaplen : p->len;
	return packet(b, p, 0, NULL, foreign);
}

/* ---- blocks ------------------------------------------------------------- */

/* Begins a section whose length LENGTH is in its own byte order. */
static int
section(struct blocks *b, uint32_t *length)
{
	uint16_t version[2] = { 0 };
	uint32_t magic = 0;
	int did = take(b, &magic, sizeof(magic), false);

	if (did != DONE)
		return did;
	if (magic != ORDER_MAGIC && __builtin_bswap32(magic) != ORDER_MAGIC)
		return broken(b, "not a capture: a pcapng has a byte order");
	b->swapped = magic != ORDER_MAGIC;
	b->begun = true;
	b->n = 0;
	*length = u32(b, *length);
	if (*length < 28)
		return broken(b, "a section header of %" PRIu32 " bytes",
		    *length);
	b->left = (uint64_t)*length + padding(*length) - 16;
	if ((did = body(b, version, sizeof(version))) != DONE)
		return did;
	if (u16(b, version[0]) != 1)
		return broken(b, "a pcapng of version %u.%u, which is unknown",
		    u16(b, version[0]), u16(b, version[1]));
	return DONE;
}

/* Reads one block.  *IS_PACKET tells that it was a packet. */
static int
block(struct blocks *b, struct packet *p, bool *is_packet, bool *foreign)
{
	uint32_t head[2] = { 0 }, length, again = 0, type;
	int did = take(b, head, sizeof(head), true);

	if (did != DONE)
		return did;
	type = u32(b, head[0]);
	length = head[1];
	*is_packet = *foreign = false;
	if (head[0] == BLOCK_SECTION) {
		if ((did = section(b, &length)) != DONE)
			return did;
	} else if (!b->begun) {
		return broken(b, "not a capture: no pcap and no pcapng");
	} else {
		length = u32(b, length);
		if (length < 12)
			return broken(b, "a block of %" PRIu32 " bytes",
			    length);
		b->left = (uint64_t)length + padding(length) - 12;
		if (type == BLOCK_INTERFACE)
			did = interface(b);
		*is_packet = type == BLOCK_SIMPLE || type == BLOCK_ENHANCED ||
		    type == BLOCK_OLD_PACKET;
		if (*is_packet)
			did = type == BLOCK_SIMPLE ?
			    simple(b, p, foreign) :
			    headed(b, p, type == BLOCK_OLD_PACKET, foreign);
	}
	if (did != DONE || (did = pass(b, b->left)) != DONE ||
	    (did = take(b, &again, sizeof(again), false)) != DONE)
		return did;
	if (u32(b, again) != length)
		return broken(b,
		    "a block of %" PRIu32 " bytes that ends as one of %" PRIu32,
		    length, u32(b, again));
	return DONE;
}

int
blocks_next(struct blocks *b, struct packet *p, uint64_t *foreign)
{
	bool is_packet = false, other = false;
	int did;

	while ((did = block(b, p, &is_packet, &other)) == DONE) {
		if (is_packet && !other)
			return DONE;
		*foreign += other;
	}
	return did;
}
