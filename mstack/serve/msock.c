/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * msock.c - a socket between a stack and a program: its life, and what drives
 *	it
 */
#include <sys/epoll.h>
#include <sys/stat.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mstack/serve/serve.h"

#define PAIR_EVENTS (EPOLLIN | EPOLLRDHUP | EPOLLET)
#define NEEDLESS_MAX 16

static struct msock **
bucket(struct server *sv, uint64_t inode)
{
	return &sv->hash[inode % HASHES];
}

int
msock_new(struct server *sv, struct session *s, int sock, const int kind[3],
    struct msock **mp, int *end)
{
	struct msock *m = NULL, **head;
	const struct linger mark = { .l_onoff = 1, .l_linger = MSTACK_MARK };
	int pair[2] = { -1, -1 }, on = 1, error;
	struct stat st;
	int type;

	if ((error = share_of(sv, s)) == 0)
		m = calloc(1, sizeof(*m));
	if (m == NULL) {
		if (sock != -1)
			sv->ops->close(sock);
		return error != 0 ? error : ENOMEM;
	}
	m->about = ABOUT_SOCK;
	m->sv = sv;
	m->session = s;
	m->sock = sock;
	m->domain = kind[0];
	m->type = kind[1];
	m->protocol = kind[2];
	m->stream = m->type == SOCK_STREAM;
	m->state = m->stream ? MSOCK_NEW : MSOCK_OPEN;
	m->held = -1;
	m->bell_in.m = m->bell_out.m = m;
	m->pair_in = m->pair_out = m->stack_in = m->stack_out = true;
	type = m->stream ? SOCK_STREAM : SOCK_SEQPACKET;
	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair) != 0 ||
	    setsockopt(pair[1], SOL_SOCKET, SO_LINGER, &mark, sizeof(mark)) !=
		0 ||
	    fstat(pair[1], &st) != 0) {
		/* The table that is full is not the program's. */
		error = errno == EMFILE ? ENFILE : errno;
	} else {
		m->inode = st.st_ino;
		m->pair = pair[0];
		/*
		 * A datagram of 0 bytes has to differ from the end; and what is
		 * sent as urgent goes on as ordinary data, or it would be lost.
		 */
		setsockopt(m->pair, SOL_SOCKET,
		    m->stream ? SO_OOBINLINE : SO_PASSCRED, &on, sizeof(on));
		error = m->stream && !stream_prepare(m, pair[1]) ?
		    ENOBUFS :
		    serve_watch(sv, m->pair, PAIR_EVENTS, m);
	}
	if (error != 0) {
		if (pair[0] != -1) {
			close(pair[0]);
			close(pair[1]);
		}
		if (sock != -1)
			sv->ops->close(sock);
		free(m);
		return error;
	}
	share_take(sv, s);
	head = bucket(sv, m->inode);
	m->next = *head;
	if (m->next != NULL)
		m->next->prev = m;
	*head = m;
	*mp = m;
	*end = pair[1];
	msock_again(m); /* it waits for what comes to it */
	return 0;
}

void
msock_own(struct msock *m, int pid)
{
	m->owner = pid;
	if (m->sv->ops->own != NULL)
		m->sv->ops->own(m->sock, pid);
}

struct msock *
msock_find(struct server *sv, const struct session *s, uint64_t inode)
{
	struct msock *m = *bucket(sv, inode);

	while (m != NULL && (m->inode != inode || m->dead))
		m = m->next;
	return m != NULL && (s == NULL || m->session == s) ? m : NULL;
}

/* Whoever waits for a connection hears how it ended. */
static void
answer_asker(struct msock *m, int error)
{
	struct mstack_reply r = { .call = m->call, .error = error };

	if (m->asker != NULL)
		session_reply(m->asker, &r, NULL, NULL, NULL, 0);
	m->asker = NULL;
}

void
msock_end(struct msock *m)
{
	struct server *sv = m->sv;

	if (m->dead)
		return;
	m->dead = true;
	share_forget(m);
	listener_end(m);
	answer_asker(m, ECONNABORTED);
	if (m->bell_in.set)
		sv->ops->unwatch(m->sock, &m->bell_in);
	if (m->bell_out.set)
		sv->ops->unwatch(m->sock, &m->bell_out);
	if (m->rude) {
		struct linger hard = { .l_onoff = 1, .l_linger = 0 };

		sv->ops->set(m->sock, SOL_SOCKET, SO_LINGER, &hard,
		    sizeof(hard));
	}
	if (m->sock != -1)
		sv->ops->close(m->sock);
	/* A supervisor may have it, too: closing it is not enough. */
	epoll_ctl(sv->epoll, EPOLL_CTL_DEL, m->pair, NULL);
	close(m->pair);
	share_give(sv, m->session);
	if (m->held != -1) {
		close(m->held);
		share_give(sv, m->session);
	}
	rest_drop(&m->up);
	rest_drop(&m->down);
	if (m->prev != NULL)
		m->prev->next = m->next;
	else
		*bucket(sv, m->inode) = m->next;
	if (m->next != NULL)
		m->next->prev = m->prev;
	m->next_dead = sv->dead;
	sv->dead = m;
}

void
msock_bury(struct server *sv)
{
	struct msock *m, **rp;

	while ((m = sv->dead) != NULL) {
		sv->dead = m->next_dead;
		pthread_mutex_lock(&sv->lock);
		if (m->on_rung) {
			for (rp = &sv->rung; *rp != m; rp = &(*rp)->next_rung)
				continue;
			*rp = m->next_rung;
		}
		pthread_mutex_unlock(&sv->lock);
		free(m->hints);
		free(m);
	}
}

