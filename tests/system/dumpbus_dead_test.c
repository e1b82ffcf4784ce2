/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dumpbus_dead_test.c - shmif_dumpbus, on a bus whose writers were all killed
 * in the middle of a frame
 *
 * DOC: how
 *
 * Some writers, one after the other, send frames and are then held before one
 * instruction of libshmbus that sending passes (steps.c): all over it, with a
 * frame, or with a batch, so that some have a ticket and no slot yet, some a
 * slot half filled, and some have published.  Then all of them are killed.
 * What is in the file is read here word by word, see format.h; the tool has to
 * give every frame that is whole, in order, and to tell how many are not.
 *
 * Environment: SEED; BUILD.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/crew.h"
#include "shmbus/format.h"
#include "tests/lib/stamp.h"
#include "tests/lib/steps.h"

#define WRITERS 5u
#define BEFORE 3u /* frames that each one sends first */
#define SLOTS 64u
#define FRAMES 12u /* in a batch; they need some slots */
#define FRAMES_MAX (SLOTS * FORMAT_PACK)

struct role {
	char path[256];
	uint32_t who;
	bool batch;
	uint32_t len; /* of the frames of a batch */
};

/* ---- the writers --------------------------------------------------------- */

static void
writer(void *arg)
{
	static uint8_t frames[BEFORE + FRAMES][STAMP_MAX];
	struct role *role = arg;
	struct shmbus *b = crew_attach(role->path, role->who, 0);
	struct iovec iov[BEFORE + FRAMES];

	if (b == NULL)
		return;
	for (unsigned i = 0; i < BEFORE + FRAMES; i++) {
		struct stamp s = { role->who, 0, i, 0 };

		iov[i].iov_base = frames[i];
		iov[i].iov_len = i < BEFORE ? 200 : role->len;
		stamp_make(frames[i], iov[i].iov_len, mac_all, &s);
	}
	/* Both functions, for all symbols to be bound. */
	must(shmbus_send(b, frames[0], iov[0].iov_len) == 0);
	must(shmbus_send_batch(b, iov + 1, BEFORE - 1, NULL) == 0);
	steps_begin();
	if (role->batch)
		shmbus_send_batch(b, iov + BEFORE, FRAMES, NULL);
	else
		shmbus_send(b, frames[BEFORE], iov[BEFORE].iov_len);
	steps_end();
	shmbus_detach(b);
}

/* ---- what is in the file -------------------------------------------------- */

struct found {
	unsigned frames, torn;
	unsigned of[WRITERS]; /* frames that each one sent */
	struct {
		const uint8_t *data;
		uint32_t len;
	} frame[FRAMES_MAX];
};

/* Notes the frame of LEN bytes at DATA, which has to be a whole one. */
static void
note(struct found *f, const uint8_t *data, uint32_t len)
{
	struct stamp s;

	if (!stamp_read(data, len, &s) || s.who < 1 || s.who > WRITERS ||
	    s.number != f->of[s.who - 1]) {
		complain("frame %u of the file is not whole", f->frames);
		return;
	}
	f->of[s.who - 1]++;
	f->frame[f->frames].data = data;
	f->frame[f->frames++].len = len;
}

/* All frames of the slot S. */
static void
note_slot(struct found *f, const struct format_slot *s)
{
	uint64_t meta = AO_load(&s->meta);
	uint32_t len = (uint32_t)meta, at = 0;

	for (uint64_t more = meta >> 48;; more--) {
		note(f, s->data + at, len);
		if (more == 0)
			break;
		at = (at + len + 7) & ~7u;
		memcpy(&len, s->data + at, sizeof(len));
		at += 8;
	}
}

/* Reads the whole file NAME; *SIZE (may be NULL) is how long it is. */
static uint8_t *
whole_file(const char *name, size_t *size)
{
	FILE *f = fopen(name, "rb");
	uint8_t *p;
	long n;

	assert_non_null(f);
	assert_int_equal(fseek(f, 0, SEEK_END), 0);
	n = ftell(f);
	assert_true(n >= 0);
	rewind(f);
	p = malloc((size_t)n + 1);
	assert_non_null(p);
	assert_int_equal(fread(p, 1, (size_t)n, f), n);
	p[n] = '\0';
	fclose(f);
	if (size != NULL)
		*size = (size_t)n;
	return p;
}

