/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dgram.c - UDP, raw and packet sockets
 *
 * DOC: The faults: what arrives for a socket goes into a pipe, by the stack's
 * thread, and when it is full that thread waits; a datagram that is not sent
 * for want of a route, or because it is too large, is reported as sent; a
 * socket that sends to somebody is connected to him meanwhile, so that answers
 * from others are refused; a packet socket that was not bound crashes when it
 * sends; one datagram that several sockets hear is freed several times.
 *
 * How they are seen: a UDP socket that is bound and not read from stops its
 * whole stack after 8192 datagrams, and likewise raw and packet sockets.
 *
 * The cure: a queue for each socket, bounded in bytes (SO_RCVBUF) of what its
 * datagrams cost in memory.  What does not fit is dropped, as everywhere, and
 * nobody else notices.
 *
 * Sending is done on the stack's thread, which is waited for, so that an error
 * can be told: ENETUNREACH, EADDRNOTAVAIL, EMSGSIZE, ENOBUFS.
 */
#include <errno.h>
#include <netinet/icmp6.h>
#include <string.h>

#include "stack/lwipv6/sock/sock.h"

#define IP4_HLEN 20u
#define IP6_HLEN 40u
#define UDP_HLEN 8u
#define ETH_HLEN 14u
#define ETH_VLAN_HLEN 18u
#define DATAGRAM_MAX 65535u

/* ---- receiving; on the stack's thread ----------------------------------- */

/* A copy of P, which others have too; or NULL.  P is let go. */
static struct pbuf *
own(struct pbuf *p)
{
	struct pbuf *copy = pbuf_alloc(PBUF_RAW, p->tot_len, PBUF_RAM), *q;
	char *to;

	if (copy != NULL) {
		to = copy->payload;
		for (q = p; q != NULL; q = q->next) {
			memcpy(to, q->payload, q->len);
			to += q->len;
		}
	}
	pbuf_free(p);
	return copy;
}

/* Queues P, which it takes. */
static void
deliver(struct sock *s, struct pbuf *p, const struct ip_addr *from,
    uint16_t port)
{
	struct item it = { .p = p, .from = *from, .port = port };
	uint32_t cost = p->tot_len + DGRAM_COST;

	pthread_mutex_lock(&s->lock);
	if (s->closed || s->shut_rd || s->in_cost + cost > s->in_max ||
	    !fifo_put(&s->in, &it)) {
		pthread_mutex_unlock(&s->lock);
		pbuf_free(p);
		return;
	}
	s->in_bytes += p->tot_len;
	s->in_cost += cost;
	sock_unlock_wake(s, POLLIN | POLLRDNORM);
}

static void
udp_arrived(void *arg, struct udp_pcb *pcb, struct pbuf *p,
    struct ip_addr *from, uint16_t port)
{
	struct sock *s = arg;
	bool mine;

	(void)pcb;
	if (p->ref > 1 && (p = own(p)) == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	mine = name_fits(s, from);
	pthread_mutex_unlock(&s->lock);
	if (mine)
		deliver(s, p, from, port);
	else
		pbuf_free(p);
}

/* Whether the raw socket S wants P, an IP packet from FROM. */
static bool
raw_wanted(struct sock *s, const struct pbuf *p, const struct ip_addr *from)
{
	const uint8_t *ip = p->payload;
	bool v4 = p->len >= IP4_HLEN && ip[0] >> 4 == 4, want;
	struct ip_addr to;

	if (p->len < (v4 ? IP4_HLEN : IP6_HLEN))
		return false;
	to = ip_target(ip);
	pthread_mutex_lock(&s->lock);
	want = name_fits(s, from) &&
	    (s->family != AF_INET6 || !v4 || !ip_is_v4(from)) &&
	    (name_is_any(&s->remote) || ip_same(&s->remote, from)) &&
	    (name_is_any(&s->pcb.raw->local_ip) ||
		ip_same(&s->pcb.raw->local_ip, &to));
	if (want && !v4 && s->protocol == IPPROTO_ICMPV6 && p->len > IP6_HLEN) {
		unsigned type = ip[IP6_HLEN];

		want = (s->filter[type / 32] & 1u << type % 32) == 0;
	}
	pthread_mutex_unlock(&s->lock);
	return want;
}

static void
raw_arrived(void *arg, struct raw_pcb *pcb, struct pbuf *p,
    struct ip_addr *from, uint16_t protocol)
{
	struct sock *s = arg;

