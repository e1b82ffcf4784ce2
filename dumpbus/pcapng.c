/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pcapng.c - captures that say who sent what
 *
 * DOC: What is in such a file
 *
 * The file begins with a section header and with interface 0, which stands for
 * the bus as a whole.  Each frame is an enhanced packet of the interface that
 * stands for its sender; before the first frame of a sender that interface is
 * described, with its name and hardware address.  If a second attachment has the
 * number of an earlier one, it is an interface of its own.  The statistics of
 * interface 0 end the file: they count all frames that were lost, because the
 * sender of a lost frame is not known.
 *
 * Readers require that an interface comes before anything else, and libpcap
 * requires that all interfaces have the same link type and snapshot length.
 *
 * Blocks are in the byte order of this machine; the format allows both.
 */
#include <inttypes.h>
#include <string.h>

#include "base/utf8.h"
#include "dumpbus/dump.h"

enum {
	BLOCK_INTERFACE = 1,
	BLOCK_STATISTICS = 5,
	BLOCK_PACKET = 6,
	BLOCK_SECTION = 0x0a0d0d0a,
};
enum {
	OPT_END = 0,
	SHB_USERAPPL = 4,
	IF_NAME = 2,
	IF_DESCRIPTION = 3,
	IF_MACADDR = 6,
	IF_TSRESOL = 9,
	ISB_IFDROP = 5,
};
#define LINKTYPE_ETHERNET 1u
#define BLOCK_MAX 1024u /* size of the largest block that is no packet */

/* A block in the making; its length is known only at its end. */
struct block {
	uint8_t p[BLOCK_MAX];
	uint32_t n;
};

static void
put(struct block *b, const void *p, uint32_t n)
{
	static const uint8_t zeros[4];

	if (n == 0)
		return;
	memcpy(b->p + b->n, p, n);
	b->n += n;
	memcpy(b->p + b->n, zeros, -n & 3);
	b->n += -n & 3;
}

static void
put32(struct block *b, uint32_t v)
{
	put(b, &v, sizeof(v));
}

static void
put_option(struct block *b, unsigned code, const void *p, size_t n)
{
	uint16_t head[2] = { (uint16_t)code, (uint16_t)n };

	put(b, head, sizeof(head));
	put(b, p, (uint32_t)n);
}

static void
begin(struct block *b, uint32_t type)
{
	b->n = 0;
	put32(b, type);
	put32(b, 0); /* the length, which end() fills in */
}

static int
end(struct block *b, struct stream *to)
{
	uint8_t *room;
	uint32_t n;

	put_option(b, OPT_END, NULL, 0);
	n = b->n + 4;
	memcpy(b->p + 4, &n, sizeof(n));
	put32(b, n);
	room = stream_room(to, b->n);
	if (room == NULL)
		return -1;
	memcpy(room, b->p, b->n);
	stream_did(to, b->n);
	return 0;
}

/* Describes the next interface.  MAC may be NULL. */
static int
put_interface(struct pcapng *ng, struct stream *to, const char *name,
    const char *description, const uint8_t *mac)
{
	static const uint8_t nanoseconds = 9;
	uint16_t link[2] = { LINKTYPE_ETHERNET, 0 };
	struct block b;

	begin(&b, BLOCK_INTERFACE);
	put(&b, link, sizeof(link));
	put32(&b, ng->frame_max);
	put_option(&b, IF_NAME, name, strlen(name));
	put_option(&b, IF_DESCRIPTION, description, strlen(description));
	if (mac != NULL)
		put_option(&b, IF_MACADDR, mac, 6);
	put_option(&b, IF_TSRESOL, &nanoseconds, 1);
	ng->interfaces++;
	return end(&b, to);
}

/* NAME without its folder, at most 200 bytes, as UTF-8. */
static void
short_name(char to[201], const char *name)
{
	const char *slash = strrchr(name, '/');

	utf8_clean(to, slash != NULL && slash[1] != '\0' ? slash + 1 : name,
	    200);
}

/* Begins a file for the frames of the bus file BUS. */
int
pcapng_begin(struct pcapng *ng, struct stream *to, const char *bus,
    uint32_t frame_max)
{
	static const char application[] = "shmif_dumpbus";
	uint16_t version[2] = { 1, 0 };
	int64_t unknown = -1;
	char name[201];
	struct block b;

	ng->file++;
	ng->interfaces = 0;
	ng->frame_max = frame_max;
	ng->last_ns = 0;
	begin(&b, (uint32_t)BLOCK_SECTION);
	put32(&b, 0x1a2b3c4d);
	put(&b, version, sizeof(version));
	put(&b, &unknown, sizeof(unknown)); /* the section's length */
	put_option(&b, SHB_USERAPPL, application, strlen(application));
	if (end(&b, to) != 0)
		return -1;
	short_name(name, bus);
	return put_interface(ng, to, name, "the bus", NULL);
}

/* Describes WHO as an interface of this file. */
static int
introduce(struct pcapng *ng, struct stream *to, struct sender *who)
{
	char name[SHMBUS_NAME_MAX + 16], description[40];

	snprintf(description, sizeof(description), "attachment %" PRIu32,
	    who->number);
	snprintf(name, sizeof(name), "%s",
	    who->name[0] != '\0' ? who->name : description);
	who->file = ng->file;
	who->interface = ng->interfaces;
	return put_interface(ng, to, name, description,
	    who->has_mac ? who->mac : NULL);
}

/* Writes the frame FR, which WHO sent. */
int
pcapng_frame(struct pcapng *ng, struct stream *to,
    const struct shmbus_frame *fr, struct sender *who)
{
	uint32_t data = (fr->len + 3) & ~3u, n = 32 + data;
	uint8_t *room;

	if (who->file != ng->file && introduce(ng, to, who) != 0)
		return -1;
	room = stream_room(to, n);
	if (room == NULL)
		return -1;
	const uint32_t head[7] = {
		BLOCK_PACKET,
		n,
		who->interface,
		(uint32_t)(fr->time_ns >> 32),
		(uint32_t)fr->time_ns,
		fr->len,
		fr->len,
	};

	memcpy(room, head, sizeof(head));
	memcpy(room + sizeof(head), fr->data, fr->len);
	memset(room + sizeof(head) + fr->len, 0, data - fr->len);
	memcpy(room + sizeof(head) + data, &n, sizeof(n));
	stream_did(to, n);
	ng->last_ns = fr->time_ns;
	return 0;
}

size_t
pcapng_record(const uint8_t *p, bool first)
{
	uint32_t n;

	(void)first;
	memcpy(&n, p + 4, sizeof(n));
	return n;
}

/* Ends the file; LOST frames are missing from it. */
int
pcapng_end(struct pcapng *ng, struct stream *to, uint64_t lost)
{
	struct block b;

	begin(&b, BLOCK_STATISTICS);
	put32(&b, 0);
	put32(&b, (uint32_t)(ng->last_ns >> 32));
	put32(&b, (uint32_t)ng->last_ns);
	put_option(&b, ISB_IFDROP, &lost, sizeof(lost));
	return end(&b, to);
}
