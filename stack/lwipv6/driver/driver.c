/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * driver.c - an interface on an lwipv6 stack
 *
 * DOC: Theory of Operation
 *
 * A port is the struct netif that lwipv6 knows and what belongs to it.  It is
 * put on a stack by tcpip_netif_add(), whose init function runs on the
 * stack's thread, and taken off there as well.
 *
 * Everything here but attach(), detach() and the few calls made on a
 * program's thread runs on the stack's thread, so nothing needs a lock.
 *
 * What it sends and receives is the subject of driver/frames.c.
 *
 * Taking off: on the stack's thread, in this order: the IP layer is told
 * (autoconfiguration and DHCP end), the interface is down, its addresses go
 * (which resets connections bound to them), and netif_remove() takes its
 * routes and calls port_leave().  Messages that name the netif may still be in
 * the stack's queue (datagrams to its own address): a second visit to the
 * stack's thread comes after them, and only then is memory freed.
 *
 * When the stack itself goes down, port_leave() is called without that.  The
 * stack will read the netif once more after it returns, so it goes to a
 * graveyard, which is cleared when the thread of the stack has ended.
 */
#include <sys/syscall.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shmif/later.h"
#include "stack/lwipv6/driver/driver.h"
#include "stack/lwipv6/wall/wall.h"

static_assert(WALL_REASONS <= UNIT_REFUSALS_MAX, "each has a counter");

#define TIMER_MS 1000

static struct port *graveyard;
static pthread_mutex_t graveyard_lock = PTHREAD_MUTEX_INITIALIZER;

static struct port *
port_in(struct unit *u)
{
	return unit_port(u);
}

/* ---- what lwipv6 calls -------------------------------------------------- */

static void
port_timer(void *arg)
{
	struct netif *netif = arg;

	neigh_timer(netif->state);
	reass_timer(netif->state);
	dad_timer(netif->state);
	group_timer(netif->state);
	ra_timer(netif->state);
	dhcp_timer(netif->state);
	sys_timeout(TIMER_MS, port_timer, netif);
}

/* The interface went down; or it is up, on a link that may be another. */
static void
link_gone(void *arg)
{
	neigh_flush(arg);
	redirect_free(arg);
}

static void
link_begun(void *arg)
{
	neigh_flush(arg);
	redirect_free(arg);
	dad_note_all(arg);
	group_again(arg);
	dad_begin_all(arg);
	ra_link(arg);
	dhcp_link(arg);
}

/*
 * netif.change: the interface went up or down, or its MTU was changed.  The
 * library calls it on the thread of whoever asked.
 */
static void
port_change(struct netif *netif, uint32_t type)
{
	struct port *port = netif->state;

	if (type == NETIF_CHANGE_MTU) {
		netif->mtu = port->mtu; /* ctl/ioctl.c has decided */
	} else if (thread_inside(netif->stack)) {
		ip_notify(netif, type);
		link_gone(port);
	} else {
		/* What is begun by the notice comes after what was there. */
		thread_call(netif->stack,
		    type == NETIF_CHANGE_UP ? link_begun : link_gone, port);
		tcpip_notify(netif, type);
	}
}

/* Frees the addresses of NETIF; routes and connections are gone. */
static void
free_addresses(struct netif *netif)
{
	while (netif->addrs != NULL) {
		struct ip_addr_list *el = netif->addrs->next;

		ip_addr_list_del(&netif->addrs, el);
		ip_addr_list_free(netif->stack, el);
	}
}

/* port.leave: the interface leaves its stack. */
static void
port_leave(struct port *port)
{
	struct netif *netif = &port->netif;
	struct unit *u = port->unit;

	if (port->neigh == NULL)
		return;
	sys_untimeout(port_timer, netif);
	neigh_free(port->neigh);
	port->neigh = NULL;
	proxy_free(port);
	reass_free(port->reass);
	port->reass = NULL;
	group_free(port);
	path_free(port->paths);
	port->paths = NULL;
	redirect_free(port);
	ra_free(port);
	dhcp_free(port);
	free(port->dad);
	port->dad = NULL;
	if (netif->radv != NULL) {
		ip_radv_stop(netif);
		ip_radv_netif_reset(netif);
		mem_free(netif->radv);
		netif->radv = NULL;
	}
	if (port->removing)
		return;
	netif->flags &= (uint16_t)~NETIF_FLAG_UP;
	ip_route_list_delnetif(netif->stack, netif);
	free_addresses(netif);
	port->unit = NULL;
	port->tid = (int)syscall(SYS_gettid);
	pthread_mutex_lock(&graveyard_lock);
	port->next = graveyard;
	graveyard = port;
	pthread_mutex_unlock(&graveyard_lock);
	unit_orphaned(u);
}

