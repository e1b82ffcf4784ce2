/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * serve.c - a stack's sockets for programs in other processes: the thread
 *
 * DOC: Theory of Operation
 *
 * See mstack/wire.h for who the parties are and what they say to each other.
 *
 * One thread serves all sessions and moves the data of all sockets, from one
 * epoll.  It never waits for anything else: sockets of the stack are
 * non-blocking, and so is our end of each pair.  Two designs were looked at.
 * A thread for each socket and direction would wait in the stack's own calls,
 * with less state here; but 4096 sockets are 8192 threads, and a request about
 * a socket would have to find a thread that waits elsewhere.  The other one,
 * to have the stack's thread move the data, makes each program's stupidity the
 * stack's.
 *
 * What is moved.  For each socket there are two directions, up (program to
 * stack) and down.  A direction reads a chunk from one side and gives it to
 * the other.  What that one has no room for is kept (struct rest, at most one
 * chunk), and nothing more is read before it is gone.  So what bounds the
 * bytes under way are the buffers of the pair and of the stack, and a reader
 * that is slow stops its sender, as everywhere.
 *
 * When to try.  Four flags of a socket say what was not tried in vain since it
 * last changed: can our end of the pair be read, be written to, can the
 * stack's socket.  Epoll's edges set the first two, bells (stack_sock.h) the
 * others.  msock_work() does what the flags allow.
 *
 * Bells ring on the stack's thread, under its locks.  They put the socket on a
 * list, under our lock, and wake this thread if it sleeps.  Nothing of the stack
 * is called with our lock held.
 *
 * Who works.  To wake this thread for each message that comes is a switch of
 * tasks which costs more than all that it does.  So where it sleeps, and the
 * thread whose bell rang took frames from a bus, that one moves the data down
 * to the program, when it has let go of the stack's locks (shmif/later.h):
 * help().  It moves data and no more: what may wait for the stack's thread, as
 * a close does, is left to this one.  Two are never at work at once, by the lock
 * WORK, which this thread has but while it sleeps, and for which the stack's
 * thread never waits.
 *
 * The end of a socket.  The program's end of the pair is closed when the last
 * descriptor of it is gone, however that came about: close, exit, kill -9.
 * Our end hangs up then.  What the program wrote before is still moved up, and
 * then the stack's socket is closed, which sends the FIN.  If the program left
 * data unread the kernel says so (ECONNRESET), and the connection is reset, as
 * Linux does it.  The supervisor's death ends a session, not its sockets.
 *
 * The thread is made by the first session, so that programs which never have
 * one have no such thread.
 */
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mstack/serve/mstack_serve.h"
#include "mstack/serve/serve.h"
#include "mstack/wire_pass.h"
#include "shmif/later.h"

#define EVENTS 64
#define CATCH_UP 256 /* rounds of these */

static struct server *the_server; /* under life_lock */
static pid_t whose;		  /* under life_lock; not ours after a fork */
static pthread_mutex_t life_lock = PTHREAD_MUTEX_INITIALIZER;

int
serve_watch(struct server *sv, int fd, uint32_t events, void *subject)
{
	struct epoll_event ev = { .events = events, .data.ptr = subject };

	return epoll_ctl(sv->epoll, EPOLL_CTL_ADD, fd, &ev) == 0 ? 0 : errno;
}

void
serve_list(struct msock *m)
{
	struct server *sv = m->sv;

	if (m->on_rung)
		return;
	m->on_rung = true;
	m->next_rung = sv->rung;
	sv->rung = m;
}

void
serve_poke(struct server *sv)
{
	if (!sv->sleeping)
		return; /* it looks before it does */
	sv->sleeping = false;
	eventfd_write(sv->wake, 1);
}

/* Those that were handed over begin. */
static void
let_in(struct server *sv)
{
	struct session *s, *next;

	pthread_mutex_lock(&sv->lock);
	s = sv->fresh;
	sv->fresh = NULL;
	pthread_mutex_unlock(&sv->lock);
	for (; s != NULL; s = next) {
		next = s->next;
		if (serve_watch(sv, s->fd, EPOLLIN, s) != 0) {
			close(s->fd);
			free(s);
			continue;
		}
		s->next = sv->sessions;
		sv->sessions = s;
	}
}

/*
 * Sockets whose bell rang, or whose turn ended early, do what they can.  Those
 * that come onto the list meanwhile have their turn in the next round; and so
 * have those of which a helper cannot do all.
 */
