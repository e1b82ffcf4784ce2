/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sock_seam.c - lwipv6's sockets, as shmif/stack_sock.h wants them
 *
 * DOC: The socket layer (stack/lwipv6/sock) is POSIX with other names; what is
 * left to do here is to turn -1 and errno into an errno value, and two things
 * of netlink: its answers are there when a request was sent, so nobody has to
 * be told of them, and that there is none is 0 bytes.
 */
#include <netinet/in.h>
#include <linux/netlink.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>

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

static bool
is_netlink(int sock)
{
	struct sock *s = sock_get(sock);
	bool is = s != NULL && s->family == AF_NETLINK;

	if (s != NULL)
		sock_put(s);
	return is;
}

static int
seam_open(void *stack, int domain, int type, int protocol, int *sock)
{
	*sock = lwip_msocket(stack, domain, type | SOCK_NONBLOCK, protocol);
	return result(*sock);
}

static void
seam_close(int sock)
{
	lwip_close(sock);
}

static int
seam_bind(int sock, const struct sockaddr *addr, socklen_t len)
{
	return result(lwip_bind(sock, addr, len));
}

static int
seam_connect(int sock, const struct sockaddr *addr, socklen_t len)
{
	return result(lwip_connect(sock, addr, len));
}

static int
seam_listen(int sock, int backlog)
{
	return result(lwip_listen(sock, backlog));
}

static int
seam_accept(int sock, int *made)
{
	*made = lwip_accept(sock, NULL, NULL);
	if (*made != -1)
		lwip_fcntl(*made, F_SETFL, O_NONBLOCK);
	return result(*made);
}

static int
seam_shutdown(int sock, int how)
{
	return result(lwip_shutdown(sock, how));
}

static int
seam_name(int sock, bool of_peer, struct sockaddr *addr, socklen_t *len)
{
	return result(of_peer ? lwip_getpeername(sock, addr, len) :
				lwip_getsockname(sock, addr, len));
}

static int
seam_set(int sock, int level, int name, const void *value, socklen_t len)
{
	return result(lwip_setsockopt(sock, level, name, value, len));
}

static int
seam_get(int sock, int level, int name, void *value, socklen_t *len)
{
	return result(lwip_getsockopt(sock, level, name, value, len));
}

static int
seam_ioctl(int sock, unsigned long request, void *arg)
{
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
	ssize_t r = lwip_sendmsg(sock, &m, 0);

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
	ssize_t r = lwip_recvmsg(sock, &m, 0);

	*done = r < 0 ? 0 : (size_t)r;
	if (r < 0)
		return errno;
	if (control != NULL) {
		control->len = m.msg_controllen;
		control->cut = (m.msg_flags & MSG_CTRUNC) != 0;
	}
	if (is_netlink(sock)) {
		if (control != NULL)
			control->len = 0;
		if (r == 0)
			return EAGAIN;
		/* The library leaves the length as it was. */
		m.msg_namelen = sizeof(struct sockaddr_nl);
	}
	if (from != NULL && *fromlen > m.msg_namelen)
		*fromlen = m.msg_namelen;
	return 0;
}

static int
seam_watch(int sock, int events, stack_sock_bell *fn, void *arg)
{
	if (is_netlink(sock))
		return events & POLLOUT;
	return lwip_event_subscribe(fn, arg, sock, events);
}

static void
seam_unwatch(int sock, void *arg)
{
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
