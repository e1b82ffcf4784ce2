/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stream.c - a TCP connection between the library's pcb and a socket's buffers
 *
 * DOC: Theory of Operation
 *
 * The faults, all of the way from lwip_send() and lwip_close() to the peer:
 *   - lwip_close() and lwip_shutdown() cannot queue a FIN when 88 buffers are
 *     outstanding; the one aborts the connection, the other does nothing at
 *     all.  One bulk transfer in five loses its tail; the receiver sees a
 *     plain end of file, too early.
 *   - The library's states after a FIN was queued (FIN_WAIT_1, CLOSING,
 *     LAST_ACK) take any acknowledgement of all that was *sent* for one of the
 *     FIN, so that after a retransmission a connection is freed with data
 *     still queued; and a FIN of the peer that comes out of order ends
 *     reception before its time (FIN_WAIT_2).
 *   - Each send makes a semaphore that the stack's thread signals after it was
 *     freed; reads of a pcb that may be gone; and small segments that never fit
 *     the queue are offered for ever.
 *   - Keepalive ends a connection and goes on to use what it freed.
 *   - What arrives after lwip_close() is acknowledged, for as long as the
 *     peer cares to send.
 *
 * Sending is in stream_send.c.
 *
 * The end.  When the program wants no more sent (shutdown, or close) and the
 * ring is empty, a FIN is queued behind all data, at once if there is room in
 * the queue, with the next acknowledgement otherwise.  The pcb however stays in
 * the state it was in, ESTABLISHED or CLOSE_WAIT, where the library sends,
 * retransmits and receives as ever, and both directions go on.  That the FIN
 * was acknowledged is certain when nothing is outstanding any more.  When the
 * peer's FIN has been received in its order, too, the connection is done: it
 * goes to TIME_WAIT if our FIN went first, and else it is freed (RFC 9293,
 * 3.6).  A connection whose descriptor was closed, and whose peer does not send
 * a FIN, goes to FIN_WAIT_2, where the library ends it after 20 seconds.
 *
 * Nothing may free a pcb from within one of its callbacks.  Where a connection
 * ends in one, the pcb loses its ports and is put into FIN_WAIT_2 with its time
 * run out
 *
 * Receiving.  Data goes into the socket's queue as it comes; only the window
 * bounds how much.  The window opens again as the program reads: the program
 * kicks the stack's thread when it has read a quarter of a window.
 * Small pieces share buffers: see stream_queue.c.
 * The first segments of a connection, and those that fill a gap (RFC 5681,
 * 4.2), are acknowledged at once.
 *
 * A socket that is closed while data is there which the program has not read
 * resets its connection, and so does one with SO_LINGER and a time of 0: a FIN
 * would say that all has been taken (RFC 1122, 4.2.2.13; RFC 2525, 2.17).  What
 * was still to be sent is lost with it, as on Linux.
 *
 * What comes for a socket that is closed is dropped; once all that was sent is
 * acknowledged it is answered with a reset (RFC 1122, 4.2.2.13): not before,
 * lest the reset overtakes what the peer has yet to read.
 */
#include <errno.h>
#include <stdlib.h>

#include "stack/lwipv6/sock/sock.h"

#define QUICK_ACKS 8 /* the first segments are acknowledged at once */
#define LOW_WINDOW (TCP_WINDOW / 4)

static void
reset(struct tcp_pcb *pcb)
{
	tcp_rst(pcb->stack, pcb->snd_max, pcb->rcv_nxt, &pcb->local_ip,
	    &pcb->remote_ip, pcb->local_port, pcb->remote_port);
}

/* ---- the end ------------------------------------------------------------ */

void
stream_detach(struct sock *s)
{
	struct tcp_pcb *pcb = s->pcb.tcp;

	if (pcb == NULL)
		return;
	tcp_arg(pcb, NULL);
	if (pcb->state != TCP_LISTEN) {
		tcp_recv(pcb, NULL);
		tcp_sent(pcb, NULL);
		tcp_poll(pcb, NULL, 0);
		tcp_err(pcb, NULL);
	}
	s->pcb.tcp = NULL;
	pthread_mutex_lock(&s->lock);
	s->settled = true;
	sock_unlock_wake(s, POLLOUT);
	sock_put(s);
}

