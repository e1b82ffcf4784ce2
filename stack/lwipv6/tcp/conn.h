/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * conn.h - the connections of a stack, and how they are found; all on the
 *	stack's thread (not installed)
 */
#ifndef SHMIF_LWIPV6_TCP_CONN_H
#define SHMIF_LWIPV6_TCP_CONN_H

#include "stack/lwipv6/list.h"
#include "stack/lwipv6/tcp/tcp.h"

/* What is found by its two ends: a connection, or one in TIME-WAIT. */
struct found {
	struct ends ends;
	uint64_t hash;
	struct found *chain; /* of the same bucket */
	struct node port;    /* all with the same local port */
	struct tcp_pcb *pcb; /* NULL: it is in TIME-WAIT */
};

/* What recover.c knows of a connection; times are in microseconds. */
enum phase { OPEN, FAST, TIMEOUT };
struct recover {
	int64_t armed; /* the timer runs since; 0: it does not */
	int64_t timed; /* when timed_seq was sent; 0: nothing is timed */
	int64_t stuck; /* since when the timer goes off; 0: it does not */
	uint32_t timed_seq;
	uint32_t end; /* FAST, TIMEOUT: last when this is acknowledged */
	int64_t srtt, var;
	enum phase phase;
	unsigned backoff;
	uint32_t acked; /* bytes, since the window last grew by a segment */
	uint32_t rack;	/* when that was sent which has arrived, the latest */
	bool racked;	/* that is known */
	unsigned duplicates;
	uint32_t max_wnd;      /* the largest that the peer had */
	unsigned probes;       /* times that the timer persisted in a row */
	struct ticker *ticker; /* of the stack; NULL: not known */
};

/* What is ours of a connection. */
struct conn {
	struct found e;
	struct node open;    /* all of the stack */
	struct node busy;    /* those that the ticker looks after */
	struct node put_off; /* their ACKs wait for the end of a batch */
	struct node probe;   /* keepalive looks at them before the poll */
	struct node half;    /* those that are half open */
	struct recover recover;

	/* Windows: the pcb has 16 bits for them. */
	uint32_t rcv_wnd;   /* what may come */
	uint32_t rcv_space; /* what that is at most */
	uint32_t rcv_most;  /* what this may become: window.c */
	uint32_t said_ack, said_edge;
	uint32_t cwnd, ssthresh;
	uint8_t snd_scale, rcv_scale;
	bool sack, ts;	      /* both ends have them */
	uint32_t ts_recent;   /* to be echoed */
	int64_t ts_at;	      /* since when, in seconds */
	int64_t round_us;     /* window.c: a round trip; 0: not known */
	int64_t round_at;     /* one began then, */
	uint32_t round_seq;   /* and there */
	uint32_t came_last;   /* what waits for those before it */
	bool marked;	      /* a segment that was sent has marks */
	unsigned segs;	      /* that are queued */
	struct tcp_seg *last; /* of those sent; NULL: not known */
};

#define RCV_SCALE 6
#define RCV_MOST ((uint32_t)UINT16_MAX << RCV_SCALE)

/* What is known of a segment that was sent, in its marks. */
enum {
	SEG_SACKED = 1,
	SEG_LOST = 2,
	SEG_AGAIN = 4, /* sent again since it was called lost */
	SEG_TWICE = 8, /* sent again, ever */
};

/* A connection in TIME-WAIT: all that is kept of it. */
struct time_wait {
	struct found e;
	struct node age; /* the oldest is first */
	uint32_t since;	 /* in the stack's ticks */
	uint32_t snd_nxt, rcv_nxt;
	uint16_t window;
	uint8_t ttl, tos;
	bool ts;
	uint32_t ts_recent;
};

/* ---- window.c ------------------------------------------------------------ */

/* What may come for C, a new connection. */
void window_begin(struct conn *c);
/* What may come for C grows where that is of use. */
void window_grow(struct conn *c);
/* The window to announce. */
uint32_t window_to_say(struct conn *c);
/* What may come for C, as a header has it. */
static inline uint16_t
window_field(const struct conn *c)
{
	uint32_t wnd = c->rcv_wnd >> c->rcv_scale;

	return (uint16_t)(wnd < UINT16_MAX ? wnd : UINT16_MAX);
}
/* Notes that an acknowledgement with the window WND went out. */
void window_said(struct conn *c, uint32_t wnd);

struct listener {
	struct node port;
	struct tcp_pcb *pcb;
};

struct conn_table {
	struct found **bucket;
	uint32_t buckets; /* a power of two, or 0 */
	uint32_t count;
	struct found *last;	   /* that was found, or NULL */
	struct port_map ports;	   /* all entries, by their local port */
	struct port_map listeners; /* struct listener */
	struct port_map sockets;   /* of the socket layer, which fills it */
	struct node open, busy, put_off, probe, half;
	struct node time_wait;
	struct node dead;	/* struct conn whose pcb is to be freed */
	struct tcp_pcb *keeper; /* in a list of the library's, or NULL */
	unsigned waiting;	/* in TIME-WAIT */
	unsigned halves;
};

/* The table of STACK; or NULL: there is no memory. */
struct conn_table *conn_table(struct stack *stack);

/* What has the ends E, or NULL. */
struct found *conn_find(struct stack *stack, const struct ends *e);
/* The connection of STACK between E, or NULL. */
struct tcp_pcb *conn_pcb(struct stack *stack, const struct ends *e);
/* What is ours of PCB; NULL: it is slirp's, or not in the table. */
static inline struct conn *
conn_of(const struct tcp_pcb *pcb)
{
	return pcb->slirp == NULL && pcb->state != TCP_LISTEN ? pcb->conn :
								NULL;
}
static inline struct ends
conn_ends(const struct tcp_pcb *pcb)
{
	struct ends e = { pcb->local_ip, pcb->remote_ip, pcb->local_port,
		pcb->remote_port };

	return e;
}

/*
 * Enters PCB, whose ends are known, if it is not there yet: what is ours of it,
 * or NULL without memory, or if there is one with the same ends.
 */
struct conn *conn_add(struct tcp_pcb *pcb);
/* Takes PCB out, if it is in. */
void conn_drop(struct tcp_pcb *pcb);
/* Ends PCB, and tells its owner ERR. */
void conn_end(struct tcp_pcb *pcb, err_t err);
/* PCB is not half open any more. */
void conn_whole(struct tcp_pcb *pcb);
/* ---- TIME-WAIT ----------------------------------------------------------- */

struct time_wait *time_wait_of(struct found *e);
void time_wait_drop(struct stack *stack, struct time_wait *tw);
/* It begins anew for TW. */
void time_wait_again(struct stack *stack, struct time_wait *tw);
/* Ends it for those whose time is over. */
void time_wait_reap(struct stack *stack);

/* The library's timer is needed no more, if there is nothing in the table. */
void conn_rest(struct stack *stack);

/* ---- listeners ----------------------------------------------------------- */

/* PCB, which listens, goes. */
void listener_gone(struct tcp_pcb *pcb);

#endif /* SHMIF_LWIPV6_TCP_CONN_H */
