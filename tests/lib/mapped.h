/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mapped.h - a bus file as it lies there, to look at and to meddle with
 */
#ifndef TESTS_MAPPED_H
#define TESTS_MAPPED_H

#include <stdbool.h>
#include <stddef.h>

#include "shmbus/format.h"

struct map {
	struct format_header *hdr;
	struct format_attachment *att;
	size_t len;
};

/* Maps all of PATH, to be written to. */
struct map map_open(const char *path);
void map_close(struct map *m);
/* Whether attachment I has its mark of sleep set. */
bool map_sleeping(const struct map *m, unsigned i);

#endif /* TESTS_MAPPED_H */
