/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * netping.c - ICMP echo over raw sockets of lwipv6
 *
 * Data is netstack.h's stream with the sequence number as its seed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <lwipv6.h>

#include "tests/lib/netping.h"
#include "tests/lib/netstack.h"

#define ECHO_HLEN 8u
#define DATA_MAX 65000u
#define ECHO4 8
#define REPLY4 0
#define ECHO6 128
#define REPLY6 129

struct netping {
	int s;
	int family;
	struct in6_addr from;
	uint16_t id;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	uint16_t seq; /* of the request that is out */
	size_t size;
	int result;			   /* 2 until its reply came */
	uint8_t buf[DATA_MAX + ECHO_HLEN]; /* of the sender */
	uint8_t got[DATA_MAX + 100];	   /* of the thread */
};

/* Looks at a packet: is it the reply that is waited for? */
static void
look(struct netping *p, const uint8_t *b, size_t n)
{
	uint16_t id, seq;

	if (p->family == AF_INET) {
		size_t hlen = (b[0] & 15u) * 4u;

		if (n < hlen)
			return;
		b += hlen;
		n -= hlen;
	}
	if (n < ECHO_HLEN || b[0] != (p->family == AF_INET ? REPLY4 : REPLY6))
		return;
	id = (uint16_t)(b[4] << 8 | b[5]);
	seq = (uint16_t)(b[6] << 8 | b[7]);
	pthread_mutex_lock(&p->lock);
	if (id == p->id && seq == p->seq && p->result == 2) {
		p->result = n - ECHO_HLEN == p->size &&
			net_same(b + ECHO_HLEN, p->size, 0, seq) ?
		    0 :
		    1;
		pthread_cond_signal(&p->cond);
	}
	pthread_mutex_unlock(&p->lock);
}

static void *
taker(void *arg)
{
	struct netping *p = arg;

	for (;;) {
		ssize_t n = lwip_recv(p->s, p->got, sizeof(p->got), 0);

		if (n > 0)
			look(p, p->got, (size_t)n);
	}
	return NULL;
}

struct netping *
netping_new(struct stack *stack, int family, const char *from)
{
	static int next;
	struct netping *p = calloc(1, sizeof(*p));
	pthread_t thread;

	if (p == NULL)
		return NULL;
	p->family = family;
	p->id = (uint16_t)(getpid() * 8 +
	    __atomic_fetch_add(&next, 1, __ATOMIC_SEQ_CST));
	p->s = lwip_msocket(stack != NULL ? stack : lwip_stack_get(), family,
	    SOCK_RAW, family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	if (p->s == -1 ||
	    (family == AF_INET6 && inet_pton(family, from, &p->from) != 1))
		return NULL;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->cond, NULL);
	return pthread_create(&thread, NULL, taker, p) == 0 ? p : NULL;
}

/* RFC 8200, 8.1: what the pseudo header adds to the checksum. */
static uint32_t
pseudo(const struct in6_addr *a, const struct in6_addr *b, size_t n)
{
	uint32_t sum = (uint32_t)n + IPPROTO_ICMPV6;
	int i;

	for (i = 0; i < 16; i += 2)
		sum += (uint32_t)(a->s6_addr[i] << 8 | a->s6_addr[i + 1]) +
		    (uint32_t)(b->s6_addr[i] << 8 | b->s6_addr[i + 1]);
	return sum;
}

int
netping_once(struct netping *p, const char *to, size_t size, int ms)
{
	struct sockaddr_storage ss;
	socklen_t len = net_addr(&ss, to, 0);
	struct in6_addr dst;
	struct timespec until;
	uint8_t *b = p->buf;
	uint32_t sum = 0;
	uint16_t check, seq;
	int result;

	pthread_mutex_lock(&p->lock);
	seq = ++p->seq;
	p->size = size;
	p->result = 2;
	pthread_mutex_unlock(&p->lock);
	memset(b, 0, ECHO_HLEN);
	b[0] = p->family == AF_INET ? ECHO4 : ECHO6;
	b[4] = (uint8_t)(p->id >> 8);
	b[5] = (uint8_t)p->id;
	b[6] = (uint8_t)(seq >> 8);
	b[7] = (uint8_t)seq;
	net_fill(b + ECHO_HLEN, size, 0, seq);
	if (p->family == AF_INET6 && inet_pton(AF_INET6, to, &dst) == 1)
		sum = pseudo(&p->from, &dst, size + ECHO_HLEN);
	check = net_checksum(b, size + ECHO_HLEN, sum);
	b[2] = (uint8_t)(check >> 8);
	b[3] = (uint8_t)check;
	if (lwip_sendto(p->s, b, (int)(size + ECHO_HLEN), 0,
		(struct sockaddr *)&ss, len) == -1)
		return 3;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += ms % 1000 * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&p->lock);
	while (p->result == 2)
		if (pthread_cond_timedwait(&p->cond, &p->lock, &until) ==
		    ETIMEDOUT)
			break;
	result = p->result;
	pthread_mutex_unlock(&p->lock);
	return result;
}

int
netping(struct netping *p, const char *to, size_t size, int tries)
{
	int r = 2;

	while (r >= 2 && tries-- > 0)
		r = netping_once(p, to, size, 1000);
	return r;
}
