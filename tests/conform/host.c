/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * host.c - a stack on a bus whose sockets are used by remote control
 *
 * host BUS - the checks of tests/conform start it.  Each line of its standard
 * input is a call; each is answered by one line: what was returned, and the
 * name of the error or "-".  Sockets are known by numbers that the caller
 * chooses.  It ends with its input.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lwipv6.h>
#include <shmif.h>

#include "tests/lib/netstack.h"

#define SOCKETS 4096
#define MOST 70000

static struct stack *stack;
static int unit = -1;
static int fds[SOCKETS];
static char data[MOST];

static void
say(long ret, const char *more)
{
	const char *name = ret < 0 ? strerrorname_np(errno) : "-";

	printf("%ld %s %s\n", ret, name != NULL ? name : "?", more);
}

static void
say_address(long ret, const struct sockaddr_storage *ss)
{
	const struct sockaddr_in *in = (const void *)ss;
	const struct sockaddr_in6 *in6 = (const void *)ss;
	char text[INET6_ADDRSTRLEN + 8] = "?";
	unsigned port = 0;

	if (ss->ss_family == AF_INET) {
		inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text));
		port = ntohs(in->sin_port);
	} else if (ss->ss_family == AF_INET6) {
		inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof(text));
		port = ntohs(in6->sin6_port);
	}
	snprintf(text + strlen(text), sizeof(text) - strlen(text), " %u", port);
	say(ret, text);
}

/* Waits up to MS for EVENTS of FD. */
static int
wait_for(int fd, short events, int ms)
{
	struct pollfd p = { .fd = fd, .events = events };
	int n = lwip_poll(&p, 1, ms);

	if (n == 0) {
		errno = ETIMEDOUT;
		return -1;
	}
	return n < 0 ? -1 : 0;
}

/* What control messages came with a datagram: LEVEL/TYPE/VALUE, ... */
static void
say_control(long ret, struct msghdr *m)
{
	char text[400] = "";
	struct cmsghdr *c;

	for (c = CMSG_FIRSTHDR(m); ret >= 0 && c != NULL;
	     c = CMSG_NXTHDR(m, c)) {
		size_t i, n = strlen(text);

		snprintf(text + n, sizeof(text) - n, "%d/%d/", c->cmsg_level,
		    c->cmsg_type);
		for (i = 0; i < c->cmsg_len - CMSG_LEN(0) && i < 40; i++)
			snprintf(text + strlen(text),
			    sizeof(text) - strlen(text), "%02x",
			    CMSG_DATA(c)[i]);
		strncat(text, " ", sizeof(text) - strlen(text) - 1);
	}
	say(ret, text);
}

static void
receive_message(int fd, int ms)
{
	char control[400];
	struct sockaddr_storage from;
	struct iovec v = { data, sizeof(data) };
	struct msghdr m = { .msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &v,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control) };

	say_control(wait_for(fd, POLLIN, ms) != 0 ?
		-1 :
		(long)lwip_recvmsg(fd, &m, MSG_DONTWAIT),
	    &m);
}

/*
 * Sends N bytes to SS with control messages: TTL hops, traffic class 0x28.
 */
static ssize_t
send_controlled(int fd, const struct sockaddr_storage *ss, socklen_t len,
    size_t n, int ttl)
{
	bool v4 = ss->ss_family == AF_INET;
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int)) * 2];
	struct sockaddr_storage to = *ss;
	struct iovec v = { data, n };
	struct msghdr m = { .msg_name = &to,
		.msg_namelen = len,
		.msg_iov = &v,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	int tos = 0x28;

	memset(control, 0, sizeof(control));
	c->cmsg_len = CMSG_LEN(sizeof(int));
	c->cmsg_level = v4 ? IPPROTO_IP : IPPROTO_IPV6;
	c->cmsg_type = v4 ? IP_TTL : IPV6_HOPLIMIT;
	memcpy(CMSG_DATA(c), &ttl, sizeof(ttl));
	c = CMSG_NXTHDR(&m, c);
	c->cmsg_len = CMSG_LEN(sizeof(int));
	c->cmsg_level = v4 ? IPPROTO_IP : IPPROTO_IPV6;
	c->cmsg_type = v4 ? IP_TOS : IPV6_TCLASS;
	memcpy(CMSG_DATA(c), &tos, sizeof(tos));
	return lwip_sendmsg(fd, &m, MSG_DONTWAIT);
}

