/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bell.c - doorbells: sleeping, and waking those who are addressed
 *
 * DOC: Theory of Operation
 *
 * Each attachment has a door, a word whose low half is a futex, and a bit in
 * the sleeping map.  The door is odd while its owner sleeps or is about to.  The
 * sleeper makes its door odd, sets its bit, and then examines the ring once
 * more; a writer publishes its frame and then loads the map.  Each side has a
 * full barrier between the two (bell:sleep, ring:publish), so either the writer
 * sees the bit or the sleeper sees the frame.
 *
 * The frame that it sees may be hidden behind a position that is still pending
 * (ring_hides()).  Then the sleeper sleeps only until it may give up on that
 * one.  If only pending positions remain, it sleeps for the full timeout: their
 * writers ring when they publish.
 *
 * A writer that sees an empty map is done, without a system call.  Otherwise it
 * finds out whom the frame is for (from a private cache by destination address,
 * which is emptied when the table has changed), and rings for those of them that
 * sleep: it changes the door from odd to the next even number, by
 * compare-and-swap, then calls FUTEX_WAKE.  Many writers may come at once, and
 * any of them may be stopped between these two steps, so none relies on another:
 * each that finds the sleeper's bit set rings, whoever made the door even, but
 * only once for each value of the door.
 *
 * Only the owner of a bit clears it, when it is awake.  If it is killed in its
 * sleep, entry_reap() clears the bit.  Nobody sleeps for longer than a second
 * without examining the ring (I6): that is what it costs at most if a writer
 * dies before it has rung.
 */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shmbus/internal.h"

#define CACHE_NS 1000000000u /* how long a look-up in the table is believed */

/* Returns the half of the door that is the futex. */
uint32_t *
bell_futex(struct format_attachment *a)
{
	uint32_t *half = (uint32_t *)(void *)&a->door;

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	half++;
#endif
	return half;
}

