/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * seam.c - the functions of shmif/stack_sock.h: each finds its socket, with the
 *	core's lock
 */
#include "stack/lwip/sock/sock.h"

#include <linux/netlink.h>
#include <errno.h>
#include <string.h>

#include "shmif/rtnl.h"
#include "stack/lwip/ctl.h"

/* ---- open and close ------------------------------------------------------ */

/* Which kind a socket is; *PROTOCOL 0 becomes what is meant.  0 or an error. */
static int
kind_of(int domain, int type, int *protocol, enum sock_kind *kind)
{
	if (domain == AF_NETLINK) {
		*kind = SOCK_NL;
		return type != SOCK_RAW && type != SOCK_DGRAM ?
		    ESOCKTNOSUPPORT :
		    *protocol != NETLINK_ROUTE ? EPROTONOSUPPORT :
						 0;
	}
	if (domain != AF_INET && domain != AF_INET6)
		return EAFNOSUPPORT;
	/* Linux has numbers up to 10 for types. */
	if (type < 0 || type > 10 || *protocol < 0 || *protocol > 255)
		return EINVAL;
	switch (type) {
	case SOCK_STREAM:
		if (*protocol == 0)
			*protocol = IPPROTO_TCP;
		*kind = SOCK_TCP;
		return *protocol == IPPROTO_TCP ? 0 : EPROTONOSUPPORT;
	case SOCK_DGRAM:
		if (*protocol == 0)
			*protocol = IPPROTO_UDP;
		*kind = SOCK_UDP;
		return *protocol == IPPROTO_UDP ||
			*protocol == IPPROTO_UDPLITE ?
		    0 :
		    EPROTONOSUPPORT;
	case SOCK_RAW:
		*kind = SOCK_IP;
		return *protocol != 0 ? 0 : EPROTONOSUPPORT;
	default:
		return ESOCKTNOSUPPORT;
	}
}

/* Ports of netlink begin here: nobody's process number is one. */
#define NL_PORTS 0x40000000u

static int
netlink_make(struct sock *s, void *stack)
{
	s->nl = rtnl_new(&lwip_ctl, stack, NL_PORTS + (uint32_t)s->num);
	return s->nl == NULL ? ENOMEM : 0;
}

static int
seam_open(void *stack, int domain, int type, int protocol, int *sock)
{
	enum sock_kind kind = SOCK_TCP;
	struct sock *s;
	int error;

	if ((error = kind_of(domain, type, &protocol, &kind)) != 0)
		return error;
	LOCK_TCPIP_CORE();
	told_begin();
	s = sock_new(domain, type, protocol, kind);
	error = s == NULL    ? ENFILE :
	    kind == SOCK_TCP ? stream_make(s) :
	    kind == SOCK_NL  ? netlink_make(s, stack) :
			       dgram_make(s);
	if (error == 0)
		*sock = s->num;
	else if (s != NULL)
		sock_free(s);
	UNLOCK_TCPIP_CORE();
	return error;
}

static void
seam_close(int sock)
{
	struct sock *s;

	LOCK_TCPIP_CORE();
	if ((s = sock_find(sock)) != NULL) {
		group_leave_all(s);
		if (s->kind == SOCK_TCP)
			stream_close(s);
		else if (s->kind == SOCK_NL)
			rtnl_free(s->nl);
		else
			dgram_close(s);
		sock_free(s);
	}
	UNLOCK_TCPIP_CORE();
}

/* ---- the rest of the seam ------------------------------------------------ */

/* Runs EXPRESSION, about the socket S, with the lock, and returns it. */
#define WITH(sock, expression) \
	do { \
		struct sock *s; \
		int result_; \
\
		LOCK_TCPIP_CORE(); \
		s = sock_find(sock); \
		result_ = s == NULL ? EBADF : (expression); \
		UNLOCK_TCPIP_CORE(); \
		return result_; \
	} while (0)

/*
 * What was sent to addresses of our own lies in a queue, for lwIP's thread to
 * deliver.  Linux delivers it at once, so to a program a connection that it has
 * ended on both sides has ended.
 */
static void
deliver_own(void)
{
	struct netif *netif;
	int rounds;
	bool more = true;

	/* The answers to it, too; with a bound, as they may be endless. */
	for (rounds = 0; more && rounds < 16; rounds++) {
		more = false;
		NETIF_FOREACH(netif)
		{
			if (netif->loop_first != NULL) {
				netif_poll(netif);
				more = true;
			}
		}
	}
}

