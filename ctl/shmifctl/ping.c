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
	default:
		if ((status = parse_seconds(v, value, &ms)) == OK)
			op_int(op, "timeout_ms", ms);
		return status;
	}
}

/* Makes an operation of the words behind ping. */
int
ping_parse(int argc, char **argv, struct json_object *ops)
{
	struct json_object *op = op_add(ops, "ping");
	const char *host = NULL;
	char text[ADDR_TEXT];
	struct addr a;
	int status = OK;

	for (int i = 0; i < argc && status == OK; i++) {
		const char *v = argv[i];

		if (v[0] == '-' && v[1] != '\0' && v[2] != '\0' &&
		    strchr("csiW", v[1]) != NULL) {
			/* -c1 */
			const char option[] = { '-', v[1], '\0' };

			status = parse_option(op, option, v + 2);
		} else if (v[0] == '-' && v[1] != '\0' &&
		    strchr("n46", v[1]) != NULL && v[2] == '\0') {
			continue; /* the address tells; names are not asked */
		} else if (v[0] == '-' && v[1] != '\0' && v[2] == '\0' &&
		    strchr("csiW", v[1]) != NULL) {
			if (++i == argc)
				return complain(USAGE,
				    "ping: %s wants a number", v);
			status = parse_option(op, v, argv[i]);
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
	if ((status = text_addr(host, AF_UNSPEC, &a)) != OK)
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
	printf("%" PRId64 " bytes from %s: seq=%" PRId64, get_int(r, "bytes"),
	    host, get_int(r, "seq"));
	if (get_int(r, "ttl") != 0)
		printf(" ttl=%" PRId64, get_int(r, "ttl"));
	printf(" time=%.3f ms\n", get_number(r, "time_us") / 1000);
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
watch(struct server *s, const struct call *c, const char *host,
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
		if (!c->json && more)
			put_reply(host, r);
		else if (!c->json)
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
	int status;

	if ((status = ping_parse(argc, argv, ops)) != OK) {
		json_object_put(ops);
		return status;
	}
	snprintf(host, sizeof(host), "%s",
	    get_string(json_object_array_get_idx(ops, 0), "host"));
	if ((status = server_ask(&s, c, ops)) != OK)
		return status;
	status = watch(&s, c, host, &received);
	server_close(&s);
	/* As ping(8): nobody answered is said by the status. */
	return status != OK ? status : received > 0 ? OK : FAILED;
}
