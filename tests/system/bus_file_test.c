/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bus_file_test.c - what others do to the file while it is in use: cut off,
 * made anew, replaced, removed
 *
 * Signal handlers belong to a whole process, so each case is a child.
 */
#include <sys/mman.h>
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
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
#include "shmbus/format.h"
#include "tests/lib/must.h"

/* ---- cut off ------------------------------------------------------------ */

struct cut {
	const char *path;
	off_t length;
};

/* Everything says that it is dead, again and again. */
static int
all_dead(struct shmbus *b)
{
	const uint8_t mac[6] = { 2 };
	uint8_t buf[64] = { 0xff };
	struct iovec iov = { buf, 60 };
	struct shmbus_rx rx = { .buf = buf, .size = sizeof(buf) };
	struct shmbus_frame f;
	struct shmbus_peer p;
	struct shmbus_info info;
	struct shmbus_stats st;
	unsigned n;
	void *at;
	int fd;

	MUST(shmbus_send(b, buf, 60) == SHMBUS_ETRUNC);
	MUST(shmbus_sendv(b, &iov, 1) == SHMBUS_ETRUNC);
	MUST(shmbus_send_batch(b, &iov, 1, &n) == SHMBUS_ETRUNC && n == 0);
	MUST(shmbus_reserve(b, 60, &at) == SHMBUS_ETRUNC && at == NULL);
	MUST(shmbus_recv(b, buf, 60, &f) == SHMBUS_ETRUNC);
	MUST(shmbus_recv_batch(b, &rx, 1, &n) == SHMBUS_ETRUNC);
	MUST(shmbus_peek(b, &f) == SHMBUS_ETRUNC);
	MUST(shmbus_take(b, buf, 60) == SHMBUS_ETRUNC);
	MUST(shmbus_skip(b) == SHMBUS_ETRUNC);
	MUST(shmbus_wait(b, -1) == SHMBUS_ETRUNC);
	MUST(shmbus_fd(b, &fd) == SHMBUS_ETRUNC);
	MUST(shmbus_set_mac(b, mac) == SHMBUS_ETRUNC);
	MUST(shmbus_list(b, &p, 1, &n) == SHMBUS_ETRUNC);
	MUST(shmbus_check(b) == SHMBUS_ETRUNC);
	shmbus_info(b, &info);
	shmbus_stats(b, &st);
	shmbus_cancel(b);
	shmbus_wake(b);
	return 0;
}

/* It is cut off while frames are sent and received. */
static int
cut_amid_traffic(void *arg)
{
	const struct cut *c = arg;
	struct shmbus *a, *b, *r;
	struct mark m;
	unsigned i;
	int ea = 0, eb = 0, er = 0;

	MUST(shmbus_guard() == 0);
	MUST(shmbus_guard() == 0);
	a = bus_join(c->path, 1, 0);
	b = bus_join(c->path, 2, 0);
	r = bus_join(c->path, 3, SHMBUS_RDONLY);
	for (i = 0; i < 20; i++)
		MUST(bus_send(a, 1, TO_ALL, i + 1, 1000) == 0);
	MUST(bus_recv(b, &m, NULL) == 0 && bus_recv(r, &m, NULL) == 0);
	MUST(truncate(c->path, c->length) == 0);
	/* Going round the ring, everybody comes to what is missing. */
	for (i = 0; i < 400; i++) {
		uint8_t buf[1600];

		ea = ea ? ea : bus_send(a, 1, TO_ALL, i + 21, 1000);
		eb = eb && eb != EAGAIN ? eb : shmbus_recv(b, buf, 1600, NULL);
		er = er && er != EAGAIN ? er : shmbus_recv(r, buf, 1600, NULL);
	}
	/* (A page that is there in part can be used to its end.) */
	MUST(ea == SHMBUS_ETRUNC || shmbus_check(a) == SHMBUS_ETRUNC);
	MUST(eb == SHMBUS_ETRUNC || shmbus_check(b) == SHMBUS_ETRUNC);
	MUST(er == SHMBUS_ETRUNC || shmbus_check(r) == SHMBUS_ETRUNC);
	if (all_dead(a) != 0 || all_dead(b) != 0)
		return 1;
	shmbus_detach(a);
	shmbus_detach(b);
	shmbus_detach(r);
	return 0;
}

/* The lengths to which a file of 64 slots is cut. */
static const off_t lengths[] = { 0, 1, 640, 4096, 8192, 4096 + 65536,
	4096 + 65536 + 20 * 1600, 4096 + 65536 + 63 * 1600 };

static void
test_cut(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct cut c = { bus_new(1500, 64), lengths[i] };

		if (in_child(cut_amid_traffic, &c) != 0)
			fail_msg("cut to %lld", (long long)lengths[i]);
	}
}

