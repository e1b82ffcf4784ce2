/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ports.c - which address and port a socket may have
 *
 * DOC: The faults: two sockets can be bound to one port, as long as none
 * listens; a socket can be bound to an address of somebody else's; a server
 * that was bound to an address of its own cannot be started again while its
 * clients are connected, whatever SO_REUSEADDR says; local ports of UDP are
 * given out in order.
 *
 * The cure: two sockets of one kind are in each other's way when they have the
 * same port, and the same address or one of them the unspecified one.  A
 * connection that is open, or waits in TIME-WAIT, is not in the way of a socket
 * with SO_REUSEADDR; sockets of which each has SO_REUSEPORT are never in each
 * other's way.  A port that the program did not name is the next one, from a
 * random one on, that no socket has.
 *
 * All is done on the stack's thread, which has no more than one socket looking
 * for a port at a time.  Sockets are found by their port (conn_table), so that to
 * look for one costs the same however many there are.
 */
#include <sys/random.h>
#include <errno.h>
#include <unistd.h>

#include "stack/lwipv6/sock/sock.h"

#define PORT_FIRST 49152u
#define PORTS 16384u
#define RESERVED 1024
#define CAP_BIND (1 << 10) /* LWIP_CAP_NET_BIND_SERVICE */

/* What a socket wants to be bound to. */
struct claim {
	const struct sock *s;
	struct sock_dest at;
	uint16_t options;
};

bool
port_overlap(const struct ip_addr *a, const struct ip_addr *b)
{
	return name_is_any(a) || name_is_any(b) || ip_same(a, b);
}

/* Whether S has what the claim C is for. */
static bool
is_in_the_way(struct sock *s, const struct claim *c)
{
	uint16_t both;
	bool taken;

	if (s == c->s || s->ops != c->s->ops)
		return false;
	pthread_mutex_lock(&s->lock);
	both = s->so_options & c->options;
	taken = !s->closed && port_overlap(&s->local, &c->at.ip) &&
	    !(both & SOF_REUSEPORT) &&
	    (!(both & SOF_REUSEADDR) || s->state == SOCK_LISTENING);
	pthread_mutex_unlock(&s->lock);
	return taken;
}

/* Whether a socket of STACK has what the claim C is for. */
static bool
is_claimed(struct stack *stack, const struct claim *c)
{
	struct conn_table *t = conn_table(stack);
	struct node *l, *head;

	if (t == NULL)
		return true;
	EACH_AT_PORT(l, head, &t->sockets, c->at.port)
	if (is_in_the_way(NODE_OF(l, struct sock, at_port), c))
		return true;
	return false;
}

static bool
is_taken(const struct claim *c)
{
	const struct sock *s = c->s;

	return is_claimed(s->stack, c) ||
	    (s->ops->port_in_use != NULL && !(c->options & SOF_REUSEADDR) &&
		s->ops->port_in_use(s, &c->at));
}

/* above.local_port_free: of TCP */
static bool
local_port_free(struct stack *stack, const struct ip_addr *ip, uint16_t port)
{
	static const struct sock nobody = { .ops = &stream_ops };
	struct claim c = { .s = &nobody, .at = { *ip, port } };

	return !is_claimed(stack, &c);
}

__attribute__((constructor)) static void
fill_above(void)
{
	above.local_port_free = local_port_free;
}

/* Chooses the claim's port, or sees that it is free.  0 or EADDRINUSE. */
static int
find_port(struct claim *c)
{
	static uint32_t next;
	unsigned i;

	if (c->at.port != 0)
		return is_taken(c) ? EADDRINUSE : 0;
	c->options = 0;
	if (next == 0 && getrandom(&next, sizeof(next), 0) != sizeof(next))
		next = (uint32_t)getpid() * 7919u;
	for (i = 0; i < PORTS; i++) {
		c->at.port = (uint16_t)(PORT_FIRST +
		    __atomic_fetch_add(&next, 1, __ATOMIC_RELAXED) % PORTS);
		if (!is_taken(c))
			return 0;
	}
	return EADDRINUSE;
}

/* Whether IP looks like the broadcast address of a network. */
static bool
may_be_broadcast(const struct ip_addr *ip)
{
	return ip_is_v4(ip) && (ntohl(ip->addr[3]) & 0xff) == 0xff;
}

int
port_address(struct sock *s, struct ip_addr *ip)
{
	if (name_is_any(ip))
		return 0;
	if (!ip_is_own(s->stack, ip) &&
	    (!s->ops->binds_to_groups ||
		(!ip_is_group(ip) && !may_be_broadcast(ip))))
		return EADDRNOTAVAIL;
	return name_fits(s, ip) ? 0 : EADDRNOTAVAIL;
}

int
port_choose(struct sock *s, struct sock_dest *to)
{
	struct claim c = { .s = s, .at = *to };
	int error = port_address(s, &to->ip);

	if (error != 0)
		return error;
	pthread_mutex_lock(&s->lock);
	c.options = s->so_options;
	pthread_mutex_unlock(&s->lock);
	error = find_port(&c);
	*to = c.at;
	return error;
}

bool
port_has_listener(struct sock *s)
{
	struct claim c = { .s = s, .at = { s->local, s->local_port } };

	pthread_mutex_lock(&s->lock);
	c.options = s->so_options | SOF_REUSEADDR;
	pthread_mutex_unlock(&s->lock);
	return is_taken(&c);
}

void
port_bound(struct sock *s, const struct sock_dest *to)
{
	struct conn_table *t = conn_table(s->stack);
	struct node *list = t == NULL ? NULL :
					port_list(&t->sockets, to->port, true);

	pthread_mutex_lock(&s->lock);
	s->local = to->ip;
	s->local_port = to->port;
	s->bound = true;
	pthread_mutex_unlock(&s->lock);
	node_out(&s->at_port);
	if (list != NULL)
		node_before(list, &s->at_port);
}

void
port_unbound(struct sock *s)
{
	node_out(&s->at_port);
}

bool
port_allowed(struct sock *s, uint16_t port)
{
	cap_fn *cap = NULL;

	if (port == 0 || port >= RESERVED || !s->ops->has_ports)
		return true;
	pthread_mutex_lock(&s->lock);
	if (s->stack != NULL)
		cap = STACK_FIELD(s->stack, STACK_CAPFUN, cap_fn *);
	pthread_mutex_unlock(&s->lock);
	return cap == NULL || (cap() & CAP_BIND) != 0;
}
