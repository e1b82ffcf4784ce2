/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * listener.c - connections that wait to be accepted
 *
 * DOC: Each is a message in the pair of its listener, with its peer's address
 * and the program's end of its own pair; whoever reads the message has
 * accepted it (mstack/wire.h).  As many as the pair has room for are there; the
 * rest stays in the stack, whose backlog bounds them.  A listener that is
 * closed takes with it what is in its pair: the ends in there are closed, and
 * so are the connections.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "mstack/serve/serve.h"
#include "mstack/wire_pass.h"

/* Sends END and its peer's address to whoever accepts.  False: no room. */
static bool
push(struct msock *m, struct msock *child, int end)
{
	struct mstack_arrival a;
	socklen_t len = sizeof(a.addr);

	memset(&a, 0, sizeof(a));
	if (m->sv->ops->name(child->sock, true, (struct sockaddr *)&a.addr,
		&len) == 0 &&
	    len <= sizeof(a.addr))
		a.addrlen = len;
	return wire_pass(m->pair, &a, sizeof(a), end,
		   MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)sizeof(a);
}

static bool
has_room(struct msock *m)
{
	struct pollfd p = { .fd = m->pair, .events = POLLOUT };

	m->pair_out = poll(&p, 1, 0) == 1 && (p.revents & POLLOUT) != 0;
	return m->pair_out;
}

void
listener_work(struct msock *m)
{
	const int kind[3] = { m->domain, m->type, m->protocol };
	struct msock *child;
	int error, made, end;

	while (m->stack_in && has_room(m)) {
		error = m->sv->ops->accept(m->sock, &made);
		if (error == EAGAIN) {
			msock_wait(m, true);
			continue;
		}
		if (error == EMFILE || error == ENFILE || error == ENOBUFS ||
		    error == ENOMEM)
			return; /* with the next event there may be one */
		if (error != 0) {
			m->stack_in = false;
			return;
		}
		if (msock_new(m->sv, m->session, made, kind, &child, &end) != 0)
			continue;
		child->state = MSOCK_OPEN;
		if (push(m, child, end))
			msock_again(child);
		else
			msock_end(child);
		close(end);
	}
}
