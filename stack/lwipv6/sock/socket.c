/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * socket.c - descriptors and sockets
 *
 * DOC: The faults: the library's table of descriptors is grown by realloc()
 * while others read it; a socket is freed by lwip_close() while another thread
 * uses it; and lwip_close() holds the lock of the table while it waits for the
 * stack's thread, which needs it for a connection that comes in.
 *
 * How they are seen: a crash when a process has more descriptors than
 * sysconf(_SC_OPEN_MAX) said at its beginning, or when a socket is closed
 * while it is used; a server that closes one connection while another comes
 * in, and every stack of the process stands still for ever.
 *
 * The cure: a table in two levels, of which nothing ever moves, with a lock
 * for each stripe of it that is held for a look only; and sockets that are
 * counted.  A descriptor is a real one (of a socket that nobody uses), so that
 * its number is the program's for as long as it wants.
 *
 * After fork() the child has the numbers, but no stack: its sockets are those
 * it makes itself.  What it inherited is EBADF, and can be closed; were it let
 * near the stack's queue, which is a pipe, it would write into its parent's.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stack/lwipv6/sock/sock.h"

#define CHUNK 1024
#define CHUNKS 1024
#define STRIPES 64
#define IN_MAX 212992 /* as Linux has it */
#define KEEP_IDLE 7200
#define KEEP_EVERY 75
#define KEEP_COUNT 9
#define CAP_NET_RAW_ (1 << 13) /* LWIP_CAP_NET_RAW */

typedef struct sock *slot;

static slot *_Atomic chunk[CHUNKS];
static pthread_mutex_t stripe[STRIPES] = {
	[0 ... STRIPES - 1] = PTHREAD_MUTEX_INITIALIZER,
};
static struct sock *all;
static pthread_mutex_t all_lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic unsigned forks;

/* ---- descriptors -------------------------------------------------------- */

/* The place of FD, made where CREATE; or NULL. */
static slot *
place(int fd, bool create)
{
	slot *c, *none = NULL;

	if (fd < 0 || fd >= CHUNK * CHUNKS)
		return NULL;
	c = atomic_load(&chunk[fd / CHUNK]);
	if (c == NULL && create) {
		if ((c = calloc(CHUNK, sizeof(*c))) == NULL)
			return NULL;
		if (!atomic_compare_exchange_strong(&chunk[fd / CHUNK], &none,
			c)) {
			free(c);
			c = none;
		}
	}
	return c == NULL ? NULL : &c[fd % CHUNK];
}

static pthread_mutex_t *
lock_of(int fd)
{
	return &stripe[fd % STRIPES];
}

int
sock_fail(int error)
{
	errno = error;
	return -1;
}

struct sock *
sock_get(int fd)
{
	slot *at = place(fd, false);
	struct sock *s = NULL;

	if (at != NULL) {
		pthread_mutex_lock(lock_of(fd));
		if ((s = *at) != NULL && s->born == forks)
			sock_hold(s);
		else
			s = NULL;
		pthread_mutex_unlock(lock_of(fd));
	}
	if (s == NULL)
		errno = EBADF;
	return s;
}

bool
sock_is(int fd)
{
	slot *at = place(fd, false);
	bool is;

	if (at == NULL)
		return false;
	pthread_mutex_lock(lock_of(fd));
	is = *at != NULL;
	pthread_mutex_unlock(lock_of(fd));
	return is;
}

/*
 * A program may ask, by a variable of the library's, for numbers that are not
 * descriptors.
 */
extern int _nofdfake;

/* A number that is not taken: a descriptor, or the lowest.  Or -1 and errno. */
static int
new_number(void)
{
	int fd;

	if (!_nofdfake) {
		fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (fd >= CHUNK * CHUNKS) {
			close(fd);
			return sock_fail(EMFILE);
		}
		return fd;
	}
	for (fd = 0; fd < CHUNK * CHUNKS; fd++)
		if (!sock_is(fd))
			return fd;
	return sock_fail(EMFILE);
}

int
sock_install(struct sock *s)
{
	static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
	struct sock *old = NULL;
	slot *at;
	int fd;

	pthread_mutex_lock(&one);
	if ((fd = new_number()) != -1) {
		if ((at = place(fd, true)) == NULL) {
			if (!_nofdfake)
				close(fd);
			fd = sock_fail(ENOMEM);
		} else {
			sock_hold(s);
			s->fd = fd;
			pthread_mutex_lock(lock_of(fd));
			old = *at;
			*at = s;
			pthread_mutex_unlock(lock_of(fd));
		}
	}
	pthread_mutex_unlock(&one);
	if (old != NULL) {
		/* Its descriptor was closed behind our back. */
		if (old->born == forks)
			sock_close(old);
		sock_put(old);
	}
	return fd;
}

