/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tool.c - what all command line tools do alike
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/tool.h"

/* ---- messages ----------------------------------------------------------- */

void
tool_vsay(const char *fmt, va_list ap)
{
	char *text;

	if (vasprintf(&text, fmt, ap) == -1)
		return;
	/* In one piece: threads may speak at the same time. */
	fprintf(stderr, "%s: %s\n", tool_name, text);
	free(text);
}

void
tool_say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tool_vsay(fmt, ap);
	va_end(ap);
}

void
tool_complain(const char *object, const char *cause, const char *detail)
{
	if (detail == NULL)
		detail = "";
	if (strncmp(detail, cause, strlen(cause)) == 0) {
		cause = detail;
		detail = "";
	}
	tool_say("%s: %s%s%s", object, cause, detail[0] == '\0' ? "" : ": ",
	    detail);
}

void
tool_usage_error(const char *cause, const char *object)
{
	if (cause != NULL)
		tool_say("%s%s", cause, object == NULL ? "" : object);
	fprintf(stderr, "Try '%s --help'.\n", tool_name);
	exit(2);
}

/* ---- options ------------------------------------------------------------ */

/* Ends the tool, once what was asked for has been printed. */
static _Noreturn void
printed(void)
{
	exit(tool_flush() == 0 ? 0 : 1);
}

int
tool_option(int argc, char **argv, const char *letters,
    const struct option *longs)
{
	static char name[64];
	int c;

	/* What getopt_long()'s messages begin with. */
	snprintf(name, sizeof(name), "%s", tool_name);
	argv[0] = name;
	c = getopt_long(argc, argv, letters, longs, NULL);
	switch (c) {
	case TOOL_HELP:
		fputs(tool_usage, stdout);
		printed();
	case 'V':
		printf("%s " VERSION "\n", tool_name);
		printed();
	case '?':
		if (opterr != 0)
			tool_usage_error(NULL, NULL);
		break;
	}
	return c;
}

/* ---- arguments ---------------------------------------------------------- */

uint64_t
tool_number(const char *text, uint64_t max, const char *what)
{
	char cause[80];
	uint64_t n;

	if (number_parse(text, max, &n) && n != 0)
		return n;
	snprintf(cause, sizeof(cause), "not %s: ", what);
	tool_usage_error(cause, text);
}

uint32_t
tool_mode(const char *text)
{
	char *end;
	unsigned long mode = strtoul(text, &end, 8);

	if (text[0] < '0' || text[0] > '7' || *end != '\0' || mode == 0 ||
	    mode > 0777)
		tool_usage_error("not the permissions of a file, octal: ",
		    text);
	return (uint32_t)mode;
}
