/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * options.h - the options of TCP segments (not installed)
 */
#ifndef SHMIF_LWIPV6_TCP_OPTIONS_H
#define SHMIF_LWIPV6_TCP_OPTIONS_H

#include "stack/lwipv6/tcp/segment.h"

#define OPTIONS_MAX 40u
#define OPTIONS_TS 12u /* timestamps, with two NOPs */
#define SACK_MAX 4u

struct range {
	uint32_t from, to;
};

/* What a segment's options say. */
struct options {
	uint16_t mss; /* 0: nothing, as the next three */
	bool scaled, sack_ok, ts;
	uint8_t scale;
	uint32_t val, ecr; /* of ts */
	unsigned ranges;
	struct range range[SACK_MAX];
};

/* Reads those of G.  False: their lengths are wrong. */
bool options_read(const struct segment *g, struct options *o);
/* Writes timestamps to AT. */
void options_put_ts(uint8_t *at, uint32_t val, uint32_t ecr);
/*
 * Writes SACK blocks about what PCB waits with, into ROOM bytes at AT.  Returns
 * how many bytes, a multiple of four.
 */
unsigned options_put_sack(const struct tcp_pcb *pcb, uint8_t *at,
    unsigned room);

/* Data has come for C, with O: says how long a round trip takes. */
void window_timed(struct conn *c, const struct options *o);

#endif /* SHMIF_LWIPV6_TCP_OPTIONS_H */
