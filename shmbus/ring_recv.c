/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ring_recv.c - the ring's receiving side; the theory is at the head of ring.c
 */
#include <errno.h>

#include "shmbus/ring_word.h"
#include "shmbus/shmbus.h"

/* The most slots that one call examines, so that every call ends. */
#define RING_BUDGET 8192u

/*
 * Reads the destination address of a frame in place, and returns it as an ident
 * has it: bit 56 is the group bit.
 */
static inline uint64_t
peek_dst(const uint8_t *data)
{
	uint64_t dst;

	copy_bytes(&dst, data, sizeof(dst));
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	dst = __builtin_bswap64(dst);
#endif
	return dst & ~(uint64_t)0xffff;
}

#define DST_GROUP ((uint64_t)1 << 56)

/* Moves the cursor to the first frame of position POS. */
static inline void
move_to(struct ring *r, uint64_t pos)
{
	r->rx.cursor = pos;
	r->rx.nth = 0;
	r->rx.within = 0;
}

/* Notes that N frames of SENDER were read, the first of which has SEQ. */
static inline void
account(struct ring *r, unsigned sender, uint64_t seq, unsigned n)
{
	if (unlikely(
		seq != r->rx.last[sender] + 1 || r->rx.gap[sender] != GAP_NONE))
		ring_account_gap(r, sender, seq);
	r->rx.last[sender] = seq + n - 1;
}

/*
 * Gives up on the writer of the cursor's position, whose slot's word is W, if
 * it is dead or has been silent for patience_ns.  Returns whether something
 * changed.
 */
static bool
give_up(struct ring *r, struct format_slot *s, AO_t w, uint64_t tail)
{
	uint64_t pos = r->rx.cursor;
	unsigned owner = word_owner(w);
	bool held = word_held(w);
	uint64_t now = r->env.now(r->env.arg);
	bool dead;

	/* (A noted tail more than a lap ahead was a lie, now corrected.) */
	if (r->rx.stuck_since == 0 || !pos_before(pos, r->rx.stuck_tail) ||
	    r->rx.stuck_tail - pos > r->mask + 1) {
		r->rx.stuck_since = now;
		r->rx.stuck_tail = tail;
	}
	/* Most writers just copy a frame: asking the kernel would cost more. */
	if (now - r->rx.stuck_since < r->patience_ns / 16)
		return false;
	dead = held && owner < FORMAT_ATTACHMENTS && owner != r->me &&
	    r->env.dead(r->env.arg, owner);
	if (now - r->rx.stuck_since < r->patience_ns &&
	    !(dead && word_lap(w) == pos_lap(r, pos)))
		return false;
	r->rx.gave_up++;
	if (r->me == SLOT_NOBODY) {
		/* It may only read: it goes on alone, and may lose a frame. */
		ring_note_gap(r, GAP_LOST, 1);
		move_to(r, pos + 1);
		return true;
	}
	if (!held || dead || owner >= FORMAT_ATTACHMENTS)
		owner = SLOT_NOBODY;
	AO_compare_and_swap_full(&s->word, w,
	    word_make(r, pos, SLOT_ABANDONED, owner)); /* ring:giveup */
	return true;
}

/*
 * Called when the cursor is beyond the tail, TAIL: one of them is a lie.  If the
 * cursor got there by a slot that showed a frame at a position that nobody had
 * been given, the slot still shows it, and the frame would be read for ever.  So
 * from now on the tail is loaded first (rx.distrust).
 */
static void
go_back(struct ring *r, uint64_t tail)
{
	r->rx.bad++;
	move_to(r, tail);
	if (r->rx.from > tail)
		r->rx.from = tail;
	if (r->rx.own_from > tail)
		r->rx.own_from = tail;
	r->rx.seen_tail = tail;
	r->rx.distrust = true;
}

/* After go_back(): returns whether the cursor's position was handed out. */
static bool
handed_out(struct ring *r)
{
	uint64_t tail = load_tail(r);

	if (pos_before(tail, r->rx.cursor))
		go_back(r, tail);
	else if (tail != r->rx.cursor)
		r->rx.distrust = false;
	return !r->rx.distrust;
}

/*
 * Moves the cursor to position TO, which is in another round of 2^64 positions,
 * so that positions that were noted before are of no use any more.
 */
static void
begin_round(struct ring *r, uint64_t to)
{
	move_to(r, to);
	r->rx.from = 0;
	r->rx.own_from = 0;
	r->rx.asleep_gap = 0;
	r->rx.seen_tail = 0;
	r->rx.stuck_since = 0;
}

/*
 * Decides what to do at the cursor's slot, whose word W is not COMMITTED with
 * the cursor's lap.  Returns whether the cursor has moved, or the word may have
 * changed, so that ring_look() goes on; if not, there is nothing to receive.
 */
