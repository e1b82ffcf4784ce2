/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * known.c - the words of ifconfig, ip, route and arp that fingers know
 *
 * DOC: Translation
 *
 * What other programs call something is translated to our words before anything
 * is done; the commands know nothing of it.  There are two tables of rules.  A
 * rule has a pattern and what becomes of it, both lists of tokens:
 *
 *	IF    the name of an interface
 *	ADDR  an address, with a prefix or without
 *	WORD  anything
 *	...   all that follows, also nothing
 *	$1    what the first of these stood for
 *	@1    "inet" or "inet6", as the address $1 is of one family or the other
 *
 * Any other token is itself.  The rules of calls look at the whole call, one
 * after the other, and what one makes is looked at by those behind it.  The rules
 * of words look at each place of a call about an interface where a word may
 * stand, not at values.  No call becomes longer than WORDS words: one that would
 * is left as it is.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "ctl/shmifctl/shmifctl.h"

#define WORDS 256
#define CAPTURES 4
#define TOKEN 24

struct rule {
	const char *pattern, *becomes;
};

static const struct rule calls[] = {
	{ "ifconfig -a", "show" },
	{ "ifconfig -s", "netstat -i" },
	{ "ifconfig IF -a", "show $1" },
	{ "ifconfig ...", "..." },
	{ "address ...", "addr ..." },
	{ "a ...", "addr ..." },
	{ "l ...", "link ..." },
	{ "r ...", "route ..." },
	{ "neighbour ...", "neigh ..." },
	{ "neighbor ...", "neigh ..." },
	{ "n ...", "neigh ..." },
	{ "addr", "show" },
	{ "addr show ...", "show ..." },
	{ "addr list ...", "show ..." },
	{ "addr add ADDR dev IF", "$2 @1 $1 alias" },
	{ "addr add ADDR broadcast WORD dev IF", "$3 @1 $1 alias" },
	{ "addr add ADDR brd WORD dev IF", "$3 @1 $1 alias" },
	{ "addr replace ADDR dev IF", "$2 @1 $1" },
	{ "addr del ADDR dev IF", "$2 @1 $1 -alias" },
	{ "addr delete ADDR dev IF", "$2 @1 $1 -alias" },
	{ "link", "show" },
	{ "link show ...", "show ..." },
	{ "link list ...", "show ..." },
	{ "link set dev IF ...", "link set $1 ..." },
	{ "link set IF promisc on", "$1 promisc" },
	{ "link set IF promisc off", "$1 -promisc" },
	{ "link set IF carrier on", "$1 media auto" },
	{ "link set IF carrier off", "$1 media none" },
	{ "link set IF ...", "$1 ..." },
	{ "link add dev IF ...", "link add $1 ..." },
	{ "link add name IF ...", "link add $1 ..." },
	{ "link add IF type shmif ...", "link add $1 ..." },
	{ "link add IF ...", "$1 create ..." },
	{ "link del dev IF", "$1 destroy" },
	{ "link del IF", "$1 destroy" },
	{ "link delete IF", "$1 destroy" },
	{ "show dev IF", "show $1" },
	{ "route -n", "route" },
	{ "route -n ...", "route ..." },
	{ "route list", "route" },
	{ "route print", "route" },
	{ "route del ...", "route delete ..." },
	{ "route replace ...", "route change ..." },
	{ "neigh show", "neigh" },
	{ "neigh list", "neigh" },
	{ "neigh show dev IF", "neigh $1" },
	{ "neigh list dev IF", "neigh $1" },
	{ "neigh add ADDR lladdr WORD dev IF ...", "neigh -s $1 $2 $3 ..." },
	{ "neigh add ADDR dev IF lladdr WORD ...", "neigh -s $1 $3 $2 ..." },
	{ "neigh replace ADDR lladdr WORD dev IF ...",
	    "neigh -s $1 $2 $3 ..." },
	{ "neigh add proxy ADDR dev IF", "neigh -s $1 auto $2 pub" },
	{ "neigh del proxy ADDR dev IF", "neigh -d $1 $2 pub" },
	{ "neigh -s WORD WORD IF nud permanent", "neigh -s $1 $2 $3" },
	{ "neigh del ADDR dev IF", "neigh -d $1 $2" },
	{ "neigh delete ADDR dev IF", "neigh -d $1 $2" },
	{ "neigh del ADDR", "neigh -d $1" },
	{ "netstat -r", "route" },
	{ "netstat -rn", "route" },
	{ "netstat -nr", "route" },
	{ "netstat -i", "show" },
	{ "netstat -in", "show" },
	{ "netstat ...", "ss ..." },
	{ "tracepath ...", "traceroute ..." },
	{ "traceroute6 ...", "traceroute -6 ..." },
	{ "ping6 ...", "ping -6 ..." },
	{ "arp -n ...", "arp ..." },
	{ "arp -an ...", "arp ..." },
	{ "ndp -n ...", "ndp ..." },
	{ "ndp -an ...", "ndp ..." },
};

