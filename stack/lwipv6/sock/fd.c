/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fd.c - descriptors of sockets
 *
 * DOC: The faults: the library's table of descriptors is grown by realloc()
 * while others read it; and lwip_close() holds the lock of the table while it
 * waits for the stack's thread, which needs it for a connection that comes in.
 *
 * How they are seen: a crash when a process has more descriptors than
 * sysconf(_SC_OPEN_MAX) said at its beginning; a server that closes one
 * connection while another comes in, and every stack of the process stands
 * still for ever.
 *
 * The cure: a table in two levels, of which nothing ever moves, with a lock
 * for each stripe of it that is held for a look only.  A descriptor is a real
 * one (of a socket that nobody uses), so that its number belongs to the
 * program for as long as it wants.
 *
 * After fork() the child has the numbers, but no stack: its sockets are those
 * that it makes itself.  What it inherited is EBADF, and can be closed.  A
 * child that reached the stack's queue, which is a pipe, would write into its
 * parent's.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "stack/lwipv6/sock/sock.h"

#define CHUNK 1024
#define CHUNKS 1024
#define STRIPES 64

typedef struct sock *slot;

static slot *_Atomic chunk[CHUNKS];
static pthread_mutex_t stripe[STRIPES] = {
	[0 ... STRIPES - 1] = PTHREAD_MUTEX_INITIALIZER,
};

/* The place of FD, made where CREATE; or NULL. */
static slot *
place(int fd, bool create)
{
	slot *c, *none = NULL;

	if (fd < 0 || fd >= CHUNK * CHUNKS)
		return NULL;
	c = atomic_load(&chunk[fd / CHUNK]);
	if (c == NULL && create) {
		if ((c = calloc(CHUNK, sizeof(*c))) == NULL)
			return NULL;
		if (!atomic_compare_exchange_strong(&chunk[fd / CHUNK], &none,
			c)) {
			free(c);
			c = none;
		}
	}
	return c == NULL ? NULL : &c[fd % CHUNK];
}

static pthread_mutex_t *
lock_of(int fd)
{
	return &stripe[fd % STRIPES];
}

struct sock *
sock_get(int fd)
{
	slot *at = place(fd, false);
	struct sock *s = NULL;

	if (at != NULL) {
		pthread_mutex_lock(lock_of(fd));
		if ((s = *at) != NULL && sock_is_of_this_process(s))
			sock_hold(s);
		else
			s = NULL;
		pthread_mutex_unlock(lock_of(fd));
	}
	if (s == NULL)
		errno = EBADF;
	return s;
}

bool
sock_is(int fd)
{
	slot *at = place(fd, false);
	bool is;

	if (at == NULL)
		return false;
	pthread_mutex_lock(lock_of(fd));
	is = *at != NULL;
	pthread_mutex_unlock(lock_of(fd));
	return is;
}

/*
 * A program may ask, by a variable of the library's, for numbers that are not
 * descriptors.
 */
extern int _nofdfake;

/* A number that is not taken: a descriptor, or the lowest.  Or -1 and errno. */
static int
new_number(void)
{
	int fd;

	if (!_nofdfake) {
		fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (fd >= CHUNK * CHUNKS) {
			close(fd);
			return sock_fail(EMFILE);
		}
		return fd;
	}
	for (fd = 0; fd < CHUNK * CHUNKS; fd++)
		if (!sock_is(fd))
			return fd;
	return sock_fail(EMFILE);
}

int
sock_install(struct sock *s)
{
	static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
	struct sock *old = NULL;
	slot *at;
	int fd;

	pthread_mutex_lock(&one);
	if ((fd = new_number()) != -1) {
		if ((at = place(fd, true)) == NULL) {
			if (!_nofdfake)
				close(fd);
			fd = sock_fail(ENOMEM);
		} else {
			sock_hold(s);
			s->fd = fd;
			pthread_mutex_lock(lock_of(fd));
			old = *at;
			*at = s;
			pthread_mutex_unlock(lock_of(fd));
		}
	}
	pthread_mutex_unlock(&one);
	if (old != NULL) {
		/* Its descriptor was closed behind our back. */
		if (sock_is_of_this_process(old))
			sock_close(old);
		sock_put(old);
	}
	return fd;
}

struct sock *
sock_uninstall(int fd)
{
	slot *at = place(fd, false);
	struct sock *s = NULL;

	if (at != NULL) {
		pthread_mutex_lock(lock_of(fd));
		s = *at;
		*at = NULL;
		pthread_mutex_unlock(lock_of(fd));
	}
	if (s == NULL)
		errno = EBADF;
	else if (!_nofdfake)
		close(fd);
	return s;
}