	(void)pcb;
	if (!raw_wanted(s, p, from)) {
		pbuf_free(p);
		return;
	}
	/* RFC 3542, 3: without the header; IPv4 with it, as ever. */
	if (!ip_is_v4(from))
		pbuf_header(p, -(int16_t)IP6_HLEN);
	deliver(s, p, from, protocol);
}

static void
packet_arrived(void *arg, struct raw_pcb *pcb, struct pbuf *p,
    struct ip_addr *from, uint16_t protocol)
{
	(void)pcb;
	deliver(arg, p, from, protocol);
}

/* ---- the pcb; on the stack's thread ------------------------------------- */

int
dgram_open(struct sock *s)
{
	static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;

	switch (s->kind) {
	case KIND_UDP:
		if ((s->pcb.udp = udp_new(s->stack)) != NULL)
			udp_recv(s->pcb.udp, udp_arrived, s);
		break;
	case KIND_RAW:
		s->hdrincl = s->protocol == IPPROTO_RAW;
		s->pcb.raw = raw_new(s->stack, (uint16_t)s->protocol);
		if (s->pcb.raw != NULL)
			raw_recv(s->pcb.raw, raw_arrived, s);
		break;
	case KIND_PACKET:
		s->pcb.raw = packet_new(s->stack, ntohs((uint16_t)s->protocol),
		    s->type == SOCK_DGRAM);
		if (s->pcb.raw != NULL)
			raw_recv(s->pcb.raw, packet_arrived, s);
		break;
	case KIND_NETLINK:
		pthread_mutex_lock(&one);
		s->pcb.netlink = netlink_open(s->stack, s->type, s->protocol);
		pthread_mutex_unlock(&one);
		break;
	case KIND_TCP:
		return 0;
	}
	if (s->pcb.udp == NULL)
		return ENOBUFS;
	if (s->kind != KIND_NETLINK)
		sock_hold(s);
	return 0;
}

void
dgram_close(struct sock *s)
{
	char none;

	if (s->pcb.udp == NULL)
		return;
	switch (s->kind) {
	case KIND_UDP:
		group_close(s);
		udp_remove(s->pcb.udp);
		break;
	case KIND_RAW:
		raw_remove(s->pcb.raw);
		break;
	case KIND_PACKET:
		packet_remove(s->pcb.raw);
		break;
	default:
		/* Answers that nobody read are thrown away so. */
		netlink_recvfrom(s->pcb.netlink, &none, 0, 0, NULL, NULL);
		netlink_close(s->pcb.netlink);
		s->pcb.netlink = NULL;
		return;
	}
	s->pcb.udp = NULL;
	sock_put(s);
}

void
dgram_listen(struct sock *s)
{
	struct udp_pcb **list = &STACK_FIELD(s->stack, STACK_UDP_LIST,
	    struct udp_pcb *);
	struct udp_pcb *pcb;

	dgram_apply(s);
	for (pcb = *list; pcb != NULL; pcb = pcb->next)
		if (pcb == s->pcb.udp)
			return;
	s->pcb.udp->next = *list;
	*list = s->pcb.udp;
}

void
dgram_apply(struct sock *s)
{
	uint16_t options;
	int ttl, tos, at;

	if (s->kind == KIND_NETLINK || s->kind == KIND_PACKET ||
	    s->pcb.udp == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	options = s->so_options;
	ttl = s->ttl;
	tos = s->tos;
	at = s->checksum_at;
	if (s->hdrincl)
		options |= SOF_HDRINCL;
	if (s->kind == KIND_RAW && at >= 0)
		options |= SOF_IPV6_CHECKSUM;
	pthread_mutex_unlock(&s->lock);
	/* All three kinds have these in common. */
	s->pcb.udp->so_options = options;
	if (ttl >= 0)
		s->pcb.udp->ttl = (uint8_t)ttl;
	if (tos >= 0)
		s->pcb.udp->tos = (uint8_t)tos;
	if (s->kind == KIND_RAW && at >= 0)
		s->pcb.raw->out_protocol = (uint16_t)at;
}

void
dgram_error(struct stack *stack, const struct icmp_quote *q, int error)
{
	const struct udp_pcb *pcb = STACK_FIELD(stack, STACK_UDP_LIST,
	    struct udp_pcb *);
	struct sock *s;

	for (; pcb != NULL; pcb = pcb->next) {
		if (pcb->recv != udp_arrived || pcb->local_port != q->sport ||
		    pcb->remote_port != q->dport ||
		    !ip_same(&pcb->remote_ip, &q->dst) ||
		    (!name_is_any(&pcb->local_ip) &&
			!ip_same(&pcb->local_ip, &q->src)))
			continue;
		s = pcb->recv_arg;
		pthread_mutex_lock(&s->lock);
		s->error = error;
		sock_unlock_wake(s, POLLIN | POLLOUT | POLLERR);
	}
}

void
dgram_group(struct stack *stack, const struct icmp_quote *q, struct pbuf *p)
{
	struct udp_pcb *pcb = STACK_FIELD(stack, STACK_UDP_LIST,
	    struct udp_pcb *);
	struct ip_addr from = q->src;

	for (; pcb != NULL; pcb = pcb->next) {
		if (pcb->recv != udp_arrived || pcb->local_port != q->dport ||
		    (!name_is_any(&pcb->local_ip) &&
			!ip_same(&pcb->local_ip, &q->dst)) ||
		    (!name_is_any(&pcb->remote_ip) &&
			(pcb->remote_port != q->sport ||
			    !ip_same(&pcb->remote_ip, &q->src))))
			continue;
		pbuf_ref(p); /* so each makes a copy */
		udp_arrived(pcb->recv_arg, pcb, p, &from, q->sport);
	}
}

/* ---- sending ------------------------------------------------------------ */

struct sending {
	struct sock *s;
	struct pbuf *p;
	struct sock_dest to;
	int error;
};

/* Whether P, and MORE bytes of header, make a datagram to where G goes. */
static int
fits(const struct sending *g, uint32_t more)
{
	uint32_t len = g->p->tot_len + more;

	len += ip_is_v4(&g->to.ip) ? IP4_HLEN : IP6_HLEN;
	return len > DATAGRAM_MAX ? EMSGSIZE : 0;
}

static int
send_udp(struct sending *g)
{
	struct sock *s = g->s;
	int error = fits(g, UDP_HLEN);

	if (error == 0)
		error = connect_port(s);
	if (error == 0 && group_is(&g->to.ip)) {
		error = group_send(s, g->p, &g->to);
		if (error != ENETUNREACH)
			return error;
		error = 0; /* by an interface of another kind? */
	}
	if (error == 0)
		error = name_route(s->stack, &g->to.ip, NULL, NULL);
	if (error != 0)
		return error;
	return name_errno(udp_sendto(s->pcb.udp, g->p, &g->to.ip, g->to.port));
}

static int
send_raw(struct sending *g)
{
	struct raw_pcb *pcb = g->s->pcb.raw;
	uint8_t *data = g->p->payload;
	err_t err;
	int error;

	if (name_is_any(&g->to.ip))
		return EDESTADDRREQ;
	error = name_route(pcb->stack, &g->to.ip, NULL, NULL);
	if (error == 0 && !(pcb->so_options & SOF_HDRINCL))
		error = fits(g, 0);
	if (error != 0)
		return error;
	if (pcb->so_options & SOF_IPV6_CHECKSUM) {
		if (g->p->len < pcb->out_protocol + 2u)
			return EINVAL;
		memset(data + pcb->out_protocol, 0, 2);
	}
	pcb->remote_ip = g->to.ip; /* its source is chosen by that */
	err = raw_sendto(pcb, g->p, &g->to.ip);
	memset(&pcb->remote_ip, 0, sizeof(pcb->remote_ip));
	return name_errno(err);
}

static int
send_packet(struct sending *g)
{
	struct sock *s = g->s;
	struct netif *netif = netif_find_id(s->stack, (int)g->to.ip.addr[0]);
	uint32_t len = g->p->tot_len;

	if (netif == NULL)
		return ENXIO;
	if (!(netif->flags & NETIF_FLAG_UP))
		return ENETDOWN;
	if (s->type == SOCK_RAW && len < ETH_HLEN)
		return EINVAL;
	if (len > netif->mtu + (s->type == SOCK_RAW ? ETH_VLAN_HLEN : 0u))
		return EMSGSIZE;
	return name_errno(
	    packet_sendto(s->pcb.raw, g->p, &g->to.ip, g->to.port));
}

static void
send_inside(void *arg)
{
	struct sending *g = arg;

	if (g->s->pcb.udp == NULL)
		g->error = EBADF; /* closed meanwhile */
	else if (g->s->kind == KIND_UDP)
		g->error = send_udp(g);
	else if (g->s->kind == KIND_RAW)
		g->error = send_raw(g);
	else
		g->error = send_packet(g);
}

/* Where a datagram goes that has no address of its own.  0 or an error. */
static int
default_dest(struct sock *s, struct sock_dest *to)
{
	int error = 0;

	pthread_mutex_lock(&s->lock);
	if (s->kind == KIND_PACKET) {
		to->ip = s->local;
		to->port = s->local_port;
	} else {
		to->ip = s->remote;
		to->port = s->remote_port;
		if (name_is_any(&to->ip))
			error = EDESTADDRREQ;
	}
	pthread_mutex_unlock(&s->lock);
	return error;
}

ssize_t
dgram_send(struct sock *s, const struct iovec *iov, size_t n,
    const struct sock_dest *to)
{
	struct sending g = { .s = s };
	size_t len = 0, i;
	char *at;
	int error = 0;

	for (i = 0; i < n; i++) {
		if (iov[i].iov_len > DATAGRAM_MAX - len)
			return sock_fail(EMSGSIZE);
		len += iov[i].iov_len;
	}
	pthread_mutex_lock(&s->lock);
	if (s->error != 0) {
		error = s->error;
		s->error = 0;
	} else if (s->shut_wr) {
		error = EPIPE;
	}
	pthread_mutex_unlock(&s->lock);
	if (error == 0 && to != NULL)
		g.to = *to;
	else if (error == 0)
		error = default_dest(s, &g.to);
	if (error != 0)
		return sock_fail(error);
	if (s->kind == KIND_UDP && len > DATAGRAM_MAX - UDP_HLEN - IP4_HLEN)
		return sock_fail(EMSGSIZE);
	g.p = pbuf_alloc(PBUF_TRANSPORT, (uint16_t)len, PBUF_RAM);
	if (g.p == NULL)
		return sock_fail(ENOBUFS);
	at = g.p->payload;
	for (i = 0; i < n; i++) {
		if (iov[i].iov_len != 0)
			memcpy(at, iov[i].iov_base, iov[i].iov_len);
		at += iov[i].iov_len;
	}
	error = sock_call(s, send_inside, &g);
	if (error == 0)
		error = g.error;
	pbuf_free(g.p);
	return error == 0 ? (ssize_t)len : sock_fail(error);
}
