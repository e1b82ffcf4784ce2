/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bus.c - sending and receiving
 *
 * The ring does the work; here its private counters are copied to the
 * attachment's entry, for others to see, and doorbells are rung.
 */
#include <errno.h>
#include <string.h>

#include "shmbus/internal.h"

#define BATCH 64u
#define HEELS_MAX 256u

static_assert(SHMBUS_SHARE_MAX == FORMAT_PACK, "told as it is");

/* ---- send --------------------------------------------------------------- */

/* Whether B may send now.  Returns 0 or why not. */
static inline int
may_send(const struct shmbus *b)
{
	int error = usable(b);

	if (__builtin_expect(error != 0, 0))
		return error;
	if (__builtin_expect(b->rdonly, 0))
		return EACCES;
	return __builtin_expect(b->reserved, 0) ? EBUSY : 0;
}

static inline bool
length_ok(const struct shmbus *b, size_t len)
{
	return len >= SHMBUS_FRAME_MIN && len <= b->geo.frame_max;
}

/* Shows the sending side's counters to others. */
static inline void
show_tx(struct shmbus *b)
{
	struct format_attachment *a = b->entry;

	AO_store(&a->tx_bytes, b->ring.tx.bytes);
	AO_store(&a->tx_failed, b->ring.tx.failed);
	AO_store(&a->rung, b->bell.rings);
}

int
shmbus_send_batch(struct shmbus *b, const struct iovec *frames, unsigned n,
    unsigned *sent)
{
	uint64_t now;
	unsigned done = 0;
	unsigned most;
	unsigned i;
	int error = may_send(b);

	if (sent != NULL)
		*sent = 0;
	if (error != 0 || n == 0)
		return error;
	for (i = 0; i < n; i++)
		if (!length_ok(b, frames[i].iov_len))
			return EMSGSIZE;
	ring_expect(&b->ring);
	now = walltime(&b->clock);
	/* In parts, none of which can lap itself. */
	most = b->geo.slots / 4 < RING_BATCH ? b->geo.slots / 4 : RING_BATCH;
	for (i = 0; i < n; i += most) {
		unsigned part = n - i < most ? n - i : most;
		unsigned got;
		int e = ring_send(&b->ring, frames + i, part, now, &got);

		done += got;
		error = error ? error : e;
		if (__builtin_expect(bell_anybody(&b->ring), 0))
			bell_frames(b, frames + i, part, b->ring.tx.first);
	}
	show_tx(b);
	if (sent != NULL)
		*sent = done;
	return error ? error : usable(b);
}

int
shmbus_send(struct shmbus *b, const void *frame, size_t len)
{
	int error = may_send(b);

	if (__builtin_expect(error != 0, 0))
		return error;
	if (__builtin_expect(!length_ok(b, len), 0))
		return EMSGSIZE;
	ring_expect(&b->ring);
	error = ring_send_one(&b->ring, frame, (uint32_t)len,
	    walltime(&b->clock));
	if (__builtin_expect(bell_anybody(&b->ring), 0))
		bell_frame(b, frame, b->ring.tx.first);
	show_tx(b);
	return error ? error : usable(b);
}

int
shmbus_reserve(struct shmbus *b, size_t len, void **data)
{
	int error = may_send(b);

	*data = NULL;
	if (error != 0)
		return error;
	if (!length_ok(b, len))
		return EMSGSIZE;
	if ((error = ring_claim(&b->ring, &b->claim)) != 0) {
		show_tx(b);
		return error;
	}
	b->reserved = true;
	b->claim_len = (uint32_t)len;
	*data = b->claim.slot->data;
	return 0;
}

int
shmbus_commit(struct shmbus *b, size_t len)
{
	struct format_slot *slot = b->claim.slot;
	uint8_t dst[8];
	int error = usable(b);

	if (!b->reserved)
		return error ? error : EINVAL;
	if (error == 0 && (len < SHMBUS_FRAME_MIN || len > b->claim_len))
		error = EMSGSIZE;
	if (error != 0)
		return error;
	b->reserved = false;
	memcpy(dst, slot->data, sizeof(dst)); /* it may be gone afterwards */
	error = ring_publish(&b->ring, &b->claim, (uint32_t)len,
	    walltime(&b->clock));
	if (error == 0 && bell_anybody(&b->ring))
		bell_frame(b, dst, b->ring.tx.first);
	show_tx(b);
	return error ? error : usable(b);
}

