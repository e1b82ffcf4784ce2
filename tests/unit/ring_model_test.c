/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ring_model_test.c - random traffic against a model that knows everything
 *
 * DOC: The model is a list of all positions and of what became of each: a
 * frame, or some of a batch, a claim that is still open, or nothing.  It takes the truth from what
 * the writers' calls return.  Each reader is then held to this:
 *
 *   - what it is given is the frame of that position, whole, in the order of
 *     positions, not its own, and addressed to it;
 *   - what was for it and was not given, it was lapped by;
 *   - an open claim that it passed without being lapped is never published
 *     afterwards (all agree on what was given up);
 *   - whenever it has caught up, received + passed over + lost is the number
 *     of frames that others published, to the frame.
 *
 * Writers send single frames and batches, claim and publish late, cancel, die
 * with claims open and come back under the same number; tickets are taken and
 * never used; readers sleep for laps; time passes.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/world.h"

#define WRITERS 6u
#define READERS (WRITERS + 2u) /* the writers, and two who only read */
#define STEPS 6000u
#define POSITIONS (STEPS * 24u)

enum fate { NOTHING, CLAIMED, PUBLISHED };

struct position {
	enum fate fate;
	unsigned sender;
	unsigned to;
	uint64_t serial; /* of the first frame */
	unsigned frames;
	uint64_t when; /* the step in which it was published */
	bool passed;   /* a reader gave up on it */
	bool perhaps;  /* a reader did, or jumped over it */
};

/* Who has a slot in hand does nothing else, as shmbus.h demands. */
struct writer {
	struct ring_claim open;
	uint64_t at; /* 0: not open */
};

struct reader {
	struct ring *r;
	uint64_t tail; /* where it began */
	uint64_t when; /* in which step */
	uint64_t received;
	uint64_t at;  /* position of the frame received last, */
	unsigned nth; /* and which one there it was */
	bool lapped;  /* since it began */
};

struct model {
	struct world *w;
	unsigned slots;
	uint64_t seed;
	struct writer writers[WRITERS];
	struct reader readers[READERS];
	struct position *at;
	uint64_t step;
	uint64_t balanced, lost, given_up, failed;
};

static struct position *
position(struct model *m, uint64_t pos)
{
	assert_true(pos < POSITIONS);
	return &m->at[pos];
}

static void
join(struct model *m, unsigned i)
{
	struct reader *o = &m->readers[i];

	if (i < WRITERS)
		o->r = world_join(m->w, i, false);
	else
		o->r = world_reader(m->w, false);
	o->tail = world_tail(m->w);
	o->when = ++m->step;
	o->received = 0;
	o->at = 0;
	o->lapped = false;
}

static unsigned
choose_to(struct model *m)
{
	unsigned n = random_below(&m->seed, 8);

	return n < WRITERS ? n :
	    n == 4	   ? TO_ALL :
	    n == 5	   ? TO_GROUP :
			     TO_NOBODY;
}

/* How many frames the slot of POS holds. */
static unsigned
frames_at(const struct model *m, uint64_t pos)
{
	return 1 + (unsigned)(AO_load(&world_slot(m->w, pos)->meta) >> 48);
}

/* Notes what the slots between two tails hold of I's batch. */
static void
note_batch(struct model *m, unsigned i, uint64_t from, unsigned to,
    uint64_t serial, unsigned sent)
{
	uint64_t pos;

	for (pos = from; pos < world_tail(m->w); pos++) {
		struct position *p = position(m, pos);

		if (!world_holds(m->w, pos, SLOT_COMMITTED, i))
			continue;
		p->fate = PUBLISHED;
		p->when = ++m->step;
		p->sender = i;
		p->to = to;
		p->serial = serial + 1;
		p->frames = frames_at(m, pos);
		serial += p->frames;
		sent -= p->frames;
	}
	assert_int_equal(sent, 0);
}

static void
step_send(struct model *m, unsigned i)
{
	struct ring *r = m->readers[i].r;
	unsigned n = random_below(&m->seed, 3) ?
	    1 :
	    1 + random_below(&m->seed, m->slots / 4);
	unsigned to = choose_to(m);
	uint64_t from = world_tail(m->w);
	uint64_t serial = m->w->serial[i];
	unsigned sent;

	if (m->writers[i].at != 0)
		return;
	sent = send_some(m->w, r, to, 14 + random_below(&m->seed, 200), n,
	    NULL);
	note_batch(m, i, from, to, serial, sent);
}

