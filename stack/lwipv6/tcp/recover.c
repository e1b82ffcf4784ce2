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
 *     than a millisecond.  A single segment waits for RTO_SINGLE, since its
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
 * How: the library's own timer is set to never in every connection that sends.
 * What we know of one is in struct conn.  What must be done on a segment that came is done around the
 * library's tcp_input(): see input.c.
 */
#include <stdlib.h>
#include <time.h>

#include "base/net_bytes.h"
#include "stack/lwipv6/tcp/segment.h"

#define MS INT64_C(1000)
#define RTO_MIN (10 * MS)
#define RTO_MAX (60000 * MS)
#define RTO_SINGLE (100 * MS)
#define RTO_SYN (1000 * MS)
#define RTO_SYN_MAX (4000 * MS)
#define RTO_FIRST (200 * MS) /* before anything was measured */
#define GIVE_UP (900000 * MS)
#define OVERRIDE (100 * MS) /* RFC 9293, 3.8.6.2.1: from 0.1 to 1 s */
#define PERSIST_MAX (5000 * MS)
#define GROWTH_MAX 8u /* segments that one acknowledgement adds at most */
#define NEVER 0x4000  /* ticks of the library's clock: two hours */
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

/* Keeps the library's timer from going off. */
static void
hush(struct tcp_pcb *pcb)
{
	pcb->rttest = 0;
	pcb->sa = 0;
	pcb->sv = NEVER;
	pcb->rto = NEVER;
}

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
	hush(pcb);
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

/* Puts a bound to what fits a field. */
static uint16_t
window(uint32_t n)
{
	return n > UINT16_MAX ? UINT16_MAX : (uint16_t)n;
}

/* RFC 5681, equation (4). */
static uint16_t
threshold(const struct tcp_pcb *pcb)
{
	uint32_t half = (pcb->snd_max - pcb->lastack) / 2;

	return window(half > 2u * pcb->mss ? half : 2u * pcb->mss);
}

/* ---- the timer ---------------------------------------------------------- */

/* RFC 6298, 2. */
static int64_t
rto_of(const struct recover *r)
{
	int64_t rto;

	if (r->srtt == 0)
		return RTO_FIRST;
	rto = 4 * r->var;
	if (rto < TICK_MS * MS)
		rto = TICK_MS * MS;
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
		tcp_rexmit(pcb);
	else
		tcp_output(pcb);
	pcb->nrtx = 0;
}

static uint32_t
seq_of(const struct tcp_seg *seg)
{
	return be32((const uint8_t *)seg->tcphdr + 4);
}

/*
 * What is not acknowledged is to be sent again.  The library puts it before all
 * that waits to be sent; what is there to be sent again already may come before
 * it, and would never be its turn.
 */
static void
take_back(struct tcp_pcb *pcb)
{
	struct tcp_seg **at = &pcb->unsent, *seg;

	while ((seg = pcb->unacked) != NULL) {
		pcb->unacked = seg->next;
		while (*at != NULL && seq_before(seq_of(*at), seq_of(seg)))
			at = &(*at)->next;
		seg->next = *at;
		*at = seg;
		at = &seg->next;
	}
	if (pcb->unsent != NULL)
		pcb->snd_nxt = seq_of(pcb->unsent);
	pcb->rttest = 0;
}

void
recover_all(struct tcp_pcb *pcb)
{
	recover_untimed(pcb);
	take_back(pcb);
	tcp_output(pcb);
	pcb->nrtx = 0;
}

