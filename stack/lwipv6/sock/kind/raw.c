/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * raw.c - raw and packet sockets
 *
 * DOC: The faults, beside those of dgram.c: a packet socket that was not bound
 * crashes when it sends; what a raw socket sends of ICMPv6 has no checksum, so
 * that nobody takes it (RFC 3542, 3.1: it is the stack's to fill in).  A
 * packet whose header the program wrote (IP_HDRINCL) crashes the library: it
 * asks for the version of an address that it was not given, and reads a header
 * that nobody measured.  header_ready() looks at what the program wrote, as
 * Linux does, and send_whole() sends it.
 *
 * A raw socket receives IPv4 packets with their header, and IPv6 packets
 * without (RFC 3542, 3).  A packet socket's address is an interface, see
 * sockaddr.c.
 */
#include <errno.h>
#include <linux/if_packet.h>
#include <netinet/icmp6.h>
#include <string.h>

#include "stack/lwipv6/sock/sock.h"

#define IP4_HLEN 20u
#define IP4_LEN_AT 2
#define IP4_SUM_AT 10
#define IP4_SRC_AT 12
#define IP6_HLEN 40u
#define ETH_HLEN 14u
#define ETH_VLAN_HLEN 18u
#define ICMP6_SUM_AT 2 /* where the checksum of ICMPv6 is */

#ifndef IPV6_HDRINCL
#define IPV6_HDRINCL 36
#endif

/* ---- raw sockets; on the stack's thread --------------------------------- */

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
	dgram_deliver(s, p, from, protocol);
}

static void raw_apply(struct sock *s);

static int
raw_open(struct sock *s)
{
	s->hdrincl = s->protocol == IPPROTO_RAW;
	if (s->family == AF_INET6 && s->protocol == IPPROTO_ICMPV6)
		s->checksum_at = ICMP6_SUM_AT;
	s->pcb.raw = raw_new(s->stack, (uint16_t)s->protocol);
	if (s->pcb.raw == NULL)
		return ENOBUFS;
	raw_apply(s);
	raw_recv(s->pcb.raw, raw_arrived, s);
	sock_hold(s);
	return 0;
}

static void
raw_gone(struct sock *s)
{
	raw_remove(s->pcb.raw);
}

