/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sort.c - in what order attachments are shown
 */
#include <stdlib.h>
#include <string.h>

#include "top/sort.h"

static const struct {
	const char *name;
	char letter;
	enum rate rate; /* RATES: it is none */
} keys[SORT_KEYS] = {
	[SORT_NUMBER] = { "number", '#', RATES },
	[SORT_NAME] = { "name", 'n', RATES },
	[SORT_SENT] = { "sent", 't', RATE_TX_BYTES },
	[SORT_RECEIVED] = { "received", 'r', RATE_RX_BYTES },
	[SORT_LOST] = { "lost", 'l', RATE_LOST },
	[SORT_WAKEUPS] = { "wakeups", 'w', RATE_WAKEUPS },
	[SORT_RUNG] = { "rung", 'b', RATE_RUNG },
};

const char *
sort_name(enum sort_key key)
{
	return keys[key].name;
}

enum sort_key
sort_by_name(const char *name)
{
	int key = 0;

	while (key < SORT_KEYS && strcmp(keys[key].name, name) != 0)
		key++;
	return (enum sort_key)key;
}

enum sort_key
sort_by_letter(int letter)
{
	int key = 0;

	while (key < SORT_KEYS && keys[key].letter != letter)
		key++;
	return (enum sort_key)key;
}

struct order {
	enum sort_key key;
	bool reverse;
};

static int
compare(const void *x, const void *y, void *arg)
{
	const struct row *a = x, *b = y;
	const struct order *o = arg;
	enum rate rate = keys[o->key].rate;
	int c = 0;

	if (o->key == SORT_NAME)
		c = strncmp(a->peer.name, b->peer.name, sizeof(a->peer.name));
	else if (rate != RATES)
		c = (a->rate[rate] < b->rate[rate]) -
		    (a->rate[rate] > b->rate[rate]);
	if (c == 0)
		c = (a->peer.index > b->peer.index) -
		    (a->peer.index < b->peer.index);
	return o->reverse ? -c : c;
}

void
sort_rows(struct watch *w, enum sort_key key, bool reverse)
{
	struct order order = { key, reverse };

	qsort_r(w->rows, w->count, sizeof(w->rows[0]), compare, &order);
}
