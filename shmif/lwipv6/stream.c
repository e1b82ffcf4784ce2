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
 * Sending.  A program puts bytes into a ring and kicks; stream_work(), on the
 * stack's thread, hands them to tcp_write(), as much as there is room for:
 * bytes, which tcp_out.c counts, and segments.  Whatever makes room (an
 * acknowledgement: on_sent()) does the same again.  Nagle's algorithm (RFC
 * 9293, 3.7.4) is here as well, as Minshall put it: less than a segment waits in
 * the ring while another such is on its way, unless the program said
 * TCP_NODELAY or that there will be no more.
 *
 * The end.  When the program wants no more sent (shutdown, or close) and the
 * ring is empty, a FIN is queued behind all data, at once if there is room in
 * the queue, with the next acknowledgement otherwise.  The pcb however stays in
 * the state it was in, ESTABLISHED or CLOSE_WAIT, where the library sends,
 * retransmits and receives as ever, and both directions go on.  That the FIN
 * was acknowledged is certain when nothing is outstanding any more.  When the
 * peer's FIN has been received in its order, too, the connection is done: it
 * goes to TIME_WAIT if our FIN went first, and else it is free (RFC 9293,
 * 3.6).  One that nobody holds, and whose peer does not send a FIN, goes to
 * FIN_WAIT_2, where the library ends it after 20 seconds.
 *
 * "It is free": nothing may free a pcb from within a callback.  Such a one loses
 * its ports and is put into FIN_WAIT_2 with its time run out (doom()), and the
 * library's timer takes it away.
 *
 * Receiving.  Data goes into the socket's queue as it comes; the window is
 * what bounds it.  It opens again as the program reads, by kicks that are saved
 * up until it is worth a segment, or until the window had been nearly shut.
 *
 * The library begins to send with one segment, which its peer may acknowledge
 * a quarter of a second later.  Here it begins with ten (RFC 6928), and the
 * first segments of a connection, and those that fill a gap (RFC 5681, 4.2), are
 * acknowledged at once.
 *
 * What comes for a socket that is closed is dropped; once all that was sent is
 * acknowledged it is answered with a reset (RFC 1122, 4.2.2.13): not before,
 * lest the reset overtakes what the peer has yet to read.
 */
#include <errno.h>
#include <stdlib.h>

#include "sock.h"

#define FIN 0x01
#define FIRST_WINDOW 14600u /* RFC 6928 */
#define QUICK 8		    /* first pieces that are acknowledged at once */
#define LOW_WINDOW (TCP_WINDOW / 4)
#define TICKS_PER_S 2
#define LONG_AGO 1000 /* ticks; more than any timeout */

static __thread bool in_timer;

/* ---- pcbs --------------------------------------------------------------- */

static uint32_t
ticks(const struct tcp_pcb *pcb)
{
	return STACK_FIELD(pcb->stack, STACK_TCP_TICKS, uint32_t);
}

/* The library's timer frees PCB when it runs next; no segment finds it now. */
static void
doom(struct tcp_pcb *pcb)
{
	tcp_pcb_purge(pcb);
	pcb->flags &= (uint8_t) ~(TCP_FLAG_ACK_DELAY | TCP_FLAG_ACK_NOW);
	pcb->local_port = pcb->remote_port = 0;
	/* In TIME-WAIT it is on another list, whose timer frees it as well. */
	if (pcb->state != TCP_TIME_WAIT)
		pcb->state = TCP_FIN_WAIT_2;
	pcb->tmr = ticks(pcb) - LONG_AGO;
}

static void
time_wait(struct tcp_pcb *pcb)
{
	struct tcp_pcb **list = &STACK_FIELD(pcb->stack, STACK_TCP_ACTIVE,
	    struct tcp_pcb *);
	struct tcp_pcb **tw = &STACK_FIELD(pcb->stack, STACK_TCP_TW,
	    struct tcp_pcb *);

	if (pcb->state == TCP_TIME_WAIT)
		return;
	while (*list != NULL && *list != pcb)
		list = &(*list)->next;
	if (*list == NULL)
		return;
	tcp_pcb_purge(pcb);
	*list = pcb->next;
	pcb->next = *tw;
	*tw = pcb;
	pcb->state = TCP_TIME_WAIT;
	pcb->tmr = ticks(pcb);
}

static void
reset(struct tcp_pcb *pcb)
{
	tcp_rst(pcb->stack, pcb->snd_nxt, pcb->rcv_nxt, &pcb->local_ip,
	    &pcb->remote_ip, pcb->local_port, pcb->remote_port);
}

static bool
open_state(const struct tcp_pcb *pcb)
{
	return pcb->state == TCP_ESTABLISHED || pcb->state == TCP_CLOSE_WAIT;
}

static bool
outstanding(const struct tcp_pcb *pcb)
{
	return pcb->unsent != NULL || pcb->unacked != NULL;
}