static void
raw_apply(struct sock *s)
{
	uint16_t more = 0;
	int at;

	dgram_apply(s);
	if (s->pcb.raw == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	at = s->checksum_at;
	if (s->hdrincl)
		more |= SOF_HDRINCL;
	else if (at >= 0) /* a header of the program's own is as it wants it */
		more |= SOF_IPV6_CHECKSUM;
	pthread_mutex_unlock(&s->lock);
	s->pcb.raw->so_options |= more;
	if (at >= 0)
		s->pcb.raw->out_protocol = (uint16_t)at;
}

static int
raw_bind_to(struct sock *s, struct sock_dest *to)
{
	int error = port_address(s, &to->ip);

	if (error != 0)
		return error;
	s->pcb.raw->local_ip = to->ip;
	to->port = 0;
	port_bound(s, to);
	return 0;
}

/* Connects S to TO; NULL: to nobody any more. */
static int
raw_connect_to(struct sock *s, struct sock_dest *to)
{
	struct sock_dest peer = { .port = 0 };
	struct ip_addr from = { { 0 } };
	int error;

	if (to != NULL) {
		error = ip_route_from(s->stack, &to->ip, NULL, &from);
		if (error != 0)
			return error;
		peer.ip = to->ip;
	}
	dgram_connected(s, &s->pcb.raw->local_ip, &from, &peer);
	return 0;
}

/*
 * Makes the header that the program wrote at the start of G ready to be sent
 * out of NETIF: its version is that of the address sent to, all of it is there,
 * and the packet is no longer than the MTU (nobody cuts it up).  In a header of
 * IPv4, Linux always fills in the length and the checksum, and FROM where the
 * source is 0.0.0.0 (raw(7)).  Returns 0 or an errno.
 */
static int
header_ready(struct dgram *g, const struct netif *netif,
    const struct ip_addr *from)
{
	bool v4 = ip_is_v4(&g->to.ip);
	uint8_t *ip = g->p->payload;
	uint16_t len = g->p->tot_len, sum;
	unsigned header = IP6_HLEN;

	if (len == 0 || g->p->len != len || ip[0] >> 4 != (v4 ? 4 : 6))
		return EINVAL;
	if (v4)
		header = (ip[0] & 15u) * 4;
	if (header < (v4 ? IP4_HLEN : IP6_HLEN) || header > len)
		return EINVAL;
	if (netif->mtu != 0 && len > netif->mtu)
		return EMSGSIZE;
	if (!v4)
		return 0;
	ip[IP4_LEN_AT] = (uint8_t)(len >> 8);
	ip[IP4_LEN_AT + 1] = (uint8_t)len;
	if (memcmp(ip + IP4_SRC_AT, "\0\0\0", 4) == 0)
		memcpy(ip + IP4_SRC_AT, &from->addr[3], 4);
	memset(ip + IP4_SUM_AT, 0, 2);
	sum = inet_chksum(ip, (uint16_t)header);
	memcpy(ip + IP4_SUM_AT, &sum, 2);
	return 0;
}

/* Sends G, header and all. */
static int
send_whole(struct dgram *g)
{
	struct raw_pcb *pcb = g->s->pcb.raw;
	struct ip_addr from, *hop;
	struct netif *netif;
	struct pbuf *q;
	int error, flags;
	err_t err;

	if (ip_route_findpath(pcb->stack, &g->to.ip, &hop, &netif, &flags) !=
	    ERR_OK)
		return ENETUNREACH;
	from = pcb->local_ip;
	if (name_is_any(&from) &&
	    (error = ip_route_from(pcb->stack, &g->to.ip, NULL, &from)) != 0)
		return error;
	if ((error = header_ready(g, netif, &from)) != 0)
		return error;
	if ((q = pbuf_alloc(PBUF_LINK, g->p->len, PBUF_RAM)) == NULL)
		return ENOBUFS;
	memcpy(q->payload, g->p->payload, g->p->len);
	if (!ip_is_own(pcb->stack, &g->to.ip)) {
		err = netif->output(netif, q, hop);
		pbuf_free(q);
	} else if ((err = netif->input(q, netif)) != ERR_OK) {
		pbuf_free(q);
	}
	return name_errno(err);
}

static int
raw_send(struct dgram *g)
{
	struct raw_pcb *pcb = g->s->pcb.raw;
	uint8_t *data = g->p->payload;
	err_t err;
	int error;

	if (name_is_any(&g->to.ip))
		return EDESTADDRREQ;
	if (ip_is_v4(&g->to.ip) != (g->s->family == AF_INET))
		return EINVAL; /* as Linux: no mapped addresses here */
	if (pcb->so_options & SOF_HDRINCL)
		return send_whole(g);
	error = ip_route_from(pcb->stack, &g->to.ip, NULL, NULL);
	if (error == 0)
		error = dgram_fits(g, 0);
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

/* Sets the raw socket's own option NAME of LEVEL to N; with the lock held. */
static int
raw_set(struct sock *s, int level, int name, int n)
{
	if (name == (level == IPPROTO_IP ? IP_HDRINCL : IPV6_HDRINCL) &&
	    level != IPPROTO_RAW) {
		s->hdrincl = n != 0;
		return 0;
	}
	if ((n != -1 && (n < 0 || n % 2 != 0)) || s->protocol == IPPROTO_ICMPV6)
		return EINVAL; /* RFC 3542, 3.1 */
	s->checksum_at = n;
	return 0;
}

static bool
raw_setsockopt(struct sock *s, int level, int name, const void *value,
    socklen_t len, int *error)
{
	int n = 0;

	if (!(level == IPPROTO_IP && name == IP_HDRINCL) &&
	    !(level == IPPROTO_IPV6 &&
		(name == IPV6_HDRINCL || name == IPV6_CHECKSUM)) &&
	    !(level == IPPROTO_RAW && name == IPV6_CHECKSUM))
		return false;
	if ((*error = option_int(value, len, &n)) != 0)
		return true;
	pthread_mutex_lock(&s->lock);
	*error = raw_set(s, level, name, n);
	pthread_mutex_unlock(&s->lock);
	if (*error == 0)
		*error = option_apply(s);
	return true;
}

/* ---- packet sockets; on the stack's thread ------------------------------ */

static void
packet_arrived(void *arg, struct raw_pcb *pcb, struct pbuf *p,
    struct ip_addr *from, uint16_t protocol)
{
	(void)pcb;
	dgram_deliver(arg, p, from, protocol);
}

static int
packet_open(struct sock *s)
{
	s->pcb.raw = packet_new(s->stack, ntohs((uint16_t)s->protocol),
	    s->type == SOCK_DGRAM);
	if (s->pcb.raw == NULL)
		return ENOBUFS;
	raw_recv(s->pcb.raw, packet_arrived, s);
	sock_hold(s);
	return 0;
}

static void
packet_gone(struct sock *s)
{
	packet_remove(s->pcb.raw);
}

static int
packet_bind_to(struct sock *s, struct sock_dest *to)
{
	if (to->port == 0)
		to->port = s->pcb.raw->in_protocol;
	packet_bind(s->pcb.raw, &to->ip, to->port);
	pthread_mutex_lock(&s->lock);
	s->local = to->ip;
	s->local_port = to->port;
	pthread_mutex_unlock(&s->lock);
	return 0;
}

/* Without an address S sends by the interface that it is bound to. */
static int
packet_dest(const struct sock *s, struct sock_dest *to)
{
	to->ip = s->local;
	to->port = s->local_port;
	return 0;
}

static int
packet_send(struct dgram *g)
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

static bool
packet_setsockopt(struct sock *s, int level, int name, const void *value,
    socklen_t len, int *error)
{
	(void)s;
	(void)value;
	(void)len;
	if (level != SOL_PACKET)
		return false;
	/* A packet socket hears all that comes, with a membership or without. */
	*error = name == PACKET_ADD_MEMBERSHIP ||
		name == PACKET_DROP_MEMBERSHIP ?
	    0 :
	    ENOPROTOOPT;
	return true;
}

/* ---- the tables --------------------------------------------------------- */

static const struct dgram_ops raw_dgram = {
	.send = raw_send,
	.default_dest = dgram_to_peer,
	.remove = raw_gone,
};

const struct sock_ops raw_ops = {
	.needs_raw = true,
	.dgram = &raw_dgram,
	.open = raw_open,
	.close = dgram_close,
	.orphan = dgram_close,
	.ready = dgram_ready,
	.queued = dgram_queued,
	.has_peer = dgram_has_peer,
	.bind = raw_bind_to,
	.connect = raw_connect_to,
	.shutdown = dgram_shutdown,
	.send = dgram_send,
	.recv = dgram_recv,
	.apply = raw_apply,
	.setsockopt = raw_setsockopt,
};

static const struct dgram_ops packet_dgram = {
	.send = packet_send,
	.default_dest = packet_dest,
	.remove = packet_gone,
};

const struct sock_ops packet_ops = {
	.needs_raw = true,
	.dgram = &packet_dgram,
	.open = packet_open,
	.close = dgram_close,
	.orphan = dgram_close,
	.ready = dgram_ready,
	.queued = dgram_queued,
	.has_peer = dgram_has_peer,
	.bind = packet_bind_to,
	.shutdown = dgram_shutdown,
	.send = dgram_send,
	.recv = dgram_recv,
	.setsockopt = packet_setsockopt,
};
