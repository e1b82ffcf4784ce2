/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sendmsg.c - a message in several pieces
 *
 * DOC: The fault: lwip_sendmsg() puts the pieces of a message together in a
 * buffer, and sends another one, that it has not filled.
 *
 * How it is seen: a datagram of several iovecs arrives as bytes that nobody
 * sent: whatever was in the sender's memory.
 *
 * The cure: POSIX, sendmsg(): the pieces are gathered, in their order, and go
 * out as one.  One piece is left to the library, where it works.
 */
#include <sys/socket.h>
#include <sys/uio.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "../lwipv6_port.h"

/* Replaces the library's.  Bytes sent, or -1 and errno. */
EXPORT ssize_t
OURS(lwip_sendmsg)(int fd, const struct msghdr *msg, int flags)
{
	size_t total = 0, at = 0;
	ssize_t sent;
	char *buf;
	size_t i;

	if (msg == NULL || msg->msg_iovlen <= 1)
		return real()->lwip_sendmsg(fd, msg, flags);
	for (i = 0; i < msg->msg_iovlen; i++) {
		if (msg->msg_iov[i].iov_len > INT_MAX - total) {
			errno = EMSGSIZE;
			return -1;
		}
		total += msg->msg_iov[i].iov_len;
	}
	if ((buf = malloc(total + 1)) == NULL) {
		errno = ENOMEM;
		return -1;
	}
	for (i = 0; i < msg->msg_iovlen; i++) {
		if (msg->msg_iov[i].iov_len != 0)
			memcpy(buf + at, msg->msg_iov[i].iov_base,
			    msg->msg_iov[i].iov_len);
		at += msg->msg_iov[i].iov_len;
	}
	if (msg->msg_name != NULL)
		sent = lwip_sendto(fd, buf, (int)total, (unsigned)flags,
		    msg->msg_name, msg->msg_namelen);
	else
		sent = lwip_send(fd, buf, (int)total, (unsigned)flags);
	free(buf);
	return sent;
}
