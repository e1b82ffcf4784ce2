/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bus_odd_test.c - file systems that lack something, and files that have no
 * lasting path
 *
 * What a file system lacks is played by seccomp: the system calls that it would
 * refuse fail as they would there, in a child.
 */
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/lib/busdir.h"
#include "tests/lib/must.h"

/* ---- what is missing ---------------------------------------------------- */

#define ARG(n) (offsetof(struct seccomp_data, args) + (size_t)8 * (n))

/* System call NR fails by ERROR if the bits MASK of argument N are VALUE. */
static bool
refuse(uint32_t nr, unsigned n, uint32_t mask, uint32_t value, uint32_t error)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)ARG(n)),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { sizeof(code) / sizeof(code[0]), code };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == 0;
}

static bool
no_mappings(void)
{
	return refuse(SYS_mmap, 3, MAP_SHARED | MAP_ANONYMOUS, MAP_SHARED,
	    ENODEV);
}

static bool
no_locks(void)
{
	return refuse(SYS_fcntl, 1, ~0u, F_OFD_SETLK, EINVAL);
}

#define SKIPPED 77

struct lack {
	bool (*begins)(void);
	int error;
	const char *text;
	const char *bus; /* one that was made before */
};

/* Nothing can be made or attached to; nothing is left, and one line says why. */
static int
lacks(void *arg)
{
	const struct lack *l = arg;
	const struct shmbus_options create = { .flags = SHMBUS_CREATE };
	const char *path = busdir_path("new");
	const char *empty = busdir_path("empty");
	struct shmbus *b;
	struct stat st;

	MUST(close(open(empty, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)) == 0);
	if (!l->begins())
		return SKIPPED;
	MUST(shmbus_create(path, NULL) == l->error);
	MUST(strstr(shmbus_why(), l->text) != NULL);
	MUST(strchr(shmbus_why(), '\n') == NULL);
	MUST(access(path, F_OK) == -1);
	MUST(shmbus_attach(path, &create, &b) == l->error);
	MUST(strstr(shmbus_why(), l->text) != NULL);
	MUST(access(path, F_OK) == -1);
	MUST(shmbus_attach(l->bus, NULL, &b) == l->error);
	MUST(strstr(shmbus_why(), l->text) != NULL);
	/* A file that was there stays as it was. */
	MUST(shmbus_create(empty, NULL) == l->error);
	MUST(stat(empty, &st) == 0 && st.st_size == 0);
	return 0;
}

static void
try_lack(struct lack l)
{
	int status;

	l.bus = bus_new(0, 0);
	status = in_child(lacks, &l);

	if (status == SKIPPED) {
		print_message("# no seccomp here\n");
		skip();
	}
	assert_int_equal(status, 0);
}

static void
test_mappings(void **state)
{
	(void)state;
	try_lack(
	    (struct lack){ no_mappings, ENODEV, "no shared mappings", NULL });
}

static void
test_locks(void **state)
{
	(void)state;
	try_lack((struct lack){ no_locks, EOPNOTSUPP,
	    "no open file description locks", NULL });
}

/* Who may map no more than this gets an error, and leaves no file. */
static int
no_memory(void *arg)
{
	const struct shmbus_options create = { .flags = SHMBUS_CREATE,
		.geometry = { .mtu = 9000, .slots = 8192 } };
	const char *path = busdir_path("large");
	struct rlimit lim = { 48u << 20, 48u << 20 };
	struct shmbus *b;

	(void)arg;
	MUST(setrlimit(RLIMIT_AS, &lim) == 0);
	MUST(shmbus_attach(path, &create, &b) == ENOMEM);
	MUST(strstr(shmbus_why(), "cannot be mapped") != NULL);
	MUST(access(path, F_OK) == -1);
	return 0;
}

/* The sanitizers need all of the address space for themselves. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static const bool sanitized = true;
#else
static const bool sanitized = false;
#endif

static void
test_no_memory(void **state)
{
	(void)state;
	if (sanitized) {
		print_message("# not under a sanitizer\n");
		skip();
	}
	assert_int_equal(in_child(no_memory, NULL), 0);
}

/* ---- paths -------------------------------------------------------------- */

