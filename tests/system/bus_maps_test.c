/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bus_maps_test.c - the bits of others in the maps stay as these set them
 *
 * An attachment that goes to sleep, wakes up, becomes promiscuous and ceases to be
 * is held before an instruction, each in turn, while bits of others change.
 *
 * Environment: SEED.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/crew.h"
#include "tests/lib/mapped.h"
#include "tests/lib/steps.h"

static char path[256];
/* It must last until it sleeps; when each step is recorded that takes longer. */
static int64_t nap = 500000000;

static void
act(struct shmbus *b, int64_t timeout)
{
	shmbus_wait(b, timeout); /* it sleeps */
	shmbus_set_promisc(b, 1);
	shmbus_set_promisc(b, 0);
}

static void
victim(void *arg)
{
	struct shmbus_options o = { .spin_us = -1 };
	struct shmbus *b;

	(void)arg;
	if (shmbus_attach(path, &o, &b) != 0) {
		complain("attach: %s", shmbus_why());
		return;
	}
	act(b, 1000000); /* all symbols are bound */
	steps_begin();
	act(b, nap);
	steps_end();
	shmbus_detach(b);
}

/* Sets, or clears, the bits in MASK in both maps. */
static void
set_bits(const struct map *m, AO_t mask, bool on)
{
	if (on) {
		AO_or_full(&m->hdr->sleeping[0], mask);
		AO_or_full(&m->hdr->promisc[0], mask);
	} else {
		AO_and_full(&m->hdr->sleeping[0], ~mask);
		AO_and_full(&m->hdr->promisc[0], ~mask);
	}
}

static void
test_others_bits(void **state)
{
	static struct steps steps;
	unsigned i, stride, budget = crew_scale(250), held = 0;
	struct shmbus *a, *b;
	struct map map;

	(void)state;
	if (!steps_possible()) {
		complaints();
		skip();
	}
	crew_bus("bus", 16, 0);
	snprintf(path, sizeof(path), "%s", crew_path("bus"));
	/* Numbers 0 and 1 are alive, but do nothing themselves. */
	a = crew_attach(path, 1, 0);
	b = crew_attach(path, 2, 0);
	map = map_open(path);
	if (!steps_record(&steps, victim, NULL)) {
		check();
		fail_msg("nothing recorded");
	}
	nap = 2000000;
	stride = (steps.n + budget - 1) / budget;
	for (i = (unsigned)(crew_seed() % stride); i < steps.n; i += stride) {
		pid_t pid;

		set_bits(&map, 1, true);
		set_bits(&map, 2, false);
		pid = steps_hold(steps.pc[i], 1, victim, NULL);
		if (pid == 0)
			continue;
		held++;
		set_bits(&map, 1, false);
		set_bits(&map, 2, true);
		steps_release(pid);
		crew_join(pid);
		must((AO_load(&map.hdr->sleeping[0]) & 3) == 2);
		must((AO_load(&map.hdr->promisc[0]) & 3) == 2);
		if (complained())
			complain("before instruction %u of %u", i, steps.n);
		check();
	}
	printf("# held at %u of %u instructions\n", held, steps.n);
	must(held > 0);
	map_close(&map);
	shmbus_detach(b);
	shmbus_detach(a);
	check();
}

/* Who detaches leaves no bit behind, and makes others look at the table again. */
static void
test_detach(void **state)
{
	struct shmbus *b;
	struct map map;
	uint64_t changes;

	(void)state;
	crew_bus("left", 16, 0);
	snprintf(path, sizeof(path), "%s", crew_path("left"));
	map = map_open(path);
	b = crew_attach(path, 1, SHMBUS_PROMISC);
	must(AO_load(&map.hdr->promisc[0]) == 1);
	AO_or_full(&map.hdr->sleeping[0], 1);
	changes = AO_load(&map.hdr->changes);
	shmbus_detach(b);
	must(AO_load(&map.hdr->promisc[0]) == 0);
	must(AO_load(&map.hdr->sleeping[0]) == 0);
	must(AO_load(&map.att[0].ident) == 0);
	must(AO_load(&map.hdr->changes) != changes);
	/* Who takes a number makes them look, too, and begins with no bits. */
	set_bits(&map, 1, true);
	changes = AO_load(&map.hdr->changes);
	b = crew_attach(path, 1, 0);
	must(AO_load(&map.hdr->promisc[0]) == 0);
	must(AO_load(&map.hdr->sleeping[0]) == 0);
	must(AO_load(&map.hdr->changes) != changes);
	shmbus_detach(b);
	map_close(&map);
	check();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_others_bits),
		cmocka_unit_test(test_detach),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, crew_begin, crew_end);
}
