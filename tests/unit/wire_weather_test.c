/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The weather of shmif_wire: the same seed gives the same fate, what is asked for
 * comes out, and words say what they mean.  All of it is arithmetic: nothing
 * depends on time.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/learn.h"
#include "wire/queue.h"
#include "wire/words.h"

#define MANY 100000u
#define MS ((uint64_t)1000000)

/* Settings of ENDS ends by the words in TEXT. */
static int
apply(struct settings *set, unsigned ends, const char *text, char *why)
{
	char copy[512], *save = NULL;
	const char *words[64];
	unsigned n = 0;

	snprintf(copy, sizeof(copy), "%s", text);
	for (char *w = strtok_r(copy, " ", &save); w != NULL;
	     w = strtok_r(NULL, " ", &save))
		words[n++] = w;
	for (unsigned i = 0; i < ends; i++)
		settings_init(&set[i], 1);
	return words_apply(set, ends, words, n, 0, why, 200);
}

static void
begin(struct weather *w, const char *text, unsigned direction)
{
	struct settings s[1];
	char why[200] = "";

	memset(w, 0, sizeof(*w));
	if (apply(s, 1, text, why) != 0)
		fail_msg("%s: %s", text, why);
	weather_begin(w, &s[0].weather, direction);
}

/* The fates of N frames by TEXT, a frame each millisecond. */
static struct weather_fate *
fates(const char *text, unsigned direction, unsigned n)
{
	struct weather_fate *f = calloc(n, sizeof(*f));
	struct weather w;

	assert_non_null(f);
	begin(&w, text, direction);
	for (unsigned i = 0; i < n; i++)
		weather_judge(&w, 100, 86, 0, i * MS, &f[i]);
	return f;
}

static void
test_seed(void **state)
{
	static const char all[] =
	    "delay 10ms 3ms 25% distribution normal loss 5% 20% duplicate 3% "
	    "corrupt 2% reorder 10% 50% rate 100mbit seed 7";
	struct weather_fate *a = fates(all, 0, 10000),
			    *b = fates(all, 0, 10000);
	struct weather_fate *c = fates(all, 1, 10000);
	struct weather_fate *d = fates("loss 5% 20% seed 7", 0, 10000);
	struct weather_fate *e = fates("loss 5% 20% seed 8", 0, 10000);
	unsigned other = 0, seed = 0;

	(void)state;
	assert_memory_equal(a, b, 10000 * sizeof(*a));
	assert_memory_not_equal(a, c, 10000 * sizeof(*a));
	for (unsigned i = 0; i < 10000; i++) {
		/* One word less changes nothing of the rest. */
		other += a[i].end != d[i].end;
		seed += d[i].end != e[i].end;
	}
	assert_int_equal(other, 0);
	assert_true(seed > 100);
	free(a);
	free(b);
	free(c);
	free(d);
	free(e);
}

/* Whether SHARE of MANY is within five deviations of P. */
static void
assert_share(const char *what, double share, double p, double wider)
{
	double d = 5 * wider * sqrt(p * (1 - p) / MANY);

	if (fabs(share - p) > d)
		fail_msg("%s: %g, not %g +- %g", what, share, p, d);
}

static void
test_shares(void **state)
{
	struct weather_fate *f = fates("delay 1ms loss 10% duplicate 20% "
				       "corrupt 5% reorder 25% seed 3",
	    0, MANY);
	double lost = 0, more = 0, bad = 0, early = 0, bits = 0;

	(void)state;
	for (unsigned i = 0; i < MANY; i++) {
		lost += f[i].end == WEATHER_LOST;
		more += f[i].copies == 2;
		bad += f[i].corrupt;
		early += f[i].reordered;
		if (f[i].corrupt) {
			assert_in_range(f[i].bit, 96, 799);
			bits++;
		}
		assert_true(f[i].end == WEATHER_LOST ? f[i].copies == 0 :
						       f[i].copies > 0);
		if (f[i].copies > 0)
			assert_int_equal(f[i].due_ns[0],
			    i * MS + (f[i].reordered ? 0 : MS));
	}
	assert_share("loss", lost / MANY, 0.1, 1);
	assert_share("duplicate", more / (MANY - lost), 0.2, 1.1);
	assert_share("corrupt", bad / MANY, 0.05, 1);
	assert_share("reorder", early / MANY, 0.25, 1);
	assert_true(bits > 0);
	free(f);
}

