/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * request.c - a request is done whole or not at all
 *
 * DOC: The form of everything in a request is checked before the first of its
 * operations is done: JSON, names of operations and members, types, ranges,
 * addresses.  What is left to go wrong is the state of things (no such
 * interface, no such bus), which each operation finds out before it changes
 * anything.  Each leaves behind how it is taken back; when one fails these are
 * run backwards.  The few that cannot be taken back have to be the last.
 *
 * Nothing of a request is trusted, and its cost is bounded: 64 kB of JSON, 8
 * levels, 64 operations.
 */
#include <errno.h>
#include <json-c/json.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shmbus/shmbus.h"

#include "shmif/stack.h"
#include "ctl/serve/server.h"

static const struct op *const ops_all[] = { ops_if, ops_net, ops_look, ops_sock,
	NULL };

/* ---- the form of a request ----------------------------------------------- */

static const struct op *
find_op(const struct env *env, const char *name)
{
	const struct op *const *table, *op;

	for (table = env->ops; *table != NULL; table++)
		for (op = *table; op->name != NULL; op++)
			if (strcmp(op->name, name) == 0)
				return op;
	return NULL;
}

static const struct field *
find_field(const struct op *op, const char *name)
{
	int i;

	for (i = 0; i < FIELDS_MAX && op->fields[i].name != NULL; i++)
		if (strcmp(op->fields[i].name, name) == 0)
			return &op->fields[i];
	return NULL;
}

/* The form of one operation.  0 or EINVAL with TEXT. */
static int
check_op(const struct env *env, struct json_object *v, const struct op **opp,
    char *text, size_t size)
{
	struct json_object *name;
	const struct op *op;
	char shown[40];
	int i;

	if (!json_object_is_type(v, json_type_object) ||
	    !json_object_object_get_ex(v, "op", &name) ||
	    !json_object_is_type(name, json_type_string)) {
		snprintf(text, size, "an operation without a name");
		return EINVAL;
	}
	plain(json_object_get_string(name), shown, sizeof(shown));
	if ((op = find_op(env, json_object_get_string(name))) == NULL) {
		snprintf(text, size, "%s: no such operation", shown);
		return EINVAL;
	}
	*opp = op;
	json_object_object_foreach(v, key, value)
	{
		const struct field *f;
		char why[200];

		if (strcmp(key, "op") == 0)
			continue;
		if ((f = find_field(op, key)) == NULL) {
			plain(key, shown, sizeof(shown));
			snprintf(text, size, "%s: no such member: %s", op->name,
			    shown);
			return EINVAL;
		}
		if (!field_check(f, value, why, sizeof(why))) {
			snprintf(text, size, "%s: %s", op->name, why);
			return EINVAL;
		}
	}
	for (i = 0; i < FIELDS_MAX && op->fields[i].name != NULL; i++)
		if (op->fields[i].needed &&
		    !json_object_object_get_ex(v, op->fields[i].name, NULL)) {
			snprintf(text, size, "%s: %s is missing", op->name,
			    op->fields[i].name);
			return EINVAL;
		}
	return 0;
}

/* ---- doing it ----------------------------------------------------------- */

/* Takes back the N operations of U, last first; TEXT grows where it fails. */
static void
take_back(struct env *env, struct undo *u, int n, char *text, size_t size)
{
	size_t len;
	int error;

	while (n-- > 0) {
		if (u[n].fn == NULL || (error = u[n].fn(env, &u[n])) == 0)
			continue;
		len = strlen(text);
		snprintf(text + len, size - len, "; not undone: %s%s%s",
		    u[n].name, u[n].name[0] != '\0' ? ": " : "",
		    error_text(error));
	}
}

/* The operation NAME is one that the stack has not. */
static void
not_supported(struct call *c, const char *name)
{
	const char *why = NULL;

	if (c->env->ctl->lacks != NULL)
		why = c->env->ctl->lacks();
	fail(c, EOPNOTSUPP, "%s: %s", name,
	    why != NULL ? why : "not with this stack");
}

static struct json_object *
run_ops(struct env *env, struct json_object *list, const struct op *const *ops,
    int n)
{
	struct json_object *results = json_object_new_array_ext(n);
	char created[SHMIF_NAME_MAX] = "";
	struct undo undo[WIRE_OPS_MAX];
	struct json_object *reply;
	struct json_object *made;
	int i, done, error = 0;
	char text[1200];

	memset(undo, 0, sizeof(undo[0]) * (size_t)n);
	for (done = 0; done < n; done++) {
		struct call c = { .env = env,
			.op = json_object_array_get_idx(list, (size_t)done),
			.result = json_object_new_object(),
			.created = created,
			.undo = &undo[done] };

		error = ops[done]->fn(&c);
		if (error != 0) {
			json_object_put(c.result);
			if (c.text[0] == '\0' && error == EOPNOTSUPP)
				not_supported(&c, ops[done]->name);
			snprintf(text, sizeof(text), "%s",
			    c.text[0] != '\0' ? c.text : error_text(error));
			break;
		}
		if (strcmp(ops[done]->name, "create") == 0 &&
		    json_object_object_get_ex(c.result, "if", &made))
			snprintf(created, sizeof(created), "%s",
			    json_object_get_string(made));
		json_object_array_add(results, c.result);
	}
	if (error != 0) {
		take_back(env, undo, done, text, sizeof(text));
		reply = reply_error(env->id, done, error, text);
		json_object_put(results);
	} else if (env->ping_wanted) {
		reply = NULL;
		json_object_put(results);
	} else {
		reply = reply_ok(env->id, results, false);
	}
	for (i = 0; i < n; i++)
		free(undo[i].path);
	return reply;
}

