/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bus_errors_test.c - everything that can be said against a file, each with
 * its number and its words, and with nothing changed
 */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/lib/busdir.h"
#include "shmbus/format.h"

/* Makes the file NAME of N bytes.  Returns its path. */
static const char *
file_new(const char *name, const void *bytes, size_t n)
{
	const char *path = busdir_path(name);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, bytes, n), n);
	close(fd);
	return path;
}

/* A checksum of a file, so that a change shows; 0: there is none. */
static uint64_t
file_sum(const char *path)
{
	uint64_t sum = 14695981039346656037u;
	unsigned char buf[4096];
	struct stat st;
	ssize_t n;
	int fd;

	if (lstat(path, &st) == -1)
		return 0;
	sum += (uint64_t)st.st_size * 31 + st.st_mode;
	if (!S_ISREG(st.st_mode))
		return sum;
	fd = open(path, O_RDONLY);
	if (fd == -1) /* not for us to see */
		return sum;
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		for (ssize_t i = 0; i < n; i++)
			sum = (sum ^ buf[i]) * 1099511628211u;
	close(fd);
	return sum;
}

/*
 * Attaches to PATH with FLAGS, which must say ERROR and TEXT and change
 * nothing.  Returns whether it is so, with a word about it if not.
 */
static bool
refused(const char *path, unsigned flags, int error, const char *text)
{
	struct shmbus_options opt = { .flags = flags };
	struct shmbus *b = (void *)1;
	uint64_t before = path != NULL ? file_sum(path) : 0;
	int e = shmbus_attach(path, &opt, &b);
	bool changed = path != NULL && file_sum(path) != before;

	if (e == error && b == NULL && !changed &&
	    strstr(shmbus_why(), text) != NULL)
		return true;
	print_error("%s, flags %u: %d (%s) instead of %d (%s)%s\n",
	    path ? path : "NULL", flags, e, shmbus_why(), error, text,
	    changed ? ", and it has changed" : "");
	return false;
}

static void
refuses(const char *path, unsigned flags, int error, const char *text)
{
	assert_true(refused(path, flags, error, text));
}

/* With each kind of attaching. */
static void
refuses_all(const char *path, int error, const char *text)
{
	refuses(path, 0, error, text);
	refuses(path, SHMBUS_CREATE, error, text);
	refuses(path, SHMBUS_RDONLY, error, text);
	refuses(path, SHMBUS_OLDEST | SHMBUS_PROMISC, error, text);
}

static void
test_paths(void **state)
{
	static const char *const strange[] = { "/dev/null", "/dev/zero" };
	char longest[PATH_MAX + 20];
	char part[400];
	const char *path;
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	size_t i;
	int s;

	(void)state;
	refuses_all(NULL, EINVAL, "nvalid");
	refuses_all("", EINVAL, "nvalid");
	assert_int_equal(shmbus_create(NULL, NULL), EINVAL);
	assert_int_equal(shmbus_create("", NULL), EINVAL);
	path = busdir_path("missing");
	refuses(path, 0, ENOENT, "No such file");
	refuses(path, SHMBUS_RDONLY, ENOENT, "No such file");
	path = busdir_path("no/such/folder");
	refuses_all(path, ENOENT, "No such file");
	assert_int_equal(shmbus_create(path, NULL), ENOENT);
	assert_non_null(strstr(shmbus_why(), "No such file"));
	memset(part, 'x', sizeof(part));
	part[sizeof(part) - 1] = '\0';
	refuses_all(busdir_path(part), ENAMETOOLONG, "too long");
	assert_int_equal(shmbus_create(busdir_path(part), NULL), ENAMETOOLONG);
	memset(longest, '/', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	refuses_all(longest, ENAMETOOLONG, "too long");
	path = busdir_path("folder");
	assert_int_equal(mkdir(path, 0755), 0);
	refuses(path, 0, EISDIR, "directory");
	refuses(path, SHMBUS_CREATE, EISDIR, "directory");
	refuses(path, SHMBUS_RDONLY, EISDIR, "folder");
	assert_int_equal(shmbus_create(path, NULL), EISDIR);
	path = file_new("file", "x", 1);
	refuses_all(busdir_path("file/below"), ENOTDIR, "Not a directory");
	path = busdir_path("fifo");
	assert_int_equal(mkfifo(path, 0600), 0);
	refuses_all(path, ENODEV, "not a regular file");
	assert_int_equal(shmbus_create(path, NULL), ENODEV);
	path = busdir_path("socket");
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	s = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(s, (void *)&sun, sizeof(sun)), 0);
	refuses(path, 0, ENXIO, "");
	close(s);
	for (i = 0; i < sizeof(strange) / sizeof(strange[0]); i++) {
		refuses_all(strange[i], ENODEV, "not a regular file");
		assert_int_equal(shmbus_create(strange[i], NULL), ENODEV);
	}
	path = busdir_path("loop");
	assert_int_equal(symlink(path, path), 0);
	refuses_all(path, ELOOP, "");
}

