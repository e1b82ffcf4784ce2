/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ctlask.c - one request to a control socket
 *
 *	ctlask path OP... 	OP is JSON with ' for "
 *
 * Shows the replies, a line each.  0: the last one is ok; 1: it is not, or
 * there is none.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/ctlclient.h"

int
main(int argc, char **argv)
{
	static char q[70000];
	char *to = q, *reply, *p;
	bool ok = false;
	int fd, i;

	if (argc < 3)
		return 2;
	if ((fd = ctl_connect(argv[1])) == -1) {
		perror(argv[1]);
		return 1;
	}
	to += sprintf(to, "{\"id\":1,\"do\":[");
	for (i = 2; i < argc && to - q < 60000; i++)
		to += snprintf(to, 5000, "%s%s", i > 2 ? "," : "", argv[i]);
	strcpy(to, "]}");
	for (p = q; *p != '\0'; p++)
		if (*p == '\'')
			*p = '"';
	if (!ctl_send(fd, q))
		return 1;
	while ((reply = ctl_recv(fd, NULL)) != NULL) {
		bool more = strstr(reply, "\"more\":true") != NULL;

		puts(reply);
		ok = strstr(reply, "\"ok\":true") != NULL;
		free(reply);
		if (!more)
			break;
	}
	return ok ? 0 : 1;
}
