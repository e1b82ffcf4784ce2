/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * show.c - interfaces, as ifconfig shows them
 */
#include <inttypes.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

#include "ctl/shmifctl/shmifctl.h"

/* Asks for IFNAME, or with NULL for all.  *RESULT is to be put. */
static int
fetch(const struct call *c, const char *ifname, struct json_object **result)
{
	struct json_object *ops = json_object_new_array();
	struct json_object *op = op_add(ops, "show");

	if (ifname != NULL)
		op_string(op, "if", ifname);
	return ask(c, ops, false, result);
}

/* "LEAD TEXT", cleaned. */
static void
put_pair(const char *lead, const char *text)
{
	printf("%s ", lead);
	put_clean(stdout, text);
}

static void
put_flags(struct json_object *i)
{
	static const struct {
		const char *key; /* a boolean of the interface */
		const char *name;
		unsigned bit;
	} flags[] = {
		{ "up", "UP", IFF_UP },
		{ "broadcast", "BROADCAST", IFF_BROADCAST },
		{ "loopback", "LOOPBACK", IFF_LOOPBACK },
		{ "running", "RUNNING", IFF_RUNNING },
		{ "promisc", "PROMISC", IFF_PROMISC },
	};
	const size_t n = sizeof(flags) / sizeof(flags[0]);
	const char *comma = "";
	unsigned bits = 0;

	for (size_t j = 0; j < n; j++)
		if (get_bool(i, flags[j].key))
			bits |= flags[j].bit;
	printf("flags=0x%x<", bits);
	for (size_t j = 0; j < n; j++)
		if (bits & flags[j].bit) {
			printf("%s%s", comma, flags[j].name);
			comma = ",";
		}
	putchar('>');
}

static void
put_address(struct json_object *a)
{
	const char *origin = get_string(a, "origin");
	const char *broadcast = get_string(a, "broadcast");
	const char *state = get_string(a, "state");

	putchar('\t');
	put_pair(get_string(a, "family"), get_string(a, "addr"));
	printf("/%" PRId64, get_int(a, "prefix"));
	if (broadcast[0] != '\0')
		put_pair(" broadcast", broadcast);
	if (origin[0] != '\0' && strcmp(origin, "manual") != 0)
		put_pair(" origin", origin);
	if (state[0] != '\0' && strcmp(state, "preferred") != 0) {
		putchar(' ');
		put_clean(stdout, state);
	}
	if (get_string(a, "owner")[0] != '\0') {
		put_pair(" (owner", get_string(a, "owner"));
		putchar(')');
	}
	putchar('\n');
}

/* The counters of I whose names begin with PREFIX, in a line. */
static void
put_counters(struct json_object *i, const char *lead, const char *prefix)
{
	struct json_object *counters;
	const char *comma = ": ";

	if (!json_object_object_get_ex(i, "counters", &counters) ||
	    !json_object_is_type(counters, json_type_object))
		return;
	printf("\t%s", lead);
	json_object_object_foreach(counters, key, value)
	{
		size_t n = strlen(prefix);
		bool ours = strncmp(key, prefix, n) == 0;

		if (n == 0)
			ours = strncmp(key, "in_", 3) != 0 &&
			    strncmp(key, "out_", 4) != 0;
		if (!ours)
			continue;
		printf("%s%" PRId64 " ", comma, json_object_get_int64(value));
		put_clean(stdout, key + n);
		comma = ", ";
	}
	putchar('\n');
}

/* Why frames were refused by I, a reason a line. */
static void
put_refused(struct json_object *i)
{
	struct json_object *refused;

	if (!json_object_object_get_ex(i, "refused", &refused) ||
	    !json_object_is_type(refused, json_type_object))
		return;
	json_object_object_foreach(refused, key, value)
	{
		printf("\trefused: %" PRId64 " ", json_object_get_int64(value));
		put_clean(stdout, key);
		putchar('\n');
	}
}

/* What is wrong with the bus of I, if anything is. */
static void
put_bus_state(struct json_object *i)
{
	static const struct {
		const char *state, *text;
	} known[] = {
		{ "removed", "the interface stays on the old file" },
		{ "replaced", "the interface stays on the old file" },
		{ "truncated", "nothing is sent or received" },
		{ "no space", "nothing is sent or received" },
	};
	const char *state = get_string(i, "bus");

	if (state[0] == '\0' || strcmp(state, "ok") == 0)
		return;
	put_pair("\tbus", state);
	for (size_t j = 0; j < sizeof(known) / sizeof(known[0]); j++)
		if (strcmp(state, known[j].state) == 0)
			printf(": %s", known[j].text);
	putchar('\n');
}

/* The address that D says somebody else has, too. */
static void
put_duplicate(struct json_object *d)
{
	put_pair("\tduplicate", get_string(d, "addr"));
	put_pair(" at", get_string(d, "mac"));
	printf(" %s, %" PRId64 " s ago\n",
	    get_bool(d, "kept") ? "defended" : "not used", get_int(d, "age_s"));
}

/* Whether O, which has a family, is one of those that C asks for. */
static bool
is_wanted(const struct call *c, struct json_object *o)
{
	return c->family == AF_UNSPEC ||
	    (c->family == AF_INET6) ==
	    (strcmp(get_string(o, "family"), "inet6") == 0);
}

