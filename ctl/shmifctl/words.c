/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * words.c - the words of ifconfig about one interface
 *
 * DOC: Words
 *
 * A table has a line for each word: what value has to follow it, and which
 * operation it becomes.  Each word becomes one operation, in the order in which
 * they were said; "create" comes first and "destroy" last.  Only "inet" and
 * "inet6" look at further words behind their address.
 *
 * In a call that creates an interface its name may not be known yet ("shmif"
 * stands for the next free unit): the operations call it "$".
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/number.h"
#include "ctl/shmifctl/shmifctl.h"

struct words {
	const char *ifname; /* as it was said */
	const char *name;   /* what operations call it */
	struct json_object *ops;
	struct json_object *create; /* that operation, where there is one */
	bool destroyed;
	bool waits; /* for what becomes of the addresses */
	int argc;   /* what is left of the words */
	char **argv;
};

struct word {
	const char *name;
	const char *value; /* what has to follow; NULL: nothing */
	int (*parse)(struct words *w, const struct word *word,
	    const char *value);
	const char *op;
	bool on;
};

/* The operation OP on the interface. */
static struct json_object *
add(struct words *w, const char *op)
{
	struct json_object *o = op_add(w->ops, op);

	op_string(o, "if", w->name);
	return o;
}

/* Whether the interface is a shmif, whose link string is the path of a bus. */
static bool
is_shmif(const struct words *w)
{
	static const char kind[] = "shmif";

	return strncmp(w->ifname, kind, strlen(kind)) == 0 &&
	    strspn(w->ifname + strlen(kind), "0123456789") ==
	    strlen(w->ifname + strlen(kind));
}

static int
parse_plain(struct words *w, const struct word *word, const char *value)
{
	(void)value;
	add(w, word->op);
	return OK;
}

static int
parse_switch(struct words *w, const struct word *word, const char *value)
{
	(void)value;
	op_bool(add(w, word->op), "on", word->on);
	return OK;
}

static int
parse_create(struct words *w, const struct word *word, const char *value)
{
	(void)value;
	if (json_object_array_length(w->ops) != 0)
		return complain(FAILED, "%s: create is the first word, or none",
		    w->ifname);
	w->create = op_add(w->ops, word->op);
	op_string(w->create, "if", w->ifname);
	w->name = "$";
	return OK;
}

/* Adds FLAG to those of the interface that is created. */
static void
create_flag(struct words *w, const char *flag)
{
	struct json_object *flags;

	if (!json_object_object_get_ex(w->create, "flags", &flags)) {
		flags = json_object_new_array();
		json_object_object_add(w->create, "flags", flags);
	}
	json_object_array_add(flags, json_object_new_string(flag));
}

static int
parse_radv(struct words *w, const struct word *word, const char *value)
{
	(void)value;
	if (w->create == NULL)
		return complain(FAILED, "%s: %s: only along with create",
		    w->ifname, word->name);
	create_flag(w, word->op);
	return OK;
}

static int
parse_autoconf(struct words *w, const struct word *word, const char *value)
{
	/* Before it was ever on, there is nothing to wait for. */
	if (w->create != NULL && !word->on) {
		create_flag(w, "noautoconf");
		return OK;
	}
	return parse_switch(w, word, value);
}

static int
parse_destroy(struct words *w, const struct word *word, const char *value)
{
	(void)value;
	add(w, word->op);
	w->destroyed = true;
	return OK;
}

static int
parse_wait(struct words *w, const struct word *word, const char *value)
{
	(void)word;
	(void)value;
	w->waits = true;
	return OK;
}

static int
parse_linkstr(struct words *w, const struct word *word, const char *value)
{
	char *path = NULL;
	int status;

	if (!word->on) {
		op_string(add(w, word->op), "path", NULL);
		return OK;
	}
	/*
	 * A VDE network, or the name of a tap: where there is a file of that
	 * name it is meant, as vde_plug(1) has it.
	 */
	if (!is_shmif(w) && access(value, F_OK) != 0) {
		if (value[0] == '\0' || !text_utf8(value))
			return complain(FAILED, "%s: %s: not a link string",
			    w->ifname, value);
		path = strdup(value);
	} else if ((status = text_path(value, &path)) != OK)
		return status;
	/* Other kinds are connected when they are created, and never again. */
	if (!is_shmif(w) && w->create != NULL)
		op_string(w->create, "path", path);
	else
		op_string(add(w, word->op), "path", path);
	free(path);
	return OK;
}

static int
parse_mtu(struct words *w, const struct word *word, const char *value)
{
	unsigned long mtu;

	if (!number_parse(value, 65535, &mtu) || mtu == 0)
		return complain(FAILED, "%s: mtu %s: not an MTU", w->ifname,
		    value);
	op_int(add(w, word->op), "mtu", (int64_t)mtu);
	return OK;
}

