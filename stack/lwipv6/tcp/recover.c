/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * recover.c - what was lost on the way is sent again, soon
 *
 * DOC: The faults: the library's clock for retransmission ticks twice a second
 * and waits for three ticks at least, twice as many for a SYN, and doubles
 * before the first retransmission.  It knows fast retransmit, but not what
 * comes after: the first acknowledgement ends recovery, so that each further
 * segment lost of a window waits for the clock; its slow start threshold may
 * be less than a segment; with less than four segments on their way nothing
 * but the clock helps.  Retransmitting all after the clock makes the peer
 * acknowledge twice what it has, which starts fast retransmit.  The receiver
 * delays the acknowledgement of a segment that filled a gap by up to 250 ms.
 *
 * How they are seen: with one frame of a hundred lost 1 MiB takes 13 seconds,
 * with five of a hundred more than a minute.
 *
 * The cure, for every connection but slirp's:
 *   - RFC 6298: round trips are measured in microseconds, not over what was
 *     sent twice (Karn); the timer has a grain of TICK_MS, while something is
 *     on its way.  Its least value is RTO_MIN: a bus has round trips of less
 *     than a millisecond.  Over a distance it waits twice the round trip at
 *     least, by up to LATE_MAX: the last acknowledgement of a flight may be
 *     delayed, and a steady path leaves no variance for that.  A single segment waits for RTO_SINGLE, since its
 *     acknowledgement may be delayed.
 *   - RFC 6582 (NewReno): recovery goes on until all is acknowledged that was
 *     sent before it began; an acknowledgement of less has the next segment
 *     sent again.  After the timer there is no fast retransmit until then.
 *   - RFC 3465: windows grow by what is acknowledged, not by acknowledgements, of
 *     which there may be one for eight segments.  The library's threshold was
 *     ten segments from the beginning on; it is as high as can be (RFC 5681, 3.1).
 *   - RFC 3042: the first two duplicates let new segments out.
 *   - RFC 5827: with less than four segments on their way, and nothing more to
 *     send, fewer duplicates than three are enough.
 *   - RFC 5681, 4.2: what fills a gap is acknowledged at once; and
 *     acknowledgements are delayed by ACK_TICKS ticks at most.
 *   - RFC 9293, 3.8.6: where nothing is on its way, and the window is closed
 *     or too small, the timer sees to that, see persist.c.
 * And segments that are still queued when a connection ends by the peer's reset
 * or its last acknowledgement are freed, which the library forgets.
 *
 * A connection ends after GIVE_UP without progress, as it did before; one that
 * is being opened after four SYNs more (the library counts them).
 *
 *   - RFC 6675: where both ends have SACK only what is missing is sent again, and
 *     so much is on its way as the window says: sack.c.
 *
 * What we know of a connection is in struct conn; the library's timer does not see
 * it.  A segment that is sent again stays where it is, in pcb->unacked.
 */
#include <stdlib.h>
#include <time.h>

#include "stack/lwipv6/tcp/sack.h"

#define MS INT64_C(1000)
#define RTO_MIN (10 * MS)
#define RTO_MAX (60000 * MS)
#define RTO_SINGLE (100 * MS)
#define RTO_SYN (1000 * MS)
#define RTO_SYN_MAX (4000 * MS)
#define LATE_MAX (200 * MS)
#define RTO_FIRST (200 * MS) /* before anything was measured */
#define GIVE_UP (900000 * MS)
#define OVERRIDE (100 * MS) /* RFC 9293, 3.8.6.2.1: from 0.1 to 1 s */
#define PERSIST_MAX (5000 * MS)
#define TS_OLD_MS 100000u
#define GROWTH_MAX 8u /* segments that one acknowledgement adds at most */
#define MAX_RTX 12    /* the library ends a connection at this */

static int64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static struct recover *
of(const struct tcp_pcb *pcb)
{
	struct conn *c = conn_of(pcb);

	return c == NULL ? NULL : &c->recover;
}

/* The timer has to run for the connection PCB. */
static void
run_timer(struct tcp_pcb *pcb)
{
	struct conn *c = conn_of(pcb);

	if (node_alone(&c->busy))
		node_before(&conn_table(pcb->stack)->busy, &c->busy);
	c->recover.ticker = tick_start(c->recover.ticker, pcb->stack);
}

/* ---- sending ------------------------------------------------------------ */

