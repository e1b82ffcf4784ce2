/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * say.h - how the tools of this folder talk to people
 */
#ifndef SAY_H
#define SAY_H

#include <stdint.h>

/* What messages begin with; each tool has its own. */
extern const char program[];

/*
 * Says on stderr "program: OBJECT: CAUSE: DETAIL".  DETAIL may be NULL or "";
 * one that says what CAUSE says, and more, stands alone.
 */
void complain(const char *object, const char *cause, const char *detail);

/*
 * Says what is wrong with the command line (CAUSE and OBJECT may be NULL), and
 * exits with 2.
 */
_Noreturn void usage_error(const char *cause, const char *object);

/* Prints TEXT, which --help or --version asked for, and exits. */
_Noreturn void print_and_exit(const char *text);

/*
 * The number from 1 to MAX that TEXT is; says that it is not WHAT and exits
 * otherwise.
 */
uint64_t parse_number(const char *text, uint64_t max, const char *what);

#endif /* SAY_H */
