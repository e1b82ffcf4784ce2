/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server.c - this process's stack, controlled over a socket
 *
 * DOC: Theory of Operation
 *
 * One thread serves all clients with one epoll.  It does one request after the
 * other, because requests change the one stack that all of them share, and none
 * of them waits for anything but the stack's thread (a ping goes on in the
 * background, pings.c).  It never waits for a socket: a reply that a client does
 * not take, and a message that a client has not finished, are kept within bounds
 * (client.c).
 *
 * The other design would be a thread per client.  It needs a lock around every
 * request, so that each is done as a whole or not at all, and memory for every
 * connection; and nothing is gained, since requests take turns anyway.
 *
 * Who may: the socket's mode is 0600, and the credentials of whoever connects
 * are looked at too: a mode can be changed and a descriptor passed on.
 *
 * Layers, none of which knows the ones before it: server.c; pings.c; client.c,
 * a connection; request.c, what is asked; ops_*.c, doing it by shmif.h and
 * stack_ctl.h; call.c, what operations have in common, and field.c, the form of
 * their members.  wire.c is the frame of a message, place.c the socket's file.
 * Nothing here knows what stack it is.
 *
 * It is a part of libshmif, and libshmif needs libjson-c for it: so that any
 * program that has a unit can be looked at and mended while it runs.
 */
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mstack/serve/mstack_serve.h"
#include "ctl/serve/pings.h"

#define BUDGET 16 /* requests of one client in a row */
#define EVENTS 64
#define TICK_MS 1000

struct server {
	struct clients all;
	struct pings pings;
	int epoll;
	int wake; /* eventfd: quit, or an answer to a ping came */
	struct place place;
	char *url;
	pthread_t thread;
	int spare; /* a descriptor that is closed to accept where none is left */
	pid_t pid; /* of who made it: after a fork the child has no thread */
	atomic_bool quit;
};

static struct server *the_server; /* under life_lock */
static pthread_mutex_t life_lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- clients ------------------------------------------------------------ */

/* Tells epoll which events of C matter now. */
static void
watch(struct server *s, struct client *c)
{
	struct epoll_event ev = { .data.ptr = c };
	uint32_t events = 0;

	if (c->out_len > 0)
		events |= EPOLLOUT;
	else if (c->ping == NULL && !c->eof && !c->hang_up)
		events |= EPOLLIN;
	/* Notice that the client is gone even while nothing is read from it. */
	if (!c->eof && !(events & EPOLLIN))
		events |= EPOLLRDHUP;
	if (c->bound && events == c->events)
		return;
	ev.events = events;
	if (epoll_ctl(s->epoll, c->bound ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, c->fd,
		&ev) != 0) {
		c->dead = true;
		return;
	}
	c->bound = true;
	c->events = events;
}

/*
 * Why the process at the other end of FD may not control this one; NULL: it
 * may.
 */
static const char *
unwelcome(const struct server *s, int fd, int *error)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	*error = EPERM;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0 ||
	    len != sizeof(peer))
		return "the system does not tell whose process asks";
	if (peer.uid != geteuid() && peer.uid != 0)
		return "only this server's user may";
	*error = EUSERS;
	if (s->all.n >= CLIENTS_MAX)
		return "256 clients are here already";
	return NULL;
}

/* Tells a client that is refused why, without waiting for it. */
static void
turn_away(int fd, int error, const char *text)
{
	struct json_object *reply = reply_error(-1, -1, error, text);
	uint8_t head[WIRE_HEADER];
	const char *json;
	size_t len;
	struct iovec iov[2];
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };

	json = json_object_to_json_string_length(reply, JSON_C_TO_STRING_PLAIN,
	    &len);
	wire_put_head(head, (uint32_t)len);
	iov[0] = (struct iovec){ head, sizeof(head) };
	iov[1] = (struct iovec){ (void *)(uintptr_t)json, len };
	sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
	json_object_put(reply);
	close(fd);
}

static void
let_in(struct server *s)
{
	struct client *c;
	const char *why;
	int error, fd;

	fd = accept4(s->place.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd == -1) {
		if ((errno == EMFILE || errno == ENFILE) && s->spare != -1) {
			/*
			 * It would stay in the queue and make epoll report it
			 * for ever.
			 */
			close(s->spare);
			fd = accept4(s->place.fd, NULL, NULL, SOCK_CLOEXEC);
			if (fd != -1)
				turn_away(fd, EMFILE, "no descriptor is left");
			s->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
		}
		return;
	}
	if ((why = unwelcome(s, fd, &error)) != NULL)
		turn_away(fd, error, why);
	else if ((c = client_new(&s->all, fd)) == NULL)
		turn_away(fd, ENOMEM, "no memory is left");
	else
		watch(s, c);
}

/* Lets C have its turn; a ping that it asks for is begun here. */
static void
work(struct server *s, struct client *c)
{
	client_work(&s->all, c, BUDGET);
	if (!c->asks)
		return;
	pings_begin(&s->pings, c);
	client_flush(&s->all, c);
	c->more = c->ping == NULL; /* it was refused: go on with the next */
}

static void
drop(struct server *s, struct client *c)
{
	pings_cancel(&s->pings, c);
	client_free(&s->all, c);
}

