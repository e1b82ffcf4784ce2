/* SPDX-License-Identifier: BSD-2-Clause */
/* talk_lwipv6.c - lib/talk.h by calls of lwipv6 in the process */
#include <sys/socket.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <lwipv6.h>
#include <shmif.h>

typedef int talk_len;
#define talk_htons htons
#define talk_pton inet_pton
#define talk_sized(to) ((void)(to))

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
