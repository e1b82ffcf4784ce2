/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmifctl - ifconfig for a stack that is a process
 *
 * See shmifctl.h for how a call goes.  It is not linked with any stack: it
 * lives for a millisecond, and most of that would be spent on loading one.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/tool.h"
#include "ctl/shmifctl/shmifctl.h"

#define PROGRAM "shmifctl"

const char tool_name[] = PROGRAM;
const char tool_usage[] =
    "usage: " PROGRAM " [-s URL] [-jv] [-a | -l | INTERFACE]\n"
    "       " PROGRAM " [-s URL] [-j] INTERFACE WORD...\n"
    "       " PROGRAM " [-s URL] [-jv] COMMAND [ARGUMENT...]\n"
    "       " PROGRAM " [-s URL] [-jv] -f FILE\n"
    "       " PROGRAM " --help | --version\n"
    "Shows and configures the interfaces of a stack that is a process.\n"
    "\n"
    "  -s, --server URL  the server, as unix:///path or a mere path; else\n"
    "                    $SHMIF_SERVER; given again: one more\n"
    "  -f, --file FILE   do what each line of FILE says; - is standard input\n"
    "  -a, --all         show all interfaces, as without arguments\n"
    "  -l, --list        show their names only\n"
    "  -v, --verbose     show counters too\n"
    "  -j, --json        show JSON\n"
    "  -b, --brief       show a line for each interface, as -br of ip; -4 or "
    "-6:\n"
    "                    show what concerns that family\n"
    "  -h, --help        show this text\n"
    "  -V, --version     show the version\n"
    "\n"
    "words, any number in a call, which is carried out whole or not at all:\n"
    "  create            make INTERFACE; without a number, the next free one\n"
    "  linkstr PATH      connect it to the bus PATH\n"
    "  -linkstr          disconnect it\n"
    "  inet ADDRESS      [/PREFIX] [netmask MASK | prefixlen N] set the "
    "address\n"
    "  inet6 ADDRESS     [/PREFIX] [prefixlen N] add an address; with any of\n"
    "                    the two: alias adds it, -alias or delete removes it\n"
    "  up, down          begin and end to use it\n"
    "  mtu N             set the MTU\n"
    "  ether MAC         set the hardware address; so does lladdr MAC\n"
    "  promisc, -promisc  let packet sockets see everything, or not\n"
    "  media auto|none   plug the cable in, or pull it\n"
    "  dhcp, -dhcp       have IPv4 configured, or not\n"
    "  autoconf, -autoconf  have IPv6 configured, or not\n"
    "  redirects, -redirects  obey routers that name a better hop, or not\n"
    "  radv              create it so that it may advertise its router\n"
    "  wait              until its addresses are in use; fail if others have "
    "one\n"
    "  destroy           remove it\n"
    "\n"
    "commands:\n"
    "  route [show]      show the routes\n"
    "  route add|delete|change DESTINATION [GATEWAY] [-interface INTERFACE]\n"
    "  route             get ADDRESS: show which one leads there\n"
    "  route             flush: remove those by a gateway\n"
    "  arp, ndp          [INTERFACE] show the neighbours\n"
    "  arp, ndp          -s ADDRESS MAC [INTERFACE] [pub]: set one; pub: "
    "answer\n"
    "                    others who ask for ADDRESS, with MAC or auto\n"
    "  arp, ndp          -d ADDRESS [INTERFACE] [pub]: forget one\n"
    "  ss                [-tuwalnpH46] show sockets: state, queues, owner;\n"
    "                    netstat is the same\n"
    "  ping HOST         [-c COUNT] [-i SECONDS] [-s BYTES] [-W SECONDS]\n"
    "                    [-t TTL] [-I INTERFACE] [-f] [-q]\n"
    "  traceroute HOST   [-m HOPS] [-w SECONDS] show the way there\n"
    "  forward on|off    forward between interfaces, or not\n"
    "  radv FILE         send router advertisements as FILE says\n"
    "  show [INTERFACE]  show it, or all of them\n"
    "  help              show this text\n"
    "  save              show what makes the present state again, for -f\n"
    "  server            show what serves there\n"
    "  log               show its last messages\n"
    "  monitor           [link] [addr] [duplicate] [route] [neigh] [log] show\n"
    "                    changes as they happen\n"
    "  halt              end it\n"
    "  bus PATH          [show] a bus and who is attached; needs no server; "
    "-o\n"
    "                    metrics: for Prometheus\n"
    "  bus PATH          create [mtu N] [slots N] [mode 660]: make it\n"
    "  bus PATH          wait N [timeout SECONDS]: until N attachments are "
    "alive\n"
    "\n"
    "Much of what ifconfig, ip, route and arp call it is understood too.\n";

