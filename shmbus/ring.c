/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ring.c - the ring of slots: its theory, and the sending side
 *
 * DOC: Theory of Operation
 *
 * The order of a bus is the order of its tickets.  A writer takes the next
 * ticket, a position p, by fetch-and-add on the tail; nobody else ever gets
 * that position.  Position p lives in slot p % slots.  The first word of a
 * slot says who owns it, and every transition is a compare-and-swap on it:
 *
 *	 {lap, state, owner}                                   (format.h)
 *
 *	older than p --claim--> WRITING(p, me) --publish--> COMMITTED(p, me)
 *	     |                       |
 *	     | give up               | give up, step over
 *	     v                       v
 *	ABANDONED(p, nobody)    ABANDONED(p, owner) --take back--> (p, nobody)
 *
 * Within a lap the state only moves down this picture, and the lap only grows:
 * no value of the word ever comes back.  So a compare-and-swap that succeeds
 * has missed no change, and there is no ABA problem.
 *
 * WRITER.  Claim: a word that is older, and whose owner cannot be writing to
 * the slot any more, becomes WRITING(p, me).  Then the frame is copied.
 * Publish: WRITING(p, me) becomes COMMITTED(p, me), by compare-and-swap, since
 * a writer that was given up on meanwhile must learn that its frame was not
 * sent.  A slot that is still WRITING from an earlier lap has a writer that may
 * wake at any moment and go on writing to it.  So such a slot is stepped over:
 * it becomes ABANDONED(p, owner), and the next ticket is taken.  It stays out
 * of use, lap after lap, until its owner takes it back itself, or is known to
 * be dead.  A stopped process so costs one slot, and nobody waits for it.
 *
 * READER.  A reader has a private cursor, the position to read next.  If the
 * cursor's slot is COMMITTED: read the header, copy the frame, load the word
 * again; if it has not changed, the bytes are those of one frame.  If it is
 * ABANDONED: no frame will come, go to the next position.  In any other case
 * the tail decides.  If it equals the cursor, there is nothing to receive.  If
 * it is more than a lap ahead, this reader was lapped, and jumps forward.
 * Otherwise a writer has the ticket and has not published: the position is
 * pending, and the reader is stuck.  It gives up on the writer (compare-and-
 * swap to ABANDONED, so that all readers agree and the writer learns it) when
 * that is dead, or when it has been silent for patience_ns.  Many positions may
 * be pending because of one stopped writer, and each must not cost patience_ns
 * again: a reader that gets stuck notes the time and the tail, and once that
 * time is patience_ns ago, every position below that tail has been pending for
 * at least as long.
 *
 * SHARING.  All this costs the same for a slot full of bytes as for a few.  So
 * frames that are sent together share slots: as many as fit are claimed,
 * copied, published and given up on as one.  A reader takes them one by one,
 * or several at a time, and may stop in the middle: its place is a position and
 * the number of the next frame there.  If the word changes before the reader
 * comes back, the rest of the slot's frames are lost, as seq will tell.
 *
 * EXACT LOSS.  Positions do not tell how many frames a lapped reader missed:
 * some were abandoned and never had a frame, some had frames of its own, some
 * had many.  So every frame has seq, the number of frames that its sender had
 * published with it.  A reader remembers the last seq of each sender, and what
 * is missing between two that it reads is what it lost, to the frame.  The last
 * frames of a sender, which the reader never read, are settled from the
 * sender's own count, tx_seq, once the reader has caught up with the tail
 * (ring_settle()).  A sender may be stopped after it has published and before it
 * has stored tx_seq.  So for as long as a sender's gap is open, the reader
 * compares tx_seq again whenever it has caught up (ring_uncounted()).
 *
 * A sender that is killed at that point never counts its last slot's frames.
 * When the next owner of the number comes, these may have been overwritten, and
 * then nobody knows their number; but readers that have read them know seq
 * values that the next owner would use again.  So the upper 16 bits of seq and
 * tx_seq count how many owners of the number have died: values are never used
 * twice, and if these bits differ, a reader takes what is missing from tx_first,
 * the count with which the new owner began.  What remains uncertain are the
 * frames of one slot, at most FORMAT_PACK, for each sender that is killed between
 * publishing that slot and storing tx_seq: a reader may count so many too few,
 * but it never counts too many.
 *
 * The frames of a gap that arose while the reader slept and no writer rang for
 * it were not meant for it: they count as skipped, not as lost.  Frames that
 * were published before it slept, and that it could not read because a pending
 * position hid them, are another matter: nobody rings for those, so a gap over
 * them is lost.
 *
 * TRUST.  Anybody who may write to the file may write anything anywhere at any
 * time.  Every value read is masked or bounded before use, and every loop has
 * a bound of its own.  A word that an honest bus could not show (its lap is
 * later than the tail allows, for example) is a lie: it is counted, passed
 * over, and overwritten by the next writer, so that a bus recovers from
 * scribbling by itself.  If somebody writes to the tail, or lets it wrap, the
 * positions of lap 0 are skipped by all alike (pos_usable()): to a slot of zeros
 * they look as if they had been used.
 *
 * BARRIERS.  Each access that needs an order has a label, which stands in a
 * comment beside it in the code; libatomic_ops' suffixes give the order.
 *
 *   label         where                                   order
 *   ring:ticket   ring_ticket(): tail += n                full
 *   ring:claim    claim_at(): word -> WRITING             full, ring_fence()
 *   ring:publish  publish(): word -> COMMITTED            full; ring_fence()
 *                                                         in bell_anybody()
 *   ring:word     reader, writer: load of the word        acquire
 *   ring:recheck  confirm(): load of the word             after a read barrier
 *   ring:tail     reader, writer: load of the tail        acquire
 *   ring:giveup   give_up(), claimable(): -> ABANDONED    full
 *   ring:seq      publish(): store of tx_seq, after that  release
 *                 of COMMITTED
 *   ring:settle   ring_settle(), ring_join(): loads of    acquire
 *                 tx_seq, before that of the tail
 *   ring:tidy     ring_tidy(): load of tx.busy, after     ring_fence()
 *                 that of the word
 *   bell:sleep    bell_lie_down(): bit in the sleeping    full, ring_fence()
 *                 map
 *
 * and these are the pairs:
 *
 *   ring:publish -> ring:word.  If a reader loads the COMMITTED that a writer
 *	stored, then it loads the header and the bytes that this writer stored
 *	before (or later ones, which ring:recheck finds out).
 *   ring:claim -> ring:recheck.  If a reader's copy has a byte of the next
 *	frame, then its second load of the word returns the WRITING that was
 *	stored before that byte (or a later word): the copy is thrown away.
 *   ring:ticket -> ring:tail.  If a process loads a word with the lap of p,
 *	then its load of the tail after that returns more than p, since the
 *	writer had added to the tail before it stored the word.  So a word that
 *	is later than the tail allows is a lie.
 *   ring:giveup <-> ring:publish.  Both compare with the same WRITING(p, me).
 *	If one of them succeeds, then the other loads what it stored, and
 *	fails: a frame is either published or given up on, and both know it.
 *   ring:seq -> ring:settle.  If a reader loads the tx_seq that a writer
 *	stored, then its load of the tail after that returns more than the
 *	positions of all frames counted there.  So a reader whose cursor equals
 *	that tail has passed all of them.
 *   ring:claim -> ring:tidy.  If ring_tidy() loads the WRITING(p, me) of an
 *	open claim, then its load of tx.busy after that returns the 1 that was
 *	stored before (or the 0 of after the claim, when the word has changed
 *	and the compare-and-swap fails): an open claim is not taken away.
 *   ring:publish <-> bell:sleep.  Each side stores, then loads what the other
 *	one stores.  If the writer's load of the sleeping map does not return
 *	the sleeper's bit, then the sleeper's loads of the words, which come
 *	after it has set the bit, return COMMITTED: it reads the frame, or
 *	ring_hides() tells that one is hidden behind a pending position.
 *
 * rx.seen_tail only tells what to prefetch, and needs no order.
 *
 * The one deliberate data race is the copying of frames' bytes, all of it in
 * copy_bytes(), by way of ring_copy(), copy_asking() and peek_dst().  What they
 * return is used only after confirm(), or to skip a frame, and that decision is
 * confirmed too.
 *
 * USAGE.  A writer, and a reader that copies the frames; the region has been
 * mapped, its header checked by ring_check(), and number 3 is ours:
 *
 *	struct ring_env env = { .dead = is_dead, .now = monotonic_ns };
 *	struct ring r;
 *
 *	ring_init(&r, base, &geometry, 3, &env);
 *	ring_join(&r, false);
 *
 *	error = ring_claim(&r, &c);		// the writer
 *	if (error == 0) {
 *		build_frame(c.slot->data);	// up to r.frame_max bytes
 *		error = ring_publish(&r, &c, len, realtime_ns);
 *	}					// ETIMEDOUT: was given up on
 *
 *	while (ring_look(&r, &f) == 0)		// the reader
 *		if (ring_take(&r, &f, buf, sizeof(buf)))
 *			handle(buf, f.len);	// false: it was overwritten
 */
