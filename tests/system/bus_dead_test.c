/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bus_dead_test.c - what is left of the dead
 *
 * Environment: SEED; ONLY, which tests.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/crew.h"
#include "shmbus/shmbus.h"
#include "tests/lib/stamp.h"

#define SECOND 1000000000u

struct sleeper_role {
	char path[256];
	_Atomic uint64_t ready;
};

static void
sleeper(void *arg)
{
	struct sleeper_role *r = arg;
	struct shmbus *b = crew_attach(r->path, 7, 0);

	atomic_store(&r->ready, 1);
	while (b != NULL)
		shmbus_wait(b, -1);
}

/* Finds the entry of WHO; returns whether there is one. */
static bool
find_peer(struct shmbus *b, const uint8_t *mac, struct shmbus_peer *p)
{
	struct shmbus_peer peers[SHMBUS_ATTACH_MAX];
	unsigned n, i;

	must(shmbus_list(b, peers, SHMBUS_ATTACH_MAX, &n) == 0);
	for (i = 0; i < n; i++)
		if (memcmp(peers[i].mac, mac, 6) == 0) {
			*p = peers[i];
			return true;
		}
	return false;
}

/* The list shows the dead as dead, and their number can be had again. */
static void
test_list(void **state)
{
	struct sleeper_role *r = crew_shared(sizeof(*r));
	uint64_t end = crew_now() + CREW_PATIENCE * (uint64_t)SECOND;
	struct shmbus_peer p = { 0 };
	struct shmbus *b, *n;
	uint8_t mac[6];
	pid_t pid;

	(void)state;
	crew_bus("bus", 64, 0);
	snprintf(r->path, sizeof(r->path), "%s", crew_path("bus"));
	stamp_mac(mac, 7);
	b = crew_attach(r->path, 1, 0);
	check();
	pid = crew_start(sleeper, r);
	crew_await(&r->ready, 1);
	must(find_peer(b, mac, &p));
	must(p.alive == 1);
	must(p.pid == pid);
	crew_kill(pid);
	do
		must(find_peer(b, mac, &p));
	while (p.alive && crew_now() < end && !complained());
	must(p.alive == 0);
	shmbus_wait(b, 1100000000); /* time to clear up */
	must(find_peer(b, mac, &p));
	must(p.alive == 0);
	n = crew_attach(r->path, 8, 0);
	check();
	must(shmbus_index(n) == (int)p.index);
	must(!find_peer(b, mac, &p));
	shmbus_detach(n);
	shmbus_detach(b);
	check();
}

/* A sleeper's death does not cost its peers a system call a frame. */
static void
test_dead_sleeper(void **state)
{
	struct sleeper_role *r = crew_shared(sizeof(*r));
	struct stamp s = { 1, 0, 1, 0 };
	struct shmbus_stats st;
	uint8_t frame[64];
	struct shmbus *b;
	pid_t pid;
	int i;

	(void)state;
	crew_bus("bus", 64, 0);
	snprintf(r->path, sizeof(r->path), "%s", crew_path("bus"));
	b = crew_attach(r->path, 1, 0);
	check();
	pid = crew_start(sleeper, r);
	crew_await(&r->ready, 1);
	crew_nap(50000000); /* most likely asleep by now; right if not */
	crew_kill(pid);
	stamp_make(frame, sizeof(frame), mac_all, &s);
	for (i = 0; i < 1000; i++)
		must(shmbus_send(b, frame, sizeof(frame)) == 0);
	shmbus_stats(b, &st);
	printf("# %llu bells rung for a dead sleeper\n",
	    (unsigned long long)st.rung);
	must(st.rung <= 2);
	shmbus_detach(b);
	check();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_dead_sleeper),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	cmocka_set_test_filter(getenv("ONLY"));
	return cmocka_run_group_tests(tests, crew_begin, crew_end);
}
