/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ops_net.c - operations on addresses, routes and neighbours
 */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "shmif/unit.h"
#include "ctl/serve/server.h"

/* ---- addresses ---------------------------------------------------------- */

static int
undo_address(struct env *env, const struct undo *u)
{
	return STACK_CALL(env, address, stack_of(env, u->name), u->name, u->ip,
	    u->value, u->on);
}

/* Undoes replace(). U->on: it had added the new address. */
static int
undo_replace(struct env *env, const struct undo *u)
{
	void *stack = stack_of(env, u->name);
	int error = 0, error2 = 0;

	if (u->on)
		error = STACK_CALL(env, address, stack, u->name, u->ip,
		    u->value, false);
	if (u->replaced)
		error2 = STACK_CALL(env, address, stack, u->name, u->was.ip,
		    u->was.prefix, true);
	return error != 0 ? error : error2;
}

/*
 * Finds in F the first address of the family of IP, which is to go, and
 * whether IP with PREFIX is there.
 */
static bool
find_first(const struct ctl_if *f, const uint8_t ip[16], unsigned prefix,
    struct ctl_addr *first, bool *there)
{
	bool found = false;

	*there = false;
	for (unsigned i = 0; i < f->addrs; i++) {
		const struct ctl_addr *a = &f->addr[i];

		if (addr_is_v4(a->ip) != addr_is_v4(ip))
			continue;
		if (!found)
			*first = *a;
		found = true;
		if (memcmp(a->ip, ip, sizeof(a->ip)) == 0 &&
		    a->prefix == prefix)
			*there = true;
	}
	return found;
}

/* Gives F the address IP in place of its first address of the same family. */
static int
replace(struct call *c, const struct ctl_if *f, const uint8_t ip[16],
    unsigned prefix)
{
	void *stack = stack_of(c->env, f->name);
	struct undo *u = c->undo;
	struct ctl_addr first;
	bool there, found = find_first(f, ip, prefix, &first, &there);
	bool same = found && memcmp(first.ip, ip, sizeof(first.ip)) == 0;
	int error = 0;

	if (there && same && first.prefix == prefix)
		return 0;
	undo_name(c, f->name, undo_replace);
	u->on = u->replaced = false;
	memcpy(u->ip, ip, sizeof(u->ip));
	u->value = prefix;
	/*
	 * The new address is added before the old one goes, so that F is never
	 * without; but two of the same address with different prefixes cannot
	 * exist.
	 */
	if (!there && !same) {
		error = STACK_CALL(c->env, address, stack, f->name, ip, prefix,
		    true);
		u->on = error == 0;
	}
	/* A stack whose interfaces have one address: that is replaced. */
	if (error == EOPNOTSUPP && found) {
		if (c->env->ctl->lacks != NULL)
			c->env->ctl->lacks();
		same = true;
		error = 0;
	}
	if (error == 0 && found) {
		error = STACK_CALL(c->env, address, stack, f->name, first.ip,
		    first.prefix, false);
		u->was = first;
		u->replaced = error == 0;
	}
	if (error == 0 && same) {
		error = STACK_CALL(c->env, address, stack, f->name, ip, prefix,
		    true);
		u->on = error == 0;
	}
	return error;
}

