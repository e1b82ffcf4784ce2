/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * words.c - weather and VLANs in words
 *
 * DOC: The words are netem's.  They say what becomes of the frames that leave by
 * an end, of all ends or, behind "end N", of that one.  Each word has a function
 * that takes what follows it, in the table below.  A comma at the end of a word
 * means nothing.
 */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/number.h"
#include "wire/words.h"

#define WORD_MAX 64u
#define SECOND_NS 1e9
#define TIME_MAX 1e6 /* seconds */
#define RATE_MAX 1e13
#define LIMIT_MAX 1000000u

/* Where in the words we are. */
struct words {
	const char *const *words;
	unsigned n, at;
	uint64_t now_ns;
	char word[WORD_MAX]; /* the present one, without a comma */
	char *why;
	size_t size;
};

/* Says what is wrong.  Returns -1. */
__attribute__((format(printf, 2, 3))) static int
wrong(struct words *w, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(w->why, w->size, fmt, ap);
	va_end(ap);
	return -1;
}

/* The word that comes next, or ""; also where it is longer than any. */
static const char *
next(struct words *w)
{
	size_t len;

	w->word[0] = '\0';
	if (w->at == w->n || strlen(w->words[w->at]) >= sizeof(w->word))
		return w->word;
	snprintf(w->word, sizeof(w->word), "%s", w->words[w->at]);
	len = strlen(w->word);
	if (len > 1 && w->word[len - 1] == ',')
		w->word[len - 1] = '\0';
	return w->word;
}

/* Takes the word TEXT, if it is the next one. */
static bool
take(struct words *w, const char *text)
{
	if (strcmp(next(w), text) != 0 || w->at == w->n)
		return false;
	w->at++;
	return true;
}

/* ---- values ----------------------------------------------------------------- */

struct unit {
	const char *name;
	double factor;
};

/* Those of tc(8), in capitals or not, as there. */
static const struct unit times[] = { { "ns", 1 }, { "nsec", 1 }, { "nsecs", 1 },
	{ "us", 1e3 }, { "usec", 1e3 }, { "usecs", 1e3 }, { "ms", 1e6 },
	{ "msec", 1e6 }, { "msecs", 1e6 }, { "s", 1e9 }, { "sec", 1e9 },
	{ "secs", 1e9 }, { NULL, 0 } };
#define KI 1024.0
static const struct unit rates[] = { { "bit", 1 }, { "kbit", 1e3 },
	{ "mbit", 1e6 }, { "gbit", 1e9 }, { "tbit", 1e12 }, { "kibit", KI },
	{ "mibit", KI *KI }, { "gibit", KI *KI *KI },
	{ "tibit", KI *KI *KI *KI }, { "bps", 8 }, { "kbps", 8e3 },
	{ "mbps", 8e6 }, { "gbps", 8e9 }, { "tbps", 8e12 }, { "kibps", 8 * KI },
	{ "mibps", 8 * KI *KI }, { "gibps", 8 * KI *KI *KI },
	{ "tibps", 8 * KI *KI *KI *KI }, { NULL, 0 } };
static const struct unit percents[] = { { "%", 0.01 }, { NULL, 0 } };

/* Whether TEXT is a number with one of UNITS, from 0 to MAX; *V is it. */
static bool
value(const char *text, const struct unit *units, double max, double *v)
{
	char *end;

	if (text[0] < '0' || text[0] > '9' || text[1] == 'x' || text[1] == 'X')
		return false;
	errno = 0;
	*v = strtod(text, &end);
	if (errno != 0 || !isfinite(*v))
		return false;
	for (; units->name != NULL; units++)
		if (strcasecmp(end, units->name) == 0) {
			*v *= units->factor;
			return *v <= max;
		}
	/* Nothing needs no unit. */
	return *end == '\0' && *v == 0;
}

/* A time that may follow; false: none does. */
static bool
may_time(struct words *w, uint64_t *ns)
{
	double v;

	if (!value(next(w), times, TIME_MAX * SECOND_NS, &v))
		return false;
	*ns = (uint64_t)llround(v); /* 1.234567ms is not exact in binary */
	w->at++;
	return true;
}

static bool
may_percent(struct words *w, double *p)
{
	double v;

	if (!value(next(w), percents, 1, &v))
		return false;
	*p = v;
	w->at++;
	return true;
}

