/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sock.c - sockets of lwIP: numbers, queues, errors and watches
 */
#include "stack/lwip/sock/sock.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define SOCKS_MAX 65536u

/* ---- numbers; with the core's lock, as all that follows ------------------ */

static struct sock **table;
static unsigned table_size, table_hint;

struct sock *
sock_find(int num)
{
	return num >= 0 && (unsigned)num < table_size ? table[num] : NULL;
}

struct sock *
sock_next(int num)
{
	for (; num >= 0 && (unsigned)num < table_size; num++)
		if (table[num] != NULL)
			return table[num];
	return NULL;
}

/* A free number, or -1. */
static int
reserve(void)
{
	unsigned i, size;
	void *bigger;

	for (i = table_hint; i < table_size; i++)
		if (table[i] == NULL)
			break;
	if (i == table_size) {
		size = table_size == 0 ? 64 : 2 * table_size;
		if (size > SOCKS_MAX)
			return -1;
		if ((bigger = realloc(table, size * sizeof(struct sock *))) ==
		    NULL)
			return -1;
		table = bigger;
		memset(table + table_size, 0,
		    (size - table_size) * sizeof(struct sock *));
		table_size = size;
	}
	table_hint = i + 1;
	return (int)i;
}

struct sock *
sock_new(int domain, int type, int protocol, enum sock_kind kind)
{
	struct sock *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	if ((s->num = reserve()) == -1) {
		free(s);
		return NULL;
	}
	table[s->num] = s;
	s->domain = domain;
	s->type = type;
	s->protocol = protocol;
	s->kind = kind;
	s->state = kind == SOCK_TCP ? SOCK_NEW : SOCK_OPEN;
	s->last = &s->first;
	s->w.ttl = s->w.hops = s->w.tos = s->w.tclass = -1;
	s->w.mcast_ttl = s->w.mcast_loop = s->w.rcvlowat = 1;
	s->w.sndbuf = kind == SOCK_TCP ? TCP_SND_BUF : 212992;
	s->w.rcvbuf = kind == SOCK_TCP ? TCP_WND : 212992;
	return s;
}

void
sock_empty(struct sock *s)
{
	struct item it;

	while (s->first != NULL) {
		it = sock_take(s);
		if (it.p != NULL)
			pbuf_free(it.p);
		free(it.beside);
		if (it.made != NULL) {
			stream_close(it.made);
			sock_free(it.made);
		}
	}
}

void
sock_free(struct sock *s)
{
	struct watch *w;

	sock_empty(s);
	while ((w = s->watches) != NULL) {
		s->watches = w->next;
		free(w);
	}
	table[s->num] = NULL;
	if ((unsigned)s->num < table_hint)
		table_hint = (unsigned)s->num;
	free(s);
}

/* ---- the queue ----------------------------------------------------------- */

bool
sock_put(struct sock *s, const struct item *what)
{
	struct item *it = malloc(sizeof(*it));

	if (it == NULL)
		return false;
	*it = *what;
	it->next = NULL;
	*s->last = it;
	s->last = &it->next;
	s->bytes += it->p != NULL ? it->p->tot_len : 1;
	return true;
}

struct item
sock_take(struct sock *s)
{
	struct item it = *s->first;

	free(s->first);
	s->first = it.next;
	if (s->first == NULL)
		s->last = &s->first;
	s->bytes -= it.p != NULL ? it.p->tot_len : 1;
	return it;
}

/* ---- errors -------------------------------------------------------------- */

int
sock_errno(err_t error)
{
	switch (error) {
	case ERR_OK:
		return 0;
	case ERR_MEM:
	case ERR_BUF:
		return ENOBUFS;
	case ERR_TIMEOUT:
	case ERR_ABRT:
		return ETIMEDOUT;
	case ERR_RTE:
		return ENETUNREACH;
	case ERR_INPROGRESS:
		return EINPROGRESS;
	case ERR_WOULDBLOCK:
		return EAGAIN;
	case ERR_USE:
		return EADDRINUSE;
	case ERR_ALREADY:
		return EALREADY;
	case ERR_ISCONN:
		return EISCONN;
	case ERR_CONN:
	case ERR_CLSD:
		return ENOTCONN;
	case ERR_IF:
		return ENETDOWN;
	case ERR_RST:
		return ECONNRESET;
	default:
		return EINVAL;
	}
}

int
sock_take_error(struct sock *s)
{
	int error = s->error;

	s->error = 0;
	return error;
}

/* ---- watches ------------------------------------------------------------- */

int
sock_ready(const struct sock *s)
{
	int ready = 0;

	if (s->first != NULL || s->eof || s->read_shut || s->error != 0)
		ready |= POLLIN;
	if (s->kind != SOCK_TCP || s->error != 0)
		return ready | POLLOUT;
	switch (s->state) {
	case SOCK_NEW:
		return ready | POLLIN | POLLOUT;
	case SOCK_OPEN:
		if (s->pcb.tcp == NULL)
			ready |= POLLIN | POLLOUT;
		if (s->write_shut || stream_writable(s))
			ready |= POLLOUT;
		break;
	case SOCK_LISTENING:
	case SOCK_CONNECTING:
		break;
	}
	return ready;
}

void
sock_ring(struct sock *s)
{
	struct watch **at = &s->watches, *w;
	int ready;

	if (s->watches == NULL)
		return;
	ready = sock_ready(s);
	while ((w = *at) != NULL) {
		if ((w->events & ready) == 0) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		w->fn(w->arg);
		free(w);
	}
}

int
sock_watch(struct sock *s, int events, stack_sock_bell *fn, void *arg)
{
	int ready = sock_ready(s) & events;
	struct watch *w;

	if (ready != 0)
		return ready;
	if ((w = calloc(1, sizeof(*w))) == NULL)
		return events; /* it is tried again at once */
	w->fn = fn;
	w->arg = arg;
	w->events = events;
	w->next = s->watches;
	s->watches = w;
	return 0;
}

void
sock_unwatch(struct sock *s, void *arg)
{
	struct watch **at = &s->watches, *w;

	while ((w = *at) != NULL) {
		if (w->arg == arg) {
			*at = w->next;
			free(w);
		} else {
			at = &w->next;
		}
	}
}
