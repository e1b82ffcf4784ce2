/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bus_asks_test.c - how often the kernel is asked whether an owner is alive
 *
 * The library's calls of fcntl() go by way of this program, which counts them.
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

#define SLOTS 16u
#define MS 1000000u

static _Atomic unsigned asked;

int fcntl64(int fd, int cmd, ...);

int
fcntl64(int fd, int cmd, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, cmd);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (cmd == F_OFD_GETLK)
		atomic_fetch_add(&asked, 1);
	return (int)syscall(SYS_fcntl, fd, cmd, arg);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stopped_owner),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, crew_begin, crew_end);
}
