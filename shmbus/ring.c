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
 * EXACT LOSS.  Positions cannot be counted to know what a lapped reader
 * missed: some are abandoned and never were frames, some are its own.  Every
 * frame carries seq, the number of frames its sender has published with it.
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
 *                 (full)                                    frame are written
 *                                                           after the word: a
 *                                                           reader that met
 *                                                           them sees the word
 *                                                           changed
 *   ring:publish  ring_publish(): -> COMMITTED ring:word    whoever sees
 *                 (full)                                    COMMITTED sees the
 *                                                           frame
 *                                              bell:sleep   Dekker: either the
 *                                                           writer sees the
 *                                                           sleeper's mark or
 *                                                           the sleeper sees
 *                                                           the frame
 *   ring:word     reader: load of the word     ring:publish
 *                 (acquire)
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
 *
 * The one deliberate data race is the copying of frames' bytes, all of it in
 * ring_copy() and peek_dst(); what they return is used only after confirm(),
 * or to skip a frame, and that decision is confirmed too.
 */
#include <errno.h>
#include <string.h>

#include "ring.h"

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* Slots looked at by one call, so that no call is endless. */
#define RING_BUDGET 8192u
/* How many positions ahead the lines of a slot are asked for. */
#define RING_AHEAD 12u
/* Tickets tried for one frame before all slots are taken to be held. */
#define RING_TICKETS(r) (2 * ((r)->mask + 1))

/* ---- the word ----------------------------------------------------------- */

#define WORD_LAP_SHIFT 16
#define WORD_STATE_SHIFT 14
#define WORD_OWNER_MASK 0x3fffu

static inline AO_t
word_make(const struct ring *r, uint64_t pos, unsigned state, unsigned owner)
{
	return (pos >> r->shift) << WORD_LAP_SHIFT |
	    (AO_t)state << WORD_STATE_SHIFT | owner;
}

static inline unsigned
word_state(AO_t w)
{
	return (unsigned)(w >> WORD_STATE_SHIFT) & 3;
}

static inline unsigned
word_owner(AO_t w)
{
	return (unsigned)w & WORD_OWNER_MASK;
}

/* Laps are 48 bits: compared as such, whatever a liar wrote to the tail. */
static inline uint64_t
word_lap(AO_t w)
{
	return w >> WORD_LAP_SHIFT;
}

static inline uint64_t
pos_lap(const struct ring *r, uint64_t pos)
{
	return (pos >> r->shift) & (~(uint64_t)0 >> WORD_LAP_SHIFT);
}

/* The same lap and state, in nobody's hands. */
static inline AO_t
word_disown(AO_t w)
{
	return w | SLOT_NOBODY;
}

static inline struct format_slot *
slot_at(const struct ring *r, uint64_t pos)
{
	return (struct format_slot *)(void *)(r->slots +
	    (pos & r->mask) * r->stride);
}

/* Asks for the lines of a slot, to write. */
static inline void
prefetch_slot_write(const struct ring *r, uint64_t pos, uint32_t len)
{
	char *p = (char *)slot_at(r, pos);
	char *end = p + sizeof(struct format_slot) + len;

	for (; p < end; p += FORMAT_LINE)
#ifdef __x86_64__
		/* GCC emits it only for -mprfchw; it is a no-op where absent */
		__asm__ volatile("prefetchw %0" : : "m"(*p));
#else
		__builtin_prefetch(p, 1, 3);
#endif
}

static inline void
prefetch_slot_read(const struct ring *r, uint64_t pos, uint32_t len)
{
	const char *p = (const char *)slot_at(r, pos);
	const char *end = p + sizeof(struct format_slot) + len;

	for (; p < end; p += FORMAT_LINE)
		__builtin_prefetch(p, 0, 3);
}

/*
 * Copies a frame into or out of a slot, while others may do the same.  The
 * short ones, where a call costs more than the copy, are done in line: two
 * overlapping halves of a power of two.
 */
