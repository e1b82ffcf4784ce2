/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * socket.c - sockets: how long they live, their threads, their queues
 *
 * DOC: The fault: a socket is freed by lwip_close() while another thread uses
 * it; how it is seen: a crash when a socket is closed while it is used.
 *
 * The cure: sockets are counted.  A socket lives as long as its descriptor,
 * its pcb, a message to the stack's thread, or a call uses it.
 *
 * This file knows no kind of socket: what a kind does is behind struct
 * sock_ops (sock.h).
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "stack/lwipv6/sock/sock.h"

#define IN_MAX 212992 /* as on Linux */
#define KEEP_IDLE 7200
#define KEEP_EVERY 75
#define KEEP_COUNT 9

static struct sock *all;
static pthread_mutex_t all_lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic unsigned forks;

int
sock_fail(int error)
{
	errno = error;
	return -1;
}

/* ---- life --------------------------------------------------------------- */

bool
sock_is_of_this_process(const struct sock *s)
{
	return s->born == forks;
}

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
    const struct sock_ops *ops)
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
	s->ops = ops;
	node_init(&s->at_port);
	s->ttl = s->tos = s->checksum_at = -1;
	s->group_ttl = 1;
	s->group_all = true;
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

static void
job_inside(void *arg)
{
	struct sock_job *j = arg;

	j->fn(j);
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

int
sock_job(struct sock_job *j, void (*fn)(struct sock_job *))
{
	int error;

	j->fn = fn;
	j->error = 0;
	error = sock_call(j->s, job_inside, j);
	return error != 0 ? error : j->error;
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
fifo_last(const struct fifo *f)
{
	return f->count == 0 ? NULL :
			       &f->at[(f->head + f->count - 1) % f->size];
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

/* ---- closing ------------------------------------------------------------ */

/* S has no descriptor any more; on the stack's thread. */
static void
close_inside(void *arg)
{
	struct sock *s = arg;

	s->orphan = true;
	port_unbound(s);
	s->ops->close(s);
	sock_put(s);
}

/* SO_LINGER: waits until what was sent has arrived, or for the time given. */
static void
wait_settled(struct sock *s, int seconds)
{
	struct timespec until, now;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += seconds;
	now = until;
	pthread_mutex_lock(&s->lock);
	do {
		if (s->settled || s->stack == NULL)
			break;
		/* It says EBADF whatever happened: the socket is closed. */
		sock_wait(s, WAIT_OUT, &until);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec < until.tv_sec ||
	    (now.tv_sec == until.tv_sec && now.tv_nsec < until.tv_nsec));
	pthread_mutex_unlock(&s->lock);
}

void
sock_close(struct sock *s)
{
	int linger = 0;

	pthread_mutex_lock(&s->lock);
	s->closed = true;
	if (s->linger && !s->nonblock && s->state == SOCK_CONNECTED)
		linger = s->linger_s;
	sock_unlock_wake(s, POLLIN | POLLOUT | POLLERR | POLLHUP | POLLNVAL);
	sock_post(s, close_inside);
	if (linger > 0)
		wait_settled(s, linger);
}