/* What the bus FILE, which never went round, has. */
static void
find(struct found *f, const uint8_t *file)
{
	const struct format_header *h = (const void *)file;
	uint64_t tail = AO_load(&h->tail);

	memset(f, 0, sizeof(*f));
	assert_true(tail >= SLOTS && tail <= 2 * SLOTS);
	for (uint64_t p = SLOTS; p < tail; p++) {
		const struct format_slot *s = (const void *)(file +
		    FORMAT_SLOTS + (p - SLOTS) * h->slot_stride);
		uint64_t w = AO_load(&s->word);

		assert_true(w == 0 || w >> 16 == 1);
		if ((w >> 14 & 3) == SLOT_COMMITTED)
			note_slot(f, s);
		else
			f->torn++;
	}
	for (unsigned i = 0; i < WRITERS; i++)
		if (f->of[i] < BEFORE)
			complain("%u frames of writer %u", f->of[i], i + 1);
}

/* ---- what the tool makes of it -------------------------------------------- */

static void
dump(const char *bus, const char *out, const char *err)
{
	const char *build = getenv("BUILD");
	char command[1200];

	snprintf(command, sizeof(command),
	    "'%s/bin/shmif_dumpbus' '%s' -w '%s' 2>'%s'",
	    build != NULL ? build : "build", bus, out, err);
	assert_int_equal(system(command), 0);
}

static void
compare(const struct found *f, const char *out)
{
	size_t size, at = 24;
	uint8_t *p = whole_file(out, &size);
	uint32_t len;
	unsigned n;

	for (n = 0; at + 16 <= size; n++) {
		memcpy(&len, p + at + 8, sizeof(len));
		at += 16;
		if (n >= f->frames || f->frame[n].len != len ||
		    len > size - at ||
		    memcmp(f->frame[n].data, p + at, len) != 0)
			fail_msg("frame %u is another", n);
		at += len;
	}
	assert_int_equal(at, size);
	assert_int_equal(n, f->frames);
	free(p);
}

static void
one_round(struct role *role, const struct steps lists[2], uint64_t *seed,
    struct found *f)
{
	char bus[256], out[256], again[256], err[256], want[400];
	pid_t pids[WRITERS];
	uint8_t *file, *other;
	size_t n, m;

	crew_bus("bus", SLOTS, 0);
	snprintf(bus, sizeof(bus), "%s", crew_path("bus"));
	snprintf(out, sizeof(out), "%s", crew_path("out"));
	snprintf(again, sizeof(again), "%s", crew_path("again"));
	snprintf(err, sizeof(err), "%s", crew_path("err"));
	for (unsigned i = 0; i < WRITERS; i++) {
		const struct steps *l = &lists[rnd_below(seed, 2)];

		role->who = i + 1;
		role->batch = l == &lists[1];
		pids[i] = steps_hold(l->pc[rnd_below(seed, l->n)],
		    1 + (role->batch ? rnd_below(seed, 3) : 0), writer, role);
	}
	for (unsigned i = 0; i < WRITERS; i++)
		if (pids[i] != 0)
			crew_kill(pids[i]);
	file = whole_file(bus, NULL);
	find(f, file);
	check();
	dump(bus, out, err);
	compare(f, out);
	other = whole_file(err, NULL);
	want[0] = '\0';
	if (f->torn != 0)
		snprintf(want, sizeof(want),
		    "shmif_dumpbus: %s: %u frame%s not whole: "
		    "the writer did not finish\n",
		    bus, f->torn, f->torn == 1 ? "" : "s");
	assert_string_equal((char *)other, want);
	free(other);
	free(file);
	/* Reading has changed nothing. */
	dump(bus, again, err);
	file = whole_file(out, &n);
	other = whole_file(again, &m);
	assert_int_equal(n, m);
	assert_memory_equal(file, other, n);
	free(file);
	free(other);
}

static void
test_all_killed(void **state)
{
	static struct steps lists[2];
	static struct found f;
	struct role *role = crew_shared(sizeof(*role));
	uint64_t seed = crew_seed();
	unsigned rounds = crew_scale(40), torn = 0, frames = 0, i;

	(void)state;
	if (!steps_possible()) {
		complaints();
		skip();
	}
	for (i = 0; i < 2; i++) {
		crew_bus("bus", SLOTS, 0);
		snprintf(role->path, sizeof(role->path), "%s",
		    crew_path("bus"));
		role->who = 1;
		role->batch = i == 1;
		role->len = 600;
		if (!steps_record(&lists[i], writer, role)) {
			check();
			fail_msg("nothing recorded");
		}
	}
	for (i = 0; i < rounds; i++) {
		role->len = i % 2 ? 600 : 70; /* two of a batch a slot, all */
		one_round(role, lists, &seed, &f);
		torn += f.torn;
		frames += f.frames;
	}
	printf("# %u buses, %u frames, %u not whole\n", rounds, frames, torn);
	assert_true(torn > rounds);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_killed),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, crew_begin, crew_end);
}
