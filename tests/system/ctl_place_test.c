/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ctl_place_test.c - where a server listens, and who may come there
 */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <lwipv6.h>
#include <shmif.h>

#include "tests/lib/ctlclient.h"
#include "tests/lib/must.h"
#include "tests/lib/netstack.h"

#define HELLO "{\"op\":\"hello\"}"
#define ALIVE(path) MUST(ctl_says(path, HELLO, "\"ok\":true"))
#define TAKERS 6

static char sock[300], url[320], lock[320];

/* A new place for a socket. */
static void
new_place(void)
{
	snprintf(sock, sizeof(sock), "%s.sock", net_bus());
	snprintf(url, sizeof(url), "unix://%s", sock);
	snprintf(lock, sizeof(lock), "%s.lock", sock);
}

/* Runs FN in a process of its own, so that it begins without a stack. */
static void
alone(int (*fn)(void *))
{
	new_place();
	assert_int_equal(net_wait(net_child(fn, NULL)), 0);
}

static bool
exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

/* Serves until it is killed; a byte to *ARG when it does. */
static int
serve_for_ever(void *arg)
{
	int *fd = arg;

	MUST(shmif_init_server(url) == 0);
	MUST(write(*fd, "x", 1) == 1);
	for (;;)
		pause();
}

/* A process that serves.  Returns when it does. */
static pid_t
other_server(void)
{
	int fd[2];
	pid_t pid;
	char x;

	MUST(pipe(fd) == 0);
	pid = net_child(serve_for_ever, &fd[1]);
	MUST(read(fd[0], &x, 1) == 1);
	close(fd[0]);
	close(fd[1]);
	return pid;
}

static int
bad_urls(void *arg)
{
	static const char *const bad[] = { "", "unix", "unix://", "unix:/tmp/x",
		"tcp://localhost:1", "/tmp/x", "unix:///tmp/" };
	char longer[200] = "unix:///";
	struct stat st;
	size_t i;
	int fd;

	(void)arg;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		MUST(shmif_init_server(bad[i]) == EINVAL);
	MUST(shmif_init_server(NULL) == EINVAL);
	memset(longer + 8, 'x', 108);
	MUST(shmif_init_server(longer) == ENAMETOOLONG);
	MUST(shmif_init_server("unix:///nowhere/x") == ENOENT);
	/* Something that is not a socket stays as it is. */
	MUST((fd = open(sock, O_WRONLY | O_CREAT, 0644)) != -1);
	close(fd);
	MUST(shmif_init_server(url) == EEXIST);
	MUST(stat(sock, &st) == 0 && S_ISREG(st.st_mode));
	unlink(sock);
	MUST(symlink("/etc/passwd", sock) == 0);
	MUST(shmif_init_server(url) == EEXIST);
	unlink(sock);
	MUST(!exists(lock));
	shmif_fini_server(); /* nothing to end */
	return 0;
}

static void
test_bad_urls(void **state)
{
	(void)state;
	alone(bad_urls);
}

static int
life(void *arg)
{
	int before, round;
	struct stat st;

	(void)arg;
	umask(0); /* it is not what keeps others out */
	MUST(shmif_init_server(url) == 0);
	MUST(lstat(sock, &st) == 0 && S_ISSOCK(st.st_mode));
	MUST((st.st_mode & 0777) == 0600);
	MUST(!exists(lock));
	MUST(shmif_init_server(url) == EBUSY);
	ALIVE(sock);
	shmif_fini_server();
	MUST(!exists(sock));
	MUST(ctl_connect(sock) == -1 && errno == ENOENT);
	before = net_descriptors();
	for (round = 0; round < 50; round++) {
		MUST(shmif_init_server(url) == 0);
		ALIVE(sock);
		shmif_fini_server();
	}
	MUST(net_descriptors() == before);
	MUST(shmif_init_server(url) == 0);
	return 0; /* by exit(): the socket goes */
}

static void
test_life(void **state)
{
	(void)state;
	alone(life);
	assert_false(exists(sock));
}

/* Another process is in the place, alive, then stopped, then killed. */
static int
taken(void *arg)
{
	pid_t pid = other_server();
	int status;

	(void)arg;
	MUST(shmif_init_server(url) == EADDRINUSE);
	kill(pid, SIGSTOP);
	MUST(shmif_init_server(url) == EADDRINUSE);
	kill(pid, SIGCONT);
	ALIVE(sock);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	MUST(exists(sock));
	MUST(ctl_connect(sock) == -1 && errno == ECONNREFUSED);
	MUST(shmif_init_server(url) == 0);
	ALIVE(sock);
	MUST(!exists(lock));
	return 0;
}

