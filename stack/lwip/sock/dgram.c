/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dgram.c - UDP, UDP-Lite and raw IP, for the sockets of other programs
 *
 * DOC: A datagram that came is kept in lwIP's buffer until it is read, up to
 * SO_RCVBUF; more are dropped.  One that lwIP cannot send for want of a buffer
 * or of room on the bus is lost, as it might be further on: only what would
 * fail in the same way the next time is an error.
 */
#include "stack/lwip/sock/sock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <lwip/prot/ip4.h>
#include <lwip/prot/ip6.h>

#define UDP_MAX4 (65535u - 20 - 8)
#define UDP_MAX6 (65535u - 8)
/* What leaves room in a buffer for all headers before it. */
#define ROOMY 65000u

/* ---- receiving ----------------------------------------------------------- */

/* Queues P or frees it. */
static void
keep(struct sock *s, struct pbuf *p, const ip_addr_t *from, uint16_t port)
{
	struct item it = { .p = p, .from = *from, .port = port };

	if (s->read_shut || s->bytes + p->tot_len > (size_t)s->w.rcvbuf) {
		pbuf_free(p);
		return;
	}
	it.beside = control_note(s);
	if (!sock_put(s, &it)) {
		free(it.beside);
		pbuf_free(p);
		return;
	}
	sock_ring(s);
}

static void
came_udp(void *arg, struct udp_pcb *pcb, struct pbuf *p, const ip_addr_t *from,
    u16_t port)
{
	(void)pcb;
	keep(arg, p, from, port);
}

struct sock *
dgram_of(const struct udp_pcb *pcb)
{
	return pcb->recv == came_udp ? pcb->recv_arg : NULL;
}

/* IPv4 comes with its header, IPv6 without, as RFC 3542 has it. */
static u8_t
came_ip(void *arg, struct raw_pcb *pcb, struct pbuf *p, const ip_addr_t *from)
{
	struct sock *s = arg;
	struct pbuf *q = pbuf_clone(PBUF_RAW, PBUF_RAM, p);

	(void)pcb;
	if (q != NULL && s->domain == AF_INET6 &&
	    pbuf_remove_header(q, ip_current_header_tot_len()) != 0) {
		pbuf_free(q);
		q = NULL;
	}
	if (q != NULL)
		keep(s, q, from, 0);
	return 0; /* others may want it as well */
}

int
dgram_recv(struct sock *s, const struct iovec *iov, int n, ip_addr_t *from,
    uint16_t *port, struct stack_sock_control *control, size_t *done)
{
	struct item it;
	u16_t part;
	int i;

	*done = 0;
	if (s->error != 0)
		return sock_take_error(s);
	if (s->first == NULL)
		return s->read_shut ? 0 : EAGAIN;
	it = sock_take(s);
	*from = it.from;
	*port = it.port;
	control_give(s, it.beside, control);
	for (i = 0; i < n && *done < it.p->tot_len; i++) {
		part = iov[i].iov_len > UINT16_MAX ? UINT16_MAX :
						     (u16_t)iov[i].iov_len;
		*done += pbuf_copy_partial(it.p, iov[i].iov_base, part,
		    (u16_t)*done);
	}
	pbuf_free(it.p);
	return 0;
}

/* ---- sending ------------------------------------------------------------- */

static struct pbuf *
buffer(const struct iovec *iov, int n, size_t len)
{
	struct pbuf *p = pbuf_alloc(len > ROOMY ? PBUF_RAW : PBUF_TRANSPORT,
	    (u16_t)len, PBUF_RAM);
	uint8_t *at;
	int i;

	if (p == NULL)
		return NULL;
	for (i = 0, at = p->payload; i < n; i++) {
		if (iov[i].iov_len != 0)
			memcpy(at, iov[i].iov_base, iov[i].iov_len);
		at += iov[i].iov_len;
	}
	return p;
}

/* Whether it is for everybody on some network. */
static bool
is_broadcast(const ip_addr_t *to)
{
	struct netif *netif;

	if (!IP_IS_V4(to))
		return false;
	if (ip_2_ip4(to)->addr == IPADDR_BROADCAST)
		return true;
	NETIF_FOREACH(netif)
	{
		if (ip4_addr_isbroadcast(ip_2_ip4(to), netif))
			return true;
	}
	return false;
}

/* A header that a program made must be one: lwIP reads it. */
static bool
header_is_whole(const struct sock *s, const struct pbuf *p)
{
	const uint8_t *h = p->payload;

	if (!s->w.header || s->domain != AF_INET)
		return true;
	return p->len >= IP_HLEN && (h[0] & 15) * 4u >= IP_HLEN &&
	    (h[0] & 15) * 4u <= p->len;
}

