/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * switch_secure_test.c - a set-user-ID program does not read SHMIF_LWIPV6
 *
 * The program runs itself as another user, with a word there that no group has;
 * a process that reads it says so.  Skipped where that cannot be arranged.
 */
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define NOBODY 65534
#define NOT_SECURE 3
#define WORD "no-group-has-this-name"

static char copy[] = "/tmp/switch_secure.XXXXXX";

static int
make_copy(void)
{
	int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int to = mkstemp(copy);
	char b[65536];
	ssize_t n;

	if (from == -1 || to == -1)
		return -1;
	while ((n = read(from, b, sizeof(b))) > 0)
		if (write(to, b, (size_t)n) != n)
			n = -1;
	close(from);
	close(to);
	return n == 0 ? 0 : -1;
}

/*
 * Runs the copy, with MODE, as somebody else.  Its exit status; *SAID: whether
 * it said anything about the word.
 */
static int
run_copy(mode_t mode, bool *said)
{
	char text[4096] = "";
	size_t len = 0;
	int p[2], status;
	ssize_t n;
	pid_t pid;

	assert_int_equal(chmod(copy, mode), 0);
	assert_int_equal(pipe(p), 0);
	if ((pid = fork()) == 0) {
		dup2(p[1], 2);
		close(p[0]);
		close(p[1]);
		setenv("SHMIF_LWIPV6", WORD, 1);
		if (setgid(NOBODY) == 0 && setuid(NOBODY) == 0)
			execl(copy, copy, "child", (char *)NULL);
		_exit(127);
	}
	close(p[1]);
	while (len < sizeof(text) - 1 &&
	    (n = read(p[0], text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	close(p[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	*said = strstr(text, WORD) != NULL;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static void
test_secure(void **state)
{
	bool said;
	int r;

	(void)state;
	if (geteuid() != 0 || make_copy() != 0)
		skip();
	r = run_copy(0755, &said);
	if (r == 127)
		skip();
	/* An ordinary program reads it. */
	assert_int_equal(r, NOT_SECURE);
	assert_true(said);
	r = run_copy(04755, &said);
	unlink(copy);
	if (r == NOT_SECURE)
		skip(); /* the file system does not have the bit */
	assert_int_equal(r, 0);
	assert_false(said);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_secure),
	};

	/* The library has made its first calls by now. */
	if (argc == 2 && strcmp(argv[1], "child") == 0)
		return getauxval(AT_SECURE) != 0 ? 0 : NOT_SECURE;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
