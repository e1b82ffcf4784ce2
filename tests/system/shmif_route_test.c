/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmif_route_test.c - routes by a unit, given as text
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <shmif.h>

static int ifnum = -1;

/* Whether the list of routes has TEXT in it. */
static bool
listed(const char *text)
{
	char *reply = NULL;
	bool is;

	assert_int_equal(
	    shmif_request("{\"id\":1,\"do\":[{\"op\":\"routes\"}]}", &reply),
	    0);
	is = strstr(reply, text) != NULL;
	if (!is)
		print_message("# %s\n", reply);
	free(reply);
	return is;
}

static void
test_routes(void **state)
{
	static const struct {
		const char *dst, *via, *text;
	} list[] = {
		{ "default", "10.0.0.1",
		    "\"dst\":\"0.0.0.0\",\"prefix\":0,\"via\":\"10.0.0.1\"" },
		{ "default", "fd00::1",
		    "\"dst\":\"::\",\"prefix\":0,\"via\":\"fd00::1\"" },
		{ "10.9.0.0/16", "10.0.0.1",
		    "\"dst\":\"10.9.0.0\",\"prefix\":16,\"via\":\"10.0.0.1\"" },
		{ "192.0.2.7", "10.0.0.1",
		    "\"dst\":\"192.0.2.7\",\"prefix\":32" },
		{ "fd09::/32", "fd00::1",
		    "\"dst\":\"fd09::\",\"prefix\":32,\"via\":\"fd00::1\"" },
		{ "10.8.0.0/16", NULL,
		    "\"dst\":\"10.8.0.0\",\"prefix\":16,\"via\":null" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		const char *dst = list[i].dst, *via = list[i].via;

		print_message("# %s\n", dst);
		assert_int_equal(shmif_del_route(ifnum, dst, via), ESRCH);
		assert_int_equal(shmif_add_route(ifnum, dst, via), 0);
		assert_true(listed(list[i].text));
		assert_int_equal(shmif_add_route(ifnum, dst, via), EEXIST);
		assert_int_equal(shmif_del_route(ifnum, dst, via), 0);
		assert_int_equal(shmif_del_route(ifnum, dst, via), ESRCH);
	}
}

static void
test_refused(void **state)
{
	static const char *const bad[][2] = { { NULL, "10.0.0.1" },
		{ "", "10.0.0.1" }, { "x", "10.0.0.1" },
		{ "10.0.0.0/33", "10.0.0.1" }, { "10.0.0.1/8", "10.0.0.1" },
		{ "default", "10.0.0.1/8" }, { "default", "x" },
		{ "10.0.0.0/8", "fd00::1" }, { "fd00::/8", "10.0.0.1" } };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(shmif_add_route(ifnum, bad[i][0], bad[i][1]),
		    EINVAL);
		assert_int_equal(shmif_del_route(ifnum, bad[i][0], bad[i][1]),
		    EINVAL);
	}
	assert_int_equal(shmif_add_route(77, "default", "10.0.0.1"), ENXIO);
	assert_int_equal(shmif_add_route(-1, "default", "10.0.0.1"), ENXIO);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_routes),
		cmocka_unit_test(test_refused),
	};
	char path[] = "/tmp/shmif-route.XXXXXX";
	int failed, fd = mkstemp(path);

	cmocka_set_message_output(CM_OUTPUT_TAP);
	if (fd == -1 || shmif_create(path, &ifnum) != 0 ||
	    shmif_add_addr(ifnum, "10.0.0.7/24") != 0 ||
	    shmif_add_addr(ifnum, "fd00::7/64") != 0 || shmif_up(ifnum) != 0)
		return 1;
	close(fd);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	shmif_destroy(ifnum);
	unlink(path);
	return failed;
}
