/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * complain.c - what is wrong, on standard error
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "ctl/shmifctl/shmifctl.h"

#define PROGRAM "shmifctl"

/* Says on stderr, in one line and cleaned, what is wrong.  Returns STATUS. */
int
complain(int status, const char *fmt, ...)
{
	char *text;
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "%s: ", PROGRAM);
	if (vasprintf(&text, fmt, ap) != -1) {
		put_clean(stderr, text);
		free(text);
	}
	va_end(ap);
	if (status == USAGE)
		fputs(" (try '" PROGRAM " --help')", stderr);
	putc('\n', stderr);
	return status;
}