/* The same, where one has to follow WORD.  0 or -1. */
static int
must_time(struct words *w, const char *word, uint64_t *ns)
{
	if (may_time(w, ns))
		return 0;
	return wrong(w, "%s: not a time, as 10ms is: '%s'", word, next(w));
}

static int
must_percent(struct words *w, const char *word, double *p)
{
	if (may_percent(w, p))
		return 0;
	return wrong(w, "%s: not a share, from 0%% to 100%%: '%s'", word,
	    next(w));
}

static int
must_number(struct words *w, const char *word, uint64_t min, uint64_t max,
    uint64_t *n)
{
	if (number_parse(next(w), max, n) && *n >= min) {
		w->at++;
		return 0;
	}
	return wrong(w, "%s: not a number from %llu to %llu: '%s'", word,
	    (unsigned long long)min, (unsigned long long)max, next(w));
}

/* "P [CORRELATION]". */
static int
odds(struct words *w, const char *word, struct weather_odds *o)
{
	o->correlation = 0;
	if (must_percent(w, word, &o->p) != 0)
		return -1;
	(void)may_percent(w, &o->correlation);
	return 0;
}

/* ---- weather ----------------------------------------------------------------- */

static int
do_distribution(struct words *w, struct settings *s)
{
	if (take(w, "uniform"))
		s->weather.shape = SHAPE_UNIFORM;
	else if (take(w, "normal"))
		s->weather.shape = SHAPE_NORMAL;
	else if (take(w, "pareto"))
		s->weather.shape = SHAPE_PARETO;
	else
		return wrong(w,
		    "distribution: uniform, normal or pareto, not '%s'",
		    next(w));
	return 0;
}

static int
do_delay(struct words *w, struct settings *s)
{
	struct weather_want *o = &s->weather;

	o->jitter_ns = 0;
	o->jitter_correlation = 0;
	o->shape = SHAPE_UNIFORM;
	if (must_time(w, "delay", &o->delay_ns) != 0)
		return -1;
	if (may_time(w, &o->jitter_ns))
		(void)may_percent(w, &o->jitter_correlation);
	return 0;
}

static int
do_loss(struct words *w, struct settings *s)
{
	struct weather_want *o = &s->weather;

	o->gilbert = take(w, "gemodel");
	if (!o->gilbert) {
		(void)take(w, "random");
		return odds(w, "loss", &o->loss);
	}
	if (must_percent(w, "loss gemodel", &o->good_bad) != 0)
		return -1;
	o->bad_good = 1 - o->good_bad;
	o->lost_bad = 1;
	o->lost_good = 0;
	if (may_percent(w, &o->bad_good) && may_percent(w, &o->lost_bad))
		(void)may_percent(w, &o->lost_good);
	return 0;
}

static int
do_duplicate(struct words *w, struct settings *s)
{
	return odds(w, "duplicate", &s->weather.duplicate);
}

static int
do_corrupt(struct words *w, struct settings *s)
{
	return odds(w, "corrupt", &s->weather.corrupt);
}

static int
do_reorder(struct words *w, struct settings *s)
{
	uint64_t gap = 0;

	if (odds(w, "reorder", &s->weather.reorder) != 0)
		return -1;
	if (take(w, "gap") && must_number(w, "gap", 1, LIMIT_MAX, &gap) != 0)
		return -1;
	s->weather.gap = (uint32_t)gap;
	return 0;
}

static int
do_rate(struct words *w, struct settings *s)
{
	double v;

	if (!value(next(w), rates, RATE_MAX, &v) || (v != 0 && v < 1))
		return wrong(w, "rate: not a rate, as 100mbit is: '%s'",
		    next(w));
	s->weather.rate = (uint64_t)llround(v);
	w->at++;
	return 0;
}

static int
do_limit(struct words *w, struct settings *s)
{
	uint64_t n;

	if (must_number(w, "limit", 1, LIMIT_MAX, &n) != 0)
		return -1;
	s->weather.limit = (uint32_t)n;
	return 0;
}

static int
do_mtu(struct words *w, struct settings *s)
{
	uint64_t n;

	if (must_number(w, "mtu", 0, SHMBUS_MTU_MAX, &n) != 0)
		return -1;
	s->weather.mtu = (uint32_t)n;
	return 0;
}

