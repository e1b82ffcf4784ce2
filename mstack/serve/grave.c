/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * grave.c - what is still known of connections that were reset
 *
 * DOC: To pass a reset on, our end of the pair is closed, and with it goes the
 * socket (stream.c).  The program still has its end, and may ask: in Linux such
 * a socket has its name, its options can be read and set, and it has no peer.
 * So its name and kind are remembered, of the latest GRAVES.  An option is that
 * of a new socket of this kind, which is made for the question; it is not
 * remembered, for there is nothing left that it could act on.
 *
 * The other design, to keep the socket of the stack, would answer more of it,
 * but the server does not learn when the program closes such an end, and a
 * socket that is kept would keep its port.  Inodes are used once, so a grave
 * that is not needed any more does no harm, and goes when others come.
 *
 * What the kernel knows itself, SO_ERROR among it, it is asked: ESTALE.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "mstack/serve/serve.h"

void
grave_dig(struct msock *m)
{
	struct server *sv = m->sv;
	struct grave *g = &sv->graves[sv->next_grave];

	/* Its program is there, and has seen the socket. */
	if (!m->stream || m->hup || m->session == NULL)
		return;
	memset(g, 0, sizeof(*g));
	g->len = sizeof(g->name);
	if (sv->ops->name(m->sock, false, (struct sockaddr *)&g->name,
		&g->len) != 0 ||
	    g->len > sizeof(g->name))
		return;
	g->inode = m->inode;
	g->session = m->session;
	g->kind[0] = m->domain;
	g->kind[1] = m->type;
	g->kind[2] = m->protocol;
	sv->next_grave = (sv->next_grave + 1) % GRAVES;
}

struct grave *
grave_find(struct server *sv, const struct session *s, uint64_t inode)
{
	size_t i;

	for (i = 0; i < GRAVES; i++)
		if (sv->graves[i].inode == inode && inode != 0 &&
		    (s == NULL || sv->graves[i].session == s))
			return &sv->graves[i];
	return NULL;
}

void
grave_forget_session(struct server *sv, const struct session *s)
{
	size_t i;

	for (i = 0; i < GRAVES; i++)
		if (sv->graves[i].session == s)
			memset(&sv->graves[i], 0, sizeof(sv->graves[i]));
}

int
grave_option(struct server *sv, const struct grave *g, bool set, int level,
    int name, void *value, socklen_t *len)
{
	struct msock m = { .sv = sv,
		.domain = g->kind[0],
		.type = g->kind[1],
		.protocol = g->kind[2],
		.stream = true };
	int error;

	/* The pair itself knows how it ended. */
	if ((level == SOL_SOCKET && name == SO_ERROR) ||
	    (level == IPPROTO_TCP && name == TCP_INFO && *len == 1))
		return ESTALE;
	error = sv->ops->open(sv->stack, m.domain, m.type, m.protocol, &m.sock);
	if (error != 0)
		return error;
	error = set ? option_set(&m, level, name, value, *len) :
		      option_get(&m, level, name, value, len);
	sv->ops->close(m.sock);
	free(m.hints);
	return error;
}
