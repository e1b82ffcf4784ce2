/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arch/netbiosns.h - read before lwIP's netbiosns.c
 *
 * It decodes a name for as long as it has capital letters, which may be longer
 * than the datagram.  A name has 32 of them (RFC 1001), behind a header of 12 bytes
 * and a length; what follows must be something else.
 */
#ifndef SHMIF_LWIP_NETBIOSNS_H
#define SHMIF_LWIP_NETBIOSNS_H

#define SHMIF_LWIP_LEAST 50
#define SHMIF_LWIP_WELL(bytes) ((bytes)[45] < 'A' || (bytes)[45] > 'Z')
#include <arch/datagram.h>

#endif /* SHMIF_LWIP_NETBIOSNS_H */
