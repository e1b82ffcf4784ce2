/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ring.c - the ring of slots
 *
 * DOC: Theory of Operation
 *
 * The order of a bus is the order of its tickets.  A writer takes the next
 * ticket, a position p, by fetch-and-add on the tail; nobody else ever has
 * that position.  Position p lives in slot p % slots.  The first word of a
 * slot says whose it is; all that matters happens by compare-and-swap on it:
 *
 *	 {lap, state, owner}                                   (format.h)
 *
 *	older than p --claim--> WRITING(p, me) --publish--> COMMITTED(p, me)
 *	     |                       |
 *	     | give up               | give up, step over
 *	     v                       v
 *	ABANDONED(p, nobody)    ABANDONED(p, owner) --take back--> (p, nobody)
 *
 * With lap the state only moves down this picture, and the lap only grows:
 * no value of the word ever comes back, so a compare-and-swap that succeeds
 * has seen everything (there is no ABA).
 *
 * WRITER.  Claim: older and not in somebody's hands -> WRITING(p, me).  Copy.
 * Publish: WRITING(p, me) -> COMMITTED(p, me), by compare-and-swap, for a
 * writer that was given up on meanwhile must learn it: the frame was not sent.
 * A slot still WRITING from an earlier lap has a writer who may wake at any
 * moment and go on scribbling.  So it is stepped over: made ABANDONED(p,
 * owner), and the next ticket taken.  It stays out of use, a lap at a time,
 * until its owner takes it back itself, or is known to be dead.  A stopped
 * process so costs one slot, and nobody waits for it.
 *
 * READER.  A private cursor.  COMMITTED(cursor): look at the header, copy,
 * look at the word again; unchanged, the bytes are one frame's.  ABANDONED
 * (cursor): no frame will come, go on.  Otherwise the tail tells: equal to
 * the cursor, nothing is there; more than a lap ahead, this reader was lapped
 * and jumps; else a writer holds the ticket and has not published.  It is
 * given up on (compare-and-swap to ABANDONED, so that all readers agree and
 * the writer learns it) when it is dead, or when it has been silent for
 * patience_ns.  Many tickets may be pending at once, all of one stopped
 * writer: so the clock is not started anew for each.  When a reader first
 * gets stuck it notes the time and the tail; once that time is patience_ns
 * ago, every position below that tail has been pending for at least as long.
 *
 * SHARING.  All this costs the same for a slot full of bytes as for a few.  So
 * frames that are sent together share slots: as many as fit are claimed,
 * copied, published and given up on as one.  A reader takes them one by one,
 * or some at a time, and may stop in the middle: its place is a position, and
 * which of the frames there is next.  When the word is no longer the same, the
 * rest of them are lost, as seq will tell.
 *
 * EXACT LOSS.  Positions cannot be counted to know what a lapped reader
 * missed: some are abandoned and never were frames, some are its own, some
 * hold many.  Every frame has seq, the number of frames its sender has published with it.
 * A reader remembers the last one of each sender, and what is missing between
 * two that it sees is what it lost, to the frame.  What a sender published
 * last, and the reader never saw, is settled from the sender's own count once
 * the reader has caught up with the tail (ring_settle()).  The frames of a gap
 * that arose while the reader slept and no writer rang for it were not meant
 * for it: they count as skipped, not as lost.
 *
 * TRUST.  Anybody who may write to the file may write anything anywhere at any
 * time.  Every value read is masked or bounded before use, every loop here has
 * a bound of its own, and a word that an honest bus could not show (later than
 * the tail allows, say) is a lie: counted, passed over, and overwritten by the
 * next writer, so that a bus recovers from scribbling by itself.
 *
 * BARRIERS.  libatomic_ops' suffixes tell the order; each has its pair.
 *
 *   label         where                        pairs with   why
 *   ring:ticket   ring_ticket(): tail += n     ring:tail    a word that shows
 *                 (full)                                    p + slots was
 *                                                           written after tail
 *                                                           passed it
 *   ring:claim    claim_at(): -> WRITING       ring:recheck bytes of the next
 *                 (full, ring_fence())                      frame are written
 *                                                           after the word: a
 *                                                           reader that met
 *                                                           them sees the word
 *                                                           changed
 *   ring:publish  publish(): -> COMMITTED      ring:word    whoever sees
 *                 (full; ring_fence() before                COMMITTED sees the
 *                 the sleepers are looked at)               frame
 *                                              bell:sleep   Dekker: either the
 *                                                           writer sees the
 *                                                           sleeper's mark or
 *                                                           the sleeper sees
 *                                                           the frame, if only
 *                                                           in ring_hides()
 *   ring:word     reader, writer: load of the  ring:publish
 *                 word (acquire)
 *   ring:recheck  confirm(): read barrier,     ring:claim   the copy is made
 *                 then the word again                       before this load
 *   ring:tail     reader, writer: load of the  ring:ticket  read after the word
 *                 tail (acquire)
 *   ring:giveup   give_up(): -> ABANDONED      ring:publish either of the two
 *                 (full)                                    wins the word
 *   ring:seq      note_tx(): tx_seq (release)  ring:settle  the frames counted
 *                                                           are in the ring
 *   ring:settle   ring_settle(): tx_seq, then  ring:seq     all that was
 *                 the tail (acquire)                        counted is below
 *                                                           the tail
 *   ring:tidy     ring_tidy(): the word, then  ring:claim   a slot that is ours
 *                 tx.busy                                   by right was claimed
 *                                                           after busy was set
 *
 * rx.seen_tail is a hint for what to ask the cache for, and has no order.
 *
 * The one deliberate data race is the copying of frames' bytes, all of it in
 * copy_bytes(), by way of ring_copy(), copy_asking() and peek_dst(); what they
 * return is used only after confirm(), or to skip a frame, and that decision is
 * confirmed too.
 */
