/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * filter.c - which system calls the kernel asks the supervisor about
 *
 * DOC: All that a socket of the network would answer and a UNIX socket would
 * answer otherwise.  Data without an address is not among them, nor closing,
 * polling and duplicating.  But a receive that looks at data, or asks for one
 * byte, is among them: programs find out by it whether there is a connection.  The families that were chosen are not in the
 * filter: an mstack inside may choose others, and there is one filter.
 *
 * The filter stays with all children.  It needs the promise that no program
 * gains privileges (no_new_privs), so set-user-ID programs run as the user.
 * What a program does by io_uring no filter sees: it is told that the kernel
 * has none.
 */
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <errno.h>
#include <seccomp.h>
#include <unistd.h>

#include "mstack/launch/launch.h"

static const int always[] = {
	SCMP_SYS(socket),
	SCMP_SYS(bind),
	SCMP_SYS(connect),
	SCMP_SYS(listen),
	SCMP_SYS(accept),
	SCMP_SYS(accept4),
	SCMP_SYS(getsockname),
	SCMP_SYS(getpeername),
	SCMP_SYS(setsockopt),
	SCMP_SYS(getsockopt),
	SCMP_SYS(shutdown),
	SCMP_SYS(sendmsg),
	SCMP_SYS(sendmmsg),
	SCMP_SYS(recvmsg),
	SCMP_SYS(recvmmsg),
};

/* Flags of recv(2) that make it one that finds out something. */
static const int looks[] = { MSG_PEEK, MSG_ERRQUEUE };

/* 0 or a negative errno value, as libseccomp has it. */
static int
add_rules(scmp_filter_ctx ctx)
{
	size_t i;
	int r = 0;

	for (i = 0; i < sizeof(always) / sizeof(always[0]) && r == 0; i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_NOTIFY, always[i], 0);
	/* With an address only. */
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_NOTIFY, SCMP_SYS(sendto), 1,
		    SCMP_A4(SCMP_CMP_NE, 0));
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_NOTIFY, SCMP_SYS(recvfrom),
		    1, SCMP_A4(SCMP_CMP_NE, 0));
	/* And what finds out something; recv(2) is such a call, too. */
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_NOTIFY, SCMP_SYS(recvfrom),
		    1, SCMP_A2(SCMP_CMP_LE, 1));
	for (i = 0; i < sizeof(looks) / sizeof(looks[0]) && r == 0; i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_NOTIFY, SCMP_SYS(recvfrom),
		    1,
		    SCMP_A3(SCMP_CMP_MASKED_EQ, (unsigned)looks[i],
			(unsigned)looks[i]));
	/* Requests about interfaces and the like: 0x89.. */
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_NOTIFY, SCMP_SYS(ioctl), 1,
		    SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffff00u, 0x8900u));
	/* A datagram's length is not that of all that are there. */
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_NOTIFY, SCMP_SYS(ioctl), 1,
		    SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffffu, FIONREAD));
	/* What the kernel counts there is memory, and the byte of stream.c. */
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_NOTIFY, SCMP_SYS(ioctl), 1,
		    SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffffu, TIOCOUTQ));
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS),
		    SCMP_SYS(io_uring_setup), 0);
	return r;
}

int
filter_load(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int r, fd = -1;

	if (ctx == NULL) {
		errno = ENOMEM;
		return -1;
	}
	r = add_rules(ctx);
	if (r == 0)
		r = seccomp_load(ctx);
	if (r == 0)
		r = fd = seccomp_notify_fd(ctx);
	seccomp_release(ctx);
	if (r < 0) {
		errno = -r;
		return -1;
	}
	return fd;
}
