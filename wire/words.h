/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * words.h - weather and VLANs in words (not installed)
 */
#ifndef WIRE_WORDS_H
#define WIRE_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/wire.h"

/* An end of which nothing was said. */
void settings_init(struct settings *s, uint64_t seed);
/* Whether TEXT is a word of these, and not an end. */
bool words_is_one(const char *text);
/*
 * Applies the N words at WORDS to the settings of ENDS ends; times in them begin
 * at NOW_NS.  Returns 0, or -1 with a line in WHY, of SIZE bytes; then nothing of
 * SET is to be used.
 */
int words_apply(struct settings *set, unsigned ends, const char *const *words,
    unsigned n, uint64_t now_ns, char *why, size_t size);
/* Writes what was asked for as words into TEXT, of SIZE bytes. */
void words_of(const struct settings *set, char *text, size_t size);

#endif /* WIRE_WORDS_H */
