/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * slirppeer - both ends of connections through a slirp gateway, for slirp.bats
 *
 *	slirppeer host PORT...		serves on all addresses of the host
 *	slirppeer MODE BUS IP PORT N	is a client on a bus, 10.0.0.2 behind
 *					the gateway 10.0.0.1
 *
 * What the host does is told by the first byte of a connection: 'r', it reads
 * to the end, sends back how many bytes that were and BULK bytes; 'w', it sends
 * BULK bytes and the end, then reads to the end and says how many on standard
 * output; 'h', it keeps the connection.  It sends datagrams back.
 *
 * Modes: refused, prints the error of connect(); rthen ('r'), wthen ('w'), hold
 * (N connections 'h', kept until standard input ends), udp (N sockets, each to
 * the port, one datagram; prints how many were answered), flood (N datagrams to
 * ports from PORT on, not waited for), udperr (prints the error of a datagram).
 */
#include <sys/socket.h>
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lwipv6.h>
#include <shmif.h>

#define BULK 1000000

static char zeros[65536];

/* ---- the host ------------------------------------------------------------ */

static long
read_all(int s)
{
	static __thread char buf[65536];
	long sum = 0;
	ssize_t n;

	while ((n = recv(s, buf, sizeof(buf), 0)) > 0)
		sum += n;
	return n == 0 ? sum : -1;
}

static void
write_bulk(int s)
{
	size_t left = BULK;

	while (left > 0) {
		ssize_t n = send(s, zeros,
		    left < sizeof(zeros) ? left : sizeof(zeros), MSG_NOSIGNAL);

		if (n == -1)
			return;
		left -= (size_t)n;
	}
}

static void *
serve(void *arg)
{
	int s = (int)(long)arg;
	char what, text[32];
	long n;

	if (recv(s, &what, 1, 0) != 1)
		what = 'h';
	if (what == 'r') {
		n = read_all(s);
		snprintf(text, sizeof(text), "%10ld", n);
		send(s, text, 10, MSG_NOSIGNAL);
		write_bulk(s);
	} else if (what == 'w') {
		write_bulk(s);
		shutdown(s, SHUT_WR);
		printf("read %ld\n", read_all(s));
		fflush(stdout);
	} else {
		read_all(s);
	}
	close(s);
	return NULL;
}

static void *
echo(void *arg)
{
	int s = (int)(long)arg;
	struct sockaddr_in a;
	char buf[2048];
	ssize_t n;

	for (;;) {
		socklen_t len = sizeof(a);

		n = recvfrom(s, buf, sizeof(buf), 0, (struct sockaddr *)&a,
		    &len);
		if (n >= 0)
			sendto(s, buf, (size_t)n, 0, (struct sockaddr *)&a,
			    len);
	}
	return NULL;
}

static int
host(int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port) };
	int s = socket(AF_INET, SOCK_STREAM, 0), one = 1;
	int u = socket(AF_INET, SOCK_DGRAM, 0);
	pthread_t t;

	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(s, (struct sockaddr *)&a, sizeof(a)) != 0 ||
	    bind(u, (struct sockaddr *)&a, sizeof(a)) != 0 ||
	    listen(s, 1000) != 0)
		err(1, "%d", port);
	pthread_create(&t, NULL, echo, (void *)(long)u);
	puts("ready");
	fflush(stdout);
	for (;;) {
		int c = accept(s, NULL, NULL);

		if (c != -1 &&
		    pthread_create(&t, NULL, serve, (void *)(long)c) == 0)
			pthread_detach(t);
	}
}

/* ---- the client ---------------------------------------------------------- */

static struct sockaddr_in to;

static void
join(const char *bus)
{
	struct ip_addr any = { { 0, 0, IP64_PREFIX, 0 } };
	struct ip_addr mask = { { ~0u, ~0u, ~0u, 0 } };
	struct ip_addr hop = { { 0, 0, IP64_PREFIX, htonl(0x0a000001) } };
	int unit;

	if (shmif_create(bus, &unit) != 0 ||
	    shmif_add_addr(unit, "10.0.0.2/24") != 0 || shmif_up(unit) != 0 ||
	    lwip_add_route(shmif_stack(unit), &any, &mask, &hop,
		shmif_netif(unit), 0) != 0)
		errx(1, "%s", bus);
}

