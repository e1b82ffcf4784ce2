/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ops_look.c - operations that only look, and those that concern the process
 */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/diag.h"
#include "shmbus/shmbus.h"

#include "shmif/unit.h"
#include "ctl/serve/server.h"

#define PATH_ROOM 4097
#define STRING(o, k, v) json_object_object_add(o, k, json_object_new_string(v))
#define BOOL(o, k, v) json_object_object_add(o, k, json_object_new_boolean(v))
#define INT(o, k, v) \
	json_object_object_add(o, k, json_object_new_int64((int64_t)(v)))

static void
show_kind(struct json_object *list, const struct ctl_kind *k)
{
	struct json_object *o = json_object_new_object();

	STRING(o, "name", k->name);
	STRING(o, "kind", k->shown);
	INT(o, "max", k->max);
	BOOL(o, "path", k->path);
	BOOL(o, "radv", k->radv);
	json_object_array_add(list, o);
}

/* The kinds of interfaces that can be created: the stack's own, and units. */
static struct json_object *
show_kinds(const struct stack_ctl *ctl)
{
	static const struct ctl_kind unit = { UNIT_NAME, UNIT_NAME,
		SHMIF_UNITS_MAX - 1, true, true };
	struct json_object *list = json_object_new_array();
	const struct ctl_kind *k;
	unsigned i;

	for (i = 0; ctl->kind != NULL && (k = ctl->kind(i)) != NULL; i++)
		show_kind(list, k);
	show_kind(list, &unit);
	return list;
}

static int
op_hello(struct call *c)
{
	const struct stack_ctl *ctl = c->env->ctl;
	struct json_object *names = json_object_new_array();
	const struct op *const *table, *op;

	STRING(c->result, "server", program_invocation_short_name);
	STRING(c->result, "version", VERSION);
	INT(c->result, "protocol", WIRE_VERSION);
	INT(c->result, "pid", getpid());
	STRING(c->result, "url", c->env->url);
	STRING(c->result, "stack", c->env->stack_name);
	BOOL(c->result, "forwarding",
	    ctl->forwarding != NULL && ctl->forwarding(c->env->stack));
	json_object_object_add(c->result, "kinds", show_kinds(ctl));
	for (table = c->env->ops; *table != NULL; table++)
		for (op = *table; op->name != NULL; op++)
			json_object_array_add(names,
			    json_object_new_string(op->name));
	json_object_object_add(c->result, "ops", names);
	return 0;
}

static struct json_object *
show_counters(int n)
{
	struct json_object *o;
	struct shmif_stats st;

	if (shmif_stats(n, &st) != 0)
		return NULL;
	o = json_object_new_object();
	INT(o, "in_frames", st.in_frames);
	INT(o, "in_bytes", st.in_bytes);
	INT(o, "in_skipped", st.in_skipped);
	INT(o, "in_refused", st.in_refused);
	INT(o, "in_answered", st.in_answered);
	INT(o, "in_down", st.in_down);
	INT(o, "in_lost", st.in_lost);
	INT(o, "in_errors", st.in_errors);
	INT(o, "out_frames", st.out_frames);
	INT(o, "out_bytes", st.out_bytes);
	INT(o, "out_down", st.out_down);
	INT(o, "out_errors", st.out_errors);
	INT(o, "batches", st.batches);
	INT(o, "wakeups", st.wakeups);
	INT(o, "rung", st.rung);
	return o;
}

/* How many frames unit N has refused, by reason; those of which there are. */
static struct json_object *
show_refused(int n)
{
	struct json_object *o = json_object_new_object();
	const char *text;
	uint64_t count;
	unsigned i;

	for (i = 0; shmif_refused(n, i, &text, &count) == 0; i++)
		if (count != 0)
			INT(o, text, count);
	return o;
}

/* What the bus file of unit N is like. */
static const char *
bus_state(int n)
{
	switch (unit_bus_error(n)) {
	case 0:
		return "ok";
	case ENOENT:
		return "removed";
	case SHMBUS_EREPLACED:
		return "replaced";
	case SHMBUS_ETRUNC:
		return "truncated";
	case ENOSPC:
		return "no space";
	default:
		return "failed";
	}
}

/* Adds what only units have. */
static void
show_unit(struct json_object *o, int n)
{
	struct shmif_info info = { .attachment = -1 };
	char path[PATH_ROOM];
	bool has;

	has = shmif_path(n, path, sizeof(path)) == 0;
	shmif_info(n, &info);
	json_object_object_add(o, "path",
	    has ? json_object_new_string(path) : NULL);
	BOOL(o, "linked", info.connected);
	/* A path, but no attachment: the cable is pulled. */
	STRING(o, "media", has && info.attachment == -1 ? "none" : "auto");
	if (info.attachment != -1) {
		INT(o, "attachment", info.attachment);
		STRING(o, "bus", bus_state(n));
	}
	json_object_object_add(o, "counters", show_counters(n));
	json_object_object_add(o, "refused", show_refused(n));
}

