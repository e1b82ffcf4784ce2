/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * swapped.c - buses that were made on a machine of the other byte order
 *
 * DOC: The file is read, not used as a bus
 *
 * No process of this machine can attach to such a bus, because its words cannot
 * be changed atomically.  But the file can be read like that of a bus which
 * nobody uses any more; format.h says what is in it.  The geometry is checked by
 * the same rules as elsewhere: everything follows from the MTU and the number of
 * slots.
 *
 * Positions are read from the oldest to the tail.  If a slot's word does not say
 * that it holds the frames of this position, there are none: its writer was
 * stopped or killed, or the slot has not been written in this lap.  A slot that
 * claims to hold frames but contradicts itself is counted as bad.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/net_bytes.h"
#include "dumpbus/dump.h"
#include "shmbus/format.h"

#define LAP_MASK (((uint64_t)1 << 48) - 1)

struct swapped {
	const char *name;
	int fd;
	uint32_t mtu, frame_max, slots, stride;
	uint64_t tail, created_ns, id, size;
	uint64_t bad;  /* slots */
	uint64_t torn; /* slots that their writers did not finish */
	uint8_t table[FORMAT_ATTACHMENTS * FORMAT_ATTACHMENT_SIZE];
	uint8_t slot[]; /* of stride bytes */
};

/* What a bus of the other byte order has at P. */
static uint32_t
get32(const void *p)
{
	return load32(p, true);
}

static uint64_t
get64(const void *p)
{
	return load64(p, true);
}

/* Reads N bytes at AT.  0, or an errno value. */
static int
get_at(int fd, void *p, size_t n, uint64_t at)
{
	size_t got = 0;

	while (got < n) {
		ssize_t r = pread(fd, (uint8_t *)p + got, n - got,
		    (off_t)(at + got));

		if (r == -1 && errno == EINTR)
			continue;
		if (r <= 0)
			return r == 0 ? SHMBUS_ETRUNC : errno;
		got += (size_t)r;
	}
	return 0;
}

/* Checks the header H of a file of SIZE bytes.  0 or an error. */
static int
check_header(const uint8_t *h, uint64_t size)
{
	uint32_t mtu = get32(h + offsetof(struct format_header, mtu));
	uint32_t slots = get32(h + offsetof(struct format_header, slots));
	uint32_t stride =
	    (uint32_t)(sizeof(struct format_slot) + mtu + 18 + 63) / 64 | 1;
	const struct {
		size_t at;
		uint32_t is;
	} fixed[] = {
		{ offsetof(struct format_header, header_size), FORMAT_HEADER },
		{ offsetof(struct format_header, frame_max), mtu + 18 },
		{ offsetof(struct format_header, slot_stride), stride * 64 },
		{ offsetof(struct format_header, attachments),
		    FORMAT_ATTACHMENTS },
		{ offsetof(struct format_header, attachment_size),
		    FORMAT_ATTACHMENT_SIZE },
	};

	if (get32(h + offsetof(struct format_header, version)) !=
	    FORMAT_VERSION)
		return SHMBUS_EVERSION;
	if (mtu < SHMBUS_MTU_MIN || mtu > SHMBUS_MTU_MAX ||
	    slots < SHMBUS_SLOTS_MIN || slots > SHMBUS_SLOTS_MAX ||
	    (slots & (slots - 1)) != 0)
		return SHMBUS_EDAMAGED;
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		if (get32(h + fixed[i].at) != fixed[i].is)
			return SHMBUS_EDAMAGED;
	uint64_t whole = FORMAT_SLOTS + (uint64_t)slots * stride * 64;
	if (get64(h + offsetof(struct format_header, attachments_offset)) !=
		FORMAT_HEADER ||
	    get64(h + offsetof(struct format_header, slots_offset)) !=
		FORMAT_SLOTS ||
	    get64(h + offsetof(struct format_header, file_size)) != whole)
		return SHMBUS_EDAMAGED;
	return size < whole ? SHMBUS_ETRUNC : 0;
}

