/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * place.h - where a server listens (not installed)
 */
#ifndef SHMIF_PLACE_H
#define SHMIF_PLACE_H

#include <sys/stat.h>

#include "ctl/wire.h"

/* Where a server listens, and how it knows its own socket again. */
struct place {
	int fd;
	char path[WIRE_PATH_MAX]; /* absolute, unless that is too long */
	dev_t dev;
	ino_t ino;
};

/*
 * Listens at PATH, with mode 0600 from the first moment. Returns 0, EADDRINUSE
 * (a server listens there), EEXIST (something that is not a socket is there),
 * or what the system says.
 */
int place_take(struct place *p, const char *path);
/*
 * The same for a socket of another TYPE than SOCK_STREAM: a socket of datagrams
 * is bound.
 */
int place_take_type(struct place *p, const char *path, int type);
/*
 * Closes the socket, and removes its file if that is still the same one. May
 * be called twice.
 */
void place_leave(struct place *p);

#endif /* SHMIF_PLACE_H */
