/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * socks.c - the sockets of lwIP, as they are listed
 *
 * DOC: What is listed are lwIP's control blocks (pcbs): those of the sockets of
 * other programs (sock/), which are found by their callbacks, and all others,
 * which the process itself made by one of lwIP's own APIs, or lwIP for its own
 * purposes.  Of the latter it is not known by which number the process calls
 * them; what waits to be received is known of TCP by the window, and of others
 * not.  Sockets without a pcb, whose connection is over, come last.  All of it is
 * done with the core's lock.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <lwip/priv/tcp_priv.h>

#include "stack/lwip/ctl.h"
#include "stack/lwip/sock/sock.h"

static_assert((int)CLOSED == (int)CTL_SOCK_CLOSED &&
	(int)LISTEN == (int)CTL_SOCK_LISTEN &&
	(int)SYN_SENT == (int)CTL_SOCK_SYN_SENT &&
	(int)ESTABLISHED == (int)CTL_SOCK_ESTABLISHED &&
	(int)TIME_WAIT == (int)CTL_SOCK_TIME_WAIT,
    "the states have lwIP's numbers");

struct socks {
	struct ctl_sock *list; /* of CTL_SOCKS_MAX */
	unsigned n, omitted;
};

/* An address; one that is any gets the family of the pcb or socket. */
static void
copy_ip(uint8_t to[16], const ip_addr_t *ip, bool v4)
{
	memset(to, 0, 16);
	if (v4 || !ip_addr_isany(ip))
		ctl_from_lwip(ip, to);
}

/*
 * The next place, filled in with what pcbs of all types have; S: the socket
 * that has the pcb, or NULL.  NULL: there is no place, which is counted.
 */
static struct ctl_sock *
add(struct socks *l, enum ctl_sock_type type, const ip_addr_t *local,
    const ip_addr_t *remote, const struct sock *s)
{
	bool v4 = s != NULL ? s->domain == AF_INET : IP_IS_V4(local);
	struct ctl_sock *c;

	if (l->n == CTL_SOCKS_MAX) {
		l->omitted++;
		return NULL;
	}
	c = &l->list[l->n++];
	memset(c, 0, sizeof(*c));
	c->type = type;
	c->family = v4 ? AF_INET : AF_INET6;
	c->number = s != NULL ? s->num : -1;
	c->owner = s != NULL ? s->owner : CTL_OWNER_SELF;
	c->has_queues = s != NULL;
	c->recv_q = s != NULL ? s->bytes : 0;
	copy_ip(c->local, local, v4);
	if (remote != NULL)
		copy_ip(c->remote, remote, v4);
	else if (v4)
		c->remote[10] = c->remote[11] = 0xff;
	return c;
}

/* ---- TCP ----------------------------------------------------------------- */

static void
add_listeners(struct socks *l)
{
	const struct tcp_pcb_listen *pcb;

	for (pcb = tcp_listen_pcbs.listen_pcbs; pcb != NULL; pcb = pcb->next) {
		const struct sock *s = stream_of_listener(pcb);
		struct ctl_sock *c = add(l, CTL_TCP, &pcb->local_ip, NULL, s);

		if (c == NULL)
			continue;
		c->state = CTL_SOCK_LISTEN;
		c->local_port = pcb->local_port;
		c->has_queues = true;
		if (s == NULL)
			c->recv_q = pcb->accepts_pending;
		c->send_q = pcb->backlog;
		if (s != NULL && c->send_q > 0)
			c->send_q--; /* stream_listen() adds one */
	}
}

/* Bytes that PCB has sent, or is to send, and that nobody has acknowledged. */
static uint32_t
unacknowledged(const struct tcp_pcb *pcb)
{
	uint32_t n = pcb->snd_lbb - pcb->lastack;

	if (n > 0 &&
	    (pcb->state == SYN_SENT || pcb->state == SYN_RCVD ||
		(pcb->flags & TF_FIN) != 0))
		n--; /* SYN and FIN have a number, too */
	return n;
}

