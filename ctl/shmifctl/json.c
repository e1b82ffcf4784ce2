/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * json.c - JSON, theirs and ours
 *
 * A member that is not there, or is something else than it ought to be, counts
 * as an empty one: an older server does not have all that a newer shmifctl
 * shows.
 */
#include <string.h>

#include "ctl/shmifctl/shmifctl.h"

const char *
get_string(struct json_object *obj, const char *key)
{
	struct json_object *m;

	if (!json_object_object_get_ex(obj, key, &m) ||
	    !json_object_is_type(m, json_type_string))
		return "";
	return json_object_get_string(m);
}

bool
get_bool(struct json_object *obj, const char *key)
{
	struct json_object *m;

	return json_object_object_get_ex(obj, key, &m) &&
	    json_object_is_type(m, json_type_boolean) &&
	    json_object_get_boolean(m);
}

int64_t
get_int(struct json_object *obj, const char *key)
{
	struct json_object *m;

	if (!json_object_object_get_ex(obj, key, &m) ||
	    !json_object_is_type(m, json_type_int))
		return 0;
	return json_object_get_int64(m);
}

double
get_number(struct json_object *obj, const char *key)
{
	struct json_object *m;

	if (!json_object_object_get_ex(obj, key, &m) ||
	    (!json_object_is_type(m, json_type_int) &&
		!json_object_is_type(m, json_type_double)))
		return 0;
	return json_object_get_double(m);
}

struct json_object *
get_array(struct json_object *obj, const char *key, size_t *n)
{
	struct json_object *m;

	*n = 0;
	if (!json_object_object_get_ex(obj, key, &m) ||
	    !json_object_is_type(m, json_type_array))
		return NULL;
	*n = json_object_array_length(m);
	return m;
}

void
put_clean(FILE *f, const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p != '\0';
	     p++) {
		/* Controls, and those that Unicode has beyond ASCII. */
		if (*p < ' ' || *p == 0x7f)
			putc('?', f);
		else if (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0) {
			putc('?', f);
			p++;
		} else
			putc(*p, f);
	}
}

void
put_column(const char *text, int width)
{
	put_clean(stdout, text);
	printf("%*s  ",
	    width > (int)strlen(text) ? width - (int)strlen(text) : 0, "");
}

void
put_json_line(struct json_object *obj)
{
	puts(json_object_to_json_string_ext(obj,
	    JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
}

void
put_json(struct json_object *obj)
{
	puts(json_object_to_json_string_ext(obj,
	    JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
}