#include <errno.h>

#include "shmbus/ring_word.h"

/* Tickets tried for one frame; after these all slots are thought to be held. */
#define RING_TICKETS(r) (2 * ((r)->mask + 1))

/*
 * Sets up R on the mapped bus BASE, whose header has been checked to be G.
 * ME: the attachment's number, or SLOT_NOBODY for a reader without one.
 */
void
ring_init(struct ring *r, void *base, const struct ring_geometry *g,
    unsigned me, const struct ring_env *env)
{
	memset(r, 0, sizeof(*r));
	r->hdr = base;
	r->att = (void *)((char *)base + FORMAT_HEADER);
	r->slots = (uint8_t *)base + FORMAT_SLOTS;
	r->mask = g->slots - 1;
	r->shift = (unsigned)__builtin_ctz(g->slots);
	r->stride = g->stride;
	r->frame_max = g->frame_max;
	r->room = g->stride - (uint32_t)sizeof(struct format_slot);
	r->me = me;
	if (me < FORMAT_ATTACHMENTS)
		r->tx.counted = &r->att[me].tx_seq;
	r->patience_ns = 2000000;
	r->env = *env;
}

void
ring_copy(void *to, const void *from, size_t len)
{
	copy_bytes(to, from, len);
}

static inline uint64_t
ring_ticket(struct ring *r, unsigned n)
{
	return AO_fetch_and_add_full(&r->hdr->tail, n); /* ring:ticket */
}

