/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * options.c - the list of interfaces that shmif_server may be given
 *
 * DOC: The grammar is that of View-OS's gateway to lwipv6, with shN and slN
 * added: items, comma separated, a comma within single or double quotes being
 * part of its item.  An item is two letters, a digit, and, after an equals
 * sign, what the interface is connected to.  Naming vd4 makes vd0 to vd4; the
 * last item of a name counts.  ra=FILE is the configuration of router
 * advertising, which interfaces made by a list that has it may send.
 *
 * The list is turned into one request to our own library, so that either all
 * of it is made or nothing.
 */
#include <json-c/json.h>
#include "shmif/shmif.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/shmif_server/options.h"

#define DIGITS 10

struct kind {
	char letters[3];
	const char *name; /* as in shmif_ctl(5) */
	bool path_possible;
};

/* In the order in which they are made. */
static const struct kind kinds[] = {
	{ "vd", "vd", true },
	{ "tn", "tn", true },
	{ "tp", "tp", true },
	{ "sl", "sl", false },
	{ "sh", "shmif", true },
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

struct wanted {
	int count[KINDS]; /* so many of each */
	char *path[KINDS][DIGITS];
	char *radv;
};

static int
one_item(struct wanted *w, char *item)
{
	char *value = strchr(item, '=');
	size_t k;
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
	for (k = 0; k < KINDS; k++)
		if (strncmp(item, kinds[k].letters, 2) == 0)
			break;
	if (k == KINDS || item[2] < '0' || item[2] > '9' || item[3] != '\0') {
		complain("-o: %s: not shN, vdN, tpN, tnN, slN or ra", item);
		return -1;
	}
	if (value != NULL && !kinds[k].path_possible) {
		complain("-o: %s: cannot be connected to anything", item);
		return -1;
	}
	n = item[2] - '0';
	w->path[k][n] = value;
	if (n + 1 > w->count[k])
		w->count[k] = n + 1;
	return 0;
}

/* Splits LIST, in place.  Quotes go. */
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

/* Does what LIST says, which is put.  0, or -1 with the server's message. */
static int
request(struct json_object *list)
{
	struct json_object *q = json_object_new_object(), *r = NULL, *e, *text;
	char *reply = NULL;
	int result = -1, error;

	json_object_object_add(q, "id", json_object_new_int(1));
	json_object_object_add(q, "do", list);
	error = shmif_request(json_object_to_json_string(q), &reply);
	if (error != 0)
		complain("%s", strerror(error));
	else
		r = json_tokener_parse(reply);
	if (json_object_object_get_ex(r, "ok", &e) &&
	    json_object_get_boolean(e))
		result = 0;
	else if (json_object_object_get_ex(r, "error", &e) &&
	    json_object_object_get_ex(e, "text", &text))
		complain("%s", json_object_get_string(text));
	json_object_put(r);
	json_object_put(q);
	free(reply);
	return result;
}

static struct json_object *
creation(const struct wanted *w, size_t k, int n, bool verbose)
{
	struct json_object *o = json_object_new_object();
	struct json_object *flags;
	char name[16];

	snprintf(name, sizeof(name), "%s%d", kinds[k].name, n);
	add_string(o, "op", "create");
	add_string(o, "if", name);
	if (w->path[k][n] != NULL)
		add_string(o, "path", w->path[k][n]);
	if (w->radv != NULL && strcmp(kinds[k].letters, "sl") != 0) {
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
	struct json_object *ops = json_object_new_array(), *o;
	struct wanted w = { .radv = NULL };
	char *copy = strdup(list);
	int result = -1, n;
	size_t k;

	if (copy == NULL || split(&w, copy) != 0)
		goto out;
	for (k = 0; k < KINDS; k++)
		for (n = 0; n < w.count[k]; n++)
			json_object_array_add(ops, creation(&w, k, n, verbose));
	if (w.radv != NULL) {
		o = json_object_new_object();
		add_string(o, "op", "radv");
		add_string(o, "file", w.radv);
		json_object_array_add(ops, o);
	}
	if (json_object_array_length(ops) == 0) {
		complain("-o: the list is empty");
		goto out;
	}
	result = request(ops);
	ops = NULL;
out:
	json_object_put(ops);
	free(copy);
	return result;
}

int
options_forward(void)
{
	struct json_object *ops = json_object_new_array();
	struct json_object *o = json_object_new_object();

	add_string(o, "op", "forward");
	json_object_object_add(o, "on", json_object_new_boolean(1));
	json_object_array_add(ops, o);
	return request(ops);
}