static void
answer_bells(struct server *sv, bool helper)
{
	struct msock *m, *list;

	pthread_mutex_lock(&sv->lock);
	list = sv->rung;
	sv->rung = NULL;
	pthread_mutex_unlock(&sv->lock);
	while ((m = list) != NULL) {
		pthread_mutex_lock(&sv->lock);
		list = m->next_rung;
		m->on_rung = false;
		pthread_mutex_unlock(&sv->lock);
		if (!helper)
			msock_rung(m);
		else if (!msock_rung_down(m))
			msock_again(m);
	}
}

/* On a thread of the stack, which holds no lock. */
static void
help(void *arg)
{
	struct server *sv = arg;

	if (pthread_mutex_trylock(&sv->work) == 0) {
		answer_bells(sv, true);
		pthread_mutex_unlock(&sv->work);
	}
	pthread_mutex_lock(&sv->lock);
	sv->helped = false;
	if (sv->rung != NULL)
		serve_poke(sv);
	pthread_cond_signal(&sv->alone);
	pthread_mutex_unlock(&sv->lock);
}

void
serve_poke_or_help(struct server *sv)
{
	if (sv->sleeping && !sv->helped)
		sv->helped = later(help, sv);
	if (!sv->helped)
		serve_poke(sv);
}

/* Nobody puts anything on the list unheard from now on, if the thread may. */
static bool
may_sleep(struct server *sv)
{
	bool may;

	pthread_mutex_lock(&sv->lock);
	may = sv->sleeping = sv->rung == NULL && sv->fresh == NULL;
	pthread_mutex_unlock(&sv->lock);
	return may;
}

static void
awake(struct server *sv)
{
	pthread_mutex_lock(&sv->lock);
	sv->sleeping = false;
	pthread_mutex_unlock(&sv->lock);
}

static void
bury_sessions(struct server *sv)
{
	struct session **sp = &sv->sessions, *s;

	while ((s = *sp) != NULL)
		if (s->dead) {
			*sp = s->next;
			msock_forget_session(sv, s);
			close(s->fd);
			free(s);
		} else {
			sp = &s->next;
		}
}

/*
 * Bounded, since a socket can be ready again and again: all that there were
 * have had their turn after so many rounds.
 */
void
serve_catch_up(struct server *sv)
{
	struct epoll_event ev[EVENTS];
	int left = CATCH_UP, i, n;
	enum subject *about;

	do {
		n = epoll_wait(sv->epoll, ev, EVENTS, 0);
		for (i = 0; i < n; i++) {
			about = ev[i].data.ptr;
			/* The others are told of again. */
			if (*about == ABOUT_SOCK)
				msock_event(ev[i].data.ptr, ev[i].events);
		}
	} while (n == EVENTS && --left > 0);
}

static void *
serve_main(void *arg)
{
	struct epoll_event ev[EVENTS];
	struct server *sv = arg;
	bool sleep;
	int i, n;

	while (!atomic_load(&sv->quit)) {
		sleep = may_sleep(sv);
		n = epoll_wait(sv->epoll, ev, EVENTS,
		    sleep ? share_patience(sv) : 0);
		if (sleep)
			awake(sv);
		pthread_mutex_lock(&sv->work);
		share_retry(sv, sleep && n == 0);
		let_in(sv);
		/* None of them is freed before the round is over. */
		for (i = 0; i < n; i++)
			if (*(enum subject *)ev[i].data.ptr == ABOUT_SOCK)
				msock_event(ev[i].data.ptr, ev[i].events);
		/* After what may have come before they were asked for. */
		for (i = 0; i < n; i++)
			if (*(enum subject *)ev[i].data.ptr == ABOUT_SESSION)
				session_event(ev[i].data.ptr);
		answer_bells(sv, false);
		bury_sessions(sv);
		msock_bury(sv);
		pthread_mutex_unlock(&sv->work);
	}
	return NULL;
}

/* ---- life --------------------------------------------------------------- */

