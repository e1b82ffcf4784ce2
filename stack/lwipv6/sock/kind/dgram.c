/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dgram.c - what UDP, raw and packet sockets have in common
 *
 * DOC: The faults: what arrives for a socket goes into a pipe, by the stack's
 * thread, and when it is full that thread waits; a datagram that is not sent
 * for want of a route, or because it is too large, is reported as sent; a
 * socket that sends to somebody is connected to him meanwhile, so that answers
 * from others are refused; one datagram that several sockets hear is freed
 * several times.
 *
 * How they are seen: a UDP socket that is bound and not read from stops its
 * whole stack after 8192 datagrams, and likewise raw and packet sockets.
 *
 * The cure: a queue for each socket, bounded in bytes (SO_RCVBUF) of what its
 * datagrams cost in memory.  What does not fit is dropped, as everywhere, and
 * nobody else notices.
 *
 * Sending is done on the stack's thread, which is waited for, so that an error
 * can be told: ENETUNREACH, EADDRNOTAVAIL, EMSGSIZE, ENOBUFS.
 *
 * What differs between the kinds is in udp.c and raw.c.
 */
#include <errno.h>
#include <string.h>

#include "stack/lwipv6/sock/sock.h"

#define IP4_HLEN 20u
#define IP6_HLEN 40u
#define DATAGRAM_MAX 65535u

/* ---- what arrives; on the stack's thread -------------------------------- */

struct pbuf *
dgram_copy(const struct pbuf *p)
{
	struct pbuf *copy = pbuf_alloc(PBUF_RAW, p->tot_len, PBUF_RAM);

	if (copy != NULL)
		pbuf_read(copy->payload, p, 0, p->tot_len);
	return copy;
}

void
dgram_deliver(struct sock *s, struct pbuf *p, const struct ip_addr *from,
    uint16_t port)
{
	struct item it = { .p = p, .from = *from, .port = port };
	uint32_t cost = p->tot_len + DGRAM_COST;

	pthread_mutex_lock(&s->lock);
	if (s->wants != 0)
		it.p = p = control_note(s, p, &it.before);
	if (s->closed || s->shut_rd || s->in_cost + cost > s->in_max ||
	    !fifo_put(&s->in, &it)) {
		pthread_mutex_unlock(&s->lock);
		pbuf_free(p);
		return;
	}
	s->in_bytes += p->tot_len - it.before;
	s->in_cost += cost;
	sock_unlock_wake(s, POLLIN | POLLRDNORM);
}

void
dgram_udp_arrived(void *arg, struct udp_pcb *pcb, struct pbuf *p,
    struct ip_addr *from, uint16_t port)
{
	struct sock *s = arg;
	struct pbuf *copy;
	bool mine;

	(void)pcb;
	if (p->ref > 1) { /* other sockets have it, too */
		copy = dgram_copy(p);
		pbuf_free(p);
		if ((p = copy) == NULL)
			return;
	}
	pthread_mutex_lock(&s->lock);
	mine = name_fits(s, from);
	pthread_mutex_unlock(&s->lock);
	if (mine)
		dgram_deliver(s, p, from, port);
	else
		pbuf_free(p);
}

/* An error, and what it is about. */
struct told {
	const struct icmp_quote *q;
	int error;
};

/* Tells S, if it has sent the datagram in question. */
static void
tell(struct sock *s, void *arg)
{
	const struct told *t = arg;
	const struct udp_pcb *pcb = s->pcb.udp;

	if (pcb->remote_port != t->q->dport ||
	    !ip_same(&pcb->remote_ip, &t->q->dst) ||
	    (!name_is_any(&pcb->local_ip) &&
		!ip_same(&pcb->local_ip, &t->q->src)))
		return;
	pthread_mutex_lock(&s->lock);
	s->error = t->error;
	sock_unlock_wake(s, POLLIN | POLLOUT | POLLERR);
}

/* above.dgram_error */
static void
dgram_error(struct stack *stack, const struct icmp_quote *q, int error)
{
	struct told t = { .q = q, .error = error };

	udp_each_at(stack, q->sport, tell, &t);
}

__attribute__((constructor)) static void
fill_above(void)
{
	above.dgram_error = dgram_error;
}

