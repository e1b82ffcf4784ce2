/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bus_hostile_test.c - the file lies
 *
 * DOC: how
 *
 * Whoever may write to the file may write anything there.  Nobody may crash of
 * it, write outside a buffer, or be kept in a call; and once the lies end, new
 * frames must get through, whole, with nobody doing anything about it.  What
 * is tried runs in processes of its own, each call under an alarm.
 *
 *   random bytes     behind a valid header
 *   evil values      each field, each value of a table, in use
 *   a scribbler      writes random words everywhere while others work
 *
 * Environment: SEED; ONLY, which tests.
 */
#include <sys/mman.h>
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/lib/crew.h"
#include "shmbus/format.h"
#include "tests/lib/liar.h"
#include "tests/lib/stamp.h"

#define HEADER_CONST 96u /* bytes; read on attaching only */

/* ---- random bytes behind a valid header ---------------------------------- */

struct random_role {
	char path[256];
	uint64_t seed;
};

static void
random_bytes(void *arg)
{
	struct random_role *role = arg;
	uint64_t seed = role->seed;
	struct shmbus *b[3];
	struct view v;
	size_t at;
	unsigned i, k;
	bool plain = rnd_below(&seed, 2);

	if (!view_open(&v, role->path))
		return;
	for (at = offsetof(struct format_header, reserved1); at < v.size;
	     at += 8) {
		uint64_t w = plain ? rnd(&seed) : evil_word(&seed, &v);

		memcpy(v.base + at, &w, sizeof(w));
	}
	alarm(CALL_MAX);
	b[0] = crew_attach(role->path, 1, 0);
	b[1] = crew_attach(role->path, 2, SHMBUS_PROMISC | SHMBUS_OLDEST);
	b[2] = crew_attach(role->path, 3, SHMBUS_RDONLY);
	for (i = 0; i < 3 && !complained(); i++)
		for (k = 0; k < 150; k++)
			do_something(b[i], &seed, i == 2 ? EACCES : 0);
	alarm(CALL_MAX);
	for (i = 0; i < 3; i++)
		shmbus_detach(b[i]);
	must_recover(role->path, "random bytes");
	view_close(&v);
}

static void
test_random_bytes(void **state)
{
	static const uint32_t slots[] = { 16, 64, 256 };
	static const uint32_t mtu[] = { 68, 1500, 9000 };
	struct random_role role;
	unsigned i, n = crew_scale(60);

	(void)state;
	for (i = 0; i < n; i++) {
		role.seed = crew_seed() + i;
		crew_bus("bus", slots[i % 3], mtu[i / 3 % 3]);
		snprintf(role.path, sizeof(role.path), "%s", crew_path("bus"));
		crew_join(crew_start(random_bytes, &role));
		if (complained())
			complain("round %u, SEED=%llu", i,
			    (unsigned long long)crew_seed());
		check();
	}
}

/* ---- evil values --------------------------------------------------------- */

static const uint64_t evil[] = { 0, 1, 2, 3, 13, 14, 15, 64, 255, 256, 1517,
	1518, 1519, 0x3fff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff,
	(uint64_t)1 << 32 | 14, (uint64_t)255 << 32 | 100,
	(uint64_t)256 << 32 | 100, (uint64_t)0xffff << 32 | 100,
	(uint64_t)1 << 48, (uint64_t)1 << 52, ((uint64_t)1 << 52) - 1,
	(uint64_t)1 << 63, ((uint64_t)1 << 63) - 1, ~(uint64_t)1,
	~(uint64_t)0 };
#define EVIL (sizeof(evil) / sizeof(evil[0]))

/* Those who use the bus while it is lied to. */
struct table {
	struct view v;
	struct shmbus *r, *s, *o; /* reader, sender, one who may only read */
	uint64_t number, seed;
	unsigned cases, bad;
};

