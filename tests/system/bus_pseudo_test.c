/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bus_pseudo_test.c - what looks like an empty regular file, and is none, is
 * never written to
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shmbus/shmbus.h"

/* Files of the kernel that this process may write to. */
static const char *const files[] = { "/proc/self/comm",
	"/proc/self/coredump_filter", "/proc/self/oom_score_adj",
	"/proc/self/timerslack_ns", "/proc/self/clear_refs" };

static ssize_t
contents(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, buf, size);

	close(fd);
	return n;
}

static void
test_not_written(void **state)
{
	size_t i;
	unsigned mode;

	(void)state;
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		for (mode = 0; mode <= 0600; mode += 0600) {
			const struct shmbus_options o = {
				.flags = SHMBUS_CREATE,
				.geometry = { .slots = 16, .mode = mode },
			};
			char before[100], after[100];
			ssize_t n;
			struct shmbus *b;

			if (access(files[i], R_OK | W_OK) == -1)
				continue;
			n = contents(files[i], before, sizeof(before));
			assert_int_equal(shmbus_attach(files[i], &o, &b),
			    ENODEV);
			assert_true(*shmbus_why() != '\0');
			assert_int_equal(shmbus_create(files[i], &o.geometry),
			    ENODEV);
			assert_int_equal(contents(files[i], after,
					     sizeof(after)),
			    n);
			if (n > 0)
				assert_memory_equal(before, after, (size_t)n);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_not_written),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