static int
op_addr_add(struct call *c)
{
	const char *text = arg_string(c, "addr");
	char name[SHMIF_NAME_MAX], path[2];
	struct ctl_if *was;
	unsigned prefix;
	uint8_t ip[16];
	int error, n;

	if ((error = call_if(c, name, &was)) != 0)
		return error;
	n = unit_number(name);
	addr_parse(text, ip, &prefix);
	if (prefix == ADDR_PREFIX_NONE)
		prefix = 128;
	/* The same condition as in shmif(4) of rump kernels. */
	if (n != -1 && shmif_path(n, path, sizeof(path)) == ENOTCONN)
		error = fail(c, ENOTCONN,
		    "%s: no link string yet: say linkstr first", name);
	else if (arg_bool(c, "replace", false)) {
		error = replace(c, was, ip, prefix);
		/*
		 * The caller undoes operations that succeeded, not half of
		 * one.
		 */
		if (error != 0 && c->undo->fn != NULL)
			undo_replace(c->env, c->undo);
		error = failed(c, name, text, error);
	} else {
		undo_name(c, name, undo_address);
		memcpy(c->undo->ip, ip, sizeof(ip));
		c->undo->value = prefix;
		c->undo->on = false;
		error = STACK_CALL(c->env, address, stack_of(c->env, name),
		    name, ip, prefix, true);
		if (error == EADDRINUSE)
			error = fail(c, error,
			    "%s: %s: it has this address already", name, text);
		else
			error = failed(c, name, text, error);
	}
	c->env->ctl->list_free(was, 1);
	return error;
}

static int
op_addr_del(struct call *c)
{
	const char *text = arg_string(c, "addr");
	char name[SHMIF_NAME_MAX];
	struct ctl_if *was;
	unsigned prefix, i;
	uint8_t ip[16];
	int error;

	if ((error = call_if(c, name, &was)) != 0)
		return error;
	addr_parse(text, ip, &prefix);
	undo_name(c, name, undo_address);
	memcpy(c->undo->ip, ip, sizeof(ip));
	c->undo->on = true;
	c->undo->value = prefix;
	for (i = 0; i < was->addrs && prefix == ADDR_PREFIX_NONE; i++)
		if (memcmp(was->addr[i].ip, ip, sizeof(ip)) == 0)
			c->undo->value = prefix = was->addr[i].prefix;
	c->env->ctl->list_free(was, 1);
	error = prefix == ADDR_PREFIX_NONE ?
	    EADDRNOTAVAIL :
	    STACK_CALL(c->env, address, stack_of(c->env, name), name, ip,
		prefix, false);
	if (error == EADDRNOTAVAIL)
		return fail(c, error, "%s: %s: it does not have this address",
		    name, text);
	return failed(c, name, text, error);
}

static int
undo_autoconf(struct env *env, const struct undo *u)
{
	return STACK_CALL(env, set_autoconf, stack_of(env, u->name), u->name,
	    u->on);
}

static int
op_autoconf(struct call *c)
{
	char name[SHMIF_NAME_MAX];
	struct ctl_if was;
	int error;

	if ((error = call_change(c, name, &was, undo_autoconf)) != 0)
		return error;
	c->undo->on = was.autoconf;
	return failed(c, name, "autoconf",
	    STACK_CALL(c->env, set_autoconf, stack_of(c->env, name), name,
		arg_bool(c, "on", true)));
}

static int
undo_redirects(struct env *env, const struct undo *u)
{
	return STACK_CALL(env, set_redirects, stack_of(env, u->name), u->name,
	    u->on);
}

static int
op_redirects(struct call *c)
{
	char name[SHMIF_NAME_MAX];
	struct ctl_if was;
	int error;

	if ((error = call_change(c, name, &was, undo_redirects)) != 0)
		return error;
	c->undo->on = was.redirects;
	return failed(c, name, "redirects",
	    STACK_CALL(c->env, set_redirects, stack_of(c->env, name), name,
		arg_bool(c, "on", true)));
}

static int
undo_dhcp(struct env *env, const struct undo *u)
{
	void *stack = stack_of(env, u->name);
	int error = STACK_CALL(env, set_dhcp, stack, u->name, u->on);

	if (error == 0 && u->value == 0)
		error = STACK_CALL(env, set_up, stack, u->name, false);
	return error;
}

