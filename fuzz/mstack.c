/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mstack.c - fuzz target: what a supervisor and its programs say to a server
 *
 * DOC: The code of mstack/serve is the real one, with its thread; in place of a
 * stack there is one that does what a script says (below).  We
 * are two supervisors, and the programs of both.
 *
 * An input: 16 bytes of script, then steps.  A step is a byte that says what it
 * is: a request (by which supervisor, about which socket, with which
 * descriptor; all of its fields), bytes that are none, something that a program
 * does to its end of a pair, or a bell.  After each of ours a question follows
 * that has one answer, so that the server has done what came before.
 *
 * What must hold: every reply is whole and of a call that was made; a
 * supervisor that names a socket of the other one is told ESTALE; the stack's
 * sockets are closed once each, and none is left in the end.
 */
#include <sys/mman.h>
#include <sys/socket.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "fuzz/fuzz.h"
#include "mstack/serve/mstack_serve.h"
#include "mstack/wire.h"
#include "mstack/wire_pass.h"
#include "shmif/stack_sock.h"

#define SOCKETS 64
#define ENDS 16
#define STEPS 64

/* ---- a stack that does as it is told ------------------------------------ */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint8_t script[16];
static unsigned line;
static struct {
	bool open;
	struct {
		stack_sock_bell *fn;
		void *arg;
	} bell[2];
} fake[SOCKETS];
static volatile uint8_t sink; /* of bytes that are looked at */

/* What the script says next, below N. */
static unsigned
next(unsigned n)
{
	unsigned v;

	pthread_mutex_lock(&lock);
	v = script[line % sizeof(script)] + line / sizeof(script);
	line++;
	pthread_mutex_unlock(&lock);
	return v % n;
}

static void
look(const void *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		sink ^= ((const uint8_t *)p)[i];
}

static void
check(int sock)
{
	if (sock < 0 || sock >= SOCKETS || !fake[sock].open)
		fuzz_fail("socket %d is not open", sock);
}

static int
some_error(void)
{
	static const int of[] = { 0, 0, 0, EADDRINUSE, EINVAL, ENOPROTOOPT,
		ECONNRESET, ENETUNREACH };

	return of[next(sizeof(of) / sizeof(of[0]))];
}

static int
fake_new(int *sock)
{
	int i, error = ENOBUFS;

	pthread_mutex_lock(&lock);
	for (i = 0; i < SOCKETS && error != 0; i++)
		if (!fake[i].open) {
			memset(&fake[i], 0, sizeof(fake[i]));
			fake[i].open = true;
			*sock = i;
			error = 0;
		}
	pthread_mutex_unlock(&lock);
	return error;
}

static int
fake_open(void *stack, int domain, int type, int protocol, int *sock)
{
	(void)stack;
	(void)domain;
	(void)type;
	(void)protocol;
	return next(8) == 7 ? EAFNOSUPPORT : fake_new(sock);
}

static void
fake_close(int sock)
{
	check(sock);
	pthread_mutex_lock(&lock);
	if (fake[sock].bell[0].fn != NULL || fake[sock].bell[1].fn != NULL)
		fuzz_fail("a closed socket has a bell");
	fake[sock].open = false;
	pthread_mutex_unlock(&lock);
}

static int
fake_bind(int sock, const struct sockaddr *addr, socklen_t len)
{
	check(sock);
	look(addr, len);
	return some_error();
}

static int
fake_connect(int sock, const struct sockaddr *addr, socklen_t len)
{
	check(sock);
	look(addr, len);
	return next(2) ? EINPROGRESS : some_error();
}

static int
fake_listen(int sock, int backlog)
{
	(void)backlog;
	check(sock);
	return some_error();
}

static int
fake_accept(int sock, int *made)
{
	check(sock);
	return next(3) == 0 ? fake_new(made) : EAGAIN;
}

static int
fake_shutdown(int sock, int how)
{
	(void)how;
	check(sock);
	return some_error();
}

static int
fake_name(int sock, bool of_peer, struct sockaddr *addr, socklen_t *len)
{
	static const socklen_t of[] = { 0, 2, 16, 28, 128, 129, 100000 };
	socklen_t real = of[next(sizeof(of) / sizeof(of[0]))];

	(void)of_peer;
	check(sock);
	memset(addr, 2, real < *len ? real : *len);
	*len = real;
	return some_error();
}

static int
fake_set(int sock, int level, int name, const void *value, socklen_t len)
{
	(void)level;
	(void)name;
	check(sock);
	look(value, len);
	return some_error();
}

static int
fake_get(int sock, int level, int name, void *value, socklen_t *len)
{
	(void)level;
	(void)name;
	check(sock);
	memset(value, (int)next(3), *len);
	if (next(2))
		*len /= 2;
	return some_error();
}

static int
fake_ioctl(int sock, unsigned long request, void *arg)
{
	(void)request;
	check(sock);
	look(arg, sizeof(int));
	return some_error();
}

