/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mbox_test.c - mailboxes, and being a stack while its thread sleeps
 *
 * DOC: Messages carry who sent them and a serial number.  What must hold:
 * nothing is lost and nothing comes twice, from each sender in order, however
 * many send and fetch; who waits is woken, also at the end of a batch; a full
 * mailbox holds up who posts, not for ever; a mailbox may be freed by whoever
 * fetched the last message (for the sanitizers).  core_call(): two are never a
 * stack at once, which a plain counter shows, and ThreadSanitizer.
 *
 * No test depends on a time being short: one that fails hangs, and is ended by
 * the runner.
 */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "stack/lwipv6/threads/threads.h"

#define SENDERS 4u
#define EACH 50000u
#define FULL 8192u

static void *
message(unsigned who, unsigned serial)
{
	return (void *)((uintptr_t)who << 32 | (serial + 1));
}

static void
test_order(void **state)
{
	struct sys_mbox *m = sys_mbox_new();
	unsigned out = 0, in = 0, n;
	void *msg;

	(void)state;
	assert_true(mbox_ours(m));
	/* Over the end of the ring, and through its growing. */
	for (n = 1; n < 300; n++) {
		unsigned k;

		for (k = 0; k < n; k++)
			sys_mbox_post(m, message(0, in++));
		assert_int_equal(mbox_waiting(m), in - out);
		for (k = 0; k < n - n % 3; k++) {
			sys_arch_mbox_fetch(m, &msg, 0);
			assert_ptr_equal(msg, message(0, out++));
		}
	}
	while (out < in) {
		sys_arch_mbox_fetch(m, &msg, 1);
		assert_ptr_equal(msg, message(0, out++));
	}
	assert_int_equal(mbox_waiting(m), 0);
	sys_mbox_post(m, message(1, 1));
	assert_int_not_equal(sys_arch_mbox_fetch(m, NULL, 0), SYS_ARCH_TIMEOUT);
	sys_mbox_free(m);
	sys_mbox_free(NULL);
}

static int64_t
ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The clock of fetching is right: never early, and time is not made up. */
static void
test_timeout(void **state)
{
	struct sys_mbox *m = sys_mbox_new();
	int64_t begin, said = 20;
	void *msg = m;
	int i;

	(void)state;
	/* A call without a limit sets a thread's clock. */
	sys_mbox_post(m, m);
	assert_int_equal(sys_arch_mbox_fetch(m, &msg, 0), 0);
	begin = ms();
	assert_int_equal(sys_arch_mbox_fetch(m, &msg, 20), SYS_ARCH_TIMEOUT);
	assert_null(msg);
	assert_true(ms() - begin >= 19);
	for (i = 0; i < 200; i++) {
		uint32_t t;

		sys_mbox_post(m, m);
		t = sys_arch_mbox_fetch(m, &msg, 1000);
		assert_int_not_equal(t, SYS_ARCH_TIMEOUT);
		assert_ptr_equal(msg, m);
		said += t;
		if (i % 50 == 0)
			usleep(3000);
	}
	assert_true(said <= ms() - begin + 1);
	sys_mbox_free(m);
}

/* ---- several threads ---------------------------------------------------- */

struct crowd {
	struct sys_mbox *m;
	unsigned fetchers;
	unsigned seen[SENDERS]; /* by one fetcher: the next serial */
	unsigned char *got;	/* by several: SENDERS * EACH flags */
	bool batches;
};

struct member {
	struct crowd *c;
	unsigned number;
	unsigned wrong;
	pthread_t thread;
};

static void *
sender(void *arg)
{
	struct member *me = arg;
	unsigned i;

	for (i = 0; i < EACH; i++) {
		if (me->c->batches && i % 16 == 0) {
			mbox_batch_end();
			mbox_batch_begin();
		}
		sys_mbox_post(me->c->m, message(me->number, i));
	}
	mbox_batch_end();
	return NULL;
}

