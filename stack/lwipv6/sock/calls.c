/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * calls.c - lwip_socket(), lwip_bind(), lwip_connect() and so on, to
 * lwip_close()
 *
 * DOC: What is here checks what the program gave and calls the function of the
 * socket's kind (struct sock_ops), on the stack's thread where that is needed.
 * It is the only file that knows which kinds there are.
 */
#include <errno.h>
#include <string.h>

#include "stack/lwipv6/sock/sock.h"

#define CAP_NET_RAW_ (1 << 13) /* LWIP_CAP_NET_RAW */

/* ---- socket ------------------------------------------------------------- */

/* The kind of socket that is asked for, or NULL and errno. */
static const struct sock_ops *
kind_of(int domain, int type)
{
	int error = EINVAL;

	switch (domain) {
	case AF_INET:
	case AF_INET6:
		if (type == SOCK_STREAM)
			return &stream_ops;
		if (type == SOCK_DGRAM)
			return &udp_ops;
		if (type == SOCK_RAW)
			return &raw_ops;
		break;
	case AF_PACKET:
		if (type == SOCK_RAW || type == SOCK_DGRAM)
			return &packet_ops;
		break;
	case AF_NETLINK:
		if (type == SOCK_RAW || type == SOCK_DGRAM)
			return &netlink_ops;
		break;
	default:
		error = EAFNOSUPPORT;
		break;
	}
	errno = error;
	return NULL;
}

static void
open_inside(struct sock_job *j)
{
	if (j->s->ops->open != NULL)
		j->error = j->s->ops->open(j->s);
}

/* Replaces the library's. */
EXPORT int
OURS(lwip_msocket)(struct stack *stack, int domain, int type, int protocol)
{
	int flags = type & (SOCK_NONBLOCK | SOCK_CLOEXEC), fd, error;
	const struct sock_ops *ops;
	struct sock_job j = { 0 };
	cap_fn *cap;

	if (stack == NULL)
		return sock_fail(ENONET);
	type &= ~flags;
	if ((ops = kind_of(domain, type)) == NULL)
		return -1;
	if (ops->protocol != 0 && protocol != 0 && protocol != ops->protocol)
		return sock_fail(EPROTONOSUPPORT);
	cap = STACK_FIELD(stack, STACK_CAPFUN, cap_fn *);
	if (ops->needs_raw && cap != NULL && (cap() & CAP_NET_RAW_) == 0)
		return sock_fail(EPERM);
	j.s = sock_new(stack, domain, type, protocol, ops);
	if (j.s == NULL)
		return sock_fail(ENOMEM);
	j.s->nonblock = (flags & SOCK_NONBLOCK) != 0;
	if ((error = sock_job(&j, open_inside)) != 0) {
		sock_put(j.s);
		return sock_fail(error);
	}
	fd = sock_install(j.s);
	if (fd == -1) {
		error = errno;
		sock_close(j.s);
		errno = error;
	}
	sock_put(j.s);
	return fd;
}

/* Replaces the library's. */
EXPORT int
OURS(lwip_socket)(int domain, int type, int protocol)
{
	return OURS(lwip_msocket)(lwip_stack_get(), domain, type, protocol);
}

/* ---- bind and connect --------------------------------------------------- */

/* Whether S lost its pcb since the program called: it was closed. */
static bool
is_gone(const struct sock *s)
{
	return s->ops->dgram != NULL && s->pcb.udp == NULL;
}

static void
bind_inside(struct sock_job *j)
{
	j->error = is_gone(j->s) ? EBADF : j->s->ops->bind(j->s, &j->to);
}

static void
connect_inside(struct sock_job *j)
{
	j->error = is_gone(j->s) ?
	    EBADF :
	    j->s->ops->connect(j->s, j->disconnect ? NULL : &j->to);
}

/* What the program gets for the errno value ERROR, or 0. */
static int
result(int error)
{
	return error == 0 ? 0 : sock_fail(error);
}

/* Replaces the library's. */
EXPORT int
OURS(lwip_bind)(int fd, const struct sockaddr *name, socklen_t len)
{
	struct sock_job j = { .s = sock_get(fd) };
	int error, r;

	if (j.s == NULL)
		return -1;
	if (j.s->ops->bind_name != NULL) {
		r = j.s->ops->bind_name(j.s, name, len);
	} else {
		error = name_in(j.s, name, len, &j.to);
		if (error == 0 && !port_allowed(j.s, j.to.port))
			error = EACCES;
		if (error == 0)
			error = sock_job(&j, bind_inside);
		r = result(error);
	}
	sock_put(j.s);
	return r;
}

/* A connection to the unspecified address is one to the stack itself. */
static void
any_to_self(const struct sock *s, struct ip_addr *ip)
{
	if (!name_is_any(ip))
		return;
	if (s->family == AF_INET || ip->addr[2] != 0) {
		ip->addr[2] = htonl(0xffff);
		ip->addr[3] = htonl(0x7f000001);
	} else {
		ip->addr[3] = htonl(1);
	}
}

