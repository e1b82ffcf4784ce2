/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ooseq.c - segments that wait for those before them
 *
 * DOC: The faults: what came out of order waits in a list, pcb->ooseq.
 *   - A segment that begins where one in the list does, and is longer, takes
 *     its place; the old one's memory is lost.
 *   - Others that it covers stay.  They are then below what was received, and
 *     the first of them stops the list: the next segment in order is made to
 *     end where that one begins, which is before its own beginning, and its
 *     length comes out as some 65000.  So much is then acknowledged that never
 *     came, and the connection is deaf ever after.
 *
 * How they are seen: a peer that retransmits in other pieces than before, as
 * Linux does, hangs a connection on which something was lost.
 *
 * The cure: before a segment is taken, those in the list that it covers are
 * freed; what is only partly covered is the library's to cut.  Afterwards those
 * that begin below what was received are freed: nothing of them was
 * acknowledged, so the peer sends it again.
 */
#include "stack/lwipv6/tcp/tcp.h"

/* The sequence number of S, which the library keeps in host order. */
static uint32_t
seq_of(const struct tcp_seg *s)
{
	uint32_t seq;

	__builtin_memcpy(&seq, (const uint8_t *)s->tcphdr + 4, sizeof(seq));
	return seq;
}

void
ooseq_before(struct tcp_pcb *pcb, uint32_t seq, uint32_t len)
{
	struct tcp_seg **at = &pcb->ooseq, *s;

	while ((s = *at) != NULL && len != 0) {
		uint32_t from = seq_of(s);

		if (!seq_before(from, seq + len))
			break;
		if (seq_before(from, seq) ||
		    seq_before(seq + len, from + s->len) ||
		    (from == seq && len == s->len)) {
			at = &s->next;
			continue;
		}
		*at = s->next;
		tcp_seg_free(s);
	}
}

void
ooseq_after(struct tcp_pcb *pcb)
{
	struct tcp_seg *s;

	while (
	    (s = pcb->ooseq) != NULL && seq_before(seq_of(s), pcb->rcv_nxt)) {
		pcb->ooseq = s->next;
		tcp_seg_free(s);
	}
}
