/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * place.c - where a server listens
 *
 * DOC: When a server is killed the file of its socket stays; connecting to it is
 * refused then.  Two new servers that find this out at the same time must not
 * both remove the file: the slower one would remove the socket of the faster
 * one.  So a server holds a lock while it looks and binds: on the file PATH.lock,
 * which is made for that moment and removed while the lock is still held.  A
 * server that waited for the lock finds that its file has no longer that name,
 * and begins again.
 *
 * The mode of a socket's file is that of the socket when it is bound, less the
 * umask: set to 0600 before, there is no moment at which it is wider.
 */
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/place.h"
#include "ctl/probe.h"

#define LOCK_TRIES 500 /* each waits 10 ms */

/* Takes the lock NAME.  Stores the descriptor.  0, EAGAIN, or an error. */
static int
lock(const char *name, int *fdp)
{
	struct stat held, now;
	int tries, fd;

	for (tries = 0; tries < LOCK_TRIES; tries++) {
		fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
		    0600);
		if (fd == -1)
			return errno;
		if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
			if (fstat(fd, &held) == 0 && lstat(name, &now) == 0 &&
			    held.st_dev == now.st_dev &&
			    held.st_ino == now.st_ino) {
				*fdp = fd;
				return 0;
			}
			close(fd);
			continue; /* its last holder has removed the file */
		}
		close(fd);
		usleep(10000);
	}
	return EAGAIN;
}

static void
unlock(const char *name, int fd)
{
	unlink(name);
	close(fd);
}

/* Makes sure that nothing is at PATH; under the lock. */
static int
make_room(const char *path)
{
	int error = probe(path);

	if (error == ECONNREFUSED && (unlink(path) == 0 || errno == ENOENT))
		return 0;
	return error == ENOENT ? 0 : error;
}

/* Binds and listens; under the lock. */
static int
open_at(struct place *p, const struct sockaddr_un *addr, int type)
{
	struct stat st;
	int error, s;

	if ((error = make_room(addr->sun_path)) != 0)
		return error;
	s = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s == -1)
		return errno;
	if (fchmod(s, 0600) == -1 ||
	    bind(s, (const struct sockaddr *)addr, sizeof(*addr)) == -1) {
		error = errno;
		close(s);
		return error;
	}
	if ((type == SOCK_STREAM && listen(s, 128) == -1) ||
	    lstat(addr->sun_path, &st) == -1) {
		error = errno;
		unlink(addr->sun_path);
		close(s);
		return error;
	}
	p->fd = s;
	p->dev = st.st_dev;
	p->ino = st.st_ino;
	return 0;
}

int
place_take_type(struct place *p, const char *path, int type)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	char name[WIRE_PATH_MAX + 8];
	int error, fd = -1;

	p->fd = -1;
	if (strlen(path) >= sizeof(addr.sun_path))
		return ENAMETOOLONG;
	strcpy(addr.sun_path, path);
	snprintf(name, sizeof(name), "%s.lock", path);
	if ((error = lock(name, &fd)) != 0)
		return error;
	error = open_at(p, &addr, type);
	unlock(name, fd);
	if (error == 0) {
		char *full = realpath(path, NULL);

		/*
		 * The absolute path stays right when the program changes its
		 * directory.
		 */
		snprintf(p->path, sizeof(p->path), "%s",
		    full != NULL && strlen(full) < sizeof(p->path) ? full :
								     path);
		free(full);
	}
	return error;
}

int
place_take(struct place *p, const char *path)
{
	return place_take_type(p, path, SOCK_STREAM);
}

void
place_leave(struct place *p)
{
	struct stat st;

	if (p->fd == -1)
		return;
	if (lstat(p->path, &st) == 0 && st.st_dev == p->dev &&
	    st.st_ino == p->ino)
		unlink(p->path);
	close(p->fd);
	p->fd = -1;
}
