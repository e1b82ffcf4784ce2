/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * weather.c - what becomes of the frames of one direction
 *
 * DOC: The same seed, the same fate
 *
 * A test that fails once in a hundred runs has to be run again with the same
 * losses.  So the fate of a frame is a function of the seed, the direction, the
 * frame's number in it, and what was asked for; time does not enter but in when
 * the frame leaves.  Each draw has a number, too: draw K of frame N is a keyed
 * hash of (N, K).  Thus who adds corruption to a wire that loses frames loses
 * the same ones as before, and no draw depends on how many others were made.
 *
 * The other design, a generator whose next number each draw takes, as netem has
 * it, is a little faster, but any change of one word changes all else.
 *
 * DOC: Correlation
 *
 * netem mixes the draw with the one before, which makes the mean of many draws
 * come out, but not their distribution: a loss of 10 % with a correlation of
 * 50 % loses far less than a tenth.  Here a draw is that of the frame before
 * with the probability CORRELATION, and a new one otherwise: the probability is
 * what was asked for, and the correlation of neighbours as well.
 *
 * DOC: The order of things
 *
 * A cut wire takes all.  A frame that is larger than the black hole's MTU
 * vanishes.  Then loss; duplication; corruption, of one bit behind the hardware
 * addresses; then when it leaves: the line is busy for as long as a frame of
 * this length takes at the rate, one frame after the other; then comes the
 * delay, which is what makes frames overtake each other when it varies.  A frame
 * that is reordered has no delay.  If as many wait as may, it is dropped, and
 * the line is not busy with it.
 */
#include <math.h>
#include <string.h>

#include "base/siphash.h"
#include "wire/weather.h"

#define SECOND_NS 1000000000u
#define BUSY_MAX_NS ((uint64_t)1 << 62)

/* The draws: their number, and the place in LAST of those that have one. */
enum draw {
	DRAW_LOSS,
	DRAW_DUPLICATE,
	DRAW_REORDER,
	DRAW_CORRUPT,
	DRAW_JITTER,
	DRAW_LAST, /* what follows has no correlation */
	DRAW_STATE = DRAW_LAST,
	DRAW_BIT,
	DRAW_JITTER2,
	DRAW_COPY, /* jitter of the second copy, and two more */
	DRAW_CORRELATION = 16
};

static_assert(DRAW_LAST ==
	sizeof(((struct weather *)0)->last) /
	    sizeof(((struct weather *)0)->last[0]),
    "a place for each draw that has a correlation");

/* Draw number K of the present frame, from 0 to less than 1. */
static double
draw(const struct weather *w, unsigned k)
{
	uint64_t in[2] = { w->n, k };

	return (double)(siphash(w->key, in, sizeof(in)) >> 11) * 0x1p-53;
}

/* The same, but with the probability CORRELATION that of the frame before. */
static double
draw_after(struct weather *w, enum draw k, double correlation)
{
	if (correlation == 0 || w->n == 0 ||
	    draw(w, DRAW_CORRELATION + k) >= correlation)
		w->last[k] = draw(w, k);
	return w->last[k];
}

static bool
happens(struct weather *w, enum draw k, const struct weather_odds *odds)
{
	return odds->p > 0 && draw_after(w, k, odds->correlation) < odds->p;
}

bool
weather_is_fine(const struct weather_want *w)
{
	return w->delay_ns == 0 && w->jitter_ns == 0 && w->loss.p == 0 &&
	    w->duplicate.p == 0 && w->reorder.p == 0 && w->corrupt.p == 0 &&
	    !w->gilbert && w->rate == 0 && w->mtu == 0 && !w->cut &&
	    w->cuts == 0;
}

void
weather_begin(struct weather *w, const struct weather_want *want,
    unsigned direction)
{
	uint64_t busy = w->free_at_ns, d = direction;

	memset(w, 0, sizeof(*w));
	w->want = *want;
	w->free_at_ns = busy;
	memcpy(w->key, &want->seed, 8);
	memcpy(w->key + 8, &d, 8);
}

bool
weather_is_cut(const struct weather_want *want, uint64_t now_ns)
{
	bool cut = want->cut;
	uint64_t latest = 0;

	for (unsigned i = 0; i < want->cuts; i++)
		if (want->cut_at[i].at_ns <= now_ns &&
		    want->cut_at[i].at_ns >= latest) {
			latest = want->cut_at[i].at_ns;
			cut = want->cut_at[i].cut;
		}
	return cut;
}

