/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stream_ops.c - what programs do with TCP sockets
 *
 * DOC: The faults: a connection that is refused fails with ECONNRESET; one to
 * a host that is not there with ECONNABORTED, after 12 seconds; connecting
 * ignores O_NONBLOCK, and once it has failed the socket is of no use;
 * lwip_shutdown() tells nobody.
 *
 * How they are seen: a client that says "that was all" by SHUT_WR waits for an
 * answer for ever.
 *
 * The cure: POSIX.  A blocking connect waits for a state, which is made by
 * what the library calls back (stream.c): an acknowledgement of the SYN, a
 * reset (ECONNREFUSED), the end of its retransmissions (ETIMEDOUT), and, with
 * the help of the neighbour table, a next hop that does not answer for its
 * address: after three seconds, EHOSTUNREACH.  Where no route leads there it is
 * ENETUNREACH at once.  A signal, or SO_SNDTIMEO, ends the waiting, and the
 * attempt goes on.
 *
 * SHUT_WR sends the FIN after all that was sent, and the other direction goes
 * on.  SHUT_RD has lwip_recv() end with what is there; what comes later is
 * thrown away.  lwip_close() sends the FIN likewise, or resets the connection:
 * see stream_leave().
 *
 * Sending and receiving are in stream_io.c, listeners in accept.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/tcp.h>

#include "stack/lwipv6/sock/sock.h"

#define BACKLOG_MAX 4096
#define MAXSEG_LEAST 88
#define MAXSEG_MOST 32767

/* ---- bind; on the stack's thread ---------------------------------------- */

static bool
stream_port_in_use(const struct sock *s, const struct sock_dest *at)
{
	return conn_uses(s->stack, &at->ip, at->port, s);
}

/* The pcb of S, made if need be; or NULL. */
static struct tcp_pcb *
pcb_of(struct sock *s)
{
	struct tcp_pcb *pcb;

	pthread_mutex_lock(&s->lock);
	pcb = stream_pcb(s);
	pthread_mutex_unlock(&s->lock);
	return pcb;
}

/* Gives S the address and port TO, or any port. */
static int
bind_to(struct sock *s, struct sock_dest *to)
{
	struct tcp_pcb *pcb;
	int error = port_choose(s, to);

	if (error != 0)
		return error;
	if ((pcb = pcb_of(s)) == NULL)
		return ENOBUFS;
	pcb->local_ip = to->ip;
	pcb->local_port = to->port;
	port_bound(s, to);
	return 0;
}

static int
stream_bind(struct sock *s, struct sock_dest *to)
{
	bool again;

	pthread_mutex_lock(&s->lock);
	again = s->bound || s->state != SOCK_NEW;
	pthread_mutex_unlock(&s->lock);
	return again ? EINVAL : bind_to(s, to);
}

/* ---- connect ------------------------------------------------------------ */

/* Whether S may begin a connection: 0 or why not.  With the lock held. */
static int
may_connect(struct sock *s)
{
	int error;

	switch (s->state) {
	case SOCK_NEW:
		return 0;
	case SOCK_DONE:
		error = s->error;
		s->error = 0;
		if (error != 0)
			s->state = SOCK_NEW; /* told; it may try again */
		else if (s->eof || s->in_bytes != 0 || s->shut_wr)
			error = EISCONN;
		return error;
	case SOCK_CONNECTING:
		return EALREADY;
	case SOCK_CONNECTED:
		return EISCONN;
	default:
		return EOPNOTSUPP;
	}
}

/*
 * A connect to AF_UNSPEC: listening, the connection of S or the attempt at one
 * ends, and S is as good as new.
 */
static void
disconnect(struct sock *s)
{
	struct tcp_pcb *pcb = s->pcb.tcp;

	if (pcb != NULL && pcb->state == TCP_LISTEN) {
		listener_close(s);
	} else if (pcb != NULL && pcb->state == TCP_CLOSED) {
		stream_detach(s);
		tcp_close(pcb);
	} else {
		stream_abort(s, 0);
	}
	pthread_mutex_lock(&s->lock);
	s->state = SOCK_NEW;
	s->error = 0;
	s->eof = s->shut_rd = s->shut_wr = false;
	stream_drop(s);
	if (!s->bound) {
		memset(&s->local, 0, sizeof(s->local));
		s->local_port = 0;
	}
	sock_unlock_wake(s, POLLIN | POLLRDNORM | POLLOUT);
}

/* The library has not even begun to connect S, for ERR. */
static int
undo_connect(struct sock *s, err_t err)
{
	struct tcp_pcb *pcb = s->pcb.tcp;

	stream_detach(s);
	pcb->state = TCP_CLOSED;
	tcp_close(pcb);
	pthread_mutex_lock(&s->lock);
	s->state = SOCK_NEW;
	s->remote_port = 0;
	pthread_mutex_unlock(&s->lock);
	return err == ERR_USE ? EADDRNOTAVAIL : ENOBUFS;
}

