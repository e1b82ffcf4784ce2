/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ctl/netlink.c - netlink sockets of other programs
 *
 * DOC: The fault: the library's own netlink leaves out what programs ask for.
 * Addresses have no IFA_LOCAL, a route that is not there is answered by half a
 * message, a link has no MTU, a mistake in the header of an answer, and there are
 * no neighbours.
 *
 * How it is seen: dnsmasq finds no address to serve by DHCP; `ip neigh' and `ip
 * route get' fail; interfaces have other names than shmifctl shows.
 *
 * The cure: for the sockets that stack_sock.h gives to other programs netlink is
 * shmif/rtnl.h, which tells what shmifctl would show.  The library's is left to
 * programs that call it, lwip_msocket(..., AF_NETLINK, ...).
 *
 * These sockets have numbers from FIRST on, which lwipv6 gives to nobody.
 */
#include <sys/socket.h>
#include <linux/netlink.h>
#include <errno.h>
#include <string.h>

#include "shmif/rtnl.h"
#include "stack/lwipv6/ctl/ctl.h"

#define FIRST (1 << 28)
#define SOCKS_MAX 4096
#define PORTS 0x40000000u /* nobody's process number is one */
#define BUFFER 212992	  /* what Linux says of a socket's buffers */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	struct rtnl *nl; /* NULL: free */
	void *stack;
} table[SOCKS_MAX];

int
nlsock_open(void *stack, int type, int protocol, int *sock)
{
	int error = ENFILE, i;

	if (type != SOCK_RAW && type != SOCK_DGRAM)
		return ESOCKTNOSUPPORT;
	if (protocol != NETLINK_ROUTE)
		return EPROTONOSUPPORT;
	pthread_mutex_lock(&lock);
	for (i = 0; i < SOCKS_MAX && table[i].nl != NULL; i++)
		continue;
	if (i < SOCKS_MAX) {
		table[i].nl = rtnl_new(&stack_ctl_lwipv6, stack,
		    PORTS + (uint32_t)i);
		table[i].stack = stack;
		error = table[i].nl == NULL ? ENOMEM : 0;
		*sock = FIRST + i;
	}
	pthread_mutex_unlock(&lock);
	return error;
}

struct rtnl *
nlsock_find(int sock, void **stack)
{
	struct rtnl *nl;

	if (sock < FIRST || sock >= FIRST + SOCKS_MAX)
		return NULL;
	pthread_mutex_lock(&lock);
	nl = table[sock - FIRST].nl;
	if (stack != NULL)
		*stack = table[sock - FIRST].stack;
	pthread_mutex_unlock(&lock);
	return nl;
}

void
nlsock_close(int sock)
{
	struct rtnl *nl;

	pthread_mutex_lock(&lock);
	nl = table[sock - FIRST].nl;
	table[sock - FIRST].nl = NULL;
	pthread_mutex_unlock(&lock);
	rtnl_free(nl);
}

int
nlsock_get(int level, int name, void *value, socklen_t *len)
{
	int v = 0;

	if (level != SOL_SOCKET)
		return ENOPROTOOPT;
	switch (name) {
	case SO_ERROR:
		break;
	case SO_DOMAIN:
		v = AF_NETLINK;
		break;
	case SO_SNDBUF:
	case SO_RCVBUF:
		v = BUFFER;
		break;
	default:
		return ENOPROTOOPT;
	}
	if (*len > (socklen_t)sizeof(v))
		*len = sizeof(v);
	memcpy(value, &v, *len);
	return 0;
}
