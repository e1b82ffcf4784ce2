/* SPDX-License-Identifier: BSD-2-Clause */
/* peer_lwipv6.c - peer.h on lwipv6 */
#include <arpa/inet.h>
#include <lwipv6.h>
#include <netinet/in.h>
#include <sys/socket.h>

typedef int stack_len;

#include "demo/peer.h"

static const bool stack_sums6 = false;

static int
stack_socket(int of, int family, int type, int protocol)
{
	return lwip_msocket(shmif_stack(of), family, type, protocol);
}

static socklen_t
stack_address(const char *text, int family, unsigned port,
    struct sockaddr_storage *to)
{
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)to;
	struct sockaddr_in *v4 = (struct sockaddr_in *)to;

	memset(to, 0, sizeof(*to));
	if (family == AF_INET) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)port);
		if (text && inet_pton(AF_INET, text, &v4->sin_addr) != 1)
			return 0;
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons((uint16_t)port);
	if (text && inet_pton(AF_INET6, text, &v6->sin6_addr) != 1)
		return 0;
	return sizeof(*v6);
}

static bool
stack_bytes(const char *text, uint8_t bytes[16])
{
	return inet_pton(AF_INET6, text, bytes) == 1;
}

/* They can be used at once. */
static void
stack_ready(int of)
{
	(void)of;
}
