/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * receive.c - the receive side: receiving, peeking, taking
 *
 * The ring does the work.  Here its private counters are copied to the
 * attachment's entry, for others to read.  Waiting is in wait.c.
 */
#include <errno.h>
#include <string.h>

#include "shmbus/internal.h"

#define BACKOFF_MAX 256u /* pauses */
#define KEEP_EVERY 1024u /* calls that find nothing, a power of two */

/* Returns 0 if the caller may receive now, else the error that says why not. */
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

/*
 * Called when there is nothing to receive.  After a gap this is the time to
 * count those lost frames that no later frame tells of.  And one who never waits
 * keeps its entry here; see wait.c.
 */
static inline void
caught_up(struct shmbus *b)
{
	if (__builtin_expect(b->ring.rx.gap_budget != 0, 0) &&
	    ring_uncounted(&b->ring))
		ring_settle(&b->ring);
	if (__builtin_expect(++b->empty % KEEP_EVERY == 0, 0))
		entry_keep(b);
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
 * A reader that follows directly behind a fast writer takes each cache line
 * from it at the moment when the writer needs it.  Both then run at the speed
 * of transfers between two cores, a tenth of what they can do at some
 * distance.  So a reader that has received all there was, time after time,
 * pauses before it receives again, for a time that grows to BACKOFF_MAX spins.
 * Meanwhile the writer gets ahead by more frames than either of them
 * prefetches.  A reader that has sent something in between takes part in a
 * dialogue, where latency counts: it does not pause.
 */
static inline void
back_off(const struct shmbus *b)
{
	unsigned i;

	if (b->caught_up)
		for (i = 0; i < b->backoff_spins; i++)
			relax();
}

/* Sets the next pause, after GOT frames were received; ALL: all there were. */
static inline void
set_backoff(struct shmbus *b, unsigned got, bool all)
{
	uint64_t tx;

	b->caught_up = all;
	if (!all)
		return;
	tx = AO_load(&b->entry->tx_seq);
	if (got == 0 || tx != b->backoff_tx)
		b->backoff_spins = 0;
	else if (b->backoff_spins < BACKOFF_MAX)
		b->backoff_spins = b->backoff_spins * 2 + 8;
	b->backoff_tx = tx;
}

int
shmbus_recv_batch(struct shmbus *b, struct shmbus_rx *rx, unsigned n,
    unsigned *got)
{
	unsigned done;
	int error = may_receive(b);

	*got = 0;
	if (error != 0)
		return error;
	back_off(b);
	use_address(b);
	done = ring_recv_rx(&b->ring, rx, n);
	if (done < n)
		caught_up(b);
	set_backoff(b, done, done < n);
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

/* Goes on behind the peeked frame; copies it to BUF unless that is NULL. */
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
