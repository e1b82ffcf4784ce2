/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * owner_test.c - taking a number, and who is alive, with locks of the test's own
 *
 * shmbus/owner.c is compiled here with a kernel that has the locks that a test
 * wants, so that each answer of it is seen, and how often it is asked.
 */
#include <sys/wait.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shmbus/internal.h"
#include "tests/lib/world.h"

/* Of each number: who else has what lock; NEVER: nobody gets one. */
enum { FREE, READ, WRITE, NEVER };
static uint8_t locks[FORMAT_ATTACHMENTS];
static enum file_lock held[FORMAT_ATTACHMENTS];
static unsigned naps, asked;
static unsigned free_after; /* so many naps all is free */
static int refusal;	    /* what locking fails with otherwise */

static int
fake_lock(int fd, int64_t byte, enum file_lock what)
{
	unsigned i = (unsigned)(byte - FORMAT_LOCK_ATTACH);

	(void)fd;
	assert_true(i < FORMAT_ATTACHMENTS);
	asked++;
	if (refusal != 0)
		return refusal;
	if (what != LOCK_NONE &&
	    (locks[i] == NEVER || locks[i] == WRITE ||
		(what == LOCK_TO_WRITE && locks[i] == READ)))
		return EAGAIN;
	held[i] = what;
	return 0;
}

static bool
fake_locked(int fd, int64_t byte, bool to_read)
{
	unsigned i = (unsigned)(byte - FORMAT_LOCK_ATTACH);

	(void)fd;
	assert_true(i < FORMAT_ATTACHMENTS);
	return locks[i] == WRITE || (to_read && locks[i] == READ);
}

static int
fake_nap(const struct timespec *t, struct timespec *left)
{
	(void)left;
	assert_int_equal(t->tv_sec, 0);
	assert_int_equal(t->tv_nsec, 1000000);
	if (++naps == free_after)
		memset(locks, FREE, sizeof(locks));
	return 0;
}

#define file_lock fake_lock
#define file_locked fake_locked
#define nanosleep fake_nap
#include "shmbus/owner.c"
#undef file_lock

static struct world *all;
static struct shmbus bus;

static void
scene(uint8_t lock)
{
	world_reset(all);
	memset(&bus, 0, sizeof(bus));
	bus.base = all->base;
	bus.ring.att = (void *)(all->base + FORMAT_HEADER);
	memset(locks, lock, sizeof(locks));
	memset(held, LOCK_NONE, sizeof(held));
	naps = asked = free_after = 0;
	refusal = 0;
	why_set("%s", "");
}

static int
begin(void **state)
{
	(void)state;
	all = world_new(1500, 16);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	world_free(all);
	return 0;
}

static void
test_full(void **state)
{
	unsigned me = 999;

	(void)state;
	scene(WRITE);
	assert_int_equal(owner_take_number(&bus, &me), SHMBUS_EFULL);
	assert_int_equal(naps, 0);
	assert_string_equal(shmbus_why(), "256 are attached already");
	/* One lock comes and goes: it looks again, for some time. */
	locks[77] = NEVER;
	assert_int_equal(owner_take_number(&bus, &me), SHMBUS_EFULL);
	assert_int_equal(naps, CLAIM_ROUNDS);
	assert_string_equal(shmbus_why(),
	    "255 are attached, and others try to");
	naps = 0;
	free_after = 3;
	assert_int_equal(owner_take_number(&bus, &me), 0);
	assert_int_equal(naps, 3);
	assert_int_equal(me, 0);
	assert_int_equal(held[0], LOCK_TO_READ);
	/* What is no refusal is said at once. */
	scene(FREE);
	refusal = ENOLCK;
	assert_int_equal(owner_take_number(&bus, &me), ENOLCK);
	assert_int_equal(asked, 1);
}