static int
verb_help(const struct call *c, int argc, char **argv)
{
	(void)c;
	(void)argc;
	(void)argv;
	fputs(tool_usage, stdout);
	return OK;
}

static const struct {
	const char *name;
	int (*run)(const struct call *c, int argc, char **argv);
} verbs[] = {
	{ "arp", verb_arp },
	{ "bus", verb_bus },
	{ "forward", verb_forward },
	{ "halt", verb_halt },
	{ "help", verb_help },
	{ "log", verb_log },
	{ "monitor", verb_monitor },
	{ "ndp", verb_ndp },
	{ "neigh", verb_neigh },
	{ "ping", verb_ping },
	{ "radv", verb_radv },
	{ "route", verb_route },
	{ "save", verb_save },
	{ "server", verb_server },
	{ "show", verb_show },
	{ "ss", verb_ss },
	{ "traceroute", verb_traceroute },
};

/* What was written has to have arrived. */
static int
finish(int status)
{
	return status == OK && tool_flush() != 0 ? FAILED : status;
}

/*
 * If TEXT, which begins a call, is nearly a command or a word, and no interface,
 * says so.
 */
static int
nearly(const char *text)
{
	struct guess g = { NULL, 0 };

	if (text_ifname(text, false))
		return OK;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		nearest(text, verbs[i].name, &g);
	words_nearest(text, &g);
	return g.word == NULL ? OK :
				complain(FAILED,
				    "%s: neither an interface nor a command: "
				    "did you mean %s?",
				    text, g.word);
}

/*
 * Takes the options that ip(8) has before its first word: those behind "ip".
 * Returns how many words these are, or 0: there is one that is not known.
 */
static int
ip_options(struct call *c, int argc, char **argv)
{
	int i;

	for (i = 1; i < argc && argv[i][0] == '-'; i++)
		if (strcmp(argv[i], "-4") == 0)
			c->family = AF_INET;
		else if (strcmp(argv[i], "-6") == 0)
			c->family = AF_INET6;
		else if (strcmp(argv[i], "-br") == 0 ||
		    strcmp(argv[i], "-brief") == 0)
			c->brief = true;
		else if (strcmp(argv[i], "-j") == 0 ||
		    strcmp(argv[i], "-json") == 0)
			c->json = true;
		else if (strcmp(argv[i], "-s") == 0 ||
		    strcmp(argv[i], "-statistics") == 0)
			c->verbose = true;
		else if (strcmp(argv[i], "-o") != 0 &&
		    strcmp(argv[i], "-d") != 0 && strcmp(argv[i], "-c") != 0 &&
		    strcmp(argv[i], "-n") != 0)
			return 0;
	return i;
}