static __attribute__((noinline)) bool
resolve_slot(struct ring *r, struct format_slot *s, AO_t w)
{
	uint64_t pos = r->rx.cursor;
	uint64_t slots = r->mask + 1;
	uint64_t tail;

	if (word_lap(w) == pos_lap(r, pos) && word_state(w) == SLOT_ABANDONED) {
		move_to(r, pos + 1);
		return true;
	}
	tail = AO_load_acquire(&r->hdr->tail); /* ring:tail */
	if (tail == pos) {
		/* No position is pending; the one that was may be a lie. */
		r->rx.stuck_since = 0;
		return false;
	}
	if (pos_usable(r, pos) != pos) {
		begin_round(r, pos_usable(r, pos));
		return true;
	}
	tail = pos_usable(r, tail);
	if (tail == pos)
		return false;
	if (pos_before(tail, pos)) { /* a lie: the tail only grows */
		go_back(r, tail);
		return false;
	}
	if (tail - pos > slots) { /* lapped: jump, with room for catching up */
		uint64_t to = tail - slots + slots / 8;

		ring_note_gap(r, to <= r->rx.asleep_gap ? GAP_ASLEEP : GAP_LOST,
		    to - pos);
		if (to < pos)
			begin_round(r, to);
		else
			move_to(r, to);
		return true;
	}
	if (word_lap(w) > pos_lap(r, pos)) {
		/* By ring:ticket the tail shows that the word is a lie. */
		r->rx.bad++;
		move_to(r, pos + 1);
		return true;
	}
	return give_up(r, s, w, tail);
}

/*
 * What is to be done with a frame, or with a slot: it is taken; it is not for us
 * and skipped; it is of before we joined, or our own; or it is a lie.
 */
enum verdict { TAKE, PASS, OLD, BAD };

/* A walk through the frames of a slot.  Nothing of it is confirmed yet. */
struct walk {
	const struct format_slot *slot;
	uint64_t seq, time_ns; /* seq: of the frame that it has come to */
	uint32_t len, at;      /* that frame's length, and place in the data */
	uint32_t sender;
	uint32_t nth, after; /* how many frames are before it and after it */
};

/*
 * Begins a walk through slot S, at the cursor's frame.  Returns OLD or BAD if
 * the rest of the slot is to be passed over, else TAKE.
 */
static inline enum verdict
walk_begin(const struct ring *r, const struct format_slot *s, struct walk *k)
{
	uint64_t meta = AO_load(&s->meta);
	uint32_t more = (uint32_t)(meta >> 48);

	k->slot = s;
	k->seq = AO_load(&s->seq) + r->rx.nth;
	k->time_ns = AO_load(&s->time_ns);
	k->sender = (uint32_t)(meta >> 32) & 0xffff;
	k->nth = r->rx.nth;
	k->after = more - k->nth;
	k->len = (uint32_t)meta;
	k->at = r->rx.within;
	if (k->nth != 0)
		k->len = pack_len(s, k->at - (uint32_t)sizeof(AO_t));
	if (unlikely(k->sender >= FORMAT_ATTACHMENTS || more >= FORMAT_PACK ||
		more < k->nth))
		return BAD;
	if (unlikely(r->rx.cursor < r->rx.from ||
		(k->sender == r->me && r->rx.cursor >= r->rx.own_from)))
		return OLD;
	return TAKE;
}

/* Returns what to do with the frame to which K has come. */
static inline enum verdict
walk_judge(const struct ring *r, const struct walk *k)
{
	uint64_t dst;

	if (unlikely(k->len > r->frame_max || k->len < 14 ||
		k->at + k->len > r->room))
		return BAD;
	dst = peek_dst(k->slot->data + k->at);
	if (likely(dst == r->rx.mac || (dst & DST_GROUP) || r->rx.promisc))
		return TAKE;
	return PASS;
}

/* Goes on to the next frame.  Returns whether there is one. */
static inline bool
walk_on(const struct ring *r, struct walk *k)
{
	if (likely(k->after == 0))
		return false;
	k->at = pack_align(k->at + k->len) + (uint32_t)sizeof(AO_t);
	k->nth++;
	k->after--;
	k->seq++;
	if (unlikely(k->at + 14 > r->room)) {
		k->len = 0; /* a lie, which walk_judge() will find out */
		k->at = (uint32_t)sizeof(AO_t);
	} else {
		k->len = pack_len(k->slot, k->at - (uint32_t)sizeof(AO_t));
	}
	return true;
}

