/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * say.c - how the tools of this folder talk to people
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dumpbus/say.h"

void
complain(const char *object, const char *cause, const char *detail)
{
	if (detail == NULL)
		detail = "";
	if (strncmp(detail, cause, strlen(cause)) == 0) {
		cause = detail;
		detail = "";
	}
	fprintf(stderr, "%s: %s: %s%s%s\n", program, object, cause,
	    detail[0] == '\0' ? "" : ": ", detail);
}

void
usage_error(const char *cause, const char *object)
{
	if (cause != NULL)
		fprintf(stderr, "%s: %s%s\n", program, cause,
		    object == NULL ? "" : object);
	fprintf(stderr, "Try '%s --help'.\n", program);
	exit(2);
}

void
print_and_exit(const char *text)
{
	fputs(text, stdout);
	exit(fflush(stdout) == 0 ? 0 : 1);
}

uint64_t
parse_number(const char *text, uint64_t max, const char *what)
{
	unsigned long long n;
	char cause[80], *end;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 &&
	    n != 0 && n <= max)
		return n;
	snprintf(cause, sizeof(cause), "not %s: ", what);
	usage_error(cause, text);
}
