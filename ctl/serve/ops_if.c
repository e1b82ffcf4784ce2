/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ops_if.c - operations that make, remove and set up interfaces
 *
 * A shmif is a unit of this library, and what concerns its bus is done by
 * shmif.h; interfaces of other kinds belong to the stack.  What both kinds can do
 * (addresses, up and down) the stack does.
 */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shmbus/shmbus.h"

#include "shmif/unit.h"
#include "ctl/serve/server.h"

#define PATH_ROOM 4097
#define PATH_SHOWN 300 /* bytes of a path that a message shows */

/* Says that connecting NAME to the bus PATH failed, and why as shmbus tells. */
static int
failed_bus(struct call *c, const char *name, const char *path, int error)
{
	const char *text = error_text(error), *why = shmbus_why();

	if (error == 0)
		return 0;
	if (path == NULL)
		return failed(c, name, "", error);
	if (why == NULL || why[0] == '\0')
		return fail(c, error, "%s: %.*s: %s", name, PATH_SHOWN, path,
		    text);
	if (strncmp(why, text, strlen(text)) == 0)
		return fail(c, error, "%s: %.*s: %s", name, PATH_SHOWN, path,
		    why);
	return fail(c, error, "%s: %.*s: %s: %s", name, PATH_SHOWN, path, text,
	    why);
}

/* ---- create, destroy ---------------------------------------------------- */

static int
undo_create(struct env *env, const struct undo *u)
{
	int n = unit_number(u->name);

	return n != -1 ? shmif_destroy(n) :
			 STACK_CALL(env, destroy, env->stack, u->name);
}

static unsigned
flags_of(const struct call *c)
{
	struct json_object *list;

	return json_object_object_get_ex(c->op, "flags", &list) ?
	    field_flags(list) :
	    0;
}

static int
create_unit(struct call *c, const char *wanted, char made[SHMIF_NAME_MAX])
{
	struct shmif_options opt = { .stack = c->env->stack,
		.flags = flags_of(c),
		.mtu = (uint16_t)arg_int(c, "mtu", 0) };
	const char *path = arg_string(c, "path");
	int want = -1, n, error;

	if (strcmp(wanted, UNIT_NAME) != 0 &&
	    (want = unit_number(wanted)) == -1)
		return fail(c, EINVAL, "%s: the highest is shmif%d", wanted,
		    SHMIF_UNITS_MAX - 1);
	if (arg_given(c, "mac"))
		mac_parse(arg_string(c, "mac"), opt.mac);
	error = unit_create(path, &opt, want, &n);
	if (error == EEXIST && want != -1)
		return fail(c, error, "%s: there is one already", wanted);
	if (error == EMFILE)
		return fail(c, error, "%s: %d units are there already", wanted,
		    SHMIF_UNITS_MAX);
	if (error != 0)
		return failed_bus(c, wanted, path, error);
	unit_name(n, made);
	return 0;
}

/*
 * The kind of the stack that an interface called NAME, with or without a
 * number, would be of. NULL: there is none.
 */
static const struct ctl_kind *
kind_of(const struct env *env, const char *name)
{
	const struct ctl_kind *k;
	unsigned i;

	for (i = 0; env->ctl->kind != NULL && (k = env->ctl->kind(i)) != NULL;
	     i++) {
		size_t len = strlen(k->name);
		const char *digits = name + len;

		if (strncmp(name, k->name, len) != 0)
			continue;
		if (digits[0] == '\0')
			return k;
		/*
		 * shmif01 would be a second name of shmif1: none has a leading
		 * zero.
		 */
		if (strlen(digits) <= 3 && (digits[0] != '0' || !digits[1]) &&
		    strspn(digits, "0123456789") == strlen(digits) &&
		    strtoul(digits, NULL, 10) <= k->max)
			return k;
	}
	return NULL;
}