/*
 * What claim_at() is to do with a slot whose word is not simply that of an older
 * frame: claim it, take the position for lost, or load the word again.
 */
enum claim { CLAIM_IT, CLAIM_LOST, CLAIM_AGAIN };

/* The tail is in lap 0: moves it to where positions can be used. */
static void
leave_lap_0(struct ring *r)
{
	int tries;

	for (tries = 0; tries < 16; tries++) {
		AO_t tail = AO_load(&r->hdr->tail);

		if (pos_usable(r, tail) == tail ||
		    AO_compare_and_swap_full(&r->hdr->tail, tail,
			pos_usable(r, tail)))
			return;
	}
}

/*
 * Decides whether the word W may be replaced by WRITING, the position POS is
 * lost, or the word has changed since it was loaded.
 */
static __attribute__((noinline)) enum claim
claimable(struct ring *r, struct format_slot *s, uint64_t pos, AO_t w)
{
	unsigned owner = word_owner(w);

	if (pos_lap(r, pos) == 0) {
		leave_lap_0(r);
		return CLAIM_LOST;
	}
	if (word_lap(w) == pos_lap(r, pos))
		return CLAIM_LOST; /* already given up on, or a lie */
	if (word_lap(w) > pos_lap(r, pos)) {
		uint64_t tail = AO_load_acquire(&r->hdr->tail); /* ring:tail */

		/* We were lapped, unless the tail shows that it is a lie. */
		return tail - pos <= r->mask + 1 ? CLAIM_IT : CLAIM_LOST;
	}
	if (owner == SLOT_NOBODY || owner == r->me ||
	    owner >= FORMAT_ATTACHMENTS || r->env.dead(r->env.arg, owner))
		return CLAIM_IT;
	/* Its writer may go on writing to it: step over. */
	if (AO_compare_and_swap_full(&s->word, w,
		word_make(r, pos, SLOT_ABANDONED, owner))) /* ring:giveup */
		return CLAIM_LOST;
	return CLAIM_AGAIN;
}

