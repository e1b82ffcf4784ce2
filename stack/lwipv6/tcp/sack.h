/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sack.h - which segments of a connection are on their way (not installed)
 */
#ifndef SHMIF_LWIPV6_TCP_SACK_H
#define SHMIF_LWIPV6_TCP_SACK_H

#include "stack/lwipv6/tcp/options.h"

/* How many bytes of C are on their way: RFC 6675, 4, "pipe". */
uint32_t sack_flight(const struct conn *c);
/* Whether O says that something more has arrived; notes what. */
bool sack_take(struct conn *c, const struct options *o);
/* Calls those lost of which so much is known. */
void sack_find_lost(struct conn *c);
/* All that C has sent is to be sent again; FORGET: also what was SACKed. */
void sack_all_lost(struct conn *c, bool forget);

#endif /* SHMIF_LWIPV6_TCP_SACK_H */
