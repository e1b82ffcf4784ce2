/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * udp.c - UDP sockets
 *
 * DOC: See dgram.c for the faults and the cure.  Groups are in multicast.c, and
 * what comes in is in udp_in.c.
 */
#include <errno.h>
#include <string.h>

#include "stack/lwipv6/sock/sock.h"

#define IP4_HLEN 20u
#define UDP_HLEN 8u

/* ---- the pcb; on the stack's thread ------------------------------------- */

static int
udp_open(struct sock *s)
{
	if ((s->pcb.udp = udp_new(s->stack)) == NULL)
		return ENOBUFS;
	udp_recv(s->pcb.udp, dgram_udp_arrived, s);
	sock_hold(s);
	return 0;
}

static void
udp_gone(struct sock *s)
{
	group_close(s);
	udp_remove(s->pcb.udp);
}

/* ---- addresses; on the stack's thread ----------------------------------- */

/* Gives S the address and port TO, or any port. */
static int
bind_to(struct sock *s, struct sock_dest *to)
{
	int error = port_choose(s, to);

	if (error != 0)
		return error;
	s->pcb.udp->local_ip = to->ip;
	s->pcb.udp->local_port = to->port;
	dgram_apply(s);
	port_bound(s, to); /* it hears what comes there: udp_in.c */
	return 0;
}

static int
udp_bind_to(struct sock *s, struct sock_dest *to)
{
	return s->bound ? EINVAL : bind_to(s, to);
}

/* Gives S a port, if it has none; the program may still bind it. */
static int
give_port(struct sock *s)
{
	struct sock_dest any = { .port = 0 };
	int error = 0;

	if (s->local_port == 0 && (error = bind_to(s, &any)) == 0) {
		pthread_mutex_lock(&s->lock);
		s->bound = false;
		pthread_mutex_unlock(&s->lock);
	}
	return error;
}

/*
 * Whether S must not send to IP: to all on a network only those may that say so,
 * by SO_BROADCAST (socket(7)).
 */
static bool
is_forbidden(struct sock *s, const struct ip_addr *ip)
{
	bool may;

	pthread_mutex_lock(&s->lock);
	may = (s->so_options & SOF_BROADCAST) != 0;
	pthread_mutex_unlock(&s->lock);
	return !may && ip_is_v4(ip) && ip_is_broadcast(s->stack, ip);
}

/* Connects S to TO; NULL: to nobody any more. */
static int
udp_connect_to(struct sock *s, struct sock_dest *to)
{
	const struct sock_dest nobody = { .port = 0 };
	struct ip_addr from = { { 0 } };
	struct netif *netif;
	int error = ENETUNREACH;

	if (to == NULL) {
		memset(&s->pcb.udp->remote_ip, 0,
		    sizeof(s->pcb.udp->remote_ip));
		s->pcb.udp->remote_port = 0;
		dgram_connected(s, &s->pcb.udp->local_ip, &from, &nobody);
		return 0;
	}
	if (ip_is_group(&to->ip))
		error = group_route(s, &to->ip, &netif, &from);
	if (error == ENETUNREACH)
		error = ip_route_from(s->stack, &to->ip, NULL, &from);
	if (error == 0 && is_forbidden(s, &to->ip))
		error = EACCES;
	if (error != 0 || (error = give_port(s)) != 0)
		return error;
	s->pcb.udp->remote_ip = to->ip;
	s->pcb.udp->remote_port = to->port;
	dgram_connected(s, &s->pcb.udp->local_ip, &from, to);
	return 0;
}

/* ---- the table ---------------------------------------------------------- */

/* Sends G as its wish has it, by S's pcb, which is as it was afterwards. */
static int
send_as_wished(struct dgram *g)
{
	const struct sock_wish *w = g->wish;
	struct udp_pcb *pcb = g->s->pcb.udp, was = *pcb;
	bool chosen;
	err_t err;

	if (w != NULL && w->has_from)
		pcb->local_ip = w->from;
	pthread_mutex_lock(&g->s->lock);
	chosen = g->s->ttl >= 0;
	pthread_mutex_unlock(&g->s->lock);
	if (!chosen)
		pcb->ttl = ip_hops(g->s->stack, &g->to.ip, pcb->ttl);
	if (w != NULL && w->ttl >= 0)
		pcb->ttl = (uint8_t)w->ttl;
	if (w != NULL && w->tos >= 0)
		pcb->tos = (uint8_t)w->tos;
	neigh_class = pcb->tos;
	err = udp_sendto(pcb, g->p, &g->to.ip, g->to.port);
	neigh_class = 0;
	pcb->local_ip = was.local_ip;
	pcb->ttl = was.ttl;
	pcb->tos = was.tos;
	return name_errno(err);
}

/* Whether W makes sense on S's stack.  0 or an errno value. */
static int
judge_wish(struct sock *s, const struct sock_wish *w)
{
	struct ip_addr from = w->from;

	if (w->interface != 0 &&
	    (w->interface < 0 || netif_find_id(s->stack, w->interface) == NULL))
		return ENODEV;
	if (!w->has_from || ip_is_own(s->stack, &from))
		return 0;
	return ip_is_v4(&from) ? ENETUNREACH : EINVAL;
}

static int
udp_send(struct dgram *g)
{
	struct sock *s = g->s;
	const struct sock_wish *w = g->wish;
	int error = dgram_fits(g, UDP_HLEN);

	if (error == 0 && w != NULL)
		error = judge_wish(s, w);
	if (error == 0)
		error = give_port(s);
	if (error == 0 && ip_is_group(&g->to.ip)) {
		error = group_send(s, g->p, &g->to, w);
		if (error != ENETUNREACH)
			return error;
		error = 0; /* by an interface of another kind? */
	}
	if (error == 0 && w != NULL && w->interface != 0 &&
	    ip_is_v4(&g->to.ip) && ip_is_broadcast(s->stack, &g->to.ip))
		return is_forbidden(s, &g->to.ip) ?
		    EACCES :
		    group_send(s, g->p, &g->to, w);
	if (error == 0)
		error = ip_route_from(s->stack, &g->to.ip, NULL, NULL);
	if (error == 0 && is_forbidden(s, &g->to.ip))
		error = EACCES;
	return error != 0 ? error : send_as_wished(g);
}

static int
udp_shutdown(struct sock *s, int how)
{
	bool connected;

	pthread_mutex_lock(&s->lock);
	connected = s->remote_port != 0;
	pthread_mutex_unlock(&s->lock);
	dgram_shutdown(s, how);
	return connected ? 0 : ENOTCONN;
}

static const struct dgram_ops udp_dgram = {
	.headers = IP4_HLEN + UDP_HLEN,
	.send = udp_send,
	.default_dest = dgram_to_peer,
	.remove = udp_gone,
};

const struct sock_ops udp_ops = {
	.protocol = IPPROTO_UDP,
	.has_ports = true,
	.keeps_port = true,
	.binds_to_groups = true,
	.dgram = &udp_dgram,
	.open = udp_open,
	.close = dgram_close,
	.orphan = dgram_close,
	.ready = dgram_ready,
	.queued = dgram_queued,
	.has_peer = dgram_has_peer,
	.bind = udp_bind_to,
	.connect = udp_connect_to,
	.shutdown = udp_shutdown,
	.send = dgram_send,
	.recv = dgram_recv,
	.apply = dgram_apply,
	.setsockopt = group_setsockopt,
	.getsockopt = group_getsockopt,
};
