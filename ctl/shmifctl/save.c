/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * save.c - the present state as calls that make it again, and a file of calls
 *
 * DOC: save prints a line for each interface, then one for each route that does
 * not follow from an address, then whether the stack forwards.  What follows
 * from something else is left out: addresses by autoconfiguration or DHCP, the
 * link-local address that is made of the hardware address, routes to the networks
 * of addresses, routes that routers advertise.  Words with blanks in them are put
 * into quotes as the shell has them.
 *
 * run_file() takes such lines apart again; the shell is not asked.  Each line is a
 * call like any other, and the first that fails ends it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/shmifctl/shmifctl.h"

#define WORDS_MAX 200

/* ---- printing ----------------------------------------------------------- */

/* A word, in quotes if the shell would see more than one, or something else. */
static void
put_word(const char *word)
{
	static const char plain[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	    "-_./:%+,@=";

	putchar(' ');
	if (word[0] != '\0' && strspn(word, plain) == strlen(word)) {
		fputs(word, stdout);
		return;
	}
	putchar('\'');
	for (; *word != '\0'; word++) {
		char one[2] = { *word, '\0' };

		if (*word == '\'')
			fputs("'\\''", stdout);
		else
			put_clean(stdout,
			    (unsigned char)*word < 128 ? one : "");
		if ((unsigned char)*word >= 128)
			putchar(*word);
	}
	putchar('\'');
}

static void
put_words(const char *lead, const char *word)
{
	printf(" %s", lead);
	put_word(word);
}

/* Whether A, a link-local address, is the one that MAC makes. */
static bool
made_of_mac(const char *addr, const char *mac)
{
	unsigned m[6];
	uint8_t want[16] = { 0xfe, 0x80 }, have[16];

	if (inet_pton(AF_INET6, addr, have) != 1 || have[0] != 0xfe ||
	    (have[1] & 0xc0) != 0x80 ||
	    sscanf(mac, "%2x:%2x:%2x:%2x:%2x:%2x", &m[0], &m[1], &m[2], &m[3],
		&m[4], &m[5]) != 6)
		return false;
	want[8] = (uint8_t)(m[0] ^ 2);
	want[9] = (uint8_t)m[1];
	want[10] = (uint8_t)m[2];
	want[11] = 0xff;
	want[12] = 0xfe;
	want[13] = (uint8_t)m[3];
	want[14] = (uint8_t)m[4];
	want[15] = (uint8_t)m[5];
	return memcmp(want, have, sizeof(have)) == 0;
}

static void
put_addresses(struct json_object *i)
{
	const char *mac = get_string(i, "mac");
	struct json_object *list;
	size_t n;

	list = get_array(i, "addresses", &n);
	for (size_t j = 0; j < n; j++) {
		struct json_object *a = json_object_array_get_idx(list, j);
		const char *addr = get_string(a, "addr");
		char text[ADDR_TEXT];

		if (strcmp(get_string(a, "origin"), "manual") != 0 ||
		    made_of_mac(addr, mac) ||
		    (get_bool(i, "dhcp") &&
			strcmp(get_string(a, "family"), "inet") == 0))
			continue;
		snprintf(text, sizeof(text), "%.44s/%d", addr,
		    (int)get_int(a, "prefix"));
		put_words(get_string(a, "family"), text);
		fputs(" alias", stdout);
	}
}

static void
put_interface(struct json_object *i)
{
	const char *path = get_string(i, "path"), *kind = get_string(i, "kind");
	bool shmif = strcmp(kind, "shmif") == 0;

	if (get_bool(i, "loopback"))
		return;
	put_clean(stdout, get_string(i, "name"));
	fputs(" create", stdout);
	if (!get_bool(i, "autoconf") && shmif)
		fputs(" -autoconf", stdout);
	if (path[0] != '\0')
		put_words("linkstr", path);
	if (shmif) {
		put_words("ether", get_string(i, "mac"));
		printf(" mtu %d", (int)get_int(i, "mtu"));
		if (get_bool(i, "promisc"))
			fputs(" promisc", stdout);
	}
	if (shmif && !get_bool(i, "redirects"))
		fputs(" -redirects", stdout);
	put_addresses(i);
	if (get_bool(i, "dhcp"))
		fputs(" dhcp", stdout);
	if (get_bool(i, "up"))
		fputs(" up", stdout);
	if (shmif && strcmp(get_string(i, "media"), "none") == 0 &&
	    path[0] != '\0')
		fputs(" media none", stdout);
	putchar('\n');
}

/* The interface NAME in LIST, or NULL. */
static struct json_object *
find_if(struct json_object *list, const char *name)
{
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);

		if (strcmp(get_string(o, "name"), name) == 0)
			return o;
	}
	return NULL;
}