/* Whether the next frame is lost. */
static bool
is_lost(struct weather *w)
{
	const struct weather_want *o = &w->want;

	if (!o->gilbert)
		return happens(w, DRAW_LOSS, &o->loss);
	/* The state first, and then what it does to the frame. */
	if (draw(w, DRAW_STATE) < (w->bad ? o->bad_good : o->good_bad))
		w->bad = !w->bad;
	return draw(w, DRAW_LOSS) < (w->bad ? o->lost_bad : o->lost_good);
}

/*
 * A number whose mean is 0 and whose deviation is 1, but for the uniform shape:
 * it is from -1 to 1.
 */
static double
shaped(enum weather_shape shape, double u, double v)
{
	double x;

	switch (shape) {
	case SHAPE_NORMAL: /* Box and Muller; 1 - u is not 0 */
		return sqrt(-2 * log(1 - u)) * cos(2 * M_PI * v);
	case SHAPE_PARETO: /* index 3: mean 3/2, variance 3/4; cut at 4 */
		x = (pow(1 - u, -1.0 / 3) - 1.5) / sqrt(0.75);
		return x < 4 ? x : 4;
	default:
		return 2 * u - 1;
	}
}

/* The delay of copy number COPY of the next frame. */
static uint64_t
delay_of(struct weather *w, unsigned copy)
{
	const struct weather_want *o = &w->want;
	double u, v, ns;

	if (o->jitter_ns == 0)
		return o->delay_ns;
	if (copy == 0) {
		u = draw_after(w, DRAW_JITTER, o->jitter_correlation);
		v = draw(w, DRAW_JITTER2);
	} else {
		u = draw(w, DRAW_COPY);
		v = draw(w, DRAW_COPY + 1);
	}
	ns = (double)o->delay_ns +
	    (double)o->jitter_ns * shaped(o->shape, u, v);
	return ns > 0 ? (uint64_t)ns : 0;
}

/* When the line has sent LEN bytes that come at NOW. */
static uint64_t
sent_at(struct weather *w, size_t len, uint64_t now)
{
	if (w->want.rate == 0)
		return now;
	if (w->free_at_ns < now)
		w->free_at_ns = now;
	/* A bit a second, and frames that nothing has kept: not beyond that. */
	if (w->free_at_ns - now < BUSY_MAX_NS)
		w->free_at_ns += (uint64_t)((double)len * 8 * SECOND_NS /
		    (double)w->want.rate);
	return w->free_at_ns;
}

/* Whether the next frame overtakes those that wait. */
static bool
overtakes(struct weather *w)
{
	const struct weather_want *o = &w->want;
	bool drawn = happens(w, DRAW_REORDER, &o->reorder);

	if (o->reorder.p == 0 || o->delay_ns + o->jitter_ns == 0)
		return false;
	if (w->since + 1 < o->gap || !drawn) {
		w->since++;
		return false;
	}
	w->since = 0;
	return true;
}

void
weather_judge(struct weather *w, size_t len, size_t payload, size_t queued,
    uint64_t now_ns, struct weather_fate *fate)
{
	const struct weather_want *o = &w->want;
	bool lost = is_lost(w), more;

	memset(fate, 0, sizeof(*fate));
	more = happens(w, DRAW_DUPLICATE, &o->duplicate);
	fate->corrupt = happens(w, DRAW_CORRUPT, &o->corrupt);
	if (fate->corrupt && len > 12)
		fate->bit = 96 +
		    (size_t)(draw(w, DRAW_BIT) * (double)((len - 12) * 8));
	fate->corrupt &= len > 12;
	fate->reordered = overtakes(w);
	if (weather_is_cut(o, now_ns))
		fate->end = WEATHER_CUT;
	else if (o->mtu != 0 && payload > o->mtu)
		fate->end = WEATHER_MTU;
	else if (lost)
		fate->end = WEATHER_LOST;
	else if (queued >= o->limit)
		fate->end = WEATHER_FULL;
	if (fate->end == WEATHER_PASSES) {
		fate->second_full = more && queued + 1 >= o->limit;
		fate->copies = more && !fate->second_full ? 2 : 1;
		for (unsigned i = 0; i < fate->copies; i++) {
			uint64_t d = delay_of(w, i);

			fate->due_ns[i] = sent_at(w, len, now_ns) +
			    (fate->reordered ? 0 : d);
		}
	} else {
		(void)delay_of(w, 0); /* the draw that the next may repeat */
	}
	w->n++;
}