/* Claims the slot of ticket POS.  Returns whether C is ours to write to. */
static inline bool
claim_at(struct ring *r, uint64_t pos, struct ring_claim *c)
{
	struct format_slot *s = slot_at(r, pos);
	AO_t mine = word_make(r, pos, SLOT_WRITING, r->me);
	AO_t w = AO_load_acquire(&s->word); /* ring:word */
	int tries;

	/* After each failure somebody else has changed the word. */
	for (tries = 0; tries < 16; tries++) {
		enum claim verdict = CLAIM_IT;
		AO_t seen;

		if (unlikely(word_lap(w) >= pos_lap(r, pos) || word_held(w)))
			verdict = claimable(r, s, pos, w);
		if (unlikely(verdict == CLAIM_LOST))
			return false;
		if (unlikely(verdict == CLAIM_AGAIN)) {
			w = AO_load_acquire(&s->word);
			continue;
		}
		/* ring:claim */
		seen = AO_fetch_compare_and_swap_full(&s->word, w, mine);
		if (likely(seen == w)) {
			ring_fence();
			c->slot = s;
			c->word = mine;
			return true;
		}
		w = seen;
	}
	return false;
}

/*
 * Takes tickets until the slot of one can be claimed.  Returns 0, or ENOBUFS
 * when RING_TICKETS of them gave no slot.
 */
int
ring_claim(struct ring *r, struct ring_claim *c)
{
	uint64_t tries, expected = r->tx.next;

	AO_store(&r->tx.busy, 1);
	for (tries = 0; tries < RING_TICKETS(r); tries++) {
		r->tx.first = ring_ticket(r, 1);
		r->tx.others = r->tx.first != expected;
		r->tx.next = r->tx.first + 1;
		if (likely(claim_at(r, r->tx.first, c)))
			return 0;
	}
	AO_store_release(&r->tx.busy, 0);
	r->tx.failed++;
	return ENOBUFS;
}

/* Takes back a slot after we, its writer, were given up on. */
static __attribute__((noinline)) void
take_back(struct ring *r, struct ring_claim *c)
{
	int tries;

	for (tries = 0; tries < 64; tries++) {
		AO_t w = AO_load(&c->slot->word);

		if (word_state(w) != SLOT_ABANDONED || word_owner(w) != r->me)
			return;
		if (AO_compare_and_swap_full(&c->slot->word, w, word_disown(w)))
			return;
	}
}

/*
 * Writes the header of the claimed slot C and publishes it with the N frames
 * that it holds, BYTES in all, the first of them of LEN bytes.  Returns false
 * if we were given up on.
 */
static inline bool
publish(struct ring *r, struct ring_claim *c, uint32_t len, unsigned n,
    uint64_t bytes, uint64_t time_ns)
{
	AO_store(&c->slot->seq, r->tx.seq + 1);
	AO_store(&c->slot->time_ns, time_ns);
	AO_store(&c->slot->meta,
	    len | (uint64_t)r->me << 32 | (uint64_t)(n - 1) << 48);
	/* ring:publish */
	if (unlikely(!AO_compare_and_swap_full(&c->slot->word, c->word,
		c->word | (AO_t)SLOT_COMMITTED << WORD_STATE_SHIFT))) {
		take_back(r, c);
		r->tx.failed += n;
		return false;
	}
	r->tx.seq += n;
	r->tx.bytes += bytes;
	/* For the others to read. */
	AO_store_release(r->tx.counted, r->tx.seq); /* ring:seq */
	return true;
}

/*
 * Publishes the claimed slot C, whose LEN bytes are written.  Returns 0, or
 * ETIMEDOUT if we were given up on: then it was not published, and the slot is
 * no longer ours.
 */
int
ring_publish(struct ring *r, struct ring_claim *c, uint32_t len,
    uint64_t time_ns)
{
	bool published = publish(r, c, len, 1, len, time_ns);

	AO_store_release(&r->tx.busy, 0);
	return likely(published) ? 0 : ETIMEDOUT;
}

/* ring_send() of a single frame: the same steps without what a batch needs. */
__attribute__((flatten)) int
ring_send_one(struct ring *r, const void *frame, uint32_t len, uint64_t time_ns)
{
	struct ring_claim c;
	int error = ring_claim(r, &c);

	if (unlikely(error != 0))
		return error;
	copy_asking(c.slot->data, frame, len,
	    slot_at(r, r->tx.next + ahead(len)), 0, ASK_TO_WRITE);
	return ring_publish(r, &c, len, time_ns);
}

