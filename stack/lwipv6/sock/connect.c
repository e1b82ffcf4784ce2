/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * connect.c - bind, connect, listen
 *
 * DOC: The faults: a connection that is refused fails with ECONNRESET; one to
 * a host that is not there with ECONNABORTED, after 12 seconds; connecting
 * ignores O_NONBLOCK, and once it has failed the socket is of no use; two
 * sockets can be bound to one port, as long as none listens; an address of
 * somebody else's can be bound to; a server that was bound to an address of
 * its own cannot be started again while its clients are connected, whatever
 * SO_REUSEADDR says; local ports of UDP are given out in order.
 *
 * The cure: POSIX.  A blocking connect waits for a state, which is made by
 * what the library calls back (stream.c): an acknowledgement of the SYN, a
 * reset (ECONNREFUSED), the end of its retransmissions (ETIMEDOUT), and, with
 * neigh.c's help, a next hop that does not answer for its address: after three
 * seconds, EHOSTUNREACH.  Where no route leads there it is ENETUNREACH at once.
 * A signal, or SO_SNDTIMEO, ends the waiting, and the attempt goes on.
 *
 * Ports.  Two sockets of a kind are in each other's way when they have one
 * port, and the same address, or one of them any.  What connects from a port
 * or waits in TIME-WAIT is not in the way of who says SO_REUSEADDR; sockets of
 * which each says SO_REUSEPORT are never.
 */
#include <sys/random.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stack/lwipv6/sock/sock.h"

#define PORT_FIRST 49152u
#define PORTS 16384u
#define RESERVED 1024
#define CAP_BIND (1 << 10) /* LWIP_CAP_NET_BIND_SERVICE */
#define BACKLOG_MAX 4096

struct job {
	struct sock *s;
	struct sock_dest to;
	int backlog;
	bool disconnect;
	int error;
};

/* ---- ports; on the stack's thread --------------------------------------- */

static bool
overlap(const struct ip_addr *a, const struct ip_addr *b)
{
	return name_is_any(a) || name_is_any(b) || ip_same(a, b);
}

struct rival {
	const struct sock *s;
	struct sock_dest at;
	uint16_t options;
	bool found;
};

/* Whether S has what R wants to be bound to. */
static void
look_at(struct sock *s, void *arg)
{
	struct rival *r = arg;
	uint16_t both;

	if (s == r->s || s->kind != r->s->kind)
		return;
	pthread_mutex_lock(&s->lock);
	both = s->so_options & r->options;
	if (s->local_port == r->at.port && !s->closed &&
	    (s->bound || s->state == SOCK_LISTENING || s->kind == KIND_UDP) &&
	    overlap(&s->local, &r->at.ip) && !(both & SOF_REUSEPORT) &&
	    (!(both & SOF_REUSEADDR) || s->state == SOCK_LISTENING))
		r->found = true;
	pthread_mutex_unlock(&s->lock);
}

/* Whether a connection of LIST has what R wants to be bound to. */
static bool
in_list(const struct tcp_pcb *pcb, const struct rival *r)
{
	for (; pcb != NULL; pcb = pcb->next)
		if (pcb->local_port == r->at.port &&
		    pcb->callback_arg != r->s &&
		    overlap(&pcb->local_ip, &r->at.ip))
			return true;
	return false;
}

static bool
is_taken(struct stack *stack, struct rival *r)
{
	r->found = false;
	sock_each(stack, look_at, r);
	if (!r->found && r->s->kind == KIND_TCP &&
	    !(r->options & SOF_REUSEADDR))
		r->found = in_list(STACK_FIELD(stack, STACK_TCP_ACTIVE,
				       struct tcp_pcb *),
			       r) ||
		    in_list(STACK_FIELD(stack, STACK_TCP_TW, struct tcp_pcb *),
			r);
	return r->found;
}

/* Chooses R's port, or sees that it is free.  0 or EADDRINUSE. */
static int
find_port(struct stack *stack, struct rival *r)
{
	static uint32_t next;
	unsigned i;

	if (r->at.port != 0)
		return is_taken(stack, r) ? EADDRINUSE : 0;
	r->options = 0;
	if (next == 0 && getrandom(&next, sizeof(next), 0) != sizeof(next))
		next = (uint32_t)getpid() * 7919u;
	for (i = 0; i < PORTS; i++) {
		r->at.port = (uint16_t)(PORT_FIRST +
		    __atomic_fetch_add(&next, 1, __ATOMIC_RELAXED) % PORTS);
		if (!is_taken(stack, r))
			return 0;
	}
	return EADDRINUSE;
}