/* Whose the address A of F is, too, as far as is remembered; or NULL. */
static const struct ctl_conflict *
conflict_of(const struct ctl_if *f, const struct ctl_addr *a)
{
	unsigned i;

	for (i = 0; i < f->conflicts; i++)
		if (memcmp(f->conflict[i].ip, a->ip, sizeof(a->ip)) == 0)
			return &f->conflict[i];
	return NULL;
}

/* Adds to O what the address A of F is good for, and who else has it. */
static void
show_state(struct json_object *o, const struct ctl_if *f,
    const struct ctl_addr *a)
{
	static const char *const names[] = { "preferred", "tentative",
		"deprecated", "duplicate" };
	const struct ctl_conflict *c = conflict_of(f, a);
	enum ctl_state state = a->state;
	char mac[MAC_TEXT];

	/* One that is tried again is not yet what it was found to be. */
	if (c != NULL && state != CTL_TENTATIVE)
		state = CTL_DUPLICATE;
	STRING(o, "state", names[state]);
	if (state == CTL_DUPLICATE && c != NULL)
		STRING(o, "owner", mac_text(c->mac, mac));
}

static struct json_object *
show_addresses(const struct ctl_if *f)
{
	struct json_object *list = json_object_new_array_ext((int)f->addrs + 1);
	char text[ADDR_TEXT], broadcast[ADDR_TEXT];
	unsigned i, j;

	for (i = 0; i < f->addrs; i++) {
		const struct ctl_addr *a = &f->addr[i];
		struct json_object *o = json_object_new_object();
		const char *family = ip_text(a->ip, text);
		uint8_t last[16];

		STRING(o, "family", family);
		STRING(o, "addr", text);
		INT(o, "prefix", prefix_shown(a->ip, a->prefix));
		STRING(o, "origin", a->origin == CTL_AUTO ? "auto" : "manual");
		if (strcmp(family, "inet") == 0 && a->prefix < 127 &&
		    f->broadcast) {
			memcpy(last, a->ip, sizeof(last));
			for (j = a->prefix; j < 128; j++)
				last[j / 8] |= (uint8_t)(0x80 >> j % 8);
			ip_text(last, broadcast);
			STRING(o, "broadcast", broadcast);
		}
		show_state(o, f, a);
		json_object_array_add(list, o);
	}
	return list;
}

/* The addresses that somebody else has, too, or had. */
static struct json_object *
show_conflicts(const struct ctl_if *f)
{
	struct json_object *list = json_object_new_array();
	char text[ADDR_TEXT], mac[MAC_TEXT];
	unsigned i;

	for (i = 0; i < f->conflicts; i++) {
		const struct ctl_conflict *c = &f->conflict[i];
		struct json_object *o = json_object_new_object();

		STRING(o, "family", ip_text(c->ip, text));
		STRING(o, "addr", text);
		mac_text(c->mac, mac);
		STRING(o, "mac", mac);
		BOOL(o, "kept", c->kept);
		INT(o, "age_s", c->age_s);
		json_object_array_add(list, o);
	}
	return list;
}

/* The servers of names that F was told of. */
static struct json_object *
show_dns(const struct ctl_if *f)
{
	struct json_object *list = json_object_new_array();
	char text[ADDR_TEXT];
	unsigned i;

	for (i = 0; i < f->dns_n; i++) {
		struct json_object *o = json_object_new_object();

		STRING(o, "family", ip_text(f->dns[i].ip, text));
		STRING(o, "addr", text);
		STRING(o, "origin", f->dns[i].dhcp ? "dhcp" : "router");
		json_object_array_add(list, o);
	}
	return list;
}

static struct json_object *
show_if(const struct ctl_if *f)
{
	struct json_object *o = json_object_new_object();
	char mac[MAC_TEXT];

	STRING(o, "name", f->name);
	STRING(o, "kind", f->kind);
	INT(o, "index", f->index);
	BOOL(o, "up", f->up);
	BOOL(o, "running", f->running);
	BOOL(o, "promisc", f->promisc);
	BOOL(o, "broadcast", f->broadcast);
	BOOL(o, "loopback", f->loopback);
	BOOL(o, "autoconf", f->autoconf);
	BOOL(o, "dhcp", f->dhcp);
	BOOL(o, "redirects", f->redirects);
	INT(o, "mtu", f->mtu);
	if (f->mtu4 != 0)
		INT(o, "mtu_inet", f->mtu4);
	if (f->mtu6 != 0)
		INT(o, "mtu_inet6", f->mtu6);
	if (f->has_mac) {
		mac_text(f->mac, mac);
		STRING(o, "mac", mac);
	}
	if (f->unit != -1) {
		show_unit(o, f->unit);
	} else {
		json_object_object_add(o, "path",
		    f->path[0] != '\0' ? json_object_new_string(f->path) :
					 NULL);
		BOOL(o, "linked", f->running);
		STRING(o, "media", "auto");
	}
	json_object_object_add(o, "addresses", show_addresses(f));
	json_object_object_add(o, "duplicates", show_conflicts(f));
	json_object_object_add(o, "nameservers", show_dns(f));
	return o;
}