/* A datagram for a group. */
struct for_group {
	const struct netif *netif; /* by which it came, or went */
	const struct icmp_quote *q;
	struct pbuf *p;
};

/* Gives it to S, if S hears it. */
static void
give(struct sock *s, void *arg)
{
	const struct for_group *g = arg;
	const struct icmp_quote *q = g->q;
	struct udp_pcb *pcb = s->pcb.udp;
	struct ip_addr from = q->src;

	if ((!name_is_any(&pcb->local_ip) &&
		!ip_same(&pcb->local_ip, &q->dst)) ||
	    (!name_is_any(&pcb->remote_ip) &&
		(pcb->remote_port != q->sport ||
		    !ip_same(&pcb->remote_ip, &q->src))) ||
	    (ip_is_group(&q->dst) &&
		!group_lets(s, g->netif, &q->dst, &q->src)))
		return;
	pbuf_ref(g->p); /* so each makes a copy */
	dgram_udp_arrived(s, pcb, g->p, &from, q->sport);
}

void
dgram_group(struct netif *netif, const struct icmp_quote *q, struct pbuf *p)
{
	struct for_group g = { .netif = netif, .q = q, .p = p };

	udp_each_at(netif->stack, q->dport, give, &g);
}

/* ---- receiving ---------------------------------------------------------- */

ssize_t
dgram_recv(struct sock *s, struct recv_into *to, size_t room, int flags,
    struct recv_from *from)
{
	struct timespec at;
	const struct timespec *until;
	struct item it;
	int error = 0;
	uint32_t len;
	uint8_t wants;
	bool wait;

	pthread_mutex_lock(&s->lock);
	wait = !s->nonblock && !(flags & MSG_DONTWAIT);
	until = sock_until(s, WAIT_IN, &at);
	while (error == 0 && s->in.count == 0) {
		if (s->error != 0) {
			error = s->error;
			s->error = 0;
		} else if (s->stack == NULL) {
			error = ENETDOWN;
		} else if (s->shut_rd) {
			pthread_mutex_unlock(&s->lock);
			return 0;
		} else {
			error = wait ? sock_wait(s, WAIT_IN, until) : EAGAIN;
		}
	}
	if (error != 0) {
		pthread_mutex_unlock(&s->lock);
		return sock_fail(error);
	}
	it = *fifo_first(&s->in);
	len = (uint32_t)it.p->tot_len - it.before;
	wants = it.before == 0 ? 0 : s->wants;
	if (flags & MSG_PEEK) {
		recv_copy_pbuf(to, it.p, it.before, room);
		control_give(wants, it.p, from->control);
	} else {
		fifo_drop(&s->in);
		s->in_bytes -= len;
		s->in_cost -= len + DGRAM_COST;
	}
	pthread_mutex_unlock(&s->lock);
	if (!(flags & MSG_PEEK)) {
		recv_copy_pbuf(to, it.p, it.before, room);
		control_give(wants, it.p, from->control);
		pbuf_free(it.p);
	}
	name_out(s->family, &it.from, it.port, from->name, from->len);
	from->cut = len > room;
	return (flags & MSG_TRUNC) ? (ssize_t)len : (ssize_t)to->done;
}

/* ---- sending ------------------------------------------------------------ */

int
dgram_fits(const struct dgram *g, uint32_t more)
{
	uint32_t len = g->p->tot_len + more;

	len += ip_is_v4(&g->to.ip) ? IP4_HLEN : IP6_HLEN;
	return len > DATAGRAM_MAX ? EMSGSIZE : 0;
}

static void
send_inside(void *arg)
{
	struct dgram *g = arg;

	if (g->s->pcb.udp == NULL)
		g->error = EBADF; /* closed meanwhile */
	else
		g->error = g->s->ops->dgram->send(g);
}

int
dgram_to_peer(const struct sock *s, struct sock_dest *to)
{
	to->ip = s->remote;
	to->port = s->remote_port;
	return name_is_any(&to->ip) ? EDESTADDRREQ : 0;
}

/* Where the datagram goes: to NAME or, without one, where S always sends. */
static int
find_dest(struct sock *s, const struct sockaddr *name, socklen_t namelen,
    struct sock_dest *to)
{
	int error;

