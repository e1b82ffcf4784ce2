/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * noserver.c - what libshmif has in place of the control server where it is
 * built with SERVER=0
 *
 * The functions are there, so that a program that is linked with one libshmif
 * runs with the other; they say that they cannot.
 */
#include <errno.h>
#include <stddef.h>

#include "shmif/shmif.h"

int
shmif_init_server(const char *url)
{
	(void)url;
	return ENOTSUP;
}

void
shmif_fini_server(void)
{
}

int
shmif_request(const char *request, char **reply)
{
	(void)request;
	*reply = NULL;
	return ENOTSUP;
}