/* Frees ports whose stack's thread has ended. */
static void
clear_graveyard(void)
{
	struct port **pp;

	pthread_mutex_lock(&graveyard_lock);
	for (pp = &graveyard; *pp != NULL;) {
		struct port *port = *pp;

		if (syscall(SYS_tgkill, getpid(), port->tid, 0) == 0) {
			pp = &port->next;
			continue;
		}
		*pp = port->next;
		free(port);
	}
	pthread_mutex_unlock(&graveyard_lock);
}

/* ---- on and off --------------------------------------------------------- */

/* The init function of tcpip_netif_add(): on the stack's thread. */
static err_t
port_init(struct netif *netif)
{
	struct port *port = netif->state;

	if (!thread_inside(netif->stack))
		return ERR_IF;
	netif->name[0] = 's';
	netif->name[1] = 'h';
	netif->link_type = NETIF_LINK_TYPE;
	netif->num = (uint8_t)port->unit->num;
	netif->output = neigh_output;
	netif->linkoutput = link_output;
	netif->netifctl = port_ctl;
	netif->hwaddr_len = 6;
	netif->flags |= NETIF_FLAG_BROADCAST;
	netif->type = NETIF_ARPHRD_ETHER;
	sys_timeout(TIMER_MS, port_timer, netif);
	return ERR_OK;
}

static int
port_attach(struct unit *u, void *stack, const struct stack_setup *how)
{
	struct ip_addr ip = { { htonl(0xfe800000) } };
	struct ip_addr mask = { { UINT32_MAX, UINT32_MAX } };
	struct port *port;
	int error;

	if (thread_inside(stack))
		return EDEADLK;
	clear_graveyard();
	close_at_exit();
	if ((error = real_check()) != 0 || (error = layout_check(stack)) != 0)
		return error;
	sem_early(stack);
	if ((port = calloc(1, sizeof(*port))) == NULL)
		return ENOMEM;
	if ((port->neigh = neigh_new()) == NULL) {
		free(port);
		return ENOMEM;
	}
	port->unit = u;
	port->leave = port_leave;
	port->mtu = how->mtu;
	port->netif.mtu = how->mtu;
	memcpy(port->netif.hwaddr, how->mac, 6);
	port->netif.flags = (uint16_t)((how->autoconf ? NETIF_FLAG_AUTOCONF :
							0) |
	    (how->radv ? NETIF_FLAG_RADV : 0) |
	    (how->promisc ? NETIF_FLAG_PROMISC : 0));
	unit_set_port(u, port);
	if (tcpip_netif_add(stack, &port->netif, port, port_init, tcpip_input,
		port_change) == NULL) {
		neigh_free(port->neigh);
		free(port);
		return ENOMEM;
	}
	if (!how->link)
		port->netif.flags &= (uint16_t) ~(
		    NETIF_FLAG_LINK_UP | NETIF_FLAG_RUNNING);
	if (!how->autoconf) {
		prefixes_identify(&port->netif, &ip);
		netif_add_addr(&port->netif, &ip, &mask);
	}
	return 0;
}

static void
nothing(void *arg)
{
	(void)arg;
}

/* Takes a port off its stack; on the stack's thread. */
static void
take_off(void *arg)
{
	struct port *port = arg;
	struct netif *netif = &port->netif;

	port_quiet(netif);
	port->removing = true;
	netif_remove(netif);
	port->unit = NULL;
}

/* thread_call() that does not give up. */
static void
call_surely(struct stack *stack, void (*fn)(void *), void *arg)
{
	while (thread_call(stack, fn, arg) != 0)
		usleep(1000);
}

static void
port_detach(struct unit *u)
{
	struct port *port = port_in(u);
	struct stack *stack = port->netif.stack;

	call_surely(stack, take_off, port);
	call_surely(stack, nothing, NULL);
	free(port);
}

static int
port_find(void **stack)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

	pthread_mutex_lock(&lock);
	*stack = lwip_stack_get();
	if (*stack == NULL) {
		*stack = lwip_add_stack(0);
		if (*stack != NULL)
			lwip_stack_set(*stack);
	}
	pthread_mutex_unlock(&lock);
	return *stack == NULL ? ENOMEM : 0;
}

/* ---- the rest of the seam ----------------------------------------------- */

static bool
port_inside(struct unit *u)
{
	return thread_inside(u->stack);
}

static int
port_call(struct unit *u, void (*fn)(void *), void *arg)
{
	return thread_call(u->stack, fn, arg);
}

/* Takes what there is for U from its bus. */
static void
port_drain(struct unit *u)
{
	struct stack *stack = u->stack;

	later_begin();
	mbox_batch_begin();
	unit_drain(u);
	tcp_batch_end(stack);
	mbox_batch_end();
	later_end();
}

static void
kicked(void *arg)
{
	port_drain(arg);
}

static int
port_kick(struct unit *u)
{
	return tcpip_callback(u->stack, kicked, u, 0) == ERR_OK ? 0 : ENOMEM;
}

struct watching {
	struct unit *unit;
	bool did;
};

