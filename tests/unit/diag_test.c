/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * diag_test - diagnostics hold nobody up, have a limit for each kind, and lose
 * none without saying how many
 */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/diag.h"

static int out; /* the real standard error */

/* Makes standard error a pipe.  Returns the end to read from. */
static int
begin_pipe(void)
{
	int p[2];

	assert_int_equal(pipe(p), 0);
	assert_int_equal(dup2(p[1], STDERR_FILENO), STDERR_FILENO);
	close(p[1]);
	return p[0];
}

/* Reads lines until MS go by without any.  Returns how many; BUF has all. */
static unsigned
read_lines(int fd, int ms, char *buf, size_t size)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t len = 0;
	unsigned n = 0;

	while (poll(&p, 1, ms) == 1 && len < size - 1) {
		ssize_t k = read(fd, buf + len, size - 1 - len);

		if (k <= 0)
			break;
		len += (size_t)k;
	}
	buf[len] = '\0';
	for (const char *q = buf; (q = strchr(q, '\n')) != NULL; q++)
		n++;
	return n;
}

/* The sum of the numbers before " more messages" in TEXT. */
static unsigned
more_of(const char *text, const char *what)
{
	unsigned sum = 0, n;
	char line[600];

	while (*text != '\0') {
		size_t len = strcspn(text, "\n");

		snprintf(line, sizeof(line), "%.*s", (int)len, text);
		if (strstr(line, what) != NULL &&
		    sscanf(line, "%*[^:]: %u more messages", &n) == 1)
			sum += n;
		text += len + (text[len] == '\n');
	}
	return sum;
}

/* Each kind has its limit, and what exceeds it is counted, once. */
static void
test_limit(void **state)
{
	static char buf[65536];
	unsigned i, said;
	int fd = begin_pipe();

	(void)state;
	for (i = 0; i < 1000; i++) {
		diag(DIAG_ADDRESS, "address %u", i);
		diag(DIAG_BUS, "bus %u\n\x1b[2J", i);
	}
	read_lines(fd, 2500, buf, sizeof(buf));
	dup2(out, STDERR_FILENO);
	close(fd);
	/* A kind that was silent is not held up by one that is not. */
	assert_non_null(strstr(buf, ": address 0\n"));
	assert_non_null(strstr(buf, ": bus 0??[2J\n"));
	for (said = 0, i = 0; i < 1000; i++) {
		char text[32];

		snprintf(text, sizeof(text), ": address %u\n", i);
		said += strstr(buf, text) != NULL;
	}
	assert_in_range(said, DIAG_RATE, 100);
	assert_int_equal(said + more_of(buf, "addresses"), 1000);
}

/* A pipe that nobody reads: nobody waits, and the loss is said afterwards. */
static void
test_full_pipe(void **state)
{
	static char buf[1 << 20];
	uint64_t t;
	char c = 'x';
	int fd = begin_pipe(), flags, i;

	(void)state;
	flags = fcntl(STDERR_FILENO, F_GETFL);
	fcntl(STDERR_FILENO, F_SETFL, flags | O_NONBLOCK);
	while (write(STDERR_FILENO, &c, 1) == 1)
		continue;
	fcntl(STDERR_FILENO, F_SETFL, flags);
	t = now_ns();
	for (i = 0; i < 100000; i++)
		diag(i % 2 ? DIAG_PEER : DIAG_SETUP, "peer %d", i);
	/* For ever, if it waited: this is a long time already. */
	assert_true(now_ns() - t < (uint64_t)60 * 1000000000);
	read_lines(fd, 2500, buf, sizeof(buf));
	dup2(out, STDERR_FILENO);
	close(fd);
	assert_non_null(strstr(buf, ": peer 1\n"));
	assert_true(more_of(buf, "other end") >= 49000);
	assert_true(more_of(buf, "library") >= 49000);
}

/* After a fork, and at exit. */
static void
test_fork(void **state)
{
	static char buf[65536];
	int fd = begin_pipe(), status;
	pid_t child;

	(void)state;
#ifdef __SANITIZE_THREAD__
	close(fd);
	dup2(out, STDERR_FILENO);
	skip(); /* it lets no child of a process with threads have a thread */
#endif
	usleep(1100000); /* a new second */
	diag(DIAG_BUS, "parent");
	child = fork();
	if (child == 0) {
		diag(DIAG_BUS, "child");
		exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	read_lines(fd, 500, buf, sizeof(buf));
	dup2(out, STDERR_FILENO);
	close(fd);
	assert_non_null(strstr(buf, ": parent\n"));
	assert_non_null(strstr(buf, ": child\n"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_full_pipe),
		cmocka_unit_test(test_fork),
	};

	out = dup(STDERR_FILENO);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
