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
#include <sys/wait.h>
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
	struct shmbus *a, *b;
	int fd;

	(void)state;
	new_bus();
	/* The first and the second one: the next is taken. */
	fd = read_lock(FORMAT_LOCK_ATTACH, 2, false);
	a = crew_attach(path, 1, 0);
	must(shmbus_index(a) == 2);
	close(fd);
	b = crew_attach(path, 2, 0);
	must(shmbus_index(b) == 0);
	shmbus_detach(b);
	shmbus_detach(a);
	check();
}

/* Whether number I is shown as alive, or is not there at all. */
static int
shown(struct shmbus *b, unsigned i)
{
	struct shmbus_peer peers[SHMBUS_ATTACH_MAX];
	unsigned n, k;

	must(shmbus_list(b, peers, SHMBUS_ATTACH_MAX, &n) == 0);
	for (k = 0; k < n; k++)
		if (peers[k].index == i)
			return peers[k].alive;
	return -1;
}

/* Read locks on all: everybody attaches all the same, each with its number. */
static void
test_all_read_locked(void **state)
{
	static struct shmbus *all[SHMBUS_ATTACH_MAX];
	struct shmbus *b = NULL;
	uint8_t frame[60] = { 0xff }, buf[2000];
	struct map map;
	unsigned i;
	int fd;

	(void)state;
	new_bus();
	map = map_open(path);
	fd = read_lock(FORMAT_LOCK_ATTACH, 0, false);
	for (i = 0; i < SHMBUS_ATTACH_MAX && !complained(); i++) {
		all[i] = crew_attach(path, i, 0);
		if (all[i] != NULL && shmbus_index(all[i]) != (int)i)
			complain("it got number %d instead of %u",
			    shmbus_index(all[i]), i);
	}
	check();
	must(shmbus_attach(path, NULL, &b) == SHMBUS_EFULL);
	if (strstr(shmbus_why(), "256 are attached") == NULL)
		complain("it says: %s", shmbus_why());
	/* They hear one another, and see one another as alive. */
	must(shmbus_send(all[0], frame, sizeof(frame)) == 0);
	must(shmbus_recv(all[255], buf, sizeof(buf), NULL) == 0);
	must(shown(all[0], 255) == 1 && shown(all[255], 0) == 1);
	/* One that leaves gives its number back, read lock or not. */
	shmbus_detach(all[7]);
	must(shown(all[0], 7) == -1);
	all[7] = crew_attach(path, 7, 0);
	must(shmbus_index(all[7]) == 7);
	/* A bit of theirs that somebody clears is set again. */
	AO_store(&map.att[9].claim, 0);
	must(shown(all[0], 9) == 0);
	for (i = 0; i < 2 * 1024; i++) /* a poller looks after its entry */
		shmbus_recv(all[9], buf, sizeof(buf), NULL);
	must(shown(all[0], 9) == 1);
	/* When the read locks are gone, they get their locks for writing. */
	close(fd);
	for (i = 0; i < 2 * 1024; i++)
		shmbus_recv(all[9], buf, sizeof(buf), NULL);
	must(AO_load(&map.att[9].claim) == 0);
	must(AO_load(&map.att[8].claim) != 0);
	close(read_lock(FORMAT_LOCK_ATTACH + 8, 1, false));
	must(shown(all[0], 8) == 1 && shown(all[0], 9) == 1);
	for (i = 0; i < SHMBUS_ATTACH_MAX; i++)
		shmbus_detach(all[i]);
	map_close(&map);
	check();
}

/* One that attached among read locks and died: it is dead, whatever they hold. */
static void
test_dead_among_read_locks(void **state)
{
	struct owner *o = crew_shared(sizeof(*o));
	struct shmbus_info i0, i1;
	uint8_t frame[60] = { 0xff };
	struct shmbus *b, *c;
	struct map map;
	unsigned i, tries;
	siginfo_t ended;
	AO_t claim;
	pid_t pid;
	int fd;

	(void)state;
	new_bus();
	map = map_open(path);
	fd = read_lock(FORMAT_LOCK_ATTACH, 0, false);
	b = crew_attach(path, 1, 0);
	pid = crew_start(owner, o);
	crew_await(&o->ready, 1);
	must(shown(b, 1) == 1);
	claim = AO_load(&map.att[1].claim);
	/* Stopped is not dead: nobody takes its slot. */
	crew_stop(pid);
	for (i = 0; i < 2 * SLOTS; i++)
		must(shmbus_send(b, frame, sizeof(frame)) == 0);
	shmbus_info(b, &i0);
	for (i = 0; i < 2 * SLOTS; i++)
		must(shmbus_send(b, frame, sizeof(frame)) == 0);
	shmbus_info(b, &i1);
	must(i1.tail - i0.tail > 2 * SLOTS);
	must(shown(b, 1) == 1);
	/* Dead from the moment when it is, buried or not. */
	kill(pid, SIGKILL);
	must(waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOWAIT) == 0);
	must(shown(b, 1) == 0);
	crew_kill(pid);
	must(shown(b, 1) == 0);
	/* Of another PID namespace it is not known, so it is taken for alive. */
	AO_store(&map.att[1].claim, claim ^ (AO_t)1 << 36);
	must(shown(b, 1) == 1);
	AO_store(&map.att[1].claim, claim);
	/* It is cleaned up after, its slot is in use again, and its number. */
	for (tries = 0; tries < 600 && !complained(); tries++) {
		if (AO_load(&map.att[1].ident) & FORMAT_ATT_DEAD)
			break;
		shmbus_wait(b, 100000000);
	}
	must((AO_load(&map.att[1].ident) & FORMAT_ATT_DEAD) != 0);
	for (i = 0; i < 2 * SLOTS; i++)
		must(shmbus_send(b, frame, sizeof(frame)) == 0);
	shmbus_info(b, &i0);
	for (i = 0; i < 5 * SLOTS; i++)
		must(shmbus_send(b, frame, sizeof(frame)) == 0);
	shmbus_info(b, &i1);
	must(i1.tail - i0.tail == 5 * SLOTS);
	c = crew_attach(path, 3, 0);
	must(shmbus_index(c) == 1);
	must(shown(b, 1) == 1);
	/* Without any lock on it, a claim is worth nothing, whose ever it is. */
	shmbus_detach(c);
	close(fd);
	AO_store(&map.att[1].claim, claim ^ (AO_t)1 << 36);
	AO_store(&map.att[1].ident, FORMAT_ATT_USED);
	must(shown(b, 1) == 0);
	c = crew_attach(path, 3, 0);
	must(shmbus_index(c) == 1);
	must(AO_load(&map.att[1].claim) == 0);
	shmbus_detach(c);
	shmbus_detach(b);
	map_close(&map);
	check();
}

