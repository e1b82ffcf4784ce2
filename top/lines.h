/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lines.h - a view of buses as lines of text; private
 *
 * DOC: The screen and the batch mode show the same lines: a bus is one line
 * about itself, a table of its attachments, the shares of the protocols, and
 * who speaks most.  A line has a style, which the screen draws.
 */
#ifndef TOP_LINES_H
#define TOP_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "top/watch.h"

enum style {
	STYLE_PLAIN,
	STYLE_TITLE,  /* a bus */
	STYLE_HEAD,   /* the head of a table */
	STYLE_QUIET,  /* nothing happens there */
	STYLE_BAD,    /* frames are lost, or something is gone */
	STYLE_SPACER, /* empty */
};

struct line {
	enum style style;
	char *text; /* UTF-8, without a newline */
};

struct page {
	struct line *v;
	size_t count, room;
};

struct look {
	bool utf8;	/* the terminal shows it */
	bool by_ip;	/* who speaks: by IP address, not by hardware address */
	size_t talkers; /* how many of them */
};

/* Adds what is to be shown of W to PAGE.  Returns 0 or ENOMEM. */
int page_add(struct page *page, const struct watch *w, const struct look *look);
void page_clear(struct page *page);

/* N as a number of at most five characters: 0, 12, 1.5k, 23M. */
#define SHORT_TEXT 24
const char *short_number(char text[SHORT_TEXT], double n);

#endif /* TOP_LINES_H */
