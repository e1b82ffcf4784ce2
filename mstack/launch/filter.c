/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * filter.c - which system calls the kernel asks the supervisor about
 *
 * DOC: All that a socket of the network would answer and a UNIX socket would
 * answer otherwise.  Data without an address is not among them, nor closing,
 * polling and duplicating, with an exception.
 *
 * The exception.  What a socket has to say beside data, ECONNREFUSED of a
 * connected UDP socket, ENOTCONN of a stream without a connection, the kernel
 * does not know.  The filter sees no socket, only numbers, and to ask about all
 * data would take some microseconds each time.  So send(2) and recv(2), by which
 * datagrams go, are asked about where they are for as much as a datagram has and
 * bulk data has not: LITTLE and SOME bytes, and two sizes that mean "any
 * datagram".  read(2) and write(2) are the kernel's.  To give sockets for
 * datagrams descriptors in a range of their own, of which a filter could ask, was
 * the other design; but the next descriptor is the lowest that is free, and
 * programs depend on that.
 *
 * The families that were chosen are not in the filter: an mstack inside may choose
 * others, and there is one filter.
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

#define LITTLE 512
#define SOME 4096

/* Rooms for any datagram, of UDP over IPv4 and of any protocol. */
static const unsigned any[] = { 65507, 65535 };

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
	/* See above; recv(2) and send(2) are these, too. */
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_NOTIFY, SCMP_SYS(sendto), 1,
		    SCMP_A2(SCMP_CMP_LE, LITTLE));
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_NOTIFY, SCMP_SYS(recvfrom),
		    1, SCMP_A2(SCMP_CMP_LE, SOME));
	for (i = 0; i < sizeof(any) / sizeof(any[0]) && r == 0; i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_NOTIFY, SCMP_SYS(recvfrom),
		    1, SCMP_A2(SCMP_CMP_EQ, any[i]));
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
