/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * peer.h - a TCP peer made by hand, at the attachment of neighbour.h
 *
 * It sends whatever segment the test writes down and shows what the unit
 * answers.  While it waits it answers ARP requests and neighbour solicitations
 * for its own address.
 */
#ifndef TESTS_PEER_H
#define TESTS_PEER_H

#include "tests/lib/packet.h"

enum { T_PSH = 8, T_URG = 32 };

/* Where the unit is, and where we are. */
#define UNIT4 "10.7.0.1"
#define UNIT6 "fd07::1"
#define PEER4 "10.7.0.9"
#define PEER6 "fd07::9"

/* One connection, or none yet, of ours. */
struct peer {
	const char *us, *them;
	uint16_t port, theirs;
	uint32_t seq; /* our next */
	uint32_t ack; /* the next of theirs */
	uint16_t window;
	uint16_t mss; /* of our SYN; 0: no option */
};

/* What the unit sent. */
struct segment {
	uint16_t sport, dport;
	uint32_t seq, ack;
	unsigned flags, window, mss, len;
	const uint8_t *data; /* in F */
	bool sealed;	     /* its checksums are right */
	struct frame f;
};

/* Makes a bus and a unit with both addresses, which knows us. */
void peer_set_up(void);
/* A peer for the unit's port THEIRS. */
struct peer peer_new(bool v4, uint16_t port, uint16_t theirs);

/* Sends a segment from P->seq on, which it leaves as it is. */
void peer_send(const struct peer *p, unsigned flags, const void *data,
    unsigned n);
/*
 * The next segment for P->port (and from P->theirs, unless that is 0), within
 * MS.
 */
bool peer_recv(const struct peer *p, struct segment *s, int ms);
/* The next that has all of the flags WANTED. */
bool peer_expect(const struct peer *p, struct segment *s, unsigned wanted,
    int ms);
/* Takes whatever comes for MS. */
void peer_drain(const struct peer *p, int ms);
/*
 * Waits until the unit has looked at all that was sent to it, and takes what it
 * sent meanwhile.  Whether anything of that was for P.
 */
bool peer_settle(const struct peer *p);

/* Connects to the unit's listener. */
void peer_open(struct peer *p);
/* Waits for the unit's SYN to P->port, and answers it with SYN and ACK. */
void peer_accept(struct peer *p);

/* The unit's listener at PORT, of both families or of one. */
int peer_listener(bool v4, uint16_t port, int backlog);
/* The unit begins to connect to P->port; the socket, which does not block. */
int peer_dialled(const struct peer *p);
/* The events of FD that there are within MS. */
short peer_poll(int fd, short events, int ms);

#endif /* TESTS_PEER_H */