static int
create_foreign(struct call *c, const char *wanted, char made[SHMIF_NAME_MAX])
{
	const char *path = arg_string(c, "path");
	unsigned flags = flags_of(c);
	int error;

	if (kind_of(c->env, wanted) == NULL)
		return fail(c, EINVAL, "%s: no such kind of interface", wanted);
	if (arg_given(c, "mac") || arg_given(c, "mtu") ||
	    (flags & (SHMIF_NOCREATE | SHMIF_PROMISC)))
		return fail(c, EOPNOTSUPP,
		    "%s: mac, mtu, nocreate and promisc are for shmif only",
		    wanted);
	error = STACK_CALL(c->env, create, c->env->stack, wanted, path, flags,
	    made);
	if (error == EEXIST)
		return fail(c, error, "%s: there is one already", wanted);
	if (error == EIO)
		return fail(c, error, "%s: cannot be opened: %s", wanted,
		    path == NULL ? "(no name given)" : path);
	return failed(c, wanted, "", error);
}

static int
op_create(struct call *c)
{
	const char *wanted = arg_string(c, "if");
	char made[SHMIF_NAME_MAX];
	int error;

	if (strncmp(wanted, UNIT_NAME, sizeof(UNIT_NAME) - 1) == 0)
		error = create_unit(c, wanted, made);
	else
		error = create_foreign(c, wanted, made);
	if (error != 0)
		return error;
	json_object_object_add(c->result, "if", json_object_new_string(made));
	undo_name(c, made, undo_create);
	return 0;
}

static int
op_destroy(struct call *c)
{
	char name[SHMIF_NAME_MAX];
	int error, n;

	if ((error = call_if(c, name, NULL)) != 0)
		return error;
	n = unit_number(name);
	return failed(c, name, "",
	    n != -1 ? shmif_destroy(n) :
		      STACK_CALL(c->env, destroy, c->env->stack, name));
}

/* ---- the link ----------------------------------------------------------- */

static int
undo_linkstr(struct env *env, const struct undo *u)
{
	int n = unit_number(u->name), error = shmif_linkstr(n, u->path);

	(void)env;
	if (error == EISCONN)
		error = 0;
	if (error == 0 && u->path != NULL && !u->on)
		error = shmif_set_media(n, 0);
	return error;
}

/* Remembers the link of unit N.  0 or ENOMEM. */
static int
keep_link(struct call *c, int n, const char *name)
{
	struct shmif_info info;
	char path[PATH_ROOM];

	undo_name(c, name, undo_linkstr);
	c->undo->on = shmif_info(n, &info) == 0 && info.connected;
	if (shmif_path(n, path, sizeof(path)) != 0)
		return 0;
	c->undo->path = strdup(path);
	return c->undo->path == NULL ? ENOMEM : 0;
}

/* Finds the unit that the operation names.  0, ENXIO, EOPNOTSUPP. */
static int
call_unit(struct call *c, char name[SHMIF_NAME_MAX], int *n)
{
	int error = call_if(c, name, NULL);

	if (error != 0)
		return error;
	*n = unit_number(name);
	return *n == -1 ? failed(c, name, "", EOPNOTSUPP) : 0;
}

static int
op_linkstr(struct call *c)
{
	const char *path = arg_string(c, "path");
	char name[SHMIF_NAME_MAX];
	int error, n;

	if ((error = call_unit(c, name, &n)) != 0)
		return error;
	if ((error = keep_link(c, n, name)) != 0)
		return error;
	error = shmif_linkstr(n, path);
	if (error == EISCONN)
		return fail(c, error, "%s: it is on %s already", name, path);
	return failed_bus(c, name, path, error);
}

static int
op_media(struct call *c)
{
	char name[SHMIF_NAME_MAX];
	int error, n;

	if ((error = call_unit(c, name, &n)) != 0)
		return error;
	if ((error = keep_link(c, n, name)) != 0)
		return error;
	if (c->undo->path == NULL)
		return fail(c, ENOTCONN,
		    "%s: no link string yet: say linkstr first", name);
	return failed_bus(c, name, c->undo->path,
	    shmif_set_media(n, arg_bool(c, "on", true)));
}

/* ---- up, down and what it is like --------------------------------------- */

static int
undo_up(struct env *env, const struct undo *u)
{
	return STACK_CALL(env, set_up, stack_of(env, u->name), u->name, u->on);
}

static int
set_up(struct call *c, bool up)
{
	char name[SHMIF_NAME_MAX];
	struct ctl_if was;
	int error;

	if ((error = call_change(c, name, &was, undo_up)) != 0)
		return error;
	c->undo->on = was.up;
	return failed(c, name, "",
	    STACK_CALL(c->env, set_up, stack_of(c->env, name), name, up));
}

