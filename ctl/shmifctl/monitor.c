/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * monitor.c - log and monitor: what has happened, and what happens
 *
 * DOC: monitor
 *
 * The server is asked for everything five times a second: interfaces, routes,
 * neighbours, and messages that are newer than the last one seen.  Of that a list
 * of things is made, each under a name that does not change while it is the
 * same thing ("addr shmif0 10.0.0.1/24"), without what always changes, such as
 * ages.  Two lists that follow each other are compared: what is new, what is
 * different, what is gone.
 *
 * The other design was that the stack tells what it does as it does it.  That
 * takes a hook at each of the many places of each stack where something changes,
 * and a queue for a reader that is slow; this takes neither, works with every
 * stack and server, and costs nothing while nobody looks.  What comes and goes
 * within a fifth of a second is seen only if a message tells of it.
 */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "ctl/shmifctl/shmifctl.h"

#define EVERY_NS 200000000
#define NAME 160

/* ---- messages ----------------------------------------------------------- */

/* NS, CLOCK_REALTIME, as local time. */
static void
put_time(uint64_t ns)
{
	time_t t = (time_t)(ns / 1000000000u);
	char text[40];
	struct tm tm;

	if (localtime_r(&t, &tm) == NULL ||
	    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm) == 0)
		snprintf(text, sizeof(text), "%lld", (long long)t);
	printf("%s.%03u ", text, (unsigned)(ns / 1000000 % 1000));
}

static void
put_message(struct json_object *m)
{
	put_time((uint64_t)get_int(m, "time_ns"));
	put_clean(stdout, get_string(m, "text"));
	putchar('\n');
}

int
verb_log(const struct call *c, int argc, char **argv)
{
	struct json_object *ops, *result, *list;
	size_t n;
	int status;

	if (argc > 0)
		return complain(USAGE, "log: %s: nothing comes after it",
		    argv[0]);
	ops = json_object_new_array();
	op_add(ops, "log");
	if ((status = ask(c, ops, false, &result)) != OK)
		return status;
	list = get_array(result, "messages", &n);
	if (c->json)
		put_json(result);
	else
		for (size_t i = 0; i < n; i++)
			put_message(json_object_array_get_idx(list, i));
	json_object_put(result);
	return OK;
}

/* ---- things ------------------------------------------------------------- */

enum kind { LINK, ADDR, DUPLICATE, ROUTE, NEIGH, LOG, KINDS };

static const char *const kind_name[KINDS] = { "link", "addr", "duplicate",
	"route", "neigh", "log" };

struct monitor {
	const struct call *c;
	unsigned kinds;		 /* a bit for each that is wanted */
	struct json_object *was; /* the things, by name; NULL: not looked yet */
	struct json_object *is;	 /* as it is being looked at */
	int64_t last;		 /* the number of the last message */
};

/* Copies the members KEYS, separated by blanks, of FROM to TO. */
static void
copy(struct json_object *to, struct json_object *from, const char *keys)
{
	char key[32];
	int n;

	while (sscanf(keys, " %31s%n", key, &n) == 1) {
		struct json_object *v;

		if (json_object_object_get_ex(from, key, &v))
			json_object_object_add(to, key, json_object_get(v));
		keys += n;
	}
}

/* Enters a thing of KIND, called NAME among its like, with KEYS of FROM. */
static void
enter(struct monitor *m, enum kind kind, const char *ifname, const char *name,
    struct json_object *from, const char *keys)
{
	struct json_object *o;
	char whole[NAME];

	if (!(m->kinds & 1u << kind))
		return;
	o = json_object_new_object();
	op_string(o, "kind", kind_name[kind]);
	if (ifname[0] != '\0')
		op_string(o, "if", ifname);
	copy(o, from, keys);
	snprintf(whole, sizeof(whole), "%s %s %s", kind_name[kind], ifname,
	    name);
	json_object_object_add(m->is, whole, o);
}

static void
enter_interface(struct monitor *m, struct json_object *i)
{
	const char *ifname = get_string(i, "name");
	struct json_object *list;
	char name[NAME];
	size_t n;

	enter(m, LINK, ifname, "", i,
	    "up running mtu mac path bus media promisc");
	list = get_array(i, "addresses", &n);
	for (size_t j = 0; j < n; j++) {
		struct json_object *a = json_object_array_get_idx(list, j);

		snprintf(name, sizeof(name), "%.60s/%d", get_string(a, "addr"),
		    (int)get_int(a, "prefix"));
		enter(m, ADDR, ifname, name, a,
		    "family addr prefix origin state owner");
	}
	list = get_array(i, "duplicates", &n);
	for (size_t j = 0; j < n; j++) {
		struct json_object *d = json_object_array_get_idx(list, j);

		enter(m, DUPLICATE, ifname, get_string(d, "addr"), d,
		    "family addr mac kept");
	}
}

static void
enter_route(struct monitor *m, struct json_object *r)
{
	char name[NAME];

	snprintf(name, sizeof(name), "%.60s/%d %.60s", get_string(r, "dst"),
	    (int)get_int(r, "prefix"), get_string(r, "via"));
	enter(m, ROUTE, get_string(r, "if"), name, r, "family dst prefix via");
}

static void
enter_neigh(struct monitor *m, struct json_object *e)
{
	enter(m, NEIGH, get_string(e, "if"), get_string(e, "addr"), e,
	    "family addr mac state");
}

/* ---- events ------------------------------------------------------------- */

