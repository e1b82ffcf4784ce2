/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * served.c - a program that lets shmifctl look at its own stack
 *
 *	served bus.file unix://served.sock &
 *	shmifctl -s unix://served.sock -a
 *	shmifctl -s unix://served.sock shmif0 inet 10.0.0.7/24
 *
 * Whatever the program does with its stack goes on meanwhile.  This one
 * answers datagrams to port 7 with what they say.
 */
#include <err.h>
#include <stdio.h>
#include <string.h>

#include <lwipv6.h>
#include <shmif.h>

int
main(int argc, char **argv)
{
	struct sockaddr_in any = { .sin_family = AF_INET };
	struct sockaddr_in from;
	socklen_t len;
	char buf[1500];
	int unit, error, s;
	ssize_t n;

	if (argc != 3) {
		fprintf(stderr, "usage: served bus.file unix://path\n");
		return 2;
	}
	if ((error = shmif_create(argv[1], &unit)) != 0)
		errx(1, "%s: %s", argv[1], strerror(error));
	if ((error = shmif_up(unit)) != 0)
		errx(1, "shmif%d: %s", unit, strerror(error));
	/* One thread more, and the stack can be set up from outside. */
	if ((error = shmif_init_server(argv[2])) != 0)
		errx(1, "%s: %s", argv[2], strerror(error));
	any.sin_port = htons(7);
	if ((s = lwip_socket(AF_INET, SOCK_DGRAM, 0)) == -1 ||
	    lwip_bind(s, (struct sockaddr *)&any, sizeof(any)) == -1)
		errx(1, "no socket");
	for (;;) {
		len = sizeof(from);
		n = lwip_recvfrom(s, buf, sizeof(buf), 0,
		    (struct sockaddr *)&from, &len);
		if (n > 0)
			lwip_sendto(s, buf, (int)n, 0, (struct sockaddr *)&from,
			    len);
	}
}
