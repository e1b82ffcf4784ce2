/* SPDX-License-Identifier: BSD-2-Clause */
/* folder.h - files that a server gives to strangers: those of one folder */
#ifndef EXAMPLES_FOLDER_H
#define EXAMPLES_FOLDER_H

/* Which folder.  The program ends with a message where it is none. */
void folder_is(const char *path);

/*
 * Opens the regular file NAME, "a" or "/b/a" below the folder, with FLAGS of
 * open(2).  -1: there is none, or the name leads out of the folder.
 */
int folder_open(const char *name, int flags);

#endif
