/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * call.c - what every operation needs: its members, the interface that it
 * names, and its errors
 */
#include <errno.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "shmbus/shmbus.h"

#include "shmif/unit.h"
#include "ctl/serve/server.h"

/* ---- errors ------------------------------------------------------------- */

const char *
error_text(int error)
{
	return shmbus_strerror(error);
}

int
fail(struct call *c, int error, const char *fmt, ...)
{
	char text[sizeof(c->text)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	plain(text, c->text, sizeof(c->text));
	return error;
}

/* ---- members of an operation -------------------------------------------- */

static struct json_object *
member(const struct call *c, const char *name)
{
	struct json_object *v = NULL;

	json_object_object_get_ex(c->op, name, &v);
	return v;
}

bool
arg_given(const struct call *c, const char *name)
{
	return member(c, name) != NULL;
}

const char *
arg_string(const struct call *c, const char *name)
{
	struct json_object *v = member(c, name);

	return v == NULL ? NULL : json_object_get_string(v);
}

bool
arg_bool(const struct call *c, const char *name, bool preset)
{
	struct json_object *v = member(c, name);

	return v == NULL ? preset : json_object_get_boolean(v);
}

int64_t
arg_int(const struct call *c, const char *name, int64_t preset)
{
	struct json_object *v = member(c, name);

	return v == NULL ? preset : json_object_get_int64(v);
}

/* ---- the interface of an operation --------------------------------------- */

void *
stack_of(const struct env *env, const char *name)
{
	int n = unit_number(name);
	void *stack = n == -1 ? NULL : shmif_stack(n);

	return stack == NULL ? env->stack : stack;
}

int
call_if(struct call *c, char name[SHMIF_NAME_MAX], struct ctl_if **list)
{
	const char *given = arg_string(c, "if");
	struct ctl_if *found = NULL;
	unsigned n = 0;
	int error;

	if (strcmp(given, "$") == 0) {
		if (c->created[0] == '\0')
			return fail(c, EINVAL,
			    "$: nothing was created in this request");
		given = c->created;
	}
	snprintf(name, SHMIF_NAME_MAX, "%s", given);
	error = STACK_CALL(c->env, list, stack_of(c->env, name), name, &found,
	    &n);
	if (error == ENXIO)
		return fail(c, ENXIO, "%s: no such interface", name);
	if (error == EOPNOTSUPP)
		return fail(c, error, "%s: not with this stack", name);
	if (error != 0)
		return fail(c, error, "%s: %s", name, error_text(error));
	if (list != NULL)
		*list = found;
	else
		c->env->ctl->list_free(found, n);
	return 0;
}

int
failed(struct call *c, const char *name, const char *what, int error)
{
	const char *why = NULL;

	/* No interface is named: request.c words the error. */
	if (error == 0 || (error == EOPNOTSUPP && name[0] == '\0'))
		return error;
	if (error == EOPNOTSUPP && c->env->ctl->lacks != NULL)
		why = c->env->ctl->lacks();
	if (why == NULL)
		why = error == EOPNOTSUPP ? "not with this kind of interface" :
					    error_text(error);
	return fail(c, error, "%s: %s%s%s", name, what,
	    what[0] != '\0' ? ": " : "", why);
}

void
undo_name(struct call *c, const char *name, undo_fn *fn)
{
	snprintf(c->undo->name, sizeof(c->undo->name), "%s", name);
	c->undo->fn = fn;
}

int
call_change(struct call *c, char name[SHMIF_NAME_MAX], struct ctl_if *was,
    undo_fn *fn)
{
	struct ctl_if *list;
	int error;

	if ((error = call_if(c, name, &list)) != 0)
		return error;
	/* NOLINTNEXTLINE(*.NullDereference): call_if() has stored it */
	*was = *list;
	was->addr = NULL;
	c->env->ctl->list_free(list, 1);
	undo_name(c, name, fn);
	return 0;
}
