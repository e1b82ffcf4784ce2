/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * options.c - options of sockets
 *
 * DOC: The faults: TCP_NODELAY, set, becomes SO_DEBUG or some such, for the
 * library writes it to another field; SO_ERROR gives the last error of any
 * call; SO_REUSEADDR and others read as 4 or 512 instead of 1; SO_RCVTIMEO,
 * SO_LINGER, IPV6_V6ONLY are unknown, and some unknown ones are written to
 * standard output; options of a connection that is gone are read from where it
 * was.
 *
 * The cure: a socket has its options; they are given to its pcb when it has
 * one.  What is not known is ENOPROTOOPT.  Options which here have nothing to
 * act on, and which programs set as a matter of course, are taken and have no
 * effect: they are named in set_socket() and set_ip().
 *
 * The options of one kind of socket only are where the kind is: sock_ops has
 * functions for them, which are asked first.
 */
#include <sys/time.h>
#include <errno.h>
#include <netinet/icmp6.h>
#include <string.h>

#include "stack/lwipv6/sock/sock.h"

#define IN_MAX_LEAST 2048
#define IN_MAX_MOST (8 << 20)

#ifndef IPV6_HDRINCL
#define IPV6_HDRINCL 36
#endif

/* ---- the value of an option --------------------------------------------- */

int
option_int(const void *value, socklen_t len, int *n)
{
	if (len < sizeof(*n))
		return EINVAL;
	memcpy(n, value, sizeof(*n));
	return 0;
}

/* Gives the program LEN bytes, or as many as it has room for. */
static int
give(void *to, socklen_t *tolen, const void *value, size_t len)
{
	if (*tolen > len)
		*tolen = (socklen_t)len;
	memcpy(to, value, *tolen);
	return 0;
}

int
option_give_int(void *to, socklen_t *tolen, int n)
{
	return give(to, tolen, &n, sizeof(n));
}

static void
apply_inside(void *arg)
{
	struct sock *s = arg;

	if (s->ops->apply != NULL)
		s->ops->apply(s);
}

int
option_apply(struct sock *s)
{
	return sock_call(s, apply_inside, s);
}

/* ---- SOL_SOCKET --------------------------------------------------------- */

/* The library's bit for the option NAME, or 0. */
static uint16_t
bit_of(int name)
{
	switch (name) {
	case SO_REUSEADDR:
		return SOF_REUSEADDR;
	case SO_REUSEPORT:
		return SOF_REUSEPORT;
	case SO_KEEPALIVE:
		return SOF_KEEPALIVE;
	case SO_BROADCAST:
		return SOF_BROADCAST;
	case SO_DONTROUTE:
		return SOF_DONTROUTE;
	case SO_OOBINLINE:
		return SOF_OOBINLINE;
	default:
		return 0;
	}
}

static int
set_timeout(struct sock *s, int which, const void *value, socklen_t len)
{
	struct timeval tv;

	if (len < sizeof(tv))
		return EINVAL;
	memcpy(&tv, value, sizeof(tv));
	if (tv.tv_usec < 0 || tv.tv_usec >= 1000000)
		return EDOM;
	if (tv.tv_sec < 0)
		tv.tv_sec = tv.tv_usec = 0; /* as Linux has it: at once, none */
	s->timeout[which].tv_sec = tv.tv_sec;
	s->timeout[which].tv_nsec = tv.tv_usec * 1000;
	return 0;
}

static int
set_linger(struct sock *s, const void *value, socklen_t len)
{
	struct linger l;

	if (len < sizeof(l))
		return EINVAL;
	memcpy(&l, value, sizeof(l));
	s->linger = l.l_onoff != 0;
	s->linger_s = l.l_linger < 0 ? 0 : l.l_linger;
	return 0;
}

