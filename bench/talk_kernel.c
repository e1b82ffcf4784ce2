/* SPDX-License-Identifier: BSD-2-Clause */
/* talk_kernel.c - lib/talk.h by system calls: of the kernel, or of mstack */
#include <sys/socket.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

typedef size_t talk_len;
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

static socklen_t
talk_address(const char *text, unsigned port, struct sockaddr_in *to)
{
	memset(to, 0, sizeof(*to));
	to->sin_family = AF_INET;
	to->sin_port = htons((uint16_t)port);
	if (inet_pton(AF_INET, text, &to->sin_addr) != 1)
		errx(2, "%s: no address", text);
	return sizeof(*to);
}