/* Goes on as if nothing had happened, and then all must be well again. */
static void
try_case(struct table *t, const char *what, unsigned k, uint64_t value)
{
	uint8_t buf[STAMP_MAX];
	unsigned i;

	t->cases++;
	alarm(CALL_MAX);
	for (i = 0; i < 4; i++) {
		shmbus_recv(t->r, buf, sizeof(buf), NULL);
		shmbus_recv(t->o, buf, sizeof(buf), NULL);
	}
	do_something(t->r, &t->seed, 0);
	do_something(t->s, &t->seed, 0);
	do_something(t->o, &t->seed, EACCES);
	if (!recovers(t->s, t->r, 10, &t->number)) {
		if (t->bad++ < 4)
			complain("%s[%u] = %#llx: frames do not get through",
			    what, k, (unsigned long long)value);
		/* The next case is not to suffer from it. */
		for (i = 0; i < t->v.slots; i++)
			AO_store(&view_slot(&t->v, i)->word, 0);
		recovers(t->s, t->r, 10, &t->number);
	}
}

/* Puts some frames into the ring that nobody has read. */
static void
some_frames(struct table *t)
{
	struct stamp s = { 2, 2, 2, 2 };
	uint8_t frame[STAMP_MIN];
	unsigned i;

	stamp_make(frame, sizeof(frame), mac_all, &s);
	for (i = 0; i < 5; i++)
		shmbus_send(t->s, frame, sizeof(frame));
}

static void
evil_slots(struct table *t)
{
	static const unsigned owners[] = { 0, 1, 2, 255, 256, 0x3ffe, 0x3fff };
	static const char *const names[] = { "word", "seq", "time_ns", "meta",
		"data" };
	unsigned field, k, n, from, all;

	for (field = 0; field < 5; field++)
		for (n = 0; n < EVIL * 2; n++) {
			some_frames(t);
			all = n % 2 ? t->v.slots : 1;
			from = (unsigned)AO_load(&t->v.h->tail) - 5;
			for (k = from; k < from + all; k++)
				AO_store((AO_t *)(void *)view_slot(&t->v, k) +
					field,
				    evil[n / 2]);
			try_case(t, names[field], all, evil[n / 2]);
		}
	/* Words as they might be: every state, owner, and some laps. */
	for (n = 0; n < 4 * 7 * 6 * 3; n++) {
		static const uint64_t laps[] = { 0, 1, 2, 3, (uint64_t)1 << 40,
			((uint64_t)1 << 48) - 1 };
		uint64_t tail, lap, w;

		/* See named(). */
		if (n % 3 == 2 && owners[n / 12 % 7] == 0)
			continue;
		some_frames(t);
		tail = AO_load(&t->v.h->tail);
		all = n % 3 == 2 ? t->v.slots : n % 3 == 1 ? 1 : 4;
		from = n % 3 == 1 ? (unsigned)tail : (unsigned)tail - 4;
		lap = laps[n / 3 / 28];
		if (lap < 4) /* the lap before, this one, and so on */
			lap = tail / t->v.slots - 1 + lap;
		w = evil_lap_word(lap, n / 3 % 4, owners[n / 12 % 7]);
		for (k = from; k < from + all; k++)
			AO_store(&view_slot(&t->v, k)->word, w);
		try_case(t, "honest-looking word", all, w);
	}
}

static void
evil_header(struct table *t)
{
	AO_t *words = (AO_t *)(void *)t->v.base;
	unsigned at, n, k;

	for (at = offsetof(struct format_header, tail) / 8;
	     at < sizeof(struct format_header) / 8; at++) {
		for (n = 0; n < EVIL; n++) {
			/* Reserved words are nobody's business. */
			if (at > 32 && at < 48)
				break;
			some_frames(t);
			AO_store(&words[at], evil[n]);
			try_case(t, "header word", at, evil[n]);
		}
		if (at == 52)
			at = 63;
		if (at == 68)
			break;
	}
	for (n = 0; n < 10; n++) {
		static const int64_t off[] = { 1, -1, 15, -15, 16, -16, 17, -17,
			1000, -1000 };

		some_frames(t);
		AO_fetch_and_add_full(&t->v.h->tail, (AO_t)off[n]);
		try_case(t, "tail plus", n, (uint64_t)off[n]);
	}
	/* The entries of the reader and of the sender, and one of nobody. */
	for (k = 0; k < 3; k++)
		for (at = 0; at < FORMAT_ATTACHMENT_SIZE / 8; at++)
			for (n = k; n < EVIL; n += 5) {
				some_frames(t);
				AO_store((AO_t *)&t->v.att[k] + at, evil[n]);
				try_case(t, "entry word", k * 100 + at,
				    evil[n]);
			}
}