void
shmbus_cancel(struct shmbus *b)
{
	if (!b->reserved)
		return;
	b->reserved = false;
	if (usable(b) == 0)
		ring_cancel(&b->ring, &b->claim);
}

int
shmbus_sendv(struct shmbus *b, const struct iovec *iov, int n)
{
	size_t len = 0;
	uint8_t *to;
	void *data;
	int error;
	int i;

	for (i = 0; i < n; i++) {
		if (iov[i].iov_len > b->geo.frame_max - len)
			return EMSGSIZE;
		len += iov[i].iov_len;
	}
	if ((error = shmbus_reserve(b, len, &data)) != 0)
		return error;
	for (to = data, i = 0; i < n; i++) {
		if (iov[i].iov_len != 0)
			ring_copy(to, iov[i].iov_base, iov[i].iov_len);
		to += iov[i].iov_len;
	}
	return shmbus_commit(b, len);
}

/* ---- receive ------------------------------------------------------------ */

/* Whether the caller may receive now.  Returns 0 or why not. */
static inline int
may_receive(struct shmbus *b)
{
	int error = usable(b);

	if (__builtin_expect(error != 0, 0))
		return error;
	if (__builtin_expect(helper_owns(b), 0))
		return EAGAIN;
	b->peeked = false;
	return 0;
}

/* Takes over the address and mode set last, by whichever thread. */
static inline void
refresh(struct shmbus *b)
{
	AO_t ident = AO_load(&b->ident);

	b->ring.rx.mac = ident & ~(AO_t)0xffff;
	b->ring.rx.promisc = (ident & FORMAT_ATT_PROMISC) != 0;
}

/* ring_look(), with the address and mode set last. */
int
look(struct shmbus *b, struct ring_frame *f)
{
	refresh(b);
	return ring_look(&b->ring, f);
}

/*
 * There is nothing to receive.  After a gap this is the time to count what of
 * it no later frame has told; a few times, for a sender may not have counted
 * its last frames yet.  (Before it sleeps, the waiting side does it again.)
 */
static inline void
caught_up(struct shmbus *b)
{
	if (__builtin_expect(b->ring.rx.unsettled != 0, 0) &&
	    ring_settle(&b->ring))
		b->ring.rx.unsettled--;
}

/* Shows the receiving side's counters to others. */
void
show_rx(struct shmbus *b)
{
	struct format_attachment *a = b->entry;

	AO_store_release(&a->rx_cursor, b->ring.rx.cursor);
	AO_store(&a->rx_frames, b->ring.rx.frames);
	AO_store(&a->rx_bytes, b->ring.rx.bytes);
	AO_store(&a->rx_skipped, b->ring.rx.skipped);
	AO_store(&a->rx_lost, b->ring.rx.lost);
	AO_store(&a->rx_bad, b->ring.rx.bad);
	AO_store(&a->gave_up, b->ring.rx.gave_up);
	AO_store(&a->wakeups, b->wakeups);
}

static void
fill_frame(const struct shmbus *b, const struct ring_frame *f, const void *data,
    struct shmbus_frame *frame)
{
	frame->data = data;
	frame->len = f->len;
	frame->sender = f->sender;
	frame->time_ns = f->time_ns;
	frame->position = f->position - b->geo.slots; /* laps begin with 1 */
}

/*
 * A reader at a fast writer's heels takes each line from it just when it
 * writes there; both then run at the speed of the transfers between two cores,
 * a tenth of what they can do with some distance between them.  So one who has
 * received all there was, time after time, keeps off for a moment that grows
 * to HEELS_MAX pauses, in which the writer gets ahead by more frames than
 * either asks for in advance.  One who answers in between is in a dialogue,
 * where latency counts, and does not.
 */
static inline void
keep_off(const struct shmbus *b)
{
	unsigned i;

	if (b->caught_up)
		for (i = 0; i < b->heels; i++)
			relax();
}

