/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ring.h - the ring of slots, on a mapped region, without a system call
 *
 * What the driver, the dump tool, the tests, the fuzzers and the benchmarks
 * share.  The theory is at the head of ring.c.
 */
#ifndef SHMBUS_RING_H
#define SHMBUS_RING_H

#include <stdbool.h>
#include <sys/uio.h>

#include "shmbus/format.h"

/* Frames that one ring_send() takes, at most. */
#define RING_BATCH 64u
static_assert(RING_BATCH <= FORMAT_PACK, "a batch may fit into a slot");

/*
 * Makes a full barrier of an atomic operation of libatomic_ops' _full kind.
 * On x86 it is one; on others gcc's generic version acquires and releases,
 * which lets a later load, or store, overtake the operation's own store.
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
 * What a line is asked for; LATER: for frames yet to come, so that it need not
 * be nearer than in the second-level cache.  The first one can wait for a few
 * lines only, and those of the frame that is being copied are among them.
 */
enum ask { ASK_TO_READ, ASK_TO_READ_LATER, ASK_TO_WRITE };

/* Asks for the line of P, for it will be needed soon. */
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

/* What the ring must be told by the world around it. */
struct ring_env {
	/* Whether attachment OWNER is certainly dead. */
	bool (*dead)(void *arg, unsigned owner);
	/* CLOCK_MONOTONIC in nanoseconds. */
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
	uint64_t first;	 /* position where the last call began to publish */
	uint64_t next;	 /* position behind those that it took */
	bool others;	 /* when it last took some, others had meanwhile */
	uint64_t bytes, failed;
	AO_t busy; /* a slot is, or may be, in our hands */
};

/*
 * Why the frames of a gap were not read.  SETTLED: lost, and as far as its
 * sender has counted, nothing of it is missing any more.
 */
enum ring_gap { GAP_NONE, GAP_ASLEEP, GAP_SETTLED, GAP_LOST };

/* The receiving side's private memory. */
struct ring_rx {
	uint64_t cursor;      /* the position to look at next */
	uint32_t nth;	      /* and the frame there */
	uint32_t within;      /* where in the slot's data that one begins */
	uint64_t seen_tail;   /* the tail, not long ago */
	uint64_t from;	      /* frames before this are not delivered */
	uint64_t own_from;    /* own frames: sender is me, from here on */
	uint64_t stuck_since; /* 0: not stuck; time, see ring.c */
	uint64_t stuck_tail;  /* tail when that began */
	uint64_t asleep_gap;  /* frames before this were passed over asleep */
	uint64_t gap_budget;  /* frames passed over, at most, not accounted */
	uint64_t frames, bytes, skipped, lost, bad, gave_up;
	uint64_t tidied;    /* see ring_tidy() */
	unsigned unsettled; /* ring_settle() may have something to do */
	bool promisc;
	bool belied;  /* the slot at the cursor lay: ask the tail first */
	uint64_t mac; /* as in ident, bits 16..63, or 0 */
	uint8_t gap[FORMAT_ATTACHMENTS];   /* enum ring_gap, by sender */
	uint64_t last[FORMAT_ATTACHMENTS]; /* last seq seen, by sender */
};

struct ring {
	struct format_header *hdr;
	struct format_attachment *att;
	uint8_t *slots;
	uint64_t mask;
	uint32_t stride, frame_max;
	uint32_t room; /* bytes of data in a slot */
	unsigned shift;
	unsigned me; /* my number, or SLOT_NOBODY when only reading */
	uint64_t patience_ns;
	struct ring_env env;
	struct ring_tx tx __attribute__((aligned(128)));
	struct ring_rx rx __attribute__((aligned(128)));
};

/* A claimed slot. */
struct ring_claim {
	struct format_slot *slot;
	uint64_t word; /* what it holds while it is ours */
};

struct ring_frame {
	const struct format_slot *slot;
	AO_t word; /* what it held when it was looked at */
	const uint8_t *data;
	uint64_t seq, time_ns, position;
	uint32_t len, sender;
	bool last; /* in its slot: from ring_look() only */
};

/* How the position at a reader's cursor stands. */
enum ring_state {
	RING_READY, /* something to act upon */
	RING_EMPTY, /* nobody has taken it */
	RING_STUCK, /* somebody has, and has not published yet */
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
 * A ring_send() is about to come.  In a dialogue the other one has the line of
 * the tail; it comes while the clock is looked at.
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
bool ring_settle(struct ring *r);

/* ring_sleep.c */
enum ring_state ring_state(struct ring *r);
bool ring_hides(struct ring *r, uint64_t upto);
uint64_t ring_patience_left(const struct ring *r, uint64_t now);
void ring_slept(struct ring *r, bool rung, uint64_t hint);

#endif /* SHMBUS_RING_H */
