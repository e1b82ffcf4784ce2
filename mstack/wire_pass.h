/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wire_pass.h - a message that brings a descriptor along (not installed)
 */
#ifndef MSTACK_WIRE_PASS_H
#define MSTACK_WIRE_PASS_H

#include <sys/socket.h>
#include <sys/uio.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * Sends the LEN bytes at DATA to SOCKET, and FD with them; -1: none.  Returns
 * what sendmsg(2) does.
 */
static inline ssize_t
wire_pass(int socket, const void *data, size_t len, int fd, int flags)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { .align = { .cmsg_len = CMSG_LEN(sizeof(int)),
			  .cmsg_level = SOL_SOCKET,
			  .cmsg_type = SCM_RIGHTS } };
	struct iovec iov = { (void *)(uintptr_t)data, len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fd != -1) {
		memcpy(CMSG_DATA(&control.align), &fd, sizeof(fd));
		m.msg_control = &control;
		m.msg_controllen = sizeof(control);
	}
	return sendmsg(socket, &m, flags);
}

#endif /* MSTACK_WIRE_PASS_H */
