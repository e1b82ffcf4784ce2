/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bus_cut_test.c - the file is truncated, grows, is replaced
 *
 * Those who have called shmbus_guard() survive the truncation of the file that
 * they use, whatever they are doing, and are told; the rest is for
 * shmbus_check() to find.  Each call is under an alarm.
 *
 * Environment: SEED; ONLY, which tests.
 */
#include <errno.h>
#include <setjmp.h>
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

/* ---- truncation ---------------------------------------------------------- */

enum habit { BUSY, ASLEEP, READ_ONLY, HABITS };

struct cut {
	char path[256];
	enum habit habit;
	_Atomic uint64_t ready;
	_Atomic int found; /* what it was told */
};

static void
cut_user(void *arg)
{
	struct cut *c = arg;
	uint64_t seed = crew_seed() + c->habit;
	struct shmbus *b;
	uint8_t frame[STAMP_MIN], buf[STAMP_MAX];
	struct stamp s = { 1, 1, 1, 1 };
	int error;

	must(shmbus_guard() == 0);
	b = crew_attach(c->path, 10 + c->habit,
	    c->habit == READ_ONLY ? SHMBUS_RDONLY : 0);
	stamp_make(frame, sizeof(frame), mac_all, &s);
	atomic_fetch_add(&c->ready, 1);
	do {
		alarm(CALL_MAX);
		if (c->habit == ASLEEP)
			error = shmbus_wait(b, -1);
		else if (c->habit == READ_ONLY)
			error = rnd_below(&seed, 2) ?
			    shmbus_recv(b, buf, sizeof(buf), NULL) :
			    shmbus_wait(b, 100000);
		else if (rnd_below(&seed, 2))
			error = shmbus_send(b, frame, sizeof(frame));
		else
			error = shmbus_recv(b, buf, sizeof(buf), NULL);
		if (c->habit == ASLEEP && error == 0)
			shmbus_recv(b, buf, sizeof(buf), NULL);
		/* Another's check sees it before one has touched anything. */
		if (rnd_below(&seed, 1000) == 0 && error != SHMBUS_ETRUNC)
			shmbus_check(b);
	} while (error != SHMBUS_ETRUNC && !complained());
	atomic_store(&c->found, error);
	do_something(b, &seed, SHMBUS_ETRUNC);
	must(shmbus_check(b) == SHMBUS_ETRUNC);
	must(shmbus_send(b, frame, sizeof(frame)) == SHMBUS_ETRUNC);
	must(shmbus_wait(b, -1) == SHMBUS_ETRUNC);
	alarm(CALL_MAX);
	shmbus_detach(b);
}

static void
cut_to(long size)
{
	struct cut *c = crew_shared(HABITS * sizeof(*c));
	pid_t pids[HABITS];
	struct shmbus *b;
	unsigned i;

	crew_bus("bus", 64, 0);
	for (i = 0; i < HABITS; i++) {
		snprintf(c[i].path, sizeof(c[i].path), "%s", crew_path("bus"));
		c[i].habit = i;
		pids[i] = crew_start(cut_user, &c[i]);
		crew_await(&c[i].ready, 1);
	}
	crew_nap(5000000);
	must(truncate(c->path, size) == 0);
	for (i = 0; i < HABITS; i++) {
		crew_join(pids[i]);
		if (atomic_load(&c[i].found) != SHMBUS_ETRUNC)
			complain("habit %u was not told", i);
	}
	must(shmbus_attach(c->path, NULL, &b) != 0);
	must(*shmbus_why() != '\0');
	if (complained())
		complain("cut to %ld bytes", size);
	check();
}

static void
test_truncate(void **state)
{
	(void)state;
	cut_to(0);
	cut_to(4096);
	cut_to(FORMAT_SLOTS);
	cut_to(FORMAT_SLOTS + 30000);
}

/* A file that grows is as good as before. */
static void
test_extend(void **state)
{
	struct shmbus *b;
	uint64_t number = 0;
	struct shmbus *r;

	(void)state;
	crew_bus("bus", 64, 0);
	b = crew_attach(crew_path("bus"), 1, 0);
	r = crew_attach(crew_path("bus"), 2, SHMBUS_PROMISC);
	check();
	must(truncate(crew_path("bus"), 1 << 24) == 0);
	must(shmbus_check(b) == 0);
	must(recovers(b, r, 1, &number));
	must_recover(crew_path("bus"), "growing");
	shmbus_detach(b);
	shmbus_detach(r);
	check();
}

/* ---- another file -------------------------------------------------------- */

static void
test_replace(void **state)
{
	struct shmbus *b, *r;
	uint64_t number = 0;
	char other[256];

	(void)state;
	crew_bus("bus", 64, 0);
	b = crew_attach(crew_path("bus"), 1, 0);
	r = crew_attach(crew_path("bus"), 2, SHMBUS_PROMISC);
	check();
	must(shmbus_check(b) == 0);
	must(unlink(crew_path("bus")) == 0);
	must(shmbus_check(b) == ENOENT);
	must(recovers(b, r, 1, &number));
	crew_bus("bus", 64, 0);
	must(shmbus_check(b) == SHMBUS_EREPLACED);
	must(shmbus_check(r) == SHMBUS_EREPLACED);
	must(recovers(b, r, 1, &number));
	crew_bus("bus2", 64, 0);
	snprintf(other, sizeof(other), "%s", crew_path("bus2"));
	must(rename(other, crew_path("bus")) == 0);
	must(shmbus_check(b) == SHMBUS_EREPLACED);
	shmbus_detach(b);
	shmbus_detach(r);
	must_recover(crew_path("bus"), "a replacement");
	check();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_truncate),
		cmocka_unit_test(test_extend),
		cmocka_unit_test(test_replace),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	cmocka_set_test_filter(getenv("ONLY"));
	return cmocka_run_group_tests(tests, crew_begin, crew_end);
}
