/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stream_io.c - programs send and receive by TCP
 *
 * DOC: The faults: O_NONBLOCK and MSG_DONTWAIT are not looked at; a send of
 * more than 65535 bytes sends that many; lwip_sendmsg() with several pieces
 * sends a buffer that it has not filled; at the end of file netconn_recv()
 * closes the mailbox on the thread of its caller while the stack's thread may
 * be about to post to it; a second read after it marks the connection as
 * broken, so that writing fails, too; what arrived before a reset is not
 * delivered, and the reset is told as an end of file.
 *
 * How they are seen: rarely, and then as messages in a wrong pipe: a thread
 * that waits for ever, or takes a pointer for another; a file that was
 * transferred in part and taken for whole, since its sender crashed.
 *
 * The cure: POSIX.  A send takes what there is room for and waits for more,
 * unless it must not wait: then it returns how much it took, or EAGAIN when
 * that is nothing.  A connection that is no more fails once with the reason
 * why, and with EPIPE from then on; there is never a SIGPIPE, as there never
 * was one in lwipv6.  A receive gives first what has arrived, in order; then
 * the end of file, as often as it is asked for; or, where there was none, an
 * error, once.  MSG_PEEK, MSG_WAITALL, MSG_DONTWAIT and SO_RCVTIMEO do what
 * they do elsewhere.
 *
 * A reader copies without the socket's lock, so that the stack's thread can go
 * on adding to the queue: what is in the queue does not move, and is taken out
 * by readers only, of which there is one at a time.  Likewise there is one
 * writer at a time, and only writers add to the ring of what is to be sent.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "stack/lwipv6/sock/sock.h"

#define OUT_SIZE 65536u
#define CREDIT_MIN (TCP_WINDOW / 4)
#define FIN_TRIES 20u

/* ---- sending ------------------------------------------------------------ */

/* Why S cannot send, or 0.  With the lock held. */
static int
why_not(struct sock *s)
{
	int error = s->error;

	if (error != 0) {
		s->error = 0;
		return error;
	}
	if (s->closed)
		return EBADF;
	if (s->stack == NULL)
		return ENETDOWN;
	if (s->shut_wr || s->state == SOCK_DONE)
		return EPIPE;
	if (s->state == SOCK_CONNECTING)
		return EAGAIN;
	return s->state == SOCK_CONNECTED ? 0 : ENOTCONN;
}

/* Waits for room.  How much there is, or 0 and *ERROR. */
static uint32_t
room(struct sock *s, bool wait, const struct timespec *until, int *error)
{
	uint32_t n = 0;

	pthread_mutex_lock(&s->lock);
	if (s->out == NULL && (s->out = malloc(OUT_SIZE)) != NULL)
		s->out_size = OUT_SIZE;
	*error = s->out == NULL ? ENOBUFS : 0;
	while (*error == 0) {
		*error = why_not(s);
		if (*error == EAGAIN && wait) {
			*error = sock_wait(s, WAIT_OUT, until);
			continue;
		}
		if (*error != 0)
			break;
		n = s->out_size - (s->out_head - s->out_tail);
		if (n != 0)
			break;
		*error = wait ? sock_wait(s, WAIT_OUT, until) : EAGAIN;
	}
	pthread_mutex_unlock(&s->lock);
	return n;
}

/* What of a list of pieces is still to be sent. */
struct pieces {
	const struct iovec *iov;
	size_t n;
	size_t off; /* in the first */
};

/* Copies bytes of the pieces to AT of the ring, LEN at most.  How many. */
static uint32_t
copy_pieces(struct sock *s, uint32_t at, struct pieces *from, uint32_t len)
{
	uint32_t done = 0;

	while (from->n > 0 && done < len) {
		const char *data = from->iov->iov_base;
		size_t left = from->iov->iov_len - from->off;
		uint32_t here = (at + done) % s->out_size;
		uint32_t k = len - done;

		if (k > s->out_size - here)
			k = s->out_size - here;
		if (k > left)
			k = (uint32_t)left;
		if (k != 0)
			memcpy(s->out + here, data + from->off, k);
		done += k;
		from->off += k;
		if (from->off == from->iov->iov_len) {
			from->iov++;
			from->n--;
			from->off = 0;
		}
	}
	return done;
}

