/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * busdir.c - bus files in a folder of their own, and attachments to them
 */
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "tests/lib/busdir.h"

#define NOBODY 65534
#define PATIENCE 800 /* seconds: for who runs a test without tests/exec */

static char folder[128];
static unsigned files_before, threads_before;

/* ---- the folder --------------------------------------------------------- */

static void *
nothing(void *arg)
{
	return arg;
}

int
busdir_make(void **state)
{
	const char *tmp = getenv("TMPDIR");
	pthread_t thread;

	(void)state;
	/* ThreadSanitizer starts one of its own with the first. */
	if (pthread_create(&thread, NULL, nothing, NULL) == 0)
		pthread_join(thread, NULL);
	snprintf(folder, sizeof(folder), "%s/shmbus-test.XXXXXX",
	    tmp != NULL && strlen(tmp) < 80 ? tmp : "/tmp");
	if (mkdtemp(folder) == NULL)
		return -1;
	return chmod(folder, 0777);
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

int
busdir_remove(void **state)
{
	(void)state;
	nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	return access(folder, F_OK) == 0 ? -1 : 0;
}

unsigned
count_proc(const char *name)
{
	char path[64];
	struct dirent *e;
	unsigned n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/self/%s", name);
	d = opendir(path);
	assert_non_null(d);
	while ((e = readdir(d)) != NULL)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

int
busdir_before(void **state)
{
	(void)state;
	files_before = count_proc("fd");
	threads_before = count_proc("task");
	alarm(PATIENCE); /* a test that hangs is the last one */
	return 0;
}

int
busdir_after(void **state)
{
	unsigned tries = 0;

	(void)state;
	alarm(0);
	/* A thread that was joined may take a moment to leave /proc. */
	while (count_proc("task") > threads_before && tries++ < 1000)
		nap_ms(1);
	if (count_proc("fd") != files_before ||
	    count_proc("task") != threads_before) {
		print_error("descriptors: %u before, %u after; "
			    "threads: %u before, %u after\n",
		    files_before, count_proc("fd"), threads_before,
		    count_proc("task"));
		return -1;
	}
	return 0;
}

const char *
busdir_path(const char *name)
{
	static char paths[8][PATH_MAX];
	static unsigned next;
	char *path = paths[next++ % 8];

	snprintf(path, PATH_MAX, "%s/%s", folder, name);
	return path;
}

const char *
bus_new(uint32_t mtu, uint32_t slots)
{
	static unsigned number;
	struct shmbus_geometry geo = { .mtu = mtu, .slots = slots };
	const char *path;
	char name[32];

	snprintf(name, sizeof(name), "%u.bus", number++);
	path = busdir_path(name);
	if (shmbus_create(path, &geo) != 0)
		fail_msg("%s: %s", path, shmbus_why());
	return path;
}

/* ---- attachments -------------------------------------------------------- */

struct shmbus *
bus_join(const char *path, unsigned who, unsigned flags)
{
	struct shmbus_options opt = { .flags = flags };
	struct shmbus *b;
	int error;

	snprintf(opt.name, sizeof(opt.name), "unit %u", who);
	frame_mac(who, opt.mac);
	error = shmbus_attach(path, &opt, &b);
	if (error != 0)
		fail_msg("%s: %s: %s", path, shmbus_strerror(error),
		    shmbus_why());
	return b;
}

int
bus_send(struct shmbus *b, unsigned who, unsigned to, uint64_t serial,
    size_t len)
{
	uint8_t frame[len];
	int error;

	frame_make(frame, len, to, who, serial);
	/* Where others run, this may be stopped for longer than they wait. */
	do
		error = shmbus_send(b, frame, len);
	while (error == SHMBUS_EGIVENUP);
	return error;
}

int
bus_recv(struct shmbus *b, struct mark *m, struct shmbus_frame *f)
{
	static __thread uint8_t buf[65600];
	struct shmbus_frame frame;
	int error = shmbus_recv(b, buf, sizeof(buf), &frame);

	if (error != 0)
		return error;
	assert_ptr_equal(frame.data, buf);
	assert_true(frame_read(buf, frame.len, m));
	if (f != NULL)
		*f = frame;
	return 0;
}

unsigned
bus_drain(struct shmbus *b)
{
	struct mark m;
	unsigned n = 0;

	while (bus_recv(b, &m, NULL) == 0)
		n++;
	return n;
}

/* ---- children ----------------------------------------------------------- */

pid_t
child_start(int (*body)(void *arg), void *arg)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(body(arg));
	}
	return pid;
}

int
child_end(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) == -1)
		assert_int_equal(errno, EINTR);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

int
in_child(int (*body)(void *arg), void *arg)
{
	return child_end(child_start(body, arg));
}

struct unprivileged {
	int (*body)(void *arg);
	void *arg;
};

static int
drop_rights(void *arg)
{
	struct unprivileged *u = arg;

	if (geteuid() == 0 &&
	    (setgroups(0, NULL) == -1 || setgid(NOBODY) == -1 ||
		setuid(NOBODY) == -1))
		return 250;
	return u->body(u->arg);
}

int
in_unprivileged_child(int (*body)(void *arg), void *arg)
{
	struct unprivileged u = { body, arg };

	return in_child(drop_rights, &u);
}

/* ---- time --------------------------------------------------------------- */

uint64_t
clock_now(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

void
nap_ms(unsigned ms)
{
	struct timespec t = { .tv_sec = ms / 1000,
		.tv_nsec = (long)(ms % 1000) * 1000000 };

	while (nanosleep(&t, &t) == -1)
		;
}
