/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * field.c - the form of what operations are told
 */
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "ctl/serve/server.h"

#define STRING_MAX 4096

static const struct {
	const char *name;
	unsigned flag;
} flags[] = {
	{ "nocreate", SHMIF_NOCREATE },
	{ "noautoconf", SHMIF_NOAUTOCONF },
	{ "radv", SHMIF_RADV },
	{ "promisc", SHMIF_PROMISC },
};
#define FLAGS (sizeof(flags) / sizeof(flags[0]))

/* Whether S is letters and then digits, which ANY makes optional. */
static bool
is_name(const char *s, bool any)
{
	size_t letters = strspn(s, "abcdefghijklmnopqrstuvwxyz");
	size_t digits = strspn(s + letters, "0123456789");

	return letters >= 2 && letters + digits == strlen(s) &&
	    letters + digits < SHMIF_NAME_MAX && (any || digits > 0);
}

/* The flag that V names; 0: none. */
static unsigned
one_flag(struct json_object *v)
{
	size_t i;

	for (i = 0; json_object_is_type(v, json_type_string) && i < FLAGS; i++)
		if (strcmp(flags[i].name, json_object_get_string(v)) == 0)
			return flags[i].flag;
	return 0;
}

static bool
is_flags(struct json_object *v)
{
	size_t i;

	if (!json_object_is_type(v, json_type_array))
		return false;
	for (i = 0; i < json_object_array_length(v); i++)
		if (one_flag(json_object_array_get_idx(v, i)) == 0)
			return false;
	return true;
}

unsigned
field_flags(struct json_object *v)
{
	unsigned all = 0;
	size_t i;

	for (i = 0; i < json_object_array_length(v); i++)
		all |= one_flag(json_object_array_get_idx(v, i));
	return all;
}

/* Whether the string S has the form of TYPE; *WANTED says which. */
static bool
string_check(enum field_type type, const char *s, const char **wanted)
{
	unsigned prefix;
	uint8_t b[16];

	switch (type) {
	case FIELD_IF:
		*wanted = "not the name of an interface";
		return strcmp(s, "$") == 0 || is_name(s, false);
	case FIELD_NEW_IF:
		*wanted = "not the name of an interface";
		return is_name(s, true);
	case FIELD_ADDR:
		*wanted = "not an address";
		return addr_parse(s, b, &prefix);
	case FIELD_HOST:
		*wanted = "not an address";
		return addr_parse(s, b, &prefix) && strchr(s, '/') == NULL;
	case FIELD_DST:
		*wanted = "not a destination";
		return dst_parse(s, b, &prefix);
	case FIELD_MAC:
		*wanted = "not a hardware address";
		return mac_parse(s, b) && !(b[0] & 1) &&
		    (b[0] | b[1] | b[2] | b[3] | b[4] | b[5]) != 0;
	case FIELD_FAMILY:
		*wanted = "neither inet nor inet6";
		return strcmp(s, "inet") == 0 || strcmp(s, "inet6") == 0;
	default:
		*wanted = "empty or too long";
		return s[0] != '\0' && strlen(s) < STRING_MAX;
	}
}

bool
field_check(const struct field *f, struct json_object *v, char *text,
    size_t size)
{
	const char *wanted;
	char shown[64];
	int64_t n;

	switch (f->type) {
	case FIELD_BOOL:
		snprintf(text, size, "%s: neither true nor false", f->name);
		return json_object_is_type(v, json_type_boolean);
	case FIELD_INT:
		snprintf(text, size,
		    "%s: not a number from %" PRId64 " to %" PRId64, f->name,
		    f->min, f->max);
		n = json_object_get_int64(v);
		return json_object_is_type(v, json_type_int) && n >= f->min &&
		    n <= f->max;
	case FIELD_FLAGS:
		snprintf(text, size, "%s: not a list of flags", f->name);
		return is_flags(v);
	default:
		break;
	}
	if (f->type == FIELD_STRING0 && v == NULL)
		return true;
	snprintf(text, size, "%s: not a string", f->name);
	if (!json_object_is_type(v, json_type_string) ||
	    strlen(json_object_get_string(v)) !=
		(size_t)json_object_get_string_len(v))
		return false;
	if (string_check(f->type, json_object_get_string(v), &wanted))
		return true;
	plain(json_object_get_string(v), shown, sizeof(shown));
	snprintf(text, size, "%s: %s: %s", f->name, wanted, shown);
	return false;
}