static void
server_free(struct server *sv)
{
	struct session *s;

	pthread_mutex_lock(&sv->work);
	let_in(sv);
	for (s = sv->sessions; s != NULL; s = s->next)
		s->dead = true;
	bury_sessions(sv);
	msock_end_all(sv);
	/* No bell rings any more; but somebody may be about to help. */
	pthread_mutex_lock(&sv->lock);
	while (sv->helped)
		pthread_cond_wait(&sv->alone, &sv->lock);
	pthread_mutex_unlock(&sv->lock);
	msock_bury(sv);
	source_close_all(sv);
	pthread_mutex_unlock(&sv->work);
	if (sv->epoll != -1)
		close(sv->epoll);
	if (sv->wake != -1)
		close(sv->wake);
	if (sv->diag > 0)
		close(sv->diag);
	pthread_mutex_destroy(&sv->lock);
	pthread_mutex_destroy(&sv->work);
	pthread_cond_destroy(&sv->alone);
	free(sv);
}

/* Makes the server and its thread.  0 or an errno value. */
static int
server_new(const struct stack_sock *ops, void *stack, struct server **svp)
{
	struct server *sv = calloc(1, sizeof(*sv));
	sigset_t all, old;
	int error;
	size_t i;

	if (sv == NULL)
		return ENOMEM;
	sv->about = ABOUT_WAKE;
	sv->ops = ops;
	sv->stack = stack;
	share_begin(sv);
	for (i = 0; i < SOURCES; i++)
		sv->source[i].fd = -1;
	pthread_mutex_init(&sv->lock, NULL);
	pthread_mutex_init(&sv->work, NULL);
	pthread_cond_init(&sv->alone, NULL);
	sv->epoll = epoll_create1(EPOLL_CLOEXEC);
	sv->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	error = sv->epoll == -1 || sv->wake == -1 ?
	    errno :
	    serve_watch(sv, sv->wake, EPOLLIN | EPOLLET, sv);
	if (error == 0) {
		/* The program's signals are not for this thread. */
		sigfillset(&all);
		sigdelset(&all, SIGBUS);
		sigdelset(&all, SIGSEGV);
		pthread_sigmask(SIG_SETMASK, &all, &old);
		error = pthread_create(&sv->thread, NULL, serve_main, sv);
		pthread_sigmask(SIG_SETMASK, &old, NULL);
	}
	if (error != 0) {
		server_free(sv);
		return error;
	}
	*svp = sv;
	return 0;
}

/* Tells whoever is at FD what we are, and gives it END.  0 or an error. */
static int
greet(int fd, int end)
{
	struct mstack_greeting g = { MSTACK_GREETING, MSTACK_VERSION };

	if (wire_pass(fd, &g, sizeof(g), end, MSG_NOSIGNAL | MSG_DONTWAIT) !=
	    sizeof(g))
		return errno;
	return 0;
}

/* A session, and in *END the supervisor's end of it. */
static struct session *
session_new(struct server *sv, int *end)
{
	struct session *s = calloc(1, sizeof(*s));
	int pair[2];

	if (s == NULL)
		return NULL;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC,
		0, pair) != 0) {
		free(s);
		return NULL;
	}
	s->about = ABOUT_SESSION;
	s->sv = sv;
	s->fd = pair[0];
	*end = pair[1];
	return s;
}

int
mstack_serve_session(const struct stack_sock *ops, void *stack, int fd)
{
	struct server *sv;
	struct session *s;
	int end, error = 0;

	pthread_mutex_lock(&life_lock);
	if (the_server == NULL || whose != getpid()) {
		the_server = NULL; /* of the parent, if there was one */
		whose = getpid();
		error = server_new(ops, stack, &the_server);
	}
	if ((sv = the_server) != NULL && (s = session_new(sv, &end)) == NULL) {
		error = errno;
	} else if (sv != NULL) {
		error = greet(fd, end);
		close(end);
		if (error == 0) {
			pthread_mutex_lock(&sv->lock);
			s->next = sv->fresh;
			sv->fresh = s;
			pthread_mutex_unlock(&sv->lock);
			eventfd_write(sv->wake, 1);
		} else {
			close(s->fd);
			free(s);
		}
	}
	pthread_mutex_unlock(&life_lock);
	close(fd);
	return error;
}

void
mstack_serve_end(void)
{
	struct server *sv;

	pthread_mutex_lock(&life_lock);
	sv = whose == getpid() ? the_server : NULL;
	the_server = NULL;
	if (sv != NULL) {
		const struct stack_sock *ops = sv->ops;
		void *stack = sv->stack;

		atomic_store(&sv->quit, true);
		eventfd_write(sv->wake, 1);
		pthread_join(sv->thread, NULL);
		server_free(sv);
		ops->settle(stack);
	}
	pthread_mutex_unlock(&life_lock);
}
