/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bus_attach_test.c - attachments: numbers, the list, addresses, read-only
 * ones, forks, leaks
 */
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/lib/busdir.h"
#include "tests/lib/crew.h"
#include "tests/lib/must.h"

/* Numbers are given from the lowest free one; 256 of them, and no more. */
static void
test_numbers(void **state)
{
	const char *path = bus_new(68, 16);
	static struct shmbus *b[SHMBUS_ATTACH_MAX];
	struct shmbus *more = NULL;
	struct shmbus_peer *peers = calloc(300, sizeof(*peers));
	unsigned i, n;

	(void)state;
	for (i = 0; i < SHMBUS_ATTACH_MAX; i++) {
		b[i] = bus_join(path, i, 0);
		assert_int_equal(shmbus_index(b[i]), i);
	}
	assert_int_equal(shmbus_attach(path, NULL, &more), SHMBUS_EFULL);
	assert_null(more);
	assert_non_null(strstr(shmbus_why(), "256"));
	/* One who only reads takes none. */
	more = bus_join(path, 0, SHMBUS_RDONLY);
	assert_int_equal(shmbus_index(more), -1);
	assert_int_equal(shmbus_list(more, peers, 300, &n), 0);
	assert_int_equal(n, SHMBUS_ATTACH_MAX);
	for (i = 0; i < n; i++) {
		assert_int_equal(peers[i].index, i);
		assert_int_equal(peers[i].alive, 1);
	}
	/* Too little room: the first ones, and how many there are. */
	memset(peers, 0x11, 300 * sizeof(*peers));
	assert_int_equal(shmbus_list(b[0], peers, 3, &n), 0);
	assert_int_equal(n, SHMBUS_ATTACH_MAX);
	assert_int_equal(peers[2].index, 2);
	assert_int_equal(peers[3].index, 0x11111111);
	shmbus_detach(more);
	/* All of them hear. */
	assert_int_equal(bus_send(b[255], 255, TO_ALL, 1, 60), 0);
	for (i = 0; i < 255; i++)
		assert_int_equal(bus_drain(b[i]), 1);
	/* The lowest that is free comes next. */
	shmbus_detach(b[200]);
	shmbus_detach(b[7]);
	b[7] = bus_join(path, 7, 0);
	assert_int_equal(shmbus_index(b[7]), 7);
	b[200] = bus_join(path, 200, 0);
	assert_int_equal(shmbus_index(b[200]), 200);
	for (i = 0; i < SHMBUS_ATTACH_MAX; i++)
		shmbus_detach(b[i]);
	free(peers);
}

