/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * segment.h - a segment that has come, before the library sees it (not
 *	installed)
 */
#ifndef SHMIF_LWIPV6_TCP_SEGMENT_H
#define SHMIF_LWIPV6_TCP_SEGMENT_H

#include "stack/lwipv6/tcp/bare.h"
#include "stack/lwipv6/tcp/conn.h"

struct segment {
	struct stack *stack;
	struct ip_addr src, dst;
	uint16_t sport, dport;
	uint32_t seq, ack;
	uint32_t len; /* of its data */
	unsigned flags;
	uint16_t window;
	uint16_t mss;	     /* of the SYN that came before; 0: see head */
	unsigned iphlen;     /* of the IP header */
	struct pbuf *p;	     /* from that on */
	const uint8_t *head; /* TCP's header in it */
	uint8_t *p_head;     /* the same */
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
bool screen_time_wait(struct time_wait *old, const struct segment *g);
static inline struct ends
segment_ends(const struct segment *g)
{
	struct ends e = { g->dst, g->src, g->dport, g->sport };

	return e;
}
/* Whether PCB, which G was for and which may be gone, is the connection of it. */
static inline bool
conn_pcb_is(const struct segment *g, const struct tcp_pcb *pcb)
{
	struct ends e = segment_ends(g);

	return conn_pcb(g->stack, &e) == pcb;
}

/* ---- receive.c ---------------------------------------------------------- */

/* Takes the buffer of G, which is for the open connection PCB.  Fills S. */
void receive(struct tcp_pcb *pcb, const struct segment *g,
    struct recover_seen *s);
/* The sequence number of S, which waits for those before it. */
static inline uint32_t
ooseq_seq(const struct tcp_seg *s)
{
	uint32_t seq;

	__builtin_memcpy(&seq, (const uint8_t *)s->tcphdr + 4, sizeof(seq));
	return seq;
}
/* What is ours of PCB, which may just have begun to connect; or NULL. */
struct conn *conn_adopted(struct tcp_pcb *pcb);

/* ---- open.c ------------------------------------------------------------- */

/* Writes into SEG, a SYN of PCB, what it offers. */
void open_dress(struct tcp_pcb *pcb, struct tcp_seg *seg);
/*
 * A half-open connection that LISTENER gets by the SYN G, with its answer
 * queued; or NULL: there is no memory.
 */
struct tcp_pcb *open_passive(const struct segment *g,
    const struct tcp_pcb *listener, uint32_t iss);
/*
 * The peer opens the connection PCB at the same time, by the SYN G: RFC 9293,
 * 3.5 and MUST-10.  The SYN that waits to be acknowledged becomes a SYN|ACK.
 */
void open_at_once(struct tcp_pcb *pcb, const struct segment *g);
/*
 * G, which has been found right, opens PCB.  True: it is to be looked at as a
 * segment of an open connection.  PCB may be gone where it is false.
 */
bool open_answered(struct tcp_pcb *pcb, const struct segment *g,
    struct recover_seen *s);
/* ---- input.c, listen.c -------------------------------------------------- */

/* The size of segments that the SYN G asks for. */
unsigned segment_mss(const struct segment *g);
/*
 * G is for no connection.  The one that it completes, as segments before it
 * should have: G is to be handled by that.  Or NULL: it has been handled.
 */
struct tcp_pcb *listen_input(const struct segment *g);

#endif /* SHMIF_LWIPV6_TCP_SEGMENT_H */
