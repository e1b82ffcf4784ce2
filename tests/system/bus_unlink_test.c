/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bus_unlink_test.c - a creator that fails removes its own file and no other
 *
 * The library's call of posix_fallocate() comes to this program, which fails it.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/lib/crew.h"

static char path[256], other[256];
static bool replaces;

int
posix_fallocate(int fd, off_t offset, off_t len)
{
	(void)fd, (void)offset, (void)len;
	if (replaces)
		must(rename(other, path) == 0);
	return ENOSPC;
}

int posix_fallocate64(int fd, off64_t offset, off64_t len)
    __attribute__((alias("posix_fallocate")));

static void
test_failed(void **state)
{
	(void)state;
	snprintf(path, sizeof(path), "%s", crew_path("bus"));
	must(shmbus_create(path, NULL) == ENOSPC);
	must(access(path, F_OK) == -1 && errno == ENOENT);
	check();
}

/* Meanwhile somebody has put another file there. */
static void
test_replaced(void **state)
{
	int fd;

	(void)state;
	snprintf(other, sizeof(other), "%s", crew_path("other"));
	fd = open(other, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	must(write(fd, "precious", 8) == 8);
	close(fd);
	replaces = true;
	must(shmbus_create(path, NULL) == ENOSPC);
	must(access(path, F_OK) == 0);
	check();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_failed),
		cmocka_unit_test(test_replaced),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, crew_begin, crew_end);
}