static int
fake_send(int sock, const struct iovec *iov, int n, const struct sockaddr *to,
    socklen_t tolen, const struct stack_sock_control *control, size_t *done)
{
	size_t len = 0;
	int i;

	check(sock);
	look(to, to == NULL ? 0 : tolen);
	if (control != NULL)
		look(control->data, control->len);
	for (i = 0; i < n; i++) {
		look(iov[i].iov_base, iov[i].iov_len);
		len += iov[i].iov_len;
	}
	if (next(3) == 0)
		return EAGAIN;
	*done = len > 1 && next(2) ? len / 2 : len;
	return some_error();
}

static int
fake_recv(int sock, const struct iovec *iov, int n, struct sockaddr *from,
    socklen_t *fromlen, struct stack_sock_control *control, size_t *done)
{
	static const size_t of[] = { 0, 1, 100, 5000, 65536 };
	size_t len = of[next(sizeof(of) / sizeof(of[0]))];

	(void)n;
	check(sock);
	if (next(3) != 0)
		return EAGAIN;
	*done = len < iov[0].iov_len ? len : iov[0].iov_len;
	memset(iov[0].iov_base, 'x', *done);
	if (from != NULL)
		fake_name(sock, true, from, fromlen);
	if (control != NULL) {
		control->len = next(2) ? 0 : control->room;
		control->cut = next(2) != 0;
		memset(control->data, 3, control->len);
	}
	return next(8) == 0 ? ECONNRESET : 0;
}

static int
fake_watch(int sock, int events, stack_sock_bell *fn, void *arg)
{
	int i = events == POLLOUT;

	check(sock);
	pthread_mutex_lock(&lock);
	fake[sock].bell[i].fn = fn;
	fake[sock].bell[i].arg = arg;
	pthread_mutex_unlock(&lock);
	return 0;
}

static void
fake_unwatch(int sock, void *arg)
{
	int i;

	check(sock);
	pthread_mutex_lock(&lock);
	for (i = 0; i < 2; i++)
		if (fake[sock].bell[i].arg == arg)
			fake[sock].bell[i].fn = NULL;
	pthread_mutex_unlock(&lock);
}

static void
fake_own(int sock, int pid)
{
	(void)sock;
	(void)pid;
}

static void
fake_settle(void *stack)
{
	(void)stack;
}

static const struct stack_sock ops = { fake_open, fake_close, fake_bind,
	fake_connect, fake_listen, fake_accept, fake_shutdown, fake_name,
	fake_set, fake_get, fake_ioctl, fake_send, fake_recv, fake_watch,
	fake_unwatch, fake_own, fake_settle };

static void
ring(unsigned n)
{
	unsigned i;

	pthread_mutex_lock(&lock);
	for (i = 0; i < 2; i++) {
		stack_sock_bell *fn = fake[n % SOCKETS].bell[i].fn;

		fake[n % SOCKETS].bell[i].fn = NULL;
		if (fn != NULL)
			fn(fake[n % SOCKETS].bell[i].arg);
	}
	pthread_mutex_unlock(&lock);
}

/* ---- supervisors and programs ------------------------------------------- */

static int session[2];
static struct {
	int fd; /* -1: none */
	int of;
	bool shared; /* the other one may have it, too */
	uint64_t inode;
} ends[ENDS];
static uint64_t calls;

/* A descriptor that came in M, or -1; the second one is closed. */
static int
descriptor(struct msghdr *m)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	int fd[2] = { -1, -1 };

	if (c == NULL || c->cmsg_type != SCM_RIGHTS)
		return -1;
	memcpy(fd, CMSG_DATA(c),
	    c->cmsg_len >= CMSG_LEN(sizeof(fd)) ? sizeof(fd) : sizeof(int));
	if (fd[1] != -1)
		close(fd[1]);
	return fd[0];
}

static bool
begin(int i)
{
	struct mstack_greeting g;
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { &g, sizeof(g) };
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0 ||
	    mstack_serve_session(&ops, NULL, pair[0]) != 0 ||
	    recvmsg(pair[1], &m, 0) != sizeof(g))
		fuzz_fail("no session");
	session[i] = descriptor(&m);
	close(pair[1]);
	fcntl(session[i], F_SETFL, O_RDWR);
	return session[i] != -1;
}

/* Reads replies until the one to CALL.  False: the session has ended. */
static bool
replies(int i, uint64_t call, const struct mstack_request *q, bool foreign)
{
	static uint8_t room[MSTACK_MESSAGE_MAX + 1];
	struct mstack_reply r;
	union {
		char room[CMSG_SPACE(2 * sizeof(int))];
		struct cmsghdr align;
	} control;
	int fd, k;

	for (;;) {
		struct iovec iov = { room, sizeof(room) };
		struct msghdr m = { .msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = &control,
			.msg_controllen = sizeof(control) };
		ssize_t n = recvmsg(session[i], &m, MSG_CMSG_CLOEXEC);

		if (n <= 0)
			return false;
		fd = descriptor(&m);
		if ((size_t)n < sizeof(r))
			fuzz_fail("a short reply");
		memcpy(&r, room, sizeof(r));
		if ((size_t)n != sizeof(r) + r.addrlen + r.datalen)
			fuzz_fail("a reply's lengths are wrong");
		if (r.call > calls)
			fuzz_fail("a reply to nothing");
		if (q != NULL && r.call == q->call && foreign &&
		    r.error != ESTALE)
			fuzz_fail("a socket of another one: %d", r.error);
		for (k = 0; fd != -1 && q != NULL && k < ENDS; k++)
			if (q->op == MSTACK_SOCKET && ends[k].fd == -1) {
				ends[k].fd = fd;
				ends[k].of = i;
				ends[k].shared = false;
				ends[k].inode = r.sock;
				fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK);
				fd = -1;
			}
		if (fd != -1)
			close(fd);
		if (r.call == call)
			return true;
	}
}

