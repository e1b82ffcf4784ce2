/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lossy.h - a bridge between two buses that does not deserve to be trusted
 */
#ifndef TESTS_LOSSY_H
#define TESTS_LOSSY_H

#include <stdbool.h>
#include <stdint.h>

/* What happens to frames, each by itself: probabilities, in a thousandth. */
struct lossy_plan {
	unsigned drop;
	unsigned twice; /* comes a second time, at once or later */
	unsigned later; /* is held back until some others have gone by */
	uint64_t seed;
	/* Whether the frame may be harmed; NULL: any. */
	bool (*pick)(const uint8_t *frame, uint32_t len);
};

/* Counts both directions. */
struct lossy_stats {
	uint64_t seen, dropped, twice, later;
	uint64_t overrun; /* lost by the bridge because it was too slow */
};

struct lossy;

/*
 * Connects the buses at paths A and B, which are created where there are none,
 * by two threads of this process.  Returns NULL when that fails.
 */
struct lossy *lossy_begin(const char *a, const char *b,
    const struct lossy_plan *plan);
/* Another plan from now on; its seed is not used. */
void lossy_change(struct lossy *l, const struct lossy_plan *plan);
void lossy_look(struct lossy *l, struct lossy_stats *st);
/* Ends it.  What is held back is lost. */
void lossy_end(struct lossy *l, struct lossy_stats *st);

#endif /* TESTS_LOSSY_H */
