/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tcp.h - TCP: what its files share, and what sockets need of it; all on the
 *	stack's thread (not installed)
 */
#ifndef SHMIF_LWIPV6_TCP_H
#define SHMIF_LWIPV6_TCP_H

#include "stack/lwipv6/above.h"
#include "stack/lwipv6/ip/ip.h"
#include "stack/lwipv6/list.h"

/* ---- tcp/output.c; on the stack's thread ---------------------------- */

/* How many bytes PCB may be given to send. */
uint32_t tcp_room(const struct tcp_pcb *pcb);
/* How many segments more. */
unsigned tcp_segments_room(const struct tcp_pcb *pcb);
/* How many bytes may be on their way. */
uint32_t tcp_windows(const struct tcp_pcb *pcb);
/* What the window is that PCB has for its peer. */
uint32_t tcp_own_window(const struct tcp_pcb *pcb);
/* The congestion window of PCB, which begins to send, is N at least. */
void tcp_first_window(struct tcp_pcb *pcb, uint32_t n);
struct tcp_seg;
/* Sends SEG, which was sent, once more, whatever the windows are. */
void output_again(struct tcp_pcb *pcb, struct tcp_seg *seg);
/* Sends what the windows allow; tcp_output() of recover.c calls it. */
err_t tcp_out(struct tcp_pcb *pcb);
/* What PCB, half open, has queued counts as sent. */
void output_pretend(struct tcp_pcb *pcb);
/* A batch of frames is over: acknowledges what came in it. */
void tcp_batch_end(struct stack *stack);
/* The timer of delayed acknowledgements sends that of PCB. */
void tcp_ack_late(struct tcp_pcb *pcb);

/* ---- tcp/tick.c ---------------------------------------------------------- */

#define TICK_MS 5u

/*
 * A connection of STACK needs its timer, which is T (NULL: it does not know).
 * Returns T, or the timer if that is known now.
 */
struct ticker *tick_start(struct ticker *t, struct stack *stack);
/* STACK ends. */
void tick_end(struct stack *stack);

/* ---- tcp/ooseq.c: around a segment of LEN bytes that comes for PCB ---- */

void ooseq_before(struct tcp_pcb *pcb, uint32_t seq, uint32_t len);
void ooseq_after(struct tcp_pcb *pcb);
/* Whether what begins at SEQ would cut a segment that ends with a FIN. */
bool ooseq_cuts_fin(const struct tcp_pcb *pcb, uint32_t seq);

/* ---- tcp/split.c --------------------------------------------------------- */

/* PCB is to send packets of at most MTU bytes: what it has is cut. */
void split_to_fit(struct tcp_pcb *pcb, unsigned mtu);
/*
 * Cuts the first segment that PCB has to send into one of N bytes and one with
 * the rest.  False: it cannot be cut, or there is no memory.
 */
bool split_first(struct tcp_pcb *pcb, unsigned n);

/* ---- tcp/input.c --------------------------------------------------------- */

/*
 * The connection that Q is of, if that is something which was sent and is not
 * acknowledged; or NULL.
 */
struct tcp_pcb *tcp_quoted(struct stack *stack, const struct icmp_quote *q);

/* ---- tcp/open/isn.c, tcp/keepalive.c, tcp/persist.c, tcp/recover.c ------------ */

/* Both ends of a connection. */
struct ends {
	struct ip_addr local, remote;
	uint16_t local_port, remote_port;
};
/*
 * tcp/open/hash.c: a hash of E and WHAT, which nobody can tell who does not know this
 * process's secret.  WHAT is what for, HASH_... or a cookie's time.
 */
#define HASH_ISN UINT64_C(0)
#define HASH_FIND UINT64_C(1)
#define HASH_PORT UINT64_C(2) /* a cookie's are larger */
uint64_t isn_hash(const struct ends *e, uint64_t what);
/* The initial sequence number of a connection between E that begins now. */
uint32_t isn_new(const struct ends *e);
/* The connections that the library makes on this thread begin with ISS ... */
void isn_set(uint32_t iss);
/* ... until this. */
void isn_clear(void);

/* ---- tcp/conn.c, tcp/slow.c ---------------------------------------------- */

