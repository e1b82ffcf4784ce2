/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bus_create_test.c - making a bus file: modes, races, creators that die, full
 * disks
 */
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/lib/busdir.h"
#include "tests/lib/crew.h"
#include "shmbus/format.h"

#define MUST(x) \
	do { \
		if (!(x)) { \
			print_error("%s:%d: %s (%s)\n", __FILE__, __LINE__, \
			    #x, shmbus_why()); \
			return 1; \
		} \
	} while (0)

/* What is asked for is what is there, and all its space is. */
static void
test_geometry(void **state)
{
	static const struct shmbus_geometry t[] = {
		{ 0, 0, 0 },
		{ 68, 16, 0 },
		{ 9000, 0, 0 },
		{ 0, 32, 0 },
		{ 65521, 64, 0 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		const char *path = busdir_path("geometry");
		struct shmbus_info info;
		struct shmbus *b;
		struct stat st;

		assert_int_equal(shmbus_create(path, &t[i]), 0);
		assert_int_equal(stat(path, &st), 0);
		b = bus_join(path, 1, 0);
		shmbus_info(b, &info);
		assert_int_equal(info.geometry.mtu, t[i].mtu ? t[i].mtu : 1500);
		assert_int_equal(info.geometry.slots,
		    t[i].slots ? t[i].slots : 2048);
		assert_int_equal(info.file_size, st.st_size);
		assert_true(st.st_blocks * 512 >= st.st_size);
		assert_int_not_equal(info.id, 0);
		shmbus_detach(b);
		assert_int_equal(shmbus_create(path, &t[i]), EEXIST);
		unlink(path);
	}
	/* Without any wishes. */
	assert_int_equal(shmbus_create(busdir_path("plain"), NULL), 0);
}

/* The mode is what was asked for, or 0600, whatever the umask. */
static void
test_mode(void **state)
{
	static const mode_t masks[] = { 0, 022, 077, 0277, 0777 };
	static const mode_t modes[] = { 0, 0600, 0640, 0660, 0666, 0644, 0400 };
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof(masks) / sizeof(masks[0]); i++)
		for (k = 0; k < sizeof(modes) / sizeof(modes[0]); k++) {
			struct shmbus_options opt = { .flags = SHMBUS_CREATE,
				.geometry = { .slots = 16, .mode = modes[k] } };
			const char *path = busdir_path("mode");
			mode_t old = umask(masks[i]);
			struct shmbus *b = NULL;
			struct stat st;
			int e1, e2;

			e1 = shmbus_create(path, &opt.geometry);
			stat(path, &st);
			unlink(path);
			e2 = shmbus_attach(path, &opt, &b);
			umask(old);
			assert_int_equal(e1, 0);
			assert_int_equal(e2, 0);
			assert_int_equal(st.st_mode & 07777,
			    modes[k] ? modes[k] : 0600);
			assert_int_equal(stat(path, &st), 0);
			assert_int_equal(st.st_mode & 07777,
			    modes[k] ? modes[k] : 0600);
			shmbus_detach(b);
			unlink(path);
		}
}

/* An empty file is made a bus, by one who may create, and keeps its mode. */
static void
test_empty(void **state)
{
	struct shmbus_options opt = { .flags = SHMBUS_CREATE,
		.geometry = { .slots = 16 } };
	const char *path = busdir_path("empty");
	struct shmbus *b;
	struct stat st;
	unsigned i;

	(void)state;
	for (i = 0; i < 3; i++) {
		int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

		assert_int_not_equal(fd, -1);
		assert_int_equal(fchmod(fd, 0644), 0);
		/* Or one whose making was begun, and came to nothing. */
		if (i == 2)
			assert_int_equal(write(fd, FORMAT_MAGIC_NEW, 8), 8);
		close(fd);
		opt.geometry.mode = i == 1 ? 0600 : 0;
		assert_int_equal(shmbus_attach(path, &opt, &b), 0);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, i == 1 ? 0600 : 0644);
		shmbus_detach(b);
	}
}

/* ---- many at once ------------------------------------------------------- */

#define RACERS 8u

struct race {
	const char *path;
	int start;   /* readable when they may start */
	bool attach; /* by shmbus_attach(); else by shmbus_create() */
	unsigned me;
	struct result {
		int error;
		uint64_t id, created;
		uint32_t slots;
	} * result; /* of all, shared */
};

