/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * netbsd.c - buses of NetBSD's shmif(4), as rump kernels leave them
 *
 * DOC: Their format, versions 2 and 3
 *
 * A file of 1 MiB, in the byte order of the machine that made it:
 *
 *	 0  u32  magic, 0xca11d054
 *	 4  u32  version
 *	 8  u64  generation: how often the ring was begun anew
 *	16  u32  first: where the oldest packet is
 *	20  u32  last: where the newest one is
 *	24  u32  lock: not 0 while somebody writes
 *	28  u32  nothing
 *	32       the ring, 1 MiB - 32 bytes; first and last are offsets in it
 *
 * The first ones had 32 KiB, and whoever builds his own may choose.  Therefore a
 * file whose size is a power of two, from 4 KiB to 64 MiB, is taken for all of
 * the bus; any other one was cut, or has something behind the bus.
 *
 * A packet is a header and as many bytes as that says; the next one follows at
 * once, and both go on at the ring's beginning where they meet its end.  The
 * header has u32 length, seconds, microseconds; in version 3 there follows the
 * u64 number of the sender, which is aligned where the compiler aligned it: at
 * 16 on amd64, at 12 on i386.  Nothing in the file says which.
 *
 * Before the ring is full for the first time, "first" is its size, and the
 * packets begin at 0 with one of length 0, which is nobody's.
 *
 * So the packets are a chain from first to last.  A layout of the header is the
 * right one when the chain meets "last", in no more bytes than the ring has;
 * that the wrong one does is not to be expected, as it reads lengths from the
 * middle of headers and frames.  When none does, the file is damaged: what the
 * first layout gives up to where the chain breaks is shown, and that it broke.
 *
 * A writer takes the lock, moves "first" past the packets that it is going to
 * overwrite, sets "last", writes the packet, increments the generation if the
 * packet goes on at the ring's beginning, and releases the lock.  If it was
 * killed meanwhile the newest packet is not whole: it is left out, and counted.
 *
 * DOC: A bus in use
 *
 * We cannot take the lock, as we may only read.  So the header is read before
 * the file is copied, when nobody holds the lock, and again afterwards.  All
 * packets up to "last" of the first header were whole before we copied.  Those
 * from "first" of the second header on were not overwritten while we copied.
 * What is between the two is a consistent state of the bus, and is shown.
 *
 *	first (1)     first (2)              last (1)        last (2)
 *	  |  overwritten  |   what is shown      |   newer      |
 *
 * Nothing is between them if writers went all the way round meanwhile.  How far
 * they went is told by the generation and "last".  The generation misses a lap
 * whose last packet ends just at the ring's end; but then the chain does not
 * lead from the one position to the other.  In both cases we copy again, for
 * at most PATIENCE_NS.
 *
 * If the lock is not released for SETTLE_NS its holder is taken for dead; should
 * it go on after all, the second header differs and we copy again.
 */
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/net_bytes.h"
#include "dumpbus/dump.h"

#define MAGIC 0xca11d054u
#define SIZE_USUAL (1024u * 1024)
#define SIZE_MIN 4096u
#define SIZE_MAX_OF_BUS (64u * 1024 * 1024)
#define HEADER 32u
#define FRAME_MAX 65535u
#define SENDERS 256u
#define SETTLE_NS 250000000u
#define PATIENCE_NS 5000000000u

struct bus {
	const char *name;
	uint8_t *p;    /* the whole file */
	uint32_t size; /* of it */
	uint32_t ring; /* bytes of the ring in it */
	bool swap;
	uint32_t version;
	struct head {
		uint64_t generation;
		uint32_t first, last, lock;
	} head;
	unsigned header; /* bytes of a packet's header */
	bool broken;	 /* the chain does not lead from first to last */
	uint64_t senders[SENDERS];
	unsigned n_senders;
};

