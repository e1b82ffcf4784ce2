/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * geometry.c - the header of a bus file, filled in and checked
 *
 * All of a file's layout follows from two numbers, the MTU and the number of
 * slots.  The header states the rest for the sake of other programs.  Here it is
 * computed, and a header that says something else is refused.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "shmbus/ring.h"
#include "shmbus/shmbus.h"

/*
 * Of the default number of slots there are fewer where frames are so long that
 * the slots would have more bytes than this: what goes round through more memory
 * than a processor's caches hold is slow, and each process that joins maps it.
 */
#define SLOTS_BYTES_MAX (40u << 20)

/*
 * Computes the layout for MTU and SLOTS (0: the defaults).  Returns 0, or
 * ERANGE when one is out of range or SLOTS is not a power of two.
 */
int
ring_geometry(struct ring_geometry *g, uint32_t mtu, uint32_t slots)
{
	uint32_t lines;
	bool any = slots == 0;

	if (mtu == 0)
		mtu = SHMBUS_MTU_DEFAULT;
	if (any)
		slots = SHMBUS_SLOTS_DEFAULT;
	if (mtu < SHMBUS_MTU_MIN || mtu > SHMBUS_MTU_MAX ||
	    slots < SHMBUS_SLOTS_MIN || slots > SHMBUS_SLOTS_MAX ||
	    (slots & (slots - 1)) != 0)
		return ERANGE;
	g->mtu = mtu;
	g->frame_max = mtu + SHMBUS_HEADROOM;
	lines = (uint32_t)(sizeof(struct format_slot) + g->frame_max +
		    FORMAT_LINE - 1) /
	    FORMAT_LINE;
	g->stride = (lines | 1) * FORMAT_LINE;
	while (any && (uint64_t)slots * g->stride > SLOTS_BYTES_MAX)
		slots /= 2;
	g->slots = slots;
	g->file_size = FORMAT_SLOTS + (uint64_t)slots * g->stride;
	return 0;
}

/*
 * Checks the header H of a file of SIZE bytes, at least sizeof(*h) of them
 * readable.  Returns 0 with *G filled in, or one of SHMBUS_ENOTBUS, _EORDER,
 * _EVERSION, _EDAMAGED, _ETRUNC, with the particulars in WHY.
 */
int
ring_check(const struct format_header *h, uint64_t size,
    struct ring_geometry *g, char *why, size_t whysize)
{
	if (memcmp(h->magic, FORMAT_MAGIC, sizeof(h->magic)) != 0) {
		snprintf(why, whysize, "not a bus: bad magic");
		return SHMBUS_ENOTBUS;
	}
	if (h->byte_order == FORMAT_BYTE_ORDER_SWAPPED) {
		snprintf(why, whysize,
		    "a bus of the other byte order, made on another kind of "
		    "machine");
		return SHMBUS_EORDER;
	}
	if (h->byte_order != FORMAT_BYTE_ORDER) {
		snprintf(why, whysize, "not a bus: bad byte-order mark %#x",
		    h->byte_order);
		return SHMBUS_ENOTBUS;
	}
	if (h->version != FORMAT_VERSION) {
		snprintf(why, whysize,
		    "a bus of another version: version %u, and this "
		    "program reads version %u",
		    h->version, FORMAT_VERSION);
		return SHMBUS_EVERSION;
	}
	if (h->mtu == 0 || h->slots == 0 ||
	    ring_geometry(g, h->mtu, h->slots) != 0) {
		snprintf(why, whysize,
		    "the bus file's header is damaged: geometry out of "
		    "range: mtu %u, %u slots",
		    h->mtu, h->slots);
		return SHMBUS_EDAMAGED;
	}
	if (h->header_size != FORMAT_HEADER || h->frame_max != g->frame_max ||
	    h->slot_stride != g->stride ||
	    h->attachments != FORMAT_ATTACHMENTS ||
	    h->attachment_size != FORMAT_ATTACHMENT_SIZE ||
	    h->attachments_offset != FORMAT_HEADER ||
	    h->slots_offset != FORMAT_SLOTS || h->file_size != g->file_size) {
		snprintf(why, whysize,
		    "the bus file's header is damaged: it contradicts itself");
		return SHMBUS_EDAMAGED;
	}
	if (size < g->file_size) {
		snprintf(why, whysize,
		    "the bus file was truncated: %llu of %llu bytes",
		    (unsigned long long)size, (unsigned long long)g->file_size);
		return SHMBUS_ETRUNC;
	}
	return 0;
}

/*
 * Fills in the header of a new file, which is all zeros so far, except for its
 * magic: the caller writes that last.
 */
void
ring_format(struct format_header *h, const struct ring_geometry *g,
    uint64_t now_ns, uint64_t id)
{
	h->byte_order = FORMAT_BYTE_ORDER;
	h->version = FORMAT_VERSION;
	h->header_size = FORMAT_HEADER;
	h->mtu = g->mtu;
	h->frame_max = g->frame_max;
	h->slots = g->slots;
	h->slot_stride = g->stride;
	h->attachments = FORMAT_ATTACHMENTS;
	h->attachment_size = FORMAT_ATTACHMENT_SIZE;
	h->attachments_offset = FORMAT_HEADER;
	h->slots_offset = FORMAT_SLOTS;
	h->file_size = g->file_size;
	h->created_ns = now_ns;
	h->id = id;
	AO_store(&h->tail, g->slots); /* laps begin with 1 */
}
