/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wait.c - the word wait: until the addresses of an interface are its own
 *
 * DOC: An address is tentative for up to two seconds, while others on the bus may
 * object to it.  Wait asks for the interface again and again until none is
 * tentative any more.  It fails when somebody else has an address: one of those
 * that this call added, or, where it added none, any that is
 * defended or was lost since.  What is remembered of an
 * address that is tried anew does not count before it is decided.
 *
 * With dhcp it waits until there is an IPv4 address as well.
 */
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "ctl/shmifctl/shmifctl.h"

#define PATIENCE_NS 30000000000u

/* Whether ADDR is in LIST, of strings with a prefix. */
static bool
is_in(struct json_object *list, const char *addr)
{
	size_t len = strlen(addr);

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		const char *s = json_object_get_string(
		    json_object_array_get_idx(list, i));

		if (strncmp(s, addr, len) == 0 &&
		    (s[len] == '/' || s[len] == '\0'))
			return true;
	}
	return false;
}

/* Whether ADDR of the interface I is tentative. */
static bool
is_tentative(struct json_object *i, const char *addr)
{
	struct json_object *list;
	size_t n;

	list = get_array(i, "addresses", &n);
	for (size_t j = 0; j < n; j++) {
		struct json_object *a = json_object_array_get_idx(list, j);

		if (strcmp(get_string(a, "addr"), addr) == 0)
			return strcmp(get_string(a, "state"), "tentative") == 0;
	}
	return false;
}

/* Whether addresses of I are still to be decided, or to come. */
static bool
is_undecided(struct json_object *i)
{
	bool any4 = false;
	struct json_object *list;
	size_t n;

	list = get_array(i, "addresses", &n);
	for (size_t j = 0; j < n; j++) {
		struct json_object *a = json_object_array_get_idx(list, j);

		if (strcmp(get_string(a, "state"), "tentative") == 0)
			return true;
		any4 |= strcmp(get_string(a, "family"), "inet") == 0;
	}
	return get_bool(i, "dhcp") && !any4;
}

/* Says which address of WANTED, or with none of all, somebody else has. */
static int
conflict(const char *ifname, struct json_object *i, struct json_object *wanted,
    uint64_t since_ns)
{
	int64_t waited_s = (int64_t)((now_ns() - since_ns) / 1000000000u);
	struct json_object *list;
	size_t n;

	list = get_array(i, "duplicates", &n);
	for (size_t j = 0; j < n; j++) {
		struct json_object *d = json_object_array_get_idx(list, j);
		const char *addr = get_string(d, "addr");

		if (json_object_array_length(wanted) > 0 ?
			!is_in(wanted, addr) :
			!get_bool(d, "kept") && get_int(d, "age_s") > waited_s)
			continue;
		if (!is_tentative(i, addr))
			return complain(FAILED,
			    "%s: %s: duplicate (owner %s): %s", ifname, addr,
			    get_string(d, "mac"),
			    get_bool(d, "kept") ? "defended" : "not used");
	}
	return OK;
}

/* One look.  *DONE: there is nothing more to wait for. */
static int
look(const struct call *c, const char *ifname, struct json_object *wanted,
    uint64_t since_ns, bool *done)
{
	struct json_object *ops = json_object_new_array(), *result, *i;
	size_t n;
	int status;

	op_string(op_add(ops, "show"), "if", ifname);
	if ((status = ask(c, ops, false, &result)) != OK)
		return status;
	i = json_object_array_get_idx(get_array(result, "interfaces", &n), 0);
	if (!get_bool(i, "up"))
		status = complain(FAILED, "%s: wait: it is down", ifname);
	else if (!get_bool(i, "running"))
		status = complain(FAILED, "%s: wait: no carrier", ifname);
	else
		status = conflict(ifname, i, wanted, since_ns);
	*done = !is_undecided(i);
	json_object_put(result);
	return status;
}

int
wait_for(const struct call *c, const char *ifname, struct json_object *wanted)
{
	const struct timespec nap = { .tv_nsec = 50000000 };
	uint64_t since = now_ns();
	bool done = false;
	int status;

	for (;;) {
		if ((status = look(c, ifname, wanted, since, &done)) != OK ||
		    done)
			return status;
		if (now_ns() - since >= PATIENCE_NS)
			return complain(FAILED,
			    "%s: wait: nothing was decided in 30 s", ifname);
		nanosleep(&nap, NULL);
	}
}
