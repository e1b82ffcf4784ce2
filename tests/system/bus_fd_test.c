/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bus_fd_test.c - what shmbus_fd() polls: without a thread where the kernel can wait
 * for a futex by io_uring, and with one where it cannot or may not
 */
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <dirent.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shmbus/format.h"
#include "tests/lib/busdir.h"
#include "tests/lib/mapped.h"
#include "tests/lib/must.h"

/* How many threads this process has. */
static unsigned
threads(void)
{
	DIR *d = opendir("/proc/self/task");
	const struct dirent *e;
	unsigned n = 0;

	assert_non_null(d);
	while ((e = readdir(d)) != NULL)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static int
readable(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms);
}

/* Receives until frame SERIAL has come, as shmbus.h says how. */
static void
serve(struct shmbus *b, int fd, uint64_t serial)
{
	struct mark m = { 0 };

	while (m.serial < serial) {
		assert_int_equal(readable(fd, -1), 1);
		while (bus_recv(b, &m, NULL) == 0)
			;
		shmbus_fd_done(b);
	}
	assert_int_equal(m.serial, serial);
}

/* From now on the system call NR is refused to this process. */
static void
refuse(unsigned nr)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog all = { .len = sizeof(code) / sizeof(code[0]),
		.filter = code };

	MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	MUST(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &all) == 0);
}

/* Whether there is a descriptor without a thread here. */
static bool
threadless(void)
{
	struct shmbus *b = bus_join(bus_new(1500, 64), 9, 0);
	unsigned before = threads();
	bool is;
	int fd;

	assert_int_equal(shmbus_fd(b, &fd), 0);
	shmbus_fd_done(b);
	is = threads() == before;
	shmbus_detach(b);
	return is;
}

/* No thread, no wake-up while it is quiet, none for frames of others. */
static void
test_quiet(void **state)
{
	struct shmbus *a, *b;
	const char *path;
	unsigned before;
	struct mark m;
	uint64_t i;
	int fd;

	(void)state;
	if (!threadless())
		skip();
	path = bus_new(1500, 64);
	a = bus_join(path, 1, 0);
	b = bus_join(path, 2, 0);
	before = threads();
	assert_int_equal(shmbus_fd(b, &fd), 0);
	assert_int_equal(readable(fd, 0), 0);
	for (i = 1; i <= 100; i++) {
		assert_int_equal(bus_send(a, 1, 2, i, 60), 0);
		serve(b, fd, i);
	}
	assert_int_equal(threads(), before);
	for (i = 0; i < 1000; i++)
		assert_int_equal(bus_send(a, 1, TO_NOBODY, i, 60), 0);
	assert_int_equal(readable(fd, 2500), 0);
	assert_int_equal(bus_recv(b, &m, NULL), EAGAIN);
	shmbus_fd_done(b);
	assert_int_equal(readable(fd, 0), 0);
	assert_int_equal(bus_send(a, 1, 2, 1000, 60), 0);
	serve(b, fd, 1000);
	shmbus_detach(a);
	shmbus_detach(b);
}

/*
 * A sender that dies before it has rung: here one that sees nobody asleep.  Its
 * death is noticed, long before the timer ticks.
 */