/* Everything behind the options. */
static int
run(const struct call *given, int argc, char **argv)
{
	struct call whole = *given;
	const struct call *c = &whole;
	const char *ifname;

	if (argc > 0 && strcmp(argv[0], "ip") == 0) {
		int n = ip_options(&whole, argc, argv);

		if (n == 0)
			return complain(USAGE, "ip: unknown option %s",
			    argv[1]);
		argc -= n;
		argv += n;
	}
	argv = known(&argc, argv);
	ifname = argv[0];
	if (argc == 0)
		return show(c, NULL);
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(argv[0], verbs[i].name) == 0)
			return verbs[i].run(c, argc - 1, argv + 1);
	if (argc == 1 && text_ifname(ifname, false))
		return show(c, ifname);
	if (is_word(ifname)) {
		/* create shmif0 ...: the same as shmif0 create ... */
		if (argc == 1)
			return complain(USAGE, "%s: which interface?", ifname);
		ifname = argv[1];
		argv[1] = argv[0];
	} else if ((argc < 2 || strcmp(argv[1], "create") != 0) &&
	    nearly(ifname) != OK)
		return FAILED;
	return configure(c, ifname, argc - 1, argv + 1);
}

#define SERVERS_MAX 64

/* What the options say, beside struct call. */
struct wish {
	bool all, names;
	const char *file;
	const char *url[SERVERS_MAX];
	unsigned urls;
};

/* Does what W and the words ask of one server. */
static int
serve_one(const struct call *c, const struct wish *w, int argc, char **argv)
{
	if (w->file != NULL)
		return run_file(w->file, run, c);
	return w->names ? show_names(c) :
	    argc == 0	? show(c, NULL) :
			  run(c, argc, argv);
}

/* Of each server, one after the other.  The worst status counts. */
static int
serve_all(struct call *c, const struct wish *w, int argc, char **argv)
{
	int status = OK, worst = OK;

	if (w->urls <= 1) {
		if (w->urls == 1)
			c->url = w->url[0];
		return serve_one(c, w, argc, argv);
	}
	for (unsigned i = 0; i < w->urls; i++) {
		c->url = w->url[i];
		if (!c->json) {
			put_clean(stdout, c->url);
			puts(":");
			fflush(stdout); /* before what it may complain of */
		}
		status = serve_one(c, w, argc, argv);
		fflush(stdout);
		if (status > worst)
			worst = status;
	}
	return worst;
}

int
main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "all", no_argument, NULL, 'a' },
		{ "brief", no_argument, NULL, 'b' },
		{ "file", required_argument, NULL, 'f' },
		{ "json", no_argument, NULL, 'j' },
		{ "list", no_argument, NULL, 'l' },
		{ "server", required_argument, NULL, 's' },
		{ "verbose", no_argument, NULL, 'v' },
		TOOL_LONG_OPTIONS,
	};
	struct call c = { .url = getenv("SHMIF_SERVER") };
	struct wish w = { 0 };
	int o;

	opterr = 0;
	/* "+": a word may begin with a hyphen. */
	while ((o = tool_option(argc, argv, "+:46abf:hjlrs:vV", longs)) != -1)
		switch (o) {
		case 'a':
			w.all = true;
			break;
		case '4':
			c.family = AF_INET;
			break;
		case '6':
			c.family = AF_INET6;
			break;
		case 'b':
		case 'r': /* -br */
			c.brief = true;
			break;
		case 'f':
			w.file = optarg;
			break;
		case 'h':
			return finish(verb_help(&c, 0, NULL));
		case 'j':
			c.json = true;
			break;
		case 'l':
			w.names = true;
			break;
		case 's':
			if (w.urls == SERVERS_MAX)
				return complain(USAGE, "-s: at most %d servers",
				    SERVERS_MAX);
			w.url[w.urls++] = optarg;
			break;
		case 'v':
			c.verbose = true;
			break;
		case ':':
			return complain(USAGE, "-%c wants an argument", optopt);
		default:
			/* A long one has no letter. */
			return optopt != 0 && optopt < TOOL_HELP ?
			    complain(USAGE, "unknown option -%c", optopt) :
			    complain(USAGE, "unknown option %s",
				argv[optind - 1]);
		}
	argc -= optind;
	argv += optind;
	if (w.all + w.names + (argc > 0) > 1)
		return complain(USAGE, "-a, -l or an interface, one of them");
	if (w.file != NULL && (w.all || w.names || argc > 0))
		return complain(USAGE, "-f goes with no other words");
	return finish(serve_all(&c, &w, argc, argv));
}