uint32_t
stream_outstanding(const struct sock *s)
{
	const struct tcp_pcb *pcb = s->pcb.tcp;
	uint32_t n;

	if (pcb == NULL || !open_state(pcb))
		return 0;
	n = pcb->snd_lbb - pcb->lastack;
	return s->fin_sent && n > 0 ? n - 1 : n;
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
		doom(pcb);
	} else {
		reset(pcb);
		doom(pcb);
	}
	stream_failed(s, error);
	sock_put(s);
}

/* Whether both directions have come to their end; if so the pcb goes. */
static void
finish(struct sock *s)
{
	struct tcp_pcb *pcb = s->pcb.tcp;

	if (pcb == NULL || !s->fin_sent || outstanding(pcb))
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
		doom(pcb);
	else
		time_wait(pcb);
	stream_detach(s);
}

/* ---- sending ------------------------------------------------------------ */

/* Whether a segment that was not full is on its way. */
static bool
small_on_its_way(const struct sock *s, const struct tcp_pcb *pcb)
{
	return s->sent_small && (int32_t)(s->small_end - pcb->lastack) > 0;
}

/* How much of LEN bytes to give to PCB now; EAGER: without Nagle's rule. */
static uint32_t
portion(const struct sock *s, struct tcp_pcb *pcb, uint32_t len, bool eager)
{
	uint32_t room, segs;

	if (pcb->snd_queuelen >= TCP_SND_QUEUELEN || pcb->mss == 0)
		return 0;
	segs = (uint32_t)TCP_SND_QUEUELEN - pcb->snd_queuelen;
	room = segs * pcb->mss;
	if (room > pcb->snd_buf)
		room = pcb->snd_buf;
	if (room < len)
		/* There is more: only full segments, if anything is out. */
		return outstanding(pcb) ? room - room % pcb->mss : room;
	/*
	 * Where the window is closed more may come meanwhile, which is better
	 * here than in a segment of many small pieces.
	 */
	if (pcb->unsent == NULL && (eager || !small_on_its_way(s, pcb)))
		return len;
	return len - len % pcb->mss;
}

/* Moves bytes from the ring to the pcb.  Whether the ring is empty. */
static bool
push(struct sock *s, struct tcp_pcb *pcb)
{
	bool some = false, empty, eager;
	uint32_t n, at;
	int events;

	for (;;) {
		pthread_mutex_lock(&s->lock);
		n = s->out_head - s->out_tail;
		at = s->out_size == 0 ? 0 : s->out_tail % s->out_size;
		eager = s->nodelay || s->shut_wr || s->closed;
		pthread_mutex_unlock(&s->lock);
		empty = n == 0;
		if (empty)
			break;
		n = portion(s, pcb, n, eager);
		if (n > s->out_size - at)
			n = s->out_size - at;
		if (n == 0 ||
		    tcp_write(pcb, s->out + at, (uint16_t)n, 1) != ERR_OK)
			break;
		some = true;
		if (n % pcb->mss != 0) {
			s->sent_small = true;
			s->small_end = pcb->snd_lbb;
		}
		pthread_mutex_lock(&s->lock);
		s->out_tail += n;
		events = s->out_head - s->out_tail <= s->out_size / 2 ?
		    POLLOUT | POLLWRNORM :
		    0;
		if (events != 0)
			sock_unlock_wake(s, events);
		else
			pthread_mutex_unlock(&s->lock);
	}
	if (some)
		tcp_output(pcb);
	return empty;
}

/* The congestion window of a connection that sends for the first time. */
static void
first_window(struct sock *s, struct tcp_pcb *pcb)
{
	uint32_t most = 10u * pcb->mss, w = 2u * pcb->mss;

	if (s->began)
		return;
	s->began = true;
	if (w < FIRST_WINDOW)
		w = FIRST_WINDOW;
	if (w > most)
		w = most;
	if (pcb->cwnd < w)
		pcb->cwnd = (uint16_t)w;
}

/* Sends what there is, and the FIN if it is time. */
static void
send_some(struct sock *s)
{
	struct tcp_pcb *pcb = s->pcb.tcp;
	bool last;

	if (pcb == NULL || !open_state(pcb) || s->fin_sent)
		return;
	first_window(s, pcb);
	if (!push(s, pcb))
		return;
	pthread_mutex_lock(&s->lock);
	last = (s->shut_wr || s->closed) && s->out_head == s->out_tail;
	pthread_mutex_unlock(&s->lock);
	if (!last || pcb->snd_queuelen >= TCP_SND_QUEUELEN)
		return;
	if (tcp_send_ctrl(pcb, FIN) != ERR_OK)
		return; /* on_sent() or on_poll() will */
	s->fin_sent = true;
	s->passive = s->got_fin;
	tcp_output(pcb);
}

static err_t
on_sent(void *arg, struct tcp_pcb *pcb, uint16_t len)
{
	struct sock *s = arg;

	(void)pcb;
	(void)len;
	send_some(s);
	finish(s);
	return ERR_OK;
}