static void
test_sender_dies(void **state)
{
	struct shmbus *b;
	const char *path;
	struct map map;
	struct mark m;
	int fd, status;
	pid_t child;

	(void)state;
	if (!threadless())
		skip();
	path = bus_new(1500, 64);
	map = map_open(path);
	b = bus_join(path, 2, 0);
	assert_int_equal(shmbus_fd(b, &fd), 0);
	if ((child = fork()) == 0) {
		struct shmbus *a = bus_join(path, 1, 0);

		AO_and_full(&map.hdr->sleeping[0],
		    ~((AO_t)1 << shmbus_index(b)));
		(void)bus_send(a, 1, 2, 7, 60);
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(readable(fd, 7000), 1);
	assert_int_equal(bus_recv(b, &m, NULL), 0);
	assert_int_equal(m.serial, 7);
	shmbus_fd_done(b);
	map_close(&map);
	shmbus_detach(b);
}

struct other {
	struct shmbus *b;
	int fd;
	uint64_t serial;
};

static void *
other_thread(void *arg)
{
	struct other *o = arg;

	serve(o->b, o->fd, o->serial);
	return NULL;
}

/* The receive side goes from thread to thread, and those who had it end. */
static void
test_hand_over(void **state)
{
	const char *path = bus_new(1500, 64);
	struct shmbus *a = bus_join(path, 1, 0);
	struct other o = { .b = bus_join(path, 2, 0) };
	pthread_t thread;

	(void)state;
	assert_int_equal(shmbus_fd(o.b, &o.fd), 0);
	while (o.serial < 40) {
		o.serial++;
		assert_int_equal(bus_send(a, 1, 2, o.serial, 60), 0);
		assert_int_equal(pthread_create(&thread, NULL, other_thread,
				     &o),
		    0);
		pthread_join(thread, NULL);
		if (o.serial % 3 == 0) {
			o.serial++;
			assert_int_equal(bus_send(a, 1, 2, o.serial, 60), 0);
			serve(o.b, o.fd, o.serial);
		}
	}
	shmbus_detach(a);
	shmbus_detach(o.b);
}

/*
 * One who sleeps in epoll_wait() is not interrupted by a bell.  In a process of its
 * own: a ring that is closed interrupts its thread, once, some time later.
 */
static int
in_epoll(void *arg)
{
	const char *path = arg;
	struct shmbus *b = bus_join(path, 2, 0);
	struct epoll_event e = { .events = EPOLLIN };
	int fd, ep = epoll_create1(EPOLL_CLOEXEC);
	uint64_t i;
	pid_t child;

	MUST(shmbus_fd(b, &fd) == 0);
	MUST(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e) == 0);
	if ((child = fork()) == 0) {
		struct shmbus *a = bus_join(path, 1, 0);

		for (i = 1; i <= 50; i++) {
			(void)bus_send(a, 1, 2, i, 60);
			nap_ms(1);
		}
		shmbus_detach(a);
		_exit(0);
	}
	for (i = 0; i < 50;) {
		struct mark m;

		MUST(epoll_wait(ep, &e, 1, -1) == 1);
		while (bus_recv(b, &m, NULL) == 0)
			MUST(m.serial == ++i);
		shmbus_fd_done(b);
	}
	MUST(waitpid(child, NULL, 0) == child);
	close(ep);
	shmbus_detach(b);
	return 0;
}

static void
test_epoll(void **state)
{
	(void)state;
	assert_int_equal(in_child(in_epoll,
			     (void *)(uintptr_t)bus_new(1500, 64)),
	    0);
}

/* In a child that may not make a ring: a thread, but none before the first call. */
static int
without_setup(void *arg)
{
	const char *path = arg;
	struct shmbus *a, *b;
	unsigned before;
	uint64_t i;
	int fd;

	refuse(425); /* io_uring_setup */
	before = threads();
	a = bus_join(path, 1, 0);
	b = bus_join(path, 2, 0);
	MUST(shmbus_fd(b, &fd) == 0);
	MUST(threads() == before);
	MUST(readable(fd, 0) == 1);
	for (i = 1; i <= 50; i++) {
		MUST(bus_send(a, 1, 2, i, 60) == 0);
		serve(b, fd, i);
	}
	MUST(threads() == before + 1);
	MUST(readable(fd, 50) == 0);
	shmbus_wake(b);
	MUST(readable(fd, -1) == 1);
	shmbus_detach(b);
	MUST(threads() == before);
	shmbus_detach(a);
	return 0;
}

/* In a child that may not use it any more, after the bus was opened. */
static int
without_enter(void *arg)
{
	const char *path = arg;
	struct shmbus *a = bus_join(path, 1, 0);
	struct shmbus *b = bus_join(path, 2, 0);
	uint64_t i;
	int fd;

	MUST(shmbus_fd(b, &fd) == 0);
	refuse(426); /* io_uring_enter */
	for (i = 1; i <= 50; i++) {
		MUST(bus_send(a, 1, 2, i, 60) == 0);
		serve(b, fd, i);
	}
	MUST(readable(fd, 50) == 0);
	shmbus_detach(b);
	shmbus_detach(a);
	return 0;
}

static void
test_refused(void **state)
{
	(void)state;
	assert_int_equal(in_child(without_setup,
			     (void *)(uintptr_t)bus_new(1500, 64)),
	    0);
	assert_int_equal(in_child(without_enter,
			     (void *)(uintptr_t)bus_new(1500, 64)),
	    0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quiet),
		cmocka_unit_test(test_sender_dies),
		cmocka_unit_test(test_hand_over),
		cmocka_unit_test(test_epoll),
		cmocka_unit_test(test_refused),
	};

	setenv("SHMBUS_FD", "io_uring", 1);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, busdir_make, busdir_remove);
}
