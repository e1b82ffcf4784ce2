/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bare.h - segments without data, which are on no queue (not installed)
 */
#ifndef SHMIF_LWIPV6_TCP_BARE_H
#define SHMIF_LWIPV6_TCP_BARE_H

#include "stack/lwipv6/tcp/tcp.h"

#define TCP_HLEN 20u
#define PROTO_TCP 6

enum {
	FLAG_FIN = 0x01,
	FLAG_SYN = 0x02,
	FLAG_RST = 0x04,
	FLAG_PSH = 0x08,
	FLAG_ACK = 0x10,
};

/* What such a segment says. */
struct bare {
	struct stack *stack;
	struct ip_addr local, remote;
	uint16_t local_port, remote_port;
	uint32_t seq, ack;
	unsigned flags;
	uint16_t window;
	uint16_t mss; /* an option; 0: none */
	bool ts;      /* with timestamps: */
	uint32_t ecr; /* what is echoed */
	uint8_t ttl;  /* 0: the usual one */
	uint8_t tos;
};

/* The clock of timestamps, which all connections have: milliseconds. */
uint32_t bare_clock(void);
/* A segment of PCB, with FLAGS and from SEQ on, that acknowledges all. */
struct bare bare_of(const struct tcp_pcb *pcb, uint32_t seq, unsigned flags);
/* Sends B.  Without memory it is lost, as on any network. */
void bare_send(const struct bare *b);

#endif /* SHMIF_LWIPV6_TCP_BARE_H */