void
msock_forget_session(struct server *sv, const struct session *s)
{
	struct msock *m;
	size_t i;

	grave_forget_session(sv, s);
	for (i = 0; i < HASHES; i++)
		for (m = sv->hash[i]; m != NULL; m = m->next) {
			if (m->session == s)
				share_move(m, NULL);
			if (m->asker == s)
				m->asker = NULL;
		}
}

void
msock_end_all(struct server *sv)
{
	size_t i;

	for (i = 0; i < HASHES; i++)
		while (sv->hash[i] != NULL)
			msock_end(sv->hash[i]);
}

/* ---- data that waits ---------------------------------------------------- */

bool
rest_keep(struct rest *r, const uint8_t *data, size_t len)
{
	if ((r->data = malloc(len + 1)) == NULL)
		return false;
	memcpy(r->data, data, len);
	r->at = 0;
	r->len = len;
	return true;
}

void
rest_drop(struct rest *r)
{
	free(r->data);
	r->data = NULL;
	r->at = r->len = 0;
}

/* ---- bells -------------------------------------------------------------- */

/* On the stack's thread, under its locks. */
static void
ring(void *arg)
{
	struct sock_bell *b = arg;
	struct server *sv = b->m->sv;

	pthread_mutex_lock(&sv->lock);
	b->rang = true;
	serve_list(b->m);
	serve_poke_or_help(sv);
	pthread_mutex_unlock(&sv->lock);
}

void
msock_again(struct msock *m)
{
	struct server *sv = m->sv;

	pthread_mutex_lock(&sv->lock);
	serve_list(m);
	serve_poke(sv);
	pthread_mutex_unlock(&sv->lock);
}

bool
msock_wait(struct msock *m, bool in)
{
	struct sock_bell *b = in ? &m->bell_in : &m->bell_out;

	if (!b->set) {
		b->set = true;
		if (m->sv->ops->watch(m->sock, in ? POLLIN : POLLOUT, ring,
			b) != 0) {
			b->set = false;
			return true;
		}
	}
	if (in)
		m->stack_in = false;
	else
		m->stack_out = false;
	return false;
}

/* Takes the bells that rang.  Whether one told of room. */
static bool
take_bells(struct msock *m)
{
	struct server *sv = m->sv;
	bool in, out;

	pthread_mutex_lock(&sv->lock);
	in = m->bell_in.rang;
	out = m->bell_out.rang;
	m->bell_in.rang = m->bell_out.rang = false;
	pthread_mutex_unlock(&sv->lock);
	if (in) {
		m->bell_in.set = false;
		m->stack_in = true;
	}
	if (out) {
		m->bell_out.set = false;
		m->stack_out = true;
	}
	return out;
}

void
msock_rung(struct msock *m)
{
	if (m->dead)
		return;
	take_bells(m);
	msock_work(m);
}

bool
msock_rung_down(struct msock *m)
{
	bool out;

	if (m->dead)
		return true;
	out = take_bells(m);
	if (m->state != MSOCK_OPEN || m->domain == AF_NETLINK || m->hup)
		return false;
	if (m->stream && !stream_move_down(m))
		return false;
	if (!m->stream)
		dgram_down(m);
	return !out;
}

/* ---- what drives it ----------------------------------------------------- */

/* Whether epoll tells of room in M's pair. */
static void
tell_of_room(struct msock *m, bool on)
{
	struct epoll_event ev = { .events = PAIR_EVENTS | (on ? EPOLLOUT : 0u),
		.data.ptr = m };

	if (m->tells_room != on &&
	    epoll_ctl(m->sv->epoll, EPOLL_CTL_MOD, m->pair, &ev) == 0)
		m->tells_room = on;
}

void
msock_full(struct msock *m)
{
	m->pair_out = false;
	m->needless = 0;
	tell_of_room(m, true);
}

void
msock_event(struct msock *m, uint32_t events)
{
	socklen_t len = sizeof(int);
	int error = 0;

	if (m->dead)
		return;
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		m->pair_in = true;
	if ((events & EPOLLOUT) && m->pair_out && ++m->needless == NEEDLESS_MAX)
		tell_of_room(m, false);
	if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		m->pair_out = true;
	if (events & (EPOLLRDHUP | EPOLLHUP))
		m->rdhup = true;
	if ((events & EPOLLHUP) && program_is_gone(m)) {
		m->hup = true;
		/* Nothing may be read any more that would say so. */
		if (m->stream &&
		    getsockopt(m->pair, SOL_SOCKET, SO_ERROR, &error, &len) ==
			0 &&
		    error == ECONNRESET)
			m->rude = true;
	}
	msock_work(m);
}

/* The program has gone, and what it had sent is with the stack. */
static bool
is_over(const struct msock *m)
{
	if (!m->hup)
		return false;
	if (m->state != MSOCK_OPEN)
		return true;
	return m->up_end && m->up.data == NULL;
}

void
msock_work(struct msock *m)
{
	if (m->dead)
		return;
	if (m->state == MSOCK_CONNECTING)
		connect_work(m);
	if (m->state == MSOCK_LISTENING && !m->hup)
		listener_work(m);
	if (m->state == MSOCK_OPEN && m->stream) {
		stream_down(m);
		stream_up(m);
	} else if (m->state == MSOCK_OPEN) {
		dgram_down(m);
		dgram_up(m);
	}
	if (is_over(m))
		msock_end(m);
}