static void
test_taken(void **state)
{
	unsigned me = 999;

	(void)state;
	scene(FREE);
	locks[0] = locks[1] = WRITE;
	AO_store(claim_of(&bus, 2), 5);
	assert_int_equal(owner_take_number(&bus, &me), 0);
	assert_int_equal(me, 2);
	assert_int_equal(held[2], LOCK_TO_WRITE);
	assert_int_equal(AO_load(claim_of(&bus, 2)), 0);
	assert_int_equal(bus.claim_word, 0);
	/* Read locks on all: by a claim; and one that is claimed is not taken. */
	scene(READ);
	AO_store(claim_of(&bus, 0), our_claim());
	assert_int_equal(owner_take_number(&bus, &me), 0);
	assert_int_equal(me, 1);
	assert_int_equal(held[0], LOCK_NONE);
	assert_int_equal(held[1], LOCK_TO_READ);
	assert_int_not_equal(bus.claim_word, 0);
	assert_int_equal(AO_load(claim_of(&bus, 1)), bus.claim_word);
	bus.ring.me = me;
	/* Somebody writes to it, and it is put right; then the lock is free. */
	AO_store(claim_of(&bus, 1), 99);
	owner_keep(&bus);
	assert_int_equal(AO_load(claim_of(&bus, 1)), bus.claim_word);
	assert_int_not_equal(bus.claim_word, 0);
	locks[1] = FREE;
	owner_keep(&bus);
	assert_int_equal(held[1], LOCK_TO_WRITE);
	assert_int_equal(bus.claim_word, 0);
	assert_int_equal(AO_load(claim_of(&bus, 1)), 0);
	asked = 0;
	owner_keep(&bus);
	assert_int_equal(asked, 0);
	/* Only its own claim goes with it. */
	AO_store(claim_of(&bus, 1), 99);
	bus.claim_word = 98;
	owner_leave(&bus);
	assert_int_equal(AO_load(claim_of(&bus, 1)), 99);
	bus.claim_word = 99;
	owner_leave(&bus);
	assert_int_equal(AO_load(claim_of(&bus, 1)), 0);
}

/* A claim with the process PID, in our PID namespace or in another one. */
static AO_t
claim_with(pid_t pid, bool space)
{
	return (our_space() + !space) << CLAIM_SPACE_SHIFT |
	    (AO_t)pid << CLAIM_PID_SHIFT | 7;
}

static void
test_alive(void **state)
{
	pid_t pid = fork();
	siginfo_t info;

	(void)state;
	if (pid == 0)
		_exit(0);
	assert_true(pid > 0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	scene(FREE);
	locks[1] = READ;
	locks[2] = WRITE;
	assert_false(owner_is_alive(&bus, 0));
	assert_false(owner_is_alive(&bus, 1));
	assert_true(owner_is_alive(&bus, 2));
	/* Claimed by one who lives. */
	AO_store(claim_of(&bus, 0), claim_with(getpid(), true));
	AO_store(claim_of(&bus, 1), claim_with(getpid(), true));
	assert_false(owner_is_alive(&bus, 0)); /* it has no lock */
	assert_true(owner_is_alive(&bus, 1));
	/* By one who has ended, and whom nobody has waited for. */
	AO_store(claim_of(&bus, 1), claim_with(pid, true));
	assert_false(owner_is_alive(&bus, 1));
	AO_store(claim_of(&bus, 1), claim_with(pid, false));
	assert_true(owner_is_alive(&bus, 1));
	AO_store(claim_of(&bus, 1), claim_with(0, true));
	assert_true(owner_is_alive(&bus, 1));
	AO_store(claim_of(&bus, 2), claim_with(pid, true));
	assert_true(owner_is_alive(&bus, 2));
	/* By one who is gone altogether. */
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	AO_store(claim_of(&bus, 1), claim_with(pid, true));
	assert_false(owner_is_alive(&bus, 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_taken),
		cmocka_unit_test(test_alive),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, begin, end);
}
