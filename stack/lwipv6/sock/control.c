/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * control.c - control messages: what comes and goes beside a datagram
 *
 * DOC: The fault: lwip_recvmsg() and lwip_sendmsg() know no control messages,
 * and their options are taken without effect.  A server that has to answer from
 * the address that it was asked at, such as one of DNS, cannot.
 *
 * The cure: what is told of a datagram is noted when it is queued, if the socket
 * has asked for any of it, in a buffer before its data (struct beside).  What the
 * program sends beside its data (struct sock_wish) holds for this datagram:
 * source, interface, TTL and TOS.  The messages themselves are shmif/beside.c's.
 *
 * The library has addresses of IPv4 as mapped ones, as messages have.
 */
#include <errno.h>
#include <string.h>

#include "shmif/beside.h"
#include "stack/lwipv6/sock/sock.h"

_Static_assert(sizeof(struct ip_addr) == sizeof(struct in6_addr),
    "an address is 16 bytes");

bool
control_set(struct sock *s, int level, int name, int n)
{
	uint8_t bit = beside_bit(level, name, s->family == AF_INET6);

	s->wants = beside_set(s->wants, bit, n != 0);
	return bit != 0;
}

bool
control_get(const struct sock *s, int level, int name, int *n)
{
	uint8_t bit = beside_bit(level, name, s->family == AF_INET6);

	*n = (s->wants & bit) != 0;
	return bit != 0;
}

struct pbuf *
control_note(struct sock *s, struct pbuf *p, uint16_t *before)
{
	const struct ip_arrival *a = &ip_arrival;
	struct beside b = { .ttl = a->ttl, .tos = a->tos };
	struct ip_addr own = a->to;
	struct pbuf *note;

	*before = 0;
	if (a->in == NULL || s->ops->dgram == NULL ||
	    p->tot_len > UINT16_MAX - sizeof(b))
		return p;
	note = pbuf_alloc(PBUF_RAW, sizeof(b), PBUF_RAM);
	if (note == NULL)
		return p;
	clock_gettime(CLOCK_REALTIME, &b.at);
	b.interface = a->in->id;
	if (ip_is_group(&own) || ip_is_broadcast(a->in->stack, &own))
		ip_own_of(a->in, &a->to, &own);
	b.v4 = ip_is_v4(&a->to);
	memcpy(&b.to, &a->to, sizeof(b.to));
	memcpy(&b.own, &own, sizeof(b.own));
	memcpy(note->payload, &b, sizeof(b));
	note->next = p;
	note->tot_len = (uint16_t)(note->len + p->tot_len);
	*before = sizeof(b);
	return note;
}

void
control_give(uint8_t wants, const struct pbuf *p, struct stack_sock_control *to)
{
	struct beside b;

	if (wants == 0 || to == NULL || p->len < sizeof(b))
		return;
	memcpy(&b, p->payload, sizeof(b));
	beside_tell(&b, wants, to);
}

int
control_read(const struct sock *s, const void *control, size_t len,
    struct sock_wish *w)
{
	static const struct in6_addr any,
	    any4 = { .s6_addr = { [10] = 0xff, 0xff } };
	struct beside_wish b;
	int error = beside_read(control, len, s->family == AF_INET6, &b);

	*w = (struct sock_wish){ .ttl = b.ttl,
		.tos = b.tos,
		.interface = b.interface };
	w->has_from = memcmp(&b.from, &any, sizeof(any)) != 0 &&
	    memcmp(&b.from, &any4, sizeof(any4)) != 0;
	memcpy(&w->from, &b.from, sizeof(w->from));
	return error;
}