static void
put_route(struct json_object *interfaces, struct json_object *r)
{
	struct json_object *i = find_if(interfaces, get_string(r, "if"));
	const char *via = get_string(r, "via");
	bool six = strcmp(get_string(r, "family"), "inet6") == 0;
	int prefix = (int)get_int(r, "prefix");
	char dst[ADDR_TEXT];

	/* Of an address, the loopback, slirp; or advertised. */
	if (i == NULL || get_bool(i, "loopback") ||
	    (via[0] == '\0' && (prefix != 0 || six)) ||
	    (via[0] == '\0' && strcmp(get_string(i, "kind"), "slirp") != 0) ||
	    (six && prefix == 0 && get_bool(i, "autoconf")) ||
	    (!six && prefix == 0 && get_bool(i, "dhcp")))
		return;
	fputs("route add", stdout);
	if (prefix == 0) {
		fputs(six ? " -inet6 default" : " -inet default", stdout);
	} else {
		snprintf(dst, sizeof(dst), "%.44s/%d", get_string(r, "dst"),
		    prefix);
		put_word(dst);
	}
	if (via[0] != '\0')
		put_word(via);
	put_words("-interface", get_string(r, "if"));
	putchar('\n');
}

/* A neighbour that was set, or is published. */
static void
put_neighbour(struct json_object *interfaces, struct json_object *e)
{
	struct json_object *i = find_if(interfaces, get_string(e, "if"));
	const char *state = get_string(e, "state"), *mac = get_string(e, "mac");
	bool published = strcmp(state, "published") == 0;

	if (!published && strcmp(state, "static") != 0)
		return;
	fputs(strcmp(get_string(e, "family"), "inet6") == 0 ? "ndp" : "arp",
	    stdout);
	put_words("-s", get_string(e, "addr"));
	if (published && strcmp(mac, get_string(i, "mac")) == 0)
		mac = "auto";
	put_word(mac);
	put_word(get_string(e, "if"));
	puts(published ? " pub" : "");
}

int
verb_save(const struct call *c, int argc, char **argv)
{
	struct json_object *ops, *results, *list, *interfaces;
	size_t n, k;
	int status;

	if (argc > 0)
		return complain(USAGE, "save: %s: nothing comes after it",
		    argv[0]);
	ops = json_object_new_array();
	op_add(ops, "show");
	op_add(ops, "routes");
	op_add(ops, "neigh");
	op_add(ops, "hello");
	if ((status = ask(c, ops, true, &results)) != OK)
		return status;
	interfaces = get_array(json_object_array_get_idx(results, 0),
	    "interfaces", &n);
	for (size_t i = 0; i < n; i++)
		put_interface(json_object_array_get_idx(interfaces, i));
	list = get_array(json_object_array_get_idx(results, 1), "routes", &k);
	for (size_t i = 0; i < k && interfaces != NULL; i++)
		put_route(interfaces, json_object_array_get_idx(list, i));
	list = get_array(json_object_array_get_idx(results, 2), "neighbours",
	    &k);
	for (size_t i = 0; i < k && interfaces != NULL; i++)
		put_neighbour(interfaces, json_object_array_get_idx(list, i));
	if (get_bool(json_object_array_get_idx(results, 3), "forwarding"))
		fputs("forward on\n", stdout);
	json_object_put(results);
	return OK;
}

/* ---- running ------------------------------------------------------------ */

/*
 * Takes LINE apart in place, into ARGV, of WORDS_MAX and a NULL: blanks between
 * words, 'quotes', "quotes", \ before a character, and # before a comment.
 * Returns how many words there are, or -1: a quote is not closed, or there are
 * too many.
 */
static int
split(char *line, char **argv)
{
	char *from = line, *to = line, quote;
	int argc = 0;

	for (;;) {
		while (*from == ' ' || *from == '\t')
			from++;
		if (*from == '\0' || *from == '#')
			break;
		if (argc == WORDS_MAX)
			return -1;
		argv[argc++] = to;
		for (quote = '\0'; *from != '\0'; from++) {
			if (quote != '\0' && *from == quote)
				quote = '\0';
			else if (quote == '\0' &&
			    (*from == '\'' || *from == '"'))
				quote = *from;
			else if (quote != '\'' && *from == '\\' &&
			    from[1] != '\0')
				*to++ = *++from;
			else if (quote == '\0' &&
			    (*from == ' ' || *from == '\t'))
				break;
			else
				*to++ = *from;
		}
		if (quote != '\0')
			return -1;
		if (*from != '\0')
			from++;
		*to++ = '\0';
	}
	argv[argc] = NULL;
	return argc;
}

int
run_file(const char *name,
    int (*run)(const struct call *c, int argc, char **argv),
    const struct call *c)
{
	bool in = strcmp(name, "-") == 0;
	FILE *f = in ? stdin : fopen(name, "re");
	char *line = NULL, *argv[WORDS_MAX + 1];
	unsigned number = 0;
	size_t size = 0;
	ssize_t n;
	int argc, status = OK;

	if (f == NULL)
		return complain(FAILED, "%s: %s", name, strerror(errno));
	while (status == OK && (n = getline(&line, &size, f)) > 0) {
		number++;
		if (line[n - 1] == '\n')
			line[n - 1] = '\0';
		if ((argc = split(line, argv)) == -1)
			status = complain(FAILED,
			    "a quote is not closed, or too many words");
		else if (argc > 0)
			status = run(c, argc, argv);
		if (status != OK)
			complain(FAILED,
			    "%s: line %u failed: what comes after "
			    "it was not done",
			    in ? "standard input" : name, number);
	}
	if (status == OK && ferror(f))
		status = complain(FAILED, "%s: %s", name, strerror(errno));
	free(line);
	if (!in)
		fclose(f);
	return status;
}
