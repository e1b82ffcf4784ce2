/* SPDX-License-Identifier: BSD-2-Clause */
/* peer_lwipv6.c - peer.h on lwipv6 */
#include <arpa/inet.h>
#include <lwipv6.h>
#include <netinet/in.h>
#include <sys/socket.h>

typedef int stack_len;
#define stack_htons htons
#define stack_pton inet_pton
#define stack_sized(to, n) ((void)(to))

#include "demo/peer.h"

static const bool stack_sums6 = false;

static int
stack_socket(int of, int family, int type, int protocol)
{
	return lwip_msocket(shmif_stack(of), family, type, protocol);
}

/* They can be used at once. */
static void
stack_ready(int of)
{
	(void)of;
}
