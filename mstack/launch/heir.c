/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * heir.c - what becomes of system calls when the supervisor has been killed
 *
 * DOC: The kernel keeps asking as long as somebody has the descriptor of the
 * notifications; when nobody has, each call that the filter names fails with
 * ENOSYS.  That is right for what only a supervisor can do, and wrong for
 * receiving and sending over a connection that is there: the pair goes on.  So
 * mstack, the supervisor's parent, has the descriptor as well, and answers when
 * the supervisor has gone: data is the kernel's business, all else is ENOSYS.
 *
 * Calls that the supervisor had taken and not answered would wait for ever.
 * Their numbers are in a page that both have (struct pending); each of them is
 * ENOSYS.  Where there are more than it has room for, the others wait until a
 * signal ends them.
 */
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <linux/seccomp.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "mstack/launch/launch.h"

#define ROOM 256u /* for the kernel's structures, which may grow */

struct pending *
pending_new(void)
{
	void *p = mmap(NULL, sizeof(struct pending), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

void
pending_add(struct pending *p, uint64_t id)
{
	size_t i;

	for (i = 0; p != NULL && i < PENDING; i++)
		if (p->id[i] == 0) {
			p->id[i] = id;
			return;
		}
}

void
pending_drop(struct pending *p, uint64_t id)
{
	size_t i;

	for (i = 0; p != NULL && i < PENDING; i++)
		if (p->id[i] == id) {
			p->id[i] = 0;
			return;
		}
}

/* The kernel does it, or it fails. */
static void
answer(int listener, uint64_t id, bool go_on)
{
	struct seccomp_notif_resp r = { .id = id,
		.error = go_on ? 0 : -ENOSYS,
		.flags = go_on ? SECCOMP_USER_NOTIF_FLAG_CONTINUE : 0 };

	ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &r);
}

static bool
moves_data(const struct seccomp_data *data)
{
	int nr = data->nr;

	if (nr == SYS_sendto)
		return data->args[4] == 0;
	return nr == SYS_recvfrom || nr == SYS_recvmsg || nr == SYS_recvmmsg ||
	    nr == SYS_sendmsg || nr == SYS_sendmmsg;
}

void
heir_answer(int listener, const struct pending *pending, int command)
{
	struct pollfd p[2] = { { .fd = listener, .events = POLLIN },
		{ .fd = command, .events = POLLIN } };
	union {
		struct seccomp_notif n;
		uint8_t room[ROOM];
	} in;
	size_t i;

	for (i = 0; pending != NULL && i < PENDING; i++)
		if (pending->id[i] != 0)
			answer(listener, pending->id[i], false);
	while (!(p[0].revents & (POLLHUP | POLLERR)) && p[1].revents == 0) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return;
		if (!(p[0].revents & POLLIN))
			continue;
		memset(&in, 0, sizeof(in));
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &in) == 0)
			answer(listener, in.n.id, moves_data(&in.n.data));
	}
}
