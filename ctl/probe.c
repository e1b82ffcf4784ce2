/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * probe.c - whether a server listens at a socket's path
 */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "ctl/probe.h"

int
probe(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct stat st;
	int error, s;

	if (strlen(path) >= sizeof(addr.sun_path))
		return ENAMETOOLONG;
	strcpy(addr.sun_path, path);
	if (lstat(path, &st) == -1)
		return errno;
	if (!S_ISSOCK(st.st_mode))
		return EEXIST;
	s = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s == -1)
		return errno;
	error = connect(s, (const struct sockaddr *)&addr, sizeof(addr)) == 0 ?
	    0 :
	    errno;
	close(s);
	/* EAGAIN: its queue is full; EPROTOTYPE: a socket of another type. */
	return error == 0 || error == EAGAIN || error == EPROTOTYPE ?
	    EADDRINUSE :
	    error;
}
