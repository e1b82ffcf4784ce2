/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pbuf_realloc.c - cutting the end off a buffer
 *
 * DOC: The fault: pbuf_realloc() gives the memory behind the new end back by
 * realloc() and goes on with the old address.  That is right only with an
 * allocator that never moves what it makes smaller.
 *
 * How it is seen: with AddressSanitizer, and with other allocators than
 * glibc's, the first segment that reaches beyond the receive window, the first
 * one that overlaps what waits out of order, and every DHCP message are used
 * after they were freed.
 *
 * The cure: only the lengths change.  A received buffer is at most a frame's
 * and soon read; nothing is gained by giving back its tail.
 */
#include "stack/lwipv6/ip/ip.h"

/* Replaces the library's: the chain P keeps its first LEN bytes. */
EXPORT void
OURS(pbuf_realloc)(struct pbuf *p, uint16_t len)
{
	uint16_t left = len;
	struct pbuf *rest;

	if (len >= p->tot_len)
		return;
	for (; left > p->len && p->next != NULL; p = p->next) {
		p->tot_len = left;
		left = (uint16_t)(left - p->len);
	}
	p->tot_len = left;
	if (left < p->len)
		p->len = left;
	rest = p->next;
	p->next = NULL;
	if (rest != NULL)
		pbuf_free(rest);
}
