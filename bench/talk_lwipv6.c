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
#define talk_sized(to, n) ((void)(to))

#include "bench/lib/talk_bus.h"

/* Its addresses can be used at once. */
static void
talk_settle(int unit)
{
	(void)unit;
}