/* Sends what is at P, and a question that has an answer. */
static void
say(int i, const void *p, size_t n, int fd, const struct mstack_request *q,
    bool foreign)
{
	struct mstack_request end = { .call = ++calls, .op = 99 };

	(void)!wire_pass(session[i], p, n, fd, MSG_NOSIGNAL);
	(void)!send(session[i], &end, sizeof(end), MSG_NOSIGNAL);
	if (!replies(i, end.call, q, foreign)) {
		close(session[i]);
		begin(i);
	}
}

/* A descriptor of some kind, to be closed; or -1. */
static int
some_descriptor(unsigned kind, unsigned k)
{
	int pair[2];

	switch (kind % 6) {
	case 1:
		return ends[k].fd == -1 ? -1 : dup(ends[k].fd);
	case 2:
		return open("/dev/null", O_RDWR | O_CLOEXEC);
	case 3:
		return memfd_create("fuzz", MFD_CLOEXEC);
	case 4:
		if (pipe2(pair, O_CLOEXEC) != 0)
			return -1;
		close(pair[0]);
		return pair[1];
	case 5:
		return socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	default:
		return -1;
	}
}

static void
request(struct input *in)
{
	static uint8_t message[MSTACK_MESSAGE_MAX];
	unsigned who = in8(in), k = who / 2 % ENDS, kind;
	struct mstack_request q = { .call = ++calls, .op = in8(in) % 16 };
	const uint8_t *p;
	bool foreign;
	size_t got;
	int i, fd;

	for (i = 0; i < 3; i++)
		q.arg[i] = (int32_t)in32(in);
	q.sock = ends[k].fd == -1 ? (uint32_t)q.arg[0] : ends[k].inode;
	kind = in8(in);
	p = in_bytes(in, in8(in) % (MSTACK_ADDR_MAX + 8), &got);
	q.addrlen = (uint32_t)got;
	memcpy(message + sizeof(q), p, got);
	p = in_bytes(in, in16(in), &got);
	q.datalen = (uint32_t)got;
	memcpy(message + sizeof(q) + q.addrlen, p, got);
	memcpy(message, &q, sizeof(q));
	fd = some_descriptor(kind, k);
	if (q.op == MSTACK_ADOPT)
		ends[k].shared = true;
	foreign = ends[k].fd != -1 && ends[k].of != (int)(who & 1) &&
	    !ends[k].shared && q.op > MSTACK_SOCKET && q.op < MSTACK_ADOPT &&
	    q.addrlen <= MSTACK_ADDR_MAX;
	say(who & 1, message, sizeof(q) + q.addrlen + q.datalen, fd, &q,
	    foreign);
	if (fd != -1)
		close(fd);
}

/* A program does something to its end. */
static void
program(struct input *in)
{
	unsigned k = in8(in) % ENDS, what = in8(in);
	static uint8_t room[70000];
	const uint8_t *p;
	size_t got;

	if (ends[k].fd == -1)
		return;
	switch (what % 5) {
	case 0:
		p = in_bytes(in, in16(in), &got);
		(void)!send(ends[k].fd, p, got, MSG_NOSIGNAL | MSG_DONTWAIT);
		break;
	case 1:
		(void)!recv(ends[k].fd, room, sizeof(room), MSG_DONTWAIT);
		break;
	case 2:
		shutdown(ends[k].fd, (int)(what / 5 % 3));
		break;
	default:
		close(ends[k].fd);
		ends[k].fd = -1;
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	const uint8_t *p;
	size_t got;
	int i;

	memset(script, 0, sizeof(script));
	p = in_bytes(&in, sizeof(script), &got);
	memcpy(script, p, got);
	line = 0;
	for (i = 0; i < ENDS; i++)
		ends[i].fd = -1;
	if (!begin(0) || !begin(1))
		fuzz_fail("a session without a descriptor");
	for (i = 0; i < STEPS && in.n > 0; i++) {
		unsigned what = in8(&in) % 8;

		if (what < 4) {
			request(&in);
		} else if (what == 4) {
			p = in_bytes(&in, in8(&in), &got);
			say(0, p, got, -1, NULL, false);
		} else if (what == 5) {
			ring(in8(&in));
		} else {
			program(&in);
		}
	}
	for (i = 0; i < ENDS; i++)
		if (ends[i].fd != -1)
			close(ends[i].fd);
	close(session[0]);
	close(session[1]);
	mstack_serve_end();
	for (i = 0; i < SOCKETS; i++)
		if (fake[i].open)
			fuzz_fail("socket %d is left", i);
	return 0;
}
