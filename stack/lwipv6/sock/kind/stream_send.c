/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stream_send.c - what a TCP connection sends, and when
 *
 * DOC: A program puts bytes into a ring and kicks; stream_work(), on the
 * stack's thread, hands them to tcp_write(), as much as there is room for:
 * bytes, which tcp/output.c counts, and segments.  Whatever makes room (an
 * acknowledgement) does the same again.  What a program wrote at once leaves in
 * as few segments as it fits into, wherever in the ring it stands, and nothing
 * that a rule does not hold back waits while the window is open.
 *
 * Nagle's algorithm (RFC 9293, 3.7.4)
 * is here as well, as Minshall put it: less than a segment waits in the ring
 * while another such is on its way, unless the program said TCP_NODELAY or
 * that there will be no more.
 *
 * The library begins to send with one segment, which its peer may acknowledge
 * a quarter of a second later.  Here it begins with ten (RFC 6928).
 *
 * Behind all data goes the FIN, when the program wants no more sent; see
 * stream.c for what it leads to.
 */
#include <string.h>

#include "stack/lwipv6/sock/sock.h"

#define FIN 0x01
#define FIRST_WINDOW 14600u /* RFC 6928 */
#define JOINT_MAX 2048u	    /* more than a segment */
#define PART_MAX 16u	    /* segments at once */

bool
stream_is_open(const struct tcp_pcb *pcb)
{
	return pcb->state == TCP_ESTABLISHED || pcb->state == TCP_CLOSE_WAIT;
}

bool
stream_unacked(const struct tcp_pcb *pcb)
{
	return pcb->unsent != NULL || pcb->unacked != NULL;
}

uint32_t
stream_outstanding(const struct sock *s)
{
	const struct tcp_pcb *pcb = s->pcb.tcp;
	uint32_t n;

	if (pcb == NULL || !stream_is_open(pcb))
		return 0;
	n = pcb->snd_lbb - pcb->lastack;
	return s->fin_sent && n > 0 ? n - 1 : n;
}

/* Whether a segment that was not full is on its way. */
static bool
small_on_its_way(const struct sock *s, const struct tcp_pcb *pcb)
{
	return s->sent_small && (int32_t)(s->small_end - pcb->lastack) > 0;
}

/* Whether LEN bytes more, behind all that is queued, may leave at once. */
static bool
window_takes(const struct tcp_pcb *pcb, uint32_t len)
{
	return pcb->snd_lbb - pcb->lastack + len <= tcp_windows(pcb);
}

/*
 * How much of LEN bytes to give to PCB now; EAGER: without Nagle's rule; MORE:
 * full segments only, for the program has said that it goes on (MSG_MORE).
 */
static uint32_t
portion(const struct sock *s, struct tcp_pcb *pcb, uint32_t len, bool eager,
    bool more)
{
	uint32_t room, segs;

	segs = tcp_segments_room(pcb);
	if (segs == 0 || pcb->mss == 0)
		return 0;
	room = segs * pcb->mss;
	if (room > tcp_room(pcb))
		room = tcp_room(pcb);
	if (room < len) {
		/* There is more: only full segments, if anything is out. */
		if (room >= pcb->mss || stream_unacked(pcb))
			room -= room % pcb->mss;
		return room;
	}
	/*
	 * Where the window is closed more may come meanwhile, which is better
	 * here than in a segment of many small pieces.
	 */
	if (!more && (pcb->unsent == NULL || window_takes(pcb, len)) &&
	    (eager || !small_on_its_way(s, pcb)))
		return len;
	return len - len % pcb->mss;
}

/*
 * Gives PCB the N bytes that stand AT bytes into the ring.  The ring's end is
 * no end of a segment: one that begins before it and goes on at the ring's
 * beginning is put together here.  Returns how many bytes were taken.
 */
static uint32_t
write_ring(struct sock *s, struct tcp_pcb *pcb, uint32_t at, uint32_t n)
{
	char joint[JOINT_MAX];
	const char *from;
	uint32_t done, part, left;

	for (done = 0; done < n; done += part) {
		uint32_t here = (at + done) % s->out_size;

		part = n - done;
		if (part > PART_MAX * pcb->mss)
			part = PART_MAX * pcb->mss;
		left = s->out_size - here;
		from = s->out + here;
		if (part > left && left >= pcb->mss) {
			part = left - left % pcb->mss;
		} else if (part > left) {
			if (part > pcb->mss)
				part = pcb->mss;
			if (part > sizeof(joint))
				part = sizeof(joint);
			if (part > left) {
				memcpy(joint, from, left);
				memcpy(joint + left, s->out, part - left);
				from = joint;
			}
		}
		if (tcp_write(pcb, from, (uint16_t)part, 1) != ERR_OK)
			break;
	}
	return done;
}

/* Moves bytes from the ring to the pcb.  Whether the ring is empty. */
static bool
push(struct sock *s, struct tcp_pcb *pcb)
{
	bool some = false, empty, eager, more;
	uint32_t n, at;
	int events;

	for (;;) {
		pthread_mutex_lock(&s->lock);
		n = s->out_head - s->out_tail;
		at = s->out_size == 0 ? 0 : s->out_tail % s->out_size;
		eager = s->nodelay || s->shut_wr || s->closed;
		more = s->more && !s->shut_wr && !s->closed;
		pthread_mutex_unlock(&s->lock);
		empty = n == 0;
		if (empty)
			break;
		n = write_ring(s, pcb, at, portion(s, pcb, n, eager, more));
		if (n == 0)
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

	if (s->has_sent)
		return;
	s->has_sent = true;
	if (w < FIRST_WINDOW)
		w = FIRST_WINDOW;
	if (w > most)
		w = most;
	tcp_first_window(pcb, w);
}

void
stream_send(struct sock *s)
{
	struct tcp_pcb *pcb = s->pcb.tcp;
	bool last, reset;

	if (pcb == NULL || !stream_is_open(pcb) || s->fin_sent)
		return;
	first_window(s, pcb);
	if (!push(s, pcb))
		return;
	pthread_mutex_lock(&s->lock);
	/* Closed to be reset: an end must not go before (close.c). */
	reset = s->closed && s->linger && s->linger_s == 0;
	last = (s->shut_wr || s->closed) && !reset &&
	    s->out_head == s->out_tail;
	pthread_mutex_unlock(&s->lock);
	if (!last || tcp_segments_room(pcb) == 0)
		return;
	if (tcp_send_ctrl(pcb, FIN) != ERR_OK)
		return; /* on_sent() or on_poll() will */
	s->fin_sent = true;
	s->passive = s->got_fin;
	tcp_output(pcb);
}
