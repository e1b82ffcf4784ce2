/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mstack_serve_test - the server of mstack, with a stack that is none
 *
 * The test is the supervisor, the program, and the stack's thread.  The stack
 * takes what it is given, and says that connections wait (COMING), and what
 * comes() gives it.
 */
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "mstack/serve/mstack_serve.h"
#include "mstack/wire.h"
#include "shmif/later.h"

#define WAIT_MS 20000

/* ---- the stack ----------------------------------------------------------- */

static atomic_size_t taken; /* bytes that were sent */
static atomic_int opened;
static atomic_int coming;    /* connections that wait */
static atomic_int listening; /* the socket for which they do */
static atomic_int server;    /* the thread that serves */

/* What has come, and who is to be told when something comes. */
static pthread_mutex_t stack_lock = PTHREAD_MUTEX_INITIALIZER;
static size_t there;
static stack_sock_bell *bell;
static void *bell_arg;
static pid_t receiver; /* the last thread that was given a byte */

static int
none_open(void *stack, int domain, int type, int protocol, int *sock)
{
	(void)stack;
	(void)domain;
	(void)type;
	(void)protocol;
	*sock = atomic_fetch_add(&opened, 1);
	atomic_store(&server, gettid());
	return 0;
}

static void
none_close(int sock)
{
	(void)sock;
	atomic_fetch_sub(&opened, 1);
}

static int
none_connect(int sock, const struct sockaddr *addr, socklen_t len)
{
	(void)sock;
	(void)addr;
	(void)len;
	return 0;
}

static int
none_listen(int sock, int backlog)
{
	(void)backlog;
	atomic_store(&listening, sock);
	return 0;
}

static int
none_accept(int sock, int *made)
{
	if (atomic_load(&coming) == 0)
		return EAGAIN;
	atomic_fetch_sub(&coming, 1);
	return none_open(NULL, sock, 0, 0, made);
}

static int
none_name(int sock, bool of_peer, struct sockaddr *addr, socklen_t *len)
{
	(void)sock;
	(void)of_peer;
	(void)addr;
	*len = 0;
	return 0;
}

static int
none_shutdown(int sock, int how)
{
	(void)sock;
	(void)how;
	return 0;
}

static int
none_set(int sock, int level, int name, const void *value, socklen_t len)
{
	(void)sock;
	(void)level;
	(void)name;
	(void)value;
	(void)len;
	return 0;
}

static int
none_send(int sock, const struct iovec *iov, int n, const struct sockaddr *to,
    socklen_t tolen, const struct stack_sock_control *control, size_t *done)
{
	(void)sock;
	(void)n;
	(void)control;
	(void)to;
	(void)tolen;
	*done = iov[0].iov_len;
	atomic_fetch_add(&taken, *done);
	return 0;
}

static int
none_recv(int sock, const struct iovec *iov, int n, struct sockaddr *from,
    socklen_t *fromlen, struct stack_sock_control *control, size_t *done)
{
	int error = EAGAIN;

	(void)sock;
	(void)control;
	(void)n;
	(void)from;
	(void)fromlen;
	pthread_mutex_lock(&stack_lock);
	if (there > 0) {
		there--;
		receiver = gettid();
		*(char *)iov[0].iov_base = 'x';
		*done = 1;
		error = 0;
	}
	pthread_mutex_unlock(&stack_lock);
	return error;
}

static int
none_watch(int sock, int events, stack_sock_bell *fn, void *arg)
{
	int ready = 0;

	if (atomic_load(&coming) > 0 && sock == atomic_load(&listening))
		return events & POLLIN;
	pthread_mutex_lock(&stack_lock);
	if ((events & POLLIN) && there > 0) {
		ready = POLLIN;
	} else if (events & POLLIN) {
		bell = fn;
		bell_arg = arg;
	}
	pthread_mutex_unlock(&stack_lock);
	return ready;
}

/* The stack's thread has taken a byte from the bus. */
static void
comes(void)
{
	later_begin();
	pthread_mutex_lock(&stack_lock);
	there++;
	if (bell != NULL)
		bell(bell_arg);
	bell = NULL;
	pthread_mutex_unlock(&stack_lock);
	later_end();
}

static void
none_unwatch(int sock, void *arg)
{
	(void)sock;
	pthread_mutex_lock(&stack_lock);
	if (bell_arg == arg)
		bell = NULL;
	pthread_mutex_unlock(&stack_lock);
}

static void
none_settle(void *stack)
{
	(void)stack;
}

static const struct stack_sock none = {
	.open = none_open,
	.close = none_close,
	.connect = none_connect,
	.listen = none_listen,
	.accept = none_accept,
	.name = none_name,
	.shutdown = none_shutdown,
	.set = none_set,
	.send = none_send,
	.recv = none_recv,
	.watch = none_watch,
	.unwatch = none_unwatch,
	.settle = none_settle,
};

/* ---- the supervisor ------------------------------------------------------ */

#define ALLOWED 612 /* descriptors of the process; 256 are not for sockets */

