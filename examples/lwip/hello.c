/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hello.c - two programs, each with mainline lwIP, and a file
 *
 *	hello bus.file server &
 *	hello bus.file client
 *
 * The server says hello to everybody who connects; the client shows it.  The
 * same as examples/hello.c, with which it talks; what differs are the headers
 * and the library.
 */
#include <err.h>
#include <stdio.h>
#include <string.h>

#include <lwip/inet.h>
#include <lwip/sockets.h>
#include <shmif.h>

static void
serve(int s, const struct sockaddr *addr)
{
	static const char hello[] = "hello over shared memory\n";
	int c;

	if (lwip_bind(s, addr, sizeof(struct sockaddr_in)) == -1 ||
	    lwip_listen(s, 5) == -1)
		errx(1, "cannot listen");
	while ((c = lwip_accept(s, NULL, NULL)) != -1) {
		lwip_send(c, hello, sizeof(hello) - 1, 0);
		lwip_close(c);
	}
}

static void
ask(int s, const struct sockaddr *addr)
{
	char buf[100];
	ssize_t n;

	if (lwip_connect(s, addr, sizeof(struct sockaddr_in)) == -1)
		errx(1, "nobody answers at 10.0.0.1");
	while ((n = lwip_recv(s, buf, sizeof(buf), 0)) > 0)
		fwrite(buf, 1, (size_t)n, stdout);
	lwip_close(s);
}

int
main(int argc, char **argv)
{
	struct sockaddr_in addr = { .sin_len = sizeof(addr),
		.sin_family = AF_INET,
		.sin_port = lwip_htons(7000) };
	int unit, error, s, is_server;

	if (argc != 3) {
		fprintf(stderr, "usage: hello bus.file server|client\n");
		return 2;
	}
	is_server = strcmp(argv[2], "server") == 0;
	/* lwIP, and an interface that puts it on the bus. */
	if ((error = shmif_create(argv[1], &unit)) != 0)
		errx(1, "%s: %s", argv[1], strerror(error));
	if ((error = shmif_add_addr(unit,
		 is_server ? "10.0.0.1/24" : "10.0.0.2/24")) != 0 ||
	    (error = shmif_up(unit)) != 0)
		errx(1, "shmif%d: %s", unit, strerror(error));
	/* From here on it is lwIP's own: sockets, netconns or the raw API. */
	if ((s = lwip_socket(AF_INET, SOCK_STREAM, 0)) == -1)
		errx(1, "no socket");
	addr.sin_addr.s_addr = lwip_htonl(0x0a000001); /* 10.0.0.1 */
	if (is_server)
		serve(s, (struct sockaddr *)&addr);
	else
		ask(s, (struct sockaddr *)&addr);
	return 0;
}