/* Whether UDP may be bound to IP though it is not the host's own. */
static bool
is_group(const struct ip_addr *ip)
{
	uint32_t v4 = ntohl(ip->addr[3]);

	if (!ip_is_v4(ip))
		return ntohl(ip->addr[0]) >> 24 == 0xff;
	return v4 >> 28 == 0xe || (v4 & 0xff) == 0xff;
}

/* ---- bind --------------------------------------------------------------- */

/* Gives S the address and port TO, or any port. */
static int
bind_to(struct sock *s, struct sock_dest *to)
{
	struct rival r = { .s = s, .at = *to };
	struct stack *stack = s->stack;
	struct tcp_pcb *pcb;
	int error;

	if (!name_is_any(&to->ip) && !name_is_own(stack, &to->ip) &&
	    (s->kind != KIND_UDP || !is_group(&to->ip)))
		return EADDRNOTAVAIL;
	if (!name_is_any(&to->ip) && !name_fits(s, &to->ip))
		return EADDRNOTAVAIL;
	pthread_mutex_lock(&s->lock);
	r.options = s->so_options;
	pthread_mutex_unlock(&s->lock);
	if (s->kind == KIND_RAW) {
		s->pcb.raw->local_ip = to->ip;
		r.at.port = 0;
	} else {
		if ((error = find_port(stack, &r)) != 0)
			return error;
		if (s->kind == KIND_UDP) {
			s->pcb.udp->local_ip = r.at.ip;
			s->pcb.udp->local_port = r.at.port;
			dgram_listen(s);
		}
	}
	pthread_mutex_lock(&s->lock);
	if (s->kind == KIND_TCP) {
		if ((pcb = stream_pcb(s)) == NULL) {
			pthread_mutex_unlock(&s->lock);
			return ENOBUFS;
		}
		pcb->local_ip = r.at.ip;
		pcb->local_port = r.at.port;
	}
	s->local = r.at.ip;
	s->local_port = r.at.port;
	s->bound = true;
	pthread_mutex_unlock(&s->lock);
	return 0;
}

static void
bind_inside(void *arg)
{
	struct job *j = arg;
	struct sock *s = j->s;
	bool again;

	if (s->kind == KIND_PACKET) {
		uint16_t proto = j->to.port != 0 ? j->to.port :
						   s->pcb.raw->in_protocol;

		packet_bind(s->pcb.raw, &j->to.ip, proto);
		pthread_mutex_lock(&s->lock);
		s->local = j->to.ip;
		s->local_port = proto;
		pthread_mutex_unlock(&s->lock);
		return;
	}
	pthread_mutex_lock(&s->lock);
	again = (s->bound && s->kind != KIND_RAW) || s->state != SOCK_NEW;
	pthread_mutex_unlock(&s->lock);
	j->error = again ? EINVAL : bind_to(s, &j->to);
}

/* Whether the program may have PORT. */
static bool
may_have(struct sock *s, uint16_t port)
{
	cap_fn *cap = NULL;

	if (port == 0 || port >= RESERVED ||
	    (s->kind != KIND_TCP && s->kind != KIND_UDP))
		return true;
	pthread_mutex_lock(&s->lock);
	if (s->stack != NULL)
		cap = STACK_FIELD(s->stack, STACK_CAPFUN, cap_fn *);
	pthread_mutex_unlock(&s->lock);
	return cap == NULL || (cap() & CAP_BIND) != 0;
}

/* Runs FN(J) on the stack's thread; returns what the program is to get. */
static int
do_job(struct job *j, void (*fn)(void *))
{
	int error = sock_call(j->s, fn, j);

	if (error == 0)
		error = j->error;
	return error == 0 ? 0 : sock_fail(error);
}

/* Replaces the library's. */
EXPORT int
OURS(lwip_bind)(int fd, const struct sockaddr *name, socklen_t len)
{
	struct job j = { .s = sock_get(fd) };
	struct sockaddr_storage nl = { 0 };
	int error, r;

	if (j.s == NULL)
		return -1;
	if (j.s->kind == KIND_NETLINK) {
		/* The library reads a whole one. */
		if (name != NULL)
			memcpy(&nl, name, len < sizeof(nl) ? len : sizeof(nl));
		r = netlink_bind(j.s->pcb.netlink, (struct sockaddr *)&nl,
		    sizeof(nl));
	} else if ((error = name_in(j.s, name, len, &j.to)) != 0) {
		r = sock_fail(error);
	} else if (!may_have(j.s, j.to.port)) {
		r = sock_fail(EACCES);
	} else {
		r = do_job(&j, bind_inside);
	}
	sock_put(j.s);
	return r;
}

/* ---- connect ------------------------------------------------------------ */

