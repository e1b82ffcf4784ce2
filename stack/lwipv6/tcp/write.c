/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * write.c - what a connection is to send is put into segments
 *
 * DOC: The library's counts room in 16 bits and segments in eight, knows no
 * options, and walks along the queue for each write.  Here room is what the
 * windows allow and SPARE more (output.c); a segment has room for timestamps where
 * the connection has them.  What is less than a segment is joined to the last one
 * that waits, if it fits there.
 */
#include <string.h>

#include "base/net_bytes.h"
#include "stack/lwipv6/tcp/options.h"

/* An empty segment of C, from SEQ on, with FLAGS and LEN bytes; or NULL. */
static struct tcp_seg *
new_segment(const struct conn *c, uint32_t seq, unsigned flags, unsigned len)
{
	const struct tcp_pcb *pcb = c->e.pcb;
	unsigned hlen = TCP_HLEN +
	    (c->ts && !(flags & FLAG_SYN) ? OPTIONS_TS : 0);
	struct tcp_seg *seg = memp_malloc(MEMP_TCP_SEG);
	uint8_t *h;

	if (seg == NULL)
		return NULL;
	memset(seg, 0, sizeof(*seg));
	seg->p = pbuf_alloc(PBUF_IP, (uint16_t)(hlen + len), PBUF_RAM);
	if (seg->p == NULL) {
		memp_free(MEMP_TCP_SEG, seg);
		return NULL;
	}
	h = seg->p->payload;
	memset(h, 0, hlen);
	put16(h, pcb->local_port);
	put16(h + 2, pcb->remote_port);
	put32(h + 4, seq);
	h[12] = (uint8_t)(hlen / 4 << 4);
	h[13] = (uint8_t)flags;
	seg->tcphdr = h;
	seg->dataptr = h + hlen;
	seg->len = (uint16_t)len;
	return seg;
}

static struct tcp_seg *
last_of(struct conn *c)
{
	struct tcp_seg *s = c->e.pcb->unsent;

	while (s != NULL && s->next != NULL)
		s = s->next;
	return s;
}

/* Adds as much of LEN bytes at DATA to LAST as fits it.  Returns how much. */
static unsigned
join(struct conn *c, struct tcp_seg *last, const uint8_t *data, unsigned len)
{
	unsigned mss = c->e.pcb->mss, n;
	struct pbuf *p;

	if (last == NULL || last->len == 0 || last->len >= mss ||
	    (((uint8_t *)last->tcphdr)[13] & (FLAG_SYN | FLAG_FIN)))
		return 0;
	n = mss - last->len < len ? mss - last->len : len;
	if (n < len)
		return 0; /* a full segment goes by itself */
	if ((p = pbuf_alloc(PBUF_RAW, (uint16_t)n, PBUF_RAM)) == NULL)
		return 0;
	memcpy(p->payload, data, n);
	pbuf_cat(last->p, p);
	last->len = (uint16_t)(last->len + n);
	return n;
}

/*
 * Replaces the library's: LEN bytes at DATA, or FLAGS, are to be sent by PCB.
 * Options are added when a SYN is sent.
 */
EXPORT err_t
OURS(tcp_enqueue)(struct tcp_pcb *pcb, void *data, uint16_t len, uint8_t flags,
    uint8_t copy, uint8_t *options, uint8_t options_len)
{
	struct conn *c;
	struct tcp_seg *first = NULL, **at = &first, *last;
	const uint8_t *from = data;
	unsigned n = 0, done = 0;

	if (pcb->slirp != NULL)
		return real()->tcp_enqueue(pcb, data, len, flags, copy, options,
		    options_len);
	if ((c = conn_adopted(pcb)) == NULL)
		return ERR_MEM;
	if (len > tcp_room(pcb))
		return ERR_MEM;
	last = last_of(c);
	if (flags == 0 && (done = join(c, last, from, len)) == len) {
		pcb->snd_lbb += len;
		return ERR_OK;
	}
	do {
		unsigned part = len - done < pcb->mss ? len - done : pcb->mss;

		*at = new_segment(c, pcb->snd_lbb + done, flags, part);
		if (*at == NULL) {
			tcp_segs_free(first);
			return ERR_MEM;
		}
		if (part != 0)
			memcpy((*at)->dataptr, from + done, part);
		done += part;
		if (part != 0 && done == len)
			((uint8_t *)(*at)->tcphdr)[13] |= FLAG_PSH;
		at = &(*at)->next;
		n++;
	} while (done < len);
	if (last != NULL)
		last->next = first;
	else
		pcb->unsent = first;
	pcb->snd_lbb += len;
	if (flags & (FLAG_SYN | FLAG_FIN))
		pcb->snd_lbb++;
	c->segs += n;
	return ERR_OK;
}