static inline void
note_heels(struct shmbus *b, unsigned got, bool all)
{
	uint64_t tx;

	b->caught_up = all;
	if (!all)
		return;
	tx = AO_load(&b->entry->tx_seq);
	if (got == 0 || tx != b->heels_tx)
		b->heels = 0;
	else if (b->heels < HEELS_MAX)
		b->heels = b->heels * 2 + 8;
	b->heels_tx = tx;
}

int
shmbus_recv_batch(struct shmbus *b, struct shmbus_rx *rx, unsigned n,
    unsigned *got)
{
	unsigned done = 0;
	int error = may_receive(b);

	*got = 0;
	if (error != 0)
		return error;
	keep_off(b);
	refresh(b);
	while (done < n) {
		struct ring_frame f[BATCH];
		void *bufs[BATCH];
		uint32_t sizes[BATCH];
		unsigned part = n - done < BATCH ? n - done : BATCH;
		unsigned i, k;

		for (i = 0; i < part; i++) {
			bufs[i] = rx[done + i].buf;
			sizes[i] = rx[done + i].size;
		}
		k = ring_recv(&b->ring, f, bufs, sizes, part);
		for (i = 0; i < k; i++)
			fill_frame(b, &f[i], bufs[i], &rx[done + i].frame);
		done += k;
		if (k < part) {
			caught_up(b);
			break;
		}
	}
	note_heels(b, done, done < n);
	show_rx(b);
	*got = done;
	if ((error = usable(b)) != 0)
		return error;
	return done == 0 ? EAGAIN : 0;
}

int
shmbus_recv(struct shmbus *b, void *buf, size_t size,
    struct shmbus_frame *frame)
{
	struct shmbus_rx one = { .buf = buf,
		.size = size > UINT32_MAX ? UINT32_MAX : (uint32_t)size };
	unsigned got;
	int error = shmbus_recv_batch(b, &one, 1, &got);

	if (error == 0 && frame != NULL)
		*frame = one.frame;
	return error;
}

int
shmbus_peek(struct shmbus *b, struct shmbus_frame *frame)
{
	int error = may_receive(b);

	if (error != 0)
		return error;
	error = look(b, &b->peek);
	b->peeked = error == 0;
	if (error == 0) {
		fill_frame(b, &b->peek, b->peek.data, frame);
	} else {
		caught_up(b);
		show_rx(b);
	}
	return usable(b) != 0 ? usable(b) : error;
}

/* Ends a peek, copying to BUF unless it is NULL. */
static int
end_peek(struct shmbus *b, void *buf, size_t size)
{
	bool whole;
	int error = usable(b);

	if (error != 0)
		return error;
	if (helper_owns(b) || !b->peeked)
		return EINVAL;
	b->peeked = false;
	whole = ring_take(&b->ring, &b->peek, buf, size);
	show_rx(b);
	if ((error = usable(b)) != 0)
		return error;
	return whole ? 0 : ESTALE;
}

int
shmbus_take(struct shmbus *b, void *buf, size_t size)
{
	return end_peek(b, buf, size);
}

int
shmbus_skip(struct shmbus *b)
{
	return end_peek(b, NULL, 0);
}

void
shmbus_stats(struct shmbus *b, struct shmbus_stats *st)
{
	int error = usable(b);

	memset(st, 0, sizeof(*st));
	if (error == SHMBUS_EFORKED)
		return;
	if (error == 0 || b->rdonly) {
		read_stats(b->entry, st);
		return;
	}
	/* The entry was cut off; this is where it came from. */
	st->tx_frames = b->ring.tx.seq - b->ring.tx.joined;
	st->tx_bytes = b->ring.tx.bytes;
	st->tx_failed = b->ring.tx.failed;
	st->rx_frames = b->ring.rx.frames;
	st->rx_bytes = b->ring.rx.bytes;
	st->rx_skipped = b->ring.rx.skipped;
	st->rx_lost = b->ring.rx.lost;
	st->rx_bad = b->ring.rx.bad;
	st->gave_up = b->ring.rx.gave_up;
	st->wakeups = b->wakeups;
	st->rung = b->bell.rings;
}
