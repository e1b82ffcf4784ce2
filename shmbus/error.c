/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * error.c - the texts of errors, all in one place
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "shmbus/internal.h"

static __thread char why[256];

void
why_set(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
}

const char *
shmbus_why(void)
{
	return why;
}

const char *
shmbus_strerror(int error)
{
	switch (error) {
	case SHMBUS_ENOTBUS:
		return "not a bus";
	case SHMBUS_EVERSION:
		return "a bus of another version";
	case SHMBUS_EORDER:
		return "a bus of the other byte order";
	case SHMBUS_ETRUNC:
		return "the bus file was truncated";
	case SHMBUS_EDAMAGED:
		return "the bus file's header is damaged";
	case SHMBUS_ERANGE:
		return "geometry out of range";
	case SHMBUS_EREPLACED:
		return "the bus file was replaced by another";
	case SHMBUS_EFULL:
		return "too many are attached";
	case SHMBUS_EGIVENUP:
		return "timed out, or given up on by the others";
	case SHMBUS_EFORKED:
		return "the attachment belongs to the parent process";
	default:
		return strerror(error);
	}
}