/* One who sleeps finds out within about a second, by either way to wait. */
static int
cut_asleep(void *arg)
{
	const struct cut *c = arg;
	struct shmbus *a, *b, *r;
	struct pollfd p = { .events = POLLIN };
	uint8_t buf[64];

	MUST(shmbus_guard() == 0);
	a = bus_join(c->path, 1, 0);
	b = bus_join(c->path, 2, 0);
	r = bus_join(c->path, 3, SHMBUS_RDONLY);
	MUST(shmbus_fd(a, &p.fd) == 0);
	nap_ms(5);
	MUST(truncate(c->path, c->length) == 0);
	MUST(shmbus_wait(b, -1) == SHMBUS_ETRUNC);
	MUST(shmbus_wait(r, -1) == SHMBUS_ETRUNC);
	MUST(poll(&p, 1, -1) == 1);
	MUST(shmbus_recv(a, buf, 60, NULL) == SHMBUS_ETRUNC);
	shmbus_fd_done(a);
	MUST(poll(&p, 1, -1) == 1);
	shmbus_detach(a);
	if (all_dead(b) != 0)
		return 1;
	shmbus_detach(b);
	shmbus_detach(r);
	return 0;
}

static void
test_cut_asleep(void **state)
{
	struct cut c[2] = { { bus_new(1500, 64), 0 },
		{ bus_new(1500, 64), 4096 + 65536 } };
	pid_t pids[2];
	unsigned i;

	(void)state;
	for (i = 0; i < 2; i++)
		pids[i] = child_start(cut_asleep, &c[i]);
	for (i = 0; i < 2; i++)
		assert_int_equal(child_end(pids[i]), 0);
}

/* Without a handler: one who looks in time is told, and touches nothing. */
static int
cut_and_looked(void *arg)
{
	const struct cut *c = arg;
	struct shmbus *b;

	signal(SIGBUS, SIG_DFL);
	b = bus_join(c->path, 1, 0);
	MUST(shmbus_check(b) == 0);
	MUST(truncate(c->path, c->length) == 0);
	MUST(shmbus_check(b) == SHMBUS_ETRUNC);
	if (all_dead(b) != 0)
		return 1;
	shmbus_detach(b);
	return 0;
}

static void
test_cut_and_looked(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct cut c = { bus_new(1500, 64), lengths[i] };

		assert_int_equal(in_child(cut_and_looked, &c), 0);
	}
}

/* ---- SIGBUS that is not ours -------------------------------------------- */

static volatile sig_atomic_t others;
static sigjmp_buf back;

static void
plain_handler(int sig)
{
	others++;
	if (sig == SIGBUS && others % 2 == 1)
		siglongjmp(back, 1);
}

static void
info_handler(int sig, siginfo_t *info, void *context)
{
	(void)info;
	plain_handler(context != NULL ? sig : 0);
}

struct other {
	const char *path;
	int handler; /* 0: default, 1: plain, 2: with information, 3: ignored */
	bool fault;
};

static int
not_ours(void *arg)
{
	const struct other *o = arg;
	struct sigaction sa = { .sa_handler = plain_handler };
	struct shmbus *b;
	char *page;
	int fd;

	if (o->handler == 2) {
		sa.sa_sigaction = info_handler;
		sa.sa_flags = SA_SIGINFO;
	}
	if (o->handler == 0)
		sa.sa_handler = SIG_DFL;
	if (o->handler == 3)
		sa.sa_handler = SIG_IGN;
	sa.sa_flags |= SA_NODEFER;
	sigaction(SIGBUS, &sa, NULL);
	MUST(shmbus_guard() == 0);
	b = bus_join(o->path, 1, 0);
	fd = open("/proc/self/exe", O_RDONLY);
	page = mmap(NULL, 1 << 30, PROT_READ, MAP_PRIVATE, fd, 0);
	MUST(page != MAP_FAILED);
	if (sigsetjmp(back, 1) == 0) {
		if (o->fault)
			/* far beyond that file's end */
			(void)*(volatile char *)(page + (1 << 30) - 1);
		else
			raise(SIGBUS);
	}
	MUST(o->handler == 3 ? others == 0 : others == 1);
	/* The guard is still there. */
	MUST(truncate(o->path, 4096) == 0);
	MUST(bus_send(b, 1, TO_ALL, 1, 60) == SHMBUS_ETRUNC);
	shmbus_detach(b);
	return 0;
}

static void
test_not_ours(void **state)
{
	unsigned handler, fault;

	(void)state;
	for (handler = 0; handler < 4; handler++)
		for (fault = 0; fault < 2; fault++) {
			struct other o = { bus_new(1500, 16), (int)handler,
				fault };
			/* A fault cannot be ignored. */
			bool dies = handler == 0 || (handler == 3 && fault);
			int status = in_child(not_ours, &o);

			if (status != (dies ? 256 + SIGBUS : 0))
				fail_msg("handler %u, fault %u: %d", handler,
				    fault, status);
		}
}

/* ---- made anew ---------------------------------------------------------- */

struct anew {
	const char *path;
	uint32_t slots;
};

/*
 * The file is emptied under its users, and made a bus again by a newcomer. With
 * the same geometry they meet again there; else the old ones are told.
 */