/* The attempt begins, or ends at once; on the stack's thread. */
static int
stream_connect(struct sock *s, struct sock_dest *to)
{
	struct ip_addr from;
	struct tcp_pcb *pcb;
	int error;
	err_t err;

	if (to == NULL) {
		disconnect(s);
		return 0;
	}
	pthread_mutex_lock(&s->lock);
	error = may_connect(s);
	pthread_mutex_unlock(&s->lock);
	if (error == 0)
		error = ip_route_from(s->stack, &to->ip, NULL, &from);
	/* RFC 1122, 4.2.3.10: a connection is with one. */
	if (error == 0 && ip_is_broadcast(s->stack, &to->ip))
		error = ENETUNREACH;
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
	if (s->ttl < 0)
		pcb->ttl = ip_hops(s->stack, &to->ip, pcb->ttl);
	err = tcp_connect(pcb, &to->ip, to->port, stream_connected);
	if (s->pcb.tcp == NULL)
		return 0; /* it has ended already, and the state says how */
	if (err != ERR_OK)
		return undo_connect(s, err);
	pthread_mutex_lock(&s->lock);
	s->local_port = pcb->local_port;
	pthread_mutex_unlock(&s->lock);
	return 0;
}

/* Waits for the end of the attempt.  0 or an errno value. */
static int
stream_wait_connected(struct sock *s)
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

/* ---- listen; on the stack's thread -------------------------------------- */