/* Copies N bytes (at most the ring) at offset OFF of the ring to TO. */
static void
copy_out(const struct bus *b, void *to, uint32_t off, uint32_t n)
{
	const uint8_t *ring = b->p + HEADER;
	uint32_t part = n < b->ring - off ? n : b->ring - off;

	/* NOLINTNEXTLINE(*.NonNullParamChecker): the file was read */
	memcpy(to, ring + off, part);
	memcpy((uint8_t *)to + part, ring, n - part);
}

/* A packet of the chain. */
struct packet {
	uint32_t off; /* of its header */
	uint32_t len;
	uint64_t sec, usec, sender;
};

/* Reads the header at K->off; whether it makes sense. */
static bool
packet_read(const struct bus *b, unsigned header, struct packet *k)
{
	uint8_t h[24] = { 0 };

	copy_out(b, h, k->off, header);
	k->len = load32(h, b->swap);
	k->sec = load32(h + 4, b->swap);
	k->usec = load32(h + 8, b->swap);
	/* cppcheck-suppress pointerOutOfBoundsCond; it is 12, 20 or 24 */
	k->sender = header > 12 ? load64(h + header - 8, b->swap) : 0;
	return k->len <= FRAME_MAX && k->usec < 1000000;
}

/*
 * Goes from packet *K, whose header was read, to the next one, which it does
 * not read.  *ROOM are the bytes of the ring that the chain may still have.
 */
static bool
packet_next(const struct bus *b, unsigned header, struct packet *k,
    uint32_t *room)
{
	uint32_t n = header + k->len;

	if (n > *room)
		return false;
	*room -= n;
	k->off = (k->off + n) % b->ring;
	return true;
}

static uint32_t
chain_begin(const struct bus *b)
{
	return b->head.first == b->ring ? 0 : b->head.first;
}

/* Whether the chain meets last, with headers of so many bytes. */
static bool
chain_holds(const struct bus *b, unsigned header)
{
	struct packet k = { .off = chain_begin(b) };
	uint32_t room = b->ring;

	while (packet_read(b, header, &k)) {
		if (k.off == b->head.last)
			return header + k.len <= room;
		if (!packet_next(b, header, &k, &room))
			break;
	}
	return false;
}

/* Finds the layout of packets; whether the chain meets last. */
static bool
find_layout(struct bus *b)
{
	b->header = b->version == 2 ? 12 : 24;
	if (chain_holds(b, b->header))
		return true;
	if (b->version == 3 && chain_holds(b, 20)) {
		b->header = 20;
		return true;
	}
	return false;
}

/* Reads N bytes at OFF.  Returns 0, ENODATA at the end, or an errno value. */
static int
read_at(int fd, uint8_t *p, size_t n, off_t off)
{
	while (n > 0) {
		ssize_t did = pread(fd, p, n, off);

		if (did == -1 && errno == EINTR)
			continue;
		if (did <= 0)
			return did == 0 ? ENODATA : errno;
		p += did;
		n -= (size_t)did;
		off += did;
	}
	return 0;
}

/* Reads the header of the file.  0 or an errno value. */
static int
head_read(const struct bus *b, int fd, struct head *h)
{
	uint8_t p[HEADER];
	int err = read_at(fd, p, sizeof(p), 0);

	if (err != 0)
		return err == ENODATA ? SHMBUS_ETRUNC : err;
	memset(h, 0, sizeof(*h));
	h->generation = load64(p + 8, b->swap);
	h->first = load32(p + 16, b->swap);
	h->last = load32(p + 20, b->swap);
	h->lock = load32(p + 24, b->swap);
	return h->first > b->ring || h->last >= b->ring ? SHMBUS_EDAMAGED : 0;
}

static bool
head_same(const struct head *x, const struct head *y)
{
	return x->generation == y->generation && x->first == y->first &&
	    x->last == y->last && x->lock == y->lock;
}

/*
 * Reads the header when nobody writes: twice the same, and not locked; or, after
 * SETTLE_NS without any change, as it is.  0 or an errno value; EBUSY: not before
 * the time END.
 */
