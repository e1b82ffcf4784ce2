/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ctl/socks.c - the sockets of an lwipv6 stack, as they are listed
 *
 * DOC: Most of what is to be told is in struct sock, of which the socket layer
 * knows all.  Of TCP there is more than sockets: connections that a listener
 * has begun and nobody has accepted, and those in TIME-WAIT, of which the table
 * of connections (tcp/conn.h) knows.  So sockets come first, and of the table
 * what no socket has.
 *
 * It is done on the stack's thread, to which connections belong; a socket's own
 * lock is held for as long as its half is copied.  What slirp does for guests of
 * the host's network are no sockets.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "stack/lwipv6/ctl/ctl.h"
#include "stack/lwipv6/sock/sock.h"

static_assert((int)TCP_CLOSED == (int)CTL_SOCK_CLOSED &&
	(int)TCP_LISTEN == (int)CTL_SOCK_LISTEN &&
	(int)TCP_SYN_SENT == (int)CTL_SOCK_SYN_SENT &&
	(int)TCP_ESTABLISHED == (int)CTL_SOCK_ESTABLISHED &&
	(int)TCP_TIME_WAIT == (int)CTL_SOCK_TIME_WAIT,
    "the states have the library's numbers");

struct socks {
	struct ctl_sock *list; /* of CTL_SOCKS_MAX */
	unsigned n, omitted;
	/* The connections that sockets have; sorted by address later. */
	const struct tcp_pcb **claimed;
	size_t claims, room;
	bool failed;
};

/* The next place in the list; NULL: there is none, which is counted. */
static struct ctl_sock *
next_place(struct socks *l)
{
	struct ctl_sock *c;

	if (l->n == CTL_SOCKS_MAX) {
		l->omitted++;
		return NULL;
	}
	c = &l->list[l->n++];
	memset(c, 0, sizeof(*c));
	return c;
}

static void
claim(struct socks *l, const struct tcp_pcb *pcb)
{
	if (l->claims == l->room) {
		size_t room = l->room == 0 ? 256 : 2 * l->room;
		void *more = realloc(l->claimed, room * sizeof(*l->claimed));

		if (more == NULL) {
			l->failed = true;
			return;
		}
		l->claimed = more;
		l->room = room;
	}
	l->claimed[l->claims++] = pcb;
}

/* An address that is any has no family of its own: it gets the socket's. */
static void
copy_ip(uint8_t to[16], const struct ip_addr *ip, int family)
{
	memcpy(to, ip, 16);
	if (family == AF_INET && name_is_any(ip))
		to[10] = to[11] = 0xff;
}

static enum ctl_sock_type
type_of(const struct sock *s)
{
	return s->type == SOCK_STREAM ? CTL_TCP :
	    s->ops == &udp_ops	      ? CTL_UDP :
	    s->family == AF_PACKET    ? CTL_PACKET :
	    s->family == AF_NETLINK   ? CTL_NETLINK :
					CTL_RAW;
}

/* What PCB has sent and nobody has acknowledged, in bytes of data. */
static uint32_t
unacknowledged(const struct tcp_pcb *pcb, bool fin_sent)
{
	uint32_t n = pcb->snd_lbb - pcb->lastack;

	if (n > 0 &&
	    (fin_sent || pcb->state == TCP_SYN_SENT ||
		pcb->state == TCP_SYN_RCVD))
		n--; /* SYN and FIN have a number, too */
	return n;
}

/*
 * The state of a stream, whose pcb stays in the one that it was in when our FIN
 * is sent (sock/kind/stream.c).
 */
static enum ctl_sock_state
state_of(const struct sock *s, const struct tcp_pcb *pcb)
{
	if (s->fin_sent && pcb->state == TCP_ESTABLISHED)
		return pcb->snd_lbb != pcb->lastack ? CTL_SOCK_FIN_WAIT_1 :
						      CTL_SOCK_FIN_WAIT_2;
	if (s->fin_sent && pcb->state == TCP_CLOSE_WAIT)
		return s->passive ? CTL_SOCK_LAST_ACK : CTL_SOCK_CLOSING;
	return (enum ctl_sock_state)pcb->state;
}

/* Fills in what is special to a stream; with the lock of S. */
static void
copy_stream(struct ctl_sock *c, const struct sock *s)
{
	const struct tcp_pcb *pcb = s->pcb.tcp;

	if (s->state == SOCK_LISTENING) {
		c->state = CTL_SOCK_LISTEN;
		c->recv_q = s->waiting_n;
		c->send_q = s->waiting_max;
		return;
	}
	c->recv_q = s->in_bytes;
	c->send_q = s->out_head - s->out_tail;
	if (pcb == NULL)
		return;
	c->state = state_of(s, pcb);
	c->send_q += unacknowledged(pcb, s->fin_sent);
}