static int
parse_mac(struct words *w, const struct word *word, const char *value)
{
	char mac[MAC_TEXT];
	int status = text_mac(value, mac);

	/* So that a link-local address that is made at once has it. */
	if (status == OK)
		op_string(w->create != NULL && is_shmif(w) ? w->create :
							     add(w, word->op),
		    "mac", mac);
	return status;
}

static int
parse_media(struct words *w, const struct word *word, const char *value)
{
	bool on = strcmp(value, "auto") == 0;

	if (!on && strcmp(value, "none") != 0)
		return complain(FAILED, "%s: media %s: auto or none it is",
		    w->ifname, value);
	op_bool(add(w, word->op), "on", on);
	return OK;
}

/* Whether an interface may have the address A. */
static bool
may_have(const struct addr *a)
{
	const struct in6_addr *six = (const struct in6_addr *)a->bytes;

	if (a->family == AF_INET)
		return a->bytes[0] != 0 && a->bytes[0] < 224;
	return !IN6_IS_ADDR_UNSPECIFIED(six) && !IN6_IS_ADDR_MULTICAST(six);
}

/* The prefix that ifconfig takes where none is said. */
static int
usual_prefix(const struct addr *a)
{
	if (a->family == AF_INET6)
		return 64;
	return a->bytes[0] < 128 ? 8 : a->bytes[0] < 192 ? 16 : 24;
}

/* Takes NETMASK or PREFIXLEN with what follows, for A. */
static int
parse_width(struct words *w, const char *what, struct addr *a)
{
	unsigned long n;

	if (w->argc == 0)
		return complain(USAGE, "%s: %s what?", w->ifname, what);
	if (a->prefix != -1)
		return complain(FAILED, "%s: %s: the prefix was said already",
		    w->ifname, what);
	w->argc--;
	if (what[0] == 'n')
		return text_mask(*w->argv++, &a->prefix);
	if (!number_parse(*w->argv, (unsigned long)addr_width(a), &n))
		return complain(FAILED,
		    "%s: prefixlen %s: it is a number from 0 to %d", w->ifname,
		    *w->argv, addr_width(a));
	a->prefix = (int)n;
	w->argv++;
	return OK;
}

static int
parse_inet(struct words *w, const struct word *word, const char *value)
{
	enum { SET, ADD, DELETE } what = SET;
	int family = word->on ? AF_INET6 : AF_INET;
	struct json_object *op;
	char text[ADDR_TEXT];
	struct addr a;
	int status = text_addr(value, family, &a);

	if (status != OK)
		return status;
	if (!may_have(&a) ||
	    (a.zone[0] != '\0' && strcmp(a.zone, w->ifname) != 0))
		return complain(FAILED, "%s: not an address for %s", value,
		    w->ifname);
	for (; w->argc > 0; w->argc--, w->argv++) {
		const char *next = *w->argv;

		if (strcmp(next, "alias") == 0 || strcmp(next, "add") == 0)
			what = ADD;
		else if (strcmp(next, "-alias") == 0 ||
		    strcmp(next, "delete") == 0)
			what = DELETE;
		else if ((strcmp(next, "netmask") == 0 && family == AF_INET) ||
		    strcmp(next, "prefixlen") == 0) {
			w->argc--;
			w->argv++;
			if ((status = parse_width(w, next, &a)) != OK)
				return status;
			w->argc++;
			w->argv--;
		} else
			break;
	}
	if (a.prefix == -1 && what != DELETE)
		a.prefix = usual_prefix(&a);
	op = add(w, what == DELETE ? "addr_del" : "addr_add");
	op_string(op, "addr", addr_text(&a, text));
	/* As everywhere, IPv6 addresses only ever come beside each other. */
	if (what == SET && family == AF_INET)
		op_bool(op, "replace", true);
	return OK;
}

static const struct word table[] = {
	{ "create", NULL, parse_create, "create", true },
	{ "destroy", NULL, parse_destroy, "destroy", true },
	{ "linkstr", "a path", parse_linkstr, "linkstr", true },
	{ "-linkstr", NULL, parse_linkstr, "linkstr", false },
	{ "inet", "an address", parse_inet, NULL, false },
	{ "inet6", "an address", parse_inet, NULL, true },
	{ "up", NULL, parse_plain, "up", true },
	{ "down", NULL, parse_plain, "down", true },
	{ "mtu", "a number", parse_mtu, "mtu", true },
	{ "ether", "a hardware address", parse_mac, "lladdr", true },
	{ "lladdr", "a hardware address", parse_mac, "lladdr", true },
	{ "promisc", NULL, parse_switch, "promisc", true },
	{ "-promisc", NULL, parse_switch, "promisc", false },
	{ "media", "auto or none", parse_media, "media", true },
	{ "dhcp", NULL, parse_switch, "dhcp", true },
	{ "-dhcp", NULL, parse_switch, "dhcp", false },
	{ "autoconf", NULL, parse_autoconf, "autoconf", true },
	{ "-autoconf", NULL, parse_autoconf, "autoconf", false },
	{ "redirects", NULL, parse_switch, "redirects", true },
	{ "-redirects", NULL, parse_switch, "redirects", false },
	{ "radv", NULL, parse_radv, "radv", true },
	{ "wait", NULL, parse_wait, NULL, true },
};