/* Wakes the owner of A. */
static void
futex_wake(struct format_attachment *a)
{
	syscall(SYS_futex, bell_futex(a), FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* Whether DST is a group address, so that its frames are for everybody. */
static bool
is_group(const uint8_t *dst)
{
	return dst[0] & 1;
}

/* Adds to MAP those whom a frame to the address DST is for. */
static void
bell_lookup(struct shmbus *b, const uint8_t *dst, uint64_t *map)
{
	const struct format_header *hdr = b->ring.hdr;
	AO_t changes = AO_load_acquire(&hdr->changes);
	uint64_t mac = mac_to_word(dst);
	unsigned slot = (unsigned)((mac >> 16) * 0x9e3779b97f4a7c15u >> 58);
	unsigned i;

	static_assert(BELL_CACHE == 1u << (64 - 58),
	    "as many entries as the hash has values");
	/* Also now and then: somebody may have written to changes. */
	if (b->bell.changes != changes ||
	    b->clock.told - b->bell.filled > CACHE_NS) {
		memset(b->bell.cache, 0, sizeof(b->bell.cache));
		b->bell.changes = changes;
		b->bell.filled = b->clock.told;
	}
	if (b->bell.cache[slot].mac != mac) {
		uint64_t *fill = b->bell.cache[slot].map;

		memset(fill, 0, sizeof(b->bell.cache[slot].map));
		for (i = 0; i < FORMAT_ATTACHMENTS; i++) {
			AO_t id = AO_load(&b->ring.att[i].ident);

			if ((id & FORMAT_ATT_USED) &&
			    (id & ~(AO_t)0xffff) == mac)
				fill[i / 64] |= (uint64_t)1 << i % 64;
		}
		b->bell.cache[slot].mac = mac;
	}
	for (i = 0; i < FORMAT_MAP_WORDS; i++)
		map[i] |= b->bell.cache[slot].map[i] |
		    AO_load(&hdr->promisc[i]);
}

/* Rings for attachment I, about the frame at POS. */
static void
bell_ring(struct shmbus *b, unsigned i, uint64_t pos)
{
	struct format_attachment *a = &b->ring.att[i];
	AO_t door = AO_load(&a->door);

	if (door & 1) {
		/* The lowest of all positions that writers ring for. */
		AO_t hint = AO_load(&a->hint);
		int tries;

		for (tries = 0; tries < 16 && pos < hint &&
		     !AO_compare_and_swap_full(&a->hint, hint, pos);
		     tries++)
			hint = AO_load(&a->hint);
		/* If another was faster, it may be stopped before it wakes. */
		AO_compare_and_swap_full(&a->door, door, door + 1);
		door++;
	} else if (b->bell.rung[i] == door) {
		return;
	}
	futex_wake(a);
	b->bell.rung[i] = door;
	b->bell.rings++;
}

/*
 * Wakes the owner of A, whatever it waits for; also if the door is even, since
 * the one that made it even may be stopped before FUTEX_WAKE.
 */
void
bell_door(struct format_attachment *a)
{
	AO_t door = AO_load(&a->door);

	if (door & 1)
		AO_compare_and_swap_full(&a->door, door, door + 1);
	futex_wake(a);
}

/*
 * Our own bit in the sleeping map is set.  If our receive side does not sleep,
 * a liar has set it, and everybody who sends would examine the table for ever.
 */
static void
clear_own_bit(struct shmbus *b)
{
	AO_t *map = &b->ring.hdr->sleeping[b->ring.me / 64];
	AO_t bit = (AO_t)1 << b->ring.me % 64;

	if (AO_load(&b->asleep) != 0)
		return;
	AO_and_full(map, ~bit);
	ring_fence();
	if (AO_load(&b->asleep) != 0) {
		/* It went to sleep meanwhile, and may have missed a bell. */
		AO_or_full(map, bit);
		bell_door(b->entry);
	}
}

/* Rings for those of MAP that sleep. */
static void
bell_map(struct shmbus *b, const uint64_t *map, uint64_t pos)
{
	unsigned w;

	for (w = 0; w < FORMAT_MAP_WORDS; w++) {
		uint64_t bits = AO_load(&b->ring.hdr->sleeping[w]);
		uint64_t own = b->ring.me / 64 == w ?
		    (uint64_t)1 << b->ring.me % 64 :
		    0;

		if (bits & own)
			clear_own_bit(b);
		bits &= map[w] & ~own;
		for (; bits != 0; bits &= bits - 1)
			bell_ring(b, w * 64 + (unsigned)__builtin_ctzll(bits),
			    pos);
	}
}

/* Wakes those who are to receive FRAME, published at POS. */
void
bell_frame(struct shmbus *b, const void *frame, uint64_t pos)
{
	struct iovec one = { .iov_base = (void *)(uintptr_t)frame };

	bell_frames(b, &one, 1, pos);
}

/* The same for N frames, the first of them at POS. */
void
bell_frames(struct shmbus *b, const struct iovec *frames, unsigned n,
    uint64_t pos)
{
	uint64_t map[FORMAT_MAP_WORDS] = { 0 };
	const uint8_t *last = NULL;
	unsigned i;

	for (i = 0; i < n; i++) {
		const uint8_t *dst = frames[i].iov_base;

		if (is_group(dst)) {
			memset(map, 0xff, sizeof(map));
			break;
		}
		if (last == NULL || memcmp(dst, last, 6) != 0)
			bell_lookup(b, dst, map);
		last = dst;
	}
	bell_map(b, map, pos);
}

/*
 * Lies down: from here on who publishes a frame for B rings.  Returns EAGAIN if B
 * may sleep until then, for bell_patience() at most; or 0 if there is something to
 * receive.  In both cases bell_get_up() follows.
 */
int
bell_lie_down(struct shmbus *b)
{
	struct ring *r = &b->ring;
	struct format_attachment *a = &r->att[r->me];
	AO_t *map = &r->hdr->sleeping[r->me / 64];
	AO_t bit = (AO_t)1 << r->me % 64;
	struct ring_frame f;
	uint64_t upto;
	int looks;
	int error = EAGAIN;

	b->nap.door = AO_load(&a->door) | 1;
	if (!entry_is_shown(b)) /* somebody wrote to it: none would ring */
		entry_announce(b);
	AO_store(&b->asleep, 1);
	AO_store(&a->hint, ~(AO_t)0);
	AO_store_release(&a->door, b->nap.door);
	AO_or_full(map, bit); /* bell:sleep, pairs with ring:publish */
	ring_fence();
	/*
	 * For what is published from here on its writer rings, if it is for us.
	 * What is published already is read now, unless it is hidden behind a
	 * pending position: then we must not sleep for long.
	 */
	upto = AO_load_acquire(&r->hdr->tail);
	for (looks = 0; looks < 64; looks++) {
		error = look(b, &f);
		if (error == 0 || (int64_t)(r->rx.cursor - upto) >= 0 ||
		    ring_state(r) != RING_READY)
			break;
	}
	b->nap.hidden = error != 0 && ring_hides(r, upto);
	return error == 0 ? 0 : EAGAIN;
}

/* For how long B, who lies down, may sleep: TIMEOUT_NS or less. */
uint64_t
bell_patience(struct shmbus *b, uint64_t timeout_ns)
{
	uint64_t left;

	if (!b->nap.hidden)
		return timeout_ns;
	left = ring_patience_left(&b->ring, clock_ns(CLOCK_MONOTONIC));
	return left < timeout_ns ? left : timeout_ns;
}

/* Gets up.  Returns whether somebody has rung. */
bool
bell_get_up(struct shmbus *b, bool slept)
{
	struct ring *r = &b->ring;
	struct format_attachment *a = &r->att[r->me];
	AO_t asleep = b->nap.door;
	uint64_t upto;
	bool rung;

	/* If the door is unchanged after this, nobody rang for what is below. */
	upto = AO_load_acquire(&r->hdr->tail);
	rung = AO_load(&a->door) != asleep;
	AO_compare_and_swap_full(&a->door, asleep, asleep + 1);
	if (AO_load(&a->door) & 1) /* somebody else wrote it: a lie */
		AO_store(&a->door, asleep + 1);
	AO_and_full(&r->hdr->sleeping[r->me / 64], ~((AO_t)1 << r->me % 64));
	AO_store_release(&b->asleep, 0);
	if (rung)
		b->wakeups++;
	if (slept)
		ring_slept(r, true,
		    b->nap.hidden ? r->rx.cursor :
			rung	  ? AO_load(&a->hint) :
				    upto);
	return rung;
}

/*
 * Goes to sleep for at most TIMEOUT_NS unless there is something to receive,
 * or shmbus_wake() was called.  Returns 0 if there is something to receive,
 * ETIMEDOUT, or EAGAIN if it was woken or did not sleep.
 */
int
bell_sleep(struct shmbus *b, uint64_t timeout_ns)
{
	int error = bell_lie_down(b);
	struct timespec t;

	if (error != 0 && AO_load(&b->cancel) == 0) {
		timeout_ns = bell_patience(b, timeout_ns);
		t.tv_sec = (time_t)(timeout_ns / 1000000000u);
		t.tv_nsec = (long)(timeout_ns % 1000000000u);
		if (syscall(SYS_futex, bell_futex(b->entry), FUTEX_WAIT,
			(uint32_t)b->nap.door, &t, NULL, 0) == -1 &&
		    errno == ETIMEDOUT)
			error = ETIMEDOUT;
	}
	(void)bell_get_up(b, error != 0);
	return error;
}