static void
test_correlation(void **state)
{
	struct weather_fate *f = fates("loss 20% 60% seed 11", 0, MANY);
	double lost = 0, both = 0;

	(void)state;
	for (unsigned i = 1; i < MANY; i++) {
		lost += f[i].end == WEATHER_LOST;
		both += f[i].end == WEATHER_LOST &&
		    f[i - 1].end == WEATHER_LOST;
	}
	/* Runs make the mean spread more: by (1 + c) / (1 - c) of its square. */
	assert_share("loss", lost / MANY, 0.2, 2);
	/* After a loss: 60 % the same again, else a fifth. */
	assert_share("again", both / lost, 0.6 + 0.4 * 0.2, 4);
	free(f);
}

static void
test_gilbert(void **state)
{
	struct weather_fate *f = fates("loss gemodel 1% 10% 70% 0% seed 5", 0,
	    MANY);
	double lost = 0, runs = 0;

	(void)state;
	for (unsigned i = 1; i < MANY; i++) {
		lost += f[i].end == WEATHER_LOST;
		runs += f[i].end == WEATHER_LOST &&
		    f[i - 1].end != WEATHER_LOST;
	}
	/* It is bad for p / (p + r) of the time, 10 frames in a row. */
	assert_share("gemodel", lost / MANY, 0.7 * 0.01 / 0.11, 5);
	assert_true(lost / runs > 2 && lost / runs < 3.2);
	free(f);
	f = fates("loss gemodel 100% 0% seed 5", 0, 100);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(f[i].end, WEATHER_LOST);
	free(f);
}

/* The mean and the deviation of the delays by TEXT, ms. */
static void
delays(const char *text, double *mean, double *deviation)
{
	struct weather_fate *f = fates(text, 0, MANY);
	double sum = 0, square = 0;

	for (unsigned i = 0; i < MANY; i++) {
		double d = (double)(f[i].due_ns[0] - i * MS) / 1e6;

		sum += d;
		square += d * d;
	}
	*mean = sum / MANY;
	*deviation = sqrt(square / MANY - *mean * *mean);
	free(f);
}

static void
test_jitter(void **state)
{
	double mean, d;

	(void)state;
	delays("delay 100ms 10ms seed 1", &mean, &d);
	assert_true(fabs(mean - 100) < 0.1 && fabs(d - 10 / sqrt(3)) < 0.1);
	delays("delay 100ms 10ms distribution normal seed 1", &mean, &d);
	assert_true(fabs(mean - 100) < 0.2 && fabs(d - 10) < 0.2);
	/* Its tail is cut. */
	delays("delay 100ms 10ms distribution pareto seed 1", &mean, &d);
	assert_true(fabs(mean - 99.3) < 1.5 && d > 5 && d < 10);
	/* No frame leaves before it came. */
	delays("delay 1ms 50ms distribution normal seed 1", &mean, &d);
	assert_true(mean > 1);
}