static int session;
static struct rlimit allowed;

/* Receives a message into TO; the descriptor that came with it, or -1. */
static int
receive(int fd, void *to, size_t size, size_t *len)
{
	union {
		char room[CMSG_SPACE(2 * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { to, size };
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct cmsghdr *c;
	int got = -1;

	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	*len = (size_t)recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
	c = CMSG_FIRSTHDR(&m);
	if (c != NULL)
		memcpy(&got, CMSG_DATA(c), sizeof(got));
	return got;
}

/* The supervisor's end of a new session. */
static int
new_session(void)
{
	struct mstack_greeting g = { .magic = 0 };
	size_t len;
	int pair[2], fd;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(mstack_serve_session(&none, NULL, pair[0]), 0);
	fd = receive(pair[1], &g, sizeof(g), &len);
	close(pair[1]);
	assert_int_not_equal(fd, -1);
	return fd;
}

static int
begin(void **state)
{
	(void)state;
	session = new_session();
	return 0;
}

/* With few descriptors. */
static int
begin_poor(void **state)
{
	struct rlimit few;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &allowed), 0);
	few = allowed;
	few.rlim_cur = ALLOWED;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	return begin(state);
}

static int
end(void **state)
{
	(void)state;
	close(session);
	mstack_serve_end();
	assert_int_equal(atomic_load(&opened), 0);
	return 0;
}

static int
end_poor(void **state)
{
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &allowed), 0);
	return end(state);
}

/* Makes a request; its error, and in *FD the descriptor that came. */
static int
ask(struct mstack_request *q, int *fd)
{
	static uint8_t room[MSTACK_MESSAGE_MAX];
	struct mstack_reply r;
	size_t len;

	assert_int_equal(send(session, q, sizeof(*q) + q->addrlen, 0),
	    sizeof(*q) + q->addrlen);
	*fd = receive(session, room, sizeof(room), &len);
	assert_true(len >= sizeof(r));
	memcpy(&r, room, sizeof(r));
	return r.error;
}

/* The program's end of a stream that is connected. */
static int
connection(void)
{
	struct {
		struct mstack_request q;
		struct sockaddr addr;
	} m = { .q = { .op = MSTACK_SOCKET, .arg = { AF_INET, SOCK_STREAM } } };
	struct stat st;
	int fd, none_came;

	assert_int_equal(ask(&m.q, &fd), 0);
	assert_int_not_equal(fd, -1);
	assert_int_equal(fstat(fd, &st), 0);
	m.q.op = MSTACK_CONNECT;
	m.q.arg[0] = 0;
	m.q.sock = st.st_ino;
	m.q.addrlen = sizeof(m.addr);
	m.addr.sa_family = AF_INET;
	assert_int_equal(ask(&m.q, &none_came), 0);
	return fd;
}

/* ---- tests --------------------------------------------------------------- */

/*
 * The byte by which a reset can be told is in a buffer that the kernel counts
 * as in use.  It may be any part of the send buffer: the program can go on.
 */
static void
a_byte_that_is_kept_leaves_room(void **state)
{
	static uint8_t data[100000];
	struct pollfd p = { .events = POLLOUT };
	size_t sent = 0;
	int size;

	(void)state;
	for (size = 32768; size <= 131072; size *= 2) {
		int fd = connection(), i;

		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
		p.fd = fd;
		for (i = 0; i < 50; i++) {
			ssize_t n = send(fd, data, sizeof(data), MSG_DONTWAIT);

			if (n > 0)
				sent += (size_t)n;
			assert_int_equal(poll(&p, 1, WAIT_MS), 1);
			assert_int_equal(p.revents, POLLOUT);
		}
		close(fd);
	}
	while (atomic_load(&taken) != sent)
		poll(NULL, 0, 1);
}

/* Opens streams until that fails; how many, the last one's error in *ERROR. */
static size_t
open_all(int fd[ALLOWED], int *error)
{
	struct mstack_request q = { .op = MSTACK_SOCKET,
		.arg = { AF_INET, SOCK_STREAM } };
	size_t n = 0;

	while ((*error = ask(&q, &fd[n])) == 0) {
		assert_int_not_equal(fd[n], -1);
		n++;
		assert_true(n < ALLOWED / 2);
	}
	return n;
}

static void
close_all(const int *fd, size_t n)
{
	while (n > 0)
		close(fd[--n]);
}

/* Opens one; waits until the server has noticed that others were closed. */
static int
open_one(void)
{
	struct mstack_request q = { .op = MSTACK_SOCKET,
		.arg = { AF_INET, SOCK_STREAM } };
	int fd, tries;

	for (tries = 0; tries < WAIT_MS; tries++) {
		if (ask(&q, &fd) == 0)
			return fd;
		poll(NULL, 0, 1);
	}
	fail_msg("no socket");
	return -1;
}