/* Appends S. */
static void
add_sock(struct sock *s, void *arg)
{
	struct socks *l = arg;
	bool stream = s->type == SOCK_STREAM;
	struct ctl_sock *c;

	if (stream && s->pcb.tcp != NULL)
		claim(l, s->pcb.tcp);
	pthread_mutex_lock(&s->lock);
	/* Without a connection a closed one is gone but for who uses it now. */
	if ((!s->closed || (stream && s->pcb.tcp != NULL)) &&
	    (c = next_place(l)) != NULL) {
		c->type = type_of(s);
		c->family = s->family;
		c->protocol = s->protocol;
		c->has_queues = true;
		c->number = s->closed ? -1 : s->fd;
		c->owner = c->number == -1 ? CTL_OWNER_NONE : s->owner;
		copy_ip(c->local, &s->local, s->family);
		copy_ip(c->remote, &s->remote, s->family);
		c->local_port = s->local_port;
		c->remote_port = s->remote_port;
		if (stream) {
			copy_stream(c, s);
		} else {
			c->recv_q = s->in_bytes;
			c->state = s->ops->has_peer != NULL &&
				s->ops->has_peer(s) ?
			    CTL_SOCK_ESTABLISHED :
			    CTL_SOCK_CLOSED;
		}
	}
	pthread_mutex_unlock(&s->lock);
}

static int
compare(const void *a, const void *b)
{
	const struct tcp_pcb *const *x = a, *const *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Appends a connection of the table that no socket has. */
static void
add_connection(struct socks *l, const struct found *e,
    enum ctl_sock_state state)
{
	struct ctl_sock *c = next_place(l);

	if (c == NULL)
		return;
	c->type = CTL_TCP;
	c->state = state;
	c->family = ip_is_v4(&e->ends.local) ? AF_INET : AF_INET6;
	c->number = -1;
	c->owner = CTL_OWNER_NONE;
	c->has_queues = true;
	memcpy(c->local, &e->ends.local, sizeof(c->local));
	memcpy(c->remote, &e->ends.remote, sizeof(c->remote));
	c->local_port = e->ends.local_port;
	c->remote_port = e->ends.remote_port;
	if (e->pcb != NULL)
		c->send_q = unacknowledged(e->pcb, false);
}

static void
add_table(struct socks *l, struct stack *stack)
{
	struct conn_table *t = conn_table(stack);
	const struct node *at;

	if (t == NULL) {
		l->failed = true;
		return;
	}
	if (l->claims != 0)
		qsort(l->claimed, l->claims, sizeof(*l->claimed), compare);
	for (at = t->open.next; at != &t->open; at = at->next) {
		const struct conn *c = NODE_OF(at, struct conn, open);
		const struct tcp_pcb *pcb = c->e.pcb;

		if (pcb != NULL &&
		    (l->claims == 0 ||
			bsearch(&pcb, l->claimed, l->claims,
			    sizeof(*l->claimed), compare) == NULL))
			add_connection(l, &c->e,
			    (enum ctl_sock_state)pcb->state);
	}
	for (at = t->time_wait.next; at != &t->time_wait; at = at->next)
		add_connection(l, &NODE_OF(at, struct time_wait, age)->e,
		    CTL_SOCK_TIME_WAIT);
}

static int
socks_fn(struct ctl_job *j)
{
	struct socks l = { 0 };

	if ((l.list = calloc(CTL_SOCKS_MAX, sizeof(*l.list))) == NULL)
		return ENOMEM;
	sock_each(j->stack, add_sock, &l);
	if (!l.failed)
		add_table(&l, j->stack);
	free(l.claimed);
	if (l.failed) {
		free(l.list);
		return ENOMEM;
	}
	j->list = l.list;
	j->n = l.n;
	j->value = l.omitted;
	return 0;
}

int
ctl_sockets(void *stack, struct ctl_sock **list, unsigned *n, unsigned *omitted)
{
	struct ctl_job j = { .stack = stack, .fn = socks_fn };
	int error = ctl_run(&j);

	*list = j.list;
	*n = error == 0 ? j.n : 0;
	*omitted = error == 0 ? j.value : 0;
	return error;
}
