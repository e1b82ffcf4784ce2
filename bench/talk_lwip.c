/* SPDX-License-Identifier: BSD-2-Clause */
/* talk_lwip.c - lib/talk.h by calls of mainline lwIP in the process */
#include <lwip/inet.h>
#include <lwip/sockets.h>
#include <shmif.h>

typedef size_t talk_len;
#define talk_htons lwip_htons
#define talk_pton lwip_inet_pton
#define talk_sized(to) ((to)->sin_len = sizeof(*(to)))

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