static void
begin_watching(void *arg)
{
	struct watching *w = arg;

	w->did = mbox_watch(w->unit->stack, w->unit, port_drain);
}

static void
end_watching(void *arg)
{
	struct unit *u = arg;

	mbox_unwatch(u->stack, u);
}

static bool
port_watch(struct unit *u)
{
	struct watching w = { .unit = u };

	return thread_call(u->stack, begin_watching, &w) == 0 && w.did;
}

static void
port_unwatch(struct unit *u)
{
	if (thread_inside(u->stack))
		end_watching(u);
	else
		call_surely(u->stack, end_watching, u);
}

static bool
port_is_up(struct unit *u)
{
	return (port_in(u)->netif.flags & NETIF_FLAG_UP) != 0;
}

static void
port_set_mac(struct unit *u, const uint8_t mac[6])
{
	uint8_t *hw = port_in(u)->netif.hwaddr;
	int i;

	for (i = 0; i < 6; i++)
		__atomic_store_n(&hw[i], mac[i], __ATOMIC_RELAXED);
	/* Neighbours would go on for a while with the old one. */
	neigh_announce_all(port_in(u));
}

static void
port_set_mtu(struct unit *u, uint16_t mtu)
{
	port_in(u)->mtu = mtu;
	__atomic_store_n(&port_in(u)->netif.mtu, mtu, __ATOMIC_RELAXED);
}

static void
set_flags(struct unit *u, unsigned flags, bool on)
{
	struct netif *netif = &port_in(u)->netif;

	if (on)
		__atomic_fetch_or(&netif->flags, flags, __ATOMIC_RELAXED);
	else
		__atomic_fetch_and(&netif->flags, ~flags, __ATOMIC_RELAXED);
}

static void
port_set_link(struct unit *u, bool on)
{
	set_flags(u, NETIF_FLAG_LINK_UP | NETIF_FLAG_RUNNING, on);
	if (on)
		link_begun(port_in(u));
	else
		link_gone(port_in(u));
}

static void
port_set_promisc(struct unit *u, bool on)
{
	set_flags(u, NETIF_FLAG_PROMISC, on);
}

static void
port_set_up(struct unit *u, bool up)
{
	struct netif *netif = &port_in(u)->netif;

	if (up)
		netif_set_up(netif, 0);
	else
		netif_set_down(netif);
}

static int
port_set_address(struct unit *u, const uint8_t ip[16], unsigned prefix,
    bool add)
{
	struct netif *netif = &port_in(u)->netif;
	struct ip_addr addr, mask;
	uint8_t m[16] = { 0 };
	unsigned i;
	int r;

	for (i = 0; i < prefix; i++)
		m[i / 8] |= (uint8_t)(0x80 >> i % 8);
	memcpy(&addr, ip, sizeof(addr));
	memcpy(&mask, m, sizeof(mask));
	r = add ? netif_add_addr(netif, &addr, &mask) :
		  netif_del_addr(netif, &addr, &mask);
	return -r;
}

static void
port_look(struct unit *u, bool *up, bool *promisc, uint16_t *mtu,
    uint8_t mac[6])
{
	const struct netif *netif = &port_in(u)->netif;
	uint16_t flags = __atomic_load_n(&netif->flags, __ATOMIC_RELAXED);
	int i;

	*up = (flags & NETIF_FLAG_UP) != 0;
	*promisc = (flags & NETIF_FLAG_PROMISC) != 0;
	*mtu = __atomic_load_n(&netif->mtu, __ATOMIC_RELAXED);
	for (i = 0; i < 6; i++)
		mac[i] = __atomic_load_n(&netif->hwaddr[i], __ATOMIC_RELAXED);
}

static void *
port_handle(struct unit *u)
{
	return &port_in(u)->netif;
}

/* The reasons are those of the wall, and of what judges by itself. */
static const char *
port_refusal(unsigned reason)
{
	return reason < WALL_REASONS ?
	    wall_reason_text((enum wall_reason)reason) :
	    NULL;
}

const struct stack_ops the_stack = {
	.name = "lwipv6",
	.mtu_max = LWIPV6_MTU_MAX,
	.find = port_find,
	.attach = port_attach,
	.detach = port_detach,
	.inside = port_inside,
	.call = port_call,
	.kick = port_kick,
	.watch = port_watch,
	.unwatch = port_unwatch,
	.is_up = port_is_up,
	.buffer = port_buffer,
	.drop = port_drop,
	.input = port_input,
	.set_mac = port_set_mac,
	.set_mtu = port_set_mtu,
	.set_link = port_set_link,
	.set_promisc = port_set_promisc,
	.set_up = port_set_up,
	.address = port_set_address,
	.look = port_look,
	.handle = port_handle,
	.refusal = port_refusal,
	.ctl = &stack_ctl_lwipv6,
	.sock = &stack_sock_lwipv6,
};
