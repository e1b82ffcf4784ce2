/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server.c - what concerns the stack, or its process, as a whole
 */
#include <inttypes.h>
#include <string.h>
#include <stdlib.h>

#include "ctl/shmifctl/shmifctl.h"

static struct json_object *
one_op(const char *op)
{
	struct json_object *ops = json_object_new_array();

	op_add(ops, op);
	return ops;
}

int
verb_server(const struct call *c, int argc, char **argv)
{
	struct json_object *r;
	int status;

	if (argc > 0)
		return complain(USAGE, "server: %s: one word too many",
		    argv[0]);
	if ((status = ask(c, one_op("hello"), false, &r)) != OK)
		return status;
	if (c->json)
		put_json(r);
	else {
		put_clean(stdout, get_string(r, "server"));
		putchar(' ');
		put_clean(stdout, get_string(r, "version"));
		printf(": protocol %" PRId64 " pid %" PRId64 " stack ",
		    get_int(r, "protocol"), get_int(r, "pid"));
		put_clean(stdout, get_string(r, "stack"));
		printf(" forward %s\n",
		    get_bool(r, "forwarding") ? "on" : "off");
	}
	json_object_put(r);
	return OK;
}

int
verb_forward(const struct call *c, int argc, char **argv)
{
	struct json_object *ops, *r;
	bool on;
	int status;

	if (argc != 1)
		return complain(USAGE, "forward: on or off?");
	on = strcmp(argv[0], "on") == 0;
	if (!on && strcmp(argv[0], "off") != 0)
		return complain(FAILED, "forward: %s: on or off it is",
		    argv[0]);
	ops = one_op("forward");
	op_bool(json_object_array_get_idx(ops, 0), "on", on);
	if ((status = ask(c, ops, false, &r)) == OK)
		json_object_put(r);
	return status;
}

/* Sends router advertisements as the file says. */
int
verb_radv(const struct call *c, int argc, char **argv)
{
	struct json_object *ops, *r;
	char *path;
	int status;

	if (argc != 1)
		return complain(USAGE, "radv: which configuration file?");
	if ((status = text_path(argv[0], &path)) != OK)
		return status;
	ops = one_op("radv");
	op_string(json_object_array_get_idx(ops, 0), "file", path);
	free(path);
	if ((status = ask(c, ops, false, &r)) == OK)
		json_object_put(r);
	return status;
}

/* Returns when the server's socket is gone. */
int
verb_halt(const struct call *c, int argc, char **argv)
{
	struct json_object *reply;
	struct server s;
	int status;

	if (argc > 0)
		return complain(USAGE, "halt: %s: one word too many", argv[0]);
	if ((status = server_ask(&s, c, one_op("halt"))) != OK)
		return status;
	/* One that was ending already, by a signal or another halt, says nothing. */
	if (!server_is_gone(&s) &&
	    (status = server_reply(&s, &reply, NULL)) == OK) {
		json_object_put(reply);
		server_gone(&s);
	}
	server_close(&s);
	return status;
}