/* Probes a peer that has been silent; ends the connection if it is gone. */
static void
keep_alive(struct sock *s, struct tcp_pcb *pcb, uint32_t after, uint32_t every,
    uint32_t times)
{
	uint32_t idle = (ticks(pcb) - pcb->tmr) / TICKS_PER_S;

	if (idle < after) {
		s->keep_tried = 0;
		return;
	}
	if (s->keep_tried >= times && idle >= after + times * every) {
		stream_abort(s, ETIMEDOUT);
	} else if (idle >= after + s->keep_tried * every) {
		s->keep_tried++;
		tcp_keepalive(pcb);
	}
}

/* Twice a second. */
static err_t
on_poll(void *arg, struct tcp_pcb *pcb)
{
	struct sock *s = arg;
	uint32_t after, every, times;
	bool alive;

	send_some(s);
	pthread_mutex_lock(&s->lock);
	alive = (s->so_options & SOF_KEEPALIVE) != 0;
	after = s->keep_idle;
	every = s->keep_every;
	times = s->keep_count;
	pthread_mutex_unlock(&s->lock);
	if (alive && open_state(pcb))
		keep_alive(s, pcb, after, every, times);
	return ERR_OK;
}

/* ---- receiving ---------------------------------------------------------- */

/* The program has taken LEN bytes. */
static void
open_window(struct tcp_pcb *pcb, uint32_t len)
{
	bool low = pcb->rcv_wnd < LOW_WINDOW;

	while (len > 0) {
		uint16_t n = (uint16_t)(len > TCP_WINDOW ? TCP_WINDOW : len);

		tcp_recved(pcb, n);
		len -= n;
	}
	/* The library's own tcp_recved() may only have put it off. */
	if (low && pcb->rcv_wnd >= LOW_WINDOW && open_state(pcb) &&
	    (pcb->flags & TCP_FLAG_ACK_DELAY)) {
		pcb->flags |= TCP_FLAG_ACK_NOW;
		tcp_output(pcb);
	}
}

static void
discard(struct sock *s, struct tcp_pcb *pcb, struct pbuf *p)
{
	uint16_t len = p->tot_len;

	pbuf_free(p);
	if (s->orphan && s->fin_sent && !outstanding(pcb)) {
		reset(pcb);
		doom(pcb);
		stream_detach(s);
		return;
	}
	open_window(pcb, len);
}

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
	struct item it = { .p = p };
	struct sock *s = arg;
	uint32_t credit;

	(void)err;
	if (p == NULL) {
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
	if (!fifo_put(&s->in, &it)) {
		pthread_mutex_unlock(&s->lock);
		pbuf_free(p);
		stream_abort(s, ENOBUFS);
		return ERR_OK;
	}
	if (s->quick < QUICK || pcb->ooseq != NULL || p->next != NULL) {
		if (s->quick < QUICK)
			s->quick++;
		pcb->flags |= TCP_FLAG_ACK_NOW;
	}
	s->in_bytes += p->tot_len;
	credit = s->credit;
	s->credit = 0;
	sock_unlock_wake(s, POLLIN | POLLRDNORM);
	if (credit != 0)
		open_window(pcb, credit);
	return ERR_OK;
}

/* ---- beginning ---------------------------------------------------------- */

bool
stream_in_timer(void)
{
	return in_timer;
}

/*
 * Replaces the library's, only to know that it runs: when it ends a connection
 * that was because of a timeout.
 */
EXPORT void
OURS(tcp_slowtmr)(struct stack *stack)
{
	in_timer = true;
	real()->tcp_slowtmr(stack);
	in_timer = false;
}

/* The pcb is gone. */
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
	else
		error = in_timer ? ETIMEDOUT : ECONNABORTED;
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
	s->began = false;
	s->quick = 0;
	s->fin_sent = s->passive = s->got_fin = s->sent_small = false;
	tcp_arg(pcb, s);
	tcp_recv(pcb, on_recv);
	tcp_sent(pcb, on_sent);
	tcp_poll(pcb, on_poll, 1);
	tcp_err(pcb, on_err);
	if (s->ttl >= 0)
		pcb->ttl = (uint8_t)s->ttl;
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
	send_some(s);
	finish(s);
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
	struct tcp_pcb *pcb = s->kind == KIND_TCP ? s->pcb.tcp : NULL;
	struct ip_addr *hop;
	struct netif *netif;
	int flags;

	if (pcb == NULL || pcb->state != TCP_SYN_SENT ||
	    ip_route_findpath(pcb->stack, &pcb->remote_ip, &hop, &netif,
		&flags) != ERR_OK)
		return;
	if (netif == l->netif && name_same(hop, l->hop))
		stream_abort(s, EHOSTUNREACH);
}

void
stream_unreachable(struct netif *netif, const struct ip_addr *hop)
{
	struct lost l = { .netif = netif, .hop = hop };

	sock_each(netif->stack, check_lost, &l);
}
