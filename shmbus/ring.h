/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ring.h - the ring of slots, on a mapped region, without a system call
 *
 * The driver, the dump tool, the tests, the fuzzers and the benchmarks share
 * it.  The theory and a usage sample are at the head of ring.c.
 */
#ifndef SHMBUS_RING_H
#define SHMBUS_RING_H

#include <stdbool.h>
#include <sys/uio.h>

#include "shmbus/format.h"

/* The most frames that one ring_send() takes. */
#define RING_BATCH 64u
static_assert(RING_BATCH <= FORMAT_PACK, "a batch may fit into a slot");

/*
 * Follows an atomic operation of libatomic_ops' _full kind and makes it a full
 * barrier.  On x86 it is one already.  On other machines gcc's generic version
 * only acquires and releases, so that a later load or store may overtake the
 * store of the operation itself.
 */
static inline void
ring_fence(void)
{
#if defined(__x86_64__)
	__asm__ volatile("" : : : "memory");
#else
	AO_nop_full();
#endif
}

/*
 * What a line is prefetched for.  LATER: for a frame that will be read later, so
 * that the second-level cache is near enough.  The first-level cache can wait
 * for only a few lines at once, and those of the frame that is being copied are
 * among them.
 */
enum ask { ASK_TO_READ, ASK_TO_READ_LATER, ASK_TO_WRITE };

/* Prefetches the line of P, which will be needed soon. */
static inline void
ask_line(const void *p, enum ask what)
{
	if (what == ASK_TO_READ)
		__builtin_prefetch(p, 0, 3);
	else if (what == ASK_TO_READ_LATER)
		__builtin_prefetch(p, 0, 2);
	else
#ifdef __x86_64__
		/* GCC emits it only for -mprfchw; it is a no-op where absent */
		__asm__ volatile("prefetchw %0" : : "m"(*(const char *)p));
#else
		__builtin_prefetch(p, 1, 3);
#endif
}

struct shmbus_rx;

/* What the ring asks of its user, since it makes no system call itself. */
struct ring_env {
	/* Returns whether attachment OWNER is certainly dead. */
	bool (*dead)(void *arg, unsigned owner);
	/* Returns CLOCK_MONOTONIC in nanoseconds. */
	uint64_t (*now)(void *arg);
	void *arg;
};

struct ring_geometry {
	uint32_t mtu, frame_max, slots, stride;
	uint64_t file_size;
};

/* The sending side's private memory. */
struct ring_tx {
	uint64_t seq;	 /* of the last frame published */
	uint64_t joined; /* seq when it began */
	uint64_t first;	 /* first position that the last call took */
	uint64_t next;	 /* the position after the last one that it took */
	bool others;	 /* others took some between the last two calls */
	uint64_t bytes, failed;
	AO_t *counted; /* tx_seq in our entry */
	AO_t busy;     /* we have, or may have, an open claim */
};

/*
 * Why the frames of a gap were not read.  LOST: they were overwritten.  ASLEEP:
 * they passed while the reader slept and nobody rang for it.  SETTLED: they were
 * lost, and all that their sender has counted so far are counted as lost.
 */
enum ring_gap { GAP_NONE, GAP_ASLEEP, GAP_SETTLED, GAP_LOST };

/* The receiving side's private memory. */
struct ring_rx {
	uint64_t cursor;      /* the position to look at next */
	uint32_t nth;	      /* and which of the frames there */
	uint32_t within;      /* where in the slot's data that frame begins */
	uint64_t seen_tail;   /* the tail when it was last loaded for this */
	uint64_t from;	      /* frames before this are not delivered */
	uint64_t own_from;    /* from here on frames with our number are ours */
	uint64_t stuck_since; /* the time when it got stuck; 0: it is not */
	uint64_t stuck_tail;  /* the tail at that time */
	uint64_t asleep_gap;  /* what was passed over before this, was asleep */
	uint64_t gap_budget;  /* the most frames that may still be uncounted */
	uint64_t frames, bytes, skipped, lost, bad, gave_up;
	uint64_t tidied; /* the slot that ring_tidy() examines next */
	/* Senders with a gap that may count more frames, since ring_settle(). */
	uint64_t open[FORMAT_MAP_WORDS];
	bool unsettled; /* there was a gap since ring_settle() */
	bool promisc;
	bool distrust; /* the slot at the cursor lied: load the tail first */
	uint64_t mac;  /* as in ident, bits 16..63, or 0 */
	uint8_t gap[FORMAT_ATTACHMENTS];   /* enum ring_gap, by sender */
	uint64_t last[FORMAT_ATTACHMENTS]; /* last seq read, by sender */
};

