/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * show.c - what a wire counts, as JSON and as text
 */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "wire/control.h"
#include "wire/words.h"

#define WORDS_SIZE 24000u /* every other VLAN allowed takes this */

static void
add(struct json_object *o, const char *key, uint64_t v)
{
	json_object_object_add(o, key, json_object_new_uint64(v));
}

static struct json_object *
show_in(const struct end *e, const struct shmbus_stats *st)
{
	struct json_object *o = json_object_new_object();

	add(o, "frames", e->count.in.frames);
	add(o, "bytes", e->count.in.bytes);
	add(o, "missed", st->rx_lost);
	add(o, "bad", e->count.in.bad + st->rx_bad);
	add(o, "local", e->count.in.local);
	add(o, "loop", e->count.in.loop);
	add(o, "vlan", e->count.in.vlan);
	return o;
}

static struct json_object *
show_out(const struct end *e, const struct shmbus_stats *st)
{
	struct json_object *o = json_object_new_object();

	add(o, "offered", e->count.out.offered);
	add(o, "frames", e->count.out.frames);
	add(o, "bytes", e->bus != NULL ? st->tx_bytes : e->count.out.bytes);
	add(o, "duplicated", e->count.out.duplicated);
	add(o, "cut", e->count.out.cut);
	add(o, "lost", e->count.out.lost);
	add(o, "black_hole", e->count.out.black_hole);
	add(o, "overrun", e->count.out.overrun);
	add(o, "corrupted", e->count.out.corrupted);
	add(o, "reordered", e->count.out.reordered);
	add(o, "too_long", e->count.out.too_long);
	add(o, "down", e->count.out.down);
	add(o, "full", e->count.out.full);
	add(o, "failed", e->count.out.failed);
	add(o, "waiting", e->later.n + e->backlog.frames);
	return o;
}

struct json_object *
show_json(struct wire *w)
{
	struct json_object *o = json_object_new_object();
	struct json_object *ends = json_object_new_array();
	static char words[WORDS_SIZE]; /* under the wire's lock */

	json_object_object_add(o, "up_ms",
	    json_object_new_uint64(wire_now(w) / 1000000));
	for (unsigned i = 0; i < w->n; i++) {
		struct end *e = &w->ends[i];
		struct json_object *one = json_object_new_object();
		struct shmbus_stats st = { 0 };

		if (e->bus != NULL)
			shmbus_stats(e->bus, &st);
		words_of(&e->set, words, sizeof(words));
		json_object_object_add(one, "end",
		    json_object_new_string(e->spec));
		json_object_object_add(one, "words",
		    json_object_new_string(words));
		json_object_object_add(one, "is_cut",
		    json_object_new_boolean(
			weather_is_cut(&e->set.weather, wire_now(w))));
		json_object_object_add(one, "frame_max",
		    json_object_new_int64(e->frame_max));
		if (e->bus == NULL)
			add(one, "connected", e->count.connected);
		json_object_object_add(one, "in", show_in(e, &st));
		json_object_object_add(one, "out", show_out(e, &st));
		json_object_array_add(ends, one);
	}
	json_object_object_add(o, "ends", ends);
	return o;
}

/* Prints TEXT, which is not to be trusted. */
static void
put_clean(const char *text)
{
	for (; *text != '\0'; text++)
		putchar(
		    (unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text);
}

static const char *
string_of(struct json_object *o, const char *key)
{
	struct json_object *m;

	return json_object_object_get_ex(o, key, &m) &&
		json_object_is_type(m, json_type_string) ?
	    json_object_get_string(m) :
	    "";
}

/* Prints the members of KEY that are not 0. */
static void
put_counters(struct json_object *end, const char *key)
{
	struct json_object *all;

	if (!json_object_object_get_ex(end, key, &all) ||
	    !json_object_is_type(all, json_type_object))
		return;
	printf("	%s", key);
	json_object_object_foreach(all, name, v)
	{
		uint64_t n = json_object_get_uint64(v);

		if (n == 0 && strcmp(name, "frames") != 0)
			continue;
		putchar(' ');
		put_clean(name);
		printf(" %llu", (unsigned long long)n);
	}
	putchar('\n');
}

void
show_text(struct json_object *show)
{
	struct json_object *ends;

	if (!json_object_object_get_ex(show, "ends", &ends) ||
	    !json_object_is_type(ends, json_type_array))
		return;
	for (size_t i = 0; i < json_object_array_length(ends); i++) {
		struct json_object *e = json_object_array_get_idx(ends, i);

		printf("end %zu: ", i + 1);
		put_clean(string_of(e, "end"));
		putchar('\n');
		if (string_of(e, "words")[0] != '\0') {
			printf("	");
			put_clean(string_of(e, "words"));
			putchar('\n');
		}
		put_counters(e, "in");
		put_counters(e, "out");
	}
}
