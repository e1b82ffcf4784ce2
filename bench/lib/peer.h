/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * peer.h - what a bus is compared with, each measured as a bus is
 *
 * Started when first asked for, and kept until peers_stop().  One that cannot
 * run here says why, each time it is asked.
 */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum peer {
	PEER_MEMIF,	/* DPDK's, in copy mode */
	PEER_SEQPACKET, /* UNIX sockets */
	PEER_MCAST,	/* UDP multicast on loopback */
	PEER_VETH,	/* AF_PACKET on both ends of a veth */
	PEER_VDE,	/* a VDE switch */
	PEERS
};

const char *peer_name(enum peer p);
/* Whether it can lose frames: else a sender waits until there is room. */
bool peer_loses(enum peer p);

/* What came of a run. */
struct peer_rate {
	double rate; /* frames a second received */
	double lost; /* per cent of what was sent */
};

/*
 * One process sends frames of SIZE bytes, BATCH of them a call where it takes
 * more than one, for MS milliseconds; another one receives.  FLOOD as for a
 * bus: else the sender never has many more under way than were received.
 * Returns NULL, or why there is no figure: static.
 */
const char *peer_run(enum peer p, uint32_t size, unsigned batch, unsigned ms,
    bool flood, struct peer_rate *out);
/* N round trips of a 64-byte frame, both sides asleep, in ns to TRIPS. */
const char *peer_trips(enum peer p, double *trips, size_t n);
/* A program that was started for it ends; there may be a next run. */
void peers_stop(void);

#endif /* BENCH_PEER_H */
