/* SPDX-License-Identifier: BSD-2-Clause */
/* utf8.h - whether text is UTF-8; private */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stddef.h>

/* The bytes of the character that TEXT begins with; 0: that is not UTF-8. */
size_t utf8_length(const char *text);
/*
 * Copies FROM, of which at most N bytes are read, to TO, which has room for N
 * and a NUL.  '?' stands for bytes that are not UTF-8 and for controls; what
 * does not fit as a whole character is left out.
 */
void utf8_clean(char *to, const char *from, size_t n);

#endif /* BASE_UTF8_H */
