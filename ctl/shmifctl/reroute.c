/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reroute.c - route get, change, flush and delete without a way, made of the list
 * of routes and of the operations that add and remove one
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "ctl/shmifctl/shmifctl.h"
#include "ctl/wire.h"

/* Asks for all routes.  *RESULT is to be put, *LIST is of *N. */
static int
fetch(const struct call *c, struct json_object **result,
    struct json_object **list, size_t *n)
{
	struct json_object *ops = json_object_new_array();
	int status;

	op_add(ops, "routes");
	if ((status = ask(c, ops, false, result)) == OK)
		*list = get_array(*result, "routes", n);
	return status;
}

/* How many bits of A the route R covers; -1: it does not lead there. */
static int
covers(struct json_object *r, const struct addr *a)
{
	int family = strcmp(get_string(r, "family"), "inet6") == 0 ? AF_INET6 :
								     AF_INET;
	int prefix = (int)get_int(r, "prefix");
	uint8_t dst[16];

	if (family != a->family || prefix < 0 || prefix > addr_width(a) ||
	    inet_pton(family, get_string(r, "dst"), dst) != 1)
		return -1;
	for (int i = 0; i < prefix; i++)
		if ((dst[i / 8] ^ a->bytes[i / 8]) & 0x80 >> i % 8)
			return -1;
	return prefix;
}

/* The operation that removes the route R. */
static void
op_remove(struct json_object *ops, struct json_object *r)
{
	struct json_object *op = op_add(ops, "route_del");
	bool six = strcmp(get_string(r, "family"), "inet6") == 0;
	char dst[ADDR_TEXT];

	if (get_int(r, "prefix") == 0)
		snprintf(dst, sizeof(dst), "%s", six ? "default6" : "default");
	else
		snprintf(dst, sizeof(dst), "%.44s/%d", get_string(r, "dst"),
		    (int)get_int(r, "prefix"));
	op_string(op, "dst", dst);
	if (get_string(r, "via")[0] != '\0')
		op_string(op, "via", get_string(r, "via"));
	if (get_string(r, "if")[0] != '\0')
		op_string(op, "if", get_string(r, "if"));
}

int
route_get(const struct call *c, int argc, char **argv)
{
	struct json_object *result, *list, *found = NULL;
	int best = -1, status;
	char text[ADDR_TEXT];
	struct addr a;
	size_t n;

	if (argc != 1)
		return complain(USAGE, "route get: which address?");
	if ((status = text_addr(argv[0], AF_UNSPEC, &a)) != OK)
		return status;
	if (a.prefix != -1)
		return complain(FAILED, "%s: one address, please", argv[0]);
	if ((status = fetch(c, &result, &list, &n)) != OK)
		return status;
	for (size_t i = 0; i < n; i++) {
		struct json_object *r = json_object_array_get_idx(list, i);
		int bits = covers(r, &a);

		if (a.zone[0] != '\0' &&
		    strcmp(a.zone, get_string(r, "if")) != 0)
			continue;
		if (bits > best) {
			best = bits;
			found = r;
		}
	}
	if (found == NULL)
		status = complain(FAILED, "%s: no route leads there", argv[0]);
	else if (c->json)
		put_json(found);
	else {
		fputs(addr_text(&a, text), stdout);
		if (get_string(found, "via")[0] != '\0') {
			fputs(" via ", stdout);
			put_clean(stdout, get_string(found, "via"));
		}
		fputs(" dev ", stdout);
		put_clean(stdout, get_string(found, "if"));
		putchar('\n');
	}
	json_object_put(result);
	return status;
}

/* Whether the operation OP adds a route to where R leads. */
static bool
same_destination(struct json_object *op, struct json_object *r)
{
	const char *dst = get_string(op, "dst");
	bool six = strcmp(get_string(r, "family"), "inet6") == 0;
	char text[ADDR_TEXT];

	if (get_int(r, "prefix") == 0)
		return strcmp(dst, six ? "default6" : "default") == 0;
	snprintf(text, sizeof(text), "%.44s/%d", get_string(r, "dst"),
	    (int)get_int(r, "prefix"));
	return strcmp(dst, text) == 0;
}

int
route_change(const struct call *c, int argc, char **argv)
{
	static char add[] = "add";
	struct json_object *ops = json_object_new_array(), *wanted, *op;
	struct json_object *result = NULL, *list;
	size_t n;
	int status;

	wanted = json_object_new_array();
	argv[0] = add;
	if ((status = route_parse(argc, argv, wanted)) != OK ||
	    (status = fetch(c, &result, &list, &n)) != OK)
		goto out;
	op = json_object_array_get_idx(wanted, 0);
	for (size_t i = 0; i < n; i++) {
		struct json_object *r = json_object_array_get_idx(list, i);

		if (same_destination(op, r))
			op_remove(ops, r);
	}
	json_object_put(result);
	if (json_object_array_length(ops) == 0) {
		status = complain(FAILED, "%s: there is no such route",
		    get_string(op, "dst"));
		goto out;
	}
	json_object_array_add(ops, json_object_get(op));
	status = ask(c, ops, false, &result);
	ops = NULL; /* ask() took it */
	if (status == OK)
		json_object_put(result);
out:
	json_object_put(ops);
	json_object_put(wanted);
	return status;
}

int
route_delete_one(const struct call *c, const char *dst, int family)
{
	bool any = strcmp(dst, "default") == 0 && family == AF_UNSPEC;
	struct json_object *ops, *op, *result, *list, *found = NULL;
	unsigned count = 0;
	size_t n;
	int status;

	if (strcmp(dst, "default") == 0 && family == AF_INET6)
		dst = "default6";
	if ((status = fetch(c, &result, &list, &n)) != OK)
		return status;
	op = json_object_new_object();
	op_string(op, "dst", dst);
	for (size_t i = 0; i < n; i++) {
		struct json_object *r = json_object_array_get_idx(list, i);

		if (same_destination(op, r) ||
		    (any && get_int(r, "prefix") == 0)) {
			found = r;
			count++;
		}
	}
	json_object_put(op);
	if (count != 1) {
		json_object_put(result);
		return complain(FAILED,
		    count == 0 ? "route delete %s: there is none" :
				 "route delete %s: there are several: by which "
				 "gateway or -interface?",
		    dst);
	}
	ops = json_object_new_array();
	op_remove(ops, found);
	json_object_put(result);
	if ((status = ask(c, ops, false, &result)) == OK)
		json_object_put(result);
	return status;
}

int
route_flush(const struct call *c, int argc, char **argv)
{
	struct json_object *result, *list, *ops, *done;
	size_t n, i = 0;
	int status;

	if (argc > 0)
		return complain(USAGE,
		    "route flush: %s: nothing comes after it", argv[0]);
	if ((status = fetch(c, &result, &list, &n)) != OK)
		return status;
	while (status == OK && i < n) {
		ops = json_object_new_array();
		for (; i < n && json_object_array_length(ops) < WIRE_OPS_MAX;
		     i++) {
			struct json_object *r = json_object_array_get_idx(list,
			    i);

			/* Those to the networks of addresses stay. */
			if (get_string(r, "via")[0] != '\0' &&
			    (c->family == AF_UNSPEC ||
				(c->family == AF_INET6) ==
				    (strcmp(get_string(r, "family"), "inet6") ==
					0)))
				op_remove(ops, r);
		}
		if (json_object_array_length(ops) == 0)
			json_object_put(ops);
		else if ((status = ask(c, ops, false, &done)) == OK)
			json_object_put(done);
	}
	json_object_put(result);
	return status;
}