static int
op_show(struct call *c)
{
	const struct stack_ctl *ctl = c->env->ctl;
	struct json_object *list = json_object_new_array();
	char name[SHMIF_NAME_MAX];
	struct ctl_if *f;
	unsigned i, n;
	int error, unit;

	json_object_object_add(c->result, "interfaces", list);
	if (arg_given(c, "if")) {
		if ((error = call_if(c, name, &f)) != 0)
			return error;
		json_object_array_add(list, show_if(f));
		ctl->list_free(f, 1);
		return 0;
	}
	if ((error = STACK_CALL(c->env, list, c->env->stack, NULL, &f, &n)) !=
	    0)
		return error;
	for (i = 0; i < n; i++)
		json_object_array_add(list, show_if(&f[i]));
	ctl->list_free(f, n);
	/* Units on other stacks of the process. */
	for (unit = shmif_next(-1); unit != -1; unit = shmif_next(unit)) {
		void *stack = shmif_stack(unit);

		if (stack == NULL || stack == c->env->stack ||
		    shmif_name(unit, name, sizeof(name)) != 0 ||
		    STACK_CALL(c->env, list, stack, name, &f, &n) != 0)
			continue;
		json_object_array_add(list, show_if(f));
		ctl->list_free(f, n);
	}
	return 0;
}

static void
show_message(void *arg, uint64_t n, uint64_t time_ns, const char *text)
{
	struct json_object *list = arg, *o = json_object_new_object();

	INT(o, "n", n);
	INT(o, "time_ns", time_ns);
	STRING(o, "text", text);
	json_object_array_add(list, o);
}

static int
op_log(struct call *c)
{
	struct json_object *list = json_object_new_array();

	diag_look((uint64_t)arg_int(c, "since", 0), show_message, list);
	json_object_object_add(c->result, "messages", list);
	return 0;
}

/* Whether the interface F has an address in whose network W's host is. */
static bool
leads_to(const struct ctl_if *f, const struct ping_wish *w)
{
	unsigned i, j;

	for (i = 0; i < f->addrs; i++) {
		const struct ctl_addr *a = &f->addr[i];

		for (j = 0; j < a->prefix; j++)
			if ((a->ip[j / 8] ^ w->ip[j / 8]) & 0x80 >> j % 8)
				break;
		if (j == a->prefix)
			return true;
	}
	return false;
}

/* Fails if the interface by which W goes, as far as that is known, is down. */
static int
refuse_down(struct call *c, const struct ping_wish *w)
{
	const struct stack_ctl *ctl = c->env->ctl;
	const struct ctl_if *down = NULL;
	bool other = false;
	struct ctl_if *list;
	unsigned i, n;
	int error = 0;

	if (ctl->list == NULL ||
	    ctl->list(c->env->stack, w->name[0] != '\0' ? w->name : NULL, &list,
		&n) != 0)
		return 0;
	for (i = 0; i < n; i++)
		if (w->name[0] != '\0' || leads_to(&list[i], w)) {
			if (list[i].up)
				other = true;
			else
				down = &list[i];
		}
	if (down != NULL && !other)
		error = fail(c, ENETDOWN, "%s is unreachable: %s is down",
		    arg_string(c, "host"), down->name);
	ctl->list_free(list, n);
	return error;
}

static int
op_ping(struct call *c)
{
	struct ping_wish *w = &c->env->ping;
	unsigned prefix;
	int error;

	if (c->env->ctl->ping_begin == NULL)
		return EOPNOTSUPP;
	w->name[0] = '\0';
	if (arg_given(c, "if") && (error = call_if(c, w->name, NULL)) != 0)
		return error;
	addr_parse(arg_string(c, "host"), w->ip, &prefix);
	w->count = (unsigned)arg_int(c, "count", 4);
	w->interval_ms = (unsigned)arg_int(c, "interval_ms", 1000);
	w->size = (unsigned)arg_int(c, "size", 56);
	w->timeout_ms = (unsigned)arg_int(c, "timeout_ms", 1000);
	w->ttl = (unsigned)arg_int(c, "ttl", 0);
	if ((error = refuse_down(c, w)) != 0)
		return error;
	c->env->ping_wanted = true;
	return 0;
}

static int
op_halt(struct call *c)
{
	if (c->env->place != NULL)
		place_leave(c->env->place);
	c->env->halt = true;
	return 0;
}

const struct op ops_look[] = {
	{ "hello", op_hello, { { 0 } }, false, false },
	{ "log", op_log, { { "since", FIELD_INT, false, 0, INT64_MAX } }, false,
	    false },
	{ "show", op_show, { { "if", FIELD_IF, false, 0, 0 } }, false, false },
	{ "ping", op_ping,
	    { { "host", FIELD_HOST, true, 0, 0 },
		{ "if", FIELD_IF, false, 0, 0 },
		{ "ttl", FIELD_INT, false, 1, 255 },
		{ "count", FIELD_INT, false, 1, 1000000 },
		{ "interval_ms", FIELD_INT, false, 1, 60000 },
		{ "size", FIELD_INT, false, 0, 60000 },
		{ "timeout_ms", FIELD_INT, false, 1, 60000 } },
	    true, true },
	{ "halt", op_halt, { { 0 } }, true, false },
	{ 0 },
};
