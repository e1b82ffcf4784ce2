/* SPDX-License-Identifier: BSD-2-Clause */
/* utf8.c - whether text is UTF-8 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/utf8.h"

size_t
utf8_length(const char *text)
{
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
	const uint8_t *p = (const uint8_t *)text;
	size_t more = *p < 0x80 ? 0 :
	    *p >> 5 == 6	? 1 :
	    *p >> 4 == 14	? 2 :
	    *p >> 3 == 30	? 3 :
				  4;
	uint32_t c = more == 0 ? *p : *p & (0x3fu >> more);

	if (more == 4)
		return 0;
	/* The NUL at the end is no byte that continues a character. */
	for (size_t i = 1; i <= more; i++) {
		if (p[i] >> 6 != 2)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	/* Not the shortest form; too large; half of a pair of UTF-16. */
	if (c < least[more] || c > 0x10ffff || c >> 11 == 27)
		return 0;
	return more + 1;
}

void
utf8_clean(char *to, const char *from, size_t n)
{
	size_t i = 0;

	while (i < n && from[i] != '\0') {
		char next[5] = { 0 };
		size_t length;
		bool control;

		memcpy(next, from + i, n - i < 4 ? n - i : 4);
		length = utf8_length(next);
		if (length == 0 && (uint8_t)next[0] >= 0xc0 && n - i < 4 &&
		    strlen(next) == n - i)
			break; /* the character was cut by N */
		/* Those of ASCII, and those that Unicode has beyond it. */
		control = (uint8_t)next[0] < ' ' || next[0] == 0x7f ||
		    ((uint8_t)next[0] == 0xc2 && (uint8_t)next[1] < 0xa0);
		if (length == 0 || control)
			*to++ = '?';
		else
			to = (char *)memcpy(to, next, length) + length;
		i += length == 0 ? 1 : length;
	}
	*to = '\0';
}
