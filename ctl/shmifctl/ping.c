/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ping.c - echo requests from the stack
 *
 * The server sends them, and a message for each reply as it comes.  When this
 * program is ended it notices, and stops.
 */
#include <inttypes.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "ctl/shmifctl/shmifctl.h"

/* The same for seconds, with a decimal point or not; *MS is milliseconds. */
static int
parse_seconds(const char *option, const char *text, long *ms)
{
	char what[16];

	snprintf(what, sizeof(what), "ping: %s", option);
	return text_seconds(what, text, 1, 60, ms);
}

static int
parse_count(const char *option, const char *text, unsigned long min,
    unsigned long max, unsigned long *n)
{
	if (!number_parse(text, max, n) || *n < min)
		return complain(FAILED,
		    "ping: %s %s: it is a number from %lu to %lu", option, text,
		    min, max);
	return OK;
}

#define WITH_VALUE "csiWtI" /* options */
#define WITHOUT "n46qf"	    /* which may stand together, before one of those */

/* Adds to OP what option V with VALUE asks for. */
static int
parse_option(struct json_object *op, const char *v, const char *value)
{
	unsigned long n = 0;
	long ms = 0;
	int status;

	switch (v[1]) {
	case 'c':
		if ((status = parse_count(v, value, 1, 1000000, &n)) == OK)
			op_int(op, "count", (int64_t)n);
		return status;
	case 's':
		if ((status = parse_count(v, value, 0, 60000, &n)) == OK)
			op_int(op, "size", (int64_t)n);
		return status;
	case 'i':
		if ((status = parse_seconds(v, value, &ms)) == OK)
			op_int(op, "interval_ms", ms);
		return status;
	case 't':
		if ((status = parse_count(v, value, 1, 255, &n)) == OK)
			op_int(op, "ttl", (int64_t)n);
		return status;
	case 'I':
		if (!text_ifname(value, false))
			return complain(FAILED, "ping: -I %s: not an interface",
			    value);
		op_string(op, "if", value);
		return OK;
	default:
		if ((status = parse_seconds(v, value, &ms)) == OK)
			op_int(op, "timeout_ms", ms);
		return status;
	}
}

/* Takes the letters of the option at *I, and its value, which may be the next. */
static int
parse_letters(struct json_object *op, int *family, int argc, char **argv,
    int *i)
{
	const char *v = argv[*i], *at = v + 1;
	char option[] = "-?";

	for (; *at != '\0' && strchr(WITHOUT, *at) != NULL; at++)
		switch (*at) {
		case '4':
			*family = AF_INET;
			break;
		case '6':
			*family = AF_INET6;
			break;
		case 'f':
			op_int(op, "interval_ms", 1);
			break;
		default: /* -q: verb_ping(); -n: it is so anyway */
			break;
		}
	if (*at == '\0')
		return OK;
	if (strchr(WITH_VALUE, *at) == NULL)
		return complain(USAGE, "ping: unknown option %s", v);
	option[1] = *at;
	if (at[1] != '\0')
		return parse_option(op, option, at + 1);
	if (++*i == argc)
		return complain(USAGE, "ping: %s wants %s", option,
		    *at == 'I' ? "an interface" : "a number");
	return parse_option(op, option, argv[*i]);
}

/* Makes an operation of the words behind ping. */
int
ping_parse(int argc, char **argv, struct json_object *ops)
{
	struct json_object *op = op_add(ops, "ping");
	const char *host = NULL;
	char text[ADDR_TEXT];
	struct addr a;
	int status = OK, family = AF_UNSPEC;

	for (int i = 0; i < argc && status == OK; i++) {
		const char *v = argv[i];

		if (v[0] == '-' && v[1] != '\0') {
			status = parse_letters(op, &family, argc, argv, &i);
		} else if (v[0] == '-')
			return complain(USAGE, "ping: unknown option %s", v);
		else if (host != NULL)
			return complain(USAGE, "ping: %s: one host, please", v);
		else
			host = v;
	}
	if (status != OK)
		return status;
	if (host == NULL)
		return complain(USAGE, "ping: which host?");
	if ((status = text_addr(host, family, &a)) != OK)
		return status;
	if (a.prefix != -1)
		return complain(FAILED, "ping: %s: one address, please", host);
	op_string(op, "host", addr_text(&a, text));
	if (a.zone[0] != '\0')
		op_string(op, "if", a.zone);
	return OK;
}

