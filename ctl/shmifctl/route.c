/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * route.c - route: where packets of the stack go
 */
#include <inttypes.h>
#include <netinet/in.h>
#include <string.h>

#include "ctl/shmifctl/shmifctl.h"

/* What route add and route delete are told. */
struct route {
	int family;	 /* AF_UNSPEC: not said */
	bool is_default; /* the destination is */
	bool has_dst, has_via;
	struct addr dst, via;
	const char *ifname; /* NULL: not said */
};

/* Whether V is one of the words that may stand before an interface. */
static bool
is_interface_word(const char *v)
{
	return strcmp(v, "-interface") == 0 || strcmp(v, "-ifp") == 0 ||
	    strcmp(v, "dev") == 0;
}

static bool
is_gateway_word(const char *v)
{
	return strcmp(v, "via") == 0 || strcmp(v, "gw") == 0;
}

static int
parse_destination(struct route *r, const char *text)
{
	r->has_dst = true;
	r->is_default = strcmp(text, "default") == 0;
	return r->is_default ? OK : text_addr(text, r->family, &r->dst);
}

static int
parse_gateway(struct route *r, const char *text)
{
	int status = text_addr(text, r->is_default ? r->family : r->dst.family,
	    &r->via);

	r->has_via = true;
	if (status == OK && r->via.prefix != -1)
		status = complain(FAILED,
		    "%s: a gateway is an address without a prefix", text);
	return status;
}

static int
parse_interface(struct route *r, const char *text)
{
	if (!text_ifname(text, false))
		return complain(FAILED, "%s: no such interface", text);
	if (r->ifname != NULL && strcmp(r->ifname, text) != 0)
		return complain(FAILED, "%s: the interface was said already",
		    text);
	r->ifname = text;
	return OK;
}

/* Takes the words behind VERB. */
static int
parse_words(struct route *r, const char *verb, int argc, char **argv)
{
	int status = OK;

	for (int i = 0; i < argc && status == OK; i++) {
		const char *v = argv[i];

		if (strcmp(v, "-inet") == 0)
			r->family = AF_INET;
		else if (strcmp(v, "-inet6") == 0)
			r->family = AF_INET6;
		else if (strcmp(v, "-net") == 0 || strcmp(v, "-host") == 0)
			continue; /* the prefix tells */
		else if (is_interface_word(v)) {
			if (++i == argc)
				return complain(USAGE,
				    "route %s: %s wants an interface", verb, v);
			status = parse_interface(r, argv[i]);
		} else if (v[0] == '-')
			return complain(USAGE, "route %s: unknown option %s",
			    verb, v);
		else if (strcmp(v, "netmask") == 0 && r->has_dst &&
		    !r->is_default && i + 1 < argc)
			status = text_mask(argv[++i], &r->dst.prefix);
		else if (r->has_dst && !r->has_via && text_ifname(v, false))
			status = parse_interface(r, v);
		else if (!r->has_dst)
			status = parse_destination(r, v);
		else if (!r->has_via && is_gateway_word(v) && i + 1 < argc)
			status = parse_gateway(r, argv[++i]);
		else if (!r->has_via)
			status = parse_gateway(r, v);
		else
			return complain(FAILED, "route %s: %s: unknown word",
			    verb, v);
	}
	return status;
}

/*
 * Makes an operation of route add|delete and their words.  Of delete it may lack
 * by which way.
 */
