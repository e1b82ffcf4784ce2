/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * options.c - the list of interfaces that shmif_server may be given
 *
 * DOC: The grammar is that of View-OS's gateway to lwipv6, with shN and slN
 * added: items, comma separated, a comma within single or double quotes being
 * part of its item.  An item is letters of a kind, a digit, and, after an equals
 * sign, what the interface is connected to.  Naming vd4 makes vd0 to vd4; the
 * last item of a name counts.  ra=FILE is the configuration of router
 * advertising, which interfaces made by a list that has it may send.
 *
 * Which kinds of interfaces there are, the library is asked: they depend on the
 * stack.  The list is turned into one request to it, so that either all of it is
 * made or nothing.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shmif/shmif.h"

#include "ctl/shmif_server/options.h"

#define DIGITS 10

#define KINDS_MAX 32
#define UNIT "shmif" /* the kind that the list calls sh */

/* What the library can make, in the order in which it is made. */
struct kind {
	const char *name; /* as in shmif_ctl(5) */
	bool path, radv;
};

static struct {
	struct json_object *hello; /* its reply, which the rest points into */
	const char *stack;
	struct kind kind[KINDS_MAX];
	size_t kinds;
} library;

struct wanted {
	int count[KINDS_MAX]; /* how many interfaces of each kind */
	char *path[KINDS_MAX][DIGITS];
	char *radv;
};

/* The letters in the list that stand for the kind K. */
static const char *
letters(const struct kind *k)
{
	return strcmp(k->name, UNIT) == 0 ? "sh" : k->name;
}

/* Says which kinds there are, of which ITEM is none. */
static void
complain_kind(const char *item)
{
	char all[KINDS_MAX * 12] = "";
	size_t k, len = 0;

	for (k = 0; k < library.kinds; k++)
		len += (size_t)snprintf(all + len, sizeof(all) - len, "%.8sN, ",
		    letters(&library.kind[k]));
	complain("-o: %s: not %sra=FILE", item, all);
}

static int
one_item(struct wanted *w, char *item)
{
	char *value = strchr(item, '=');
	size_t k, len = 0;
	int n;

	if (value != NULL)
		*value++ = '\0';
	if (value != NULL && *value == '\0') {
		complain("-o: %s=: nothing follows", item);
		return -1;
	}
	if (strcmp(item, "ra") == 0) {
		if (value == NULL) {
			complain("-o: ra: which file?");
			return -1;
		}
		w->radv = value;
		return 0;
	}
	for (k = 0; k < library.kinds; k++) {
		len = strlen(letters(&library.kind[k]));
		if (strncmp(item, letters(&library.kind[k]), len) == 0)
			break;
	}
	if (k == library.kinds || item[len] < '0' || item[len] > '9' ||
	    item[len + 1] != '\0') {
		complain_kind(item);
		return -1;
	}
	if (value != NULL && !library.kind[k].path) {
		complain("-o: %s: cannot be connected to anything", item);
		return -1;
	}
	n = item[len] - '0';
	w->path[k][n] = value;
	if (n + 1 > w->count[k])
		w->count[k] = n + 1;
	return 0;
}

/* Splits LIST in place into items, and removes quotes. */
static int
split(struct wanted *w, char *list)
{
	char *from = list, *to, *item;
	char quote;

	while (*from != '\0') {
		item = to = from;
		quote = '\0';
		for (; *from != '\0' && (quote != '\0' || *from != ',');
		     from++) {
			if (quote != '\0' && *from == quote)
				quote = '\0';
			else if (quote == '\0' &&
			    (*from == '\'' || *from == '"'))
				quote = *from;
			else
				*to++ = *from;
		}
		if (quote != '\0') {
			complain("-o: a %c that does not end", quote);
			return -1;
		}
		if (*from == ',')
			from++;
		*to = '\0';
		if (*item != '\0' && one_item(w, item) != 0)
			return -1;
	}
	return 0;
}

static void
add_string(struct json_object *o, const char *key, const char *value)
{
	json_object_object_add(o, key, json_object_new_string(value));
}

/*
 * Does what LIST says, which is put.  Returns the results, to be put; NULL: it
 * failed, and the library's message was shown.
 */