static void
put_reply(const char *host, struct json_object *r)
{
	if (get_bool(r, "expired")) {
		fputs("from ", stdout);
		put_clean(stdout, get_string(r, "from"));
		printf(": seq=%" PRId64 " time to live exceeded\n",
		    get_int(r, "seq"));
		fflush(stdout);
		return;
	}
	/* Of a group, each answers for itself. */
	printf("%" PRId64 " bytes from ", get_int(r, "bytes"));
	put_clean(stdout,
	    get_string(r, "from")[0] != '\0' ? get_string(r, "from") : host);
	printf(": seq=%" PRId64, get_int(r, "seq"));
	if (get_int(r, "ttl") != 0)
		printf(" ttl=%" PRId64, get_int(r, "ttl"));
	printf(" time=%.3f ms%s\n", get_number(r, "time_us") / 1000,
	    get_bool(r, "duplicate") ? " (again)" : "");
	fflush(stdout); /* somebody may be looking */
}

static void
put_summary(const char *host, struct json_object *r)
{
	int64_t sent = get_int(r, "sent"), received = get_int(r, "received");

	printf("--- %s ---\n%" PRId64 " sent, %" PRId64 " received", host, sent,
	    received);
	if (get_int(r, "duplicates") != 0)
		printf(", %" PRId64 " duplicates", get_int(r, "duplicates"));
	if (sent > 0)
		printf(", %.0f%% lost",
		    100 * (double)(sent - received) / (double)sent);
	putchar('\n');
	if (received > 0)
		printf("min/avg/max %.3f/%.3f/%.3f ms\n",
		    get_number(r, "min_us") / 1000,
		    get_number(r, "avg_us") / 1000,
		    get_number(r, "max_us") / 1000);
}

/* Shows what comes from S until the end.  *RECEIVED is how many replies. */
static int
watch(struct server *s, const struct call *c, const char *host, bool quiet,
    int64_t *received)
{
	struct json_object *replies = json_object_new_array();
	struct json_object *reply, *results, *r;
	bool more = true;
	int status = OK;

	while (more && (status = server_reply(s, &reply, &more)) == OK) {
		size_t n;

		results = get_array(reply, "results", &n);
		r = json_object_array_get_idx(results, 0);
		if (!more)
			*received = get_int(r, "received");
		if (!c->json && more) {
			if (!quiet)
				put_reply(host, r);
		} else if (!c->json)
			put_summary(host, r);
		else if (more)
			json_object_array_add(replies, json_object_get(r));
		else {
			json_object_object_add(r, "replies",
			    json_object_get(replies));
			put_json(r);
		}
		json_object_put(reply);
	}
	json_object_put(replies);
	return status;
}

int
verb_ping(const struct call *c, int argc, char **argv)
{
	struct json_object *ops = json_object_new_array();
	int64_t received = 0;
	struct server s;
	char host[ADDR_TEXT];
	bool quiet = false;
	int status;

	for (int i = 0; i < argc; i++)
		quiet |= argv[i][0] == '-' &&
		    memchr(argv[i] + 1, 'q', strspn(argv[i] + 1, WITHOUT)) !=
			NULL;
	if ((status = ping_parse(argc, argv, ops)) != OK) {
		json_object_put(ops);
		return status;
	}
	snprintf(host, sizeof(host), "%s",
	    get_string(json_object_array_get_idx(ops, 0), "host"));
	if ((status = server_ask(&s, c, ops)) != OK)
		return status;
	status = watch(&s, c, host, quiet, &received);
	server_close(&s);
	/* As ping(8): nobody answered is said by the status. */
	return status != OK ? status : received > 0 ? OK : FAILED;
}

/* ---- traceroute --------------------------------------------------------- */

#define HOPS_MAX 64