/* The next of the addresses in *WORDS, which commas are between. */
static bool
next_address(char **words, struct sockaddr_storage *ss)
{
	char *word = strsep(words, ",");

	memset(ss, 0, sizeof(*ss));
	if (word == NULL || *word == '\0')
		return false;
	net_addr(ss, word, 0);
	return true;
}

/*
 * The option NAME of groups, for the addresses in WORDS: the group, then sources.
 * MODE is of MCAST_MSFILTER.
 */
static int
set_group(int fd, int name, const char *words, unsigned mode)
{
	char copy[200], *at = copy;
	union {
		struct group_filter f;
		char room[GROUP_FILTER_SIZE(8)];
	} filter = { .f = { .gf_fmode = mode } };
	struct group_source_req r = { .gsr_interface = 0 };
	struct ip_mreq_source r4 = { .imr_interface.s_addr = 0 };
	struct sockaddr_storage ss;
	int level;

	snprintf(copy, sizeof(copy), "%s", words);
	if (!next_address(&at, &r.gsr_group))
		return -1;
	level = r.gsr_group.ss_family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
	if (name == MCAST_JOIN_GROUP || name == MCAST_LEAVE_GROUP)
		return lwip_setsockopt(fd, level, name, &r,
		    sizeof(struct group_req));
	if (name == MCAST_MSFILTER) {
		filter.f.gf_group = r.gsr_group;
		while (filter.f.gf_numsrc < 8 && next_address(&at, &ss))
			memcpy(filter.room + GROUP_FILTER_SIZE(0) +
				filter.f.gf_numsrc++ * sizeof(ss),
			    &ss, sizeof(ss));
		return lwip_setsockopt(fd, level, name, &filter,
		    (socklen_t)GROUP_FILTER_SIZE(filter.f.gf_numsrc));
	}
	if (!next_address(&at, &r.gsr_source))
		return -1;
	if (name >= MCAST_JOIN_GROUP)
		return lwip_setsockopt(fd, level, name, &r, sizeof(r));
	r4.imr_multiaddr = ((struct sockaddr_in *)&r.gsr_group)->sin_addr;
	r4.imr_sourceaddr = ((struct sockaddr_in *)&r.gsr_source)->sin_addr;
	return lwip_setsockopt(fd, level, name, &r4, sizeof(r4));
}

