/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * weather.h - what becomes of the frames of one direction
 *
 * Pure: no system call, no clock, no bus.  See the DOC block of weather.c.
 */
#ifndef WIRE_WEATHER_H
#define WIRE_WEATHER_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEATHER_LIMIT 1000u /* frames that wait at most, as netem's */
#define WEATHER_CUTS 32u    /* times at which a wire is cut or mended */

enum weather_shape { SHAPE_UNIFORM, SHAPE_NORMAL, SHAPE_PARETO };

/* A probability, and how much it depends on the frame before: 0 to 1. */
struct weather_odds {
	double p, correlation;
};

/* What was asked for.  All zero but LIMIT is fine weather. */
struct weather_want {
	uint64_t delay_ns, jitter_ns;
	double jitter_correlation;
	enum weather_shape shape;
	struct weather_odds loss, duplicate, reorder, corrupt;
	bool gilbert;					/* instead of LOSS: */
	double good_bad, bad_good, lost_bad, lost_good; /* p, r, 1-h, 1-k */
	uint32_t gap;	/* of REORDER: every so many frames only; 0, 1: all */
	uint64_t rate;	/* bits a second; 0: any */
	uint32_t limit; /* frames that wait at most */
	uint32_t mtu;	/* larger frames vanish; 0: none does */
	bool cut;	/* now */
	unsigned cuts;	/* of what follows */
	struct {
		uint64_t at_ns; /* since the wire began */
		bool cut;	/* or mended */
	} cut_at[WEATHER_CUTS];
	bool seeded;
	uint64_t seed;
};

/* What it remembers. */
struct weather {
	struct weather_want want;
	uint8_t key[16];     /* of the seed, and the direction */
	uint64_t n;	     /* frames so far */
	double last[5];	     /* of each draw that has a correlation */
	bool bad;	     /* Gilbert's and Elliott's state */
	uint32_t since;	     /* frames since one that was put in order */
	uint64_t free_at_ns; /* the line is busy until then */
};

enum weather_end {
	WEATHER_PASSES,
	WEATHER_LOST,
	WEATHER_CUT,
	WEATHER_MTU,
	WEATHER_FULL, /* as many wait as may */
};

struct weather_fate {
	enum weather_end end;
	unsigned copies;  /* 1, or 2 if it is duplicated */
	bool second_full; /* there was no room for the duplicate */
	bool corrupt;
	size_t bit;	/* which one is turned */
	bool reordered; /* it does not wait */
	uint64_t due_ns[2];
};

/* Whether there is anything to be done to a frame. */
bool weather_is_fine(const struct weather_want *want);
/*
 * Begins anew with WANT, for the direction number DIRECTION: the first frame to
 * come is number 0.  What is on its way stays on its way.
 */
void weather_begin(struct weather *w, const struct weather_want *want,
    unsigned direction);
/*
 * What becomes of the next frame, of LEN bytes with a payload of PAYLOAD, which
 * came at NOW_NS, since the wire began, while QUEUED others wait.
 */
void weather_judge(struct weather *w, size_t len, size_t payload, size_t queued,
    uint64_t now_ns, struct weather_fate *fate);
/* Whether the direction is cut at NOW_NS. */
bool weather_is_cut(const struct weather_want *want, uint64_t now_ns);

#endif /* WIRE_WEATHER_H */
