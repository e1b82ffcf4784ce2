/* SPDX-License-Identifier: BSD-2-Clause */
/* peer_lwip.c - peer.h on mainline lwIP */
#include <lwip/inet.h>
#include <lwip/netif.h>
#include <lwip/sockets.h>
#include <lwip/tcpip.h>

typedef size_t stack_len;
#define stack_htons lwip_htons
#define stack_pton lwip_inet_pton
#define stack_sized(to, n) ((to)->s2_len = (u8_t)(n))

#include "demo/peer.h"

static const bool stack_sums6 = true;

/* There is one stack in a process. */
static int
stack_socket(int of, int family, int type, int protocol)
{
	(void)of;
	return lwip_socket(family, type, protocol);
}

/* lwIP looks for duplicates of an IPv6 address for a second. */
static void
stack_ready(int of)
{
	const struct timespec step = { .tv_nsec = 20000000 };
	const struct netif *netif = shmif_netif(of);
	bool tentative;
	int i;

	do {
		tentative = false;
		LOCK_TCPIP_CORE();
		for (i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++)
			tentative |= ip6_addr_istentative(
			    netif_ip6_addr_state(netif, i));
		UNLOCK_TCPIP_CORE();
		if (tentative)
			nanosleep(&step, NULL);
	} while (tentative);
}
