/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ctlhttp.c - gives a file, and nothing else, to whoever asks for a page
 *
 *	ctlhttp ADDRESS PORT FILE
 *
 * On the host's own sockets, not the stack's.
 */
#include <arpa/inet.h>
#include <sys/socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	int s = socket(AF_INET, SOCK_STREAM, 0), c, one = 1;
	char buf[8192];
	FILE *f;
	size_t n;

	if (argc != 4 || inet_pton(AF_INET, argv[1], &a.sin_addr) != 1)
		return 2;
	a.sin_port = htons((uint16_t)atoi(argv[2]));
	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(s, (struct sockaddr *)&a, sizeof(a)) == -1 ||
	    listen(s, 5) == -1) {
		perror("ctlhttp");
		return 1;
	}
	while ((c = accept(s, NULL, NULL)) != -1) {
		if (read(c, buf, sizeof(buf)) > 0 &&
		    (f = fopen(argv[3], "r")) != NULL) {
			while ((n = fread(buf, 1, sizeof(buf), f)) > 0)
				if (send(c, buf, n, MSG_NOSIGNAL) < 0)
					break;
			fclose(f);
		}
		close(c);
	}
	return 0;
}