static int
do_bind(struct sock *s, const struct sockaddr *addr, socklen_t len)
{
	uint16_t port;
	ip_addr_t ip;
	int error;

	if (s->kind == SOCK_NL)
		return rtnl_bind(addr, len);
	if ((error = address_get(s, addr, len, &ip, &port)) != 0)
		return error;
	if (!s->w.freebind && !address_is_ours(&ip))
		return EADDRNOTAVAIL;
	if (s->kind != SOCK_TCP)
		return dgram_bind(s, &ip, port);
	if ((error = stream_bind(s, &ip, port)) != EADDRINUSE)
		return error;
	deliver_own();
	return stream_bind(s, &ip, port);
}

static int
seam_bind(int sock, const struct sockaddr *addr, socklen_t len)
{
	WITH(sock, do_bind(s, addr, len));
}

static int
do_connect(struct sock *s, const struct sockaddr *addr, socklen_t len)
{
	uint16_t port;
	ip_addr_t ip;
	int error;

	if (len < (socklen_t)sizeof(addr->sa_family))
		return EINVAL;
	if (s->kind == SOCK_NL)
		return rtnl_bind(addr, len);
	if (addr->sa_family == AF_UNSPEC)
		return s->kind == SOCK_TCP ? stream_disconnect(s) :
					     dgram_connect(s, NULL, 0);
	if ((error = address_get(s, addr, len, &ip, &port)) != 0)
		return error;
	/* Nobody's address is one's own, as everywhere. */
	if (ip_addr_isany_val(ip)) {
		if (IP_IS_V4_VAL(ip))
			ip_addr_set_loopback(false, &ip);
		else
			ip_addr_set_loopback(true, &ip);
	}
	return s->kind == SOCK_TCP ? stream_connect(s, &ip, port) :
				     dgram_connect(s, &ip, port);
}

static int
seam_connect(int sock, const struct sockaddr *addr, socklen_t len)
{
	WITH(sock, do_connect(s, addr, len));
}

static int
seam_listen(int sock, int backlog)
{
	WITH(sock,
	    s->kind == SOCK_TCP ? stream_listen(s, backlog) : EOPNOTSUPP);
}

static int
do_accept(struct sock *s, int *made)
{
	struct sock *got = NULL;
	int error = s->kind == SOCK_TCP ? stream_accept(s, &got) : EOPNOTSUPP;

	*made = got != NULL ? got->num : -1;
	return error;
}

static int
seam_accept(int sock, int *made)
{
	WITH(sock, do_accept(s, made));
}

static int
do_shutdown(struct sock *s, int how)
{
	if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR)
		return EINVAL;
	if (s->kind == SOCK_TCP)
		return stream_shutdown(s, how);
	if (!s->connected)
		return ENOTCONN;
	s->read_shut |= how != SHUT_WR;
	s->write_shut |= how != SHUT_RD;
	return 0;
}

static int
seam_shutdown(int sock, int how)
{
	WITH(sock, do_shutdown(s, how));
}

/* The address of S's own end, from which it sends where it has none. */
static void
local_name(const struct sock *s, ip_addr_t *ip, uint16_t *port)
{
	*ip = s->local;
	*port = s->local_port;
	if (s->pcb.ip == NULL)
		return;
	*ip = s->pcb.ip->local_ip;
	if (s->kind == SOCK_TCP)
		*port = s->pcb.tcp->local_port;
	else if (s->kind == SOCK_UDP)
		*port = s->pcb.udp->local_port;
	else
		*port = (uint16_t)s->protocol;
	if (s->kind != SOCK_TCP && s->connected && ip_addr_isany(ip))
		address_source(&s->remote, ip);
}

static int
do_name(struct sock *s, bool of_peer, struct sockaddr *addr, socklen_t *len)
{
	ip_addr_t ip;
	uint16_t port;

	if (s->kind == SOCK_NL) {
		rtnl_name(s->nl, of_peer, addr, len);
		return 0;
	}
	if (!of_peer) {
		local_name(s, &ip, &port);
	} else {
		if (s->kind == SOCK_TCP ? s->state != SOCK_OPEN : !s->connected)
			return ENOTCONN;
		ip = s->remote;
		port = s->remote_port;
	}
	address_put(s, &ip, port, addr, len);
	return 0;
}

static int
seam_name(int sock, bool of_peer, struct sockaddr *addr, socklen_t *len)
{
	WITH(sock, do_name(s, of_peer, addr, len));
}

static int
seam_set(int sock, int level, int name, const void *value, socklen_t len)
{
	WITH(sock, option_lwip_set(s, level, name, value, len));
}

static int
seam_get(int sock, int level, int name, void *value, socklen_t *len)
{
	WITH(sock, option_lwip_get(s, level, name, value, len));
}