/* Replaces the library's: sends what may be sent. */
EXPORT err_t
OURS(tcp_output)(struct tcp_pcb *pcb)
{
	uint32_t max = pcb->snd_max;
	struct recover *r = of(pcb);
	bool idle = pcb->unacked == NULL;
	err_t err;

	if (r != NULL)
		persist_cut(pcb, r->max_wnd / 2);
	err = tcp_out(pcb);
	if ((r = of(pcb)) == NULL)
		return err;
	/* A timer that ran while nothing was on its way was another one. */
	if (pcb->unacked != NULL ? idle || r->armed == 0 :
				   r->armed == 0 && persist_needed(pcb)) {
		r->armed = now_us();
		run_timer(pcb);
	}
	if (r->timed == 0 && r->phase == OPEN &&
	    seq_before(max, pcb->snd_max)) {
		r->timed = r->armed != 0 && max == pcb->lastack ? r->armed :
								  now_us();
		r->timed_seq = max;
	}
	return err;
}

/*
 * Replaces the library's: forgets what PCB has queued, and what we know.  It is
 * called for all that are freed.
 */
EXPORT void
OURS(tcp_pcb_purge)(struct tcp_pcb *pcb)
{
	/* One that listens is shorter. */
	if (pcb->state == TCP_LISTEN)
		listener_gone(pcb);
	else
		conn_drop(pcb);
	real()->tcp_pcb_purge(pcb);
	/* The library leaves what a connection has that was ended just now. */
	if (pcb->state == TCP_CLOSED && pcb->slirp == NULL) {
		tcp_segs_free(pcb->unsent);
		tcp_segs_free(pcb->unacked);
		tcp_segs_free(pcb->ooseq);
		pcb->unsent = pcb->unacked = pcb->ooseq = NULL;
	}
}

/* RFC 5681, equation (4). */
static uint32_t
threshold(const struct conn *c)
{
	const struct tcp_pcb *pcb = c->e.pcb;
	uint32_t half = (pcb->snd_max - pcb->lastack) / 2;

	return half > 2u * pcb->mss ? half : 2u * pcb->mss;
}

/* ---- the timer ---------------------------------------------------------- */

/* RFC 6298, 2. */
static int64_t
rto_of(const struct recover *r)
{
	int64_t rto, least;

	if (r->srtt == 0)
		return RTO_FIRST;
	rto = 4 * r->var;
	least = r->srtt < LATE_MAX ? r->srtt : LATE_MAX;
	if (least < TICK_MS * MS)
		least = TICK_MS * MS;
	if (rto < least)
		rto = least;
	rto += r->srtt;
	return rto < RTO_MIN ? RTO_MIN : rto;
}

/* After which time what is not acknowledged is sent again. */
static int64_t
timeout_of(const struct tcp_pcb *pcb, const struct recover *r)
{
	int64_t rto = rto_of(r), max = RTO_MAX;

	if (pcb->state == TCP_SYN_SENT || pcb->state == TCP_SYN_RCVD) {
		rto = RTO_SYN;
		max = RTO_SYN_MAX;
	}
	if (r->backoff == 0 && rto < RTO_SINGLE && pcb->unacked != NULL &&
	    pcb->unacked->next == NULL && r->phase == OPEN)
		rto = RTO_SINGLE;
	rto <<= r->backoff < 12 ? r->backoff : 12;
	return rto < max ? rto : max;
}

void
recover_untimed(struct tcp_pcb *pcb)
{
	struct recover *r = of(pcb);

	if (r != NULL)
		r->timed = 0;
}

void
recover_again(struct tcp_pcb *pcb)
{
	recover_untimed(pcb);
	if (pcb->unacked != NULL)
		output_again(pcb, pcb->unacked);
	else
		tcp_output(pcb);
}

void
recover_all(struct tcp_pcb *pcb)
{
	struct conn *c = conn_of(pcb);

	if (c == NULL)
		return;
	recover_untimed(pcb);
	sack_all_lost(c, false);
	if (c->recover.phase == OPEN) {
		c->recover.phase = TIMEOUT; /* it lasts until this: */
		c->recover.end = pcb->snd_max;
	}
	tcp_output(pcb);
}

/* The timer of PCB went off. */
static void
time_out(struct tcp_pcb *pcb, struct recover *r, int64_t now)
{
	struct conn *c = conn_of(pcb);

	if (r->stuck == 0)
		r->stuck = now;
	if (pcb->state >= TCP_ESTABLISHED) {
		if (r->backoff == 0)
			c->ssthresh = threshold(c);
		pcb->nrtx = now - r->stuck > GIVE_UP ? MAX_RTX : 0;
	}
	c->cwnd = pcb->mss;
	r->duplicates = 0;
	r->phase = TIMEOUT;
	r->end = pcb->snd_max;
	r->timed = 0;
	sack_all_lost(c, r->backoff > 0);
	/* RFC 4861, 7.3.1: nothing is heard of it; is the neighbour there? */
	if (r->backoff++ > 0)
		ip_doubt_hop(pcb->stack, &pcb->remote_ip);
	r->armed = now;
	pcb->nrtx++;
	tcp_output(pcb);
}

