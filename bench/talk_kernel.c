/* SPDX-License-Identifier: BSD-2-Clause */
/* talk_kernel.c - lib/talk.h by system calls: of the kernel, or of mstack */
#include <sys/socket.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

typedef size_t talk_len;
#define talk_htons htons
#define talk_pton inet_pton
#define talk_sized(to, n) ((void)(to))
#define lwip_socket socket
#define lwip_bind bind
#define lwip_listen listen
#define lwip_accept accept
#define lwip_connect connect
#define lwip_setsockopt setsockopt
#define lwip_send send
#define lwip_recv recv
#define lwip_close close

#include "bench/lib/talk.h"

static void
talk_up(const char *bus, const char *address)
{
	errx(2, "%s, %s: the sockets are those that there are", bus, address);
}