static int
racer(void *arg)
{
	const struct race *r = arg;
	struct result *res = &r->result[r->me];
	/* They do not even want the same. */
	struct shmbus_options opt = { .flags = SHMBUS_CREATE,
		.geometry = { .slots = r->me % 2 ? 16 : 2048 } };
	struct shmbus_info info;
	struct shmbus *b;
	char byte;

	if (read(r->start, &byte, 1) != 0)
		return 1;
	if (!r->attach) {
		res->error = shmbus_create(r->path, &opt.geometry);
		return 0;
	}
	res->error = shmbus_attach(r->path, &opt, &b);
	if (res->error != 0) {
		print_error("%s\n", shmbus_why());
		return 2;
	}
	shmbus_info(b, &info);
	res->id = info.id;
	res->created = info.created_ns;
	res->slots = info.geometry.slots;
	shmbus_detach(b);
	return 0;
}

/* Starts all of them on PATH; kills some after a while; waits for the end. */
static void
race(const char *path, bool attach, bool kill_some, struct result *results,
    uint64_t *seed)
{
	struct race r[RACERS];
	pid_t pids[RACERS];
	int pipes[2];
	unsigned i;

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	for (i = 0; i < RACERS; i++) {
		r[i] = (struct race){ .path = path,
			.start = pipes[0],
			.attach = attach,
			.me = i,
			.result = results };
		results[i].error = -1;
		fflush(NULL);
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0) {
			close(pipes[1]);
			_exit(racer(&r[i]));
		}
	}
	close(pipes[0]);
	close(pipes[1]); /* they are off */
	if (kill_some) {
		volatile unsigned pause = random_below(seed, 400000);

		while (pause-- > 0)
			;
		for (i = 0; i < RACERS / 2; i++)
			kill(pids[i], SIGKILL);
	}
	for (i = 0; i < RACERS; i++) {
		int status = child_end(pids[i]);

		if (!kill_some || i >= RACERS / 2)
			assert_int_equal(status, 0);
	}
}

static void
test_races(void **state)
{
	struct result *res = mmap(NULL, sizeof(*res) * RACERS,
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t seed = random_seed();
	const char *path = busdir_path("race");
	unsigned round, i;

	(void)state;
	assert_ptr_not_equal(res, MAP_FAILED);
	for (round = crew_scale(30); round > 0; round--) {
		unsigned made = 0;

		/* All meet on one bus. */
		race(path, true, false, res, &seed);
		for (i = 0; i < RACERS; i++) {
			assert_int_equal(res[i].error, 0);
			assert_true(res[i].id == res[0].id);
			assert_true(res[i].created == res[0].created);
			assert_int_equal(res[i].slots, res[0].slots);
		}
		unlink(path);
		/* Exactly one makes it. */
		race(path, false, false, res, &seed);
		for (i = 0; i < RACERS; i++) {
			made += res[i].error == 0;
			assert_true(
			    res[i].error == 0 || res[i].error == EEXIST);
		}
		assert_int_equal(made, 1);
		unlink(path);
		/* Some die while they are at it: the others get on. */
		race(path, true, true, res, &seed);
		for (i = RACERS / 2; i < RACERS; i++) {
			assert_int_equal(res[i].error, 0);
			assert_true(res[i].id == res[RACERS - 1].id);
		}
		unlink(path);
	}
	munmap(res, sizeof(*res) * RACERS);
}

/* ---- creators that die -------------------------------------------------- */

static int
create_traced(void *arg)
{
	struct shmbus_geometry geo = { .mtu = 9000, .slots = 64 };

	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == -1)
		return 77;
	raise(SIGSTOP);
	return shmbus_create(arg, &geo);
}

/*
 * Starts a creator of PATH and kills it at its Nth entry to, or return from, a
 * system call.  Returns what child_end() does, or 77 where that cannot be.
 */
static int
create_up_to(const char *path, unsigned n)
{
	pid_t pid = child_start(create_traced, (void *)(uintptr_t)path);
	int status;

	for (;; n--) {
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status))
			return WEXITSTATUS(status);
		assert_true(WIFSTOPPED(status));
		if (n == 0)
			break;
		assert_int_equal(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
	}
	kill(pid, SIGKILL);
	return child_end(pid);
}

/*
 * Between any two of its system calls a creator is killed; nothing else of it
 * shows.  The next one makes a proper bus.
 */