/* VERB on socket N, with a word and three numbers. */
static void
call(const char *verb, unsigned n, const char *word, long a, long b, long c)
{
	struct sockaddr_storage ss;
	socklen_t len = strchr(word, ',') != NULL ?
	    0 :
	    net_addr(&ss, word, (unsigned)a);
	int fd = fds[n], value = (int)c;

	if (strcmp(verb, "socket") == 0) {
		fds[n] = lwip_msocket(stack, (int)a, (int)b, (int)c);
		say(fds[n], "");
	} else if (strcmp(verb, "bind") == 0) {
		say(lwip_bind(fd, (void *)&ss, len), "");
	} else if (strcmp(verb, "connect") == 0) {
		say(lwip_connect(fd, (void *)&ss, len), "");
	} else if (strcmp(verb, "disconnect") == 0) {
		memset(&ss, 0, sizeof(ss));
		say(lwip_connect(fd, (void *)&ss, sizeof(ss)), "");
	} else if (strcmp(verb, "listen") == 0) {
		say(lwip_listen(fd, (int)a), "");
	} else if (strcmp(verb, "accept") == 0 && (unsigned long)a < SOCKETS) {
		len = sizeof(ss);
		fds[a] = wait_for(fd, POLLIN, (int)b) != 0 ?
		    -1 :
		    lwip_accept(fd, (void *)&ss, &len);
		say(fds[a], "");
	} else if (strcmp(verb, "shutdown") == 0) {
		say(lwip_shutdown(fd, (int)a), "");
	} else if (strcmp(verb, "close") == 0) {
		say(lwip_close(fd), "");
	} else if (strcmp(verb, "poll") == 0) {
		struct pollfd p = { .fd = fd, .events = (short)a };

		say(lwip_poll(&p, 1, (int)b) < 0 ? -1 : p.revents, "");
	} else if (strcmp(verb, "set") == 0) {
		say(lwip_setsockopt(fd, (int)a, (int)b, &value, sizeof(value)),
		    "");
	} else if (strcmp(verb, "group") == 0) {
		say(set_group(fd, (int)a, word, (unsigned)b), "");
	} else if (strcmp(verb, "get") == 0) {
		len = sizeof(value);
		value = 0;
		a = lwip_getsockopt(fd, (int)a, (int)b, &value, &len);
		say(a < 0 ? -1 : value, "");
	} else if (strcmp(verb, "name") == 0) {
		len = sizeof(ss);
		say_address(lwip_getsockname(fd, (void *)&ss, &len), &ss);
	} else if (strcmp(verb, "send") == 0 && a >= 0 && a <= MOST) {
		say(lwip_send(fd, data, (int)a, (unsigned)b | MSG_DONTWAIT),
		    "");
	} else if (strcmp(verb, "sendto") == 0 && b >= 0 && b <= MOST) {
		say(lwip_sendto(fd, data, (int)b, MSG_DONTWAIT, (void *)&ss,
			len),
		    "");
	} else if (strcmp(verb, "sendmsg") == 0 && b >= 0 && b <= MOST) {
		say(send_controlled(fd, &ss, len, (size_t)b, (int)c), "");
	} else if (strcmp(verb, "recv") == 0 && a >= 0 && a <= MOST) {
		say(wait_for(fd, POLLIN, (int)b) != 0 ?
			-1 :
			(long)lwip_recv(fd, data, (int)a, MSG_DONTWAIT),
		    "");
	} else if (strcmp(verb, "recvfrom") == 0 && a >= 0 && a <= MOST) {
		memset(&ss, 0, sizeof(ss));
		len = sizeof(ss);
		a = wait_for(fd, POLLIN, (int)b) != 0 ?
		    -1 :
		    (long)lwip_recvfrom(fd, data, (int)a, MSG_DONTWAIT,
			(void *)&ss, &len);
		say_address(a, &ss);
	} else if (strcmp(verb, "recvmsg") == 0) {
		receive_message(fd, (int)a);
	} else {
		say(0, "unknown");
	}
}

/* A call that is about the unit. */
static void
call_unit(const char *verb, const char *rest)
{
	char *reply;
	int err;

	if (strcmp(verb, "request") == 0) {
		err = shmif_request(rest, &reply);
		if (err != 0 || reply == NULL) {
			printf("%d - \n", -err);
			return;
		}
		printf("0 - %s\n", reply);
		free(reply);
		return;
	}
	err = strcmp(verb, "add") == 0 ? shmif_add_addr(unit, rest) :
	    strcmp(verb, "del") == 0   ? shmif_del_addr(unit, rest) :
	    strcmp(verb, "up") == 0    ? shmif_up(unit) :
					 shmif_down(unit);
	printf("%d %s \n", err, err != 0 ? strerrorname_np(err) : "-");
}

int
main(int argc, char **argv)
{
	struct shmif_options opt = { .mac = { 2, 0, 0, 0, 0, 1 } };
	char line[4096], verb[20], word[80];
	long a, b, c;
	unsigned n;
	int i, at;

	if (argc < 2)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	opt.stack = stack = lwip_add_stack(
	    argc > 3 ? LWIP_STACK_FLAG_FORWARDING : 0);
	if (argc > 2 && strcmp(argv[2], "static") == 0)
		opt.flags = SHMIF_NOAUTOCONF;
	if (stack == NULL || shmif_create_opt(argv[1], &opt, &unit) != 0)
		return 1;
	lwip_stack_set(stack);
	for (i = 0; i < SOCKETS; i++)
		fds[i] = -1;
	printf("0 - ready\n");
	while (fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		at = 0;
		if (sscanf(line, "%19s %n", verb, &at) < 1)
			continue;
		if (strcmp(verb, "request") == 0 || strcmp(verb, "add") == 0 ||
		    strcmp(verb, "del") == 0 || strcmp(verb, "up") == 0 ||
		    strcmp(verb, "down") == 0) {
			call_unit(verb, line + at);
			continue;
		}
		a = b = c = 0;
		n = 0;
		strcpy(word, "-");
		sscanf(line + at, "%u %79s %ld %ld %ld", &n, word, &a, &b, &c);
		call(verb, n % SOCKETS, word, a, b, c);
	}
	return 0;
}