static int
made_anew(void *arg)
{
	const struct anew *n = arg;
	struct shmbus_options opt = { .flags = SHMBUS_CREATE,
		.geometry = { .slots = n->slots } };
	struct shmbus *a, *b, *c;
	struct mark m;
	unsigned i;

	MUST(shmbus_guard() == 0);
	a = bus_join(n->path, 1, 0);
	b = bus_join(n->path, 2, 0);
	for (i = 1; i <= 50; i++)
		MUST(bus_send(a, 1, 2, i, 60) == 0);
	MUST(truncate(n->path, 0) == 0);
	frame_mac(3, opt.mac);
	MUST(shmbus_attach(n->path, &opt, &c) == 0);
	if (n->slots != 64) {
		MUST(shmbus_check(a) == SHMBUS_ETRUNC);
		MUST(shmbus_wait(b, -1) == SHMBUS_ETRUNC);
		MUST(all_dead(a) == 0 && all_dead(b) == 0);
	} else {
		MUST(shmbus_check(a) == 0 && shmbus_check(b) == 0);
		/* A lost place is found again by itself. */
		for (i = 0; i < 200; i++) {
			MUST(bus_send(c, 3, TO_ALL, i, 60) == 0);
			bus_drain(a);
			bus_drain(b);
		}
		MUST(bus_send(c, 3, 1, 1000, 60) == 0);
		MUST(bus_recv(a, &m, NULL) == 0 && m.serial == 1000);
		MUST(bus_send(b, 2, 3, 2000, 60) == 0);
		do
			MUST(bus_recv(c, &m, NULL) == 0);
		while (m.serial != 2000);
	}
	shmbus_detach(a);
	shmbus_detach(b);
	/* Those who leave do the new one no harm. */
	a = bus_join(n->path, 4, 0);
	bus_drain(c);
	MUST(bus_send(a, 4, 3, 5, 60) == 0);
	MUST(bus_recv(c, &m, NULL) == 0 && m.serial == 5);
	shmbus_detach(a);
	shmbus_detach(c);
	return 0;
}

static void
test_made_anew(void **state)
{
	static const uint32_t slots[] = { 64, 16, 2048 };
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		struct anew n = { bus_new(1500, 64), slots[i] };

		if (in_child(made_anew, &n) != 0)
			fail_msg("%u slots", slots[i]);
	}
}

/* ---- replaced, removed -------------------------------------------------- */

static void
test_replaced(void **state)
{
	const char *path = bus_new(1500, 16);
	const char *moved = busdir_path("moved");
	struct shmbus *a = bus_join(path, 1, 0);
	struct shmbus *b = bus_join(path, 2, SHMBUS_RDONLY);
	struct shmbus *c;
	struct mark m;

	(void)state;
	assert_int_equal(shmbus_check(a), 0);
	assert_int_equal(rename(path, moved), 0);
	assert_int_equal(shmbus_check(a), ENOENT);
	assert_int_equal(shmbus_check(b), ENOENT);
	assert_int_equal(shmbus_create(path, NULL), 0);
	assert_int_equal(shmbus_check(a), SHMBUS_EREPLACED);
	assert_int_equal(shmbus_check(b), SHMBUS_EREPLACED);
	/* They go on; newcomers meet elsewhere. */
	c = bus_join(path, 3, 0);
	assert_int_equal(shmbus_check(c), 0);
	assert_int_equal(bus_send(a, 1, TO_ALL, 1, 60), 0);
	assert_int_equal(bus_recv(b, &m, NULL), 0);
	assert_int_equal(bus_recv(c, &m, NULL), EAGAIN);
	shmbus_detach(c);
	assert_int_equal(rename(moved, path), 0);
	assert_int_equal(shmbus_check(a), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(shmbus_check(a), ENOENT);
	assert_int_equal(shmbus_wait(a, 1), ETIMEDOUT);
	assert_int_equal(bus_send(a, 1, TO_ALL, 2, 60), 0);
	assert_int_equal(bus_recv(b, &m, NULL), 0);
	shmbus_detach(a);
	shmbus_detach(b);
}

/* A path that is relative, or a link, means the file that it was. */
static int
elsewhere(void *arg)
{
	char folder[300];
	struct shmbus *a, *b;
	char *name;

	snprintf(folder, sizeof(folder), "%s", (const char *)arg);
	name = strrchr(folder, '/');
	*name++ = '\0';
	MUST(chdir(folder) == 0);
	MUST(symlink(name, "link.bus") == 0);
	a = bus_join(name, 1, 0);
	b = bus_join("link.bus", 2, 0);
	MUST(chdir("/") == 0);
	MUST(shmbus_check(a) == 0);
	MUST(shmbus_check(b) == 0);
	shmbus_detach(a);
	shmbus_detach(b);
	return 0;
}

static void
test_relative(void **state)
{
	(void)state;
	assert_int_equal(in_child(elsewhere,
			     (void *)(uintptr_t)bus_new(68, 16)),
	    0);
}

int
main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, busdir_before, busdir_after)
	const struct CMUnitTest tests[] = {
		TEST(test_cut),
		TEST(test_cut_asleep),
		TEST(test_cut_and_looked),
		TEST(test_not_ours),
		TEST(test_made_anew),
		TEST(test_replaced),
		TEST(test_relative),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, busdir_make, busdir_remove);
}
