/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lossy.c - a bridge between two buses that does not deserve to be trusted
 *
 * A thread for each direction: takes what is on one bus, throws dice, sends it
 * on the other.  Frames that are held back wait in a few places; each frame
 * that goes by may let one of them go, and so does a while without any.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/lossy.h"
#include "shmbus/shmbus.h"

#define FRAME_MAX 10000u
#define HELD 8u
#define HELD_NS 5000000 /* how long a frame is held back on a quiet bus */
#define WAIT_NS 1000000000

struct frame {
	uint32_t len; /* 0: none */
	uint8_t b[FRAME_MAX];
};

struct direction {
	struct lossy *l;
	struct shmbus *from, *to;
	pthread_t thread;
	uint64_t dice;
	struct frame held[HELD], f;
	_Atomic uint64_t seen, dropped, twice, later;
};

struct lossy {
	atomic_bool stop;
	_Atomic unsigned drop, twice, later;
	bool (*_Atomic pick)(const uint8_t *, uint32_t);
	struct direction way[2];
};

/* Xorshift; below N. */
static unsigned throw(struct direction * d, unsigned n)
{
	uint64_t x = d->dice;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	d->dice = x;
	return (unsigned)(x >> 20) % n;
}

static bool
happens(struct direction *d, _Atomic unsigned *thousandth)
{
	return throw(d, 1000) < atomic_load(thousandth);
}

static void
pass(struct direction *d, const struct frame *f)
{
	/*
	 * Readers give up on a writer that sleeps while it sends, as one does on
	 * a busy machine; the frame is not on the bus then.  Only what the plan
	 * says is to be lost here.
	 */
	while (shmbus_send(d->to, f->b, f->len) == SHMBUS_EGIVENUP)
		continue;
}

/* Keeps F for later.  False: there is no place. */
static bool
hold(struct direction *d, const struct frame *f)
{
	unsigned i = throw(d, HELD);

	if (d->held[i].len != 0)
		return false;
	d->held[i].len = f->len;
	memcpy(d->held[i].b, f->b, f->len);
	return true;
}

static void
let_go(struct direction *d, unsigned i)
{
	if (d->held[i].len == 0)
		return;
	pass(d, &d->held[i]);
	d->held[i].len = 0;
}

static void
handle(struct direction *d)
{
	struct lossy *l = d->l;
	bool (*pick)(const uint8_t *, uint32_t) = atomic_load(&l->pick);
	const struct frame *f = &d->f;

	d->seen++;
	if (pick != NULL && !pick(f->b, f->len)) {
		pass(d, f);
	} else if (happens(d, &l->drop)) {
		d->dropped++;
	} else if (happens(d, &l->later) && hold(d, f)) {
		d->later++;
	} else {
		pass(d, f);
		if (happens(d, &l->twice)) {
			d->twice++;
			if (throw(d, 2) == 0 || !hold(d, f))
				pass(d, f);
		}
	}
	let_go(d, throw(d, HELD));
}

static void *
run(void *arg)
{
	struct direction *d = arg;
	struct shmbus_frame sf;
	unsigned i;

	while (!atomic_load(&d->l->stop)) {
		bool any = false;

		while (shmbus_recv(d->from, d->f.b, FRAME_MAX, &sf) == 0) {
			d->f.len = sf.len;
			handle(d);
		}
		for (i = 0; i < HELD; i++)
			any |= d->held[i].len != 0;
		if (shmbus_wait(d->from, any ? HELD_NS : WAIT_NS) != 0)
			for (i = 0; i < HELD; i++)
				let_go(d, i);
	}
	return NULL;
}

void
lossy_change(struct lossy *l, const struct lossy_plan *plan)
{
	l->drop = plan->drop;
	l->twice = plan->twice;
	l->later = plan->later;
	l->pick = plan->pick;
}

struct lossy *
lossy_begin(const char *a, const char *b, const struct lossy_plan *plan)
{
	struct shmbus_options o = { .flags = SHMBUS_CREATE | SHMBUS_PROMISC };
	struct lossy *l = calloc(1, sizeof(*l));
	struct direction *w;
	int i;

	if (l == NULL)
		return NULL;
	w = l->way;
	if (shmbus_attach(a, &o, &w[0].from) != 0 ||
	    shmbus_attach(b, &o, &w[0].to) != 0) {
		fprintf(stderr, "# lossy: %s\n", shmbus_why());
		return NULL;
	}
	w[1].from = w[0].to;
	w[1].to = w[0].from;
	lossy_change(l, plan);
	for (i = 0; i < 2; i++) {
		w[i].l = l;
		w[i].dice = (plan->seed * 2 + (unsigned)i + 1) *
		    UINT64_C(0x9e3779b97f4a7c15);
		if (pthread_create(&w[i].thread, NULL, run, &w[i]) != 0)
			abort();
	}
	return l;
}

void
lossy_look(struct lossy *l, struct lossy_stats *st)
{
	struct shmbus_stats bus;
	int i;

	memset(st, 0, sizeof(*st));
	for (i = 0; i < 2; i++) {
		st->seen += l->way[i].seen;
		st->dropped += l->way[i].dropped;
		st->twice += l->way[i].twice;
		st->later += l->way[i].later;
		shmbus_stats(l->way[i].from, &bus);
		st->overrun += bus.rx_lost;
	}
}

void
lossy_end(struct lossy *l, struct lossy_stats *st)
{
	int i;

	atomic_store(&l->stop, true);
	for (i = 0; i < 2; i++) {
		shmbus_wake(l->way[i].from);
		pthread_join(l->way[i].thread, NULL);
	}
	if (st != NULL)
		lossy_look(l, st);
	for (i = 0; i < 2; i++)
		shmbus_detach(l->way[i].from);
	free(l);
}