/* After which time a connection that persists does something. */
static int64_t
persist_time(const struct tcp_pcb *pcb, const struct recover *r)
{
	int64_t t = rto_of(r);

	if (pcb->snd_wnd != 0 && t < OVERRIDE)
		t = OVERRIDE;
	t <<= r->probes < 12 ? r->probes : 12;
	return t < PERSIST_MAX ? t : PERSIST_MAX;
}

/* The timer of PCB, which persists, went off: see persist.c. */
static void
persist(struct tcp_pcb *pcb, struct recover *r, int64_t now)
{
	if (r->stuck == 0)
		r->stuck = now;
	r->armed = now;
	r->probes++;
	if (now - r->stuck > GIVE_UP)
		pcb->nrtx = MAX_RTX;
	else if (persist_cut(pcb, 1))
		tcp_output(pcb);
	else
		persist_probe(pcb);
}

bool
recover_look_after(struct tcp_pcb *pcb, struct ticker *ticker, bool late_acks)
{
	int64_t now = now_us();
	struct recover *r = of(pcb);
	bool delayed = (pcb->flags & TCP_FLAG_ACK_DELAY) != 0;

	if (r == NULL)
		return false;
	if (delayed && late_acks) {
		tcp_ack_late(pcb);
		delayed = false;
	}
	r->ticker = ticker;
	if (pcb->unacked == NULL && !persist_needed(pcb)) {
		r->armed = 0;
		r->probes = 0;
		return delayed;
	}
	if (r->armed == 0)
		r->armed = now;
	if (pcb->unacked == NULL) {
		if (now - r->armed >= persist_time(pcb, r))
			persist(pcb, r, now);
	} else if (now - r->armed >= timeout_of(pcb, r)) {
		time_out(pcb, r, now);
	}
	return true;
}

/* ---- receiving ---------------------------------------------------------- */

void
recover_before(struct tcp_pcb *pcb, struct recover_seen *s)
{
	s->rcv_nxt = pcb->rcv_nxt;
	s->snd_wnd = pcb->snd_wnd;
	s->gap = pcb->ooseq != NULL;
	s->open = pcb->state >= TCP_ESTABLISHED;
}

/* A round trip of M microseconds: RFC 6298, 2. */
static void
measured(struct recover *r, int64_t m)
{
	int64_t off;

	if (r->srtt == 0) {
		r->srtt = m > 0 ? m : 1;
		r->var = m / 2;
		return;
	}
	off = m - r->srtt;
	r->var += ((off < 0 ? -off : off) - r->var) / 4;
	r->srtt += off / 8;
	if (r->srtt < 1)
		r->srtt = 1;
}

/*
 * ACKED bytes of C were acknowledged, and nothing is lost: RFC 5681, 3.1, by
 * the bytes (RFC 3465), for one acknowledgement may be for many segments.  A
 * window that is not made use of does not grow.
 */
static void
open_congestion(struct conn *c, uint32_t acked)
{
	struct recover *r = &c->recover;
	const struct tcp_pcb *pcb = c->e.pcb;
	uint32_t most = GROWTH_MAX * pcb->mss;

	if ((sack_flight(c) + acked) * 2 < c->cwnd ||
	    c->cwnd > 2 * r->max_wnd + most)
		return;
	if (c->cwnd < c->ssthresh) {
		c->cwnd += acked < most ? acked : most;
	} else if ((r->acked += acked) >= c->cwnd) {
		r->acked -= c->cwnd;
		c->cwnd += pcb->mss;
	}
}

/* A loss is known of C: RFC 5681, 3.2, RFC 6582, 3.2, RFC 6675, 5. */
static void
enter_recovery(struct conn *c)
{
	struct tcp_pcb *pcb = c->e.pcb;
	struct recover *r = &c->recover;

	c->ssthresh = threshold(c);
	c->cwnd = c->ssthresh + (c->sack ? 0 : 3u * pcb->mss);
	r->phase = FAST;
	r->end = pcb->snd_max;
	r->timed = 0;
	r->armed = now_us();
	pcb->unacked->marks |= SEG_LOST;
	c->marked = true;
	output_again(pcb, pcb->unacked);
}