/* TCP.  The attempt begins, or ends at once. */
static int
connect_stream(struct sock *s, struct sock_dest *to)
{
	struct ip_addr from;
	struct tcp_pcb *pcb;
	int error;

	pthread_mutex_lock(&s->lock);
	switch (s->state) {
	case SOCK_NEW:
		error = 0;
		break;
	case SOCK_DONE:
		error = s->error;
		s->error = 0;
		if (error != 0)
			s->state = SOCK_NEW; /* told; it may try again */
		break;
	case SOCK_CONNECTING:
		error = EALREADY;
		break;
	case SOCK_CONNECTED:
		error = EISCONN;
		break;
	default:
		error = EOPNOTSUPP;
		break;
	}
	if (error == 0 && s->state == SOCK_DONE &&
	    (s->eof || s->in_bytes != 0 || s->shut_wr))
		error = EISCONN;
	pthread_mutex_unlock(&s->lock);
	if (error == 0)
		error = name_route(s->stack, &to->ip, NULL, &from);
	if (error != 0)
		return error;
	pthread_mutex_lock(&s->lock);
	if ((pcb = stream_pcb(s)) == NULL) {
		pthread_mutex_unlock(&s->lock);
		return ENOBUFS;
	}
	if (s->bound) {
		pcb->local_ip = s->local;
		pcb->local_port = s->local_port;
	}
	if (name_is_any(&pcb->local_ip))
		pcb->local_ip = from;
	s->state = SOCK_CONNECTING;
	s->error = 0;
	s->settled = false;
	s->local = pcb->local_ip;
	s->remote = to->ip;
	s->remote_port = to->port;
	pthread_mutex_unlock(&s->lock);
	/* Several connections on one port: the library would mix them up. */
	pcb->so_options &= (uint16_t)~SOF_REUSEPORT;
	tcp_connect(pcb, &to->ip, to->port, stream_connected);
	if (s->pcb.tcp == NULL)
		return 0; /* it has ended already, and the state says how */
	pthread_mutex_lock(&s->lock);
	s->local_port = pcb->local_port;
	pthread_mutex_unlock(&s->lock);
	return 0;
}

int
connect_port(struct sock *s)
{
	struct sock_dest any = { .port = 0 };
	int error = 0;

	if (s->local_port == 0 && (error = bind_to(s, &any)) == 0) {
		pthread_mutex_lock(&s->lock);
		s->bound = false;
		pthread_mutex_unlock(&s->lock);
	}
	return error;
}

static int
connect_dgram(struct job *j)
{
	struct sock *s = j->s;
	struct ip_addr from = { { 0 } };
	const struct ip_addr *own = s->kind == KIND_UDP ?
	    &s->pcb.udp->local_ip :
	    &s->pcb.raw->local_ip;
	struct netif *netif;
	int error;

	if (!j->disconnect) {
		error = ENETUNREACH;
		if (s->kind == KIND_UDP && group_is(&j->to.ip))
			error = group_route(s, &j->to.ip, &netif, &from);
		if (error == ENETUNREACH)
			error = name_route(s->stack, &j->to.ip, NULL, &from);
		if (error != 0)
			return error;
	}
	if (s->kind == KIND_UDP && j->disconnect) {
		udp_disconnect(s->pcb.udp);
	} else if (s->kind == KIND_UDP) {
		if ((error = connect_port(s)) != 0)
			return error;
		udp_connect(s->pcb.udp, &j->to.ip, j->to.port);
	}
	pthread_mutex_lock(&s->lock);
	if (name_is_any(own))
		s->local = from;
	s->error = 0; /* what there is concerns somebody else */
	s->remote = j->to.ip;
	s->remote_port = s->kind == KIND_RAW ? 0 : j->to.port;
	pthread_mutex_unlock(&s->lock);
	return 0;
}

static void
connect_inside(void *arg)
{
	struct job *j = arg;
	struct sock *s = j->s;

	if (s->kind != KIND_TCP) {
		j->error = connect_dgram(j);
	} else if (j->disconnect) {
		stream_abort(s, 0);
		pthread_mutex_lock(&s->lock);
		if (s->state != SOCK_LISTENING)
			s->state = SOCK_NEW;
		pthread_mutex_unlock(&s->lock);
	} else {
		j->error = connect_stream(s, &j->to);
	}
}