static const struct word *
find(const char *text)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(text, table[i].name) == 0)
			return &table[i];
	return NULL;
}

bool
is_word(const char *text)
{
	return find(text) != NULL;
}

int
word_values(const char *text)
{
	const struct word *word = find(text);

	return word != NULL && word->value != NULL ? 1 : 0;
}

void
words_nearest(const char *text, struct guess *g)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		nearest(text, table[i].name, g);
}

/* Says that TEXT is no word about IFNAME, and which one may be meant. */
static int
unknown_word(const char *ifname, const char *text)
{
	struct guess g = { NULL, 0 };

	words_nearest(text, &g);
	return g.word == NULL ?
	    complain(FAILED, "%s: %s: unknown word", ifname, text) :
	    complain(FAILED, "%s: %s: unknown word: did you mean %s?", ifname,
		text, g.word);
}

static int
word_parse(struct words *w)
{
	const struct word *word = find(*w->argv);
	const char *value = NULL;

	if (word == NULL)
		return unknown_word(w->ifname, *w->argv);
	if (w->waits)
		return complain(FAILED, "%s: %s: nothing comes after wait",
		    w->ifname, *w->argv);
	if (w->destroyed)
		return complain(FAILED, "%s: %s: nothing comes after destroy",
		    w->ifname, *w->argv);
	w->argc--;
	w->argv++;
	if (word->value != NULL) {
		if (w->argc == 0)
			return complain(USAGE, "%s: %s wants %s", w->ifname,
			    word->name, word->value);
		w->argc--;
		value = *w->argv++;
	}
	return word->parse(w, word, value);
}

/* words_parse() for W, which has everything but the words' outcome. */
static int
parse_all(struct words *w)
{
	bool creates = w->argc > 0 && strcmp(w->argv[0], "create") == 0;
	int status = OK;

	if (!text_ifname(w->ifname, creates))
		return complain(FAILED, "%s: %s", w->ifname,
		    strlen(w->ifname) >= IFNAME_TEXT ? "name too long" :
			creates ? "not the name of an interface" :
				  "neither an interface nor a command");
	while (status == OK && w->argc > 0)
		status = word_parse(w);
	return status;
}

int
words_parse(const char *ifname, int argc, char **argv, struct json_object *ops)
{
	struct words w = { .ifname = ifname,
		.name = ifname,
		.ops = ops,
		.argc = argc,
		.argv = argv };

	return parse_all(&w);
}

/* The addresses that OPS add, as a list of strings. */
static struct json_object *
added(struct json_object *ops)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < json_object_array_length(ops); i++) {
		struct json_object *op = json_object_array_get_idx(ops, i);

		if (strcmp(get_string(op, "op"), "addr_add") == 0)
			json_object_array_add(list,
			    json_object_new_string(get_string(op, "addr")));
	}
	return list;
}

int
configure(const struct call *c, const char *ifname, int argc, char **argv)
{
	struct json_object *ops = json_object_new_array(), *created = NULL;
	struct json_object *wanted;
	struct words w = { .ifname = ifname,
		.name = ifname,
		.ops = ops,
		.argc = argc,
		.argv = argv };
	bool creates = argc > 0 && strcmp(argv[0], "create") == 0;
	int status = parse_all(&w);

	if (status != OK) {
		json_object_put(ops);
		return status;
	}
	wanted = added(ops);
	if (json_object_array_length(ops) == 0)
		json_object_put(ops); /* shmif0 wait */
	else if ((status = ask(c, ops, false, &created)) != OK)
		goto out;
	/* As ifconfig does, only what the caller cannot know. */
	if (creates && c->json)
		put_json(created);
	else if (creates && !text_ifname(ifname, false)) {
		put_clean(stdout, get_string(created, "if"));
		putchar('\n');
	}
	if (w.waits)
		status = wait_for(c,
		    creates ? get_string(created, "if") : ifname, wanted);
	json_object_put(created);
out:
	json_object_put(wanted);
	return status;
}
