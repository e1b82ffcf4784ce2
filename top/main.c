/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmif_top - a live view of buses
 *
 * DOC: See watch.h for what is read and frames.h for what is made of frames.
 * Time is cut into intervals, after each of which a sample is taken and shown;
 * in between the rings are drained every SLICE_MS, for a limited number of
 * frames, so that this program never takes a processor for itself, however
 * busy the buses are: what it cannot see is counted as missed.
 */
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/tool.h"
#include "top/json.h"
#include "top/lines.h"
#include "top/screen.h"
#include "top/sort.h"

#define PROGRAM "shmif_top"
#define BUSES_MAX 16
#define SLICE_MS 50
#define SLICE_FRAMES 20000u /* per bus */
#define INTERVAL_MIN 0.1
#define INTERVAL_MAX 3600.0
#define TALKERS 8u
#define TITLE_TEXT 160

const char tool_name[] = PROGRAM;

const char tool_usage[] =
    "usage: " PROGRAM " [-abjr] [-d seconds] [-n count] [-s key] [-t number]\n"
    "           path...\n"
    "       " PROGRAM " --help | --version\n"
    "Shows what happens on the buses whose files are PATH, as it happens.\n"
    "\n"
    "  -a, --ip           who speaks by IP address, not by hardware address\n"
    "  -b, --batch        print samples one after the other\n"
    "  -d, --delay N      seconds between samples, 0.1 to 3600; else 1\n"
    "  -j, --json         print each sample of a bus as a line of JSON\n"
    "  -n, --count N      end after N samples\n"
    "  -r, --reverse      sort the other way round\n"
    "  -s, --sort KEY     by number, name, sent, received, lost, wakeups or\n"
    "                     rung; else by sent\n"
    "  -t, --talkers N    show the N addresses that speak most, 0 to 64; else "
    "8\n"
    "      --help         show this text\n"
    "  -V, --version      show the version\n";

static struct {
	bool batch, json, reverse;
	double interval;
	uint64_t count; /* of samples; 0: no end */
	enum sort_key key;
	struct look look;
	size_t only; /* number of the bus that is shown, from 1; 0: all */
	size_t buses;
} top = { .interval = 1, .key = SORT_SENT, .look.talkers = TALKERS };

static struct watch watches[BUSES_MAX];

/* ---- command line ------------------------------------------------------- */

static double
seconds(const char *text)
{
	char *end;
	double n = strtod(text, &end);

	if (end == text || *end != '\0' || !isfinite(n) || n < INTERVAL_MIN ||
	    n > INTERVAL_MAX)
		tool_usage_error("not from 0.1 to 3600 seconds: ", text);
	return n;
}

static size_t
talkers(const char *text)
{
	return strcmp(text, "0") == 0 ?
	    0 :
	    (size_t)tool_number(text, 64, "from 0 to 64");
}

static void
parse(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "ip", no_argument, NULL, 'a' },
		{ "batch", no_argument, NULL, 'b' },
		{ "delay", required_argument, NULL, 'd' },
		{ "json", no_argument, NULL, 'j' },
		{ "count", required_argument, NULL, 'n' },
		{ "reverse", no_argument, NULL, 'r' },
		{ "sort", required_argument, NULL, 's' },
		{ "talkers", required_argument, NULL, 't' },
		TOOL_LONG_OPTIONS,
	};
	int c;

	while ((c = tool_option(argc, argv, "abd:jn:rs:t:V", longs)) != -1)
		switch (c) {
		case 'a':
			top.look.by_ip = true;
			break;
		case 'b':
			top.batch = true;
			break;
		case 'd':
			top.interval = seconds(optarg);
			break;
		case 'j':
			top.json = true;
			break;
		case 'n':
			top.count = tool_number(optarg, UINT32_MAX,
			    "a number of samples");
			break;
		case 'r':
			top.reverse = true;
			break;
		case 's':
			top.key = sort_by_name(optarg);
			if (top.key == SORT_KEYS)
				tool_usage_error("not something to sort by: ",
				    optarg);
			break;
		case 't':
			top.look.talkers = talkers(optarg);
			break;
		}
	if (argc == optind)
		tool_usage_error("which bus?", NULL);
	if (argc - optind > BUSES_MAX)
		tool_usage_error("more than 16 buses", NULL);
	for (; optind < argc; optind++)
		watches[top.buses++].path = argv[optind];
}

/* ---- samples ------------------------------------------------------------ */

static void
take_samples(void)
{
	for (size_t i = 0; i < top.buses; i++) {
		watch_drain(&watches[i], SLICE_FRAMES);
		watch_sample(&watches[i]);
	}
}

static void
next_interval(void)
{
	for (size_t i = 0; i < top.buses; i++)
		watch_next(&watches[i]);
}

static void
title(char text[TITLE_TEXT])
{
	time_t now = time(NULL);
	char clock[32] = "";
	struct tm tm;

	if (localtime_r(&now, &tm) != NULL)
		strftime(clock, sizeof(clock), "%Y-%m-%d %H:%M:%S", &tm);
	snprintf(text, TITLE_TEXT, PROGRAM " %s  every %.3g s  by %s%s", clock,
	    top.interval, sort_name(top.key), top.reverse ? ", reverse" : "");
}