static const struct rule words[] = {
	/* As they are: what follows is a value. */
	{ "netmask WORD", "netmask $1" },
	{ "prefixlen WORD", "prefixlen $1" },
	/* It follows from the address and its prefix. */
	{ "broadcast WORD", "" },
	{ "hw ether WORD", "ether $1" },
	{ "address WORD", "ether $1" },
	{ "inet add ADDR", "@1 $1 alias" },
	{ "inet6 add ADDR", "@1 $1 alias" },
	{ "inet del ADDR", "@1 $1 -alias" },
	{ "inet6 del ADDR", "@1 $1 -alias" },
	{ "inet delete ADDR", "@1 $1 -alias" },
	{ "inet6 delete ADDR", "@1 $1 -alias" },
	{ "add ADDR", "@1 $1 alias" },
	{ "alias ADDR", "@1 $1 alias" },
	{ "del ADDR", "@1 $1 -alias" },
	{ "delete ADDR", "@1 $1 -alias" },
	{ "-alias ADDR", "@1 $1 -alias" },
	{ "ADDR", "@1 $1" },
};

/* What a pattern's tokens stood for. */
struct match {
	char *capture[CAPTURES];
	unsigned n;
	int length; /* words that the pattern took, without "..." */
};

static bool
is_addr(const char *text)
{
	char host[INET6_ADDRSTRLEN];
	size_t n = strcspn(text, "%/");
	uint8_t bytes[16];

	if (n >= sizeof(host))
		return false;
	memcpy(host, text, n);
	host[n] = '\0';
	return inet_pton(AF_INET, host, bytes) == 1 ||
	    inet_pton(AF_INET6, host, bytes) == 1;
}

/* Takes the next token of *AT; false: there is none. */
static bool
next_token(const char **at, char token[TOKEN])
{
	size_t n;

	*at += strspn(*at, " ");
	n = strcspn(*at, " ");
	if (n == 0 || n >= TOKEN)
		return false;
	memcpy(token, *at, n);
	token[n] = '\0';
	*at += n;
	return true;
}

/* Whether ARGV begins with PATTERN; with WHOLE, is all of it. */
static bool
matches(const char *pattern, int argc, char **argv, bool whole, struct match *m)
{
	char token[TOKEN];
	bool capture;

	*m = (struct match){ .n = 0 };
	while (next_token(&pattern, token)) {
		if (strcmp(token, "...") == 0)
			return true;
		if (m->length == argc)
			return false;
		capture = true;
		if (strcmp(token, "IF") == 0) {
			if (!text_ifname(argv[m->length], true))
				return false;
		} else if (strcmp(token, "ADDR") == 0) {
			if (!is_addr(argv[m->length]))
				return false;
		} else if (strcmp(token, "WORD") != 0) {
			if (strcmp(token, argv[m->length]) != 0)
				return false;
			capture = false;
		}
		if (capture)
			m->capture[m->n++] = argv[m->length];
		m->length++;
	}
	return !whole || m->length == argc;
}

/* A literal of the tables, as a word that lives on. */
static char *
literal(const char *token)
{
	static char pool[WORDS * 4][TOKEN];
	static unsigned n;

	if (n == WORDS * 4)
		return NULL;
	return strcpy(pool[n++], token);
}

/*
 * Replaces the LENGTH words at AT of the call by BECOMES, for M.  Returns how
 * many words that are, or -1: there are too many.
 */