/* Moves the cursor to where K has come; AT_END: behind the slot's last frame. */
static inline void
move_along(struct ring *r, const struct walk *k, bool at_end)
{
	if (at_end) {
		move_to(r, r->rx.cursor + 1);
	} else {
		r->rx.nth = k->nth;
		r->rx.within = k->at;
	}
}

/* Passes over the rest of a slot, on which the verdict was V. */
static void
pass_slot(struct ring *r, const struct walk *k, enum verdict v)
{
	if (v == BAD)
		r->rx.bad++;
	else if (k->seq + k->after > r->rx.last[k->sender])
		r->rx.last[k->sender] = k->seq + k->after;
	move_to(r, r->rx.cursor + 1);
}

/* Fills in F from the frame to which K has come, in a slot with the word W. */
static inline void
show(const struct ring *r, const struct walk *k, AO_t w, struct ring_frame *f)
{
	f->slot = k->slot;
	f->word = w;
	f->data = k->slot->data + k->at;
	f->seq = k->seq;
	f->time_ns = k->time_ns;
	f->position = r->rx.cursor;
	f->len = k->len;
	f->sender = k->sender;
}

/* Whether the word W is COMMITTED with the cursor's lap. */
static inline bool
is_committed(const struct ring *r, AO_t w)
{
	return likely((w & ~(AO_t)WORD_OWNER_MASK) ==
	    word_make(r, r->rx.cursor, SLOT_COMMITTED, 0));
}

/*
 * Finds the next frame for R and shows its header, without passing it.  The
 * header is confirmed, the bytes are not; go on with ring_take().  Returns 0 or
 * EAGAIN.
 */
int
ring_look(struct ring *r, struct ring_frame *f)
{
	unsigned budget;

	if (unlikely(r->rx.distrust) && !handed_out(r))
		return EAGAIN;
	for (budget = RING_BUDGET; budget != 0; budget--) {
		struct format_slot *s = slot_at(r, r->rx.cursor);
		AO_t w = AO_load_acquire(&s->word); /* ring:word */
		enum verdict v;
		struct walk k;

		if (!is_committed(r, w)) {
			if (!resolve_slot(r, s, w))
				break;
			continue;
		}
		v = walk_begin(r, s, &k);
		if (v == TAKE)
			v = walk_judge(r, &k);
		/* The second line did not come with the word's line. */
		if (v == TAKE)
			ask_line((const char *)s + FORMAT_LINE, ASK_TO_READ);
		show(r, &k, w, f);
		f->last = k.after == 0;
		if (v == PASS)
			f->last = !walk_on(r, &k);
		if (!confirm(s, w))
			continue;
		if (v == TAKE)
			return 0;
		if (v == PASS) {
			account(r, f->sender, f->seq, 1);
			r->rx.skipped++;
			move_along(r, &k, f->last);
		} else {
			pass_slot(r, &k, v);
		}
	}
	return EAGAIN;
}

/*
 * Goes on behind the frame F, which the last ring_look() has shown, and copies
 * its first SIZE bytes to BUF unless that is NULL.  Returns false if the frame
 * was overwritten before the copy was complete.
 */
bool
ring_take(struct ring *r, const struct ring_frame *f, void *buf, size_t size)
{
	struct walk k = { .slot = f->slot,
		.len = f->len,
		.at = (uint32_t)(f->data - f->slot->data),
		.nth = r->rx.nth,
		.after = !f->last };
	bool at_end = !walk_on(r, &k);

	if (buf != NULL)
		copy_bytes(buf, f->data, size < f->len ? size : f->len);
	if (!confirm(f->slot, f->word)) {
		/* If it was lapped, ring_look() will notice; else a lie. */
		AO_nop_read();
		if (AO_load_acquire(&r->hdr->tail) - r->rx.cursor <=
		    r->mask + 1) {
			r->rx.bad++;
			move_to(r, r->rx.cursor + 1);
		}
		return false;
	}
	account(r, f->sender, f->seq, 1);
	if (buf != NULL) {
		r->rx.frames++;
		r->rx.bytes += f->len;
	} else {
		r->rx.skipped++;
	}
	move_along(r, &k, at_end);
	return true;
}

/*
 * Returns which slot to prefetch while K is read; it is probably as full as this
 * one.  NULL: none, because no writer has begun to write there: it would have
 * to wait until it gets back the lines that we asked for.
 */
static inline const struct format_slot *
next_to_prefetch(const struct ring *r, const struct walk *k)
{
	uint32_t data = k->len + k->after * (k->len + (uint32_t)sizeof(AO_t));
	uint64_t pos;

	pos = r->rx.cursor + ahead(data < r->room ? data : r->room);
	return pos < r->rx.seen_tail ? slot_at(r, pos) : NULL;
}

