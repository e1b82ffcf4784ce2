/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * file_test.c - reading, writing and locking a bus file where the kernel does a
 * part only, is interrupted, or refuses
 *
 * shmbus/file.c is compiled here with system calls of the test's own.
 */
#include <sys/mman.h>
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "shmbus/internal.h"

static uint8_t content[64];
static size_t there;	    /* of the file */
static size_t part;	    /* bytes that a call does at most */
static unsigned interrupts; /* calls that are interrupted first */
static int failure;	    /* what calls fail with */
static unsigned naps;
static short lock_is; /* what F_OFD_GETLK finds */

static ssize_t
begins(size_t *n)
{
	if (interrupts != 0) {
		interrupts--;
		errno = EINTR;
		return -1;
	}
	if (failure != 0) {
		errno = failure;
		return -1;
	}
	if (*n > part)
		*n = part;
	return 0;
}

static ssize_t
fake_pread(int fd, void *buf, size_t n, off_t off)
{
	(void)fd;
	if (begins(&n) != 0)
		return -1;
	if ((size_t)off >= there)
		return 0;
	if (n > there - (size_t)off)
		n = there - (size_t)off;
	memcpy(buf, content + off, n);
	return (ssize_t)n;
}

static ssize_t
fake_pwrite(int fd, const void *buf, size_t n, off_t off)
{
	(void)fd;
	if (begins(&n) != 0)
		return -1;
	assert_true((size_t)off + n <= sizeof(content));
	memcpy(content + off, buf, n);
	return (ssize_t)n;
}

static int
fake_fcntl(int fd, int op, struct flock *fl)
{
	size_t n = 1;

	(void)fd;
	assert_int_equal(fl->l_whence, SEEK_SET);
	assert_int_equal(fl->l_len, 1);
	if (begins(&n) != 0)
		return -1;
	if (op == F_OFD_GETLK)
		fl->l_type = fl->l_type == F_RDLCK && lock_is == F_RDLCK ?
		    F_UNLCK :
		    lock_is;
	return 0;
}

static int
fake_nap(const struct timespec *t, struct timespec *left)
{
	(void)t;
	(void)left;
	naps++;
	if (naps == 5) /* the creator has done it, or has gone */
		failure = 0;
	return 0;
}

#define pread fake_pread
#define pwrite fake_pwrite
#define fcntl fake_fcntl
#define nanosleep fake_nap
#include "shmbus/file.c"
#undef pread
#undef pwrite
#undef fcntl
#undef nanosleep

static int
begin(void **state)
{
	(void)state;
	memset(content, 0, sizeof(content));
	there = sizeof(content);
	part = sizeof(content);
	interrupts = naps = 0;
	failure = 0;
	lock_is = F_UNLCK;
	why_set("%s", "");
	return 0;
}

static void
test_parts(void **state)
{
	uint8_t out[32], in[32];
	unsigned i;

	(void)state;
	for (part = 1; part <= 33; part++) {
		for (i = 0; i < sizeof(out); i++)
			out[i] = (uint8_t)(i + part);
		memset(content, 0, sizeof(content));
		interrupts = 2;
		assert_int_equal(write_all(3, out, sizeof(out), 7), 0);
		assert_memory_equal(content + 7, out, sizeof(out));
		assert_int_equal(content[6] + content[7 + 32], 0);
		memset(in, 0, sizeof(in));
		interrupts = 2;
		assert_int_equal(read_all(3, in, sizeof(in), 7), 0);
		assert_memory_equal(in, out, sizeof(out));
		interrupts = 0;
		there = 7 + 31;
		assert_int_equal(read_all(3, in, sizeof(in), 7), ENODATA);
		there = sizeof(content);
	}
	part = 0;
	assert_int_equal(write_all(3, out, 1, 0), EIO);
	failure = ENOSPC;
	assert_int_equal(write_all(3, out, 1, 0), ENOSPC);
	failure = EISDIR;
	assert_int_equal(read_all(3, in, 1, 0), EISDIR);
}

