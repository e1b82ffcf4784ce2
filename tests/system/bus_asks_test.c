/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bus_asks_test.c - asking the kernel whether an owner is alive: how often, and
 * what happens meanwhile
 *
 * The library's calls of fcntl() go by way of this program, which counts them, and
 * can do something right after one of them.
 *
 * Environment: SEED.
 */
#include <sys/syscall.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/lib/crew.h"
#include "tests/lib/mapped.h"

#define SLOTS 16u
#define MS 1000000u

static _Atomic unsigned asked;

/* After the AFTER-th question about BYTE a newcomer attaches. */
static struct {
	int64_t byte;
	unsigned after;
	const char *path;
	struct shmbus *b;
} newcomer;

static void
attach_newcomer(void)
{
	struct shmbus_options o = { .flags = SHMBUS_PROMISC };

	newcomer.after = 0;
	must(shmbus_attach(newcomer.path, &o, &newcomer.b) == 0);
}

int fcntl64(int fd, int cmd, ...);

int
fcntl64(int fd, int cmd, ...)
{
	va_list ap;
	void *arg;
	int status;

	va_start(ap, cmd);
	arg = va_arg(ap, void *);
	va_end(ap);
	status = (int)syscall(SYS_fcntl, fd, cmd, arg);
	if (cmd == F_OFD_GETLK) {
		atomic_fetch_add(&asked, 1);
		if (newcomer.after != 0 &&
		    ((struct flock *)arg)->l_start == newcomer.byte &&
		    --newcomer.after == 0)
			attach_newcomer();
	}
	return status;
}

int fcntl(int fd, int cmd, ...) __attribute__((alias("fcntl64")));

struct holder {
	char path[256];
	_Atomic uint64_t ready;
};

static void
holder(void *arg)
{
	struct holder *h = arg;
	struct shmbus *b = crew_attach(h->path, 2, 0);
	void *data;

	must(shmbus_reserve(b, 60, &data) == 0);
	atomic_store(&h->ready, 1);
	for (;;)
		pause();
}

/*
 * A stopped process holds a slot: those who send meet it each lap, and do not ask
 * each millisecond whether it is dead.  When it is, the slot comes back.
 */
static void
test_stopped_owner(void **state)
{
	struct holder *h = crew_shared(sizeof(*h));
	uint8_t frame[60] = { 0xff };
	struct shmbus_info i0, i1;
	uint64_t begin, took;
	struct shmbus *b;
	unsigned i, n;
	pid_t pid;

	(void)state;
	crew_bus("bus", SLOTS, 0);
	snprintf(h->path, sizeof(h->path), "%s", crew_path("bus"));
	b = crew_attach(h->path, 1, 0);
	pid = crew_start(holder, h);
	crew_await(&h->ready, 1);
	crew_stop(pid);
	for (i = 0; i < 2 * SLOTS; i++)
		must(shmbus_send(b, frame, sizeof(frame)) == 0);
	atomic_store(&asked, 0);
	begin = crew_now();
	do
		for (i = 0; i < SLOTS; i++)
			must(shmbus_send(b, frame, sizeof(frame)) == 0);
	while (crew_now() - begin < 300 * MS && !complained());
	took = crew_now() - begin;
	n = atomic_load(&asked);
	printf("# asked %u times in %u ms\n", n, (unsigned)(took / MS));
	must(n >= 1);
	must(n <= 10 + took / (64 * MS));
	crew_kill(pid);
	begin = crew_now();
	do {
		shmbus_info(b, &i0);
		for (i = 0; i < 4 * SLOTS; i++)
			must(shmbus_send(b, frame, sizeof(frame)) == 0);
		shmbus_info(b, &i1);
	} while (i1.tail - i0.tail != 4 * SLOTS &&
	    crew_now() - begin < 60000u * (uint64_t)MS && !complained());
	must(i1.tail - i0.tail == 4 * SLOTS);
	shmbus_detach(b);
	check();
}

/*
 * While one cleans up after a dead one, another takes that one's number: nothing
 * of the newcomer's is cleaned up.
 */
static void
test_taken_while_reaped(void **state)
{
	struct holder *h = crew_shared(sizeof(*h));
	uint64_t begin;
	struct shmbus *b;
	struct map map;
	unsigned after;
	pid_t pid;

	(void)state;
	snprintf(h->path, sizeof(h->path), "%s", crew_path("bus"));
	for (after = 1; after <= 3; after++) {
		crew_bus("bus", SLOTS, 0);
		b = crew_attach(h->path, 1, 0);
		map = map_open(h->path);
		atomic_store(&h->ready, 0);
		pid = crew_start(holder, h);
		crew_await(&h->ready, 1);
		crew_kill(pid);
		newcomer.path = h->path;
		newcomer.b = NULL;
		newcomer.byte = FORMAT_LOCK_ATTACH + 1;
		newcomer.after = after;
		begin = crew_now();
		while (newcomer.b == NULL && !complained() &&
		    !(AO_load(&map.att[1].ident) & FORMAT_ATT_DEAD) &&
		    crew_now() - begin < 60000u * (uint64_t)MS)
			shmbus_wait(b, 100 * MS);
		newcomer.after = 0;
		if (newcomer.b == NULL) { /* cleaned up with fewer questions */
			must(AO_load(&map.att[1].ident) & FORMAT_ATT_DEAD);
			must(AO_load(&map.hdr->changes) >= 3);
		} else {
			must(shmbus_index(newcomer.b) == 1);
			must((AO_load(&map.att[1].ident) & FORMAT_ATT_USED) !=
			    0);
			must((AO_load(&map.hdr->promisc[0]) & 2) != 0);
		}
		shmbus_detach(newcomer.b);
		shmbus_detach(b);
		map_close(&map);
		check();
		unlink(h->path);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stopped_owner),
		cmocka_unit_test(test_taken_while_reaped),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, crew_begin, crew_end);
}