static int
seam_ioctl(int sock, unsigned long request, void *arg)
{
	struct sock *s;

	LOCK_TCPIP_CORE();
	s = sock_find(sock);
	UNLOCK_TCPIP_CORE();
	/* Takes the lock itself; calls for one socket are one at a time. */
	return s == NULL ? EBADF : sock_request(s, request, arg);
}

static int
do_send(struct sock *s, const struct iovec *iov, int n,
    const struct sockaddr *to, socklen_t tolen,
    const struct stack_sock_control *control, size_t *done)
{
	uint16_t port = 0;
	ip_addr_t ip;
	int error;

	if (s->kind == SOCK_TCP)
		return stream_send(s, iov, n, done);
	if (to == NULL)
		return dgram_send(s, iov, n, NULL, 0, control, done);
	if ((error = address_get(s, to, tolen, &ip, &port)) != 0)
		return error;
	if (ip_addr_isany_val(ip))
		ip_addr_set_loopback(IP_IS_V6_VAL(ip), &ip);
	return dgram_send(s, iov, n, &ip, port, control, done);
}

/* The netlink socket of this number, or NULL: used without the lock. */
static struct rtnl *
netlink_of(int sock)
{
	struct rtnl *nl;
	struct sock *s;

	LOCK_TCPIP_CORE();
	s = sock_find(sock);
	nl = s != NULL ? s->nl : NULL;
	UNLOCK_TCPIP_CORE();
	return nl;
}

static int
seam_send(int sock, const struct iovec *iov, int n, const struct sockaddr *to,
    socklen_t tolen, const struct stack_sock_control *control, size_t *done)
{
	struct rtnl *nl = netlink_of(sock);

	*done = 0;
	if (nl != NULL)
		return rtnl_send(nl, iov, n, done);
	WITH(sock, do_send(s, iov, n, to, tolen, control, done));
}

static int
do_recv(struct sock *s, const struct iovec *iov, int n, struct sockaddr *from,
    socklen_t *fromlen, struct stack_sock_control *control, size_t *done)
{
	ip_addr_t ip = { 0 };
	uint16_t port = 0;
	int error;

	if (s->kind == SOCK_TCP) {
		if (from != NULL)
			*fromlen = 0;
		return stream_recv(s, iov, n, done);
	}
	error = dgram_recv(s, iov, n, &ip, &port, control, done);
	if (error == 0 && from != NULL)
		address_put(s, &ip, port, from, fromlen);
	return error;
}

static int
seam_recv(int sock, const struct iovec *iov, int n, struct sockaddr *from,
    socklen_t *fromlen, struct stack_sock_control *control, size_t *done)
{
	struct rtnl *nl = netlink_of(sock);

	if (control != NULL) {
		control->len = 0;
		control->cut = false;
	}
	*done = 0;
	if (nl != NULL) {
		if (from != NULL)
			rtnl_name(nl, 1, from, fromlen);
		return rtnl_recv(nl, iov, n, done);
	}
	WITH(sock, do_recv(s, iov, n, from, fromlen, control, done));
}

static int
seam_watch(int sock, int events, stack_sock_bell *fn, void *arg)
{
	struct sock *s;
	int ready;

	LOCK_TCPIP_CORE();
	s = sock_find(sock);
	ready = s == NULL ? events : sock_watch(s, events, fn, arg);
	UNLOCK_TCPIP_CORE();
	return ready;
}

static void
seam_unwatch(int sock, void *arg)
{
	struct sock *s;

	LOCK_TCPIP_CORE();
	if ((s = sock_find(sock)) != NULL)
		sock_unwatch(s, arg);
	UNLOCK_TCPIP_CORE();
}

static void
seam_own(int sock, int pid)
{
	struct sock *s;

	LOCK_TCPIP_CORE();
	if ((s = sock_find(sock)) != NULL)
		s->owner = pid;
	UNLOCK_TCPIP_CORE();
}

static void
seam_settle(void *stack)
{
	(void)stack;
	exit_settle();
}

const struct stack_sock stack_sock_lwip = {
	.open = seam_open,
	.close = seam_close,
	.bind = seam_bind,
	.connect = seam_connect,
	.listen = seam_listen,
	.accept = seam_accept,
	.shutdown = seam_shutdown,
	.name = seam_name,
	.set = seam_set,
	.get = seam_get,
	.ioctl = seam_ioctl,
	.send = seam_send,
	.recv = seam_recv,
	.watch = seam_watch,
	.unwatch = seam_unwatch,
	.own = seam_own,
	.settle = seam_settle,
};
