/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sort.h - in what order attachments are shown; private
 */
#ifndef TOP_SORT_H
#define TOP_SORT_H

#include <stdbool.h>

#include "top/watch.h"

enum sort_key {
	SORT_NUMBER,
	SORT_NAME,
	SORT_SENT,
	SORT_RECEIVED,
	SORT_LOST,
	SORT_WAKEUPS,
	SORT_RUNG,
	SORT_KEYS,
};

/* What KEY is called. */
const char *sort_name(enum sort_key key);
/* The key that is called NAME or chosen by LETTER; SORT_KEYS: none. */
enum sort_key sort_by_name(const char *name);
enum sort_key sort_by_letter(int letter);

/* Sorts W's rows by KEY: the largest first, numbers and names upwards. */
void sort_rows(struct watch *w, enum sort_key key, bool reverse);

#endif /* TOP_SORT_H */
