/* SPDX-License-Identifier: BSD-2-Clause */
/* talk_lwip.c - lib/talk.h by calls of mainline lwIP in the process */
#include <stdbool.h>

#include <lwip/inet.h>
#include <lwip/netif.h>
#include <lwip/sockets.h>
#include <lwip/tcpip.h>
#include <shmif.h>

typedef size_t talk_len;
#define talk_htons lwip_htons
#define talk_pton lwip_inet_pton
#define talk_sized(to, n) ((to)->sa_len = (u8_t)(n))

#include "bench/lib/talk_bus.h"

/* lwIP looks for another one that has an IPv6 address first, for a second. */
static void
talk_settle(int unit)
{
	const struct netif *netif = shmif_netif(unit);
	bool wait;
	int i, k;

	for (i = 0; i < 500; i++) {
		LOCK_TCPIP_CORE();
		for (k = 0, wait = false; k < LWIP_IPV6_NUM_ADDRESSES; k++)
			wait |= ip6_addr_istentative(
			    netif_ip6_addr_state(netif, k));
		UNLOCK_TCPIP_CORE();
		if (!wait)
			break;
		usleep(10000);
	}
}
