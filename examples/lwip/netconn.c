/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * netconn.c - counts the bytes of each connection to TCP port 9, and says how
 * many there were: lwIP's netconn API, a thread for each connection
 *
 *	netconn bus.file 10.0.0.2/24,fd00::2/64
 */
#include <err.h>
#include <stdio.h>

#include <lwip/api.h>
#include <lwip/sys.h>

#include "common/host.h"

static void
count(void *arg)
{
	struct netconn *conn = arg;
	struct netbuf *buf;
	unsigned long n = 0;
	char text[32];
	int len;

	/* The data of a netbuf is where the frames were put: not copied. */
	while (netconn_recv(conn, &buf) == ERR_OK) {
		n += netbuf_len(buf);
		netbuf_delete(buf);
	}
	len = snprintf(text, sizeof(text), "%lu bytes\n", n);
	netconn_write(conn, text, (size_t)len, NETCONN_COPY);
	netconn_close(conn);
	netconn_delete(conn);
}

static void
serve(void *arg)
{
	struct netconn *listener = arg, *conn;

	while (netconn_accept(listener, &conn) == ERR_OK)
		sys_thread_new("count", count, conn, 0, 0);
}

int
main(int argc, char **argv)
{
	struct netconn *listener;

	if (argc != 3) {
		fprintf(stderr, "usage: netconn bus.file ADDRESSES\n");
		return 2;
	}
	host(argv[1], argv[2]);
	listener = netconn_new(NETCONN_TCP_IPV6);
	if (listener == NULL ||
	    netconn_bind(listener, IP_ANY_TYPE, 9) != ERR_OK ||
	    netconn_listen(listener) != ERR_OK)
		errx(1, "cannot listen");
	sys_thread_new("serve", serve, listener, 0, 0);
	return host_wait(1);
}
