/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ioctl.c - requests of programs that concern our interfaces
 *
 * DOC: The faults: SIOCSIFMTU takes any MTU; one above 1500 lets the library
 * write beyond buffers of its stack.  SIOCSIFHWADDR and SIOCSIFFLAGS change
 * the interface without telling its driver, so that the bus goes on filtering
 * by the old address.  SIOCSARP sends what waits for an address on the thread
 * of its caller.
 *
 * The cure: for an interface of ours these are done by the functions of
 * shmif.h, with their limits; the rest is left to the library, and so is
 * every other interface.  Entries of the ARP table are those of the interface
 * (link/neighbours.c), on the stack's thread.
 */
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <string.h>

#include "stack/lwipv6/link/link.h"

/* The interface of ours that NAME ("sh0") names, or NULL. */
static struct port *
named(struct stack *stack, const char *name)
{
	char n[IFNAMSIZ];

	memcpy(n, name, sizeof(n));
	n[IFNAMSIZ - 1] = '\0';
	return port_of(netif_find(stack, n));
}

/* Tells the bus what SIOCSIFFLAGS changed. */
static void
sync_promisc(struct port *port)
{
	shmif_set_promisc(port->netif.num,
	    (port->netif.flags & NETIF_FLAG_PROMISC) != 0);
}

/* Replaces the library's.  Returns 0 or an errno value. */
EXPORT int
OURS(netif_ioctl)(struct stack *stack, int cmd, struct ifreq *ifr, int cap)
{
	const int admin = 1 << 12; /* LWIP_CAP_NET_ADMIN */
	struct port *port = NULL;
	int error;

	if (ifr != NULL && (cap & admin) != 0 &&
	    (cmd == SIOCSIFMTU || cmd == SIOCSIFHWADDR || cmd == SIOCSIFFLAGS))
		port = named(stack, ifr->ifr_name);
	if (port != NULL && cmd == SIOCSIFMTU)
		return ifr->ifr_mtu <= 0 ?
		    EMSGSIZE :
		    shmif_set_mtu(port->netif.num, (unsigned)ifr->ifr_mtu);
	if (port != NULL && cmd == SIOCSIFHWADDR)
		return shmif_set_mac(port->netif.num,
		    (const uint8_t *)ifr->ifr_hwaddr.sa_data);
	error = real()->netif_ioctl(stack, cmd, ifr, cap);
	if (port != NULL && error == 0)
		sync_promisc(port);
	return error;
}

/* ---- the ARP table ------------------------------------------------------ */

struct job {
	struct port *port;
	int cmd;
	struct ip_addr ip;
	uint8_t mac[6];
	int flags; /* ATF_... */
	int error;
};

/* On the stack's thread. */
static void
do_job(void *arg)
{
	struct job *j = arg;

	switch (j->cmd) {
	case SIOCSARP:
		if (j->flags & ATF_PUBL)
			j->error = proxy_set(j->port, &j->ip, NULL);
		else if (j->flags & ATF_PERM)
			j->error = neigh_fix(j->port, &j->ip, j->mac);
		else
			neigh_learn(j->port, &j->ip, j->mac, true);
		break;
	case SIOCDARP:
		if (!proxy_drop(j->port, &j->ip))
			neigh_forget(j->port, &j->ip);
		break;
	default:
		if (!neigh_find(j->port, &j->ip, j->mac))
			j->error = ENXIO;
		break;
	}
}

static int
run_job(struct job *j)
{
	struct stack *stack = j->port->netif.stack;

	if (thread_inside(stack))
		do_job(j);
	else if (thread_call(stack, do_job, j) != 0)
		return ENOMEM;
	return j->error;
}

/* Replaces the library's.  Returns 0 or an errno value. */
EXPORT int
OURS(etharp_ioctl)(struct stack *stack, int cmd, struct arpreq *req, int cap)
{
	const int admin = 1 << 12;
	struct job j = { .cmd = cmd };
	int error;

	if (req == NULL)
		return EFAULT;
	if ((j.port = named(stack, req->arp_dev)) == NULL)
		return real()->etharp_ioctl(stack, cmd, req, cap);
	if (cmd != SIOCGARP && (cap & admin) == 0)
		return EPERM;
	if (req->arp_pa.sa_family == AF_INET) {
		j.ip.addr[2] = htonl(0xffff);
		memcpy(&j.ip.addr[3],
		    (const char *)&req->arp_pa +
			offsetof(struct sockaddr_in, sin_addr),
		    4);
	} else {
		return EINVAL;
	}
	memcpy(j.mac, req->arp_ha.sa_data, 6);
	j.flags = req->arp_flags;
	error = run_job(&j);
	if (error == 0 && cmd == SIOCGARP) {
		memcpy(req->arp_ha.sa_data, j.mac, 6);
		req->arp_ha.sa_family = ARPHRD_ETHER;
		req->arp_flags = ATF_COM;
	}
	return error;
}

/*
 * Replaces the library's, which calls it for a neighbour advertisement: IP has
 * the address MAC.
 */
EXPORT err_t
update_arp_entry(struct netif *netif, struct ip_addr *ip, uint8_t *mac,
    uint32_t flags)
{
	struct port *port = port_of(netif);

	if (port == NULL)
		return real()->update_arp_entry(netif, ip, mac, flags);
	if (thread_inside(netif->stack)) {
		dad_other(port, ip, mac, false);
		neigh_learn(port, ip, mac, false);
	}
	return ERR_OK;
}