static void
test_creator_killed(void **state)
{
	struct shmbus_options opt = { .flags = SHMBUS_CREATE,
		.geometry = { .mtu = 1500, .slots = 128 } };
	const char *path = busdir_path("killed");
	unsigned unfinished = 0;
	unsigned n;
	int status = -1;

	(void)state;
	for (n = 1; status != 0; n++) {
		struct shmbus_info info;
		struct shmbus *a, *b;
		struct mark m;
		int error;

		status = create_up_to(path, n);
		if (status == 77) {
			print_message("# tracing is not possible here\n");
			skip();
		}
		assert_true(status == 0 || status == 256 + SIGKILL);
		/* Without the right to create: it is one, or it is none. */
		error = shmbus_attach(path, NULL, &a);
		assert_true(error == 0 ||
		    (status != 0 &&
			(error == ENOENT || error == SHMBUS_ENOTBUS)));
		shmbus_detach(a);
		unfinished += error == SHMBUS_ENOTBUS;
		assert_int_equal(shmbus_attach(path, &opt, &b), 0);
		shmbus_info(b, &info);
		assert_int_equal(info.geometry.mtu, error == 0 ? 9000 : 1500);
		assert_int_equal(info.geometry.slots, error == 0 ? 64 : 128);
		assert_int_equal(info.tail, 0);
		shmbus_detach(b);
		a = bus_join(path, 1, 0);
		b = bus_join(path, 2, 0);
		assert_int_equal(bus_send(a, 1, 2, 1, 1000), 0);
		assert_int_equal(bus_recv(b, &m, NULL), 0);
		shmbus_detach(a);
		shmbus_detach(b);
		unlink(path);
	}
	printf("# %u points, unfinished at %u of them\n", n, unfinished);
	assert_true(unfinished >= 5);
}

/* One is stopped in the middle: the others do not wait for ever. */
static void
test_creator_stopped(void **state)
{
	const char *path = busdir_path("stopped");
	struct flock fl = { .l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = FORMAT_LOCK_CREATE,
		.l_len = 1 };
	struct shmbus_options opt = { .flags = SHMBUS_CREATE };
	struct shmbus *b;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	(void)state;
	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, FORMAT_MAGIC_NEW, 8), 8);
	assert_int_equal(fcntl(fd, F_OFD_SETLK, &fl), 0);
	assert_int_equal(shmbus_attach(path, &opt, &b), EBUSY);
	assert_non_null(strstr(shmbus_why(), "creating"));
	assert_int_equal(access(path, F_OK), 0);
	/* It gets on. */
	close(fd);
	assert_int_equal(shmbus_attach(path, &opt, &b), 0);
	shmbus_detach(b);
}

static int
attach_by_path(void *arg)
{
	struct shmbus_options opt = { .flags = SHMBUS_CREATE };
	struct shmbus *b;
	struct shmbus_info info, again;

	MUST(shmbus_attach(arg, &opt, &b) == 0);
	shmbus_info(b, &info);
	shmbus_detach(b);
	/* It is at the path where others will look for it. */
	MUST(shmbus_attach(arg, NULL, &b) == 0);
	shmbus_info(b, &again);
	shmbus_detach(b);
	return info.id == again.id ? 0 : 1;
}

/* How often process PID has PATH open. */
static unsigned
opened(pid_t pid, const char *path)
{
	char name[64], target[300];
	unsigned count = 0;
	int fd;

	for (fd = 0; fd < 64; fd++) {
		ssize_t n;

		snprintf(name, sizeof(name), "/proc/%d/fd/%d", (int)pid, fd);
		n = readlink(name, target, sizeof(target) - 1);
		if (n > 0 && (size_t)n == strlen(path) &&
		    memcmp(target, path, (size_t)n) == 0)
			count++;
	}
	return count;
}

/* A creator fails, and takes the file away: who waited for it begins anew. */
static void
test_creator_failed(void **state)
{
	const char *path = busdir_path("failed");
	struct flock fl = { .l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = FORMAT_LOCK_CREATE,
		.l_len = 1 };
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	pid_t pid;

	(void)state;
	assert_int_not_equal(fd, -1);
	assert_int_equal(fcntl(fd, F_OFD_SETLK, &fl), 0);
	pid = child_start(attach_by_path, (void *)(uintptr_t)path);
	while (opened(pid, path) < 2) /* one of them is ours */
		nap_ms(1);
	nap_ms(3);
	unlink(path);
	fl.l_type = F_UNLCK;
	assert_int_equal(fcntl(fd, F_OFD_SETLK, &fl), 0);
	close(fd);
	assert_int_equal(child_end(pid), 0);
}

/* ---- no room ------------------------------------------------------------ */

static bool
write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	bool ok = fd != -1 && write(fd, text, strlen(text)) > 0;

	if (fd != -1)
		close(fd);
	return ok;
}

