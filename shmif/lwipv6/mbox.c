/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mbox.c - fetching a message: any descriptor, and a clock that is right
 *
 * DOC: The faults: a mailbox is a pipe.  The library waits for it with
 * select(), which cannot take descriptors from 1024 on and then writes beyond
 * its set; and it reports the time waited rounded up to a whole millisecond
 * for every message, which is how a stack's clock goes forward.
 *
 * How they are seen: a program with more than a thousand descriptors crashes
 * or hangs.  Under load, with a message each few microseconds, timers run up
 * to 400 times too fast: ARP entries and fragments age in milliseconds, and
 * retransmissions come at once, twelve of which end a connection.
 *
 * The cure: poll(), and the monotonic clock.  A thread's time goes on from
 * where the last fetch left it, so that what the thread did between two
 * fetches counts, and what is less than a millisecond is kept for the next.
 * After a thread was held up for long (SIGSTOP) its clock does not run to
 * catch up: timers that are due several times fire once.
 *
 * MBOX and MSG are as the library's; TIMEOUT is in milliseconds, 0 for ever.
 * Returns the milliseconds gone by, or SYS_ARCH_TIMEOUT.
 */
#include <errno.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include "../lwipv6_port.h"

#define MS 1000000
#define LATE_MAX (20 * (int64_t)MS) /* lateness that is made up for */

static __thread int64_t clock_at; /* how far this thread's timers are */

static int64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 * MS + t.tv_nsec;
}

/* Reads one message.  Pointers are written whole, so they come whole. */
static void
get(const struct sys_mbox *mbox, void **msg)
{
	void *m = NULL;

	while (read(mbox->pipe[0], &m, sizeof(m)) == -1 && errno == EINTR)
		continue;
	if (msg != NULL)
		*msg = m;
}

/* Waits until NOW + LEFT for a message.  Returns whether there is one. */
static bool
wait_for(const struct sys_mbox *mbox, int64_t left)
{
	struct pollfd p = { .fd = mbox->pipe[0], .events = POLLIN };
	int64_t end = now_ns() + left;

	for (;;) {
		struct timespec t = { .tv_sec = left / (1000 * MS),
			.tv_nsec = left % (1000 * MS) };
		int r = ppoll(&p, 1, &t, NULL);

		if (r > 0)
			return true;
		if (r == 0 || errno != EINTR)
			return false;
		left = end - now_ns();
		if (left < 0)
			left = 0;
	}
}

/* Replaces the library's, which loses the message when a signal comes. */
EXPORT void
OURS(sys_mbox_post)(struct sys_mbox *mbox, void *msg)
{
	while (write(mbox->pipe[1], &msg, sizeof(msg)) == -1 && errno == EINTR)
		continue;
}

EXPORT uint32_t
OURS(sys_arch_mbox_fetch)(struct sys_mbox *mbox, void **msg, uint32_t timeout)
{
	int64_t limit = (int64_t)timeout * MS;
	int64_t now, gone;

	if (timeout == 0) {
		get(mbox, msg);
		clock_at = now_ns();
		return 0;
	}
	now = now_ns();
	if (clock_at == 0)
		clock_at = now;
	gone = now - clock_at;
	if (wait_for(mbox, gone < limit ? limit - gone : 0)) {
		get(mbox, msg);
		gone = now_ns() - clock_at;
		if (gone > limit + LATE_MAX) {
			clock_at += gone - limit;
			gone = limit;
		}
		gone -= gone % MS;
		clock_at += gone;
		return (uint32_t)(gone / MS);
	}
	now = now_ns();
	clock_at += limit;
	if (now - clock_at > LATE_MAX)
		clock_at = now;
	if (msg != NULL)
		*msg = NULL;
	return SYS_ARCH_TIMEOUT;
}
