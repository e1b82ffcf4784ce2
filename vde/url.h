/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * url.h - what a URL of the plug says (not installed)
 */
#ifndef VDE_URL_H
#define VDE_URL_H

#include <stdbool.h>

#include "shmbus/shmbus.h"

struct url {
	char *path; /* absolute */
	struct shmbus_options how;
	bool promisc; /* everything is passed on */
	bool own_mac; /* the address was given */
};

/*
 * Fills in U, which is all zero, from GIVEN, "path[option=value/...]"; DESCR is
 * what the client calls the connection, or NULL.  0, or -1 with errno and after a
 * message.  In either case url_free() frees what it has.
 */
int url_parse(struct url *u, const char *given, const char *descr);
void url_free(struct url *u);

/* Says, in one line, why the bus PATH cannot be used; errno becomes ERROR. */
void url_complain(const char *path, const char *what, int error);

#endif /* VDE_URL_H */