static void
test_taken(void **state)
{
	(void)state;
	alone(taken);
}

struct race {
	volatile int ready, done;
	volatile int result[TAKERS];
};

struct taker {
	struct race *race;
	int n;
};

static int
one_taker(void *arg)
{
	struct taker *t = arg;

	net_barrier(&t->race->ready, TAKERS);
	t->race->result[t->n] = shmif_init_server(url);
	net_barrier(&t->race->done, TAKERS + 1);
	net_barrier(&t->race->done, 2 * (TAKERS + 1));
	return 0;
}

/* Several find the socket of a dead server at once: one has it. */
static int
takers(void *arg)
{
	long rounds = net_env("TAKER_ROUNDS", 20), r;
	struct race *race = net_shared(sizeof(*race));
	struct taker t[TAKERS];
	pid_t pid[TAKERS];
	int i, status, won;

	(void)arg;
	for (r = 0; r < rounds; r++) {
		pid_t dead = other_server();

		kill(dead, SIGKILL);
		waitpid(dead, &status, 0);
		memset(race, 0, sizeof(*race));
		for (i = 0; i < TAKERS; i++) {
			t[i] = (struct taker){ race, i };
			pid[i] = net_child(one_taker, &t[i]);
		}
		net_barrier(&race->done, TAKERS + 1);
		for (won = i = 0; i < TAKERS; i++) {
			won += race->result[i] == 0;
			MUST(race->result[i] == 0 ||
			    race->result[i] == EADDRINUSE);
		}
		MUST(won == 1);
		ALIVE(sock);
		net_barrier(&race->done, 2 * (TAKERS + 1));
		for (i = 0; i < TAKERS; i++)
			MUST(net_wait(pid[i]) == 0);
		MUST(!exists(sock) && !exists(lock));
	}
	return 0;
}

static void
test_takers(void **state)
{
	(void)state;
	alone(takers);
}

/* A user without rights; the socket's mode is opened to see the next wall. */
static int
stranger(void *arg)
{
	bool *open_to_all = arg;
	char *reply;
	int fd;

	MUST(setgid(65534) == 0 && setuid(65534) == 0);
	fd = ctl_connect(sock);
	if (!*open_to_all) {
		MUST(fd == -1 && errno == EACCES);
		return 0;
	}
	MUST(fd != -1);
	reply = ctl_recv(fd, NULL);
	MUST(reply != NULL && strstr(reply, "EPERM") != NULL);
	free(reply);
	MUST(ctl_hung_up(fd));
	return 0;
}

static int
strangers(void *arg)
{
	bool no = false, yes = true;
	char dir[300];
	pid_t pid;

	(void)arg;
	pid = other_server();
	snprintf(dir, sizeof(dir), "%s", sock);
	*strrchr(dir, '/') = '\0';
	MUST(chmod(dir, 0755) == 0);
	MUST(net_wait(net_child(stranger, &no)) == 0);
	MUST(chmod(sock, 0666) == 0);
	MUST(net_wait(net_child(stranger, &yes)) == 0);
	ALIVE(sock);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return 0;
}

static void
test_strangers(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip(); /* only root can become somebody else */
	alone(strangers);
}

/* A child of a server does not take its socket away when it ends. */
static int
forked(void *arg)
{
	pid_t pid;

	(void)arg;
	MUST(shmif_init_server(url) == 0);
	if ((pid = fork()) == 0) {
		alarm(60); /* it does not inherit ours */
		exit(0);
	}
	waitpid(pid, NULL, 0);
	MUST(exists(sock));
	ALIVE(sock);
	return 0;
}

static void
test_forked(void **state)
{
	const char *san = getenv("SHMIF_SAN");

	(void)state;
	/*
	 * A thread may be in its allocator when another forks; the child then
	 * waits for that thread when it looks for leaks, for ever.
	 */
	if (san != NULL && strstr(san, "address") != NULL)
		skip();
	alone(forked);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_urls),
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_taken),
		cmocka_unit_test(test_takers),
		cmocka_unit_test(test_strangers),
		cmocka_unit_test(test_forked),
	};
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	net_bus(); /* before a child makes a folder of its own */
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	net_bus_remove();
	return failed;
}