/*
 * Puts of the pieces what there is room for, LEN bytes, into the ring.  The
 * stack's thread is told once, when all of them are there: told of the first
 * piece it would send that alone.
 */
static uint32_t
put(struct sock *s, struct pieces *from, uint32_t len)
{
	uint32_t n = copy_pieces(s, s->out_head, from, len);
	bool kick;

	pthread_mutex_lock(&s->lock);
	s->out_head += n;
	kick = n != 0 && stream_want_kick(s);
	pthread_mutex_unlock(&s->lock);
	if (kick)
		stream_kick(s);
	return n;
}

/* How many bytes the pieces have. */
static size_t
length_of(const struct iovec *iov, size_t n)
{
	size_t len = 0;

	for (; n > 0; iov++, n--)
		len += iov->iov_len;
	return len;
}

ssize_t
stream_user_send(struct sock *s, const struct iovec *iov, size_t n, int flags,
    const struct sockaddr *to, socklen_t tolen, const struct sock_wish *wish)
{
	struct pieces from = { .iov = iov, .n = n };
	size_t len = length_of(iov, n), sent = 0;
	struct timespec at;
	const struct timespec *until;
	bool wait;
	int error = 0;

	(void)wish; /* Linux does not mind */
	(void)to;
	(void)tolen;
	pthread_mutex_lock(&s->lock);
	wait = !s->nonblock && !(flags & MSG_DONTWAIT);
	until = sock_until(s, WAIT_OUT, &at);
	s->more = (flags & MSG_MORE) != 0;
	if (len == 0)
		error = why_not(s);
	pthread_mutex_unlock(&s->lock);
	while (sent < len && error == 0) {
		pthread_mutex_lock(&s->writer);
		/* To wait here would hold up those who must not. */
		sent += put(s, &from, room(s, false, NULL, &error));
		pthread_mutex_unlock(&s->writer);
		if (error == EAGAIN && wait)
			room(s, true, until, &error);
	}
	if (sent > 0 || error == 0)
		return (ssize_t)sent;
	return sock_fail(error);
}

/* ---- receiving ---------------------------------------------------------- */

/* Copies, and takes, what is there; LEFT is the room. */
static void
take(struct sock *s, struct recv_into *to, size_t left)
{
	struct pbuf *p, *done;
	uint32_t off, k;
	struct item *it;
	bool kick;

	for (;;) {
		pthread_mutex_lock(&s->lock);
		it = fifo_first(&s->in);
		p = it == NULL ? NULL : it->p;
		off = s->in_off;
		pthread_mutex_unlock(&s->lock);
		if (p == NULL || left == 0)
			return;
		k = p->tot_len - off;
		if (k > left)
			k = (uint32_t)left;
		recv_copy_pbuf(to, p, off, k);
		left -= k;
		done = NULL;
		kick = false;
		pthread_mutex_lock(&s->lock);
		s->in_off += k;
		s->in_bytes -= k;
		s->credit += k;
		if (s->in_off == p->tot_len) {
			fifo_drop(&s->in);
			s->in_off = 0;
			done = p;
		}
		if (s->credit >= CREDIT_MIN)
			kick = stream_want_kick(s);
		pthread_mutex_unlock(&s->lock);
		if (kick)
			stream_kick(s);
		if (done != NULL)
			pbuf_free(done);
	}
}

/* Copies what is there and leaves it. */
static void
look(struct sock *s, struct recv_into *to, size_t left)
{
	uint32_t i, off, k;

	pthread_mutex_lock(&s->lock);
	off = s->in_off;
	for (i = 0; i < s->in.count && left > 0; i++) {
		const struct pbuf *p =
		    s->in.at[(s->in.head + i) % s->in.size].p;

		k = p->tot_len - off;
		if (k > left)
			k = (uint32_t)left;
		recv_copy_pbuf(to, p, off, k);
		left -= k;
		off = 0;
	}
	pthread_mutex_unlock(&s->lock);
}