void
stream_failed(struct sock *s, int error)
{
	pthread_mutex_lock(&s->lock);
	s->error = error;
	s->state = SOCK_DONE;
	s->settled = true;
	s->out_tail = s->out_head;
	sock_unlock_wake(s, POLLIN | POLLOUT | POLLERR | POLLHUP);
}

void
stream_abort(struct sock *s, int error)
{
	struct tcp_pcb *pcb = s->pcb.tcp;

	if (pcb == NULL)
		return;
	sock_hold(s);
	stream_detach(s);
	if (pcb->state == TCP_SYN_SENT) {
		conn_free_later(pcb);
	} else {
		reset(pcb);
		conn_free_later(pcb);
	}
	stream_failed(s, error);
	sock_put(s);
}

/* If both directions have come to their end, the connection is over. */
static void
finish(struct sock *s)
{
	struct tcp_pcb *pcb = s->pcb.tcp;

	if (pcb == NULL || !s->fin_sent || stream_unacked(pcb))
		return;
	if (!s->got_fin) {
		pthread_mutex_lock(&s->lock);
		s->settled = true;
		sock_unlock_wake(s, POLLOUT);
		if (s->orphan && pcb->state == TCP_ESTABLISHED)
			pcb->state = TCP_FIN_WAIT_2;
		return;
	}
	if (s->passive)
		conn_free_later(pcb);
	else
		conn_time_wait(pcb);
	stream_detach(s);
}

/* ---- acknowledgements, and silence -------------------------------------- */

static err_t
on_sent(void *arg, struct tcp_pcb *pcb, uint16_t len)
{
	struct sock *s = arg;

	(void)pcb;
	(void)len;
	s->soft_error = 0;
	stream_send(s);
	finish(s);
	return ERR_OK;
}

/* Twice a second, and when a probe is due: see keepalive.c. */
static err_t
on_poll(void *arg, struct tcp_pcb *pcb)
{
	struct sock *s = arg;
	struct keepalive k;
	bool alive;

	pthread_mutex_lock(&s->lock);
	s->more = false; /* it has waited for more long enough */
	pthread_mutex_unlock(&s->lock);
	stream_send(s);
	pthread_mutex_lock(&s->lock);
	alive = (s->so_options & SOF_KEEPALIVE) != 0;
	k.idle_s = s->keep_idle;
	k.every_s = s->keep_every;
	k.times = s->keep_count;
	pthread_mutex_unlock(&s->lock);
	if (alive && stream_is_open(pcb) && !keepalive_check(pcb, &k))
		stream_abort(s, s->soft_error != 0 ? s->soft_error : ETIMEDOUT);
	return ERR_OK;
}

/* ---- receiving ---------------------------------------------------------- */

/* The program has taken LEN bytes: the window is larger by them. */
static void
open_window(struct tcp_pcb *pcb, uint32_t len)
{
	bool low = tcp_own_window(pcb) < LOW_WINDOW;

	while (len > 0) {
		uint16_t n = (uint16_t)(len > TCP_WINDOW ? TCP_WINDOW : len);

		tcp_recved(pcb, n);
		len -= n;
	}
	/* The library's own tcp_recved() may only have put it off. */
	if (low && tcp_own_window(pcb) >= LOW_WINDOW && stream_is_open(pcb) &&
	    (pcb->flags & TCP_FLAG_ACK_DELAY)) {
		pcb->flags |= TCP_FLAG_ACK_NOW;
		tcp_output(pcb);
	}
}

/* P came for a program that reads no more. */
static void
discard(struct sock *s, struct tcp_pcb *pcb, struct pbuf *p)
{
	uint16_t len = p->tot_len;

	pbuf_free(p);
	if (s->orphan && s->fin_sent && !stream_unacked(pcb)) {
		reset(pcb);
		conn_free_later(pcb);
		stream_detach(s);
		return;
	}
	open_window(pcb, len);
}