/* "cut", "mend", and the same "at TIME". */
static int
cut(struct words *w, struct settings *s, const char *word, bool is_cut)
{
	struct weather_want *o = &s->weather;
	uint64_t at = 0;

	if (!take(w, "at")) {
		o->cut = is_cut;
		o->cuts = 0;
		return 0;
	}
	if (must_time(w, word, &at) != 0)
		return -1;
	if (o->cuts == WEATHER_CUTS)
		return wrong(w, "%s: at most %u times", word, WEATHER_CUTS);
	o->cut_at[o->cuts].at_ns = w->now_ns + at;
	o->cut_at[o->cuts++].cut = is_cut;
	return 0;
}

static int
do_cut(struct words *w, struct settings *s)
{
	return cut(w, s, "cut", true);
}

static int
do_mend(struct words *w, struct settings *s)
{
	return cut(w, s, "mend", false);
}

static int
do_seed(struct words *w, struct settings *s)
{
	s->weather.seeded = true;
	return must_number(w, "seed", 0, UINT64_MAX, &s->weather.seed);
}

static int
do_clear(struct words *w, struct settings *s)
{
	uint64_t seed = s->weather.seed;

	(void)w;
	memset(&s->weather, 0, sizeof(s->weather));
	s->weather.limit = WEATHER_LIMIT;
	s->weather.seed = seed;
	return 0;
}

/* ---- VLANs --------------------------------------------------------------------- */

static int
do_vlan(struct words *w, struct settings *s)
{
	uint64_t n;

	if (take(w, "none")) {
		s->kind = VLAN_ANY;
		return 0;
	}
	if (must_number(w, "vlan", 1, VLANS - 2, &n) != 0)
		return -1;
	s->kind = VLAN_ACCESS;
	s->vlan = (uint16_t)n;
	return 0;
}

/* "10,20,30-40", or "all". */
static int
do_trunk(struct words *w, struct settings *s)
{
	const char *list = w->at < w->n ? w->words[w->at] : "", *p = list;

	memset(s->allowed, 0, sizeof(s->allowed));
	if (s->kind != VLAN_TRUNK)
		s->vlan = 0;
	s->kind = VLAN_TRUNK;
	if (take(w, "all")) {
		memset(s->allowed, 0xff, sizeof(s->allowed));
		/* 0 is no VLAN, and the last one is reserved. */
		s->allowed[0] &= 0xfe;
		s->allowed[sizeof(s->allowed) - 1] &= 0x7f;
		return 0;
	}
	while (*p != '\0') {
		char *end;
		unsigned long from = strtoul(p, &end, 10), to = from;

		if (*p < '0' || *p > '9')
			break;
		if (*end == '-' && end[1] >= '0' && end[1] <= '9')
			to = strtoul(end + 1, &end, 10);
		if (from < 1 || to > VLANS - 2 || from > to ||
		    (*end != ',' && *end != '\0'))
			break;
		for (; from <= to; from++)
			s->allowed[from / 8] |= (uint8_t)(1u << from % 8);
		p = *end == ',' ? end + 1 : end;
	}
	if (p == list || *p != '\0')
		return wrong(w, "trunk: not VLANs, as 10,20,30-40 are: '%s'",
		    next(w));
	w->at++;
	return 0;
}

static int
do_native(struct words *w, struct settings *s)
{
	uint64_t n;

	if (s->kind != VLAN_TRUNK)
		return wrong(w, "native: this is no trunk");
	if (must_number(w, "native", 0, VLANS - 2, &n) != 0)
		return -1;
	s->vlan = (uint16_t)n;
	return 0;
}

/* ---- all ----------------------------------------------------------------------- */

static const struct word {
	const char *name;
	int (*apply)(struct words *w, struct settings *s);
} table[] = {
	{ "clear", do_clear },
	{ "corrupt", do_corrupt },
	{ "cut", do_cut },
	{ "delay", do_delay },
	{ "distribution", do_distribution },
	{ "duplicate", do_duplicate },
	{ "limit", do_limit },
	{ "loss", do_loss },
	{ "mend", do_mend },
	{ "mtu", do_mtu },
	{ "native", do_native },
	{ "rate", do_rate },
	{ "reorder", do_reorder },
	{ "seed", do_seed },
	{ "trunk", do_trunk },
	{ "vlan", do_vlan },
};

static const struct word *
find(const char *name)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	return NULL;
}

void
settings_init(struct settings *s, uint64_t seed)
{
	memset(s, 0, sizeof(*s));
	s->weather.limit = WEATHER_LIMIT;
	s->weather.seed = seed;
}