static int
head_settle(const struct bus *b, int fd, struct head *h, uint64_t end)
{
	uint64_t since = now_ns(), now = since;
	struct head again;
	int err = head_read(b, fd, h);

	while (err == 0 && (err = head_read(b, fd, &again)) == 0) {
		bool same = head_same(h, &again);

		if (same && (h->lock == 0 || now - since > SETTLE_NS))
			return 0;
		*h = again;
		now = now_ns();
		if (!same)
			since = now;
		if (now > end)
			return EBUSY;
	}
	return err;
}

/*
 * Makes B, which was copied between the headers WAS and IS, the state of the bus
 * that both agree on.  Returns whether there is one.
 */
static bool
reconcile(struct bus *b, const struct head *was, const struct head *is)
{
	uint64_t written, gone;

	b->head = *was;
	if (head_same(was, is)) {
		b->broken = !find_layout(b);
		return true;
	}
	/* How far the newest packet has gone, and the oldest one. */
	written = (is->generation - was->generation) * b->ring + is->last -
	    was->last;
	gone = is->first == b->ring ?
	    b->ring :
	    (is->first + b->ring - was->last) % b->ring;
	if (gone == 0)
		gone = b->ring;
	if (was->lock != 0 || written >= gone)
		return false;
	b->head.first = is->first;
	b->broken = !find_layout(b);
	return !b->broken;
}

/* The size of the bus in a file of SIZE bytes, or 0. */
static uint32_t
bus_size(off_t size)
{
	if (size >= (off_t)SIZE_MIN && size <= (off_t)SIZE_MAX_OF_BUS &&
	    (size & (size - 1)) == 0)
		return (uint32_t)size;
	return size > (off_t)SIZE_USUAL ? SIZE_USUAL : 0;
}

/* Whether FD is such a bus.  0, or an errno value; ENOMSG: something else. */
static int
bus_identify(struct bus *b, int fd)
{
	struct stat st;
	uint8_t p[8];
	int err;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return ENOMSG;
	err = read_at(fd, p, sizeof(p), 0);
	if (err != 0)
		return err == ENODATA ? ENOMSG : err;
	b->swap = load32(p, false) != MAGIC;
	if (load32(p, b->swap) != MAGIC)
		return ENOMSG;
	b->version = load32(p + 4, b->swap);
	b->size = bus_size(st.st_size);
	if (b->size == 0)
		return SHMBUS_ETRUNC;
	b->ring = b->size - HEADER;
	return b->version == 2 || b->version == 3 ? 0 : SHMBUS_EVERSION;
}

/*
 * Copies the bus FD as it is at one time.  0 or an errno value; EBUSY: writers
 * were always faster.
 */
static int
bus_copy(struct bus *b, int fd)
{
	const uint64_t end = now_ns() + PATIENCE_NS;
	struct head was, is, settled;
	int err;

	while ((err = head_settle(b, fd, &was, end)) == 0) {
		err = read_at(fd, b->p, b->size, 0);
		if (err == ENODATA)
			err = SHMBUS_ETRUNC;
		if (err != 0 || (err = head_read(b, fd, &is)) != 0)
			break;
		/* The generation lags behind as long as somebody writes. */
		settled = is;
		if (!head_same(&was, &is) &&
		    (err = head_settle(b, fd, &settled, end)) != 0)
			break;
		settled.first = is.first;
		if (reconcile(b, &was, &settled))
			return 0;
		if (now_ns() > end)
			return EBUSY;
	}
	return err;
}

