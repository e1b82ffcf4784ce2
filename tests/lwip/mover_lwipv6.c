/* SPDX-License-Identifier: BSD-2-Clause */
/* mover_lwipv6.c - mover.h on lwipv6 */
#include <sys/socket.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <lwipv6.h>
#include <shmif.h>

#include "tests/lib/netstack.h"
typedef int stack_len;

#include "tests/lwip/mover.h"

static socklen_t
stack_address(const char *text, unsigned port, struct sockaddr_storage *to,
    int *family)
{
	socklen_t len = net_addr(to, text, port);

	*family = to->ss_family;
	return len;
}