/*
 * Where the frames that are received go: to BUFS, with what there is to know in F;
 * or both to RX, as the library's users have it, without a copy in between.
 */
struct sink {
	bool users; /* to RX */
	struct ring_frame *f;
	void *const *bufs;
	const uint32_t *sizes;
	struct shmbus_rx *rx;
};

/* Notes in S, as its frame I, what there is to know of the one K has come to. */
static inline void
note_frame(const struct ring *r, const struct walk *k, AO_t w,
    const struct sink *s, unsigned i)
{
	struct shmbus_frame *to;

	if (!s->users) {
		show(r, k, w, &s->f[i]);
		return;
	}
	to = &s->rx[i].frame;
	to->data = s->rx[i].buf;
	to->len = k->len;
	to->sender = k->sender;
	to->time_ns = k->time_ns;
	to->position = r->rx.cursor - (r->mask + 1); /* laps begin with 1 */
}

/* What was copied from a slot; it counts only once the slot is confirmed. */
struct slot_copy {
	unsigned taken, passed; /* frames copied; frames walked past in all */
	uint64_t bytes;		/* of those copied */
	bool at_end;		/* the walk is behind the slot's last frame */
	enum verdict verdict;	/* on what follows */
};

/*
 * Copies up to N frames to TO, from its frame GOT on, beginning where the walk K
 * stands, from a slot whose word was W.
 */
static inline struct slot_copy
copy_slot(const struct ring *r, struct walk *k, AO_t w, const struct sink *to,
    unsigned got, unsigned n)
{
	struct slot_copy c = { .verdict = TAKE };
	const struct format_slot *next = next_to_prefetch(r, k);

	do {
		enum verdict v = walk_judge(r, k);
		if (likely(v == TAKE)) {
			unsigned i = got + c.taken;
			uint32_t len = k->len;
			uint32_t size = to->users ? to->rx[i].size :
						    to->sizes[i];

			note_frame(r, k, w, to, i);
			if (unlikely(len > size))
				len = size;
			copy_asking(to->users ? to->rx[i].buf : to->bufs[i],
			    k->slot->data + k->at, len, next, k->at,
			    ASK_TO_READ_LATER);
			c.bytes += k->len;
			c.taken++;
		} else if (unlikely(v == BAD)) {
			c.verdict = BAD;
			return c;
		}
		c.passed++;
		c.at_end = !walk_on(r, k);
	} while (!c.at_end && c.taken < n);
	return c;
}

/* Receives up to N frames to TO, and returns how many. */
static inline __attribute__((always_inline)) unsigned
receive(struct ring *r, const struct sink *to, unsigned n)
{
	unsigned budget = RING_BUDGET;
	unsigned got = 0, slots = 0;

	if (unlikely(r->rx.distrust) && !handed_out(r))
		return 0;
	for (; got < n && budget != 0; budget--) {
		struct format_slot *s = slot_at(r, r->rx.cursor);
		AO_t w = AO_load_acquire(&s->word); /* ring:word */
		struct slot_copy c = { 0 };
		uint64_t seq;
		struct walk k;

		if (!is_committed(r, w)) {
			if (!resolve_slot(r, s, w))
				break;
			continue;
		}
		c.verdict = walk_begin(r, s, &k);
		/* Not at the first slot, which may be all there is. */
		if (r->rx.cursor + RING_AHEAD >= r->rx.seen_tail &&
		    slots++ == 1)
			r->rx.seen_tail = AO_load(&r->hdr->tail);
		seq = k.seq;
		if (likely(c.verdict == TAKE)) {
			c = copy_slot(r, &k, w, to, got, n - got);
		}
		if (!confirm(s, w))
			continue;
		if (likely(c.passed != 0))
			account(r, k.sender, seq, c.passed);
		r->rx.frames += c.taken;
		r->rx.bytes += c.bytes;
		r->rx.skipped += c.passed - c.taken;
		got += c.taken;
		if (likely(c.verdict == TAKE))
			move_along(r, &k, c.at_end);
		else
			pass_slot(r, &k, c.verdict);
	}
	return got;
}

/*
 * Receives up to N frames, copying frame i's first SIZES[i] bytes to BUFS[i].
 * Returns how many.
 */
unsigned
ring_recv(struct ring *r, struct ring_frame *f, void *const *bufs,
    const uint32_t *sizes, unsigned n)
{
	const struct sink to = { .f = f, .bufs = bufs, .sizes = sizes };

	return receive(r, &to, n);
}

/* The same, to RX. */
unsigned
ring_recv_rx(struct ring *r, struct shmbus_rx *rx, unsigned n)
{
	const struct sink to = { .users = true, .rx = rx };

	return receive(r, &to, n);
}
