/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fcntl.c - lwip_fcntl(), lwip_ioctl(); all replace the library's
 *
 * DOC: A socket's own flags and what is in its queue are answered here; what
 * concerns interfaces goes on to the library, whose own functions for it are
 * cured in ioctl.c.
 */
#include <sys/ioctl.h>
#include <sys/time.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <string.h>

#include "stack/lwipv6/sock/sock.h"

#define ALL_CAPS (~0)

EXPORT int
OURS(lwip_fcntl)(int fd, int cmd, long arg)
{
	struct sock *s = sock_get(fd);
	int r = 0;

	if (s == NULL)
		return -1;
	pthread_mutex_lock(&s->lock);
	switch (cmd) {
	case F_GETFL:
		r = O_RDWR | (s->nonblock ? O_NONBLOCK : 0);
		break;
	case F_SETFL:
		s->nonblock = (arg & O_NONBLOCK) != 0;
		break;
	case F_GETFD:
	case F_SETFD:
		r = fcntl(fd, cmd, arg);
		break;
	default:
		r = sock_fail(EINVAL);
		break;
	}
	pthread_mutex_unlock(&s->lock);
	sock_put(s);
	return r;
}

EXPORT int
OURS(lwip_fcntl64)(int fd, int cmd, long arg)
{
	return OURS(lwip_fcntl)(fd, cmd, arg);
}

/* Requests that concern interfaces.  0 or an errno value. */
static int
ioctl_stack(struct sock *s, unsigned long cmd, void *arg)
{
	struct stack *stack;
	cap_fn *cap;
	int caps = ALL_CAPS;

	pthread_mutex_lock(&s->lock);
	stack = s->stack;
	pthread_mutex_unlock(&s->lock);
	if (stack == NULL)
		return ENETDOWN;
	if ((cap = STACK_FIELD(stack, STACK_CAPFUN, cap_fn *)) != NULL)
		caps = cap();
	if (cmd >= SIOCGIFNAME && cmd <= SIOCSIFTXQLEN)
		return netif_ioctl(stack, (int)cmd, arg, caps);
	if (cmd >= SIOCDARP && cmd <= SIOCSARP)
		return etharp_ioctl(stack, (int)cmd, arg, caps);
	return ENOTTY;
}

static int
ioctl_sock(struct sock *s, unsigned long cmd, void *arg)
{
	struct timeval tv;
	int n = 0;

	if (arg == NULL &&
	    (cmd == FIONREAD || cmd == FIONBIO || cmd == SIOCGSTAMP ||
		cmd == SIOCGIFTXQLEN))
		return EFAULT;
	switch (cmd) {
	case FIONREAD:
		pthread_mutex_lock(&s->lock);
		n = s->ops->queued == NULL ? 0 : (int)s->ops->queued(s);
		pthread_mutex_unlock(&s->lock);
		memcpy(arg, &n, sizeof(n));
		return 0;
	case FIONBIO:
		memcpy(&n, arg, sizeof(n));
		pthread_mutex_lock(&s->lock);
		s->nonblock = n != 0;
		pthread_mutex_unlock(&s->lock);
		return 0;
	case SIOCGSTAMP:
		gettimeofday(&tv, NULL);
		memcpy(arg, &tv, sizeof(tv));
		return 0;
	default:
		return ioctl_stack(s, cmd, arg);
	}
}

EXPORT int
OURS(lwip_ioctl)(int fd, long cmd, void *arg)
{
	struct sock *s = sock_get(fd);
	int error;

	if (s == NULL)
		return -1;
	if (s->ops->no_ioctl && cmd != FIONBIO)
		error = EBADF;
	else
		error = ioctl_sock(s, (unsigned long)cmd, arg);
	sock_put(s);
	return error == 0 ? 0 : sock_fail(error);
}
