/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reply.c - the replies of the control protocol, whoever gives them
 */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "ctl/reply.h"

static struct json_object *
id_object(int64_t id)
{
	return id < 0 ? NULL : json_object_new_int64(id);
}

struct json_object *
reply_error(int64_t id, int at, int error, const char *text)
{
	struct json_object *reply = json_object_new_object();
	struct json_object *e = json_object_new_object();
	const char *name = strerrorname_np(error);
	char number[24];

	if (name == NULL) {
		/* The system has no name for the errors that shmbus.h adds. */
		snprintf(number, sizeof(number), "E%d", error);
		name = number;
	}
	json_object_object_add(reply, "id", id_object(id));
	json_object_object_add(reply, "ok", json_object_new_boolean(0));
	json_object_object_add(e, "at",
	    at < 0 ? NULL : json_object_new_int(at));
	json_object_object_add(e, "errno", json_object_new_string(name));
	json_object_object_add(e, "text", json_object_new_string(text));
	json_object_object_add(reply, "error", e);
	return reply;
}

struct json_object *
reply_ok(int64_t id, struct json_object *results, bool more)
{
	struct json_object *reply = json_object_new_object();

	json_object_object_add(reply, "id", id_object(id));
	json_object_object_add(reply, "ok", json_object_new_boolean(1));
	if (more)
		json_object_object_add(reply, "more",
		    json_object_new_boolean(1));
	json_object_object_add(reply, "results", results);
	return reply;
}

struct json_object *
reply_one(int64_t id, struct json_object *result, bool more)
{
	struct json_object *results = json_object_new_array_ext(1);

	json_object_array_add(results, result);
	return reply_ok(id, results, more);
}