struct ring {
	struct format_header *hdr;
	struct format_attachment *att;
	uint8_t *slots;
	uint64_t mask;
	uint32_t stride, frame_max;
	uint32_t room; /* bytes of data in a slot */
	unsigned shift;
	unsigned me; /* our number, or SLOT_NOBODY if we may only read */
	uint64_t patience_ns;
	struct ring_env env;
	struct ring_tx tx __attribute__((aligned(128)));
	struct ring_rx rx __attribute__((aligned(128)));
};

/* A claimed slot. */
struct ring_claim {
	struct format_slot *slot;
	uint64_t word; /* its word while the claim is ours */
};

struct ring_frame {
	const struct format_slot *slot;
	AO_t word; /* the slot's word when the header was read */
	const uint8_t *data;
	uint64_t seq, time_ns, position;
	uint32_t len, sender;
	bool last; /* it is the last one in its slot; set by ring_look() only */
};

/* The state of the position at a reader's cursor. */
enum ring_state {
	RING_READY, /* the reader can go on from there */
	RING_EMPTY, /* no writer has taken its ticket */
	RING_STUCK, /* pending: a writer has it, and has not published */
};

/* geometry.c */
int ring_geometry(struct ring_geometry *g, uint32_t mtu, uint32_t slots);
int ring_check(const struct format_header *h, uint64_t size,
    struct ring_geometry *g, char *why, size_t whysize);
void ring_format(struct format_header *h, const struct ring_geometry *g,
    uint64_t now_ns, uint64_t id);

/* ring_join.c */
void ring_join(struct ring *r, bool oldest);
void ring_tidy(struct ring *r, unsigned n);

/* ring.c */
void ring_init(struct ring *r, void *base, const struct ring_geometry *g,
    unsigned me, const struct ring_env *env);
void ring_copy(void *to, const void *from, size_t len);
int ring_claim(struct ring *r, struct ring_claim *c);
int ring_publish(struct ring *r, struct ring_claim *c, uint32_t len,
    uint64_t time_ns);
void ring_cancel(struct ring *r, struct ring_claim *c);
int ring_send_one(struct ring *r, const void *frame, uint32_t len,
    uint64_t time_ns);
int ring_send(struct ring *r, const struct iovec *frames, unsigned n,
    uint64_t time_ns, unsigned *sent);

/*
 * Called shortly before ring_send().  In a dialogue the other side's processor
 * has the line of the tail; so it is prefetched while the clock is read.
 */
static inline void
ring_expect(const struct ring *r)
{
	if (r->tx.others)
		ask_line((const void *)&r->hdr->tail, ASK_TO_WRITE);
}

/* ring_recv.c */
int ring_look(struct ring *r, struct ring_frame *f);
bool ring_take(struct ring *r, const struct ring_frame *f, void *buf,
    size_t size);
unsigned ring_recv(struct ring *r, struct ring_frame *f, void *const *bufs,
    const uint32_t *sizes, unsigned n);
unsigned ring_recv_rx(struct ring *r, struct shmbus_rx *rx, unsigned n);
bool ring_uncounted(struct ring *r);
bool ring_settle(struct ring *r);

/* ring_sleep.c */
enum ring_state ring_state(struct ring *r);
bool ring_hides(struct ring *r, uint64_t upto);
uint64_t ring_patience_left(const struct ring *r, uint64_t now);
void ring_slept(struct ring *r, bool rung, uint64_t hint);

#endif /* SHMBUS_RING_H */