static void
add_streams(struct socks *l, const struct tcp_pcb *pcb)
{
	for (; pcb != NULL; pcb = pcb->next) {
		const struct sock *s = stream_of(pcb);
		struct ctl_sock *c = add(l, CTL_TCP, &pcb->local_ip,
		    &pcb->remote_ip, s);

		if (c == NULL)
			continue;
		c->state = (enum ctl_sock_state)pcb->state;
		c->local_port = pcb->local_port;
		c->remote_port = pcb->remote_port;
		c->has_queues = true;
		/* Without callbacks nobody has it. */
		if (s == NULL && pcb->recv == NULL)
			c->owner = CTL_OWNER_NONE;
		if (pcb->state < ESTABLISHED || pcb->state == TIME_WAIT)
			continue;
		if (s == NULL && pcb->rcv_wnd < TCP_WND_MAX(pcb))
			c->recv_q = TCP_WND_MAX(pcb) - pcb->rcv_wnd;
		c->send_q = unacknowledged(pcb);
	}
}

/* ---- the others ---------------------------------------------------------- */

static void
add_datagrams(struct socks *l)
{
	const struct udp_pcb *pcb;
	ip_addr_t from;

	for (pcb = udp_pcbs; pcb != NULL; pcb = pcb->next) {
		struct ctl_sock *c = add(l,
		    pcb->flags & UDP_FLAGS_UDPLITE ? CTL_UDPLITE : CTL_UDP,
		    &pcb->local_ip, &pcb->remote_ip, dgram_of(pcb));

		if (c == NULL)
			continue;
		c->local_port = pcb->local_port;
		c->remote_port = pcb->remote_port;
		if (!(pcb->flags & UDP_FLAGS_CONNECTED))
			continue;
		c->state = CTL_SOCK_ESTABLISHED;
		/* lwIP decides on it for each datagram. */
		if (ip_addr_isany(&pcb->local_ip) &&
		    address_source(&pcb->remote_ip, &from))
			ctl_from_lwip(&from, c->local);
	}
}

/* lwIP does not show its list of raw pcbs: only those of programs are known. */
static void
add_others(struct socks *l)
{
	const struct sock *s;

	for (s = sock_next(0); s != NULL; s = sock_next(s->num + 1)) {
		enum ctl_sock_type type = s->kind == SOCK_IP ? CTL_RAW :
		    s->kind == SOCK_NL			     ? CTL_NETLINK :
							       CTL_TCP;
		struct ctl_sock *c;

		/* These are in a list of lwIP's. */
		if (s->kind == SOCK_UDP ||
		    (s->kind == SOCK_TCP && s->pcb.ip != NULL &&
			(s->state != SOCK_NEW || s->bound)))
			continue;
		c = add(l, type, &s->local, &s->remote, s);
		if (c == NULL)
			continue;
		c->protocol = s->protocol;
		c->local_port = s->local_port;
		c->remote_port = s->remote_port;
		if (s->kind == SOCK_NL)
			c->family = s->domain;
		if (s->kind != SOCK_IP || s->pcb.raw == NULL)
			continue;
		copy_ip(c->local, &s->pcb.raw->local_ip, s->domain == AF_INET);
		copy_ip(c->remote, &s->pcb.raw->remote_ip,
		    s->domain == AF_INET);
		if (s->connected)
			c->state = CTL_SOCK_ESTABLISHED;
	}
}

int
ctl_sockets(void *stack, struct ctl_sock **list, unsigned *n, unsigned *omitted)
{
	struct socks l = { 0 };

	(void)stack;
	*list = NULL;
	*n = *omitted = 0;
	if ((l.list = calloc(CTL_SOCKS_MAX, sizeof(*l.list))) == NULL)
		return ENOMEM;
	LOCK_TCPIP_CORE();
	add_listeners(&l);
	add_streams(&l, tcp_bound_pcbs);
	add_streams(&l, tcp_active_pcbs);
	add_streams(&l, tcp_tw_pcbs);
	add_datagrams(&l);
	add_others(&l);
	UNLOCK_TCPIP_CORE();
	*list = l.list;
	*n = l.n;
	*omitted = l.omitted;
	return 0;
}