/* A symbolic link, to the file or on the way, that leads elsewhere later. */
static void
test_retargeted(void **state)
{
	const char *link = busdir_path("link"), *folder = busdir_path("folder");
	const char *way = busdir_path("way"), *through = busdir_path("way/bus");
	char cwd[4096];
	struct shmbus *a, *b, *c;

	(void)state;
	assert_int_equal(mkdir(folder, 0700), 0);
	assert_int_equal(shmbus_create(busdir_path("folder/bus"), NULL), 0);
	assert_int_equal(shmbus_create(busdir_path("one"), NULL), 0);
	assert_int_equal(shmbus_create(busdir_path("two"), NULL), 0);
	assert_int_equal(symlink("one", link), 0);
	assert_int_equal(symlink("folder", way), 0);
	a = bus_join(link, 1, 0);
	b = bus_join(through, 1, 0);
	/* Relative to a folder that the process leaves later. */
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	assert_int_equal(chdir(folder), 0);
	c = bus_join("../link", 2, SHMBUS_RDONLY);
	assert_int_equal(chdir(cwd), 0);
	assert_int_equal(shmbus_check(a), 0);
	assert_int_equal(shmbus_check(b), 0);
	assert_int_equal(shmbus_check(c), 0);
	assert_int_equal(unlink(link), 0);
	assert_int_equal(symlink("two", link), 0);
	assert_int_equal(shmbus_check(a), SHMBUS_EREPLACED);
	assert_int_equal(shmbus_check(b), 0);
	assert_int_equal(shmbus_check(c), SHMBUS_EREPLACED);
	assert_int_equal(unlink(way), 0);
	assert_int_equal(shmbus_check(b), ENOENT);
	shmbus_detach(a);
	shmbus_detach(b);
	shmbus_detach(c);
}

/* Frames pass between an attachment to PATH and B. */
static void
talk(const char *path, struct shmbus *b)
{
	struct shmbus *c = bus_join(path, 2, 0);
	struct shmbus *r = bus_join(path, 0, SHMBUS_RDONLY);

	assert_int_equal(bus_send(b, 1, 2, 1, 100), 0);
	assert_int_equal(bus_drain(c), 1);
	assert_int_equal(bus_drain(r), 1);
	shmbus_detach(c);
	shmbus_detach(r);
}

/* By the path of a descriptor, which is closed later. */
static void
test_descriptor(void **state)
{
	static const char *const ways[] = { "/proc/self/fd/%d", "/dev/fd/%d",
		"/proc/thread-self/fd/%d" };
	const char *path = bus_new(0, 0);
	char way[64];

	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		int fd = open(path, O_RDWR | O_CLOEXEC);
		struct shmbus *b;

		assert_true(fd >= 0);
		snprintf(way, sizeof(way), ways[i], fd);
		b = bus_join(way, 1, 0);
		talk(way, b);
		assert_int_equal(close(fd), 0);
		assert_int_equal(shmbus_check(b), 0);
		talk(path, b);
		shmbus_detach(b);
	}
	/* The file behind it is watched all the same. */
	int fd = open(path, O_RDWR | O_CLOEXEC);

	snprintf(way, sizeof(way), ways[0], fd);
	struct shmbus *b = bus_join(way, 1, 0);

	assert_int_equal(unlink(path), 0);
	assert_int_equal(shmbus_check(b), ENOENT);
	close(fd);
	shmbus_detach(b);
}

/* A file without a name: made a bus, attached to, read. */
static void
test_memfd(void **state)
{
	int fd = memfd_create("bus", MFD_CLOEXEC);
	struct shmbus_info info;
	struct shmbus *b;
	char way[64];

	(void)state;
	assert_true(fd >= 0);
	snprintf(way, sizeof(way), "/proc/self/fd/%d", fd);
	assert_int_equal(shmbus_create(way, NULL), 0);
	assert_int_equal(shmbus_create(way, NULL), EEXIST);
	b = bus_join(way, 1, 0);
	talk(way, b);
	shmbus_info(b, &info);
	assert_int_equal(info.geometry.slots, SHMBUS_SLOTS_DEFAULT);
	assert_int_equal(close(fd), 0);
	assert_int_equal(shmbus_check(b), 0);
	shmbus_detach(b);
	/* A bus that was removed while its descriptor is open is one, too. */
	const char *path = bus_new(0, 0);

	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(unlink(path), 0);
	snprintf(way, sizeof(way), "/proc/self/fd/%d", fd);
	b = bus_join(way, 1, 0);
	talk(way, b);
	assert_int_equal(shmbus_check(b), 0);
	shmbus_detach(b);
	assert_int_equal(close(fd), 0);
}

int
main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, busdir_before, busdir_after)
	const struct CMUnitTest tests[] = {
		TEST(test_mappings),
		TEST(test_locks),
		TEST(test_no_memory),
		TEST(test_retargeted),
		TEST(test_descriptor),
		TEST(test_memfd),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, busdir_make, busdir_remove);
}