#if defined(__SANITIZE_THREAD__)
static inline void
copy_bytes(void *to, const void *from, size_t len)
{
	char *t = to;
	const char *f = from;

	for (; len != 0; len--, t++, f++)
		__atomic_store_n(t, __atomic_load_n(f, __ATOMIC_RELAXED),
		    __ATOMIC_RELAXED);
}
#else
static inline void
copy_bytes(void *to, const void *from, size_t len)
{
	char *t = to;
	const char *f = from;

	if (len > 128 || len < 32) {
		memcpy(t, f, len);
	} else if (len > 64) {
		char a[64], b[64];

		memcpy(a, f, 64);
		memcpy(b, f + len - 64, 64);
		memcpy(t, a, 64);
		memcpy(t + len - 64, b, 64);
	} else {
		char a[32], b[32];

		memcpy(a, f, 32);
		memcpy(b, f + len - 32, 32);
		memcpy(t, a, 32);
		memcpy(t + len - 32, b, 32);
	}
}
#endif

void
ring_copy(void *to, const void *from, size_t len)
{
	copy_bytes(to, from, len);
}

/* The destination address in place, as in ident; bit 56 is the group bit. */
static inline uint64_t
peek_dst(const struct format_slot *s)
{
	uint64_t dst;

	copy_bytes(&dst, s->data, sizeof(dst));
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	dst = __builtin_bswap64(dst);
#endif
	return dst & ~(uint64_t)0xffff;
}

#define DST_GROUP ((uint64_t)1 << 56)

/* Whether the slot still holds what it did when W was read. */
static inline bool
confirm(const struct format_slot *s, AO_t w)
{
	AO_nop_read(); /* ring:recheck */
	return likely(AO_load(&s->word) == w);
}

/* ---- life --------------------------------------------------------------- */

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
	r->me = me;
	r->patience_ns = 2000000;
	r->env = *env;
}

/*
 * Takes R's place in the ring: finds where to begin and what each sender had
 * published before, and, when it has a number, takes back the slots that a
 * dead attachment of the same number left behind, and continues its count.
 * The caller holds the number's lock and has not sent yet.
 */
void
ring_join(struct ring *r, bool oldest)
{
	uint64_t tail = AO_load_acquire(&r->hdr->tail); /* ring:tail */
	uint64_t slots = r->mask + 1;
	uint64_t from = tail > 2 * slots ? tail - slots : slots;
	uint64_t begin = tail;
	uint64_t mine = 0;
	uint64_t pos;
	unsigned i;

	if (tail < slots) /* a lie; laps begin with 1 */
		from = begin = tail = slots;
	for (i = 0; i < FORMAT_ATTACHMENTS; i++)
		r->rx.last[i] = AO_load_acquire(&r->att[i].tx_seq);
	if (r->me != SLOT_NOBODY)
		mine = r->rx.last[r->me];

	for (pos = from; pos - from < slots; pos++) {
		struct format_slot *s = slot_at(r, pos);
		AO_t w = AO_load_acquire(&s->word); /* ring:word */
		unsigned state = word_state(w);
		uint32_t sender =
		    (uint32_t)(AO_load(&s->meta) >> 32) & 0xffff;
		uint64_t seq = AO_load(&s->seq);
		int tries;

		if (state == SLOT_COMMITTED && sender < FORMAT_ATTACHMENTS &&
		    confirm(s, w)) {
			if (sender == r->me && seq > mine && seq - mine < slots)
				mine = seq;
			if (word_lap(w) == pos_lap(r, pos) && begin == tail &&
			    pos < tail && seq > r->rx.last[sender])
				r->rx.last[sender] = seq;
		}
		if (begin == tail && pos < tail &&
		    (word_lap(w) < pos_lap(r, pos) ||
			(word_lap(w) == pos_lap(r, pos) &&
			    state == SLOT_WRITING)))
			begin = pos; /* may yet be published: begin here */
		for (tries = 0; tries < 4 && r->me != SLOT_NOBODY &&
		     word_owner(w) == r->me &&
		     (state == SLOT_WRITING || state == SLOT_ABANDONED);
		     tries++) {
			AO_t gone = word_disown(w) &
			    ~((AO_t)3 << WORD_STATE_SHIFT);

			gone |= (AO_t)SLOT_ABANDONED << WORD_STATE_SHIFT;
			AO_compare_and_swap_full(&s->word, w, gone);
			w = AO_load_acquire(&s->word);
			state = word_state(w);
		}
	}
	if (oldest) {
		begin = from;
		memset(r->rx.last, 0, sizeof(r->rx.last));
	}
	r->rx.cursor = begin;
	r->rx.own_from = tail;
	r->tx.seq = r->tx.joined = mine;
}

/* ---- send --------------------------------------------------------------- */

