/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * driver.c - an interface on mainline lwIP
 *
 * DOC: Theory of Operation
 *
 * There is one lwIP in a process, begun with the first unit; it never ends.
 * "On the stack's thread", as the seam has it, means with the core's lock.
 *
 * Receiving: a unit's receive thread waits for the bus.  kick() takes the lock
 * and drains on that same thread, up to a budget; then the lock is free for
 * programs and timers.  So a frame that comes wakes one thread, and the program
 * that waits for its bytes is the second.
 *
 * Sending: with the lock held, on whatever thread called lwIP.
 *
 * Taking off: the receive thread is stopped by then.  With the lock the
 * interface goes down and is removed, which resets the connections of its
 * addresses; lwIP refers to interfaces in packets by number, so nothing points
 * to it when the lock is given back, and its memory is freed.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lwip/etharp.h>
#include <lwip/ethip6.h>
#include <lwip/nd6.h>
#include <lwip/netif.h>
#include <lwip/snmp.h>
#include <lwip/tcpip.h>
#include <netif/ethernet.h>

#include "shmif/later.h"
#include "shmif/stack_ctl.h"
#include "stack/lwip/ctl.h"
#include "stack/lwip/port.h"
#include "stack/lwip/wall.h"
#include "stack/lwip/routes.h"
#include "stack/lwip/sock/seam.h"

/* A frame of this and its Ethernet header is the longest that a pbuf holds. */
#define LWIP_MTU_MAX 65521

/* The stack, of which there is one.  Programs see its address only. */
static struct stack {
	char nothing;
} lwip;

static struct port *
port_in(struct unit *u)
{
	return unit_port(u);
}

/* ---- the stack ---------------------------------------------------------- */

/*
 * Has what goes through lwIP's own loop carry checksums, as with Linux: programs
 * with raw sockets look at them, and so does told.c.
 */
static void
loop_sums(void)
{
	struct netif *netif;

	LOCK_TCPIP_CORE();
	NETIF_FOREACH(netif)
	NETIF_SET_CHECKSUM_CTRL(netif, NETIF_CHECKSUM_ENABLE_ALL);
	UNLOCK_TCPIP_CORE();
}

static void
begin(void)
{
	hooks_begin();
	tcpip_init(NULL, NULL);
	loop_sums();
	exit_begin();
}

static int
port_find(void **stack)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, begin);
	*stack = &lwip;
	return 0;
}

/* ---- on and off --------------------------------------------------------- */

/* The init function of netif_add(). */
static err_t
port_init(struct netif *netif)
{
	const struct port *port = netif->state;

	netif->name[0] = 's';
	netif->name[1] = 'h';
	netif->output = etharp_output;
	netif->output_ip6 = ethip6_output;
	netif->linkoutput = port_linkoutput;
	netif->hwaddr_len = ETH_HWADDR_LEN;
	netif->flags |= NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP |
	    NETIF_FLAG_ETHERNET | NETIF_FLAG_IGMP | NETIF_FLAG_MLD6;
	netif_set_ip6_autoconfig_enabled(netif, port->autoconf);
	MIB2_INIT_NETIF(netif, snmp_ifType_ethernet_csmacd, 0);
	return ERR_OK;
}

static int
port_attach(struct unit *u, void *stack, const struct stack_setup *how)
{
	struct port *port;

	if (stack != &lwip)
		return EINVAL;
	if (core_inside())
		return EDEADLK;
	if (how->radv) {
		fprintf(stderr, "shmif: lwIP does not advertise as a router\n");
		return ctl_lacks("lwIP does not advertise as a router");
	}
	if ((port = calloc(1, sizeof(*port))) == NULL)
		return ENOMEM;
	port->unit = u;
	port->autoconf = how->autoconf;
	port->promisc = how->promisc;
	port->netif.mtu = how->mtu;
	memcpy(port->netif.hwaddr, how->mac, ETH_HWADDR_LEN);
	unit_set_port(u, port);
	LOCK_TCPIP_CORE();
	if (netif_add(&port->netif, NULL, NULL, NULL, port, port_init,
		ethernet_input) == NULL) {
		UNLOCK_TCPIP_CORE();
		free(port);
		return ENOMEM;
	}
	port->netif.mtu = how->mtu;
	port->netif.mtu6 = how->mtu;
	netif_create_ip6_linklocal_address(&port->netif, 1);
	if (netif_default == NULL)
		netif_set_default(&port->netif);
	if (how->link)
		netif_set_link_up(&port->netif);
	UNLOCK_TCPIP_CORE();
	return 0;
}