	pthread_mutex_lock(&s->lock);
	if ((error = s->error) != 0)
		s->error = 0;
	else if (s->shut_wr)
		error = EPIPE;
	else if (name == NULL || namelen == 0)
		error = s->ops->dgram->default_dest(s, to);
	pthread_mutex_unlock(&s->lock);
	return error;
}

/* A buffer with the LEN bytes of the N pieces at IOV; or NULL. */
static struct pbuf *
gather(const struct iovec *iov, size_t n, size_t len)
{
	struct pbuf *p = pbuf_alloc(PBUF_TRANSPORT, (uint16_t)len, PBUF_RAM);
	char *at;
	size_t i;

	if (p == NULL)
		return NULL;
	at = p->payload;
	for (i = 0; i < n; i++) {
		if (iov[i].iov_len != 0)
			memcpy(at, iov[i].iov_base, iov[i].iov_len);
		at += iov[i].iov_len;
	}
	return p;
}

ssize_t
dgram_send(struct sock *s, const struct iovec *iov, size_t n, int flags,
    const struct sockaddr *name, socklen_t namelen,
    const struct sock_wish *wish)
{
	struct dgram g = { .s = s, .wish = wish };
	size_t len = 0, i;
	int error;

	(void)flags;
	if (name != NULL && namelen != 0) {
		if ((error = name_in(s, name, namelen, &g.to)) != 0)
			return sock_fail(error);
		if (!name_fits(s, &g.to.ip))
			return sock_fail(ENETUNREACH);
	}
	for (i = 0; i < n; i++) {
		if (iov[i].iov_len > DATAGRAM_MAX - len)
			return sock_fail(EMSGSIZE);
		len += iov[i].iov_len;
	}
	if ((error = find_dest(s, name, namelen, &g.to)) != 0)
		return sock_fail(error);
	if (len > DATAGRAM_MAX - s->ops->dgram->headers)
		return sock_fail(EMSGSIZE);
	if ((g.p = gather(iov, n, len)) == NULL)
		return sock_fail(ENOBUFS);
	error = sock_call(s, send_inside, &g);
	if (error == 0)
		error = g.error;
	pbuf_free(g.p);
	return error == 0 ? (ssize_t)len : sock_fail(error);
}

/* ---- the other calls ---------------------------------------------------- */

void
dgram_close(struct sock *s)
{
	if (s->pcb.udp == NULL)
		return;
	s->ops->dgram->remove(s);
	s->pcb.udp = NULL;
	sock_put(s);
}

void
dgram_apply(struct sock *s)
{
	uint16_t options;
	int ttl, tos;

	if (s->pcb.udp == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	options = s->so_options;
	ttl = s->ttl;
	tos = s->tos;
	pthread_mutex_unlock(&s->lock);
	/* The pcbs of all kinds begin with these. */
	s->pcb.udp->so_options = options;
	if (ttl >= 0)
		s->pcb.udp->ttl = (uint8_t)ttl;
	if (tos >= 0)
		s->pcb.udp->tos = (uint8_t)tos;
}

int
dgram_shutdown(struct sock *s, int how)
{
	pthread_mutex_lock(&s->lock);
	if (how != SHUT_WR)
		s->shut_rd = true;
	if (how != SHUT_RD)
		s->shut_wr = true;
	sock_unlock_wake(s, POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
	return 0;
}

int
dgram_ready(const struct sock *s)
{
	int r = POLLOUT | POLLWRNORM;

	if (s->in.count != 0 || s->shut_rd)
		r |= POLLIN | POLLRDNORM;
	if (s->shut_rd)
		r |= POLLRDHUP;
	return r;
}

uint32_t
dgram_queued(const struct sock *s)
{
	const struct item *it = fifo_first(&s->in);

	return it == NULL ? 0 : (uint32_t)it->p->tot_len - it->before;
}

bool
dgram_has_peer(const struct sock *s)
{
	return !name_is_any(&s->remote) || s->remote_port != 0;
}

void
dgram_connected(struct sock *s, const struct ip_addr *own,
    const struct ip_addr *from, const struct sock_dest *to)
{
	pthread_mutex_lock(&s->lock);
	if (name_is_any(own))
		s->local = *from;
	s->error = 0; /* what there is concerns somebody else */
	s->remote = to->ip;
	s->remote_port = to->port;
	pthread_mutex_unlock(&s->lock);
}