static void
step_claim(struct model *m, unsigned i)
{
	struct writer *v = &m->writers[i];

	if (v->at != 0)
		return;
	assert_true(claim_one(m->readers[i].r, &v->open));
	v->at = m->readers[i].r->tx.first;
	position(m, v->at)->fate = CLAIMED;
	position(m, v->at)->sender = i;
}

/* Ends an open claim of writer I, if it has one. */
static void
step_publish(struct model *m, unsigned i)
{
	struct writer *v = &m->writers[i];
	struct position *p = position(m, v->at);
	uint64_t pos = v->at;
	int error;

	if (pos == 0)
		return;
	v->at = 0;
	p->to = choose_to(m);
	p->serial = m->w->serial[i] + 1;
	p->frames = 1;
	if (random_below(&m->seed, 5) == 0) {
		ring_cancel(m->readers[i].r, &v->open);
		p->fate = NOTHING;
		return;
	}
	error = publish_one(m->w, m->readers[i].r, &v->open, p->to, 64);
	if (error == 0) {
		assert_false(p->passed);
		p->fate = PUBLISHED;
		p->when = ++m->step;
		return;
	}
	/* Somebody gave up on it, or was a lap ahead. */
	assert_int_equal(error, ETIMEDOUT);
	assert_true(
	    p->passed || p->perhaps || world_tail(m->w) > pos + m->slots);
	p->fate = NOTHING;
	m->failed++;
}

/* Writer I dies with all it holds, and comes back, or another in its place. */
static void
step_die(struct model *m, unsigned i)
{
	struct writer *v = &m->writers[i];
	uint64_t seq = m->readers[i].r->tx.seq;

	if (v->at != 0)
		position(m, v->at)->fate = NOTHING;
	v->at = 0;
	world_leave(m->w, m->readers[i].r);
	m->w->dead[i] = true;
	if (random_below(&m->seed, 2))
		step_send(m, (i + 1) % WRITERS);
	join(m, i);
	assert_int_equal(m->readers[i].r->tx.seq, seq);
}

/* Whether a frame to TO is for reader O. */
static bool
is_for(const struct model *m, const struct reader *o, unsigned to)
{
	unsigned i = (unsigned)(o - m->readers);

	return i >= WRITERS || to == i || to == TO_ALL || to == TO_GROUP;
}

/* Reader O went from FROM to UPTO and was given nothing in between. */
static void
check_passed(struct model *m, struct reader *o, uint64_t from, uint64_t upto,
    bool lapped)
{
	uint64_t pos;

	for (pos = from; pos < upto; pos++) {
		struct position *p = position(m, pos);

		if (lapped) {
			p->perhaps = true;
			continue;
		}
		if (p->fate == PUBLISHED && is_for(m, o, p->to) &&
		    p->sender != o->r->me && pos >= o->tail)
			fail_msg("frame at %llu withheld from %u",
			    (unsigned long long)pos, o->r->me);
		if (p->fate == CLAIMED && o->r->me != SLOT_NOBODY)
			p->passed = true;
	}
}

static void
step_receive(struct model *m, unsigned i)
{
	struct reader *o = &m->readers[i];
	unsigned n = 1 + random_below(&m->seed, 2 * m->slots);

	while (n-- > 0) {
		uint64_t from = o->r->rx.cursor;
		bool lapped = world_tail(m->w) - from > m->slots;
		struct ring_frame f;
		struct mark k;
		struct position *p;

		o->lapped |= lapped;
		if (!receive_one(o->r, &k, &f)) {
			check_passed(m, o, from, o->r->rx.cursor, lapped);
			break;
		}
		check_passed(m, o, from, f.position, lapped);
		assert_true(f.position >= from);
		p = position(m, f.position);
		o->nth = f.position == o->at ? o->nth + 1 : 0;
		o->at = f.position;
		assert_int_equal(o->r->rx.cursor,
		    o->nth + 1 < p->frames ? f.position : f.position + 1);
		assert_int_equal(p->fate, PUBLISHED);
		assert_int_equal(p->sender, k.sender);
		assert_int_equal(p->serial + o->nth, k.serial);
		assert_int_equal(p->to, k.to);
		assert_true(is_for(m, o, k.to));
		assert_int_not_equal(k.sender, o->r->me);
		assert_true(f.position >= o->tail);
		o->received++;
	}
}

