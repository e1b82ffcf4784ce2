/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dialect.c - a program in what all dialects of C and C++ have in common
 *
 * headers.bats compiles it as each of them.  A stack listens, connects to its
 * own address on the bus ARGV[1], and waits in all the ways whose types the
 * headers must bring along.  It prints what it received; the status tells the
 * step that failed.
 */
#include <shmif_lwipv6.h>
#include <string.h>
#include <shmif_lwipv6.h>

static int events;

static void
event(void *arg)
{
	++*(int *)arg;
}

int
main(int argc, char **argv)
{
	static char text[] = "over the bus";
	struct sockaddr_in addr;
	struct timespec second;
	struct timeval minute;
	struct stack *stack;
	struct shmif_stats st;
	struct pollfd p;
	sigset_t none;
	fd_set set;
	char buf[64];
	int unit, l, c, s, error;

	if (argc != 2)
		return 2;
	if ((error = shmif_create(argv[1], &unit)) != 0 ||
	    (error = shmif_add_addr(unit, "10.0.0.1/24")) != 0 ||
	    (error = shmif_up(unit)) != 0)
		return 3;
	stack = shmif_stack(unit);
	if (stack != lwip_stack_get() || shmif_netif(unit) == NULL)
		return 4;
	memset(&addr, 0, sizeof(addr));
	addr.sin_family = AF_INET;
	addr.sin_port = htons(7000);
	addr.sin_addr.s_addr = htonl(0x0a000001);
	l = lwip_msocket(stack, AF_INET, SOCK_STREAM, 0);
	c = lwip_socket(AF_INET, SOCK_STREAM, 0);
	if (lwip_bind(l, (struct sockaddr *)&addr, sizeof(addr)) != 0 ||
	    lwip_listen(l, 1) != 0 ||
	    lwip_connect(c, (struct sockaddr *)&addr, sizeof(addr)) != 0)
		return 5;
	minute.tv_sec = 60;
	minute.tv_usec = 0;
	FD_ZERO(&set);
	FD_SET(l, &set);
	if (lwip_select(l + 1, &set, NULL, NULL, &minute) != 1 ||
	    !FD_ISSET(l, &set))
		return 6;
	s = lwip_accept(l, NULL, NULL);
	if (shmif_event_subscribe(event, &events, s, POLLIN) != 0)
		return 7;
	if (lwip_send(c, text, (int)sizeof(text), 0) != (ssize_t)sizeof(text))
		return 8;
	p.fd = s;
	p.events = POLLIN;
	if (lwip_poll(&p, 1, 60000) != 1)
		return 9;
	second.tv_sec = 60;
	second.tv_nsec = 0;
	memset(&none, 0, sizeof(none));
	FD_ZERO(&set);
	FD_SET(s, &set);
	if (lwip_pselect(s + 1, &set, NULL, NULL, &second, &none) != 1)
		return 10;
	if (lwip_recv(s, buf, (int)sizeof(buf), 0) != (ssize_t)sizeof(text) ||
	    strcmp(buf, text) != 0)
		return 11;
	if ((~LWIP_CAP_NET_ADMIN & 0xffff) != 0xefff ||
	    IP_ADDR_ANY->addr[0] != 0)
		return 12;
	lwip_close(s);
	lwip_close(c);
	lwip_close(l);
	if (shmif_stats(unit, &st) != 0 || shmif_destroy(unit) != 0)
		return 13;
	puts(buf);
	return 0;
}
