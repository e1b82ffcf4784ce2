/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * host.h - a stack that fuzz targets throw frames at, and its peer
 *
 * DOC: A host is an lwipv6 stack with one interface on a bus of its own, all
 * kinds of sockets open, and beside it on the bus an attachment of ours, the
 * peer, by which frames are put in.  What the stack sends, the peer reads: it
 * answers ARP and neighbour solicitations, keeps book of one TCP connection
 * and of DHCP's transaction, so that frames can be made to fit (host_patch()),
 * and says which kinds of frames the stack sent (for libFuzzer: the library
 * is not instrumented, but what it answers tells where a frame got to).
 *
 * Time is fuzz's own: host_warp() lets minutes go by in milliseconds, a step
 * at a time, so that every timer of the stack gets its turn.
 *
 * A stack that no longer answers is a failure, whatever it was told.
 * Addresses, as tests/lib/wallframes.h has them: the stack is ME, 10.0.0.1,
 * GU1, LL1; the peer YOU, 10.0.0.2, GU2, LL2.
 */
#ifndef FUZZ_HOST_H
#define FUZZ_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shmbus/shmbus.h"

#define HOST_PORT 80u	 /* listens */
#define HOST_UDP 0x5678u /* bound */
#define HOST_CONNS 8

/* What the peer knows of a TCP connection, as the peer sees it. */
struct flow {
	bool v6;
	bool open;
	uint16_t port;	 /* the peer's */
	uint32_t next;	 /* the sequence number the stack waits for */
	uint32_t theirs; /* the next one that the stack will send */
	bool answered;	 /* SYN and ACK came */
};

struct host {
	struct stack *stack;
	int unit;
	struct shmbus *peer;
	char path[300];
	bool router;
	int listener, udp, packet, raw4, raw6, rawip;
	int conn[HOST_CONNS];		/* accepted; -1: none */
	unsigned conn_sent[HOST_CONNS]; /* on it */
	struct flow flow;
	uint32_t dhcp_xid;
	uint16_t next_port;
	uint64_t sent;	  /* frames, since it was made */
	uint64_t counted; /* what the unit had counted then */
	unsigned since;	  /* frames since the last time it was waited for */
	uint32_t probe;	  /* the last one's number */
	bool probe_back;
	uint64_t deaf; /* how often only the counters told that it lives */
};

/* N-th stack's bus is a file of that number. */
void host_new(struct host *h, bool router);
void host_free(struct host *h);

/* Puts a frame on the bus, as it is. */
void host_send(struct host *h, const void *frame, size_t n);
/* The peer reads all that the stack has sent. */
void peer_read(struct host *h);
/* Waits until the stack has done with all frames.  Fails when it does not. */
void host_sync(struct host *h);
/* Reads and closes what there is to be read and closed. */
void host_drain(struct host *h);
/* MS milliseconds go by. */
void host_warp(struct host *h, unsigned ms);
/* A new connection from the peer to the stack, in place of the old one. */
void host_open(struct host *h, bool v6);
/* A socket_op of frames.h. */
void host_socket(struct host *h, unsigned op, unsigned arg);

/* patch.c: puts right what FIXES (enum frame_op) says. */
void host_patch(const struct host *h, uint8_t *frame, size_t *n,
    unsigned fixes);

/* peer.c: a frame that the stack sent. */
void peer_heard(struct host *h, const uint8_t *frame, size_t n);
/*
 * Opens a connection to the stack in place of the old one; WAIT lets the stack
 * answer.  False: it did not.
 */
bool peer_open(struct host *h, bool v6, void (*wait)(struct host *h));

/* warp.c: the clocks of this process are so much ahead. */
void warp_add(int64_t ns);

/* memory.c: bytes in use, but for those of libFuzzer itself. */
size_t memory_used(void);
/* Whether the calling thread's allocations count. */
void memory_mine(bool on);

#endif /* FUZZ_HOST_H */