static bool
table_open(struct table *t, const char *path)
{
	memset(t, 0, sizeof(*t));
	t->seed = crew_seed();
	if (!view_open(&t->v, path))
		return false;
	t->r = crew_attach(path, 1, SHMBUS_PROMISC);
	t->s = crew_attach(path, 2, 0);
	t->o = crew_attach(path, 3, SHMBUS_RDONLY);
	return t->r != NULL && t->s != NULL && t->o != NULL;
}

static void
evil_child(void (*lies)(struct table *t), const char *path,
    _Atomic unsigned *cases)
{
	struct table t;

	if (!table_open(&t, path))
		return;
	lies(&t);
	atomic_store(cases, t.cases);
	if (t.bad != 0)
		complain("%u of %u cases", t.bad, t.cases);
	shmbus_detach(t.r);
	shmbus_detach(t.s);
	shmbus_detach(t.o);
	must_recover(path, "evil values");
	view_close(&t.v);
}

struct evil_role {
	char path[256];
	void (*lies)(struct table *t);
	_Atomic unsigned cases;
};

static void
evil_body(void *arg)
{
	struct evil_role *r = arg;

	evil_child(r->lies, r->path, &r->cases);
}

static void
run_evil(void (*lies)(struct table *t))
{
	struct evil_role *r = crew_shared(sizeof(*r));

	crew_bus("bus", 16, 0);
	snprintf(r->path, sizeof(r->path), "%s", crew_path("bus"));
	r->lies = lies;
	crew_join(crew_start(evil_body, r));
	printf("# %u cases\n", atomic_load(&r->cases));
	check();
}

static void
test_evil_slots(void **state)
{
	(void)state;
	run_evil(evil_slots);
}

static void
test_evil_header(void **state)
{
	(void)state;
	run_evil(evil_header);
}

/*
 * A tail that was a lie for a moment must not leave a reader without patience:
 * frames held for a tenth of it get through.
 */
static void
patience(struct table *t)
{
	static const uint64_t lies[] = { (uint64_t)1 << 40, (uint64_t)1 << 63,
		~(uint64_t)0 };
	uint8_t buf[STAMP_MAX];
	struct stamp s = { 2, 2, 2, 2 };
	unsigned n, i, good;
	uint64_t tail, end;
	void *data;

	for (n = 0; n < 3; n++) {
		t->cases++;
		tail = AO_load(&t->v.h->tail);
		AO_store(&t->v.h->tail, lies[n]);
		for (i = 0; i < 50; i++) {
			shmbus_recv(t->r, buf, sizeof(buf), NULL);
			crew_nap(100000);
		}
		AO_store(&t->v.h->tail, tail);
		recovers(t->s, t->r, 10, &t->number);
		for (good = i = 0; i < 300 && good < 10; i++) {
			if (shmbus_reserve(t->s, STAMP_MIN, &data) != 0)
				continue;
			stamp_make(data, STAMP_MIN, mac_all, &s);
			end = crew_now() + SHMBUS_PATIENCE_NS / 5;
			while (crew_now() < end)
				shmbus_recv(t->r, buf, sizeof(buf), NULL);
			good += shmbus_commit(t->s, STAMP_MIN) == 0;
		}
		if (good < 10)
			complain("after a tail of %#llx for a moment, %u of "
				 "%u frames held for 0.4 ms got through",
			    (unsigned long long)lies[n], good, i);
	}
}

