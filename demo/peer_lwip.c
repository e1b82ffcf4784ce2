/* SPDX-License-Identifier: BSD-2-Clause */
/* peer_lwip.c - peer.h on mainline lwIP */
#include <lwip/inet.h>
#include <lwip/netif.h>
#include <lwip/sockets.h>
#include <lwip/tcpip.h>

typedef size_t stack_len;

#include "demo/peer.h"

static const bool stack_sums6 = true;

/* There is one stack in a process. */
static int
stack_socket(int of, int family, int type, int protocol)
{
	(void)of;
	return lwip_socket(family, type, protocol);
}

static socklen_t
stack_address(const char *text, int family, unsigned port,
    struct sockaddr_storage *to)
{
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)to;
	struct sockaddr_in *v4 = (struct sockaddr_in *)to;

	memset(to, 0, sizeof(*to));
	if (family == AF_INET) {
		v4->sin_len = sizeof(*v4);
		v4->sin_family = AF_INET;
		v4->sin_port = lwip_htons((uint16_t)port);
		if (text && lwip_inet_pton(AF_INET, text, &v4->sin_addr) != 1)
			return 0;
		return sizeof(*v4);
	}
	v6->sin6_len = sizeof(*v6);
	v6->sin6_family = AF_INET6;
	v6->sin6_port = lwip_htons((uint16_t)port);
	if (text && lwip_inet_pton(AF_INET6, text, &v6->sin6_addr) != 1)
		return 0;
	return sizeof(*v6);
}

static bool
stack_bytes(const char *text, uint8_t bytes[16])
{
	return lwip_inet_pton(AF_INET6, text, bytes) == 1;
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
