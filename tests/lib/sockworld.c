/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sockworld.c - sockets of a random program, and what is under way to them
 */
#include <sys/ioctl.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/lib/sockworld.h"

struct obj sw_all[OBJECTS];
int sw_family;
static uint64_t state;
uint8_t sw_data[ROOM], sw_got[ROOM];

unsigned
sw_rnd(unsigned n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)((state >> 11) % n);
}

void
sw_begin_random(uint64_t seed)
{
	int i;

	state = seed * 0x9e3779b97f4a7c15u + 0x1234567;
	for (i = 0; i < 8; i++)
		sw_rnd(2);
}

/* ---- what is printed ---------------------------------------------------- */

void
sw_say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
}

static const char *
error_name(int e)
{
	const char *s = strerrorname_np(e);

	return s != NULL ? s : "?";
}

long
sw_result(long r)
{
	if (r == -1)
		sw_say(" -> %s\n", error_name(errno));
	else
		sw_say(" -> %ld\n", r);
	return r;
}

uint32_t
sw_sum(const uint8_t *p, size_t n)
{
	uint32_t h = 2166136261u;
	size_t i;

	for (i = 0; i < n; i++)
		h = (h ^ p[i]) * 16777619u;
	return h;
}

/* ---- addresses ---------------------------------------------------------- */

socklen_t
sw_make_address(struct sockaddr_storage *to, in_port_t port, int host)
{
	static const struct in6_addr loopback = IN6ADDR_LOOPBACK_INIT;
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = port };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
		.sin6_port = port };

	memset(to, 0, sizeof(*to));
	in.sin_addr.s_addr = htonl(host == 0 ? INADDR_LOOPBACK :
		host == 1		     ? INADDR_ANY :
					       0xc0000201);
	if (host == 0)
		in6.sin6_addr = loopback;
	else if (host == 2)
		in6.sin6_addr.s6_addr[0] = 0x3f;
	if (sw_family == AF_INET) {
		memcpy(to, &in, sizeof(in));
		return sizeof(in);
	}
	memcpy(to, &in6, sizeof(in6));
	return sizeof(in6);
}

in_port_t
sw_port_of(const struct sockaddr_storage *a)
{
	/* Both kinds have it there. */
	return ((const struct sockaddr_in *)a)->sin_port;
}

void
sw_show_address(const struct sockaddr_storage *a, socklen_t len)
{
	struct sockaddr_storage own;
	int i, whose = -1;

	sw_say(" len %u", len);
	if (len < sizeof(struct sockaddr_in))
		return;
	for (i = 0; i < OBJECTS; i++)
		if (sw_all[i].state != FREE &&
		    sw_all[i].port == sw_port_of(a) && whose == -1)
			whose = i;
	sw_say(" family %d", a->ss_family == sw_family);
	for (i = 0; i < 2; i++) {
		sw_make_address(&own, sw_port_of(a), i);
		if (memcmp(&own, a, len < sizeof(own) ? len : sizeof(own)) == 0)
			sw_say(" %s", i == 0 ? "loopback" : "any");
	}
	if (sw_port_of(a) == 0)
		sw_say(" no port");
	else
		sw_say(" port of %d", whose);
}

void
sw_learn_port(struct obj *o)
{
	struct sockaddr_storage a = { 0 };
	socklen_t len = sizeof(a);

	if (getsockname(o->fd, (struct sockaddr *)&a, &len) == 0)
		o->port = sw_port_of(&a);
}

/* ---- waiting for what is known to come ---------------------------------- */

static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool
has_settled(const struct obj *o)
{
	struct pollfd p = { .fd = o->fd, .events = POLLIN | POLLRDHUP };
	int n = 0;

	if (o->state == FREE)
		return true;
	if (poll(&p, 1, 0) == -1)
		return false;
	if (o->state == BROKEN)
		return (p.revents & POLLHUP) != 0;
	if (!o->stream || o->state == LISTENING)
		return o->queue == 0 || (p.revents & POLLIN);
	if (o->state != CONNECTED)
		return true;
	if (o->fin && !(p.revents & POLLRDHUP))
		return false;
	return o->shut_rd || o->owed == 0 ||
	    (ioctl(o->fd, FIONREAD, &n) == 0 && (size_t)n >= o->owed);
}

void
sw_settle(void)
{
	int64_t end = now_ms() + PATIENCE_MS;
	int i;

	for (i = 0; i < OBJECTS; i++)
		while (!has_settled(&sw_all[i])) {
			if (now_ms() > end) {
				sw_say("%d has not settled\n", i);
				exit(1);
			}
			poll(NULL, 0, 1);
		}
}

/* ---- objects ------------------------------------------------------------ */

struct obj *
sw_new_object(int fd, bool stream, enum state st)
{
	int i;

	for (i = 0; i < OBJECTS; i++)
		if (sw_all[i].state == FREE) {
			memset(&sw_all[i], 0, sizeof(sw_all[i]));
			sw_all[i].fd = fd;
			sw_all[i].stream = stream;
			sw_all[i].state = st;
			sw_all[i].peer = -1;
			return &sw_all[i];
		}
	close(fd);
	return NULL;
}

int
sw_index_of(const struct obj *o)
{
	return (int)(o - sw_all);
}

struct obj *
sw_choose(bool (*kind)(const struct obj *))
{
	struct obj *of[OBJECTS];
	unsigned n = 0, i;

	for (i = 0; i < OBJECTS; i++)
		if (sw_all[i].state != FREE && kind(&sw_all[i]))
			of[n++] = &sw_all[i];
	return n == 0 ? NULL : of[sw_rnd(n)];
}

bool
sw_is_any(const struct obj *o)
{
	return o->state != FREE;
}
bool
sw_is_listener(const struct obj *o)
{
	return o->state == LISTENING;
}
bool
sw_is_dgram(const struct obj *o)
{
	return !o->stream;
}
bool
sw_is_open(const struct obj *o)
{
	return o->stream && o->state == CONNECTED;
}

void
sw_forget(const struct obj *o)
{
	int i;

	for (i = 0; i < OBJECTS; i++)
		if (sw_all[i].state != FREE && sw_all[i].peer == sw_index_of(o))
			sw_all[i].peer = -1;
}

void
sw_set_nonblock(struct obj *o, bool on)
{
	fcntl(o->fd, F_SETFL, O_RDWR | (on ? O_NONBLOCK : 0));
	o->nonblock = on;
}
