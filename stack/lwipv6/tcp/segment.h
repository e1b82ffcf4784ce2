/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * segment.h - a segment that has come, before the library sees it (not
 *	installed)
 */
#ifndef SHMIF_LWIPV6_TCP_SEGMENT_H
#define SHMIF_LWIPV6_TCP_SEGMENT_H

#include "stack/lwipv6/tcp/bare.h"

struct segment {
	struct stack *stack;
	struct ip_addr src, dst;
	uint16_t sport, dport;
	uint32_t seq, ack;
	uint32_t len; /* of its data */
	unsigned flags;
	uint16_t window;
	uint16_t mss;	     /* as a SYN says it; 0: it does not */
	unsigned iphlen;     /* of the IP header */
	struct pbuf *p;	     /* from that on */
	const uint8_t *head; /* TCP's header in it */
};

/* What it takes of the sequence numbers: RFC 9293, SEG.LEN. */
static inline uint32_t
segment_span(const struct segment *g)
{
	return g->len + ((g->flags & FLAG_SYN) != 0) +
	    ((g->flags & FLAG_FIN) != 0);
}

/* ---- reset.c: all on the stack's thread --------------------------------- */

/*
 * Whether G may be answered: its checksum is right, and it is for this host
 * alone.
 */
bool segment_sound(const struct segment *g);
/* Refuses G, unless it is a reset itself. */
void segment_refuse(const struct segment *g);

/* ---- screen.c ----------------------------------------------------------- */

/*
 * G is for the connection PCB, or for none.  True: it must not get to the
 * library; it has been answered, if it was to be.
 */
bool screen_connection(struct tcp_pcb *pcb, const struct segment *g);
/* G is for OLD, in TIME-WAIT.  False: OLD is gone, and G is a new SYN. */
bool screen_time_wait(struct tcp_pcb *old, const struct segment *g);
/* ---- input.c, listen.c -------------------------------------------------- */

/* The connection of LIST that G is for, or NULL. */
struct tcp_pcb *segment_connection(struct tcp_pcb *list,
    const struct segment *g);
/* The size of segments that the SYN G asks for. */
unsigned segment_mss(const struct segment *g);
/*
 * G, which came for TO, is for no connection.  The one that it completes, as
 * segments before it should have: G is to be handled by that.  Or NULL: it has
 * been handled, and its buffer is not the caller's any more.
 */
struct tcp_pcb *listen_input(const struct segment *g, struct ip_addr_list *to,
    void *pseudo);

#endif /* SHMIF_LWIPV6_TCP_SEGMENT_H */