static void
test_rate(void **state)
{
	struct weather_fate f;
	struct weather w;

	(void)state;
	begin(&w, "rate 1mbit limit 10", 0);
	/* 125 bytes take a millisecond. */
	for (unsigned i = 0; i < 10; i++) {
		weather_judge(&w, 125, 111, i, 0, &f);
		assert_int_equal(f.due_ns[0], (i + 1) * MS);
	}
	weather_judge(&w, 125, 111, 10, 0, &f);
	assert_int_equal(f.end, WEATHER_FULL);
	/* What was dropped did not use the line. */
	weather_judge(&w, 125, 111, 9, 2 * MS, &f);
	assert_int_equal(f.due_ns[0], 11 * MS);
	/* After a pause it begins anew. */
	weather_judge(&w, 125, 111, 0, 50 * MS, &f);
	assert_int_equal(f.due_ns[0], 51 * MS);
	/* A second copy needs room as well. */
	begin(&w, "delay 1ms duplicate 100% limit 2", 0);
	weather_judge(&w, 125, 111, 1, 0, &f);
	assert_true(f.copies == 1 && f.second_full);
}

static void
test_cut_and_mtu(void **state)
{
	struct weather_fate f;
	struct weather w;

	(void)state;
	begin(&w, "mtu 500 cut at 10ms, mend at 20ms, cut at 30ms", 0);
	weather_judge(&w, 514, 500, 0, 0, &f);
	assert_int_equal(f.end, WEATHER_PASSES);
	weather_judge(&w, 515, 501, 0, 0, &f);
	assert_int_equal(f.end, WEATHER_MTU);
	for (unsigned t = 0; t < 40; t++) {
		weather_judge(&w, 64, 50, 0, t * MS, &f);
		assert_int_equal(f.end,
		    t < 10 || (t >= 20 && t < 30) ? WEATHER_PASSES :
						    WEATHER_CUT);
	}
	begin(&w, "cut", 0);
	weather_judge(&w, 64, 50, 0, 0, &f);
	assert_int_equal(f.end, WEATHER_CUT);
	begin(&w, "cut mend", 0);
	assert_true(weather_is_fine(&w.want));
}

/* tc's units mean what they mean there. */
static void
test_units(void **state)
{
	struct settings a[1];
	char why[200];

	(void)state;
	assert_int_equal(apply(a, 1, "delay 3msec rate 100Mbit", why), 0);
	assert_int_equal(a[0].weather.delay_ns, 3000000);
	assert_int_equal(a[0].weather.rate, 100000000);
	assert_int_equal(apply(a, 1, "delay 2SECS rate 2KiBps", why), 0);
	assert_true(a[0].weather.delay_ns == 2000000000);
	assert_int_equal(a[0].weather.rate, 2 * 1024 * 8);
	assert_int_equal(apply(a, 1, "rate 1tibit", why), 0);
	assert_true(a[0].weather.rate == (uint64_t)1 << 40);
}

/* Back to words, and once more. */
static void
test_words(void **state)
{
	static const char *const good[] = {
		"delay 10ms 2ms 25% distribution normal loss 1% 30%",
		"loss gemodel 1% 10% 70% 0.1%", "rate 100mbit limit 50 mtu 576",
		"vlan 10", "trunk 1,3-5,4094 native 7", "trunk all",
		"reorder 25% 50% gap 5 delay 1s", "corrupt 0.1%, duplicate 1%",
		"delay 10MSEC 2usecs rate 100Mbit", "rate 10KiBps"
	};
	static const char *const bad[] = { "delay", "delay 10", "delay x",
		"delay -1ms", "delay nan", "delay 0x10ms", "delay 1e300s",
		"loss 101%", "loss 5", "loss", "loss gemodel", "rate 5",
		"rate 5mbits", "rate -1mbit", "limit 0", "limit x", "mtu 99999",
		"seed", "seed -1", "seed 99999999999999999999", "vlan 0",
		"vlan 4095", "trunk 0", "trunk 5-3", "trunk ,", "trunk",
		"trunk 1;2", "native 5", "end 0 cut", "end 3 cut", "end",
		"cut at", "mend at x", "distribution poisson", "storm",
		"reorder 25% gap 0" };
	struct settings a[2], b[2];
	char text[24000], again[24000], why[200];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		why[0] = '\0';
		if (apply(a, 2, good[i], why) != 0)
			fail_msg("%s: %s", good[i], why);
		words_of(&a[0], text, sizeof(text));
		if (apply(b, 2, text, why) != 0)
			fail_msg("%s: %s: %s", good[i], text, why);
		words_of(&b[0], again, sizeof(again));
		assert_string_equal(text, again);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		why[0] = '\0';
		if (apply(a, 2, bad[i], why) == 0)
			fail_msg("%s was taken", bad[i]);
		assert_true(strlen(why) > 5);
	}
	assert_int_equal(apply(a, 2, "loss 1% end 2 loss 2% all mtu 600", why),
	    0);
	assert_true(a[0].weather.loss.p == 0.01 && a[1].weather.loss.p == 0.02);
	assert_true(a[0].weather.mtu == 600 && a[1].weather.mtu == 600);
}