/* One request with a time to live of TTL.  *THERE: the host itself answered. */
static int
probe(const struct call *c, const char *host, const char *ifname, long ttl,
    long wait_ms, struct json_object *hops, bool *there)
{
	struct json_object *ops = json_object_new_array(), *op, *reply, *r;
	struct json_object *hop = json_object_new_object();
	bool more = true;
	struct server s;
	int status;
	size_t n;

	op = op_add(ops, "ping");
	op_string(op, "host", host);
	if (ifname[0] != '\0')
		op_string(op, "if", ifname);
	op_int(op, "count", 1);
	op_int(op, "ttl", ttl);
	op_int(op, "timeout_ms", wait_ms);
	op_int(hop, "ttl", ttl);
	json_object_array_add(hops, hop);
	if ((status = server_ask(&s, c, ops)) != OK)
		return status;
	while (more && (status = server_reply(&s, &reply, &more)) == OK) {
		r = json_object_array_get_idx(get_array(reply, "results", &n),
		    0);
		if (more) {
			*there = !get_bool(r, "expired");
			op_string(hop, "from", get_string(r, "from"));
			json_object_object_add(hop, "time_us",
			    json_object_new_double(get_number(r, "time_us")));
			more = false; /* the end is of no interest */
			json_object_put(reply);
			break;
		}
		json_object_put(reply);
	}
	server_close(&s);
	if (status == OK && !c->json) {
		printf("%2ld  ", ttl);
		if (get_string(hop, "from")[0] == '\0')
			puts("*");
		else {
			put_clean(stdout, get_string(hop, "from"));
			printf("  %.3f ms\n",
			    get_number(hop, "time_us") / 1000);
		}
		fflush(stdout);
	}
	return status;
}

int
verb_traceroute(const struct call *c, int argc, char **argv)
{
	const char *host = NULL;
	struct json_object *hops;
	unsigned long most = 30;
	long wait_ms = 1000;
	char text[ADDR_TEXT];
	bool there = false;
	struct addr a;
	int status = OK, family = AF_UNSPEC;

	for (int i = 0; i < argc && status == OK; i++) {
		const char *v = argv[i];

		if (strcmp(v, "-n") == 0 || strcmp(v, "-I") == 0)
			continue; /* as it is anyway */
		if (strcmp(v, "-4") == 0 || strcmp(v, "-6") == 0) {
			family = v[1] == '4' ? AF_INET : AF_INET6;
			continue;
		}
		if (strcmp(v, "-m") == 0 || strcmp(v, "-w") == 0) {
			if (++i == argc)
				return complain(USAGE,
				    "traceroute: %s wants a number", v);
			if (v[1] == 'w')
				status = text_seconds("traceroute: -w", argv[i],
				    1, 60, &wait_ms);
			else if (!number_parse(argv[i], HOPS_MAX, &most) ||
			    most == 0)
				status = complain(FAILED,
				    "traceroute: -m %s: it is a number from 1 "
				    "to %d",
				    argv[i], HOPS_MAX);
		} else if (v[0] == '-')
			return complain(USAGE, "traceroute: unknown option %s",
			    v);
		else if (host != NULL)
			return complain(USAGE,
			    "traceroute: %s: one host, please", v);
		else
			host = v;
	}
	if (status != OK)
		return status;
	if (host == NULL)
		return complain(USAGE, "traceroute: which host?");
	if ((status = text_addr(host, family, &a)) != OK)
		return status;
	if (a.prefix != -1)
		return complain(FAILED, "traceroute: %s: one address, please",
		    host);
	addr_text(&a, text);
	hops = json_object_new_array();
	for (unsigned long ttl = 1; status == OK && !there && ttl <= most;
	     ttl++)
		status = probe(c, text, a.zone, (long)ttl, wait_ms, hops,
		    &there);
	if (status == OK && c->json) {
		struct json_object *o = json_object_new_object();

		op_string(o, "host", text);
		op_bool(o, "reached", there);
		json_object_object_add(o, "hops", json_object_get(hops));
		put_json(o);
		json_object_put(o);
	}
	json_object_put(hops);
	return status != OK ? status : there ? OK : FAILED;
}
