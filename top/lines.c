/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lines.c - a view of buses as lines of text
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/utf8.h"
#include "top/lines.h"

#define TALKERS_MAX 64u
#define LEVELS 8
#define PATH_TEXT 4096
#define SPARK_TEXT (HISTORY * 4 + 1)

/* ---- pages -------------------------------------------------------------- */

static int __attribute__((format(printf, 3, 4)))
put(struct page *page, enum style style, const char *fmt, ...)
{
	struct line *v = page->v;
	va_list ap;
	char *text;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n == -1)
		return ENOMEM;
	if (page->count == page->room) {
		size_t room = page->room == 0 ? 64 : page->room * 2;

		v = realloc(page->v, room * sizeof(*v));
		if (v == NULL) {
			free(text);
			return ENOMEM;
		}
		page->v = v;
		page->room = room;
	}
	v[page->count++] = (struct line){ style, text };
	return 0;
}

void
page_clear(struct page *page)
{
	for (size_t i = 0; i < page->count; i++)
		free(page->v[i].text);
	free(page->v);
	*page = (struct page){ 0 };
}

/* ---- numbers and pictures ----------------------------------------------- */

const char *
short_number(char text[SHORT_TEXT], double n)
{
	static const char units[] = " kMGTPE";
	size_t unit = 0;

	while (n >= 999.5 && unit + 2 < sizeof(units)) {
		n /= 1000;
		unit++;
	}
	if (unit == 0 && (n == 0 || n >= 9.95))
		snprintf(text, SHORT_TEXT, "%.0f", n);
	else if (unit == 0)
		snprintf(text, SHORT_TEXT, n < 0.05 ? "0+" : "%.1f", n);
	else
		snprintf(text, SHORT_TEXT, n < 9.95 ? "%.1f%c" : "%.0f%c", n,
		    units[unit]);
	return text;
}

/* The bytes a second of the last intervals, against the most of them. */
static const char *
spark(char text[SPARK_TEXT], const struct row *row, bool utf8)
{
	static const char *const blocks[LEVELS + 1] = { " ", "▁", "▂", "▃", "▄",
		"▅", "▆", "▇", "█" };
	static const char plain[LEVELS + 1] = { ' ', '.', ':', '-', '=', '+',
		'*', '#', '@' };
	double most = 1;

	for (int i = 0; i < HISTORY; i++)
		if (row->history[i] > most)
			most = row->history[i];
	text[0] = '\0';
	for (int i = 0; i < HISTORY; i++) {
		double n = row->history[i];
		int level = (int)(n / most * LEVELS + 0.5);

		if (level == 0 && n > 0)
			level = 1;
		if (utf8)
			strcat(text, blocks[level]);
		else
			strncat(text, &plain[level], 1);
	}
	return text;
}

/* ---- a bus -------------------------------------------------------------- */

static int
put_title(struct page *page, const struct watch *w)
{
	char path[PATH_TEXT + 1], frames[SHORT_TEXT], bytes[SHORT_TEXT];

	utf8_clean(path, w->path, PATH_TEXT);
	if (w->bus == NULL)
		return put(page, STYLE_BAD, "%s: %s", path, w->note);
	return put(page, w->note[0] == '\0' ? STYLE_TITLE : STYLE_BAD,
	    "%s: mtu %u, %u slots, %u alive, %u dead; "
	    "%s frames/s, %s bytes/s%s%s",
	    path, w->info.geometry.mtu, w->info.geometry.slots, w->alive,
	    w->count - w->alive,
	    short_number(frames, watch_total(w, RATE_TX_FRAMES)),
	    short_number(bytes, watch_total(w, RATE_TX_BYTES)),
	    w->note[0] == '\0' ? "" : "; ", w->note);
}

static int
put_row(struct page *page, const struct row *row, const struct look *look)
{
	char name[SHMBUS_NAME_MAX], mac[MAC_TEXT], text[RATES][SHORT_TEXT];
	char history[SPARK_TEXT];
	enum style style = STYLE_PLAIN;
	const char *state = "dead";

	if (row->peer.alive)
		state = row->peer.promisc ? "alive*" : "alive";
	if (!row->peer.alive ||
	    row->rate[RATE_LOST] + row->rate[RATE_FAILED] > 0)
		style = STYLE_BAD;
	else if (row->rate[RATE_TX_FRAMES] + row->rate[RATE_RX_FRAMES] == 0)
		style = STYLE_QUIET;
	utf8_clean(name, row->peer.name, SHMBUS_NAME_MAX - 1);
	for (int i = 0; i < RATES; i++)
		short_number(text[i], row->rate[i]);
	return put(page, style,
	    "%3u %-20.20s %-6s %5s %5s %5s %5s %6s %6s %6s  %s  %s",
	    row->peer.index, name, state, text[RATE_TX_FRAMES],
	    text[RATE_TX_BYTES], text[RATE_RX_FRAMES], text[RATE_RX_BYTES],
	    text[RATE_LOST], text[RATE_WAKEUPS], text[RATE_RUNG],
	    spark(history, row, look->utf8), mac_text(row->peer.mac, mac));
}

