/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * main.c - mstack: runs a command whose sockets are those of a stack
 *
 * See launch.h for how.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/tool.h"
#include "mstack/launch/launch.h"

#define WORDS_MAX 64

const char tool_name[] = "mstack";
const char tool_usage[] =
    "usage: mstack [-hv] [-o protocol list] stack_mountpoint command\n"
    "       mstack [-hv] [-o protocol list] [-t stack] -c words [-c words]...\n"
    "              [--] command\n"
    "       mstack --help | --version\n"
    "Runs command with the stack at stack_mountpoint as its default stack: "
    "the\n"
    "socket of a shmif_server (a path, or unix://path), or null, which is "
    "none.\n"
    "\n"
    "  -c WORDS   the stack is one for the command alone, set up by shmifctl\n"
    "             with these words; may be given several times\n"
    "  -h, --help show this text\n"
    "  -o LIST    the protocol families, comma separated: all, unix (u),\n"
    "             ipv4 (4), ipv6 (6), netlink (n), packet (p), bluetooth (b),\n"
    "             irda (i), ip (ipv4, ipv6, netlink, packet), #N; each with +\n"
    "             or - before it is added to or removed from the set\n"
    "  -t STACK   with -c: which stack: lwipv6\n"
    "  -v         say what is done\n"
    "  -V, --version\n"
    "             show the version\n";

int
main(int argc, char **argv)
{
	static const struct option longs[] = {
		TOOL_LONG_OPTIONS,
	};
	const char *words[WORDS_MAX + 1] = { NULL };
	struct launch l = { .families = FAMILIES_ALL };
	size_t n = 0;
	char bad[32];
	int c;

	/* The command's options are its own: the first word ends ours. */
	while ((c = tool_option(argc, argv, "+c:ho:t:vV", longs)) != -1)
		switch (c) {
		case 'c':
			if (n == WORDS_MAX)
				tool_usage_error("too many -c", NULL);
			words[n++] = optarg;
			break;
		case 'h':
			fputs(tool_usage, stdout);
			return fflush(stdout) == 0 ? 0 : 1;
		case 'o':
			if (!protocols_parse(optarg, &l.families, bad))
				tool_usage_error("-o: no such protocol: ", bad);
			break;
		case 't':
			l.type = optarg;
			break;
		case 'v':
			l.verbose = true;
			break;
		}
	l.words = words;
	if (n == 0 && l.type != NULL)
		tool_usage_error("-t is for -c", NULL);
	if (n == 0) {
		if (optind >= argc)
			tool_usage_error("which stack?", NULL);
		l.stack = argv[optind++];
		if (l.stack[0] == '\0')
			tool_usage_error("which stack?", NULL);
	}
	if (optind >= argc)
		tool_usage_error("which command?", NULL);
	l.command = argv + optind;
	return family_run(&l);
}