/* Opens the file NAME.  0 with *RESULT, or an errno value. */
static int
swapped_open(const char *name, struct swapped **result)
{
	uint8_t h[sizeof(struct format_header)];
	struct swapped *s = NULL;
	struct stat st = { 0 };
	int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int err = fd == -1 || fstat(fd, &st) != 0 ? errno : 0;

	if (err == 0)
		err = get_at(fd, h, sizeof(h), 0);
	if (err == 0)
		err = check_header(h, (uint64_t)st.st_size);
	if (err == 0) {
		uint32_t stride = get32(
		    h + offsetof(struct format_header, slot_stride));

		s = calloc(1, sizeof(*s) + stride);
		err = s == NULL ? ENOMEM : 0;
	}
	if (err == 0)
		err = get_at(fd, s->table, sizeof(s->table), FORMAT_HEADER);
	if (err != 0) {
		free(s);
		if (fd != -1)
			close(fd);
		return err;
	}
	s->name = name;
	s->fd = fd;
	s->mtu = get32(h + offsetof(struct format_header, mtu));
	s->frame_max = s->mtu + 18;
	s->slots = get32(h + offsetof(struct format_header, slots));
	s->stride = get32(h + offsetof(struct format_header, slot_stride));
	s->tail = get64(h + offsetof(struct format_header, tail));
	s->created_ns = get64(h + offsetof(struct format_header, created_ns));
	s->id = get64(h + offsetof(struct format_header, id));
	s->size = get64(h + offsetof(struct format_header, file_size));
	*result = s;
	return 0;
}

/* Stores in WHO the last owner of attachment I; returns whether there is one. */
static bool
owner(const struct swapped *s, unsigned i, struct sender *who)
{
	const uint8_t *a = s->table + (size_t)i * FORMAT_ATTACHMENT_SIZE;
	uint64_t ident = get64(a + offsetof(struct format_attachment, ident));
	char name[SHMBUS_NAME_MAX];

	if (ident == 0)
		return false;
	*who = (struct sender){ .number = i, .has_mac = true };
	for (unsigned k = 0; k < 6; k++)
		who->mac[k] = (uint8_t)(ident >> (56 - 8 * k));
	who->since_ns = who->attached_ns = get64(
	    a + offsetof(struct format_attachment, since_ns));
	/* A name is bytes, which have no byte order. */
	memcpy(name, a + offsetof(struct format_attachment, name),
	    sizeof(name));
	safe_name(who->name, name);
	return true;
}

/* Hands on the frames of the slot that was read, that of P.  0 or -1. */
static int
slot_frames(struct swapped *s, struct wanted *w, uint64_t p)
{
	uint64_t word = get64(s->slot);
	uint64_t meta = get64(s->slot + offsetof(struct format_slot, meta));
	uint32_t sender = (uint32_t)(meta >> 32 & 0xffff);
	uint32_t n = (uint32_t)(meta >> 48) + 1;
	uint64_t len = (uint32_t)meta;
	uint64_t at = offsetof(struct format_slot, data);
	uint64_t end = s->stride;

	if (word >> 16 != (p / s->slots & LAP_MASK) ||
	    (word >> 14 & 3) != SLOT_COMMITTED) {
		/* The slot was abandoned or not published: no whole frame. */
		s->torn += word >> 16 != (p / s->slots & LAP_MASK) ||
		    (word >> 14 & 3) == SLOT_WRITING;
		return 0;
	}
	if (sender >= FORMAT_ATTACHMENTS || n > FORMAT_PACK) {
		s->bad++;
		return 0;
	}
	for (uint32_t i = 0; i < n && !w->enough; i++) {
		if (i > 0) {
			at = (at + 7) & ~(uint64_t)7;
			len = 0;
			if (at + 8 <= end)
				len = get64(s->slot + at);
			at += 8;
		}
		if (len < SHMBUS_FRAME_MIN || len > s->frame_max || at > end ||
		    len > end - at) {
			s->bad++;
			return 0;
		}
		struct shmbus_frame f = {
			.data = s->slot + at,
			.len = (uint32_t)len,
			.sender = sender,
			.time_ns = get64(
			    s->slot + offsetof(struct format_slot, time_ns)),
			/* The library counts positions from 0. */
			.position = p - s->slots,
		};
		if (wanted_frame(w, &f) != 0)
			return -1;
		at += len;
	}
	return 0;
}