static int
op_dhcp(struct call *c)
{
	char name[SHMIF_NAME_MAX];
	struct ctl_if was;
	int error;

	if ((error = call_change(c, name, &was, undo_dhcp)) != 0)
		return error;
	c->undo->on = was.dhcp;
	c->undo->value = was.up;
	return failed(c, name, "dhcp",
	    STACK_CALL(c->env, set_dhcp, stack_of(c->env, name), name,
		arg_bool(c, "on", true)));
}

/* ---- routes ------------------------------------------------------------- */

static int
undo_route(struct env *env, const struct undo *u)
{
	return STACK_CALL(env, route, stack_of(env, u->route.name), &u->route,
	    u->on);
}

static int
route(struct call *c, bool add)
{
	const char *dst = arg_string(c, "dst"), *via = arg_string(c, "via");
	char name[SHMIF_NAME_MAX] = "";
	struct ctl_route r = { .has_via = via != NULL };
	unsigned prefix;
	int error;

	dst_parse(dst, r.dst, &prefix);
	r.prefix = (uint8_t)prefix;
	if (via != NULL)
		addr_parse(via, r.via, &prefix);
	if (via == NULL && !arg_given(c, "if"))
		return fail(c, EINVAL, "%s: neither via nor if is given", dst);
	if (via != NULL && addr_is_v4(r.via) != addr_is_v4(r.dst))
		return fail(c, EINVAL, "%s: not of the same family as %s", via,
		    dst);
	if (arg_given(c, "if") && (error = call_if(c, name, NULL)) != 0)
		return error;
	snprintf(r.name, sizeof(r.name), "%s", name);
	c->undo->fn = undo_route;
	c->undo->route = r;
	c->undo->on = !add;
	error = STACK_CALL(c->env, route, stack_of(c->env, name), &r, add);
	if (error == EOPNOTSUPP)
		return error;
	if (error == EEXIST)
		return fail(c, error, "%s: there is such a route already", dst);
	if (error == ESRCH)
		return fail(c, error, "%s: there is no such route", dst);
	if (error == ENETUNREACH)
		return fail(c, error, "%s: no interface leads to %s", dst, via);
	return failed(c, dst, "", error);
}

static int
op_route_add(struct call *c)
{
	return route(c, true);
}

static int
op_route_del(struct call *c)
{
	return route(c, false);
}

static int
op_routes(struct call *c)
{
	struct json_object *list;
	struct ctl_route *r;
	char text[ADDR_TEXT];
	unsigned i, n;
	int error;

	error = STACK_CALL(c->env, routes, c->env->stack, &r, &n);
	if (error != 0)
		return error;
	list = json_object_new_array_ext((int)n + 1);
	for (i = 0; i < n; i++) {
		struct json_object *o = json_object_new_object();
		const char *family = ip_text(r[i].dst, text);

		json_object_object_add(o, "family",
		    json_object_new_string(family));
		json_object_object_add(o, "dst", json_object_new_string(text));
		json_object_object_add(o, "prefix",
		    json_object_new_int(
			(int)prefix_shown(r[i].dst, r[i].prefix)));
		if (r[i].has_via)
			ip_text(r[i].via, text);
		json_object_object_add(o, "via",
		    r[i].has_via ? json_object_new_string(text) : NULL);
		json_object_object_add(o, "if",
		    json_object_new_string(r[i].name));
		json_object_array_add(list, o);
	}
	free(r);
	json_object_object_add(c->result, "routes", list);
	return 0;
}

/* ---- neighbours --------------------------------------------------------- */