#include <errno.h>

#include "shmbus/ring_word.h"

/* Tickets tried for one frame before all slots are taken to be held. */
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

/* What claim_at() is to do with a slot that is not simply an older frame's. */
enum claim { CLAIM_IT, CLAIM_LOST, CLAIM_AGAIN };

/*
 * Decides whether the word W may be replaced by WRITING, the position POS is
 * lost, or the word has changed meanwhile.
 */
static __attribute__((noinline)) enum claim
claimable(struct ring *r, struct format_slot *s, uint64_t pos, AO_t w)
{
	unsigned owner = word_owner(w);

	if (word_lap(w) == pos_lap(r, pos))
		return CLAIM_LOST; /* given up on before it came, or a lie */
	if (word_lap(w) > pos_lap(r, pos)) {
		uint64_t tail = AO_load_acquire(&r->hdr->tail); /* ring:tail */

		/* Lapped; unless the tail says that this cannot be. */
		return tail - pos <= r->mask + 1 ? CLAIM_IT : CLAIM_LOST;
	}
	if (owner == SLOT_NOBODY || owner == r->me ||
	    owner >= FORMAT_ATTACHMENTS || r->env.dead(r->env.arg, owner))
		return CLAIM_IT;
	/* Its writer may yet scribble: step over. */
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

	/* Each turn but the last follows a step that somebody else made. */
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
 * Takes tickets until one gives a slot.  Returns 0, or ENOBUFS when a whole
 * ring of them gave none.
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

/* Takes back a slot whose writer, we, was given up on. */
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
 * Publishes N frames, BYTES in all, the first of them of LEN bytes, with all
 * words of the header but the first still to be written.
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
	return true;
}

/* Tells the others how many frames there are of us. */
static inline void
note_tx(struct ring *r)
{
	AO_store_release(&r->att[r->me].tx_seq, r->tx.seq); /* ring:seq */
}

/*
 * Publishes the claimed slot C, whose LEN bytes are written.  Returns 0 or
 * ETIMEDOUT: given up on, not published, the slot is no longer ours.
 */
int
ring_publish(struct ring *r, struct ring_claim *c, uint32_t len,
    uint64_t time_ns)
{
	bool published = publish(r, c, len, 1, len, time_ns);

	AO_store_release(&r->tx.busy, 0);
	if (unlikely(!published))
		return ETIMEDOUT;
	note_tx(r);
	return 0;
}

/* ring_send() of one frame, for those who have no more. */
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

/* What one slot takes of a batch. */
struct pack {
	unsigned n;	/* frames */
	uint32_t data;	/* bytes of the slot's data, from the first on */
	uint64_t bytes; /* of the frames themselves */
};

/* How many of the N frames, one at least, go into one slot. */
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

/* How many slots N frames need. */
static unsigned
slots_for(const struct ring *r, const struct iovec *frames, unsigned n)
{
	unsigned slots = 0;
	unsigned i;

	for (i = 0; i < n; slots++)
		i += pack_up(r, frames + i, n - i).n;
	return slots;
}

/* Writes the frames of pack P to slot S, and asks for the slot AHEAD. */
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
 * Publishes N frames, RING_BATCH at most and better not more than a quarter of
 * the slots, in their order.  The lengths have been checked.  *SENT is
 * how many were published; returns 0 or the first error, as ring_publish() and
 * ring_claim().  Tickets are used in their order, frames too; a ticket that
 * gives no slot only shifts the rest, so that the frames stay in order.
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
	note_tx(r);
	*sent = done;
	return error;
}
