/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * number.c - numbers as text
 */
#include <errno.h>
#include <stdlib.h>

#include "base/number.h"

bool
number_parse(const char *text, uint64_t max, uint64_t *n)
{
	char *end;

	errno = 0;
	*n = strtoull(text, &end, 10);
	/* strtoull() alone would take signs and white space, too. */
	return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 &&
	    *n <= max;
}