/* 0 or an errno value. */
static int
connect_to(struct sock_job *j, const struct sockaddr *name, socklen_t len)
{
	const struct sock_ops *ops = j->s->ops;
	int error;

	if (ops->connect == NULL)
		return EOPNOTSUPP;
	if (name->sa_family == AF_UNSPEC) {
		j->disconnect = true;
		return sock_job(j, connect_inside);
	}
	if ((error = name_in(j->s, name, len, &j->to)) != 0)
		return error;
	any_to_self(j->s, &j->to.ip);
	if (!name_fits(j->s, &j->to.ip))
		return ENETUNREACH;
	error = sock_job(j, connect_inside);
	if (error == 0 && ops->wait_connected != NULL)
		error = ops->wait_connected(j->s);
	return error;
}

/* Replaces the library's. */
EXPORT int
OURS(lwip_connect)(int fd, const struct sockaddr *name, socklen_t len)
{
	struct sock_job j = { .s = sock_get(fd) };
	int r;

	if (j.s == NULL)
		return -1;
	if (name == NULL || len < sizeof(name->sa_family))
		r = sock_fail(name == NULL ? EFAULT : EINVAL);
	else if (j.s->ops->connect_name != NULL)
		r = j.s->ops->connect_name(j.s, name, len);
	else
		r = result(connect_to(&j, name, len));
	sock_put(j.s);
	return r;
}

static int
get_name(int fd, struct sockaddr *name, socklen_t *len, bool peer)
{
	struct sock *s;
	struct ip_addr ip;
	uint16_t port;
	bool have;
	int r;

	if ((s = sock_get(fd)) == NULL)
		return -1;
	if (name == NULL || len == NULL) {
		r = sock_fail(EFAULT);
	} else if (s->ops->get_name != NULL) {
		r = s->ops->get_name(s, name, len, peer);
	} else {
		pthread_mutex_lock(&s->lock);
		ip = peer ? s->remote : s->local;
		port = peer ? s->remote_port : s->local_port;
		have = !peer || s->ops->has_peer(s);
		pthread_mutex_unlock(&s->lock);
		r = have ? 0 : sock_fail(ENOTCONN);
		if (have)
			name_out(s->family, &ip, port, name, len);
	}
	sock_put(s);
	return r;
}

/* Replaces the library's. */
EXPORT int
OURS(lwip_getsockname)(int fd, struct sockaddr *name, socklen_t *len)
{
	return get_name(fd, name, len, false);
}

/* Replaces the library's. */
EXPORT int
OURS(lwip_getpeername)(int fd, struct sockaddr *name, socklen_t *len)
{
	return get_name(fd, name, len, true);
}

/* ---- listen and accept -------------------------------------------------- */

static void
listen_inside(struct sock_job *j)
{
	j->error = j->s->ops->listen(j->s, j->backlog);
}

/* Replaces the library's. */
EXPORT int
OURS(lwip_listen)(int fd, int backlog)
{
	struct sock_job j = { .s = sock_get(fd), .backlog = backlog };
	int r;

	if (j.s == NULL)
		return -1;
	r = result(j.s->ops->listen == NULL ? EOPNOTSUPP :
					      sock_job(&j, listen_inside));
	sock_put(j.s);
	return r;
}

static int
accept_on(int fd, struct sockaddr *name, socklen_t *len, int flags)
{
	struct sock *s, *child = NULL;
	struct ip_addr ip;
	uint16_t port;
	int error, new;

	if ((s = sock_get(fd)) == NULL)
		return -1;
	if (s->ops->accept == NULL)
		error = EOPNOTSUPP;
	else if (name != NULL && len == NULL)
		error = EFAULT;
	else
		error = s->ops->accept(s, &child);
	if (error != 0) {
		sock_put(s);
		return sock_fail(error);
	}
	pthread_mutex_lock(&child->lock);
	ip = child->remote;
	port = child->remote_port;
	child->nonblock = (flags & SOCK_NONBLOCK) != 0;
	pthread_mutex_unlock(&child->lock);
	if ((new = sock_install(child)) == -1) {
		error = errno;
		s->ops->put_back(s, child);
		errno = error;
	} else {
		name_out(child->family, &ip, port, name, len);
		sock_put(child);
	}
	sock_put(s);
	return new;
}

/* Replaces the library's. */
EXPORT int
OURS(lwip_accept)(int fd, struct sockaddr *name, socklen_t *len)
{
	return accept_on(fd, name, len, 0);
}

/* ---- the end ------------------------------------------------------------ */

/* Replaces the library's. */
EXPORT int
OURS(lwip_shutdown)(int fd, int how)
{
	struct sock *s = sock_get(fd);
	int error;

	if (s == NULL)
		return -1;
	if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR)
		error = EINVAL;
	else if (s->ops->shutdown == NULL)
		error = EOPNOTSUPP;
	else
		error = s->ops->shutdown(s, how);
	sock_put(s);
	return result(error);
}

/* Replaces the library's. */
EXPORT int
OURS(lwip_close)(int fd)
{
	struct sock *s = sock_uninstall(fd);

	if (s == NULL)
		return -1;
	if (sock_is_of_this_process(s))
		sock_close(s);
	sock_put(s);
	return 0;
}
