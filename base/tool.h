/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tool.h - what all command line tools do alike; private
 *
 * DOC: A tool defines its name and the text of --help, and takes its options by
 * tool_option(), which looks after --help, --version and what is no option.
 * Messages go to standard error, a line each, and begin with the name.  A
 * command line that is not understood ends the tool with exit status 2; what
 * fails later is for the tool to say, and its status is 1.
 */
#ifndef BASE_TOOL_H
#define BASE_TOOL_H

#include <getopt.h>
#include <stdarg.h>
#include <stdint.h>

/* Each tool has its own. */
extern const char tool_name[];
extern const char tool_usage[];

/* ---- options ------------------------------------------------------------ */

/* What stands for long options that have no letter: TOOL_OWN and more. */
enum { TOOL_HELP = 256, TOOL_OWN };

/* The end of every list of long options. */
/* clang-format off */
#define TOOL_LONG_OPTIONS \
	{ "help", no_argument, NULL, TOOL_HELP }, \
	{ "version", no_argument, NULL, 'V' }, \
	{ NULL, 0, NULL, 0 }
/* clang-format on */

/*
 * The next option, as getopt_long() returns it; -1: there are no more.  Does
 * not return for --help, --version, and what is not understood; but a tool that
 * has set opterr to 0 words that message itself, and is given '?' or ':'.
 */
int tool_option(int argc, char **argv, const char *letters,
    const struct option *longs);

/* ---- messages ----------------------------------------------------------- */

/* Says "NAME: " and the rest, and ends the line. */
void tool_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void tool_vsay(const char *fmt, va_list ap)
    __attribute__((format(printf, 1, 0)));

/*
 * Says "NAME: OBJECT: CAUSE: DETAIL".  DETAIL may be NULL or ""; one that says
 * what CAUSE says, and more, stands alone.
 */
void tool_complain(const char *object, const char *cause, const char *detail);

/*
 * Says what is wrong with the command line (CAUSE and OBJECT may be NULL), and
 * exits with 2.
 */
_Noreturn void tool_usage_error(const char *cause, const char *object);

/*
 * Writes out what was printed.  Returns 0, or -1 after a message.  If the reader
 * of a pipe has gone, it has read what it wanted: that is no error.
 */
int tool_flush(void);

/* ---- arguments ---------------------------------------------------------- */

/*
 * The number from 1 to MAX that TEXT is; says that it is not WHAT and exits
 * otherwise.
 */
uint64_t tool_number(const char *text, uint64_t max, const char *what);

/*
 * The permissions of a file, octal, that TEXT is; says that it is none and
 * exits otherwise.
 */
uint32_t tool_mode(const char *text);

#endif /* BASE_TOOL_H */
