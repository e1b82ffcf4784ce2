/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arch/whole.h - read before lwIP's snmp_raw.c, mdns.c and sntp.c
 *
 * The SNMP agent, where it copies a request that came in fragments into its
 * answer, reads as many bytes behind a buffer as it began after its beginning:
 * others' memory goes out with the answer.  All of them get datagrams in one
 * piece.
 */
#ifndef SHMIF_LWIP_WHOLE_H
#define SHMIF_LWIP_WHOLE_H

#define SHMIF_LWIP_LEAST 0
#include <arch/datagram.h>

#endif /* SHMIF_LWIP_WHOLE_H */
