/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmifctl - ifconfig for a stack that is a process
 *
 * See shmifctl.h for how a call goes.  It is not linked with any stack: it
 * lives for a millisecond, and most of that would be spent on loading one.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/tool.h"
#include "ctl/shmifctl/shmifctl.h"

#define PROGRAM "shmifctl"

const char tool_name[] = PROGRAM;
const char tool_usage[] =
    "usage: " PROGRAM " [-s URL] [-jv] [-a | -l | INTERFACE]\n"
    "       " PROGRAM " [-s URL] [-j] INTERFACE WORD...\n"
    "       " PROGRAM " [-s URL] [-jv] COMMAND [ARGUMENT...]\n"
    "       " PROGRAM " --help | --version\n"
    "Shows and configures the interfaces of a stack that is a process.\n"
    "\n"
    "  -s, --server URL  the server, as unix:///path; else $SHMIF_SERVER\n"
    "  -a, --all         show all interfaces, as without arguments\n"
    "  -l, --list        show their names only\n"
    "  -v, --verbose     show counters too\n"
    "  -j, --json        show JSON\n"
    "      --help        show this text\n"
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
    "  radv              create it so that it may advertise its router\n"
    "  destroy           remove it\n"
    "\n"
    "commands:\n"
    "  route [show]      show the routes\n"
    "  route add|delete DESTINATION [GATEWAY] [-interface INTERFACE]\n"
    "  arp, ndp          [INTERFACE] show the neighbours; -d ADDRESS "
    "INTERFACE\n"
    "                    forgets one\n"
    "  ping HOST         [-c COUNT] [-i SECONDS] [-s BYTES] [-W SECONDS]\n"
    "  forward on|off    forward between interfaces, or not\n"
    "  radv FILE         send router advertisements as FILE says\n"
    "  show [INTERFACE]  show it, or all of them\n"
    "  help              show this text\n"
    "  server            show what serves there\n"
    "  halt              end it\n"
    "  bus PATH          [show] a bus and who is attached; needs no server\n"
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
	{ "ndp", verb_ndp },
	{ "ping", verb_ping },
	{ "radv", verb_radv },
	{ "route", verb_route },
	{ "server", verb_server },
	{ "show", verb_show },
};

/* Says on stderr, in one line and cleaned, what is wrong.  Returns STATUS. */
int
complain(int status, const char *fmt, ...)
{
	char *text;
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "%s: ", tool_name);
	if (vasprintf(&text, fmt, ap) != -1) {
		put_clean(stderr, text);
		free(text);
	}
	va_end(ap);
	if (status == USAGE)
		fputs(" (try '" PROGRAM " --help')", stderr);
	putc('\n', stderr);
	return status;
}

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

/* Everything behind the options. */
static int
run(const struct call *c, int argc, char **argv)
{
	const char *ifname;

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

int
main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "all", no_argument, NULL, 'a' },
		{ "json", no_argument, NULL, 'j' },
		{ "list", no_argument, NULL, 'l' },
		{ "server", required_argument, NULL, 's' },
		{ "verbose", no_argument, NULL, 'v' },
		TOOL_LONG_OPTIONS,
	};
	struct call c = { .url = getenv("SHMIF_SERVER") };
	bool all = false, names = false;
	int o;

	opterr = 0;
	/* "+": a word may begin with a hyphen. */
	while ((o = tool_option(argc, argv, "+:ajls:vV", longs)) != -1)
		switch (o) {
		case 'a':
			all = true;
			break;
		case 'j':
			c.json = true;
			break;
		case 'l':
			names = true;
			break;
		case 's':
			c.url = optarg;
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
	if (all + names + (argc > 0) > 1)
		return complain(USAGE, "-a, -l or an interface, one of them");
	return finish(names ? show_names(&c) :
		argc == 0   ? show(&c, NULL) :
			      run(&c, argc, argv));
}