#define RACERS 24u

struct race {
	_Atomic uint64_t go, ready, end;
	_Atomic uint64_t owners[SHMBUS_ATTACH_MAX];
};

static void
racer(void *arg)
{
	struct race *r = arg;
	unsigned i;

	for (i = 0; i < 20; i++) {
		struct shmbus *b = crew_attach(path, 1, 0);
		unsigned me;

		if (b == NULL)
			return;
		me = (unsigned)shmbus_index(b);
		must(atomic_fetch_add(&r->owners[me], 1) == 0);
		crew_nap(crew_now() % 200000);
		atomic_fetch_sub(&r->owners[me], 1);
		shmbus_detach(b);
	}
	atomic_fetch_add(&r->ready, 1);
	while (atomic_load(&r->end) == 0)
		crew_nap(1000000);
}

/* Many attach and leave; read locks are on all numbers, if HELD, or come and go. */
static void
race(bool held)
{
	struct race *r = crew_shared(sizeof(*r));
	pid_t pids[RACERS];
	unsigned i;
	int fd = -1;

	new_bus();
	if (held)
		fd = read_lock(FORMAT_LOCK_ATTACH, 0, false);
	for (i = 0; i < RACERS; i++)
		pids[i] = crew_start(racer, r);
	while (atomic_load(&r->ready) != RACERS && !complained()) {
		int fds[2 * RACERS + 1];

		if (held) {
			crew_nap(1000000);
			continue;
		}
		/* Refused for those that are locked for writing. */
		for (i = 0; i <= 2 * RACERS; i++) {
			struct flock fl = { .l_type = F_RDLCK,
				.l_whence = SEEK_SET,
				.l_start = FORMAT_LOCK_ATTACH + (int)i,
				.l_len = i < 2 * RACERS };

			fds[i] = open(path, O_RDONLY | O_CLOEXEC);
			(void)!fcntl(fds[i], F_OFD_SETLK, &fl);
		}
		crew_nap(300000);
		for (i = 0; i <= 2 * RACERS; i++)
			close(fds[i]);
		crew_nap(100000);
	}
	atomic_store(&r->end, 1);
	for (i = 0; i < RACERS; i++)
		crew_join(pids[i]);
	close(fd);
	check();
}

/* No two have one number. */
static void
test_race_held(void **state)
{
	(void)state;
	race(true);
}

static void
test_race(void **state)
{
	(void)state;
	race(false);
}

/* ---- a program that is started has no lock of ours ----------------------- */

/* How many descriptors of PATH there are, and how many that exec() would keep. */
static void
count_open(unsigned *there, unsigned *kept)
{
	char name[64], target[300];
	int fd;

	*there = *kept = 0;
	for (fd = 0; fd < 256; fd++) {
		ssize_t n;

		snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
		n = readlink(name, target, sizeof(target) - 1);
		if (n <= 0)
			continue;
		target[n] = '\0';
		if (strcmp(target, path) != 0)
			continue;
		++*there;
		*kept += (fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0;
	}
}

static void
test_exec(void **state)
{
	unsigned there, kept, n;
	struct shmbus *b, *c;
	char *real;

	(void)state;
	new_bus();
	real = realpath(path, NULL);
	assert_non_null(real);
	b = crew_attach(path, 1, 0);
	c = crew_attach(path, 1, SHMBUS_RDONLY);
	n = (unsigned)snprintf(path, sizeof(path), "%s", real);
	must(n < sizeof(path));
	count_open(&there, &kept);
	must(there == 2 && kept == 0);
	shmbus_detach(c);
	shmbus_detach(b);
	free(real);
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
		cmocka_unit_test(test_all_read_locked),
		cmocka_unit_test(test_dead_among_read_locks),
		cmocka_unit_test(test_race_held),
		cmocka_unit_test(test_race),
		cmocka_unit_test(test_exec),
		cmocka_unit_test(test_creation_lock),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, crew_begin, crew_end);
}