static struct json_object *
request(struct json_object *list)
{
	struct json_object *q = json_object_new_object(), *r = NULL, *e, *text;
	struct json_object *results = NULL;
	char *reply = NULL;
	int error;

	json_object_object_add(q, "id", json_object_new_int(1));
	json_object_object_add(q, "do", list);
	error = shmif_request(json_object_to_json_string(q), &reply);
	if (error != 0)
		complain("%s", strerror(error));
	else
		r = json_tokener_parse(reply);
	if (json_object_object_get_ex(r, "results", &e))
		results = json_object_get(e);
	else if (json_object_object_get_ex(r, "error", &e) &&
	    json_object_object_get_ex(e, "text", &text))
		complain("%s", json_object_get_string(text));
	json_object_put(r);
	json_object_put(q);
	free(reply);
	return results;
}

/* An operation called NAME. */
static struct json_object *
operation(const char *name)
{
	struct json_object *o = json_object_new_object();

	add_string(o, "op", name);
	return o;
}

static const char *
string_of(struct json_object *o, const char *key)
{
	struct json_object *v;

	return json_object_object_get_ex(o, key, &v) ?
	    json_object_get_string(v) :
	    "";
}

static bool
bool_of(struct json_object *o, const char *key)
{
	struct json_object *v;

	return json_object_object_get_ex(o, key, &v) &&
	    json_object_get_boolean(v);
}

int
options_ask(void)
{
	struct json_object *ops = json_object_new_array(), *results, *list;
	size_t i;

	json_object_array_add(ops, operation("hello"));
	if ((results = request(ops)) == NULL)
		return -1;
	library.hello = json_object_get(json_object_array_get_idx(results, 0));
	json_object_put(results);
	library.stack = string_of(library.hello, "stack");
	if (!json_object_object_get_ex(library.hello, "kinds", &list))
		return 0;
	for (i = 0; i < json_object_array_length(list) && i < KINDS_MAX; i++) {
		struct json_object *k = json_object_array_get_idx(list, i);

		library.kind[library.kinds++] = (struct kind){
			.name = string_of(k, "name"),
			.path = bool_of(k, "path"),
			.radv = bool_of(k, "radv"),
		};
	}
	return 0;
}

const char *
options_stack(void)
{
	return library.stack;
}

static struct json_object *
creation(const struct wanted *w, size_t k, int n, bool verbose)
{
	const struct kind *kind = &library.kind[k];
	struct json_object *o = operation("create"), *flags;
	char name[16];

	snprintf(name, sizeof(name), "%s%d", kind->name, n);
	add_string(o, "if", name);
	if (w->path[k][n] != NULL)
		add_string(o, "path", w->path[k][n]);
	if (w->radv != NULL && kind->radv) {
		flags = json_object_new_array();
		json_object_array_add(flags, json_object_new_string("radv"));
		json_object_object_add(o, "flags", flags);
	}
	if (verbose)
		complain("%s%s%s", name, w->path[k][n] != NULL ? ": " : "",
		    w->path[k][n] != NULL ? w->path[k][n] : "");
	return o;
}

int
options_apply(const char *list, bool verbose)
{
	struct json_object *ops = json_object_new_array(), *o, *results;
	struct wanted w = { .radv = NULL };
	char *copy = strdup(list);
	int result = -1, n;
	size_t k;

	if (copy == NULL || split(&w, copy) != 0)
		goto out;
	for (k = 0; k < library.kinds; k++)
		for (n = 0; n < w.count[k]; n++)
			json_object_array_add(ops, creation(&w, k, n, verbose));
	if (w.radv != NULL) {
		o = operation("radv");
		add_string(o, "file", w.radv);
		json_object_array_add(ops, o);
	}
	if (json_object_array_length(ops) == 0) {
		complain("-o: the list is empty");
		goto out;
	}
	results = request(ops);
	ops = NULL;
	result = results != NULL ? 0 : -1;
	json_object_put(results);
out:
	json_object_put(ops);
	free(copy);
	return result;
}

int
options_forward(void)
{
	struct json_object *ops = json_object_new_array(), *results;
	struct json_object *o = operation("forward");

	json_object_object_add(o, "on", json_object_new_boolean(1));
	json_object_array_add(ops, o);
	results = request(ops);
	json_object_put(results);
	return results != NULL ? 0 : -1;
}