/* The timer of PCB went off. */
static void
time_out(struct tcp_pcb *pcb, struct recover *r, int64_t now)
{
	if (r->stuck == 0)
		r->stuck = now;
	if (pcb->state >= TCP_ESTABLISHED) {
		pcb->ssthresh = threshold(pcb);
		pcb->nrtx = now - r->stuck > GIVE_UP ? MAX_RTX : 0;
	}
	pcb->cwnd = pcb->mss;
	pcb->dupacks = 0;
	pcb->flags &= (uint8_t)~TCP_FLAG_FAST;
	r->phase = TIMEOUT;
	r->end = pcb->snd_max;
	r->timed = 0;
	/* RFC 4861, 7.3.1: nothing is heard of it; is the neighbour there? */
	if (r->backoff++ > 0)
		ip_doubt_hop(pcb->stack, &pcb->remote_ip);
	r->armed = now;
	take_back(pcb);
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
	struct recover *r = of(pcb);

	/*
	 * RFC 5681, 3.1.  The library halves the peer's window, which may be
	 * none, makes that the congestion window, and divides by it.
	 */
	if (pcb->slirp == NULL && pcb->ssthresh < 2u * pcb->mss)
		pcb->ssthresh = window(2u * pcb->mss);
	if (pcb->slirp == NULL && pcb->cwnd < pcb->mss)
		pcb->cwnd = pcb->mss;
	s->pcb = pcb;
	s->lastack = pcb->lastack;
	s->rcv_nxt = pcb->rcv_nxt;
	s->snd_wnd = pcb->snd_wnd;
	s->cwnd = pcb->cwnd;
	s->dupacks = pcb->dupacks;
	s->fast = (pcb->flags & TCP_FLAG_FAST) != 0;
	s->gap = pcb->ooseq != NULL;
	s->open = pcb->state >= TCP_ESTABLISHED;
	if (r == NULL)
		return;
	hush(pcb);
	if (r->phase == TIMEOUT)
		pcb->dupacks = 0; /* it shall not count to three */
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
 * ACKED bytes of PCB were acknowledged, and nothing is lost: RFC 5681, 3.1, by
 * the bytes (RFC 3465), for one acknowledgement may be for many segments.
 */
static void
open_congestion(struct tcp_pcb *pcb, struct recover *r, uint32_t cwnd,
    uint32_t acked)
{
	if (cwnd < pcb->ssthresh) {
		cwnd += acked < GROWTH_MAX * pcb->mss ? acked :
							GROWTH_MAX * pcb->mss;
	} else if ((r->acked += acked) >= cwnd) {
		r->acked -= cwnd;
		cwnd += pcb->mss;
	}
	pcb->cwnd = window(cwnd);
	if (pcb->unsent != NULL)
		tcp_output(pcb); /* the library has, by what it thought */
}

/* Something new was acknowledged. */
static void
went_on(struct tcp_pcb *pcb, struct recover *r, const struct recover_seen *s)
{
	uint32_t acked = pcb->lastack - s->lastack, cwnd;
	int64_t now = now_us();

	if (r->timed != 0 && seq_before(r->timed_seq, pcb->lastack)) {
		measured(r, now - r->timed);
		r->timed = 0;
	}
	r->backoff = 0;
	r->probes = 0;
	r->stuck = 0;
	r->armed = pcb->unacked != NULL ? now : 0;
	if (r->phase != FAST && s->open)
		open_congestion(pcb, r, s->cwnd, acked);
	if (r->phase == OPEN)
		return;
	if (!seq_before(pcb->lastack, r->end)) {
		r->phase = OPEN;
		return;
	}
	if (r->phase == TIMEOUT || pcb->unacked == NULL)
		return;
	/* RFC 6582, 3.2, step 3: a partial acknowledgement. */
	cwnd = s->cwnd > acked ? s->cwnd - acked : 0;
	pcb->cwnd = window(cwnd + pcb->mss);
	pcb->flags |= TCP_FLAG_FAST;
	pcb->dupacks = 3;
	tcp_rexmit(pcb);
	pcb->nrtx = 0;
}

/* Whether DUPACKS duplicates are enough for PCB: RFC 5827. */
static bool
early(const struct tcp_pcb *pcb)
{
	const struct tcp_seg *seg = pcb->unacked;
	unsigned n = 0;

	if (pcb->unsent != NULL)
		return false;
	for (; seg != NULL && n < 4; seg = seg->next)
		n++;
	return n > 1 && n < 4 && pcb->dupacks >= n - 1;
}

/* A duplicate came; the library has counted it. */
static void
duplicate(struct tcp_pcb *pcb, struct recover *r, const struct recover_seen *s)
{
	bool fast = (pcb->flags & TCP_FLAG_FAST) != 0;

	if (r->phase != OPEN || pcb->unacked == NULL)
		return;
	if (fast && !s->fast) {
		pcb->ssthresh = threshold(pcb);
	} else if (!fast && early(pcb)) {
		pcb->ssthresh = threshold(pcb);
		pcb->flags |= TCP_FLAG_FAST;
		pcb->dupacks = 3;
		tcp_rexmit(pcb);
	} else {
		if (!fast && pcb->dupacks > s->dupacks && pcb->dupacks < 3) {
			uint16_t cwnd = pcb->cwnd;

			pcb->cwnd = window(
			    cwnd + (uint32_t)pcb->dupacks * pcb->mss);
			tcp_output(pcb);
			pcb->cwnd = cwnd;
		}
		return;
	}
	pcb->cwnd = window(pcb->ssthresh + 3u * pcb->mss);
	pcb->nrtx = 0;
	r->phase = FAST;
	r->end = pcb->snd_max;
	r->timed = 0;
	r->armed = now_us();
}

void
recover_after(const struct recover_seen *s)
{
	struct tcp_pcb *pcb = s->pcb;
	struct recover *r = of(pcb);

	if (r == NULL)
		return;
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
	if (pcb->lastack != s->lastack)
		went_on(pcb, r, s);
	else if (pcb->dupacks != 0)
		duplicate(pcb, r, s);
}
