/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bus_lock_test.c - locks of those who may only read the file, and locks that
 * children inherit
 *
 * Environment: SEED.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/lib/crew.h"
#include "tests/lib/mapped.h"

#define SLOTS 16u

static char path[256];

static void
new_bus(void)
{
	crew_bus("bus", SLOTS, 0);
	snprintf(path, sizeof(path), "%s", crew_path("bus"));
}

/* Opens the bus for reading, and locks what can be locked so. */
static int
read_lock(int64_t from, int64_t len, bool wait)
{
	struct flock fl = { .l_type = F_RDLCK,
		.l_whence = SEEK_SET,
		.l_start = from,
		.l_len = len };
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	must(fd != -1);
	must(fcntl(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &fl) == 0);
	return fd;
}

struct owner {
	_Atomic uint64_t ready;
};

/* Takes a number, and dies with a slot in its hands. */
static void
owner(void *arg)
{
	struct owner *o = arg;
	struct shmbus *b = crew_attach(path, 2, 0);
	void *data;

	must(shmbus_reserve(b, 60, &data) == 0);
	atomic_store(&o->ready, 1);
	for (;;)
		crew_nap(1000000000);
}

static void *
lock_of_1(void *arg)
{
	(void)arg;
	return (void *)(intptr_t)read_lock(FORMAT_LOCK_ATTACH + 1, 1, true);
}

/* A reader waits for a lock, and has it as soon as the owner is dead. */
static void
test_dead_stay_dead(void **state)
{
	struct owner *o = crew_shared(sizeof(*o));
	uint8_t frame[60] = { 0xff };
	struct shmbus_peer peers[4];
	struct shmbus_info i0, i1;
	unsigned n, i, tries;
	pthread_t thread;
	struct shmbus *b;
	struct map map;
	void *fd;
	pid_t pid;

	(void)state;
	new_bus();
	b = crew_attach(path, 1, 0);
	pid = crew_start(owner, o);
	crew_await(&o->ready, 1);
	must(pthread_create(&thread, NULL, lock_of_1, NULL) == 0);
	crew_nap(20000000);
	crew_kill(pid);
	pthread_join(thread, &fd);
	must(shmbus_list(b, peers, 4, &n) == 0);
	must(n == 2);
	for (i = 0; i < n && i < 4; i++)
		must(peers[i].alive == (peers[i].index == 0));
	/* Its slot is in use again, lap after lap. */
	for (i = 0; i < 2 * SLOTS; i++)
		must(shmbus_send(b, frame, sizeof(frame)) == 0);
	shmbus_info(b, &i0);
	for (i = 0; i < 50 * SLOTS; i++)
		must(shmbus_send(b, frame, sizeof(frame)) == 0);
	shmbus_info(b, &i1);
	must(i1.tail - i0.tail == 50 * SLOTS);
	/* And it is cleaned up after, though its lock cannot be had. */
	map = map_open(path);
	for (tries = 0; tries < 600 && !complained(); tries++) {
		if (AO_load(&map.att[1].ident) & FORMAT_ATT_DEAD)
			break;
		shmbus_wait(b, 100000000);
	}
	must((AO_load(&map.att[1].ident) & FORMAT_ATT_DEAD) != 0);
	map_close(&map);
	close((int)(intptr_t)fd);
	shmbus_detach(b);
	check();
}

/* Who may only read can lock free numbers; nobody believes that they are taken. */
static void
test_attach(void **state)
{
	struct shmbus *a, *b, *c, *d;
	int fd, error;

	(void)state;
	new_bus();
	/* The first and the second one: the next is taken. */
	fd = read_lock(FORMAT_LOCK_ATTACH, 2, false);
	a = crew_attach(path, 1, 0);
	must(shmbus_index(a) == 2);
	close(fd);
	/* All of them: it is said why. */
	fd = read_lock(FORMAT_LOCK_ATTACH + 3, 0, false);
	close(read_lock(FORMAT_LOCK_ATTACH, 2, false));
	b = crew_attach(path, 2, 0);
	c = crew_attach(path, 3, 0);
	must(shmbus_index(b) == 0 && shmbus_index(c) == 1);
	error = shmbus_attach(path, NULL, &d);
	must(error == SHMBUS_EFULL);
	if (strstr(shmbus_why(), "3 are attached") == NULL ||
	    strstr(shmbus_why(), "read locks") == NULL)
		complain("it says: %s", shmbus_why());
	close(fd);
	must(shmbus_attach(path, NULL, &d) == 0);
	must(shmbus_index(d) == 3);
	shmbus_detach(d);
	shmbus_detach(b);
	shmbus_detach(c);
	shmbus_detach(a);
	check();
}

/* ---- a child that another thread forks while a bus is created ----------- */

#define FORKS 40u

struct forker {
	_Atomic uint64_t kids, ready, end;
};

static void *
forks(void *arg)
{
	struct forker *f = arg;
	unsigned i;

	for (i = 0; i < FORKS; i++) {
		if (fork() == 0) {
			alarm(100);
			while (atomic_load(&f->end) == 0)
				crew_nap(5000000);
			_exit(0);
		}
		atomic_store(&f->kids, i + 1);
		crew_nap(300000);
	}
	return NULL;
}

static void
creator(void *arg)
{
	struct shmbus_options o = { .flags = SHMBUS_CREATE,
		.geometry = { .slots = 1u << 17 } };
	struct forker *f = arg;
	struct shmbus *b;
	pthread_t thread;

	must(pthread_create(&thread, NULL, forks, f) == 0);
	crew_await(&f->kids, 3);
	atomic_store(&f->ready, 1);
	shmbus_attach(path, &o, &b);
	for (;;)
		pause();
}

/* The creator is killed; its children live: the next one can create the bus. */
static void
test_creation_lock(void **state)
{
	struct shmbus_options o = { .flags = SHMBUS_CREATE,
		.geometry = { .slots = 16 } };
	unsigned round;

	(void)state;
	for (round = 0; round < 4 && !complained(); round++) {
		struct forker *f = crew_shared(sizeof(*f));
		struct shmbus *b;
		pid_t pid;
		int error;

		snprintf(path, sizeof(path), "%s", crew_path("created"));
		unlink(path);
		pid = crew_start(creator, f);
		crew_await(&f->ready, 1);
		crew_nap(4000000 + round * 4000000);
		crew_kill(pid);
		error = shmbus_attach(path, &o, &b);
		if (error != 0)
			complain("%u children: %s", (unsigned)f->kids,
			    shmbus_why());
		else
			shmbus_detach(b);
		atomic_store(&f->end, 1);
	}
	check();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dead_stay_dead),
		cmocka_unit_test(test_attach),
		cmocka_unit_test(test_creation_lock),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, crew_begin, crew_end);
}
