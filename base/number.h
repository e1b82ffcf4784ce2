/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * number.h - numbers as text; private
 */
#ifndef BASE_NUMBER_H
#define BASE_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/* Whether TEXT is a decimal number up to MAX, and nothing else; *N is it. */
bool number_parse(const char *text, uint64_t max, uint64_t *n);

#endif /* BASE_NUMBER_H */