static int
op_neigh(struct call *c)
{
	const char *family = arg_string(c, "family");
	char name[SHMIF_NAME_MAX] = "", text[ADDR_TEXT], mac[MAC_TEXT];
	struct json_object *list;
	struct ctl_neigh *g;
	unsigned i, n;
	int error;

	if (arg_given(c, "if") && (error = call_if(c, name, NULL)) != 0)
		return error;
	error = STACK_CALL(c->env, neigh, stack_of(c->env, name),
	    family == NULL		    ? 0 :
		strcmp(family, "inet") == 0 ? AF_INET :
					      AF_INET6,
	    name[0] != '\0' ? name : NULL, &g, &n);
	if (error != 0)
		return failed(c, name, "", error);
	list = json_object_new_array_ext((int)n + 1);
	for (i = 0; i < n; i++) {
		struct json_object *o = json_object_new_object();

		json_object_object_add(o, "if",
		    json_object_new_string(g[i].name));
		json_object_object_add(o, "family",
		    json_object_new_string(ip_text(g[i].ip, text)));
		json_object_object_add(o, "addr", json_object_new_string(text));
		mac_text(g[i].mac, mac);
		json_object_object_add(o, "mac",
		    g[i].known ? json_object_new_string(mac) : NULL);
		json_object_object_add(o, "state",
		    json_object_new_string(g[i].published ? "published" :
			    g[i].fixed			  ? "static" :
			    g[i].known			  ? "known" :
							    "asked"));
		json_object_object_add(o, "age_s",
		    json_object_new_int64(g[i].age_s));
		json_object_object_add(o, "idle_s",
		    json_object_new_int64(g[i].idle_s));
		json_object_array_add(list, o);
	}
	free(g);
	json_object_object_add(c->result, "neighbours", list);
	return 0;
}

/*
 * What U is to be undone to: that the neighbour, or what is published, is as it
 * was set before, or is not there.
 */
static int
undo_neigh(struct env *env, const struct undo *u)
{
	void *stack = stack_of(env, u->name);
	bool published = u->value != 0;

	return u->on ?
	    STACK_CALL(env, neigh_add, stack, u->name, u->ip, u->mac,
		published) :
	    STACK_CALL(env, neigh_del, stack, u->name, u->ip, published);
}

/* Remembers in U how IP is set before something changes it. */
static int
remember_neigh(struct call *c, const char *name, const uint8_t ip[16],
    bool published)
{
	struct undo *u = c->undo;
	struct ctl_neigh *g;
	unsigned i, n;
	int error;

	undo_name(c, name, undo_neigh);
	memcpy(u->ip, ip, sizeof(u->ip));
	u->value = published;
	error = STACK_CALL(c->env, neigh, stack_of(c->env, name), 0, name, &g,
	    &n);
	if (error != 0)
		return error;
	for (i = 0; i < n; i++)
		if ((g[i].fixed || g[i].published) &&
		    g[i].published == published &&
		    memcmp(g[i].ip, ip, sizeof(g[i].ip)) == 0) {
			u->on = true;
			memcpy(u->mac, g[i].mac, sizeof(u->mac));
		}
	free(g);
	return 0;
}

static int
op_neigh_add(struct call *c)
{
	const char *text = arg_string(c, "addr"), *mac = arg_string(c, "mac");
	bool published = arg_bool(c, "publish", false);
	char name[SHMIF_NAME_MAX];
	uint8_t ip[16], at[6];
	unsigned prefix;
	int error;

	if ((error = call_if(c, name, NULL)) != 0)
		return error;
	if (mac == NULL && !published)
		return fail(c, EINVAL, "%s: mac is not given", text);
	addr_parse(text, ip, &prefix);
	if (mac != NULL)
		mac_parse(mac, at);
	if ((error = remember_neigh(c, name, ip, published)) == 0)
		error = STACK_CALL(c->env, neigh_add, stack_of(c->env, name),
		    name, ip, mac != NULL ? at : NULL, published);
	if (error == EADDRINUSE)
		return fail(c, error, "%s: %s: an address of its own", name,
		    text);
	if (error == EINVAL)
		return fail(c, error, "%s: %s: not the address of a host", name,
		    text);
	return failed(c, name, text, error);
}