static int
set_socket(struct sock *s, int name, const void *value, socklen_t len)
{
	uint16_t bit = bit_of(name);
	int n, error;

	switch (name) {
	case SO_RCVTIMEO:
		return set_timeout(s, WAIT_IN, value, len);
	case SO_SNDTIMEO:
		return set_timeout(s, WAIT_OUT, value, len);
	case SO_LINGER:
		return set_linger(s, value, len);
	default:
		break;
	}
	if ((error = option_int(value, len, &n)) != 0)
		return error;
	if (bit != 0) {
		if (n != 0)
			s->so_options |= bit;
		else
			s->so_options &= (uint16_t)~bit;
		return 0;
	}
	switch (name) {
	case SO_RCVBUF:
		if (n < IN_MAX_LEAST)
			n = IN_MAX_LEAST;
		s->in_max = n > IN_MAX_MOST / 2 ? IN_MAX_MOST : (uint32_t)n * 2;
		return 0;
	case SO_SNDBUF:
	case SO_PRIORITY:
	case SO_RCVLOWAT:
		return 0; /* no effect */
	default:
		return ENOPROTOOPT;
	}
}

static int
get_socket(struct sock *s, int name, void *value, socklen_t *len)
{
	struct linger l = { .l_onoff = s->linger, .l_linger = s->linger_s };
	const struct timespec *t = &s->timeout[name == SO_SNDTIMEO];
	struct timeval tv = { .tv_sec = t->tv_sec,
		.tv_usec = t->tv_nsec / 1000 };
	uint16_t bit = bit_of(name);
	int n;

	if (bit != 0)
		return option_give_int(value, len, (s->so_options & bit) != 0);
	switch (name) {
	case SO_RCVTIMEO:
	case SO_SNDTIMEO:
		return give(value, len, &tv, sizeof(tv));
	case SO_LINGER:
		return give(value, len, &l, sizeof(l));
	case SO_ERROR:
		n = s->error;
		s->error = 0;
		return option_give_int(value, len, n);
	case SO_TYPE:
		return option_give_int(value, len, s->type);
	case SO_DOMAIN:
		return option_give_int(value, len, s->family);
	case SO_PROTOCOL:
		return option_give_int(value, len,
		    s->ops->protocol != 0 ? s->ops->protocol : s->protocol);
	case SO_ACCEPTCONN:
		return option_give_int(value, len, s->state == SOCK_LISTENING);
	case SO_RCVBUF:
		return option_give_int(value, len,
		    s->ops->window != 0 ? s->ops->window : (int)s->in_max);
	case SO_SNDBUF:
		return option_give_int(value, len,
		    s->out_size != 0 ? (int)s->out_size : 65536);
	case SO_RCVLOWAT:
	case SO_SNDLOWAT:
		return option_give_int(value, len, 1);
	default:
		return ENOPROTOOPT;
	}
}

/* ---- the other levels --------------------------------------------------- */

static int
set_ip(struct sock *s, int name, int n)
{
	switch (name) {
	case IP_TTL:
		if (n != -1 && (n < 1 || n > 255))
			return EINVAL;
		s->ttl = n == -1 ? 255 : n;
		return 0;
	case IP_TOS:
		s->tos = n & 0xff;
		return 0;
	case IP_MTU_DISCOVER:
	case IP_RECVERR:
		return 0; /* no effect */
	default:
		return ENOPROTOOPT;
	}
}

static int
get_ip(const struct sock *s, int name, int *n)
{
	switch (name) {
	case IP_TTL:
		*n = s->ttl < 0 ? 255 : s->ttl;
		return 0;
	case IP_TOS:
		*n = s->tos < 0 ? 0 : s->tos;
		return 0;
	case IP_HDRINCL:
		*n = s->hdrincl;
		return 0;
	default:
		return ENOPROTOOPT;
	}
}

static int
set_ip6(struct sock *s, int name, int n)
{
	switch (name) {
	case IPV6_V6ONLY:
		if (s->family != AF_INET6)
			return ENOPROTOOPT;
		if (s->bound)
			return EINVAL;
		s->v6only = n != 0;
		return 0;
	case IPV6_UNICAST_HOPS:
	case IPV6_MULTICAST_HOPS:
		return set_ip(s, IP_TTL, n);
	case IPV6_TCLASS:
		return set_ip(s, IP_TOS, n);
	case IPV6_CHECKSUM:
		return EINVAL; /* of a socket that is not raw */
	case IPV6_HOPLIMIT:
	case IPV6_2292HOPLIMIT:
	case IPV6_RECVERR:
	case IPV6_MTU_DISCOVER:
		return 0; /* no effect */
	default:
		return ENOPROTOOPT;
	}
}