/* Takes FD out of the table: its socket, with its count; or NULL and errno. */
static struct sock *
uninstall(int fd)
{
	slot *at = place(fd, false);
	struct sock *s = NULL;

	if (at != NULL) {
		pthread_mutex_lock(lock_of(fd));
		s = *at;
		*at = NULL;
		pthread_mutex_unlock(lock_of(fd));
	}
	if (s == NULL)
		errno = EBADF;
	else if (!_nofdfake)
		close(fd);
	return s;
}

/* ---- sockets ------------------------------------------------------------ */

static void
forked(void)
{
	atomic_fetch_add(&forks, 1);
}

__attribute__((constructor)) static void
watch_forks(void)
{
	pthread_atfork(NULL, NULL, forked);
}

void
sock_hold(struct sock *s)
{
	atomic_fetch_add(&s->refs, 1);
}

static void
free_sock(struct sock *s)
{
	struct item *it;

	pthread_mutex_lock(&all_lock);
	if (s->prev != NULL)
		s->prev->next = s->next;
	else
		all = s->next;
	if (s->next != NULL)
		s->next->prev = s->prev;
	pthread_mutex_unlock(&all_lock);
	while ((it = fifo_first(&s->in)) != NULL) {
		pbuf_free(it->p);
		fifo_drop(&s->in);
	}
	free(s->in.at);
	free(s->out);
	free(s->waiting);
	pthread_mutex_destroy(&s->lock);
	pthread_mutex_destroy(&s->reader);
	pthread_mutex_destroy(&s->writer);
	free(s);
}

void
sock_put(struct sock *s)
{
	if (atomic_fetch_sub(&s->refs, 1) == 1)
		free_sock(s);
}

struct sock *
sock_new(struct stack *stack, int family, int type, int protocol,
    enum sock_kind kind)
{
	struct sock *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->refs = 1;
	s->born = forks;
	s->fd = -1;
	s->stack = stack;
	s->family = family;
	s->type = type;
	s->protocol = protocol;
	s->kind = kind;
	s->ttl = s->tos = s->checksum_at = -1;
	s->group_ttl = 1;
	s->group_loop = true;
	s->in_max = IN_MAX;
	s->keep_idle = KEEP_IDLE;
	s->keep_every = KEEP_EVERY;
	s->keep_count = KEEP_COUNT;
	pthread_mutex_init(&s->lock, NULL);
	pthread_mutex_init(&s->reader, NULL);
	pthread_mutex_init(&s->writer, NULL);
	pthread_mutex_lock(&all_lock);
	s->next = all;
	if (all != NULL)
		all->prev = s;
	all = s;
	pthread_mutex_unlock(&all_lock);
	return s;
}

/* Counts S, unless its last count is gone. */
static bool
try_hold(struct sock *s)
{
	unsigned n = s->refs;

	while (n != 0)
		if (atomic_compare_exchange_weak(&s->refs, &n, n + 1))
			return true;
	return false;
}

void
sock_each(const struct stack *stack, void (*fn)(struct sock *, void *),
    void *arg)
{
	struct sock **list = NULL, *s;
	size_t n = 0, i = 0;

	pthread_mutex_lock(&all_lock);
	for (s = all; s != NULL; s = s->next)
		n++;
	if (n != 0 && (list = malloc(n * sizeof(*list))) != NULL)
		for (s = all; s != NULL; s = s->next)
			if (s->born == forks && try_hold(s))
				list[i++] = s;
	pthread_mutex_unlock(&all_lock);
	for (n = 0; n < i; n++) {
		bool mine;

		pthread_mutex_lock(&list[n]->lock);
		mine = stack == NULL || list[n]->stack == stack;
		pthread_mutex_unlock(&list[n]->lock);
		if (mine)
			fn(list[n], arg);
		sock_put(list[n]);
	}
	free(list);
}

/* ---- the stack's thread ------------------------------------------------- */

static struct stack *
stack_of(struct sock *s)
{
	struct stack *stack;

	pthread_mutex_lock(&s->lock);
	stack = s->stack;
	pthread_mutex_unlock(&s->lock);
	return stack;
}

int
sock_call(struct sock *s, void (*fn)(void *), void *arg)
{
	struct stack *stack = stack_of(s);

	if (stack == NULL)
		return ENETDOWN;
	if (!thread_inside(stack))
		return thread_call(stack, fn, arg);
	fn(arg);
	return 0;
}

