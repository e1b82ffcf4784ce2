/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world.h - a bus in memory for the tests of the ring
 *
 * The region lies between pages that cannot be touched.  Time stands still
 * until the test moves it.  Who has joined lives until the test says that it
 * is dead.
 */
#ifndef TESTS_WORLD_H
#define TESTS_WORLD_H

#include "tests/lib/frames.h"
#include "shmbus/ring.h"

#define WORLD_MS 1000000u
#define WORLD_PATIENCE (2 * WORLD_MS)

/* The length of frames that do not share a slot, where the MTU is 1500. */
#define APART 800u

struct world {
	struct ring_geometry geo;
	uint8_t *base;
	uint64_t now;
	bool dead[FORMAT_ATTACHMENTS];
	unsigned asked; /* how often the ring asked for a death */
	/* What happens while the ring asks. */
	void (*on_asked)(struct world *w, unsigned owner);
	void *arg;
	uint64_t serial[FORMAT_ATTACHMENTS]; /* of the last frame, by sender */
	uint8_t *mapped;
	size_t mapped_len;
	size_t page;
};

struct world *world_new(uint32_t mtu, uint32_t slots);
void world_free(struct world *w);
void world_reset(struct world *w);
struct ring *world_join(struct world *w, unsigned me, bool oldest);
struct ring *world_reader(struct world *w, bool oldest);
void world_leave(struct world *w, struct ring *r);
void world_attach(struct world *w, struct ring *r, unsigned me, bool oldest);

struct format_slot *world_slot(const struct world *w, uint64_t pos);
uint64_t world_word(const struct world *w, uint64_t pos, unsigned state,
    unsigned owner);
bool world_holds(const struct world *w, uint64_t pos, unsigned state,
    unsigned owner);
uint64_t world_tail(const struct world *w);

uint64_t send_one(struct world *w, struct ring *r, unsigned to, size_t len);
unsigned send_some(struct world *w, struct ring *r, unsigned to, size_t len,
    unsigned n, int *error);
bool claim_one(struct ring *r, struct ring_claim *c);
int publish_one(struct world *w, struct ring *r, struct ring_claim *c,
    unsigned to, size_t len);
bool receive_one(struct ring *r, struct mark *m, struct ring_frame *f);
unsigned receive_all(struct ring *r);
uint64_t counted(const struct ring *r);

#endif /* TESTS_WORLD_H */