static int
op_neigh_del(struct call *c)
{
	const char *text = arg_string(c, "addr");
	bool published = arg_bool(c, "publish", false);
	char name[SHMIF_NAME_MAX];
	unsigned prefix;
	uint8_t ip[16];
	int error;

	if ((error = call_if(c, name, NULL)) != 0)
		return error;
	addr_parse(text, ip, &prefix);
	if ((error = remember_neigh(c, name, ip, published)) != 0)
		return failed(c, name, text, error);
	/* What was learned is learned again. */
	if (!c->undo->on)
		c->undo->fn = NULL;
	error = STACK_CALL(c->env, neigh_del, stack_of(c->env, name), name, ip,
	    published);
	if (error == ESRCH)
		return fail(c, error, "%s: %s: %s", name, text,
		    published ? "it is not published" : "no such neighbour");
	return failed(c, name, text, error);
}

/* ---- the stack ---------------------------------------------------------- */

static int
undo_forward(struct env *env, const struct undo *u)
{
	return STACK_CALL(env, set_forwarding, env->stack, u->on);
}

static int
op_forward(struct call *c)
{
	const struct stack_ctl *ctl = c->env->ctl;

	c->undo->fn = undo_forward;
	c->undo->on = ctl->forwarding != NULL && ctl->forwarding(c->env->stack);
	return STACK_CALL(c->env, set_forwarding, c->env->stack,
	    arg_bool(c, "on", true));
}

static int
op_radv(struct call *c)
{
	const char *file = arg_string(c, "file");
	char why[160] = "";
	int error = STACK_CALL(c->env, radv, c->env->stack, file, why,
	    sizeof(why));

	if (error != 0 && why[0] != '\0')
		return fail(c, error, "%s: %s", file, why);
	if (error == EOPNOTSUPP)
		return error;
	return failed(c, file, "", error);
}

#define F_IF \
	{ \
		"if", FIELD_IF, true, 0, 0 \
	}
#define F_IF_OR_NOT \
	{ \
		"if", FIELD_IF, false, 0, 0 \
	}
#define F_ADDR \
	{ \
		"addr", FIELD_ADDR, true, 0, 0 \
	}
#define F_ON \
	{ \
		"on", FIELD_BOOL, true, 0, 0 \
	}
#define F_ROUTE \
	{ "dst", FIELD_DST, true, 0, 0 }, { "via", FIELD_HOST, false, 0, 0 }, \
	    F_IF_OR_NOT

const struct op ops_net[] = {
	{ "addr_add", op_addr_add,
	    { F_IF, F_ADDR, { "replace", FIELD_BOOL, false, 0, 0 } }, false,
	    false },
	{ "addr_del", op_addr_del, { F_IF, F_ADDR }, false, false },
	{ "dhcp", op_dhcp, { F_IF, F_ON }, false, false },
	{ "autoconf", op_autoconf, { F_IF, F_ON }, false, false },
	{ "redirects", op_redirects, { F_IF, F_ON }, false, false },
	{ "route_add", op_route_add, { F_ROUTE }, false, false },
	{ "route_del", op_route_del, { F_ROUTE }, false, false },
	{ "routes", op_routes, { { 0 } }, false, false },
	{ "neigh", op_neigh,
	    { { "family", FIELD_FAMILY, false, 0, 0 }, F_IF_OR_NOT }, false,
	    false },
	{ "neigh_add", op_neigh_add,
	    { F_IF, { "addr", FIELD_HOST, true, 0, 0 },
		{ "mac", FIELD_MAC, false, 0, 0 },
		{ "publish", FIELD_BOOL, false, 0, 0 } },
	    false, false },
	{ "neigh_del", op_neigh_del,
	    { F_IF, { "addr", FIELD_HOST, true, 0, 0 },
		{ "publish", FIELD_BOOL, false, 0, 0 } },
	    false, false },
	{ "forward", op_forward, { F_ON }, false, false },
	{ "radv", op_radv, { { "file", FIELD_STRING, true, 0, 0 } }, true,
	    false },
	{ 0 },
};
