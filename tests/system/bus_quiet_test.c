/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bus_quiet_test.c - quiet is free (I8)
 *
 * Sending while nobody sleeps, and receiving, make no system call: they are
 * done in a process that the kernel kills at the first one.  Those who wait
 * and have nothing to wait for wake up once a second at most.
 *
 * alone: it counts how often its threads sleep
 */
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/lib/busdir.h"
#include "tests/lib/mapped.h"

/* From now on, only what reads a clock, and the end. */
static int
no_more_calls(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, nr)),
		/* Not a call at all where the kernel can do without. */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clock_gettime, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog prog = { .len = sizeof(code) / sizeof(code[0]),
		.filter = code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
}

/* A hundred rounds of all that two attachments may do with frames. */
static int
traffic(struct shmbus *a, struct shmbus *b)
{
	static uint8_t frame[4][100], buf[8][128];
	struct shmbus_rx rx[8];
	struct iovec iov[4];
	struct shmbus_frame f;
	struct shmbus_stats st;
	unsigned i, got;
	void *at;

	for (i = 0; i < 8; i++) {
		rx[i].buf = buf[i];
		rx[i].size = sizeof(buf[i]);
	}
	for (i = 0; i < 4; i++) {
		frame_make(frame[i], 100, i % 2 ? 2 : TO_ALL, 1, i);
		iov[i].iov_base = frame[i];
		iov[i].iov_len = 100;
	}
	for (i = 0; i < 100; i++) {
		if (shmbus_send(a, frame[0], 100) != 0 ||
		    shmbus_sendv(a, iov, 1) != 0 ||
		    shmbus_send_batch(a, iov, 4, NULL) != 0 ||
		    shmbus_reserve(a, 60, &at) != 0)
			return 1;
		frame_make(at, 60, 2, 1, i);
		if (shmbus_commit(a, 60) != 0 ||
		    shmbus_reserve(a, 60, &at) != 0)
			return 2;
		shmbus_cancel(a);
		if (shmbus_peek(b, &f) != 0 || shmbus_skip(b) != 0 ||
		    shmbus_wait(b, 0) != 0 || shmbus_peek(b, &f) != 0 ||
		    shmbus_take(b, buf[0], 60) != 0 ||
		    shmbus_recv(b, buf[0], 128, &f) != 0 ||
		    shmbus_wait(b, -1) != 0 ||
		    shmbus_recv_batch(b, rx, 8, &got) != 0 || got != 4 ||
		    shmbus_recv(b, buf[0], 128, &f) != EAGAIN)
			return 3;
		shmbus_stats(a, &st);
	}
	return 0;
}

struct quiet {
	const char *path;
	struct shmbus *a, *b;
};

static int
silently(void *arg)
{
	struct quiet *q = arg;
	int error;

	q->a = bus_join(q->path, 1, 0);
	q->b = bus_join(q->path, 2, 0);
	/* Once, for what is bound or allocated at the first time. */
	if ((error = traffic(q->a, q->b)) != 0)
		return error;
	if (no_more_calls() == -1)
		return 77;
	error = traffic(q->a, q->b);
	syscall(SYS_exit_group, error);
	return 99;
}

static void
test_no_calls(void **state)
{
	struct quiet q = { .path = bus_new(1500, 64) };
	int status = in_child(silently, &q);

	(void)state;
	if (status == 77) {
		print_message("# no seccomp here\n");
		skip();
	}
	assert_int_equal(status, 0);
}

static void *
sleeper(void *arg)
{
	shmbus_wait(arg, -1);
	return NULL;
}

static int
not_silently(void *arg)
{
	struct quiet *q = arg;
	uint8_t frame[60];

	q->a = bus_join(q->path, 1, 0);
	frame_make(frame, 60, TO_NOBODY, 1, 1);
	if (shmbus_send(q->a, frame, 60) != 0)
		return 1;
	if (no_more_calls() == -1)
		return 77;
	frame_make(frame, 60, TO_ALL, 1, 1);
	shmbus_send(q->a, frame, 60);
	syscall(SYS_exit_group, 0);
	return 99;
}

/* That the above can fail: with one that sleeps there is a call. */
static void
test_a_call(void **state)
{
	struct quiet q = { .path = bus_new(1500, 64) };
	struct map map = map_open(q.path);
	struct shmbus *b = bus_join(q.path, 2, 0);
	pthread_t thread;
	int status;

	(void)state;
	status = in_child(not_silently, &q);
	if (status == 77) {
		print_message("# no seccomp here\n");
		shmbus_detach(b);
		map_close(&map);
		skip();
	}
	assert_int_equal(status, 0);
	bus_drain(b);
	assert_int_equal(pthread_create(&thread, NULL, sleeper, b), 0);
	while (!map_sleeping(&map, (unsigned)shmbus_index(b)))
		nap_ms(1);
	assert_int_equal(in_child(not_silently, &q), 256 + SIGSYS);
	shmbus_wake(b);
	pthread_join(thread, NULL);
	shmbus_detach(b);
	map_close(&map);
}

#if defined(__SANITIZE_THREAD__) /* it has a restless thread of its own */
#define IDLE 15
#else
#define IDLE 2
#endif

/* How often any of our threads went to sleep. */
static long
sleeps(void)
{
	struct rusage u;

	assert_int_equal(getrusage(RUSAGE_SELF, &u), 0);
	return u.ru_nvcsw;
}

static void
test_idle(void **state)
{
	const char *path = bus_new(1500, 64);
	struct map map = map_open(path);
	struct shmbus *a = bus_join(path, 1, 0);
	struct shmbus *b = bus_join(path, 2, 0);
	struct shmbus *c = bus_join(path, 3, 0);
	struct shmbus_stats st;
	uint64_t begin;
	pthread_t thread;
	long before;
	unsigned i;
	int fd;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, sleeper, b), 0);
	assert_int_equal(shmbus_fd(c, &fd), 0);
	shmbus_fd_done(c); /* where a thread waits, that starts it */
	for (i = 1; i < 3; i++)
		while (!map_sleeping(&map, i))
			nap_ms(1);
	nap_ms(5);
	before = sleeps();
	begin = clock_now();
	nap_ms(2500);
	/* Two sleepers, once a second; and some for taking locks. */
	assert_in_range(sleeps() - before, 0,
	    8 + IDLE * ((clock_now() - begin) / 1000000000));
	/* What is not for them changes nothing. */
	before = sleeps();
	for (i = 0; i < 500; i++)
		assert_int_equal(bus_send(a, 1, TO_NOBODY, i, 60), 0);
	nap_ms(50);
	assert_in_range(sleeps() - before, 0,
	    10 + IDLE * ((clock_now() - begin) / 1000000000));
	shmbus_stats(a, &st);
	assert_int_equal(st.rung, 0);
	shmbus_wake(b);
	pthread_join(thread, NULL);
	shmbus_stats(b, &st);
	assert_in_range(st.wakeups, 0, 1); /* the last one */
	shmbus_detach(a);
	shmbus_detach(b);
	shmbus_detach(c);
	map_close(&map);
}

int
main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, busdir_before, busdir_after)
	const struct CMUnitTest tests[] = {
		TEST(test_no_calls),
		TEST(test_a_call),
		TEST(test_idle),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, busdir_make, busdir_remove);
}
