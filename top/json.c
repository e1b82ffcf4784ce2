/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * json.c - a sample as a line of JSON
 *
 * What it looks like is described in shmif_top(1).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <json-c/json.h>
#include <math.h>
#include <stdio.h>
#include <time.h>

#include "base/addr.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "top/json.h"

#define TALKERS_MAX 64u

static void
put(struct json_object *o, const char *name, struct json_object *value)
{
	json_object_object_add(o, name, value);
}

static void
put_number(struct json_object *o, const char *name, uint64_t n)
{
	put(o, name, json_object_new_uint64(n));
}

/* A rate with three decimals, so that a line is not all digits. */
static void
put_rate(struct json_object *o, const char *name, double rate)
{
	char text[64];

	rate = round(rate * 1000) / 1000;
	snprintf(text, sizeof(text), "%.3f", rate);
	put(o, name, json_object_new_double_s(rate, text));
}

static struct json_object *
row_json(const struct row *row)
{
	struct json_object *o = json_object_new_object();
	char name[SHMBUS_NAME_MAX], mac[MAC_TEXT], rate[64];

	utf8_clean(name, row->peer.name, SHMBUS_NAME_MAX - 1);
	put_number(o, "index", row->peer.index);
	put(o, "name", json_object_new_string(name));
	put(o, "mac", json_object_new_string(mac_text(row->peer.mac, mac)));
	put(o, "pid", json_object_new_int(row->peer.pid));
	put(o, "alive", json_object_new_boolean(row->peer.alive != 0));
	put(o, "promisc", json_object_new_boolean(row->peer.promisc != 0));
	put_number(o, "since_ns", row->peer.since_ns);
	for (int i = 0; i < RATES; i++) {
		const char *what = watch_counter_name((enum rate)i);

		put_number(o, what, watch_counter(&row->peer, (enum rate)i));
		snprintf(rate, sizeof(rate), "%s_per_s", what);
		put_rate(o, rate, row->rate[i]);
	}
	return o;
}

static struct json_object *
count_json(const struct count *c)
{
	struct json_object *o = json_object_new_object();

	put_number(o, "frames", c->frames);
	put_number(o, "bytes", c->bytes);
	return o;
}

static struct json_object *
talkers_json(const struct talkers *t, size_t n, bool ip)
{
	struct json_object *list = json_object_new_array();
	const struct talker *who[TALKERS_MAX];
	char address[INET6_ADDRSTRLEN];

	n = frames_talkers(t, who, n < TALKERS_MAX ? n : TALKERS_MAX);
	for (size_t i = 0; i < n; i++) {
		const uint8_t *key = who[i]->key;
		struct json_object *o = json_object_new_object();

		if (!ip)
			mac_text(key, address);
		else if (addr_is_v4(key))
			inet_ntop(AF_INET, key + 12, address, sizeof(address));
		else
			inet_ntop(AF_INET6, key, address, sizeof(address));
		put(o, "address", json_object_new_string(address));
		put(o, "sent", count_json(&who[i]->sent));
		put(o, "received", count_json(&who[i]->received));
		put(o, "total", count_json(&who[i]->total));
		json_object_array_add(list, o);
	}
	return list;
}

static void
put_traffic(struct json_object *o, const struct watch *w, size_t talkers)
{
	struct json_object *seen = json_object_new_object();
	struct json_object *protocols = json_object_new_object();

	put_number(seen, "frames", w->frames.all.frames);
	put_number(seen, "bytes", w->frames.all.bytes);
	put_number(seen, "missed", w->missed);
	put(seen, "group", count_json(&w->frames.group));
	for (int i = 0; i < PROTOCOLS; i++)
		if (w->frames.protocol[i].frames != 0)
			put(protocols, frames_protocol((enum protocol)i),
			    count_json(&w->frames.protocol[i]));
	put(seen, "protocols", protocols);
	put(seen, "by_mac", talkers_json(&w->frames.mac, talkers, false));
	put(seen, "by_ip", talkers_json(&w->frames.ip, talkers, true));
	put(o, "seen", seen);
}

static void
put_bus(struct json_object *o, const struct watch *w)
{
	struct json_object *list = json_object_new_array();
	char id[17];

	snprintf(id, sizeof(id), "%016" PRIx64, w->info.id);
	put(o, "id", json_object_new_string(id));
	put_rate(o, "interval_s", w->interval);
	put_number(o, "mtu", w->info.geometry.mtu);
	put_number(o, "slots", w->info.geometry.slots);
	put_number(o, "alive", w->alive);
	put_number(o, "dead", w->count - w->alive);
	for (unsigned i = 0; i < w->count; i++)
		json_object_array_add(list, row_json(&w->rows[i]));
	put(o, "attached", list);
}

int
json_print(const struct watch *w, size_t talkers)
{
	struct json_object *o = json_object_new_object();
	const char *text;

	put_number(o, "time_ns", clock_ns(CLOCK_REALTIME));
	put(o, "path", json_object_new_string(w->path));
	if (w->note[0] != '\0')
		put(o, "note", json_object_new_string(w->note));
	if (w->bus != NULL) {
		put_bus(o, w);
		put_traffic(o, w, talkers);
	}
	text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);
	if (text != NULL)
		puts(text);
	json_object_put(o);
	return text == NULL ? ENOMEM : 0;
}
