/* SPDX-License-Identifier: BSD-2-Clause */
/* talk_lwip.c - lib/talk.h by calls of mainline lwIP in the process */
#include <lwip/inet.h>
#include <lwip/sockets.h>
#include <shmif.h>

typedef size_t talk_len;

#include "bench/lib/talk.h"

static void
talk_up(const char *bus, const char *address)
{
	int unit, error;

	if ((error = shmif_create(bus, &unit)) != 0 ||
	    (error = shmif_add_addr(unit, address)) != 0 ||
	    (error = shmif_up(unit)) != 0)
		errx(1, "%s, %s: %s", bus, address, strerror(error));
}

static socklen_t
talk_address(const char *text, unsigned port, struct sockaddr_in *to)
{
	memset(to, 0, sizeof(*to));
	to->sin_len = sizeof(*to);
	to->sin_family = AF_INET;
	to->sin_port = lwip_htons((uint16_t)port);
	if (lwip_inet_pton(AF_INET, text, &to->sin_addr) != 1)
		errx(2, "%s: no address", text);
	return sizeof(*to);
}