static int
all_frames(struct swapped *s, const struct options *o, struct sink *sink)
{
	struct wanted w;
	struct sender who;
	char text[64];
	int err = 0;
	/* In the file, positions begin with the number of slots: lap 1. */
	uint64_t first = s->tail < 2 * (uint64_t)s->slots ? s->slots :
							    s->tail - s->slots;

	wanted_begin(&w, o, sink);
	for (unsigned i = 0; i < FORMAT_ATTACHMENTS; i++)
		if (sink_senders(sink) != NULL && owner(s, i, &who))
			senders_put(sink_senders(sink), &who);
	for (uint64_t p = first; err == 0 && p < s->tail && !w.enough; p++) {
		err = get_at(s->fd, s->slot, s->stride,
		    FORMAT_SLOTS + p % s->slots * s->stride);
		if (err != 0)
			tool_complain(s->name, shmbus_strerror(err), NULL);
		else
			err = slot_frames(s, &w, p);
	}
	w.enough |= err != 0;
	if (wanted_release(&w) != 0)
		err = -1;
	if (s->bad != 0) {
		snprintf(text, sizeof(text), "%" PRIu64 " slot%s passed over",
		    s->bad, s->bad == 1 ? "" : "s");
		tool_complain(s->name, text, "no valid frame there");
	}
	if (s->torn != 0) {
		snprintf(text, sizeof(text), "%" PRIu64 " frame%s not whole",
		    s->torn, s->torn == 1 ? "" : "s");
		tool_complain(s->name, text, "the writer did not finish");
	}
	return err != 0 ? -1 : sink_flush(sink);
}

static int
show_header(const struct swapped *s)
{
	struct sender who;
	char text[TIME_TEXT], mac[MAC_TEXT];

	printf("format    of a %s-endian machine\n",
	    __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? "big" : "little");
	printf("version   %u\n", FORMAT_VERSION);
	printf("id        %016" PRIx64 "\n", s->id);
	printf("created   %s\n", time_text(text, s->created_ns));
	printf("mtu       %" PRIu32 "\n", s->mtu);
	printf("frame     at most %" PRIu32 " bytes\n", s->frame_max);
	printf("slots     %" PRIu32 "\n", s->slots);
	printf("size      %" PRIu64 " bytes\n", s->size);
	printf("tail      %" PRIu64 "\n",
	    s->tail < s->slots ? 0 : s->tail - s->slots);
	for (unsigned i = 0; i < FORMAT_ATTACHMENTS; i++)
		if (owner(s, i, &who))
			printf("%3u  %s  name %s\n     since %s\n", i,
			    mac_text(who.mac, mac), who.name,
			    time_text(text, who.since_ns));
	return tool_flush();
}

/*
 * Shows a bus that the library has found to be of the other byte order as O
 * says.  0 or -1.
 */
int
swapped_read(const struct options *o)
{
	struct swapped *s = NULL;
	struct sink *sink = NULL;
	int err = swapped_open(o->bus, &s);

	if (err != 0) {
		tool_complain(o->bus, "a bus of the other byte order",
		    shmbus_strerror(err));
		return -1;
	}
	if (o->follow || o->attach) {
		tool_complain(o->bus, "a bus of the other byte order",
		    "can be shown, not followed");
		err = -1;
	} else if (o->header) {
		err = show_header(s);
	} else {
		err = sink_open(&sink, o, s->frame_max);
		if (err == 0)
			err = all_frames(s, o, sink);
		if (sink != NULL)
			err = sink_close(sink, err == 0);
	}
	close(s->fd);
	free(s);
	return err == 0 ? 0 : -1;
}