static int
listen_on(struct sock *s, unsigned max)
{
	struct sock_dest any = { .port = 0 };
	struct sock **waiting;
	struct tcp_pcb *pcb;
	int error;

	if (s->local_port == 0 && (error = bind_to(s, &any)) != 0)
		return error;
	waiting = calloc(max, sizeof(struct sock *));
	pcb = waiting == NULL ? NULL : pcb_of(s);
	/* With SO_REUSEADDR two may be bound, but one only may listen. */
	if (pcb != NULL && port_has_listener(s)) {
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

static int
stream_listen(struct sock *s, int backlog)
{
	unsigned max = backlog < 1 ? 1 : (unsigned)backlog;
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
		return listen_on(s, max);
	return state == SOCK_LISTENING ? 0 : EINVAL;
}

/* ---- the end ------------------------------------------------------------ */

/* S has no descriptor any more; on the stack's thread. */
static void
stream_close(struct sock *s)
{
	struct tcp_pcb *pcb;
	bool made;

	pthread_mutex_lock(&s->lock);
	made = s->state == SOCK_CONNECTED;
	pthread_mutex_unlock(&s->lock);
	if ((pcb = s->pcb.tcp) == NULL)
		return;
	if (pcb->state == TCP_LISTEN) {
		listener_close(s);
	} else if (!made) {
		/* Nothing was agreed on yet. */
		stream_detach(s);
		tcp_close(pcb);
	} else {
		stream_leave(s);
	}
}

/* The stack of S goes; on its thread. */
static void
stream_orphan(struct sock *s)
{
	struct tcp_pcb *pcb = s->pcb.tcp;

	if (pcb == NULL)
		return;
	if (pcb->state == TCP_LISTEN) {
		listener_close(s);
		return;
	}
	stream_detach(s);
	if (pcb->state == TCP_CLOSED)
		tcp_close(pcb);
	else
		tcp_abort(pcb);
	stream_failed(s, ENETDOWN);
}

static void
shutdown_inside(void *arg)
{
	stream_work(arg);
}

static void
unlisten_inside(void *arg)
{
	struct sock *s = arg;

	if (s->pcb.tcp != NULL && s->pcb.tcp->state == TCP_LISTEN)
		disconnect(s);
}

static int
stream_shutdown(struct sock *s, int how)
{
	pthread_mutex_lock(&s->lock);
	if (s->state == SOCK_LISTENING) {
		/* As on Linux: who waits in accept() is told. */
		pthread_mutex_unlock(&s->lock);
		return how == SHUT_WR ? 0 : sock_call(s, unlisten_inside, s);
	}
	if (s->state != SOCK_CONNECTED) {
		bool was = s->state == SOCK_DONE && s->error == 0;

		pthread_mutex_unlock(&s->lock);
		return was ? 0 : ENOTCONN;
	}
	if (how != SHUT_WR && !s->shut_rd) {
		s->shut_rd = true;
		s->credit += s->in_bytes; /* as when it is closed */
	}
	if (how != SHUT_RD)
		s->shut_wr = true;
	sock_unlock_wake(s, POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
	return sock_call(s, shutdown_inside, s);
}

/* ---- options ------------------------------------------------------------ */

/* Gives options to the pcb; on the stack's thread. */
static void
stream_apply(struct sock *s)
{
	struct tcp_pcb *pcb = s->pcb.tcp;
	int ttl, tos, maxseg;

	if (pcb == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	ttl = s->ttl;
	tos = s->tos;
	maxseg = s->maxseg;
	pthread_mutex_unlock(&s->lock);
	if (maxseg != 0 && stream_is_open(pcb) && pcb->mss > maxseg)
		pcb->mss = (uint16_t)maxseg;
	if (ttl >= 0)
		pcb->ttl = (uint8_t)ttl;
	if (tos >= 0)
		pcb->tos = (uint8_t)tos;
}

/* The option of keepalive NAME of S, or NULL. */
static unsigned *
keepalive_option(struct sock *s, int name)
{
	switch (name) {
	case TCP_KEEPIDLE:
		return &s->keep_idle;
	case TCP_KEEPINTVL:
		return &s->keep_every;
	case TCP_KEEPCNT:
		return &s->keep_count;
	default:
		return NULL;
	}
}

static bool
stream_setsockopt(struct sock *s, int level, int name, const void *value,
    socklen_t len, int *error)
{
	unsigned *keep = keepalive_option(s, name);
	bool kick = false, apply = false;
	int n = 0;

	if (level != IPPROTO_TCP)
		return false;
	if ((*error = option_int(value, len, &n)) != 0)
		return true;
	pthread_mutex_lock(&s->lock);
	if (name == TCP_NODELAY) {
		s->nodelay = n != 0;
		kick = s->out_head != s->out_tail && stream_want_kick(s);
	} else if (name == TCP_MAXSEG) {
		/* The bounds are Linux's. */
		if (n != 0 && (n < MAXSEG_LEAST || n > MAXSEG_MOST))
			*error = EINVAL;
		else
			s->maxseg = n;
		apply = *error == 0;
	} else if (keep == NULL) {
		*error = ENOPROTOOPT;
	} else if (n < 1 || n > (name == TCP_KEEPCNT ? 127 : 32767)) {
		*error = EINVAL; /* the bounds are Linux's */
	} else {
		*keep = (unsigned)n;
	}
	pthread_mutex_unlock(&s->lock);
	if (kick)
		stream_kick(s);
	if (apply)
		*error = option_apply(s);
	return true;
}

struct mss {
	struct sock *s;
	int mss;
};

static void
mss_inside(void *arg)
{
	struct mss *m = arg;
	const struct tcp_pcb *pcb = m->s->pcb.tcp;

	pthread_mutex_lock(&m->s->lock);
	if (m->s->maxseg != 0)
		m->mss = m->s->maxseg;
	pthread_mutex_unlock(&m->s->lock);
	if (pcb != NULL && pcb->state > TCP_SYN_RCVD)
		m->mss = pcb->mss;
}

static bool
stream_getsockopt(struct sock *s, int level, int name, void *value,
    socklen_t *len, int *error)
{
	const unsigned *keep = keepalive_option(s, name);
	struct mss m = { .s = s, .mss = 536 };
	int n = 0;

	if (level != IPPROTO_TCP)
		return false;
	*error = 0;
	if (name == TCP_MAXSEG) {
		*error = sock_call(s, mss_inside, &m);
		n = m.mss;
	} else if (name == TCP_NODELAY || keep != NULL) {
		pthread_mutex_lock(&s->lock);
		n = keep == NULL ? s->nodelay : (int)*keep;
		pthread_mutex_unlock(&s->lock);
	} else {
		*error = ENOPROTOOPT;
	}
	if (*error == 0)
		*error = option_give_int(value, len, n);
	return true;
}

/* ---- the table ---------------------------------------------------------- */

/* With the lock held, as the next two. */
static int
stream_ready(const struct sock *s)
{
	int r = 0;

	switch (s->state) {
	case SOCK_NEW:
		return POLLOUT | POLLHUP;
	case SOCK_LISTENING:
		return s->waiting_n != 0 ? POLLIN | POLLRDNORM : 0;
	case SOCK_CONNECTING:
		return 0;
	case SOCK_CONNECTED:
	case SOCK_DONE:
		break;
	}
	if (s->state == SOCK_DONE)
		r |= POLLHUP | POLLRDHUP | POLLIN | POLLRDNORM | POLLOUT |
		    POLLWRNORM;
	if (s->in_bytes != 0 || s->eof || s->shut_rd)
		r |= POLLIN | POLLRDNORM;
	if (s->eof || s->shut_rd)
		r |= POLLRDHUP;
	if ((s->eof || s->shut_rd) && s->shut_wr)
		r |= POLLHUP;
	if (s->shut_wr || s->out_head - s->out_tail <= s->out_size / 2)
		r |= POLLOUT | POLLWRNORM;
	return r;
}

static uint32_t
stream_queued(const struct sock *s)
{
	return s->in_bytes;
}

static bool
stream_has_peer(const struct sock *s)
{
	return s->state == SOCK_CONNECTED;
}

const struct sock_ops stream_ops = {
	.protocol = IPPROTO_TCP,
	.has_ports = true,
	.window = TCP_WINDOW,
	.close = stream_close,
	.orphan = stream_orphan,
	.unfinished = stream_unfinished,
	.ready = stream_ready,
	.queued = stream_queued,
	.has_peer = stream_has_peer,
	.bind = stream_bind,
	.port_in_use = stream_port_in_use,
	.connect = stream_connect,
	.wait_connected = stream_wait_connected,
	.listen = stream_listen,
	.accept = listener_take,
	.put_back = listener_put_back,
	.shutdown = stream_shutdown,
	.send = stream_user_send,
	.recv = stream_user_recv,
	.apply = stream_apply,
	.setsockopt = stream_setsockopt,
	.getsockopt = stream_getsockopt,
};