/* The servers of names of I, in a line. */
static void
put_nameservers(const struct call *c, struct json_object *i)
{
	struct json_object *list;
	bool any = false;
	size_t n;

	list = get_array(i, "nameservers", &n);
	for (size_t j = 0; j < n; j++) {
		struct json_object *d = json_object_array_get_idx(list, j);

		if (!is_wanted(c, d))
			continue;
		fputs(any ? " " : "\tnameservers ", stdout);
		put_clean(stdout, get_string(d, "addr"));
		any = true;
	}
	if (any)
		putchar('\n');
}

/* A line, as ip -br has it. */
static void
put_brief(const struct call *c, struct json_object *i)
{
	const char *name = get_string(i, "name");
	struct json_object *list;
	size_t n;

	put_clean(stdout, name);
	printf("%*s %-7s", strlen(name) < 15 ? (int)(15 - strlen(name)) : 0, "",
	    !get_bool(i, "up")		? "DOWN" :
		!get_bool(i, "running") ? "NOLINK" :
					  "UP");
	list = get_array(i, "addresses", &n);
	for (size_t j = 0; j < n; j++) {
		struct json_object *a = json_object_array_get_idx(list, j);

		if (!is_wanted(c, a))
			continue;
		putchar(' ');
		put_clean(stdout, get_string(a, "addr"));
		printf("/%" PRId64, get_int(a, "prefix"));
	}
	putchar('\n');
}

static void
put_interface(const struct call *c, struct json_object *i)
{
	struct json_object *addresses, *duplicates;
	bool verbose = c->verbose;
	size_t n;

	if (c->brief) {
		put_brief(c, i);
		return;
	}

	put_clean(stdout, get_string(i, "name"));
	fputs(": ", stdout);
	put_flags(i);
	printf(" mtu %" PRId64, get_int(i, "mtu"));
	if (get_int(i, "mtu_inet") != 0)
		printf(" inet %" PRId64, get_int(i, "mtu_inet"));
	if (get_int(i, "mtu_inet6") != 0)
		printf(" inet6 %" PRId64, get_int(i, "mtu_inet6"));
	putchar('\n');
	if (get_string(i, "path")[0] != '\0') {
		put_pair("\tlinkstr", get_string(i, "path"));
		putchar('\n');
	}
	if (get_string(i, "mac")[0] != '\0') {
		put_pair("\tether", get_string(i, "mac"));
		putchar('\n');
	}
	if (!get_bool(i, "loopback")) {
		put_pair("\tmedia", get_string(i, "media"));
		printf(" status %s\n",
		    get_bool(i, "running") ? "active" : "no carrier");
	}
	put_bus_state(i);
	if (get_bool(i, "dhcp") || get_bool(i, "autoconf"))
		printf("\toptions%s%s\n", get_bool(i, "dhcp") ? " dhcp" : "",
		    get_bool(i, "autoconf") ? " autoconf" : "");
	addresses = get_array(i, "addresses", &n);
	for (size_t j = 0; j < n; j++)
		if (is_wanted(c, json_object_array_get_idx(addresses, j)))
			put_address(json_object_array_get_idx(addresses, j));
	put_nameservers(c, i);
	duplicates = get_array(i, "duplicates", &n);
	for (size_t j = 0; j < n; j++)
		put_duplicate(json_object_array_get_idx(duplicates, j));
	if (verbose) {
		put_counters(i, "input", "in_");
		put_refused(i);
		put_counters(i, "output", "out_");
		put_counters(i, "driver", "");
	}
}

int
show(const struct call *c, const char *ifname)
{
	struct json_object *result, *list;
	size_t n;
	int status;

	if (ifname != NULL && !text_ifname(ifname, false))
		return words_parse(ifname, 0, NULL, NULL);
	if ((status = fetch(c, ifname, &result)) != OK)
		return status;
	if (c->json)
		put_json(result);
	else {
		list = get_array(result, "interfaces", &n);
		for (size_t i = 0; i < n; i++)
			put_interface(c, json_object_array_get_idx(list, i));
	}
	json_object_put(result);
	return OK;
}

int
verb_show(const struct call *c, int argc, char **argv)
{
	if (argc > 1)
		return complain(USAGE, "show: %s: one interface is enough",
		    argv[1]);
	return show(c, argc == 0 ? NULL : argv[0]);
}

int
show_names(const struct call *c)
{
	struct json_object *result, *list, *names;
	size_t n;
	int status = fetch(c, NULL, &result);

	if (status != OK)
		return status;
	list = get_array(result, "interfaces", &n);
	names = json_object_new_array();
	for (size_t i = 0; i < n; i++) {
		const char *name = get_string(json_object_array_get_idx(list,
						  i),
		    "name");

		if (c->json)
			json_object_array_add(names,
			    json_object_new_string(name));
		else {
			if (i > 0)
				putchar(' ');
			put_clean(stdout, name);
		}
	}
	if (c->json)
		put_json(names);
	else
		putchar('\n');
	json_object_put(names);
	json_object_put(result);
	return OK;
}
