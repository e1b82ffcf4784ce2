/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * screen.h - lines on a terminal, and keys; private
 */
#ifndef TOP_SCREEN_H
#define TOP_SCREEN_H

#include "top/lines.h"

enum key {
	KEY_IS_NONE, /* no key was pressed in that time */
	KEY_IS_QUIT,
	KEY_IS_NOW, /* a sample now */
	KEY_IS_SLOWER,
	KEY_IS_FASTER,
	KEY_IS_NEXT_BUS, /* all buses, or one of them */
	KEY_IS_ADDRESS,	 /* by the other kind of address */
	KEY_IS_REVERSE,
	KEY_IS_SORT,  /* *LETTER tells by what */
	KEY_IS_MOVED, /* draw again */
};

/* Takes the terminal over.  Returns 0, or -1 after a message: there is none. */
int screen_begin(void);
void screen_end(void);
/* Shows TITLE, PAGE and a line of help. */
void screen_draw(const char *title, const struct page *page);
/* The next key; waits for MS at most. */
enum key screen_key(int ms, int *letter);

#endif /* TOP_SCREEN_H */