bool
words_is_one(const char *text)
{
	return find(text) != NULL || strcmp(text, "end") == 0 ||
	    strcmp(text, "all") == 0;
}

int
words_apply(struct settings *set, unsigned ends, const char *const *words,
    unsigned n, uint64_t now_ns, char *why, size_t size)
{
	struct words w = { .words = words,
		.n = n,
		.now_ns = now_ns,
		.why = why,
		.size = size };
	unsigned first = 0, last = ends;
	const struct word *word;

	while (w.at < w.n) {
		unsigned begin;

		if (take(&w, "all")) {
			first = 0;
			last = ends;
			continue;
		}
		if (take(&w, "end")) {
			uint64_t i;

			if (must_number(&w, "end", 1, ends, &i) != 0)
				return -1;
			first = (unsigned)i - 1;
			last = (unsigned)i;
			continue;
		}
		if ((word = find(next(&w))) == NULL)
			return wrong(&w, "no such word: '%s'", next(&w));
		begin = ++w.at;
		for (unsigned i = first; i < last; i++) {
			w.at = begin;
			if (word->apply(&w, &set[i]) != 0)
				return -1;
		}
	}
	return 0;
}

/* ---- back to words --------------------------------------------------------------- */

/* Adds to the text. */
__attribute__((format(printf, 3, 4))) static void
add(char *text, size_t size, const char *fmt, ...)
{
	size_t len = strlen(text);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text + len, size - len, fmt, ap);
	va_end(ap);
}

static void
add_odds(char *text, size_t size, const char *word,
    const struct weather_odds *o)
{
	if (o->p > 0)
		add(text, size, " %s %.6g%%", word, o->p * 100);
	if (o->p > 0 && o->correlation > 0)
		add(text, size, " %.6g%%", o->correlation * 100);
}

static void
add_vlans(char *text, size_t size, const struct settings *s)
{
	const char *before = " trunk ";

	if (s->kind == VLAN_ACCESS)
		add(text, size, " vlan %u", s->vlan);
	if (s->kind != VLAN_TRUNK)
		return;
	for (unsigned v = 1, to; v < VLANS - 1; v = to + 1) {
		to = v;
		if (!(s->allowed[v / 8] >> v % 8 & 1))
			continue;
		while (to + 1 < VLANS - 1 &&
		    (s->allowed[(to + 1) / 8] >> (to + 1) % 8 & 1))
			to++;
		add(text, size, "%s%u", before, v);
		if (to > v)
			add(text, size, "-%u", to);
		before = ",";
	}
	if (s->vlan != 0)
		add(text, size, " native %u", s->vlan);
}

void
words_of(const struct settings *s, char *text, size_t size)
{
	static const char *const shapes[] = { "uniform", "normal", "pareto" };
	const struct weather_want *o = &s->weather;

	text[0] = '\0';
	if (o->delay_ns != 0 || o->jitter_ns != 0)
		add(text, size, " delay %.15gms", (double)o->delay_ns / 1e6);
	if (o->jitter_ns != 0) {
		add(text, size, " %.15gms", (double)o->jitter_ns / 1e6);
		if (o->jitter_correlation > 0)
			add(text, size, " %.6g%%", o->jitter_correlation * 100);
		add(text, size, " distribution %s", shapes[o->shape]);
	}
	if (o->gilbert)
		add(text, size, " loss gemodel %.6g%% %.6g%% %.6g%% %.6g%%",
		    o->good_bad * 100, o->bad_good * 100, o->lost_bad * 100,
		    o->lost_good * 100);
	else
		add_odds(text, size, "loss", &o->loss);
	add_odds(text, size, "duplicate", &o->duplicate);
	add_odds(text, size, "corrupt", &o->corrupt);
	add_odds(text, size, "reorder", &o->reorder);
	if (o->reorder.p > 0 && o->gap > 1)
		add(text, size, " gap %u", o->gap);
	if (o->rate != 0)
		add(text, size, " rate %llubit", (unsigned long long)o->rate);
	if (o->limit != WEATHER_LIMIT)
		add(text, size, " limit %u", o->limit);
	if (o->mtu != 0)
		add(text, size, " mtu %u", o->mtu);
	if (o->cut)
		add(text, size, " cut");
	add_vlans(text, size, s);
	if (!weather_is_fine(o))
		add(text, size, " seed %llu", (unsigned long long)o->seed);
	if (text[0] == ' ')
		memmove(text, text + 1, strlen(text));
}
