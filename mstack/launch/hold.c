/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hold.c - sockets that outlive their server
 *
 * DOC: When a server ends the kernel closes its ends of the pairs, and to a
 * program the other end of a closed pair is readable for ever.  For a
 * connection that is right: it has ended.  A socket that waits for others to
 * come, a listener or one for datagrams, would make an event loop spin: poll(2)
 * says that something is there, the program looks, there is nothing.  The
 * descriptor cannot be replaced for all who have it (dup, fork, epoll).  So the
 * supervisor has a descriptor of the server's end as well, and the pair stays
 * whole: nothing comes, as from a network that is down.
 *
 * A listener is told once: a message without a descriptor (mstack/wire.h), by
 * which one accept(2) fails with ENETDOWN, as Linux passes on an error of the
 * network; those that wait in accept(2) are told directly.  A pair of datagrams
 * takes no more data (EPIPE), so that writing does not wait for ever.
 *
 * The other design, the supervisor as owner of all pairs, would let connections
 * outlive their server too, which nobody wants, and would need a descriptor of
 * each here.  When no descriptor is left for one it is not held, and hangs up.
 */
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mstack/launch/launch.h"
#include "mstack/wire_pass.h"

#define OTHERS 256 /* descriptors that are needed for other things */

struct hold {
	int about; /* ABOUT_HOLD */
	struct super *su;
	struct hold *next, *prev; /* next: also of those that have ended */
	const struct link *link;
	uint64_t inode;
	bool listener, ended;
	int fd;
};

static struct hold *ended;

static void
end(struct hold *h)
{
	if (h->ended)
		return;
	epoll_ctl(h->su->epoll, EPOLL_CTL_DEL, h->fd, NULL);
	close(h->fd);
	if (h->prev != NULL)
		h->prev->next = h->next;
	else
		h->su->holds = h->next;
	if (h->next != NULL)
		h->next->prev = h->prev;
	h->ended = true;
	h->next = ended;
	ended = h;
}

/* A listener INODE that is held, or NULL. */
static struct hold *
find_listener(const struct super *su, uint64_t inode)
{
	struct hold *h = su->holds;

	/* Listeners are first. */
	while (h != NULL && h->listener && h->inode != inode)
		h = h->next;
	return h != NULL && h->listener ? h : NULL;
}

static void
put_in_list(struct hold *h)
{
	struct hold *at = NULL, **link = &h->su->holds;

	while (!h->listener && *link != NULL && (*link)->listener) {
		at = *link;
		link = &at->next;
	}
	h->prev = at;
	if ((h->next = *link) != NULL)
		h->next->prev = h;
	*link = h;
}

void
hold(struct super *su, struct link *l, uint64_t inode, bool listener, int fd)
{
	struct rlimit files;
	struct hold *h;

	if (listener && find_listener(su, inode) != NULL)
		return;
	if ((h = calloc(1, sizeof(*h))) == NULL)
		return;
	h->about = ABOUT_HOLD;
	h->su = su;
	h->link = l;
	h->inode = inode;
	h->listener = listener;
	h->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (h->fd == -1 || getrlimit(RLIMIT_NOFILE, &files) != 0 ||
	    (rlim_t)h->fd + OTHERS > files.rlim_cur ||
	    super_watch(su, h->fd, EPOLLET, h) != 0) {
		if (h->fd != -1)
			close(h->fd);
		free(h);
		return;
	}
	put_in_list(h);
}

void
hold_event(struct hold *h)
{
	end(h);
}

void
hold_release(struct super *su, uint64_t inode)
{
	struct hold *h = find_listener(su, inode);

	if (h != NULL)
		end(h);
}

void
hold_put_back(struct super *su, uint64_t inode, const struct mstack_arrival *a,
    int fd)
{
	struct hold *h = find_listener(su, inode);

	if (h != NULL)
		wire_pass(h->fd, a, sizeof(*a), fd,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Whether a call waits in accept(2) for H, and is told by who ends it. */
static bool
somebody_waits(const struct hold *h)
{
	const struct call *c = h->su->calls;

	while (c != NULL &&
	    !(c->polled && c->inode == h->inode &&
		(c->nr == SYS_accept || c->nr == SYS_accept4)))
		c = c->next;
	return c != NULL;
}

void
hold_lost(struct super *su, const struct link *l)
{
	struct mstack_arrival nothing;
	struct hold *h;

	memset(&nothing, 0, sizeof(nothing));
	for (h = su->holds; h != NULL; h = h->next) {
		if (h->link != l)
			continue;
		if (!h->listener)
			shutdown(h->fd, SHUT_RD);
		else if (!somebody_waits(h))
			send(h->fd, &nothing, sizeof(nothing),
			    MSG_DONTWAIT | MSG_NOSIGNAL);
	}
}

void
hold_bury(void)
{
	struct hold *h;

	while ((h = ended) != NULL) {
		ended = h->next;
		free(h);
	}
}