static struct json_object *
check_and_run(struct env *env, struct json_object *list)
{
	const struct op *ops[WIRE_OPS_MAX];
	size_t i, n = json_object_array_length(list);
	char text[300];

	if (n < 1 || n > WIRE_OPS_MAX)
		return reply_error(env->id, -1, EINVAL,
		    "1 to 64 operations in a request");
	for (i = 0; i < n; i++)
		if (check_op(env, json_object_array_get_idx(list, i), &ops[i],
			text, sizeof(text)) != 0)
			return reply_error(env->id, (int)i, EINVAL, text);
	for (i = 0; i < n; i++)
		if ((ops[i]->last && i + 1 < n) || (ops[i]->only && n > 1)) {
			snprintf(text, sizeof(text),
			    "%s cannot be undone: it has to be the %s of "
			    "its request",
			    ops[i]->name, ops[i]->only ? "only one" : "last");
			return reply_error(env->id, (int)i, EINVAL, text);
		}
	return run_ops(env, list, ops, (int)n);
}

static struct json_object *
parse(const char *text, size_t len, char *why, size_t size)
{
	struct json_tokener *tok = json_tokener_new_ex(WIRE_DEPTH_MAX);
	struct json_object *o;
	enum json_tokener_error e;

	why[0] = '\0';
	if (tok == NULL)
		return NULL;
	json_tokener_set_flags(tok,
	    JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	o = json_tokener_parse_ex(tok, text, (int)len);
	e = json_tokener_get_error(tok);
	if (e != json_tokener_success) {
		snprintf(why, size, "not JSON: %s",
		    e == json_tokener_continue ? "it is cut off" :
						 json_tokener_error_desc(e));
	} else if (json_tokener_get_parse_end(tok) != len) {
		snprintf(why, size, "not JSON: something follows it");
		json_object_put(o);
		o = NULL;
	} else if (!json_object_is_type(o, json_type_object)) {
		snprintf(why, size, "not a JSON object");
		json_object_put(o);
		o = NULL;
	}
	json_tokener_free(tok);
	return o;
}

static struct json_object *
do_locked(struct env *env, const char *text, size_t len, bool *fatal)
{
	struct json_object *o, *id, *list, *reply;
	char why[200];

	env->id = -1;
	env->ping_wanted = false;
	env->hand_over = false;
	*fatal = true;
	if (memchr(text, '\0', len) != NULL)
		return reply_error(-1, -1, EPROTO, "not JSON: a NUL");
	if ((o = parse(text, len, why, sizeof(why))) == NULL)
		return reply_error(-1, -1, EPROTO, why);
	if (!json_object_object_get_ex(o, "id", &id) ||
	    !json_object_is_type(id, json_type_int) ||
	    json_object_get_int64(id) < 0 ||
	    json_object_get_int64(id) > REPLY_ID_MAX) {
		json_object_put(o);
		return reply_error(-1, -1, EPROTO, "a request without id");
	}
	*fatal = false;
	env->id = json_object_get_int64(id);
	reply = NULL;
	json_object_object_foreach(o, key, value)
	{
		(void)value;
		if (strcmp(key, "id") != 0 && strcmp(key, "do") != 0) {
			char shown[40];

			plain(key, shown, sizeof(shown));
			snprintf(why, sizeof(why), "no such member: %s", shown);
			reply = reply_error(env->id, -1, EINVAL, why);
			break;
		}
	}
	if (reply == NULL) {
		if (!json_object_object_get_ex(o, "do", &list) ||
		    !json_object_is_type(list, json_type_array))
			reply = reply_error(env->id, -1, EINVAL,
			    "nothing to do: do is missing");
		else
			reply = check_and_run(env, list);
	}
	json_object_put(o);
	return reply;
}

struct json_object *
request_do(struct env *env, const char *text, size_t len, bool *fatal)
{
	/* The server's thread and shmif_request() take turns. */
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	struct json_object *reply;

	pthread_mutex_lock(&lock);
	reply = do_locked(env, text, len, fatal);
	pthread_mutex_unlock(&lock);
	return reply;
}

int
env_init(struct env *env)
{
	static const struct stack_ctl none;

	*env = (struct env){ .stack_name = the_stack.name,
		.ctl = the_stack.ctl != NULL ? the_stack.ctl : &none,
		.ops = ops_all,
		.url = "" };
	return the_stack.find(&env->stack);
}

int
shmif_request(const char *request, char **reply)
{
	struct env env;
	struct json_object *o;
	const char *text;
	bool fatal, ok;
	int error;

	*reply = NULL;
	if ((error = env_init(&env)) != 0)
		return error;
	o = request_do(&env, request, strlen(request), &fatal);
	if (env.halt)
		kill(getpid(), SIGTERM);
	if (env.hand_over) {
		json_object_put(o);
		o = reply_error(env.id, 0, EOPNOTSUPP,
		    "sockets needs a connection");
	}
	if (o == NULL && env.ping_wanted)
		o = reply_error(env.id, 0, EOPNOTSUPP,
		    "ping needs a connection");
	if (o == NULL)
		return ENOMEM;
	text = json_object_to_json_string_ext(o,
	    JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	ok = text != NULL && (*reply = strdup(text)) != NULL;
	json_object_put(o);
	return ok ? 0 : ENOMEM;
}
