/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * options.c - the options of TCP segments
 *
 * RFC 9293, 3.1 and 3.2: a list of kinds and lengths.  What is not known is
 * passed over; where a length leads beyond the header, or is less than an
 * option has, the segment is not believed at all.
 */
#include <string.h>

#include "base/net_bytes.h"
#include "stack/lwipv6/tcp/options.h"

enum { END, NOP, MSS, SCALE, SACK_OK, SACK, TS = 8 };
#define SCALE_MAX 14 /* RFC 7323, 2.3 */

static void
read_sack(const uint8_t *at, unsigned n, struct options *o)
{
	for (; n >= 8 && o->ranges < SACK_MAX; at += 8, n -= 8) {
		o->range[o->ranges].from = be32(at);
		o->range[o->ranges++].to = be32(at + 4);
	}
}

/* Reads the option at AT, which is LEN long. */
static void
read_one(const uint8_t *at, unsigned len, struct options *o)
{
	if (at[0] == MSS && len == 4) {
		o->mss = (uint16_t)be16(at + 2);
	} else if (at[0] == SCALE && len == 3) {
		o->scaled = true;
		o->scale = at[2] < SCALE_MAX ? at[2] : SCALE_MAX;
	} else if (at[0] == SACK_OK && len == 2) {
		o->sack_ok = true;
	} else if (at[0] == SACK && len >= 10 && (len - 2) % 8 == 0) {
		read_sack(at + 2, len - 2, o);
	} else if (at[0] == TS && len == 10) {
		o->ts = true;
		o->val = be32(at + 2);
		o->ecr = be32(at + 6);
	}
}

bool
options_read(const struct segment *g, struct options *o)
{
	const uint8_t *h = g->head;
	unsigned end = (h[12] >> 4) * 4u, i = TCP_HLEN;

	memset(o, 0, sizeof(*o));
	if (g->mss != 0) {
		o->mss = g->mss; /* all that is known of a SYN that is gone */
		return true;
	}
	if (end < TCP_HLEN || g->iphlen + end > g->p->len)
		return false;
	while (i < end && h[i] != END) {
		if (h[i] == NOP) {
			i++;
			continue;
		}
		if (i + 1 >= end || h[i + 1] < 2 || h[i + 1] > end - i)
			return false;
		read_one(h + i, h[i + 1], o);
		i += h[i + 1];
	}
	return true;
}

void
options_put_ts(uint8_t *at, uint32_t val, uint32_t ecr)
{
	put32(at, 0x0101080a);
	put32(at + 4, val);
	put32(at + 8, ecr);
}

/* The range that *S begins, with those behind it that touch; *S is what follows. */
static struct range
range_from(const struct tcp_seg **s)
{
	struct range r = { ooseq_seq(*s), ooseq_seq(*s) };

	while (*s != NULL && ooseq_seq(*s) == r.to) {
		r.to += (*s)->len;
		*s = (*s)->next;
	}
	return r;
}

unsigned
options_put_sack(const struct tcp_pcb *pcb, uint8_t *at, unsigned room)
{
	const struct conn *c = conn_of(pcb);
	const struct tcp_seg *s = pcb->ooseq;
	unsigned most = room < 4 ? 0 : (room - 4) / 8, n = 0, i;
	struct range list[SACK_MAX], r;

	if (most > SACK_MAX)
		most = SACK_MAX;
	if (c == NULL || !c->sack || most == 0)
		return 0;
	while (s != NULL) {
		r = range_from(&s);
		if (r.from == r.to)
			continue; /* a FIN alone */
		/* RFC 2018, 4: first the one with what has come last. */
		if (c->came_last - r.from < r.to - r.from) {
			i = n < most ? n++ : n - 1;
			memmove(list + 1, list, i * sizeof(*list));
			list[0] = r;
		} else if (n < most) {
			list[n++] = r;
		}
	}
	if (n == 0)
		return 0;
	put32(at, 0x01010500 | (2 + 8 * n));
	at += 4;
	for (i = 0; i < n; i++) {
		put32(at, list[i].from);
		put32(at + 4, list[i].to);
		at += 8;
	}
	return 4 + 8 * n;
}
