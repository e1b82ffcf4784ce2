/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * templates.h - frames to begin with: wallframes.h's good ones, and then
 * those that few send
 */
#ifndef FUZZ_TEMPLATES_H
#define FUZZ_TEMPLATES_H

#include "tests/lib/wallframes.h"

/* Builds template WHICH, 0 <= WHICH < templates(); returns its name. */
const char *template_get(unsigned which, struct pkt *p);
unsigned templates(void);

#endif /* FUZZ_TEMPLATES_H */