/* Mounts a tmpfs of 1 MiB at PATH, in a name space of our own. */
static bool
small_disk(const char *path)
{
	unsigned uid = (unsigned)geteuid();
	unsigned gid = (unsigned)getegid();
	char map[64];

	if (uid != 0) {
		snprintf(map, sizeof(map), "0 %u 1", uid);
		if (unshare(CLONE_NEWUSER | CLONE_NEWNS) == -1 ||
		    !write_file("/proc/self/uid_map", map) ||
		    !write_file("/proc/self/setgroups", "deny"))
			return false;
		snprintf(map, sizeof(map), "0 %u 1", gid);
		if (!write_file("/proc/self/gid_map", map))
			return false;
	} else if (unshare(CLONE_NEWNS) == -1) {
		return false;
	}
	return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	    mount("none", path, "tmpfs", 0, "size=1m") == 0;
}

static unsigned
in_folder(const char *path)
{
	char cmd[300];
	FILE *f;
	unsigned n = 99;

	snprintf(cmd, sizeof(cmd), "ls -A '%s' | wc -l", path);
	f = popen(cmd, "r");
	if (f != NULL) {
		if (fscanf(f, "%u", &n) != 1)
			n = 98;
		pclose(f);
	}
	return n;
}

static int
no_room(void *arg)
{
	const char *folder = arg;
	struct shmbus_options opt = { .flags = SHMBUS_CREATE };
	const struct shmbus_geometry small = { .slots = 64 };
	char path[300], empty[300];
	struct stat st;
	struct shmbus *b, *c;
	unsigned i;
	int fd;

	if (!small_disk(folder))
		return 77;
	snprintf(path, sizeof(path), "%s/a.bus", folder);
	snprintf(empty, sizeof(empty), "%s/empty.bus", folder);
	MUST(shmbus_create(path, NULL) == ENOSPC);
	MUST(strstr(shmbus_why(), "No space") != NULL);
	MUST(strstr(shmbus_why(), "3346432") != NULL); /* how much */
	MUST(in_folder(folder) == 0);
	MUST(shmbus_attach(path, &opt, &b) == ENOSPC && b == NULL);
	MUST(in_folder(folder) == 0);
	/* A file that was there stays, and stays empty. */
	fd = open(empty, O_RDWR | O_CREAT, 0600);
	MUST(fd != -1);
	MUST(shmbus_attach(empty, &opt, &b) == ENOSPC);
	MUST(fstat(fd, &st) == 0 && st.st_size == 0 && st.st_blocks == 0);
	MUST(st.st_nlink == 1);
	close(fd);
	/* What has room, works; and what then has none, harms nobody. */
	MUST(shmbus_create(path, &small) == 0);
	MUST(shmbus_attach(path, NULL, &b) == 0);
	MUST(shmbus_attach(path, NULL, &c) == 0);
	snprintf(empty, sizeof(empty), "%s/filler", folder);
	fd = open(empty, O_RDWR | O_CREAT, 0600);
	while (write(fd, path, sizeof(path)) > 0)
		;
	MUST(errno == ENOSPC);
	close(fd);
	for (i = 1; i < 200; i++) {
		struct mark m;

		MUST(bus_send(b, 1, TO_ALL, i, 1500) == 0);
		MUST(bus_recv(c, &m, NULL) == 0 && m.serial == i);
	}
	shmbus_detach(b);
	shmbus_detach(c);
	return 0;
}

static void
test_no_room(void **state)
{
	const char *folder = busdir_path("small");
	int status;

	(void)state;
	assert_int_equal(mkdir(folder, 0777), 0);
	status = in_child(no_room, (void *)(uintptr_t)folder);
	if (status == 77) {
		print_message("# a small file system cannot be mounted here\n");
		skip();
	}
	assert_int_equal(status, 0);
}

/* A limit on the size of files. */
static int
too_big(void *arg)
{
	const char *path = arg;
	struct rlimit lim = { 1 << 20, 1 << 20 };

	signal(SIGXFSZ, SIG_IGN);
	MUST(setrlimit(RLIMIT_FSIZE, &lim) == 0);
	MUST(shmbus_create(path, NULL) == EFBIG);
	MUST(strstr(shmbus_why(), "too large") != NULL);
	MUST(access(path, F_OK) == -1);
	return 0;
}

static void
test_too_big(void **state)
{
	(void)state;
	assert_int_equal(in_child(too_big,
			     (void *)(uintptr_t)busdir_path("big")),
	    0);
}

int
main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, busdir_before, busdir_after)
	const struct CMUnitTest tests[] = {
		TEST(test_geometry),
		TEST(test_mode),
		TEST(test_empty),
		TEST(test_races),
		TEST(test_creator_killed),
		TEST(test_creator_stopped),
		TEST(test_creator_failed),
		TEST(test_no_room),
		TEST(test_too_big),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, busdir_make, busdir_remove);
}