/* What others see of one. */
static void
test_list(void **state)
{
	const char *path = bus_new(1500, 16);
	struct shmbus_options opt = { .flags = SHMBUS_PROMISC };
	static const uint8_t mac[6] = { 2, 1, 2, 3, 4, 5 };
	struct shmbus *a = bus_join(path, 1, 0);
	struct shmbus *b;
	struct shmbus_peer p[4];
	uint8_t got[6];
	unsigned n;
	static const struct shmbus_stats none; /* of whoever was there before */
	char *name;

	(void)state;
	/* All of the name that has room, and nothing that hurts a terminal. */
	memset(opt.name, 'n', sizeof(opt.name));
	opt.name[1] = '\033';
	opt.name[2] = (char)0xff;
	memcpy(opt.mac, mac, 6);
	assert_int_equal(shmbus_attach(path, &opt, &b), 0);
	shmbus_mac(b, got);
	assert_memory_equal(got, mac, 6);
	assert_int_equal(bus_send(a, 1, TO_ALL, 1, 60), 0);
	assert_int_equal(bus_send(a, 1, TO_NOBODY, 2, 100), 0);
	assert_int_equal(bus_drain(b), 2);
	assert_int_equal(shmbus_list(a, p, 4, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(p[0].index, 0);
	assert_int_equal(p[0].alive, 1);
	assert_int_equal(p[0].promisc, 0);
	assert_int_equal(p[0].pid, getpid());
	assert_string_equal(p[0].name, "unit 1");
	assert_int_equal(p[0].stats.tx_frames, 2);
	assert_int_equal(p[0].stats.tx_bytes, 160);
	assert_int_equal(p[1].promisc, 1);
	assert_memory_equal(p[1].mac, mac, 6);
	assert_int_equal(p[1].stats.rx_frames, 2);
	assert_int_equal(p[1].stats.rx_bytes, 160);
	assert_true(p[1].since_ns >= p[0].since_ns);
	assert_int_equal(strlen(p[1].name), SHMBUS_NAME_MAX - 1);
	for (name = p[1].name; *name != '\0'; name++)
		assert_in_range(*name, ' ', '~');
	shmbus_detach(b);
	assert_int_equal(shmbus_list(a, p, 4, &n), 0);
	assert_int_equal(n, 1);
	/* Without a name and an address. */
	assert_int_equal(shmbus_attach(path, NULL, &b), 0);
	assert_int_equal(shmbus_list(a, p, 4, &n), 0);
	assert_string_equal(p[1].name, program_invocation_short_name);
	assert_int_equal(p[1].mac[0], 0xb2);
	assert_int_equal(p[1].mac[1], 0xa0);
	assert_memory_equal(&p[1].stats, &none, sizeof(none));
	shmbus_detach(b);
	shmbus_detach(a);
}

/* Chosen addresses differ; no group address, nor none. */
static void
test_addresses(void **state)
{
	const char *path = bus_new(1500, 16);
	struct shmbus_options opt = { .mac = { 1 } };
	struct shmbus *a, *b;
	uint8_t x[6], y[6];

	(void)state;
	assert_int_equal(shmbus_attach(path, &opt, &a), EINVAL);
	assert_non_null(strstr(shmbus_why(), "group"));
	assert_int_equal(shmbus_attach(path, NULL, &a), 0);
	assert_int_equal(shmbus_attach(path, NULL, &b), 0);
	shmbus_mac(a, x);
	shmbus_mac(b, y);
	assert_memory_not_equal(x, y, 6);
	x[0] |= 1;
	assert_int_equal(shmbus_set_mac(a, x), EINVAL);
	memset(x, 0, 6);
	assert_int_equal(shmbus_set_mac(a, x), EINVAL);
	shmbus_detach(a);
	shmbus_detach(b);
}

/* A new address, or mode, holds from now on. */
static void
test_set_mac(void **state)
{
	const char *path = bus_new(1500, 64);
	struct shmbus *a = bus_join(path, 1, 0);
	struct shmbus *b = bus_join(path, 2, 0);
	struct shmbus_peer p[2];
	struct mark m;
	uint8_t mac[6], got[6];
	unsigned n;

	(void)state;
	frame_mac(9, mac);
	assert_int_equal(bus_send(a, 1, 9, 1, 60), 0);
	assert_int_equal(bus_recv(b, &m, NULL), EAGAIN);
	assert_int_equal(shmbus_set_mac(b, mac), 0);
	shmbus_mac(b, got);
	assert_memory_equal(got, mac, 6);
	assert_int_equal(bus_send(a, 1, 9, 2, 60), 0);
	assert_int_equal(bus_send(a, 1, 2, 3, 60), 0);
	/* Waiting knows of it, too. */
	assert_int_equal(shmbus_wait(b, 0), 0);
	assert_int_equal(bus_recv(b, &m, NULL), 0);
	assert_int_equal(m.serial, 2);
	assert_int_equal(bus_recv(b, &m, NULL), EAGAIN);
	assert_int_equal(shmbus_set_promisc(b, 1), 0);
	assert_int_equal(bus_send(a, 1, TO_NOBODY, 4, 60), 0);
	assert_int_equal(shmbus_wait(b, 0), 0);
	assert_int_equal(bus_recv(b, &m, NULL), 0);
	assert_int_equal(m.serial, 4);
	assert_int_equal(shmbus_list(a, p, 2, &n), 0);
	assert_int_equal(p[1].promisc, 1);
	assert_memory_equal(p[1].mac, mac, 6);
	assert_int_equal(shmbus_set_promisc(b, 0), 0);
	assert_int_equal(bus_send(a, 1, TO_NOBODY, 5, 60), 0);
	assert_int_equal(bus_recv(b, &m, NULL), EAGAIN);
	/* One's own address is the same all the time. */
	shmbus_mac(b, got);
	assert_memory_equal(got, mac, 6);
	shmbus_detach(a);
	shmbus_detach(b);
}

/* ---- the dead ----------------------------------------------------------- */

struct victim {
	const char *path;
	int told; /* a pipe: it says when it is there */
};

static int
attach_and_stay(void *arg)
{
	struct victim *v = arg;
	struct shmbus *b;
	void *at;

	if (shmbus_attach(v->path, NULL, &b) != 0 ||
	    shmbus_reserve(b, 60, &at) != 0 || write(v->told, "", 1) != 1)
		return 1;
	for (;;)
		pause();
}

/* One that is killed is seen to be dead, and its number is used again. */
static void
test_killed(void **state)
{
	const char *path = bus_new(1500, 16);
	struct shmbus *a = bus_join(path, 1, 0);
	struct shmbus *c;
	struct shmbus_peer p[4];
	struct victim v = { .path = path };
	struct mark m;
	int told[2];
	unsigned n;
	unsigned i;
	pid_t pid;
	char byte;

	(void)state;
	assert_int_equal(pipe(told), 0);
	v.told = told[1];
	pid = child_start(attach_and_stay, &v);
	assert_int_equal(read(told[0], &byte, 1), 1);
	assert_int_equal(shmbus_list(a, p, 4, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(p[1].alive, 1);
	assert_int_equal(p[1].pid, pid);
	kill(pid, SIGKILL);
	assert_int_equal(child_end(pid), 256 + SIGKILL);
	assert_int_equal(shmbus_list(a, p, 4, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(p[1].alive, 0);
	assert_int_equal(p[1].pid, pid);
	/* Whoever waits clears up after it; it is still to be seen. */
	assert_int_equal(shmbus_wait(a, 2500000000), ETIMEDOUT);
	assert_int_equal(shmbus_list(a, p, 4, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(p[1].alive, 0);
	c = bus_join(path, 3, 0);
	assert_int_equal(shmbus_index(c), 1);
	assert_int_equal(shmbus_list(a, p, 4, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(p[1].alive, 1);
	assert_int_equal(p[1].pid, getpid());
	/* The slot it held holds up nobody. */
	for (i = 1; i < 60; i++) {
		assert_int_equal(bus_send(a, 1, 3, i, 60), 0);
		assert_int_equal(bus_recv(c, &m, NULL), 0);
		assert_int_equal(m.serial, i);
	}
	close(told[0]);
	close(told[1]);
	shmbus_detach(a);
	shmbus_detach(c);
}

/* ---- forks -------------------------------------------------------------- */

/* All that a child may ask of its parent's attachment, and what it is told. */
static int
forked(void *arg)
{
	struct shmbus *b = arg;
	uint8_t buf[100];
	const uint8_t mac[6] = { 2 };
	struct iovec iov = { buf, 60 };
	struct shmbus_rx rx = { .buf = buf, .size = sizeof(buf) };
	struct shmbus_frame f;
	struct shmbus_peer p;
	struct shmbus_info info;
	struct shmbus_stats st;
	unsigned n;
	void *at;
	int fd;

#define EXPECT(call) \
	do { \
		int e = (call); \
		if (e != SHMBUS_EFORKED) { \
			print_error("%s: %d\n", #call, e); \
			return 1; \
		} \
	} while (0)
	memset(buf, 0xff, sizeof(buf));
	EXPECT(shmbus_send(b, buf, 60));
	EXPECT(shmbus_sendv(b, &iov, 1));
	EXPECT(shmbus_send_batch(b, &iov, 1, &n));
	EXPECT(shmbus_reserve(b, 60, &at));
	EXPECT(shmbus_commit(b, 60));
	EXPECT(shmbus_recv(b, buf, sizeof(buf), &f));
	EXPECT(shmbus_recv_batch(b, &rx, 1, &n));
	EXPECT(shmbus_peek(b, &f));
	EXPECT(shmbus_take(b, buf, 60));
	EXPECT(shmbus_skip(b));
	EXPECT(shmbus_wait(b, -1));
	EXPECT(shmbus_fd(b, &fd));
	EXPECT(shmbus_set_mac(b, mac));
	EXPECT(shmbus_set_promisc(b, 1));
	EXPECT(shmbus_list(b, &p, 1, &n));
	EXPECT(shmbus_check(b));
	shmbus_cancel(b);
	shmbus_wake(b);
	shmbus_fd_done(b);
	shmbus_info(b, &info);
	shmbus_stats(b, &st);
	shmbus_detach(b);
	return 0;
}

static void
fork_with(bool poll, bool reserve)
{
	const char *path = bus_new(1500, 16);
	struct shmbus *a = bus_join(path, 1, 0);
	struct shmbus *b = bus_join(path, 2, 0);
	struct shmbus_frame f;
	struct mark m;
	void *at;
	int fd;

	if (poll)
		assert_int_equal(shmbus_fd(a, &fd), 0);
	assert_int_equal(bus_send(b, 2, 1, 1, 60), 0);
	if (!poll)
		assert_int_equal(shmbus_peek(a, &f), 0);
	if (reserve)
		assert_int_equal(shmbus_reserve(a, 60, &at), 0);
	assert_int_equal(in_child(forked, a), 0);
	/* The parent does not notice. */
	if (reserve) {
		frame_make(at, 60, 2, 1, 1);
		assert_int_equal(shmbus_commit(a, 60), 0);
	} else {
		assert_int_equal(bus_send(a, 1, 2, 1, 60), 0);
	}
	assert_int_equal(bus_recv(b, &m, NULL), 0);
	assert_int_equal(m.sender, 1);
	shmbus_detach(a);
	shmbus_detach(b);
}

static void
test_forked(void **state)
{
	(void)state;
	fork_with(false, false);
	fork_with(false, true);
	fork_with(true, false);
	fork_with(true, true);
}

/* A child that lives on does not keep its dead parent's attachment alive. */
struct family {
	const char *path;
	int told;
};

static int
fork_and_die(void *arg)
{
	struct family *f = arg;
	struct shmbus *b;
	pid_t pid;

	if (shmbus_attach(f->path, NULL, &b) != 0)
		return 1;
	if (fork() == 0) {
		pid = getpid();
		if (write(f->told, &pid, sizeof(pid)) != sizeof(pid))
			return 1;
	}
	for (;;)
		pause();
}

static void
test_orphan(void **state)
{
	const char *path = bus_new(1500, 16);
	struct shmbus *a = bus_join(path, 1, 0);
	struct family f = { .path = path };
	struct shmbus_peer p[2];
	int told[2];
	pid_t parent, child;
	unsigned n;

	(void)state;
	assert_int_equal(pipe(told), 0);
	f.told = told[1];
	parent = child_start(fork_and_die, &f);
	assert_int_equal(read(told[0], &child, sizeof(child)), sizeof(child));
	kill(parent, SIGKILL);
	assert_int_equal(child_end(parent), 256 + SIGKILL);
	assert_int_equal(kill(child, 0), 0);
	assert_int_equal(shmbus_list(a, p, 2, &n), 0);
	kill(child, SIGKILL);
	assert_int_equal(n, 2);
	assert_int_equal(p[1].alive, 0);
	close(told[0]);
	close(told[1]);
	shmbus_detach(a);
}

/* Nor when it was born just while the parent was attaching. */
static const char *churn_path;
static atomic_int churn_stop;

static void *
churn(void *arg)
{
	while (!churn_stop) {
		struct shmbus *b;

		if (shmbus_attach(churn_path, NULL, &b) != 0)
			return "attach failed";
		shmbus_detach(b);
	}
	return arg;
}

static int
say_and_stay(void *arg)
{
	const int *told = arg;

	if (write(told[1], "", 1) != 1)
		return 1;
	for (;;)
		pause();
}

static void
test_fork_amid_attaching(void **state)
{
	unsigned leaked = 0;
	pthread_t thread;
	int told[2];
	void *said;
	unsigned i;

	(void)state;
	churn_path = bus_new(1500, 16);
	churn_stop = 0;
	assert_int_equal(pthread_create(&thread, NULL, churn, NULL), 0);
	assert_int_equal(pipe(told), 0);
	for (i = crew_scale(100); i > 0; i--) {
		pid_t pid = child_start(say_and_stay, told);
		struct shmbus *held;
		char byte;

		assert_int_equal(read(told[0], &byte, 1), 1);
		/* While the child lives, no number is in use but the churn's. */
		held = bus_join(churn_path, 1, 0);
		if (shmbus_index(held) > 1)
			leaked++;
		shmbus_detach(held);
		kill(pid, SIGKILL);
		child_end(pid);
	}
	close(told[0]);
	close(told[1]);
	churn_stop = 1;
	pthread_join(thread, &said);
	assert_null(said);
	assert_int_equal(leaked, 0);
}

/* ---- read-only ---------------------------------------------------------- */

static int
only_reads(void *arg)
{
	const char *path = arg;
	const uint8_t mac[6] = { 2 };
	struct shmbus_options opt = { .flags = SHMBUS_RDONLY | SHMBUS_OLDEST };
	struct shmbus_stats st;
	struct shmbus_peer p[4];
	struct shmbus_frame f;
	struct shmbus *b;
	uint8_t buf[100];
	struct iovec iov = { buf, 60 };
	void *at;
	unsigned n;

	MUST(shmbus_attach(path, NULL, &b) == EACCES);
	MUST(shmbus_attach(path, &opt, &b) == 0);
	MUST(shmbus_index(b) == -1);
	MUST(shmbus_peek(b, &f) == 0);
	MUST(shmbus_take(b, buf, 60) == 0);
	MUST(shmbus_wait(b, -1) == 0);
	/* It hears everything. */
	MUST(bus_drain(b) == 2);
	MUST(shmbus_wait(b, 30000000) == ETIMEDOUT);
	MUST(shmbus_list(b, p, 4, &n) == 0 && n == 1 && p[0].alive == 1);
	MUST(shmbus_check(b) == 0);
	memset(buf, 0xff, 60);
	MUST(shmbus_send(b, buf, 60) == EACCES);
	MUST(shmbus_sendv(b, &iov, 1) == EACCES);
	MUST(shmbus_send_batch(b, &iov, 1, &n) == EACCES && n == 0);
	MUST(shmbus_reserve(b, 60, &at) == EACCES && at == NULL);
	MUST(shmbus_set_mac(b, mac) == EACCES);
	MUST(shmbus_set_promisc(b, 0) == EACCES);
	shmbus_stats(b, &st);
	MUST(st.rx_frames == 3 && st.tx_frames == 0 && st.rx_bytes == 180);
	shmbus_wake(b);
	MUST(shmbus_wait(b, -1) == ECANCELED);
	shmbus_detach(b);
	return 0;
}

/* One who may only read the file, and no more, captures all there is. */
static void
test_readonly(void **state)
{
	const char *path = bus_new(1500, 16);
	struct shmbus *a = bus_join(path, 1, 0);
	struct stat before, after;
	unsigned i;

	(void)state;
	if (geteuid() != 0)
		chmod(path, 0400); /* ours is open already */
	else
		chmod(path, 0444);
	for (i = 1; i <= 3; i++)
		assert_int_equal(bus_send(a, 1, i == 2 ? TO_NOBODY : TO_ALL, i,
				     60),
		    0);
	assert_int_equal(stat(path, &before), 0);
	assert_int_equal(in_unprivileged_child(only_reads,
			     (void *)(uintptr_t)path),
	    0);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_size, after.st_size);
	shmbus_detach(a);
}

/* ---- leaks -------------------------------------------------------------- */

/* Coming and going leaves nothing behind in the process. */
static void
test_leaks(void **state)
{
	const char *path = bus_new(1500, 16);
	struct shmbus *a = bus_join(path, 1, 0);
	size_t before = 0;
	unsigned maps = 0;
	unsigned round;

	(void)state;
	for (round = 0; round < 1020; round++) {
		struct shmbus *b = bus_join(path, 2,
		    round % 3 == 2 ? SHMBUS_RDONLY : 0);
		struct shmbus *none;
		int fd;

		if (round % 4 == 0) {
			assert_int_equal(shmbus_fd(b, &fd), 0);
			assert_int_equal(bus_send(a, 1, 2, round, 60), 0);
		}
		assert_int_equal(shmbus_attach("/nowhere/x", NULL, &none),
		    ENOENT);
		shmbus_detach(b);
		if (round == 20) {
			before = mallinfo2().uordblks;
			maps = count_proc("map_files");
		}
	}
	assert_in_range(mallinfo2().uordblks, 0, before + 4096);
	assert_in_range(count_proc("map_files"), 0, maps + 4);
	shmbus_detach(a);
	shmbus_detach(NULL);
}

int
main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, busdir_before, busdir_after)
	const struct CMUnitTest tests[] = {
		TEST(test_numbers),
		TEST(test_list),
		TEST(test_addresses),
		TEST(test_set_mac),
		TEST(test_killed),
		TEST(test_forked),
		TEST(test_orphan),
		TEST(test_fork_amid_attaching),
		TEST(test_readonly),
		TEST(test_leaks),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, busdir_make, busdir_remove);
}