static int
replace(const char *becomes, const struct match *m, int *argc, char **argv,
    int at)
{
	char token[TOKEN], *made[WORDS];
	int n = 0, rest = *argc - at - m->length;

	while (next_token(&becomes, token) && strcmp(token, "...") != 0) {
		unsigned i = (unsigned)(token[1] - '1');

		if (n == WORDS)
			return -1;
		if (token[0] == '$')
			made[n] = m->capture[i];
		else if (token[0] == '@')
			made[n] = literal(strchr(m->capture[i], ':') != NULL ?
				"inet6" :
				"inet");
		else
			made[n] = literal(token);
		if (made[n++] == NULL)
			return -1;
	}
	if (at + n + rest > WORDS)
		return -1;
	memmove(argv + at + n, argv + at + m->length,
	    (size_t)rest * sizeof(*argv));
	memcpy(argv + at, made, (size_t)n * sizeof(*argv));
	*argc = at + n + rest;
	return n;
}

/* The words about an interface, behind its name. */
static void
known_words(int *argc, char **argv)
{
	bool bare = false, said = false;
	struct match m;
	size_t j;
	int i = 1, n;

	while (i < *argc) {
		for (j = 0; j < sizeof(words) / sizeof(words[0]); j++)
			if (matches(words[j].pattern, *argc - i, argv + i,
				false, &m))
				break;
		said |= strcmp(argv[i], "up") == 0 ||
		    strcmp(argv[i], "down") == 0;
		if (j == sizeof(words) / sizeof(words[0])) {
			i += 1 + word_values(argv[i]);
			continue;
		}
		bare |= strcmp(words[j].pattern, "ADDR") == 0;
		n = replace(words[j].becomes, &m, argc, argv, i);
		i += n == -1 ? m.length : n;
	}
	/* As ifconfig(8): an address that is set begins the interface's use. */
	if (bare && !said && *argc < WORDS)
		argv[(*argc)++] = literal("up");
}

char **
known(int *argc, char **argv)
{
	static char *made[WORDS + 1];
	struct match m;

	if (*argc == 0 || *argc > WORDS)
		return argv;
	memcpy(made, argv, (size_t)*argc * sizeof(*argv));
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (matches(calls[i].pattern, *argc, made, true, &m))
			replace(calls[i].becomes, &m, argc, made, 0);
	if (*argc > 1 &&
	    (text_ifname(made[0], false) || strcmp(made[1], "create") == 0))
		known_words(argc, made);
	made[*argc] = NULL;
	return made;
}

/* ---- did you mean -------------------------------------------------------- */

/* How many letters of A have to change to get B; WORD_MAX and more: many. */
#define WORD_MAX 16
static unsigned
distance(const char *a, const char *b)
{
	unsigned row[WORD_MAX + 1], before, here;
	size_t n = strlen(a), k = strlen(b);

	if (n > WORD_MAX || k > WORD_MAX)
		return WORD_MAX;
	for (unsigned j = 0; j <= k; j++)
		row[j] = j;
	for (unsigned i = 1; i <= n; i++) {
		before = row[0];
		row[0] = i;
		for (unsigned j = 1; j <= k; j++) {
			here = before + (a[i - 1] != b[j - 1]);
			before = row[j];
			if (row[j] + 1 < here)
				here = row[j] + 1;
			if (row[j - 1] + 1 < here)
				here = row[j - 1] + 1;
			row[j] = here;
		}
	}
	return row[k];
}

/* Whether A has just the letters of B, in another order. */
static bool
anagram(const char *a, const char *b)
{
	int count[256] = { 0 };

	if (strlen(a) != strlen(b))
		return false;
	for (; *a != '\0'; a++, b++) {
		count[(uint8_t)*a]++;
		count[(uint8_t)*b]--;
	}
	for (size_t i = 0; i < 256; i++)
		if (count[i] != 0)
			return false;
	return true;
}

void
nearest(const char *word, const char *candidate, struct guess *g)
{
	unsigned d = distance(word, candidate);

	/* One letter is wrong, or two of a long word, or two are exchanged. */
	if ((d == 1 || (d == 2 && strlen(candidate) >= 7) ||
		(d == 2 && anagram(word, candidate))) &&
	    strlen(word) > 2 && (g->word == NULL || d < g->away)) {
		g->word = candidate;
		g->away = d;
	}
}
