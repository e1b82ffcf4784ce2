/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * msocket.c - sockets on a stack of one's choice
 *
 * DOC: The supervisor of mstack(1) is asked by a system call that fails
 * elsewhere (mstack/wire.h); that it has answered it says in the question.
 */
#include <sys/syscall.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "mstack/msocket.h"
#include "mstack/wire.h"

__attribute__((visibility("default"))) int
msocket(const char *path, int domain, int type, int protocol)
{
	struct mstack_ask ask = { .size = sizeof(ask),
		.what = MSTACK_ASK_SOCKET,
		.domain = domain,
		.type = type,
		.protocol = protocol,
		.path = (uintptr_t)path };
	size_t len;
	long fd;

	if (path == NULL)
		return socket(domain, type, protocol);
	if ((len = strlen(path)) > MSTACK_PATH_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	ask.path_len = (uint32_t)len;
	fd = syscall(SYS_socket, MSTACK_FAMILY, 0, 0, MSTACK_ASK_KEY, &ask);
	if (!ask.heard) {
		if (fd >= 0)
			close((int)fd);
		errno = ENOSYS;
		return -1;
	}
	return (int)fd;
}