/* The peer's FIN has come, in its order. */
static void
got_end(struct sock *s, struct tcp_pcb *pcb)
{
	s->got_fin = true;
	/* The library forgets this when it comes with the handshake's end. */
	if (pcb->state == TCP_ESTABLISHED)
		pcb->state = TCP_CLOSE_WAIT;
	pthread_mutex_lock(&s->lock);
	s->eof = true;
	sock_unlock_wake(s, POLLIN | POLLRDNORM | POLLRDHUP | POLLHUP);
	finish(s);
}

static err_t
on_recv(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err)
{
	struct sock *s = arg;
	uint32_t credit, len;
	bool chain;

	(void)err;
	if (p == NULL) {
		pcb->ours |= TCP_OURS_FIN_CAME;
		sock_hold(s);
		got_end(s, pcb);
		sock_put(s);
		return ERR_OK;
	}
	pthread_mutex_lock(&s->lock);
	if (s->closed || s->shut_rd) {
		pthread_mutex_unlock(&s->lock);
		sock_hold(s);
		discard(s, pcb, p);
		sock_put(s);
		return ERR_OK;
	}
	len = p->tot_len;
	chain = p->next != NULL;
	if (!stream_queue(s, p)) {
		pthread_mutex_unlock(&s->lock);
		pbuf_free(p);
		stream_abort(s, ENOBUFS);
		return ERR_OK;
	}
	if (s->quick_acks < QUICK_ACKS || pcb->ooseq != NULL || chain) {
		if (s->quick_acks < QUICK_ACKS)
			s->quick_acks++;
		pcb->flags |= TCP_FLAG_ACK_NOW;
	}
	s->in_bytes += len;
	credit = s->credit;
	s->credit = 0;
	sock_unlock_wake(s, POLLIN | POLLRDNORM);
	if (credit != 0)
		open_window(pcb, credit);
	return ERR_OK;
}

/* above.time_wait */
static void
stream_waits(struct tcp_pcb *pcb)
{
	if (pcb->recv == on_recv && pcb->callback_arg != NULL)
		stream_detach(pcb->callback_arg);
}

/* ---- beginning ---------------------------------------------------------- */

/* The library has ended the connection, and freed its pcb. */
static void
on_err(void *arg, err_t err)
{
	struct sock *s = arg;
	bool connecting;
	int error;

	s->pcb.tcp = NULL;
	pthread_mutex_lock(&s->lock);
	connecting = s->state == SOCK_CONNECTING;
	pthread_mutex_unlock(&s->lock);
	if (err == ERR_RST)
		error = connecting ? ECONNREFUSED :
		    s->got_fin	   ? EPIPE :
				     ECONNRESET;
	else if (!tcp_timed_out())
		error = ECONNABORTED;
	else
		error = s->soft_error != 0 ? s->soft_error : ETIMEDOUT;
	if (s->got_fin && s->fin_sent)
		error = 0; /* nothing is lost */
	stream_failed(s, error);
	sock_put(s);
}

void
stream_attach(struct sock *s, struct tcp_pcb *pcb)
{
	sock_hold(s);
	s->pcb.tcp = pcb;
	s->has_sent = false;
	s->soft_error = 0;
	s->quick_acks = 0;
	s->fin_sent = s->passive = s->got_fin = s->sent_small = false;
	tcp_arg(pcb, s);
	tcp_recv(pcb, on_recv);
	tcp_sent(pcb, on_sent);
	tcp_poll(pcb, on_poll, 1);
	tcp_err(pcb, on_err);
	if (s->ttl >= 0)
		pcb->ttl = (uint8_t)s->ttl;
	else if (pcb->remote_port != 0)
		pcb->ttl = ip_hops(s->stack, &pcb->remote_ip, pcb->ttl);
	if (s->tos >= 0)
		pcb->tos = (uint8_t)s->tos;
}

struct tcp_pcb *
stream_pcb(struct sock *s)
{
	struct tcp_pcb *pcb = s->pcb.tcp;

	if (pcb == NULL && (pcb = tcp_new(s->stack)) != NULL)
		stream_attach(s, pcb);
	return pcb;
}

