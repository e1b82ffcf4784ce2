/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * accept.c - listeners
 *
 * DOC: The faults: lwip_accept() ignores O_NONBLOCK; the address that it gives
 * is garbage; the stack's thread makes a socket for each connection that comes
 * in, and waits for a lock that lwip_close() holds while it waits for the
 * stack's thread; a listener that nobody accepts from takes connections until
 * the process has no descriptor left; a listener that is closed leaves those
 * behind that are half open, with a pointer to it.
 *
 * How they are seen: a server with an event loop hangs in lwip_accept(); every
 * stack of the process stands still for ever; a crash some seconds after a
 * listener was closed.
 *
 * The cure: a listener has a queue, as long as lwip_listen() said.  Connections
 * get a descriptor from who accepts them, and are sockets without one until
 * then.  While the queue is full SYNs are not answered, and connections that are
 * half open stay so (as Linux does: the client tries again); these do not count,
 * see tcp/open/listen.c.  A listener of the other family refuses SYNs.  When a
 * listener is closed, what is in its queue is reset, and so is what is half
 * open.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "stack/lwipv6/sock/sock.h"

/* Ends PCB, half open, if it is of the listener ARG. */
static void
end_half(struct tcp_pcb *pcb, void *arg)
{
	if (pcb->callback_arg == arg && pcb->accept == listener_accept)
		tcp_abort(pcb);
}

/* above.syn */
static enum listener_verdict
listener_answers(struct stack *stack, const struct ip_addr *from,
    const struct ip_addr *to, uint16_t port)
{
	struct tcp_pcb *pcb = tcp_listener(stack, to, port);
	enum listener_verdict v = SYN_ANSWER;
	struct sock *s;

	/* Not everything that listens is ours: slirp does. */
	if (pcb == NULL || pcb->slirp != NULL ||
	    LISTENER_ACCEPT(pcb) != listener_accept ||
	    (s = pcb->callback_arg) == NULL)
		return v;
	pthread_mutex_lock(&s->lock);
	if (!name_fits(s, from))
		v = SYN_REFUSE;
	else if (s->waiting_n >= s->waiting_max)
		v = SYN_DROP;
	pthread_mutex_unlock(&s->lock);
	return v;
}

/* above.has_room */
static bool
has_room(const struct tcp_pcb *pcb)
{
	struct sock *s = pcb->callback_arg;
	bool room;

	if (s == NULL || pcb->accept != listener_accept)
		return true;
	pthread_mutex_lock(&s->lock);
	room = s->closed || s->waiting_n < s->waiting_max;
	pthread_mutex_unlock(&s->lock);
	return room;
}

__attribute__((constructor)) static void
fill_above(void)
{
	above.syn = listener_answers;
	above.has_room = has_room;
}

/* CHILD, a new connection, gets the options of its listener S. */
static void
inherit(struct sock *child, const struct sock *s)
{
	child->so_options = s->so_options;
	child->nodelay = s->nodelay;
	child->linger = s->linger;
	child->linger_s = s->linger_s;
	child->ttl = s->ttl;
	child->tos = s->tos;
	child->maxseg = s->maxseg;
	child->v6only = s->v6only;
	child->keep_idle = s->keep_idle;
	child->keep_every = s->keep_every;
	child->keep_count = s->keep_count;
	child->timeout[0] = s->timeout[0];
	child->timeout[1] = s->timeout[1];
}

/*
 * The library's accept function: PCB is established.  An error makes the
 * library reset it.
 */
err_t
listener_accept(void *arg, struct tcp_pcb *pcb, err_t err)
{
	struct sock *s = arg, *child;

	if (s == NULL || err != ERR_OK)
		return ERR_ABRT;
	child = sock_new(pcb->stack, s->family, SOCK_STREAM, IPPROTO_TCP,
	    s->ops);
	if (child == NULL)
		return ERR_MEM;
	pthread_mutex_lock(&s->lock);
	if (s->closed || s->waiting_n >= s->waiting_max) {
		pthread_mutex_unlock(&s->lock);
		sock_put(child);
		return ERR_MEM;
	}
	inherit(child, s);
	child->state = SOCK_CONNECTED;
	child->local = pcb->local_ip;
	child->local_port = pcb->local_port;
	child->remote = pcb->remote_ip;
	child->remote_port = pcb->remote_port;
	stream_attach(child, pcb);
	s->waiting[s->waiting_n++] = child; /* with its count */
	sock_unlock_wake(s, POLLIN | POLLRDNORM);
	return ERR_OK;
}

void
listener_close(struct sock *s)
{
	struct tcp_pcb *listener = s->pcb.tcp;
	struct sock **waiting;
	unsigned n, i;

	conn_each_half(listener->stack, end_half, s);
	tcp_accept(listener, NULL);
	stream_detach(s);
	tcp_close(listener);
	pthread_mutex_lock(&s->lock);
	waiting = s->waiting;
	n = s->waiting_n;
	s->waiting = NULL;
	s->waiting_n = s->waiting_max = 0;
	pthread_mutex_unlock(&s->lock);
	for (i = 0; i < n; i++) {
		stream_abort(waiting[i], ECONNABORTED);
		sock_put(waiting[i]);
	}
	free(waiting);
}

int
listener_take(struct sock *s, struct sock **child)
{
	struct timespec at;
	const struct timespec *until;
	int error = 0;

	pthread_mutex_lock(&s->lock);
	until = sock_until(s, WAIT_IN, &at);
	while (s->waiting_n == 0 && error == 0) {
		if (s->state != SOCK_LISTENING)
			error = EINVAL;
		else if (s->stack == NULL)
			error = ENETDOWN;
		else if (s->nonblock)
			error = EAGAIN;
		else
			error = sock_wait(s, WAIT_IN, until);
	}
	if (s->waiting_n != 0) {
		error = 0;
		*child = s->waiting[0];
		memmove(s->waiting, s->waiting + 1,
		    --s->waiting_n * sizeof(*s->waiting));
	}
	pthread_mutex_unlock(&s->lock);
	return error;
}

void
listener_put_back(struct sock *s, struct sock *child)
{
	bool closed;

	pthread_mutex_lock(&s->lock);
	closed = s->closed || s->waiting == NULL ||
	    s->waiting_n >= s->waiting_max;
	if (!closed) {
		memmove(s->waiting + 1, s->waiting,
		    s->waiting_n++ * sizeof(*s->waiting));
		s->waiting[0] = child;
	}
	pthread_mutex_unlock(&s->lock);
	if (closed) {
		sock_close(child);
		sock_put(child);
	}
}
