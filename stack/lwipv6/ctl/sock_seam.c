/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sock_seam.c - lwipv6's sockets, as shmif/stack_sock.h wants them
 *
 * DOC: The socket layer (stack/lwipv6/sock) is POSIX with other names; what is
 * left to do here is to turn -1 and errno into an errno value.  Sockets of
 * netlink are none of it (netlink.c): their answers are there when a request was
 * sent, so nobody has to be told of them.
 *
 * Where a request names an interface it may do so as shmifctl does.
 */
#include <sys/ioctl.h>
#include <netinet/in.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "shmif/rtnl.h"
#include "shmif/stack_sock.h"
#include "stack/lwipv6/ctl/ctl.h"
#include "stack/lwipv6/sock/sock.h"

int lwip_bind(int, const struct sockaddr *, socklen_t);
int lwip_connect(int, const struct sockaddr *, socklen_t);
int lwip_listen(int, int);
int lwip_accept(int, struct sockaddr *, socklen_t *);
int lwip_shutdown(int, int);
int lwip_getsockname(int, struct sockaddr *, socklen_t *);
int lwip_getpeername(int, struct sockaddr *, socklen_t *);
int lwip_setsockopt(int, int, int, const void *, socklen_t);
int lwip_getsockopt(int, int, int, void *, socklen_t *);
int lwip_ioctl(int, long, void *);
int lwip_fcntl(int, int, long);
ssize_t lwip_sendmsg(int, const struct msghdr *, int);
ssize_t lwip_recvmsg(int, struct msghdr *, int);

static int
result(int r)
{
	return r == -1 ? errno : 0;
}

static int
seam_open(void *stack, int domain, int type, int protocol, int *sock)
{
	if (domain == AF_NETLINK)
		return nlsock_open(stack, type, protocol, sock);
	*sock = lwip_msocket(stack, domain, type | SOCK_NONBLOCK, protocol);
	return result(*sock);
}

static void
seam_close(int sock)
{
	if (nlsock_find(sock, NULL) != NULL)
		nlsock_close(sock);
	else
		lwip_close(sock);
}

static int
seam_bind(int sock, const struct sockaddr *addr, socklen_t len)
{
	if (nlsock_find(sock, NULL) != NULL)
		return rtnl_bind(addr, len);
	return result(lwip_bind(sock, addr, len));
}

static int
seam_connect(int sock, const struct sockaddr *addr, socklen_t len)
{
	if (nlsock_find(sock, NULL) != NULL)
		return rtnl_bind(addr, len);
	return result(lwip_connect(sock, addr, len));
}

static int
seam_listen(int sock, int backlog)
{
	if (nlsock_find(sock, NULL) != NULL)
		return EOPNOTSUPP;
	return result(lwip_listen(sock, backlog));
}

static int
seam_accept(int sock, int *made)
{
	if (nlsock_find(sock, NULL) != NULL)
		return EOPNOTSUPP;
	*made = lwip_accept(sock, NULL, NULL);
	if (*made != -1)
		lwip_fcntl(*made, F_SETFL, O_NONBLOCK);
	return result(*made);
}

static int
seam_shutdown(int sock, int how)
{
	if (nlsock_find(sock, NULL) != NULL)
		return EOPNOTSUPP;
	return result(lwip_shutdown(sock, how));
}

static int
seam_name(int sock, bool of_peer, struct sockaddr *addr, socklen_t *len)
{
	struct rtnl *nl = nlsock_find(sock, NULL);

	if (nl != NULL) {
		rtnl_name(nl, of_peer, addr, len);
		return 0;
	}
	return result(of_peer ? lwip_getpeername(sock, addr, len) :
				lwip_getsockname(sock, addr, len));
}

static int
seam_set(int sock, int level, int name, const void *value, socklen_t len)
{
	if (nlsock_find(sock, NULL) != NULL)
		return 0; /* how a kernel is to do its work */
	return result(lwip_setsockopt(sock, level, name, value, len));
}

static int
seam_get(int sock, int level, int name, void *value, socklen_t *len)
{
	if (nlsock_find(sock, NULL) != NULL)
		return nlsock_get(level, name, value, len);
	return result(lwip_getsockopt(sock, level, name, value, len));
}