static void
test_patience(void **state)
{
	(void)state;
	run_evil(patience);
}

/*
 * Words that say that a living attachment, which only receives, holds all slots
 * must not keep everybody from sending for as long as it lives.
 */
static void
named(struct table *t)
{
	static const unsigned states[] = { SLOT_WRITING, SLOT_ABANDONED };
	unsigned n, k, tries;
	uint64_t w;

	for (n = 0; n < 2; n++) {
		t->cases++;
		w = evil_lap_word(AO_load(&t->v.h->tail) / t->v.slots,
		    states[n], (unsigned)shmbus_index(t->r));
		for (k = 0; k < t->v.slots; k++)
			AO_store(&view_slot(&t->v, k)->word, w);
		/* Somebody may look only once a second. */
		for (tries = 0; tries < 6; tries++)
			if (recovers(t->s, t->r, 10, &t->number))
				break;
		if (tries == 6)
			complain("every slot %s by a receiver: no frames get "
				 "through",
			    n == 0 ? "being written" : "abandoned");
		for (k = 0; k < t->v.slots; k++)
			AO_store(&view_slot(&t->v, k)->word, 0);
		recovers(t->s, t->r, 10, &t->number);
	}
}

static void
test_named(void **state)
{
	(void)state;
	run_evil(named);
}

/* ---- a scribbler --------------------------------------------------------- */

struct scribble {
	char path[256];
	unsigned style; /* 0: all but the constant header; 1: it, too */
	unsigned ops;
	_Atomic uint64_t stop, words, done;
};

static void
scribbler(void *arg)
{
	struct scribble *p = arg;
	uint64_t seed = crew_seed() ^ 99;
	uint8_t header[HEADER_CONST];
	struct view v;

	if (!view_open(&v, p->path))
		return;
	memcpy(header, v.base, sizeof(header));
	while (!atomic_load(&p->stop)) {
		size_t at = rnd_below(&seed, (uint32_t)(v.size / 8)) * 8;
		uint64_t w = rnd(&seed);

		switch (rnd_below(&seed, 16)) {
		case 0: /* table and maps */
			at = offsetof(struct format_header, sleeping) +
			    rnd_below(&seed,
				(FORMAT_HEADER + 8 * FORMAT_ATTACHMENT_SIZE -
				    384) /
				    8) *
				8;
			break;
		case 1: /* seldom: it spoils all else */
			if (rnd_below(&seed, 64) != 0)
				continue;
			at = offsetof(struct format_header, tail);
			if (rnd_below(&seed, 2))
				w = AO_load(&v.h->tail) +
				    rnd_below(&seed, 4 * v.slots) - 2 * v.slots;
			break;
		case 2:
		case 3:
		case 4:
		case 5:
		case 6: /* first words of slots */
			at = FORMAT_SLOTS +
			    rnd_below(&seed, v.slots) * (size_t)v.stride +
			    rnd_below(&seed, 4) * 8;
			w = evil_word(&seed, &v);
			break;
		case 7:
			if (p->style != 1 || rnd_below(&seed, 64) != 0)
				break;
			/* Not for long, so that there is something going on. */
			memcpy(v.base + rnd_below(&seed, 12) * 8, &w,
			    sizeof(w));
			atomic_fetch_add(&p->words, 1);
			crew_nap(50000);
			memcpy(v.base, header, sizeof(header));
			continue;
		default:
			break;
		}
		if (at < sizeof(header))
			continue;
		memcpy(v.base + at, &w, sizeof(w));
		atomic_fetch_add(&p->words, 1);
		if (rnd_below(&seed, 256) == 0)
			crew_nap(20000);
	}
}

struct scribble_user {
	struct scribble *p;
	unsigned i;
};