static void
serve(struct server *s, struct client *c, uint32_t events)
{
	if (events & EPOLLERR)
		c->dead = true;
	if (events & (EPOLLRDHUP | EPOLLHUP)) {
		if (c->ping != NULL || (events & EPOLLHUP))
			c->dead = true;
		else if (!(c->events & EPOLLIN))
			c->eof = true; /* what it sent before still counts */
	}
	if (events & EPOLLOUT)
		client_flush(&s->all, c);
	if ((events & EPOLLIN) && !c->dead)
		client_read(c);
	if (!c->dead)
		work(s, c);
}

/*
 * Continues clients that have more requests, and ends those that take too
 * long.
 */
static bool
continue_clients(struct server *s)
{
	int64_t now = clock_ms();
	struct client *c, *next;
	bool more = false;

	for (c = s->all.first; c != NULL; c = next) {
		next = c->next;
		if (c->more && !c->dead)
			work(s, c);
		if ((c->partial_ms != 0 && !c->more && c->ping == NULL &&
			c->out_len == 0 && now - c->partial_ms > PARTIAL_MS) ||
		    (c->stuck_ms != 0 && now - c->stuck_ms > STUCK_MS))
			c->dead = true;
		if (!c->dead)
			watch(s, c);
		if (c->dead)
			drop(s, c);
		else
			more |= c->more;
	}
	return more;
}

/* Whether a client may run out of time. */
static bool
has_deadline(const struct server *s)
{
	const struct client *c;

	for (c = s->all.first; c != NULL; c = c->next)
		if (c->partial_ms != 0 || c->stuck_ms != 0)
			return true;
	return false;
}

static void *
server_main(void *arg)
{
	struct epoll_event ev[EVENTS];
	struct server *s = arg;
	bool told = false;
	eventfd_t count;
	int i, n, wait = -1;

	while (!atomic_load(&s->quit)) {
		n = epoll_wait(s->epoll, ev, EVENTS, wait);
		for (i = 0; i < n; i++) {
			if (ev[i].data.ptr == &s->place)
				let_in(s);
			else if (ev[i].data.ptr == &s->wake)
				eventfd_read(s->wake, &count);
			else /* none is freed before continue_clients() */
				serve(s, ev[i].data.ptr, ev[i].events);
		}
		wait = pings_work(&s->pings);
		if (continue_clients(s))
			wait = 0;
		else if (has_deadline(s) && (wait == -1 || wait > TICK_MS))
			wait = TICK_MS;
		if (s->all.env.halt && !told) {
			told = true;
			kill(getpid(), SIGTERM);
		}
	}
	return NULL;
}

/* ---- life --------------------------------------------------------------- */

static void
server_free(struct server *s)
{
	while (s->all.first != NULL)
		drop(s, s->all.first);
	place_leave(&s->place);
	if (s->epoll != -1)
		close(s->epoll);
	if (s->wake != -1)
		close(s->wake);
	if (s->spare != -1)
		close(s->spare);
	free(s->url);
	free(s);
}

/* Prepares everything but the socket. 0 or an error. */
static int
server_make(struct server *s, const char *url)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int error;

	s->pid = getpid();
	s->place.fd = s->epoll = s->wake = s->spare = -1;
	s->pings.all = &s->all;
	if ((s->url = strdup(url)) == NULL)
		return ENOMEM;
	if ((error = env_init(&s->all.env)) != 0)
		return error;
	s->all.env.url = s->url;
	s->all.env.place = &s->place;
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	s->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	s->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (s->epoll == -1 || s->wake == -1 || s->spare == -1)
		return errno;
	s->pings.wake = s->wake;
	ev.data.ptr = &s->wake;
	return epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->wake, &ev) == 0 ? 0 :
								       errno;
}

static int
server_start(struct server *s, const char *path)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = &s->place };
	sigset_t all, old;
	int error;

	if ((error = place_take(&s->place, path)) != 0)
		return error;
	if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->place.fd, &ev) != 0)
		return errno;
	/* Signals of the program are not to be handled on this thread. */
	sigfillset(&all);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGSEGV);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	error = pthread_create(&s->thread, NULL, server_main, s);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return error;
}

int
shmif_init_server(const char *url)
{
	static bool at_exit;
	char path[WIRE_PATH_MAX];
	struct server *s;
	int error;

	if ((error = wire_path(url, path)) != 0)
		return error;
	pthread_mutex_lock(&life_lock);
	if (the_server != NULL && the_server->pid == getpid()) {
		error = EBUSY;
		goto out;
	}
	if ((s = calloc(1, sizeof(*s))) == NULL) {
		error = ENOMEM;
		goto out;
	}
	if ((error = server_make(s, url)) != 0 ||
	    (error = server_start(s, path)) != 0) {
		server_free(s);
		goto out;
	}
	the_server = s;
	if (!at_exit)
		at_exit = atexit(shmif_fini_server) == 0;
out:
	pthread_mutex_unlock(&life_lock);
	return error;
}

void
shmif_fini_server(void)
{
	struct server *s;

	pthread_mutex_lock(&life_lock);
	s = the_server;
	the_server = NULL;
	if (s != NULL && s->pid == getpid()) {
		atomic_store(&s->quit, true);
		eventfd_write(s->wake, 1);
		pthread_join(s->thread, NULL);
		mstack_serve_end();
		server_free(s);
	}
	pthread_mutex_unlock(&life_lock);
}
