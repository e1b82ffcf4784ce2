/* SPDX-License-Identifier: BSD-2-Clause */
/* mover_lwip.c - mover.h on mainline lwIP */
#include <lwip/inet.h>
#include <lwip/sockets.h>
#include <shmif.h>

typedef size_t stack_len;

#include "tests/lwip/mover.h"

static socklen_t
stack_address(const char *text, unsigned port, struct sockaddr_storage *to,
    int *family)
{
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)to;
	struct sockaddr_in *v4 = (struct sockaddr_in *)to;

	memset(to, 0, sizeof(*to));
	if (lwip_inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_len = sizeof(*v4);
		v4->sin_family = AF_INET;
		v4->sin_port = lwip_htons((uint16_t)port);
		*family = AF_INET;
		return sizeof(*v4);
	}
	if (lwip_inet_pton(AF_INET6, text, &v6->sin6_addr) != 1)
		errx(2, "%s: no address", text);
	v6->sin6_len = sizeof(*v6);
	v6->sin6_family = AF_INET6;
	v6->sin6_port = lwip_htons((uint16_t)port);
	*family = AF_INET6;
	return sizeof(*v6);
}