err_t
stream_connected(void *arg, struct tcp_pcb *pcb, err_t err)
{
	struct sock *s = arg;

	if (s == NULL || err != ERR_OK)
		return ERR_OK;
	pcb->ours &= (uint8_t)~TCP_OURS_FIN_CAME; /* it meant something else */
	pthread_mutex_lock(&s->lock);
	s->state = SOCK_CONNECTED;
	s->local = pcb->local_ip;
	s->local_port = pcb->local_port;
	sock_unlock_wake(s, POLLOUT | POLLWRNORM);
	return ERR_OK;
}

/* ---- kicks -------------------------------------------------------------- */

void
stream_work(struct sock *s)
{
	struct tcp_pcb *pcb;
	uint32_t credit;

	pthread_mutex_lock(&s->lock);
	s->kicked = false;
	credit = s->credit;
	s->credit = 0;
	pthread_mutex_unlock(&s->lock);
	pcb = s->pcb.tcp;
	if (pcb == NULL || pcb->state == TCP_LISTEN)
		return;
	if (credit != 0)
		open_window(pcb, credit);
	stream_send(s);
	finish(s);
}

void
stream_leave(struct sock *s)
{
	bool loss;

	pthread_mutex_lock(&s->lock);
	loss = s->in_bytes != 0 || (s->linger && s->linger_s == 0);
	pthread_mutex_unlock(&s->lock);
	if (loss)
		stream_abort(s, ECONNABORTED);
	else
		stream_work(s);
}

static void
work(void *arg)
{
	struct sock *s = arg;

	stream_work(s);
	sock_put(s);
}

bool
stream_want_kick(struct sock *s)
{
	bool had = s->kicked;

	s->kicked = true;
	return !had;
}

void
stream_kick(struct sock *s)
{
	sock_post(s, work);
}

/* ---- a neighbour that is not there -------------------------------------- */

struct lost {
	struct netif *netif;
	const struct ip_addr *hop;
};

static void
check_lost(struct sock *s, void *arg)
{
	const struct lost *l = arg;
	struct tcp_pcb *pcb = s->ops->protocol == IPPROTO_TCP ? s->pcb.tcp :
								NULL;
	struct ip_addr *hop;
	struct netif *netif;
	int flags;

	if (pcb == NULL || pcb->state != TCP_SYN_SENT ||
	    ip_route_findpath(pcb->stack, &pcb->remote_ip, &hop, &netif,
		&flags) != ERR_OK)
		return;
	if (netif == l->netif && ip_same(hop, l->hop))
		stream_abort(s, EHOSTUNREACH);
}

/* above.unreachable */
static void
stream_unreachable(struct netif *netif, const struct ip_addr *hop)
{
	struct lost l = { .netif = netif, .hop = hop };

	sock_each(netif->stack, check_lost, &l);
}

/* ---- ICMP errors -------------------------------------------------------- */

/* above.stream_error */
static void
stream_error(struct stack *stack, const struct icmp_quote *q,
    struct icmp_meaning m)
{
	struct tcp_pcb *pcb = tcp_quoted(stack, q);
	struct sock *s;

	if (pcb == NULL || pcb->recv != on_recv || pcb->callback_arg == NULL)
		return;
	s = pcb->callback_arg;
	if (pcb->state == TCP_SYN_SENT &&
	    (m.hard || (s->soft_error != 0 && pcb->nrtx != 0)))
		stream_abort(s, m.error);
	else
		s->soft_error = m.error;
}

/* above.maxseg */
static unsigned
stream_maxseg(const struct tcp_pcb *pcb)
{
	struct sock *s = pcb->callback_arg;
	unsigned n;

	if (s == NULL ||
	    (pcb->state == TCP_LISTEN ?
		    LISTENER_ACCEPT(pcb) != listener_accept :
		    pcb->recv != on_recv && pcb->accept != listener_accept))
		return 0;
	pthread_mutex_lock(&s->lock);
	n = (unsigned)s->maxseg;
	pthread_mutex_unlock(&s->lock);
	return n;
}

__attribute__((constructor)) static void
fill_above(void)
{
	above.maxseg = stream_maxseg;
	above.unreachable = stream_unreachable;
	above.stream_error = stream_error;
	above.time_wait = stream_waits;
}