/* The value V as text; true and false are left to their name. */
static void
put_value(const char *key, struct json_object *v)
{
	if (json_object_is_type(v, json_type_null) ||
	    strcmp(key, "kind") == 0 || strcmp(key, "family") == 0 ||
	    strcmp(key, "prefix") == 0)
		return;
	if (json_object_is_type(v, json_type_boolean)) {
		printf(" %s%s", json_object_get_boolean(v) ? "" : "-", key);
		return;
	}
	putchar(' ');
	if (strcmp(key, "if") != 0 && strcmp(key, "addr") != 0 &&
	    strcmp(key, "dst") != 0 && strcmp(key, "state") != 0)
		printf("%s ", key);
	put_clean(stdout, json_object_get_string(v));
}

static void
put_event(const struct monitor *m, const char *event, struct json_object *o)
{
	uint64_t now = clock_ns(CLOCK_REALTIME);

	if (m->c->json) {
		struct json_object *e = json_object_new_object();

		op_int(e, "time_ns", (int64_t)now);
		op_string(e, "event", event);
		json_object_object_foreach(o, key, value)
		{
			json_object_object_add(e, key, json_object_get(value));
		}
		put_json_line(e);
		json_object_put(e);
		return;
	}
	put_time(now);
	printf("%s %s", event, get_string(o, "kind"));
	json_object_object_foreach(o, key, value)
	{
		put_value(key, value);
		if ((strcmp(key, "addr") == 0 || strcmp(key, "dst") == 0) &&
		    json_object_object_get_ex(o, "prefix", NULL))
			printf("/%d", (int)get_int(o, "prefix"));
	}
	putchar('\n');
}

/* Whether A and B say the same. */
static bool
same(struct json_object *a, struct json_object *b)
{
	return json_object_equal(a, b) != 0;
}

static void
compare(const struct monitor *m)
{
	struct json_object *other;

	if (m->was != NULL) {
		json_object_object_foreach(m->was, gone, old)
		{
			if (!json_object_object_get_ex(m->is, gone, NULL))
				put_event(m, "removed", old);
		}
	}
	json_object_object_foreach(m->is, name, o)
	{
		if (m->was == NULL) {
			if (m->c->verbose)
				put_event(m, "present", o);
		} else if (!json_object_object_get_ex(m->was, name, &other))
			put_event(m, "added", o);
		else if (!same(o, other))
			put_event(m, "changed", o);
	}
}

static void
say(struct monitor *m, struct json_object *message)
{
	struct json_object *o;

	m->last = get_int(message, "n");
	if (!(m->kinds & 1u << LOG) || (m->was == NULL && !m->c->verbose))
		return;
	if (!m->c->json) {
		put_time((uint64_t)get_int(message, "time_ns"));
		printf("message ");
		put_clean(stdout, get_string(message, "text"));
		putchar('\n');
		return;
	}
	o = json_object_new_object();
	copy(o, message, "time_ns");
	op_string(o, "event", "message");
	op_string(o, "kind", kind_name[LOG]);
	copy(o, message, "text");
	put_json_line(o);
	json_object_put(o);
}

/* Calls FN for each member of the array KEY of result number I of RESULTS. */
static void
each(struct monitor *m, struct json_object *results, size_t i, const char *key,
    void (*fn)(struct monitor *m, struct json_object *o))
{
	struct json_object *list;
	size_t n;

	list = get_array(json_object_array_get_idx(results, i), key, &n);
	for (size_t j = 0; j < n; j++)
		fn(m, json_object_array_get_idx(list, j));
}

static int
look(struct monitor *m)
{
	struct json_object *ops = json_object_new_array(), *results;
	int status;

	op_add(ops, "show");
	op_add(ops, "routes");
	op_add(ops, "neigh");
	op_int(op_add(ops, "log"), "since", m->last);
	if ((status = ask(m->c, ops, true, &results)) != OK)
		return status;
	m->is = json_object_new_object();
	each(m, results, 0, "interfaces", enter_interface);
	each(m, results, 1, "routes", enter_route);
	each(m, results, 2, "neighbours", enter_neigh);
	each(m, results, 3, "messages", say);
	compare(m);
	json_object_put(m->was);
	m->was = m->is;
	m->is = NULL;
	json_object_put(results);
	return OK;
}

/* The kind that TEXT names; KINDS: none. */
static unsigned
kind_of(const char *text)
{
	unsigned k;

	for (k = 0; k < KINDS && strcmp(text, kind_name[k]) != 0; k++)
		continue;
	if (k == KINDS && strcmp(text, "address") == 0)
		return ADDR;
	return k;
}

int
verb_monitor(const struct call *c, int argc, char **argv)
{
	const struct timespec nap = { .tv_nsec = EVERY_NS };
	struct monitor m = { .c = c };
	int status;

	for (int i = 0; i < argc; i++) {
		unsigned k = kind_of(argv[i]);

		if (k == KINDS && strcmp(argv[i], "all") != 0)
			return complain(FAILED,
			    "monitor: %s: link, addr, duplicate, route, neigh, "
			    "log and all are known",
			    argv[i]);
		m.kinds |= k == KINDS ? ~0u : 1u << k;
	}
	if (argc == 0)
		m.kinds = ~0u;
	while ((status = look(&m)) == OK) {
		if (fflush(stdout) != 0)
			break; /* who reads has gone */
		nanosleep(&nap, NULL);
	}
	json_object_put(m.was);
	return status;
}