/* Whoever takes all that it can get leaves some for the next one. */
static void
each_program_has_its_share(void **state)
{
	static int first[ALLOWED], second[ALLOWED];
	size_t n, more;
	int error, one = session;

	(void)state;
	n = open_all(first, &error);
	assert_int_equal(error, EMFILE);
	assert_true(n > 50);
	session = new_session();
	more = open_all(second, &error);
	assert_int_equal(error, EMFILE);
	assert_true(more >= n / 3);
	close(session);
	session = one;
	close_all(second, more);
	/* What is closed can be had again. */
	close(first[--n]);
	first[n++] = open_one();
	close_all(first, n);
}

/* A connection that there is no descriptor for waits until there is one. */
static void
no_connection_is_lost_for_a_descriptor(void **state)
{
	static int fd[ALLOWED];
	struct mstack_request q = { .op = MSTACK_LISTEN, .arg = { 5 } };
	struct mstack_arrival a;
	struct pollfd p = { .events = POLLIN };
	struct stat st;
	int listener = open_one(), error, came, end_of_server;
	size_t n, len;

	(void)state;
	n = open_all(fd, &error);
	assert_int_equal(fstat(listener, &st), 0);
	q.sock = st.st_ino;
	atomic_store(&coming, 2);
	assert_int_equal(ask(&q, &end_of_server), 0);
	p.fd = listener;
	/* The server answers, so it has looked: nothing came, none was taken. */
	q.op = MSTACK_SOCKNAME;
	assert_int_equal(ask(&q, &came), 0);
	assert_int_equal(ask(&q, &came), 0);
	assert_int_equal(poll(&p, 1, 0), 0);
	assert_int_equal(atomic_load(&coming), 2);
	close(fd[--n]);
	came = receive(listener, &a, sizeof(a), &len);
	assert_int_not_equal(came, -1);
	assert_int_equal(atomic_load(&coming), 1);
	/* The place of the one that was accepted, and is closed. */
	close(came);
	came = receive(listener, &a, sizeof(a), &len);
	assert_int_not_equal(came, -1);
	close(came);
	close(listener);
	close(end_of_server);
	close_all(fd, n);
}

/* How often the serving thread went to sleep. */
static long
sleeps(void)
{
	long n = -1;
	char line[200];
	FILE *f;

	snprintf(line, sizeof(line), "/proc/self/task/%d/status",
	    atomic_load(&server));
	f = fopen(line, "re");
	assert_non_null(f);
	while (n == -1 && fgets(line, sizeof(line), f) != NULL)
		sscanf(line, "voluntary_ctxt_switches: %ld", &n);
	fclose(f);
	assert_int_not_equal(n, -1);
	return n;
}

/* Waits until the serving thread sleeps, and has for a while. */
static void
settle(void)
{
	long last = -1, now;

	while ((now = sleeps()) != last) {
		last = now;
		poll(NULL, 0, 20);
	}
}

/*
 * What comes while the server sleeps reaches the program by the thread that took
 * it from the bus; neither that nor that the program reads it wakes the server.
 */
static void
a_message_takes_no_switch_of_threads(void **state)
{
	enum { N = 200 };
	struct pollfd p = { .events = POLLIN };
	int fd = connection(), i, mine = 0;
	long before;
	char byte;

	(void)state;
	settle();
	before = sleeps();
	p.fd = fd;
	for (i = 0; i < N; i++) {
		comes();
		assert_int_equal(poll(&p, 1, WAIT_MS), 1);
		assert_int_equal(recv(fd, &byte, 1, 0), 1);
		mine += receiver == gettid();
	}
	settle();
	assert_in_range(mine, N / 2, N);
	assert_in_range(sleeps() - before, 0, 2 * (N - mine) + N / 4);
	close(fd);
}

/* All of it comes, also where server and stack's thread meet. */
static void
nothing_is_forgotten(void **state)
{
	enum { N = 3000 };
	struct pollfd p = { .events = POLLIN };
	int fd = connection(), i, got = 0;
	char data[64];
	ssize_t n;

	(void)state;
	p.fd = fd;
	for (i = 0; i < N; i++) {
		comes();
		/* Wakes the server, which then has to do with it as well. */
		assert_int_equal(send(fd, "y", 1, 0), 1);
		if (i % 7 == 0 && (n = recv(fd, data, 64, MSG_DONTWAIT)) > 0)
			got += (int)n;
	}
	while (got < N) {
		assert_int_equal(poll(&p, 1, WAIT_MS), 1);
		n = recv(fd, data, sizeof(data), 0);
		assert_in_range(n, 1, sizeof(data));
		got += (int)n;
	}
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_byte_that_is_kept_leaves_room,
		    begin, end),
		cmocka_unit_test_setup_teardown(each_program_has_its_share,
		    begin_poor, end_poor),
		cmocka_unit_test_setup_teardown(
		    no_connection_is_lost_for_a_descriptor, begin_poor,
		    end_poor),
		cmocka_unit_test_setup_teardown(
		    a_message_takes_no_switch_of_threads, begin, end),
		cmocka_unit_test_setup_teardown(nothing_is_forgotten, begin,
		    end),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