static void
port_detach(struct unit *u)
{
	struct port *port = port_in(u);
	struct netif *netif = &port->netif, *other;

	LOCK_TCPIP_CORE();
	ctl_forget(netif);
	routes_forget(netif);
	netif_set_down(netif);
	netif_remove(netif);
	if (netif_default == NULL) {
		NETIF_FOREACH(other)
		{
			if (port_of(other) != NULL) {
				netif_set_default(other);
				break;
			}
		}
	}
	UNLOCK_TCPIP_CORE();
	free(port);
}

/* ---- the rest of the seam ----------------------------------------------- */

static bool
port_inside(struct unit *u)
{
	(void)u;
	return core_inside();
}

static int
port_call(struct unit *u, void (*fn)(void *), void *arg)
{
	(void)u;
	LOCK_TCPIP_CORE();
	fn(arg);
	UNLOCK_TCPIP_CORE();
	return 0;
}

static int
port_kick(struct unit *u)
{
	struct port *port = port_in(u);

	later_begin();
	LOCK_TCPIP_CORE();
	unit_drain(u);
	merge_end(&port->netif, &port->merge);
	UNLOCK_TCPIP_CORE();
	later_end();
	return 0;
}

static bool
port_is_up(struct unit *u)
{
	return netif_is_up(&port_in(u)->netif);
}

static void
port_set_mac(struct unit *u, const uint8_t mac[6])
{
	struct netif *netif = &port_in(u)->netif;

	memcpy(netif->hwaddr, mac, ETH_HWADDR_LEN);
	if (netif_is_up(netif) && netif_is_link_up(netif) &&
	    !ip4_addr_isany_val(*netif_ip4_addr(netif)))
		etharp_gratuitous(netif);
}

static void
port_set_mtu(struct unit *u, uint16_t mtu)
{
	struct netif *netif = &port_in(u)->netif;

	netif->mtu = mtu;
	netif->mtu6 = mtu;
}

static void
port_set_link(struct unit *u, bool on)
{
	struct netif *netif = &port_in(u)->netif;

	if (on) {
		netif_set_link_up(netif);
	} else {
		netif_set_link_down(netif);
		/* Another bus has other neighbours and routers. */
		etharp_cleanup_netif(netif);
		nd6_cleanup_netif(netif);
	}
}

static void
port_set_promisc(struct unit *u, bool on)
{
	/* Nothing in lwIP sees what is for others. */
	__atomic_store_n(&port_in(u)->promisc, on, __ATOMIC_RELAXED);
}

static void
port_set_up(struct unit *u, bool up)
{
	struct netif *netif = &port_in(u)->netif;

	LOCK_TCPIP_CORE();
	if (up) {
		netif_set_up(netif);
	} else {
		netif_set_down(netif);
		etharp_cleanup_netif(netif);
		nd6_cleanup_netif(netif);
	}
	UNLOCK_TCPIP_CORE();
}

static int
port_address(struct unit *u, const uint8_t ip[16], unsigned prefix, bool add)
{
	int error;

	LOCK_TCPIP_CORE();
	error = ctl_change_address(&port_in(u)->netif, ip, prefix, add);
	UNLOCK_TCPIP_CORE();
	return error;
}

static void
port_look(struct unit *u, bool *up, bool *promisc, uint16_t *mtu,
    uint8_t mac[6])
{
	const struct netif *netif = &port_in(u)->netif;
	int i;

	*up = (__atomic_load_n(&netif->flags, __ATOMIC_RELAXED) &
		  NETIF_FLAG_UP) != 0;
	*promisc = __atomic_load_n(&port_in(u)->promisc, __ATOMIC_RELAXED);
	*mtu = __atomic_load_n(&netif->mtu, __ATOMIC_RELAXED);
	for (i = 0; i < ETH_HWADDR_LEN; i++)
		mac[i] = __atomic_load_n(&netif->hwaddr[i], __ATOMIC_RELAXED);
}

static void *
port_handle(struct unit *u)
{
	return &port_in(u)->netif;
}

const struct stack_ops the_stack = {
	.name = "lwip",
	.mtu_max = LWIP_MTU_MAX,
	.find = port_find,
	.attach = port_attach,
	.detach = port_detach,
	.inside = port_inside,
	.call = port_call,
	.kick = port_kick,
	.is_up = port_is_up,
	.buffer = port_buffer,
	.drop = port_drop,
	.input = port_input,
	.set_mac = port_set_mac,
	.set_mtu = port_set_mtu,
	.set_link = port_set_link,
	.set_promisc = port_set_promisc,
	.set_up = port_set_up,
	.address = port_address,
	.look = port_look,
	.handle = port_handle,
	.refusal = wall_text,
	.ctl = &lwip_ctl,
	.sock = &stack_sock_lwip,
};