static int
op_up(struct call *c)
{
	return set_up(c, true);
}

static int
op_down(struct call *c)
{
	return set_up(c, false);
}

static int
put_mtu(const struct env *env, const char *name, unsigned mtu)
{
	int n = unit_number(name);

	return n != -1 ? shmif_set_mtu(n, mtu) :
			 STACK_CALL(env, set_mtu, env->stack, name, mtu);
}

static int
undo_mtu(struct env *env, const struct undo *u)
{
	return put_mtu(env, u->name, u->value);
}

static int
op_mtu(struct call *c)
{
	unsigned mtu = (unsigned)arg_int(c, "mtu", 0);
	char name[SHMIF_NAME_MAX];
	struct ctl_if was;
	int error;

	if ((error = call_change(c, name, &was, undo_mtu)) != 0)
		return error;
	c->undo->value = was.unit != -1 ? unit_mtu_wanted(was.unit) : was.mtu;
	error = put_mtu(c->env, name, mtu);
	if (error == EMSGSIZE)
		return fail(c, error, "%s: an MTU of %u is not possible here",
		    name, mtu);
	return failed(c, name, "", error);
}

static int
undo_mac(struct env *env, const struct undo *u)
{
	(void)env;
	return shmif_set_mac(unit_number(u->name), u->mac);
}

static int
op_lladdr(struct call *c)
{
	char name[SHMIF_NAME_MAX];
	uint8_t mac[6];
	int error, n;

	if ((error = call_unit(c, name, &n)) != 0)
		return error;
	undo_name(c, name, undo_mac);
	shmif_mac(n, c->undo->mac);
	mac_parse(arg_string(c, "mac"), mac);
	return failed(c, name, "", shmif_set_mac(n, mac));
}

static int
put_promisc(const struct env *env, const char *name, bool on)
{
	int n = unit_number(name);

	return n != -1 ? shmif_set_promisc(n, on) :
			 STACK_CALL(env, set_promisc, env->stack, name, on);
}

static int
undo_promisc(struct env *env, const struct undo *u)
{
	return put_promisc(env, u->name, u->on);
}

static int
op_promisc(struct call *c)
{
	char name[SHMIF_NAME_MAX];
	struct ctl_if was;
	int error;

	if ((error = call_change(c, name, &was, undo_promisc)) != 0)
		return error;
	c->undo->on = was.promisc;
	return failed(c, name, "",
	    put_promisc(c->env, name, arg_bool(c, "on", true)));
}

const struct op ops_if[] = {
	{ "create", op_create,
	    { { "if", FIELD_NEW_IF, true, 0, 0 },
		{ "path", FIELD_STRING, false, 0, 0 },
		{ "mac", FIELD_MAC, false, 0, 0 },
		{ "mtu", FIELD_INT, false, 0, 65535 },
		{ "flags", FIELD_FLAGS, false, 0, 0 } },
	    false, false },
	{ "destroy", op_destroy, { { "if", FIELD_IF, true, 0, 0 } }, true,
	    false },
	{ "linkstr", op_linkstr,
	    { { "if", FIELD_IF, true, 0, 0 },
		{ "path", FIELD_STRING0, true, 0, 0 } },
	    false, false },
	{ "media", op_media,
	    { { "if", FIELD_IF, true, 0, 0 },
		{ "on", FIELD_BOOL, true, 0, 0 } },
	    false, false },
	{ "up", op_up, { { "if", FIELD_IF, true, 0, 0 } }, false, false },
	{ "down", op_down, { { "if", FIELD_IF, true, 0, 0 } }, false, false },
	{ "mtu", op_mtu,
	    { { "if", FIELD_IF, true, 0, 0 },
		{ "mtu", FIELD_INT, true, 0, 65535 } },
	    false, false },
	{ "lladdr", op_lladdr,
	    { { "if", FIELD_IF, true, 0, 0 },
		{ "mac", FIELD_MAC, true, 0, 0 } },
	    false, false },
	{ "promisc", op_promisc,
	    { { "if", FIELD_IF, true, 0, 0 },
		{ "on", FIELD_BOOL, true, 0, 0 } },
	    false, false },
	{ 0 },
};