static void
test_options(void **state)
{
	const char *path = bus_new(1500, 16);

	(void)state;
	refuses(path, SHMBUS_RDONLY | SHMBUS_CREATE, EINVAL, "read-only");
	refuses(path, 1u << 30, EINVAL, "flags");
	path = busdir_path("never");
	refuses(path, SHMBUS_RDONLY | SHMBUS_CREATE, EINVAL, "read-only");
	refuses(path, SHMBUS_CREATE | 1u << 20, EINVAL, "flags");
	assert_int_equal(access(path, F_OK), -1);
}

/* An address that is refused creates nothing. */
static void
test_address(void **state)
{
	struct shmbus_options opt = { .flags = SHMBUS_CREATE,
		.mac = { 3, 1, 1, 1, 1, 1 } };
	const char *path = busdir_path("group");
	struct shmbus *b;

	(void)state;
	assert_int_equal(shmbus_attach(path, &opt, &b), EINVAL);
	assert_int_equal(access(path, F_OK), -1);
}

static void
test_not_a_bus(void **state)
{
	char big[8192];
	size_t i;

	(void)state;
	/* An empty one is made a bus by those who may create, see there. */
	refuses(file_new("empty", "", 0), 0, SHMBUS_ENOTBUS, "empty");
	refuses(file_new("empty", "", 0), SHMBUS_RDONLY, SHMBUS_ENOTBUS,
	    "empty");
	assert_int_equal(shmbus_create(file_new("full", "x", 1), NULL), EEXIST);
	assert_int_equal(shmbus_create(bus_new(68, 16), NULL), EEXIST);
	refuses_all(file_new("short", "x", 1), SHMBUS_ENOTBUS, "too short");
	refuses_all(file_new("text", "This is my diary.\n", 18), SHMBUS_ENOTBUS,
	    "not a bus");
	memset(big, 0, sizeof(big));
	refuses_all(file_new("zeros", big, sizeof(big)), SHMBUS_ENOTBUS,
	    "bad magic");
	/* Any start of the magic, of a bus or of one being made. */
	for (i = 1; i < 8; i++)
		refuses_all(file_new("start", FORMAT_MAGIC_NEW, i),
		    SHMBUS_ENOTBUS, "too short");
	refuses(file_new("unfinished", FORMAT_MAGIC_NEW, 8), 0, SHMBUS_ENOTBUS,
	    "did not finish");
	memcpy(big, FORMAT_MAGIC_NEW, 8);
	refuses(file_new("unfinished", big, sizeof(big)), SHMBUS_RDONLY,
	    SHMBUS_ENOTBUS, "did not finish");
}

/* The header of a bus, changed at OFF, refused with ERROR and TEXT. */
static void
header(size_t off, const void *bytes, size_t n, int error, const char *text)
{
	const char *path = bus_new(1500, 16);
	int fd = open(path, O_RDWR);

	assert_int_not_equal(fd, -1);
	assert_int_equal(pwrite(fd, bytes, n, (off_t)off), n);
	close(fd);
	refuses_all(path, error, text);
	unlink(path);
}

static void
test_headers(void **state)
{
	static const size_t fields[] = { 16, 20, 24, 28, 32, 36, 40 };
	static const size_t wide[] = { 48, 56, 64 };
	static const uint32_t values[] = { 0, 1, 17, 0x7fffffff, UINT32_MAX };
	static const uint64_t wider[] = { 0, 1, 4096 * 7,
		(uint64_t)1 << 40 | 4096, UINT64_MAX };
	uint32_t version = 1;
	size_t i, k;

	(void)state;
	header(0, "Shmbus\r\n", 8, SHMBUS_ENOTBUS, "bad magic");
	header(0, "shmbus\n\n", 8, SHMBUS_ENOTBUS, "bad magic");
	header(8, "\1\2\3\4", 4,
	    FORMAT_BYTE_ORDER == 0x04030201u ? 0 : SHMBUS_EORDER,
	    "other byte order");
	header(8, "abcd", 4, SHMBUS_ENOTBUS, "byte-order");
	header(12, &version, 4, SHMBUS_EVERSION, "version 1");
	header(12, &version, 4, SHMBUS_EVERSION, "version 2");
	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		for (k = 0; k < sizeof(values) / sizeof(values[0]); k++)
			header(fields[i], &values[k], 4, SHMBUS_EDAMAGED,
			    "damaged");
	for (i = 0; i < sizeof(wide) / sizeof(wide[0]); i++)
		for (k = 0; k < sizeof(wider) / sizeof(wider[0]); k++)
			header(wide[i], &wider[k], 8, SHMBUS_EDAMAGED,
			    "damaged");
}