static void
user(void *arg)
{
	struct scribble_user *u = arg;
	uint64_t seed = crew_seed() + u->i;
	struct shmbus_options opt = { .flags = u->i == 2 ? SHMBUS_PROMISC : 0 };
	int also = u->p->style == 1 ? SHMBUS_ETRUNC : 0;
	struct shmbus *b = NULL, *fresh;
	unsigned n;

	for (n = 0; n < u->p->ops && !complained(); n++) {
		if (b == NULL || n % 1000 == 999) {
			int error;

			alarm(CALL_MAX);
			error = shmbus_attach(u->p->path, &opt, &fresh);
			if (error == 0) {
				shmbus_detach(b);
				b = fresh;
			} else if (u->p->style == 0) {
				complain("attach: %s", shmbus_why());
				return;
			} else {
				must(*shmbus_why() != '\0');
				crew_nap(100000);
			}
			alarm(0);
		}
		if (b != NULL)
			do_something(b, &seed, also);
		/* Its header not being what it was, the bus may be dead. */
		if (b != NULL && also != 0 && shmbus_check(b) == also) {
			shmbus_detach(b);
			b = NULL;
		}
	}
	atomic_fetch_add(&u->p->done, 1);
	while (!atomic_load(&u->p->stop))
		if (b != NULL)
			do_something(b, &seed, also);
		else
			crew_nap(1000000);
	/* It stays, and only listens, while others see whether all is well. */
	while (atomic_load(&u->p->stop) < 2 && !complained()) {
		uint8_t buf[STAMP_MAX];

		if (b == NULL)
			break;
		alarm(CALL_MAX);
		if (shmbus_recv(b, buf, sizeof(buf), NULL) != 0 &&
		    shmbus_wait(b, 1000000) == SHMBUS_ETRUNC)
			break;
	}
	alarm(CALL_MAX);
	shmbus_detach(b);
}

static void
recover_body(void *arg)
{
	must_recover(arg, "a scribbler");
}

static void
scribble(unsigned style)
{
	struct scribble *p = crew_shared(sizeof(*p));
	struct scribble_user users[3];
	uint8_t header[HEADER_CONST];
	pid_t pids[3], mad;
	struct shmbus *b;
	unsigned i;
	int fd, error;

	crew_bus("bus", 64, 0);
	snprintf(p->path, sizeof(p->path), "%s", crew_path("bus"));
	p->style = style;
	p->ops = crew_scale(60000);
	fd = open(p->path, O_RDWR);
	must(pread(fd, header, sizeof(header), 0) == sizeof(header));
	check();
	for (i = 0; i < 3; i++) {
		users[i] = (struct scribble_user){ p, i };
		pids[i] = crew_start(user, &users[i]);
	}
	mad = crew_start(scribbler, p);
	crew_await(&p->done, 3);
	crew_kill(mad);
	if (style == 1) {
		must(pwrite(fd, "\0", 1, 0) == 1);
		error = shmbus_attach(p->path, NULL, &b);
		must(error == SHMBUS_ENOTBUS);
		must(*shmbus_why() != '\0');
		must(pwrite(fd, header, sizeof(header), 0) == sizeof(header));
	}
	atomic_store(&p->stop, 1);
	crew_join(crew_start(recover_body, p->path));
	atomic_store(&p->stop, 2);
	for (i = 0; i < 3; i++)
		crew_join(pids[i]);
	close(fd);
	printf("# %llu words scribbled\n",
	    (unsigned long long)atomic_load(&p->words));
	must(atomic_load(&p->words) > 0);
	if (!complained())
		crew_join(crew_start(recover_body, p->path));
	check();
}

static void
test_scribbler(void **state)
{
	(void)state;
	scribble(0);
}

static void
test_scribbled_header(void **state)
{
	(void)state;
	scribble(1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_bytes),
		cmocka_unit_test(test_evil_slots),
		cmocka_unit_test(test_evil_header),
		cmocka_unit_test(test_patience),
		cmocka_unit_test(test_named),
		cmocka_unit_test(test_scribbler),
		cmocka_unit_test(test_scribbled_header),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	cmocka_set_test_filter(getenv("ONLY"));
	return cmocka_run_group_tests(tests, crew_begin, crew_end);
}
