/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * socks.c - ss, netstat: the sockets of the stack
 *
 * DOC: The server tells all sockets, and options choose among them: by type, by
 * family, those that listen.  Letters of options may stand together (-tulpn),
 * as fingers know them; those that ask for what is shown anyway are allowed
 * and mean nothing.
 */
#include <inttypes.h>
#include <netinet/in.h>
#include <string.h>

#include "ctl/shmifctl/shmifctl.h"

#define TEXT 80

/* What is to be shown. */
struct choice {
	bool tcp, udp, raw, packet; /* none of them: all */
	bool listening, no_header;
	int family; /* AF_UNSPEC: any */
};

/* Takes the letters of an option of VERB. */
static int
take_letters(struct choice *w, const char *verb, const char *letters)
{
	for (; *letters != '\0'; letters++)
		switch (*letters) {
		case 't':
			w->tcp = true;
			break;
		case 'u':
			w->udp = true;
			break;
		case 'w':
			w->raw = true;
			break;
		case '0':
			w->packet = true;
			break;
		case 'l':
			w->listening = true;
			break;
		case 'H':
			w->no_header = true;
			break;
		case '4':
			w->family = AF_INET;
			break;
		case '6':
			w->family = AF_INET6;
			break;
		case 'a': /* all of them are */
		case 'n': /* no name is looked up */
		case 'p': /* the owner is shown */
		case 'e':
		case 'W':
			break;
		default:
			return complain(USAGE, "%s: unknown option -%c", verb,
			    *letters);
		}
	return OK;
}

static int
take_long(struct choice *w, const char *verb, const char *name)
{
	static const struct {
		const char *name, *letters;
	} longs[] = {
		{ "tcp", "t" },
		{ "udp", "u" },
		{ "raw", "w" },
		{ "packet", "0" },
		{ "listening", "l" },
		{ "no-header", "H" },
		{ "ipv4", "4" },
		{ "ipv6", "6" },
		{ "all", "a" },
		{ "numeric", "n" },
		{ "processes", "p" },
		{ "programs", "p" },
		{ "program", "p" },
	};

	for (size_t i = 0; i < sizeof(longs) / sizeof(longs[0]); i++)
		if (strcmp(name, longs[i].name) == 0)
			return take_letters(w, verb, longs[i].letters);
	return complain(USAGE, "%s: unknown option --%s", verb, name);
}

/* Whether S is one that is to be shown. */
static bool
is_chosen(const struct choice *w, struct json_object *s)
{
	const char *type = get_string(s, "type"),
		   *family = get_string(s, "family");

	if (w->family != AF_UNSPEC &&
	    strcmp(family, w->family == AF_INET ? "inet" : "inet6") != 0)
		return false;
	/* As ss(8): a datagram's socket without a peer listens, too. */
	if (w->listening && strcmp(get_string(s, "state"), "listen") != 0 &&
	    (strcmp(type, "tcp") == 0 || family[0] == '\0' ||
		strcmp(get_string(s, "state"), "closed") != 0))
		return false;
	if (!w->tcp && !w->udp && !w->raw && !w->packet)
		return true;
	return (w->tcp && strcmp(type, "tcp") == 0) ||
	    (w->udp && strncmp(type, "udp", 3) == 0) ||
	    (w->raw && strcmp(type, "raw") == 0) ||
	    (w->packet && strcmp(type, "packet") == 0);
}

/* Whether ADDR is that of any. */
static bool
is_any(const char *addr)
{
	return strcmp(addr, "0.0.0.0") == 0 || strcmp(addr, "::") == 0;
}

/* The end of S that is called KEY: an address and, in PORT_KEY, a port. */
static const char *
put_end(struct json_object *s, const char *key, const char *port_key,
    char text[TEXT])
{
	const char *addr = get_string(s, key);
	struct json_object *m;
	int64_t port = get_int(s, port_key);
	char number[24] = "*";

	if (addr[0] == '\0') {
		snprintf(text, TEXT, "-");
		return text;
	}
	if (!json_object_object_get_ex(s, port_key, &m)) {
		snprintf(text, TEXT, "%.46s", is_any(addr) ? "*" : addr);
		return text;
	}
	if (port != 0)
		snprintf(number, sizeof(number), "%" PRId64, port);
	if (port == 0 && is_any(addr))
		addr = "*";
	snprintf(text, TEXT,
	    strchr(addr, ':') != NULL ? "[%.46s]:%s" : "%.46s:%s", addr,
	    number);
	return text;
}

static const char *
put_count(struct json_object *s, const char *key, char text[TEXT])
{
	struct json_object *m;

	if (json_object_object_get_ex(s, key, &m))
		snprintf(text, TEXT, "%" PRId64, get_int(s, key));
	else
		snprintf(text, TEXT, "-");
	return text;
}