/* Something new was acknowledged. */
static void
went_on(struct conn *c, const struct recover_seen *s, const struct options *o)
{
	struct tcp_pcb *pcb = c->e.pcb;
	struct recover *r = &c->recover;
	int64_t now = now_us();

	if (r->timed != 0 && seq_before(r->timed_seq, pcb->lastack)) {
		measured(r, now - r->timed);
		r->timed = 0;
	} else if (r->timed == 0 && c->ts && o != NULL && o->ts &&
	    bare_clock() - o->ecr < TS_OLD_MS) {
		/* RFC 7323, 4: also of what was sent twice. */
		measured(r, (int64_t)(bare_clock() - o->ecr) * MS);
	}
	r->backoff = 0;
	r->probes = 0;
	r->stuck = 0;
	r->duplicates = 0;
	r->armed = pcb->unacked != NULL ? now : 0;
	if (r->phase != FAST) {
		if (s->open)
			open_congestion(c, s->acked);
		if (r->phase == TIMEOUT && !seq_before(pcb->lastack, r->end))
			r->phase = OPEN;
	} else if (!seq_before(pcb->lastack, r->end)) {
		c->cwnd = c->ssthresh;
		r->phase = OPEN;
	} else if (!c->sack && pcb->unacked != NULL) {
		/* RFC 6582, 3.2, step 3: a partial acknowledgement. */
		c->cwnd = (c->cwnd > s->acked ? c->cwnd - s->acked : 0) +
		    pcb->mss;
		pcb->unacked->marks |= SEG_LOST;
		output_again(pcb, pcb->unacked);
	}
	if (pcb->unacked == NULL)
		c->marked = false;
}

/* Whether N duplicates are enough for PCB: RFC 5827. */
static bool
is_enough(const struct tcp_pcb *pcb, unsigned duplicates)
{
	const struct tcp_seg *seg = pcb->unacked;
	unsigned n = 0;

	if (duplicates >= 3)
		return true;
	if (pcb->unsent != NULL)
		return false;
	for (; seg != NULL && n < 4; seg = seg->next)
		n++;
	return n > 1 && n < 4 && duplicates >= n - 1;
}

/* A duplicate came for C, in the phase OPEN or FAST. */
static void
duplicate(struct conn *c)
{
	struct tcp_pcb *pcb = c->e.pcb;
	struct recover *r = &c->recover;

	r->duplicates++;
	if (r->phase == FAST) {
		if (!c->sack)
			c->cwnd += pcb->mss;
	} else if (is_enough(pcb, r->duplicates)) {
		enter_recovery(c);
	} else if (!c->sack) {
		/* RFC 3042 */
		uint32_t cwnd = c->cwnd;

		c->cwnd += r->duplicates * pcb->mss;
		tcp_output(pcb);
		c->cwnd = cwnd;
	}
}

void
recover_acked(struct conn *c, struct recover_seen *s, const struct options *o)
{
	struct tcp_pcb *pcb = c->e.pcb;
	struct recover *r = &c->recover;
	bool fresh = c->sack && sack_take(c, o);

	if (r->max_wnd < pcb->snd_wnd)
		r->max_wnd = pcb->snd_wnd;
	if (s->acked != 0)
		went_on(c, s, o);
	if (c->sack && (fresh || c->marked))
		sack_find_lost(c);
	if (pcb->unacked == NULL || r->phase == TIMEOUT)
		return;
	if (r->phase == OPEN && (pcb->unacked->marks & SEG_LOST))
		enter_recovery(c);
	else if (c->sack ? fresh && s->acked == 0 : s->duplicate)
		duplicate(c);
}

void
recover_after(const struct recover_seen *s)
{
	struct tcp_pcb *pcb = s->pcb;
	struct conn *c = conn_of(pcb);
	struct recover *r;

	if (c == NULL)
		return;
	r = &c->recover;
	if (!s->open && s->acked != 0)
		went_on(c, s, NULL); /* the handshake was timed, too */
	if (s->gap && pcb->rcv_nxt != s->rcv_nxt)
		tcp_ack_delayed(pcb);
	else if (pcb->flags & TCP_FLAG_ACK_DELAY)
		run_timer(pcb);
	if (r->max_wnd < pcb->snd_wnd)
		r->max_wnd = pcb->snd_wnd;
	if (pcb->unacked == NULL)
		r->stuck = 0; /* the peer is there */
	if (s->snd_wnd < pcb->snd_wnd)
		r->probes = 0;
}
