/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world.c - a bus in memory for the tests of the ring
 */
#include <sys/mman.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/lib/world.h"

#define CANARY 0xa5

static bool
dead(void *arg, unsigned owner)
{
	struct world *w = arg;

	w->asked++;
	assert_true(owner < FORMAT_ATTACHMENTS);
	if (w->on_asked != NULL)
		w->on_asked(w, owner);
	return w->dead[owner];
}

static uint64_t
now(void *arg)
{
	return ((struct world *)arg)->now;
}

/* A new bus, of zeros and a header, ending where the next page is missing. */
struct world *
world_new(uint32_t mtu, uint32_t slots)
{
	struct world *w = calloc(1, sizeof(*w));
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t len;

	assert_non_null(w);
	assert_int_equal(ring_geometry(&w->geo, mtu, slots), 0);
	len = (w->geo.file_size + page - 1) / page * page;
	w->page = page;
	w->mapped_len = len + 2 * page;
	w->mapped = mmap(NULL, w->mapped_len, PROT_NONE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(w->mapped, MAP_FAILED);
	assert_int_equal(mprotect(w->mapped + page, len,
			     PROT_READ | PROT_WRITE),
	    0);
	w->base = w->mapped + page + len - w->geo.file_size;
	memset(w->mapped + page, CANARY,
	    (size_t)(w->base - (w->mapped + page)));
	world_reset(w);
	return w;
}

/* Makes W new again; nobody is attached. */
void
world_reset(struct world *w)
{
	struct format_header *h = (void *)w->base;

	memset(w->base, 0, w->geo.file_size);
	ring_format(h, &w->geo, 1, 2);
	memcpy(h->magic, FORMAT_MAGIC, sizeof(h->magic));
	w->now = 1000 * (uint64_t)WORLD_MS;
	memset(w->dead, true, sizeof(w->dead)); /* who never lived is dead */
	memset(w->serial, 0, sizeof(w->serial));
	w->asked = 0;
	w->on_asked = NULL;
}

/* Ends a world, and looks whether somebody wrote before its beginning. */
void
world_free(struct world *w)
{
	const uint8_t *p;

	for (p = w->mapped + w->page; p < w->base; p++)
		assert_int_equal(*p, CANARY);
	munmap(w->mapped, w->mapped_len);
	free(w);
}

static void
attach(struct world *w, struct ring *r, unsigned me, bool oldest)
{
	const struct ring_env env = { .dead = dead, .now = now, .arg = w };

	ring_init(r, w->base, &w->geo, me, &env);
	r->patience_ns = WORLD_PATIENCE;
	ring_join(r, oldest);
}

/* Attaches R as number ME, with an address of its own. */
void
world_attach(struct world *w, struct ring *r, unsigned me, bool oldest)
{
	w->dead[me] = false;
	attach(w, r, me, oldest);
	r->rx.mac = frame_address(me);
	AO_store(&r->att[me].tx_seq, r->tx.seq);
}

/* The same, with a new one. */
struct ring *
world_join(struct world *w, unsigned me, bool oldest)
{
	struct ring *r = aligned_alloc(128, sizeof(*r));

	assert_non_null(r);
	world_attach(w, r, me, oldest);
	return r;
}

/* One who only reads, and hears everything. */
struct ring *
world_reader(struct world *w, bool oldest)
{
	struct ring *r = aligned_alloc(128, sizeof(*r));

	assert_non_null(r);
	attach(w, r, SLOT_NOBODY, oldest);
	r->rx.promisc = true;
	return r;
}

void
world_leave(struct world *w, struct ring *r)
{
	(void)w;
	free(r);
}

struct format_slot *
world_slot(const struct world *w, uint64_t pos)
{
	return (void *)(w->base + FORMAT_SLOTS +
	    pos % w->geo.slots * w->geo.stride);
}

/* What the word of POS's slot holds when POS is in STATE and OWNER's. */
uint64_t
world_word(const struct world *w, uint64_t pos, unsigned state, unsigned owner)
{
	return pos / w->geo.slots << 16 | (uint64_t)state << 14 | owner;
}

bool
world_holds(const struct world *w, uint64_t pos, unsigned state, unsigned owner)
{
	return AO_load(&world_slot(w, pos)->word) ==
	    world_word(w, pos, state, owner);
}

uint64_t
world_tail(const struct world *w)
{
	return AO_load(&((struct format_header *)(void *)w->base)->tail);
}

/* ---- sending and receiving ---------------------------------------------- */

/*
 * Sends N frames at once.  Returns how many were published, and the error
 * unless ERROR is NULL; then there must be none.  The serials of all N are
 * used up.
 */
unsigned
send_some(struct world *w, struct ring *r, unsigned to, size_t len, unsigned n,
    int *error)
{
	uint8_t bytes[n * len]; /* on this stack, for there may be others */
	struct iovec iov[64];
	unsigned sent;
	unsigned i;
	int e;

	assert_true(n <= 64);
	for (i = 0; i < n; i++) {
		iov[i].iov_base = bytes + i * len;
		iov[i].iov_len = len;
		frame_make(iov[i].iov_base, len, to, r->me, ++w->serial[r->me]);
	}
	e = ring_send(r, iov, n, w->now, &sent);
	if (error != NULL) {
		*error = e;
	} else {
		assert_int_equal(e, 0);
		assert_int_equal(sent, n);
	}
	return sent;
}

/* Sends one frame, which must work.  Returns its serial. */
uint64_t
send_one(struct world *w, struct ring *r, unsigned to, size_t len)
{
	uint8_t bytes[len];

	frame_make(bytes, len, to, r->me, ++w->serial[r->me]);
	assert_int_equal(ring_send_one(r, bytes, (uint32_t)len, w->now), 0);
	return w->serial[r->me];
}

bool
claim_one(struct ring *r, struct ring_claim *c)
{
	return ring_claim(r, c) == 0;
}

/* Writes the sender's next frame into the slot C and publishes it. */
int
publish_one(struct world *w, struct ring *r, struct ring_claim *c, unsigned to,
    size_t len)
{
	frame_make(c->slot->data, len, to, r->me, ++w->serial[r->me]);
	return ring_publish(r, c, (uint32_t)len, w->now);
}

/*
 * Receives a frame, which must be a whole one of the sender that its slot
 * names.  Returns whether there was one.
 */
bool
receive_one(struct ring *r, struct mark *m, struct ring_frame *f)
{
	uint8_t buf[r->frame_max];
	struct ring_frame frame;
	void *bufs[1] = { buf };
	const uint32_t size = r->frame_max;

	if (ring_recv(r, &frame, bufs, &size, 1) != 1)
		return false;
	assert_true(frame_read(buf, frame.len, m));
	assert_int_equal(frame.sender, m->sender);
	if (f != NULL)
		*f = frame;
	return true;
}

/* Receives all there is.  Returns how many. */
unsigned
receive_all(struct ring *r)
{
	struct mark m;
	unsigned n = 0;

	while (receive_one(r, &m, NULL))
		n++;
	return n;
}

/* What R says of others' frames: received, passed over, lost. */
uint64_t
counted(const struct ring *r)
{
	return r->rx.frames + r->rx.skipped + r->rx.lost;
}