/* The type of S, and of which protocol. */
static const char *
put_type(struct json_object *s, char text[TEXT])
{
	struct json_object *m;

	if (json_object_object_get_ex(s, "protocol", &m))
		snprintf(text, TEXT, "%.16s/%" PRId64, get_string(s, "type"),
		    get_int(s, "protocol"));
	else
		snprintf(text, TEXT, "%.16s%s", get_string(s, "type"),
		    strcmp(get_string(s, "family"), "inet6") == 0 ? "6" : "");
	return text;
}

static const char *
put_owner(struct json_object *s, char text[TEXT])
{
	struct json_object *m;
	int n;

	if (!json_object_object_get_ex(s, "pid", &m)) {
		snprintf(text, TEXT, "-");
		return text;
	}
	n = snprintf(text, TEXT, "%" PRId64 "/%.32s", get_int(s, "pid"),
	    get_string(s, "program"));
	if (json_object_object_get_ex(s, "number", &m))
		snprintf(text + n, (size_t)(TEXT - n), " (socket %" PRId64 ")",
		    get_int(s, "number"));
	return text;
}

static void
put_socks(const struct choice *w, struct json_object *list, size_t n)
{
	static const char *const heads[] = { "type", "state", "recv-q",
		"send-q", "local", "peer", "owner" };
	enum { COLUMNS = sizeof(heads) / sizeof(heads[0]) };
	char text[COLUMNS][TEXT];
	int width[COLUMNS], len;

	/* Twice: how wide the columns are, and then what is in them. */
	for (int c = 0; c < COLUMNS; c++)
		width[c] = w->no_header ? 0 : (int)strlen(heads[c]);
	for (int turn = 0; turn < 2; turn++) {
		for (int c = 0; turn == 1 && !w->no_header && c < COLUMNS; c++)
			printf("%s%-*s", c == 0 ? "" : "  ",
			    c == COLUMNS - 1 ? 0 : width[c], heads[c]);
		if (turn == 1 && !w->no_header)
			putchar('\n');
		for (size_t i = 0; i < n; i++) {
			struct json_object *s = json_object_array_get_idx(list,
			    i);

			if (!is_chosen(w, s))
				continue;
			put_type(s, text[0]);
			snprintf(text[1], TEXT, "%.32s",
			    get_string(s, "state"));
			put_count(s, "recv_q", text[2]);
			put_count(s, "send_q", text[3]);
			put_end(s, "local", "local_port", text[4]);
			put_end(s, "remote", "remote_port", text[5]);
			put_owner(s, text[6]);
			for (int c = 0; c < COLUMNS; c++) {
				len = (int)strlen(text[c]);
				if (turn == 0) {
					if (len > width[c])
						width[c] = len;
					continue;
				}
				if (c > 0)
					printf("  ");
				put_clean(stdout, text[c]);
				if (c < COLUMNS - 1)
					printf("%*s", width[c] - len, "");
			}
			if (turn == 1)
				putchar('\n');
		}
	}
}

/* What is left of the reply by W. */
static void
put_chosen_json(const struct choice *w, struct json_object *result,
    struct json_object *list, size_t n)
{
	struct json_object *chosen = json_object_new_array();

	for (size_t i = 0; i < n; i++) {
		struct json_object *s = json_object_array_get_idx(list, i);

		if (is_chosen(w, s))
			json_object_array_add(chosen, json_object_get(s));
	}
	json_object_object_add(result, "sockets", chosen);
	put_json(result);
}

static int
sockets(const struct call *c, const struct choice *w)
{
	struct json_object *ops = json_object_new_array(), *result, *list;
	int64_t omitted;
	size_t n;
	int status;

	op_add(ops, "socket_list");
	if ((status = ask(c, ops, false, &result)) != OK)
		return status;
	list = get_array(result, "sockets", &n);
	omitted = get_int(result, "omitted");
	if (c->json)
		put_chosen_json(w, result, list, n);
	else
		put_socks(w, list, n);
	json_object_put(result);
	if (omitted > 0 && !c->json)
		fprintf(stderr,
		    "shmifctl: %" PRId64 " further sockets are not shown\n",
		    omitted);
	return OK;
}

int
verb_ss(const struct call *c, int argc, char **argv)
{
	struct choice w = { .family = c->family };
	int status = OK;

	for (int i = 0; i < argc && status == OK; i++)
		if (strncmp(argv[i], "--", 2) == 0)
			status = take_long(&w, "ss", argv[i] + 2);
		else if (argv[i][0] == '-')
			status = take_letters(&w, "ss", argv[i] + 1);
		else
			status = complain(USAGE, "ss: %s: unknown word",
			    argv[i]);
	return status != OK ? status : sockets(c, &w);
}