void
sock_post(struct sock *s, void (*fn)(void *))
{
	struct stack *stack = stack_of(s);

	if (stack == NULL)
		return;
	sock_hold(s);
	while (core_call(stack, fn, s) != 0)
		usleep(1000); /* no memory: it must be done */
}

/* ---- queues ------------------------------------------------------------- */

bool
fifo_put(struct fifo *f, const struct item *it)
{
	if (f->count == f->size) {
		uint32_t size = f->size == 0 ? 16 : f->size * 2, i;
		struct item *at = malloc(size * sizeof(*at));

		if (at == NULL)
			return false;
		for (i = 0; i < f->count; i++)
			at[i] = f->at[(f->head + i) % f->size];
		free(f->at);
		f->at = at;
		f->size = size;
		f->head = 0;
	}
	f->at[(f->head + f->count++) % f->size] = *it;
	return true;
}

struct item *
fifo_first(const struct fifo *f)
{
	return f->count == 0 ? NULL : &f->at[f->head];
}

void
fifo_drop(struct fifo *f)
{
	f->head = (f->head + 1) % f->size;
	f->count--;
}

/* ---- calls of programs -------------------------------------------------- */

/* The kind of socket that is asked for, or -1 and errno. */
static int
kind_of(int domain, int type)
{
	switch (domain) {
	case AF_INET:
	case AF_INET6:
		switch (type) {
		case SOCK_STREAM:
			return KIND_TCP;
		case SOCK_DGRAM:
			return KIND_UDP;
		case SOCK_RAW:
			return KIND_RAW;
		default:
			return sock_fail(EINVAL);
		}
	case AF_PACKET:
		if (type != SOCK_RAW && type != SOCK_DGRAM)
			return sock_fail(EINVAL);
		return KIND_PACKET;
	case AF_NETLINK:
		if (type != SOCK_RAW && type != SOCK_DGRAM)
			return sock_fail(EINVAL);
		return KIND_NETLINK;
	default:
		return sock_fail(EAFNOSUPPORT);
	}
}

struct opening {
	struct sock *s;
	int error;
};

static void
open_inside(void *arg)
{
	struct opening *o = arg;

	o->error = dgram_open(o->s);
}

/* Replaces the library's. */
EXPORT int
OURS(lwip_msocket)(struct stack *stack, int domain, int type, int protocol)
{
	int flags = type & (SOCK_NONBLOCK | SOCK_CLOEXEC), kind, fd, error;
	cap_fn *cap;
	struct opening o = { 0 };

	if (stack == NULL)
		return sock_fail(ENONET);
	type &= ~flags;
	if ((kind = kind_of(domain, type)) == -1)
		return -1;
	if (kind == KIND_NETLINK && protocol != 0)
		return sock_fail(EINVAL);
	if ((kind == KIND_TCP && protocol != 0 && protocol != IPPROTO_TCP) ||
	    (kind == KIND_UDP && protocol != 0 && protocol != IPPROTO_UDP))
		return sock_fail(EPROTONOSUPPORT);
	cap = STACK_FIELD(stack, STACK_CAPFUN, cap_fn *);
	if ((kind == KIND_RAW || kind == KIND_PACKET) && cap != NULL &&
	    (cap() & CAP_NET_RAW_) == 0)
		return sock_fail(EPERM);
	o.s = sock_new(stack, domain, type, protocol, (enum sock_kind)kind);
	if (o.s == NULL)
		return sock_fail(ENOMEM);
	o.s->nonblock = (flags & SOCK_NONBLOCK) != 0;
	error = sock_call(o.s, open_inside, &o);
	if (error == 0)
		error = o.error;
	if (error != 0) {
		sock_put(o.s);
		return sock_fail(error);
	}
	fd = sock_install(o.s);
	if (fd == -1) {
		error = errno;
		sock_close(o.s);
		errno = error;
	}
	sock_put(o.s);
	return fd;
}

/* Replaces the library's. */
EXPORT int
OURS(lwip_socket)(int domain, int type, int protocol)
{
	return OURS(lwip_msocket)(lwip_stack_get(), domain, type, protocol);
}

/* Replaces the library's. */
EXPORT int
OURS(lwip_close)(int fd)
{
	struct sock *s = uninstall(fd);

	if (s == NULL)
		return -1;
	if (s->born == forks)
		sock_close(s);
	sock_put(s);
	return 0;
}