/* Waits until there is something to read; 0, -1 at the end, or an error. */
static int
wait_stream(struct sock *s, bool wait, const struct timespec *until)
{
	int r = 0;

	pthread_mutex_lock(&s->lock);
	while (r == 0 && s->in_bytes == 0) {
		if (s->eof && !s->closed) {
			r = -1;
		} else if (s->error != 0) {
			r = s->error;
			s->error = 0;
		} else if (s->closed) {
			r = EBADF;
		} else if (s->stack == NULL) {
			r = ENETDOWN;
		} else if (s->shut_rd || s->state == SOCK_DONE) {
			r = -1;
		} else if (s->state == SOCK_NEW || s->state == SOCK_LISTENING) {
			r = ENOTCONN;
		} else {
			r = wait ? sock_wait(s, WAIT_IN, until) : EAGAIN;
		}
	}
	pthread_mutex_unlock(&s->lock);
	return r;
}

ssize_t
stream_user_recv(struct sock *s, struct recv_into *to, size_t room, int flags,
    struct recv_from *from)
{
	struct timespec at;
	const struct timespec *until;
	bool wait;
	int r = 0;

	from->no_name = true;
	pthread_mutex_lock(&s->lock);
	wait = !s->nonblock && !(flags & MSG_DONTWAIT);
	until = sock_until(s, WAIT_IN, &at);
	pthread_mutex_unlock(&s->lock);
	while (to->done < room) {
		size_t before = to->done;

		if ((r = wait_stream(s, wait, until)) != 0)
			break;
		pthread_mutex_lock(&s->reader);
		if (flags & MSG_PEEK)
			look(s, to, room - to->done);
		else
			take(s, to, room - to->done);
		pthread_mutex_unlock(&s->reader);
		if (to->done != before &&
		    ((flags & MSG_PEEK) || !(flags & MSG_WAITALL)))
			break;
	}
	if (to->done > 0 || r <= 0)
		return (ssize_t)to->done;
	return sock_fail(r);
}

/* ---- what is left to do after a close; on the stack's thread ------------ */

/*
 * All of S has arrived but its FIN.  Returns whether to wait for that.  The FIN
 * may be lost, and the peer then waits for ever; or it arrives, and nobody is
 * left to say so, when the peer's process has ended as well.  It is sent
 * FIN_TRIES times, a step of close.c's apart, which takes a tenth of a second
 * in the latter case.
 */
static bool
wait_for_fin(struct sock *s)
{
	struct tcp_pcb *pcb = s->pcb.tcp;

	if (!s->fin_sent)
		return stream_is_open(pcb); /* it was not possible yet */
	if (!stream_unacked(pcb) || s->fin_tries == FIN_TRIES)
		return false;
	if (s->fin_tries++ != 0)
		recover_again(pcb);
	return true;
}

bool
stream_unfinished(struct sock *s, bool close, uint32_t *progress)
{
	uint32_t unsent, out;
	bool closed, before;

	if (s->pcb.tcp == NULL || s->pcb.tcp->state == TCP_LISTEN)
		return false;
	pthread_mutex_lock(&s->lock);
	before = s->closed;
	closed = s->closed = before || close;
	unsent = s->out_head - s->out_tail;
	pthread_mutex_unlock(&s->lock);
	if (!closed)
		return false;
	if (!before)
		stream_leave(s);
	else if (!s->fin_sent)
		stream_work(s);
	if (s->pcb.tcp == NULL)
		return false;
	out = stream_outstanding(s);
	if (unsent == 0 && out == 0 && !wait_for_fin(s))
		return false;
	*progress += unsent + out + s->fin_tries;
	return true;
}