/* Takes messages until it gets NULL. */
static void *
fetcher(void *arg)
{
	struct member *me = arg;
	struct crowd *c = me->c;

	for (;;) {
		unsigned who, serial;
		uintptr_t v;
		void *msg;

		sys_arch_mbox_fetch(c->m, &msg, 0);
		if ((v = (uintptr_t)msg) == 0)
			return NULL;
		who = (unsigned)(v >> 32);
		serial = (unsigned)v - 1;
		if (who >= SENDERS || serial >= EACH) {
			me->wrong++;
			continue;
		}
		if (c->fetchers == 1 && c->seen[who]++ != serial)
			me->wrong++;
		if (__atomic_fetch_add(&c->got[who * EACH + serial], 1,
			__ATOMIC_RELAXED) != 0)
			me->wrong++;
	}
}

static void
crowd_run(unsigned fetchers, bool batches)
{
	struct crowd c = { .fetchers = fetchers, .batches = batches };
	struct member s[SENDERS], f[4];
	unsigned i;

	c.m = sys_mbox_new();
	c.got = calloc(SENDERS, EACH);
	assert_non_null(c.got);
	for (i = 0; i < fetchers; i++) {
		f[i] = (struct member){ .c = &c, .number = i };
		pthread_create(&f[i].thread, NULL, fetcher, &f[i]);
	}
	for (i = 0; i < SENDERS; i++) {
		s[i] = (struct member){ .c = &c, .number = i };
		pthread_create(&s[i].thread, NULL, sender, &s[i]);
	}
	for (i = 0; i < SENDERS; i++)
		pthread_join(s[i].thread, NULL);
	for (i = 0; i < fetchers; i++)
		sys_mbox_post(c.m, NULL);
	for (i = 0; i < fetchers; i++) {
		pthread_join(f[i].thread, NULL);
		assert_int_equal(f[i].wrong, 0);
	}
	for (i = 0; i < SENDERS * EACH; i++)
		if (c.got[i] != 1)
			fail_msg("message %u of %u: %u times", i % EACH,
			    i / EACH, c.got[i]);
	sys_mbox_free(c.m);
	free(c.got);
}

static void
test_one_fetches(void **state)
{
	(void)state;
	crowd_run(1, false);
}

static void
test_many_fetch(void **state)
{
	(void)state;
	crowd_run(4, false);
}

static void
test_batches(void **state)
{
	(void)state;
	crowd_run(1, true);
	crowd_run(4, true);
}