/* Ends PCB from within a callback of its own: it is found no more. */
void conn_free_later(struct tcp_pcb *pcb);
/* The same, but what is left of it is in TIME-WAIT. */
void conn_time_wait(struct tcp_pcb *pcb);
/* Whether a connection of STACK, or one in TIME-WAIT, is at IP and PORT. */
bool conn_uses(struct stack *stack, const struct ip_addr *ip, uint16_t port,
    const void *arg);
/* Calls FN(PCB, ARG) for each connection of STACK that is half open. */
void conn_each_half(struct stack *stack, void (*fn)(struct tcp_pcb *, void *),
    void *arg);
/* What listens on STACK at IP and PORT, but for slirp; or NULL. */
struct tcp_pcb *tcp_listener(struct stack *stack, const struct ip_addr *ip,
    uint16_t port);
/* Whether what the library makes now is slirp's. */
void conn_for_slirp(bool is);
/* STACK, whose connections have ended, ends. */
void conn_table_end(struct stack *stack);
/* Ends all connections of STACK. */
void conn_abort_all(struct stack *stack);
/* Frees those that have ended. */
void conn_reap(struct stack *stack);
/* Whether what ends now does so for want of an answer. */
bool tcp_timed_out(void);
/* A size of segments for PCB that its program has asked for, or the usual. */
unsigned open_mss(const struct tcp_pcb *pcb);

/* tcp/persist.c: whether PCB waits for its peer's window to open. */
bool persist_needed(const struct tcp_pcb *pcb);
/* Sends an empty segment that the peer must answer. */
void persist_probe(struct tcp_pcb *pcb);
/*
 * If PCB persists, and has a window of LEAST bytes at least, cuts off what fits
 * in it.  Whether that can be sent now.
 */
bool persist_cut(struct tcp_pcb *pcb, uint32_t least);

/* tcp/keepalive.c: something came for PCB. */
void keepalive_heard(struct tcp_pcb *pcb);
struct keepalive {
	unsigned idle_s, every_s, times;
};
/*
 * Probes the peer of PCB, an open connection, if it is time.  False: it did not
 * answer, and the connection has ended.
 */
bool keepalive_check(struct tcp_pcb *pcb, const struct keepalive *k);
/* STACK ends. */
void keepalive_end(struct stack *stack);

/* tcp/recover.c: a connection as it was before a segment was looked at. */
struct recover_seen {
	struct tcp_pcb *pcb;
	uint32_t rcv_nxt, snd_wnd;
	uint32_t acked; /* bytes, by this one */
	bool duplicate;
	bool gap, open;
};
void recover_before(struct tcp_pcb *pcb, struct recover_seen *s);
void recover_after(const struct recover_seen *s);
/*
 * The timer of PCB's stack, TICKER, looks after PCB; LATE_ACKS: it is time for
 * acknowledgements that were delayed.  Returns whether it has to do so again.
 */
bool recover_look_after(struct tcp_pcb *pcb, struct ticker *ticker,
    bool late_acks);
/* Sends what is not acknowledged of PCB once more, the first segment of it. */
void recover_again(struct tcp_pcb *pcb);
/* What is under way of PCB tells nothing about round trips. */
void recover_untimed(struct tcp_pcb *pcb);
struct options;
struct tcp_seg;
/* SEG of C has arrived. */
void recover_delivered(struct conn *c, const struct tcp_seg *seg);
/* An acknowledgement, S and O, has come for C. */
void recover_acked(struct conn *c, struct recover_seen *s,
    const struct options *o);
/* The same for all of it. */
void recover_all(struct tcp_pcb *pcb);

/* Sends the acknowledgement that PCB owes and has delayed, if any. */
static inline void
tcp_ack_delayed(struct tcp_pcb *pcb)
{
	if (!(pcb->flags & TCP_FLAG_ACK_DELAY))
		return;
	pcb->flags |= TCP_FLAG_ACK_NOW;
	tcp_output(pcb);
	pcb->flags &= (uint8_t) ~(TCP_FLAG_ACK_DELAY | TCP_FLAG_ACK_NOW);
}

#endif /* SHMIF_LWIPV6_TCP_H */