/* Gives a claimed slot back without a frame. */
void
ring_cancel(struct ring *r, struct ring_claim *c)
{
	if (!AO_compare_and_swap_full(&c->slot->word, c->word,
		word_disown(c->word)))
		take_back(r, c);
	AO_store_release(&r->tx.busy, 0);
}

/* The part of a batch that goes into one slot. */
struct pack {
	unsigned n;	/* frames */
	uint32_t data;	/* bytes of the slot's data, from the first on */
	uint64_t bytes; /* of the frames themselves */
};

/* Returns how many of the N frames, at least one, go into one slot. */
static inline struct pack
pack_up(const struct ring *r, const struct iovec *frames, unsigned n)
{
	struct pack p = { .n = 1,
		.data = (uint32_t)frames[0].iov_len,
		.bytes = frames[0].iov_len };

	for (; p.n < n; p.n++) {
		uint32_t len = (uint32_t)frames[p.n].iov_len;
		uint32_t at = pack_align(p.data) + (uint32_t)sizeof(AO_t);

		if (at + len > r->room)
			break;
		p.data = at + len;
		p.bytes += len;
	}
	return p;
}

/* Returns how many slots N frames need. */
static unsigned
slots_for(const struct ring *r, const struct iovec *frames, unsigned n)
{
	unsigned slots = 0;
	unsigned i;

	for (i = 0; i < n; slots++)
		i += pack_up(r, frames + i, n - i).n;
	return slots;
}

/* Writes the frames of pack P to slot S, and prefetches the slot AHEAD. */
static inline void
fill(struct format_slot *s, const struct iovec *frames, const struct pack *p,
    const struct format_slot *ahead)
{
	uint32_t len = (uint32_t)frames[0].iov_len;
	uint8_t *to = s->data;
	unsigned i;

	copy_asking(to, frames[0].iov_base, len, ahead, 0, ASK_TO_WRITE);
	for (i = 1; i < p->n; i++) {
		to += pack_align(len);
		len = (uint32_t)frames[i].iov_len;
		AO_store((AO_t *)(void *)to, len);
		to += sizeof(AO_t);
		copy_asking(to, frames[i].iov_base, len, ahead,
		    (uint32_t)(to - s->data), ASK_TO_WRITE);
	}
}

/*
 * Publishes N frames in their order: at most RING_BATCH, and preferably no more
 * than a quarter of the slots.  The caller has checked their lengths.  *SENT is
 * how many were published.  Returns 0 or the first error, as ring_publish() and
 * ring_claim() do.  Tickets and frames are both used in their order: when a
 * ticket gives no slot, the frames move on to the next ticket.
 */
int
ring_send(struct ring *r, const struct iovec *frames, unsigned n,
    uint64_t time_ns, unsigned *sent)
{
	unsigned slots = 1, done = 0;
	uint64_t pos, end;
	struct pack p;
	int error = 0;

	if (n > 1)
		slots = slots_for(r, frames, n);
	AO_store(&r->tx.busy, 1);
	pos = ring_ticket(r, slots);
	end = pos + slots;
	r->tx.first = pos;
	r->tx.others = pos != r->tx.next;
	r->tx.next = end;
	for (; n != 0; n -= p.n, frames += p.n) {
		uint64_t extra = 0;
		struct ring_claim c;

		p = pack_up(r, frames, n);
		for (;;) {
			if (unlikely(pos == end)) {
				if (extra++ >= RING_TICKETS(r)) {
					r->tx.failed += n;
					error = error ? error : ENOBUFS;
					goto out;
				}
				pos = ring_ticket(r, 1);
				end = pos + 1;
			}
			if (likely(claim_at(r, pos++, &c)))
				break;
		}
		fill(c.slot, frames, &p, slot_at(r, pos + ahead(p.data)));
		if (likely(publish(r, &c, (uint32_t)frames[0].iov_len, p.n,
			p.bytes, time_ns)))
			done += p.n;
		else if (error == 0)
			error = ETIMEDOUT;
	}
out:
	AO_store_release(&r->tx.busy, 0);
	*sent = done;
	return error;
}
