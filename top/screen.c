/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * screen.c - lines on a terminal, and keys
 *
 * Colours only where there are some.  ncurses ends the screen itself on SIGINT
 * and SIGTERM, and tells a changed size as a key.
 */
#include <errno.h>
#include <ncurses.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/tool.h"
#include "top/screen.h"
#include "top/sort.h"

#define HELP \
	"q quit  space now  +/- interval  # n t r l w b sort  R reverse  " \
	"a address  Tab bus"

static size_t first; /* line of the page that is at the top */
static SCREEN *screen;

int
screen_begin(void)
{
	const char *term = getenv("TERM");

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		tool_say("standard input and output are no terminal: try -b");
		return -1;
	}
	/* initscr() would end the program with a message of its own. */
	screen = newterm(NULL, stdout, stdin);
	if (screen == NULL) {
		tool_say("unknown terminal: %s",
		    term == NULL ? "no TERM" : term);
		return -1;
	}
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	curs_set(0);
	if (has_colors()) {
		start_color();
		use_default_colors();
		init_pair(STYLE_TITLE, COLOR_CYAN, -1);
		init_pair(STYLE_BAD, COLOR_RED, -1);
	}
	return 0;
}

void
screen_end(void)
{
	if (screen == NULL)
		return;
	endwin();
	delscreen(screen);
	screen = NULL;
}

static attr_t
attributes(enum style style)
{
	attr_t colour = has_colors() ? (attr_t)COLOR_PAIR(style) : 0;

	switch (style) {
	case STYLE_TITLE:
	case STYLE_BAD:
		return A_BOLD | colour;
	case STYLE_HEAD:
		return A_REVERSE;
	case STYLE_QUIET:
		return A_DIM;
	default:
		return A_NORMAL;
	}
}

void
screen_draw(const char *title, const struct page *page)
{
	int rows = LINES - 2;

	erase();
	attrset(A_BOLD);
	mvaddnstr(0, 0, title, COLS);
	if (rows > 0 && first + (size_t)rows > page->count)
		first = page->count > (size_t)rows ?
		    page->count - (size_t)rows :
		    0;
	for (int y = 0; y < rows && first + (size_t)y < page->count; y++) {
		const struct line *l = &page->v[first + (size_t)y];

		/* What was too long for the line before went on in this. */
		attrset(A_NORMAL);
		move(y + 1, 0);
		clrtobot();
		attrset((int)attributes(l->style));
		addstr(l->text);
		if (l->style == STYLE_HEAD && getcury(stdscr) == y + 1)
			hline(' ', COLS);
	}
	attrset(A_DIM);
	if (LINES > 1) {
		mvhline(LINES - 1, 0, ' ', COLS);
		mvaddnstr(LINES - 1, 0, HELP, COLS - 1);
	}
	refresh();
}

static void
scroll_by(int lines)
{
	if (lines < 0 && first < (size_t)-lines)
		first = 0;
	else
		first = (size_t)((long)first + lines);
}

enum key
screen_key(int ms, int *letter)
{
	int c;

	timeout(ms);
	c = getch();
	switch (c) {
	case ERR:
		/* The terminal has gone, or nothing was pressed. */
		return feof(stdin) || !isatty(STDIN_FILENO) ? KEY_IS_QUIT :
							      KEY_IS_NONE;
	case 'q':
	case 'Q':
		return KEY_IS_QUIT;
	case ' ':
		return KEY_IS_NOW;
	case '+':
		return KEY_IS_SLOWER;
	case '-':
		return KEY_IS_FASTER;
	case '\t':
		return KEY_IS_NEXT_BUS;
	case 'a':
		return KEY_IS_ADDRESS;
	case 'R':
		return KEY_IS_REVERSE;
	case KEY_UP:
	case KEY_DOWN:
		scroll_by(c == KEY_UP ? -1 : 1);
		return KEY_IS_MOVED;
	case KEY_PPAGE:
	case KEY_NPAGE:
		scroll_by(c == KEY_PPAGE ? 3 - LINES : LINES - 3);
		return KEY_IS_MOVED;
	case KEY_RESIZE:
		return KEY_IS_MOVED;
	default:
		*letter = c;
		return sort_by_letter(c) != SORT_KEYS ? KEY_IS_SORT :
							KEY_IS_NONE;
	}
}
