/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * options.h - what shmif_server is told to make
 */
#ifndef SERVER_OPTIONS_H
#define SERVER_OPTIONS_H

#include <stdbool.h>

/*
 * Asks the library what it can make, which has to come first.  0, or -1 with a
 * message.
 */
int options_ask(void);
/* The name of its stack. */
const char *options_stack(void);
/* Makes the interfaces of LIST.  0, or -1 with a message. */
int options_apply(const char *list, bool verbose);
/* Has the stack forward.  0, or -1 with a message. */
int options_forward(void);

/* main.c: a message on standard error. */
void complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif /* SERVER_OPTIONS_H */
