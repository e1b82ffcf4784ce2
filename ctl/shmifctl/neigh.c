/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * neigh.c - arp and ndp: neighbours of the stack, and what it answers for others
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "ctl/shmifctl/shmifctl.h"

static void
put_neighbours(struct json_object *list, size_t n, int width)
{
	for (size_t i = 0; i < n; i++) {
		struct json_object *e = json_object_array_get_idx(list, i);
		const char *mac = get_string(e, "mac");

		if (i == 0)
			printf("%-*s  %-17s  %-9s  %s\n", width, "address",
			    "ether", "interface", "state");
		put_column(get_string(e, "addr"), width);
		put_column(mac[0] != '\0' ? mac : "-", 17);
		put_column(get_string(e, "if"), 9);
		put_clean(stdout, get_string(e, "state"));
		putchar('\n');
	}
}

/*
 * Stores in IFNAME by which interface ADDR is a neighbour, or PUBLISHED, if it is
 * by one.
 */
static int
find_neighbour(const struct call *c, const char *addr, bool published,
    char ifname[IFNAME_TEXT])
{
	struct json_object *ops = json_object_new_array(), *result, *list;
	unsigned found = 0;
	size_t n;
	int status;

	op_add(ops, "neigh");
	if ((status = ask(c, ops, false, &result)) != OK)
		return status;
	list = get_array(result, "neighbours", &n);
	for (size_t i = 0; i < n; i++) {
		struct json_object *e = json_object_array_get_idx(list, i);

		if (strcmp(get_string(e, "addr"), addr) != 0 ||
		    published !=
			(strcmp(get_string(e, "state"), "published") == 0))
			continue;
		found++;
		snprintf(ifname, IFNAME_TEXT, "%s", get_string(e, "if"));
	}
	json_object_put(result);
	return found == 1 ?
	    OK :
	    found == 0 ?
	    complain(FAILED, "%s: %s", addr,
		published ? "it is not published" : "no such neighbour") :
	    complain(FAILED, "%s: by several interfaces: which one?", addr);
}

/* Whether A is on the network of NET. */
static bool
is_inside(const struct addr *a, const struct addr *net)
{
	int bits = net->prefix;

	if (a->family != net->family)
		return false;
	for (int i = 0; i < bits; i++)
		if ((a->bytes[i / 8] ^ net->bytes[i / 8]) & 0x80 >> i % 8)
			return false;
	return true;
}

/* Whether the interface I has an address on the network of A. */
static bool
leads_to(struct json_object *i, const struct addr *a)
{
	struct json_object *list;
	size_t n;

	if (get_bool(i, "loopback"))
		return false;
	list = get_array(i, "addresses", &n);
	for (size_t k = 0; k < n; k++) {
		struct json_object *o = json_object_array_get_idx(list, k);
		struct addr net = { .family = a->family };
		int64_t prefix = get_int(o, "prefix");

		if (inet_pton(net.family, get_string(o, "addr"), net.bytes) !=
			1 ||
		    prefix < 0 || prefix > addr_width(&net))
			continue;
		net.prefix = (int)prefix;
		if (is_inside(a, &net))
			return true;
	}
	return false;
}

/* Stores in IFNAME on which interface's network A is, if it is on one's. */
static int
find_link(const struct call *c, const struct addr *a, const char *text,
    char ifname[IFNAME_TEXT])
{
	struct json_object *ops = json_object_new_array(), *result, *list;
	unsigned found = 0;
	size_t n;
	int status;

	op_add(ops, "show");
	if ((status = ask(c, ops, false, &result)) != OK)
		return status;
	list = get_array(result, "interfaces", &n);
	for (size_t i = 0; i < n; i++) {
		struct json_object *o = json_object_array_get_idx(list, i);

		if (!leads_to(o, a))
			continue;
		found++;
		snprintf(ifname, IFNAME_TEXT, "%s", get_string(o, "name"));
	}
	json_object_put(result);
	return found == 1 ?
	    OK :
	    complain(FAILED,
		found == 0 ? "%s: on the network of no interface: which one?" :
			     "%s: on the networks of several interfaces: which "
			     "one?",
		text);
}

/* What -s and -d are told. */
struct entry {
	struct addr addr;
	const char *text;   /* of the address */
	const char *ifname; /* NULL: not said */
	const char *mac;    /* NULL: none */
	bool publish;
};

/* Takes the words behind the address, and with SET behind the MAC, too. */
static int
entry_words(struct entry *e, const char *verb, int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		const char *v = argv[i];

		if (strcmp(v, "pub") == 0 || strcmp(v, "proxy") == 0)
			e->publish = true;
		else if (strcmp(v, "temp") == 0)
			return complain(FAILED,
			    "%s: temp: what is set stays until it is removed",
			    verb);
		else if (strcmp(v, "dev") == 0 || strcmp(v, "-i") == 0)
			continue; /* an interface follows */
		else if (e->ifname != NULL)
			return complain(USAGE, "%s: %s: one word too many",
			    verb, v);
		else if (!text_ifname(v, false))
			return complain(FAILED, "%s: no such interface", v);
		else
			e->ifname = v;
	}
	return OK;
}