static void
test_truncated(void **state)
{
	const char *path = bus_new(1500, 16);
	struct stat st;
	off_t lengths[] = { 0, 4095, 4096, 4097, 65536, 4096 + 65536,
		4096 + 65536 + 1600 };
	size_t i;

	(void)state;
	assert_int_equal(stat(path, &st), 0);
	lengths[0] = st.st_size - 1;
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		char text[64];

		assert_int_equal(truncate(path, st.st_size), 0);
		assert_int_equal(truncate(path, lengths[i]), 0);
		snprintf(text, sizeof(text), "%lld of %lld",
		    (long long)lengths[i], (long long)st.st_size);
		refuses_all(path, SHMBUS_ETRUNC, text);
	}
	assert_int_equal(truncate(path, 639), 0);
	refuses_all(path, SHMBUS_ETRUNC, "639");
	assert_int_equal(truncate(path, 8), 0);
	refuses_all(path, SHMBUS_ETRUNC, "truncated");
	assert_int_equal(truncate(path, 7), 0);
	refuses_all(path, SHMBUS_ENOTBUS, "not a bus");
	/* A longer one is no fault. */
	path = bus_new(1500, 16);
	assert_int_equal(truncate(path, st.st_size + 12345), 0);
	shmbus_detach(bus_join(path, 1, 0));
}

static void
test_range(void **state)
{
	static const struct shmbus_geometry bad[] = {
		{ .mtu = 67 },
		{ .mtu = 1 },
		{ .mtu = 65522 },
		{ .mtu = UINT32_MAX },
		{ .slots = 8 },
		{ .slots = 15 },
		{ .slots = 2047 },
		{ .slots = 1u << 21 },
		{ .slots = UINT32_MAX },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct shmbus_options opt = { .flags = SHMBUS_CREATE,
			.geometry = bad[i] };
		const char *path = busdir_path("range");
		struct shmbus *b;

		assert_int_equal(shmbus_create(path, &bad[i]), SHMBUS_ERANGE);
		assert_non_null(strstr(shmbus_why(), "68"));
		assert_non_null(strstr(shmbus_why(), "65521"));
		assert_int_equal(shmbus_attach(path, &opt, &b), SHMBUS_ERANGE);
		assert_int_equal(access(path, F_OK), -1);
	}
}

/* ---- rights ------------------------------------------------------------- */

static int
without_rights(void *arg)
{
	const char *const *paths = arg;
	const char *text = "ermission denied";

	if (!refused(paths[0], 0, EACCES, text) ||
	    !refused(paths[0], SHMBUS_CREATE, EACCES, text) ||
	    !refused(paths[1], 0, EACCES, text) ||
	    !refused(paths[1], SHMBUS_RDONLY, EACCES, text) ||
	    !refused(paths[2], SHMBUS_CREATE, EACCES, text))
		return 1;
	return shmbus_create(paths[2], NULL) == EACCES ? 0 : 2;
}

static void
test_rights(void **state)
{
	const char *read_only = bus_new(1500, 16);
	const char *closed = bus_new(1500, 16);
	const char *folder = busdir_path("closed");
	const char *paths[3] = { read_only, closed,
		busdir_path("closed/new.bus") };

	(void)state;
	assert_int_equal(chmod(read_only, 0444), 0);
	assert_int_equal(chmod(closed, 0), 0);
	assert_int_equal(mkdir(folder, 0755), 0);
	if (geteuid() != 0)
		assert_int_equal(chmod(folder, 0555), 0);
	assert_int_equal(in_unprivileged_child(without_rights, paths), 0);
	assert_int_equal(chmod(folder, 0755), 0);
}

/* ---- words -------------------------------------------------------------- */

/* Every number has a text of its own, and the particulars are the thread's. */
static void
test_texts(void **state)
{
	static const int errors[] = { SHMBUS_ENOTBUS, SHMBUS_EVERSION,
		SHMBUS_EORDER, SHMBUS_ETRUNC, SHMBUS_EDAMAGED, SHMBUS_ERANGE,
		SHMBUS_EREPLACED, SHMBUS_EFULL, SHMBUS_EGIVENUP, SHMBUS_EFORKED,
		ENOSPC, EACCES, EAGAIN };
	const size_t n = sizeof(errors) / sizeof(errors[0]);
	size_t i, k;

	(void)state;
	for (i = 0; i < n; i++) {
		assert_non_null(shmbus_strerror(errors[i]));
		for (k = 0; k < i; k++)
			assert_string_not_equal(shmbus_strerror(errors[i]),
			    shmbus_strerror(errors[k]));
	}
	assert_string_equal(shmbus_strerror(ENOSPC), strerror(ENOSPC));
	assert_non_null(shmbus_strerror(12345));
	assert_non_null(shmbus_why());
}

int
main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, busdir_before, busdir_after)
	const struct CMUnitTest tests[] = {
		TEST(test_paths),
		TEST(test_options),
		TEST(test_address),
		TEST(test_not_a_bus),
		TEST(test_headers),
		TEST(test_truncated),
		TEST(test_range),
		TEST(test_rights),
		TEST(test_texts),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, busdir_make, busdir_remove);
}