/* Where reader O has caught up, all is accounted for. */
static void
balance(struct model *m, unsigned i)
{
	struct reader *o = &m->readers[i];
	uint64_t since = 0;
	uint64_t begun = 0;
	uint64_t sum;
	uint64_t pos;

	if (o->r->rx.cursor != world_tail(m->w))
		return;
	ring_settle(o->r);
	for (pos = 0; pos < o->r->rx.cursor; pos++) {
		const struct position *p = position(m, pos);

		if (p->fate != PUBLISHED || p->sender == o->r->me)
			continue;
		if (pos >= o->tail)
			since += p->frames;
		else if (p->when > o->when)
			begun += p->frames;
	}
	sum = counted(o->r);
	assert_int_equal(o->r->rx.frames, o->received);
	assert_int_equal(o->r->rx.bad, 0);
	/*
	 * What others had begun to send when it joined is not for it; but if
	 * it is lapped then, it cannot tell these from the rest.
	 */
	assert_in_range(sum, since, since + begun);
	if (!o->lapped) {
		assert_int_equal(sum, since);
		/* One who only reads has to go on without the others. */
		assert_in_range(o->r->rx.lost, 0,
		    i < WRITERS ? 0 : o->r->rx.gave_up);
	}
	m->balanced++;
}

static void
one_step(struct model *m)
{
	unsigned i = random_below(&m->seed, WRITERS);
	unsigned k = random_below(&m->seed, READERS);
	unsigned dice = random_below(&m->seed, 100);

	if (dice < 25) {
		step_send(m, i);
	} else if (dice < 33) {
		step_claim(m, i);
	} else if (dice < 43) {
		step_publish(m, i);
	} else if (dice < 47) {
		AO_fetch_and_add_full(&m->readers[i].r->hdr->tail,
		    1 + random_below(&m->seed, 3));
	} else if (dice < 48) {
		step_die(m, i);
	} else if (dice < 60) {
		m->w->now += random_below(&m->seed, WORLD_PATIENCE);
	} else if (dice < 90) {
		step_receive(m, k);
	} else {
		step_receive(m, k);
		balance(m, k);
	}
}

static void
run(struct model *m, unsigned slots)
{
	unsigned i, k;

	m->slots = slots;
	m->w = world_new(1500, slots);
	m->at = calloc(POSITIONS, sizeof(*m->at));
	assert_non_null(m->at);
	memset(m->writers, 0, sizeof(m->writers));
	for (i = 0; i < READERS; i++)
		join(m, i);
	for (i = 0; i < STEPS; i++)
		one_step(m);
	/* Everything comes to its end. */
	for (i = 0; i < WRITERS; i++)
		step_publish(m, i);
	for (i = 0; i < READERS; i++) {
		for (k = 0; k < 400; k++) {
			step_receive(m, i);
			m->w->now += WORLD_PATIENCE / 3;
		}
		assert_int_equal(m->readers[i].r->rx.cursor, world_tail(m->w));
		balance(m, i);
		m->given_up += m->readers[i].r->rx.gave_up;
		m->lost += m->readers[i].r->rx.lost;
		world_leave(m->w, m->readers[i].r);
	}
	free(m->at);
	world_free(m->w);
}

static void
test_model(void **state)
{
	static const unsigned slots[] = { 16, 16, 32, 128 };
	struct model m = { .seed = random_seed() };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(slots) / sizeof(slots[0]); i++)
		run(&m, slots[i]);
	printf("# balanced %llu times, %llu lost, %llu given up, "
	       "%llu failed\n",
	    (unsigned long long)m.balanced, (unsigned long long)m.lost,
	    (unsigned long long)m.given_up, (unsigned long long)m.failed);
	/* Else it has shown nothing. */
	assert_true(m.balanced > 100 && m.lost > 500 && m.given_up > 100 &&
	    m.failed > 100);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_model),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