static void
test_locks(void **state)
{
	static const int unknown[] = { EINVAL, ENOSYS, EOPNOTSUPP };
	size_t i;

	(void)state;
	interrupts = 3;
	assert_int_equal(file_lock(3, 1, LOCK_TO_WRITE), 0);
	assert_int_equal(interrupts, 0);
	failure = EACCES;
	assert_int_equal(file_lock(3, 1, LOCK_TO_WRITE), EAGAIN);
	failure = EAGAIN;
	assert_int_equal(file_lock(3, 1, LOCK_TO_READ), EAGAIN);
	failure = EBADF;
	assert_int_equal(file_lock(3, 1, LOCK_NONE), EBADF);
	assert_true(file_locked(3, 1, true)); /* it cannot say */
	failure = 0;
	assert_false(file_locked(3, 1, true));
	assert_false(file_locked(3, 1, false));
	lock_is = F_RDLCK;
	assert_true(file_locked(3, 1, true));
	assert_false(file_locked(3, 1, false));
	lock_is = F_WRLCK;
	assert_true(file_locked(3, 1, false));
	/* What is said of it. */
	assert_int_equal(file_lock_failed(0), 0);
	assert_int_equal(file_lock_failed(EAGAIN), EAGAIN);
	assert_string_equal(shmbus_why(), "");
	for (i = 0; i < 3; i++)
		assert_int_equal(file_lock_failed(unknown[i]), EOPNOTSUPP);
	assert_int_equal(file_lock_failed(ENOLCK), ENOLCK);
	assert_non_null(strstr(shmbus_why(), "F_OFD_SETLK"));
	assert_int_equal(file_lock_failed(EBADF), EBADF);
	assert_null(strstr(shmbus_why(), "F_OFD_SETLK"));
}

/* Another process is at it: wait for it, but not for ever. */
static void
test_waits(void **state)
{
	(void)state;
	failure = EAGAIN;
	lock_is = F_WRLCK;
	assert_int_equal(lock_creation(3), 0);
	assert_int_equal(naps, 5);
	naps = 10;
	failure = EAGAIN;
	assert_int_equal(lock_creation(3), EBUSY);
	assert_int_equal(naps, 10 + CREATE_WAIT_MS);
	failure = EINVAL;
	naps = 10;
	assert_int_equal(lock_creation(3), EOPNOTSUPP);
	assert_int_equal(naps, 10);
}

/*
 * The file is cut while it is in use: one byte of it is read, at an odd address.
 * The guard lets that go on, and errno is as it was.
 */
static void
test_guard(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct mapping *m;
	char path[32];
	int fd = memfd_create("bus", MFD_CLOEXEC);
	volatile uint8_t *p;
	void *base;

	(void)state;
	assert_true(fd != -1);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	assert_int_equal(ftruncate(fd, (off_t)(3 * page)), 0);
	assert_int_equal(shmbus_guard(), 0);
	assert_int_equal(shmbus_guard(), 0);
	assert_int_equal(mapping_open(path, O_RDWR, 0, &m), 0);
	assert_int_equal(mapping_map(m, 3 * page, false, 0, &base), 0);
	p = base;
	p[10] = 77;
	assert_int_equal(ftruncate(fd, (off_t)page), 0);
	errno = 1234;
	assert_int_equal(p[page + 4095], 0);
	assert_int_equal(errno, 1234);
	assert_int_equal(AO_load(&m->broken), SHMBUS_ETRUNC);
	p[2 * page + 1] = 5;
	assert_int_equal(p[2 * page + 1], 5);
	assert_int_equal(p[10], 77);
	mapping_remove(m);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_parts, begin),
		cmocka_unit_test_setup(test_locks, begin),
		cmocka_unit_test_setup(test_waits, begin),
		cmocka_unit_test_setup(test_guard, begin),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