static int
dial(void)
{
	int s = lwip_socket(AF_INET, SOCK_STREAM, 0);

	if (lwip_connect(s, (struct sockaddr *)&to, sizeof(to)) != 0) {
		printf("%s\n", strerrorname_np(errno));
		exit(1);
	}
	return s;
}

static long
lwip_read_all(int s)
{
	static char buf[65536];
	long sum = 0;
	ssize_t n;

	while ((n = lwip_recv(s, buf, sizeof(buf), 0)) > 0)
		sum += n;
	return n == 0 ? sum : -1;
}

static void
lwip_write_bulk(int s)
{
	long left = BULK;

	while (left > 0) {
		ssize_t n = lwip_send(s, zeros,
		    left < (long)sizeof(zeros) ? (int)left : (int)sizeof(zeros),
		    0);

		if (n <= 0)
			errx(1, "send: %s", strerror(errno));
		left -= n;
	}
}

static int
dgram(const struct sockaddr_in *a)
{
	int s = lwip_socket(AF_INET, SOCK_DGRAM, 0);

	if (s == -1 ||
	    lwip_connect(s, (const struct sockaddr *)a, sizeof(*a)) != 0)
		err(1, "udp");
	lwip_send(s, "hello", 5, 0);
	return s;
}

static void
many_dgrams(int n)
{
	int i, got = 0, *s = calloc((size_t)n, sizeof(*s));
	char buf[100];

	for (i = 0; i < n; i++) {
		struct pollfd p = { .events = POLLIN };

		s[i] = p.fd = dgram(&to);
		if (lwip_poll(&p, 1, 3000) == 1 &&
		    lwip_recv(s[i], buf, sizeof(buf), 0) == 5)
			got++;
	}
	printf("%d\n", got);
}

static void
flood(int n)
{
	struct sockaddr_in a = to;
	int i, s = lwip_socket(AF_INET, SOCK_DGRAM, 0);

	for (i = 0; i < n; i++) {
		a.sin_port = htons((uint16_t)(ntohs(to.sin_port) + i));
		lwip_sendto(s, "x", 1, 0, (struct sockaddr *)&a, sizeof(a));
		if (i % 16 == 0)
			usleep(2000);
	}
	usleep(300000);
}

static void
dgram_error(void)
{
	int s = dgram(&to), i;
	char buf[100];

	for (i = 0; i < 20; i++) {
		struct pollfd p = { .fd = s, .events = POLLIN };

		lwip_poll(&p, 1, 500);
		if (lwip_recv(s, buf, sizeof(buf), MSG_DONTWAIT) == -1 &&
		    errno != EAGAIN) {
			printf("%s\n", strerrorname_np(errno));
			return;
		}
		lwip_send(s, "again", 5, 0);
	}
	printf("nothing\n");
}

int
main(int argc, char **argv)
{
	int i, n, s = -1;

	if (argc >= 3 && strcmp(argv[1], "host") == 0)
		return host(atoi(argv[2]));
	if (argc != 6)
		return 2;
	join(argv[2]);
	to.sin_family = AF_INET;
	inet_pton(AF_INET, argv[3], &to.sin_addr);
	to.sin_port = htons((uint16_t)atoi(argv[4]));
	n = atoi(argv[5]);
	if (strcmp(argv[1], "refused") == 0) {
		s = dial();
		puts("connected");
	} else if (strcmp(argv[1], "rthen") == 0) {
		s = dial();
		lwip_send(s, "r", 1, 0);
		lwip_write_bulk(s);
		lwip_shutdown(s, SHUT_WR);
		printf("read %ld\n", lwip_read_all(s));
	} else if (strcmp(argv[1], "wthen") == 0) {
		s = dial();
		lwip_send(s, "w", 1, 0);
		printf("read %ld\n", lwip_read_all(s));
		lwip_write_bulk(s);
		lwip_shutdown(s, SHUT_WR);
	} else if (strcmp(argv[1], "hold") == 0) {
		for (i = 0; i < n; i++)
			lwip_send(dial(), "h", 1, 0);
		printf("held %d\n", n);
		fflush(stdout);
		while (getchar() != EOF)
			continue;
		_exit(0);
	} else if (strcmp(argv[1], "udp") == 0) {
		many_dgrams(n);
	} else if (strcmp(argv[1], "flood") == 0) {
		flood(n);
	} else if (strcmp(argv[1], "udperr") == 0) {
		dgram_error();
	}
	if (s != -1)
		lwip_close(s);
	return fflush(stdout) == 0 ? 0 : 1;
}
