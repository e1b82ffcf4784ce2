/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * share.c - how many sockets a program may have, and who waits for a descriptor
 *
 * DOC: Each socket takes a descriptor of this process, and one more while it
 * connects without waiting.  Of these there are LIMIT, less than the process may
 * have, for it needs some for other things.  A session, which is one run of
 * mstack with all its children, gets a socket only while it has no more of them
 * than are free.  So one alone gets half of all, one that comes then a quarter,
 * and however many one program wants there are some left for the next.
 *
 * Two designs were looked at.  A fixed number for each session is either too
 * small for a program that needs many, or so large that few programs take all.
 * To take sockets away from who has many breaks a program that did no wrong.
 *
 * A listener that cannot have a descriptor for a connection leaves that with the
 * stack, whose backlog bounds them, and is put on a list (STARVED).  It tries
 * again when a socket of anybody ends, and after RETRY_MS, since other parts of
 * the process have descriptors, too.
 */
#include <sys/resource.h>
#include <errno.h>
#include <unistd.h>

#include "mstack/serve/serve.h"

#define RESERVE ((size_t)256) /* descriptors for other things */
#define MOST (1u << 20)
#define RETRY_MS 100

void
share_begin(struct server *sv)
{
	struct rlimit files;
	size_t n = MOST;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < MOST)
		n = (size_t)files.rlim_cur;
	sv->limit = n > 2 * RESERVE ? n - RESERVE : n / 2;
}

int
share_of(const struct server *sv, const struct session *s)
{
	if (sv->used >= sv->limit)
		return ENFILE;
	return s != NULL && s->used >= sv->limit - sv->used ? EMFILE : 0;
}

void
share_take(struct server *sv, struct session *s)
{
	sv->used++;
	if (s != NULL)
		s->used++;
}

void
share_give(struct server *sv, struct session *s)
{
	sv->used--;
	if (s != NULL)
		s->used--;
	sv->freed = true;
}

void
share_move(struct msock *m, struct session *to)
{
	size_t n = m->held == -1 ? 1 : 2;

	if (m->session != NULL)
		m->session->used -= n;
	m->session = to;
	if (to != NULL)
		to->used += n;
}

/* ---- listeners that wait ------------------------------------------------- */

void
share_starve(struct msock *m)
{
	if (m->starved)
		return;
	m->starved = true;
	m->next_starved = m->sv->starved;
	m->sv->starved = m;
}

void
share_forget(const struct msock *m)
{
	struct msock **mp = &m->sv->starved;

	if (!m->starved)
		return;
	while (*mp != m)
		mp = &(*mp)->next_starved;
	*mp = m->next_starved;
}

int
share_patience(const struct server *sv)
{
	return sv->starved == NULL ? -1 : RETRY_MS;
}

void
share_retry(struct server *sv, bool late)
{
	struct msock *m;

	if (sv->freed || late)
		while ((m = sv->starved) != NULL) {
			sv->starved = m->next_starved;
			m->starved = false;
			msock_again(m);
		}
	sv->freed = false;
}