static inline uint64_t
ring_ticket(struct ring *r, unsigned n)
{
	return AO_fetch_and_add_full(&r->hdr->tail, n); /* ring:ticket */
}

/*
 * claim_at(), where the slot is not simply an older frame's.  Returns whether
 * the word W may be replaced by WRITING; otherwise the position POS is lost.
 */
static __attribute__((noinline)) bool
claimable(struct ring *r, struct format_slot *s, uint64_t pos, AO_t w)
{
	unsigned owner = word_owner(w);

	if (word_lap(w) == pos_lap(r, pos))
		return false; /* given up on before it came, or a lie */
	if (word_lap(w) > pos_lap(r, pos)) {
		uint64_t tail = AO_load_acquire(&r->hdr->tail); /* ring:tail */

		/* Lapped; unless the tail says that this cannot be. */
		return tail - pos <= r->mask + 1;
	}
	if (owner == SLOT_NOBODY || owner == r->me ||
	    owner >= FORMAT_ATTACHMENTS || r->env.dead(r->env.arg, owner))
		return true;
	/* Its writer may yet scribble: step over. */
	AO_compare_and_swap_full(&s->word, w,
	    word_make(r, pos, SLOT_ABANDONED, owner)); /* ring:giveup */
	return false;
}

/* Claims the slot of ticket POS.  Returns whether C is ours to write to. */
static inline bool
claim_at(struct ring *r, uint64_t pos, struct ring_claim *c)
{
	struct format_slot *s = slot_at(r, pos);
	AO_t mine = word_make(r, pos, SLOT_WRITING, r->me);
	AO_t w = AO_load(&s->word);
	int tries;

	for (tries = 0; tries < 4; tries++) {
		AO_t seen;

		if (unlikely(word_lap(w) >= pos_lap(r, pos) ||
			word_state(w) == SLOT_WRITING ||
			word_state(w) == SLOT_ABANDONED) &&
		    !claimable(r, s, pos, w))
			return false;
		/* ring:claim */
		seen = AO_fetch_compare_and_swap_full(&s->word, w, mine);
		if (likely(seen == w)) {
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
	uint64_t tries;

	for (tries = 0; tries < RING_TICKETS(r); tries++) {
		r->tx.first = ring_ticket(r, 1);
		if (likely(claim_at(r, r->tx.first, c)))
			return 0;
	}
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

/* Publishes with all words of the header but the first still to be written. */
static inline bool
publish(struct ring *r, struct ring_claim *c, uint32_t len, uint64_t time_ns)
{
	AO_store(&c->slot->seq, r->tx.seq + 1);
	AO_store(&c->slot->time_ns, time_ns);
	AO_store(&c->slot->meta, len | (uint64_t)r->me << 32);
	/* ring:publish */
	if (unlikely(!AO_compare_and_swap_full(&c->slot->word, c->word,
		c->word | (AO_t)SLOT_COMMITTED << WORD_STATE_SHIFT))) {
		take_back(r, c);
		r->tx.failed++;
		return false;
	}
	r->tx.seq++;
	r->tx.bytes += len;
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
	if (unlikely(!publish(r, c, len, time_ns)))
		return ETIMEDOUT;
	note_tx(r);
	return 0;
}

/* Gives a claimed slot back without a frame. */
void
ring_cancel(struct ring *r, struct ring_claim *c)
{
	AO_t gone = (c->word & ~((AO_t)3 << WORD_STATE_SHIFT)) |
	    (AO_t)SLOT_ABANDONED << WORD_STATE_SHIFT;

	if (!AO_compare_and_swap_full(&c->slot->word, c->word,
		word_disown(gone)))
		take_back(r, c);
}

/*
 * Publishes N frames in their order.  The lengths have been checked.  *SENT is
 * how many were published; returns 0 or the first error, as ring_publish() and
 * ring_claim().  Tickets are used in their order, frames too; a ticket that
 * gives no slot only shifts the rest, so that the frames stay in order.
 */
int
ring_send(struct ring *r, const struct iovec *frames, unsigned n,
    uint64_t time_ns, unsigned *sent)
{
	uint64_t pos = ring_ticket(r, n);
	uint64_t end = pos + n;
	uint64_t extra = 0;
	unsigned done = 0;
	unsigned i;
	int error = 0;

	r->tx.first = pos;
	for (i = 0; i < n; i++) {
		const void *bytes = frames[i].iov_base;
		uint32_t len = (uint32_t)frames[i].iov_len;
		struct ring_claim c;

		for (;;) {
			if (unlikely(pos == end)) {
				if (extra++ >= RING_TICKETS(r)) {
					r->tx.failed += n - i;
					error = error ? error : ENOBUFS;
					goto out;
				}
				pos = ring_ticket(r, 1);
				end = pos + 1;
			}
			prefetch_slot_write(r, pos + RING_AHEAD, len);
			if (likely(claim_at(r, pos++, &c)))
				break;
		}
		copy_bytes(c.slot->data, bytes, len);
		if (likely(publish(r, &c, len, time_ns)))
			done++;
		else if (error == 0)
			error = ETIMEDOUT;
	}
out:
	note_tx(r);
	*sent = done;
	return error;
}

/* ---- receive ------------------------------------------------------------ */

/* Notes that positions were passed over without a look at their frames. */
static __attribute__((noinline)) void
note_gap(struct ring *r, enum ring_gap kind, uint64_t positions)
{
	unsigned i;

	for (i = 0; i < FORMAT_ATTACHMENTS; i++)
		if (r->rx.gap[i] < kind)
			r->rx.gap[i] = (uint8_t)kind;
	r->rx.gap_budget += positions;
	r->rx.unsettled = 64;
}

/* Counts MISSING frames of SENDER that were in a gap. */
static void
count_missing(struct ring *r, unsigned sender, uint64_t missing)
{
	/* No more can be missing than positions were passed over. */
	if (missing > r->rx.gap_budget)
		missing = r->rx.gap_budget;
	r->rx.gap_budget -= missing;
	if (r->rx.gap[sender] == GAP_LOST)
		r->rx.lost += missing;
	else
		r->rx.skipped += missing;
}

/* account(), where SEQ does not follow the last one seen, or after a gap. */
static __attribute__((noinline)) void
account_gap(struct ring *r, unsigned sender, uint64_t seq)
{
	if (r->rx.gap[sender] != GAP_NONE && seq > r->rx.last[sender] &&
	    sender != r->me)
		count_missing(r, sender, seq - r->rx.last[sender] - 1);
	r->rx.gap[sender] = GAP_NONE;
	r->rx.last[sender] = seq;
}

static inline void
account(struct ring *r, unsigned sender, uint64_t seq)
{
	if (unlikely(seq != r->rx.last[sender] + 1 ||
		r->rx.gap[sender] != GAP_NONE))
		account_gap(r, sender, seq);
	else
		r->rx.last[sender] = seq;
}

/*
 * Gives up on the writer of the cursor's position, whose slot shows W, when
 * it is dead or has been silent for long enough.  Returns whether something
 * changed.
 */
static bool
give_up(struct ring *r, struct format_slot *s, AO_t w, uint64_t tail)
{
	uint64_t pos = r->rx.cursor;
	unsigned owner = word_owner(w);
	bool held = word_state(w) == SLOT_WRITING ||
	    word_state(w) == SLOT_ABANDONED;
	uint64_t now = r->env.now(r->env.arg);
	bool dead;

	if (r->rx.stuck_since == 0 || pos >= r->rx.stuck_tail) {
		r->rx.stuck_since = now;
		r->rx.stuck_tail = tail;
	}
	/* Most are in the middle of a copy: asking the kernel costs more. */
	if (now - r->rx.stuck_since < r->patience_ns / 16)
		return false;
	dead = held && owner < FORMAT_ATTACHMENTS && owner != r->me &&
	    r->env.dead(r->env.arg, owner);
	if (now - r->rx.stuck_since < r->patience_ns &&
	    !(dead && word_lap(w) == pos_lap(r, pos)))
		return false;
	r->rx.gave_up++;
	if (r->me == SLOT_NOBODY) {
		/* May only read: goes on alone, and may have lost a frame. */
		note_gap(r, GAP_LOST, 1);
		r->rx.cursor++;
		return true;
	}
	if (!held || dead || owner >= FORMAT_ATTACHMENTS)
		owner = SLOT_NOBODY;
	AO_compare_and_swap_full(&s->word, w,
	    word_make(r, pos, SLOT_ABANDONED, owner)); /* ring:giveup */
	return true;
}

/*
 * The cursor's slot shows W, which is not a frame of its lap.  Returns whether
 * to look again; if not, there is nothing to receive now.
 */
static __attribute__((noinline)) bool
hitch(struct ring *r, struct format_slot *s, AO_t w)
{
	uint64_t pos = r->rx.cursor;
	uint64_t slots = r->mask + 1;
	uint64_t tail;

	if (word_lap(w) == pos_lap(r, pos) && word_state(w) == SLOT_ABANDONED) {
		r->rx.cursor++;
		return true;
	}
	tail = AO_load_acquire(&r->hdr->tail); /* ring:tail */
	if (tail == pos)
		return false;
	if (tail < pos) { /* a lie: tails only grow */
		r->rx.bad++;
		r->rx.cursor = tail;
		return false;
	}
	if (tail - pos > slots) { /* lapped; leave some room to catch up */
		uint64_t to = tail - slots + slots / 8;

		note_gap(r, to <= r->rx.asleep_gap ? GAP_ASLEEP : GAP_LOST,
		    to - pos);
		r->rx.cursor = to;
		return true;
	}
	if (word_lap(w) > pos_lap(r, pos)) {
		/* It was read before the tail, so the tail belies it. */
		r->rx.bad++;
		r->rx.cursor++;
		return true;
	}
	return give_up(r, s, w, tail);
}

/* What is to be done with the frame at the cursor. */
enum verdict { TAKE, PASS, BAD };

/* Reads the header of a slot that shows COMMITTED.  Not confirmed yet. */
static inline enum verdict
examine(const struct ring *r, const struct format_slot *s,
    struct ring_frame *f)
{
	uint64_t meta = AO_load(&s->meta);
	uint64_t dst = peek_dst(s);

	f->slot = s;
	f->seq = AO_load(&s->seq);
	f->time_ns = AO_load(&s->time_ns);
	f->position = r->rx.cursor;
	f->len = (uint32_t)meta;
	f->sender = (uint32_t)(meta >> 32);
	if (unlikely(f->len > r->frame_max || f->len < 14 ||
		f->sender >= FORMAT_ATTACHMENTS))
		return BAD;
	if (unlikely(f->sender == r->me && f->position >= r->rx.own_from))
		return PASS;
	if (likely(dst == r->rx.mac || (dst & DST_GROUP) || r->rx.promisc))
		return TAKE;
	return PASS;
}

static inline void
pass(struct ring *r, const struct ring_frame *f, enum verdict v)
{
	if (v == BAD) {
		r->rx.bad++;
	} else {
		account(r, f->sender, f->seq);
		if (f->sender != r->me)
			r->rx.skipped++;
	}
	r->rx.cursor++;
}

/*
 * Finds the next frame for R and shows its header.  The header is confirmed,
 * the bytes are not; go on with ring_take().  Returns 0 or EAGAIN.
 */
int
ring_look(struct ring *r, struct ring_frame *f)
{
	unsigned budget;

	for (budget = RING_BUDGET; budget != 0; budget--) {
		struct format_slot *s = slot_at(r, r->rx.cursor);
		AO_t want =
		    word_make(r, r->rx.cursor, SLOT_COMMITTED, 0);
		AO_t w = AO_load_acquire(&s->word); /* ring:word */
		enum verdict v;

		if (unlikely((w & ~(AO_t)WORD_OWNER_MASK) != want)) {
			if (!hitch(r, s, w))
				break;
			continue;
		}
		v = examine(r, s, f);
		if (!confirm(s, w))
			continue;
		if (v == TAKE) {
			r->rx.peeked = w;
			return 0;
		}
		pass(r, f, v);
	}
	r->rx.peeked = 0;
	return EAGAIN;
}

/*
 * Copies the first SIZE bytes of F, which ring_look() has shown, to BUF (NULL:
 * does not), and goes on.  Returns whether it still was the same frame.
 */
bool
ring_take(struct ring *r, const struct ring_frame *f, void *buf, size_t size)
{
	AO_t w = r->rx.peeked;

	r->rx.peeked = 0;
	if (buf != NULL)
		copy_bytes(buf, f->slot->data, size < f->len ? size : f->len);
	if (!confirm(f->slot, w)) {
		/* Lapped: ring_look() will find out.  Else somebody lied. */
		if (AO_load_acquire(&r->hdr->tail) - r->rx.cursor <=
		    r->mask + 1) {
			r->rx.bad++;
			r->rx.cursor++;
		}
		return false;
	}
	account(r, f->sender, f->seq);
	if (buf != NULL) {
		r->rx.frames++;
		r->rx.bytes += f->len;
	} else {
		r->rx.skipped++;
	}
	r->rx.cursor++;
	return true;
}

/*
 * Receives up to N frames, copying frame i's first SIZES[i] bytes to BUFS[i].
 * Returns how many.
 */
unsigned
ring_recv(struct ring *r, struct ring_frame *f, void *const *bufs,
    const uint32_t *sizes, unsigned n)
{
	unsigned budget = RING_BUDGET;
	unsigned got = 0;

	r->rx.peeked = 0;
	for (; got < n && budget != 0; budget--) {
		struct format_slot *s = slot_at(r, r->rx.cursor);
		AO_t want =
		    word_make(r, r->rx.cursor, SLOT_COMMITTED, 0);
		AO_t w = AO_load_acquire(&s->word); /* ring:word */
		enum verdict v;

		if (unlikely((w & ~(AO_t)WORD_OWNER_MASK) != want)) {
			if (!hitch(r, s, w))
				break;
			continue;
		}
		v = examine(r, s, &f[got]);
		if (likely(v == TAKE)) {
			uint32_t len = f[got].len;

			prefetch_slot_read(r, r->rx.cursor + RING_AHEAD, len);
			if (unlikely(len > sizes[got]))
				len = sizes[got];
			copy_bytes(bufs[got], s->data, len);
		}
		if (!confirm(s, w))
			continue;
		if (unlikely(v != TAKE)) {
			pass(r, &f[got], v);
			continue;
		}
		account(r, f[got].sender, f[got].seq);
		r->rx.frames++;
		r->rx.bytes += f[got].len;
		r->rx.cursor++;
		got++;
	}
	return got;
}

/* How things stand at the cursor; changes nothing. */
enum ring_state
ring_state(struct ring *r)
{
	uint64_t pos = r->rx.cursor;
	/* ring:word */
	AO_t w = AO_load_acquire(&slot_at(r, pos)->word);
	uint64_t tail;

	if (word_lap(w) == pos_lap(r, pos) &&
	    (word_state(w) == SLOT_COMMITTED ||
		word_state(w) == SLOT_ABANDONED))
		return RING_READY;
	tail = AO_load_acquire(&r->hdr->tail); /* ring:tail */
	if (tail == pos)
		return RING_EMPTY;
	if (tail < pos || tail - pos > r->mask + 1 ||
	    word_lap(w) > pos_lap(r, pos))
		return RING_READY;
	return RING_STUCK;
}

/*
 * How long a stuck reader will still wait at NOW, in nanoseconds: at most
 * patience_ns, also when it has not noticed yet.
 */
uint64_t
ring_patience_left(const struct ring *r, uint64_t now)
{
	uint64_t waited;

	if (r->rx.stuck_since == 0 || r->rx.cursor >= r->rx.stuck_tail)
		return r->patience_ns;
	waited = now - r->rx.stuck_since;
	return waited < r->patience_ns ? r->patience_ns - waited : 0;
}

/*
 * The reader has slept.  RUNG: a writer woke it, for the frame at HINT;
 * otherwise nobody did, so that nothing published meanwhile was for it.
 */
void
ring_slept(struct ring *r, bool rung, uint64_t hint)
{
	uint64_t tail = AO_load_acquire(&r->hdr->tail); /* ring:tail */

	r->rx.asleep_gap = rung && hint < tail ? hint : tail;
	if (rung && hint >= tail)
		r->rx.asleep_gap = 0;
}

/*
 * Settles what of each sender's last frames was in a gap, once the reader has
 * caught up.  Until then it does nothing.
 */
void
ring_settle(struct ring *r)
{
	uint64_t seq[FORMAT_ATTACHMENTS];
	unsigned i;

	if (r->rx.gap_budget == 0)
		return;
	for (i = 0; i < FORMAT_ATTACHMENTS; i++)
		seq[i] = AO_load_acquire(&r->att[i].tx_seq); /* ring:settle */
	if (AO_load_acquire(&r->hdr->tail) != r->rx.cursor)
		return;
	for (i = 0; i < FORMAT_ATTACHMENTS; i++)
		if (i != r->me && r->rx.gap[i] != GAP_NONE &&
		    seq[i] > r->rx.last[i]) {
			count_missing(r, i, seq[i] - r->rx.last[i]);
			/* The gap stays: its sender may not have counted yet. */
			r->rx.last[i] = seq[i];
		}
}