/* Waits for the end of the attempt.  0 or an errno value. */
static int
wait_connected(struct sock *s)
{
	struct timespec at;
	const struct timespec *until;
	int error = 0;

	pthread_mutex_lock(&s->lock);
	until = sock_until(s, WAIT_OUT, &at);
	while (s->state == SOCK_CONNECTING && error == 0)
		error = s->nonblock ? EAGAIN : sock_wait(s, WAIT_OUT, until);
	if (s->state == SOCK_CONNECTING) {
		if (error == EAGAIN)
			error = EINPROGRESS;
	} else if (s->state == SOCK_DONE) {
		error = s->error;
		s->error = 0;
		s->state = SOCK_NEW; /* it may try again */
		s->remote_port = 0;
		if (error == 0)
			error = ECONNABORTED;
	} else {
		error = 0;
	}
	pthread_mutex_unlock(&s->lock);
	return error;
}

/* A connection to nowhere is one to oneself. */
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

/* Replaces the library's. */
EXPORT int
OURS(lwip_connect)(int fd, const struct sockaddr *name, socklen_t len)
{
	struct job j = { .s = sock_get(fd) };
	int error, r;

	if (j.s == NULL)
		return -1;
	if (name == NULL || len < sizeof(name->sa_family)) {
		r = sock_fail(name == NULL ? EFAULT : EINVAL);
	} else if (j.s->kind == KIND_NETLINK) {
		r = 0;
	} else if (j.s->kind == KIND_PACKET) {
		r = sock_fail(EOPNOTSUPP);
	} else if (name->sa_family == AF_UNSPEC) {
		j.disconnect = true;
		r = do_job(&j, connect_inside);
	} else if ((error = name_in(j.s, name, len, &j.to)) != 0) {
		r = sock_fail(error);
	} else {
		any_to_self(j.s, &j.to.ip);
		r = name_fits(j.s, &j.to.ip) ? do_job(&j, connect_inside) :
					       sock_fail(ENETUNREACH);
		if (r == 0 && j.s->kind == KIND_TCP &&
		    (error = wait_connected(j.s)) != 0)
			r = sock_fail(error);
	}
	sock_put(j.s);
	return r;
}

/* ---- listen ------------------------------------------------------------- */

static int
listen_on(struct sock *s, unsigned max)
{
	struct sock_dest any = { .port = 0 };
	struct rival r = { .s = s };
	struct sock **waiting;
	struct tcp_pcb *pcb;
	int error;

	if (s->local_port == 0 && (error = bind_to(s, &any)) != 0)
		return error;
	r.at.ip = s->local;
	r.at.port = s->local_port;
	pthread_mutex_lock(&s->lock);
	r.options = s->so_options | SOF_REUSEADDR;
	waiting = calloc(max, sizeof(struct sock *));
	pcb = waiting == NULL ? NULL : stream_pcb(s);
	pthread_mutex_unlock(&s->lock);
	/* With SO_REUSEADDR two may be bound, but one only may listen. */
	if (pcb != NULL && is_taken(s->stack, &r)) {
		free(waiting);
		return EADDRINUSE;
	}
	if (pcb != NULL) {
		pcb->local_ip = s->local;
		pcb->local_port = s->local_port;
		pcb = tcp_listen(pcb);
	}
	if (pcb == NULL) {
		free(waiting);
		return ENOBUFS;
	}
	s->pcb.tcp = pcb;
	tcp_arg(pcb, s);
	tcp_accept(pcb, listener_accept);
	pthread_mutex_lock(&s->lock);
	s->waiting = waiting;
	s->waiting_max = max;
	s->state = SOCK_LISTENING;
	s->error = 0;
	pthread_mutex_unlock(&s->lock);
	return 0;
}

static void
listen_inside(void *arg)
{
	struct job *j = arg;
	struct sock *s = j->s;
	unsigned max = j->backlog < 1 ? 1 : (unsigned)j->backlog;
	enum sock_state state;
	struct sock **more;

	if (max > BACKLOG_MAX)
		max = BACKLOG_MAX;
	pthread_mutex_lock(&s->lock);
	state = s->state;
	if (state == SOCK_LISTENING && max > s->waiting_max) {
		more = realloc(s->waiting, max * sizeof(struct sock *));
		if (more != NULL) {
			s->waiting = more;
			s->waiting_max = max;
		}
	} else if (state == SOCK_LISTENING && max >= s->waiting_n) {
		s->waiting_max = max;
	}
	pthread_mutex_unlock(&s->lock);
	if (state == SOCK_NEW)
		j->error = listen_on(s, max);
	else if (state != SOCK_LISTENING)
		j->error = EINVAL;
}

/* Replaces the library's. */
EXPORT int
OURS(lwip_listen)(int fd, int backlog)
{
	struct job j = { .s = sock_get(fd), .backlog = backlog };
	int r;

	if (j.s == NULL)
		return -1;
	if (j.s->kind != KIND_TCP)
		r = sock_fail(EOPNOTSUPP);
	else
		r = do_job(&j, listen_inside);
	sock_put(j.s);
	return r;
}