/* The stack of a socket of lwipv6's own, or NULL. */
static void *
stack_of_sock(int sock)
{
	struct sock *s = sock_get(sock);
	void *stack;

	if (s == NULL)
		return NULL;
	stack = s->stack;
	sock_put(s);
	return stack;
}

/*
 * A request that changes something: the library knows the interface by another
 * name.
 */
static int
change(int sock, unsigned long request, const struct ifreq *ifr)
{
	struct ifreq r = *ifr;
	char letters[2];
	int num;

	r.ifr_name[IFNAMSIZ - 1] = '\0';
	if (!ctl_split_name(r.ifr_name, letters, &num) || num == -1)
		return ENODEV;
	snprintf(r.ifr_name, sizeof(r.ifr_name), "%c%c%u", letters[0],
	    letters[1], (unsigned)num & 0xff);
	return result(lwip_ioctl(sock, (long)request, &r));
}

static int
seam_ioctl(int sock, unsigned long request, void *arg)
{
	void *stack;
	struct rtnl *nl = nlsock_find(sock, &stack);
	int error;

	if (nl == NULL)
		stack = stack_of_sock(sock);
	error = ifreq_ask(stack, request, arg);
	if (error != ENOTTY || nl != NULL)
		return error;
	if (request == SIOCSIFFLAGS || request == SIOCSIFADDR ||
	    request == SIOCSIFNETMASK || request == SIOCSIFMTU)
		return change(sock, request, arg);
	return result(lwip_ioctl(sock, (long)request, arg));
}

static int
seam_send(int sock, const struct iovec *iov, int n, const struct sockaddr *to,
    socklen_t tolen, const struct stack_sock_control *control, size_t *done)
{
	struct msghdr m = { .msg_name = (void *)(uintptr_t)to,
		.msg_namelen = to == NULL ? 0 : tolen,
		.msg_control = control == NULL ? NULL : control->data,
		.msg_controllen = control == NULL ? 0 : control->len,
		.msg_iov = (struct iovec *)(uintptr_t)iov,
		.msg_iovlen = (size_t)n };
	struct rtnl *nl = nlsock_find(sock, NULL);
	ssize_t r;

	*done = 0;
	if (nl != NULL)
		return rtnl_send(nl, iov, n, done);
	r = lwip_sendmsg(sock, &m, 0);
	*done = r < 0 ? 0 : (size_t)r;
	return r < 0 ? errno : 0;
}

static int
seam_recv(int sock, const struct iovec *iov, int n, struct sockaddr *from,
    socklen_t *fromlen, struct stack_sock_control *control, size_t *done)
{
	struct msghdr m = { .msg_name = from,
		.msg_namelen = from == NULL ? 0 : *fromlen,
		.msg_control = control == NULL ? NULL : control->data,
		.msg_controllen = control == NULL ? 0 : control->room,
		.msg_iov = (struct iovec *)(uintptr_t)iov,
		.msg_iovlen = (size_t)n };
	struct rtnl *nl = nlsock_find(sock, NULL);
	ssize_t r;

	*done = 0;
	if (nl != NULL) {
		if (control != NULL)
			control->len = 0;
		if (from != NULL)
			rtnl_name(nl, 1, from, fromlen);
		return rtnl_recv(nl, iov, n, done);
	}
	r = lwip_recvmsg(sock, &m, 0);
	*done = r < 0 ? 0 : (size_t)r;
	if (r < 0)
		return errno;
	if (control != NULL) {
		control->len = m.msg_controllen;
		control->cut = (m.msg_flags & MSG_CTRUNC) != 0;
	}
	if (from != NULL && *fromlen > m.msg_namelen)
		*fromlen = m.msg_namelen;
	return 0;
}

static int
seam_watch(int sock, int events, stack_sock_bell *fn, void *arg)
{
	if (nlsock_find(sock, NULL) != NULL)
		return events & POLLOUT;
	return lwip_event_subscribe(fn, arg, sock, events);
}

static void
seam_unwatch(int sock, void *arg)
{
	if (nlsock_find(sock, NULL) == NULL)
		lwip_event_subscribe(NULL, arg, sock, 0);
}

static void
seam_own(int sock, int pid)
{
	struct sock *s = sock_get(sock);

	if (s == NULL)
		return;
	s->owner = pid;
	sock_put(s);
}

static void
seam_settle(void *stack)
{
	sock_settle(stack);
}

const struct stack_sock stack_sock_lwipv6 = {
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