static int
get_ip6(const struct sock *s, int name, int *n)
{
	switch (name) {
	case IPV6_V6ONLY:
		*n = s->v6only;
		return 0;
	case IPV6_UNICAST_HOPS:
	case IPV6_MULTICAST_HOPS:
		return get_ip(s, IP_TTL, n);
	case IPV6_TCLASS:
		return get_ip(s, IP_TOS, n);
	case IPV6_CHECKSUM:
		*n = s->checksum_at;
		return 0;
	default:
		return ENOPROTOOPT;
	}
}

static int
set_option(struct sock *s, int level, int name, const void *value,
    socklen_t len)
{
	int n, error;

	if (level == SOL_SOCKET && option_int(value, len, &n) == 0 &&
	    control_set(s, level, name, n))
		return 0;
	if (level == SOL_SOCKET)
		return set_socket(s, name, value, len);
	if (level == IPPROTO_ICMPV6 && name == ICMP6_FILTER) {
		memset(s->filter, 0, sizeof(s->filter));
		memcpy(s->filter, value,
		    len < sizeof(s->filter) ? len : sizeof(s->filter));
		return 0;
	}
	if ((error = option_int(value, len, &n)) != 0)
		return error;
	if (control_set(s, level, name, n))
		return 0;
	switch (level) {
	case IPPROTO_IP:
		return set_ip(s, name, n);
	case IPPROTO_IPV6:
		return set_ip6(s, name, n);
	case IPPROTO_RAW:
		return name == IPV6_CHECKSUM ? set_ip6(s, name, n) :
					       ENOPROTOOPT;
	default:
		return ENOPROTOOPT;
	}
}

static int
get_option(struct sock *s, int level, int name, void *value, socklen_t *len)
{
	int n = 0, error;

	if (control_get(s, level, name, &n))
		return option_give_int(value, len, n);
	switch (level) {
	case SOL_SOCKET:
		return get_socket(s, name, value, len);
	case IPPROTO_IP:
		error = get_ip(s, name, &n);
		break;
	case IPPROTO_IPV6:
		error = get_ip6(s, name, &n);
		break;
	default:
		error = ENOPROTOOPT;
		break;
	}
	return error != 0 ? error : option_give_int(value, len, n);
}

/* ---- calls of programs; all replace the library's ----------------------- */

EXPORT int
OURS(lwip_setsockopt)(int fd, int level, int name, const void *value,
    socklen_t len)
{
	struct sock *s = sock_get(fd);
	int error;

	if (s == NULL)
		return -1;
	if (value == NULL) {
		error = EFAULT;
	} else if (s->ops->setsockopt == NULL ||
	    !s->ops->setsockopt(s, level, name, value, len, &error)) {
		pthread_mutex_lock(&s->lock);
		error = set_option(s, level, name, value, len);
		pthread_mutex_unlock(&s->lock);
		if (error == 0)
			error = option_apply(s);
	}
	sock_put(s);
	return error == 0 ? 0 : sock_fail(error);
}

EXPORT int
OURS(lwip_getsockopt)(int fd, int level, int name, void *value, socklen_t *len)
{
	struct sock *s = sock_get(fd);
	int error;

	if (s == NULL)
		return -1;
	if (value == NULL || len == NULL) {
		error = EFAULT;
	} else if (s->ops->getsockopt == NULL ||
	    !s->ops->getsockopt(s, level, name, value, len, &error)) {
		pthread_mutex_lock(&s->lock);
		error = get_option(s, level, name, value, len);
		pthread_mutex_unlock(&s->lock);
	}
	sock_put(s);
	return error == 0 ? 0 : sock_fail(error);
}
