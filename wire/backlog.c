/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backlog.c - frames that wait for a descriptor
 *
 * Who does not read gets no more than this; the rest is dropped, and counted.
 */
#include <stdlib.h>

#include "wire/wire.h"

#define FRAMES_MAX 1024u
#define BYTES_MAX ((size_t)4 << 20)

bool
backlog_add(struct backlog *b, const void *data, size_t len)
{
	struct packet *p;

	if (b->frames >= FRAMES_MAX || b->bytes + len > BYTES_MAX ||
	    (p = later_packet(data, len)) == NULL)
		return false;
	if (b->first == NULL)
		b->last = &b->first;
	*b->last = p;
	b->last = &p->next;
	b->frames++;
	b->bytes += len;
	return true;
}

void
backlog_drop_first(struct backlog *b)
{
	struct packet *p = b->first;

	b->first = p->next;
	b->frames--;
	b->bytes -= p->len;
	b->done = 0;
	free(p);
}

size_t
backlog_clear(struct backlog *b)
{
	size_t n = b->frames;

	while (b->first != NULL)
		backlog_drop_first(b);
	return n;
}