/* Reads the file.  0, or an errno value; ENOMSG: it is something else. */
static int
bus_load(struct bus *b)
{
	int fd = open(b->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int err;

	if (fd == -1)
		return errno;
	err = bus_identify(b, fd);
	if (err == 0 && (b->p = calloc(1, b->size)) == NULL)
		err = ENOMEM;
	if (err == 0)
		err = bus_copy(b, fd);
	close(fd);
	return err;
}

/*
 * A small number for a sender: in the order in which they are first seen.
 * KNOWN (may be NULL) gets it by its large one.
 */
static uint32_t
sender_number(struct bus *b, uint64_t id, struct senders *known)
{
	struct sender who = { 0 };
	unsigned i;

	for (i = 0; i < b->n_senders; i++)
		if (b->senders[i] == id)
			return i;
	if (i == SENDERS)
		return SENDERS; /* the rest */
	b->senders[b->n_senders++] = id;
	if (known != NULL) {
		who.number = i;
		snprintf(who.name, sizeof(who.name), "%016" PRIx64, id);
		senders_put(known, &who);
	}
	return i;
}

/* Shows all frames.  0 or -1. */
static int
bus_frames(struct bus *b, const struct options *o, struct sink *s)
{
	struct packet k = { .off = chain_begin(b) };
	uint8_t *data = malloc(FRAME_MAX);
	uint32_t room = b->ring;
	struct wanted w;
	uint64_t n = 0;
	int err = 0;

	if (data == NULL) {
		tool_complain(b->name, strerror(ENOMEM), NULL);
		return -1;
	}
	wanted_begin(&w, o, s);
	while (err == 0 && !w.enough && packet_read(b, b->header, &k)) {
		bool newest = k.off == b->head.last && !b->broken;
		uint32_t at = (k.off + b->header) % b->ring;
		struct shmbus_frame f = {
			.data = data,
			.len = k.len,
			.time_ns = k.sec * 1000000000u + k.usec * 1000u,
			.position = n,
		};

		/* What goes round to the first packet is no frame. */
		if (b->header + k.len > room)
			break;
		if (newest && b->head.lock != 0) {
			tool_complain(b->name, "1 frame not whole",
			    "its writer holds the lock");
			break;
		}
		if (k.len != 0) {
			f.sender = sender_number(b, k.sender, sink_senders(s));
			copy_out(b, data, at, k.len);
			err = wanted_frame(&w, &f);
			n++;
		}
		if (newest)
			break;
		packet_next(b, b->header, &k, &room);
	}
	w.enough |= err != 0;
	if (wanted_release(&w) != 0)
		err = -1;
	if (b->broken)
		tool_complain(b->name, "damaged",
		    "its packets do not lead from the first to the last");
	free(data);
	return err != 0 ? -1 : sink_flush(s);
}

static int
bus_header(const struct bus *b)
{
	printf("format    NetBSD shmif, version %" PRIu32 ", %s-endian, "
	       "%u bytes a header\n",
	    b->version,
	    b->swap == (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__) ? "big" :
								     "little",
	    b->header);
	printf("generation %" PRIu64 "\n", b->head.generation);
	printf("first     %#" PRIx32 "\n", b->head.first);
	printf("last      %#" PRIx32 "\n", b->head.last);
	printf("lock      %" PRIu32 "\n", b->head.lock);
	return tool_flush();
}

int
netbsd_read(const struct options *o, bool *is_one)
{
	struct bus b = { .name = o->bus };
	struct sink *sink = NULL;
	char text[40];
	int err = bus_load(&b);

	*is_one = err != ENOMSG;
	if (err == SHMBUS_EVERSION) {
		snprintf(text, sizeof(text), "version %" PRIu32, b.version);
		tool_complain(o->bus, "a bus of NetBSD's shmif", text);
	} else if (err == SHMBUS_ETRUNC || err == SHMBUS_EDAMAGED) {
		tool_complain(o->bus, "a bus of NetBSD's shmif",
		    shmbus_strerror(err));
	} else if (err == EBUSY) {
		tool_complain(o->bus, "a bus of NetBSD's shmif",
		    "it is written to faster than it can be read");
	} else if (err != 0 && err != ENOMSG) {
		tool_complain(o->bus, strerror(err), NULL);
	} else if (err == 0 && (o->follow || o->attach)) {
		tool_complain(o->bus, "a bus of NetBSD's shmif",
		    "can be shown, not followed");
		err = EINVAL;
	} else if (err == 0 && o->header) {
		err = bus_header(&b);
	} else if (err == 0) {
		err = sink_open(&sink, o, FRAME_MAX);
		if (err == 0)
			err = bus_frames(&b, o, sink);
		if (sink != NULL)
			err = sink_close(sink, err == 0);
	}
	free(b.p);
	return err == 0 ? 0 : -1;
}
