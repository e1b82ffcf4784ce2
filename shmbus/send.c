/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * send.c - the send side: publishing frames
 *
 * The ring does the work.  Here its private counters are copied to the
 * attachment's entry, for others to read, and doorbells are rung.
 */
#include <errno.h>
#include <string.h>

#include "shmbus/internal.h"

static_assert(SHMBUS_SHARE_MAX == FORMAT_PACK,
    "shmbus.h states what the format allows");

/* Returns 0 if B may send now, else the error that says why not. */
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

/* Copies the send side's counters to the entry, for others to read. */
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
	/* In parts so small that none can lap itself. */
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
	/* Once it is published another frame may overwrite it at any time. */
	memcpy(dst, slot->data, sizeof(dst));
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