int
dgram_send(struct sock *s, const struct iovec *iov, int n, const ip_addr_t *to,
    uint16_t port, const struct stack_sock_control *control, size_t *done)
{
	size_t len = 0;
	struct wish w;
	struct pbuf *p;
	err_t err;
	int i, error;

	*done = 0;
	if (s->error != 0)
		return sock_take_error(s);
	if (s->write_shut)
		return EPIPE;
	if (to == NULL && !s->connected)
		return EDESTADDRREQ;
	if (to == NULL) {
		to = &s->remote;
		port = s->remote_port;
	}
	if (s->kind == SOCK_UDP && port == 0)
		return EINVAL;
	if (!s->w.broadcast && is_broadcast(to))
		return EACCES;
	for (i = 0; i < n; i++) {
		if (iov[i].iov_len > UDP_MAX6 - len)
			return EMSGSIZE;
		len += iov[i].iov_len;
	}
	if (IP_IS_V4(to) && len > UDP_MAX4)
		return EMSGSIZE;
	if ((error = control_read(s, control, &w)) != 0)
		return error;
	if ((p = buffer(iov, n, len)) == NULL)
		return ENOBUFS;
	err = s->kind != SOCK_UDP && !header_is_whole(s, p) ?
	    ERR_VAL :
	    control_send(s, &w, p, to, port);
	pbuf_free(p);
	if (err != ERR_OK && err != ERR_MEM && err != ERR_BUF)
		return sock_errno(err);
	*done = len;
	return 0;
}

/* ---- the rest ------------------------------------------------------------ */

int
dgram_make(struct sock *s)
{
	u8_t type = address_type(s);

	if (s->kind == SOCK_UDP) {
		if ((s->pcb.udp = udp_new_ip_type(type)) == NULL)
			return ENOMEM;
		udp_recv(s->pcb.udp, came_udp, s);
		if (s->protocol == IPPROTO_UDPLITE) {
			udp_setflags(s->pcb.udp, UDP_FLAGS_UDPLITE);
			s->pcb.udp->chksum_len_rx = 0;
			s->pcb.udp->chksum_len_tx = 0;
		}
	} else {
		s->pcb.raw = raw_new_ip_type(type, (u8_t)s->protocol);
		if (s->pcb.raw == NULL)
			return ENOMEM;
		raw_recv(s->pcb.raw, came_ip, s);
		if (s->domain == AF_INET6 && s->protocol == IPPROTO_ICMPV6) {
			s->pcb.raw->chksum_reqd = 1;
			s->pcb.raw->chksum_offset = 2;
		}
		s->w.header = s->domain == AF_INET &&
		    s->protocol == IPPROTO_RAW;
	}
	option_apply(s);
	return 0;
}

int
dgram_bind(struct sock *s, const ip_addr_t *ip, uint16_t port)
{
	ip_addr_t to = *ip;
	int error;

	if (s->bound)
		return EINVAL;
	if (ip_addr_isany(ip))
		IP_SET_TYPE_VAL(to, address_type(s));
	error = sock_errno(s->kind == SOCK_UDP ?
		udp_bind(s->pcb.udp, &to, port) :
		raw_bind(s->pcb.raw, &to));
	s->bound = error == 0;
	return error == ENOBUFS ? EADDRINUSE : error;
}

int
dgram_connect(struct sock *s, const ip_addr_t *ip, uint16_t port)
{
	ip_addr_t from;
	err_t err;

	if (ip == NULL) {
		s->connected = false;
		if (s->kind == SOCK_UDP) {
			udp_disconnect(s->pcb.udp);
			IP_SET_TYPE_VAL(s->pcb.udp->remote_ip, address_type(s));
		} else {
			raw_disconnect(s->pcb.raw);
			IP_SET_TYPE_VAL(s->pcb.raw->remote_ip, address_type(s));
		}
		return 0;
	}
	if (!s->w.broadcast && is_broadcast(ip))
		return EACCES;
	if (!address_source(ip, &from) && !ip_addr_ismulticast(ip))
		return ENETUNREACH;
	err = s->kind == SOCK_UDP ? udp_connect(s->pcb.udp, ip, port) :
				    raw_connect(s->pcb.raw, ip);
	if (err != ERR_OK)
		return err == ERR_USE ? EADDRNOTAVAIL : sock_errno(err);
	s->connected = true;
	s->remote = *ip;
	s->remote_port = port;
	return 0;
}

void
dgram_close(struct sock *s)
{
	if (s->pcb.ip == NULL)
		return;
	if (s->kind == SOCK_UDP)
		udp_remove(s->pcb.udp);
	else
		raw_remove(s->pcb.raw);
	s->pcb.ip = NULL;
}