static int
make_page(struct page *page)
{
	int error = 0;

	for (size_t i = 0; i < top.buses && error == 0; i++) {
		if (top.only != 0 && top.only != i + 1)
			continue;
		sort_rows(&watches[i], top.key, top.reverse);
		error = page_add(page, &watches[i], &top.look);
	}
	if (error != 0)
		tool_say("%s", strerror(error));
	return error;
}

/* Prints the sample that was taken.  Returns 0 or -1. */
static int
print_sample(void)
{
	struct page page = { 0 };
	char text[TITLE_TEXT];
	int error = 0;

	if (top.json) {
		for (size_t i = 0; i < top.buses && error == 0; i++)
			error = json_print(&watches[i], top.look.talkers);
	} else if ((error = make_page(&page)) == 0) {
		title(text);
		puts(text);
		for (size_t i = 0; i < page.count; i++)
			puts(page.v[i].text);
	}
	page_clear(&page);
	return error != 0 ? -1 : tool_flush();
}

static int
draw_sample(void)
{
	struct page page = { 0 };
	char text[TITLE_TEXT];
	int error = make_page(&page);

	title(text);
	if (error == 0)
		screen_draw(text, &page);
	page_clear(&page);
	return error != 0 ? -1 : 0;
}

/* ---- time --------------------------------------------------------------- */

/* What is to happen after a key. */
enum then { THEN_GO_ON, THEN_DRAW, THEN_SAMPLE, THEN_QUIT };

static enum then
act(enum key key, int letter)
{
	switch (key) {
	case KEY_IS_QUIT:
		return THEN_QUIT;
	case KEY_IS_NOW:
		return THEN_SAMPLE;
	case KEY_IS_SLOWER:
		top.interval = fmin(top.interval * 2, INTERVAL_MAX);
		return THEN_DRAW;
	case KEY_IS_FASTER:
		top.interval = fmax(top.interval / 2, INTERVAL_MIN);
		return THEN_DRAW;
	case KEY_IS_NEXT_BUS:
		top.only = (top.only + 1) % (top.buses + 1);
		return THEN_DRAW;
	case KEY_IS_ADDRESS:
		top.look.by_ip = !top.look.by_ip;
		return THEN_DRAW;
	case KEY_IS_REVERSE:
		top.reverse = !top.reverse;
		return THEN_DRAW;
	case KEY_IS_SORT:
		top.key = sort_by_letter(letter);
		return THEN_DRAW;
	case KEY_IS_MOVED:
		return THEN_DRAW;
	case KEY_IS_NONE:
		break;
	}
	return THEN_GO_ON;
}

/*
 * Lets the interval that began at BEGAN pass, while frames are looked at.
 * False: that is all.
 */
static bool
pass(uint64_t began)
{
	uint64_t end, now;
	enum then then;
	enum key key;
	int ms, letter = 0;

	for (;;) {
		for (size_t i = 0; i < top.buses; i++)
			watch_drain(&watches[i], SLICE_FRAMES);
		now = now_ns();
		end = began + (uint64_t)(top.interval * 1e9);
		if (now >= end)
			return true;
		ms = SLICE_MS;
		if ((end - now) / 1000000 < SLICE_MS)
			ms = (int)((end - now) / 1000000) + 1;
		if (top.batch) {
			poll(NULL, 0, ms);
			continue;
		}
		key = screen_key(ms, &letter);
		then = act(key, letter);
		if (then == THEN_QUIT)
			return false;
		if (then == THEN_SAMPLE)
			return true;
		if (then == THEN_DRAW && draw_sample() != 0)
			return false;
	}
}

static int
show(void)
{
	uint64_t began = now_ns();

	/* What the first rates are counted from. */
	take_samples();
	/* A screen is not to be empty for as long as an interval. */
	if (!top.batch && draw_sample() != 0)
		return 1;
	for (uint64_t n = 0; top.count == 0 || n < top.count; n++) {
		if (!pass(began))
			return 0;
		began = now_ns();
		take_samples();
		if ((top.batch ? print_sample() : draw_sample()) != 0)
			return 1;
		if (ferror(stdout)) /* nobody reads any more */
			return 0;
		next_interval();
	}
	return 0;
}

int
main(int argc, char **argv)
{
	int error, status;

	setlocale(LC_ALL, "");
	setlocale(LC_NUMERIC, "C"); /* of JSON */
	parse(argc, argv);
	top.batch = top.batch || top.json;
	top.look.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	if ((error = shmbus_guard()) != 0) {
		tool_say("SIGBUS: %s", shmbus_strerror(error));
		return 1;
	}
	/* What is no bus now will hardly become one; later it is waited for. */
	for (size_t i = 0; i < top.buses; i++)
		if (watch_open(&watches[i]) != 0) {
			tool_say("%s: %s", watches[i].path, watches[i].note);
			return 1;
		}
	if (!top.batch && screen_begin() != 0)
		return 1;
	status = show();
	if (!top.batch)
		screen_end();
	for (size_t i = 0; i < top.buses; i++)
		watch_close(&watches[i]);
	return status;
}