int
route_parse(int argc, char **argv, struct json_object *ops)
{
	bool add = strcmp(argv[0], "add") == 0;
	struct route r = { .family = AF_UNSPEC };
	struct json_object *op;
	char text[ADDR_TEXT];
	int status;

	if ((status = parse_words(&r, argv[0], argc - 1, argv + 1)) != OK)
		return status;
	if (!r.has_dst)
		return complain(USAGE, "route %s: which destination?", argv[0]);
	if (r.has_via && r.via.zone[0] != '\0' &&
	    (status = parse_interface(&r, r.via.zone)) != OK)
		return status;
	if (add && !r.has_via && r.ifname == NULL)
		return complain(USAGE,
		    "route %s: by which gateway or "
		    "-interface?",
		    argv[0]);
	if (!r.is_default && r.dst.prefix == -1)
		r.dst.prefix = addr_width(&r.dst);
	if (!r.is_default && addr_host_bits(&r.dst))
		return complain(FAILED,
		    "%s: not a network: bits are set behind the prefix",
		    addr_text(&r.dst, text));
	if (r.has_via)
		r.family = r.via.family;
	op = op_add(ops, add ? "route_add" : "route_del");
	if (r.is_default)
		op_string(op, "dst",
		    r.family == AF_INET6 ? "default6" : "default");
	else
		op_string(op, "dst", addr_text(&r.dst, text));
	if (r.has_via)
		op_string(op, "via", addr_text(&r.via, text));
	if (r.ifname != NULL)
		op_string(op, "if", r.ifname);
	return OK;
}

/* A route as text: "default" or its network. */
static const char *
destination(struct json_object *r, char *text, size_t size)
{
	if (get_int(r, "prefix") == 0)
		return "default";
	snprintf(text, size, "%s/%" PRId64, get_string(r, "dst"),
	    get_int(r, "prefix"));
	return text;
}

static void
put_routes(struct json_object *list, size_t n, const char *family)
{
	const int width = strcmp(family, "inet") == 0 ? 18 : 28;
	bool any = false;
	char text[ADDR_TEXT];

	for (size_t i = 0; i < n; i++) {
		struct json_object *r = json_object_array_get_idx(list, i);
		const char *via = get_string(r, "via");

		if (strcmp(get_string(r, "family"), family) != 0)
			continue;
		if (!any)
			printf("%s:\n%-*s  %-*s  %s\n", family, width,
			    "destination", width, "gateway", "interface");
		any = true;
		put_column(destination(r, text, sizeof(text)), width);
		put_column(via[0] != '\0' ? via : "link", width);
		put_clean(stdout, get_string(r, "if"));
		putchar('\n');
	}
}

static int
route_show(const struct call *c)
{
	struct json_object *ops = json_object_new_array(), *result, *list;
	size_t n;
	int status;

	op_add(ops, "routes");
	if ((status = ask(c, ops, false, &result)) != OK)
		return status;
	if (c->json)
		put_json(result);
	else {
		list = get_array(result, "routes", &n);
		if (c->family != AF_INET6)
			put_routes(list, n, "inet");
		if (c->family != AF_INET)
			put_routes(list, n, "inet6");
	}
	json_object_put(result);
	return OK;
}

int
verb_route(const struct call *c, int argc, char **argv)
{
	struct json_object *ops, *op, *result;
	int status;

	if (argc == 0 || (argc == 1 && strcmp(argv[0], "show") == 0))
		return route_show(c);
	if (strcmp(argv[0], "get") == 0)
		return route_get(c, argc - 1, argv + 1);
	if (strcmp(argv[0], "change") == 0)
		return route_change(c, argc, argv);
	if (strcmp(argv[0], "flush") == 0)
		return route_flush(c, argc - 1, argv + 1);
	if (strcmp(argv[0], "add") != 0 && strcmp(argv[0], "delete") != 0)
		return complain(argc > 1 && strcmp(argv[0], "show") == 0 ?
			USAGE :
			FAILED,
		    "route: %s: unknown word: add, change, delete, flush, get "
		    "and show are known",
		    strcmp(argv[0], "show") == 0 ? argv[1] : argv[0]);
	ops = json_object_new_array();
	if ((status = route_parse(argc, argv, ops)) != OK) {
		json_object_put(ops);
		return status;
	}
	op = json_object_array_get_idx(ops, 0);
	if (get_string(op, "via")[0] == '\0' &&
	    get_string(op, "if")[0] == '\0') {
		status = route_delete_one(c, get_string(op, "dst"),
		    argc == 2 ? c->family : AF_INET);
		json_object_put(ops);
		return status;
	}
	if ((status = ask(c, ops, false, &result)) == OK)
		json_object_put(result);
	return status;
}