/* Takes ADDRESS [INTERFACE] [pub], or with SET ADDRESS MAC [INTERFACE] [pub]. */
static int
entry_parse(struct entry *e, const char *verb, bool set, int family, int argc,
    char **argv)
{
	static char mac[MAC_TEXT];
	int status, n = set ? 2 : 1;

	if (argc < n)
		return complain(USAGE, "%s: %s it is", verb,
		    set ? "-s ADDRESS MAC [INTERFACE] [pub]" :
			  "-d ADDRESS [INTERFACE] [pub]");
	e->text = argv[0];
	if ((status = text_addr(argv[0], family, &e->addr)) != OK)
		return status;
	if (e->addr.prefix != -1)
		return complain(FAILED, "%s: one address, please", argv[0]);
	if (set && strcmp(argv[1], "auto") != 0) {
		if ((status = text_mac(argv[1], mac)) != OK)
			return status;
		e->mac = mac;
	}
	if (e->addr.zone[0] != '\0')
		e->ifname = e->addr.zone;
	if ((status = entry_words(e, verb, argc - n, argv + n)) != OK)
		return status;
	if (set && e->mac == NULL && !e->publish)
		return complain(FAILED, "%s: auto goes with pub only", verb);
	/* A link-local one is by an interface only. */
	if (e->ifname == NULL && e->addr.family == AF_INET6 &&
	    e->addr.bytes[0] == 0xfe && (e->addr.bytes[1] & 0xc0) == 0x80)
		return complain(USAGE, "%s: %s: by which interface?", verb,
		    argv[0]);
	return OK;
}

/* -s ADDRESS MAC [INTERFACE] [pub], -d ADDRESS [INTERFACE] [pub] */
static int
change(const struct call *c, const char *verb, bool set, int family, int argc,
    char **argv)
{
	char text[ADDR_TEXT], ifname[IFNAME_TEXT];
	struct json_object *ops, *op, *result;
	struct entry e = { .ifname = NULL };
	int status;

	if ((status = entry_parse(&e, verb, set, family, argc, argv)) != OK)
		return status;
	addr_text(&e.addr, text);
	if (e.ifname != NULL)
		snprintf(ifname, sizeof(ifname), "%s", e.ifname);
	else if ((status = set ?
			 find_link(c, &e.addr, e.text, ifname) :
			 find_neighbour(c, text, e.publish, ifname)) != OK)
		return status;
	ops = json_object_new_array();
	op = op_add(ops, set ? "neigh_add" : "neigh_del");
	op_string(op, "if", ifname);
	op_string(op, "addr", text);
	if (e.mac != NULL)
		op_string(op, "mac", e.mac);
	if (e.publish)
		op_bool(op, "publish", true);
	if ((status = ask(c, ops, false, &result)) == OK)
		json_object_put(result);
	return status;
}

/* [-a] [INTERFACE], -d or -s, of FAMILY. */
static int
neighbours(const struct call *c, const char *verb, int family, int argc,
    char **argv)
{
	struct json_object *ops, *op, *result, *list;
	const char *ifname;
	size_t n;
	int status;

	/* -i IF -s ..., as Linux has it: the interface comes behind. */
	if (argc > 3 && strcmp(argv[0], "-i") == 0 && argv[2][0] == '-') {
		char *name = argv[1];

		memmove(argv, argv + 2, (size_t)(argc - 2) * sizeof(*argv));
		argv[argc - 2] = name;
		argc--;
	}
	if (argc > 0 &&
	    (strcmp(argv[0], "-d") == 0 || strcmp(argv[0], "-s") == 0))
		return change(c, verb, argv[0][1] == 's', family, argc - 1,
		    argv + 1);
	if (argc == 2 && strcmp(argv[0], "-i") == 0) {
		argc--;
		argv++;
	}
	if (argc > 0 && strcmp(argv[0], "-a") == 0) {
		argc--;
		argv++;
	}
	if (argc > 1)
		return complain(USAGE, "%s: %s: one interface is enough", verb,
		    argv[1]);
	ifname = argc > 0 ? argv[0] : NULL;
	if (ifname != NULL && ifname[0] == '-')
		return complain(USAGE, "%s: unknown option %s", verb, ifname);
	if (ifname != NULL && !text_ifname(ifname, false))
		return complain(FAILED, "%s: no such interface", ifname);
	ops = json_object_new_array();
	op = op_add(ops, "neigh");
	if (family != AF_UNSPEC)
		op_string(op, "family", family == AF_INET ? "inet" : "inet6");
	if (ifname != NULL)
		op_string(op, "if", ifname);
	if ((status = ask(c, ops, false, &result)) != OK)
		return status;
	list = get_array(result, "neighbours", &n);
	if (c->json)
		put_json(result);
	else
		put_neighbours(list, n, family == AF_INET ? 15 : 28);
	json_object_put(result);
	return OK;
}

int
verb_arp(const struct call *c, int argc, char **argv)
{
	return neighbours(c, "arp", AF_INET, argc, argv);
}

int
verb_ndp(const struct call *c, int argc, char **argv)
{
	return neighbours(c, "ndp", AF_INET6, argc, argv);
}

/* As ip neigh: of both families, unless told otherwise. */
int
verb_neigh(const struct call *c, int argc, char **argv)
{
	return neighbours(c, "neigh", c->family, argc, argv);
}