static void
test_queue(void **state)
{
	struct queue q = { 0 };
	struct packet *p;
	uint64_t last = 0, n = 0;
	unsigned r = 1;

	(void)state;
	for (unsigned i = 0; i < 5000; i++) {
		r = r * 1103515245u + 12345u;
		assert_true(later_put(&q, later_packet(&i, sizeof(i)),
		    1 + (r >> 16 & 0xff)));
	}
	assert_null(later_take(&q, later_due(&q) - 1));
	for (; (p = later_take(&q, 1000)) != NULL; n++) {
		unsigned i;

		memcpy(&i, p->data, sizeof(i));
		/* By time, and by order where times are the same. */
		assert_true((p->due_ns << 32 | i) >= last);
		last = p->due_ns << 32 | i;
		free(p);
	}
	assert_int_equal(n, 5000);
	assert_int_equal(q.bytes, 0);
	later_free(&q);
}

static void
test_stations(void **state)
{
	static struct learn l;
	uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 }, other[6] = { 2, 0, 0, 0, 0, 2 };
	uint64_t t = 1000 * MS;

	(void)state;
	assert_true(learn_source(&l, mac, 0, 1, 5, 77, t));
	assert_int_equal(learn_find(&l, mac, 0, t), 1);
	assert_int_equal(learn_find(&l, mac, 9, t), -1);
	assert_int_equal(learn_find(&l, other, 0, t), -1);
	/* The same frame from elsewhere, or by somebody else: a loop. */
	assert_false(learn_source(&l, mac, 0, 2, 5, 77, t + MS));
	assert_false(learn_source(&l, mac, 0, 1, 6, 77, t + MS));
	assert_int_equal(learn_find(&l, mac, 0, t + MS), 1);
	/* Again from the same place, and another frame from elsewhere: none. */
	assert_true(learn_source(&l, mac, 0, 1, 5, 77, t + 2 * MS));
	assert_true(learn_source(&l, mac, 0, 2, 3, 78, t + 3 * MS));
	assert_int_equal(learn_find(&l, mac, 0, t + 3 * MS), 2);
	/* It is forgotten in the end. */
	assert_int_equal(learn_find(&l, mac, 0, t + 301000 * MS), -1);
	/* Invented ones never fill it up, nor hide one that goes on. */
	for (unsigned i = 0; i < 100000; i++) {
		uint8_t m[6] = { 2, 1, (uint8_t)(i >> 16), (uint8_t)(i >> 8),
			(uint8_t)i, 0 };

		t += MS;
		assert_true(learn_source(&l, m, 0, 0, 0, i + 100, t));
		assert_true(learn_source(&l, mac, 0, 2, 3, 1000000 + i, t));
		assert_int_equal(learn_find(&l, mac, 0, t), 2);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_seed),
		cmocka_unit_test(test_shares),
		cmocka_unit_test(test_correlation),
		cmocka_unit_test(test_gilbert), cmocka_unit_test(test_jitter),
		cmocka_unit_test(test_rate), cmocka_unit_test(test_units),
		cmocka_unit_test(test_cut_and_mtu),
		cmocka_unit_test(test_words), cmocka_unit_test(test_queue),
		cmocka_unit_test(test_stations) };

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