static int
put_protocols(struct page *page, const struct frames *f, uint64_t missed)
{
	char text[512] = "", share[64], seen[SHORT_TEXT], lost[SHORT_TEXT];
	double all = f->all.bytes == 0 ? 1 : (double)f->all.bytes;

	for (int i = 0; i < PROTOCOLS; i++) {
		if (f->protocol[i].frames == 0)
			continue;
		snprintf(share, sizeof(share), " %s %.0f%%",
		    frames_protocol((enum protocol)i),
		    100 * (double)f->protocol[i].bytes / all);
		strncat(text, share, sizeof(text) - strlen(text) - 1);
	}
	return put(page, f->all.frames == 0 ? STYLE_QUIET : STYLE_PLAIN,
	    "    bytes by protocol:%s; to groups %.0f%%  "
	    "(%s frames seen, %s missed)",
	    text[0] == '\0' ? " none" : text,
	    100 * (double)f->group.bytes / all,
	    short_number(seen, (double)f->all.frames),
	    short_number(lost, (double)missed));
}

static const char *
talker_text(char text[INET6_ADDRSTRLEN], const uint8_t key[16], bool ip)
{
	if (!ip)
		return mac_text(key, text);
	if (addr_is_v4(key))
		return inet_ntop(AF_INET, key + 12, text, INET6_ADDRSTRLEN);
	return inet_ntop(AF_INET6, key, text, INET6_ADDRSTRLEN);
}

static int
put_talkers(struct page *page, const struct watch *w, const struct look *look)
{
	const struct talker *who[TALKERS_MAX];
	char address[INET6_ADDRSTRLEN], text[4][SHORT_TEXT];
	double s = w->interval > 0 ? w->interval : 1;
	size_t n = look->talkers < TALKERS_MAX ? look->talkers : TALKERS_MAX;
	int error = 0;

	n = frames_talkers(look->by_ip ? &w->frames.ip : &w->frames.mac, who,
	    n);
	if (n != 0)
		error = put(page, STYLE_HEAD, "    %-39s %5s %5s %5s %5s",
		    look->by_ip ? "IP ADDRESS" : "HARDWARE ADDRESS", "TX/s",
		    "TXB/s", "RX/s", "RXB/s");
	for (size_t i = 0; i < n && error == 0; i++) {
		const struct talker *t = who[i];

		error = put(page,
		    t->sent.frames + t->received.frames == 0 ? STYLE_QUIET :
							       STYLE_PLAIN,
		    "    %-39s %5s %5s %5s %5s",
		    talker_text(address, t->key, look->by_ip),
		    short_number(text[0], (double)t->sent.frames / s),
		    short_number(text[1], (double)t->sent.bytes / s),
		    short_number(text[2], (double)t->received.frames / s),
		    short_number(text[3], (double)t->received.bytes / s));
	}
	return error;
}

int
page_add(struct page *page, const struct watch *w, const struct look *look)
{
	int error = put_title(page, w);

	if (w->bus != NULL && error == 0)
		error = put(page, STYLE_HEAD,
		    "  # %-20s %-6s %5s %5s %5s %5s %6s %6s %6s  %-*s  %s",
		    "NAME", "STATE", "TX/s", "TXB/s", "RX/s", "RXB/s", "LOST/s",
		    "WAKE/s", "RING/s", HISTORY, "TRAFFIC", "MAC");
	for (unsigned i = 0; w->bus != NULL && i < w->count && error == 0; i++)
		error = put_row(page, &w->rows[i], look);
	if (w->bus != NULL && error == 0)
		error = put_protocols(page, &w->frames, w->missed);
	if (w->bus != NULL && error == 0 && look->talkers != 0)
		error = put_talkers(page, w, look);
	return error != 0 ? error : put(page, STYLE_SPACER, "%s", "");
}
