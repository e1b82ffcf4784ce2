/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stream_queue.c - the pieces in which a stream has come
 *
 * DOC: The fault: each segment stays in the buffer in which it came until a
 * program reads it.  One byte takes some 200 of memory there, and a window may
 * be full of such: a connection took 7 MB, and that before anybody accepted it.
 *
 * The cure: small pieces are copied into a buffer that they share.  What fits
 * behind them is copied there as well, whatever its size.  Pieces of WORTH bytes
 * keep their own buffers, and so does the first in the queue: a reader looks at
 * that without the socket's lock, and nothing of it may change.
 */
#include "stack/lwipv6/sock/sock.h"

#define WORTH 512u /* bytes for which a buffer of their own is no waste */
#define JOINED_SIZE 2048u

/* Whether P takes much more memory than it has data. */
static bool
is_wasteful(const struct pbuf *p)
{
	unsigned tot_len = p->tot_len, n = 0;

	for (; p != NULL; p = p->next)
		n++;
	return tot_len < n * WORTH;
}

/* Copies P to the end of IT, which has room for it, and frees P. */
static void
append(struct item *it, struct pbuf *p)
{
	uint16_t n = p->tot_len;

	pbuf_read((uint8_t *)it->p->payload + it->p->len, p, 0, n);
	it->p->len = (uint16_t)(it->p->len + n);
	it->p->tot_len = it->p->len;
	it->room = (uint16_t)(it->room - n);
	pbuf_free(p);
}

bool
stream_queue(struct sock *s, struct pbuf *p)
{
	struct item it = { .p = p };
	struct item *last = fifo_last(&s->in);
	uint16_t size;

	if (s->in.count > 1 && last->room >= p->tot_len) {
		append(last, p);
		return true;
	}
	if (s->in.count > 0 && is_wasteful(p)) {
		size = p->tot_len > JOINED_SIZE ? p->tot_len : JOINED_SIZE;
		if ((it.p = pbuf_alloc(PBUF_RAW, size, PBUF_RAM)) == NULL)
			return false;
		it.room = size;
		it.p->len = it.p->tot_len = 0;
	}
	if (!fifo_put(&s->in, &it)) {
		if (it.p != p)
			pbuf_free(it.p);
		return false;
	}
	if (it.p != p)
		append(fifo_last(&s->in), p);
	return true;
}

void
stream_drop(struct sock *s)
{
	struct item *it;

	if (pthread_mutex_trylock(&s->reader) != 0)
		return;
	while ((it = fifo_first(&s->in)) != NULL) {
		pbuf_free(it->p);
		fifo_drop(&s->in);
	}
	s->in_bytes = s->in_off = s->credit = 0;
	pthread_mutex_unlock(&s->reader);
}