static void *
fill(void *arg)
{
	struct member *me = arg;
	unsigned i;

	for (i = 0; i < FULL + 100; i++) {
		sys_mbox_post(me->c->m, message(0, i));
		__atomic_store_n(&me->number, i + 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

static void
test_full(void **state)
{
	struct crowd c = { .m = sys_mbox_new() };
	struct member me = { .c = &c };
	unsigned i;
	void *msg;

	(void)state;
	pthread_create(&me.thread, NULL, fill, &me);
	while (__atomic_load_n(&me.number, __ATOMIC_ACQUIRE) < FULL)
		usleep(1000);
	usleep(20000); /* it could go on by mistake here */
	assert_int_equal(__atomic_load_n(&me.number, __ATOMIC_ACQUIRE), FULL);
	assert_int_equal(mbox_waiting(c.m), FULL);
	for (i = 0; i < FULL + 100; i++) {
		sys_arch_mbox_fetch(c.m, &msg, 0);
		assert_ptr_equal(msg, message(0, i));
	}
	pthread_join(me.thread, NULL);
	sys_mbox_free(c.m);
}

/*
 * Who puts wake-ups off and then waits for room has to make them first: the
 * room is made by who sleeps.
 */
static void
test_full_batch(void **state)
{
	struct crowd c = { .m = sys_mbox_new(), .fetchers = 1 };
	struct member me = { .c = &c };
	unsigned i;

	(void)state;
	c.got = calloc(SENDERS, EACH);
	assert_non_null(c.got);
	pthread_create(&me.thread, NULL, fetcher, &me);
	usleep(20000); /* mostly it sleeps by now, which is what is meant */
	mbox_batch_begin();
	for (i = 0; i < 2 * FULL; i++)
		sys_mbox_post(c.m, message(0, i));
	sys_mbox_post(c.m, NULL);
	mbox_batch_end();
	pthread_join(me.thread, NULL);
	assert_int_equal(me.wrong, 0);
	assert_int_equal(c.seen[0], 2 * FULL);
	sys_mbox_free(c.m);
	free(c.got);
}

static void *
answer(void *arg)
{
	sys_mbox_post(arg, arg);
	return NULL;
}

/* Who fetches frees, while the other is on his way out of posting. */
static void
test_freed(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < 500; i++) {
		struct sys_mbox *m = sys_mbox_new();
		pthread_t t;
		void *msg;

		pthread_create(&t, NULL, answer, m);
		sys_arch_mbox_fetch(m, &msg, 0);
		assert_ptr_equal(msg, m);
		sys_mbox_free(m);
		pthread_join(t, NULL);
	}
}

/* ---- being a stack ------------------------------------------------------ */

#define CALLERS 3u
#define CALLS 40000u

/* All but the first and the last are touched by whoever is the stack only. */
static struct {
	struct stack *stack;
	volatile unsigned inside;
	unsigned calls;
	unsigned at_once; /* run on a caller's thread */
	unsigned next[CALLERS + 1];
	unsigned wrong;
	unsigned ticks;
	bool over;
	unsigned returned;
} core;

static __thread bool caller, ran; /* a caller's thread, and here */

static void
count(void *arg)
{
	unsigned who = (unsigned)((uintptr_t)arg >> 32);
	volatile unsigned spin;

	if (core.inside++ != 0 || !thread_inside(core.stack))
		core.wrong++;
	if (core.next[who]++ != (uint32_t)(uintptr_t)arg)
		core.wrong++; /* not in the order of its caller */
	core.calls++;
	core.at_once += caller;
	ran = true;
	for (spin = 0; spin < 2000; spin++)
		continue;
	if (--core.inside != 0)
		core.wrong++;
}

static void *
call_often(void *arg)
{
	uintptr_t who = (uintptr_t)arg;
	unsigned i;

	caller = true;
	for (i = 0; i < CALLS; i++) {
		if (i % 500 == 0)
			thread_call(core.stack, count, (void *)(who | i));
		else
			core_call(core.stack, count, (void *)(who | i));
		if (thread_inside(core.stack))
			__atomic_fetch_add(&core.returned, 1, __ATOMIC_RELAXED);
		if (i % 16 == 0)
			sched_yield();
	}
	return NULL;
}

/* A timer of the stack: its thread comes back whether or not it is called. */
static void
tick(void *arg)
{
	if (core.over)
		return; /* the numbers are being read */
	if (core.inside++ != 0)
		core.wrong++;
	if (--core.inside != 0)
		core.wrong++;
	core.ticks++;
	sys_timeout(1, tick, arg);
}

static void
begin(void *arg)
{
	tick(arg);
}

static void
end(void *arg)
{
	(void)arg;
	core.over = true;
}

static void
test_core(void **state)
{
	pthread_t t[CALLERS];
	unsigned i, calls;

	(void)state;
	core.stack = lwip_add_stack(0);
	assert_non_null(core.stack);
	assert_int_equal(thread_call(core.stack, begin, NULL), 0);
	for (i = 0; i < CALLERS; i++)
		pthread_create(&t[i], NULL, call_often,
		    (void *)((uintptr_t)i << 32));
	for (i = 0; i < CALLERS; i++)
		pthread_join(t[i], NULL);
	/*
	 * The crowd may never find the stack's thread asleep; one who calls now
	 * and then does.
	 */
	caller = true;
	for (i = 0; !ran && i < 60000; i++) {
		usleep(1000);
		core_call(core.stack, count,
		    (void *)((uintptr_t)CALLERS << 32 | i));
	}
	calls = CALLERS * CALLS + i;
	/* After all that was queued. */
	assert_int_equal(thread_call(core.stack, end, NULL), 0);
	printf("# %u of %u calls at once, %u ticks\n", core.at_once, core.calls,
	    core.ticks);
	assert_int_equal(core.calls, calls);
	assert_int_equal(core.wrong, 0);
	assert_int_equal(core.returned, 0);
	assert_true(core.at_once > 0 && core.ticks > 0);
	lwip_del_stack(core.stack);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_timeout),
		cmocka_unit_test(test_one_fetches),
		cmocka_unit_test(test_many_fetch),
		cmocka_unit_test(test_batches),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_full_batch),
		cmocka_unit_test(test_freed),
		cmocka_unit_test(test_core),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
